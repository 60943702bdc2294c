// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/ts.h"

#include "hostd/dp/suite.h"

#include <errno.h>
#include <string.h>

static bool take_one(const struct ike_ts *from, struct dp_ts *to)
{
    size_t size = from->type == IKE_TS_IPV4 ? 4 : 16;
    if (from->type != IKE_TS_IPV4 && from->type != IKE_TS_IPV6) {
        return false;
    }
    *to = (struct dp_ts){
        .family = size == 4 ? 4 : 6, .proto = from->proto, .port_lo = from->port_lo, .port_hi = from->port_hi};
    memcpy(to->first, from->lo, size);
    memcpy(to->last, from->hi, size);
    return true;
}

struct dp_selectors *ts_selectors(const struct ike_child_sa *sa, int *error)
{
    struct dp_selectors *s = dp_selectors_new(sa->n_ts_local, sa->n_ts_remote);
    bool good = sa->n_ts_local > 0 && sa->n_ts_remote > 0;
    *error = s == NULL ? -ENOMEM : -EINVAL;
    for (unsigned i = 0; s != NULL && i < sa->n_ts_local; i++) {
        good &= take_one(&sa->ts_local[i], &s->ts[i]);
    }
    for (unsigned i = 0; s != NULL && i < sa->n_ts_remote; i++) {
        good &= take_one(&sa->ts_remote[i], &s->ts[sa->n_ts_local + i]);
    }
    if (s != NULL && !good) {
        dp_selectors_unref(s);
        s = NULL;
    }
    return s;
}

typedef unsigned __int128 number;

static number to_number(const uint8_t *p, size_t size)
{
    number n = 0;
    for (size_t i = 0; i < size; i++) {
        n = n << 8 | p[i];
    }
    return n;
}

static struct ip_addr to_addr(number n, size_t size)
{
    uint8_t b[16];
    for (size_t i = size; i-- > 0; n >>= 8) {
        b[i] = (uint8_t)n;
    }
    return ip_from_bytes(b, size);
}

int ts_prefixes(const struct dp_ts *range, int (*fn)(void *arg, const struct ip_addr *prefix, unsigned length),
                void *arg)
{
    size_t size = ip_size(range->family);
    unsigned bits = (unsigned)size * 8;
    number at = to_number(range->first, size), last = to_number(range->last, size);
    while (at <= last) {
        unsigned host = 0;
        // As short a prefix as begins here and does not go past the end.
        while (host < bits) {
            number ones = host + 1 == 128 ? ~(number)0 : ((number)1 << (host + 1)) - 1;
            if ((at & ones) != 0 || last - at < ones) {
                break;
            }
            host++;
        }
        struct ip_addr prefix = to_addr(at, size);
        int result = fn(arg, &prefix, bits - host);
        number ones = host == 128 ? ~(number)0 : ((number)1 << host) - 1;
        if (result != 0 || last - at == ones) {
            return result;
        }
        at += ones + 1;
    }
    return 0;
}

static bool gre_hosts(const struct ike_ts *ts, unsigned n)
{
    enum { GRE = 47 };
    return n == 1 && ts->proto == GRE && memcmp(ts->lo, ts->hi, ts->type == IKE_TS_IPV4 ? 4 : 16) == 0;
}

bool ts_is_gre(const struct ike_child_sa *sa)
{
    return gre_hosts(sa->ts_local, sa->n_ts_local) && gre_hosts(sa->ts_remote, sa->n_ts_remote);
}

bool ts_suite(const struct ike_suite *suite, struct dp_suite *out)
{
    static const struct {
        uint16_t ike;
        enum dp_cipher dp;
    } ciphers[] = {
        {IKE_ENCR_AES_GCM_16, DP_CIPHER_AES_GCM},
        {IKE_ENCR_AES_CBC, DP_CIPHER_AES_CBC},
        {IKE_ENCR_CHACHA20_POLY1305, DP_CIPHER_CHACHA20_POLY1305},
        {IKE_ENCR_AES_CTR, DP_CIPHER_AES_CTR},
        {IKE_ENCR_3DES, DP_CIPHER_3DES},
        {IKE_ENCR_NULL, DP_CIPHER_NULL},
    };
    static const struct {
        uint16_t ike;
        enum dp_integ dp;
    } integs[] = {
        {IKE_INTEG_NONE, DP_INTEG_NONE},
        {IKE_INTEG_HMAC_SHA2_256_128, DP_INTEG_SHA256_128},
        {IKE_INTEG_HMAC_SHA2_384_192, DP_INTEG_SHA384_192},
        {IKE_INTEG_HMAC_SHA2_512_256, DP_INTEG_SHA512_256},
        {IKE_INTEG_HMAC_SHA1_96, DP_INTEG_SHA1_96},
        {IKE_INTEG_HMAC_MD5_96, DP_INTEG_MD5_96},
    };
    unsigned c = 0, i = 0;
    while (c < sizeof(ciphers) / sizeof(ciphers[0]) && ciphers[c].ike != suite->encr) {
        c++;
    }
    while (i < sizeof(integs) / sizeof(integs[0]) && integs[i].ike != suite->integ) {
        i++;
    }
    if (c == sizeof(ciphers) / sizeof(ciphers[0]) || i == sizeof(integs) / sizeof(integs[0])) {
        return false;
    }
    *out = (struct dp_suite){.cipher = ciphers[c].dp, .integ = integs[i].dp, .bits = suite->encr_bits};
    return suite_key_len(*out) > 0;
}
