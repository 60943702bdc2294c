// SPDX-License-Identifier: BSD-2-Clause
// The configuration as the daemon uses it. Objects are plain memory without pointers inside (but for the peers of a
// keyring), in lists in the order of definition; every named object begins with its name. A conf is made, filled by
// the reader, checked, and from then on constant.
//
// Smart defaults: proposal, policy, transform set, ipsec profile and authorization policy `default` are there from
// the start. `disabled` says that the user took one away with `no`.
#ifndef CULVERT_CONF_MODEL_H
#define CULVERT_CONF_MODEL_H

#include "hostd/conf/ifid.h"
#include "hostd/util/list.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    CONF_NAME = 64, // longest name of an object, with its end
    CONF_TEXT = 256,
    CONF_ALGS = 8, // most algorithms of a kind in a proposal
    CONF_MATCHES = 8,
    CONF_DNS = 2,
    CONF_TRANSFORM_SETS = 6, // most in one ipsec profile
};

// A reference to another object by name, with the place in the file where it is made. name "": none.
struct conf_ref {
    char name[CONF_NAME];
    unsigned line, word; // from 1; 0: a smart default
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
    struct in_addr local[CONF_MATCHES];
    unsigned n_local;
    struct conf_ref proposal[CONF_ALGS];
    unsigned n_proposal;
};

enum conf_id_kind { CONF_ID_NONE, CONF_ID_ADDRESS, CONF_ID_FQDN, CONF_ID_EMAIL, CONF_ID_KEY_ID };
struct conf_id {
    enum conf_id_kind kind;
    struct in_addr addr;
    char text[CONF_TEXT];
};

struct conf_peer { // a peer of a keyring
    char name[CONF_NAME];
    bool has_address;
    struct in_addr addr, mask;
    char hostname[CONF_TEXT];
    struct conf_id id;
    char key_local[CONF_TEXT], key_remote[CONF_TEXT]; // equal if one key was given for both
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
};
struct conf_match {
    enum conf_match_kind kind;
    struct in_addr addr, mask;
    char text[CONF_TEXT];
};

struct conf_dpd {
    unsigned interval, retry; // seconds; interval 0: none
    bool on_demand;
};

struct conf_profile { // crypto ikev2 profile
    char name[CONF_NAME];
    unsigned line;
    struct conf_match match[CONF_MATCHES];
    unsigned n_match;
    struct in_addr match_local[CONF_MATCHES];
    unsigned n_match_local;
    bool fvrf_any;
    struct conf_id local_id;
    bool auth_local, auth_remote; // by pre-shared key
    char key_local[CONF_TEXT], key_remote[CONF_TEXT];
    struct conf_ref keyring;
    struct conf_ref authorization; // an authorization policy
    struct conf_dpd dpd;
    unsigned lifetime;      // seconds
    unsigned nat_keepalive; // seconds; 0: the global one
    unsigned vtemplate;     // number
    bool has_vtemplate;
    unsigned vtemplate_line, vtemplate_word;
    bool no_config_request; // do not ask for an address
};

struct conf_author { // crypto ikev2 authorization policy
    char name[CONF_NAME];
    bool disabled;
    struct conf_ref pool;
    struct in_addr netmask; // 0: none
    struct in_addr dns[CONF_DNS];
    unsigned n_dns;
};

struct conf_tset { // crypto ipsec transform-set
    char name[CONF_NAME];
    bool disabled;
    bool gcm;      // else AES-CBC with HMAC-SHA2-256
    unsigned bits; // key length
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

struct conf_pool { // ip local pool
    char name[CONF_NAME];
    struct in_addr first, last;
};

enum conf_address_kind { CONF_ADDRESS_NONE, CONF_ADDRESS_STATIC, CONF_ADDRESS_NEGOTIATED, CONF_ADDRESS_UNNUMBERED };

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
    unsigned mtu;          // 0: chosen by the daemon
    struct in_addr source; // tunnel source, or
    struct ifid source_if;
    unsigned source_line, source_word;
    bool has_source, has_destination;
    struct in_addr destination;
    bool mode_ipsec;            // tunnel mode ipsec ipv4
    struct conf_ref protection; // an ipsec profile
};

struct conf_route { // ip route
    struct in_addr prefix, mask;
    struct in_addr nexthop; // or
    struct ifid iface;      // kind IF_NONE: nexthop
    unsigned distance;
    unsigned line, word;
};

enum conf_card_kind { CONF_CARD_NONE, CONF_CARD_VFIO_USER, CONF_CARD_PCI };

struct conf {
    char hostname[CONF_NAME];
    enum conf_card_kind card;
    char card_path[CONF_TEXT]; // socket or PCI address
    bool no_fragmentation;
    unsigned fragment_mtu;     // bytes
    unsigned cookie_challenge; // half-open SAs from which cookies are asked for
    bool has_cookie_challenge;
    struct conf_dpd dpd;
    unsigned nat_keepalive;                                                                          // seconds; 0: none
    struct list proposals, policies, keyrings, profiles, authors, tsets, ipsecs, pools, ifs, routes; // owned
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
// Release one object of a list (keyrings with their peers), wiped.
void conf_drop(struct conf *c, struct list *l, void *object);

// Fill in the smart default of an object, keeping its name.
void conf_default_proposal(struct conf_proposal *p);
void conf_default_policy(struct conf_policy *p);
void conf_default_author(struct conf_author *p);
void conf_default_tset(struct conf_tset *t);
void conf_default_ipsec(struct conf_ipsec *p);
void conf_default_profile(struct conf_profile *p);

// Are two objects of a list the same? Their padding is zero, so that memory can be compared.
bool conf_same(const void *a, const void *b, size_t size);

// Longest prefix of a mask, 0 to 32.
unsigned conf_mask_length(struct in_addr mask);

enum {
    CONF_IKE_LIFETIME = 86400,      // seconds
    CONF_IPSEC_SECONDS = 3600,      // seconds
    CONF_IPSEC_KILOBYTES = 4608000, // kilobytes
    CONF_REPLAY_WINDOW = 64,        // packets
    CONF_FRAGMENT_MTU = 576,        // bytes
};

#endif
