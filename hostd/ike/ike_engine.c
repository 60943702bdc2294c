// SPDX-License-Identifier: BSD-2-Clause
// The engine: life cycle, where messages come in, timers, logging, memory.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>

void *ike_zalloc(struct ike_engine *e, size_t size)
{
    void *p = e->ops->alloc ? e->ops->alloc(e->ctx, size) : calloc(1, size);
    if (p == NULL)
        e->stats.out_of_memory++;
    return p;
}

void *ike_copy(struct ike_engine *e, const void *data, size_t len)
{
    void *p = data && len ? ike_zalloc(e, len) : NULL;
    if (p)
        memcpy(p, data, len);
    return p;
}

bool ike_random(struct ike_engine *e, void *out, size_t len)
{
    if (e->ops->random)
        return e->ops->random(e->ctx, out, len);
    if (len > sizeof(e->random))
        return RAND_priv_bytes(out, (int)len) == 1;
    if (len > e->n_random) {
        if (RAND_priv_bytes(e->random, sizeof(e->random)) != 1)
            return false;
        e->n_random = sizeof(e->random);
    }
    e->n_random -= len;
    memcpy(out, e->random + e->n_random, len);
    OPENSSL_cleanse(e->random + e->n_random, len);
    return true;
}

uint8_t *ike_new_nonce(struct ike_engine *e)
{
    uint8_t *n = ike_zalloc(e, IKE_NONCE_LEN);
    if (n && !ike_random(e, n, IKE_NONCE_LEN)) {
        free(n);
        n = NULL;
    }
    return n;
}

uint8_t ike_jitter(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    uint8_t jitter = 0;
    if (e->ops->jitter)
        return e->ops->jitter(e->ctx, sa->session);
    (void)ike_random(e, &jitter, sizeof(jitter));
    return jitter;
}

static bool log_wanted(const struct ike_engine *e, enum ike_log_level level)
{
    return e->ops->log && (e->ops->log_wanted == NULL || e->ops->log_wanted(e->ctx, level));
}

void ike_log(struct ike_engine *e, enum ike_log_level level, const struct ike_path *path, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    if (!log_wanted(e, level))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    e->ops->log(e->ctx, level, path, text);
}

void ike_sa_log(struct ike_sa *sa, enum ike_log_level level, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    if (!log_wanted(sa->e, level))
        return;
    const int n = snprintf(text, sizeof(text), "session %u: ", sa->session);
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
    va_end(ap);
    sa->e->ops->log(sa->e->ctx, level, &sa->path, text);
}

