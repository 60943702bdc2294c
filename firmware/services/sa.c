// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/services/sa.h"

// SPIs below 256 are reserved (RFC 4303, 2.1).
#define SPI_FIRST 256u

_Static_assert((BOARD_SA_COUNT & (BOARD_SA_COUNT - 1)) == 0, "an inbound SPI's low bits are the index");

static bool window_fits(uint32_t log2)
{
    return log2 == 0 || (log2 < 32 && 1u << log2 <= BOARD_REPLAY_WINDOW);
}

static enum culvert_status check_ref(uint32_t dir, uint32_t index, uint32_t zero)
{
    if (dir > CULVERT_SA_OUT || zero)
        return CULVERT_ST_BAD_VALUE;
    return index < BOARD_SA_COUNT ? CULVERT_ST_OK : CULVERT_ST_BAD_INDEX;
}

// Outer header and next hop of an outbound SA.
static enum culvert_status check_path(const struct culvert_sa *sa)
{
    if (sa->adj >= BOARD_ADJ_COUNT)
        return CULVERT_ST_BAD_INDEX;
    if (!sa->src || !sa->dst || ((sa->flags & CULVERT_SA_ENCAP) && (!sa->sport || !sa->dport)))
        return CULVERT_ST_BAD_VALUE;
    return CULVERT_ST_OK;
}

static enum culvert_status check(const struct culvert_sa *sa)
{
    const enum culvert_status ref = check_ref(sa->dir, sa->index, sa->zero);
    if (ref != CULVERT_ST_OK)
        return ref;
    if ((sa->flags & ~(uint32_t)CULVERT_SA_FLAGS_ALL) || sa->spi < SPI_FIRST || !window_fits(sa->window_log2))
        return CULVERT_ST_BAD_VALUE;
    if (sa->dir == CULVERT_SA_OUT)
        return check_path(sa);
    if (sa->tunnel >= BOARD_TUNNEL_COUNT)
        return CULVERT_ST_BAD_INDEX;
    return (sa->spi & (BOARD_SA_COUNT - 1)) == sa->index ? CULVERT_ST_OK : CULVERT_ST_BAD_VALUE;
}

enum culvert_status sa_install(struct sa_table *t, const struct culvert_sa *sa)
{
    const enum culvert_status status = check(sa);
    if (status != CULVERT_ST_OK)
        return status;
    if (t->installed[sa->dir][sa->index])
        return CULVERT_ST_EXISTS;
    if (!dp_sa_install(sa))
        return CULVERT_ST_TIMEOUT;
    t->installed[sa->dir][sa->index] = 1;
    t->count[sa->dir]++;
    return CULVERT_ST_OK;
}

static enum culvert_status check_installed(const struct sa_table *t, const struct culvert_sa_ref *ref)
{
    const enum culvert_status status = check_ref(ref->dir, ref->index, ref->zero);
    if (status != CULVERT_ST_OK)
        return status;
    return t->installed[ref->dir][ref->index] ? CULVERT_ST_OK : CULVERT_ST_NOT_FOUND;
}

enum culvert_status sa_counters(const struct sa_table *t, const struct culvert_sa_ref *ref,
                                struct culvert_sa_counters *out)
{
    const enum culvert_status status = check_installed(t, ref);
    if (status != CULVERT_ST_OK)
        return status;
    return dp_sa_counters(ref->dir, ref->index, out) ? CULVERT_ST_OK : CULVERT_ST_TIMEOUT;
}

enum culvert_status sa_remove(struct sa_table *t, const struct culvert_sa_ref *ref, struct culvert_sa_counters *final)
{
    const enum culvert_status status = check_installed(t, ref);
    if (status != CULVERT_ST_OK)
        return status;
    if (!dp_sa_remove(ref->dir, ref->index, final))
        return CULVERT_ST_TIMEOUT;
    t->installed[ref->dir][ref->index] = 0;
    t->count[ref->dir]--;
    return CULVERT_ST_OK;
}

enum culvert_status sa_path(const struct sa_table *t, const struct culvert_sa *sa)
{
    const struct culvert_sa_ref ref = {.index = sa->index, .dir = sa->dir};
    if (sa->dir != CULVERT_SA_OUT || (sa->flags & ~(uint32_t)CULVERT_SA_FLAGS_ALL))
        return CULVERT_ST_BAD_VALUE;
    enum culvert_status status = check_installed(t, &ref);
    if (status == CULVERT_ST_OK)
        status = check_path(sa);
    if (status != CULVERT_ST_OK)
        return status;
    return dp_sa_path(sa) ? CULVERT_ST_OK : CULVERT_ST_TIMEOUT;
}
