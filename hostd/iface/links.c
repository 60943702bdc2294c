// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/links.h"

#include "hostd/util/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned links_tunnel_mtu(unsigned outer, bool cbc)
{
    unsigned fixed = 20 + 8 + 8;              // IP, UDP, SPI and sequence number
    unsigned iv = cbc ? 16 : 8, icv = 16;     // both suites have 16 bytes of integrity
    unsigned block = cbc ? 16 : 4;            // of padding
    unsigned room = outer - fixed - iv - icv; // for data, padding, pad length and next header
    return outer < 576 ? 512 : room / block * block - 2;
}

struct link *links_find(const struct links *l, struct ifid id)
{
    for (size_t i = 0; i < l->all.n; i++) {
        struct link *k = l->all.at[i];
        if (ifid_equal(k->id, id)) {
            return k;
        }
    }
    return NULL;
}

struct link *links_by_tunnel(const struct links *l, uint32_t tunnel)
{
    return map_get(&l->by_tunnel, tunnel);
}

struct link *links_by_index(const struct links *l, int index)
{
    for (size_t i = 0; i < l->all.n; i++) {
        struct link *k = l->all.at[i];
        if (k->index == index) {
            return k;
        }
    }
    return NULL;
}

bool links_address(const struct links *l, struct ifid id, struct in_addr *out)
{
    const struct link *k = links_find(l, id);
    unsigned length;
    if (k == NULL) {
        return false;
    }
    if (k->addr.s_addr != 0) {
        *out = k->addr;
        return true;
    }
    return nl_addr_first(l->nl, k->index, out, &length) == 0;
}

void links_packet(struct links *l, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct link *k = links_by_tunnel(l, tunnel);
    if (k != NULL && k->dev != NULL) {
        netdev_write(k->dev, packet, len);
    }
}

void links_frame(struct links *l, enum dp_port port, const uint8_t *frame, size_t len)
{
    for (size_t i = 0; i < l->all.n; i++) {
        struct link *k = l->all.at[i];
        if (k->has_port && k->port == port && k->dev != NULL) {
            netdev_write(k->dev, frame, len);
            return;
        }
    }
}

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    struct link *k = arg;
    if (dp_send_frame(k->links->dp, k->port, frame, len) != 0) {
        k->send_errors++;
    }
}

static void on_packet(void *arg, const uint8_t *packet, size_t len)
{
    struct link *k = arg;
    if (len < 20 || packet[0] >> 4 != 4) {
        return; // the kernel speaks IPv6 on every device
    }
    int error = dp_send_packet(k->links->dp, k->tunnel, packet, len);
    if (error != 0) {
        k->send_errors++;
        k->no_sa += error == -ENOENT;
    }
}

static void default_device(struct ifid id, char *out, size_t cap)
{
    switch (id.kind) {
    case IF_ETHERNET:
        snprintf(out, cap, "%s", id.number == 0 ? "cv-outside" : "cv-inside");
        break;
    case IF_LOOPBACK:
        snprintf(out, cap, "lb%u", id.number);
        break;
    case IF_TUNNEL:
        snprintf(out, cap, "tun%u", id.number);
        break;
    default:
        snprintf(out, cap, "va%u", id.number);
        break;
    }
}

// What the datapath must know about a port and our addresses.
static void tell_datapath(struct link *k, bool present)
{
    struct nl_link info;
    if (k->has_port && nl_link_get_index(k->links->nl, k->index, &info) == 0 && info.has_mac) {
        dp_port_set(k->links->dp, k->port, info.mac, (uint16_t)info.mtu, present && info.up);
    }
    struct in_addr addr;
    bool outside = k->id.kind == IF_LOOPBACK;
    if ((k->has_port || outside) && links_address(k->links, k->id, &addr)) {
        dp_local_set(k->links->dp, k->has_port ? k->port : DP_PORT_OUTSIDE, addr, present);
    }
}

int link_set_address(struct link *k, struct in_addr addr, unsigned length)
{
    if (k->addr.s_addr == addr.s_addr && k->length == length) {
        return 0;
    }
    if (k->addr.s_addr != 0) {
        tell_datapath(k, false);
        if (k->added) {
            nl_addr_del(k->links->nl, k->index, k->addr, k->length);
        }
    }
    k->addr = (struct in_addr){0};
    k->length = 0;
    k->added = false;
    int error = 0;
    if (addr.s_addr != 0) {
        error = nl_addr_add(k->links->nl, k->index, addr, length);
        k->added = error == 0;
        error = error == -EEXIST ? 0 : error;
        if (error == 0) {
            k->addr = addr;
            k->length = length;
        }
    }
    return error;
}

