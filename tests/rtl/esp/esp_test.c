// SPDX-License-Identifier: BSD-2-Clause
// ESP at its edges: replay and extended sequence numbers, damaged and hostile packets, lifetimes, SAs that come and go
// under traffic. Everything through the ports of the whole datapath.
#include "dp_regs.h"
#include "tests/rtl/datapath/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;

// A packet of peer i with this number, expected to pass, or not.
static void number(struct scene *s, unsigned i, uint64_t seq, bool passes)
{
    uint8_t inner[256], frame[256];
    size_t n = scene_inner(s, inner, remote_net(i) + 9, LAN_HOST, 20 + bench_random(s->b) % 60);
    scene_send_esp(s, i, seq, inner, n);
    if (!passes)
        return;
    ip_forward(inner);
    scene_expect(s, OUT_TX1, FROM_OUTSIDE, frame, eth_build(frame, lan_mac, card_mac[1], 0x0800, inner, n));
    if (seq > s->in[i].seq)
        s->in[i].seq = seq;
}

static void install_window(struct scene *s, unsigned i, unsigned log2, bool esn, uint64_t start)
{
    scene_sa(s, i, false, i & 1, esn, i & 2);
    s->in[i].window_log2 = (uint8_t)log2;
    s->in[i].seq = start;
    card_sa_install(s->b, &s->in[i]);
}

// With ESN a number below the window is taken for one of the next 2^32 (RFC 4303 appendix A2.2), so it fails by its
// ICV.
static uint64_t refusals(struct scene *s)
{
    return card_counter(s->b, DP_COUNTER_ESP_REPLAY) + card_counter(s->b, DP_COUNTER_ESP_AUTH_FAIL);
}

static void window_edges(unsigned log2, bool esn)
{
    struct scene *s = scene_create(seed);
    char name[160];
    uint64_t w = 1u << log2, top = 10000;
    install_window(s, 0, log2, esn, 0);
    uint64_t before = refusals(s);
    number(s, 0, 0, false);
    number(s, 0, 1, true);
    number(s, 0, 1, false);
    number(s, 0, top, true);
    number(s, 0, top, false);
    number(s, 0, top - w + 1, true);
    number(s, 0, top - w + 1, false);
    number(s, 0, top - w, false);
    number(s, 0, top - w - 1, false);
    number(s, 0, 2, false);
    number(s, 0, top - 1, true);
    number(s, 0, top + 1, true);
    number(s, 0, top - w + 2, true);  // the oldest place now
    number(s, 0, top - w + 1, false); // has just fallen out
    number(s, 0, top + w, true);      // the window moves by one less than its size
    number(s, 0, top + 1, false);     // its last place, seen
    number(s, 0, top + 2, true);
    number(s, 0, top + 3 * w, true); // by more than its size: nothing below is seen
    for (uint64_t k = 1; k < w; k++)
        number(s, 0, top + 3 * w - k, true);
    number(s, 0, top + 2 * w, false);
    bool ok = scene_settle(s);
    snprintf(name, sizeof name, "replay window of %llu, %s: edges, duplicates, jumps", (unsigned long long)w,
             esn ? "ESN" : "no ESN");
    check(ok && refusals(s) == before + 10, name);
    struct sa_counters c = card_sa_read(s->b, 0, false);
    check(c.replay + c.auth_fail == 10 && c.seq == top + 3 * w, "the SA counts its replays");
    if (esn) {
        scene_destroy(s);
        return;
    }
    struct event e = card_event(s->b);
    check(e.type == DP_EVENT_REPLAY && e.index == 0 && e.dir == 0 && card_event(s->b).type == DP_EVENT_NONE,
          "one event for all of them");
    number(s, 0, 5, false);
    ok = scene_settle(s);
    check(ok && card_event(s->b).type == DP_EVENT_REPLAY, "and one more after the counters were read");
    scene_destroy(s);
}

