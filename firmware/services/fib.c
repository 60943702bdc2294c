// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/services/fib.h"

#include <string.h>

uint32_t fib_mask(uint32_t length)
{
    return length ? UINT32_MAX << (32 - length) : 0;
}

// The slot of an equal prefix, else BOARD_FIB_COUNT. *unused: a free slot, or BOARD_FIB_COUNT.
static uint32_t find(const struct fib *fib, const struct culvert_route *route, uint32_t *unused)
{
    *unused = BOARD_FIB_COUNT;
    for (uint32_t i = 0; i < BOARD_FIB_COUNT; i++) {
        const struct fib_slot *s = &fib->slot[i];
        if (!s->used) {
            if (*unused == BOARD_FIB_COUNT)
                *unused = i;
        } else if (s->prefix == route->prefix && s->length == route->length && s->vrf == route->vrf) {
            return i;
        }
    }
    return BOARD_FIB_COUNT;
}

enum culvert_status fib_set(struct fib *fib, const struct culvert_route *route)
{
    uint32_t unused;
    uint32_t slot = find(fib, route, &unused);
    if (slot == BOARD_FIB_COUNT) {
        if (unused == BOARD_FIB_COUNT)
            return CULVERT_ST_FULL;
        slot = unused;
        fib->slot[slot] = (struct fib_slot){route->prefix, route->length, route->vrf, 1, 0};
        fib->count++;
    }
    dp_fib_write(slot, true, route);
    return CULVERT_ST_OK;
}

enum culvert_status fib_del(struct fib *fib, const struct culvert_route *route)
{
    uint32_t unused;
    const uint32_t slot = find(fib, route, &unused);
    if (slot == BOARD_FIB_COUNT)
        return CULVERT_ST_NOT_FOUND;
    dp_fib_write(slot, false, route);
    memset(&fib->slot[slot], 0, sizeof(fib->slot[slot]));
    fib->count--;
    return CULVERT_ST_OK;
}
