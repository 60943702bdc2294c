// SPDX-License-Identifier: BSD-2-Clause
// libculvert, vfio-user, PCIe, RTL and firmware together: culvert-sim runs the shipped firmware on the simulated card,
// this test is its host and, over the simulator's sockets, the other end of its outside port.
#include "dp_regs.h"
#include "driver/culvert.h"
#include "tests/system/driver/sim_card.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define GATEWAY   0xc0000201u // 192.0.2.1: outer source and own address at once, see the loop test
#define SPI_OUT   0xbeef0007u // low bits are the inbound index
#define IN_INDEX  7
#define OUT_INDEX 3
#define TUNNEL    12

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1};

struct bench {
    struct sim_card sim;
    int port; // the outside port's other end
    struct culvert_card *card;
    unsigned results, errors, packets, events, failures;
    struct culvert_result last;
    uint8_t last_body[48];
    struct culvert_packet packet;
    uint8_t data[10000];
    struct culvert_event event;
    char reason[600];
};

static void on_result(void *arg, const struct culvert_result *r)
{
    struct bench *b = arg;
    b->results++;
    b->errors += r->error != 0;
    b->last = *r;
    memcpy(b->last_body, r->body, 48);
}

static void on_packet(void *arg, const struct culvert_packet *p)
{
    struct bench *b = arg;
    b->packets++;
    b->packet = *p;
    assert_true(p->len <= sizeof(b->data));
    memcpy(b->data, p->data, p->len);
}

static void on_event(void *arg, const struct culvert_event *e)
{
    struct bench *b = arg;
    if (e->type == DP_EVENT_LINK_UP || e->type == DP_EVENT_LINK_DOWN)
        return;
    b->events++;
    b->event = *e;
}

static void on_state(void *arg, enum culvert_state state, const char *reason)
{
    struct bench *b = arg;
    (void)state;
    b->failures++;
    snprintf(b->reason, sizeof(b->reason), "%s", reason);
}

// One turn of the loop.
static void turn(struct bench *b, int wait_ms)
{
    int fd[CULVERT_FDS_MAX];
    struct pollfd p[CULVERT_FDS_MAX];
    const size_t n = culvert_fds(b->card, fd, CULVERT_FDS_MAX);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    (void)poll(p, n, wait_ms);
    (void)culvert_process(b->card);
    culvert_expire(b->card);
}

// Until *what has reached count.
static void until(struct bench *b, const unsigned *what, unsigned count)
{
    const uint64_t end = now_ms() + PATIENCE_MS;
    while (*what < count) {
        if (now_ms() > end)
            fail_msg("still %u of %u after %d ms (%s)", *what, count, PATIENCE_MS, b->reason);
        turn(b, 20);
    }
}

// Runs what has been queued and expects that it went well.
static void good(struct bench *b, int queued)
{
    assert_int_equal(queued, 0);
    const unsigned errors = b->errors;
    until(b, &b->results, b->results + 1);
    if (b->errors != errors)
        fail_msg("refused: %s", culvert_status_text(b->last.status));
}

static void refused(struct bench *b, int queued, int error)
{
    assert_int_equal(queued, 0);
    until(b, &b->results, b->results + 1);
    assert_int_equal(b->last.error, error);
}

static int connect_port(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const uint64_t end = now_ms() + PATIENCE_MS;
    while (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
        if (now_ms() > end)
            fail_msg("%s: %s", path, strerror(errno));
        (void)poll(NULL, 0, 20);
    }
    return fd;
}

static size_t port_receive(struct bench *b, uint8_t *frame, size_t size)
{
    struct pollfd p = {.fd = b->port, .events = POLLIN};
    if (poll(&p, 1, PATIENCE_MS) != 1)
        fail_msg("no frame out of the outside port");
    const ssize_t n = recv(b->port, frame, size, 0);
    assert_true(n > 0);
    return (size_t)n;
}

// ---------------------------------------------------------------- start and end

