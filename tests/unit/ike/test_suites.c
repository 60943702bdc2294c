// SPDX-License-Identifier: BSD-2-Clause
// Every algorithm: messages sealed against OpenSSL's functions used directly and against published ones, exchanges with
// each suite and group, and what negotiation makes of proposals that are not as they should be.
#include "hostd/ike/ike_crypto.h"
#include "hostd/ike/ike_proposal.h"
#include "tests/unit/ike/lab.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static const struct cipher {
    uint16_t id, bits;
    const EVP_CIPHER *(*evp)(void);
    uint16_t key, salt, iv, block;
    bool aead, ike;
} ciphers[] = {
    {IKE_ENCR_AES_GCM_16, 128, EVP_aes_128_gcm, 16, 4, 8, 1, true, true},
    {IKE_ENCR_AES_GCM_16, 192, EVP_aes_192_gcm, 24, 4, 8, 1, true, true},
    {IKE_ENCR_AES_GCM_16, 256, EVP_aes_256_gcm, 32, 4, 8, 1, true, true},
    {IKE_ENCR_CHACHA20_POLY1305, 0, EVP_chacha20_poly1305, 32, 4, 8, 1, true, true},
    {IKE_ENCR_AES_CTR, 128, EVP_aes_128_ctr, 16, 4, 8, 1, false, true},
    {IKE_ENCR_AES_CTR, 192, EVP_aes_192_ctr, 24, 4, 8, 1, false, true},
    {IKE_ENCR_AES_CTR, 256, EVP_aes_256_ctr, 32, 4, 8, 1, false, true},
    {IKE_ENCR_AES_CBC, 128, EVP_aes_128_cbc, 16, 0, 16, 16, false, true},
    {IKE_ENCR_AES_CBC, 192, EVP_aes_192_cbc, 24, 0, 16, 16, false, true},
    {IKE_ENCR_AES_CBC, 256, EVP_aes_256_cbc, 32, 0, 16, 16, false, true},
    {IKE_ENCR_3DES, 0, EVP_des_ede3_cbc, 24, 0, 8, 8, false, true},
    {IKE_ENCR_NULL, 0, EVP_enc_null, 0, 0, 0, 1, false, false},
};
static const struct hash {
    uint16_t integ, prf;
    const EVP_MD *(*md)(void);
    uint16_t key, icv;
} hashes[] = {
    {IKE_INTEG_HMAC_MD5_96, IKE_PRF_HMAC_MD5, EVP_md5, 16, 12},
    {IKE_INTEG_HMAC_SHA1_96, IKE_PRF_HMAC_SHA1, EVP_sha1, 20, 12},
    {IKE_INTEG_HMAC_SHA2_256_128, IKE_PRF_HMAC_SHA2_256, EVP_sha256, 32, 16},
    {IKE_INTEG_HMAC_SHA2_384_192, IKE_PRF_HMAC_SHA2_384, EVP_sha384, 48, 24},
    {IKE_INTEG_HMAC_SHA2_512_256, IKE_PRF_HMAC_SHA2_512, EVP_sha512, 64, 32},
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum { HASHES = COUNT(hashes), SUITES = COUNT(ciphers) * HASHES };

// The n-th pair of a cipher and a hash; false: it is an AEAD cipher, and this pair the same suite as one before.
static bool pair(size_t n, const struct cipher **c, const struct hash **h)
{
    *c = &ciphers[n / HASHES];
    *h = &hashes[n % HASHES];
    return !(*c)->aead || n % HASHES == 0;
}

static size_t hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; text[2 * n]; n++) {
        const char two[3] = {text[2 * n], text[2 * n + 1], 0};
        out[n] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

// ---------------------------------------------------------------------------------------------- sealing

// A protected message as RFC 7296 3.14, RFC 5282, RFC 5930 and RFC 7634 have it. `msg` holds aad bytes. Its length.
static size_t seal_by_hand(const struct cipher *c, const struct hash *h, const uint8_t *ekey, const uint8_t *akey,
                           uint8_t *msg, size_t aad, const uint8_t *plain, size_t len, const uint8_t *iv)
{
    uint8_t nonce[20] = {0}, text[300], icv[64];
    size_t pad = 0;
    int n = 0, m = 0;
    while ((len + pad + 1) % c->block)
        pad++;
    memcpy(text, plain, len);
    memset(text + len, 0, pad);
    text[len + pad] = (uint8_t)pad;
    memcpy(nonce, ekey + c->key, c->salt);
    memcpy(nonce + c->salt, iv, c->iv);
    if (c->id == IKE_ENCR_AES_CTR)
        nonce[15] = 1;
    memcpy(msg + aad, iv, c->iv);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(ctx, c->evp(), NULL, ekey, nonce), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    if (c->aead)
        EVP_EncryptUpdate(ctx, NULL, &n, msg, (int)aad);
    EVP_EncryptUpdate(ctx, msg + aad + c->iv, &n, text, (int)(len + pad + 1));
    EVP_EncryptFinal_ex(ctx, msg + aad + c->iv + n, &m);
    const size_t end = aad + c->iv + len + pad + 1;
    size_t icv_len = c->aead ? 16 : h->icv;
    if (c->aead) {
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, icv);
    } else {
        unsigned got = sizeof(icv);
        HMAC(h->md(), akey, h->key, msg, end, icv, &got);
    }
    EVP_CIPHER_CTX_free(ctx);
    memcpy(msg + end, icv, icv_len);
    return end + icv_len;
}

