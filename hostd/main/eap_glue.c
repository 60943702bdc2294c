// SPDX-License-Identifier: BSD-2-Clause
// EAP of the IKE machine: its questions go to the hub, with what the profile says; users and trustpoints are those of
// the running configuration.
#include "hostd/eap/eap_hub.h"
#include "hostd/eap/eap_legacy.h"
#include "hostd/eap/eap_local.h"
#include "hostd/eap/eap_tls.h"
#include "hostd/main/daemon.h"
#include "hostd/main/keys.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct eap_glue {
    struct culvertd *d;
    struct eap_hub *hub;
    struct eap_local *local;
    struct eap_legacy *legacy; // NULL: no MSCHAPv2
    struct list contexts;      // of struct context
};

// TLS for a profile, made when first wanted, and again when the configuration has changed.
struct context {
    char profile[CONF_NAME];
    bool server;
    uint64_t version;
    SSL_CTX *ctx;
};

// A conversation with copies of what it needs of the configuration, which may change under it.
struct conversation {
    struct eap_conv *conv;
    struct eap_settings set;
    char profile[CONF_NAME];
    char name[CONF_NAME], user[CONF_TEXT], password[CONF_TEXT];
    uint8_t expect[EAP_MAX_IDENTITY];
};

// ------------------------------------------------------------------------------------------------ TLS

static void drop_context(struct context *k)
{
    SSL_CTX_free(k->ctx);
    free(k);
}

static X509_STORE *trust_of(const struct culvertd *d, const struct conf_profile *f)
{
    X509_STORE *store = X509_STORE_new();
    bool any = false;
    for (unsigned i = 0; store != NULL && i < f->n_trustpoint; i++) {
        const struct pki_trustpoint *t = f->trustpoint[i].verify ? pki_find(d->trust, f->trustpoint[i].ref.name) : NULL;
        for (int n = 0; t != NULL && n < sk_X509_num(t->cas); n++) {
            any |= X509_STORE_add_cert(store, sk_X509_value(t->cas, n)) == 1;
        }
    }
    if (!any) {
        X509_STORE_free(store);
        return NULL;
    }
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); // a trustpoint's CA is an anchor, whoever vouches for it
    return store;
}

static struct ike_cred *cred_of(const struct culvertd *d, const struct conf_profile *f)
{
    for (unsigned i = 0; i < f->n_trustpoint; i++) {
        const struct pki_trustpoint *t = f->trustpoint[i].sign ? pki_find(d->trust, f->trustpoint[i].ref.name) : NULL;
        if (t != NULL && t->cred != NULL) {
            return t->cred;
        }
    }
    return NULL;
}

static SSL_CTX *make_context(const struct culvertd *d, const struct conf_profile *f, bool server, char *why, size_t cap)
{
    const struct ike_cred *cred = cred_of(d, f);
    X509_STORE *trust = trust_of(d, f);
    SSL_CTX *ctx = NULL;
    struct eap_der chain[IKE_MAX_CERTS];
    if (cred == NULL || trust == NULL) {
        snprintf(why, cap, "profile %s has no trustpoint with %s", f->name,
                 cred == NULL ? "a certificate of ours" : "certificates to verify peers with");
    } else {
        for (unsigned i = 0; i < cred->n_cert; i++) {
            chain[i] = (struct eap_der){cred->cert[i].p, cred->cert[i].len};
        }
        ctx = eap_tls_ctx(server, cred->key, chain, cred->n_cert, trust, why, cap);
    }
    X509_STORE_free(trust);
    return ctx;
}

