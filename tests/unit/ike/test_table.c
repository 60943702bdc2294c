// SPDX-License-Identifier: BSD-2-Clause
// The engine's tables: entries of one key, and how many are looked at, of which a peer has as many as it likes.
#include "hostd/ike/ike_table.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

enum { MANY = 20000 };

static struct ike_node node[MANY];
static int owner;

static void fill(struct ike_table *t, uint64_t every)
{
    memset(node, 0, sizeof(node));
    for (unsigned i = 0; i < MANY; i++)
        assert_true(ike_table_put(t, &node[i], every ? i / every : i, &owner));
    assert_int_equal(t->count, MANY);
}

static void entries_of_one_key_are_found_the_last_first(void **state)
{
    (void)state;
    struct ike_table t = {.secret = 7};
    fill(&t, 5);
    for (unsigned key = 0; key < MANY / 5; key++) {
        struct ike_node *n = ike_table_find(&t, key);
        for (unsigned i = 5; i-- > 0; n = ike_table_again(n))
            assert_ptr_equal(n, &node[key * 5 + i]);
        assert_null(n);
    }
    assert_null(ike_table_find(&t, MANY));
    // Of each key the first, the last and one in the middle go.
    for (unsigned key = 0; key < MANY / 5; key++) {
        ike_table_drop(&t, &node[key * 5 + 2]);
        ike_table_drop(&t, &node[key * 5 + 4]);
        ike_table_drop(&t, &node[key * 5]);
        ike_table_drop(&t, &node[key * 5]); // not in any more: nothing
    }
    assert_int_equal(t.count, MANY / 5 * 2);
    for (unsigned key = 0; key < MANY / 5; key++) {
        struct ike_node *n = ike_table_find(&t, key);
        assert_ptr_equal(n, &node[key * 5 + 3]);
        assert_ptr_equal(ike_table_again(n), &node[key * 5 + 1]);
        assert_null(ike_table_again(ike_table_again(n)));
        ike_table_drop(&t, n);
        assert_ptr_equal(ike_table_find(&t, key), &node[key * 5 + 1]);
        ike_table_drop(&t, &node[key * 5 + 1]);
        assert_null(ike_table_find(&t, key));
    }
    assert_int_equal(t.count, 0);
    ike_table_clear(&t);
}

// All SAs of one identity: each that goes is one step, in whatever order they go.
static void as_many_of_one_key_as_there_are_cost_nothing_more(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 3; way++) {
        struct ike_table t = {.secret = 7};
        fill(&t, MANY);
        assert_int_equal(t.visits, MANY);
        t.visits = 0;
        for (unsigned i = 0; i < MANY; i++) {
            const unsigned at = way == 0 ? i : way == 1 ? MANY - 1 - i : (i * 7919u) % MANY;
            ike_table_drop(&t, &node[at]);
        }
        assert_true(t.visits <= MANY);
        assert_int_equal(t.count, 0);
        assert_null(ike_table_find(&t, 0));
        ike_table_clear(&t);
    }
}

static void keys_of_their_own_are_found_in_a_step_or_two(void **state)
{
    (void)state;
    struct ike_table t = {.secret = 7};
    fill(&t, 0);
    t.visits = 0;
    for (unsigned i = 0; i < MANY; i++)
        assert_ptr_equal(ike_table_find(&t, i), &node[i]);
    assert_true(t.visits < 2 * MANY);
    for (unsigned i = 0; i < MANY; i++)
        ike_table_drop(&t, &node[i]);
    ike_table_clear(&t);
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_of_one_key_are_found_the_last_first),
        cmocka_unit_test(as_many_of_one_key_as_there_are_cost_nothing_more),
        cmocka_unit_test(keys_of_their_own_are_found_in_a_step_or_two),
    };
    return cmocka_run_group_tests_name("ike_table", tests, NULL, NULL);
}
