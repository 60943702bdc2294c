// SPDX-License-Identifier: BSD-2-Clause
// The host's side of BAR0, the mailbox, interrupts, and what a completer must do with requests it does not like.
#include "bar0_regs.h"
#include "board.h"
#include "mbox_regs.h"
#include "sim/pcie/rp_tlp.h"
#include "tests/rtl/pcie/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rp_options calm = {0};
static const struct rp_options wild = {.latency_min = 1,
                                       .latency_max = 300,
                                       .split = true,
                                       .reorder = true,
                                       .stall_percent = 30,
                                       .gap_percent = 30,
                                       .bar_base = 0x7700000000ull};

static bool equal(struct bench *b, const char *what, uint32_t is, uint32_t should)
{
    return is == should || bench_fail(b, "%s is 0x%x, not 0x%x", what, is, should);
}

static bool identity(struct bench *b)
{
    bench_start(b, &calm, 1, 2);
    equal(b, "ID", bar_read(b, BAR0_ID), 0x43565254);
    equal(b, "VERSION", bar_read(b, BAR0_VERSION), 0x10000);
    equal(b, "STATUS", bar_read(b, BAR0_STATUS), 0);
    equal(b, "DTB_SIZE", bar_read(b, BAR0_DTB_SIZE), BOARD_DTB_BYTES);
    equal(b, "a hole", bar_read(b, 0x800), 0);
    equal(b, "mailbox ID", mbox_read(b, MBOX_ID), 0x4d424f58);
    equal(b, "mailbox VERSION", mbox_read(b, MBOX_VERSION), 0x10000);
    if (!mbox_error(b, 0x800))
        bench_fail(b, "a mailbox address without register gives no error");
    return bench_settle(b);
}

static bool scratch_bytes(struct bench *b)
{
    uint8_t model[4] = {0}, got[4];
    bench_start(b, &wild, 0, 0);
    bar_write(b, BAR0_SCRATCH, 0);
    for (unsigned n = 0; n < 100; n++) {
        unsigned at = bench_random(b, 4), len = 1 + bench_random(b, 4 - at);
        uint8_t data[4];
        for (unsigned i = 0; i < len; i++)
            model[at + i] = data[i] = (uint8_t)bench_random(b, 256);
        bar_access(b, BAR0_SCRATCH + at, data, len, true);
        at = bench_random(b, 4);
        len = 1 + bench_random(b, 4 - at);
        bar_access(b, BAR0_SCRATCH + at, got, len, false);
        if (memcmp(got, model + at, len) != 0)
            return bench_fail(b, "%u bytes at %u of SCRATCH are wrong", len, at);
    }
    return bench_settle(b);
}

// Reads of every size and alignment, answered in pieces: the device tree against the file it was made of.
static bool reads_of_all_sizes(struct bench *b, const struct rp_options *options)
{
    static uint8_t dtb[BAR0_DTB_BYTES], got[4096];
    char path[512];
    const char *dir = getenv("B");
    snprintf(path, sizeof(path), "%s/gen/board.dtb", dir ? dir : "build");
    FILE *f = fopen(path, "rb");
    if (!f)
        return bench_fail(b, "no %s", path);
    size_t n = fread(dtb, 1, sizeof(dtb), f);
    fclose(f);
    equal(b, "size of board.dtb", (uint32_t)n, BOARD_DTB_BYTES);
    for (unsigned sizes = 0; sizes < 4; sizes++) {
        bench_start(b, options, sizes, sizes);
        for (unsigned i = 0; i < 400; i++) {
            unsigned len = i < 150 ? i + 1 : 1 + bench_random(b, 4096);
            unsigned at = i < 150 ? bench_random(b, 1100) : bench_random(b, BAR0_DTB_BYTES - len + 1);
            memset(got, 0xcc, sizeof(got));
            bar_access(b, BAR0_DTB + at, got, len, false);
            if (memcmp(got, dtb + at, len) != 0)
                return bench_fail(b, "%u bytes at %u of the device tree are wrong", len, at);
        }
    }
    return bench_settle(b);
}

static bool reads_calm(struct bench *b)
{
    return reads_of_all_sizes(b, &calm);
}

