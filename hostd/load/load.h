// SPDX-License-Identifier: BSD-2-Clause
// culvert-load: many simulated initiators in one process, over real sockets, with the daemon's own IKE machine and ESP.
//
//   options.c   the command line            wire.c     sockets, in batches
//   load.c      the loop and its phases     spokes.c   the simulated initiators and the machine's operations
//   traffic.c   ESP, and the packets that     creds.c    certificates
//               prove that an SA passes       samples.c  measurements and their percentiles
//   eap.c       EAP as their authentication     report.c  what came of it
//   chance.c    what is random and repeats
//
// One thread. Time is microseconds of the monotonic clock. Ports are in host order.
#ifndef CULVERT_LOAD_LOAD_H
#define CULVERT_LOAD_LOAD_H

#include "hostd/dp/esp.h"
#include "hostd/dp/replay.h"
#include "hostd/ike/ike.h"
#include "hostd/util/map.h"

#include <netinet/in.h>
#include <signal.h>

enum { LOAD_SECOND = 1000000, LOAD_TEXT = 128, LOAD_REASONS = 32, LOAD_WHY = 200 };

enum load_exit { LOAD_FINE = 0, LOAD_FAILED = 1, LOAD_USAGE = 2, LOAD_START = 3, LOAD_INTERRUPTED = 130 };

enum load_rekey { LOAD_REKEY_NONE, LOAD_REKEY_CHILD, LOAD_REKEY_IKE };

// What there is for each family of addresses is in arrays by these.
enum load_family { LOAD_IPV4, LOAD_IPV6, LOAD_FAMILIES };

static inline enum load_family load_family(const struct ip_addr *a)
{
    return a->family == 6 ? LOAD_IPV6 : LOAD_IPV4;
}

struct load_options {
    struct ip_addr target, local;                             // outside, of one family
    struct ip_addr inner[LOAD_FAMILIES], ping[LOAD_FAMILIES]; // inside; family 0: none
    uint32_t count;                                           // initiators
    uint32_t addresses;                                       // outer addresses they share, from `local` on
    uint32_t concurrency;                                     // set up at the same time, at most
    uint32_t rate;                                            // started a second at most, 0: no limit
    char id[LOAD_TEXT], remote_id[LOAD_TEXT], psk[LOAD_TEXT];
    const char *cert, *key, *ca;               // PEM files; ca NULL: pre-shared key
    uint8_t eap;                               // how the initiators authenticate: enum eap_type, or 0
    bool eap_only;                             // and the responder by it, too (RFC 5998)
    char user[LOAD_TEXT], password[LOAD_TEXT]; // of EAP; user "": the IKE identity
    struct ike_cipher encr, esp_encr;
    uint16_t prf, integ, group, esp_integ, pfs; // pfs: group of rekeys of a CHILD_SA, or none
    struct ike_ts remote_ts[LOAD_FAMILIES];
    bool ask[LOAD_FAMILIES]; // for an inner address
    bool childless, encap, esn, leave, json, quiet, verbose;
    uint32_t storms;
    uint32_t duration; // s: set up and delete again and again; 0: once each
    uint32_t hold;     // s
    enum load_rekey rekey;
    uint32_t rekeys, rekey_rate; // in all; a second
    uint32_t pps;                // packets a second while rekeying, of all together
    uint32_t retrans_ms, tries, timeout;
    uint32_t seed;
    bool shuffle;
    uint32_t spread; // ms over which the spokes of a storm come back
    uint32_t loss;   // percent of IKE messages, each way
    uint32_t wait;   // s that the answer to a packet may take
};

// false: print nothing more and exit with *code.
bool options_parse(struct load_options *o, int argc, char **argv, int *code);

// ------------------------------------------------------------------------------------------------ samples

