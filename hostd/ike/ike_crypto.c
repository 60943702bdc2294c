// SPDX-License-Identifier: BSD-2-Clause
// PRF, key derivation and message protection; see ike_crypto.h.
#include "hostd/ike/ike_crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

enum { SALT = 4, ICV_AEAD = 16, BLOCK_MAX = 16, DIGESTS = 5, CIPHERS = 12 };

static const struct digest {
    const char *name; ///< OpenSSL's
    size_t len, icv;  ///< of the PRF and of an integrity algorithm's key; of its ICV
    uint16_t prf, integ;
} digests[DIGESTS] = {
    {"SHA2-256", 32, 16, IKE_PRF_HMAC_SHA2_256, IKE_INTEG_HMAC_SHA2_256_128},
    {"SHA2-384", 48, 24, IKE_PRF_HMAC_SHA2_384, IKE_INTEG_HMAC_SHA2_384_192},
    {"SHA2-512", 64, 32, IKE_PRF_HMAC_SHA2_512, IKE_INTEG_HMAC_SHA2_512_256},
    {"SHA1", 20, 12, IKE_PRF_HMAC_SHA1, IKE_INTEG_HMAC_SHA1_96},
    {"MD5", 16, 12, IKE_PRF_HMAC_MD5, IKE_INTEG_HMAC_MD5_96},
};

static const struct cipher {
    uint16_t id, bits;
    const char *name;             ///< OpenSSL's; NULL: not for IKE
    uint8_t key, salt, iv, block; ///< bytes; block 1: nothing to fill up
    bool aead;
} ciphers[CIPHERS] = {
    {IKE_ENCR_AES_GCM_16, 256, "AES-256-GCM", 32, SALT, 8, 1, true}, // RFC 5282
    {IKE_ENCR_AES_GCM_16, 128, "AES-128-GCM", 16, SALT, 8, 1, true},
    {IKE_ENCR_AES_GCM_16, 192, "AES-192-GCM", 24, SALT, 8, 1, true},
    {IKE_ENCR_CHACHA20_POLY1305, 0, "ChaCha20-Poly1305", 32, SALT, 8, 1, true}, // RFC 7634
    {IKE_ENCR_AES_CBC, 256, "AES-256-CBC", 32, 0, 16, 16, false},
    {IKE_ENCR_AES_CBC, 128, "AES-128-CBC", 16, 0, 16, 16, false},
    {IKE_ENCR_AES_CBC, 192, "AES-192-CBC", 24, 0, 16, 16, false},
    {IKE_ENCR_AES_CTR, 256, "AES-256-CTR", 32, SALT, 8, 1, false}, // RFC 5930
    {IKE_ENCR_AES_CTR, 128, "AES-128-CTR", 16, SALT, 8, 1, false},
    {IKE_ENCR_AES_CTR, 192, "AES-192-CTR", 24, SALT, 8, 1, false},
    {IKE_ENCR_3DES, 0, "DES-EDE3-CBC", 24, 0, 8, 8, false},
    {IKE_ENCR_NULL, 0, NULL, 0, 0, 0, 1, false},
};

struct ike_crypto {
    EVP_MAC *hmac;
    EVP_MAC_CTX *mac[DIGESTS];       ///< by digest, which is set; NULL: OpenSSL lacks it
    EVP_CIPHER *cipher_alg[CIPHERS]; ///< likewise
    EVP_CIPHER_CTX *cipher;
    EVP_MD *sha1, *sha256;
    EVP_MD_CTX *md;
    /// The pre-shared key that was used last, and what it makes by the PRF (0: none yet). Both AUTHs mostly have the
    /// same one, and behind a wildcard all peers do.
    uint16_t psk_prf;
    size_t psk_len;
    uint8_t psk[IKE_MAX_PSK], padded[IKE_MAX_PRF];
};

void ike_crypto_free(struct ike_crypto *c)
{
    if (c == NULL)
        return;
    for (int i = 0; i < DIGESTS; i++)
        EVP_MAC_CTX_free(c->mac[i]);
    EVP_MAC_free(c->hmac);
    for (int i = 0; i < CIPHERS; i++)
        EVP_CIPHER_free(c->cipher_alg[i]);
    EVP_CIPHER_CTX_free(c->cipher);
    EVP_MD_free(c->sha1);
    EVP_MD_free(c->sha256);
    EVP_MD_CTX_free(c->md);
    OPENSSL_clear_free(c, sizeof(*c));
}

