// SPDX-License-Identifier: BSD-2-Clause
// IKEv2 (RFC 7296): the machine, without any I/O.
//
// The engine is a pure consumer of events: messages, timers, finished jobs, lifetime events of the datapath, commands
// of the user. It answers through the functions of struct ike_ops. It owns no socket, no thread and no clock.
//
//  * Time is microseconds on any monotonic clock, passed in as `now`, never falling.
//  * All of it is called from one thread. Only ike_job_run() may run in another one.
//  * Addresses and prefixes are in network byte order, numbers (ports, SPIs, ids) in host byte order.
//  * Operations may be called from inside a callback; SAs are released only when the outermost call returns.
//  * Sessions: an IKE SA keeps its `session` number over rekeys, although its SPIs change. All operations take it.
//
// README.md in this folder tells the states, the timers and the files.
#ifndef CULVERT_IKE_IKE_H
#define CULVERT_IKE_IKE_H

#include "hostd/ike/ike_const.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ike_engine;
struct ike_job;

// ---------------------------------------------------------------------------------------------- addresses, identities

/// An IP address. family 0: none; 4: the first 4 bytes of b; 6: all 16.
struct ike_addr {
    uint8_t family;
    uint8_t b[16];
};

/// Between which two endpoints a message travels. `local` is ours in both directions.
struct ike_path {
    struct ike_addr local, remote;
    uint16_t local_port, remote_port;
    bool natt; ///< on the NAT traversal port: the four zero bytes (non-ESP marker) go before the message on the wire
};

/// An identity (RFC 7296 3.5). Made by ike_id_new or ike_id_parse, released by free().
struct ike_id {
    uint8_t type; ///< enum ike_id_type
    uint16_t len;
    uint8_t data[]; ///< without a terminating zero; IP addresses in network byte order
};

/// NULL: no memory, or more than IKE_MAX_ID bytes.
struct ike_id *ike_id_new(uint8_t type, const void *data, size_t len);
/// From text, by its look: an IPv4 or IPv6 address, something with an '@' (email), else a domain name. "keyid:TEXT" is
/// a key id.
struct ike_id *ike_id_parse(const char *text);
bool ike_id_equal(const struct ike_id *a, const struct ike_id *b);
/// Printable and terminated, cut to `cap` bytes; bytes that are not printable become '?'. Returns `out`.
const char *ike_id_format(const struct ike_id *id, char *out, size_t cap);

bool ike_addr_equal(const struct ike_addr *a, const struct ike_addr *b);
bool ike_path_equal(const struct ike_path *a, const struct ike_path *b);
/// "192.0.2.1" or "2001:db8::1"; false if the text is neither.
bool ike_addr_parse(const char *text, struct ike_addr *out);
const char *ike_addr_format(const struct ike_addr *a, char *out, size_t cap);

/// A condition on the peer's identity.
struct ike_id_match {
    enum ike_match_kind {
        IKE_MATCH_ANY,
        IKE_MATCH_EXACT,        ///< type and bytes equal
        IKE_MATCH_FQDN_DOMAIN,  ///< id is an FQDN in the domain `id`
        IKE_MATCH_EMAIL_DOMAIN, ///< id is an email address in the domain `id`
        IKE_MATCH_ADDRESS,      ///< id is an IPv4 or IPv6 address inside `id`/`prefix`
    } kind;
    struct ike_id *id; ///< owned by the profile; NULL for ANY
    uint8_t prefix;
};

// ---------------------------------------------------------------------------------------------- suites and proposals

/// The algorithms that an SA uses, by registry number. An ESP suite has prf 0; group is that of its PFS, or 0.
struct ike_suite {
    uint16_t encr, encr_bits;
    uint16_t prf;
    uint16_t integ; ///< IKE_INTEG_NONE with an AEAD cipher
    uint16_t group;
    bool esn; ///< ESP only
};

/// A cipher with its key length in bits.
struct ike_cipher {
    uint16_t id, bits;
};

