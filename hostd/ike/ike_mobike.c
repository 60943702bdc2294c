// SPDX-License-Identifier: BSD-2-Clause
// MOBIKE (RFC 4555): an IKE SA and its children follow a host whose addresses change.
//   initiator, after its address changed:
//     HDR, SK {N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_*)}  -->
//                                                      <--  HDR, SK {N(NAT_DETECTION_*)}
//   responder, before it sends traffic to an address that is new to it:
//     HDR, SK {N(COOKIE2)}  -->
//                      <--  HDR, SK {N(COOKIE2)}
// The initiator decides about paths. Its children move when the responder has answered; the responder's move when the
// initiator has shown that it gets what is sent to the new address (only the port changed: at once).
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

enum { COOKIE2_MIN = 8, COOKIE2_MAX = 64, NAT_HASH = 20, NAT_RETRIES = 3 };

// --- addresses besides the one in use

static unsigned own_extra(struct ike_sa *sa, struct ip_addr out[IKE_MAX_EXTRA])
{
    const struct ike_ops *ops = sa->e->ops;
    return ops->extra_addresses ? ops->extra_addresses(sa->e->ctx, sa->profile, &sa->path, out) : 0;
}

static void put_extra(struct ike_sa *sa, struct ike_build *b, bool always)
{
    struct ip_addr a[IKE_MAX_EXTRA];
    const unsigned n = own_extra(sa, a);
    for (unsigned i = 0; i < n; i++)
        ike_put_notify(b, a[i].family == 4 ? IKE_N_ADDITIONAL_IP4 : IKE_N_ADDITIONAL_IP6, a[i].b,
                       a[i].family == 4 ? 4 : 16);
    if (n == 0 && always)
        ike_put_notify(b, IKE_N_NO_ADDITIONAL, NULL, 0);
}

// true: there was a list.
static bool take_extra(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ip_addr list[IKE_MAX_EXTRA];
    unsigned n = 0;
    bool any = false;
    for (uint32_t i = 0; i < p->n_notify; i++) {
        const struct ike_notify_in *in = &p->notify[i];
        const bool v4 = in->type == IKE_N_ADDITIONAL_IP4 && in->data.len == 4;
        const bool v6 = in->type == IKE_N_ADDITIONAL_IP6 && in->data.len == 16;
        any |= v4 || v6 || in->type == IKE_N_NO_ADDITIONAL;
        if ((v4 || v6) && n < IKE_MAX_EXTRA) {
            list[n] = (struct ip_addr){.family = v4 ? 4 : 6};
            memcpy(list[n++].b, in->data.p, in->data.len);
        }
    }
    struct ike_ext *x = any && (n > 0 || sa->ext) ? ike_ext(sa) : NULL;
    if (x) {
        memcpy(x->extra, list, n * sizeof(list[0]));
        x->n_extra = (uint8_t)n;
        ike_sa_log(sa, IKE_LOG_DEBUG, "the peer has %u other addresses", n);
    }
    return any;
}

void ike_mobike_put_auth(struct ike_sa *sa, struct ike_build *b)
{
    if (!sa->profile->mobike || (!sa->initiator && !sa->mobike))
        return;
    ike_put_notify(b, IKE_N_MOBIKE, NULL, 0);
    put_extra(sa, b, false);
}

void ike_mobike_take_auth(struct ike_sa *sa, const struct ike_payloads *p)
{
    if (!sa->profile->mobike || ike_find_notify(p, IKE_N_MOBIKE) == NULL)
        return;
    sa->mobike = true;
    (void)take_extra(sa, p);
}

// --- our requests

static bool queued(const struct ike_sa *sa, enum ike_task_kind kind)
{
    const struct ike_task *t = sa->queue;
    while (t && t->kind != kind)
        t = t->next;
    return t != NULL;
}

static void want(struct ike_sa *sa, enum ike_task_kind kind)
{
    if (!queued(sa, kind) && ike_task_add(sa, kind, 0) == NULL)
        ike_sa_log(sa, IKE_LOG_ERROR, "no memory for an address update");
}

