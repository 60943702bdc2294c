// SPDX-License-Identifier: BSD-2-Clause
// The card's datapath over a double of libculvert: what it commands, in which order, and what is left after a failure.
#include "tests/unit/dp/answer.h"
#include "tests/unit/dp/fake_culvert.h"
#include "tests/unit/dp/handmade.h"

#include "dp_regs.h"
#include "hostd/dp/dp.h"
#include "tests/unit/ip_of.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static struct rig {
    uv_loop_t loop;
    struct dp *dp;
    uint32_t tunnel, spi;
    size_t packets, frames, events;
    uint32_t packet_tunnel;
    enum dp_port frame_port;
    struct dp_event event;
    char log[1000];
} rig;

static void on_frame(void *arg, enum dp_port port, const uint8_t *frame, size_t len)
{
    struct rig *r = arg;
    (void)frame, (void)len;
    r->frames++;
    r->frame_port = port;
}
static void on_packet(void *arg, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct rig *r = arg;
    (void)packet, (void)len;
    r->packets++;
    r->packet_tunnel = tunnel;
}
static void on_event(void *arg, const struct dp_event *event)
{
    struct rig *r = arg;
    r->events++;
    r->event = *event;
}
static void on_log(void *arg, enum dp_log_level level, const char *text)
{
    struct rig *r = arg;
    (void)level;
    strncat(r->log, text, sizeof(r->log) - strlen(r->log) - 1);
}

static void settle(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(&rig.loop, UV_RUN_NOWAIT);
}

// The selectors of the SAs below.
static struct dp_selectors *selectors;

static void set_ts(unsigned i, const char *first, const char *last)
{
    struct ip_addr a = ip_of(first), b = ip_of(last);
    selectors->ts[i] = (struct dp_ts){.family = a.family, .port_hi = UINT16_MAX};
    memcpy(selectors->ts[i].first, a.b, 16);
    memcpy(selectors->ts[i].last, b.b, 16);
}

static int setup(void **state)
{
    char err[256];
    (void)state;
    fake_reset();
    selectors = dp_selectors_new(1, 1);
    memset(&rig, 0, sizeof(rig));
    uv_loop_init(&rig.loop);
    struct dp_hooks hooks = {.frame = on_frame, .packet = on_packet, .event = on_event, .log = on_log, .arg = &rig};
    rig.dp = dp_card_open(&rig.loop, "vfio-user:somewhere", &hooks, err, sizeof(err));
    if (!rig.dp)
        fail_msg("%s", err);
    settle();
    assert_string_equal(fake.log, "enable\n");
    fake.log[0] = 0;
    fake.commands = 0;
    assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400}, &rig.tunnel), 0);
    assert_int_equal(dp_spi_alloc(rig.dp, &rig.spi), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dp_free(rig.dp);
    dp_selectors_unref(selectors);
    selectors = NULL;
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    assert_int_equal(fake.attached, 0);
    return 0;
}

static struct dp_sa sa(enum dp_dir dir)
{
    set_ts(0, "10.1.0.0", "10.1.0.255");
    set_ts(1, "10.2.0.0", "10.2.255.255");
    struct dp_sa s = {.dir = dir,
                      .spi = dir == DP_IN ? rig.spi : 0xabcd1234,
                      .tunnel = rig.tunnel,
                      .suite = DP_SUITE_AES_GCM_256,
                      .key_len = 36,
                      .esn = true,
                      .replay_window = 64,
                      .local = ip_of("192.0.2.1"),
                      .remote = ip_of("198.51.100.7"),
                      .local_port = 4500,
                      .remote_port = 4501,
                      .soft_bytes = 1,
                      .hard_bytes = 2,
                      .soft_packets = 3,
                      .hard_packets = 4,
                      .ts = selectors};
    for (size_t i = 0; i < s.key_len; i++)
        s.key[i] = (uint8_t)(i + 1);
    return s;
}

static int install(const struct dp_sa *s)
{
    struct answer a = {0};
    dp_sa_install(rig.dp, s, on_done, &a);
    assert_int_equal(a.calls, 0);
    settle();
    assert_int_equal(a.calls, 1);
    return a.error;
}
static int remove_sa(enum dp_dir dir, uint32_t spi, struct ip_addr remote)
{
    struct answer a = {0};
    dp_sa_remove(rig.dp, dir, spi, remote, on_done, &a);
    settle();
    assert_int_equal(a.calls, 1);
    return a.error;
}

static void expect(const char *log)
{
    assert_string_equal(fake.log, log);
    fake.log[0] = 0;
}

