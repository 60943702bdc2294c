// SPDX-License-Identifier: BSD-2-Clause
// Figures of the datapath, one JSON object a line:
//   card.words_per_cycle  words on the ESP side, which is the bigger one, per cycle in steady state. `bytes` is the
//   clear
//                         frame with its Ethernet header. dir both: the slower of the two directions while both run
//   card.latency_cycles   one packet through an idle datapath, first word in to first word out
//   sim.datapath_khz      how fast this model is simulated
#include "dp_regs.h"
#include "tests/rtl/datapath/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 6000, WARM = 3000, IN_FLIGHT = 300 };

struct load {
    struct scene *s;
    size_t bytes;
    uint8_t clear[MAX_PACKET];
    uint64_t fed[2];
};

static size_t words(size_t bytes)
{
    return (bytes + 63) / 64;
}

// Keep a direction fed: encrypting, never more than the receive buffer holds; decrypting, at full rate.
static void feed(struct load *l, int port)
{
    struct bench *b = l->s->b;
    if (b->in[port ? IN_RX1 : IN_RX0].count > 1)
        return;
    if (port) {
        if ((l->fed[1] - b->out[OUT_TX0].count) * words(l->bytes) > IN_FLIGHT && l->fed[1] - b->out[OUT_TX0].count > 2)
            return;
        bench_send(b, IN_RX1, l->clear, l->bytes);
    } else {
        scene_send_esp(l->s, 0, ++l->s->in[0].seq, l->clear + 14, l->bytes - 14);
    }
    l->fed[port]++;
}

static struct load *load_create(size_t bytes)
{
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->s = scene_create(1);
    l->bytes = bytes;
    scene_install(l->s, 0, true, true, false);
    card_route(l->s->b, 1, LAN, 16, KIND_ADJ, ADJ_LAN);
    uint8_t inner[MAX_PACKET];
    size_t n = scene_inner(l->s, inner, remote_net(0) + 9, LAN_HOST, bytes - 14);
    eth_build(l->clear, card_mac[1], lan_mac, 0x0800, inner, n);
    return l;
}

static void load_destroy(struct load *l)
{
    scene_destroy(l->s);
    free(l);
}

static void run(struct load *l, bool encrypt, bool decrypt, unsigned cycles)
{
    while (cycles--) {
        if (encrypt)
            feed(l, 1);
        if (decrypt)
            feed(l, 0);
        bench_tick(l->s->b);
    }
}

// The clear packet goes LAN -> remote when encrypting: the same bytes with other addresses.
static void aim(struct load *l)
{
    put32(l->clear + 14 + 12, LAN_HOST);
    put32(l->clear + 14 + 16, remote_net(0) + 7);
    ip_fix(l->clear + 14);
}

static double measure(size_t bytes, bool encrypt, bool decrypt)
{
    struct load *l = load_create(bytes);
    struct bench *b = l->s->b;
    uint8_t back[MAX_PACKET];
    memcpy(back, l->clear, bytes);
    double worst = 2;
    // Both directions share the clear bytes, so build each packet when it is fed.
    for (unsigned phase = 0; phase < 2; phase++) {
        uint64_t out0 = b->words_out[OUT_TX0], in0 = b->words_in[IN_RX0], start = b->cycle;
        for (unsigned c = 0; c < (phase ? WINDOW : WARM); c++) {
            if (encrypt) {
                aim(l);
                feed(l, 1);
            }
            memcpy(l->clear, back, bytes);
            if (decrypt)
                feed(l, 0);
            bench_tick(b);
        }
        double cycles = (double)(b->cycle - start);
        if (phase && encrypt)
            worst = (double)(b->words_out[OUT_TX0] - out0) / cycles;
        if (phase && decrypt && (double)(b->words_in[IN_RX0] - in0) / cycles < worst)
            worst = (double)(b->words_in[IN_RX0] - in0) / cycles;
    }
    if (!bench_drain(b) || card_counter(b, DP_COUNTER_RX0_OVERFLOW) || card_counter(b, DP_COUNTER_RX1_OVERFLOW) ||
        b->out[OUT_TX1].count != l->fed[0] || b->out[OUT_TX0].count != l->fed[1]) {
        fprintf(stderr, "datapath_bench: %zu bytes: packets were lost, no figure\n", bytes);
        exit(1);
    }
    load_destroy(l);
    return worst;
}

static unsigned long latency(size_t bytes, bool encrypt)
{
    struct load *l = load_create(bytes);
    struct bench *b = l->s->b;
    if (encrypt)
        aim(l);
    feed(l, encrypt);
    if (!bench_drain(b) || b->out[encrypt ? OUT_TX0 : OUT_TX1].count != 1) {
        fprintf(stderr, "datapath_bench: the packet of %zu bytes was lost, no figure\n", bytes);
        exit(1);
    }
    uint64_t cycles = b->first_out[encrypt ? OUT_TX0 : OUT_TX1] - b->first_in[encrypt ? IN_RX1 : IN_RX0];
    load_destroy(l);
    return cycles;
}

static int by_value(const void *a, const void *b)
{
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static double khz(struct load *l, bool busy)
{
    unsigned cycles = busy ? 20000 : 500000;
    struct timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    if (busy)
        run(l, true, true, cycles);
    else
        for (unsigned i = 0; i < cycles; i++)
            dut_tick(l->s->b->dut);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    return cycles / ((double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) * 1e-9) / 1000;
}

int main(void)
{
    static const size_t sizes[] = {64, 65, 128, 256, 512, 1024, 1500, 9000};
    static const char *const dirs[] = {"encrypt", "decrypt", "both"};
    for (unsigned d = 0; d < 3; d++) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            printf("{\"figure\":\"card.words_per_cycle\",\"value\":%.3f,\"unit\":\"words/"
                   "cycle\",\"mode\":\"cycles\",\"params\":{\"bytes\":%zu,"
                   "\"dir\":\"%s\",\"of\":\"datapath\"}}\n",
                   measure(sizes[i], d != 1, d != 0), sizes[i], dirs[d]);
        fflush(stdout);
    }
    for (unsigned d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            printf("{\"figure\":\"card.latency_cycles\",\"value\":%lu,\"unit\":\"cycles\",\"mode\":\"cycles\","
                   "\"params\":{\"bytes\":%zu,"
                   "\"dir\":\"%s\",\"of\":\"datapath\"}}\n",
                   latency(sizes[i], d == 0), sizes[i], dirs[d]);
    for (int busy = 0; busy < 2; busy++) {
        struct load *l = load_create(1500);
        double v[5];
        for (int i = 0; i < 5; i++)
            v[i] = khz(l, busy);
        qsort(v, 5, sizeof *v, by_value);
        printf("{\"figure\":\"sim.datapath_khz\",\"value\":%.0f,\"unit\":\"kHz\",\"mode\":\"host\",\"params\":{"
               "\"load\":\"%s\"},\"min\":%.0f,"
               "\"median\":%.0f,\"max\":%.0f}\n",
               v[2], busy ? "busy" : "idle", v[0], v[2], v[4]);
        load_destroy(l);
    }
    return 0;
}
