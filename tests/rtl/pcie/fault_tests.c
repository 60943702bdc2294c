// SPDX-License-Identifier: BSD-2-Clause
// What goes wrong: completions with errors or none, bad headers, memory that is not there, resets in the middle.
#include "bar0_regs.h"
#include "board.h"
#include "mbox_regs.h"
#include "tests/rtl/pcie/bench.h"

#include <stdlib.h>
#include <string.h>

static const struct rp_options calm = {.latency_min = 2, .latency_max = 6};
static const struct rp_options wild = {
    .latency_max = 300, .split = true, .reorder = true, .stall_percent = 20, .gap_percent = 20};

static bool equal(struct bench *b, const char *what, uint32_t is, uint32_t should)
{
    return is == should || bench_fail(b, "%s is 0x%x, not 0x%x", what, is, should);
}

static void consumer_is(struct bench *b)
{
    memcpy(b->model + b->wb_addr, &b->tx_producer, 4);
}

static const char *const fault_name[RP_FAULTS] = {
    "none", "unsupported request", "lost", "late", "poisoned", "short", "long", "count", "twice",
};

// A packet read that goes wrong in the given way is dropped whole and counted; the next packet arrives.
static bool one_fault(struct bench *b, enum rp_fault fault, bool in_header, const struct rp_options *o)
{
    bench_start(b, o, 0, 0);
    tx_ring(b, 14, true);
    uint32_t dma = bar_read(b, BAR0_DMA_ERRORS), tlp = bar_read(b, BAR0_TLP_ERRORS);
    bool harmless = fault == RP_FAULT_LONG || fault == RP_FAULT_TWICE;
    // Slots 0 to 2 are good; one read of slot 1 fails.
    tx_packet(b, 3000, true);
    tx_doorbell(b);
    consumer_is(b);
    if (!bench_settle(b))
        return false;
    if (in_header) {
        rp_fault(b->rp, fault, 1);
        tx_packet(b, 3000, harmless);
        tx_doorbell(b);
    } else {
        uint64_t reads = rp_stats(b->rp)->dma_reads;
        tx_packet(b, 3000, harmless);
        tx_doorbell(b);
        for (unsigned i = 0; rp_stats(b->rp)->dma_reads == reads && i < PATIENCE; i++)
            bench_tick(b);
        rp_fault(b->rp, fault, 1); // of the packet's reads, of which some may have been asked for already
    }
    for (unsigned i = 0; bar_read(b, BAR0_TXQ_CONSUMER) != b->tx_producer; i++)
        if (i > 20000)
            return bench_fail(b, "%s: the queue hangs", fault_name[fault]);
    rp_fault(b->rp, RP_FAULT_NONE, 0);
    if (fault == RP_FAULT_LATE)
        rp_release_late(b->rp);
    tx_packet(b, 2000, true);
    tx_doorbell(b);
    consumer_is(b);
    if (!bench_settle(b))
        return false;
    dma = bar_read(b, BAR0_DMA_ERRORS) - dma;
    tlp = bar_read(b, BAR0_TLP_ERRORS) - tlp;
    if (harmless ? dma != 0 : dma == 0)
        bench_fail(b, "%s%s: %u DMA errors", fault_name[fault], in_header ? " (header)" : "", dma);
    // Lost and refused reads are no malformed TLPs; a late or second completion is unexpected.
    if ((fault == RP_FAULT_UR || fault == RP_FAULT_LOST) ? tlp != 0 : tlp == 0)
        bench_fail(b, "%s%s: %u TLP errors", fault_name[fault], in_header ? " (header)" : "", tlp);
    equal(b, "TX_BAD", bar_read(b, BAR0_TX_BAD), 0);
    return !b->why[0];
}

static bool completion_faults(struct bench *b)
{
    for (enum rp_fault f = RP_FAULT_UR; f < RP_FAULTS; f++)
        for (int header = 0; header < 2; header++)
            if (!one_fault(b, f, header, &calm) || !one_fault(b, f, header, &wild))
                return false;
    return true;
}

// A read that was given up is still with the host when its tag's turn comes again: the root port sees if a tag that
// it has not answered is used anew, and the late answer must not become part of a packet.
static bool late_generations(struct bench *b)
{
    bench_start(b, &calm, 0, 0);
    tx_ring(b, 14, true);
    for (unsigned round = 0; round < 3; round++) {
        rp_fault(b->rp, RP_FAULT_LATE, 1);
        tx_packet(b, 100, false);
        tx_doorbell(b);
        for (unsigned i = 0; bar_read(b, BAR0_TXQ_CONSUMER) != b->tx_producer; i++)
            if (i > 20000)
                return bench_fail(b, "the queue hangs");
        for (unsigned i = 0; i < 12; i++) { // some 50 reads
            tx_packet(b, 400, true);
            tx_doorbell(b);
            consumer_is(b);
            if (round == 2 && i == 6)
                rp_release_late(b->rp);
            for (unsigned k = 0; b->expect_count && k < 2000; k++)
                bench_tick(b);
        }
    }
    if (!bench_settle(b))
        return false;
    equal(b, "DMA_ERRORS", bar_read(b, BAR0_DMA_ERRORS), 3);
    equal(b, "TLP_ERRORS", bar_read(b, BAR0_TLP_ERRORS), 3);
    return !b->why[0];
}

