// SPDX-License-Identifier: BSD-2-Clause
// A program for the subsystem's bench, built with the real toolchain: console, arithmetic, timer, interrupts, register
// bus, watchdog. It prints a line a result; the bench compares them.
#include "mgmt_regs.h"
#include "tests/rtl/core/mix.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define REG(off)  (*(volatile uint32_t *)(MGMT_BASE + (off)))
#define CARD(off) (*(volatile uint32_t *)(0x50000000u + (off)))
#define CSR(op, csr, v)                                                                                                \
    __asm__ volatile(".option push\n.option arch, +zicsr\n" #op " " #csr ", %0\n.option pop" : : "rK"(v) : "memory")
#define MSTATUS_MIE 8u
#define MIE_SOFT    (1u << 3)
#define MIE_TIMER   (1u << 7)
#define MIE_EXT     (1u << 11)
enum { FAULT_LOAD = 5, FAULT_STORE = 7, PERIOD = 20000 };

static volatile unsigned ticks, softs, externals, faults, last_fault;

static int put(char c, FILE *f)
{
    (void)f;
    REG(MGMT_UART_TX) = (uint8_t)c;
    return 0;
}
static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;

static uint32_t csr_cause(void)
{
    uint32_t v;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, mcause\n.option pop" : "=r"(v));
    return v;
}
static uint32_t csr_epc(void)
{
    uint32_t v;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, mepc\n.option pop" : "=r"(v));
    return v;
}
static uint32_t csr_cycle(void)
{
    uint32_t v;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, mcycle\n.option pop" : "=r"(v));
    return v;
}
static uint32_t csr_instret(void)
{
    uint32_t v;
    __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop" : "=r"(v));
    return v;
}

static void set_deadline(uint64_t t)
{
    REG(MGMT_MTIMECMP_HI) = 0xffffffffu;
    REG(MGMT_MTIMECMP_LO) = (uint32_t)t;
    REG(MGMT_MTIMECMP_HI) = (uint32_t)(t >> 32);
}
static uint64_t now(void)
{
    uint32_t hi, lo;
    do {
        hi = REG(MGMT_MTIME_HI);
        lo = REG(MGMT_MTIME_LO);
    } while (hi != REG(MGMT_MTIME_HI));
    return (uint64_t)hi << 32 | lo;
}

__attribute__((interrupt, aligned(4))) static void trap(void)
{
    uint32_t cause = csr_cause();
    if (cause == 0x80000007u) {
        ticks++;
        set_deadline(now() + PERIOD);
    } else if (cause == 0x80000003u) {
        softs++;
        REG(MGMT_MSIP) = 0;
    } else if (cause == 0x8000000bu) {
        externals++;
        CARD(0x100) = REG(MGMT_IRQ_ACTIVE); // the card's register clears its line
    } else {
        uint32_t pc = csr_epc();
        faults++;
        last_fault = cause;
        pc += (*(volatile uint16_t *)pc & 3) == 3 ? 4 : 2;
        CSR(csrw, mepc, pc);
    }
}

static void expect_fault(const char *what, unsigned cause)
{
    printf("%s: %s\n", what, faults == 1 && last_fault == cause ? "fault" : "NO FAULT");
    faults = 0;
}

static unsigned primes(unsigned n)
{
    unsigned count = 0;
    for (unsigned i = 2; i < n; i++) {
        unsigned d = 2;
        while (d * d <= i && i % d)
            d++;
        count += d * d > i;
    }
    return count;
}

static void measure(const char *name, uint32_t insns, uint32_t cycles)
{
    printf("# %s: %lu instructions, %lu cycles\n", name, (unsigned long)insns, (unsigned long)cycles);
}

static void test_arithmetic(void)
{
    volatile int32_t a = -123456789, b = 1000;
    volatile uint64_t big = 0x123456789abcdefull;
    printf("mul %ld div %ld rem %ld\n", (long)(a * 7), (long)(a / b), (long)(a % b));
    printf("mul64 %08lx\n", (unsigned long)(big * 0x1000193u >> 32));
    printf("primes below 2000: %u\n", primes(2000));
}

static void test_bus(void)
{
    CARD(0x10) = 0xc0ffee00;
    printf("card register %08lx\n", (unsigned long)CARD(0x10));
    (void)CARD(0x7f0);
    expect_fault("missing card register", FAULT_LOAD);
    *(volatile uint8_t *)(0x50000010u) = 1;
    expect_fault("byte write to the register bus", FAULT_STORE);
    (void)*(volatile uint16_t *)(MGMT_BASE + MGMT_MTIME_LO);
    expect_fault("half word of a device", FAULT_LOAD);
    (void)*(volatile uint32_t *)0x00020000;
    expect_fault("behind RAM", FAULT_LOAD);
    (void)*(volatile uint32_t *)0x40000ffc;
    expect_fault("no such device register", FAULT_LOAD);
    *(volatile uint32_t *)0x40004000 = 0;
    expect_fault("behind the devices", FAULT_STORE);
    *(volatile uint32_t *)0x60000000 = 0;
    expect_fault("behind the register bus", FAULT_STORE);
}

static void wfi(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

static void test_interrupts(void)
{
    REG(MGMT_MSIP) = 1;
    printf("software interrupts %u\n", softs);
    REG(MGMT_IRQ_ENABLE) = 1u << 5;
    CARD(0x104) = 1u << 5 | 1u << 6; // the card raises lines 5 and 6
    while (!externals)
        ;
    printf("external interrupts %u, pending %08lx\n", externals, (unsigned long)REG(MGMT_IRQ_PENDING));
    // The upper halves count: with the lower one long past, only the write to MTIME_HI makes it due.
    set_deadline(1ull << 32 | 1);
    for (volatile int i = 0; i < 50; i++)
        ;
    unsigned early = ticks;
    REG(MGMT_MTIME_HI) = 1;
    for (volatile int i = 0; i < 50; i++)
        ;
    printf("beyond 32 bits: early %u, due %u\n", early, ticks);
    REG(MGMT_MTIME_HI) = 0;
    CSR(csrc, mstatus, MSTATUS_MIE);
    set_deadline(0);
    uint64_t due = now(), later = now();
    set_deadline(~0ull);
    CSR(csrs, mstatus, MSTATUS_MIE);
    printf("counts while due: %s\n", later > due ? "yes" : "no");
    ticks = 0;
    set_deadline(now() + PERIOD);
    uint32_t c0 = csr_cycle();
    uint64_t t0 = now();
    while (ticks < 5)
        wfi();
    uint32_t slept = (uint32_t)(now() - t0) - (csr_cycle() - c0);
    set_deadline(~0ull);
    printf("timer interrupts %u, asleep more than 90 %%: %s\n", ticks, slept > 90000 ? "yes" : "no");
}

int main(void)
{
    extern char __bss_end[];
    CSR(csrw, mtvec, (uint32_t)trap);
    CSR(csrw, mie, MIE_SOFT | MIE_TIMER | MIE_EXT);
    CSR(csrs, mstatus, MSTATUS_MIE);
    uint32_t zero = 0;
    for (volatile uint32_t *p = (uint32_t *)(uintptr_t)__bss_end; (uintptr_t)p < 0x1f000; p++)
        zero |= *p;
    printf("hello from the core\nrest of RAM %08lx\n", (unsigned long)zero);
    test_arithmetic();
    test_bus();
    test_interrupts();
    uint32_t c0 = csr_cycle(), i0 = csr_instret();
    uint32_t sum = mix(1);
    uint32_t c1 = csr_cycle(), i1 = csr_instret();
    printf("mix %08lx\n", (unsigned long)sum);
    uint32_t c2 = csr_cycle(), i2 = csr_instret();
    measure("control code", i1 - i0, c1 - c0);
    measure("a printf", i2 - i1, c2 - c1);
    printf("sleep\n");
    wfi(); // until the bench raises line 5
    printf("busy\n");
    unsigned p = primes(20000);
    printf("done %u\n", p);
    REG(MGMT_WDT_LOAD) = 3000;
    for (int i = 0; i < 10; i++) {
        for (uint64_t t = now() + 2000; now() < t;)
            ;
        REG(MGMT_WDT_KICK) = 1;
    }
    printf("kicked\n");
    for (;;)
        ;
}
