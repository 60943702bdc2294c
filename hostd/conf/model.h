// SPDX-License-Identifier: BSD-2-Clause
// The configuration as the daemon uses it. Objects are plain memory without pointers inside (but for the peers of a
// keyring), in lists in the order of definition; every named object begins with its name. A conf is made, filled by
// the reader, checked, and from then on constant.
//
// Smart defaults: proposal, policy, profile, transform set, ipsec profile and authorization policy `default` are there
// from the start. `disabled` says that the user took one away with `no`.
#ifndef CULVERT_CONF_MODEL_H
#define CULVERT_CONF_MODEL_H

#include "hostd/conf/ifid.h"
#include "hostd/ike/ike.h"
#include "hostd/util/ip.h"
#include "hostd/util/list.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    CONF_NAME = 64, // longest name of an object, with its end
    CONF_TEXT = 256,
    CONF_ALGS = 12, // most algorithms of a kind in a proposal
    CONF_MATCHES = 8,
    CONF_DNS = 8, // name servers of an authorization policy
    CONF_WINS = 2,
    CONF_SPLIT_DNS = 10,     // domains of one
    CONF_BACKUPS = 10,       // backup gateways of one
    CONF_ROUTES = 32,        // networks of one
    CONF_ROUTE_IFS = 8,      // interfaces of one
    CONF_ACES = 64,          // entries of an access list
    CONF_TRANSFORM_SETS = 6, // most in one ipsec profile
    CONF_CA_FILES = 8,       // most CA certificates, and CRLs, named by one trustpoint
    CONF_REVOCATION = 3,     // methods of checking for revocation
    CONF_EAP_METHODS = 4,
    CONF_GATEWAYS = 8,    // most addresses of a list of gateways
    CONF_TRUSTPOINTS = 6, // most in one ikev2 profile
    CONF_ADDRESSES6 = 4,  // IPv6 addresses of an interface
};

// A reference to another object by name, with the place in the file where it is made. name "": none.
struct conf_ref {
    char name[CONF_NAME];
    unsigned line, word; // from 1; 0: a smart default
};

// A network of either family; length 32 or 128: one address. family 0: none.
struct conf_net {
    struct ip_addr addr;
    uint8_t length;
};

// One of our own addresses: written down, or that of an interface.
struct conf_local {
    struct ip_addr addr; // family 0: the interface's
    struct ifid iface;
    unsigned line, word;
};

// A pre-shared key as it was written; text "": none. conf_key_bytes() gives what is used.
struct conf_key {
    char text[CONF_TEXT];
    bool hex; // the text is the key's bytes in hexadecimal
};

struct conf_proposal { // crypto ikev2 proposal
    char name[CONF_NAME];
    bool disabled;
    uint8_t encr[CONF_ALGS], integ[CONF_ALGS], prf[CONF_ALGS], group[CONF_ALGS]; // indexes of the tables in algs.h
    uint8_t n_encr, n_integ, n_prf, n_group;
};

struct conf_policy { // crypto ikev2 policy
    char name[CONF_NAME];
    bool disabled;
    bool fvrf_any;
    struct ip_addr local[CONF_MATCHES];
    unsigned n_local;
    struct conf_ref proposal[CONF_ALGS];
    unsigned n_proposal;
};

enum conf_id_kind {
    CONF_ID_NONE,
    CONF_ID_ADDRESS,
    CONF_ID_FQDN,
    CONF_ID_EMAIL,
    CONF_ID_KEY_ID,
    CONF_ID_DN,           // the subject of our certificate
    CONF_ID_FQDN_DOMAIN,  // every name of a domain: of a keyring's peer
    CONF_ID_EMAIL_DOMAIN, // likewise
};
struct conf_id {
    enum conf_id_kind kind;
    struct ip_addr addr;
    char text[CONF_TEXT];
};

// A post-quantum pre-shared key. id "": none.
struct conf_ppk {
    char id[CONF_TEXT];
    struct conf_key key;
    bool required;
};

struct conf_peer { // a peer of a keyring
    char name[CONF_NAME];
    struct conf_net net; // where its messages come from
    char hostname[CONF_TEXT];
    struct conf_id id;
    struct conf_key key_local, key_remote; // equal if one key was given for both
    struct conf_ppk ppk;
};

