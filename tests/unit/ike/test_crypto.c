// SPDX-License-Identifier: BSD-2-Clause
// The cryptography: published answers where there are any, OpenSSL's own functions used another way where not, and
// every bit of a protected message.
#include "hostd/ike/ike_crypto.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static struct ike_crypto *c;

static size_t hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    unsigned v;
    for (; sscanf(text + 2 * n, "%2x", &v) == 1; n++)
        out[n] = (uint8_t)v;
    return n;
}

static struct ike_bytes bytes(const void *p, size_t len)
{
    return (struct ike_bytes){p, len};
}

// RFC 4231, test case 2.
static void prf_is_hmac(void **state)
{
    (void)state;
    static const struct {
        uint16_t prf;
        const char *want;
    } rows[] = {
        {IKE_PRF_HMAC_SHA2_256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {IKE_PRF_HMAC_SHA2_384,
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
        {IKE_PRF_HMAC_SHA2_512,
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e"
         "6fdcaeab1a34d4a6b4b636e070a38bce737"},
    };
    for (size_t i = 0; i < 3; i++) {
        uint8_t want[64], got[64];
        const size_t n = hex(rows[i].want, want);
        const struct ike_bytes parts[] = {bytes("what do ya want ", 16), bytes(NULL, 0), bytes("for nothing?", 12)};
        assert_int_equal(n, ike_prf_len(rows[i].prf));
        assert_true(ike_prf(c, rows[i].prf, "Jefe", 4, parts, 3, got));
        assert_memory_equal(got, want, n);
    }
    assert_int_equal(ike_prf_len(4), 0);
    uint8_t out[64];
    assert_false(ike_prf(c, 99, "k", 1, NULL, 0, out));
}

// prf+ (RFC 7296 2.13) is HKDF's expand step (RFC 5869 2.3): its test case 1, and OpenSSL's HKDF for all else.
static void prf_plus_is_hkdf_expand(void **state)
{
    (void)state;
    uint8_t prk[64], info[64], want[255 * 64], got[255 * 64];
    const size_t n = hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", prk);
    const size_t k = hex("f0f1f2f3f4f5f6f7f8f9", info);
    const size_t len =
        hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", want);
    const struct ike_bytes parts[] = {bytes(info, 4), bytes(info + 4, k - 4)};
    assert_true(ike_prf_plus(c, IKE_PRF_HMAC_SHA2_256, prk, n, parts, 2, got, len));
    assert_memory_equal(got, want, len);
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512", "SHA1", "MD5"};
    static const uint16_t prfs[] = {IKE_PRF_HMAC_SHA2_256, IKE_PRF_HMAC_SHA2_384, IKE_PRF_HMAC_SHA2_512,
                                    IKE_PRF_HMAC_SHA1, IKE_PRF_HMAC_MD5};
    for (int i = 0; i < 5; i++) {
        const uint16_t prf = prfs[i];
        for (size_t size = 1; size <= 255 * ike_prf_len(prf); size = size * 3 + 1) {
            EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
            EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
            int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
            OSSL_PARAM params[] = {
                OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digests[i], 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, prk, n),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, k),
                OSSL_PARAM_construct_end(),
            };
            assert_int_equal(EVP_KDF_derive(ctx, want, size, params), 1);
            EVP_KDF_CTX_free(ctx);
            EVP_KDF_free(kdf);
            assert_true(ike_prf_plus(c, prf, prk, n, parts, 2, got, size));
            assert_memory_equal(got, want, size);
        }
        assert_false(ike_prf_plus(c, prf, prk, n, parts, 2, got, 255 * ike_prf_len(prf) + 1));
    }
}

