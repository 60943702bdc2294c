// SPDX-License-Identifier: BSD-2-Clause
// Card and software as one: over a double of libculvert and the loopback. Where SAs go, which way packets go then, what
// the card's routes are meanwhile, and that nothing is left behind.
#include "tests/unit/dp/both_rig.h"
#include "tests/unit/dp/own_net.h"

#include "dp_regs.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

// ---- SPIs and SAs

static void each_sa_is_where_it_can_be(void **state)
{
    (void)state;
    uint32_t spi[2];
    assert_true(dp_has_suite(rig.dp, CBC));
    assert_int_equal(install_in(GCM, &spi[0]), 0);
    assert_int_equal(install_out(SPI_OUT, GCM), 0);
    assert_int_equal(fake_sas(), 2);
    assert_int_equal(fake.in[spi[0] % FAKE_SAS].sa.tunnel, rig.tunnel - 1); // the card's number of it
    assert_string_equal(carried_by(DP_IN, spi[0], PEER), "card");
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, PEER), "card");
    assert_int_equal(rig.counted.packets, 7);
    fake.log[0] = 0;
    assert_int_equal(install_in(CBC, &spi[1]), 0);
    assert_int_equal(install_out(SPI_OUT + 1, CBC), 0);
    assert_int_equal(install_out(SPI_OUT + 1, CBC), -EEXIST);
    assert_int_equal(install_out(SPI_OUT, CBC), -EEXIST);
    expect("");
    assert_string_equal(carried_by(DP_IN, spi[1], PEER), "software");
    assert_string_equal(carried_by(DP_OUT, SPI_OUT + 1, PEER), "software");
    assert_int_equal(rig.counted.packets, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(remove_sa(DP_IN, spi[i]), 0);
        assert_int_equal(remove_sa(DP_OUT, SPI_OUT + (uint32_t)i), 0);
        assert_int_equal(remove_sa(DP_IN, spi[i]), -ENOENT);
        assert_int_equal(remove_sa(DP_OUT, SPI_OUT + (uint32_t)i), -ENOENT);
        assert_string_equal(carried_by(DP_IN, spi[i], PEER), "nobody");
        dp_spi_free(rig.dp, spi[i]);
    }
    assert_int_equal(fake_sas(), 0);
}

static void what_the_card_has_not_is_for_software(void **state)
{
    (void)state;
    struct dp_selectors *port = selectors(2), *six = dp_selectors_new(1, 1);
    port->ts[1].proto = 6;
    six->ts[0] = six->ts[1] = prefix("2001:db8::", "2001:db8::ffff");
    struct dp_sa rows[] = {sa(DP_IN, 0, DP_SUITE(DP_CIPHER_CHACHA20_POLY1305, 0, DP_INTEG_NONE)),
                           sa(DP_IN, 0, DP_SUITE(DP_CIPHER_AES_GCM, 192, DP_INTEG_NONE)),
                           sa(DP_IN, 0, GCM),
                           sa(DP_IN, 0, GCM),
                           sa(DP_IN, 0, GCM),
                           sa(DP_IN, 0, GCM)};
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    rows[2].ts = port;
    rows[3].ts = six;
    rows[4].tunnel = rig.spare;
    rows[5].tunnel = rig.spare;
    rows[5].transport = true;
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(dp_spi_alloc(rig.dp, &rows[i].spi), 0);
        assert_int_equal(install(&rows[i]), 0);
        assert_string_equal(carried_by(DP_IN, rows[i].spi, PEER), "software");
        struct dp_sa out = rows[i];
        out.dir = DP_OUT;
        assert_int_equal(install(&out), 0);
        assert_string_equal(carried_by(DP_OUT, out.spi, PEER), "software");
        assert_int_equal(remove_sa(DP_OUT, out.spi), 0);
        assert_int_equal(remove_sa(DP_IN, out.spi), 0);
        dp_spi_free(rig.dp, out.spi);
    }
    expect("");
    dp_selectors_unref(port);
    dp_selectors_unref(six);
    struct dp_sa none = sa(DP_IN, 0x12345678, CBC); // not given out
    assert_int_equal(install(&none), -EINVAL);
    none.tunnel = 99;
    assert_int_equal(install(&none), -EINVAL);
    none.dir = DP_OUT;
    assert_int_equal(install(&none), -EINVAL);
}

