// SPDX-License-Identifier: BSD-2-Clause
// Several requests at once (RFC 7296 2.3), and errors told outside of answers (1.5).
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

enum { TRIALS = 200 };

static uint32_t answered[256];
static unsigned n_answered;
static uint8_t flip; // of which byte of a message from node 0 a bit turns, 0: none

// Notes the answers of node 1; the n-th request since arg2 waits as many steps longer as bits 4n of arg say.
static struct lab_fate note(struct lab *lab, const struct lab_packet *p)
{
    if (p->from == 1 && lab_is_response(p) && n_answered < 256)
        answered[n_answered++] = lab_mid(p);
    const uint64_t n = p->number - lab->arg2;
    if (flip && p->from == 0)
        ((uint8_t *)(uintptr_t)p->bytes)[flip] ^= 1;
    return (struct lab_fate){.delay = p->from == 0 && n < 16 ? (lab->arg >> 4 * n & 15) * 10000 : 0};
}

// CHILD SAs get a key exchange of their own, in this group; 0: none.
static void set_pfs(struct lab *lab, uint16_t group)
{
    for (int i = 0; i < 2; i++) {
        lab->node[i].profile->esp[0].group[0] = group;
        lab->node[i].profile->esp[0].n_group = group != 0;
    }
}

static struct lab *up(uint8_t window)
{
    struct lab *lab = lab_new();
    lab->node[1].profile->window = window;
    lab->node[0].profile->fragment_mtu = 576;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    lab->fate = note;
    lab->arg2 = lab->sent + 1;
    lab->arg = 0;
    n_answered = 0;
    flip = 0;
    return lab;
}

// Node 0 sends another INFORMATIONAL request, with `extra` bytes of a Vendor ID in it, and does not wait.
static void fire(struct lab *lab, size_t extra)
{
    static const uint8_t zeros[4096];
    struct ike_sa *sa = lab->node[0].e->sas;
    struct ike_build b;
    lab->node[0].e->now = lab->now;
    struct ike_task *others = sa->task, *t = ike_task_add(sa, IKE_TASK_DPD, 0);
    assert_non_null(t);
    sa->queue = NULL;
    sa->task = t;
    ike_build_chain(&b, lab->node[0].e->chain, IKE_MAX_MESSAGE);
    if (extra)
        ike_put_raw(&b, IKE_P_VENDOR, zeros, extra);
    assert_true(ike_send_request(sa, IKE_X_INFORMATIONAL, &b));
    ike_request_done(sa);
    ike_task_abandon(sa);
    sa->task = others;
}