// Faults at random in a stream of packets: each packet comes whole or not at all, and none hangs.
static bool random_faults(struct bench *b)
{
    unsigned faults = 0;
    bench_start(b, &wild, 0, 0);
    tx_ring(b, 14, false);
    for (unsigned n = 0; n < 200; n++) {
        bool spoil = !bench_random(b, 3);
        unsigned len = 1 + bench_random(b, 4000);
        if (spoil) {
            enum rp_fault f = RP_FAULT_UR + bench_random(b, RP_FAULTS - RP_FAULT_UR);
            if (f == RP_FAULT_LOST || f == RP_FAULT_LATE || f == RP_FAULT_LONG || f == RP_FAULT_TWICE)
                f = RP_FAULT_POISON; // no time-outs here, and what does no harm is no fault
            rp_fault(b->rp, f, 1);
            faults++;
        }
        tx_packet(b, len, !spoil);
        tx_doorbell(b);
        for (unsigned i = 0; bar_read(b, BAR0_TXQ_CONSUMER) != b->tx_producer; i++)
            if (i > 5000)
                return bench_fail(b, "the queue hangs at packet %u", n);
        rp_fault(b->rp, RP_FAULT_NONE, 0);
    }
    equal(b, "DMA_ERRORS", bar_read(b, BAR0_DMA_ERRORS), faults);
    return bench_settle(b);
}

static bool bad_headers(struct bench *b)
{
    static const struct {
        uint32_t len, info, tunnel;
    } bad[] = {
        {0, 0, 0},
        {2048 - 63, 0, 0},
        {MEM_BYTES, 0, 0},
        {0x80000040, 1, 0},
        {0xffffffff, 0, 0},
        {100, 3, 0},
        {100, 2, BOARD_TUNNEL_COUNT},
        {100, 2, 0xffffffff},
    };
    bench_start(b, &wild, 1, 2);
    tx_ring(b, 11, true);
    unsigned count = sizeof(bad) / sizeof(bad[0]);
    for (unsigned i = 0; i < count; i++) {
        tx_packet(b, 100 + i, true);
        tx_header(b, bad[i].len, bad[i].info, bad[i].tunnel);
        tx_header(b, bad[i].len, bad[i].info, bad[i].tunnel);
        tx_packet(b, 2048 - 64, true); // the largest that fits
        tx_doorbell(b);
        consumer_is(b);
        if (!bench_settle(b))
            return false;
        equal(b, "TXQ_CONSUMER", bar_read(b, BAR0_TXQ_CONSUMER), b->tx_producer);
        equal(b, "TX_BAD", bar_read(b, BAR0_TX_BAD), 2 * (i + 1));
    }
    // Longer than a frame although it fits into the slot.
    bench_start(b, &wild, 1, 2);
    tx_ring(b, 14, true);
    tx_header(b, BOARD_MAX_FRAME + 1, 0, 0);
    tx_packet(b, BOARD_MAX_FRAME, true);
    tx_doorbell(b);
    consumer_is(b);
    bench_settle(b);
    equal(b, "TX_BAD", bar_read(b, BAR0_TX_BAD), 1);
    equal(b, "DMA_ERRORS", bar_read(b, BAR0_DMA_ERRORS), 0);
    return !b->why[0];
}

// Rings in memory that the host does not let the card reach: errors, no hang, and recovery.
static bool no_memory(struct bench *b)
{
    bench_start(b, &wild, 1, 2);
    rp_unmap_all(b->rp);
    rx_ring(b, 11);
    tx_ring(b, 11, true);
    ev_ring(b);
    rx_packet(b, 700, false);
    tx_packet(b, 700, false);
    memcpy(b->model, b->mem, MEM_BYTES);
    tx_doorbell(b);
    ev_post(b, false);
    for (unsigned i = 0; bar_read(b, BAR0_TXQ_CONSUMER) != 1; i++)
        if (i > 10000)
            return bench_fail(b, "the queue hangs");
    if (!bench_settle(b))
        return false;
    equal(b, "DMA_ERRORS", bar_read(b, BAR0_DMA_ERRORS), 1);
    rp_map(b->rp, b->iova, b->mem, MEM_BYTES, true, true);
    b->rx_producer = 1;
    b->ev_producer = 1;
    rx_packet(b, 700, true);
    tx_packet(b, 700, true);
    tx_doorbell(b);
    consumer_is(b);
    ev_post(b, true);
    return bench_settle(b);
}

