// SPDX-License-Identifier: BSD-2-Clause
// Inside the mirror: mirror.c decides and tells the datapath, mirror_nl.c reads what the kernel says.
#ifndef CULVERT_ROUTE_MIRROR_PRIV_H
#define CULVERT_ROUTE_MIRROR_PRIV_H

#include "hostd/route/fib.h"
#include "hostd/route/mirror.h"

#include <uv.h>

struct neighbour {
    int device;
    struct in_addr addr;
    uint8_t mac[6];
    bool resolved;
};

struct peer {
    struct in_addr remote, next;
    int device;
    unsigned refs;
};

struct mirror {
    struct log *log;
    struct dp *dp;
    struct links *links;
    struct fib fib;
    struct map neighbours; // by neighbour_key
    struct map peers;      // by remote
    int leaving;           // index of a device that is about to go
    bool loading;          // a dump is under way: decide at its end
    bool peers_dirty;      // routes have changed: look the next hops up again
    bool closed;
    unsigned ticks, answers; // answers of the datapath that are to come
    struct mirror_counters counters;
    // netlink
    uv_poll_t poll;
    struct mnl_socket *socket;
    int dump;   // which dump is under way: RTM_GETROUTE, RTM_GETNEIGH, 0
    bool again; // one more after this
};

static inline uint64_t neighbour_key(int device, struct in_addr addr)
{
    return (uint64_t)(uint32_t)device << 32 | addr.s_addr;
}

// What the kernel said.
void mirror_route(struct mirror *m, struct in_addr prefix, unsigned length, const struct fib_route *r, bool present);
void mirror_neighbour(struct mirror *m, int device, struct in_addr addr, const uint8_t *mac); // NULL: not resolved
void mirror_device_down(struct mirror *m, int device);
void mirror_load_begin(struct mirror *m);
void mirror_load_end(struct mirror *m);
void mirror_batch_end(struct mirror *m);

// mirror_nl.c. 0 or a negative errno.
int mirror_nl_open(struct mirror *m, uv_loop_t *loop);
void mirror_nl_close(struct mirror *m, uv_close_cb closed);

#endif