static bool attach_device(struct links *l, struct link *k, char *err, size_t err_size)
{
    bool ours = k->id.kind != IF_ETHERNET || l->ports;
    if (ours) {
        netdev_read *read = k->id.kind == IF_ETHERNET ? on_frame : k->id.kind == IF_LOOPBACK ? NULL : on_packet;
        k->dev = netdev_open(l->loop, k->device, k->id.kind == IF_ETHERNET, read, k, err, err_size);
        if (k->dev == NULL) {
            return false;
        }
        char path[64];
        snprintf(path, sizeof(path), "ipv6/conf/%s/disable_ipv6", k->device);
        nl_sysctl(path, "1");
        snprintf(path, sizeof(path), "ipv4/conf/%s/rp_filter", k->device);
        nl_sysctl(path, "0");
    }
    struct nl_link info;
    int error = nl_link_get(l->nl, k->device, &info);
    if (error != 0) {
        snprintf(err, err_size, "%s: device %s: %s%s", k->name, k->device, strerror(-error),
                 ours ? "" : " (without a card an Ethernet is a device of the kernel, named by `device`)");
        return false;
    }
    k->index = info.index;
    return true;
}

static struct link *link_open(struct links *l, struct ifid id, const char *device, unsigned mtu, char *err,
                              size_t err_size)
{
    struct link *k = calloc(1, sizeof(*k));
    if (k == NULL || !list_add(&l->all, k)) {
        snprintf(err, err_size, "out of memory");
        free(k);
        return NULL;
    }
    k->links = l;
    k->id = id;
    k->mtu = mtu;
    k->has_port = id.kind == IF_ETHERNET;
    k->port = id.number == 0 ? DP_PORT_OUTSIDE : DP_PORT_INSIDE;
    ifid_format(id, k->name, sizeof(k->name));
    str_copy(k->device, sizeof(k->device), device);
    bool ok = attach_device(l, k, err, err_size);
    if (ok && (id.kind == IF_TUNNEL || id.kind == IF_VACCESS)) {
        int error = dp_tunnel_new(l->dp, (uint16_t)mtu, &k->tunnel);
        k->has_tunnel = error == 0;
        ok = k->has_tunnel && map_set(&l->by_tunnel, k->tunnel, k);
        if (!ok) {
            snprintf(err, err_size, "%s: the datapath has no tunnel for it: %s", k->name, strerror(-error));
        }
    }
    if (!ok) {
        links_drop(l, k);
        return NULL;
    }
    if (l->changed != NULL) {
        l->changed(l->arg, k, true);
    }
    return k;
}

void links_drop(struct links *l, struct link *k)
{
    if (k->index != 0) {
        if (l->changed != NULL) {
            l->changed(l->arg, k, false);
        }
        link_set_address(k, (struct in_addr){0}, 0);
    }
    if (k->has_tunnel) {
        map_del(&l->by_tunnel, k->tunnel);
        dp_tunnel_free(l->dp, k->tunnel);
    }
    netdev_close(k->dev);
    list_remove(&l->all, k);
    free(k);
}

// Address, MTU and state as wanted.
static bool link_adjust(struct link *k, struct in_addr addr, unsigned length, unsigned mtu, bool up, char *err,
                        size_t err_size)
{
    struct nl *nl = k->links->nl;
    bool keep = k->dev == NULL && addr.s_addr == 0; // the kernel's own device, with the addresses that it has
    int error = nl_link_set(nl, k->index, mtu, up);
    if (error == 0 && !keep) {
        error = link_set_address(k, addr, length);
    } else if (error == 0) {
        error = link_set_address(k, (struct in_addr){0}, 0);
    }
    if (error != 0) {
        snprintf(err, err_size, "%s: device %s: %s", k->name, k->device, strerror(-error));
        return false;
    }
    k->mtu = mtu != 0 ? mtu : k->mtu;
    k->shutdown = !up;
    tell_datapath(k, true);
    return true;
}

static bool uses_cbc(const struct conf *c, const struct conf_if *f)
{
    const struct conf_ipsec *p = conf_find(&c->ipsecs, f->protection.name);
    for (unsigned i = 0; p != NULL && i < p->n_tset; i++) {
        const struct conf_tset *t = conf_find(&c->tsets, p->tset[i].name);
        if (t != NULL && !t->gcm) {
            return true;
        }
    }
    return false;
}