static EVP_MAC_CTX *hmac_new(EVP_MAC *hmac, const char *digest)
{
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(hmac);
    if (mac && EVP_MAC_CTX_set_params(mac, params) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

struct ike_crypto *ike_crypto_new(void)
{
    struct ike_crypto *c = OPENSSL_zalloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    bool ok = (c->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL)) != NULL;
    for (int i = 0; ok && i < DIGESTS; i++) {
        c->mac[i] = hmac_new(c->hmac, digests[i].name);
        ok = c->mac[i] || ike_is_legacy(IKE_NAMES_PRF, digests[i].prf);
    }
    for (int i = 0; ok && i < CIPHERS; i++) {
        c->cipher_alg[i] = ciphers[i].name ? EVP_CIPHER_fetch(NULL, ciphers[i].name, NULL) : NULL;
        ok = c->cipher_alg[i] || ciphers[i].name == NULL || ike_is_legacy(IKE_NAMES_ENCR, ciphers[i].id);
    }
    c->cipher = EVP_CIPHER_CTX_new();
    c->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    c->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    c->md = EVP_MD_CTX_new();
    ok = ok && c->cipher && c->sha1 && c->sha256 && c->md;
    if (!ok) {
        ike_crypto_free(c);
        return NULL;
    }
    return c;
}

// Index of the digest of a PRF or integrity algorithm, or -1.
static int prf_index(uint16_t prf)
{
    int i = DIGESTS - 1;
    while (i >= 0 && digests[i].prf != prf)
        i--;
    return i;
}

static int integ_index(uint16_t integ)
{
    int i = DIGESTS - 1;
    while (i >= 0 && digests[i].integ != integ)
        i--;
    return i;
}

static const struct cipher *find_cipher(uint16_t encr, uint16_t bits)
{
    for (int i = 0; i < CIPHERS; i++) {
        if (ciphers[i].id == encr && ciphers[i].bits == bits)
            return &ciphers[i];
    }
    return NULL;
}

size_t ike_prf_len(uint16_t prf)
{
    const int i = prf_index(prf);
    return i < 0 ? 0 : digests[i].len;
}

bool ike_known_encr(uint16_t encr, uint16_t bits)
{
    return find_cipher(encr, bits) != NULL;
}

bool ike_known_integ(uint16_t integ)
{
    return integ_index(integ) >= 0;
}

bool ike_encr_is_aead(uint16_t encr)
{
    return encr == IKE_ENCR_AES_GCM_16 || encr == IKE_ENCR_CHACHA20_POLY1305;
}

bool ike_encr_counts(uint16_t encr)
{
    return ike_encr_is_aead(encr) || encr == IKE_ENCR_AES_CTR;
}

size_t ike_encr_key_len(uint16_t encr, uint16_t bits)
{
    const struct cipher *c = find_cipher(encr, bits);
    return c ? (size_t)c->key + c->salt : 0;
}

size_t ike_integ_key_len(uint16_t integ)
{
    const int i = integ_index(integ);
    return i < 0 ? 0 : digests[i].len;
}

// HMAC of the parts by a context that has its key; out takes its whole length.
static bool hmac_parts(EVP_MAC_CTX *mac, const struct ike_bytes *parts, size_t n, size_t out_len, uint8_t *out)
{
    size_t len;
    for (size_t k = 0; k < n; k++) {
        if (parts[k].len > 0 && EVP_MAC_update(mac, parts[k].p, parts[k].len) != 1)
            return false;
    }
    return EVP_MAC_final(mac, out, &len, out_len) == 1 && len == out_len;
}

// HMAC with the i-th digest; out takes its whole length.
static bool hmac(struct ike_crypto *c, int i, const void *key, size_t key_len, const struct ike_bytes *parts, size_t n,
                 uint8_t *out)
{
    // OpenSSL takes a NULL key as "the one of last time": an empty key must have an address.
    return i >= 0 && c->mac[i] && EVP_MAC_init(c->mac[i], key ? key : (const void *)"", key_len, NULL) == 1 &&
           hmac_parts(c->mac[i], parts, n, digests[i].len, out);
}

bool ike_prf(struct ike_crypto *c, uint16_t prf, const void *key, size_t key_len, const struct ike_bytes *parts,
             size_t n, uint8_t *out)
{
    return hmac(c, prf_index(prf), key, key_len, parts, n, out);
}

bool ike_prf_plus(struct ike_crypto *c, uint16_t prf, const void *key, size_t key_len, const struct ike_bytes *parts,
                  size_t n, uint8_t *out, size_t len)
{
    const int at = prf_index(prf);
    const size_t block = ike_prf_len(prf);
    EVP_MAC_CTX *mac = at < 0 ? NULL : c->mac[at];
    struct ike_bytes in[10];
    uint8_t t[IKE_MAX_PRF];
    uint8_t count = 1;
    bool ok = mac && n <= 8 && len <= 255 * block;
    for (size_t k = 0; ok && k < n; k++)
        in[1 + k] = parts[k];
    while (ok && len > 0) {
        in[0] = (struct ike_bytes){t, count == 1 ? 0 : block};
        in[n + 1] = (struct ike_bytes){&count, 1};
        // The key is set once; NULL begins again with it.
        const void *set = count > 1 ? NULL : key ? key : (const void *)"";
        ok = EVP_MAC_init(mac, set, set ? key_len : 0, NULL) == 1 && hmac_parts(mac, in, n + 2, block, t);
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
    const bool ok = ike_known_encr(esp->encr, esp->encr_bits) && encr + integ > 0 &&
                    ike_prf_plus(c, prf, sk_d, ike_prf_len(prf), parts, 3, mat, 2 * (encr + integ));
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

// prf(psk, pad): the key of AUTH. It depends on nothing of the exchange. NULL: failed.
static const uint8_t *padded_key(struct ike_crypto *c, uint16_t prf, struct ike_bytes psk)
{
    static const uint8_t pad[] = "Key Pad for IKEv2"; // RFC 7296 2.15; without its zero
    const struct ike_bytes pad_part = {pad, sizeof(pad) - 1};
    if (psk.len > sizeof(c->psk))
        return NULL;
    if (c->psk_prf == prf && c->psk_len == psk.len && CRYPTO_memcmp(c->psk, psk.p, psk.len) == 0)
        return c->padded;
    OPENSSL_cleanse(c->psk, sizeof(c->psk));
    c->psk_prf = 0;
    if (!ike_prf(c, prf, psk.p, psk.len, &pad_part, 1, c->padded))
        return NULL;
    c->psk_prf = prf;
    c->psk_len = psk.len;
    memcpy(c->psk, psk.p, psk.len);
    return c->padded;
}

bool ike_auth_psk(struct ike_crypto *c, uint16_t prf, struct ike_bytes psk, struct ike_bytes msg,
                  struct ike_bytes nonce, struct ike_bytes id_body, const uint8_t *sk_p, uint8_t *out)
{
    const size_t len = ike_prf_len(prf);
    uint8_t maced[IKE_MAX_PRF];
    const uint8_t *key = padded_key(c, prf, psk);
    const struct ike_bytes parts[] = {msg, nonce, {maced, len}};
    const bool ok = key && ike_prf(c, prf, sk_p, len, &id_body, 1, maced) && ike_prf(c, prf, key, len, parts, 3, out);
    OPENSSL_cleanse(maced, sizeof(maced));
    return ok;
}

// ---------------------------------------------------------------------------------------------- message protection

// How a suite lays out a protected message.
struct layout {
    const struct cipher *cipher; ///< NULL: no suite for IKE
    const EVP_CIPHER *evp;       ///< NULL if only lengths are asked for
    int digest;                  ///< of the integrity algorithm, -1 with an AEAD cipher
    size_t icv;
};

static struct layout layout_of(const struct ike_crypto *c, const struct ike_suite *s)
{
    struct layout l = {.cipher = find_cipher(s->encr, s->encr_bits), .digest = -1, .icv = ICV_AEAD};
    if (l.cipher && !l.cipher->aead) {
        l.digest = integ_index(s->integ);
        l.icv = l.digest < 0 ? 0 : digests[l.digest].icv;
    }
    if (l.icv == 0 || (l.cipher && l.cipher->name == NULL))
        l.cipher = NULL;
    if (c && l.cipher)
        l.evp = c->cipher_alg[l.cipher - ciphers];
    return l;
}

// Ciphertext length: payloads, padding and the byte that says how long the padding is.
static size_t padded_len(const struct layout *l, size_t plain)
{
    const size_t block = l->cipher->block;
    return (plain + 1 + block - 1) / block * block;
}

size_t ike_sealed_len(const struct ike_suite *s, size_t plain)
{
    const struct layout l = layout_of(NULL, s);
    return l.cipher ? l.cipher->iv + padded_len(&l, plain) + l.icv : 0;
}

size_t ike_sealed_fit(const struct ike_suite *s, size_t room)
{
    const struct layout l = layout_of(NULL, s);
    if (l.cipher == NULL || room <= l.cipher->iv + l.icv)
        return 0;
    room = (room - l.cipher->iv - l.icv) / l.cipher->block * l.cipher->block;
    return room ? room - 1 : 0;
}

// Start the cipher: encrypt or decrypt, with the IV as it is on the wire. With a salt the nonce is salt and IV, and
// with AES-CTR then a block counter that begins at 1 (RFC 5930 2.1).
static bool cipher_init(struct ike_crypto *c, const struct layout *l, const uint8_t *ekey, const uint8_t *iv, int enc)
{
    uint8_t nonce[SALT + BLOCK_MAX] = {0};
    memcpy(nonce, ekey + l->cipher->key, l->cipher->salt);
    memcpy(nonce + l->cipher->salt, iv, l->cipher->iv);
    if (l->cipher->id == IKE_ENCR_AES_CTR)
        nonce[BLOCK_MAX - 1] = 1;
    return EVP_CipherInit_ex2(c->cipher, l->evp, ekey, nonce, enc, NULL) == 1 &&
           EVP_CIPHER_CTX_set_padding(c->cipher, 0) == 1;
}

bool ike_seal(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *ekey, const uint8_t *akey, uint8_t *msg,
              size_t aad, const uint8_t *plain, size_t plain_len, const uint8_t iv[16])
{
    const struct layout l = layout_of(c, s);
    if (l.evp == NULL)
        return false;
    const size_t ivl = l.cipher->iv, body = padded_len(&l, plain_len);
    uint8_t tail[BLOCK_MAX] = {0}; // padding and its length
    const size_t tail_len = body - plain_len;
    uint8_t *out = msg + aad + ivl;
    int n = 0, m = 0, last = 0;
    tail[tail_len - 1] = (uint8_t)(tail_len - 1);
    memcpy(msg + aad, iv, ivl);
    bool ok = cipher_init(c, &l, ekey, msg + aad, 1);
    if (l.cipher->aead)
        ok = ok && EVP_CipherUpdate(c->cipher, NULL, &n, msg, (int)aad) == 1;
    n = 0;
    if (plain_len > 0)
        ok = ok && EVP_CipherUpdate(c->cipher, out, &n, plain, (int)plain_len) == 1;
    ok = ok && EVP_CipherUpdate(c->cipher, out + n, &m, tail, (int)tail_len) == 1 &&
         EVP_CipherFinal_ex(c->cipher, out + n + m, &last) == 1 && (size_t)n + (size_t)m + (size_t)last == body;
    if (l.cipher->aead) {
        ok = ok && EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_GET_TAG, ICV_AEAD, out + body) == 1;
    } else if (ok) {
        uint8_t mac[IKE_MAX_PRF];
        const struct ike_bytes all = {msg, aad + ivl + body};
        ok = hmac(c, l.digest, akey, digests[l.digest].len, &all, 1, mac);
        memcpy(out + body, mac, l.icv);
    }
    EVP_CIPHER_CTX_reset(c->cipher);
    return ok;
}

bool ike_open(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *ekey, const uint8_t *akey,
              const uint8_t *msg, size_t len, size_t aad, uint8_t *plain, size_t *plain_len)
{
    const struct layout l = layout_of(c, s);
    if (l.evp == NULL || len < aad + l.cipher->iv + l.icv + 1)
        return false;
    const size_t ivl = l.cipher->iv, body = len - aad - ivl - l.icv;
    const uint8_t *in = msg + aad + ivl;
    if (body % l.cipher->block)
        return false;
    if (!l.cipher->aead) { // RFC 7296 3.14: the ICV first
        uint8_t mac[IKE_MAX_PRF];
        const struct ike_bytes all = {msg, len - l.icv};
        if (!hmac(c, l.digest, akey, digests[l.digest].len, &all, 1, mac) || CRYPTO_memcmp(mac, in + body, l.icv) != 0)
            return false;
    }
    int n = 0, last = 0;
    bool ok = cipher_init(c, &l, ekey, msg + aad, 0);
    if (l.cipher->aead)
        ok = ok && EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG, ICV_AEAD, (void *)(in + body)) == 1 &&
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
