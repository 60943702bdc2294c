// SPDX-License-Identifier: BSD-2-Clause
// Who speaks the methods of EAP with a peer. The hub (eap_hub.h) is the authenticator as the peer sees it; what the
// packets say is a backend's business: our own machines (eap_local.h), or a server elsewhere that packets are passed
// to.
//
// Everything that a backend is asked may be answered later, or never: a question carries a token, the answer names it.
// The hub checks each answer (eap_guard.h), and does not wait for longer than was configured.
#ifndef CULVERT_EAP_EAP_BACKEND_H
#define CULVERT_EAP_EAP_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eap_hub;
struct eap_settings;

enum eap_verdict {
    EAP_V_CONTINUE, ///< `packet` goes to the other end
    EAP_V_SUCCESS,
    EAP_V_FAILURE,
};

/// What comes after a packet. Everything in it is valid during the call.
struct eap_answer {
    enum eap_verdict verdict;
    const uint8_t *packet; ///< whole; with a verdict it may be NULL: the hub writes it
    size_t len;
    const uint8_t *msk; ///< with EAP_V_SUCCESS, if there is one: EAP_MSK to EAP_MAX_MSK bytes
    size_t msk_len;
    const uint8_t *identity; ///< whom it is about, once known; else NULL
    size_t identity_len;
    const char *why; ///< of a failure, for the log; NULL: unknown. With EAP_V_CONTINUE: `packet` leads to a failure
};

/// What a conversation is about.
struct eap_begin {
    const uint8_t *identity; ///< the IKE identity, raw: the peer's (authenticator), ours (supplicant)
    size_t identity_len;
    const struct eap_settings *settings; ///< lives until end()
};

/// A backend. Called from the loop's thread. May answer from within input().
struct eap_backend {
    const char *name; ///< for the log
    /// A conversation, or NULL: refused.
    void *(*begin)(void *ctx, const struct eap_begin *b);
    /// A packet of the peer, or NULL, 0: make the first request. To be answered once by eap_hub_answer().
    void (*input)(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len);
    /// It is over, whether answered or not. An answer that still comes is ignored.
    void (*end)(void *ctx, void *conversation);
    void *ctx;
};

/// A backend's answer to a question. A token that is not known (too late, or answered already) is counted and ignored.
void eap_hub_answer(struct eap_hub *h, uint64_t token, const struct eap_answer *a);

/// Where secrets of users (or of peers) are found by name: our configuration, or a server elsewhere. The answer goes to
/// the function that was given with the question, once, from within the call or later. secret NULL: there is none.
typedef void eap_secret_answer(void *arg, uint64_t token, const uint8_t *secret, size_t len);
struct eap_secrets {
    void (*find)(void *ctx, const uint8_t *name, size_t len, uint64_t token, eap_secret_answer *answer, void *arg);
    void *ctx;
};

/// Who checks a peer's certificates beyond what TLS does (revocation). why NULL: they are good. The answer comes once,
/// from within the call or later.
struct eap_der;
typedef void eap_check_answer(void *arg, uint64_t token, const char *why);
struct eap_checks {
    /// The certificates are valid during the call; settings say for whom it is.
    void (*check)(void *ctx, const struct eap_settings *settings, const struct eap_der *cert, size_t n, uint64_t token,
                  eap_check_answer *answer, void *arg);
    void *ctx;
};

#endif
