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
    IKE_TM_QUEUE, ///< the start of a task that waits
    IKE_TM_LIFE,  ///< SA: half-open limit, rekey, end, release
    IKE_TM_DPD,
    IKE_TM_KEEPALIVE,
    IKE_TM_CHILD, ///< child: rekey, end, switch, linger
    IKE_TM_TASK,  ///< task: retransmission of its request
};
enum { IKE_SA_TIMERS = 4, IKE_CHILD_TIMERS = 1, IKE_TASK_TIMERS = 1 };

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
    uint16_t total, have;
    uint8_t first;     ///< first payload type, from fragment 1
    size_t charged;    ///< bytes that a half-open SA was charged with
    uint8_t print[16]; ///< fingerprint of the first fragment
    size_t bytes;
    struct {
        uint8_t *p;
        uint16_t len;
    } part[IKE_MAX_FRAGMENTS];
};

/// Configuration that an SA remembers: the attributes as they are on the wire, which is short, and the addresses that
/// selectors need.
struct ike_cp {
    struct ip_addr address, address6;
    bool from_pool; ///< the addresses are to go back
    uint16_t len;
    uint8_t attrs[];
};

struct ike_sa;
struct ike_child;
struct ike_task;

/// What follows when an AUTH payload was made or verified; ok false: it was not, and why is logged.
typedef void ike_auth_then(struct ike_sa *sa, bool ok);

/// What IKE_AUTH needs while it lasts (ike_auth*.c, ike_eap.c); released with the rest of the set-up.
struct ike_auth {
    uint8_t way;                 ///< enum ike_auth_way: how the peer proves itself
    const struct ike_cred *cred; ///< the profile's that proves us to this peer; NULL: none
    bool contact;                ///< initiator: we have said INITIAL_CONTACT
    bool by_url;                 ///< the peer looks certificates up
    uint8_t looked_up;           ///< URLs of the peer's that were asked for
    uint8_t *plain;              ///< the message that has the peer's identity, selectors and attributes, decrypted
    size_t len;
    uint8_t first;      ///< type of its first payload
    uint8_t *peer_body; ///< the peer's ID payload, as its AUTH covers it
    size_t peer_body_len;
    uint8_t *own; ///< our AUTH data, once made
    size_t own_len;
    uint8_t own_method;
    uint64_t token; ///< of the answer that is awaited from outside, 0: none
    struct ike_node by_token;
    ike_auth_then *then; ///< what a signature or a certificate is awaited for
    uint8_t *sig;        ///< the peer's AUTH data, while its certificate is verified
    size_t sig_len;
    uint8_t sig_method;
    // A pre-shared key that was asked for outside.
    enum ike_auth_ask { IKE_ASK_NOTHING, IKE_ASK_OWN, IKE_ASK_PEER } asks;
    uint8_t ways; ///< that the peer may use, while its key is awaited
    uint8_t key[IKE_MAX_PSK];
    int key_len; ///< 0: not asked for; -1: there is none
    // EAP (ike_eap.c).
    void *eap;        ///< the owner's conversation
    unsigned rounds;  ///< EAP messages of the peer
    uint8_t eap_code; ///< of the EAP packet that was last given to the method
    bool eap_only;    ///< the responder proves itself by EAP, too (RFC 5998)
    bool eap_done;    ///< the method has succeeded: the AUTH payloads that remain are by its key
    bool greeted;     ///< responder: identity and first AUTH are sent; initiator: they have been verified
    uint8_t *msk;     ///< NULL: the method makes no key
    size_t msk_len;
};

/// For whom public-key work is done: the exchange of ours that is at hand, or the request of the peer.
enum ike_job_slot { IKE_JOB_TASK, IKE_JOB_REQUEST };

