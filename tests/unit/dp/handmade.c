// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/dp/handmade.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

struct cipher {
    const EVP_CIPHER *evp;
    size_t key, salt, iv, block;
    bool aead;
};
static struct cipher cipher_of(struct dp_suite s)
{
    const EVP_CIPHER *(*const gcm[])(void) = {EVP_aes_128_gcm, EVP_aes_192_gcm, EVP_aes_256_gcm};
    const EVP_CIPHER *(*const ctr[])(void) = {EVP_aes_128_ctr, EVP_aes_192_ctr, EVP_aes_256_ctr};
    const EVP_CIPHER *(*const cbc[])(void) = {EVP_aes_128_cbc, EVP_aes_192_cbc, EVP_aes_256_cbc};
    unsigned at = s.bits ? s.bits / 64 - 2 : 0;
    switch (s.cipher) {
    case DP_CIPHER_AES_GCM:
        return (struct cipher){gcm[at](), s.bits / 8, 4, 8, 4, true};
    case DP_CIPHER_CHACHA20_POLY1305:
        return (struct cipher){EVP_chacha20_poly1305(), 32, 4, 8, 4, true};
    case DP_CIPHER_AES_CTR:
        return (struct cipher){ctr[at](), s.bits / 8, 4, 8, 4, false};
    case DP_CIPHER_AES_CBC:
        return (struct cipher){cbc[at](), s.bits / 8, 0, 16, 16, false};
    case DP_CIPHER_3DES:
        return (struct cipher){EVP_des_ede3_cbc(), 24, 0, 8, 8, false};
    case DP_CIPHER_NULL:
        break;
    }
    return (struct cipher){EVP_enc_null(), 0, 0, 0, 4, false};
}
struct hash {
    const EVP_MD *md;
    size_t key, icv;
};
static struct hash hash_of(struct dp_suite s)
{
    switch (s.integ) {
    case DP_INTEG_MD5_96:
        return (struct hash){EVP_md5(), 16, 12};
    case DP_INTEG_SHA1_96:
        return (struct hash){EVP_sha1(), 20, 12};
    case DP_INTEG_SHA256_128:
        return (struct hash){EVP_sha256(), 32, 16};
    case DP_INTEG_SHA384_192:
        return (struct hash){EVP_sha384(), 48, 24};
    case DP_INTEG_SHA512_256:
        return (struct hash){EVP_sha512(), 64, 32};
    case DP_INTEG_NONE:
        break;
    }
    return (struct hash){NULL, 0, 16};
}

