// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/services/events.h"

#include "dp_regs.h"
#include "firmware/drivers/dp.h"

#include <string.h>

_Static_assert((EVENTS_HELD & (EVENTS_HELD - 1)) == 0, "free-running counters");

static uint32_t type_of(uint32_t word)
{
    return (word & DP_EVENT_POP_TYPE_MASK) >> DP_EVENT_POP_TYPE_SHIFT;
}

void events_collect(struct events *e)
{
    for (uint32_t n = 0; n < EVENTS_HELD; n++) {
        const uint32_t word = dp_event_pop();
        if (!(word & DP_EVENT_POP_VALID_MASK))
            return;
        const uint32_t type = type_of(word);
        const uint32_t room = type == DP_EVENT_REPLAY || type == DP_EVENT_AUTH_FAIL ? EVENTS_HELD / 2 : EVENTS_HELD;
        e->seen++;
        if (e->in - e->out < room)
            e->held[e->in++ % EVENTS_HELD] = word;
        else
            e->lost++;
    }
}

bool events_next(const struct events *e, struct mbox_entry *entry)
{
    if (e->in == e->out)
        return false;
    const uint32_t word = e->held[e->out % EVENTS_HELD];
    memset(entry, 0, sizeof(*entry));
    entry->kind = CULVERT_ENTRY_EVENT;
    entry->event = (uint8_t)type_of(word);
    entry->tag = (word & DP_EVENT_POP_INDEX_MASK) | ((word & DP_EVENT_POP_DIR_MASK) ? 1u << 16 : 0);
    return true;
}

void events_done(struct events *e)
{
    e->out++;
}
