// SPDX-License-Identifier: BSD-2-Clause
// CHILD SAs: states, what is negotiated, keys, lifetimes, release.
#include "hostd/ike/ike_int.h"

#include <errno.h>
#include <openssl/crypto.h>

static const char *const state_names[IKE_C_COUNT] = {
    [IKE_C_NEW] = "NEW",           [IKE_C_INSTALLING] = "INSTALLING", [IKE_C_UP] = "UP",
    [IKE_C_REPLACED] = "REPLACED", [IKE_C_DELETING] = "DELETING",     [IKE_C_LINGER] = "LINGER",
    [IKE_C_DEAD] = "DEAD",
};

// The transitions that there are; DEAD can be reached from everywhere.
static const struct {
    enum ike_child_state from, to;
} rows[] = {
    {IKE_C_NEW, IKE_C_INSTALLING},      // given to the datapath
    {IKE_C_INSTALLING, IKE_C_UP},       // which has it
    {IKE_C_UP, IKE_C_REPLACED},         // the peer rekeyed it, and will delete it
    {IKE_C_NEW, IKE_C_DELETING},        // redundant or impossible: never installed
    {IKE_C_INSTALLING, IKE_C_DELETING}, // the datapath refused
    {IKE_C_UP, IKE_C_DELETING},         // we delete it
    {IKE_C_REPLACED, IKE_C_DELETING},   // the peer forgot to
    {IKE_C_UP, IKE_C_LINGER},           // deleted while replaced
    {IKE_C_REPLACED, IKE_C_LINGER},     //
    {IKE_C_DELETING, IKE_C_LINGER},     //
};

void ike_child_set_state(struct ike_child *c, enum ike_child_state to, const char *why)
{
    bool ok = to == IKE_C_DEAD;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ok |= rows[i].from == c->state && rows[i].to == to;
    ike_sa_log(c->sa, ok ? IKE_LOG_STATE : IKE_LOG_ERROR, "child %u (SPI %08x): %s -> %s: %s%s", c->pub.id,
               c->pub.spi_in, state_names[c->state], state_names[to], why, ok ? "" : " (there is no such transition)");
    c->state = to;
}

// --- birth and finding

struct ike_child *ike_child_new(struct ike_sa *sa, bool initiator)
{
    struct ike_engine *e = sa->e;
    struct ike_child **end = &sa->children;
    if (sa->n_child >= e->limits.max_children || !ike_heap_reserve(&e->timers, IKE_CHILD_TIMERS))
        return NULL;
    struct ike_child *c = ike_zalloc(e, sizeof(*c));
    if (c == NULL || e->ops->spi_alloc(e->ctx, &c->pub.spi_in) != 0) {
        ike_heap_release(&e->timers, IKE_CHILD_TIMERS);
        free(c);
        return NULL;
    }
    c->sa = sa;
    c->pub.id = ++e->last_child;
    c->pub.session = sa->session;
    c->pub.profile = sa->profile;
    c->pub.initiator = initiator;
    c->pub.path = sa->path;
    c->pub.replay_window = sa->profile->replay_window;
    c->timer.kind = IKE_TM_CHILD;
    c->timer.owner = c;
    const bool found = ike_table_put(&e->child_by_spi, &c->by_spi, c->pub.spi_in, c);
    if (!found || !ike_table_put(&e->child_by_id, &c->by_id, c->pub.id, c)) {
        ike_table_drop(&e->child_by_spi, &c->by_spi);
        e->ops->spi_free(e->ctx, c->pub.spi_in);
        ike_heap_release(&e->timers, IKE_CHILD_TIMERS);
        free(c);
        return NULL;
    }
    while (*end)
        end = &(*end)->next;
    *end = c;
    sa->n_child++;
    e->n_children++;
    return c;
}

struct ike_child *ike_child_by_id(struct ike_engine *e, uint32_t id)
{
    struct ike_node *n = ike_table_find(&e->child_by_id, id);
    return n ? n->owner : NULL;
}

struct ike_child *ike_child_by_spi(struct ike_engine *e, uint32_t spi_in)
{
    struct ike_node *n = ike_table_find(&e->child_by_spi, spi_in);
    return n ? n->owner : NULL;
}

struct ike_child *ike_child_by_out(struct ike_sa *sa, uint32_t spi_out)
{
    struct ike_child *c = sa->children;
    while (c && (c->pub.spi_out != spi_out || c->state == IKE_C_LINGER))
        c = c->next;
    return c;
}