/// What may be combined: of each kind one is chosen, an earlier one rather than a later. AEAD ciphers and others must
/// not share a proposal (RFC 7296 3.3).
struct ike_proposal {
    struct ike_cipher encr[IKE_MAX_TRANSFORMS];
    uint16_t prf[IKE_MAX_TRANSFORMS];   ///< IKE only
    uint16_t integ[IKE_MAX_TRANSFORMS]; ///< empty with AEAD ciphers
    uint16_t group[IKE_MAX_TRANSFORMS]; ///< IKE: at least one. ESP: groups of PFS at a rekey; empty: none
    uint8_t n_encr, n_prf, n_integ, n_group;
    bool esn_yes, esn_no; ///< ESP only: extended sequence numbers are offered / ordinary ones are
};

/// True for a cipher that brings its own integrity.
bool ike_encr_is_aead(uint16_t encr);
/// "AES-GCM-256", "AES-CBC-128/HMAC-SHA2-256-128", with prf and group where set. Returns `out`.
const char *ike_suite_format(const struct ike_suite *s, char *out, size_t cap);

// ---------------------------------------------------------------------------------------------- traffic selectors

/// A range of addresses, ports and a protocol (RFC 7296 3.13.1). Addresses in network byte order, 4 bytes used for
/// IPv4.
struct ike_ts {
    uint8_t type;  ///< enum ike_ts_type; 0 in a profile: "dynamic", the assigned address or else the endpoint's own
    uint8_t proto; ///< IP protocol, 0 any
    uint16_t port_lo, port_hi; ///< 0..65535 any; ICMP: type and code as in the RFC
    uint8_t lo[16], hi[16];
};

/// From a prefix: any protocol, any port.
struct ike_ts ike_ts_prefix(const struct ike_addr *net, uint8_t prefix);
/// "10.0.0.0/8", or "10.0.0.1-10.0.0.9", with "[proto/port]" where not any. Returns `out`.
const char *ike_ts_format(const struct ike_ts *ts, char *out, size_t cap);
/// If the range is a prefix, its length; else -1.
int ike_ts_prefix_len(const struct ike_ts *ts);

// ---------------------------------------------------------------------------------------------- configuration

/// What the configuration payload (RFC 7296 3.15) carries to a remote host.
struct ike_cp_values {
    struct ike_addr address; ///< family 0: none
    uint8_t prefix;          ///< netmask of the address; 0 or 32: not sent
    uint8_t n_dns, n_subnet;
    struct ike_addr dns[IKE_MAX_CP_LIST];
    struct {
        struct ike_addr net;
        uint8_t prefix;
    } subnet[IKE_MAX_CP_LIST];
};

/// How sessions are to be. Made by ike_profile_new, which fills in the smart defaults; changed by the owner until it is
/// first used, then shared and constant. Engines hold references.
struct ike_profile {
    unsigned refs;
    char name[64];
    void *user; ///< the owner's

    struct ike_id *local_id;      ///< NULL: the local address. Owned
    struct ike_id *remote_id;     ///< initiator: sent as IDr; NULL: none sent. Owned
    struct ike_id_match match[8]; ///< the peer's identity must meet one; none configured: any will do
    uint8_t n_match;

    struct ike_proposal ike[IKE_MAX_PROPOSALS];
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    uint8_t n_ike, n_esp;
    bool transport;         ///< transport mode is asked for, and accepted
    bool force_encap;       ///< pretend to be behind a NAT, so that ESP travels in UDP
    uint16_t replay_window; ///< packets

    struct ike_ts ts_local[IKE_MAX_TS], ts_remote[IKE_MAX_TS]; ///< what may pass
    uint8_t n_ts_local, n_ts_remote;

    bool cp_request; ///< initiator: ask for an address
    bool cp_assign;  ///< responder: give addresses from the pool to those who ask

    // Times in seconds, 0: never. A lifetime's rekey comes at `rekey_percent` of it less a random part of up to
    // `jitter_percent` of it; the hard end deletes.
    uint32_t ike_lifetime, child_lifetime;
    uint8_t rekey_percent, jitter_percent;
    uint64_t child_bytes,
        child_packets;      ///< hard limits for the datapath to count, 0: none; soft is rekey_percent of them
    uint32_t dpd_interval;  ///< silence before the peer is asked, 0: never
    uint32_t dpd_retry;     ///< between the questions once one stayed unanswered
    uint8_t dpd_tries;      ///< questions, then the peer is dead
    bool dpd_on_demand;     ///< ask only if traffic was sent and none came back
    uint32_t nat_keepalive; ///< RFC 3948 keepalive when we are behind a NAT

