// SPDX-License-Identifier: BSD-2-Clause
// From the certificates that a peer sent to a verified chain. Costs public-key operations, touches only what it is
// given: for the worker pool.
#ifndef CULVERT_PKI_VERIFY_H
#define CULVERT_PKI_VERIFY_H

#include "hostd/pki/trustpoint.h"

#include <time.h>

enum {
    VERIFY_DEPTH = 8, // most certificates between the end entity's and the anchor
    VERIFY_WHY = 384, // longest reason, bytes
};

struct verify {
    // In. All must outlive the run.
    const struct pki_trustpoint *const *trustpoint; // tried in this order
    unsigned n_trustpoint;
    const struct ike_certs *certs;
    const struct ike_id *id; // whose the certificate must be; NULL: not asked
    time_t at;               // 0: now
    // Out.
    STACK_OF(X509) * chain;          // end entity's first, the anchor last; the caller's; NULL: refused
    const struct pki_trustpoint *by; // who vouches
    char why[VERIFY_WHY];            // refused: a sentence
};

void verify_run(struct verify *v);
// The digest of a signature algorithm is one that is not to be trusted: MD5 and older, SHA-1 unless `weak`.
bool verify_weak_digest(int signature_nid, bool weak);

#endif
