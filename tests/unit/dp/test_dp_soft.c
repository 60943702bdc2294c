// SPDX-License-Identifier: BSD-2-Clause
// The software datapath: two of them over the loopback, and packets made by hand on a raw socket.
#include "hostd/dp/esp.h"
#include "hostd/dp/soft.h"
#include "tests/unit/dp/answer.h"
#include "tests/unit/dp/handmade.h"
#include "tests/unit/dp/own_net.h"
#include "tests/unit/dp/soft_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct ip_addr NOWHERE;

static int setup(void **state)
{
    struct pair *p = malloc(sizeof(*p));
    pair_open(p);
    *state = p;
    return 0;
}
static int teardown(void **state)
{
    pair_close(*state);
    free(*state);
    return 0;
}

static int send_one(struct end *from, size_t len, unsigned seed)
{
    uint8_t inner[2000];
    bool a = from->address.b[3] == 1;
    handmade_ipv4(inner, len, a ? "10.1.0.1" : "10.2.0.1", a ? "10.2.0.1" : "10.1.0.1", seed);
    return dp_send_packet(from->dp, from->tunnel, inner, len);
}

static void exchange(struct pair *p, int count)
{
    struct end *ends[] = {&p->a, &p->b};
    for (int i = 0; i < 2; i++) {
        struct end *from = ends[i], *to = ends[1 - i];
        size_t before = to->packets;
        for (int n = 0; n < count; n++) {
            uint8_t inner[2000];
            size_t len = 20 + (size_t)(n * 37) % 1380;
            handmade_ipv4(inner, len, i ? "10.2.0.1" : "10.1.0.1", i ? "10.1.0.1" : "10.2.0.1", (unsigned)n);
            assert_int_equal(dp_send_packet(from->dp, from->tunnel, inner, len), 0);
            while (to->packets == before + (size_t)n)
                uv_run(&p->loop, UV_RUN_NOWAIT);
            size_t at = (to->packets - 1) % KEPT;
            assert_int_equal(to->len[at], len);
            assert_memory_equal(to->packet[at], inner, len);
            assert_int_equal(to->packet_tunnel[at], to->tunnel);
        }
    }
}

static void every_suite_and_form_carries_packets(void **state)
{
    (void)state;
    struct dp_suite suite[HANDMADE_SUITES];
    size_t suites = handmade_suites(suite);
    for (size_t i = 0; i < 4 * suites; i++) {
        struct pair *p = malloc(sizeof(*p));
        pair_open(p);
        pair_connect(p, suite[i / 4], i & 1, i & 2, 64);
        exchange(p, 20);
        assert_int_equal(pair_counter(p, &p->a, "esp_out_packets"), 20);
        assert_int_equal(pair_counter(p, &p->a, "esp_in_packets"), 20);
        struct dp_sa_counters in = pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE),
                              out = pair_sa_counters(p, &p->a, DP_OUT, p->b.spi, p->b.address);
        assert_int_equal(in.packets, 20);
        assert_int_equal(in.seq, 20);
        assert_memory_equal(&in, &out, sizeof(in));
        pair_close(p);
        free(p);
    }
}

// Sends an ESP packet of our own making to b over the loopback.
static void raw_send(struct pair *p, const uint8_t *esp, size_t len)
{
    struct sockaddr_storage to;
    socklen_t size = ip_to_sockaddr(&p->b.address, 0, &to);
    int fd = socket(to.ss_family, SOCK_RAW, IPPROTO_ESP);
    assert_int_equal(sendto(fd, esp, len, 0, (struct sockaddr *)&to, size), len);
    close(fd);
    pair_settle(p);
}

static void made(struct pair *p, uint64_t seq, bool esn)
{
    uint8_t inner[100], esp[200];
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", (unsigned)seq);
    struct handmade h = HANDMADE(DP_SUITE_AES_GCM_256, p->key_ab, p->b.spi, seq);
    h.esn = esn;
    raw_send(p, esp, handmade_seal(&h, inner, sizeof(inner), esp));
}

