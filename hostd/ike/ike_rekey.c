// SPDX-License-Identifier: BSD-2-Clause
// Rekeying the IKE SA (RFC 7296 1.3.2, 2.18) and simultaneous rekeys of it (2.8.2, 2.25.2):
//   HDR, SK {SA, Ni, KEi}  -->
//                     <--  HDR, SK {SA, Nr, KEr}
// The new SA takes over the children; then the one whose request won deletes the old SA.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

// What a new SA has from the one it replaces. false: no memory.
static bool inherit(struct ike_sa *to, const struct ike_sa *from)
{
    to->local_id = from->local_id ? ike_id_new(from->local_id->type, from->local_id->data, from->local_id->len) : NULL;
    to->remote_id =
        from->remote_id ? ike_id_new(from->remote_id->type, from->remote_id->data, from->remote_id->len) : NULL;
    to->path = from->path;
    to->nat_local = from->nat_local;
    to->nat_remote = from->nat_remote;
    to->eap_id = from->eap_id ? ike_id_new(from->eap_id->type, from->eap_id->data, from->eap_id->len) : NULL;
    to->cert_id = from->cert_id ? ike_id_new(from->cert_id->type, from->cert_id->data, from->cert_id->len) : NULL;
    to->peer_frag = from->peer_frag;
    to->cookie_seen = from->cookie_seen;
    to->auth_local = from->auth_local;
    to->auth_remote = from->auth_remote;
    to->facts = from->facts;
    to->rekeys = from->rekeys + 1;
    to->down_told = true; // until it takes over
    return ike_ext_inherit(to, from) && to->local_id && to->remote_id;
}

static bool derive(struct ike_sa *old, struct ike_sa *sa, struct ike_bytes shared, struct ike_bytes ni,
                   struct ike_bytes nr)
{
    struct ike_engine *e = sa->e;
    uint8_t seed[IKE_MAX_PRF];
    // SKEYSEED is computed with the old SA's PRF. It is the key of the new one's prf+, whatever its length.
    const bool ok = ike_skeyseed_rekey(e->crypto, old->suite.prf, old->keys.d, shared, ni, nr, seed) &&
                    ike_derive_ike_seed(e->crypto, &sa->suite, seed, ike_prf_len(old->suite.prf), ni, nr, sa->spi_i,
                                        sa->spi_r, &sa->keys);
    OPENSSL_cleanse(seed, sizeof(seed));
    sa->have_keys = ok;
    if (ok)
        ike_sa_export_keys(sa);
    return ok;
}

static void tell_rekeyed(void *arg, const struct ike_sa_info *info)
{
    struct ike_engine *e = arg;
    e->ops->sa_rekeyed(e->ctx, info);
}

// The session's children, address and waiting exchanges go over to the new SA.
static void take_over(struct ike_sa *old, struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    sa->provisional = false;
    while (old->children)
        ike_child_relink(old->children, sa);
    sa->given = old->given;
    sa->taken = old->taken;
    sa->cp_tell = old->cp_tell;
    sa->cp_asked = old->cp_asked;
    old->given = old->taken = NULL;
    ike_task_move(old, sa);
    for (const struct ike_task *t = old->task; t; t = t->next) {
        if (t->kind == IKE_TASK_MOBIKE || t->kind == IKE_TASK_COOKIE2)
            ike_task_add(sa, t->kind, 0); // its answer comes too late for the children
    }
    ike_successor_moved(old, sa);
    ike_resume_moved(old, sa);
    ike_redirect_moved(old, sa);
    sa->announced = old->announced;
    sa->down_told = old->down_told;
    old->down_told = true;
    ike_table_drop(&e->by_id, &old->by_id);
    ike_table_drop(&e->by_peer, &old->by_peer);
    ike_table_drop(&e->by_session, &old->by_session);
    ike_sa_claim_session(sa);
    ike_table_put(&e->by_id, &sa->by_id, ike_hash(sa->remote_id->data, sa->remote_id->len, sa->remote_id->type), sa);
    ike_table_put(&e->by_peer, &sa->by_peer, ike_peer_key(&sa->path.remote, sa->path.remote_port), sa);
    ike_sa_start_life(sa);
    e->stats.ike_rekeys++;
    ike_sa_log(sa, IKE_LOG_INFO, "IKE SA rekeyed");
    if (e->ops->sa_rekeyed)
        ike_sa_info(sa, tell_rekeyed, e);
}

