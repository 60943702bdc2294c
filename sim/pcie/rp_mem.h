// SPDX-License-Identifier: BSD-2-Clause
// Host memory as the card may reach it: a table of regions.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { RP_REGIONS = 256 };

struct rp_region {
    uint64_t iova, size;
    uint8_t *mem;
    bool readable, writable;
};

struct rp_mem {
    unsigned count, last; // last: index of the region found before
    struct rp_region region[RP_REGIONS];
};

// 0, EINVAL: empty or wraps, EEXIST: overlaps, ENOSPC.
int rp_mem_add(struct rp_mem *m, const struct rp_region *r);
bool rp_mem_remove(struct rp_mem *m, uint64_t iova, uint64_t size);
// The bytes [iova, iova + len), if they lie in one region that allows it; else NULL.
uint8_t *rp_mem_find(struct rp_mem *m, uint64_t iova, uint64_t len, bool write);
