// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/load/load.h"

#include <stdlib.h>

void samples_add(struct samples *s, uint64_t value)
{
    if (s->n == s->cap) {
        size_t cap = s->cap == 0 ? 1024 : s->cap * 2;
        uint64_t *grown = realloc(s->at, cap * sizeof(*grown));
        if (grown == NULL) {
            return;
        }
        s->at = grown;
        s->cap = cap;
    }
    s->at[s->n++] = value;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t samples_percentile(struct samples *s, double percent)
{
    if (s->n == 0) {
        return 0;
    }
    qsort(s->at, s->n, sizeof(s->at[0]), by_value);
    size_t at = (size_t)((double)(s->n - 1) * percent / 100 + 0.5);
    return s->at[at];
}

void samples_free(struct samples *s)
{
    free(s->at);
    *s = (struct samples){0};
}
