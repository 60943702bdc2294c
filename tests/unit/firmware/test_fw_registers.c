// SPDX-License-Identifier: BSD-2-Clause
// Firmware's drivers by their register traffic: every access in order, with what hardware may answer.
#include "board.h"
#include "dp_regs.h"
#include "firmware/core/irq.h"
#include "firmware/core/panic.h"
#include "firmware/drivers/dp.h"
#include "firmware/drivers/mbox.h"
#include "firmware/drivers/timer.h"
#include "firmware/drivers/uart.h"
#include "firmware/drivers/wdt.h"
#include "mbox_regs.h"
#include "mgmt_regs.h"
#include "tests/unit/firmware/hal_expect.h"
#include "tests/unit/firmware/hal_stop.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DP(reg)   (DP_BASE + DP_##reg)
#define MBOX(reg) (MBOX_BASE + MBOX_##reg)
#define MGMT(reg) (MGMT_BASE + MGMT_##reg)

static void expect_time(uint64_t t)
{
    expect_read(MGMT(MTIME_HI), (uint32_t)(t >> 32));
    expect_read(MGMT(MTIME_LO), (uint32_t)t);
    expect_read(MGMT(MTIME_HI), (uint32_t)(t >> 32));
}

static void timer_reads_both_halves_of_one_moment(void **state)
{
    (void)state;
    expect_start();
    expect_time(0x500000007);
    assert_true(timer_now() == 0x500000007);
    // The lower half wraps between the reads.
    expect_read(MGMT(MTIME_HI), 5);
    expect_read(MGMT(MTIME_LO), 0xffffffff);
    expect_read(MGMT(MTIME_HI), 6);
    expect_read(MGMT(MTIME_LO), 3);
    assert_true(timer_now() == 0x600000003);
    expect_end();
}

static void sleeping_never_has_an_early_compare_value(void **state)
{
    (void)state;
    expect_start();
    expect_write(MGMT(MTIMECMP_HI), UINT32_MAX);
    expect_write(MGMT(MTIMECMP_LO), 0x9);
    expect_write(MGMT(MTIMECMP_HI), 0x2);
    expect_write(MGMT(IRQ_ENABLE), 5);
    expect_sleep();
    irq_wait(5, 0x200000009);
    expect_end();
}

static void watchdog_and_console(void **state)
{
    (void)state;
    expect_start();
    expect_write(MGMT(WDT_LOAD), WDT_CYCLES);
    wdt_start();
    expect_write(MGMT(WDT_KICK), 1);
    wdt_kick();
    expect_write(MGMT(UART_TX), 'h');
    expect_write(MGMT(UART_TX), 0xff);
    uart_text("h\xff");
    expect_end();
}

static void mailbox_slot_is_copied_zeroised_and_only_then_given_back(void **state)
{
    (void)state;
    struct mbox_command c;
    memset(&c, 0, sizeof(c));
    const uint32_t slot = MBOX(CMD_RING) + 15 * CULVERT_CMD_BYTES;
    expect_start();
    expect_read(MBOX(CMD_HEAD), 0xffff); // slot 15, then the counter wraps
    expect_read(slot, 6u << 16 | 11);
    expect_read(slot + 4, 0x12345678);
    expect_read(slot + 8, 1);
    expect_read(slot + 16, 0xaabbccdd);
    expect_read(slot + 20, 0xffff1122); // the length ends after two bytes of this word
    for (uint32_t i = 0; i < CULVERT_CMD_BYTES; i += 4)
        expect_write(slot + i, 0);
    expect_write(MBOX(CMD_HEAD), 0);
    mbox_take(&c);
    expect_end();
    assert_int_equal(c.opcode, 11);
    assert_int_equal(c.length, 6);
    assert_int_equal(c.tag, 0x12345678);
    assert_int_equal(c.body.word[0], 0xaabbccdd);
    assert_int_equal(c.body.word[1], 0x1122);
    for (uint32_t i = 2; i < MBOX_BODY_WORDS; i++)
        assert_int_equal(c.body.word[i], 0);
    mbox_forget(&c);
    assert_int_equal(c.body.word[0], 0);
    assert_int_equal(c.body.word[1], 0);
}

static void mailbox_length_beyond_the_slot_reads_the_slot_only(void **state)
{
    (void)state;
    struct mbox_command c = {0};
    expect_start();
    expect_read(MBOX(CMD_HEAD), 1);
    const uint32_t slot = MBOX(CMD_RING) + CULVERT_CMD_BYTES;
    expect_read(slot, 0xffffu << 16 | 5);
    expect_read(slot + 4, 0);
    expect_read(slot + 8, 1);
    for (uint32_t i = 0; i < MBOX_BODY_WORDS; i++)
        expect_read(slot + 16 + 4 * i, i);
    for (uint32_t i = 0; i < CULVERT_CMD_BYTES; i += 4)
        expect_write(slot + i, 0);
    expect_write(MBOX(CMD_HEAD), 2);
    mbox_take(&c);
    expect_end();
    assert_int_equal(c.length, 0xffff);
    mbox_forget(&c);
    for (uint32_t i = 0; i < MBOX_BODY_WORDS; i++)
        assert_int_equal(c.body.word[i], 0);
}

