// SPDX-License-Identifier: BSD-2-Clause
// The end of firmware: what happened goes to the host's PANIC_RECORD and to the console, the datapath stops forwarding,
// the watchdog is stopped (so that the record can be read), and the core sleeps until the host resets the card.
#pragma once
#include <stdint.h>

_Noreturn void panic(const char *message);
// Called by the trap entry: mcause, mepc, mtval and the return address of the code that trapped.
_Noreturn void panic_trap(uint32_t cause, uint32_t pc, uint32_t value, uint32_t ra);
