// SPDX-License-Identifier: BSD-2-Clause
// The software datapath: two of them over the loopback, and packets made by hand on a raw socket.
#include "hostd/dp/esp.h"
#include "hostd/dp/soft.h"
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

static const struct in_addr NOWHERE;

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
    bool a = strcmp(inet_ntoa(from->address), "127.0.0.1") == 0;
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
    for (int i = 0; i < 16; i++) {
        struct pair *p = malloc(sizeof(*p));
        pair_open(p);
        pair_connect(p, (enum dp_suite)(i / 4), i & 1, i & 2, 64);
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
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = p->b.address};
    int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ESP);
    assert_int_equal(sendto(fd, esp, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
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
    struct soft_sa *out = map_get(&a->out, soft_out_key(p->b.spi, p->b.address)), *in = map_get(&b->in, p->b.spi);
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
    assert_int_equal(p->b.event[0].spi, p->b.spi ^ 1);
    struct handmade h = HANDMADE(DP_SUITE_AES_GCM_256, p->key_ab, p->b.spi, 5);
    h.next = 17;
    raw_send(p, esp, handmade_seal(&h, inner, sizeof(inner), esp));
    assert_int_equal(pair_counter(p, &p->b, "esp_bad_padding"), 1);
    h.next = 59;
    h.seq = 6;
    raw_send(p, esp, handmade_seal(&h, inner, sizeof(inner), esp));
    assert_int_equal(pair_counter(p, &p->b, "esp_dummy"), 1);
    assert_int_equal(p->b.packets, 0);
    made(p, 7, false);
    assert_int_equal(p->b.packets, 1);
}

static struct dp_range range(const char *first, const char *last)
{
    struct dp_range r;
    inet_pton(AF_INET, first, &r.first);
    inet_pton(AF_INET, last, &r.last);
    return r;
}

static void selectors_bind_both_directions(void **state)
{
    struct pair *p = *state;
    struct dp_sa out = pair_sa(p, &p->a, &p->b, DP_OUT, DP_SUITE_AES_GCM_128, true),
                 in = pair_sa(p, &p->a, &p->b, DP_IN, DP_SUITE_AES_GCM_128, true);
    in.local_ts_count = in.remote_ts_count = 1;
    in.local_ts[0] = range("10.2.0.1", "10.2.0.1");
    in.remote_ts[0] = range("10.1.0.2", "10.1.0.9"); // not 10.1.0.1
    assert_int_equal(pair_install(p, &p->a, &out), 0);
    assert_int_equal(pair_install(p, &p->b, &in), 0);
    assert_int_equal(send_one(&p->a, 100, 1), 0);
    pair_settle(p);
    assert_int_equal(p->b.packets, 0);
    assert_int_equal(pair_counter(p, &p->b, "esp_policy"), 1);
    assert_int_equal(pair_sa_counters(p, &p->b, DP_IN, p->b.spi, NOWHERE).policy, 1);
    assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, p->b.address), 0);
    out.local_ts_count = 1;
    out.local_ts[0] = range("10.1.0.2", "10.1.0.9");
    assert_int_equal(pair_install(p, &p->a, &out), 0);
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
        assert_int_equal(pair_remove(p, &p->a, DP_OUT, p->b.spi, p->b.address), 0);
        assert_int_equal(pair_remove(p, &p->b, DP_IN, p->b.spi, NOWHERE), 0);
    }
}

static void sequence_numbers_never_repeat(void **state)
{
    struct pair *p = *state;
    pair_connect(p, DP_SUITE_AES_GCM_256, false, false, 64);
    struct soft *a = (struct soft *)p->a.dp;
    struct soft_sa *out = map_get(&a->out, soft_out_key(p->b.spi, p->b.address));
    out->seq = UINT32_MAX - 1;
    assert_int_equal(send_one(&p->a, 100, 1), 0);
    pair_settle(p);
    assert_int_equal(pair_events(&p->a, DP_EV_SEQ_EXHAUSTED), 1);
    assert_int_equal(send_one(&p->a, 100, 1), -ENOENT);
    assert_int_equal(out->seq, UINT32_MAX);
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

struct answer {
    int calls, error;
};
static void on_done(void *arg, int error)
{
    struct answer *a = arg;
    a->calls++;
    a->error = error;
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
    struct in_addr elsewhere = {htonl(0x7f000003)};
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
    uint8_t not_ip[40] = {0x60};
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

int main(void)
{
    alarm(100); // a packet that never comes must not hang the run
    if (!own_net()) {
        puts("ok - software datapath on the loopback # SKIP no network namespace of our own here");
        return 0;
    }
#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_and_form_carries_packets),
        WITH_PAIR(duplicates_and_old_packets_are_dropped_and_told_once),
        WITH_PAIR(extended_numbers_pass_the_wrap_on_the_wire),
        WITH_PAIR(a_packet_that_fails_does_not_move_the_window),
        WITH_PAIR(garbage_is_counted_by_reason),
        WITH_PAIR(selectors_bind_both_directions),
        WITH_PAIR(lifetimes_warn_and_end),
        WITH_PAIR(sequence_numbers_never_repeat),
        WITH_PAIR(a_new_sa_takes_over_and_an_older_one_comes_back),
        WITH_PAIR(the_path_moves_and_so_does_its_name),
        WITH_PAIR(requests_that_make_no_sense_are_refused),
        WITH_PAIR(spis_are_free_for_use_and_never_reserved_ones),
        cmocka_unit_test(closing_cancels_what_is_under_way),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("software datapath", tests, NULL, NULL);
}
