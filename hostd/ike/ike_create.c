// SPDX-License-Identifier: BSD-2-Clause
// CREATE_CHILD_SA (RFC 7296 1.3) for new and rekeyed CHILD SAs, both roles; the rekey of the IKE SA is in ike_rekey.c.
//   HDR, SK {[N(REKEY_SA)], SA, Ni, [KEi], TSi, TSr}  -->
//                                <--  HDR, SK {SA, Nr, [KEr], TSi, TSr}
// Collisions: RFC 7296 2.8.1 and 2.25.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

int ike_nonce_cmp(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    const int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return c ? c : (a_len > b_len) - (a_len < b_len);
}

void ike_request_free(struct ike_sa *sa)
{
    struct ike_request *r = sa->req;
    if (r == NULL)
        return;
    sa->req = NULL;
    struct ike_sa *made = r->sa ? ike_sa_by_spi(sa->e, r->sa) : NULL;
    if (made && made->state == IKE_S_NEW)
        ike_sa_close(made, IKE_R_RESOURCES, false);
    free(r->nonce);
    OPENSSL_cleanse(r, sizeof(*r));
    free(r);
}

// ---------------------------------------------------------------------------------------------- initiator

static void give_up(struct ike_sa *sa, enum ike_reason why, uint16_t notify)
{
    struct ike_task *t = sa->task;
    struct ike_child *made = t->made ? ike_child_by_id(sa->e, t->made) : NULL;
    struct ike_child *old = t->child ? ike_child_by_id(sa->e, t->child) : NULL;
    if (made)
        ike_child_drop(made, why);
    if (t->kind == IKE_TASK_REKEY_IKE) {
        ike_rekey_failed(sa, notify);
        return;
    }
    if (old && old->state == IKE_C_UP) { // again later, while it lives
        old->pub.rekey_at = sa->e->now + (uint64_t)IKE_T_CHILD_RETRY * IKE_SECOND;
        old->soft_done = false;
        ike_heap_start(&sa->e->timers, &old->timer, old->pub.rekey_at);
    }
    ike_child_failed(sa, why, notify);
    ike_task_finish(sa);
}

// The selectors of the request: those of the child that is rekeyed, the caller's, or the profile's.
static void request_ts(struct ike_sa *sa, struct ike_ts *local, size_t *n_local, struct ike_ts *remote,
                       size_t *n_remote)
{
    const struct ike_task *t = sa->task;
    const struct ike_child *old = t->child ? ike_child_by_id(sa->e, t->child) : NULL;
    const struct ike_ts *l = old ? old->pub.ts_local : t->ts;
    const struct ike_ts *r = old ? old->pub.ts_remote : t->ts ? t->ts + t->n_local : NULL;
    if (l == NULL) {
        ike_child_our_ts(sa, true, local, n_local, remote, n_remote);
        return;
    }
    *n_local = old ? old->pub.n_ts_local : t->n_local;
    *n_remote = old ? old->pub.n_ts_remote : t->n_remote;
    memcpy(local, l, *n_local * sizeof(*l));
    memcpy(remote, r, *n_remote * sizeof(*r));
}

static void put_child_request(struct ike_sa *sa, struct ike_build *b, const struct ike_child *c)
{
    const struct ike_task *t = sa->task;
    const struct ike_child *old = t->child ? ike_child_by_id(sa->e, t->child) : NULL;
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS];
    size_t n_local, n_remote;
    uint8_t spi[4];
    struct wbuf w;
    if (old) {
        wbuf_init(&w, spi, sizeof(spi));
        wbuf_u32(&w, old->pub.spi_in);
        ike_put_notify_spi(b, IKE_N_REKEY_SA, IKE_PROTO_ESP, spi, sizeof(spi), NULL, 0);
    }
    if (sa->profile->transport)
        ike_put_notify(b, IKE_N_TRANSPORT_MODE, NULL, 0);
    wbuf_init(&w, spi, sizeof(spi));
    wbuf_u32(&w, c->pub.spi_in);
    const bool no_esn = t->no_esn || (old && !old->pub.suite.esn);
    ike_put_offer(b, esp, ike_child_proposals(sa, no_esn, esp), IKE_PROTO_ESP, spi, sizeof(spi), false);
    ike_put_raw(b, IKE_P_NONCE, t->nonce, sizeof(t->nonce));
    if (t->group)
        ike_put_ke(b, t->group, t->ke, t->ke_len);
    request_ts(sa, local, &n_local, remote, &n_remote);
    ike_put_ts(b, IKE_P_TSI, local, n_local);
    ike_put_ts(b, IKE_P_TSR, remote, n_remote);
}