/// Public-key work and what to do then. The SA is found again by its SPI: it may be gone by then.
struct ike_job {
    struct ike_engine *e;
    uint64_t spi;    ///< local SPI of the SA
    uint64_t serial; ///< matches that of the task, or of the SA's request, else nobody waits for it any more
    enum ike_job_slot slot;
    void (*done)(struct ike_sa *sa, struct ike_job *job);
    enum ike_job_kind { IKE_JOB_DH, IKE_JOB_SIGN, IKE_JOB_VERIFY } kind;
    bool generate, derive, ok;
    uint8_t *data; ///< what is signed; owned
    size_t data_len;
    uint8_t *auth; ///< the AUTH data, made or to be verified; owned
    size_t auth_len;
    uint8_t method;
    uint16_t hashes; ///< SIGN: what the peer takes
    const char *why; ///< VERIFY: what is wrong
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
    IKE_TASK_CONFIG,    ///< CFG_SET
    IKE_TASK_MOBIKE,    ///< UPDATE_SA_ADDRESSES
    IKE_TASK_COOKIE2,   ///< return routability
    IKE_TASK_ADDRESSES, ///< our additional addresses
    IKE_TASK_REDIRECT,  ///< to another gateway
    IKE_TASK_NOTICE,    ///< an error notify that the peer should know
};

