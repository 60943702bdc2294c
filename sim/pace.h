// SPDX-License-Identifier: BSD-2-Clause
// Keeps simulated cycles in step with the wall clock (paced mode).
#pragma once
#include <stdint.h>

struct sim_pace {
    uint64_t hz;       // cycles a second to keep to; 0: free-run
    uint64_t start_ns; // wall clock at cycle `start_cycle`
    uint64_t start_cycle;
    uint64_t epoch_ns; // the calendar's time at start_cycle
    uint64_t slips;    // times the simulator could not keep up and the clock was set anew
    uint64_t slip_ns;  // wall time lost that way
    uint64_t sleep_ns; // wall time spent waiting
};

uint64_t pace_now_ns(void);
void pace_init(struct sim_pace *p, uint64_t hz);
// Called every few cycles: sleeps while the simulation is ahead of the wall clock.
void pace_keep(struct sim_pace *p, uint64_t cycle);
