// SPDX-License-Identifier: BSD-2-Clause
// The firmware that ships, instruction by instruction: its flash image is copied into RAM as the boot copier does it
// and run by an interpreter of the core, with the register model on its bus. What the native tests cannot show:
// start-up code, sleep and wake-up, traps, stack, and how many instructions a command takes. Then the same commands go
// to the ELF and to the native build, and their answers must be the same.
#include "dp_regs.h"
#include "firmware/services/fw.h"
#include "firmware/tools/flash_image.h"
#include "mbox_regs.h"
#include "mgmt_regs.h"
#include "tests/rtl/core/rv_interp.h"
#include "tests/unit/firmware/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STACK_BYTES       4096
#define CYCLES_PER_INSN   3
#define INSTALL_INSNS_MAX 3000
#define PAINT             0xa5

struct machine {
    struct model m;
    struct rv_interp rv;
    uint8_t ram[BOARD_RAM_BYTES];
    uint32_t fault_at; // this register answers with a bus error
    uint32_t read;     // posted entries that the test has looked at
};

static bool bus_fetch(void *ctx, uint32_t addr, uint16_t *half)
{
    struct machine *x = ctx;
    if (addr >= BOARD_RAM_BYTES)
        return false;
    memcpy(half, x->ram + addr, 2);
    return true;
}

static bool bus_load(void *ctx, uint32_t addr, unsigned bytes, uint32_t *value)
{
    struct machine *x = ctx;
    *value = 0;
    if (addr < BOARD_RAM_BYTES) {
        memcpy(value, x->ram + addr, bytes);
        return true;
    }
    return bytes == 4 && addr != x->fault_at && model_read(&x->m, addr, value);
}

static bool bus_store(void *ctx, uint32_t addr, unsigned bytes, uint32_t value)
{
    struct machine *x = ctx;
    if (addr < BOARD_RAM_BYTES) {
        memcpy(x->ram + addr, &value, bytes);
        return true;
    }
    return bytes == 4 && addr != x->fault_at && model_write(&x->m, addr, value);
}

static struct machine *machine_new(void)
{
    const char *b = getenv("B");
    char path[512], err[256] = "";
    uint32_t *words;
    size_t count;
    snprintf(path, sizeof(path), "%s/firmware/culvert.flash", b ? b : "build");
    struct machine *x = calloc(1, sizeof(*x));
    assert_non_null(x);
    if (flash_image_load(path, &words, &count, err, sizeof(err)) != 0)
        fail_msg("%s", err);
    assert_int_equal(words[0], MGMT_IMAGE_MAGIC);
    assert_int_equal(words[1], count - FLASH_HEADER_WORDS);
    assert_true(count * 4 < BOARD_RAM_BYTES);
    memset(x->ram, PAINT, sizeof(x->ram)); // what start-up does not set is not zero
    memcpy(x->ram, words + FLASH_HEADER_WORDS, words[1] * 4);
    model_init(&x->m);
    x->m.time_step = 0;
    x->m.wiping_reads = 5;
    x->m.busy_reads = 10;
    x->rv.mem = (struct rv_memory){x, bus_fetch, bus_load, bus_store};
    rv_reset(&x->rv, words[3]);
    free(words);
    return x;
}

static bool awake(const struct machine *x)
{
    const bool external = model_lines(&x->m) & x->m.irq_enable, timer = x->m.time >= x->m.timecmp;
    return (external && (x->rv.mie_reg & 1u << 11)) || (timer && (x->rv.mie_reg & 1u << 7));
}

// Runs until the core sleeps with nothing to wake it; returns the instructions it took.
static uint64_t run(struct machine *x)
{
    for (uint64_t n = 0; n < 20000000; n++) {
        const struct rv_step s = rv_exec(&x->rv);
        x->m.time += CYCLES_PER_INSN;
        assert_false(x->rv.mie); // interrupts are never taken
        if (s.wfi && !awake(x))
            return n;
    }
    fail_msg("the core does not come to rest; pc 0x%08x", x->rv.pc);
    return 0;
}

