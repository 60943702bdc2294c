// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/map.h"

#include <stdlib.h>

static size_t hash(uint64_t x, size_t cap)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    x ^= x >> 33;
    return (size_t)x & (cap - 1);
}

// The slot that holds the key, or the free one where it would go. There is always a free one.
static size_t find(const struct map *m, uint64_t key)
{
    size_t i = hash(key, m->cap);
    while (m->slot[i].value != NULL && m->slot[i].key != key) {
        i = (i + 1) & (m->cap - 1);
    }
    return i;
}

bool map_set(struct map *m, uint64_t key, void *value)
{
    if (m->cap != 0) {
        struct map_slot *there = &m->slot[find(m, key)];
        if (there->value != NULL) {
            there->value = value;
            return true;
        }
    }
    if ((m->n + 1) * 4 > m->cap * 3) {
        struct map grown = {.cap = m->cap == 0 ? 16 : m->cap * 2};
        grown.slot = calloc(grown.cap, sizeof(*grown.slot));
        if (grown.slot == NULL) {
            return false;
        }
        for (size_t i = 0; i < m->cap; i++) {
            if (m->slot[i].value != NULL) {
                grown.slot[find(&grown, m->slot[i].key)] = m->slot[i];
            }
        }
        grown.n = m->n;
        free(m->slot);
        *m = grown;
    }
    m->n++;
    m->slot[find(m, key)] = (struct map_slot){.key = key, .value = value};
    return true;
}

void *map_get(const struct map *m, uint64_t key)
{
    return m->cap == 0 ? NULL : m->slot[find(m, key)].value;
}

void *map_del(struct map *m, uint64_t key)
{
    if (m->cap == 0) {
        return NULL;
    }
    size_t hole = find(m, key);
    void *value = m->slot[hole].value;
    if (value == NULL) {
        return NULL;
    }
    m->n--;
    // Move back what probed past the hole.
    for (size_t i = (hole + 1) & (m->cap - 1); m->slot[i].value != NULL; i = (i + 1) & (m->cap - 1)) {
        size_t home = hash(m->slot[i].key, m->cap);
        if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slot[hole] = m->slot[i];
            hole = i;
        }
    }
    m->slot[hole].value = NULL;
    return value;
}

void *map_next(const struct map *m, size_t *at, uint64_t *key)
{
    while (*at < m->cap) {
        const struct map_slot *s = &m->slot[(*at)++];
        if (s->value != NULL) {
            if (key != NULL) {
                *key = s->key;
            }
            return s->value;
        }
    }
    return NULL;
}

void map_free(struct map *m)
{
    free(m->slot);
    *m = (struct map){0};
}
