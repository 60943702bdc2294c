// SPDX-License-Identifier: BSD-2-Clause
// The card's datapath: attaching, the loop, and requests as operations.
#include "hostd/dp/card.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPI_MIN = 256 };

static struct card *card_of(struct dp *d)
{
    return (struct card *)d;
}

// ---- allocation: at once, without the card

static int spi_alloc(struct dp *d, uint32_t *spi)
{
    struct card *c = card_of(d);
    for (uint32_t i = 0; i < c->sas; i++) {
        uint32_t at = (c->next_in + i) % c->sas, v = 0;
        if (c->in[at].spi)
            continue;
        for (int tries = 0; v < SPI_MIN; tries++) { // 1 to 255 are reserved, 0 is not used on the wire
            if (tries == 100 || RAND_bytes((uint8_t *)&v, sizeof(v)) != 1)
                return -ENOSPC;
            v = v << c->index_bits | at;
        }
        c->next_in = (at + 1) % c->sas;
        c->in[at].spi = *spi = v;
        return 0;
    }
    return -ENOSPC;
}

static int tunnel_new(struct dp *d, const struct dp_tunnel *how, uint32_t *tunnel)
{
    struct card *c = card_of(d);
    if (how->gre) {
        dp_card_log(c, DP_LOG_ERROR, "the card does not do GRE: use tunnel mode ipsec ipv4, or no card");
        return -EOPNOTSUPP;
    }
    for (uint32_t i = 0; i < c->tunnels; i++)
        if (!c->tunnel[i].used) {
            c->tunnel[i] = (struct card_tunnel){.used = true, .mtu = how->mtu, .sa = CARD_NONE};
            *tunnel = i;
            return 0;
        }
    return -ENOSPC;
}

// ---- requests

// An operation that only answers: without memory for the real one.
static void refuse(struct card *c, dp_done *done, void *arg, int error)
{
    later_done(&c->later, done, arg, error);
}

static void spi_free(struct dp *d, uint32_t spi)
{
    struct card_op *op = dpc_op_new(card_of(d), dpc_spi_free);
    if (!op)
        return;
    op->sa.spi = spi;
    dpc_op_submit(card_of(d), op);
}

static void tunnel_free(struct dp *d, uint32_t tunnel)
{
    struct card *c = card_of(d);
    struct card_op *op = tunnel < c->tunnels && c->tunnel[tunnel].used ? dpc_op_new(c, dpc_tunnel_free) : NULL;
    if (!op)
        return;
    op->sa.tunnel = tunnel;
    dpc_op_submit(c, op);
}

static void sa_request(struct card *c, card_step *run, const struct dp_sa *sa, dp_done *done, void *arg)
{
    struct card_op *op = dpc_op_new(c, run);
    if (!op) {
        refuse(c, done, arg, -ENOMEM);
        return;
    }
    op->sa = *sa;
    dp_selectors_ref(op->sa.ts);
    op->done = done;
    op->arg = arg;
    dpc_op_submit(c, op);
}

static void sa_install(struct dp *d, const struct dp_sa *sa, dp_done *done, void *arg)
{
    sa_request(card_of(d), sa->dir == DP_IN ? dpc_install_in : dpc_install_out, sa, done, arg);
}

static void sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_done *done, void *arg)
{
    struct dp_sa sa = {.dir = dir, .spi = spi, .remote = remote};
    sa_request(card_of(d), dir == DP_IN ? dpc_remove_in : dpc_remove_out, &sa, done, arg);
}

static void sa_path(struct dp *d, uint32_t spi, struct ip_addr old_remote, const struct dp_path *path, dp_done *done,
                    void *arg)
{
    struct card_op *op = dpc_op_new(card_of(d), dpc_path);
    if (!op) {
        refuse(card_of(d), done, arg, -ENOMEM);
        return;
    }
    op->sa.spi = spi;
    op->sa.remote = old_remote;
    op->path = *path;
    op->done = done;
    op->arg = arg;
    dpc_op_submit(card_of(d), op);
}

