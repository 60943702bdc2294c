// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/datapath/scene.h"
#include "dp_regs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t peer_mac[6] = {2, 0xaa, 0, 0, 1, 1}, lan_mac[6] = {2, 0xbb, 0, 0, 2, 2};
static unsigned checks, failed;

void check(bool ok, const char *name)
{
    checks++;
    failed += !ok;
    printf("%s - %s\n", ok ? "ok" : "not ok", name);
    fflush(stdout);
}

int finish(void)
{
    printf("1..%u\n", checks);
    return failed != 0;
}

uint32_t peer_address(unsigned i)
{
    return 0xc6336400u + 10 + i;
}

uint32_t remote_net(unsigned i)
{
    return 0x0a640000u + (i << 16);
}

struct scene *scene_create(uint64_t seed)
{
    struct scene *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->b = bench_create(seed);
    card_start(s->b);
    card_local(s->b, 0, GATEWAY);
    card_adj(s->b, ADJ_PEER, peer_mac, 0, true);
    card_adj(s->b, ADJ_LAN, lan_mac, 1, true);
    card_route(s->b, 0, LAN, 16, KIND_ADJ, ADJ_LAN);
    return s;
}

void scene_destroy(struct scene *s)
{
    for (int o = 0; o < OUTPUTS; o++)
        for (int k = 0; k < SOURCES; k++)
            queue_clear(&s->expect[o][k]);
    bench_destroy(s->b);
    free(s);
}

struct sa scene_sa(struct scene *s, unsigned i, bool out, bool key256, bool esn, bool encap)
{
    struct sa sa = {
        .index = (uint16_t)i, .out = out, .key256 = key256, .esn = esn, .encap = encap, .tunnel = (uint16_t)i};
    for (unsigned k = 0; k < 32; k++)
        sa.key[k] = (uint8_t)bench_random(s->b);
    for (unsigned k = 0; k < 4; k++)
        sa.salt[k] = (uint8_t)bench_random(s->b);
    sa.spi = (bench_random(s->b) & 0xfffffc00u) | i;
    if (out) {
        sa.src = GATEWAY;
        sa.dst = peer_address(i);
        sa.sport = 4500;
        sa.dport = (uint16_t)(50000 + i);
        sa.adj = ADJ_PEER;
        sa.copy_dscp = bench_random(s->b) & 1;
        sa.set_df = bench_random(s->b) & 1;
    } else {
        sa.window_log2 = 6;
        sa.seq = 0;
        sa.src = remote_net(i);
        sa.src_mask = 0xffff0000;
    }
    *(out ? &s->out[i] : &s->in[i]) = sa;
    return sa;
}

void scene_install(struct scene *s, unsigned i, bool key256, bool esn, bool encap)
{
    struct sa in = scene_sa(s, i, false, key256, esn, encap), out = scene_sa(s, i, true, key256, esn, encap);
    card_sa_install(s->b, &in);
    card_sa_install(s->b, &out);
    card_tunnel(s->b, (uint16_t)i, (uint16_t)i, 0, true);
    card_route(s->b, (uint16_t)(8 + i), remote_net(i), 16, KIND_TUNNEL, (uint16_t)i);
}

size_t scene_inner(struct scene *s, uint8_t *out, uint32_t src, uint32_t dst, size_t total)
{
    static const uint8_t protocols[] = {1, 6, 17, 50};
    struct ip_spec p = {.src = src,
                        .dst = dst,
                        .proto = protocols[bench_random(s->b) % 4],
                        .tos = (uint8_t)bench_random(s->b),
                        .ttl = (uint8_t)(2 + bench_random(s->b) % 254),
                        .id = (uint16_t)bench_random(s->b),
                        .flags = bench_random(s->b) & 1 ? 0x4000 : 0,
                        .sport = (uint16_t)bench_random(s->b),
                        .dport = (uint16_t)bench_random(s->b),
                        .total = total,
                        .seed = bench_random(s->b)};
    return ip_build(out, &p);
}

void scene_send(struct scene *s, unsigned port, const uint8_t *frame, size_t len)
{
    s->sent[port][0]++;
    s->sent[port][1] += len;
    bench_send(s->b, port ? IN_RX1 : IN_RX0, frame, len);
}

void scene_expect(struct scene *s, enum output out, enum source from, const uint8_t *frame, size_t len)
{
    struct packet *p = packet_new(frame, len < 60 ? 60 : len);
    if (len < 60)
        memset(p->data + len, 0, 60 - len);
    queue_push(&s->expect[out][from], p);
}

void scene_expect_esp(struct scene *s, enum source from, unsigned sa, const uint8_t *inner, size_t len)
{
    struct packet *p = packet_new(inner, len);
    s->sealed[0]++;
    s->sealed[1] += len;
    s->hairpins += from == FROM_OUTSIDE;
    p->dest = 1; // to be encrypted
    p->tunnel = (uint16_t)sa;
    queue_push(&s->expect[OUT_TX0][from], p);
}

