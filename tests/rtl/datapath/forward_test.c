// SPDX-License-Identifier: BSD-2-Clause
// What goes to the host and why, what is dropped and how it is counted, and what routes and flows decide.
#include "dp_regs.h"
#include "tests/rtl/datapath/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;

// A frame around an inner packet, to a port of the card.
static size_t to_port(uint8_t *frame, unsigned port, const uint8_t *ip, size_t len)
{
    return eth_build(frame, card_mac[port], port ? lan_mac : peer_mac, 0x0800, ip, len);
}

static size_t udp(uint8_t *ip, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport, size_t payload)
{
    struct ip_spec p = {.src = src,
                        .dst = dst,
                        .proto = 17,
                        .ttl = 60,
                        .sport = sport,
                        .dport = dport,
                        .total = 28 + payload,
                        .seed = 3};
    return ip_build(ip, &p);
}

// Send the frame to a port, expect it at the host with the reason, or nowhere and counted.
static void to_host(struct scene *s, unsigned port, const uint8_t *frame, size_t len, unsigned reason, unsigned tunnel,
                    const char *name)
{
    scene_exception(s, port, frame, len, reason, tunnel);
    check(scene_settle(s), name);
}

static void dropped(struct scene *s, unsigned port, const uint8_t *frame, size_t len, unsigned counter,
                    const char *name)
{
    uint64_t before = card_counter(s->b, counter);
    scene_send(s, port, frame, len);
    check(scene_settle(s) && card_counter(s->b, counter) == before + 1, name);
}

static void ethernet(void)
{
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255}, multicast[6] = {1, 0, 0x5e, 0, 0, 5},
                         other[6] = {2, 9, 9, 9, 9, 9};
    struct scene *s = scene_create(seed);
    uint8_t ip[12000], f[12000];
    size_t n = udp(ip, peer_address(0), GATEWAY, 500, 500, 100), len;
    for (unsigned port = 0; port < 2; port++) {
        len = eth_build(f, broadcast, peer_mac, 0x0806, ip, 46);
        to_host(s, port, f, len, DP_REASON_NOT_IPV4, 0, "ARP goes to the host");
        len = eth_build(f, card_mac[port], peer_mac, 0x0806, ip, 28);
        to_host(s, port, f, len, DP_REASON_NOT_IPV4, 0, "ARP without padding goes to the host");
        len = eth_build(f, card_mac[port], peer_mac, 0x86dd, ip, n);
        to_host(s, port, f, len, DP_REASON_NOT_IPV4, 0, "IPv6 goes to the host");
        len = eth_build(f, card_mac[port], peer_mac, 0x8100, ip, n);
        to_host(s, port, f, len, DP_REASON_NOT_IPV4, 0, "a VLAN tag goes to the host");
        len = eth_build(f, multicast, peer_mac, 0x0800, ip, n);
        to_host(s, port, f, len, DP_REASON_NOT_OURS, 0, "a multicast MAC address goes to the host");
        len = eth_build(f, broadcast, peer_mac, 0x0800, ip, n);
        to_host(s, port, f, len, DP_REASON_NOT_OURS, 0, "a broadcast MAC address goes to the host");
        len = eth_build(f, other, peer_mac, 0x0800, ip, n);
        to_host(s, port, f, len, DP_REASON_NOT_OURS, 0, "another MAC address goes to the host");
        unsigned bad = port ? DP_COUNTER_RX1_BAD : DP_COUNTER_RX0_BAD;
        len = to_port(f, port, ip, n);
        dropped(s, port, f, 14, bad, "a frame of 14 bytes is dropped and counted");
        dropped(s, port, f, 1, bad, "a frame of one byte is dropped and counted");
        dropped(s, port, f, 33, bad, "a frame shorter than an IPv4 header is dropped and counted");
        dropped(s, port, f, len - 1, bad, "a total length beyond the frame is dropped and counted");
        f[14] = 0x55;
        dropped(s, port, f, len, bad, "IP version 5 is dropped and counted");
        f[14] = 0x44;
        dropped(s, port, f, len, bad, "a header length of 16 is dropped and counted");
        f[14] = 0x45;
        f[20] ^= 4;
        dropped(s, port, f, len, bad, "a wrong header checksum is dropped and counted");
        f[20] ^= 4;
        put16(f + 16, 19);
        ip_fix(f + 14);
        dropped(s, port, f, len, bad, "a total length below the header's is dropped and counted");
        memset(f + len, 0, sizeof f - len);
        dropped(s, port, f, 9217, bad, "a frame of 9,217 bytes is dropped and counted");
        dropped(s, port, f, 10200, bad, "a frame of 10,200 bytes is dropped and counted");
        len = to_port(f, port, ip, n);
        put16(f + 14 + 6, 0x2000);
        ip_fix(f + 14);
        to_host(s, port, f, len, DP_REASON_OPTIONS, 0, "a first fragment goes to the host");
        put16(f + 14 + 6, 1);
        ip_fix(f + 14);
        to_host(s, port, f, len, DP_REASON_OPTIONS, 0, "a last fragment goes to the host");
        put16(f + 14 + 6, 0x4000);
        f[14] = 0x46;
        ip_fix(f + 14);
        to_host(s, port, f, len, DP_REASON_OPTIONS, 0, "a header with options goes to the host");
    }
    scene_destroy(s);
}

