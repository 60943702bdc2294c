// SPDX-License-Identifier: BSD-2-Clause
// The card's accesses to host memory.
#include "sim/pcie/rp_internal.h"

#include <string.h>

// The rules of 2.2.7 that any memory request has to keep.
static bool legal(struct rp *rp, const struct tlp *t, bool write)
{
    const uint32_t *h = t->hdr;
    uint64_t addr = tlp_addr(h);
    uint32_t dws = tlp_dws(h), limit = 128u << (write ? *rp->pins.max_payload : *rp->pins.max_read_req);
    const char *what = NULL;
    if (h[1] >> 16 != RP_CARD_ID)
        what = "requester id";
    else if (h[0] & 0x00fffc00u)
        what = "header bits that should be 0";
    else if (tlp_4dw(h) && !h[2])
        what = "4-DW header below 4 GiB";
    else if (h[tlp_4dw(h) ? 3 : 2] & 3)
        what = "address bits 1:0";
    else if ((addr & 4095) + (uint64_t)dws * 4 > 4096)
        what = "crosses 4 KiB";
    else if (dws * 4 > limit)
        what = "longer than allowed";
    else if (dws == 1 ? tlp_last_be(h) : !tlp_last_be(h) || !tlp_first_be(h))
        what = "byte enables";
    else if (dws > 1 && ((tlp_first_be(h) & 8) == 0 || (tlp_last_be(h) & 1) == 0))
        what = "byte enables with a gap";
    if (what)
        rp_violated(rp, "memory request %08x %08x %08x %08x: %s", h[0], h[1], h[2], h[3], what);
    return !what;
}

static void dma_write(struct rp *rp, const struct tlp *t)
{
    const uint32_t *h = t->hdr;
    uint64_t addr = tlp_addr(h);
    uint32_t lead = be_lead(tlp_first_be(h)), len = tlp_byte_count(h);
    if (!tlp_first_be(h))
        return;
    addr += lead;
    if (addr >= RP_MSI_BASE && addr - RP_MSI_BASE < RP_MSI_SIZE) {
        uint32_t data;
        memcpy(&data, t->data, sizeof(data));
        if (len != 4)
            rp_violated(rp, "an interrupt of %u bytes", len);
        rp->stats.interrupts++;
        if (rp->hooks.irq)
            rp->hooks.irq(rp->hooks.arg, data);
        return;
    }
    uint8_t *mem = rp_mem_find(&rp->mem, addr, len, true);
    if (!mem) {
        rp->stats.dma_faults++;
        return;
    }
    memcpy(mem, t->data + lead, len);
    rp->stats.dma_writes++;
    rp->stats.dma_write_bytes += len;
}

void rp_dma_request(struct rp *rp, const struct tlp *t)
{
    bool write = tlp_has_data(t->hdr);
    if (!legal(rp, t, write))
        return;
    // What was on its way when bus mastering ended gets nowhere.
    if (!*rp->pins.bus_master && write) {
        rp->stats.dma_faults++;
        return;
    }
    if (write) {
        dma_write(rp, t);
        return;
    }
    unsigned tag = t->hdr[1] >> 8 & 0xff;
    struct rp_read *r = &rp->reads[tag];
    if (r->busy) {
        rp_violated(rp, "tag %02x is used twice", tag);
        return;
    }
    uint32_t span = rp->opt.latency_max > rp->opt.latency_min ? rp->opt.latency_max - rp->opt.latency_min : 0;
    *r = (struct rp_read){.busy = true,
                          .due = rp->now + rp->opt.latency_min + (span ? rp_random(rp, span + 1) : 0),
                          .total = tlp_byte_count(t->hdr)};
    memcpy(r->hdr, t->hdr, sizeof(r->hdr));
    if (rp->fault_count) {
        rp->fault_count--;
        r->fault = rp->fault;
    }
    if (r->fault == RP_FAULT_LOST) {
        r->busy = false;
        return;
    }
    if (r->fault == RP_FAULT_LATE)
        r->due = UINT64_MAX;
    rp->order[rp->reads_busy++] = tag;
    rp->work = true;
}

