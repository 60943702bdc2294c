// SPDX-License-Identifier: BSD-2-Clause
// Questions to the kernel while somebody else changes what is asked about, in a network namespace of our own.
#include "hostd/iface/nl.h"
#include "tests/unit/dp/own_net.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 3000, ROUNDS = 300, STIR_US = 500 };

struct stirring {
    int index;
    atomic_bool stop;
    atomic_uint changes;
};

static struct ip_addr loopback(unsigned net, unsigned i)
{
    return (struct ip_addr){.family = 4, .b = {127, (uint8_t)net, (uint8_t)(i / 250), (uint8_t)(1 + i % 250)}};
}

// Addresses of the device come and go until it is told to stop.
static void *stir(void *arg)
{
    struct stirring *s = arg;
    const struct ip_addr a = loopback(9, 0);
    struct nl *nl = nl_open();
    while (nl != NULL && !atomic_load(&s->stop)) {
        if (nl_addr_add(nl, s->index, &a, 32, false) == 0 && nl_addr_del(nl, s->index, &a, 32) == 0) {
            atomic_fetch_add(&s->changes, 1);
        }
        usleep(STIR_US);
    }
    nl_close(nl);
    return NULL;
}

// A list that takes several datagrams is broken off by the kernel if it changes meanwhile. That is not an answer, and
// neither it nor what is left of it is taken for the answer to what is asked next.
static void test_changes_while_asked(void **state)
{
    (void)state;
    struct nl *nl = nl_open();
    struct nl_link info;
    struct ip_addr addr;
    unsigned length, interrupted = 0, before;
    struct stirring s = {0};
    pthread_t thread;
    assert_non_null(nl);
    assert_int_equal(nl_link_get(nl, "lo", &info), 0);
    s.index = info.index;
    for (unsigned i = 0; i < MANY; i++) {
        addr = loopback(5, i);
        assert_int_equal(nl_addr_add(nl, s.index, &addr, 32, false), 0);
    }
    assert_int_equal(pthread_create(&thread, NULL, stir, &s), 0);
    before = atomic_load(&s.changes);
    for (unsigned i = 0; i < ROUNDS || atomic_load(&s.changes) < before + ROUNDS; i++) {
        int error = nl_addr_first(nl, s.index, 4, &addr, &length);
        assert_true(error == 0 || error == -EINTR); // it may change each time
        interrupted += error != 0;
        if (error == 0) {
            assert_int_equal(addr.b[0], 127);
            assert_int_equal(length, 8);
        }
        assert_int_equal(nl_link_get_index(nl, s.index, &info), 0);
        assert_string_equal(info.name, "lo");
        addr = loopback(6, 0);
        assert_int_equal(nl_addr_del(nl, s.index, &addr, 32), -EADDRNOTAVAIL);
    }
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    printf("# %u of the lists were never whole\n", interrupted);
    assert_int_equal(nl_addr_first(nl, s.index, 4, &addr, &length), 0);
    nl_close(nl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"changes meanwhile do not mix up answers", test_changes_while_asked, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    if (!own_net()) {
        printf("ok 1 - %s # SKIP no network namespace here\n", tests[0].name);
        return 0;
    }
    return cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
