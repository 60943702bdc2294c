// SPDX-License-Identifier: BSD-2-Clause
// The keyrings' peers, and the users, so that the key for one is found in a few steps however many there are: by
// identity, by hostname, by domain (the longest), by address (the longest prefix); in this order, and among equals the
// first of the configuration.
#ifndef CULVERT_MAIN_KEYS_H
#define CULVERT_MAIN_KEYS_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"

struct keys;

// Those of a configuration, which must live as long. For start-up and new configurations: it ends without memory.
struct keys *keys_new(const struct conf *c);
void keys_free(struct keys *k); // NULL is allowed

// The peer of a keyring that fits best, of those with a post-quantum key if `ppk`. id NULL: it is not known, and the
// address decides. *score: more is better, 0 with NULL: none fits.
const struct conf_peer *keys_find(struct keys *k, const struct conf_keyring *ring, bool ppk, const struct ike_id *id,
                                  const struct ip_addr *from, unsigned *score);
// The first peer of a keyring whose post-quantum key has this name; the first with such a key and no address. NULL:
// there is none.
const struct conf_peer *keys_ppk_named(struct keys *k, const struct conf_keyring *ring, const void *id, size_t len);
const struct conf_peer *keys_ppk_anywhere(const struct keys *k, const struct conf_keyring *ring);
// The user of this name (`username`), or NULL.
const struct conf_user *keys_user(struct keys *k, const void *name, size_t len);
// Peers and users that were looked at, over all calls.
uint64_t keys_visits(const struct keys *k);

#endif
