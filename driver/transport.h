// SPDX-License-Identifier: BSD-2-Clause
// How a card is reached: a table of functions. Implementations: VFIO (transport_vfio.c), vfio-user
// (transport_vfio_user.c), and whatever a test brings. A transport belongs to one card and is used from its thread.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CULVERT_IRQS 4 // MSI-X vectors of the card

enum culvert_region { // numbers as VFIO has them for PCI devices
    CULVERT_REGION_BAR0 = 0,
    CULVERT_REGION_CONFIG = 7,
};

struct culvert_transport;

// All return 0 or a negative errno, unless said otherwise. -ENODEV: the device is gone, for good.
struct culvert_transport_ops {
    // Reads or writes registers: offset and len are multiples of 4 for BAR0 (32-bit accesses in ascending order).
    // Blocking with a deadline of the transport's own. A posted write may return before it arrives; order is kept in
    // any case.
    int (*read)(struct culvert_transport *t, enum culvert_region region, uint64_t offset, void *data, size_t len);
    int (*write)(struct culvert_transport *t, enum culvert_region region, uint64_t offset, const void *data, size_t len,
                 bool posted);
    // Lets the device reach `size` bytes at memory (a shared mapping of fd from fd_offset on) by DMA address iova.
    int (*dma_map)(struct culvert_transport *t, int fd, uint64_t fd_offset, void *memory, size_t size, uint64_t iova);
    int (*dma_unmap)(struct culvert_transport *t, size_t size, uint64_t iova);
    // MSI-X vectors 0 to count - 1 signal these eventfds. count 0: none.
    int (*irqs)(struct culvert_transport *t, const int *eventfds, unsigned count);
    // Function-level reset, if the device has one (-EOPNOTSUPP).
    int (*reset)(struct culvert_transport *t);
    // A descriptor that becomes readable when service() wants to be called; -1: none.
    int (*fd)(const struct culvert_transport *t);
    int (*service)(struct culvert_transport *t);
    // Frees the transport.
    void (*close)(struct culvert_transport *t);
};

struct culvert_transport {
    const struct culvert_transport_ops *ops;
    char where[160]; // for users: "vfio-user:/run/card.sock"
    char error[200]; // the last error as a sentence; empty: none
};

// Connects to a vfio-user server's socket. timeout_ms: for each request. NULL with the reason in err.
struct culvert_transport *culvert_vfio_user_open(const char *path, unsigned timeout_ms, char *err, size_t err_size);
// The same over a connected socket, which the transport owns from here on, also on failure.
struct culvert_transport *culvert_vfio_user_open_fd(int fd, const char *where, unsigned timeout_ms, char *err,
                                                    size_t err_size);
// Opens a PCI device ("0000:01:00.0") that is bound to vfio-pci. sysfs and dev: NULL for /sys and /dev/vfio (tests
// give other folders).
struct culvert_transport *culvert_vfio_open(const char *address, const char *sysfs, const char *dev, char *err,
                                            size_t err_size);
// "vfio-user:PATH" or a PCI address.
struct culvert_transport *culvert_transport_open(const char *where, char *err, size_t err_size);
