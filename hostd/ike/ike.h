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
#include "hostd/util/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ike_engine;
struct ike_job;
struct evp_pkey_st; // OpenSSL's EVP_PKEY

// ---------------------------------------------------------------------------------------------- addresses, identities

/// Between which two endpoints a message travels. `local` is ours in both directions.
struct ike_path {
    struct ip_addr local, remote;
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

bool ike_path_equal(const struct ike_path *a, const struct ike_path *b);
/// "192.0.2.1" or "2001:db8::1"; of family 0 "none".
const char *ike_addr_format(const struct ip_addr *a, char *out, size_t cap);

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
/// True for a cipher whose IVs need only be unique under a key (AES-GCM, AES-CTR, ChaCha20); those of others are
/// random.
bool ike_encr_counts(uint16_t encr);
/// "AES-GCM-256", "AES-CBC-128/HMAC-SHA2-256-128", with prf and group where set. Returns `out`.
const char *ike_suite_format(const struct ike_suite *s, char *out, size_t cap);

// ---------------------------------------------------------------------------------------------- traffic selectors

/// A range of addresses, ports and a protocol (RFC 7296 3.13.1). Addresses in network byte order, 4 bytes used for
/// IPv4.
struct ike_ts {
    uint8_t type;  ///< enum ike_ts_type; 0 in a profile: "dynamic", the assigned address or else the endpoint's own;
                   ///< IKE_TS_OUTER there: always the endpoint's own, any behind a NAT
    uint8_t proto; ///< IP protocol, 0 any
    uint16_t port_lo, port_hi; ///< 0..65535 any; ICMP: type and code as in the RFC
    uint8_t lo[16], hi[16];
};

/// From a prefix: any protocol, any port.
struct ike_ts ike_ts_prefix(const struct ip_addr *net, uint8_t prefix);
/// "10.0.0.0/8", or "10.0.0.1-10.0.0.9", with "[proto/port]" where not any. Returns `out`.
const char *ike_ts_format(const struct ike_ts *ts, char *out, size_t cap);
/// If the range is a prefix, its length; else -1.
int ike_ts_prefix_len(const struct ike_ts *ts);

// ---------------------------------------------------------------------------------------------- authentication

/// How an end proves who it is. A profile names one for us, and any number (or-ed) for the peer.
enum ike_auth_way {
    IKE_WAY_PSK = 1 << 0,  ///< pre-shared key
    IKE_WAY_CERT = 1 << 1, ///< signature by the key of a certificate: RSA, ECDSA, EdDSA (RFC 7296, 7427, 8420)
    IKE_WAY_EAP = 1 << 2,  ///< EAP (RFC 7296 2.16)
};

/// A certificate as it is on the wire, DER. `p` is not owned by whoever reads it.
struct ike_cert {
    const uint8_t *p;
    size_t len;
};

/// A certificate (or several in a bundle) that a peer names instead of sending it (RFC 7296 3.6).
struct ike_cert_url {
    bool bundle;                 ///< a CertificateBundle
    uint8_t hash[IKE_CERT_HASH]; ///< SHA-1 of what is there
    char url[IKE_MAX_URL + 1];   ///< printable
};

/// The certificates of a message, the end entity's first.
struct ike_certs {
    unsigned n;
    struct ike_cert cert[IKE_MAX_CERTS];
};

/// Our own private key with its certificate and what leads from it to the trust anchor. Shared and constant; counted.
struct ike_cred {
    unsigned refs;
    struct evp_pkey_st *key; ///< owned; RSA, EC or Ed25519/Ed448
    unsigned n_cert;
    struct {
        uint8_t *p; ///< owned
        size_t len;
        char *url; ///< where peers that look certificates up find it; NULL: it is sent. Owned
        uint8_t hash[IKE_CERT_HASH];
    } cert[IKE_MAX_CERTS]; ///< ours first
    uint8_t *ca_hashes;    ///< SHA-1 of the public keys of the CAs that it leads to, as in CERTREQ. Owned
    uint8_t n_ca;          ///< 0: not known, any peer may take it
};

/// Takes the key over; copies the certificates. NULL: no memory (the key is released).
struct ike_cred *ike_cred_new(struct evp_pkey_st *key, const struct ike_certs *chain);
/// Peers that can look certificates up are told where ours is (http://...) instead of what it is. false: no memory.
bool ike_cred_set_url(struct ike_cred *c, const char *url);
/// The subject of a certificate as an identity of type IKE_ID_DN, for free(). NULL: it has none that fits.
struct ike_id *ike_cert_subject(const struct ike_cert *cert);
/// OpenSSL's number (NID) of the kind of key that a certificate says it has; 0: it cannot be read. To choose by; the
/// key itself comes from who verifies the certificate.
int ike_cert_key_kind(const struct ike_cert *cert);
struct ike_cred *ike_cred_ref(struct ike_cred *c);
void ike_cred_unref(struct ike_cred *c);

/// What an EAP conversation (RFC 3748) says after a message.
enum ike_eap_code {
    IKE_EAP_CONTINUE, ///< `packet` goes to the peer
    IKE_EAP_SUCCESS, ///< `packet` is the Success (authenticator) or NULL (peer); msk is filled in if the method has one
    IKE_EAP_FAILURE, ///< `packet` is the Failure (authenticator) or NULL
};
struct ike_eap_answer {
    enum ike_eap_code code;
    const uint8_t *packet; ///< a whole EAP packet; valid during the call
    size_t len;
    const uint8_t *msk; ///< NULL, msk_len 0: the method makes no key
    size_t msk_len;
    const struct ike_id *identity; ///< authenticator: the EAP identity, once known; else NULL
};

// ---------------------------------------------------------------------------------------------- configuration

/// Attributes of a configuration payload (RFC 7296 3.15.1), as bits.
enum ike_cp_bit {
    IKE_ASK_IP4 = 1 << 0,
    IKE_ASK_NETMASK = 1 << 1,
    IKE_ASK_DNS4 = 1 << 2,
    IKE_ASK_NBNS = 1 << 3, ///< WINS
    IKE_ASK_VERSION = 1 << 4,
    IKE_ASK_IP6 = 1 << 5,
    IKE_ASK_DNS6 = 1 << 6,
    IKE_ASK_SUBNET4 = 1 << 7,
    IKE_ASK_SUBNET6 = 1 << 8,
    IKE_ASK_SUPPORTED = 1 << 9,
    IKE_ASK_DNS_DOMAIN = 1 << 10, ///< RFC 8598
    IKE_ASK_BANNER = 1 << 11,
    IKE_ASK_DOMAIN = 1 << 12,
    IKE_ASK_SPLIT_DNS = 1 << 13,
    IKE_ASK_SPLIT_INCLUDE = 1 << 14,
    IKE_ASK_EXCLUDE = 1 << 15,
    IKE_ASK_BACKUP = 1 << 16,
    IKE_ASK_ADDRESS = IKE_ASK_IP4 | IKE_ASK_IP6, ///< either
    IKE_ASK_ROUTES = IKE_ASK_SUBNET4 | IKE_ASK_SUBNET6,
    IKE_ASK_ALL = (1 << 17) - 1,
};

/// An IPv4 or IPv6 prefix.
struct ike_net {
    struct ip_addr net;
    uint8_t prefix;
};

/// What a configuration payload carries. Texts are printable; lists in them are words with commas between.
struct ike_cp_values {
    uint32_t asked;                   ///< decoded: the attributes that were there, with a value or without
    struct ip_addr address, address6; ///< family 0: none
    uint8_t prefix;                   ///< netmask of the address; 0 or 32: not sent
    uint8_t prefix6;                  ///< that goes with address6
    uint8_t n_dns, n_nbns, n_subnet, n_exclude;
    struct ip_addr dns[IKE_MAX_CP_LIST]; ///< IPv4 and IPv6
    struct ip_addr nbns[IKE_MAX_CP_LIST];
    struct ike_net subnet[IKE_MAX_CP_NETS];  ///< behind the sender; masked, none twice
    struct ike_net exclude[IKE_MAX_CP_LIST]; ///< not through the tunnel; 0.0.0.0/32 is the receiver's own LAN
    char banner[IKE_MAX_CP_TEXT];
    char domain[256];                ///< default domain
    char split_dns[IKE_MAX_CP_TEXT]; ///< domains that are to be resolved through the tunnel
    char backup[IKE_MAX_CP_TEXT];    ///< gateways to go to when this one fails
    char version[64];                ///< of the sender's program
};

/// Add a prefix (masked here) if there is room and it is not there yet.
void ike_cp_add_subnet(struct ike_cp_values *v, const struct ip_addr *net, uint8_t prefix);
/// Add a word to a list of `cap` bytes; false: no room, or it has other characters than names and addresses have.
bool ike_cp_add_word(char *list, size_t cap, const char *word, size_t len);

/// What IKE_AUTH does about a first CHILD SA, if the responder can do without (RFC 6023).
enum ike_childless {
    IKE_CHILDLESS_NEVER, ///< it is made there
    IKE_CHILDLESS_THEN,  ///< it is made by an exchange of its own at once, with a key exchange if PFS is configured
    IKE_CHILDLESS_ONLY,  ///< none until somebody asks
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

