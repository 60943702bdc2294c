// SPDX-License-Identifier: BSD-2-Clause
// Hash tables; see ike_table.h.
#include "hostd/ike/ike_table.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 16 };

// A multiply and fold mix of the key with the secret.
static size_t slot_of(const struct ike_table *t, uint64_t key, size_t slots)
{
    uint64_t x = (key ^ t->secret) * 0x9e3779b97f4a7c15u;
    x ^= x >> 32;
    x = (x + t->secret) * 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return (size_t)x & (slots - 1);
}

static void grow(struct ike_table *t)
{
    const size_t slots = t->slots * 2;
    struct ike_node **slot = calloc(slots, sizeof(struct ike_node *));
    if (slot == NULL)
        return;
    for (size_t i = 0; i < t->slots; i++) {
        struct ike_node *n = t->slot[i];
        while (n) {
            struct ike_node *next = n->next;
            const size_t at = slot_of(t, n->key, slots);
            n->next = slot[at];
            slot[at] = n;
            n = next;
        }
    }
    free(t->slot);
    t->slot = slot;
    t->slots = slots;
}

// Where the first entry of a key hangs, or would.
static struct ike_node **place_of(struct ike_table *t, uint64_t key)
{
    struct ike_node **at = &t->slot[slot_of(t, key, t->slots)];
    while (*at && (*at)->key != key) {
        t->visits++;
        at = &(*at)->next;
    }
    t->visits++;
    return at;
}

bool ike_table_put(struct ike_table *t, struct ike_node *n, uint64_t key, void *owner)
{
    if (t->slots == 0) {
        t->slot = calloc(FIRST_SLOTS, sizeof(struct ike_node *));
        if (t->slot == NULL)
            return false;
        t->slots = FIRST_SLOTS;
    } else if (t->count >= t->slots) {
        grow(t);
    }
    struct ike_node **at = place_of(t, key);
    struct ike_node *first = *at;
    n->key = key;
    n->owner = owner;
    n->next = first ? first->next : NULL;
    n->same = first;
    n->back = NULL;
    if (first)
        first->back = n;
    *at = n;
    t->count++;
    return true;
}

void ike_table_drop(struct ike_table *t, struct ike_node *n)
{
    if (n->owner == NULL)
        return;
    if (n->back) {
        n->back->same = n->same;
        if (n->same)
            n->same->back = n->back;
    } else {
        struct ike_node **at = place_of(t, n->key);
        *at = n->same ? n->same : n->next;
        if (n->same) {
            n->same->next = n->next;
            n->same->back = NULL;
        }
    }
    t->count--;
    n->owner = NULL;
    n->next = n->same = n->back = NULL;
}

struct ike_node *ike_table_find(struct ike_table *t, uint64_t key)
{
    return t->slots == 0 ? NULL : *place_of(t, key);
}

struct ike_node *ike_table_again(const struct ike_node *n)
{
    return n->same;
}

void ike_table_clear(struct ike_table *t)
{
    free(t->slot);
    t->slot = NULL;
    t->slots = t->count = 0;
}
