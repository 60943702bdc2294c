// SPDX-License-Identifier: BSD-2-Clause
// IKE SAs: states, birth, lifetimes, death.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

// --- states

static const char *const state_names[IKE_S_COUNT] = {
    [IKE_S_NEW] = "NEW",
    [IKE_S_INIT_SENT] = "INIT-SENT",
    [IKE_S_INIT_RCVD] = "INIT-RCVD",
    [IKE_S_AUTH_WAIT] = "AUTH-WAIT",
    [IKE_S_AUTH_SENT] = "AUTH-SENT",
    [IKE_S_ESTABLISHED] = "ESTABLISHED",
    [IKE_S_REPLACED] = "REPLACED",
    [IKE_S_DELETING] = "DELETING",
    [IKE_S_CLOSED] = "CLOSED",
    [IKE_S_DEAD] = "DEAD",
};

// The transitions that there are. CLOSED and DEAD can be reached from everywhere before them.
static const struct {
    enum ike_state from, to;
} rows[] = {
    {IKE_S_NEW, IKE_S_INIT_SENT},         // initiator: IKE_SA_INIT goes out
    {IKE_S_INIT_SENT, IKE_S_AUTH_SENT},   // initiator: keys are there, IKE_AUTH goes out
    {IKE_S_AUTH_SENT, IKE_S_ESTABLISHED}, // initiator: the responder is authentic
    {IKE_S_NEW, IKE_S_INIT_RCVD},         // responder: IKE_SA_INIT came
    {IKE_S_INIT_RCVD, IKE_S_AUTH_WAIT},   // responder: and was answered
    {IKE_S_AUTH_WAIT, IKE_S_ESTABLISHED}, // responder: the initiator is authentic
    {IKE_S_NEW, IKE_S_ESTABLISHED},       // made by a rekey
    {IKE_S_ESTABLISHED, IKE_S_REPLACED},  // rekeyed
    {IKE_S_AUTH_SENT, IKE_S_DELETING},    // initiator: the responder is not authentic
    {IKE_S_ESTABLISHED, IKE_S_DELETING},  // we end it
    {IKE_S_REPLACED, IKE_S_DELETING},     // we end what was rekeyed
    {IKE_S_CLOSED, IKE_S_DEAD},           // nobody can ask any more
};

const char *ike_state_name(enum ike_state s)
{
    return state_names[s];
}

static bool allowed(enum ike_state from, enum ike_state to)
{
    if (to == IKE_S_CLOSED || to == IKE_S_DEAD)
        return from < to;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].from == from && rows[i].to == to)
            return true;
    }
    return false;
}

void ike_sa_set_state(struct ike_sa *sa, enum ike_state to, const char *why)
{
    const bool ok = allowed(sa->state, to);
    ike_sa_log(sa, ok ? IKE_LOG_STATE : IKE_LOG_ERROR, "%s -> %s: %s%s", ike_state_name(sa->state), ike_state_name(to),
               why, ok ? "" : " (there is no such transition; closing)");
    if (!ok)
        to = IKE_S_DEAD;
    if (sa->state == IKE_S_DEAD)
        return;
    sa->state = to;
    if (to == IKE_S_DEAD) {
        sa->next_dead = sa->e->dead;
        sa->e->dead = sa;
    }
}

// --- finding

uint64_t ike_local_spi(const struct ike_sa *sa)
{
    return sa->initiator ? sa->spi_i : sa->spi_r;
}

uint64_t ike_remote_spi(const struct ike_sa *sa)
{
    return sa->initiator ? sa->spi_r : sa->spi_i;
}

struct ike_sa *ike_sa_by_spi(struct ike_engine *e, uint64_t local_spi)
{
    struct ike_node *n = ike_table_find(&e->by_spi, local_spi);
    struct ike_sa *sa = n ? n->owner : NULL;
    return sa && sa->state != IKE_S_DEAD ? sa : NULL;
}

struct ike_sa *ike_sa_by_session(struct ike_engine *e, uint32_t session)
{
    struct ike_node *n = ike_table_find(&e->by_session, session);
    struct ike_sa *sa = n ? n->owner : NULL;
    return sa && sa->state != IKE_S_DEAD ? sa : NULL;
}

