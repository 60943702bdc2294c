// SPDX-License-Identifier: BSD-2-Clause
// IP packets in memory, both families: what selectors and GRE look at. Nothing is copied; every length is checked
// against the memory that there is.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PACKET_ICMP = 1,
    PACKET_IPV4 = 4,
    PACKET_TCP = 6,
    PACKET_UDP = 17,
    PACKET_IPV6 = 41,
    PACKET_GRE = 47,
    PACKET_ICMPV6 = 58,
    PACKET_NONE = 59, // IPv6: no next header; in ESP: nothing is inside (RFC 4303 2.6)
};

struct packet {
    uint8_t family;           // 4 or 6
    uint8_t proto;            // behind IPv6's extension headers
    bool fragment;            // part of a larger packet
    bool has_ports;           // sport and dport are those of the packet
    uint16_t sport, dport;    // host order; ICMP: both type * 256 + code
    const uint8_t *src, *dst; // 4 or 16 bytes
    const uint8_t *payload;   // of `proto`
    size_t payload_len;
    size_t len; // of the packet; what follows it in memory is not its own
};

// false: not a whole IP packet, or its headers go on too long. Protocol and ports of a packet that IPv6 extension
// headers hide behind the end of the memory cannot be known: false too.
bool packet_parse(const uint8_t *data, size_t len, struct packet *out);
// A payload alone, as transport mode carries it: `proto` and `len` bytes at `data`. Addresses stay unset. false: an
// extension header is cut off.
bool packet_parse_payload(uint8_t family, uint8_t proto, const uint8_t *data, size_t len, struct packet *out);

// The IPv4 or IPv6 header of a packet made here, in front of `payload_len` bytes of `proto`: 20 or 40 bytes at `out`.
// The number of bytes, 0: too long, or no address.
enum { PACKET_HEADER_MAX = 40 };
struct ip_addr;
size_t packet_header(uint8_t *out, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
                     size_t payload_len, uint16_t id);
