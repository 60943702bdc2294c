// SPDX-License-Identifier: BSD-2-Clause
// Random programs, each instruction compared with the interpreter. SEED picks them, RUNS their number.
//
// Memory: CODE bytes of random code (stores to it fault, so that prefetch does not matter), then data. Registers 8, 9
// and sp are mostly pointers into data; the trap handler, fixed code at 0, goes on at a random place, with some
// registers loaded afresh, so a program that has lost itself comes back. Interrupt lines change at random.
#include "tests/rtl/core/bench.h"
#include "tests/rtl/core/rv_names.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE = 0x4000, HANDLER_END = 0x100, DATA = 0x8000, PER_PROGRAM = 2500, PROGRAMS = 800 };

struct gen {
    struct bench *b;
    uint32_t at;
};

static uint32_t rnd(struct gen *g, uint32_t n)
{
    return bench_random(g->b) % n;
}
static unsigned reg(struct gen *g)
{
    return rnd(g, 3) ? 8 + rnd(g, 8) : rnd(g, 32);
}
static void put16(struct gen *g, uint32_t v)
{
    g->b->ram[g->at] = (uint8_t)v;
    g->b->ram[g->at + 1] = (uint8_t)(v >> 8);
    g->at += 2;
}
static void put32(struct gen *g, uint32_t v)
{
    put16(g, v);
    put16(g, v >> 16);
}
static uint32_t i_type(uint32_t imm, unsigned rs1, unsigned f3, unsigned rd, unsigned op)
{
    return (imm & 0xfff) << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op;
}

// li rd, value
static void li(struct gen *g, unsigned rd, uint32_t v)
{
    put32(g, ((v + 0x800) & 0xfffff000u) | rd << 7 | 0x37);
    put32(g, i_type(v, rd, 0, rd, 0x13));
}

static uint32_t value(struct gen *g)
{
    static const uint32_t corner[] = {0,           1,           2,    0xffffffffu, 0x80000000u,
                                      0x7fffffffu, 0x80000001u, 0xff, 0x100,       0xffff0000u};
    return rnd(g, 2) ? corner[rnd(g, sizeof corner / sizeof *corner)] : bench_random(g->b) >> rnd(g, 32);
}

static void gen_alu(struct gen *g)
{
    unsigned f3 = rnd(g, 8), alt = rnd(g, 2) << 30;
    if (rnd(g, 2)) {
        uint32_t imm = f3 == 1 ? rnd(g, 32) : f3 == 5 ? rnd(g, 32) | alt >> 20 : bench_random(g->b);
        put32(g, i_type(imm, reg(g), f3, reg(g), 0x13));
    } else {
        if (f3 != 0 && f3 != 5)
            alt = 0;
        put32(g, alt | reg(g) << 20 | reg(g) << 15 | f3 << 12 | reg(g) << 7 | 0x33);
    }
}

static void gen_muldiv(struct gen *g)
{
    unsigned a = reg(g), b = reg(g);
    if (rnd(g, 2)) {
        li(g, a, value(g));
        if (rnd(g, 2))
            li(g, b, value(g));
    }
    put32(g, 1u << 25 | b << 20 | a << 15 | rnd(g, 8) << 12 | reg(g) << 7 | 0x33);
}

static void gen_memory(struct gen *g)
{
    static const unsigned loads[] = {0, 1, 2, 4, 5}, base[] = {2, 8, 9};
    unsigned f3 = loads[rnd(g, 5)], rs1 = rnd(g, 16) ? base[rnd(g, 3)] : reg(g);
    uint32_t imm = bench_random(g->b);
    if (rnd(g, 8))
        imm &= ~((1u << (f3 & 3)) - 1);
    if (rnd(g, 2)) {
        put32(g, i_type(imm, rs1, f3, reg(g), 0x03));
        return;
    }
    put32(g, (imm >> 5 & 0x7f) << 25 | reg(g) << 20 | rs1 << 15 | (f3 & 3) << 12 | (imm & 31) << 7 | 0x23);
}

static void gen_branch(struct gen *g)
{
    static const unsigned cond[] = {0, 1, 4, 5, 6, 7};
    uint32_t off = rnd(g, 64) * 2;
    if (rnd(g, 4) == 0)
        off = -off;
    put32(g, (off >> 12 & 1) << 31 | (off >> 5 & 0x3f) << 25 | reg(g) << 20 | reg(g) << 15 | cond[rnd(g, 6)] << 12 |
                 (off >> 1 & 15) << 8 | (off >> 11 & 1) << 7 | 0x63);
}

static void gen_jump(struct gen *g)
{
    uint32_t off = rnd(g, 200) * 2;
    if (rnd(g, 4) == 0)
        off = -off;
    if (rnd(g, 2)) {
        put32(g, (off >> 20 & 1) << 31 | (off >> 1 & 0x3ff) << 21 | (off >> 11 & 1) << 20 | (off >> 12 & 0xff) << 12 |
                     reg(g) << 7 | 0x6f);
        return;
    }
    unsigned r = reg(g);
    if (rnd(g, 8))
        put32(g, r << 7 | 0x17); // auipc r, 0
    put32(g, i_type(off, r, 0, reg(g), 0x67));
}

