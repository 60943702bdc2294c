// SPDX-License-Identifier: BSD-2-Clause
// A check: VERIFY in a worker (or the chain is known: in the loop's next turn) -> for each certificate of the chain
// below the anchor: for each method: for each URL, ask the cache (at once, or later) -> the end. One timer serves all
// checks: they are in the order of their deadlines.
#include "hostd/pki/pki.h"

#include "hostd/pki/cert.h"
#include "hostd/pki/fetch.h"
#include "hostd/pki/known.h"
#include "hostd/pki/verify.h"
#include "hostd/util/list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WHY = 512 };

struct pki_check {
    struct pki *p;
    struct pki_set *set;
    const struct pki_trustpoint **trustpoint;
    struct ike_certs certs; // copied; one allocation at certs_memory
    uint8_t *certs_memory;
    struct ike_id *id;
    struct verify verify;
    uv_work_t work;
    bool working, ready, over; // ready: in the list of that name
    uint8_t digest[KNOWN_DIGEST];
    uint64_t deadline; // loop's milliseconds
    // Where the search for revocation is.
    int at;          // certificate of the chain
    unsigned method; // of the trustpoint
    unsigned source; // of the method
    unsigned n_url;  // of the certificate for this method
    char *url[REVOKE_URLS];
    bool urls_known;
    char tried[WHY]; // what gave no answer, for the reason
    struct cache_waiter waiter;
    pki_done *done;
    void *arg;
    TAILQ_ENTRY(pki_check) link, ready_link;
};

struct pki {
    uv_loop_t *loop;
    struct log *log;
    struct cache *cache;
    uv_timer_t timer;
    struct pki_counters counters;
    TAILQ_HEAD(check_list, pki_check) checks; // by deadline
    struct known *known;
    TAILQ_HEAD(ready_list, pki_check) ready; // their chains are known: for the loop's next turn
    uv_idle_t idle;                          // runs while there are some
    size_t n_ready;
    size_t n;
};

static void say(struct pki *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct pki *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_writev(p->log, LOG_DEBUG, "pki", format, args);
    va_end(args);
}

// ------------------------------------------------------------------------------------------------ life of a check

static void forget_urls(struct pki_check *k)
{
    for (unsigned i = 0; i < k->n_url; i++) {
        free(k->url[i]);
    }
    k->n_url = 0;
    k->urls_known = false;
}

static void check_free(struct pki_check *k)
{
    forget_urls(k);
    sk_X509_pop_free(k->verify.chain, X509_free);
    pki_unref(k->set);
    free(k->trustpoint);
    free(k->certs_memory);
    free(k->id);
    free(k);
}

// Out of the list; its memory goes now, or when the worker is done.
static void retire(struct pki_check *k)
{
    k->over = true;
    cache_forget(k->p->cache, &k->waiter);
    TAILQ_REMOVE(&k->p->checks, k, link);
    if (k->ready) {
        TAILQ_REMOVE(&k->p->ready, k, ready_link);
        k->p->n_ready--;
    }
    k->p->n--;
    k->p = NULL;
    if (!k->working) {
        check_free(k);
    }
}

static void finish(struct pki_check *k, const char *why)
{
    struct pki *p = k->p;
    pki_done *done = k->done;
    void *arg = k->arg;
    EVP_PKEY *key = NULL;
    char text[WHY] = "";
    if (why == NULL) {
        key = X509_get_pubkey(sk_X509_value(k->verify.chain, 0));
        why = key == NULL ? "its public key cannot be read" : NULL;
    }
    snprintf(text, sizeof(text), "%s", why == NULL ? "" : why);
    p->counters.good += key != NULL;
    p->counters.refused += key == NULL;
    say(p, "check ends: %s", key != NULL ? "good" : text);
    retire(k);
    done(arg, key, text);
}

void pki_check_cancel(struct pki_check *k)
{
    retire(k);
}

// ------------------------------------------------------------------------------------------------ revocation

static void tried(struct pki_check *k, const char *what, const char *why)
{
    size_t used = strlen(k->tried);
    snprintf(k->tried + used, sizeof(k->tried) - used, "%s%s: %s", used > 0 ? "; " : "", what, why);
}

