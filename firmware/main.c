// SPDX-License-Identifier: BSD-2-Clause
// The main loop: work until nothing waits, then sleep until an interrupt line or the watchdog's turn.
#include "firmware/core/irq.h"
#include "firmware/core/panic.h"
#include "firmware/drivers/timer.h"
#include "firmware/drivers/wdt.h"
#include "firmware/services/fw.h"

#define STACK_CANARY 0x57a4c0deu // crt0 writes it at the far end of the stack

extern const volatile uint32_t __stack_limit; // NOLINT(bugprone-reserved-identifier): of the linker script

int main(void);
int main(void)
{
    static struct fw fw; // too large for the stack
    const char *wrong = fw_boot(&fw);
    if (wrong)
        panic(wrong);
    for (;;) {
        wdt_kick();
        if (__stack_limit != STACK_CANARY)
            panic("the stack has overflowed");
        const uint32_t lines = fw_step(&fw);
        if (lines)
            irq_wait(lines, timer_now() + WDT_CYCLES / 4);
    }
}