/// An exchange that we start: it waits in sa->queue, or is under way in sa->task, of which there may be as many as the
/// peer's window has places. What it needs while it is under way is here and not in the SA, most of which are idle.
struct ike_task {
    struct ike_task *next;
    struct ike_sa *sa;
    enum ike_task_kind kind;
    struct ike_flight *out;  ///< the request that is out; NULL: none, or it was answered
    struct ike_frags *frags; ///< of its answer
    struct ike_timer timer;  ///< retransmission
    uint64_t job;            ///< serial of the job that is waited for, 0: none
    uint32_t mid;            ///< of the request
    uint8_t tries;           ///< transmissions
    bool sent;               ///< the request is out (or was)
    bool no_esn;             ///< offer ordinary sequence numbers only
    bool one_pair;           ///< ts names one pair of addresses, because the peer takes no more
    uint8_t retries;
    uint64_t not_before;
    uint32_t child;    ///< id of the child concerned: to delete, to rekey
    uint32_t replaces; ///< NEW_CHILD: id of the child of an older IKE SA whose place it takes
    uint32_t made;     ///< id of the child that is being made
    uint64_t made_sa;  ///< SPI of the SA that is being made
    uint16_t notify;   ///< DELETE_IKE: error notify that goes along; NOTICE: which
    uint32_t spi;      ///< NOTICE: what it is about
    uint16_t group;    ///< of the key exchange, 0: none
    EVP_PKEY *key;
    uint8_t nonce[IKE_NONCE_LEN];
    uint8_t *ke; ///< our public value
    size_t ke_len;
    uint8_t *nr; ///< the peer's nonce
    uint16_t nr_len;
    bool asks;       ///< of a silent peer: repeated like the questions of dead peer detection
    bool held;       ///< answered; goes on when the peer's request that it collides with is answered, too
    uint8_t *shared; ///< held: the shared secret, or NULL
    uint16_t shared_len;
    // SPIs that the peer has deleted and that we had not: one may be that of the child which its answer, on the way or
    // lost, has made there. The last few.
    uint32_t gone[IKE_MAX_GONE];
    uint8_t n_gone;
    // A simultaneous rekey by the peer (RFC 7296 2.8.1, 2.8.2).
    uint32_t peer_child;             ///< id of the child the peer's request made
    uint64_t peer_sa;                ///< SPI of the SA the peer's request made
    uint8_t peer_min[IKE_MAX_NONCE]; ///< the lower nonce of the peer's exchange
    uint16_t peer_min_len;
    // NOTICE: how a packet begins.
    uint8_t about[IKE_MAX_ABOUT], about_len;
    struct ike_proposal *esp; ///< what is offered for a child, IKE_MAX_PROPOSALS; NULL: what the profile has
    uint8_t n_esp;
    // NEW_CHILD: selectors other than the profile's.
    struct ike_ts *ts; ///< local ones, then remote ones
    uint8_t n_local, n_remote;
    struct ike_gateway *gateway; ///< REDIRECT: where to; owned
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
    bool more_ts;        ///< responder: other selectors would have been acceptable too
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
    bool origin;      ///< initiator of the first SA of the session, before all rekeys
    bool announced;   ///< sa_up was called: sa_down is owed
    bool down_told;   ///< sa_down was called, or is not owed any more
    bool half_open;   ///< counted as such
    bool provisional; ///< made by the peer's rekey that collides with ours: not decided yet
    bool nat_local, nat_remote, peer_frag, cookie_seen;
    bool in_open;        ///< a request of the peer is being answered
    bool dpd_looked;     ///< the children's counters were asked for
    bool peer_natt;      ///< the peer has NAT traversal
    bool peer_redirect;  ///< the peer follows redirects
    bool peer_childless; ///< the responder can do without a first CHILD SA
    bool use_ppk;        ///< both sides have post-quantum keys (USE_PPK)
    bool ppk;            ///< such a key is in SK_d
    bool resumed;        ///< made out of a ticket
    bool wants_ticket;   ///< the initiator asked for one
    bool mobike;         ///< both sides have MOBIKE
    uint32_t held;       ///< bytes, while it is half-open
    uint8_t peer_window; ///< requests that the peer takes at once
    struct ike_ext *ext; ///< NULL: no extension needs anything
    uint8_t rounds;      ///< IKE_SA_INIT requests sent
    uint8_t facts;
    uint8_t auth_local, auth_remote;
    uint16_t hashes; ///< that the peer takes in signatures (RFC 7427), 0: it does not know Digital Signatures
    bool at_hand;    ///< something has come in for the first of sa->task: none is started before that is dealt with
    uint64_t spi_i, spi_r;
    uint64_t job; ///< serial of the job that the peer's request waits for, 0: none
    struct ike_profile *profile;
    struct ike_path path;
    struct ike_suite suite;
    struct ike_keys keys;
    bool have_keys;
    uint64_t iv; ///< the next GCM IV
    struct ike_id *local_id, *remote_id;
    struct ike_id *eap_id;  ///< the peer's EAP identity, or NULL
    struct ike_id *cert_id; ///< subject of the peer's certificate, once verified, or NULL
    // Until IKE_AUTH is over.
    struct ike_auth *auth;
    uint8_t *ni, *nr;
    uint16_t ni_len, nr_len;
    uint8_t *init_req, *init_resp; ///< the two messages that AUTH covers
    size_t init_req_len, init_resp_len;
    uint8_t cookie[IKE_MAX_COOKIE];
    uint8_t cookie_len;
    // The next message ids (2.2) and the last answer.
    uint32_t next_out, next_in;
    struct ike_flight *answer;
    uint8_t in_print[16]; ///< fingerprint of the last request (its first fragment)
    uint8_t in_exchange;
    struct ike_task *task;  ///< under way; the first is at hand, or the only one
    struct ike_task *queue; ///< waiting
    struct ike_request *req;
    struct ike_frags *frags; ///< of a request of the peer
    struct ike_child *children;
    uint32_t n_child;
    struct ike_cp *given, *taken; ///< configuration told to the peer, and by it
    bool cp_tell;                 ///< our networks are to be told once there is a child
    bool cp_asked;                ///< the peer has asked for its configuration
    uint64_t born, rekey_at, expire_at, last_in, last_out;
    uint64_t msgs_in, msgs_out, retransmits, dpd_sent, rekeys;
    struct ike_timer wake, life, dpd, keepalive;
    struct ike_node by_spi, by_session, by_init, by_peer, by_id;
};

