// SPDX-License-Identifier: BSD-2-Clause
// IP packets, GRE and selectors in memory.
#include "hostd/dp/gre.h"
#include "hostd/dp/packet.h"
#include "hostd/dp/selectors.h"
#include "tests/unit/ip_of.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { TCP = 6, UDP = 17, GRE = 47, HOP_BY_HOP = 0, FRAGMENT = 44, DESTINATION = 60 };

// A packet of `proto` with these ports as its payload, then `more` bytes of zero. Its length.
static size_t make(uint8_t *out, const char *src, const char *dst, uint8_t proto, uint16_t sport, uint16_t dport,
                   size_t more)
{
    struct ip_addr a = ip_of(src), b = ip_of(dst);
    uint8_t payload[200] = {(uint8_t)(sport >> 8), (uint8_t)sport, (uint8_t)(dport >> 8), (uint8_t)dport};
    uint8_t header[PACKET_HEADER_MAX];
    size_t n = packet_header(header, &a, &b, proto, 4 + more, 1);
    assert_int_equal(n, a.family == 4 ? 20 : 40);
    memcpy(out, header, n);
    memcpy(out + n, payload, 4 + more);
    return n + 4 + more;
}

static void both_families_are_understood(void **state)
{
    (void)state;
    static const char *const ends[][2] = {{"10.1.0.1", "10.2.0.1"}, {"2001:db8::1", "2001:db8::2"}};
    for (int i = 0; i < 2; i++) {
        uint8_t data[300];
        struct packet p;
        size_t len = make(data, ends[i][0], ends[i][1], UDP, 1000, 2000, 20);
        assert_true(packet_parse(data, len, &p));
        struct ip_addr src = ip_of(ends[i][0]), dst = ip_of(ends[i][1]);
        assert_int_equal(p.family, src.family);
        assert_int_equal(p.proto, UDP);
        assert_int_equal(p.len, len);
        assert_int_equal(p.payload_len, 24);
        assert_ptr_equal(p.payload, data + len - 24);
        assert_true(p.has_ports && !p.fragment);
        assert_int_equal(p.sport, 1000);
        assert_int_equal(p.dport, 2000);
        assert_memory_equal(p.src, src.b, ip_size(src.family));
        assert_memory_equal(p.dst, dst.b, ip_size(dst.family));
        assert_true(packet_parse(data, len + 10, &p)); // what follows is not its own
        assert_int_equal(p.len, len);
    }
}

static void what_is_cut_off_is_no_packet(void **state)
{
    (void)state;
    static const char *const ends[][2] = {{"10.1.0.1", "10.2.0.1"}, {"2001:db8::1", "2001:db8::2"}};
    for (int i = 0; i < 2; i++) {
        uint8_t data[300];
        struct packet p;
        size_t len = make(data, ends[i][0], ends[i][1], TCP, 1, 2, 30);
        for (size_t n = 0; n < len; n++) {
            uint8_t *exact = malloc(n ? n : 1); // the sanitizer sees reads beyond
            memcpy(exact, data, n);
            assert_false(packet_parse(exact, n, &p));
            free(exact);
        }
    }
    uint8_t data[60] = {0};
    struct packet p;
    data[6] = 59; // IPv6: nothing follows
    for (unsigned version = 0; version < 16; version++) {
        data[0] = (uint8_t)(version << 4 | 5);
        data[3] = 60;
        assert_int_equal(packet_parse(data, sizeof(data), &p), version == 4 || version == 6);
    }
    data[6] = 0;
    data[0] = 0x44; // a header of 16 bytes
    assert_false(packet_parse(data, sizeof(data), &p));
    data[0] = 0x4f;
    data[3] = 59; // total length below the header's
    assert_false(packet_parse(data, sizeof(data), &p));
}

