// SPDX-License-Identifier: BSD-2-Clause
// The whole datapath, port to port, against the OpenSSL model.
#include "dp_regs.h"
#include "tests/rtl/datapath/scene.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void one_of_each(uint64_t seed)
{
    struct scene *s = scene_create(seed);
    for (unsigned v = 0; v < 8; v++)
        scene_install(s, v, v & 1, v & 2, v & 4);
    for (unsigned v = 0; v < 8; v++) {
        char name[128];
        snprintf(name, sizeof name, "clear packet leaves as ESP: AES-%d, %s, %s", v & 1 ? 256 : 128,
                 v & 2 ? "ESN" : "32-bit numbers", v & 4 ? "UDP" : "plain");
        scene_clear_to_esp(s, v, 100);
        check(scene_settle(s), name);
        snprintf(name, sizeof name, "ESP packet leaves clear: AES-%d, %s, %s", v & 1 ? 256 : 128,
                 v & 2 ? "ESN" : "32-bit numbers", v & 4 ? "UDP" : "plain");
        scene_esp_to_clear(s, v, 100);
        check(scene_settle(s), name);
    }
    scene_hairpin(s, 0, 7, 300);
    check(scene_settle(s), "packet of one tunnel leaves through another");
    scene_host_to_esp(s, 3, 200);
    check(scene_settle(s), "packet of the host leaves encrypted");
    scene_host_to_port(s, 0, 60);
    scene_host_to_port(s, 1, 42);
    check(scene_settle(s), "frames of the host leave by their port, short ones padded");
    check(!s->b->reg_errors, "no register answered with an error");
    scene_destroy(s);
}

// Settle before a receive buffer could overflow: the ports cannot wait.
static bool room(struct scene *s, unsigned words)
{
    bool ok = true;
    size_t waiting = (s->b->in[IN_RX0].count + s->b->in[IN_RX1].count + s->b->in[IN_HOST].count) * words;
    if (waiting > 400)
        ok = scene_settle(s);
    return ok;
}

static void sizes(uint64_t seed)
{
    static const size_t large[] = {1800, 2047, 2048, 2049, 3000, 4096, 4500, 6000, 8191, 8192, 8900, 8999, 9000};
    struct scene *s = scene_create(seed);
    bool out = true, in = true;
    for (unsigned v = 0; v < 8; v++)
        scene_install(s, v, v & 1, v & 2, v & 4);
    for (size_t n = 20; n <= 1600; n++) {
        scene_clear_to_esp(s, (unsigned)n % 8, n);
        out &= room(s, 26);
    }
    check(scene_settle(s) && out, "every inner size from 20 to 1,600 bytes is encrypted");
    for (size_t n = 20; n <= 1600; n++) {
        scene_esp_to_clear(s, (unsigned)n % 8, n);
        in &= room(s, 26);
    }
    check(scene_settle(s) && in, "every inner size from 20 to 1,600 bytes is decrypted");
    in = out = true;
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        scene_clear_to_esp(s, i % 8, large[i]);
        out &= scene_settle(s);
        scene_esp_to_clear(s, i % 8, large[i]);
        in &= scene_settle(s);
        scene_hairpin(s, i % 8, (i + 1) % 8, large[i]);
        in &= scene_settle(s);
    }
    check(in && out, "packets up to 9,000 bytes pass in all directions");
    check(scene_counters(s), "counters equal what was sent, in all and for each SA");
    scene_destroy(s);
}