    bool fragmentation;    ///< RFC 7383 offered and used
    uint16_t fragment_mtu; ///< largest IP datagram of IKE, bytes

    uint32_t retrans_ms;      ///< first retransmission after this
    uint32_t retrans_max_ms;  ///< and never later than this after the one before (each waits twice as long)
    uint8_t retrans_tries;    ///< transmissions in all, then the peer is dead
    bool initial_contact;     ///< send INITIAL_CONTACT with the first SA to a peer
    bool delete_on_childless; ///< close the IKE SA when its last child goes
};

/// A profile with the smart defaults (ike_config.c), one reference. NULL: no memory.
struct ike_profile *ike_profile_new(const char *name);
struct ike_profile *ike_profile_ref(struct ike_profile *p);
void ike_profile_unref(struct ike_profile *p);
/// Does the identity meet the profile's conditions?
bool ike_profile_matches(const struct ike_profile *p, const struct ike_id *id);
/// NULL if the profile makes sense, else a sentence that says what does not.
const char *ike_profile_check(const struct ike_profile *p);
/// The default proposals: out[] of IKE_MAX_PROPOSALS, the number is returned.
uint8_t ike_default_ike_proposals(struct ike_proposal *out);
uint8_t ike_default_esp_proposals(struct ike_proposal *out);

/// Bounds of the whole engine. Zero means the default of ike_config.c.
struct ike_limits {
    uint32_t max_sas;            ///< IKE SAs in all
    uint32_t max_half_open;      ///< unauthenticated incoming SAs in all; more are dropped
    uint32_t max_half_open_peer; ///< the same of one address
    uint32_t cookie_threshold;   ///< half-open SAs from which a cookie is asked for
    bool cookie_always;          ///< ask everyone
    uint32_t half_open_s;        ///< seconds an incoming SA has to authenticate
    uint32_t max_children;       ///< CHILD SAs of one IKE SA
    uint16_t port, port_natt;    ///< 500 and 4500 unless tests say otherwise
    bool export_keys;            ///< call ops->key_export: for tests that decrypt captures, never in production
};
struct ike_limits ike_limits_default(void);

// ---------------------------------------------------------------------------------------------- what goes out

enum ike_log_level { IKE_LOG_ERROR, IKE_LOG_WARN, IKE_LOG_INFO, IKE_LOG_DEBUG };

/// Why an SA or a child ended.
enum ike_reason {
    IKE_R_NONE,
    IKE_R_USER,        ///< asked for by an operation
    IKE_R_PEER_DELETE, ///< the peer deleted it
    IKE_R_DEAD_PEER,   ///< no answer
    IKE_R_EXPIRED,     ///< hard lifetime
    IKE_R_REKEYED,     ///< replaced
    IKE_R_REDUNDANT,   ///< lost a rekey collision
    IKE_R_AUTH_FAILED, ///< either side refused the other's authentication
    IKE_R_NO_PROPOSAL, ///< no common algorithms
    IKE_R_TS_UNACCEPTABLE,
    IKE_R_ADDRESS,         ///< no address from the pool
    IKE_R_SYNTAX,          ///< the peer sent what it must not
    IKE_R_REFUSED,         ///< another error notify of the peer
    IKE_R_TIMEOUT,         ///< half-open for too long
    IKE_R_INITIAL_CONTACT, ///< the peer restarted
    IKE_R_INSTALL,         ///< the datapath refused
    IKE_R_RESOURCES,       ///< no memory, no SPI, a limit
    IKE_R_SHUTDOWN,        ///< the engine is being closed
    IKE_R_PARENT,          ///< a child whose IKE SA ended
};
const char *ike_reason_name(enum ike_reason r);

/// Keys of one direction of a CHILD SA.
struct ike_child_key {
    uint8_t encr[IKE_MAX_ENCR_KEY]; ///< AES key, then the 4-byte salt with GCM
    uint8_t integ[IKE_MAX_INTEG_KEY];
    uint8_t encr_len, integ_len; ///< bytes; encr_len includes the salt
};