// The old SA (or a redundant new one) waits for the peer's Delete.
static void replaced(struct ike_sa *sa, enum ike_reason why)
{
    struct ike_engine *e = sa->e;
    if (sa->state != IKE_S_ESTABLISHED)
        return;
    sa->provisional = false;
    sa->reason = why;
    ike_sa_set_state(sa, IKE_S_REPLACED, ike_reason_name(why));
    ike_heap_stop(&e->timers, &sa->dpd);
    ike_heap_stop(&e->timers, &sa->keepalive);
    ike_timer_start(e, &sa->life, (uint64_t)IKE_T_REPLACED * IKE_SECOND);
}

static struct ike_sa *rival_of(struct ike_sa *sa)
{
    const struct ike_task *t = ike_task_out(sa, IKE_TASK_REKEY_IKE, 0);
    struct ike_sa *rival = t && t->peer_sa ? ike_sa_by_spi(sa->e, t->peer_sa) : NULL;
    return rival && rival->state == IKE_S_ESTABLISHED ? rival : NULL;
}

bool ike_rekey_adopt(struct ike_sa *sa)
{
    struct ike_sa *rival = rival_of(sa);
    if (rival == NULL)
        return false;
    take_over(sa, rival);
    replaced(sa, IKE_R_REKEYED);
    ike_task_run(rival);
    return true;
}

bool ike_rekey_deriving(const struct ike_sa *sa)
{
    const struct ike_task *t = ike_task_out(sa, IKE_TASK_REKEY_IKE, 0);
    return t && t->sent && t->job;
}

void ike_rekey_claimed(struct ike_sa *sa)
{
    struct ike_sa *old = sa->provisional ? ike_sa_by_session(sa->e, sa->session) : NULL;
    struct ike_task *t = old ? ike_task_out(old, IKE_TASK_REKEY_IKE, 0) : NULL;
    if (t == NULL || t->peer_sa != ike_local_spi(sa))
        return;
    ike_sa_log(sa, IKE_LOG_INFO, "simultaneous rekey: the peer uses its IKE SA already");
    ike_rekey_adopt(old);
    t->peer_sa = 0; // what ours makes is for nothing
}

// ---------------------------------------------------------------------------------------------- initiator

void ike_rekey_failed(struct ike_sa *sa, uint16_t notify)
{
    (void)notify;
    if (!ike_rekey_adopt(sa) && sa->state == IKE_S_ESTABLISHED) {
        sa->rekey_at = sa->e->now + (uint64_t)IKE_T_CHILD_RETRY * IKE_SECOND;
        ike_heap_start(&sa->e->timers, &sa->life, sa->rekey_at);
        ike_sa_log(sa, IKE_LOG_WARN, "the rekey of the IKE SA failed, and is tried again");
    }
    ike_task_finish(sa);
}

// Our request has made a new SA. Which one of the two (or the only one) takes over?
static void settle(struct ike_sa *sa, struct ike_sa *made)
{
    struct ike_task *t = sa->task;
    struct ike_sa *rival = rival_of(sa);
    const uint8_t *low = t->nonce;
    size_t len = sizeof(t->nonce);
    t->made_sa = 0;
    if (sa->state != IKE_S_ESTABLISHED) { // deleted meanwhile: so are its successors
        ike_sa_delete(made, IKE_R_USER, 0);
        if (rival)
            ike_sa_delete(rival, IKE_R_USER, 0);
        ike_task_finish(sa);
        return;
    }
    if (ike_nonce_cmp(t->nr, t->nr_len, low, len) < 0) {
        low = t->nr;
        len = t->nr_len;
    }
    if (rival)
        sa->e->stats.collisions++;
    if (rival && ike_nonce_cmp(low, len, t->peer_min, t->peer_min_len) < 0) {
        ike_sa_log(sa, IKE_LOG_INFO, "simultaneous rekey: the peer's IKE SA stays, ours goes");
        take_over(sa, rival);
        replaced(sa, IKE_R_REKEYED);
        ike_sa_delete(made, IKE_R_REDUNDANT, 0);
        ike_task_run(rival);
    } else {
        take_over(sa, made);
        if (rival)
            replaced(rival, IKE_R_REDUNDANT);
        ike_task_abandon(sa);
        ike_sa_delete(sa, IKE_R_REKEYED, 0);
        ike_task_run(made);
        return;
    }
    ike_task_finish(sa);
}