static void outside(void)
{
    struct scene *s = scene_create(seed);
    uint8_t ip[2048], f[2048];
    size_t n;
    scene_install(s, 0, true, true, false);
    scene_install(s, 1, true, true, true);
    n = udp(ip, peer_address(0), GATEWAY, 500, 500, 300);
    to_host(s, 0, f, to_port(f, 0, ip, n), DP_REASON_LOCAL, 0, "IKE on port 500 goes to the host");
    n = udp(ip, peer_address(0), GATEWAY, 4500, 4500, 300);
    memset(ip + 28, 0, 4);
    to_host(s, 0, f, to_port(f, 0, ip, n), DP_REASON_LOCAL, 0, "IKE on port 4500 goes to the host");
    n = udp(ip, peer_address(0), GATEWAY, 4500, 4500, 1);
    ip[28] = 0xff;
    to_host(s, 0, f, to_port(f, 0, ip, n), DP_REASON_LOCAL, 0, "a NAT keepalive goes to the host");
    n = udp(ip, peer_address(0), GATEWAY, 4500, 4500, 0);
    to_host(s, 0, f, to_port(f, 0, ip, n), DP_REASON_LOCAL, 0, "an empty datagram to port 4500 goes to the host");
    n = udp(ip, peer_address(0), GATEWAY, 4500, 4501, 100);
    to_host(s, 0, f, to_port(f, 0, ip, n), DP_REASON_LOCAL, 0, "UDP to another port goes to the host");
    n = udp(ip, peer_address(0), GATEWAY + 1, 4500, 4500, 100);
    to_host(s, 0, f, to_port(f, 0, ip, n), DP_REASON_CLEAR, 0, "clear text to elsewhere goes to the host");
    n = esp_frame(f, &s->in[0], 1, card_mac[0], peer_address(0), GATEWAY + 1, ip, n);
    to_host(s, 0, f, n, DP_REASON_CLEAR, 0, "ESP to elsewhere goes to the host");
    card_local(s->b, 7, GATEWAY + 1);
    scene_send(s, 0, f, n);
    s->in[0].seq = 1;
    check(scene_settle(s) && card_counter(s->b, DP_COUNTER_ESP_POLICY) == 1,
          "an address added to the local ones receives ESP");
    // unknown SPIs: of an index without an SA, and with other upper bits
    uint64_t unknown = card_counter(s->b, DP_COUNTER_ESP_UNKNOWN_SPI);
    struct sa known = s->in[0];
    n = scene_inner(s, ip, remote_net(0) + 1, LAN_HOST, 100);
    s->in[0].spi = (known.spi & 0xfffffc00) | 77;
    size_t len = esp_frame(f, &s->in[0], 2, card_mac[0], peer_address(0), GATEWAY, ip, n);
    to_host(s, 0, f, len, DP_REASON_UNKNOWN_SPI, 0, "ESP with the SPI of an empty entry goes to the host");
    s->in[0].spi = known.spi ^ 0x80000000;
    len = esp_frame(f, &s->in[0], 2, card_mac[0], peer_address(0), GATEWAY, ip, n);
    to_host(s, 0, f, len, DP_REASON_UNKNOWN_SPI, 0, "ESP with a wrong SPI goes to the host");
    s->in[1].spi ^= 0x400;
    len = esp_frame(f, &s->in[1], 2, card_mac[0], peer_address(0), GATEWAY, ip, n);
    to_host(s, 0, f, len, DP_REASON_UNKNOWN_SPI, 0, "ESP in UDP with a wrong SPI goes to the host");
    check(card_counter(s->b, DP_COUNTER_ESP_UNKNOWN_SPI) == unknown + 3, "and unknown SPIs are counted");
    s->in[0].spi = known.spi;
    scene_esp_to_clear(s, 0, 99);
    check(scene_settle(s), "the next good packet passes");
    scene_destroy(s);
}

