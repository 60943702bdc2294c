// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/pool.h"

#include <arpa/inet.h>
#include <errno.h>

static bool in_range(uint32_t a, uint32_t first, uint32_t last)
{
    return a >= first && a <= last;
}

bool pools_taken(const struct pools *p, struct in_addr addr)
{
    return map_get(&p->taken, ntohl(addr.s_addr)) != NULL;
}

int pools_take(struct pools *p, struct in_addr first, struct in_addr last, struct in_addr wanted, struct in_addr *out)
{
    uint32_t lo = ntohl(first.s_addr), hi = ntohl(last.s_addr), at = ntohl(wanted.s_addr);
    bool found = in_range(at, lo, hi) && !pools_taken(p, wanted);
    if (!found) {
        at = in_range(p->next, lo, hi) ? p->next : lo;
        for (uint64_t i = 0; i <= (uint64_t)hi - lo && !found; i++) {
            found = map_get(&p->taken, at) == NULL;
            if (!found) {
                at = at == hi ? lo : at + 1;
            }
        }
        p->next = at + 1;
    }
    if (!found) {
        return -ENOSPC;
    }
    if (!map_set(&p->taken, at, &p->marker)) {
        return -ENOMEM;
    }
    out->s_addr = htonl(at);
    return 0;
}

void pools_give(struct pools *p, struct in_addr addr)
{
    map_del(&p->taken, ntohl(addr.s_addr));
}

void pools_free(struct pools *p)
{
    map_free(&p->taken);
}