/// A CHILD SA, as the datapath sees it.
struct ike_child_sa {
    uint32_t id;       ///< never used twice in an engine's life
    uint32_t session;  ///< of its IKE SA
    uint32_t replaces; ///< id of the child that this one rekeys, or 0
    const struct ike_profile *profile;
    bool initiator; ///< of the exchange that made it
    bool transport;
    uint32_t spi_in, spi_out;
    struct ike_suite suite;
    struct ike_path path; ///< outer addresses; the ports of UDP encapsulation
    bool encap;           ///< ESP in UDP
    uint16_t replay_window;
    const struct ike_ts *ts_local, *ts_remote;
    uint8_t n_ts_local, n_ts_remote;
    struct ike_addr assigned; ///< the inner address given to the peer (responder) or to us (initiator), or none
    bool hold_outbound;       ///< install: do not send on it until child_switch (responder of a rekey)
    uint64_t bytes_soft, bytes_hard, packets_soft, packets_hard; ///< 0: no limit
    uint64_t born, rekey_at, expire_at;                          ///< microseconds; 0: never
};

enum { IKE_PENDING = 1 }; ///< child_install: the result comes by ike_child_install_result()

/// For `show`: a snapshot of an IKE SA, valid during the call that gives it.
struct ike_sa_info {
    uint32_t session;
    const struct ike_profile *profile;
    const char *state;
    bool initiator, established;
    uint64_t spi_i, spi_r; ///< host byte order
    struct ike_path path;
    const struct ike_id *local_id, *remote_id; ///< NULL while unknown
    struct ike_suite suite;
    uint8_t auth_local, auth_remote;    ///< enum ike_auth_method
    bool nat_local, nat_remote;         ///< which side is behind a NAT
    bool fragmentation;                 ///< both sides can
    bool cookie;                        ///< a cookie was demanded when it was set up
    uint64_t born, rekey_at, expire_at; ///< microseconds; 0: never
    uint64_t last_in;                   ///< last authenticated message
    uint32_t next_out, next_in;         ///< message ids
    uint32_t requests_queued;
    uint32_t window;
    struct ike_cp_values cp;                 ///< given or taken
    const struct ike_child_sa *const *child; ///< children, oldest first
    uint32_t n_child;
    uint64_t msgs_in, msgs_out, retransmits, dpd_sent, rekeys;
};

/// Counters of the whole engine.
struct ike_stats {
    uint64_t in_messages, out_messages, retransmits;
    uint64_t sas_up, sas_down, children_up, children_down, ike_rekeys, child_rekeys, collisions;
    uint64_t init_requests, init_dropped_limit, cookies_sent, cookies_bad, invalid_ke_sent;
    uint64_t auth_failures, no_proposal, ts_unacceptable, temporary_failures;
    uint64_t bad_length, bad_version, bad_payload, bad_critical, bad_spi, bad_message_id, bad_exchange;
    uint64_t bad_integrity, bad_fragment, fragments_in, fragments_out, reassembled;
    uint64_t duplicate_requests, unexpected_responses, dpd_sent, dead_peers, out_of_memory, install_failures,
        peer_moves;
};

/// Which keys are exported.
struct ike_key_export {
    bool child;
    uint64_t spi_i, spi_r;                        ///< IKE
    const uint8_t *sk_ei, *sk_er, *sk_ai, *sk_ar; ///< IKE: encr keys (GCM: with salt), integrity keys
    size_t encr_len, integ_len;
    const struct ike_child_sa *sa; ///< child
    const struct ike_child_key *in, *out;
    struct ike_suite suite;
};

/// Asked when a request comes in: which profile serves this peer?
struct ike_select {
    const struct ike_path *path;
    const struct ike_id *idi, *idr;    ///< NULL at IKE_SA_INIT; idr NULL if the peer did not say whom it wants
    const struct ike_profile *current; ///< what was chosen at IKE_SA_INIT; NULL then
};