// ESP that software on the host decrypts, whatever its suite: the card has no SA of its SPI. It comes whole, of every
// length, with what fills the frame up, between packets of the card's own SAs.
static void software_esp(void)
{
    struct scene *s = scene_create(seed);
    uint8_t ip[9300] = {0}, f[9400];
    unsigned sent = 0;
    bool good = true;
    uint64_t before = card_counter(s->b, DP_COUNTER_ESP_UNKNOWN_SPI);
    scene_install(s, 0, true, true, false);
    scene_install(s, 1, true, true, true);
    for (size_t esp = 34; esp < 9000 && good; esp += esp < 200 ? 1 : 977)
        for (unsigned in_udp = 0; in_udp < 2 && good; in_udp++) {
            struct ip_spec p = {
                .src = peer_address(0), .dst = GATEWAY, .proto = 50, .ttl = 60, .total = 20 + esp, .seed = sent};
            size_t n = in_udp ? udp(ip, peer_address(0), GATEWAY, 4500, 4500, esp) : ip_build(ip, &p);
            // of an SA that is there the index alone, or an index without an SA
            put32(ip + (in_udp ? 28 : 20), sent & 2 ? s->in[in_udp].spi ^ 0x400000 : (s->in[0].spi & 0xfffffc00) | 300);
            scene_exception(s, 0, f, to_port(f, 0, ip, n + sent % 5), DP_REASON_UNKNOWN_SPI, 0);
            if (++sent % 4 == 0) {
                scene_esp_to_clear(s, in_udp, 60 + esp % 1300);
                good = scene_settle(s);
            }
        }
    check(good && scene_settle(s),
          "ESP that no SA of the card is for goes to the host, of every length, between others");
    check(sent > 300 && card_counter(s->b, DP_COUNTER_ESP_UNKNOWN_SPI) == before + sent, "and each is counted");
    scene_destroy(s);
}

// A clear packet into the inside port, expected at the host.
static void inside_to_host(struct scene *s, uint32_t dst, uint8_t ttl, size_t total, unsigned reason, unsigned tunnel,
                           const char *name)
{
    uint8_t ip[10000], f[10000];
    struct ip_spec p = {.src = LAN_HOST, .dst = dst, .proto = 1, .ttl = ttl, .total = total, .seed = 9};
    to_host(s, 1, f, to_port(f, 1, ip, ip_build(ip, &p)), reason, tunnel, name);
}

