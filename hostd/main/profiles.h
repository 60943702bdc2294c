// SPDX-License-Identifier: BSD-2-Clause
// From the configuration to the profiles of the IKE machine: one for each pair of an ikev2 profile and an interface
// that uses it, made when first wanted. A profile in use is constant; a changed configuration makes new ones. Of IKE
// SAs that are there only the transform sets and the group of PFS follow it: CHILD_SAs are made and rekeyed with those
// of now.
//
// Which ikev2 profile serves a peer: the one that fits most specifically (match.h) and has an interface for it; among
// equals the first in the configuration. If it does not allow the way in which the peer proves itself, the peer is
// refused: no other profile is tried.
#ifndef CULVERT_MAIN_PROFILES_H
#define CULVERT_MAIN_PROFILES_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"
#include "hostd/main/traffic.h"
#include "hostd/util/log.h"

// What a profile of the machine belongs to; ike_profile.user. Lives as long as the set.
struct binding {
    char profile[CONF_NAME]; // crypto ikev2 profile
    char author[CONF_NAME];  // authorization policy
    char policy[CONF_NAME];  // crypto ikev2 policy
    struct ifid iface;       // Tunnel, or Virtual-Template
    // The smart default profile that nobody has told whom to match is for this address alone, the tunnel's far end,
    // which is the peer's identity as well. Otherwise family 0.
    struct ip_addr peer;
};

// Certificates and names, as profiles need them. Members may be NULL: there are none then.
struct profile_hooks {
    void *ctx;
    // Keys and certificates that prove us for a profile: the first (which 0), the next; a new reference. NULL: there is
    // none more, and if it is the first `why` says why not.
    struct ike_cred *(*cred)(void *ctx, const struct conf_profile *p, unsigned which, char *why, size_t cap);
    // The CAs that a profile (NULL: any) trusts: n times IKE_CA_HASH bytes, for free().
    uint8_t *(*ca_hashes)(void *ctx, const struct conf_profile *p, uint8_t *n);
    // Does the peer's certificate meet the certificate map of this name?
    bool (*cert_map)(void *ctx, const char *map, const struct ike_cert *cert);
    // The address behind the name that a static tunnel goes to.
    traffic_end *destination;
    void *destination_ctx;
};

struct keys;
struct profile_set {
    const struct conf *conf;
    bool serves; // somebody; else not even first messages are answered
    struct profile_hooks hooks;
    struct log *log;
    bool (*has_suite)(void *ctx, const struct ike_suite *esp); // has the datapath this? NULL: it has all
    void *has_suite_ctx;
    struct list made;     // of struct ike_profile, for the present configuration
    struct list bindings; // of struct binding
    struct keys *keys;    // of the present configuration
};

// A new configuration; it must live until the next call. Profiles that sessions use live on with them.
void profiles_reset(struct profile_set *s, const struct conf *conf);
void profiles_free(struct profile_set *s);

// For a static tunnel to initiate with, from this local address to that far end. NULL: it has none that makes sense
// (logged).
struct ike_profile *profiles_tunnel(struct profile_set *s, const struct conf_if *f, const struct ip_addr *local,
                                    const struct ip_addr *to);
// As ike_ops.select.
struct ike_profile *profiles_select(struct profile_set *s, const struct ike_select *sel);
// The key of a pair, as ike_ops.psk; of_remote: that of the peer's AUTH.
int profiles_psk(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *remote,
                 const struct ike_path *path, bool of_remote, uint8_t *key, size_t cap);
// The ESP proposals that a session's CHILD_SAs are made with from now on, IKE_MAX_PROPOSALS at most; how many. 0: those
// of its own profile, as the present configuration has none for it.
uint8_t profiles_esp(const struct profile_set *s, const struct ike_profile *p, struct ike_proposal *out);
// The configured profile and the authorization policy behind one of the machine's; NULL if gone or switched off.
const struct conf_profile *profiles_conf(const struct profile_set *s, const struct ike_profile *p);
const struct conf_author *profiles_author(const struct profile_set *s, const struct ike_profile *p);
// As ike_ops.peer_fits: is this responder whom the profile means? Its certificates are not verified here.
bool profiles_peer_fits(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *id,
                        const struct ike_certs *certs);
// May a peer of this profile sign with the kind of key that its certificate has? NULL: yes; else why not.
const char *profiles_cert_refused(const struct conf_profile *p, const struct ike_cert *cert);

// The post-quantum key for a peer (id NULL), or the one of this name. false: there is none.
bool profiles_ppk(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *remote,
                  const struct ike_path *path, const void *id, size_t id_len, struct ike_ppk *out);

#endif
