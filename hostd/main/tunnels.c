// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/tunnels.h"

#include <stdlib.h>
#include <string.h>

enum {
    TUNNEL_FIRST_RETRY = 1, // seconds
    TUNNEL_LAST_RETRY = 30, // seconds; pauses double up to this
    TUNNEL_ENDS_AGAIN = 5,  // seconds
};

static uint64_t key_of(struct ifid id)
{
    return (uint64_t)id.kind << 32 | id.number;
}

struct tunnel *tunnels_find(const struct tunnels *t, struct ifid id)
{
    return map_get(&t->by_id, key_of(id));
}

bool tunnels_has(const struct tunnels *t, uint32_t session)
{
    return session != 0 && map_get(&t->by_session, session) != NULL;
}

// When to start it; a time that is over: at the next tunnels_run. One whose destination is dynamic waits for its peer.
static void start_at(struct tunnels *t, struct tunnel *k, uint64_t at)
{
    if (!k->conf.destination_dynamic) {
        ike_heap_start(&t->due, &k->due, at);
    }
}

void tunnels_take(struct tunnels *t, struct tunnel *k, uint32_t session)
{
    if (k->session != 0 && map_get(&t->by_session, k->session) == k) {
        map_del(&t->by_session, k->session);
    }
    k->session = 0;
    if (session != 0 && map_set(&t->by_session, session, k)) { // else it is as if it had never come
        ike_heap_stop(&t->due, &k->due);
        k->session = session;
    }
}

static bool is_plain(const struct conf_if *f)
{
    return f->protection.name[0] == '\0';
}

static bool wanted(const struct conf_if *f)
{
    return f->id.kind == IF_TUNNEL && !f->shutdown && f->has_destination && (!is_plain(f) || conf_mode_gre(f->mode));
}

static bool same_peer(const struct conf_if *a, const struct conf_if *b)
{
    return ip_equal(&a->destination, &b->destination) && strcmp(a->destination_name, b->destination_name) == 0 &&
           a->destination_dynamic == b->destination_dynamic && a->has_source == b->has_source &&
           ip_equal(&a->source, &b->source) && ifid_equal(a->source_if, b->source_if) && a->mode == b->mode &&
           a->has_key == b->has_key && a->key == b->key && a->address_kind == b->address_kind &&
           a->address6_kind == b->address6_kind && a->ipv6_enable == b->ipv6_enable &&
           strcmp(a->protection.name, b->protection.name) == 0;
}

static void forget(struct tunnels *t, struct tunnel *k)
{
    map_del(&t->by_id, key_of(k->conf.id));
    ike_heap_stop(&t->due, &k->due);
    ike_heap_release(&t->due, 1);
    free(k);
}

static void drop(struct tunnels *t, struct tunnel *k)
{
    const uint32_t session = k->session;
    struct tunnel *last = t->all.at[--t->all.n];
    t->all.at[k->place] = last;
    last->place = k->place;
    tunnels_take(t, k, 0);
    forget(t, k);
    if (session != 0) {
        t->stop(t->ctx, session);
    }
}

static struct tunnel *add(struct tunnels *t, const struct conf_if *f)
{
    struct tunnel *k = must_alloc(sizeof(*k));
    k->conf = *f;
    k->destination = f->destination;
    k->due.owner = k;
    k->place = t->all.n;
    if (!ike_heap_reserve(&t->due, 1)) {
        free(k);
        return NULL;
    }
    if (!map_set(&t->by_id, key_of(f->id), k) || !list_add(&t->all, k)) {
        forget(t, k);
        return NULL;
    }
    return k;
}

void tunnels_apply(struct tunnels *t, const struct conf *c, uint64_t now)
{
    for (size_t i = t->all.n; i-- > 0;) {
        struct tunnel *k = t->all.at[i];
        const struct conf_if *f = conf_find_if(c, k->conf.id);
        if (f == NULL || !wanted(f) || !same_peer(f, &k->conf)) {
            drop(t, k);
        }
    }
    for (size_t i = 0; i < c->ifs.n; i++) {
        const struct conf_if *f = c->ifs.at[i];
        struct tunnel *k = tunnels_find(t, f->id);
        if (!wanted(f)) {
            continue;
        }
        if (k == NULL) {
            k = add(t, f);
            if (k == NULL) {
                continue;
            }
            start_at(t, k, now);
        }
        k->conf = *f;
    }
}

void tunnels_free(struct tunnels *t)
{
    list_free_all(&t->all);
    map_free(&t->by_id);
    map_free(&t->by_session);
    ike_heap_clear(&t->due);
}

static void later(struct tunnels *t, struct tunnel *k, uint64_t now)
{
    uint64_t pause = TUNNEL_FIRST_RETRY;
    for (unsigned i = 0; i < k->failures && pause < TUNNEL_LAST_RETRY; i++) {
        pause *= 2;
    }
    k->failures++;
    start_at(t, k, now + (pause < TUNNEL_LAST_RETRY ? pause : TUNNEL_LAST_RETRY) * 1000000);
}

static void start(struct tunnels *t, struct tunnel *k, uint64_t now)
{
    if (is_plain(&k->conf)) {
        k->up = t->ends(t->ctx, &k->conf, &k->destination);
        start_at(t, k, now + (uint64_t)TUNNEL_ENDS_AGAIN * 1000000);
        return;
    }
    tunnels_take(t, k, t->start(t->ctx, &k->conf, &k->destination));
    if (k->session == 0) {
        later(t, k, now);
    }
}

void tunnels_run(struct tunnels *t, uint64_t now)
{
    const struct ike_timer *timer;
    while ((timer = ike_heap_due(&t->due, now)) != NULL) {
        struct tunnel *k = timer->owner;
        t->visits++;
        if (k->session != 0 || k->asked) {
            continue;
        }
        if (ip_is_set(&k->destination)) {
            start(t, k, now);
            continue;
        }
        k->asked = t->lookup(t->ctx, k->conf.id, k->conf.destination_name, conf_mode_family(k->conf.mode));
        if (!k->asked) {
            later(t, k, now);
        }
    }
}

void tunnels_found(struct tunnels *t, struct ifid id, const char *name, const struct ip_addr *addr, uint64_t now)
{
    struct tunnel *k = tunnels_find(t, id);
    if (k == NULL || !k->asked || strcmp(k->conf.destination_name, name) != 0) {
        return; // it goes elsewhere meanwhile
    }
    k->asked = false;
    k->destination = *addr;
    if (ip_is_set(addr) && k->session == 0) {
        start(t, k, now);
    } else if (!ip_is_set(addr)) {
        later(t, k, now);
    }
}

void tunnels_up(struct tunnels *t, struct ifid id, uint32_t session)
{
    struct tunnel *k = tunnels_find(t, id);
    if (k != NULL && (k->session == session || k->session == 0 || !k->up)) {
        // A peer that was faster than our own attempt has done our work; that attempt ends by itself.
        tunnels_take(t, k, session);
        k->up = true;
        k->failures = 0;
    }
}

void tunnels_down(struct tunnels *t, uint32_t session, uint64_t now)
{
    struct tunnel *k = map_get(&t->by_session, session);
    t->visits++;
    if (k != NULL) {
        tunnels_take(t, k, 0);
        k->up = false;
        k->destination = k->conf.destination; // a name is looked up again
        later(t, k, now);
    }
}
