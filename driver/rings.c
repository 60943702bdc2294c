// SPDX-License-Identifier: BSD-2-Clause
// The rings in memory. An entry is there when the number that hardware writes into it last is the one that is due; no
// register is read for it. The card is told of progress by posted writes, once a batch.
#include "bar0_regs.h"
#include "dp_regs.h"
#include "driver/card_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#define RX_BATCH 256 // packets of one culvert_process

static uint8_t *entry_at(const struct card_ring *r, uint32_t number)
{
    return r->at + ((size_t)(number & (r->count - 1)) << r->slot_log2);
}

static uint32_t acquire32(const void *p)
{
    return __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
}

// Tells the card how far we are.
static void tell(struct culvert_card *c, struct card_ring *r, uint32_t reg)
{
    if (r->told == r->ours || c->state != CULVERT_READY)
        return;
    r->told = r->ours;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (card_post32(c, reg, r->ours) != 0)
        card_fail_later(c, -ENODEV, c->t->error);
}

// ---------------------------------------------------------------- completions and events

static void event(struct culvert_card *c, const struct culvert_entry *e)
{
    const struct culvert_event ev = {e->event, e->tag >> 16 & 1, (uint16_t)e->tag};
    c->stats.events++;
    if (c->options.event)
        c->options.event(c->options.arg, &ev);
}

void card_process_evq(struct culvert_card *c)
{
    struct card_ring *r = &c->evq;
    // A lap at most: callbacks may send commands whose completions come while we are here.
    for (uint32_t n = 0; n < r->count && c->state == CULVERT_READY; n++) {
        const uint8_t *at = entry_at(r, r->ours);
        if (acquire32(at + offsetof(struct culvert_entry, sequence)) != r->ours + 1)
            break;
        struct culvert_entry e;
        memcpy(&e, at, sizeof(e));
        r->ours++;
        if (r->ours - r->told >= r->count / 2)
            tell(c, r, BAR0_EVQ_CONSUMER);
        if (e.kind == CULVERT_ENTRY_COMPLETION)
            card_complete(c, &e);
        else if (e.kind == CULVERT_ENTRY_EVENT)
            event(c, &e);
        else
            c->stats.bad_entries++;
    }
    tell(c, r, BAR0_EVQ_CONSUMER);
    card_send_waiting(c);
}

// ---------------------------------------------------------------- packets

static void packet(struct culvert_card *c, const uint8_t *slot)
{
    uint32_t word[4];
    memcpy(word, slot, sizeof(word));
    const uint32_t len = word[BAR0_SLOT_HDR_LEN], info = word[BAR0_SLOT_HDR_INFO], sa = word[BAR0_SLOT_HDR_SA];
    if (len == 0 || len > (1u << c->rxq.slot_log2) - BAR0_SLOT_HDR_BYTES || (info & 3) > CULVERT_PORT_TUNNEL) {
        c->stats.rx_bad++;
        return;
    }
    const struct culvert_packet p = {.data = slot + BAR0_SLOT_HDR_BYTES,
                                     .len = len,
                                     .port = info & 3,
                                     .reason = (uint8_t)(info >> 8),
                                     .decrypted = sa >> 31,
                                     .sa = (uint16_t)sa,
                                     .tunnel = word[BAR0_SLOT_HDR_TUNNEL]};
    c->stats.rx_packets++;
    c->stats.rx_bytes += len;
    if (c->options.rx)
        c->options.rx(c->options.arg, &p);
}

void card_process_rx(struct culvert_card *c)
{
    struct card_ring *r = &c->rxq;
    uint32_t n = 0;
    for (; n < RX_BATCH && c->state == CULVERT_READY; n++) {
        const uint8_t *slot = entry_at(r, r->ours);
        if (acquire32(slot + (size_t)4 * BAR0_SLOT_HDR_SEQ) != r->ours + 1)
            break;
        packet(c, slot);
        r->ours++;
        if (r->ours - r->told >= r->count / 4)
            tell(c, r, BAR0_RXQ_CONSUMER);
    }
    tell(c, r, BAR0_RXQ_CONSUMER);
    if (n == RX_BATCH)
        (void)eventfd_write(c->eventfd[VECTOR_RX], 1); // there may be more
}

static bool tx_full(const struct culvert_card *c)
{
    return c->txq.ours - acquire32(c->tx_written_back) >= c->txq.count;
}

void card_process_tx(struct culvert_card *c)
{
    if (!c->tx_blocked || c->state != CULVERT_READY || tx_full(c))
        return;
    c->tx_blocked = false;
    if (c->options.tx_room)
        c->options.tx_room(c->options.arg);
}

int culvert_tx(struct culvert_card *c, enum culvert_port_id dest, uint32_t tunnel, const void *data, size_t len)
{
    struct card_ring *r = &c->txq;
    if (c->state != CULVERT_READY || c->failing)
        return -ENODEV;
    if ((unsigned)dest > CULVERT_PORT_TUNNEL || len == 0 || (dest == CULVERT_PORT_TUNNEL && tunnel >= c->caps.tunnels))
        return -EINVAL;
    if (len > (1u << r->slot_log2) - BAR0_SLOT_HDR_BYTES || len > c->caps.max_frame)
        return -EMSGSIZE;
    if (tx_full(c)) {
        c->tx_blocked = true;
        c->stats.tx_full++;
        return -ENOBUFS;
    }
    uint8_t *slot = entry_at(r, r->ours);
    uint32_t word[BAR0_SLOT_HDR_BYTES / 4] = {0};
    word[BAR0_SLOT_HDR_LEN] = (uint32_t)len;
    word[BAR0_SLOT_HDR_INFO] = dest;
    word[BAR0_SLOT_HDR_TUNNEL] = tunnel;
    memcpy(slot, word, sizeof(word));
    memcpy(slot + BAR0_SLOT_HDR_BYTES, data, len);
    r->ours++;
    c->stats.tx_packets++;
    c->stats.tx_bytes += len;
    tell(c, r, BAR0_TXQ_PRODUCER);
    return 0;
}