// Extension headers in front of `proto`; the length of the packet.
static size_t extended(uint8_t *out, const uint8_t *kinds, unsigned n, uint8_t proto, uint16_t fragment)
{
    struct ip_addr a = ip_of("2001:db8::1"), b = ip_of("2001:db8::2");
    size_t at = packet_header(out, &a, &b, n ? kinds[0] : proto, n * 8 + 4, 0);
    for (unsigned i = 0; i < n; i++, at += 8) {
        memset(out + at, 0, 8);
        out[at] = i + 1 < n ? kinds[i + 1] : proto;
        if (kinds[i] == FRAGMENT) {
            out[at + 2] = (uint8_t)(fragment >> 8);
            out[at + 3] = (uint8_t)fragment;
        }
    }
    memcpy(out + at, "\x01\x00\x02\x00", 4);
    return at + 4;
}

static void ipv6_extension_headers_are_walked(void **state)
{
    (void)state;
    uint8_t data[400];
    struct packet p;
    const uint8_t kinds[] = {HOP_BY_HOP, DESTINATION, FRAGMENT, DESTINATION};
    size_t len = extended(data, kinds, 4, TCP, 0);
    assert_true(packet_parse(data, len, &p));
    assert_int_equal(p.proto, TCP);
    assert_true(p.has_ports && !p.fragment);
    assert_int_equal(p.sport, 256);
    assert_int_equal(p.payload_len, 4);
    len = extended(data, kinds, 4, TCP, 0x0001); // the first of several
    assert_true(packet_parse(data, len, &p) && p.fragment && p.has_ports);
    len = extended(data, kinds + 2, 1, TCP, 0x0051); // not the first
    assert_true(packet_parse(data, len, &p) && p.fragment && !p.has_ports);
    assert_int_equal(p.proto, TCP);
    len = extended(data, kinds, 2, TCP, 0);
    data[41] = 200; // a header longer than the packet
    assert_false(packet_parse(data, len, &p));
    uint8_t many[30];
    memset(many, DESTINATION, sizeof(many));
    len = extended(data, many, 30, TCP, 0);
    assert_false(packet_parse(data, len, &p));
}

static void ipv4_fragments_have_ports_in_the_first_only(void **state)
{
    (void)state;
    uint8_t data[100];
    struct packet p;
    size_t len = make(data, "10.1.0.1", "10.2.0.1", UDP, 7, 8, 0);
    data[6] = 0x20;
    assert_true(packet_parse(data, len, &p) && p.fragment && p.has_ports);
    data[6] = 0x00;
    data[7] = 3;
    assert_true(packet_parse(data, len, &p) && p.fragment && !p.has_ports);
}

static struct dp_ts ts(const char *first, const char *last, uint8_t proto, uint16_t lo, uint16_t hi)
{
    struct ip_addr a = ip_of(first), b = ip_of(last);
    struct dp_ts t = {.family = a.family, .proto = proto, .port_lo = lo, .port_hi = hi};
    memcpy(t.first, a.b, 16);
    memcpy(t.last, b.b, 16);
    return t;
}