/// Half-open SAs of one address.
struct ike_half_peer {
    struct ike_node node;
    struct ip_addr addr;
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
    struct ike_table by_token;  ///< SAs that wait for an answer from outside
    struct ike_table by_lookup; ///< SAs that wait for a gateway's address
    uint64_t last_token;
    struct ike_heap timers;
    uint32_t last_session, last_child;
    uint64_t last_job;
    uint8_t random[512]; ///< drawn, and not handed out yet: a draw costs as much for 512 bytes as for 8
    size_t n_random;     ///< of them, from the start
    uint8_t cookie_secret[2][32];
    uint8_t cookie_gen; ///< generation of secret [0]
    bool cookie_ready;
    uint64_t cookie_at;
    struct ike_ext *woken; ///< SAs with early requests whose turn has come
    // Tickets (ike_resume.c).
    uint8_t ticket_key[2][32];
    uint32_t ticket_gen; ///< of key [0]; 0: there is none yet
    uint64_t ticket_at, last_ticket;
    struct ike_table by_used, by_held;
    struct used *used;
    uint32_t n_used;
    uint64_t unauth_bytes;       ///< held for half-open SAs (ike_half.c)
    uint64_t notice_at, hint_at; ///< ike_notice.c: not before
    uint8_t frag_print[16];      ///< fingerprint of the message whose fragment is being taken
    uint64_t spi_notify_at;      ///< INVALID_IKE_SPI goes out at most every 100 ms
    uint8_t *plain;              ///< decrypted message, IKE_MAX_MESSAGE bytes
    size_t plain_len;            ///< of the message that is being handled
    uint8_t plain_first;         ///< type of its first payload
    uint8_t *chain;              ///< payloads being built
    uint8_t *wire;               ///< message being built
};

// --- ike_engine.c
void *ike_zalloc(struct ike_engine *e, size_t size);
/// A copy by ike_zalloc; NULL also for no data.
void *ike_copy(struct ike_engine *e, const void *data, size_t len);
bool ike_random(struct ike_engine *e, void *out, size_t len);
/// A nonce of ours, IKE_NONCE_LEN bytes. NULL: no memory, or no random bytes.
uint8_t *ike_new_nonce(struct ike_engine *e);
/// By how much a pause is stretched, 0 to 255.
uint8_t ike_jitter(struct ike_sa *sa);
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
/// An established SA is found by its peer: the key for an address and port. One address may be that of thousands of
/// peers behind a NAT; its port tells them apart.
uint64_t ike_peer_key(const struct ip_addr *remote, uint16_t port);
/// Make this the SA that the session's number finds.
bool ike_sa_claim_session(struct ike_sa *sa);
/// End it: children removed, sa_down told, then CLOSED (retransmissions are answered) or DEAD.
void ike_sa_close(struct ike_sa *sa, enum ike_reason why, bool linger);
/// End it and tell the peer, with an error notify or 0.
void ike_sa_delete(struct ike_sa *sa, enum ike_reason why, uint16_t notify);
/// Established: lifetimes, tables, the event.
void ike_sa_established(struct ike_sa *sa);
void ike_sa_start_life(struct ike_sa *sa);
/// Microseconds to the soft end of a lifetime of so many seconds, with jitter.
uint64_t ike_sa_soft_end(struct ike_sa *sa, uint32_t lifetime);
/// Set the life timer to what comes first.
void ike_sa_arm_life(struct ike_sa *sa);
void ike_sa_half_open(struct ike_sa *sa, bool on);
/// Its keys are there: tell them to the owner, if that is switched on.
void ike_sa_export_keys(const struct ike_sa *sa);
/// All that remains of IKE_SA_INIT is wiped and released.
void ike_sa_forget_init(struct ike_sa *sa);
void ike_sa_free(struct ike_sa *sa);
void ike_sa_info(struct ike_sa *sa, void (*fn)(void *arg, const struct ike_sa_info *info), void *arg);
void ike_sa_life_timer(struct ike_sa *sa);
/// Take a new path, without a word to anyone.
void ike_sa_take_path(struct ike_sa *sa, const struct ike_path *path);
/// Tell the owner that it was another one before.
void ike_sa_tell_path(struct ike_sa *sa, const struct ike_path *old);
/// The peer is elsewhere: the SA, its children and the owner follow.
void ike_sa_set_path(struct ike_sa *sa, const struct ike_path *path);
/// The path of an authenticated message, which may be a new one (2.23).
void ike_sa_saw_path(struct ike_sa *sa, const struct ike_path *path);
bool ike_sa_usable(const struct ike_sa *sa);

