// SPDX-License-Identifier: BSD-2-Clause
// Attaching, resetting, failing and leaving: by register traffic, and by what the caller is told.
#include "bar0_regs.h"
#include "tests/unit/driver/driver_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define R(reg)                                                                                                         \
    {                                                                                                                  \
        false, false, CULVERT_REGION_BAR0, BAR0_##reg, 4, 0                                                            \
    }
#define W(reg, value)                                                                                                  \
    {                                                                                                                  \
        true, false, CULVERT_REGION_BAR0, BAR0_##reg, 4, value                                                         \
    }

static bool same(const struct fake_access *a, const struct fake_access *b)
{
    return a->write == b->write && a->posted == b->posted && a->region == b->region && a->offset == b->offset &&
           a->len == b->len && a->value == b->value;
}

static void attach_makes_these_accesses_in_this_order(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    const uint64_t evq = w->fake.iova + 4096, rxq = evq + 4096, txq = rxq + (8u << 14);
    const struct fake_access expected[] = {
        {false, false, CULVERT_REGION_CONFIG, 0, 4, 0},
        {true, false, CULVERT_REGION_CONFIG, 4, 2, 0x0406},
        R(ID),
        R(VERSION),
        W(CONTROL, BAR0_CONTROL_RESET_MASK),
        R(STATUS), // out of reset
        R(DTB_SIZE),
        {false, false, CULVERT_REGION_BAR0, BAR0_DTB, (w->fake.dtb_size + 3) & ~3u, 0},
        R(STATUS), // firmware is ready
        R(FW_ABI),
        R(FW_VERSION),
        R(CMD_TAIL),
        W(TXQ_WB_LO, (uint32_t)w->fake.iova),
        W(TXQ_WB_HI, (uint32_t)(w->fake.iova >> 32)),
        W(TXQ_CONFIG, 0),
        R(TXQ_CONFIG), // its last DMA is done
        W(TXQ_BASE_LO, (uint32_t)txq),
        W(TXQ_BASE_HI, (uint32_t)(txq >> 32)),
        W(TXQ_CONFIG, 1u << 31 | 14u << 8 | 2),
        W(RXQ_CONFIG, 0),
        R(RXQ_CONFIG), // its last DMA is done
        W(RXQ_BASE_LO, (uint32_t)rxq),
        W(RXQ_BASE_HI, (uint32_t)(rxq >> 32)),
        W(RXQ_CONFIG, 1u << 31 | 14u << 8 | 3),
        W(EVQ_CONFIG, 0),
        R(EVQ_CONFIG), // its last DMA is done
        W(EVQ_BASE_LO, (uint32_t)evq),
        W(EVQ_BASE_HI, (uint32_t)(evq >> 32)),
        W(EVQ_CONFIG, 1u << 31 | 3),
    };
    const size_t n = sizeof(expected) / sizeof(expected[0]);
    for (size_t i = 0; i < n && i < w->fake.logged; i++)
        if (!same(&expected[i], &w->fake.log[i]))
            fail_msg("access %zu: %s 0x%x, %u bytes, 0x%x", i, w->fake.log[i].write ? "write" : "read",
                     w->fake.log[i].offset, w->fake.log[i].len, w->fake.log[i].value);
    assert_int_equal(w->fake.logged, n);
    assert_int_equal(w->fake.resets, 1);
    for (unsigned i = 0; i < CULVERT_IRQS; i++)
        assert_true(w->fake.eventfd[i] >= 0);
}

static void capabilities_come_from_the_card_s_device_tree(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    const struct culvert_caps *c = culvert_caps(w->card);
    assert_string_equal(c->model, "Culvert simulated card");
    assert_int_equal(c->data_width, 512);
    assert_true(c->clock_hz == 322265625);
    assert_int_equal(c->sas, 1024);
    assert_int_equal(c->max_frame, 9216);
    assert_int_equal(c->command_slots, 16);
    assert_int_equal(c->ports, 2);
    assert_string_equal(c->port[0].label, "outside");
    assert_string_equal(c->port[1].label, "inside");
    assert_int_equal(c->port[1].speed_mbps, 100000);
    assert_true(culvert_has_feature(w->card, "esn"));
    assert_true(culvert_has_feature(w->card, "fib"));
    assert_false(culvert_has_feature(w->card, "quantum"));
    assert_int_equal(culvert_fw_version(w->card), 0x01020003);
    uint32_t dma, tlp;
    assert_int_equal(culvert_link_errors(w->card, &dma, &tlp), 0);
    assert_true(dma == 3 && tlp == 4);
    assert_string_equal(culvert_where(w->card), "fake");
}

