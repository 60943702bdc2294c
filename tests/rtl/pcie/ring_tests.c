// SPDX-License-Identifier: BSD-2-Clause
// Packets through the rings: every size, everywhere in a page, with a link that stalls, splits and reorders.
#include "bar0_regs.h"
#include "board.h"
#include "mbox_regs.h"
#include "tests/rtl/pcie/bench.h"

#include <string.h>

static const struct rp_options calm = {0};
static const struct rp_options wild = {
    .latency_min = 1, .latency_max = 400, .split = true, .reorder = true, .stall_percent = 25, .gap_percent = 25};

static const unsigned large[] = {511,  512,  513,  1023, 1024, 1025, 1499, 1500, 1514, 2047, 2048, 2049, 4031, 4032,
                                 4033, 4095, 4096, 4097, 8191, 8192, 8193, 9000, 9152, 9153, 9214, 9215, 9216, 0};

static bool equal(struct bench *b, const char *what, uint32_t is, uint32_t should)
{
    return is == should || bench_fail(b, "%s is 0x%x, not 0x%x", what, is, should);
}

// One size after the other, in batches of at most a ring.
static bool rx_sizes(struct bench *b, unsigned first, unsigned last, const unsigned *list)
{
    for (unsigned i = 0, len; list ? (len = list[i]) : (len = first + i) <= last; i++) {
        if (b->rx_producer - b->rx_consumer == 1u << RX_SLOTS_LOG2) {
            if (!bench_settle(b))
                return false;
            equal(b, "RXQ_PRODUCER", bar_read(b, BAR0_RXQ_PRODUCER), b->rx_producer);
            b->rx_consumer = b->rx_producer;
            bar_write(b, BAR0_RXQ_CONSUMER, b->rx_consumer);
            bar_read(b, BAR0_ID); // the write has arrived
        }
        rx_packet(b, len, true);
    }
    return bench_settle(b);
}

static bool rx_round(struct bench *b, const struct rp_options *o, unsigned sizes)
{
    bench_start(b, o, sizes, sizes);
    rx_ring(b, SLOT_LOG2);
    b->source_gap = o->gap_percent;
    bar_read(b, BAR0_ID);
    bool ok = rx_sizes(b, 1, 300, NULL) && rx_sizes(b, 0, 0, large);
    if (!b->irqs[1] || b->irqs[1] > b->rx_producer)
        bench_fail(b, "%u interrupts for %u packets", b->irqs[1], b->rx_producer);
    return ok && !b->why[0] && equal(b, "drops", b->drops, 0);
}

static bool rx_calm(struct bench *b)
{
    for (unsigned sizes = 0; sizes < 6; sizes++)
        if (!rx_round(b, &calm, sizes))
            return false;
    return true;
}

static bool rx_wild(struct bench *b)
{
    for (unsigned sizes = 0; sizes < 6; sizes++)
        if (!rx_round(b, &wild, sizes))
            return false;
    return true;
}

static bool tx_sizes(struct bench *b, unsigned first, unsigned last, const unsigned *list)
{
    uint32_t before = b->tx_producer;
    for (unsigned i = 0, len; list ? (len = list[i]) : (len = first + i) <= last; i++) {
        if (b->tx_producer - before == 1u << TX_SLOTS_LOG2) {
            tx_doorbell(b);
            memcpy(b->model + b->wb_addr, &b->tx_producer, 4);
            if (!bench_settle(b))
                return false;
            before = b->tx_producer;
            equal(b, "TXQ_CONSUMER", bar_read(b, BAR0_TXQ_CONSUMER), b->tx_producer);
        }
        tx_packet(b, len, true);
    }
    tx_doorbell(b);
    memcpy(b->model + b->wb_addr, &b->tx_producer, 4);
    return bench_settle(b);
}

static bool tx_round(struct bench *b, const struct rp_options *o, unsigned sizes)
{
    bench_start(b, o, sizes, sizes);
    tx_ring(b, SLOT_LOG2, true);
    b->sink_stall = o->stall_percent;
    bool ok = tx_sizes(b, 1, 300, NULL) && tx_sizes(b, 0, 0, large);
    if (!b->irqs[2] || b->irqs[2] > b->tx_producer)
        bench_fail(b, "%u interrupts for %u packets", b->irqs[2], b->tx_producer);
    equal(b, "DMA_ERRORS", bar_read(b, BAR0_DMA_ERRORS), 0);
    equal(b, "TLP_ERRORS", bar_read(b, BAR0_TLP_ERRORS), 0);
    equal(b, "TX_BAD", bar_read(b, BAR0_TX_BAD), 0);
    return ok && !b->why[0];
}

static bool tx_calm(struct bench *b)
{
    for (unsigned sizes = 0; sizes < 6; sizes++)
        if (!tx_round(b, &calm, sizes))
            return false;
    return true;
}

static bool tx_wild(struct bench *b)
{
    for (unsigned sizes = 0; sizes < 6; sizes++)
        if (!tx_round(b, &wild, sizes))
            return false;
    return true;
}

