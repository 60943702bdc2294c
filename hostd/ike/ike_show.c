// SPDX-License-Identifier: BSD-2-Clause
// Snapshots of sessions for `show`, and the operations that a user gives.
#include "hostd/ike/ike_int.h"

void ike_sa_info(struct ike_sa *sa, void (*fn)(void *arg, const struct ike_sa_info *info), void *arg)
{
    struct ike_sa_info i;
    struct ike_cp_values given, taken;
    const struct ike_child_sa **list = calloc(sa->n_child + 1, sizeof(struct ike_child_sa *));
    memset(&i, 0, sizeof(i));
    i.session = sa->session;
    i.profile = sa->profile;
    i.state = ike_state_name(sa->state);
    i.initiator = sa->initiator;
    i.established = sa->state == IKE_S_ESTABLISHED;
    i.spi_i = sa->spi_i;
    i.spi_r = sa->spi_r;
    i.path = sa->path;
    i.local_id = sa->local_id;
    i.remote_id = sa->remote_id;
    i.suite = sa->suite;
    i.auth_local = sa->auth_local;
    i.auth_remote = sa->auth_remote;
    i.nat_local = sa->nat_local;
    i.nat_remote = sa->nat_remote;
    i.fragmentation = sa->peer_frag && sa->profile->fragmentation;
    i.cookie = sa->cookie_seen;
    i.born = sa->born;
    i.rekey_at = sa->rekey_at;
    i.expire_at = sa->expire_at;
    i.last_in = sa->last_in;
    i.next_out = sa->next_out;
    i.next_in = sa->next_in;
    i.window = sa->profile->window;
    i.peer_window = sa->peer_window;
    i.mobike = sa->mobike;
    i.peer_redirect = sa->peer_redirect;
    i.ppk = sa->ppk;
    i.resumed = sa->resumed;
    i.reauth_at = sa->ext ? sa->ext->reauth_at : 0;
    i.auth_until = sa->ext ? sa->ext->auth_until : 0;
    for (const struct ike_task *t = sa->queue; t; t = t->next)
        i.requests_queued++;
    for (const struct ike_task *t = sa->task; t; t = t->next)
        i.requests_out++;
    i.given = ike_cp_values(sa->given, &given);
    i.taken = ike_cp_values(sa->taken, &taken);
    for (const struct ike_child *c = sa->children; list && c; c = c->next) {
        if (c->state == IKE_C_UP || c->state == IKE_C_REPLACED)
            list[i.n_child++] = &c->pub;
    }
    i.child = list;
    i.msgs_in = sa->msgs_in;
    i.msgs_out = sa->msgs_out;
    i.retransmits = sa->retransmits;
    i.dpd_sent = sa->dpd_sent;
    i.rekeys = sa->rekeys;
    i.eap_id = sa->eap_id;
    i.cert_id = sa->cert_id;
    fn(arg, &i);
    free(list);
}

struct walk {
    bool (*fn)(void *arg, const struct ike_sa_info *sa);
    void *arg;
    bool stop;
};

static void walk_one(void *arg, const struct ike_sa_info *info)
{
    struct walk *w = arg;
    w->stop = !w->fn(w->arg, info);
}

void ike_show(struct ike_engine *e, bool (*fn)(void *arg, const struct ike_sa_info *sa), void *arg)
{
    struct walk w = {fn, arg, false};
    e->depth++;
    for (struct ike_sa *sa = e->sas; sa && !w.stop; sa = sa->next) {
        if (sa->state != IKE_S_CLOSED && sa->state != IKE_S_DEAD && sa->state != IKE_S_REPLACED)
            ike_sa_info(sa, walk_one, &w);
    }
    e->depth--;
}

bool ike_show_one(struct ike_engine *e, uint32_t session, void (*fn)(void *arg, const struct ike_sa_info *sa),
                  void *arg)
{
    struct ike_sa *sa = ike_sa_by_session(e, session);
    if (sa == NULL)
        return false;
    ike_sa_info(sa, fn, arg);
    return true;
}

uint32_t ike_initiate(struct ike_engine *e, struct ike_profile *p, const struct ike_path *path, uint64_t now)
{
    const char *why = ike_profile_check(p);
    uint32_t session = 0;
    ike_enter(e, now);
    struct ike_sa *sa = why ? NULL : ike_sa_new(e, p, path, true, 0);
    if (why) {
        ike_log(e, IKE_LOG_ERROR, path, "profile %s: %s", p->name, why);
    } else if (sa == NULL) {
        ike_log(e, IKE_LOG_ERROR, path, "profile %s: no room for another IKE SA", p->name);
    } else if (!ike_sa_claim_session(sa) || !ike_task_add(sa, IKE_TASK_INIT, 0)) {
        sa->down_told = true; // the owner never got its number
        ike_sa_close(sa, IKE_R_RESOURCES, false);
    } else {
        session = sa->session;
        ike_task_run(sa);
    }
    ike_leave(e);
    return session;
}

