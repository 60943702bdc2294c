// SPDX-License-Identifier: BSD-2-Clause
// Where a native hal_stop() goes: set it with setjmp before running what may panic.
#pragma once
#include <setjmp.h>
extern jmp_buf hal_stopped;
