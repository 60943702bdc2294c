// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/nl.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NL_BUFFER = 32768 };

struct nl {
    struct mnl_socket *socket;
    unsigned port, seq;
    char buffer[NL_BUFFER];
};

struct nl *nl_open(void)
{
    struct nl *nl = calloc(1, sizeof(*nl));
    if (nl == NULL) {
        return NULL;
    }
    nl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (nl->socket == NULL || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        nl_close(nl);
        return NULL;
    }
    nl->port = mnl_socket_get_portid(nl->socket);
    return nl;
}

void nl_close(struct nl *nl)
{
    if (nl != NULL && nl->socket != NULL) {
        mnl_socket_close(nl->socket);
    }
    free(nl);
}

static struct nlmsghdr *request(struct nl *nl, int type, int flags)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(nl->buffer);
    h->nlmsg_type = (uint16_t)type;
    h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    h->nlmsg_seq = ++nl->seq;
    return h;
}

// Send and take answers until the last. `cb` may be NULL.
static int talk(struct nl *nl, const struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
    if (mnl_socket_sendto(nl->socket, h, h->nlmsg_len) < 0) {
        return -errno;
    }
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(nl->socket, nl->buffer, sizeof(nl->buffer));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        int more = mnl_cb_run(nl->buffer, (size_t)n, nl->seq, nl->port, cb, arg);
        if (more < 0) {
            return -errno;
        }
        if (more == MNL_CB_STOP) {
            return 0;
        }
    }
}

static int link_cb(const struct nlmsghdr *h, void *arg)
{
    struct nl_link *out = arg;
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
    out->index = info->ifi_index;
    out->up = (info->ifi_flags & IFF_UP) != 0;
    out->running = (info->ifi_flags & IFF_RUNNING) != 0;
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(*info))
    {
        switch (mnl_attr_get_type(a)) {
        case IFLA_MTU:
            out->mtu = mnl_attr_get_u32(a);
            break;
        case IFLA_ADDRESS:
            out->has_mac = mnl_attr_get_payload_len(a) == 6;
            if (out->has_mac) {
                memcpy(out->mac, mnl_attr_get_payload(a), 6);
            }
            break;
        case IFLA_IFNAME:
            snprintf(out->name, sizeof(out->name), "%s", mnl_attr_get_str(a));
            break;
        default:
            break;
        }
    }
    return MNL_CB_OK;
}

static int link_get(struct nl *nl, const char *name, int index, struct nl_link *out)
{
    *out = (struct nl_link){0};
    struct nlmsghdr *h = request(nl, RTM_GETLINK, NLM_F_ACK);
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = index;
    if (name != NULL) {
        mnl_attr_put_strz(h, IFLA_IFNAME, name);
    }
    return talk(nl, h, link_cb, out);
}

int nl_link_get(struct nl *nl, const char *name, struct nl_link *out)
{
    return link_get(nl, name, 0, out);
}

int nl_link_get_index(struct nl *nl, int index, struct nl_link *out)
{
    return link_get(nl, NULL, index, out);
}

int nl_link_set(struct nl *nl, int index, unsigned mtu, bool up)
{
    struct nlmsghdr *h = request(nl, RTM_NEWLINK, NLM_F_ACK);
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = index;
    info->ifi_change = IFF_UP;
    info->ifi_flags = up ? IFF_UP : 0;
    if (mtu != 0) {
        mnl_attr_put_u32(h, IFLA_MTU, mtu);
    }
    return talk(nl, h, NULL, NULL);
}

static int addr_change(struct nl *nl, int type, int flags, int index, struct in_addr addr, unsigned length)
{
    struct nlmsghdr *h = request(nl, type, NLM_F_ACK | flags);
    struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ifa_family = AF_INET;
    m->ifa_prefixlen = (uint8_t)length;
    m->ifa_index = (unsigned)index;
    m->ifa_scope = RT_SCOPE_UNIVERSE;
    mnl_attr_put_u32(h, IFA_LOCAL, addr.s_addr);
    mnl_attr_put_u32(h, IFA_ADDRESS, addr.s_addr);
    return talk(nl, h, NULL, NULL);
}

int nl_addr_add(struct nl *nl, int index, struct in_addr addr, unsigned length)
{
    return addr_change(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, addr, length);
}

