// SPDX-License-Identifier: BSD-2-Clause
// The timer heap; see ike_table.h.
#include "hostd/ike/ike_table.h"

#include <stdlib.h>

enum { FIRST_TIMERS = 64 };

static void place(struct ike_heap *h, uint32_t pos, struct ike_timer *t)
{
    h->t[pos] = t;
    t->pos = pos;
}

static void up(struct ike_heap *h, uint32_t pos)
{
    struct ike_timer *t = h->t[pos];
    while (pos > 1 && h->t[pos / 2]->at > t->at) {
        place(h, pos, h->t[pos / 2]);
        pos /= 2;
    }
    place(h, pos, t);
}

static void down(struct ike_heap *h, uint32_t pos)
{
    struct ike_timer *t = h->t[pos];
    for (;;) {
        uint32_t child = 2 * pos;
        if (child > h->count)
            break;
        if (child < h->count && h->t[child + 1]->at < h->t[child]->at)
            child++;
        if (h->t[child]->at >= t->at)
            break;
        place(h, pos, h->t[child]);
        pos = child;
    }
    place(h, pos, t);
}

bool ike_heap_reserve(struct ike_heap *h, uint32_t n)
{
    const uint32_t need = h->reserved + n + 1; // t[0] is not used
    if (need > h->cap) {
        uint32_t cap = h->cap ? h->cap * 2 : FIRST_TIMERS;
        while (cap < need)
            cap *= 2;
        struct ike_timer **t = realloc(h->t, cap * sizeof(struct ike_timer *));
        if (t == NULL)
            return false;
        h->t = t;
        h->cap = cap;
    }
    h->reserved += n;
    return true;
}

void ike_heap_release(struct ike_heap *h, uint32_t n)
{
    h->reserved -= n;
}

void ike_heap_start(struct ike_heap *h, struct ike_timer *t, uint64_t at)
{
    t->at = at;
    if (t->pos == 0)
        place(h, ++h->count, t);
    up(h, t->pos);
    down(h, t->pos);
}

void ike_heap_stop(struct ike_heap *h, struct ike_timer *t)
{
    const uint32_t pos = t->pos;
    if (pos == 0)
        return;
    struct ike_timer *last = h->t[h->count--];
    t->pos = 0;
    if (last == t)
        return;
    place(h, pos, last);
    up(h, pos);
    down(h, last->pos);
}

struct ike_timer *ike_heap_due(struct ike_heap *h, uint64_t now)
{
    if (h->count == 0 || h->t[1]->at > now)
        return NULL;
    struct ike_timer *t = h->t[1];
    ike_heap_stop(h, t);
    return t;
}

void ike_heap_clear(struct ike_heap *h)
{
    free(h->t);
    h->t = NULL;
    h->count = h->cap = h->reserved = 0;
}