// Random numbers around the top, back to back, against a list of all numbers seen.
static void window_random(unsigned log2, bool esn, uint64_t start, unsigned packets, const char *name)
{
    enum { SPAN = 65536 };
    struct scene *s = scene_create(seed + log2);
    static uint8_t seen[SPAN];
    memset(seen, 0, sizeof seen);
    bool ok = true;
    uint64_t base = start > 2000 ? start - 2000 : 0, w = 1u << log2, top = start, replays = 0;
    install_window(s, 0, log2, esn, start);
    install_window(s, 1, log2, esn, 0);
    for (uint64_t q = base; q <= start; q++)
        seen[q - base] = 1;
    for (unsigned k = 0; k < packets; k++) {
        uint64_t back = bench_random(s->b) % (w + w / 4), seq = top + 1;
        unsigned choice = bench_random(s->b) % 4;
        if (choice == 0 && top - base > back)
            seq = top - back;
        else if (choice == 1)
            seq = top + 1 + bench_random(s->b) % (bench_random(s->b) % 16 ? 5 : (uint32_t)w + 40);
        if (seq - base >= SPAN || (!esn && seq > 0xffffffff))
            break;
        unsigned copies = 1 + !(bench_random(s->b) % 4); // duplicates in flight together
        while (copies--) {
            bool passes = seq > top || (top - seq < w && !seen[seq - base]);
            number(s, 0, seq, passes);
            replays += !passes;
            seen[seq - base] = 1;
            if (seq > top)
                top = seq;
            if (!(bench_random(s->b) % 3))
                number(s, 1, s->in[1].seq + 1, true);
        }
        if (k % 32 == 31)
            ok &= scene_settle(s);
    }
    ok &= scene_settle(s);
    check(ok && refusals(s) == replays && replays > packets / 8, name);
    scene_destroy(s);
}

static void duplicates(void)
{
    struct scene *s = scene_create(seed);
    install_window(s, 0, 6, true, 0);
    for (uint64_t q = 1; q <= 100; q++) {
        number(s, 0, q, true);
        number(s, 0, q, false);
        number(s, 0, q, false);
    }
    bool ok = scene_settle(s);
    check(ok && card_counter(s->b, DP_COUNTER_ESP_REPLAY) == 200,
          "of three copies in flight together exactly one passes");
    install_window(s, 1, 0, false, 0);
    for (uint64_t q = 1; q <= 10; q++) {
        number(s, 1, 10 - q + 1, true);
        number(s, 1, 10 - q + 1, true);
    }
    check(scene_settle(s), "window 0 checks nothing");
    scene_destroy(s);
}

static void esn_inbound(void)
{
    struct scene *s = scene_create(seed);
    uint64_t wrap = 1ull << 32;
    install_window(s, 0, 6, true, wrap - 40);
    for (int k = -39; k < 40; k++)
        number(s, 0, wrap + (uint64_t)(int64_t)k, true);
    check(scene_settle(s), "ESN: numbers go on over the wrap of the low half");
    install_window(s, 0, 6, true, wrap - 40);
    number(s, 0, wrap - 10, true);
    number(s, 0, wrap + 10, true);
    number(s, 0, wrap - 1, true);
    number(s, 0, wrap - 10, false);
    number(s, 0, wrap, true);
    number(s, 0, wrap - 20, true);
    number(s, 0, wrap - 1, false);
    number(s, 0, wrap + 9, true);
    number(s, 0, wrap + 10, false);
    bool ok = scene_settle(s);
    check(ok && card_counter(s->b, DP_COUNTER_ESP_REPLAY) == 3, "ESN: a window that straddles the wrap");
    install_window(s, 0, 6, true, 0);
    number(s, 0, 1, true);
    ok = scene_settle(s);
    uint64_t auth = card_counter(s->b, DP_COUNTER_ESP_AUTH_FAIL);
    number(s, 0, wrap + 2, false); // sealed with upper half 1 while the card must infer 0
    ok &= scene_settle(s);
    check(ok && card_counter(s->b, DP_COUNTER_ESP_AUTH_FAIL) == auth + 1, "ESN: a wrong upper half is an ICV failure");
    number(s, 0, 2, true);
    check(scene_settle(s), "and the next good packet passes");
    scene_destroy(s);
}

