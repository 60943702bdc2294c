// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/pcie/bench.h"

#include "bar0_regs.h"
#include "mbox_regs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t bench_random(struct bench *b, uint32_t below)
{
    b->rng = b->rng * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((b->rng >> 32) * below >> 32);
}

bool bench_fail(struct bench *b, const char *format, ...)
{
    if (!b->why[0]) {
        va_list ap;
        va_start(ap, format);
        vsnprintf(b->why, sizeof(b->why), format, ap);
        va_end(ap);
    }
    return false;
}

static void on_irq(void *arg, uint32_t vector)
{
    struct bench *b = arg;
    if (vector < 4)
        b->irqs[vector]++;
    else
        bench_fail(b, "interrupt with data 0x%x", vector);
}

struct bench *bench_new(uint64_t seed)
{
    struct bench *b = calloc(1, sizeof(*b));
    if (!b || !(b->mem = malloc(MEM_BYTES)) || !(b->model = malloc(MEM_BYTES)))
        abort();
    b->rng = seed;
    b->shim = pcie_shim_new((uint32_t)seed, &b->pin);
    const struct rp_options calm = {.seed = seed};
    b->rp = rp_new(&b->pin.tlp, &calm, &(struct rp_hooks){.arg = b, .irq = on_irq});
    return b;
}

static void forget_source(struct bench *b)
{
    while (b->source_count) {
        free(b->source[b->source_head].data);
        b->source_head = (b->source_head + 1) % QUEUE;
        b->source_count--;
    }
    b->source_at = 0;
    *b->pin.th_valid = 0;
}

void bench_forget(struct bench *b)
{
    forget_source(b);
    while (b->expect_count) {
        free(b->expect[b->expect_head].data);
        b->expect_head = (b->expect_head + 1) % QUEUE;
        b->expect_count--;
    }
    b->sink_at = 0;
}

void bench_free(struct bench *b)
{
    bench_forget(b);
    rp_free(b->rp);
    pcie_shim_free(b->shim);
    free(b->mem);
    free(b->model);
    free(b);
}

// What the source shows in this cycle. A word that is shown stays until it is taken.
static void source_drive(struct bench *b)
{
    if (*b->pin.th_valid)
        return;
    if (!b->source_count || b->source_hold || (b->source_gap && bench_random(b, 100) < b->source_gap))
        return;
    const struct packet *p = &b->source[b->source_head];
    unsigned left = p->len - b->source_at, n = left < 64 ? left : 64;
    *b->pin.th_valid = 1;
    *b->pin.th_sop = b->source_at == 0;
    *b->pin.th_last = left <= 64;
    *b->pin.th_empty = (uint8_t)(64 - n);
    *b->pin.th_len = (uint16_t)p->len;
    *b->pin.th_port = (uint8_t)p->port;
    *b->pin.th_reason = (uint8_t)p->reason;
    *b->pin.th_tunnel = (uint16_t)p->tunnel;
    *b->pin.th_decrypted = p->decrypted;
    *b->pin.th_sa = (uint16_t)p->sa;
    memset(b->pin.th_data, 0x99, 64); // the unused bytes of the last word
    memcpy(b->pin.th_data, p->data + b->source_at, n);
}

static void source_taken(struct bench *b)
{
    struct packet *p = &b->source[b->source_head];
    *b->pin.th_valid = 0;
    b->source_at += 64;
    if (b->source_at < p->len)
        return;
    free(p->data);
    b->source_head = (b->source_head + 1) % QUEUE;
    b->source_count--;
    b->source_at = 0;
}

static void sink_take(struct bench *b)
{
    if (!b->expect_count) {
        bench_fail(b, "a packet of %u bytes that nobody sent", *b->pin.fh_len);
        return;
    }
    struct packet *p = &b->expect[b->expect_head];
    unsigned left = p->len - b->sink_at, n = left < 64 ? left : 64;
    bool last = left <= 64;
    if (*b->pin.fh_len != p->len || *b->pin.fh_dest != p->dest || *b->pin.fh_tunnel != p->tunnel)
        bench_fail(b, "packet of %u bytes to %u by tunnel %u came as %u, %u, %u", p->len, p->dest, p->tunnel,
                   *b->pin.fh_len, *b->pin.fh_dest, *b->pin.fh_tunnel);
    if (*b->pin.fh_sop != (b->sink_at == 0) || *b->pin.fh_last != last || *b->pin.fh_empty != (last ? 64 - n : 0))
        bench_fail(b, "word at %u of %u has sop %u, last %u, empty %u", b->sink_at, p->len, *b->pin.fh_sop,
                   *b->pin.fh_last, *b->pin.fh_empty);
    if (memcmp(b->pin.fh_data, p->data + b->sink_at, n) != 0)
        bench_fail(b, "wrong bytes in the word at %u of %u", b->sink_at, p->len);
    b->sink_at += 64;
    if (!last)
        return;
    free(p->data);
    b->expect_head = (b->expect_head + 1) % QUEUE;
    b->expect_count--;
    b->sink_at = 0;
    b->sunk++;
}