// --- negotiation

uint8_t ike_child_esp_now(const struct ike_sa *sa, struct ike_proposal out[IKE_MAX_PROPOSALS])
{
    const struct ike_ops *ops = sa->e->ops;
    const uint8_t n = ops->esp_now ? ops->esp_now(sa->e->ctx, sa->profile, out) : 0;
    if (n == 0)
        memcpy(out, sa->profile->esp, sa->profile->n_esp * sizeof(*out));
    return n ? n : sa->profile->n_esp;
}

const struct ike_proposal *ike_child_offered(const struct ike_sa *sa, uint8_t *n)
{
    const struct ike_task *t = sa->task;
    *n = t && t->esp ? t->n_esp : sa->profile->n_esp;
    return t && t->esp ? t->esp : sa->profile->esp;
}

size_t ike_child_proposals(const struct ike_sa *sa, bool no_esn, struct ike_proposal out[IKE_MAX_PROPOSALS])
{
    uint8_t n_esp;
    const struct ike_proposal *esp = ike_child_offered(sa, &n_esp);
    size_t n = 0;
    for (unsigned i = 0; i < n_esp; i++) {
        out[n] = esp[i];
        if (no_esn)
            out[n].esn_yes = false;
        if (out[n].esn_yes || out[n].esn_no)
            n++;
    }
    return n;
}

// The addresses of one end: the inner ones by family (where there is none and none is to come, the outer one), and the
// outer one.
static struct ike_ts_addrs ts_addrs(const struct ike_cp *cp, bool asks4, bool asks6, const struct ip_addr *outer)
{
    struct ike_ts_addrs a = {.any4 = asks4, .any6 = asks6, .outer = *outer};
    if (cp && (cp->address.family || cp->address6.family)) {
        a.any4 = a.any6 = false;
        a.v4 = cp->address;
        a.v6 = cp->address6;
    } else if (!asks4 && !asks6) {
        a.v4 = outer->family == 4 ? *outer : a.v4;
        a.v6 = outer->family == 6 ? *outer : a.v6;
    }
    return a;
}

void ike_child_our_ts(struct ike_sa *sa, bool offer, struct ike_ts *local, size_t *n_local, struct ike_ts *remote,
                      size_t *n_remote)
{
    const struct ike_profile *p = sa->profile;
    const bool pool = sa->given && sa->given->from_pool;
    struct ike_ts_addrs ours = ts_addrs(sa->taken, p->cp_request, p->cp_request6, &sa->path.local);
    struct ike_ts_addrs theirs = ts_addrs(pool ? sa->given : NULL, false, false, &sa->path.remote);
    // Who asks names the addresses that it has and sees; behind a NAT those are not the ones that the other has
    // and sees (RFC 7296 2.23.1). What the peer says of them is kept as it is.
    ours.outer_any = !offer && sa->nat_local;
    theirs.outer_any = !offer && sa->nat_remote;
    *n_local = ike_ts_resolve(p->ts_local, p->n_ts_local, &ours, local, IKE_MAX_TS);
    *n_remote = ike_ts_resolve(p->ts_remote, p->n_ts_remote, &theirs, remote, IKE_MAX_TS);
}

// Of a side's selectors one for a single address of that type.
static bool one_of(const struct ike_ts *ts, size_t n, uint8_t type, const struct ip_addr *const host[2],
                   struct ike_ts *out)
{
    for (size_t i = 0; i < n; i++) {
        if (ts[i].type == type && memcmp(ts[i].lo, ts[i].hi, sizeof(ts[i].lo)) == 0) {
            *out = ts[i];
            return true;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (host[i] == NULL || host[i]->family != (type == IKE_TS_IPV4 ? 4 : 6))
            continue;
        const struct ike_ts want = ike_ts_prefix(host[i], type == IKE_TS_IPV4 ? 32 : 128);
        if (ike_ts_narrow(&want, 1, ts, n, out, 1) == 1)
            return true;
    }
    return false;
}

bool ike_child_one_pair(struct ike_sa *sa, struct ike_task *t)
{
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS], pair[2];
    size_t n_local = t->n_local, n_remote = t->n_remote;
    bool found = false;
    if (t->one_pair)
        return false;
    if (t->ts) {
        memcpy(local, t->ts, n_local * sizeof(*local));
        memcpy(remote, t->ts + n_local, n_remote * sizeof(*remote));
    } else {
        ike_child_our_ts(sa, true, local, &n_local, remote, &n_remote);
    }
    for (int six = 0; six < 2 && !found; six++) {
        const struct ike_cp *in = sa->taken, *out = sa->given;
        const struct ip_addr *ours[2] = {in ? six ? &in->address6 : &in->address : NULL, &sa->path.local};
        const struct ip_addr *theirs[2] = {out ? six ? &out->address6 : &out->address : NULL, &sa->path.remote};
        const uint8_t type = six ? IKE_TS_IPV6 : IKE_TS_IPV4;
        found = one_of(local, n_local, type, ours, &pair[0]) && one_of(remote, n_remote, type, theirs, &pair[1]);
    }
    struct ike_ts *ts = found ? ike_copy(sa->e, pair, sizeof(pair)) : NULL;
    if (ts == NULL) {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer takes a single pair of addresses only, and the selectors name none");
        return false;
    }
    free(t->ts);
    t->ts = ts;
    t->n_local = t->n_remote = 1;
    t->one_pair = true;
    return true;
}

