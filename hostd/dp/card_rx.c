// SPDX-License-Identifier: BSD-2-Clause
// The card's datapath: packets that the card gives to the host, and its events.
#include "hostd/dp/card.h"
#include "hostd/dp/selectors.h"

#include "dp_regs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 14, ETHERTYPE_IPV4 = 0x0800, PROTO_UDP = 17, PROTO_ESP = 50, UDP = 8, UNKNOWN_EVERY_MS = 100 };

struct event_item {
    struct later_item item;
    struct card *card;
    struct dp_event event;
};

static void run_event(struct later_item *item, int error)
{
    struct event_item *e = (struct event_item *)item;
    const struct dp_hooks *hooks = &e->card->dp.hooks;
    if (!error && hooks->event)
        hooks->event(hooks->arg, &e->event);
    free(e);
}

// In the loop's next round, so that the daemon may do with the datapath what it likes.
void dpc_report(struct card *c, struct dp_event event)
{
    struct event_item *e = malloc(sizeof(*e));
    if (!e)
        return;
    *e = (struct event_item){.item.run = run_event, .card = c, .event = event};
    later_add(&c->later, &e->item);
}

static size_t get16(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

// The ESP packet in a frame and the way it came; NULL: it is none, or is cut off. *len: of the frame, and then of ESP.
static const uint8_t *esp_of_frame(const uint8_t *f, size_t *len, struct dp_path *path)
{
    if (*len < ETHERNET + 20 || get16(f + 12) != ETHERTYPE_IPV4)
        return NULL;
    size_t at = ETHERNET + (size_t)(f[ETHERNET] & 15) * 4, end = ETHERNET + get16(f + ETHERNET + 2);
    const uint8_t *udp = f + at;
    path->encap = f[ETHERNET + 9] == PROTO_UDP;
    if (!path->encap && f[ETHERNET + 9] != PROTO_ESP)
        return NULL;
    if (end > *len || end < at + (path->encap ? UDP : 0))
        return NULL;
    if (path->encap) {
        if (at + get16(udp + 4) > end)
            return NULL;
        end = at + get16(udp + 4);
        at += UDP;
    }
    if (end < at + 4)
        return NULL;
    *len = end - at;
    if (path->encap)
        path->remote_port = (uint16_t)get16(udp);
    path->remote.family = path->local.family = 4;
    memcpy(path->remote.b, f + ETHERNET + 12, 4);
    memcpy(path->local.b, f + ETHERNET + 16, 4);
    return f + at;
}

static void unknown_spi(struct card *c, const struct culvert_packet *p)
{
    struct dp_event event = {.kind = DP_EV_UNKNOWN_SPI, .dir = DP_IN};
    uint64_t now = uv_now(c->loop);
    size_t len = p->len;
    const uint8_t *esp = esp_of_frame(p->data, &len, &event.path);
    if (!esp || (c->dp.hooks.esp && c->dp.hooks.esp(c->dp.hooks.arg, &event.path, esp, len)) ||
        (c->unknown_at && now - c->unknown_at < UNKNOWN_EVERY_MS))
        return;
    event.spi = (uint32_t)get16(esp) << 16 | (uint32_t)get16(esp + 2);
    c->unknown_at = now ? now : 1;
    dpc_report(c, event);
}

static void outside_selectors(struct card *c, struct card_in *in, const struct culvert_packet *p)
{
    struct dp_event event = {.kind = DP_EV_SELECTORS, .dir = DP_IN, .spi = in->spi};
    event.start_len = (uint8_t)(p->len < DP_EVENT_START ? p->len : DP_EVENT_START);
    memcpy(event.start, p->data, event.start_len);
    in->told = true;
    dpc_report(c, event);
}

// A decrypted packet: the card could not forward it, or was not to.
static void decrypted(struct card *c, const struct culvert_packet *p)
{
    uint32_t tunnel = p->tunnel;
    if (p->decrypted) { // our own table is what counts
        struct card_in *in = p->sa < c->sas ? &c->in[p->sa] : NULL;
        if (!in || !in->sa)
            return; // removed meanwhile
        struct packet inner;
        if (!packet_parse(p->data, p->len, &inner) || (in->check && !selectors_pass(in->sa->ts, DP_IN, &inner))) {
            in->policy++;
            c->policy++;
            if (!in->told)
                outside_selectors(c, in, p);
            return;
        }
        tunnel = in->sa->tunnel;
    }
    if (tunnel < c->tunnels && c->dp.hooks.packet)
        c->dp.hooks.packet(c->dp.hooks.arg, tunnel, p->data, p->len);
}

void dpc_rx(void *arg, const struct culvert_packet *p)
{
    struct card *c = arg;
    if (p->port == CULVERT_PORT_TUNNEL)
        decrypted(c, p);
    else if (p->reason == DP_REASON_UNKNOWN_SPI)
        unknown_spi(c, p);
    else if (p->port < DP_PORTS && c->dp.hooks.frame)
        c->dp.hooks.frame(c->dp.hooks.arg, p->port == CULVERT_PORT_OUTSIDE ? DP_PORT_OUTSIDE : DP_PORT_INSIDE, p->data,
                          p->len);
}

void dpc_event(void *arg, const struct culvert_event *e)
{
    struct card *c = arg;
    static const enum dp_event_kind KIND[] = {
        [DP_EVENT_SOFT_LIFETIME] = DP_EV_SOFT_LIFETIME, [DP_EVENT_HARD_LIFETIME] = DP_EV_HARD_LIFETIME,
        [DP_EVENT_SEQ_EXHAUSTED] = DP_EV_SEQ_EXHAUSTED, [DP_EVENT_REPLAY] = DP_EV_REPLAY,
        [DP_EVENT_AUTH_FAIL] = DP_EV_AUTH_FAIL,
    };
    struct dp_event event = {.dir = e->dir == CULVERT_SA_IN ? DP_IN : DP_OUT};
    if (e->type == DP_EVENT_LINK_UP || e->type == DP_EVENT_LINK_DOWN) {
        event.kind = DP_EV_LINK;
        event.port = e->index == 0 ? DP_PORT_OUTSIDE : DP_PORT_INSIDE;
        event.up = e->type == DP_EVENT_LINK_UP;
    } else if (e->type != DP_EVENT_NONE && e->type < sizeof(KIND) / sizeof(KIND[0]) && e->index < c->sas) {
        event.kind = KIND[e->type];
        const struct card_in *in = &c->in[e->index];
        const struct card_out *out = &c->out[e->index];
        if (event.dir == DP_IN ? !in->sa : !out->used)
            return; // removed meanwhile
        event.spi = event.dir == DP_IN ? in->spi : out->spi;
    } else {
        dp_card_log(c, DP_LOG_WARNING, "the card reported an event of type %u, which is not known", e->type);
        return;
    }
    dpc_report(c, event);
}

void dpc_state(void *arg, enum culvert_state state, const char *reason)
{
    struct card *c = arg;
    if (state != CULVERT_FAILED || c->failed)
        return;
    c->failed = true;
    dp_card_log(c, DP_LOG_ERROR, "the card failed: %s", reason);
    dpc_report(c, (struct dp_event){.kind = DP_EV_FAILED});
}
