// SPDX-License-Identifier: BSD-2-Clause
// The seam between firmware and its hardware: every register access goes through these functions, and so does sleeping.
// Native builds (unit tests, the model of the registers) bring their own definitions.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__riscv)

static inline uint32_t read32(uint32_t address)
{
    return *(const volatile uint32_t *)(uintptr_t)address;
}
static inline void write32(uint32_t address, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)address = value;
}
// Sleeps until a line enabled in the interrupt controller, or the timer, is pending. Interrupts only wake: they are
// never taken, so there is no handler to race with and no wake-up to lose.
static inline void hal_sleep(void)
{
    __asm__ volatile("wfi" ::: "memory");
}
// Stops the core for good.
_Noreturn void hal_stop(void);

#else

uint32_t read32(uint32_t address);
void write32(uint32_t address, uint32_t value);
void hal_sleep(void);
_Noreturn void hal_stop(void);

#endif

// Overwrites secrets in a way that the compiler cannot drop. Word-aligned memory and size.
static inline void wipe_words(void *memory, size_t bytes)
{
    volatile uint32_t *word = memory;
    for (size_t i = 0; i < bytes / 4; i++)
        word[i] = 0;
}
