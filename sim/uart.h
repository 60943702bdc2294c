// SPDX-License-Identifier: BSD-2-Clause
// Captures the management core's serial output, line by line.
#pragma once
#include <stdint.h>
#include <stdio.h>

struct sim_uart {
    FILE *out;          // lines go here, each flushed
    const char *prefix; // written before each line
    char line[256];
    unsigned used;
    uint64_t bytes;
};

void uart_byte(struct sim_uart *u, uint8_t byte);
// Writes an unfinished line.
void uart_flush(struct sim_uart *u);
