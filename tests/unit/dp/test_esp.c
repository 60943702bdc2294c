// SPDX-License-Identifier: BSD-2-Clause
// ESP packets in memory, against packets made by hand.
#include "hostd/dp/esp.h"
#include "tests/unit/dp/handmade.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static uint8_t key[DP_KEY_MAX];
static struct dp_suite SUITES[HANDMADE_SUITES];
static size_t suites;
static uint8_t next;

static struct esp *make(struct dp_suite suite, bool esn, bool seal)
{
    struct esp *e = esp_new(suite, key, handmade_key_len(suite), esn, seal);
    assert_non_null(e);
    return e;
}

static void lengths_of_keys_are_checked(void **state)
{
    (void)state;
    assert_int_equal(suites, 4 + 8 * 5);
    for (size_t i = 0; i < suites; i++) {
        assert_int_equal(suite_key_len(SUITES[i]), handmade_key_len(SUITES[i]));
        for (size_t len = 0; len <= DP_KEY_MAX; len++) {
            struct esp *e = esp_new(SUITES[i], key, len, false, true);
            assert_int_equal(e != NULL, len == handmade_key_len(SUITES[i]));
            esp_free(e);
        }
    }
}

// A cipher without integrity, an AEAD with another, key lengths that do not exist.
static void what_makes_no_suite_is_refused(void **state)
{
    (void)state;
    const struct dp_suite wrong[] = {
        DP_SUITE(DP_CIPHER_NULL, 0, DP_INTEG_NONE),
        DP_SUITE(DP_CIPHER_AES_CBC, 256, DP_INTEG_NONE),
        DP_SUITE(DP_CIPHER_AES_CTR, 128, DP_INTEG_NONE),
        DP_SUITE(DP_CIPHER_AES_GCM, 256, DP_INTEG_SHA256_128),
        DP_SUITE(DP_CIPHER_CHACHA20_POLY1305, 0, DP_INTEG_SHA1_96),
        DP_SUITE(DP_CIPHER_CHACHA20_POLY1305, 256, DP_INTEG_NONE),
        DP_SUITE(DP_CIPHER_3DES, 192, DP_INTEG_SHA1_96),
        DP_SUITE(DP_CIPHER_AES_CBC, 0, DP_INTEG_SHA1_96),
        DP_SUITE(DP_CIPHER_AES_GCM, 160, DP_INTEG_NONE),
        DP_SUITE((enum dp_cipher)99, 128, DP_INTEG_NONE),
        DP_SUITE(DP_CIPHER_AES_CBC, 128, (enum dp_integ)99),
        DP_SUITE(DP_CIPHER_AES_GCM, 128, (enum dp_integ)99),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(suite_key_len(wrong[i]), 0);
        assert_int_equal(suite_fit(wrong[i], 1500), 0);
        for (size_t len = 0; len <= DP_KEY_MAX; len++)
            assert_null(esp_new(wrong[i], key, len, false, true));
    }
}

// What suite_fit says fits, and one byte more does not.
static void as_much_fits_as_is_said(void **state)
{
    (void)state;
    static uint8_t inner[1600], sealed[1700];
    for (size_t i = 0; i < suites; i++) {
        struct esp *out = make(SUITES[i], false, true);
        for (size_t room = 100; room < 1500; room += 7) {
            size_t fit = suite_fit(SUITES[i], room);
            assert_in_range(fit, 1, room);
            assert_true(esp_seal(out, 9, 1, 4, inner, fit, sealed) <= room);
            assert_true(esp_seal(out, 9, 1, 4, inner, fit + 1, sealed) > room);
        }
        assert_int_equal(suite_fit(SUITES[i], 10), 0);
        esp_free(out);
    }
}

static size_t hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (; *text; text += 2) {
        char two[3] = {text[0], text[1], 0};
        out[n++] = (uint8_t)strtoul(two, NULL, 16);
    }
    return n;
}