    uint8_t auth_local;    ///< one of enum ike_auth_way
    uint8_t auth_remote;   ///< those that the peer may use
    bool eap_only;         ///< initiator with EAP: offer that the responder proves itself by EAP alone (RFC 5998)
    bool eap_identity;     ///< responder: ask for an EAP identity instead of taking IDi for it (query-identity)
    struct ike_cred *cred; ///< ours, for IKE_WAY_CERT; NULL: none. Owned
    struct ike_cred *also[IKE_MAX_CREDS - 1]; ///< others of ours: used if the peer's CERTREQ names their CA and not
                                              ///< that of `cred` (RFC 7296 3.7). Owned
    uint8_t n_also;
    bool id_is_subject; ///< local_id is the subject of `cred`, and that of another credential where it is used
    uint8_t *ca_hashes; ///< SHA-1 of the public keys of the CAs that we trust, IKE_CA_HASH bytes each. Owned
    uint8_t n_ca;

    struct ike_proposal ike[IKE_MAX_PROPOSALS];
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    uint8_t n_ike, n_esp;
    bool transport;         ///< transport mode is asked for, and accepted
    bool force_encap;       ///< pretend to be behind a NAT, so that ESP travels in UDP
    uint16_t replay_window; ///< packets

    struct ike_ts ts_local[IKE_MAX_TS], ts_remote[IKE_MAX_TS]; ///< what may pass
    uint8_t n_ts_local, n_ts_remote;

