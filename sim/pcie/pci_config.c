// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pcie/pci_config.h"

#include "bar0_regs.h"

#include <string.h>

enum {
    CFG_COMMAND = 0x04,
    CFG_STATUS = 0x06,
    CFG_BAR0 = 0x10,
    CAP_PM = 0x40,
    CAP_MSIX = 0x50,
    CAP_EXP = 0x60, // 60 bytes
    MSIX_VECTORS = BAR0_MSIX_TABLE_BYTES / 16,
    COMMAND_MEMORY = 1 << 1,
    COMMAND_MASTER = 1 << 2,
    MSIX_CTRL = CAP_MSIX + 2,
    MSIX_ENABLE = 1 << 15,
    MSIX_MASK = 1 << 14,
    DEVCTL = CAP_EXP + 8,
};

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

void pci_config_init(struct pci_config *c)
{
    memset(c, 0, sizeof(*c));
    uint8_t *b = c->bytes, *w = c->writable;

    put16(b + 0x00, BAR0_VENDOR_ID);
    put16(b + 0x02, BAR0_DEVICE_ID);
    put16(b + CFG_COMMAND, COMMAND_MEMORY);
    put16(w + CFG_COMMAND, COMMAND_MEMORY | COMMAND_MASTER | 1 << 6 | 1 << 8 | 1 << 10);
    put16(b + CFG_STATUS, 1 << 4); // capability list
    put16(c->clear + CFG_STATUS, 0xf900);
    b[0x08] = 1;    // revision
    b[0x0b] = 0x02; // network controller, Ethernet
    w[0x0c] = 0xff; // cache line size
    // 32-bit, not prefetchable: only the bits above its size can be written.
    put32(w + CFG_BAR0, ~(BAR0_BYTES - 1));
    put16(b + 0x2c, BAR0_VENDOR_ID);
    put16(b + 0x2e, BAR0_DEVICE_ID);
    b[0x34] = CAP_PM;
    w[0x3c] = 0xff; // interrupt line

    // Power management 3: D0 and D3hot, no soft reset.
    b[CAP_PM] = 0x01;
    b[CAP_PM + 1] = CAP_MSIX;
    put16(b + CAP_PM + 2, 3);
    put16(b + CAP_PM + 4, 1 << 3);
    put16(w + CAP_PM + 4, 3);

    b[CAP_MSIX] = 0x11;
    b[CAP_MSIX + 1] = CAP_EXP;
    put16(b + MSIX_CTRL, MSIX_VECTORS - 1);
    put16(w + MSIX_CTRL, MSIX_ENABLE | MSIX_MASK);
    put32(b + CAP_MSIX + 4, BAR0_MSIX_TABLE); // BAR 0
    put32(b + CAP_MSIX + 8, BAR0_MSIX_PBA);

    // PCI Express, version 2, endpoint. MPS up to 4,096, 8-bit tags, role-based errors.
    b[CAP_EXP] = 0x10;
    put16(b + CAP_EXP + 2, 0x0002);
    put32(b + CAP_EXP + 4, 5 | 1 << 5 | 1 << 15);
    put16(b + DEVCTL, 1 << 4 | 1 << 5 | 1 << 8 | 1 << 11 | 2 << 12); // relaxed, MPS 256, 8-bit tags, no snoop, MRRS 512
    put16(w + DEVCTL, 0x7fff);
    put16(c->clear + CAP_EXP + 10, 0x000f);
    put32(b + CAP_EXP + 12, 3 | 16 << 4 | 1 << 22); // 8 GT/s, 16 lanes
    put16(w + CAP_EXP + 16, 0x00c3);
    put16(b + CAP_EXP + 18, 3 | 16 << 4);
    put16(w + CAP_EXP + 40, 0x001f);
    put16(b + CAP_EXP + 44, 7 << 1); // link speeds
    put16(b + CAP_EXP + 48, 3);
}

void pci_config_reset(struct pci_config *c)
{
    uint8_t payload = pci_config_max_payload(c), read_req = pci_config_max_read_req(c);
    pci_config_init(c);
    pci_config_set_sizes(c, payload, read_req);
}

bool pci_config_read(const struct pci_config *c, uint64_t offset, uint8_t *data, size_t len)
{
    if (offset > PCI_CONFIG_BYTES || len > PCI_CONFIG_BYTES - offset)
        return false;
    memcpy(data, c->bytes + offset, len);
    return true;
}

bool pci_config_write(struct pci_config *c, uint64_t offset, const uint8_t *data, size_t len)
{
    if (offset > PCI_CONFIG_BYTES || len > PCI_CONFIG_BYTES - offset)
        return false;
    for (size_t i = 0; i < len; i++) {
        uint8_t *b = &c->bytes[offset + i];
        uint8_t w = c->writable[offset + i];
        *b = (uint8_t)((*b & ~w) | (data[i] & w));
        *b &= (uint8_t) ~(data[i] & c->clear[offset + i]);
    }
    // Sizes that the specification has no meaning for are read as the largest.
    uint16_t ctl = get16(c->bytes + DEVCTL);
    if ((ctl >> 5 & 7) > 5)
        ctl = (uint16_t)((ctl & ~(7 << 5)) | 5 << 5);
    if ((ctl >> 12 & 7) > 5)
        ctl = (uint16_t)((ctl & ~(7 << 12)) | 5 << 12);
    put16(c->bytes + DEVCTL, ctl);
    return true;
}

static bool flag(const struct pci_config *c, unsigned offset, unsigned bit)
{
    return get16(c->bytes + offset) & bit;
}

static void set_flag(struct pci_config *c, unsigned offset, unsigned bit, bool on)
{
    unsigned v = get16(c->bytes + offset);
    put16(c->bytes + offset, (uint16_t)(on ? v | bit : v & ~bit));
}

bool pci_config_memory(const struct pci_config *c)
{
    return flag(c, CFG_COMMAND, COMMAND_MEMORY);
}

bool pci_config_bus_master(const struct pci_config *c)
{
    return flag(c, CFG_COMMAND, COMMAND_MASTER);
}

bool pci_config_msix_enable(const struct pci_config *c)
{
    return flag(c, MSIX_CTRL, MSIX_ENABLE);
}

bool pci_config_msix_mask(const struct pci_config *c)
{
    return flag(c, MSIX_CTRL, MSIX_MASK);
}

uint8_t pci_config_max_payload(const struct pci_config *c)
{
    return get16(c->bytes + DEVCTL) >> 5 & 7;
}

uint8_t pci_config_max_read_req(const struct pci_config *c)
{
    return get16(c->bytes + DEVCTL) >> 12 & 7;
}

void pci_config_set_bus_master(struct pci_config *c, bool on)
{
    set_flag(c, CFG_COMMAND, COMMAND_MASTER, on);
}

void pci_config_set_msix_enable(struct pci_config *c, bool on)
{
    set_flag(c, MSIX_CTRL, MSIX_ENABLE, on);
}

void pci_config_set_sizes(struct pci_config *c, uint8_t max_payload, uint8_t max_read_req)
{
    unsigned v = get16(c->bytes + DEVCTL) & ~(7u << 5 | 7u << 12);
    put16(c->bytes + DEVCTL, (uint16_t)(v | (unsigned)max_payload << 5 | (unsigned)max_read_req << 12));
}
