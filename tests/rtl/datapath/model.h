// SPDX-License-Identifier: BSD-2-Clause
// Reference for the datapath's tests: IPv4 and ESP packets made with OpenSSL, independent of the RTL.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sa {
    uint16_t index;
    bool out, key256, esn, encap, to_host, copy_dscp, set_df;
    uint8_t window_log2;
    uint8_t key[32], salt[4];
    uint32_t spi;
    uint32_t src, src_mask, dst, dst_mask; // as the registers: outer addresses outbound, inner selectors inbound
    uint16_t sport, dport, tunnel, adj;
    uint64_t seq; // last used
    uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;
};

struct ip_spec {
    uint32_t src, dst;
    uint8_t proto, tos, ttl;
    uint16_t id;
    uint16_t flags; // flags and fragment offset
    uint16_t sport, dport;
    size_t total;  // of the packet, at least 20
    uint32_t seed; // of the payload
};

void put16(uint8_t *p, unsigned v);
void put32(uint8_t *p, uint32_t v);
unsigned get16(const uint8_t *p);
uint16_t ip_checksum(const uint8_t *p, size_t len);
size_t ip_build(uint8_t *out, const struct ip_spec *s);
void ip_fix(uint8_t *ip);     // recompute the header's checksum
void ip_forward(uint8_t *ip); // what a router does: TTL, checksum
size_t eth_build(uint8_t *out, const uint8_t dst[6], const uint8_t src[6], unsigned type, const uint8_t *payload,
                 size_t len);

// Plaintext of ESP: inner packet, `pad` bytes 1, 2, 3..., pad length, next header. Returns its length.
size_t esp_plain(uint8_t *out, const uint8_t *inner, size_t len, size_t pad, uint8_t next);
size_t esp_pad(size_t len); // bytes to a multiple of four
// SPI to ICV with the sequence number as IV.
size_t esp_seal(uint8_t *out, const struct sa *sa, uint64_t seq, const uint8_t *plain, size_t len);
// An IPv4 packet around ESP, in UDP if the SA says so. Addresses as given.
size_t esp_wrap(uint8_t *out, const struct sa *sa, uint32_t src, uint32_t dst, uint8_t tos, uint16_t id, uint16_t flags,
                const uint8_t *esp, size_t len);
// What the card must send for an inner packet (already forwarded) with this number and IP identification.
size_t esp_expect(uint8_t *out, const struct sa *sa, uint64_t seq, uint16_t id, const uint8_t dst_mac[6],
                  const uint8_t src_mac[6], const uint8_t *inner, size_t len);
// What a peer sends to the card: a frame to dst_mac with the inner packet sealed by sa.
size_t esp_frame(uint8_t *out, const struct sa *sa, uint64_t seq, const uint8_t dst_mac[6], uint32_t src, uint32_t dst,
                 const uint8_t *inner, size_t len);
