// SPDX-License-Identifier: BSD-2-Clause
// The machines of EAP (RFC 3748, 4137): authenticator and supplicant, one conversation each. Pure: packets in, steps
// out.
//
// The transport below (IKE) is reliable and in order, so nothing is silently discarded here: whatever is out of place
// ends the conversation, with the reason in core.why.
#ifndef CULVERT_EAP_EAP_MACHINE_H
#define CULVERT_EAP_EAP_MACHINE_H

#include "hostd/eap/eap_const.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eap_legacy;
struct eap_method;
struct ssl_ctx_st; // OpenSSL's SSL_CTX

/// A certificate, DER.
struct eap_der {
    const uint8_t *p;
    size_t len;
};

/// What is to be done next.
enum eap_step {
    EAP_STEP_SEND,   ///< core.packet goes to the other end
    EAP_STEP_DONE,   ///< success; the authenticator's core.packet is the Success; core.msk if the method makes a key
    EAP_STEP_FAIL,   ///< over; the authenticator's core.packet is the Failure; core.why says why
    EAP_STEP_JOB,    ///< run eap_job() in any thread, then eap_job_done(); nothing else meanwhile
    EAP_STEP_SECRET, ///< authenticator: eap_secret() with the password of core.identity
    EAP_STEP_CHECK,  ///< settings.check_certs: eap_checked() when it is known whether eap_certs() are good
};

/// How a conversation is to be. Shared and constant while machines use it.
struct eap_settings {
    bool authenticator;
    uint8_t method[EAP_METHODS]; ///< enum eap_type: those that we do, the preferred first
    unsigned n_method;
    bool query_identity;       ///< authenticator: ask for an identity
    const char *name;          ///< authenticator: ourselves, in challenges
    struct eap_legacy *legacy; ///< for MSCHAPv2; NULL: that method is left out
    struct ssl_ctx_st *tls;    ///< for TLS (eap_tls.h); NULL: that method is left out
    bool check_certs;          ///< with TLS: certificates that OpenSSL accepts are shown to the owner, too (revocation)
    size_t fragment;           ///< TLS bytes in a packet; 0: EAP_TLS_FRAGMENT
    const char *user,
        *password;         ///< supplicant. user "": the IKE identity; password "": methods that need one are left out
    const uint8_t *expect; ///< supplicant with TLS: the identity that the server's certificate must have; NULL: any
    size_t expect_len;
};

/// State that both roles share.
struct eap_core {
    const struct eap_settings *set;
    const struct eap_method *method; ///< chosen; NULL: none yet
    void *m;                         ///< its state
    uint8_t id;                      ///< of the last request
    bool ready;                      ///< supplicant: a Success would be right now
    bool asked;                      ///< authenticator: identity is what the peer said
    uint8_t packet[EAP_MAX_PACKET];
    size_t len;
    uint8_t msk[EAP_MSK];
    size_t msk_len; ///< 0: the method makes no key
    uint8_t identity[EAP_MAX_IDENTITY];
    size_t identity_len;
    char why[192];
};

struct eap_machine;

/// `identity`: the IKE identity, the peer's (authenticator) or ours (supplicant), in its raw form. NULL: no memory, or
/// none of the methods can be done with these settings.
struct eap_machine *eap_machine_new(const struct eap_settings *set, const void *identity, size_t len);
/// A packet of the other end; NULL, 0 is the authenticator's start.
enum eap_step eap_input(struct eap_machine *m, const void *packet, size_t len);
/// After EAP_STEP_SECRET. NULL: there is no such user.
enum eap_step eap_secret(struct eap_machine *m, const uint8_t *secret, size_t len);
/// After EAP_STEP_CHECK: the other end's certificates, its own first; they live until the machine is called again.
const struct eap_der *eap_certs(const struct eap_machine *m, size_t *n);
/// The answer: NULL: they are good; else why not.
enum eap_step eap_checked(struct eap_machine *m, const char *why);
void eap_job(struct eap_machine *m);
enum eap_step eap_job_done(struct eap_machine *m);
const struct eap_core *eap_core(const struct eap_machine *m);
/// Wipes.
void eap_machine_free(struct eap_machine *m);

/// "MSCHAPv2", for logs.
const char *eap_type_name(uint8_t type);
/// Can this method be done with these settings?
bool eap_can(const struct eap_settings *set, uint8_t type);

#endif