static void sa_counters(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_sa_counters_fn *fn,
                        void *arg)
{
    struct card_op *op = dpc_op_new(card_of(d), dpc_sa_counters);
    if (!op) {
        fn(arg, -ENOMEM, NULL);
        return;
    }
    op->sa.dir = dir;
    op->sa.spi = spi;
    op->sa.remote = remote;
    op->sa_fn = fn;
    op->arg = arg;
    dpc_op_submit(card_of(d), op);
}

static void route(struct card *c, card_step *run, const struct dp_route *r, dp_done *done, void *arg)
{
    if (r->prefix.family != 4) { // IPv6 goes to the host, whatever its routes
        refuse(c, done, arg, 0);
        return;
    }
    struct card_op *op = dpc_op_new(c, run);
    if (!op) {
        refuse(c, done, arg, -ENOMEM);
        return;
    }
    op->route = *r;
    op->done = done;
    op->arg = arg;
    dpc_op_submit(c, op);
}

static void route_set(struct dp *d, const struct dp_route *r, dp_done *done, void *arg)
{
    route(card_of(d), dpc_route_set, r, done, arg);
}

static void route_del(struct dp *d, const struct dp_route *r, dp_done *done, void *arg)
{
    route(card_of(d), dpc_route_del, r, done, arg);
}

// false: nothing changed, or no memory.
static bool learn_neighbour(struct card *c, uint64_t key, const uint8_t *mac)
{
    struct card_neighbour *known = map_get(&c->neighbours, key);
    if (!mac) {
        free(map_del(&c->neighbours, key));
        return known != NULL;
    }
    if (known && memcmp(known->mac, mac, 6) == 0)
        return false;
    if (!known) {
        known = malloc(sizeof(*known));
        if (!known || !map_set(&c->neighbours, key, known)) {
            free(known);
            return false;
        }
    }
    memcpy(known->mac, mac, 6);
    return true;
}

static void neighbour(struct dp *d, enum dp_port port, struct ip_addr address, const uint8_t *mac)
{
    struct card *c = card_of(d);
    bool news = address.family == 4 && learn_neighbour(c, dpc_port_key(port, address), mac);
    struct card_op *op = news ? dpc_op_new(c, dpc_neighbour_changed) : NULL;
    if (!op)
        return;
    op->port = port;
    op->address = address;
    dpc_op_submit(c, op);
}

static void nexthop(struct dp *d, struct ip_addr remote, struct ip_addr next)
{
    struct card *c = card_of(d);
    if (remote.family != 4 || next.family != 4)
        return;
    struct ip_addr *known = map_get(&c->nexthops, card_v4(&remote));
    if (known && ip_equal(known, &next))
        return;
    if (!known) {
        known = malloc(sizeof(*known));
        if (!known || !map_set(&c->nexthops, card_v4(&remote), known)) {
            free(known);
            return;
        }
    }
    *known = next;
    struct card_op *op = dpc_op_new(c, dpc_nexthop_changed);
    if (!op)
        return;
    op->address = remote;
    dpc_op_submit(c, op);
}

static void local_set(struct dp *d, enum dp_port port, struct ip_addr address, bool present)
{
    bool ours = port == DP_PORT_OUTSIDE && address.family == 4;
    struct card_op *op = ours ? dpc_op_new(card_of(d), dpc_local_set) : NULL;
    if (!op) // ESP is for the outside; an own address of the inside is a route to the host
        return;
    op->address = address;
    op->up = present;
    dpc_op_submit(card_of(d), op);
}

static void port_set(struct dp *d, enum dp_port port, const uint8_t mac[6], uint16_t mtu, bool up)
{
    struct card_op *op = dpc_op_new(card_of(d), dpc_port_set);
    if (!op)
        return;
    op->port = port;
    op->mtu = mtu;
    op->up = up;
    memcpy(op->mac, mac, sizeof(op->mac));
    dpc_op_submit(card_of(d), op);
}

