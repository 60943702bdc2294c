// SPDX-License-Identifier: BSD-2-Clause
// The native HAL as a list of expected register accesses, in order: another access, another value or one left over
// fails the test.
#pragma once
#include <stdint.h>

void expect_start(void);
void expect_read(uint32_t address, uint32_t value); // the value that the hardware answers
void expect_write(uint32_t address, uint32_t value);
void expect_sleep(void);
// Asserts that everything expected has happened.
void expect_end(void);
