// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/firmware/hal_expect.h"

#include "firmware/core/hal.h"
#include "tests/unit/firmware/hal_stop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ACCESSES 1024

enum kind { READ, WRITE, SLEEP };
static struct {
    enum kind kind;
    uint32_t address, value;
} list[ACCESSES];
static unsigned expected, happened;
jmp_buf hal_stopped;

static void add(enum kind kind, uint32_t address, uint32_t value)
{
    assert_true(expected < ACCESSES);
    list[expected].kind = kind;
    list[expected].address = address;
    list[expected++].value = value;
}

void expect_start(void)
{
    expected = happened = 0;
}
void expect_read(uint32_t address, uint32_t value)
{
    add(READ, address, value);
}
void expect_write(uint32_t address, uint32_t value)
{
    add(WRITE, address, value);
}
void expect_sleep(void)
{
    add(SLEEP, 0, 0);
}
void expect_end(void)
{
    assert_int_equal(happened, expected);
}

static const char *word(enum kind kind)
{
    return kind == READ ? "read" : kind == WRITE ? "write" : "sleep";
}

static uint32_t happen(enum kind kind, uint32_t address, uint32_t value)
{
    if (happened >= expected)
        fail_msg("access %u: %s 0x%08x, nothing more was expected", happened, word(kind), address);
    if (list[happened].kind != kind || list[happened].address != address ||
        (kind == WRITE && list[happened].value != value))
        fail_msg("access %u: %s 0x%08x (0x%08x), expected %s 0x%08x (0x%08x)", happened, word(kind), address, value,
                 word(list[happened].kind), list[happened].address, list[happened].value);
    return list[happened++].value;
}

uint32_t read32(uint32_t address)
{
    return happen(READ, address, 0);
}
void write32(uint32_t address, uint32_t value)
{
    (void)happen(WRITE, address, value);
}
void hal_sleep(void)
{
    (void)happen(SLEEP, 0, 0);
}
_Noreturn void hal_stop(void)
{
    longjmp(hal_stopped, 1);
}
