// SPDX-License-Identifier: BSD-2-Clause
// A card in the test's own process: a transport whose registers, rings and firmware the test plays. It keeps a list of
// all accesses, so that a test can compare them with what it expects.
#pragma once
#include "driver/culvert.h"
#include "driver/transport.h"

#define FAKE_LOG 512

struct fake_access {
    bool write, posted;
    enum culvert_region region;
    uint32_t offset, len, value; // value: the first word, of writes
};

struct fake_card {
    struct culvert_transport base;
    // registers that the test may set before or during
    uint16_t vendor, device, pci_command;
    uint32_t id, version, fw_abi, fw_version, status, dtb_size;
    uint32_t status_after_reset; // what STATUS becomes by a reset
    uint32_t status_reads;       // STATUS has status_then from this read on; 0: never
    uint32_t status_then;
    uint32_t stopping_reads; // a disabled ring still says ENABLE so often
    char panic[256];
    uint8_t dtb[16384];
    uint32_t evq[4], rxq[4], txq[4]; // base lo, base hi, config, counter that the host writes
    uint32_t txq_wb[2];
    uint16_t cmd_tail, cmd_head;
    struct culvert_cmd ring[16];
    uint32_t resets;
    size_t cut_after; // the n-th access from attach on and all after it fail; 0: none
    bool gone;        // every access fails
    bool closed;      // the transport was closed (the memory is the test's)
    // what the card sees of the host
    uint8_t *memory;
    uint64_t iova;
    size_t memory_size;
    int eventfd[CULVERT_IRQS];
    uint32_t evq_producer, rxq_producer, txq_consumer;
    struct fake_access log[FAKE_LOG];
    size_t logged;
    void *test;
};

// A card with the board's device tree that is ready at once. `where` it is: "fake".
void fake_init(struct fake_card *f);
// Completions: answers the oldest command with status and 48 bytes (NULL: zeros); false: there is none.
bool fake_answer(struct fake_card *f, uint16_t status, const void *body);
// An entry as hardware writes it, with the next sequence number, and its interrupt.
void fake_post(struct fake_card *f, const struct culvert_entry *entry);
// A packet to the host; false: the ring has no room.
bool fake_rx(struct fake_card *f, uint32_t info, uint32_t tunnel, uint32_t sa, const void *data, uint32_t len);
// Takes the oldest packet from the host; returns its slot (header first) or NULL.
const uint8_t *fake_tx(struct fake_card *f);
void fake_signal(struct fake_card *f, unsigned vector);
// Host memory at a DMA address.
void *fake_memory(struct fake_card *f, uint64_t iova, size_t len);
