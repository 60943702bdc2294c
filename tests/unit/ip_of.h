// SPDX-License-Identifier: BSD-2-Clause
// An address out of its text, for tests that have many of them.
#ifndef CULVERT_TESTS_IP_OF_H
#define CULVERT_TESTS_IP_OF_H

#include "hostd/util/ip.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static inline struct ip_addr ip_of(const char *text)
{
    struct ip_addr a;
    assert_true(ip_parse(text, &a));
    return a;
}

#endif
