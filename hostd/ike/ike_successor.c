// SPDX-License-Identifier: BSD-2-Clause
// A session goes over to another IKE SA that was made from scratch: to authenticate again (RFC 7296 2.8.3, RFC 4478),
// or because the gateway redirects. The new SA and its children come first, the old SA goes last, so that traffic never
// stops: the initiator's new children send at once, the responder's wait until traffic comes in on them, and the old SA
// is deleted when its stragglers are through.
#include "hostd/ike/ike_int.h"

static struct ike_sa *other(const struct ike_sa *sa, uint64_t spi)
{
    return spi ? ike_sa_by_spi(sa->e, spi) : NULL;
}

struct ike_sa *ike_successor_start(struct ike_sa *old, const struct ip_addr *remote)
{
    struct ike_engine *e = old->e;
    struct ike_path path = old->path;
    if (!ike_ext(old) || old->ext->successor)
        return NULL;
    if (remote) { // a gateway that nothing is known of
        path.remote = *remote;
        path.natt = false;
        path.local_port = e->limits.port;
        path.remote_port = e->limits.port;
    }
    struct ike_sa *sa = ike_sa_new(e, old->profile, &path, true, old->session);
    struct ike_ext *x = sa ? ike_ext(sa) : NULL;
    if (x == NULL || !ike_task_add(sa, IKE_TASK_INIT, 0)) {
        if (sa) {
            sa->down_told = true;
            ike_sa_close(sa, IKE_R_RESOURCES, false);
        }
        return NULL;
    }
    sa->down_told = true; // the session is the old one's until this one takes over
    x->replaces = ike_local_spi(old);
    x->n_redirects = old->ext->n_redirects;
    x->redirect_since = old->ext->redirect_since;
    old->ext->successor = ike_local_spi(sa);
    return sa;
}

static const struct ike_child *oldest_up(const struct ike_sa *sa)
{
    const struct ike_child *c = sa ? sa->children : NULL;
    while (c && c->state != IKE_C_UP)
        c = c->next;
    return c;
}

uint32_t ike_successor_first_child(const struct ike_sa *sa)
{
    const struct ike_child *c = sa->ext ? oldest_up(other(sa, sa->ext->replaces)) : NULL;
    return c ? c->pub.id : 0;
}

// The other children of the old SA are made again on the new one.
static void renew_children(const struct ike_sa *old, struct ike_sa *sa)
{
    const struct ike_child *first = oldest_up(old);
    for (const struct ike_child *c = first ? first->next : NULL; c; c = c->next) {
        struct ike_task *t = c->state == IKE_C_UP ? ike_task_add(sa, IKE_TASK_NEW_CHILD, 0) : NULL;
        if (t == NULL)
            continue;
        t->replaces = c->pub.id;
        t->n_local = c->pub.n_ts_local;
        t->n_remote = c->pub.n_ts_remote;
        t->ts = ike_copy(sa->e, c->ts, ((size_t)t->n_local + t->n_remote) * sizeof(*t->ts));
        if (t->ts == NULL)
            t->n_local = t->n_remote = 0;
    }
}

// The name of the session, and what the owner was told, are the new SA's.
static void hand_over(struct ike_sa *old, struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    sa->announced = old->announced;
    sa->down_told = old->down_told;
    sa->rekeys = old->rekeys + 1;
    old->down_told = true;
    ike_table_drop(&e->by_id, &old->by_id);
    ike_table_drop(&e->by_session, &old->by_session);
    ike_sa_claim_session(sa);
    e->stats.reauths++;
}

bool ike_successor_take_over(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_sa *old = sa->ext ? other(sa, sa->ext->replaces) : NULL;
    if (sa->ext == NULL || sa->ext->replaces == 0)
        return false;
    if (old == NULL || old->state != IKE_S_ESTABLISHED) { // it ended meanwhile: this one is on its own
        sa->ext->replaces = 0;
        sa->down_told = false;
        ike_sa_claim_session(sa);
        return false;
    }
    hand_over(old, sa);
    renew_children(old, sa);
    ike_sa_log(sa, IKE_LOG_INFO, "a new IKE SA takes the session over");
    old->reason = IKE_R_REKEYED;
    ike_sa_set_state(old, IKE_S_REPLACED, "authenticated again");
    ike_heap_stop(&e->timers, &old->dpd);
    ike_heap_stop(&e->timers, &old->keepalive);
    // Until the responder has moved its traffic even if it sees none of ours, and stragglers are through.
    ike_timer_start(e, &old->life, (uint64_t)(IKE_T_CHILD_SWITCH + IKE_T_CHILD_LINGER) * IKE_SECOND);
    return true;
}

