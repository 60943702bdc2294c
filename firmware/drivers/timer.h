// SPDX-License-Identifier: BSD-2-Clause
// The machine timer: clock cycles since reset, and deadlines in them. No loop waits without one.
#pragma once
#include <stdbool.h>
#include <stdint.h>

uint64_t timer_now(void);
// The timer's interrupt is pending from then on.
void timer_wake_at(uint64_t when);

struct deadline {
    uint64_t end;
};
struct deadline deadline_in(uint32_t cycles);
bool deadline_passed(const struct deadline *d);
