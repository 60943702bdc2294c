/* SPDX-License-Identifier: BSD-2-Clause */
/* The AES-GCM engines against OpenSSL: random packets, sizes, errors, rate; the key preparation. */
#include "tests/rtl/gcm/gcm_run.h"
#include "tests/rtl/gcm/gcm_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    const char *env = getenv("SEED");
    struct gcm_test t = {.seed = env ? strtoull(env, NULL, 0) : 20240607};
    t.random = t.seed * 0x9e3779b97f4a7c15ULL | 1;
    t.dut = gcm_dut_create(t.seed);
    gcm_dut_reset(t.dut);
    printf("# SEED=%llu\n", (unsigned long long)t.seed);

    gcm_test_random(&t);
    gcm_test_rate(&t);
    gcm_test_errors(&t);
    gcm_test_keyprep(&t);
    gcm_test_vectors(&t);

    gcm_ok(&t, t.checks > 300000, "at least 300,000 comparisons were made", "only %llu", (unsigned long long)t.checks);
    printf("# %llu comparisons, %llu cycles\n1..%d\n", (unsigned long long)t.checks, (unsigned long long)t.cycles,
           t.count);
    gcm_dut_destroy(t.dut);
    return t.failed ? 1 : 0;
}