bool ike_successor_busy(const struct ike_sa *sa)
{
    const struct ike_sa *next = sa->ext ? other(sa, sa->ext->successor) : NULL;
    if (next == NULL || next->state != IKE_S_ESTABLISHED ||
        sa->e->now > next->born + (uint64_t)IKE_T_REPLACED * IKE_SECOND)
        return false;
    const struct ike_task *const lists[] = {next->task, next->queue};
    for (int i = 0; i < 2; i++) {
        for (const struct ike_task *t = lists[i]; t; t = t->next) {
            if (t->replaces)
                return true;
        }
    }
    for (const struct ike_child *c = next->children; c; c = c->next) {
        if (c->state == IKE_C_NEW || c->state == IKE_C_INSTALLING)
            return true;
    }
    return false;
}

// Which SA the initiator authenticates again, in its IKE_AUTH: a notify of the private range that others pass over. The
// RFCs have no word for it, and without one the peer's session would look like a second one.
static const uint8_t magic[8] = {'C', 'U', 'L', 'V', 'E', 'R', 'T', 1};

static size_t name_of(const struct ike_sa *sa, uint8_t out[24])
{
    struct wbuf w;
    wbuf_init(&w, out, 24);
    wbuf_bytes(&w, magic, sizeof(magic));
    wbuf_u64(&w, sa->spi_i);
    wbuf_u64(&w, sa->spi_r);
    return w.len;
}

void ike_successor_put_auth(struct ike_sa *sa, struct ike_build *b)
{
    const struct ike_sa *old = sa->initiator && sa->ext ? other(sa, sa->ext->replaces) : NULL;
    uint8_t data[24];
    if (old && ip_equal(&old->path.remote, &sa->path.remote))
        ike_put_notify(b, IKE_N_SUCCEEDS, data, name_of(old, data));
}

// The session that it names, 0: none. Its SA may have been rekeyed meanwhile.
static uint32_t named(const struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_SUCCEEDS);
    uint8_t data[24];
    struct buf b;
    if (n == NULL || n->data.len != sizeof(data))
        return 0;
    buf_init(&b, n->data.p + sizeof(magic), sizeof(data) - sizeof(magic));
    for (int i = 0; i < 2; i++) {
        const struct ike_sa *old = other(sa, buf_u64(&b));
        if (old && name_of(old, data) == n->data.len && memcmp(n->data.p, data, sizeof(data)) == 0)
            return old->session;
    }
    return 0;
}

// Is the new SA the old one's authenticated again? Without saying so it is if it comes from the same address and port,
// and asks for the address that the old one has, or was told to come.
static bool succeeds(const struct ike_sa *old, const struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_cp_values asked;
    if (!ike_path_equal(&old->path, &sa->path))
        return false;
    if (old->ext && old->ext->auth_until)
        return true;
    return old->given && old->given->address.family && p->cp.attrs.p && p->cp.type == IKE_CP_REQUEST &&
           ike_cp_decode(p->cp.attrs, &asked) && ip_equal(&asked.address, &old->given->address);
}

// The session's number and the peer's address go over.
static void take_session(struct ike_sa *old, struct ike_sa *sa)
{
    ike_table_drop(&sa->e->by_session, &sa->by_session);
    sa->session = old->session;
    hand_over(old, sa);
    if (old->given && old->given->from_pool) {
        sa->given = old->given;
        old->given = NULL;
    }
}

void ike_successor_replace(struct ike_sa *old, struct ike_sa *sa)
{
    take_session(old, sa);
    ike_sa_close(old, IKE_R_REKEYED, false);
}

// Are both SAs of one peer, as far as its identity tells, and does the other one carry a session?
static bool akin(const struct ike_sa *o, const struct ike_sa *sa)
{
    return o != sa && ike_sa_usable(o) && !o->origin && o->profile == sa->profile && o->announced && o->remote_id &&
           ike_id_equal(o->remote_id, sa->remote_id);
}

// The SA that the new one succeeds: the one that it names, else one of its identity with the same address and port, by
// which it is found however many share the identity or the address.
static struct ike_sa *predecessor(const struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    const uint32_t session = named(sa, p);
    struct ike_sa *o = session ? ike_sa_by_session(e, session) : NULL;
    if (o && akin(o, sa))
        return o;
    const struct ike_node *n = ike_table_find(&e->by_peer, ike_peer_key(&sa->path.remote, sa->path.remote_port));
    for (; n; n = ike_table_again(n)) {
        if (akin(n->owner, sa) && succeeds(n->owner, sa, p))
            return n->owner;
    }
    return NULL;
}

bool ike_successor_adopt(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_sa *old = predecessor(sa, p);
    if (old == NULL || !ike_ext(sa) || !ike_ext(old))
        return false;
    sa->ext->replaces = ike_local_spi(old);
    old->ext->successor = ike_local_spi(sa);
    take_session(old, sa);
    ike_sa_log(sa, IKE_LOG_INFO, "the peer has authenticated again");
    return true;
}

static bool same_ts(const struct ike_child_sa *a, const struct ike_child_sa *b)
{
    return a->n_ts_local == b->n_ts_local && a->n_ts_remote == b->n_ts_remote &&
           memcmp(a->ts_local, b->ts_local, a->n_ts_local * sizeof(*a->ts_local)) == 0 &&
           memcmp(a->ts_remote, b->ts_remote, a->n_ts_remote * sizeof(*a->ts_remote)) == 0;
}

