// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/pki/trustpoint.h"

#include "hostd/pki/cert.h"
#include "hostd/pki/revoke.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void trustpoint_free(struct pki_trustpoint *t)
{
    if (t == NULL) {
        return;
    }
    sk_X509_pop_free(t->cas, X509_free);
    for (size_t i = 0; i < t->crls.n; i++) {
        struct pki_crl *l = t->crls.at[i];
        X509_CRL_free(l->crl);
    }
    list_free_all(&t->crls);
    X509_STORE_free(t->store);
    X509_free(t->cert);
    ike_cred_unref(t->cred);
    if (t->conf != NULL) {
        OPENSSL_cleanse((void *)(uintptr_t)t->conf, sizeof(*t->conf));
    }
    free((void *)(uintptr_t)t->conf);
    free(t);
}

struct pki_set *pki_ref(struct pki_set *s)
{
    s->refs++;
    return s;
}

void pki_unref(struct pki_set *s)
{
    if (s == NULL || --s->refs > 0) {
        return;
    }
    for (size_t i = 0; i < s->trustpoints.n; i++) {
        trustpoint_free(s->trustpoints.at[i]);
    }
    list_free(&s->trustpoints);
    free(s);
}

const struct pki_trustpoint *pki_find(const struct pki_set *s, const char *name)
{
    return s == NULL ? NULL : conf_find(&s->trustpoints, name);
}

struct ike_id *pki_subject(const struct pki_trustpoint *t)
{
    return t->cert == NULL ? NULL : cert_subject_id(t->cert);
}

static bool add_ca_hash(X509 *ca, uint8_t **hashes, uint8_t *n)
{
    uint8_t *more = realloc(*hashes, ((size_t)*n + 1) * IKE_CA_HASH), *der = NULL;
    if (more == NULL) {
        return false;
    }
    *hashes = more;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca), &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, more + (size_t)*n * IKE_CA_HASH, NULL, EVP_sha1(), NULL) == 1;
    OPENSSL_free(der);
    *n += ok;
    return ok;
}

bool pki_add_ca_hashes(const struct pki_trustpoint *t, uint8_t **hashes, uint8_t *n)
{
    bool ok = true;
    for (int i = 0; ok && i < sk_X509_num(t->cas) && *n < UINT8_MAX; i++) {
        ok = add_ca_hash(sk_X509_value(t->cas, i), hashes, n);
    }
    return ok;
}

// ------------------------------------------------------------------------------------------------ loading

// A store of the CAs. Where one of them signed itself, chains must end there; else each is an anchor.
static X509_STORE *store_of(STACK_OF(X509) * cas)
{
    X509_STORE *store = X509_STORE_new();
    bool root = false, ok = store != NULL;
    for (int i = 0; ok && i < sk_X509_num(cas); i++) {
        X509 *c = sk_X509_value(cas, i);
        root |= X509_self_signed(c, 1) == 1;
        ok = X509_STORE_add_cert(store, c) == 1;
    }
    ok = ok && X509_STORE_set_flags(store, root ? 0 : X509_V_FLAG_PARTIAL_CHAIN) == 1;
    ERR_clear_error();
    if (!ok) {
        X509_STORE_free(store);
        return NULL;
    }
    return store;
}

// Our certificate and what leads from it to an anchor, which the peer has itself; and which CAs these are, for peers
// that ask for some.
static struct ike_cred *cred_of(const struct pki_material *m, X509_STORE *store)
{
    struct ike_certs certs = {0};
    struct ike_cred *cred = NULL;
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, m->cert, m->chain) != 1) {
        X509_STORE_CTX_free(ctx);
        return NULL;
    }
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
    if (X509_verify_cert(ctx) == 1) {
        const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
        int n = sk_X509_num(chain);
        bool ok = true;
        for (int i = 0; i < n && certs.n < IKE_MAX_CERTS; i++) {
            X509 *c = sk_X509_value(chain, i);
            uint8_t *der = NULL;
            if (i > 0 && X509_self_signed(c, 0) == 1) {
                break;
            }
            int len = i2d_X509(c, &der);
            ok &= len > 0;
            certs.cert[certs.n].p = der;
            certs.cert[certs.n++].len = len > 0 ? (size_t)len : 0;
        }
        if (ok && EVP_PKEY_up_ref(m->key) == 1) {
            cred = ike_cred_new(m->key, &certs);
        }
        for (int i = 1; cred != NULL && i < n; i++) {
            if (!add_ca_hash(sk_X509_value(chain, i), &cred->ca_hashes, &cred->n_ca)) {
                ike_cred_unref(cred);
                cred = NULL;
            }
        }
    }
    for (unsigned i = 0; i < certs.n; i++) {
        OPENSSL_free((void *)(uintptr_t)certs.cert[i].p);
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return cred;
}

