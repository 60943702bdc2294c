// SPDX-License-Identifier: BSD-2-Clause
// Signatures in AUTH; see ike_sign.h.
#include "hostd/ike/ike_sign.h"

#include "hostd/ike/ike_const.h"
#include "hostd/util/buf.h"

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ALGORITHM = 255 }; // RFC 7427 3: its length is one byte

/// A way to sign, apart from the key.
struct scheme {
    const EVP_MD *md; ///< NULL: EdDSA
    bool pss;
    int salt; ///< PSS: bytes
};

// ---------------------------------------------------------------------------------------------- OpenSSL

static bool set_pss(EVP_PKEY_CTX *ctx, const struct scheme *s)
{
    return !s->pss ||
           (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, s->salt) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, s->md) == 1);
}

// The signature as OpenSSL writes it, and if asked its AlgorithmIdentifier. The former is to be freed.
static uint8_t *sign_raw(EVP_PKEY *key, const struct scheme *s, const uint8_t *msg, size_t len, size_t *sig_len,
                         uint8_t *algorithm, size_t *algorithm_len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    uint8_t *sig = NULL;
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, algorithm, MAX_ALGORITHM),
        OSSL_PARAM_construct_end(),
    };
    bool ok = md && EVP_DigestSignInit(md, &ctx, s->md, NULL, key) == 1 && set_pss(ctx, s) &&
              EVP_DigestSign(md, NULL, sig_len, msg, len) == 1;
    if (ok && algorithm) {
        ok = EVP_PKEY_CTX_get_params(ctx, params) == 1;
        *algorithm_len = params[0].return_size;
    }
    sig = ok ? malloc(*sig_len) : NULL;
    if (sig && EVP_DigestSign(md, sig, sig_len, msg, len) != 1) {
        free(sig);
        sig = NULL;
    }
    EVP_MD_CTX_free(md);
    return sig;
}

static bool verify_raw(EVP_PKEY *key, const struct scheme *s, const uint8_t *sig, size_t sig_len, const uint8_t *msg,
                       size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    const bool ok = md && EVP_DigestVerifyInit(md, &ctx, s->md, NULL, key) == 1 && set_pss(ctx, s) &&
                    EVP_DigestVerify(md, sig, sig_len, msg, len) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

// ---------------------------------------------------------------------------------------------- which hash

static const EVP_MD *hash_md(unsigned hash)
{
    switch (hash) {
    case IKE_HASH_SHA2_256:
        return EVP_sha256();
    case IKE_HASH_SHA2_384:
        return EVP_sha384();
    case IKE_HASH_SHA2_512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

// The hash that suits the key's strength, or else one that the peer takes; 0: none.
static unsigned choose_hash(EVP_PKEY *key, uint16_t hashes)
{
    const int type = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_security_bits(key);
    if (type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448)
        return hashes & 1 << IKE_HASH_IDENTITY ? IKE_HASH_IDENTITY : 0;
    const unsigned best = bits > 192 ? IKE_HASH_SHA2_512 : bits > 128 ? IKE_HASH_SHA2_384 : IKE_HASH_SHA2_256;
    for (unsigned h = best; h <= IKE_HASH_SHA2_512; h++) {
        if (hashes & 1 << h)
            return h;
    }
    for (unsigned h = best; h >= IKE_HASH_SHA2_256; h--) {
        if (hashes & 1 << h)
            return h;
    }
    return 0;
}

// ---------------------------------------------------------------------------------------------- RFC 4754

struct curve {
    uint8_t method;
    size_t bits, size; ///< of a coordinate: bits, bytes
    const EVP_MD *(*md)(void);
};

static const struct curve curves[] = {
    {IKE_AUTH_ECDSA_256, 256, 32, EVP_sha256},
    {IKE_AUTH_ECDSA_384, 384, 48, EVP_sha384},
    {IKE_AUTH_ECDSA_521, 521, 66, EVP_sha512},
};

static const struct curve *curve_of(EVP_PKEY *key)
{
    for (size_t i = 0; EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && i < sizeof(curves) / sizeof(curves[0]); i++) {
        if ((size_t)EVP_PKEY_get_bits(key) == curves[i].bits)
            return &curves[i];
    }
    return NULL;
}

// OpenSSL's DER to r | s of fixed size; NULL: failed. To be freed.
static uint8_t *ecdsa_to_wire(const uint8_t *der, size_t len, const struct curve *c)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
    uint8_t *out = sig ? malloc(2 * c->size) : NULL;
    if (out && (BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)c->size) < 0 ||
                BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + c->size, (int)c->size) < 0)) {
        free(out);
        out = NULL;
    }
    ECDSA_SIG_free(sig);
    return out;
}

