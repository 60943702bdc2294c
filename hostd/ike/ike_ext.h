// SPDX-License-Identifier: BSD-2-Clause
// What an IKE SA needs rarely: extensions that are in use on it. Allocated when first needed, so that an idle SA
// without them stays small. Included by ike_int.h only.
#ifndef CULVERT_IKE_EXT_H
#define CULVERT_IKE_EXT_H

/// A request that came before its turn, as received; it was authentic.
struct ike_early {
    struct ike_early *next;
    struct ike_path path;
    uint32_t mid;
    uint32_t len;
    uint8_t msg[];
};

/// An answer that may be asked for again, older than the last one.
struct ike_kept {
    uint32_t mid;
    uint8_t print[16]; ///< fingerprint of the request
    struct ike_flight *answer;
};

struct ike_ext {
    struct ike_sa *sa;
    // Window (ike_window.c).
    struct ike_early *early; ///< in the order of message ids
    unsigned n_early;
    size_t early_bytes;
    struct ike_kept *kept; ///< IKE_MAX_WINDOW of them, by message id modulo that; or NULL
    struct ike_ext *next_woken;
    bool woken;
    // MOBIKE (ike_mobike.c).
    struct ip_addr extra[IKE_MAX_EXTRA]; ///< other addresses of the peer
    uint8_t n_extra;
    uint8_t tried;        ///< of them, since our address was last accepted
    bool reply_elsewhere; ///< the open request came from `reply`, and is answered there
    struct ike_path reply;
    struct ike_path told; ///< the path that our last UPDATE_SA_ADDRESSES was sent on
    uint8_t seen[20];     ///< NAT_DETECTION_DESTINATION_IP of the peer's last answer: where it sees us
    bool has_seen;
    uint8_t cookie2[16];
    // Another SA of the same session (ike_successor.c): local SPIs, 0: none.
    uint64_t replaces;   ///< this one is to take over from that one
    uint64_t successor;  ///< that one is to take over from this one
    uint64_t reauth_at;  ///< we authenticate again
    uint64_t auth_until; ///< the peer has to
    // Redirect (ike_redirect.c).
    struct ip_addr redirected_from;
    uint8_t n_redirects;
    uint64_t redirect_since;
    struct ike_lookup *lookup; ///< a gateway's name is being looked up; NULL: none is
    bool no_redirect;          ///< the gateway has sent us to a name of no use: we do not say that we follow
    // Post-quantum keys (ike_ppk.c), until IKE_AUTH is over.
    struct ike_ppk_state *ppk;
    struct ike_resume *resume; ///< client: our ticket; gateway, until IKE_AUTH is over: what it said
    struct ike_path unproved;  ///< responder: children go there once the peer has shown that it gets our messages
};

/// The SA's extension state, made if need be; NULL: no memory.
struct ike_ext *ike_ext(struct ike_sa *sa);
void ike_ext_free(struct ike_sa *sa);
/// What a rekeyed SA goes on with; the window's contents stay behind.
bool ike_ext_inherit(struct ike_sa *to, const struct ike_sa *from);
/// Notifies of IKE_AUTH, both roles: put ours, take the peer's.
void ike_ext_put_auth(struct ike_sa *sa, struct ike_build *b);
void ike_ext_take_auth(struct ike_sa *sa, const struct ike_payloads *p);

// --- ike_window.c: several requests at once (RFC 7296 2.3)
/// Requests of the peer that we take at once.
unsigned ike_window(const struct ike_sa *sa);
/// SET_WINDOW_SIZE: ours, and the peer's.
void ike_window_put(struct ike_sa *sa, struct ike_build *b);
void ike_window_take(struct ike_sa *sa, const struct ike_payloads *p);
/// May we have another request out?
bool ike_window_open(const struct ike_sa *sa);
/// A request whose turn has not come: kept if it is authentic and within the window. true: it was dealt with.
bool ike_window_early(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                      size_t len);
/// The last answer makes room for another one.
void ike_window_keep(struct ike_sa *sa);
/// A request older than the last: answer it as before. true: it was one of those kept.
bool ike_window_repeat(struct ike_sa *sa, const struct ike_path *path, uint32_t mid, const uint8_t print[16]);
/// A request was answered: those that wait have their turn when the engine is left.
void ike_window_wake(struct ike_sa *sa);
void ike_window_run(struct ike_engine *e);
void ike_window_free(struct ike_sa *sa);

// --- ike_mobike.c (RFC 4555)
void ike_mobike_put_auth(struct ike_sa *sa, struct ike_build *b);
void ike_mobike_take_auth(struct ike_sa *sa, const struct ike_payloads *p);
/// Requests that ike_info_start is to fill in.
void ike_mobike_put_request(struct ike_sa *sa, struct ike_build *b);
/// The peer's answer to one of our INFORMATIONAL requests; false: the task is dealt with already.
bool ike_mobike_response(struct ike_sa *sa, const struct ike_payloads *p);
/// An INFORMATIONAL request: act on it, and put what its answer needs. 0, or the error notify that was put.
uint16_t ike_mobike_request(struct ike_sa *sa, const struct ike_payloads *p, struct ike_build *b);
/// Our request stays unanswered: try another address of the peer.
void ike_mobike_failover(struct ike_sa *sa);
/// The children's outer addresses follow the SA's path.
void ike_mobike_move_children(struct ike_sa *sa, const struct ike_path *path);

