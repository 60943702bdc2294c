// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/services/ports.h"

#define PORTS      2
#define MTU_MIN    68u // RFC 791
#define MTU_MAX    (BOARD_MAX_FRAME - 14)
#define TUNNEL_MTU 0x7fffu // the register's field

static bool all_zero(const uint8_t *p, uint32_t n)
{
    uint8_t any = 0;
    while (n--)
        any |= *p++;
    return !any;
}

enum culvert_status port_set(const struct culvert_port *port)
{
    if (port->port >= PORTS)
        return CULVERT_ST_BAD_INDEX;
    if (port->enable > 1 || (port->mac[0] & 1) || port->mtu < MTU_MIN || port->mtu > MTU_MAX ||
        !all_zero(port->zero, sizeof(port->zero)))
        return CULVERT_ST_BAD_VALUE;
    dp_port_set(port);
    return CULVERT_ST_OK;
}

enum culvert_status local_set(const struct culvert_local *local)
{
    if (local->slot >= BOARD_LOCAL_COUNT)
        return CULVERT_ST_BAD_INDEX;
    if (!all_zero(local->zero, sizeof(local->zero)))
        return CULVERT_ST_BAD_VALUE;
    dp_local_set(local->slot, local->address);
    return CULVERT_ST_OK;
}

enum culvert_status adj_set(const struct culvert_adj *adj)
{
    if (adj->index >= BOARD_ADJ_COUNT)
        return CULVERT_ST_BAD_INDEX;
    if (adj->port >= PORTS || adj->valid > 1 || !all_zero(adj->zero, sizeof(adj->zero)))
        return CULVERT_ST_BAD_VALUE;
    dp_adj_set(adj);
    return CULVERT_ST_OK;
}

enum culvert_status tunnel_set(const struct sa_table *sas, const struct culvert_tunnel *tunnel)
{
    if (tunnel->index >= BOARD_TUNNEL_COUNT || tunnel->sa >= BOARD_SA_COUNT)
        return CULVERT_ST_BAD_INDEX;
    if (tunnel->valid > 1 || tunnel->mtu > TUNNEL_MTU || tunnel->zero)
        return CULVERT_ST_BAD_VALUE;
    if (tunnel->valid && !sas->installed[CULVERT_SA_OUT][tunnel->sa])
        return CULVERT_ST_NOT_FOUND;
    dp_tunnel_set(tunnel);
    return CULVERT_ST_OK;
}