// And back; *der is OpenSSL's.
static int ecdsa_from_wire(const uint8_t *rs, const struct curve *c, uint8_t **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(rs, (int)c->size, NULL), *s = BN_bin2bn(rs + c->size, (int)c->size, NULL);
    int len = -1;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
        len = i2d_ECDSA_SIG(sig, der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return len;
}

// ---------------------------------------------------------------------------------------------- signing

static bool sign_digital(EVP_PKEY *key, uint16_t hashes, const uint8_t *msg, size_t len, uint8_t **auth,
                         size_t *auth_len)
{
    uint8_t algorithm[MAX_ALGORITHM];
    size_t algorithm_len = 0, sig_len = 0;
    const unsigned hash = choose_hash(key, hashes);
    const EVP_MD *md = hash_md(hash);
    const struct scheme s = {
        .md = md,
        .pss = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA,
        .salt = md ? EVP_MD_get_size(md) : 0,
    };
    if (hash == 0)
        return false;
    uint8_t *sig = sign_raw(key, &s, msg, len, &sig_len, algorithm, &algorithm_len);
    *auth = sig && algorithm_len <= MAX_ALGORITHM ? malloc(1 + algorithm_len + sig_len) : NULL;
    if (*auth) {
        *auth_len = 1 + algorithm_len + sig_len;
        (*auth)[0] = (uint8_t)algorithm_len;
        memcpy(*auth + 1, algorithm, algorithm_len);
        memcpy(*auth + 1 + algorithm_len, sig, sig_len);
    }
    free(sig);
    return *auth != NULL;
}

static bool sign_old(EVP_PKEY *key, const uint8_t *msg, size_t len, uint8_t *method, uint8_t **auth, size_t *auth_len)
{
    const struct curve *c = curve_of(key);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
        const struct scheme s = {.md = EVP_sha1()};
        *method = IKE_AUTH_RSA;
        *auth = sign_raw(key, &s, msg, len, auth_len, NULL, NULL);
        return *auth != NULL;
    }
    if (c == NULL)
        return false;
    const struct scheme s = {.md = c->md()};
    size_t der_len = 0;
    uint8_t *der = sign_raw(key, &s, msg, len, &der_len, NULL, NULL);
    *method = c->method;
    *auth = der ? ecdsa_to_wire(der, der_len, c) : NULL;
    *auth_len = 2 * c->size;
    free(der);
    return *auth != NULL;
}

bool ike_sign(EVP_PKEY *key, uint16_t hashes, const uint8_t *msg, size_t len, uint8_t *method, uint8_t **auth,
              size_t *auth_len)
{
    *auth = NULL;
    *auth_len = 0;
    if (hashes == 0)
        return sign_old(key, msg, len, method, auth, auth_len);
    *method = IKE_AUTH_SIGNATURE;
    return sign_digital(key, hashes, msg, len, auth, auth_len);
}

// ---------------------------------------------------------------------------------------------- verifying

// The hash of an AlgorithmIdentifier that names one; NULL: none that we take.
static const EVP_MD *algor_md(const X509_ALGOR *a)
{
    const ASN1_OBJECT *oid = NULL;
    if (a == NULL)
        return NULL;
    X509_ALGOR_get0(&oid, NULL, NULL, a);
    switch (OBJ_obj2nid(oid)) {
    case NID_sha256:
        return EVP_sha256();
    case NID_sha384:
        return EVP_sha384();
    case NID_sha512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

// RSASSA-PSS-params (RFC 4055). What is left out means SHA-1, which we do not take.
static bool pss_scheme(const X509_ALGOR *a, struct scheme *s)
{
    const void *value = NULL;
    int type = 0;
    X509_ALGOR_get0(NULL, &type, &value, a);
    RSA_PSS_PARAMS *p = type == V_ASN1_SEQUENCE ? ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS)) : NULL;
    bool ok = false;
    if (p && p->hashAlgorithm && p->maskGenAlgorithm && p->saltLength &&
        (p->trailerField == NULL || ASN1_INTEGER_get(p->trailerField) == 1)) {
        const ASN1_OBJECT *mgf = NULL;
        X509_ALGOR_get0(&mgf, &type, &value, p->maskGenAlgorithm);
        X509_ALGOR *mask = OBJ_obj2nid(mgf) == NID_mgf1 && type == V_ASN1_SEQUENCE
                               ? ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR))
                               : NULL;
        const long salt = ASN1_INTEGER_get(p->saltLength);
        s->pss = true;
        s->md = algor_md(p->hashAlgorithm);
        s->salt = (int)salt;
        ok = s->md && algor_md(mask) == s->md && salt >= 0 && salt <= EVP_MAX_MD_SIZE;
        X509_ALGOR_free(mask);
    }
    RSA_PSS_PARAMS_free(p);
    return ok;
}

