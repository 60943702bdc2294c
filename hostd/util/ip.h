// SPDX-License-Identifier: BSD-2-Clause
// IP addresses of both families: the one type that the daemon uses from its sockets to its datapath.
#ifndef CULVERT_UTIL_IP_H
#define CULVERT_UTIL_IP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// An IP address, in network byte order. family 0: none; 4: the first 4 bytes of b, the others zero; 6: all 16.
struct ip_addr {
    uint8_t family;
    uint8_t b[16];
};

enum { IP_TEXT = INET6_ADDRSTRLEN };

static inline bool ip_is_set(const struct ip_addr *a)
{
    return a->family != 0;
}
/// Bytes of an address of that family; 0: none.
static inline size_t ip_size(uint8_t family)
{
    return family == 4 ? 4 : family == 6 ? 16 : 0;
}
/// Bits of an address, the length of a host's prefix.
static inline unsigned ip_bits(const struct ip_addr *a)
{
    return (unsigned)ip_size(a->family) * 8;
}
static inline bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->family == b->family && memcmp(a->b, b->b, ip_size(a->family)) == 0;
}
static inline struct ip_addr ip_from_v4(struct in_addr v)
{
    struct ip_addr a = {.family = 4};
    memcpy(a.b, &v, sizeof(v));
    return a;
}
static inline struct ip_addr ip_from_v6(const struct in6_addr *v)
{
    struct ip_addr a = {.family = 6};
    memcpy(a.b, v, sizeof(*v));
    return a;
}
/// The IPv4 address, or 0.0.0.0 if it is none.
static inline struct in_addr ip_v4(const struct ip_addr *a)
{
    struct in_addr v = {0};
    if (a->family == 4)
        memcpy(&v, a->b, sizeof(v));
    return v;
}
/// AF_INET, AF_INET6 or AF_UNSPEC.
int ip_af(const struct ip_addr *a);
/// From `size` bytes, 4 or 16.
struct ip_addr ip_from_bytes(const uint8_t *p, size_t size);
/// 0.0.0.0 or ::.
bool ip_is_any(const struct ip_addr *a);
/// IPv6 fe80::/10, which means nothing without an interface.
bool ip_is_link_local(const struct ip_addr *a);
/// Is the address inside the prefix?
bool ip_in(const struct ip_addr *a, const struct ip_addr *net, unsigned length);
/// The address with all bits after the prefix cleared.
struct ip_addr ip_network(const struct ip_addr *a, unsigned length);
/// "192.0.2.1", "2001:db8::1", "-" for none. `out` has IP_TEXT bytes; returns it.
const char *ip_format(const struct ip_addr *a, char out[IP_TEXT]);
/// false: the text is no address; `out` is none then.
bool ip_parse(const char *text, struct ip_addr *out);
/// For the sockets: port in host byte order. The length used; 0: no address.
socklen_t ip_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *out);
/// false: of another family.
bool ip_from_sockaddr(const struct sockaddr_storage *from, struct ip_addr *a, uint16_t *port);
/// The control message by which a datagram leaves from address `source`: bytes used of `room`, 0 for no address.
size_t ip_put_pktinfo(const struct ip_addr *source, void *room, size_t cap);

#endif
