// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/links_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool links_address(const struct links *l, struct ifid id, uint8_t family, struct ip_addr *out)
{
    const struct link *k = links_find(l, id);
    unsigned length;
    for (unsigned i = 0; k != NULL && i < k->n_addr; i++) {
        if (k->addr[i].addr.family == family) {
            *out = k->addr[i].addr;
            return true;
        }
    }
    return k != NULL && nl_addr_first(l->nl, k->index, family, out, &length) == 0;
}

bool links_address_stays(const struct links *l, struct ifid id, const struct ip_addr *addr)
{
    const struct link *k = links_find(l, id);
    return k != NULL && ip_is_set(addr) && nl_addr_preferred(l->nl, k->index, addr);
}

unsigned links_path_mtu(struct links *l, const struct ip_addr *to)
{
    enum { DEFAULT_MTU = 1500 };
    struct nl_path path;
    struct nl_link link;
    if (!ip_is_set(to) || nl_route_get(l->nl, to, &path) != 0) {
        return DEFAULT_MTU;
    }
    if (path.index != l->mtu_index) { // nearly all peers are behind one device
        bool known = nl_link_get_index(l->nl, path.index, &link) == 0 && link.mtu != 0;
        l->mtu_index = known ? path.index : 0;
        l->mtu_of_it = known ? link.mtu : DEFAULT_MTU;
    }
    return l->mtu_of_it;
}

void links_device_changed(struct links *l, int index)
{
    l->mtu_index = l->mtu_index == index ? 0 : l->mtu_index;
}

// What the datapath must know about an address of ours.
static void tell_address(const struct link *k, const struct ip_addr *addr, bool present)
{
    if (k->has_port || k->id.kind == IF_LOOPBACK) {
        dp_local_set(k->links->dp, k->has_port ? k->port : DP_PORT_OUTSIDE, *addr, present);
    }
}

// The same of a port, and of the addresses that the kernel itself gave it.
static void tell_datapath(struct link *k)
{
    struct nl_link info;
    struct ip_addr addr;
    if (k->has_port && nl_link_get_index(k->links->nl, k->index, &info) == 0 && info.has_mac) {
        dp_port_set(k->links->dp, k->port, info.mac, (uint16_t)info.mtu, info.up);
    }
    if (k->n_addr == 0 && links_address(k->links, k->id, 4, &addr)) {
        tell_address(k, &addr, true);
    }
    for (unsigned i = 0; i < k->n_addr; i++) {
        tell_address(k, &k->addr[i].addr, true);
    }
}

static void remove_at(struct link *k, unsigned i)
{
    struct link_addr a = k->addr[i];
    tell_address(k, &a.addr, false);
    if (a.added) {
        nl_addr_del(k->links->nl, k->index, &a.addr, a.length);
    }
    k->addr[i] = k->addr[--k->n_addr];
}

// 0 or a negative errno. An address that is there already is the kernel's, and stays when the link goes.
static int add(struct link *k, const struct ip_addr *addr, unsigned length, bool negotiated)
{
    for (unsigned i = 0; i < k->n_addr; i++) {
        if (ip_equal(&k->addr[i].addr, addr) && k->addr[i].length == length) {
            return 0;
        }
    }
    if (k->n_addr == LINK_ADDRS) {
        return -ENOSPC;
    }
    int error = nl_addr_add(k->links->nl, k->index, addr, length, k->has_port);
    if (error != 0 && error != -EEXIST) {
        return error;
    }
    k->addr[k->n_addr++] = (struct link_addr){*addr, (uint8_t)length, error == 0, negotiated};
    return 0;
}

void link_strip(struct link *k)
{
    while (k->n_addr > 0) {
        remove_at(k, k->n_addr - 1);
    }
}

int link_negotiated(struct link *k, const struct ip_addr *addr, bool present)
{
    if (!ip_is_set(addr) || !k->negotiated[addr->family == 6]) {
        return 0;
    }
    for (unsigned i = k->n_addr; i-- > 0;) {
        if (k->addr[i].negotiated && k->addr[i].addr.family == addr->family) {
            remove_at(k, i);
        }
    }
    return present ? add(k, addr, ip_bits(addr), true) : 0;
}

