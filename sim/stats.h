// SPDX-License-Identifier: BSD-2-Clause
// The simulator's root object, and what it reports at the end.
#pragma once
#include "sim/flash.h"
#include "sim/mac.h"
#include "sim/options.h"
#include "sim/pace.h"
#include "sim/pcie/attach.h"
#include "sim/pcie/rootport.h"
#include "sim/shim.h"
#include "sim/uart.h"

struct sim {
    struct sim_pins pins;
    struct sim_shim *shim;
    struct sim_port *port[2];
    struct sim_mac mac[2];
    struct sim_flash flash;
    struct sim_uart uart;
    struct sim_pace pace;
    struct rp *rp;
    struct attach *host; // NULL: no socket
    uint64_t cycle, asleep, instructions;
    uint64_t start_ns, wall_ns;
    uint64_t moved; // frames and TLPs, at the last look
    unsigned quiet; // looks since anything moved
    bool tracing, traced;
};

// Time stamps of captures: the wall clock's when paced, else cycles at the board's nominal frequency.
uint64_t sim_time_ns(const struct sim *s);
// Writes the statistics to the file of --stats and in words to standard error. 0, or -1 with a message.
int stats_report(const struct sim *s, const struct sim_options *o);
