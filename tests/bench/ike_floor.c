// SPDX-License-Identifier: BSD-2-Clause
// The bare OpenSSL cost of the operations that a responder needs for one set-up, in milliseconds of one core: what no
// responder on this OpenSSL can be below.
//   ike_floor GROUP CHILD AUTH     x25519 or ecp256; with a CHILD_SA or without (1, 0); psk, ecdsa256 or rsa2048
// AES-GCM-256, PRF SHA-384. Algorithms are fetched once, contexts are used again, so that this is as
// fast as EVP goes:
//   IKE_SA_INIT  key pair, shared secret, SKEYSEED, prf+ of 216 bytes, 4 SHA-1 (NAT detection), nonce and SPI
//   IKE_AUTH     one message opened, two AUTH of three PRFs each, one message sealed
//                with certificates a signature and a verification instead (RSA-PSS, SHA-256); decoding the peer's
//                certificate and verifying its chain is not counted
//   CHILD_SA     prf+ of 72 bytes, an SPI, the two ciphers keyed, which stay as long as the SA: each has memory of its
//   own,
//                and their release is not counted
#include <malloc.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 9, SETUPS = 400, HASH = 48, INIT = 300, AUTH_BODY = 220, ID = 16 };

struct tools {
    EVP_MAC_CTX *prf;
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *cipher;
    EVP_MD *sha1;
    EVP_MD_CTX *md;
    EVP_PKEY *signer; // NULL: pre-shared key
    uint8_t signature[512];
    size_t signature_len;
    EVP_PKEY *peer;
    uint8_t *encoded; // its public value
    size_t encoded_len;
    EVP_PKEY_CTX *keygen;
    EVP_CIPHER_CTX *esp[2 * SETUPS]; // of the CHILD_SAs
    size_t n_esp;
    uint8_t clear[AUTH_BODY], sealed[AUTH_BODY], tag[16];
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool prf(struct tools *t, const uint8_t *key, size_t key_len, const uint8_t *data, size_t len, uint8_t *out)
{
    size_t n;
    return EVP_MAC_init(t->prf, key, key_len, NULL) == 1 && EVP_MAC_update(t->prf, data, len) == 1 &&
           EVP_MAC_final(t->prf, out, &n, HASH) == 1;
}

static bool prf_plus(struct tools *t, const uint8_t *key, size_t want)
{
    uint8_t in[HASH + 32 + 32 + 16 + 1] = {0}, out[HASH];
    for (size_t n = 0; n < want; n += HASH) {
        // the key is set once
        if (!prf(t, n == 0 ? key : NULL, n == 0 ? HASH : 0, in, n == 0 ? sizeof(in) - HASH : sizeof(in), out))
            return false;
        memcpy(in, out, HASH);
    }
    return true;
}

// Seal a message, or open what was sealed last.
static bool protect(struct tools *t, bool sealing)
{
    static const uint8_t key[32], iv[12], aad[32];
    const uint8_t *in = sealing ? t->clear : t->sealed;
    uint8_t *out = sealing ? t->sealed : t->clear;
    int n;
    return EVP_CipherInit_ex2(t->cipher, t->gcm, key, iv, sealing, NULL) == 1 &&
           (sealing || EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_SET_TAG, sizeof(t->tag), t->tag) == 1) &&
           EVP_CipherUpdate(t->cipher, NULL, &n, aad, sizeof(aad)) == 1 &&
           EVP_CipherUpdate(t->cipher, out, &n, in, AUTH_BODY) == 1 &&
           EVP_CipherFinal_ex(t->cipher, out + n, &n) == 1 &&
           (!sealing || EVP_CIPHER_CTX_ctrl(t->cipher, EVP_CTRL_AEAD_GET_TAG, sizeof(t->tag), t->tag) == 1);
}

static bool exchange(struct tools *t)
{
    uint8_t secret[64], *encoded = NULL;
    size_t len = sizeof(secret);
    EVP_PKEY *ours = NULL;
    bool ok = EVP_PKEY_generate(t->keygen, &ours) == 1 && EVP_PKEY_get1_encoded_public_key(ours, &encoded) > 0;
    EVP_PKEY_CTX *ctx = ok ? EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL) : NULL;
    EVP_PKEY *peer = EVP_PKEY_new(); // decoding makes sure that it is a point of the curve
    ok = ctx && peer && EVP_PKEY_copy_parameters(peer, ours) == 1 &&
         EVP_PKEY_set1_encoded_public_key(peer, t->encoded, t->encoded_len) == 1 && EVP_PKEY_derive_init(ctx) == 1 &&
         EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1 && EVP_PKEY_derive(ctx, secret, &len) == 1;
    EVP_PKEY_free(peer);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(ours);
    OPENSSL_free(encoded);
    return ok;
}

static bool auth(struct tools *t)
{
    static const uint8_t message[INIT + 32 + HASH];
    uint8_t key[HASH], maced[HASH], out[HASH];
    return prf(t, message, 18, message, 17, key) && prf(t, key, HASH, message, ID, maced) &&
           prf(t, key, HASH, message, sizeof(message), out);
}