static void requests_of_a_window_are_answered_in_their_order(void **state)
{
    (void)state;
    struct lab *lab = up(5);
    assert_int_equal(lab->node[0].e->sas->peer_window, 5); // SET_WINDOW_SIZE
    assert_int_equal(lab->node[1].e->sas->peer_window, 1);
    lab->arg = 0x01234; // the first comes last
    const uint32_t first = lab->node[0].e->sas->next_out;
    for (int i = 0; i < 5; i++)
        fire(lab, 0);
    lab_run(lab, 20000);
    assert_int_equal(n_answered, 0); // all but the first are there
    assert_int_equal(lab->node[1].e->sas->ext->n_early, 2);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(n_answered, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(answered[i], first + i);
    assert_int_equal(lab->node[1].e->stats.bad_message_id, 0);
    lab_end(lab);
}

static void every_answer_of_a_window_can_be_had_again(void **state)
{
    (void)state;
    struct lab *lab = up(4);
    struct ike_sa *sa = lab->node[0].e->sas;
    const uint32_t first = sa->next_out;
    for (int i = 0; i < 6; i++) {
        fire(lab, 0);
        lab_run(lab, 20000);
    }
    assert_int_equal(n_answered, 6);
    struct ike_sa *peer = lab->node[1].e->sas;
    assert_int_equal(peer->next_in, first + 6);
    n_answered = 0;
    const uint64_t iv = sa->iv;
    for (uint32_t i = 0; i < 6; i++) { // the very same bytes: the same ids and IVs
        sa->next_out = first + i;
        sa->iv = iv - 6 + i;
        fire(lab, 0);
        lab_run(lab, 20000);
    }
    assert_int_equal(n_answered, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(answered[i], first + 2 + i);
    assert_int_equal(peer->next_in, first + 6); // nothing was done twice
    sa->next_out = first + 3;                   // not the same bytes: nothing
    fire(lab, 8);
    lab_run(lab, 20000);
    assert_int_equal(n_answered, 4);
    sa->next_out = first + 6;
    sa->iv = iv + 100;
    lab_end(lab);
}

static void what_is_beyond_the_window_is_dropped(void **state)
{
    (void)state;
    for (uint8_t window = 1; window <= 3; window++) {
        struct lab *lab = up(window);
        lab->arg = 0xf; // the first takes 150 ms
        for (int i = 0; i < 5; i++)
            fire(lab, 0);
        lab_run(lab, 100000);
        assert_int_equal(lab->node[1].e->stats.bad_message_id, 5 - window);
        lab_run(lab, LAB_SECOND);
        assert_int_equal(n_answered, window);
        lab->node[0].e->sas->next_out -= 5u - window;
        lab_end(lab);
    }
}

static void early_messages_must_be_authentic(void **state)
{
    (void)state;
    struct lab *lab = up(5);
    struct ike_sa *sa = lab->node[0].e->sas;
    const uint32_t first = sa->next_out;
    flip = 40;
    sa->next_out = first + 1;
    fire(lab, 0);
    lab_run(lab, 20000);
    assert_true(lab->node[1].e->sas->ext == NULL || lab->node[1].e->sas->ext->n_early == 0);
    flip = 0;
    sa->next_out = first;
    lab_end(lab);
}

static void fragments_of_several_requests_mingle(void **state)
{
    (void)state;
    struct lab *lab = up(5);
    // Three requests of three fragments each; they come as 9 8 7 6 5 4 3 2 1.
    lab->arg = 0x012345678;
    for (int i = 0; i < 3; i++)
        fire(lab, 1200);
    assert_int_equal(lab->sent - lab->arg2 + 1, 9);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(n_answered, 3);
    assert_int_equal(lab->node[1].e->stats.reassembled, 3);
    assert_int_equal(lab->node[1].e->sas->ext->early_bytes, 0);
    lab_end(lab);
}

// The key exchange of a rekey takes its time; what comes behind it waits, and is answered then.
static void a_slow_request_holds_the_next_ones_back(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].profile->window = 5;
    lab->node[1].jobs_later = true;
    set_pfs(lab, IKE_DH_X25519);
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run_slowly(lab, 10, 20000);
    lab_assert_children(lab, 1);
    lab->fate = note;
    lab->arg2 = lab->sent + 100;
    n_answered = 0;
    flip = 0;
    struct ike_sa *sa = lab->node[0].e->sas;
    ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
    lab_run(lab, 20000);
    assert_int_equal(lab->node[1].n_jobs, 1);
    const uint32_t mid = sa->task->mid;
    fire(lab, 0);
    lab_run(lab, 20000);
    assert_int_equal(n_answered, 0);
    assert_int_equal(lab->node[1].e->sas->ext->n_early, 1);
    lab_run_jobs(lab);
    assert_int_equal(n_answered, 2);
    assert_int_equal(answered[0], mid);
    assert_int_equal(answered[1], mid + 1);
    lab_end(lab);
}

// --- several requests of ours

// What node 0 has out, as the network sees it: a request X needs the answers to all up to X - N to have been given.
static struct {
    unsigned window;
    uint32_t first; // the first request that is looked at
    bool answered[256], rough;
    unsigned most; // requests at once
} out;

static struct lab_fate watch(struct lab *lab, const struct lab_packet *p)
{
    const uint32_t at = lab_mid(p) - out.first;
    const bool ike = lab_exchange(p) == IKE_X_CREATE_CHILD || lab_exchange(p) == IKE_X_INFORMATIONAL;
    if (ike && at < 256 && p->from == 1 && lab_is_response(p)) {
        out.answered[at] = true;
    } else if (ike && at < 256 && p->from == 0 && !lab_is_response(p)) {
        unsigned open = 1;
        for (uint32_t i = 0; i < at; i++) {
            assert_true(out.answered[i] || i + out.window > at);
            open += !out.answered[i];
        }
        assert_true(open <= out.window);
        out.most = open > out.most ? open : out.most;
    }
    if (out.rough) {
        const uint64_t r = lab_random(&lab->seed);
        return (struct lab_fate){.drop = r % 100 < 20, .copies = r >> 8 & 1, .delay = (r >> 16) % 400000};
    }
    const uint64_t n = p->number - lab->arg2;
    return (struct lab_fate){.delay = p->from == 1 && n < 16 ? (lab->arg >> 4 * n & 15) * 10000 : 0};
}

static void watch_from_now(struct lab *lab, unsigned window, bool rough)
{
    memset(&out, 0, sizeof(out));
    out.window = window;
    out.rough = rough;
    out.first = lab->node[0].e->sas->next_out;
    lab->fate = watch;
    lab->arg = 0;
    lab->arg2 = lab->sent + 1;
}

// Node 0 may have `window` requests out. group: of the key exchange of CHILD SAs, 0: none.
static struct lab *up_out(uint8_t window, uint16_t group)
{
    struct lab *lab = lab_new();
    lab->node[1].profile->window = window;
    set_pfs(lab, group);
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[0].e->sas->peer_window, window);
    return lab;
}