bool ike_sa_claim_session(struct ike_sa *sa)
{
    struct ike_node *old = ike_table_find(&sa->e->by_session, sa->session);
    if (old)
        ike_table_drop(&sa->e->by_session, old);
    return ike_table_put(&sa->e->by_session, &sa->by_session, sa->session, sa);
}

uint64_t ike_peer_key(const struct ip_addr *remote, uint16_t port)
{
    return ike_hash(remote->b, sizeof(remote->b), port);
}

bool ike_sa_usable(const struct ike_sa *sa)
{
    return sa->state == IKE_S_ESTABLISHED && !sa->provisional;
}

// --- birth

static void set_timer(struct ike_timer *t, enum ike_timer_kind kind, void *owner)
{
    t->kind = kind;
    t->owner = owner;
}

struct ike_sa *ike_sa_new(struct ike_engine *e, struct ike_profile *p, const struct ike_path *path, bool initiator,
                          uint32_t session)
{
    uint64_t spi = 0;
    if (e->n_sas >= e->limits.max_sas)
        return NULL;
    struct ike_sa *sa = ike_zalloc(e, sizeof(*sa));
    if (sa == NULL)
        return NULL;
    sa->e = e;
    sa->initiator = sa->origin = initiator;
    sa->path = *path;
    sa->peer_window = 1;
    sa->born = sa->last_in = e->now;
    set_timer(&sa->wake, IKE_TM_QUEUE, sa);
    set_timer(&sa->life, IKE_TM_LIFE, sa);
    set_timer(&sa->dpd, IKE_TM_DPD, sa);
    set_timer(&sa->keepalive, IKE_TM_KEEPALIVE, sa);
    do {
        if (!ike_random(e, &spi, sizeof(spi)) || !ike_random(e, &sa->iv, sizeof(sa->iv))) {
            free(sa);
            return NULL;
        }
    } while (spi == 0 || ike_table_find(&e->by_spi, spi));
    *(initiator ? &sa->spi_i : &sa->spi_r) = spi;
    if (!ike_heap_reserve(&e->timers, IKE_SA_TIMERS)) {
        free(sa);
        return NULL;
    }
    if (!ike_table_put(&e->by_spi, &sa->by_spi, spi, sa)) {
        ike_heap_release(&e->timers, IKE_SA_TIMERS);
        free(sa);
        return NULL;
    }
    sa->profile = ike_profile_ref(p);
    sa->session = session ? session : ++e->last_session;
    sa->next = e->sas;
    if (e->sas)
        e->sas->prev = sa;
    e->sas = sa;
    e->n_sas++;
    return sa;
}

void ike_sa_half_open(struct ike_sa *sa, bool on)
{
    if (sa->half_open == on)
        return;
    if (on && !ike_half_open_add(sa->e, &sa->path.remote))
        return;
    if (!on) {
        ike_half_open_sub(sa->e, &sa->path.remote);
        ike_half_discharge(sa, SIZE_MAX);
    }
    sa->half_open = on;
    sa->e->n_half_open += on ? 1 : -1;
}

void ike_sa_export_keys(const struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    const struct ike_key_export k = {
        .spi_i = sa->spi_i,
        .spi_r = sa->spi_r,
        .sk_ei = sa->keys.ei,
        .sk_er = sa->keys.er,
        .sk_ai = sa->keys.ai,
        .sk_ar = sa->keys.ar,
        .encr_len = ike_encr_key_len(sa->suite.encr, sa->suite.encr_bits),
        .integ_len = ike_integ_key_len(sa->suite.integ),
        .suite = sa->suite,
    };
    if (e->limits.export_keys && e->ops->key_export)
        e->ops->key_export(e->ctx, &k);
}

void ike_sa_forget_init(struct ike_sa *sa)
{
    ike_ppk_free(sa);
    ike_auth_free(sa);
    free(sa->ni);
    free(sa->nr);
    free(sa->init_req);
    free(sa->init_resp);
    sa->ni = sa->nr = sa->init_req = sa->init_resp = NULL;
    sa->init_req_len = sa->init_resp_len = 0;
}

// --- life