// --- ike_half.c: limits on unauthenticated peers
uint32_t ike_half_open_of(struct ike_engine *e, const struct ip_addr *a);
bool ike_half_open_add(struct ike_engine *e, const struct ip_addr *a);
/// A half-open SA takes so many bytes more; false: that is too much for all of them together. No matter for others.
bool ike_half_charge(struct ike_sa *sa, size_t bytes);
/// It has given back so many; SIZE_MAX: all.
void ike_half_discharge(struct ike_sa *sa, size_t bytes);
void ike_half_open_sub(struct ike_engine *e, const struct ip_addr *a);

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
/// Send and keep for retransmission: the request of the task at hand. false: it could not be built.
bool ike_send_request(struct ike_sa *sa, uint8_t exchange, const struct ike_build *chain);
/// As if the peer's request that is open had not come: it will be repeated, and judged then.
void ike_request_pass(struct ike_sa *sa);
/// Answer the request of the peer that is open.
bool ike_send_response(struct ike_sa *sa, const struct ike_build *chain);
/// Answer with one notify.
void ike_send_notify(struct ike_sa *sa, uint16_t notify, const void *data, size_t len);
void ike_send_flight(struct ike_sa *sa, const struct ike_flight *f);
/// The same, on another path than the SA's.
void ike_send_flight_on(struct ike_sa *sa, const struct ike_flight *f, const struct ike_path *path);
struct ike_flight *ike_flight_new(struct ike_engine *e, const uint8_t *msg, size_t len);
/// The same for a request that is built already: takes it over. NULL: false.
bool ike_send_task(struct ike_task *t, struct ike_flight *f);
/// Send it again, as if for the first time.
void ike_send_anew(struct ike_task *t);
void ike_retrans_timer(struct ike_task *t);
/// The answer to the request of the task at hand came, or is not wanted: stop retransmitting.
void ike_request_done(struct ike_sa *sa);
void ike_protected_input(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                         size_t len);
/// An unprotected message with one notify (outside any SA, or IKE_SA_INIT errors).
void ike_send_bare_notify(struct ike_engine *e, const struct ike_path *path, const struct ike_header *to,
                          uint64_t spi_r, uint16_t notify, const void *data, size_t len);

// --- ike_frag.c
/// Release a set of fragments, which is the SA's or that of one of its tasks.
void ike_frags_free(struct ike_sa *sa, struct ike_frags **set);
/// Take a decrypted fragment into a set, that of its task or of the SA. 1: the message is complete in e->plain (*len,
/// *first), 0: not yet, -1: refused.
int ike_frags_add(struct ike_sa *sa, struct ike_frags **set, const struct ike_header *h, const struct ike_payloads *p,
                  const uint8_t *plain, size_t plain_len, size_t *len, uint8_t *first);

// --- ike_job.c
/// Start public-key work: generate (key NULL) and, with a peer value, derive. done() is called then, perhaps at once.
/// false: it could not be started, done() is not called. The job owns the key from now on, and done() may take it back.
bool ike_job_start(struct ike_sa *sa, enum ike_job_slot slot, uint16_t group, EVP_PKEY *key, struct ike_bytes peer,
                   void (*done)(struct ike_sa *sa, struct ike_job *job));

/// Sign for AUTH. Takes data over. The key is referenced. As ike_job_start else.
bool ike_job_sign(struct ike_sa *sa, enum ike_job_slot slot, EVP_PKEY *key, uint8_t *data, size_t len,
                  void (*done)(struct ike_sa *sa, struct ike_job *job));
/// Verify an AUTH payload. Takes key, data and auth over.
bool ike_job_verify(struct ike_sa *sa, enum ike_job_slot slot, EVP_PKEY *key, uint8_t *data, size_t len, uint8_t method,
                    uint8_t *auth, size_t auth_len, void (*done)(struct ike_sa *sa, struct ike_job *job));