static void gen_csr(struct gen *g)
{
    static const uint16_t csr[] = {0x300, 0x301, 0x304, 0x340, 0x341, 0x342, 0x343, 0x344, 0xb00, 0xb02,
                                   0xb80, 0xb82, 0xf11, 0xf12, 0xf13, 0xf14, 0xf15, 0x310, 0x320, 0x323,
                                   0xb03, 0xb1f, 0xb83, 0xb9f, 0x33f, 0x322, 0xb01, 0xba0, 0xc00, 0x306};
    unsigned f3 = 1 + rnd(g, 3) + 4 * rnd(g, 2), rs1 = rnd(g, 3) ? reg(g) : 0;
    uint32_t n = rnd(g, 16) ? csr[rnd(g, sizeof csr / sizeof *csr)] : bench_random(g->b) & 0xfff;
    if (n == 0x305) // the handler stays where it is
        n = 0x340;
    put32(g, i_type(n, rs1, f3, reg(g), 0x73));
}

static void gen_system(struct gen *g)
{
    static const uint32_t insn[] = {0x00000073, 0x00100073, 0x30200073, 0x10500073, 0x0000000f, 0x0000100f, 0x0ff0000f};
    put32(g, insn[rnd(g, sizeof insn / sizeof *insn)]);
}

// Any 16-bit code of the three quadrants: most are instructions. What chance makes too seldom is made on purpose.
static void gen_compressed(struct gen *g)
{
    uint32_t v = bench_random(g->b) & 0xffff, k = rnd(g, 100);
    unsigned r = 8 + rnd(g, 8);
    if (k < 15) { // arithmetic on the short registers
        put16(g, 0x8001 | (v & 0x0ffc) | ((v & 0xc00) == 0x800 ? v & 0x1000 : 0));
        return;
    }
    if (k < 16) { // c.addi16sp; sp is a pointer again after the next trap
        put16(g, 0x6101 | (v & 0x107c));
        return;
    }
    if (k < 18) { // auipc, addi, then c.jr or c.jalr
        put32(g, r << 7 | 0x17);
        put32(g, i_type(10 + 2 * rnd(g, 100), r, 0, r, 0x13));
        put16(g, 0x8002 | (v & 0x1000) | r << 7);
        return;
    }
    if ((v & 3) == 3)
        v ^= 1 + rnd(g, 3);
    // Fewer jumps and fewer changes of sp than chance would give.
    uint32_t kind = (v & 3) << 3 | v >> 13;
    if ((kind == 9 || kind == 13 || (kind == 11 && (v >> 7 & 31) == 2)) && rnd(g, 4))
        v = 0x4501 | (v & 0x107c); // c.li a0, imm
    put16(g, v);
}

static void gen_one(struct gen *g)
{
    uint32_t k = rnd(g, 100);
    if (k < 22)
        gen_alu(g);
    else if (k < 32)
        gen_muldiv(g);
    else if (k < 50)
        gen_memory(g);
    else if (k < 58)
        gen_branch(g);
    else if (k < 61)
        gen_jump(g);
    else if (k < 66)
        gen_csr(g);
    else if (k < 69)
        gen_system(g);
    else if (k < 95)
        gen_compressed(g);
    else if (k < 97)
        li(g, reg(g), value(g));
    else if (k < 98)
        put32(g, bench_random(g->b) | 3);
    else
        put32(g, bench_random(g->b) & 1 ? 0x10000517u : i_type(DATA >> 1, 0, 0, 8, 0x13));
}

// At 0: pointers and random values to registers, interrupts on, mret to a random place of the code.
static void gen_handler(struct gen *g)
{
    static const unsigned pointer[] = {2, 8, 9};
    g->at = 0;
    li(g, 5, BENCH_MMIO);
    for (unsigned i = 0; i < 3; i++) {
        put32(g, i_type(BENCH_RANDOM, 5, 2, pointer[i], 0x03));                    // lw
        put32(g, 18u << 20 | pointer[i] << 15 | 5 << 12 | pointer[i] << 7 | 0x13); // srli by 18: 14 bits
        put32(g, i_type(-4u, pointer[i], 7, pointer[i], 0x13));                    // andi
        put32(g, DATA | 6 << 7 | 0x37);                                            // lui x6
        put32(g, 6u << 20 | pointer[i] << 15 | pointer[i] << 7 | 0x33);            // add
    }
    put32(g, i_type(BENCH_RANDOM, 5, 2, 10 + rnd(g, 6), 0x03));
    put32(g, i_type(BENCH_RANDOM, 5, 2, 6, 0x03));
    put32(g, 18u << 20 | 6 << 15 | 5 << 12 | 6 << 7 | 0x13);
    put32(g, i_type(HANDLER_END, 6, 6, 6, 0x13)); // not into the handler
    put32(g, i_type(0x341, 6, 1, 0, 0x73));       // csrw mepc
    put32(g, 1u << 12 | 6 << 7 | 0x37);
    put32(g, i_type(-0x778u, 6, 0, 6, 0x13)); // 0x888
    if (rnd(g, 2))                            // another choice of interrupts each time
        put32(g, i_type(BENCH_RANDOM, 5, 2, 6, 0x03));
    put32(g, i_type(0x304, 6, 1, 0, 0x73)); // csrw mie
    if (rnd(g, 2))
        put32(g, i_type(0x300, 6, 2, 0, 0x73)); // csrs mstatus: MIE off by the next line, MPIE on
    put32(g, i_type(0x300, 8, 7, 0, 0x73));     // csrci mstatus, MIE
    put32(g, 0x30200073);                       // mret
}

