// SPDX-License-Identifier: BSD-2-Clause
// The card's datapath: next hops, routes, tunnels, ports.
//
// A next hop is in the card's adjacency table while an SA or a route refers to it. It is written before the first of
// them; until the kernel has told its MAC address it is written as invalid, and written again when it becomes known.
#include "hostd/dp/card.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t dpc_port_key(enum dp_port port, struct ip_addr address)
{
    return (uint64_t)port << 32 | card_v4(&address);
}

struct ip_addr dpc_nexthop_of(struct card *c, struct ip_addr remote)
{
    const struct ip_addr *known = map_get(&c->nexthops, card_v4(&remote));
    return known ? *known : remote;
}

int dpc_adj_get(struct card *c, enum dp_port port, struct ip_addr address)
{
    int vacant = CARD_NONE;
    for (uint32_t i = 0; i < c->adjs; i++) {
        struct card_adj *a = &c->adj[i];
        if (a->refs && a->port == port && ip_equal(&a->address, &address)) {
            a->refs++;
            return (int)i;
        }
        if (!a->refs && vacant == CARD_NONE)
            vacant = (int)i;
    }
    if (vacant == CARD_NONE)
        dp_card_log(c, DP_LOG_ERROR, "the card's table of next hops is full (%u)", c->adjs);
    else
        c->adj[vacant] = (struct card_adj){.refs = 1, .port = port, .address = address};
    return vacant;
}

// The entry stays in the card; nothing there refers to it, and it is written again before something does.
void dpc_adj_put(struct card *c, int index)
{
    if (index != CARD_NONE && c->adj[index].refs)
        c->adj[index].refs--;
}

bool dpc_adj_write(struct card *c, struct card_op *op, int index, int step)
{
    struct card_adj *a = &c->adj[index];
    if (a->written)
        return true;
    const struct card_neighbour *known = map_get(&c->neighbours, dpc_port_key(a->port, a->address));
    struct culvert_adj abi = {.index = (uint16_t)index, .port = (uint8_t)a->port, .valid = known != NULL};
    if (known)
        memcpy(abi.mac, known->mac, sizeof(abi.mac));
    a->written = true; // taken back by who sees the error
    int rc = culvert_adj_set(c->driver, &abi, dpc_op_completed, op);
    dpc_op_wait(op, step, rc);
    return false;
}

void dpc_neighbour_changed(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    (void)body;
    if (op->step == 1) {
        if (error && op->adj != CARD_NONE) {
            c->adj[op->adj].written = false;
            dp_card_log(c, DP_LOG_ERROR, "the card did not take a next hop's MAC address: %s", strerror(-error));
        }
        dpc_op_end(op, error);
        return;
    }
    for (uint32_t i = 0; i < c->adjs; i++) {
        struct card_adj *a = &c->adj[i];
        if (a->refs && a->port == op->port && ip_equal(&a->address, &op->address))
            op->adj = (int)i;
    }
    if (op->adj == CARD_NONE) {
        dpc_op_end(op, 0);
        return;
    }
    c->adj[op->adj].written = false;
    dpc_adj_write(c, op, op->adj, 1);
}

// Every SA of a peer whose next hop is another one now moves to it, one after the other.
void dpc_nexthop_changed(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    enum { NEXT, ADJACENCY, PATH };
    struct ip_addr to = dpc_nexthop_of(c, op->address);
    (void)body;
    if (op->step != NEXT && error) {
        if (op->step == ADJACENCY)
            c->adj[op->adj].written = false;
        dpc_adj_put(c, op->adj);
        dp_card_log(c, DP_LOG_ERROR, "the card did not take a new next hop: %s", strerror(-error));
        dpc_op_end(op, error);
        return;
    }
    if (op->step == PATH) {
        dpc_adj_put(c, c->out[op->index].adj);
        c->out[op->index].adj = op->adj;
        op->step = NEXT;
    }
    if (op->step == NEXT) {
        op->index = CARD_NONE;
        for (uint32_t i = 0; i < c->sas && op->index == CARD_NONE; i++)
            if (c->out[i].used && ip_equal(&c->out[i].path.remote, &op->address) &&
                !ip_equal(&c->adj[c->out[i].adj].address, &to))
                op->index = (int)i;
        op->adj = op->index == CARD_NONE ? CARD_NONE : dpc_adj_get(c, DP_PORT_OUTSIDE, to);
        if (op->adj == CARD_NONE) {
            dpc_op_end(op, op->index == CARD_NONE ? 0 : -ENOSPC);
            return;
        }
        op->step = ADJACENCY;
        if (!dpc_adj_write(c, op, op->adj, ADJACENCY))
            return;
    }
    const struct card_out *out = &c->out[op->index];
    struct culvert_sa a = {.index = (uint16_t)op->index,
                           .dir = CULVERT_SA_OUT,
                           .spi = out->spi,
                           .flags = out->path.encap ? CULVERT_SA_ENCAP : 0,
                           .adj = (uint16_t)op->adj,
                           .src = card_v4(&out->path.local),
                           .dst = card_v4(&out->path.remote),
                           .sport = out->path.local_port,
                           .dport = out->path.remote_port};
    dpc_op_wait(op, PATH, culvert_sa_path(c->driver, &a, dpc_op_completed, op));
}