// --- ike_successor.c: one session goes over to another IKE SA that was made from scratch
/// Initiate an SA that is to take over the session; remote NULL: the same peer. NULL: no memory, or one is on its way.
struct ike_sa *ike_successor_start(struct ike_sa *old, const struct ip_addr *remote);
/// The SA is established: if it has a predecessor, it takes the session over. true: it did.
bool ike_successor_take_over(struct ike_sa *sa);
/// Responder: an authenticated peer that has a session here already goes on with it. true: it does.
bool ike_successor_adopt(struct ike_sa *sa, const struct ike_payloads *p);
void ike_successor_put_auth(struct ike_sa *sa, struct ike_build *b);
/// Responder: the session of `old`, which ends without a word, is this SA's from now on.
void ike_successor_replace(struct ike_sa *old, struct ike_sa *sa);
/// Responder: a new child waits with its outbound half if an older SA's child carries the traffic.
void ike_successor_hold(struct ike_sa *sa, struct ike_child *c);
/// The child of the older SA that the first child of this one replaces, or 0.
uint32_t ike_successor_first_child(const struct ike_sa *sa);
/// The SA ends: what it held up goes on.
void ike_successor_ends(struct ike_sa *sa);
/// The SA was rekeyed while a successor was on its way to it.
void ike_successor_moved(struct ike_sa *old, struct ike_sa *sa);
/// Is the session still on its way over from this SA?
bool ike_successor_busy(const struct ike_sa *sa);
/// Times of RFC 4478: when the life timer has to look next (0: never), and what is due.
uint64_t ike_reauth_next(const struct ike_sa *sa);
bool ike_reauth_due(struct ike_sa *sa);
void ike_reauth_begin(struct ike_sa *sa, const struct ike_payloads *p);
void ike_reauth_put(struct ike_sa *sa, struct ike_build *b);

// --- ike_redirect.c (RFC 5685)
void ike_redirect_put_init(struct ike_sa *sa, struct ike_build *b);
/// Responder, at IKE_SA_INIT, before anything is kept: true: the client was sent elsewhere.
bool ike_redirect_init(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h,
                       const struct ike_payloads *p);
void ike_redirect_take_init(struct ike_sa *sa, const struct ike_payloads *p);
/// Initiator: the answer to IKE_SA_INIT sends us elsewhere: true, and it was dealt with (perhaps by dropping it).
bool ike_redirect_init_answer(struct ike_sa *sa, const struct ike_payloads *p);
/// Responder: the peer is authenticated: true: it was sent elsewhere.
bool ike_redirect_auth(struct ike_sa *sa);
/// Initiator: the authenticated answer sends us elsewhere: true, and we go.
bool ike_redirect_auth_answer(struct ike_sa *sa, const struct ike_payloads *p);
/// A REDIRECT in an INFORMATIONAL request.
void ike_redirect_request(struct ike_sa *sa, const struct ike_payloads *p);
void ike_redirect_put_request(struct ike_sa *sa, struct ike_build *b);
/// IKE_SA_INIT begins: no lookup is waited for any more.
void ike_redirect_begin(struct ike_sa *sa);
void ike_redirect_moved(struct ike_sa *old, struct ike_sa *sa);
void ike_redirect_forget(struct ike_sa *sa);

// --- ike_ppk.c (RFC 8784)
void ike_ppk_put_init(struct ike_sa *sa, struct ike_build *b);
/// Responder: does this peer propose it, and have we a key for it?
void ike_ppk_take_init(struct ike_sa *sa, const struct ike_payloads *p);
/// Initiator: the answer; false: there is to be one, and the responder has none.
bool ike_ppk_init_answer(struct ike_sa *sa, const struct ike_payloads *p);
/// Initiator: make our AUTH, with the key in it (and once without, if that will do); then `then`.
void ike_ppk_make_auth(struct ike_sa *sa, ike_auth_then *then);
void ike_ppk_put_auth(struct ike_sa *sa, struct ike_build *b);
/// Initiator: which keys did the responder take? Call before its AUTH is verified. NULL, or why not.
const char *ike_ppk_answer(struct ike_sa *sa, const struct ike_payloads *p);
/// Responder: the request with the initiator's AUTH: mix the key in, or set p->auth to the one without. NULL, or why
/// not.
const char *ike_ppk_request(struct ike_sa *sa, struct ike_payloads *p);
void ike_ppk_free(struct ike_sa *sa);

// --- ike_resume.c (RFC 5723)
void ike_resume_put_auth(struct ike_sa *sa, struct ike_build *b);
void ike_resume_take_auth(struct ike_sa *sa, const struct ike_payloads *p);
void ike_resume_request(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h,
                        const uint8_t *msg, size_t len);
void ike_resume_response(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                         size_t len);
/// Client: there is a ticket for this peer, and the exchange with it has begun. false: there is none.
bool ike_resume_start(struct ike_sa *sa);
/// The peer's identity is that of the ticket: NULL, or what is wrong.
const char *ike_resume_check(const struct ike_sa *sa);
/// Gateway: the client is authentic: the ticket is used up, an older SA of the session goes. false: it was used before.
bool ike_resume_establish(struct ike_sa *sa);
void ike_resume_moved(struct ike_sa *old, struct ike_sa *sa);
/// The SA ends: its ticket waits for the peer to come back, if that is what is missing.
void ike_resume_ends(struct ike_sa *sa, enum ike_reason why);
void ike_resume_free(struct ike_sa *sa);
void ike_resume_close(struct ike_engine *e);

// --- ike_notice.c: errors told in INFORMATIONAL exchanges (RFC 7296 1.5, 2.21)
/// An unprotected message for no SA of ours that tells INVALID_SPI: true, and it was taken.
bool ike_notice_bare(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                     size_t len);
/// Our request's notify.
void ike_notice_put(struct ike_sa *sa, struct ike_build *b);
/// Notifies of an INFORMATIONAL request.
void ike_notice_take(struct ike_sa *sa, const struct ike_payloads *p);

#endif
