// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/gre_link.h"

#include "hostd/dp/gre.h"
#include "hostd/dp/packet.h"
#include "hostd/util/ipmap.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    DATAGRAM = 65536,
    BATCH = 64,       // datagrams a turn of the loop
    SOCKET = 1 << 20, // bytes that the kernel may hold for us
    INNER_MAX = 65535 - PACKET_HEADER_MAX - GRE_HEADER_MAX,
};

struct port {
    uv_poll_t poll;
    struct gre_links *all;
    int fd; // -1: not opened
};

struct gre_links {
    struct uv_loop_s *loop;
    struct port port[2];    // IPv4, IPv6
    struct ipmap remote[2]; // links by remote address and key: without a key, with one
    uint64_t dropped;
    unsigned handles;
};

struct gre_link {
    struct gre_links *all;
    bool has_key, placed;
    uint32_t key;
    struct ip_addr local, remote;
    gre_packet *packet;
    void *arg;
    struct gre_link_counters n;
};

// A datagram of a raw socket: with IPv4 the header is in it, with IPv6 it is not.
static void take(struct port *p, const struct ip_addr *from, const uint8_t *data, size_t len)
{
    struct gre_links *all = p->all;
    struct packet outer, inner;
    struct gre gre;
    bool four = p == &all->port[0];
    if (!(four ? packet_parse(data, len, &outer) : packet_parse_payload(6, PACKET_GRE, data, len, &outer)) ||
        outer.proto != PACKET_GRE || !gre_parse(outer.payload, outer.payload_len, &gre)) {
        all->dropped++;
        return;
    }
    struct gre_link *g = ipmap_get(&all->remote[gre.has_key], from, gre.key);
    bool ours = g != NULL && (!four || memcmp(outer.dst, g->local.b, 4) == 0);
    bool ip = (gre.protocol == GRE_IPV4 || gre.protocol == GRE_IPV6) && packet_parse(gre.payload, gre.len, &inner) &&
              inner.family == (gre.protocol == GRE_IPV4 ? 4 : 6);
    if (!ours || !ip) {
        all->dropped++;
        return;
    }
    g->n.in++;
    g->packet(g->arg, gre.payload, inner.len);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct port *p = poll->data;
    uint8_t data[DATAGRAM];
    if (status != 0 || (events & UV_READABLE) == 0) {
        return;
    }
    for (int i = 0; i < BATCH && p->fd >= 0; i++) {
        struct sockaddr_storage name = {0};
        struct ip_addr from;
        uint16_t port;
        socklen_t size = sizeof(name);
        ssize_t n = recvfrom(p->fd, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&name, &size);
        if (n < 0) {
            return;
        }
        if (ip_from_sockaddr(&name, &from, &port)) {
            take(p, &from, data, (size_t)n);
        }
    }
}

static int open_port(struct gre_links *all, int i)
{
    struct port *p = &all->port[i];
    int size = SOCKET, dont4 = IP_PMTUDISC_DONT, dont6 = IPV6_PMTUDISC_DONT;
    if (p->fd >= 0) {
        return 0;
    }
    int fd = socket(i == 0 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_GRE);
    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    if (i == 0) {
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont4, sizeof(dont4));
    } else {
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont6, sizeof(dont6));
    }
    int error = uv_poll_init(all->loop, &p->poll, fd);
    if (error != 0) {
        close(fd);
        return error;
    }
    p->fd = fd;
    p->poll.data = p;
    all->handles++;
    return uv_poll_start(&p->poll, UV_READABLE, on_readable);
}

struct gre_links *gre_links_new(struct uv_loop_s *loop)
{
    struct gre_links *all = calloc(1, sizeof(*all));
    for (int i = 0; all != NULL && i < 2; i++) {
        all->loop = loop;
        all->port[i].all = all;
        all->port[i].fd = -1;
    }
    return all;
}

static void on_closed(uv_handle_t *handle)
{
    const struct port *p = handle->data;
    if (--p->all->handles == 0) {
        free(p->all);
    }
}

void gre_links_free(struct gre_links *all)
{
    if (all == NULL) {
        return;
    }
    ipmap_free(&all->remote[0]);
    ipmap_free(&all->remote[1]);
    if (all->handles == 0) {
        free(all);
        return;
    }
    for (int i = 0, n = (int)all->handles; n > 0; i++) {
        struct port *p = &all->port[i];
        if (p->fd >= 0) {
            uv_poll_stop(&p->poll);
            close(p->fd);
            p->fd = -1;
            n--;
            uv_close((uv_handle_t *)&p->poll, on_closed);
        }
    }
}

struct gre_link *gre_link_open(struct gre_links *all, bool has_key, uint32_t key, gre_packet *packet, void *arg)
{
    struct gre_link *g = calloc(1, sizeof(*g));
    if (g != NULL) {
        *g = (struct gre_link){.all = all, .has_key = has_key, .key = has_key ? key : 0, .packet = packet, .arg = arg};
    }
    return g;
}

static void leave(struct gre_link *g)
{
    if (g->placed) {
        ipmap_del(&g->all->remote[g->has_key], &g->remote, g->key);
        g->placed = false;
    }
}

void gre_link_close(struct gre_link *g)
{
    if (g != NULL) {
        leave(g);
        free(g);
    }
}

int gre_link_ends(struct gre_link *g, const struct ip_addr *local, const struct ip_addr *remote)
{
    if (!ip_is_set(remote) || local->family != remote->family) {
        return -EINVAL;
    }
    int error = open_port(g->all, remote->family == 6);
    if (error != 0) {
        return error;
    }
    const struct gre_link *other = ipmap_get(&g->all->remote[g->has_key], remote, g->key);
    if (other != NULL && other != g) {
        return -EEXIST;
    }
    leave(g);
    g->placed = ipmap_set(&g->all->remote[g->has_key], remote, g->key, g);
    g->local = *local;
    g->remote = *remote;
    return g->placed ? 0 : -ENOMEM;
}

int gre_link_send(struct gre_link *g, const uint8_t *packet, size_t len)
{
    struct packet p;
    uint8_t header[GRE_HEADER_MAX];
    if (!g->placed) {
        return -ENOTCONN;
    }
    if (len > INNER_MAX) {
        return -EMSGSIZE;
    }
    if (!packet_parse(packet, len, &p) || p.len != len) {
        return -EINVAL;
    }
    struct sockaddr_storage to;
    union {
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        struct cmsghdr align;
    } control;
    struct iovec iov[2] = {{header, gre_put(header, p.family == 4 ? GRE_IPV4 : GRE_IPV6, g->has_key, g->key)},
                           {(void *)(uintptr_t)packet, len}};
    struct msghdr m = {.msg_name = &to, .msg_iov = iov, .msg_iovlen = 2};
    m.msg_namelen = ip_to_sockaddr(&g->remote, 0, &to);
    m.msg_controllen = ip_put_pktinfo(&g->local, control.room, sizeof(control.room));
    m.msg_control = m.msg_controllen != 0 ? control.room : NULL;
    if (sendmsg(g->all->port[g->remote.family == 6].fd, &m, MSG_DONTWAIT) < 0) {
        g->n.send_errors++;
        return -errno;
    }
    g->n.out++;
    return 0;
}

struct gre_link_counters gre_link_counters(const struct gre_link *g)
{
    return g->n;
}

uint64_t gre_links_dropped(const struct gre_links *all)
{
    return all == NULL ? 0 : all->dropped;
}