// SAs of software take no room in the card, and there are more of them than it has entries.
static void software_takes_no_entries_of_the_card(void **state)
{
    (void)state;
    uint32_t spi[FAKE_SAS * 3], more[FAKE_SAS + 3];
    for (size_t i = 0; i < FAKE_SAS * 3; i++)
        assert_int_equal(install_in(CBC, &spi[i]), 0);
    for (size_t i = 0; i < FAKE_SAS + 3; i++) { // and what the card has no room for goes to software
        assert_int_equal(install_in(GCM, &more[i]), 0);
        assert_string_equal(carried_by(DP_IN, more[i], PEER), i < FAKE_SAS ? "card" : "software");
        assert_int_equal(install_out(SPI_OUT + (uint32_t)i, GCM), 0);
        assert_string_equal(carried_by(DP_OUT, SPI_OUT + (uint32_t)i, PEER), i < FAKE_SAS ? "card" : "software");
    }
    assert_int_equal(fake_sas(), 2 * FAKE_SAS);
    for (size_t i = 0; i < FAKE_SAS * 3; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(spi[i], spi[k]);
    for (size_t i = 0; i < FAKE_SAS * 3; i++) {
        assert_int_equal(remove_sa(DP_IN, spi[i]), 0);
        dp_spi_free(rig.dp, spi[i]);
        assert_string_equal(carried_by(DP_IN, spi[i], PEER), "nobody");
    }
    for (size_t i = 0; i < FAKE_SAS + 3; i++) {
        assert_int_equal(remove_sa(DP_IN, more[i]), 0);
        assert_int_equal(remove_sa(DP_OUT, SPI_OUT + (uint32_t)i), 0);
        dp_spi_free(rig.dp, more[i]);
    }
    assert_int_equal(fake_sas(), 0);
    uint32_t again; // the card's indexes are all free
    for (size_t i = 0; i < FAKE_SAS; i++) {
        assert_int_equal(install_in(GCM, &again), 0);
        assert_string_equal(carried_by(DP_IN, again, PEER), "card");
    }
}

// Random numbers in the place of OpenSSL's: all there are, or few that come again and again.
static unsigned few;
int RAND_bytes(unsigned char *out, int n)
{
    if (getrandom(out, (size_t)n, 0) != n)
        return 0;
    for (int i = 0; few && i + 4 <= n; i += 4) {
        uint32_t v = 1000 + out[i] % few;
        memcpy(out + i, &v, 4);
    }
    return 1;
}

// Card and software draw SPIs apart: what one has given out, the other does not give out too.
static void no_spi_is_given_out_twice(void **state)
{
    (void)state;
    enum { MORE = FAKE_SAS * 4 + 10 };
    uint32_t spi[MORE];
    size_t n = 0;
    few = 4;
    for (; n < MORE && dp_spi_alloc(rig.dp, &spi[n]) == 0; n++) {
        struct dp_sa s = sa(DP_IN, spi[n], CBC);
        for (size_t k = 0; k < n; k++)
            assert_int_not_equal(spi[k], spi[n]);
        assert_int_equal(install(&s), 0);
    }
    few = 0;
    assert_true(n > FAKE_SAS * 2);
    assert_true(n < MORE); // the numbers were used up
}

static void tunnels_beyond_the_cards_are_softwares(void **state)
{
    (void)state;
    uint32_t id[FAKE_TABLE * 4];
    for (size_t i = 0; i < FAKE_TABLE * 4; i++) {
        assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400}, &id[i]), 0);
        struct dp_sa s = sa(DP_OUT, SPI_OUT + (uint32_t)i, GCM);
        s.tunnel = id[i];
        assert_int_equal(install(&s), 0);
        assert_string_equal(carried_by(DP_OUT, s.spi, PEER), i < FAKE_TABLE - 1 ? "card" : "software");
    }
    for (size_t i = 0; i < FAKE_TABLE * 4; i++)
        dp_tunnel_free(rig.dp, id[i]);
    settle();
    for (size_t i = 0; i < FAKE_TABLE * 4; i++)
        assert_int_equal(remove_sa(DP_OUT, SPI_OUT + (uint32_t)i), 0);
    assert_int_equal(fake_sas(), 0);
    assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400}, &id[0]), 0);
    struct dp_sa s = sa(DP_OUT, SPI_OUT, GCM);
    s.tunnel = id[0];
    assert_int_equal(install(&s), 0);
    assert_string_equal(carried_by(DP_OUT, s.spi, PEER), "card");
    dp_tunnel_free(rig.dp, id[0]);
    dp_tunnel_free(rig.dp, id[0]); // twice, and one that never was: nothing
    dp_tunnel_free(rig.dp, 4000);
}

// ---- packets that come in

// A frame with the packet in ESP, with or without UDP, from the peer; its length.
static size_t frame_of(uint8_t *f, uint32_t spi, uint64_t seq, bool udp, const uint8_t *inner)
{
    size_t at = udp ? 42 : 34;
    struct handmade h = HANDMADE(CBC, rig.key, spi, seq);
    size_t len = handmade_seal(&h, inner, PACKET, f + at);
    memset(f, 0, at);
    memcpy(f + 12, "\x08\x00\x45", 3);
    f[16] = (uint8_t)((at - 14 + len) >> 8), f[17] = (uint8_t)(at - 14 + len);
    f[23] = udp ? 17 : 50;
    memcpy(f + 26, "\x7f\x00\x00\x02\x7f\x00\x00\x01", 8);
    if (udp) {
        memcpy(f + 34, "\x11\x94\x11\x94", 4);
        f[38] = (uint8_t)((len + 8) >> 8), f[39] = (uint8_t)(len + 8);
    }
    return at + len;
}