static void duplicates_and_old_packets_are_dropped_and_told_once(void **state)
{
    struct pair *p = *state;
    struct dp_sa in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_256, false);
    in.replay_window = 64;
    assert_int_equal(pair_install(p, &p->b, &in), 0);
    static const struct {
        uint64_t seq;
        bool pass;
    } rows[] = {{1, true},  {1, false},  {3, true},   {2, true},  {2, false},         {100, true},
                {37, true}, {36, false}, {37, false}, {0, false}, {UINT32_MAX, true}, {UINT32_MAX, false}};
    size_t passed = 0, dropped = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        made(p, rows[i].seq, false);
        rows[i].pass ? passed++ : dropped++;
        assert_int_equal(p->b.packets, passed);
    }
    assert_int_equal(pair_counter(p, &p->b, "esp_replay"), dropped);
    assert_int_equal(pair_events(&p->b, DP_EV_REPLAY), 1);
    assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE).replay, dropped);
    made(p, 1, false); // told again once the counters have been read
    assert_int_equal(pair_events(&p->b, DP_EV_REPLAY), 2);
}

static void extended_numbers_pass_the_wrap_on_the_wire(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, false, true, 64);
    struct soft *a = (struct soft *)p->a.dp, *b = (struct soft *)p->b.dp;
    struct soft_sa *out = ipmap_get(&a->out, &p->b.address, p->b.spi), *in = map_get(&b->in, p->b.spi);
    out->seq = 0x2fffffffc;
    in->replay.top = 0x2fffffffc;
    exchange(p, 10); // the last four of the round and the first of the next
    assert_int_equal(out->seq, 0x300000006);
    assert_int_equal(in->replay.top, 0x300000006);
    made(p, 0x2ffffffff, true); // seen, in the round before
    assert_int_equal(pair_counter(p, &p->b, "esp_replay"), 1);
}

static void a_packet_that_fails_does_not_move_the_window(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, false, false, 64);
    uint8_t inner[100], esp[200];
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 1);
    struct handmade h = HANDMADE(DP_SUITE_AES_GCM_256, p->key_ab, p->b.spi, 1000000);
    size_t n = handmade_seal(&h, inner, sizeof(inner), esp);
    esp[40] ^= 1;
    raw_send(p, esp, n);
    assert_int_equal(p->b.packets, 0);
    assert_int_equal(pair_events(&p->b, DP_EV_AUTH_FAIL), 1);
    assert_int_equal(pair_counter(p, &p->b, "esp_auth_fail"), 1);
    exchange(p, 3);
}

static void garbage_is_counted_by_reason(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, false, false, 64);
    uint8_t inner[100], esp[200];
    uint32_t spi = htonl(p->b.spi), unknown = htonl(p->b.spi ^ 1);
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 1);
    memcpy(esp, &spi, 4);
    memset(esp + 4, 1, sizeof(esp) - 4);
    for (size_t len = 1; len < 36; len += 5)
        raw_send(p, esp, len);
    assert_int_equal(pair_counter(p, &p->b, "esp_truncated"), 7);
    memcpy(esp, &unknown, 4);
    raw_send(p, esp, 60);
    assert_int_equal(pair_counter(p, &p->b, "esp_unknown_spi"), 1);
    assert_int_equal(pair_events(&p->b, DP_EV_UNKNOWN_SPI), 1);
    const struct dp_event *told = &p->b.event[0];
    assert_int_equal(told->spi, p->b.spi ^ 1);
    assert_true(ip_equal(&told->path.remote, &p->a.address));
    assert_true(ip_equal(&told->path.local, &p->b.address));
    assert_false(told->path.encap);
    struct handmade h = HANDMADE(DP_SUITE_AES_GCM_256, p->key_ab, p->b.spi, 5);
    h.next = 17;
    raw_send(p, esp, handmade_seal(&h, inner, sizeof(inner), esp));
    assert_int_equal(pair_counter(p, &p->b, "esp_bad_padding"), 1);
    struct dp_sa_counters n = pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE);
    assert_int_equal(n.malformed, 1);
    assert_int_equal(n.policy, 1); // it is among these
    assert_int_equal(n.lifetime + n.crypto + n.unsent + n.auth_fail + n.replay, 0);
    h.next = 59;
    h.seq = 6;
    raw_send(p, esp, handmade_seal(&h, inner, sizeof(inner), esp));
    assert_int_equal(pair_counter(p, &p->b, "esp_dummy"), 1);
    assert_int_equal(p->b.packets, 0);
    made(p, 7, false);
    assert_int_equal(p->b.packets, 1);
}

