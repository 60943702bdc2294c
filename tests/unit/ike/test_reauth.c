// SPDX-License-Identifier: BSD-2-Clause
// Authenticating again without a break (RFC 7296 2.8.3), AUTH_LIFETIME (RFC 4478), childless setup (RFC 6023).
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

static struct lab *up_with(struct lab *lab)
{
    lab_connect(lab);
    lab_assert_children(lab, lab->node[0].profile->childless == IKE_CHILDLESS_ONLY ? 0 : 1);
    return lab;
}

static struct lab *up(void)
{
    return up_with(lab_new());
}

// Can a packet go from node i to the other one now? It is sent on the newest child that is not held.
static bool passes(struct lab *lab, int i)
{
    const struct lab_child *best = NULL;
    for (int k = 0; k < LAB_CHILDREN; k++) {
        const struct lab_child *c = &lab->node[i].child[k];
        if (c->used && !c->held && (best == NULL || c->id > best->id))
            best = c;
    }
    return best && lab_child_of(&lab->node[1 - i], best->spi_out);
}

static unsigned stopped;

// Run, and see at each step whether traffic passes both ways.
static void run_with_traffic(struct lab *lab, uint64_t micros)
{
    for (uint64_t t = 0; t < micros; t += 1000) {
        lab_run(lab, 1000);
        stopped += !passes(lab, 0) + !passes(lab, 1);
    }
}

static void traffic_never_stops(void **state)
{
    (void)state;
    struct lab *lab = up();
    const uint32_t spi = lab_first(&lab->node[0])->spi_in;
    const uint64_t ike = lab->node[0].e->sas->spi_i;
    lab->node[1].profile->force_contact = true; // this is no second session, whose first one would be ended
    stopped = 0;
    for (int round = 1; round <= 3; round++) {
        assert_int_equal(ike_reauth(lab->node[0].e, lab->node[0].session, lab->now), 0);
        run_with_traffic(lab, 20 * (uint64_t)LAB_SECOND);
        assert_int_equal(stopped, 0);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->node[0].rekeys, round);
        assert_int_equal(lab->node[1].rekeys, round); // the same session at both sides
    }
    assert_int_not_equal(lab_first(&lab->node[0])->spi_in, spi);
    assert_true(lab->node[0].e->sas->spi_i != ike);
    assert_int_equal(lab->node[0].ups + lab->node[1].ups, 2);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    assert_int_equal(lab->node[0].e->stats.reauths, 3);
    // The responder cannot begin it.
    assert_int_equal(ike_reauth(lab->node[1].e, lab->node[1].session, lab->now), -1);
    lab_end(lab);
}

static void all_children_are_made_again(void **state)
{
    (void)state;
    struct lab *lab = up();
    struct lab_node *n = &lab->node[0];
    for (int i = 1; i <= 3; i++) {
        const struct ip_addr a = {.family = 4, .b = {10, 0, (uint8_t)i, 0}},
                             b = {.family = 4, .b = {10, 1, (uint8_t)i, 0}};
        const struct ike_ts l = ike_ts_prefix(&a, 24), r = ike_ts_prefix(&b, 24);
        assert_int_equal(ike_new_child(n->e, n->session, &l, 1, &r, 1, lab->now), 0);
    }
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 4);
    uint32_t old[4];
    for (int i = 0, k = 0; i < LAB_CHILDREN; i++) {
        if (n->child[i].used)
            old[k++] = n->child[i].spi_in;
    }
    ike_reauth(n->e, n->session, lab->now);
    run_with_traffic(lab, 30 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 4);
    for (int i = 0; i < 4; i++)
        assert_null(lab_child_of(n, old[i]));
    char text[64];
    assert_string_equal(ike_ts_format(&lab_last(n)->ts_local, text, sizeof(text)), "10.0.3.0/24");
    lab_end(lab);
}

