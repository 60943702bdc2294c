// SPDX-License-Identifier: BSD-2-Clause
// MOBIKE (RFC 4555): addresses that change under an IKE SA and its children, with loss, NATs and collisions.
#include "hostd/ike/ike_int.h"
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

enum { MINUTE = 60 };

static struct lab *up_with(struct lab *lab)
{
    lab->strict = true;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    return lab;
}

static struct lab *up(void)
{
    return up_with(lab_new());
}

static int move(struct lab *lab, const char *to)
{
    lab->node[0].addr = ip_of(to);
    return ike_move(lab->node[0].e, lab->node[0].session, &lab->node[0].addr, NULL, lab->now);
}

// Both ends of the first child agree on where it goes.
static void assert_paths(struct lab *lab, const char *initiator, const char *responder)
{
    const struct ip_addr i = ip_of(initiator), r = ip_of(responder);
    const struct lab_child *a = lab_first(&lab->node[0]), *b = lab_first(&lab->node[1]);
    assert_true(ip_equal(&a->path.local, &lab->node[0].addr));
    assert_true(ip_equal(&a->path.remote, &r));
    assert_true(ip_equal(&b->path.local, &r));
    assert_true(ip_equal(&b->path.remote, &i));
    assert_int_equal(a->encap, b->encap);
}

static void both_sides_say_it_and_go_to_port_4500(void **state)
{
    (void)state;
    for (int off = 0; off < 3; off++) { // neither, the initiator, the responder has it switched off
        struct lab *lab = lab_new();
        if (off)
            lab->node[off - 1].profile->mobike = false;
        up_with(lab);
        for (int i = 0; i < 2; i++) {
            const struct ike_sa *sa = lab->node[i].e->sas;
            assert_int_equal(sa->mobike, off == 0);
            assert_int_equal(sa->path.natt, off != 1);
            assert_false(lab_first(&lab->node[i])->encap); // there is no NAT
        }
        assert_int_equal(move(lab, "192.0.2.77"), off == 0 ? 0 : -1);
        lab->node[0].addr = ip_of("192.0.2.1");
        lab_run(lab, LAB_SECOND);
        lab_end(lab);
    }
}

static void children_follow_the_initiator(void **state)
{
    (void)state;
    struct lab *lab = up();
    const uint32_t spi = lab_first(&lab->node[0])->spi_in;
    assert_int_equal(move(lab, "192.0.2.77"), 0);
    lab_run(lab, LAB_SECOND);
    assert_paths(lab, "192.0.2.77", "198.51.100.2");
    assert_int_equal(lab_first(&lab->node[0])->spi_in, spi); // the same child
    assert_int_equal(lab->node[0].moves, 1);
    assert_int_equal(lab->node[1].moves, 1);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    // All exchanges go on from there, of both sides.
    assert_int_equal(ike_rekey_ike(lab->node[1].e, lab->node[1].session, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(ike_rekey_child(lab->node[0].e, spi, lab->now), 0);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_paths(lab, "192.0.2.77", "198.51.100.2");
    assert_int_equal(move(lab, "192.0.2.1"), 0); // and home again, on the rekeyed SA
    lab_run(lab, LAB_SECOND);
    assert_paths(lab, "192.0.2.1", "198.51.100.2");
    lab_end(lab);
}

// The responder's traffic does not go to the new address before the peer has proved that it is there.
static struct lab_fate drop_cookie2(struct lab *lab, const struct lab_packet *p)
{
    // The responder's requests are INFORMATIONAL with its own message ids.
    return (struct lab_fate){.drop = lab->arg && p->from == 1 && !lab_is_response(p)};
}

static void the_responder_wants_proof_of_the_new_address(void **state)
{
    (void)state;
    struct lab *lab = up();
    lab->fate = drop_cookie2;
    lab->arg = 1;
    assert_int_equal(move(lab, "192.0.2.77"), 0);
    lab_run(lab, LAB_SECOND);
    const struct ip_addr old = ip_of("192.0.2.1");
    assert_true(ip_equal(&lab_first(&lab->node[1])->path.remote, &old));
    assert_int_equal(lab->node[1].moves, 0);
    lab->arg = 0;
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    assert_paths(lab, "192.0.2.77", "198.51.100.2");
    lab_end(lab);
}

static void a_wrong_cookie2_ends_the_sa(void **state)
{
    (void)state;
    struct lab *lab = up();
    assert_int_equal(move(lab, "192.0.2.77"), 0);
    while (lab->node[1].e->sas->task == NULL || lab->node[1].e->sas->task->kind != IKE_TASK_COOKIE2)
        lab_run(lab, 1000);
    lab->node[1].e->sas->ext->cookie2[3] ^= 1;
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].downs, 1);
    assert_int_equal(lab->node[1].down_why, IKE_R_REFUSED);
    lab_end(lab);
}

