// SPDX-License-Identifier: BSD-2-Clause
// The other end of the card's PCIe link, at the level of transaction-layer packets: carries out the host's accesses to
// BAR0 and the card's accesses to host memory, answers for the configuration space, and recognises interrupts.
//
// One beat a cycle each way over struct sim_tlp_pins. rp_tick is called after each rising edge; what it puts on the
// pins counts at the next one. It relies on the card's ready and valid being registers. What the card sends is checked
// against the specification: rp_violation. Headers are four integers in host order.
#pragma once
#include "sim/pins.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rp;
struct pci_config;

// Writes to this range of host addresses are interrupts; the data is the vector.
#define RP_MSI_BASE 0xfee00000u
#define RP_MSI_SIZE 0x00100000u

// How awkward the link and the host are. All 0: as quick and orderly as can be.
struct rp_options {
    uint64_t seed;
    unsigned latency_min, latency_max; // cycles from a memory read to its completion
    bool split;                        // completions are cut at random read completion boundaries
    bool reorder;                      // completions of different reads in random order, interleaved
    unsigned stall_percent;            // of cycles in which the card may not send
    unsigned gap_percent;              // of cycles in which nothing is sent to the card
    uint64_t bar_base;                 // bus address of BAR0, a multiple of 64 KiB; above 4 GiB: 4-DW headers
};

// What goes wrong with one of the card's memory reads.
enum rp_fault {
    RP_FAULT_NONE,
    RP_FAULT_UR,     // answered with "unsupported request"
    RP_FAULT_LOST,   // not answered
    RP_FAULT_LATE,   // answered only when rp_release_late is called
    RP_FAULT_POISON, // answered with EP set
    RP_FAULT_SHORT,  // fewer beats than its Length says
    RP_FAULT_LONG,   // more
    RP_FAULT_COUNT,  // wrong Byte Count
    RP_FAULT_TWICE,  // answered twice
    RP_FAULTS
};

struct rp_stats {
    uint64_t tlps_in, tlps_out; // from and to the card
    uint64_t dma_reads, dma_writes, dma_read_bytes, dma_write_bytes, interrupts;
    uint64_t dma_faults; // requests outside of host memory or against its permissions
    uint64_t violations; // of the specification by the card
};

struct rp_hooks {
    void *arg;
    void (*irq)(void *arg, uint32_t vector);                                        // NULL: none
    void (*raw)(void *arg, const uint32_t hdr[4], const uint8_t *data, size_t len); // completion of rp_send_raw
};

typedef void rp_done(void *arg, int error); // 0, or EIO: refused, damaged or never answered

// Never NULL. The pins must outlive it.
struct rp *rp_new(const struct sim_tlp_pins *pins, const struct rp_options *options, const struct rp_hooks *hooks);
void rp_free(struct rp *rp);
void rp_tick(struct rp *rp);
void rp_set_options(struct rp *rp, const struct rp_options *options);
void rp_set_hooks(struct rp *rp, const struct rp_hooks *hooks);
// Nothing is under way in either direction.
bool rp_idle(const struct rp *rp);

// Reads or writes len bytes (1 to 4,096) of BAR0, of any alignment. Accesses are carried out in order; `done` is called
// from rp_tick, `data` must stay until then. False: too many wait already, or beyond the BAR.
bool rp_access(struct rp *rp, uint32_t offset, uint8_t *data, uint32_t len, bool write, rp_done *done, void *arg);
// Forgets the accesses that wait or are under way: no `done` is called for them.
void rp_cancel(struct rp *rp);

// Host memory for the card's DMA. 0, EEXIST: overlaps another region, EINVAL: wraps or is an interrupt address, ENOSPC.
int rp_map(struct rp *rp, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable);
bool rp_unmap(struct rp *rp, uint64_t iova, uint64_t size); // false: no such region
void rp_unmap_all(struct rp *rp);

// The configuration space. After changing it by pci_config_* call rp_config_changed.
struct pci_config *rp_config(struct rp *rp);
void rp_config_changed(struct rp *rp);

const struct rp_stats *rp_stats(const struct rp *rp);
const char *rp_violation(const struct rp *rp); // the first one, "" if none

// For benches: the next `count` memory reads go wrong; a TLP as it is (len bytes of payload in `beats` beats; 0: as
// many as are needed), whose completion, if its tag is 0xe0 or above, goes to the raw hook.
void rp_fault(struct rp *rp, enum rp_fault fault, unsigned count);
void rp_release_late(struct rp *rp);
bool rp_send_raw(struct rp *rp, const uint32_t hdr[4], const uint8_t *data, size_t len, unsigned beats);
