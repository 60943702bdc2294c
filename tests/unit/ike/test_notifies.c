// SPDX-License-Identifier: BSD-2-Clause
// Notifies of RFC 7296 about CHILD SAs: what the other end wants by them is done, or they do no harm.
#include "hostd/ike/ike_int.h"
#include "tests/unit/ike/insider.h"
#include "tests/unit/ike/lab.h"
#include "tests/unit/ip_of.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static uint16_t said[32]; // types of the notifies in the last answer of node 1
static unsigned n_said;
static bool answered_sa; // and was there an SA payload in it?

// Looks into the answers of node 1.
static struct lab_fate look(struct lab *lab, const struct lab_packet *p)
{
    static uint8_t plain[IKE_MAX_MESSAGE];
    struct ike_engine *e = lab->node[1].e;
    struct ike_payloads outer, in;
    struct ike_header h;
    size_t len = 0;
    const struct ike_sa *sa = insider_sa(&lab->node[1]);
    if (p->from != 1 || !lab_is_response(p) || sa == NULL || !ike_header_decode(p->bytes, p->len, &h) ||
        h.next != IKE_P_SK)
        return (struct lab_fate){0};
    assert_int_equal(ike_payloads_decode(h.next, p->bytes + IKE_HEADER_LEN, p->len - IKE_HEADER_LEN, &outer),
                     IKE_DECODE_OK);
    if (!ike_open(e->crypto, &sa->suite, sa->initiator ? sa->keys.ei : sa->keys.er,
                  sa->initiator ? sa->keys.ai : sa->keys.ar, p->bytes, p->len, (size_t)(outer.sk.p - p->bytes), plain,
                  &len) ||
        ike_payloads_decode(outer.sk_first, plain, len, &in) != IKE_DECODE_OK)
        return (struct lab_fate){0};
    n_said = 0;
    answered_sa = in.sa.p != NULL;
    for (unsigned i = 0; i < in.n_notify && n_said < 32; i++)
        said[n_said++] = in.notify[i].type;
    return (struct lab_fate){0};
}

static bool did_say(uint16_t type)
{
    for (unsigned i = 0; i < n_said; i++) {
        if (said[i] == type)
            return true;
    }
    return false;
}

static struct lab *up(void)
{
    struct lab *lab = lab_connected();
    lab_assert_children(lab, 1);
    lab->fate = look;
    return lab;
}

// Node 1, whose datapath has not answered yet, refuses the child of CREATE_CHILD_SA, or of IKE_AUTH, by this notify.
static void refuse(struct lab *lab, uint16_t notify)
{
    struct lab_node *b = &lab->node[1];
    b->install_later = true;
    lab_run(lab, LAB_SECOND / 10);
    struct ike_sa *sa = insider_sa(b);
    assert_non_null(sa);
    assert_non_null(sa->req);
    ike_enter(b->e, lab->now);
    if (sa->state == IKE_S_ESTABLISHED && sa->req->exchange == IKE_X_CREATE_CHILD)
        ike_create_answer(sa, notify);
    else
        ike_auth_answer(sa, notify);
    ike_leave(b->e);
    b->install_later = false;
}

// The last child of node 0 is one pair of addresses.
static void assert_pair(struct lab *lab)
{
    const struct lab_child *c = lab_last(&lab->node[0]);
    assert_int_equal(c->n_local, 1);
    assert_int_equal(c->n_remote, 1);
    assert_memory_equal(c->ts_local.lo, lab->node[0].addr.b, 4);
    assert_memory_equal(c->ts_local.hi, lab->node[0].addr.b, 4);
    assert_memory_equal(c->ts_remote.lo, lab->node[1].addr.b, 4);
    assert_memory_equal(c->ts_remote.hi, lab->node[1].addr.b, 4);
}

static void who_takes_one_pair_only_is_asked_for_one_pair(void **state)
{
    (void)state;
    struct lab *lab = up();
    assert_int_equal(ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now), 0);
    refuse(lab, IKE_N_SINGLE_PAIR);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 2);
    assert_pair(lab);
    assert_int_equal(lab->node[0].child_fails, 0);
    lab_end(lab);
}