static void a_spoke_that_roams_in_a_bad_network(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct lab *lab = up();
        const uint32_t spi = lab_first(&lab->node[0])->spi_in;
        char to[32];
        lab->fate = lab_bad_network;
        lab->arg2 = 300000;
        lab->arg = lab_seed() + seed;
        for (int i = 0; i < 5; i++) { // faster than updates can be answered, sometimes
            snprintf(to, sizeof(to), "192.0.2.%d", 10 + i);
            assert_int_equal(move(lab, to), 0);
            lab_run(lab, lab_random(&lab->arg) % (2 * LAB_SECOND));
        }
        lab_run(lab, 2 * MINUTE * (uint64_t)LAB_SECOND);
        lab->fate = NULL;
        lab_run(lab, MINUTE * (uint64_t)LAB_SECOND);
        assert_paths(lab, "192.0.2.14", "198.51.100.2");
        assert_int_equal(lab_first(&lab->node[0])->spi_in, spi);
        assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
        lab_end(lab);
    }
}

// An address change meets rekeys of either side and kind.
static void a_move_meets_a_rekey(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        for (int when = 0; when < 6; when++) {
            struct lab *lab = up();
            struct lab_node *n = &lab->node[what & 1];
            const uint32_t spi = lab_first(n)->spi_in;
            if (what & 2)
                ike_rekey_ike(n->e, n->session, lab->now);
            else
                ike_rekey_child(n->e, spi, lab->now);
            lab_run(lab, 2500 * (uint64_t)when);
            assert_int_equal(move(lab, "192.0.2.77"), 0);
            lab_run(lab, 5 * MINUTE * (uint64_t)LAB_SECOND);
            lab_assert_sas(lab, 1);
            lab_assert_children(lab, 1);
            assert_paths(lab, "192.0.2.77", "198.51.100.2");
            assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
            lab_end(lab);
        }
    }
}

static void a_move_behind_a_nat_switches_udp_encapsulation_on_and_off(void **state)
{
    (void)state;
    struct lab *lab = up();
    assert_false(lab_first(&lab->node[0])->encap);
    lab->nat = true;
    assert_int_equal(move(lab, "10.0.0.5"), 0);
    lab_run(lab, LAB_SECOND);
    assert_paths(lab, "203.0.113.99", "198.51.100.2");
    assert_true(lab_first(&lab->node[0])->encap);
    assert_int_equal(lab_first(&lab->node[1])->path.remote_port, IKE_PORT_NATT + lab->nat_port);
    const unsigned before = lab->node[0].keepalives;
    lab_run(lab, MINUTE * (uint64_t)LAB_SECOND);
    assert_true(lab->node[0].keepalives > before); // it knows that it is behind a NAT
    lab->nat = false;
    assert_int_equal(move(lab, "192.0.2.1"), 0);
    lab_run(lab, LAB_SECOND);
    assert_paths(lab, "192.0.2.1", "198.51.100.2");
    assert_false(lab_first(&lab->node[0])->encap);
    lab_end(lab);
}

static void a_new_mapping_of_the_nat_is_found_by_dpd(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->nat = true;
    lab->node[0].addr = ip_of("10.0.0.5");
    up_with(lab);
    lab_run(lab, MINUTE * (uint64_t)LAB_SECOND); // a first DPD tells how the peer sees us
    lab->nat_port = 8123;
    lab_run(lab, MINUTE * (uint64_t)LAB_SECOND);
    assert_int_equal(lab_first(&lab->node[1])->path.remote_port, IKE_PORT_NATT + 8123);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    const uint64_t before = lab->node[1].e->stats.retransmits;
    assert_int_equal(ike_probe(lab->node[1].e, lab->node[1].session, lab->now), 0);
    lab_run(lab, 2 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[1].e->stats.retransmits, before);
    lab_end(lab);
}

