// SPDX-License-Identifier: BSD-2-Clause
// EAP-TLS (RFC 5216; RFC 9190 for TLS 1.3). TLS is OpenSSL's, between two memory BIOs. Here: fragments and their
// acknowledgements, when it is over, and the key. Everything that computes happens in job().
//
//   start ->   <- ClientHello   ServerHello.. ->   <- Certificate.. Finished   (1.2) Finished ->   <- empty     Success
//   ->
//                                                                              (1.3) one byte 0 ->   <- empty   Success
//                                                                              ->
#include "hostd/eap/eap_tls.h"
#include "hostd/eap/eap_int.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flight {
    uint8_t *p;
    size_t len, at; // at: sent so far
};

struct tls {
    SSL *ssl;
    BIO *in, *out; // the SSL's
    bool server, started;
    struct flight rx, tx;
    size_t rx_total; // announced by the first fragment; 0: nothing was
    size_t fragment;
    // What job() has found.
    bool failed, finished, committed, keyed;
    bool checked;                       // the owner has accepted the certificates, or is not asked
    struct eap_der cert[EAP_MAX_CERTS]; // the other end's, its own first; owned
    size_t n_cert;
    uint8_t msk[EAP_MSK];
    char why[160];
    bool any; // the other end's certificate may have any identity; else this one:
    uint8_t expect[EAP_MAX_IDENTITY];
    size_t expect_len;
};

