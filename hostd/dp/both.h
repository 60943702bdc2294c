// SPDX-License-Identifier: BSD-2-Clause
// Inside of the datapath that is a card with software beside it; dp_both.c is its entrance.
//
// Each SA is in one of the two: in the card if it can carry it, else in software. Who asked knows one datapath:
// tunnels, SPIs and routes are numbered here, and what becomes of a packet does not depend on where its SA is.
//
//   tunnel     is in software always, under the same number, and in the card too unless it is GRE or the card is full
//   SPI        is the card's while it is only given out; an SA of software takes it along, and the card's index is free
//   route      over a tunnel is the card's while all its IPv4 goes out by SAs of the card, else it is to the host: the
//              kernel's route leads to the TUN device then, and both_send_packet() finds the SA
#pragma once
#include "hostd/dp/card.h"
#include "hostd/dp/soft.h"

enum both_place { BOTH_CARD, BOTH_SOFT };

#define BOTH_NO_TUNNEL UINT32_MAX

// An outbound SA.
struct both_out {
    uint32_t spi, tunnel;  // BOTH_NO_TUNNEL: its tunnel has gone
    struct ip_addr remote; // by which it is known here
    struct ip_addr known;  // and where it is
    enum both_place place;
    bool four;                    // IPv4 packets may go out on it
    bool ready;                   // its datapath has it
    struct both_install *install; // under way; NULL: answered
    struct dp_selectors *ts;      // one reference
    struct both_out *older;       // the next older one of the same tunnel
};

struct both_route {
    struct dp_route route;
    struct both_route *next, **at; // of the same tunnel; at NULL: in no list
};

struct both_tunnel {
    uint32_t card; // its number in the card, or BOTH_NO_TUNNEL
    struct both_out *out;
    bool by_card; // the card's routes point to it
    struct both_route *routes;
};

struct both {
    struct dp dp;
    struct dp *card, *soft;
    struct later later;
    bool closing;
    struct map in;               // by inbound SPI that is given out: &at[] of the place
    char at[2];                  // of enum both_place
    struct ipmap out;            // by remote address and SPI: struct both_out
    struct ipmap route;          // by prefix and length: struct both_route, IPv4 alone
    struct both_tunnel **tunnel; // by number; NULL: there is none
    uint32_t tunnels;
    uint32_t *by_card; // by the card's number of a tunnel, its number here
    uint32_t by_cards;
    uint64_t policy; // packets that no SA of their tunnel takes
};

static inline struct both *both_of(struct dp *d)
{
    return (struct both *)d;
}
static inline struct dp *both_at(const struct both *b, enum both_place place)
{
    return place == BOTH_CARD ? b->card : b->soft;
}
// NULL: there is none.
static inline struct both_tunnel *both_tunnel(const struct both *b, uint32_t id)
{
    return id < b->tunnels ? b->tunnel[id] : NULL;
}
void both_log(const struct both *b, enum dp_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// ---- SAs (both_sa.c)

int both_spi_alloc(struct dp *d, uint32_t *spi);
void both_spi_free(struct dp *d, uint32_t spi);
void both_sa_install(struct dp *d, const struct dp_sa *sa, dp_done *done, void *arg);
void both_sa_path(struct dp *d, uint32_t spi, struct ip_addr old_remote, const struct dp_path *path, dp_done *done,
                  void *arg);
void both_sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_done *done, void *arg);
void both_sa_counters(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_sa_counters_fn *fn,
                      void *arg);
int both_send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len);
// The tunnel ends: its outbound SAs stay until they are removed.
void both_outs_orphan(struct both_tunnel *t);
// Forgets all SAs.
void both_outs_free(struct both *b);

// ---- routes (both_route.c)

void both_route_set(struct dp *d, const struct dp_route *r, dp_done *done, void *arg);
void both_route_del(struct dp *d, const struct dp_route *r, dp_done *done, void *arg);
// The tunnel's SAs are others now: its routes follow.
void both_routes_follow(struct both *b, struct both_tunnel *t);
void both_routes_orphan(struct both_tunnel *t);
void both_routes_free(struct both *b);
