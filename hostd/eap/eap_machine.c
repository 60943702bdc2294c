// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_int.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct eap_machine {
    struct eap_core core;
    bool identity_asked; // the request that is out is for an identity
    bool method_begun;   // the peer has spoken in the method: it stays
    bool over;
    unsigned refused; // bits: indexes of methods that the peer has refused
    unsigned rounds;
    size_t bytes;
    struct eap_settings set;
    struct wbuf w;
};

static const struct {
    uint8_t type;
    const char *name;
    const struct eap_method *server, *peer;
} methods[EAP_METHODS] = {
    {EAP_T_MSCHAPV2, "MSCHAPv2", &eap_ms_server, &eap_ms_peer},
    {EAP_T_TLS, "TLS", &eap_tls_server, &eap_tls_peer},
    {EAP_T_GTC, "GTC", &eap_gtc_server, &eap_gtc_peer},
    {EAP_T_MD5, "MD5-Challenge", &eap_md5_server, &eap_md5_peer},
};

static const struct eap_method *method_of(uint8_t type, bool server)
{
    for (unsigned i = 0; i < EAP_METHODS; i++) {
        if (methods[i].type == type) {
            return server ? methods[i].server : methods[i].peer;
        }
    }
    return NULL;
}

const char *eap_type_name(uint8_t type)
{
    for (unsigned i = 0; i < EAP_METHODS; i++) {
        if (methods[i].type == type) {
            return methods[i].name;
        }
    }
    return type == EAP_T_IDENTITY       ? "Identity"
           : type == EAP_T_NOTIFICATION ? "Notification"
           : type == EAP_T_NAK          ? "Nak"
                                        : "an unknown type";
}

bool eap_can(const struct eap_settings *set, uint8_t type)
{
    if (type == EAP_T_TLS) {
        return set->tls != NULL;
    }
    if (!set->authenticator && set->password[0] == '\0') {
        return false;
    }
    return type == EAP_T_MSCHAPV2 ? set->legacy != NULL : type == EAP_T_GTC || type == EAP_T_MD5;
}

enum eap_step eap_fail(struct eap_core *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, sizeof(c->why), format, args);
    va_end(args);
    return EAP_STEP_FAIL;
}

bool eap_set_identity(struct eap_core *c, const void *name, size_t len)
{
    if (len == 0 || len > sizeof(c->identity)) {
        return false;
    }
    memcpy(c->identity, name, len);
    c->identity_len = len;
    return true;
}

static const uint8_t *after_domain(const uint8_t *name, size_t *len)
{
    const uint8_t *slash = *len > 0 ? memchr(name, '\\', *len) : NULL;
    if (slash != NULL) {
        *len -= (size_t)(slash + 1 - name);
        return slash + 1;
    }
    return name;
}

bool eap_name_fits(const struct eap_core *c, const void *name, size_t len)
{
    size_t own = c->identity_len;
    const uint8_t *a = after_domain(c->identity, &own), *b = after_domain(name, &len);
    return !c->asked || (own == len && memcmp(a, b, len) == 0);
}

struct eap_machine *eap_machine_new(const struct eap_settings *set, const void *identity, size_t len)
{
    struct eap_machine *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return NULL;
    }
    m->set = *set;
    m->set.n_method = 0;
    for (unsigned i = 0; i < set->n_method; i++) {
        if (eap_can(set, set->method[i])) {
            m->set.method[m->set.n_method++] = set->method[i];
        }
    }
    if (m->set.fragment == 0) {
        m->set.fragment = EAP_TLS_FRAGMENT;
    }
    m->core.set = &m->set;
    (void)eap_set_identity(&m->core, identity, len); // none is none
    const char *user = set->authenticator ? "" : set->user;
    if (user[0] != '\0' && !eap_set_identity(&m->core, user, strlen(user))) {
        m->set.n_method = 0;
    }
    if (m->set.n_method == 0 || RAND_bytes(&m->core.id, 1) != 1) {
        free(m);
        return NULL;
    }
    return m;
}

void eap_machine_free(struct eap_machine *m)
{
    if (m == NULL) {
        return;
    }
    if (m->core.m != NULL) {
        m->core.method->destroy(m->core.m);
    }
    OPENSSL_cleanse(m, sizeof(*m));
    free(m);
}

const struct eap_core *eap_core(const struct eap_machine *m)
{
    return &m->core;
}

// ------------------------------------------------------------------------------------------------ what goes out

static void open_packet(struct eap_machine *m, uint8_t code, uint8_t type)
{
    wbuf_init(&m->w, m->core.packet, sizeof(m->core.packet));
    eap_put(&m->w, code, m->core.id, type);
}

static enum eap_step finish(struct eap_machine *m, enum eap_step step);

static enum eap_step close_packet(struct eap_machine *m)
{
    eap_put_end(&m->w);
    if (!wbuf_ok(&m->w)) {
        return finish(m, eap_fail(&m->core, "a packet that does not fit"));
    }
    m->core.len = m->w.len;
    return EAP_STEP_SEND;
}

