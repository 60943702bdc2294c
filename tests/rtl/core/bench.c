// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/core/bench.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t bench_random(struct bench *b)
{
    b->rng ^= b->rng << 13;
    b->rng ^= b->rng >> 7;
    b->rng ^= b->rng << 17;
    return (uint32_t)(b->rng * 0x2545f4914f6cdd1du >> 32);
}

static void fail(struct bench *b, const char *fmt, ...)
{
    va_list ap;
    if (b->error[0])
        return;
    va_start(ap, fmt);
    vsnprintf(b->error, sizeof b->error, fmt, ap);
    va_end(ap);
}

static uint32_t get_word(const uint8_t *ram, uint32_t addr)
{
    uint32_t v;
    memcpy(&v, ram + (addr & (BENCH_RAM - 4)), 4);
    return v;
}

// The interpreter's memory. Device reads give what the core has just been given; device writes are the core's.
static bool rv_fetch(void *ctx, uint32_t addr, uint16_t *half)
{
    struct bench *b = ctx;
    if (addr >= BENCH_RAM)
        return false;
    memcpy(half, b->rv_ram + addr, 2);
    return true;
}

static bool device_exists(uint32_t addr, unsigned bytes, bool store)
{
    uint32_t off = addr - BENCH_MMIO;
    return bytes == 4 && off <= BENCH_RANDOM && store == (off != BENCH_RANDOM);
}

static bool rv_load(void *ctx, uint32_t addr, unsigned bytes, uint32_t *value)
{
    struct bench *b = ctx;
    if (addr < BENCH_RAM) {
        memcpy(value, b->rv_ram + addr, bytes);
        return true;
    }
    *value = b->d_data;
    return device_exists(addr, bytes, false);
}

static bool rv_store(void *ctx, uint32_t addr, unsigned bytes, uint32_t value)
{
    struct bench *b = ctx;
    if (addr >= BENCH_RAM)
        return device_exists(addr, bytes, true);
    if (addr < b->rom_bytes)
        return false;
    memcpy(b->rv_ram + addr, &value, bytes);
    return true;
}

struct bench *bench_new(uint64_t seed)
{
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->rng = seed * 0x9e3779b97f4a7c15u | 1;
    for (int i = 0; i < 8; i++)
        bench_random(b);
    b->core = core_new(bench_random(b) & 0x7fffffff);
    b->rv.mem = (struct rv_memory){b, rv_fetch, rv_load, rv_store};
    return b;
}

void bench_free(struct bench *b)
{
    core_free(b->core);
    free(b);
}

void bench_start(struct bench *b, uint32_t pc)
{
    struct core_bus bus;
    struct core_retire r;
    memcpy(b->rv_ram, b->ram, sizeof b->ram);
    rv_reset(&b->rv, pc);
    b->in = (struct core_in){.reset = true, .boot_addr = pc};
    b->i_busy = b->d_busy = b->done = false;
    b->idle = b->late = b->asleep = b->lines = b->later_cycles = 0;
    for (int i = 0; i < 3; i++) {
        core_settle(b->core, &b->in, &bus);
        if (bus.instr_req || (i && bus.data_req))
            fail(b, "a request during reset");
        core_edge(b->core, &r);
    }
    b->in.reset = false;
}

static void report(struct bench *b, uint32_t off, uint32_t v)
{
    switch (off) {
    case BENCH_NAME:
        if (b->on_test)
            b->on_test(b->ctx, b);
        snprintf(b->name, sizeof b->name, "%s", v < BENCH_RAM - sizeof b->name ? (char *)b->ram + v : "?");
        b->checks = 0;
        break;
    case BENCH_ACTUAL:
        b->actual = v;
        break;
    case BENCH_EXPECT:
        b->checks++;
        if (b->actual != v)
            fail(b, "%s, check %u: %08x, expected %08x", b->name, b->checks, b->actual, v);
        break;
    case BENCH_DONE:
        if (b->on_test)
            b->on_test(b->ctx, b);
        b->done = true;
        break;
    case BENCH_TRAP:
        fail(b, "%s: unexpected trap, mcause %08x", b->name, v);
        break;
    case BENCH_LINES:
        b->lines = v & 7;
        break;
    case BENCH_LATER:
        b->later_lines = v >> 16 & 7;
        b->later_cycles = v & 0xffff;
        break;
    default:
        break;
    }
}

