// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/services/flow.h"

#include "dp_regs.h"

#include <string.h>

_Static_assert(FLOW_STASH == DP_FLOW_STASH, "as the hardware has it");
_Static_assert((FLOW_BUCKETS & (FLOW_BUCKETS - 1)) == 0, "buckets are a power of two");

struct place {
    enum dp_way way;
    uint32_t slot;
};

static struct flow_slot *at(struct flow_table *t, struct place p)
{
    return p.way == DP_WAY_STASH ? &t->stash[p.slot] : &t->way[p.way][p.slot];
}

static bool same_key(const struct culvert_flow *a, const struct culvert_flow *b)
{
    return a->src == b->src && a->dst == b->dst && a->sport == b->sport && a->dport == b->dport &&
           a->protocol == b->protocol && a->vrf == b->vrf;
}

// Where the key may lie, by the hardware's own hash.
static void locate(struct flow_slot *s, const struct culvert_flow *flow)
{
    const uint32_t hash = dp_flow_hash(flow);
    s->flow = *flow;
    s->bucket[0] = (uint16_t)(hash % FLOW_BUCKETS);
    s->bucket[1] = (uint16_t)((hash >> 16) % FLOW_BUCKETS);
    s->used = 1;
}

static bool find(struct flow_table *t, const struct flow_slot *s, struct place *out)
{
    for (unsigned way = 0; way < 2; way++) {
        *out = (struct place){(enum dp_way)way, s->bucket[way]};
        if (at(t, *out)->used && same_key(&at(t, *out)->flow, &s->flow))
            return true;
    }
    for (uint32_t i = 0; i < FLOW_STASH; i++) {
        *out = (struct place){DP_WAY_STASH, i};
        if (t->stash[i].used && same_key(&t->stash[i].flow, &s->flow))
            return true;
    }
    return false;
}

// Hardware first: the shadow follows what the hardware has taken.
static bool write(struct flow_table *t, struct place p, const struct flow_slot *s)
{
    if (!dp_flow_write(p.way, p.slot, true, &s->flow))
        return false;
    *at(t, p) = *s;
    return true;
}

static bool clear(struct flow_table *t, struct place p)
{
    if (!dp_flow_write(p.way, p.slot, false, &at(t, p)->flow))
        return false;
    memset(at(t, p), 0, sizeof(struct flow_slot));
    return true;
}

// The chain of places from a bucket to the first free one: each entry's only other place is in the other way. Returns
// its length, 0 when it does not end.
static unsigned chain_from(struct flow_table *t, struct place start, struct place *chain)
{
    struct place p = start;
    for (unsigned n = 0; n < FLOW_CHAIN; n++) {
        chain[n] = p;
        const struct flow_slot *s = at(t, p);
        if (!s->used)
            return n + 1;
        p = p.way == DP_WAY_0 ? (struct place){DP_WAY_1, s->bucket[1]} : (struct place){DP_WAY_0, s->bucket[0]};
    }
    return 0;
}

// Frees the first place of a chain, from its end backwards. After the last move the first place still holds its old
// entry, which is reachable at its new place too: the caller overwrites it.
static bool shift(struct flow_table *t, const struct place *chain, unsigned length)
{
    for (unsigned i = length - 1; i > 0; i--) {
        const struct flow_slot moved = *at(t, chain[i - 1]);
        if (!write(t, chain[i], &moved))
            return false;
    }
    return true;
}

static enum culvert_status insert(struct flow_table *t, const struct flow_slot *s)
{
    struct place chain[2][FLOW_CHAIN];
    unsigned length[2];
    for (unsigned way = 0; way < 2; way++)
        length[way] = chain_from(t, (struct place){(enum dp_way)way, s->bucket[way]}, chain[way]);
    const unsigned best = !length[0] || (length[1] && length[1] < length[0]);
    if (length[best])
        return shift(t, chain[best], length[best]) && write(t, chain[best][0], s) ? CULVERT_ST_OK : CULVERT_ST_TIMEOUT;
    for (uint32_t i = 0; i < FLOW_STASH; i++)
        if (!t->stash[i].used)
            return write(t, (struct place){DP_WAY_STASH, i}, s) ? CULVERT_ST_OK : CULVERT_ST_TIMEOUT;
    return CULVERT_ST_FULL;
}

// After a bucket became free: an entry of the stash that belongs there moves in, so that the stash stays free for those
// that need it.
static void drain_stash(struct flow_table *t, struct place freed)
{
    for (uint32_t i = 0; i < FLOW_STASH; i++) {
        const struct flow_slot s = t->stash[i];
        if (s.used && s.bucket[freed.way] == freed.slot) {
            if (write(t, freed, &s))
                (void)clear(t, (struct place){DP_WAY_STASH, i});
            return;
        }
    }
}

enum culvert_status flow_set(struct flow_table *t, const struct culvert_flow *flow)
{
    struct flow_slot s;
    struct place p;
    locate(&s, flow);
    if (find(t, &s, &p))
        return write(t, p, &s) ? CULVERT_ST_OK : CULVERT_ST_TIMEOUT;
    const enum culvert_status status = insert(t, &s);
    if (status == CULVERT_ST_OK)
        t->count++;
    return status;
}

enum culvert_status flow_del(struct flow_table *t, const struct culvert_flow *flow)
{
    struct flow_slot s;
    struct place p;
    locate(&s, flow);
    if (!find(t, &s, &p))
        return CULVERT_ST_NOT_FOUND;
    // More than once: a move that hardware did not finish in time leaves a key in both places.
    while (find(t, &s, &p)) {
        if (!clear(t, p))
            return CULVERT_ST_TIMEOUT;
        if (p.way != DP_WAY_STASH)
            drain_stash(t, p);
    }
    t->count--;
    return CULVERT_ST_OK;
}
