// SPDX-License-Identifier: BSD-2-Clause
// The bounded buffers, and the IKEv2 codec: round trips, and for each payload what a hostile sender would try.
#include "hostd/ike/ike_codec.h"
#include "hostd/ike/ike_proposal.h"
#include "tests/unit/ip_of.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static uint8_t mem[8192];

static enum ike_decode decode(const struct ike_build *b, struct ike_payloads *p)
{
    assert_true(wbuf_ok(&b->w));
    return ike_payloads_decode(b->first, b->w.data, b->w.len, p);
}

// --- buffers

static void reading_past_the_end_is_sticky(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct buf b;
    buf_init(&b, data, sizeof(data));
    assert_int_equal(buf_u8(&b), 1);
    assert_int_equal(buf_u16(&b), 0x0203);
    assert_int_equal(buf_u24(&b), 0x040506);
    assert_int_equal(buf_left(&b), 3);
    assert_true(buf_ok(&b));
    assert_int_equal(buf_u32(&b), 0);
    assert_false(buf_ok(&b));
    assert_int_equal(buf_u8(&b), 0); // although there were bytes
    assert_int_equal(buf_left(&b), 0);
    assert_null(buf_take(&b, 0));
    buf_init(&b, data, sizeof(data));
    assert_true(buf_u64(&b) == 0x0102030405060708u);
    buf_init(&b, data, sizeof(data));
    assert_true(buf_u64_le(&b) == 0x0807060504030201u);
    buf_init(&b, data, sizeof(data));
    assert_int_equal(buf_u16_le(&b), 0x0201);
    assert_int_equal(buf_u32_le(&b), 0x06050403);
    struct buf sub = buf_sub(&b, 2);
    assert_int_equal(buf_u16(&sub), 0x0708);
    assert_int_equal(buf_u8(&sub), 0);
    assert_false(buf_ok(&sub));
    assert_true(buf_ok(&b)); // only the inner one failed
    sub = buf_sub(&b, 2);
    assert_false(buf_ok(&sub) || buf_ok(&b));
    uint8_t out[4] = {9, 9, 9, 9};
    buf_bytes(&b, out, 4);
    assert_int_equal(out[0] | out[3], 0);
    buf_init(&b, NULL, 0);
    assert_true(buf_ok(&b));
    buf_init(&b, NULL, 5);
    assert_false(buf_ok(&b));
}

static void writing_past_the_end_is_sticky(void **state)
{
    (void)state;
    uint8_t out[16];
    struct wbuf w;
    memset(out, 0xee, sizeof(out));
    wbuf_init(&w, out, 11);
    wbuf_u16(&w, 0);
    wbuf_u24(&w, 0x010203);
    wbuf_u32_le(&w, 0x07060504);
    wbuf_patch_len16(&w, 0, 2);
    const uint8_t want[] = {0, 7, 1, 2, 3, 4, 5, 6, 7};
    assert_memory_equal(out, want, sizeof(want));
    assert_int_equal(wbuf_room(&w), 2);
    wbuf_u32(&w, 1);
    assert_false(wbuf_ok(&w));
    wbuf_u8(&w, 1);
    assert_int_equal(w.len, 9);
    assert_int_equal(out[9], 0xee);
    wbuf_init(&w, out, 16);
    wbuf_patch_u32(&w, 0, 1); // nothing written yet
    assert_false(wbuf_ok(&w));
    wbuf_init(&w, out, 16);
    wbuf_u64(&w, 0x0102030405060708u);
    wbuf_u64_le(&w, 0x0102030405060708u);
    assert_int_equal(out[0], 1);
    assert_int_equal(out[8], 8);
    wbuf_patch_len32(&w, 4, 0);
    assert_int_equal(out[7], 16);
    assert_true(wbuf_ok(&w));
    wbuf_patch_len16(&w, 15, 0);
    assert_false(wbuf_ok(&w));
}

// --- round trips

