// SPDX-License-Identifier: BSD-2-Clause
// Key exchange groups: X25519 (RFC 8031), ECP 256, 384, 521 (RFC 5903), MODP-2048 (RFC 3526). Safe in any thread.
#include "hostd/ike/ike_crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

struct group {
    const char *algorithm; ///< OpenSSL's
    const char *name;      ///< of the group, NULL if the algorithm has but one
    uint16_t id;
    uint16_t public_len;
    bool point; ///< OpenSSL writes 0x04 in front of the coordinates, IKE does not
};

static const struct group groups[] = {
    {"X25519", NULL, IKE_DH_X25519, 32, false},        {"EC", "P-256", IKE_DH_ECP_256, 64, true},
    {"EC", "P-384", IKE_DH_ECP_384, 96, true},         {"EC", "P-521", IKE_DH_ECP_521, 132, true},
    {"DH", "modp_2048", IKE_DH_MODP_2048, 256, false},
};

static const struct group *find(uint16_t id)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (groups[i].id == id)
            return &groups[i];
    }
    return NULL;
}

size_t ike_dh_public_len(uint16_t group)
{
    const struct group *g = find(group);
    return g ? g->public_len : 0;
}

EVP_PKEY *ike_dh_generate(uint16_t group, uint8_t *pub, size_t *pub_len)
{
    const struct group *g = find(group);
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = g ? EVP_PKEY_CTX_new_from_name(NULL, g->algorithm, NULL) : NULL;
    uint8_t *encoded = NULL;
    size_t len = 0;
    bool ok = ctx && EVP_PKEY_keygen_init(ctx) == 1;
    if (ok && g->name) {
        OSSL_PARAM params[2] = {
            OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)g->name, 0),
            OSSL_PARAM_construct_end(),
        };
        ok = EVP_PKEY_CTX_set_params(ctx, params) == 1;
    }
    ok = ok && EVP_PKEY_generate(ctx, &key) == 1 && (len = EVP_PKEY_get1_encoded_public_key(key, &encoded)) > 0;
    ok = ok && len == g->public_len + (g->point ? 1u : 0u);
    if (ok) {
        memcpy(pub, encoded + (g->point ? 1 : 0), g->public_len);
        *pub_len = g->public_len;
    } else {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OPENSSL_free(encoded);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

// The peer's public value as a key with our key's parameters; NULL if it is not one.
static EVP_PKEY *peer_key(const struct group *g, const EVP_PKEY *ours, const uint8_t *value, size_t len)
{
    uint8_t encoded[IKE_MAX_KE + 1];
    EVP_PKEY *peer = EVP_PKEY_new();
    size_t n = 0;
    if (len != g->public_len || peer == NULL)
        goto bad;
    if (g->point)
        encoded[n++] = 0x04;
    memcpy(encoded + n, value, len);
    n += len;
    if (EVP_PKEY_copy_parameters(peer, ours) != 1 || EVP_PKEY_set1_encoded_public_key(peer, encoded, n) != 1)
        goto bad;
    return peer;
bad:
    EVP_PKEY_free(peer);
    return NULL;
}

bool ike_dh_derive(uint16_t group, EVP_PKEY *key, const uint8_t *peer_value, size_t peer_len, uint8_t *secret,
                   size_t *secret_len)
{
    const struct group *g = find(group);
    EVP_PKEY *peer = g ? peer_key(g, key, peer_value, peer_len) : NULL;
    EVP_PKEY_CTX *ctx = peer ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    size_t len = IKE_MAX_KE;
    bool ok = ctx && EVP_PKEY_derive_init(ctx) == 1;
    if (ok && strcmp(g->algorithm, "DH") == 0) {
        unsigned pad = 1; // RFC 7296 2.14: leading zeros belong to the secret
        OSSL_PARAM params[2] = {OSSL_PARAM_construct_uint(OSSL_EXCHANGE_PARAM_PAD, &pad), OSSL_PARAM_construct_end()};
        ok = EVP_PKEY_CTX_set_params(ctx, params) == 1;
    }
    ok = ok && EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, secret, &len) == 1;
    if (ok)
        *secret_len = len;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return ok;
}
