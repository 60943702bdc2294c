// SPDX-License-Identifier: BSD-2-Clause
// The register sequences that firmware uses, for tests: one function a table.
#pragma once
#include "tests/rtl/datapath/bench.h"
#include "tests/rtl/datapath/model.h"

enum kind { KIND_HOST, KIND_DROP, KIND_TUNNEL, KIND_ADJ };

struct event {
    unsigned type, index, dir;
};

struct sa_counters {
    uint64_t packets, bytes, seq;
    uint32_t auth_fail, replay, policy;
    bool valid;
};

extern const uint8_t card_mac[2][6];

void card_start(struct bench *b); // MAC addresses, MTU 9000, receive and forwarding enabled
void card_local(struct bench *b, unsigned slot, uint32_t address);
void card_adj(struct bench *b, uint16_t index, const uint8_t mac[6], unsigned port, bool valid);
void card_tunnel(struct bench *b, uint16_t index, uint16_t sa, uint16_t mtu, bool valid);
void card_route(struct bench *b, uint16_t index, uint32_t prefix, unsigned len, enum kind kind, uint16_t target);
void card_route_clear(struct bench *b, uint16_t index);
uint32_t card_flow_hash(struct bench *b, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport, uint8_t proto,
                        enum kind kind, uint16_t target);
void card_flow_write(struct bench *b, uint16_t slot, unsigned way, bool valid); // the key given to card_flow_hash last
void card_sa_install(struct bench *b, const struct sa *sa);
void card_sa_remove(struct bench *b, uint16_t index, bool out);
void card_sa_path(struct bench *b, const struct sa *sa);
struct sa_counters card_sa_read(struct bench *b, uint16_t index, bool out);
uint64_t card_counter(struct bench *b, unsigned index);
struct event card_event(struct bench *b); // type 0: none
