// SPDX-License-Identifier: BSD-2-Clause
// Firmware as a whole: the state of all managers, and one step of the main loop.
#pragma once
#include "firmware/services/events.h"
#include "firmware/services/fib.h"
#include "firmware/services/flow.h"
#include "firmware/services/sa.h"

struct fw {
    struct flow_table flows;
    struct fib fib;
    struct sa_table sas;
    struct events events;
    struct mbox_command command; // the one being carried out; wiped after
    struct mbox_entry answer;    // of the last command
    bool answer_waits;           // it has not been posted yet
    uint32_t commands, command_errors;
    uint64_t boot_time; // timer
};

// Brings the card up, in order; reports on the console. *fw is zeroed memory. NULL, or why the card cannot run.
const char *fw_boot(struct fw *fw);
// Does what waits. Commands first: an answer that waits for room stops further commands, and events go when no answer
// waits. Returns the interrupt lines (bits 1 << MBOX_IRQ_*) that may end the sleep after it; 0: do not sleep, there is
// more to do.
uint32_t fw_step(struct fw *fw);
// Carries out fw->command and writes fw->answer.
void fw_execute(struct fw *fw);