static void a_message_round_trip(void **state)
{
    (void)state;
    struct ike_build b;
    struct ike_header h = {.spi_i = 0x1122334455667788,
                           .spi_r = 0x99aabbccddeeff00,
                           .exchange = IKE_X_SA_INIT,
                           .flags = IKE_F_RESPONSE,
                           .mid = 7},
                      r;
    struct ike_payloads p;
    ike_build_message(&b, mem, sizeof(mem), &h);
    ike_put_ke(&b, IKE_DH_ECP_256, "abcd", 4);
    ike_put_raw(&b, IKE_P_NONCE, "0123456789abcdef", 16);
    ike_put_notify_spi(&b, IKE_N_REKEY_SA, IKE_PROTO_ESP, "\1\2\3\4", 4, "data", 4);
    const size_t n = ike_build_finish(&b);
    assert_true(ike_header_decode(mem, n, &r));
    assert_true(r.spi_i == h.spi_i && r.spi_r == h.spi_r);
    assert_int_equal(r.length, n);
    assert_int_equal(r.mid, 7);
    assert_int_equal(r.version, 0x20);
    assert_int_equal(r.next, IKE_P_KE);
    assert_int_equal(ike_payloads_decode(r.next, mem + IKE_HEADER_LEN, n - IKE_HEADER_LEN, &p), IKE_DECODE_OK);
    assert_int_equal(p.ke.group, IKE_DH_ECP_256);
    assert_int_equal(p.ke.data.len, 4);
    assert_int_equal(p.nonce.len, 16);
    const struct ike_notify_in *nt = ike_find_notify(&p, IKE_N_REKEY_SA);
    assert_non_null(nt);
    assert_int_equal(nt->proto, IKE_PROTO_ESP);
    assert_memory_equal(nt->spi.p, "\1\2\3\4", 4);
    assert_memory_equal(nt->data.p, "data", 4);
    assert_null(ike_find_error(&p));
    assert_false(ike_header_decode(mem, IKE_HEADER_LEN - 1, &r));
}

static void proposals_round_trip_and_are_chosen(void **state)
{
    (void)state;
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    struct ike_chosen c;
    struct ike_payloads p;
    struct ike_build b;
    const uint8_t n = ike_default_ike_proposals(props);
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_offer(&b, props, n, IKE_PROTO_IKE, "12345678", 8, false);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    assert_int_equal(ike_first_proto(p.sa), IKE_PROTO_IKE);
    assert_true(ike_choose(props, n, p.sa, IKE_PROTO_IKE, 8, IKE_GROUP_NEED, IKE_DH_ECP_384, &c));
    assert_int_equal(c.suite.encr, IKE_ENCR_AES_GCM_16);
    assert_int_equal(c.suite.group, IKE_DH_ECP_384); // the one a KE came for
    assert_int_equal(c.number, 1);
    assert_memory_equal(c.spi, "12345678", 8);
    // CBC alone: the second proposal.
    assert_true(ike_choose(props + 1, 1, p.sa, IKE_PROTO_IKE, 8, IKE_GROUP_NEED, 0, &c));
    assert_int_equal(c.number, 2);
    assert_int_equal(c.suite.integ, IKE_INTEG_HMAC_SHA2_384_192);
    const struct ike_chosen cbc = c;
    // Wrong protocol, wrong SPI size.
    assert_false(ike_choose(props, n, p.sa, IKE_PROTO_ESP, 8, IKE_GROUP_NEED, 0, &c));
    assert_false(ike_choose(props, n, p.sa, IKE_PROTO_IKE, 0, IKE_GROUP_NEED, 0, &c));
    // The answer: one of each kind, and ours.
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_choice(&b, &cbc.suite, cbc.number, IKE_PROTO_IKE, "abcdefgh", 8);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    assert_true(ike_check_choice(props, n, p.sa, IKE_PROTO_IKE, 8, false, &c));
    // An answer with all that was offered is none; neither is one that was not offered.
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_offer(&b, props, 1, IKE_PROTO_IKE, "12345678", 8, false);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    assert_false(ike_check_choice(props, n, p.sa, IKE_PROTO_IKE, 8, false, &c));
    struct ike_suite other = {.encr = IKE_ENCR_AES_GCM_16, .encr_bits = 192, .prf = 5, .group = 19};
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_choice(&b, &other, 1, IKE_PROTO_IKE, "12345678", 8);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    assert_false(ike_check_choice(props, n, p.sa, IKE_PROTO_IKE, 8, false, &c));
}

