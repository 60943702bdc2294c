// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/replay.h"

#include <stdlib.h>
#include <string.h>

// Without a window, extended numbers are still inferred as if there were one of this size.
enum { INFER_WINDOW = 4096 };

bool replay_init(struct replay *r, uint32_t window, bool esn)
{
    *r = (struct replay){.window = window > REPLAY_WINDOW_MAX ? REPLAY_WINDOW_MAX : window, .esn = esn};
    if (r->window == 0)
        return true;
    r->words = 2;
    while (r->words * 64 < r->window + 64)
        r->words *= 2;
    r->bits = calloc(r->words, sizeof(*r->bits));
    return r->bits != NULL;
}

void replay_clear(struct replay *r)
{
    free(r->bits);
    *r = (struct replay){0};
}

bool replay_infer(const struct replay *r, uint32_t seq_lo, uint64_t *seq)
{
    if (!r->esn) {
        *seq = seq_lo;
        return true;
    }
    uint32_t window = r->window ? r->window : INFER_WINDOW;
    uint32_t top_lo = (uint32_t)r->top;
    uint64_t top_hi = r->top >> 32;
    uint32_t bottom = top_lo - window + 1; // modulo 2^32
    if (top_lo >= window - 1) {            // the window lies within one round of the lower half
        if (seq_lo < bottom)
            top_hi++;
    } else if (seq_lo >= bottom) { // the window reaches back into the round before
        if (top_hi == 0)
            return false;
        top_hi--;
    }
    if (top_hi > UINT32_MAX)
        return false;
    *seq = top_hi << 32 | seq_lo;
    return true;
}

static uint64_t *word_of(const struct replay *r, uint64_t seq)
{
    return &r->bits[seq / 64 & (r->words - 1)];
}

enum replay_verdict replay_check(const struct replay *r, uint64_t seq)
{
    if (r->window == 0)
        return REPLAY_NEW;
    if (seq == 0) // never sent (RFC 4303 3.3.3)
        return REPLAY_OLD;
    if (seq > r->top)
        return REPLAY_NEW;
    if (r->top - seq >= r->window)
        return REPLAY_OLD;
    return *word_of(r, seq) >> (seq % 64) & 1 ? REPLAY_SEEN : REPLAY_NEW;
}

void replay_accept(struct replay *r, uint64_t seq)
{
    if (r->window == 0) {
        if (seq > r->top)
            r->top = seq;
        return;
    }
    if (seq > r->top) { // words between the old top and the new one start empty
        uint64_t steps = seq / 64 - r->top / 64;
        for (uint64_t i = 1; i <= steps && i <= r->words; i++)
            *word_of(r, r->top + i * 64) = 0;
        r->top = seq;
    }
    *word_of(r, seq) |= (uint64_t)1 << (seq % 64);
}