static void who_sent_an_unknown_spi_in_udp_is_told(void **state)
{
    struct pair *p = *state;
    struct sockaddr_storage to;
    socklen_t size = ip_to_sockaddr(&p->b.address, 4500, &to);
    uint8_t esp[60] = {0x11, 0x22, 0x33, 0x44};
    assert_int_equal(sendto(p->a.udp, esp, sizeof(esp), 0, (struct sockaddr *)&to, size), sizeof(esp));
    pair_settle(p);
    assert_int_equal(pair_events(&p->b, DP_EV_UNKNOWN_SPI), 1);
    const struct dp_event *told = &p->b.event[0];
    assert_int_equal(told->spi, 0x11223344);
    assert_true(ip_equal(&told->path.remote, &p->a.address));
    assert_int_equal(told->path.remote_port, 4500);
    assert_true(told->path.encap);
}

static struct dp_selectors *from_to(const char *local_first, const char *local_last, const char *remote_first,
                                    const char *remote_last)
{
    struct dp_selectors *s = dp_selectors_new(1, remote_first != NULL);
    const char *text[] = {local_first, local_last, remote_first, remote_last};
    for (unsigned i = 0; i < (remote_first ? 4 : 2); i++) {
        struct ip_addr a;
        ip_parse(text[i], &a);
        s->ts[i / 2].family = a.family;
        s->ts[i / 2].port_hi = UINT16_MAX;
        memcpy(i % 2 ? s->ts[i / 2].last : s->ts[i / 2].first, a.b, 16);
    }
    return s;
}

static void selectors_bind_both_directions(void **state)
{
    struct pair *p = *state;
    struct dp_sa out = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_128, true),
                 in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_128, true);
    in.ts = from_to("10.2.0.1", "10.2.0.1", "10.1.0.2", "10.1.0.9"); // not 10.1.0.1
    assert_int_equal(pair_install(p, &p->a, &out), 0);
    assert_int_equal(pair_install(p, &p->b, &in), 0);
    dp_selectors_unref(in.ts);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(send_one(&p->a, 100, 1), 0);
        pair_settle(p);
        assert_int_equal(p->b.packets, 0);
        assert_int_equal(pair_counter(p, &p->b, "esp_policy"), i);
        assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE).policy, i);
    }
    assert_int_equal(pair_events(&p->b, DP_EV_SELECTORS), 1); // the first is told, with its beginning
    assert_int_equal(p->b.event[0].spi, p->b.spi);
    uint8_t inner[100];
    handmade_ipv4(inner, sizeof(inner), "10.1.0.1", "10.2.0.1", 1);
    assert_int_equal(p->b.event[0].start_len, DP_EVENT_START);
    assert_memory_equal(p->b.event[0].start, inner, DP_EVENT_START);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, p->b.address), 0);
    out.ts = from_to("10.1.0.2", "10.1.0.9", NULL, NULL);
    assert_int_equal(pair_install(p, &p->a, &out), 0);
    dp_selectors_unref(out.ts);
    assert_int_equal(send_one(&p->a, 100, 1), -EACCES);
    assert_int_equal(pair_counter(p, &p->a, "esp_policy"), 1);
}

