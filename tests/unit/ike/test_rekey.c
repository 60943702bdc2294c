// SPDX-License-Identifier: BSD-2-Clause
// Rekeys of both kinds, alone and at once, with and without loss; deletes at once; lifetimes; dead peers; broken
// networks; faults.
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

static struct lab *up(void)
{
    struct lab *lab = lab_connected();
    lab_assert_children(lab, 1);
    return lab;
}

static void set_pfs(struct lab *lab, int i, uint16_t a, uint16_t b)
{
    struct ike_proposal *p = &lab->node[i].profile->esp[0];
    p->group[0] = a;
    p->group[1] = b;
    p->n_group = (uint8_t)((a != 0) + (b != 0));
}

static void a_child_is_rekeyed_by_either_side(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = up();
        const uint32_t old = lab_first(&lab->node[i])->spi_in;
        assert_int_equal(ike_rekey_child(lab->node[i].e, old, lab->now), 0);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_not_equal(lab_first(&lab->node[i])->spi_in, old);
        assert_int_not_equal(lab_first(&lab->node[i])->replaces, 0);
        // The responder held its outbound half back, and moved when the old child was deleted.
        assert_int_equal(lab->node[i].switches, 0);
        assert_int_equal(lab->node[1 - i].switches, 1);
        lab_end(lab);
    }
}

// Both sides agreeing is not enough: the first half of the keys is the initiator's to send with (RFC 7296 2.17).
static void the_directions_of_keys_are_right(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = up();
        struct lab_node *a = &lab->node[i], *b = &lab->node[1 - i];
        ike_rekey_child(a->e, lab_first(a)->spi_in, lab->now);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        const struct lab_child *c = lab_first(a);
        const struct ike_sa *sa = a->e->sas;
        const struct ike_bytes none = {NULL, 0}, ni = {a->nonce, sizeof(a->nonce)}, nr = {b->nonce, sizeof(b->nonce)};
        struct ike_child_key i2r = {0}, r2i = {0};
        assert_true(ike_derive_child(a->e->crypto, sa->suite.prf, sa->keys.d, none, ni, nr, &c->suite, &i2r, &r2i));
        assert_memory_equal(&c->out, &i2r, sizeof(i2r));
        assert_memory_equal(&c->in, &r2i, sizeof(r2i));
        lab_end(lab);
    }
}

static bool two_children(struct lab *lab)
{
    return lab_children(&lab->node[0]) == 2 && lab_children(&lab->node[1]) == 2;
}

