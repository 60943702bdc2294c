// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/dp/both_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct both_rig rig;

static void on_frame(void *arg, enum dp_port port, const uint8_t *frame, size_t len)
{
    (void)arg, (void)port, (void)frame, (void)len;
    rig.frames++;
}
static void on_packet(void *arg, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    (void)arg;
    assert_in_range(len, 20, sizeof(rig.packet));
    rig.packets++;
    rig.packet_tunnel = tunnel;
    rig.packet_len = len;
    memcpy(rig.packet, packet, len);
}
static void on_event(void *arg, const struct dp_event *event)
{
    (void)arg;
    rig.events++;
    rig.failed += event->kind == DP_EV_FAILED;
    rig.unknown += event->kind == DP_EV_UNKNOWN_SPI;
    rig.event = *event;
}

void settle(void)
{
    for (int i = 0; i < 20; i++)
        uv_run(&rig.loop, UV_RUN_NOWAIT);
}

static int udp_socket(const char *address)
{
    struct sockaddr_storage at;
    struct ip_addr a = ip_of(address);
    socklen_t len = ip_to_sockaddr(&a, 4500, &at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    return fd;
}

struct dp_ts prefix(const char *first, const char *last)
{
    struct ip_addr a = ip_of(first), b = ip_of(last);
    struct dp_ts ts = {.family = a.family, .port_hi = UINT16_MAX};
    memcpy(ts.first, a.b, 16);
    memcpy(ts.last, b.b, 16);
    return ts;
}

struct dp_selectors *selectors(unsigned n)
{
    char first[32], last[32];
    struct dp_selectors *s = dp_selectors_new(1, 1);
    snprintf(first, sizeof(first), "10.%u.0.0", n);
    snprintf(last, sizeof(last), "10.%u.255.255", n);
    s->ts[0] = prefix("10.1.0.0", "10.1.0.255");
    s->ts[1] = prefix(first, last);
    return s;
}

int rig_setup(void **state)
{
    char err[256] = "";
    (void)state;
    fake_reset();
    memset(&rig, 0, sizeof(rig));
    rig.ts = selectors(2);
    for (size_t i = 0; i < sizeof(rig.key); i++)
        rig.key[i] = (uint8_t)(i * 7 + 1);
    uv_loop_init(&rig.loop);
    rig.udp = udp_socket("127.0.0.1");
    rig.peer = udp_socket(PEER);
    struct dp_hooks hooks = {.frame = on_frame, .packet = on_packet, .event = on_event, .arg = &rig};
    rig.dp = dp_both_open(&rig.loop, "vfio-user:somewhere", rig.udp, -1, &hooks, err, sizeof(err));
    if (!rig.dp)
        fail_msg("%s", err);
    settle();
    // A GRE tunnel first: from here on the two number tunnels differently.
    assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400, .gre = true}, &rig.spare), 0);
    assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400}, &rig.tunnel), 0);
    assert_int_equal(rig.tunnel, 1);
    fake.log[0] = 0;
    fake.commands = 0;
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    dp_free(rig.dp);
    dp_selectors_unref(rig.ts);
    uv_run(&rig.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    assert_int_equal(fake.attached, 0);
    close(rig.udp);
    close(rig.peer);
    return 0;
}

void expect(const char *log)
{
    assert_string_equal(fake.log, log);
    fake.log[0] = 0;
}

struct dp_sa sa(enum dp_dir dir, uint32_t spi, struct dp_suite suite)
{
    struct dp_sa s = {.dir = dir,
                      .spi = spi,
                      .tunnel = rig.tunnel,
                      .suite = suite,
                      .key_len = suite_key_len(suite),
                      .replay_window = 64,
                      .encap = true,
                      .local = ip_of("127.0.0.1"),
                      .remote = ip_of(PEER),
                      .local_port = 4500,
                      .remote_port = 4500,
                      .ts = rig.ts};
    memcpy(s.key, rig.key, s.key_len);
    return s;
}

int install(const struct dp_sa *s)
{
    struct answer a = {0};
    dp_sa_install(rig.dp, s, on_done, &a);
    assert_int_equal(a.calls, 0);
    settle();
    assert_int_equal(a.calls, 1);
    return a.error;
}
int install_out(uint32_t spi, struct dp_suite suite)
{
    struct dp_sa s = sa(DP_OUT, spi, suite);
    return install(&s);
}
int remove_sa(enum dp_dir dir, uint32_t spi)
{
    struct answer a = {0};
    dp_sa_remove(rig.dp, dir, spi, ip_of(PEER), on_done, &a);
    settle();
    assert_int_equal(a.calls, 1);
    return a.error;
}
int install_in(struct dp_suite suite, uint32_t *spi)
{
    assert_int_equal(dp_spi_alloc(rig.dp, spi), 0);
    struct dp_sa s = sa(DP_IN, *spi, suite);
    return install(&s);
}

static void on_sa_counters(void *arg, int error, const struct dp_sa_counters *n)
{
    on_done(arg, error);
    if (n)
        rig.counted = *n;
}
const char *carried_by(enum dp_dir dir, uint32_t spi, const char *remote)
{
    struct answer a = {0};
    dp_sa_counters(rig.dp, dir, spi, ip_of(remote), on_sa_counters, &a);
    settle();
    assert_int_equal(a.calls, 1);
    return a.error ? "nobody" : rig.counted.card ? "card" : "software";
}

int route(const char *network, uint8_t length, enum dp_target to, uint32_t tunnel)
{
    struct answer a = {0};
    struct dp_route r = {.prefix = ip_of(network), .length = length, .to = to, .tunnel = tunnel};
    dp_route_set(rig.dp, &r, on_done, &a);
    settle();
    assert_int_equal(a.calls, 1);
    return a.error;
}
int fib(uint32_t network, uint16_t *target)
{
    for (int i = 0; i < FAKE_TABLE; i++)
        if (fake.route_valid[i] && fake.route[i].prefix == network) {
            if (target)
                *target = fake.route[i].target;
            return fake.route[i].kind;
        }
    return -1;
}

int64_t sent_with(unsigned n)
{
    char to[32];
    uint8_t packet[PACKET], esp[2000];
    snprintf(to, sizeof(to), "10.%u.0.1", n);
    handmade_ipv4(packet, sizeof(packet), "10.1.0.1", to, 1);
    fake.sent.len = 0;
    int rc = dp_send_packet(rig.dp, rig.tunnel, packet, sizeof(packet));
    ssize_t len = recv(rig.peer, esp, sizeof(esp), MSG_DONTWAIT);
    bool card = fake.sent.len != 0;
    if (rc) {
        assert_false(card);
        assert_int_equal(len, -1);
        return rc;
    }
    assert_true(card != (len > 0)); // by one of the two
    if (card) {
        assert_int_equal(fake.sent.dest, CULVERT_PORT_TUNNEL);
        assert_int_equal(fake.sent.tunnel, rig.tunnel - 1);
        assert_true(fake.tunnel[rig.tunnel - 1].valid);
        return 0;
    }
    return (int64_t)esp[0] << 24 | (int64_t)esp[1] << 16 | esp[2] << 8 | esp[3];
}
