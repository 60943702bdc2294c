// SPDX-License-Identifier: BSD-2-Clause
// The IKE machine's questions about a peer's certificates: what is at a URL, put to the cache of servers' answers;
// whether they are good, put to the trustpoints of the profile in use.
#include "hostd/main/daemon.h"
#include "hostd/pki/cert.h"

#include <stdlib.h>

struct asked {
    struct culvertd *d;
    uint64_t token;
    uv_timer_t later; // for a refusal, which must not come from within the question
    const char *why;
};

static void answer(const struct asked *q, EVP_PKEY *key, const char *why)
{
    struct culvertd *d = q->d;
    if (d->ike == NULL) {
        EVP_PKEY_free(key);
        return;
    }
    ike_cert_answer(d->ike, q->token, key, why, daemon_now(d));
    glue_rearm(d);
}

static void on_done(void *arg, EVP_PKEY *key, const char *why)
{
    struct asked *q = arg;
    answer(q, key, why);
    free(q);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

static void on_later(uv_timer_t *t)
{
    const struct asked *q = t->data;
    answer(q, NULL, q->why);
    uv_close((uv_handle_t *)t, on_closed);
}

void glue_cert_check(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                     const struct ike_certs *certs)
{
    struct culvertd *d = ctx;
    const struct conf_profile *c = profiles_conf(&d->profiles, p);
    const char *name[CONF_TRUSTPOINTS];
    unsigned n = 0;
    for (unsigned i = 0; c != NULL && i < c->n_trustpoint; i++) {
        if (c->trustpoint[i].verify) {
            name[n++] = c->trustpoint[i].ref.name;
        }
    }
    struct asked *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        log_write(&d->log, LOG_ERR, "pki", "no memory for a check: the peer will time out");
        return;
    }
    q->d = d;
    q->token = token;
    const char *wrong = c == NULL || certs->n == 0 ? NULL : profiles_cert_refused(c, &certs->cert[0]);
    q->why = n == 0          ? "the profile has no trustpoint to verify it with"
             : wrong != NULL ? wrong
                             : "too many certificates are being checked";
    // No names would mean all trustpoints.
    if (n > 0 && wrong == NULL && d->pki != NULL &&
        pki_check_start(d->pki, d->trust, name, n, id, certs, on_done, q) != NULL) {
        return;
    }
    uv_timer_init(&d->loop, &q->later);
    q->later.data = q;
    uv_timer_start(&q->later, on_later, 0, 0);
}

// ------------------------------------------------------------------------------------------------ by URL

struct lookup {
    struct culvertd *d;
    uint64_t token;
    struct ike_cert_url u;
    struct cache_waiter waiter;
};

static void on_looked_up(void *arg, enum revoke_verdict verdict, const char *why)
{
    struct lookup *q = arg;
    struct culvertd *d = q->d;
    const struct cache_ask ask = {.url = q->u.url, .hash = q->u.hash};
    struct ike_certs certs = {.n = 1};
    size_t len = 0;
    const uint8_t *p = verdict == REVOKE_GOOD ? cache_content(pki_cache(d->pki), &ask, &len) : NULL;
    certs.cert[0] = (struct ike_cert){p, len};
    if (p != NULL && q->u.bundle && !cert_bundle(p, len, &certs)) {
        p = NULL;
        why = "what is there is no bundle of certificates";
    }
    if (d->ike != NULL) {
        ike_cert_url_answer(d->ike, q->token, p != NULL ? &certs : NULL, why, daemon_now(d));
        glue_rearm(d);
    }
    free(q);
}

void glue_cert_fetch(void *ctx, uint64_t token, const struct ike_cert_url *u)
{
    struct culvertd *d = ctx;
    struct lookup *q = d->pki == NULL ? NULL : calloc(1, sizeof(*q));
    enum revoke_verdict verdict;
    char why[REVOKE_WHY];
    if (q == NULL) {
        ike_cert_url_answer(d->ike, token, NULL, "no memory", daemon_now(d));
        return;
    }
    q->d = d;
    q->token = token;
    q->u = *u;
    q->waiter = (struct cache_waiter){.fn = on_looked_up, .closed = free, .arg = q};
    const struct cache_ask ask = {.url = q->u.url, .hash = q->u.hash};
    if (cache_ask(pki_cache(d->pki), &ask, &q->waiter, &verdict, why)) {
        on_looked_up(q, verdict, why);
    }
}