static void put_ike_request(struct ike_sa *sa, struct ike_build *b, const struct ike_sa *made)
{
    const struct ike_task *t = sa->task;
    uint8_t spi[8];
    struct wbuf w;
    wbuf_init(&w, spi, sizeof(spi));
    wbuf_u64(&w, made->spi_i);
    ike_put_offer(b, sa->profile->ike, sa->profile->n_ike, IKE_PROTO_IKE, spi, sizeof(spi), false);
    ike_put_raw(b, IKE_P_NONCE, t->nonce, sizeof(t->nonce));
    ike_put_ke(b, t->group, t->ke, t->ke_len);
    ike_window_put(sa, b);
}

static void send_create(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_task *t = sa->task;
    struct ike_build b;
    bool ok = false;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    if (t->kind == IKE_TASK_REKEY_IKE) {
        struct ike_sa *made = ike_sa_new(e, sa->profile, &sa->path, true, sa->session);
        if (made) {
            made->down_told = true; // until it takes over
            t->made_sa = made->spi_i;
            put_ike_request(sa, &b, made);
            ok = true;
        }
    } else {
        struct ike_child *c = ike_child_new(sa, true);
        if (c) {
            t->made = c->pub.id;
            c->pub.replaces = t->child ? t->child : t->replaces;
            put_child_request(sa, &b, c);
            ok = true;
        }
    }
    if (!ok || !ike_send_request(sa, IKE_X_CREATE_CHILD, &b))
        give_up(sa, IKE_R_RESOURCES, 0);
}

static void generated(struct ike_sa *sa, struct ike_job *job)
{
    struct ike_task *t = sa->task;
    t->ke = job->ok ? ike_copy(sa->e, job->pub, job->pub_len) : NULL;
    t->ke_len = job->pub_len;
    t->key = job->key;
    job->key = NULL;
    if (t->ke)
        send_create(sa);
    else
        give_up(sa, IKE_R_RESOURCES, 0);
}

// The group of our key exchange, 0: none.
static uint16_t first_group(const struct ike_sa *sa)
{
    if (sa->task->kind == IKE_TASK_REKEY_IKE)
        return sa->suite.group;
    uint8_t n;
    const struct ike_proposal *esp = ike_child_offered(sa, &n);
    return esp[0].n_group ? esp[0].group[0] : 0;
}

// What this exchange offers stays the same until it has been answered.
static void set_offer(struct ike_sa *sa)
{
    struct ike_task *t = sa->task;
    struct ike_proposal now[IKE_MAX_PROPOSALS];
    if (t->kind == IKE_TASK_REKEY_IKE)
        return;
    uint8_t n = ike_child_esp_now(sa, now);
    free(t->esp);
    t->esp = ike_copy(sa->e, now, n * sizeof(now[0])); // if not, it is the profile's
    t->n_esp = n;
    const struct ike_proposal *esp = ike_child_offered(sa, &n);
    if (t->group && !ike_group_offered(esp, n, t->group))
        t->group = 0; // it was asked for of another configuration
}

void ike_create_start(struct ike_sa *sa)
{
    struct ike_task *t = sa->task;
    set_offer(sa);
    if (t->group == 0)
        t->group = first_group(sa);
    if (ike_random(sa->e, t->nonce, sizeof(t->nonce))) {
        if (t->group == 0) {
            send_create(sa);
            return;
        }
        if (ike_job_start(sa, IKE_JOB_TASK, t->group, NULL, (struct ike_bytes){NULL, 0}, generated))
            return;
    }
    give_up(sa, IKE_R_RESOURCES, 0);
}