static bool reads_wild(struct bench *b)
{
    return reads_of_all_sizes(b, &wild);
}

// Writes of every size and alignment to the command ring, seen from the core's side.
static bool writes_of_all_sizes(struct bench *b)
{
    static uint8_t model[BAR0_CMD_RING_BYTES], data[4096];
    bench_start(b, &wild, 1, 1);
    memset(model, 0, sizeof(model));
    for (unsigned i = 0; i < 500; i++) {
        unsigned len = 1 + bench_random(b, i % 4 ? 150 : 4096);
        unsigned at = bench_random(b, BAR0_CMD_RING_BYTES - len + 1);
        for (unsigned k = 0; k < len; k++)
            data[k] = (uint8_t)bench_random(b, 256);
        memcpy(model + at, data, len);
        bar_access(b, BAR0_CMD_RING + at, data, len, true);
        bar_read(b, BAR0_ID); // pushes the write
        for (unsigned k = at & ~3u; k < at + len && k < (at & ~3u) + 16; k += 4) {
            uint32_t want;
            memcpy(&want, model + k, 4);
            if (!equal(b, "a word at the start of a write", mbox_read(b, MBOX_CMD_RING + k), want))
                return false;
        }
    }
    for (unsigned k = 0; k < BAR0_CMD_RING_BYTES; k += 4) {
        uint32_t want;
        memcpy(&want, model + k, 4);
        if (!equal(b, "a word of the command ring", mbox_read(b, MBOX_CMD_RING + k), want))
            return false;
    }
    return bench_settle(b);
}

static bool ring_unreadable(struct bench *b)
{
    uint8_t secret[256], got[256], zero[256] = {0};
    bench_start(b, &calm, 1, 2);
    memset(secret, 0x5a, sizeof(secret));
    bar_access(b, BAR0_CMD_RING, secret, sizeof(secret), true);
    bar_read(b, BAR0_ID);
    equal(b, "a secret in the core's view", mbox_read(b, MBOX_CMD_RING + 128), 0x5a5a5a5a);
    // After the core's read, so that nothing the memory put out before is seen.
    bar_access(b, BAR0_CMD_RING, got, sizeof(got), false);
    if (memcmp(got, zero, sizeof(zero)) != 0)
        bench_fail(b, "the host reads back the command ring");
    mbox_write(b, MBOX_CMD_RING + 128, 0);
    equal(b, "a word that the core has overwritten", mbox_read(b, MBOX_CMD_RING + 128), 0);
    bar_write(b, BAR0_CONTROL, BAR0_CONTROL_RESET_MASK);
    bar_read(b, BAR0_ID);
    bench_ticks(b, 800); // what is written while the ring is being overwritten must not stay either
    bar_access(b, BAR0_CMD_RING, secret, sizeof(secret), true);
    bar_read(b, BAR0_ID);
    if (!*b->pin.card_reset)
        bench_fail(b, "the reset was too short for this test");
    while (*b->pin.card_reset)
        bench_tick(b);
    for (unsigned i = 0; i < 4096; i += 4)
        equal(b, "a word of the command ring after reset", mbox_read(b, MBOX_CMD_RING + i), 0);
    return bench_settle(b);
}

static bool doorbell(struct bench *b)
{
    bench_start(b, &calm, 1, 2);
    bar_write(b, BAR0_CMD_TAIL, 1);
    bar_read(b, BAR0_CMD_TAIL);
    if (!*b->pin.irq_doorbell)
        bench_fail(b, "no doorbell");
    equal(b, "CMD_TAIL in the mailbox", mbox_read(b, MBOX_CMD_TAIL), 1);
    equal(b, "STATUS.CMD", mbox_read(b, MBOX_STATUS) & MBOX_STATUS_CMD_MASK, 1);
    mbox_write(b, MBOX_CMD_HEAD, 1);
    if (*b->pin.irq_doorbell)
        bench_fail(b, "the doorbell still rings");
    equal(b, "CMD_HEAD", bar_read(b, BAR0_CMD_HEAD), 1);
    bar_write(b, BAR0_CMD_TAIL, 0x1ffff);
    equal(b, "CMD_TAIL modulo 2^16", bar_read(b, BAR0_CMD_TAIL), 0xffff);
    bar_write(b, BAR0_CMD_HEAD, 7);
    equal(b, "CMD_HEAD, which is read-only", bar_read(b, BAR0_CMD_HEAD), 1);
    return bench_settle(b);
}

