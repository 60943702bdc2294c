// SPDX-License-Identifier: BSD-2-Clause
// Traffic selectors: narrowing (RFC 7296 2.9), dynamic entries, text.
#include "hostd/ike/ike_proposal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static size_t addr_size(uint8_t type)
{
    return type == IKE_TS_IPV4 ? 4 : 16;
}

struct ike_ts ike_ts_prefix(const struct ip_addr *net, uint8_t prefix)
{
    struct ike_ts ts;
    memset(&ts, 0, sizeof(ts));
    ts.type = net->family == 4 ? IKE_TS_IPV4 : IKE_TS_IPV6;
    ts.port_hi = UINT16_MAX;
    for (size_t i = 0; i < addr_size(ts.type); i++) {
        const int bits = prefix - (int)(8 * i);
        const uint8_t mask = bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits));
        ts.lo[i] = net->b[i] & mask;
        ts.hi[i] = (uint8_t)(net->b[i] | (uint8_t)~mask);
    }
    return ts;
}

int ike_ts_prefix_len(const struct ike_ts *ts)
{
    const int total = (int)addr_size(ts->type) * 8;
    int n = 0;
    while (n < total && ((ts->lo[n / 8] ^ ts->hi[n / 8]) & 0x80 >> n % 8) == 0)
        n++;
    for (int i = n; i < total; i++) {
        const uint8_t bit = (uint8_t)(0x80 >> i % 8);
        if (ts->lo[i / 8] & bit || !(ts->hi[i / 8] & bit))
            return -1;
    }
    return n;
}

const char *ike_ts_format(const struct ike_ts *ts, char *out, size_t cap)
{
    char lo[INET6_ADDRSTRLEN] = "", hi[INET6_ADDRSTRLEN] = "", ports[40] = "";
    const int family = ts->type == IKE_TS_IPV4 ? AF_INET : AF_INET6;
    if (ts->type != IKE_TS_IPV4 && ts->type != IKE_TS_IPV6) {
        snprintf(out, cap, "dynamic");
        return out;
    }
    inet_ntop(family, ts->lo, lo, sizeof(lo));
    inet_ntop(family, ts->hi, hi, sizeof(hi));
    if (ts->port_lo == 0 && ts->port_hi == UINT16_MAX) {
        if (ts->proto)
            snprintf(ports, sizeof(ports), "[%u]", ts->proto);
    } else if (ts->port_lo == ts->port_hi) {
        snprintf(ports, sizeof(ports), "[%u/%u]", ts->proto, ts->port_lo);
    } else {
        snprintf(ports, sizeof(ports), "[%u/%u-%u]", ts->proto, ts->port_lo, ts->port_hi);
    }
    const int prefix = ike_ts_prefix_len(ts);
    if (prefix >= 0)
        snprintf(out, cap, "%s/%d%s", lo, prefix, ports);
    else
        snprintf(out, cap, "%s-%s%s", lo, hi, ports);
    return out;
}

// The common part of two ranges; false: none.
static bool common(const struct ike_ts *a, const struct ike_ts *b, struct ike_ts *out)
{
    if (a->type != b->type || (a->proto && b->proto && a->proto != b->proto))
        return false;
    const size_t size = addr_size(a->type);
    *out = *a;
    out->proto = a->proto ? a->proto : b->proto;
    if (memcmp(b->lo, a->lo, size) > 0)
        memcpy(out->lo, b->lo, size);
    if (memcmp(b->hi, a->hi, size) < 0)
        memcpy(out->hi, b->hi, size);
    out->port_lo = a->port_lo > b->port_lo ? a->port_lo : b->port_lo;
    out->port_hi = a->port_hi < b->port_hi ? a->port_hi : b->port_hi;
    return memcmp(out->lo, out->hi, size) <= 0 && out->port_lo <= out->port_hi;
}

static bool within(const struct ike_ts *part, const struct ike_ts *whole)
{
    const size_t size = addr_size(part->type);
    return part->type == whole->type && (whole->proto == 0 || whole->proto == part->proto) &&
           memcmp(part->lo, whole->lo, size) >= 0 && memcmp(part->hi, whole->hi, size) <= 0 &&
           part->port_lo >= whole->port_lo && part->port_hi <= whole->port_hi;
}

bool ike_ts_within(const struct ike_ts *part, size_t n_part, const struct ike_ts *whole, size_t n_whole)
{
    for (size_t i = 0; i < n_part; i++) {
        size_t k = 0;
        while (k < n_whole && !within(&part[i], &whole[k]))
            k++;
        if (k == n_whole)
            return false;
    }
    return n_part > 0;
}

size_t ike_ts_narrow(const struct ike_ts *want, size_t n_want, const struct ike_ts *allow, size_t n_allow,
                     struct ike_ts *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < n_want; i++) {
        for (size_t k = 0; k < n_allow && n < max; k++) {
            // A range inside one that is there already (from a peer's packet-specific first selector) adds nothing.
            if (common(&want[i], &allow[k], &out[n]) && !ike_ts_within(&out[n], 1, out, n))
                n++;
        }
    }
    // The first may be the packet that started it all: drop it if a later one covers it.
    while (n > 1 && ike_ts_within(&out[0], 1, out + 1, n - 1)) {
        n--;
        memmove(&out[0], &out[1], n * sizeof(out[0]));
    }
    return n;
}

// A dynamic entry's range for one family.
static struct ike_ts host(const struct ike_ts *dynamic, const struct ip_addr *addr, uint8_t family, bool any)
{
    const struct ip_addr none = {.family = family};
    struct ike_ts ts = ike_ts_prefix(any ? &none : addr, any ? 0 : family == 4 ? 32 : 128);
    ts.proto = dynamic->proto;
    ts.port_lo = dynamic->port_lo;
    ts.port_hi = dynamic->port_hi;
    return ts;
}

size_t ike_ts_resolve(const struct ike_ts *in, size_t n, const struct ike_ts_addrs *addrs, struct ike_ts *out,
                      size_t max)
{
    size_t made = 0;
    for (size_t i = 0; i < n; i++) {
        if (in[i].type == IKE_TS_OUTER) {
            if (made < max && addrs->outer.family != 0)
                out[made++] = host(&in[i], &addrs->outer, addrs->outer.family, addrs->outer_any);
            continue;
        }
        if (in[i].type != 0) {
            if (made < max)
                out[made++] = in[i];
            continue;
        }
        if (made < max && (addrs->v4.family == 4 || addrs->any4))
            out[made++] = host(&in[i], &addrs->v4, 4, addrs->any4);
        if (made < max && (addrs->v6.family == 6 || addrs->any6))
            out[made++] = host(&in[i], &addrs->v6, 6, addrs->any6);
    }
    return made;
}