    bool cp_request;    ///< initiator: ask for an IPv4 address
    bool cp_request6;   ///< initiator: ask for an IPv6 address
    bool cp_config;     ///< initiator: ask for routes and names even if for no address; responder: tell those who ask
    bool cp_assign;     ///< responder: give addresses to those who ask; implies that what else they ask for is told
    bool cp_required;   ///< responder: no child for those who ask for no configuration
    bool cp_set_send;   ///< initiator: tell our own networks by CFG_SET once the SA is up
    bool cp_set_accept; ///< take the peer's CFG_SET

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

    uint32_t retrans_ms;     ///< first retransmission after this
    uint32_t retrans_max_ms; ///< and never later than this after the one before (each waits twice as long)
    uint8_t retrans_tries;   ///< transmissions in all, then the peer is dead
    bool initial_contact;    ///< send INITIAL_CONTACT with the first SA to a peer
    struct ike_id *met;      ///< initiator: who was there last; kept by the machine, the one thing here that changes
    bool force_contact;      ///< responder: the newest SA of an identity ends its older ones, without that notify too
    bool mobike;             ///< RFC 4555: keep SAs when an address changes
    uint8_t window;          ///< requests that the peer may have out at once, 1 to IKE_MAX_WINDOW
    uint32_t
        reauth_s; ///< seconds from one authentication to the next: ours as initiator, told as responder (RFC 4478); 0
    uint8_t redirects;        ///< initiator: gateways that it may be sent on to (RFC 5685); 0: not followed
    bool redirect_auth;       ///< responder: ask ops->redirect once the peer is authenticated
    uint8_t childless;        ///< initiator: enum ike_childless (RFC 6023)
    uint32_t resume_s;        ///< seconds that a session can be resumed in (RFC 5723); 0: never
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
/// The same of ESP proposals alone.
const char *ike_esp_check(const struct ike_proposal *p, unsigned n);
/// The default proposals: out[] of IKE_MAX_PROPOSALS, the number is returned.
uint8_t ike_default_ike_proposals(struct ike_proposal *out);
uint8_t ike_default_esp_proposals(struct ike_proposal *out);

/// Bounds of the whole engine. Zero means the default of ike_config.c.
struct ike_limits {
    uint32_t max_sas;            ///< IKE SAs in all
    uint32_t max_half_open;      ///< unauthenticated incoming SAs in all; more are dropped
    uint32_t max_half_open_peer; ///< the same of one address
    uint64_t max_unauth_bytes;   ///< memory that all peers together can make us hold before they are authenticated
    uint32_t cookie_threshold;   ///< half-open SAs from which a cookie is asked for
    bool cookie_always;          ///< ask everyone
    uint32_t half_open_s;        ///< seconds an incoming SA has to authenticate
    uint32_t max_children;       ///< CHILD SAs of one IKE SA
    uint16_t port, port_natt;    ///< 500 and 4500 unless tests say otherwise
    bool redirect_init;          ///< ask ops->redirect at IKE_SA_INIT
    bool http_cert;              ///< say that certificates may be named by URL, and ask ops->cert_fetch for them
    bool export_keys;            ///< call ops->key_export: for tests that decrypt captures, never in production
};
struct ike_limits ike_limits_default(void);

// ---------------------------------------------------------------------------------------------- what goes out

/// How much a line matters; the last three also say what it is about.
enum ike_log_level {
    IKE_LOG_ERROR,
    IKE_LOG_WARN,
    IKE_LOG_INFO,
    IKE_LOG_DEBUG,
    IKE_LOG_STATE, ///< debug: a state machine has moved
    IKE_LOG_FAULT, ///< debug: a failure that is common enough, or easy enough to cause, not to be told by itself
    IKE_LOG_DROP,  ///< info: a message was dropped for what is wrong with it
};

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
    IKE_R_REDIRECTED,      ///< the gateway sends us elsewhere, or too often
    IKE_R_NOT_RENEWED,     ///< the peer did not authenticate again in time (RFC 4478)
    IKE_R_PPK,             ///< a post-quantum pre-shared key is required, and one side has none (RFC 8784)
};
const char *ike_reason_name(enum ike_reason r);

/// Keys of one direction of a CHILD SA.
struct ike_child_key {
    uint8_t encr[IKE_MAX_ENCR_KEY]; ///< key, then the 4-byte salt (nonce) with AES-GCM, AES-CTR, ChaCha20
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
    struct ip_addr assigned,
        assigned6;      ///< inner addresses given to the peer (responder) or to us (initiator), or none
    bool hold_outbound; ///< install: do not send on it until child_switch (responder of a rekey)
    uint64_t bytes_soft, bytes_hard, packets_soft, packets_hard; ///< 0: no limit
    uint64_t born, rekey_at, expire_at;                          ///< microseconds; 0: never
};

enum { IKE_PSK_LATER = -2 }; ///< psk, psk_remote: psk_ask is to be called
enum { IKE_PENDING = 1 };    ///< child_install: the result comes by ike_child_install_result()

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
    uint8_t auth_local, auth_remote;        ///< enum ike_auth_method
    bool nat_local, nat_remote;             ///< which side is behind a NAT
    bool fragmentation;                     ///< both sides can
    bool cookie;                            ///< a cookie was demanded when it was set up
    uint64_t born, rekey_at, expire_at;     ///< microseconds; 0: never
    uint64_t last_in;                       ///< last authenticated message
    uint32_t next_out, next_in;             ///< message ids
    uint32_t requests_queued, requests_out; ///< exchanges of ours that wait, and that are under way
    uint32_t window, peer_window;           ///< requests at once: that we take, that the peer takes
    bool mobike;
    const struct ike_cp_values *given; ///< what we told the peer by a configuration payload; NULL: nothing
    const struct ike_cp_values *taken; ///< what it told us
    bool peer_redirect, ppk, resumed;  ///< it can be redirected; a post-quantum key is in its keys; it was resumed
    uint64_t reauth_at, auth_until;    ///< when we authenticate again; until when the peer has to; 0: never
    const struct ike_child_sa *const *child; ///< children, oldest first
    uint32_t n_child;
    uint64_t msgs_in, msgs_out, retransmits, dpd_sent, rekeys;
    const struct ike_id *eap_id;  ///< the peer's EAP identity, or NULL
    const struct ike_id *cert_id; ///< subject of the peer's certificate, or NULL
};

