// SPDX-License-Identifier: BSD-2-Clause
// How long an inner packet may be, so that the outer one fits.
#ifndef CULVERT_IFACE_MTU_H
#define CULVERT_IFACE_MTU_H

#include "hostd/dp/dp.h"

// What is around the inner packet, from outside to inside.
struct mtu_of {
    unsigned outer; // of the way to the peer, bytes
    uint8_t family; // of the outer packets: 4 or 6
    bool esp, udp, transport;
    struct dp_suite suite; // with esp
    bool gre, key;
    uint8_t gre_family; // of the packets that carry GRE in tunnel mode
};

enum {
    MTU_IPV4_MIN = 576,  // below these the outer packets are fragmented instead
    MTU_IPV6_MIN = 1280, // the kernel has no IPv6 on a device with less
};

// The MTU of the tunnel's device, with the worst padding of the cipher; ipv6: the device speaks IPv6.
unsigned mtu_inner(const struct mtu_of *m, bool ipv6);

#endif