// The lower one of our exchange's nonces against the lower one of the peer's: did ours lose?
static bool ours_loses(const struct ike_task *t)
{
    const uint8_t *low = t->nonce;
    size_t len = sizeof(t->nonce);
    if (ike_nonce_cmp(t->nr, t->nr_len, low, len) < 0) {
        low = t->nr;
        len = t->nr_len;
    }
    return ike_nonce_cmp(low, len, t->peer_min, t->peer_min_len) < 0;
}

// Ours is there; the old child and a rival made by the peer's simultaneous rekey are dealt with.
static void settle_rekey(struct ike_sa *sa, struct ike_task *t)
{
    struct ike_child *old = ike_child_by_id(sa->e, t->child);
    struct ike_child *rival = t->peer_child ? ike_child_by_id(sa->e, t->peer_child) : NULL;
    sa->e->stats.child_rekeys++;
    if (old && (old->state == IKE_C_UP || old->state == IKE_C_REPLACED) && old->sa == sa) {
        old->why = IKE_R_REKEYED;
        if (ike_task_add(sa, IKE_TASK_DELETE_CHILD, old->pub.id))
            ike_child_set_state(old, IKE_C_DELETING, "rekeyed by us");
        old->next_at = sa->e->now + (uint64_t)IKE_T_CROSSING * IKE_SECOND;
    }
    if (rival) {
        ike_child_replaced(rival); // redundant: the peer deletes it
        rival->why = IKE_R_REDUNDANT;
    }
}

void ike_create_installed(struct ike_child *c, int result)
{
    struct ike_sa *sa = c->sa;
    struct ike_task *t = ike_task_making(sa, c->pub.id);
    if (result == IKE_PENDING)
        return;
    if (t)
        (void)ike_task_enter(t); // it is over with this
    if (result != 0) {
        struct ike_child *old = t && t->child ? ike_child_by_id(sa->e, t->child) : NULL;
        c->why = IKE_R_INSTALL;
        ike_task_add(sa, IKE_TASK_DELETE_CHILD, c->pub.id); // the peer has it
        ike_child_set_state(c, IKE_C_DELETING, ike_reason_name(IKE_R_INSTALL));
        if (old && old->state == IKE_C_UP) {
            old->pub.rekey_at = sa->e->now + (uint64_t)IKE_T_CHILD_RETRY * IKE_SECOND;
            ike_heap_start(&sa->e->timers, &old->timer, old->pub.rekey_at);
        }
        ike_child_failed(sa, IKE_R_INSTALL, 0);
    } else {
        ike_child_up(c);
        if (t && t->kind == IKE_TASK_REKEY_CHILD)
            settle_rekey(sa, t);
    }
    if (t)
        ike_task_finish(sa);
}

// All of our exchange is there, but the peer's request for the same is not answered yet: with the answer it is known
// whether there are two new SAs, of which one has to go.
bool ike_create_held(struct ike_sa *sa)
{
    const struct ike_request *r = sa->req;
    struct ike_task *t = sa->task;
    t->held = r && r->collides && (t->kind == IKE_TASK_REKEY_IKE ? r->ike : r->rekeys == t->child);
    return t->held;
}

void ike_create_gone(struct ike_sa *sa, uint32_t spi_out)
{
    for (struct ike_task *t = sa->task; t; t = t->next) {
        if (t->kind != IKE_TASK_REKEY_CHILD && t->kind != IKE_TASK_NEW_CHILD)
            continue;
        t->gone[t->n_gone % IKE_MAX_GONE] = spi_out;
        t->n_gone += t->n_gone == 2 * IKE_MAX_GONE - 1 ? 1 - IKE_MAX_GONE : 1; // it goes on in a ring
    }
}

static bool is_gone(const struct ike_task *t, uint32_t spi_out)
{
    const unsigned n = t->n_gone < IKE_MAX_GONE ? t->n_gone : IKE_MAX_GONE;
    unsigned i = 0;
    while (i < n && t->gone[i] != spi_out)
        i++;
    return i < n;
}

