// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/services/fw.h"

#include "firmware/core/irq.h"
#include "firmware/core/text.h"
#include "firmware/core/version.h"
#include "firmware/drivers/timer.h"
#include "firmware/drivers/uart.h"
#include "firmware/drivers/wdt.h"
#include "mbox_regs.h"

_Static_assert(sizeof(struct mbox_command) % 4 == 0, "wiped by words");

static void report(const char *what)
{
    uart_text("boot: ");
    uart_text(what);
    uart_text("\n");
}

static void report_tables(void)
{
    char line[128];
    struct text t;
    text_init(&t, line, sizeof(line));
    text_add(&t, "tables are empty: ");
    text_dec(&t, BOARD_SA_COUNT);
    text_add(&t, " SAs each way, ");
    text_dec(&t, BOARD_FLOW_COUNT);
    text_add(&t, " flows, ");
    text_dec(&t, BOARD_FIB_COUNT);
    text_add(&t, " routes");
    report(line);
}

const char *fw_boot(struct fw *fw)
{
    // 1. The console, so that everything after it can be reported: it needs no set-up.
    report("culvert firmware " FW_VERSION_TEXT);
    // 2. The watchdog, so that a hang in what follows resets the card.
    wdt_start();
    fw->boot_time = timer_now();
    // 3. The mailbox before the datapath, because it carries the panic record if the datapath is not as expected.
    const char *wrong = mbox_probe();
    if (wrong)
        return wrong;
    report("mailbox found");
    wrong = dp_probe();
    if (wrong)
        return wrong;
    report("datapath found");
    // 4. Forwarding off, until the host has filled the tables.
    dp_enable(false);
    // 5. Managers believe that the tables are empty: wait until hardware has made them so.
    if (!dp_wait_wiped())
        return "the datapath's tables were not zeroised in time";
    report_tables();
    // 6. Wake-ups, before the first sleep.
    irq_init();
    // 7. Last, READY: from now on the host writes commands.
    mbox_ready();
    report("ready");
    return 0;
}

// True when something was done.
static bool step_answer(struct fw *fw)
{
    if (!fw->answer_waits || !mbox_post(&fw->answer))
        return false;
    fw->answer_waits = false;
    return true;
}

static bool step_command(struct fw *fw)
{
    if (fw->answer_waits || !mbox_command_waits())
        return false;
    mbox_take(&fw->command);
    fw_execute(fw);
    fw->answer_waits = true;
    return true;
}

static bool step_event(struct fw *fw)
{
    struct mbox_entry entry;
    if (fw->answer_waits || !events_next(&fw->events, &entry) || !mbox_post(&entry))
        return false;
    events_done(&fw->events);
    return true;
}

uint32_t fw_step(struct fw *fw)
{
    events_collect(&fw->events);
    bool busy = step_answer(fw);
    busy |= step_command(fw);
    busy |= step_event(fw);
    if (busy)
        return 0;
    uint32_t lines = 1u << MBOX_IRQ_DP_EVENT;
    if (fw->answer_waits || fw->events.in != fw->events.out)
        lines |= 1u << MBOX_IRQ_EVQ_ROOM;
    if (!fw->answer_waits)
        lines |= 1u << MBOX_IRQ_DOORBELL;
    return lines;
}
