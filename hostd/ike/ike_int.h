// SPDX-License-Identifier: BSD-2-Clause
// What the files of the engine share. Not for anyone else: users include ike.h.
#ifndef CULVERT_IKE_INT_H
#define CULVERT_IKE_INT_H

#include "hostd/ike/ike.h"
#include "hostd/ike/ike_codec.h"
#include "hostd/ike/ike_crypto.h"
#include "hostd/ike/ike_proposal.h"
#include "hostd/ike/ike_table.h"

#include <stdlib.h>
#include <string.h>

enum { IKE_SECOND = 1000000 };

/// States of an IKE SA. README.md draws them; the rows are in ike_sa.c.
enum ike_state {
    IKE_S_NEW,         ///< made, nothing sent or answered
    IKE_S_INIT_SENT,   ///< initiator: IKE_SA_INIT request is out
    IKE_S_INIT_RCVD,   ///< responder: the key exchange is being computed
    IKE_S_AUTH_WAIT,   ///< responder: half-open, IKE_SA_INIT answered
    IKE_S_AUTH_SENT,   ///< initiator: keys are there, IKE_AUTH request is out
    IKE_S_ESTABLISHED, ///< both sides authenticated
    IKE_S_REPLACED,    ///< rekeyed: another SA has its children; a Delete is to come
    IKE_S_DELETING,    ///< our Delete is out
    IKE_S_CLOSED,      ///< over; answers retransmissions of the last request
    IKE_S_DEAD,        ///< to be released
    IKE_S_COUNT
};

/// States of a CHILD SA; rows in ike_child.c.
enum ike_child_state {
    IKE_C_NEW,        ///< has an SPI
    IKE_C_INSTALLING, ///< the datapath will tell
    IKE_C_UP,
    IKE_C_REPLACED, ///< rekeyed or redundant: the peer will delete it
    IKE_C_DELETING, ///< we delete it
    IKE_C_LINGER,   ///< deleted; its inbound half takes stragglers
    IKE_C_DEAD,
    IKE_C_COUNT
};

/// Timers of SAs and children.
enum ike_timer_kind {
    IKE_TM_RETRANS, ///< of the request that is out, or the start of a task that waits
    IKE_TM_LIFE,    ///< SA: half-open limit, rekey, end, release
    IKE_TM_DPD,
    IKE_TM_KEEPALIVE,
    IKE_TM_CHILD, ///< child: rekey, end, switch, linger
};
enum { IKE_SA_TIMERS = 4, IKE_CHILD_TIMERS = 1 };

/// Facts that an authenticated peer must have proved; see ike_auth.c.
enum ike_fact {
    IKE_FACT_KEYS = 1 << 0,    ///< the IKE_SA_INIT keys were proved by a protected message
    IKE_FACT_PROFILE = 1 << 1, ///< the profile accepts the identity
    IKE_FACT_PEER = 1 << 2,    ///< the peer's AUTH was verified
    IKE_FACT_SELF = 1 << 3,    ///< our AUTH was computed
    IKE_FACTS_REQUIRED = IKE_FACT_KEYS | IKE_FACT_PROFILE | IKE_FACT_PEER | IKE_FACT_SELF,
};

/// Messages that are sent again byte for byte: one, or all its fragments.
struct ike_flight {
    size_t len;
    uint8_t bytes[]; ///< each: 32-bit length in host order, then the message
};

/// A message that is being put together from fragments (RFC 7383).
struct ike_frags {
    uint32_t mid;
    bool response;
    uint16_t total, have;
    uint8_t first; ///< first payload type, from fragment 1
    size_t bytes;
    struct {
        uint8_t *p;
        uint16_t len;
    } part[IKE_MAX_FRAGMENTS];
};

struct ike_sa;
struct ike_child;
struct ike_task;

/// For whom public-key work is done: an exchange of ours, or a request of the peer.
enum ike_job_slot { IKE_JOB_TASK, IKE_JOB_REQUEST, IKE_JOB_SLOTS };