// Seconds to the soft end of a lifetime, with jitter.
uint64_t ike_sa_soft_end(struct ike_sa *sa, uint32_t lifetime)
{
    const struct ike_profile *p = sa->profile;
    uint32_t r = 0;
    const uint64_t jitter = (uint64_t)lifetime * IKE_SECOND / 100 * p->jitter_percent;
    if (!ike_random(sa->e, &r, sizeof(r)))
        r = UINT32_MAX;
    return (uint64_t)lifetime * IKE_SECOND / 100 * p->rekey_percent - (uint64_t)((double)jitter * r / UINT32_MAX);
}

void ike_sa_arm_life(struct ike_sa *sa)
{
    uint64_t at = sa->expire_at;
    if (sa->rekey_at && (at == 0 || sa->rekey_at < at))
        at = sa->rekey_at;
    const uint64_t reauth = ike_reauth_next(sa);
    if (reauth && (at == 0 || reauth < at))
        at = reauth;
    if (at)
        ike_heap_start(&sa->e->timers, &sa->life, at);
    else
        ike_heap_stop(&sa->e->timers, &sa->life);
}

void ike_sa_start_life(struct ike_sa *sa)
{
    const uint32_t lifetime = sa->profile->ike_lifetime;
    sa->born = sa->e->now;
    sa->rekey_at = lifetime ? sa->e->now + ike_sa_soft_end(sa, lifetime) : 0;
    sa->expire_at = lifetime ? sa->e->now + (uint64_t)lifetime * IKE_SECOND : 0;
    ike_sa_arm_life(sa);
    ike_dpd_start(sa);
    ike_nat_keepalive_start(sa);
}

struct announce {
    void (*fn)(void *ctx, const struct ike_sa_info *sa);
    void *ctx;
};

static void announce(void *arg, const struct ike_sa_info *info)
{
    const struct announce *a = arg;
    a->fn(a->ctx, info);
}

void ike_sa_established(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    ike_sa_half_open(sa, false);
    if (sa->origin)
        ike_successor_take_over(sa);
    if (sa->remote_id)
        ike_table_put(&e->by_id, &sa->by_id, ike_hash(sa->remote_id->data, sa->remote_id->len, sa->remote_id->type),
                      sa);
    ike_table_put(&e->by_peer, &sa->by_peer, ike_peer_key(&sa->path.remote, sa->path.remote_port), sa);
    if (sa->announced) { // it goes on with a session that was there
        struct announce a = {e->ops->sa_rekeyed, e->ctx};
        if (a.fn)
            ike_sa_info(sa, announce, &a);
        return;
    }
    e->stats.sas_up++;
    sa->announced = true;
    if (e->ops->sa_up) {
        struct announce a = {e->ops->sa_up, e->ctx};
        ike_sa_info(sa, announce, &a);
    }
}

void ike_sa_life_timer(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    switch (sa->state) {
    case IKE_S_INIT_RCVD:
    case IKE_S_AUTH_WAIT:
        ike_sa_log(sa, IKE_LOG_INFO, "the initiator did not authenticate within %u s", e->limits.half_open_s);
        ike_sa_close(sa, IKE_R_TIMEOUT, false);
        break;
    case IKE_S_ESTABLISHED:
        if (ike_reauth_due(sa))
            break;
        if (sa->expire_at && e->now >= sa->expire_at) {
            ike_sa_delete(sa, IKE_R_EXPIRED, 0);
        } else if (sa->provisional) { // the rekey that it collided with never ended
            ike_sa_delete(sa, IKE_R_REDUNDANT, 0);
        } else if (sa->rekey_at && e->now >= sa->rekey_at) {
            sa->rekey_at = 0;
            ike_sa_arm_life(sa);
            if (!ike_task_pending(sa, IKE_TASK_REKEY_IKE, 0) && ike_task_add(sa, IKE_TASK_REKEY_IKE, 0))
                ike_task_run(sa);
        } else {
            ike_sa_arm_life(sa);
        }
        break;
    case IKE_S_REPLACED:
        if (ike_successor_busy(sa)) { // its children are not all made again
            ike_timer_start(e, &sa->life, IKE_SECOND);
            break;
        }
        // The one that lost a collision: a peer that saw the collision has deleted it long ago, one that did not (our
        // Delete of the old SA was there first) never had it, and would answer nothing.
        if (sa->reason == IKE_R_REDUNDANT)
            ike_sa_close(sa, IKE_R_REDUNDANT, false);
        else
            ike_sa_delete(sa, sa->reason ? sa->reason : IKE_R_REKEYED, 0);
        break;
    case IKE_S_CLOSED:
        ike_sa_set_state(sa, IKE_S_DEAD, "no retransmission is to be expected");
        break;
    default:
        break;
    }
}