// All is there: decide a collision, else install.
static void finish(struct ike_sa *sa, struct ike_bytes shared)
{
    struct ike_task *t = sa->task;
    struct ike_child *c = ike_child_by_id(sa->e, t->made);
    struct ike_child *rival = t->peer_child ? ike_child_by_id(sa->e, t->peer_child) : NULL;
    if (c == NULL) {
        ike_task_finish(sa);
        return;
    }
    if (is_gone(t, c->pub.spi_out)) { // its answer was late, or lost and repeated
        ike_sa_log(sa, IKE_LOG_INFO, "the peer has deleted the CHILD SA already");
        give_up(sa, IKE_R_PEER_DELETE, 0);
        return;
    }
    if (ike_create_held(sa)) {
        t->shared = shared.len ? ike_copy(sa->e, shared.p, shared.len) : NULL;
        t->shared_len = (uint16_t)shared.len;
        if (shared.len == 0 || t->shared)
            return;
        c->why = IKE_R_RESOURCES;
        ike_task_add(sa, IKE_TASK_DELETE_CHILD, c->pub.id); // the peer has it
        ike_child_set_state(c, IKE_C_DELETING, ike_reason_name(IKE_R_RESOURCES));
        ike_task_finish(sa);
        return;
    }
    if (rival)
        sa->e->stats.collisions++;
    if (rival && rival->state == IKE_C_UP && ours_loses(t)) {
        struct ike_child *old = ike_child_by_id(sa->e, t->child);
        ike_sa_log(sa, IKE_LOG_INFO, "simultaneous rekey: the peer's CHILD SA stays, ours goes");
        c->why = IKE_R_REDUNDANT;
        ike_task_add(sa, IKE_TASK_DELETE_CHILD, c->pub.id);
        ike_child_set_state(c, IKE_C_DELETING, "redundant");
        if (old)
            ike_child_replaced(old);
        else
            ike_child_switch(rival);
        ike_task_finish(sa);
        return;
    }
    ike_create_installed(c, ike_child_bring_up(c, shared, (struct ike_bytes){t->nonce, sizeof(t->nonce)},
                                               (struct ike_bytes){t->nr, t->nr_len}));
}

void ike_create_resume(struct ike_sa *sa)
{
    finish(sa, (struct ike_bytes){sa->task->shared, sa->task->shared_len});
}

static void derived(struct ike_sa *sa, struct ike_job *job)
{
    if (job->ok) {
        finish(sa, (struct ike_bytes){job->secret, job->secret_len});
        return;
    }
    struct ike_child *c = ike_child_by_id(sa->e, sa->task->made);
    if (c) { // the peer has it
        c->why = IKE_R_SYNTAX;
        ike_task_add(sa, IKE_TASK_DELETE_CHILD, c->pub.id);
        ike_child_set_state(c, IKE_C_DELETING, "the peer's public value is not good");
    }
    ike_child_failed(sa, IKE_R_SYNTAX, 0);
    ike_task_finish(sa);
}

// The child that we wanted to rekey is not there at the peer's (2.25): without a successor, make a new one.
static void child_gone(struct ike_sa *sa)
{
    struct ike_task *t = sa->task;
    struct ike_child *made = ike_child_by_id(sa->e, t->made), *old = ike_child_by_id(sa->e, t->child);
    struct ike_child *rival = t->peer_child ? ike_child_by_id(sa->e, t->peer_child) : NULL;
    if (made)
        ike_child_drop(made, IKE_R_REFUSED);
    if (rival && old && old->state == IKE_C_UP) {
        ike_child_replaced(old);
    } else if (old && old->state == IKE_C_UP) {
        struct ike_task *again = ike_task_add(sa, IKE_TASK_NEW_CHILD, 0);
        if (again) {
            again->ts =
                ike_copy(sa->e, old->ts, (size_t)(old->pub.n_ts_local + old->pub.n_ts_remote) * sizeof(*old->ts));
            again->n_local = old->pub.n_ts_local;
            again->n_remote = old->pub.n_ts_remote;
        }
        ike_child_drop(old, IKE_R_PEER_DELETE);
    }
    ike_task_finish(sa);
}

