// SPDX-License-Identifier: BSD-2-Clause
// culvert-sim: the Verilated card with its ports, its host side and its flash.
//
// Each cycle: everything on the C side looks at the card's outputs and sets its inputs, then the clock ticks. Files and
// sockets are looked at only every POLL_CYCLES, so that an idle card runs at the model's own speed.
#include "board.h"
#include "sim/flash.h"
#include "sim/mac.h"
#include "sim/options.h"
#include "sim/pace.h"
#include "sim/pcie/rootport.h"
#include "sim/pcie/vfio_user_server.h"
#include "sim/shim.h"
#include "sim/stats.h"
#include "sim/uart.h"

#include "bar0_regs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_CYCLES = 16, // between two looks at ports and socket
    RESET_CYCLES = 16,
};

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
    stop_signal = number;
}

// vfio-user's side of the root port.
static void host_access(void *arg, uint32_t region, uint64_t offset, uint8_t *data, uint32_t len, bool write)
{
    struct sim *s = arg;
    int error = region == VUS_REGION_CFG ? rp_config_access(s->rp, offset, data, len, write)
                                         : rp_access(s->rp, offset, data, len, write);
    if (region == VUS_REGION_CFG || error)
        vus_done(s->host, error);
}

static int host_map(void *arg, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable)
{
    struct sim *s = arg;
    return rp_map(s->rp, iova, mem, size, readable, writable);
}

static void host_unmap(void *arg, uint64_t iova, uint64_t size)
{
    struct sim *s = arg;
    rp_unmap(s->rp, iova, size);
}

static void host_irqs(void *arg, uint32_t vectors)
{
    struct sim *s = arg;
    rp_msix_setup(s->rp, vectors);
}

static void host_reset(void *arg)
{
    struct sim *s = arg;
    rp_reset(s->rp);
}

static void access_done(void *arg, int error)
{
    struct sim *s = arg;
    vus_done(s->host, error);
}

static void card_irq(void *arg, uint32_t vector)
{
    struct sim *s = arg;
    if (s->host)
        vus_irq(s->host, vector);
}

static void say(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "culvert-sim: %s\n", text);
}

static int setup_ports(struct sim *s, const struct sim_options *o)
{
    char err[256];
    for (int i = 0; i < 2; i++) {
        s->port[i] = port_open(o->port[i], err, sizeof err);
        if (!s->port[i] || (o->capture[i] && port_capture(s->port[i], o->capture[i], err, sizeof err) < 0)) {
            fprintf(stderr, "culvert-sim: %s\n", err);
            return -1;
        }
        mac_init(&s->mac[i], s->port[i], s->pins.rx[i], s->pins.tx[i]);
    }
    return 0;
}

static int setup_host(struct sim *s, const struct sim_options *o)
{
    struct rp_config config = rp_config_default;
    const struct rp_hooks hooks = {.arg = s, .access_done = access_done, .irq = card_irq, .log = say};
    const struct vus_device device = {
        .region_size = {[VUS_REGION_BAR0] = BAR0_BYTES, [VUS_REGION_CFG] = 4096},
        .msix_vectors = 4,
        .arg = s,
        .access = host_access,
        .dma_map = host_map,
        .dma_unmap = host_unmap,
        .irqs = host_irqs,
        .reset = host_reset,
        .log = o->quiet ? NULL : say,
    };
    char err[256];
    config.seed = o->seed;
    s->rp = rp_new(&s->pins.tlp, &config, &hooks);
    if (!s->rp) {
        fprintf(stderr, "culvert-sim: out of memory\n");
        return -1;
    }
    if (!o->socket)
        return 0;
    s->host = vus_new(o->socket, &device, err, sizeof err);
    if (!s->host)
        fprintf(stderr, "culvert-sim: --socket: %s\n", err);
    return s->host ? 0 : -1;
}

