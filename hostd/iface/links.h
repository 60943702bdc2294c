// SPDX-License-Identifier: BSD-2-Clause
// The interfaces of the configuration as devices of the kernel.
//
//  Ethernet0/0, 0/1  with a card: a TAP device, fed by the card's exception path (default names cv-outside, cv-inside);
//                    without: a device that the kernel has, named by `device`
//  LoopbackN         a TUN device without traffic (loN is the kernel's; ours are lbN), so that its address is local
//  TunnelN           a TUN device tunN with a tunnel of the datapath behind it
//  Virtual-AccessN   the same, vaN, cloned from a Virtual-Template for one session
//
// The kernel owns addresses, ARP and routing. A link remembers what it has added and takes it back when it goes.
#ifndef CULVERT_IFACE_LINKS_H
#define CULVERT_IFACE_LINKS_H

#include "hostd/conf/model.h"
#include "hostd/dp/dp.h"
#include "hostd/iface/netdev.h"
#include "hostd/iface/nl.h"
#include "hostd/util/log.h"
#include "hostd/util/map.h"

struct link {
    struct links *links;
    struct ifid id;
    char name[CONF_NAME];
    char device[IFNAMSIZ];
    char description[CONF_TEXT];
    int index;          // of the kernel
    struct netdev *dev; // NULL: the kernel's own device
    bool has_port, has_tunnel;
    enum dp_port port;
    uint32_t tunnel;
    unsigned mtu;
    bool shutdown;
    struct in_addr addr; // 0: none
    unsigned length;
    bool added;           // the address is there because of us
    bool negotiated;      // the address comes with a session
    uint64_t send_errors; // packets that the datapath did not take
    uint64_t no_sa;       // among them, for want of an SA
};

struct links {
    struct uv_loop_s *loop;
    struct log *log;
    struct nl *nl;
    struct dp *dp;
    bool ports;      // the datapath has ports of its own: TAP devices are made for them
    struct list all; // of struct link
    struct map by_tunnel;
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
struct link *links_clone(struct links *l, const struct conf *c, const struct conf_if *from, unsigned mtu, char *err,
                         size_t err_size);
void links_drop(struct links *l, struct link *link);
// Give a link its address, or take it (addr 0). 0 or a negative errno.
int link_set_address(struct link *link, struct in_addr addr, unsigned length);

struct link *links_find(const struct links *l, struct ifid id);
struct link *links_by_tunnel(const struct links *l, uint32_t tunnel);
struct link *links_by_index(const struct links *l, int index);
// The address that an interface has in the kernel. false: none.
bool links_address(const struct links *l, struct ifid id, struct in_addr *out);

// A packet or frame of the datapath for the kernel.
void links_packet(struct links *l, uint32_t tunnel, const uint8_t *packet, size_t len);
void links_frame(struct links *l, enum dp_port port, const uint8_t *frame, size_t len);

// The longest inner packet that fits an outer one, with ESP in UDP and the worst padding of the cipher.
unsigned links_tunnel_mtu(unsigned outer, bool cbc);

#endif
