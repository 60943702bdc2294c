// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/lpm.h"

static int family_of(const struct ip_addr *a)
{
    return a->family == 6;
}

static bool empty(const struct lpm *t, int f)
{
    return t->longest[f] < t->shortest[f] || t->used[f][t->longest[f]] == 0;
}

bool lpm_set(struct lpm *t, const struct ip_addr *prefix, unsigned length, void *value)
{
    struct ip_addr net = ip_network(prefix, length);
    int f = family_of(prefix);
    bool fresh = ipmap_get(&t->prefixes, &net, length) == NULL;
    if (length > ip_bits(prefix) || !ipmap_set(&t->prefixes, &net, length, value)) {
        return false;
    }
    if (fresh && empty(t, f)) {
        t->longest[f] = t->shortest[f] = (uint8_t)length;
    }
    if (fresh) {
        t->used[f][length]++;
        t->longest[f] = length > t->longest[f] ? (uint8_t)length : t->longest[f];
        t->shortest[f] = length < t->shortest[f] ? (uint8_t)length : t->shortest[f];
    }
    return true;
}

void *lpm_get(const struct lpm *t, const struct ip_addr *prefix, unsigned length)
{
    struct ip_addr net = ip_network(prefix, length);
    return ipmap_get(&t->prefixes, &net, length);
}

void lpm_del(struct lpm *t, const struct ip_addr *prefix, unsigned length)
{
    struct ip_addr net = ip_network(prefix, length);
    int f = family_of(prefix);
    if (ipmap_del(&t->prefixes, &net, length) == NULL) {
        return;
    }
    t->used[f][length]--;
    while (t->longest[f] > t->shortest[f] && t->used[f][t->longest[f]] == 0) {
        t->longest[f]--;
    }
    while (t->shortest[f] < t->longest[f] && t->used[f][t->shortest[f]] == 0) {
        t->shortest[f]++;
    }
}

void *lpm_find(const struct lpm *t, const struct ip_addr *addr)
{
    int f = family_of(addr);
    for (int length = t->longest[f]; !empty(t, f) && length >= t->shortest[f]; length--) {
        void *value = t->used[f][length] == 0 ? NULL : lpm_get(t, addr, (unsigned)length);
        if (value != NULL) {
            return value;
        }
    }
    return NULL;
}

void lpm_free(struct lpm *t)
{
    ipmap_free(&t->prefixes);
    *t = (struct lpm){0};
}