// One transform more than we know, an attribute that we do not know, ESN both ways, an AEAD with integrity.
static void strange_proposals(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t bytes[80];
        uint8_t len;
        bool fits, esn;
    } rows[] = {
        {"GCM, ESN on and off",
         {0,    0,  0, 40, 1, 3, 4, 3, 1, 2, 3, 4, 3, 0, 0, 12, 1, 0, 0, 20,
          0x80, 14, 1, 0,  3, 0, 0, 8, 5, 0, 0, 1, 0, 0, 0, 8,  5, 0, 0, 0},
         40,
         true,
         true},
        {"GCM, no ESN transform at all",
         {0, 0, 0, 24, 1, 3, 4, 1, 1, 2, 3, 4, 0, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0},
         24,
         true,
         false},
        {"GCM with integrity NONE",
         {0, 0, 0, 32, 1, 3, 4, 2, 1, 2, 3, 4, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, 0, 0, 0, 8, 3, 0, 0, 0},
         32,
         true,
         false},
        {"GCM with integrity SHA2-256",
         {0, 0, 0, 32, 1, 3, 4, 2, 1, 2, 3, 4, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, 0, 0, 0, 8, 3, 0, 0, 12},
         32,
         false,
         false},
        {"GCM with an unknown attribute",
         {0, 0, 0, 28, 1, 3, 4, 1, 1, 2, 3, 4, 0, 0, 0, 16, 1, 0, 0, 20, 0x80, 14, 1, 0, 0x80, 99, 0, 1},
         28,
         false,
         false},
        {"GCM with an unknown transform type",
         {0, 0, 0, 32, 1, 3, 4, 2, 1, 2, 3, 4, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, 0, 0, 0, 8, 9, 0, 0, 1},
         32,
         false,
         false},
        {"GCM without a key length", {0, 0, 0, 20, 1, 3, 4, 1, 1, 2, 3, 4, 0, 0, 0, 8, 1, 0, 0, 20}, 20, false, false},
    };
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    const uint8_t n = ike_default_esp_proposals(esp);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ike_chosen c;
        struct ike_build b;
        struct ike_payloads p;
        ike_build_chain(&b, mem, sizeof(mem));
        ike_put_raw(&b, IKE_P_SA, rows[i].bytes, rows[i].len);
        assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
        const bool fits = ike_choose(esp, n, p.sa, IKE_PROTO_ESP, 4, IKE_GROUP_NONE, 0, &c);
        if (fits != rows[i].fits)
            fail_msg("%s", rows[i].name);
        if (fits)
            assert_int_equal(c.suite.esn, rows[i].esn);
    }
}

static void a_very_long_proposal_list_is_read(void **state)
{
    (void)state;
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    struct ike_chosen c;
    struct ike_payloads p;
    struct ike_build b;
    (void)ike_default_ike_proposals(props);
    struct ike_proposal alien = props[1];
    alien.encr[0] = (struct ike_cipher){999, 7};
    alien.n_encr = 1;
    for (unsigned i = 0; i < 7; i++)
        props[i + 1] = alien;
    props[7] = props[0];
    props[0] = alien;
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_offer(&b, props, 8, IKE_PROTO_IKE, NULL, 0, false);
    assert_true(b.w.len > 700);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    assert_true(ike_choose(&props[7], 1, p.sa, IKE_PROTO_IKE, 0, IKE_GROUP_NEED, 0, &c));
    assert_int_equal(c.number, 8);
}

