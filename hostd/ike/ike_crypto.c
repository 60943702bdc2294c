// SPDX-License-Identifier: BSD-2-Clause
// PRF, key derivation and message protection; see ike_crypto.h.
#include "hostd/ike/ike_crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

enum { GCM_SALT = 4, GCM_IV = 8, ICV_GCM = 16, CBC_BLOCK = 16, PRFS = 3 };

struct ike_crypto {
    EVP_MAC *hmac;
    EVP_MAC_CTX *mac[PRFS];      ///< by PRF, digest set: SHA2-256, 384, 512
    EVP_CIPHER *gcm[2], *cbc[2]; ///< 128 and 256 bits
    EVP_CIPHER_CTX *cipher;
    EVP_MD *sha1, *sha256;
    EVP_MD_CTX *md;
};

static const char *const digest_names[PRFS] = {"SHA2-256", "SHA2-384", "SHA2-512"};
static const size_t digest_lens[PRFS] = {32, 48, 64};

void ike_crypto_free(struct ike_crypto *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < PRFS; i++)
        EVP_MAC_CTX_free(c->mac[i]);
    EVP_MAC_free(c->hmac);
    for (int i = 0; i < 2; i++) {
        EVP_CIPHER_free(c->gcm[i]);
        EVP_CIPHER_free(c->cbc[i]);
    }
    EVP_CIPHER_CTX_free(c->cipher);
    EVP_MD_free(c->sha1);
    EVP_MD_free(c->sha256);
    EVP_MD_CTX_free(c->md);
    OPENSSL_free(c);
}

struct ike_crypto *ike_crypto_new(void)
{
    struct ike_crypto *c = OPENSSL_zalloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    bool ok = (c->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL)) != NULL;
    for (int i = 0; ok && i < PRFS; i++) {
        OSSL_PARAM params[2] = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest_names[i], 0),
            OSSL_PARAM_construct_end(),
        };
        c->mac[i] = EVP_MAC_CTX_new(c->hmac);
        ok = c->mac[i] && EVP_MAC_CTX_set_params(c->mac[i], params) == 1;
    }
    c->gcm[0] = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    c->gcm[1] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->cbc[0] = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
    c->cbc[1] = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    c->cipher = EVP_CIPHER_CTX_new();
    c->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    c->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    c->md = EVP_MD_CTX_new();
    ok = ok && c->gcm[0] && c->gcm[1] && c->cbc[0] && c->cbc[1] && c->cipher && c->sha1 && c->sha256 && c->md;
    if (!ok) {
        ike_crypto_free(c);
        return NULL;
    }
    return c;
}

// Index of the digest of a PRF or integrity algorithm, or -1.
static int prf_index(uint16_t prf)
{
    return prf >= IKE_PRF_HMAC_SHA2_256 && prf <= IKE_PRF_HMAC_SHA2_512 ? prf - IKE_PRF_HMAC_SHA2_256 : -1;
}

static int integ_index(uint16_t integ)
{
    return integ >= IKE_INTEG_HMAC_SHA2_256_128 && integ <= IKE_INTEG_HMAC_SHA2_512_256
               ? integ - IKE_INTEG_HMAC_SHA2_256_128
               : -1;
}

size_t ike_prf_len(uint16_t prf)
{
    const int i = prf_index(prf);
    return i < 0 ? 0 : digest_lens[i];
}

bool ike_known_encr(uint16_t encr, uint16_t bits)
{
    return (encr == IKE_ENCR_AES_GCM_16 || encr == IKE_ENCR_AES_CBC) && (bits == 128 || bits == 256);
}

bool ike_known_integ(uint16_t integ)
{
    return integ_index(integ) >= 0;
}

bool ike_encr_is_aead(uint16_t encr)
{
    return encr == IKE_ENCR_AES_GCM_16;
}

size_t ike_encr_key_len(uint16_t encr, uint16_t bits)
{
    if (!ike_known_encr(encr, bits))
        return 0;
    return bits / 8u + (encr == IKE_ENCR_AES_GCM_16 ? GCM_SALT : 0);
}

size_t ike_integ_key_len(uint16_t integ)
{
    const int i = integ_index(integ);
    return i < 0 ? 0 : digest_lens[i];
}

