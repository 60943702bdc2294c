// SPDX-License-Identifier: BSD-2-Clause
// GRE (RFC 2784) with the key and sequence number of RFC 2890: the codec.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    GRE_HEADER_MAX = 8, // of those that gre_put() makes
    GRE_IPV4 = 0x0800,
    GRE_IPV6 = 0x86dd,
    GRE_NHRP = 0x2001,
};

struct gre {
    uint16_t protocol; // Ethernet's number of what is inside
    bool has_key;
    uint32_t key;
    const uint8_t *payload;
    size_t len;
};

// The header in front of a payload: bytes written, 4 or 8.
size_t gre_put(uint8_t out[GRE_HEADER_MAX], uint16_t protocol, bool has_key, uint32_t key);
// false: cut off, of another version, source routed (RFC 1701), or its checksum is wrong. A sequence number is passed
// over: order is not ours to keep.
bool gre_parse(const uint8_t *data, size_t len, struct gre *out);