static void the_first_child_too_is_asked_for_again_with_one_pair(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab_start(lab);
    lab_initiate(lab, 0);
    refuse(lab, IKE_N_SINGLE_PAIR);
    lab_run(lab, LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_pair(lab);
    lab_end(lab);
}

static void one_pair_is_asked_for_once(void **state)
{
    (void)state;
    struct lab *lab = up();
    assert_int_equal(ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now), 0);
    refuse(lab, IKE_N_SINGLE_PAIR);
    refuse(lab, IKE_N_SINGLE_PAIR);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[0].child_fails, 1);
    assert_int_equal(lab->node[0].fail_why, IKE_R_TS_UNACCEPTABLE);
    lab_end(lab);
}

static void selectors_without_a_pair_of_the_hosts_are_given_up(void **state)
{
    (void)state;
    struct lab *lab = up();
    const struct ip_addr net = ip_of("10.0.0.0");
    const struct ike_ts ts = ike_ts_prefix(&net, 16);
    assert_int_equal(ike_new_child(lab->node[0].e, lab->node[0].session, &ts, 1, &ts, 1, lab->now), 0);
    refuse(lab, IKE_N_SINGLE_PAIR);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[0].child_fails, 1);
    assert_int_equal(lab->node[0].fail_why, IKE_R_TS_UNACCEPTABLE);
    lab_end(lab);
}

static void who_must_ask_for_an_address_hears_why_there_is_no_child(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab_start(lab);
    lab_initiate(lab, 0);
    refuse(lab, IKE_N_CP_REQUIRED);
    lab_run(lab, LAB_SECOND);
    lab_assert_sas(lab, 1); // the IKE SA stands
    lab_assert_children(lab, 0);
    assert_int_equal(lab->node[0].child_fails, 1);
    assert_int_equal(lab->node[0].fail_why, IKE_R_ADDRESS);
    lab_end(lab);
}

// `n` networks of 24 bits, every second one.
static void networks(struct ike_ts *ts, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct ip_addr net = {.family = 4, .b = {10, 7, (uint8_t)(2 * i), 0}};
        ts[i] = ike_ts_prefix(&net, 24);
    }
}

static void selectors_that_find_no_room_are_told_to_be_possible(void **state)
{
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        struct lab *lab = lab_new();
        struct ike_profile *b = lab->node[1].profile;
        b->n_ts_local = (uint8_t)(IKE_MAX_TS / 2 + more);
        networks(b->ts_local, b->n_ts_local);
        lab_connect(lab);
        lab_assert_children(lab, 1);
        lab->fate = look;
        // Each network is asked for once for each of two protocols.
        const struct ip_addr zero = {.family = 4};
        struct ike_ts any[2] = {ike_ts_prefix(&zero, 0), ike_ts_prefix(&zero, 0)};
        any[0].proto = 6;
        any[1].proto = 17;
        assert_int_equal(ike_new_child(lab->node[0].e, lab->node[0].session, any, 2, any, 2, lab->now), 0);
        lab_run(lab, LAB_SECOND);
        lab_assert_children(lab, 2);
        assert_true(answered_sa);
        assert_int_equal(did_say(IKE_N_ADDITIONAL_TS), more);
        assert_int_equal(lab->node[0].e->stats.ts_cut, more);
        assert_int_equal(lab_last(&lab->node[0])->n_remote, IKE_MAX_TS);
        lab_end(lab);
    }
}

static void a_peer_that_cannot_rekey_gets_a_new_ike_sa(void **state)
{
    (void)state;
    struct lab *lab = up();
    const uint64_t spi = insider_sa(&lab->node[0])->spi_i;
    const uint32_t child = lab_first(&lab->node[0])->spi_in;
    assert_int_equal(ike_rekey_child(lab->node[0].e, child, lab->now), 0);
    refuse(lab, IKE_N_NO_ADDITIONAL_SAS);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_int_not_equal(lab_first(&lab->node[0])->spi_in, child);
    assert_true(insider_sa(&lab->node[0])->spi_i != spi);
    assert_int_equal(lab->node[0].downs, 0); // the session goes on
    lab_end(lab);
}

static void no_additional_sas_for_another_child_ends_only_that(void **state)
{
    (void)state;
    struct lab *lab = up();
    const uint64_t spi = insider_sa(&lab->node[0])->spi_i;
    assert_int_equal(ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now), 0);
    refuse(lab, IKE_N_NO_ADDITIONAL_SAS);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_true(insider_sa(&lab->node[0])->spi_i == spi);
    assert_int_equal(lab->node[0].fail_why, IKE_R_RESOURCES);
    lab_end(lab);
}

