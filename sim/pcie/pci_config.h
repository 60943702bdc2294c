// SPDX-License-Identifier: BSD-2-Clause
// The endpoint's configuration space as the hard block would answer for it: type 0 header, power management, MSI-X and
// PCI Express capabilities (PCI Express Base 3.0, chapter 7). 4,096 bytes, no extended capability.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG_BYTES 4096u

struct pci_config {
    uint8_t bytes[PCI_CONFIG_BYTES];
    uint8_t writable[PCI_CONFIG_BYTES]; // bits that a write changes
    uint8_t clear[PCI_CONFIG_BYTES];    // bits that writing 1 clears
};

// The state after reset: no bus mastering, MSI-X off; memory decoding is on, as by a driver that has opened the device.
void pci_config_init(struct pci_config *c);
// A function reset: as after pci_config_init, but the sizes that the root chose stay, as a kernel restores them.
void pci_config_reset(struct pci_config *c);
// Reads or writes len bytes, any alignment. False if out of bounds.
bool pci_config_read(const struct pci_config *c, uint64_t offset, uint8_t *data, size_t len);
bool pci_config_write(struct pci_config *c, uint64_t offset, const uint8_t *data, size_t len);

// What the endpoint's logic is told of it.
bool pci_config_memory(const struct pci_config *c);
bool pci_config_bus_master(const struct pci_config *c);
bool pci_config_msix_enable(const struct pci_config *c);
bool pci_config_msix_mask(const struct pci_config *c);
uint8_t pci_config_max_payload(const struct pci_config *c);  // 128 << n
uint8_t pci_config_max_read_req(const struct pci_config *c); // 128 << n
// For a root that decides by itself.
void pci_config_set_bus_master(struct pci_config *c, bool on);
void pci_config_set_msix_enable(struct pci_config *c, bool on);
void pci_config_set_sizes(struct pci_config *c, uint8_t max_payload, uint8_t max_read_req);