static void inside(void)
{
    struct scene *s = scene_create(seed);
    uint8_t ip[10000], f[10000], out[10000];
    scene_install(s, 0, false, true, false);
    inside_to_host(s, 0x08080808, 60, 100, DP_REASON_NO_ROUTE, 0, "no route: to the host");
    card_route(s->b, 20, GATEWAY, 32, KIND_HOST, 0);
    inside_to_host(s, GATEWAY, 60, 100, DP_REASON_ROUTE_HOST, 0, "a route to the host");
    inside_to_host(s, GATEWAY, 1, 100, DP_REASON_ROUTE_HOST, 0, "TTL 1 does not matter for the gateway's own address");
    inside_to_host(s, remote_net(0) + 1, 1, 100, DP_REASON_TTL, 0, "TTL 1 goes to the host");
    inside_to_host(s, remote_net(0) + 1, 0, 100, DP_REASON_TTL, 0, "TTL 0 goes to the host");
    inside_to_host(s, 0xe0000005, 1, 100, DP_REASON_ROUTE_HOST, 0, "multicast goes to the host");
    inside_to_host(s, 0xffffffff, 9, 100, DP_REASON_ROUTE_HOST, 0, "broadcast goes to the host");
    card_tunnel(s->b, 0, 0, 1400, true);
    inside_to_host(s, remote_net(0) + 1, 9, 1401, DP_REASON_TOO_BIG, 0,
                   "one byte above the tunnel's MTU goes to the host");
    scene_clear_to_esp(s, 0, 1400);
    check(scene_settle(s), "a packet of the tunnel's MTU passes");
    card_route(s->b, 21, 0x0a320000, 16, KIND_TUNNEL, 5);
    card_tunnel(s->b, 5, 5, 1400, true);
    inside_to_host(s, 0x0a320001, 9, 1401, DP_REASON_TOO_BIG, 5,
                   "the host is told which tunnel a packet was too big for");
    bench_write(s->b, DP_PORT1_MTU, 1300);
    inside_to_host(s, LAN + 0x99, 9, 1301, DP_REASON_TOO_BIG, 0, "one byte above the port's MTU goes to the host");
    struct ip_spec p = {.src = LAN_HOST, .dst = LAN + 0x99, .proto = 1, .ttl = 9, .total = 1300, .seed = 9};
    size_t n = ip_build(ip, &p);
    scene_send(s, 1, f, to_port(f, 1, ip, n));
    ip_forward(ip);
    scene_expect(s, OUT_TX1, FROM_INSIDE, out, eth_build(out, lan_mac, card_mac[1], 0x0800, ip, n));
    check(scene_settle(s), "inside to inside: new MAC addresses, TTL less one");
    p.total = 30;
    n = ip_build(ip, &p);
    size_t len = to_port(f, 1, ip, n);
    memset(f + len, 0xab, 200);
    scene_send(s, 1, f, len + 200);
    ip_forward(ip);
    scene_expect(s, OUT_TX1, FROM_INSIDE, out, eth_build(out, lan_mac, card_mac[1], 0x0800, ip, n));
    check(scene_settle(s), "Ethernet padding is cut and made anew");
    card_route(s->b, 22, 0x0a330000, 16, KIND_ADJ, 9);
    uint64_t no_adj = card_counter(s->b, DP_COUNTER_NO_ADJ);
    inside_to_host(s, 0x0a330001, 9, 100, DP_REASON_NO_ADJ, 0, "an unknown next hop goes to the host");
    check(card_counter(s->b, DP_COUNTER_NO_ADJ) == no_adj + 1, "and is counted");
    card_route(s->b, 23, 0x0a340000, 16, KIND_DROP, 0);
    p.dst = 0x0a340001;
    n = ip_build(ip, &p);
    dropped(s, 1, f, to_port(f, 1, ip, n), DP_COUNTER_ROUTE_DROP, "a route that says drop is obeyed and counted");
    p.dst = 0x0a320001; // tunnel 5 points to an SA that is not there
    n = ip_build(ip, &p);
    dropped(s, 1, f, to_port(f, 1, ip, n), DP_COUNTER_OUT_NO_SA, "a tunnel without an SA drops and counts");
    card_tunnel(s->b, 5, 0, 0, false);
    dropped(s, 1, f, to_port(f, 1, ip, n), DP_COUNTER_OUT_NO_SA, "an invalid tunnel drops and counts");
    card_adj(s->b, ADJ_PEER, peer_mac, 0, false);
    p.dst = remote_net(0) + 1;
    n = ip_build(ip, &p);
    dropped(s, 1, f, to_port(f, 1, ip, n), DP_COUNTER_NO_ADJ, "ESP without a next hop is dropped and counted");
    card_adj(s->b, ADJ_PEER, peer_mac, 0, true);
    scene_clear_to_esp(s, 0, 200);
    check(scene_settle(s), "and took no sequence number");
    check(!s->b->reg_errors, "no register answered with an error");
    scene_destroy(s);
}

