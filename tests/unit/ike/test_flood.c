// SPDX-License-Identifier: BSD-2-Clause
// What senders that are not authenticated can make the machine hold: IKE_SA_INITs from everywhere, and fragments of
// IKE_AUTH by peers that have done the key exchange. Measured at the allocator, not at our own counters.
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

/// Of the address sanitizer, with which these tests are built: bytes that are allocated now.
size_t __sanitizer_get_current_allocated_bytes(void);

static struct lab *lab_with(uint64_t bound)
{
    struct lab *lab = lab_new();
    lab->node[1].limits.max_unauth_bytes = bound;
    lab->node[1].limits.cookie_threshold = 1000000; // the bound alone has to hold
    lab->node[1].limits.max_half_open_peer = 1000000;
    lab->node[1].limits.max_half_open = 1000000;
    lab_start(lab);
    return lab;
}

// A good IKE_SA_INIT, and what changes of it from sender to sender.
static struct lab_packet *first_message(struct lab *lab)
{
    lab_initiate(lab, 0);
    struct lab_packet *p = lab->queue;
    assert_non_null(p);
    lab->queue = p->next;
    return p;
}

static void spoofed_requests_stay_under_the_bound(void **state)
{
    (void)state;
    const uint64_t bound = 4 << 20;
    struct lab *lab = lab_with(bound);
    struct lab_packet *p = first_message(lab);
    struct ike_engine *e = lab->node[1].e;
    lab->shut = true; // the answers go nowhere
    struct ike_path path = lab_path(lab, 1);
    const size_t before = __sanitizer_get_current_allocated_bytes();
    size_t most = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        memcpy(p->bytes, &i, sizeof(i)); // another SPI
        memcpy(path.remote.b, &i, sizeof(i));
        ike_input(e, &path, p->bytes, p->len, lab->now);
        const size_t now = __sanitizer_get_current_allocated_bytes() - before;
        most = now > most ? now : most;
    }
    uint64_t held, told;
    ike_unauth_bytes(e, &held, &told);
    printf("# most %zu bytes, counted %llu, bound %llu\n", most, (unsigned long long)held, (unsigned long long)told);
    assert_int_equal(told, bound);
    assert_true(most <= bound);
    assert_true(held <= bound);
    assert_true(e->stats.unauth_refused > 10000);
    assert_true(e->n_half_open > 100);
    // It ends by itself, and an honest peer is served.
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    ike_unauth_bytes(e, &held, &told);
    assert_int_equal(held, 0);
    lab->shut = false;
    lab_initiate(lab, 0);
    lab_run(lab, 2 * (uint64_t)LAB_SECOND);
    assert_true(lab->node[1].ups > 0);
    free(p);
    lab_end(lab);
}

static void long_requests_cost_what_they_are(void **state)
{
    (void)state;
    const uint64_t bound = 4 << 20;
    struct lab *lab = lab_with(bound);
    struct lab_packet *p = first_message(lab);
    struct ike_engine *e = lab->node[1].e;
    lab->shut = true;
    struct ike_path path = lab_path(lab, 1);
    // The same with Vendor IDs behind it, as long as a message may be.
    const size_t len = 60000;
    uint8_t *msg = calloc(1, len);
    assert_non_null(msg);
    memcpy(msg, p->bytes, p->len);
    struct ike_payloads in;
    assert_int_equal(ike_payloads_decode(msg[16], msg + 28, p->len - 28, &in), IKE_DECODE_OK);
    size_t at = 28, last = 16; // the last payload's `next`
    while (msg[last] != 0) {
        last = at;
        at += (size_t)msg[at + 2] << 8 | msg[at + 3];
    }
    msg[last] = IKE_P_VENDOR;
    msg[at + 2] = (uint8_t)((len - at) >> 8);
    msg[at + 3] = (uint8_t)(len - at);
    msg[26] = (uint8_t)(len >> 8);
    msg[27] = (uint8_t)len;
    const size_t before = __sanitizer_get_current_allocated_bytes();
    size_t most = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        memcpy(msg, &i, sizeof(i));
        memcpy(path.remote.b, &i, sizeof(i));
        ike_input(e, &path, msg, len, lab->now);
        const size_t now = __sanitizer_get_current_allocated_bytes() - before;
        most = now > most ? now : most;
    }
    printf("# most %zu bytes\n", most);
    assert_true(most <= bound);
    assert_in_range(e->n_half_open, 10, bound / len);
    free(msg);
    free(p);
    lab_end(lab);
}