static void exhaust(bool esn, uint64_t last, const char *name)
{
    struct scene *s = scene_create(seed);
    scene_install(s, 0, true, esn, false);
    s->out[0].seq = last - 2;
    card_sa_install(s->b, &s->out[0]);
    scene_clear_to_esp(s, 0, 100);
    bool ok = scene_settle(s) && card_event(s->b).type == DP_EVENT_NONE;
    scene_clear_to_esp(s, 0, 100);
    ok &= scene_settle(s);
    struct event e = card_event(s->b);
    ok &= e.type == DP_EVENT_SEQ_EXHAUSTED && e.index == 0 && e.dir == 1;
    for (int k = 0; k < 5; k++) {
        scene_clear_to_esp(s, 0, 100);
        queue_clear(&s->expect[OUT_TX0][FROM_INSIDE]);
    }
    ok &= scene_settle(s);
    check(ok && card_counter(s->b, DP_COUNTER_ESP_LIFETIME) == 5 && card_sa_read(s->b, 0, true).seq == last, name);
    scene_sa(s, 1, true, false, true, true);
    s->out[1].seq = 0;
    card_sa_install(s->b, &s->out[1]);
    card_tunnel(s->b, 0, 1, 0, true);
    scene_clear_to_esp(s, 0, 100);
    struct packet *p = s->expect[OUT_TX0][FROM_INSIDE].head;
    p->tunnel = 1;
    check(scene_settle(s), "a rekey brings the tunnel back");
    scene_destroy(s);
}

static void esn_outbound(void)
{
    struct scene *s = scene_create(seed);
    scene_install(s, 0, true, true, true);
    s->out[0].seq = (1ull << 32) - 20;
    card_sa_install(s->b, &s->out[0]);
    for (int k = 0; k < 40; k++)
        scene_clear_to_esp(s, 0, 20 + (unsigned)k);
    check(scene_settle(s), "ESN: outbound numbers go on over the wrap of the low half");
    scene_destroy(s);
}

// ---- damaged packets --------------------------------------------------------------------------------------------

// A frame of peer i that must not pass: counted by `counter`, nothing comes out, and the next good packet passes.
static bool refused(struct scene *s, const uint8_t *frame, size_t len, unsigned counter)
{
    uint64_t before = card_counter(s->b, counter);
    scene_send(s, 0, frame, len);
    bool ok = scene_settle(s);
    if (card_counter(s->b, counter) != before + 1) {
        printf("# counter %u stayed, %zu bytes\n", counter, len);
        return false;
    }
    return ok;
}