static void a_card_without_firmware_says_so(void **state)
{
    (void)state;
    struct sim_card sim;
    char err[CULVERT_ERR_MAX] = "";
    const struct culvert_options o = {.ready_timeout_ms = PATIENCE_MS};
    sim_card_start(&sim, NULL, false);
    assert_null(culvert_attach(sim.where, &o, err, sizeof(err)));
    sim_card_stop(&sim);
    if (!strstr(err, "the flash holds no firmware image"))
        fail_msg("%s", err);
}

static int start(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    char err[CULVERT_ERR_MAX];
    sim_card_start(&b->sim, "culvert.elf", true);
    b->port = connect_port(b->sim.port);
    const struct culvert_options o = {.rx = on_packet,
                                      .event = on_event,
                                      .state = on_state,
                                      .arg = b,
                                      .evq_log2 = 3, // small, so that they wrap
                                      .rxq_log2 = 3,
                                      .txq_log2 = 2,
                                      .command_timeout_ms = PATIENCE_MS,
                                      .ready_timeout_ms = PATIENCE_MS};
    const uint64_t t0 = now_ms();
    b->card = culvert_attach(b->sim.where, &o, err, sizeof(err));
    if (!b->card)
        fail_msg("%s", err);
    printf("# attached in %llu ms\n", (unsigned long long)(now_ms() - t0));
    *state = b;
    return 0;
}

static int stop(void **state)
{
    struct bench *b = *state;
    culvert_detach(b->card);
    sim_card_stop(&b->sim);
    close(b->port);
    free(b);
    return 0;
}

// ---------------------------------------------------------------- tests

static void capabilities_and_info_of_a_fresh_card(void **state)
{
    struct bench *b = *state;
    assert_string_equal(culvert_caps(b->card)->model, "Culvert simulated card");
    assert_true(culvert_has_feature(b->card, "esp-gcm-256"));
    good(b, culvert_get_info(b->card, on_result, b));
    struct culvert_info i;
    memcpy(&i, b->last_body, sizeof(i));
    assert_int_equal(i.abi_version, culvert_fw_abi(b->card));
    assert_int_equal(i.fw_version, culvert_fw_version(b->card));
    assert_int_equal(i.sas_in + i.sas_out + i.routes + i.flows, 0);
    uint32_t dma, tlp;
    assert_int_equal(culvert_link_errors(b->card, &dma, &tlp), 0);
    assert_int_equal(dma, 0);
    assert_int_equal(tlp, 0);
}

static void commands_wrap_the_rings_and_keep_their_order(void **state)
{
    struct bench *b = *state;
    // DRIVER_CARD_COMMANDS=70000 takes the ring's 16-bit counters round as well, in minutes.
    const char *env = getenv("DRIVER_CARD_COMMANDS");
    const unsigned commands = env ? (unsigned)strtoul(env, NULL, 0) : 100;
    const uint64_t t0 = now_ms();
    for (unsigned done = 0; done < commands;) {
        const unsigned part = commands - done < 100 ? commands - done : 100, before = b->results;
        for (unsigned i = 0; i < part; i++)
            assert_int_equal(culvert_nop(b->card, on_result, b), 0);
        until(b, &b->results, before + part);
        done += part;
    }
    assert_int_equal(b->errors, 0);
    printf("# %u commands in %llu ms\n", commands, (unsigned long long)(now_ms() - t0));
    refused(b, culvert_command(b->card, 999, NULL, 0, on_result, b, 0), -EOPNOTSUPP);
    b->errors = 0;
}

// The outbound SA's peer is the card itself: what it encrypts is, fed back into its port, for its own inbound SA.
static struct culvert_sa out_sa(void)
{
    struct culvert_sa sa = {.index = OUT_INDEX,
                            .dir = CULVERT_SA_OUT,
                            .flags = CULVERT_SA_KEY256 | CULVERT_SA_ESN,
                            .spi = SPI_OUT,
                            .adj = 1,
                            .salt = {0xa, 0xb, 0xc, 0xd},
                            .src = 0xc0000202,
                            .dst = GATEWAY,
                            .soft_packets = 40};
    for (uint8_t i = 0; i < 32; i++)
        sa.key[i] = (uint8_t)(i * 7 + 1);
    return sa;
}

