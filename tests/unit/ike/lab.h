// SPDX-License-Identifier: BSD-2-Clause
// Two IKE engines in one process, a clock that is only a number, and a network that loses, repeats, delays and
// translates as it is told. Each node has a fake datapath that keeps account: every SPI, child and address that is
// taken must be given back, and both ends of a CHILD SA must hold the same keys for the same SPI.
#ifndef CULVERT_TESTS_IKE_LAB_H
#define CULVERT_TESTS_IKE_LAB_H

#include "hostd/ike/ike.h"

enum { LAB_NODES = 2, LAB_CHILDREN = 256, LAB_SPIS = 512, LAB_JOBS = 64 };
enum { LAB_SECOND = 1000000 };

struct lab;

/// A CHILD SA in the fake datapath.
struct lab_child {
    bool used, pending, held;
    uint32_t id, session;
    uint32_t spi_in, spi_out;
    struct ike_suite suite;
    struct ike_child_key in, out;
    struct ike_path path;
    bool encap;
    struct ike_ts ts_local, ts_remote; ///< the first of each
    uint8_t n_local, n_remote;
    uint32_t replaces;
};

struct lab_node {
    struct lab *lab;
    int index;
    struct ike_engine *e;
    struct ike_ops ops;
    struct ike_limits limits;
    struct ike_profile *profile;
    struct ip_addr addr, other;         ///< and a second one, which family 0 leaves out
    struct ip_addr told[IKE_MAX_EXTRA]; ///< what extra_addresses answers
    unsigned n_told;
    struct ike_proposal esp_now; ///< what the configuration has now for ESP; n_encr 0: what the profile has
    // Redirect: clients are sent to `gateway` (family 0: nobody is), unless they came to that address or from `never`.
    // With a name, clients of the first address (not of `other`) are sent to that.
    struct ip_addr gateway, never, came_from;
    char gateway_name[IKE_MAX_GATEWAY + 1];
    unsigned n_redirect;
    uint64_t lookup; ///< the last one that `resolve` was asked for
    char looked_up[IKE_MAX_GATEWAY + 1];
    unsigned n_lookups;
    bool no_lookups;    ///< resolve says that it cannot
    struct ike_ppk ppk; ///< id_len 0: none
    unsigned lost;      ///< messages that went nowhere for want of the address
    uint64_t seed;
    char psk[64];
    char psk_remote[64]; ///< empty: the same
    bool no_profile;

    struct lab_child child[LAB_CHILDREN];
    uint32_t spi[LAB_SPIS]; ///< allocated ones, 0: free place
    uint32_t next_spi;
    unsigned pool_size, pool_used;
    bool install_later; ///< child_install answers IKE_PENDING
    bool jobs_later;    ///< jobs wait for lab_run_jobs
    struct ike_job *job[LAB_JOBS];
    unsigned n_jobs;
    uint64_t traffic_in, traffic_out; ///< what child_activity says, once child_look was called
    uint64_t seen_in, seen_out;       ///< as of the last child_look
    unsigned looks;

    // Named faults: the n-th call (1-based) of each fails, 0: none does. The counts go on.
    unsigned fail_alloc, fail_install, fail_spi, fail_random;
    unsigned n_alloc, n_install, n_spi, n_random;

    uint8_t nonce[32]; ///< the last 32 random bytes that were asked for

    // Events.
    unsigned ups, downs, rekeys, child_ups, child_fails, installs, removes, switches, updates, moves, keepalives;
    uint32_t session; ///< of the last sa_up
    enum ike_reason down_why, fail_why;
    struct ike_cp_values cp;   ///< what the other one told, at the last sa_up or cp_taken
    struct ike_cp_values tell; ///< what it tells who asks, or by CFG_SET; the address is added
    unsigned taken;            ///< cp_taken events
    struct ike_suite suite;
    bool nat_local, nat_remote, cookie, fragmentation;
    unsigned exported_ike, exported_child;
};

/// A message on its way.
struct lab_packet {
    struct lab_packet *next;
    uint64_t at;
    uint64_t number; ///< of all that were sent, from 1
    int from, to;
    struct ike_path path; ///< as the receiver will see it
    size_t len;
    uint8_t bytes[];
};

