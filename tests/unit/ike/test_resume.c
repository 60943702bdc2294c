// SPDX-License-Identifier: BSD-2-Clause
// Session resumption (RFC 5723): what broke off goes on; tickets that are used, old, false, or of a gateway that has
// forgotten its key.
#include "hostd/ike/ike_int.h"
#include "tests/unit/ike/lab.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

enum { HOUR = 3600 };

static struct lab *up(void)
{
    struct lab *lab = lab_new();
    for (int i = 0; i < 2; i++) {
        lab->node[i].profile->resume_s = HOUR;
        lab->node[i].profile->initial_contact = false;
    }
    lab->node[1].profile->dpd_interval = 0; // the gateway does not notice
    lab->node[0].profile->cp_request = true;
    lab->node[1].profile->cp_assign = true;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[1].e->stats.tickets_sent, 1);
    assert_int_equal(lab->node[0].e->stats.tickets_taken, 1);
    return lab;
}

// The client loses the gateway.
static void lose(struct lab *lab)
{
    lab->shut = true;
    lab_run(lab, 200 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab_sas(&lab->node[0]), 0);
    assert_int_equal(lab->node[0].down_why, IKE_R_DEAD_PEER);
    lab->shut = false;
}

static void assert_up(struct lab *lab, bool resumed)
{
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[1].e->stats.resumed, resumed);
    for (int i = 0; i < 2; i++) {
        const struct ike_sa *sa = lab->node[i].e->sas;
        while (sa->state != IKE_S_ESTABLISHED)
            sa = sa->next;
        assert_int_equal(sa->resumed, resumed);
    }
}

static unsigned init_exchanges;

static struct lab_fate count_init(struct lab *lab, const struct lab_packet *p)
{
    (void)lab;
    init_exchanges += lab_exchange(p) == IKE_X_SA_INIT;
    return (struct lab_fate){0};
}

static void a_broken_session_goes_on_without_a_key_exchange(void **state)
{
    (void)state;
    struct lab *lab = up();
    lose(lab);
    const uint32_t session = lab->node[1].session;
    snprintf(lab->node[0].psk, sizeof(lab->node[0].psk), "forgotten"); // nor a pre-shared key
    init_exchanges = 0;
    lab->fate = count_init;
    lab->node[0].e->limits.export_keys = true;
    lab_initiate(lab, 0);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    assert_up(lab, true);
    assert_int_equal(lab->node[0].exported_ike, 1); // who decrypts for a test needs those of a resumed SA too
    assert_int_equal(init_exchanges, 0);
    assert_int_equal(lab->node[1].session, session); // the same session at the gateway, with the same address
    assert_int_equal(lab->node[1].ups, 1);
    assert_int_equal(lab->node[1].downs, 0);
    assert_int_equal(lab->node[1].pool_used, 1);
    // It lives: rekeys of both kinds, and it can break off and be resumed again, by another ticket.
    ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 2 * (uint64_t)LAB_SECOND);
    ike_rekey_child(lab->node[1].e, lab_first(&lab->node[1])->spi_in, lab->now);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    lose(lab);
    lab_initiate(lab, 0);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[1].e->stats.resumed, 2);
    assert_int_equal(init_exchanges, 0);
    lab_end(lab);
}

static void a_cookie_may_come_in_between_and_messages_be_lost(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 7; lost++) {
        struct lab *lab = up();
        lose(lab);
        lab->node[1].e->limits.cookie_always = true;
        lab_initiate(lab, 0);
        const uint64_t from = lab->sent;
        while (lab->sent < from + lost)
            lab_run(lab, 500);
        if (lab->queue) {
            struct lab_packet *p = lab->queue;
            lab->queue = p->next;
            free(p);
        }
        lab_run(lab, 60 * (uint64_t)LAB_SECOND);
        assert_up(lab, true);
        lab_end(lab);
    }
}