static void derived(struct ike_sa *sa, struct ike_job *job)
{
    struct ike_task *t = sa->task;
    struct ike_sa *made = ike_sa_by_spi(sa->e, t->made_sa);
    const struct ike_bytes shared = {job->secret, job->secret_len}, ni = {t->nonce, sizeof(t->nonce)},
                           nr = {t->nr, t->nr_len};
    if (made == NULL || !job->ok || !inherit(made, sa) || !derive(sa, made, shared, ni, nr)) {
        ike_rekey_failed(sa, 0);
        return;
    }
    ike_sa_set_state(made, IKE_S_ESTABLISHED, "made by our rekey");
    made->provisional = ike_create_held(sa);
    if (!made->provisional)
        settle(sa, made);
}

void ike_rekey_resume(struct ike_sa *sa)
{
    struct ike_sa *made = ike_sa_by_spi(sa->e, sa->task->made_sa);
    if (made && made->state == IKE_S_ESTABLISHED) {
        made->provisional = false;
        settle(sa, made);
    } else {
        ike_rekey_failed(sa, 0);
    }
}

void ike_rekey_response(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_task *t = sa->task;
    struct ike_sa *made = ike_sa_by_spi(e, t->made_sa);
    struct ike_chosen chosen;
    struct buf b;
    EVP_PKEY *key = t->key;
    t->key = NULL;
    if (made == NULL || p->nonce.p == NULL || p->ke.data.p == NULL || p->sa.p == NULL || p->ke.group != t->group ||
        !ike_check_choice(sa->profile->ike, sa->profile->n_ike, p->sa, IKE_PROTO_IKE, 8, false, &chosen) ||
        chosen.suite.group != t->group) {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer's answer to the rekey makes no sense");
        EVP_PKEY_free(key);
        ike_rekey_failed(sa, 0);
        return;
    }
    buf_init(&b, chosen.spi, sizeof(chosen.spi));
    made->spi_r = buf_u64(&b);
    made->suite = chosen.suite;
    ike_window_take(made, p);
    t->nr = ike_copy(e, p->nonce.p, p->nonce.len);
    t->nr_len = (uint16_t)p->nonce.len;
    if (t->nr == NULL) {
        EVP_PKEY_free(key);
        ike_rekey_failed(sa, 0);
    } else if (!ike_job_start(sa, IKE_JOB_TASK, t->group, key, p->ke.data, derived)) {
        ike_rekey_failed(sa, 0);
    }
}

// ---------------------------------------------------------------------------------------------- responder

static void refuse(struct ike_sa *sa, uint16_t notify, uint16_t group)
{
    const uint8_t want[2] = {(uint8_t)(group >> 8), (uint8_t)group};
    ike_request_free(sa);
    if (notify == IKE_N_TEMPORARY_FAILURE)
        sa->e->stats.temporary_failures++;
    ike_send_notify(sa, notify, want, notify == IKE_N_INVALID_KE ? sizeof(want) : 0);
    ike_task_run(sa);
}