bool ike_child_set_ts(struct ike_child *c, const struct ike_ts *local, size_t n_local, const struct ike_ts *remote,
                      size_t n_remote)
{
    c->ts = ike_zalloc(c->sa->e, (n_local + n_remote) * sizeof(struct ike_ts));
    if (c->ts == NULL)
        return false;
    memcpy(c->ts, local, n_local * sizeof(struct ike_ts));
    memcpy(c->ts + n_local, remote, n_remote * sizeof(struct ike_ts));
    c->pub.ts_local = c->ts;
    c->pub.n_ts_local = (uint8_t)n_local;
    c->pub.ts_remote = c->ts + n_local;
    c->pub.n_ts_remote = (uint8_t)n_remote;
    return true;
}

static void take_suite(struct ike_child *c, const struct ike_chosen *chosen)
{
    struct buf b;
    c->pub.suite = chosen->suite;
    buf_init(&b, chosen->spi, 4);
    c->pub.spi_out = buf_u32(&b);
}

uint16_t ike_child_negotiate(struct ike_sa *sa, struct ike_child *c, const struct ike_request *r)
{
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS], mine[IKE_MAX_TS + 1], theirs[IKE_MAX_TS + 1];
    take_suite(c, &r->chosen);
    c->pub.transport = r->transport && sa->profile->transport;
    size_t n_local, n_remote;
    ike_child_our_ts(sa, false, local, &n_local, remote, &n_remote);
    size_t n_theirs = ike_ts_narrow(r->tsi, r->n_tsi, remote, n_remote, theirs, IKE_MAX_TS + 1);
    size_t n_mine = ike_ts_narrow(r->tsr, r->n_tsr, local, n_local, mine, IKE_MAX_TS + 1);
    // All that both have goes into one SA, as far as there is room.
    c->more_ts = n_theirs > IKE_MAX_TS || n_mine > IKE_MAX_TS;
    n_theirs = n_theirs > IKE_MAX_TS ? IKE_MAX_TS : n_theirs;
    n_mine = n_mine > IKE_MAX_TS ? IKE_MAX_TS : n_mine;
    if (n_theirs == 0 || n_mine == 0) {
        sa->e->stats.ts_unacceptable++;
        return IKE_N_TS_UNACCEPTABLE;
    }
    return ike_child_set_ts(c, mine, n_mine, theirs, n_theirs) ? 0 : IKE_N_NO_ADDITIONAL_SAS;
}

void ike_child_put_choice(const struct ike_child *c, struct ike_build *b, uint8_t number)
{
    uint8_t spi[4];
    struct wbuf w;
    if (c->pub.transport)
        ike_put_notify(b, IKE_N_TRANSPORT_MODE, NULL, 0);
    if (c->more_ts)
        ike_put_notify(b, IKE_N_ADDITIONAL_TS, NULL, 0);
    wbuf_init(&w, spi, sizeof(spi));
    wbuf_u32(&w, c->pub.spi_in);
    ike_put_choice(b, &c->pub.suite, number, IKE_PROTO_ESP, spi, sizeof(spi));
}