static void from_the_card(uint8_t *f, size_t len)
{
    struct culvert_packet p = {.data = f, .len = len, .reason = DP_REASON_UNKNOWN_SPI};
    fake.options.rx(fake.options.arg, &p);
    settle();
}

static void esp_of_software_comes_by_the_card(void **state)
{
    (void)state;
    uint8_t f[2000], inner[PACKET];
    uint32_t spi;
    size_t want = 0;
    assert_int_equal(install_in(CBC, &spi), 0);
    handmade_ipv4(inner, sizeof(inner), "10.2.0.1", "10.1.0.1", 3);
    for (uint64_t seq = 1; seq < 5; seq++) {
        size_t len = frame_of(f, spi, seq, seq & 1, inner);
        memset(f + len, 0xee, 20); // the frame is filled up
        from_the_card(f, len + 20);
        assert_int_equal(rig.packets, ++want);
        assert_int_equal(rig.packet_tunnel, rig.tunnel);
        assert_int_equal(rig.packet_len, PACKET);
        assert_memory_equal(rig.packet, inner, PACKET);
    }
    assert_string_equal(carried_by(DP_IN, spi, PEER), "software");
    assert_int_equal(rig.counted.packets, want);
    from_the_card(f, frame_of(f, spi, 2, false, inner)); // again
    f[frame_of(f, spi, 9, false, inner) - 1] ^= 1;       // not authentic
    from_the_card(f, frame_of(f, spi, 9, false, inner));
    assert_int_equal(rig.packets, want + 1); // frame_of made it whole again
    size_t len = frame_of(f, spi, 10, false, inner);
    f[len - 1] ^= 1;
    from_the_card(f, len);
    assert_int_equal(rig.packets, want + 1);
    assert_string_equal(carried_by(DP_IN, spi, PEER), "software");
    assert_int_equal(rig.counted.replay, 1);
    assert_int_equal(rig.counted.auth_fail, 1);
    assert_int_equal(rig.unknown, 0);
    assert_int_equal(rig.frames, 0);
    // An SPI that nobody has, and one of the card that is only given out.
    from_the_card(f, frame_of(f, spi ^ 0x100000, 1, true, inner));
    assert_int_equal(rig.unknown, 1);
    assert_int_equal(rig.event.spi, spi ^ 0x100000);
    assert_int_equal(rig.packets, want + 1);
    assert_int_equal(remove_sa(DP_IN, spi), 0);
    usleep(120000); // ten a second
    uv_update_time(&rig.loop);
    from_the_card(f, frame_of(f, spi, 11, true, inner));
    assert_int_equal(rig.unknown, 2);
    assert_int_equal(rig.packets, want + 1);
}

// What the card does not look into goes by the kernel: fragments, IPv6.
static void esp_of_software_comes_by_sockets_too(void **state)
{
    (void)state;
    uint8_t f[2000], inner[PACKET];
    uint32_t spi;
    assert_int_equal(install_in(CBC, &spi), 0);
    handmade_ipv4(inner, sizeof(inner), "10.2.0.1", "10.1.0.1", 3);
    size_t len = frame_of(f, spi, 1, false, inner) - 34;
    struct ip_addr from = ip_of(PEER);
    dp_esp_in_udp(rig.dp, &from, 4500, f + 34, len);
    assert_int_equal(rig.packets, 1);
    frame_of(f, spi, 2, false, inner);
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ESP);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(sendto(raw, f + 34, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
    close(raw);
    for (int i = 0; i < 10000 && rig.packets < 2; i++) { // the kernel takes its time
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(rig.packets, 2);
    assert_int_equal(rig.packet_tunnel, rig.tunnel);
}

static void what_the_card_decrypts_has_our_number_of_the_tunnel(void **state)
{
    (void)state;
    uint8_t inner[PACKET];
    uint32_t spi;
    assert_int_equal(install_in(GCM, &spi), 0);
    handmade_ipv4(inner, sizeof(inner), "10.2.0.1", "10.1.0.1", 3);
    struct culvert_packet p = {.data = inner,
                               .len = sizeof(inner),
                               .port = CULVERT_PORT_TUNNEL,
                               .decrypted = true,
                               .sa = (uint16_t)(spi % FAKE_SAS),
                               .tunnel = rig.tunnel - 1};
    fake.options.rx(fake.options.arg, &p);
    assert_int_equal(rig.packets, 1);
    assert_int_equal(rig.packet_tunnel, rig.tunnel);
    p.decrypted = false; // from the inside: it was too long for the tunnel
    fake.options.rx(fake.options.arg, &p);
    assert_int_equal(rig.packets, 2);
    assert_int_equal(rig.packet_tunnel, rig.tunnel);
    p.tunnel = 7; // no tunnel of ours
    fake.options.rx(fake.options.arg, &p);
    assert_int_equal(rig.packets, 2);
    uint8_t frame[60] = {0};
    struct culvert_packet other = {.data = frame, .len = sizeof(frame), .port = CULVERT_PORT_INSIDE};
    fake.options.rx(fake.options.arg, &other);
    assert_int_equal(rig.frames, 1);
}

// ---- packets that go out, and routes

static void a_rekey_moves_a_tunnel_to_software_and_back(void **state)
{
    (void)state;
    uint16_t target = 99;
    assert_int_equal(route("10.2.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    assert_int_equal(route("10.9.0.0", 16, DP_TO_DROP, 0), 0);
    assert_int_equal(fib(0x0a020000, &target), CULVERT_TARGET_TUNNEL); // where it is dropped
    assert_int_equal(target, rig.tunnel - 1);
    assert_int_equal(sent_with(2), -ENOENT);
    assert_int_equal(install_out(SPI_OUT, GCM), 0);
    assert_int_equal(sent_with(2), 0);
    fake.log[0] = 0;
    assert_int_equal(install_out(SPI_OUT + 1, CBC), 0);
    expect("route 0a020000/16 0 0\n"); // to the host, before the old SA goes
    assert_int_equal(sent_with(2), SPI_OUT + 1);
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT), 0);
    expect("tunnel 0 off\nremove out 0\n");
    assert_int_equal(sent_with(2), SPI_OUT + 1);
    assert_int_equal(route("10.2.8.0", 24, DP_TO_TUNNEL, rig.tunnel), 0); // one that comes meanwhile
    assert_int_equal(fib(0x0a020800, NULL), CULVERT_TARGET_HOST);
    assert_int_equal(install_out(SPI_OUT + 2, GCM), 0);
    assert_int_equal(sent_with(2), 0);
    assert_int_equal(fib(0x0a020000, NULL), CULVERT_TARGET_HOST); // while the old one is there
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT + 1), 0);
    assert_int_equal(fib(0x0a020000, &target), CULVERT_TARGET_TUNNEL);
    assert_int_equal(target, rig.tunnel - 1);
    assert_int_equal(fib(0x0a020800, NULL), CULVERT_TARGET_TUNNEL);
    assert_int_equal(fib(0x0a090000, NULL), CULVERT_TARGET_DROP);
    assert_int_equal(sent_with(2), 0);
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT + 2), 0);
    assert_int_equal(sent_with(2), -ENOENT);
}