// The addresses that the configuration gives an interface. The number of them.
static unsigned configured(const struct conf *c, const struct conf_if *f, struct link_addr out[LINK_ADDRS])
{
    const struct conf_if *four = f->address_kind == CONF_ADDRESS_UNNUMBERED ? conf_find_if(c, f->unnumbered) : f;
    const struct conf_if *six = f->address6_kind == CONF_ADDRESS_UNNUMBERED ? conf_find_if(c, f->unnumbered6) : f;
    unsigned n = 0;
    if (four != NULL && four->address_kind == CONF_ADDRESS_STATIC) {
        out[n++] = (struct link_addr){.addr = ip_from_v4(four->addr),
                                      .length = four == f ? (uint8_t)conf_mask_length(four->mask) : (uint8_t)32};
    }
    for (unsigned i = 0; six != NULL && six->address6_kind == CONF_ADDRESS_STATIC && i < six->n_addr6; i++) {
        out[n++] = (struct link_addr){.addr = six->addr6[i].addr,
                                      .length = six == f ? (uint8_t)six->addr6[i].length : (uint8_t)128};
    }
    return n;
}

static bool wants(const struct link_addr *list, unsigned n, const struct link_addr *a)
{
    for (unsigned i = 0; i < n; i++) {
        if (ip_equal(&list[i].addr, &a->addr) && list[i].length == a->length) {
            return true;
        }
    }
    return false;
}

static int set_addresses(struct link *k, const struct conf *c, const struct conf_if *f)
{
    _Static_assert(LINK_ADDRS >= CONF_ADDRESSES6 + 2, "room for those of a configuration and of a session");
    struct link_addr list[LINK_ADDRS];
    unsigned n = configured(c, f, list);
    k->negotiated[0] = f->address_kind == CONF_ADDRESS_NEGOTIATED;
    k->negotiated[1] = f->address6_kind == CONF_ADDRESS_NEGOTIATED;
    for (unsigned i = k->n_addr; i-- > 0;) {
        const struct link_addr *a = &k->addr[i];
        bool stays = a->negotiated ? k->negotiated[a->addr.family == 6] : wants(list, n, a);
        if (!stays) {
            remove_at(k, i);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        int error = add(k, &list[i].addr, list[i].length, false);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

void link_ipv6(struct link *k, bool on)
{
    char path[64];
    if (k->dev == NULL && !on) {
        return; // the kernel's own device stays as it is
    }
    snprintf(path, sizeof(path), "ipv6/conf/%s/disable_ipv6", k->device);
    nl_sysctl(path, on ? "0" : "1");
    k->ipv6 = on;
}

void link_set_mtu(struct link *k, unsigned mtu)
{
    if (k->carrier != NULL) { // the session with the least decides for all
        if (k->carrier->mtu == 0 || mtu < k->carrier->mtu) {
            link_set_mtu(k->carrier, mtu);
        }
        k->mtu = k->carrier->mtu;
        return;
    }
    if (!k->mtu_fixed && mtu != k->mtu && nl_link_set(k->links->nl, k->index, mtu, !k->shutdown) == 0) {
        k->mtu = mtu;
    }
}

bool link_adjust(struct link *k, const struct conf *c, const struct conf_if *f, unsigned mtu, char *err,
                 size_t err_size)
{
    if (k->ipv6 != conf_if_ipv6(f)) {
        link_ipv6(k, conf_if_ipv6(f));
    }
    k->shutdown = f->shutdown;
    int error = nl_link_set(k->links->nl, k->index, mtu, !f->shutdown);
    if (error == 0) {
        error = set_addresses(k, c, f);
    }
    if (error != 0) {
        snprintf(err, err_size, "%s: device %s: %s", k->name, k->device, strerror(-error));
        return false;
    }
    k->mtu = mtu != 0 ? mtu : k->mtu;
    tell_datapath(k);
    return true;
}