struct conf_keyring {
    char name[CONF_NAME];
    struct list peers; // of struct conf_peer, owned
};

enum conf_match_kind {
    CONF_MATCH_ANY,
    CONF_MATCH_ADDRESS,
    CONF_MATCH_FQDN,
    CONF_MATCH_FQDN_DOMAIN,
    CONF_MATCH_EMAIL,
    CONF_MATCH_EMAIL_DOMAIN,
    CONF_MATCH_KEY_ID,
    CONF_MATCH_DN,
};
struct conf_match {
    enum conf_match_kind kind;
    struct conf_net net;
    char text[CONF_TEXT];
};

// How an end proves its identity. One for us, any of several for the peer.
enum conf_auth {
    CONF_AUTH_PSK = 1 << 0,
    CONF_AUTH_RSA = 1 << 1,
    CONF_AUTH_ECDSA = 1 << 2,
    CONF_AUTH_EDDSA = 1 << 3, // Ed25519, Ed448
    CONF_AUTH_EAP = 1 << 4,
    CONF_AUTH_SIG = CONF_AUTH_RSA | CONF_AUTH_ECDSA | CONF_AUTH_EDDSA,
};

// What the peer is given depends on how it proved itself: index of the authorizations of a profile.
enum conf_way { CONF_WAY_PSK, CONF_WAY_CERT, CONF_WAY_EAP, CONF_WAYS };

// Ourselves as an EAP supplicant. user "": our IKE identity.
enum conf_eap_method { CONF_EAP_ANY, CONF_EAP_MSCHAPV2, CONF_EAP_MD5, CONF_EAP_GTC, CONF_EAP_TLS };
struct conf_eap_local {
    enum conf_eap_method method;
    char user[CONF_TEXT], password[CONF_TEXT];
};

struct conf_trust { // a trustpoint of a profile
    struct conf_ref ref;
    bool sign, verify; // prove us with it; verify peers with it
};

struct conf_dpd {
    unsigned interval, retry; // seconds; interval 0: none
    bool on_demand;
};

struct conf_profile { // crypto ikev2 profile
    char name[CONF_NAME];
    bool disabled;
    unsigned line; // 0: the smart default, as it was born
    struct conf_match match[CONF_MATCHES];
    unsigned n_match;
    struct conf_ref match_cert[CONF_MATCHES]; // certificate maps
    unsigned n_match_cert;
    struct conf_local match_local[CONF_MATCHES];
    unsigned n_match_local;
    bool fvrf_any;
    struct conf_id local_id;
    uint8_t auth_local;               // one of enum conf_auth, 0: not said
    uint8_t auth_remote;              // any of them
    bool local_unsaid, remote_unsaid; // auth_local, auth_remote are those of the smart default, not written down
    bool eap_query_identity;          // ask the peer for an EAP identity
    struct conf_eap_local eap;
    struct conf_ref eap_list; // aaa authentication: where the peer's user is looked up; "": `default`
    uint8_t
        eap_methods[CONF_EAP_METHODS]; // enum conf_eap_method that we ask of the peer, in this order; none: our choice
    unsigned n_eap_methods;
    unsigned eap_timeout; // seconds for each answer of who knows the users
    struct conf_key key_local, key_remote;
    struct conf_ref keyring;
    struct conf_trust trustpoint[CONF_TRUSTPOINTS];
    unsigned n_trustpoint;
    struct conf_ref author_list[CONF_WAYS], author[CONF_WAYS]; // aaa list, and authorization policy in it
    struct conf_dpd dpd;
    unsigned lifetime;      // seconds
    unsigned nat_keepalive; // seconds; 0: the global one
    unsigned vtemplate;     // number
    bool has_vtemplate;
    bool vtemplate_auto; // its mode is what the peer asks for
    unsigned vtemplate_line, vtemplate_word;
    bool no_config_request;                // do not ask for configuration
    bool config_required;                  // a peer must ask for its configuration
    bool no_config_send, no_config_accept; // do not tell our networks by CFG_SET; do not take the peer's
    unsigned reauth;                       // seconds between authentications; 0: once is enough
    unsigned childless;                    // enum ike_childless
    unsigned reconnect;                    // seconds that a session can be resumed in; 0: never
    unsigned redirect_auth;                // the line that says so; 0: no
    bool force_contact;                    // initial-contact force
};

