// SPDX-License-Identifier: BSD-2-Clause
// What is random and repeats.
#include "hostd/load/load.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

enum { MANY = 100000 };

// The values stay the same from version to version: a seed in somebody's notes goes on to mean what it meant.
static void a_draw_is_what_it_always_was(void **state)
{
    (void)state;
    assert_int_equal(chance_draw(0, CHANCE_ORDER, 0, 0), 0x3f09549a);
    assert_int_equal(chance_draw(7, CHANCE_LOSS_IN, 1000, 3), 0xe02e4301);
    assert_int_equal(chance_draw(UINT32_MAX, CHANCE_JITTER, UINT32_MAX, UINT32_MAX), 0x0e87f88a);
}

static void each_argument_makes_another_draw(void **state)
{
    (void)state;
    const uint32_t one = chance_draw(1, CHANCE_JITTER, 1, 1);
    assert_int_not_equal(one, chance_draw(2, CHANCE_JITTER, 1, 1));
    assert_int_not_equal(one, chance_draw(1, CHANCE_SPREAD, 1, 1));
    assert_int_not_equal(one, chance_draw(1, CHANCE_JITTER, 2, 1));
    assert_int_not_equal(one, chance_draw(1, CHANCE_JITTER, 1, 2));
}

// Of draws by turn and of draws by whom: about as many in each tenth.
static void draws_are_even(void **state)
{
    (void)state;
    unsigned by_turn[10] = {0}, by_whom[10] = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        by_turn[chance_below(chance_draw(3, CHANCE_LOSS_OUT, 5, i), 10)]++;
        by_whom[chance_below(chance_draw(3, CHANCE_LOSS_OUT, i, 0), 10)]++;
    }
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(by_turn[i], MANY / 10 - 600, MANY / 10 + 600);
        assert_in_range(by_whom[i], MANY / 10 - 600, MANY / 10 + 600);
    }
}

static void below_is_below(void **state)
{
    (void)state;
    assert_int_equal(chance_below(UINT32_MAX, 100), 99);
    assert_int_equal(chance_below(0, 100), 0);
    assert_int_equal(chance_below(UINT32_MAX, 1), 0);
}

static void an_order_has_each_once(void **state)
{
    (void)state;
    enum { N = 1000 };
    bool seen[N] = {false};
    uint32_t *a = chance_order(11, N), *b = chance_order(11, N), *c = chance_order(12, N);
    unsigned same = 0, at_home = 0;
    assert_non_null(a);
    assert_memory_equal(a, b, N * sizeof(*a));
    for (unsigned i = 0; i < N; i++) {
        assert_true(a[i] < N && !seen[a[i]]);
        seen[a[i]] = true;
        same += a[i] == c[i];
        at_home += a[i] == i;
    }
    assert_true(same < 20);
    assert_true(at_home < 20);
    free(a);
    free(b);
    free(c);
    a = chance_order(1, 1);
    assert_int_equal(a[0], 0);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_draw_is_what_it_always_was),
        cmocka_unit_test(each_argument_makes_another_draw),
        cmocka_unit_test(draws_are_even),
        cmocka_unit_test(below_is_below),
        cmocka_unit_test(an_order_has_each_once),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("load_chance", tests, NULL, NULL);
}
