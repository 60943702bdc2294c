// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/route/fib.h"

#include <stdlib.h>

uint64_t fib_key(struct in_addr prefix, unsigned length)
{
    return (uint64_t)length << 32 | prefix.s_addr;
}

struct fib_prefix *fib_prefix(struct fib *f, struct in_addr prefix, unsigned length, bool make)
{
    uint64_t key = fib_key(prefix, length);
    struct fib_prefix *p = map_get(&f->prefixes, key);
    if (p == NULL && make) {
        p = calloc(1, sizeof(*p));
        if (p == NULL) {
            return NULL;
        }
        p->prefix = prefix;
        p->length = (uint8_t)length;
        if (!map_set(&f->prefixes, key, p)) {
            free(p);
            return NULL;
        }
    }
    return p;
}

// Addresses of ours before everything, then by metric.
static bool better(const struct fib_route *a, const struct fib_route *b)
{
    if ((a->kind == FIB_LOCAL) != (b->kind == FIB_LOCAL)) {
        return a->kind == FIB_LOCAL;
    }
    return a->metric < b->metric;
}

static bool same_route(const struct fib_route *a, const struct fib_route *b)
{
    return a->kind == b->kind && a->metric == b->metric && (b->device == 0 || a->device == b->device);
}

bool fib_add(struct fib_prefix *p, const struct fib_route *r)
{
    struct fib_route *n = malloc(sizeof(*n));
    if (n == NULL) {
        return false;
    }
    *n = *r;
    for (size_t i = p->routes.n; i-- > 0;) {
        struct fib_route *old = p->routes.at[i];
        if (same_route(old, r) && old->gateway.s_addr == r->gateway.s_addr) {
            free(list_remove_at(&p->routes, i));
        }
    }
    size_t at = 0;
    while (at < p->routes.n && !better(n, p->routes.at[at])) {
        at++;
    }
    if (!list_insert(&p->routes, at, n)) {
        free(n);
        return false;
    }
    return true;
}

bool fib_del(struct fib_prefix *p, const struct fib_route *r)
{
    for (size_t i = 0; i < p->routes.n; i++) {
        const struct fib_route *old = p->routes.at[i];
        if (same_route(old, r) && (r->gateway.s_addr == 0 || old->gateway.s_addr == r->gateway.s_addr)) {
            free(list_remove_at(&p->routes, i));
            return true;
        }
    }
    return false;
}

const struct fib_route *fib_best(const struct fib_prefix *p)
{
    return p->routes.n == 0 ? NULL : p->routes.at[0];
}

void fib_trim(struct fib *f, struct fib_prefix *p)
{
    if (p->routes.n == 0 && !p->told) {
        map_del(&f->prefixes, fib_key(p->prefix, p->length));
        list_free(&p->routes);
        free(p);
    }
}

void fib_clear(struct fib *f)
{
    size_t at = 0;
    struct fib_prefix *p;
    while ((p = map_next(&f->prefixes, &at, NULL)) != NULL) {
        list_free_all(&p->routes);
        free(p);
    }
    map_free(&f->prefixes);
}
