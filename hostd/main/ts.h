// SPDX-License-Identifier: BSD-2-Clause
// Traffic selectors of IKE in the forms that the datapath and the routing table take.
#ifndef CULVERT_MAIN_TS_H
#define CULVERT_MAIN_TS_H

#include "hostd/dp/dp.h"
#include "hostd/ike/ike.h"

// The selectors of a child, one reference. NULL: *error is -ENOMEM, or -EINVAL for what is no selector.
struct dp_selectors *ts_selectors(const struct ike_child_sa *sa, int *error);

// Cut the range of addresses of a selector into prefixes, each given to fn; stops when fn returns other than 0 and
// returns that.
int ts_prefixes(const struct dp_ts *range, int (*fn)(void *arg, const struct ip_addr *prefix, unsigned length),
                void *arg);

// Is it GRE between two hosts and nothing else, as a GRE tunnel asks for?
bool ts_is_gre(const struct ike_child_sa *sa);

// The suite of the datapath; false: it has none for it.
bool ts_suite(const struct ike_suite *suite, struct dp_suite *out);

#endif