static uint64_t route_key(const struct dp_route *r)
{
    return (uint64_t)r->length << 32 | card_v4(&r->prefix);
}

static struct culvert_route abi_route(const struct dp_route *r)
{
    return (struct culvert_route){.prefix = card_v4(&r->prefix), .length = r->length};
}

static int route_valid(struct card *c, const struct dp_route *r)
{
    uint32_t host = r->length == 0 ? UINT32_MAX : r->length >= 32 ? 0 : UINT32_MAX >> r->length;
    if (r->length > 32 || (card_v4(&r->prefix) & host) != 0 || r->to > DP_TO_NEIGHBOUR ||
        (r->to == DP_TO_TUNNEL && (r->tunnel >= c->tunnels || !c->tunnel[r->tunnel].used)))
        return -EINVAL;
    return 0;
}

// The card has the route; our record of what it refers to follows.
static int route_record(struct card *c, const struct dp_route *r, int adj)
{
    struct card_route *known = map_get(&c->routes, route_key(r));
    if (!known) {
        known = malloc(sizeof(*known));
        if (!known || !map_set(&c->routes, route_key(r), known)) {
            free(known);
            return -ENOMEM;
        }
        known->adj = CARD_NONE;
    }
    dpc_adj_put(c, known->adj);
    known->adj = adj;
    return 0;
}

void dpc_route_set(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    enum { START, ADJACENCY, ROUTE, TAKEN_BACK };
    const struct dp_route *r = &op->route;
    struct culvert_route a = abi_route(r);
    (void)body;
    if (op->step == START) {
        int rc = route_valid(c, r);
        if (rc == 0 && r->to == DP_TO_NEIGHBOUR && (op->adj = dpc_adj_get(c, r->port, r->neighbour)) == CARD_NONE)
            rc = -ENOSPC;
        if (rc) {
            dpc_op_end(op, rc);
            return;
        }
        op->step = ADJACENCY;
        if (op->adj != CARD_NONE && !dpc_adj_write(c, op, op->adj, ADJACENCY))
            return;
    }
    if (op->step == ADJACENCY && !error) {
        static const uint8_t KIND[] = {[DP_TO_HOST] = CULVERT_TARGET_HOST,
                                       [DP_TO_DROP] = CULVERT_TARGET_DROP,
                                       [DP_TO_TUNNEL] = CULVERT_TARGET_TUNNEL,
                                       [DP_TO_NEIGHBOUR] = CULVERT_TARGET_ADJ};
        a.kind = KIND[r->to];
        a.target = (uint16_t)(r->to == DP_TO_TUNNEL ? r->tunnel : op->adj == CARD_NONE ? 0 : (uint32_t)op->adj);
        dpc_op_wait(op, ROUTE, culvert_route_set(c->driver, &a, dpc_op_completed, op));
        return;
    }
    if (op->step == ROUTE && !error) {
        int rc = route_record(c, r, op->adj);
        if (rc == 0) {
            dpc_op_end(op, 0);
            return;
        }
        op->error = rc;
        dpc_op_wait(op, TAKEN_BACK, culvert_route_del(c->driver, &a, dpc_op_completed, op));
        return;
    }
    if (op->step == ADJACENCY && op->adj != CARD_NONE)
        c->adj[op->adj].written = false;
    if (error == -ENOSPC)
        dp_card_log(c, DP_LOG_WARNING, "the card's routing table is full");
    dpc_adj_put(c, op->adj);
    dpc_op_end(op, op->step == TAKEN_BACK ? op->error : error);
}

