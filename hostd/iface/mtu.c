// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/iface/mtu.h"

#include "hostd/dp/suite.h"

enum { IPV4 = 20, IPV6 = 40, UDP = 8, GRE = 4, KEY = 4 };

static size_t minus(size_t room, size_t what)
{
    return room > what ? room - what : 0;
}

static size_t ip_header(uint8_t family)
{
    return family == 6 ? IPV6 : IPV4;
}

unsigned mtu_inner(const struct mtu_of *m, bool ipv6)
{
    size_t room = minus(m->outer, ip_header(m->family)), least = ipv6 ? MTU_IPV6_MIN : MTU_IPV4_MIN;
    if (m->udp)
        room = minus(room, UDP);
    if (m->esp)
        room = suite_fit(m->suite, room);
    if (m->gre && m->esp && !m->transport)
        room = minus(room, ip_header(m->gre_family));
    if (m->gre)
        room = minus(room, GRE + (m->key ? KEY : 0));
    return (unsigned)(room > least ? room : least);
}