static void refuse(struct pki_check *k, X509 *c, const char *what)
{
    struct str s = {0};
    char why[WHY];
    cert_name_text(X509_get_subject_name(c), &s);
    snprintf(why, sizeof(why), "certificate \"%.160s\": %.330s", str_text(&s), what);
    str_free(&s);
    finish(k, why);
}

static void next_method(struct pki_check *k)
{
    forget_urls(k);
    k->source = 0;
    k->method++;
}

static void next_cert(struct pki_check *k)
{
    forget_urls(k);
    k->source = 0;
    k->method = 0;
    k->tried[0] = '\0';
    k->at++;
}

// A verdict about the certificate that the check is at. false: the check has ended.
static bool take(struct pki_check *k, enum revoke_verdict v, const char *source, const char *why)
{
    X509 *c = sk_X509_value(k->verify.chain, k->at);
    static const char *const words[] = {"not revoked", "revoked", "no answer"};
    say(k->p, "%s: %s%s%s", source, words[v], why[0] != '\0' ? ": " : "", why);
    if (v == REVOKE_GOOD) {
        next_cert(k);
        return true;
    }
    if (v == REVOKE_REVOKED) {
        char text[REVOKE_WHY + 32];
        snprintf(text, sizeof(text), "it is revoked (%s)", why);
        k->p->counters.revoked++;
        refuse(k, c, text);
        return false;
    }
    tried(k, source, why);
    return true;
}

// The trustpoint's own CRLs, before any is fetched.
static enum revoke_verdict local_crl(const struct pki_trustpoint *t, X509 *c, X509 *issuer, char why[REVOKE_WHY])
{
    enum revoke_verdict v = REVOKE_NO_ANSWER;
    why[0] = '\0';
    for (size_t i = 0; i < t->crls.n && v == REVOKE_NO_ANSWER; i++) {
        const struct pki_crl *l = t->crls.at[i];
        if (X509_NAME_cmp(X509_get_subject_name(l->issuer), X509_get_subject_name(issuer)) == 0 &&
            EVP_PKEY_eq(X509_get0_pubkey(l->issuer), X509_get0_pubkey(issuer)) == 1) {
            v = revoke_crl_says(l->crl, c, (int64_t)time(NULL), why);
        }
    }
    return v;
}

static void find_urls(struct pki_check *k, bool ocsp, X509 *c)
{
    const char *fixed = k->verify.by->conf->ocsp_url;
    if (ocsp && fixed[0] != '\0') {
        k->url[0] = strdup(fixed);
        k->n_url = k->url[0] != NULL;
    } else {
        k->n_url = ocsp ? revoke_ocsp_urls(c, k->url) : revoke_crl_urls(c, k->url);
    }
    k->urls_known = true;
    if (k->n_url == 0) {
        tried(k, ocsp ? "ocsp" : "crl", ocsp ? "it names no responder" : "it names no CRL");
    }
}

// Go on until the cache has to be waited for, or it is over.
static void step(struct pki_check *k)
{
    const struct pki_trustpoint *t = k->verify.by;
    const struct conf_trustpoint *f = t->conf;
    while (k->at + 1 < sk_X509_num(k->verify.chain)) {
        X509 *c = sk_X509_value(k->verify.chain, k->at), *issuer = sk_X509_value(k->verify.chain, k->at + 1);
        char why[REVOKE_WHY] = "";
        enum revoke_verdict v;
        if (k->method == f->n_revocation) {
            char text[WHY + 64];
            snprintf(text, sizeof(text), "whether it is revoked cannot be learnt (%s)", k->tried);
            k->p->counters.unknown++;
            refuse(k, c, text);
            return;
        }
        enum conf_revocation_method m = f->revocation[k->method];
        if (m == CONF_REVOCATION_NONE) {
            next_cert(k);
            continue;
        }
        bool ocsp = m == CONF_REVOCATION_OCSP;
        if (!k->urls_known) {
            v = ocsp ? REVOKE_NO_ANSWER : local_crl(t, c, issuer, why);
            if (v != REVOKE_NO_ANSWER || why[0] != '\0') {
                if (!take(k, v, "crl file", why)) {
                    return;
                }
                if (v == REVOKE_GOOD) {
                    continue;
                }
            }
            find_urls(k, ocsp, c);
        }
        if (k->source == k->n_url) {
            next_method(k);
            continue;
        }
        const char *url = k->url[k->source++];
        const struct cache_ask q = {
            .ocsp = ocsp, .url = url, .cert = c, .issuer = issuer, .weak = f->weak, .no_nonce = f->ocsp_no_nonce};
        if (!cache_ask(k->p->cache, &q, &k->waiter, &v, why)) {
            return; // on_answer goes on
        }
        if (!take(k, v, url, why)) {
            return;
        }
    }
    finish(k, NULL);
}

