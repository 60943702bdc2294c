// SPDX-License-Identifier: BSD-2-Clause
// EAP packets, well-formed and not; the arithmetic of MSCHAPv2 with the vectors of its RFCs.
#include "hostd/eap/eap_codec.h"
#include "hostd/eap/eap_mschap.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_packets(void **state)
{
    (void)state;
    struct eap_packet p;
    assert_null(eap_decode("\2\7\0\x0a\1alice", 10, &p));
    assert_int_equal(p.code, EAP_RESPONSE);
    assert_int_equal(p.id, 7);
    assert_int_equal(p.type, EAP_T_IDENTITY);
    assert_memory_equal(p.data, "alice", 5);
    assert_int_equal(p.len, 5);
    assert_null(eap_decode("\3\7\0\4", 4, &p));
    assert_int_equal(p.code, EAP_SUCCESS);
    assert_null(eap_decode("\1\7\0\5\1", 5, &p)); // a type without data
    assert_int_equal(p.len, 0);
}

static void test_bad_packets(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *why;
    } cases[] = {
        {"\1\7\0", 3, "shorter than a header"},
        {"\1\7\0\4", 4, "without a type"},
        {"\1\7\0\6\1", 5, "its length field lies"},
        {"\1\7\0\4\1", 5, "its length field lies"},
        {"\1\7\0\0\1", 5, "its length field lies"},
        {"\5\7\0\5\1", 5, "an unknown code"},
        {"\0\7\0\5\1", 5, "an unknown code"},
        {"\3\7\0\5\1", 5, "a Success or Failure with data"},
        {"\1\7\0\5\0", 5, "of type 0"},
    };
    struct eap_packet p;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(eap_decode(cases[i].bytes, cases[i].len, &p), cases[i].why);
    }
    static const uint8_t big[EAP_MAX_PACKET + 1] = {EAP_REQUEST, 1, (EAP_MAX_PACKET + 1) >> 8,
                                                    (EAP_MAX_PACKET + 1) & 255, 1};
    assert_string_equal(eap_decode(big, sizeof(big), &p), "longer than a packet may be");
}

static void test_bad_methods(void **state)
{
    (void)state;
    struct eap_ms ms;
    struct eap_md5 md5;
    struct eap_tls_piece tls;
    assert_non_null(eap_ms_decode("", 0, &ms));
    assert_non_null(eap_ms_decode("\1", 1, &ms));           // a challenge of one byte
    assert_non_null(eap_ms_decode("\5\1\0\4", 4, &ms));     // change of password
    assert_non_null(eap_ms_decode("\1\1\0\5\x10", 5, &ms)); // no challenge
    assert_non_null(eap_ms_decode("\1\1\0\x15\x11"
                                  "0123456789abcdef",
                                  21, &ms)); // its size lies
    assert_non_null(eap_ms_decode("\1\1\0\x16\x10"
                                  "0123456789abcdef",
                                  21, &ms)); // the length lies
    assert_null(eap_ms_decode("\1\1\0\x15\x10"
                              "0123456789abcdef",
                              21, &ms));
    assert_null(eap_ms_decode("\3", 1, &ms));
    assert_non_null(eap_md5_decode("", 0, &md5));
    assert_non_null(eap_md5_decode("\0x", 2, &md5));
    assert_non_null(eap_md5_decode("\3ab", 3, &md5));
    assert_null(eap_md5_decode("\2abc", 4, &md5));
    assert_int_equal(md5.name_len, 1);
    assert_non_null(eap_tls_decode("", 0, &tls));
    assert_non_null(eap_tls_decode("\x80\0\0\0", 4, &tls));
    assert_non_null(eap_tls_decode("\x80\0\0\0\1ab", 7, &tls));  // less than is in this piece
    assert_non_null(eap_tls_decode("\x80\x7f\0\0\0a", 6, &tls)); // two gigabytes
    assert_null(eap_tls_decode("\xc0\0\0\0\7ab", 7, &tls));
    assert_int_equal(tls.total, 7);
}