// Measurements of one kind; grows as needed.
struct samples {
    uint64_t *at;
    size_t n, cap;
};
void samples_add(struct samples *s, uint64_t value);
// Sorts. 0 if there are none.
uint64_t samples_percentile(struct samples *s, double percent);
void samples_free(struct samples *s);

// ------------------------------------------------------------------------------------------------ chance

enum chance_of { CHANCE_ORDER, CHANCE_SPREAD, CHANCE_JITTER, CHANCE_LOSS_OUT, CHANCE_LOSS_IN };

// A random number of 32 bits, the same for the same arguments.
uint32_t chance_draw(uint32_t seed, enum chance_of what, uint32_t whom, uint32_t turn);
// From a draw a number below the limit.
uint32_t chance_below(uint32_t draw, uint32_t limit);
// The numbers below n in a random order, to be freed. NULL: no memory.
uint32_t *chance_order(uint32_t seed, uint32_t n);

// ------------------------------------------------------------------------------------------------ wire

struct wire;
struct load;
// For outer addresses of that family, 4 or 6. NULL: an error was printed. `raw`: receive ESP that is not in UDP, too.
struct wire *wire_open(uint8_t family, bool raw);
void wire_close(struct wire *w);
void wire_ike(struct wire *w, const struct ike_path *path, const uint8_t *msg, size_t len);
void wire_esp(struct wire *w, const struct ike_path *path, bool encap, const uint8_t *esp, size_t len);
// Wait at most `wait` microseconds (and for nothing if there is work), take what has come.
void wire_run(struct wire *w, struct load *l, uint64_t wait);
void wire_flush(struct wire *w);

// ------------------------------------------------------------------------------------------------ initiators

enum spoke_state { SPOKE_IDLE, SPOKE_TRYING, SPOKE_UP, SPOKE_FAILED, SPOKE_LEAVING };

struct spoke {
    enum spoke_state state;
    uint32_t index, session;
    struct ike_profile *profile; // made at the first start
    uint64_t started;            // its first IKE_SA_INIT
    uint64_t retry_at;
    struct load_child *out; // the child that sends
    uint32_t pauses;        // of its machine that were stretched
    uint32_t out_n, in_n;   // IKE messages of the address that it is the first to have
    uint32_t unproved;      // first packets of the new SA that are still awaited
    bool rekeying;
    uint64_t rekey_at, heard, silence; // last answer; longest time without one since the last rekey began
};

// One CHILD_SA, both directions.
struct load_child {
    struct spoke *spoke;
    uint32_t spi_in, spi_out;
    struct esp *in, *out;
    struct replay replay;
    uint64_t seq;
    struct ike_path path;
    bool encap, esn;
    struct ip_addr inner[LOAD_FAMILIES]; // family 0: none
};

// A packet that was sent and is to be answered.
struct probe {
    uint64_t at;
    uint32_t spoke;
    bool first, answered, given_up;
};

// One go at setting all up.
struct round {
    uint64_t began, ended;
    uint64_t tried, up, failed;
    uint64_t latest; // when the last one came up
    struct samples latency;
    uint64_t retransmits; // of the machine, before
};

// How it came to its end: by itself; interrupted; interrupted again while it deleted what was up.
enum load_end { LOAD_END_DONE, LOAD_END_INTERRUPTED, LOAD_END_AT_ONCE };

enum phase { PHASE_SETUP, PHASE_REKEY, PHASE_SETTLE, PHASE_HOLD, PHASE_WAIT, PHASE_STORM, PHASE_BYE, PHASE_END };

