// SPDX-License-Identifier: BSD-2-Clause
// The card's memory requests: writes at once, reads after their latency by completions that are cut at the read
// completion boundary (PCI Express 2.3.1.1) and, where asked for, come out of order between tags.
#include "sim/pcie/rootport_priv.h"

#include <errno.h>
#include <string.h>

static uint64_t address_of(const uint32_t hdr[4])
{
    return hdr[0] & 0x20000000u ? (uint64_t)hdr[2] << 32 | (hdr[3] & ~3u) : hdr[2] & ~3u;
}

static uint8_t *memory(struct rootport *rp, uint64_t addr, uint64_t len, bool write)
{
    for (int i = 0; i < RP_REGIONS; i++) {
        const struct rp_region *r = &rp->regions[i];
        if (r->mem && addr >= r->iova && addr - r->iova < r->size && len <= r->size - (addr - r->iova))
            return (write ? r->writable : r->readable) ? r->mem + (addr - r->iova) : NULL;
    }
    return NULL;
}

int rp_map(struct rootport *rp, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable)
{
    if (!size || iova + size < iova || (iova & 3) || (size & 3))
        return EINVAL;
    for (int i = 0; i < RP_REGIONS; i++)
        if (!rp->regions[i].mem) {
            rp->regions[i] = (struct rp_region){iova, size, mem, readable, writable};
            return 0;
        }
    return ENOSPC;
}

void rp_unmap(struct rootport *rp, uint64_t iova, uint64_t size)
{
    for (int i = 0; i < RP_REGIONS; i++)
        if (rp->regions[i].mem && rp->regions[i].iova == iova && rp->regions[i].size == size)
            rp->regions[i].mem = NULL;
}

void rp_dma_write(struct rootport *rp, const uint32_t hdr[4], const uint32_t *data, uint32_t dws)
{
    uint64_t addr = address_of(hdr);
    uint32_t first = hdr[1] & 0xf, last = hdr[1] >> 4 & 0xf;
    if (addr == RP_MSI_ADDRESS && dws == 1) {
        rp->stats.irqs++;
        rp->hooks.irq(rp->hooks.arg, data[0]);
        return;
    }
    bool legal = dws * 4 <= rp->config.max_payload && (addr & 4095) + dws * 4 <= 4096 && (dws == 1) == (last == 0);
    if (!legal) {
        rp->stats.malformed++;
        rp_say(rp, "illegal memory write from the card: %u DW to 0x%llx, enables %x %x", dws, (unsigned long long)addr,
               first, last);
        return;
    }
    uint8_t *mem = memory(rp, addr, (uint64_t)dws * 4, true);
    if (!mem) {
        rp->stats.dma_errors++;
        rp_say(rp, "the card wrote to 0x%llx, which is not mapped for it", (unsigned long long)addr);
        return;
    }
    for (uint32_t i = 0; i < dws; i++) {
        uint32_t enables = i == 0 ? first : i == dws - 1 ? last : 0xf;
        for (uint32_t k = 0; k < 4; k++)
            if (enables >> k & 1) {
                mem[i * 4 + k] = (uint8_t)(data[i] >> (8 * k));
                rp->stats.dma_write_bytes++;
            }
    }
}