// The end: with the authenticator's last packet.
static enum eap_step finish(struct eap_machine *m, enum eap_step step)
{
    struct eap_core *c = &m->core;
    m->over = true;
    c->len = 0;
    if (step == EAP_STEP_FAIL) {
        OPENSSL_cleanse(c->msk, sizeof(c->msk));
        c->msk_len = 0;
    }
    if (m->set.authenticator) {
        wbuf_init(&m->w, c->packet, sizeof(c->packet));
        eap_put_verdict(&m->w, step == EAP_STEP_DONE ? EAP_SUCCESS : EAP_FAILURE, c->id);
        c->len = m->w.len;
    }
    return step;
}

// What a method has said.
static enum eap_step after_method(struct eap_machine *m, enum eap_step step)
{
    switch (step) {
    case EAP_STEP_SEND:
        return close_packet(m);
    case EAP_STEP_DONE:
    case EAP_STEP_FAIL:
        return finish(m, step);
    case EAP_STEP_JOB:
    case EAP_STEP_SECRET:
    case EAP_STEP_CHECK:
        break;
    }
    return step;
}

// ------------------------------------------------------------------------------------------------ authenticator

static enum eap_step begin_method(struct eap_machine *m, unsigned index)
{
    struct eap_core *c = &m->core;
    if (c->method != NULL && c->m != NULL) {
        c->method->destroy(c->m);
    }
    c->method = method_of(m->set.method[index], true);
    c->m = c->method->create(c);
    if (c->m == NULL) {
        return finish(m, eap_fail(c, "no memory for %s", eap_type_name(c->method->type)));
    }
    m->method_begun = false;
    open_packet(m, EAP_REQUEST, c->method->type);
    return after_method(m, c->method->begin(c->m, c, &m->w));
}

static enum eap_step take_identity(struct eap_machine *m, const struct eap_packet *p)
{
    struct eap_core *c = &m->core;
    if (p->type != EAP_T_IDENTITY) {
        return finish(m, eap_fail(c, "%s in answer to the request for an identity", eap_type_name(p->type)));
    }
    if (!eap_set_identity(c, p->data, p->len)) {
        return finish(m, eap_fail(c, "an identity of %zu bytes", p->len));
    }
    m->identity_asked = false;
    c->asked = true;
    c->id++;
    return begin_method(m, 0);
}

// RFC 3748 5.3.1. A Nak is good only before the peer has begun to speak in the method.
static enum eap_step take_nak(struct eap_machine *m, const struct eap_packet *p)
{
    struct eap_core *c = &m->core;
    if (m->method_begun) {
        return finish(m, eap_fail(c, "a Nak in the middle of %s", eap_type_name(c->method->type)));
    }
    for (unsigned i = 0; i < m->set.n_method; i++) {
        m->refused |= (unsigned)(m->set.method[i] == c->method->type) << i;
    }
    for (unsigned i = 0; i < m->set.n_method; i++) {
        if ((m->refused & 1U << i) == 0 && p->len > 0 && memchr(p->data, m->set.method[i], p->len) != NULL) {
            c->id++;
            return begin_method(m, i);
        }
    }
    return finish(m, eap_fail(c, "the peer does none of the methods that are allowed"));
}

static enum eap_step server_input(struct eap_machine *m, const struct eap_packet *p)
{
    struct eap_core *c = &m->core;
    if (p->code != EAP_RESPONSE) {
        return finish(m, eap_fail(c, "a packet of code %u, not a Response", p->code));
    }
    if (p->id != c->id) {
        return finish(m, eap_fail(c, "identifier %u in the answer to request %u", p->id, c->id));
    }
    if (m->identity_asked) {
        return take_identity(m, p);
    }
    if (p->type == EAP_T_NAK) {
        return take_nak(m, p);
    }
    if (p->type != c->method->type) {
        return finish(m, eap_fail(c, "%s (type %u) in the middle of %s", eap_type_name(p->type), p->type,
                                  eap_type_name(c->method->type)));
    }
    m->method_begun = true;
    uint8_t id = c->id++; // a next request has the next identifier; a verdict that of the response
    open_packet(m, EAP_REQUEST, c->method->type);
    enum eap_step step = c->method->input(c->m, c, p, &m->w);
    if (step == EAP_STEP_DONE || step == EAP_STEP_FAIL) {
        c->id = id;
    }
    return after_method(m, step);
}

// ------------------------------------------------------------------------------------------------ supplicant

static bool allowed(const struct eap_machine *m, uint8_t type)
{
    return memchr(m->set.method, type, m->set.n_method) != NULL;
}