// An inner packet of peer 0, expected at the host without its outer headers.
static void decrypted_to_host(struct scene *s, unsigned i, const uint8_t *ip, size_t len, unsigned reason,
                              const char *name)
{
    scene_send_esp(s, i, ++s->in[i].seq, ip, len);
    scene_expect_host(
        s, FROM_OUTSIDE, ip, len,
        (struct host_meta){
            .port = 2, .reason = (uint8_t)reason, .tunnel = (uint16_t)i, .sa = (uint16_t)i, .decrypted = true});
    check(scene_settle(s), name);
}

static void decrypted(void)
{
    struct scene *s = scene_create(seed);
    uint8_t ip[4096];
    for (unsigned i = 0; i < 3; i++)
        scene_install(s, i, i & 1, true, i & 2);
    struct sa all = s->in[2];
    all.to_host = true;
    card_sa_install(s->b, &all);
    struct ip_spec p = {.src = remote_net(1) + 1, .dst = LAN_HOST, .proto = 6, .ttl = 9, .total = 777, .seed = 9};
    p.dst = 0x08080808;
    decrypted_to_host(s, 1, ip, ip_build(ip, &p), DP_REASON_NO_ROUTE, "decrypted, no route");
    p.dst = 0xe0000005;
    decrypted_to_host(s, 1, ip, ip_build(ip, &p), DP_REASON_ROUTE_HOST, "decrypted multicast");
    p.dst = LAN_HOST;
    p.ttl = 1;
    decrypted_to_host(s, 1, ip, ip_build(ip, &p), DP_REASON_TTL, "decrypted, TTL 1");
    p.ttl = 8;
    p.flags = 0x2000;
    decrypted_to_host(s, 1, ip, ip_build(ip, &p), DP_REASON_OPTIONS, "decrypted fragment");
    p.flags = 0;
    ip_build(ip, &p);
    ip[0] = 0x46;
    ip_fix(ip);
    decrypted_to_host(s, 1, ip, p.total, DP_REASON_OPTIONS, "decrypted header with options");
    bench_write(s->b, DP_PORT1_MTU, 776);
    decrypted_to_host(s, 1, ip, ip_build(ip, &p), DP_REASON_TOO_BIG, "decrypted, too big for the port");
    bench_write(s->b, DP_PORT1_MTU, 9000);
    card_route(s->b, 30, LAN_HOST, 32, KIND_HOST, 0);
    decrypted_to_host(s, 1, ip, ip_build(ip, &p), DP_REASON_ROUTE_HOST, "decrypted, the route is the host");
    card_route_clear(s->b, 30);
    p.src = remote_net(2) + 1;
    decrypted_to_host(s, 2, ip, ip_build(ip, &p), DP_REASON_SA_TO_HOST, "an SA that gives everything to the host");
    p.total = 21;
    decrypted_to_host(s, 2, ip, ip_build(ip, &p), DP_REASON_SA_TO_HOST, "a packet of 21 bytes");
    p.dst = remote_net(0) + 1; // hairpin into a tunnel that is too small
    p.src = remote_net(1) + 1;
    p.total = 1001;
    card_tunnel(s->b, 0, 0, 1000, true);
    decrypted_to_host(s, 1, ip, ip_build(ip, &p), DP_REASON_TOO_BIG, "decrypted, too big for the next tunnel");
    s->hairpins = card_counter(s->b, DP_COUNTER_HAIRPIN_PACKETS);
    check(s->hairpins == 0, "none of these counted as a hairpin");
    scene_esp_to_clear(s, 1, 500);
    check(scene_settle(s), "the next good packet passes");
    scene_destroy(s);
}

static void goes_to_tunnel(struct scene *s, uint32_t dst, unsigned tunnel, const char *name)
{
    uint8_t ip[2048], f[2048];
    struct ip_spec p = {
        .src = LAN_HOST, .dst = dst, .proto = 17, .ttl = 9, .sport = 1111, .dport = 2222, .total = 200, .seed = dst};
    size_t n = ip_build(ip, &p);
    scene_send(s, 1, f, to_port(f, 1, ip, n));
    ip_forward(ip);
    scene_expect_esp(s, FROM_INSIDE, tunnel, ip, n);
    check(scene_settle(s), name);
}

