// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/driver/fake_card.h"

#include "bar0_regs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

static struct fake_card *self(struct culvert_transport *t)
{
    return (struct fake_card *)t;
}

void *fake_memory(struct fake_card *f, uint64_t iova, size_t len)
{
    assert_true(f->memory && iova >= f->iova && iova + len <= f->iova + f->memory_size);
    return f->memory + (iova - f->iova);
}

// A ring that has been disabled says so only when its last DMA is done.
static uint32_t ring_state(struct fake_card *f, const uint32_t *ring)
{
    if (ring[2] == 0 && f->stopping_reads) {
        f->stopping_reads--;
        return BAR0_EVQ_CONFIG_ENABLE_MASK;
    }
    return ring[2];
}

static uint32_t read_register(struct fake_card *f, uint32_t reg)
{
    switch (reg) {
    case BAR0_ID:
        return f->id;
    case BAR0_VERSION:
        return f->version;
    case BAR0_STATUS:
        if (f->status_reads && --f->status_reads == 0)
            f->status = f->status_then;
        return f->status;
    case BAR0_DTB_SIZE:
        return f->dtb_size;
    case BAR0_FW_ABI:
        return f->fw_abi;
    case BAR0_FW_VERSION:
        return f->fw_version;
    case BAR0_CMD_TAIL:
        return f->cmd_tail;
    case BAR0_CMD_HEAD:
        return f->cmd_head;
    case BAR0_EVQ_CONFIG:
        return ring_state(f, f->evq);
    case BAR0_RXQ_CONFIG:
        return ring_state(f, f->rxq);
    case BAR0_TXQ_CONFIG:
        return ring_state(f, f->txq);
    case BAR0_DMA_ERRORS:
        return 3;
    case BAR0_TLP_ERRORS:
        return 4;
    default:
        fail_msg("read of register 0x%x, which the driver has no business with", reg);
        return 0;
    }
}

static void reset(struct fake_card *f)
{
    f->resets++;
    f->status = f->status_after_reset;
    f->cmd_tail = f->cmd_head = 0;
    memset(f->evq, 0, sizeof(f->evq));
    memset(f->rxq, 0, sizeof(f->rxq));
    memset(f->txq, 0, sizeof(f->txq));
    memset(f->ring, 0, sizeof(f->ring));
    f->evq_producer = f->rxq_producer = f->txq_consumer = 0;
}

static void write_register(struct fake_card *f, uint32_t reg, uint32_t v)
{
    if (reg == BAR0_CONTROL && (v & BAR0_CONTROL_RESET_MASK))
        reset(f);
    else if (reg == BAR0_CMD_TAIL)
        f->cmd_tail = (uint16_t)v;
    else if (reg >= BAR0_EVQ_BASE_LO && reg <= BAR0_EVQ_CONSUMER)
        f->evq[(reg - BAR0_EVQ_BASE_LO) / 4] = v;
    else if (reg >= BAR0_RXQ_BASE_LO && reg <= BAR0_RXQ_CONSUMER)
        f->rxq[(reg - BAR0_RXQ_BASE_LO) / 4] = v;
    else if (reg >= BAR0_TXQ_BASE_LO && reg <= BAR0_TXQ_PRODUCER)
        f->txq[(reg - BAR0_TXQ_BASE_LO) / 4] = v;
    else if (reg == BAR0_TXQ_WB_LO || reg == BAR0_TXQ_WB_HI)
        f->txq_wb[(reg - BAR0_TXQ_WB_LO) / 4] = v;
    else
        fail_msg("write of register 0x%x, which the driver has no business with", reg);
    // Disabling a ring zeroes its counters.
    if (reg == BAR0_EVQ_CONFIG && !v)
        f->evq_producer = f->evq[3] = 0;
    if (reg == BAR0_RXQ_CONFIG && !v)
        f->rxq_producer = f->rxq[3] = 0;
    if (reg == BAR0_TXQ_CONFIG && !v)
        f->txq_consumer = f->txq[3] = 0;
}