static void selectors_and_identities_round_trip(void **state)
{
    (void)state;
    struct ike_build b;
    struct ike_payloads p;
    struct ip_addr a4, a6;
    struct ike_ts ts[2], back[4];
    char text[80];
    a4 = ip_of("10.1.2.0");
    a6 = ip_of("2001:db8::");
    ts[0] = ike_ts_prefix(&a4, 24);
    ts[0].proto = 6;
    ts[0].port_lo = ts[0].port_hi = 443;
    ts[1] = ike_ts_prefix(&a6, 32);
    struct ike_id *id = ike_id_parse("joe@example.com");
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_id(&b, IKE_P_IDI, id);
    ike_put_auth(&b, IKE_AUTH_PSK, "auth", 4);
    ike_put_ts(&b, IKE_P_TSI, ts, 2);
    ike_put_ts(&b, IKE_P_TSR, ts + 1, 1);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    assert_int_equal(p.idi.type, IKE_ID_EMAIL);
    assert_int_equal(p.idi.data.len, 15);
    assert_int_equal(p.idi.body.len, 19);
    assert_int_equal(p.auth.method, IKE_AUTH_PSK);
    assert_int_equal(ike_ts_decode(p.tsi, back, 4), 2);
    assert_memory_equal(back, ts, sizeof(ts));
    assert_int_equal(ike_ts_decode(p.tsi, back, 1), 1);
    assert_string_equal(ike_ts_format(&ts[0], text, sizeof(text)), "10.1.2.0/24[6/443]");
    assert_string_equal(ike_ts_format(&ts[1], text, sizeof(text)), "2001:db8::/32");
    free(id);
}

static void narrowing(void **state)
{
    (void)state;
    const struct ip_addr net = ip_of("10.0.0.0"), host = ip_of("10.0.0.9"), other = ip_of("172.16.0.0");
    struct ike_ts want[2], allow[2], out[8];
    // The first selector of a request is often the packet that started it.
    want[0] = ike_ts_prefix(&host, 32);
    want[0].proto = 17;
    want[0].port_lo = want[0].port_hi = 53;
    want[1] = ike_ts_prefix(&net, 8);
    allow[0] = ike_ts_prefix(&net, 24);
    assert_int_equal(ike_ts_narrow(want, 2, allow, 1, out, 8), 1);
    assert_int_equal(ike_ts_prefix_len(&out[0]), 24);
    assert_int_equal(out[0].proto, 0);
    allow[0] = ike_ts_prefix(&other, 12);
    assert_int_equal(ike_ts_narrow(want, 2, allow, 1, out, 8), 0);
    allow[1] = ike_ts_prefix(&net, 16);
    allow[1].proto = 6;
    assert_int_equal(ike_ts_narrow(want, 2, allow, 2, out, 8), 1);
    assert_int_equal(out[0].proto, 6);
    assert_true(ike_ts_within(out, 1, want, 2));
    assert_false(ike_ts_within(want, 2, out, 1));
    assert_false(ike_ts_within(want, 0, out, 1));
}

// --- malformed

static struct ike_build all_payloads(void)
{
    struct ike_build b;
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    const struct ip_addr any = {.family = 4};
    const struct ike_ts ts = ike_ts_prefix(&any, 0);
    const uint32_t spi = 5;
    struct ike_id *id = ike_id_parse("a.example");
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_offer(&b, props, ike_default_esp_proposals(props), IKE_PROTO_ESP, "1234", 4, true);
    ike_put_ke(&b, IKE_DH_X25519, "0123456789abcdef0123456789abcdef", 32);
    ike_put_id(&b, IKE_P_IDI, id);
    ike_put_id(&b, IKE_P_IDR, id);
    ike_put_raw(&b, IKE_P_CERT, "\4cert", 5);
    ike_put_raw(&b, IKE_P_CERTREQ, "\4", 1);
    ike_put_auth(&b, IKE_AUTH_PSK, "auth", 4);
    ike_put_raw(&b, IKE_P_NONCE, "0123456789abcdef", 16);
    ike_put_notify(&b, IKE_N_INITIAL_CONTACT, NULL, 0);
    ike_put_delete(&b, IKE_PROTO_ESP, &spi, 1);
    ike_put_raw(&b, IKE_P_VENDOR, "vendor", 6);
    ike_put_ts(&b, IKE_P_TSI, &ts, 1);
    ike_put_ts(&b, IKE_P_TSR, &ts, 1);
    ike_put_cp(&b, IKE_CP_REQUEST, NULL, IKE_ASK_ALL);
    ike_put_raw(&b, IKE_P_EAP, "\1\1\0\4", 4);
    free(id);
    return b;
}