static void new_children(struct lab *lab, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now), 0);
}

static unsigned under_way(const struct lab *lab)
{
    unsigned n = 0;
    for (const struct ike_task *t = lab->node[0].e->sas->task; t; t = t->next)
        n++;
    return n;
}

static void two_children_are_made_at_the_same_time(void **state)
{
    (void)state;
    for (unsigned pfs = 0; pfs < 2; pfs++) {
        struct lab *lab = up_out(5, pfs ? IKE_DH_X25519 : 0);
        watch_from_now(lab, 5, false);
        new_children(lab, 2);
        assert_int_equal(out.most, 2); // both went out before anything came back
        assert_int_equal(under_way(lab), 2);
        lab_run(lab, LAB_SECOND);
        lab_assert_children(lab, 3);
        assert_int_equal(under_way(lab), 0);
        assert_int_equal(lab->node[0].e->stats.retransmits, 0);
        lab_end(lab);
    }
}

static void two_children_at_the_same_time_over_a_rough_network(void **state)
{
    (void)state;
    unsigned together = 0;
    for (unsigned seed = 0; seed < 60; seed++) {
        struct lab *lab = up_out((uint8_t)(2 + seed % 4), seed & 1 ? IKE_DH_X25519 : 0);
        lab->seed += seed * 7919u;
        watch_from_now(lab, 2 + seed % 4, true);
        new_children(lab, 2 + seed % 5);
        lab_run(lab, 200 * (uint64_t)LAB_SECOND);
        together += out.most > 1;
        lab->fate = NULL;
        if (lab_sas(&lab->node[0]) == 1 && lab_sas(&lab->node[1]) == 1) { // else the peer was too hard to reach
            lab_run(lab, 30 * (uint64_t)LAB_SECOND);
            assert_int_equal(under_way(lab), 0);
            lab_assert_children(lab, 3 + seed % 5);
        }
        lab_end(lab);
    }
    assert_int_equal(together, 60);
}

static void a_peer_with_a_window_of_one_gets_one_at_a_time(void **state)
{
    (void)state;
    for (unsigned rough = 0; rough < 10; rough++) {
        struct lab *lab = up_out(1, 0);
        lab->seed += rough * 7919u;
        watch_from_now(lab, 1, rough > 0);
        new_children(lab, 4);
        assert_int_equal(under_way(lab), 1);
        lab_run(lab, 400 * (uint64_t)LAB_SECOND);
        assert_int_equal(out.most, 1);
        lab->fate = NULL;
        if (lab_sas(&lab->node[0]) == 1 && lab_sas(&lab->node[1]) == 1) {
            lab_run(lab, 30 * (uint64_t)LAB_SECOND);
            lab_assert_children(lab, 5);
        }
        lab_end(lab);
    }
}

// The answer to the first request is lost again and again: the later ones are answered, but the window does not move
// past it.
static struct lab_fate lose_first(struct lab *lab, const struct lab_packet *p)
{
    const struct lab_fate fate = watch(lab, p);
    if (p->from == 0 || lab_mid(p) != out.first || lab->arg2 == 0)
        return fate;
    out.answered[0] = false;
    return (struct lab_fate){.drop = true};
}

