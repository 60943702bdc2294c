// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/lpm.h"
#include "tests/unit/ip_of.h"

#include <setjmp.h>
#include <stdarg.h>
// cmocka wants these first
#include <cmocka.h>
#include <stdlib.h>

static void set(struct lpm *t, const char *prefix, unsigned length, void *value)
{
    struct ip_addr a = ip_of(prefix);
    assert_true(lpm_set(t, &a, length, value));
}

static void del(struct lpm *t, const char *prefix, unsigned length)
{
    struct ip_addr a = ip_of(prefix);
    lpm_del(t, &a, length);
}

static const char *find(const struct lpm *t, const char *text)
{
    struct ip_addr a = ip_of(text);
    return lpm_find(t, &a);
}

static void the_longest_prefix_wins(void **state)
{
    (void)state;
    struct lpm t = {0};
    assert_null(find(&t, "10.1.2.3"));
    set(&t, "10.0.0.0", 8, "eight");
    set(&t, "10.1.2.0", 24, "twenty-four");
    set(&t, "10.1.2.3", 32, "host");
    assert_string_equal(find(&t, "10.1.2.3"), "host");
    assert_string_equal(find(&t, "10.1.2.4"), "twenty-four");
    assert_string_equal(find(&t, "10.200.0.1"), "eight");
    assert_null(find(&t, "11.0.0.1"));
    set(&t, "0.0.0.0", 0, "all");
    assert_string_equal(find(&t, "11.0.0.1"), "all");
    lpm_free(&t);
}

static void what_goes_uncovers_what_is_below(void **state)
{
    (void)state;
    struct lpm t = {0};
    set(&t, "10.0.0.0", 8, "eight");
    set(&t, "10.1.2.3", 32, "host");
    set(&t, "10.1.2.3", 32, "other"); // replaces
    assert_string_equal(find(&t, "10.1.2.3"), "other");
    del(&t, "10.1.2.3", 32);
    del(&t, "10.1.2.3", 32); // not there any more
    assert_string_equal(find(&t, "10.1.2.3"), "eight");
    del(&t, "10.0.0.0", 8);
    assert_null(find(&t, "10.1.2.3"));
    set(&t, "10.1.0.0", 16, "sixteen"); // another length after it was empty
    assert_string_equal(find(&t, "10.1.2.3"), "sixteen");
    lpm_free(&t);
}

static void bits_behind_the_prefix_do_not_count(void **state)
{
    (void)state;
    struct lpm t = {0};
    set(&t, "10.1.2.3", 24, "net");
    struct ip_addr net = ip_of("10.1.2.0");
    assert_string_equal(lpm_get(&t, &net, 24), "net");
    assert_string_equal(find(&t, "10.1.2.255"), "net");
    lpm_free(&t);
}

static void families_are_apart(void **state)
{
    (void)state;
    struct lpm t = {0};
    set(&t, "::", 0, "six");
    assert_null(find(&t, "10.0.0.1"));
    set(&t, "2001:db8::", 32, "doc");
    set(&t, "0.0.0.0", 0, "four");
    assert_string_equal(find(&t, "2001:db8::1"), "doc");
    assert_string_equal(find(&t, "2001:db9::1"), "six");
    assert_string_equal(find(&t, "10.0.0.1"), "four");
    lpm_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_wins),
        cmocka_unit_test(what_goes_uncovers_what_is_below),
        cmocka_unit_test(bits_behind_the_prefix_do_not_count),
        cmocka_unit_test(families_are_apart),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