void ike_mobike_move_children(struct ike_sa *sa, const struct ike_path *path)
{
    struct ike_engine *e = sa->e;
    for (struct ike_child *c = sa->children; c; c = c->next) {
        const bool encap = path->natt && (sa->nat_local || sa->nat_remote);
        if (ike_path_equal(&c->pub.path, path) && c->pub.encap == encap)
            continue;
        c->pub.path = *path;
        c->pub.encap = encap;
        if (c->installed && e->ops->child_update)
            e->ops->child_update(e->ctx, &c->pub);
    }
}

void ike_mobike_put_request(struct ike_sa *sa, struct ike_build *b)
{
    struct ike_ext *x = ike_ext(sa);
    switch (sa->task->kind) {
    case IKE_TASK_MOBIKE:
        if (x)
            x->told = sa->path;
        ike_put_notify(b, IKE_N_UPDATE_ADDRESSES, NULL, 0);
        ike_nat_put(sa, b, sa->spi_r);
        break;
    case IKE_TASK_COOKIE2:
        if (x == NULL || !ike_random(sa->e, x->cookie2, sizeof(x->cookie2))) {
            wbuf_fail(&b->w); // not sent: tried again
            break;
        }
        x->unproved = sa->path;
        ike_put_notify(b, IKE_N_COOKIE2, x->cookie2, sizeof(x->cookie2));
        break;
    case IKE_TASK_ADDRESSES:
        put_extra(sa, b, true);
        break;
    case IKE_TASK_DPD: // where does the peer see us? (3.8)
        if (sa->mobike && sa->origin && sa->nat_local)
            ike_nat_put(sa, b, sa->spi_r);
        break;
    default:
        break;
    }
}

// The peer's view of our address in its answer. true: it changed, or was not known.
static bool view_changed(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_NAT_DESTINATION);
    struct ike_ext *x = n && n->data.len == NAT_HASH ? ike_ext(sa) : NULL;
    if (x == NULL || (x->has_seen && memcmp(x->seen, n->data.p, NAT_HASH) == 0))
        return false;
    memcpy(x->seen, n->data.p, NAT_HASH);
    x->has_seen = true;
    return true;
}

static void updated(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_ext *x = ike_ext(sa);
    if (x == NULL || !ike_path_equal(&x->told, &sa->path)) {
        want(sa, IKE_TASK_MOBIKE); // it changed again meanwhile
        return;
    }
    ike_nat_detect(sa, p, sa->spi_r, &sa->path);
    (void)view_changed(sa, p);
    const struct ike_path old = sa->children ? sa->children->pub.path : sa->path;
    ike_mobike_move_children(sa, &sa->path);
    ike_nat_keepalive_start(sa);
    sa->e->stats.mobike_updates++;
    if (!ike_path_equal(&old, &sa->path))
        ike_sa_tell_path(sa, &old);
}

static bool refused(struct ike_sa *sa, uint16_t error)
{
    struct ike_ext *x = sa->ext;
    ike_sa_log(sa, IKE_LOG_WARN, "the peer refuses our new address: %s", ike_name(IKE_NAMES_NOTIFY, error));
    // UNEXPECTED_NAT_DETECTED may be an attacker's doing (3.6): a few times more. Then another address of the peer.
    if (error == IKE_N_UNEXPECTED_NAT && sa->task->retries < NAT_RETRIES) {
        ike_task_retry(sa, (uint64_t)IKE_T_TEMPORARY * IKE_SECOND);
        return false;
    }
    ike_task_abandon(sa);
    if (x && x->n_extra > 0 && x->tried < x->n_extra) {
        x->tried++;
        ike_mobike_failover(sa);
        ike_task_run(sa);
    } else {
        ike_sa_delete(sa, IKE_R_REFUSED, 0);
    }
    return false;
}