static void selectors_look_at_both_ends(void **state)
{
    (void)state;
    struct dp_selectors *s = dp_selectors_new(2, 3);
    s->ts[0] = ts("10.1.0.0", "10.1.0.255", 0, 0, 65535);
    s->ts[1] = ts("2001:db8:1::", "2001:db8:1::ff", 0, 0, 65535);
    s->ts[2] = ts("10.2.0.3", "10.2.0.5", 0, 0, 65535);
    s->ts[3] = ts("10.3.0.0", "10.3.255.255", TCP, 443, 444);
    s->ts[4] = ts("2001:db8:2::", "2001:db8:2::ffff", UDP, 53, 53);
    static const struct {
        const char *local, *remote;
        uint8_t proto;
        uint16_t local_port, remote_port;
        bool pass;
    } rows[] = {
        {"10.1.0.0", "10.2.0.3", UDP, 1, 2, true},
        {"10.1.0.255", "10.2.0.5", TCP, 1, 2, true},
        {"10.1.0.1", "10.2.0.2", TCP, 1, 2, false},
        {"10.1.0.1", "10.2.0.6", TCP, 1, 2, false},
        {"10.1.1.0", "10.2.0.3", TCP, 1, 2, false},
        {"10.1.0.1", "10.3.9.9", TCP, 5, 443, true},
        {"10.1.0.1", "10.3.9.9", TCP, 443, 5, false}, // the port of the wrong end
        {"10.1.0.1", "10.3.9.9", TCP, 5, 445, false},
        {"10.1.0.1", "10.3.9.9", UDP, 5, 443, false},
        {"2001:db8:1::7", "2001:db8:2::5", UDP, 9, 53, true},
        {"2001:db8:1::7", "2001:db8:2::5", UDP, 9, 54, false},
        {"2001:db8:1::100", "2001:db8:2::5", UDP, 9, 53, false},
        {"2001:db8:1::7", "2001:db8:3::5", UDP, 9, 53, false},
    };
    assert_true(selectors_valid(s));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t data[100];
        struct packet p;
        size_t len =
            make(data, rows[i].local, rows[i].remote, rows[i].proto, rows[i].local_port, rows[i].remote_port, 4);
        assert_true(packet_parse(data, len, &p));
        assert_int_equal(selectors_pass(s, DP_OUT, &p), rows[i].pass);
        len = make(data, rows[i].remote, rows[i].local, rows[i].proto, rows[i].remote_port, rows[i].local_port, 4);
        assert_true(packet_parse(data, len, &p));
        assert_int_equal(selectors_pass(s, DP_IN, &p), rows[i].pass);
    }
    s->ts[1] = ts("2001:db8:1::2", "2001:db8:1::1", 0, 0, 65535);
    assert_false(selectors_valid(s));
    s->ts[1] = ts("2001:db8:1::1", "2001:db8:1::1", 0, 2, 1);
    assert_false(selectors_valid(s));
    dp_selectors_unref(s);
}

static void fragments_and_icmp_meet_selectors_of_ports(void **state)
{
    (void)state;
    uint8_t data[100];
    struct packet p;
    struct dp_selectors *s = dp_selectors_new(1, 1);
    s->ts[0] = ts("10.1.0.1", "10.1.0.1", UDP, 0, 65535);
    s->ts[1] = ts("10.2.0.1", "10.2.0.1", UDP, 53, 53);
    size_t len = make(data, "10.1.0.1", "10.2.0.1", UDP, 7, 53, 0);
    assert_true(packet_parse(data, len, &p) && selectors_pass(s, DP_OUT, &p));
    data[7] = 3; // not the first fragment: its ports are elsewhere
    assert_true(packet_parse(data, len, &p) && !selectors_pass(s, DP_OUT, &p));
    s->ts[1].port_lo = 0;
    s->ts[1].port_hi = 65535;
    assert_true(selectors_pass(s, DP_OUT, &p));
    s->ts[0] = ts("10.1.0.1", "10.1.0.1", 1, 0x0800, 0x0800); // echo requests
    s->ts[1] = ts("10.2.0.1", "10.2.0.1", 1, 0, 65535);
    len = make(data, "10.1.0.1", "10.2.0.1", 1, 0x0800, 0, 4);
    assert_true(packet_parse(data, len, &p) && selectors_pass(s, DP_OUT, &p));
    len = make(data, "10.1.0.1", "10.2.0.1", 1, 0x0000, 0, 4);
    assert_true(packet_parse(data, len, &p) && !selectors_pass(s, DP_OUT, &p));
    dp_selectors_unref(s);
}

