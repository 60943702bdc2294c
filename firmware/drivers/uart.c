// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/drivers/uart.h"

#include "firmware/core/hal.h"
#include "mgmt_regs.h"

void uart_text(const char *text)
{
    for (; *text; text++)
        write32(MGMT_BASE + MGMT_UART_TX, (uint8_t)*text);
}
