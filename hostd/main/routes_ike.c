// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/routes_ike.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 64 };

struct told_session {
    uint32_t id;
    struct link *link;
    struct ip_addr outer;
    uint64_t ends_at;      // 0: never
    struct ike_timer ends; // in told.ends
    unsigned n;
    struct told_route **route;
};

const char *told_state_name(enum told_state s)
{
    static const char *const names[] = {"waiting", "routed", "shadowed", "refused", "failed"};
    return names[s];
}

static const char *net_text(const struct ike_net *n, char out[TEXT])
{
    char addr[TEXT - 8];
    snprintf(out, TEXT, "%s/%u", ike_addr_format(&n->net, addr, sizeof(addr)), n->prefix);
    return out;
}

static bool contains(const struct ike_net *n, const struct ip_addr *a)
{
    if (n->net.family != a->family) {
        return false;
    }
    for (unsigned i = 0; i < n->prefix; i++) {
        if (((n->net.b[i / 8] ^ a->b[i / 8]) >> (7 - i % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

// Networks that no host behind a peer has.
static bool is_special(const struct ike_net *n)
{
    const uint8_t *b = n->net.b;
    if (n->net.family == 4) {
        return n->prefix > 0 && (b[0] == 0 || b[0] == 127 || b[0] >= 224 || (b[0] == 169 && b[1] == 254));
    }
    struct ip_addr loop = {.family = 6};
    loop.b[15] = 1;
    return n->prefix > 0 &&
           (b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || (n->prefix >= 96 && contains(n, &loop)));
}

// ------------------------------------------------------------------------------------------------ one network

static uint64_t key_of(const struct ike_net *n, unsigned distance)
{
    uint64_t w[2], h = 0x9e3779b97f4a7c15U ^ ((uint64_t)n->net.family << 32 | (uint64_t)n->prefix << 16 | distance);
    memcpy(w, n->net.b, sizeof(w));
    for (unsigned i = 0; i < 2; i++) {
        h = (h ^ w[i]) * 0xff51afd7ed558ccdU;
        h ^= h >> 32;
    }
    return h;
}

static bool same(const struct told_route *a, const struct told_route *b)
{
    return a->distance == b->distance && a->net.prefix == b->net.prefix && ip_equal(&a->net.net, &b->net.net);
}

static void install(struct told *t, struct told_route *r)
{
    char text[TEXT];
    int error = t->env.route(t->env.ctx, r->owner->link, &r->net, r->distance, true);
    r->state = error == 0 ? TOLD_ROUTED : TOLD_FAILED;
    if (error != 0) {
        log_write(t->env.log, LOG_WARNING, "route", "session %u: %s: %s", r->owner->id, net_text(&r->net, text),
                  strerror(-error));
    }
}

// The session's interface is there: the route is the network's, or waits behind that of another session. A network
// whose key another one has is left out (one in 2^64).
static void bring_up(struct told *t, struct told_route *r)
{
    uint64_t key = key_of(&r->net, r->distance);
    struct told_route *first = map_get(&t->by_net, key);
    if (first == NULL) {
        if (map_set(&t->by_net, key, r)) {
            r->last_same = r;
            install(t, r);
        }
        return;
    }
    if (!same(first, r)) {
        r->state = TOLD_FAILED;
        return;
    }
    r->prev_same = first->last_same;
    first->last_same->next_same = r;
    first->last_same = r;
    r->state = TOLD_SHADOWED;
    t->visits++;
}

static void take_down(struct told *t, struct told_route *r)
{
    uint64_t key = key_of(&r->net, r->distance);
    struct told_route *first = map_get(&t->by_net, key), *next = r->next_same, *prev = r->prev_same;
    bool routed = r->state == TOLD_ROUTED;
    if (r->state == TOLD_WAITING || r->state == TOLD_REFUSED) {
        return;
    }
    r->state = TOLD_WAITING;
    r->next_same = r->prev_same = NULL;
    t->visits++;
    if (first != r) {
        if (prev != NULL) { // else it was left out, and is in no chain
            prev->next_same = next;
            *(next != NULL ? &next->prev_same : &first->last_same) = prev;
        }
        return;
    }
    if (routed) {
        t->env.route(t->env.ctx, r->owner->link, &r->net, r->distance, false);
    }
    if (next == NULL) {
        map_del(&t->by_net, key);
        return;
    }
    next->prev_same = NULL;
    next->last_same = r->last_same;
    map_set(&t->by_net, key, next); // its place is there: no memory is needed
    install(t, next);
}

// ------------------------------------------------------------------------------------------------ sessions

static struct told_session *session_of(struct told *t, uint32_t id)
{
    struct told_session *s = map_get(&t->by_session, id);
    if (s == NULL) {
        s = calloc(1, sizeof(*s));
        if (s == NULL || !ike_heap_reserve(&t->ends, 1)) {
            free(s);
            return NULL;
        }
        if (!map_set(&t->by_session, id, s)) {
            ike_heap_release(&t->ends, 1);
            free(s);
            return NULL;
        }
        s->id = id;
        s->ends.owner = s;
    }
    return s;
}

static void clear(struct told *t, struct told_session *s)
{
    for (unsigned i = s->n; i-- > 0;) {
        if (s->route[i] != NULL) {
            take_down(t, s->route[i]);
            free(s->route[i]);
        }
    }
    free((void *)s->route);
    s->route = NULL;
    s->n = 0;
}

static const char *why_not(const struct told *t, const struct told_session *s, const struct told_route *r,
                           const struct conf_author *a)
{
    if (a->no_accept && !r->local) {
        return "the authorization policy accepts none";
    }
    if (contains(&r->net, &s->outer)) {
        return "the peer's own outer address is in it";
    }
    if (is_special(&r->net)) {
        return "it is no network that can be routed";
    }
    return t->env.is_static(t->env.ctx, &r->net, r->distance) ? "the configuration has a route to it" : NULL;
}

// One of the routes that the session had before, if it is this one and may stay; it is the caller's then.
static struct told_route *keep(struct told_session *before, const struct told_route *r)
{
    for (unsigned i = 0; i < before->n; i++) {
        struct told_route *old = before->route[i];
        if (old != NULL && old->state != TOLD_REFUSED && same(old, r)) {
            before->route[i] = NULL;
            old->tag = r->tag;
            old->local = r->local;
            return old;
        }
    }
    return NULL;
}

static void add(struct told *t, struct told_session *s, struct told_session *before, const struct conf_author *a,
                const struct ike_net *net, bool local)
{
    struct told_route want = {.net = *net,
                              .distance = a->accept_distance > 0 ? a->accept_distance : 1,
                              .tag = a->accept_tag,
                              .local = local,
                              .owner = s};
    char text[TEXT];
    for (unsigned i = 0; i < s->n; i++) {
        if (s->route[i] != NULL && same(s->route[i], &want)) { // told, and set here too
            return;
        }
    }
    const char *why = why_not(t, s, &want, a);
    struct told_route *r = why == NULL ? keep(before, &want) : NULL;
    if (r != NULL) { // traffic goes on
        s->route[s->n++] = r;
        return;
    }
    r = calloc(1, sizeof(*r));
    if (r == NULL) {
        log_write(t->env.log, LOG_ERR, "route", "session %u: out of memory", s->id);
        return;
    }
    *r = want;
    if (why != NULL) {
        log_write(t->env.log, LOG_WARNING, "route", "session %u: no route to %s over the tunnel: %s", s->id,
                  net_text(net, text), why);
        r->state = TOLD_REFUSED;
    }
    s->route[s->n++] = r;
    if (s->link != NULL && r->state == TOLD_WAITING) {
        bring_up(t, r);
    }
}

void told_set(struct told *t, uint32_t session, const struct conf_author *a, const struct ip_addr *outer,
              const struct ike_cp_values *v)
{
    struct told_session *s = session_of(t, session);
    size_t most = a == NULL ? 0 : a->n_local + (v == NULL ? 0U : v->n_subnet);
    if (s == NULL) {
        return;
    }
    struct told_session before = *s;
    s->outer = *outer;
    s->n = 0;
    s->route = most == 0 ? NULL : calloc(most, sizeof(struct told_route *));
    for (unsigned i = 0; s->route != NULL && i < a->n_local; i++) {
        struct ike_net net = {a->local[i].addr, a->local[i].length};
        add(t, s, &before, a, &net, true);
    }
    for (unsigned i = 0; s->route != NULL && v != NULL && i < v->n_subnet; i++) {
        add(t, s, &before, a, &v->subnet[i], false);
    }
    clear(t, &before);
}

void told_link(struct told *t, uint32_t session, struct link *link)
{
    struct told_session *s = map_get(&t->by_session, session);
    if (s == NULL || s->link == link) {
        return;
    }
    for (unsigned i = s->n; i-- > 0;) {
        take_down(t, s->route[i]);
    }
    s->link = link;
    for (unsigned i = 0; link != NULL && i < s->n; i++) {
        if (s->route[i]->state == TOLD_WAITING) {
            bring_up(t, s->route[i]);
        }
    }
}

void told_end(struct told *t, uint32_t session)
{
    struct told_session *s = map_del(&t->by_session, session);
    if (s != NULL) {
        clear(t, s);
        ike_heap_stop(&t->ends, &s->ends);
        ike_heap_release(&t->ends, 1);
        free(s);
    }
}

void told_free(struct told *t)
{
    size_t at = 0;
    struct told_session *s;
    while ((s = map_next(&t->by_session, &at, NULL)) != NULL) {
        clear(t, s);
        free(s);
    }
    map_free(&t->by_session);
    map_free(&t->by_net);
    ike_heap_clear(&t->ends);
}

void told_ends(struct told *t, uint32_t session, uint64_t at)
{
    struct told_session *s = session_of(t, session);
    if (s != NULL && (s->ends_at == 0 || at < s->ends_at)) {
        s->ends_at = at;
        ike_heap_start(&t->ends, &s->ends, at);
    }
}

void told_due(struct told *t, uint64_t now, void (*fn)(void *arg, uint32_t session), void *arg)
{
    const struct ike_timer *timer;
    while ((timer = ike_heap_due(&t->ends, now)) != NULL) {
        struct told_session *s = timer->owner;
        s->ends_at = 0;
        t->visits++;
        fn(arg, s->id); // which may end it at once
    }
}

const struct told_route *told_find(const struct told *t, const struct ike_net *net, unsigned distance)
{
    const struct told_route *r = map_get(&t->by_net, key_of(net, distance)), want = {.net = *net, .distance = distance};
    return r != NULL && same(r, &want) && r->state == TOLD_ROUTED ? r : NULL;
}

uint32_t told_session_id(const struct told_route *r)
{
    return r->owner->id;
}

void told_walk(const struct told *t, uint32_t session, void (*fn)(void *arg, const struct told_route *r), void *arg)
{
    size_t at = 0;
    const struct told_session *s;
    while ((s = session != 0 ? map_get(&t->by_session, session) : map_next(&t->by_session, &at, NULL)) != NULL) {
        for (unsigned i = 0; i < s->n; i++) {
            fn(arg, s->route[i]);
        }
        if (session != 0) {
            break;
        }
    }
}

// ------------------------------------------------------------------------------------------------ our own side

// Is the entry inside one that was denied before it?
static bool denied(const struct conf_acl *l, unsigned i)
{
    for (unsigned n = 0; n < i; n++) {
        struct ike_net net = {l->at[n].net.addr, l->at[n].net.length};
        if (!l->at[n].permit && net.prefix <= l->at[i].net.length && contains(&net, &l->at[i].net.addr)) {
            return true;
        }
    }
    return false;
}

static void add_list(const struct list *lists, const char *name, struct ike_cp_values *out)
{
    const struct conf_acl *l = name[0] == '\0' ? NULL : conf_find(lists, name);
    for (unsigned i = 0; l != NULL && i < l->n; i++) {
        if (l->at[i].permit && !denied(l, i)) {
            ike_cp_add_subnet(out, &l->at[i].net.addr, l->at[i].net.length);
        }
    }
}

void told_ours(const struct conf *c, const struct conf_author *a, const struct ip_addr *own, const struct ip_addr *own6,
               struct ike_cp_values *out)
{
    if (a->route_interface && own->family == 4) {
        ike_cp_add_subnet(out, own, 32);
    }
    if (a->route_interface && own6->family == 6) {
        ike_cp_add_subnet(out, own6, 128);
    }
    for (unsigned i = 0; i < a->n_route_if; i++) {
        const struct conf_if *f = conf_find_if(c, a->route_if[i].iface);
        if (f != NULL && f->address_kind == CONF_ADDRESS_STATIC) {
            struct ip_addr addr = {.family = 4};
            memcpy(addr.b, &f->addr, 4);
            ike_cp_add_subnet(out, &addr, (uint8_t)conf_mask_length(f->mask));
        }
        for (unsigned n = 0; f != NULL && n < f->n_addr6; n++) {
            ike_cp_add_subnet(out, &f->addr6[n].addr, (uint8_t)f->addr6[n].length);
        }
    }
    for (unsigned i = 0; i < a->n_remote; i++) {
        ike_cp_add_subnet(out, &a->remote[i].addr, a->remote[i].length);
    }
    add_list(&c->acls, a->acl.name, out);
    add_list(&c->acls6, a->acl6.name, out);
}