static void info(struct dp *d, dp_info_fn *fn, void *arg)
{
    struct card_op *op = dpc_op_new(card_of(d), dpc_info);
    if (!op) {
        fn(arg, NULL);
        return;
    }
    op->info_fn = fn;
    op->arg = arg;
    dpc_op_submit(card_of(d), op);
}

static void counters(struct dp *d, dp_counters_fn *fn, void *arg)
{
    struct card_op *op = dpc_op_new(card_of(d), dpc_counters);
    if (!op) {
        fn(arg, NULL, 0);
        return;
    }
    op->counters_fn = fn;
    op->arg = arg;
    dpc_op_submit(card_of(d), op);
}

// ---- packets to the card

static int send_frame(struct dp *d, enum dp_port port, const uint8_t *frame, size_t len)
{
    return culvert_tx(card_of(d)->driver, port == DP_PORT_OUTSIDE ? CULVERT_PORT_OUTSIDE : CULVERT_PORT_INSIDE, 0,
                      frame, len);
}

static int send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct card *c = card_of(d);
    if (tunnel >= c->tunnels || !c->tunnel[tunnel].used || c->tunnel[tunnel].sa == CARD_NONE)
        return -ENOENT;
    if (len < 20 || packet[0] >> 4 != 4 || ((size_t)packet[2] << 8 | packet[3]) != len)
        return -EINVAL;
    return culvert_tx(c->driver, CULVERT_PORT_TUNNEL, tunnel, packet, len);
}

// ---- the loop

static uint64_t now_us(void *arg)
{
    (void)arg;
    return uv_hrtime() / 1000;
}

static void on_timer(uv_timer_t *timer);