static void damaged(unsigned v)
{
    struct scene *s = scene_create(seed);
    uint8_t inner[256], good[512], f[512];
    char name[128];
    scene_install(s, 0, v & 1, v & 2, v & 4);
    const char *form = v & 4 ? "UDP" : "plain";
    size_t n = scene_inner(s, inner, remote_net(0) + 9, LAN_HOST, 90), head = v & 4 ? 58 : 50;
    size_t len = esp_frame(good, &s->in[0], 1000, card_mac[0], peer_address(0), GATEWAY, inner, n);
    bool ok = true;
    for (size_t at = head - 16 + 4; at < len; at++) { // sequence number, IV, ciphertext, ICV
        memcpy(f, good, len);
        f[at] ^= (uint8_t)(1u << (at % 8));
        ok &= refused(s, f, len, DP_COUNTER_ESP_AUTH_FAIL);
    }
    snprintf(name, sizeof name, "%s: one wrong bit from sequence number to ICV is refused", form);
    check(ok, name);
    struct sa_counters c = card_sa_read(s->b, 0, false);
    check(c.auth_fail == len - (head - 16 + 4) && c.packets == 0 && c.seq == 0,
          "the SA counts them and its window has not moved");
    check(card_event(s->b).type == DP_EVENT_AUTH_FAIL && card_event(s->b).type == DP_EVENT_NONE,
          "one event for all of them");
    ok = true;
    for (size_t cut = 1; cut < len - 14 - 20; cut++) { // shorter, and its headers say so
        memcpy(f, good, len);
        put16(f + 16, (unsigned)(len - 14 - cut));
        ip_fix(f + 14);
        size_t esp = len - cut - (head - 16);
        if (v & 4) {
            if (len - cut < 42)
                break; // less than a UDP header
            put16(f + 38, (unsigned)(len - 34 - cut));
            if (len - cut < 14 + 28 + 2)
                break; // a keepalive or an empty datagram: for the host
        }
        ok &= refused(s, f, len - cut < 60 ? 60 : len - cut,
                      esp < 8 + 8 + 2 + 16 ? DP_COUNTER_ESP_TRUNCATED : DP_COUNTER_ESP_AUTH_FAIL);
    }
    snprintf(name, sizeof name, "%s: truncated at every length", form);
    check(ok, name);
    ok = true;
    for (size_t cut = 1; cut < len - 1; cut += 3)
        ok &= refused(s, good, len - cut, DP_COUNTER_RX0_BAD); // the total length lies
    snprintf(name, sizeof name, "%s: shorter than the total length says", form);
    check(ok, name);
    if (v & 4) {
        memcpy(f, good, len);
        put16(f + 38, (unsigned)(len - 34 + 1));
        check(refused(s, f, len, DP_COUNTER_ESP_TRUNCATED), "UDP: a datagram longer than its packet");
        put16(f + 38, (unsigned)(len - 34 - 4));
        check(refused(s, f, len, DP_COUNTER_ESP_AUTH_FAIL), "UDP: a datagram shorter than its packet");
    }
    memcpy(f, good, len);
    memset(f + len, 0x5a, 37);
    scene_send(s, 0, f, len + 37);
    s->in[0].seq = 1000;
    ip_forward(inner);
    uint8_t out[512];
    scene_expect(s, OUT_TX1, FROM_OUTSIDE, out, eth_build(out, lan_mac, card_mac[1], 0x0800, inner, n));
    check(scene_settle(s), "the undamaged packet passes, with Ethernet padding behind it");
    scene_destroy(s);
}

// Plaintext as given, sealed properly.
static size_t sealed(struct scene *s, uint8_t *frame, const uint8_t *plain, size_t len)
{
    uint8_t esp[2048], ip[2048];
    struct sa as = s->in[0];
    as.dport = 4500;
    size_t n = esp_seal(esp, &as, ++s->in[0].seq, plain, len);
    n = esp_wrap(ip, &as, peer_address(0), GATEWAY, 0, 1, 0, esp, n);
    return eth_build(frame, card_mac[0], peer_mac, 0x0800, ip, n);
}

