// SPDX-License-Identifier: BSD-2-Clause
// Sockets: UDP 500 and 4500 of all local addresses of a family, and raw ESP. Received and sent in batches; each message
// goes out from the address that its initiator has.
#include "hostd/load/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, SLOT = 4096, BUFFER = 32 << 20, MARKER = 4, IP_HEADER = 20 };
enum socket_kind { UDP_500, UDP_4500, RAW_ESP, SOCKETS };

union control {
    char room[CMSG_SPACE(sizeof(struct in6_pktinfo))]; // which is the longer one
    struct cmsghdr align;
};
union peer {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

// Messages of one socket on their way in or out.
struct batch {
    unsigned n;
    struct mmsghdr msg[BATCH];
    struct iovec iov[BATCH];
    union peer peer[BATCH];
    union control control[BATCH];
    uint8_t data[BATCH][SLOT];
};

struct wire {
    int fd[SOCKETS];
    struct batch *in, *out[SOCKETS];
};

static socklen_t set_peer(union peer *p, const struct ip_addr *a, uint16_t port)
{
    if (a->family == 6) {
        p->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&p->v6.sin6_addr, a->b, sizeof(p->v6.sin6_addr));
        return sizeof(p->v6);
    }
    p->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = ip_v4(a)};
    return sizeof(p->v4);
}

// Each message says to which address it came and leaves from the one that it is told.
static bool set_options(int fd, uint8_t family)
{
    int one = 1, dont = IP_PMTUDISC_DONT;
    if (family == 4) {
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont));
        return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) == 0;
    }
    dont = IPV6_PMTUDISC_DONT;
    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont, sizeof(dont));
    // An address of a prefix that is routed to this machine counts as its own, as it does with IPv4.
    return setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) == 0 &&
           setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) == 0;
}

static int open_socket(uint8_t family, enum socket_kind kind)
{
    const struct ip_addr all = {.family = family};
    int fd = socket(ip_af(&all), (kind == RAW_ESP ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    kind == RAW_ESP ? IPPROTO_ESP : 0);
    int size = BUFFER, one = 1;
    union peer any;
    socklen_t len = set_peer(&any, &all, kind == UDP_500 ? IKE_PORT : IKE_PORT_NATT);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
    if (family == 6 && kind != RAW_ESP) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)); // a port of IPv4 is another program's
    }
    bool ok = set_options(fd, family) && (kind == RAW_ESP || bind(fd, &any.any, len) == 0);
    if (!ok) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct wire *wire_open(uint8_t family, bool raw)
{
    static const char *const names[SOCKETS] = {"UDP port 500", "UDP port 4500", "raw ESP socket"};
    struct wire *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return NULL;
    }
    w->fd[RAW_ESP] = w->fd[UDP_500] = w->fd[UDP_4500] = -1;
    w->in = calloc(1, sizeof(*w->in));
    for (int i = 0; i < (raw ? SOCKETS : RAW_ESP); i++) {
        w->fd[i] = open_socket(family, (enum socket_kind)i);
        w->out[i] = calloc(1, sizeof(*w->out[i]));
        if (w->fd[i] < 0 || w->out[i] == NULL || w->in == NULL) {
            fprintf(stderr, "culvert-load: %s: %s\n", names[i], strerror(errno));
            wire_close(w);
            return NULL;
        }
    }
    return w;
}

void wire_close(struct wire *w)
{
    for (int i = 0; w != NULL && i < SOCKETS; i++) {
        if (w->fd[i] >= 0) {
            close(w->fd[i]);
        }
        free(w->out[i]);
    }
    if (w != NULL) {
        free(w->in);
    }
    free(w);
}

// ------------------------------------------------------------------------------------------------ out

static void flush(struct wire *w, enum socket_kind kind)
{
    struct batch *b = w->out[kind];
    for (unsigned at = 0; b != NULL && at < b->n;) {
        int n = sendmmsg(w->fd[kind], b->msg + at, b->n - at, 0);
        if (n > 0) {
            at += (unsigned)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
            struct pollfd p = {.fd = w->fd[kind], .events = POLLOUT};
            poll(&p, 1, 100);
        } else {
            at++; // this one cannot be sent; the machine will repeat it
        }
    }
    if (b != NULL) {
        b->n = 0;
    }
}

void wire_flush(struct wire *w)
{
    for (int i = 0; i < SOCKETS; i++) {
        flush(w, (enum socket_kind)i);
    }
}

// From which address a message leaves; bytes of the control message.
static size_t set_source(struct cmsghdr *c, const struct ip_addr *from)
{
    if (from->family == 6) {
        struct in6_pktinfo info = {0};
        memcpy(&info.ipi6_addr, from->b, sizeof(info.ipi6_addr));
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        return CMSG_SPACE(sizeof(info));
    }
    struct in_pktinfo info = {.ipi_spec_dst = ip_v4(from)};
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
}