// One version mismatch a row; each in a world of its own.
static void mismatches_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct {
        uint16_t vendor;
        uint32_t id, version, fw_abi, dtb_size;
        const char *why;
    } row[] = {
        {0x1234, 0x43565254, 0x10000, 0x10000, 0, "its PCI ID is 1234:c017"},
        {0, 0xffffffff, 0x10000, 0x10000, 0, "register ID is 0xffffffff"},
        {0, 0x43565254, 0x20001, 0x10000, 0, "registers are version 2.1, this driver knows 1: update the driver"},
        {0, 0x43565254, 0x00003, 0x10000, 0, "registers are version 0.3, this driver knows 1: update the card"},
        {0, 0x43565254, 0x10000, 0x20000, 0, "speaks mailbox ABI 2.0, this driver 1.0: update the driver"},
        {0, 0x43565254, 0x10000, 0x00009, 0, "speaks mailbox ABI 0.9, this driver 1.0: update the firmware"},
        {0, 0x43565254, 0x10000, 0x10000, 20000, "a device tree of 20000 bytes"},
        {0, 0x43565254, 0x10000, 0x10000, 400, "device tree is damaged"},
    };
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        void *s;
        world_setup_detached(&s);
        struct world *w = s;
        if (row[i].vendor)
            w->fake.vendor = row[i].vendor;
        w->fake.id = row[i].id;
        w->fake.version = row[i].version;
        w->fake.fw_abi = row[i].fw_abi;
        if (row[i].dtb_size)
            w->fake.dtb_size = row[i].dtb_size;
        assert_false(world_attach(w));
        if (!strstr(w->err, row[i].why))
            fail_msg("row %zu: %s", i, w->err);
        // Nothing was written to what is not a card.
        if (row[i].vendor || row[i].id != 0x43565254 || row[i].version >> 16 != 1)
            assert_int_equal(w->fake.resets, 0);
        free(w);
    }
    // A newer minor of either is fine.
    void *s;
    world_setup_detached(&s);
    struct world *w = s;
    w->fake.fw_abi = 0x10009;
    assert_true(world_attach(w));
    world_teardown(&s);
}

static void boot_failures_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        uint32_t status;
        const char *why;
    } row[] = {{1u << 4, "holds no firmware image"},
               {2u << 4, "impossible length"},
               {3u << 4, "damaged (CRC)"},
               {BAR0_STATUS_PANIC_MASK, "the datapath has an unknown. version"},
               {0, "firmware was not ready within 50 ms"},
               {BAR0_STATUS_IN_RESET_MASK, "does not come out of reset"}};
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        void *s;
        world_setup_detached(&s);
        struct world *w = s;
        w->fake.status_after_reset = row[i].status;
        w->options.ready_timeout_ms = 50;
        w->step = 500000; // half a second a look: the clock is the test's
        strcpy(w->fake.panic, "the datapath has an unknown\x1b version");
        assert_false(world_attach(w));
        if (!strstr(w->err, row[i].why))
            fail_msg("row %zu: %s", i, w->err);
        free(w);
    }
}

static void attach_waits_for_firmware(void **state)
{
    struct world *w = *state;
    w->fake.status_after_reset = 0;
    w->fake.status_reads = 5;
    w->fake.status_then = BAR0_STATUS_FW_READY_MASK;
    assert_true(world_attach(w));
}