static void data_access(struct bench *b, const struct core_bus *bus)
{
    b->d_busy = true;
    b->d_err = false;
    b->d_data = bench_random(b);
    if (bus->data_addr < BENCH_RAM) {
        if (!bus->data_we)
            b->d_data = get_word(b->ram, bus->data_addr);
        else if (bus->data_addr < b->rom_bytes)
            b->d_err = true;
        else
            for (unsigned i = 0; i < 4; i++)
                if (bus->data_be >> i & 1)
                    b->ram[(bus->data_addr & ~3u) + i] = (uint8_t)(bus->data_wdata >> 8 * i);
        return;
    }
    b->d_err = !device_exists(bus->data_addr & ~3u, bus->data_be == 15 ? 4 : 1, bus->data_we);
    if (!b->d_err && bus->data_we && !b->no_reports)
        report(b, bus->data_addr - BENCH_MMIO, bus->data_wdata);
}

static bool go(struct bench *b)
{
    return !b->wait_percent || bench_random(b) % 100 >= b->wait_percent;
}

static void check_store(struct bench *b, const struct core_retire *r, const struct rv_step *s)
{
    unsigned be = ((1u << s->mem_bytes) - 1) << (s->mem_addr & 3);
    if (!s->mem_bytes) {
        if (r->mem_be)
            fail(b, "pc %08x insn %08x: memory access that should not be", r->pc, r->insn);
        return;
    }
    if (r->mem_be != (be & 15) || r->mem_we != s->mem_store || r->mem_addr != s->mem_addr)
        fail(b, "pc %08x insn %08x: %s %08x be %x, expected %08x be %x", r->pc, r->insn, r->mem_we ? "store" : "load",
             r->mem_addr, r->mem_be, s->mem_addr, be);
    for (unsigned i = 0; s->mem_store && i < s->mem_bytes; i++)
        if ((uint8_t)(r->mem_wdata >> 8 * ((s->mem_addr & 3) + i)) != (uint8_t)(s->mem_value >> 8 * i))
            fail(b, "pc %08x insn %08x: stores %08x, expected %08x", r->pc, r->insn, r->mem_wdata, s->mem_value);
}

// mip, as the interrupt lines of this cycle make it
static uint32_t line_mip(const struct bench *b)
{
    return (b->in.irq_ext ? 1u << RV_IRQ_EXT : 0) | (b->in.irq_timer ? 1u << RV_IRQ_TIMER : 0) |
           (b->in.irq_soft ? 1u << RV_IRQ_SOFT : 0);
}

static void compare(struct bench *b, const struct core_retire *r)
{
    b->rv.mip = line_mip(b);
    unsigned pending = rv_pending(&b->rv);
    struct rv_step s;
    if (r->irq) {
        b->interrupts++;
        if (!r->trap || !pending) {
            fail(b, "pc %08x: interrupt %u taken, none is enabled", r->pc, r->cause);
            return;
        }
        s = rv_interrupt(&b->rv, pending);
    } else {
        // An instruction that takes several cycles may have begun before the line rose; the next may not.
        b->late = pending ? b->late + 1 : 0;
        if (b->late > 1)
            fail(b, "pc %08x: interrupt %u not taken", r->pc, pending);
        s = rv_exec(&b->rv);
    }
    if (r->irq)
        b->late = 0;
    if (s.trap)
        b->traps++;
    if (r->pc != s.pc)
        fail(b, "pc %08x, expected %08x", r->pc, s.pc);
    else if (r->trap != s.trap || (s.trap && r->cause != s.cause))
        fail(b, "pc %08x insn %08x: trap %d cause %u, expected %d cause %u", r->pc, r->insn, r->trap, r->cause, s.trap,
             s.cause);
    else if (!s.irq && !(s.trap && s.cause == RV_FETCH_FAULT) && r->insn != s.insn)
        fail(b, "pc %08x: insn %08x, expected %08x", r->pc, r->insn, s.insn);
    else if (r->rd != s.rd)
        fail(b, "pc %08x insn %08x: writes x%u, expected x%u", r->pc, r->insn, r->rd, s.rd);
    else if (s.rd && rv_reads_clock(s.insn) && !s.trap)
        b->rv.x[s.rd] = r->rd_value;
    else if (s.rd && r->rd_value != s.rd_value)
        fail(b, "pc %08x insn %08x: x%u = %08x, expected %08x", r->pc, r->insn, s.rd, r->rd_value, s.rd_value);
    check_store(b, r, &s);
    if (b->on_step)
        b->on_step(b->ctx, &s);
}