// HMAC with the i-th digest; out takes its whole length.
static bool hmac(struct ike_crypto *c, int i, const void *key, size_t key_len, const struct ike_bytes *parts, size_t n,
                 uint8_t *out)
{
    size_t len;
    // OpenSSL takes a NULL key as "the one of last time": an empty key must have an address.
    if (i < 0 || EVP_MAC_init(c->mac[i], key ? key : (const void *)"", key_len, NULL) != 1)
        return false;
    for (size_t k = 0; k < n; k++) {
        if (parts[k].len > 0 && EVP_MAC_update(c->mac[i], parts[k].p, parts[k].len) != 1)
            return false;
    }
    return EVP_MAC_final(c->mac[i], out, &len, digest_lens[i]) == 1 && len == digest_lens[i];
}

bool ike_prf(struct ike_crypto *c, uint16_t prf, const void *key, size_t key_len, const struct ike_bytes *parts,
             size_t n, uint8_t *out)
{
    return hmac(c, prf_index(prf), key, key_len, parts, n, out);
}

bool ike_prf_plus(struct ike_crypto *c, uint16_t prf, const void *key, size_t key_len, const struct ike_bytes *parts,
                  size_t n, uint8_t *out, size_t len)
{
    const size_t block = ike_prf_len(prf);
    struct ike_bytes in[10];
    uint8_t t[IKE_MAX_PRF];
    uint8_t count = 1;
    bool ok = block > 0 && n <= 8 && len <= 255 * block;
    for (size_t k = 0; ok && k < n; k++)
        in[1 + k] = parts[k];
    while (ok && len > 0) {
        in[0] = (struct ike_bytes){t, count == 1 ? 0 : block};
        in[n + 1] = (struct ike_bytes){&count, 1};
        ok = ike_prf(c, prf, key, key_len, in, n + 2, t);
        const size_t take = len < block ? len : block;
        if (ok)
            memcpy(out, t, take);
        out += take;
        len -= take;
        count++;
    }
    OPENSSL_cleanse(t, sizeof(t));
    return ok;
}

static void store_u64(uint8_t *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--) {
        p[i] = (uint8_t)v;
        v >>= 8;
    }
}

// Take `len` bytes off the front of *p.
static void cut(const uint8_t **p, void *out, size_t len)
{
    memcpy(out, *p, len);
    *p += len;
}

bool ike_derive_ike(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *skeyseed, struct ike_bytes ni,
                    struct ike_bytes nr, uint64_t spi_i, uint64_t spi_r, struct ike_keys *out)
{
    return ike_derive_ike_seed(c, s, skeyseed, ike_prf_len(s->prf), ni, nr, spi_i, spi_r, out);
}

bool ike_derive_ike_seed(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *skeyseed, size_t seed_len,
                         struct ike_bytes ni, struct ike_bytes nr, uint64_t spi_i, uint64_t spi_r, struct ike_keys *out)
{
    uint8_t spis[16], mat[sizeof(struct ike_keys)];
    const size_t prf = ike_prf_len(s->prf), encr = ike_encr_key_len(s->encr, s->encr_bits);
    const size_t integ = ike_integ_key_len(s->integ);
    store_u64(spis, spi_i);
    store_u64(spis + 8, spi_r);
    const struct ike_bytes parts[] = {ni, nr, {spis, sizeof(spis)}};
    const bool ok =
        prf && encr && ike_prf_plus(c, s->prf, skeyseed, seed_len, parts, 3, mat, 3 * prf + 2 * encr + 2 * integ);
    if (ok) {
        const uint8_t *p = mat;
        cut(&p, out->d, prf);
        cut(&p, out->ai, integ);
        cut(&p, out->ar, integ);
        cut(&p, out->ei, encr);
        cut(&p, out->er, encr);
        cut(&p, out->pi, prf);
        cut(&p, out->pr, prf);
    }
    OPENSSL_cleanse(mat, sizeof(mat));
    return ok;
}

bool ike_skeyseed(struct ike_crypto *c, const struct ike_suite *s, struct ike_bytes ni, struct ike_bytes nr,
                  struct ike_bytes shared, uint8_t *out)
{
    uint8_t key[2 * IKE_MAX_NONCE];
    if (ni.len > IKE_MAX_NONCE || nr.len > IKE_MAX_NONCE)
        return false;
    memcpy(key, ni.p, ni.len);
    memcpy(key + ni.len, nr.p, nr.len);
    return ike_prf(c, s->prf, key, ni.len + nr.len, &shared, 1, out);
}

