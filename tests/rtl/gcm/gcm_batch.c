/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/rtl/gcm/gcm_tests.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gcm_ok(struct gcm_test *t, bool ok, const char *name, const char *why, ...)
{
    t->count++;
    if (ok) {
        printf("ok - %s\n", name);
    } else {
        va_list ap;
        t->failed++;
        printf("not ok - %s: ", name);
        va_start(ap, why);
        vprintf(why, ap);
        va_end(ap);
        printf("\n");
    }
    fflush(stdout);
}

void gcm_test_run(struct gcm_test *t, struct gcm_run *r, struct gcm_result *res)
{
    r->random = &t->random;
    gcm_run(t->dut, r, res);
    t->checks += res->checks;
    t->cycles += res->cycles;
}

static void *must(void *p)
{
    if (!p) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return p;
}

struct key {
    uint8_t key[32];
    bool key256;
    uint32_t hpow[32];
};

static void make_key(struct key *k, uint64_t *random)
{
    gcm_random_bytes(random, k->key, 32);
    k->key256 = gcm_random(random) >> 63;
    gcm_model_hpow(k->key256, k->key, k->hpow);
}

void gcm_batch_make(struct gcm_batch *b, uint64_t *random, size_t n, const size_t *sizes, size_t keys, int aad_bytes)
{
    const size_t nkeys = keys ? keys : n;
    struct key *k = must(calloc(nkeys, sizeof *k));

    memset(b, 0, sizeof *b);
    b->n = n;
    b->params = must(calloc(n, sizeof *b->params));
    b->clear = must(calloc(n, sizeof *b->clear));
    b->sealed = must(calloc(n, sizeof *b->sealed));
    for (int i = 0; i < GCM_DIRS; i++)
        b->p[i] = must(calloc(n, sizeof *b->p[i]));
    for (size_t i = 0; i < nkeys; i++)
        make_key(&k[i], random);
    for (size_t i = 0; i < n; i++) {
        struct gcm_params *g = &b->params[i];
        const struct key *own = &k[i % nkeys];
        const size_t len = sizes[i];
        memcpy(g->key, own->key, 32);
        g->key256 = own->key256;
        gcm_random_bytes(random, g->nonce, 12);
        gcm_random_bytes(random, g->aad, 16);
        g->aad_bytes = aad_bytes >= 0 ? (uint8_t)aad_bytes : gcm_random(random) >> 63 ? 8 : 12;
        b->clear[i] = must(malloc(len + 1));
        b->sealed[i] = must(malloc(len + 16));
        gcm_random_bytes(random, b->clear[i], len);
        gcm_model_seal(g, b->clear[i], len, b->sealed[i]);
        struct gcm_packet e = {.in = b->clear[i], .in_bytes = len, .out = b->sealed[i], .out_bytes = len + 16};
        e.out_words = (len + 16 + 63) / 64;
        e.ok = true;
        e.user = (uint32_t)(gcm_random(random) >> 32);
        gcm_pack_ctx(g, own->hpow, &e.ctx);
        b->p[GCM_ENCRYPT][i] = e;
        e.in = b->sealed[i];
        e.in_bytes = len + 16;
        e.out = b->clear[i];
        e.out_bytes = len;
        b->p[GCM_DECRYPT][i] = e;
    }
    free(k);
}

void gcm_batch_free(struct gcm_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        free(b->clear[i]);
        free(b->sealed[i]);
    }
    for (int i = 0; i < GCM_DIRS; i++)
        free(b->p[i]);
    free(b->params);
    free(b->clear);
    free(b->sealed);
}