static void make_program(struct bench *b)
{
    struct gen g = {b, 0};
    for (uint32_t i = 0; i < BENCH_RAM; i++)
        b->ram[i] = (uint8_t)bench_random(b);
    gen_handler(&g);
    if (g.at > HANDLER_END)
        abort();
    g.at = HANDLER_END;
    // Registers have no reset value: give each one, the pointers theirs.
    for (unsigned r = 1; r < 32; r++)
        li(&g, r, r == 2 || r == 8 || r == 9 ? DATA + 0x1000 + 4 * rnd(&g, 0x800) : value(&g));
    while (g.at < CODE - 16)
        gen_one(&g);
}

struct coverage {
    uint64_t retired[RV_NAMES];
    uint64_t exceptions[16];
};

static void on_step(void *ctx, const struct rv_step *s)
{
    struct coverage *c = ctx;
    int i = rv_name_index(s->insn);
    if (s->trap && !s->irq)
        c->exceptions[s->cause & 15]++;
    else if (!s->irq && i >= 0)
        c->retired[i]++;
}

// Every instruction and every exception must have been met. Returns the number missing.
static unsigned check_coverage(const struct coverage *c, unsigned long programs)
{
    static const unsigned causes[] = {1, 2, 3, 4, 5, 6, 7, 11};
    unsigned missing = 0;
    for (int i = 0; i < RV_NAMES; i++)
        if (c->retired[i] < programs / 4) {
            missing++;
            printf("not ok - random programs run %s: %llu times only\n", rv_name(i), (unsigned long long)c->retired[i]);
        }
    for (unsigned i = 0; i < sizeof causes / sizeof *causes; i++)
        if (!c->exceptions[causes[i]]) {
            missing++;
            printf("not ok - random programs cause exception %u: never\n", causes[i]);
        }
    if (!missing)
        printf("ok - random programs run every instruction and cause every exception\n");
    return missing;
}

int main(void)
{
    struct coverage cover = {0};
    static const unsigned waits[] = {0, 0, 20, 50, 80};
    const char *env = getenv("SEED"), *runs_env = getenv("RUNS");
    unsigned long seed = env ? strtoul(env, NULL, 0) : 1, runs = runs_env ? strtoul(runs_env, NULL, 0) : PROGRAMS;
    uint64_t insns = 0, traps = 0, irqs = 0, asleep = 0, cycles = 0;
    unsigned failed = 0;
    printf("# seed %lu, %lu programs\n", seed, runs);
    for (unsigned long i = 0; i < runs; i++) {
        struct bench *b = bench_new(seed * 1000003 + i);
        b->wait_percent = waits[i % 5];
        b->irq_permille = i % 3 ? 4 : 0;
        b->no_reports = true;
        b->rom_bytes = CODE;
        b->on_step = on_step;
        b->ctx = &cover;
        make_program(b);
        bench_start(b, HANDLER_END);
        unsigned naps = 0;
        while (b->retired < PER_PROGRAM && bench_cycle(b)) {
            // Nothing enabled can wake it: start it again, registers and all.
            if (b->asleep > 600) {
                if (++naps > 100)
                    break;
                bench_compare_ram(b);
                bench_start(b, HANDLER_END);
            }
        }
        bench_compare_ram(b);
        if (b->error[0]) {
            failed++;
            printf("not ok - random program %lu: after %llu instructions, %s\n", i, (unsigned long long)b->retired,
                   b->error);
        }
        insns += b->retired;
        traps += b->traps - b->interrupts;
        irqs += b->interrupts;
        asleep += b->sleep_cycles;
        cycles += b->cycles;
        bench_free(b);
    }
    printf("# %llu instructions, %llu exceptions, %llu interrupts, %llu cycles of which %llu asleep\n",
           (unsigned long long)insns, (unsigned long long)traps, (unsigned long long)irqs, (unsigned long long)cycles,
           (unsigned long long)asleep);
    if (!failed)
        printf("ok - random programs do what the interpreter does, instruction by instruction\n");
    bool enough = insns >= runs * PER_PROGRAM / 2 && traps > insns / 1000 && irqs > insns / 5000 && asleep;
    printf("%s - random programs met exceptions, interrupts and sleep%s\n", enough ? "ok" : "not ok",
           enough ? "" : ": too few to prove anything");
    failed += check_coverage(&cover, runs);
    return failed || !enough;
}
