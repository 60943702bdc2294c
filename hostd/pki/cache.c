// SPDX-License-Identifier: BSD-2-Clause
// A source is one URL for one issuer (CRL), one URL for one certificate (OCSP), or one URL for one hash. Its life:
// queued at its server, fetching, judging in a worker, then kept (ready or failed) until its time is over.
#include "hostd/pki/cache.h"

#include "hostd/pki/fetch.h"
#include "hostd/util/list.h"
#include "hostd/util/map.h"
#include "hostd/util/str.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum source_state { SOURCE_QUEUED, SOURCE_FETCHING, SOURCE_JUDGING, SOURCE_READY, SOURCE_FAILED };

struct server {
    char name[FETCH_SERVER_MAX];
    unsigned active;
    uint64_t dead_until; // loop's milliseconds
    TAILQ_HEAD(source_queue, source) queue;
    unsigned queued;
};

struct source {
    struct cache *cache; // NULL: gone while a worker judged
    struct server *server;
    uint64_t key;
    uint8_t digest[32];
    enum source_state state;
    bool ocsp, weak, no_nonce;
    bool named; // by `hash`
    uint8_t hash[CACHE_HASH];
    bool telling; // its waiters are being told: it stays
    char url[FETCH_URL_MAX];
    X509 *cert, *issuer;
    OCSP_REQUEST *asked;
    struct fetch *fetch;
    uv_work_t work;
    uint8_t *body;
    size_t len;
    X509_CRL *crl;
    enum revoke_verdict verdict;
    char why[REVOKE_WHY];
    int64_t next;   // what it says itself, seconds since 1970
    uint64_t until; // loop's milliseconds
    TAILQ_HEAD(source_waiters, cache_waiter) waiters;
    TAILQ_ENTRY(source) link, queue_link;
};

struct cache {
    uv_loop_t *loop;
    struct cache_limits limits;
    struct cache_counters counters;
    struct map by_key;
    TAILQ_HEAD(source_list, source) all; // oldest first
    size_t n, bytes;
    struct list servers;
    unsigned active;
};

struct cache_limits cache_limits_default(void)
{
    return (struct cache_limits){
        .connect_ms = 3000,
        .total_ms = 8000,
        .failed_ms = 30000,
        .dead_ms = 15000,
        .oldest_s = 86400,
        .unsaid_s = 60,
        .crl_size = 8 << 20,
        .ocsp_size = 64 << 10,
        .cert_size = 32 << 10,
        .entries = 4096,
        .bytes = 64 << 20,
        .per_server = 8,
        .fetches = 32,
        .queue = 4096,
    };
}

static uint64_t now_ms(const struct cache *c)
{
    return uv_now(c->loop);
}

// ------------------------------------------------------------------------------------------------ life of a source

static void source_free(struct source *s)
{
    X509_free(s->cert);
    X509_free(s->issuer);
    OCSP_REQUEST_free(s->asked);
    X509_CRL_free(s->crl);
    free(s->body);
    free(s);
}

// Take it out. Its waiters must have been told.
static void drop(struct cache *c, struct source *s)
{
    map_del(&c->by_key, s->key);
    TAILQ_REMOVE(&c->all, s, link);
    c->n--;
    c->bytes -= s->len;
    if (s->state == SOURCE_JUDGING) {
        s->cache = NULL; // the worker's end frees it
        return;
    }
    source_free(s);
}

static bool at_work(const struct source *s)
{
    return s->state <= SOURCE_JUDGING;
}

static void make_room(struct cache *c)
{
    struct source *s = TAILQ_FIRST(&c->all);
    while (s != NULL && (c->n > c->limits.entries || c->bytes > c->limits.bytes)) {
        struct source *next = TAILQ_NEXT(s, link);
        if (!at_work(s) && !s->telling && next != NULL) { // never the youngest: somebody has just asked for it
            drop(c, s);
        }
        s = next;
    }
}

static enum revoke_verdict says(const struct source *s, X509 *cert, char why[REVOKE_WHY])
{
    if (s->state == SOURCE_READY && !s->ocsp && !s->named) {
        return revoke_crl_says(s->crl, cert, (int64_t)time(NULL), why);
    }
    str_copy(why, REVOKE_WHY, s->why);
    return s->state == SOURCE_READY ? s->verdict : REVOKE_NO_ANSWER;
}

