// SPDX-License-Identifier: BSD-2-Clause
// A list of pointers in order. It owns the array, and the elements if its user says so with list_free_all.
#ifndef CULVERT_UTIL_LIST_H
#define CULVERT_UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    void **at;
    size_t n, cap;
};

// Append. false: no memory, nothing changed.
bool list_add(struct list *l, void *item);
// Insert before position `at` (at most n). false: no memory.
bool list_insert(struct list *l, size_t at, void *item);
// Take out the item at position `at`, keeping the order; the item is returned.
void *list_remove_at(struct list *l, size_t at);
// Take out an item by address; false if it is not in the list.
bool list_remove(struct list *l, const void *item);
// Release the array only.
void list_free(struct list *l);
// Release array and items, by free().
void list_free_all(struct list *l);

// An allocation that the program cannot go on without: it ends with a sentence when there is no memory. Only for
// start-up and configuration, never on a path that a peer drives.
void *must_alloc(size_t size);

#endif