static int note(struct fake_card *f, bool write, bool posted, enum culvert_region region, uint64_t offset, size_t len,
                const void *data)
{
    f->base.error[0] = 0;
    if (f->gone || (f->cut_after && f->logged + 1 >= f->cut_after)) {
        snprintf(f->base.error, sizeof(f->base.error), "pulled out");
        return -ENODEV;
    }
    struct fake_access *a = &f->log[f->logged++ % FAKE_LOG];
    *a = (struct fake_access){write, posted, region, (uint32_t)offset, (uint32_t)len, 0};
    if (write)
        memcpy(&a->value, data, len < 4 ? len : 4);
    return 0;
}

static int fake_read(struct culvert_transport *t, enum culvert_region region, uint64_t offset, void *data, size_t len)
{
    struct fake_card *f = self(t);
    const int rc = note(f, false, false, region, offset, len, NULL);
    if (rc)
        return rc;
    if (region == CULVERT_REGION_CONFIG) {
        const uint16_t ids[2] = {f->vendor, f->device};
        assert_true(offset == 0 && len == 4);
        memcpy(data, ids, 4);
    } else if (offset >= BAR0_DTB && offset + len <= BAR0_DTB + BAR0_DTB_BYTES) {
        memcpy(data, f->dtb + (offset - BAR0_DTB), len);
    } else if (offset == BAR0_PANIC_RECORD) {
        assert_int_equal(len, 256);
        memcpy(data, f->panic, len);
    } else {
        assert_int_equal(len, 4);
        const uint32_t v = read_register(f, (uint32_t)offset);
        memcpy(data, &v, 4);
    }
    return 0;
}

static int fake_write(struct culvert_transport *t, enum culvert_region region, uint64_t offset, const void *data,
                      size_t len, bool posted)
{
    struct fake_card *f = self(t);
    const int rc = note(f, true, posted, region, offset, len, data);
    if (rc)
        return rc;
    if (region == CULVERT_REGION_CONFIG) {
        assert_true(offset == 4 && len == 2);
        memcpy(&f->pci_command, data, 2);
    } else if (offset >= BAR0_CMD_RING && offset + len <= BAR0_CMD_RING + sizeof(f->ring)) {
        assert_true(offset % CULVERT_CMD_BYTES == 0 && len <= CULVERT_CMD_BYTES && len % 4 == 0);
        memcpy((uint8_t *)f->ring + (offset - BAR0_CMD_RING), data, len);
    } else {
        assert_int_equal(len, 4);
        uint32_t v;
        memcpy(&v, data, 4);
        write_register(f, (uint32_t)offset, v);
    }
    return 0;
}

static int fake_map(struct culvert_transport *t, int fd, uint64_t offset, void *memory, size_t size, uint64_t iova)
{
    struct fake_card *f = self(t);
    assert_true(fd >= 0 && offset == 0 && !f->memory);
    f->memory = memory;
    f->memory_size = size;
    f->iova = iova;
    return 0;
}

static int fake_unmap(struct culvert_transport *t, size_t size, uint64_t iova)
{
    struct fake_card *f = self(t);
    assert_true(size == f->memory_size && iova == f->iova);
    f->memory = NULL;
    return 0;
}

static int fake_irqs(struct culvert_transport *t, const int *fds, unsigned count)
{
    for (unsigned i = 0; i < CULVERT_IRQS; i++)
        self(t)->eventfd[i] = i < count ? fds[i] : -1;
    return 0;
}

static int fake_reset(struct culvert_transport *t)
{
    (void)t;
    return -EOPNOTSUPP;
}

static int fake_fd(const struct culvert_transport *t)
{
    (void)t;
    return -1;
}

static int fake_service(struct culvert_transport *t)
{
    return self(t)->gone ? -ENODEV : 0;
}

static void fake_close(struct culvert_transport *t)
{
    assert_null(self(t)->memory); // unmapped before
    self(t)->closed = true;
}

static const struct culvert_transport_ops fake_ops = {fake_read,  fake_write, fake_map,     fake_unmap, fake_irqs,
                                                      fake_reset, fake_fd,    fake_service, fake_close};