// Without MOBIKE any authentic message tells the new mapping (RFC 7296 2.23).
static void a_new_mapping_without_mobike(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->nat = true;
    lab->node[0].addr = ip_of("10.0.0.5");
    lab->node[0].profile->mobike = false;
    up_with(lab);
    lab->nat_port = 8123;
    ike_probe(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab_first(&lab->node[1])->path.remote_port, IKE_PORT_NATT + 8123);
    lab_end(lab);
}

// With MOBIKE a mere message from elsewhere moves nothing (RFC 4555 3.8), and is answered where it came from.
static void other_messages_from_elsewhere_move_nothing(void **state)
{
    (void)state;
    struct lab *lab = up();
    struct ike_sa *sa = lab->node[0].e->sas;
    lab->node[0].other = ip_of("192.0.2.200");
    sa->path.local = lab->node[0].other; // as if the kernel had chosen another source, once
    ike_probe(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 100000);
    sa->path.local = lab->node[0].addr;
    lab_run(lab, LAB_SECOND);
    assert_null(sa->task); // answered
    assert_paths(lab, "192.0.2.1", "198.51.100.2");
    assert_int_equal(lab->node[1].moves, 0);
    lab_end(lab);
}

static void the_initiator_tries_the_other_address_of_a_gateway(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].other = lab->node[1].told[0] = ip_of("198.51.100.200");
    lab->node[1].n_told = 1;
    up_with(lab);
    lab->node[1].addr = lab->node[1].other; // the first one is gone
    ike_probe(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 3 * MINUTE * (uint64_t)LAB_SECOND);
    assert_paths(lab, "192.0.2.1", "198.51.100.200");
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    assert_true(lab->node[0].lost > 0);
    lab_end(lab);
}

static void changed_additional_addresses_are_told(void **state)
{
    (void)state;
    struct lab *lab = up();
    lab->node[1].n_told = 2;
    lab->node[1].told[0] = ip_of("198.51.100.200");
    lab->node[1].told[1] = ip_of("2001:db8::7");
    ike_addresses_changed(lab->node[1].e, lab->now);
    lab_run(lab, LAB_SECOND);
    const struct ike_ext *x = lab->node[0].e->sas->ext;
    assert_non_null(x);
    assert_int_equal(x->n_extra, 2);
    assert_true(ip_equal(&x->extra[1], &lab->node[1].told[1]));
    lab->node[1].n_told = 0; // NO_ADDITIONAL_ADDRESSES
    ike_addresses_changed(lab->node[1].e, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(x->n_extra, 0);
    lab_end(lab);
}

// A responder tells its addresses from another one. Where the one in use is still among them it stays in use.
static void a_responder_that_has_lost_its_address_is_followed(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct lab *lab = up();
        struct lab_node *b = &lab->node[1];
        const struct ip_addr old = b->addr, new = ip_of("198.51.100.200");
        struct ike_sa *sa = b->e->sas;
        b->addr = new;
        if (!lost) {
            b->other = b->told[0] = old;
            b->n_told = 1;
        }
        sa->path.local = new;
        ike_addresses_changed(b->e, lab->now);
        lab_run(lab, LAB_SECOND / 10);
        if (!lost)
            sa->path.local = b->addr = old;
        lab_run(lab, LAB_SECOND);
        assert_paths(lab, "192.0.2.1", lost ? "198.51.100.200" : "198.51.100.2");
        assert_int_equal(lab->node[0].moves, lost);
        assert_int_equal(lab->node[0].downs + b->downs, 0);
        lab_end(lab);
    }
}

