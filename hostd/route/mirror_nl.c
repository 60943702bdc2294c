// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/route/mirror_priv.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

enum {
    BUFFER = 65536,
    BATCH = 64,             // datagrams a turn of the loop
    SOCKET_BUFFER = 8 << 20 // bytes of notifications that may wait
};

static void ask(struct mirror *m, int type)
{
    char buffer[128];
    struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
    h->nlmsg_type = (uint16_t)type;
    h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    if (type == RTM_GETROUTE) {
        struct rtmsg *r = mnl_nlmsg_put_extra_header(h, sizeof(*r));
        r->rtm_family = AF_UNSPEC;
    } else {
        struct ndmsg *n = mnl_nlmsg_put_extra_header(h, sizeof(*n));
        n->ndm_family = AF_UNSPEC;
    }
    m->dump = type;
    if (mnl_socket_sendto(m->socket, h, h->nlmsg_len) < 0) {
        log_write(m->log, LOG_ERR, "route", "asking the kernel for its tables: %s", strerror(errno));
    }
}

static void load(struct mirror *m)
{
    if (m->dump != 0) {
        m->again = true; // one dump at a time
        return;
    }
    mirror_load_begin(m);
    ask(m, RTM_GETROUTE);
}

static void dump_done(struct mirror *m)
{
    if (m->dump == RTM_GETROUTE) {
        ask(m, RTM_GETNEIGH);
        return;
    }
    m->dump = 0;
    mirror_load_end(m);
    if (m->again) {
        m->again = false;
        load(m);
    }
}

static struct ip_addr addr_of(const struct nlattr *a)
{
    size_t size = mnl_attr_get_payload_len(a);
    return size == 4 || size == 16 ? ip_from_bytes(mnl_attr_get_payload(a), size) : (struct ip_addr){0};
}

// The first hop of a multipath route.
static void first_hop(const struct nlattr *a, struct fib_route *r)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(a);
    if (mnl_attr_get_payload_len(a) < sizeof(*hop) || hop->rtnh_len < sizeof(*hop) ||
        hop->rtnh_len > mnl_attr_get_payload_len(a)) {
        return;
    }
    r->device = hop->rtnh_ifindex;
    const struct nlattr *attr;
    mnl_attr_for_each_payload((const void *)(hop + 1), hop->rtnh_len - sizeof(*hop))
    {
        if (mnl_attr_get_type(attr) == RTA_GATEWAY) {
            r->gateway = addr_of(attr);
        }
    }
}

static void on_route(struct mirror *m, const struct nlmsghdr *h)
{
    const struct rtmsg *rt = mnl_nlmsg_get_payload(h);
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*rt)) || (rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) ||
        (rt->rtm_flags & RTM_F_CLONED)) {
        return;
    }
    struct fib_route r = {.protocol = rt->rtm_protocol};
    struct ip_addr prefix = {.family = rt->rtm_family == AF_INET ? 4 : 6};
    uint32_t table = rt->rtm_table;
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(*rt))
    {
        bool word = mnl_attr_get_payload_len(a) == 4;
        switch (mnl_attr_get_type(a)) {
        case RTA_DST:
            prefix = addr_of(a);
            break;
        case RTA_OIF:
            r.device = word ? (int)mnl_attr_get_u32(a) : 0;
            break;
        case RTA_GATEWAY:
            r.gateway = addr_of(a);
            break;
        case RTA_PRIORITY:
            r.metric = word ? mnl_attr_get_u32(a) : 0;
            break;
        case RTA_TABLE:
            table = word ? mnl_attr_get_u32(a) : table;
            break;
        case RTA_MULTIPATH:
            first_hop(a, &r);
            break;
        default:
            break;
        }
    }
    bool local = table == RT_TABLE_LOCAL && rt->rtm_type == RTN_LOCAL;
    bool main_table = table == RT_TABLE_MAIN;
    bool own = prefix.family == 4 ? prefix.b[0] == 127 : ip_is_link_local(&prefix) || prefix.b[0] == 0xff;
    if ((!local && !main_table) || (local && rt->rtm_dst_len != ip_bits(&prefix)) || own) {
        return;
    }
    switch (rt->rtm_type) {
    case RTN_LOCAL:
        r.kind = FIB_LOCAL;
        break;
    case RTN_UNICAST:
        r.kind = FIB_UNICAST;
        break;
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
        r.kind = FIB_DROP;
        break;
    default:
        return;
    }
    mirror_route(m, prefix, rt->rtm_dst_len, &r, h->nlmsg_type == RTM_NEWROUTE);
}

