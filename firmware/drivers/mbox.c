// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/drivers/mbox.h"

#include "board.h"
#include "firmware/core/hal.h"
#include "firmware/core/version.h"
#include "mbox_regs.h"

#define MBOX_ID_VALUE 0x4d424f58u

_Static_assert(BOARD_CMD_SLOTS *CULVERT_CMD_BYTES <= MBOX_CMD_RING_BYTES, "the ring's window holds its slots");
_Static_assert((BOARD_CMD_SLOTS & (BOARD_CMD_SLOTS - 1)) == 0, "counters modulo 2^16 need a power of two of slots");

static uint32_t get(uint32_t reg)
{
    return read32(MBOX_BASE + reg);
}
static void put(uint32_t reg, uint32_t value)
{
    write32(MBOX_BASE + reg, value);
}

const char *mbox_probe(void)
{
    if (get(MBOX_ID) != MBOX_ID_VALUE)
        return "the mailbox does not identify itself";
    if (get(MBOX_VERSION) >> 16 != MBOX_REG_MAJOR)
        return "the mailbox has an unknown major version";
    return 0;
}

void mbox_ready(void)
{
    put(MBOX_FW_ABI, CULVERT_ABI_VERSION);
    put(MBOX_FW_VERSION, FW_VERSION);
    put(MBOX_FW_STATE, MBOX_FW_STATE_READY_MASK);
}

bool mbox_command_waits(void)
{
    return get(MBOX_STATUS) & MBOX_STATUS_CMD_MASK;
}

void mbox_forget(struct mbox_command *command)
{
    const uint32_t words = command->length < sizeof(command->body) ? (command->length + 3u) / 4 : MBOX_BODY_WORDS;
    wipe_words(&command->body, 4 * words);
}

void mbox_take(struct mbox_command *command)
{
    const uint32_t head = get(MBOX_CMD_HEAD) & 0xffff;
    const uint32_t slot = MBOX_CMD_RING + head % BOARD_CMD_SLOTS * CULVERT_CMD_BYTES;
    const uint32_t what = get(slot);
    command->opcode = (uint16_t)what;
    command->length = (uint16_t)(what >> 16);
    command->tag = get(slot + 4);
    command->abi_major = (uint16_t)get(slot + 8);
    uint32_t words = (command->length + 3u) / 4;
    if (words > MBOX_BODY_WORDS)
        words = MBOX_BODY_WORDS;
    for (uint32_t i = 0; i < words; i++)
        command->body.word[i] = get(slot + 16 + 4 * i);
    if (command->length < sizeof(command->body) && command->length % 4) // bytes beyond the length do not count
        command->body.word[words - 1] &= (1u << (command->length % 4 * 8)) - 1;
    for (uint32_t i = 0; i < CULVERT_CMD_BYTES;
         i += 32) { // whatever the length says; unrolled, for it is every command's cost
        put(slot + i, 0);
        put(slot + i + 4, 0);
        put(slot + i + 8, 0);
        put(slot + i + 12, 0);
        put(slot + i + 16, 0);
        put(slot + i + 20, 0);
        put(slot + i + 24, 0);
        put(slot + i + 28, 0);
    }
    put(MBOX_CMD_HEAD, (head + 1) & 0xffff);
}

bool mbox_post(const struct mbox_entry *entry)
{
    if (get(MBOX_STATUS) & (MBOX_STATUS_EVQ_BUSY_MASK | MBOX_STATUS_EVQ_FULL_MASK))
        return false;
    put(MBOX_EVQ_DATA, entry->kind | (uint32_t)entry->event << 8 | (uint32_t)entry->status << 16);
    put(MBOX_EVQ_DATA + 4, entry->tag);
    for (uint32_t i = 0; i < MBOX_ANSWER_WORDS; i++)
        put(MBOX_EVQ_DATA + 8 + 4 * i, entry->body.word[i]);
    put(MBOX_EVQ_DATA + 56, 0);
    put(MBOX_EVQ_POST, 1);
    return true;
}