// A reference that belongs to the list; NULL: `why` says why not.
static SSL_CTX *context_for(struct eap_glue *g, const struct conf_profile *f, bool server, char *why, size_t cap)
{
    for (size_t i = g->contexts.n; i-- > 0;) {
        struct context *k = g->contexts.at[i];
        if (k->version != g->d->conf_version) {
            drop_context(list_remove_at(&g->contexts, i));
        } else if (k->server == server && strcmp(k->profile, f->name) == 0) {
            return k->ctx;
        }
    }
    struct context *k = calloc(1, sizeof(*k));
    SSL_CTX *ctx = k == NULL ? NULL : make_context(g->d, f, server, why, cap);
    if (ctx == NULL || !list_add(&g->contexts, k)) {
        SSL_CTX_free(ctx);
        free(k);
        return NULL;
    }
    str_copy(k->profile, sizeof(k->profile), f->name);
    k->server = server;
    k->version = g->d->conf_version;
    k->ctx = ctx;
    return ctx;
}

// ------------------------------------------------------------------------------------------------ conversations

static const uint8_t types[] = {[CONF_EAP_MSCHAPV2] = EAP_T_MSCHAPV2,
                                [CONF_EAP_MD5] = EAP_T_MD5,
                                [CONF_EAP_GTC] = EAP_T_GTC,
                                [CONF_EAP_TLS] = EAP_T_TLS};

// Which methods, the preferred first. Without a word of the user those that make a key. Where EAP alone may prove the
// other end, only TLS: whoever answers must not get anything that a password can be guessed from (RFC 5998 4).
static void choose_methods(struct eap_settings *set, const struct conf_profile *f, bool eap_only)
{
    static const uint8_t with_key[] = {CONF_EAP_MSCHAPV2, CONF_EAP_TLS};
    const uint8_t own[] = {(uint8_t)f->eap.method};
    const uint8_t *from = with_key;
    unsigned n = sizeof(with_key);
    if (set->authenticator && f->n_eap_methods > 0) {
        from = f->eap_methods;
        n = f->n_eap_methods;
    } else if (!set->authenticator && f->eap.method != CONF_EAP_ANY) {
        from = own;
        n = 1;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!eap_only || from[i] == CONF_EAP_TLS) {
            set->method[set->n_method++] = types[from[i]];
        }
    }
}

static void release(struct conversation *k)
{
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

static struct conversation *describe(struct eap_glue *g, const struct ike_profile *p, const struct conf_profile *f,
                                     bool authenticator, const struct ike_id *peer)
{
    struct conversation *k = calloc(1, sizeof(*k));
    char why[256] = "";
    if (k == NULL) {
        return NULL;
    }
    str_copy(k->profile, sizeof(k->profile), f->name);
    str_copy(k->name, sizeof(k->name), g->d->conf->hostname);
    str_copy(k->user, sizeof(k->user), authenticator ? "" : f->eap.user);
    str_copy(k->password, sizeof(k->password), authenticator ? "" : f->eap.password);
    k->set = (struct eap_settings){.authenticator = authenticator,
                                   .query_identity = p->eap_identity,
                                   .name = k->name,
                                   .legacy = g->legacy,
                                   .check_certs = true,
                                   .user = k->user,
                                   .password = k->password};
    // Where nothing but EAP proves the responder, its certificate has to be the one of its identity.
    if (!authenticator && p->eap_only && peer != NULL && peer->len <= sizeof(k->expect)) {
        memcpy(k->expect, peer->data, peer->len);
        k->set.expect = k->expect;
        k->set.expect_len = peer->len;
    }
    choose_methods(&k->set, f, p->eap_only);
    if (memchr(k->set.method, EAP_T_TLS, k->set.n_method) != NULL) {
        k->set.tls = context_for(g, f, authenticator, why, sizeof(why));
    }
    if (k->set.tls == NULL && why[0] != '\0' && k->set.n_method == 1) {
        log_write(&g->d->log, LOG_WARNING, "eap", "no EAP-TLS: %s", why);
    }
    return k;
}

void *glue_eap_begin(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer)
{
    struct culvertd *d = ctx;
    struct eap_glue *g = d->eap;
    const struct conf_profile *f = profiles_conf(&d->profiles, p);
    const struct ike_id *id = authenticator ? peer : p->local_id;
    struct conversation *k = g == NULL || f == NULL ? NULL : describe(g, p, f, authenticator, peer);
    if (k == NULL) {
        return NULL;
    }
    const struct eap_begin b = {
        .identity = id == NULL ? NULL : id->data, .identity_len = id == NULL ? 0 : id->len, .settings = &k->set};
    k->conv = eap_hub_begin(g->hub, eap_local_backend(g->local), &b, f->eap_timeout);
    if (k->conv == NULL) {
        log_write(&d->log, LOG_WARNING, "eap", "profile %s: none of its EAP methods can be done", f->name);
        release(k);
        return NULL;
    }
    return k;
}

void glue_eap_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len)
{
    struct culvertd *d = ctx;
    struct conversation *k = conversation;
    eap_hub_input(k->conv, token, packet, len, daemon_now(d));
    glue_rearm(d);
}

