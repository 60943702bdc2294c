/* SPDX-License-Identifier: BSD-2-Clause */
/* Random packets of all sizes, a new key and nonce each, 128 and 256 bits mixed, under several loads; exact rates. */
#include "tests/rtl/gcm/gcm_tests.h"

#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 1000, TOTAL = 12000, SMALL = 300, JUMBO = 9000 };

/* Mostly 1 to 300 bytes, one in twelve up to 9,000. */
static size_t random_size(uint64_t *random)
{
    const uint64_t r = gcm_random(random) >> 8;
    return 1 + (r % 12 ? (r >> 8) % SMALL : (r >> 8) % JUMBO);
}

static void run_batch(struct gcm_test *t, const char *name, size_t n, const size_t *sizes, int aad, unsigned idle,
                      unsigned stall)
{
    struct gcm_batch b;
    struct gcm_result res;
    gcm_batch_make(&b, &t->random, n, sizes, 0, aad);
    struct gcm_run r = {.p = {b.p[0], b.p[1]}, .n = {n, n}, .idle_percent = idle, .stall_percent = stall};
    gcm_test_run(t, &r, &res);
    gcm_ok(t, res.errors == 0, name, "%llu errors, first: %s", (unsigned long long)res.errors, res.first_error);
    gcm_batch_free(&b);
}

void gcm_test_random(struct gcm_test *t)
{
    static const struct load {
        unsigned idle, stall;
    } loads[] = {{0, 0}, {0, 30}, {30, 0}, {40, 40}, {0, 80}, {85, 0}};
    static size_t sizes[JUMBO];
    char name[120];

    for (size_t i = 0; i < 512; i++)
        sizes[i] = 1 + i;
    run_batch(t, "every size from 1 to 512 bytes, back to back, both directions", 512, sizes, -1, 0, 0);
    run_batch(t, "every size from 1 to 512 bytes, with idle cycles and back-pressure", 512, sizes, -1, 30, 30);
    for (int a = 0; a <= 16; a++) {
        for (size_t i = 0; i < 70; i++)
            sizes[i] = 1 + (gcm_random(&t->random) >> 8) % 350;
        snprintf(name, sizeof name, "AAD of %d bytes", a);
        run_batch(t, name, 70, sizes, a, 0, 0);
    }
    for (size_t k = 0; k < TOTAL / BATCH; k++) {
        const struct load *l = &loads[k % (sizeof loads / sizeof *loads)];
        for (size_t i = 0; i < BATCH; i++)
            sizes[i] = random_size(&t->random);
        sizes[0] = JUMBO;
        sizes[BATCH / 2] = 9216;
        snprintf(name, sizeof name, "random packets %zu to %zu, idle %u %%, back-pressure %u %%", k * BATCH,
                 (k + 1) * BATCH - 1, l->idle, l->stall);
        run_batch(t, name, BATCH, sizes, -1, l->idle, l->stall);
    }
}

static void rate_of(struct gcm_test *t, size_t bytes, size_t keys)
{
    const size_t words = (bytes + 16 + 63) / 64, n = keys > 1 ? keys : 2000 / words + 10;
    size_t *sizes = malloc(n * sizeof *sizes);
    struct gcm_batch b;
    struct gcm_result res;
    char name[120];

    if (!sizes)
        exit(2);
    for (size_t i = 0; i < n; i++)
        sizes[i] = bytes;
    gcm_batch_make(&b, &t->random, n, sizes, keys, 12);
    struct gcm_run r = {.p = {b.p[0], b.p[1]}, .n = {n, n}};
    gcm_test_run(t, &r, &res);
    for (int i = 0; i < GCM_DIRS; i++) {
        const uint64_t in = res.last_in[i] - res.first_in[i] + 1, out = res.last_out[i] - res.first_out[i] + 1;
        /* encrypting, the last packet's extra word, if it has one, follows its last input */
        const uint64_t in_words = n * words - (i == GCM_ENCRYPT && (bytes + 63) / 64 < words);
        snprintf(name, sizeof name, "%s: %zu packets of %zu bytes, %zu keys: %zu words in as many cycles",
                 i == GCM_ENCRYPT ? "encrypt" : "decrypt", n, bytes, keys, n * words);
        gcm_ok(t, !res.errors && res.words_out[i] == n * words && out == n * words && in == in_words, name,
               "%llu words out in %llu cycles, in %llu cycles; %s", (unsigned long long)res.words_out[i],
               (unsigned long long)out, (unsigned long long)in, res.first_error);
        if (bytes == 64 && keys == 1)
            printf("# latency of a %s word: %llu cycles\n", i == GCM_ENCRYPT ? "encrypted" : "decrypted",
                   (unsigned long long)(res.first_out[i] - res.first_in[i]));
    }
    gcm_batch_free(&b);
    free(sizes);
}

void gcm_test_rate(struct gcm_test *t)
{
    static const size_t sizes[] = {1, 48, 49, 64, 65, 128, 256, 512, 1024, 1500, 9000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        rate_of(t, sizes[i], 1);
        if (sizes[i] < 9000)
            rate_of(t, sizes[i], 1024);
    }
    rate_of(t, 9000, 1024);
}