static void the_old_child_lives_until_the_new_one_carries(void **state)
{
    (void)state;
    struct lab *lab = up();
    ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
    assert_true(lab_until(lab, two_children, LAB_SECOND));
    lab_run(lab, LAB_SECOND); // stragglers of the old one are still taken
    assert_true(two_children(lab));
    lab_run(lab, (IKE_T_CHILD_LINGER + 1) * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    lab_end(lab);
}

static void inbound_traffic_moves_the_responder_to_the_new_child(void **state)
{
    (void)state;
    struct lab *lab = up();
    ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
    while (lab_children(&lab->node[1]) < 2)
        lab_run(lab, 1000);
    assert_true(lab_last(&lab->node[1])->held);
    assert_int_equal(ike_child_inbound_seen(lab->node[1].e, lab_last(&lab->node[1])->spi_in, lab->now), 0);
    assert_false(lab_last(&lab->node[1])->held);
    lab_run(lab, 20 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[1].switches, 1);
    lab_assert_children(lab, 1);
    lab_end(lab);
}

static void gcm_now(struct lab_node *n, uint16_t bits, uint16_t group)
{
    n->esp_now = (struct ike_proposal){.n_encr = 1, .encr = {{IKE_ENCR_AES_GCM_16, bits}}, .esn_no = true};
    n->esp_now.n_group = group != 0;
    n->esp_now.group[0] = group;
}

// The configuration changes while the IKE SA lives: the next rekey, whoever asks for it, is made with what it has now.
static void a_rekey_takes_the_proposals_of_now(void **state)
{
    (void)state;
    for (int by = 0; by < 2; by++) {
        struct lab *lab = up();
        struct lab_node *a = &lab->node[0], *asks = &lab->node[by];
        assert_true(lab_first(a)->suite.encr_bits != 128);
        gcm_now(a, 128, 0);
        ike_rekey_child(asks->e, lab_first(asks)->spi_in, lab->now);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_equal(lab_first(a)->suite.encr, IKE_ENCR_AES_GCM_16);
        assert_int_equal(lab_first(a)->suite.encr_bits, 128);
        // It changes again while the request is on its way: the answer is to what was offered.
        const uint32_t old = lab_first(a)->spi_in;
        ike_rekey_child(a->e, old, lab->now);
        gcm_now(a, 256, IKE_DH_X25519);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_true(lab_first(a)->spi_in != old);
        assert_int_equal(lab_first(a)->suite.encr_bits, 128);
        assert_int_equal(a->child_fails, 0);
        ike_rekey_child(a->e, lab_first(a)->spi_in, lab->now);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_equal(lab_first(a)->suite.encr_bits, 256);
        assert_int_equal(lab_first(a)->suite.group, IKE_DH_X25519);
        // The IKE SA is rekeyed: so it is with the children of that one.
        ike_rekey_ike(a->e, a->session, lab->now);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        gcm_now(a, 128, 0);
        ike_rekey_child(asks->e, lab_first(asks)->spi_in, lab->now);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_equal(lab_first(a)->suite.encr_bits, 128);
        lab_end(lab);
    }
}

static void pfs_rows(void **state)
{
    (void)state;
    static const struct {
        uint16_t a0, a1, b0, b1; // groups of the initiator and of the responder
        uint16_t used;
        bool ok;
    } rows[] = {
        {IKE_DH_X25519, 0, IKE_DH_X25519, 0, IKE_DH_X25519, true},
        {IKE_DH_ECP_384, 0, 0, 0, IKE_DH_ECP_384, true},                          // a responder without PFS takes it
        {IKE_DH_X25519, IKE_DH_ECP_256, IKE_DH_ECP_256, 0, IKE_DH_ECP_256, true}, // INVALID_KE_PAYLOAD
        {0, 0, IKE_DH_X25519, 0, 0, false},                                       // a responder that insists
        {IKE_DH_X25519, 0, IKE_DH_ECP_256, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *lab = lab_new();
        set_pfs(lab, 0, rows[i].a0, rows[i].a1);
        set_pfs(lab, 1, rows[i].b0, rows[i].b1);
        lab_connect(lab);
        const uint32_t old = lab_first(&lab->node[0])->spi_in;
        assert_int_equal(lab_first(&lab->node[0])->suite.group, 0);
        ike_rekey_child(lab->node[0].e, old, lab->now);
        lab_run(lab, 8 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_equal(lab_first(&lab->node[0])->spi_in != old, rows[i].ok);
        assert_int_equal(lab_first(&lab->node[0])->suite.group, rows[i].used);
        assert_int_equal(lab->node[0].child_fails > 0, !rows[i].ok);
        lab_end(lab);
    }
}

static void an_ike_sa_is_rekeyed_by_either_side_and_keeps_its_children(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = up();
        const uint32_t spi = lab_first(&lab->node[0])->spi_in;
        for (unsigned round = 1; round <= 3; round++) {
            assert_int_equal(ike_rekey_ike(lab->node[i].e, lab->node[i].session, lab->now), 0);
            lab_run(lab, 2 * (uint64_t)LAB_SECOND);
            lab_assert_sas(lab, 1);
            assert_int_equal(lab->node[0].rekeys, round);
            assert_int_equal(lab->node[1].rekeys, round);
        }
        assert_int_equal(lab_first(&lab->node[0])->spi_in, spi);
        assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
        // The new one works: rekey a child on it, from the other side.
        ike_rekey_child(lab->node[1 - i].e, lab_first(&lab->node[1 - i])->spi_in, lab->now);
        lab_run(lab, 10 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_not_equal(lab_first(&lab->node[0])->spi_in, spi);
        lab_end(lab);
    }
}

// Drop each message whose number since the start of the trial is in the bit mask `arg`.
static struct lab_fate drop_mask(struct lab *lab, const struct lab_packet *p)
{
    const uint64_t n = p->number - lab->arg2;
    return (struct lab_fate){.drop = n < 64 && lab->arg >> n & 1};
}

enum trial {
    CHILD_CHILD,
    IKE_IKE,
    CHILD_IKE,
    DELETE_CHILD_CHILD,
    DELETE_IKE_IKE,
    REKEY_DELETE_CHILD,
    REKEY_DELETE_IKE
};

// Both sides start something at the same moment; messages of the mask are lost; then all must be in order.
static void both_at_once(enum trial what, uint64_t lost, unsigned seed)
{
    struct lab *lab = lab_new();
    lab->node[0].seed += seed;
    lab->node[1].seed += (uint64_t)seed * 31;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    struct lab_node *a = &lab->node[0], *b = &lab->node[1];
    const uint32_t spi_a = lab_first(a)->spi_in, spi_b = lab_first(b)->spi_in;
    lab->fate = drop_mask;
    lab->arg = lost;
    lab->arg2 = lab->sent + 1;
    unsigned sas = 1, children = 1;
    switch (what) {
    case CHILD_CHILD:
        ike_rekey_child(a->e, spi_a, lab->now);
        ike_rekey_child(b->e, spi_b, lab->now);
        break;
    case IKE_IKE:
        ike_rekey_ike(a->e, a->session, lab->now);
        ike_rekey_ike(b->e, b->session, lab->now);
        break;
    case CHILD_IKE:
        ike_rekey_child(a->e, spi_a, lab->now);
        ike_rekey_ike(b->e, b->session, lab->now);
        break;
    case DELETE_CHILD_CHILD:
        ike_delete_child(a->e, spi_a, lab->now);
        ike_delete_child(b->e, spi_b, lab->now);
        children = 0;
        break;
    case DELETE_IKE_IKE:
        ike_delete(a->e, a->session, lab->now);
        ike_delete(b->e, b->session, lab->now);
        sas = children = 0;
        break;
    case REKEY_DELETE_CHILD:
        ike_rekey_child(a->e, spi_a, lab->now);
        ike_delete_child(b->e, spi_b, lab->now);
        children = 2; // 0 or 1: decided by who came first
        break;
    case REKEY_DELETE_IKE:
        ike_rekey_ike(a->e, a->session, lab->now);
        ike_delete(b->e, b->session, lab->now);
        sas = children = 0;
        break;
    }
    lab_run(lab, 150 * (uint64_t)LAB_SECOND);
    if (children == 2)
        children = lab_children(a);
    assert_in_range(children, 0, 1);
    lab_assert_children(lab, children);
    lab_assert_sas(lab, sas);
    if (what == CHILD_CHILD)
        assert_int_not_equal(lab_first(a)->spi_in, spi_a);
    if (what == IKE_IKE || what == CHILD_IKE)
        assert_true(a->rekeys >= 1 && b->rekeys >= 1);
    if (what == CHILD_IKE)
        assert_int_not_equal(lab_first(a)->spi_in, spi_a);
    assert_int_equal(a->downs, sas ? 0 : 1);
    assert_int_equal(b->downs, sas ? 0 : 1);
    // What is left works.
    if (sas) {
        assert_int_equal(ike_probe(a->e, a->session, lab->now), 0);
        assert_int_equal(ike_new_child(b->e, b->session, NULL, 0, NULL, 0, lab->now), 0);
        lab_run(lab, 30 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, children + 1);
    }
    lab_end(lab);
}

// Without loss, with the loss of each single message and of each pair of the first ones, and with different nonces.
static void sweep(enum trial what)
{
    for (unsigned seed = 0; seed < 6; seed++)
        both_at_once(what, 0, seed);
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned k = i; k < 10; k++)
            both_at_once(what, (uint64_t)1 << i | (uint64_t)1 << k, i + k);
    }
}

static void simultaneous_child_rekeys_leave_one(void **state)
{
    (void)state;
    sweep(CHILD_CHILD);
}

static void simultaneous_ike_rekeys_leave_one(void **state)
{
    (void)state;
    sweep(IKE_IKE);
}

static void a_child_rekey_meets_an_ike_rekey(void **state)
{
    (void)state;
    sweep(CHILD_IKE);
}

static void simultaneous_child_deletes(void **state)
{
    (void)state;
    sweep(DELETE_CHILD_CHILD);
}

static void simultaneous_ike_deletes(void **state)
{
    (void)state;
    sweep(DELETE_IKE_IKE);
}

static void a_child_rekey_meets_a_delete(void **state)
{
    (void)state;
    sweep(REKEY_DELETE_CHILD);
}

// The answer that makes the child comes late, by lab->arg.
static struct lab_fate late_answer(struct lab *lab, const struct lab_packet *p)
{
    return (struct lab_fate){.delay = lab_is_response(p) && lab_exchange(p) == IKE_X_CREATE_CHILD ? lab->arg : 0};
}

static bool has_two(struct lab *lab)
{
    return lab_children(&lab->node[1]) == 2;
}

// A peer that deletes what it does not know yet, and makes it when our answer comes, would have it alone: the Delete
// waits until the peer has it, which its own Delete of the old one shows, or for as long as answers may take.
static void a_child_that_an_answer_makes_is_not_deleted_before_it(void **state)
{
    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        struct lab *lab = lab_connected();
        struct lab_node *a = &lab->node[0], *b = &lab->node[1];
        lab->arg = late ? 20 * (uint64_t)LAB_SECOND : LAB_SECOND / 2;
        lab->fate = late_answer;
        ike_rekey_child(a->e, lab_first(a)->spi_in, lab->now);
        assert_true(lab_until(lab, has_two, LAB_SECOND));
        const uint64_t made = lab->now;
        const uint32_t spi = lab_last(b)->spi_in;
        assert_int_equal(ike_delete_child(b->e, spi, lab->now), 0);
        const uint64_t sent = lab->sent;
        lab_run(lab, LAB_SECOND / 4);
        assert_int_equal(lab->sent, sent);
        assert_int_equal(lab_children(b), 2);
        while (lab_child_of(b, spi) && lab->now < made + 30 * (uint64_t)LAB_SECOND)
            lab_run(lab, LAB_SECOND / 4);
        assert_in_range(lab->now - made, late ? 4 * (uint64_t)LAB_SECOND : LAB_SECOND / 2,
                        late ? 8 * (uint64_t)LAB_SECOND : 2 * (uint64_t)LAB_SECOND);
        lab_run(lab, 150 * (uint64_t)LAB_SECOND);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, late); // that it is gone was heard before the answer: another one was made
        lab_end(lab);
    }
}