static void a_transport_that_breaks_at_any_access_fails_the_attach(void **state)
{
    (void)state;
    size_t total = 0;
    for (size_t n = 0; n < 100; n++) {
        void *s;
        world_setup_detached(&s);
        struct world *w = s;
        w->fake.cut_after = n + 1;
        const bool ok = world_attach(w);
        if (ok) {
            total = n;
            w->fake.cut_after = 0;
            world_teardown(&s);
            break;
        }
        assert_non_null(strstr(w->err, "pulled out"));
        free(w);
    }
    assert_true(total > 20);
}

static void no_reset_leaves_the_card_alone(void **state)
{
    struct world *w = *state;
    w->options.no_reset = true;
    w->fake.stopping_reads = 7;                   // its rings were running
    w->fake.cmd_tail = w->fake.cmd_head = 0xfffe; // somebody has used it
    assert_true(world_attach(w));
    assert_int_equal(w->fake.resets, 0);
    assert_int_equal(culvert_nop(w->card, world_done, NULL), 0);
    assert_int_equal(w->fake.cmd_tail, 0xffff);
    assert_true(fake_answer(&w->fake, 0, NULL));
    assert_int_equal(culvert_process(w->card), 0);
    assert_int_equal(w->completions, 1);
    culvert_detach(w->card);
    w->card = NULL;
    assert_int_equal(w->fake.stopping_reads, 0);
    assert_int_equal(w->fake.resets, 0);
    assert_int_equal(w->fake.evq[2], 0); // but its rings are stopped
    assert_int_equal(w->fake.rxq[2], 0);
    assert_int_equal(w->fake.txq[2], 0);
}

static void a_ring_that_does_not_stop_is_an_error(void **state)
{
    struct world *w = *state;
    w->fake.stopping_reads = UINT32_MAX;
    w->step = 100000;
    assert_false(world_attach(w));
    w->card = NULL;
}

static void detach_cancels_resets_and_unmaps(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    assert_int_equal(culvert_nop(w->card, world_done, NULL), 0);
    culvert_detach(w->card);
    w->card = NULL;
    assert_int_equal(w->completions, 1);
    assert_int_equal(w->result[0].error, -ECANCELED);
    assert_int_equal(w->fake.resets, 2);
    assert_int_equal(w->failures, 0);
}

static void reset_in_the_middle_of_commands(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    for (uintptr_t i = 0; i < 20; i++) // more than the ring holds
        assert_int_equal(culvert_nop(w->card, world_done, (void *)i), 0);
    fake_answer(&w->fake, 0, NULL); // one is answered, but not yet looked at
    assert_int_equal(culvert_reset(w->card, w->err, sizeof(w->err)), 0);
    assert_int_equal(w->completions, 20);
    for (uintptr_t i = 0; i < 20; i++) {
        assert_int_equal(w->result[i].error, -ECANCELED);
        assert_int_equal(w->result_arg[i], i);
    }
    assert_int_equal(culvert_state(w->card), CULVERT_READY);
    assert_int_equal(w->fake.resets, 2);
    assert_int_equal(culvert_process(w->card), 0); // the old answer is gone with the old ring
    assert_int_equal(w->completions, 20);
    assert_int_equal(culvert_nop(w->card, world_done, (void *)77), 0);
    assert_true(fake_answer(&w->fake, 0, NULL));
    assert_int_equal(culvert_process(w->card), 0);
    assert_int_equal(w->completions, 21);
    assert_int_equal(w->result[20].error, 0);
    assert_int_equal(w->result_arg[20], 77);
}

static void a_failed_reset_can_be_tried_again(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    w->fake.status_after_reset = 1u << 4;
    assert_int_equal(culvert_reset(w->card, w->err, sizeof(w->err)), -EIO);
    assert_int_equal(culvert_state(w->card), CULVERT_FAILED);
    assert_int_equal(culvert_nop(w->card, NULL, NULL), -ENODEV);
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_INSIDE, 0, "x", 1), -ENODEV);
    assert_true(culvert_process(w->card) < 0);
    w->fake.status_after_reset = BAR0_STATUS_FW_READY_MASK;
    assert_int_equal(culvert_reset(w->card, w->err, sizeof(w->err)), 0);
    assert_int_equal(culvert_nop(w->card, NULL, NULL), 0);
}