/// What the engine needs from its owner. `ctx` is the pointer given to ike_new. Members marked (optional) may be NULL.
struct ike_ops {
    /// Send a message. With path->natt the owner writes the non-ESP marker. len 1 and natt: a NAT keepalive (one byte
    /// 0xff, without a marker). Errors are the owner's to log; retransmission will repair them.
    void (*send)(void *ctx, const struct ike_path *path, const uint8_t *msg, size_t len);
    /// Public-key work (optional): run ike_job_run(job) anywhere, then ike_job_complete() in the engine's thread.
    /// Without it, jobs run at once.
    void (*submit)(void *ctx, struct ike_job *job);
    /// Random bytes (optional; RAND_priv_bytes). false: failed.
    bool (*random)(void *ctx, void *out, size_t len);
    /// Zeroed memory (optional; calloc). Given back by free().
    void *(*alloc)(void *ctx, size_t size);
    /// A sentence for the log (optional). path may be NULL.
    void (*log)(void *ctx, enum ike_log_level level, const struct ike_path *path, const char *text);

    /// Which profile? NULL refuses the peer. The engine takes its own reference.
    struct ike_profile *(*select)(void *ctx, const struct ike_select *sel);
    /// The pre-shared key for this pair, copied to key[cap]: its length, or -1 if there is none. remote is never NULL.
    int (*psk)(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
               const struct ike_path *path, uint8_t *key, size_t cap);
    /// The key that the peer's AUTH is verified with, where it is another than our own (optional; else psk gives both).
    int (*psk_remote)(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                      const struct ike_path *path, uint8_t *key, size_t cap);
    /// An address for a remote host (optional with no cp_assign): fill `out`, 0 or -1. `wanted` is what it had or
    /// wishes.
    int (*addr_alloc)(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                      const struct ike_addr *wanted, struct ike_cp_values *out);
    void (*addr_free)(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_addr *a);

    /// An inbound SPI, which the receiver chooses (RFC 4303); never below 256. 0 or -1.
    int (*spi_alloc)(void *ctx, uint32_t *spi);
    /// An SPI that was allocated and is not wanted; for an installed child, child_remove comes first.
    void (*spi_free)(void *ctx, uint32_t spi);
    /// Install both directions. Keys are valid during the call only. 0: done; IKE_PENDING; or negative: refused.
    int (*child_install)(void *ctx, const struct ike_child_sa *sa, const struct ike_child_key *in,
                         const struct ike_child_key *out);
    /// Outbound traffic goes on this child from now on (instead of the one it replaces).
    void (*child_switch)(void *ctx, const struct ike_child_sa *sa);
    /// Outer addresses, ports or encapsulation changed (NAT).
    void (*child_update)(void *ctx, const struct ike_child_sa *sa);
    /// Remove both directions. Also called for a child whose install is pending: the owner drops the result.
    void (*child_remove)(void *ctx, const struct ike_child_sa *sa, enum ike_reason why);
    /// When traffic last came in and went out on a child, microseconds (optional; for on-demand DPD).
    void (*child_activity)(void *ctx, const struct ike_child_sa *sa, uint64_t *last_in, uint64_t *last_out);

    // Events (all optional).
    void (*sa_up)(void *ctx, const struct ike_sa_info *sa);
    void (*sa_down)(void *ctx, const struct ike_sa_info *sa, enum ike_reason why); ///< also for one that never came up
    void (*sa_rekeyed)(void *ctx, const struct ike_sa_info *sa);
    void (*child_up)(void *ctx, const struct ike_child_sa *sa);
    void (*child_failed)(void *ctx, uint32_t session, enum ike_reason why, uint16_t notify);
    void (*path_changed)(void *ctx, const struct ike_sa_info *sa, const struct ike_path *old);
    void (*key_export)(void *ctx, const struct ike_key_export *k); ///< only with limits->export_keys
};

// ---------------------------------------------------------------------------------------------- the engine

/// `ops` must live as long as the engine. limits NULL: defaults. NULL: no memory, or OpenSSL lacks an algorithm.
struct ike_engine *ike_new(const struct ike_ops *ops, void *ctx, const struct ike_limits *limits);
/// Other limits from now on; what is there already stays. NULL: defaults. The ports and export_keys change as well.
void ike_set_limits(struct ike_engine *e, const struct ike_limits *limits);
/// Release everything: children are removed, addresses and SPIs given back, without a word to the peers. Jobs that were
/// submitted must be completed or discarded by ike_job_discard() afterwards.
void ike_free(struct ike_engine *e);