static struct culvert_sa in_sa(void)
{
    struct culvert_sa sa = out_sa();
    sa.index = IN_INDEX;
    sa.dir = CULVERT_SA_IN;
    sa.flags |= CULVERT_SA_TO_HOST;
    sa.window_log2 = 6;
    sa.tunnel = TUNNEL;
    sa.src = sa.dst = 0x0a000000;
    sa.src_mask = sa.dst_mask = 0xff000000;
    sa.soft_packets = 0;
    return sa;
}

static void install(struct bench *b)
{
    const struct culvert_sa out = out_sa(), in = in_sa();
    struct culvert_port port = {.port = 0, .enable = 1, .mtu = 9000};
    struct culvert_adj adj = {.index = 1, .port = 0, .valid = 1};
    const struct culvert_tunnel tunnel = {.index = TUNNEL, .sa = OUT_INDEX, .valid = 1};
    memcpy(port.mac, own_mac, 6);
    memcpy(adj.mac, own_mac, 6);
    good(b, culvert_port_set(b->card, &port, on_result, b));
    good(b, culvert_local_set(b->card, 0, GATEWAY, on_result, b));
    good(b, culvert_adj_set(b->card, &adj, on_result, b));
    good(b, culvert_sa_install(b->card, &in, on_result, b));
    good(b, culvert_sa_install(b->card, &out, on_result, b));
    good(b, culvert_tunnel_set(b->card, &tunnel, on_result, b));
    good(b, culvert_enable(b->card, true, on_result, b));
}

static void sas_are_installed_read_and_refused_twice(void **state)
{
    struct bench *b = *state;
    const struct culvert_sa out = out_sa();
    install(b);
    refused(b, culvert_sa_install(b->card, &out, on_result, b), -EEXIST);
    refused(b, culvert_sa_remove(b->card, CULVERT_SA_OUT, 99, on_result, b), -ENOENT);
    refused(b, culvert_sa_remove(b->card, CULVERT_SA_OUT, 60000, on_result, b), -ERANGE);
    good(b, culvert_sa_counters(b->card, CULVERT_SA_OUT, OUT_INDEX, on_result, b));
    struct culvert_sa_counters c;
    memcpy(&c, b->last_body, sizeof(c));
    assert_true(c.packets == 0 && c.bytes == 0 && c.seq == 0);
    b->errors = 0;
}

static void frames_from_the_host_leave_the_port_unchanged(void **state)
{
    struct bench *b = *state;
    static const size_t sizes[] = {60, 61, 63, 64, 65, 127, 128, 129, 255, 512, 1000, 1514, 4000, 9014};
    uint8_t frame[9100], got[9300];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t n = 0; n < sizes[i]; n++)
            frame[n] = (uint8_t)(n * 31 + i);
        assert_int_equal(culvert_tx(b->card, CULVERT_PORT_OUTSIDE, 0, frame, sizes[i]), 0);
        assert_int_equal(port_receive(b, got, sizeof(got)), sizes[i]);
        assert_memory_equal(got, frame, sizes[i]);
        turn(b, 0);
    }
    // Faster than the card: the ring fills, says so, and goes on.
    unsigned sent = 0, full = 0;
    const uint64_t end = now_ms() + PATIENCE_MS;
    while (sent < 40 && now_ms() < end) {
        const int rc = culvert_tx(b->card, CULVERT_PORT_OUTSIDE, 0, frame, 600);
        assert_true(rc == 0 || rc == -ENOBUFS);
        sent += rc == 0;
        full += rc != 0;
        if (rc)
            turn(b, 20);
    }
    assert_int_equal(sent, 40);
    assert_true(full > 0);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(port_receive(b, got, sizeof(got)), 600);
}