// --- ike_task.c
/// Queue an exchange; NULL: no memory, or too many. ike_task_run() starts it.
struct ike_task *ike_task_add(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);
/// Start what may be started; nothing while a task is at hand.
void ike_task_run(struct ike_sa *sa);
/// Something has come in for a task that is under way: it is at hand until ike_task_leave, which gets what this
/// returns.
bool ike_task_enter(struct ike_task *t);
/// Start what may be started now.
void ike_task_leave(struct ike_sa *sa, bool before);
/// Of those under way: the one whose request has this id and is not answered; that which waits for a job; that which
/// makes this child; one of this kind, about this child. NULL: there is none.
struct ike_task *ike_task_by_mid(const struct ike_sa *sa, uint32_t mid);
struct ike_task *ike_task_by_job(const struct ike_sa *sa, uint64_t serial);
struct ike_task *ike_task_making(const struct ike_sa *sa, uint32_t child);
struct ike_task *ike_task_out(const struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);
/// The oldest of those whose requests are not answered, or NULL.
struct ike_task *ike_task_oldest(const struct ike_sa *sa);
/// The task at hand is over.
void ike_task_finish(struct ike_sa *sa);
/// The task at hand must be done again, after a pause.
void ike_task_retry(struct ike_sa *sa, uint64_t pause);
/// Release the task at hand without starting another.
void ike_task_abandon(struct ike_sa *sa);
/// Release those under way, or those that wait.
void ike_task_drop_out(struct ike_sa *sa);
void ike_task_drop_queue(struct ike_sa *sa);
/// Move the waiting tasks of children to the SA that has the children now; the others are dropped.
void ike_task_move(struct ike_sa *from, struct ike_sa *to);
/// Does a task for this child, of this kind, wait or run?
bool ike_task_pending(const struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);

// --- ike_init.c
void ike_init_start(struct ike_sa *sa);
void ike_init_request(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                      size_t len);
/// The half-open SA that this very message made is asked for its answer again: true, it was.
bool ike_init_again(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                    size_t len);
/// Cookie and limits: may this request cost us something?
bool ike_init_admit(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h,
                    const struct ike_payloads *p);
void ike_init_response(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                       size_t len);
// What IKE_SA_INIT and IKE_SESSION_RESUME have in common, each the first exchange of an SA.
/// Initiator: send the request in e->wire, and keep it. `why`: to the log. false: no memory.
bool ike_init_send(struct ike_sa *sa, struct ike_build *b, const char *why);
/// Initiator: is a cookie demanded? It goes with the next request.
bool ike_init_take_cookie(struct ike_sa *sa, const struct ike_payloads *p);
/// Initiator: keep the response and what it says of nonce, SPI, fragments and NATs. false: no memory.
bool ike_init_keep_response(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h,
                            const struct ike_payloads *p, const uint8_t *msg, size_t len);
/// Initiator: the keys are there. IKE_AUTH follows.
void ike_init_derived(struct ike_sa *sa);
/// Responder: a new SA keeps the request and what it says, makes its nonce, counts as half-open, with `cost` bytes, and
/// is found by repetitions of the request. false: no memory, or a limit.
bool ike_init_keep_request(struct ike_sa *sa, const struct ike_header *h, const struct ike_payloads *p,
                           const uint8_t *msg, size_t len, size_t cost);
/// Responder: send the answer in e->wire, and keep it; IKE_AUTH is awaited. `why`: to the log. false: no memory, the SA
/// is closed.
bool ike_init_answer(struct ike_sa *sa, struct ike_build *b, const char *why);

// --- ike_auth.c: AUTH payloads of all kinds, both roles
/// sa->auth, empty. false: no memory.
bool ike_auth_begin(struct ike_sa *sa);
void ike_auth_free(struct ike_sa *sa);
/// Keep a copy of the message that is being handled, instead of one kept before. false: no memory.
bool ike_auth_keep(struct ike_sa *sa);
/// The payloads of the message that was kept.
void ike_auth_kept(const struct ike_sa *sa, struct ike_payloads *p);
/// Keep the peer's ID payload, as AUTH covers it. false: no memory.
bool ike_auth_keep_body(struct ike_sa *sa, struct ike_bytes body);
/// Choose which of the profile's credentials proves us: the first that leads to a CA of the CERTREQ in p, or the first.
void ike_auth_choose_cred(struct ike_sa *sa, const struct ike_payloads *p);
/// If the message that was kept names certificates by URL, have them fetched and put in their places, and then go on:
/// true. false: there is nothing to wait for.
bool ike_auth_look_up(struct ike_sa *sa, ike_auth_then *then);
/// Our identity: the profile's, or the local address; after ike_auth_choose_cred. NULL: no memory.
struct ike_id *ike_own_id(const struct ike_sa *sa);
bool ike_authenticated(const struct ike_sa *sa);
/// Make our AUTH, by a key of EAP once that is done, else as the profile says; `then` is called at once, or when the
/// signature has been computed.
void ike_auth_make(struct ike_sa *sa, ike_auth_then *then);
/// Put what ike_auth_make has made; identity: with our identity and certificates before it.
void ike_auth_put(struct ike_sa *sa, struct ike_build *b, uint8_t identity);
/// Verify the peer's AUTH in p, and its certificates if there are any; ways: enum ike_auth_way that are allowed.
void ike_auth_verify(struct ike_sa *sa, const struct ike_payloads *p, uint8_t ways, ike_auth_then *then);
/// How does the message prove itself? An enum ike_auth_way.
uint8_t ike_auth_way(const struct ike_payloads *p);
/// Wait for an answer from outside: its token. 0: no memory.
uint64_t ike_auth_await(struct ike_sa *sa);
/// The SA that waits for this answer, which it does no more; NULL: nobody does.
struct ike_sa *ike_auth_awaited(struct ike_engine *e, uint64_t token);

