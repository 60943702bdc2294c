// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/route/mirror_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFRESH_TICKS = 20, RETRY_TICKS = 1 }; // how often the neighbours in use are asked for

static const struct link *link_of(const struct mirror *m, int device)
{
    return device == 0 || device == m->leaving ? NULL : links_by_index(m->links, device);
}

static bool resolved(const struct mirror *m, int device, struct ip_addr addr)
{
    const struct neighbour *n = ipmap_get(&m->neighbours, &addr, (uint32_t)device);
    return n != NULL && n->resolved;
}

// The device of the inside port, 0: none.
static int inside(const struct mirror *m)
{
    const struct link *k = m->links->port[DP_PORT_INSIDE];
    return k == NULL || k->index == m->leaving ? 0 : k->index;
}

static void to_neighbour(struct dp_route *r, enum dp_port port, struct ip_addr addr)
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
        bool near = p->length == ip_bits(&p->prefix) && device != 0 && resolved(m, device, p->prefix);
        to_neighbour(out, DP_PORT_INSIDE, p->prefix);
        return near;
    }
    const struct link *k = link_of(m, best->device);
    if (best->kind == FIB_DROP) {
        out->to = DP_TO_DROP;
    } else if (best->kind == FIB_UNICAST && k != NULL && link_is_tunnel(k)) {
        // Of a shared device only what sessions have asked for; the rest finds no way there, either.
        const struct link *behind = ip_is_set(&best->gateway) ? k : link_behind(k, &p->prefix, p->length);
        if (behind != NULL && behind->has_tunnel) {
            out->to = DP_TO_TUNNEL;
            out->tunnel = behind->tunnel;
        }
    } else if (best->kind == FIB_UNICAST && k != NULL && k->has_port && k->port == DP_PORT_INSIDE) {
        struct ip_addr hop = ip_is_set(&best->gateway) ? best->gateway : p->prefix;
        bool single = ip_is_set(&best->gateway) || p->length == ip_bits(&p->prefix);
        if (single && resolved(m, k->index, hop)) {
            to_neighbour(out, k->port, hop);
        }
    }
    return true;
}

struct answer {
    struct mirror *m;
    struct ip_addr prefix;
    uint8_t length;
};

