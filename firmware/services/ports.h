// SPDX-License-Identifier: BSD-2-Clause
// Ports, own addresses, adjacencies and tunnels: tables that hardware holds by index; here their values are checked.
#pragma once
#include "firmware/drivers/dp.h"
#include "firmware/services/sa.h"

enum culvert_status port_set(const struct culvert_port *port);
enum culvert_status local_set(const struct culvert_local *local);
enum culvert_status adj_set(const struct culvert_adj *adj);
// A valid tunnel's SA must be installed (NOT_FOUND).
enum culvert_status tunnel_set(const struct sa_table *sas, const struct culvert_tunnel *tunnel);