static void every_suite_seals_as_openssl_does(void **state)
{
    (void)state;
    struct ike_crypto *crypto = ike_crypto_new();
    uint8_t ekey[36], akey[64], plain[140], ours[400], theirs[400], out[400], iv[16];
    assert_non_null(crypto);
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 5);
    for (size_t i = 0; i < sizeof(ekey); i++)
        ekey[i] = (uint8_t)(i * 11 + 1);
    for (size_t i = 0; i < sizeof(akey); i++)
        akey[i] = (uint8_t)(i * 3 + 2);
    for (size_t i = 0; i < sizeof(iv); i++)
        iv[i] = (uint8_t)(0xf0 - i);
    for (size_t n = 0; n < SUITES; n++) {
        const struct cipher *c;
        const struct hash *h;
        if (!pair(n, &c, &h) || !c->ike)
            continue;
        const struct ike_suite s = {.encr = c->id, .encr_bits = c->bits, .integ = c->aead ? 0 : h->integ};
        assert_int_equal(ike_encr_key_len(c->id, c->bits), c->key + c->salt);
        assert_int_equal(ike_encr_is_aead(c->id), c->aead);
        assert_int_equal(ike_encr_counts(c->id), c->block == 1);
        for (size_t len = 0; len <= sizeof(plain); len++) {
            const size_t aad = 32, total = aad + ike_sealed_len(&s, len);
            size_t got = 0;
            memset(ours, 0x5a, sizeof(ours));
            memset(theirs, 0x5a, sizeof(theirs));
            assert_true(ike_seal(crypto, &s, ekey, akey, ours, aad, plain, len, iv));
            assert_int_equal(seal_by_hand(c, h, ekey, akey, theirs, aad, plain, len, iv), total);
            assert_memory_equal(ours, theirs, sizeof(ours));
            assert_true(ike_open(crypto, &s, ekey, akey, theirs, total, aad, out, &got));
            assert_int_equal(got, len);
            assert_memory_equal(out, plain, len);
            for (size_t at = len % 3; at < total; at += 3) {
                theirs[at] ^= (uint8_t)(1 << at % 8);
                assert_false(ike_open(crypto, &s, ekey, akey, theirs, total, aad, out, &got));
                theirs[at] ^= (uint8_t)(1 << at % 8);
            }
            for (size_t cut = aad; len % 20 == 0 && cut < total; cut++)
                assert_false(ike_open(crypto, &s, ekey, akey, theirs, cut, aad, out, &got));
        }
        for (size_t room = 0; room < 300; room++) { // as much as is said to fit, and not a byte more
            const size_t fit = ike_sealed_fit(&s, room);
            assert_true(fit == 0 || ike_sealed_len(&s, fit) <= room);
            assert_true(room < 80 || (fit > 0 && ike_sealed_len(&s, fit + 1) > room));
        }
    }
    // No suite of IKE.
    const struct ike_suite wrong[] = {{.encr = IKE_ENCR_NULL, .integ = IKE_INTEG_HMAC_SHA2_256_128},
                                      {.encr = IKE_ENCR_AES_CBC, .encr_bits = 128},
                                      {.encr = IKE_ENCR_AES_CTR, .encr_bits = 160, .integ = IKE_INTEG_HMAC_SHA1_96},
                                      {.encr = 99, .encr_bits = 128}};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        size_t got;
        assert_int_equal(ike_sealed_len(&wrong[i], 10), 0);
        assert_false(ike_seal(crypto, &wrong[i], ekey, akey, ours, 32, plain, 10, iv));
        assert_false(ike_open(crypto, &wrong[i], ekey, akey, ours, 200, 32, out, &got));
    }
    ike_crypto_free(crypto);
}