static void inbound_sas_carry_index_key_and_prefixes(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_IN);
    assert_int_equal(install(&s), 0);
    const struct culvert_sa *c = &fake.in[rig.spi % FAKE_SAS].sa;
    assert_int_equal(c->spi, rig.spi);
    assert_int_equal(c->flags, CULVERT_SA_KEY256 | CULVERT_SA_ESN);
    assert_int_equal(c->window_log2, 6);
    assert_int_equal(c->tunnel, rig.tunnel);
    for (int i = 0; i < 32; i++)
        assert_int_equal(c->key[i], i + 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(c->salt[i], 33 + i);
    assert_int_equal(c->src, 0x0a020000); // from the peer
    assert_int_equal(c->src_mask, 0xffff0000);
    assert_int_equal(c->dst, 0x0a010000);
    assert_int_equal(c->dst_mask, 0xffffff00);
    assert_int_equal(c->soft_bytes, 1);
    assert_int_equal(c->hard_bytes, 2);
    assert_int_equal(c->soft_packets, 3);
    assert_int_equal(c->hard_packets, 4);
    assert_int_equal(c->seq, 0);
    assert_int_equal(install(&s), -EINVAL); // twice
    s.spi ^= 0x100000;                      // not given out
    assert_int_equal(install(&s), -EINVAL);
    assert_int_equal(remove_sa(DP_IN, rig.spi, s.remote), 0);
    assert_int_equal(fake_sas(), 0);
    assert_int_equal(remove_sa(DP_IN, rig.spi, s.remote), -ENOENT);
}

static void windows_are_powers_of_two_that_the_card_has(void **state)
{
    (void)state;
    static const uint32_t asked[] = {0, 1, 64, 65, 128, 129, 256, 1000, 4096};
    static const uint8_t log2[] = {0, 6, 6, 7, 7, 8, 8, 8, 8};
    for (size_t i = 0; i < sizeof(log2); i++) {
        struct dp_sa s = sa(DP_IN);
        s.replay_window = asked[i];
        assert_int_equal(install(&s), 0);
        assert_int_equal(fake.in[rig.spi % FAKE_SAS].sa.window_log2, log2[i]);
        assert_int_equal(remove_sa(DP_IN, rig.spi, s.remote), 0);
    }
}

static void outbound_order_is_next_hop_then_sa_then_tunnel(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_OUT);
    s.encap = true;
    assert_int_equal(install(&s), 0);
    expect("adj 0 invalid\nsa out 0 adj 0\ntunnel 0 sa 0\n");
    const struct culvert_sa *c = &fake.out[0].sa;
    assert_int_equal(c->src, 0xc0000201);
    assert_int_equal(c->dst, 0xc6336407);
    assert_int_equal(c->sport, 4500);
    assert_int_equal(c->dport, 4501);
    assert_int_equal(c->flags, CULVERT_SA_KEY256 | CULVERT_SA_ESN | CULVERT_SA_ENCAP);
    assert_int_equal(fake.tunnel[0].mtu, 1400);
    assert_int_equal(install(&s), -EEXIST);
    assert_int_equal(remove_sa(DP_OUT, s.spi, s.remote), 0);
    expect("tunnel 0 off\nremove out 0\n");
    assert_int_equal(remove_sa(DP_OUT, s.spi, s.remote), -ENOENT);
}