static void panic_ends_all_commands_and_shows_the_record(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    for (uintptr_t i = 0; i < 18; i++)
        assert_int_equal(culvert_nop(w->card, world_done, (void *)i), 0);
    fake_answer(&w->fake, 0, NULL); // done before the end: not lost
    w->fake.status |= BAR0_STATUS_PANIC_MASK;
    strcpy(w->fake.panic, "firmware 1.2.3 stopped: load access fault");
    fake_signal(&w->fake, 3);
    assert_true(culvert_process(w->card) < 0);
    assert_int_equal(w->failures, 1);
    assert_non_null(strstr(w->reason, "fake: firmware 1.2.3 stopped: load access fault"));
    assert_string_equal(culvert_panic_record(w->card), "firmware 1.2.3 stopped: load access fault");
    assert_int_equal(w->completions, 18);
    assert_int_equal(w->result[0].error, 0);
    for (unsigned i = 1; i < 18; i++)
        assert_int_equal(w->result[i].error, -EHOSTDOWN);
    assert_true(culvert_process(w->card) < 0);
    assert_int_equal(w->failures, 1); // told once
    w->fake.status = BAR0_STATUS_FW_READY_MASK;
    assert_int_equal(culvert_reset(w->card, w->err, sizeof(w->err)), 0);
    assert_string_equal(culvert_panic_record(w->card), "");
    assert_int_equal(culvert_process(w->card), 0);
}

static void a_reset_that_nobody_asked_for_is_noticed(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    assert_int_equal(culvert_nop(w->card, world_done, NULL), 0);
    fake_signal(&w->fake, 3); // without a reason: nothing happens
    assert_int_equal(culvert_process(w->card), 0);
    memset(w->fake.evq, 0, sizeof(w->fake.evq));
    w->fake.status |= BAR0_STATUS_WATCHDOG_MASK;
    fake_signal(&w->fake, 3);
    assert_true(culvert_process(w->card) < 0);
    assert_non_null(strstr(w->reason, "watchdog"));
    assert_int_equal(w->result[0].error, -EHOSTDOWN);
}

static void a_lost_transport_fails_the_card_but_never_from_within_a_call(void **state)
{
    struct world *w = *state;
    assert_true(world_attach(w));
    assert_int_equal(culvert_nop(w->card, world_done, NULL), 0);
    w->fake.gone = true;
    w->in_callback_not_allowed = true;
    assert_int_equal(culvert_nop(w->card, world_done, NULL), 0);       // its write fails
    assert_int_equal(culvert_nop(w->card, world_done, NULL), -ENODEV); // from now on known
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_OUTSIDE, 0, "x", 1), -ENODEV);
    w->in_callback_not_allowed = false;
    assert_true(culvert_process(w->card) < 0);
    assert_int_equal(w->failures, 1);
    assert_non_null(strstr(w->reason, "pulled out"));
    assert_int_equal(w->completions, 2);
    assert_int_equal(w->result[1].error, -ENODEV);
    w->fake.gone = false;
}

static int teardown_any(void **state)
{
    struct world *w = *state;
    if (w->card)
        return world_teardown(state);
    free(w);
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup_detached, teardown_any)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(attach_makes_these_accesses_in_this_order),
        T(capabilities_come_from_the_card_s_device_tree),
        cmocka_unit_test(mismatches_are_refused_with_a_sentence),
        cmocka_unit_test(boot_failures_are_told_apart),
        T(attach_waits_for_firmware),
        cmocka_unit_test(a_transport_that_breaks_at_any_access_fails_the_attach),
        T(no_reset_leaves_the_card_alone),
        T(a_ring_that_does_not_stop_is_an_error),
        T(detach_cancels_resets_and_unmaps),
        T(reset_in_the_middle_of_commands),
        T(a_failed_reset_can_be_tried_again),
        T(panic_ends_all_commands_and_shows_the_record),
        T(a_reset_that_nobody_asked_for_is_noticed),
        T(a_lost_transport_fails_the_card_but_never_from_within_a_call),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("driver: attach", tests, NULL, NULL);
}