// --- ike_auth_i.c, ike_auth_r.c: IKE_AUTH of the initiator, of the responder
void ike_auth_start(struct ike_sa *sa);
void ike_auth_response(struct ike_sa *sa, const struct ike_payloads *p);
/// EAP is over, or goes on: the next request, with an EAP packet or (NULL) with our AUTH.
void ike_auth_send_eap(struct ike_sa *sa, const void *packet, size_t len);
void ike_auth_fails(struct ike_sa *sa, const char *why);
void ike_auth_request(struct ike_sa *sa, const struct ike_payloads *p);
/// The initiator is not authentic: AUTHENTICATION_FAILED, and the end.
void ike_auth_refuse(struct ike_sa *sa, const char *why);
/// The responder's CHILD SA is installed, or not (error notify): answer.
void ike_auth_answer(struct ike_sa *sa, uint16_t notify);

// --- ike_eap.c
/// Responder: begin, with the first AUTH already made. Initiator: take the responder's first packet.
void ike_eap_begin(struct ike_sa *sa, struct ike_bytes packet);
/// The next packet of the peer.
void ike_eap_next(struct ike_sa *sa, struct ike_bytes packet);
void ike_eap_end(struct ike_sa *sa);

// --- ike_cp.c
/// The initiator's request in IKE_AUTH, if the profile wants something.
void ike_cp_put_request(struct ike_sa *sa, struct ike_build *b);
/// The responder's part: an address for the one who asks and has none yet, and what else there is. 0, or an error
/// notify.
uint16_t ike_cp_assign(struct ike_sa *sa, const struct ike_payloads *p);
/// A child is wanted: FAILED_CP_REQUIRED if the profile gives none to a peer that has not asked for its configuration;
/// or 0.
uint16_t ike_cp_missing(struct ike_sa *sa);
/// What ike_cp_assign has found for the peer, if anything.
void ike_cp_put_reply(struct ike_sa *sa, struct ike_build *b);
/// The initiator takes the reply; its own networks are told once it has a child.
void ike_cp_take(struct ike_sa *sa, const struct ike_payloads *p);
/// A child is up. Whoever has brought it up runs the tasks.
void ike_cp_child_up(struct ike_sa *sa);
/// Addresses go back to where they came from.
void ike_cp_release(struct ike_sa *sa);
/// Our CFG_SET: the exchange starts; its answer.
void ike_cp_start(struct ike_sa *sa);
void ike_cp_acked(struct ike_sa *sa, const struct ike_payloads *p);
/// A request with a configuration payload outside of IKE_AUTH: its part of the answer. true: the owner is to be told.
bool ike_cp_answer(struct ike_sa *sa, const struct ike_payloads *p, struct ike_build *b);
void ike_cp_tell_taken(struct ike_sa *sa);
/// Decode what is remembered; NULL if it is nothing.
const struct ike_cp_values *ike_cp_values(const struct ike_cp *cp, struct ike_cp_values *out);

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
/// Our selectors for an offer, dynamic entries resolved; each list has room for IKE_MAX_TS.
void ike_child_our_ts(struct ike_sa *sa, bool offer, struct ike_ts *local, size_t *n_local, struct ike_ts *remote,
                      size_t *n_remote);
