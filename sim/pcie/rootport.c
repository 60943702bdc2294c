// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pcie/rootport.h"

#include "bar0_regs.h"
#include "sim/pcie/rp_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t rp_random(struct rp *rp, uint32_t below)
{
    // xorshift64*
    rp->rng ^= rp->rng >> 12;
    rp->rng ^= rp->rng << 25;
    rp->rng ^= rp->rng >> 27;
    return (uint32_t)((rp->rng * 0x2545f4914f6cdd1dull >> 32) * below >> 32);
}

bool rp_chance(struct rp *rp, unsigned percent)
{
    return percent && rp_random(rp, 100) < percent;
}

void rp_violated(struct rp *rp, const char *format, ...)
{
    if (rp->stats.violations++)
        return;
    va_list ap;
    va_start(ap, format);
    vsnprintf(rp->violation, sizeof(rp->violation), format, ap);
    va_end(ap);
}

struct rp *rp_new(const struct sim_tlp_pins *pins, const struct rp_options *options, const struct rp_hooks *hooks)
{
    struct rp *rp = calloc(1, sizeof(*rp));
    if (!rp)
        abort();
    rp->pins = *pins;
    if (hooks)
        rp->hooks = *hooks;
    rp_set_options(rp, options);
    pci_config_init(&rp->config);
    rp_config_changed(rp);
    *rp->pins.rx_valid = 0;
    return rp;
}

void rp_free(struct rp *rp)
{
    if (!rp)
        return;
    while (rp->raw_count--)
        free(rp->raws[rp->raw_head++ % RP_RAWS]);
    free(rp);
}

void rp_set_options(struct rp *rp, const struct rp_options *options)
{
    rp->opt = *options;
    rp->opt.bar_base &= ~(uint64_t)(BAR0_BYTES - 1);
    if (!rp->opt.bar_base)
        rp->opt.bar_base = 0xe0000000u;
    rp->rng = options->seed * 2 + 1;
    *rp->pins.tx_ready = 1;
}

void rp_set_hooks(struct rp *rp, const struct rp_hooks *hooks)
{
    rp->hooks = *hooks;
}

struct pci_config *rp_config(struct rp *rp)
{
    return &rp->config;
}

void rp_config_changed(struct rp *rp)
{
    *rp->pins.requester_id = RP_CARD_ID;
    *rp->pins.max_payload = pci_config_max_payload(&rp->config);
    *rp->pins.max_read_req = pci_config_max_read_req(&rp->config);
    *rp->pins.bus_master = pci_config_bus_master(&rp->config);
    *rp->pins.msix_enable = pci_config_msix_enable(&rp->config);
    *rp->pins.msix_mask = pci_config_msix_mask(&rp->config);
}

int rp_map(struct rp *rp, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable)
{
    struct rp_region r = {.iova = iova, .size = size, .mem = mem, .readable = readable, .writable = writable};
    if (size && iova < (uint64_t)RP_MSI_BASE + RP_MSI_SIZE && iova + (size - 1) >= RP_MSI_BASE)
        return EINVAL;
    return rp_mem_add(&rp->mem, &r);
}

bool rp_unmap(struct rp *rp, uint64_t iova, uint64_t size)
{
    return rp_mem_remove(&rp->mem, iova, size);
}

void rp_unmap_all(struct rp *rp)
{
    rp->mem.count = 0;
}

const struct rp_stats *rp_stats(const struct rp *rp)
{
    return &rp->stats;
}

const char *rp_violation(const struct rp *rp)
{
    return rp->violation;
}

bool rp_idle(const struct rp *rp)
{
    return !rp->sending && !rp->op_count && !rp->tags_busy && !rp->reads_busy && !rp->raw_count && !rp->in_beats &&
           !*rp->pins.tx_valid;
}

void rp_fault(struct rp *rp, enum rp_fault fault, unsigned count)
{
    rp->fault = fault;
    rp->fault_count = count;
}

bool rp_send_raw(struct rp *rp, const uint32_t hdr[4], const uint8_t *data, size_t len, unsigned beats)
{
    if (rp->raw_count == RP_RAWS || len > TLP_DATA_MAX || beats > sizeof(rp->out.data) / TLP_BEAT)
        return false;
    struct tlp *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    memcpy(t->hdr, hdr, sizeof(t->hdr));
    if (len)
        memcpy(t->data, data, len);
    t->len = (uint32_t)len;
    t->beats = beats ? beats : tlp_beats(t->len);
    rp->raws[(rp->raw_head + rp->raw_count++) % RP_RAWS] = t;
    rp->work = true;
    return true;
}

