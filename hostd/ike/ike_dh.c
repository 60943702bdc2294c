// SPDX-License-Identifier: BSD-2-Clause
// Key exchange groups: X25519 (RFC 8031), ECP 256, 384, 521 (RFC 5903), MODP 1536, 2048, 3072, 4096 (RFC 3526) and
// MODP 1024 (RFC 7296 B.2). Safe in any thread.
#include "hostd/ike/ike_crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdlib.h>
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
    {"DH", "modp_2048", IKE_DH_MODP_2048, 256, false}, {"DH", "modp_3072", IKE_DH_MODP_3072, 384, false},
    {"DH", "modp_4096", IKE_DH_MODP_4096, 512, false}, {"DH", "modp_1536", IKE_DH_MODP_1536, 192, false},
    {"DH", NULL, IKE_DH_MODP_1024, 128, false}, // which OpenSSL has only as a number
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

// The parameters of MODP-1024 as a key; NULL: failed.
static EVP_PKEY *modp_1024(void)
{
    BIGNUM *p = BN_get_rfc2409_prime_1024(NULL), *g = BN_new();
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "DH", NULL);
    EVP_PKEY *key = NULL;
    if (p && g && bld && ctx && BN_set_word(g, 2) == 1 && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_P, p) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_FFC_G, g) == 1 && (params = OSSL_PARAM_BLD_to_param(bld)) != NULL &&
        EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_free(g);
    BN_free(p);
    return key;
}

// What makes keys of a group.
static EVP_PKEY_CTX *generator(const struct group *g)
{
    EVP_PKEY *params = g->id == IKE_DH_MODP_1024 ? modp_1024() : NULL;
    EVP_PKEY_CTX *ctx = g->id != IKE_DH_MODP_1024 ? EVP_PKEY_CTX_new_from_name(NULL, g->algorithm, NULL)
                        : params                  ? EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL)
                                                  : NULL;
    OSSL_PARAM name[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)g->name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_free(params); // the context has its own reference
    if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && (g->name == NULL || EVP_PKEY_CTX_set_params(ctx, name) == 1))
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

// To make a generator costs as much as a tenth of a key, and to make the peer's key anew a fiftieth: each thread keeps
// them for the groups that matter.
enum { KEPT = 2 };
struct kept {
    EVP_PKEY_CTX *generator;
    EVP_PKEY *peer; ///< has the group's parameters, and gets one public value after the other
};
static pthread_key_t kept_key;
static pthread_once_t kept_once = PTHREAD_ONCE_INIT;
static bool kept_ready;

static void kept_free(void *p)
{
    struct kept *kept = p;
    for (int i = 0; i < KEPT; i++) {
        EVP_PKEY_CTX_free(kept[i].generator);
        EVP_PKEY_free(kept[i].peer);
    }
    free(kept);
}

static void kept_init(void)
{
    kept_ready = pthread_key_create(&kept_key, kept_free) == 0;
}

// What this thread keeps of a group; NULL: nothing.
static struct kept *kept(const struct group *g)
{
    const long at = g - groups;
    pthread_once(&kept_once, kept_init);
    if (at >= KEPT || !kept_ready)
        return NULL;
    struct kept *all = pthread_getspecific(kept_key);
    if (all == NULL) {
        all = calloc(KEPT, sizeof(*all));
        if (all && pthread_setspecific(kept_key, all) != 0) {
            free(all);
            all = NULL;
        }
    }
    return all ? &all[at] : NULL;
}

EVP_PKEY *ike_dh_generate(uint16_t group, uint8_t *pub, size_t *pub_len)
{
    const struct group *g = find(group);
    EVP_PKEY *key = NULL;
    struct kept *keep = g ? kept(g) : NULL;
    EVP_PKEY_CTX *ctx = keep && keep->generator ? keep->generator : g ? generator(g) : NULL;
    uint8_t *encoded = NULL;
    size_t len = 0;
    bool ok = ctx && EVP_PKEY_generate(ctx, &key) == 1 && (len = EVP_PKEY_get1_encoded_public_key(key, &encoded)) > 0;
    ok = ok && len == g->public_len + (g->point ? 1u : 0u);
    if (ok) {
        memcpy(pub, encoded + (g->point ? 1 : 0), g->public_len);
        *pub_len = g->public_len;
    } else {
        EVP_PKEY_free(key);
        key = NULL;
    }
    OPENSSL_free(encoded);
    if (keep)
        keep->generator = ctx;
    else
        EVP_PKEY_CTX_free(ctx);
    return key;
}

// The peer's public value as a key with our key's parameters, a reference; NULL if it is not one.
static EVP_PKEY *peer_key(const struct group *g, const EVP_PKEY *ours, const uint8_t *value, size_t len)
{
    uint8_t encoded[IKE_MAX_KE + 1];
    struct kept *keep = kept(g);
    EVP_PKEY *peer = keep ? keep->peer : NULL;
    size_t n = 0;
    if (len != g->public_len)
        return NULL;
    if (peer == NULL) {
        peer = EVP_PKEY_new();
        if (peer == NULL || EVP_PKEY_copy_parameters(peer, ours) != 1)
            goto bad;
    }
    if (g->point)
        encoded[n++] = 0x04;
    memcpy(encoded + n, value, len);
    n += len;
    if (EVP_PKEY_set1_encoded_public_key(peer, encoded, n) != 1)
        goto bad; // one that was kept goes, too: nobody says what is left in it
    if (keep) {
        keep->peer = peer;
        EVP_PKEY_up_ref(peer);
    }
    return peer;
bad:
    EVP_PKEY_free(peer);
    if (keep)
        keep->peer = NULL;
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
    // Of a curve of prime order a point on the curve, which decoding has made sure of, is all that can be asked for
    // (RFC 6989 2.3); X25519 takes any value (RFC 8031 2.3). OpenSSL's check would multiply once more, as dear as the
    // exchange.
    const int check = g && !g->point && g->id != IKE_DH_X25519;
    ok = ok && EVP_PKEY_derive_set_peer_ex(ctx, peer, check) == 1 && EVP_PKEY_derive(ctx, secret, &len) == 1;
    if (ok)
        *secret_len = len;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return ok;
}
