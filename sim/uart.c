// SPDX-License-Identifier: BSD-2-Clause
#include "sim/uart.h"

void uart_flush(struct sim_uart *u)
{
    if (!u->used)
        return;
    fprintf(u->out, "%s%.*s\n", u->prefix, (int)u->used, u->line);
    fflush(u->out);
    u->used = 0;
}

void uart_byte(struct sim_uart *u, uint8_t byte)
{
    u->bytes++;
    if (byte == '\n') {
        uart_flush(u);
    } else if (byte != '\r') {
        u->line[u->used++] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
        if (u->used == sizeof u->line)
            uart_flush(u);
    }
}
