// SPDX-License-Identifier: BSD-2-Clause
// Cycles that things take with a host that answers at once and a link that never waits.
#include "bar0_regs.h"
#include "tests/rtl/pcie/bench.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PACKETS = 200 };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double rx_cycles(struct bench *b, unsigned len)
{
    const struct rp_options calm = {0};
    bench_start(b, &calm, 1, 2);
    rx_ring(b, 11);
    bar_write(b, BAR0_RXQ_CONFIG, BAR0_RXQ_CONFIG_ENABLE_MASK | 11 << 8 | 9); // more slots than packets
    bar_read(b, BAR0_ID);
    memset(b->model, 0, MEM_BYTES);
    for (unsigned i = 0; i < PACKETS; i++)
        rx_packet(b, len, false);
    uint64_t start = b->cycle;
    while (b->source_count)
        bench_tick(b);
    return (double)(b->cycle - start) / PACKETS;
}

static double tx_cycles(struct bench *b, unsigned len, unsigned latency)
{
    const struct rp_options calm = {.latency_min = latency, .latency_max = latency};
    bench_start(b, &calm, 1, 2);
    tx_ring(b, 11, true);
    bar_write(b, BAR0_TXQ_CONFIG, BAR0_TXQ_CONFIG_ENABLE_MASK | 11 << 8 | 8);
    for (unsigned i = 0; i < PACKETS; i++) {
        uint8_t *slot = b->mem + b->tx_base + 2048 * (uint64_t)i;
        uint32_t header[3] = {len, 0, 0};
        memcpy(slot, header, sizeof(header));
    }
    b->tx_producer = PACKETS;
    tx_doorbell(b);
    uint64_t start = b->cycle;
    unsigned n = 0;
    while (n < PACKETS) {
        *b->pin.fh_ready = 1;
        pcie_shim_settle(b->shim);
        n += *b->pin.fh_valid && *b->pin.fh_last;
        pcie_shim_edge(b->shim);
        rp_tick(b->rp);
        b->cycle++;
    }
    return (double)(b->cycle - start) / PACKETS;
}

void bench_figures(struct bench *b)
{
    static const unsigned sizes[] = {64, 512, 1500, 1984};
    const struct rp_options calm = {0};
    bench_start(b, &calm, 1, 2);
    bench_settle(b);
    uint64_t start = b->cycle;
    bar_read(b, BAR0_ID);
    printf("# BAR read of 4 bytes: %u cycles, from the request on the pins to the answer taken from them\n",
           (unsigned)(b->cycle - start));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        printf("# %4u bytes: to the host %.1f cycles a packet; from the host %.1f (host answers at once), %.1f (100 "
               "cycles)\n",
               sizes[i], rx_cycles(b, sizes[i]), tx_cycles(b, sizes[i], 0), tx_cycles(b, sizes[i], 100));
    bench_start(b, &calm, 1, 2);
    enum { IDLE = 5000000 };
    double t = seconds();
    for (unsigned i = 0; i < IDLE; i++) {
        pcie_shim_settle(b->shim);
        pcie_shim_edge(b->shim);
        rp_tick(b->rp);
    }
    printf("# idle: %.0f kHz with the root port, by processor time\n", IDLE / 1e3 / (seconds() - t));
}
