// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/ip.h"

#include <arpa/inet.h>
#include <stdio.h>

int ip_af(const struct ip_addr *a)
{
    return a->family == 4 ? AF_INET : a->family == 6 ? AF_INET6 : AF_UNSPEC;
}

struct ip_addr ip_from_bytes(const uint8_t *p, size_t size)
{
    struct ip_addr a = {.family = size == 4 ? 4 : 6};
    memcpy(a.b, p, ip_size(a.family));
    return a;
}

bool ip_is_any(const struct ip_addr *a)
{
    static const uint8_t zero[16];
    return a->family != 0 && memcmp(a->b, zero, ip_size(a->family)) == 0;
}

bool ip_is_link_local(const struct ip_addr *a)
{
    return a->family == 6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool ip_in(const struct ip_addr *a, const struct ip_addr *net, unsigned length)
{
    if (a->family != net->family || length > ip_bits(a))
        return false;
    unsigned whole = length / 8, rest = length % 8;
    if (memcmp(a->b, net->b, whole) != 0)
        return false;
    return rest == 0 || ((a->b[whole] ^ net->b[whole]) & (0xff << (8 - rest) & 0xff)) == 0;
}

struct ip_addr ip_network(const struct ip_addr *a, unsigned length)
{
    struct ip_addr net = *a;
    for (unsigned i = 0; i < ip_size(a->family); i++) {
        unsigned kept = length > 8 * i ? length - 8 * i : 0;
        if (kept < 8)
            net.b[i] &= (uint8_t)(0xff << (8 - kept));
    }
    return net;
}

const char *ip_format(const struct ip_addr *a, char out[IP_TEXT])
{
    if (a->family == 0 || inet_ntop(ip_af(a), a->b, out, IP_TEXT) == NULL)
        snprintf(out, IP_TEXT, "-");
    return out;
}

bool ip_parse(const char *text, struct ip_addr *out)
{
    *out = (struct ip_addr){.family = 4};
    if (inet_pton(AF_INET, text, out->b) == 1)
        return true;
    *out = (struct ip_addr){.family = 6};
    if (inet_pton(AF_INET6, text, out->b) == 1)
        return true;
    *out = (struct ip_addr){0};
    return false;
}

socklen_t ip_to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (a->family == 4) {
        struct sockaddr_in v = {.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&v.sin_addr, a->b, 4);
        memcpy(out, &v, sizeof(v));
        return sizeof(v);
    }
    if (a->family == 6) {
        struct sockaddr_in6 v = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&v.sin6_addr, a->b, 16);
        memcpy(out, &v, sizeof(v));
        return sizeof(v);
    }
    return 0;
}

bool ip_from_sockaddr(const struct sockaddr_storage *from, struct ip_addr *a, uint16_t *port)
{
    *a = (struct ip_addr){0};
    *port = 0;
    if (from->ss_family == AF_INET) {
        struct sockaddr_in v;
        memcpy(&v, from, sizeof(v));
        *a = ip_from_v4(v.sin_addr);
        *port = ntohs(v.sin_port);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 v;
        memcpy(&v, from, sizeof(v));
        *a = ip_from_v6(&v.sin6_addr);
        *port = ntohs(v.sin6_port);
    }
    return a->family != 0;
}

size_t ip_put_pktinfo(const struct ip_addr *source, void *room, size_t cap)
{
    struct in_pktinfo v4 = {.ipi_spec_dst = ip_v4(source)};
    struct in6_pktinfo v6 = {0};
    memcpy(&v6.ipi6_addr, source->b, 16);
    bool six = source->family == 6;
    size_t size = six ? sizeof(v6) : sizeof(v4);
    if (source->family == 0 || ip_is_any(source) || cap < CMSG_SPACE(size))
        return 0;
    struct msghdr m = {.msg_control = room, .msg_controllen = cap};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    memset(room, 0, CMSG_SPACE(size));
    c->cmsg_len = CMSG_LEN(size);
    c->cmsg_level = six ? IPPROTO_IPV6 : IPPROTO_IP;
    c->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
    memcpy(CMSG_DATA(c), six ? (const void *)&v6 : (const void *)&v4, size);
    return CMSG_SPACE(size);
}