// Every inner size from the smallest: what we seal opens by hand, and what was sealed by hand we open.
static void both_ways_agree_with_hand_made_packets(void **state)
{
    (void)state;
    static uint8_t inner[9000], sealed[9100], text[9100];
    for (size_t i = 0; i < 2 * suites; i++) {
        struct dp_suite suite = SUITES[i / 2];
        bool esn = i % 2;
        struct esp *out = make(suite, esn, true), *in = make(suite, esn, false);
        for (size_t len = 20; len <= 9000; len = len < 200 ? len + 1 : len + 977) {
            struct handmade h = HANDMADE(suite, key, 0x12345678, 0x700000000 + len);
            h.esn = esn;
            if (!esn)
                h.seq = (uint32_t)h.seq;
            handmade_ipv4(inner, len, "10.1.0.1", "10.2.0.1", (unsigned)len);
            size_t n = esp_seal(out, h.spi, h.seq, 4, inner, len, sealed), got;
            assert_in_range(n, len + 1, len + ESP_OVERHEAD - 1);
            int plain = handmade_open(&h, sealed, n, text);
            assert_in_range(plain, len + 2, len + 2 + 15);
            assert_memory_equal(text, inner, len);
            assert_int_equal(text[plain - 1], 4);
            n = handmade_seal(&h, inner, len, sealed);
            assert_int_equal(esp_open(in, h.seq, sealed, n, text, &next, &got), ESP_OK);
            assert_int_equal(got, len);
            assert_memory_equal(text, inner, len);
        }
        esp_free(in);
        esp_free(out);
    }
}

static void every_single_bit_error_is_refused(void **state)
{
    (void)state;
    uint8_t inner[61], sealed[200], text[200];
    size_t got;
    for (size_t i = 0; i < 2 * suites; i++) {
        struct handmade h = HANDMADE(SUITES[i / 2], key, 4711, 0x100000005);
        h.esn = i % 2;
        struct esp *in = make(h.suite, h.esn, false);
        handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 5);
        size_t n = handmade_seal(&h, inner, sizeof(inner), sealed);
        for (size_t bit = 0; bit < n * 8; bit++) {
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            memset(text, 0xee, sizeof(text));
            uint64_t low = (uint64_t)sealed[4] << 24 | (uint64_t)sealed[5] << 16 | (uint64_t)sealed[6] << 8 | sealed[7];
            assert_int_equal(esp_open(in, (h.seq >> 32 << 32) | low, sealed, n, text, &next, &got), ESP_AUTH_FAIL);
            assert_int_not_equal(memcmp(text, inner, 20), 0); // nothing of it is released
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        // a wrong upper half of the sequence number, which is not in the packet, is noticed with ESN
        assert_int_equal(esp_open(in, 5, sealed, n, text, &next, &got), h.esn ? ESP_AUTH_FAIL : ESP_OK);
        assert_int_equal(esp_open(in, h.seq, sealed, n, text, &next, &got), ESP_OK);
        esp_free(in);
    }
}

static void short_packets_are_refused(void **state)
{
    (void)state;
    uint8_t inner[64], sealed[200], text[200];
    size_t got;
    for (size_t i = 0; i < suites; i++) {
        struct handmade h = HANDMADE(SUITES[i], key, 4711, 1);
        struct esp *in = make(h.suite, false, false);
        handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 5);
        size_t n = handmade_seal(&h, inner, sizeof(inner), sealed), least = handmade_least(SUITES[i]);
        for (size_t len = 0; len < n; len++) {
            uint8_t *exact = malloc(len ? len : 1); // the sanitizer sees reads beyond
            memcpy(exact, sealed, len);
            enum esp_result r = esp_open(in, 1, exact, len, text, &next, &got);
            if (len < least)
                assert_int_equal(r, ESP_TRUNCATED);
            else
                assert_true(r == ESP_TRUNCATED || r == ESP_AUTH_FAIL);
            free(exact);
        }
        esp_free(in);
    }
}

