// SPDX-License-Identifier: BSD-2-Clause
// The flow manager: places exact-match entries in a table of two ways with one entry a bucket, and a stash.
//
// A key may lie in its bucket of way 0, its bucket of way 1, or anywhere in the stash. When both buckets are taken, the
// entries in the way are moved to their other bucket, from the end of the chain backwards: each is written to its new
// place before its old one is overwritten, so that no installed key is unreachable at any moment. With one entry a
// bucket the chain behind each of the two buckets is the only one, so a search of both finds a way if there is one.
// About half of the slots fill before the stash is needed.
#pragma once
#include "board.h"
#include "firmware/drivers/dp.h"

#define FLOW_BUCKETS (BOARD_FLOW_COUNT / 2)
#define FLOW_STASH   8
#define FLOW_CHAIN   64 // longest chain of moves

struct flow_slot {
    struct culvert_flow flow;
    uint16_t bucket[2];
    uint8_t used;
};

// What the hardware's table holds. Zeroed: empty.
struct flow_table {
    struct flow_slot way[2][FLOW_BUCKETS];
    struct flow_slot stash[FLOW_STASH];
    uint16_t count;
};

// Inserts, or replaces the result of an equal key. OK, FULL or TIMEOUT.
enum culvert_status flow_set(struct flow_table *t, const struct culvert_flow *flow);
// OK, NOT_FOUND or TIMEOUT.
enum culvert_status flow_del(struct flow_table *t, const struct culvert_flow *flow);