// --- paths

void ike_sa_take_path(struct ike_sa *sa, const struct ike_path *path)
{
    struct ike_engine *e = sa->e;
    const bool moves = !ip_equal(&sa->path.remote, &path->remote) || sa->path.remote_port != path->remote_port;
    sa->path = *path;
    if (moves && sa->by_peer.owner) { // it is found by its address and port
        ike_table_drop(&e->by_peer, &sa->by_peer);
        ike_table_put(&e->by_peer, &sa->by_peer, ike_peer_key(&path->remote, path->remote_port), sa);
    }
}

void ike_sa_tell_path(struct ike_sa *sa, const struct ike_path *old)
{
    struct ike_engine *e = sa->e;
    if (e->ops->path_changed) {
        struct ike_sa_info info;
        memset(&info, 0, sizeof(info));
        info.session = sa->session;
        info.profile = sa->profile;
        info.path = sa->path;
        info.remote_id = sa->remote_id;
        info.local_id = sa->local_id;
        info.state = ike_state_name(sa->state);
        e->ops->path_changed(e->ctx, &info, old);
    }
}

void ike_sa_set_path(struct ike_sa *sa, const struct ike_path *path)
{
    struct ike_engine *e = sa->e;
    const struct ike_path old = sa->path;
    char from[64], to[64];
    if (sa->half_open) // counted under its address
        return;
    ike_sa_take_path(sa, path);
    ike_sa_log(sa, IKE_LOG_INFO, "the peer moved from %s port %u to %s port %u",
               ike_addr_format(&old.remote, from, sizeof(from)), old.remote_port,
               ike_addr_format(&path->remote, to, sizeof(to)), path->remote_port);
    e->stats.peer_moves++;
    ike_mobike_move_children(sa, path);
    ike_sa_tell_path(sa, &old);
}

void ike_sa_saw_path(struct ike_sa *sa, const struct ike_path *path)
{
    if (ike_path_equal(&sa->path, path))
        return;
    if (sa->state == IKE_S_AUTH_WAIT) {
        // The initiator went to the NAT traversal port, and perhaps got another address by that.
        if (sa->half_open && !ip_equal(&sa->path.remote, &path->remote)) {
            const uint32_t held = sa->held;
            ike_sa_half_open(sa, false);
            sa->path = *path;
            ike_sa_half_open(sa, true);
            (void)ike_half_charge(sa, held); // it was within the bound
        } else {
            sa->path = *path;
        }
    } else if (sa->nat_remote && !sa->nat_local && !sa->mobike) { // with MOBIKE it tells (RFC 4555 3.8)
        ike_sa_set_path(sa, path);
    }
}

// --- death

static void told_down(struct ike_sa *sa, enum ike_reason why)
{
    struct ike_engine *e = sa->e;
    if (sa->down_told)
        return;
    sa->down_told = true;
    if (sa->announced)
        e->stats.sas_down++;
    if (e->ops->sa_down && (sa->announced || sa->initiator)) {
        struct ike_sa_info info;
        memset(&info, 0, sizeof(info));
        info.session = sa->session;
        info.profile = sa->profile;
        info.state = ike_state_name(sa->state);
        info.initiator = sa->initiator;
        info.established = sa->announced;
        info.path = sa->path;
        info.spi_i = sa->spi_i;
        info.spi_r = sa->spi_r;
        info.local_id = sa->local_id;
        info.remote_id = sa->remote_id;
        info.born = sa->born;
        e->ops->sa_down(e->ctx, &info, why);
    }
}