bool ike_skeyseed_rekey(struct ike_crypto *c, uint16_t old_prf, const uint8_t *old_d, struct ike_bytes shared,
                        struct ike_bytes ni, struct ike_bytes nr, uint8_t *out)
{
    const struct ike_bytes parts[] = {shared, ni, nr};
    return ike_prf(c, old_prf, old_d, ike_prf_len(old_prf), parts, 3, out);
}

bool ike_derive_child(struct ike_crypto *c, uint16_t prf, const uint8_t *sk_d, struct ike_bytes shared,
                      struct ike_bytes ni, struct ike_bytes nr, const struct ike_suite *esp, struct ike_child_key *i2r,
                      struct ike_child_key *r2i)
{
    uint8_t mat[2 * (IKE_MAX_ENCR_KEY + IKE_MAX_INTEG_KEY)];
    const struct ike_bytes parts[] = {shared, ni, nr};
    const size_t encr = ike_encr_key_len(esp->encr, esp->encr_bits), integ = ike_integ_key_len(esp->integ);
    const bool ok = encr && ike_prf_plus(c, prf, sk_d, ike_prf_len(prf), parts, 3, mat, 2 * (encr + integ));
    if (ok) {
        struct ike_child_key *const dir[] = {i2r, r2i};
        const uint8_t *p = mat;
        for (int i = 0; i < 2; i++) {
            dir[i]->encr_len = (uint8_t)encr;
            dir[i]->integ_len = (uint8_t)integ;
            cut(&p, dir[i]->encr, encr);
            cut(&p, dir[i]->integ, integ);
        }
    }
    OPENSSL_cleanse(mat, sizeof(mat));
    return ok;
}

bool ike_auth_psk(struct ike_crypto *c, uint16_t prf, struct ike_bytes psk, struct ike_bytes msg,
                  struct ike_bytes nonce, struct ike_bytes id_body, const uint8_t *sk_p, uint8_t *out)
{
    static const uint8_t pad[] = "Key Pad for IKEv2"; // RFC 7296 2.15; without its zero
    const struct ike_bytes pad_part = {pad, sizeof(pad) - 1};
    const size_t len = ike_prf_len(prf);
    uint8_t key[IKE_MAX_PRF], maced[IKE_MAX_PRF];
    bool ok = ike_prf(c, prf, psk.p, psk.len, &pad_part, 1, key) && ike_prf(c, prf, sk_p, len, &id_body, 1, maced);
    const struct ike_bytes parts[] = {msg, nonce, {maced, len}};
    ok = ok && ike_prf(c, prf, key, len, parts, 3, out);
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(maced, sizeof(maced));
    return ok;
}

// ---------------------------------------------------------------------------------------------- message protection

// Length of the ICV.
static size_t icv_len(const struct ike_suite *s)
{
    return ike_encr_is_aead(s->encr) ? ICV_GCM : ike_integ_key_len(s->integ) / 2;
}

// Ciphertext length: payloads, padding and the byte that says how long the padding is.
static size_t padded_len(const struct ike_suite *s, size_t plain)
{
    return ike_encr_is_aead(s->encr) ? plain + 1 : (plain + 1 + CBC_BLOCK - 1) / CBC_BLOCK * CBC_BLOCK;
}

static size_t iv_len(const struct ike_suite *s)
{
    return ike_encr_is_aead(s->encr) ? GCM_IV : CBC_BLOCK;
}

size_t ike_sealed_len(const struct ike_suite *s, size_t plain)
{
    return iv_len(s) + padded_len(s, plain) + icv_len(s);
}

size_t ike_sealed_fit(const struct ike_suite *s, size_t room)
{
    const size_t fixed = iv_len(s) + icv_len(s);
    if (room <= fixed)
        return 0;
    room -= fixed;
    if (!ike_encr_is_aead(s->encr))
        room = room / CBC_BLOCK * CBC_BLOCK;
    return room ? room - 1 : 0;
}

// Start the cipher: encrypt or decrypt, with the IV as it is on the wire.
static bool cipher_init(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *ekey, const uint8_t *iv,
                        int enc)
{
    const int wide = s->encr_bits == 256;
    uint8_t nonce[GCM_SALT + GCM_IV];
    if (!ike_encr_is_aead(s->encr))
        return EVP_CipherInit_ex2(c->cipher, c->cbc[wide], ekey, iv, enc, NULL) == 1 &&
               EVP_CIPHER_CTX_set_padding(c->cipher, 0) == 1;
    memcpy(nonce, ekey + s->encr_bits / 8, GCM_SALT);
    memcpy(nonce + GCM_SALT, iv, GCM_IV);
    return EVP_CipherInit_ex2(c->cipher, c->gcm[wide], ekey, nonce, enc, NULL) == 1;
}