struct loader {
    const char *state;
    struct log *log;
    char *err;
    size_t err_size;
};

// Errors of a file that the configuration names are told with their place.
static bool at_file(const struct loader *k, const struct conf_file *f, bool ok)
{
    if (ok || f->line == 0 || f->line == UINT32_MAX) {
        return ok;
    }
    char why[512];
    snprintf(why, sizeof(why), "%s", k->err);
    snprintf(k->err, k->err_size, "line %u: word %u: %s", f->line, f->word, why);
    return false;
}

static bool read_configured(const struct loader *k, struct pki_material *m, const struct conf_trustpoint *c)
{
    bool ok = true;
    for (unsigned i = 0; i < c->n_ca && ok; i++) {
        ok = at_file(k, &c->ca[i], pki_read_pem(m, c->ca[i].path, NULL, NULL, NULL, k->err, k->err_size));
    }
    if (ok && c->pkcs12.path[0] != '\0') {
        ok = at_file(k, &c->pkcs12, pki_read_pkcs12(m, c->pkcs12.path, c->pkcs12_password, k->err, k->err_size));
    } else if (ok && c->cert.path[0] != '\0') {
        ok = at_file(k, &c->cert, pki_read_pem(m, NULL, c->cert.path, NULL, NULL, k->err, k->err_size)) &&
             at_file(k, &c->key, pki_read_pem(m, NULL, NULL, c->key.path, c->key_password, k->err, k->err_size));
    }
    return ok;
}

// What was imported, for what the configuration does not say itself.
static bool read_imported(const struct loader *k, struct pki_material *m, const struct conf_trustpoint *c, bool *any)
{
    char ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
    bool own = c->cert.path[0] == '\0' && c->pkcs12.path[0] == '\0';
    if (k->state == NULL) {
        return true;
    }
    snprintf(ca, sizeof(ca), "%s/pki/%s/ca.pem", k->state, c->name);
    snprintf(cert, sizeof(cert), "%s/pki/%s/cert.pem", k->state, c->name);
    snprintf(key, sizeof(key), "%s/pki/%s/key.pem", k->state, c->name);
    bool has_ca = c->n_ca == 0 && sk_X509_num(m->cas) < 1 && access(ca, F_OK) == 0;
    bool has_cert = own && access(cert, F_OK) == 0;
    *any = has_ca || has_cert;
    return pki_read_pem(m, has_ca ? ca : NULL, has_cert ? cert : NULL, has_cert ? key : NULL, NULL, k->err,
                        k->err_size);
}

// A CRL of one of the CAs. One that is out of date is taken and says nothing: the calendar does not stop a daemon.
static bool load_crl(const struct loader *k, struct pki_trustpoint *t, const char *path)
{
    size_t len;
    const char *why = "no CA of the trustpoint has issued it";
    uint8_t *p = pki_read_file(path, &len, k->err, k->err_size);
    struct pki_crl *l = p == NULL ? NULL : calloc(1, sizeof(*l));
    for (int i = 0; l != NULL && l->crl == NULL && i < sk_X509_num(t->cas); i++) {
        int64_t next;
        const char *one = "";
        l->issuer = sk_X509_value(t->cas, i);
        l->crl = revoke_crl(p, len, l->issuer, t->conf->weak, (int64_t)time(NULL), &next, &one);
        if (l->crl == NULL && strcmp(one, "it is another issuer's") != 0) {
            why = one;
        }
    }
    OPENSSL_free(p);
    if (l == NULL) {
        return false;
    }
    if (l->crl != NULL && list_add(&t->crls, l)) {
        return true;
    }
    X509_CRL_free(l->crl);
    free(l);
    bool old = strcmp(why, "it is out of date") == 0;
    if (old) {
        log_write(k->log, LOG_WARNING, "pki", "trustpoint %s: %s: it is out of date", t->name, path);
    } else {
        snprintf(k->err, k->err_size, "%s: %s", path, why);
    }
    return old;
}

