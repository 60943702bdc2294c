// SPDX-License-Identifier: BSD-2-Clause
// The VFIO transport: a real card behind the IOMMU, bound to vfio-pci. Group and container as Linux has them since 3.6.
#include "bar0_regs.h"
#include "driver/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGION_COUNT 9
#define DIRECT_BYTES 0x1000u // the registers before the MSI-X table: mapped also where the table may not be

struct vfio {
    struct culvert_transport base;
    int container, group, device;
    uint64_t region_offset[REGION_COUNT], region_size[REGION_COUNT];
    volatile uint32_t *bar; // first bar_bytes of BAR0; NULL: read and written through the device's descriptor
    size_t bar_bytes;
};

static struct vfio *self(struct culvert_transport *t)
{
    return (struct vfio *)t;
}

__attribute__((format(printf, 3, 4))) static int fail(struct vfio *v, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(v->base.error, sizeof(v->base.error), format, args);
    va_end(args);
    return code;
}

static bool in_region(const struct vfio *v, enum culvert_region region, uint64_t offset, size_t len)
{
    return offset <= v->region_size[region] && len <= v->region_size[region] - offset;
}

static int region_read(struct culvert_transport *t, enum culvert_region region, uint64_t offset, void *data, size_t len)
{
    struct vfio *v = self(t);
    if (!in_region(v, region, offset, len))
        return fail(v, -EINVAL, "read beyond region %d", (int)region);
    if (region == CULVERT_REGION_BAR0 && offset + len <= v->bar_bytes) {
        for (size_t i = 0; i < len; i += 4) {
            const uint32_t word = v->bar[(offset + i) / 4];
            memcpy((uint8_t *)data + i, &word, 4);
        }
        return 0;
    }
    const size_t unit = region == CULVERT_REGION_BAR0 ? 4 : len;
    for (size_t i = 0; i < len; i += unit)
        if (pread(v->device, (uint8_t *)data + i, unit, (off_t)(v->region_offset[region] + offset + i)) !=
            (ssize_t)unit)
            return fail(v, -ENODEV, "the device cannot be read: %s", strerror(errno));
    return 0;
}

static int region_write(struct culvert_transport *t, enum culvert_region region, uint64_t offset, const void *data,
                        size_t len, bool posted)
{
    (void)posted; // writes to a BAR are
    struct vfio *v = self(t);
    if (!in_region(v, region, offset, len))
        return fail(v, -EINVAL, "write beyond region %d", (int)region);
    if (region == CULVERT_REGION_BAR0 && offset + len <= v->bar_bytes) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST); // memory first, then the register that tells of it
        for (size_t i = 0; i < len; i += 4) {
            uint32_t word;
            memcpy(&word, (const uint8_t *)data + i, 4);
            v->bar[(offset + i) / 4] = word;
        }
        return 0;
    }
    const size_t unit = region == CULVERT_REGION_BAR0 ? 4 : len;
    for (size_t i = 0; i < len; i += unit)
        if (pwrite(v->device, (const uint8_t *)data + i, unit, (off_t)(v->region_offset[region] + offset + i)) !=
            (ssize_t)unit)
            return fail(v, -ENODEV, "the device cannot be written: %s", strerror(errno));
    return 0;
}

static int dma_map(struct culvert_transport *t, int fd, uint64_t fd_offset, void *memory, size_t size, uint64_t iova)
{
    (void)fd, (void)fd_offset;
    struct vfio *v = self(t);
    struct vfio_iommu_type1_dma_map m = {.argsz = sizeof(m),
                                         .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
                                         .vaddr = (uintptr_t)memory,
                                         .iova = iova,
                                         .size = size};
    if (ioctl(v->container, VFIO_IOMMU_MAP_DMA, &m) != 0)
        return fail(v, -errno, "the IOMMU does not take %zu bytes of memory: %s%s", size, strerror(errno),
                    errno == ENOMEM ? " (ulimit -l limits what may be locked)" : "");
    return 0;
}

static int dma_unmap(struct culvert_transport *t, size_t size, uint64_t iova)
{
    struct vfio *v = self(t);
    struct vfio_iommu_type1_dma_unmap m = {.argsz = sizeof(m), .iova = iova, .size = size};
    if (ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &m) != 0)
        return fail(v, -errno, "the IOMMU does not give memory back: %s", strerror(errno));
    return 0;
}

static int irqs(struct culvert_transport *t, const int *eventfds, unsigned count)
{
    struct vfio *v = self(t);
    struct {
        struct vfio_irq_set set;
        int32_t fd[CULVERT_IRQS];
    } s;
    if (count > CULVERT_IRQS)
        return -EINVAL;
    memset(&s, 0, sizeof(s));
    s.set.argsz = (uint32_t)(sizeof(s.set) + sizeof(int32_t) * count);
    s.set.flags = (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE) | VFIO_IRQ_SET_ACTION_TRIGGER;
    s.set.index = VFIO_PCI_MSIX_IRQ_INDEX;
    s.set.count = count;
    for (unsigned i = 0; i < count; i++)
        s.fd[i] = eventfds[i];
    if (ioctl(v->device, VFIO_DEVICE_SET_IRQS, &s) != 0)
        return fail(v, -errno, "MSI-X interrupts cannot be set: %s", strerror(errno));
    return 0;
}

