// SPDX-License-Identifier: BSD-2-Clause
// How many half-open SAs each address holds.
#include "hostd/ike/ike_int.h"

static struct ike_half_peer *find(struct ike_engine *e, const struct ip_addr *a)
{
    const uint64_t key = ike_hash(a->b, sizeof(a->b), a->family);
    struct ike_node *n = ike_table_find(&e->half_peers, key);
    while (n && !ip_equal(&((struct ike_half_peer *)n->owner)->addr, a))
        n = ike_table_again(n);
    return n ? n->owner : NULL;
}

uint32_t ike_half_open_of(struct ike_engine *e, const struct ip_addr *a)
{
    const struct ike_half_peer *p = find(e, a);
    return p ? p->count : 0;
}

bool ike_half_open_add(struct ike_engine *e, const struct ip_addr *a)
{
    struct ike_half_peer *p = find(e, a);
    if (p == NULL) {
        p = ike_zalloc(e, sizeof(*p));
        if (p == NULL)
            return false;
        p->addr = *a;
        if (!ike_table_put(&e->half_peers, &p->node, ike_hash(a->b, sizeof(a->b), a->family), p)) {
            free(p);
            return false;
        }
    }
    p->count++;
    return true;
}

void ike_half_open_sub(struct ike_engine *e, const struct ip_addr *a)
{
    struct ike_half_peer *p = find(e, a);
    if (p && --p->count == 0) {
        ike_table_drop(&e->half_peers, &p->node);
        free(p);
    }
}

bool ike_half_charge(struct ike_sa *sa, size_t bytes)
{
    struct ike_engine *e = sa->e;
    if (!sa->half_open)
        return true;
    if (bytes > e->limits.max_unauth_bytes || e->unauth_bytes > e->limits.max_unauth_bytes - bytes) {
        e->stats.unauth_refused++;
        return false;
    }
    e->unauth_bytes += bytes;
    sa->held += (uint32_t)bytes;
    return true;
}

void ike_half_discharge(struct ike_sa *sa, size_t bytes)
{
    const uint32_t n = bytes < sa->held ? (uint32_t)bytes : sa->held;
    sa->e->unauth_bytes -= n;
    sa->held -= n;
}