static void mailbox_posts_only_into_room(void **state)
{
    (void)state;
    struct mbox_entry e = {.kind = CULVERT_ENTRY_COMPLETION, .event = 0, .status = 7, .tag = 99};
    for (uint32_t i = 0; i < MBOX_ANSWER_WORDS; i++)
        e.body.word[i] = 100 + i;
    expect_start();
    expect_read(MBOX(STATUS), MBOX_STATUS_EVQ_FULL_MASK);
    assert_false(mbox_post(&e));
    expect_read(MBOX(STATUS), MBOX_STATUS_EVQ_BUSY_MASK | MBOX_STATUS_CMD_MASK);
    assert_false(mbox_post(&e));
    expect_read(MBOX(STATUS), MBOX_STATUS_CMD_MASK);
    expect_write(MBOX(EVQ_DATA), 7u << 16 | CULVERT_ENTRY_COMPLETION);
    expect_write(MBOX(EVQ_DATA) + 4, 99);
    for (uint32_t i = 0; i < MBOX_ANSWER_WORDS; i++)
        expect_write(MBOX(EVQ_DATA) + 8 + 4 * i, 100 + i);
    expect_write(MBOX(EVQ_DATA) + 56, 0);
    expect_write(MBOX(EVQ_POST), 1);
    assert_true(mbox_post(&e));
    expect_end();
}

static void probes_look_at_id_and_major_version(void **state)
{
    (void)state;
    expect_start();
    expect_read(MBOX(ID), 0x4d424f58);
    expect_read(MBOX(VERSION), 0x00010009);
    assert_null(mbox_probe());
    expect_read(MBOX(ID), 0);
    assert_non_null(mbox_probe());
    expect_read(MBOX(ID), 0x4d424f58);
    expect_read(MBOX(VERSION), 0x00020000);
    assert_non_null(mbox_probe());
    expect_read(DP(ID), 0x44504154);
    expect_read(DP(VERSION), 0x00010000);
    assert_null(dp_probe());
    expect_read(DP(ID), 0xffffffff);
    assert_non_null(dp_probe());
    expect_read(DP(ID), 0x44504154);
    expect_read(DP(VERSION), 0x00000001);
    assert_non_null(dp_probe());
    expect_end();
}

static struct culvert_sa example_sa(void)
{
    struct culvert_sa sa = {.index = 3,
                            .dir = CULVERT_SA_OUT,
                            .window_log2 = 8,
                            .flags = CULVERT_SA_KEY256 | CULVERT_SA_ENCAP,
                            .spi = 0xc0ffee03,
                            .tunnel = 9,
                            .adj = 5,
                            .salt = {1, 2, 3, 4},
                            .src = 0xc0000201,
                            .src_mask = 0xffffff00,
                            .dst = 0xc6336401,
                            .dst_mask = 0xffff0000,
                            .sport = 4500,
                            .dport = 4501,
                            .seq = 0x100000002,
                            .soft_bytes = 0x300000004,
                            .hard_bytes = 0x500000006,
                            .soft_packets = 0x700000008,
                            .hard_packets = 0x90000000a};
    for (uint8_t i = 0; i < 32; i++)
        sa.key[i] = i;
    return sa;
}

static void expect_install(const struct culvert_sa *sa)
{
    expect_read(DP(STATUS), 0);
    for (uint32_t i = 0; i < 8; i++)
        expect_write(DP(SA_KEY) + 4 * i, 0x03020100 + 0x04040404 * i);
    expect_write(DP(SA_SALT), 0x04030201);
    expect_write(DP(SA_SPI), sa->spi);
    expect_write(DP(SA_TUNNEL), 9);
    expect_write(DP(SA_FLAGS), sa->flags | 8u << 8);
    expect_write(DP(SA_SRC), sa->src);
    expect_write(DP(SA_DST), sa->dst);
    expect_write(DP(SA_PORTS), 4500u << 16 | 4501);
    expect_write(DP(SA_ADJ), 5);
    expect_write(DP(SA_SRC_MASK), sa->src_mask);
    expect_write(DP(SA_DST_MASK), sa->dst_mask);
    for (uint32_t i = 0; i < 10; i++)
        expect_write(DP(SA_SEQ_LO) + 4 * i, i % 2 ? i : i + 2);
    expect_write(DP(SA_COMMAND), 1u << 16 | 3);
}

