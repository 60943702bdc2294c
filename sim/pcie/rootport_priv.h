// SPDX-License-Identifier: BSD-2-Clause
// What the parts of the root port share. Not for others.
#pragma once
#include "sim/pcie/rootport.h"

enum {
    RP_TLP_DWS = 1024,    // largest payload that is taken from the card
    RP_OUT_DWS = 128,     // largest payload that is sent: max_payload of 512 bytes
    RP_QUEUE = 16,        // TLPs waiting to go to the card
    RP_READS = 64,        // read requests of the card under way
    RP_REGIONS = 64,      // of host memory
    RP_RCB = 64,          // read completion boundary, bytes
    RP_TIMEOUT = 1000000, // cycles that a read of the host waits for its completion
    RP_CONFIG_BYTES = 4096,
    RP_BAR_TAG = 0x40, // tag of the host's reads
};
#define RP_BAR_BASE 0xf0000000u // where BAR0 lies in the simulated host
#define RP_ID       0x0008u     // requester id of the root port
#define RP_CARD_ID  0x0100u     // bus 1, device 0, function 0

// Fmt and Type (PCI Express 2.2.1)
enum {
    TLP_MRD3 = 0x00,
    TLP_MRD4 = 0x20,
    TLP_MWR3 = 0x40,
    TLP_MWR4 = 0x60,
    TLP_CPL = 0x0a,
    TLP_CPLD = 0x4a,
};

struct rp_tlp {
    uint32_t hdr[4];
    uint32_t dws; // of payload
    uint32_t data[RP_OUT_DWS];
    bool last_of_access; // a write of the host ends with it
};

struct rp_region {
    uint64_t iova, size;
    uint8_t *mem; // NULL: free
    bool readable, writable;
};

// A read request of the card.
struct rp_read {
    bool used, error;
    uint8_t tag, lower; // lower: address bits of the first byte
    uint16_t requester;
    uint64_t addr;           // of the next DW
    uint32_t dws, bytes;     // left
    uint64_t ready, arrived; // cycle, order
};

// An access of the host to BAR0.
struct rp_access {
    bool active, write, waiting; // waiting: a read request is under way
    uint64_t offset;             // of the next byte to ask for
    uint8_t *data;               // where it goes
    uint32_t left;               // bytes not yet asked for
    uint8_t *chunk;              // of the request under way
    uint32_t chunk_bytes;        // of it, still to come
    uint64_t deadline;
};

struct rootport {
    struct sim_tlp_pins pins;
    struct rp_config config;
    struct rp_hooks hooks;
    struct rp_stats stats;
    uint32_t random;
    uint64_t cycle;

    struct rp_tlp queue[RP_QUEUE]; // to the card
    uint32_t queue_head, queue_len;
    uint32_t beat;        // of the TLP at the head, being shown
    bool shown, accepted; // a beat is on the pins; it will be taken at the next edge

    uint32_t in_hdr[4]; // from the card
    uint32_t in_data[RP_TLP_DWS];
    uint32_t in_dws;
    bool in_bad;

    struct rp_region regions[RP_REGIONS];
    struct rp_read reads[RP_READS];
    uint32_t reads_used;
    uint64_t arrivals;
    struct rp_access access;
    uint8_t cfg[RP_CONFIG_BYTES], cfg_mask[RP_CONFIG_BYTES];
};

uint32_t rp_random(struct rootport *rp);
void rp_say(struct rootport *rp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Room for a TLP to the card; NULL if the queue is full. The caller fills it, then calls rp_queue_push.
struct rp_tlp *rp_queue_slot(struct rootport *rp);
void rp_queue_push(struct rootport *rp);
// A memory write of up to max_payload bytes to BAR0, any alignment. The queue must have room.
void rp_queue_bar_write(struct rootport *rp, uint64_t offset, const uint8_t *data, uint32_t len, bool last_of_access);

// rootport_dma.c
void rp_dma_write(struct rootport *rp, const uint32_t hdr[4], const uint32_t *data, uint32_t dws);
void rp_dma_read(struct rootport *rp, const uint32_t hdr[4]);
void rp_dma_complete(struct rootport *rp); // sends due completions as far as there is room
// rootport_access.c
void rp_access_completion(struct rootport *rp, const uint32_t hdr[4], const uint32_t *data, uint32_t dws);
void rp_access_next(struct rootport *rp);
void rp_access_end(struct rootport *rp, int error);
// rootport_config.c
void rp_config_init(struct rootport *rp);
void rp_config_pins(struct rootport *rp);
