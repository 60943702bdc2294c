// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/tunnels.h"

#include <stdlib.h>
#include <string.h>

enum {
    TUNNEL_FIRST_RETRY = 1, // seconds
    TUNNEL_LAST_RETRY = 30, // seconds; pauses double up to this
};

struct tunnel *tunnels_find(const struct tunnels *t, struct ifid id)
{
    for (size_t i = 0; i < t->all.n; i++) {
        struct tunnel *k = t->all.at[i];
        if (ifid_equal(k->conf.id, id)) {
            return k;
        }
    }
    return NULL;
}

static bool wanted(const struct conf_if *f)
{
    return f->id.kind == IF_TUNNEL && !f->shutdown && f->has_destination && f->protection.name[0] != '\0';
}

static bool same_peer(const struct conf_if *a, const struct conf_if *b)
{
    return a->destination.s_addr == b->destination.s_addr && a->has_source == b->has_source &&
           a->source.s_addr == b->source.s_addr && ifid_equal(a->source_if, b->source_if) &&
           a->address_kind == b->address_kind && strcmp(a->protection.name, b->protection.name) == 0;
}

static void drop(struct tunnels *t, size_t i)
{
    struct tunnel *k = list_remove_at(&t->all, i);
    if (k->session != 0) {
        t->stop(t->ctx, k->session);
    }
    free(k);
}

void tunnels_apply(struct tunnels *t, const struct conf *c, uint64_t now)
{
    for (size_t i = t->all.n; i-- > 0;) {
        struct tunnel *k = t->all.at[i];
        const struct conf_if *f = conf_find_if(c, k->conf.id);
        if (f == NULL || !wanted(f) || !same_peer(f, &k->conf)) {
            drop(t, i);
        }
    }
    for (size_t i = 0; i < c->ifs.n; i++) {
        const struct conf_if *f = c->ifs.at[i];
        struct tunnel *k = tunnels_find(t, f->id);
        if (!wanted(f)) {
            continue;
        }
        if (k == NULL) {
            k = must_alloc(sizeof(*k));
            k->retry_at = now;
            if (!list_add(&t->all, k)) {
                free(k);
                continue;
            }
        }
        k->conf = *f;
    }
}

void tunnels_free(struct tunnels *t)
{
    list_free_all(&t->all);
}

static void later(struct tunnel *k, uint64_t now)
{
    uint64_t pause = TUNNEL_FIRST_RETRY;
    for (unsigned i = 0; i < k->failures && pause < TUNNEL_LAST_RETRY; i++) {
        pause *= 2;
    }
    k->failures++;
    k->retry_at = now + (pause < TUNNEL_LAST_RETRY ? pause : TUNNEL_LAST_RETRY) * 1000000;
}

void tunnels_run(struct tunnels *t, uint64_t now)
{
    for (size_t i = 0; i < t->all.n; i++) {
        struct tunnel *k = t->all.at[i];
        if (k->session == 0 && now >= k->retry_at) {
            k->session = t->start(t->ctx, &k->conf);
            if (k->session == 0) {
                later(k, now);
            }
        }
    }
}

void tunnels_up(struct tunnels *t, struct ifid id, uint32_t session)
{
    struct tunnel *k = tunnels_find(t, id);
    if (k != NULL && (k->session == session || k->session == 0 || !k->up)) {
        // A peer that was faster than our own attempt has done our work; that attempt ends by itself.
        k->session = session;
        k->up = true;
        k->failures = 0;
    }
}

void tunnels_down(struct tunnels *t, uint32_t session, uint64_t now)
{
    for (size_t i = 0; i < t->all.n; i++) {
        struct tunnel *k = t->all.at[i];
        if (k->session == session) {
            k->session = 0;
            k->up = false;
            later(k, now);
        }
    }
}
