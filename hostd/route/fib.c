// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/route/fib.h"

#include <stdlib.h>

struct fib_prefix *fib_prefix(struct fib *f, struct ip_addr prefix, unsigned length, bool make)
{
    struct fib_prefix *p = ipmap_get(&f->prefixes, &prefix, length);
    if (p == NULL && make) {
        p = calloc(1, sizeof(*p));
        if (p == NULL) {
            return NULL;
        }
        p->prefix = prefix;
        p->length = (uint8_t)length;
        if (!ipmap_set(&f->prefixes, &prefix, length, p)) {
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

// Into the list of its device. false: no memory.
static bool join_device(struct fib *f, struct fib_route *r)
{
    struct fib_device *d = map_get(&f->devices, (uint64_t)(unsigned)r->device);
    if (d == NULL) {
        d = calloc(1, sizeof(*d));
        if (d == NULL || !map_set(&f->devices, (uint64_t)(unsigned)r->device, d)) {
            free(d);
            return false;
        }
    }
    r->next = d->first;
    r->at = &d->first;
    if (r->next != NULL) {
        r->next->at = &r->next;
    }
    d->first = r;
    return true;
}

static void leave_device(struct fib *f, const struct fib_route *r)
{
    *r->at = r->next;
    if (r->next != NULL) {
        r->next->at = r->at;
    }
    const struct fib_device *d = map_get(&f->devices, (uint64_t)(unsigned)r->device);
    if (d != NULL && d->first == NULL) {
        free(map_del(&f->devices, (uint64_t)(unsigned)r->device));
    }
}

struct fib_route *fib_over(const struct fib *f, int device)
{
    const struct fib_device *d = map_get(&f->devices, (uint64_t)(unsigned)device);
    return d == NULL ? NULL : d->first;
}

void fib_drop(struct fib *f, struct fib_prefix *p, size_t i)
{
    struct fib_route *r = list_remove_at(&p->routes, i);
    leave_device(f, r);
    free(r);
}

void fib_empty(struct fib *f, struct fib_prefix *p)
{
    while (p->routes.n > 0) {
        fib_drop(f, p, p->routes.n - 1);
    }
}

bool fib_add(struct fib *f, struct fib_prefix *p, const struct fib_route *r)
{
    struct fib_route *n = malloc(sizeof(*n));
    if (n == NULL) {
        return false;
    }
    *n = *r;
    n->prefix = p;
    for (size_t i = p->routes.n; i-- > 0;) {
        const struct fib_route *old = p->routes.at[i];
        if (same_route(old, r) && ip_equal(&old->gateway, &r->gateway)) {
            fib_drop(f, p, i);
        }
    }
    size_t at = 0;
    while (at < p->routes.n && !better(n, p->routes.at[at])) {
        at++;
    }
    if (!join_device(f, n)) {
        free(n);
        return false;
    }
    if (!list_insert(&p->routes, at, n)) {
        leave_device(f, n);
        free(n);
        return false;
    }
    return true;
}

bool fib_del(struct fib *f, struct fib_prefix *p, const struct fib_route *r)
{
    for (size_t i = 0; i < p->routes.n; i++) {
        const struct fib_route *old = p->routes.at[i];
        if (same_route(old, r) && (!ip_is_set(&r->gateway) || ip_equal(&old->gateway, &r->gateway))) {
            fib_drop(f, p, i);
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
        ipmap_del(&f->prefixes, &p->prefix, p->length);
        list_free(&p->routes);
        free(p);
    }
}

void fib_clear(struct fib *f)
{
    size_t at = 0;
    struct fib_prefix *p;
    while ((p = ipmap_next(&f->prefixes, &at)) != NULL) {
        fib_empty(f, p);
        list_free(&p->routes);
        free(p);
    }
    ipmap_free(&f->prefixes);
    map_free(&f->devices);
}