enum ike_reason ike_child_accept(struct ike_sa *sa, struct ike_child *c, const struct ike_payloads *p, bool no_esn,
                                 bool first, const struct ike_ts *local, size_t n_local, const struct ike_ts *remote,
                                 size_t n_remote)
{
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    struct ike_ts mine[IKE_MAX_TS], theirs[IKE_MAX_TS];
    struct ike_chosen chosen;
    if (!ike_check_choice(esp, ike_child_proposals(sa, no_esn, esp), p->sa, IKE_PROTO_ESP, 4, first, &chosen)) {
        sa->e->stats.no_proposal++;
        return IKE_R_NO_PROPOSAL;
    }
    take_suite(c, &chosen);
    c->pub.transport = sa->profile->transport && ike_find_notify(p, IKE_N_TRANSPORT_MODE) != NULL;
    if (ike_find_notify(p, IKE_N_ADDITIONAL_TS)) {
        sa->e->stats.ts_cut++;
        ike_sa_log(sa, IKE_LOG_INFO, "the peer would take more selectors in another CHILD SA");
    }
    const int n_mine = ike_ts_decode(p->tsi, mine, IKE_MAX_TS), n_theirs = ike_ts_decode(p->tsr, theirs, IKE_MAX_TS);
    if (n_mine <= 0 || n_theirs <= 0 || !ike_ts_within(mine, (size_t)n_mine, local, n_local) ||
        !ike_ts_within(theirs, (size_t)n_theirs, remote, n_remote)) {
        sa->e->stats.ts_unacceptable++;
        return IKE_R_TS_UNACCEPTABLE;
    }
    return ike_child_set_ts(c, mine, (size_t)n_mine, theirs, (size_t)n_theirs) ? IKE_R_NONE : IKE_R_RESOURCES;
}

// --- bringing up

static void set_lifetimes(struct ike_child *c)
{
    const struct ike_profile *p = c->sa->profile;
    const uint64_t now = c->sa->e->now, life = (uint64_t)p->child_lifetime * IKE_SECOND;
    uint32_t r = 0;
    if (!ike_random(c->sa->e, &r, sizeof(r)))
        r = UINT32_MAX;
    const uint64_t percent = life / 100;
    const uint64_t jitter = (uint64_t)((double)percent * p->jitter_percent * r / UINT32_MAX);
    c->pub.born = now;
    c->pub.rekey_at = life ? now + percent * p->rekey_percent - jitter : 0;
    c->pub.expire_at = life ? now + life : 0;
    c->pub.bytes_hard = p->child_bytes;
    c->pub.bytes_soft = p->child_bytes / 100 * p->rekey_percent;
    c->pub.packets_hard = p->child_packets;
    c->pub.packets_soft = p->child_packets / 100 * p->rekey_percent;
}

int ike_child_bring_up(struct ike_child *c, struct ike_bytes shared, struct ike_bytes ni, struct ike_bytes nr)
{
    struct ike_sa *sa = c->sa;
    struct ike_engine *e = sa->e;
    struct ike_child_key i2r = {0}, r2i = {0};
    const struct ike_child_key *in = c->pub.initiator ? &r2i : &i2r, *out = c->pub.initiator ? &i2r : &r2i;
    int rc = -1;
    set_lifetimes(c);
    c->pub.path = sa->path;
    c->pub.encap = sa->path.natt && (sa->nat_local || sa->nat_remote);
    const struct ike_cp *cp = sa->given && sa->given->from_pool ? sa->given : sa->taken;
    if (cp) {
        c->pub.assigned = cp->address;
        c->pub.assigned6 = cp->address6;
    }
    if (ike_derive_child(e->crypto, sa->suite.prf, sa->keys.d, shared, ni, nr, &c->pub.suite, &i2r, &r2i)) {
        if (e->limits.export_keys && e->ops->key_export) {
            const struct ike_key_export k = {.child = true, .sa = &c->pub, .in = in, .out = out, .suite = c->pub.suite};
            e->ops->key_export(e->ctx, &k);
        }
        ike_child_set_state(c, IKE_C_INSTALLING, "negotiated");
        c->pending = true;
        rc = e->ops->child_install(e->ctx, &c->pub, in, out);
        c->pending = rc == IKE_PENDING;
        c->installed = rc >= 0;
    }
    if (rc < 0) {
        e->stats.install_failures++;
        ike_sa_log(sa, IKE_LOG_ERROR, "the datapath refused the CHILD SA");
    }
    OPENSSL_cleanse(&i2r, sizeof(i2r));
    OPENSSL_cleanse(&r2i, sizeof(r2i));
    return rc;
}