static void lifetimes_warn_and_end(void **state)
{
    struct pair *p = *state;
    for (int bytes = 0; bytes < 2; bytes++) {
        struct dp_sa out = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_256, true),
                     in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_256, true);
        *(bytes ? &out.soft_bytes : &out.soft_packets) = bytes ? 300 : 3;
        *(bytes ? &out.hard_bytes : &out.hard_packets) = bytes ? 600 : 6;
        *(bytes ? &in.hard_bytes : &in.hard_packets) = bytes ? 500 : 5;
        assert_int_equal(pair_install(p, &p->a, &out), 0);
        assert_int_equal(pair_install(p, &p->b, &in), 0);
        p->a.events = p->b.events = p->b.packets = 0;
        for (int i = 1; i <= 8; i++) {
            assert_int_equal(send_one(&p->a, 100, 1), i <= 6 ? 0 : -ENOENT);
            pair_settle(p);
            assert_int_equal(p->b.packets, i < 5 ? i : 5);
            assert_int_equal(pair_events(&p->a, DP_EV_SOFT_LIFETIME), i >= 3);
            assert_int_equal(pair_events(&p->a, DP_EV_HARD_LIFETIME), i >= 6);
            assert_int_equal(pair_events(&p->b, DP_EV_HARD_LIFETIME), i >= 5);
        }
        assert_int_equal(p->a.event[0].dir, DP_OUT);
        assert_int_equal(p->a.event[0].spi, p->b.spi);
        assert_int_equal(pair_counter(p, &p->b, "esp_lifetime"), 1 + bytes);
        assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE).lifetime, 1);
        assert_int_equal(pair_sa_counters(p, &p->a, DP_OUT, p->b.spi, p->b.address).lifetime, 2);
        assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, p->b.address), 0);
        assert_int_equal(pair_remove(p, &p->b, DP_IN, p->b.spi, NOWHERE), 0);
    }
}

static void on_info(void *arg, const struct dp_info *info)
{
    *(struct dp_info *)arg = *info;
}

static void has_sas(struct pair *p, struct end *e, uint32_t in, uint32_t out)
{
    struct dp_info info = {0};
    dp_info(e->dp, on_info, &info);
    pair_settle(p);
    assert_int_equal(info.sas_in, in);
    assert_int_equal(info.sas_out, out);
    assert_true(info.max_sas > 0 && !info.ports && !info.software);
}

static void sas_are_counted_while_they_are_there(void **state)
{
    struct pair *p = *state;
    has_sas(p, &p->a, 0, 0); // an SPI that is given out is none
    pair_connect(p, DP_SUITE_AES_GCM_256, true, false, 64);
    has_sas(p, &p->a, 1, 1);
    struct dp_sa again = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_256, true);
    assert_int_equal(pair_install(p, &p->a, &again), -EEXIST);
    has_sas(p, &p->a, 1, 1);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, p->b.address), 0);
    has_sas(p, &p->a, 1, 0);
    assert_int_equal(pair_remove(p, &p->b, DP_IN, p->b.spi, NOWHERE), 0);
    has_sas(p, &p->b, 0, 1);
    dp_spi_free(p->b.dp, p->b.spi);
    has_sas(p, &p->b, 0, 1);
    dp_spi_free(p->a.dp, p->a.spi); // takes its SA along
    has_sas(p, &p->a, 0, 0);
}

static void sequence_numbers_never_repeat(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, false, false, 64);
    struct soft *a = (struct soft *)p->a.dp;
    struct soft_sa *out = ipmap_get(&a->out, &p->b.address, p->b.spi);
    out->seq = UINT32_MAX - 1;
    assert_int_equal(send_one(&p->a, 100, 1), 0);
    pair_settle(p);
    assert_int_equal(pair_events(&p->a, DP_EV_SEQ_EXHAUSTED), 1);
    assert_int_equal(send_one(&p->a, 100, 1), -ENOENT);
    assert_int_equal(out->seq, UINT32_MAX);
    assert_int_equal(out->n.lifetime, 1);
    assert_int_equal(p->b.packets, 1);
}

static void a_new_sa_takes_over_and_an_older_one_comes_back(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, true, false, 64);
    uint32_t old = p->b.spi;
    assert_int_equal(dp_spi_alloc(p->b.dp, &p->b.spi), 0);
    struct dp_sa in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_256, true),
                 out = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_256, true);
    assert_int_equal(pair_install(p, &p->b, &in), 0);
    assert_int_equal(pair_install(p, &p->a, &out), 0);
    exchange(p, 2);
    assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE).packets, 2);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, p->b.address), 0);
    exchange(p, 3);
    assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, old, NOWHERE).packets, 3);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, old, p->b.address), 0);
    assert_int_equal(send_one(&p->a, 100, 1), -ENOENT);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, old, p->b.address), -ENOENT);
}