static void frames_for_the_host_come_with_their_reason_and_wrap_the_ring(void **state)
{
    struct bench *b = *state;
    uint8_t frame[1600];
    for (size_t i = 0; i < 30; i++) {
        const size_t len = i == 7 ? 1514 : 60 + i * 13;
        for (size_t n = 0; n < len; n++)
            frame[n] = (uint8_t)(n + i);
        memset(frame, 0xff, 6);
        frame[12] = 0x08; // ARP
        frame[13] = 0x06;
        assert_int_equal(send(b->port, frame, len, 0), len);
        until(b, &b->packets, b->packets + 1);
        assert_int_equal(b->packet.len, len);
        assert_int_equal(b->packet.port, CULVERT_PORT_OUTSIDE);
        if (b->packet.reason != DP_REASON_NOT_IPV4 && b->packet.reason != DP_REASON_NOT_OURS)
            fail_msg("reason %s", culvert_reason_name(b->packet.reason));
        assert_false(b->packet.decrypted);
        assert_memory_equal(b->data, frame, len);
    }
}

// An IPv4 packet of `len` bytes with a right header.
static void ip_packet(uint8_t *p, size_t len, uint8_t salt)
{
    static const uint8_t header[20] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 1, 0, 2};
    memcpy(p, header, 20);
    p[2] = (uint8_t)(len >> 8);
    p[3] = (uint8_t)len;
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
    p[10] = (uint8_t)(sum >> 8);
    p[11] = (uint8_t)sum;
    for (size_t i = 20; i < len; i++)
        p[i] = (uint8_t)(i * 5 + salt);
}

static void what_the_card_encrypts_it_decrypts_again(void **state)
{
    struct bench *b = *state;
    static const size_t sizes[] = {20, 28, 40, 64, 100, 577, 1400, 8000};
    uint8_t packet[8000], frame[9300];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        ip_packet(packet, sizes[i], (uint8_t)i);
        assert_int_equal(culvert_tx(b->card, CULVERT_PORT_TUNNEL, TUNNEL, packet, sizes[i]), 0);
        const size_t len = port_receive(b, frame, sizeof(frame));
        assert_true(len > 14 + 20 + 8 + 8 + sizes[i]);
        assert_memory_equal(frame, own_mac, 6);
        assert_int_equal(frame[14 + 9], 50); // ESP
        assert_int_equal((uint32_t)frame[34] << 24 | frame[35] << 16 | frame[36] << 8 | frame[37], SPI_OUT);
        for (size_t at = 0; sizes[i] >= 64 && at + 16 < len; at++)
            assert_memory_not_equal(frame + at, packet + 40, 16); // no clear text
        assert_int_equal(send(b->port, frame, len, 0), len);
        until(b, &b->packets, b->packets + 1);
        assert_true(b->packet.decrypted);
        assert_int_equal(b->packet.sa, IN_INDEX);
        assert_int_equal(b->packet.tunnel, TUNNEL);
        assert_int_equal(b->packet.port, CULVERT_PORT_TUNNEL);
        assert_int_equal(b->packet.reason, DP_REASON_SA_TO_HOST);
        assert_int_equal(b->packet.len, sizes[i]);
        assert_memory_equal(b->data, packet, sizes[i]);
        // Once more: a replay, which is dropped and reported as an event (the first time).
        const unsigned packets = b->packets;
        assert_int_equal(send(b->port, frame, len, 0), len);
        if (i == 0) {
            until(b, &b->events, b->events + 1);
            assert_int_equal(b->event.type, DP_EVENT_REPLAY);
            assert_int_equal(b->event.index, IN_INDEX);
            assert_int_equal(b->event.dir, CULVERT_SA_IN);
        }
        assert_int_equal(b->packets, packets);
    }
    good(b, culvert_sa_counters(b->card, CULVERT_SA_IN, IN_INDEX, on_result, b));
    struct culvert_sa_counters c;
    memcpy(&c, b->last_body, sizeof(c));
    assert_true(c.packets == 8 && c.seq == 8);
    assert_int_equal(c.replay, 8);
    good(b, culvert_sa_counters(b->card, CULVERT_SA_OUT, OUT_INDEX, on_result, b));
    memcpy(&c, b->last_body, sizeof(c));
    assert_true(c.packets == 8 && c.seq == 8 && c.bytes == 20 + 28 + 40 + 64 + 100 + 577 + 1400 + 8000);
}