/// Counters of the whole engine.
struct ike_stats {
    uint64_t in_messages, out_messages, retransmits;
    uint64_t sas_up, sas_down, children_up, children_down, ike_rekeys, child_rekeys, collisions;
    uint64_t init_requests, init_dropped_limit, cookies_sent, cookies_bad, invalid_ke_sent;
    uint64_t auth_failures, no_proposal, ts_unacceptable, ts_cut, temporary_failures;
    uint64_t bad_length, bad_version, bad_payload, bad_critical, bad_spi, bad_message_id, bad_exchange;
    uint64_t bad_integrity, bad_fragment, fragments_in, fragments_out, reassembled;
    uint64_t duplicate_requests, early_requests, unexpected_responses, dpd_sent, dead_peers, out_of_memory,
        install_failures, peer_moves, mobike_updates, invalid_spi_sent, invalid_selectors_sent, bare_notices,
        error_notices, address_failures, cp_required, requests_passed;
    uint64_t reauths, redirects_sent, redirects_followed, redirects_refused, redirects_unresolved, ppk_used,
        ppk_missing;
    uint64_t tickets_sent, tickets_taken, tickets_refused, resumed, unauth_refused;
    uint64_t certs_looked_up, cert_lookups_failed;
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
    const struct ike_certs *certs;     ///< the peer's certificates, not verified yet; NULL: none came
    uint8_t way;                       ///< enum ike_auth_way that the peer uses; 0 at IKE_SA_INIT
    const char *resumes;               ///< the name of the profile that a ticket says; NULL: no session is resumed
};

