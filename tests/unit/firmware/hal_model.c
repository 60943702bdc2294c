// SPDX-License-Identifier: BSD-2-Clause
// The native HAL over the register model. A bus error fails the test; hal_stop leaves to where the test waits for it.
#include "firmware/core/hal.h"
#include "tests/unit/firmware/hal_stop.h"
#include "tests/unit/firmware/model.h"

#include <stdio.h>
#include <stdlib.h>

static struct model *current; // the HAL has no argument to carry it
jmp_buf hal_stopped;

void hal_use(struct model *m)
{
    current = m;
}

uint32_t read32(uint32_t address)
{
    uint32_t value;
    if (!model_read(current, address, &value)) {
        fprintf(stderr, "# read of 0x%08x, which no block has\n", address);
        abort();
    }
    return value;
}

void write32(uint32_t address, uint32_t value)
{
    if (!model_write(current, address, value)) {
        fprintf(stderr, "# write of 0x%08x, which no block has\n", address);
        abort();
    }
}

void hal_sleep(void)
{
    current->sleeps++;
}

_Noreturn void hal_stop(void)
{
    longjmp(hal_stopped, 1);
}
