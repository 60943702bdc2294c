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

static void put(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *port_json(const struct sim *s, int i)
{
    const struct sim_mac *m = &s->mac[i];
    json_t *j = json_object();
    put(j, "rx_frames", m->rx_frames);
    put(j, "rx_bytes", m->rx_bytes);
    put(j, "tx_frames", m->tx_frames);
    put(j, "tx_bytes", m->tx_bytes);
    put(j, "tx_bad", m->tx_bad);
    put(j, "tx_lost", port_send_errors(s->port[i]));
    return j;
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
    json_t *j = json_object(), *pcie = json_object();
    put(j, "cycles", s->cycle);
    json_object_set_new(j, "seconds", json_real(seconds));
    json_object_set_new(j, "mode", json_string(s->pace.hz ? "paced" : "free-run"));
    json_object_set_new(j, "khz", json_real(khz));
    put(j, "core_asleep_cycles", s->asleep);
    put(j, "instructions", s->instructions);
    put(j, "pace_slips", s->pace.slips);
    json_object_set_new(j, "pace_lost_s", json_real((double)s->pace.slip_ns / 1e9));
    json_object_set_new(j, "outside", port_json(s, 0));
    json_object_set_new(j, "inside", port_json(s, 1));
    put(pcie, "tlps_to_card", rp->tlps_out);
    put(pcie, "tlps_from_card", rp->tlps_in);
    put(pcie, "dma_read_bytes", rp->dma_read_bytes);
    put(pcie, "dma_write_bytes", rp->dma_write_bytes);
    put(pcie, "dma_faults", rp->dma_faults);
    put(pcie, "interrupts", rp->interrupts);
    put(pcie, "violations", rp->violations);
    json_object_set_new(j, "pcie", pcie);
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
