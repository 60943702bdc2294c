// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/nl.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    NL_BUFFER = 32768,
    DUMPS = 16 // that may be interrupted by changes until one is given up
};

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
    // A dump of one device's addresses is of that device's; a kernel that does not know this tells all (before 4.20).
    mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &(int){1}, sizeof(int));
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

// The next datagram of answers to the request at hand; what is left of an earlier one, which was given up, is passed
// over. Its size, or a negative errno.
static ssize_t answer(struct nl *nl, int flags)
{
    const struct nlmsghdr *h = (const void *)nl->buffer;
    for (;;) {
        ssize_t n = recv(mnl_socket_get_fd(nl->socket), nl->buffer, sizeof(nl->buffer), flags | MSG_TRUNC);
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > (ssize_t)sizeof(nl->buffer)) {
            return -EMSGSIZE;
        }
        if (n >= 0 && mnl_nlmsg_ok(h, (int)n) && h->nlmsg_seq == nl->seq) {
            return n;
        }
    }
}

// Is this the last datagram of a dump?
static bool last(const struct nl *nl, ssize_t n)
{
    int left = (int)n;
    for (const struct nlmsghdr *h = (const void *)nl->buffer; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
            return true;
        }
    }
    return false;
}

// Send and take answers until the last. `cb` may be NULL. -EINTR: what was dumped changed in between.
static int talk(struct nl *nl, const struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
    if (mnl_socket_sendto(nl->socket, h, h->nlmsg_len) < 0) {
        return -errno;
    }
    for (;;) {
        ssize_t n = answer(nl, 0);
        if (n < 0) {
            return (int)n;
        }
        int more = mnl_cb_run(nl->buffer, (size_t)n, nl->seq, nl->port, cb, arg);
        int error = more < 0 ? -errno : 0;
        if (error == -EINTR) { // the kernel begins no other dump before this one is read to its end
            while (!last(nl, n) && n >= 0) {
                n = answer(nl, 0);
            }
        }
        if (error != 0 || more == MNL_CB_STOP) {
            return error;
        }
    }
}