static void on_neighbour(struct mirror *m, const struct nlmsghdr *h)
{
    enum { RESOLVED = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT };
    const struct ndmsg *n = mnl_nlmsg_get_payload(h);
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*n))) {
        return;
    }
    struct ip_addr addr = {0};
    const uint8_t *mac = NULL;
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(*n))
    {
        if (mnl_attr_get_type(a) == NDA_DST) {
            addr = addr_of(a);
        } else if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == 6) {
            mac = mnl_attr_get_payload(a);
        }
    }
    bool resolved = h->nlmsg_type == RTM_NEWNEIGH && (n->ndm_state & RESOLVED) != 0 && mac != NULL;
    if (ip_is_set(&addr) && !ip_is_any(&addr)) {
        mirror_neighbour(m, n->ndm_ifindex, addr, resolved ? mac : NULL);
    }
}

static void on_link(struct mirror *m, const struct nlmsghdr *h)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
    if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*info))) {
        return;
    }
    links_device_changed(m->links, info->ifi_index);
    // The kernel does not tell of routes that go with a device.
    if (h->nlmsg_type == RTM_DELLINK || (info->ifi_flags & IFF_UP) == 0) {
        mirror_device_down(m, info->ifi_index);
    }
}

static void on_message(struct mirror *m, const struct nlmsghdr *h)
{
    m->counters.messages++;
    switch (h->nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        m->routes_changed = true;
        on_route(m, h);
        break;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        on_neighbour(m, h);
        break;
    case RTM_NEWLINK:
    case RTM_DELLINK:
        on_link(m, h);
        break;
    case NLMSG_DONE:
    case NLMSG_ERROR:
        if (m->dump != 0) {
            dump_done(m);
        }
        break;
    default:
        break;
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct mirror *m = poll->data;
    if (status != 0 || (events & UV_READABLE) == 0) {
        return;
    }
    char buffer[BUFFER];
    for (int i = 0; i < BATCH && m->socket != NULL; i++) {
        ssize_t n = mnl_socket_recvfrom(m->socket, buffer, sizeof(buffer));
        if (n < 0 && errno == ENOBUFS) {
            m->counters.overruns++;
            m->routes_changed = true;
            load(m); // something was lost: begin again
            continue;
        }
        if (n <= 0) {
            break;
        }
        int left = (int)n;
        for (const struct nlmsghdr *h = (const void *)buffer; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
            on_message(m, h);
        }
    }
    mirror_batch_end(m);
    if (m->routes_changed) {
        m->routes_changed = false;
        if (m->on_change != NULL) {
            m->on_change(m->on_change_arg);
        }
    }
}

int mirror_nl_open(struct mirror *m, uv_loop_t *loop)
{
    m->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (m->socket == NULL) {
        return -errno;
    }
    int size = SOCKET_BUFFER, fd = mnl_socket_get_fd(m->socket);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    if (mnl_socket_bind(m->socket, RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_NEIGH | RTMGRP_LINK,
                        MNL_SOCKET_AUTOPID) < 0) {
        int error = -errno;
        mnl_socket_close(m->socket);
        m->socket = NULL;
        return error;
    }
    uv_poll_init(loop, &m->poll, fd);
    m->poll.data = m;
    uv_poll_start(&m->poll, UV_READABLE, on_readable);
    load(m);
    return 0;
}

void mirror_nl_close(struct mirror *m, uv_close_cb closed)
{
    uv_poll_stop(&m->poll);
    mnl_socket_close(m->socket);
    m->socket = NULL;
    uv_close((uv_handle_t *)&m->poll, closed);
}
