// SPDX-License-Identifier: BSD-2-Clause
// From the configuration to the profiles of the IKE machine: one for each pair of an ikev2 profile and an interface
// that uses it, made when first wanted. A profile in use is constant; a changed configuration makes new ones.
//
// Which ikev2 profile serves a peer: among those whose `match address local` fits, the one with the most specific
// `match identity remote`: an exact identity before a domain or prefix (a longer one before a shorter) before `any`;
// among equals the first in the configuration.
#ifndef CULVERT_MAIN_PROFILES_H
#define CULVERT_MAIN_PROFILES_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"
#include "hostd/util/log.h"

// What a profile of the machine belongs to; ike_profile.user. Lives as long as the set.
struct binding {
    char profile[CONF_NAME]; // crypto ikev2 profile
    char author[CONF_NAME];  // authorization policy
    struct ifid iface;       // Tunnel, or Virtual-Template
};

struct profile_set {
    const struct conf *conf;
    struct log *log;
    struct list made;     // of struct ike_profile, for the present configuration
    struct list bindings; // of struct binding
};

// A new configuration; it must live until the next call. Profiles that sessions use live on with them.
void profiles_reset(struct profile_set *s, const struct conf *conf);
void profiles_free(struct profile_set *s);

// For a static tunnel to initiate with, from this local address. NULL: it has none that makes sense (logged).
struct ike_profile *profiles_tunnel(struct profile_set *s, const struct conf_if *f, struct in_addr local);
// As ike_ops.select.
struct ike_profile *profiles_select(struct profile_set *s, const struct ike_select *sel);
// The key of a pair, as ike_ops.psk; of_remote: that of the peer's AUTH.
int profiles_psk(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *remote,
                 const struct ike_path *path, bool of_remote, uint8_t *key, size_t cap);
// The configured profile and the authorization policy behind one of the machine's; NULL if gone or switched off.
const struct conf_profile *profiles_conf(const struct profile_set *s, const struct ike_profile *p);
const struct conf_author *profiles_author(const struct profile_set *s, const struct ike_profile *p);

// Is this identity what the profile's statement asks for? 0: no; more is more specific.
unsigned profiles_match_score(const struct conf_match *m, const struct ike_id *id);

#endif
