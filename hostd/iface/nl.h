// SPDX-License-Identifier: BSD-2-Clause
// Requests to the kernel over rtnetlink: links, addresses, routes, neighbours. Each call waits for the kernel's answer,
// which comes from the same machine at once. All return 0 or a negative errno. Addresses are in network byte order.
#ifndef CULVERT_IFACE_NL_H
#define CULVERT_IFACE_NL_H

#include <net/if.h>
#include <netinet/in.h>
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

// -EEXIST: it was there already.
int nl_addr_add(struct nl *nl, int index, struct in_addr addr, unsigned length);
int nl_addr_del(struct nl *nl, int index, struct in_addr addr, unsigned length);
// The first IPv4 address of a device; -ENOENT: it has none.
int nl_addr_first(struct nl *nl, int index, struct in_addr *addr, unsigned *length);

struct nl_route {
    struct in_addr prefix;
    unsigned length;
    int index;              // device; 0: found by the gateway
    struct in_addr gateway; // 0: on the link
    struct in_addr source;  // preferred source; 0: the kernel chooses
    unsigned metric;
    bool blackhole;
};
// Routes of ours carry this protocol number, so that tools can tell them.
enum { NL_ROUTE_PROTOCOL = 73 };
int nl_route_add(struct nl *nl, const struct nl_route *route); // replaces one of the same prefix and metric
int nl_route_del(struct nl *nl, const struct nl_route *route);

struct nl_path {
    int index; // device that leads there
    struct in_addr gateway, source;
};
// How the kernel would reach an address.
int nl_route_get(struct nl *nl, struct in_addr to, struct nl_path *out);
// Ask the kernel to resolve a neighbour as if traffic went there.
int nl_neighbour_use(struct nl *nl, int index, struct in_addr addr);

// /proc/sys/net/ipv4/...: `path` below net, e.g. "ipv4/ip_forward". 0 or a negative errno.
int nl_sysctl(const char *path, const char *value);

#endif