static void a_child_that_an_answer_makes_is_not_rekeyed_before_it(void **state)
{
    (void)state;
    struct lab *lab = lab_connected();
    struct lab_node *a = &lab->node[0], *b = &lab->node[1];
    lab->arg = LAB_SECOND / 2;
    lab->fate = late_answer;
    ike_rekey_child(a->e, lab_first(a)->spi_in, lab->now);
    assert_true(lab_until(lab, has_two, LAB_SECOND));
    const uint32_t spi = lab_last(b)->spi_in;
    assert_int_equal(ike_rekey_child(b->e, spi, lab->now), 0);
    const uint64_t sent = lab->sent;
    lab_run(lab, LAB_SECOND / 4);
    assert_int_equal(lab->sent, sent);
    lab_run(lab, 30 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_int_not_equal(lab_first(b)->spi_in, spi);
    assert_int_equal(ike_stats(b->e)->child_rekeys, 2);
    lab_end(lab);
}

// The first request to rekey of node 1 is lost, and the Deletes of node 0 until lab->arg.
static struct lab_fate late_delete(struct lab *lab, const struct lab_packet *p)
{
    const bool request = !lab_is_response(p), create = lab_exchange(p) == IKE_X_CREATE_CHILD;
    if (p->from == 1 && request && create)
        return (struct lab_fate){.drop = lab->arg2++ == 0};
    return (struct lab_fate){.drop = p->from == 0 && request && !create && lab->now < lab->arg};
}

// A peer that is refused for now what it wants to rekey would go on with the old child, though the new one is there: it
// is not answered before our Delete of the old one, which tells it; but it is not left without an answer for ever.
static void a_late_rekey_of_what_we_rekeyed_waits_for_our_delete(void **state)
{
    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        struct lab *lab = lab_connected();
        struct lab_node *a = &lab->node[0], *b = &lab->node[1];
        const uint32_t old = lab_first(a)->spi_in;
        lab->arg = lab->now + (late ? 12 : 3) * (uint64_t)LAB_SECOND;
        lab->fate = late_delete;
        ike_rekey_child(b->e, lab_first(b)->spi_in, lab->now);
        ike_rekey_child(a->e, old, lab->now);
        lab_run(lab, 4 * (uint64_t)LAB_SECOND);
        assert_in_range(lab->arg2, 2, 4);
        assert_true(ike_stats(a->e)->requests_passed > 0);
        assert_int_equal(ike_stats(a->e)->temporary_failures, 0);
        lab_run(lab, 7 * (uint64_t)LAB_SECOND);
        assert_int_equal(ike_stats(a->e)->temporary_failures, late);
        lab_run(lab, 60 * (uint64_t)LAB_SECOND);
        assert_int_equal(ike_stats(a->e)->temporary_failures, late);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_not_equal(lab_first(a)->spi_in, old);
        assert_int_equal(a->downs + b->downs, 0);
        lab_end(lab);
    }
}

