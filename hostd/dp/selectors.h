// SPDX-License-Identifier: BSD-2-Clause
// Traffic selectors of the datapath (RFC 4301 4.4.1.1): what may travel on an SA.
#pragma once
#include "hostd/dp/dp.h"
#include "hostd/dp/packet.h"

// May a packet travel on an SA with these selectors, in this direction? None at all: every packet may. Ports are those
// of TCP, UDP, SCTP and DCCP; of ICMP its type and code. A fragment behind the first has no ports: it passes only where
// any port does.
bool selectors_pass(const struct dp_selectors *s, enum dp_dir dir, const struct packet *p);
// The same for a payload in transport mode, whose addresses are the SA's own: protocol and ports only.
bool selectors_pass_payload(const struct dp_selectors *s, enum dp_dir dir, const struct packet *p);
// Are the `count` selectors at `ts` one IPv4 prefix for all protocols and ports (or none at all)? Then address and
// mask, as host-order integers.
bool selectors_prefix(const struct dp_ts *ts, unsigned count, uint32_t *address, uint32_t *mask);
// Are families and ranges as they must be (first <= last)?
bool selectors_valid(const struct dp_selectors *s);
