// SPDX-License-Identifier: BSD-2-Clause
// Inside of the software datapath; dp_soft.c is its entrance.
#pragma once
#include "hostd/dp/dp.h"
#include "hostd/dp/esp.h"
#include "hostd/dp/later.h"
#include "hostd/dp/replay.h"
#include "hostd/dp/selectors.h"
#include "hostd/util/ipmap.h"
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
    X(gre_bad, "dropped: GRE header, key, protocol or inner packet is wrong")                                          \
    X(gre_nhrp, "NHRP messages that came in GRE")                                                                      \
    X(esp_dummy, "dropped: sent to hide traffic flow")                                                                 \
    X(esp_policy, "dropped: outside the SA's selectors")                                                               \
    X(esp_lifetime, "dropped: the SA's hard lifetime or sequence numbers are used up")                                 \
    X(esp_crypto, "dropped: the cryptographic library failed")                                                         \
    X(out_no_sa, "dropped: the tunnel has no SA")                                                                      \
    X(out_not_ip, "dropped: not a whole IP packet")                                                                    \
    X(out_send, "dropped: the kernel did not take it")

enum soft_counter {
#define X(name, help) SOFT_##name,
    SOFT_COUNTERS(X)
#undef X
        SOFT_COUNTERS_N
};

struct soft_sa {
    enum dp_dir dir;
    bool esn, transport;
    bool told_soft, told_hard, told_seq, told_replay, told_auth, told_selectors;
    uint32_t spi, tunnel;
    struct dp_path path;
    struct dp_selectors *ts; // one reference
    struct esp *esp;
    uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets; // 0: none
    struct replay replay;                                        // inbound
    uint64_t seq;                                                // outbound: last used
    struct dp_sa_counters n;                                     // seq is filled in when asked
    struct soft_sa *older;                                       // outbound: the next older one of the same tunnel
};

struct soft_tunnel {
    bool used;
    struct dp_tunnel how;
    struct soft_sa *out; // newest outbound SA first
    uint32_t next_free;  // unused: the next one of the list of unused ones
};

// A socket that the loop reads for us.
struct soft_port {
    uv_poll_t poll;
    struct soft *soft;
    int fd; // -1: none
};

struct soft {
    struct dp dp;
    uv_loop_t *loop;
    struct soft_port raw[2]; // raw ESP sockets (own): IPv4, IPv6
    int udp[2];              // UDP 4500 (the daemon's): IPv4, IPv6
    struct later later;
    int open_handles;
    uint32_t sas_in;  // inbound SAs
    struct map in;    // by SPI. SPIs that are given out and have no SA yet: the value is &reserved
    struct ipmap out; // by remote address and SPI
    char reserved;
    uint32_t drawn[64]; // random numbers for SPIs
    unsigned n_drawn;
    struct soft_tunnel *tunnel;
    uint32_t tunnels, free_tunnel; // how many there are; the first unused one, SOFT_NO_TUNNEL: none
    uint16_t ip_id;                // of the last IPv4 header made for GRE in tunnel mode
    uint64_t counter[SOFT_COUNTERS_N];
    uint64_t unknown_at; // when unknown SPIs were last reported, ms of the loop
    uint8_t *batch;      // SOFT_BATCH datagrams
    uint8_t *clear;      // a packet that was decrypted
    uint8_t *sealed;     // a packet to be sent
    uint8_t *wrapped;    // the same in GRE, before it is sealed
};

#define SOFT_NO_TUNNEL UINT32_MAX

// Index of a family in raw[] and udp[].
static inline int soft_family(const struct ip_addr *a)
{
    return a->family == 6;
}

void soft_event(struct soft *s, struct soft_sa *sa, bool *told, enum dp_event_kind kind);
// Counts a packet of `len` bytes in an SA's lifetimes and counters, with events. The packet has passed.
void soft_passed(struct soft *s, struct soft_sa *sa, size_t len);
// May the SA pass another packet? If not it is counted.
bool soft_alive(struct soft *s, struct soft_sa *sa);
// An ESP packet that came in, from the SPI on, and the way that it came.
void soft_input(struct soft *s, const struct dp_path *path, const uint8_t *esp, size_t len);
// How many SAs there are now.
void soft_count(const struct soft *s, uint32_t *in, uint32_t *out);
// The inbound SA of an SPI; NULL: none, or the SPI is given out only.
struct soft_sa *soft_in_find(struct soft *s, uint32_t spi);
// Gives out an SPI that somebody else has drawn, as dp_spi_alloc() does. 0, -EEXIST, -ENOSPC.
int soft_spi_take(struct soft *s, uint32_t spi);
void soft_readable(uv_poll_t *poll, int status, int events);
void soft_esp_in_udp(struct dp *d, const struct ip_addr *from, uint16_t port, const uint8_t *esp, size_t len);
int soft_send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len);