static bool firmware_state(struct bench *b)
{
    uint8_t text[256], got[256];
    bench_start(b, &calm, 1, 2);
    mbox_write(b, MBOX_FW_ABI, 0x10002);
    mbox_write(b, MBOX_FW_VERSION, 0x01020003);
    equal(b, "FW_ABI", bar_read(b, BAR0_FW_ABI), 0x10002);
    equal(b, "FW_VERSION", bar_read(b, BAR0_FW_VERSION), 0x01020003);
    mbox_write(b, MBOX_FW_STATE, MBOX_FW_STATE_READY_MASK);
    bench_settle(b);
    equal(b, "STATUS", bar_read(b, BAR0_STATUS), BAR0_STATUS_FW_READY_MASK);
    equal(b, "vector 3 at FW_READY", b->irqs[3], 1);
    for (unsigned i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)bench_random(b, 256);
    for (unsigned i = 0; i < sizeof(text); i += 4) {
        uint32_t v;
        memcpy(&v, text + i, 4);
        mbox_write(b, MBOX_PANIC_RECORD + i, v);
        equal(b, "a word of the panic record", mbox_read(b, MBOX_PANIC_RECORD + i), v);
    }
    mbox_write(b, MBOX_FW_STATE, MBOX_FW_STATE_PANIC_MASK);
    bench_settle(b);
    equal(b, "vector 3 at PANIC", b->irqs[3], 2);
    equal(b, "STATUS", bar_read(b, BAR0_STATUS), BAR0_STATUS_PANIC_MASK);
    bar_access(b, BAR0_PANIC_RECORD, got, sizeof(got), false);
    if (memcmp(got, text, sizeof(got)) != 0)
        bench_fail(b, "the panic record differs");
    *b->pin.boot_error = 2;
    bench_tick(b);
    equal(b, "STATUS", bar_read(b, BAR0_STATUS), BAR0_STATUS_PANIC_MASK | 2 << BAR0_STATUS_BOOT_ERROR_SHIFT);
    return bench_settle(b);
}

static bool events(struct bench *b)
{
    bench_start(b, &wild, 0, 0);
    equal(b, "EVQ_FULL while disabled", mbox_read(b, MBOX_STATUS) & MBOX_STATUS_EVQ_FULL_MASK,
          MBOX_STATUS_EVQ_FULL_MASK);
    ev_post(b, false);
    ev_ring(b);
    for (unsigned i = 0; i < 8; i++) {
        ev_post(b, true);
        bench_settle(b);
    }
    equal(b, "EVQ_PRODUCER", bar_read(b, BAR0_EVQ_PRODUCER), 8);
    equal(b, "STATUS of a full queue", mbox_read(b, MBOX_STATUS), MBOX_STATUS_EVQ_FULL_MASK);
    if (*b->pin.irq_evq_room)
        bench_fail(b, "room in a full queue");
    ev_post(b, false);
    bench_settle(b);
    equal(b, "EVQ_PRODUCER of a full queue", bar_read(b, BAR0_EVQ_PRODUCER), 8);
    for (unsigned i = 0; i < 30; i++) {
        bar_write(b, BAR0_EVQ_CONSUMER, b->ev_producer - bench_random(b, 8));
        bar_read(b, BAR0_ID);
        if (!*b->pin.irq_evq_room)
            bench_fail(b, "no room after the host has made some");
        ev_post(b, true);
        bench_settle(b);
    }
    equal(b, "interrupts of 38 entries", b->irqs[0], 38);
    bar_write(b, BAR0_EVQ_CONFIG, EV_SLOTS_LOG2);
    equal(b, "EVQ_CONFIG, disabled", bar_read(b, BAR0_EVQ_CONFIG), EV_SLOTS_LOG2);
    equal(b, "EVQ_PRODUCER, disabled", bar_read(b, BAR0_EVQ_PRODUCER), 0);
    equal(b, "EVQ_CONSUMER, disabled", bar_read(b, BAR0_EVQ_CONSUMER), 0);
    ev_ring(b);
    ev_post(b, true);
    return bench_settle(b);
}