static void refused(struct ike_sa *sa, const struct ike_notify_in *error)
{
    struct ike_task *t = sa->task;
    struct ike_child *made = t->made ? ike_child_by_id(sa->e, t->made) : NULL;
    struct ike_child *old = t->child ? ike_child_by_id(sa->e, t->child) : NULL;
    struct ike_child *rival = t->peer_child ? ike_child_by_id(sa->e, t->peer_child) : NULL;
    const struct ike_profile *p = sa->profile;
    const bool ike = t->kind == IKE_TASK_REKEY_IKE;
    ike_sa_log(sa, IKE_LOG_INFO, "the peer answers CREATE_CHILD_SA with %s", ike_name(IKE_NAMES_NOTIFY, error->type));
    if (ike && t->peer_sa) {
        ike_rekey_failed(sa, error->type);
    } else if (error->type == IKE_N_INVALID_KE && error->data.len == 2 && t->retries < IKE_MAX_CHILD_RETRIES) {
        const uint16_t group = (uint16_t)(error->data.p[0] << 8 | error->data.p[1]);
        uint8_t n_esp;
        const struct ike_proposal *esp = ike_child_offered(sa, &n_esp);
        if (group == t->group || !ike_group_offered(ike ? p->ike : esp, ike ? p->n_ike : n_esp, group)) {
            give_up(sa, IKE_R_NO_PROPOSAL, error->type);
            return;
        }
        if (made)
            ike_child_drop(made, IKE_R_REFUSED);
        t->group = group;
        ike_task_retry(sa, 0);
    } else if (error->type == IKE_N_TEMPORARY_FAILURE && t->retries < IKE_MAX_CHILD_RETRIES && rival == NULL) {
        if (made)
            ike_child_drop(made, IKE_R_REFUSED);
        ike_task_retry(sa, (uint64_t)IKE_T_TEMPORARY * IKE_SECOND << t->retries);
    } else if (t->kind == IKE_TASK_REKEY_CHILD && (old == NULL || error->type == IKE_N_CHILD_NOT_FOUND || rival)) {
        child_gone(sa); // deleted or rekeyed by the peer meanwhile
    } else if (error->type == IKE_N_SINGLE_PAIR && t->kind == IKE_TASK_NEW_CHILD && ike_child_one_pair(sa, t)) {
        if (made)
            ike_child_drop(made, IKE_R_REFUSED);
        ike_task_retry(sa, 0);
    } else if (error->type == IKE_N_NO_ADDITIONAL_SAS && t->kind != IKE_TASK_NEW_CHILD && sa->origin) {
        // A peer that cannot rekey (section 4): a new IKE SA takes the place of this one and its children.
        struct ike_sa *next = ike_successor_start(sa, NULL);
        give_up(sa, IKE_R_RESOURCES, error->type);
        if (next)
            ike_task_run(next);
    } else {
        give_up(sa, ike_reason_of(error->type), error->type);
    }
}

void ike_create_response(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_task *t = sa->task;
    const struct ike_notify_in *error = ike_find_error(p);
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS];
    size_t n_local, n_remote;
    if (t->kind != IKE_TASK_REKEY_IKE &&
        sa->state != IKE_S_ESTABLISHED) { // the IKE SA is being deleted, and this with it
        ike_task_finish(sa);
        return;
    }
    if (error && p->sa.p == NULL) {
        refused(sa, error);
        return;
    }
    if (t->kind == IKE_TASK_REKEY_IKE) {
        ike_rekey_response(sa, p);
        return;
    }
    struct ike_child *c = ike_child_by_id(e, t->made);
    const struct ike_child *old = t->child ? ike_child_by_id(e, t->child) : NULL;
    enum ike_reason why = IKE_R_SYNTAX;
    if (c && p->sa.p && p->nonce.p && p->tsi.p && p->tsr.p) {
        request_ts(sa, local, &n_local, remote, &n_remote);
        why = ike_child_accept(sa, c, p, t->no_esn || (old && !old->pub.suite.esn), false, local, n_local, remote,
                               n_remote);
        if (why == IKE_R_NONE && c->pub.suite.group != t->group)
            why = IKE_R_NO_PROPOSAL;
        if (why == IKE_R_NONE && t->group && (p->ke.data.p == NULL || p->ke.group != t->group))
            why = IKE_R_SYNTAX;
    }
    t->nr = why == IKE_R_NONE ? ike_copy(e, p->nonce.p, p->nonce.len) : NULL;
    t->nr_len = (uint16_t)p->nonce.len;
    if (why == IKE_R_NONE && t->nr == NULL)
        why = IKE_R_RESOURCES;
    EVP_PKEY *key = t->key;
    t->key = NULL;
    if (why == IKE_R_NONE && t->group == 0) {
        finish(sa, (struct ike_bytes){NULL, 0});
        return;
    }
    if (why == IKE_R_NONE && ike_job_start(sa, IKE_JOB_TASK, t->group, key, p->ke.data, derived))
        return;
    if (why != IKE_R_NONE)
        EVP_PKEY_free(key);
    else
        why = IKE_R_RESOURCES;
    if (c) { // the peer has it and must drop it
        c->why = why;
        ike_task_add(sa, IKE_TASK_DELETE_CHILD, c->pub.id);
        ike_child_set_state(c, IKE_C_DELETING, ike_reason_name(why));
    }
    ike_child_failed(sa, why, 0);
    ike_task_finish(sa);
}