static void a_next_hop_becomes_valid_when_its_mac_is_known(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9}, mac2[6] = {2, 0, 0, 0, 0, 10};
    dp_nexthop(rig.dp, ip_of("198.51.100.7"), ip_of("192.0.2.254"));
    struct dp_sa s = sa(DP_OUT);
    assert_int_equal(install(&s), 0);
    expect("adj 0 invalid\nsa out 0 adj 0\ntunnel 0 sa 0\n");
    dp_neighbour(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.253"), mac); // somebody else
    dp_neighbour(rig.dp, DP_PORT_INSIDE, ip_of("192.0.2.254"), mac);  // another port
    settle();
    expect("");
    dp_neighbour(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.254"), mac);
    settle();
    expect("adj 0 valid\n");
    assert_memory_equal(fake.adj[0].mac, mac, 6);
    dp_neighbour(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.254"), mac); // nothing new
    settle();
    expect("");
    dp_neighbour(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.254"), mac2);
    settle();
    expect("adj 0 valid\n");
    assert_memory_equal(fake.adj[0].mac, mac2, 6);
    dp_neighbour(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.254"), NULL);
    settle();
    expect("adj 0 invalid\n");
}

static void another_next_hop_moves_all_sas_of_the_peer(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_OUT), t = sa(DP_OUT), other = sa(DP_OUT);
    t.spi = 7777;
    other.spi = 8888;
    other.remote = ip_of("198.51.100.8");
    assert_int_equal(install(&s), 0);
    assert_int_equal(install(&t), 0);
    assert_int_equal(install(&other), 0);
    expect("adj 0 invalid\nsa out 0 adj 0\ntunnel 0 sa 0\nsa out 1 adj 0\ntunnel 0 sa 1\n"
           "adj 1 invalid\nsa out 2 adj 1\ntunnel 0 sa 2\n");
    dp_nexthop(rig.dp, s.remote, ip_of("192.0.2.254"));
    settle();
    expect("adj 2 invalid\npath out 0 adj 2\npath out 1 adj 2\n");
    assert_int_equal(fake.out[2].sa.adj, 1);
    dp_nexthop(rig.dp, s.remote, ip_of("192.0.2.254"));
    settle();
    expect("");
    dp_nexthop(rig.dp, other.remote, ip_of("192.0.2.253")); // takes the entry that became free
    settle();
    expect("adj 0 invalid\npath out 2 adj 0\n");
}

static void a_rekey_switches_the_tunnel_and_can_go_back(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_OUT), t = sa(DP_OUT);
    t.spi = 7777;
    assert_int_equal(install(&s), 0);
    assert_int_equal(install(&t), 0);
    expect("adj 0 invalid\nsa out 0 adj 0\ntunnel 0 sa 0\nsa out 1 adj 0\ntunnel 0 sa 1\n");
    assert_int_equal(remove_sa(DP_OUT, t.spi, t.remote), 0); // the new one was not wanted
    expect("tunnel 0 sa 0\nremove out 1\n");
    t.spi = 7778;
    assert_int_equal(install(&t), 0); // an index rests before it is used again
    expect("sa out 2 adj 0\ntunnel 0 sa 2\n");
    assert_int_equal(remove_sa(DP_OUT, s.spi, s.remote), 0); // the old one goes without a word to the tunnel
    expect("remove out 0\n");
    assert_int_equal(fake.tunnel[0].sa, 2);
}

// Every command of an operation fails in turn: the answer is the error, and the card is as before.
static void a_failure_at_any_step_leaves_nothing_half_installed(void **state)
{
    (void)state;
    static const int errors[] = {-ENOSPC, -EIO, -ETIMEDOUT};
    size_t failed = 0;
    for (size_t e = 0; e < 3; e++)
        for (size_t at = 1;; at++) {
            struct dp_sa in = sa(DP_IN), out = sa(DP_OUT);
            fake.commands = 0;
            fake.fail_at = at;
            fake.fail_with = errors[e];
            int rc_in = install(&in), rc_out = install(&out);
            bool hit = fake.commands >= at;
            fake.fail_at = 0;
            if (!hit) {
                assert_int_equal(rc_in, 0);
                assert_int_equal(rc_out, 0);
            }
            assert_true(!hit || rc_in == errors[e] || rc_out == errors[e]);
            failed += hit;
            assert_int_equal(fake_sas(), (rc_in == 0) + (rc_out == 0));
            assert_int_equal(fake.tunnel[0].valid, rc_out == 0);
            assert_int_equal(remove_sa(DP_IN, in.spi, in.remote), rc_in ? -ENOENT : 0);
            assert_int_equal(remove_sa(DP_OUT, out.spi, out.remote), rc_out ? -ENOENT : 0);
            assert_int_equal(fake_sas(), 0);
            if (!hit)
                break;
        }
    assert_int_equal(failed, 3 * 4);
    for (int i = 0; i < 3 * FAKE_SAS; i++) { // and no index was lost
        struct dp_sa out = sa(DP_OUT);
        assert_int_equal(install(&out), 0);
        assert_int_equal(remove_sa(DP_OUT, out.spi, out.remote), 0);
    }
}

// The card refuses a path: it sends on the old one, and the SA has the name of the new one.
static void a_path_change_that_fails_changes_the_name_alone(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_OUT);
    assert_int_equal(install(&s), 0);
    struct dp_path path = {s.local, ip_of("203.0.113.5"), 4500, 1234, true};
    struct ip_addr name = s.remote;
    for (size_t at = 1; at <= 2; at++) {
        struct answer a = {0};
        fake.commands = 0;
        fake.fail_at = at;
        fake.fail_with = -EIO;
        dp_sa_path(rig.dp, s.spi, name, &path, on_done, &a);
        settle();
        fake.fail_at = 0;
        assert_int_equal(a.error, -EIO);
        assert_int_equal(fake.out[0].sa.dst, 0xc6336407);
        assert_int_equal(fake.out[0].sa.adj, 0);
        name = path.remote;
    }
    fake.log[0] = 0;
    struct answer a = {0};
    dp_sa_path(rig.dp, s.spi, name, &path, on_done, &a);
    settle();
    assert_int_equal(a.error, 0);
    expect("adj 1 invalid\npath out 0 adj 1\n");
    assert_int_equal(fake.out[0].sa.dst, 0xcb007105);
    assert_int_equal(fake.out[0].sa.dport, 1234);
    assert_true(fake.out[0].sa.flags & CULVERT_SA_ENCAP);
    assert_int_equal(remove_sa(DP_OUT, s.spi, s.remote), -ENOENT); // known by its new name
    assert_int_equal(remove_sa(DP_OUT, s.spi, path.remote), 0);
}

// The table of next hops is full: the SA goes on by the old one, and goes with its new name.
static void a_path_without_room_for_its_next_hop_is_refused(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_OUT);
    for (unsigned i = 0; i < FAKE_TABLE; i++) {
        s.spi++;
        s.remote.b[3] = (uint8_t)(100 + i);
        assert_int_equal(install(&s), 0);
    }
    struct dp_path path = {s.local, ip_of("203.0.113.5"), 4500, 1234, true};
    struct answer a = {0};
    fake.log[0] = 0;
    dp_sa_path(rig.dp, s.spi, s.remote, &path, on_done, &a);
    settle();
    assert_int_equal(a.error, -ENOSPC);
    expect("");
    size_t before = fake_sas();
    assert_int_equal(remove_sa(DP_OUT, s.spi, path.remote), 0);
    assert_int_equal(fake_sas(), before - 1);
}