static enum esp_result open_made(const struct handmade *h, const uint8_t *inner, size_t len, size_t *got)
{
    uint8_t sealed[1000], text[1000];
    struct esp *in = make(h->suite, false, false);
    size_t n = handmade_seal(h, inner, len, sealed);
    enum esp_result r = esp_open(in, h->seq, sealed, n, text, &next, got);
    esp_free(in);
    return r;
}

static void padding_is_checked(void **state)
{
    (void)state;
    uint8_t inner[62];
    size_t got;
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 9);
    for (int pad = 0; pad <= 255; pad++) { // all that fit the alignment are right, more than the least as well
        struct handmade h = HANDMADE(DP_SUITE_AES_GCM_256, key, 7, 1);
        h.pad = pad;
        bool aligned = (62 + pad + 2) % 4 == 0;
        assert_int_equal(open_made(&h, inner, 62, &got), aligned ? ESP_OK : ESP_TRUNCATED);
        if (!aligned)
            continue;
        for (h.bad_pad_at = 0; h.bad_pad_at < pad; h.bad_pad_at += 13)
            if (h.bad_pad_at + 1 != 0x77)
                assert_int_equal(open_made(&h, inner, 62, &got), ESP_BAD_PADDING);
    }
    struct handmade h = HANDMADE(DP_SUITE_AES_GCM_256, key, 7, 1);
    for (h.pad_length = 1; h.pad_length < 256; h.pad_length++) // lies about its length, up to more than there is
        assert_int_equal(open_made(&h, inner, 62, &got), ESP_BAD_PADDING);
}

// The payload comes out as it went in, whatever it is, with its protocol; 59 is thrown away.
static void any_payload_passes_with_its_protocol(void **state)
{
    (void)state;
    uint8_t inner[101], sealed[200], text[200];
    size_t got;
    for (size_t i = 0; i < sizeof(inner); i++)
        inner[i] = (uint8_t)(i * 7);
    struct handmade h = HANDMADE(DP_SUITE_AES_GCM_128, key, 7, 1);
    for (h.next = 0; h.next < 256; h.next++) {
        assert_int_equal(open_made(&h, inner, 99, &got), h.next == 59 ? ESP_DUMMY : ESP_OK);
        assert_int_equal(next, h.next);
        assert_int_equal(got, 99);
    }
    struct esp *out = make(h.suite, false, true), *in = make(h.suite, false, false);
    for (size_t len = 0; len <= sizeof(inner); len++) {
        size_t n = esp_seal(out, 7, 1 + len, 47, inner, len, sealed);
        assert_int_equal(esp_open(in, 1 + len, sealed, n, text, &next, &got), ESP_OK);
        assert_int_equal(next, 47);
        assert_int_equal(got, len);
        assert_memory_equal(text, inner, len);
    }
    esp_free(in);
    esp_free(out);
}

static void ivs_of_cbc_do_not_repeat(void **state)
{
    (void)state;
    uint8_t inner[40], a[200], b[200];
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 9);
    for (size_t i = 0; i < suites; i++) {
        const struct suite_cipher *c = suite_cipher(SUITES[i]);
        if (c->counter || c->iv == 0)
            continue;
        struct esp *out = make(SUITES[i], false, true);
        esp_seal(out, 7, 1, 4, inner, 40, a);
        esp_seal(out, 7, 1, 4, inner, 40, b);
        assert_int_not_equal(memcmp(a + 8, b + 8, c->iv), 0);
        esp_free(out);
    }
}

