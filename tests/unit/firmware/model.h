// SPDX-License-Identifier: BSD-2-Clause
// A model of the registers that firmware sees: mailbox, datapath tables, the core's own devices. Native firmware
// reaches it through the HAL (hal_model.c), the ELF through an interpreter's bus. What a test may look at or bend is in
// the struct.
#pragma once
#include "board.h"
#include "firmware/abi/culvert_abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_BUCKETS  (BOARD_FLOW_COUNT / 2)
#define MODEL_POSTS    4096
#define MODEL_EVENTS   256
#define MODEL_UART     4096
#define MODEL_SA_WORDS 28 // stage registers from SA_KEY on

struct model_flow {
    bool valid;
    uint32_t src, dst, ports, meta, result;
};

struct model {
    // mailbox
    uint32_t mbox_id, mbox_version;
    uint16_t cmd_tail, cmd_head;
    uint32_t ring[BOARD_CMD_SLOTS * CULVERT_CMD_BYTES / 4];
    uint32_t fw_abi, fw_version, fw_state, panic[64];
    uint32_t evq_data[15];
    bool evq_full, evq_busy;
    struct culvert_entry posted[MODEL_POSTS];
    uint32_t posts; // free-running; sequence is written as hardware does
    uint32_t refused_posts;
    // datapath
    uint32_t dp_id, dp_version, control, port[2][3], local[BOARD_LOCAL_COUNT];
    uint32_t wiping_reads; // STATUS says WIPING so often
    uint32_t busy_reads;   // after a table command STATUS says BUSY so often
    uint32_t busy_left;
    bool busy_forever;
    uint32_t stage[MODEL_SA_WORDS];
    struct {
        bool valid;
        uint32_t stage[MODEL_SA_WORDS];
    } sa[2][BOARD_SA_COUNT];
    uint32_t sa_result[10];
    uint32_t sa_commands, writes_while_busy;
    uint32_t tunnel_index, tunnel[BOARD_TUNNEL_COUNT];
    uint32_t adj_index, adj_mac_lo, adj[BOARD_ADJ_COUNT][2];
    uint32_t fib_stage[3];
    struct {
        bool valid;
        uint32_t prefix, meta, result;
    } fib[BOARD_FIB_COUNT];
    struct model_flow flow_stage, way[2][MODEL_BUCKETS], stash[8];
    uint32_t hash_mask; // bends the hash: buckets & mask
    uint32_t flow_writes;
    void (*flow_written)(struct model *m); // after each write of the flow table
    uint32_t events[MODEL_EVENTS], events_in, events_out;
    uint32_t counter_index;
    uint64_t counter[64], counter_latch;
    // the core's own
    uint64_t time, timecmp;
    uint32_t time_step; // a read of the time moves it
    uint32_t irq_enable, wdt_load, wdt_kicks, sleeps;
    char uart[MODEL_UART];
    size_t uart_used;
    uint32_t bad_accesses; // addresses that no block has
    void *test;            // of the test
};

// A card after reset, that answers at once.
void model_init(struct model *m);
bool model_read(struct model *m, uint32_t address, uint32_t *value); // false: a bus error
bool model_write(struct model *m, uint32_t address, uint32_t value);
// Interrupt lines as they are now.
uint32_t model_lines(const struct model *m);

// The host's side: writes a command into the ring. Does not look whether there is room.
void model_command(struct model *m, uint16_t opcode, uint32_t tag, const void *body, uint16_t length);
void model_command_abi(struct model *m, uint16_t abi, uint16_t opcode, uint32_t tag, const void *body, uint16_t length);
void model_event(struct model *m, uint32_t type, uint32_t dir, uint32_t index);
// The i-th posted entry.
const struct culvert_entry *model_posted(const struct model *m, uint32_t i);
// The entry that a lookup of the key finds, as the hardware looks; NULL: a miss.
const struct model_flow *model_flow_find(const struct model *m, const struct culvert_flow *key);
// hal_model.c: the model behind the native HAL from now on.
void hal_use(struct model *m);
