// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/selectors.h"

#include <stdlib.h>
#include <string.h>

struct dp_selectors *dp_selectors_new(unsigned local, unsigned remote)
{
    if (local > UINT8_MAX || remote > UINT8_MAX)
        return NULL;
    struct dp_selectors *s = calloc(1, sizeof(*s) + (local + remote) * sizeof(s->ts[0]));
    if (s) {
        s->refs = 1;
        s->local = (uint8_t)local;
        s->remote = (uint8_t)remote;
    }
    return s;
}

struct dp_selectors *dp_selectors_ref(struct dp_selectors *s)
{
    if (s)
        s->refs++;
    return s;
}

void dp_selectors_unref(struct dp_selectors *s)
{
    if (s && --s->refs == 0)
        free(s);
}

static bool ports_pass(const struct dp_ts *ts, const struct packet *p, uint16_t port)
{
    if (ts->port_lo == 0 && ts->port_hi == UINT16_MAX)
        return true;
    return p->has_ports && port >= ts->port_lo && port <= ts->port_hi;
}

static bool one_passes(const struct dp_ts *ts, const struct packet *p, const uint8_t *address, uint16_t port)
{
    size_t size = ip_size(ts->family);
    if (ts->proto != 0 && ts->proto != p->proto)
        return false;
    if (address &&
        (ts->family != p->family || memcmp(address, ts->first, size) < 0 || memcmp(address, ts->last, size) > 0))
        return false;
    return ports_pass(ts, p, port);
}

// Does one of the selectors hold an end of the packet?
static bool any_passes(const struct dp_ts *ts, unsigned count, const struct packet *p, const uint8_t *address,
                       uint16_t port)
{
    for (unsigned i = 0; i < count; i++)
        if (one_passes(&ts[i], p, address, port))
            return true;
    return count == 0;
}

static bool pass(const struct dp_selectors *s, enum dp_dir dir, const struct packet *p, bool addresses)
{
    if (!s)
        return true;
    bool out = dir == DP_OUT;
    const uint8_t *local = out ? p->src : p->dst, *remote = out ? p->dst : p->src;
    return any_passes(s->ts, s->local, p, addresses ? local : NULL, out ? p->sport : p->dport) &&
           any_passes(s->ts + s->local, s->remote, p, addresses ? remote : NULL, out ? p->dport : p->sport);
}

bool selectors_pass(const struct dp_selectors *s, enum dp_dir dir, const struct packet *p)
{
    return pass(s, dir, p, true);
}

bool selectors_pass_payload(const struct dp_selectors *s, enum dp_dir dir, const struct packet *p)
{
    return pass(s, dir, p, false);
}

static uint32_t host32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool selectors_prefix(const struct dp_ts *ts, unsigned count, uint32_t *address, uint32_t *mask)
{
    *address = *mask = 0;
    if (count != 1)
        return count == 0;
    uint32_t first = host32(ts->first), last = host32(ts->last), host = first ^ last;
    if (ts->family != 4 || ts->proto != 0 || ts->port_lo != 0 || ts->port_hi != UINT16_MAX ||
        (host & (host + 1)) != 0 || (first & host) != 0) // the bits that differ are the low ones, and all of them
        return false;
    *address = first;
    *mask = ~host;
    return true;
}

bool selectors_valid(const struct dp_selectors *s)
{
    for (unsigned i = 0; s && i < (unsigned)s->local + s->remote; i++) {
        size_t size = ip_size(s->ts[i].family);
        if (size == 0 || memcmp(s->ts[i].first, s->ts[i].last, size) > 0 || s->ts[i].port_lo > s->ts[i].port_hi)
            return false;
    }
    return true;
}