static bool raw_next(struct rp *rp)
{
    if (!rp->raw_count)
        return false;
    struct tlp *t = rp->raws[rp->raw_head];
    rp->raw_head = (rp->raw_head + 1) % RP_RAWS;
    rp->raw_count--;
    rp->out = *t;
    free(t);
    return true;
}

// Chooses what the card gets next. Completions and requests take turns at random when both wait.
static bool next_tlp(struct rp *rp)
{
    bool swap = rp->reads_busy && rp->op_count && rp_random(rp, 2);
    return raw_next(rp) || (swap && rp_bar_request(rp)) || rp_dma_completion(rp) || rp_bar_request(rp);
}

static void send_beats(struct rp *rp)
{
    if (rp->accepted) {
        rp->accepted = false;
        if (++rp->beat == rp->out.beats) {
            rp->sending = false;
            rp->stats.tlps_out++;
        }
        *rp->pins.rx_valid = 0;
    }
    if (!*rp->pins.rx_valid) {
        if (rp_chance(rp, rp->opt.gap_percent))
            return;
        if (!rp->sending) {
            if (!next_tlp(rp))
                return;
            rp->sending = true;
            rp->beat = 0;
            memcpy(rp->pins.rx_hdr, rp->out.hdr, sizeof(rp->out.hdr));
        }
        memcpy(rp->pins.rx_data, rp->out.data + (size_t)rp->beat * TLP_BEAT, TLP_BEAT);
        *rp->pins.rx_sop = rp->beat == 0;
        *rp->pins.rx_last = rp->beat + 1 == rp->out.beats;
        *rp->pins.rx_valid = 1;
    }
    rp->accepted = *rp->pins.rx_ready;
}

static void received(struct rp *rp)
{
    struct tlp *t = &rp->in;
    t->len = tlp_has_data(t->hdr) ? tlp_dws(t->hdr) * 4 : 0;
    rp->stats.tlps_in++;
    if (rp->in_beats != tlp_beats(t->len)) {
        rp_violated(rp, "TLP %08x has %u beats, not %u", t->hdr[0], rp->in_beats, tlp_beats(t->len));
        return;
    }
    switch (tlp_kind(t->hdr)) {
    case TLP_MRD3:
    case TLP_MRD4:
    case TLP_MWR3:
    case TLP_MWR4:
        rp_dma_request(rp, t);
        break;
    case TLP_CPL:
    case TLP_CPLD:
    case TLP_CPL_LK:
        rp_bar_completion(rp, t);
        break;
    default:
        rp_violated(rp, "TLP of a kind that the card has no business to send: %08x", t->hdr[0]);
    }
}

static void take_beat(struct rp *rp)
{
    struct tlp *t = &rp->in;
    if (!rp->in_beats) {
        if (!*rp->pins.tx_sop)
            rp_violated(rp, "a TLP begins without sop");
        memcpy(t->hdr, rp->pins.tx_hdr, sizeof(t->hdr));
    } else if (*rp->pins.tx_sop || memcmp(t->hdr, rp->pins.tx_hdr, sizeof(t->hdr)) != 0) {
        rp_violated(rp, "a TLP's header changes between its beats");
    }
    if (rp->in_beats < TLP_DATA_MAX / TLP_BEAT)
        memcpy(t->data + (size_t)rp->in_beats * TLP_BEAT, rp->pins.tx_data, TLP_BEAT);
    rp->in_beats++;
    if (*rp->pins.tx_last) {
        received(rp);
        rp->in_beats = 0;
    }
}

void rp_tick(struct rp *rp)
{
    rp->now++;
    if (*rp->pins.tx_valid) {
        bool ready = !rp_chance(rp, rp->opt.stall_percent);
        *rp->pins.tx_ready = ready;
        if (ready)
            take_beat(rp);
    }
    if (!rp->work)
        return;
    send_beats(rp);
    if (rp->tags_busy && !(rp->now & 1023))
        rp_bar_timeouts(rp);
    rp->work = rp->sending || rp->op_count || rp->reads_busy || rp->raw_count || rp->tags_busy;
}
