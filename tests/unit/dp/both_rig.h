// SPDX-License-Identifier: BSD-2-Clause
// The rig of the tests of a card with software beside it: the double of libculvert is the card, 127.0.0.1 the gateway,
// 127.0.0.2 the peer; everything that is asked is waited for.
#pragma once
#include "hostd/dp/dp.h"
#include "hostd/dp/suite.h"
#include "tests/unit/dp/answer.h"
#include "tests/unit/dp/fake_culvert.h"
#include "tests/unit/dp/handmade.h"
#include "tests/unit/ip_of.h"

#include <uv.h>

#define GCM  DP_SUITE_AES_GCM_256
#define CBC  DP_SUITE_AES_CBC_256_SHA256
#define PEER "127.0.0.2"
enum { PACKET = 100, SPI_OUT = 0xabcd0000 };

struct both_rig {
    uv_loop_t loop;
    struct dp *dp;
    int udp, peer;          // port 4500 of the gateway and of the peer
    uint32_t spare, tunnel; // one of GRE, and the one in use: the card numbers it otherwise
    struct dp_selectors *ts;
    uint8_t key[DP_KEY_MAX];
    size_t packets, frames, events, failed, unknown;
    uint32_t packet_tunnel;
    uint8_t packet[2000];
    size_t packet_len;
    struct dp_event event;
    struct dp_sa_counters counted; // what carried_by() was told
};
extern struct both_rig rig;

int rig_setup(void **state);
int rig_teardown(void **state);
// Runs the loop until what is to be done is done.
void settle(void);
struct dp_ts prefix(const char *first, const char *last);
// 10.1.0.0/24 here, 10.N.0.0/16 there.
struct dp_selectors *selectors(unsigned n);
// The commands that the card has got since it was last asked.
void expect(const char *log);
struct dp_sa sa(enum dp_dir dir, uint32_t spi, struct dp_suite suite);
int install(const struct dp_sa *s);
int install_out(uint32_t spi, struct dp_suite suite);
int install_in(struct dp_suite suite, uint32_t *spi); // gives the SPI
int remove_sa(enum dp_dir dir, uint32_t spi);
// "card", "software" or "nobody".
const char *carried_by(enum dp_dir dir, uint32_t spi, const char *remote);
int route(const char *network, uint8_t length, enum dp_target to, uint32_t tunnel);
// The kind of target that the card has for a prefix; -1: it has no such route.
int fib(uint32_t network, uint16_t *target);
// An IPv4 packet to the far network N: the SPI with which software sent it, 0 if the card did, or a negative errno.
int64_t sent_with(unsigned n);
