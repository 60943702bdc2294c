// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/route/mirror_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFRESH_TICKS = 20 }; // how often the neighbours in use are asked for

static const struct link *link_of(const struct mirror *m, int device)
{
    return device == 0 || device == m->leaving ? NULL : links_by_index(m->links, device);
}

static bool resolved(const struct mirror *m, int device, struct in_addr addr)
{
    const struct neighbour *n = map_get(&m->neighbours, neighbour_key(device, addr));
    return n != NULL && n->resolved;
}

// The device of the inside port, 0: none.
static int inside(const struct mirror *m)
{
    for (size_t i = 0; i < m->links->all.n; i++) {
        const struct link *k = m->links->all.at[i];
        if (k->has_port && k->port == DP_PORT_INSIDE && k->index != m->leaving) {
            return k->index;
        }
    }
    return 0;
}

static void to_neighbour(struct dp_route *r, enum dp_port port, struct in_addr addr)
{
    r->to = DP_TO_NEIGHBOUR;
    r->port = port;
    r->neighbour = addr;
}

// What the datapath should have for a prefix; false: nothing.
static bool wanted(const struct mirror *m, const struct fib_prefix *p, struct dp_route *out)
{
    const struct fib_route *best = fib_best(p);
    *out = (struct dp_route){.prefix = p->prefix, .length = p->length, .to = DP_TO_HOST};
    if (best == NULL) {
        int device = inside(m);
        bool near = p->length == 32 && device != 0 && resolved(m, device, p->prefix);
        to_neighbour(out, DP_PORT_INSIDE, p->prefix);
        return near;
    }
    const struct link *k = link_of(m, best->device);
    if (best->kind == FIB_DROP) {
        out->to = DP_TO_DROP;
    } else if (best->kind == FIB_UNICAST && k != NULL && k->has_tunnel) {
        out->to = DP_TO_TUNNEL;
        out->tunnel = k->tunnel;
    } else if (best->kind == FIB_UNICAST && k != NULL && k->has_port && k->port == DP_PORT_INSIDE) {
        struct in_addr hop = best->gateway.s_addr != 0 ? best->gateway : p->prefix;
        bool single = best->gateway.s_addr != 0 || p->length == 32;
        if (single && resolved(m, k->index, hop)) {
            to_neighbour(out, k->port, hop);
        }
    }
    return true;
}

struct answer {
    struct mirror *m;
    struct in_addr prefix;
    uint8_t length;
};

static void on_answer(void *arg, int error)
{
    struct answer *a = arg;
    struct mirror *m = a->m;
    m->answers--;
    if (error != 0 && error != -ECANCELED && !m->closed) {
        struct fib_prefix *p = fib_prefix(&m->fib, a->prefix, a->length, false);
        char text[INET_ADDRSTRLEN];
        m->counters.refused++;
        if (p != NULL) {
            p->failed = true;
        }
        log_write(m->log, LOG_WARNING, "route", "the datapath did not take %s/%u: %s",
                  inet_ntop(AF_INET, &a->prefix, text, sizeof(text)), a->length, strerror(-error));
    }
    free(a);
    if (m->closed && m->answers == 0) {
        free(m);
    }
}

static struct answer *answer_new(struct mirror *m, const struct fib_prefix *p)
{
    struct answer *a = calloc(1, sizeof(*a));
    if (a != NULL) {
        *a = (struct answer){m, p->prefix, p->length};
        m->answers++;
    }
    return a;
}

static bool same_target(const struct dp_route *a, const struct dp_route *b)
{
    return a->to == b->to && (a->to != DP_TO_TUNNEL || a->tunnel == b->tunnel) &&
           (a->to != DP_TO_NEIGHBOUR || (a->port == b->port && a->neighbour.s_addr == b->neighbour.s_addr));
}

// Tell the datapath what is not as it has it; frees the entry if nothing is left of it.
static void decide(struct mirror *m, struct fib_prefix *p)
{
    struct dp_route want;
    bool any = wanted(m, p, &want);
    struct answer *a;
    if (any && (!p->told || !same_target(&want, &p->now)) && (a = answer_new(m, p)) != NULL) {
        p->told = true;
        p->failed = false;
        p->now = want;
        m->counters.routes_set++;
        dp_route_set(m->dp, &want, on_answer, a);
    } else if (!any && p->told && (a = answer_new(m, p)) != NULL) {
        p->told = false;
        m->counters.routes_deleted++;
        dp_route_del(m->dp, &p->now, on_answer, a);
    }
    fib_trim(&m->fib, p);
}

