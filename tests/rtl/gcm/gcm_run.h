/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends lists of packets through the engines, both directions at once, and compares every word that comes out. */
#ifndef GCM_RUN_H
#define GCM_RUN_H

#include "tests/rtl/gcm/gcm_model.h"

/* One packet: what goes in, what must come out. The buffers are the caller's. */
struct gcm_packet {
    struct gcm_ctx_bits ctx;
    const uint8_t *in, *out;
    size_t in_bytes, out_bytes;
    size_t out_words; /* decrypting: as many as go in */
    bool ok;          /* decrypting: the ICV is right; if not, the plaintext is not looked at */
    bool no_data;     /* the bytes that come out are not looked at, only their number */
    uint32_t user;
};

struct gcm_run {
    const struct gcm_packet *p[GCM_DIRS]; /* NULL: nothing in this direction */
    size_t n[GCM_DIRS];
    unsigned idle_percent;  /* cycles without a new word at the input */
    unsigned stall_percent; /* cycles without ready at the output */
    uint64_t *random;
};

/* Cycles are counted from the first of the run. */
struct gcm_result {
    uint64_t words_in[GCM_DIRS], words_out[GCM_DIRS];
    uint64_t first_in[GCM_DIRS], last_in[GCM_DIRS];
    uint64_t first_out[GCM_DIRS], last_out[GCM_DIRS];
    uint64_t cycles;
    uint64_t checks; /* comparisons made */
    uint64_t errors;
    char first_error[200];
};

/* Runs until everything has come out, and 100 cycles more in which nothing may. Gives up after a bound of cycles. */
void gcm_run(struct gcm_dut *d, const struct gcm_run *r, struct gcm_result *res);

#endif