// The same while the datapath is at work for what our rekey has made: there is no collision any more to be decided.
static void a_late_rekey_waits_for_the_datapath_too(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 16; seed++) {
        struct lab *lab = lab_new();
        struct lab_node *a = &lab->node[0], *b = &lab->node[1];
        a->seed += seed;
        b->seed += (uint64_t)seed * 31;
        lab_connect(lab);
        const uint32_t old = lab_first(a)->spi_in;
        lab->fate = late_delete;
        a->install_later = true;
        ike_rekey_child(b->e, lab_first(b)->spi_in, lab->now);
        ike_rekey_child(a->e, old, lab->now);
        lab_run(lab, 4 * (uint64_t)LAB_SECOND);
        assert_true(lab->arg2 >= 2);
        for (int i = 0; i < 4; i++) {
            lab_finish_installs(a, 0);
            lab_run(lab, LAB_SECOND / 10);
        }
        a->install_later = false;
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        assert_true(ike_stats(a->e)->requests_passed > 0);
        lab_assert_children(lab, 1);
        assert_int_not_equal(lab_first(a)->spi_in, old);
        lab_assert_sas(lab, 1);
        lab_end(lab);
    }
}

static void an_ike_rekey_meets_a_delete(void **state)
{
    (void)state;
    sweep(REKEY_DELETE_IKE);
}

// Both collide, with PFS and a datapath and a pool that answer late.
static void simultaneous_rekeys_with_slow_work(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 8; seed++) {
        struct lab *lab = lab_new();
        for (int i = 0; i < 2; i++) {
            set_pfs(lab, i, IKE_DH_X25519, 0);
            lab->node[i].jobs_later = true;
            lab->node[i].seed += (uint64_t)seed * 17;
        }
        lab_start(lab);
        lab_initiate(lab, 0);
        lab_run_slowly(lab, 20, 20000);
        lab_assert_children(lab, 1);
        lab->node[0].install_later = lab->node[1].install_later = true;
        ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
        ike_rekey_child(lab->node[1].e, lab_first(&lab->node[1])->spi_in, lab->now);
        for (int i = 0; i < 400; i++) {
            lab_run(lab, (uint64_t)3000 * (1 + seed));
            if (i % 3 == 0)
                lab_run_jobs(lab);
            if (i % 4 == 0)
                lab_finish_installs(&lab->node[0], 0);
            if (i % 5 == 0)
                lab_finish_installs(&lab->node[1], 0);
        }
        lab_run(lab, 100 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, 1);
        lab_assert_sas(lab, 1);
        lab_end(lab);
    }
}

// Of two jobs that wait the younger one first.
static void run_jobs_backwards(struct lab_node *n)
{
    while (n->n_jobs > 0) {
        struct ike_job *job = n->job[--n->n_jobs];
        ike_job_run(job);
        ike_job_complete(n->e, job, n->lab->now);
    }
}

