// SPDX-License-Identifier: BSD-2-Clause
// The vfio-user protocol's messages, as far as a client of a PCI device with fd-passed DMA memory needs them. All
// fields are little-endian (the host's order: the library refuses to build elsewhere).
#pragma once
#include <stdint.h>

#define VFU_MAJOR     0
#define VFU_MINOR     1
#define VFU_MAX_FDS   8
#define VFU_REPLY_MAX 65536 // the largest reply that we ask for, with its header

enum vfu_command {
    VFU_VERSION = 1,
    VFU_DMA_MAP = 2,
    VFU_DMA_UNMAP = 3,
    VFU_DEVICE_GET_INFO = 4,
    VFU_DEVICE_GET_REGION_INFO = 5,
    VFU_DEVICE_GET_IRQ_INFO = 7,
    VFU_DEVICE_SET_IRQS = 8,
    VFU_REGION_READ = 9,
    VFU_REGION_WRITE = 10,
    VFU_DEVICE_RESET = 13,
};

enum vfu_flags {
    VFU_F_TYPE = 0xf,
    VFU_F_REPLY = 0x1,
    VFU_F_NO_REPLY = 0x10,
    VFU_F_ERROR = 0x20,
};

struct vfu_header {
    uint16_t id;
    uint16_t command;
    uint32_t size; // of the message with this header
    uint32_t flags;
    uint32_t error; // errno
};
_Static_assert(sizeof(struct vfu_header) == 16, "vfio-user header");

struct vfu_version { // then JSON text with a final 0
    uint16_t major, minor;
};

enum vfu_dma_flags { VFU_DMA_READ_OK = 1, VFU_DMA_WRITE_OK = 2 };

struct vfu_dma_map {
    uint32_t argsz, flags;
    uint64_t offset, address, size;
};
_Static_assert(sizeof(struct vfu_dma_map) == 32, "vfio-user DMA map");

struct vfu_dma_unmap {
    uint32_t argsz, flags;
    uint64_t address, size;
};
_Static_assert(sizeof(struct vfu_dma_unmap) == 24, "vfio-user DMA unmap");

struct vfu_device_info {
    uint32_t argsz, flags, regions, irqs;
};
enum vfu_device_flags { VFU_DEVICE_RESETS = 1, VFU_DEVICE_PCI = 2 };

struct vfu_region_info {
    uint32_t argsz, flags, index, cap_offset;
    uint64_t size, offset;
};
_Static_assert(sizeof(struct vfu_region_info) == 32, "vfio-user region info");

struct vfu_irq_info {
    uint32_t argsz, flags, index, count;
};
enum vfu_irq_index { VFU_IRQ_MSIX = 2 };

struct vfu_irq_set { // fds travel beside it
    uint32_t argsz, flags, index, start, count;
};
_Static_assert(sizeof(struct vfu_irq_set) == 20, "vfio-user IRQ set");
enum vfu_irq_set_flags { VFU_IRQ_DATA_NONE = 1, VFU_IRQ_DATA_EVENTFD = 4, VFU_IRQ_TRIGGER = 32 };

struct vfu_region_access { // then, of a write or a read's reply, the data
    uint64_t offset;
    uint32_t region, count;
};
_Static_assert(sizeof(struct vfu_region_access) == 16, "vfio-user region access");
