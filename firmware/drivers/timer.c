// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/drivers/timer.h"

#include "firmware/core/hal.h"
#include "mgmt_regs.h"

uint64_t timer_now(void)
{
    uint32_t high = read32(MGMT_BASE + MGMT_MTIME_HI), low = read32(MGMT_BASE + MGMT_MTIME_LO);
    const uint32_t again = read32(MGMT_BASE + MGMT_MTIME_HI);
    if (again != high) { // the lower half wrapped in between
        high = again;
        low = read32(MGMT_BASE + MGMT_MTIME_LO);
    }
    return (uint64_t)high << 32 | low;
}

void timer_wake_at(uint64_t when)
{
    // The upper half is never smaller than it shall become while the lower half is the old one.
    write32(MGMT_BASE + MGMT_MTIMECMP_HI, UINT32_MAX);
    write32(MGMT_BASE + MGMT_MTIMECMP_LO, (uint32_t)when);
    write32(MGMT_BASE + MGMT_MTIMECMP_HI, (uint32_t)(when >> 32));
}

struct deadline deadline_in(uint32_t cycles)
{
    return (struct deadline){timer_now() + cycles};
}

bool deadline_passed(const struct deadline *d)
{
    return timer_now() >= d->end;
}
