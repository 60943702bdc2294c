// SPDX-License-Identifier: BSD-2-Clause
// Inside the links: links.c makes and drops devices, links_addr.c gives them their addresses, MTU and state.
#ifndef CULVERT_IFACE_LINKS_PRIV_H
#define CULVERT_IFACE_LINKS_PRIV_H

#include "hostd/iface/links.h"

// IPv6 on the device as the configuration wants it: on only where something of it is configured.
void link_ipv6(struct link *k, bool on);
// Addresses, MTU (0: as it is) and state as the configuration wants them. What sessions gave stays. false: err.
bool link_adjust(struct link *k, const struct conf *c, const struct conf_if *f, unsigned mtu, char *err,
                 size_t err_size);
// carrier.c. The shared device of a template, made if there is none. NULL: err.
struct link *carrier_of(struct links *l, const struct conf *c, const struct conf_if *f, char *err, size_t err_size);
// What it knows of its sessions goes.
void carrier_free(struct link *k);
void carrier_packet(void *arg, const uint8_t *packet, size_t len);
// links.c. From the kernel, for a link's tunnel.
void link_packet(struct link *k, const uint8_t *packet, size_t len);
struct link *link_open(struct links *l, struct ifid id, const char *device, const struct dp_tunnel *how, bool plain,
                       char *err, size_t err_size);
// All addresses that are there because of us go.
void link_strip(struct link *k);

#endif