void bench_tick(struct bench *b)
{
    source_drive(b);
    *b->pin.fh_ready = !(b->sink_stall && bench_random(b, 100) < b->sink_stall);
    pcie_shim_settle(b->shim);
    bool taken = *b->pin.th_valid && *b->pin.th_ready, held = *b->pin.card_reset;
    if (*b->pin.fh_valid && *b->pin.fh_ready && !held)
        sink_take(b);
    if (*b->pin.dropped)
        b->drops++;
    pcie_shim_edge(b->shim);
    if (taken)
        source_taken(b);
    if (held) // the datapath is in reset as well: the rest of its packet never comes
        forget_source(b);
    rp_tick(b->rp);
    b->cycle++;
}

void bench_ticks(struct bench *b, unsigned n)
{
    while (n--)
        bench_tick(b);
}

void bench_start(struct bench *b, const struct rp_options *options, unsigned max_payload, unsigned max_read_req)
{
    struct rp_options o = *options;
    o.seed += b->rng;
    bench_forget(b);
    b->source_gap = b->sink_stall = 0;
    b->source_hold = false;
    rp_unmap_all(b->rp);
    rp_set_options(b->rp, &o);
    pci_config_init(rp_config(b->rp));
    pci_config_set_sizes(rp_config(b->rp), (uint8_t)max_payload, (uint8_t)max_read_req);
    pci_config_set_bus_master(rp_config(b->rp), true);
    pci_config_set_msix_enable(rp_config(b->rp), true);
    rp_config_changed(b->rp);
    *b->pin.reg_req = 0;
    *b->pin.wdt_reset = 0;
    *b->pin.boot_done = 1;
    *b->pin.boot_error = 0;
    *b->pin.rst_n = 0;
    bench_ticks(b, 3);
    *b->pin.rst_n = 1;
    for (unsigned i = 0; *b->pin.card_reset && i < 3000; i++)
        bench_tick(b);
    for (unsigned v = 0; v < 4; v++) {
        uint32_t entry[4] = {RP_MSI_BASE, 0, v, 0};
        bar_access(b, BAR0_MSIX_TABLE + 16 * v, entry, sizeof(entry), true);
    }
    for (unsigned i = 0; i < MEM_BYTES; i++)
        b->mem[i] = (uint8_t)bench_random(b, 256);
    memcpy(b->model, b->mem, MEM_BYTES);
    b->iova = IOVA;
    rp_map(b->rp, b->iova, b->mem, MEM_BYTES, true, true);
    bar_read(b, BAR0_ID); // an interrupt that waited for the table, that the reset is over, has come
    bench_ticks(b, 20);
    memset(b->irqs, 0, sizeof(b->irqs));
    b->drops = b->sunk = 0;
}

static bool quiet(struct bench *b)
{
    return rp_idle(b->rp) && (!b->source_count || b->source_hold) && !b->expect_count && !*b->pin.fh_valid;
}

bool bench_memory(struct bench *b)
{
    if (memcmp(b->mem, b->model, MEM_BYTES) != 0) {
        unsigned i = 0;
        while (b->mem[i] == b->model[i])
            i++;
        bench_fail(b, "host memory differs at 0x%x: %02x, not %02x (RX ring 0x%llx, events 0x%llx)", i, b->mem[i],
                   b->model[i], (unsigned long long)b->rx_base, (unsigned long long)b->ev_base);
    }
    if (rp_stats(b->rp)->violations)
        bench_fail(b, "the card broke a rule: %s", rp_violation(b->rp));
    return !b->why[0];
}