static void every_cut_of_a_chain_is_refused(void **state)
{
    (void)state;
    struct ike_build b = all_payloads();
    struct ike_payloads p;
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    for (size_t n = 0; n < b.w.len; n++) {
        uint8_t *exact = malloc(n ? n : 1); // so that a read past the end is seen
        memcpy(exact, mem, n);
        assert_int_equal(ike_payloads_decode(b.first, exact, n, &p), IKE_DECODE_SYNTAX);
        assert_non_null(p.why);
        free(exact);
    }
    mem[b.w.len] = 0;
    assert_int_equal(ike_payloads_decode(b.first, mem, b.w.len + 1, &p), IKE_DECODE_SYNTAX);
}

static void every_lying_length_is_refused_or_harmless(void **state)
{
    (void)state;
    struct ike_build b = all_payloads();
    struct ike_payloads p;
    unsigned refused = 0, tried = 0;
    uint8_t *exact = malloc(b.w.len);
    for (size_t at = 0; at < b.w.len; at++) {
        for (unsigned v = 0; v < 256; v++) {
            memcpy(exact, mem, b.w.len);
            exact[at] = (uint8_t)v;
            refused += ike_payloads_decode(b.first, exact, b.w.len, &p) != IKE_DECODE_OK;
            tried++;
        }
    }
    free(exact);
    assert_true(refused > tried / 10);
    assert_true(refused < tried);
}

// One payload of a type with a body: is it refused?
static bool refused(uint8_t type, const void *body, size_t len)
{
    struct ike_build b;
    struct ike_payloads p;
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_raw(&b, type, body, len);
    return decode(&b, &p) != IKE_DECODE_OK;
}