// The new SA is used when its datapath has it, and the old one until then.
static void no_packet_is_sent_by_an_sa_that_is_not_there(void **state)
{
    (void)state;
    struct answer a[3] = {0};
    struct dp_sa s = sa(DP_OUT, SPI_OUT + 1, GCM);
    assert_int_equal(install_out(SPI_OUT, CBC), 0);
    fake.hold = true;
    dp_sa_install(rig.dp, &s, on_done, &a[0]);
    settle();
    assert_int_equal(sent_with(2), SPI_OUT);
    dp_sa_remove(rig.dp, DP_OUT, SPI_OUT, ip_of(PEER), on_done, &a[1]);
    assert_int_equal(sent_with(2), -EACCES); // rather than by one that may never be
    settle();
    fake.hold = false;
    fake_release();
    settle();
    assert_int_equal(a[0].calls + a[1].calls, 2);
    assert_int_equal(sent_with(2), 0);
    // One that is removed before the card has answered.
    s.spi++;
    fake.hold = true;
    dp_sa_install(rig.dp, &s, on_done, &a[0]);
    dp_sa_remove(rig.dp, DP_OUT, s.spi, s.remote, on_done, &a[2]);
    settle();
    fake.hold = false;
    fake_release();
    settle();
    assert_int_equal(a[0].error, 0);
    assert_int_equal(a[2].calls, 1);
    assert_int_equal(a[2].error, 0);
    assert_int_equal(fake_sas(), 1);
    assert_string_equal(carried_by(DP_OUT, s.spi, PEER), "nobody");
}