static void the_window_stands_at_the_oldest_request(void **state)
{
    (void)state;
    struct lab *lab = up_out(3, 0);
    watch_from_now(lab, 3, false);
    lab->fate = lose_first;
    lab->arg2 = 1;
    new_children(lab, 8);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[0].e->sas->next_out, out.first + 3);
    assert_int_equal(under_way(lab), 1); // the other two have come to their ends
    assert_int_equal(lab_children(&lab->node[0]), 3);
    lab->arg2 = 0;
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    assert_int_equal(out.most, 3);
    lab_assert_children(lab, 9);
    lab_end(lab);
}

static void ask(struct lab *lab, enum ike_task_kind kind)
{
    struct ike_engine *e = lab->node[0].e;
    ike_enter(e, lab->now);
    assert_non_null(ike_task_add(e->sas, kind, 0));
    ike_task_run(e->sas);
    ike_leave(e);
}

static void a_dpd_goes_out_while_a_create_is(void **state)
{
    (void)state;
    for (uint8_t window = 1; window <= 2; window++) {
        struct lab *lab = up_out(window, 0);
        lab->node[1].install_later = true;
        watch_from_now(lab, window, false);
        new_children(lab, 1);
        ask(lab, IKE_TASK_DPD);
        lab_run(lab, 500000); // the peer's datapath takes its time
        assert_int_equal(under_way(lab), window);
        assert_int_equal(lab->node[0].e->stats.dpd_sent, window - 1u);
        lab_finish_installs(&lab->node[1], 0);
        lab_run(lab, 500000);
        assert_int_equal(lab->node[0].e->stats.dpd_sent, 1);
        assert_int_equal(under_way(lab), 0);
        lab_assert_children(lab, 2);
        lab_end(lab);
    }
}

// Key exchanges, answers and installs come to their ends in any order.
static void they_end_in_any_order(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    struct lab_node *a = &lab->node[0];
    lab->node[1].profile->window = 5;
    a->jobs_later = true;
    set_pfs(lab, IKE_DH_X25519);
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run_slowly(lab, 10, 20000);
    lab_assert_children(lab, 1);
    watch_from_now(lab, 5, false);
    a->install_later = true;
    new_children(lab, 3);
    assert_int_equal(a->n_jobs, 3);
    for (int round = 0; round < 2; round++) { // the public values, then the secrets: the last first
        while (a->n_jobs > 0) {
            struct ike_job *job = a->job[--a->n_jobs];
            ike_job_run(job);
            ike_job_complete(a->e, job, lab->now);
        }
        assert_int_equal(under_way(lab), 3);
        lab_run(lab, 100000);
    }
    assert_int_equal(out.most, 3);
    for (unsigned n = 3; n-- > 0;) { // the newest first
        uint32_t id = 0;
        for (int i = 0; i < LAB_CHILDREN; i++)
            id = a->child[i].used && a->child[i].pending && a->child[i].id > id ? a->child[i].id : id;
        for (int i = 0; i < LAB_CHILDREN; i++)
            a->child[i].pending &= a->child[i].id != id;
        ike_child_install_result(a->e, id, 0, lab->now);
        assert_int_equal(under_way(lab), n);
    }
    lab_run(lab, 100000);
    lab_assert_children(lab, 4);
    lab_end(lab);
}

static void fragments_of_several_answers_mingle(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].profile->window = 5;
    lab->node[1].profile->fragment_mtu = 576;
    set_pfs(lab, IKE_DH_MODP_4096);
    lab_connect(lab);
    lab_assert_children(lab, 1);
    const uint64_t before = lab->node[0].e->stats.reassembled;
    watch_from_now(lab, 5, false);
    lab->arg2 = lab->sent + 3; // the answers, of two fragments each: 1a 2a 2b 1b
    lab->arg = 0x2130;
    new_children(lab, 2);
    assert_int_equal(lab->sent - lab->arg2, -1);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[0].e->stats.reassembled - before, 2);
    assert_int_equal(lab->node[0].e->stats.retransmits, 0);
    lab_assert_children(lab, 3);
    lab_end(lab);
}