static void payloads_too_short_or_too_long(void **state)
{
    (void)state;
    static const uint8_t zeros[2100];
    assert_true(refused(IKE_P_SA, NULL, 0));
    assert_true(refused(IKE_P_SA, "\0\0\0\7\1\3\0\0", 8));                           // proposal length 7
    assert_true(refused(IKE_P_SA, "\0\0\0\10\1\3\4\0", 8));                          // SPI outside
    assert_true(refused(IKE_P_SA, "\2\0\0\10\1\3\0\0", 8));                          // another is promised
    assert_true(refused(IKE_P_SA, "\1\0\0\10\1\3\0\0", 8));                          // neither 0 nor 2
    assert_true(refused(IKE_P_SA, "\0\0\0\10\1\3\0\1", 8));                          // one transform promised
    assert_true(refused(IKE_P_SA, "\0\0\0\20\1\3\0\1\0\0\0\7\1\0\0\1", 16));         // transform length 7
    assert_true(refused(IKE_P_SA, "\0\0\0\20\1\3\0\1\3\0\0\10\1\0\0\1", 16));        // another transform promised
    assert_true(refused(IKE_P_SA, "\0\0\0\22\1\3\0\1\0\0\0\12\1\0\0\1\200\16", 18)); // half an attribute
    assert_true(refused(IKE_P_KE, "\0\37\0\0", 4));
    assert_true(refused(IKE_P_KE, zeros, 2100));
    assert_true(refused(IKE_P_NONCE, zeros, 15));
    assert_false(refused(IKE_P_NONCE, zeros, 16));
    assert_false(refused(IKE_P_NONCE, zeros, 256));
    assert_true(refused(IKE_P_NONCE, zeros, 257));
    assert_true(refused(IKE_P_IDI, "\1\0\0", 3));
    assert_true(refused(IKE_P_IDI, "\1\0\0\0\12\0\0", 7));   // an IPv4 address of 3 bytes
    assert_true(refused(IKE_P_IDI, "\5\0\0\0\12\0\0\1", 8)); // an IPv6 address of 4 bytes
    assert_true(refused(IKE_P_IDI, zeros, 4 + IKE_MAX_ID + 1));
    assert_false(refused(IKE_P_IDI, "\2\377\377\377x", 5)); // reserved bits are ignored
    assert_true(refused(IKE_P_AUTH, "\2\0\0\0", 4));
    assert_true(refused(IKE_P_NOTIFY, "\0\0\0", 3));
    assert_true(refused(IKE_P_NOTIFY, "\3\4\100\11\1\2\3", 7));           // SPI of 4 in 3 bytes
    assert_true(refused(IKE_P_DELETE, "\3\4\0\2\1\2\3\4", 8));            // two SPIs in 4 bytes
    assert_true(refused(IKE_P_DELETE, "\3\4\0\1\1\2\3\4\5", 9));          // and one in 5
    assert_true(refused(IKE_P_DELETE, "\3\0\377\377", 4));                // ESP SPIs of no size
    assert_true(refused(IKE_P_DELETE, "\1\10\0\1\1\2\3\4\5\6\7\10", 12)); // IKE by SPI
    assert_false(refused(IKE_P_DELETE, "\1\0\0\0", 4));
    assert_true(refused(IKE_P_TSI, "\0\0\0\0", 4)); // none
    assert_true(refused(IKE_P_TSI, "\1\0\0\0\7\0\0\7\0\0\0", 11));
    assert_true(
        refused(IKE_P_TSI, "\1\0\0\0\7\0\0\30\0\0\377\377\0\0\0\0\377\377\377\377\0\0\0\0\0\0\0\0", 28)); // IPv4, long
    assert_false(refused(IKE_P_TSI, "\1\0\0\0\11\0\0\12\0\0\0\0\0\0", 14)); // a type that we do not know
    assert_true(refused(IKE_P_CP, "\1\0\0\0\0\1\0\4\0\0\0", 11));
    assert_true(refused(IKE_P_CP, "\1\0\0\0\0\1\0\3\0\0\0", 11));      // an address of 3 bytes
    assert_false(refused(IKE_P_CP, "\1\0\0\0\177\377\0\3\0\0\0", 11)); // an attribute that we do not know
    assert_true(refused(IKE_P_EAP, "\1\1\0", 3));
    assert_true(refused(IKE_P_SKF, "\0\0\0\1x", 5)); // fragment 0
    assert_true(refused(IKE_P_SKF, "\0\2\0\1x", 5)); // fragment 2 of 1
    assert_true(refused(IKE_P_SKF, "\0\1\0", 3));
    assert_true(refused(IKE_P_CERT, NULL, 0));
}

static void payloads_that_come_twice(void **state)
{
    (void)state;
    static const uint8_t types[] = {IKE_P_NONCE, IKE_P_KE, IKE_P_IDI, IKE_P_IDR, IKE_P_AUTH, IKE_P_EAP};
    struct ike_payloads p;
    for (size_t i = 0; i < sizeof(types); i++) {
        struct ike_build b;
        ike_build_chain(&b, mem, sizeof(mem));
        ike_put_raw(&b, types[i], "\2\0\0\0aaaaaaaaaaaaaaaa", 20);
        assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
        ike_put_raw(&b, types[i], "\2\0\0\0aaaaaaaaaaaaaaaa", 20);
        assert_int_equal(decode(&b, &p), IKE_DECODE_SYNTAX);
        assert_string_equal(p.why, "comes twice");
        assert_int_equal(p.at, types[i]);
    }
}

