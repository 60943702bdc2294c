// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/esp.h"

#include "hostd/dp/packet.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { SALT_MAX = 4, IV_MAX = 16, HMAC_MAX = 64, PAD_MAX = 15 };

struct esp {
    const struct suite_cipher *suite;
    size_t icv;
    bool aead, esn;
    uint8_t salt[SALT_MAX];
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac; // of ciphers without integrity of their own
};

// Looking an algorithm up costs OpenSSL more than to work with it on a packet: what has been used is kept, to the
// process's end.
enum { KEPT = 16 };

static EVP_MAC *kept_hmac(void)
{
    static EVP_MAC *hmac;
    if (!hmac)
        hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    return hmac;
}

// NULL: OpenSSL has it not.
static const EVP_CIPHER *kept_cipher(const struct suite_cipher *suite)
{
    static struct {
        const struct suite_cipher *suite;
        EVP_CIPHER *cipher;
    } kept[KEPT];
    for (int i = 0; i < KEPT; i++) {
        if (!kept[i].suite && (kept[i].cipher = EVP_CIPHER_fetch(NULL, suite->openssl, NULL)) != NULL)
            kept[i].suite = suite;
        if (!kept[i].suite || kept[i].suite == suite)
            return kept[i].cipher;
    }
    return NULL;
}

static EVP_MAC_CTX *mac_new(const struct suite_integ *integ, const uint8_t *key)
{
    EVP_MAC *hmac = kept_hmac();
    EVP_MAC_CTX *mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", (char *)integ->digest, 0),
                           OSSL_PARAM_construct_end()};
    if (mac && EVP_MAC_init(mac, key, integ->key, params) != 1) {
        EVP_MAC_CTX_free(mac);
        mac = NULL;
    }
    return mac;
}

static bool cipher_new(struct esp *e, const uint8_t *key, bool seal)
{
    const EVP_CIPHER *cipher = kept_cipher(e->suite);
    e->cipher = EVP_CIPHER_CTX_new();
    return cipher && e->cipher && EVP_CipherInit_ex(e->cipher, cipher, NULL, key, NULL, seal) == 1 &&
           EVP_CIPHER_CTX_set_padding(e->cipher, 0) == 1;
}

