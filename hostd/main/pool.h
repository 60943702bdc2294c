// SPDX-License-Identifier: BSD-2-Clause
// Inner addresses given to peers. An address that is given stays taken although its pool is changed or gone.
#ifndef CULVERT_MAIN_POOL_H
#define CULVERT_MAIN_POOL_H

#include "hostd/util/map.h"

#include <netinet/in.h>
#include <stdbool.h>

struct pools {
    struct map taken; // by address, host order
    uint32_t next;    // where the last search ended
    char marker;      // what the map points to
};

// An address between first and last, `wanted` if it is free there. 0, or -ENOSPC, -ENOMEM.
int pools_take(struct pools *p, struct in_addr first, struct in_addr last, struct in_addr wanted, struct in_addr *out);
void pools_give(struct pools *p, struct in_addr addr);
bool pools_taken(const struct pools *p, struct in_addr addr);
void pools_free(struct pools *p);

#endif
