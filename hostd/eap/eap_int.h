// SPDX-License-Identifier: BSD-2-Clause
// What the machines of both roles and the methods share. A machine is a pure function of what comes in: it says by an
// enum eap_step what has to happen next, and owns no socket, clock or thread.
#ifndef CULVERT_EAP_EAP_INT_H
#define CULVERT_EAP_EAP_INT_H

#include "hostd/eap/eap_codec.h"
#include "hostd/eap/eap_machine.h"

/// Say why the conversation fails. Always EAP_STEP_FAIL.
enum eap_step eap_fail(struct eap_core *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/// Keep the peer's name. false: empty, or too long.
bool eap_set_identity(struct eap_core *c, const void *name, size_t len);
/// Is this the name that the peer gave in answer to our Identity request, or was it not asked? A domain before a
/// backslash counts on neither side.
bool eap_name_fits(const struct eap_core *c, const void *name, size_t len);

/// One method, for one role. Functions that give EAP_STEP_SEND have written type data to `w`.
struct eap_method {
    uint8_t type;
    void *(*create)(struct eap_core *c); ///< NULL: no memory, or not configured
    /// Authenticator only: the first request.
    enum eap_step (*begin)(void *m, struct eap_core *c, struct wbuf *w);
    /// A packet of this type, the right code and identifier.
    enum eap_step (*input)(void *m, struct eap_core *c, const struct eap_packet *p, struct wbuf *w);
    /// Authenticator, after EAP_STEP_SECRET: the password of c->identity; NULL: there is no such user.
    enum eap_step (*secret)(void *m, struct eap_core *c, const uint8_t *secret, size_t len, struct wbuf *w);
    /// After EAP_STEP_JOB: the work (any thread; touches nothing but `m`), and what comes after it.
    void (*job)(void *m);
    enum eap_step (*job_done)(void *m, struct eap_core *c, struct wbuf *w);
    /// After EAP_STEP_CHECK.
    const struct eap_der *(*certs)(const void *m, size_t *n);
    enum eap_step (*checked)(void *m, struct eap_core *c, const char *why, struct wbuf *w);
    void (*destroy)(void *m); ///< wipes
};

extern const struct eap_method eap_md5_server, eap_md5_peer, eap_gtc_server, eap_gtc_peer, eap_ms_server, eap_ms_peer,
    eap_tls_server, eap_tls_peer;

#endif
