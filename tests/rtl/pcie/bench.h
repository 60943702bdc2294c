// SPDX-License-Identifier: BSD-2-Clause
// The endpoint between a root port with host memory, a source and a sink of packets, and the management core's bus.
// Everything that the card writes to host memory is expected: `model` is what `mem` must be, byte for byte.
#pragma once
#include "sim/pcie/pci_config.h"
#include "sim/pcie/rootport.h"
#include "tests/rtl/pcie/pcie_shim.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEM_BYTES = 1 << 21,
    RX_SLOTS_LOG2 = 3,
    TX_SLOTS_LOG2 = 3,
    EV_SLOTS_LOG2 = 3,
    SLOT_LOG2 = 14,
    PACKET_MAX = 16384,
    QUEUE = 256,
    PATIENCE = 400000, // cycles after which something hangs
};
#define IOVA 0x123450000000ull // above 4 GiB: 4-DW headers

struct packet {
    unsigned len, port, reason, tunnel, sa, dest;
    bool decrypted;
    uint8_t *data;
};

struct bench {
    struct pcie_shim *shim;
    struct pcie_pins pin;
    struct rp *rp;
    uint64_t cycle, rng;
    uint8_t *mem, *model;
    uint64_t iova;
    unsigned irqs[4];
    unsigned drops; // pulses of host_rx_dropped
    // source of packets to the host
    struct packet source[QUEUE];
    unsigned source_head, source_count, source_at; // _at: bytes of the head that have gone
    unsigned source_gap;                           // percent
    bool source_hold;
    // sink of packets from the host
    struct packet expect[QUEUE];
    unsigned expect_head, expect_count, sink_at;
    unsigned sink_stall; // percent
    unsigned sunk;       // packets that came
    // state of the rings as the host keeps it
    uint64_t rx_base, tx_base, ev_base, wb_addr; // offsets in mem
    uint32_t rx_producer, rx_consumer, tx_producer, ev_producer;
    unsigned rx_slot_log2, tx_slot_log2;
    char why[256]; // of the failure, empty if none
};

struct bench *bench_new(uint64_t seed);
void bench_free(struct bench *b);
uint32_t bench_random(struct bench *b, uint32_t below);
// The first failure is kept. Returns false.
__attribute__((format(printf, 2, 3))) bool bench_fail(struct bench *b, const char *format, ...);
// Drops the packets that wait at the source and those that the sink waits for.
void bench_forget(struct bench *b);
void bench_tick(struct bench *b);
void bench_ticks(struct bench *b, unsigned n);
// Endpoint reset, card reset over, bus master and MSI-X on, table programmed and unmasked, guard bytes in memory.
void bench_start(struct bench *b, const struct rp_options *options, unsigned max_payload, unsigned max_read_req);
// Until nothing moves any more; fails if that takes too long, a packet is missing, or memory is not as expected.
bool bench_settle(struct bench *b);
bool bench_memory(struct bench *b);

bool bar_access(struct bench *b, uint32_t offset, void *data, uint32_t len, bool write); // false: refused
uint32_t bar_read(struct bench *b, uint32_t offset);
void bar_write(struct bench *b, uint32_t offset, uint32_t value);
uint32_t mbox_read(struct bench *b, uint32_t offset);
void mbox_write(struct bench *b, uint32_t offset, uint32_t value);
bool mbox_error(struct bench *b, uint32_t offset); // a read of it is answered with an error

// Rings at random places; enabled.
void rx_ring(struct bench *b, unsigned slot_log2);
void tx_ring(struct bench *b, unsigned slot_log2, bool write_back);
void ev_ring(struct bench *b);
// A packet of random bytes for the host. `arrives`: what the slot must hold is put into the model.
void rx_packet(struct bench *b, unsigned len, bool arrives);
// Fills the next slot; the doorbell is the caller's. `arrives`: the sink must see it.
void tx_packet(struct bench *b, unsigned len, bool arrives);
// The same with words 0 to 2 of the header as given and no expectation.
void tx_header(struct bench *b, uint32_t len, uint32_t info, uint32_t tunnel);
void tx_doorbell(struct bench *b);
// Posts an entry of random words; `arrives` as above.
void ev_post(struct bench *b, bool arrives);

// The tests, true if passed.
typedef bool test_fn(struct bench *b);
struct test {
    const char *name;
    test_fn *run;
};
extern const struct test bar_tests[], ring_tests[], fault_tests[], attach_tests[]; // ended by a NULL name
void bench_figures(struct bench *b);