static void on_answer(void *arg, int error)
{
    struct answer *a = arg;
    struct mirror *m = a->m;
    m->answers--;
    if (error != 0 && error != -ECANCELED && !m->closed) {
        struct fib_prefix *p = fib_prefix(&m->fib, a->prefix, a->length, false);
        char text[IP_TEXT];
        m->counters.refused++;
        if (p != NULL) {
            p->failed = true;
        }
        log_write(m->log, LOG_WARNING, "route", "the datapath did not take %s/%u: %s", ip_format(&a->prefix, text),
                  a->length, strerror(-error));
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
           (a->to != DP_TO_NEIGHBOUR || (a->port == b->port && ip_equal(&a->neighbour, &b->neighbour)));
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

// Decide on a list of prefixes, and release it. Collected first: deciding changes the tables.
static void decide_list(struct mirror *m, struct list *some)
{
    for (size_t i = 0; i < some->n; i++) {
        decide(m, some->at[i]);
    }
    list_free(some);
}

static void decide_all(struct mirror *m)
{
    struct list some = {0};
    size_t at = 0;
    struct fib_prefix *p;
    while ((p = ipmap_next(&m->fib.prefixes, &at)) != NULL) {
        if (!list_add(&some, p)) {
            break;
        }
    }
    decide_list(m, &some);
}

// The prefixes with a route over a device, each once.
static struct list over_device(const struct mirror *m, int device)
{
    struct list some = {0};
    for (const struct fib_route *r = fib_over(&m->fib, device); r != NULL; r = r->next) {
        if (!r->prefix->listed) {
            r->prefix->listed = list_add(&some, r->prefix);
        }
    }
    for (size_t i = 0; i < some.n; i++) {
        ((struct fib_prefix *)some.at[i])->listed = false;
    }
    return some;
}

// Decide on the prefixes whose best route goes over the device by the gateway. What goes into tunnels is not looked at.
static void decide_gateway(struct mirror *m, int device, const struct ip_addr *gateway)
{
    struct list some = over_device(m, device);
    size_t n = 0;
    for (size_t i = 0; i < some.n; i++) {
        const struct fib_route *best = fib_best(some.at[i]);
        if (best != NULL && ip_equal(&best->gateway, gateway)) {
            some.at[n++] = some.at[i];
        }
    }
    some.n = n;
    decide_list(m, &some);
}

// ------------------------------------------------------------------------------------------------ next hops

static void enqueue(struct hop_queue *q, struct hop *h, unsigned at)
{
    struct hop **end = q->first == NULL ? &q->first : q->end;
    h->at = at;
    h->in = q;
    h->next = NULL;
    h->back = end;
    *end = h;
    q->end = &h->next;
}

static void dequeue(struct hop *h)
{
    *h->back = h->next;
    if (h->next != NULL) {
        h->next->back = h->back;
    } else {
        h->in->end = h->back;
    }
}

static bool hop_resolved(const struct mirror *m, const struct hop *h)
{
    return resolved(m, h->device, h->addr);
}

// Have the kernel resolve it, or confirm it, if the datapath sends there; and when to look again.
static void keep_resolved(struct mirror *m, struct hop *h, bool refresh)
{
    const struct link *k = link_of(m, h->device);
    bool needed = k != NULL && k->has_port, there = hop_resolved(m, h);
    m->visits++;
    if (needed && (refresh || !there)) {
        nl_neighbour_use(m->links->nl, h->device, &h->addr);
    }
    bool wait = !needed || there;
    enqueue(wait ? &m->kept : &m->unresolved, h, m->ticks + (wait ? REFRESH_TICKS : RETRY_TICKS));
}

static struct hop *hop_get(struct mirror *m, const struct ip_addr *addr, int device)
{
    struct hop *h = ipmap_get(&m->hops, addr, (uint32_t)device);
    if (h == NULL) {
        h = calloc(1, sizeof(*h));
        if (h == NULL || !ipmap_set(&m->hops, addr, (uint32_t)device, h)) {
            free(h);
            return NULL;
        }
        h->addr = *addr;
        h->device = device;
        keep_resolved(m, h, false);
    }
    h->refs++;
    return h;
}

static void hop_put(struct mirror *m, struct hop *h)
{
    if (h != NULL && --h->refs == 0) {
        dequeue(h);
        ipmap_del(&m->hops, &h->addr, (uint32_t)h->device);
        free(h);
    }
}

// ------------------------------------------------------------------------------------------------ from the kernel

// A route that may be the way to a peer is another one.
static void changed_at(struct mirror *m, const struct ip_addr *prefix, unsigned length)
{
    if (m->changes < MIRROR_CHANGES) {
        m->change[m->changes].prefix = *prefix;
        m->change[m->changes++].length = (uint8_t)length;
    } else {
        m->peers_dirty = true;
    }
}

void mirror_route(struct mirror *m, struct ip_addr prefix, unsigned length, const struct fib_route *r, bool present)
{
    struct fib_prefix *p = fib_prefix(&m->fib, prefix, length, present);
    if (p == NULL) {
        return;
    }
    bool changed = present ? fib_add(&m->fib, p, r) : fib_del(&m->fib, p, r);
    // What goes over a tunnel of ours is no way to a peer.
    const struct link *k = link_of(m, r->device);
    if (changed && r->kind != FIB_LOCAL && (k == NULL || !link_is_tunnel(k))) {
        changed_at(m, &prefix, length);
    }
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

void mirror_neighbour(struct mirror *m, int device, struct ip_addr addr, const uint8_t *mac)
{
    struct neighbour *n = ipmap_get(&m->neighbours, &addr, (uint32_t)device);
    if (n == NULL && mac == NULL) {
        return;
    }
    if (n == NULL) {
        n = calloc(1, sizeof(*n));
        if (n == NULL || !ipmap_set(&m->neighbours, &addr, (uint32_t)device, n)) {
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
        ipmap_del(&m->neighbours, &addr, (uint32_t)device);
        free(n);
        struct hop *h = ipmap_get(&m->hops, &addr, (uint32_t)device);
        if (h != NULL && h->in == &m->kept) {
            dequeue(h);
            enqueue(&m->unresolved, h, m->ticks + RETRY_TICKS);
        }
    }
    if (m->loading) {
        return;
    }
    struct fib_prefix *p = device == inside(m) ? fib_prefix(&m->fib, addr, ip_bits(&addr), true) : NULL;
    if (p != NULL) {
        decide(m, p);
    }
    if (device == inside(m)) {
        decide_gateway(m, device, &addr);
    }
}

void mirror_device_down(struct mirror *m, int device)
{
    struct list some = over_device(m, device);
    for (size_t i = 0; i < some.n; i++) {
        struct fib_prefix *p = some.at[i];
        for (size_t n = p->routes.n; n-- > 0;) {
            const struct fib_route *r = p->routes.at[n];
            if (r->device == device && r->kind != FIB_LOCAL) {
                fib_drop(&m->fib, p, n);
            }
        }
    }
    const struct link *k = links_by_index(m->links, device);
    m->peers_dirty |= some.n > 0 && (k == NULL || !link_is_tunnel(k));
    if (m->loading) {
        list_free(&some);
    } else {
        decide_list(m, &some);
    }
}

void mirror_load_begin(struct mirror *m)
{
    m->loading = true;
    size_t at = 0;
    struct fib_prefix *p;
    while ((p = ipmap_next(&m->fib.prefixes, &at)) != NULL) {
        fib_empty(&m->fib, p);
    }
}

void mirror_load_end(struct mirror *m)
{
    m->loading = false;
    m->peers_dirty = true;
    size_t at = 0;
    struct neighbour *n;
    int device = inside(m);
    while ((n = ipmap_next(&m->neighbours, &at)) != NULL) {
        if (n->device == device) {
            fib_prefix(&m->fib, n->addr, ip_bits(&n->addr), true);
        }
    }
    decide_all(m);
}

// ------------------------------------------------------------------------------------------------ peers' next hops

static void resolve_peer(struct mirror *m, struct peer *p)
{
    struct nl_path path;
    m->visits++;
    if (nl_route_get(m->links->nl, &p->remote, &path) != 0) {
        return;
    }
    struct ip_addr next = ip_is_set(&path.gateway) ? path.gateway : p->remote;
    struct hop *old = p->hop, *h = hop_get(m, &next, path.index);
    if (h == NULL) {
        return;
    }
    bool moved = old == NULL || !ip_equal(&next, &old->addr);
    p->hop = h;
    hop_put(m, old);
    if (moved) {
        dp_nexthop(m->dp, p->remote, next);
    }
}

void mirror_peer(struct mirror *m, struct ip_addr remote, bool present)
{
    if (!m->links->ports) {
        return; // the kernel itself sends what goes to peers
    }
    struct peer *p = ipmap_get(&m->peers, &remote, 0);
    if (present && p == NULL) {
        p = calloc(1, sizeof(*p));
        if (p == NULL || !ipmap_set(&m->peers, &remote, 0, p)) {
            free(p);
            return;
        }
        p->remote = remote;
        resolve_peer(m, p);
    }
    if (p != NULL && present) {
        p->refs++;
    } else if (p != NULL && --p->refs == 0) {
        ipmap_del(&m->peers, &remote, 0);
        hop_put(m, p->hop);
        free(p);
    }
}

static bool concerned(const struct mirror *m, const struct ip_addr *remote)
{
    bool any = m->peers_dirty;
    for (unsigned i = 0; i < m->changes && !any; i++) {
        any = ip_in(remote, &m->change[i].prefix, m->change[i].length);
    }
    return any;
}

// The kernel is asked for those peers only whose addresses lie in what has changed.
void mirror_batch_end(struct mirror *m)
{
    size_t at = 0;
    struct peer *p;
    if ((!m->peers_dirty && m->changes == 0) || m->loading) {
        return;
    }
    while ((p = ipmap_next(&m->peers, &at)) != NULL) {
        if (concerned(m, &p->remote)) {
            resolve_peer(m, p);
        }
    }
    m->peers_dirty = false;
    m->changes = 0;
}

static void run_queue(struct mirror *m, struct hop_queue *q, bool refresh)
{
    struct hop *h;
    while ((h = q->first) != NULL && h->at <= m->ticks) {
        dequeue(h);
        keep_resolved(m, h, refresh);
    }
}

void mirror_tick(struct mirror *m)
{
    m->ticks++;
    run_queue(m, &m->unresolved, false);
    run_queue(m, &m->kept, true);
}

// ------------------------------------------------------------------------------------------------ from the daemon

void mirror_link(struct mirror *m, const struct link *link, bool present)
{
    if (!present) {
        m->leaving = link->index;
        mirror_device_down(m, link->index);
    }
    struct list some = over_device(m, link->index);
    decide_list(m, &some);
    if (present && link->has_port) {
        size_t at = 0;
        struct neighbour *n;
        while ((n = ipmap_next(&m->neighbours, &at)) != NULL) {
            if (n->device == link->index) {
                tell_neighbour(m, n);
            }
        }
        decide_all(m);
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

void mirror_on_change(struct mirror *m, void (*fn)(void *arg), void *arg)
{
    m->on_change = fn;
    m->on_change_arg = arg;
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
    while ((item = ipmap_next(&m->neighbours, &at)) != NULL) {
        free(item);
    }
    at = 0;
    while ((item = ipmap_next(&m->peers, &at)) != NULL) {
        free(item);
    }
    at = 0;
    while ((item = ipmap_next(&m->hops, &at)) != NULL) {
        free(item);
    }
    ipmap_free(&m->neighbours);
    ipmap_free(&m->peers);
    ipmap_free(&m->hops);
}

void mirror_walk(struct mirror *m, void (*fn)(void *arg, const struct mirror_entry *e), void *arg)
{
    size_t at = 0;
    const struct fib_prefix *p;
    while ((p = ipmap_next(&m->fib.prefixes, &at)) != NULL) {
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
