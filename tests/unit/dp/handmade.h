// SPDX-License-Identifier: BSD-2-Clause
// ESP packets built and opened by hand, straight from the RFCs, sharing nothing with hostd/dp/esp.c.
#pragma once
#include "hostd/dp/dp.h"

struct handmade {
    struct dp_suite suite;
    const uint8_t *key; // as in struct dp_sa
    bool esn;
    uint32_t spi;
    uint64_t seq;
    int next;       // next header; -1: 4
    int pad;        // bytes of padding; -1: the least
    int pad_length; // value of the pad length field; -1: true
    int bad_pad_at; // index of a padding byte to spoil; -1: none
};

#define HANDMADE(suite_, key_, spi_, seq_)                                                                             \
    ((struct handmade){.suite = suite_,                                                                                \
                       .key = key_,                                                                                    \
                       .spi = spi_,                                                                                    \
                       .seq = seq_,                                                                                    \
                       .next = -1,                                                                                     \
                       .pad = -1,                                                                                      \
                       .pad_length = -1,                                                                               \
                       .bad_pad_at = -1})

// Every suite that there is, AEAD ciphers first; how many.
enum { HANDMADE_SUITES = 48 };
size_t handmade_suites(struct dp_suite out[HANDMADE_SUITES]);
// Bytes of key of a suite, and of its shortest packet.
size_t handmade_key_len(struct dp_suite s);
size_t handmade_least(struct dp_suite s);

// The packet with `inner` inside; bytes written.
size_t handmade_seal(const struct handmade *h, const uint8_t *inner, size_t len, uint8_t *out);
// Opens; the plaintext with its trailer goes to out. Its length, or -1 for a wrong ICV.
int handmade_open(const struct handmade *h, const uint8_t *packet, size_t len, uint8_t *out);
// An IPv4 packet of `len` bytes (20 at least) with pseudo-random payload.
void handmade_ipv4(uint8_t *out, size_t len, const char *src, const char *dst, unsigned seed);
