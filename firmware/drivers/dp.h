// SPDX-License-Identifier: BSD-2-Clause
// The datapath's registers and tables. Indices and values have been checked by the caller. What can wait for hardware
// returns false when its deadline passed.
#pragma once
#include "firmware/abi/culvert_abi.h"

#include <stdbool.h>
#include <stdint.h>

#define DP_REG_MAJOR      1u       // of the register block that this driver is written for
#define DP_COMMAND_CYCLES 100000u  // an SA command, with the powers of H, takes a few hundred
#define DP_WIPE_CYCLES    4000000u // all tables after reset

// Is it there, and of a version that we know? NULL, or what is wrong.
const char *dp_probe(void);
// Waits until the tables have been zeroised after reset.
bool dp_wait_wiped(void);
void dp_enable(bool forward);
void dp_port_set(const struct culvert_port *port);
void dp_local_set(uint32_t slot, uint32_t address);
void dp_adj_set(const struct culvert_adj *adj);
void dp_tunnel_set(const struct culvert_tunnel *tunnel);
uint64_t dp_counter(uint32_t index);
// The oldest event (DP_EVENT_POP_* fields) and removes it; VALID is 0 if there was none.
uint32_t dp_event_pop(void);

// dp_sa.c
bool dp_sa_install(const struct culvert_sa *sa);
bool dp_sa_path(const struct culvert_sa *sa); // addresses, ports, encapsulation and adjacency
// Zeroises it; *final gets its last counters.
bool dp_sa_remove(uint32_t dir, uint32_t index, struct culvert_sa_counters *final);
bool dp_sa_counters(uint32_t dir, uint32_t index, struct culvert_sa_counters *out);

// dp_route.c
void dp_fib_write(uint32_t index, bool valid, const struct culvert_route *route);

enum dp_way { DP_WAY_0, DP_WAY_1, DP_WAY_STASH, DP_WAYS };
// Writes the key registers and returns the key's buckets: way 0 in [15:0], way 1 in [31:16].
uint32_t dp_flow_hash(const struct culvert_flow *flow);
// Writes (valid) or empties a slot.
bool dp_flow_write(enum dp_way way, uint32_t slot, bool valid, const struct culvert_flow *flow);

// For the parts of this driver.
bool dp_wait_idle(void);
