// SPDX-License-Identifier: BSD-2-Clause
// Hash tables and the timer heap of the engine. Intrusive: the entries live in the objects that are found by them.
#ifndef CULVERT_IKE_TABLE_H
#define CULVERT_IKE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// An entry; it may be in one table at a time. Equal keys may occur several times; they hang behind one another, so
/// that many of them (one identity for all peers, one address for all behind a NAT) are no longer way for anyone.
struct ike_node {
    struct ike_node *next; ///< the next key of the slot; only the first entry of a key has it
    struct ike_node *same; ///< the next entry of the same key
    struct ike_node *back; ///< the one before of the same key; NULL: it is the first
    uint64_t key;
    void *owner; ///< the object it belongs to; NULL: in no table
};

/// Chains by key, doubled as it fills. Zeroed memory with a `secret` is an empty table.
struct ike_table {
    struct ike_node **slot;
    size_t slots, count;
    uint64_t secret; ///< so that peers cannot choose keys that collide
    uint64_t visits; ///< entries that were looked at, over all calls
};

/// false: no memory for the first slots (later growth that fails only makes chains longer).
bool ike_table_put(struct ike_table *t, struct ike_node *n, uint64_t key, void *owner);
/// Take an entry out, if it is in: O(1), however many have its key.
void ike_table_drop(struct ike_table *t, struct ike_node *n);
/// The entry with the key that was put in last, or NULL; the next one of the same key.
struct ike_node *ike_table_find(struct ike_table *t, uint64_t key);
struct ike_node *ike_table_again(const struct ike_node *n);
void ike_table_clear(struct ike_table *t);

/// A timer. `pos` is its place in the heap, 0 when it is not running.
struct ike_timer {
    uint64_t at;
    uint32_t pos;
    uint32_t kind;
    void *owner;
};

/// A binary heap of running timers. Room is reserved when an object is made, so that starting a timer cannot fail.
struct ike_heap {
    struct ike_timer **t; ///< t[1] is the earliest
    uint32_t count, cap, reserved;
};

/// Reserve room for `n` more timers.
bool ike_heap_reserve(struct ike_heap *h, uint32_t n);
void ike_heap_release(struct ike_heap *h, uint32_t n);
/// Start, or move, a timer.
void ike_heap_start(struct ike_heap *h, struct ike_timer *t, uint64_t at);
void ike_heap_stop(struct ike_heap *h, struct ike_timer *t);
/// The earliest timer if it is due, stopped; or NULL.
struct ike_timer *ike_heap_due(struct ike_heap *h, uint64_t now);
void ike_heap_clear(struct ike_heap *h);

#endif