static void padding(void)
{
    struct scene *s = scene_create(seed);
    uint8_t inner[512], plain[2048], f[2048], out[512];
    bool good = true, bad = true;
    scene_install(s, 0, true, true, false);
    for (size_t pad = 0; pad <= 255; pad++) {
        size_t n = scene_inner(s, inner, remote_net(0) + 9, LAN_HOST, 20 + bench_random(s->b) % 130);
        size_t len = esp_plain(plain, inner, n, pad, 4);
        scene_send(s, 0, f, sealed(s, f, plain, len));
        uint8_t copy[512];
        memcpy(copy, inner, n);
        ip_forward(copy);
        scene_expect(s, OUT_TX1, FROM_OUTSIDE, out, eth_build(out, lan_mac, card_mac[1], 0x0800, copy, n));
        good &= scene_settle(s);
        if (!pad)
            continue;
        size_t at = n + bench_random(s->b) % pad;
        plain[at] ^= (uint8_t)(1u << (bench_random(s->b) % 8));
        bad &= refused(s, f, sealed(s, f, plain, len), DP_COUNTER_ESP_BAD_PADDING);
    }
    check(good, "padding of every length from 0 to 255 is taken off");
    check(bad, "a wrong padding byte anywhere is refused");
    size_t n = scene_inner(s, inner, remote_net(0) + 9, LAN_HOST, 90), len;
    bad = true;
    for (unsigned wrong = 0; wrong < 8; wrong++) { // first and last byte in every place of a word
        for (size_t total = 20; total < 100; total += 1) {
            n = scene_inner(s, inner, remote_net(0) + 9, LAN_HOST, total);
            len = esp_plain(plain, inner, n, 3, 4);
            plain[n + wrong % 3] ^= (uint8_t)(1u << wrong);
            bad &= refused(s, f, sealed(s, f, plain, len), DP_COUNTER_ESP_BAD_PADDING);
        }
    }
    check(bad, "a wrong padding byte at every place in a word is refused");
    len = esp_plain(plain, inner, n, 2, 4);
    plain[len - 2] = (uint8_t)(len - 1);
    check(refused(s, f, sealed(s, f, plain, len), DP_COUNTER_ESP_BAD_PADDING),
          "padding longer than the packet is refused");
    static const uint8_t others[] = {0, 1, 6, 17, 41, 47, 50, 255};
    bad = true;
    for (unsigned k = 0; k < sizeof others; k++) {
        len = esp_plain(plain, inner, n, 2, others[k]);
        bad &= refused(s, f, sealed(s, f, plain, len), DP_COUNTER_ESP_BAD_PADDING);
    }
    check(bad, "another next header is refused");
    uint64_t before = card_sa_read(s->b, 0, false).policy;
    len = esp_plain(plain, inner, n, 2, 59);
    scene_send(s, 0, f, sealed(s, f, plain, len));
    memset(plain, 0, 4);
    plain[1] = 59;
    scene_send(s, 0, f, sealed(s, f, plain, 2)); // nothing but the trailer
    check(scene_settle(s) && card_sa_read(s->b, 0, false).policy == before,
          "dummy packets vanish without being counted as an error");
    // a packet refused for its padding has used up its number all the same
    uint64_t here = s->in[0].seq;
    for (int late = 0; late < 2; late++) {
        if (late) { // behind the top of the window
            s->in[0].seq = here + 10;
            number(s, 0, here + 10, true);
            s->in[0].seq = here + 4;
        }
        len = esp_plain(plain, inner, n, 2, 4);
        plain[n] = 9;
        bool ok = refused(s, f, sealed(s, f, plain, len), DP_COUNTER_ESP_BAD_PADDING);
        uint64_t replays = card_counter(s->b, DP_COUNTER_ESP_REPLAY);
        number(s, 0, s->in[0].seq, false);
        check(scene_settle(s) && ok && card_counter(s->b, DP_COUNTER_ESP_REPLAY) == replays + 1,
              late ? "bad padding inside the window uses up its number" : "bad padding uses up its number");
    }
    s->in[0].seq = here + 10;
    scene_esp_to_clear(s, 0, 64);
    check(scene_settle(s), "the next good packet passes");
    scene_destroy(s);
}

