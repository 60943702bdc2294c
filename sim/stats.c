// SPDX-License-Identifier: BSD-2-Clause
#include "sim/stats.h"

#include "board.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

uint64_t sim_time_ns(const struct sim *s)
{
    if (!s->pace.hz)
        return s->cycle * 1000000000ull / BOARD_CLOCK_HZ;
    // The clock is read once per poll; within it cycles count.
    return s->pace.epoch_ns + (s->cycle - s->pace.start_cycle) * 1000000000ull / s->pace.hz;
}

static json_t *port_json(const struct sim *s, int i)
{
    const struct sim_mac *m = &s->mac[i];
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "rx_frames", (json_int_t)m->rx_frames, "rx_bytes",
                     (json_int_t)m->rx_bytes, "tx_frames", (json_int_t)m->tx_frames, "tx_bytes",
                     (json_int_t)m->tx_bytes, "tx_bad", (json_int_t)m->tx_bad, "tx_lost",
                     (json_int_t)port_send_errors(s->port[i]));
}

int stats_report(const struct sim *s, const struct sim_options *o)
{
    const struct rp_stats *rp = rp_stats(s->rp);
    double seconds = (double)s->wall_ns / 1e9, busy = (double)(s->wall_ns - s->pace.sleep_ns) / 1e9;
    double khz = busy > 0 ? (double)s->cycle / busy / 1e3 : 0;
    if (!o->quiet) {
        fprintf(stderr,
                "culvert-sim: %llu cycles in %.1f s (%s; %.0f kHz while not waiting); core asleep %.1f %% of them\n"
                "culvert-sim: outside: %llu frames in, %llu out; inside: %llu in, %llu out; TLPs: %llu in, %llu out\n",
                (unsigned long long)s->cycle, seconds, s->pace.hz ? "paced" : "free-run", khz,
                s->cycle ? 100.0 * (double)s->asleep / (double)s->cycle : 0, (unsigned long long)s->mac[0].rx_frames,
                (unsigned long long)s->mac[0].tx_frames, (unsigned long long)s->mac[1].rx_frames,
                (unsigned long long)s->mac[1].tx_frames, (unsigned long long)rp->tlps_out,
                (unsigned long long)rp->tlps_in);
        if (s->pace.slips)
            fprintf(stderr, "culvert-sim: could not keep the pace %llu times, %.1f s lost in all\n",
                    (unsigned long long)s->pace.slips, (double)s->pace.slip_ns / 1e9);
    }
    if (!o->stats)
        return 0;
    json_t *j = json_pack("{s:I,s:f,s:s,s:f,s:I,s:I,s:I,s:f,s:o,s:o,s:{s:I,s:I,s:I,s:I,s:I,s:I,s:I}}", "cycles",
                          (json_int_t)s->cycle, "seconds", seconds, "mode", s->pace.hz ? "paced" : "free-run", "khz",
                          khz, "core_asleep_cycles", (json_int_t)s->asleep, "pace_slips", (json_int_t)s->pace.slips,
                          "pace_lost_s", (double)s->pace.slip_ns / 1e9, "outside", port_json(s, 0), "inside",
                          port_json(s, 1), "pcie", "tlps_to_card", (json_int_t)rp->tlps_out, "tlps_from_card",
                          (json_int_t)rp->tlps_in, "dma_read_bytes", (json_int_t)rp->dma_read_bytes, "dma_write_bytes",
                          (json_int_t)rp->dma_write_bytes, "dma_faults", (json_int_t)rp->dma_faults, "interrupts",
                          (json_int_t)rp->interrupts, "violations", (json_int_t)rp->violations);
    // Whole or not at all, for readers while we run.
    char part[4096];
    int n = snprintf(part, sizeof part, "%s.part", o->stats);
    int rc = j && n < (int)sizeof part ? json_dump_file(j, part, JSON_INDENT(2)) : -1;
    if (rc == 0)
        rc = rename(part, o->stats);
    if (rc < 0)
        fprintf(stderr, "culvert-sim: --stats %s: %s\n", o->stats, strerror(errno));
    json_decref(j);
    return rc;
}