void rp_release_late(struct rp *rp)
{
    for (unsigned i = 0; i < RP_READS; i++)
        if (rp->reads[i].busy && rp->reads[i].due == UINT64_MAX)
            rp->reads[i].due = rp->now;
}

static void read_end(struct rp *rp, unsigned at)
{
    rp->reads[rp->order[at]].busy = false;
    rp->reads_busy--;
    memmove(&rp->order[at], &rp->order[at + 1], (rp->reads_busy - at) * sizeof(rp->order[0]));
}

// The next piece of a read: up to a multiple of the read completion boundary (64 bytes), at most MPS.
static uint32_t piece(struct rp *rp, uint64_t addr, uint32_t left)
{
    uint32_t mps = 128u << *rp->pins.max_payload, max = mps - (uint32_t)(addr & (mps - 1));
    if (rp->opt.split) {
        uint32_t first = 64 - (uint32_t)(addr & 63), more = (max - first) / 64;
        max = first + 64 * rp_random(rp, more + 1);
    }
    return max < left ? max : left;
}

// Spoils a completion in rp->out.
static void spoil(struct rp *rp, enum rp_fault fault)
{
    struct tlp *t = &rp->out;
    switch (fault) {
    case RP_FAULT_POISON:
        t->hdr[0] |= TLP_EP;
        break;
    case RP_FAULT_SHORT:
        if (t->beats > 1)
            t->beats--;
        else // the header claims a beat more
            t->hdr[0] = (t->hdr[0] & ~0x3ffu) | (t->len / 4 + 16);
        break;
    case RP_FAULT_LONG:
        t->beats++;
        break;
    case RP_FAULT_COUNT:
        t->hdr[1] ^= 4;
        break;
    default:
        break;
    }
}

bool rp_dma_completion(struct rp *rp)
{
    unsigned at, due = 0;
    for (unsigned i = 0; i < rp->reads_busy; i++)
        due += rp->reads[rp->order[i]].due <= rp->now;
    if (!due)
        return false;
    // The oldest that is due, or any.
    unsigned pick = rp->opt.reorder ? rp_random(rp, due) : 0;
    for (at = 0;; at++)
        if (rp->reads[rp->order[at]].due <= rp->now && !pick--)
            break;
    struct rp_read *r = &rp->reads[rp->order[at]];
    struct tlp *t = &rp->out;
    uint8_t tag = (uint8_t)rp->order[at];
    uint64_t addr = tlp_addr(r->hdr) + be_lead(tlp_first_be(r->hdr)) + r->sent;
    uint32_t left = r->total - r->sent;
    const uint8_t *mem = rp_mem_find(&rp->mem, addr, left, false);

    if (!mem || r->fault == RP_FAULT_UR) {
        rp->stats.dma_faults += !mem;
        tlp_cpl_header(t->hdr, TLP_UR, 0, left, RP_ID, RP_CARD_ID, tag, addr & 0x7f);
        t->len = 0;
        t->beats = 1;
        read_end(rp, at);
        return true;
    }
    uint32_t len = piece(rp, addr, left), lead = addr & 3, dws = (lead + len + 3) / 4;
    tlp_cpl_header(t->hdr, TLP_SC, dws, left, RP_ID, RP_CARD_ID, tag, addr & 0x7f);
    t->len = dws * 4;
    t->beats = tlp_beats(t->len);
    memset(t->data, 0xdd, (size_t)t->beats * TLP_BEAT);
    memcpy(t->data + lead, mem, len);
    rp->stats.dma_read_bytes += len;
    spoil(rp, r->fault);
    r->sent += len;
    // Of a spoilt read the rest never comes.
    if (r->fault >= RP_FAULT_POISON && r->fault != RP_FAULT_TWICE && r->fault != RP_FAULT_LONG)
        r->sent = r->total;
    if (r->sent < r->total)
        return true;
    if (r->fault == RP_FAULT_TWICE) { // the whole once more
        r->fault = RP_FAULT_NONE;
        r->sent = 0;
        return true;
    }
    rp->stats.dma_reads++;
    read_end(rp, at);
    return true;
}
