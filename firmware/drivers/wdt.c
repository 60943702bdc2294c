// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/drivers/wdt.h"

#include "firmware/core/hal.h"
#include "mgmt_regs.h"

void wdt_start(void)
{
    write32(MGMT_BASE + MGMT_WDT_LOAD, WDT_CYCLES);
}

void wdt_kick(void)
{
    write32(MGMT_BASE + MGMT_WDT_KICK, 1);
}