static void the_critical_bit(void **state)
{
    (void)state;
    struct ike_build b;
    struct ike_payloads p;
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_raw(&b, 200, "x", 1);
    ike_put_raw(&b, IKE_P_NONCE, "0123456789abcdef", 16);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK); // unknown, and passed over
    assert_int_equal(p.nonce.len, 16);
    mem[1] = 0x7f; // reserved bits
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    mem[1] = 0x80;
    assert_int_equal(decode(&b, &p), IKE_DECODE_CRITICAL);
    assert_int_equal(p.bad_critical, 200);
    mem[1] = 0;
    mem[5 + 1] = 0x80; // critical on one that we know
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
}

static void many_payloads(void **state)
{
    (void)state;
    struct ike_build b;
    struct ike_payloads p;
    ike_build_chain(&b, mem, sizeof(mem));
    for (int i = 0; i < IKE_MAX_PAYLOADS; i++)
        ike_put_notify(&b, IKE_N_INITIAL_CONTACT, NULL, 0);
    assert_int_equal(decode(&b, &p), IKE_DECODE_OK);
    assert_int_equal(p.n_notify, IKE_MAX_NOTIFIES);
    ike_put_notify(&b, IKE_N_INITIAL_CONTACT, NULL, 0);
    assert_int_equal(decode(&b, &p), IKE_DECODE_SYNTAX);
    // A chain that does not fit is an error, not a short message.
    ike_build_chain(&b, mem, 20);
    ike_put_raw(&b, IKE_P_NONCE, "0123456789abcdef0", 17);
    assert_false(wbuf_ok(&b.w));
}

static void names_come_from_one_table(void **state)
{
    (void)state;
    assert_string_equal(ike_name(IKE_NAMES_NOTIFY, IKE_N_NO_PROPOSAL), "NO_PROPOSAL_CHOSEN");
    assert_string_equal(ike_name(IKE_NAMES_NOTIFY, 12345), "unknown");
    assert_string_equal(ike_encr_name(IKE_ENCR_AES_GCM_16, 256), "AES-GCM-256");
    const struct ike_name *n = ike_name_find(IKE_NAMES_ENCR, "aes-cbc-128");
    assert_non_null(n);
    assert_int_equal(n->number, IKE_ENCR_AES_CBC);
    assert_int_equal(n->bits, 128);
    assert_null(ike_name_find(IKE_NAMES_ENCR, "rot13"));
    for (int r = IKE_R_NONE; r <= IKE_R_PARENT; r++)
        assert_string_not_equal(ike_reason_name((enum ike_reason)r), "unknown");
    struct ike_suite s = {.encr = IKE_ENCR_AES_CBC, .encr_bits = 128, .integ = 12, .prf = 5, .group = 31, .esn = true};
    char text[100];
    assert_string_equal(ike_suite_format(&s, text, sizeof(text)),
                        "AES-CBC-128/HMAC-SHA2-256-128/PRF-HMAC-SHA2-256/Curve25519/ESN");
    assert_string_equal(ike_suite_format(&s, text, 8), "AES-CBC"); // cut, not overrun
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_past_the_end_is_sticky),
        cmocka_unit_test(writing_past_the_end_is_sticky),
        cmocka_unit_test(a_message_round_trip),
        cmocka_unit_test(proposals_round_trip_and_are_chosen),
        cmocka_unit_test(strange_proposals),
        cmocka_unit_test(a_very_long_proposal_list_is_read),
        cmocka_unit_test(selectors_and_identities_round_trip),
        cmocka_unit_test(narrowing),
        cmocka_unit_test(every_cut_of_a_chain_is_refused),
        cmocka_unit_test(every_lying_length_is_refused_or_harmless),
        cmocka_unit_test(payloads_too_short_or_too_long),
        cmocka_unit_test(payloads_that_come_twice),
        cmocka_unit_test(the_critical_bit),
        cmocka_unit_test(many_payloads),
        cmocka_unit_test(names_come_from_one_table),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_codec", tests, NULL, NULL);
}