static void it_works_in_a_bad_network(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct lab *lab = up();
        lab->fate = lab_bad_network;
        lab->arg2 = 200000;
        lab->arg = lab_seed() + seed;
        for (int i = 0; i < 3; i++) {
            ike_reauth(lab->node[0].e, lab->node[0].session, lab->now);
            lab_run(lab, 100 * (uint64_t)LAB_SECOND);
        }
        lab->fate = NULL;
        lab_run(lab, 200 * (uint64_t)LAB_SECOND);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
        lab_end(lab);
    }
}

static void it_meets_rekeys_and_the_end(void **state)
{
    (void)state;
    for (int what = 0; what < 6; what++) {
        for (int when = 0; when < 6; when++) {
            struct lab *lab = up();
            struct lab_node *n = &lab->node[what & 1];
            ike_reauth(lab->node[0].e, lab->node[0].session, lab->now);
            lab_run(lab, 4000 * (uint64_t)when);
            if (what < 2)
                ike_rekey_ike(n->e, n->session, lab->now);
            else if (what < 4)
                ike_rekey_child(n->e, lab_first(n)->spi_in, lab->now);
            else
                ike_delete(n->e, n->session, lab->now);
            lab_run(lab, 400 * (uint64_t)LAB_SECOND);
            if (what < 4) {
                lab_assert_sas(lab, 1);
                lab_assert_children(lab, 1);
                assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
            } else {
                lab_assert_sas(lab, 0);
                lab_assert_children(lab, 0);
                assert_int_equal(lab->node[0].downs, 1);
                // The responder may have deleted it before it saw the new one, which is deleted, too.
                assert_int_equal(lab->node[1].downs, lab->node[1].ups);
            }
            lab_end(lab);
        }
    }
}

static void a_failed_one_leaves_the_session_and_is_tried_again(void **state)
{
    (void)state;
    struct lab *lab = up();
    const char *good = "correct horse battery staple";
    snprintf(lab->node[1].psk, sizeof(lab->node[1].psk), "not that");
    ike_reauth(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 5 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    assert_int_equal(lab->node[0].rekeys, 0);
    snprintf(lab->node[1].psk, sizeof(lab->node[1].psk), "%s", good);
    lab_run(lab, 30 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[0].rekeys, 1);
    lab_assert_children(lab, 1);
    lab_end(lab);
}

static void a_remote_host_keeps_its_address(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->cp_request = true;
    lab->node[1].profile->cp_assign = true;
    up_with(lab);
    assert_int_equal(lab->node[1].pool_used, 1);
    ike_reauth(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 20 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[0].rekeys, 1);
    assert_int_equal(lab->node[1].pool_used, 1);
    lab_assert_children(lab, 1);
    ike_delete(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].pool_used, 0);
    lab_end(lab);
}

static void the_responder_says_when_and_means_it(void **state)
{
    (void)state;
    for (int follow = 0; follow < 2; follow++) {
        struct lab *lab = lab_new();
        lab->node[1].profile->reauth_s = 600; // AUTH_LIFETIME
        up_with(lab);
        // An initiator that cannot any more is cut off.
        if (!follow)
            snprintf(lab->node[0].psk, sizeof(lab->node[0].psk), "not that");
        lab_run(lab, 500 * (uint64_t)LAB_SECOND);
        assert_int_equal(lab->node[0].rekeys, 0); // at 80 to 90 percent
        lab_run(lab, 90 * (uint64_t)LAB_SECOND);
        assert_int_equal(lab->node[0].rekeys, follow);
        lab_run(lab, 30 * (uint64_t)LAB_SECOND);
        assert_int_equal(lab->node[1].downs, !follow);
        if (follow) {
            lab_run(lab, 3600 * (uint64_t)LAB_SECOND); // and so on
            assert_in_range(lab->node[0].rekeys, 6, 9);
            assert_int_equal(lab->node[1].downs, 0);
            lab_assert_children(lab, 1);
        } else {
            assert_int_equal(lab->node[1].down_why, IKE_R_NOT_RENEWED);
        }
        lab_end(lab);
    }
}

