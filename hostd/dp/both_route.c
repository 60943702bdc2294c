// SPDX-License-Identifier: BSD-2-Clause
// Card and software as one: the card's routes. Software has none, the kernel's are its.
#include "hostd/dp/both.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void unlink_route(struct both_route *r)
{
    if (!r->at)
        return;
    *r->at = r->next;
    if (r->next)
        r->next->at = r->at;
    r->at = NULL;
    r->next = NULL;
}

static void link_route(struct both_tunnel *t, struct both_route *r)
{
    r->next = t->routes;
    r->at = &t->routes;
    if (r->next)
        r->next->at = &r->next;
    t->routes = r;
}

// The route as the card has it: over a tunnel of its own, or to the host.
static struct dp_route for_card(const struct both *b, const struct dp_route *r)
{
    struct dp_route c = *r;
    const struct both_tunnel *t = r->to == DP_TO_TUNNEL ? both_tunnel(b, r->tunnel) : NULL;
    if (t && t->by_card)
        c.tunnel = t->card;
    else if (t)
        c.to = DP_TO_HOST;
    else if (r->to == DP_TO_TUNNEL)
        c.tunnel = BOTH_NO_TUNNEL; // it refuses that
    return c;
}

void both_route_set(struct dp *d, const struct dp_route *r, dp_done *done, void *arg)
{
    struct both *b = both_of(d);
    struct both_tunnel *t = r->to == DP_TO_TUNNEL ? both_tunnel(b, r->tunnel) : NULL;
    struct both_route *known = ipmap_get(&b->route, &r->prefix, r->length);
    if (t && !known && r->prefix.family == 4) {
        known = calloc(1, sizeof(*known));
        if (!known || !ipmap_set(&b->route, &r->prefix, r->length, known)) {
            free(known);
            later_done(&b->later, done, arg, -ENOMEM);
            return;
        }
    }
    if (known)
        unlink_route(known);
    if (known && t) {
        known->route = *r;
        link_route(t, known);
    } else if (known) { // leads elsewhere now
        ipmap_del(&b->route, &r->prefix, r->length);
        free(known);
    }
    struct dp_route c = for_card(b, r);
    dp_route_set(b->card, &c, done, arg);
}

void both_route_del(struct dp *d, const struct dp_route *r, dp_done *done, void *arg)
{
    struct both *b = both_of(d);
    struct both_route *known = ipmap_del(&b->route, &r->prefix, r->length);
    if (known)
        unlink_route(known);
    free(known);
    dp_route_del(b->card, r, done, arg);
}

static void followed(void *arg, int error)
{
    const struct both *b = arg;
    if (error && error != -ECANCELED)
        both_log(b, DP_LOG_ERROR, "the card did not take a route whose tunnel's SAs have moved: %s", strerror(-error));
}

void both_routes_follow(struct both *b, struct both_tunnel *t)
{
    bool by_card = t->card != BOTH_NO_TUNNEL;
    for (const struct both_out *o = t->out; o; o = o->older)
        by_card &= o->place == BOTH_CARD || !o->four;
    if (by_card == t->by_card || b->closing)
        return;
    t->by_card = by_card;
    for (const struct both_route *r = t->routes; r; r = r->next) {
        struct dp_route c = for_card(b, &r->route);
        dp_route_set(b->card, &c, followed, b);
    }
}

void both_routes_orphan(struct both_tunnel *t)
{
    while (t->routes)
        unlink_route(t->routes);
}

void both_routes_free(struct both *b)
{
    size_t at = 0;
    struct both_route *r;
    while ((r = ipmap_next(&b->route, &at)))
        free(r);
    ipmap_free(&b->route);
}
