// SPDX-License-Identifier: BSD-2-Clause
// Events of the datapath on their way to the host.
//
// While the host's queue has no room (or is not set up yet) events are held here, EVENTS_HELD of them. Notices (a
// replay or a wrong ICV, which an attacker can cause) may fill only half of that, so that lifetimes, exhausted sequence
// numbers and links always find room; what finds none is dropped, the newest first, and counted in
// culvert_info.events_lost.
#pragma once
#include "firmware/drivers/mbox.h"

#define EVENTS_HELD 64u

// Zeroed: empty.
struct events {
    uint32_t held[EVENTS_HELD]; // as DP_EVENT_POP gave them
    uint32_t in, out;           // free-running
    uint32_t seen, lost;
};

// Takes what the datapath has, at most as many as its FIFO can hold at once.
void events_collect(struct events *e);
// The oldest held event as a queue entry; false: there is none.
bool events_next(const struct events *e, struct mbox_entry *entry);
// It has been posted.
void events_done(struct events *e);
