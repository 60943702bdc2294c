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
static const enum dp_suite SUITES[] = {DP_SUITE_AES_GCM_128, DP_SUITE_AES_GCM_256, DP_SUITE_AES_CBC_128_SHA256,
                                       DP_SUITE_AES_CBC_256_SHA256};

static struct esp *make(enum dp_suite suite, bool esn, bool seal)
{
    struct esp *e = esp_new(suite, key, esp_key_len(suite), esn, seal);
    assert_non_null(e);
    return e;
}

static void lengths_of_keys_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (size_t len = 0; len <= DP_KEY_MAX; len++) {
            struct esp *e = esp_new(SUITES[i], key, len, false, true);
            assert_int_equal(e != NULL, len == esp_key_len(SUITES[i]));
            esp_free(e);
        }
    assert_null(esp_new((enum dp_suite)9, key, 20, false, true));
}

// Every inner size from the smallest: what we seal opens by hand, and what was sealed by hand we open.
static void both_ways_agree_with_hand_made_packets(void **state)
{
    (void)state;
    static uint8_t inner[9000], sealed[9100], text[9100];
    for (size_t i = 0; i < 8; i++) {
        enum dp_suite suite = SUITES[i / 2];
        bool esn = i % 2;
        struct esp *out = make(suite, esn, true), *in = make(suite, esn, false);
        for (size_t len = 20; len <= 9000; len = len < 200 ? len + 1 : len + 977) {
            struct handmade h = HANDMADE(suite, key, 0x12345678, 0x700000000 + len);
            h.esn = esn;
            if (!esn)
                h.seq = (uint32_t)h.seq;
            handmade_ipv4(inner, len, "10.1.0.1", "10.2.0.1", (unsigned)len);
            size_t n = esp_seal(out, h.spi, h.seq, inner, len, sealed), got;
            assert_in_range(n, len + 1, len + ESP_OVERHEAD - 1);
            int plain = handmade_open(&h, sealed, n, text);
            assert_in_range(plain, len + 2, len + 2 + 15);
            assert_memory_equal(text, inner, len);
            assert_int_equal(text[plain - 1], 4);
            n = handmade_seal(&h, inner, len, sealed);
            assert_int_equal(esp_open(in, h.seq, sealed, n, text, &got), ESP_OK);
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
    for (size_t i = 0; i < 8; i++) {
        struct handmade h = HANDMADE(SUITES[i / 2], key, 4711, 0x100000005);
        h.esn = i % 2;
        struct esp *in = make(h.suite, h.esn, false);
        handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 5);
        size_t n = handmade_seal(&h, inner, sizeof(inner), sealed);
        for (size_t bit = 0; bit < n * 8; bit++) {
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
            memset(text, 0xee, sizeof(text));
            uint64_t low = (uint64_t)sealed[4] << 24 | (uint64_t)sealed[5] << 16 | (uint64_t)sealed[6] << 8 | sealed[7];
            assert_int_equal(esp_open(in, (h.seq >> 32 << 32) | low, sealed, n, text, &got), ESP_AUTH_FAIL);
            assert_int_not_equal(memcmp(text, inner, 20), 0); // nothing of it is released
            sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        // a wrong upper half of the sequence number, which is not in the packet, is noticed with ESN
        assert_int_equal(esp_open(in, 5, sealed, n, text, &got), h.esn ? ESP_AUTH_FAIL : ESP_OK);
        assert_int_equal(esp_open(in, h.seq, sealed, n, text, &got), ESP_OK);
        esp_free(in);
    }
}

static void short_packets_are_refused(void **state)
{
    (void)state;
    uint8_t inner[64], sealed[200], text[200];
    size_t got;
    for (size_t i = 0; i < 4; i++) {
        struct handmade h = HANDMADE(SUITES[i], key, 4711, 1);
        struct esp *in = make(h.suite, false, false);
        handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 5);
        size_t n = handmade_seal(&h, inner, sizeof(inner), sealed), least = i < 2 ? 8 + 8 + 4 + 16 : 8 + 16 + 16 + 16;
        for (size_t len = 0; len < n; len++) {
            uint8_t *exact = malloc(len ? len : 1); // the sanitizer sees reads beyond
            memcpy(exact, sealed, len);
            enum esp_result r = esp_open(in, 1, exact, len, text, &got);
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
    enum esp_result r = esp_open(in, h->seq, sealed, n, text, got);
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

static void next_header_and_inner_header_are_checked(void **state)
{
    (void)state;
    uint8_t inner[100];
    size_t got;
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 9);
    struct handmade h = HANDMADE(DP_SUITE_AES_GCM_128, key, 7, 1);
    for (h.next = 0; h.next < 256; h.next++)
        assert_int_equal(open_made(&h, inner, 98, &got), h.next == 59 ? ESP_DUMMY : ESP_BAD_PADDING); // 98 < total
    for (h.next = 0; h.next < 256; h.next++)
        assert_int_equal(open_made(&h, inner, 100, &got), h.next == 59  ? ESP_DUMMY
                                                          : h.next == 4 ? ESP_OK
                                                                        : ESP_BAD_PADDING);
    h.next = -1;
    inner[0] = 0x65;
    assert_int_equal(open_made(&h, inner, 100, &got), ESP_BAD_PADDING); // version
    inner[0] = 0x44;
    assert_int_equal(open_made(&h, inner, 100, &got), ESP_BAD_PADDING); // header of 16 bytes
    inner[0] = 0x4f;
    inner[3] = 59;
    assert_int_equal(open_made(&h, inner, 100, &got), ESP_BAD_PADDING); // total length below the header's
    inner[0] = 0x45;
    assert_int_equal(open_made(&h, inner, 100, &got), ESP_OK); // bytes behind the packet hide its length
    assert_int_equal(got, 59);
    assert_int_equal(open_made(&h, inner, 19, &got), ESP_BAD_PADDING);
}

static void ivs_of_cbc_do_not_repeat(void **state)
{
    (void)state;
    uint8_t inner[40], a[200], b[200];
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 9);
    struct esp *out = make(DP_SUITE_AES_CBC_256_SHA256, false, true);
    esp_seal(out, 7, 1, inner, 40, a);
    esp_seal(out, 7, 1, inner, 40, b);
    assert_int_not_equal(memcmp(a + 8, b + 8, 16), 0);
    esp_free(out);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 37 + 11);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_of_keys_are_checked),
        cmocka_unit_test(both_ways_agree_with_hand_made_packets),
        cmocka_unit_test(every_single_bit_error_is_refused),
        cmocka_unit_test(short_packets_are_refused),
        cmocka_unit_test(padding_is_checked),
        cmocka_unit_test(next_header_and_inner_header_are_checked),
        cmocka_unit_test(ivs_of_cbc_do_not_repeat),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("esp", tests, NULL, NULL);
}
