/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/rtl/gcm/gcm_model.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A block in the reflected domain: the top bit of hi is the coefficient of x^0. */
struct block {
    uint64_t hi, lo;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "OpenSSL failed: %s\n", what);
        exit(2);
    }
}

static struct block times_x(struct block a)
{
    const bool carry = a.lo & 1;
    struct block r = {a.hi >> 1, a.lo >> 1 | a.hi << 63};
    if (carry)
        r.hi ^= 0xe1ULL << 56;
    return r;
}

static struct block over_x(struct block a)
{
    const bool carry = a.hi >> 63;
    if (carry)
        a.hi ^= 0xe1ULL << 56;
    return (struct block){a.hi << 1 | a.lo >> 63, a.lo << 1 | carry};
}

static struct block times(struct block a, struct block b)
{
    struct block r = {0, 0};
    for (int i = 0; i < 128; i++) {
        if ((i < 64 ? a.hi >> (63 - i) : a.lo >> (127 - i)) & 1) {
            r.hi ^= b.hi;
            r.lo ^= b.lo;
        }
        b = times_x(b);
    }
    return r;
}

static uint64_t be64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

void gcm_model_hpow(bool key256, const uint8_t key[32], uint32_t hpow[32])
{
    static const int powers[8] = {1, 2, 3, 4, 5, 8, 12, 16};
    uint8_t h[16], zero[16] = {0};
    int n = 0, slot = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

    must(c && EVP_EncryptInit_ex(c, key256 ? EVP_aes_256_ecb() : EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
             EVP_CIPHER_CTX_set_padding(c, 0) == 1 && EVP_EncryptUpdate(c, h, &n, zero, 16) == 1 && n == 16,
         "AES-ECB");
    EVP_CIPHER_CTX_free(c);

    const struct block h1 = {be64(h), be64(h + 8)};
    struct block x = h1;
    for (int p = 1; p <= 16; p++) {
        if (p == powers[slot]) {
            const struct block y = over_x(x);
            hpow[4 * slot] = (uint32_t)y.lo;
            hpow[4 * slot + 1] = (uint32_t)(y.lo >> 32);
            hpow[4 * slot + 2] = (uint32_t)y.hi;
            hpow[4 * slot + 3] = (uint32_t)(y.hi >> 32);
            slot++;
        }
        x = times(x, h1);
    }
}

/* Puts n bytes at bit position `bit` of a little-endian bit string. */
static void put_bits(uint32_t *w, size_t bit, const void *src, size_t bits)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < bits; i++)
        if (p[i / 8] >> (i % 8) & 1)
            w[(bit + i) / 32] |= 1U << ((bit + i) % 32);
}

void gcm_pack_ctx(const struct gcm_params *p, const uint32_t hpow[32], struct gcm_ctx_bits *out)
{
    uint8_t key[32], k256 = p->key256;
    memcpy(key, p->key, 32);
    if (!p->key256)
        memset(key + 16, 0, 16);
    memset(out, 0, sizeof *out);
    put_bits(out->w, 0, hpow, 1024);
    put_bits(out->w, 1024, p->aad, 8 * (size_t)p->aad_bytes);
    put_bits(out->w, 1152, &p->aad_bytes, 5);
    put_bits(out->w, 1157, p->nonce, 96);
    put_bits(out->w, 1253, key, 256);
    put_bits(out->w, 1509, &k256, 1);
}

void gcm_model_seal(const struct gcm_params *p, const uint8_t *in, size_t len, uint8_t *out)
{
    int n = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    must(c && EVP_EncryptInit_ex(c, p->key256 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), NULL, p->key, p->nonce) == 1,
         "AES-GCM");
    must(!p->aad_bytes || EVP_EncryptUpdate(c, NULL, &n, p->aad, p->aad_bytes) == 1, "AAD");
    must(!len || (EVP_EncryptUpdate(c, out, &n, in, (int)len) == 1 && n == (int)len), "payload");
    must(EVP_EncryptFinal_ex(c, out + len, &n) == 1 && n == 0, "final");
    must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, out + len) == 1, "tag");
    EVP_CIPHER_CTX_free(c);
}

uint64_t gcm_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

void gcm_random_bytes(uint64_t *state, void *p, size_t n)
{
    uint8_t *b = p;
    while (n) {
        uint64_t v = gcm_random(state);
        const size_t k = n < 8 ? n : 8;
        memcpy(b, &v, k);
        b += k;
        n -= k;
    }
}