// Carry a change out that has no answer but whether it worked. rtnetlink does so before sendto() returns: an error is
// there then, and no acknowledgement has to be made and read to say that there is none.
static int change(struct nl *nl, const struct nlmsghdr *h)
{
    if (mnl_socket_sendto(nl->socket, h, h->nlmsg_len) < 0) {
        return -errno;
    }
    ssize_t n = answer(nl, MSG_DONTWAIT);
    if (n < 0) {
        return n == -EAGAIN || n == -EWOULDBLOCK ? 0 : (int)n;
    }
    return mnl_cb_run(nl->buffer, (size_t)n, nl->seq, nl->port, NULL, NULL) < 0 ? -errno : 0;
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

static void put_addr(struct nlmsghdr *h, uint16_t type, const struct ip_addr *a)
{
    mnl_attr_put(h, type, ip_size(a->family), a->b);
}

static struct ip_addr get_addr(const struct nlattr *a)
{
    size_t size = mnl_attr_get_payload_len(a);
    return size == 4 || size == 16 ? ip_from_bytes(mnl_attr_get_payload(a), size) : (struct ip_addr){0};
}

int nl_link_queue(struct nl *nl, int index, unsigned packets)
{
    struct nlmsghdr *h = request(nl, RTM_NEWLINK, NLM_F_ACK);
    struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = index;
    mnl_attr_put_u32(h, IFLA_TXQLEN, packets);
    return talk(nl, h, NULL, NULL);
}

static int addr_change(struct nl *nl, int type, int flags, int index, const struct ip_addr *addr, unsigned length,
                       bool detect)
{
    struct nlmsghdr *h = request(nl, type, NLM_F_ACK | flags);
    struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ifa_family = (uint8_t)ip_af(addr);
    m->ifa_prefixlen = (uint8_t)length;
    m->ifa_index = (unsigned)index;
    m->ifa_scope = RT_SCOPE_UNIVERSE;
    m->ifa_flags = addr->family == 6 && !detect ? IFA_F_NODAD : 0;
    put_addr(h, IFA_LOCAL, addr);
    put_addr(h, IFA_ADDRESS, addr);
    return talk(nl, h, NULL, NULL);
}

int nl_addr_add(struct nl *nl, int index, const struct ip_addr *addr, unsigned length, bool detect)
{
    return addr_change(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, addr, length, detect);
}

int nl_addr_del(struct nl *nl, int index, const struct ip_addr *addr, unsigned length)
{
    return addr_change(nl, RTM_DELADDR, 0, index, addr, length, false);
}

// Addresses of a device: the best one, or whether a certain one can be used.
struct addr_search {
    int index;
    const struct ip_addr *only; // NULL: any
    struct ip_addr addr;
    unsigned length;
    int rank; // of addr
};

enum { RANK_NONE, RANK_DEPRECATED, RANK_PREFERRED };

// An IPv6 address is of no use before it is known to be nobody else's (RFC 4862 5.4); one that is deprecated is for
// what goes on already (5.5.4).
static int addr_rank(uint32_t flags)
{
    if (flags & IFA_F_DADFAILED || (flags & IFA_F_TENTATIVE && !(flags & IFA_F_OPTIMISTIC))) {
        return RANK_NONE;
    }
    return flags & IFA_F_DEPRECATED ? RANK_DEPRECATED : RANK_PREFERRED;
}

static int addr_cb(const struct nlmsghdr *h, void *arg)
{
    struct addr_search *f = arg;
    const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
    uint32_t flags = m->ifa_flags;
    struct ip_addr addr = {0};
    if ((int)m->ifa_index != f->index || m->ifa_scope == RT_SCOPE_LINK) {
        return MNL_CB_OK;
    }
    const struct nlattr *a;
    mnl_attr_for_each(a, h, sizeof(*m))
    {
        // IPv6 has IFA_LOCAL only where the other end of the link has another address.
        int type = mnl_attr_get_type(a);
        if (type == IFA_LOCAL || (type == IFA_ADDRESS && !ip_is_set(&addr))) {
            addr = get_addr(a);
        } else if (type == IFA_FLAGS && mnl_attr_get_payload_len(a) >= sizeof(flags)) {
            flags = mnl_attr_get_u32(a);
        }
    }
    if (addr_rank(flags) > f->rank && (f->only == NULL || ip_equal(f->only, &addr))) {
        f->rank = addr_rank(flags);
        f->addr = addr;
        f->length = m->ifa_prefixlen;
    }
    return MNL_CB_OK;
}

static int addr_find(struct nl *nl, uint8_t family, struct addr_search *f)
{
    const struct addr_search fresh = *f;
    int error = -EINTR;
    for (int i = 0; i < DUMPS && error == -EINTR; i++) {
        *f = fresh;
        struct nlmsghdr *h = request(nl, RTM_GETADDR, NLM_F_DUMP);
        struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
        m->ifa_family = family == 6 ? AF_INET6 : AF_INET;
        m->ifa_index = (unsigned)f->index;
        error = talk(nl, h, addr_cb, f);
    }
    return error;
}

int nl_addr_first(struct nl *nl, int index, uint8_t family, struct ip_addr *addr, unsigned *length)
{
    struct addr_search f = {.index = index};
    int error = addr_find(nl, family, &f);
    if (error != 0 || !ip_is_set(&f.addr)) {
        return error != 0 ? error : -ENOENT;
    }
    *addr = f.addr;
    *length = f.length;
    return 0;
}

bool nl_addr_preferred(struct nl *nl, int index, const struct ip_addr *addr)
{
    struct addr_search f = {.index = index, .only = addr};
    return addr_find(nl, addr->family, &f) == 0 && f.rank == RANK_PREFERRED;
}

static int route_change(struct nl *nl, int type, int flags, const struct nl_route *r)
{
    bool gateway = ip_is_set(&r->gateway);
    struct nlmsghdr *h = request(nl, type, flags);
    struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->rtm_family = (uint8_t)ip_af(&r->prefix);
    m->rtm_dst_len = (uint8_t)r->length;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = NL_ROUTE_PROTOCOL;
    m->rtm_scope = !gateway && !r->blackhole && r->prefix.family == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    m->rtm_type = r->blackhole ? RTN_BLACKHOLE : RTN_UNICAST;
    put_addr(h, RTA_DST, &r->prefix);
    if (gateway) {
        put_addr(h, RTA_GATEWAY, &r->gateway);
    }
    if (r->index != 0) {
        mnl_attr_put_u32(h, RTA_OIF, (uint32_t)r->index);
    }
    if (ip_is_set(&r->source)) {
        put_addr(h, RTA_PREFSRC, &r->source);
    }
    if (r->metric != 0) {
        mnl_attr_put_u32(h, RTA_PRIORITY, r->metric);
    }
    return change(nl, h);
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
            out->gateway = get_addr(a);
            break;
        case RTA_PREFSRC:
            out->source = get_addr(a);
            break;
        default:
            break;
        }
    }
    return MNL_CB_OK;
}

int nl_route_get(struct nl *nl, const struct ip_addr *to, struct nl_path *out)
{
    *out = (struct nl_path){0};
    struct nlmsghdr *h = request(nl, RTM_GETROUTE, NLM_F_ACK);
    struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->rtm_family = (uint8_t)ip_af(to);
    m->rtm_dst_len = (uint8_t)ip_bits(to);
    put_addr(h, RTA_DST, to);
    return talk(nl, h, path_cb, out);
}

int nl_neighbour_use(struct nl *nl, int index, const struct ip_addr *addr)
{
    struct nlmsghdr *h = request(nl, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE);
    struct ndmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
    m->ndm_family = (uint8_t)ip_af(addr);
    m->ndm_ifindex = index;
    m->ndm_flags = NTF_USE;
    put_addr(h, NDA_DST, addr);
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
