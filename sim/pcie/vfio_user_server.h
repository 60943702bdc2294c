// SPDX-License-Identifier: BSD-2-Clause
// A vfio-user server (the protocol that QEMU and SPDK speak) for one PCI device, on a Unix stream socket.
//
// It knows the protocol and nothing of the device: region accesses, reset and DMA memory go to the functions of struct
// vus_device; interrupts come in through vus_irq. One thread, nothing blocks: the owner calls vus_poll when the
// descriptor of vus_fd is readable, or now and then. One client at a time; when it goes, its memory is unmapped and its
// interrupts are forgotten, the device is reset, and the next may attach. A message that breaks the protocol gets an
// error reply; only one whose boundaries cannot be trusted any more ends the connection.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VUS_REGIONS     9 // BAR 0 to 5, ROM, configuration, VGA
#define VUS_REGION_BAR0 0
#define VUS_REGION_CFG  7
#define VUS_IRQS        5 // INTx, MSI, MSI-X, error, request
#define VUS_IRQ_MSIX    2
#define VUS_VECTORS_MAX 32

struct vus;

struct vus_device {
    uint64_t region_size[VUS_REGIONS]; // 0: the region does not exist
    uint32_t msix_vectors;             // at most VUS_VECTORS_MAX
    void *arg;
    // Starts a region access that has been checked against the region's size (1 to 4,096 bytes). The device calls
    // vus_done when it is finished, at once or later; `data` stays valid until then and is filled by a read.
    void (*access)(void *arg, uint32_t region, uint64_t offset, uint8_t *data, uint32_t len, bool write);
    // The client's memory: `mem` is where it is mapped here. map: 0 or a positive errno.
    int (*dma_map)(void *arg, uint64_t iova, uint8_t *mem, uint64_t size, bool readable, bool writable);
    void (*dma_unmap)(void *arg, uint64_t iova, uint64_t size);
    // The client gave eventfds for its interrupts, or (vectors 0) gave them up. A kernel driver would program the
    // device's MSI-X table now.
    void (*irqs)(void *arg, uint32_t vectors);
    // Device reset: the client asked, or went away. An access under way is void (no vus_done for it).
    void (*reset)(void *arg);
    void (*log)(void *arg, const char *text); // may be NULL
};

struct vus_stats {
    uint64_t clients, messages, errors, disconnects, reads, writes, irqs, irqs_lost;
};

// Listens on `path` (an old socket there is replaced). NULL on failure, the reason in err.
struct vus *vus_new(const char *path, const struct vus_device *device, char *err, size_t err_size);
void vus_free(struct vus *s);
// The descriptor to wait on for input: the client's, or the listening one. Changes when a client comes or goes.
int vus_fd(const struct vus *s);
// Handles what has come in. Returns true if anything was done.
bool vus_poll(struct vus *s);
// The access that `access` started is finished; error is 0 or a positive errno.
void vus_done(struct vus *s, int error);
// The device raises MSI-X vector n.
void vus_irq(struct vus *s, uint32_t vector);
bool vus_attached(const struct vus *s);
const struct vus_stats *vus_stats(const struct vus *s);