/// A post-quantum pre-shared key (RFC 8784), filled in by ops->ppk.
struct ike_ppk {
    uint8_t id[IKE_MAX_PPK], key[IKE_MAX_PPK];
    uint16_t id_len, key_len;
    bool required; ///< without it there is no session
};

/// Where a client is sent: an address, or (its family is 0) a name.
struct ike_gateway {
    struct ip_addr addr;
    char name[IKE_MAX_GATEWAY + 1];
};
/// Is it a name of hosts: letters (not none), digits and hyphens, in labels that are not empty?
bool ike_is_gateway_name(const void *name, size_t len);

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
    /// Would a sentence of this level be written (optional)? If not, it is not put together.
    bool (*log_wanted)(void *ctx, enum ike_log_level level);

    /// Which profile? NULL refuses the peer. The engine takes its own reference.
    struct ike_profile *(*select)(void *ctx, const struct ike_select *sel);
    /// The peer's certificates are to be verified for this profile and identity: chain, validity, revocation, and that
    /// the identity is one of the certificate's. Copies what it keeps, and answers once by ike_cert_answer(), never
    /// from within the call. Without it (NULL) no certificate is good.
    void (*cert_check)(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                       const struct ike_certs *certs);
    /// What the peer names by URL is to be fetched, before it is authenticated (optional; only with limits->http_cert).
    /// Copies what it keeps, and answers once by ike_cert_url_answer(), from within the call or later.
    void (*cert_fetch)(void *ctx, uint64_t token, const struct ike_cert_url *u);
    /// Initiator: is the responder, of this identity and with these certificates (NULL: none; not verified yet), whom
    /// the profile means? Optional: the profile's match and remote_id decide without it. With it, `select` has the last
    /// word on the responder's side.
    bool (*peer_fits)(void *ctx, const struct ike_profile *p, const struct ike_id *id, const struct ike_certs *certs);
    /// An EAP conversation begins: as authenticator (responder) or as supplicant (initiator) under this profile; peer:
    /// its IKE identity. The conversation, or NULL: refused. It lives until eap_end.
    void *(*eap_begin)(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer);
    /// A packet of the peer for the conversation (authenticator: first NULL, 0, to make the first request). Answered
    /// once by ike_eap_answer(), from within the call or later.
    void (*eap_input)(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len);
    void (*eap_end)(void *ctx, void *conversation);
    /// The pre-shared key for this pair, copied to key[cap]: its length, or -1 if there is none. remote is never NULL.
    int (*psk)(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
               const struct ike_path *path, uint8_t *key, size_t cap);
    /// The same, where psk or psk_remote has said IKE_PSK_LATER: the key is somewhere else (a AAA server). Answered
    /// once by ike_psk_answer(), from within the call or later.
    void (*psk_ask)(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *local,
                    const struct ike_id *remote, const struct ike_path *path, bool of_remote);
    /// The key that the peer's AUTH is verified with, where it is another than our own (optional; else psk gives both).
    int (*psk_remote)(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                      const struct ike_path *path, uint8_t *key, size_t cap);
    /// By how much a pause of a session is stretched, 0 to 255: a random number of which nothing secret is made
    /// (optional; without it the engine draws). For those who want the same pauses again.
    uint8_t (*jitter)(void *ctx, uint32_t session);
    /// What a peer is told that asks for configuration (optional): fill the zeroed `out` with all there is for it, what
    /// it did not ask for is not sent. asked->address and address6: what it had or wishes. Addresses only if asked has
    /// their bits; a later request is not for addresses any more. 0, or -1: there should be an address, and none is
    /// left.
    int (*cp_reply)(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                    const struct ike_cp_values *asked, struct ike_cp_values *out);
    /// What we tell the peer by CFG_SET (optional); nothing filled in: it is not sent.
    void (*cp_set)(void *ctx, uint32_t session, const struct ike_profile *p, struct ike_cp_values *out);
    /// An address that cp_reply gave goes back.
    void (*addr_free)(void *ctx, uint32_t session, const struct ike_profile *p, const struct ip_addr *a);

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
    /// Bring what child_activity says of this child up to date (optional; for DPD). It is asked for, a moment
    /// later, once for each time that this is called: nothing needs to be watched in between.
    void (*child_look)(void *ctx, const struct ike_child_sa *sa);
    /// When traffic last came in and went out on a child, microseconds (optional; for DPD).
    void (*child_activity)(void *ctx, const struct ike_child_sa *sa, uint64_t *last_in, uint64_t *last_out);

    /// The post-quantum key for a peer (optional). id NULL: the one to propose to or expect of this peer (its identity
    /// NULL if not known yet); else the key of that name. false: there is none.
    bool (*ppk)(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                const void *id, size_t id_len, struct ike_ppk *out);
    /// Is this client to go to another gateway (optional; RFC 5685)? remote NULL: it is not known yet who it is, and
    /// p is NULL too. from: the gateway that sent it here, or NULL. true: `gateway`, which is empty, says which one.
    bool (*redirect)(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                     const struct ip_addr *from, struct ike_gateway *gateway);
    /// Look a gateway's name up, for an address of that family (optional: without it names are not followed). Answered
    /// once by ike_resolved(), later than from within the call. false: not possible now.
    bool (*resolve)(void *ctx, uint64_t token, const char *name, uint8_t family);
    /// The ESP proposals of a profile as the configuration has them now (optional): a profile stays as it was while an
    /// IKE SA lives. For CHILD SAs made or rekeyed from here on. At most IKE_MAX_PROPOSALS; how many, 0: the profile's
    /// own.
    uint8_t (*esp_now)(void *ctx, const struct ike_profile *p, struct ike_proposal *out);
    /// Our other addresses that a peer may reach us at (RFC 4555; optional): at most IKE_MAX_EXTRA; how many.
    unsigned (*extra_addresses)(void *ctx, const struct ike_profile *p, const struct ike_path *path,
                                struct ip_addr *out);

    // Events (all optional).
    void (*sa_up)(void *ctx, const struct ike_sa_info *sa);
    void (*sa_down)(void *ctx, const struct ike_sa_info *sa, enum ike_reason why); ///< also for one that never came up
    void (*sa_rekeyed)(void *ctx, const struct ike_sa_info *sa);
    void (*cp_taken)(void *ctx, const struct ike_sa_info *sa); ///< the peer's CFG_SET was taken: sa->taken
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
/// Is it done in some 100 microseconds, so that a hop to another thread is hardly worth it?
bool ike_job_is_cheap(const struct ike_job *job);
/// A job has run: go on, and release it.
void ike_job_complete(struct ike_engine *e, struct ike_job *job, uint64_t now);
/// Release a job, run or not, whose engine is gone.
void ike_job_discard(struct ike_job *job);