// Both collide, and one side has the answer to its own request before it could answer the other's: its datapath is
// slow, or the pool has the second key exchange done before the first.
static void answered_before_it_could_answer(enum trial what, unsigned seed)
{
    struct lab *lab = lab_new();
    struct lab_node *a = &lab->node[0], *b = &lab->node[1];
    set_pfs(lab, 0, what == CHILD_CHILD && seed % 2 ? IKE_DH_X25519 : 0, 0);
    set_pfs(lab, 1, what == CHILD_CHILD && seed % 2 ? IKE_DH_X25519 : 0, 0);
    a->seed += seed;
    b->seed += (uint64_t)seed * 31;
    a->jobs_later = what == IKE_IKE;
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run_slowly(lab, 10, LAB_SECOND / 10);
    lab_assert_children(lab, 1);
    const uint32_t spi = lab_first(a)->spi_in;
    const uint64_t before = ike_stats(a->e)->collisions;
    if (what == CHILD_CHILD) {
        a->install_later = true;
        ike_rekey_child(a->e, spi, lab->now);
        ike_rekey_child(b->e, lab_first(b)->spi_in, lab->now);
        lab_run(lab, LAB_SECOND / 2);
        for (int i = 0; i < 4; i++) {
            lab_finish_installs(a, 0);
            lab_run(lab, LAB_SECOND / 10);
        }
        a->install_later = false;
    } else {
        ike_rekey_ike(a->e, a->session, lab->now);
        run_jobs_backwards(a); // our public value
        ike_rekey_ike(b->e, b->session, lab->now);
        lab_run(lab, LAB_SECOND / 2);
        assert_int_equal(a->n_jobs, 2);
        run_jobs_backwards(a);
    }
    lab_run(lab, 20 * (uint64_t)LAB_SECOND);
    assert_int_equal(ike_stats(a->e)->collisions, before + 1);
    lab_assert_children(lab, 1);
    lab_assert_sas(lab, 1);
    if (what == CHILD_CHILD)
        assert_int_not_equal(lab_first(a)->spi_in, spi);
    assert_int_equal(a->downs + b->downs, 0);
    assert_int_equal(ike_probe(a->e, a->session, lab->now), 0);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_end(lab);
}

static void an_answer_overtakes_our_own(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 16; seed++) {
        answered_before_it_could_answer(CHILD_CHILD, seed);
        answered_before_it_could_answer(IKE_IKE, seed);
    }
}

static void run_job_of(struct lab_node *n, enum ike_job_slot slot)
{
    unsigned i = 0;
    while (i < n->n_jobs && n->job[i]->slot != slot)
        i++;
    assert_true(i < n->n_jobs);
    struct ike_job *job = n->job[i];
    n->n_jobs--;
    memmove(n->job + i, n->job + i + 1, (n->n_jobs - i) * sizeof(n->job[0]));
    ike_job_run(job);
    ike_job_complete(n->e, job, n->lab->now);
}

static unsigned living(const struct lab_node *n)
{
    unsigned count = 0;
    for (const struct ike_sa *sa = n->e->sas; sa; sa = sa->next)
        count += sa->state != IKE_S_CLOSED && sa->state != IKE_S_DEAD;
    return count;
}

// Both rekey the IKE SA at once, and what the peer wins with its Delete of the old one comes while ours is still being
// computed: what we have made is deleted all the same, as the peer has it.
static void a_redundant_ike_sa_is_deleted_however_late_its_keys_are(void **state)
{
    (void)state;
    uint64_t passed = 0;
    for (unsigned seed = 0; seed < 16; seed++) {
        struct lab *lab = lab_new();
        struct lab_node *a = &lab->node[0], *b = &lab->node[1];
        a->seed += seed;
        b->seed += (uint64_t)seed * 31;
        a->jobs_later = true;
        lab_start(lab);
        lab_initiate(lab, 0);
        lab_run_slowly(lab, 10, LAB_SECOND / 10);
        ike_rekey_ike(a->e, a->session, lab->now);
        run_job_of(a, IKE_JOB_TASK);
        ike_rekey_ike(b->e, b->session, lab->now);
        lab_run(lab, LAB_SECOND / 2);
        run_job_of(a, IKE_JOB_REQUEST);
        lab_run(lab, LAB_SECOND / 4);
        run_job_of(a, IKE_JOB_TASK);
        lab_run(lab, 10 * (uint64_t)LAB_SECOND);
        assert_int_equal(living(a), 1);
        assert_int_equal(living(b), 1);
        assert_int_equal(ike_stats(b->e)->collisions, 1);
        assert_int_equal(a->downs + b->downs, 0);
        lab_assert_children(lab, 1);
        passed += ike_stats(a->e)->requests_passed;
        lab_end(lab);
    }
    assert_in_range(passed, 1, 15);
}

// --- broken networks

static struct lab_fate drop_nth(struct lab *lab, const struct lab_packet *p)
{
    return (struct lab_fate){.drop = p->number == lab->arg};
}

static struct lab_fate double_nth(struct lab *lab, const struct lab_packet *p)
{
    return (struct lab_fate){.copies = p->number == lab->arg ? 3 : 0};
}

static struct lab_fate chaos(struct lab *lab, const struct lab_packet *p)
{
    (void)p;
    const uint64_t r = lab_random(&lab->seed);
    return (struct lab_fate){
        .drop = r % 100 < 15,
        .copies = r >> 8 & 1,
        .delay = (r >> 16) % 400000,
    };
}

