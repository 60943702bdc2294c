// SPDX-License-Identifier: BSD-2-Clause
// Register access of the datapath driver's parts.
#pragma once
#include "dp_regs.h"
#include "firmware/core/hal.h"

static inline uint32_t dp_get(uint32_t reg)
{
    return read32(DP_BASE + reg);
}
static inline void dp_put(uint32_t reg, uint32_t value)
{
    write32(DP_BASE + reg, value);
}
static inline uint32_t dp_mac_lo(const uint8_t *mac)
{
    return mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
}
static inline uint32_t dp_mac_hi(const uint8_t *mac)
{
    return mac[4] | (uint32_t)mac[5] << 8;
}