/// What the network does with a message.
struct lab_fate {
    bool drop;
    unsigned copies; ///< extra ones
    uint64_t delay;  ///< more than the usual
};

struct lab {
    uint64_t now;
    struct lab_node node[LAB_NODES];
    struct lab_packet *queue;
    uint64_t sent, seed;
    uint64_t latency;
    /// Decides on each message (NULL: all pass).
    struct lab_fate (*fate)(struct lab *lab, const struct lab_packet *p);
    uint64_t arg; ///< for it
    uint64_t arg2;
    bool nat;          ///< node 0 sits behind a NAT
    uint16_t nat_port; ///< added to its ports on the outside
    struct ip_addr nat_addr;
    bool strict; ///< a message from or to an address (behind the NAT: port) that its node has not (any more) is lost
    bool verbose;
    bool shut; ///< nothing passes
};

/// Two nodes with default profiles (any traffic) and the same key; nothing is running yet. Change node[].profile,
/// limits, psk, then lab_start.
struct lab *lab_new(void);
void lab_start(struct lab *lab);
/// Node `i` initiates to the other one; the session.
uint32_t lab_initiate(struct lab *lab, int i);
/// lab_start, and node 0 initiates; a second later they are up, or it was refused.
void lab_connect(struct lab *lab);
/// The same with default profiles, from lab_new on.
struct lab *lab_connected(void);
struct ike_path lab_path(const struct lab *lab, int i);
/// Deliver and run timers until the time `until` (lab->now is that afterwards).
void lab_run(struct lab *lab, uint64_t micros);
/// Run until `cond` holds, at most `micros`; did it?
bool lab_until(struct lab *lab, bool (*cond)(struct lab *lab), uint64_t micros);
/// Run the public-key jobs that wait.
void lab_run_jobs(struct lab *lab);
/// Run, `steps` times `micros`, with the jobs that wait done after each step.
void lab_run_slowly(struct lab *lab, unsigned steps, uint64_t micros);
/// Finish the installs that wait.
void lab_finish_installs(struct lab_node *n, int result);
/// Both nodes have exactly `n` children installed, and each pair agrees in keys, suite, selectors, encapsulation.
void lab_assert_children(struct lab *lab, unsigned n);
/// Both nodes have `n` established IKE SAs, and no other that is not over (CLOSED ones do not count).
void lab_assert_sas(struct lab *lab, unsigned n);
unsigned lab_children(const struct lab_node *n);
unsigned lab_sas(struct lab_node *n);
/// After a fault, and time enough: both sides have the same sessions (one, or none), and no SA besides, half-open or
/// half-dead.
void lab_assert_tidy(struct lab *lab);
/// The child that receives on this SPI, or NULL.
struct lab_child *lab_child_of(struct lab_node *n, uint32_t spi_in);
/// The first installed child.
struct lab_child *lab_first(struct lab_node *n);
/// The newest installed child.
struct lab_child *lab_last(struct lab_node *n);
/// Free the engines and assert that nothing is left: no child, SPI, address, job.
void lab_end(struct lab *lab);
/// With LAB_CORPUS=FOLDER in the environment every message that is delivered is written there for the fuzz targets,
/// decrypted: FOLDER/codec and FOLDER/engine, one file for each shape of message (capture.c).
void lab_capture(struct lab *lab, const struct lab_packet *p);
/// The IKE exchange type, message id and flags of a message.
uint8_t lab_exchange(const struct lab_packet *p);
uint32_t lab_mid(const struct lab_packet *p);
bool lab_is_response(const struct lab_packet *p);
uint64_t lab_random(uint64_t *seed);
/// The seed from the environment variable SEED, or the default; printed once.
uint64_t lab_seed(void);
/// A fate: one message of eight is lost, some come twice, each is late by less than `arg2`. By chance, from the seed
/// `arg`.
struct lab_fate lab_bad_network(struct lab *lab, const struct lab_packet *p);
/// Both are up with one child each.
bool lab_is_up(struct lab *lab);

#endif