void rp_dma_read(struct rootport *rp, const uint32_t hdr[4])
{
    uint32_t dws = hdr[0] & 0x3ff, first = hdr[1] & 0xf, last = hdr[1] >> 4 & 0xf;
    uint64_t addr = address_of(hdr);
    struct rp_read *r = NULL;
    dws = dws ? dws : 1024;
    for (int i = 0; i < RP_READS; i++) {
        if (rp->reads[i].used && rp->reads[i].tag == (hdr[1] >> 8 & 0xff)) {
            rp->stats.malformed++;
            rp_say(rp, "the card uses tag %u twice", hdr[1] >> 8 & 0xff);
            return;
        }
        if (!rp->reads[i].used && !r)
            r = &rp->reads[i];
    }
    bool legal = dws * 4 <= rp->config.max_read_req && (addr & 4095) + dws * 4 <= 4096 && (dws == 1) == (last == 0);
    if (!r || !legal) {
        rp->stats.malformed++;
        rp_say(rp, "illegal memory read from the card: %u DW from 0x%llx", dws, (unsigned long long)addr);
        return;
    }
    uint32_t lead = first ? (uint32_t)__builtin_ctz(first) : 0;
    uint32_t end = dws == 1 ? first : last, after = end ? (uint32_t)__builtin_clz(end << 28) : 3;
    uint32_t span = rp->config.latency_max - rp->config.latency_min + 1;
    *r = (struct rp_read){.used = true,
                          .error = !memory(rp, addr, (uint64_t)dws * 4, false),
                          .tag = (uint8_t)(hdr[1] >> 8),
                          .lower = (uint8_t)((addr + lead) & 0x7f),
                          .requester = (uint16_t)(hdr[1] >> 16),
                          .addr = addr,
                          .dws = dws,
                          .bytes = first || dws > 1 ? dws * 4 - lead - after : 1,
                          .ready = rp->cycle + rp->config.latency_min + rp_random(rp) % span,
                          .arrived = rp->arrivals++};
    rp->reads_used++;
    if (r->error) {
        rp->stats.dma_errors++;
        rp_say(rp, "the card read from 0x%llx, which is not mapped for it", (unsigned long long)addr);
    }
}

// Which read is answered next: the oldest, or any that is due.
static struct rp_read *pick(struct rootport *rp)
{
    struct rp_read *best = NULL;
    uint32_t due = 0;
    for (int i = 0; i < RP_READS; i++) {
        struct rp_read *r = &rp->reads[i];
        if (!r->used)
            continue;
        if (!rp->config.reorder) {
            if (!best || r->arrived < best->arrived)
                best = r;
        } else if (r->ready <= rp->cycle && rp_random(rp) % ++due == 0) {
            best = r;
        }
    }
    return best && best->ready <= rp->cycle ? best : NULL;
}

// DWs of the next completion: up to max_payload, ending at a boundary unless it is the last.
static uint32_t cut(struct rootport *rp, const struct rp_read *r)
{
    uint32_t max = rp->config.max_payload;
    if (rp->config.split_completions)
        max = RP_RCB * (1 + rp_random(rp) % (max / RP_RCB));
    uint64_t end = r->addr + max;
    end -= end % RP_RCB;
    uint32_t dws = (uint32_t)((end - r->addr) / 4);
    return dws < r->dws ? dws : r->dws;
}

static void complete_one(struct rootport *rp, struct rp_read *r)
{
    struct rp_tlp *t = rp_queue_slot(rp);
    t->hdr[2] = (uint32_t)r->requester << 16 | (uint32_t)r->tag << 8 | r->lower;
    t->hdr[3] = 0;
    t->last_of_access = false;
    t->dws = 0;
    const uint8_t *mem = r->error ? NULL : memory(rp, r->addr, (uint64_t)r->dws * 4, false);
    if (!mem) { // unsupported request; also when the memory was taken away meanwhile
        t->hdr[0] = (uint32_t)TLP_CPL << 24;
        t->hdr[1] = RP_ID << 16 | 1u << 13 | (r->bytes & 0xfff);
        r->dws = 0;
    } else {
        uint32_t dws = cut(rp, r), bytes = dws * 4 - (r->lower & 3);
        t->dws = dws;
        t->hdr[0] = (uint32_t)TLP_CPLD << 24 | dws;
        t->hdr[1] = RP_ID << 16 | (r->bytes & 0xfff);
        memcpy(t->data, mem, dws * 4);
        r->addr += dws * 4;
        r->dws -= dws;
        r->lower = (uint8_t)(r->addr & 0x7f);
        rp->stats.dma_read_bytes += bytes < r->bytes ? bytes : r->bytes;
        r->bytes -= bytes < r->bytes ? bytes : r->bytes;
    }
    rp_queue_push(rp);
    if (!r->dws) {
        r->used = false;
        rp->reads_used--;
    }
}

void rp_dma_complete(struct rootport *rp)
{
    // A few at a time, so that accesses of the host find room in the queue.
    while (rp->queue_len < RP_QUEUE / 2) {
        struct rp_read *r = pick(rp);
        if (!r)
            return;
        complete_one(rp, r);
    }
}
