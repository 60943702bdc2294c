// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/esp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { SALT = 4, GCM_IV = 8, CBC_IV = 16, HMAC_KEY = 32, HMAC_LEN = 32, NEXT_IPV4 = 4, NEXT_NONE = 59 };

struct suite {
    const char *name;
    const EVP_CIPHER *(*cipher)(void);
    size_t key; // cipher key, bytes
    size_t iv, block;
    bool gcm;
};

static const struct suite SUITES[] = {
    [DP_SUITE_AES_GCM_128] = {"AES-GCM-128", EVP_aes_128_gcm, 16, GCM_IV, 4, true},
    [DP_SUITE_AES_GCM_256] = {"AES-GCM-256", EVP_aes_256_gcm, 32, GCM_IV, 4, true},
    [DP_SUITE_AES_CBC_128_SHA256] = {"AES-CBC-128/HMAC-SHA2-256-128", EVP_aes_128_cbc, 16, CBC_IV, 16, false},
    [DP_SUITE_AES_CBC_256_SHA256] = {"AES-CBC-256/HMAC-SHA2-256-128", EVP_aes_256_cbc, 32, CBC_IV, 16, false},
};

struct esp {
    const struct suite *suite;
    bool esn;
    uint8_t salt[SALT];
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac; // CBC only
};

static const struct suite *suite_of(enum dp_suite s)
{
    return (size_t)s < sizeof(SUITES) / sizeof(SUITES[0]) ? &SUITES[s] : NULL;
}

size_t esp_key_len(enum dp_suite suite)
{
    const struct suite *s = suite_of(suite);
    return !s ? 0 : s->key + (s->gcm ? SALT : HMAC_KEY);
}

const char *esp_suite_name(enum dp_suite suite)
{
    const struct suite *s = suite_of(suite);
    return s ? s->name : "unknown";
}

static EVP_MAC_CTX *mac_new(const uint8_t *key)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char[]){"SHA256"}, 0),
                           OSSL_PARAM_construct_end()};
    if (mac && EVP_MAC_init(mac, key, HMAC_KEY, params) != 1) {
        EVP_MAC_CTX_free(mac);
        mac = NULL;
    }
    return mac;
}

struct esp *esp_new(enum dp_suite suite, const uint8_t *key, size_t key_len, bool esn, bool seal)
{
    const struct suite *s = suite_of(suite);
    if (!s || key_len != esp_key_len(suite))
        return NULL;
    struct esp *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->suite = s;
    e->esn = esn;
    e->cipher = EVP_CIPHER_CTX_new();
    bool ok = e->cipher && EVP_CipherInit_ex(e->cipher, s->cipher(), NULL, key, NULL, seal) == 1;
    if (ok && s->gcm)
        memcpy(e->salt, key + s->key, SALT);
    else if (ok)
        ok = EVP_CIPHER_CTX_set_padding(e->cipher, 0) == 1 && (e->mac = mac_new(key + s->key)) != NULL;
    if (!ok) {
        esp_free(e);
        return NULL;
    }
    return e;
}

