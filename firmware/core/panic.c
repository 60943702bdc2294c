// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/core/panic.h"

#include "dp_regs.h"
#include "firmware/core/hal.h"
#include "firmware/core/text.h"
#include "firmware/core/version.h"
#include "firmware/drivers/uart.h"
#include "mbox_regs.h"
#include "mgmt_regs.h"

// Straight to the registers: nothing of the state of the drivers can be trusted here.
_Noreturn static void last_words(const struct text *t)
{
    write32(MGMT_BASE + MGMT_WDT_LOAD, 0);
    write32(DP_BASE + DP_CONTROL, 0);
    for (uint32_t at = 0; at < MBOX_PANIC_RECORD_BYTES; at += 4) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < 4 && at + i < t->used; i++)
            word |= (uint32_t)(uint8_t)t->data[at + i] << (8 * i);
        write32(MBOX_BASE + MBOX_PANIC_RECORD + at, word);
    }
    write32(MBOX_BASE + MBOX_FW_STATE, MBOX_FW_STATE_PANIC_MASK);
    uart_text(t->data);
    uart_text("\n");
    hal_stop();
}

static void begin(struct text *t, char *record)
{
    text_init(t, record, MBOX_PANIC_RECORD_BYTES);
    text_add(t, "firmware " FW_VERSION_TEXT " stopped: ");
}

_Noreturn void panic(const char *message)
{
    char record[MBOX_PANIC_RECORD_BYTES];
    struct text t;
    begin(&t, record);
    text_add(&t, message);
    text_add(&t, ", called from ");
    text_hex(&t, (uint32_t)(uintptr_t)__builtin_return_address(0));
    last_words(&t);
}

static const char *cause_text(uint32_t cause)
{
    switch (cause) {
    case 0:
        return "instruction address misaligned";
    case 1:
        return "instruction access fault";
    case 2:
        return "illegal instruction";
    case 3:
        return "breakpoint";
    case 4:
        return "load address misaligned";
    case 5:
        return "load access fault";
    case 6:
        return "store address misaligned";
    case 7:
        return "store access fault";
    case 11:
        return "environment call";
    default:
        return cause >> 31 ? "unexpected interrupt" : "unknown trap";
    }
}

_Noreturn void panic_trap(uint32_t cause, uint32_t pc, uint32_t value, uint32_t ra)
{
    char record[MBOX_PANIC_RECORD_BYTES];
    struct text t;
    begin(&t, record);
    text_add(&t, cause_text(cause));
    text_add(&t, ", cause ");
    text_hex(&t, cause);
    text_add(&t, " pc ");
    text_hex(&t, pc);
    text_add(&t, " value ");
    text_hex(&t, value);
    text_add(&t, " ra ");
    text_hex(&t, ra);
    last_words(&t);
}
