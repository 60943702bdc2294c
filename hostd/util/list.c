// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool list_insert(struct list *l, size_t at, void *item)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 8 : l->cap * 2;
        void **grown = realloc(l->at, cap * sizeof(void *));
        if (grown == NULL) {
            return false;
        }
        l->at = grown;
        l->cap = cap;
    }
    memmove(l->at + at + 1, l->at + at, (l->n - at) * sizeof(void *));
    l->at[at] = item;
    l->n++;
    return true;
}

bool list_add(struct list *l, void *item)
{
    return list_insert(l, l->n, item);
}

void *list_remove_at(struct list *l, size_t at)
{
    void *item = l->at[at];
    memmove(l->at + at, l->at + at + 1, (l->n - at - 1) * sizeof(void *));
    l->n--;
    return item;
}

bool list_remove(struct list *l, const void *item)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->at[i] == item) {
            list_remove_at(l, i);
            return true;
        }
    }
    return false;
}

void list_free(struct list *l)
{
    free(l->at);
    *l = (struct list){0};
}

void list_free_all(struct list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->at[i]);
    }
    list_free(l);
}

void *must_alloc(size_t size)
{
    void *p = calloc(1, size);
    if (p == NULL) {
        fprintf(stderr, "out of memory (%zu bytes)\n", size);
        exit(70);
    }
    return p;
}