static void packets_find_the_sa_of_their_selectors(void **state)
{
    (void)state;
    struct dp_selectors *third = selectors(3), *six = dp_selectors_new(1, 1);
    six->ts[0] = six->ts[1] = prefix("2001:db8::", "2001:db8::ffff");
    struct dp_sa s = sa(DP_OUT, SPI_OUT + 1, GCM), t = sa(DP_OUT, SPI_OUT + 2, GCM);
    s.ts = third;
    t.ts = six;
    assert_int_equal(route("10.2.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    assert_int_equal(install_out(SPI_OUT, GCM), 0);
    assert_int_equal(install(&t), 0); // IPv6 beside it changes nothing
    assert_string_equal(carried_by(DP_OUT, t.spi, PEER), "software");
    assert_int_equal(fib(0x0a020000, NULL), CULVERT_TARGET_TUNNEL);
    assert_int_equal(install_out(SPI_OUT + 3, GCM), 0);
    assert_string_equal(carried_by(DP_OUT, SPI_OUT + 3, PEER), "card");
    assert_int_equal(install(&s), 0); // the card would send everything on it
    assert_string_equal(carried_by(DP_OUT, s.spi, PEER), "software");
    assert_int_equal(fib(0x0a020000, NULL), CULVERT_TARGET_HOST);
    assert_int_equal(sent_with(2), 0);
    assert_int_equal(sent_with(3), SPI_OUT + 1);
    assert_int_equal(sent_with(4), -EACCES);
    assert_int_equal(install_out(SPI_OUT + 4, GCM), 0); // that of the card is rekeyed there
    assert_string_equal(carried_by(DP_OUT, SPI_OUT + 4, PEER), "card");
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT + 3), 0);
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT), 0);
    assert_int_equal(sent_with(2), 0);
    assert_int_equal(sent_with(3), SPI_OUT + 1);
    uint8_t packet[60] = {0x60, [6] = 59};
    struct ip_addr a = ip_of("2001:db8::1"), b = ip_of("2001:db8::2");
    packet[5] = 20;
    memcpy(packet + 8, a.b, 16);
    memcpy(packet + 24, b.b, 16);
    uint8_t esp[200];
    assert_int_equal(dp_send_packet(rig.dp, rig.tunnel, packet, sizeof(packet)), 0);
    assert_true(recv(rig.peer, esp, sizeof(esp), 0) > 60);
    assert_memory_equal(esp, "\xab\xcd\x00\x02", 4);
    assert_int_equal(dp_send_packet(rig.dp, rig.tunnel, packet, 59), -EINVAL);
    assert_int_equal(dp_send_packet(rig.dp, 77, packet, sizeof(packet)), -ENOENT);
    assert_int_equal(remove_sa(DP_OUT, s.spi), 0);
    assert_int_equal(fib(0x0a020000, NULL), CULVERT_TARGET_TUNNEL);
    dp_selectors_unref(third);
    dp_selectors_unref(six);
}

static void routes_follow_their_own_tunnel_alone(void **state)
{
    (void)state;
    uint32_t second;
    uint16_t target;
    assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400}, &second), 0);
    assert_int_equal(route("10.2.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    assert_int_equal(route("10.3.0.0", 16, DP_TO_TUNNEL, second), 0);
    assert_int_equal(route("10.4.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    assert_int_equal(route("10.5.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    assert_int_equal(route("10.6.0.0", 16, DP_TO_TUNNEL, rig.spare), 0);
    assert_int_equal(route("10.7.0.0", 16, DP_TO_TUNNEL, 50), -EINVAL);
    assert_int_equal(route("2001:db8::", 32, DP_TO_TUNNEL, rig.tunnel), 0); // the kernel's
    assert_int_equal(fib(0x0a060000, NULL), CULVERT_TARGET_HOST);
    assert_int_equal(route("10.4.0.0", 16, DP_TO_TUNNEL, second), 0); // from one to the other
    assert_int_equal(route("10.5.0.0", 16, DP_TO_DROP, 0), 0);
    fake.log[0] = 0;
    assert_int_equal(install_out(SPI_OUT, CBC), 0);
    expect("route 0a020000/16 0 0\n");
    assert_int_equal(fib(0x0a040000, &target), CULVERT_TARGET_TUNNEL);
    assert_int_equal(target, second - 1);
    struct dp_route r = {.prefix = ip_of("10.2.0.0"), .length = 16};
    struct answer a = {0};
    dp_route_del(rig.dp, &r, on_done, &a);
    settle();
    assert_int_equal(a.calls, 1);
    fake.log[0] = 0;
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT), 0);
    expect(""); // there is none left to follow
    // A tunnel that goes leaves its routes to whoever set them; its number may be another's then.
    dp_tunnel_free(rig.dp, second);
    settle();
    uint32_t again;
    assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400}, &again), 0);
    struct dp_sa s = sa(DP_OUT, SPI_OUT, CBC);
    s.tunnel = again;
    fake.log[0] = 0;
    assert_int_equal(install(&s), 0);
    expect("");
    assert_int_equal(again, second);
    assert_int_equal(route("10.4.0.0", 16, DP_TO_TUNNEL, again), 0);
    assert_int_equal(fib(0x0a040000, NULL), CULVERT_TARGET_HOST);
    r.prefix = ip_of("10.3.0.0");
    dp_route_del(rig.dp, &r, on_done, &a);
    settle();
    assert_int_equal(fib(0x0a030000, NULL), -1);
}

// ---- the path