static void sa_install_writes_the_stage_then_the_command_then_waits(void **state)
{
    (void)state;
    const struct culvert_sa sa = example_sa();
    expect_start();
    expect_install(&sa);
    expect_read(DP(STATUS), DP_STATUS_BUSY_MASK);
    expect_time(1000);
    expect_time(1001);
    expect_read(DP(STATUS), DP_STATUS_BUSY_MASK);
    expect_time(1002);
    expect_read(DP(STATUS), DP_STATUS_EVENT_MASK); // other bits do not matter
    assert_true(dp_sa_install(&sa));
    expect_end();
}

static void sa_install_gives_up_at_its_deadline(void **state)
{
    (void)state;
    const struct culvert_sa sa = example_sa();
    expect_start();
    // Hardware is busy before: nothing is written.
    expect_read(DP(STATUS), DP_STATUS_BUSY_MASK);
    expect_time(0);
    expect_time(DP_COMMAND_CYCLES);
    expect_read(DP(STATUS), DP_STATUS_BUSY_MASK);
    assert_false(dp_sa_install(&sa));
    // Busy after the command. The core was slow: a last look decides.
    expect_install(&sa);
    expect_read(DP(STATUS), DP_STATUS_BUSY_MASK);
    expect_time(0);
    expect_time(DP_COMMAND_CYCLES + 5);
    expect_read(DP(STATUS), 0);
    assert_true(dp_sa_install(&sa));
    expect_end();
}

static void sa_counters_are_read_after_the_command(void **state)
{
    (void)state;
    struct culvert_sa_counters c = {0};
    expect_start();
    expect_read(DP(STATUS), 0);
    expect_write(DP(SA_COMMAND), 2u << 20 | 700);
    expect_read(DP(STATUS), 0);
    for (uint32_t i = 0; i < 9; i++)
        expect_read(DP(SA_R_PACKETS_LO) + 4 * i, i + 1);
    assert_true(dp_sa_counters(CULVERT_SA_IN, 700, &c));
    expect_end();
    assert_true(c.packets == 0x200000001 && c.bytes == 0x400000003 && c.seq == 0x600000005);
    assert_int_equal(c.auth_fail, 7);
    assert_int_equal(c.replay, 8);
    assert_int_equal(c.policy, 9);
}

static void sa_path_and_remove(void **state)
{
    (void)state;
    const struct culvert_sa sa = example_sa();
    expect_start();
    expect_read(DP(STATUS), 0);
    expect_write(DP(SA_FLAGS), sa.flags | 8u << 8);
    expect_write(DP(SA_SRC), sa.src);
    expect_write(DP(SA_DST), sa.dst);
    expect_write(DP(SA_PORTS), 4500u << 16 | 4501);
    expect_write(DP(SA_ADJ), 5);
    expect_write(DP(SA_COMMAND), 3u << 20 | 1u << 16 | 3);
    expect_read(DP(STATUS), 0);
    assert_true(dp_sa_path(&sa));
    expect_read(DP(STATUS), 0);
    expect_write(DP(SA_COMMAND), 1u << 20 | 1u << 16 | 3);
    expect_read(DP(STATUS), 0);
    for (uint32_t i = 0; i < 9; i++)
        expect_read(DP(SA_R_PACKETS_LO) + 4 * i, i + 1);
    struct culvert_sa_counters final;
    assert_true(dp_sa_remove(CULVERT_SA_OUT, 3, &final));
    assert_true(final.packets == 0x200000001 && final.policy == 9);
    expect_end();
}

static void tables_by_index(void **state)
{
    (void)state;
    const struct culvert_port port = {.port = 1, .enable = 1, .mac = {2, 0x11, 0x22, 0x33, 0x44, 0x55}, .mtu = 1500};
    const struct culvert_adj adj = {.index = 7, .port = 1, .valid = 1, .mac = {0x10, 0x20, 0x30, 0x40, 0x50, 0x60}};
    const struct culvert_tunnel tunnel = {.index = 12, .sa = 345, .mtu = 1400, .valid = 1};
    const struct culvert_route route = {
        .prefix = 0x0a010000, .length = 16, .vrf = 3, .kind = CULVERT_TARGET_TUNNEL, .target = 12};
    expect_start();
    expect_write(DP(PORT1_MAC_LO), 0x33221102);
    expect_write(DP(PORT1_MTU), 1500);
    expect_write(DP(PORT1_MAC_HI), 0x80005544); // with it the port starts to receive
    dp_port_set(&port);
    expect_write(DP(LOCAL_ADDR) + 8, 0xc0000201);
    dp_local_set(2, 0xc0000201);
    expect_write(DP(ADJ_INDEX), 7);
    expect_write(DP(ADJ_MAC_LO), 0x40302010);
    expect_write(DP(ADJ_WRITE), 0x80016050);
    dp_adj_set(&adj);
    expect_write(DP(TUNNEL_INDEX), 12);
    expect_write(DP(TUNNEL_SA), 1u << 31 | 1400u << 16 | 345);
    dp_tunnel_set(&tunnel);
    expect_write(DP(FIB_PREFIX), 0x0a010000);
    expect_write(DP(FIB_META), 3u << 8 | 16);
    expect_write(DP(FIB_RESULT), 2u << 16 | 12);
    expect_write(DP(FIB_WRITE), 1u << 31 | 41);
    dp_fib_write(41, true, &route);
    expect_write(DP(CONTROL), 1);
    dp_enable(true);
    expect_write(DP(CONTROL), 0);
    dp_enable(false);
    expect_end();
}