static void requests_are_carried_out_in_order(void **state)
{
    (void)state;
    struct answer a[5] = {0};
    struct dp_sa in = sa(DP_IN), out = sa(DP_OUT);
    fake.hold = true;
    dp_sa_install(rig.dp, &in, on_done, &a[0]);
    dp_sa_install(rig.dp, &out, on_done, &a[1]);
    dp_sa_remove(rig.dp, DP_OUT, out.spi, out.remote, on_done, &a[2]);
    dp_sa_remove(rig.dp, DP_IN, in.spi, in.remote, on_done, &a[3]);
    dp_spi_free(rig.dp, in.spi);
    uint32_t spi;
    for (int i = 0; i < FAKE_SAS - 1; i++)
        assert_int_equal(dp_spi_alloc(rig.dp, &spi), 0);
    assert_int_equal(dp_spi_alloc(rig.dp, &spi), -ENOSPC); // the index that goes is not yet free
    for (int i = 0; i < 20; i++) {
        fake_release();
        settle();
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(a[i].calls, 1);
        assert_int_equal(a[i].error, 0);
    }
    char want[200];
    snprintf(want, sizeof(want),
             "sa in %u\nadj 0 invalid\nsa out 0 adj 0\ntunnel 0 sa 0\ntunnel 0 off\nremove out 0\nremove in %u\n",
             in.spi % FAKE_SAS, in.spi % FAKE_SAS);
    expect(want);
    assert_int_equal(dp_spi_alloc(rig.dp, &spi), 0);
    assert_int_equal(spi % FAKE_SAS, in.spi % FAKE_SAS);
    assert_int_not_equal(spi, in.spi);
}

static void spis_carry_the_index_below_random_bits(void **state)
{
    (void)state;
    uint32_t spi[FAKE_SAS - 1], together = 0;
    for (int i = 0; i < FAKE_SAS - 1; i++) {
        assert_int_equal(dp_spi_alloc(rig.dp, &spi[i]), 0);
        assert_true(spi[i] > 255);
        assert_int_equal(spi[i] % FAKE_SAS, (rig.spi + 1 + (uint32_t)i) % FAKE_SAS);
        together |= spi[i];
    }
    assert_true(together >> 28 && (together >> 4 & 0xfff)); // not only in some of the bits
    dp_spi_free(rig.dp, spi[3]);
    settle();
    uint32_t again;
    assert_int_equal(dp_spi_alloc(rig.dp, &again), 0);
    assert_int_equal(again % FAKE_SAS, spi[3] % FAKE_SAS);
}

static int route(const char *prefix, uint8_t length, enum dp_target to, const char *neighbour, bool set)
{
    struct answer a = {0};
    struct dp_route r = {ip_of(prefix), length, to, rig.tunnel, DP_PORT_INSIDE, ip_of(neighbour)};
    (set ? dp_route_set : dp_route_del)(rig.dp, &r, on_done, &a);
    settle();
    assert_int_equal(a.calls, 1);
    return a.error;
}

static void routes_hold_their_next_hops(void **state)
{
    (void)state;
    assert_int_equal(route("10.9.0.0", 16, DP_TO_TUNNEL, "0.0.0.0", true), 0);
    assert_int_equal(route("10.1.0.0", 24, DP_TO_NEIGHBOUR, "10.0.0.2", true), 0);
    assert_int_equal(route("10.1.1.0", 24, DP_TO_NEIGHBOUR, "10.0.0.2", true), 0);
    assert_int_equal(route("0.0.0.0", 0, DP_TO_HOST, "0.0.0.0", true), 0);
    assert_int_equal(route("10.8.0.0", 16, DP_TO_DROP, "0.0.0.0", true), 0);
    expect("route 0a090000/16 2 0\nadj 0 invalid\nroute 0a010000/24 3 0\nroute 0a010100/24 3 0\n"
           "route 00000000/0 0 0\nroute 0a080000/16 1 0\n");
    assert_int_equal(route("10.1.0.0", 24, DP_TO_NEIGHBOUR, "10.0.0.3", true), 0); // replaced
    assert_int_equal(route("10.1.1.0", 24, DP_TO_NEIGHBOUR, "10.0.0.2", false), 0);
    assert_int_equal(route("10.1.2.0", 24, DP_TO_NEIGHBOUR, "10.0.0.4", true), 0); // in the place of 10.0.0.2
    expect("adj 1 invalid\nroute 0a010000/24 3 1\nunroute 0a010100/24 0 0\nadj 0 invalid\nroute 0a010200/24 3 0\n");
    assert_int_equal(route("10.1.0.1", 24, DP_TO_HOST, "0.0.0.0", true), -EINVAL); // bits beyond the prefix
    assert_int_equal(route("10.1.0.0", 33, DP_TO_HOST, "0.0.0.0", true), -EINVAL);
    assert_int_equal(route("10.77.0.0", 16, DP_TO_HOST, "0.0.0.0", false), -ENOENT);
}