// It is known now, or will not be. Those who wait are told.
static void settle(struct cache *c, struct source *s, bool ready)
{
    struct cache_waiter *w;
    uint64_t keep = c->limits.failed_ms;
    if (ready) {
        int64_t left = s->next == 0 ? (int64_t)c->limits.unsaid_s : s->next - (int64_t)time(NULL);
        left = left < 1 ? 1 : left;
        keep = 1000U * (uint64_t)(left < (int64_t)c->limits.oldest_s ? left : (int64_t)c->limits.oldest_s);
    }
    s->state = ready ? SOURCE_READY : SOURCE_FAILED;
    s->until = now_ms(c) + keep;
    c->counters.judged_bad += !ready && s->len > 0;
    if (!ready) {
        c->bytes -= s->len;
        s->len = 0;
    }
    if (!ready || !s->named) {
        free(s->body);
        s->body = NULL;
    }
    s->telling = true;
    while ((w = TAILQ_FIRST(&s->waiters)) != NULL) {
        char why[REVOKE_WHY] = "";
        TAILQ_REMOVE(&s->waiters, w, link);
        w->on = NULL;
        enum revoke_verdict v = says(s, w->cert, why);
        w->fn(w->arg, v, why);
    }
    s->telling = false;
    make_room(c);
}

// ------------------------------------------------------------------------------------------------ fetching

static void kick(struct cache *c);

static void judge_run(uv_work_t *work)
{
    struct source *s = work->data;
    int64_t now = (int64_t)time(NULL);
    const char *why = "";
    if (s->named) {
        uint8_t hash[CACHE_HASH];
        bool same =
            EVP_Digest(s->body, s->len, hash, NULL, EVP_sha1(), NULL) == 1 && memcmp(hash, s->hash, sizeof(hash)) == 0;
        s->verdict = same ? REVOKE_GOOD : REVOKE_NO_ANSWER;
        s->next = INT64_MAX; // it cannot change
        str_copy(s->why, sizeof(s->why), same ? "" : "what is there has another hash");
    } else if (s->ocsp) {
        s->verdict = revoke_ocsp_says(s->body, s->len, s->asked, s->cert, s->issuer, s->weak, &s->next, s->why);
    } else {
        s->crl = revoke_crl(s->body, s->len, s->issuer, s->weak, now, &s->next, &why);
        s->verdict = s->crl == NULL ? REVOKE_NO_ANSWER : REVOKE_GOOD;
        str_copy(s->why, sizeof(s->why), s->crl == NULL ? why : "");
    }
}

static void judge_done(uv_work_t *work, int status)
{
    struct source *s = work->data;
    if (s->cache == NULL) {
        source_free(s);
        return;
    }
    settle(s->cache, s, status == 0 && s->verdict != REVOKE_NO_ANSWER);
}

// A server that did not answer at all: those who wait for their turn with it need not wait.
static void server_died(struct cache *c, struct server *v, const char *why)
{
    struct source *s;
    v->dead_until = now_ms(c) + c->limits.dead_ms;
    while ((s = TAILQ_FIRST(&v->queue)) != NULL) {
        TAILQ_REMOVE(&v->queue, s, queue_link);
        v->queued--;
        str_copy(s->why, sizeof(s->why), why);
        settle(c, s, false);
    }
}

static void on_fetched(void *arg, const struct fetch_result *r)
{
    struct source *s = arg;
    struct cache *c = s->cache;
    struct server *v = s->server;
    s->fetch = NULL;
    c->active--;
    v->active--;
    c->counters.fetch_failures += r->error != NULL;
    s->body = r->error == NULL && r->len > 0 ? malloc(r->len) : NULL;
    if (s->body != NULL) {
        memcpy(s->body, r->body, r->len);
        s->len = r->len;
        c->bytes += r->len;
        s->state = SOURCE_JUDGING;
        s->work.data = s;
        if (uv_queue_work(c->loop, &s->work, judge_run, judge_done) != 0) {
            str_copy(s->why, sizeof(s->why), "no work can be queued");
            settle(c, s, false);
        }
    } else {
        str_copy(s->why, sizeof(s->why), r->error != NULL ? r->error : "the answer is empty");
        if (r->unreachable) {
            server_died(c, v, s->why);
        }
        settle(c, s, false);
    }
    kick(c);
}

// false: s->why.
static bool fetch_now(struct cache *c, struct source *s)
{
    uint8_t *der = NULL;
    size_t len = 0;
    const char *why = "out of memory";
    struct fetch_request q = {
        .url = s->url,
        .connect_ms = c->limits.connect_ms,
        .total_ms = c->limits.total_ms,
        .max_size = s->named  ? c->limits.cert_size
                    : s->ocsp ? c->limits.ocsp_size
                              : c->limits.crl_size,
    };
    if (s->ocsp) {
        s->asked = revoke_ocsp_ask(s->cert, s->issuer, !s->no_nonce, &der, &len);
        q.content_type = "application/ocsp-request";
        q.body = der;
        q.body_len = len;
    }
    s->fetch = s->ocsp && s->asked == NULL ? NULL : fetch_start(c->loop, &q, on_fetched, s, &why);
    OPENSSL_free(der);
    if (s->fetch == NULL) {
        str_copy(s->why, sizeof(s->why), why);
        return false;
    }
    s->state = SOURCE_FETCHING;
    s->server->active++;
    c->active++;
    c->counters.fetches++;
    return true;
}

