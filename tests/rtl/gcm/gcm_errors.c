/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets that are not authentic: every flipped bit, too short ones; the good packet after each must pass. */
#include "tests/rtl/gcm/gcm_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *p)
{
    if (!p)
        exit(2);
    return p;
}

/* A good packet of `bytes` bytes, sent with each bit of ciphertext, ICV and AAD flipped, good ones between. */
static void flip_all(struct gcm_test *t, size_t bytes, unsigned aad_bytes)
{
    const size_t sealed = bytes + 16, bits = 8 * (sealed + aad_bytes), n = 2 * bits;
    struct gcm_packet *p = must(calloc(n, sizeof *p));
    uint8_t *bad = must(malloc(bits * sealed));
    uint32_t hpow[32];
    struct gcm_batch b;
    struct gcm_result res;
    char name[120];

    gcm_batch_make(&b, &t->random, 1, &bytes, 1, (int)aad_bytes);
    gcm_model_hpow(b.params[0].key256, b.params[0].key, hpow);
    for (size_t i = 0; i < bits; i++) {
        struct gcm_params g = b.params[0];
        uint8_t *data = bad + i * sealed;
        p[2 * i] = p[2 * i + 1] = b.p[GCM_DECRYPT][0];
        memcpy(data, b.sealed[0], sealed);
        if (i < 8 * sealed)
            data[i / 8] ^= (uint8_t)(1U << (i % 8));
        else
            g.aad[i / 8 - sealed] ^= (uint8_t)(1U << (i % 8));
        gcm_pack_ctx(&g, hpow, &p[2 * i].ctx);
        p[2 * i].in = data;
        p[2 * i].ok = false;
        p[2 * i].no_data = true;
    }
    struct gcm_run r = {.p = {NULL, p}, .n = {0, n}};
    gcm_test_run(t, &r, &res);
    snprintf(name, sizeof name, "%zu bytes, AAD %u: each of %zu flipped bits is rejected, the packet after it passes",
             bytes, aad_bytes, bits);
    gcm_ok(t, !res.errors && res.checks >= n, name, "%llu errors, first: %s", (unsigned long long)res.errors,
           res.first_error);
    gcm_batch_free(&b);
    free(p);
    free(bad);
}

/* Packets of 1 to 16 bytes cannot be authentic, not even an ICV alone; good ones of all alignments follow. */
static void runts(struct gcm_test *t)
{
    enum { N = 160 };
    size_t sizes[N];
    struct gcm_batch b;
    struct gcm_result res;

    for (size_t i = 0; i < N; i++)
        sizes[i] = i % 2 ? 1 + (i * 7) % 130 : 0; /* 0 bytes: the runts, an ICV at most */
    gcm_batch_make(&b, &t->random, N, sizes, 0, 8);
    for (size_t i = 0; i < N; i += 2) {
        b.p[GCM_DECRYPT][i].in_bytes = 1 + i / 2 % 16;
        b.p[GCM_DECRYPT][i].ok = false;
    }
    struct gcm_run r = {.p = {NULL, b.p[GCM_DECRYPT]}, .n = {0, N}};
    gcm_test_run(t, &r, &res);
    gcm_ok(t, !res.errors, "packets of 1 to 16 bytes are rejected, the packet after each passes",
           "%llu errors, first: %s", (unsigned long long)res.errors, res.first_error);
    r.idle_percent = r.stall_percent = 40;
    gcm_test_run(t, &r, &res);
    gcm_ok(t, !res.errors, "the same with idle cycles and back-pressure", "%llu errors, first: %s",
           (unsigned long long)res.errors, res.first_error);
    gcm_batch_free(&b);
}

void gcm_test_errors(struct gcm_test *t)
{
    static const size_t sizes[] = {1, 16, 33, 48, 50, 63, 64, 112, 200, 333};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        flip_all(t, sizes[i], i % 2 ? 12 : 8);
    runts(t);
}
