// SPDX-License-Identifier: BSD-2-Clause
// Devices that many sessions share. To make a TUN device takes the kernel longer than IKE takes for the session, to
// take one away longer still, and each is a file of the daemon; where there are thousands of sessions, one for all is
// enough, as long as the destination alone tells whose a packet is.
#include "hostd/iface/links_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Whom a prefix of a shared device goes to, and how many routes of theirs (of several metrics) there are for it.
struct carried {
    struct link *link;
    unsigned routes;
};

enum { QUEUE = 16384 }; // packets that may wait in the device

struct link *carrier_of(struct links *l, const struct conf *c, const struct conf_if *f, char *err, size_t err_size)
{
    struct link *k = links_find(l, f->id);
    if (k != NULL && k->carries == 0 && strcmp(k->device, f->device) != 0) {
        links_drop(l, k); // it was to have another name, as soon as nobody has it any more
        k = NULL;
    }
    if (k != NULL) {
        return k;
    }
    k = link_open(l, f->id, f->device, NULL, false, err, err_size);
    if (k != NULL && !link_adjust(k, c, f, f->mtu, err, err_size)) {
        links_drop(l, k);
        return NULL;
    }
    if (k != NULL) {
        // The kernel's 500 are for one peer. When all come back at once they send at once, too.
        nl_link_queue(l->nl, k->index, QUEUE);
        k->mtu_fixed = f->mtu != 0;
    }
    return k;
}

static bool destination(const uint8_t *packet, size_t len, struct ip_addr *out)
{
    if (len >= 20 && packet[0] >> 4 == 4) {
        *out = ip_from_bytes(packet + 16, 4);
        return true;
    }
    if (len >= 40 && packet[0] >> 4 == 6) {
        *out = ip_from_bytes(packet + 24, 16);
        return true;
    }
    return false;
}

void carrier_packet(void *arg, const uint8_t *packet, size_t len)
{
    struct link *k = arg;
    struct ip_addr to;
    if (!destination(packet, len, &to) || (to.family == 6 && !k->ipv6)) {
        return;
    }
    const struct carried *c = lpm_find(k->carried, &to);
    if (c == NULL) {
        k->send_errors++;
        k->no_sa++;
    } else {
        link_packet(c->link, packet, len);
    }
}

void carrier_free(struct link *k)
{
    size_t at = 0;
    struct carried *c;
    while (k->carried != NULL && (c = ipmap_next(&k->carried->prefixes, &at)) != NULL) {
        free(c);
    }
    if (k->carried != NULL) {
        lpm_free(k->carried);
        free(k->carried);
    }
}

const struct link *link_behind(const struct link *k, const struct ip_addr *prefix, unsigned length)
{
    const struct carried *c = k->carried == NULL ? NULL : lpm_get(k->carried, prefix, length);
    return k->carried == NULL ? k : c == NULL ? NULL : c->link;
}

static bool take(struct link *k, struct lpm *shared, const struct nl_route *r)
{
    struct carried *c = lpm_get(shared, &r->prefix, r->length);
    if (c != NULL && c->link != k) {
        nl_route_del(k->links->nl, r); // so that whoever watches the kernel's routes sees it change
        *c = (struct carried){.link = k};
    } else if (c == NULL) {
        c = calloc(1, sizeof(*c));
        if (c == NULL || !lpm_set(shared, &r->prefix, r->length, c)) {
            free(c);
            return false;
        }
        c->link = k;
    }
    c->routes++;
    return true;
}

// false: a later link has it.
static bool give(const struct link *k, struct lpm *shared, const struct nl_route *r)
{
    struct carried *c = lpm_get(shared, &r->prefix, r->length);
    if (c == NULL || c->link != k) {
        return false;
    }
    if (--c->routes == 0) {
        lpm_del(shared, &r->prefix, r->length);
        free(c);
    }
    return true;
}

int link_route(struct link *k, const struct ip_addr *prefix, unsigned length, unsigned metric, bool add)
{
    struct nl_route r = {.prefix = *prefix, .length = length, .index = k->index, .metric = metric};
    struct lpm *shared = k->carrier == NULL ? NULL : k->carrier->carried;
    if (!add) {
        int error = shared == NULL || give(k, shared, &r) ? nl_route_del(k->links->nl, &r) : 0;
        return error == -ESRCH ? 0 : error;
    }
    if (shared != NULL && !take(k, shared, &r)) {
        return -ENOMEM;
    }
    int error = nl_route_add(k->links->nl, &r);
    if (error != 0 && shared != NULL) {
        give(k, shared, &r);
    }
    return error;
}
