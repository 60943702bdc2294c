// SPDX-License-Identifier: BSD-2-Clause
// The core on two buses with memory, test devices and optional wait states, in lockstep with the interpreter.
// Map: RAM from 0; test devices at BENCH_MMIO; everything else is an access fault.
#pragma once
#include "tests/rtl/core/core_shim.h"
#include "tests/rtl/core/rv_interp.h"
#include <stddef.h>

enum {
    BENCH_RAM = 1 << 17,
    BENCH_IDLE_LIMIT = 1000, // cycles without a retirement, while awake, that count as hung
};
#define BENCH_MMIO 0x80000000u

// Offsets of the test devices. A program reports through them.
enum bench_reg {
    BENCH_NAME = 0x00,   // address of a string: a test of that name begins
    BENCH_ACTUAL = 0x04, // a value, to be compared with
    BENCH_EXPECT = 0x08, // this one
    BENCH_DONE = 0x0c,   // the program has ended
    BENCH_TRAP = 0x10,   // a trap that was not expected, with its mcause
    BENCH_LINES = 0x14,  // interrupt lines from now on: bit 0 external, 1 timer, 2 software
    BENCH_LATER = 0x18,  // bits 31:16 lines, after as many cycles as bits 15:0 say
    BENCH_RANDOM = 0x1c, // read: a random word
};

struct bench {
    struct core *core;
    struct rv_interp rv;
    uint64_t rng;
    unsigned wait_percent; // of cycles in which a bus does not grant or answer
    bool no_reports;       // ignore what the program writes to the test devices
    uint32_t rom_bytes;    // stores below this address are access faults
    unsigned irq_permille; // chance a cycle that the lines change by themselves
    uint8_t ram[BENCH_RAM], rv_ram[BENCH_RAM];
    // the two bus ports
    bool i_busy, i_err, d_busy, d_err;
    uint32_t i_data, d_data;
    struct core_in in;
    unsigned lines;
    unsigned later_lines, later_cycles;
    // what has happened
    uint64_t cycles, retired, traps, interrupts, sleep_cycles;
    unsigned idle, late, asleep;
    bool done;
    char error[200]; // the first difference, empty if none
    // reports of the program
    char name[64];
    uint32_t actual;
    unsigned checks;
    void (*on_test)(void *ctx, const struct bench *b);   // a test has ended: its name and checks; NULL allowed
    void (*on_step)(void *ctx, const struct rv_step *s); // an instruction or trap; NULL allowed
    void *ctx;
};

// RAM is 0 and the core in reset. Never NULL.
struct bench *bench_new(uint64_t seed);
void bench_free(struct bench *b);
uint32_t bench_random(struct bench *b);
// Copies b->ram to the interpreter, resets both to start at pc.
void bench_start(struct bench *b, uint32_t pc);
// One clock cycle. False once done or in error.
bool bench_cycle(struct bench *b);
// Compares the memories; sets error.
void bench_compare_ram(struct bench *b);
// Reads a program into RAM at 0; exits with a TAP failure if it is not there.
void bench_load(struct bench *b, const char *argv0, const char *name);