// The rekey of the IKE SA waits for all that is out, and nothing goes out beside it; neither beside its Delete.
static void what_changes_the_ike_sa_is_alone(void **state)
{
    (void)state;
    struct lab *lab = up_out(5, 0);
    struct ike_sa *sa = lab->node[0].e->sas;
    lab->node[1].install_later = true;
    watch_from_now(lab, 5, false);
    new_children(lab, 2);
    ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now);
    ask(lab, IKE_TASK_DPD); // behind the rekey: it waits with it
    lab_run(lab, 100000);
    assert_int_equal(under_way(lab), 2);
    assert_null(ike_task_out(sa, IKE_TASK_REKEY_IKE, 0));
    lab_finish_installs(&lab->node[1], 0); // of one request, and then of the other
    assert_null(ike_task_out(sa, IKE_TASK_REKEY_IKE, 0));
    lab->node[1].install_later = false;
    out.window = 1; // from here on
    lab_run(lab, LAB_SECOND);
    lab->fate = NULL;
    assert_int_equal(lab->node[0].rekeys, 1);
    lab_assert_children(lab, 3);
    lab_assert_sas(lab, 1);
    for (int i = 0; i < 2; i++) // the new SA has a window of its own
        for (sa = lab->node[i].e->sas; sa; sa = sa->next)
            assert_int_equal(sa->peer_window, i == 0 ? 5 : 1);
    // Deleted while requests are out: the Delete is the last word.
    lab->node[1].install_later = true;
    watch_from_now(lab, 5, false);
    new_children(lab, 2);
    lab_run(lab, 100000);
    ike_delete(lab->node[0].e, lab->node[0].session, lab->now);
    assert_null(ike_task_out(lab->node[0].e->sas, IKE_TASK_DELETE_IKE, 0));
    lab_finish_installs(&lab->node[1], 0);
    lab_run(lab, LAB_SECOND);
    lab_finish_installs(&lab->node[1], 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(out.most, 2);
    lab_assert_sas(lab, 0);
    lab_assert_children(lab, 0);
    lab_end(lab);
}

// Two moves, one after the other: the second update goes out when the first is answered (RFC 4555 3.5).
static struct lab_fate count_informational(struct lab *lab, const struct lab_packet *p)
{
    if (p->from == 0 && lab_exchange(p) == IKE_X_INFORMATIONAL && !lab_is_response(p))
        lab->arg++;
    return (struct lab_fate){0};
}

static void one_update_of_addresses_at_a_time(void **state)
{
    (void)state;
    struct lab *lab = up_out(5, 0);
    struct lab_node *a = &lab->node[0];
    const struct ip_addr first = ip_of("192.0.2.77"), second = ip_of("192.0.2.78");
    assert_true(a->e->sas->mobike);
    const uint32_t timers = a->e->timers.reserved;
    lab->fate = count_informational;
    lab->arg = 0;
    ike_move(a->e, a->session, &first, NULL, lab->now);
    assert_int_equal(lab->arg, 1);
    ike_move(a->e, a->session, &second, NULL, lab->now);
    assert_int_equal(lab->arg, 2); // the first again, from there
    assert_int_equal(under_way(lab), 1);
    lab_run(lab, 5 * (uint64_t)LAB_SECOND);
    assert_int_equal(under_way(lab), 0);
    assert_int_equal(a->e->timers.reserved, timers); // room for theirs is given back
    assert_true(ip_equal(&lab->node[1].e->sas->path.remote, &second));
    assert_true(ip_equal(&lab_first(&lab->node[1])->path.remote, &second));
    lab_end(lab);
}

// Both sides begin whatever there is to begin, several at a time, over a rough network: in the end both have the same.
static uint32_t any_child(struct lab *lab, int node)
{
    struct lab_node *n = &lab->node[node];
    const unsigned start = (unsigned)lab_random(&lab->seed) % LAB_CHILDREN;
    for (unsigned i = 0; i < LAB_CHILDREN; i++) {
        const struct lab_child *c = &n->child[(start + i) % LAB_CHILDREN];
        if (c->used)
            return c->spi_in;
    }
    return 0;
}