struct esp *esp_new(struct dp_suite suite, const uint8_t *key, size_t key_len, bool esn, bool seal)
{
    const struct suite_cipher *s = suite_cipher(suite);
    const struct suite_integ *integ = suite_integ(suite);
    if (key_len == 0 || key_len != suite_key_len(suite))
        return NULL;
    struct esp *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->suite = s;
    e->aead = s->icv > 0;
    e->icv = e->aead ? s->icv : integ->icv;
    e->esn = esn;
    memcpy(e->salt, key + s->key, s->salt);
    bool ok = cipher_new(e, key, seal) && (e->aead || (e->mac = mac_new(integ, key + s->key + s->salt)) != NULL);
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

// What an AEAD cipher authenticates beside the ciphertext (RFC 4106 5, RFC 7634 2.1): SPI and sequence number, whole
// with ESN.
static int aead_aad(const struct esp *e, const uint8_t *header, uint64_t seq, uint8_t aad[12])
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

// The cipher for the packet with this header, whose IV is in place. With a salt the nonce is salt and IV, and with
// AES-CTR then a block counter that begins at 1 (RFC 3686 4).
static bool cipher_start(struct esp *e, const uint8_t *header, uint64_t seq, int seal)
{
    const struct suite_cipher *s = e->suite;
    uint8_t nonce[SALT_MAX + IV_MAX] = {0}, aad[12];
    int n;
    memcpy(nonce, e->salt, s->salt);
    memcpy(nonce + s->salt, header + ESP_HEADER, s->iv);
    nonce[15] = s->cipher == DP_CIPHER_AES_CTR ? 1 : nonce[15];
    if (EVP_CipherInit_ex(e->cipher, NULL, NULL, NULL, nonce, seal) != 1)
        return false;
    return !e->aead || EVP_CipherUpdate(e->cipher, NULL, &n, aad, aead_aad(e, header, seq, aad)) == 1;
}

// HMAC over header, IV and ciphertext, and the upper half of the sequence number with ESN (RFC 4303 2.2.1, 3.3.2.1).
static bool hmac(struct esp *e, const uint8_t *data, size_t len, uint64_t seq, uint8_t icv[HMAC_MAX])
{
    uint8_t high[4];
    size_t n;
    put32(high, (uint32_t)(seq >> 32));
    return EVP_MAC_init(e->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(e->mac, data, len) == 1 &&
           (!e->esn || EVP_MAC_update(e->mac, high, sizeof(high)) == 1) &&
           EVP_MAC_final(e->mac, icv, &n, HMAC_MAX) == 1;
}

// The IV of a packet that is sealed: the sequence number where it has to be unique only (RFC 4106 3.1, RFC 3686 3.1,
// RFC 7634 2), else random.
static bool put_iv(const struct suite_cipher *s, uint64_t seq, uint8_t *iv)
{
    if (!s->counter)
        return s->iv == 0 || RAND_bytes(iv, (int)s->iv) == 1;
    put32(iv, (uint32_t)(seq >> 32));
    put32(iv + 4, (uint32_t)seq);
    return true;
}

size_t esp_seal(struct esp *e, uint32_t spi, uint64_t seq, uint8_t next, const uint8_t *inner, size_t len, uint8_t *out)
{
    const struct suite_cipher *s = e->suite;
    if (len > ESP_PACKET_MAX)
        return 0;
    size_t pad = (s->block - (len + 2) % s->block) % s->block;
    size_t text = len + pad + 2, head = ESP_HEADER + s->iv;
    uint8_t trailer[PAD_MAX + 2], icv[HMAC_MAX];
    int n = 0, m = 0;
    for (size_t i = 0; i < pad; i++)
        trailer[i] = (uint8_t)(i + 1);
    trailer[pad] = (uint8_t)pad;
    trailer[pad + 1] = next;
    put32(out, spi);
    put32(out + 4, (uint32_t)seq);
    if (!put_iv(s, seq, out + ESP_HEADER) || !cipher_start(e, out, seq, 1) ||
        EVP_CipherUpdate(e->cipher, out + head, &n, inner, (int)len) != 1 ||
        EVP_CipherUpdate(e->cipher, out + head + n, &m, trailer, (int)pad + 2) != 1 || (size_t)n + (size_t)m != text)
        return 0;
    if (e->aead) {
        if (EVP_CipherFinal_ex(e->cipher, out + head + text, &n) != 1 ||
            EVP_CIPHER_CTX_ctrl(e->cipher, EVP_CTRL_AEAD_GET_TAG, (int)e->icv, out + head + text) != 1)
            return 0;
    } else {
        if (!hmac(e, out, head + text, seq, icv))
            return 0;
        memcpy(out + head + text, icv, e->icv);
    }
    return head + text + e->icv;
}

// The plaintext: payload, perhaps traffic-flow padding, padding, its length, next header.
static enum esp_result strip(const uint8_t *text, size_t len, uint8_t *next, size_t *payload_len)
{
    size_t pad = text[len - 2];
    if (pad + 2 > len)
        return ESP_BAD_PADDING;
    size_t payload = len - 2 - pad;
    for (size_t i = 0; i < pad; i++)
        if (text[payload + i] != i + 1)
            return ESP_BAD_PADDING;
    *next = text[len - 1];
    *payload_len = payload;
    return *next == PACKET_NONE ? ESP_DUMMY : ESP_OK;
}

enum esp_result esp_open(struct esp *e, uint64_t seq, const uint8_t *packet, size_t len, uint8_t *out, uint8_t *next,
                         size_t *payload_len)
{
    const struct suite_cipher *s = e->suite;
    size_t head = ESP_HEADER + s->iv;
    if (len > ESP_PACKET_MAX || len < head + s->block + e->icv || (len - head - e->icv) % s->block != 0)
        return ESP_TRUNCATED;
    size_t text = len - head - e->icv;
    uint8_t icv[HMAC_MAX];
    const uint8_t *received = packet + head + text;
    int n = 0, m = 0;
    if (e->aead) {
        memcpy(icv, received, e->icv);
        if (!cipher_start(e, packet, seq, 0) ||
            EVP_CIPHER_CTX_ctrl(e->cipher, EVP_CTRL_AEAD_SET_TAG, (int)e->icv, icv) != 1 ||
            EVP_CipherUpdate(e->cipher, out, &n, packet + head, (int)text) != 1)
            return ESP_FAILED;
        if (EVP_CipherFinal_ex(e->cipher, out + n, &m) != 1) {
            OPENSSL_cleanse(out, text); // nothing unauthenticated is left lying about
            return ESP_AUTH_FAIL;
        }
    } else {
        if (!hmac(e, packet, head + text, seq, icv))
            return ESP_FAILED;
        if (CRYPTO_memcmp(icv, received, e->icv) != 0)
            return ESP_AUTH_FAIL;
        if (!cipher_start(e, packet, seq, 0) || EVP_CipherUpdate(e->cipher, out, &n, packet + head, (int)text) != 1 ||
            (size_t)n != text)
            return ESP_FAILED;
    }
    return strip(out, text, next, payload_len);
}
