// SPDX-License-Identifier: BSD-2-Clause
#include "sim/options.h"

#include "board.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void usage(FILE *f)
{
    fprintf(f,
            "usage: culvert-sim [options]\n"
            "The simulated Culvert card: its RTL in Verilator, ports on the host, PCIe as a vfio-user socket.\n"
            "\n"
            "  --firmware FILE      firmware ELF (or flash image) that the card boots\n"
            "  --socket PATH        vfio-user socket for the driver\n"
            "  --port0 SPEC         outside port: tap:NAME, unix:PATH, pcap:IN[,OUT] or none (default)\n"
            "  --port1 SPEC         inside port\n"
            "  --pcap0 FILE         capture what passes the outside port\n"
            "  --pcap1 FILE         capture what passes the inside port\n"
            "  --uart FILE          write the firmware's serial output there (default: standard error)\n"
            "  --paced              keep to the clock the board's device tree declares, %u Hz (default)\n"
            "  --hz N               paced, but at N cycles a second\n"
            "  --free-run           as fast as it goes; figures are cycles\n"
            "  --cycles N           stop after N cycles\n"
            "  --seed N             initial state of the model, completion latencies (default 1)\n"
            "  --stats FILE         write statistics as JSON at the end\n"
            "  --trace FILE[,FROM[,CYCLES]]  waveform (FST) from cycle FROM on; needs culvert-sim-debug\n"
            "  --coverage FILE      line coverage; needs culvert-sim-debug\n"
            "  --quiet              no statistics on standard error\n"
            "SIGINT and SIGTERM stop it cleanly; SIGUSR1 makes it write its statistics and go on.\n"
            "Exit code: 0, 1 for a failure, 2 for wrong use.\n",
            BOARD_PACED_CLOCK_HZ);
}

static int number(const char *option, const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    if (errno || *end || !*text || *text == '-' || *out > max) {
        fprintf(stderr, "culvert-sim: --%s \"%s\": expected a number up to %llu\n", option, text,
                (unsigned long long)max);
        return -1;
    }
    return 0;
}

// FILE[,FROM[,CYCLES]]; cuts the text at its commas.
static int trace_spec(struct sim_options *o, char *text)
{
    char *from = strchr(text, ','), *count = NULL;
    o->trace = text;
    if (!from)
        return 0;
    *from++ = 0;
    if ((count = strchr(from, ',')))
        *count++ = 0;
    if (number("trace", from, UINT64_MAX, &o->trace_from) < 0)
        return -1;
    return count ? number("trace", count, UINT64_MAX, &o->trace_cycles) : 0;
}

int options_parse(struct sim_options *o, int argc, char **argv)
{
    enum {
        FIRMWARE = 256,
        SOCKET,
        PORT0,
        PORT1,
        PCAP0,
        PCAP1,
        UART,
        PACED,
        HZ,
        FREE,
        CYCLES,
        SEED,
        STATS,
        TRACE,
        COVER
    };
    static const struct option table[] = {
        {"firmware", 1, 0, FIRMWARE}, {"socket", 1, 0, SOCKET}, {"port0", 1, 0, PORT0},
        {"port1", 1, 0, PORT1},       {"pcap0", 1, 0, PCAP0},   {"pcap1", 1, 0, PCAP1},
        {"uart", 1, 0, UART},         {"paced", 0, 0, PACED},   {"hz", 1, 0, HZ},
        {"free-run", 0, 0, FREE},     {"cycles", 1, 0, CYCLES}, {"seed", 1, 0, SEED},
        {"stats", 1, 0, STATS},       {"trace", 1, 0, TRACE},   {"coverage", 1, 0, COVER},
        {"quiet", 0, 0, 'q'},         {"help", 0, 0, 'h'},      {0, 0, 0, 0},
    };
    *o = (struct sim_options){.port = {"none", "none"}, .paced = true, .hz = BOARD_PACED_CLOCK_HZ, .seed = 1};
    int c;
    while ((c = getopt_long(argc, argv, "hq", table, NULL)) != -1) {
        uint64_t n = 0;
        switch (c) {
        case FIRMWARE:
            o->firmware = optarg;
            break;
        case SOCKET:
            o->socket = optarg;
            break;
        case PORT0:
        case PORT1:
            o->port[c - PORT0] = optarg;
            break;
        case PCAP0:
        case PCAP1:
            o->capture[c - PCAP0] = optarg;
            break;
        case UART:
            o->uart = optarg;
            break;
        case PACED:
            o->paced = true;
            break;
        case HZ:
            if (number("hz", optarg, 1000000000, &o->hz) < 0 || !o->hz)
                return 3;
            o->paced = true;
            break;
        case FREE:
            o->paced = false;
            break;
        case CYCLES:
            if (number("cycles", optarg, UINT64_MAX, &o->cycles) < 0)
                return 3;
            break;
        case SEED:
            if (number("seed", optarg, UINT32_MAX, &n) < 0)
                return 3;
            o->seed = (uint32_t)n;
            break;
        case STATS:
            o->stats = optarg;
            break;
        case TRACE:
            if (trace_spec(o, optarg) < 0)
                return 3;
            break;
        case COVER:
            o->coverage = optarg;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'h':
            usage(stdout);
            return 1;
        default:
            usage(stderr);
            return 3;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "culvert-sim: \"%s\" is not an option\n", argv[optind]);
        return 3;
    }
    return 0;
}
