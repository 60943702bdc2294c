// SPDX-License-Identifier: BSD-2-Clause
// Two software datapaths on one loop in one network namespace: 127.0.0.1 and 127.0.0.2, UDP 4500 each.
#pragma once
#include "hostd/dp/dp.h"

#include <uv.h>

#define KEPT 64

struct end {
    struct dp *dp;
    struct ip_addr address;
    int udp;
    uv_poll_t poll;
    uint32_t tunnel, spi; // inbound SPI
    uint8_t packet[KEPT][2000];
    size_t len[KEPT];
    uint32_t packet_tunnel[KEPT];
    size_t packets;
    size_t nhrp, nhrp_len;
    struct dp_event event[KEPT];
    size_t events;
};

struct pair {
    uv_loop_t loop;
    struct end a, b;
    struct dp_tunnel how;
    uint8_t key_ab[DP_KEY_MAX], key_ba[DP_KEY_MAX];
};

void pair_open(struct pair *p);
// With other addresses of the loopback, IPv4 or IPv6, and another kind of tunnel.
void pair_open_as(struct pair *p, const struct dp_tunnel *how, const char *a, const char *b);
void pair_close(struct pair *p);
// Runs the loop until nothing has happened for a while.
void pair_settle(struct pair *p);
// An SA with addresses, suite and key as for from -> to; selectors any; nothing else set.
struct dp_sa pair_sa(const struct pair *p, const struct end *from, const struct end *to, enum dp_dir dir,
                     struct dp_suite suite, bool encap);
// Installs and waits: the result.
int pair_install(struct pair *p, struct end *e, const struct dp_sa *sa);
int pair_remove(struct pair *p, struct end *e, enum dp_dir dir, uint32_t spi, struct ip_addr remote);
// Both directions of a CHILD_SA.
void pair_connect(struct pair *p, struct dp_suite suite, bool encap, bool esn, uint32_t window);
// A datapath's counter.
uint64_t pair_counter(struct pair *p, struct end *e, const char *name);
struct dp_sa_counters pair_sa_counters(struct pair *p, struct end *e, enum dp_dir dir, uint32_t spi,
                                       struct ip_addr remote);
// The number of events of a kind.
size_t pair_events(const struct end *e, enum dp_event_kind kind);