// Decide on all prefixes for which `concerns` says so (all if NULL). Collected first: deciding changes the map.
static void decide_all(struct mirror *m, bool (*concerns)(const struct fib_prefix *p, uint64_t what), uint64_t what)
{
    struct list some = {0};
    size_t at = 0;
    struct fib_prefix *p;
    while ((p = map_next(&m->fib.prefixes, &at, NULL)) != NULL) {
        if ((concerns == NULL || concerns(p, what)) && !list_add(&some, p)) {
            break;
        }
    }
    for (size_t i = 0; i < some.n; i++) {
        decide(m, some.at[i]);
    }
    list_free(&some);
}

static bool over_device(const struct fib_prefix *p, uint64_t device)
{
    for (size_t i = 0; i < p->routes.n; i++) {
        const struct fib_route *r = p->routes.at[i];
        if (r->device == (int)device) {
            return true;
        }
    }
    return false;
}

static bool by_gateway(const struct fib_prefix *p, uint64_t gateway)
{
    const struct fib_route *best = fib_best(p);
    return best != NULL && best->gateway.s_addr == (uint32_t)gateway;
}

// ------------------------------------------------------------------------------------------------ from the kernel

void mirror_route(struct mirror *m, struct in_addr prefix, unsigned length, const struct fib_route *r, bool present)
{
    struct fib_prefix *p = fib_prefix(&m->fib, prefix, length, present);
    if (p == NULL) {
        return;
    }
    bool changed = present ? fib_add(p, r) : fib_del(p, r);
    m->peers_dirty |= changed && r->kind != FIB_LOCAL;
    if (!m->loading) {
        decide(m, p);
    }
}

static void tell_neighbour(struct mirror *m, const struct neighbour *n)
{
    const struct link *k = link_of(m, n->device);
    if (k != NULL && k->has_port) {
        dp_neighbour(m->dp, k->port, n->addr, n->resolved ? n->mac : NULL);
    }
}

void mirror_neighbour(struct mirror *m, int device, struct in_addr addr, const uint8_t *mac)
{
    uint64_t key = neighbour_key(device, addr);
    struct neighbour *n = map_get(&m->neighbours, key);
    if (n == NULL && mac == NULL) {
        return;
    }
    if (n == NULL) {
        n = calloc(1, sizeof(*n));
        if (n == NULL || !map_set(&m->neighbours, key, n)) {
            free(n);
            return;
        }
        n->device = device;
        n->addr = addr;
    } else if (n->resolved == (mac != NULL) && (mac == NULL || memcmp(mac, n->mac, 6) == 0)) {
        return;
    }
    n->resolved = mac != NULL;
    if (mac != NULL) {
        memcpy(n->mac, mac, 6);
    }
    tell_neighbour(m, n);
    if (mac == NULL) {
        map_del(&m->neighbours, key);
        free(n);
    }
    if (m->loading) {
        return;
    }
    struct fib_prefix *p = device == inside(m) ? fib_prefix(&m->fib, addr, 32, true) : NULL;
    if (p != NULL) {
        decide(m, p);
    }
    decide_all(m, by_gateway, addr.s_addr);
}

void mirror_device_down(struct mirror *m, int device)
{
    struct list some = {0};
    size_t at = 0;
    struct fib_prefix *p;
    while ((p = map_next(&m->fib.prefixes, &at, NULL)) != NULL) {
        if (over_device(p, (uint64_t)device) && !list_add(&some, p)) {
            break;
        }
    }
    for (size_t i = 0; i < some.n; i++) {
        p = some.at[i];
        for (size_t n = p->routes.n; n-- > 0;) {
            const struct fib_route *r = p->routes.at[n];
            if (r->device == device && r->kind != FIB_LOCAL) {
                free(list_remove_at(&p->routes, n));
            }
        }
        if (!m->loading) {
            decide(m, p);
        }
    }
    list_free(&some);
    m->peers_dirty = true;
}

void mirror_load_begin(struct mirror *m)
{
    m->loading = true;
    size_t at = 0;
    struct fib_prefix *p;
    while ((p = map_next(&m->fib.prefixes, &at, NULL)) != NULL) {
        list_free_all(&p->routes);
    }
}

void mirror_load_end(struct mirror *m)
{
    m->loading = false;
    m->peers_dirty = true;
    size_t at = 0;
    struct neighbour *n;
    int device = inside(m);
    while ((n = map_next(&m->neighbours, &at, NULL)) != NULL) {
        if (n->device == device) {
            fib_prefix(&m->fib, n->addr, 32, true);
        }
    }
    decide_all(m, NULL, 0);
}

// ------------------------------------------------------------------------------------------------ peers' next hops

