// SPDX-License-Identifier: BSD-2-Clause
// Card and software as one datapath: opening, tunnels, and what is asked of both.
#include "hostd/dp/both.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void both_log(const struct both *b, enum dp_log_level level, const char *format, ...)
{
    char text[256];
    va_list args;
    if (!b->dp.hooks.log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    b->dp.hooks.log(b->dp.hooks.arg, level, text);
}

// ---- tunnels

// Room for number `id` in a table of `*n` entries of `size` bytes; new ones are zero. NULL: no memory.
static void *with_room(void *table, uint32_t *n, uint32_t id, size_t size)
{
    uint32_t more = *n ? *n : 16;
    if (id < *n)
        return table;
    while (more <= id)
        more *= 2;
    char *bigger = realloc(table, more * size);
    if (bigger) {
        memset(bigger + *n * size, 0, (more - *n) * size);
        *n = more;
    }
    return bigger;
}

static bool make_room(struct both *b, uint32_t id, uint32_t card)
{
    struct both_tunnel **tunnel = with_room(b->tunnel, &b->tunnels, id, sizeof(struct both_tunnel *));
    b->tunnel = tunnel ? tunnel : b->tunnel;
    uint32_t *by_card =
        card == BOTH_NO_TUNNEL ? b->by_card : with_room(b->by_card, &b->by_cards, card, sizeof(uint32_t));
    b->by_card = by_card ? by_card : b->by_card;
    return tunnel && (by_card || card == BOTH_NO_TUNNEL);
}

static int tunnel_new(struct dp *d, const struct dp_tunnel *how, uint32_t *id)
{
    struct both *b = both_of(d);
    int rc = dp_tunnel_new(b->soft, how, id);
    if (rc)
        return rc;
    struct both_tunnel *t = calloc(1, sizeof(*t));
    uint32_t card = BOTH_NO_TUNNEL;
    if (!how->gre && dp_tunnel_new(b->card, how, &card) != 0) {
        card = BOTH_NO_TUNNEL;
        both_log(b, DP_LOG_NOTE, "a tunnel is carried by software: the card has no more");
    }
    if (!t || !make_room(b, *id, card)) {
        free(t);
        dp_tunnel_free(b->soft, *id);
        if (card != BOTH_NO_TUNNEL)
            dp_tunnel_free(b->card, card);
        return -ENOSPC;
    }
    *t = (struct both_tunnel){.card = card, .by_card = card != BOTH_NO_TUNNEL};
    b->tunnel[*id] = t;
    if (card != BOTH_NO_TUNNEL)
        b->by_card[card] = *id;
    return 0;
}

static void tunnel_free(struct dp *d, uint32_t id)
{
    struct both *b = both_of(d);
    struct both_tunnel *t = both_tunnel(b, id);
    if (!t)
        return;
    both_outs_orphan(t);
    both_routes_orphan(t);
    dp_tunnel_free(b->soft, id);
    if (t->card != BOTH_NO_TUNNEL)
        dp_tunnel_free(b->card, t->card);
    b->tunnel[id] = NULL;
    free(t);
}

// ---- the card's alone

static void neighbour(struct dp *d, enum dp_port port, struct ip_addr address, const uint8_t *mac)
{
    dp_neighbour(both_of(d)->card, port, address, mac);
}

static void local_set(struct dp *d, enum dp_port port, struct ip_addr address, bool present)
{
    dp_local_set(both_of(d)->card, port, address, present);
}

static void port_set(struct dp *d, enum dp_port port, const uint8_t mac[6], uint16_t mtu, bool up)
{
    dp_port_set(both_of(d)->card, port, mac, mtu, up);
}

static void nexthop(struct dp *d, struct ip_addr remote, struct ip_addr next)
{
    dp_nexthop(both_of(d)->card, remote, next);
}

static int send_frame(struct dp *d, enum dp_port port, const uint8_t *frame, size_t len)
{
    return dp_send_frame(both_of(d)->card, port, frame, len);
}

// ---- both

static bool has_suite(struct dp *d, struct dp_suite suite)
{
    return dp_has_suite(both_of(d)->card, suite) || dp_has_suite(both_of(d)->soft, suite);
}

static void esp_in_udp(struct dp *d, const struct ip_addr *from, uint16_t port, const uint8_t *esp, size_t len)
{
    dp_esp_in_udp(both_of(d)->soft, from, port, esp, len);
}

struct asked {
    struct both *both;
    dp_info_fn *info_fn;
    dp_counters_fn *counters_fn;
    void *arg;
    struct dp_counter *card; // the card's counters
    size_t n;
};

// What the card says of itself, and that software is beside it.
static void on_info(void *arg, const struct dp_info *card)
{
    struct asked *a = arg;
    struct dp_info info;
    if (card) {
        info = *card;
        info.software = true;
        info.max_soft = SOFT_SAS_MAX;
        soft_count((const struct soft *)a->both->soft, &info.soft_in, &info.soft_out);
        size_t at = strlen(info.text);
        snprintf(info.text + at, sizeof(info.text) - at, "  what the card cannot carry is carried by software\n");
    }
    a->info_fn(a->arg, card ? &info : NULL);
    free(a);
}

static struct asked *ask(struct both *b, void *arg)
{
    struct asked *a = calloc(1, sizeof(*a));
    if (a)
        *a = (struct asked){.both = b, .arg = arg};
    return a;
}

static void info(struct dp *d, dp_info_fn *fn, void *arg)
{
    struct asked *a = ask(both_of(d), arg);
    if (!a) {
        fn(arg, NULL);
        return;
    }
    a->info_fn = fn;
    dp_info(both_of(d)->card, on_info, a);
}

// Names and texts of software's counters, behind the card's.
static const struct dp_counter SOFT_NAMES[] = {
#define X(name, help) {"software_" #name, "software: " help, 0},
    SOFT_COUNTERS(X)
#undef X
};

static void on_soft_counters(void *arg, const struct dp_counter *soft, size_t n)
{
    struct asked *a = arg;
    struct dp_counter *all = soft && n == SOFT_COUNTERS_N ? calloc(a->n + n + 1, sizeof(*all)) : NULL;
    size_t at = 0;
    for (; all && at < a->n; at++)
        all[at] = a->card[at];
    for (size_t i = 0; all && i < n; i++, at++) {
        all[at] = SOFT_NAMES[i];
        all[at].value = soft[i].value;
    }
    if (all)
        all[at++] = (struct dp_counter){"host_no_selectors",
                                        "dropped by the host: no SA of the tunnel takes the packet", a->both->policy};
    a->counters_fn(a->arg, all, at);
    free(all);
    free(a->card);
    free(a);
}

static void on_card_counters(void *arg, const struct dp_counter *card, size_t n)
{
    struct asked *a = arg;
    a->card = card && !a->both->closing ? calloc(n + 1, sizeof(*card)) : NULL;
    if (!a->card) {
        a->counters_fn(a->arg, NULL, 0);
        free(a);
        return;
    }
    memcpy(a->card, card, n * sizeof(*card));
    a->n = n;
    dp_counters(a->both->soft, on_soft_counters, a);
}

static void counters(struct dp *d, dp_counters_fn *fn, void *arg)
{
    struct asked *a = ask(both_of(d), arg);
    if (!a) {
        fn(arg, NULL, 0);
        return;
    }
    a->counters_fn = fn;
    dp_counters(both_of(d)->card, on_card_counters, a);
}

// ---- what the two call

static void on_frame(void *arg, enum dp_port port, const uint8_t *frame, size_t len)
{
    const struct dp_hooks *hooks = &((struct both *)arg)->dp.hooks;
    if (hooks->frame)
        hooks->frame(hooks->arg, port, frame, len);
}

static void on_packet(void *arg, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    const struct dp_hooks *hooks = &((struct both *)arg)->dp.hooks;
    if (hooks->packet)
        hooks->packet(hooks->arg, tunnel, packet, len);
}

static void on_card_packet(void *arg, uint32_t card, const uint8_t *packet, size_t len)
{
    const struct both *b = arg;
    uint32_t id = card < b->by_cards ? b->by_card[card] : BOTH_NO_TUNNEL;
    const struct both_tunnel *t = both_tunnel(b, id);
    if (t && t->card == card)
        on_packet(arg, id, packet, len);
}

static void on_nhrp(void *arg, uint32_t tunnel, const uint8_t *message, size_t len)
{
    const struct dp_hooks *hooks = &((struct both *)arg)->dp.hooks;
    if (hooks->nhrp)
        hooks->nhrp(hooks->arg, tunnel, message, len);
}

// ESP that the card has no SA for. Its headers have been checked by the card: the way through the kernel and a raw
// socket, which fragments and IPv6 take, would add nothing.
static bool on_esp(void *arg, const struct dp_path *path, const uint8_t *esp, size_t len)
{
    struct soft *s = (struct soft *)((struct both *)arg)->soft;
    uint32_t spi = (uint32_t)esp[0] << 24 | (uint32_t)esp[1] << 16 | (uint32_t)esp[2] << 8 | esp[3];
    if (!soft_in_find(s, spi))
        return false;
    soft_input(s, path, esp, len);
    return true;
}

static void on_event(void *arg, const struct dp_event *event)
{
    const struct dp_hooks *hooks = &((struct both *)arg)->dp.hooks;
    if (hooks->event)
        hooks->event(hooks->arg, event);
}

static void on_log(void *arg, enum dp_log_level level, const char *text)
{
    both_log(arg, level, "%s", text);
}

// ---- life

static void closed(uv_handle_t *handle) // its data is the queue
{
    free((char *)handle->data - offsetof(struct both, later));
}

static void both_free(struct dp *d)
{
    struct both *b = both_of(d);
    b->closing = true;
    b->dp.hooks = (struct dp_hooks){0};
    dp_free(b->card);
    dp_free(b->soft);
    later_close(&b->later, closed);
    both_outs_free(b);
    both_routes_free(b);
    for (uint32_t i = 0; i < b->tunnels; i++)
        free(b->tunnel[i]);
    free(b->tunnel);
    free(b->by_card);
}

static const struct dp_class CLASS = {
    .free = both_free,
    .spi_alloc = both_spi_alloc,
    .spi_free = both_spi_free,
    .tunnel_new = tunnel_new,
    .tunnel_free = tunnel_free,
    .sa_install = both_sa_install,
    .sa_path = both_sa_path,
    .sa_remove = both_sa_remove,
    .sa_counters = both_sa_counters,
    .route_set = both_route_set,
    .route_del = both_route_del,
    .neighbour = neighbour,
    .local_set = local_set,
    .port_set = port_set,
    .nexthop = nexthop,
    .send_frame = send_frame,
    .send_packet = both_send_packet,
    .info = info,
    .counters = counters,
    .has_suite = has_suite,
    .esp_in_udp = esp_in_udp,
};

struct dp *dp_both_open(uv_loop_t *loop, const char *where, int udp4500, int udp4500_v6, const struct dp_hooks *hooks,
                        char *err, size_t err_size)
{
    struct both *b = calloc(1, sizeof(*b));
    if (!b || later_init(&b->later, loop) != 0) {
        snprintf(err, err_size, "no memory");
        free(b);
        return NULL;
    }
    b->dp = (struct dp){&CLASS, *hooks};
    struct dp_hooks of_card = {
        .frame = on_frame, .packet = on_card_packet, .esp = on_esp, .event = on_event, .log = on_log, .arg = b};
    struct dp_hooks of_soft = {.packet = on_packet, .nhrp = on_nhrp, .event = on_event, .log = on_log, .arg = b};
    b->soft = dp_soft_open(loop, udp4500, udp4500_v6, &of_soft, err, err_size);
    b->card = b->soft ? dp_card_open(loop, where, &of_card, err, err_size) : NULL;
    if (!b->card) {
        both_free(&b->dp);
        return NULL;
    }
    return &b->dp;
}