// ---------------------------------------------------------------------------------------------- responder

void ike_create_answer(struct ike_sa *sa, uint16_t notify)
{
    struct ike_engine *e = sa->e;
    struct ike_request *r = sa->req;
    struct ike_child *c = r->child ? ike_child_by_id(e, r->child) : NULL;
    struct ike_child *old = r->rekeys ? ike_child_by_id(e, r->rekeys) : NULL;
    struct ike_build b;
    if (notify || c == NULL) {
        if (c)
            ike_child_drop(c, ike_reason_of(notify));
        ike_request_free(sa);
        if (notify == IKE_N_TEMPORARY_FAILURE)
            e->stats.temporary_failures++;
        ike_send_notify(sa, notify ? notify : IKE_N_TEMPORARY_FAILURE, NULL, 0);
        ike_task_run(sa);
        return;
    }
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    ike_child_put_choice(c, &b, r->chosen.number);
    ike_put_raw(&b, IKE_P_NONCE, r->ours, sizeof(r->ours));
    if (r->pub_len)
        ike_put_ke(&b, c->pub.suite.group, r->pub, r->pub_len);
    ike_put_ts(&b, IKE_P_TSI, c->pub.ts_remote, c->pub.n_ts_remote);
    ike_put_ts(&b, IKE_P_TSR, c->pub.ts_local, c->pub.n_ts_local);
    if (!ike_send_response(sa, &b)) {
        ike_child_drop(c, IKE_R_RESOURCES);
        ike_request_free(sa);
        ike_task_run(sa);
        return;
    }
    ike_child_up(c);
    struct ike_task *t = r->collides ? ike_task_out(sa, IKE_TASK_REKEY_CHILD, r->rekeys) : NULL;
    if (t) {
        const bool low = ike_nonce_cmp(r->nonce, r->nonce_len, r->ours, sizeof(r->ours)) < 0;
        t->peer_child = c->pub.id;
        t->peer_min_len = low ? r->nonce_len : sizeof(r->ours);
        memcpy(t->peer_min, low ? r->nonce : r->ours, t->peer_min_len);
    } else if (old) {
        ike_child_replaced(old);
    } else if (r->rekeys) {
        ike_child_switch(c);
    }
    if (r->rekeys)
        e->stats.child_rekeys++;
    ike_request_free(sa);
    ike_task_run(sa);
}

static void install(struct ike_sa *sa, struct ike_bytes shared)
{
    struct ike_request *r = sa->req;
    struct ike_child *c = ike_child_by_id(sa->e, r->child);
    if (c == NULL) {
        ike_create_answer(sa, IKE_N_TEMPORARY_FAILURE);
        return;
    }
    c->pub.hold_outbound = r->rekeys != 0;
    if (r->rekeys == 0)
        ike_successor_hold(sa, c);
    const int rc = ike_child_bring_up(c, shared, (struct ike_bytes){r->nonce, r->nonce_len},
                                      (struct ike_bytes){r->ours, sizeof(r->ours)});
    if (rc != IKE_PENDING)
        ike_create_answer(sa, ike_install_notify(rc, IKE_N_TEMPORARY_FAILURE));
}