bool bench_settle(struct bench *b)
{
    unsigned calm = 0;
    for (unsigned i = 0; calm < 40 && i < PATIENCE; i++) {
        bench_tick(b);
        calm = quiet(b) ? calm + 1 : 0;
    }
    if (calm < 40)
        return bench_fail(b, "no end: %u packets not taken, %u not come", b->source_count, b->expect_count);
    return bench_memory(b);
}

// ---- accesses of the host

struct wait {
    bool done;
    int error;
};

static void on_done(void *arg, int error)
{
    *(struct wait *)arg = (struct wait){true, error};
}

bool bar_access(struct bench *b, uint32_t offset, void *data, uint32_t len, bool write)
{
    struct wait w = {0};
    if (!rp_access(b->rp, offset, data, len, write, on_done, &w))
        return bench_fail(b, "the root port takes no access");
    for (unsigned i = 0; !w.done && i < PATIENCE; i++)
        bench_tick(b);
    if (!w.done) {
        rp_cancel(b->rp); // w goes out of scope
        return bench_fail(b, "an access to BAR0 at 0x%x never ended", offset);
    }
    return !w.error;
}

uint32_t bar_read(struct bench *b, uint32_t offset)
{
    uint32_t v = 0;
    if (!bar_access(b, offset, &v, sizeof(v), false))
        bench_fail(b, "a read of 0x%x was refused", offset);
    return v;
}

void bar_write(struct bench *b, uint32_t offset, uint32_t value)
{
    bar_access(b, offset, &value, sizeof(value), true);
}

// ---- accesses of the core

static uint32_t mbox(struct bench *b, uint32_t offset, bool write, uint32_t value, bool *error)
{
    *b->pin.reg_req = 1;
    *b->pin.reg_we = write;
    *b->pin.reg_addr = (uint16_t)offset;
    *b->pin.reg_wdata = value;
    unsigned n = 0;
    do
        bench_tick(b);
    while (!*b->pin.reg_ack && n++ < 100);
    if (!*b->pin.reg_ack)
        bench_fail(b, "the mailbox does not answer");
    value = *b->pin.reg_rdata;
    *error = *b->pin.reg_err;
    bench_tick(b); // the core sees the answer at this edge
    *b->pin.reg_req = 0;
    bench_tick(b);
    return value;
}

uint32_t mbox_read(struct bench *b, uint32_t offset)
{
    bool error;
    uint32_t v = mbox(b, offset, false, 0, &error);
    if (error)
        bench_fail(b, "mailbox error at 0x%x", offset);
    return v;
}

void mbox_write(struct bench *b, uint32_t offset, uint32_t value)
{
    bool error;
    mbox(b, offset, true, value, &error);
    if (error)
        bench_fail(b, "mailbox error at 0x%x", offset);
}

bool mbox_error(struct bench *b, uint32_t offset)
{
    bool error;
    mbox(b, offset, false, 0, &error);
    return error;
}

// ---- rings

// A place for a ring that is no multiple of a page, in its own third of memory.
static uint64_t place(struct bench *b, unsigned third, unsigned bytes)
{
    unsigned span = MEM_BYTES / 3 - bytes - 256;
    return third * (MEM_BYTES / 3 & ~63u) + 64 + bench_random(b, span / 64) * 64;
}

static void base(struct bench *b, uint32_t reg, uint64_t offset)
{
    bar_write(b, reg, (uint32_t)(b->iova + offset));
    bar_write(b, reg + 4, (uint32_t)((b->iova + offset) >> 32));
}

void rx_ring(struct bench *b, unsigned slot_log2)
{
    b->rx_base = place(b, 0, 1u << (RX_SLOTS_LOG2 + slot_log2));
    b->rx_slot_log2 = slot_log2;
    b->rx_producer = b->rx_consumer = 0;
    base(b, BAR0_RXQ_BASE_LO, b->rx_base);
    bar_write(b, BAR0_RXQ_CONFIG, BAR0_RXQ_CONFIG_ENABLE_MASK | slot_log2 << 8 | RX_SLOTS_LOG2);
}

