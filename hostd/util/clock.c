// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t real_now(void *arg)
{
    (void)arg;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

struct clock clock_real(void)
{
    return (struct clock){.now = real_now, .arg = NULL};
}
