/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Figures of the AES-GCM engines, a JSON object a line: words a cycle and latency (counted in cycles, exact) and the
 * speed of the simulation (wall clock, both engines together). Words are those of the stream that carries the ICV.
 */
#include "tests/rtl/gcm/gcm_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const dir_name[GCM_DIRS] = {"encrypt", "decrypt"};

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Returns false if a word was wrong. */
static bool rate(struct gcm_test *t, size_t bytes, size_t sas)
{
    const size_t words = (bytes + 16 + 63) / 64, least = 4096 / words, n = sas > least ? sas : least;
    size_t *sizes = malloc(n * sizeof *sizes);
    struct gcm_batch b;
    struct gcm_result res;

    if (!sizes)
        return false;
    for (size_t i = 0; i < n; i++)
        sizes[i] = bytes;
    gcm_batch_make(&b, &t->random, n, sizes, sas, -1);
    struct gcm_run r = {.p = {b.p[0], b.p[1]}, .n = {n, n}};
    gcm_test_run(t, &r, &res);
    for (int i = 0; i < GCM_DIRS; i++) {
        const bool sealed_in = i == GCM_DECRYPT;
        const uint64_t first = sealed_in ? res.first_in[i] : res.first_out[i];
        const uint64_t last = sealed_in ? res.last_in[i] : res.last_out[i];
        printf("{\"figure\":\"gcm.words_per_cycle\",\"value\":%.4f,\"unit\":\"words/"
               "cycle\",\"mode\":\"cycles\",\"params\":{"
               "\"bytes\":%zu,\"sas\":%zu,\"dir\":\"%s\"}}\n",
               (double)(n * words) / (double)(last - first + 1), bytes, sas, dir_name[i]);
        if (bytes == 64 && sas == 1)
            printf("{\"figure\":\"gcm.latency\",\"value\":%llu,\"unit\":\"cycles\",\"mode\":\"cycles\",\"params\":{"
                   "\"dir\":\"%s\"}}\n",
                   (unsigned long long)(res.first_out[i] - res.first_in[i]), dir_name[i]);
    }
    gcm_batch_free(&b);
    free(sizes);
    if (res.errors)
        fprintf(stderr, "%zu bytes: %s\n", bytes, res.first_error);
    return !res.errors;
}

/* One packet again and again into both engines, nothing looked at: what the model itself costs. */
static void speed(struct gcm_test *t, size_t bytes, unsigned cycles)
{
    size_t at[GCM_DIRS] = {0, 0};
    struct gcm_batch b;
    gcm_batch_make(&b, &t->random, 1, &bytes, 1, 12);
    double start = seconds();
    for (unsigned c = 0; c < cycles; c++) {
        for (int i = 0; i < GCM_DIRS; i++) {
            const struct gcm_packet *p = b.p[i];
            if (!gcm_dut_in_ready(t->dut, (enum gcm_dir)i))
                continue;
            const size_t left = p->in_bytes - at[i];
            struct gcm_word w = {.sop = at[i] == 0, .last = left <= 64, .bytes = left < 64 ? (uint8_t)left : 64};
            for (size_t k = 0; k < w.bytes; k++)
                w.data[k] = p->in[at[i] + k];
            gcm_dut_drive(t->dut, (enum gcm_dir)i, &w, w.sop ? &p->ctx : NULL);
            at[i] = w.last ? 0 : at[i] + 64;
        }
        gcm_dut_tick(t->dut);
    }
    printf("{\"figure\":\"gcm.sim_speed\",\"value\":%.0f,\"unit\":\"kHz\",\"mode\":\"wall\",\"params\":{\"load\":"
           "\"busy\",\"bytes\":%zu}}\n",
           cycles / (seconds() - start) / 1e3, bytes);
    gcm_batch_free(&b);
}

static void speed_idle(struct gcm_test *t, unsigned cycles)
{
    for (int i = 0; i < GCM_DIRS; i++)
        gcm_dut_idle(t->dut, (enum gcm_dir)i);
    for (int c = 0; c < 200; c++)
        gcm_dut_tick(t->dut);
    double start = seconds();
    for (unsigned c = 0; c < cycles; c++)
        gcm_dut_tick(t->dut);
    printf("{\"figure\":\"gcm.sim_speed\",\"value\":%.0f,\"unit\":\"kHz\",\"mode\":\"wall\",\"params\":{\"load\":"
           "\"idle\"}}\n",
           cycles / (seconds() - start) / 1e3);
}

int main(void)
{
    static const size_t sizes[] = {64, 65, 128, 256, 512, 1024, 1500, 9000};
    struct gcm_test t = {.seed = 1, .random = 0x9e3779b97f4a7c15ULL};
    bool good = true;

    t.dut = gcm_dut_create(t.seed);
    gcm_dut_reset(t.dut);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        good = rate(&t, sizes[i], 1) && rate(&t, sizes[i], 1024) && good;
    speed_idle(&t, 3000000);
    speed(&t, 9000, 200000);
    gcm_dut_reset(t.dut);
    for (int i = 0; i < GCM_DIRS; i++)
        gcm_dut_set_ready(t.dut, (enum gcm_dir)i, true);
    speed(&t, 64, 200000);
    gcm_dut_destroy(t.dut);
    return good ? 0 : 1;
}
