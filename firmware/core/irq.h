// SPDX-License-Identifier: BSD-2-Clause
// Interrupts as wake-up calls: the lines of the controller and the timer end hal_sleep(), nothing more.
#pragma once
#include <stdint.h>

// Lets external and timer interrupts wake the core; none is taken.
void irq_init(void);
// Sleeps until one of `lines` (bits 1 << MBOX_IRQ_*) is raised or the time `until` has come. Returns at once if a line
// already is.
void irq_wait(uint32_t lines, uint64_t until);
