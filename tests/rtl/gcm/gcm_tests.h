/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of test_gcm share. */
#ifndef GCM_TESTS_H
#define GCM_TESTS_H

#include "tests/rtl/gcm/gcm_run.h"

struct gcm_test {
    struct gcm_dut *dut;
    uint64_t seed, random;
    uint64_t checks, cycles;
    int count, failed;
};

/* A TAP line; the reason is printed when it failed. */
__attribute__((format(printf, 4, 5))) void gcm_ok(struct gcm_test *t, bool ok, const char *name, const char *why, ...);
/* gcm_run, adding to the counts of the test. */
void gcm_test_run(struct gcm_test *t, struct gcm_run *r, struct gcm_result *res);

/* Packets with their buffers, in both directions: [GCM_DECRYPT] is the inverse of [GCM_ENCRYPT]. */
struct gcm_batch {
    struct gcm_packet *p[GCM_DIRS];
    struct gcm_params *params;
    uint8_t **clear, **sealed; /* a buffer each a packet; sealed with the ICV */
    size_t n;
};

/* n packets; sizes[i] payload bytes; keys different keys in turn (0: a new one each); aad_bytes < 0: 8 and 12 by
 * chance. */
void gcm_batch_make(struct gcm_batch *b, uint64_t *random, size_t n, const size_t *sizes, size_t keys, int aad_bytes);
void gcm_batch_free(struct gcm_batch *b);

void gcm_test_random(struct gcm_test *t);
void gcm_test_rate(struct gcm_test *t);
void gcm_test_errors(struct gcm_test *t);
void gcm_test_keyprep(struct gcm_test *t);
void gcm_test_vectors(struct gcm_test *t);

#endif
