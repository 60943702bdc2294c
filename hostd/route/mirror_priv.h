// SPDX-License-Identifier: BSD-2-Clause
// Inside the mirror: mirror.c decides and tells the datapath, mirror_nl.c reads what the kernel says.
#ifndef CULVERT_ROUTE_MIRROR_PRIV_H
#define CULVERT_ROUTE_MIRROR_PRIV_H

#include "hostd/route/fib.h"
#include "hostd/route/mirror.h"

#include <uv.h>

struct neighbour {
    int device;
    struct ip_addr addr;
    uint8_t mac[6];
    bool resolved;
};

// Where packets to peers go next; thousands of peers behind one gateway have one. It is in one of two queues, each in
// the order of its times: that of the hops that are not resolved, and that of those which are only kept so.
struct hop {
    struct ip_addr addr;
    int device;
    unsigned refs;
    unsigned at; // tick of the next look
    struct hop_queue *in;
    struct hop *next, **back;
};

struct hop_queue {
    struct hop *first, **end;
};

struct peer {
    struct ip_addr remote;
    struct hop *hop; // NULL: there is no way to it
    unsigned refs;
};

enum { MIRROR_CHANGES = 16 }; // changed prefixes that are remembered until the batch ends

struct mirror {
    struct log *log;
    struct dp *dp;
    struct links *links;
    struct fib fib;
    struct ipmap neighbours; // by address and device
    struct ipmap peers;      // by remote
    struct ipmap hops;       // by address and device
    struct hop_queue unresolved, kept;
    uint64_t visits; // hops and peers that were looked at, by all but the closing
    int leaving;     // index of a device that is about to go
    bool loading;    // a dump is under way: decide at its end
    // Routes that may be the way to a peer have changed: those peers' next hops are looked up again, or all peers'.
    struct {
        struct ip_addr prefix;
        uint8_t length;
    } change[MIRROR_CHANGES];
    unsigned changes;
    bool peers_dirty;
    bool closed;
    unsigned ticks, answers; // answers of the datapath that are to come
    struct mirror_counters counters;
    // netlink
    uv_poll_t poll;
    struct mnl_socket *socket;
    int dump;   // which dump is under way: RTM_GETROUTE, RTM_GETNEIGH, 0
    bool again; // one more after this
    bool routes_changed;
    void (*on_change)(void *arg);
    void *on_change_arg;
};

// What the kernel said.
void mirror_route(struct mirror *m, struct ip_addr prefix, unsigned length, const struct fib_route *r, bool present);
void mirror_neighbour(struct mirror *m, int device, struct ip_addr addr, const uint8_t *mac); // NULL: not resolved
void mirror_device_down(struct mirror *m, int device);
void mirror_load_begin(struct mirror *m);
void mirror_load_end(struct mirror *m);
void mirror_batch_end(struct mirror *m);

// mirror_nl.c. 0 or a negative errno.
int mirror_nl_open(struct mirror *m, uv_loop_t *loop);
void mirror_nl_close(struct mirror *m, uv_close_cb closed);

#endif
