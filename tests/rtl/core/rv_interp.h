// SPDX-License-Identifier: BSD-2-Clause
// An interpreter of RV32IMC + Zicsr (machine mode) written from the specification, to check the RTL against.
// It has no notion of time: what depends on it (cycle counter, interrupt lines) the caller sets.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum rv_cause {
    RV_FETCH_FAULT = 1,
    RV_ILLEGAL = 2,
    RV_BREAKPOINT = 3,
    RV_LOAD_MISALIGNED = 4,
    RV_LOAD_FAULT = 5,
    RV_STORE_MISALIGNED = 6,
    RV_STORE_FAULT = 7,
    RV_ECALL = 11,
    RV_IRQ_SOFT = 3, // with rv_step.irq
    RV_IRQ_TIMER = 7,
    RV_IRQ_EXT = 11,
};

// Memory behind the interpreter. Each returns false for an access fault. Addresses are aligned to the access.
struct rv_memory {
    void *ctx;
    bool (*fetch)(void *ctx, uint32_t addr, uint16_t *half);
    bool (*load)(void *ctx, uint32_t addr, unsigned bytes, uint32_t *value); // value in the low bytes
    bool (*store)(void *ctx, uint32_t addr, unsigned bytes, uint32_t value);
};

struct rv_interp {
    uint32_t x[32], pc;
    bool mie, mpie; // of mstatus
    uint32_t mie_reg, mip, mtvec, mepc, mcause, mtval, mscratch;
    uint64_t mcycle, minstret;
    uint32_t mhartid, mimpid;
    struct rv_memory mem;
};

// What one instruction did.
struct rv_step {
    uint32_t pc, insn; // insn: upper half 0 if compressed
    bool trap, irq;
    unsigned cause;
    unsigned rd; // register written; 0: none
    uint32_t rd_value;
    unsigned mem_bytes; // size of its load or store; 0: none
    bool mem_store;
    uint32_t mem_addr, mem_value;
    bool wfi;
};

// Reset state; registers 0.
void rv_reset(struct rv_interp *rv, uint32_t pc);
// Executes the instruction at pc, or takes the trap it causes.
struct rv_step rv_exec(struct rv_interp *rv);
// The interrupt that would be taken now (an rv_cause), 0 if none.
unsigned rv_pending(const struct rv_interp *rv);
// Takes it.
struct rv_step rv_interrupt(struct rv_interp *rv, unsigned cause);
// True if insn reads a CSR whose value depends on the clock (mcycle, mcycleh).
bool rv_reads_clock(uint32_t insn);
