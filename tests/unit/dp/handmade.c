// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/dp/handmade.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

static bool is_gcm(enum dp_suite s)
{
    return s == DP_SUITE_AES_GCM_128 || s == DP_SUITE_AES_GCM_256;
}
static size_t cipher_key(enum dp_suite s)
{
    return s == DP_SUITE_AES_GCM_128 || s == DP_SUITE_AES_CBC_128_SHA256 ? 16 : 32;
}
static const EVP_CIPHER *cipher(enum dp_suite s)
{
    if (is_gcm(s))
        return cipher_key(s) == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    return cipher_key(s) == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
}
static size_t aad_of(const struct handmade *h, uint8_t aad[12])
{
    uint32_t spi = htonl(h->spi), hi = htonl((uint32_t)(h->seq >> 32)), lo = htonl((uint32_t)h->seq);
    memcpy(aad, &spi, 4);
    memcpy(aad + 4, h->esn ? &hi : &lo, 4);
    memcpy(aad + 8, &lo, 4);
    return h->esn ? 12 : 8;
}
static void icv_of(const struct handmade *h, const uint8_t *packet, size_t len, uint8_t icv[32])
{
    uint8_t whole[70000];
    uint32_t hi = htonl((uint32_t)(h->seq >> 32));
    memcpy(whole, packet, len);
    memcpy(whole + len, &hi, 4);
    unsigned n = 32;
    HMAC(EVP_sha256(), h->key + cipher_key(h->suite), 32, whole, len + (h->esn ? 4 : 0), icv, &n);
}

size_t handmade_seal(const struct handmade *h, const uint8_t *inner, size_t len, uint8_t *out)
{
    bool gcm = is_gcm(h->suite);
    size_t iv = gcm ? 8 : 16, block = gcm ? 4 : 16, pad = 0;
    if (h->pad >= 0)
        pad = (size_t)h->pad;
    else
        while ((len + pad + 2) % block)
            pad++;
    uint8_t text[70000], nonce[16], aad[12], icv[32];
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
    if (gcm) {
        memcpy(nonce, h->key + cipher_key(h->suite), 4);
        memcpy(nonce + 4, out + 8, 8);
    } else {
        memcpy(nonce, out + 8, 16);
    }
    EVP_EncryptInit_ex(c, cipher(h->suite), NULL, h->key, nonce);
    EVP_CIPHER_CTX_set_padding(c, 0);
    if (gcm)
        EVP_EncryptUpdate(c, NULL, &got, aad, (int)aad_of(h, aad));
    EVP_EncryptUpdate(c, out + 8 + iv, &got, text, (int)n);
    EVP_EncryptFinal_ex(c, out + 8 + iv + got, &got);
    if (gcm)
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, icv);
    else
        icv_of(h, out, 8 + iv + n, icv);
    EVP_CIPHER_CTX_free(c);
    memcpy(out + 8 + iv + n, icv, 16);
    return 8 + iv + n + 16;
}

int handmade_open(const struct handmade *h, const uint8_t *packet, size_t len, uint8_t *out)
{
    bool gcm = is_gcm(h->suite);
    size_t iv = gcm ? 8 : 16, n = len - 8 - iv - 16;
    uint8_t nonce[16], aad[12], icv[32];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int got = 0, rest = 0, ok;
    memcpy(nonce, gcm ? h->key + cipher_key(h->suite) : packet + 8, gcm ? 4 : 16);
    if (gcm)
        memcpy(nonce + 4, packet + 8, 8);
    EVP_DecryptInit_ex(c, cipher(h->suite), NULL, h->key, nonce);
    EVP_CIPHER_CTX_set_padding(c, 0);
    if (gcm) {
        EVP_DecryptUpdate(c, NULL, &got, aad, (int)aad_of(h, aad));
        memcpy(icv, packet + len - 16, 16);
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, icv);
    }
    EVP_DecryptUpdate(c, out, &got, packet + 8 + iv, (int)n);
    ok = EVP_DecryptFinal_ex(c, out + got, &rest) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!gcm) {
        icv_of(h, packet, len - 16, icv);
        ok = memcmp(icv, packet + len - 16, 16) == 0;
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
