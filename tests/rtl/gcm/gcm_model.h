/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engines must do, from OpenSSL. */
#ifndef GCM_MODEL_H
#define GCM_MODEL_H

#include "tests/rtl/gcm/gcm_shim.h"

#include <stddef.h>

/* Key, nonce and AAD of a packet, bytes in memory order. */
struct gcm_params {
    bool key256;
    uint8_t key[32];
    uint8_t nonce[12];
    uint8_t aad_bytes; /* 0 to 16 */
    uint8_t aad[16];
};

/* The eight powers that gcm_keyprep makes, in the order and form of gcm_hpow_t. */
void gcm_model_hpow(bool key256, const uint8_t key[32], uint32_t hpow[32]);
/* gcm_ctx_t of the parameters. */
void gcm_pack_ctx(const struct gcm_params *p, const uint32_t hpow[32], struct gcm_ctx_bits *out);
/* out: len bytes of ciphertext and 16 of ICV. */
void gcm_model_seal(const struct gcm_params *p, const uint8_t *in, size_t len, uint8_t *out);

/* xorshift64*, state not zero. */
uint64_t gcm_random(uint64_t *state);
void gcm_random_bytes(uint64_t *state, void *p, size_t n);

#endif