/// The answer to ops->cert_check: the end entity's public key (taken over), or NULL and why not, in words.
void ike_cert_answer(struct ike_engine *e, uint64_t token, struct evp_pkey_st *key, const char *why, uint64_t now);
/// The answer to ops->cert_fetch: the certificates that are there, copied; NULL, or none: why not, in words.
void ike_cert_url_answer(struct ike_engine *e, uint64_t token, const struct ike_certs *certs, const char *why,
                         uint64_t now);
/// The answer to ops->psk_ask: the key, copied; len -1: there is none.
void ike_psk_answer(struct ike_engine *e, uint64_t token, const uint8_t *key, int len, uint64_t now);
/// The answer to ops->eap_input.
void ike_eap_answer(struct ike_engine *e, uint64_t token, const struct ike_eap_answer *a, uint64_t now);

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
/// The same at once: the peer is told if an exchange can begin now, and nobody waits for its answer. Ends one that
/// waits for the peer's answer to a Delete, too.
int ike_delete_fast(struct ike_engine *e, uint32_t session, uint64_t now);
/// Tell the peer our networks by CFG_SET (again).
int ike_tell_config(struct ike_engine *e, uint32_t session, uint64_t now);
/// Authenticate again (initiator): a new IKE SA with new children first, then the old one goes.
int ike_reauth(struct ike_engine *e, uint32_t session, uint64_t now);
/// Send the client to another gateway (RFC 5685); -1 also if it does not follow.
int ike_redirect(struct ike_engine *e, uint32_t session, const struct ike_gateway *gateway, uint64_t now);
/// What ops->resolve has found; family 0: nothing.
void ike_resolved(struct ike_engine *e, uint64_t token, const struct ip_addr *addr, uint64_t now);
/// Ask the peer whether it lives (DPD), now.
int ike_probe(struct ike_engine *e, uint32_t session, uint64_t now);
/// Our address towards the peer is another one now (initiator; remote NULL: as before). 0, or -1: the session is not
/// one that MOBIKE can move.
int ike_move(struct ike_engine *e, uint32_t session, const struct ip_addr *local, const struct ip_addr *remote,
             uint64_t now);