struct conf_author { // crypto ikev2 authorization policy
    char name[CONF_NAME];
    bool disabled;
    struct conf_ref pool, pool6;
    struct in_addr netmask;       // 0: none
    struct ip_addr dns[CONF_DNS]; // IPv4 and IPv6
    unsigned n_dns;
    struct ip_addr wins[CONF_WINS];
    unsigned n_wins;
    char domain[CONF_TEXT];
    char banner[CONF_TEXT];
    char split_dns[CONF_SPLIT_DNS][CONF_NAME];
    unsigned n_split_dns;
    char backup[CONF_BACKUPS][CONF_NAME];
    unsigned n_backup;
    bool local_lan;
    unsigned session_lifetime; // seconds; 0: no limit
    // Networks that the peer is told are behind us.
    bool route_interface; // the tunnel's own address
    struct {
        struct ifid iface;
        unsigned line, word;
    } route_if[CONF_ROUTE_IFS];
    unsigned n_route_if;
    struct conf_net remote[CONF_ROUTES];
    unsigned n_remote;
    struct conf_ref acl, acl6;
    // Networks that are routed to the peer.
    struct conf_net local[CONF_ROUTES];
    unsigned n_local;
    bool no_accept; // what it tells is not
    uint32_t accept_tag;
    unsigned accept_distance; // 0: 1
};

struct conf_ace { // permit or deny; length 0: any
    bool permit;
    struct conf_net net;
};
struct conf_acl { // access-list, ip access-list standard, ipv6 access-list
    char name[CONF_NAME];
    struct conf_ace at[CONF_ACES];
    unsigned n;
};

struct conf_tset { // crypto ipsec transform-set
    char name[CONF_NAME];
    bool disabled;
    uint16_t encr, bits; // transform id of the IKEv2 registry, key length or 0
    uint16_t integ;      // likewise; 0 with an AEAD cipher
    bool transport;      // mode transport, where the packets go between the ends themselves (GRE)
};

struct conf_ipsec { // crypto ipsec profile
    char name[CONF_NAME];
    bool disabled;
    struct conf_ref tset[CONF_TRANSFORM_SETS];
    unsigned n_tset;
    struct conf_ref profile; // crypto ikev2 profile
    uint8_t pfs;             // index of a group + 1, 0: none
    unsigned seconds;
    uint64_t kilobytes; // 0: no limit
    unsigned window;    // packets of replay protection; 0: none
    bool no_esn;        // ordinary sequence numbers only
};

struct conf_file { // a file that the configuration names; path "": none
    char path[CONF_TEXT];
    unsigned line, word;
};

enum conf_revocation_method { CONF_REVOCATION_NONE, CONF_REVOCATION_CRL, CONF_REVOCATION_OCSP };

struct conf_trustpoint { // crypto pki trustpoint
    char name[CONF_NAME];
    unsigned line;
    struct conf_file ca[CONF_CA_FILES], crl[CONF_CA_FILES];
    unsigned n_ca, n_crl;
    struct conf_file cert, key, pkcs12;
    char key_password[CONF_TEXT], pkcs12_password[CONF_TEXT];
    uint8_t revocation[CONF_REVOCATION]; // enum conf_revocation_method, tried in this order
    unsigned n_revocation;
    char ocsp_url[CONF_TEXT]; // instead of the certificate's own
    char cert_url[CONF_TEXT]; // where peers find our certificate
    bool ocsp_no_nonce;
    bool weak; // SHA-1 signatures and RSA keys of 1,024 bits are accepted
};

enum conf_cert_field {
    CONF_CERT_SUBJECT,
    CONF_CERT_ISSUER,
    CONF_CERT_ALT_SUBJECT,
    CONF_CERT_NAME, // the subject or an alternative name
    CONF_CERT_VALID_START,
    CONF_CERT_EXPIRES_ON,
    CONF_CERT_SERIAL,
};
enum conf_cert_op { CONF_CERT_EQ, CONF_CERT_NE, CONF_CERT_CO, CONF_CERT_NC, CONF_CERT_LT, CONF_CERT_GE };

struct conf_cert_cond {
    uint8_t field, op; // the enums above
    int64_t date;      // valid-start and expires-on: seconds since 1970, UTC
    char text[CONF_TEXT];
};