size_t handmade_suites(struct dp_suite out[HANDMADE_SUITES])
{
    static const struct dp_suite ciphers[] = {
        {DP_CIPHER_AES_GCM, DP_INTEG_NONE, 128},   {DP_CIPHER_AES_GCM, DP_INTEG_NONE, 192},
        {DP_CIPHER_AES_GCM, DP_INTEG_NONE, 256},   {DP_CIPHER_CHACHA20_POLY1305, DP_INTEG_NONE, 0},
        {DP_CIPHER_AES_CTR, DP_INTEG_MD5_96, 128}, {DP_CIPHER_AES_CTR, DP_INTEG_MD5_96, 192},
        {DP_CIPHER_AES_CTR, DP_INTEG_MD5_96, 256}, {DP_CIPHER_AES_CBC, DP_INTEG_MD5_96, 128},
        {DP_CIPHER_AES_CBC, DP_INTEG_MD5_96, 192}, {DP_CIPHER_AES_CBC, DP_INTEG_MD5_96, 256},
        {DP_CIPHER_3DES, DP_INTEG_MD5_96, 0},      {DP_CIPHER_NULL, DP_INTEG_MD5_96, 0},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
        for (int k = ciphers[i].integ; k <= (ciphers[i].integ ? (int)DP_INTEG_SHA512_256 : 0); k++) {
            out[n] = ciphers[i];
            out[n++].integ = (enum dp_integ)k;
        }
    return n;
}

size_t handmade_key_len(struct dp_suite s)
{
    struct cipher c = cipher_of(s);
    return c.key + c.salt + hash_of(s).key;
}

size_t handmade_least(struct dp_suite s)
{
    struct cipher c = cipher_of(s);
    return 8 + c.iv + c.block + hash_of(s).icv;
}

// What the cipher takes for its IV: salt, IV of the packet, and with CTR a counter that begins at 1.
static void nonce_of(const struct handmade *h, const struct cipher *c, const uint8_t *packet, uint8_t nonce[20])
{
    memset(nonce, 0, 20);
    memcpy(nonce, h->key + c->key, c->salt);
    memcpy(nonce + c->salt, packet + 8, c->iv);
    if (h->suite.cipher == DP_CIPHER_AES_CTR)
        nonce[15] = 1;
}

static size_t aad_of(const struct handmade *h, uint8_t aad[12])
{
    uint32_t spi = htonl(h->spi), hi = htonl((uint32_t)(h->seq >> 32)), lo = htonl((uint32_t)h->seq);
    memcpy(aad, &spi, 4);
    memcpy(aad + 4, h->esn ? &hi : &lo, 4);
    memcpy(aad + 8, &lo, 4);
    return h->esn ? 12 : 8;
}
static void icv_of(const struct handmade *h, const uint8_t *packet, size_t len, uint8_t icv[64])
{
    uint8_t whole[70000];
    uint32_t hi = htonl((uint32_t)(h->seq >> 32));
    struct cipher c = cipher_of(h->suite);
    struct hash hash = hash_of(h->suite);
    memcpy(whole, packet, len);
    memcpy(whole + len, &hi, 4);
    unsigned n = 64;
    HMAC(hash.md, h->key + c.key + c.salt, (int)hash.key, whole, len + (h->esn ? 4 : 0), icv, &n);
}

size_t handmade_seal(const struct handmade *h, const uint8_t *inner, size_t len, uint8_t *out)
{
    struct cipher s = cipher_of(h->suite);
    size_t iv = s.iv, icv_len = hash_of(h->suite).icv, pad = 0;
    if (h->pad >= 0)
        pad = (size_t)h->pad;
    else
        while ((len + pad + 2) % s.block)
            pad++;
    uint8_t text[70000], nonce[20], aad[12], icv[64];
    memcpy(text, inner, len);
    for (size_t i = 0; i < pad; i++)
        text[len + i] = (uint8_t)(i + 1 == (size_t)h->bad_pad_at + 1 ? 0x77 : i + 1);
    text[len + pad] = (uint8_t)(h->pad_length >= 0 ? h->pad_length : (int)pad);
    text[len + pad + 1] = (uint8_t)(h->next >= 0 ? h->next : 4);
    size_t n = len + pad + 2;
    uint32_t spi = htonl(h->spi), lo = htonl((uint32_t)h->seq);
    memcpy(out, &spi, 4);
    memcpy(out + 4, &lo, 4);
    for (size_t i = 0; i < iv; i++)
        out[8 + i] = (uint8_t)(h->seq * 31 + i * 7 + 3);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int got = 0;
    nonce_of(h, &s, out, nonce);
    EVP_EncryptInit_ex(c, s.evp, NULL, h->key, nonce);
    EVP_CIPHER_CTX_set_padding(c, 0);
    if (s.aead)
        EVP_EncryptUpdate(c, NULL, &got, aad, (int)aad_of(h, aad));
    EVP_EncryptUpdate(c, out + 8 + iv, &got, text, (int)n);
    EVP_EncryptFinal_ex(c, out + 8 + iv + got, &got);
    if (s.aead)
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, icv);
    else
        icv_of(h, out, 8 + iv + n, icv);
    EVP_CIPHER_CTX_free(c);
    memcpy(out + 8 + iv + n, icv, icv_len);
    return 8 + iv + n + icv_len;
}

int handmade_open(const struct handmade *h, const uint8_t *packet, size_t len, uint8_t *out)
{
    struct cipher s = cipher_of(h->suite);
    size_t icv_len = hash_of(h->suite).icv, n = len - 8 - s.iv - icv_len;
    uint8_t nonce[20], aad[12], icv[64];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int got = 0, rest = 0, ok;
    nonce_of(h, &s, packet, nonce);
    EVP_DecryptInit_ex(c, s.evp, NULL, h->key, nonce);
    EVP_CIPHER_CTX_set_padding(c, 0);
    if (s.aead) {
        EVP_DecryptUpdate(c, NULL, &got, aad, (int)aad_of(h, aad));
        memcpy(icv, packet + len - 16, 16);
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, icv);
    }
    EVP_DecryptUpdate(c, out, &got, packet + 8 + s.iv, (int)n);
    ok = EVP_DecryptFinal_ex(c, out + got, &rest) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!s.aead) {
        icv_of(h, packet, len - icv_len, icv);
        ok = memcmp(icv, packet + len - icv_len, icv_len) == 0;
    }
    return ok ? got + rest : -1;
}

void handmade_ipv4(uint8_t *out, size_t len, const char *src, const char *dst, unsigned seed)
{
    memset(out, 0, 20);
    out[0] = 0x45;
    out[2] = (uint8_t)(len >> 8);
    out[3] = (uint8_t)len;
    out[8] = 64;
    out[9] = 253;
    inet_pton(AF_INET, src, out + 12);
    inet_pton(AF_INET, dst, out + 16);
    for (size_t i = 20; i < len; i++) {
        seed = seed * 1103515245u + 12345u;
        out[i] = (uint8_t)(seed >> 16);
    }
}
