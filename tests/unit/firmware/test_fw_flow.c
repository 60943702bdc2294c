// SPDX-License-Identifier: BSD-2-Clause
// The flow manager against a model of the hardware's table, which looks keys up as the hardware does. After every
// single write of the table all keys that are installed must be found, with one of the results they may have at that
// moment.
#include "firmware/services/flow.h"
#include "tests/unit/firmware/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 1200

struct world {
    struct model m;
    struct flow_table t;
    struct culvert_flow key[KEYS];
    bool installed[KEYS];
    int changing; // the key under way: may be there or not; -1: none
    uint32_t unreachable, random;
};

static uint32_t next(struct world *w)
{
    w->random = w->random * 1664525u + 1013904223u;
    return w->random >> 8;
}

static uint32_t result_of(const struct culvert_flow *f)
{
    return (uint32_t)f->kind << 16 | f->target;
}

static void all_reachable(struct model *m)
{
    struct world *w = m->test;
    for (int i = 0; i < KEYS; i++) {
        if (!w->installed[i] || i == w->changing)
            continue;
        const struct model_flow *e = model_flow_find(m, &w->key[i]);
        w->unreachable += !e || e->result != result_of(&w->key[i]);
    }
}

static uint32_t seed(void)
{
    const char *s = getenv("SEED");
    return s ? (uint32_t)strtoul(s, NULL, 0) : 20240607u;
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    model_init(&w->m);
    w->m.test = w;
    w->m.flow_written = all_reachable;
    w->m.time_step = 100;
    w->changing = -1;
    w->random = seed();
    for (uint32_t i = 0; i < KEYS; i++) {
        w->key[i] = (struct culvert_flow){.src = 0x0a000000 + i * 7,
                                          .dst = next(w),
                                          .sport = (uint16_t)next(w),
                                          .dport = 443,
                                          .protocol = 6,
                                          .vrf = i % 3,
                                          .kind = CULVERT_TARGET_TUNNEL,
                                          .target = (uint16_t)(i % 1000)};
    }
    hal_use(&w->m);
    return w;
}

static enum culvert_status put(struct world *w, int i)
{
    w->changing = i;
    const enum culvert_status s = flow_set(&w->t, &w->key[i]);
    w->changing = -1;
    if (s == CULVERT_ST_OK)
        w->installed[i] = true;
    return s;
}

static enum culvert_status drop(struct world *w, int i)
{
    w->changing = i;
    const enum culvert_status s = flow_del(&w->t, &w->key[i]);
    w->changing = -1;
    if (s == CULVERT_ST_OK)
        w->installed[i] = false;
    return s;
}

static unsigned count(const struct world *w)
{
    unsigned n = 0;
    for (int i = 0; i < KEYS; i++)
        n += w->installed[i];
    return n;
}

static void check(struct world *w)
{
    all_reachable(&w->m);
    assert_int_equal(w->unreachable, 0);
    assert_int_equal(w->t.count, count(w));
    assert_int_equal(w->m.writes_while_busy, 0);
    for (int i = 0; i < KEYS; i++)
        if (!w->installed[i])
            assert_null(model_flow_find(&w->m, &w->key[i]));
}

static void fills_to_about_half_before_it_is_full(void **state)
{
    (void)state;
    struct world *w = world_new();
    int i = 0;
    while (i < KEYS && put(w, i) == CULVERT_ST_OK)
        i++;
    check(w);
    printf("# full after %d of %u slots, %u table writes\n", i, BOARD_FLOW_COUNT, w->m.flow_writes);
    assert_in_range(i, BOARD_FLOW_COUNT * 2 / 5, BOARD_FLOW_COUNT);
    assert_int_equal(flow_set(&w->t, &w->key[i]), CULVERT_ST_FULL);
    check(w); // a refused key leaves no trace
    free(w);
}

static void no_key_is_ever_unreachable_while_others_come_and_go(void **state)
{
    (void)state;
    struct world *w = world_new();
    for (int n = 0; n < 20000; n++) {
        const int i = (int)(next(w) % 700);
        const enum culvert_status s = w->installed[i] ? drop(w, i) : put(w, i);
        assert_true(s == CULVERT_ST_OK || s == CULVERT_ST_FULL);
        if (n % 500 == 0)
            check(w);
    }
    check(w);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(drop(w, i), w->installed[i] ? CULVERT_ST_OK : CULVERT_ST_NOT_FOUND);
    check(w);
    assert_int_equal(w->t.count, 0);
    for (unsigned i = 0; i < MODEL_BUCKETS; i++)
        assert_false(w->m.way[0][i].valid || w->m.way[1][i].valid);
    for (unsigned i = 0; i < 8; i++)
        assert_false(w->m.stash[i].valid);
    printf("# seed %u\n", seed());
    free(w);
}

static void replacing_a_key_changes_its_result_in_one_write(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_int_equal(put(w, 0), CULVERT_ST_OK);
    const uint32_t writes = w->m.flow_writes;
    w->key[0].target = 999;
    assert_int_equal(put(w, 0), CULVERT_ST_OK);
    assert_int_equal(w->m.flow_writes, writes + 1);
    assert_int_equal(w->t.count, 1);
    check(w);
    free(w);
}

// All keys share one bucket in each way: two fit there, the stash takes the next eight, then it is full; and the stash
// empties into freed buckets.
static void colliding_keys_use_the_stash_and_leave_it_again(void **state)
{
    (void)state;
    struct world *w = world_new();
    w->m.hash_mask = 0;
    for (int i = 0; i < 10; i++)
        assert_int_equal(put(w, i), CULVERT_ST_OK);
    assert_int_equal(put(w, 10), CULVERT_ST_FULL);
    check(w);
    int in_bucket = -1;
    for (int i = 0; i < 10; i++)
        if (w->m.way[0][0].src == w->key[i].src)
            in_bucket = i;
    assert_int_equal(drop(w, in_bucket), CULVERT_ST_OK);
    check(w);
    unsigned stashed = 0;
    for (unsigned i = 0; i < 8; i++)
        stashed += w->m.stash[i].valid;
    assert_int_equal(stashed, 7);
    assert_true(w->m.way[0][0].valid);
    assert_int_equal(put(w, 10), CULVERT_ST_OK);
    check(w);
    free(w);
}

static void a_datapath_that_hangs_is_reported_and_later_removal_leaves_nothing(void **state)
{
    (void)state;
    struct world *w = world_new();
    for (int i = 0; i < 300; i++)
        assert_int_equal(put(w, i), CULVERT_ST_OK);
    w->m.time_step = 60000; // deadlines pass quickly
    w->m.busy_forever = true;
    assert_int_equal(flow_set(&w->t, &w->key[301]), CULVERT_ST_TIMEOUT);
    assert_int_equal(flow_del(&w->t, &w->key[0]), CULVERT_ST_TIMEOUT);
    w->m.busy_forever = false;
    assert_int_equal(put(w, 301), CULVERT_ST_OK);
    for (int i = 0; i < 302; i++)
        if (i != 300)
            assert_int_equal(drop(w, i), CULVERT_ST_OK);
    check(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_to_about_half_before_it_is_full),
        cmocka_unit_test(no_key_is_ever_unreachable_while_others_come_and_go),
        cmocka_unit_test(replacing_a_key_changes_its_result_in_one_write),
        cmocka_unit_test(colliding_keys_use_the_stash_and_leave_it_again),
        cmocka_unit_test(a_datapath_that_hangs_is_reported_and_later_removal_leaves_nothing),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("firmware flow manager", tests, NULL, NULL);
}