static void a_gateway_without_its_key_gets_a_full_exchange(void **state)
{
    (void)state;
    struct lab *lab = up();
    lose(lab);
    ike_free(lab->node[1].e); // restarted
    lab->node[1].e = ike_new(&lab->node[1].ops, &lab->node[1], &lab->node[1].limits);
    lab_initiate(lab, 0);
    lab_run(lab, 5 * (uint64_t)LAB_SECOND);
    assert_up(lab, false);
    assert_int_equal(lab->node[0].e->stats.tickets_refused, 1);
    assert_int_equal(lab->node[1].e->stats.tickets_refused, 1);
    lab_end(lab);
}

static void an_old_ticket_is_not_used(void **state)
{
    (void)state;
    struct lab *lab = up();
    lose(lab);
    lab_run(lab, (uint64_t)HOUR * LAB_SECOND);
    lab_initiate(lab, 0);
    lab_run(lab, 5 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[1].e->stats.resumed, 0);
    assert_int_equal(lab->node[1].e->stats.tickets_refused, 0); // it was not even sent
    assert_int_equal(lab_sas(&lab->node[0]), 1);
    lab_end(lab);
}

static void nothing_is_kept_of_a_session_that_was_ended(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = up();
        ike_delete(lab->node[i].e, lab->node[i].session, lab->now);
        lab_run(lab, LAB_SECOND);
        lab_initiate(lab, 0);
        lab_run(lab, 2 * (uint64_t)LAB_SECOND);
        assert_up(lab, false);
        lab_end(lab);
    }
}

static struct lab_packet *kept;

// Keeps a copy of the first IKE_SESSION_RESUME request; bit arg of it is turned on its way.
static struct lab_fate keep_request(struct lab *lab, const struct lab_packet *p)
{
    if (lab_exchange(p) == IKE_X_SESSION_RESUME && p->from == 0) {
        if (kept == NULL) {
            kept = malloc(sizeof(*p) + p->len);
            assert_non_null(kept);
            memcpy(kept, p, sizeof(*p) + p->len);
        }
        if (lab->arg)
            ((uint8_t *)(uintptr_t)p->bytes)[lab->arg / 8] ^= (uint8_t)(1 << lab->arg % 8);
    }
    return (struct lab_fate){0};
}

static void a_ticket_is_good_once(void **state)
{
    (void)state;
    struct lab *lab = up();
    lose(lab);
    lab->fate = keep_request;
    lab->arg = 0;
    lab_initiate(lab, 0);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    assert_up(lab, true);
    assert_non_null(kept);
    kept->bytes[3] ^= 1; // another SPI: not a repetition
    uint32_t sas, half, children;
    ike_input(lab->node[1].e, &kept->path, kept->bytes, kept->len, lab->now);
    assert_int_equal(lab->node[1].e->stats.tickets_refused, 1);
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(half, 0);
    free(kept);
    kept = NULL;
    lab_end(lab);
}

static void a_ticket_that_was_changed_is_refused(void **state)
{
    (void)state;
    for (unsigned at = 80; at < 220; at += 7) {
        struct lab *lab = up();
        lose(lab);
        lab->fate = keep_request;
        lab->arg = 8 * at + 3;
        lab_initiate(lab, 0);
        lab_run(lab, 200 * (uint64_t)LAB_SECOND);
        free(kept);
        kept = NULL;
        assert_int_equal(lab->node[1].e->stats.resumed, 0);
        lab_end(lab);
    }
}

static void who_does_not_want_to_gives_no_ticket(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = lab_new();
        lab->node[i].profile->resume_s = HOUR;
        lab_connect(lab);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->node[0].e->stats.tickets_taken, 0);
        assert_int_equal(lab->node[1].e->stats.tickets_sent, 0);
        lab_end(lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_session_goes_on_without_a_key_exchange),
        cmocka_unit_test(a_cookie_may_come_in_between_and_messages_be_lost),
        cmocka_unit_test(a_gateway_without_its_key_gets_a_full_exchange),
        cmocka_unit_test(an_old_ticket_is_not_used),
        cmocka_unit_test(nothing_is_kept_of_a_session_that_was_ended),
        cmocka_unit_test(a_ticket_is_good_once),
        cmocka_unit_test(a_ticket_that_was_changed_is_refused),
        cmocka_unit_test(who_does_not_want_to_gives_no_ticket),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_resume", tests, NULL, NULL);
}