// What both ways of ending have in common: no children, no address, no other exchanges.
static void strip(struct ike_sa *sa, enum ike_reason why)
{
    struct ike_engine *e = sa->e;
    if (sa->reason == IKE_R_NONE || sa->reason == IKE_R_REKEYED)
        sa->reason = why;
    ike_log(e, sa->down_told ? IKE_LOG_DEBUG : IKE_LOG_INFO, &sa->path, "session %u: ends: %s", sa->session,
            ike_reason_name(why));
    ike_successor_ends(sa);
    ike_resume_ends(sa, why);
    ike_redirect_forget(sa);
    while (sa->children)
        ike_child_drop(sa->children, why == IKE_R_SHUTDOWN ? IKE_R_SHUTDOWN : IKE_R_PARENT);
    ike_task_drop_queue(sa);
    ike_cp_release(sa);
    told_down(sa, why);
    ike_heap_stop(&e->timers, &sa->dpd);
    ike_heap_stop(&e->timers, &sa->keepalive);
    ike_heap_stop(&e->timers, &sa->life);
    sa->job = 0;
    ike_request_free(sa);
}

void ike_sa_close(struct ike_sa *sa, enum ike_reason why, bool linger)
{
    struct ike_engine *e = sa->e;
    if (sa->state == IKE_S_CLOSED || sa->state == IKE_S_DEAD)
        return;
    strip(sa, why);
    ike_heap_stop(&e->timers, &sa->wake);
    ike_task_drop_out(sa);
    ike_frags_free(sa, &sa->frags);
    ike_sa_forget_init(sa);
    OPENSSL_cleanse(&sa->keys, sizeof(sa->keys));
    sa->have_keys = false;
    ike_table_drop(&e->by_session, &sa->by_session);
    ike_table_drop(&e->by_id, &sa->by_id);
    ike_table_drop(&e->by_peer, &sa->by_peer);
    if (linger && sa->answer) {
        ike_sa_set_state(sa, IKE_S_CLOSED, ike_reason_name(why));
        ike_timer_start(e, &sa->life, (uint64_t)IKE_T_CLOSED * IKE_SECOND);
    } else {
        ike_sa_set_state(sa, IKE_S_DEAD, ike_reason_name(why));
    }
}

void ike_sa_delete(struct ike_sa *sa, enum ike_reason why, uint16_t notify)
{
    if (sa->state == IKE_S_DELETING || sa->state == IKE_S_CLOSED || sa->state == IKE_S_DEAD)
        return;
    if (!sa->have_keys ||
        (sa->state != IKE_S_AUTH_SENT && sa->state != IKE_S_ESTABLISHED && sa->state != IKE_S_REPLACED)) {
        ike_sa_close(sa, why, false);
        return;
    }
    strip(sa, why);
    ike_task_cancel_unsent(sa, IKE_TASK_REKEY_IKE, 0);
    struct ike_task *t = ike_task_add(sa, IKE_TASK_DELETE_IKE, 0);
    if (t == NULL) {
        ike_sa_close(sa, why, false);
        return;
    }
    t->notify = notify;
    ike_sa_set_state(sa, IKE_S_DELETING, ike_reason_name(why));
    ike_task_run(sa);
}

void ike_sa_free(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    ike_sa_half_open(sa, false);
    ike_heap_stop(&e->timers, &sa->wake);
    ike_heap_stop(&e->timers, &sa->life);
    ike_heap_stop(&e->timers, &sa->dpd);
    ike_heap_stop(&e->timers, &sa->keepalive);
    ike_heap_release(&e->timers, IKE_SA_TIMERS);
    ike_table_drop(&e->by_spi, &sa->by_spi);
    ike_table_drop(&e->by_session, &sa->by_session);
    ike_table_drop(&e->by_init, &sa->by_init);
    ike_table_drop(&e->by_id, &sa->by_id);
    ike_table_drop(&e->by_peer, &sa->by_peer);
    ike_sa_forget_init(sa);
    ike_task_drop_out(sa);
    ike_task_drop_queue(sa);
    ike_frags_free(sa, &sa->frags);
    ike_request_free(sa);
    free(sa->answer);
    free(sa->local_id);
    free(sa->remote_id);
    free(sa->eap_id);
    free(sa->cert_id);
    free(sa->given);
    free(sa->taken);
    ike_ext_free(sa);
    ike_profile_unref(sa->profile);
    if (sa->prev)
        sa->prev->next = sa->next;
    else
        e->sas = sa->next;
    if (sa->next)
        sa->next->prev = sa->prev;
    e->n_sas--;
    OPENSSL_cleanse(sa, sizeof(*sa));
    free(sa);
}
