// SPDX-License-Identifier: BSD-2-Clause
// ESP packets in memory (RFC 4303, tunnel mode over IPv4): AES-GCM-16 (RFC 4106) and AES-CBC with HMAC-SHA2-256-128
// (RFC 3602, RFC 4868). No sockets, no sequence numbers of its own, no replay check. All cryptography is OpenSSL's.
#pragma once
#include "hostd/dp/dp.h"

#define ESP_HEADER     8  // SPI and sequence number
#define ESP_ICV        16 // of all suites
#define ESP_OVERHEAD   64 // a sealed packet is longer by less than this
#define ESP_PACKET_MAX 65535

struct esp; // keys of one direction of one SA

enum esp_result {
    ESP_OK,
    ESP_TRUNCATED,   // shorter than ESP needs, or not whole cipher blocks
    ESP_AUTH_FAIL,   // wrong ICV
    ESP_BAD_PADDING, // authentic, but padding, next header or inner header are wrong
    ESP_DUMMY,       // authentic, and to be thrown away (RFC 4303 2.6)
    ESP_FAILED,      // OpenSSL said no
};

// Bytes of key that a suite needs, salt or integrity key included; 0: no such suite.
size_t esp_key_len(enum dp_suite suite);
// "AES-GCM-256" ...
const char *esp_suite_name(enum dp_suite suite);
// The key is copied into OpenSSL's contexts. NULL: wrong length, no memory, or OpenSSL lacks the algorithm.
struct esp *esp_new(enum dp_suite suite, const uint8_t *key, size_t key_len, bool esn, bool seal);
void esp_free(struct esp *e); // keys are wiped

// Builds the ESP packet for an inner IPv4 packet. `out` has room for len + ESP_OVERHEAD bytes and does not overlap.
// Each sequence number must be given once only: AES-GCM's IV is made of it. Bytes written, or 0 on failure.
size_t esp_seal(struct esp *e, uint32_t spi, uint64_t seq, const uint8_t *inner, size_t len, uint8_t *out);
// Opens a packet that begins with its SPI. `seq` is its whole sequence number. `out` has room for len bytes and does
// not overlap. On ESP_OK the inner IPv4 packet is in out, *inner_len bytes long, its header checked as far as length.
enum esp_result esp_open(struct esp *e, uint64_t seq, const uint8_t *packet, size_t len, uint8_t *out,
                         size_t *inner_len);
