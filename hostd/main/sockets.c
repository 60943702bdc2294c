// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    SOCKETS_DATAGRAM = 65536,
    SOCKETS_BATCH = 128, // datagrams a turn of the loop
    IN_AT_ONCE = 16,     // with one call of the kernel
    OUT_AT_ONCE = 16,    // likewise; more would keep the first peer waiting
    OUT_ROOM = 2 * SOCKETS_DATAGRAM,
    SOCKETS_BUFFER = 4 << 20, // bytes that the kernel may hold for us
    MARKER = 4,               // the non-ESP marker (RFC 3948), zero
    PORTS = 4,                // two numbers of two families
};

struct port {
    uv_poll_t poll;
    struct sockets *all;
    int fd; // -1: none
    bool natt, six;
};

// A message that waits for others to go out with.
struct letter {
    struct ike_path path;
    size_t at, len; // in out_data
};

struct sockets {
    struct port port[PORTS]; // IPv4 500, 4500; IPv6 500, 4500
    struct sockets_hooks hooks;
    struct log *log;
    struct sockets_counters counters;
    uv_prepare_t end_of_turn;
    unsigned open; // handles to be closed
    unsigned n_out;
    size_t out_used;
    struct letter out[OUT_AT_ONCE];
    uint8_t out_data[OUT_ROOM];
    uint8_t in[IN_AT_ONCE][SOCKETS_DATAGRAM]; // memory becomes real with what comes in
};

union control {
    char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    struct cmsghdr align;
};

static void take(struct port *p, const struct sockaddr_storage *name, const struct ip_addr *to, const uint8_t *data,
                 size_t len)
{
    struct sockets *s = p->all;
    struct ike_path path = {.local = *to, .local_port = p->natt ? IKE_PORT_NATT : IKE_PORT, .natt = p->natt};
    if (!ip_from_sockaddr(name, &path.remote, &path.remote_port)) {
        return;
    }
    if (p->natt && len == 1 && data[0] == 0xff) {
        s->counters.keepalives_in++;
        return;
    }
    if (len < MARKER) {
        s->counters.short_in++;
        return;
    }
    static const uint8_t zero[MARKER];
    if (p->natt && memcmp(data, zero, MARKER) != 0) {
        s->counters.esp_in++;
        s->hooks.esp(s->hooks.arg, &path.remote, path.remote_port, data, len);
        return;
    }
    size_t skip = p->natt ? MARKER : 0;
    s->counters.ike_in++;
    s->hooks.ike(s->hooks.arg, &path, data + skip, len - skip);
}

// The address that a datagram was sent to.
static struct ip_addr sent_to(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            return ip_from_v4(info.ipi_addr);
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            return ip_from_v6(&info.ipi6_addr);
        }
    }
    return (struct ip_addr){0};
}

// Take what a socket has, up to IN_AT_ONCE datagrams. Their number, or -1 with errno.
static int receive(struct port *p)
{
    struct sockets *s = p->all;
    struct sockaddr_storage from[IN_AT_ONCE];
    union control control[IN_AT_ONCE] = {0};
    struct iovec iov[IN_AT_ONCE];
    struct mmsghdr m[IN_AT_ONCE] = {0};
    for (int i = 0; i < IN_AT_ONCE; i++) {
        iov[i] = (struct iovec){s->in[i], sizeof(s->in[i])};
        m[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
                                       .msg_namelen = sizeof(from[i]),
                                       .msg_iov = &iov[i],
                                       .msg_iovlen = 1,
                                       .msg_control = control[i].room,
                                       .msg_controllen = sizeof(control[i].room)};
    }
    int n = recvmmsg(p->fd, m, IN_AT_ONCE, 0, NULL);
    for (int i = 0; i < n && p->fd >= 0; i++) {
        struct ip_addr to = sent_to(&m[i].msg_hdr);
        take(p, &from[i], &to, s->in[i], m[i].msg_len);
    }
    return n;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct port *p = poll->data;
    if (status != 0 || (events & UV_READABLE) == 0) {
        return;
    }
    for (int left = SOCKETS_BATCH; left > 0 && p->fd >= 0;) {
        int n = receive(p);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return;
        }
        left -= n > 0 ? n : 1; // an ICMP error of an earlier message
        if (n > 0 && n < IN_AT_ONCE) {
            return; // it is empty
        }
    }
}

static void on_end_of_turn(uv_prepare_t *prepare)
{
    sockets_flush(prepare->data);
}

// What a socket of IPv4 or IPv6 must be told.
static bool set_options(int fd, bool six)
{
    int one = 1;
    if (six) {
        int dont = IPV6_PMTUDISC_DONT;
        return setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0 &&
               setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) == 0 &&
               setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont, sizeof(dont)) == 0;
    }
    int dont = IP_PMTUDISC_DONT;
    return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) == 0 &&
           setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont)) == 0;
}

