// SPDX-License-Identifier: BSD-2-Clause
// The simulated PCIe root port: turns accesses of the host into TLPs for the card, and serves the card's memory
// requests from registered host memory. Configuration space, which a board's hard block answers, lives here too.
//
// It works on the pins of the Verilated card (struct sim_tlp_pins), so it fits every bench. rp_tick is called once
// after each rising clock edge and costs a few byte tests while idle. One thread. All randomness comes from the seed.
#pragma once
#include "sim/pins.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rootport;

struct rp_config {
    uint32_t seed;
    uint32_t max_payload;              // bytes: 128, 256, 512 ...: of both directions
    uint32_t max_read_req;             // bytes
    uint32_t latency_min, latency_max; // cycles from a read request to its first completion
    bool split_completions;            // cut completions at random read-completion boundaries
    bool reorder;                      // let completions of different tags overtake one another
    uint32_t stall_percent; // of the cycles in which the card's TLPs are not taken, and the card is not given any
};
extern const struct rp_config rp_config_default; // calm: 256-byte payloads, 512-byte reads, a few cycles of latency

struct rp_hooks {
    void *arg;
    // An access that rp_access started is finished: 0, EIO (unsupported request, completer abort) or ETIMEDOUT.
    void (*access_done)(void *arg, int error);
    // The card wrote to the address that MSI-X vector `vector` is told to use.
    void (*irq)(void *arg, uint32_t vector);
    void (*log)(void *arg, const char *text); // may be NULL
};

struct rp_stats {
    uint64_t tlps_to_card, tlps_from_card, dma_read_bytes, dma_write_bytes, dma_errors, malformed, irqs;
};

// NULL: no memory.
struct rootport *rp_new(const struct sim_tlp_pins *pins, const struct rp_config *config, const struct rp_hooks *hooks);
void rp_free(struct rootport *rp);
void rp_tick(struct rootport *rp);
// Nothing is under way in either direction.
bool rp_idle(const struct rootport *rp);

// Starts an access to BAR0 (1 to 4,096 bytes, any alignment), cut into legal TLPs; one at a time. `data` stays the
// caller's and is filled by a read. access_done tells the end. 0, EBUSY or EINVAL (outside the BAR).
int rp_access(struct rootport *rp, uint64_t offset, uint8_t *data, uint32_t len, bool write);
// Configuration space, byte-wise, at once; writes obey the read-only bits. 0 or EINVAL.
int rp_config_access(struct rootport *rp, uint64_t offset, uint8_t *data, uint32_t len, bool write);

// Host memory that the card may reach. 0 or a positive errno.
int rp_map(struct rootport *rp, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable);
void rp_unmap(struct rootport *rp, uint64_t iova, uint64_t size);

// Function-level reset as the host asks for it: the access under way is forgotten (no access_done), configuration space
// goes back to its defaults, the card gets CONTROL.RESET. Memory stays mapped.
void rp_reset(struct rootport *rp);
const struct rp_stats *rp_stats(const struct rootport *rp);

// MSI-X messages are writes to this address with the vector as data.
#define RP_MSI_ADDRESS 0xfee00000u
#define RP_CFG_MSIX    0x50u // offset of the MSI-X capability
// What a host's kernel does when a user asks for interrupts: programs and unmasks the first `vectors` entries of the
// card's MSI-X table and enables MSI-X; 0 disables it.
void rp_msix_setup(struct rootport *rp, uint32_t vectors);