static bool msix_masks(struct bench *b)
{
    uint8_t table[64], got[64];
    struct pci_config *c = rp_config(b->rp);
    bench_start(b, &calm, 1, 2);
    for (unsigned i = 0; i < sizeof(table); i++)
        table[i] = (uint8_t)bench_random(b, 256);
    for (unsigned v = 0; v < 4; v++)
        table[16 * v + 12] = 1;
    bar_access(b, BAR0_MSIX_TABLE, table, sizeof(table), true);
    bar_access(b, BAR0_MSIX_TABLE, got, sizeof(got), false);
    for (unsigned v = 0; v < 4; v++) {
        table[16 * v] &= 0xfc; // addresses are multiples of 4; of the control word only the mask bit is there
        memset(table + 16 * v + 13, 0, 3);
    }
    if (memcmp(table, got, sizeof(got)) != 0)
        bench_fail(b, "the MSI-X table does not keep what was written");
    for (unsigned v = 0; v < 4; v++) {
        uint32_t entry[4] = {RP_MSI_BASE, 0, v, v == 0};
        bar_access(b, BAR0_MSIX_TABLE + 16 * v, entry, sizeof(entry), true);
    }
    ev_ring(b);
    ev_post(b, true);
    ev_post(b, true);
    bench_settle(b);
    equal(b, "interrupts while masked", b->irqs[0], 0);
    equal(b, "PBA", bar_read(b, BAR0_MSIX_PBA), 1);
    bar_write(b, BAR0_MSIX_TABLE + 12, 0);
    bench_settle(b);
    equal(b, "interrupts after unmasking", b->irqs[0], 1);
    equal(b, "PBA after unmasking", bar_read(b, BAR0_MSIX_PBA), 0);

    uint8_t control[2] = {0x03, 0xc0}; // function mask
    pci_config_write(c, 0x52, control, 2);
    rp_config_changed(b->rp);
    ev_post(b, true);
    bench_settle(b);
    equal(b, "interrupts under the function mask", b->irqs[0], 1);
    equal(b, "PBA under the function mask", bar_read(b, BAR0_MSIX_PBA), 1);
    control[1] = 0x80;
    pci_config_write(c, 0x52, control, 2);
    rp_config_changed(b->rp);
    bench_settle(b);
    equal(b, "interrupts after the function mask", b->irqs[0], 2);

    pci_config_set_msix_enable(c, false);
    rp_config_changed(b->rp);
    ev_post(b, true);
    bench_settle(b);
    pci_config_set_msix_enable(c, true);
    rp_config_changed(b->rp);
    bench_settle(b);
    equal(b, "interrupts of the time without MSI-X", b->irqs[0], 2);
    return bench_settle(b);
}

struct answer {
    unsigned count;
    uint32_t hdr[4];
    uint8_t data[4096];
    size_t len;
};

static void on_raw(void *arg, const uint32_t hdr[4], const uint8_t *data, size_t len)
{
    struct answer *a = arg;
    a->count++;
    memcpy(a->hdr, hdr, sizeof(a->hdr));
    memcpy(a->data, data, len);
    a->len = len;
}

// Sends a TLP as it is and compares the answer: status, or -1 for none.
static void raw(struct bench *b, struct answer *a, const char *what, uint32_t dw0, uint32_t dw1, uint32_t dw2,
                uint32_t dw3, unsigned len, unsigned beats, int status, unsigned errors)
{
    const uint32_t hdr[4] = {dw0, 0x0042e000u | dw1, dw2, dw3};
    uint8_t data[512];
    memset(data, 0x77, sizeof(data));
    uint32_t before = bar_read(b, BAR0_TLP_ERRORS);
    a->count = 0;
    rp_send_raw(b->rp, hdr, data, len, beats);
    bench_settle(b);
    uint32_t after = bar_read(b, BAR0_TLP_ERRORS);
    if (after - before != errors)
        bench_fail(b, "%s: %u errors counted, not %u", what, after - before, errors);
    if (a->count != (status >= 0))
        bench_fail(b, "%s: %u answers", what, a->count);
    if (status >= 0 && a->count) {
        if ((a->hdr[1] >> 13 & 7) != (uint32_t)status)
            bench_fail(b, "%s: status %u", what, a->hdr[1] >> 13 & 7);
        if (a->hdr[2] >> 8 != 0x42e0)
            bench_fail(b, "%s: answer to %06x", what, a->hdr[2] >> 8);
        if (status && (a->len || tlp_has_data(a->hdr)))
            bench_fail(b, "%s: refused with data", what);
    }
    equal(b, "SCRATCH", bar_read(b, BAR0_SCRATCH), 0x11223344);
}