static int open_port(uint16_t number, bool six)
{
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int size = SOCKETS_BUFFER;
    struct sockaddr_storage any;
    const struct ip_addr unspecified = {.family = six ? 6 : 4};
    socklen_t len = ip_to_sockaddr(&unspecified, number, &any);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (!set_options(fd, six) || bind(fd, (struct sockaddr *)&any, len) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct sockets *sockets_open(struct uv_loop_s *loop, struct log *log, const struct sockets_hooks *hooks, char *err,
                             size_t err_size)
{
    struct sockets *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    s->hooks = *hooks;
    s->log = log;
    for (int i = 0; i < PORTS; i++) {
        s->port[i] = (struct port){.all = s, .fd = -1, .natt = i % 2 == 1, .six = i >= 2};
    }
    uv_prepare_init(loop, &s->end_of_turn);
    s->end_of_turn.data = s;
    s->open = 1;
    uv_prepare_start(&s->end_of_turn, on_end_of_turn);
    for (int i = 0; i < PORTS; i++) {
        struct port *p = &s->port[i];
        uint16_t number = p->natt ? IKE_PORT_NATT : IKE_PORT;
        p->fd = open_port(number, p->six);
        if (p->fd < 0 && p->six && errno == EAFNOSUPPORT) {
            log_write(log, LOG_NOTE, "ikev2", "the kernel has no IPv6: IKE on IPv4 only");
            break;
        }
        if (p->fd < 0) {
            snprintf(err, err_size, "UDP port %u%s: %s", number, p->six ? " of IPv6" : "", strerror(errno));
            sockets_close(s);
            return NULL;
        }
        uv_poll_init(loop, &p->poll, p->fd);
        p->poll.data = p;
        s->open++;
        uv_poll_start(&p->poll, UV_READABLE, on_readable);
    }
    return s;
}

static void closed(struct sockets *s)
{
    if (--s->open == 0) {
        free(s);
    }
}

static void on_port_closed(uv_handle_t *h)
{
    const struct port *p = h->data;
    closed(p->all);
}

static void on_prepare_closed(uv_handle_t *h)
{
    closed(h->data);
}

void sockets_close(struct sockets *s)
{
    if (s == NULL) {
        return;
    }
    sockets_flush(s);
    for (int i = 0; i < PORTS; i++) {
        struct port *p = &s->port[i];
        if (p->fd >= 0) {
            uv_poll_stop(&p->poll);
            close(p->fd);
            p->fd = -1;
            uv_close((uv_handle_t *)&p->poll, on_port_closed);
        }
    }
    uv_close((uv_handle_t *)&s->end_of_turn, on_prepare_closed);
}

int sockets_natt_fd(const struct sockets *s, uint8_t family)
{
    return s->port[family == 6 ? 3 : 1].fd;
}

static const struct port *port_of(const struct sockets *s, const struct ike_path *path)
{
    return &s->port[(path->remote.family == 6 ? 2 : 0) + (path->natt ? 1 : 0)];
}

static void failed(struct sockets *s, const struct ike_path *path, const char *why)
{
    char text[IP_TEXT];
    s->counters.send_errors++;
    log_write(s->log, LOG_DEBUG, "ikev2", "send to %s: %s", ip_format(&path->remote, text), why);
}

// What the kernel is told of a message, and what that points to.
struct envelope {
    struct sockaddr_storage to;
    union control control;
    struct iovec iov[2];
};

static void address(struct sockets *s, const struct letter *l, struct envelope *e, struct msghdr *m)
{
    static const uint8_t marker[MARKER];
    bool keepalive = l->path.natt && l->len == 1;
    e->iov[0] = (struct iovec){(void *)(uintptr_t)marker, l->path.natt && !keepalive ? MARKER : 0};
    e->iov[1] = (struct iovec){s->out_data + l->at, l->len};
    *m = (struct msghdr){.msg_name = &e->to, .msg_iov = e->iov, .msg_iovlen = 2};
    m->msg_namelen = ip_to_sockaddr(&l->path.remote, l->path.remote_port, &e->to);
    m->msg_controllen = ip_put_pktinfo(&l->path.local, e->control.room, sizeof(e->control.room));
    m->msg_control = m->msg_controllen != 0 ? e->control.room : NULL;
}

void sockets_flush(struct sockets *s)
{
    struct envelope envelope[OUT_AT_ONCE];
    struct mmsghdr m[OUT_AT_ONCE] = {0};
    unsigned n = s->n_out;
    for (unsigned i = 0; i < n; i++) {
        address(s, &s->out[i], &envelope[i], &m[i].msg_hdr);
    }
    for (unsigned at = 0; at < n;) {
        const struct port *p = port_of(s, &s->out[at].path);
        unsigned end = at + 1; // those of one socket go together, all in their order
        while (end < n && port_of(s, &s->out[end].path) == p) {
            end++;
        }
        int sent = p->fd < 0 ? -1 : sendmmsg(p->fd, m + at, end - at, 0);
        if (sent > 0) {
            s->counters.ike_out += (unsigned)sent;
            at += (unsigned)sent;
        } else { // the first of them: the others have their own chance
            failed(s, &s->out[at].path, p->fd < 0 ? "no socket of its family" : strerror(errno));
            at++;
        }
    }
    s->n_out = 0;
    s->out_used = 0;
}

void sockets_send(struct sockets *s, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    if (!ip_is_set(&path->remote) || len > SOCKETS_DATAGRAM) {
        failed(s, path, len > SOCKETS_DATAGRAM ? "too long" : "no address");
        return;
    }
    if (s->n_out == OUT_AT_ONCE || len > OUT_ROOM - s->out_used) {
        sockets_flush(s);
    }
    s->out[s->n_out++] = (struct letter){*path, s->out_used, len};
    memcpy(s->out_data + s->out_used, msg, len);
    s->out_used += len;
}

struct sockets_counters sockets_counters(const struct sockets *s)
{
    return s->counters;
}
