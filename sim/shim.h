// SPDX-License-Identifier: BSD-2-Clause
// The one C++ file's face: creates the Verilated card, ticks it, destroys it.
#pragma once
#include "sim/pins.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sim_shim;

// The model in reset, with undefined state drawn from the seed. dtb_mem: the file behind the device-tree ROM is fixed
// at build time and looked for from the current directory.
struct sim_shim *shim_new(uint32_t seed, struct sim_pins *pins);
// One clock: falling edge with the inputs as they are now, then the rising edge.
void shim_tick(struct sim_shim *s);
// Waveform of everything, from now on; false if this build has no tracing.
bool shim_trace_open(struct sim_shim *s, const char *path);
void shim_trace_close(struct sim_shim *s);
// Writes line coverage in Verilator's format; false if this build has none.
bool shim_coverage(const char *path);
// True once the model called $finish or an assertion stopped it.
bool shim_finished(struct sim_shim *s);
void shim_free(struct sim_shim *s);

#ifdef __cplusplus
}
#endif