static void put(struct wire *w, enum socket_kind kind, const struct ike_path *path, uint16_t port, bool marker,
                const uint8_t *data, size_t len)
{
    struct batch *b = w->out[kind];
    size_t skip = marker ? MARKER : 0;
    if (b == NULL || len + skip > SLOT) {
        return;
    }
    unsigned i = b->n++;
    memset(b->data[i], 0, skip);
    memcpy(b->data[i] + skip, data, len);
    b->iov[i] = (struct iovec){b->data[i], len + skip};
    b->msg[i].msg_hdr = (struct msghdr){.msg_name = &b->peer[i],
                                        .msg_namelen = set_peer(&b->peer[i], &path->remote, port),
                                        .msg_iov = &b->iov[i],
                                        .msg_iovlen = 1,
                                        .msg_control = &b->control[i],
                                        .msg_controllen = sizeof(b->control[i])};
    b->msg[i].msg_hdr.msg_controllen = set_source(CMSG_FIRSTHDR(&b->msg[i].msg_hdr), &path->local);
    if (b->n == BATCH) {
        flush(w, kind);
    }
}

void wire_ike(struct wire *w, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    bool keepalive = path->natt && len == 1;
    put(w, path->natt ? UDP_4500 : UDP_500, path, path->remote_port, path->natt && !keepalive, msg, len);
}

void wire_esp(struct wire *w, const struct ike_path *path, bool encap, const uint8_t *esp, size_t len)
{
    put(w, encap ? UDP_4500 : RAW_ESP, path, encap ? path->remote_port : 0, false, esp, len);
}

// ------------------------------------------------------------------------------------------------ in

// Whence a message came, and to which of our addresses.
static void take_path(const struct msghdr *m, struct ike_path *path)
{
    const union peer *from = m->msg_name;
    bool six = from->any.sa_family == AF_INET6;
    path->remote = six ? ip_from_v6(&from->v6.sin6_addr) : ip_from_v4(from->v4.sin_addr);
    path->remote_port = ntohs(six ? from->v6.sin6_port : from->v4.sin_port);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            path->local = ip_from_v4(info.ipi_addr);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            path->local = ip_from_v6(&info.ipi6_addr);
        }
    }
}

static void take(struct load *l, enum socket_kind kind, const struct msghdr *m, const uint8_t *data, size_t len)
{
    static const uint8_t zero[MARKER];
    if (kind == RAW_ESP) {
        // The kernel gives the header of IPv4 along, that of IPv6 it keeps.
        size_t header = l->o->target.family == 6 ? 0 : len >= IP_HEADER ? (size_t)(data[0] & 15) * 4 : len;
        if (header < len) {
            traffic_input(l, data + header, len - header);
        }
        return;
    }
    bool natt = kind == UDP_4500;
    if (len < MARKER) {
        return;
    }
    if (natt && memcmp(data, zero, MARKER) != 0) {
        traffic_input(l, data, len);
        return;
    }
    struct ike_path path = {.local_port = natt ? IKE_PORT_NATT : IKE_PORT, .natt = natt};
    take_path(m, &path);
    size_t skip = natt ? MARKER : 0;
    if (spokes_lose(l, &path.local, false)) {
        return;
    }
    ike_input(l->ike, &path, data + skip, len - skip, l->now);
}

static void receive(struct wire *w, struct load *l, enum socket_kind kind)
{
    struct batch *b = w->in;
    for (unsigned i = 0; i < BATCH; i++) {
        b->iov[i] = (struct iovec){b->data[i], SLOT};
        b->msg[i].msg_hdr = (struct msghdr){.msg_name = &b->peer[i],
                                            .msg_namelen = sizeof(b->peer[i]),
                                            .msg_iov = &b->iov[i],
                                            .msg_iovlen = 1,
                                            .msg_control = &b->control[i],
                                            .msg_controllen = sizeof(b->control[i])};
    }
    int n = recvmmsg(w->fd[kind], b->msg, BATCH, MSG_DONTWAIT, NULL);
    l->now = load_now();
    for (int i = 0; i < n; i++) {
        if ((b->msg[i].msg_hdr.msg_flags & MSG_TRUNC) == 0) {
            take(l, kind, &b->msg[i].msg_hdr, b->data[i], b->msg[i].msg_len);
        }
    }
}

void wire_run(struct wire *w, struct load *l, uint64_t wait)
{
    struct pollfd p[SOCKETS];
    struct timespec ts = {(time_t)(wait / LOAD_SECOND), (long)(wait % LOAD_SECOND * 1000)};
    for (int i = 0; i < SOCKETS; i++) {
        p[i] = (struct pollfd){.fd = w->fd[i], .events = POLLIN};
    }
    int n = ppoll(p, SOCKETS, &ts, NULL);
    l->now = load_now();
    for (int i = 0; n > 0 && i < SOCKETS; i++) {
        if (p[i].revents != 0) {
            receive(w, l, (enum socket_kind)i);
        }
    }
}