// The whole key schedule again, written down with OpenSSL's one-shot HMAC as the RFC has it (2.14, 2.17, 2.18).
static void key_schedule(void **state)
{
    (void)state;
    const struct ike_suite s = {
        .encr = IKE_ENCR_AES_CBC, .encr_bits = 128, .prf = IKE_PRF_HMAC_SHA2_256, .integ = IKE_INTEG_HMAC_SHA2_256_128};
    const uint8_t ni[20] = "initiator's nonce..", nr[33] = "responder's nonce, a longer one.", g[32] = "shared";
    uint8_t seed[32], got[64], key[53], in[32 + 53 + 16 + 1], t[9][32];
    unsigned len;
    memcpy(key, ni, 20);
    memcpy(key + 20, nr, 33);
    HMAC(EVP_sha256(), key, sizeof(key), g, sizeof(g), seed, &len);
    assert_true(ike_skeyseed(c, &s, bytes(ni, 20), bytes(nr, 33), bytes(g, 32), got));
    assert_memory_equal(got, seed, 32);
    const uint8_t spis[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    for (int i = 0; i < 9; i++) { // T1 = prf(seed, Ni | Nr | SPIi | SPIr | 1) ...
        size_t n = 0;
        if (i > 0) {
            memcpy(in, t[i - 1], 32);
            n = 32;
        }
        memcpy(in + n, key, 53);
        memcpy(in + n + 53, spis, 16);
        in[n + 69] = (uint8_t)(i + 1);
        HMAC(EVP_sha256(), seed, 32, in, n + 70, t[i], &len);
    }
    struct ike_keys k;
    assert_true(ike_derive_ike(c, &s, seed, bytes(ni, 20), bytes(nr, 33), 0x0102030405060708, 0x090a0b0c0d0e0f10, &k));
    const uint8_t *all = t[0]; // d 32, ai 32, ar 32, ei 16, er 16, pi 32, pr 32
    assert_memory_equal(k.d, all, 32);
    assert_memory_equal(k.ai, all + 32, 32);
    assert_memory_equal(k.ar, all + 64, 32);
    assert_memory_equal(k.ei, all + 96, 16);
    assert_memory_equal(k.er, all + 112, 16);
    assert_memory_equal(k.pi, all + 128, 32);
    assert_memory_equal(k.pr, all + 160, 32);
    // A CHILD SA with PFS: prf+(SK_d, g^ir | Ni | Nr).
    const struct ike_suite esp = {.encr = IKE_ENCR_AES_GCM_16, .encr_bits = 256};
    struct ike_child_key i2r, r2i;
    uint8_t first[32 + 53 + 1];
    memcpy(first, g, 32);
    memcpy(first + 32, key, 53);
    first[85] = 1;
    HMAC(EVP_sha256(), k.d, 32, first, sizeof(first), got, &len);
    assert_true(ike_derive_child(c, s.prf, k.d, bytes(g, 32), bytes(ni, 20), bytes(nr, 33), &esp, &i2r, &r2i));
    assert_int_equal(i2r.encr_len, 36);
    assert_int_equal(i2r.integ_len, 0);
    assert_memory_equal(i2r.encr, got, 32);
    assert_memory_not_equal(i2r.encr, r2i.encr, 36);
    // Rekey: prf(SK_d, g^ir | Ni | Nr).
    HMAC(EVP_sha256(), k.d, 32, first, 85, seed, &len);
    assert_true(ike_skeyseed_rekey(c, s.prf, k.d, bytes(g, 32), bytes(ni, 20), bytes(nr, 33), got));
    assert_memory_equal(got, seed, 32);
    // AUTH: prf(prf(psk, pad), message | nonce | prf(SK_p, id)).
    uint8_t pad[32], maced[32], octets[3 + 33 + 32], want[32];
    HMAC(EVP_sha256(), "psk", 3, (const uint8_t *)"Key Pad for IKEv2", 17, pad, &len);
    HMAC(EVP_sha256(), k.pi, 32, (const uint8_t *)"id", 2, maced, &len);
    octets[0] = 'm';
    octets[1] = 's';
    octets[2] = 'g';
    memcpy(octets + 3, nr, 33);
    memcpy(octets + 36, maced, 32);
    HMAC(EVP_sha256(), pad, 32, octets, sizeof(octets), want, &len);
    assert_true(ike_auth_psk(c, s.prf, bytes("psk", 3), bytes("msg", 3), bytes(nr, 33), bytes("id", 2), k.pi, got));
    assert_memory_equal(got, want, 32);
}

// What is remembered of one key serves no other, and no other PRF.
static void auth_of_one_key_after_the_other(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        uint16_t prf;
    } rows[] = {{"one", IKE_PRF_HMAC_SHA2_256}, {"two", IKE_PRF_HMAC_SHA2_256}, {"one", IKE_PRF_HMAC_SHA2_256},
                {"one", IKE_PRF_HMAC_SHA2_384}, {"one", IKE_PRF_HMAC_SHA2_256}, {"", IKE_PRF_HMAC_SHA2_256},
                {"on", IKE_PRF_HMAC_SHA2_256},  {"one", IKE_PRF_HMAC_SHA2_256}, {"one", IKE_PRF_HMAC_SHA2_256}};
    uint8_t got[IKE_MAX_PRF], want[IKE_MAX_PRF], pad[IKE_MAX_PRF], maced[IKE_MAX_PRF], octets[2 + IKE_MAX_PRF];
    const uint8_t sk_p[IKE_MAX_PRF] = {9};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const EVP_MD *md = rows[i].prf == IKE_PRF_HMAC_SHA2_256 ? EVP_sha256() : EVP_sha384();
        unsigned n;
        HMAC(md, rows[i].key, (int)strlen(rows[i].key), (const uint8_t *)"Key Pad for IKEv2", 17, pad, &n);
        HMAC(md, sk_p, (int)n, (const uint8_t *)"id", 2, maced, &n);
        memcpy(octets, "mn", 2);
        memcpy(octets + 2, maced, n);
        HMAC(md, pad, (int)n, octets, 2 + n, want, &n);
        assert_true(ike_auth_psk(c, rows[i].prf, bytes(rows[i].key, strlen(rows[i].key)), bytes("m", 1), bytes("n", 1),
                                 bytes("id", 2), sk_p, got));
        assert_memory_equal(got, want, n);
    }
    const uint8_t long_key[IKE_MAX_PSK + 1] = {0};
    assert_false(ike_auth_psk(c, IKE_PRF_HMAC_SHA2_256, bytes(long_key, sizeof(long_key)), bytes("m", 1), bytes("n", 1),
                              bytes("id", 2), sk_p, got));
}