/// Responder: choose suite and selectors. 0 or the error notify.
uint16_t ike_child_negotiate(struct ike_sa *sa, struct ike_child *c, const struct ike_request *r);
/// Into the answer: the proposal of this number, which was chosen for the child, its SPI, and the notifies that go with
/// it.
void ike_child_put_choice(const struct ike_child *c, struct ike_build *b, uint8_t number);
/// The peer answered SINGLE_PAIR_REQUIRED (2.9): the task, a NEW_CHILD, asks for one pair of addresses of those it
/// asked for. Which ones: single addresses among the selectors, else inner and outer addresses of both hosts. false: it
/// did so already, or there are none.
bool ike_child_one_pair(struct ike_sa *sa, struct ike_task *t);
/// What the peer is told of an install with this result: nothing, that the datapath has not what was negotiated, or
/// `otherwise`.
uint16_t ike_install_notify(int result, uint16_t otherwise);
/// Initiator: take the peer's choice. 0 or why not.
enum ike_reason ike_child_accept(struct ike_sa *sa, struct ike_child *c, const struct ike_payloads *p, bool no_esn,
                                 bool first, const struct ike_ts *local, size_t n_local, const struct ike_ts *remote,
                                 size_t n_remote);
/// The ESP proposals that children are made with from now on; their number.
uint8_t ike_child_esp_now(const struct ike_sa *sa, struct ike_proposal out[IKE_MAX_PROPOSALS]);
/// Those that the exchange under way offers.
const struct ike_proposal *ike_child_offered(const struct ike_sa *sa, uint8_t *n);
/// The same; with no_esn those without extended sequence numbers.
size_t ike_child_proposals(const struct ike_sa *sa, bool no_esn, struct ike_proposal out[IKE_MAX_PROPOSALS]);

// --- ike_create.c, ike_rekey.c: CREATE_CHILD_SA
void ike_create_start(struct ike_sa *sa);
void ike_create_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_create_response(struct ike_sa *sa, const struct ike_payloads *p);
/// The responder's child is installed, or not.
void ike_create_answer(struct ike_sa *sa, uint16_t notify);
/// The initiator's child is installed, or not.
void ike_create_installed(struct ike_child *c, int result);
/// Must the exchange of sa->task, which is answered, wait for the answer to a request that it collides with?
bool ike_create_held(struct ike_sa *sa);
/// It need not any more.
void ike_create_resume(struct ike_sa *sa);
void ike_rekey_resume(struct ike_sa *sa);
void ike_request_free(struct ike_sa *sa);
void ike_rekey_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_rekey_derived(struct ike_sa *sa, struct ike_job *job);
void ike_rekey_response(struct ike_sa *sa, const struct ike_payloads *p);
void ike_rekey_failed(struct ike_sa *sa, uint16_t notify);
/// The peer deletes an SA that we are rekeying too: its new SA, if any, takes over. true: it did.
bool ike_rekey_adopt(struct ike_sa *sa);
/// Is the answer to our rekey here, and what it makes still being computed?
bool ike_rekey_deriving(const struct ike_sa *sa);
/// The peer uses the SA that its rekey has made while ours of the same SA is under way: it takes over now.
void ike_rekey_claimed(struct ike_sa *sa);
/// Compare nonces as numbers of big-endian bytes, shorter first (2.8.1).
int ike_nonce_cmp(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
/// The peer deletes a child that is not there: it may be one that we are making.
void ike_create_gone(struct ike_sa *sa, uint32_t spi_out);
/// Drop our own rekey that has not been sent yet.
void ike_task_cancel_unsent(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child);

// --- ike_info.c
void ike_info_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_info_response(struct ike_sa *sa, const struct ike_payloads *p);
void ike_info_start(struct ike_sa *sa);
void ike_dpd_timer(struct ike_sa *sa);
/// Ask the peer whether it has this SA, now.
void ike_dpd_ask(struct ike_sa *sa);
void ike_dpd_start(struct ike_sa *sa);

#include "hostd/ike/ike_ext.h"

#endif
