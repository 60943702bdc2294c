// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/links_priv.h"

#include "hostd/iface/mtu.h"
#include "hostd/util/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t id_key(struct ifid id)
{
    return (uint64_t)id.kind << 32 | id.number;
}

struct link *links_find(const struct links *l, struct ifid id)
{
    return map_get(&l->by_id, id_key(id));
}

struct link *links_by_tunnel(const struct links *l, uint32_t tunnel)
{
    return map_get(&l->by_tunnel, tunnel);
}

struct link *links_by_index(const struct links *l, int index)
{
    return map_get(&l->by_index, (uint64_t)(unsigned)index);
}

void links_packet(struct links *l, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    const struct link *k = links_by_tunnel(l, tunnel);
    k = k != NULL && k->carrier != NULL ? k->carrier : k;
    if (k != NULL && k->dev != NULL) {
        netdev_write(k->dev, packet, len);
    }
}

void links_frame(struct links *l, enum dp_port port, const uint8_t *frame, size_t len)
{
    struct link *k = l->port[port];
    if (k != NULL && k->dev != NULL) {
        netdev_write(k->dev, frame, len);
    }
}

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    struct link *k = arg;
    if (dp_send_frame(k->links->dp, k->port, frame, len) != 0) {
        k->send_errors++;
    }
}

void link_packet(struct link *k, const uint8_t *packet, size_t len)
{
    if (len == 0 || (packet[0] >> 4 == 6 && !k->ipv6)) {
        return; // what the kernel says by itself while a device of IPv6 is being closed
    }
    int error = k->gre != NULL  ? gre_link_send(k->gre, packet, len)
                : k->has_tunnel ? dp_send_packet(k->links->dp, k->tunnel, packet, len)
                                : -ENOTCONN;
    if (error != 0) {
        k->send_errors++;
        k->no_sa += error == -ENOENT;
    }
}

static void on_packet(void *arg, const uint8_t *packet, size_t len)
{
    link_packet(arg, packet, len);
}

// A packet that came in plain GRE.
static void on_gre(void *arg, const uint8_t *packet, size_t len)
{
    struct link *k = arg;
    netdev_write(k->dev, packet, len);
}