uint64_t ike_hash(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *p = data;
    uint64_t h = seed ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

void ike_timer_start(struct ike_engine *e, struct ike_timer *t, uint64_t delay)
{
    ike_heap_start(&e->timers, t, e->now + delay);
}

void ike_enter(struct ike_engine *e, uint64_t now)
{
    e->depth++;
    if (now > e->now)
        e->now = now;
}

void ike_leave(struct ike_engine *e)
{
    if (e->depth == 1)
        ike_window_run(e);
    while (e->depth == 1 && e->dead) {
        struct ike_sa *sa = e->dead;
        e->dead = sa->next_dead;
        ike_sa_free(sa);
    }
    e->depth--;
}

// Zero means the default.
static void fill_limits(struct ike_limits *l)
{
    const struct ike_limits d = ike_limits_default();
    l->max_sas = l->max_sas ? l->max_sas : d.max_sas;
    l->max_half_open = l->max_half_open ? l->max_half_open : d.max_half_open;
    l->max_half_open_peer = l->max_half_open_peer ? l->max_half_open_peer : d.max_half_open_peer;
    l->max_unauth_bytes = l->max_unauth_bytes ? l->max_unauth_bytes : d.max_unauth_bytes;
    l->cookie_threshold = l->cookie_threshold ? l->cookie_threshold : d.cookie_threshold;
    l->half_open_s = l->half_open_s ? l->half_open_s : d.half_open_s;
    l->max_children = l->max_children ? l->max_children : d.max_children;
    l->port = l->port ? l->port : d.port;
    l->port_natt = l->port_natt ? l->port_natt : d.port_natt;
}

void ike_set_limits(struct ike_engine *e, const struct ike_limits *limits)
{
    memset(&e->limits, 0, sizeof(e->limits));
    if (limits)
        e->limits = *limits;
    fill_limits(&e->limits);
}

struct ike_engine *ike_new(const struct ike_ops *ops, void *ctx, const struct ike_limits *limits)
{
    struct ike_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->ops = ops;
    e->ctx = ctx;
    ike_set_limits(e, limits);
    e->crypto = ike_crypto_new();
    e->plain = malloc(IKE_MAX_MESSAGE);
    e->chain = malloc(IKE_MAX_MESSAGE);
    e->wire = malloc(IKE_MAX_MESSAGE);
    struct ike_table *const tables[] = {&e->by_spi,   &e->by_session, &e->by_init,     &e->by_peer,
                                        &e->by_id,    &e->half_peers, &e->child_by_id, &e->child_by_spi,
                                        &e->by_token, &e->by_used,    &e->by_held,     &e->by_lookup};
    bool ok = e->crypto && e->plain && e->chain && e->wire;
    for (size_t i = 0; ok && i < sizeof(tables) / sizeof(tables[0]); i++)
        ok = RAND_bytes((uint8_t *)&tables[i]->secret, sizeof(tables[i]->secret)) == 1;
    if (!ok) {
        ike_free(e);
        return NULL;
    }
    return e;
}

void ike_free(struct ike_engine *e)
{
    if (e == NULL)
        return;
    e->depth++; // no reaping in between
    for (struct ike_sa *sa = e->sas; sa; sa = sa->next) {
        if (sa->state != IKE_S_DEAD)
            ike_sa_close(sa, IKE_R_SHUTDOWN, false);
    }
    e->depth--;
    while (e->sas)
        ike_sa_free(e->sas);
    ike_resume_close(e);
    struct ike_table *const tables[] = {&e->by_spi,   &e->by_session, &e->by_init,     &e->by_peer,
                                        &e->by_id,    &e->half_peers, &e->child_by_id, &e->child_by_spi,
                                        &e->by_token, &e->by_used,    &e->by_held,     &e->by_lookup};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        ike_table_clear(tables[i]);
    ike_heap_clear(&e->timers);
    ike_crypto_free(e->crypto);
    OPENSSL_cleanse(e->cookie_secret, sizeof(e->cookie_secret));
    OPENSSL_cleanse(e->random, sizeof(e->random));
    if (e->plain)
        OPENSSL_cleanse(e->plain, IKE_MAX_MESSAGE);
    if (e->chain)
        OPENSSL_cleanse(e->chain, IKE_MAX_MESSAGE);
    free(e->plain);
    free(e->chain);
    free(e->wire);
    free(e);
}

// The header of a message that no SA has seen yet; false: dropped.
static bool check_header(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, size_t len)
{
    if (h->length != len) {
        e->stats.bad_length++;
        ike_log(e, IKE_LOG_DROP, path, "dropped a message that says %u bytes and has %zu", h->length, len);
        return false;
    }
    if (h->version >> 4 != IKE_VERSION >> 4) {
        e->stats.bad_version++;
        ike_log(e, IKE_LOG_DROP, path, "dropped a message of major version %u", h->version >> 4);
        if (h->version >> 4 > IKE_VERSION >> 4 && !(h->flags & IKE_F_RESPONSE))
            ike_send_bare_notify(e, path, h, h->spi_r, IKE_N_INVALID_MAJOR, NULL, 0);
        return false;
    }
    // A lone INVALID_SPI may have no SPIs (1.5).
    if (h->exchange < IKE_X_SA_INIT || h->exchange > IKE_X_SESSION_RESUME ||
        (h->spi_i == 0 && h->exchange != IKE_X_INFORMATIONAL)) {
        e->stats.bad_exchange++;
        ike_log(e, IKE_LOG_DROP, path, "dropped a message of exchange type %u", h->exchange);
        return false;
    }
    return true;
}

// A message for an SA that we do not have (any more).
static void unknown_spi(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h)
{
    e->stats.bad_spi++;
    ike_log(e, IKE_LOG_FAULT, path, "%s for an unknown IKE SPI", ike_name(IKE_NAMES_EXCHANGE, h->exchange));
    if (h->flags & IKE_F_RESPONSE || e->now < e->spi_notify_at)
        return;
    e->spi_notify_at = e->now + IKE_SECOND / 10;
    ike_send_bare_notify(e, path, h, h->spi_r, IKE_N_INVALID_IKE_SPI, NULL, 0);
}

// A first message with the header of a later one.
static void not_first(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h)
{
    e->stats.bad_exchange++;
    ike_log(e, IKE_LOG_FAULT, path, "dropped %s that is no first message", ike_name(IKE_NAMES_EXCHANGE, h->exchange));
}

static void dispatch(struct ike_engine *e, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct ike_header h;
    e->stats.in_messages++;
    if (!ike_header_decode(msg, len, &h)) {
        e->stats.bad_length++;
        ike_log(e, IKE_LOG_DROP, path, "dropped a message of %zu bytes, shorter than a header", len);
        return;
    }
    if (!check_header(e, path, &h, len))
        return;
    const bool response = h.flags & IKE_F_RESPONSE;
    if (h.exchange == IKE_X_SESSION_RESUME && !response) {
        if (h.spi_r == 0 && h.mid == 0 && h.flags & IKE_F_INITIATOR)
            ike_resume_request(e, path, &h, msg, len);
        else
            not_first(e, path, &h);
        return;
    }
    if (h.exchange == IKE_X_SA_INIT && !response) {
        if (h.spi_r == 0 && h.mid == 0 && h.flags & IKE_F_INITIATOR)
            ike_init_request(e, path, &h, msg, len);
        else
            not_first(e, path, &h);
        return;
    }
    const uint64_t local = h.flags & IKE_F_INITIATOR ? h.spi_r : h.spi_i;
    const uint64_t remote = h.flags & IKE_F_INITIATOR ? h.spi_i : h.spi_r;
    struct ike_sa *sa = local ? ike_sa_by_spi(e, local) : NULL;
    if (sa == NULL || sa->initiator == !!(h.flags & IKE_F_INITIATOR)) {
        if (!ike_notice_bare(e, path, &h, msg, len))
            unknown_spi(e, path, &h);
        return;
    }
    if (h.exchange == IKE_X_SA_INIT) {
        ike_init_response(sa, path, &h, msg, len);
        return;
    }
    if (h.exchange == IKE_X_SESSION_RESUME) {
        ike_resume_response(sa, path, &h, msg, len);
        return;
    }
    if (remote != ike_remote_spi(sa)) {
        unknown_spi(e, path, &h);
        return;
    }
    ike_protected_input(sa, path, &h, msg, len);
}

void ike_input(struct ike_engine *e, const struct ike_path *path, const uint8_t *msg, size_t len, uint64_t now)
{
    ike_enter(e, now);
    dispatch(e, path, msg, len);
    ike_leave(e);
}

uint64_t ike_next_timer(const struct ike_engine *e)
{
    return e->timers.count ? e->timers.t[1]->at : UINT64_MAX;
}

void ike_run_timers(struct ike_engine *e, uint64_t now)
{
    struct ike_timer *t;
    ike_enter(e, now);
    while ((t = ike_heap_due(&e->timers, e->now)) != NULL) {
        switch ((enum ike_timer_kind)t->kind) {
        case IKE_TM_QUEUE:
            ike_task_run(t->owner);
            break;
        case IKE_TM_TASK:
            ike_retrans_timer(t->owner);
            break;
        case IKE_TM_LIFE:
            ike_sa_life_timer(t->owner);
            break;
        case IKE_TM_DPD:
            ike_dpd_timer(t->owner);
            break;
        case IKE_TM_KEEPALIVE:
            ike_nat_keepalive(t->owner);
            break;
        case IKE_TM_CHILD:
            ike_child_timer(t->owner);
            break;
        }
    }
    ike_leave(e);
}

const struct ike_stats *ike_stats(const struct ike_engine *e)
{
    return &e->stats;
}

void ike_unauth_bytes(const struct ike_engine *e, uint64_t *held, uint64_t *bound)
{
    *held = e->unauth_bytes;
    *bound = e->limits.max_unauth_bytes;
}

void ike_counts(const struct ike_engine *e, uint32_t *sas, uint32_t *half_open, uint32_t *children)
{
    *sas = e->n_sas;
    *half_open = e->n_half_open;
    *children = e->n_children;
}