static void test_rfc2759_vectors(void **state)
{
    (void)state;
    struct eap_legacy *l = eap_legacy_new();
    struct eap_ms_keys k;
    const struct eap_ms_login in = {
        .auth_challenge = (const uint8_t *)"\x5B\x5D\x7C\x7D\x7B\x3F\x2F\x3E\x3C\x2C\x60\x21\x32\x26\x26\x28",
        .peer_challenge = (const uint8_t *)"\x21\x40\x23\x24\x25\x5E\x26\x2A\x28\x29\x5F\x2B\x3A\x33\x7C\x7E",
        .user = (const uint8_t *)"BIGCO\\User",
        .user_len = 10,
        .password = (const uint8_t *)"clientPass",
        .password_len = 10,
    };
    assert_non_null(l);
    assert_true(eap_ms_compute(l, &in, &k));
    assert_memory_equal(
        k.nt_response,
        "\x82\x30\x9E\xCD\x8D\x70\x8B\x5E\xA0\x8F\xAA\x39\x81\xCD\x83\x54\x42\x33\x11\x4A\x3D\x85\xD6\xDF",
        EAP_MS_NT_LEN);
    assert_memory_equal(k.proof, "\x40\x7A\x55\x89\x11\x5F\xD0\xD6\x20\x9F\x51\x0F\xE9\xC0\x45\x66\x93\x2C\xDA\x56",
                        EAP_MS_PROOF_LEN);
    // RFC 3079 3.5.3: what the server sends with.
    assert_memory_equal(k.msk + 16, "\x8B\x7C\xDC\x14\x9B\x99\x3A\x1B\xA1\x18\xCB\x15\x3F\x56\xDC\xCB", 16);
    static const uint8_t zeros[32];
    assert_memory_equal(k.msk + 32, zeros, 32);
    assert_memory_not_equal(k.msk, k.msk + 16, 16);
    eap_legacy_free(l);
}

// What is loaded for MSCHAPv2 is not there for the rest of the process.
static void test_default_context_stays_clean(void **state)
{
    (void)state;
    struct eap_legacy *l = eap_legacy_new();
    uint8_t out[16];
    assert_true(eap_md4(l, "abc", 3, out));
    assert_memory_equal(out, "\xa4\x48\x01\x7a\xaf\x21\xd8\x52\x5f\xc1\x0a\xe8\x7a\xa6\x72\x9d", 16); // RFC 1320
    assert_null(EVP_MD_fetch(NULL, "MD4", NULL));
    assert_null(EVP_CIPHER_fetch(NULL, "DES-ECB", NULL));
    eap_legacy_free(l);
}

static void test_passwords_in_unicode(void **state)
{
    (void)state;
    struct eap_legacy *l = eap_legacy_new();
    static const uint8_t challenge[16];
    uint8_t wide[16];
    struct eap_ms_keys a, b;
    // "\u00fc\u20ac" and a character outside the first plane; the hash is of UTF-16.
    static const char utf16[] = "\xfc\x00\xac\x20\x3d\xd8\x00\xde";
    assert_true(eap_md4(l, utf16, 8, wide));
    struct eap_ms_login in = {.auth_challenge = challenge,
                              .peer_challenge = challenge,
                              .user = (const uint8_t *)"u",
                              .user_len = 1,
                              .password = (const uint8_t *)"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
                              .password_len = 9};
    assert_true(eap_ms_compute(l, &in, &a));
    // The first third of the NT response is DES of the challenge's hash by the first 7 bytes of that hash.
    uint8_t hash[20], want[8];
    uint8_t text[33] = {0};
    text[32] = 'u';
    assert_int_equal(EVP_Digest(text, sizeof(text), hash, NULL, EVP_sha1(), NULL), 1);
    assert_true(eap_des(l, wide, hash, want));
    assert_memory_equal(a.nt_response, want, 8);
    // Bytes that are no UTF-8 stand for themselves.
    in.password = (const uint8_t *)"\xfc";
    in.password_len = 1;
    assert_true(eap_ms_compute(l, &in, &a));
    in.password = (const uint8_t *)"\xc3\xbc";
    in.password_len = 2;
    assert_true(eap_ms_compute(l, &in, &b));
    assert_memory_equal(&a, &b, sizeof(a));
    eap_legacy_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_bad_packets),
        cmocka_unit_test(test_bad_methods),
        cmocka_unit_test(test_rfc2759_vectors),
        cmocka_unit_test(test_default_context_stays_clean),
        cmocka_unit_test(test_passwords_in_unicode),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("EAP codec and arithmetic", tests, NULL, NULL);
}
