// SPDX-License-Identifier: BSD-2-Clause
// Checks of peers' certificates: chain and identity in the worker pool, then revocation by the methods of the
// trustpoint in their order, without blocking the loop. A check always ends, by its own time at the latest.
#ifndef CULVERT_PKI_PKI_H
#define CULVERT_PKI_PKI_H

#include "hostd/pki/cache.h"
#include "hostd/pki/trustpoint.h"
#include "hostd/util/log.h"

#include <uv.h>

struct pki;
struct pki_check;

struct pki_counters {
    uint64_t checks, good, refused, revoked, unknown, timeouts; // revoked, unknown (status), timeouts are refused, too
    uint64_t known;                                             // the chain had been verified before
};

enum { PKI_CHECK_MS = 25000, PKI_CHECKS_MAX = 20000 }; // longest time of a check; most at a time

// limits NULL: cache_limits_default().
struct pki *pki_open(uv_loop_t *loop, struct log *log, const struct cache_limits *limits);
// Checks end without a word; memory goes when the loop has ended what is under way.
void pki_close(struct pki *p);
// Every check that is under way is refused with this reason, and chains that were verified are forgotten.
void pki_abort(struct pki *p, const char *why);

// key: of the end entity, taken over; NULL: refused, why says it in words. Never from within pki_check_start.
typedef void pki_done(void *arg, EVP_PKEY *key, const char *why);

// Verify certificates (copied) for an identity (copied; NULL: not compared) by trustpoints of the set, tried in the
// order given; n 0: all of the set. The check keeps the set. NULL: no memory, or too many at a time (done is not
// called).
struct pki_check *pki_check_start(struct pki *p, struct pki_set *set, const char *const *trustpoint, unsigned n,
                                  const struct ike_id *id, const struct ike_certs *certs, pki_done *done, void *arg);
// done will not be called.
void pki_check_cancel(struct pki_check *k);

const struct pki_counters *pki_counters(const struct pki *p);
struct cache *pki_cache(struct pki *p);
// How many checks are under way.
size_t pki_checks(const struct pki *p);

#endif
