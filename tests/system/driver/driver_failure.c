// SPDX-License-Identifier: BSD-2-Clause
// Firmware that stops or hangs on the simulated card: what the driver tells of it, and that a reset brings the card
// back.
#include "driver/culvert.h"
#include "tests/system/driver/sim_card.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COMMANDS 20 // of which firmware answers three

struct bench {
    struct sim_card sim;
    struct culvert_card *card;
    unsigned good, down, failures;
    char reason[600];
};

static void on_result(void *arg, const struct culvert_result *r)
{
    struct bench *b = arg;
    b->good += r->error == 0;
    b->down += r->error == -EHOSTDOWN;
}

static void on_state(void *arg, enum culvert_state state, const char *reason)
{
    struct bench *b = arg;
    assert_int_equal(state, CULVERT_FAILED);
    assert_int_equal(b->good + b->down, COMMANDS); // they have ended before
    b->failures++;
    snprintf(b->reason, sizeof(b->reason), "%s", reason);
}

static void start(struct bench *b, const char *firmware_name)
{
    char err[CULVERT_ERR_MAX];
    memset(b, 0, sizeof(*b));
    sim_card_start(&b->sim, firmware_name, false);
    const struct culvert_options o = {
        .state = on_state, .arg = b, .ready_timeout_ms = PATIENCE_MS, .command_timeout_ms = 2 * PATIENCE_MS};
    b->card = culvert_attach(b->sim.where, &o, err, sizeof(err));
    if (!b->card)
        fail_msg("%s", err);
}

static void stop(struct bench *b)
{
    culvert_detach(b->card);
    sim_card_stop(&b->sim);
}

// Sends commands until the card has failed.
static void run_into_failure(struct bench *b)
{
    const uint64_t end = now_ms() + PATIENCE_MS;
    int fd[CULVERT_FDS_MAX];
    struct pollfd p[CULVERT_FDS_MAX];
    const size_t n = culvert_fds(b->card, fd, CULVERT_FDS_MAX);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    b->good = b->down = b->failures = 0;
    for (int i = 0; i < COMMANDS; i++)
        assert_int_equal(culvert_nop(b->card, on_result, b), 0);
    while (!b->failures && now_ms() < end) {
        (void)poll(p, n, 100);
        (void)culvert_process(b->card);
    }
    assert_int_equal(b->failures, 1);
    assert_int_equal(b->good, 3);
    assert_int_equal(b->down, COMMANDS - 3);
    assert_int_equal(culvert_state(b->card), CULVERT_FAILED);
}

static void reset(struct bench *b)
{
    char err[CULVERT_ERR_MAX];
    if (culvert_reset(b->card, err, sizeof(err)) != 0)
        fail_msg("%s", err);
    assert_int_equal(culvert_state(b->card), CULVERT_READY);
}

static void a_trap_shows_its_record_and_a_reset_brings_the_card_back(void **state)
{
    (void)state;
    struct bench b;
    start(&b, "fail_trap.elf");
    for (int round = 0; round < 2; round++) {
        run_into_failure(&b);
        if (!strstr(b.reason, "stopped: load access fault") || !strstr(b.reason, "value 0x50030000"))
            fail_msg("reason: %s", b.reason);
        assert_non_null(strstr(culvert_panic_record(b.card), "load access fault, cause 0x00000005 pc 0x0000"));
        reset(&b);
        assert_string_equal(culvert_panic_record(b.card), "");
    }
    stop(&b);
}

static void a_hang_is_ended_by_the_watchdog_and_told(void **state)
{
    (void)state;
    struct bench b;
    start(&b, "fail_hang.elf");
    run_into_failure(&b);
    if (!strstr(b.reason, "the watchdog has reset the card"))
        fail_msg("reason: %s", b.reason);
    reset(&b);
    run_into_failure(&b);
    stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trap_shows_its_record_and_a_reset_brings_the_card_back),
        cmocka_unit_test(a_hang_is_ended_by_the_watchdog_and_told),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("driver and failing firmware", tests, NULL, NULL);
}
