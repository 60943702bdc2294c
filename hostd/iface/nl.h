// SPDX-License-Identifier: BSD-2-Clause
// Requests to the kernel over rtnetlink: links, addresses, routes, neighbours. Each call waits for the kernel's answer,
// which comes from the same machine at once. All return 0 or a negative errno. Addresses are in network byte order.
#ifndef CULVERT_IFACE_NL_H
#define CULVERT_IFACE_NL_H

#include "hostd/util/ip.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct nl;

// NULL: no socket (errno says why).
struct nl *nl_open(void);
void nl_close(struct nl *nl);

struct nl_link {
    int index;
    unsigned mtu;
    bool up, running;
    uint8_t mac[6];
    bool has_mac;
    char name[IFNAMSIZ];
};
int nl_link_get(struct nl *nl, const char *name, struct nl_link *out);
int nl_link_get_index(struct nl *nl, int index, struct nl_link *out);
// mtu 0: as it is.
int nl_link_set(struct nl *nl, int index, unsigned mtu, bool up);
// How many packets may wait in a device to be read.
int nl_link_queue(struct nl *nl, int index, unsigned packets);

// -EEXIST: it was there already. An IPv6 address is usable at once (no duplicate address detection), unless `detect`.
int nl_addr_add(struct nl *nl, int index, const struct ip_addr *addr, unsigned length, bool detect);
int nl_addr_del(struct nl *nl, int index, const struct ip_addr *addr, unsigned length);
// The first address of a family (4 or 6; 6: none of the link's own) of a device that can be used; one that the kernel
// takes for deprecated only if there is no other. -ENOENT: it has none.
int nl_addr_first(struct nl *nl, int index, uint8_t family, struct ip_addr *addr, unsigned *length);
// Does the device have the address, and can new traffic go out from it (not tentative, not deprecated)?
bool nl_addr_preferred(struct nl *nl, int index, const struct ip_addr *addr);

struct nl_route {
    struct ip_addr prefix; // its family is the route's
    unsigned length;
    int index;              // device; 0: found by the gateway
    struct ip_addr gateway; // none: on the link
    struct ip_addr source;  // preferred source; none: the kernel chooses
    unsigned metric;
    bool blackhole;
};
// Routes of ours carry this protocol number, so that tools can tell them.
enum { NL_ROUTE_PROTOCOL = 73 };
int nl_route_add(struct nl *nl, const struct nl_route *route); // replaces one of the same prefix and metric
int nl_route_del(struct nl *nl, const struct nl_route *route);

struct nl_path {
    int index; // device that leads there
    struct ip_addr gateway, source;
};
// How the kernel would reach an address.
int nl_route_get(struct nl *nl, const struct ip_addr *to, struct nl_path *out);
// Ask the kernel to resolve a neighbour as if traffic went there.
int nl_neighbour_use(struct nl *nl, int index, const struct ip_addr *addr);

// /proc/sys/net/ipv4/...: `path` below net, e.g. "ipv4/ip_forward". 0 or a negative errno.
int nl_sysctl(const char *path, const char *value);

#endif