int link_set_ends(struct link *k, const struct ip_addr *local, const struct ip_addr *remote)
{
    return k->gre == NULL ? -ENODEV : gre_link_ends(k->gre, local, remote);
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

static bool attach_device(struct links *l, struct link *k, char *err, size_t err_size)
{
    bool ours = k->id.kind != IF_ETHERNET || l->ports;
    if (ours) {
        netdev_read *read = k->id.kind == IF_ETHERNET   ? on_frame
                            : k->id.kind == IF_LOOPBACK ? NULL
                            : k->carried != NULL        ? carrier_packet
                                                        : on_packet;
        k->dev = netdev_open(l->loop, k->device, k->id.kind == IF_ETHERNET, read, k, err, err_size);
        if (k->dev == NULL) {
            return false;
        }
        char path[64];
        link_ipv6(k, false);
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

// Into the tables by which it is found. false: no memory.
static bool enter(struct links *l, struct link *k)
{
    return map_set(&l->by_id, id_key(k->id), k) &&
           (k->carrier != NULL || map_set(&l->by_index, (uint64_t)(unsigned)k->index, k)) &&
           (!k->has_tunnel || map_set(&l->by_tunnel, k->tunnel, k));
}

// A tunnel of the datapath, or of plain GRE, behind the device. 0 or a negative errno.
static int open_tunnel(struct links *l, struct link *k, const struct dp_tunnel *how, bool plain)
{
    k->how = *how;
    if (plain) {
        if (l->gre == NULL) {
            l->gre = gre_links_new(l->loop);
        }
        k->gre = l->gre == NULL ? NULL : gre_link_open(l->gre, how->has_key, how->key, on_gre, k);
        return k->gre == NULL ? -ENOMEM : 0;
    }
    int error = dp_tunnel_new(l->dp, how, &k->tunnel);
    k->has_tunnel = error == 0;
    return error;
}

// Without a device of its own: everything of the kernel's is the carrier's.
static void board(struct link *k, struct link *carrier)
{
    k->carrier = carrier;
    k->index = carrier->index;
    k->ipv6 = carrier->ipv6;
    k->mtu = carrier->mtu;
    carrier->carries++;
}

// how NULL: no tunnel. plain: GRE without protection. carrier NULL: with a device of its own.
static struct link *make(struct links *l, struct ifid id, const char *device, const struct dp_tunnel *how, bool plain,
                         struct link *carrier, char *err, size_t err_size)
{
    struct link *k = calloc(1, sizeof(*k));
    if (k == NULL || !list_add(&l->all, k)) {
        snprintf(err, err_size, "out of memory");
        free(k);
        return NULL;
    }
    char name[CONF_NAME];
    k->links = l;
    k->place = l->all.n - 1;
    k->id = id;
    k->has_port = id.kind == IF_ETHERNET;
    k->port = id.number == 0 ? DP_PORT_OUTSIDE : DP_PORT_INSIDE;
    str_copy(k->name, sizeof(k->name), ifid_format(id, name, sizeof(name)));
    str_copy(k->device, sizeof(k->device), device);
    bool ok = true;
    if (id.kind == IF_VTEMPLATE) {
        k->carried = calloc(1, sizeof(*k->carried));
        ok = k->carried != NULL;
        snprintf(err, err_size, "out of memory");
    }
    if (carrier != NULL) {
        board(k, carrier);
    } else {
        ok = ok && attach_device(l, k, err, err_size);
    }
    int error = ok && how != NULL ? open_tunnel(l, k, how, plain) : 0;
    if (error != 0) {
        ok = false;
        snprintf(err, err_size, "%s: the datapath has no tunnel for it: %s", k->name, strerror(-error));
    } else if (ok && !enter(l, k)) {
        ok = false;
        snprintf(err, err_size, "out of memory");
    }
    if (!ok) {
        links_drop(l, k);
        return NULL;
    }
    if (k->has_port) {
        l->port[k->port] = k;
    }
    if (l->changed != NULL && carrier == NULL) {
        l->changed(l->arg, k, true);
    }
    return k;
}

struct link *link_open(struct links *l, struct ifid id, const char *device, const struct dp_tunnel *how, bool plain,
                       char *err, size_t err_size)
{
    return make(l, id, device, how, plain, NULL, err, err_size);
}

// The number of a Virtual-Access is free again: its device is really gone.
static void access_free(void *arg, unsigned number)
{
    struct links *l = arg;
    size_t word = (number - 1) / 64;
    if (word < l->access_words) {
        l->access[word] &= ~(1ULL << (number - 1) % 64);
        l->access_first = word < l->access_first ? word : l->access_first;
    }
}

void links_drop(struct links *l, struct link *k)
{
    if (k->carrier != NULL) {
        k->carrier->carries--;
    } else if (k->index != 0) {
        if (l->changed != NULL && map_get(&l->by_id, id_key(k->id)) == k) {
            l->changed(l->arg, k, false);
        }
        link_strip(k);
        if (map_get(&l->by_index, (uint64_t)(unsigned)k->index) == k) {
            map_del(&l->by_index, (uint64_t)(unsigned)k->index);
        }
    }
    if (map_get(&l->by_id, id_key(k->id)) == k) {
        map_del(&l->by_id, id_key(k->id));
    }
    if (k->has_tunnel) {
        map_del(&l->by_tunnel, k->tunnel);
        dp_tunnel_free(l->dp, k->tunnel);
    }
    if (k->has_port && l->port[k->port] == k) {
        l->port[k->port] = NULL;
    }
    gre_link_close(k->gre);
    carrier_free(k);
    if (k->id.kind != IF_VACCESS) {
        netdev_close(k->dev, NULL, NULL, 0);
    } else if (k->dev != NULL) {
        netdev_close(k->dev, access_free, l, k->id.number);
    } else {
        access_free(l, k->id.number);
    }
    // The last one takes its place: however many there are, this is one step.
    struct link *last = l->all.at[--l->all.n];
    l->all.at[k->place] = last;
    last->place = k->place;
    free(k->description);
    free(k);
}

// A tunnel without protection is plain GRE, in the modes that are GRE.
static bool is_plain(const struct conf_if *f)
{
    return f->id.kind == IF_TUNNEL && f->protection.name[0] == '\0' && conf_mode_gre(f->mode);
}

// The device's MTU while nothing is known of the session yet.
static unsigned first_mtu(struct links *l, const struct conf_if *f, bool plain)
{
    uint8_t family = conf_mode_family(f->mode);
    struct mtu_of m = {.outer = links_path_mtu(l, &f->destination),
                       .family = family,
                       .esp = !plain,
                       .udp = !plain,
                       .suite = DP_SUITE_AES_GCM_256,
                       .gre = conf_mode_gre(f->mode),
                       .key = f->has_key,
                       .gre_family = family};
    return mtu_inner(&m, conf_if_ipv6(f));
}

static bool apply_one(struct links *l, const struct conf *c, const struct conf_if *f, char *err, size_t err_size)
{
    char device[IFNAMSIZ];
    default_device(f->id, device, sizeof(device));
    struct link *k = links_find(l, f->id);
    bool tunnel = f->id.kind == IF_TUNNEL, plain = is_plain(f);
    unsigned mtu = f->mtu != 0 ? f->mtu : tunnel ? first_mtu(l, f, plain) : 0;
    if (k == NULL) {
        struct dp_tunnel how = {(uint16_t)mtu, conf_mode_gre(f->mode), f->has_key, f->key};
        bool behind = tunnel && (plain || f->protection.name[0] != '\0' || !how.gre);
        k = link_open(l, f->id, f->device[0] != '\0' ? f->device : device, behind ? &how : NULL, plain, err, err_size);
        if (k == NULL) {
            return false;
        }
    } else if (tunnel && f->mtu == 0 && !k->mtu_fixed) {
        mtu = k->mtu; // as its session wants it
    }
    k->mtu_fixed = f->mtu != 0;
    free(k->description);
    k->description = f->description[0] != '\0' ? strdup(f->description) : NULL;
    return link_adjust(k, c, f, mtu, err, err_size);
}

// Is the device of a link, with what is behind it, still the one that the configuration asks for?
static bool same_device(const struct links *l, const struct link *k, const struct conf_if *f)
{
    char device[IFNAMSIZ];
    default_device(f->id, device, sizeof(device));
    bool ours = k->dev != NULL, plain = k->gre != NULL;
    bool same_tunnel = k->id.kind != IF_TUNNEL || (plain == is_plain(f) && k->how.gre == conf_mode_gre(f->mode) &&
                                                   k->how.has_key == f->has_key && k->how.key == f->key);
    return same_tunnel && strcmp(k->device, f->device[0] != '\0' ? f->device : device) == 0 &&
           ours == (f->id.kind != IF_ETHERNET || l->ports);
}

bool links_apply(struct links *l, const struct conf *c, char *err, size_t err_size)
{
    bool ipv6 = false;
    for (size_t i = l->all.n; i-- > 0;) {
        struct link *k = l->all.at[i];
        const struct conf_if *f = k->id.kind == IF_VACCESS ? NULL : conf_find_if(c, k->id);
        if (k->carries == 0 && k->id.kind != IF_VACCESS && (f == NULL || !same_device(l, k, f))) {
            links_drop(l, k);
        }
    }
    for (size_t i = 0; i < c->ifs.n; i++) {
        ipv6 |= conf_if_ipv6(c->ifs.at[i]);
    }
    if (ipv6 && nl_sysctl("ipv6/conf/all/forwarding", "1") != 0) {
        log_write(l->log, LOG_WARNING, "interface", "the kernel's forwarding of IPv6 cannot be switched on");
    }
    // Those that others borrow from come first.
    static const enum if_kind order[] = {IF_ETHERNET, IF_LOOPBACK, IF_TUNNEL, IF_VTEMPLATE};
    for (unsigned o = 0; o < sizeof(order) / sizeof(order[0]); o++) {
        for (size_t i = 0; i < c->ifs.n; i++) {
            const struct conf_if *f = c->ifs.at[i];
            bool here = f->id.kind == order[o] && (order[o] != IF_VTEMPLATE || links_find(l, f->id) != NULL);
            if (here && !apply_one(l, c, f, err, err_size)) {
                return false;
            }
        }
    }
    return true;
}

void links_close(struct links *l)
{
    for (size_t i = l->all.n; i-- > 0;) { // before what they share
        const struct link *k = l->all.at[i];
        if (k->carrier != NULL) {
            links_drop(l, l->all.at[i]);
        }
    }
    while (l->all.n > 0) {
        links_drop(l, l->all.at[l->all.n - 1]);
    }
    gre_links_free(l->gre);
    l->gre = NULL;
    list_free(&l->all);
    map_free(&l->by_tunnel);
    map_free(&l->by_index);
    map_free(&l->by_id);
    free(l->access);
    l->access = NULL;
    l->access_words = l->access_first = 0;
}

// The lowest free number of a Virtual-Access, from 1; 0: no memory. Only words from the first that may have one are
// looked at.
static unsigned access_take(struct links *l)
{
    while (l->access_first < l->access_words && l->access[l->access_first] == UINT64_MAX) {
        l->access_first++;
    }
    if (l->access_first == l->access_words) {
        size_t words = l->access_words == 0 ? 8 : l->access_words * 2;
        uint64_t *bigger = realloc(l->access, words * sizeof(*bigger));
        if (bigger == NULL) {
            return 0;
        }
        memset(bigger + l->access_words, 0, (words - l->access_words) * sizeof(*bigger));
        l->access = bigger;
        l->access_words = words;
    }
    unsigned bit = 0;
    while ((l->access[l->access_first] >> bit & 1) != 0) {
        bit++;
    }
    l->access[l->access_first] |= 1ULL << bit;
    return (unsigned)l->access_first * 64 + bit + 1;
}

struct link *links_clone(struct links *l, const struct conf *c, const struct conf_if *from, const struct dp_tunnel *how,
                         char *err, size_t err_size)
{
    struct link *carrier = from->device[0] == '\0' ? NULL : carrier_of(l, c, from, err, err_size);
    if (carrier == NULL && from->device[0] != '\0') {
        return NULL;
    }
    struct ifid id = {IF_VACCESS, access_take(l)};
    if (id.number == 0) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    char device[IFNAMSIZ];
    default_device(id, device, sizeof(device));
    struct dp_tunnel with = *how;
    with.mtu = from->mtu != 0 ? (uint16_t)from->mtu : how->mtu;
    struct link *k = make(l, id, carrier == NULL ? device : carrier->device, &with, false, carrier, err, err_size);
    if (k == NULL) {
        return NULL;
    }
    k->mtu_fixed = from->mtu != 0;
    if (carrier == NULL ? !link_adjust(k, c, from, with.mtu, err, err_size) : (link_set_mtu(k, with.mtu), false)) {
        links_drop(l, k);
        return NULL;
    }
    return k;
}
