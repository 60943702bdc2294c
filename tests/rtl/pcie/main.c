// SPDX-License-Identifier: BSD-2-Clause
// Bench of the PCIe endpoint. SEED in the environment chooses the random numbers; an argument, the tests whose name
// contains it; --figures measures instead.
#include "tests/rtl/pcie/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const struct test *const all[] = {bar_tests, ring_tests, fault_tests, attach_tests};
    const char *only = argc > 1 ? argv[1] : "", *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 0) : 20240229;
    unsigned failed = 0, count = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("# seed %" PRIu64 "\n", seed);
    if (!strcmp(only, "--figures")) {
        struct bench *b = bench_new(seed);
        bench_figures(b);
        bench_free(b);
        return 0;
    }
    for (size_t g = 0; g < sizeof(all) / sizeof(all[0]); g++)
        for (const struct test *t = all[g]; t->name; t++) {
            if (!strstr(t->name, only))
                continue;
            struct bench *b = bench_new(seed);
            bool ok = t->run(b) && !b->why[0] && !rp_stats(b->rp)->violations;
            if (ok)
                printf("ok - pcie: %s\n", t->name);
            else
                printf("not ok - pcie: %s: %s%s\n", t->name, b->why, b->why[0] ? "" : rp_violation(b->rp));
            printf("# %" PRIu64 " cycles, %" PRIu64 " TLPs from the card, %" PRIu64 " to it\n", b->cycle,
                   rp_stats(b->rp)->tlps_in, rp_stats(b->rp)->tlps_out);
            failed += !ok;
            count++;
            bench_free(b);
        }
    return failed || !count;
}