void ike_successor_hold(struct ike_sa *sa, struct ike_child *c)
{
    const struct ike_sa *old = sa->ext && !sa->origin ? other(sa, sa->ext->replaces) : NULL;
    for (const struct ike_child *o = old ? old->children : NULL; o; o = o->next) {
        if (o->state == IKE_C_UP && same_ts(&o->pub, &c->pub)) {
            c->pub.replaces = o->pub.id;
            c->pub.hold_outbound = true;
            return;
        }
    }
}

void ike_successor_moved(struct ike_sa *old, struct ike_sa *sa)
{
    struct ike_sa *next = old->ext ? other(old, old->ext->successor) : NULL;
    if (next && next->state < IKE_S_ESTABLISHED && next->ext && ike_ext(sa)) {
        sa->ext->successor = old->ext->successor;
        next->ext->replaces = ike_local_spi(sa);
        old->ext->successor = 0;
    }
}

void ike_successor_ends(struct ike_sa *sa)
{
    struct ike_ext *x = sa->ext;
    struct ike_sa *old = x ? other(sa, x->replaces) : NULL, *next = x ? other(sa, x->successor) : NULL;
    if (next) { // what held back for this one's children carries on
        for (struct ike_child *c = next->children; c; c = c->next) {
            if (!c->switched && ike_child_by_id(sa->e, c->pub.replaces) && c->state == IKE_C_UP)
                ike_child_switch(c);
        }
        if (next->ext)
            next->ext->replaces = 0;
        if (next->state < IKE_S_ESTABLISHED) // the session is over: nobody waits for it
            ike_sa_delete(next, sa->reason, 0);
    }
    if (old && old->ext) {
        old->ext->successor = 0;
        if (old->state == IKE_S_ESTABLISHED && old->ext->reauth_at == 0 && sa->state < IKE_S_ESTABLISHED) {
            ike_sa_log(old, IKE_LOG_WARN, "could not authenticate again, and will try once more");
            old->ext->reauth_at = sa->e->now + (uint64_t)IKE_T_CHILD_RETRY * IKE_SECOND;
            ike_sa_arm_life(old);
        }
    }
}

// --- when (RFC 4478)

void ike_reauth_put(struct ike_sa *sa, struct ike_build *b)
{
    const uint32_t s = sa->profile->reauth_s;
    const uint8_t data[4] = {(uint8_t)(s >> 24), (uint8_t)(s >> 16), (uint8_t)(s >> 8), (uint8_t)s};
    if (s && !sa->origin)
        ike_put_notify(b, IKE_N_AUTH_LIFETIME, data, sizeof(data));
}

void ike_reauth_begin(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_AUTH_LIFETIME);
    uint32_t seconds = sa->profile->reauth_s;
    if (sa->origin && n && n->data.len == 4) {
        struct buf d;
        buf_init(&d, n->data.p, n->data.len);
        const uint32_t told = buf_u32(&d);
        seconds = seconds == 0 || told < seconds ? told : seconds;
    }
    struct ike_ext *x = seconds ? ike_ext(sa) : NULL;
    if (x == NULL)
        return;
    if (sa->origin)
        x->reauth_at = sa->e->now + ike_sa_soft_end(sa, seconds);
    else
        x->auth_until = sa->e->now + (uint64_t)seconds * IKE_SECOND;
}

uint64_t ike_reauth_next(const struct ike_sa *sa)
{
    const struct ike_ext *x = sa->ext;
    if (x == NULL)
        return 0;
    return x->reauth_at && (x->auth_until == 0 || x->reauth_at < x->auth_until) ? x->reauth_at : x->auth_until;
}

bool ike_reauth_due(struct ike_sa *sa)
{
    struct ike_ext *x = sa->ext;
    if (x && x->auth_until && sa->e->now >= x->auth_until) {
        ike_sa_delete(sa, IKE_R_NOT_RENEWED, 0);
        return true;
    }
    if (x && x->reauth_at && sa->e->now >= x->reauth_at) {
        x->reauth_at = 0;
        struct ike_sa *made = ike_successor_start(sa, NULL);
        if (made) {
            ike_task_run(made);
        } else if (x->successor == 0) {
            x->reauth_at = sa->e->now + (uint64_t)IKE_T_CHILD_RETRY * IKE_SECOND;
        }
    }
    return false;
}

int ike_reauth(struct ike_engine *e, uint32_t session, uint64_t now)
{
    int rc = -1;
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_session(e, session);
    if (sa && sa->origin && ike_sa_usable(sa)) {
        struct ike_sa *made = ike_successor_start(sa, NULL);
        if (made) {
            sa->ext->reauth_at = 0;
            ike_task_run(made);
            rc = 0;
        }
    }
    ike_leave(e);
    return rc;
}
