// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pcie/attach.h"

#include "bar0_regs.h"
#include "sim/pcie/pci_config.h"
#include "sim/pcie/rootport.h"
#include "sim/pcie/vfio_user_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VECTORS = BAR0_MSIX_TABLE_BYTES / 16 };

struct attach {
    struct rp *rp;
    struct vus *server;
    uint8_t *data; // of the access under way
    uint32_t offset, len;
    bool write;
    uint8_t control[4];
    uint8_t table[BAR0_MSIX_TABLE_BYTES];
};

static bool in_table(uint64_t offset)
{
    return offset >= BAR0_MSIX_TABLE && offset < BAR0_MSIX_TABLE + BAR0_MSIX_TABLE_BYTES;
}

static void bar_done(void *arg, int error)
{
    struct attach *a = arg;
    for (uint32_t i = 0; !a->write && i < a->len; i++)
        if (in_table(a->offset + i))
            a->data[i] = 0xff;
    vus_done(a->server, error);
}

static void do_access(void *arg, uint32_t region, uint64_t offset, uint8_t *data, uint32_t len, bool write)
{
    struct attach *a = arg;
    if (region == VUS_REGION_CFG) {
        bool ok = write ? pci_config_write(rp_config(a->rp), offset, data, len)
                        : pci_config_read(rp_config(a->rp), offset, data, len);
        rp_config_changed(a->rp);
        vus_done(a->server, ok ? 0 : EINVAL);
        return;
    }
    if (!pci_config_memory(rp_config(a->rp))) {
        vus_done(a->server, EIO);
        return;
    }
    if (write && offset < BAR0_MSIX_TABLE + BAR0_MSIX_TABLE_BYTES && offset + len > BAR0_MSIX_TABLE) {
        vus_done(a->server, 0);
        return;
    }
    a->data = data;
    a->offset = (uint32_t)offset;
    a->len = len;
    a->write = write;
    if (!rp_access(a->rp, a->offset, data, len, write, bar_done, a))
        vus_done(a->server, EIO);
}

static int do_map(void *arg, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable)
{
    struct attach *a = arg;
    return rp_map(a->rp, iova, mem, size, readable, writable);
}

static void do_unmap(void *arg, uint64_t iova, uint64_t size)
{
    struct attach *a = arg;
    rp_unmap(a->rp, iova, size);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static void do_irqs(void *arg, uint32_t vectors)
{
    struct attach *a = arg;
    for (uint32_t v = 0; v < VECTORS; v++) {
        uint8_t *entry = a->table + (size_t)16 * v;
        put32(entry, RP_MSI_BASE);
        put32(entry + 4, 0);
        put32(entry + 8, v);
        put32(entry + 12, v >= vectors); // masked
    }
    rp_access(a->rp, BAR0_MSIX_TABLE, a->table, sizeof(a->table), true, NULL, NULL);
    pci_config_set_msix_enable(rp_config(a->rp), vectors > 0);
    rp_config_changed(a->rp);
}

static void do_reset(void *arg)
{
    struct attach *a = arg;
    rp_cancel(a->rp);
    pci_config_reset(rp_config(a->rp));
    rp_config_changed(a->rp);
    put32(a->control, BAR0_CONTROL_RESET_MASK);
    rp_access(a->rp, BAR0_CONTROL, a->control, sizeof(a->control), true, NULL, NULL);
}

static void on_irq(void *arg, uint32_t vector)
{
    struct attach *a = arg;
    if (vector < VECTORS)
        vus_irq(a->server, vector);
}

struct attach *attach_new(struct rp *rp, const char *path, char *err, size_t err_size)
{
    struct attach *a = calloc(1, sizeof(*a));
    if (!a)
        abort();
    a->rp = rp;
    const struct vus_device device = {
        .region_size = {[VUS_REGION_BAR0] = BAR0_BYTES, [VUS_REGION_CFG] = PCI_CONFIG_BYTES},
        .msix_vectors = VECTORS,
        .arg = a,
        .access = do_access,
        .dma_map = do_map,
        .dma_unmap = do_unmap,
        .irqs = do_irqs,
        .reset = do_reset,
    };
    a->server = vus_new(path, &device, err, err_size);
    if (!a->server) {
        free(a);
        return NULL;
    }
    rp_set_hooks(rp, &(struct rp_hooks){.arg = a, .irq = on_irq});
    return a;
}

void attach_free(struct attach *a)
{
    if (!a)
        return;
    rp_cancel(a->rp);
    rp_set_hooks(a->rp, &(struct rp_hooks){0});
    vus_free(a->server);
    rp_cancel(a->rp);
    rp_unmap_all(a->rp);
    free(a);
}

int attach_fd(const struct attach *a)
{
    return vus_fd(a->server);
}

bool attach_poll(struct attach *a)
{
    return vus_poll(a->server);
}

const struct vus *attach_server(const struct attach *a)
{
    return a->server;
}
