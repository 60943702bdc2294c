// SPDX-License-Identifier: BSD-2-Clause
// ESP packets in memory (RFC 4303, tunnel and transport mode), with every suite of suite.h. No sockets, no sequence
// numbers of its own, no replay check. All cryptography is OpenSSL's.
#pragma once
#include "hostd/dp/suite.h"

#define ESP_HEADER     8  // SPI and sequence number
#define ESP_ICV_MAX    32 // HMAC-SHA2-512-256
#define ESP_OVERHEAD   80 // a sealed packet is longer by less than this
#define ESP_PACKET_MAX 65535

struct esp; // keys of one direction of one SA

enum esp_result {
    ESP_OK,
    ESP_TRUNCATED,   // shorter than ESP needs, or not whole cipher blocks
    ESP_AUTH_FAIL,   // wrong ICV
    ESP_BAD_PADDING, // authentic, but the padding is wrong
    ESP_DUMMY,       // authentic, and to be thrown away (RFC 4303 2.6)
    ESP_FAILED,      // OpenSSL said no
};

// The key is copied into OpenSSL's contexts. NULL: wrong length, no memory, or OpenSSL lacks the algorithm.
struct esp *esp_new(struct dp_suite suite, const uint8_t *key, size_t key_len, bool esn, bool seal);
void esp_free(struct esp *e); // keys are wiped

// Builds the ESP packet for a payload of protocol `next`: an inner packet (4: IPv4, 41: IPv6), or what transport mode
// carries. `out` has room for len + ESP_OVERHEAD bytes and does not overlap. Each sequence number must be given once
// only: the IVs of GCM, CTR and ChaCha20 are made of it. Bytes written, or 0 on failure.
size_t esp_seal(struct esp *e, uint32_t spi, uint64_t seq, uint8_t next, const uint8_t *inner, size_t len,
                uint8_t *out);
// Opens a packet that begins with its SPI. `seq` is its whole sequence number. `out` has room for len bytes and does
// not overlap. On ESP_OK the payload is in out, *payload_len bytes long with traffic-flow padding (an inner packet says
// its length itself), and *next its protocol. Nothing in it has been looked at.
enum esp_result esp_open(struct esp *e, uint64_t seq, const uint8_t *packet, size_t len, uint8_t *out, uint8_t *next,
                         size_t *payload_len);
