/* SPDX-License-Identifier: BSD-2-Clause */
/* C face of the simulated bench top gcm_tb. One instance a process. */
#ifndef GCM_SHIM_H
#define GCM_SHIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum gcm_dir { GCM_ENCRYPT, GCM_DECRYPT, GCM_DIRS };

/* One word of a packet; bytes beyond `bytes` are what the wires carry. */
struct gcm_word {
    bool sop, last, ok;
    uint8_t bytes;
    uint8_t data[64];
    uint32_t user;
};

/* gcm_ctx_t of the RTL as 48 little-endian 32-bit words, made by gcm_pack_ctx. */
struct gcm_ctx_bits {
    uint32_t w[48];
};

struct gcm_dut;

struct gcm_dut *gcm_dut_create(uint64_t seed);
void gcm_dut_destroy(struct gcm_dut *d);
void gcm_dut_reset(struct gcm_dut *d);
/* One clock cycle; everything read afterwards is the state before the next edge. */
void gcm_dut_tick(struct gcm_dut *d);

/* The word stays on the input until changed. ctx may be NULL: unchanged. */
void gcm_dut_drive(struct gcm_dut *d, enum gcm_dir dir, const struct gcm_word *w, const struct gcm_ctx_bits *ctx);
void gcm_dut_idle(struct gcm_dut *d, enum gcm_dir dir);
bool gcm_dut_in_ready(const struct gcm_dut *d, enum gcm_dir dir);
void gcm_dut_set_ready(struct gcm_dut *d, enum gcm_dir dir, bool ready);
bool gcm_dut_out_valid(const struct gcm_dut *d, enum gcm_dir dir);
void gcm_dut_out(const struct gcm_dut *d, enum gcm_dir dir, struct gcm_word *w);

void gcm_dut_keyprep(struct gcm_dut *d, bool start, bool key256, const uint8_t key[32], bool wipe);
bool gcm_dut_keyprep_busy(const struct gcm_dut *d);
bool gcm_dut_keyprep_done(const struct gcm_dut *d);
void gcm_dut_keyprep_hpow(const struct gcm_dut *d, uint32_t hpow[32]);

#ifdef __cplusplus
}
#endif
#endif
