// SPDX-License-Identifier: BSD-2-Clause
// The watchdog: resets the card when firmware has not kicked it for WDT_CYCLES.
#pragma once
#define WDT_CYCLES 0x04000000u // 0.2 s at 322 MHz

void wdt_start(void);
void wdt_kick(void);
