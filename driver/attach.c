// SPDX-License-Identifier: BSD-2-Clause
// Bringing a card up. The order, and why:
//   1. identity and register version, before anything is written to what may be another device
//   2. bus mastering, without which the card cannot reach memory (nor raise MSI-X)
//   3. reset: known state, empty tables, no keys of a predecessor, no DMA into its memory
//   4. device tree, which says how large everything is
//   5. firmware ready and its ABI known, before a command is written
//   6. memory, rings, interrupts; rings are enabled last, when everything that they use is there
#include "bar0_regs.h"
#include "driver/card_impl.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAR0_ID_VALUE      0x43565254u
#define RESET_TIMEOUT_MS   5000
#define READY_TIMEOUT_MS   30000
#define STOP_TIMEOUT_US    1000000u
#define PCI_COMMAND_OFFSET 4
#define PCI_COMMAND_ON     0x0406u // memory space, bus master, no INTx

static int transport_error(struct culvert_card *c, int rc, char *err, size_t err_size)
{
    snprintf(err, err_size, "%s: %s", c->t->where, c->t->error[0] ? c->t->error : strerror(-rc));
    return rc;
}

static int check_identity(struct culvert_card *c, char *err, size_t err_size)
{
    uint16_t id[2];
    uint32_t magic, version;
    int rc = c->t->ops->read(c->t, CULVERT_REGION_CONFIG, 0, id, sizeof(id));
    if (!rc && (id[0] != BAR0_VENDOR_ID || id[1] != BAR0_DEVICE_ID)) {
        snprintf(err, err_size, "%s is not a Culvert card: its PCI ID is %04x:%04x, a card's %04x:%04x", c->t->where,
                 id[0], id[1], BAR0_VENDOR_ID, BAR0_DEVICE_ID);
        return -ENODEV;
    }
    const uint16_t on = PCI_COMMAND_ON;
    if (!rc)
        rc = c->t->ops->write(c->t, CULVERT_REGION_CONFIG, PCI_COMMAND_OFFSET, &on, sizeof(on), false);
    if (!rc)
        rc = card_read32(c, BAR0_ID, &magic);
    if (!rc)
        rc = card_read32(c, BAR0_VERSION, &version);
    if (rc)
        return transport_error(c, rc, err, err_size);
    if (magic != BAR0_ID_VALUE) {
        snprintf(err, err_size, "%s: register ID is 0x%08x, a card's is 0x%08x", c->t->where, magic, BAR0_ID_VALUE);
        return -ENODEV;
    }
    if (version >> 16 != CARD_REG_MAJOR) {
        snprintf(err, err_size, "%s: the card's registers are version %u.%u, this driver knows %u: update the %s",
                 c->t->where, version >> 16, version & 0xffff, CARD_REG_MAJOR,
                 version >> 16 > CARD_REG_MAJOR ? "driver" : "card");
        return -EPROTO;
    }
    return 0;
}

