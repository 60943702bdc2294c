// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pcie/rp_mem.h"

#include <errno.h>
#include <stddef.h>

int rp_mem_add(struct rp_mem *m, const struct rp_region *r)
{
    if (!r->size || r->iova + (r->size - 1) < r->iova)
        return EINVAL;
    for (unsigned i = 0; i < m->count; i++) {
        const struct rp_region *o = &m->region[i];
        if (r->iova <= o->iova + (o->size - 1) && o->iova <= r->iova + (r->size - 1))
            return EEXIST;
    }
    if (m->count == RP_REGIONS)
        return ENOSPC;
    m->region[m->count++] = *r;
    return 0;
}

bool rp_mem_remove(struct rp_mem *m, uint64_t iova, uint64_t size)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->region[i].iova == iova && m->region[i].size == size) {
            m->region[i] = m->region[--m->count];
            m->last = 0;
            return true;
        }
    return false;
}

uint8_t *rp_mem_find(struct rp_mem *m, uint64_t iova, uint64_t len, bool write)
{
    for (unsigned n = 0; n < m->count; n++) {
        unsigned i = (m->last + n) % m->count;
        const struct rp_region *r = &m->region[i];
        if (iova < r->iova || iova - r->iova >= r->size)
            continue;
        m->last = i;
        if (len > r->size - (iova - r->iova) || !(write ? r->writable : r->readable))
            return NULL;
        return r->mem + (iova - r->iova);
    }
    return NULL;
}
