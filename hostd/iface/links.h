// SPDX-License-Identifier: BSD-2-Clause
// The interfaces of the configuration as devices of the kernel.
//
//  Ethernet0/0, 0/1  with a card: a TAP device, fed by the card's exception path (default names cv-outside, cv-inside);
//                    without: a device that the kernel has, named by `device`
//  LoopbackN         a TUN device without traffic (loN is the kernel's; ours are lbN), so that its address is local
//  TunnelN           a TUN device tunN with a tunnel of the datapath behind it; GRE without protection goes over a raw
//                    socket instead
//  Virtual-AccessN   the same, vaN, cloned from a Virtual-Template for one session
//  Virtual-TemplateN only with `device`: one TUN device that all its Virtual-Access interfaces share instead of having
//  one
//                    each; what the kernel sends to it goes to the session with the longest prefix around the
//                    destination
//
// IPv6 is switched on in those devices only that have something of it in the configuration.
//
// The kernel owns addresses, ARP, ND and routing. A link remembers what it has added and takes it back when it goes.
#ifndef CULVERT_IFACE_LINKS_H
#define CULVERT_IFACE_LINKS_H

#include "hostd/conf/model.h"
#include "hostd/dp/dp.h"
#include "hostd/iface/gre_link.h"
#include "hostd/iface/netdev.h"
#include "hostd/iface/nl.h"
#include "hostd/util/log.h"
#include "hostd/util/lpm.h"
#include "hostd/util/map.h"

enum { LINK_ADDRS = 6 }; // most addresses that one has of us

struct link_addr {
    struct ip_addr addr;
    uint8_t length;
    bool added;      // it is there because of us
    bool negotiated; // it came with a session
};

struct link {
    struct links *links;
    struct ifid id;
    size_t place;       // in links->all
    int index;          // of the kernel
    struct netdev *dev; // NULL: the kernel's own device
    bool has_port, has_tunnel, shutdown;
    bool negotiated[2]; // the address comes with a session: IPv4, IPv6
    enum dp_port port;
    uint32_t tunnel;
    struct dp_tunnel how; // of the datapath's tunnel, and of plain GRE
    struct gre_link *gre; // GRE without protection; NULL: none
    struct link *carrier; // a Virtual-Access without a device of its own: whose it shares; else NULL
    struct lpm *carried;  // a shared device: to which link a prefix goes; else NULL
    unsigned carries;     // links that share it
    unsigned sessions;    // that run over it
    unsigned mtu;
    bool mtu_fixed; // by the configuration
    bool ipv6;      // IPv6 is on
    unsigned n_addr;
    struct link_addr addr[LINK_ADDRS];
    uint64_t send_errors; // packets that the datapath did not take
    uint64_t no_sa;       // among them, for want of an SA
    char name[28];
    char device[IFNAMSIZ];
    char *description; // NULL: none
};

struct links {
    struct uv_loop_s *loop;
    struct log *log;
    struct nl *nl;
    struct dp *dp;
    struct gre_links *gre;
    bool ports;      // the datapath has ports of its own: TAP devices are made for them
    struct list all; // of struct link
    struct link *port[DP_PORTS];
    struct map by_tunnel, by_index, by_id;
    uint64_t *access;                  // numbers of Virtual-Access interfaces in use, a bit each, from 1
    size_t access_words, access_first; // the first word that may have a free one
    int mtu_index;                     // of the device that links_path_mtu asked last, 0: none
    unsigned mtu_of_it;
    // Told when a device is there and before it goes, with its index. May be NULL.
    void (*changed)(void *arg, const struct link *link, bool present);
    void *arg;
};

// Make the devices what the configuration says: removes, adds, changes. false: err says what failed; call again with
// the configuration before to go back.
bool links_apply(struct links *l, const struct conf *c, char *err, size_t err_size);
// All devices go.
void links_close(struct links *l);

// A Virtual-Access from a template, with the lowest free number. NULL: err.
struct link *links_clone(struct links *l, const struct conf *c, const struct conf_if *from, const struct dp_tunnel *how,
                         char *err, size_t err_size);
void links_drop(struct links *l, struct link *link);
// The address that a session gives a link of the configuration, or takes back. Nothing happens where it is not to be
// negotiated. 0 or a negative errno.
int link_negotiated(struct link *link, const struct ip_addr *addr, bool present);
// The MTU that a session needs; the configuration's goes first.
void link_set_mtu(struct link *link, unsigned mtu);
// The ends of plain GRE.
int link_set_ends(struct link *link, const struct ip_addr *local, const struct ip_addr *remote);

struct link *links_find(const struct links *l, struct ifid id);
struct link *links_by_tunnel(const struct links *l, uint32_t tunnel);
struct link *links_by_index(const struct links *l, int index);
// The address of a family (4 or 6) that an interface has in the kernel. false: none.
bool links_address(const struct links *l, struct ifid id, uint8_t family, struct ip_addr *out);
// Does the interface have this address still, and the kernel no wish to leave it?
bool links_address_stays(const struct links *l, struct ifid id, const struct ip_addr *addr);
// The MTU of the way to an address, 1500 if there is none yet.
unsigned links_path_mtu(struct links *l, const struct ip_addr *to);

// A device of the kernel has changed: what is remembered of it does not hold any more.
void links_device_changed(struct links *l, int index);
// Send a prefix over a tunnel's link, or not any more: the kernel's route, and the way out of a shared device. Where
// two links of a shared device want the same prefix, the later has it. 0 or a negative errno.
int link_route(struct link *link, const struct ip_addr *prefix, unsigned length, unsigned metric, bool add);
// The link that a prefix goes to which the kernel routes to this one; NULL: none.
const struct link *link_behind(const struct link *link, const struct ip_addr *prefix, unsigned length);
// Does it lead into tunnels?
static inline bool link_is_tunnel(const struct link *link)
{
    return link->has_tunnel || link->carried != NULL;
}

// A packet or frame of the datapath for the kernel.
void links_packet(struct links *l, uint32_t tunnel, const uint8_t *packet, size_t len);
void links_frame(struct links *l, enum dp_port port, const uint8_t *frame, size_t len);

#endif