// Begin what may begin, one of each server in turn.
static void kick(struct cache *c)
{
    bool more = true;
    while (more && c->active < c->limits.fetches) {
        more = false;
        for (size_t i = 0; i < c->servers.n && c->active < c->limits.fetches; i++) {
            struct server *v = c->servers.at[i];
            struct source *s = TAILQ_FIRST(&v->queue);
            if (s == NULL || v->active >= c->limits.per_server) {
                continue;
            }
            TAILQ_REMOVE(&v->queue, s, queue_link);
            v->queued--;
            more = true;
            if (!fetch_now(c, s)) {
                settle(c, s, false);
            }
        }
    }
}

// ------------------------------------------------------------------------------------------------ asking

static struct server *server_of(struct cache *c, const char *url)
{
    enum { SERVERS = 256 };
    char name[FETCH_SERVER_MAX];
    if (!fetch_server(url, name, sizeof(name))) {
        return NULL;
    }
    for (size_t i = 0; i < c->servers.n; i++) {
        struct server *v = c->servers.at[i];
        if (strcmp(v->name, name) == 0) {
            return v;
        }
    }
    struct server *v = c->servers.n < SERVERS ? calloc(1, sizeof(*v)) : NULL;
    if (v == NULL || !list_add(&c->servers, v)) {
        free(v);
        return NULL;
    }
    str_copy(v->name, sizeof(v->name), name);
    TAILQ_INIT(&v->queue);
    return v;
}