// RFC 7634 appendix B.
static void chacha20_published_message(void **state)
{
    (void)state;
    struct ike_crypto *crypto = ike_crypto_new();
    const struct ike_suite s = {.encr = IKE_ENCR_CHACHA20_POLY1305};
    uint8_t key[36], iv[16] = {0}, plain[12], msg[100], want[100];
    size_t len;
    hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3", key);
    hex("1011121314151617", iv);
    hex("0000000c000040010000000a", plain);
    const size_t aad = hex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029", msg);
    const size_t total = hex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029"
                             "1011121314151617"
                             "610394701f8d017f7c12924889"
                             "6b71bfe25236efd7cdc67066906315b2",
                             want);
    assert_int_equal(aad + ike_sealed_len(&s, 12), total);
    assert_true(ike_seal(crypto, &s, key, NULL, msg, aad, plain, 12, iv));
    assert_memory_equal(msg, want, total);
    uint8_t out[100];
    assert_true(ike_open(crypto, &s, key, NULL, want, total, aad, out, &len));
    assert_int_equal(len, 12);
    assert_memory_equal(out, plain, 12);
    ike_crypto_free(crypto);
}

// RFC 3686 6, test vectors 1, 4 and 7: the first 16 bytes of ciphertext.
static void aes_ctr_published_answers(void **state)
{
    (void)state;
    static const struct {
        uint16_t bits;
        const char *key, *iv, *text;
    } rows[] = {
        {128, "ae6852f8121067cc4bf7a5765577f39e00000030", "0000000000000000", "e4095d4fb7a7b3792d6175a3261311b8"},
        {192, "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb7851500000048", "36733c147d6d93cb",
         "4b55384fe259c9c84e7935a003cbe928"},
        {256, "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c10400000060", "db5672c97aa8f0b2",
         "145ad01dbf824ec7560863dc71e3e0c0"},
    };
    struct ike_crypto *crypto = ike_crypto_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ike_suite s = {
            .encr = IKE_ENCR_AES_CTR, .encr_bits = rows[i].bits, .integ = IKE_INTEG_HMAC_SHA1_96};
        uint8_t key[36], iv[16] = {0}, want[16], msg[100] = {0}, akey[64] = {0};
        hex(rows[i].key, key);
        hex(rows[i].iv, iv);
        hex(rows[i].text, want);
        assert_true(ike_seal(crypto, &s, key, akey, msg, 32, (const uint8_t *)"Single block msg", 16, iv));
        assert_memory_equal(msg + 40, want, 16);
    }
    ike_crypto_free(crypto);
}