static void removal_gives_the_final_counters(void **state)
{
    struct bench *b = *state;
    good(b, culvert_sa_remove(b->card, CULVERT_SA_OUT, OUT_INDEX, on_result, b));
    struct culvert_sa_counters c;
    memcpy(&c, b->last_body, sizeof(c));
    assert_true(c.packets == 8 + 33 && c.seq == 8 + 33);
    refused(b, culvert_sa_counters(b->card, CULVERT_SA_OUT, OUT_INDEX, on_result, b), -ENOENT);
    b->errors = 0;
}

static void a_soft_lifetime_is_an_event(void **state)
{
    struct bench *b = *state;
    uint8_t packet[64], frame[300];
    ip_packet(packet, sizeof(packet), 1);
    const unsigned events = b->events;
    for (int i = 0; i < 33; i++) { // 8 have been sent before
        assert_int_equal(culvert_tx(b->card, CULVERT_PORT_TUNNEL, TUNNEL, packet, sizeof(packet)), 0);
        port_receive(b, frame, sizeof(frame));
        turn(b, 0);
    }
    until(b, &b->events, events + 1);
    assert_int_equal(b->event.type, DP_EVENT_SOFT_LIFETIME);
    assert_int_equal(b->event.index, OUT_INDEX);
    assert_int_equal(b->event.dir, CULVERT_SA_OUT);
}

struct counters {
    unsigned done;
    uint64_t value[DP_COUNTER_COUNT];
};
static void on_counters(void *arg, int error, const uint64_t *values, size_t count)
{
    struct counters *c = arg;
    assert_int_equal(error, 0);
    assert_int_equal(count, DP_COUNTER_COUNT);
    memcpy(c->value, values, sizeof(c->value));
    c->done = 1;
}

static void counters_tell_what_the_tests_before_did(void **state)
{
    struct bench *b = *state;
    struct counters c = {0};
    assert_int_equal(culvert_counters(b->card, on_counters, &c), 0);
    until(b, &c.done, 1);
    assert_int_equal(c.value[DP_COUNTER_ESP_OUT_PACKETS], 8 + 33);
    assert_int_equal(c.value[DP_COUNTER_ESP_IN_PACKETS], 8);
    assert_int_equal(c.value[DP_COUNTER_ESP_REPLAY], 8);
    assert_int_equal(c.value[DP_COUNTER_RX0_PACKETS], 30 + 16);
    assert_int_equal(c.value[DP_COUNTER_TX0_PACKETS], 14 + 40 + 8 + 33);
    assert_int_equal(c.value[DP_COUNTER_HOST_TX_PACKETS], 14 + 40 + 8 + 33);
    assert_int_equal(c.value[DP_COUNTER_HOST_RX_PACKETS], 30 + 8);
    assert_int_equal(c.value[DP_COUNTER_HOST_TX_BAD], 0);
}