static void move_lines(struct bench *b)
{
    if (b->later_cycles && --b->later_cycles == 0)
        b->lines = b->later_lines;
    if (b->irq_permille && bench_random(b) % 1000 < b->irq_permille)
        b->lines = bench_random(b) & 7;
    // Wake a sleeper that waits for long. One that has nothing enabled in mie sleeps for ever, which is right.
    if (b->asleep > 200 && b->irq_permille)
        b->lines = 7;
    b->in.irq_ext = b->lines & 1;
    b->in.irq_timer = b->lines & 2;
    b->in.irq_soft = b->lines & 4;
}

bool bench_cycle(struct bench *b)
{
    struct core_bus bus;
    struct core_retire r;
    struct core_in *in = &b->in;
    move_lines(b);
    in->instr_gnt = go(b);
    in->data_gnt = go(b);
    in->instr_rvalid = b->i_busy && go(b);
    in->data_rvalid = b->d_busy && go(b);
    in->instr_rdata = in->instr_rvalid ? b->i_data : bench_random(b);
    in->instr_err = in->instr_rvalid && b->i_err;
    in->data_rdata = in->data_rvalid ? b->d_data : bench_random(b);
    in->data_err = in->data_rvalid && b->d_err;
    core_settle(b->core, in, &bus);
    if (b->asleep && (bus.instr_req || bus.data_req))
        fail(b, "a request while asleep");
    if (in->instr_rvalid)
        b->i_busy = false;
    if (in->data_rvalid)
        b->d_busy = false;
    if ((bus.instr_req && b->i_busy) || (bus.data_req && b->d_busy))
        fail(b, "cycle %llu: a second request is outstanding", (unsigned long long)b->cycles);
    if (bus.instr_req && in->instr_gnt) {
        b->i_busy = true;
        b->i_err = bus.instr_addr >= BENCH_RAM;
        b->i_data = b->i_err ? bench_random(b) : get_word(b->ram, bus.instr_addr);
    }
    if (bus.data_req && in->data_gnt)
        data_access(b, &bus);
    core_edge(b->core, &r);
    b->cycles++;
    b->idle++;
    if (r.valid) {
        b->idle = 0;
        b->retired++;
        compare(b, &r);
    }
    b->asleep = core_asleep(b->core) ? b->asleep + 1 : 0;
    if (b->asleep) {
        b->idle = 0;
        b->sleep_cycles++;
        if (b->asleep > 2 && line_mip(b) & b->rv.mie_reg)
            fail(b, "asleep with an enabled interrupt pending");
    }
    if (b->idle > BENCH_IDLE_LIMIT)
        fail(b, "hung at pc %08x", b->rv.pc);
    return !b->done && !b->error[0];
}

void bench_compare_ram(struct bench *b)
{
    for (uint32_t i = 0; i < BENCH_RAM; i++)
        if (b->ram[i] != b->rv_ram[i]) {
            fail(b, "RAM differs at %05x", i);
            return;
        }
}

void bench_load(struct bench *b, const char *argv0, const char *name)
{
    char path[512];
    const char *slash = strrchr(argv0, '/');
    int dir = slash ? (int)(slash - argv0) : 1;
    snprintf(path, sizeof path, "%.*s/%s", dir, slash ? argv0 : ".", name);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(b->ram, 1, sizeof b->ram, f) : 0;
    if (f)
        fclose(f);
    if (!n) {
        printf("not ok - program %s: not there\n", path);
        exit(1);
    }
}
