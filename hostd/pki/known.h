// SPDX-License-Identifier: BSD-2-Clause
// Chains that have been verified, so that a peer that comes back with the same certificates costs no public-key
// operation for them. Only what does not change is remembered: signatures, constraints, uses, and from when to when all
// of it is valid. Whose the certificate is, and revocation, are asked each time.
#ifndef CULVERT_PKI_KNOWN_H
#define CULVERT_PKI_KNOWN_H

#include "hostd/pki/trustpoint.h"

enum { KNOWN_MAX = 2048, KNOWN_DIGEST = 32 };

struct known;

struct known_chain {
    STACK_OF(X509) * chain; // as of struct verify
    const struct pki_trustpoint *by;
};

struct known *known_new(size_t max);
void known_free(struct known *k);
// What a chain is known by: the certificates as they came, and the trustpoints of a set that they were tried with.
bool known_digest(const struct ike_certs *certs, const struct pki_set *set,
                  const struct pki_trustpoint *const *trustpoint, unsigned n, uint8_t out[KNOWN_DIGEST]);
// Valid at `now` (seconds since 1970). The chain is known's: take references. false: not known.
bool known_get(struct known *k, const uint8_t digest[KNOWN_DIGEST], int64_t now, struct known_chain *out);
// Remember; takes references to the chain and the set.
void known_put(struct known *k, const uint8_t digest[KNOWN_DIGEST], struct pki_set *set, const struct known_chain *c);
// Forget all.
void known_clear(struct known *k);

#endif