static bool no_bus_master(struct bench *b)
{
    bench_start(b, &wild, 1, 2);
    rx_ring(b, 11);
    tx_ring(b, 14, true);
    ev_ring(b);
    pci_config_set_bus_master(rp_config(b->rp), false);
    rp_config_changed(b->rp);
    bar_read(b, BAR0_ID);
    uint64_t in = rp_stats(b->rp)->dma_writes + rp_stats(b->rp)->dma_reads + rp_stats(b->rp)->interrupts;
    rx_packet(b, 100, false);
    tx_packet(b, 100, true);
    tx_doorbell(b);
    ev_post(b, false);
    bench_ticks(b, 2000);
    equal(b, "drops", b->drops, 1);
    if (rp_stats(b->rp)->dma_writes + rp_stats(b->rp)->dma_reads + rp_stats(b->rp)->interrupts != in)
        bench_fail(b, "DMA without bus mastering");
    // Given back, the queue goes on.
    pci_config_set_bus_master(rp_config(b->rp), true);
    rp_config_changed(b->rp);
    consumer_is(b);
    bench_settle(b);
    // Taken away in the middle of things: nothing hangs, a reset puts all right.
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 4; i++)
            tx_packet(b, 6000, false);
        rx_packet(b, 1900, false);
        tx_doorbell(b);
        bench_ticks(b, bench_random(b, 800));
        pci_config_set_bus_master(rp_config(b->rp), false);
        rp_config_changed(b->rp);
        bench_forget(b);
        bar_write(b, BAR0_CONTROL, BAR0_CONTROL_RESET_MASK);
        bar_read(b, BAR0_ID);
        for (unsigned i = 0; *b->pin.card_reset; i++) {
            if (i > PATIENCE)
                return bench_fail(b, "the reset does not end");
            bench_tick(b);
        }
        b->why[0] = 0; // packets that came before the reset were not announced to the sink
        bench_forget(b);
        memcpy(b->model, b->mem, MEM_BYTES);
        pci_config_set_bus_master(rp_config(b->rp), true);
        rp_config_changed(b->rp);
        rx_ring(b, 11);
        tx_ring(b, 14, true);
        bar_read(b, BAR0_ID);
        rx_packet(b, 1 + bench_random(b, 1900), true);
        tx_packet(b, 1 + bench_random(b, 9000), true);
        tx_doorbell(b);
        consumer_is(b);
        if (!bench_settle(b))
            return false;
    }
    return true;
}

// CONTROL.RESET at any moment of a transfer: DMA ends cleanly, memory is left alone afterwards, rings start anew.
static bool reset_in_dma(struct bench *b)
{
    for (unsigned round = 0; round < 60; round++) {
        bench_start(b, &wild, bench_random(b, 4), bench_random(b, 4));
        rx_ring(b, 14);
        tx_ring(b, 14, true);
        ev_ring(b);
        b->sink_stall = 50;
        bar_read(b, BAR0_ID);
        for (unsigned i = 0; i < 3; i++) {
            rx_packet(b, 1 + bench_random(b, 9216), false);
            tx_packet(b, 1 + bench_random(b, 9216), true);
        }
        tx_doorbell(b);
        ev_post(b, false);
        bench_ticks(b, bench_random(b, 1200));
        bar_write(b, BAR0_CONTROL, BAR0_CONTROL_RESET_MASK);
        bar_read(b, BAR0_ID);
        for (unsigned i = 0; *b->pin.card_reset; i++) {
            if (i > PATIENCE)
                return bench_fail(b, "the reset does not end");
            bench_tick(b);
        }
        if (!rp_idle(b->rp))
            return bench_fail(b, "DMA is still under way after the reset");
        bench_forget(b);
        memcpy(b->model, b->mem, MEM_BYTES);
        bench_ticks(b, 2000);
        if (!bench_settle(b))
            return false;
        equal(b, "RXQ_CONFIG after reset", bar_read(b, BAR0_RXQ_CONFIG), 0);
        equal(b, "TXQ_CONFIG after reset", bar_read(b, BAR0_TXQ_CONFIG), 0);
        rx_ring(b, 14);
        tx_ring(b, 14, true);
        ev_ring(b);
        bar_read(b, BAR0_ID);
        rx_packet(b, 1 + bench_random(b, 9216), true);
        tx_packet(b, 1 + bench_random(b, 9216), true);
        tx_doorbell(b);
        consumer_is(b);
        ev_post(b, true);
        if (!bench_settle(b))
            return false;
        equal(b, "DMA_ERRORS", bar_read(b, BAR0_DMA_ERRORS), 0);
        equal(b, "TLP_ERRORS", bar_read(b, BAR0_TLP_ERRORS), 0);
    }
    return !b->why[0];
}

const struct test fault_tests[] = {
    {"completions refused, lost, late, poisoned, cut, too long, miscounted, doubled: dropped whole, counted, no hang",
     completion_faults},
    {"a read given up does not meet its tag's next use", late_generations},
    {"faults at random in a stream: each packet whole or not at all", random_faults},
    {"slots with bad headers are skipped in order and counted", bad_headers},
    {"rings in memory that is not there: errors, no hang, recovery", no_memory},
    {"without bus mastering nothing is sent, and taking it away hangs nothing", no_bus_master},
    {"a card reset at any moment of a transfer ends DMA cleanly", reset_in_dma},
    {0},
};
