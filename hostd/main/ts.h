// SPDX-License-Identifier: BSD-2-Clause
// Traffic selectors of IKE in the forms that the datapath and the routing table take.
#ifndef CULVERT_MAIN_TS_H
#define CULVERT_MAIN_TS_H

#include "hostd/dp/dp.h"
#include "hostd/ike/ike.h"

// The address ranges of selectors. The number written, or -ENOTSUP (not whole IPv4 ranges), -E2BIG.
int ts_ranges(const struct ike_ts *ts, unsigned n, struct dp_range out[DP_SELECTORS_MAX]);

// Cut a range into prefixes, each given to fn; stops when fn returns other than 0 and returns that.
int ts_prefixes(const struct dp_range *range, int (*fn)(void *arg, struct in_addr prefix, unsigned length), void *arg);

// The suite of the datapath; false: it has none for it.
bool ts_suite(const struct ike_suite *suite, enum dp_suite *out);

#endif