void dpc_route_del(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    struct culvert_route a = abi_route(&op->route);
    (void)body;
    if (op->step == 0) {
        dpc_op_wait(op, 1, culvert_route_del(c->driver, &a, dpc_op_completed, op));
        return;
    }
    struct card_route *known = !error || error == -ENOENT ? map_del(&c->routes, route_key(&op->route)) : NULL;
    if (known)
        dpc_adj_put(c, known->adj);
    free(known);
    dpc_op_end(op, error);
}

// A tunnel ends; SAs that still belong to it stay until they are removed, and are its no longer.
void dpc_tunnel_free(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    uint32_t tunnel = op->sa.tunnel;
    (void)body;
    if (op->step == 0) {
        dpc_tunnel_write(c, op, tunnel, CARD_NONE, 1);
        return;
    }
    if (!error || c->failed)
        c->tunnel[tunnel] = (struct card_tunnel){.sa = CARD_NONE};
    dpc_op_end(op, error);
}

void dpc_local_set(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    (void)body;
    if (op->step == 1) {
        if (!error)
            c->local[op->index] = op->up ? ip_v4(&op->address) : (struct in_addr){0};
        else
            dp_card_log(c, DP_LOG_ERROR, "the card did not take an own address: %s", strerror(-error));
        dpc_op_end(op, error);
        return;
    }
    int same = CARD_NONE, vacant = CARD_NONE;
    for (uint32_t i = c->locals; i-- > 0;) {
        if (c->local[i].s_addr == ip_v4(&op->address).s_addr)
            same = (int)i;
        if (c->local[i].s_addr == 0)
            vacant = (int)i;
    }
    op->index = op->up ? vacant : same;
    if ((same != CARD_NONE) == op->up) { // nothing to do
        dpc_op_end(op, 0);
        return;
    }
    if (op->index == CARD_NONE) {
        dp_card_log(c, DP_LOG_ERROR, "the card's table of own addresses is full (%u)", c->locals);
        dpc_op_end(op, -ENOSPC);
        return;
    }
    uint32_t address = op->up ? card_v4(&op->address) : 0;
    dpc_op_wait(op, 1, culvert_local_set(c->driver, (uint8_t)op->index, address, dpc_op_completed, op));
}

void dpc_port_set(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    (void)body;
    if (op->step == 1) {
        if (error)
            dp_card_log(c, DP_LOG_ERROR, "the card did not take a port's settings: %s", strerror(-error));
        dpc_op_end(op, error);
        return;
    }
    struct culvert_port p = {.port = (uint8_t)op->port, .enable = op->up, .mtu = op->mtu};
    memcpy(p.mac, op->mac, sizeof(p.mac));
    dpc_op_wait(op, 1, culvert_port_set(c->driver, &p, dpc_op_completed, op));
}

void dpc_enable(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    (void)body;
    if (op->step == 0)
        dpc_op_wait(op, 1, culvert_enable(c->driver, true, dpc_op_completed, op));
    else
        dpc_op_end(op, error);
}

void dpc_info(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    if (op->step == 0) {
        dpc_op_wait(op, 1, culvert_get_info(c->driver, dpc_op_completed, op));
        return;
    }
    if (!error)
        memcpy(&op->info, body, sizeof(op->info));
    dpc_op_end(op, error);
}

static void counters_read(void *arg, int error, const uint64_t *values, size_t count)
{
    struct card_op *op = arg;
    if (!error && (op->values = calloc(count, sizeof(*values)))) {
        memcpy(op->values, values, count * sizeof(*values));
        op->count = count;
    } else if (!error) {
        error = -ENOMEM;
    }
    dpc_op_end(op, error);
}

void dpc_counters(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    (void)error, (void)body;
    int rc = culvert_counters(c->driver, counters_read, op);
    if (rc)
        dpc_op_end(op, rc);
}