static void warn_dates(const struct loader *k, const char *name, X509 *c)
{
    struct str s = {0};
    time_t now = time(NULL);
    cert_name_text(X509_get_subject_name(c), &s);
    if (X509_cmp_time(X509_get0_notAfter(c), &now) < 0) {
        log_write(k->log, LOG_WARNING, "pki", "trustpoint %s: certificate \"%s\" has expired", name, str_text(&s));
    } else if (X509_cmp_time(X509_get0_notBefore(c), &now) > 0) {
        log_write(k->log, LOG_WARNING, "pki", "trustpoint %s: certificate \"%s\" is not valid yet", name, str_text(&s));
    }
    str_free(&s);
    ERR_clear_error();
}

static struct pki_trustpoint *load_one(const struct loader *k, const struct conf_trustpoint *c)
{
    struct pki_trustpoint *t = calloc(1, sizeof(*t));
    struct conf_trustpoint *copy = malloc(sizeof(*copy));
    struct pki_material m = {0};
    char why[512];
    bool ok = t != NULL && copy != NULL;
    if (!ok) {
        snprintf(k->err, k->err_size, "out of memory");
        free(copy);
        free(t);
        return NULL;
    }
    *copy = *c;
    t->conf = copy;
    str_copy(t->name, sizeof(t->name), c->name);
    ok = read_configured(k, &m, c) && read_imported(k, &m, c, &t->imported);
    if (ok && !pki_material_check(&m, why, sizeof(why))) {
        if (c->line == 0 || c->line == UINT32_MAX) {
            snprintf(k->err, k->err_size, "trustpoint %s: %s", c->name, why);
        } else {
            snprintf(k->err, k->err_size, "line %u: trustpoint %s: %s", c->line, c->name, why);
        }
        ok = false;
    }
    if (ok) {
        t->cas = m.cas;
        m.cas = NULL;
        t->store = store_of(t->cas);
        t->cred = m.cert == NULL || t->store == NULL ? NULL : cred_of(&m, t->store);
        t->cert = m.cert;
        m.cert = NULL;
        ok = t->store != NULL && (t->cert == NULL || t->cred != NULL) &&
             (t->cred == NULL || c->cert_url[0] == '\0' || ike_cred_set_url(t->cred, c->cert_url));
        if (!ok) {
            snprintf(k->err, k->err_size, "trustpoint %s: out of memory", c->name);
        }
    }
    for (unsigned i = 0; ok && i < c->n_crl; i++) {
        ok = at_file(k, &c->crl[i], load_crl(k, t, c->crl[i].path));
    }
    for (int i = 0; ok && i < sk_X509_num(t->cas); i++) {
        warn_dates(k, t->name, sk_X509_value(t->cas, i));
    }
    if (ok && t->cert != NULL) {
        warn_dates(k, t->name, t->cert);
    }
    if (ok && c->weak) {
        log_write(k->log, LOG_WARNING, "pki", "trustpoint %s accepts weak algorithms", c->name);
    }
    pki_material_free(&m);
    if (!ok) {
        trustpoint_free(t);
        return NULL;
    }
    return t;
}

struct pki_set *pki_load(const struct conf *c, const char *state, struct log *log, char *err, size_t err_size)
{
    struct pki_set *s = calloc(1, sizeof(*s));
    const struct loader k = {state, log, err, err_size};
    if (s == NULL) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    s->refs = 1;
    for (size_t i = 0; i < c->trustpoints.n; i++) {
        struct pki_trustpoint *t = load_one(&k, c->trustpoints.at[i]);
        if (t == NULL || !list_add(&s->trustpoints, t)) {
            trustpoint_free(t);
            pki_unref(s);
            return NULL;
        }
    }
    return s;
}