void scene_expect_host(struct scene *s, enum source from, const uint8_t *data, size_t len, struct host_meta m)
{
    struct packet *p = packet_new(data, len);
    m.len = (uint16_t)len;
    p->meta = m;
    queue_push(&s->expect[OUT_HOST][from], p);
}

void scene_clear_to_esp(struct scene *s, unsigned i, size_t total)
{
    uint8_t inner[MAX_PACKET], frame[MAX_PACKET];
    size_t n = scene_inner(s, inner, LAN_HOST, remote_net(i) + 7, total);
    size_t len = eth_build(frame, card_mac[1], lan_mac, 0x0800, inner, n);
    if (len < 60) { // a wire pads short frames, with anything
        memset(frame + len, (int)bench_random(s->b), 60 - len);
        len = 60;
    }
    scene_send(s, 1, frame, len);
    ip_forward(inner);
    scene_expect_esp(s, FROM_INSIDE, i, inner, n);
}

void scene_send_esp(struct scene *s, unsigned i, uint64_t seq, const uint8_t *inner, size_t len)
{
    uint8_t frame[MAX_PACKET];
    size_t n = esp_frame(frame, &s->in[i], seq, card_mac[0], peer_address(i), GATEWAY, inner, len);
    scene_send(s, 0, frame, n);
}

void scene_esp_to_clear(struct scene *s, unsigned i, size_t total)
{
    uint8_t inner[MAX_PACKET], frame[MAX_PACKET];
    size_t n = scene_inner(s, inner, remote_net(i) + 9, LAN_HOST, total);
    s->opened[0]++;
    s->opened[1] += n;
    scene_send_esp(s, i, ++s->in[i].seq, inner, n);
    ip_forward(inner);
    scene_expect(s, OUT_TX1, FROM_OUTSIDE, frame, eth_build(frame, lan_mac, card_mac[1], 0x0800, inner, n));
}

void scene_hairpin(struct scene *s, unsigned i, unsigned k, size_t total)
{
    uint8_t inner[MAX_PACKET];
    size_t n = scene_inner(s, inner, remote_net(i) + 9, remote_net(k) + 3, total);
    s->opened[0]++;
    s->opened[1] += n;
    scene_send_esp(s, i, ++s->in[i].seq, inner, n);
    ip_forward(inner);
    scene_expect_esp(s, FROM_OUTSIDE, k, inner, n);
}

void scene_host_to_esp(struct scene *s, unsigned i, size_t total)
{
    uint8_t inner[MAX_PACKET];
    size_t n = scene_inner(s, inner, GATEWAY, remote_net(i) + 1, total), extra = bench_random(s->b) % 3;
    memset(inner + n, 0xee, extra); // a host may hand over more than the packet
    s->injected++;
    bench_inject(s->b, inner, n + extra, 2, (uint16_t)i);
    scene_expect_esp(s, FROM_HOST, i, inner, n);
}

void scene_host_to_port(struct scene *s, unsigned port, size_t len)
{
    uint8_t frame[MAX_PACKET] = {0};
    for (size_t k = 0; k < len; k++)
        frame[k] = (uint8_t)bench_random(s->b);
    s->injected++;
    bench_inject(s->b, frame, len, (uint8_t)port, 0);
    scene_expect(s, port ? OUT_TX1 : OUT_TX0, FROM_HOST_FRAMES, frame, len);
}

void scene_exception(struct scene *s, unsigned port, const uint8_t *frame, size_t len, unsigned reason, unsigned tunnel)
{
    scene_send(s, port, frame, len);
    scene_expect_host(s, port ? FROM_INSIDE : FROM_OUTSIDE, frame, len,
                      (struct host_meta){.port = (uint8_t)port, .reason = (uint8_t)reason, .tunnel = (uint16_t)tunnel});
}

static bool same_meta(const struct host_meta *a, const struct host_meta *b)
{
    return a->len == b->len && a->port == b->port && a->reason == b->reason && a->tunnel == b->tunnel &&
           a->sa == b->sa && a->decrypted == b->decrypted;
}

// Does the packet that came equal what source's next expectation says?
static bool matches(struct scene *s, enum output o, const struct packet *got, const struct packet *want)
{
    static uint8_t frame[16384];
    if (!want->dest || o != OUT_TX0)
        return got->len == want->len && !memcmp(got->data, want->data, want->len) &&
               (o != OUT_HOST || same_meta(&got->meta, &want->meta));
    struct sa *sa = &s->out[want->tunnel];
    size_t spi = 14 + 20 + (sa->encap ? 8 : 0);
    uint8_t spi_bytes[4];
    put32(spi_bytes, sa->spi);
    if (got->len < spi + 8 || memcmp(got->data + spi, spi_bytes, 4))
        return false;
    size_t n = esp_expect(frame, sa, sa->seq + 1, s->next_id, peer_mac, card_mac[0], want->data, want->len);
    if (n != got->len || memcmp(frame, got->data, n))
        return false;
    sa->seq++;
    s->next_id++;
    return true;
}