static const char *panic_text(const struct machine *x)
{
    return (const char *)x->m.panic;
}

static const struct culvert_entry *ask(struct machine *x, uint16_t opcode, const void *body, size_t length,
                                       uint64_t *insns)
{
    model_command(&x->m, opcode, x->read, body, (uint16_t)length);
    const uint64_t n = run(x);
    if (insns)
        *insns = n;
    assert_int_equal(x->m.posts, x->read + 1);
    return model_posted(&x->m, x->read++);
}

static const struct culvert_sa sa_out = {.index = 6,
                                         .dir = CULVERT_SA_OUT,
                                         .flags = CULVERT_SA_KEY256,
                                         .spi = 0x12345678,
                                         .key = {0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a},
                                         .src = 1,
                                         .dst = 2,
                                         .soft_bytes = 1u << 30};

static void boots_from_its_flash_image_and_sleeps(void **state)
{
    (void)state;
    struct machine *x = machine_new();
    const uint64_t n = run(x);
    printf("# ready after %llu instructions\n", (unsigned long long)n);
    assert_int_equal(x->m.fw_state, MBOX_FW_STATE_READY_MASK);
    assert_int_equal(x->m.fw_abi, CULVERT_ABI_VERSION);
    assert_non_null(strstr(x->m.uart, "boot: ready\n"));
    assert_int_equal(x->m.bad_accesses, 0);
    assert_true(n < 60000); // seconds, at the clock of a paced simulation
    free(x);
}

static void an_sa_install_takes_few_instructions(void **state)
{
    (void)state;
    struct machine *x = machine_new();
    uint64_t install, counters, nop;
    run(x);
    assert_int_equal(ask(x, CULVERT_OP_NOP, NULL, 0, &nop)->status, CULVERT_ST_OK);
    assert_int_equal(ask(x, CULVERT_OP_SA_INSTALL, &sa_out, sizeof(sa_out), &install)->status, CULVERT_ST_OK);
    const struct culvert_sa_ref ref = {6, CULVERT_SA_OUT, 0};
    assert_int_equal(ask(x, CULVERT_OP_SA_COUNTERS, &ref, sizeof(ref), &counters)->status, CULVERT_ST_OK);
    printf("# instructions: nop %llu, SA install %llu, SA counters %llu\n", (unsigned long long)nop,
           (unsigned long long)install, (unsigned long long)counters);
    assert_true(install < INSTALL_INSNS_MAX);
    // No copy of the key is left, not even on the stack.
    for (size_t i = 0; i + 8 <= sizeof(x->ram); i++)
        assert_memory_not_equal(x->ram + i, sa_out.key, 8);
    free(x);
}

static void sleeps_until_a_line_or_the_watchdog_s_turn(void **state)
{
    (void)state;
    struct machine *x = machine_new();
    run(x);
    const uint32_t kicks = x->m.wdt_kicks;
    assert_true(x->m.wdt_load > 0);
    assert_true(x->m.timecmp > x->m.time && x->m.timecmp - x->m.time < x->m.wdt_load / 2);
    x->m.time = x->m.timecmp;
    run(x);
    assert_true(x->m.wdt_kicks > kicks);
    model_event(&x->m, DP_EVENT_LINK_UP, 0, 1);
    assert_true(awake(x));
    run(x);
    assert_int_equal(model_posted(&x->m, x->read++)->event, DP_EVENT_LINK_UP);
    // No room: the line that tells of room is the one that wakes.
    x->m.evq_full = true;
    model_command(&x->m, CULVERT_OP_NOP, 1, NULL, 0);
    run(x);
    assert_false(awake(x));
    x->m.evq_full = false;
    assert_true(awake(x));
    run(x);
    assert_int_equal(model_posted(&x->m, x->read++)->tag, 1);
    free(x);
}