// A request made by hand: the notifies of `b`, over the path of node 0's SA. The answer's first error, or 0.
static uint16_t ask(struct lab *lab, const struct ike_build *b, bool *cookie)
{
    struct ike_sa *sa = lab->node[1].e->sas;
    struct ike_payloads p;
    uint8_t mem[512];
    struct ike_build out;
    assert_int_equal(ike_payloads_decode(b->first, b->w.data, b->w.len, &p), IKE_DECODE_OK);
    ike_build_chain(&out, mem, sizeof(mem));
    const uint16_t error = ike_mobike_request(sa, &p, &out);
    struct ike_payloads q;
    assert_int_equal(ike_payloads_decode(out.first, out.w.data, out.w.len, &q), IKE_DECODE_OK);
    *cookie = ike_find_notify(&q, IKE_N_COOKIE2) != NULL;
    const struct ike_notify_in *e = ike_find_error(&q);
    assert_int_equal(error, e ? e->type : 0);
    return error;
}

static void no_nats_allowed_is_checked(void **state)
{
    (void)state;
    struct lab *lab = up();
    const struct ike_path *path = &lab->node[1].e->sas->path;
    for (int wrong = 0; wrong < 2; wrong++) {
        uint8_t mem[256], data[12];
        struct ike_build b;
        bool cookie;
        ike_build_chain(&b, mem, sizeof(mem));
        memcpy(data, path->remote.b, 4);
        memcpy(data + 4, path->local.b, 4);
        data[8] = (uint8_t)(path->remote_port >> 8);
        data[9] = (uint8_t)path->remote_port;
        data[10] = (uint8_t)(path->local_port >> 8);
        data[11] = (uint8_t)(path->local_port ^ wrong);
        ike_put_notify(&b, IKE_N_UPDATE_ADDRESSES, NULL, 0);
        ike_put_notify(&b, IKE_N_NO_NATS, data, sizeof(data));
        ike_put_notify(&b, IKE_N_COOKIE2, "sixteen bytes!!!", 16);
        assert_int_equal(ask(lab, &b, &cookie), wrong ? IKE_N_UNEXPECTED_NAT : 0);
        assert_true(cookie);
    }
    lab_end(lab);
}

static void a_refused_address_ends_the_sa_after_the_others_were_tried(void **state)
{
    (void)state;
    struct lab *lab = up();
    struct ike_sa *sa = lab->node[0].e->sas;
    uint8_t mem[64];
    struct ike_build b;
    struct ike_payloads p;
    ike_build_chain(&b, mem, sizeof(mem));
    ike_put_notify(&b, IKE_N_UNACCEPTABLE_ADDRESSES, NULL, 0);
    assert_int_equal(ike_payloads_decode(b.first, b.w.data, b.w.len, &p), IKE_DECODE_OK);
    assert_int_equal(move(lab, "192.0.2.77"), 0);
    ike_enter(lab->node[0].e, lab->now);
    ike_request_done(sa);
    assert_false(ike_mobike_response(sa, &p));
    ike_leave(lab->node[0].e);
    assert_int_equal(lab->node[0].downs, 1);
    assert_int_equal(lab->node[0].down_why, IKE_R_REFUSED);
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
            (void)move(lab, "192.0.2.77");
            lab_run(lab, 5 * MINUTE * (uint64_t)LAB_SECOND);
            const bool reached = n->n_alloc >= n->fail_alloc;
            lab_assert_tidy(lab);
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
        cmocka_unit_test(both_sides_say_it_and_go_to_port_4500),
        cmocka_unit_test(children_follow_the_initiator),
        cmocka_unit_test(the_responder_wants_proof_of_the_new_address),
        cmocka_unit_test(a_wrong_cookie2_ends_the_sa),
        cmocka_unit_test(a_spoke_that_roams_in_a_bad_network),
        cmocka_unit_test(a_move_meets_a_rekey),
        cmocka_unit_test(a_move_behind_a_nat_switches_udp_encapsulation_on_and_off),
        cmocka_unit_test(a_new_mapping_of_the_nat_is_found_by_dpd),
        cmocka_unit_test(a_new_mapping_without_mobike),
        cmocka_unit_test(other_messages_from_elsewhere_move_nothing),
        cmocka_unit_test(the_initiator_tries_the_other_address_of_a_gateway),
        cmocka_unit_test(changed_additional_addresses_are_told),
        cmocka_unit_test(a_responder_that_has_lost_its_address_is_followed),
        cmocka_unit_test(no_nats_allowed_is_checked),
        cmocka_unit_test(a_refused_address_ends_the_sa_after_the_others_were_tried),
        cmocka_unit_test(any_allocation_may_fail),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_mobike", tests, NULL, NULL);
}