struct load {
    const struct load_options *o;
    struct wire *wire;
    struct ike_engine *ike;
    struct creds *creds;   // NULL: pre-shared key
    struct load_eap *eap;  // NULL: not by EAP
    char detail[LOAD_WHY]; // what is known better than the machine's reason while it is called, or ""
    struct spoke *spoke;
    uint32_t *order;        // of their starts; NULL: by number
    struct spoke *starting; // whose session has no number yet
    struct map sessions;    // spokes by session
    struct map children;    // by inbound SPI
    uint64_t now;
    enum load_end end;
    enum phase phase;
    uint64_t phase_at;
    uint64_t told_at, told_up; // at the last line of progress: when, and how many had come up in this round
    struct round *round;       // the current one
    struct round first;
    struct round *storm; // o->storms of them
    uint32_t storms;     // begun
    uint32_t next, under_way, n_up;
    uint64_t next_start;
    struct {
        char why[LOAD_WHY];
        uint64_t n;
    } reason[LOAD_REASONS];
    unsigned reasons;
    uint64_t dropped_out, dropped_in; // IKE messages
    uint64_t bye_at;                  // when an SA last went while taking leave
    uint32_t bye_sas;                 // how many there were then
    uint32_t left;                    // SAs whose delete the responder has not answered
    uint64_t lost_sas;                // that were up and ended without having been told to
    // Rekeys.
    uint64_t rekeys_begun, rekeys_done, rekeys_failed, next_rekey, next_ping;
    uint32_t rekey_turn, ping_turn;
    enum load_family family_turn;
    struct samples silences;
    // Probes.
    struct probe *probe;
    size_t probes, probes_cap;
    uint64_t first_sent, first_answered, sent, answered, strange;
    size_t oldest; // the first that may still be answered
    struct samples rtt;
    // Over all engines that there were.
    struct ike_stats before;
};

uint64_t load_now(void);
void load_reason(struct load *l, const char *why);
// Is this IKE message to be lost, which goes out from or came in to our address?
bool spokes_lose(struct load *l, const struct ip_addr *local, bool out);
bool spokes_engine(struct load *l); // a new machine; the one before is forgotten, and the peers are not told
bool spoke_start(struct load *l, struct spoke *s);
void spoke_leave(struct load *l, struct spoke *s);
void spoke_rekey(struct load *l, struct spoke *s);
// A number in the place of the pattern's %u.
void spoke_text(const char *pattern, uint32_t n, char *out, size_t cap);
struct ike_stats spokes_stats(const struct load *l);

bool creds_open(struct load *l); // false: an error was printed
void creds_close(struct load *l);
// Authentication of a profile. false: an error was printed, or no memory.
bool creds_profile(const struct load *l, struct ike_profile *p, uint32_t n);
void creds_check(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                 const struct ike_certs *certs);
// Answers what the machine has asked; true: there was something.
bool creds_run(struct load *l);

// Of all initiators, or NULL; what the responder has to lead to.
const struct ike_cred *creds_shared(const struct load *l);
struct x509_store_st *creds_trust(const struct load *l);

bool eap_open(struct load *l); // false: an error was printed
void eap_close(struct load *l);
void *eap_op_begin(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer);
void eap_op_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len);
void eap_op_end(void *ctx, void *conversation);

int traffic_install(struct load *l, struct spoke *s, const struct ike_child_sa *sa, const struct ike_child_key *in,
                    const struct ike_child_key *out);
void traffic_switch(struct load *l, uint32_t spi_in);
void traffic_update(struct load *l, const struct ike_child_sa *sa);
void traffic_remove(struct load *l, uint32_t spi_in);
void traffic_clear(struct load *l);
// Is there somebody to be pinged?
bool traffic_wanted(const struct load_options *o);
// An echo request of each family that is pinged through the SA that sends now: the first through it.
void traffic_prove(struct load *l, struct spoke *s);
// One echo request, of the families in turn.
void traffic_ping(struct load *l, struct spoke *s);
// ESP that came in.
void traffic_input(struct load *l, const uint8_t *esp, size_t len);
// What nobody will answer any more is given up; the number that is still awaited.
size_t traffic_awaited(struct load *l);

// A line on stderr; its rate is that since the line before.
void report_progress(struct load *l);
void report(struct load *l);
bool report_good(const struct load *l);

int load_run(const struct load_options *o);

#endif
