// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/ipmap.h"

#include <stdlib.h>
#include <sys/random.h>

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

static size_t hash(const struct ipmap *m, const struct ip_addr *addr, uint32_t n)
{
    uint64_t half[2];
    memcpy(half, addr->b, sizeof(half));
    uint64_t x = mix(m->seed ^ ((uint64_t)addr->family << 32 | n));
    x = mix(x ^ half[0]) + m->seed;
    return (size_t)mix(x ^ half[1]) & (m->cap - 1);
}

// The slot that holds the key, or the free one where it would go. There is always a free one.
static size_t find(const struct ipmap *m, const struct ip_addr *addr, uint32_t n)
{
    size_t i = hash(m, addr, n);
    while (m->slot[i].value != NULL && (m->slot[i].n != n || !ip_equal(&m->slot[i].addr, addr)))
        i = (i + 1) & (m->cap - 1);
    return i;
}

static bool grow(struct ipmap *m)
{
    struct ipmap grown = {.cap = m->cap == 0 ? 16 : m->cap * 2, .n = m->n, .seed = m->seed};
    if (m->cap == 0 && getrandom(&grown.seed, sizeof(grown.seed), 0) != sizeof(grown.seed))
        return false;
    grown.slot = calloc(grown.cap, sizeof(*grown.slot));
    if (grown.slot == NULL)
        return false;
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slot[i].value != NULL)
            grown.slot[find(&grown, &m->slot[i].addr, m->slot[i].n)] = m->slot[i];
    }
    free(m->slot);
    *m = grown;
    return true;
}

bool ipmap_set(struct ipmap *m, const struct ip_addr *addr, uint32_t n, void *value)
{
    if ((m->n + 1) * 4 > m->cap * 3 && !grow(m))
        return false;
    size_t at = find(m, addr, n);
    m->n += m->slot[at].value == NULL;
    m->slot[at] = (struct ipmap_slot){.addr = *addr, .n = n, .value = value};
    return true;
}

void *ipmap_get(const struct ipmap *m, const struct ip_addr *addr, uint32_t n)
{
    return m->cap == 0 ? NULL : m->slot[find(m, addr, n)].value;
}

void *ipmap_del(struct ipmap *m, const struct ip_addr *addr, uint32_t n)
{
    if (m->cap == 0)
        return NULL;
    size_t hole = find(m, addr, n);
    void *value = m->slot[hole].value;
    if (value == NULL)
        return NULL;
    m->n--;
    // Move back what probed past the hole.
    for (size_t i = (hole + 1) & (m->cap - 1); m->slot[i].value != NULL; i = (i + 1) & (m->cap - 1)) {
        size_t home = hash(m, &m->slot[i].addr, m->slot[i].n);
        if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slot[hole] = m->slot[i];
            hole = i;
        }
    }
    m->slot[hole].value = NULL;
    return value;
}

void *ipmap_next(const struct ipmap *m, size_t *at)
{
    while (*at < m->cap) {
        const struct ipmap_slot *s = &m->slot[(*at)++];
        if (s->value != NULL)
            return s->value;
    }
    return NULL;
}

void ipmap_free(struct ipmap *m)
{
    free(m->slot);
    *m = (struct ipmap){0};
}
