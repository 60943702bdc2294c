// SPDX-License-Identifier: BSD-2-Clause
// Inner addresses given to peers, IPv4 and IPv6. Taking and giving back cost the same however large a pool is: what is
// free is in bitmaps, one above the other, searched from where the last search ended, so that an address rests as long
// as it can before someone else gets it. Until then its last holder gets it again. An address that is given stays taken
// although its pool is changed or gone.
#ifndef CULVERT_MAIN_POOL_H
#define CULVERT_MAIN_POOL_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"
#include "hostd/util/list.h"
#include "hostd/util/map.h"

struct pools {
    struct map leases;  // of struct lease, by address
    struct map by_who;  // the last lease of an identity in a pool
    struct list ranges; // of struct range: pools that have been used
    uint64_t seed;
};

// An address of the pool. who: the peer's identity, NULL: nobody's. wanted (may be NULL, or none): given if it is free,
// or held by the same identity already, which shares it then; else the one that the identity had last, else the next.
// 0, or -ENOSPC, -ENOMEM. *prefix: of an IPv6 pool, the length that goes with the address.
int pools_take(struct pools *p, const struct conf_pool *pool, const struct ike_id *who, const struct ip_addr *wanted,
               struct ip_addr *out);
// Back, once for each time that it was taken.
void pools_give(struct pools *p, const struct ip_addr *addr);
bool pools_taken(const struct pools *p, const struct ip_addr *addr);
// How many of the pool's addresses there are, and are in use.
void pools_count(struct pools *p, const struct conf_pool *pool, uint32_t *size, uint32_t *used);
// The configuration has changed: pools that are other ones now are forgotten, not what is taken of them.
void pools_reset(struct pools *p, const struct list *pools);
void pools_free(struct pools *p);

#endif