static void routes(void)
{
    struct scene *s = scene_create(seed);
    for (unsigned i = 0; i < 6; i++)
        scene_install(s, i, true, true, i & 1);
    // written in an order that makes neither the first nor the last match right
    card_route(s->b, 40, 0x14140000, 16, KIND_TUNNEL, 2);
    card_route(s->b, 5, 0, 0, KIND_TUNNEL, 0);
    card_route(s->b, 63, 0x14141400, 24, KIND_TUNNEL, 3);
    card_route(s->b, 2, 0x14000000, 8, KIND_TUNNEL, 1);
    card_route(s->b, 33, 0x14141414, 32, KIND_TUNNEL, 4);
    goes_to_tunnel(s, 0x15000001, 0, "the default route");
    goes_to_tunnel(s, 0x14000001, 1, "a route of 8 bits wins over the default");
    goes_to_tunnel(s, 0x14140001, 2, "16 bits win over 8");
    goes_to_tunnel(s, 0x14141401, 3, "24 bits win over 16");
    goes_to_tunnel(s, 0x14141414, 4, "32 bits win over 24");
    card_route_clear(s->b, 33);
    goes_to_tunnel(s, 0x14141414, 3, "a removed route uncovers the shorter one");
    uint64_t fib = card_counter(s->b, DP_COUNTER_FIB_HIT), flow = card_counter(s->b, DP_COUNTER_FLOW_HIT);
    for (unsigned way = 0; way < 3; way++) {
        static const char *const names[] = {"a flow in way 0 wins over the FIB", "a flow in way 1 wins over the FIB",
                                            "a flow in the stash wins over the FIB"};
        uint32_t dst = 0x14141414 + way;
        uint32_t hash = card_flow_hash(s->b, LAN_HOST, dst, 1111, 2222, 17, KIND_TUNNEL, 5);
        uint16_t slot = way == 0 ? (uint16_t)hash : way == 1 ? (uint16_t)(hash >> 16) : 5;
        card_flow_write(s->b, slot, way, true);
        goes_to_tunnel(s, dst, 5, names[way]);
        goes_to_tunnel(s, dst + 16, 3, "another flow does not match");
        card_flow_write(s->b, slot, way, false);
        goes_to_tunnel(s, dst, 3, "a removed flow falls through to the FIB");
    }
    check(card_counter(s->b, DP_COUNTER_FLOW_HIT) == flow + 3 && card_counter(s->b, DP_COUNTER_FIB_HIT) == fib + 6,
          "hits of flow table and FIB are counted");
    // flows of a protocol without ports, and one that differs in one port
    uint32_t hash = card_flow_hash(s->b, LAN_HOST, 0x14141420, 1111, 2223, 17, KIND_TUNNEL, 5);
    card_flow_write(s->b, (uint16_t)hash, 0, true);
    goes_to_tunnel(s, 0x14141420, 3, "a flow with another port does not match");
    hash = card_flow_hash(s->b, LAN_HOST, 0x14141421, 0, 0, 1, KIND_TUNNEL, 5);
    card_flow_write(s->b, (uint16_t)hash, 0, true);
    uint8_t ip[2048], f[2048];
    struct ip_spec p = {.src = LAN_HOST, .dst = 0x14141421, .proto = 1, .ttl = 9, .total = 100, .seed = 5};
    size_t n = ip_build(ip, &p);
    scene_send(s, 1, f, to_port(f, 1, ip, n));
    ip_forward(ip);
    scene_expect_esp(s, FROM_INSIDE, 5, ip, n);
    check(scene_settle(s), "a flow of a protocol without ports");
    scene_destroy(s);
}

static void host_faults(void)
{
    struct scene *s = scene_create(seed);
    scene_install(s, 0, true, true, true);
    uint8_t ip[2048] = {0};
    struct ip_spec p = {.src = GATEWAY, .dst = remote_net(0) + 1, .proto = 1, .ttl = 9, .total = 100, .seed = 5};
    size_t n = ip_build(ip, &p);
    bench_inject(s->b, ip, n, 3, 0);
    bench_inject(s->b, ip, n - 1, 2, 0);
    bench_inject(s->b, ip, 13, 0, 0);
    bench_inject(s->b, ip, 13, 1, 0);
    ip[0] = 0x60;
    bench_inject(s->b, ip, n, 2, 0);
    bool ok = scene_settle(s);
    check(ok && card_counter(s->b, DP_COUNTER_HOST_TX_BAD) == 5,
          "packets of the host with wrong headers are dropped and counted");
    ip[0] = 0x45;
    bench_inject(s->b, ip, n, 2, 9);
    ok = scene_settle(s);
    check(ok && card_counter(s->b, DP_COUNTER_OUT_NO_SA) == 1,
          "a tunnel without an SA drops the host's packet and counts");
    scene_host_to_esp(s, 0, 300);
    check(scene_settle(s), "the next good packet passes");
    scene_destroy(s);
}