static void dump(const char *what, const struct packet *p)
{
    printf("# %s: %zu bytes, reason %u port %u tunnel %u sa %u dec %u:", what, p->len, p->meta.reason, p->meta.port,
           p->meta.tunnel, p->meta.sa, p->meta.decrypted);
    for (size_t i = 0; i < p->len && i < 80; i++)
        printf(" %02x", p->data[i]);
    printf("\n");
}

bool scene_settle(struct scene *s)
{
    unsigned before = s->failures;
    if (!bench_drain(s->b)) {
        printf("# the card does not come to rest\n");
        s->failures++;
    }
    for (int o = 0; o < OUTPUTS; o++) {
        struct packet *got;
        while ((got = queue_pop(&s->b->out[o]))) {
            bool found = false;
            s->count[o][0]++;
            s->count[o][1] += got->len;
            for (int k = 0; k < SOURCES && !found; k++) {
                if (s->expect[o][k].head && matches(s, (enum output)o, got, s->expect[o][k].head)) {
                    free(queue_pop(&s->expect[o][k]));
                    s->matched++;
                    found = true;
                }
            }
            if (!found && s->failures++ < 5) {
                printf("# output %d: not expected\n", o);
                dump("got ", got);
                for (int k = 0; k < SOURCES; k++)
                    if (s->expect[o][k].head)
                        dump("next", s->expect[o][k].head);
            }
            free(got);
        }
        for (int k = 0; k < SOURCES; k++) {
            if (s->expect[o][k].count) {
                printf("# output %d, source %d: %zu packets never came\n", o, k, s->expect[o][k].count);
                s->failures++;
                queue_clear(&s->expect[o][k]);
            }
        }
    }
    return s->failures == before;
}

static bool counter_is(struct scene *s, unsigned index, const char *name, uint64_t want)
{
    uint64_t got = card_counter(s->b, index);
    if (got != want)
        printf("# counter %s is %llu, not %llu\n", name, (unsigned long long)got, (unsigned long long)want);
    return got == want;
}

bool scene_counters(struct scene *s)
{
#define COUNTER_IS(name, want) ok &= counter_is(s, DP_COUNTER_##name, #name, want)
    bool ok = true;
    COUNTER_IS(RX0_PACKETS, s->sent[0][0]);
    COUNTER_IS(RX0_BYTES, s->sent[0][1]);
    COUNTER_IS(RX1_PACKETS, s->sent[1][0]);
    COUNTER_IS(RX1_BYTES, s->sent[1][1]);
    COUNTER_IS(TX0_PACKETS, s->count[OUT_TX0][0]);
    COUNTER_IS(TX0_BYTES, s->count[OUT_TX0][1]);
    COUNTER_IS(TX1_PACKETS, s->count[OUT_TX1][0]);
    COUNTER_IS(TX1_BYTES, s->count[OUT_TX1][1]);
    COUNTER_IS(HOST_RX_PACKETS, s->count[OUT_HOST][0]);
    COUNTER_IS(HOST_TX_PACKETS, s->injected);
    COUNTER_IS(ESP_IN_PACKETS, s->opened[0]);
    COUNTER_IS(ESP_IN_BYTES, s->opened[1]);
    COUNTER_IS(ESP_OUT_PACKETS, s->sealed[0]);
    COUNTER_IS(ESP_OUT_BYTES, s->sealed[1]);
    COUNTER_IS(HAIRPIN_PACKETS, s->hairpins);
    COUNTER_IS(RX0_OVERFLOW, 0);
    COUNTER_IS(RX1_OVERFLOW, 0);
    COUNTER_IS(HOST_RX_DROPPED, 0);
    uint64_t packets[2] = {0, 0}, bytes[2] = {0, 0};
    for (unsigned i = 0; i < SAS; i++) {
        for (int out = 0; out < 2; out++) {
            const struct sa *sa = out ? &s->out[i] : &s->in[i];
            struct sa_counters c = card_sa_read(s->b, (uint16_t)i, out);
            packets[out] += c.packets;
            bytes[out] += c.bytes;
            if (c.valid && c.seq != sa->seq) {
                printf("# SA %u %s: number %llu, not %llu\n", i, out ? "out" : "in", (unsigned long long)c.seq,
                       (unsigned long long)sa->seq);
                ok = false;
            }
        }
    }
    return ok && packets[0] == s->opened[0] && bytes[0] == s->opened[1] && packets[1] == s->sealed[0] &&
           bytes[1] == s->sealed[1];
}