/// Public-key work and what to do then. The SA is found again by its SPI: it may be gone by then.
struct ike_job {
    struct ike_engine *e;
    uint64_t spi;    ///< local SPI of the SA
    uint64_t serial; ///< matches sa->job[slot], else nobody waits for it any more
    enum ike_job_slot slot;
    void (*done)(struct ike_sa *sa, struct ike_job *job);
    bool generate, derive, ok;
    uint16_t group;
    EVP_PKEY *key;
    uint8_t pub[IKE_MAX_KE], peer[IKE_MAX_KE], secret[IKE_MAX_KE];
    size_t pub_len, peer_len, secret_len;
};

enum ike_task_kind {
    IKE_TASK_INIT,
    IKE_TASK_AUTH,
    IKE_TASK_DELETE_IKE,
    IKE_TASK_DELETE_CHILD,
    IKE_TASK_REKEY_IKE,
    IKE_TASK_REKEY_CHILD,
    IKE_TASK_NEW_CHILD,
    IKE_TASK_DPD,
};

/// An exchange that we start. One is active on an SA at a time (window size 1), the others wait.
struct ike_task {
    struct ike_task *next;
    enum ike_task_kind kind;
    bool sent;   ///< the request is out (or was)
    bool no_esn; ///< offer ordinary sequence numbers only
    uint8_t retries;
    uint64_t not_before;
    uint32_t child;   ///< id of the child concerned: to delete, to rekey
    uint32_t made;    ///< id of the child that is being made
    uint64_t made_sa; ///< SPI of the SA that is being made
    uint16_t notify;  ///< DELETE_IKE: error notify that goes along
    uint16_t group;   ///< of the key exchange, 0: none
    EVP_PKEY *key;
    uint8_t nonce[IKE_NONCE_LEN];
    uint8_t *ke; ///< our public value
    size_t ke_len;
    uint8_t *nr; ///< the peer's nonce
    uint16_t nr_len;
    // A simultaneous rekey by the peer (RFC 7296 2.8.1, 2.8.2).
    uint32_t peer_child;             ///< id of the child the peer's request made
    uint64_t peer_sa;                ///< SPI of the SA the peer's request made
    uint8_t peer_min[IKE_MAX_NONCE]; ///< the lower nonce of the peer's exchange
    uint16_t peer_min_len;
    // NEW_CHILD: selectors other than the profile's.
    struct ike_ts *ts; ///< local ones, then remote ones
    uint8_t n_local, n_remote;
};

/// A request of the peer that is answered later.
struct ike_request {
    enum ike_exchange exchange;
    bool ike;        ///< rekeys the IKE SA
    uint32_t rekeys; ///< id of the child it rekeys, or 0
    bool collides;   ///< our own rekey of the same was out when it came
    uint32_t child;  ///< id of the child being made, waiting for its install
    uint64_t sa;     ///< SPI of the SA being made
    struct ike_chosen chosen;
    bool transport;
    uint8_t *nonce; ///< the peer's
    uint16_t nonce_len;
    uint8_t ours[IKE_NONCE_LEN];
    struct ike_ts tsi[IKE_MAX_TS], tsr[IKE_MAX_TS]; ///< as the peer sent them
    uint8_t n_tsi, n_tsr;
    uint8_t pub[IKE_MAX_KE];
    size_t pub_len;
    uint16_t notify; ///< error for the CHILD SA of IKE_AUTH
};

struct ike_child {
    struct ike_child_sa pub;
    struct ike_child *next; ///< of the same SA, oldest first
    struct ike_sa *sa;
    enum ike_child_state state;
    bool installed;      ///< child_install was called and not refused
    bool pending;        ///< its result is to come
    bool announced;      ///< child_up was called
    bool switched;       ///< traffic goes out on it
    bool soft_done;      ///< the datapath's soft event was taken
    enum ike_reason why; ///< why it ends
    uint8_t retries;
    uint64_t next_at; ///< REPLACED, LINGER, held: when the timer acts
    struct ike_timer timer;
    struct ike_node by_spi, by_id;
    struct ike_ts *ts; ///< storage of both selector lists
};