void esp_free(struct esp *e)
{
    if (!e)
        return;
    EVP_CIPHER_CTX_free(e->cipher);
    EVP_MAC_CTX_free(e->mac);
    OPENSSL_cleanse(e, sizeof(*e));
    free(e);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

// What AES-GCM authenticates beside the ciphertext (RFC 4106 5): SPI and sequence number, whole with ESN.
static int gcm_aad(const struct esp *e, const uint8_t *header, uint64_t seq, uint8_t aad[12])
{
    memcpy(aad, header, 4);
    if (!e->esn) {
        memcpy(aad + 4, header + 4, 4);
        return 8;
    }
    put32(aad + 4, (uint32_t)(seq >> 32));
    put32(aad + 8, (uint32_t)seq);
    return 12;
}

static bool gcm_start(struct esp *e, const uint8_t *header, uint64_t seq, int seal)
{
    uint8_t nonce[SALT + GCM_IV], aad[12];
    int n, aad_len = gcm_aad(e, header, seq, aad);
    memcpy(nonce, e->salt, SALT);
    memcpy(nonce + SALT, header + ESP_HEADER, GCM_IV);
    return EVP_CipherInit_ex(e->cipher, NULL, NULL, NULL, nonce, seal) == 1 &&
           EVP_CipherUpdate(e->cipher, NULL, &n, aad, aad_len) == 1;
}

// HMAC over header, IV and ciphertext, and the upper half of the sequence number with ESN (RFC 4303 2.2.1, 3.3.2.1).
static bool hmac(struct esp *e, const uint8_t *data, size_t len, uint64_t seq, uint8_t icv[HMAC_LEN])
{
    uint8_t high[4];
    size_t n;
    put32(high, (uint32_t)(seq >> 32));
    return EVP_MAC_init(e->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(e->mac, data, len) == 1 &&
           (!e->esn || EVP_MAC_update(e->mac, high, sizeof(high)) == 1) &&
           EVP_MAC_final(e->mac, icv, &n, HMAC_LEN) == 1;
}

size_t esp_seal(struct esp *e, uint32_t spi, uint64_t seq, const uint8_t *inner, size_t len, uint8_t *out)
{
    const struct suite *s = e->suite;
    if (len > ESP_PACKET_MAX)
        return 0;
    size_t pad = (s->block - (len + 2) % s->block) % s->block;
    size_t text = len + pad + 2, head = ESP_HEADER + s->iv;
    uint8_t trailer[18], icv[HMAC_LEN];
    int n = 0, m = 0;
    for (size_t i = 0; i < pad; i++)
        trailer[i] = (uint8_t)(i + 1);
    trailer[pad] = (uint8_t)pad;
    trailer[pad + 1] = NEXT_IPV4;
    put32(out, spi);
    put32(out + 4, (uint32_t)seq);
    if (s->gcm) { // the IV only has to be unique under the key, so it is the sequence number (RFC 4106 3.1)
        put32(out + 8, (uint32_t)(seq >> 32));
        put32(out + 12, (uint32_t)seq);
        if (!gcm_start(e, out, seq, 1))
            return 0;
    } else if (RAND_bytes(out + ESP_HEADER, CBC_IV) != 1 ||
               EVP_CipherInit_ex(e->cipher, NULL, NULL, NULL, out + ESP_HEADER, 1) != 1) {
        return 0;
    }
    if (EVP_CipherUpdate(e->cipher, out + head, &n, inner, (int)len) != 1 ||
        EVP_CipherUpdate(e->cipher, out + head + n, &m, trailer, (int)pad + 2) != 1 || (size_t)n + (size_t)m != text)
        return 0;
    if (s->gcm) {
        if (EVP_CipherFinal_ex(e->cipher, out + head + text, &n) != 1 ||
            EVP_CIPHER_CTX_ctrl(e->cipher, EVP_CTRL_AEAD_GET_TAG, ESP_ICV, out + head + text) != 1)
            return 0;
    } else {
        if (!hmac(e, out, head + text, seq, icv))
            return 0;
        memcpy(out + head + text, icv, ESP_ICV);
    }
    return head + text + ESP_ICV;
}

// The plaintext: inner packet, perhaps traffic-flow padding, padding, its length, next header.
static enum esp_result strip(const uint8_t *text, size_t len, size_t *inner_len)
{
    size_t pad = text[len - 2], next = text[len - 1];
    if (pad + 2 > len)
        return ESP_BAD_PADDING;
    size_t payload = len - 2 - pad;
    for (size_t i = 0; i < pad; i++)
        if (text[payload + i] != i + 1)
            return ESP_BAD_PADDING;
    if (next == NEXT_NONE)
        return ESP_DUMMY;
    if (next != NEXT_IPV4 || payload < 20 || text[0] >> 4 != 4)
        return ESP_BAD_PADDING;
    size_t header = (size_t)(text[0] & 15u) * 4, total = (size_t)text[2] << 8 | text[3];
    if (header < 20 || total < header || total > payload)
        return ESP_BAD_PADDING;
    *inner_len = total;
    return ESP_OK;
}

enum esp_result esp_open(struct esp *e, uint64_t seq, const uint8_t *packet, size_t len, uint8_t *out,
                         size_t *inner_len)
{
    const struct suite *s = e->suite;
    size_t head = ESP_HEADER + s->iv;
    if (len > ESP_PACKET_MAX || len < head + s->block + ESP_ICV || (len - head - ESP_ICV) % s->block != 0)
        return ESP_TRUNCATED;
    size_t text = len - head - ESP_ICV;
    uint8_t icv[HMAC_LEN];
    const uint8_t *received = packet + head + text;
    int n = 0, m = 0;
    if (s->gcm) {
        memcpy(icv, received, ESP_ICV);
        if (!gcm_start(e, packet, seq, 0) || EVP_CIPHER_CTX_ctrl(e->cipher, EVP_CTRL_AEAD_SET_TAG, ESP_ICV, icv) != 1 ||
            EVP_CipherUpdate(e->cipher, out, &n, packet + head, (int)text) != 1)
            return ESP_FAILED;
        if (EVP_CipherFinal_ex(e->cipher, out + n, &m) != 1) {
            OPENSSL_cleanse(out, text); // nothing unauthenticated is left lying about
            return ESP_AUTH_FAIL;
        }
    } else {
        if (!hmac(e, packet, head + text, seq, icv))
            return ESP_FAILED;
        if (CRYPTO_memcmp(icv, received, ESP_ICV) != 0)
            return ESP_AUTH_FAIL;
        if (EVP_CipherInit_ex(e->cipher, NULL, NULL, NULL, packet + ESP_HEADER, 0) != 1 ||
            EVP_CipherUpdate(e->cipher, out, &n, packet + head, (int)text) != 1 || (size_t)n != text)
            return ESP_FAILED;
    }
    return strip(out, text, inner_len);
}