int card_read_panic(struct culvert_card *c)
{
    memset(c->panic, 0, sizeof(c->panic));
    const int rc = c->t->ops->read(c->t, CULVERT_REGION_BAR0, BAR0_PANIC_RECORD, c->panic, BAR0_PANIC_RECORD_BYTES);
    // It is shown to users: text only.
    for (char *p = c->panic; *p; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
            *p = '.';
    return rc;
}

// Polls STATUS until (value & mask) == want; 1 on a time-out. Looks seldom: each look may be a message.
static int wait_status(struct culvert_card *c, uint32_t mask, uint32_t want, uint32_t stop, uint32_t timeout_ms,
                       uint32_t *status)
{
    const uint64_t end = card_now(c) + (uint64_t)timeout_ms * 1000;
    for (int pause_ms = 1;; pause_ms = pause_ms < 16 ? 2 * pause_ms : 16) {
        const bool last = card_now(c) >= end;
        const int rc = card_read32(c, BAR0_STATUS, status);
        if (rc)
            return rc;
        if ((*status & mask) == want || (*status & stop))
            return 0;
        if (last)
            return 1;
        (void)poll(NULL, 0, pause_ms);
    }
}

static int reset(struct culvert_card *c, char *err, size_t err_size)
{
    uint32_t status;
    int rc = card_write32(c, BAR0_CONTROL, BAR0_CONTROL_RESET_MASK);
    if (!rc)
        rc = wait_status(c, BAR0_STATUS_IN_RESET_MASK, 0, 0, RESET_TIMEOUT_MS, &status);
    if (rc < 0)
        return transport_error(c, rc, err, err_size);
    if (rc) {
        snprintf(err, err_size, "%s: the card does not come out of reset", c->t->where);
        return -ETIMEDOUT;
    }
    return 0;
}

static int read_caps(struct culvert_card *c, char *err, size_t err_size)
{
    uint32_t size;
    int rc = card_read32(c, BAR0_DTB_SIZE, &size);
    if (rc)
        return transport_error(c, rc, err, err_size);
    if (size < 64 || size > BAR0_DTB_BYTES) {
        snprintf(err, err_size, "%s: a device tree of %u bytes cannot be", c->t->where, size);
        return -EINVAL;
    }
    void *dtb = calloc(1, BAR0_DTB_BYTES);
    if (!dtb) {
        snprintf(err, err_size, "out of memory");
        return -ENOMEM;
    }
    rc = c->t->ops->read(c->t, CULVERT_REGION_BAR0, BAR0_DTB, dtb, (size + 3u) & ~3u);
    if (rc)
        transport_error(c, rc, err, err_size);
    else
        rc = card_parse_caps(dtb, size, &c->caps, err, err_size);
    free(dtb);
    return rc;
}

static const char *boot_error(uint32_t status)
{
    static const char *const text[] = {"", "the flash holds no firmware image (wrong magic)",
                                       "the firmware image in flash has an impossible length",
                                       "the firmware image in flash is damaged (CRC)"};
    return text[(status & BAR0_STATUS_BOOT_ERROR_MASK) >> BAR0_STATUS_BOOT_ERROR_SHIFT];
}

static int wait_firmware(struct culvert_card *c, char *err, size_t err_size)
{
    const uint32_t timeout = c->options.ready_timeout_ms ? c->options.ready_timeout_ms : READY_TIMEOUT_MS;
    uint32_t status;
    int rc = wait_status(c, BAR0_STATUS_FW_READY_MASK, BAR0_STATUS_FW_READY_MASK,
                         BAR0_STATUS_BOOT_ERROR_MASK | BAR0_STATUS_PANIC_MASK, timeout, &status);
    if (rc < 0)
        return transport_error(c, rc, err, err_size);
    if (status & BAR0_STATUS_BOOT_ERROR_MASK) {
        snprintf(err, err_size, "%s: %s", c->t->where, boot_error(status));
        return -EIO;
    }
    if (status & BAR0_STATUS_PANIC_MASK) {
        (void)card_read_panic(c);
        snprintf(err, err_size, "%s: %s", c->t->where, c->panic);
        return -EHOSTDOWN;
    }
    if (rc) {
        snprintf(err, err_size, "%s: firmware was not ready within %u ms", c->t->where, timeout);
        return -ETIMEDOUT;
    }
    rc = card_read32(c, BAR0_FW_ABI, &c->fw_abi);
    if (!rc)
        rc = card_read32(c, BAR0_FW_VERSION, &c->fw_version);
    if (rc)
        return transport_error(c, rc, err, err_size);
    if (c->fw_abi >> 16 != CULVERT_ABI_MAJOR) {
        snprintf(err, err_size, "%s: the card's firmware speaks mailbox ABI %u.%u, this driver %u.%u: update the %s",
                 c->t->where, c->fw_abi >> 16, c->fw_abi & 0xffff, CULVERT_ABI_MAJOR, CULVERT_ABI_MINOR,
                 c->fw_abi >> 16 > CULVERT_ABI_MAJOR ? "driver" : "firmware");
        return -EPROTO;
    }
    return 0;
}

static int log2_of(uint32_t n)
{
    return 31 - __builtin_clz(n);
}

// Disables a ring and waits until its last DMA is done; its counters are 0 then.
static int stop_ring(struct culvert_card *c, uint32_t config)
{
    int rc = card_write32(c, config, 0);
    const uint64_t end = card_now(c) + STOP_TIMEOUT_US;
    for (bool last = false; !rc; last = card_now(c) >= end) {
        uint32_t value;
        rc = card_read32(c, config, &value);
        if (!rc && !(value & BAR0_EVQ_CONFIG_ENABLE_MASK))
            return 0;
        if (last)
            return -ETIMEDOUT;
        (void)poll(NULL, 0, 1);
    }
    return rc;
}

static int start_ring(struct culvert_card *c, uint32_t base, uint32_t config, const struct card_ring *r,
                      uint32_t slot_bits)
{
    int rc = stop_ring(c, config);
    if (!rc)
        rc = card_write32(c, base, (uint32_t)r->iova);
    if (!rc)
        rc = card_write32(c, base + 4, (uint32_t)(r->iova >> 32));
    if (!rc)
        rc = card_write32(c, config, BAR0_EVQ_CONFIG_ENABLE_MASK | slot_bits | (uint32_t)log2_of(r->count));
    return rc;
}

static int start_rings(struct culvert_card *c)
{
    uint32_t tail;
    card_memory_clear(c);
    int rc = card_read32(c, BAR0_CMD_TAIL, &tail);
    c->cmd_tail = (uint16_t)tail;
    if (!rc)
        rc = c->t->ops->irqs(c->t, c->eventfd, CULVERT_IRQS);
    if (!rc)
        rc = card_write32(c, BAR0_TXQ_WB_LO, (uint32_t)c->memory.iova);
    if (!rc)
        rc = card_write32(c, BAR0_TXQ_WB_HI, (uint32_t)(c->memory.iova >> 32));
    const uint32_t slot_bits = c->rxq.slot_log2 << BAR0_RXQ_CONFIG_SLOT_LOG2_SHIFT;
    if (!rc)
        rc = start_ring(c, BAR0_TXQ_BASE_LO, BAR0_TXQ_CONFIG, &c->txq, slot_bits);
    if (!rc)
        rc = start_ring(c, BAR0_RXQ_BASE_LO, BAR0_RXQ_CONFIG, &c->rxq, slot_bits);
    if (!rc)
        rc = start_ring(c, BAR0_EVQ_BASE_LO, BAR0_EVQ_CONFIG, &c->evq, 0);
    return rc;
}

void card_stop_rings(struct culvert_card *c)
{
    static const uint32_t config[] = {BAR0_EVQ_CONFIG, BAR0_RXQ_CONFIG, BAR0_TXQ_CONFIG};
    for (size_t i = 0; i < 3; i++)
        if (stop_ring(c, config[i]) != 0)
            card_log(c, CULVERT_LOG_WARNING, "%s: a ring could not be stopped", c->t->where);
}

int card_start(struct culvert_card *c, char *err, size_t err_size)
{
    c->panic[0] = 0;
    int rc = check_identity(c, err, err_size);
    if (!rc && !c->options.no_reset)
        rc = reset(c, err, err_size);
    if (!rc)
        rc = read_caps(c, err, err_size);
    if (!rc)
        rc = wait_firmware(c, err, err_size);
    if (!rc && !c->memory.mapped)
        rc = card_memory_create(c, err, err_size);
    if (rc)
        return rc;
    rc = start_rings(c);
    if (rc)
        return transport_error(c, rc, err, err_size);
    card_log(c, CULVERT_LOG_NOTE, "%s: %s, firmware %u.%u.%u, ABI %u.%u", c->t->where, c->caps.model,
             c->fw_version >> 24, c->fw_version >> 16 & 0xff, c->fw_version & 0xffff, c->fw_abi >> 16,
             c->fw_abi & 0xffff);
    return 0;
}