struct conf_certmap { // crypto pki certificate map; a name has one for each sequence number
    char name[CONF_NAME];
    unsigned sequence, line;
    struct conf_cert_cond cond[CONF_MATCHES];
    unsigned n_cond;
};

struct conf_pool { // ip local pool, ipv6 local pool
    char name[CONF_NAME];
    struct ip_addr first;
    uint32_t count;      // of addresses, or of prefixes for peers
    uint8_t length;      // of the prefix that each peer is given
    uint8_t pool_length; // IPv6: of the pool's own prefix
};

enum conf_address_kind { CONF_ADDRESS_NONE, CONF_ADDRESS_STATIC, CONF_ADDRESS_NEGOTIATED, CONF_ADDRESS_UNNUMBERED };

// tunnel mode: what the tunnel carries, over what.
enum conf_tunnel_mode {
    CONF_MODE_GRE_IP,     // as when nothing is written
    CONF_MODE_GRE_IPV6,   //
    CONF_MODE_IPSEC_IPV4, // the outer packets are IPv4 ...
    CONF_MODE_IPSEC_IPV6,
};

struct conf_if {
    char name[CONF_NAME]; // as ifid_format gives
    struct ifid id;
    unsigned line;
    char description[CONF_TEXT];
    char device[16]; // the kernel's name; "": the default
    bool shutdown;
    enum conf_address_kind address_kind;
    struct in_addr addr, mask;
    struct ifid unnumbered;
    unsigned unnumbered_line, unnumbered_word;
    enum conf_address_kind address6_kind; // IPv6, beside IPv4
    struct {
        struct ip_addr addr;
        unsigned length;
    } addr6[CONF_ADDRESSES6];
    unsigned n_addr6;
    struct ifid unnumbered6;
    unsigned unnumbered6_line, unnumbered6_word;
    bool ipv6_enable;      // IPv6 with a link-local address only
    unsigned mtu;          // 0: chosen by the daemon
    struct ip_addr source; // tunnel source, or
    struct ifid source_if; // or
    bool source_dynamic;   // that which leads to the destination, as when nothing is written
    unsigned source_line, source_word;
    bool has_source, has_destination;
    struct ip_addr destination;       // or
    char destination_name[CONF_TEXT]; // to be looked up, or
    bool destination_dynamic;         // whoever calls
    unsigned destination_line, destination_word;
    enum conf_tunnel_mode mode;
    bool has_key; // tunnel key, of GRE
    uint32_t key;
    struct conf_ref protection; // an ipsec profile
};

struct conf_route { // ip route, ipv6 route
    struct ip_addr prefix;
    unsigned length;
    struct ip_addr nexthop; // none: over the interface
    struct ifid iface;      // kind IF_NONE: by the next hop
    unsigned distance;
    unsigned line, word;
};

// Is it the profile that is there without being configured?
static inline bool conf_profile_smart(const struct conf_profile *p)
{
    return strcmp(p->name, "default") == 0;
}
// Does it serve the destinations of the static tunnels that use it, and nobody else? So does the smart default until
// it is told whom to match.
static inline bool conf_profile_of_tunnels(const struct conf_profile *p)
{
    return conf_profile_smart(p) && p->n_match == 0 && p->n_match_cert == 0;
}

// Is it GRE? Are the outer packets IPv6?
static inline bool conf_mode_gre(enum conf_tunnel_mode m)
{
    return m == CONF_MODE_GRE_IP || m == CONF_MODE_GRE_IPV6;
}
static inline uint8_t conf_mode_family(enum conf_tunnel_mode m)
{
    return m == CONF_MODE_GRE_IP || m == CONF_MODE_IPSEC_IPV4 ? 4 : 6;
}
// Has the interface anything of IPv6?
static inline bool conf_if_ipv6(const struct conf_if *f)
{
    return f->ipv6_enable || f->address6_kind != CONF_ADDRESS_NONE;
}

struct conf_user { // username
    char name[CONF_NAME];
    char password[CONF_TEXT];
};

struct conf_aaa_list { // aaa authentication login, aaa authorization network: `local` is the only place yet
    char name[CONF_NAME];
    unsigned line;
};

enum conf_card_kind { CONF_CARD_NONE, CONF_CARD_VFIO_USER, CONF_CARD_PCI };