static const struct ike_suite suites[] = {
    {.encr = IKE_ENCR_AES_GCM_16, .encr_bits = 128},
    {.encr = IKE_ENCR_AES_GCM_16, .encr_bits = 256},
    {.encr = IKE_ENCR_AES_CBC, .encr_bits = 128, .integ = IKE_INTEG_HMAC_SHA2_256_128},
    {.encr = IKE_ENCR_AES_CBC, .encr_bits = 256, .integ = IKE_INTEG_HMAC_SHA2_384_192},
    {.encr = IKE_ENCR_AES_CBC, .encr_bits = 256, .integ = IKE_INTEG_HMAC_SHA2_512_256},
};

static void sealed_messages_open_and_no_bit_may_change(void **state)
{
    (void)state;
    uint8_t ekey[36], akey[64], plain[200], msg[400], out[400], iv[16] = {7};
    memset(ekey, 0x11, sizeof(ekey));
    memset(akey, 0x22, sizeof(akey));
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)i;
    for (size_t k = 0; k < sizeof(suites) / sizeof(suites[0]); k++) {
        for (size_t n = 0; n <= 66; n++) {
            const size_t aad = 32, total = aad + ike_sealed_len(&suites[k], n);
            size_t len;
            memset(msg, 0x33, sizeof(msg));
            assert_true(ike_seal(c, &suites[k], ekey, akey, msg, aad, plain, n, iv));
            assert_int_equal(msg[total], 0x33); // nothing behind the end
            assert_true(ike_open(c, &suites[k], ekey, akey, msg, total, aad, out, &len));
            assert_int_equal(len, n);
            assert_memory_equal(out, plain, n);
            for (size_t bit = 0; bit < total * 8; bit += n == 20 ? 1 : 37) {
                msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_false(ike_open(c, &suites[k], ekey, akey, msg, total, aad, out, &len));
                msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
            for (size_t cut = 0; cut < total; cut++)
                assert_false(ike_open(c, &suites[k], ekey, akey, msg, cut, aad < cut ? aad : cut, out, &len));
        }
        // What fits, fits exactly.
        for (size_t room = 0; room < 300; room++) {
            const size_t fit = ike_sealed_fit(&suites[k], room);
            assert_true(fit == 0 || ike_sealed_len(&suites[k], fit) <= room);
            assert_true(ike_sealed_len(&suites[k], fit + 1) > room || room < 50);
        }
    }
}