static void derived_answer(struct ike_sa *sa, struct ike_job *job)
{
    struct ike_request *r = sa->req;
    if (!job->ok) {
        ike_create_answer(sa, IKE_N_INVALID_SYNTAX);
        return;
    }
    memcpy(r->pub, job->pub, job->pub_len);
    r->pub_len = job->pub_len;
    install(sa, (struct ike_bytes){job->secret, job->secret_len});
}

// Is a child being made by an exchange of ours that is out?
static bool making(const struct ike_sa *sa)
{
    const struct ike_task *t = sa->task;
    while (t && !(t->sent && (t->kind == IKE_TASK_REKEY_CHILD || t->kind == IKE_TASK_NEW_CHILD)))
        t = t->next;
    return t != NULL;
}

// The child that a request names to be rekeyed, by the SPI that we send to; NULL: there is none.
static struct ike_child *named(struct ike_sa *sa, const struct ike_notify_in *n)
{
    struct buf b;
    buf_init(&b, n->spi.p, n->spi.len);
    const uint32_t spi = buf_u32(&b);
    return buf_ok(&b) && n->proto == IKE_PROTO_ESP ? ike_child_by_out(sa, spi) : NULL;
}

// The peer's request to rekey an SA that our own exchange has rekeyed meanwhile: it was late, or lost and repeated.
// Some peers that are told TEMPORARY_FAILURE before they have our Delete (2.25.1) go back to the old SA and never send
// on the new one. Repeated after the Delete, the request is answered with CHILD_SA_NOT_FOUND, which all understand.
static bool crossing(struct ike_sa *sa, const struct ike_notify_in *n)
{
    const struct ike_child *old = named(sa, n);
    const struct ike_task *t = old ? ike_task_out(sa, IKE_TASK_REKEY_CHILD, old->pub.id) : NULL;
    const struct ike_child *made = t ? ike_child_by_id(sa->e, t->made) : NULL;
    if (made && made->state == IKE_C_INSTALLING) // our exchange is over, only the datapath has not said so yet
        return true;
    return old && old->state == IKE_C_DELETING && old->why == IKE_R_REKEYED && sa->e->now < old->next_at;
}

// The child that a request rekeys. 0, or the error notify.
static uint16_t find_rekeyed(struct ike_sa *sa, const struct ike_notify_in *n, struct ike_request *r)
{
    struct ike_child *old = named(sa, n);
    if (old == NULL && making(sa)) // it may be the one: the peer knows of it before we do
        return IKE_N_TEMPORARY_FAILURE;
    if (old == NULL || old->state == IKE_C_REPLACED)
        return IKE_N_CHILD_NOT_FOUND;
    if (old->state != IKE_C_UP)
        return IKE_N_TEMPORARY_FAILURE;
    ike_task_cancel_unsent(sa, IKE_TASK_REKEY_CHILD, old->pub.id);
    r->rekeys = old->pub.id;
    r->collides = ike_task_out(sa, IKE_TASK_REKEY_CHILD, old->pub.id) != NULL;
    return 0;
}