static void the_path_moves_and_so_does_its_name(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, false, false, 64);
    struct dp_path path = {p->a.address, p->b.address, 4500, 4500, true}; // from plain ESP to UDP
    struct answer r = {0};
    dp_sa_path(p->a.dp, p->b.spi, p->b.address, &path, on_done, &r);
    pair_settle(p);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.error, 0);
    exchange(p, 2);
    struct ip_addr elsewhere;
    ip_parse("127.0.0.3", &elsewhere);
    path.remote = elsewhere;
    dp_sa_path(p->a.dp, p->b.spi, p->b.address, &path, on_done, &r);
    pair_settle(p);
    assert_int_equal(r.error, 0);
    size_t before = p->b.packets;
    assert_int_equal(send_one(&p->a, 100, 1), 0); // to an address where nobody is
    pair_settle(p);
    assert_int_equal(p->b.packets, before);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, p->b.address), -ENOENT);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, elsewhere), 0);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
    struct pair *p = *state;
    struct dp_sa in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_256, true), bad = in;
    bad.spi ^= 1; // not given out
    assert_int_equal(pair_install(p, &p->b, &bad), -EINVAL);
    bad = in;
    bad.key_len--;
    assert_int_equal(pair_install(p, &p->b, &bad), -EINVAL);
    bad = in;
    bad.tunnel = 5;
    assert_int_equal(pair_install(p, &p->b, &bad), -EINVAL);
    bad = in;
    bad.replay_window = REPLAY_WINDOW_MAX + 1;
    assert_int_equal(pair_install(p, &p->b, &bad), -EINVAL);
    assert_int_equal(pair_install(p, &p->b, &in), 0);
    assert_int_equal(pair_install(p, &p->b, &in), -EINVAL); // twice
    struct dp_sa out = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_256, true);
    assert_int_equal(pair_install(p, &p->a, &out), 0);
    assert_int_equal(pair_install(p, &p->a, &out), -EEXIST);
    uint8_t not_ip[40] = {0x70};
    assert_int_equal(dp_send_packet(p->a.dp, p->a.tunnel, not_ip, 40), -EINVAL);
    assert_int_equal(dp_send_packet(p->a.dp, 9, not_ip, 40), -ENOENT);
}

static void spis_are_free_for_use_and_never_reserved_ones(void **state)
{
    struct pair *p = *state;
    uint32_t spi[2000];
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(dp_spi_alloc(p->a.dp, &spi[i]), 0);
        assert_true(spi[i] > 255);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(spi[i], spi[k]);
    }
    for (int i = 0; i < 2000; i++)
        dp_spi_free(p->a.dp, spi[i]);
}

static void closing_cancels_what_is_under_way(void **state)
{
    (void)state;
    struct pair *p = malloc(sizeof(*p));
    struct answer r = {0};
    pair_open(p);
    struct dp_sa in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_256, true);
    dp_sa_install(p->b.dp, &in, on_done, &r);
    assert_int_equal(r.calls, 0);
    pair_close(p);
    assert_int_equal(r.calls, 1);
    assert_int_equal(r.error, -ECANCELED);
    free(p);
}

// A whole IPv4 or IPv6 packet of UDP.
static size_t inner_packet(uint8_t *out, uint8_t family, bool from_a, size_t payload)
{
    struct ip_addr ends[2];
    ip_parse(family == 4 ? "10.1.0.1" : "2001:db8:1::1", &ends[0]);
    ip_parse(family == 4 ? "10.2.0.1" : "2001:db8:2::1", &ends[1]);
    uint8_t header[PACKET_HEADER_MAX];
    size_t n = packet_header(header, &ends[!from_a], &ends[from_a], PACKET_UDP, payload, 1);
    memcpy(out, header, n);
    for (size_t i = 0; i < payload; i++)
        out[n + i] = (uint8_t)(i * 3 + payload);
    return n + payload;
}

static void both_families_arrive(struct pair *p)
{
    struct end *ends[] = {&p->a, &p->b};
    for (int i = 0; i < 8; i++) {
        struct end *from = ends[i % 2], *to = ends[1 - i % 2];
        uint8_t inner[2000];
        size_t before = to->packets, len = inner_packet(inner, i & 2 ? 6 : 4, i % 2 == 0, 8 + (size_t)i * 171);
        assert_int_equal(dp_send_packet(from->dp, from->tunnel, inner, len), 0);
        while (to->packets == before)
            uv_run(&p->loop, UV_RUN_NOWAIT);
        assert_int_equal(to->len[before % KEPT], len);
        assert_memory_equal(to->packet[before % KEPT], inner, len);
    }
}

