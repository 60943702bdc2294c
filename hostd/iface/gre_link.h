// SPDX-License-Identifier: BSD-2-Clause
// GRE without protection (RFC 2784, keys of RFC 2890), over raw sockets: what a tunnel in GRE mode without an IPsec
// profile does. Independent of the datapath, so that it works beside a card too.
#ifndef CULVERT_IFACE_GRE_LINK_H
#define CULVERT_IFACE_GRE_LINK_H

#include "hostd/util/ip.h"

struct gre_links; // the raw sockets, opened when first needed
struct gre_link;  // one tunnel
struct uv_loop_s;

// An IP packet that came in, to be given to the kernel. It may not close the link.
typedef void gre_packet(void *arg, const uint8_t *packet, size_t len);

struct gre_link_counters {
    uint64_t in, out, send_errors;
};

struct gre_links *gre_links_new(struct uv_loop_s *loop); // NULL: no memory
void gre_links_free(struct gre_links *all);              // after all its links; NULL is allowed

// A tunnel without ends yet: it drops what it is given. NULL: no memory.
struct gre_link *gre_link_open(struct gre_links *all, bool has_key, uint32_t key, gre_packet *packet, void *arg);
void gre_link_close(struct gre_link *g); // NULL is allowed
// Where it goes from now on. 0, -EEXIST: another tunnel has that remote end and key; or another negative errno.
int gre_link_ends(struct gre_link *g, const struct ip_addr *local, const struct ip_addr *remote);
// 0, -ENOTCONN (no ends yet), -EINVAL (not IP), -EMSGSIZE, or what the kernel said.
int gre_link_send(struct gre_link *g, const uint8_t *packet, size_t len);
struct gre_link_counters gre_link_counters(const struct gre_link *g);
// Packets of GRE that belong to no tunnel, or are malformed.
uint64_t gre_links_dropped(const struct gre_links *all);

#endif
