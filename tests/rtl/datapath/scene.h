// SPDX-License-Identifier: BSD-2-Clause
// The scene of the datapath's tests: a gateway with a LAN behind its inside port and peers outside, and the packets
// that are expected to come out, kept by source: between sources the card may choose the order, within one it may not.
#pragma once
#include "tests/rtl/datapath/card.h"

enum { SAS = 16, SOURCES = 4 };
enum source { FROM_OUTSIDE, FROM_INSIDE, FROM_HOST, FROM_HOST_FRAMES };
enum { GATEWAY = 0xc0000201, LAN = 0x0a010000, LAN_HOST = 0x0a010005 };
enum { ADJ_PEER = 1, ADJ_LAN = 2 };

struct scene {
    struct bench *b;
    struct sa in[SAS], out[SAS]; // index of the table = index of the array; tunnel i uses out[i]
    struct queue expect[OUTPUTS][SOURCES];
    uint16_t next_id; // IP identification of the card's next ESP packet
    unsigned failures;
    size_t matched;
    uint64_t sent[2][2];           // a port's frames and bytes
    uint64_t opened[2], sealed[2]; // packets and inner bytes decrypted, encrypted
    uint64_t hairpins, injected;
    uint64_t count[OUTPUTS][2]; // packets and bytes that came out
};

extern const uint8_t peer_mac[6], lan_mac[6];

struct scene *scene_create(uint64_t seed); // ports, addresses, adjacencies, LAN route
void scene_destroy(struct scene *s);

uint32_t peer_address(unsigned i); // outer address of peer i
uint32_t remote_net(unsigned i);   // what lies behind it, /16
struct sa scene_sa(struct scene *s, unsigned i, bool out, bool key256, bool esn,
                   bool encap);                                                     // fills and remembers, random key
void scene_install(struct scene *s, unsigned i, bool key256, bool esn, bool encap); // both directions, tunnel and route

// Inner packet from `src` to `dst`; returns its length.
size_t scene_inner(struct scene *s, uint8_t *out, uint32_t src, uint32_t dst, size_t total);

// Send and, for those with an expectation, remember what must come out.
void scene_clear_to_esp(struct scene *s, unsigned i, size_t total); // inside -> ESP of tunnel i
void scene_esp_to_clear(struct scene *s, unsigned i, size_t total); // ESP of peer i -> inside
void scene_hairpin(struct scene *s, unsigned i, unsigned k, size_t total);
void scene_host_to_esp(struct scene *s, unsigned i, size_t total);
void scene_host_to_port(struct scene *s, unsigned port, size_t len);
void scene_exception(struct scene *s, unsigned port, const uint8_t *frame, size_t len, unsigned reason,
                     unsigned tunnel); // in at a port, to the host

void scene_send(struct scene *s, unsigned port, const uint8_t *frame, size_t len);
void scene_send_esp(struct scene *s, unsigned i, uint64_t seq, const uint8_t *inner,
                    size_t len); // ESP of peer i with this number
void scene_expect(struct scene *s, enum output out, enum source from, const uint8_t *frame, size_t len);
void scene_expect_esp(struct scene *s, enum source from, unsigned sa, const uint8_t *inner,
                      size_t len); // inner as forwarded
void scene_expect_host(struct scene *s, enum source from, const uint8_t *data, size_t len, struct host_meta m);
bool scene_settle(struct scene *s); // drain, compare all; true when everything expected came and nothing else

bool scene_counters(struct scene *s); // the card's counters equal what was sent and expected; checks the SAs' too

void check(bool ok, const char *name); // a TAP line
int finish(void);                      // exit code