bool ike_seal(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *ekey, const uint8_t *akey, uint8_t *msg,
              size_t aad, const uint8_t *plain, size_t plain_len, const uint8_t iv[16])
{
    const bool aead = ike_encr_is_aead(s->encr);
    const size_t ivl = iv_len(s), body = padded_len(s, plain_len), icv = icv_len(s);
    uint8_t tail[CBC_BLOCK] = {0}; // padding and its length
    const size_t tail_len = body - plain_len;
    uint8_t *out = msg + aad + ivl;
    int n = 0, m = 0, last = 0;
    tail[tail_len - 1] = (uint8_t)(tail_len - 1);
    memcpy(msg + aad, iv, ivl);
    bool ok = cipher_init(c, s, ekey, msg + aad, 1);
    if (aead)
        ok = ok && EVP_CipherUpdate(c->cipher, NULL, &n, msg, (int)aad) == 1;
    n = 0;
    if (plain_len > 0)
        ok = ok && EVP_CipherUpdate(c->cipher, out, &n, plain, (int)plain_len) == 1;
    ok = ok && EVP_CipherUpdate(c->cipher, out + n, &m, tail, (int)tail_len) == 1 &&
         EVP_CipherFinal_ex(c->cipher, out + n + m, &last) == 1 && (size_t)n + (size_t)m + (size_t)last == body;
    if (aead) {
        ok = ok && EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_GET_TAG, ICV_GCM, out + body) == 1;
    } else if (ok) {
        uint8_t mac[IKE_MAX_PRF];
        const struct ike_bytes all = {msg, aad + ivl + body};
        ok = hmac(c, integ_index(s->integ), akey, ike_integ_key_len(s->integ), &all, 1, mac);
        memcpy(out + body, mac, icv);
    }
    EVP_CIPHER_CTX_reset(c->cipher);
    return ok;
}

bool ike_open(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *ekey, const uint8_t *akey,
              const uint8_t *msg, size_t len, size_t aad, uint8_t *plain, size_t *plain_len)
{
    const bool aead = ike_encr_is_aead(s->encr);
    const size_t ivl = iv_len(s), icv = icv_len(s);
    if (len < aad + ivl + icv + 1)
        return false;
    const size_t body = len - aad - ivl - icv;
    const uint8_t *in = msg + aad + ivl;
    if (!aead && body % CBC_BLOCK)
        return false;
    if (!aead) { // RFC 7296 3.14: the ICV first
        uint8_t mac[IKE_MAX_PRF];
        const struct ike_bytes all = {msg, len - icv};
        if (!hmac(c, integ_index(s->integ), akey, ike_integ_key_len(s->integ), &all, 1, mac) ||
            CRYPTO_memcmp(mac, in + body, icv) != 0)
            return false;
    }
    int n = 0, last = 0;
    bool ok = cipher_init(c, s, ekey, msg + aad, 0);
    if (aead)
        ok = ok && EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG, ICV_GCM, (void *)(in + body)) == 1 &&
             EVP_CipherUpdate(c->cipher, NULL, &n, msg, (int)aad) == 1;
    ok = ok && EVP_CipherUpdate(c->cipher, plain, &n, in, (int)body) == 1 &&
         EVP_CipherFinal_ex(c->cipher, plain + n, &last) == 1 && (size_t)n + (size_t)last == body;
    EVP_CIPHER_CTX_reset(c->cipher);
    if (!ok || plain[body - 1] >= body)
        return false;
    *plain_len = body - 1 - plain[body - 1];
    return true;
}

static bool digest(struct ike_crypto *c, const EVP_MD *md, const struct ike_bytes *parts, size_t n, uint8_t *out)
{
    bool ok = EVP_DigestInit_ex2(c->md, md, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = EVP_DigestUpdate(c->md, parts[i].p, parts[i].len) == 1;
    return ok && EVP_DigestFinal_ex(c->md, out, NULL) == 1;
}

bool ike_sha1(struct ike_crypto *c, const struct ike_bytes *parts, size_t n, uint8_t out[20])
{
    return digest(c, c->sha1, parts, n, out);
}

bool ike_sha256(struct ike_crypto *c, const struct ike_bytes *parts, size_t n, uint8_t out[32])
{
    return digest(c, c->sha256, parts, n, out);
}
