// SPDX-License-Identifier: BSD-2-Clause
// Runs the directed program (directed.S), with and without wait states: it names its tests and reports values, which
// are compared with those it expects; the interpreter runs along and compares every instruction.
#include "tests/rtl/core/bench.h"
#include <stdio.h>
#include <stdlib.h>

enum { CYCLE_LIMIT = 200000 };

struct tally {
    unsigned failed;
    const char *suffix;
};

static void on_test(void *ctx, const struct bench *b)
{
    struct tally *t = ctx;
    if (!b->name[0])
        return;
    if (!b->error[0] && b->checks) {
        printf("ok - %s%s\n", b->name, t->suffix);
        return;
    }
    t->failed++;
    printf("not ok - %s%s: %s\n", b->name, t->suffix, b->error[0] ? b->error : "nothing was checked");
}

int main(int argc, char **argv)
{
    static const char *const suffix[] = {"", ", few wait states", ", many wait states"};
    const char *env = getenv("SEED");
    unsigned long seed = env ? strtoul(env, NULL, 0) : 1;
    struct tally t = {0};
    (void)argc;
    printf("# seed %lu\n", seed);
    for (unsigned i = 0; i < 3; i++) {
        struct bench *b = bench_new(seed + i);
        t.suffix = suffix[i];
        b->on_test = on_test;
        b->ctx = &t;
        b->wait_percent = 30 * i;
        bench_load(b, argv[0], "directed.bin");
        bench_start(b, 0);
        while (bench_cycle(b) && b->cycles < CYCLE_LIMIT)
            ;
        bench_compare_ram(b);
        if (b->error[0]) {
            on_test(&t, b);
        } else if (!b->done) {
            printf("not ok - the program ended%s: still in %s after %d cycles\n", t.suffix, b->name, CYCLE_LIMIT);
            t.failed++;
        }
        uint64_t awake = b->cycles - b->sleep_cycles;
        printf("# %llu instructions, %llu cycles awake, %.2f an instruction%s\n", (unsigned long long)b->retired,
               (unsigned long long)awake, (double)awake / (double)b->retired, t.suffix);
        bench_free(b);
    }
    return t.failed != 0;
}
