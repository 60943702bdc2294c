// SPDX-License-Identifier: BSD-2-Clause
// The mailbox to the host: command slots in, entries of the completion and event queue out.
#pragma once
#include "firmware/abi/culvert_abi.h"

#include <stdbool.h>
#include <stdint.h>

#define MBOX_REG_MAJOR  1u // of the register block that this driver is written for
#define MBOX_BODY_WORDS 60u

// A command's body in all its forms. It may hold keys: the user wipes it.
union mbox_body {
    uint32_t word[MBOX_BODY_WORDS];
    struct culvert_port port;
    struct culvert_local local;
    struct culvert_adj adj;
    struct culvert_sa sa;
    struct culvert_sa_ref sa_ref;
    struct culvert_tunnel tunnel;
    struct culvert_route route;
    struct culvert_flow flow;
    struct culvert_counters_req counters;
    struct culvert_enable enable;
};

struct mbox_command {
    uint16_t opcode, length;
    uint32_t tag;
    uint16_t abi_major;
    union mbox_body body; // all 0 but for the words of `length`
};

#define MBOX_ANSWER_WORDS 12u
union mbox_answer {
    uint32_t word[MBOX_ANSWER_WORDS];
    struct culvert_info info;
    struct culvert_sa_counters sa;
    struct culvert_counters counters;
};

struct mbox_entry {
    uint8_t kind, event;
    uint16_t status;
    uint32_t tag;
    union mbox_answer body;
};

// Is it there, and of a version that we know? NULL, or what is wrong.
const char *mbox_probe(void);
// Shows versions and READY to the host: it may write commands from here on.
void mbox_ready(void);
bool mbox_command_waits(void);
// Copies the oldest command, zeroises its slot and advances CMD_HEAD. Only when one waits, and into a command whose
// body is all 0: new memory, or after mbox_forget.
void mbox_take(struct mbox_command *command);
// Wipes the body, which may hold keys.
void mbox_forget(struct mbox_command *command);
// Sends an entry if the queue has room and the last one is on its way; else returns false and does nothing.
bool mbox_post(const struct mbox_entry *entry);