static void registers(void)
{
    struct scene *s = scene_create(seed);
    struct bench *b = s->b;
    check(bench_read(b, DP_ID) == 0x44504154 && bench_read(b, DP_VERSION) >> 16 == 1, "the block says what it is");
    bench_write(b, DP_SA_KEY + 4, 0x12345678);
    check(bench_read(b, DP_SA_KEY + 4) == 0 && bench_read(b, DP_SA_SALT) == 0, "keys do not read back");
    bench_write(b, DP_LOCAL_ADDR + 4, 0x01020304);
    check(bench_read(b, DP_LOCAL_ADDR + 4) == 0x01020304 && !b->reg_errors, "settings read back");
    static const uint16_t wrong[] = {0x10, 0x2c, 0x3c, DP_LOCAL_ADDR + 32, 0x174, 0x1a8, 0x25c, 0x28c, 0x1000, 0xfffc};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        bench_read(b, wrong[i]);
    check(b->reg_errors == sizeof wrong / sizeof *wrong, "addresses without a register answer with an error");
    b->reg_errors = 0;
    bench_write(b, DP_FIB_WRITE, 64 | 0x80000000u);
    bench_write(b, DP_FLOW_WRITE, 512);
    bench_write(b, DP_FLOW_WRITE, 8 | 2u << 16);
    bench_write(b, DP_ADJ_INDEX, 64);
    bench_write(b, DP_ADJ_WRITE, 0);
    bench_write(b, DP_TUNNEL_INDEX, 1024);
    bench_write(b, DP_TUNNEL_SA, 0);
    bench_write(b, DP_SA_COMMAND, 1024);
    bench_write(b, DP_ID, 0);
    check(b->reg_errors == 7, "entries beyond a table and read-only registers refuse writes");
    b->reg_errors = 0;
    struct sa sa = scene_sa(s, 1, false, true, true, false);
    bench_write(b, DP_SA_KEY, 1);
    bench_write(b, DP_SA_COMMAND, 1);
    bench_write(b, DP_SA_COMMAND, 2);
    check(b->reg_errors == 1, "a command while one is under way is refused");
    bench_run(b, 4000);
    struct sa_counters c = card_sa_read(b, 1, false);
    check(c.valid, "the first command was carried out");
    check(!card_sa_read(b, 2, false).valid, "the second was not");
    card_sa_install(b, &sa);
    card_sa_remove(b, 1, false);
    check(!card_sa_read(b, 1, false).valid, "a removed SA is gone");
    dut_link(b->dut, 3);
    bench_run(b, 20);
    check(dut_irq(b->dut), "an event raises the interrupt");
    struct event e0 = card_event(b), e1 = card_event(b), e2;
    dut_link(b->dut, 1);
    bench_run(b, 20);
    e2 = card_event(b);
    check(e0.type == DP_EVENT_LINK_UP && e0.index == 0 && e1.type == DP_EVENT_LINK_UP && e1.index == 1 &&
              e2.type == DP_EVENT_LINK_DOWN && e2.index == 1,
          "links going up and down make events");
    bench_run(b, 4);
    check(!dut_irq(b->dut) && card_event(b).type == DP_EVENT_NONE, "and when they are read the interrupt falls");
    scene_destroy(s);
}

int main(void)
{
    const char *env = getenv("SEED");
    seed = env ? strtoull(env, NULL, 0) : 1;
    printf("# SEED=%llu\n", (unsigned long long)seed);
    ethernet();
    outside();
    software_esp();
    inside();
    decrypted();
    routes();
    host_faults();
    registers();
    return finish();
}
