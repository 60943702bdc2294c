// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/core/irq.h"

#include "firmware/core/hal.h"
#include "firmware/drivers/timer.h"
#include "mgmt_regs.h"

void irq_init(void)
{
    write32(MGMT_BASE + MGMT_IRQ_ENABLE, 0);
#if defined(__riscv)
    const uint32_t wake = (1u << 11) | (1u << 7); // MEIE, MTIE; mstatus.MIE stays 0
    __asm__ volatile(".option push; .option arch, +zicsr; csrw mie, %0; .option pop" ::"r"(wake));
#endif
}

void irq_wait(uint32_t lines, uint64_t until)
{
    timer_wake_at(until);
    write32(MGMT_BASE + MGMT_IRQ_ENABLE, lines);
    hal_sleep();
}