static void a_path_that_the_card_cannot_send_on_asks_for_another_sa(void **state)
{
    (void)state;
    struct answer a = {0};
    struct dp_path six = {.local = ip_of("2001:db8::1"), .remote = ip_of("2001:db8::2")}, four = {.encap = true};
    assert_int_equal(install_out(SPI_OUT, GCM), 0);
    dp_sa_path(rig.dp, SPI_OUT, ip_of(PEER), &six, on_done, &a);
    settle();
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.error, -EAFNOSUPPORT);
    assert_int_equal(rig.events, 1);
    assert_int_equal(rig.event.kind, DP_EV_SOFT_LIFETIME);
    assert_int_equal(rig.event.dir, DP_OUT);
    assert_int_equal(rig.event.spi, SPI_OUT);
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, "2001:db8::2"), "card"); // its name is the new one
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, PEER), "nobody");
    four.local = ip_of("127.0.0.1"), four.remote = ip_of("127.0.0.3");
    four.local_port = four.remote_port = 4500;
    dp_sa_path(rig.dp, SPI_OUT, six.remote, &four, on_done, &a);
    settle();
    assert_int_equal(a.error, 0);
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, "127.0.0.3"), "card");
    dp_sa_path(rig.dp, SPI_OUT, four.remote, &six, on_done, &a);
    settle();
    dp_sa_remove(rig.dp, DP_OUT, SPI_OUT, six.remote, on_done, &a);
    settle();
    assert_int_equal(a.calls, 4);
    assert_int_equal(a.error, 0);
    assert_int_equal(fake_sas(), 0);
    // In software it just goes there.
    assert_int_equal(install_out(SPI_OUT, CBC), 0);
    four.remote = ip_of(PEER), four.remote_port = 4501;
    dp_sa_path(rig.dp, SPI_OUT, ip_of(PEER), &four, on_done, &a);
    settle();
    assert_int_equal(a.error, 0);
    four.remote = ip_of("127.0.0.3");
    dp_sa_path(rig.dp, SPI_OUT, ip_of(PEER), &four, on_done, &a);
    settle();
    assert_int_equal(a.error, 0);
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, "127.0.0.3"), "software");
    assert_int_equal(install_out(SPI_OUT, GCM), 0); // the same SPI of another peer
    dp_sa_path(rig.dp, SPI_OUT, ip_of(PEER), &four, on_done, &a);
    settle();
    assert_int_equal(a.error, -EEXIST);
    dp_sa_path(rig.dp, SPI_OUT + 1, ip_of(PEER), &four, on_done, &a);
    settle();
    assert_int_equal(a.error, -ENOENT);
}

// The card refuses a path: the SA is known by the new address all the same, and another one is asked for.
static void a_path_that_the_card_refuses_asks_for_another_sa(void **state)
{
    (void)state;
    struct dp_path path = {ip_of("127.0.0.1"), ip_of("127.0.0.3"), 4500, 4500, true};
    assert_int_equal(install_out(SPI_OUT, GCM), 0);
    for (size_t at = 1; at <= 2; at++) {
        struct ip_addr old = at == 1 ? ip_of(PEER) : path.remote;
        struct answer a = {0};
        rig.events = 0;
        path.remote = at == 1 ? path.remote : ip_of("127.0.0.4");
        fake.commands = 0, fake.fail_at = at, fake.fail_with = -EIO;
        dp_sa_path(rig.dp, SPI_OUT, old, &path, on_done, &a);
        settle();
        fake.fail_at = 0;
        assert_int_equal(a.calls, 1);
        assert_int_equal(a.error, -EIO);
        assert_int_equal(rig.events, 1);
        assert_int_equal(rig.event.kind, DP_EV_SOFT_LIFETIME);
        assert_int_equal(rig.event.spi, SPI_OUT);
    }
    // The next one replaces it, and nothing is left in the card.
    struct answer a = {0};
    dp_sa_remove(rig.dp, DP_OUT, SPI_OUT, path.remote, on_done, &a);
    settle();
    assert_int_equal(a.error, 0);
    assert_int_equal(fake_sas(), 0);
}

// ---- failures

// The card's table of next hops is full: that is known only when the card's turn has come.
static void a_card_that_is_full_leaves_it_to_software(void **state)
{
    (void)state;
    struct answer a[2] = {0};
    char text[32];
    for (unsigned i = 0; i < FAKE_TABLE; i++) {
        struct dp_sa s = sa(DP_OUT, SPI_OUT + 100 + i, GCM);
        snprintf(text, sizeof(text), "127.0.1.%u", i);
        s.remote = ip_of(text);
        assert_int_equal(install(&s), 0);
        assert_string_equal(carried_by(DP_OUT, s.spi, text), "card");
    }
    assert_int_equal(route("10.2.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    assert_int_equal(install_out(SPI_OUT, GCM), 0);
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, PEER), "software");
    assert_int_equal(fib(0x0a020000, NULL), CULVERT_TARGET_HOST);
    assert_int_equal(sent_with(2), SPI_OUT);
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT), 0);
    assert_int_equal(fib(0x0a020000, NULL), CULVERT_TARGET_TUNNEL);
    // Removed before the card has said so: it does not turn up in software. Its path changed: it is the new one.
    struct dp_sa s = sa(DP_OUT, SPI_OUT, GCM);
    dp_sa_install(rig.dp, &s, on_done, &a[0]);
    dp_sa_remove(rig.dp, DP_OUT, s.spi, s.remote, on_done, &a[1]);
    settle();
    assert_int_equal(a[0].error, -ENOSPC);
    assert_int_equal(a[1].error, -ENOENT);
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, PEER), "nobody");
    s.remote_port = 4511;
    struct dp_path path = {s.local, s.remote, 4500, 4500, true};
    dp_sa_install(rig.dp, &s, on_done, &a[0]);
    dp_sa_path(rig.dp, s.spi, s.remote, &path, on_done, &a[1]);
    settle();
    assert_int_equal(a[0].error, 0);
    assert_int_equal(sent_with(2), SPI_OUT);
    assert_int_equal(remove_sa(DP_OUT, SPI_OUT), 0);
    // Its tunnel has gone meanwhile, and the number is another's: it does not send that one's packets.
    uint32_t again;
    dp_sa_install(rig.dp, &s, on_done, &a[0]);
    dp_tunnel_free(rig.dp, rig.tunnel);
    assert_int_equal(dp_tunnel_new(rig.dp, &(struct dp_tunnel){.mtu = 1400}, &again), 0);
    assert_int_equal(again, rig.tunnel);
    settle();
    assert_int_equal(a[0].error, -ENOSPC);
    assert_int_equal(sent_with(2), -ENOENT);
    assert_string_equal(carried_by(DP_OUT, SPI_OUT, PEER), "nobody");
}

