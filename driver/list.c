// SPDX-License-Identifier: BSD-2-Clause
// Finding cards with libpci.
#include "bar0_regs.h"
#include "driver/culvert.h"

#include <errno.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// libpci's error callback must not return, and has no argument: the place to go back to travels beside the access.
struct scan {
    jmp_buf out;
    char *err;
    size_t err_size;
};
static _Thread_local struct scan *scan_of_thread;

__attribute__((noreturn, format(printf, 1, 2))) static void scan_error(char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(scan_of_thread->err, scan_of_thread->err_size, format, args);
    va_end(args);
    longjmp(scan_of_thread->out, 1);
}

__attribute__((format(printf, 1, 2))) static void scan_quiet(char *format, ...)
{
    (void)format;
}

static int by_address(const void *a, const void *b)
{
    return strcmp(((const struct culvert_found *)a)->address, ((const struct culvert_found *)b)->address);
}

static void driver_of(const char *address, char *out, size_t size)
{
    char link[128], target[256];
    snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/driver", address);
    const ssize_t n = readlink(link, target, sizeof(target) - 1);
    if (n <= 0)
        return;
    target[n] = 0;
    const char *slash = strrchr(target, '/');
    snprintf(out, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
}

static void describe(struct pci_dev *d, bool dump, struct culvert_found *f)
{
    memset(f, 0, sizeof(*f));
    pci_fill_info(d, PCI_FILL_IDENT | PCI_FILL_BASES | PCI_FILL_SIZES | PCI_FILL_CAPS | PCI_FILL_IOMMU_GROUP);
    snprintf(f->address, sizeof(f->address), "%04x:%02x:%02x.%d", (unsigned)d->domain & 0xffff, d->bus, d->dev,
             d->func);
    f->vendor = d->vendor_id;
    f->device = d->device_id;
    f->revision = pci_read_byte(d, PCI_REVISION_ID);
    f->bar0_bytes = d->size[0];
    f->msix = pci_find_cap(d, PCI_CAP_ID_MSIX, PCI_CAP_NORMAL) != NULL;
    f->iommu_group = -1;
    if (dump)
        return;
    driver_of(f->address, f->driver, sizeof(f->driver));
    const char *group = pci_get_string_property(d, PCI_FILL_IOMMU_GROUP);
    if (group)
        f->iommu_group = atoi(group);
}

struct found_list {
    struct culvert_found *at;
    size_t count, room;
};

static bool keep(struct found_list *l, struct pci_dev *d, bool dump)
{
    if (l->count == l->room) {
        const size_t room = l->room ? 2 * l->room : 8;
        struct culvert_found *more = realloc(l->at, room * sizeof(*more));
        if (!more)
            return false;
        l->at = more;
        l->room = room;
    }
    describe(d, dump, &l->at[l->count++]);
    return true;
}

static int scan(struct pci_access *pci, const char *dump, struct found_list *list)
{
    pci->error = scan_error;
    pci->warning = scan_quiet;
    pci->debug = scan_quiet;
    if (dump) {
        pci->method = PCI_ACCESS_DUMP;
        pci_set_param(pci, (char *)"dump.name", (char *)(uintptr_t)dump);
    }
    pci_init(pci);
    pci_scan_bus(pci);
    for (struct pci_dev *d = pci->devices; d; d = d->next) {
        pci_fill_info(d, PCI_FILL_IDENT);
        if (d->vendor_id == BAR0_VENDOR_ID && d->device_id == BAR0_DEVICE_ID && !keep(list, d, dump))
            return -ENOMEM;
    }
    return 0;
}

int culvert_list(const char *dump, culvert_found_fn *each, void *arg, char *err, size_t err_size)
{
    struct scan back = {.err = err, .err_size = err_size};
    struct found_list *list = calloc(1, sizeof(*list));
    struct pci_access *volatile pci = pci_alloc();
    int rc;
    if (!list) {
        snprintf(err, err_size, "out of memory");
        pci_cleanup(pci);
        return -ENOMEM;
    }
    scan_of_thread = &back;
    volatile bool cleaning = false;
    if (setjmp(back.out) == 0) {
        rc = scan(pci, dump, list);
        if (rc)
            snprintf(err, err_size, "out of memory");
        pci_cleanup(pci);
    } else {
        rc = -ENODEV; // libpci has given up in the middle; should it do so again while it cleans up, leave it at that
        if (!cleaning) {
            cleaning = true;
            pci_cleanup(pci);
        }
    }
    scan_of_thread = NULL;
    if (rc == 0) {
        if (list->count)
            qsort(list->at, list->count, sizeof(*list->at), by_address);
        for (size_t i = 0; i < list->count; i++)
            each(arg, &list->at[i]);
        rc = (int)list->count;
    }
    free(list->at);
    free(list);
    return rc;
}
