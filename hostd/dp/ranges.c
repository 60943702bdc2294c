// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/ranges.h"

#include <string.h>

bool ranges_hold(const struct dp_range *range, size_t count, struct in_addr address)
{
    uint32_t a = ntohl(address.s_addr);
    for (size_t i = 0; i < count; i++)
        if (a >= ntohl(range[i].first.s_addr) && a <= ntohl(range[i].last.s_addr))
            return true;
    return count == 0;
}

bool ranges_pass(const struct dp_sa *sa, const uint8_t *packet)
{
    struct in_addr src, dst;
    memcpy(&src, packet + 12, 4);
    memcpy(&dst, packet + 16, 4);
    struct in_addr local = sa->dir == DP_OUT ? src : dst, remote = sa->dir == DP_OUT ? dst : src;
    return ranges_hold(sa->local_ts, sa->local_ts_count, local) &&
           ranges_hold(sa->remote_ts, sa->remote_ts_count, remote);
}

bool ranges_prefix(const struct dp_range *range, size_t count, uint32_t *address, uint32_t *mask)
{
    *address = *mask = 0;
    if (count != 1)
        return count == 0;
    uint32_t first = ntohl(range->first.s_addr), last = ntohl(range->last.s_addr), host = first ^ last;
    if ((host & (host + 1)) != 0 || (first & host) != 0) // the bits that differ are the low ones, and all of them
        return false;
    *address = first;
    *mask = ~host;
    return true;
}

static bool all_valid(const struct dp_range *range, size_t count)
{
    if (count > DP_SELECTORS_MAX)
        return false;
    for (size_t i = 0; i < count; i++)
        if (ntohl(range[i].first.s_addr) > ntohl(range[i].last.s_addr))
            return false;
    return true;
}

bool ranges_valid(const struct dp_sa *sa)
{
    return all_valid(sa->local_ts, sa->local_ts_count) && all_valid(sa->remote_ts, sa->remote_ts_count);
}