static void prefixes_are_told_from_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *first, *last;
        bool prefix;
        uint32_t address, mask;
    } rows[] = {
        {"10.1.0.0", "10.1.0.255", true, 0x0a010000, 0xffffff00},
        {"0.0.0.0", "255.255.255.255", true, 0, 0},
        {"10.1.0.7", "10.1.0.7", true, 0x0a010007, 0xffffffff},
        {"10.1.0.0", "10.1.0.254", false, 0, 0},
        {"10.1.0.1", "10.1.0.2", false, 0, 0},
        {"10.1.0.128", "10.1.1.127", false, 0, 0},
        {"128.0.0.0", "255.255.255.255", true, 0x80000000, 0x80000000},
        {"2001:db8::", "2001:db8::ffff", false, 0, 0},
    };
    uint32_t address, mask;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dp_ts r[2] = {ts(rows[i].first, rows[i].last, 0, 0, 65535), ts("1.1.1.1", "1.1.1.1", 0, 0, 65535)};
        assert_int_equal(selectors_prefix(r, 1, &address, &mask), rows[i].prefix);
        if (rows[i].prefix) {
            assert_int_equal(address, rows[i].address);
            assert_int_equal(mask, rows[i].mask);
        }
        assert_false(selectors_prefix(r, 2, &address, &mask));
        assert_true(selectors_prefix(r, 0, &address, &mask));
        assert_int_equal(mask, 0);
        r[0].proto = TCP;
        assert_false(selectors_prefix(r, 1, &address, &mask));
    }
}

static void gre_headers_are_read_and_written(void **state)
{
    (void)state;
    uint8_t data[64];
    struct gre g;
    size_t n = gre_put(data, GRE_IPV6, false, 0);
    assert_int_equal(n, 4);
    assert_memory_equal(data, "\x00\x00\x86\xdd", 4);
    n = gre_put(data, GRE_IPV4, true, 0x01020304);
    assert_memory_equal(data, "\x20\x00\x08\x00\x01\x02\x03\x04", 8);
    assert_true(gre_parse(data, n + 20, &g));
    assert_int_equal(g.protocol, GRE_IPV4);
    assert_true(g.has_key);
    assert_int_equal(g.key, 0x01020304);
    assert_int_equal(g.len, 20);
    assert_ptr_equal(g.payload, data + 8);
    // Checksum, key and sequence number, as RFC 2890 orders them; the sum is that of these bytes.
    static const uint8_t full[] = {0xb0, 0x00, 0x08, 0x00, 0x46, 0xc6, 0, 0, 0, 0, 0, 0x2a, 0, 0, 0, 1, 1, 2, 0, 5, 9};
    assert_true(gre_parse(full, sizeof(full), &g) == false); // the sum is wrong
    uint8_t right[sizeof(full)];
    memcpy(right, full, sizeof(full));
    uint32_t sum = 0;
    right[4] = right[5] = 0;
    for (size_t i = 0; i < sizeof(right); i++)
        sum += (uint32_t)right[i] << (i % 2 ? 0 : 8);
    sum = (sum & 0xffff) + (sum >> 16);
    right[4] = (uint8_t)(~sum >> 8);
    right[5] = (uint8_t)~sum;
    assert_true(gre_parse(right, sizeof(right), &g));
    assert_int_equal(g.key, 0x2a);
    assert_int_equal(g.len, 5);
    for (size_t len = 0; len < 16; len++)
        assert_false(gre_parse(right, len, &g));
    for (unsigned bit = 0; bit < 16; bit++) { // each flag alone, over zeros
        uint8_t zero[20] = {(uint8_t)(1u << bit >> 8), (uint8_t)(1u << bit), 8, 0};
        bool may = bit >= 3 && bit < 10; // reserved: to be ignored
        may |= bit == 13 || bit == 12;   // key, sequence number
        assert_int_equal(gre_parse(zero, sizeof(zero), &g), may);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_families_are_understood),
        cmocka_unit_test(what_is_cut_off_is_no_packet),
        cmocka_unit_test(ipv6_extension_headers_are_walked),
        cmocka_unit_test(ipv4_fragments_have_ports_in_the_first_only),
        cmocka_unit_test(selectors_look_at_both_ends),
        cmocka_unit_test(fragments_and_icmp_meet_selectors_of_ports),
        cmocka_unit_test(prefixes_are_told_from_ranges),
        cmocka_unit_test(gre_headers_are_read_and_written),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("packets, GRE and selectors", tests, NULL, NULL);
}