// Queue an exchange on the session; 0 or -1.
static int start(struct ike_engine *e, struct ike_sa *sa, enum ike_task_kind kind, uint32_t child)
{
    if (sa == NULL || sa->state != IKE_S_ESTABLISHED)
        return -1;
    if (ike_task_pending(sa, kind, child))
        return 0;
    if (ike_task_add(sa, kind, child) == NULL)
        return -1;
    (void)e;
    ike_task_run(sa);
    return 0;
}

int ike_rekey_ike(struct ike_engine *e, uint32_t session, uint64_t now)
{
    ike_enter(e, now);
    const int rc = start(e, ike_sa_by_session(e, session), IKE_TASK_REKEY_IKE, 0);
    ike_leave(e);
    return rc;
}

int ike_tell_config(struct ike_engine *e, uint32_t session, uint64_t now)
{
    ike_enter(e, now);
    const int rc = start(e, ike_sa_by_session(e, session), IKE_TASK_CONFIG, 0);
    ike_leave(e);
    return rc;
}

int ike_probe(struct ike_engine *e, uint32_t session, uint64_t now)
{
    ike_enter(e, now);
    const int rc = start(e, ike_sa_by_session(e, session), IKE_TASK_DPD, 0);
    ike_leave(e);
    return rc;
}

static int start_child(struct ike_engine *e, uint32_t spi_in, enum ike_task_kind kind)
{
    struct ike_child *c = ike_child_by_spi(e, spi_in);
    if (c == NULL || c->state != IKE_C_UP)
        return -1;
    return start(e, c->sa, kind, c->pub.id);
}

int ike_rekey_child(struct ike_engine *e, uint32_t spi_in, uint64_t now)
{
    ike_enter(e, now);
    const int rc = start_child(e, spi_in, IKE_TASK_REKEY_CHILD);
    ike_leave(e);
    return rc;
}

int ike_delete_child(struct ike_engine *e, uint32_t spi_in, uint64_t now)
{
    ike_enter(e, now);
    const int rc = start_child(e, spi_in, IKE_TASK_DELETE_CHILD);
    ike_leave(e);
    return rc;
}

int ike_child_expire(struct ike_engine *e, uint32_t spi_in, bool hard, uint64_t now)
{
    int rc = 0;
    ike_enter(e, now);
    struct ike_child *c = ike_child_by_spi(e, spi_in);
    if (c == NULL)
        rc = -1;
    else if (c->state != IKE_C_UP)
        rc = 0; // it is on its way out already
    else if (hard)
        rc = start_child(e, spi_in, IKE_TASK_DELETE_CHILD);
    else if (!c->soft_done) {
        c->soft_done = true;
        rc = start_child(e, spi_in, IKE_TASK_REKEY_CHILD);
    }
    ike_leave(e);
    return rc;
}

int ike_child_inbound_seen(struct ike_engine *e, uint32_t spi_in, uint64_t now)
{
    ike_enter(e, now);
    struct ike_child *c = ike_child_by_spi(e, spi_in);
    if (c && c->state == IKE_C_UP)
        ike_child_switch(c);
    ike_leave(e);
    return c ? 0 : -1;
}

int ike_delete(struct ike_engine *e, uint32_t session, uint64_t now)
{
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_session(e, session);
    if (sa)
        ike_sa_delete(sa, IKE_R_USER, 0);
    ike_leave(e);
    return sa ? 0 : -1;
}

int ike_delete_fast(struct ike_engine *e, uint32_t session, uint64_t now)
{
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_session(e, session);
    if (sa) {
        ike_sa_delete(sa, IKE_R_USER, 0);
        ike_sa_close(sa, IKE_R_USER, false);
    }
    ike_leave(e);
    return sa ? 0 : -1;
}

int ike_new_child(struct ike_engine *e, uint32_t session, const struct ike_ts *local, size_t n_local,
                  const struct ike_ts *remote, size_t n_remote, uint64_t now)
{
    int rc = -1;
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_session(e, session);
    const bool fits = n_local <= IKE_MAX_TS && n_remote <= IKE_MAX_TS && (local == NULL) == (remote == NULL);
    struct ike_task *t = sa && fits && ike_sa_usable(sa) ? ike_task_add(sa, IKE_TASK_NEW_CHILD, 0) : NULL;
    if (t) {
        rc = 0;
        if (local) {
            t->ts = ike_zalloc(e, (n_local + n_remote) * sizeof(struct ike_ts));
            t->n_local = (uint8_t)n_local;
            t->n_remote = (uint8_t)n_remote;
            if (t->ts) {
                memcpy(t->ts, local, n_local * sizeof(struct ike_ts));
                memcpy(t->ts + n_local, remote, n_remote * sizeof(struct ike_ts));
            } else {
                rc = -1;
                ike_task_cancel_unsent(sa, IKE_TASK_NEW_CHILD, 0);
            }
        }
        ike_task_run(sa);
    }
    ike_leave(e);
    return rc;
}
