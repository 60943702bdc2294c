// SPDX-License-Identifier: BSD-2-Clause
// What the files of the root port share.
#pragma once
#include "sim/pcie/pci_config.h"
#include "sim/pcie/rootport.h"
#include "sim/pcie/rp_mem.h"
#include "sim/pcie/rp_tlp.h"

enum {
    RP_ID = 0x0000,       // requester id of the root complex
    RP_CARD_ID = 0x0100,  // bus 1, device 0, function 0
    RP_OPS = 64,          // BAR accesses that can wait
    RP_TAGS = 32,         // of BAR reads
    RP_RAW_TAG = 0xe0,    // from here on: rp_send_raw
    RP_READS = 256,       // the card's memory reads under way: one a tag
    RP_RAWS = 16,         // rp_send_raw that can wait
    RP_TIMEOUT = 1000000, // cycles that a BAR read may take
};

struct rp_op {                           // a BAR access
    uint32_t offset, len, issued, ended; // bytes
    uint8_t *data;
    bool write, failed, cancelled;
    rp_done *done;
    void *arg;
};

struct rp_tag { // a BAR read under way
    bool busy;
    struct rp_op *op;
    uint32_t at, len, got; // where in the access
    uint8_t lower;         // expected lower address
    uint64_t since;
};

struct rp_read { // one of the card's memory reads
    bool busy;
    uint32_t hdr[4];
    uint64_t due;
    uint32_t total, sent; // bytes
    enum rp_fault fault;
};

struct rp {
    struct sim_tlp_pins pins;
    struct rp_options opt;
    struct rp_hooks hooks;
    struct pci_config config;
    struct rp_mem mem;
    struct rp_stats stats;
    char violation[160];
    uint64_t now, rng;

    // towards the card
    bool work;     // something to do even if the card says nothing
    bool sending;  // out has beats left
    bool accepted; // the beat on the pins is taken at the edge to come
    uint32_t beat;
    struct tlp out;
    struct rp_op ops[RP_OPS];
    unsigned op_head, op_count, op_issue; // op_issue: of op_count, how many are issued whole
    struct rp_tag tags[RP_TAGS];
    unsigned tags_busy;
    struct rp_read reads[RP_READS]; // index: the card's tag
    unsigned reads_busy;
    unsigned order[RP_READS]; // tags in order of arrival
    enum rp_fault fault;
    unsigned fault_count;
    struct tlp *raws[RP_RAWS];
    unsigned raw_head, raw_count;

    // from the card
    struct tlp in;
    uint32_t in_beats;
};

uint32_t rp_random(struct rp *rp, uint32_t below);
bool rp_chance(struct rp *rp, unsigned percent);
__attribute__((format(printf, 2, 3))) void rp_violated(struct rp *rp, const char *format, ...);

// rp_dma.c: a memory request of the card; the next completion into rp->out, false if none is due.
void rp_dma_request(struct rp *rp, const struct tlp *t);
bool rp_dma_completion(struct rp *rp);
// rp_bar.c: the next request into rp->out; a completion from the card; reads that were never answered.
bool rp_bar_request(struct rp *rp);
void rp_bar_completion(struct rp *rp, const struct tlp *t);
void rp_bar_timeouts(struct rp *rp);
