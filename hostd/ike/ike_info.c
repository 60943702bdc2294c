// SPDX-License-Identifier: BSD-2-Clause
// INFORMATIONAL (RFC 7296 1.4): deletes of both kinds, error notifies, and the empty message that asks "are you
// there?".
#include "hostd/ike/ike_int.h"

void ike_info_start(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_task *t = sa->task;
    struct ike_child *c = t->child ? ike_child_by_id(e, t->child) : NULL;
    struct ike_build b;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    switch (t->kind) {
    case IKE_TASK_DELETE_IKE:
        if (t->notify)
            ike_put_notify(&b, t->notify, NULL, 0);
        ike_put_delete(&b, IKE_PROTO_IKE, NULL, 0);
        break;
    case IKE_TASK_DELETE_CHILD:
        if (c && c->why == IKE_R_NONE)
            c->why = IKE_R_USER;
        if (c && c->state != IKE_C_DELETING)
            ike_child_set_state(c, IKE_C_DELETING, ike_reason_name(c->why));
        if (c)
            ike_put_delete(&b, IKE_PROTO_ESP, &c->pub.spi_in, 1);
        break;
    case IKE_TASK_REDIRECT:
        ike_redirect_put_request(sa, &b);
        break;
    case IKE_TASK_NOTICE:
        ike_notice_put(sa, &b);
        break;
    case IKE_TASK_DPD: // the empty message
        sa->dpd_sent++;
        e->stats.dpd_sent++;
        ike_mobike_put_request(sa, &b);
        break;
    default:
        ike_mobike_put_request(sa, &b);
        break;
    }
    if (ike_send_request(sa, IKE_X_INFORMATIONAL, &b))
        return;
    if (t->kind == IKE_TASK_DPD)
        ike_task_finish(sa); // the timer will ask again
    else if (t->retries < IKE_MAX_CHILD_RETRIES)
        ike_task_retry(sa, (uint64_t)IKE_T_TEMPORARY * IKE_SECOND);
    else
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

void ike_info_response(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_task *t = sa->task;
    if (t->kind == IKE_TASK_CONFIG)
        ike_cp_acked(sa, p);
    if (t->kind == IKE_TASK_DELETE_IKE) {
        ike_sa_close(sa, sa->reason, false);
        return;
    }
    if (!ike_mobike_response(sa, p))
        return;
    // Whatever else it says, the peer lives and has done what was asked.
    struct ike_child *c = t->kind == IKE_TASK_DELETE_CHILD ? ike_child_by_id(sa->e, t->child) : NULL;
    ike_task_abandon(sa);
    if (c)
        ike_child_deleted(c, c->why);
    ike_task_run(sa);
}

// Delete the children that the peer names, and collect our SPIs of them for the answer.
static size_t delete_children(struct ike_sa *sa, const struct ike_delete_in *d, uint32_t *spis, size_t n, size_t max)
{
    struct buf b;
    buf_init(&b, d->spis, (size_t)d->spi_size * d->count);
    for (unsigned i = 0; i < d->count; i++) {
        const uint32_t spi = buf_u32(&b);
        struct ike_child *c = ike_child_by_out(sa, spi);
        if (c == NULL || c->state == IKE_C_NEW) {
            ike_sa_log(sa, IKE_LOG_FAULT, "the peer deletes SPI %08x, which is not there", spi);
            ike_create_gone(sa, spi);
            continue;
        }
        // Both delete it: the answer does not name it again (1.4.1).
        if (c->state != IKE_C_DELETING && n < max)
            spis[n++] = c->pub.spi_in;
        ike_task_cancel_unsent(sa, IKE_TASK_REKEY_CHILD, c->pub.id);
        ike_task_cancel_unsent(sa, IKE_TASK_DELETE_CHILD, c->pub.id);
        ike_child_deleted(c, c->why != IKE_R_NONE ? c->why : IKE_R_PEER_DELETE);
    }
    return n;
}

// p: what the answer's configuration payload and MOBIKE answer; NULL: nothing. true: the peer's configuration was
// taken.
static bool answer(struct ike_sa *sa, const struct ike_payloads *p, const uint32_t *spis, size_t n)
{
    struct ike_build b;
    ike_build_chain(&b, sa->e->chain, IKE_MAX_MESSAGE);
    if (p)
        (void)ike_mobike_request(sa, p, &b);
    if (n)
        ike_put_delete(&b, IKE_PROTO_ESP, spis, n);
    const bool taken = p && ike_cp_answer(sa, p, &b);
    ike_send_response(sa, &b);
    return taken;
}

void ike_info_request(struct ike_sa *sa, const struct ike_payloads *p)
{
    uint32_t spis[64];
    size_t n = 0;
    if (ike_find_notify(p, IKE_N_AUTH_FAILED)) { // 2.21.2: the initiator does not believe us
        answer(sa, NULL, NULL, 0);
        ike_sa_log(sa, IKE_LOG_WARN, "the peer says AUTHENTICATION_FAILED");
        sa->e->stats.auth_failures++;
        ike_sa_close(sa, IKE_R_AUTH_FAILED, true);
        return;
    }
    for (uint32_t i = 0; i < p->n_delete; i++) {
        if (p->del[i].proto != IKE_PROTO_IKE)
            continue;
        if (sa->state == IKE_S_ESTABLISHED && ike_rekey_deriving(sa)) {
            // The peer has decided between two new SAs, and waits for the Delete of ours if that has lost.
            ike_request_pass(sa);
            return;
        }
        answer(sa, NULL, NULL, 0);
        if (sa->state == IKE_S_ESTABLISHED)
            ike_rekey_adopt(sa); // the peer's new SA, if there is one, goes on with the children
        ike_sa_close(sa, sa->reason ? sa->reason : IKE_R_PEER_DELETE, true);
        return;
    }
    if (sa->state == IKE_S_AUTH_WAIT) { // of who is not authenticated nothing else is taken
        ike_auth_refuse(sa, "an INFORMATIONAL request before it is authenticated");
        return;
    }
    ike_rekey_claimed(sa); // it is about the children, which have to be here then
    for (uint32_t i = 0; i < p->n_delete && sa->state == IKE_S_ESTABLISHED; i++) {
        if (p->del[i].proto == IKE_PROTO_ESP)
            n = delete_children(sa, &p->del[i], spis, n, sizeof(spis) / sizeof(spis[0]));
    }
    if (answer(sa, p, spis, n))
        ike_cp_tell_taken(sa);
    ike_notice_take(sa, p);
    ike_redirect_request(sa, p);
    ike_task_run(sa);
}

// --- dead peer detection

void ike_dpd_start(struct ike_sa *sa)
{
    if (sa->profile->dpd_interval)
        ike_timer_start(sa->e, &sa->dpd, (uint64_t)sa->profile->dpd_interval * IKE_SECOND);
}

// When traffic last came from the peer and went to it, over all children.
static void activity(struct ike_sa *sa, uint64_t *last_in, uint64_t *last_out)
{
    struct ike_engine *e = sa->e;
    *last_in = sa->last_in;
    *last_out = 0;
    for (const struct ike_child *c = sa->children; e->ops->child_activity && c; c = c->next) {
        uint64_t in = 0, out = 0;
        if (!c->installed)
            continue;
        e->ops->child_activity(e->ctx, &c->pub, &in, &out);
        *last_in = in > *last_in ? in : *last_in;
        *last_out = out > *last_out ? out : *last_out;
    }
}

// Traffic tells as much as messages do: the owner asks for the children's counters now. false: there is nothing to wait
// for.
static bool look(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    if (e->ops->child_look == NULL || sa->dpd_looked)
        return false;
    for (const struct ike_child *c = sa->children; c; c = c->next) {
        if (c->installed) {
            e->ops->child_look(e->ctx, &c->pub);
            sa->dpd_looked = true;
        }
    }
    return sa->dpd_looked;
}

// Is the peer there? A request that is under way tells as well as one of its own, but is repeated more and more seldom:
// from now on as often as that.
void ike_dpd_ask(struct ike_sa *sa)
{
    struct ike_task *t = ike_task_oldest(sa);
    if (t && t->kind != IKE_TASK_DPD && !t->asks) {
        t->asks = true;
        ike_send_anew(t);
    } else if (sa->task == NULL && ike_task_add(sa, IKE_TASK_DPD, 0)) {
        ike_task_run(sa);
    }
}

void ike_dpd_timer(struct ike_sa *sa)
{
    const uint64_t interval = (uint64_t)sa->profile->dpd_interval * IKE_SECOND, now = sa->e->now;
    uint64_t in, out;
    if (sa->state != IKE_S_ESTABLISHED)
        return;
    activity(sa, &in, &out);
    const bool heard = in + interval > now;
    if (!heard && look(sa)) {
        ike_timer_start(sa->e, &sa->dpd, (uint64_t)IKE_T_LOOK_MS * 1000);
        return;
    }
    sa->dpd_looked = false;
    if (!heard && !(sa->profile->dpd_on_demand && out <= in))
        ike_dpd_ask(sa);
    if (sa->state == IKE_S_ESTABLISHED)
        ike_timer_start(sa->e, &sa->dpd, heard ? in + interval - now : interval);
}