// The scheme that an AlgorithmIdentifier names and the type of key that it goes with; false: none that we take.
static bool named_scheme(const X509_ALGOR *a, struct scheme *s, int *key_type)
{
    static const struct {
        int nid, key_type;
        const EVP_MD *(*md)(void);
    } plain[] = {
        {NID_sha256WithRSAEncryption, EVP_PKEY_RSA, EVP_sha256},
        {NID_sha384WithRSAEncryption, EVP_PKEY_RSA, EVP_sha384},
        {NID_sha512WithRSAEncryption, EVP_PKEY_RSA, EVP_sha512},
        {NID_ecdsa_with_SHA256, EVP_PKEY_EC, EVP_sha256},
        {NID_ecdsa_with_SHA384, EVP_PKEY_EC, EVP_sha384},
        {NID_ecdsa_with_SHA512, EVP_PKEY_EC, EVP_sha512},
        {NID_ED25519, EVP_PKEY_ED25519, NULL},
        {NID_ED448, EVP_PKEY_ED448, NULL},
    };
    const ASN1_OBJECT *oid = NULL;
    memset(s, 0, sizeof(*s));
    X509_ALGOR_get0(&oid, NULL, NULL, a);
    const int nid = OBJ_obj2nid(oid);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (plain[i].nid == nid) {
            s->md = plain[i].md ? plain[i].md() : NULL;
            *key_type = plain[i].key_type;
            return true;
        }
    }
    *key_type = EVP_PKEY_RSA;
    return nid == NID_rsassaPss && pss_scheme(a, s);
}

static const char *verify_digital(EVP_PKEY *key, const uint8_t *auth, size_t auth_len, const uint8_t *msg, size_t len)
{
    struct buf b;
    struct scheme s;
    int key_type = 0;
    buf_init(&b, auth, auth_len);
    const size_t algorithm_len = buf_u8(&b);
    const uint8_t *at = buf_take(&b, algorithm_len), *end = at;
    const size_t sig_len = buf_left(&b);
    const uint8_t *sig = buf_take(&b, sig_len);
    if (!buf_ok(&b) || algorithm_len == 0 || sig_len == 0)
        return "the signature is too short";
    X509_ALGOR *a = d2i_X509_ALGOR(NULL, &end, (long)algorithm_len);
    const bool known = a && end == at + algorithm_len && named_scheme(a, &s, &key_type);
    X509_ALGOR_free(a);
    if (!known)
        return "it is signed by an algorithm that we do not take";
    if (EVP_PKEY_get_base_id(key) != key_type)
        return "the signature's algorithm does not go with the certificate's key";
    return verify_raw(key, &s, sig, sig_len, msg, len) ? NULL : "the signature is wrong";
}

static const char *verify_rsa(EVP_PKEY *key, const uint8_t *auth, size_t auth_len, const uint8_t *msg, size_t len)
{
    // The method names no hash: SHA-1 is the RFC's, but peers sign with stronger ones as it allows.
    const EVP_MD *const mds[] = {EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return "it is signed by RSA, and the certificate's key is no RSA key";
    for (size_t i = 0; i < sizeof(mds) / sizeof(mds[0]); i++) {
        const struct scheme s = {.md = mds[i]};
        if (verify_raw(key, &s, auth, auth_len, msg, len))
            return NULL;
    }
    return "the signature is wrong";
}

static const char *verify_ecdsa(EVP_PKEY *key, uint8_t method, const uint8_t *auth, size_t auth_len, const uint8_t *msg,
                                size_t len)
{
    const struct curve *c = curve_of(key);
    if (c == NULL || c->method != method)
        return "the method does not go with the certificate's key";
    if (auth_len != 2 * c->size)
        return "length of the signature";
    const struct scheme s = {.md = c->md()};
    uint8_t *der = NULL;
    const int der_len = ecdsa_from_wire(auth, c, &der);
    const bool ok = der_len > 0 && verify_raw(key, &s, der, (size_t)der_len, msg, len);
    OPENSSL_free(der);
    return ok ? NULL : "the signature is wrong";
}

const char *ike_sign_verify(EVP_PKEY *key, uint8_t method, const uint8_t *auth, size_t auth_len, const uint8_t *msg,
                            size_t len)
{
    switch (method) {
    case IKE_AUTH_RSA:
        return verify_rsa(key, auth, auth_len, msg, len);
    case IKE_AUTH_ECDSA_256:
    case IKE_AUTH_ECDSA_384:
    case IKE_AUTH_ECDSA_521:
        return verify_ecdsa(key, method, auth, auth_len, msg, len);
    case IKE_AUTH_SIGNATURE:
        return verify_digital(key, auth, auth_len, msg, len);
    default:
        return "the method of authentication is none that we know";
    }
}

bool ike_sign_is_cheap(const EVP_PKEY *key, bool signing)
{
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        return !signing && EVP_PKEY_get_bits(key) <= 4096;
    case EVP_PKEY_EC:
        return EVP_PKEY_get_bits(key) <= 256;
    case EVP_PKEY_ED25519:
        return true;
    default:
        return false;
    }
}
