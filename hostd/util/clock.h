// SPDX-License-Identifier: BSD-2-Clause
// The one clock: microseconds, monotonic. Tests replace the function and run hours in milliseconds.
#ifndef CULVERT_UTIL_CLOCK_H
#define CULVERT_UTIL_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*now)(void *arg); // microseconds, never falling
    void *arg;
};

// The machine's monotonic clock.
struct clock clock_real(void);
static inline uint64_t clock_now(const struct clock *c)
{
    return c->now(c->arg);
}

#endif
