// SPDX-License-Identifier: BSD-2-Clause
// The management subsystem with a flash, a few card registers and a real program.
#include "tests/rtl/core/mgmt_shim.h"
#include "tests/rtl/core/mix.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FLASH_WORDS = 33000, RAM_WORDS = 32768, HEADER = 4, MAGIC = 0x43565254 };

struct card {
    struct mgmt *m;
    struct mgmt_in in;
    struct mgmt_out out;
    uint32_t flash[FLASH_WORDS];
    uint32_t scratch; // card register 0x10
    uint32_t mix;     // what the program's mix() has to give
    unsigned flash_wait, flash_waited, reg_wait, reg_waited;
    char line[128];
    unsigned line_len;
    uint64_t cycles;
};
static unsigned failures;

static void result(bool ok, const char *name, const char *why)
{
    failures += !ok;
    if (ok)
        printf("ok - %s\n", name);
    else
        printf("not ok - %s: %s\n", name, why);
}

static uint32_t crc32(const uint32_t *words, uint32_t n)
{
    uint32_t crc = 0xffffffffu;
    for (uint32_t i = 0; i < 4 * n; i++) {
        crc ^= words[i / 4] >> 8 * (i % 4) & 0xff;
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static void card_register(struct card *c)
{
    bool write = c->out.reg_we;
    c->in.reg_ack = true;
    c->in.reg_err = false;
    c->in.reg_rdata = 0xdeadbeef;
    switch (c->out.reg_addr) {
    case 0x10:
        if (write)
            c->scratch = c->out.reg_wdata;
        c->in.reg_rdata = c->scratch;
        break;
    case 0x100: // lines to clear
        c->in.irq &= ~c->out.reg_wdata;
        break;
    case 0x104: // lines to raise
        c->in.irq |= c->out.reg_wdata;
        break;
    default:
        c->in.reg_err = true;
    }
}

// One cycle. True if the console has finished a line.
static bool cycle(struct card *c)
{
    struct mgmt_out *o = &c->out;
    c->in.flash_ack = c->in.reg_ack = false;
    c->in.flash_data = 0x5a5a5a5a;
    if (o->flash_req && ++c->flash_waited > c->flash_wait) {
        c->in.flash_ack = true;
        c->in.flash_data = o->flash_addr < FLASH_WORDS ? c->flash[o->flash_addr] : 0xffffffffu;
        c->flash_waited = 0;
    }
    if (o->reg_req && ++c->reg_waited > c->reg_wait) {
        card_register(c);
        c->reg_waited = 0;
    }
    mgmt_cycle(c->m, &c->in, o);
    c->cycles++;
    if (!o->uart_valid)
        return false;
    if (o->uart_data != '\n') {
        if (c->line_len + 1 < sizeof c->line)
            c->line[c->line_len++] = (char)o->uart_data;
        return false;
    }
    c->line[c->line_len] = 0;
    c->line_len = 0;
    return true;
}

static void reset(struct card *c)
{
    c->in = (struct mgmt_in){.reset = true};
    for (int i = 0; i < 3; i++)
        cycle(c);
    c->in.reset = false;
    c->line_len = 0;
    c->flash_waited = c->reg_waited = 0;
}

// Runs until booted or failed; true if done within the limit.
static bool boot(struct card *c)
{
    reset(c);
    for (unsigned i = 0; i < 400000 && !c->out.boot_done; i++)
        cycle(c);
    return c->out.boot_done;
}

static bool next_line(struct card *c, unsigned limit)
{
    while (limit--)
        if (cycle(c))
            return true;
    snprintf(c->line, sizeof c->line, "(no line)");
    return false;
}

static void expect_line(struct card *c, const char *name, const char *text)
{
    char why[300];
    next_line(c, 2000000);
    snprintf(why, sizeof why, "printed '%s', expected '%s'", c->line, text);
    result(strcmp(c->line, text) == 0, name, why);
}

static void make_header(struct card *c, uint32_t words, uint32_t entry)
{
    c->flash[0] = MAGIC;
    c->flash[1] = words;
    c->flash[2] = crc32(c->flash + HEADER, words);
    c->flash[3] = entry;
}

static uint32_t load_program(struct card *c, const char *argv0)
{
    char path[512];
    const char *slash = strrchr(argv0, '/');
    snprintf(path, sizeof path, "%.*s/mgmt_prog.bin", slash ? (int)(slash - argv0) : 1, slash ? argv0 : ".");
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(c->flash + HEADER, 1, 4 * RAM_WORDS, f) : 0;
    if (f)
        fclose(f);
    if (!n) {
        printf("not ok - program %s: not there\n", path);
        exit(1);
    }
    return (uint32_t)(n + 3) / 4;
}

static bool core_stays_in_reset(struct card *c)
{
    for (int i = 0; i < 1000; i++) {
        cycle(c);
        if (c->out.retire || c->out.reg_req)
            return false;
    }
    return true;
}

static void expect_error(struct card *c, const char *name, unsigned error)
{
    char why[80];
    bool done = boot(c);
    bool still = core_stays_in_reset(c);
    snprintf(why, sizeof why, "done %d error %u, core %s", done, c->out.boot_error, still ? "in reset" : "runs");
    result(done && c->out.boot_error == error && still, name, why);
}

static void test_boot_errors(struct card *c, uint32_t words, uint32_t entry)
{
    make_header(c, words, entry);
    c->flash[0] ^= 0x100;
    expect_error(c, "boot: bad magic", 1);
    make_header(c, words, entry);
    c->flash[1] = 0;
    expect_error(c, "boot: length 0", 2);
    c->flash[1] = RAM_WORDS + 1;
    expect_error(c, "boot: length above RAM", 2);
    c->flash[1] = 0x80000000u | words;
    expect_error(c, "boot: length far above RAM", 2);
    make_header(c, words, entry);
    c->flash[HEADER + words - 1] ^= 0x80000000u;
    expect_error(c, "boot: last bit of the payload wrong", 3);
    c->flash[HEADER + words - 1] ^= 0x80000000u;
    bool all = true;
    for (unsigned bit = 0; bit < 32; bit++) {
        make_header(c, words, entry);
        c->flash[2] ^= 1u << bit;
        all = boot(c) && c->out.boot_error == 3 && core_stays_in_reset(c) && all;
    }
    result(all, "boot: any bit of the CRC word wrong", "started all the same");
    make_header(c, words - 1, entry);
    c->flash[1] = words;
    expect_error(c, "boot: CRC of a shorter image", 3);
}

// An image that fills RAM to the last word: the boot is good, and writes nothing outside.
static void test_full(struct card *c)
{
    uint32_t *payload = c->flash + HEADER, keep[64];
    memcpy(keep, payload, sizeof keep);
    for (uint32_t i = 64; i < RAM_WORDS; i++)
        payload[i] = i * 0x9e3779b9u;
    payload[0] = 0x0000a001; // c.j 0 at 0
    make_header(c, RAM_WORDS, 0);
    bool done = boot(c);
    for (int i = 0; i < 20; i++)
        cycle(c);
    result(done && c->out.boot_error == 0 && c->out.retire_pc == 0, "boot: an image as large as RAM", "not booted");
    memcpy(payload, keep, sizeof keep);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void speed(struct card *c, const char *what)
{
    enum { RUN = 2000000 };
    double t0 = seconds();
    unsigned n = mgmt_run(c->m, RUN);
    double t = seconds() - t0;
    printf("# simulation %s: %.0f kHz (%u cycles)\n", what, n / t / 1e3, n);
}

static void measure(struct card *c)
{
    char name[33];
    unsigned long insns = 1, cycles = 0;
    next_line(c, 1000000);
    if (sscanf(c->line, "# %32[^:]: %lu instructions, %lu cycles", name, &insns, &cycles) == 3)
        printf("# %s: %lu instructions, %lu cycles, %.2f an instruction\n", name, insns, cycles,
               (double)cycles / (double)insns);
}

static void test_program(struct card *c, unsigned wait)
{
    printf("# register bus and flash with %u wait states\n", wait);
    c->flash_wait = c->reg_wait = wait;
    result(boot(c) && c->out.boot_error == 0, "boot: good image", "boot error");
    expect_line(c, "the program starts at its entry and prints", "hello from the core");
    expect_line(c, "RAM beyond the image is zero", "rest of RAM 00000000");
    expect_line(c, "multiply and divide", "mul -864197523 div -123456 rem -789");
    expect_line(c, "64-bit multiply", "mul64 320fedcb");
    expect_line(c, "a loop of divisions", "primes below 2000: 303");
    expect_line(c, "card register read and written", "card register c0ffee00");
    expect_line(c, "an error from the register bus", "missing card register: fault");
    expect_line(c, "byte write to the register bus", "byte write to the register bus: fault");
    expect_line(c, "half-word read of a device", "half word of a device: fault");
    expect_line(c, "read behind RAM", "behind RAM: fault");
    expect_line(c, "read of a missing device register", "no such device register: fault");
    expect_line(c, "write behind the devices", "behind the devices: fault");
    expect_line(c, "write behind the register bus", "behind the register bus: fault");
    expect_line(c, "software interrupt", "software interrupts 1");
    expect_line(c, "external interrupt, once, of the enabled line only", "external interrupts 1, pending 00000040");
    expect_line(c, "timer compares 64 bits", "beyond 32 bits: early 0, due 1");
    expect_line(c, "timer goes on while its interrupt is pending", "counts while due: yes");
    expect_line(c, "timer interrupts wake from sleep", "timer interrupts 5, asleep more than 90 %: yes");
    char text[32];
    snprintf(text, sizeof text, "mix %08x", c->mix);
    expect_line(c, "a mix of control code gives what it gives on the host", text);
    for (int i = 0; i < 2; i++)
        measure(c);
    expect_line(c, "the program goes to sleep", "sleep");
    for (int i = 0; i < 200; i++)
        cycle(c);
    result(c->out.sleep, "core_sleep_o while in wfi", "awake");
    speed(c, "asleep");
    c->in.irq |= 1u << 5;
    expect_line(c, "and wakes by an interrupt", "busy");
    result(!c->out.sleep, "core_sleep_o falls", "asleep");
    mgmt_run(c->m, 1);
    speed(c, "busy");
    for (unsigned i = 0; i < 6 && strncmp(c->line, "done", 4); i++)
        next_line(c, 6000000);
    result(strcmp(c->line, "done 2262") == 0, "a long computation", c->line);
    expect_line(c, "a watchdog that is kicked in time does not expire", "kicked");
    result(!c->out.wdt_reset, "no watchdog reset yet", "reset raised");
    unsigned left = 0;
    while (!c->out.wdt_reset && left < 5000) {
        cycle(c);
        left++;
    }
    result(c->out.wdt_reset && left > 100 && left <= 3000, "a watchdog that is not kicked expires in time", "not so");
    for (int i = 0; i < 5000; i++)
        cycle(c);
    result(c->out.wdt_reset, "the watchdog's request stays", "it fell");
    reset(c);
    cycle(c);
    result(!c->out.wdt_reset, "until reset", "it stayed");
}

static void test_restart(struct card *c)
{
    c->flash_wait = 1;
    reset(c);
    for (int i = 0; i < 1000; i++)
        cycle(c);
    uint32_t before = c->out.flash_addr;
    reset(c);
    cycle(c);
    uint32_t after = c->out.flash_addr;
    for (unsigned i = 0; i < 400000 && !c->out.boot_done; i++)
        cycle(c);
    result(before > 100 && after == 0 && c->out.boot_done && c->out.boot_error == 0 && next_line(c, 2000000) &&
               !strcmp(c->line, "hello from the core"),
           "boot: a reset in the middle starts again from the first word", c->line);
}

int main(int argc, char **argv)
{
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)strtoul(env, NULL, 0) : 1;
    struct card *c = calloc(1, sizeof *c);
    (void)argc;
    if (!c)
        return 1;
    printf("# seed %u\n", seed);
    c->mix = mix(1);
    c->m = mgmt_new(seed & 0x7fffffff);
    uint32_t words = load_program(c, argv[0]), entry = 16;
    test_boot_errors(c, words, entry);
    make_header(c, words, entry);
    test_restart(c);
    test_program(c, 0);
    test_program(c, 3);
    test_full(c);
    mgmt_free(c->m);
    free(c);
    return failures != 0;
}