// Random packets of all kinds at once, to and from many SAs, with idle cycles and back-pressure.
static void mix(uint64_t seed, unsigned packets, unsigned longest, unsigned idle, unsigned hold, const char *name)
{
    struct scene *s = scene_create(seed);
    bool ok = true;
    for (unsigned v = 0; v < SAS; v++)
        scene_install(s, v, bench_random(s->b) & 1, bench_random(s->b) & 1, bench_random(s->b) & 1);
    for (int i = 0; i < INPUTS; i++)
        s->b->idle_percent[i] = idle;
    for (int o = 0; o < OUTPUTS; o++)
        s->b->hold_percent[o] = hold;
    unsigned sa = 0;
    for (unsigned k = 0; k < packets; k++) {
        size_t n = 20 + bench_random(s->b) % (bench_random(s->b) & 1 ? 80 : longest - 20);
        if (bench_random(s->b) % 3)
            sa = bench_random(s->b) % SAS; // else the same again: back to back of one SA
        switch (bench_random(s->b) % 8) {
        case 0:
        case 1:
        case 2:
            scene_clear_to_esp(s, sa, n);
            break;
        case 3:
        case 4:
        case 5:
            scene_esp_to_clear(s, sa, n);
            break;
        case 6:
            scene_hairpin(s, sa, bench_random(s->b) % SAS, n);
            break;
        default:
            if (bench_random(s->b) & 1)
                scene_host_to_esp(s, sa, n);
            else
                scene_host_to_port(s, bench_random(s->b) & 1, n);
        }
        ok &= room(s, longest / 64 + 2);
    }
    ok &= scene_settle(s);
    check(ok, name);
    check(scene_counters(s), "and counters equal what was sent");
    scene_destroy(s);
}

static void overflow(uint64_t seed)
{
    struct scene *s = scene_create(seed);
    scene_install(s, 0, true, true, false);
    s->b->hold_percent[OUT_TX0] = 100;
    uint8_t inner[2048], frame[2048];
    for (unsigned k = 0; k < 200; k++) {
        size_t n = scene_inner(s, inner, LAN_HOST, remote_net(0) + 7, 1400);
        scene_send(s, 1, frame, eth_build(frame, card_mac[1], lan_mac, 0x0800, inner, n));
    }
    bench_run(s->b, 10000);
    s->b->hold_percent[OUT_TX0] = 0;
    bool ok = bench_drain(s->b);
    uint64_t lost = card_counter(s->b, DP_COUNTER_RX1_OVERFLOW), sent = s->b->out[OUT_TX0].count;
    check(ok && lost > 0 && lost + sent == 200,
          "what does not fit into the receive buffer is dropped whole and counted");
    queue_clear(&s->b->out[OUT_TX0]);
    s->out[0].seq = sent;
    s->next_id = (uint16_t)sent;
    scene_clear_to_esp(s, 0, 500);
    check(scene_settle(s), "and the next packet passes");

    bench_write(s->b, DP_CONTROL, 0);
    uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 5, 8, 6};
    scene_send(s, 0, arp, sizeof arp);
    check(scene_settle(s) && card_counter(s->b, DP_COUNTER_RX0_OVERFLOW) == 1,
          "a disabled card drops and counts what it receives");

    // the host refuses to take anything: traffic must go on
    bench_write(s->b, DP_CONTROL, 1);
    s->b->hold_percent[OUT_HOST] = 100;
    for (unsigned k = 0; k < 400; k++)
        scene_send(s, 0, arp, sizeof arp);
    scene_esp_to_clear(s, 0, 777);
    ok = scene_settle(s);
    uint64_t dropped = card_counter(s->b, DP_COUNTER_HOST_RX_DROPPED);
    s->b->hold_percent[OUT_HOST] = 0;
    ok &= bench_drain(s->b);
    check(ok && dropped > 0 && s->b->out[OUT_HOST].count + dropped == 400,
          "a host that takes nothing does not stop traffic; what it misses is counted");
    dut_host_dropped(s->b->dut, true);
    bench_tick(s->b);
    dut_host_dropped(s->b->dut, false);
    check(card_counter(s->b, DP_COUNTER_HOST_RX_DROPPED) == dropped + 1,
          "packets that the DMA block drops are counted too");
    scene_destroy(s);
}

int main(void)
{
    const char *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 1;
    printf("# SEED=%llu\n", (unsigned long long)seed);
    one_of_each(seed);
    sizes(seed + 1);
    mix(seed + 2, 3000, 300, 0, 0, "3,000 short packets of all kinds at full rate");
    mix(seed + 3, 3000, 300, 30, 50, "3,000 short packets of all kinds with idle cycles and back-pressure");
    mix(seed + 4, 1500, 1600, 0, 70, "1,500 packets of all kinds with heavy back-pressure");
    mix(seed + 5, 300, 9000, 20, 20, "300 packets up to 9,000 bytes of all kinds");
    overflow(seed + 6);
    return finish();
}