/// What extra_addresses answers has changed: tell all peers with MOBIKE.
void ike_addresses_changed(struct ike_engine *e, uint64_t now);
/// ESP came from there for an SPI that we do not have: tell the sender, at most ten times a second in all.
/// Not of one that is being negotiated.
void ike_unknown_spi(struct ike_engine *e, const struct ike_path *path, uint32_t spi, uint64_t now);
/// An authentic ESP packet was not of its SA's selectors: tell the peer by INVALID_SELECTORS (RFC 7296 2.9, 3.10.1),
/// with how the packet begins, at most IKE_MAX_ABOUT bytes. Shares its rate with ike_unknown_spi.
void ike_outside_selectors(struct ike_engine *e, uint32_t spi_in, const uint8_t *start, size_t len, uint64_t now);
/// The datapath says that a lifetime in bytes, packets or sequence numbers is ending (soft: rekey) or over (hard:
/// delete).
int ike_child_expire(struct ike_engine *e, uint32_t spi_in, bool hard, uint64_t now);
/// ESP traffic that proved authentic came in on a held child of a rekey: the peer uses it, so do we.
int ike_child_inbound_seen(struct ike_engine *e, uint32_t spi_in, uint64_t now);
/// The result of a child_install that was IKE_PENDING: 0 or negative; -EOPNOTSUPP: the peer is told TS_UNACCEPTABLE.
void ike_child_install_result(struct ike_engine *e, uint32_t child_id, int result, uint64_t now);

/// Walk all sessions; fn returns false to stop.
void ike_show(struct ike_engine *e, bool (*fn)(void *arg, const struct ike_sa_info *sa), void *arg);
/// One session; false if there is none.
bool ike_show_one(struct ike_engine *e, uint32_t session, void (*fn)(void *arg, const struct ike_sa_info *sa),
                  void *arg);
const struct ike_stats *ike_stats(const struct ike_engine *e);
/// Bytes held for peers that are not authenticated, and the bound.
void ike_unauth_bytes(const struct ike_engine *e, uint64_t *held, uint64_t *bound);
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
/// Is the algorithm kept for old peers only? Then it is used only where it is configured by name.
bool ike_is_legacy(enum ike_name_kind kind, unsigned number);
/// The row whose configuration word this is, or NULL.
const struct ike_name *ike_name_find(enum ike_name_kind kind, const char *word);

#endif
