// SPDX-License-Identifier: BSD-2-Clause
// Dead peer detection, `dpd 10 2 on-demand` and periodic: when it asks, how often, and when the peer is dead.
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

enum { EVERY = 10, AGAIN = 2, TRIES = 5 };

static uint64_t asked[64]; // when node 0 asked
static unsigned n_asked;

static struct lab_fate note(struct lab *lab, const struct lab_packet *p)
{
    if (p->from == 0 && lab_exchange(p) == IKE_X_INFORMATIONAL && !lab_is_response(p) && n_asked < 64)
        asked[n_asked++] = lab->now;
    return (struct lab_fate){0};
}

static struct lab *up(bool on_demand)
{
    struct lab *lab = lab_new();
    struct ike_profile *p = lab->node[0].profile;
    p->dpd_interval = EVERY;
    p->dpd_retry = AGAIN;
    p->dpd_tries = TRIES;
    p->dpd_on_demand = on_demand;
    lab->node[1].profile->dpd_interval = 0;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    lab->fate = note;
    n_asked = 0;
    return lab;
}

// Seconds in which node 0 sends traffic, and hears some or not.
static void traffic(struct lab *lab, unsigned seconds, bool out, bool in)
{
    for (unsigned i = 0; i < seconds; i++) {
        if (out)
            lab->node[0].traffic_out = lab->now;
        if (in)
            lab->node[0].traffic_in = lab->now + 1;
        lab_run(lab, LAB_SECOND);
    }
}

// The first question came within two rounds since `since`, the others 2 s after one another, and then it was over.
static void assert_dead(struct lab *lab, uint64_t since)
{
    assert_int_equal(n_asked, TRIES);
    assert_in_range(asked[0] - since, (uint64_t)(EVERY - 1) * LAB_SECOND, (uint64_t)(2 * EVERY + 1) * LAB_SECOND);
    for (unsigned i = 1; i < n_asked; i++)
        assert_int_equal(asked[i] - asked[i - 1], AGAIN * LAB_SECOND);
    assert_int_equal(lab->node[0].downs, 1);
    assert_int_equal(lab->node[0].down_why, IKE_R_DEAD_PEER);
    assert_int_equal(lab_children(&lab->node[0]), 0);
}

static void on_demand_is_silent_while_traffic_is_answered(void **state)
{
    (void)state;
    struct lab *lab = up(true);
    traffic(lab, 120, true, true);
    assert_int_equal(n_asked, 0);
    lab_end(lab);
}

static void on_demand_is_silent_while_nothing_is_sent(void **state)
{
    (void)state;
    struct lab *lab = up(true);
    lab->shut = true;
    traffic(lab, 120, false, false);
    assert_int_equal(n_asked, 0);
    lab_assert_sas(lab, 1);
    lab_end(lab);
}

static void on_demand_asks_when_traffic_is_not_answered_and_the_peer_is_dead_after_its_tries(void **state)
{
    (void)state;
    struct lab *lab = up(true);
    traffic(lab, 15, true, true);
    lab->shut = true;
    const uint64_t since = lab->now;
    traffic(lab, 2 * EVERY + TRIES * AGAIN + 2, true, false);
    assert_dead(lab, since);
    lab_end(lab);
}

static void on_demand_a_peer_that_answers_stays(void **state)
{
    (void)state;
    struct lab *lab = up(true);
    traffic(lab, 120, true, false); // one-way traffic, and a peer that lives
    assert_in_range(n_asked, 5, 12);
    lab_assert_sas(lab, 1);
    lab_end(lab);
}

// The counters of a child are asked for when an answer is wanted: once in an interval, and not while the peer is heard.
static void on_demand_counters_are_looked_at_when_they_are_wanted(void **state)
{
    (void)state;
    struct lab *lab = up(true);
    lab->node[0].looks = 0;
    traffic(lab, 100 * EVERY, false, false);
    assert_in_range(lab->node[0].looks, 90, 100);
    for (unsigned i = 0; i < 10 * EVERY; i++) { // messages of the peer tell that it is there
        if (i == 0)
            lab->node[0].looks = 0;
        lab->node[0].e->sas->last_in = lab->now;
        lab_run(lab, LAB_SECOND);
    }
    assert_in_range(lab->node[0].looks, 0, 1);
    assert_int_equal(n_asked, 0);
    lab_end(lab);
}

static void periodic_asks_without_traffic_and_finds_a_dead_peer(void **state)
{
    (void)state;
    struct lab *lab = up(false);
    traffic(lab, 100, false, false);
    assert_in_range(n_asked, 9, 10);
    assert_in_range(lab->node[0].looks, 9, 10);
    lab_assert_sas(lab, 1);
    const uint64_t since = asked[n_asked - 1];
    lab->shut = true;
    n_asked = 0;
    traffic(lab, 2 * EVERY + TRIES * AGAIN + 2, false, false);
    assert_dead(lab, since);
    lab_end(lab);
}

static void periodic_traffic_from_the_peer_makes_questions_needless(void **state)
{
    (void)state;
    struct lab *lab = up(false);
    traffic(lab, 120, false, true);
    assert_int_equal(n_asked, 0);
    lab_end(lab);
}

// Another request is under way when the peer dies: it takes no longer than by a question.
static void a_request_that_is_out_asks_as_well(void **state)
{
    (void)state;
    for (int on_demand = 0; on_demand < 2; on_demand++) {
        struct lab *lab = up(on_demand);
        traffic(lab, 15, true, true);
        lab->shut = true;
        assert_int_equal(ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now), 0);
        traffic(lab, 2 * EVERY + TRIES * AGAIN + 2, true, false);
        assert_int_equal(n_asked, 0);
        assert_int_equal(lab->node[0].downs, 1);
        assert_int_equal(lab->node[0].down_why, IKE_R_DEAD_PEER);
        lab_end(lab);
    }
}

// The peer's traffic comes, its answers do not: it lives, and the request goes on as ever. And if the peer was away for
// a while only, it gets the request that asks.
static void a_request_asks_only_of_who_is_silent(void **state)
{
    (void)state;
    struct lab *lab = up(false);
    lab->shut = true;
    const uint32_t old = lab_first(&lab->node[0])->spi_in;
    assert_int_equal(ike_rekey_child(lab->node[0].e, old, lab->now), 0);
    traffic(lab, 2 * EVERY + TRIES * AGAIN + 2, true, true);
    assert_int_equal(lab->node[0].downs, 0);
    traffic(lab, EVERY + 2 * AGAIN, true, false);
    lab->shut = false;
    traffic(lab, EVERY, true, false);
    assert_int_equal(lab->node[0].downs, 0);
    lab_assert_children(lab, 1);
    assert_int_not_equal(lab_first(&lab->node[0])->spi_in, old);
    lab_end(lab);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_demand_is_silent_while_traffic_is_answered),
        cmocka_unit_test(on_demand_is_silent_while_nothing_is_sent),
        cmocka_unit_test(on_demand_asks_when_traffic_is_not_answered_and_the_peer_is_dead_after_its_tries),
        cmocka_unit_test(on_demand_a_peer_that_answers_stays),
        cmocka_unit_test(on_demand_counters_are_looked_at_when_they_are_wanted),
        cmocka_unit_test(periodic_asks_without_traffic_and_finds_a_dead_peer),
        cmocka_unit_test(periodic_traffic_from_the_peer_makes_questions_needless),
        cmocka_unit_test(a_request_that_is_out_asks_as_well),
        cmocka_unit_test(a_request_asks_only_of_who_is_silent),
    };
    return cmocka_run_group_tests_name("ike_dpd", tests, NULL, NULL);
}
