// SPDX-License-Identifier: BSD-2-Clause
// Inside of the software datapath; dp_soft.c is its entrance.
#pragma once
#include "hostd/dp/dp.h"
#include "hostd/dp/esp.h"
#include "hostd/dp/later.h"
#include "hostd/dp/replay.h"
#include "hostd/util/map.h"

enum { SOFT_BATCH = 32, SOFT_DATAGRAM = 65536, SOFT_SAS_MAX = 65536 };

#define SOFT_COUNTERS(X)                                                                                               \
    X(esp_in_packets, "decrypted and passed")                                                                          \
    X(esp_in_bytes, "bytes of inner packets decrypted and passed")                                                     \
    X(esp_out_packets, "encrypted and sent")                                                                           \
    X(esp_out_bytes, "bytes of inner packets encrypted and sent")                                                      \
    X(esp_unknown_spi, "dropped: no SA has the SPI")                                                                   \
    X(esp_truncated, "dropped: shorter than ESP needs, or than its headers say")                                       \
    X(esp_auth_fail, "dropped: wrong ICV")                                                                             \
    X(esp_replay, "dropped: replayed, or older than the window")                                                       \
    X(esp_bad_padding, "dropped: padding, next header or inner header is wrong")                                       \
    X(esp_dummy, "dropped: sent to hide traffic flow")                                                                 \
    X(esp_policy, "dropped: inner addresses outside the SA's selectors")                                               \
    X(esp_lifetime, "dropped: the SA's hard lifetime or sequence numbers are used up")                                 \
    X(esp_crypto, "dropped: the cryptographic library failed")                                                         \
    X(out_no_sa, "dropped: the tunnel has no SA")                                                                      \
    X(out_not_ipv4, "dropped: not a whole IPv4 packet")                                                                \
    X(out_send, "dropped: the kernel did not take it")

enum soft_counter {
#define X(name, help) SOFT_##name,
    SOFT_COUNTERS(X)
#undef X
        SOFT_COUNTERS_N
};

struct soft_sa {
    struct dp_sa p; // the key in it is wiped
    struct esp *esp;
    struct replay replay;    // inbound
    uint64_t seq;            // outbound: last used
    struct dp_sa_counters n; // seq is filled in when asked
    bool told_soft, told_hard, told_seq, told_replay, told_auth;
    struct soft_sa *older; // outbound: the next older one of the same tunnel
};

struct soft_tunnel {
    bool used;
    struct soft_sa *out; // newest outbound SA first
};

struct soft {
    struct dp dp;
    uv_loop_t *loop;
    int raw, udp; // raw ESP socket (own), UDP 4500 (the daemon's)
    uv_poll_t poll;
    struct later later;
    int open_handles;
    struct map in;  // by SPI. SPIs that are given out and have no SA yet: the value is &reserved
    struct map out; // by SPI and remote address
    char reserved;
    struct soft_tunnel *tunnel;
    uint32_t tunnels;
    uint64_t counter[SOFT_COUNTERS_N];
    uint64_t unknown_at; // when unknown SPIs were last reported, ms of the loop
    uint8_t *batch;      // SOFT_BATCH datagrams
    uint8_t *clear;      // a packet that was decrypted
    uint8_t *sealed;     // a packet to be sent
};

static inline uint64_t soft_out_key(uint32_t spi, struct in_addr remote)
{
    return (uint64_t)spi << 32 | remote.s_addr;
}

void soft_event(struct soft *s, struct soft_sa *sa, bool *told, enum dp_event_kind kind);
// Counts a packet of `len` bytes in an SA's lifetimes and counters, with events. The packet has passed.
void soft_passed(struct soft *s, struct soft_sa *sa, size_t len);
// May the SA pass another packet? If not it is counted.
bool soft_alive(struct soft *s, struct soft_sa *sa);
// An ESP packet that came in, from the SPI on.
void soft_input(struct soft *s, const uint8_t *esp, size_t len);
void soft_readable(uv_poll_t *poll, int status, int events);
int soft_send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len);