static void the_lifetime_of_an_authentication_outlives_rekeys(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].profile->reauth_s = 600;
    up_with(lab);
    snprintf(lab->node[0].psk, sizeof(lab->node[0].psk), "not that");
    for (int i = 0; i < 5; i++) {
        lab_run(lab, 110 * (uint64_t)LAB_SECOND);
        ike_rekey_ike(lab->node[i & 1].e, lab->node[i & 1].session, lab->now);
    }
    lab_run(lab, 30 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[1].downs, 0);
    lab_run(lab, 30 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[1].downs, 1);
    lab_end(lab);
}

static void the_initiators_own_choice(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->reauth_s = 300;
    up_with(lab);
    lab_run(lab, 3000 * (uint64_t)LAB_SECOND);
    assert_in_range(lab->node[0].rekeys, 10, 14);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    lab_assert_children(lab, 1);
    lab_end(lab);
}

// --- childless

static void the_first_child_may_have_a_key_exchange_of_its_own(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->childless = IKE_CHILDLESS_THEN;
    for (int i = 0; i < 2; i++) {
        lab->node[i].profile->esp[0].group[0] = IKE_DH_X25519;
        lab->node[i].profile->esp[0].n_group = 1;
    }
    up_with(lab);
    assert_int_equal(lab_first(&lab->node[0])->suite.group, IKE_DH_X25519);
    assert_int_equal(lab->node[0].child_fails, 0);
    // Authenticating again makes it again, and lets the traffic go on.
    stopped = 0;
    ike_reauth(lab->node[0].e, lab->node[0].session, lab->now);
    run_with_traffic(lab, 20 * (uint64_t)LAB_SECOND);
    assert_int_equal(stopped, 0);
    lab_assert_children(lab, 1);
    assert_int_equal(lab_first(&lab->node[0])->suite.group, IKE_DH_X25519);
    lab_end(lab);
}

static void no_child_until_it_is_asked_for(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->childless = IKE_CHILDLESS_ONLY;
    up_with(lab);
    lab_assert_sas(lab, 1);
    assert_int_equal(lab->node[0].child_fails + lab->node[1].child_fails, 0);
    for (int i = 0; i < 2; i++) // either side may
        assert_int_equal(ike_new_child(lab->node[i].e, lab->node[i].session, NULL, 0, NULL, 0, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 2);
    lab_end(lab);
}

// Each allocation of both sides fails once, from when it begins: nothing leaks, nothing is half there.
static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        for (unsigned nth = 1;; nth++) {
            struct lab *lab = up();
            struct lab_node *n = &lab->node[i];
            n->fail_alloc = n->n_alloc + nth;
            (void)ike_reauth(lab->node[0].e, lab->node[0].session, lab->now);
            lab_run(lab, 120 * (uint64_t)LAB_SECOND);
            const bool reached = n->n_alloc >= n->fail_alloc;
            assert_true(lab_sas(&lab->node[0]) <= 1);
            assert_true(lab_sas(&lab->node[1]) <= 1);
            lab_end(lab);
            if (!reached) {
                assert_true(nth > 3); // some did fail
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traffic_never_stops),
        cmocka_unit_test(all_children_are_made_again),
        cmocka_unit_test(it_works_in_a_bad_network),
        cmocka_unit_test(it_meets_rekeys_and_the_end),
        cmocka_unit_test(a_failed_one_leaves_the_session_and_is_tried_again),
        cmocka_unit_test(a_remote_host_keeps_its_address),
        cmocka_unit_test(the_responder_says_when_and_means_it),
        cmocka_unit_test(the_lifetime_of_an_authentication_outlives_rekeys),
        cmocka_unit_test(the_initiators_own_choice),
        cmocka_unit_test(the_first_child_may_have_a_key_exchange_of_its_own),
        cmocka_unit_test(no_child_until_it_is_asked_for),
        cmocka_unit_test(any_allocation_may_fail),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_reauth", tests, NULL, NULL);
}
