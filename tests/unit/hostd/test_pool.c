// SPDX-License-Identifier: BSD-2-Clause
// Addresses from pools of both families: each once, the same identity the same one, at any size.
#include "hostd/main/pool.h"
#include "tests/unit/ip_of.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *text_of(const struct ip_addr *a)
{
    static char text[64];
    return ike_addr_format(a, text, sizeof(text));
}

static struct conf_pool v4(const char *name, const char *first, uint32_t count)
{
    struct conf_pool p = {.first = ip_of(first), .count = count, .length = 32};
    snprintf(p.name, sizeof(p.name), "%s", name);
    return p;
}

static struct conf_pool v6(const char *net, uint8_t pool, uint8_t each, uint32_t count)
{
    return (struct conf_pool){.name = "six", .first = ip_of(net), .count = count, .length = each, .pool_length = pool};
}

static void each_address_once(void **state)
{
    (void)state;
    struct pools p = {0};
    const struct conf_pool c = v4("p", "10.0.0.1", 3);
    struct ip_addr wanted = ip_of("10.0.0.2"), a, b, d, e;
    assert_int_equal(pools_take(&p, &c, NULL, &wanted, &a), 0);
    assert_true(ip_equal(&a, &wanted));
    assert_int_equal(pools_take(&p, &c, NULL, &wanted, &b), 0); // taken: another
    assert_int_equal(pools_take(&p, &c, NULL, NULL, &d), 0);
    assert_false(ip_equal(&a, &b) || ip_equal(&b, &d) || ip_equal(&a, &d));
    assert_int_equal(pools_take(&p, &c, NULL, NULL, &e), -ENOSPC);
    wanted = ip_of("192.0.2.1"); // not of the pool
    assert_int_equal(pools_take(&p, &c, NULL, &wanted, &e), -ENOSPC);
    pools_give(&p, &b);
    assert_false(pools_taken(&p, &b));
    pools_give(&p, &b); // once too often does no harm
    assert_int_equal(pools_take(&p, &c, NULL, NULL, &e), 0);
    assert_true(ip_equal(&e, &b));
    uint32_t size, used;
    pools_count(&p, &c, &size, &used);
    assert_int_equal(size, 3);
    assert_int_equal(used, 3);
    pools_free(&p);
}

static void the_same_identity_gets_the_same_address(void **state)
{
    (void)state;
    struct pools p = {0};
    const struct conf_pool c = v4("p", "10.0.0.0", 100);
    struct ike_id *joe = ike_id_parse("joe@example.com"), *ann = ike_id_parse("ann@example.com");
    struct ip_addr a, b, again, other;
    assert_int_equal(pools_take(&p, &c, joe, NULL, &a), 0);
    assert_int_equal(pools_take(&p, &c, ann, NULL, &b), 0);
    pools_give(&p, &a);
    pools_give(&p, &b);
    assert_int_equal(pools_take(&p, &c, ann, NULL, &again), 0);
    assert_true(ip_equal(&again, &b));
    assert_int_equal(pools_take(&p, &c, joe, NULL, &again), 0);
    assert_true(ip_equal(&again, &a));
    // A second device of the same user gets another one, and the first, asking for its own again, shares it.
    assert_int_equal(pools_take(&p, &c, joe, NULL, &other), 0);
    assert_false(ip_equal(&other, &a));
    assert_int_equal(pools_take(&p, &c, joe, &a, &again), 0);
    assert_true(ip_equal(&again, &a));
    pools_give(&p, &a);
    assert_true(pools_taken(&p, &a));
    pools_give(&p, &a);
    assert_false(pools_taken(&p, &a));
    // Ann cannot have what Joe holds.
    assert_int_equal(pools_take(&p, &c, ann, &other, &again), 0);
    assert_false(ip_equal(&again, &other));
    free(joe);
    free(ann);
    pools_free(&p);
}

static void an_address_rests_before_a_stranger_gets_it(void **state)
{
    (void)state;
    struct pools p = {0};
    const struct conf_pool c = v4("p", "10.0.0.0", 4);
    struct ike_id *joe = ike_id_parse("joe@example.com");
    struct ip_addr mine, a;
    assert_int_equal(pools_take(&p, &c, joe, NULL, &mine), 0);
    pools_give(&p, &mine);
    for (int i = 0; i < 3; i++) { // three others are free
        assert_int_equal(pools_take(&p, &c, NULL, NULL, &a), 0);
        assert_false(ip_equal(&a, &mine));
    }
    assert_int_equal(pools_take(&p, &c, NULL, NULL, &a), 0); // now there is no other
    assert_true(ip_equal(&a, &mine));
    assert_int_equal(pools_take(&p, &c, joe, NULL, &a), -ENOSPC);
    pools_give(&p, &mine);
    free(joe);
    pools_free(&p);
}