static void on_answer(void *arg, enum revoke_verdict v, const char *why)
{
    struct pki_check *k = arg;
    char url[FETCH_URL_MAX];
    str_copy(url, sizeof(url), k->url[k->source - 1]); // take() forgets it
    if (take(k, v, url, why)) {
        step(k);
    }
}

// ------------------------------------------------------------------------------------------------ verification

static void on_work(uv_work_t *w)
{
    struct pki_check *k = w->data;
    verify_run(&k->verify);
}

static void on_worked(uv_work_t *w, int status)
{
    struct pki_check *k = w->data;
    k->working = false;
    if (k->over) {
        check_free(k);
    } else if (status != 0 || k->verify.chain == NULL) {
        finish(k, status != 0 ? "the work was cancelled" : k->verify.why);
    } else {
        const struct known_chain c = {k->verify.chain, k->verify.by};
        known_put(k->p->known, k->digest, k->set, &c);
        say(k->p, "chain of %d certificates to trustpoint %s", sk_X509_num(k->verify.chain), k->verify.by->name);
        step(k);
    }
}

static void on_idle(uv_idle_t *idle)
{
    struct pki *p = idle->data;
    // What comes while these go on has its turn in the next one.
    for (size_t n = p->n_ready; n > 0 && !TAILQ_EMPTY(&p->ready); n--) {
        struct pki_check *k = TAILQ_FIRST(&p->ready);
        X509 *leaf = sk_X509_value(k->verify.chain, 0);
        TAILQ_REMOVE(&p->ready, k, ready_link);
        p->n_ready--;
        k->ready = false;
        say(p, "chain to trustpoint %s is known", k->verify.by->name);
        if (k->id != NULL && !cert_has_id(leaf, k->id)) {
            refuse(k, leaf, "the peer's identity is not in it");
        } else {
            step(k);
        }
    }
    if (TAILQ_EMPTY(&p->ready)) {
        uv_idle_stop(idle);
    }
}

// Has this chain been verified before? Then the check goes on without a worker.
static bool begin_known(struct pki *p, struct pki_check *k)
{
    struct known_chain c;
    if (!known_digest(&k->certs, k->set, k->trustpoint, k->verify.n_trustpoint, k->digest) ||
        !known_get(p->known, k->digest, (int64_t)time(NULL), &c)) {
        return false;
    }
    k->verify.chain = X509_chain_up_ref(c.chain);
    k->verify.by = c.by;
    if (k->verify.chain == NULL) {
        return false;
    }
    k->ready = true;
    TAILQ_INSERT_TAIL(&p->ready, k, ready_link);
    p->n_ready++;
    uv_idle_start(&p->idle, on_idle);
    p->counters.known++;
    return true;
}

static bool copy_certs(struct pki_check *k, const struct ike_certs *certs)
{
    size_t all = 0;
    for (unsigned i = 0; i < certs->n; i++) {
        all += certs->cert[i].len;
    }
    uint8_t *p = malloc(all > 0 ? all : 1);
    k->certs_memory = p;
    for (unsigned i = 0; i < certs->n && p != NULL; i++) {
        size_t len = certs->cert[i].len;
        if (len > 0) {
            memcpy(p, certs->cert[i].p, len);
        }
        k->certs.cert[i] = (struct ike_cert){p, len};
        p += len;
    }
    k->certs.n = certs->n;
    return k->certs_memory != NULL;
}