static void stopped(struct machine *x, const char *why)
{
    run(x);
    assert_int_equal(x->m.fw_state, MBOX_FW_STATE_PANIC_MASK);
    if (!strstr(panic_text(x), why))
        fail_msg("record: %.256s", panic_text(x));
    assert_non_null(strstr(x->m.uart, why));
    assert_int_equal(x->m.wdt_load, 0); // the record stays until the host has read it
    assert_int_equal(x->m.control, 0);  // nothing is forwarded any more
    assert_int_equal(x->rv.mie_reg, 0); // and nothing wakes it
    free(x);
}

static void a_bus_error_is_a_panic_with_its_place(void **state)
{
    (void)state;
    struct machine *x = machine_new();
    run(x);
    const struct culvert_enable on = {.forward = 1};
    ask(x, CULVERT_OP_ENABLE, &on, sizeof(on), NULL);
    assert_int_equal(x->m.control, 1);
    x->fault_at = DP_BASE + DP_COUNTER_LO;
    const struct culvert_counters_req r = {0, 1};
    model_command(&x->m, CULVERT_OP_COUNTERS, 9, &r, sizeof(r));
    run(x);
    assert_non_null(strstr(panic_text(x), "value 0x50000284"));
    stopped(x, "load access fault, cause 0x00000005 pc 0x0000");
}

static void an_illegal_instruction_is_a_panic(void **state)
{
    (void)state;
    struct machine *x = machine_new();
    run(x);
    memset(x->ram + (x->rv.pc & ~1u), 0, 4);
    x->m.time = x->m.timecmp;
    stopped(x, "illegal instruction");
}

static void a_stack_overflow_is_noticed(void **state)
{
    (void)state;
    struct machine *x = machine_new();
    run(x);
    memset(x->ram + BOARD_RAM_BYTES - STACK_BYTES, 0, 4);
    x->m.time = x->m.timecmp;
    stopped(x, "the stack has overflowed");
}

static void strange_hardware_is_a_panic(void **state)
{
    (void)state;
    struct machine *x = machine_new();
    x->m.dp_version = 0x00020000;
    stopped(x, "the datapath has an unknown major version");
}

// ---------------------------------------------------------------- the ELF against the native build

static uint32_t rnd(uint32_t *s)
{
    *s = *s * 1664525u + 1013904223u;
    return *s >> 9;
}

// A command that is sometimes right, sometimes slightly wrong, sometimes noise.
static uint16_t make(uint32_t *s, uint16_t *opcode, uint8_t *body)
{
    static const uint16_t length[CULVERT_OP_COUNT] = {0, 0, 16, 8, 12, 120, 4, 4, 120, 8, 12, 12, 20, 20, 4, 4};
    *opcode = (uint16_t)(rnd(s) % (CULVERT_OP_COUNT + 1));
    memset(body, 0, 240);
    struct culvert_sa sa = {.index = (uint16_t)(rnd(s) % 8),
                            .dir = (uint8_t)(rnd(s) % 2),
                            .flags = rnd(s) & CULVERT_SA_FLAGS_ALL,
                            .src = rnd(s),
                            .dst = rnd(s) | 1,
                            .sport = 4500,
                            .dport = 4500,
                            .adj = (uint16_t)(rnd(s) % (BOARD_ADJ_COUNT + 2)),
                            .window_log2 = (uint8_t)(rnd(s) % 10)};
    sa.spi = 0xab000000u | sa.index;
    const struct culvert_route route = {
        .prefix = (rnd(s) % 100) << 24, .length = 8, .kind = (uint8_t)(rnd(s) % 5), .target = (uint16_t)(rnd(s) % 70)};
    const struct culvert_flow flow = {
        .src = rnd(s) % 800, .protocol = 6, .kind = 2, .target = (uint16_t)(rnd(s) % 1030)};
    const struct culvert_sa_ref ref = {(uint16_t)(rnd(s) % 8), (uint8_t)(rnd(s) % 2), 0};
    const struct culvert_tunnel tunnel = {(uint16_t)(rnd(s) % 1100), (uint16_t)(rnd(s) % 8), 1400, 1, 0};
    if (*opcode == CULVERT_OP_SA_INSTALL || *opcode == CULVERT_OP_SA_PATH)
        memcpy(body, &sa, sizeof(sa));
    else if (*opcode == CULVERT_OP_ROUTE_SET || *opcode == CULVERT_OP_ROUTE_DEL)
        memcpy(body, &route, sizeof(route));
    else if (*opcode == CULVERT_OP_FLOW_SET || *opcode == CULVERT_OP_FLOW_DEL)
        memcpy(body, &flow, sizeof(flow));
    else if (*opcode == CULVERT_OP_SA_REMOVE || *opcode == CULVERT_OP_SA_COUNTERS)
        memcpy(body, &ref, sizeof(ref));
    else if (*opcode == CULVERT_OP_TUNNEL_SET)
        memcpy(body, &tunnel, sizeof(tunnel));
    else
        for (unsigned i = 0; i < 16; i++)
            body[i] = (uint8_t)(rnd(s) % 3);
    if (rnd(s) % 16 == 0)
        body[rnd(s) % 24] ^= (uint8_t)rnd(s);
    if (rnd(s) % 32 == 0)
        return (uint16_t)rnd(s);
    return *opcode < CULVERT_OP_COUNT ? length[*opcode] : 0;
}

