// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/ts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

int ts_ranges(const struct ike_ts *ts, unsigned n, struct dp_range out[DP_SELECTORS_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) {
        bool whole = ts[i].proto == 0 && ts[i].port_lo == 0 && ts[i].port_hi == 65535;
        if (ts[i].type != IKE_TS_IPV4 || !whole) {
            return -ENOTSUP;
        }
        if (count == DP_SELECTORS_MAX) {
            return -E2BIG;
        }
        memcpy(&out[count].first, ts[i].lo, 4);
        memcpy(&out[count].last, ts[i].hi, 4);
        count++;
    }
    return (int)count;
}

int ts_prefixes(const struct dp_range *range, int (*fn)(void *arg, struct in_addr prefix, unsigned length), void *arg)
{
    uint64_t at = ntohl(range->first.s_addr), last = ntohl(range->last.s_addr);
    while (at <= last) {
        unsigned length = 32;
        // As short a prefix as begins here and does not go past the end.
        while (length > 0) {
            uint64_t size = 1ULL << (32 - (length - 1));
            if ((at & (size - 1)) != 0 || at + size - 1 > last) {
                break;
            }
            length--;
        }
        struct in_addr prefix = {htonl((uint32_t)at)};
        int result = fn(arg, prefix, length);
        if (result != 0) {
            return result;
        }
        at += 1ULL << (32 - length);
    }
    return 0;
}

bool ts_suite(const struct ike_suite *suite, enum dp_suite *out)
{
    if (suite->encr == IKE_ENCR_AES_GCM_16 && (suite->encr_bits == 128 || suite->encr_bits == 256)) {
        *out = suite->encr_bits == 256 ? DP_SUITE_AES_GCM_256 : DP_SUITE_AES_GCM_128;
        return true;
    }
    bool sha256 = suite->integ == IKE_INTEG_HMAC_SHA2_256_128;
    if (suite->encr == IKE_ENCR_AES_CBC && sha256 && (suite->encr_bits == 128 || suite->encr_bits == 256)) {
        *out = suite->encr_bits == 256 ? DP_SUITE_AES_CBC_256_SHA256 : DP_SUITE_AES_CBC_128_SHA256;
        return true;
    }
    return false;
}
