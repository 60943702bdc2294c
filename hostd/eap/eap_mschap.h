// SPDX-License-Identifier: BSD-2-Clause
// The arithmetic of MSCHAPv2 (RFC 2759) and of its keys (RFC 3079). Passwords are UTF-8 text.
#ifndef CULVERT_EAP_EAP_MSCHAP_H
#define CULVERT_EAP_EAP_MSCHAP_H

#include "hostd/eap/eap_const.h"
#include "hostd/eap/eap_legacy.h"

/// What one login is about. The user's name is taken without a domain before a backslash (RFC 2759 8.2).
struct eap_ms_login {
    const uint8_t *auth_challenge, *peer_challenge; ///< 16 bytes each
    const uint8_t *user;
    size_t user_len;
    const uint8_t *password;
    size_t password_len;
};

/// The three things that both ends can compute. Wiped by the caller. false: OpenSSL failed, or the password is too
/// long.
struct eap_ms_keys {
    uint8_t nt_response[EAP_MS_NT_LEN]; ///< the peer's proof
    uint8_t proof[EAP_MS_PROOF_LEN];    ///< the authenticator's
    uint8_t msk[EAP_MSK];               ///< for IKE: the server's receive key, its send key, zeros
};
bool eap_ms_compute(struct eap_legacy *l, const struct eap_ms_login *in, struct eap_ms_keys *out);

#endif