static void ipv6_pools_give_addresses_or_prefixes(void **state)
{
    (void)state;
    struct pools p = {0};
    struct ip_addr a;
    uint32_t size, used;
    struct conf_pool hosts = v6("2001:db8:1::", 126, 128, 4);
    for (int i = 1; i < 4; i++) { // the first is the routers' anycast address
        char want[64];
        snprintf(want, sizeof(want), "2001:db8:1::%d", i);
        assert_int_equal(pools_take(&p, &hosts, NULL, NULL, &a), 0);
        assert_string_equal(text_of(&a), want);
    }
    assert_int_equal(pools_take(&p, &hosts, NULL, NULL, &a), -ENOSPC);
    pools_count(&p, &hosts, &size, &used);
    assert_int_equal(size, 3);
    assert_int_equal(used, 3);
    struct conf_pool nets = v6("2001:db8:8000::", 40, 56, 1 << 16);
    assert_int_equal(pools_take(&p, &nets, NULL, NULL, &a), 0);
    assert_string_equal(text_of(&a), "2001:db8:8000::1");
    assert_int_equal(pools_take(&p, &nets, NULL, NULL, &a), 0);
    assert_string_equal(text_of(&a), "2001:db8:8000:100::1");
    struct ip_addr wanted = ip_of("2001:db8:80ab:cd00::99");
    assert_int_equal(pools_take(&p, &nets, NULL, &wanted, &a), 0);
    assert_string_equal(text_of(&a), "2001:db8:80ab:cd00::1");
    wanted = ip_of("2001:db8:8100::1"); // beyond the pool's prefix
    assert_int_equal(pools_take(&p, &nets, NULL, &wanted, &a), 0);
    assert_string_equal(text_of(&a), "2001:db8:8000:200::1");
    pools_free(&p);
}

static void what_is_taken_survives_another_configuration(void **state)
{
    (void)state;
    struct pools p = {0};
    struct conf_pool before = v4("p", "10.0.0.0", 4), after = v4("p", "10.0.0.2", 4);
    struct ip_addr a, b, wanted = ip_of("10.0.0.2");
    struct list now = {0};
    assert_true(list_add(&now, &after));
    assert_int_equal(pools_take(&p, &before, NULL, &wanted, &a), 0);
    wanted = ip_of("10.0.0.0");
    assert_int_equal(pools_take(&p, &before, NULL, &wanted, &b), 0);
    pools_reset(&p, &now);
    for (int i = 0; i < 3; i++) {
        struct ip_addr c;
        assert_int_equal(pools_take(&p, &after, NULL, NULL, &c), 0);
        assert_false(ip_equal(&c, &a));
    }
    assert_int_equal(pools_take(&p, &after, NULL, NULL, &wanted), -ENOSPC);
    pools_give(&p, &b); // of no pool any more
    pools_give(&p, &a);
    assert_int_equal(pools_take(&p, &after, NULL, NULL, &wanted), 0);
    assert_true(ip_equal(&wanted, &a));
    list_free(&now);
    pools_free(&p);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// Take all, then give back and take one at a time where only one is free: the search does not walk.
static void a_full_pool_is_as_fast_as_an_empty_one(void **state)
{
    (void)state;
    enum { SIZE = 1 << 18, TURNS = 100000 };
    struct pools p = {0};
    const struct conf_pool c = v4("p", "10.0.0.0", SIZE);
    struct ip_addr a, mid = ip_of("10.1.0.0");
    double start = seconds();
    for (int i = 0; i < TURNS; i++) {
        assert_int_equal(pools_take(&p, &c, NULL, NULL, &a), 0);
    }
    const double empty = seconds() - start;
    for (int i = TURNS; i < SIZE; i++) {
        assert_int_equal(pools_take(&p, &c, NULL, NULL, &a), 0);
    }
    assert_int_equal(pools_take(&p, &c, NULL, NULL, &a), -ENOSPC);
    start = seconds();
    for (int i = 0; i < TURNS; i++) {
        pools_give(&p, &mid);
        assert_int_equal(pools_take(&p, &c, NULL, NULL, &a), 0);
        assert_true(ip_equal(&a, &mid));
    }
    const double full = seconds() - start;
    printf("# %.0f ns each in an empty pool, %.0f in a full one\n", empty / TURNS * 1e9, full / TURNS * 1e9);
    assert_true(full < 10 * empty + 0.5);
    pools_free(&p);
}

// Against an array of flags, at sizes around the bitmaps' words and levels.
static void random_turns_agree_with_a_plain_model(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 2, 63, 64, 65, 4095, 4096, 4097};
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct pools p = {0};
        const struct conf_pool c = v4("p", "10.0.0.0", sizes[s]);
        uint8_t *held = calloc(sizes[s], 1);
        uint32_t used = 0, seed = 7, size, counted;
        for (int i = 0; i < 20000; i++) {
            seed = seed * 1103515245 + 12345;
            const uint32_t at = (seed >> 8) % sizes[s];
            struct ip_addr a = {.family = 4, .b = {10, 0, (uint8_t)(at >> 8), (uint8_t)at}}, got;
            if (seed & 1U << 30) {
                used -= held[at];
                held[at] = 0;
                pools_give(&p, &a);
            } else if (pools_take(&p, &c, NULL, seed & 1U << 29 ? &a : NULL, &got) == 0) {
                const uint32_t g = (uint32_t)got.b[2] << 8 | got.b[3];
                assert_true(g < sizes[s] && !held[g]);
                held[g] = 1;
                used++;
            } else {
                assert_int_equal(used, sizes[s]);
            }
        }
        pools_count(&p, &c, &size, &counted);
        assert_int_equal(counted, used);
        free(held);
        pools_free(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"a pool gives each address once, and again when it is back", each_address_once, NULL, NULL, NULL},
        {"the same identity gets the same address", the_same_identity_gets_the_same_address, NULL, NULL, NULL},
        {"an address rests before a stranger gets it", an_address_rests_before_a_stranger_gets_it, NULL, NULL, NULL},
        {"IPv6 pools give addresses or prefixes", ipv6_pools_give_addresses_or_prefixes, NULL, NULL, NULL},
        {"what is taken survives another configuration", what_is_taken_survives_another_configuration, NULL, NULL,
         NULL},
        {"random turns agree with a plain model", random_turns_agree_with_a_plain_model, NULL, NULL, NULL},
        {"a full pool is as fast as an empty one", a_full_pool_is_as_fast_as_an_empty_one, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
