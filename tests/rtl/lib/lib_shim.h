// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
struct lib;
struct lib_in {
    unsigned dut, len, source;
    bool valid, sop, last, sel, drop, check, out_ready;
    uint8_t empty;
    uint8_t data[64];
};
struct lib_out {
    bool ready, valid, sop, last, lost;
    uint8_t empty;
    unsigned len;
    uint8_t data[64];
};
struct lib *lib_create(uint64_t seed);
void lib_destroy(struct lib *l);
void lib_cycle(struct lib *l, const struct lib_in *in,
               struct lib_out *out); // out: what the cycle's handshakes see; then the clock
#ifdef __cplusplus
}
#endif
