// SPDX-License-Identifier: BSD-2-Clause
// The card's configuration space (PCI Express 7.5, PCI 3.0 6.1): type 0 header, power management, MSI-X, PCI Express.
#include "sim/pcie/rootport_priv.h"

#include "bar0_regs.h"

#include <errno.h>
#include <string.h>

enum { CFG_PM = 0x40, CFG_PCIE = 0x70 };

static void put(struct rootport *rp, uint32_t at, uint32_t bytes, uint32_t value, uint32_t writable)
{
    for (uint32_t i = 0; i < bytes; i++) {
        rp->cfg[at + i] = (uint8_t)(value >> (8 * i));
        rp->cfg_mask[at + i] = (uint8_t)(writable >> (8 * i));
    }
}

// 128 << code bytes.
static uint32_t size_code(uint32_t bytes)
{
    uint32_t code = 0;
    while (code < 5 && (128u << code) < bytes)
        code++;
    return code;
}

void rp_config_init(struct rootport *rp)
{
    uint32_t payload = size_code(rp->config.max_payload), read = size_code(rp->config.max_read_req);
    memset(rp->cfg, 0, sizeof rp->cfg);
    memset(rp->cfg_mask, 0, sizeof rp->cfg_mask);
    put(rp, 0x00, 2, BAR0_VENDOR_ID, 0);
    put(rp, 0x02, 2, BAR0_DEVICE_ID, 0);
    put(rp, 0x04, 2, 0, 0x0407);             // command: memory, bus master, INTx disable
    put(rp, 0x06, 2, 0x0010, 0);             // status: a capability list
    put(rp, 0x08, 4, 0x02800001, 0);         // network controller, other; revision 1
    put(rp, 0x0c, 1, 0, 0xff);               // cache line size
    put(rp, 0x10, 4, 0, ~(BAR0_BYTES - 1u)); // BAR0: 32-bit memory
    put(rp, 0x2c, 2, BAR0_VENDOR_ID, 0);
    put(rp, 0x2e, 2, BAR0_DEVICE_ID, 0);
    put(rp, 0x34, 1, CFG_PM, 0);
    put(rp, 0x3c, 1, 0, 0xff); // interrupt line
    put(rp, CFG_PM, 4, 0x00030001u | RP_CFG_MSIX << 8, 0);
    put(rp, CFG_PM + 4, 2, 0x0008, 0x0003); // no soft reset; power state
    put(rp, RP_CFG_MSIX, 2, 0x0011u | CFG_PCIE << 8, 0);
    put(rp, RP_CFG_MSIX + 2, 2, 4 - 1, 0xc000); // table size; enable and function mask
    put(rp, RP_CFG_MSIX + 4, 4, BAR0_MSIX_TABLE, 0);
    put(rp, RP_CFG_MSIX + 8, 4, BAR0_MSIX_PBA, 0);
    put(rp, CFG_PCIE, 4, 0x00020010, 0);                // version 2, endpoint, last capability
    put(rp, CFG_PCIE + 4, 4, 0x10008000u | payload, 0); // function-level reset, role-based errors
    put(rp, CFG_PCIE + 8, 2, read << 12 | payload << 5, 0);
    put(rp, CFG_PCIE + 12, 4, 0x00000103, 0); // x16 at 8 GT/s
    put(rp, CFG_PCIE + 18, 2, 0x1103, 0);
    rp_config_pins(rp);
}

void rp_config_pins(struct rootport *rp)
{
    uint32_t devctl = rp->cfg[CFG_PCIE + 8] | (uint32_t)rp->cfg[CFG_PCIE + 9] << 8;
    *rp->pins.requester_id = RP_CARD_ID;
    *rp->pins.max_payload = devctl >> 5 & 7;
    *rp->pins.max_read_req = devctl >> 12 & 7;
    *rp->pins.bus_master = rp->cfg[0x04] >> 2 & 1;
    *rp->pins.msix_enable = rp->cfg[RP_CFG_MSIX + 3] >> 7;
    *rp->pins.msix_mask = rp->cfg[RP_CFG_MSIX + 3] >> 6 & 1;
}

int rp_config_access(struct rootport *rp, uint64_t offset, uint8_t *data, uint32_t len, bool write)
{
    if (!len || offset > RP_CONFIG_BYTES || len > RP_CONFIG_BYTES - offset)
        return EINVAL;
    for (uint32_t i = 0; i < len; i++) {
        uint8_t *byte = &rp->cfg[offset + i], mask = rp->cfg_mask[offset + i];
        if (write)
            *byte = (uint8_t)((*byte & ~mask) | (data[i] & mask));
        else
            data[i] = *byte;
    }
    if (write)
        rp_config_pins(rp);
    return 0;
}