static void resolve_peer(struct mirror *m, struct peer *p)
{
    struct nl_path path;
    if (nl_route_get(m->links->nl, p->remote, &path) != 0) {
        return;
    }
    struct in_addr next = path.gateway.s_addr != 0 ? path.gateway : p->remote;
    bool moved = next.s_addr != p->next.s_addr;
    p->next = next;
    p->device = path.index;
    if (moved) {
        dp_nexthop(m->dp, p->remote, next);
    }
}

static void keep_resolved(struct mirror *m, const struct peer *p, bool refresh)
{
    const struct link *k = link_of(m, p->device);
    if (k != NULL && k->has_port && p->next.s_addr != 0 && (refresh || !resolved(m, p->device, p->next))) {
        nl_neighbour_use(m->links->nl, p->device, p->next);
    }
}

void mirror_peer(struct mirror *m, struct in_addr remote, bool present)
{
    struct peer *p = map_get(&m->peers, remote.s_addr);
    if (present && p == NULL) {
        p = calloc(1, sizeof(*p));
        if (p == NULL || !map_set(&m->peers, remote.s_addr, p)) {
            free(p);
            return;
        }
        p->remote = remote;
        resolve_peer(m, p);
        keep_resolved(m, p, false);
    }
    if (p != NULL && present) {
        p->refs++;
    } else if (p != NULL && --p->refs == 0) {
        map_del(&m->peers, remote.s_addr);
        free(p);
    }
}

void mirror_batch_end(struct mirror *m)
{
    if (!m->peers_dirty || m->loading) {
        return;
    }
    m->peers_dirty = false;
    size_t at = 0;
    struct peer *p;
    while ((p = map_next(&m->peers, &at, NULL)) != NULL) {
        resolve_peer(m, p);
        keep_resolved(m, p, false);
    }
}

void mirror_tick(struct mirror *m)
{
    bool refresh = ++m->ticks % REFRESH_TICKS == 0;
    size_t at = 0;
    struct peer *p;
    while ((p = map_next(&m->peers, &at, NULL)) != NULL) {
        keep_resolved(m, p, refresh);
    }
}

// ------------------------------------------------------------------------------------------------ from the daemon

void mirror_link(struct mirror *m, const struct link *link, bool present)
{
    if (!present) {
        m->leaving = link->index;
        mirror_device_down(m, link->index);
    }
    decide_all(m, over_device, (uint64_t)link->index);
    if (present && link->has_port) {
        size_t at = 0;
        struct neighbour *n;
        while ((n = map_next(&m->neighbours, &at, NULL)) != NULL) {
            if (n->device == link->index) {
                tell_neighbour(m, n);
            }
        }
        decide_all(m, NULL, 0);
    }
    m->leaving = 0;
}

struct mirror *mirror_open(struct uv_loop_s *loop, struct log *log, struct dp *dp, struct links *links, char *err,
                           size_t err_size)
{
    struct mirror *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    m->log = log;
    m->dp = dp;
    m->links = links;
    int error = mirror_nl_open(m, loop);
    if (error != 0) {
        snprintf(err, err_size, "rtnetlink: %s", strerror(-error));
        free(m);
        return NULL;
    }
    return m;
}

static void on_closed(uv_handle_t *handle)
{
    struct mirror *m = handle->data;
    m->closed = true;
    if (m->answers == 0) {
        free(m);
    }
}

void mirror_close(struct mirror *m)
{
    if (m == NULL) {
        return;
    }
    mirror_nl_close(m, on_closed);
    fib_clear(&m->fib);
    size_t at = 0;
    void *item;
    while ((item = map_next(&m->neighbours, &at, NULL)) != NULL) {
        free(item);
    }
    at = 0;
    while ((item = map_next(&m->peers, &at, NULL)) != NULL) {
        free(item);
    }
    map_free(&m->neighbours);
    map_free(&m->peers);
}

void mirror_walk(struct mirror *m, void (*fn)(void *arg, const struct mirror_entry *e), void *arg)
{
    size_t at = 0;
    const struct fib_prefix *p;
    while ((p = map_next(&m->fib.prefixes, &at, NULL)) != NULL) {
        if (!p->told) {
            continue;
        }
        struct mirror_entry e = {.route = p->now, .failed = p->failed};
        const struct fib_route *best = fib_best(p);
        if (best != NULL) {
            e.device = best->device;
            e.gateway = best->gateway;
            e.protocol = best->protocol;
            e.metric = best->metric;
        }
        fn(arg, &e);
    }
}

struct mirror_counters mirror_counters(const struct mirror *m)
{
    return m->counters;
}