static bool strange_requests(struct bench *b)
{
    static struct answer a;
    enum { S = BAR0_SCRATCH };
    bench_start(b, &calm, 1, 2);
    rp_set_hooks(b->rp, &(struct rp_hooks){.arg = &a, .raw = on_raw});
    bar_write(b, S, 0x11223344);
    raw(b, &a, "read of 0 bytes", 1, 0x00, S, 0, 0, 0, TLP_SC, 0);
    if (a.len != 4 || (a.hdr[1] & 0xfff) != 1)
        bench_fail(b, "read of 0 bytes: %zu bytes, count %u", a.len, a.hdr[1] & 0xfff);
    raw(b, &a, "read with a gap in its enables", 1, 0x09, S, 0, 0, 0, TLP_SC, 0);
    if ((a.hdr[1] & 0xfff) != 4)
        bench_fail(b, "read with a gap in its enables: count %u", a.hdr[1] & 0xfff);
    raw(b, &a, "read of bytes 1 and 2", 1, 0x06, S, 0, 0, 0, TLP_SC, 0);
    if ((a.hdr[1] & 0xfff) != 2 || (a.hdr[2] & 0x7f) != (S & 0x7f) + 1)
        bench_fail(b, "read of bytes 1 and 2: count %u, lower address %02x", a.hdr[1] & 0xfff, a.hdr[2] & 0x7f);
    raw(b, &a, "read by a 4-DW header", 0x20000001, 0x0f, 0x99, S, 0, 0, TLP_SC, 0);
    raw(b, &a, "traffic class and attributes come back", 0x00403001, 0x0f, S, 0, 0, 0, TLP_SC, 0);
    if ((a.hdr[0] & 0x00703000) != 0x00403000)
        bench_fail(b, "traffic class and attributes come back as %08x", a.hdr[0]);
    raw(b, &a, "write of no byte", 0x40000001, 0x00, S, 0, 4, 0, -1, 0);
    raw(b, &a, "poisoned write", 0x40004001, 0x0f, S, 0, 4, 0, -1, 1);
    raw(b, &a, "write across 4 KiB", 0x40000004, 0xff, 0xff8, 0, 16, 0, -1, 1);
    raw(b, &a, "read across 4 KiB", 4, 0xff, 0xff8, 0, 0, 0, TLP_UR, 1);
    raw(b, &a, "read with a last enable too many", 1, 0xff, S, 0, 0, 0, TLP_UR, 1);
    raw(b, &a, "read without its last enable", 2, 0x0f, S, 0, 0, 0, TLP_UR, 1);
    raw(b, &a, "locked read", 0x01000001, 0x0f, S, 0, 0, 0, TLP_UR, 1);
    if (tlp_kind(a.hdr) != TLP_CPL_LK)
        bench_fail(b, "locked read: answer of kind %02x", tlp_kind(a.hdr));
    raw(b, &a, "I/O read", 0x02000001, 0x0f, S, 0, 0, 0, TLP_UR, 1);
    raw(b, &a, "I/O write", 0x42000001, 0x0f, S, 0, 4, 0, TLP_UR, 1);
    raw(b, &a, "configuration read", 0x04000001, 0x0f, S, 0, 0, 0, TLP_UR, 1);
    raw(b, &a, "configuration write", 0x44000001, 0x0f, S, 0, 4, 0, TLP_UR, 1);
    raw(b, &a, "atomic operation of two beats", 0x4c000014, 0xff, 0, 0, 80, 0, TLP_UR, 1);
    raw(b, &a, "message", 0x34000000, 0x14, 0, 0, 0, 0, -1, 1);
    raw(b, &a, "message with payload", 0x74000020, 0x14, 0, 0, 128, 0, -1, 1);
    raw(b, &a, "kind that does not exist", 0x1b000000, 0x0f, 0, 0, 0, 0, TLP_UR, 1);
    raw(b, &a, "prefix", 0x80000000, 0x0f, 0, 0, 0, 0, -1, 1);
    raw(b, &a, "write with a beat too few", 0x40000020, 0xff, 0x800, 0, 64, 1, -1, 1);
    raw(b, &a, "write with two beats too many", 0x40000001, 0x00, S, 0, 192, 3, -1, 1);
    raw(b, &a, "read with beats", 0x00000001, 0x0f, S, 0, 128, 2, TLP_SC, 1);
    raw(b, &a, "completion that nobody waits for", 0x0a000000, 0x04, 0x01000000, 0, 0, 0, -1, 1);
    raw(b, &a, "completion with data that nobody waits for", 0x4a000020, 0x80, 0x01000500, 0, 128, 0, -1, 1);
    raw(b, &a, "locked completion", 0x0b000000, 0x04, 0x01000000, 0, 0, 0, -1, 1);
    return bench_settle(b);
}