static void a_full_table_loses_no_next_hop(void **state)
{
    (void)state;
    char prefix[32];
    for (int i = 0; i < FAKE_TABLE; i++) {
        snprintf(prefix, sizeof(prefix), "10.%d.0.0", i);
        assert_int_equal(route(prefix, 16, DP_TO_HOST, "0.0.0.0", true), 0);
    }
    for (int i = 0; i < 2 * FAKE_TABLE; i++) {
        char hop[32];
        snprintf(hop, sizeof(hop), "10.0.0.%d", i + 1);
        assert_int_equal(route("10.99.0.0", 16, DP_TO_NEIGHBOUR, hop, true), -ENOSPC);
    }
    assert_non_null(strstr(rig.log, "routing table is full"));
    assert_null(strstr(rig.log, "next hops is full"));
    assert_int_equal(route("10.3.0.0", 16, DP_TO_NEIGHBOUR, "10.0.0.9", true), 0); // an equal prefix is replaced
    assert_int_equal(fake_routes(), FAKE_TABLE);
}

static void own_addresses_take_and_leave_slots(void **state)
{
    (void)state;
    dp_local_set(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.1"), true);
    dp_local_set(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.1"), true); // twice
    dp_local_set(rig.dp, DP_PORT_INSIDE, ip_of("10.0.0.1"), true);   // not for ESP
    dp_local_set(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.2"), true);
    settle();
    expect("local 0\nlocal 1\n");
    assert_int_equal(fake.local[0], 0xc0000201);
    dp_local_set(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.3"), true);
    settle();
    assert_non_null(strstr(rig.log, "own addresses is full"));
    dp_local_set(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.1"), false);
    dp_local_set(rig.dp, DP_PORT_OUTSIDE, ip_of("192.0.2.3"), true);
    settle();
    expect("local 0\nlocal 0\n");
    assert_int_equal(fake.local[0], 0xc0000203);
    static const uint8_t mac[6] = {2, 1, 1, 1, 1, 1};
    dp_port_set(rig.dp, DP_PORT_INSIDE, mac, 1500, true);
    settle();
    assert_memory_equal(fake.port[1].mac, mac, 6);
    assert_int_equal(fake.port[1].mtu, 1500);
    assert_int_equal(fake.port[1].enable, 1);
}

static void exceptions_go_where_they_belong(void **state)
{
    (void)state;
    uint8_t data[60] = {0};
    struct culvert_packet p = {.data = data, .len = sizeof(data), .port = CULVERT_PORT_INSIDE, .reason = DP_REASON_TTL};
    fake.options.rx(fake.options.arg, &p);
    assert_int_equal(rig.frames, 1);
    assert_int_equal(rig.frame_port, DP_PORT_INSIDE);
    p.port = CULVERT_PORT_OUTSIDE;
    p.reason = DP_REASON_LOCAL;
    fake.options.rx(fake.options.arg, &p);
    assert_int_equal(rig.frames, 2);
    assert_int_equal(rig.frame_port, DP_PORT_OUTSIDE);
    struct dp_sa s = sa(DP_IN);
    assert_int_equal(install(&s), 0);
    handmade_ipv4(data, sizeof(data), "10.2.0.1", "10.1.0.1", 1);
    p = (struct culvert_packet){.data = data, .len = sizeof(data), .port = CULVERT_PORT_TUNNEL, .decrypted = true};
    p.reason = DP_REASON_NO_ROUTE;
    p.sa = (uint16_t)(rig.spi % FAKE_SAS);
    p.tunnel = 5; // our own table is what counts
    fake.options.rx(fake.options.arg, &p);
    assert_int_equal(rig.packets, 1);
    assert_int_equal(rig.packet_tunnel, rig.tunnel);
    assert_int_equal(remove_sa(DP_IN, s.spi, s.remote), 0);
    fake.options.rx(fake.options.arg, &p); // late: the SA is gone
    p.sa = 60000;                          // nonsense
    fake.options.rx(fake.options.arg, &p);
    assert_int_equal(rig.packets, 1);
}

static void on_sa_counters(void *arg, int error, const struct dp_sa_counters *c)
{
    struct dp_sa_counters *to = arg;
    assert_int_equal(error, 0);
    *to = *c;
}

static void ranges_that_are_no_prefix_are_checked_by_the_host(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_IN);
    set_ts(1, "10.2.0.0", "10.2.0.9");
    assert_int_equal(install(&s), 0);
    const struct culvert_sa *c = &fake.in[rig.spi % FAKE_SAS].sa;
    assert_true(c->flags & CULVERT_SA_TO_HOST);
    assert_int_equal(c->src_mask | c->dst_mask, 0);
    uint8_t data[60];
    struct culvert_packet p = {.data = data, .len = sizeof(data), .port = CULVERT_PORT_TUNNEL, .decrypted = true};
    p.reason = DP_REASON_SA_TO_HOST;
    p.sa = (uint16_t)(rig.spi % FAKE_SAS);
    static const struct {
        const char *src, *dst;
        bool pass;
    } rows[] = {{"10.2.0.0", "10.1.0.1", true},
                {"10.2.0.9", "10.1.0.255", true},
                {"10.2.0.10", "10.1.0.1", false},
                {"10.2.0.1", "10.1.1.1", false}};
    size_t passed = 0;
    rig.events = 0;
    for (size_t i = 0; i < 4; i++) {
        handmade_ipv4(data, sizeof(data), rows[i].src, rows[i].dst, 1);
        fake.options.rx(fake.options.arg, &p);
        passed += rows[i].pass;
        assert_int_equal(rig.packets, passed);
    }
    settle();
    assert_int_equal(rig.events, 1); // two were refused, the first is told
    assert_int_equal(rig.event.kind, DP_EV_SELECTORS);
    assert_int_equal(rig.event.spi, s.spi);
    handmade_ipv4(data, sizeof(data), "10.2.0.10", "10.1.0.1", 1);
    assert_int_equal(rig.event.start_len, sizeof(data));
    assert_memory_equal(rig.event.start, data, sizeof(data));
    struct dp_sa_counters n = {0};
    dp_sa_counters(rig.dp, DP_IN, s.spi, s.remote, on_sa_counters, &n);
    settle();
    assert_int_equal(n.packets, 7);
    assert_int_equal(n.bytes, 700);
    assert_int_equal(n.seq, 9);
    assert_int_equal(n.auth_fail, 1);
    assert_int_equal(n.replay, 2);
    assert_int_equal(n.policy, 3 + 2);
}

// A frame of 60 bytes with ESP of 12, from 192.0.2.9 to 192.0.2.1; the rest fills it up. Where ESP begins.
enum { ESP_FRAME = 60, ESP_LEN = 12 };
static size_t esp_frame(uint8_t *f, bool udp)
{
    size_t at = udp ? 42 : 34;
    memset(f, 0xee, ESP_FRAME);
    memcpy(f + 12, "\x08\x00\x45\x00", 4);
    f[16] = 0, f[17] = (uint8_t)(at - 14 + ESP_LEN);
    f[23] = udp ? 17 : 50;
    memcpy(f + 26, "\xc0\x00\x02\x09\xc0\x00\x02\x01", 8);
    if (udp)
        memcpy(f + 34, "\x11\x95\x11\x94\x00\x14\x00\x00", 8); // ports, length
    memcpy(f + at, "\x11\x22\x33\x44\x00\x00\x00\x01", 8);
    return at;
}

static struct {
    size_t calls, len;
    struct dp_path path;
    uint8_t esp[ESP_FRAME];
    bool taken;
} other;

static bool on_esp(void *arg, const struct dp_path *path, const uint8_t *esp, size_t len)
{
    assert_ptr_equal(arg, &rig);
    assert_in_range(len, 4, sizeof(other.esp));
    other.calls++;
    other.len = len;
    other.path = *path;
    memcpy(other.esp, esp, len);
    return other.taken;
}

// ESP whose SPI somebody else may have: what is told is ESP alone, without the frame's padding.
static void unknown_spis_are_offered_first(void **state)
{
    (void)state;
    uint8_t f[ESP_FRAME];
    rig.dp->hooks.esp = on_esp;
    for (int udp = 0; udp < 2; udp++)
        for (int taken = 0; taken < 2; taken++) {
            size_t at = esp_frame(f, udp);
            struct culvert_packet p = {.data = f, .len = sizeof(f), .reason = DP_REASON_UNKNOWN_SPI};
            memset(&other, 0, sizeof(other));
            other.taken = taken;
            rig.events = 0;
            usleep(120000);
            uv_update_time(&rig.loop);
            fake.options.rx(fake.options.arg, &p);
            assert_int_equal(other.calls, 1);
            assert_int_equal(other.len, ESP_LEN);
            assert_memory_equal(other.esp, f + at, ESP_LEN);
            assert_int_equal(other.path.encap, udp);
            assert_int_equal(other.path.remote_port, udp ? 4501 : 0);
            struct ip_addr from = ip_of("192.0.2.9"), to = ip_of("192.0.2.1");
            assert_true(ip_equal(&other.path.remote, &from) && ip_equal(&other.path.local, &to));
            settle();
            assert_int_equal(rig.events, !taken);
            assert_int_equal(rig.frames, 0);
        }
    // Lengths that are not true: nobody is asked, nothing is read beyond.
    memset(&other, 0, sizeof(other));
    static const struct {
        size_t at;
        uint8_t high, low;
        bool udp;
    } lies[] = {{16, 0, 47, false}, {16, 0, 23, false},    {16, 0, 0, false}, {16, 0xff, 0xff, false},
                {16, 0, 47, true},  {16, 0, 27, true},     {38, 0, 21, true}, {38, 0, 11, true},
                {38, 0, 0, true},   {38, 0xff, 0xff, true}};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        esp_frame(f, lies[i].udp);
        f[lies[i].at] = lies[i].high, f[lies[i].at + 1] = lies[i].low;
        struct culvert_packet p = {.data = f, .len = sizeof(f), .reason = DP_REASON_UNKNOWN_SPI};
        fake.options.rx(fake.options.arg, &p);
        assert_int_equal(other.calls, 0);
    }
}

static void unknown_spis_are_events_not_frames(void **state)
{
    (void)state;
    for (int udp = 0; udp < 2; udp++) {
        uint8_t f[ESP_FRAME];
        esp_frame(f, udp);
        struct culvert_packet p = {.data = f, .len = sizeof(f), .reason = DP_REASON_UNKNOWN_SPI};
        rig.events = 0;
        fake.options.rx(fake.options.arg, &p);
        settle();
        assert_int_equal(rig.frames, 0);
        assert_int_equal(rig.events, 1);
        assert_int_equal(rig.event.kind, DP_EV_UNKNOWN_SPI);
        assert_int_equal(rig.event.spi, 0x11223344);
        struct ip_addr from, to;
        assert_true(ip_parse("192.0.2.9", &from) && ip_parse("192.0.2.1", &to));
        assert_true(ip_equal(&rig.event.path.remote, &from));
        assert_true(ip_equal(&rig.event.path.local, &to));
        assert_int_equal(rig.event.path.encap, udp);
        assert_int_equal(rig.event.path.remote_port, udp ? 4501 : 0);
        usleep(120000); // they are reported ten times a second at most
        uv_update_time(&rig.loop);
        for (size_t len = 0; len < ESP_FRAME - 14; len++) { // cut off anywhere: no event, no harm
            uint8_t *exact = malloc(len + 1);
            memcpy(exact, f, len);
            struct culvert_packet cut = {.data = exact, .len = len, .reason = DP_REASON_UNKNOWN_SPI};
            fake.options.rx(fake.options.arg, &cut);
            free(exact);
        }
        settle();
        assert_int_equal(rig.events, 1);
    }
}

static void events_tell_the_spi(void **state)
{
    (void)state;
    struct dp_sa in = sa(DP_IN), out = sa(DP_OUT);
    assert_int_equal(install(&in), 0);
    assert_int_equal(install(&out), 0);
    static const struct {
        uint8_t type;
        enum dp_event_kind kind;
    } rows[] = {{DP_EVENT_SOFT_LIFETIME, DP_EV_SOFT_LIFETIME},
                {DP_EVENT_HARD_LIFETIME, DP_EV_HARD_LIFETIME},
                {DP_EVENT_SEQ_EXHAUSTED, DP_EV_SEQ_EXHAUSTED},
                {DP_EVENT_REPLAY, DP_EV_REPLAY},
                {DP_EVENT_AUTH_FAIL, DP_EV_AUTH_FAIL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int dir = 0; dir < 2; dir++) {
            struct culvert_event e = {rows[i].type, (uint8_t)dir, dir ? 0 : (uint16_t)(rig.spi % FAKE_SAS)};
            rig.events = 0;
            fake.options.event(fake.options.arg, &e);
            assert_int_equal(rig.events, 0); // in the loop's next round
            settle();
            assert_int_equal(rig.events, 1);
            assert_int_equal(rig.event.kind, rows[i].kind);
            assert_int_equal(rig.event.dir, dir ? DP_OUT : DP_IN);
            assert_int_equal(rig.event.spi, dir ? out.spi : in.spi);
        }
    struct culvert_event gone = {DP_EVENT_REPLAY, CULVERT_SA_OUT, 9}, link = {DP_EVENT_LINK_UP, 0, 1};
    rig.events = 0;
    fake.options.event(fake.options.arg, &gone);
    settle();
    assert_int_equal(rig.events, 0);
    fake.options.event(fake.options.arg, &link);
    settle();
    assert_int_equal(rig.event.kind, DP_EV_LINK);
    assert_int_equal(rig.event.port, DP_PORT_INSIDE);
    assert_true(rig.event.up);
}

static void a_failed_card_answers_everything_and_says_so_once(void **state)
{
    (void)state;
    struct answer a[3] = {0};
    struct dp_sa in = sa(DP_IN), out = sa(DP_OUT);
    fake.hold = true;
    dp_sa_install(rig.dp, &in, on_done, &a[0]);
    dp_sa_install(rig.dp, &out, on_done, &a[1]);
    fake_break("its firmware panicked");
    fake_break("again");
    settle();
    assert_int_equal(a[0].error, -EHOSTDOWN);
    assert_int_equal(a[1].error, -ENODEV);
    assert_int_equal(rig.events, 1);
    assert_int_equal(rig.event.kind, DP_EV_FAILED);
    assert_non_null(strstr(rig.log, "its firmware panicked"));
    assert_int_equal(install(&in), -ENODEV);
}

static void closing_cancels_what_is_under_way(void **state)
{
    struct answer a[2] = {0};
    struct dp_sa in = sa(DP_IN), out = sa(DP_OUT);
    fake.hold = true;
    dp_sa_install(rig.dp, &in, on_done, &a[0]);
    dp_sa_install(rig.dp, &out, on_done, &a[1]);
    teardown(state);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(a[i].calls, 1);
        assert_int_equal(a[i].error, -ECANCELED);
    }
}

static void what_the_card_cannot_do_is_refused_with_a_sentence(void **state)
{
    (void)state;
    struct dp_sa s = sa(DP_IN);
    s.suite = DP_SUITE_AES_CBC_256_SHA256;
    s.key_len = 64;
    assert_int_equal(install(&s), -EOPNOTSUPP);
    assert_non_null(strstr(rig.log, "the card does not do AES-CBC-256"));
    expect("");
    char err[100];
    struct dp_hooks none = {0};
    assert_null(dp_card_open(&rig.loop, "vfio-user:nobody", &none, err, sizeof(err)));
    assert_string_equal(err, "nobody there");
}

static void packets_and_frames_are_sent_to_their_places(void **state)
{
    (void)state;
    uint8_t data[100];
    handmade_ipv4(data, sizeof(data), "10.1.0.1", "10.2.0.1", 1);
    assert_int_equal(dp_send_packet(rig.dp, rig.tunnel, data, 100), -ENOENT);
    struct dp_sa s = sa(DP_OUT);
    assert_int_equal(install(&s), 0);
    assert_int_equal(dp_send_packet(rig.dp, rig.tunnel, data, 100), 0);
    assert_int_equal(fake.sent.dest, CULVERT_PORT_TUNNEL);
    assert_int_equal(fake.sent.tunnel, rig.tunnel);
    assert_int_equal(dp_send_packet(rig.dp, rig.tunnel, data, 99), -EINVAL);
    assert_int_equal(dp_send_frame(rig.dp, DP_PORT_INSIDE, data, 64), 0);
    assert_int_equal(fake.sent.dest, CULVERT_PORT_INSIDE);
    assert_int_equal(fake.sent.len, 64);
    fake.tx_result = -ENOBUFS;
    assert_int_equal(dp_send_frame(rig.dp, DP_PORT_OUTSIDE, data, 64), -ENOBUFS);
    dp_tunnel_free(rig.dp, rig.tunnel);
    settle();
    assert_false(fake.tunnel[rig.tunnel].valid);
    assert_int_equal(dp_send_packet(rig.dp, rig.tunnel, data, 100), -ENOENT);
}

static struct dp_counter got[8];
static size_t got_n;
static void on_counters(void *arg, const struct dp_counter *c, size_t n)
{
    (void)arg;
    got_n = n;
    memcpy(got, c, n * sizeof(*c));
}
static void on_info(void *arg, const struct dp_info *i)
{
    *(struct dp_info *)arg = *i;
}
static void counters_and_info_come_from_the_card(void **state)
{
    (void)state;
    struct dp_info i;
    dp_counters(rig.dp, on_counters, NULL);
    dp_info(rig.dp, on_info, &i);
    settle();
    assert_int_equal(got_n, 3);
    assert_string_equal(got[1].name, "second");
    assert_int_equal(got[1].value, 22);
    assert_string_equal(i.kind, "card");
    assert_true(dp_has_suite(rig.dp, DP_SUITE_AES_GCM_128) && dp_has_suite(rig.dp, DP_SUITE_AES_GCM_256));
    assert_false(dp_has_suite(rig.dp, DP_SUITE(DP_CIPHER_AES_GCM, 192, DP_INTEG_NONE)));
    assert_false(dp_has_suite(rig.dp, DP_SUITE_AES_CBC_256_SHA256));
    assert_true(i.ports && i.esn && strcmp(i.cipher[0], "AES-GCM-128") == 0 &&
                strcmp(i.cipher[1], "AES-GCM-256") == 0 && i.cipher[2] == NULL);
    assert_non_null(strstr(i.text, "double at nowhere"));
    assert_true(i.sas_in == 11 && i.sas_out == 12 && i.routes == 13 && i.flows == 14);
    assert_true(i.max_sas == FAKE_SAS && i.max_routes == FAKE_TABLE && i.max_flows == 2 * FAKE_TABLE);
    assert_false(i.software); // that is what stands beside it
}

int main(void)
{
    alarm(100);
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(inbound_sas_carry_index_key_and_prefixes),
        WITH(windows_are_powers_of_two_that_the_card_has),
        WITH(outbound_order_is_next_hop_then_sa_then_tunnel),
        WITH(a_next_hop_becomes_valid_when_its_mac_is_known),
        WITH(another_next_hop_moves_all_sas_of_the_peer),
        WITH(a_rekey_switches_the_tunnel_and_can_go_back),
        WITH(a_failure_at_any_step_leaves_nothing_half_installed),
        WITH(a_path_change_that_fails_changes_the_name_alone),
        WITH(a_path_without_room_for_its_next_hop_is_refused),
        WITH(requests_are_carried_out_in_order),
        WITH(spis_carry_the_index_below_random_bits),
        WITH(routes_hold_their_next_hops),
        WITH(a_full_table_loses_no_next_hop),
        WITH(own_addresses_take_and_leave_slots),
        WITH(exceptions_go_where_they_belong),
        WITH(ranges_that_are_no_prefix_are_checked_by_the_host),
        WITH(unknown_spis_are_offered_first),
        WITH(unknown_spis_are_events_not_frames),
        WITH(events_tell_the_spi),
        WITH(a_failed_card_answers_everything_and_says_so_once),
        cmocka_unit_test_setup(closing_cancels_what_is_under_way, setup),
        WITH(what_the_card_cannot_do_is_refused_with_a_sentence),
        WITH(packets_and_frames_are_sent_to_their_places),
        WITH(counters_and_info_come_from_the_card),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("the card's datapath", tests, NULL, NULL);
}