void glue_eap_end(void *ctx, void *conversation)
{
    struct conversation *k = conversation;
    (void)ctx;
    eap_hub_end(k->conv);
    release(k);
}

// ------------------------------------------------------------------------------------------------ what the hub says

static void on_answer(void *ctx, uint64_t token, const struct eap_answer *a)
{
    struct eap_glue *g = ctx;
    struct culvertd *d = g->d;
    if (d->ike == NULL) {
        return;
    }
    struct ike_id *id = a->verdict == EAP_V_SUCCESS && a->identity != NULL
                            ? ike_id_new(IKE_ID_KEY_ID, a->identity, a->identity_len)
                            : NULL;
    const struct ike_eap_answer answer = {.code = a->verdict == EAP_V_CONTINUE  ? IKE_EAP_CONTINUE
                                                  : a->verdict == EAP_V_SUCCESS ? IKE_EAP_SUCCESS
                                                                                : IKE_EAP_FAILURE,
                                          .packet = a->packet,
                                          .len = a->len,
                                          .msk = a->msk,
                                          .msk_len = a->msk_len,
                                          .identity = id};
    ike_eap_answer(d->ike, token, &answer, daemon_now(d));
    free(id);
    glue_rearm(d);
}

static void on_log(void *ctx, bool warning, const char *text)
{
    struct eap_glue *g = ctx;
    log_write(&g->d->log, warning ? LOG_WARNING : LOG_NOTE, "eap", "%s", text);
}

// ------------------------------------------------------------------------------------------------ what the machines
// ask

// `local` of the lists: the users of the configuration. A domain before a backslash does not count if there is no such
// user.
static void find_user(void *ctx, const uint8_t *name, size_t len, uint64_t token, eap_secret_answer *answer, void *arg)
{
    struct eap_glue *g = ctx;
    const struct conf_user *u = NULL;
    for (unsigned turn = 0; turn < 2 && u == NULL && name != NULL; turn++) {
        u = keys_user(g->d->profiles.keys, name, len);
        const uint8_t *slash = len > 0 ? memchr(name, '\\', len) : NULL;
        len -= slash == NULL ? 0 : (size_t)(slash + 1 - name);
        name = slash == NULL ? NULL : slash + 1;
    }
    answer(arg, token, u == NULL ? NULL : (const uint8_t *)u->password, u == NULL ? 0 : strlen(u->password));
}

struct asked {
    struct culvertd *d;
    uint64_t token;
    eap_check_answer *answer;
    void *arg;
};

static void on_checked(void *arg, EVP_PKEY *key, const char *why)
{
    struct asked *q = arg;
    EVP_PKEY_free(key);
    if (q->d->eap != NULL) { // whoever asked may be gone: then the token is not known
        q->answer(q->arg, q->token, key != NULL ? NULL : why);
        glue_rearm(q->d);
    }
    free(q);
}