static void padding_and_fragment_notifies_are_taken_and_not_answered(void **state)
{
    (void)state;
    struct lab *lab = up();
    const struct ike_profile *p = lab->node[0].profile;
    const struct insider_says i = {.exchange = IKE_X_CREATE_CHILD};
    static uint8_t room[IKE_MAX_MESSAGE];
    const uint8_t spi[4] = {0xc0, 1, 2, 3}, nonce[32] = {1};
    struct ike_build b;
    ike_build_chain(&b, room, sizeof(room));
    ike_put_notify(&b, IKE_N_NO_TFC_PADDING, NULL, 0);
    ike_put_notify(&b, IKE_N_NON_FIRST_FRAGMENTS, NULL, 0);
    ike_put_offer(&b, p->esp, p->n_esp, IKE_PROTO_ESP, spi, sizeof(spi), true);
    ike_put_raw(&b, IKE_P_NONCE, nonce, sizeof(nonce));
    ike_put_ts(&b, IKE_P_TSI, p->ts_local, 1);
    ike_put_ts(&b, IKE_P_TSR, p->ts_remote, 1);
    assert_true(insider_say(lab, 0, &i, &b));
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab_children(&lab->node[1]), 2);
    assert_true(answered_sa);
    assert_false(did_say(IKE_N_NO_TFC_PADDING));
    assert_false(did_say(IKE_N_NON_FIRST_FRAGMENTS));
    lab_end(lab);
}

static void invalid_selectors_is_counted_and_ends_nothing(void **state)
{
    (void)state;
    struct lab *lab = up();
    const struct insider_says i = {.exchange = IKE_X_INFORMATIONAL};
    static uint8_t room[512];
    const uint32_t out = lab_first(&lab->node[1])->spi_out;
    const uint8_t spi[4] = {(uint8_t)(out >> 24), (uint8_t)(out >> 16), (uint8_t)(out >> 8), (uint8_t)out};
    const uint8_t packet[64] = {0x45};
    struct ike_build b;
    ike_build_chain(&b, room, sizeof(room));
    ike_put_notify_spi(&b, IKE_N_INVALID_SELECTORS, IKE_PROTO_ESP, spi, sizeof(spi), packet, sizeof(packet));
    assert_true(insider_say(lab, 0, &i, &b));
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].e->stats.error_notices, 1);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    lab_end(lab);
}

static void packets_outside_the_selectors_are_told_a_few_times_only(void **state)
{
    (void)state;
    struct lab *lab = up();
    struct lab_node *a = &lab->node[0], *b = &lab->node[1];
    const uint8_t packet[100] = {0x45};
    for (int i = 0; i < 50; i++) // a stream of them
        ike_outside_selectors(b->e, lab_first(b)->spi_in, packet, sizeof(packet), lab->now);
    assert_int_equal(b->e->stats.invalid_selectors_sent, 1);
    lab_run(lab, LAB_SECOND);
    ike_outside_selectors(b->e, lab_first(b)->spi_in ^ 1, packet, sizeof(packet), lab->now); // no such SA
    lab_run(lab, LAB_SECOND);
    assert_int_equal(a->e->stats.error_notices, 1);
    assert_int_equal(b->e->stats.error_notices, 0);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    ike_outside_selectors(b->e, lab_first(b)->spi_in, packet, 0, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(a->e->stats.error_notices, 2);
    lab_end(lab);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_takes_one_pair_only_is_asked_for_one_pair),
        cmocka_unit_test(the_first_child_too_is_asked_for_again_with_one_pair),
        cmocka_unit_test(one_pair_is_asked_for_once),
        cmocka_unit_test(selectors_without_a_pair_of_the_hosts_are_given_up),
        cmocka_unit_test(who_must_ask_for_an_address_hears_why_there_is_no_child),
        cmocka_unit_test(selectors_that_find_no_room_are_told_to_be_possible),
        cmocka_unit_test(a_peer_that_cannot_rekey_gets_a_new_ike_sa),
        cmocka_unit_test(no_additional_sas_for_another_child_ends_only_that),
        cmocka_unit_test(padding_and_fragment_notifies_are_taken_and_not_answered),
        cmocka_unit_test(invalid_selectors_is_counted_and_ends_nothing),
        cmocka_unit_test(packets_outside_the_selectors_are_told_a_few_times_only),
    };
    return cmocka_run_group_tests_name("ike_notifies", tests, NULL, NULL);
}