bool ike_mobike_response(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *error = ike_find_error(p), *cookie = ike_find_notify(p, IKE_N_COOKIE2);
    struct ike_ext *x = sa->ext;
    if (sa->state != IKE_S_ESTABLISHED)
        return true;
    switch (sa->task->kind) {
    case IKE_TASK_MOBIKE:
        if (error && (error->type == IKE_N_UNACCEPTABLE_ADDRESSES || error->type == IKE_N_UNEXPECTED_NAT))
            return refused(sa, error->type);
        if (x)
            x->tried = 0;
        updated(sa, p);
        break;
    case IKE_TASK_COOKIE2:
        if (x == NULL || cookie == NULL || cookie->data.len != sizeof(x->cookie2) ||
            CRYPTO_memcmp(cookie->data.p, x->cookie2, sizeof(x->cookie2)) != 0) {
            ike_sa_log(sa, IKE_LOG_WARN, "the peer did not return our COOKIE2");
            ike_task_abandon(sa);
            ike_sa_delete(sa, IKE_R_REFUSED, 0);
            return false;
        }
        if (ike_path_equal(&x->unproved, &sa->path)) {
            const struct ike_path old = sa->children ? sa->children->pub.path : sa->path;
            ike_mobike_move_children(sa, &sa->path);
            if (!ike_path_equal(&old, &sa->path))
                ike_sa_tell_path(sa, &old);
        }
        break;
    case IKE_TASK_DPD:
        if (sa->mobike && sa->origin && view_changed(sa, p)) {
            ike_sa_log(sa, IKE_LOG_INFO, "the mapping of the NAT before us is another one");
            want(sa, IKE_TASK_MOBIKE);
        }
        break;
    default:
        break;
    }
    return true;
}

void ike_mobike_failover(struct ike_sa *sa)
{
    struct ike_ext *x = sa->ext;
    char text[64];
    if (!sa->mobike || !sa->origin || x == NULL || x->n_extra == 0)
        return;
    struct ike_path path = sa->path;
    const struct ip_addr next = x->extra[0];
    memmove(&x->extra[0], &x->extra[1], (x->n_extra - 1u) * sizeof(next));
    x->extra[x->n_extra - 1] = path.remote;
    if (next.family != path.local.family)
        return; // we have no address of that kind in use; the next one is tried next
    path.remote = next;
    ike_sa_log(sa, IKE_LOG_INFO, "no answer: trying the peer's address %s", ike_addr_format(&next, text, sizeof(text)));
    ike_sa_take_path(sa, &path);
    want(sa, IKE_TASK_MOBIKE);
}

int ike_move(struct ike_engine *e, uint32_t session, const struct ip_addr *local, const struct ip_addr *remote,
             uint64_t now)
{
    int rc = -1;
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_session(e, session);
    if (sa && sa->state == IKE_S_ESTABLISHED && sa->mobike && sa->origin) {
        struct ike_path path = sa->path;
        path.local = *local;
        path.remote = remote ? *remote : path.remote;
        rc = 0;
        if (!ike_path_equal(&path, &sa->path)) {
            ike_sa_take_path(sa, &path);
            want(sa, IKE_TASK_MOBIKE);
            for (struct ike_task *t = sa->task; t; t = t->next) {
                if (t->out) // the same bytes from the new address (3.5)
                    ike_send_anew(t);
            }
            ike_task_run(sa);
        }
    }
    ike_leave(e);
    return rc;
}

void ike_addresses_changed(struct ike_engine *e, uint64_t now)
{
    ike_enter(e, now);
    for (struct ike_sa *sa = e->sas; sa; sa = sa->next) {
        if (sa->state == IKE_S_ESTABLISHED && sa->mobike && !sa->provisional) {
            want(sa, IKE_TASK_ADDRESSES);
            ike_task_run(sa);
        }
    }
    ike_leave(e);
}

// --- the peer's requests