void tx_ring(struct bench *b, unsigned slot_log2, bool write_back)
{
    b->tx_base = place(b, 1, 1u << (TX_SLOTS_LOG2 + slot_log2));
    b->tx_slot_log2 = slot_log2;
    b->tx_producer = 0;
    b->wb_addr = MEM_BYTES - 4;
    base(b, BAR0_TXQ_BASE_LO, b->tx_base);
    bar_write(b, BAR0_TXQ_WB_LO, write_back ? (uint32_t)(b->iova + b->wb_addr) : 0);
    bar_write(b, BAR0_TXQ_WB_HI, write_back ? (uint32_t)(b->iova >> 32) : 0);
    bar_write(b, BAR0_TXQ_CONFIG, BAR0_TXQ_CONFIG_ENABLE_MASK | slot_log2 << 8 | TX_SLOTS_LOG2);
}

void ev_ring(struct bench *b)
{
    b->ev_base = place(b, 2, 64u << EV_SLOTS_LOG2);
    b->ev_producer = 0;
    base(b, BAR0_EVQ_BASE_LO, b->ev_base);
    bar_write(b, BAR0_EVQ_CONFIG, BAR0_EVQ_CONFIG_ENABLE_MASK | EV_SLOTS_LOG2);
}

static struct packet random_packet(struct bench *b, unsigned len)
{
    struct packet p = {.len = len,
                       .port = bench_random(b, 3),
                       .reason = bench_random(b, 256),
                       .tunnel = bench_random(b, 1024),
                       .sa = bench_random(b, 1024),
                       .dest = bench_random(b, 3),
                       .decrypted = bench_random(b, 2)};
    if (!(p.data = malloc(len)))
        abort();
    for (unsigned i = 0; i < len; i++)
        p.data[i] = (uint8_t)bench_random(b, 256);
    return p;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

void rx_packet(struct bench *b, unsigned len, bool arrives)
{
    struct packet p = random_packet(b, len);
    if (b->source_count == QUEUE)
        abort();
    b->source[(b->source_head + b->source_count++) % QUEUE] = p;
    if (!arrives)
        return;
    uint8_t *slot = b->model + b->rx_base + ((uint64_t)(b->rx_producer % (1u << RX_SLOTS_LOG2)) << b->rx_slot_log2);
    b->rx_producer++;
    memset(slot, 0, 64);
    put32(slot, len);
    put32(slot + 4, p.port | p.reason << 8);
    put32(slot + 8, p.tunnel);
    put32(slot + 12, p.sa | (uint32_t)p.decrypted << 31);
    put32(slot + 60, b->rx_producer);
    memcpy(slot + 64, p.data, len);
}

static uint8_t *tx_slot(struct bench *b)
{
    return b->mem + b->tx_base + ((uint64_t)(b->tx_producer++ % (1u << TX_SLOTS_LOG2)) << b->tx_slot_log2);
}

void tx_header(struct bench *b, uint32_t len, uint32_t info, uint32_t tunnel)
{
    uint8_t *slot = tx_slot(b);
    put32(slot, len);
    put32(slot + 4, info);
    put32(slot + 8, tunnel);
    memcpy(b->model + (slot - b->mem), slot, 64);
}

void tx_packet(struct bench *b, unsigned len, bool arrives)
{
    struct packet p = random_packet(b, len);
    if (b->expect_count == QUEUE)
        abort();
    uint8_t *slot = tx_slot(b);
    put32(slot, len);
    put32(slot + 4, p.dest);
    put32(slot + 8, p.tunnel);
    memcpy(slot + 64, p.data, len);
    memcpy(b->model + (slot - b->mem), slot, 64 + len);
    if (arrives)
        b->expect[(b->expect_head + b->expect_count++) % QUEUE] = p;
    else
        free(p.data);
}

void tx_doorbell(struct bench *b)
{
    bar_write(b, BAR0_TXQ_PRODUCER, b->tx_producer);
}

void ev_post(struct bench *b, bool arrives)
{
    uint8_t entry[64];
    for (unsigned w = 0; w < 15; w++) {
        uint32_t v = bench_random(b, UINT32_MAX);
        put32(entry + 4 * w, v);
        mbox_write(b, MBOX_EVQ_DATA + 4 * w, v);
    }
    mbox_write(b, MBOX_EVQ_POST, 1);
    if (!arrives)
        return;
    uint8_t *slot = b->model + b->ev_base + 64 * (b->ev_producer++ % (1u << EV_SLOTS_LOG2));
    put32(entry + 60, b->ev_producer);
    memcpy(slot, entry, 64);
}