static void policy(void)
{
    struct scene *s = scene_create(seed);
    uint8_t inner[512], plain[2048], f[2048], out[512];
    size_t n, len;
    scene_sa(s, 0, false, true, true, true);
    s->in[0].src = remote_net(0);
    s->in[0].src_mask = 0xffff0000;
    s->in[0].dst = LAN;
    s->in[0].dst_mask = 0xffffff00;
    card_sa_install(s->b, &s->in[0]);
#define REFUSED_PLAIN(src_, dst_, edit, name)                                                                          \
    do {                                                                                                               \
        n = scene_inner(s, inner, src_, dst_, 100);                                                                    \
        edit;                                                                                                          \
        len = esp_plain(plain, inner, n, 2, 4);                                                                        \
        check(refused(s, f, sealed(s, f, plain, len), DP_COUNTER_ESP_POLICY), name);                                   \
    } while (0)
    REFUSED_PLAIN(remote_net(1) + 9, LAN_HOST, (void)0, "an inner source outside the selector");
    REFUSED_PLAIN(remote_net(0) + 9, LAN + 0x100, (void)0, "an inner destination outside the selector");
    REFUSED_PLAIN(remote_net(0) + 9, LAN_HOST, inner[0] = 0x65, "an inner packet that is not version 4");
    REFUSED_PLAIN(remote_net(0) + 9, LAN_HOST, inner[0] = 0x44, "an inner header length of 16");
    REFUSED_PLAIN(remote_net(0) + 9, LAN_HOST, inner[10] ^= 1, "a wrong inner checksum");
    REFUSED_PLAIN(remote_net(0) + 9, LAN_HOST, (put16(inner + 2, 101), ip_fix(inner)),
                  "an inner total length beyond the packet");
    REFUSED_PLAIN(remote_net(0) + 9, LAN_HOST, (put16(inner + 2, 19), ip_fix(inner)),
                  "an inner total length below its header");
    n = scene_inner(s, inner, remote_net(0) + 9, LAN_HOST, 30);
    memcpy(plain, inner, n);
    memset(plain + n, 0xcc, 300); // traffic flow confidentiality: bytes behind the inner packet
    uint8_t tail[600];
    len = esp_plain(tail, plain, n + 300, 2, 4);
    scene_send(s, 0, f, sealed(s, f, tail, len));
    ip_forward(inner);
    scene_expect(s, OUT_TX1, FROM_OUTSIDE, out, eth_build(out, lan_mac, card_mac[1], 0x0800, inner, n));
    check(scene_settle(s), "what lies between the inner packet and its padding is cut off");
    struct sa_counters c = card_sa_read(s->b, 0, false);
    check(c.policy == 7 && c.packets == 1 && c.bytes == 30, "the SA counts policy failures and what passed");
    scene_destroy(s);
}

// ---- lifetimes, coming and going ----------------------------------------------------------------------------------

static bool event_is(struct scene *s, unsigned type, unsigned dir)
{
    struct event e = card_event(s->b);
    if (e.type != type || (type && (e.index != 0 || e.dir != dir)))
        printf("# event %u of %u, direction %u\n", e.type, e.index, e.dir);
    return e.type == type && (!type || (e.index == 0 && e.dir == dir));
}

static void lifetimes(bool out, bool bytes)
{
    struct scene *s = scene_create(seed);
    char name[128];
    scene_install(s, 0, true, true, false);
    struct sa *sa = out ? &s->out[0] : &s->in[0];
    *(bytes ? &sa->soft_bytes : &sa->soft_packets) = bytes ? 350 : 4;
    *(bytes ? &sa->hard_bytes : &sa->hard_packets) = bytes ? 1000 : 10;
    card_sa_install(s->b, sa);
    bool ok = true;
    for (int k = 1; k <= 15; k++) {
        if (k == 5)
            s->in[0].seq++; // number 5 comes late
        if (out)
            scene_clear_to_esp(s, 0, 100);
        else
            scene_esp_to_clear(s, 0, 100);
        if (k > 10) {
            queue_clear(&s->expect[OUT_TX0][FROM_INSIDE]);
            queue_clear(&s->expect[OUT_TX1][FROM_OUTSIDE]);
        }
        ok &= scene_settle(s);
        ok &= event_is(s, k == 4 ? DP_EVENT_SOFT_LIFETIME : k == 10 ? DP_EVENT_HARD_LIFETIME : DP_EVENT_NONE, out);
    }
    if (!out)
        number(s, 0, 5, false);
    ok &= scene_settle(s);
    snprintf(name, sizeof name, "%s lifetime in %s: one soft event, then the hard one, then nothing passes",
             out ? "outbound" : "inbound", bytes ? "bytes" : "packets");
    struct sa_counters c = card_sa_read(s->b, 0, out);
    check(ok && c.packets == 10 && c.bytes == 1000 && card_counter(s->b, DP_COUNTER_ESP_LIFETIME) == 5u + !out, name);
    scene_destroy(s);
}

