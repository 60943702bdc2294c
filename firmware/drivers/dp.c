// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/drivers/dp.h"

#include "firmware/drivers/dp_reg.h"
#include "firmware/drivers/timer.h"

#define DP_ID_VALUE 0x44504154u

const char *dp_probe(void)
{
    if (dp_get(DP_ID) != DP_ID_VALUE)
        return "the datapath does not identify itself";
    if (dp_get(DP_VERSION) >> 16 != DP_REG_MAJOR)
        return "the datapath has an unknown major version";
    return 0;
}

// The register is looked at once more after the deadline, in case the core was slow and not the hardware.
static bool wait_clear(uint32_t mask, uint32_t cycles)
{
    if (!(dp_get(DP_STATUS) & mask))
        return true;
    const struct deadline end = deadline_in(cycles);
    while (!deadline_passed(&end))
        if (!(dp_get(DP_STATUS) & mask))
            return true;
    return !(dp_get(DP_STATUS) & mask);
}

bool dp_wait_idle(void)
{
    return wait_clear(DP_STATUS_BUSY_MASK, DP_COMMAND_CYCLES);
}

bool dp_wait_wiped(void)
{
    return wait_clear(DP_STATUS_WIPING_MASK, DP_WIPE_CYCLES);
}

void dp_enable(bool forward)
{
    dp_put(DP_CONTROL, forward ? DP_CONTROL_ENABLE_MASK : 0);
}

void dp_port_set(const struct culvert_port *port)
{
    const uint32_t at = port->port * (DP_PORT1_MAC_LO - DP_PORT0_MAC_LO);
    dp_put(DP_PORT0_MAC_LO + at, dp_mac_lo(port->mac));
    dp_put(DP_PORT0_MTU + at, port->mtu);
    dp_put(DP_PORT0_MAC_HI + at, dp_mac_hi(port->mac) | (uint32_t)port->enable << 31);
}

void dp_local_set(uint32_t slot, uint32_t address)
{
    dp_put(DP_LOCAL_ADDR + 4 * slot, address);
}

void dp_adj_set(const struct culvert_adj *adj)
{
    dp_put(DP_ADJ_INDEX, adj->index);
    dp_put(DP_ADJ_MAC_LO, dp_mac_lo(adj->mac));
    dp_put(DP_ADJ_WRITE, dp_mac_hi(adj->mac) | (uint32_t)adj->port << 16 | (uint32_t)adj->valid << 31);
}

void dp_tunnel_set(const struct culvert_tunnel *tunnel)
{
    dp_put(DP_TUNNEL_INDEX, tunnel->index);
    dp_put(DP_TUNNEL_SA, (uint32_t)tunnel->sa << DP_TUNNEL_SA_SA_SHIFT |
                             (uint32_t)tunnel->mtu << DP_TUNNEL_SA_MTU_SHIFT |
                             (uint32_t)tunnel->valid << DP_TUNNEL_SA_VALID_SHIFT);
}

uint64_t dp_counter(uint32_t index)
{
    dp_put(DP_COUNTER_INDEX, index);
    const uint32_t low = dp_get(DP_COUNTER_LO); // latches the upper half
    return (uint64_t)dp_get(DP_COUNTER_HI) << 32 | low;
}

uint32_t dp_event_pop(void)
{
    return dp_get(DP_EVENT_POP);
}
