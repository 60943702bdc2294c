// SPDX-License-Identifier: BSD-2-Clause
// culvert-sim's command line.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct sim_options {
    const char *firmware;   // ELF or flash image; NULL: the flash is erased
    const char *socket;     // vfio-user; NULL: no host
    const char *port[2];    // see sim/port.h
    const char *capture[2]; // pcap files or NULL
    const char *uart;       // file, or NULL: standard error
    const char *stats;      // JSON file or NULL
    const char *trace;      // FST file or NULL
    uint64_t trace_from, trace_cycles;
    const char *coverage; // file or NULL
    bool paced;
    uint64_t hz;     // paced: cycles a second
    uint64_t cycles; // stop after so many; 0: run until stopped
    uint32_t seed;
    bool quiet;
};

// 0, or the exit code to leave with plus one (--help and errors have been printed).
int options_parse(struct sim_options *o, int argc, char **argv);