// Peers that have keys send all but the last fragment of a long IKE_AUTH, again and again in other cuts.
static void fragments_stay_under_the_bound(void **state)
{
    (void)state;
    const uint64_t bound = 1 << 20;
    struct lab *lab = lab_with(bound);
    struct ike_engine *e = lab->node[1].e;
    enum { PEERS = 60 };
    lab->node[0].profile->fragment_mtu = 576;
    for (int i = 0; i < PEERS; i++)
        lab_initiate(lab, 0);
    while (e->n_half_open < PEERS && lab->now < 1010 * (uint64_t)LAB_SECOND)
        lab_run(lab, 1000);
    while (lab->queue) { // their IKE_AUTH does not come
        struct lab_packet *q = lab->queue;
        lab->queue = q->next;
        if (lab_exchange(q) == IKE_X_SA_INIT) {
            struct ike_path path = q->path;
            ike_input(lab->node[q->to].e, &path, q->bytes, q->len, lab->now);
        }
        free(q);
    }
    lab->shut = true;
    const size_t before = __sanitizer_get_current_allocated_bytes();
    size_t most = 0;
    static uint8_t zeros[20000];
    for (struct ike_sa *sa = lab->node[0].e->sas; sa; sa = sa->next) {
        struct ike_build b;
        if (!sa->have_keys)
            continue;
        for (size_t size = 12000; size < 16000; size += 1000) {
            ike_build_chain(&b, lab->node[0].e->chain, IKE_MAX_MESSAGE);
            ike_put_raw(&b, IKE_P_VENDOR, zeros, size);
            struct ike_task *task = sa->task;
            struct ike_task fake = {.kind = IKE_TASK_AUTH, .sa = sa};
            const uint32_t next = sa->next_out;
            sa->task = &fake;
            sa->next_out = task ? task->mid : next;
            sa->peer_frag = true;
            lab->node[0].e->now = lab->now;
            assert_true(ike_send_request(sa, IKE_X_AUTH, &b)); // (nothing is carried: the net is shut)
            struct ike_flight *f = fake.out;
            ike_heap_stop(&sa->e->timers, &fake.timer);
            sa->next_out = next;
            sa->task = task;
            struct ike_path path = lab_path(lab, 1);
            path.remote = lab->node[0].addr;
            size_t pos = 0;
            while (pos < f->len) {
                uint32_t n;
                memcpy(&n, f->bytes + pos, sizeof(n));
                pos += sizeof(n);
                if (pos + n < f->len) // all but the last
                    ike_input(e, &path, f->bytes + pos, n, lab->now);
                pos += n;
                const size_t now = __sanitizer_get_current_allocated_bytes() - before;
                most = now > most ? now : most;
            }
            free(f);
        }
    }
    uint64_t held, told;
    ike_unauth_bytes(e, &held, &told);
    printf("# most %zu bytes more, counted %llu in all, bound %llu\n", most, (unsigned long long)held,
           (unsigned long long)told);
    assert_true(e->stats.fragments_in > 500);
    assert_true(held <= bound);
    assert_true(most <= bound);
    assert_true(e->stats.bad_fragment > 0);
    lab_run(lab, 120 * (uint64_t)LAB_SECOND);
    ike_unauth_bytes(e, &held, &told);
    assert_int_equal(held, 0);
    lab_end(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoofed_requests_stay_under_the_bound),
        cmocka_unit_test(long_requests_cost_what_they_are),
        cmocka_unit_test(fragments_stay_under_the_bound),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_flood", tests, NULL, NULL);
}