static void flow_entries_and_their_hash(void **state)
{
    (void)state;
    const struct culvert_flow f = {.src = 0x0a000001,
                                   .dst = 0x0a000002,
                                   .sport = 1000,
                                   .dport = 80,
                                   .protocol = 6,
                                   .vrf = 2,
                                   .kind = CULVERT_TARGET_ADJ,
                                   .target = 9};
    expect_start();
    for (int pass = 0; pass < 2; pass++) {
        if (pass)
            expect_read(DP(STATUS), 0);
        expect_write(DP(FLOW_SRC), f.src);
        expect_write(DP(FLOW_DST), f.dst);
        expect_write(DP(FLOW_PORTS), 1000u << 16 | 80);
        expect_write(DP(FLOW_META), 2u << 8 | 6);
        if (!pass)
            expect_read(DP(FLOW_HASH), 0x01230456);
    }
    expect_write(DP(FLOW_RESULT), 3u << 16 | 9);
    expect_write(DP(FLOW_WRITE), 1u << 31 | 1u << 16 | 77);
    expect_read(DP(STATUS), 0);
    assert_int_equal(dp_flow_hash(&f), 0x01230456);
    assert_true(dp_flow_write(DP_WAY_1, 77, true, &f));
    expect_end();
}

static void counters_latch_the_upper_half(void **state)
{
    (void)state;
    expect_start();
    expect_write(DP(COUNTER_INDEX), 13);
    expect_read(DP(COUNTER_LO), 0xfffffff0);
    expect_read(DP(COUNTER_HI), 1);
    assert_true(dp_counter(13) == 0x1fffffff0);
    expect_end();
}

static char record[MBOX_PANIC_RECORD_BYTES + 1];

// The record goes out in whole words, then PANIC is raised, then the console repeats it.
static void expect_panic(const char *text)
{
    expect_write(MGMT(WDT_LOAD), 0);
    expect_write(DP(CONTROL), 0);
    memset(record, 0, sizeof(record));
    memcpy(record, text, strlen(text));
    for (uint32_t i = 0; i < MBOX_PANIC_RECORD_BYTES; i += 4) {
        uint32_t word;
        memcpy(&word, record + i, 4);
        expect_write(MBOX(PANIC_RECORD) + i, word);
    }
    expect_write(MBOX(FW_STATE), MBOX_FW_STATE_PANIC_MASK);
    for (const char *p = text; *p; p++)
        expect_write(MGMT(UART_TX), (uint8_t)*p);
    expect_write(MGMT(UART_TX), '\n');
}

static void trap_writes_the_panic_record(void **state)
{
    (void)state;
    expect_start();
    expect_panic(
        "firmware 0.1.0 stopped: load access fault, cause 0x00000005 pc 0x00001234 value 0x50020000 ra 0x00000abc");
    if (setjmp(hal_stopped) == 0)
        panic_trap(5, 0x1234, 0x50020000, 0xabc);
    expect_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timer_reads_both_halves_of_one_moment),
        cmocka_unit_test(sleeping_never_has_an_early_compare_value),
        cmocka_unit_test(watchdog_and_console),
        cmocka_unit_test(mailbox_slot_is_copied_zeroised_and_only_then_given_back),
        cmocka_unit_test(mailbox_length_beyond_the_slot_reads_the_slot_only),
        cmocka_unit_test(mailbox_posts_only_into_room),
        cmocka_unit_test(probes_look_at_id_and_major_version),
        cmocka_unit_test(sa_install_writes_the_stage_then_the_command_then_waits),
        cmocka_unit_test(sa_install_gives_up_at_its_deadline),
        cmocka_unit_test(sa_counters_are_read_after_the_command),
        cmocka_unit_test(sa_path_and_remove),
        cmocka_unit_test(tables_by_index),
        cmocka_unit_test(flow_entries_and_their_hash),
        cmocka_unit_test(counters_latch_the_upper_half),
        cmocka_unit_test(trap_writes_the_panic_record),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("firmware registers", tests, NULL, NULL);
}
