// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    SOCKETS_DATAGRAM = 65536,
    SOCKETS_BATCH = 128,      // datagrams a turn of the loop
    SOCKETS_BUFFER = 4 << 20, // bytes that the kernel may hold for us
    MARKER = 4,               // the non-ESP marker (RFC 3948), zero
};

struct port {
    uv_poll_t poll;
    struct sockets *all;
    int fd;
    bool natt;
};

struct sockets {
    struct port port[2]; // 500, 4500
    struct sockets_hooks hooks;
    struct log *log;
    struct sockets_counters counters;
    unsigned open; // handles to be closed
};

static void from_v4(struct ike_addr *to, struct in_addr from)
{
    *to = (struct ike_addr){.family = 4};
    memcpy(to->b, &from, 4);
}

static void take(struct port *p, const struct sockaddr_in *from, struct in_addr to, const uint8_t *data, size_t len)
{
    struct sockets *s = p->all;
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
        s->hooks.esp(s->hooks.arg, from, data, len);
        return;
    }
    size_t skip = p->natt ? MARKER : 0;
    struct ike_path path = {
        .local_port = p->natt ? IKE_PORT_NATT : IKE_PORT, .remote_port = ntohs(from->sin_port), .natt = p->natt};
    from_v4(&path.local, to);
    from_v4(&path.remote, from->sin_addr);
    s->counters.ike_in++;
    s->hooks.ike(s->hooks.arg, &path, data + skip, len - skip);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct port *p = poll->data;
    if (status != 0 || (events & UV_READABLE) == 0) {
        return;
    }
    uint8_t data[SOCKETS_DATAGRAM];
    for (int i = 0; i < SOCKETS_BATCH && p->fd >= 0; i++) {
        struct sockaddr_in from = {0};
        char control[CMSG_SPACE(sizeof(struct in_pktinfo))];
        struct iovec iov = {data, sizeof(data)};
        struct msghdr m = {.msg_name = &from,
                           .msg_namelen = sizeof(from),
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
        ssize_t n = recvmsg(p->fd, &m, 0);
        if (n < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                return;
            }
            continue; // an ICMP error of an earlier message
        }
        struct in_addr to = {0};
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof(info));
                to = info.ipi_addr;
            }
        }
        take(p, &from, to, data, (size_t)n);
    }
}

static int open_port(uint16_t number)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int one = 1, dont = IP_PMTUDISC_DONT, size = SOCKETS_BUFFER;
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(number)};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont)) != 0 ||
        bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0) {
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
    for (int i = 0; i < 2; i++) {
        struct port *p = &s->port[i];
        uint16_t number = i == 0 ? IKE_PORT : IKE_PORT_NATT;
        p->all = s;
        p->natt = i == 1;
        p->fd = open_port(number);
        if (p->fd < 0) {
            snprintf(err, err_size, "UDP port %u: %s", number, strerror(errno));
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

static void on_closed(uv_handle_t *h)
{
    struct port *p = h->data;
    struct sockets *s = p->all;
    if (--s->open == 0) {
        free(s);
    }
}

void sockets_close(struct sockets *s)
{
    if (s == NULL) {
        return;
    }
    if (s->open == 0) {
        free(s);
        return;
    }
    for (unsigned i = 0, n = s->open; i < n; i++) {
        struct port *p = &s->port[i];
        uv_poll_stop(&p->poll);
        close(p->fd);
        p->fd = -1;
        uv_close((uv_handle_t *)&p->poll, on_closed);
    }
}

int sockets_natt_fd(const struct sockets *s)
{
    return s->port[1].fd;
}

void sockets_send(struct sockets *s, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    static const uint8_t marker[MARKER];
    bool keepalive = path->natt && len == 1;
    const struct port *p = &s->port[path->natt ? 1 : 0];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(path->remote_port)};
    struct in_pktinfo info = {0};
    if (path->remote.family != 4) {
        s->counters.send_errors++;
        return;
    }
    memcpy(&to.sin_addr, path->remote.b, 4);
    if (path->local.family == 4) {
        memcpy(&info.ipi_spec_dst, path->local.b, 4);
    }
    struct iovec iov[2] = {{(void *)(uintptr_t)marker, path->natt && !keepalive ? MARKER : 0},
                           {(void *)(uintptr_t)msg, len}};
    char control[CMSG_SPACE(sizeof(info))] = {0};
    struct msghdr m = {.msg_name = &to,
                       .msg_namelen = sizeof(to),
                       .msg_iov = iov,
                       .msg_iovlen = 2,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(c), &info, sizeof(info));
    if (sendmsg(p->fd, &m, 0) < 0) {
        s->counters.send_errors++;
        char text[INET_ADDRSTRLEN];
        log_write(s->log, LOG_DEBUG, "ikev2", "send to %s: %s", inet_ntop(AF_INET, &to.sin_addr, text, sizeof(text)),
                  strerror(errno));
        return;
    }
    s->counters.ike_out++;
}

struct sockets_counters sockets_counters(const struct sockets *s)
{
    return s->counters;
}