static void every_group_agrees_with_itself(void **state)
{
    (void)state;
    static const uint16_t groups[] = {2, 5, 14, 15, 16, 19, 20, 21, 31};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        const bool modp = groups[i] < 19;
        uint8_t pa[IKE_MAX_KE], pb[IKE_MAX_KE], sa[IKE_MAX_KE], sb[IKE_MAX_KE];
        size_t la, lb, na, nb;
        EVP_PKEY *a = ike_dh_generate(groups[i], pa, &la), *b = ike_dh_generate(groups[i], pb, &lb);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal(la, ike_dh_public_len(groups[i]));
        assert_memory_not_equal(pa, pb, la);
        assert_true(ike_dh_derive(groups[i], a, pb, lb, sa, &na));
        assert_true(ike_dh_derive(groups[i], b, pa, la, sb, &nb));
        assert_int_equal(na, nb);
        // RFC 7296 2.14, RFC 5903 7: full length, leading zeros and all.
        assert_int_equal(na, modp || groups[i] == 31 ? la : la / 2);
        assert_memory_equal(sa, sb, na);
        // Values that are no members.
        uint8_t good[IKE_MAX_KE], bad[IKE_MAX_KE];
        memcpy(good, pb, lb);
        assert_false(ike_dh_derive(groups[i], a, pb, lb - 1, bad, &na));
        memset(pb, 0, sizeof(pb));
        assert_false(ike_dh_derive(groups[i], a, pb, lb, bad, &na));
        if (groups[i] != 31) {
            memset(pb, 0xff, sizeof(pb));
            assert_false(ike_dh_derive(groups[i], a, pb, lb, bad, &na));
        }
        if (modp) {
            memset(pb, 0, sizeof(pb));
            pb[lb - 1] = 1;
            assert_false(ike_dh_derive(groups[i], a, pb, lb, bad, &na));
        }
        // They leave nothing behind.
        assert_true(ike_dh_derive(groups[i], a, good, lb, sa, &na));
        assert_int_equal(na, nb);
        assert_memory_equal(sa, sb, na);
        EVP_PKEY_free(a);
        EVP_PKEY_free(b);
    }
    assert_null(ike_dh_generate(99, (uint8_t[IKE_MAX_KE]){0}, &(size_t){0}));
}

// RFC 7748 5.2 test vector 1 as a private key and a public value.
static void x25519_published_answer(void **state)
{
    (void)state;
    uint8_t key[32], peer[32], want[32], got[IKE_MAX_KE];
    size_t len;
    hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", key);
    hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", peer);
    hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", want);
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key, 32);
    assert_true(ike_dh_derive(IKE_DH_X25519, k, peer, 32, got, &len));
    assert_int_equal(len, 32);
    assert_memory_equal(got, want, 32);
    EVP_PKEY_free(k);
}

