// SPDX-License-Identifier: BSD-2-Clause
// What an interface carries, in the terms of the IKE machine: selectors and mode of a profile.
//
//   tunnel mode gre     GRE between the two outer addresses; transport mode if a transform set says so
//   tunnel mode ipsec   everything, of the families that the interface has addresses of (none: that of the mode)
//   mode auto           (of a virtual-template) either, as the peer asks
#ifndef CULVERT_MAIN_TRAFFIC_H
#define CULVERT_MAIN_TRAFFIC_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"

// Fill in a profile for an interface. either: GRE and IPsec alone are both accepted.
void traffic_fill(struct ike_profile *p, const struct conf *c, const struct conf_if *iface, bool either);

// The address that the name of a tunnel's destination was found to have. false: none yet.
typedef bool traffic_end(void *ctx, struct ifid tunnel, struct ip_addr *end);
// The interface that serves a peer of an ikev2 profile: the static tunnel to its address (or to a name with it:
// `found`, NULL: names are not known), else the profile's template, else a static tunnel whose destination is dynamic.
// NULL: none.
const struct conf_if *traffic_interface(const struct conf *c, const struct conf_profile *p,
                                        const struct ip_addr *remote, traffic_end *found, void *ctx);

#endif
