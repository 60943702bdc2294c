// SPDX-License-Identifier: BSD-2-Clause
// The instructions of RV32IMC + Zicsr by name, to count which of them a test has run.
#pragma once
#include <stdint.h>

enum { RV_NAMES = 77 };
// Index of an instruction (16-bit ones with a zero upper half), -1 if it is none.
int rv_name_index(uint32_t insn);
// The name at an index below RV_NAMES.
const char *rv_name(int index);
