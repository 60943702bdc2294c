// SPDX-License-Identifier: BSD-2-Clause
// The vfio-user protocol's numbers and message bodies, as QEMU and SPDK use them. Native byte order (both ends are on
// one host).
#pragma once
#include <stdint.h>

enum vus_command {
    VUS_VERSION = 1,
    VUS_DMA_MAP = 2,
    VUS_DMA_UNMAP = 3,
    VUS_DEVICE_GET_INFO = 4,
    VUS_DEVICE_GET_REGION_INFO = 5,
    VUS_DEVICE_GET_REGION_IO_FDS = 6,
    VUS_DEVICE_GET_IRQ_INFO = 7,
    VUS_DEVICE_SET_IRQS = 8,
    VUS_REGION_READ = 9,
    VUS_REGION_WRITE = 10,
    VUS_DMA_READ = 11,  // server to client, not used
    VUS_DMA_WRITE = 12, // server to client, not used
    VUS_DEVICE_RESET = 13,
};

#define VUS_FLAG_TYPE_MASK 0xfu
#define VUS_FLAG_REPLY     0x1u
#define VUS_FLAG_NO_REPLY  0x10u
#define VUS_FLAG_ERROR     0x20u

struct vus_header {
    uint16_t id, command;
    uint32_t size; // of the whole message
    uint32_t flags;
    uint32_t error;
};
_Static_assert(sizeof(struct vus_header) == 16, "header");

struct vus_version {
    uint16_t major, minor; // followed by JSON and a zero byte
};

#define VUS_DMA_READABLE 1u
#define VUS_DMA_WRITABLE 2u
struct vus_dma_map {
    uint32_t argsz, flags;
    uint64_t offset, address, size;
};
_Static_assert(sizeof(struct vus_dma_map) == 32, "dma map");

#define VUS_UNMAP_DIRTY 1u
#define VUS_UNMAP_ALL   2u
struct vus_dma_unmap {
    uint32_t argsz, flags;
    uint64_t address, size;
};
_Static_assert(sizeof(struct vus_dma_unmap) == 24, "dma unmap");

#define VUS_INFO_RESET 1u
#define VUS_INFO_PCI   2u
struct vus_device_info {
    uint32_t argsz, flags, regions, irqs;
};

#define VUS_REGION_READABLE 1u
#define VUS_REGION_WRITABLE 2u
struct vus_region_info {
    uint32_t argsz, flags, index, cap_offset;
    uint64_t size, offset;
};
_Static_assert(sizeof(struct vus_region_info) == 32, "region info");

#define VUS_IRQ_EVENTFD  1u
#define VUS_IRQ_NORESIZE 8u
struct vus_irq_info {
    uint32_t argsz, flags, index, count;
};

#define VUS_SET_NONE    1u
#define VUS_SET_BOOL    2u
#define VUS_SET_EVENTFD 4u
#define VUS_SET_MASK    8u
#define VUS_SET_UNMASK  16u
#define VUS_SET_TRIGGER 32u
struct vus_set_irqs {
    uint32_t argsz, flags, index, start, count;
};
_Static_assert(sizeof(struct vus_set_irqs) == 20, "set irqs");

struct vus_region_access {
    uint64_t offset;
    uint32_t region, count; // followed by the data
};
_Static_assert(sizeof(struct vus_region_access) == 16, "region access");