// The IV of a counter mode is the sequence number, so that none comes twice under a key.
static void ivs_of_counter_modes_are_the_sequence_number(void **state)
{
    (void)state;
    uint8_t inner[40], sealed[200];
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 9);
    for (size_t i = 0; i < suites; i++) {
        bool mode = SUITES[i].cipher == DP_CIPHER_AES_GCM || SUITES[i].cipher == DP_CIPHER_AES_CTR ||
                    SUITES[i].cipher == DP_CIPHER_CHACHA20_POLY1305;
        if (!mode)
            continue;
        struct esp *out = make(SUITES[i], true, true);
        esp_seal(out, 7, 0x0123456789abcdef, 4, inner, 40, sealed);
        assert_memory_equal(sealed + 8, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
        esp_free(out);
    }
}

// RFC 3686 6, test vectors 1, 4 and 7: key, nonce, IV (which is the sequence number here), the first 16 bytes.
static void aes_ctr_published_answers(void **state)
{
    (void)state;
    static const struct {
        unsigned bits;
        uint64_t iv;
        const char *key, *text;
    } rows[] = {
        {128, 0, "ae6852f8121067cc4bf7a5765577f39e00000030", "e4095d4fb7a7b3792d6175a3261311b8"},
        {192, 0x36733c147d6d93cb, "16af5b145fc9f579c175f93e3bfb0eed863d06ccfdb7851500000048",
         "4b55384fe259c9c84e7935a003cbe928"},
        {256, 0xdb5672c97aa8f0b2, "776beff2851db06f4c8a0542c8696f6c6a81af1eec96b4d37fc1d689e6c1c10400000060",
         "145ad01dbf824ec7560863dc71e3e0c0"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct dp_suite suite = DP_SUITE(DP_CIPHER_AES_CTR, rows[i].bits, DP_INTEG_SHA1_96);
        uint8_t k[DP_KEY_MAX] = {0}, want[16], sealed[100];
        hex(rows[i].key, k);
        assert_int_equal(hex(rows[i].text, want), 16);
        struct esp *out = esp_new(suite, k, suite_key_len(suite), true, true);
        assert_int_not_equal(esp_seal(out, 7, rows[i].iv, 4, (const uint8_t *)"Single block msg", 16, sealed), 0);
        assert_memory_equal(sealed + 16, want, 16);
        esp_free(out);
    }
}

// RFC 7634 appendix A: a whole packet of ESP, with an IV of its own.
static void chacha20_published_packet(void **state)
{
    (void)state;
    uint8_t k[36], packet[200], inner[200], want[200];
    size_t got;
    struct dp_suite suite = DP_SUITE(DP_CIPHER_CHACHA20_POLY1305, 0, DP_INTEG_NONE);
    hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3", k);
    size_t len = hex("01020304000000051011121314151617"
                     "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
                     "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
                     "cbec163fac469b502773f6fb94e664da9165b82829f641e0"
                     "76aaa8266b7fb0f7b11b369907e1ad43",
                     packet);
    size_t inner_len = hex("45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
                           "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
                           "2425262728292a2b2c2d2e2f3031323334353637",
                           want);
    struct esp *in = esp_new(suite, k, sizeof(k), false, false);
    assert_int_equal(esp_open(in, 5, packet, len, inner, &next, &got), ESP_OK);
    assert_int_equal(got, inner_len);
    assert_memory_equal(inner, want, inner_len);
    esp_free(in);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 37 + 11);
    suites = handmade_suites(SUITES);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_of_keys_are_checked),
        cmocka_unit_test(what_makes_no_suite_is_refused),
        cmocka_unit_test(as_much_fits_as_is_said),
        cmocka_unit_test(both_ways_agree_with_hand_made_packets),
        cmocka_unit_test(every_single_bit_error_is_refused),
        cmocka_unit_test(short_packets_are_refused),
        cmocka_unit_test(padding_is_checked),
        cmocka_unit_test(any_payload_passes_with_its_protocol),
        cmocka_unit_test(ivs_of_cbc_do_not_repeat),
        cmocka_unit_test(ivs_of_counter_modes_are_the_sequence_number),
        cmocka_unit_test(aes_ctr_published_answers),
        cmocka_unit_test(chacha20_published_packet),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("esp", tests, NULL, NULL);
}