/// A message came in (without the non-ESP marker).
void ike_input(struct ike_engine *e, const struct ike_path *path, const uint8_t *msg, size_t len, uint64_t now);
/// When ike_run_timers is to be called next; UINT64_MAX: never.
uint64_t ike_next_timer(const struct ike_engine *e);
void ike_run_timers(struct ike_engine *e, uint64_t now);

/// Run a job's public-key operation: in any thread, once. Touches nothing but the job.
void ike_job_run(struct ike_job *job);
/// A job has run: go on, and release it.
void ike_job_complete(struct ike_engine *e, struct ike_job *job, uint64_t now);
/// Release a job, run or not, whose engine is gone.
void ike_job_discard(struct ike_job *job);

/// Set up an IKE SA with its first child. Returns the session, or 0: no memory, a limit, or a profile that makes no
/// sense.
uint32_t ike_initiate(struct ike_engine *e, struct ike_profile *p, const struct ike_path *path, uint64_t now);
// Operations on a session or child: 0, or -1 if there is none such, or it is not in a state to do it.
int ike_rekey_ike(struct ike_engine *e, uint32_t session, uint64_t now);
int ike_rekey_child(struct ike_engine *e, uint32_t spi_in, uint64_t now);
/// Another child. NULL selectors: the profile's.
int ike_new_child(struct ike_engine *e, uint32_t session, const struct ike_ts *local, size_t n_local,
                  const struct ike_ts *remote, size_t n_remote, uint64_t now);
int ike_delete_child(struct ike_engine *e, uint32_t spi_in, uint64_t now);
/// Delete the IKE SA with all its children, telling the peer.
int ike_delete(struct ike_engine *e, uint32_t session, uint64_t now);
/// Ask the peer whether it lives (DPD), now.
int ike_probe(struct ike_engine *e, uint32_t session, uint64_t now);
/// The datapath says that a lifetime in bytes, packets or sequence numbers is ending (soft: rekey) or over (hard:
/// delete).
int ike_child_expire(struct ike_engine *e, uint32_t spi_in, bool hard, uint64_t now);
/// ESP traffic that proved authentic came in on a held child of a rekey: the peer uses it, so do we.
int ike_child_inbound_seen(struct ike_engine *e, uint32_t spi_in, uint64_t now);
/// The result of a child_install that was IKE_PENDING: 0 or negative.
void ike_child_install_result(struct ike_engine *e, uint32_t child_id, int result, uint64_t now);

/// Walk all sessions; fn returns false to stop.
void ike_show(struct ike_engine *e, bool (*fn)(void *arg, const struct ike_sa_info *sa), void *arg);
/// One session; false if there is none.
bool ike_show_one(struct ike_engine *e, uint32_t session, void (*fn)(void *arg, const struct ike_sa_info *sa),
                  void *arg);
const struct ike_stats *ike_stats(const struct ike_engine *e);
/// How many IKE SAs there are, in any state, and how many are half-open.
void ike_counts(const struct ike_engine *e, uint32_t *sas, uint32_t *half_open, uint32_t *children);

// ---------------------------------------------------------------------------------------------- names

/// One row of a table of names.
struct ike_name {
    uint16_t number;
    uint16_t bits;    ///< ciphers: key length, 0 otherwise
    const char *name; ///< as in the registry, for `show` and logs
    const char *word; ///< as in the configuration, or NULL
};
enum ike_name_kind {
    IKE_NAMES_EXCHANGE,
    IKE_NAMES_PAYLOAD,
    IKE_NAMES_NOTIFY,
    IKE_NAMES_ENCR,
    IKE_NAMES_PRF,
    IKE_NAMES_INTEG,
    IKE_NAMES_GROUP,
    IKE_NAMES_AUTH,
    IKE_NAMES_ID,
    IKE_NAMES_PROTO,
    IKE_NAMES_CP_TYPE,
};
/// The table of a kind; its end is a row with name NULL.
const struct ike_name *ike_names(enum ike_name_kind kind);
/// The name of a number ("unknown" if it has none).
const char *ike_name(enum ike_name_kind kind, unsigned number);
/// The name of a cipher with its key length in bits.
const char *ike_encr_name(uint16_t encr, uint16_t bits);
/// The row whose configuration word this is, or NULL.
const struct ike_name *ike_name_find(enum ike_name_kind kind, const char *word);

#endif