static void a_command_that_fails_leaves_nothing(void **state)
{
    (void)state;
    for (size_t at = 1; at < 12; at++) {
        uint32_t spi[2];
        fake.commands = 0;
        fake.fail_at = at;
        fake.fail_with = -EIO;
        for (int i = 0; i < 2; i++) {
            uint32_t out = SPI_OUT + (uint32_t)i;
            int in_error = install_in(i ? CBC : GCM, &spi[i]), out_error = install_out(out, i ? CBC : GCM);
            assert_true((in_error == 0 || in_error == -EIO) && (out_error == 0 || out_error == -EIO));
            assert_true(!i || in_error + out_error == 0); // software does not fail with the card
        }
        fake.fail_at = 0;
        for (int i = 0; i < 2; i++) {
            remove_sa(DP_OUT, SPI_OUT + (uint32_t)i);
            remove_sa(DP_IN, spi[i]);
            dp_spi_free(rig.dp, spi[i]);
        }
        settle();
        assert_int_equal(fake_sas(), 0);
        assert_int_equal(sent_with(2), -ENOENT);
    }
}

static void a_failed_card_is_told_once(void **state)
{
    (void)state;
    uint32_t spi;
    fake_break("its firmware panicked");
    fake_break("again");
    settle();
    assert_int_equal(rig.failed, 1);
    assert_int_equal(install_out(SPI_OUT, GCM), -ENODEV);
    assert_int_equal(install_in(CBC, &spi), 0); // what software does goes on
    assert_int_equal(install_out(SPI_OUT, CBC), 0);
    assert_int_equal(sent_with(2), SPI_OUT);
}

