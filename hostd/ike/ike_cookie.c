// SPDX-License-Identifier: BSD-2-Clause
// Cookies (RFC 7296 2.6): one byte that says which secret, then HMAC(secret, Ni | address | port | SPIi). No memory is
// spent on a peer until it has shown that it gets what we send to its address.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

enum { COOKIE_LEN = 33 };

bool ike_cookie_needed(const struct ike_engine *e)
{
    return e->limits.cookie_always || e->n_half_open >= e->limits.cookie_threshold;
}

// A new secret from time to time; the one before stays valid for as long again.
static bool refresh(struct ike_engine *e)
{
    const uint64_t life = (uint64_t)IKE_T_COOKIE_SECRET * IKE_SECOND;
    if (e->cookie_ready && e->now < e->cookie_at + life)
        return true;
    const bool stale = !e->cookie_ready || e->now >= e->cookie_at + 2 * life;
    memcpy(e->cookie_secret[1], e->cookie_secret[0], sizeof(e->cookie_secret[0]));
    if (!ike_random(e, e->cookie_secret[0], sizeof(e->cookie_secret[0])))
        return false;
    if (stale && !ike_random(e, e->cookie_secret[1], sizeof(e->cookie_secret[1])))
        return false;
    e->cookie_ready = true;
    e->cookie_gen++;
    e->cookie_at = e->now;
    return true;
}

static bool mac(struct ike_engine *e, int secret, const struct ike_path *path, uint64_t spi_i, struct ike_bytes ni,
                uint8_t out[32])
{
    const struct ike_bytes parts[] = {
        ni,
        {path->remote.b, sizeof(path->remote.b)},
        {(const uint8_t *)&path->remote_port, sizeof(path->remote_port)},
        {(const uint8_t *)&spi_i, sizeof(spi_i)},
    };
    return ike_prf(e->crypto, IKE_PRF_HMAC_SHA2_256, e->cookie_secret[secret], sizeof(e->cookie_secret[0]), parts, 4,
                   out);
}

bool ike_cookie_make(struct ike_engine *e, const struct ike_path *path, uint64_t spi_i, struct ike_bytes ni,
                     uint8_t out[COOKIE_LEN])
{
    if (!refresh(e))
        return false;
    out[0] = e->cookie_gen;
    return mac(e, 0, path, spi_i, ni, out + 1);
}

bool ike_cookie_check(struct ike_engine *e, const struct ike_path *path, uint64_t spi_i, struct ike_bytes ni,
                      struct ike_bytes cookie)
{
    uint8_t want[32];
    if (cookie.len != COOKIE_LEN || !refresh(e))
        return false;
    const uint8_t age = (uint8_t)(e->cookie_gen - cookie.p[0]);
    return age < 2 && mac(e, age, path, spi_i, ni, want) && CRYPTO_memcmp(want, cookie.p + 1, sizeof(want)) == 0;
}