// Setup, both rekeys and a delete: the whole life of an SA.
static void whole_life(struct lab *lab)
{
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    const uint32_t spi = lab_first(&lab->node[0])->spi_in;
    ike_rekey_child(lab->node[0].e, spi, lab->now);
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_int_not_equal(lab_first(&lab->node[0])->spi_in, spi);
    ike_rekey_ike(lab->node[1].e, lab->node[1].session, lab->now);
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    lab_assert_sas(lab, 1);
    assert_int_equal(lab->node[0].rekeys, 1);
    ike_delete(lab->node[1].e, lab->node[1].session, lab->now);
    lab_run(lab, 120 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 0);
    lab_assert_sas(lab, 0);
    assert_int_equal(lab->node[0].ups, 1);
    assert_int_equal(lab->node[1].ups, 1);
    assert_int_equal(lab->node[0].downs, 1);
    assert_int_equal(lab->node[1].downs, 1);
    lab_end(lab);
}

static void each_message_may_be_lost(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 20; n++) {
        struct lab *lab = lab_new();
        lab->node[1].limits.cookie_always = n & 1;
        lab->fate = drop_nth;
        lab->arg = n;
        whole_life(lab);
    }
}

static void each_message_may_come_again(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 20; n++) {
        struct lab *lab = lab_new();
        lab->fate = double_nth;
        lab->arg = n;
        whole_life(lab);
    }
}

static void loss_repetition_and_disorder_together(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 25; n++) {
        struct lab *lab = lab_new();
        lab->fate = chaos;
        lab->seed += (uint64_t)n * 1001;
        for (int i = 0; i < 2; i++) {
            lab->node[i].profile->retrans_tries = 30; // the network is bad, not dead
            lab->node[i].profile->retrans_max_ms = 2000;
            lab->node[i].profile->dpd_tries = 30;
            lab->node[i].limits.half_open_s = 120;
        }
        whole_life(lab);
    }
}

// All that was ever sent comes again later, whole and authentic: nothing must happen.
static struct lab_packet *recorded[64];
static unsigned n_recorded;

static struct lab_fate record(struct lab *lab, const struct lab_packet *p)
{
    (void)lab;
    assert_true(n_recorded < 64);
    recorded[n_recorded] = malloc(sizeof(*p) + p->len);
    memcpy(recorded[n_recorded++], p, sizeof(*p) + p->len);
    return (struct lab_fate){0};
}

static void replayed_messages_change_nothing(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    n_recorded = 0;
    lab->fate = record;
    lab_connect(lab);
    for (int i = 0; i < 2; i++) {
        ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now);
        ike_new_child(lab->node[1].e, lab->node[1].session, NULL, 0, NULL, 0, lab->now);
        lab_run(lab, LAB_SECOND);
        ike_probe(lab->node[i].e, lab->node[i].session, lab->now);
        lab_run(lab, LAB_SECOND);
    }
    lab_assert_children(lab, 5);
    lab->fate = NULL;
    for (unsigned i = 0; i < n_recorded; i++) {
        struct lab_packet *p = recorded[i];
        if (lab_exchange(p) != IKE_X_SA_INIT) // that one is the first of any number of new SAs
            ike_input(lab->node[p->to].e, &p->path, p->bytes, p->len, lab->now);
        free(p);
    }
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 5);
    lab_assert_sas(lab, 1);
    for (int i = 0; i < 2; i++) {
        const struct ike_stats *s = ike_stats(lab->node[i].e);
        assert_int_equal(lab->node[i].child_ups, 5);
        assert_true(s->bad_message_id >= 2);
        assert_int_equal(s->duplicate_requests, 1); // the last request of each side may be such
        assert_true(s->unexpected_responses >= 3);
    }
    // And they still talk.
    ike_probe(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 30 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    assert_int_equal(ike_stats(lab->node[0].e)->retransmits, 0);
    lab_end(lab);
}