// The MTU of the device that leads to a peer.
static unsigned outer_mtu(struct links *l, struct in_addr to)
{
    struct nl_path path;
    struct nl_link link;
    if (to.s_addr != 0 && nl_route_get(l->nl, to, &path) == 0 && nl_link_get_index(l->nl, path.index, &link) == 0) {
        return link.mtu;
    }
    return 1500;
}

static struct in_addr address_of(const struct conf *c, const struct conf_if *f, unsigned *length)
{
    *length = 32;
    if (f->address_kind == CONF_ADDRESS_STATIC) {
        *length = conf_mask_length(f->mask);
        return f->addr;
    }
    if (f->address_kind == CONF_ADDRESS_UNNUMBERED) {
        const struct conf_if *u = conf_find_if(c, f->unnumbered);
        return u == NULL ? (struct in_addr){0} : u->addr;
    }
    return (struct in_addr){0};
}

static bool apply_one(struct links *l, const struct conf *c, const struct conf_if *f, char *err, size_t err_size)
{
    char device[IFNAMSIZ];
    default_device(f->id, device, sizeof(device));
    struct link *k = links_find(l, f->id);
    unsigned length, mtu = f->mtu;
    struct in_addr addr = address_of(c, f, &length);
    if (f->id.kind == IF_TUNNEL && mtu == 0) {
        mtu = links_tunnel_mtu(outer_mtu(l, f->destination), uses_cbc(c, f));
    }
    if (k == NULL) {
        k = link_open(l, f->id, f->device[0] != '\0' ? f->device : device, mtu, err, err_size);
        if (k == NULL) {
            return false;
        }
    }
    bool was_negotiated = k->negotiated;
    k->negotiated = f->address_kind == CONF_ADDRESS_NEGOTIATED;
    str_copy(k->description, sizeof(k->description), f->description);
    if (k->negotiated && was_negotiated) {
        addr = k->addr; // stays with its session
        length = k->length;
    }
    return link_adjust(k, addr, length, mtu, !f->shutdown, err, err_size);
}

// Is the device of a link still the one that the configuration asks for?
static bool same_device(const struct links *l, const struct link *k, const struct conf_if *f)
{
    char device[IFNAMSIZ];
    default_device(f->id, device, sizeof(device));
    bool ours = k->dev != NULL;
    return strcmp(k->device, f->device[0] != '\0' ? f->device : device) == 0 &&
           ours == (f->id.kind != IF_ETHERNET || l->ports);
}

bool links_apply(struct links *l, const struct conf *c, char *err, size_t err_size)
{
    for (size_t i = l->all.n; i-- > 0;) {
        struct link *k = l->all.at[i];
        const struct conf_if *f = conf_find_if(c, k->id);
        if (k->id.kind != IF_VACCESS && (f == NULL || !same_device(l, k, f))) {
            links_drop(l, k);
        }
    }
    // Those that others borrow from come first.
    static const enum if_kind order[] = {IF_ETHERNET, IF_LOOPBACK, IF_TUNNEL};
    for (unsigned o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
        for (size_t i = 0; i < c->ifs.n; i++) {
            const struct conf_if *f = c->ifs.at[i];
            if (f->id.kind == order[o] && !apply_one(l, c, f, err, err_size)) {
                return false;
            }
        }
    }
    return true;
}

void links_close(struct links *l)
{
    while (l->all.n > 0) {
        links_drop(l, l->all.at[l->all.n - 1]);
    }
    list_free(&l->all);
    map_free(&l->by_tunnel);
}

struct link *links_clone(struct links *l, const struct conf *c, const struct conf_if *from, unsigned mtu, char *err,
                         size_t err_size)
{
    struct ifid id = {IF_VACCESS, 1};
    while (links_find(l, id) != NULL) {
        id.number++;
    }
    char device[IFNAMSIZ];
    default_device(id, device, sizeof(device));
    struct link *k = link_open(l, id, device, from->mtu != 0 ? from->mtu : mtu, err, err_size);
    unsigned length;
    struct in_addr addr = address_of(c, from, &length);
    if (k != NULL && !link_adjust(k, addr, length, k->mtu, !from->shutdown, err, err_size)) {
        links_drop(l, k);
        k = NULL;
    }
    return k;
}