static void begin_something(struct lab *lab)
{
    const uint64_t r = lab_random(&lab->seed);
    const int node = r & 1;
    struct lab_node *n = &lab->node[node];
    switch (r / 2 % 8) {
    case 0:
    case 1:
        if (lab_children(n) < 12)
            (void)ike_new_child(n->e, n->session, NULL, 0, NULL, 0, lab->now);
        break;
    case 2:
    case 3:
    case 4:
        (void)ike_rekey_child(n->e, any_child(lab, node), lab->now);
        break;
    case 5:
        if (lab_children(n) > 2)
            (void)ike_delete_child(n->e, any_child(lab, node), lab->now);
        break;
    case 6:
        (void)ike_rekey_ike(n->e, n->session, lab->now);
        break;
    default:
        (void)ike_probe(n->e, n->session, lab->now);
        break;
    }
}

static struct lab_fate rough(struct lab *lab, const struct lab_packet *p)
{
    const uint64_t r = lab_random(&lab->seed);
    (void)p;
    return (struct lab_fate){.drop = r % 100 < 15, .copies = r >> 8 & 1, .delay = (r >> 16) % 300000};
}

static void whatever_both_begin_they_agree_in_the_end(void **state)
{
    (void)state;
    unsigned alive = 0;
    for (unsigned seed = 0; seed < TRIALS; seed++) {
        struct lab *lab = lab_new();
        lab->seed += seed * 7919u;
        for (int i = 0; i < 2; i++) {
            lab->node[i].profile->window = (uint8_t)(1 + lab_random(&lab->seed) % 5);
            lab->node[i].profile->esp[0].group[0] = IKE_DH_X25519;
            lab->node[i].profile->esp[0].n_group = seed & 1;
        }
        lab_connect(lab);
        lab_assert_children(lab, 1);
        lab->fate = rough;
        for (unsigned i = 0; i < 40; i++) {
            begin_something(lab);
            lab_run(lab, lab_random(&lab->seed) % 200000);
        }
        lab->fate = NULL;
        lab_run(lab, 300 * (uint64_t)LAB_SECOND);
        if (lab_sas(&lab->node[0]) == 1 && lab_sas(&lab->node[1]) == 1) {
            alive++;
            for (int i = 0; i < 2; i++) {
                for (const struct ike_sa *sa = lab->node[i].e->sas; sa; sa = sa->next) {
                    assert_null(sa->task);
                    assert_null(sa->queue);
                }
            }
            lab_assert_children(lab, lab_children(&lab->node[0]));
        } else {
            assert_int_equal(lab_sas(&lab->node[0]) + lab_sas(&lab->node[1]), 0);
        }
        lab_end(lab);
    }
    assert_true(alive > TRIALS / 2);
}

// A child that the peer has made, and whose answer is lost, is deleted there, or rekeyed, before we know of it.
static struct lab_fate lose_answer(struct lab *lab, const struct lab_packet *p)
{
    return (struct lab_fate){.drop = lab->arg && p->from == 1 && lab_is_response(p) && lab_mid(p) == lab->arg2};
}

static void a_child_may_be_gone_before_its_answer_comes(void **state)
{
    (void)state;
    for (unsigned pfs = 0; pfs < 2; pfs++) {
        for (unsigned rekeyed = 0; rekeyed < 2; rekeyed++) {
            struct lab *lab = up_out(5, pfs ? IKE_DH_X25519 : 0);
            struct lab_node *b = &lab->node[1];
            lab->fate = lose_answer;
            lab->arg = 1;
            lab->arg2 = lab->node[0].e->sas->next_out;
            new_children(lab, 1);
            lab_run(lab, 100000);
            assert_int_equal(lab_children(b), 2);
            assert_int_equal(lab_children(&lab->node[0]), 1);
            if (rekeyed)
                ike_rekey_child(b->e, lab_last(b)->spi_in, lab->now);
            else
                ike_delete_child(b->e, lab_last(b)->spi_in, lab->now);
            lab_run(lab, 100000);
            assert_int_equal(lab_children(b), rekeyed ? 2 : 1);
            lab->arg = 0; // the answer is repeated, and gets through
            lab_run(lab, 60 * (uint64_t)LAB_SECOND);
            lab_assert_children(lab, rekeyed ? 2 : 1);
            assert_int_equal(lab->node[0].child_fails, !rekeyed);
            assert_int_equal(under_way(lab), 0);
            lab_end(lab);
        }
    }
}

