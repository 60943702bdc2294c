// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pace.h"

#include <string.h>
#include <time.h>

#define AHEAD_NS 500000ull    // sleep only when this far ahead: a sleep has its own cost
#define SLIP_NS  100000000ull // this far behind, the lost time is given up

uint64_t pace_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t calendar_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void pace_init(struct sim_pace *p, uint64_t hz)
{
    memset(p, 0, sizeof *p);
    p->hz = hz;
    p->start_ns = pace_now_ns();
    p->epoch_ns = calendar_ns();
}

void pace_keep(struct sim_pace *p, uint64_t cycle)
{
    if (!p->hz)
        return;
    uint64_t now = pace_now_ns();
    uint64_t due = p->start_ns + (cycle - p->start_cycle) * 1000000000ull / p->hz;
    if (due > now + AHEAD_NS) {
        struct timespec t = {.tv_sec = (time_t)(due / 1000000000ull), .tv_nsec = (long)(due % 1000000000ull)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        p->sleep_ns += due - now;
    } else if (now > due + SLIP_NS) {
        p->slips++;
        p->slip_ns += now - due;
        p->start_ns = now;
        p->start_cycle = cycle;
        p->epoch_ns = calendar_ns();
    }
}