int nl_addr_del(struct nl *nl, int index, struct in_addr addr, unsigned length)
{
    return addr_change(nl, RTM_DELADDR, 0, index, addr, length);
}

struct first_addr {
    int index;
    bool found;
    struct in_addr addr;
    unsigned length;
};

static int addr_cb(const struct nlmsghdr *h, void *arg)
{
    struct first_addr *f = arg;
    const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
    if ((int)m->ifa_index != f->index || f->found) {
        return MNL_CB_OK;
    }
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(*m))
    {
        if (mnl_attr_get_type(a) == IFA_LOCAL) {
            f->addr.s_addr = mnl_attr_get_u32(a);
            f->length = m->ifa_prefixlen;
            f->found = true;
        }
    }
    return MNL_CB_OK;
}

int nl_addr_first(struct nl *nl, int index, struct in_addr *addr, unsigned *length)
{
    struct first_addr f = {.index = index};
    struct nlmsghdr *h = request(nl, RTM_GETADDR, NLM_F_DUMP);
    struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ifa_family = AF_INET;
    int error = talk(nl, h, addr_cb, &f);
    if (error != 0 || !f.found) {
        return error != 0 ? error : -ENOENT;
    }
    *addr = f.addr;
    *length = f.length;
    return 0;
}

static int route_change(struct nl *nl, int type, int flags, const struct nl_route *r)
{
    struct nlmsghdr *h = request(nl, type, NLM_F_ACK | flags);
    struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->rtm_family = AF_INET;
    m->rtm_dst_len = (uint8_t)r->length;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = NL_ROUTE_PROTOCOL;
    m->rtm_scope = r->gateway.s_addr == 0 && !r->blackhole ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    m->rtm_type = r->blackhole ? RTN_BLACKHOLE : RTN_UNICAST;
    mnl_attr_put_u32(h, RTA_DST, r->prefix.s_addr);
    if (r->gateway.s_addr != 0) {
        mnl_attr_put_u32(h, RTA_GATEWAY, r->gateway.s_addr);
    }
    if (r->index != 0) {
        mnl_attr_put_u32(h, RTA_OIF, (uint32_t)r->index);
    }
    if (r->source.s_addr != 0) {
        mnl_attr_put_u32(h, RTA_PREFSRC, r->source.s_addr);
    }
    if (r->metric != 0) {
        mnl_attr_put_u32(h, RTA_PRIORITY, r->metric);
    }
    return talk(nl, h, NULL, NULL);
}

int nl_route_add(struct nl *nl, const struct nl_route *route)
{
    return route_change(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route);
}

int nl_route_del(struct nl *nl, const struct nl_route *route)
{
    return route_change(nl, RTM_DELROUTE, 0, route);
}

static int path_cb(const struct nlmsghdr *h, void *arg)
{
    struct nl_path *out = arg;
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(struct rtmsg))
    {
        switch (mnl_attr_get_type(a)) {
        case RTA_OIF:
            out->index = (int)mnl_attr_get_u32(a);
            break;
        case RTA_GATEWAY:
            out->gateway.s_addr = mnl_attr_get_u32(a);
            break;
        case RTA_PREFSRC:
            out->source.s_addr = mnl_attr_get_u32(a);
            break;
        default:
            break;
        }
    }
    return MNL_CB_OK;
}

int nl_route_get(struct nl *nl, struct in_addr to, struct nl_path *out)
{
    *out = (struct nl_path){0};
    struct nlmsghdr *h = request(nl, RTM_GETROUTE, NLM_F_ACK);
    struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->rtm_family = AF_INET;
    m->rtm_dst_len = 32;
    mnl_attr_put_u32(h, RTA_DST, to.s_addr);
    return talk(nl, h, path_cb, out);
}

int nl_neighbour_use(struct nl *nl, int index, struct in_addr addr)
{
    struct nlmsghdr *h = request(nl, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE);
    struct ndmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ndm_family = AF_INET;
    m->ndm_ifindex = index;
    m->ndm_flags = NTF_USE;
    mnl_attr_put_u32(h, NDA_DST, addr.s_addr);
    return talk(nl, h, NULL, NULL);
}

int nl_sysctl(const char *path, const char *value)
{
    char full[256];
    snprintf(full, sizeof(full), "/proc/sys/net/%s", path);
    int fd = open(full, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = write(fd, value, strlen(value));
    int error = n < 0 ? -errno : 0;
    close(fd);
    return error;
}