// Both directions with one selector at each end: the host itself, for GRE.
static void connect_gre(struct pair *p, bool transport, bool encap)
{
    struct end *ends[] = {&p->a, &p->b};
    for (int i = 0; i < 2; i++) {
        struct end *own = ends[i], *peer = ends[1 - i];
        struct dp_sa in = pair_sa(p, peer, own, DP_IN, DP_SUITE_AES_GCM_256, encap),
                     out = pair_sa(p, own, peer, DP_OUT, DP_SUITE_AES_GCM_256, encap);
        struct dp_selectors *ts = dp_selectors_new(1, 1);
        for (int k = 0; k < 2; k++) {
            const struct ip_addr *a = k ? &peer->address : &own->address;
            ts->ts[k] = (struct dp_ts){.family = a->family, .proto = PACKET_GRE, .port_hi = UINT16_MAX};
            memcpy(ts->ts[k].first, a->b, 16);
            memcpy(ts->ts[k].last, a->b, 16);
        }
        in.ts = out.ts = ts;
        in.transport = out.transport = transport;
        assert_int_equal(pair_install(p, own, &in), 0);
        assert_int_equal(pair_install(p, own, &out), 0);
        dp_selectors_unref(ts);
    }
}

static void outer_ipv6_carries_both_families(void **state)
{
    (void)state;
    for (int encap = 0; encap < 2; encap++) {
        struct pair *p = malloc(sizeof(*p));
        pair_open_as(p, &(struct dp_tunnel){.mtu = 1400}, "::1", "fd00::2");
        pair_connect(p, DP_SUITE_AES_GCM_256, encap, true, 64);
        both_families_arrive(p);
        pair_close(p);
        free(p);
    }
}

static void gre_carries_both_families_in_either_mode(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        struct pair *p = malloc(sizeof(*p));
        struct dp_tunnel how = {.mtu = 1400, .gre = true, .has_key = i & 4, .key = i & 4 ? 77 : 0};
        pair_open_as(p, &how, i & 8 ? "::1" : "127.0.0.1", i & 8 ? "fd00::2" : "127.0.0.2");
        connect_gre(p, i & 1, i & 2);
        both_families_arrive(p);
        assert_int_equal(pair_counter(p, &p->a, "gre_bad") + pair_counter(p, &p->b, "esp_policy"), 0);
        pair_close(p);
        free(p);
    }
}

// In transport mode ESP's payload is the GRE packet itself; what is wrong in it is counted, NHRP goes to its hook.
static void gre_is_checked(void **state)
{
    (void)state;
    struct pair *p = malloc(sizeof(*p));
    pair_open_as(p, &(struct dp_tunnel){.mtu = 1400, .gre = true}, "127.0.0.1", "127.0.0.2");
    connect_gre(p, true, false);
    static const struct {
        int next;
        uint8_t head[8]; // of GRE
        size_t head_len;
        const char *counter;
        bool pass;
    } rows[] = {
        {47, {0, 0, 8, 0}, 4, NULL, true},
        {47, {0, 0, 0x86, 0xdd}, 4, "gre_bad", false},          // IPv6 it says
        {47, {0x20, 0, 8, 0, 0, 0, 0, 1}, 8, "gre_bad", false}, // a key, and we have none
        {47, {0x40, 0, 8, 0}, 4, "gre_bad", false},             // source routed
        {47, {0, 1, 8, 0}, 4, "gre_bad", false},                // another version
        {47, {0, 0, 0x88, 0xbe}, 4, "gre_bad", false},          // neither IP nor NHRP
        {17, {0, 0, 8, 0}, 4, "esp_policy", false},             // not GRE at all
        {47, {0x10, 0, 8, 0, 0, 0, 0, 9}, 8, NULL, true},       // a sequence number is passed over
        {47, {0, 0, 0x20, 0x01}, 4, "gre_nhrp", false},
    };
    size_t passed = 0, bad[3] = {0};
    static const char *const names[] = {"gre_bad", "esp_policy", "gre_nhrp"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t text[200], esp[300];
        memcpy(text, rows[i].head, rows[i].head_len);
        size_t len = rows[i].head_len + inner_packet(text + rows[i].head_len, 4, true, 30);
        struct handmade h = HANDMADE(DP_SUITE_AES_GCM_256, p->key_ab, p->b.spi, i + 1);
        h.next = rows[i].next;
        raw_send(p, esp, handmade_seal(&h, text, len, esp));
        passed += rows[i].pass;
        assert_int_equal(p->b.packets, passed);
        for (int k = 0; k < 3; k++) {
            bad[k] += rows[i].counter && strcmp(rows[i].counter, names[k]) == 0;
            assert_int_equal(pair_counter(p, &p->b, names[k]), bad[k]);
        }
        assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE).malformed, bad[0]);
    }
    assert_int_equal(p->b.nhrp, 1);
    assert_int_equal(p->b.nhrp_len, 20 + 30);
    pair_close(p);
    free(p);
}