static void coming_and_going(void)
{
    struct scene *s = scene_create(seed);
    uint8_t inner[256], f[512], want[512];
    scene_install(s, 0, true, true, false);
    // inbound: removed under traffic
    size_t n = scene_inner(s, inner, remote_net(0) + 9, LAN_HOST, 100);
    for (uint64_t q = 1; q <= 120; q++)
        scene_send_esp(s, 0, q, inner, n);
    bench_run(s->b, 200);
    card_sa_remove(s->b, 0, false);
    bool ok = bench_drain(s->b);
    uint64_t passed = card_counter(s->b, DP_COUNTER_ESP_IN_PACKETS),
             unknown = card_counter(s->b, DP_COUNTER_ESP_UNKNOWN_SPI);
    check(ok && passed > 0 && unknown > 0 && passed + unknown == 120 && s->b->out[OUT_TX1].count == passed &&
              card_counter(s->b, DP_COUNTER_ESP_AUTH_FAIL) == 0,
          "inbound SA removed under traffic: each packet passes or is unknown");
    queue_clear(&s->b->out[OUT_TX1]);
    queue_clear(&s->b->out[OUT_HOST]);
    scene_sa(s, 0, false, false, true, false);
    card_sa_install(s->b, &s->in[0]);
    scene_esp_to_clear(s, 0, 100);
    check(scene_settle(s), "and its index serves a new SA at once");

    // inbound: replaced while packets are stuck in the engine
    s->b->hold_percent[OUT_TX1] = 100;
    n = scene_inner(s, inner, remote_net(0) + 9, LAN_HOST, 100);
    for (int k = 0; k < 330; k++)
        scene_send_esp(s, 0, ++s->in[0].seq, inner, n);
    bench_run(s->b, 4000);
    struct sa_counters before = card_sa_read(s->b, 0, false);
    unknown = card_counter(s->b, DP_COUNTER_ESP_UNKNOWN_SPI);
    card_sa_remove(s->b, 0, false);
    scene_sa(s, 0, false, true, true, false);
    card_sa_install(s->b, &s->in[0]);
    s->b->hold_percent[OUT_TX1] = 0;
    ok = bench_drain(s->b);
    struct sa_counters after = card_sa_read(s->b, 0, false);
    unknown = card_counter(s->b, DP_COUNTER_ESP_UNKNOWN_SPI) - unknown;
    check(ok && after.packets == 0 && after.seq == 0 && after.auth_fail == 0 && before.packets > 100 &&
              unknown > s->b->out[OUT_HOST].count && s->b->out[OUT_TX1].count + unknown == 330,
          "inbound SA replaced under traffic: what was decrypted by the old one does not touch the new one");
    queue_clear(&s->b->out[OUT_TX1]);
    queue_clear(&s->b->out[OUT_HOST]);
    scene_esp_to_clear(s, 0, 100);
    check(scene_settle(s), "and the new SA's first packet passes");

    // outbound: removed and installed anew with another key while packets wait for the port
    struct sa old = s->out[0];
    n = scene_inner(s, inner, LAN_HOST, remote_net(0) + 7, 100);
    uint8_t clear[256];
    size_t len = eth_build(clear, card_mac[1], lan_mac, 0x0800, inner, n);
    ip_forward(inner);
    s->b->hold_percent[OUT_TX0] = 100;
    for (int k = 0; k < 150; k++)
        scene_send(s, 1, clear, len);
    bench_run(s->b, 600);
    card_sa_remove(s->b, 0, true);
    scene_sa(s, 0, true, true, true, false);
    card_sa_install(s->b, &s->out[0]);
    s->b->hold_percent[OUT_TX0] = 0;
    ok = bench_drain(s->b);
    uint64_t counts[2] = {0, 0}, frames = s->b->out[OUT_TX0].count, none = card_counter(s->b, DP_COUNTER_OUT_NO_SA);
    struct packet *p;
    while ((p = queue_pop(&s->b->out[OUT_TX0]))) {
        uint8_t spi[4];
        put32(spi, old.spi);
        bool is_old = !memcmp(p->data + 34, spi, 4);
        uint64_t seq = ++counts[!is_old];
        size_t m = esp_expect(f, is_old ? &old : &s->out[0], seq, (uint16_t)get16(p->data + 18), peer_mac, card_mac[0],
                              inner, n);
        memcpy(want, f, m);
        if (m != p->len || memcmp(want, p->data, m)) {
            // a number of the new SA may be skipped by none; of the old one none may be used twice
            printf("# frame %llu of the %s SA is wrong\n", (unsigned long long)seq, is_old ? "old" : "new");
            ok = false;
        }
        free(p);
    }
    check(ok && counts[0] > 0 && counts[1] > 0 && none > 0 && frames + none == 150,
          "outbound SA replaced under traffic: no packet meets the key of another installation");

    // rekey: the tunnel moves to another SA in the middle of a stream
    s->out[0].seq = counts[1];
    s->next_id = 150; // packets that met the new key took an identification too
    scene_sa(s, 1, true, true, true, true);
    s->out[1].seq = 0;
    card_sa_install(s->b, &s->out[1]);
    for (int k = 0; k < 200; k++)
        scene_send(s, 1, clear, len);
    bench_run(s->b, 150);
    card_tunnel(s->b, 0, 1, 0, true);
    ok = bench_drain(s->b);
    uint64_t a = card_sa_read(s->b, 0, true).seq - counts[1], b = card_sa_read(s->b, 1, true).seq;
    check(ok && a > 0 && b > 0 && a + b == 200 && s->b->out[OUT_TX0].count == 200,
          "a rekey in the middle of a stream loses nothing");
    queue_clear(&s->b->out[OUT_TX0]);

    // path change
    s->next_id = (uint16_t)(s->next_id + 200);
    s->out[1].seq = b;
    s->out[1].dst = 0x05060708;
    s->out[1].dport = 12345;
    s->out[1].encap = true;
    struct sa path = s->out[1];
    memset(path.key, 0, sizeof path.key);
    card_sa_path(s->b, &path);
    scene_clear_to_esp(s, 0, 100);
    s->expect[OUT_TX0][FROM_INSIDE].head->tunnel = 1;
    check(scene_settle(s), "a path change moves address and port and keeps key and number");
    scene_destroy(s);
}

int main(void)
{
    const char *env = getenv("SEED");
    seed = env ? strtoull(env, NULL, 0) : 1;
    printf("# SEED=%llu\n", (unsigned long long)seed);
    for (unsigned log2 = 5; log2 <= 8; log2++)
        window_edges(log2, log2 & 1);
    window_edges(8, true);
    window_edges(6, false);
    window_random(6, false, 0, 3000, "3,000 random numbers in a window of 64, no ESN");
    window_random(8, true, 5000, 3000, "3,000 random numbers in a window of 256, ESN");
    window_random(8, true, (1ull << 32) - 3000, 3000, "3,000 random numbers over the wrap, window of 256");
    window_random(6, true, (1ull << 32) - 1000, 2000, "2,000 random numbers over the wrap, window of 64");
    duplicates();
    esn_inbound();
    esn_outbound();
    exhaust(false, 0xffffffff, "no ESN: after 2^32-1 nothing more is sent, and one event says so");
    exhaust(true, UINT64_MAX, "ESN: after 2^64-1 nothing more is sent, and one event says so");
    damaged(3);
    damaged(4);
    padding();
    policy();
    for (int k = 0; k < 4; k++)
        lifetimes(k & 1, k & 2);
    coming_and_going();
    return finish();
}