// Certificates that TLS accepts are checked as those of IKE are: chain, revocation, the trustpoint's own rules.
static void check_certs(void *ctx, const struct eap_settings *settings, const struct eap_der *cert, size_t n,
                        uint64_t token, eap_check_answer *answer, void *arg)
{
    struct eap_glue *g = ctx;
    struct culvertd *d = g->d;
    const struct conversation *k =
        (const struct conversation *)((const char *)settings - offsetof(struct conversation, set));
    const struct conf_profile *f = conf_find(&d->conf->profiles, k->profile);
    const char *name[CONF_TRUSTPOINTS];
    unsigned names = 0;
    for (unsigned i = 0; f != NULL && i < f->n_trustpoint; i++) {
        if (f->trustpoint[i].verify) {
            name[names++] = f->trustpoint[i].ref.name;
        }
    }
    struct ike_certs certs = {0};
    for (size_t i = 0; i < n && i < IKE_MAX_CERTS; i++) {
        certs.cert[certs.n++] = (struct ike_cert){cert[i].p, cert[i].len};
    }
    struct asked *q = names == 0 ? NULL : calloc(1, sizeof(*q)); // no name would mean all trustpoints
    if (q != NULL) {
        *q = (struct asked){d, token, answer, arg};
        if (pki_check_start(d->pki, d->trust, name, names, NULL, &certs, on_checked, q) != NULL) {
            return;
        }
        free(q);
    }
    answer(arg, token, names == 0 ? "the profile has no trustpoint any more" : "it cannot be checked now");
}

struct work {
    uv_work_t work;
    struct culvertd *d;
    struct eap_job *job;
};

static void work_run(uv_work_t *w)
{
    eap_job_run(((struct work *)w->data)->job);
}

static void work_done(uv_work_t *w, int status)
{
    struct work *k = w->data;
    (void)status;
    eap_job_complete(k->job); // one that is no longer wanted is released
    if (k->d->ike != NULL) {
        glue_rearm(k->d);
    }
    free(k);
}

static void submit(void *ctx, struct eap_job *job)
{
    struct eap_glue *g = ctx;
    struct work *k = calloc(1, sizeof(*k));
    if (k != NULL) {
        k->work.data = k;
        k->d = g->d;
        k->job = job;
        if (uv_queue_work(&g->d->loop, &k->work, work_run, work_done) == 0) {
            return;
        }
        free(k);
    }
    eap_job_run(job); // no memory: late is better than never
    eap_job_complete(job);
}

// ------------------------------------------------------------------------------------------------ life

bool eap_glue_open(struct culvertd *d, char *err, size_t err_size)
{
    static const struct eap_hub_ops ops = {.answer = on_answer, .log = on_log};
    struct eap_glue *g = d->eap = must_alloc(sizeof(*g));
    g->d = d;
    g->legacy = eap_legacy_new();
    if (g->legacy == NULL) {
        log_write(&d->log, LOG_WARNING, "eap", "OpenSSL's legacy provider is not there: no EAP-MSCHAPv2");
    }
    g->hub = eap_hub_new(&ops, g);
    const struct eap_local_env env = {.hub = g->hub,
                                      .secrets = {.find = find_user, .ctx = g},
                                      .checks = {.check = check_certs, .ctx = g},
                                      .submit = submit,
                                      .ctx = g};
    g->local = g->hub == NULL ? NULL : eap_local_new(&env);
    if (g->local == NULL) {
        snprintf(err, err_size, "EAP: out of memory");
    }
    return g->local != NULL;
}

void eap_glue_close(struct culvertd *d)
{
    struct eap_glue *g = d->eap;
    if (g == NULL) {
        return;
    }
    d->eap = NULL;
    for (size_t i = 0; i < g->contexts.n; i++) {
        drop_context(g->contexts.at[i]);
    }
    list_free(&g->contexts);
    eap_local_free(g->local);
    eap_hub_free(g->hub);
    eap_legacy_free(g->legacy);
    free(g);
}

const struct eap_hub_stats *eap_glue_stats(const struct culvertd *d)
{
    return eap_hub_stats(d->eap->hub);
}

uint64_t eap_glue_next_timer(const struct culvertd *d)
{
    return d->eap == NULL ? UINT64_MAX : eap_hub_next_timer(d->eap->hub);
}

void eap_glue_run_timers(struct culvertd *d)
{
    if (d->eap != NULL) {
        eap_hub_run_timers(d->eap->hub, daemon_now(d));
    }
}