static void closing_cancels_what_is_under_way(void **state)
{
    struct answer a[4] = {0};
    uint32_t spi;
    assert_int_equal(route("10.2.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    assert_int_equal(dp_spi_alloc(rig.dp, &spi), 0);
    struct dp_sa in = sa(DP_IN, spi, GCM), out = sa(DP_OUT, SPI_OUT, GCM), soft = sa(DP_OUT, SPI_OUT + 1, CBC);
    fake.hold = true;
    dp_sa_install(rig.dp, &in, on_done, &a[0]);
    dp_sa_install(rig.dp, &out, on_done, &a[1]);
    dp_sa_install(rig.dp, &soft, on_done, &a[2]);
    dp_sa_install(rig.dp, &soft, on_done, &a[3]); // refused, and not told yet
    rig_teardown(state);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(a[i].calls, 1);
        assert_int_equal(a[i].error, -ECANCELED);
    }
}

static void a_card_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    char err[100] = "";
    uv_loop_t loop;
    struct dp_hooks none = {0};
    uv_loop_init(&loop);
    assert_null(dp_both_open(&loop, "vfio-user:nobody", -1, -1, &none, err, sizeof(err)));
    assert_string_equal(err, "nobody there");
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static struct dp_info told;
static void on_info(void *arg, const struct dp_info *info)
{
    *(bool *)arg = info != NULL;
    told = info ? *info : (struct dp_info){0};
}
static void on_counters(void *arg, const struct dp_counter *c, size_t n)
{
    size_t *found = arg;
    for (size_t i = 0; i < n; i++) {
        *found += i == 0 && strcmp(c[i].name, "first") == 0 && c[i].value == 11;
        *found += strcmp(c[i].name, "software_esp_out_packets") == 0 && c[i].value == 1;
        *found += strcmp(c[i].name, "host_no_selectors") == 0 && c[i].value == 1;
    }
}
static void counters_are_the_cards_and_then_softwares(void **state)
{
    (void)state;
    bool there = false;
    size_t found = 0;
    assert_int_equal(install_out(SPI_OUT, CBC), 0);
    assert_int_equal(sent_with(2), SPI_OUT);
    assert_int_equal(sent_with(4), -EACCES);
    dp_info(rig.dp, on_info, &there);
    dp_counters(rig.dp, on_counters, &found);
    settle();
    assert_true(there);
    assert_string_equal(told.kind, "card");
    assert_true(told.ports);
    assert_non_null(strstr(told.text, "software"));
    assert_int_equal(found, 3);
}

// ---- at random

// Outbound SAs of one tunnel come and go in any order, with either suite and either selectors, and the card answers
// late or at once. Whatever there is: a packet goes by the newest SA that takes it, and the card's route is its own
// only while no SA of software could take IPv4.
static void whatever_comes_packets_go_right(void **state)
{
    (void)state;
    enum { SAS = 4, ROUNDS = 3000 };
    const char *text = getenv("SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : 1;
    struct dp_selectors *ts[2] = {rig.ts, selectors(3)};
    struct {
        bool there, soft;
        int which, age;
        struct answer installed;
    } model[SAS] = {0};
    int age = 0, moved = 0, was = -1;
    printf("# seed %u\n", seed);
    assert_int_equal(route("10.2.0.0", 16, DP_TO_TUNNEL, rig.tunnel), 0);
    for (int round = 0; round < ROUNDS; round++) {
        int i = rand_r(&seed) % SAS;
        uint32_t spi = SPI_OUT + (uint32_t)i;
        fake.hold = rand_r(&seed) % 4 == 0;
        if (!model[i].there && model[i].age > 0 && model[i].installed.calls == 0)
            continue; // the card has not even answered the one before
        if (!model[i].there) {
            bool cbc = rand_r(&seed) % 4 == 0;
            struct dp_sa s = sa(DP_OUT, spi, cbc ? CBC : GCM);
            model[i].which = rand_r(&seed) % 8 == 0;
            s.ts = ts[model[i].which];
            model[i].soft = cbc;
            for (int k = 0; k < SAS; k++) // the card's SAs of a tunnel take the same packets
                model[i].soft |= model[k].there && !model[k].soft && model[k].which != model[i].which;
            model[i].there = true;
            model[i].age = ++age;
            model[i].installed = (struct answer){0};
            dp_sa_install(rig.dp, &s, on_done, &model[i].installed);
        } else {
            dp_sa_remove(rig.dp, DP_OUT, spi, ip_of(PEER), NULL, NULL);
            model[i].there = false;
        }
        settle();
        if (!fake.hold) {
            fake_release();
            settle();
        }
        bool any = false, soft = false;
        int newest[2] = {-1, -1};
        for (int k = 0; k < SAS; k++) {
            any |= model[k].there;
            soft |= model[k].there && model[k].soft;
            int *best = &newest[model[k].which];
            if (model[k].there && model[k].installed.calls && (*best < 0 || model[k].age > model[*best].age))
                *best = k;
        }
        for (int w = 0; w < 2; w++) {
            int64_t want = newest[w] < 0           ? (any ? -EACCES : -ENOENT)
                           : model[newest[w]].soft ? (int64_t)SPI_OUT + newest[w]
                                                   : 0;
            assert_int_equal(sent_with(w ? 3 : 2), want);
            if (want == 0 && !fake.hold) // by the SA that the card's tunnel has
                assert_int_equal(fake.out[fake.tunnel[rig.tunnel - 1].sa].sa.spi, SPI_OUT + (uint32_t)newest[w]);
        }
        if (fake.hold)
            continue; // the card is not there yet
        int is = fib(0x0a020000, NULL);
        assert_int_equal(is, soft ? CULVERT_TARGET_HOST : CULVERT_TARGET_TUNNEL);
        moved += is != was;
        was = is;
    }
    assert_true(moved > 100);
    fake.hold = false;
    fake_release();
    settle();
    dp_selectors_unref(ts[1]);
}

int main(void)
{
    alarm(100);
    if (!own_net()) {
        puts("ok - a card with software beside it # SKIP no network namespace of our own here");
        return 0;
    }
#define WITH(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        WITH(each_sa_is_where_it_can_be),
        WITH(what_the_card_has_not_is_for_software),
        WITH(software_takes_no_entries_of_the_card),
        WITH(no_spi_is_given_out_twice),
        WITH(tunnels_beyond_the_cards_are_softwares),
        WITH(esp_of_software_comes_by_the_card),
        WITH(esp_of_software_comes_by_sockets_too),
        WITH(what_the_card_decrypts_has_our_number_of_the_tunnel),
        WITH(a_rekey_moves_a_tunnel_to_software_and_back),
        WITH(no_packet_is_sent_by_an_sa_that_is_not_there),
        WITH(packets_find_the_sa_of_their_selectors),
        WITH(routes_follow_their_own_tunnel_alone),
        WITH(a_path_that_the_card_cannot_send_on_asks_for_another_sa),
        WITH(a_path_that_the_card_refuses_asks_for_another_sa),
        WITH(a_card_that_is_full_leaves_it_to_software),
        WITH(a_command_that_fails_leaves_nothing),
        WITH(a_failed_card_is_told_once),
        cmocka_unit_test_setup(closing_cancels_what_is_under_way, rig_setup),
        cmocka_unit_test(a_card_that_is_not_there_is_an_error),
        WITH(counters_are_the_cards_and_then_softwares),
        WITH(whatever_comes_packets_go_right),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("a card with software beside it", tests, NULL, NULL);
}
