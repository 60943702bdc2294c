// SPDX-License-Identifier: BSD-2-Clause
// The rings' memory: a sealed memfd, so that a device in another process can map it and cannot shrink it under us.
#include "bar0_regs.h"
#include "driver/card_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RING_IOVA     0x100000000u // DMA address of it all: above 4 GiB, so that no reserved range is met
#define PAGE          4096u
#define DEFAULT_LOG2  8
#define SLOT_LOG2_MIN 11
#define EVQ_LOG2      6 // bytes of an entry

_Static_assert(1u << EVQ_LOG2 == CULVERT_ENTRY_BYTES, "entry size");

static size_t place(struct card_ring *r, uint8_t log2, uint32_t slot_log2, size_t at)
{
    r->count = 1u << (log2 ? log2 : DEFAULT_LOG2);
    r->slot_log2 = slot_log2;
    r->iova = RING_IOVA + at;
    return at + (((size_t)r->count << slot_log2) + PAGE - 1) / PAGE * PAGE;
}

int card_memory_create(struct culvert_card *c, char *err, size_t err_size)
{
    struct card_memory *m = &c->memory;
    uint32_t slot = SLOT_LOG2_MIN;
    while (1u << slot < c->caps.max_frame + BAR0_SLOT_HDR_BYTES)
        slot++;
    size_t size = PAGE; // the first page: the word that TXQ_CONSUMER is written back to
    const size_t evq = size;
    size = place(&c->evq, c->options.evq_log2, EVQ_LOG2, size);
    const size_t rxq = size;
    size = place(&c->rxq, c->options.rxq_log2, slot, size);
    const size_t txq = size;
    size = place(&c->txq, c->options.txq_log2, slot, size);

    m->size = size;
    m->iova = RING_IOVA;
    m->fd = memfd_create("culvert-rings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m->fd < 0 || ftruncate(m->fd, (off_t)size) != 0 ||
        fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
        snprintf(err, err_size, "%zu bytes of ring memory: %s", size, strerror(errno));
        return -ENOMEM;
    }
    m->at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    if (m->at == MAP_FAILED) {
        m->at = NULL;
        snprintf(err, err_size, "%zu bytes of ring memory: %s", size, strerror(errno));
        return -ENOMEM;
    }
    const int rc = c->t->ops->dma_map(c->t, m->fd, 0, m->at, size, m->iova);
    if (rc) {
        snprintf(err, err_size, "%s: %s", c->t->where, c->t->error);
        return rc;
    }
    m->mapped = true;
    c->tx_written_back = (uint32_t *)(void *)m->at;
    c->evq.at = m->at + evq;
    c->rxq.at = m->at + rxq;
    c->txq.at = m->at + txq;
    return 0;
}

// Only what tells valid entries from stale ones: packets need no wiping and rings may be large.
void card_memory_clear(struct culvert_card *c)
{
    *c->tx_written_back = 0;
    memset(c->evq.at, 0, (size_t)c->evq.count << c->evq.slot_log2);
    for (uint32_t i = 0; i < c->rxq.count; i++)
        memset(c->rxq.at + ((size_t)i << c->rxq.slot_log2), 0, BAR0_SLOT_HDR_BYTES);
    c->evq.ours = c->evq.told = 0;
    c->rxq.ours = c->rxq.told = 0;
    c->txq.ours = c->txq.told = 0;
    c->tx_blocked = false;
}

void card_memory_free(struct culvert_card *c)
{
    struct card_memory *m = &c->memory;
    if (m->mapped)
        (void)c->t->ops->dma_unmap(c->t, m->size, m->iova);
    if (m->at)
        munmap(m->at, m->size);
    if (m->fd >= 0)
        close(m->fd);
    *m = (struct card_memory){.fd = -1};
}
