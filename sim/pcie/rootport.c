// SPDX-License-Identifier: BSD-2-Clause
// The root port's pins and queues: TLPs to the card beat by beat, TLPs from the card put together and handed on.
#include "sim/pcie/rootport_priv.h"

#include "bar0_regs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_DWS 16u

const struct rp_config rp_config_default = {
    .seed = 1, .max_payload = 256, .max_read_req = 512, .latency_min = 4, .latency_max = 12};

uint32_t rp_random(struct rootport *rp)
{
    uint32_t x = rp->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return rp->random = x;
}

void rp_say(struct rootport *rp, const char *fmt, ...)
{
    char text[200];
    va_list ap;
    if (!rp->hooks.log)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rp->hooks.log(rp->hooks.arg, text);
}

struct rootport *rp_new(const struct sim_tlp_pins *pins, const struct rp_config *config, const struct rp_hooks *hooks)
{
    struct rootport *rp = calloc(1, sizeof *rp);
    if (!rp)
        return NULL;
    rp->pins = *pins;
    rp->config = *config;
    rp->hooks = *hooks;
    rp->random = config->seed * 2654435761u + 1;
    if (rp->config.max_payload > RP_OUT_DWS * 4)
        rp->config.max_payload = RP_OUT_DWS * 4;
    *rp->pins.rx_valid = 0;
    *rp->pins.tx_ready = 1;
    rp_config_init(rp);
    return rp;
}

void rp_free(struct rootport *rp)
{
    free(rp);
}

struct rp_tlp *rp_queue_slot(struct rootport *rp)
{
    return rp->queue_len < RP_QUEUE ? &rp->queue[(rp->queue_head + rp->queue_len) % RP_QUEUE] : NULL;
}

void rp_queue_push(struct rootport *rp)
{
    rp->queue_len++;
}

void rp_queue_bar_write(struct rootport *rp, uint64_t offset, const uint8_t *data, uint32_t len, bool last_of_access)
{
    struct rp_tlp *t = rp_queue_slot(rp);
    uint32_t lead = offset & 3, dws = (lead + len + 3) / 4, tail = (lead + len) & 3;
    uint32_t first = 0xfu << lead & 0xf, last = tail ? 0xfu >> (4 - tail) : 0xf;
    memset(t->data, 0, sizeof t->data);
    memcpy((uint8_t *)t->data + lead, data, len);
    if (dws == 1) {
        first &= last;
        last = 0;
    }
    t->hdr[0] = (uint32_t)TLP_MWR3 << 24 | dws;
    t->hdr[1] = RP_ID << 16 | last << 4 | first;
    t->hdr[2] = RP_BAR_BASE + (uint32_t)(offset & ~UINT64_C(3));
    t->hdr[3] = 0;
    t->dws = dws;
    t->last_of_access = last_of_access;
    rp_queue_push(rp);
}

// The beat on the pins has been taken: on to the next.
static void beat_taken(struct rootport *rp)
{
    struct rp_tlp *t = &rp->queue[rp->queue_head];
    rp->beat++;
    if (rp->beat * BEAT_DWS < t->dws)
        return;
    rp->beat = 0;
    rp->queue_head = (rp->queue_head + 1) % RP_QUEUE;
    rp->queue_len--;
    rp->stats.tlps_to_card++;
    if (t->last_of_access)
        rp_access_end(rp, 0);
}

static void show_beat(struct rootport *rp)
{
    if (!rp->queue_len) {
        if (*rp->pins.rx_valid)
            *rp->pins.rx_valid = 0;
        rp->shown = false;
        return;
    }
    // What is shown stays until it is taken; a stall only delays the next beat.
    if (!rp->shown && rp->config.stall_percent && rp_random(rp) % 100 < rp->config.stall_percent) {
        *rp->pins.rx_valid = 0;
        return;
    }
    const struct rp_tlp *t = &rp->queue[rp->queue_head];
    uint32_t from = rp->beat * BEAT_DWS, left = t->dws > from ? t->dws - from : 0;
    *rp->pins.rx_valid = 1;
    *rp->pins.rx_sop = rp->beat == 0;
    *rp->pins.rx_last = left <= BEAT_DWS;
    memcpy(rp->pins.rx_hdr, t->hdr, sizeof t->hdr);
    memset(rp->pins.rx_data, 0, BEAT_DWS * 4);
    memcpy(rp->pins.rx_data, t->data + from, (left < BEAT_DWS ? left : BEAT_DWS) * 4);
    rp->shown = true;
}