void dpc_arm(struct card *c)
{
    if (c->closing)
        return;
    uint64_t at = culvert_next_timeout(c->driver), now = now_us(NULL);
    if (at == UINT64_MAX)
        uv_timer_stop(&c->timer);
    else
        uv_timer_start(&c->timer, on_timer, at <= now ? 0 : (at - now) / 1000 + 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct card *c = timer->data;
    culvert_expire(c->driver);
    dpc_arm(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct card *c = poll->data;
    (void)status, (void)events;
    if (culvert_process(c->driver) < 0 && c->failed) // its descriptors may stay readable for ever
        for (int i = 0; i < CULVERT_FDS_MAX; i++)
            if (c->poll[i].data)
                uv_poll_stop(&c->poll[i]);
    dpc_arm(c);
}

static void closed(uv_handle_t *handle)
{
    struct card *c = handle->data; // but for the timer of `later`, whose data is its queue
    const struct later *queue = handle->data;
    if (handle == (const uv_handle_t *)&queue->timer)
        c = (struct card *)((char *)handle->data - offsetof(struct card, later));
    if (--c->open_handles == 0)
        free(c);
}

static void map_free_values(struct map *m)
{
    size_t at = 0;
    uint64_t key;
    void *value;
    while ((value = map_next(m, &at, &key)))
        free(value);
    map_free(m);
}

static void tables_free(struct card *c)
{
    for (uint32_t i = 0; c->in && i < c->sas; i++)
        dpc_in_release(&c->in[i]);
    free(c->in);
    free(c->out);
    free(c->tunnel);
    free(c->adj);
    free(c->local);
    map_free(&c->out_by_name);
    map_free_values(&c->neighbours);
    map_free_values(&c->nexthops);
    map_free_values(&c->routes);
}

static void card_free(struct dp *d)
{
    struct card *c = card_of(d);
    c->closing = true;
    c->dp.hooks = (struct dp_hooks){0};
    for (int i = 0; i < CULVERT_FDS_MAX; i++)
        if (c->poll[i].data)
            uv_close((uv_handle_t *)&c->poll[i], closed);
    uv_close((uv_handle_t *)&c->timer, closed);
    culvert_detach(c->driver); // ends what is under way; keys are gone with it
    while (c->first)
        dpc_op_end(c->first, -ECANCELED);
    later_close(&c->later, closed);
    tables_free(c);
}

static bool has_suite(struct dp *d, struct dp_suite suite)
{
    return dpc_has_suite(card_of(d), suite);
}

static const struct dp_class CLASS = {
    .free = card_free,
    .spi_alloc = spi_alloc,
    .spi_free = spi_free,
    .tunnel_new = tunnel_new,
    .tunnel_free = tunnel_free,
    .sa_install = sa_install,
    .sa_path = sa_path,
    .sa_remove = sa_remove,
    .sa_counters = sa_counters,
    .route_set = route_set,
    .route_del = route_del,
    .neighbour = neighbour,
    .local_set = local_set,
    .port_set = port_set,
    .nexthop = nexthop,
    .send_frame = send_frame,
    .send_packet = send_packet,
    .info = info,
    .counters = counters,
    .has_suite = has_suite,
};

static void driver_log(void *arg, enum culvert_log_level level, const char *text)
{
    dp_card_log(arg, (enum dp_log_level)level, "%s", text);
}

static bool tables_new(struct card *c)
{
    const struct culvert_caps *caps = culvert_caps(c->driver);
    c->sas = caps->sas;
    c->tunnels = caps->tunnels;
    c->adjs = caps->adjacencies;
    c->locals = caps->locals;
    while ((1u << c->index_bits) < c->sas)
        c->index_bits++;
    c->in = calloc(c->sas, sizeof(*c->in));
    c->out = calloc(c->sas, sizeof(*c->out));
    c->tunnel = calloc(c->tunnels, sizeof(*c->tunnel));
    c->adj = calloc(c->adjs, sizeof(*c->adj));
    c->local = calloc(c->locals, sizeof(*c->local));
    return c->in && c->out && c->tunnel && c->adj && c->local;
}

static int handles_new(struct card *c)
{
    int fds[CULVERT_FDS_MAX], rc = later_init(&c->later, c->loop);
    size_t n = culvert_fds(c->driver, fds, CULVERT_FDS_MAX);
    uv_timer_init(c->loop, &c->timer);
    c->timer.data = c;
    c->open_handles = 2;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = uv_poll_init(c->loop, &c->poll[i], fds[i]);
        if (rc == 0) {
            c->poll[i].data = c;
            c->open_handles++;
            rc = uv_poll_start(&c->poll[i], UV_READABLE, on_poll);
        }
    }
    return rc;
}

struct dp *dp_card_open(uv_loop_t *loop, const char *where, const struct dp_hooks *hooks, char *err, size_t err_size)
{
    struct card *c = calloc(1, sizeof(*c));
    if (!c) {
        snprintf(err, err_size, "no memory");
        return NULL;
    }
    c->dp = (struct dp){&CLASS, *hooks};
    c->loop = loop;
    c->end = &c->first;
    struct culvert_options options = {
        .log = driver_log, .rx = dpc_rx, .event = dpc_event, .state = dpc_state, .now = now_us, .arg = c};
    c->driver = culvert_attach(where, &options, err, err_size);
    if (!c->driver) {
        free(c);
        return NULL;
    }
    if (!tables_new(c)) {
        snprintf(err, err_size, "no memory");
        culvert_detach(c->driver);
        tables_free(c);
        free(c);
        return NULL;
    }
    int rc = handles_new(c);
    struct card_op *op = rc == 0 ? dpc_op_new(c, dpc_enable) : NULL;
    if (!op) {
        snprintf(err, err_size, "event loop: %s", rc ? uv_strerror(rc) : "no memory");
        card_free(&c->dp);
        return NULL;
    }
    dpc_op_submit(c, op); // ports are off until they are set, so nothing passes yet
    return &c->dp;
}