static int tls_index(void)
{
    static int index = -1; // set by the first create(), before there is a job
    if (index < 0) {
        index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
    return index;
}

// After the chain has been found good: is it the right one's?
static int verify(int good, X509_STORE_CTX *ctx)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = SSL_get_ex_data(ssl, tls_index());
    if (good == 1 && X509_STORE_CTX_get_error_depth(ctx) == 0 && !t->any &&
        !eap_cert_is(X509_STORE_CTX_get_current_cert(ctx), t->expect, t->expect_len)) {
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_SUBJECT_ISSUER_MISMATCH);
        snprintf(t->why, sizeof(t->why), "TLS: the certificate is not that of the identity");
        return 0;
    }
    if (good != 1 && t->why[0] == '\0') {
        snprintf(t->why, sizeof(t->why), "TLS: the certificate is refused: %s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    }
    return good;
}

static void destroy(void *m)
{
    struct tls *t = m;
    for (size_t i = 0; i < t->n_cert; i++) {
        OPENSSL_free((void *)(uintptr_t)t->cert[i].p);
    }
    SSL_free(t->ssl); // with its BIOs
    free(t->rx.p);
    free(t->tx.p);
    OPENSSL_cleanse(t, sizeof(*t));
    free(t);
}

static void *create(struct eap_core *c)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    t->server = c->set->authenticator;
    t->fragment = c->set->fragment;
    t->checked = !c->set->check_certs;
    t->ssl = SSL_new(c->set->tls);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (t->ssl == NULL || t->in == NULL || t->out == NULL || SSL_set_ex_data(t->ssl, tls_index(), t) != 1) {
        BIO_free(t->in);
        BIO_free(t->out);
        destroy(t);
        return NULL;
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_verify(t->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
    const uint8_t *expect = t->server ? c->identity : c->set->expect;
    t->any = expect == NULL;
    t->expect_len = t->server ? c->identity_len : c->set->expect_len;
    if (!t->any && t->expect_len <= sizeof(t->expect)) {
        memcpy(t->expect, expect, t->expect_len);
    } else {
        t->expect_len = 0; // is nobody's
    }
    if (t->server) {
        SSL_set_accept_state(t->ssl);
    } else {
        SSL_set_connect_state(t->ssl);
    }
    return t;
}

// ------------------------------------------------------------------------------------------------ in the pool

static void job_fail(struct tls *t, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    t->failed = true;
    if (t->why[0] == '\0') {
        snprintf(t->why, sizeof(t->why), "TLS: %s%s%s", what, code != 0 ? ": " : "",
                 code != 0 ? ERR_reason_error_string(code) : "");
    }
}

static void keep_cert(struct tls *t, const X509 *x)
{
    unsigned char *der = NULL;
    int len = t->n_cert < EAP_MAX_CERTS ? i2d_X509(x, &der) : 0;
    if (len > 0) {
        t->cert[t->n_cert++] = (struct eap_der){der, (size_t)len};
    }
}

static void keep_certs(struct tls *t)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(t->ssl);
    X509 *own = SSL_get0_peer_certificate(t->ssl);
    if (own != NULL) {
        keep_cert(t, own);
    }
    for (int i = t->server ? 0 : 1; i < sk_X509_num(chain); i++) { // a client's chain begins with the server's own
        keep_cert(t, sk_X509_value(chain, i));
    }
}

static void export_key(struct tls *t)
{
    bool v13 = SSL_version(t->ssl) >= TLS1_3_VERSION;
    const char *label = v13 ? "EXPORTER_EAP_TLS_Key_Material" : "client EAP encryption";
    const unsigned char type = EAP_T_TLS;
    t->keyed = SSL_export_keying_material(t->ssl, t->msk, sizeof(t->msk), label, strlen(label), &type, v13 ? 1 : 0,
                                          v13 ? 1 : 0) == 1;
    if (!t->keyed) {
        job_fail(t, "no key can be exported");
    }
}

// RFC 9190 2.1.1: with TLS 1.3 a byte of zero under protection says that the server will send nothing more.
static void commitment(struct tls *t)
{
    static const uint8_t zero;
    uint8_t byte = 1;
    if (SSL_version(t->ssl) < TLS1_3_VERSION) {
        t->committed = true;
    } else if (t->server) {
        t->committed = SSL_write(t->ssl, &zero, 1) == 1;
        if (!t->committed) {
            job_fail(t, "the end cannot be said");
        }
    } else {
        int n = SSL_read(t->ssl, &byte, 1);
        if (n == 1 && byte == 0) {
            t->committed = true;
        } else if (n == 1 || SSL_get_error(t->ssl, n) != SSL_ERROR_WANT_READ) {
            job_fail(t, "the other end does not end as it should");
        }
    }
}

static void drain(struct tls *t)
{
    size_t n = BIO_ctrl_pending(t->out);
    free(t->tx.p);
    t->tx = (struct flight){0};
    if (n == 0) {
        return;
    }
    t->tx.p = n <= EAP_MAX_TLS ? malloc(n) : NULL;
    if (t->tx.p == NULL || BIO_read(t->out, t->tx.p, (int)n) != (int)n) {
        job_fail(t, "a flight that is too long");
        return;
    }
    t->tx.len = n;
}

static void job(void *m)
{
    struct tls *t = m;
    ERR_clear_error();
    if (t->rx.len > 0 && BIO_write(t->in, t->rx.p, (int)t->rx.len) != (int)t->rx.len) {
        job_fail(t, "no memory");
    }
    t->rx.len = 0;
    t->rx_total = 0;
    if (!t->failed && !t->finished) {
        int r = SSL_do_handshake(t->ssl);
        t->finished = r == 1;
        if (r != 1 && SSL_get_error(t->ssl, r) != SSL_ERROR_WANT_READ) {
            job_fail(t, "the handshake fails");
        } else if (t->finished) {
            export_key(t);
            keep_certs(t);
        }
    }
    if (!t->failed && t->finished && !t->committed) {
        commitment(t);
    }
    drain(t);
    ERR_clear_error();
}

// ------------------------------------------------------------------------------------------------ in the loop

static enum eap_step send_next(struct tls *t, struct wbuf *w)
{
    size_t left = t->tx.len - t->tx.at, n = left < t->fragment ? left : t->fragment;
    struct eap_tls_piece piece = {.data = t->tx.p + t->tx.at, .len = n};
    if (n < left) {
        piece.flags |= EAP_TLS_MORE;
    }
    if (t->tx.at == 0 && n < left) {
        piece.flags |= EAP_TLS_LENGTH;
        piece.total = (uint32_t)t->tx.len;
    }
    eap_tls_put(w, &piece);
    t->tx.at += n;
    return EAP_STEP_SEND;
}

static enum eap_step send_empty(struct wbuf *w)
{
    eap_tls_put(w, &(struct eap_tls_piece){0});
    return EAP_STEP_SEND;
}

static enum eap_step done(struct tls *t, struct eap_core *c)
{
    memcpy(c->msk, t->msk, EAP_MSK);
    c->msk_len = EAP_MSK;
    return EAP_STEP_DONE;
}

static enum eap_step job_done(void *m, struct eap_core *c, struct wbuf *w)
{
    struct tls *t = m;
    if (t->failed) {
        (void)eap_fail(c, "%s", t->why);
        // An alert says why; a supplicant answers the other end's alert, so that it can end (RFC 5216 2.1.3).
        return t->tx.len > 0 ? send_next(t, w) : t->server ? EAP_STEP_FAIL : send_empty(w);
    }
    if (t->finished && !t->checked) {
        return EAP_STEP_CHECK;
    }
    if (t->tx.len > 0) {
        return send_next(t, w);
    }
    if (!t->finished || !t->committed) {
        return eap_fail(c, "TLS: a flight that leads to nothing");
    }
    if (t->server) {
        return eap_fail(c, "TLS: a flight after the end");
    }
    (void)done(t, c);
    c->ready = true;
    return send_empty(w);
}

static const struct eap_der *certs(const void *m, size_t *n)
{
    const struct tls *t = m;
    *n = t->n_cert;
    return t->cert;
}

static enum eap_step checked(void *m, struct eap_core *c, const char *why, struct wbuf *w)
{
    struct tls *t = m;
    t->checked = true;
    if (why != NULL) {
        return eap_fail(c, "TLS: the certificate is refused: %s", why);
    }
    return job_done(m, c, w);
}

// Another piece of the flight that comes in. A peer can make us hold no more than EAP_MAX_TLS bytes.
static enum eap_step take(struct tls *t, struct eap_core *c, const struct eap_tls_piece *in, struct wbuf *w)
{
    if (in->total != 0 && t->rx.len == 0) {
        t->rx_total = in->total;
    } else if (in->total != 0 && in->total != t->rx_total) {
        return eap_fail(c, "TLS: a flight that changes its length");
    }
    bool more = (in->flags & EAP_TLS_MORE) != 0;
    size_t limit = t->rx_total != 0 ? t->rx_total : EAP_MAX_TLS;
    if (in->len > limit - t->rx.len || in->len == 0) {
        return eap_fail(c, "TLS: %s", in->len == 0 ? "an empty piece" : "more than was announced or is allowed");
    }
    if (!more && t->rx_total != 0 && t->rx.len + in->len != t->rx_total) {
        return eap_fail(c, "TLS: less than was announced");
    }
    uint8_t *p = realloc(t->rx.p, t->rx.len + in->len);
    if (p == NULL) {
        return eap_fail(c, "TLS: no memory");
    }
    memcpy(p + t->rx.len, in->data, in->len);
    t->rx.p = p;
    t->rx.len += in->len;
    return more ? send_empty(w) : EAP_STEP_JOB;
}

// An empty piece: the other end has what we sent, or has nothing to say.
static enum eap_step acknowledged(struct tls *t, struct eap_core *c)
{
    if (t->failed) {
        return EAP_STEP_FAIL; // after our alert; why is known
    }
    if (t->server && t->finished && t->committed) {
        return done(t, c);
    }
    return eap_fail(c, "TLS: an empty piece out of place");
}

static enum eap_step input(void *m, struct eap_core *c, const struct eap_packet *p, struct wbuf *w)
{
    struct tls *t = m;
    struct eap_tls_piece in;
    const char *fault = eap_tls_decode(p->data, p->len, &in);
    if (fault != NULL) {
        return eap_fail(c, "%s", fault);
    }
    if ((in.flags & EAP_TLS_START) != 0) {
        if (t->server || t->started || in.len > 0) {
            return eap_fail(c, "TLS: a start out of place");
        }
        t->started = true;
        return EAP_STEP_JOB;
    }
    if (!t->started) {
        return eap_fail(c, "TLS: a piece before the start");
    }
    if (t->tx.at < t->tx.len) {
        bool ack = in.len == 0 && (in.flags & EAP_TLS_MORE) == 0;
        return ack ? send_next(t, w) : eap_fail(c, "TLS: data where an acknowledgement was due");
    }
    if (t->failed) {
        return EAP_STEP_FAIL;
    }
    if (in.len == 0 && t->rx.len == 0) {
        return acknowledged(t, c);
    }
    return take(t, c, &in, w);
}

static enum eap_step server_begin(void *m, struct eap_core *c, struct wbuf *w)
{
    struct tls *t = m;
    (void)c;
    t->started = true;
    eap_tls_put(w, &(struct eap_tls_piece){.flags = EAP_TLS_START});
    return EAP_STEP_SEND;
}

const struct eap_method eap_tls_server = {
    .type = EAP_T_TLS,
    .create = create,
    .begin = server_begin,
    .input = input,
    .job = job,
    .job_done = job_done,
    .certs = certs,
    .checked = checked,
    .destroy = destroy,
};

const struct eap_method eap_tls_peer = {
    .type = EAP_T_TLS,
    .create = create,
    .input = input,
    .job = job,
    .job_done = job_done,
    .certs = certs,
    .checked = checked,
    .destroy = destroy,
};