static enum eap_step peer_request(struct eap_machine *m, const struct eap_packet *p)
{
    struct eap_core *c = &m->core;
    if (p->type == EAP_T_NAK) {
        return finish(m, eap_fail(c, "a request of type Nak"));
    }
    if (p->type == EAP_T_NOTIFICATION) { // RFC 3748 5.2: for the user's eyes, and answered
        open_packet(m, EAP_RESPONSE, EAP_T_NOTIFICATION);
        return close_packet(m);
    }
    if (p->type == EAP_T_IDENTITY && c->method == NULL) {
        open_packet(m, EAP_RESPONSE, EAP_T_IDENTITY);
        wbuf_bytes(&m->w, c->identity, c->identity_len);
        return close_packet(m);
    }
    if (c->method != NULL && p->type != c->method->type) {
        return finish(m,
                      eap_fail(c, "a request of type %u in the middle of %s", p->type, eap_type_name(c->method->type)));
    }
    if (!allowed(m, p->type)) {
        open_packet(m, EAP_RESPONSE, EAP_T_NAK);
        wbuf_bytes(&m->w, m->set.method, m->set.n_method);
        return close_packet(m);
    }
    if (c->method == NULL) {
        c->method = method_of(p->type, false);
        c->m = c->method->create(c);
        if (c->m == NULL) {
            return finish(m, eap_fail(c, "no memory for %s", eap_type_name(p->type)));
        }
    }
    open_packet(m, EAP_RESPONSE, p->type);
    return after_method(m, c->method->input(c->m, c, p, &m->w));
}

static enum eap_step peer_input(struct eap_machine *m, const struct eap_packet *p)
{
    struct eap_core *c = &m->core;
    switch (p->code) {
    case EAP_REQUEST:
        if (m->rounds > 1 && p->id == c->id && c->len > 0) {
            return EAP_STEP_SEND; // the request once more: the same answer (RFC 3748 4.1)
        }
        c->id = p->id;
        return peer_request(m, p);
    case EAP_SUCCESS:
        if (p->id != c->id) {
            return finish(m, eap_fail(c, "a Success with identifier %u after %u", p->id, c->id));
        }
        return finish(m, c->ready ? EAP_STEP_DONE : eap_fail(c, "a Success before the method is done"));
    case EAP_FAILURE:
        return finish(m, c->why[0] != '\0' ? EAP_STEP_FAIL : eap_fail(c, "the authenticator refuses us"));
    default:
        return finish(m, eap_fail(c, "a packet of code %u, not a Request", p->code));
    }
}

// ------------------------------------------------------------------------------------------------ both

enum eap_step eap_input(struct eap_machine *m, const void *packet, size_t len)
{
    struct eap_core *c = &m->core;
    struct eap_packet p;
    if (m->over) {
        return finish(m, eap_fail(c, "a packet after the end"));
    }
    if (packet == NULL) {
        if (!m->set.authenticator || m->rounds > 0) {
            return finish(m, eap_fail(c, "no packet"));
        }
        m->rounds = 1;
        if (!m->set.query_identity) {
            return begin_method(m, 0);
        }
        m->identity_asked = true;
        open_packet(m, EAP_REQUEST, EAP_T_IDENTITY);
        return close_packet(m);
    }
    m->bytes += len;
    if (++m->rounds > EAP_MAX_ROUNDS || m->bytes > EAP_MAX_BYTES) {
        return finish(m, eap_fail(c, "more than %d messages or %d bytes", EAP_MAX_ROUNDS, EAP_MAX_BYTES));
    }
    const char *fault = eap_decode(packet, len, &p);
    if (fault == NULL && m->set.authenticator && (m->rounds == 1 || (c->method == NULL && !m->identity_asked))) {
        fault = "before the first request";
    }
    if (fault != NULL) {
        return finish(m, eap_fail(c, "a packet %s", fault));
    }
    return m->set.authenticator ? server_input(m, &p) : peer_input(m, &p);
}

// A verdict answers the response before it; the request that was to be is not sent.
static enum eap_step settle(struct eap_machine *m, enum eap_step step)
{
    if (m->set.authenticator && (step == EAP_STEP_DONE || step == EAP_STEP_FAIL)) {
        m->core.id--;
    }
    return after_method(m, step);
}

enum eap_step eap_secret(struct eap_machine *m, const uint8_t *secret, size_t len)
{
    struct eap_core *c = &m->core;
    if (secret != NULL && len > EAP_MAX_SECRET) {
        secret = NULL;
    }
    return settle(m, c->method->secret(c->m, c, secret, secret == NULL ? 0 : len, &m->w));
}

const struct eap_der *eap_certs(const struct eap_machine *m, size_t *n)
{
    return m->core.method->certs(m->core.m, n);
}

enum eap_step eap_checked(struct eap_machine *m, const char *why)
{
    return settle(m, m->core.method->checked(m->core.m, &m->core, why, &m->w));
}

void eap_job(struct eap_machine *m)
{
    m->core.method->job(m->core.m);
}

enum eap_step eap_job_done(struct eap_machine *m)
{
    return settle(m, m->core.method->job_done(m->core.m, &m->core, &m->w));
}