// Judge the request; 0 and a child with suite and selectors, or the error notify.
static uint16_t judge(struct ike_sa *sa, const struct ike_payloads *p, struct ike_request *r)
{
    struct ike_engine *e = sa->e;
    const struct ike_notify_in *rekey = ike_find_notify(p, IKE_N_REKEY_SA);
    if (ike_task_out(sa, IKE_TASK_REKEY_IKE, 0))
        return IKE_N_TEMPORARY_FAILURE;
    if (p->tsi.p == NULL || p->tsr.p == NULL)
        return IKE_N_INVALID_SYNTAX;
    const uint16_t notify = rekey ? find_rekeyed(sa, rekey, r) : ike_cp_missing(sa);
    if (notify)
        return notify;
    const int n_tsi = ike_ts_decode(p->tsi, r->tsi, IKE_MAX_TS), n_tsr = ike_ts_decode(p->tsr, r->tsr, IKE_MAX_TS);
    r->n_tsi = n_tsi > 0 ? (uint8_t)n_tsi : 0;
    r->n_tsr = n_tsr > 0 ? (uint8_t)n_tsr : 0;
    r->transport = ike_find_notify(p, IKE_N_TRANSPORT_MODE) != NULL;
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    if (!ike_choose(esp, ike_child_esp_now(sa, esp), p->sa, IKE_PROTO_ESP, 4, IKE_GROUP_ANY,
                    p->ke.data.p ? p->ke.group : 0, &r->chosen)) {
        e->stats.no_proposal++;
        return IKE_N_NO_PROPOSAL;
    }
    const uint16_t group = r->chosen.suite.group;
    if (group && (p->ke.data.p == NULL || p->ke.group != group)) {
        e->stats.invalid_ke_sent++;
        return IKE_N_INVALID_KE;
    }
    if (group && p->ke.data.len != ike_dh_public_len(group))
        return IKE_N_INVALID_SYNTAX;
    struct ike_child *c = ike_child_new(sa, false);
    if (c == NULL)
        return IKE_N_NO_ADDITIONAL_SAS;
    r->child = c->pub.id;
    c->pub.replaces = r->rekeys;
    return ike_child_negotiate(sa, c, r);
}

static void refuse(struct ike_sa *sa, uint16_t notify, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_request *r = sa->req;
    struct ike_child *c = r && r->child ? ike_child_by_id(e, r->child) : NULL;
    const uint16_t group = r ? r->chosen.suite.group : 0;
    const uint8_t want[2] = {(uint8_t)(group >> 8), (uint8_t)group};
    const struct ike_notify_in *rekey = ike_find_notify(p, IKE_N_REKEY_SA);
    if (c)
        ike_child_drop(c, ike_reason_of(notify));
    ike_request_free(sa);
    if (notify == IKE_N_TEMPORARY_FAILURE)
        e->stats.temporary_failures++;
    if (notify == IKE_N_CHILD_NOT_FOUND && rekey) {
        struct ike_build b;
        ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
        ike_put_notify_spi(&b, notify, rekey->proto, rekey->spi.p, rekey->spi.len, NULL, 0);
        ike_send_response(sa, &b);
    } else {
        ike_send_notify(sa, notify, want, notify == IKE_N_INVALID_KE ? sizeof(want) : 0);
    }
    ike_task_run(sa);
}

void ike_create_request(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    const uint8_t proto = p->sa.p ? ike_first_proto(p->sa) : 0;
    const struct ike_notify_in *rekey = ike_find_notify(p, IKE_N_REKEY_SA);
    if (!ike_sa_usable(sa)) {
        refuse(sa, IKE_N_TEMPORARY_FAILURE, p);
        return;
    }
    if (p->sa.p == NULL || p->nonce.p == NULL) {
        refuse(sa, IKE_N_INVALID_SYNTAX, p);
        return;
    }
    if (rekey && crossing(sa, rekey)) {
        ike_request_pass(sa);
        return;
    }
    sa->req = ike_zalloc(e, sizeof(*sa->req));
    if (sa->req == NULL || !ike_random(e, sa->req->ours, sizeof(sa->req->ours))) {
        refuse(sa, IKE_N_TEMPORARY_FAILURE, p);
        return;
    }
    struct ike_request *r = sa->req;
    r->exchange = IKE_X_CREATE_CHILD;
    r->nonce = ike_copy(e, p->nonce.p, p->nonce.len);
    r->nonce_len = (uint16_t)p->nonce.len;
    if (r->nonce == NULL) {
        refuse(sa, IKE_N_TEMPORARY_FAILURE, p);
        return;
    }
    if (proto == IKE_PROTO_IKE) {
        ike_rekey_request(sa, p);
        return;
    }
    const uint16_t notify = proto == IKE_PROTO_ESP ? judge(sa, p, r) : IKE_N_NO_PROPOSAL;
    if (notify)
        refuse(sa, notify, p);
    else if (r->chosen.suite.group == 0)
        install(sa, (struct ike_bytes){NULL, 0});
    else if (!ike_job_start(sa, IKE_JOB_REQUEST, r->chosen.suite.group, NULL, p->ke.data, derived_answer))
        refuse(sa, IKE_N_TEMPORARY_FAILURE, p);
}