// RFC 2202 2 and 3, RFC 4231 4.3: "Jefe".
static void every_prf_published_answers(void **state)
{
    (void)state;
    static const struct {
        uint16_t prf;
        const char *want;
    } rows[] = {
        {IKE_PRF_HMAC_MD5, "750c783e6ab0b503eaa86e310a5db738"},
        {IKE_PRF_HMAC_SHA1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {IKE_PRF_HMAC_SHA2_256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {IKE_PRF_HMAC_SHA2_384,
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
        {IKE_PRF_HMAC_SHA2_512, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f"
                                "65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    };
    struct ike_crypto *crypto = ike_crypto_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t want[64], got[64];
        const struct ike_bytes text = {(const uint8_t *)"what do ya want for nothing?", 28};
        assert_int_equal(ike_prf_len(rows[i].prf), hex(rows[i].want, want));
        assert_true(ike_prf(crypto, rows[i].prf, "Jefe", 4, &text, 1, got));
        assert_memory_equal(got, want, ike_prf_len(rows[i].prf));
    }
    ike_crypto_free(crypto);
}

// RFC 3526, RFC 7296 B.2: the public value is 2^x, the secret y^x, both as long as the prime, worked out with numbers.
static void modp_groups_are_those_of_the_rfcs(void **state)
{
    (void)state;
    static const struct {
        uint16_t group;
        BIGNUM *(*prime)(BIGNUM *);
        size_t len;
    } rows[] = {{IKE_DH_MODP_1024, BN_get_rfc2409_prime_1024, 128},
                {IKE_DH_MODP_1536, BN_get_rfc3526_prime_1536, 192},
                {IKE_DH_MODP_2048, BN_get_rfc3526_prime_2048, 256},
                {IKE_DH_MODP_3072, BN_get_rfc3526_prime_3072, 384},
                {IKE_DH_MODP_4096, BN_get_rfc3526_prime_4096, 512}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        BN_CTX *ctx = BN_CTX_new();
        BIGNUM *p = rows[i].prime(NULL), *g = BN_new(), *x = NULL, *r = BN_new(), *y = BN_new();
        uint8_t pub[IKE_MAX_KE], secret[IKE_MAX_KE], peer[IKE_MAX_KE], want[IKE_MAX_KE];
        size_t len = 0, got = 0;
        EVP_PKEY *key = ike_dh_generate(rows[i].group, pub, &len);
        assert_non_null(key);
        assert_int_equal(len, rows[i].len);
        assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &x), 1);
        BN_set_word(g, 2);
        BN_mod_exp(r, g, x, p, ctx);
        assert_int_equal(BN_bn2binpad(r, want, (int)len), (int)len);
        assert_memory_equal(pub, want, len);
        // A peer whose value is 2^3: its secret with us is 2^(3x).
        BN_set_word(y, 8);
        BN_bn2binpad(y, peer, (int)len);
        BN_mod_exp(r, y, x, p, ctx);
        BN_bn2binpad(r, want, (int)len);
        assert_true(ike_dh_derive(rows[i].group, key, peer, len, secret, &got));
        assert_int_equal(got, len);
        assert_memory_equal(secret, want, len);
        // p - 1 and more are no members.
        BN_sub(y, p, BN_value_one());
        BN_bn2binpad(y, peer, (int)len);
        assert_false(ike_dh_derive(rows[i].group, key, peer, len, secret, &got));
        BN_bn2binpad(p, peer, (int)len);
        assert_false(ike_dh_derive(rows[i].group, key, peer, len, secret, &got));
        EVP_PKEY_free(key);
        BN_clear_free(x);
        BN_free(y);
        BN_free(r);
        BN_free(g);
        BN_free(p);
        BN_CTX_free(ctx);
    }
}

// ---------------------------------------------------------------------------------------------- exchanges

static void only_ike(struct ike_profile *p, const struct ike_suite *s)
{
    memset(p->ike, 0, sizeof(p->ike));
    p->n_ike = 1;
    p->ike[0] = (struct ike_proposal){.encr = {{s->encr, s->encr_bits}},
                                      .prf = {s->prf},
                                      .integ = {s->integ},
                                      .group = {s->group},
                                      .n_encr = 1,
                                      .n_prf = 1,
                                      .n_integ = s->integ != 0,
                                      .n_group = 1};
}

static void only_esp(struct ike_profile *p, const struct ike_suite *s)
{
    memset(p->esp, 0, sizeof(p->esp));
    p->n_esp = 1;
    p->esp[0] = (struct ike_proposal){.encr = {{s->encr, s->encr_bits}},
                                      .integ = {s->integ},
                                      .group = {s->group},
                                      .n_encr = 1,
                                      .n_integ = s->integ != 0,
                                      .n_group = s->group != 0,
                                      .esn_yes = s->esn,
                                      .esn_no = !s->esn};
}

static void assert_suite(const struct ike_suite *is, const struct ike_suite *want)
{
    assert_int_equal(is->encr, want->encr);
    assert_int_equal(is->encr_bits, want->encr_bits);
    assert_int_equal(is->integ, want->integ);
    assert_int_equal(is->prf, want->prf);
    assert_int_equal(is->group, want->group);
    assert_int_equal(is->esn, want->esn);
}

// Setup, then a rekey of the IKE SA by the other end, with this suite alone. A fragment or two as well.
static void set_up_with(const struct ike_suite *s)
{
    struct lab *lab = lab_new();
    for (int i = 0; i < 2; i++) {
        only_ike(lab->node[i].profile, s);
        lab->node[i].profile->fragment_mtu = 576;
    }
    lab_connect(lab);
    lab_assert_children(lab, 1);
    for (int i = 0; i < 2; i++)
        assert_suite(&lab->node[i].suite, s);
    assert_int_equal(ike_rekey_ike(lab->node[1].e, lab->node[1].session, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[0].rekeys, 1);
    assert_int_equal(lab->node[1].rekeys, 1);
    for (int i = 0; i < 2; i++)
        assert_suite(&lab->node[i].suite, s);
    lab_assert_sas(lab, 1);
    lab_end(lab);
}

static void every_ike_suite_sets_up_and_rekeys(void **state)
{
    (void)state;
    for (size_t n = 0; n < SUITES; n++) {
        const struct cipher *c;
        const struct hash *h;
        if (!pair(n, &c, &h) || !c->ike)
            continue;
        const struct ike_suite s = {.encr = c->id,
                                    .encr_bits = c->bits,
                                    .integ = c->aead ? 0 : h->integ,
                                    .prf = hashes[(n / HASHES + n) % HASHES].prf,
                                    .group = IKE_DH_X25519};
        set_up_with(&s);
    }
}

static void every_prf_and_group_sets_up_and_rekeys(void **state)
{
    (void)state;
    static const uint16_t groups[] = {IKE_DH_MODP_1024, IKE_DH_MODP_1536, IKE_DH_MODP_2048,
                                      IKE_DH_MODP_3072, IKE_DH_MODP_4096, IKE_DH_ECP_256,
                                      IKE_DH_ECP_384,   IKE_DH_ECP_521,   IKE_DH_X25519};
    for (size_t n = 0; n < COUNT(groups); n++) {
        const struct ike_suite s = {
            .encr = IKE_ENCR_AES_GCM_16, .encr_bits = 256, .prf = hashes[n % HASHES].prf, .group = groups[n]};
        set_up_with(&s);
    }
}

static void every_esp_suite_sets_up_and_rekeys(void **state)
{
    (void)state;
    for (size_t n = 0; n < 2 * SUITES; n++) {
        const struct cipher *c;
        const struct hash *h;
        if (!pair(n / 2, &c, &h))
            continue;
        // With PFS every other time; the first child has none yet.
        struct ike_suite s = {.encr = c->id,
                              .encr_bits = c->bits,
                              .integ = c->aead ? 0 : h->integ,
                              .esn = n & 1,
                              .group = n & 2 ? IKE_DH_X25519 : 0};
        struct lab *lab = lab_new();
        for (int i = 0; i < 2; i++)
            only_esp(lab->node[i].profile, &s);
        lab_start(lab);
        lab_initiate(lab, n & 1);
        lab_run(lab, LAB_SECOND);
        lab_assert_children(lab, 1); // equal keys, of the right lengths
        assert_int_equal(lab_first(&lab->node[0])->in.encr_len, c->key + c->salt);
        assert_int_equal(lab_first(&lab->node[0])->in.integ_len, c->aead ? 0 : h->key);
        const uint16_t group = s.group;
        s.group = 0;
        assert_suite(&lab_first(&lab->node[0])->suite, &s);
        s.group = group;
        assert_int_equal(ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now), 0);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_suite(&lab_first(&lab->node[1])->suite, &s);
        lab_end(lab);
    }
}

// ---------------------------------------------------------------------------------------------- what is never used
// unasked

static void no_default_has_an_algorithm_of_old(void **state)
{
    (void)state;
    struct ike_proposal p[2 * IKE_MAX_PROPOSALS];
    const uint8_t ike = ike_default_ike_proposals(p), n = (uint8_t)(ike + ike_default_esp_proposals(p + ike));
    for (uint8_t i = 0; i < n; i++) {
        for (unsigned k = 0; k < p[i].n_encr; k++) {
            assert_false(ike_is_legacy(IKE_NAMES_ENCR, p[i].encr[k].id));
            assert_int_equal(ike_encr_is_aead(p[i].encr[k].id), ike_encr_is_aead(p[i].encr[0].id));
        }
        for (unsigned k = 0; k < p[i].n_prf; k++)
            assert_false(ike_is_legacy(IKE_NAMES_PRF, p[i].prf[k]) || p[i].prf[k] == IKE_PRF_HMAC_SHA1);
        for (unsigned k = 0; k < p[i].n_integ; k++)
            assert_false(ike_is_legacy(IKE_NAMES_INTEG, p[i].integ[k]) || p[i].integ[k] == IKE_INTEG_HMAC_SHA1_96);
        for (unsigned k = 0; k < p[i].n_group; k++)
            assert_false(ike_is_legacy(IKE_NAMES_GROUP, p[i].group[k]));
    }
    assert_int_equal(p[0].encr[0].id, IKE_ENCR_AES_GCM_16);
    assert_int_equal(p[0].encr[0].bits, 256);
    assert_int_equal(p[0].prf[0], IKE_PRF_HMAC_SHA2_384);
    assert_int_equal(p[0].group[0], IKE_DH_X25519);
    assert_int_equal(p[0].group[1], IKE_DH_ECP_384);
    assert_int_equal(p[ike].encr[0].id, IKE_ENCR_AES_GCM_16);
    assert_int_equal(p[ike].encr[0].bits, 256);
    assert_true(p[ike].esn_yes);
    static const struct {
        enum ike_name_kind kind;
        uint16_t number;
    } old[] = {{IKE_NAMES_ENCR, IKE_ENCR_3DES},
               {IKE_NAMES_PRF, IKE_PRF_HMAC_MD5},
               {IKE_NAMES_INTEG, IKE_INTEG_HMAC_MD5_96},
               {IKE_NAMES_GROUP, IKE_DH_MODP_1024},
               {IKE_NAMES_GROUP, IKE_DH_MODP_1536}};
    for (size_t i = 0; i < COUNT(old); i++)
        assert_true(ike_is_legacy(old[i].kind, old[i].number));
}

// A peer that has only old algorithms, and one of them each time, gets NO_PROPOSAL_CHOSEN from the defaults.
static void an_old_peer_is_refused_by_the_defaults(void **state)
{
    (void)state;
    const struct ike_suite good = {.encr = IKE_ENCR_AES_CBC,
                                   .encr_bits = 256,
                                   .integ = IKE_INTEG_HMAC_SHA2_256_128,
                                   .prf = IKE_PRF_HMAC_SHA2_256,
                                   .group = IKE_DH_MODP_2048};
    for (int bad = 0; bad < 6; bad++) {
        struct ike_suite s = good;
        s.encr = bad == 1 ? IKE_ENCR_3DES : s.encr;
        s.encr_bits = bad == 1 ? 0 : s.encr_bits;
        s.integ = bad == 2 ? IKE_INTEG_HMAC_MD5_96 : s.integ;
        s.prf = bad == 3 ? IKE_PRF_HMAC_MD5 : s.prf;
        s.group = bad == 4 ? IKE_DH_MODP_1024 : bad == 5 ? IKE_DH_MODP_1536 : s.group;
        struct lab *lab = lab_new();
        only_ike(lab->node[0].profile, &s);
        lab_connect(lab);
        assert_int_equal(lab->node[0].ups, bad == 0);
        if (bad) {
            assert_int_equal(lab->node[0].down_why, IKE_R_NO_PROPOSAL);
            assert_int_equal(ike_stats(lab->node[1].e)->no_proposal, 1);
        }
        lab_end(lab);
    }
}

// The peer's guess saves a round trip, but not at the price of a group of old where a better one is common.
static void a_guess_of_an_old_group_does_not_win(void **state)
{
    (void)state;
    static const struct {
        uint16_t initiator[2], responder[2], used;
        unsigned corrected;
    } rows[] = {
        {{IKE_DH_MODP_1024, IKE_DH_MODP_2048}, {IKE_DH_MODP_2048, IKE_DH_MODP_1024}, IKE_DH_MODP_2048, 1},
        {{IKE_DH_MODP_1024, IKE_DH_MODP_2048}, {IKE_DH_MODP_1024, IKE_DH_MODP_2048}, IKE_DH_MODP_1024, 0},
        {{IKE_DH_MODP_1024, IKE_DH_ECP_256}, {IKE_DH_MODP_2048, IKE_DH_MODP_1024}, IKE_DH_MODP_1024, 0},
        {{IKE_DH_MODP_2048, IKE_DH_X25519}, {IKE_DH_X25519, IKE_DH_MODP_2048}, IKE_DH_MODP_2048, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ike_suite s = {.encr = IKE_ENCR_AES_GCM_16, .encr_bits = 256, .prf = IKE_PRF_HMAC_SHA2_256};
        struct lab *lab = lab_new();
        for (int n = 0; n < 2; n++) {
            only_ike(lab->node[n].profile, &s);
            memcpy(lab->node[n].profile->ike[0].group, n ? rows[i].responder : rows[i].initiator, 4);
            lab->node[n].profile->ike[0].n_group = 2;
        }
        lab_connect(lab);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->node[0].suite.group, rows[i].used);
        assert_int_equal(ike_stats(lab->node[1].e)->invalid_ke_sent, rows[i].corrected);
        lab_end(lab);
    }
}

// Key exchange that a peer adds to a rekey is welcome, but not with a group of old that nobody configured.
static void an_old_group_is_no_pfs_unless_configured(void **state)
{
    (void)state;
    const struct ike_suite plain = {.encr = IKE_ENCR_AES_GCM_16, .encr_bits = 256, .esn = true};
    for (int configured = 0; configured < 2; configured++) {
        struct ike_suite pfs = plain;
        pfs.group = IKE_DH_MODP_1024;
        struct lab *lab = lab_new();
        only_esp(lab->node[0].profile, &pfs);
        only_esp(lab->node[1].profile, configured ? &pfs : &plain);
        lab_connect(lab);
        const uint32_t old = lab_first(&lab->node[0])->spi_in;
        ike_rekey_child(lab->node[0].e, old, lab->now);
        lab_run(lab, 8 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_equal(lab_first(&lab->node[0])->spi_in != old, configured);
        assert_int_equal(lab->node[0].child_fails > 0, !configured);
        lab_end(lab);
    }
}

// ---------------------------------------------------------------------------------------------- proposals as they come

struct transform {
    uint8_t type;
    uint16_t id, bits; // bits 0: no key length
};

static size_t put_proposal(uint8_t *out, uint8_t proto, const struct transform *t, size_t n)
{
    size_t at = 8, len = 8;
    for (size_t i = 0; i < n; i++)
        len += t[i].bits ? 12 : 8;
    const uint8_t head[8] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len, 1, proto, 0, (uint8_t)n};
    memcpy(out, head, 8);
    for (size_t i = 0; i < n; i++) {
        const uint8_t one[12] = {i + 1 < n ? 3 : 0,
                                 0,
                                 0,
                                 t[i].bits ? 12 : 8,
                                 t[i].type,
                                 0,
                                 (uint8_t)(t[i].id >> 8),
                                 (uint8_t)t[i].id,
                                 0x80,
                                 IKE_ATTR_KEY_LENGTH,
                                 (uint8_t)(t[i].bits >> 8),
                                 (uint8_t)t[i].bits};
        memcpy(out + at, one, one[3]);
        at += one[3];
    }
    return len;
}

// RFC 7296 3.3.5, RFC 7634 4, RFC 8247: the key length stands where it must and only there.
static void key_lengths_are_said_where_there_is_a_choice(void **state)
{
    (void)state;
    enum { E = IKE_T_ENCR, P = IKE_T_PRF, I = IKE_T_INTEG, D = IKE_T_DH, N = IKE_T_ESN };
    static const struct {
        const char *name;
        struct transform t[6];
        uint8_t n;
        bool fits;
    } rows[] = {
        {"ChaCha20", {{E, 28, 0}, {P, 5, 0}, {D, 31, 0}}, 3, true},
        {"ChaCha20 with a key length", {{E, 28, 256}, {P, 5, 0}, {D, 31, 0}}, 3, false},
        {"ChaCha20 with integrity NONE", {{E, 28, 0}, {P, 5, 0}, {I, 0, 0}, {D, 31, 0}}, 4, true},
        {"ChaCha20 with integrity SHA2-256", {{E, 28, 0}, {P, 5, 0}, {I, 12, 0}, {D, 31, 0}}, 4, false},
        {"3DES", {{E, 3, 0}, {P, 5, 0}, {I, 12, 0}, {D, 31, 0}}, 4, true},
        {"3DES with a key length", {{E, 3, 192}, {P, 5, 0}, {I, 12, 0}, {D, 31, 0}}, 4, false},
        {"AES-CTR", {{E, 13, 192}, {P, 5, 0}, {I, 12, 0}, {D, 31, 0}}, 4, true},
        {"AES-CTR without a key length", {{E, 13, 0}, {P, 5, 0}, {I, 12, 0}, {D, 31, 0}}, 4, false},
        {"AES-CTR of a length that there is not", {{E, 13, 160}, {P, 5, 0}, {I, 12, 0}, {D, 31, 0}}, 4, false},
        {"AES-CTR without integrity", {{E, 13, 192}, {P, 5, 0}, {D, 31, 0}}, 3, false},
        {"AES-CTR with integrity NONE", {{E, 13, 192}, {P, 5, 0}, {I, 0, 0}, {D, 31, 0}}, 4, false},
        {"a PRF with a key length", {{E, 28, 0}, {P, 5, 256}, {D, 31, 0}}, 3, false},
        {"integrity with a key length", {{E, 3, 0}, {P, 5, 0}, {I, 12, 256}, {D, 31, 0}}, 4, false},
        {"a group with a key length", {{E, 28, 0}, {P, 5, 0}, {D, 31, 256}}, 3, false},
        {"unknown ones among them",
         {{E, 999, 7}, {E, 28, 0}, {P, 77, 0}, {P, 5, 0}, {D, 1234, 0}, {D, 31, 0}},
         6,
         true},
        {"wrong ones among them", {{E, 28, 256}, {E, 28, 0}, {P, 5, 1}, {P, 5, 0}, {D, 31, 0}}, 5, true},
    };
    const struct ike_proposal ours[] = {
        {.encr = {{IKE_ENCR_CHACHA20_POLY1305, 0}},
         .prf = {IKE_PRF_HMAC_SHA2_256},
         .group = {IKE_DH_X25519},
         .n_encr = 1,
         .n_prf = 1,
         .n_group = 1},
        {.encr = {{IKE_ENCR_AES_CTR, 192}, {IKE_ENCR_3DES, 0}},
         .prf = {IKE_PRF_HMAC_SHA2_256},
         .integ = {IKE_INTEG_HMAC_SHA2_256_128},
         .group = {IKE_DH_X25519},
         .n_encr = 2,
         .n_prf = 1,
         .n_integ = 1,
         .n_group = 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t sa[200];
        struct ike_chosen chosen;
        const size_t len = put_proposal(sa, IKE_PROTO_IKE, rows[i].t, rows[i].n);
        const bool fits =
            ike_choose(ours, 2, (struct ike_bytes){sa, len}, IKE_PROTO_IKE, 0, IKE_GROUP_NEED, 0, &chosen);
        if (fits != rows[i].fits)
            fail_msg("%s", rows[i].name);
    }
    // What we offer and choose keeps to it.
    for (size_t i = 0; i < COUNT(ciphers); i++) {
        uint8_t mem[200];
        struct ike_build b;
        const struct ike_suite s = {.encr = ciphers[i].id, .encr_bits = ciphers[i].bits};
        const bool aes = s.encr == IKE_ENCR_AES_CBC || s.encr == IKE_ENCR_AES_CTR || s.encr == IKE_ENCR_AES_GCM_16;
        ike_build_chain(&b, mem, sizeof(mem));
        ike_put_choice(&b, &s, 1, IKE_PROTO_ESP, "abcd", 4);
        assert_int_equal(b.w.len, 4 + 12 + (aes ? 12 : 8) + 8);
        assert_int_equal(aes, s.encr_bits != 0);
    }
}

static void a_profile_with_a_senseless_proposal_is_refused(void **state)
{
    (void)state;
    struct ike_profile *p = ike_profile_new("test");
    const struct ike_proposal good_ike = p->ike[0], good_esp = p->esp[0];
    assert_null(ike_profile_check(p));
    p->ike[0].encr[1] = (struct ike_cipher){IKE_ENCR_AES_CTR, 256};
    assert_string_equal(ike_profile_check(p), "a proposal may not mix AEAD with other ciphers");
    p->ike[0] = good_ike;
    p->ike[0].integ[0] = IKE_INTEG_HMAC_SHA1_96;
    p->ike[0].n_integ = 1;
    assert_string_equal(ike_profile_check(p), "an AEAD cipher goes without an integrity algorithm");
    p->ike[0] = good_ike;
    p->ike[0].encr[0] = (struct ike_cipher){IKE_ENCR_CHACHA20_POLY1305, 256};
    assert_string_equal(ike_profile_check(p), "a proposal names an encryption algorithm that is not supported");
    p->ike[0] = p->ike[1];
    p->ike[0].encr[0] = (struct ike_cipher){IKE_ENCR_NULL, 0};
    assert_string_equal(ike_profile_check(p), "IKE goes not without encryption");
    p->ike[0] = good_ike;
    p->esp[0].encr[0] = (struct ike_cipher){IKE_ENCR_NULL, 0};
    p->esp[0].n_encr = 1;
    assert_string_equal(ike_profile_check(p), "a cipher that is not AEAD needs an integrity algorithm");
    p->esp[0].integ[0] = IKE_INTEG_HMAC_SHA1_96;
    p->esp[0].n_integ = 1;
    assert_null(ike_profile_check(p));
    p->esp[0] = good_esp;
    assert_null(ike_profile_check(p));
    ike_profile_unref(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_seals_as_openssl_does),
        cmocka_unit_test(chacha20_published_message),
        cmocka_unit_test(aes_ctr_published_answers),
        cmocka_unit_test(every_prf_published_answers),
        cmocka_unit_test(modp_groups_are_those_of_the_rfcs),
        cmocka_unit_test(every_ike_suite_sets_up_and_rekeys),
        cmocka_unit_test(every_prf_and_group_sets_up_and_rekeys),
        cmocka_unit_test(every_esp_suite_sets_up_and_rekeys),
        cmocka_unit_test(no_default_has_an_algorithm_of_old),
        cmocka_unit_test(an_old_peer_is_refused_by_the_defaults),
        cmocka_unit_test(a_guess_of_an_old_group_does_not_win),
        cmocka_unit_test(an_old_group_is_no_pfs_unless_configured),
        cmocka_unit_test(key_lengths_are_said_where_there_is_a_choice),
        cmocka_unit_test(a_profile_with_a_senseless_proposal_is_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_suites", tests, NULL, NULL);
}
