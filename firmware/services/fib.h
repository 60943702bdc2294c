// SPDX-License-Identifier: BSD-2-Clause
// The FIB manager: prefixes in the hardware's table, which picks the longest match by itself, so any free entry will
// do.
#pragma once
#include "board.h"
#include "firmware/drivers/dp.h"

struct fib_slot {
    uint32_t prefix;
    uint8_t length, vrf, used, zero;
};

// What the hardware's table holds. Zeroed: empty.
struct fib {
    struct fib_slot slot[BOARD_FIB_COUNT];
    uint16_t count;
};

// Inserts, or replaces the result of an equal prefix in one write. OK or FULL.
enum culvert_status fib_set(struct fib *fib, const struct culvert_route *route);
// OK or NOT_FOUND.
enum culvert_status fib_del(struct fib *fib, const struct culvert_route *route);
// The bits of a prefix that its length covers.
uint32_t fib_mask(uint32_t length);