static void a_dead_peer_is_noticed(void **state)
{
    (void)state;
    struct lab *lab = up();
    lab->shut = true;
    // Default: 30 s of silence, then 5 questions 5 s apart.
    lab_run(lab, 50 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_run(lab, 40 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 0);
    assert_int_equal(lab->node[0].down_why, IKE_R_DEAD_PEER);
    assert_int_equal(lab->node[1].down_why, IKE_R_DEAD_PEER);
    lab_assert_children(lab, 0);
    lab_end(lab);
}

static void a_living_peer_stays(void **state)
{
    (void)state;
    struct lab *lab = up();
    lab_run(lab, 600 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    assert_true(ike_stats(lab->node[0].e)->dpd_sent + ike_stats(lab->node[1].e)->dpd_sent >= 15);
    lab_end(lab);
}

static void on_demand_asks_only_after_unanswered_traffic(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->dpd_on_demand = true;
    lab->node[1].profile->dpd_interval = 0;
    lab_connect(lab);
    lab_run(lab, 600 * (uint64_t)LAB_SECOND);
    assert_int_equal(ike_stats(lab->node[0].e)->dpd_sent, 0);
    lab->shut = true;
    lab->node[0].traffic_in = lab->now - 1;
    lab->node[0].traffic_out = lab->now;
    lab_run(lab, 100 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[0].down_why, IKE_R_DEAD_PEER);
    lab_end(lab);
}

static void retransmissions_back_off_and_end(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->shut = true;
    lab_start(lab);
    const uint64_t start = lab->now;
    lab_initiate(lab, 0);
    lab_run(lab, 300 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->sent, lab->node[0].profile->retrans_tries);
    assert_int_equal(lab->node[0].down_why, IKE_R_DEAD_PEER);
    assert_true(lab->now > start);
    lab_end(lab);
}

// --- lifetimes

static void hours_of_lifetimes(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    for (int i = 0; i < 2; i++) {
        lab->node[i].profile->ike_lifetime = 7200;
        lab->node[i].profile->child_lifetime = 1800;
    }
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run(lab, (uint64_t)24 * 3600 * LAB_SECOND);
    lab_assert_sas(lab, 1);
    assert_in_range(lab_children(&lab->node[0]), 1, 2);
    assert_in_range(lab->node[0].rekeys, 12, 20);
    assert_in_range(lab->node[0].child_ups, 48, 80);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    lab_end(lab);
}

static void a_hard_end_comes_where_the_rekey_failed(void **state)
{
    (void)state;
    struct lab *lab = up();
    lab->node[1].profile->esp[0].encr[0].bits = lab->node[1].profile->esp[0].encr[1].bits = 192; // refuses all rekeys
    lab_run(lab, 3700 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 0);
    lab_assert_sas(lab, 1);
    assert_true(lab->node[0].child_fails > 3);
    lab_end(lab);
}

static void the_datapath_asks_for_a_rekey_and_for_an_end(void **state)
{
    (void)state;
    struct lab *lab = up();
    const uint32_t spi = lab_first(&lab->node[0])->spi_in;
    assert_int_equal(ike_child_expire(lab->node[0].e, spi, false, lab->now), 0);
    assert_int_equal(ike_child_expire(lab->node[0].e, spi, false, lab->now), 0);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[0].child_ups, 2);
    assert_int_equal(ike_child_expire(lab->node[1].e, lab_first(&lab->node[1])->spi_in, true, lab->now), 0);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_children(lab, 0);
    assert_int_equal(ike_child_expire(lab->node[1].e, 12345, true, lab->now), -1);
    lab_end(lab);
}

static void too_many_children_are_refused(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].limits.max_children = 2;
    lab_connect(lab);
    for (int i = 0; i < 3; i++) {
        ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now);
        lab_run(lab, LAB_SECOND);
    }
    lab_assert_children(lab, 2);
    assert_int_equal(lab->node[0].child_fails, 2);
    assert_int_equal(lab->node[0].fail_why, IKE_R_RESOURCES);
    lab_end(lab);
}

static void the_last_child_may_take_the_ike_sa_along(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].profile->delete_on_childless = true;
    lab_connect(lab);
    ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    ike_delete_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 0);
    lab_end(lab);
}

// --- fragmentation

// A message so long that it is cut: many selectors.
static struct lab *long_messages(unsigned selectors)
{
    struct lab *lab = lab_new();
    for (int i = 0; i < 2; i++) {
        struct ike_profile *p = lab->node[i].profile;
        for (unsigned k = 0; k < selectors; k++) {
            struct ip_addr a = {.family = 4, .b = {10, (uint8_t)k, 0, 0}};
            p->ts_local[k] = p->ts_remote[k] = ike_ts_prefix(&a, 16);
        }
        p->n_ts_local = p->n_ts_remote = (uint8_t)selectors;
        p->fragment_mtu = IKE_MIN_FRAGMENT_MTU;
    }
    return lab;
}

static void long_messages_are_fragmented(void **state)
{
    (void)state;
    struct lab *lab = long_messages(32);
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_int_equal(lab_first(&lab->node[0])->n_local, 32);
    assert_true(ike_stats(lab->node[0].e)->fragments_out >= 3);
    assert_int_equal(ike_stats(lab->node[1].e)->reassembled, 1);
    assert_int_equal(ike_stats(lab->node[0].e)->reassembled, 1);
    lab_end(lab);
}

static void fragments_may_be_lost_repeated_and_disordered(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 24; n++) {
        struct lab *lab = long_messages(32);
        lab->fate = n % 2 ? drop_nth : double_nth;
        lab->arg = n;
        whole_life(lab);
    }
    for (unsigned n = 0; n < 10; n++) {
        struct lab *lab = long_messages(32);
        lab->fate = chaos;
        lab->seed += (uint64_t)n * 77;
        for (int i = 0; i < 2; i++) {
            lab->node[i].profile->retrans_tries = 60;
            lab->node[i].profile->retrans_max_ms = 1000;
            lab->node[i].profile->dpd_tries = 30;
            lab->node[i].limits.half_open_s = 120;
        }
        whole_life(lab);
    }
}

static void no_fragments_where_one_side_cannot(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = long_messages(32);
        lab->node[i].profile->fragmentation = false;
        lab_connect(lab);
        lab_assert_children(lab, 1);
        assert_int_equal(ike_stats(lab->node[0].e)->fragments_out + ike_stats(lab->node[1].e)->fragments_out, 0);
        lab_end(lab);
    }
}

// --- named faults

enum fault { FAULT_ALLOC, FAULT_INSTALL, FAULT_SPI, FAULT_RANDOM };