static bool digest_of(const struct cache_ask *q, uint8_t out[32])
{
    EVP_MD_CTX *m = EVP_MD_CTX_new();
    uint8_t one[EVP_MAX_MD_SIZE], kind[4] = {q->ocsp, q->weak, q->no_nonce, q->hash != NULL};
    unsigned len = 0;
    bool ok = m != NULL && EVP_DigestInit_ex(m, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(m, kind, sizeof(kind)) == 1 && EVP_DigestUpdate(m, q->url, strlen(q->url) + 1) == 1;
    if (ok && q->hash != NULL) {
        ok = EVP_DigestUpdate(m, q->hash, CACHE_HASH) == 1;
    } else if (ok) {
        ok = X509_digest(q->issuer, EVP_sha256(), one, &len) == 1 && EVP_DigestUpdate(m, one, len) == 1;
    }
    if (ok && q->ocsp) {
        ok = X509_digest(q->cert, EVP_sha256(), one, &len) == 1 && EVP_DigestUpdate(m, one, len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(m, out, NULL) == 1;
    EVP_MD_CTX_free(m);
    return ok;
}

static struct source *source_new(struct cache *c, const struct cache_ask *q, struct server *v, const uint8_t digest[32])
{
    struct source *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    s->cache = c;
    s->server = v;
    memcpy(s->digest, digest, sizeof(s->digest));
    memcpy(&s->key, digest, sizeof(s->key));
    s->ocsp = q->ocsp;
    s->weak = q->weak;
    s->no_nonce = q->no_nonce;
    TAILQ_INIT(&s->waiters);
    if (q->hash != NULL) {
        s->named = true;
        memcpy(s->hash, q->hash, sizeof(s->hash));
    } else {
        X509_up_ref(q->issuer);
        s->issuer = q->issuer;
        X509_up_ref(q->cert);
        s->cert = q->cert;
    }
    if (!str_copy(s->url, sizeof(s->url), q->url) || !map_set(&c->by_key, s->key, s)) {
        source_free(s);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&c->all, s, link);
    c->n++;
    make_room(c);
    return s;
}

static bool refuse(struct cache *c, const char *reason, enum revoke_verdict *verdict, char why[REVOKE_WHY])
{
    c->counters.refused++;
    str_copy(why, REVOKE_WHY, reason);
    *verdict = REVOKE_NO_ANSWER;
    return true;
}

static bool wait_for(struct source *s, const struct cache_ask *q, struct cache_waiter *w)
{
    w->cert = q->cert;
    w->on = s;
    TAILQ_INSERT_TAIL(&s->waiters, w, link);
    return false;
}

bool cache_ask(struct cache *c, const struct cache_ask *q, struct cache_waiter *w, enum revoke_verdict *verdict,
               char why[REVOKE_WHY])
{
    uint8_t digest[32];
    uint64_t key;
    why[0] = '\0';
    if (!digest_of(q, digest)) {
        return refuse(c, "out of memory", verdict, why);
    }
    memcpy(&key, digest, sizeof(key));
    struct source *s = map_get(&c->by_key, key);
    if (s != NULL && memcmp(s->digest, digest, sizeof(digest)) != 0) {
        return refuse(c, "two sources have the same key", verdict, why);
    }
    if (s != NULL && at_work(s)) {
        c->counters.shared++;
        return wait_for(s, q, w);
    }
    if (s != NULL && (s->telling || now_ms(c) < s->until)) {
        c->counters.hits++;
        *verdict = says(s, q->cert, why);
        return true;
    }
    if (s != NULL) {
        drop(c, s);
    }
    struct server *v = server_of(c, q->url);
    if (v == NULL) {
        return refuse(c, "not a URL of HTTP, or too many servers", verdict, why);
    }
    if (now_ms(c) < v->dead_until) {
        return refuse(c, "the server did not answer a moment ago", verdict, why);
    }
    if (v->queued >= c->limits.queue) {
        return refuse(c, "too many wait for the server", verdict, why);
    }
    s = source_new(c, q, v, digest);
    if (s == NULL) {
        return refuse(c, "out of memory, or the URL is too long", verdict, why);
    }
    if (v->active >= c->limits.per_server || c->active >= c->limits.fetches) {
        TAILQ_INSERT_TAIL(&v->queue, s, queue_link);
        v->queued++;
    } else if (!fetch_now(c, s)) {
        s->state = SOURCE_FAILED;
        s->until = now_ms(c) + c->limits.failed_ms;
        return refuse(c, s->why, verdict, why);
    }
    return wait_for(s, q, w);
}

const uint8_t *cache_content(struct cache *c, const struct cache_ask *q, size_t *len)
{
    uint8_t digest[32];
    uint64_t key;
    if (!digest_of(q, digest)) {
        return NULL;
    }
    memcpy(&key, digest, sizeof(key));
    const struct source *s = map_get(&c->by_key, key);
    if (s == NULL || s->state != SOURCE_READY || !s->named || memcmp(s->digest, digest, sizeof(digest)) != 0) {
        return NULL;
    }
    *len = s->len;
    return s->body;
}

void cache_forget(struct cache *c, struct cache_waiter *w)
{
    (void)c;
    if (w->on != NULL) {
        TAILQ_REMOVE(&w->on->waiters, w, link);
        w->on = NULL; // its source goes on: others may ask for it
    }
}

// ------------------------------------------------------------------------------------------------ the whole

struct cache *cache_new(uv_loop_t *loop, const struct cache_limits *limits)
{
    struct cache *c = must_alloc(sizeof(*c));
    c->loop = loop;
    c->limits = *limits;
    TAILQ_INIT(&c->all);
    return c;
}

void cache_close(struct cache *c)
{
    struct source *s;
    if (c == NULL) {
        return;
    }
    while ((s = TAILQ_FIRST(&c->all)) != NULL) {
        struct cache_waiter *w;
        while ((w = TAILQ_FIRST(&s->waiters)) != NULL) {
            cache_forget(c, w);
            if (w->closed != NULL) {
                w->closed(w->arg);
            }
        }
        if (s->state == SOURCE_FETCHING) {
            fetch_cancel(s->fetch);
        }
        drop(c, s);
    }
    map_free(&c->by_key);
    list_free_all(&c->servers);
    free(c);
}

size_t cache_clear(struct cache *c)
{
    size_t n = 0;
    struct source *s = TAILQ_FIRST(&c->all);
    while (s != NULL) {
        struct source *next = TAILQ_NEXT(s, link);
        if (!at_work(s) && !s->telling) {
            drop(c, s);
            n++;
        }
        s = next;
    }
    for (size_t i = 0; i < c->servers.n; i++) {
        ((struct server *)c->servers.at[i])->dead_until = 0;
    }
    return n;
}

const struct cache_counters *cache_counters(const struct cache *c)
{
    return &c->counters;
}

void cache_show(const struct cache *c, void (*fn)(void *arg, const struct cache_entry *e), void *arg)
{
    static const char *const states[] = {"queued", "fetching", "judging", "valid", "failed"};
    for (const struct source *s = TAILQ_FIRST(&c->all); s != NULL; s = TAILQ_NEXT(s, link)) {
        struct cache_entry e = {.ocsp = s->ocsp,
                                .hash = s->named ? s->hash : NULL,
                                .url = s->url,
                                .state = states[s->state],
                                .why = s->why,
                                .issuer = s->issuer,
                                .cert = s->cert,
                                .crl = s->crl};
        uint64_t now = now_ms(c);
        if (s->state == SOURCE_JUDGING) {
            e.crl = NULL; // a worker's just now
            e.why = "";
        } else if (!at_work(s)) {
            e.seconds = s->until > now ? (int64_t)((s->until - now) / 1000) : 0;
        }
        for (const struct cache_waiter *w = TAILQ_FIRST(&s->waiters); w != NULL; w = TAILQ_NEXT(w, link)) {
            e.waiting++;
        }
        fn(arg, &e);
    }
}