// NO_NATS_ALLOWED: addresses and ports as the initiator sent them (3.9). true: that is what came.
static bool no_nat(const struct ike_notify_in *n, const struct ike_path *path)
{
    const size_t a = path->remote.family == 4 ? 4 : 16;
    const uint8_t ports[4] = {(uint8_t)(path->remote_port >> 8), (uint8_t)path->remote_port,
                              (uint8_t)(path->local_port >> 8), (uint8_t)path->local_port};
    return n->data.len == 2 * a + sizeof(ports) && memcmp(n->data.p, path->remote.b, a) == 0 &&
           memcmp(n->data.p + a, path->local.b, a) == 0 && memcmp(n->data.p + 2 * a, ports, sizeof(ports)) == 0;
}

// UPDATE_SA_ADDRESSES. 0, or the error notify.
static uint16_t update(struct ike_sa *sa, const struct ike_payloads *p, const struct ike_path *from)
{
    const struct ike_path old = sa->path;
    const struct ike_notify_in *strict = ike_find_notify(p, IKE_N_NO_NATS);
    if (strict && !no_nat(strict, from))
        return IKE_N_UNEXPECTED_NAT;
    if (sa->origin) { // it is ours to decide
        ike_sa_log(sa, IKE_LOG_INFO, "the responder sent UPDATE_SA_ADDRESSES: not taken");
        return IKE_N_UNACCEPTABLE_ADDRESSES;
    }
    ike_nat_detect(sa, p, sa->spi_r, from);
    sa->e->stats.mobike_updates++;
    ike_sa_take_path(sa, from);
    ike_nat_keepalive_start(sa);
    if (ip_equal(&old.remote, &from->remote)) {
        ike_mobike_move_children(sa, from);
        if (!ike_path_equal(&old, from))
            ike_sa_tell_path(sa, &old);
    } else {
        want(sa, IKE_TASK_COOKIE2);
    }
    return 0;
}

// The responder tells its addresses: the list, and the one that it tells them from. Is the one in use none of them, it
// has lost that one (3.6), and cannot move itself: traffic of its own may still come, so that it would never seem dead.
static void follow_responder(struct ike_sa *sa, const struct ike_path *from)
{
    const struct ike_ext *x = sa->ext;
    char text[64];
    if (!sa->origin || ip_equal(&from->remote, &sa->path.remote))
        return;
    for (unsigned i = 0; x && i < x->n_extra; i++) {
        if (ip_equal(&x->extra[i], &sa->path.remote))
            return;
    }
    ike_sa_log(sa, IKE_LOG_INFO, "the peer has lost its address: going to %s",
               ike_addr_format(&from->remote, text, sizeof(text)));
    ike_sa_take_path(sa, from);
    want(sa, IKE_TASK_MOBIKE);
}

uint16_t ike_mobike_request(struct ike_sa *sa, const struct ike_payloads *p, struct ike_build *b)
{
    const struct ike_path from = sa->ext && sa->ext->reply_elsewhere ? sa->ext->reply : sa->path;
    const struct ike_notify_in *cookie = ike_find_notify(p, IKE_N_COOKIE2);
    const bool moves = ike_find_notify(p, IKE_N_UPDATE_ADDRESSES) != NULL;
    if (!sa->mobike || sa->state != IKE_S_ESTABLISHED)
        return 0;
    const uint16_t error = moves ? update(sa, p, &from) : 0;
    if (take_extra(sa, p))
        follow_responder(sa, &from);
    if (cookie && cookie->data.len >= COOKIE2_MIN && cookie->data.len <= COOKIE2_MAX)
        ike_put_notify(b, IKE_N_COOKIE2, cookie->data.p, cookie->data.len);
    if (error) {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer's new address is refused: %s", ike_name(IKE_NAMES_NOTIFY, error));
        ike_put_notify(b, error, NULL, 0);
    } else if (ike_find_notify(p, IKE_N_NAT_SOURCE)) {
        const struct ike_path keep = sa->path; // what is told is what this message came over
        sa->path = from;
        ike_nat_put(sa, b, sa->spi_r);
        sa->path = keep;
    }
    return error;
}
