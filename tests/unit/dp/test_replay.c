// SPDX-License-Identifier: BSD-2-Clause
// Replay window and extended sequence numbers, against a model that remembers every number; and selectors.
#include "hostd/dp/replay.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t rng;
static uint64_t rnd(void) // xorshift64*
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return rng * 2685821657736338717u;
}

// The model: the numbers seen so far within reach of the top, as a plain list.
struct model {
    uint64_t seen[20000];
    size_t n;
    uint64_t top;
};
static enum replay_verdict model_check(const struct model *m, uint32_t window, uint64_t seq)
{
    if (seq == 0 || (seq <= m->top && m->top - seq >= window))
        return REPLAY_OLD;
    for (size_t i = 0; i < m->n; i++)
        if (m->seen[i] == seq)
            return REPLAY_SEEN;
    return REPLAY_NEW;
}

static void one_window(uint32_t window, bool esn, uint64_t start)
{
    static struct model m;
    struct replay r;
    m.n = 0;
    assert_true(replay_init(&r, window, esn));
    r.top = m.top = start;
    for (int i = 0; i < 4000; i++) {
        uint64_t seq;
        switch (rnd() % 8) {
        case 0: // far ahead, sometimes beyond the whole window
            seq = m.top + 1 + rnd() % (2 * window + 100);
            break;
        case 1: // around the lower edge
            seq = m.top - window + rnd() % 4 - 1;
            break;
        default:
            seq = m.top + 3 - rnd() % (window + 6);
        }
        if (seq > (esn ? UINT64_MAX : UINT32_MAX) || seq > m.top + 2 * window + 100) // beyond the ends of all numbers
            continue;
        if (seq > start - window && seq <= start && start > 0) // before the model's time
            continue;
        uint64_t whole;
        assert_true(replay_infer(&r, (uint32_t)seq, &whole));
        enum replay_verdict want = model_check(&m, window, seq);
        if (seq <= m.top && m.top - seq >= window && esn) { // too old: inferred as one of the next round
            assert_int_equal(whole, seq + (1ull << 32));
            continue;
        }
        assert_int_equal(whole, seq);
        assert_int_equal(replay_check(&r, seq), want);
        if (want != REPLAY_NEW)
            continue;
        replay_accept(&r, seq);
        assert_int_equal(replay_check(&r, seq), REPLAY_SEEN);
        m.seen[m.n++] = seq;
        if (seq > m.top)
            m.top = seq;
        assert_int_equal(r.top, m.top);
    }
    replay_clear(&r);
}

static void windows_agree_with_the_model(void **state)
{
    (void)state;
    static const uint32_t windows[] = {1, 2, 31, 32, 33, 63, 64, 65, 128, 1000, 1024, 4095, 4096};
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        one_window(windows[i], false, 0);
        one_window(windows[i], true, 0);
        one_window(windows[i], true, 0x1ffffff00);        // over the wrap of the lower half
        one_window(windows[i], true, 0x7fffffff);         //
        one_window(windows[i], true, 0xfffffff000000000); // high up
    }
}

static void edges_of_a_window_of_64(void **state)
{
    (void)state;
    struct replay r;
    assert_true(replay_init(&r, 64, false));
    assert_int_equal(replay_check(&r, 0), REPLAY_OLD);
    assert_int_equal(replay_check(&r, UINT32_MAX), REPLAY_NEW);
    replay_accept(&r, 100);
    assert_int_equal(replay_check(&r, 37), REPLAY_NEW); // 100 - 63
    assert_int_equal(replay_check(&r, 36), REPLAY_OLD);
    assert_int_equal(replay_check(&r, 100), REPLAY_SEEN);
    replay_accept(&r, 37);
    assert_int_equal(replay_check(&r, 37), REPLAY_SEEN);
    replay_accept(&r, 101);
    assert_int_equal(replay_check(&r, 37), REPLAY_OLD);
    assert_int_equal(replay_check(&r, 38), REPLAY_NEW);
    replay_accept(&r, 1000000);
    assert_int_equal(replay_check(&r, 1000000 - 63), REPLAY_NEW);
    assert_int_equal(replay_check(&r, 101), REPLAY_OLD);
    replay_clear(&r);
}

static void judging_does_not_remember(void **state)
{
    (void)state;
    struct replay r;
    assert_true(replay_init(&r, 64, true));
    for (int i = 0; i < 3; i++)
        assert_int_equal(replay_check(&r, 5), REPLAY_NEW);
    assert_int_equal(r.top, 0);
    replay_clear(&r);
}

static void extended_numbers_follow_the_wrap(void **state)
{
    (void)state;
    struct replay r;
    uint64_t seq;
    assert_true(replay_init(&r, 64, true));
    assert_false(replay_infer(&r, UINT32_MAX, &seq)); // would lie before the first
    assert_true(replay_infer(&r, 1, &seq));
    assert_int_equal(seq, 1);
    r.top = 0xfffffffe;
    assert_true(replay_infer(&r, 0xffffffff, &seq));
    assert_int_equal(seq, 0xffffffff);
    assert_true(replay_infer(&r, 0, &seq));
    assert_int_equal(seq, 0x100000000);
    assert_true(replay_infer(&r, 0xfffffffe - 64, &seq)); // below the window: of the next round
    assert_int_equal(seq, 0x1ffffffbe);
    r.top = 0x100000003; // the window reaches back over the wrap
    assert_true(replay_infer(&r, 0xffffffff, &seq));
    assert_int_equal(seq, 0xffffffff);
    assert_true(replay_infer(&r, 4, &seq));
    assert_int_equal(seq, 0x100000004);
    r.top = UINT64_MAX; // the very end: no number follows
    assert_false(replay_infer(&r, 0, &seq));
    replay_clear(&r);
}

static void no_window_refuses_nothing(void **state)
{
    (void)state;
    struct replay r;
    assert_true(replay_init(&r, 0, false));
    replay_accept(&r, 9);
    assert_int_equal(replay_check(&r, 9), REPLAY_NEW);
    assert_int_equal(replay_check(&r, 0), REPLAY_NEW);
    assert_int_equal(r.top, 9);
    replay_clear(&r);
}

int main(void)
{
    const char *seed = getenv("SEED");
    rng = seed ? strtoull(seed, NULL, 0) : 1;
    printf("# seed %llu\n", (unsigned long long)rng);
    rng = rng * 0x9e3779b97f4a7c15 | 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_agree_with_the_model), cmocka_unit_test(edges_of_a_window_of_64),
        cmocka_unit_test(judging_does_not_remember),    cmocka_unit_test(extended_numbers_follow_the_wrap),
        cmocka_unit_test(no_window_refuses_nothing),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