void ike_rekey_derived(struct ike_sa *sa, struct ike_job *job)
{
    struct ike_engine *e = sa->e;
    struct ike_request *r = sa->req;
    struct ike_sa *made = ike_sa_by_spi(e, r->sa);
    const struct ike_bytes shared = {job->secret, job->secret_len}, ni = {r->nonce, r->nonce_len},
                           nr = {r->ours, sizeof(r->ours)};
    struct ike_build b;
    uint8_t spi[8];
    struct wbuf w;
    if (made == NULL || !job->ok || !inherit(made, sa) || !derive(sa, made, shared, ni, nr)) {
        refuse(sa, job->ok ? IKE_N_TEMPORARY_FAILURE : IKE_N_INVALID_SYNTAX, 0);
        return;
    }
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    wbuf_init(&w, spi, sizeof(spi));
    wbuf_u64(&w, made->spi_r);
    ike_put_choice(&b, &made->suite, r->chosen.number, IKE_PROTO_IKE, spi, sizeof(spi));
    ike_put_raw(&b, IKE_P_NONCE, r->ours, sizeof(r->ours));
    ike_put_ke(&b, made->suite.group, job->pub, job->pub_len);
    ike_window_put(sa, &b);
    if (!ike_send_response(sa, &b)) {
        ike_request_free(sa);
        ike_task_run(sa);
        return;
    }
    ike_sa_set_state(made, IKE_S_ESTABLISHED, "made by the peer's rekey");
    struct ike_task *t = r->collides ? ike_task_out(sa, IKE_TASK_REKEY_IKE, 0) : NULL;
    if (t) {
        const bool low = ike_nonce_cmp(r->nonce, r->nonce_len, r->ours, sizeof(r->ours)) < 0;
        made->provisional = true;
        ike_timer_start(e, &made->life, (uint64_t)IKE_T_REPLACED * IKE_SECOND);
        t->peer_sa = made->spi_r;
        t->peer_min_len = low ? r->nonce_len : sizeof(r->ours);
        memcpy(t->peer_min, low ? r->nonce : r->ours, t->peer_min_len);
        ike_request_free(sa);
        ike_task_run(sa);
        return;
    }
    take_over(sa, made);
    replaced(sa, IKE_R_REKEYED);
    ike_request_free(sa);
    ike_task_run(made);
}

// Is an exchange of ours about a CHILD SA under way (2.25.2)?
static bool child_exchange(const struct ike_sa *sa)
{
    const struct ike_task *t = sa->task;
    while (t && t->kind != IKE_TASK_REKEY_CHILD && t->kind != IKE_TASK_NEW_CHILD && t->kind != IKE_TASK_DELETE_CHILD)
        t = t->next;
    return t != NULL;
}

void ike_rekey_request(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_request *r = sa->req;
    struct buf b;
    r->ike = true;
    if (child_exchange(sa)) {
        refuse(sa, IKE_N_TEMPORARY_FAILURE, 0);
        return;
    }
    if (!ike_choose(sa->profile->ike, sa->profile->n_ike, p->sa, IKE_PROTO_IKE, 8, IKE_GROUP_NEED, p->ke.group,
                    &r->chosen)) {
        e->stats.no_proposal++;
        refuse(sa, IKE_N_NO_PROPOSAL, 0);
        return;
    }
    if (p->ke.data.p == NULL || p->ke.group != r->chosen.suite.group) {
        e->stats.invalid_ke_sent++;
        refuse(sa, IKE_N_INVALID_KE, r->chosen.suite.group);
        return;
    }
    if (p->ke.data.len != ike_dh_public_len(p->ke.group)) {
        refuse(sa, IKE_N_INVALID_SYNTAX, 0);
        return;
    }
    ike_task_cancel_unsent(sa, IKE_TASK_REKEY_IKE, 0);
    r->collides = ike_task_out(sa, IKE_TASK_REKEY_IKE, 0) != NULL;
    struct ike_sa *made = ike_sa_new(e, sa->profile, &sa->path, false, sa->session);
    if (made == NULL) {
        refuse(sa, IKE_N_TEMPORARY_FAILURE, 0);
        return;
    }
    made->down_told = true;
    made->suite = r->chosen.suite;
    ike_window_take(made, p); // a window is an IKE SA's own: each tells it again
    buf_init(&b, r->chosen.spi, sizeof(r->chosen.spi));
    made->spi_i = buf_u64(&b);
    r->sa = made->spi_r;
    if (!ike_job_start(sa, IKE_JOB_REQUEST, p->ke.group, NULL, p->ke.data, ike_rekey_derived))
        refuse(sa, IKE_N_TEMPORARY_FAILURE, 0);
}