static int setup(struct sim *s, const struct sim_options *o)
{
    char err[256];
    flash_init(&s->flash);
    if (o->firmware && flash_load(&s->flash, o->firmware, err, sizeof err) < 0) {
        fprintf(stderr, "culvert-sim: --firmware: %s\n", err);
        return -1;
    }
    s->uart = (struct sim_uart){.out = stderr, .prefix = "card: "};
    if (o->uart) {
        s->uart = (struct sim_uart){.out = fopen(o->uart, "w"), .prefix = ""};
        if (!s->uart.out) {
            fprintf(stderr, "culvert-sim: --uart %s: %s\n", o->uart, strerror(errno));
            return -1;
        }
    }
    s->shim = shim_new(o->seed, &s->pins);
    if (!s->shim)
        return -1;
    if (setup_ports(s, o) < 0 || setup_host(s, o) < 0)
        return -1;
    pace_init(&s->pace, o->paced ? o->hz : 0);
    return 0;
}

// Looks at the world outside: every POLL_CYCLES.
static void poll_outside(struct sim *s, const struct sim_options *o)
{
    uint64_t now = sim_time_ns(s);
    for (int i = 0; i < 2; i++)
        mac_poll(&s->mac[i], now);
    *s->pins.link = (uint8_t)(port_link(s->port[0]) | port_link(s->port[1]) << 1);
    if (s->host)
        vus_poll(s->host);
    if (o->trace && !s->tracing && !s->traced && s->cycle >= o->trace_from)
        s->tracing = s->traced = shim_trace_open(s->shim, o->trace);
    if (s->tracing && o->trace_cycles && s->cycle >= o->trace_from + o->trace_cycles) {
        shim_trace_close(s->shim);
        s->tracing = false;
    }
    pace_keep(&s->pace, s->cycle);
}

static void cycle(struct sim *s)
{
    uint64_t now = sim_time_ns(s);
    mac_tick(&s->mac[0], now);
    mac_tick(&s->mac[1], now);
    rp_tick(s->rp);
    flash_tick(&s->flash, &s->pins);
    if (*s->pins.uart_valid)
        uart_byte(&s->uart, *s->pins.uart_data);
    s->asleep += *s->pins.core_sleep;
    s->instructions += *s->pins.retire_valid;
    shim_tick(s->shim);
    s->cycle++;
}

static int run(struct sim *s, const struct sim_options *o)
{
    for (int i = 0; i < RESET_CYCLES; i++)
        shim_tick(s->shim);
    *s->pins.rst_n = 1;
    s->start_ns = pace_now_ns();
    while (!stop_signal && !shim_finished(s->shim) && (!o->cycles || s->cycle < o->cycles)) {
        poll_outside(s, o);
        for (int i = 0; i < POLL_CYCLES; i++)
            cycle(s);
    }
    s->wall_ns = pace_now_ns() - s->start_ns;
    if (shim_finished(s->shim)) {
        fprintf(stderr, "culvert-sim: the model stopped itself at cycle %llu\n", (unsigned long long)s->cycle);
        return 1;
    }
    return 0;
}

static void teardown(struct sim *s)
{
    vus_free(s->host); // first: it takes its memory back from the root port
    rp_free(s->rp);
    for (int i = 0; i < 2; i++)
        port_close(s->port[i]);
    uart_flush(&s->uart);
    if (s->uart.out && s->uart.out != stderr)
        fclose(s->uart.out);
    flash_free(&s->flash);
    shim_free(s->shim);
}

int main(int argc, char **argv)
{
    struct sim_options o;
    int rc = options_parse(&o, argc, argv);
    if (rc)
        return rc - 1;
    struct sim *s = calloc(1, sizeof *s);
    if (!s)
        return 1;
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    rc = setup(s, &o) < 0 ? 1 : run(s, &o);
    if (s->shim && o.trace && !s->traced && s->cycle >= o.trace_from) {
        fprintf(stderr, "culvert-sim: --trace: this build has no waveforms; use culvert-sim-debug\n");
        rc = 1;
    }
    if (s->shim && o.coverage && !shim_coverage(o.coverage)) {
        fprintf(stderr, "culvert-sim: --coverage: this build has no coverage; use culvert-sim-debug\n");
        rc = 1;
    }
    if (s->cycle && stats_report(s, &o) < 0)
        rc = 1;
    teardown(s);
    free(s);
    return rc;
}
