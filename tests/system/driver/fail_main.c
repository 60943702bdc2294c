// SPDX-License-Identifier: BSD-2-Clause
// Firmware that fails on purpose after its third answer: by a trap (FAIL_TRAP), or by hanging with a short watchdog
// (FAIL_HANG). Everything but this main is the shipped firmware.
#include "firmware/core/hal.h"
#include "firmware/core/irq.h"
#include "firmware/core/panic.h"
#include "firmware/drivers/timer.h"
#include "firmware/drivers/wdt.h"
#include "firmware/services/fw.h"
#include "mgmt_regs.h"

static void fail(void)
{
#ifdef FAIL_HANG
    write32(MGMT_BASE + MGMT_WDT_LOAD, 20000);
    for (;;) {
    }
#else
    (void)read32(0x50030000); // no block is there
#endif
}

int main(void);
int main(void)
{
    static struct fw fw;
    const char *wrong = fw_boot(&fw);
    if (wrong)
        panic(wrong);
    for (;;) {
        wdt_kick();
        const uint32_t lines = fw_step(&fw);
        if (fw.commands == 4) // the third answer is on its way, the fourth is not
            fail();
        if (lines)
            irq_wait(lines, timer_now() + WDT_CYCLES / 4);
    }
}