static void routes_and_flows_are_set_and_removed(void **state)
{
    struct bench *b = *state;
    struct culvert_route r = {.prefix = 0x0a010000, .length = 16, .kind = CULVERT_TARGET_TUNNEL, .target = TUNNEL};
    good(b, culvert_route_set(b->card, &r, on_result, b));
    good(b, culvert_route_set(b->card, &r, on_result, b));
    for (uint32_t i = 0; i < 60; i++) {
        const struct culvert_flow f = {
            .src = 0x0a000000 + i, .dst = 0x0a010001, .protocol = 6, .kind = CULVERT_TARGET_TUNNEL, .target = TUNNEL};
        assert_int_equal(culvert_flow_set(b->card, &f, on_result, b), 0);
    }
    until(b, &b->results, b->results + 60);
    good(b, culvert_get_info(b->card, on_result, b));
    struct culvert_info i;
    memcpy(&i, b->last_body, sizeof(i));
    assert_int_equal(i.routes, 1);
    assert_int_equal(i.flows, 60);
    for (uint32_t n = 0; n < 60; n++) {
        const struct culvert_flow f = {.src = 0x0a000000 + n, .dst = 0x0a010001, .protocol = 6};
        assert_int_equal(culvert_flow_del(b->card, &f, on_result, b), 0);
    }
    until(b, &b->results, b->results + 60);
    good(b, culvert_route_del(b->card, &r, on_result, b));
    refused(b, culvert_route_del(b->card, &r, on_result, b), -ENOENT);
    assert_int_equal(b->errors, 1);
    b->errors = 0;
}

static void reset_in_the_middle_of_commands_leaves_an_empty_card(void **state)
{
    struct bench *b = *state;
    char err[CULVERT_ERR_MAX];
    const unsigned before = b->results;
    for (int i = 0; i < 30; i++)
        assert_int_equal(culvert_nop(b->card, on_result, b), 0);
    turn(b, 1);
    const uint64_t t0 = now_ms();
    if (culvert_reset(b->card, err, sizeof(err)) != 0)
        fail_msg("%s", err);
    printf("# reset and attached again in %llu ms\n", (unsigned long long)(now_ms() - t0));
    assert_int_equal(b->results, before + 30); // each ended, one way or the other
    assert_int_equal(b->last.error, -ECANCELED);
    assert_int_equal(b->failures, 0);
    b->errors = 0;
    good(b, culvert_get_info(b->card, on_result, b));
    struct culvert_info i;
    memcpy(&i, b->last_body, sizeof(i));
    assert_int_equal(i.sas_in + i.sas_out + i.routes + i.flows, 0);
    // Nothing is forwarded, then all works again, with new sequence numbers.
    install(b);
    uint8_t packet[100], frame[300];
    ip_packet(packet, sizeof(packet), 3);
    assert_int_equal(culvert_tx(b->card, CULVERT_PORT_TUNNEL, TUNNEL, packet, sizeof(packet)), 0);
    port_receive(b, frame, sizeof(frame));
    assert_int_equal(frame[41], 1);
}

static void a_card_that_goes_away_ends_its_commands(void **state)
{
    struct bench *b = *state;
    const unsigned before = b->results;
    kill(b->sim.pid, SIGSTOP);
    for (int i = 0; i < 20; i++)
        assert_int_equal(culvert_nop(b->card, on_result, b), 0);
    kill(b->sim.pid, SIGKILL);
    waitpid(b->sim.pid, NULL, 0);
    b->sim.pid = 0;
    until(b, &b->failures, 1);
    assert_int_equal(b->results, before + 20);
    assert_int_equal(b->last.error, -ENODEV);
    assert_int_equal(culvert_state(b->card), CULVERT_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_without_firmware_says_so),
        cmocka_unit_test(capabilities_and_info_of_a_fresh_card),
        cmocka_unit_test(commands_wrap_the_rings_and_keep_their_order),
        cmocka_unit_test(sas_are_installed_read_and_refused_twice),
        cmocka_unit_test(frames_from_the_host_leave_the_port_unchanged),
        cmocka_unit_test(frames_for_the_host_come_with_their_reason_and_wrap_the_ring),
        cmocka_unit_test(what_the_card_encrypts_it_decrypts_again),
        cmocka_unit_test(a_soft_lifetime_is_an_event),
        cmocka_unit_test(counters_tell_what_the_tests_before_did),
        cmocka_unit_test(removal_gives_the_final_counters),
        cmocka_unit_test(routes_and_flows_are_set_and_removed),
        cmocka_unit_test(reset_in_the_middle_of_commands_leaves_an_empty_card),
        cmocka_unit_test(a_card_that_goes_away_ends_its_commands),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("driver and card", tests, start, stop);
}
