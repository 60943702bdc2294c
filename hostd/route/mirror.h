// SPDX-License-Identifier: BSD-2-Clause
// The kernel's routes and neighbours, mirrored into the datapath. The kernel decides; the mirror follows its
// notifications, and reads everything again when some were lost.
//
//   route of the main table over a tunnel's device  -> DP_TO_TUNNEL
//   over the inside port                            -> DP_TO_NEIGHBOUR, once the gateway is resolved; till then host
//   prefix on the inside port itself                -> host, with a /32 DP_TO_NEIGHBOUR for each resolved neighbour
//   blackhole, unreachable, prohibit                -> DP_TO_DROP
//   anything else, and every address of ours        -> DP_TO_HOST
//
// Of several routes to a prefix the one with the least metric counts; of a multipath route the first hop.
#ifndef CULVERT_ROUTE_MIRROR_H
#define CULVERT_ROUTE_MIRROR_H

#include "hostd/dp/dp.h"
#include "hostd/iface/links.h"
#include "hostd/util/log.h"

struct mirror;
struct uv_loop_s;

// NULL on failure, the reason in err. `links` tells which device is what.
struct mirror *mirror_open(struct uv_loop_s *loop, struct log *log, struct dp *dp, struct links *links, char *err,
                           size_t err_size);
void mirror_close(struct mirror *m); // NULL is allowed
// `fn` hears that routes of the kernel's have changed, or may have; NULL: nobody does.
void mirror_on_change(struct mirror *m, void (*fn)(void *arg), void *arg);
// A device of ours came or is going: routes over it are looked at again.
void mirror_link(struct mirror *m, const struct link *link, bool present);
// The next hop towards a peer's outer address is needed from now on, or not any more; counted.
void mirror_peer(struct mirror *m, struct ip_addr remote, bool present);
// Now and then: keep the neighbours that the datapath sends to resolved.
void mirror_tick(struct mirror *m);

// For `show ip route`: each prefix, what the datapath has for it and whether it has taken it.
struct mirror_entry {
    struct dp_route route;
    int device;             // kernel's index, 0: none
    struct ip_addr gateway; // family 0: none
    uint8_t protocol;       // of rtnetlink
    unsigned metric;
    bool failed; // the datapath refused it
};
void mirror_walk(struct mirror *m, void (*fn)(void *arg, const struct mirror_entry *e), void *arg);

struct mirror_counters {
    uint64_t messages, overruns, routes_set, routes_deleted, refused;
};
struct mirror_counters mirror_counters(const struct mirror *m);

#endif