void fake_init(struct fake_card *f)
{
    memset(f, 0, sizeof(*f));
    f->base.ops = &fake_ops;
    snprintf(f->base.where, sizeof(f->base.where), "fake");
    f->vendor = BAR0_VENDOR_ID;
    f->device = BAR0_DEVICE_ID;
    f->id = 0x43565254;
    f->version = 0x00010007;
    f->fw_abi = CULVERT_ABI_VERSION;
    f->fw_version = 0x01020003;
    f->status = f->status_after_reset = BAR0_STATUS_FW_READY_MASK;
    for (unsigned i = 0; i < CULVERT_IRQS; i++)
        f->eventfd[i] = -1;
    const char *b = getenv("B");
    char path[512];
    snprintf(path, sizeof(path), "%s/gen/board.dtb", b ? b : "build");
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("%s: %s", path, strerror(errno));
    f->dtb_size = (uint32_t)fread(f->dtb, 1, sizeof(f->dtb), file);
    fclose(file);
}

void fake_signal(struct fake_card *f, unsigned vector)
{
    assert_true(f->eventfd[vector] >= 0);
    assert_int_equal(eventfd_write(f->eventfd[vector], 1), 0);
}

static uint64_t base_of(const uint32_t *ring)
{
    return (uint64_t)ring[1] << 32 | ring[0];
}

void fake_post(struct fake_card *f, const struct culvert_entry *entry)
{
    assert_true(f->evq[2] >> 31);
    const uint32_t size = 1u << (f->evq[2] & 15);
    assert_true(f->evq_producer - f->evq[3] < size); // the driver must not let it overflow
    struct culvert_entry e = *entry;
    e.sequence = f->evq_producer + 1;
    memcpy(fake_memory(f, base_of(f->evq) + (f->evq_producer % size) * 64, 64), &e, 64);
    f->evq_producer++;
    fake_signal(f, 0);
}

bool fake_answer(struct fake_card *f, uint16_t status, const void *body)
{
    if (f->cmd_head == f->cmd_tail)
        return false;
    struct culvert_cmd *c = &f->ring[f->cmd_head % 16];
    struct culvert_entry e = {.kind = CULVERT_ENTRY_COMPLETION, .status = status, .tag = c->tag};
    if (body)
        memcpy(e.body, body, sizeof(e.body));
    memset(c, 0, sizeof(*c));
    f->cmd_head++;
    fake_post(f, &e);
    return true;
}

bool fake_rx(struct fake_card *f, uint32_t info, uint32_t tunnel, uint32_t sa, const void *data, uint32_t len)
{
    const uint32_t size = 1u << (f->rxq[2] & 15), slot_log2 = f->rxq[2] >> 8 & 15;
    if (f->rxq_producer - f->rxq[3] >= size)
        return false;
    uint8_t *slot =
        fake_memory(f, base_of(f->rxq) + ((uint64_t)(f->rxq_producer % size) << slot_log2), 1u << slot_log2);
    const uint32_t header[16] = {[0] = len, [1] = info, [2] = tunnel, [3] = sa, [15] = f->rxq_producer + 1};
    if (data)
        memcpy(slot + 64, data, len);
    memcpy(slot, header, 64);
    f->rxq_producer++;
    fake_signal(f, 1);
    return true;
}

const uint8_t *fake_tx(struct fake_card *f)
{
    const uint32_t size = 1u << (f->txq[2] & 15), slot_log2 = f->txq[2] >> 8 & 15;
    if (f->txq_consumer == f->txq[3])
        return NULL;
    assert_true(f->txq[3] - f->txq_consumer <= size);
    const uint8_t *slot =
        fake_memory(f, base_of(f->txq) + ((uint64_t)(f->txq_consumer % size) << slot_log2), 1u << slot_log2);
    f->txq_consumer++;
    memcpy(fake_memory(f, base_of(f->txq_wb), 4), &f->txq_consumer, 4);
    fake_signal(f, 2);
    return slot;
}