// RFC 5903 8.1, 8.2, 8.3: the initiator's private and public value, the responder's public value, the secret.
static void ecp_published_answers(void **state)
{
    (void)state;
    static const struct {
        uint16_t group;
        const char *curve, *priv, *pub, *peer, *want;
    } rows[] = {
        {IKE_DH_ECP_256, "P-256", "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
         "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
         "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
         "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
         "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
         "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"},
        {IKE_DH_ECP_384, "P-384",
         "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194",
         "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41AA"
         "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A81C",
         "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571"
         "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C",
         "11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F59746"},
        {IKE_DH_ECP_521, "P-521",
         "0037ADE9319A89F4DABDB3EF411AACCCA5123C61ACAB57B5393DCE47608172A095AA85A30FE1C2952C6771D937BA9777F595"
         "7B2639BAB072462F68C27A57382D4A52",
         "0015417E84DBF28C0AD3C278713349DC7DF153C897A1891BD98BAB4357C9ECBEE1E3BF42E00B8E380AEAE57C2D1075649418"
         "85942AF5A7F4601723C4195D176CED3E"
         "017CAE20B6641D2EEB695786D8C946146239D099E18E1D5A514C739D7CB4A10AD8A788015AC405D7799DC75E7B7D5B6CF226"
         "1A6A7F1507438BF01BEB6CA3926F9582",
         "00D0B3975AC4B799F5BEA16D5E13E9AF971D5E9B984C9F39728B5E5739735A219B97C356436ADC6E95BB0352F6BE64A6C291"
         "2D4EF2D0433CED2B6171640012D9460F"
         "015C68226383956E3BD066E797B623C27CE0EAC2F551A10C2C724D9852077B87220B6536C5C408A1D2AEBB8E86D678AE49CB"
         "57091F4732296579AB44FCD17F0FC56A",
         "01144C7D79AE6956BC8EDB8E7C787C4521CB086FA64407F97894E5E6B2D79B04D1427E73CA4BAA240A34786859810C06B3C7"
         "15A3A8CC3151F2BEE417996D19F3DDEA"},
    };
    for (size_t i = 0; i < 3; i++) {
        uint8_t priv[66], pub[1 + 132] = {4}, peer[132], want[66], got[IKE_MAX_KE];
        size_t len;
        const size_t n = hex(rows[i].priv, priv);
        assert_int_equal(hex(rows[i].pub, pub + 1), 2 * n);
        assert_int_equal(hex(rows[i].peer, peer), 2 * n);
        assert_int_equal(hex(rows[i].want, want), n);
        BIGNUM *x = BN_bin2bn(priv, (int)n, NULL);
        OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, rows[i].curve, 0);
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, x);
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub, 1 + 2 * n);
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EVP_PKEY *k = NULL;
        assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
        assert_int_equal(EVP_PKEY_fromdata(ctx, &k, EVP_PKEY_KEYPAIR, params), 1);
        assert_true(ike_dh_derive(rows[i].group, k, peer, 2 * n, got, &len));
        assert_int_equal(len, n);
        assert_memory_equal(got, want, n);
        peer[2 * n - 1] ^= 1; // off the curve
        assert_false(ike_dh_derive(rows[i].group, k, peer, 2 * n, got, &len));
        EVP_PKEY_free(k);
        EVP_PKEY_CTX_free(ctx);
        OSSL_PARAM_free(params);
        OSSL_PARAM_BLD_free(bld);
        BN_free(x);
    }
}

static int setup(void **state)
{
    (void)state;
    c = ike_crypto_new();
    return c ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ike_crypto_free(c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prf_is_hmac),
        cmocka_unit_test(prf_plus_is_hkdf_expand),
        cmocka_unit_test(key_schedule),
        cmocka_unit_test(auth_of_one_key_after_the_other),
        cmocka_unit_test(sealed_messages_open_and_no_bit_may_change),
        cmocka_unit_test(every_group_agrees_with_itself),
        cmocka_unit_test(x25519_published_answer),
        cmocka_unit_test(ecp_published_answers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_crypto", tests, setup, teardown);
}