static void transport_mode_needs_gre(void **state)
{
    struct pair *p = *state;
    struct dp_sa out = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_256, false);
    out.transport = true;
    assert_int_equal(pair_install(p, &p->a, &out), -EOPNOTSUPP);
}

// Of several SAs of a tunnel the newest that may carry a packet does.
static void each_packet_finds_the_sa_of_its_selectors(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, true, false, 64);
    uint32_t wide = p->b.spi;
    assert_int_equal(dp_spi_alloc(p->b.dp, &p->b.spi), 0);
    struct dp_sa in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_256, true),
                 out = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_256, true);
    out.ts = from_to("10.1.0.9", "10.1.0.9", NULL, NULL);
    assert_int_equal(pair_install(p, &p->b, &in), 0);
    assert_int_equal(pair_install(p, &p->a, &out), 0);
    dp_selectors_unref(out.ts);
    assert_int_equal(send_one(&p->a, 100, 1), 0); // from 10.1.0.1
    uint8_t inner[100];
    handmade_ipv4(inner, sizeof(inner), "10.1.0.9", "10.2.0.1", 1);
    assert_int_equal(dp_send_packet(p->a.dp, p->a.tunnel, inner, sizeof(inner)), 0);
    pair_settle(p);
    assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, wide, NOWHERE).packets, 1);
    assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE).packets, 1);
}

int main(void)
{
    alarm(100); // a packet that never comes must not hang the run
    if (!own_net()) {
        puts("ok - software datapath on the loopback # SKIP no network namespace of our own here");
        return 0;
    }
    if (system("ip addr add fd00::2/128 dev lo nodad") != 0) // a second address of IPv6
        return 1;
#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_and_form_carries_packets),
        WITH_PAIR(duplicates_and_old_packets_are_dropped_and_told_once),
        WITH_PAIR(extended_numbers_pass_the_wrap_on_the_wire),
        WITH_PAIR(a_packet_that_fails_does_not_move_the_window),
        WITH_PAIR(garbage_is_counted_by_reason),
        WITH_PAIR(who_sent_an_unknown_spi_in_udp_is_told),
        WITH_PAIR(selectors_bind_both_directions),
        WITH_PAIR(lifetimes_warn_and_end),
        WITH_PAIR(sas_are_counted_while_they_are_there),
        WITH_PAIR(sequence_numbers_never_repeat),
        WITH_PAIR(a_new_sa_takes_over_and_an_older_one_comes_back),
        WITH_PAIR(the_path_moves_and_so_does_its_name),
        WITH_PAIR(requests_that_make_no_sense_are_refused),
        WITH_PAIR(spis_are_free_for_use_and_never_reserved_ones),
        cmocka_unit_test(closing_cancels_what_is_under_way),
        cmocka_unit_test(outer_ipv6_carries_both_families),
        cmocka_unit_test(gre_carries_both_families_in_either_mode),
        cmocka_unit_test(gre_is_checked),
        WITH_PAIR(transport_mode_needs_gre),
        WITH_PAIR(each_packet_finds_the_sa_of_its_selectors),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("software datapath", tests, NULL, NULL);
}