static void arm(struct ike_child *c)
{
    uint64_t at = UINT64_MAX;
    const uint64_t times[] = {c->next_at, c->state == IKE_C_UP ? c->pub.rekey_at : 0,
                              c->state == IKE_C_UP || c->state == IKE_C_REPLACED ? c->pub.expire_at : 0};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (times[i] && times[i] < at)
            at = times[i];
    }
    if (at != UINT64_MAX)
        ike_heap_start(&c->sa->e->timers, &c->timer, at);
    else
        ike_heap_stop(&c->sa->e->timers, &c->timer);
}

void ike_child_up(struct ike_child *c)
{
    struct ike_sa *sa = c->sa;
    struct ike_engine *e = sa->e;
    char suite[80];
    ike_child_set_state(c, IKE_C_UP, "installed");
    ike_sa_log(c->sa, IKE_LOG_INFO, "CHILD SA up: SPI in %08x out %08x, %s%s", c->pub.spi_in, c->pub.spi_out,
               ike_suite_format(&c->pub.suite, suite, sizeof(suite)), c->pub.encap ? ", in UDP" : "");
    c->switched = !c->pub.hold_outbound;
    c->next_at = c->pub.hold_outbound ? e->now + (uint64_t)IKE_T_CHILD_SWITCH * IKE_SECOND : 0;
    c->announced = true;
    e->stats.children_up++;
    arm(c);
    if (e->ops->child_up)
        e->ops->child_up(e->ctx, &c->pub);
    ike_cp_child_up(sa);
}

void ike_child_switch(struct ike_child *c)
{
    struct ike_engine *e = c->sa->e;
    if (c->switched || c->state != IKE_C_UP)
        return;
    c->switched = true;
    c->pub.hold_outbound = false;
    c->next_at = 0;
    arm(c);
    if (c->sa->queue)
        ike_heap_start(&e->timers, &c->sa->wake, e->now); // perhaps for what waited for this
    if (e->ops->child_switch)
        e->ops->child_switch(e->ctx, &c->pub);
}

uint16_t ike_install_notify(int result, uint16_t otherwise)
{
    return result == 0 ? IKE_N_NONE : result == -EOPNOTSUPP ? IKE_N_TS_UNACCEPTABLE : otherwise;
}

void ike_child_install_result(struct ike_engine *e, uint32_t child_id, int result, uint64_t now)
{
    ike_enter(e, now);
    struct ike_child *c = ike_child_by_id(e, child_id);
    if (c && c->pending) {
        struct ike_sa *sa = c->sa;
        c->pending = false;
        c->installed = result == 0;
        if (result != 0)
            e->stats.install_failures++;
        if (sa->req && sa->req->child == child_id && sa->req->exchange == IKE_X_AUTH)
            ike_auth_answer(sa, ike_install_notify(result, IKE_N_NO_ADDITIONAL_SAS));
        else if (sa->req && sa->req->child == child_id)
            ike_create_answer(sa, ike_install_notify(result, IKE_N_TEMPORARY_FAILURE));
        else
            ike_create_installed(c, result);
    }
    ike_leave(e);
}

// --- the end

void ike_child_free(struct ike_child *c)
{
    struct ike_sa *sa = c->sa;
    struct ike_engine *e = sa->e;
    struct ike_child **at = &sa->children;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
    ike_heap_stop(&e->timers, &c->timer);
    ike_heap_release(&e->timers, IKE_CHILD_TIMERS);
    ike_table_drop(&e->child_by_spi, &c->by_spi);
    ike_table_drop(&e->child_by_id, &c->by_id);
    sa->n_child--;
    e->n_children--;
    free(c->ts);
    free(c);
}

void ike_child_drop(struct ike_child *c, enum ike_reason why)
{
    struct ike_engine *e = c->sa->e;
    const uint32_t spi = c->pub.spi_in;
    ike_child_set_state(c, IKE_C_DEAD, ike_reason_name(why));
    if (c->installed)
        e->ops->child_remove(e->ctx, &c->pub, why);
    if (c->announced)
        e->stats.children_down++;
    ike_child_free(c);
    e->ops->spi_free(e->ctx, spi);
}

// The child that was made to replace this one carries the traffic from now on.
static void switch_successor(struct ike_child *c)
{
    for (struct ike_child *s = c->sa->children; s; s = s->next) {
        if (s->pub.replaces == c->pub.id)
            ike_child_switch(s);
    }
}