// Everything at once, for a while.
static bool mixture(struct bench *b)
{
    uint8_t got[128];
    for (unsigned round = 0; round < 12; round++) {
        unsigned slot = 11 + round % 4;
        bench_start(b, round % 3 ? &wild : &calm, bench_random(b, 6), bench_random(b, 6));
        rx_ring(b, slot);
        tx_ring(b, slot, true);
        ev_ring(b);
        b->source_gap = bench_random(b, 60);
        b->sink_stall = bench_random(b, 60);
        unsigned max = (1u << slot) - 64 < 9216 ? (1u << slot) - 64 : 9216;
        uint32_t tx_seen = 0;
        for (unsigned n = 0; n < 60; n++) {
            bool big = !bench_random(b, 4);
            if (b->rx_producer - b->rx_consumer < 1u << RX_SLOTS_LOG2)
                rx_packet(b, 1 + bench_random(b, big ? max : 300), true);
            if (b->tx_producer - tx_seen < 1u << TX_SLOTS_LOG2) {
                tx_packet(b, 1 + bench_random(b, big ? max : 300), true);
                tx_doorbell(b);
            }
            if (bench_random(b, 2) && *b->pin.irq_evq_room)
                ev_post(b, true);
            bar_access(b, BAR0_DTB + bench_random(b, 700), got, 1 + bench_random(b, 128), false);
            bench_ticks(b, bench_random(b, 200));
            uint32_t made = bar_read(b, BAR0_RXQ_PRODUCER);
            // What the register says is in memory already: the answer came behind the writes.
            for (uint32_t i = b->rx_consumer; i != made; i++) {
                uint64_t at = b->rx_base + ((uint64_t)(i % (1u << RX_SLOTS_LOG2)) << slot);
                if (memcmp(b->mem + at, b->model + at, 64) != 0)
                    return bench_fail(b, "RXQ_PRODUCER is ahead of memory");
            }
            b->rx_consumer = made;
            bar_write(b, BAR0_RXQ_CONSUMER, made);
            bar_write(b, BAR0_EVQ_CONSUMER, bar_read(b, BAR0_EVQ_PRODUCER));
            tx_seen = bar_read(b, BAR0_TXQ_CONSUMER);
        }
        memcpy(b->model + b->wb_addr, &b->tx_producer, 4);
        if (!bench_settle(b))
            return false;
        equal(b, "DMA_ERRORS", bar_read(b, BAR0_DMA_ERRORS), 0);
        equal(b, "TLP_ERRORS", bar_read(b, BAR0_TLP_ERRORS), 0);
        equal(b, "packets dropped", b->drops, 0);
    }
    return !b->why[0];
}

static bool rx_full(struct bench *b)
{
    bench_start(b, &wild, 1, 2);
    rx_packet(b, 100, false); // no queue
    bench_settle(b);
    equal(b, "drops without a queue", b->drops, 1);
    rx_ring(b, 11);
    bar_read(b, BAR0_ID);
    for (unsigned i = 0; i < 12; i++)
        rx_packet(b, 1 + bench_random(b, 1900), i < 8);
    bench_settle(b);
    equal(b, "drops of a full ring", b->drops, 5);
    equal(b, "RXQ_PRODUCER of a full ring", bar_read(b, BAR0_RXQ_PRODUCER), 8);
    bar_write(b, BAR0_RXQ_CONSUMER, 1);
    bar_read(b, BAR0_ID);
    rx_packet(b, 1984, true); // the largest that fits
    rx_packet(b, 64, false);
    bench_settle(b);
    equal(b, "drops after one slot was given back", b->drops, 6);
    bar_write(b, BAR0_RXQ_CONSUMER, 9);
    bar_read(b, BAR0_ID);
    rx_packet(b, 1985, false); // one byte more
    rx_packet(b, 60, true);
    bench_settle(b);
    equal(b, "drops with a packet that is too long", b->drops, 7);
    equal(b, "RXQ_PRODUCER", bar_read(b, BAR0_RXQ_PRODUCER), 10);
    return bench_settle(b);
}

static bool counters_wrap(struct bench *b)
{
    // Counters run on beyond the ring many times; the ring's size 1 is legal too.
    bench_start(b, &calm, 1, 2);
    rx_ring(b, 11);
    tx_ring(b, 11, true);
    bar_read(b, BAR0_ID);
    for (unsigned i = 0; i < 100; i++) {
        rx_packet(b, 60, true);
        tx_packet(b, 60, true);
        tx_doorbell(b);
        memcpy(b->model + b->wb_addr, &b->tx_producer, 4);
        bench_settle(b);
        bar_write(b, BAR0_RXQ_CONSUMER, b->rx_producer);
    }
    equal(b, "RXQ_PRODUCER", bar_read(b, BAR0_RXQ_PRODUCER), 100);
    equal(b, "TXQ_CONSUMER", bar_read(b, BAR0_TXQ_CONSUMER), 100);
    equal(b, "packets", b->sunk, 100);
    return bench_settle(b);
}