// Both rekey the IKE SA, but our request never reaches the peer: it goes over to its own SA, and deletes a child there.
// Its Delete of the old one, the second request on that, is lost as well.
static struct lab_fate lose_both(struct lab *lab, const struct lab_packet *p)
{
    const bool ours = p->from == 0 && lab_exchange(p) == IKE_X_CREATE_CHILD;
    const bool its = p->from == 1 && lab_exchange(p) == IKE_X_INFORMATIONAL && lab_mid(p) == 1;
    return (struct lab_fate){.drop = lab->arg && !lab_is_response(p) && (ours || its)};
}

static void who_uses_its_ike_sa_has_decided(void **state)
{
    (void)state;
    struct lab *lab = up_out(5, 0);
    struct lab_node *a = &lab->node[0], *b = &lab->node[1];
    new_children(lab, 1);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 2);
    lab->fate = lose_both;
    lab->arg = 1;
    ike_rekey_ike(a->e, a->session, lab->now);
    ike_rekey_ike(b->e, b->session, lab->now);
    lab_run(lab, 12000); // its SA is made at both, and it has taken the children over
    ike_delete_child(b->e, lab_last(b)->spi_in, lab->now);
    lab_run(lab, 100000);
    lab->arg = 0;
    lab_run(lab, 120 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_int_equal(a->downs + b->downs, 0);
    lab_end(lab);
}

// The n-th allocation fails while three exchanges are under way: nothing may leak, hang or be out of step.
static bool short_of_memory(int node, unsigned n)
{
    struct lab *lab = up_out(5, IKE_DH_X25519);
    struct lab_node *x = &lab->node[node];
    x->fail_alloc = x->n_alloc + n;
    watch_from_now(lab, 5, false);
    (void)ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now);
    (void)ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now);
    ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
    lab_run(lab, 100 * (uint64_t)LAB_SECOND);
    const bool failed = x->n_alloc >= x->fail_alloc;
    assert_int_equal(lab_sas(&lab->node[0]), lab_sas(&lab->node[1]));
    if (lab_sas(&lab->node[0]) == 1) {
        assert_int_equal(under_way(lab), 0);
        lab_assert_children(lab, lab_children(&lab->node[0]));
        x->fail_alloc = 0;
        const unsigned before = lab_children(&lab->node[0]);
        new_children(lab, 2); // it goes on
        lab_run(lab, 10 * (uint64_t)LAB_SECOND);
        lab_assert_children(lab, before + 2);
    }
    lab_end(lab);
    return failed;
}

static void memory_that_runs_out_leaves_all_in_order(void **state)
{
    (void)state;
    for (int node = 0; node < 2; node++) {
        unsigned n = 1;
        while (short_of_memory(node, n))
            n++;
        assert_true(n > 20);
    }
}

// --- errors that are told

static void esp_for_no_sa_is_told_inside_the_ike_sa_and_makes_a_new_child(void **state)
{
    (void)state;
    struct lab *lab = up(1);
    struct lab_node *a = &lab->node[0], *b = &lab->node[1];
    const uint32_t lost = lab_first(b)->spi_in;
    // Node 1 forgets its child, as after a fault; node 0 goes on sending.
    ike_enter(b->e, lab->now);
    ike_child_drop(ike_child_by_spi(b->e, lost), IKE_R_INSTALL);
    ike_leave(b->e);
    const struct ike_path from = lab_path(lab, 1);
    for (int i = 0; i < 50; i++) // a stream of packets: one notify
        ike_unknown_spi(b->e, &from, lost, lab->now);
    assert_int_equal(b->e->stats.invalid_spi_sent, 1);
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    assert_int_equal(a->e->stats.error_notices, 1);
    lab_assert_children(lab, 1);
    assert_int_not_equal(lab_first(b)->spi_in, lost);
    lab_end(lab);
}

static void esp_that_is_faster_than_its_install_is_not_told(void **state)
{
    (void)state;
    struct lab *lab = up(1);
    struct lab_node *b = &lab->node[1];
    const struct ike_path from = lab_path(lab, 1);
    ike_unknown_spi(b->e, &from, lab_first(b)->spi_in, lab->now); // ours, whatever the datapath has of it
    assert_int_equal(b->e->stats.invalid_spi_sent, 0);
    lab_end(lab);
}