struct ike_sa {
    struct ike_engine *e;
    struct ike_sa *prev, *next; ///< of the engine
    struct ike_sa *next_dead;
    enum ike_state state;
    enum ike_reason reason; ///< why it ends
    uint32_t session;
    bool initiator;   ///< original initiator of this SA
    bool announced;   ///< sa_up was called: sa_down is owed
    bool down_told;   ///< sa_down was called, or is not owed any more
    bool half_open;   ///< counted as such
    bool provisional; ///< made by the peer's rekey that collides with ours: not decided yet
    bool nat_local, nat_remote, peer_frag, cookie_seen;
    bool in_open; ///< a request of the peer is being answered
    bool dpd_probe;
    uint8_t rounds; ///< IKE_SA_INIT requests sent
    uint8_t facts;
    uint8_t auth_local, auth_remote;
    uint8_t tries;
    uint64_t spi_i, spi_r;
    uint64_t job[IKE_JOB_SLOTS]; ///< serials of the jobs that are waited for, 0: none
    struct ike_profile *profile;
    struct ike_path path;
    struct ike_suite suite;
    struct ike_keys keys;
    bool have_keys;
    uint64_t iv; ///< the next GCM IV
    struct ike_id *local_id, *remote_id;
    // Until IKE_AUTH is over.
    uint8_t *ni, *nr;
    uint16_t ni_len, nr_len;
    uint8_t *init_req, *init_resp; ///< the two messages that AUTH covers
    size_t init_req_len, init_resp_len;
    uint8_t cookie[IKE_MAX_COOKIE];
    uint8_t cookie_len;
    // Message ids (2.2), the request that is out and the last answer.
    uint32_t next_out, next_in;
    struct ike_flight *out, *answer;
    uint8_t in_print[16]; ///< fingerprint of the last request (its first fragment)
    uint8_t in_exchange;
    struct ike_task *task, *queue;
    struct ike_request *req;
    struct ike_frags *frags;
    struct ike_child *children;
    uint32_t n_child;
    struct ike_cp_values *cp;
    bool cp_from_pool; ///< the address is to go back
    uint64_t born, rekey_at, expire_at, last_in, last_out;
    uint64_t msgs_in, msgs_out, retransmits, dpd_sent, rekeys;
    struct ike_timer retrans, life, dpd, keepalive;
    struct ike_node by_spi, by_session, by_init, by_peer, by_id;
};

/// Half-open SAs of one address.
struct ike_half_peer {
    struct ike_node node;
    struct ike_addr addr;
    uint32_t count;
};

struct ike_engine {
    const struct ike_ops *ops;
    void *ctx;
    struct ike_limits limits;
    struct ike_crypto *crypto;
    struct ike_stats stats;
    uint64_t now;
    unsigned depth; ///< of entries; SAs are released when it falls to 0
    struct ike_sa *sas;
    uint32_t n_sas, n_half_open, n_children;
    struct ike_sa *dead; ///< to be released
    struct ike_table by_spi, by_session, by_init, by_peer, by_id, half_peers;
    struct ike_table child_by_spi, child_by_id;
    struct ike_heap timers;
    uint32_t last_session, last_child;
    uint64_t last_job;
    uint8_t cookie_secret[2][32];
    uint8_t cookie_gen; ///< generation of secret [0]
    bool cookie_ready;
    uint64_t cookie_at;
    uint64_t spi_notify_at; ///< INVALID_IKE_SPI goes out at most every 100 ms
    uint8_t *plain;         ///< decrypted message, IKE_MAX_MESSAGE bytes
    uint8_t *chain;         ///< payloads being built
    uint8_t *wire;          ///< message being built
};