static void tlp_from_card(struct rootport *rp)
{
    uint32_t length = rp->in_hdr[0] & 0x3ff, type = rp->in_hdr[0] >> 24;
    length = length ? length : 1024;
    bool has_data = type & 0x40;
    rp->stats.tlps_from_card++;
    if (rp->in_bad || (has_data && rp->in_dws != length)) {
        rp->stats.malformed++;
        rp_say(rp, "malformed TLP from the card: type 0x%02x, length %u, %u DW came", type, length, rp->in_dws);
        return;
    }
    switch (type) {
    case TLP_MWR3:
    case TLP_MWR4:
        rp_dma_write(rp, rp->in_hdr, rp->in_data, length);
        break;
    case TLP_MRD3:
    case TLP_MRD4:
        rp_dma_read(rp, rp->in_hdr);
        break;
    case TLP_CPL:
    case TLP_CPLD:
        rp_access_completion(rp, rp->in_hdr, rp->in_data, has_data ? length : 0);
        break;
    default:
        rp->stats.malformed++;
        rp_say(rp, "TLP of type 0x%02x from the card", type);
    }
}

static void beat_from_card(struct rootport *rp)
{
    const struct sim_tlp_pins *p = &rp->pins;
    if (*p->tx_sop) {
        memcpy(rp->in_hdr, p->tx_hdr, sizeof rp->in_hdr);
        rp->in_dws = 0;
        rp->in_bad = false;
    }
    if (rp->in_hdr[0] & 0x40000000u) {
        uint32_t length = rp->in_hdr[0] & 0x3ff;
        length = length ? length : 1024;
        uint32_t n = length - rp->in_dws < BEAT_DWS ? length - rp->in_dws : BEAT_DWS;
        rp->in_bad |= n == 0;
        memcpy(rp->in_data + rp->in_dws, p->tx_data, n * 4);
        rp->in_dws += n;
    }
    if (*p->tx_last)
        tlp_from_card(rp);
}

void rp_tick(struct rootport *rp)
{
    rp->cycle++;
    if (rp->accepted) {
        rp->accepted = rp->shown = false;
        beat_taken(rp);
    }
    if (rp->config.stall_percent)
        *rp->pins.tx_ready = rp_random(rp) % 100 >= rp->config.stall_percent;
    if (*rp->pins.tx_valid && *rp->pins.tx_ready)
        beat_from_card(rp);
    if (rp->reads_used)
        rp_dma_complete(rp);
    if (rp->access.active)
        rp_access_next(rp);
    if (rp->queue_len || *rp->pins.rx_valid)
        show_beat(rp);
    rp->accepted = rp->shown && *rp->pins.rx_ready;
}

bool rp_idle(const struct rootport *rp)
{
    return !rp->queue_len && !rp->reads_used && !rp->access.active && !*rp->pins.tx_valid;
}

void rp_reset(struct rootport *rp)
{
    const uint8_t reset[4] = {BAR0_CONTROL_RESET_MASK};
    rp->access.active = false;
    for (uint32_t i = 0; i < rp->queue_len; i++)
        rp->queue[(rp->queue_head + i) % RP_QUEUE].last_of_access = false;
    rp_config_init(rp);
    if (rp_queue_slot(rp))
        rp_queue_bar_write(rp, BAR0_CONTROL, reset, sizeof reset, false);
}

void rp_msix_setup(struct rootport *rp, uint32_t vectors)
{
    for (uint32_t v = 0; v < vectors && rp_queue_slot(rp); v++) {
        const uint32_t entry[4] = {RP_MSI_ADDRESS, 0, v, 0}; // address, data, not masked
        rp_queue_bar_write(rp, BAR0_MSIX_TABLE + 16 * v, (const uint8_t *)entry, sizeof entry, false);
    }
    uint8_t control[2];
    rp_config_access(rp, RP_CFG_MSIX + 2, control, 2, false);
    control[1] = (uint8_t)((control[1] & 0x3f) | (vectors ? 0x80 : 0));
    rp_config_access(rp, RP_CFG_MSIX + 2, control, 2, true);
}

const struct rp_stats *rp_stats(const struct rootport *rp)
{
    return &rp->stats;
}