static void elf_and_native_build_answer_alike(void **state)
{
    (void)state;
    const char *env = getenv("SEED");
    uint32_t s = env ? (uint32_t)strtoul(env, NULL, 0) : 4242;
    printf("# seed %u\n", s);
    struct machine *x = machine_new();
    struct model *native = calloc(1, sizeof(*native));
    struct fw *fw = calloc(1, sizeof(*fw));
    assert_true(native && fw);
    model_init(native);
    hal_use(native);
    assert_null(fw_boot(fw));
    run(x);
    unsigned good = 0;
    uint64_t longest = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        uint8_t body[240];
        uint16_t opcode;
        const uint16_t length = make(&s, &opcode, body);
        uint64_t insns;
        const struct culvert_entry *a = ask(x, opcode, body, length, &insns);
        model_command(native, opcode, i, body, length);
        while (fw_step(fw) == 0) {
        }
        assert_int_equal(native->posts, i + 1);
        struct culvert_entry b = *model_posted(native, i), c = *a;
        if (opcode == CULVERT_OP_GET_INFO) { // time differs
            memset(b.body + 8, 0, 4);
            memset(c.body + 8, 0, 4);
        }
        if (memcmp(&b, &c, sizeof(b)) != 0)
            fail_msg("command %u, opcode %u: status %u and %u", i, opcode, c.status, b.status);
        good += c.status == CULVERT_ST_OK;
        longest = insns > longest ? insns : longest;
    }
    // The tables behind them are the same, too.
    assert_memory_equal(x->m.way, native->way, sizeof(native->way));
    assert_memory_equal(x->m.stash, native->stash, sizeof(native->stash));
    assert_memory_equal(x->m.fib, native->fib, sizeof(native->fib));
    assert_memory_equal(x->m.sa, native->sa, sizeof(native->sa));
    assert_memory_equal(x->m.tunnel, native->tunnel, sizeof(native->tunnel));
    size_t deep = 0;
    while (x->ram[BOARD_RAM_BYTES - STACK_BYTES + 4 + deep] == PAINT)
        deep++;
    printf("# %u of 3000 commands were good; the longest took %llu instructions; %zu of %d bytes of stack never used\n",
           good, (unsigned long long)longest, deep, STACK_BYTES);
    assert_true(good > 500);
    assert_true(deep > STACK_BYTES / 4);
    free(x);
    free(native);
    free(fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boots_from_its_flash_image_and_sleeps),
        cmocka_unit_test(an_sa_install_takes_few_instructions),
        cmocka_unit_test(sleeps_until_a_line_or_the_watchdog_s_turn),
        cmocka_unit_test(a_bus_error_is_a_panic_with_its_place),
        cmocka_unit_test(an_illegal_instruction_is_a_panic),
        cmocka_unit_test(a_stack_overflow_is_noticed),
        cmocka_unit_test(strange_hardware_is_a_panic),
        cmocka_unit_test(elf_and_native_build_answer_alike),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("firmware image", tests, NULL, NULL);
}
