// SPDX-License-Identifier: BSD-2-Clause
// culvert-sim: the Verilated card with its ports, its host side and its flash.
//
// Each cycle: everything on the C side looks at the card's outputs and sets its inputs, then the clock ticks. Files and
// sockets are looked at only every POLL_CYCLES, and where nothing has moved for a while all of them by one system call
// every QUIET_CYCLES, so that an idle card runs at the model's own speed.
#include "board.h"
#include "sim/flash.h"
#include "sim/mac.h"
#include "sim/options.h"
#include "sim/pace.h"
#include "sim/pcie/attach.h"
#include "sim/pcie/rootport.h"
#include "sim/shim.h"
#include "sim/stats.h"
#include "sim/uart.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_CYCLES = 16,  // between two looks at ports and socket
    QUIET_LOOKS = 64,  // that found nothing: then
    QUIET_CYCLES = 64, // between two looks
    RESET_CYCLES = 16,
};

static volatile sig_atomic_t stop_signal, report_signal;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        report_signal = 1;
    else
        stop_signal = number;
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
    const struct rp_options options = {.seed = o->seed, .latency_min = 4, .latency_max = 12};
    char err[256];
    s->rp = rp_new(&s->pins.tlp, &options, NULL);
    if (!o->socket)
        return 0;
    s->host = attach_new(s->rp, o->socket, err, sizeof err);
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

// Is there something to read, or has a capture more frames? A descriptor in trouble counts as well.
static bool input_waits(const struct sim *s)
{
    struct pollfd p[3];
    for (int i = 0; i < 2; i++) {
        p[i] = (struct pollfd){.fd = port_fd(s->port[i]), .events = POLLIN};
        if (p[i].fd < 0 && !port_finished(s->port[i]))
            return true;
    }
    p[2] = (struct pollfd){.fd = s->host ? attach_fd(s->host) : -1, .events = POLLIN};
    return poll(p, 3, 0) != 0;
}

// Has anything gone in or out since the last call, or is it on its way?
static bool moves(struct sim *s)
{
    const struct rp_stats *tlp = rp_stats(s->rp);
    uint64_t moved = tlp->tlps_in + tlp->tlps_out;
    bool busy = false;
    for (int i = 0; i < 2; i++) {
        moved += s->mac[i].rx_frames + s->mac[i].tx_frames;
        busy = busy || mac_busy(&s->mac[i]);
    }
    busy = busy || moved != s->moved;
    s->moved = moved;
    return busy;
}

// Looks at the world outside: every POLL_CYCLES, or every QUIET_CYCLES.
static void poll_outside(struct sim *s, const struct sim_options *o)
{
    uint64_t now = sim_time_ns(s);
    if (s->quiet < QUIET_LOOKS || input_waits(s)) {
        for (int i = 0; i < 2; i++)
            mac_poll(&s->mac[i], now);
        *s->pins.link = (uint8_t)(port_link(s->port[0]) | port_link(s->port[1]) << 1);
        const bool asked = s->host && attach_poll(s->host);
        s->quiet = moves(s) || asked ? 0 : s->quiet + 1;
    } else if (moves(s)) {
        s->quiet = 0;
    }
    if (o->trace && !s->tracing && !s->traced && s->cycle >= o->trace_from)
        s->tracing = s->traced = shim_trace_open(s->shim, o->trace);
    if (s->tracing && o->trace_cycles && s->cycle >= o->trace_from + o->trace_cycles) {
        shim_trace_close(s->shim);
        s->tracing = false;
    }
    if (report_signal) {
        report_signal = 0;
        s->wall_ns = pace_now_ns() - s->start_ns;
        stats_report(s, o);
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
        uint64_t until = s->cycle + (s->quiet < QUIET_LOOKS ? POLL_CYCLES : QUIET_CYCLES);
        if (o->cycles && until > o->cycles)
            until = o->cycles;
        while (s->cycle < until)
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
    attach_free(s->host); // first: it takes its memory back from the root port
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
    sigaction(SIGUSR1, &action, NULL);
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
