// SPDX-License-Identifier: BSD-2-Clause
// The mirror's memory: all routes of the kernel by prefix, with the best of each prefix, and what the datapath has been
// told of it. No netlink, no datapath: the decisions, to be tested alone.
#ifndef CULVERT_ROUTE_FIB_H
#define CULVERT_ROUTE_FIB_H

#include "hostd/dp/dp.h"
#include "hostd/util/ipmap.h"
#include "hostd/util/list.h"
#include "hostd/util/map.h"

enum fib_kind { FIB_UNICAST, FIB_LOCAL, FIB_DROP };

// A route of the kernel.
struct fib_route {
    enum fib_kind kind;
    int device;             // 0: none
    struct ip_addr gateway; // none: on the link
    unsigned metric;
    uint8_t protocol;
    // Kept by the fib.
    struct fib_prefix *prefix;
    struct fib_route *next, **at; // of the routes over the same device
};

struct fib_prefix {
    struct ip_addr prefix;
    uint8_t length;
    struct list routes;  // of struct fib_route, best first
    bool told;           // the datapath has `now`
    struct dp_route now; // what it has
    bool failed;
    bool listed; // while a list is made
};

struct fib_device {
    struct fib_route *first;
};

struct fib {
    struct ipmap prefixes; // struct fib_prefix by prefix and length
    struct map devices;    // struct fib_device by device: the routes over each
};

// The prefix's entry, made if `make`; NULL: none, or no memory.
struct fib_prefix *fib_prefix(struct fib *f, struct ip_addr prefix, unsigned length, bool make);
// Add (or replace one of the same device, gateway and metric); false: no memory.
bool fib_add(struct fib *f, struct fib_prefix *p, const struct fib_route *r);
// Take away the route with that metric and device (device 0: any) and kind; true if there was one.
bool fib_del(struct fib *f, struct fib_prefix *p, const struct fib_route *r);
// All routes of a prefix go, or one of them (its place in p->routes).
void fib_empty(struct fib *f, struct fib_prefix *p);
void fib_drop(struct fib *f, struct fib_prefix *p, size_t i);
// The first route over a device, further ones by `next`; NULL: none. O(1), however many routes there are.
struct fib_route *fib_over(const struct fib *f, int device);
// Drop an entry that has neither routes nor anything told.
void fib_trim(struct fib *f, struct fib_prefix *p);
void fib_clear(struct fib *f);
const struct fib_route *fib_best(const struct fib_prefix *p);

#endif