static EVP_MD_CTX *signing(struct tools *t, bool sign)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    EVP_PKEY_CTX *p = NULL;
    bool ok = c && (sign ? EVP_DigestSignInit(c, &p, EVP_sha256(), NULL, t->signer)
                         : EVP_DigestVerifyInit(c, &p, EVP_sha256(), NULL, t->signer)) == 1;
    if (ok && EVP_PKEY_get_base_id(t->signer) == EVP_PKEY_RSA)
        ok = EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST) == 1;
    if (ok)
        return c;
    EVP_MD_CTX_free(c);
    return NULL;
}

// Each AUTH has its own identity's PRF; then one is signed and one verified.
static bool auth_signed(struct tools *t)
{
    static const uint8_t message[INIT + 32 + HASH];
    uint8_t maced[HASH];
    EVP_MD_CTX *s = signing(t, true), *v = signing(t, false);
    t->signature_len = sizeof(t->signature);
    bool ok = s && v && prf(t, message, HASH, message, ID, maced) && prf(t, message, HASH, message, ID, maced) &&
              EVP_DigestSign(s, t->signature, &t->signature_len, message, sizeof(message)) == 1 &&
              EVP_DigestVerify(v, t->signature, t->signature_len, message, sizeof(message)) == 1;
    EVP_MD_CTX_free(s);
    EVP_MD_CTX_free(v);
    return ok;
}

static bool setup(struct tools *t, bool child)
{
    uint8_t random[32 + 8 + 8], key[HASH] = {0}, digest[20];
    bool ok = exchange(t) && RAND_priv_bytes(random, sizeof(random)) == 1 && prf(t, random, 64 - 16, key, 32, key) &&
              prf_plus(t, key, 216);
    for (int i = 0; ok && i < 4; i++)
        ok = EVP_DigestInit_ex2(t->md, t->sha1, NULL) == 1 && EVP_DigestUpdate(t->md, random, 22) == 1 &&
             EVP_DigestFinal_ex(t->md, digest, NULL) == 1;
    ok = ok && protect(t, false) && (t->signer ? auth_signed(t) : auth(t) && auth(t)) && protect(t, true);
    if (!child)
        return ok;
    ok = ok && RAND_bytes(random, 4) == 1 && prf_plus(t, key, 72);
    for (int i = 0; ok && i < 2; i++) {
        EVP_CIPHER_CTX *c = t->esp[t->n_esp++] = EVP_CIPHER_CTX_new();
        ok = c && EVP_CipherInit_ex2(c, t->gcm, key, NULL, i, NULL) == 1;
    }
    return ok;
}

// A sample begins with no SAs, and with as little memory as a responder that has just been started.
static void forget_children(struct tools *t)
{
    while (t->n_esp > 0)
        EVP_CIPHER_CTX_free(t->esp[--t->n_esp]);
    malloc_trim(0);
}

static bool open_tools(struct tools *t, const char *group)
{
    bool ec = strcmp(group, "ecp256") == 0;
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM sha[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA2-384"}, 0),
                        OSSL_PARAM_construct_end()};
    OSSL_PARAM curve[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 0),
                          OSSL_PARAM_construct_end()};
    t->prf = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    t->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    t->cipher = EVP_CIPHER_CTX_new();
    t->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    t->md = EVP_MD_CTX_new();
    t->keygen = EVP_PKEY_CTX_new_from_name(NULL, ec ? "EC" : "X25519", NULL);
    return t->prf && EVP_MAC_CTX_set_params(t->prf, sha) == 1 && t->gcm && t->cipher && t->sha1 && t->md && t->keygen &&
           EVP_PKEY_keygen_init(t->keygen) == 1 && (!ec || EVP_PKEY_CTX_set_params(t->keygen, curve) == 1) &&
           EVP_PKEY_generate(t->keygen, &t->peer) == 1 &&
           (t->encoded_len = EVP_PKEY_get1_encoded_public_key(t->peer, &t->encoded)) > 0 && protect(t, true);
}

static void close_tools(struct tools *t)
{
    EVP_MAC_CTX_free(t->prf);
    EVP_CIPHER_free(t->gcm);
    EVP_CIPHER_CTX_free(t->cipher);
    EVP_MD_free(t->sha1);
    EVP_MD_CTX_free(t->md);
    EVP_PKEY_free(t->peer);
    EVP_PKEY_free(t->signer);
    OPENSSL_free(t->encoded);
    EVP_PKEY_CTX_free(t->keygen);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    static struct tools t;
    double ms[SAMPLES];
    if (argc != 4) {
        fprintf(stderr, "usage: ike_floor x25519|ecp256 0|1 psk|ecdsa256|rsa2048\n");
        return 2;
    }
    bool ok = open_tools(&t, argv[1]);
    if (strcmp(argv[3], "ecdsa256") == 0)
        t.signer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    else if (strcmp(argv[3], "rsa2048") == 0)
        t.signer = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    for (int s = 0; ok && s < SAMPLES; s++) {
        double start = now_ms();
        for (int i = 0; ok && i < SETUPS; i++)
            ok = setup(&t, argv[2][0] == '1');
        ms[s] = (now_ms() - start) / SETUPS;
        forget_children(&t);
    }
    forget_children(&t);
    close_tools(&t);
    if (!ok) {
        fprintf(stderr, "ike_floor: OpenSSL failed\n");
        return 1;
    }
    qsort(ms, SAMPLES, sizeof(ms[0]), by_value);
    printf("%.5f\n", ms[SAMPLES / 2]);
    return 0;
}
