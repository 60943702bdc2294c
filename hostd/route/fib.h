// SPDX-License-Identifier: BSD-2-Clause
// The mirror's memory: all routes of the kernel by prefix, with the best of each prefix, and what the datapath has been
// told of it. No netlink, no datapath: the decisions, to be tested alone.
#ifndef CULVERT_ROUTE_FIB_H
#define CULVERT_ROUTE_FIB_H

#include "hostd/dp/dp.h"
#include "hostd/util/list.h"
#include "hostd/util/map.h"

enum fib_kind { FIB_UNICAST, FIB_LOCAL, FIB_DROP };

// A route of the kernel.
struct fib_route {
    enum fib_kind kind;
    int device; // 0: none
    struct in_addr gateway;
    unsigned metric;
    uint8_t protocol;
};

struct fib_prefix {
    struct in_addr prefix;
    uint8_t length;
    struct list routes;  // of struct fib_route, best first
    bool told;           // the datapath has `now`
    struct dp_route now; // what it has
    bool failed;
};

struct fib {
    struct map prefixes; // struct fib_prefix by fib_key
};

uint64_t fib_key(struct in_addr prefix, unsigned length);
// The prefix's entry, made if `make`; NULL: none, or no memory.
struct fib_prefix *fib_prefix(struct fib *f, struct in_addr prefix, unsigned length, bool make);
// Add (or replace one of the same device, gateway and metric); false: no memory.
bool fib_add(struct fib_prefix *p, const struct fib_route *r);
// Take away the route with that metric and device (device 0: any) and kind; true if there was one.
bool fib_del(struct fib_prefix *p, const struct fib_route *r);
// Drop an entry that has neither routes nor anything told.
void fib_trim(struct fib *f, struct fib_prefix *p);
void fib_clear(struct fib *f);
const struct fib_route *fib_best(const struct fib_prefix *p);

#endif