static bool restart(struct bench *b)
{
    for (unsigned round = 0; round < 20; round++) {
        bench_start(b, &wild, 1, 0);
        rx_ring(b, 14);
        tx_ring(b, 14, true);
        bar_read(b, BAR0_ID);
        // Disabled in the middle: what is under way ends, then ENABLE reads 0 and memory is left alone.
        rx_packet(b, 5000, false);
        for (unsigned i = 0; i < 4; i++)
            tx_packet(b, 1 + bench_random(b, 3000), true);
        tx_doorbell(b);
        bench_ticks(b, bench_random(b, 1500));
        bar_write(b, BAR0_RXQ_CONFIG, 14 << 8 | RX_SLOTS_LOG2);
        bar_write(b, BAR0_TXQ_CONFIG, 14 << 8 | TX_SLOTS_LOG2);
        for (unsigned i = 0; (bar_read(b, BAR0_RXQ_CONFIG) | bar_read(b, BAR0_TXQ_CONFIG)) >> 31; i++)
            if (i > 1000)
                return bench_fail(b, "a queue does not stop");
        bench_ticks(b, 1000);
        if (*b->pin.fh_valid || !rp_idle(b->rp))
            return bench_fail(b, "something moves in a stopped queue");
        memcpy(b->model, b->mem, MEM_BYTES); // the packet that was cut may have left bytes
        bench_forget(b);                     // and packets that were not sent stay in the ring
        equal(b, "RXQ_PRODUCER, disabled", bar_read(b, BAR0_RXQ_PRODUCER), 0);
        equal(b, "TXQ_CONSUMER, disabled", bar_read(b, BAR0_TXQ_CONSUMER), 0);
        equal(b, "TXQ_PRODUCER, disabled", bar_read(b, BAR0_TXQ_PRODUCER), 0);
        bench_settle(b);
        rx_ring(b, 14);
        tx_ring(b, 14, true);
        bar_read(b, BAR0_ID);
        rx_packet(b, 1 + bench_random(b, 9216), true);
        tx_packet(b, 1 + bench_random(b, 9216), true);
        tx_doorbell(b);
        memcpy(b->model + b->wb_addr, &b->tx_producer, 4);
        if (!bench_settle(b))
            return false;
    }
    return true;
}

// Disabled while a packet to the host is half written: its rest is taken, its slot gets no header.
static bool stop_in_packet(struct bench *b)
{
    bench_start(b, &calm, 1, 2);
    rx_ring(b, 14);
    bar_read(b, BAR0_ID);
    rx_packet(b, 4000, false);
    bench_ticks(b, 20);
    b->source_gap = 100;
    bench_ticks(b, 50);
    if (!b->source_at || b->source_at >= 4000)
        return bench_fail(b, "the packet is not half written");
    bar_write(b, BAR0_RXQ_CONFIG, 14 << 8 | RX_SLOTS_LOG2);
    equal(b, "ENABLE while the packet is half written", bar_read(b, BAR0_RXQ_CONFIG) >> 31, 1);
    b->source_gap = 0;
    bench_ticks(b, 200);
    equal(b, "ENABLE after it", bar_read(b, BAR0_RXQ_CONFIG) >> 31, 0);
    equal(b, "words not taken", b->source_count, 0);
    equal(b, "interrupts", b->irqs[1], 0);
    memcpy(b->model + b->rx_base + 64, b->mem + b->rx_base + 64, 4000);
    return bench_settle(b);
}

// The consumer never passes a slot whose packet has not gone out, even if the slots behind it are skipped.
static bool consumer_in_order(struct bench *b)
{
    bench_start(b, &calm, 1, 2);
    tx_ring(b, 11, true);
    b->sink_stall = 100;
    tx_packet(b, 300, true);
    tx_header(b, 0, 0, 0);
    tx_header(b, 0, 0, 0);
    tx_packet(b, 300, true);
    tx_doorbell(b);
    bench_ticks(b, 2000);
    equal(b, "TXQ_CONSUMER behind a packet that waits", bar_read(b, BAR0_TXQ_CONSUMER), 0);
    b->sink_stall = 0;
    memcpy(b->model + b->wb_addr, &b->tx_producer, 4);
    bench_settle(b);
    equal(b, "TXQ_CONSUMER", bar_read(b, BAR0_TXQ_CONSUMER), 4);
    return bench_settle(b);
}

const struct test ring_tests[] = {
    {"packets to the host, 1 to 300 bytes and up to 9,216, every payload size: no byte lost or misplaced", rx_calm},
    {"the same with back-pressure and gaps", rx_wild},
    {"packets from the host, 1 to 300 bytes and up to 9,216, every read size: no byte lost or misplaced", tx_calm},
    {"the same with random latency, completions split and out of order, back-pressure", tx_wild},
    {"both directions, events and BAR reads at once; the producer is never ahead of memory", mixture},
    {"a full ring, a missing ring and a packet that is too long drop; room is found again", rx_full},
    {"counters run on beyond the ring", counters_wrap},
    {"a queue stopped within a packet gives it no header", stop_in_packet},
    {"the consumer never passes a slot whose packet waits", consumer_in_order},
    {"queues stopped in the middle stop whole and start anew", restart},
    {0},
};