static int reset(struct culvert_transport *t)
{
    struct vfio *v = self(t);
    if (ioctl(v->device, VFIO_DEVICE_RESET) != 0)
        return fail(v, errno == EINVAL || errno == ENOTTY ? -EOPNOTSUPP : -errno, "function-level reset: %s",
                    strerror(errno));
    return 0;
}

static int no_fd(const struct culvert_transport *t)
{
    (void)t;
    return -1;
}

static int no_service(struct culvert_transport *t)
{
    (void)t;
    return 0;
}

static void transport_close(struct culvert_transport *t)
{
    struct vfio *v = self(t);
    if (v->bar)
        munmap((void *)(uintptr_t)v->bar, v->bar_bytes);
    // Device before group before container: each holds the next.
    const int fd[] = {v->device, v->group, v->container};
    for (size_t i = 0; i < 3; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    free(v);
}

static const struct culvert_transport_ops vfio_ops = {region_read, region_write, dma_map,    dma_unmap,      irqs,
                                                      reset,       no_fd,        no_service, transport_close};

// ---------------------------------------------------------------- opening

// The number at the end of the device's iommu_group link.
static int iommu_group(struct vfio *v, const char *address, const char *sysfs)
{
    char link[PATH_MAX], target[PATH_MAX];
    snprintf(link, sizeof(link), "%s/bus/pci/devices/%s", sysfs, address);
    if (access(link, F_OK) != 0)
        return fail(v, -ENODEV, "no such PCI device (lspci -nn lists them)");
    snprintf(link, sizeof(link), "%s/bus/pci/devices/%s/iommu_group", sysfs, address);
    const ssize_t n = readlink(link, target, sizeof(target) - 1);
    if (n < 0)
        return fail(v, -ENODEV, "the device is in no IOMMU group: is the IOMMU switched on (intel_iommu=on)?");
    target[n] = 0;
    const char *slash = strrchr(target, '/');
    return atoi(slash ? slash + 1 : target);
}

static int open_group(struct vfio *v, int group, const char *dev)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/vfio", dev);
    v->container = open(path, O_RDWR | O_CLOEXEC);
    if (v->container < 0)
        return fail(v, -errno, "%s: %s (is the vfio-pci module loaded?)", path, strerror(errno));
    if (ioctl(v->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION ||
        ioctl(v->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU) <= 0)
        return fail(v, -ENOTSUP, "%s is not a VFIO container with a type 1 IOMMU", path);
    snprintf(path, sizeof(path), "%s/%d", dev, group);
    v->group = open(path, O_RDWR | O_CLOEXEC);
    if (v->group < 0)
        return fail(v, -errno, "%s: %s (is the device bound to vfio-pci?)", path, strerror(errno));
    struct vfio_group_status status = {.argsz = sizeof(status)};
    if (ioctl(v->group, VFIO_GROUP_GET_STATUS, &status) != 0 || !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
        return fail(v, -EBUSY, "IOMMU group %d is not free: all its devices must be bound to vfio-pci", group);
    if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) != 0 ||
        ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) != 0)
        return fail(v, -errno, "IOMMU group %d cannot be used: %s", group, strerror(errno));
    return 0;
}

static int region_info(struct vfio *v, uint32_t index, uint64_t least, uint32_t *flags)
{
    struct vfio_region_info r = {.argsz = sizeof(r), .index = index};
    if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &r) != 0 || r.size < least)
        return fail(v, -ENODEV, "region %u is not that of a card", index);
    v->region_offset[index] = r.offset;
    v->region_size[index] = r.size;
    *flags = r.flags;
    return 0;
}

static int open_device(struct vfio *v, const char *address)
{
    v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, address);
    if (v->device < 0)
        return fail(v, -errno, "the device is not in its group's reach: %s", strerror(errno));
    uint32_t flags = 0, config_flags = 0;
    int rc = region_info(v, CULVERT_REGION_BAR0, BAR0_BYTES, &flags);
    if (!rc)
        rc = region_info(v, CULVERT_REGION_CONFIG, 256, &config_flags);
    if (rc || !(flags & VFIO_REGION_INFO_FLAG_MMAP))
        return rc;
    const size_t tries[] = {BAR0_BYTES, DIRECT_BYTES};
    for (size_t i = 0; i < 2 && !v->bar; i++) {
        void *bar = mmap(NULL, tries[i], PROT_READ | PROT_WRITE, MAP_SHARED, v->device,
                         (off_t)v->region_offset[CULVERT_REGION_BAR0]);
        if (bar != MAP_FAILED) {
            v->bar = bar;
            v->bar_bytes = tries[i];
        }
    }
    return 0;
}

struct culvert_transport *culvert_vfio_open(const char *address, const char *sysfs, const char *dev, char *err,
                                            size_t err_size)
{
    struct vfio *v = calloc(1, sizeof(*v));
    if (!v) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    v->base.ops = &vfio_ops;
    v->container = v->group = v->device = -1;
    snprintf(v->base.where, sizeof(v->base.where), "%s", address);
    const int group = iommu_group(v, address, sysfs ? sysfs : "/sys");
    if (group < 0 || open_group(v, group, dev ? dev : "/dev/vfio") || open_device(v, address)) {
        snprintf(err, err_size, "%s: %s", address, v->base.error);
        transport_close(&v->base);
        return NULL;
    }
    return &v->base;
}