// --- ike_engine.c
void *ike_zalloc(struct ike_engine *e, size_t size);
/// A copy by ike_zalloc; NULL also for no data.
void *ike_copy(struct ike_engine *e, const void *data, size_t len);
bool ike_random(struct ike_engine *e, void *out, size_t len);
void ike_log(struct ike_engine *e, enum ike_log_level level, const struct ike_path *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/// Log with the session in front.
void ike_sa_log(struct ike_sa *sa, enum ike_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ike_enter(struct ike_engine *e, uint64_t now);
void ike_leave(struct ike_engine *e);
void ike_timer_start(struct ike_engine *e, struct ike_timer *t, uint64_t delay);
/// 64-bit hash of bytes, for table keys.
uint64_t ike_hash(const void *data, size_t len, uint64_t seed);

// --- ike_sa.c
struct ike_sa *ike_sa_new(struct ike_engine *e, struct ike_profile *p, const struct ike_path *path, bool initiator,
                          uint32_t session);
void ike_sa_set_state(struct ike_sa *sa, enum ike_state to, const char *why);
const char *ike_state_name(enum ike_state s);
uint64_t ike_local_spi(const struct ike_sa *sa);
uint64_t ike_remote_spi(const struct ike_sa *sa);
struct ike_sa *ike_sa_by_spi(struct ike_engine *e, uint64_t local_spi);
struct ike_sa *ike_sa_by_session(struct ike_engine *e, uint32_t session);
/// Make this the SA that the session's number finds.
bool ike_sa_claim_session(struct ike_sa *sa);
/// End it: children removed, sa_down told, then CLOSED (retransmissions are answered) or DEAD.
void ike_sa_close(struct ike_sa *sa, enum ike_reason why, bool linger);
/// End it and tell the peer, with an error notify or 0.
void ike_sa_delete(struct ike_sa *sa, enum ike_reason why, uint16_t notify);
/// Established: lifetimes, tables, the event.
void ike_sa_established(struct ike_sa *sa);
void ike_sa_start_life(struct ike_sa *sa);
void ike_sa_half_open(struct ike_sa *sa, bool on);
/// All that remains of IKE_SA_INIT is wiped and released.
void ike_sa_forget_init(struct ike_sa *sa);
void ike_sa_free(struct ike_sa *sa);
void ike_sa_info(struct ike_sa *sa, void (*fn)(void *arg, const struct ike_sa_info *info), void *arg);
void ike_sa_life_timer(struct ike_sa *sa);
void ike_sa_set_path(struct ike_sa *sa, const struct ike_path *path);
/// The path of an authenticated message, which may be a new one (2.23).
void ike_sa_saw_path(struct ike_sa *sa, const struct ike_path *path);
bool ike_sa_usable(const struct ike_sa *sa);

// --- ike_half.c: limits on unauthenticated peers
uint32_t ike_half_open_of(struct ike_engine *e, const struct ike_addr *a);
bool ike_half_open_add(struct ike_engine *e, const struct ike_addr *a);
void ike_half_open_sub(struct ike_engine *e, const struct ike_addr *a);

// --- ike_cookie.c
bool ike_cookie_needed(const struct ike_engine *e);
/// Write the cookie (33 bytes) for this request; false: failed.
bool ike_cookie_make(struct ike_engine *e, const struct ike_path *path, uint64_t spi_i, struct ike_bytes ni,
                     uint8_t out[33]);
bool ike_cookie_check(struct ike_engine *e, const struct ike_path *path, uint64_t spi_i, struct ike_bytes ni,
                      struct ike_bytes cookie);

// --- ike_nat.c
void ike_nat_put(struct ike_sa *sa, struct ike_build *b, uint64_t spi_r);
void ike_nat_detect(struct ike_sa *sa, const struct ike_payloads *p, uint64_t spi_r, const struct ike_path *path);
/// Initiator: go to the NAT traversal port if there is a NAT.
void ike_nat_float(struct ike_sa *sa);
void ike_nat_keepalive_start(struct ike_sa *sa);
void ike_nat_keepalive(struct ike_sa *sa);

// --- ike_msg.c
/// Send and keep for retransmission: the active task's request. false: it could not be built.
bool ike_send_request(struct ike_sa *sa, uint8_t exchange, const struct ike_build *chain);
/// Answer the request of the peer that is open.
bool ike_send_response(struct ike_sa *sa, const struct ike_build *chain);
/// Answer with one notify.
void ike_send_notify(struct ike_sa *sa, uint16_t notify, const void *data, size_t len);
void ike_send_flight(struct ike_sa *sa, const struct ike_flight *f);
struct ike_flight *ike_flight_new(struct ike_engine *e, const uint8_t *msg, size_t len);
void ike_retrans_start(struct ike_sa *sa);
void ike_retrans_timer(struct ike_sa *sa);
/// The answer came: stop retransmitting.
void ike_request_done(struct ike_sa *sa);
void ike_protected_input(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                         size_t len);
/// An unprotected message with one notify (outside any SA, or IKE_SA_INIT errors).
void ike_send_bare_notify(struct ike_engine *e, const struct ike_path *path, const struct ike_header *to,
                          uint64_t spi_r, uint16_t notify, const void *data, size_t len);

// --- ike_frag.c
void ike_frags_free(struct ike_sa *sa);
/// Take a decrypted fragment. 1: the message is complete in e->plain (*len, *first), 0: not yet, -1: refused.
int ike_frags_add(struct ike_sa *sa, const struct ike_header *h, const struct ike_payloads *p, const uint8_t *plain,
                  size_t plain_len, size_t *len, uint8_t *first);

// --- ike_job.c
/// Start public-key work: generate (key NULL) and, with a peer value, derive. done() is called then, perhaps at once.
/// false: it could not be started, done() is not called. The job owns the key from now on, and done() may take it back.
bool ike_job_start(struct ike_sa *sa, enum ike_job_slot slot, uint16_t group, EVP_PKEY *key, struct ike_bytes peer,
                   void (*done)(struct ike_sa *sa, struct ike_job *job));

// --- ike_task.c
/// Queue an exchange; NULL: no memory, or too many. ike_task_run() starts it.
struct ike_task *ike_task_add(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);
struct ike_task *ike_task_first(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);
/// Start what may be started.
void ike_task_run(struct ike_sa *sa);
/// The active task is over.
void ike_task_finish(struct ike_sa *sa);
/// The active task must be done again, after a pause.
void ike_task_retry(struct ike_sa *sa, uint64_t pause);
void ike_task_free(struct ike_sa *sa, struct ike_task *t);
/// Release the active task without starting another.
void ike_task_abandon(struct ike_sa *sa);
/// Move the waiting tasks of children to the SA that has the children now; the others are dropped.
void ike_task_move(struct ike_sa *from, struct ike_sa *to);
/// Does a task for this child, of this kind, wait or run?
bool ike_task_pending(const struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);

// --- ike_init.c
void ike_init_start(struct ike_sa *sa);
void ike_init_request(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                      size_t len);
void ike_init_response(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                       size_t len);

// --- ike_auth.c
void ike_auth_start(struct ike_sa *sa);
void ike_auth_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_auth_response(struct ike_sa *sa, const struct ike_payloads *p);
/// The responder's CHILD SA is installed, or not (error notify): answer.
void ike_auth_answer(struct ike_sa *sa, uint16_t notify);

// --- ike_cp.c
/// The responder's part: an address for the one who asks. 0, or an error notify.
uint16_t ike_cp_assign(struct ike_sa *sa, const struct ike_payloads *p);
void ike_cp_take(struct ike_sa *sa, const struct ike_payloads *p);
void ike_cp_release(struct ike_sa *sa);

// --- ike_child.c
struct ike_child *ike_child_new(struct ike_sa *sa, bool initiator);
struct ike_child *ike_child_by_id(struct ike_engine *e, uint32_t id);
struct ike_child *ike_child_by_spi(struct ike_engine *e, uint32_t spi_in);
struct ike_child *ike_child_by_out(struct ike_sa *sa, uint32_t spi_out);
void ike_child_set_state(struct ike_child *c, enum ike_child_state to, const char *why);
/// Take the child out of the datapath and release it.
void ike_child_drop(struct ike_child *c, enum ike_reason why);
/// It is deleted at both sides: release it, after a while if it was replaced.
void ike_child_deleted(struct ike_child *c, enum ike_reason why);
void ike_child_free(struct ike_child *c);
/// Replaced or redundant: the peer will delete it; if not, we do.
void ike_child_replaced(struct ike_child *c);
void ike_child_switch(struct ike_child *c);
/// Selectors that the child keeps. false: no memory.
bool ike_child_set_ts(struct ike_child *c, const struct ike_ts *local, size_t n_local, const struct ike_ts *remote,
                      size_t n_remote);
/// Derive keys and install. 0, IKE_PENDING or negative. ni and nr are of the exchange that makes it.
int ike_child_bring_up(struct ike_child *c, struct ike_bytes shared, struct ike_bytes ni, struct ike_bytes nr);
/// Installed: lifetimes and the event.
void ike_child_up(struct ike_child *c);
void ike_child_timer(struct ike_child *c);
void ike_child_relink(struct ike_child *c, struct ike_sa *to);
/// Tell the owner that no child came of it.
void ike_child_failed(struct ike_sa *sa, enum ike_reason why, uint16_t notify);
enum ike_reason ike_reason_of(uint16_t notify);
/// Our selectors for an offer, dynamic entries resolved.
void ike_child_our_ts(struct ike_sa *sa, struct ike_ts *local, struct ike_ts *remote);
/// Responder: choose suite and selectors. 0 or the error notify.
uint16_t ike_child_negotiate(struct ike_sa *sa, struct ike_child *c, const struct ike_request *r);
/// Initiator: take the peer's choice. 0 or why not.
enum ike_reason ike_child_accept(struct ike_sa *sa, struct ike_child *c, const struct ike_payloads *p, bool no_esn,
                                 bool first, const struct ike_ts *local, size_t n_local, const struct ike_ts *remote,
                                 size_t n_remote);
/// ESP proposals of the profile; with no_esn those without extended sequence numbers.
size_t ike_child_proposals(const struct ike_sa *sa, bool no_esn, struct ike_proposal out[IKE_MAX_PROPOSALS]);

// --- ike_create.c, ike_rekey.c: CREATE_CHILD_SA
void ike_create_start(struct ike_sa *sa);
void ike_create_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_create_response(struct ike_sa *sa, const struct ike_payloads *p);
/// The responder's child is installed, or not.
void ike_create_answer(struct ike_sa *sa, uint16_t notify);
/// The initiator's child is installed, or not.
void ike_create_installed(struct ike_child *c, int result);
void ike_request_free(struct ike_sa *sa);
void ike_rekey_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_rekey_derived(struct ike_sa *sa, struct ike_job *job);
void ike_rekey_response(struct ike_sa *sa, const struct ike_payloads *p);
void ike_rekey_failed(struct ike_sa *sa, uint16_t notify);
/// The peer deletes an SA that we are rekeying too: its new SA, if any, takes over. true: it did.
bool ike_rekey_adopt(struct ike_sa *sa);
/// Compare nonces as numbers of big-endian bytes, shorter first (2.8.1).
int ike_nonce_cmp(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
/// Drop our own rekey that has not been sent yet.
void ike_task_cancel_unsent(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);

// --- ike_info.c
void ike_info_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_info_response(struct ike_sa *sa, const struct ike_payloads *p);
void ike_info_start(struct ike_sa *sa);
void ike_dpd_timer(struct ike_sa *sa);
void ike_dpd_start(struct ike_sa *sa);

#endif