// The trustpoints of these names; those that are not there any more are passed over.
static bool find_trustpoints(struct pki_check *k, const char *const *name, unsigned n)
{
    size_t most = n > 0 ? n : k->set->trustpoints.n;
    k->trustpoint = calloc(most > 0 ? most : 1, sizeof(struct pki_trustpoint *));
    for (size_t i = 0; i < most && k->trustpoint != NULL; i++) {
        const struct pki_trustpoint *t = n > 0 ? pki_find(k->set, name[i]) : k->set->trustpoints.at[i];
        if (t != NULL) {
            k->trustpoint[k->verify.n_trustpoint++] = t;
        }
    }
    k->verify.trustpoint = k->trustpoint;
    return k->trustpoint != NULL;
}

struct pki_check *pki_check_start(struct pki *p, struct pki_set *set, const char *const *trustpoint, unsigned n,
                                  const struct ike_id *id, const struct ike_certs *certs, pki_done *done, void *arg)
{
    struct pki_check *k = p->n < PKI_CHECKS_MAX ? calloc(1, sizeof(*k)) : NULL;
    if (k == NULL) {
        return NULL;
    }
    k->set = pki_ref(set);
    k->done = done;
    k->arg = arg;
    k->waiter.fn = on_answer;
    k->waiter.arg = k;
    k->work.data = k;
    k->id = id == NULL ? NULL : ike_id_new(id->type, id->data, id->len);
    k->verify.id = k->id;
    k->verify.certs = &k->certs;
    if ((id != NULL && k->id == NULL) || !copy_certs(k, certs) || !find_trustpoints(k, trustpoint, n)) {
        check_free(k);
        return NULL;
    }
    k->working = !begin_known(p, k);
    if (k->working && uv_queue_work(p->loop, &k->work, on_work, on_worked) != 0) {
        check_free(k);
        return NULL;
    }
    k->p = p;
    k->deadline = uv_now(p->loop) + PKI_CHECK_MS;
    TAILQ_INSERT_TAIL(&p->checks, k, link);
    p->n++;
    p->counters.checks++;
    return k;
}

// ------------------------------------------------------------------------------------------------ the whole

static void on_timer(uv_timer_t *t)
{
    struct pki *p = t->data;
    struct pki_check *k = TAILQ_FIRST(&p->checks);
    while (k != NULL && k->deadline <= uv_now(p->loop)) {
        struct pki_check *next = TAILQ_NEXT(k, link);
        p->counters.timeouts++;
        finish(k, "the check of its revocation took too long");
        k = next;
    }
}

struct pki *pki_open(uv_loop_t *loop, struct log *log, const struct cache_limits *limits)
{
    enum { EVERY = 500 }; // milliseconds
    struct cache_limits own = limits == NULL ? cache_limits_default() : *limits;
    struct pki *p = must_alloc(sizeof(*p));
    p->loop = loop;
    p->log = log;
    p->cache = cache_new(loop, &own);
    TAILQ_INIT(&p->checks);
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    uv_timer_start(&p->timer, on_timer, EVERY, EVERY);
    uv_unref((uv_handle_t *)&p->timer);
    p->known = known_new(KNOWN_MAX);
    TAILQ_INIT(&p->ready);
    uv_idle_init(loop, &p->idle);
    p->idle.data = p;
    return p;
}

static void on_timer_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_idle_closed(uv_handle_t *h)
{
    struct pki *p = h->data;
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

void pki_close(struct pki *p)
{
    if (p == NULL) {
        return;
    }
    for (struct pki_check *k = TAILQ_FIRST(&p->checks), *next = NULL; k != NULL; k = next) {
        next = TAILQ_NEXT(k, link);
        retire(k);
    }
    cache_close(p->cache);
    p->cache = NULL;
    known_free(p->known);
    p->known = NULL;
    uv_close((uv_handle_t *)&p->idle, on_idle_closed);
}

void pki_abort(struct pki *p, const char *why)
{
    // Those that begin meanwhile are not meant.
    size_t n = p->n;
    for (struct pki_check *k = TAILQ_FIRST(&p->checks), *next = NULL; n > 0 && k != NULL; k = next, n--) {
        next = TAILQ_NEXT(k, link);
        finish(k, why);
    }
    known_clear(p->known);
}

const struct pki_counters *pki_counters(const struct pki *p)
{
    return &p->counters;
}

struct cache *pki_cache(struct pki *p)
{
    return p->cache;
}

size_t pki_checks(const struct pki *p)
{
    return p->n;
}
