// SPDX-License-Identifier: BSD-2-Clause
// The rules of RFC 3748 and 4137 for an authenticator, checked between the peer and whatever backend speaks the
// methods, in both directions: a backend is no more trusted to keep them than a peer is.
#ifndef CULVERT_EAP_EAP_GUARD_H
#define CULVERT_EAP_EAP_GUARD_H

#include "hostd/eap/eap_backend.h"

struct eap_guard {
    bool out;          ///< a request is with the peer
    uint8_t id, type;  ///< of the last request
    uint8_t method;    ///< the method that the peer has spoken in, which stays; 0: none yet
    unsigned requests; ///< so far
    size_t bytes;      ///< of the peer's packets so far
};

/// A packet of the peer. NULL: it may go to the backend; else what is wrong with it.
const char *eap_guard_response(struct eap_guard *g, const void *packet, size_t len);
/// An answer of the backend. NULL: it may go to the peer; else what is wrong with it.
const char *eap_guard_answer(struct eap_guard *g, const struct eap_answer *a);

#endif
