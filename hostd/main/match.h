// SPDX-License-Identifier: BSD-2-Clause
// Does a peer meet the match statements of an ikev2 profile, and how specifically?
//
// A profile fits if `match fvrf` and `match address local` fit, where they are there, and one of its `match identity
// remote` or `match certificate` statements does. The best statement counts: a certificate map before an exact
// identity, that before the far end of a tunnel (of the smart default), that before a domain or a prefix (longer before
// shorter), that before `any`.
#ifndef CULVERT_MAIN_MATCH_H
#define CULVERT_MAIN_MATCH_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"

struct evp_pkey_st;

// Is certificate `cert` what the certificate map asks for?
typedef bool match_map(void *ctx, const char *map, const struct ike_cert *cert);

// Is the identity the address of a static tunnel's far end (family 0: that is not known)? Less than the same identity
// in a statement, more than any other statement.
unsigned match_tunnel_peer(const struct ip_addr *end, const struct ike_id *id);
// One statement and an identity. 0: no; more is more specific.
unsigned match_identity(const struct conf_match *m, const struct ike_id *id);
// All statements about the peer. certs NULL: it has sent none. map NULL: there are no maps.
unsigned match_peer(const struct conf_profile *p, const struct ike_id *id, const struct ike_certs *certs,
                    match_map *map, void *ctx);
bool match_local_address(const struct conf *c, const struct conf_profile *p, const struct ip_addr *local);

// The kind of signature that a key makes, one of enum conf_auth; 0: none that is known.
unsigned match_key_kind(const struct evp_pkey_st *key);
// The same of the key in a certificate. 0 also if it cannot be read.
unsigned match_cert_kind(const struct ike_cert *cert);
// enum ike_auth_way for enum conf_auth, any number of them or-ed.
uint8_t match_ways(unsigned auth);

#endif
