// SPDX-License-Identifier: BSD-2-Clause
// Traffic selectors of the datapath: ranges of inner addresses.
#pragma once
#include "hostd/dp/dp.h"

// Is the address in one of the ranges? No ranges at all: everything is.
bool ranges_hold(const struct dp_range *range, size_t count, struct in_addr address);
// May an inner IPv4 packet that starts at `packet` (20 bytes at least) travel on the SA, in the SA's direction?
bool ranges_pass(const struct dp_sa *sa, const uint8_t *packet);
// Are the ranges one prefix? Then address and mask, as host-order integers.
bool ranges_prefix(const struct dp_range *range, size_t count, uint32_t *address, uint32_t *mask);
// Are counts and ranges as they must be (first <= last)?
bool ranges_valid(const struct dp_sa *sa);