// The n-th call of a kind fails at one node; whatever comes of it, nothing may leak or hang. false: there is no n-th
// call.
static bool with_fault(enum fault f, int node, unsigned n)
{
    struct lab *lab = lab_new();
    struct lab_node *x = &lab->node[node];
    unsigned *const at[] = {&x->fail_alloc, &x->fail_install, &x->fail_spi, &x->fail_random};
    const unsigned *const count[] = {&x->n_alloc, &x->n_install, &x->n_spi, &x->n_random};
    for (int i = 0; i < 2; i++) {
        set_pfs(lab, i, IKE_DH_X25519, 0);
        lab->node[i].profile->cp_request = i == 0;
        lab->node[i].profile->cp_assign = i == 1;
        lab->node[i].limits.cookie_always = true;
        lab->node[i].profile->dpd_interval = 20;
    }
    lab_start(lab);
    if (lab->verbose)
        printf("# fault %d at node %d, call %u\n", f, node, n);
    *at[f] = n;
    lab_initiate(lab, 0);
    lab_run(lab, 20 * (uint64_t)LAB_SECOND);
    if (lab_sas(&lab->node[0]) && lab_children(&lab->node[0]) && lab_children(&lab->node[1])) {
        ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
        ike_rekey_child(lab->node[1].e, lab_first(&lab->node[1])->spi_in, lab->now);
        lab_run(lab, 100 * (uint64_t)LAB_SECOND);
    }
    ike_rekey_ike(lab->node[1].e, lab->node[1].session, lab->now);
    ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 400 * (uint64_t)LAB_SECOND);
    // Either both have the session or neither has.
    assert_int_equal(lab_sas(&lab->node[0]), lab_sas(&lab->node[1]));
    lab_assert_children(lab, lab_children(&lab->node[0]));
    ike_delete(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 400 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab_sas(&lab->node[0]) + lab_sas(&lab->node[1]), 0);
    uint32_t sas, half, children;
    for (int i = 0; i < 2; i++) {
        ike_counts(lab->node[i].e, &sas, &half, &children);
        assert_int_equal(sas + half + children, 0);
    }
    const bool reached = *count[f] >= n;
    lab_end(lab);
    return reached;
}

static void faults(enum fault f, unsigned least)
{
    for (int node = 0; node < 2; node++) {
        unsigned n = 1;
        while (with_fault(f, node, n))
            n++;
        assert_true(n > least);
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    faults(FAULT_ALLOC, 30);
}

static void any_install_may_fail(void **state)
{
    (void)state;
    faults(FAULT_INSTALL, 2);
}

static void any_spi_allocation_may_fail(void **state)
{
    (void)state;
    faults(FAULT_SPI, 2);
}

static void any_random_number_may_fail(void **state)
{
    (void)state;
    faults(FAULT_RANDOM, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_is_rekeyed_by_either_side),
        cmocka_unit_test(the_directions_of_keys_are_right),
        cmocka_unit_test(the_old_child_lives_until_the_new_one_carries),
        cmocka_unit_test(inbound_traffic_moves_the_responder_to_the_new_child),
        cmocka_unit_test(a_rekey_takes_the_proposals_of_now),
        cmocka_unit_test(pfs_rows),
        cmocka_unit_test(an_ike_sa_is_rekeyed_by_either_side_and_keeps_its_children),
        cmocka_unit_test(simultaneous_child_rekeys_leave_one),
        cmocka_unit_test(simultaneous_ike_rekeys_leave_one),
        cmocka_unit_test(a_child_rekey_meets_an_ike_rekey),
        cmocka_unit_test(simultaneous_child_deletes),
        cmocka_unit_test(simultaneous_ike_deletes),
        cmocka_unit_test(a_child_rekey_meets_a_delete),
        cmocka_unit_test(a_child_that_an_answer_makes_is_not_deleted_before_it),
        cmocka_unit_test(a_child_that_an_answer_makes_is_not_rekeyed_before_it),
        cmocka_unit_test(a_late_rekey_of_what_we_rekeyed_waits_for_our_delete),
        cmocka_unit_test(a_late_rekey_waits_for_the_datapath_too),
        cmocka_unit_test(an_ike_rekey_meets_a_delete),
        cmocka_unit_test(simultaneous_rekeys_with_slow_work),
        cmocka_unit_test(an_answer_overtakes_our_own),
        cmocka_unit_test(a_redundant_ike_sa_is_deleted_however_late_its_keys_are),
        cmocka_unit_test(each_message_may_be_lost),
        cmocka_unit_test(each_message_may_come_again),
        cmocka_unit_test(loss_repetition_and_disorder_together),
        cmocka_unit_test(replayed_messages_change_nothing),
        cmocka_unit_test(a_dead_peer_is_noticed),
        cmocka_unit_test(a_living_peer_stays),
        cmocka_unit_test(on_demand_asks_only_after_unanswered_traffic),
        cmocka_unit_test(retransmissions_back_off_and_end),
        cmocka_unit_test(hours_of_lifetimes),
        cmocka_unit_test(a_hard_end_comes_where_the_rekey_failed),
        cmocka_unit_test(the_datapath_asks_for_a_rekey_and_for_an_end),
        cmocka_unit_test(too_many_children_are_refused),
        cmocka_unit_test(the_last_child_may_take_the_ike_sa_along),
        cmocka_unit_test(long_messages_are_fragmented),
        cmocka_unit_test(fragments_may_be_lost_repeated_and_disordered),
        cmocka_unit_test(no_fragments_where_one_side_cannot),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(any_install_may_fail),
        cmocka_unit_test(any_spi_allocation_may_fail),
        cmocka_unit_test(any_random_number_may_fail),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_rekey", tests, NULL, NULL);
}