// How IKE SAs live. 0: the default of the IKE machine.
struct conf_ops {
    bool no_mobike;
    bool http_cert;                      // certificates may be named by URL
    struct ip_addr extra[CONF_GATEWAYS]; // our addresses besides the one that a peer speaks to
    unsigned n_extra;
    unsigned redirect_init, redirect_auth; // the lines that say so; 0: no
    struct ip_addr target[CONF_GATEWAYS];  // where clients are sent
    unsigned n_target;
    char target_name[CONF_GATEWAYS][CONF_TEXT]; // the same as names, which the clients look up
    unsigned n_target_name;
    unsigned redirects; // that we follow as a client; 0: none
    unsigned window;    // requests
    unsigned max_half_open, max_half_open_peer, max_sas, unauth_kilobytes;
};

struct conf {
    char hostname[CONF_NAME];
    enum conf_card_kind card;
    char card_path[CONF_TEXT]; // socket or PCI address
    bool no_fragmentation;
    unsigned fragment_mtu;     // bytes
    unsigned cookie_challenge; // half-open SAs from which cookies are asked for
    bool has_cookie_challenge;
    struct conf_dpd dpd;
    unsigned nat_keepalive; // seconds; 0: none
    struct conf_ops ops;
    bool aaa_new_model;
    struct list users;                     // of struct conf_user, owned
    struct list login_lists, author_lists; // of struct conf_aaa_list, owned
    struct list proposals, policies, keyrings, profiles, authors, tsets, ipsecs, pools, ifs, routes; // owned
    struct list trustpoints, certmaps;                                                               // owned
    struct list pools6, acls, acls6;                                                                 // owned
};

// With the smart defaults only.
struct conf *conf_new(void);
struct conf *conf_clone(const struct conf *c);
// Keys in it are wiped.
void conf_free(struct conf *c);

// An object of a list by name (exact), or NULL.
void *conf_find(const struct list *l, const char *name);
// The same, or a new zeroed one of `size` bytes with that name at the end.
void *conf_get(struct list *l, const char *name, size_t size);
const struct conf_if *conf_find_if(const struct conf *c, struct ifid id);
// Is this a static tunnel (shut down or not) that is protected with this ikev2 profile?
bool conf_tunnel_uses(const struct conf *c, const struct conf_if *f, const struct conf_profile *p);
// Release one object of a list (keyrings with their peers), wiped.
void conf_drop(struct conf *c, struct list *l, void *object);

// Fill in the smart default of an object, keeping its name.
void conf_default_proposal(struct conf_proposal *p);
void conf_default_policy(struct conf_policy *p);
void conf_default_author(struct conf_author *p);
void conf_default_tset(struct conf_tset *t);
void conf_default_ipsec(struct conf_ipsec *p);
void conf_default_profile(struct conf_profile *p);
void conf_default_trustpoint(struct conf_trustpoint *t);

// The bytes of a key: how many, or -1 if they do not fit or are not hexadecimal. 0: there is no key.
int conf_key_bytes(const struct conf_key *k, uint8_t *out, size_t cap);
bool conf_key_equal(const struct conf_key *a, const struct conf_key *b);

// One address as a network.
struct conf_net conf_host(const struct ip_addr *a);
// Is the address in the network? An empty network contains nothing.
bool conf_net_has(const struct conf_net *n, const struct ip_addr *a);
bool conf_net_is_host(const struct conf_net *n);
// Are all bits beyond the length zero?
bool conf_net_is_clean(const struct conf_net *n);

// Are two objects of a list the same? Their padding is zero, so that memory can be compared.
bool conf_same(const void *a, const void *b, size_t size);

// The last address of an IPv4 pool.
struct ip_addr conf_pool_last(const struct conf_pool *p);

// Longest prefix of a mask, 0 to 32.
unsigned conf_mask_length(struct in_addr mask);

enum {
    CONF_REDIRECTS = 5,             // within five minutes
    CONF_RECONNECT = 1800,          // seconds
    CONF_EAP_TIMEOUT = 20,          // seconds
    CONF_IKE_LIFETIME = 86400,      // seconds
    CONF_IPSEC_SECONDS = 3600,      // seconds
    CONF_IPSEC_KILOBYTES = 4608000, // kilobytes
    CONF_REPLAY_WINDOW = 64,        // packets
    CONF_FRAGMENT_MTU = 576,        // bytes
};

#endif