static void a_lone_invalid_spi_only_makes_us_ask(void **state)
{
    (void)state;
    struct lab *lab = up(1);
    struct lab_node *a = &lab->node[0], *b = &lab->node[1];
    const uint32_t lost = lab_first(b)->spi_in;
    lab->shut = true;
    ike_delete(b->e, b->session, lab->now); // it loses all of its state
    lab_run(lab, 3 * (uint64_t)60 * LAB_SECOND);
    assert_int_equal(lab_sas(b), 0);
    lab->shut = false;
    struct ike_path from = lab_path(lab, 1);
    if (lab_sas(a) == 0) { // dead peer detection was faster
        lab_end(lab);
        return;
    }
    ike_unknown_spi(b->e, &from, lost, lab->now);
    lab_run(lab, 100000);
    assert_int_equal(a->e->stats.bare_notices, 1);
    assert_int_equal(lab_sas(a), 1); // nothing ends because of it
    lab_end(lab);
}

static void lone_notices_are_not_answered_and_hints_are_few(void **state)
{
    (void)state;
    struct lab *lab = up(1);
    struct lab_node *a = &lab->node[0];
    const struct ike_sa *sa = a->e->sas;
    struct ike_path path = sa->path;
    uint8_t msg[64];
    const uint32_t spi = lab_first(a)->spi_out;
    const uint8_t data[4] = {(uint8_t)(spi >> 24), (uint8_t)(spi >> 16), (uint8_t)(spi >> 8), (uint8_t)spi};
    struct ike_build b;
    const struct ike_header h = {.exchange = IKE_X_INFORMATIONAL, .flags = IKE_F_INITIATOR};
    ike_build_message(&b, msg, sizeof(msg), &h);
    ike_put_notify(&b, IKE_N_INVALID_SPI, data, sizeof(data));
    const size_t n = ike_build_finish(&b);
    const uint64_t before = lab->sent;
    for (int i = 0; i < 100; i++)
        ike_input(a->e, &path, msg, n, lab->now);
    assert_int_equal(lab->sent, before + 1); // one question to the peer, no answer to the notices
    assert_int_equal(a->e->stats.bare_notices, 100);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 1);
    lab_end(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_a_window_are_answered_in_their_order),
        cmocka_unit_test(every_answer_of_a_window_can_be_had_again),
        cmocka_unit_test(what_is_beyond_the_window_is_dropped),
        cmocka_unit_test(early_messages_must_be_authentic),
        cmocka_unit_test(fragments_of_several_requests_mingle),
        cmocka_unit_test(a_slow_request_holds_the_next_ones_back),
        cmocka_unit_test(two_children_are_made_at_the_same_time),
        cmocka_unit_test(two_children_at_the_same_time_over_a_rough_network),
        cmocka_unit_test(a_peer_with_a_window_of_one_gets_one_at_a_time),
        cmocka_unit_test(the_window_stands_at_the_oldest_request),
        cmocka_unit_test(a_dpd_goes_out_while_a_create_is),
        cmocka_unit_test(they_end_in_any_order),
        cmocka_unit_test(fragments_of_several_answers_mingle),
        cmocka_unit_test(what_changes_the_ike_sa_is_alone),
        cmocka_unit_test(one_update_of_addresses_at_a_time),
        cmocka_unit_test(whatever_both_begin_they_agree_in_the_end),
        cmocka_unit_test(a_child_may_be_gone_before_its_answer_comes),
        cmocka_unit_test(who_uses_its_ike_sa_has_decided),
        cmocka_unit_test(memory_that_runs_out_leaves_all_in_order),
        cmocka_unit_test(esp_for_no_sa_is_told_inside_the_ike_sa_and_makes_a_new_child),
        cmocka_unit_test(esp_that_is_faster_than_its_install_is_not_told),
        cmocka_unit_test(a_lone_invalid_spi_only_makes_us_ask),
        cmocka_unit_test(lone_notices_are_not_answered_and_hints_are_few),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_window", tests, NULL, NULL);
}
