// SPDX-License-Identifier: BSD-2-Clause
// The Verilated core, one clock edge at a time. Inputs are set between steps; outputs are those after the last edge.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
struct core;

struct core_in {
    bool reset;
    uint32_t boot_addr;
    bool irq_soft, irq_timer, irq_ext;
    bool instr_gnt, instr_rvalid, instr_err;
    uint32_t instr_rdata;
    bool data_gnt, data_rvalid, data_err;
    uint32_t data_rdata;
};

struct core_bus {
    bool instr_req;
    uint32_t instr_addr;
    bool data_req, data_we;
    uint8_t data_be;
    uint32_t data_addr, data_wdata;
};

struct core_retire {
    bool valid, trap, irq, mem_we;
    uint8_t cause, rd, mem_be;
    uint32_t pc, insn, rd_value, mem_addr, mem_wdata;
};

struct core *core_new(unsigned seed); // seed: of uninitialised registers
void core_free(struct core *c);
// Applies the inputs and settles the combinational outputs: what the core asks for in this cycle.
void core_settle(struct core *c, const struct core_in *in, struct core_bus *bus);
// Clock edge. Fills *retire with the trace of the cycle that ended.
void core_edge(struct core *c, struct core_retire *retire);
bool core_asleep(const struct core *c);
#ifdef __cplusplus
}
#endif
