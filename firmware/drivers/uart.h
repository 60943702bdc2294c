// SPDX-License-Identifier: BSD-2-Clause
// The console: text out, nothing in. The transmitter is always ready.
#pragma once
void uart_text(const char *text);