static bool last_child(const struct ike_sa *sa)
{
    for (const struct ike_child *c = sa->children; c; c = c->next) {
        if (c->state != IKE_C_LINGER)
            return false;
    }
    return true;
}

void ike_child_deleted(struct ike_child *c, enum ike_reason why)
{
    struct ike_sa *sa = c->sa;
    if (c->state == IKE_C_LINGER)
        return;
    switch_successor(c);
    if (c->installed && (why == IKE_R_REKEYED || why == IKE_R_REDUNDANT)) {
        ike_child_set_state(c, IKE_C_LINGER, ike_reason_name(why));
        c->why = why;
        c->next_at = sa->e->now + (uint64_t)IKE_T_CHILD_LINGER * IKE_SECOND;
        arm(c);
    } else {
        ike_child_drop(c, why);
    }
    if (sa->profile->delete_on_childless && sa->state == IKE_S_ESTABLISHED && last_child(sa) && sa->queue == NULL &&
        !sa->provisional)
        ike_sa_delete(sa, why, 0);
}

void ike_child_replaced(struct ike_child *c)
{
    if (c->state != IKE_C_UP)
        return;
    ike_child_set_state(c, IKE_C_REPLACED, "rekeyed by the peer, which will delete it");
    c->why = IKE_R_REKEYED;
    c->next_at = c->sa->e->now + (uint64_t)IKE_T_REPLACED * IKE_SECOND;
    arm(c);
}

// Start an exchange about this child, unless it is on its way.
static void want(struct ike_child *c, enum ike_task_kind kind)
{
    if (!ike_task_pending(c->sa, kind, c->pub.id) && ike_task_add(c->sa, kind, c->pub.id))
        ike_task_run(c->sa);
}

void ike_child_timer(struct ike_child *c)
{
    const uint64_t now = c->sa->e->now;
    switch (c->state) {
    case IKE_C_UP:
        if (c->next_at && now >= c->next_at)
            ike_child_switch(c);
        if (c->pub.expire_at && now >= c->pub.expire_at) {
            c->why = IKE_R_EXPIRED;
            c->pub.expire_at = 0;
            want(c, IKE_TASK_DELETE_CHILD);
            return;
        }
        if (c->pub.rekey_at && now >= c->pub.rekey_at) {
            c->pub.rekey_at = 0;
            arm(c);
            want(c, IKE_TASK_REKEY_CHILD);
            return;
        }
        arm(c);
        break;
    case IKE_C_REPLACED:
        c->next_at = 0;
        want(c, IKE_TASK_DELETE_CHILD);
        break;
    case IKE_C_LINGER:
        ike_child_drop(c, c->why);
        break;
    default:
        break;
    }
}

void ike_child_relink(struct ike_child *c, struct ike_sa *to)
{
    struct ike_child **at = &c->sa->children, **end = &to->children;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
    c->sa->n_child--;
    while (*end)
        end = &(*end)->next;
    *end = c;
    c->next = NULL;
    c->sa = to;
    to->n_child++;
}

void ike_child_failed(struct ike_sa *sa, enum ike_reason why, uint16_t notify)
{
    ike_sa_log(sa, IKE_LOG_WARN, "no CHILD SA: %s", ike_reason_name(why));
    if (sa->e->ops->child_failed)
        sa->e->ops->child_failed(sa->e->ctx, sa->session, why, notify);
}

enum ike_reason ike_reason_of(uint16_t notify)
{
    switch (notify) {
    case IKE_N_NO_PROPOSAL:
    case IKE_N_INVALID_KE:
        return IKE_R_NO_PROPOSAL;
    case IKE_N_AUTH_FAILED:
        return IKE_R_AUTH_FAILED;
    case IKE_N_TS_UNACCEPTABLE:
    case IKE_N_SINGLE_PAIR:
        return IKE_R_TS_UNACCEPTABLE;
    case IKE_N_ADDRESS_FAILURE:
    case IKE_N_CP_REQUIRED:
        return IKE_R_ADDRESS;
    case IKE_N_INVALID_SYNTAX:
    case IKE_N_UNSUPPORTED_CRITICAL:
        return IKE_R_SYNTAX;
    case IKE_N_NO_ADDITIONAL_SAS:
        return IKE_R_RESOURCES;
    default:
        return IKE_R_REFUSED;
    }
}