static bool watchdog(struct bench *b)
{
    bench_start(b, &calm, 1, 2);
    bar_write(b, BAR0_SCRATCH, 0xabcd);
    bar_write(b, BAR0_CMD_TAIL, 5);
    mbox_write(b, MBOX_FW_STATE, MBOX_FW_STATE_READY_MASK);
    bench_settle(b);
    *b->pin.boot_done = 0;
    *b->pin.wdt_reset = 1;
    bench_tick(b);
    *b->pin.wdt_reset = 0;
    equal(b, "STATUS in the watchdog's reset", bar_read(b, BAR0_STATUS),
          BAR0_STATUS_WATCHDOG_MASK | BAR0_STATUS_IN_RESET_MASK);
    while (*b->pin.card_reset)
        bench_tick(b);
    equal(b, "STATUS before the boot loader is done", bar_read(b, BAR0_STATUS),
          BAR0_STATUS_WATCHDOG_MASK | BAR0_STATUS_IN_RESET_MASK);
    b->irqs[3] = 0;
    *b->pin.boot_done = 1;
    bench_settle(b);
    equal(b, "vector 3 after the reset", b->irqs[3], 1);
    equal(b, "STATUS after the reset", bar_read(b, BAR0_STATUS), BAR0_STATUS_WATCHDOG_MASK);
    equal(b, "CMD_TAIL after the reset", bar_read(b, BAR0_CMD_TAIL), 0);
    equal(b, "SCRATCH after the reset", bar_read(b, BAR0_SCRATCH), 0xabcd);
    bar_write(b, BAR0_CONTROL, BAR0_CONTROL_RESET_MASK);
    equal(b, "STATUS in the host's reset", bar_read(b, BAR0_STATUS), BAR0_STATUS_IN_RESET_MASK);
    while (*b->pin.card_reset)
        bench_tick(b);
    equal(b, "STATUS after the host's reset", bar_read(b, BAR0_STATUS), 0);
    return bench_settle(b);
}

const struct test bar_tests[] = {
    {"identity, versions and holes of both register maps", identity},
    {"bytes of a register are written and read alone", scratch_bytes},
    {"BAR reads of all sizes and alignments, every payload size", reads_calm},
    {"the same with back-pressure and 4-DW headers", reads_wild},
    {"BAR writes of all sizes and alignments reach the core whole", writes_of_all_sizes},
    {"the command ring cannot be read back, and a reset overwrites it", ring_unreadable},
    {"the doorbell rings until the core has taken the commands", doorbell},
    {"firmware's state, panic record and boot errors show", firmware_state},
    {"event queue: sequence, full, wrap, refusal, restart", events},
    {"MSI-X: table, mask, function mask, pending bits, disabled", msix_masks},
    {"unsupported, malformed and unexpected TLPs: answered, counted, without effect", strange_requests},
    {"watchdog and host resets: state, interrupt, what is kept", watchdog},
    {0},
};
