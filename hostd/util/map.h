// SPDX-License-Identifier: BSD-2-Clause
// A hash table from a 64-bit number to a pointer: open addressing, deletion by moving back, O(1). Owns no values.
#ifndef CULVERT_UTIL_MAP_H
#define CULVERT_UTIL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key;
    void *value; // NULL: the slot is free
};

struct map {
    struct map_slot *slot;
    size_t cap, n; // cap is a power of two, or 0
};

// Set or replace; value must not be NULL. false: no memory, nothing changed; replacing needs none.
bool map_set(struct map *m, uint64_t key, void *value);
// NULL: not there.
void *map_get(const struct map *m, uint64_t key);
// Take out and return; NULL: was not there.
void *map_del(struct map *m, uint64_t key);
// Walk: *at starts at 0; NULL at the end. Do not change the map while walking.
void *map_next(const struct map *m, size_t *at, uint64_t *key);
void map_free(struct map *m);

#endif
