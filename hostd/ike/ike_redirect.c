// SPDX-License-Identifier: BSD-2-Clause
// Redirect (RFC 5685): a gateway sends a client to another gateway, at IKE_SA_INIT, once it knows who it is, or later.
//   HDR(A,0), SAi1, KEi, Ni, N(REDIRECT_SUPPORTED)  -->
//                                              <--  HDR(A,0), N(REDIRECT, gateway, Ni)
//   HDR, SK {IDi, AUTH, ...}  -->  <--  HDR, SK {IDr, AUTH, N(REDIRECT, gateway)}
//                                  <--  HDR, SK {N(REDIRECT, gateway)}   (INFORMATIONAL)
// The first of these is not authentic: only the nonce shows that whoever sent it has seen our request. So what it costs
// is bounded: so many redirects of a session in five minutes.
//
// A gateway may be a name, which the owner looks up. A client that is not established yet keeps its session in an SA
// that has not begun: it goes to the address that is found, or, after a pause, back to the gateway that sent it on
// without saying that it follows redirects, and is served there. An established session stays where it is meanwhile.
#include "hostd/ike/ike_int.h"

// Types of RFC 5685 section 10; its default period.
enum { GATEWAY_IPV4 = 1, GATEWAY_IPV6 = 2, GATEWAY_NAME = 3, LOOP_SECONDS = 300 };

struct ike_lookup {
    struct ike_node node;
    char name[IKE_MAX_GATEWAY + 1];
};

static void put_gateway(struct ike_build *b, uint16_t notify, const struct ike_gateway *g, struct ike_bytes nonce)
{
    uint8_t data[2 + IKE_MAX_GATEWAY + IKE_MAX_NONCE];
    const uint8_t family = g->addr.family;
    const size_t len = family == 0 ? strlen(g->name) : family == 4 ? 4 : 16;
    struct wbuf w;
    wbuf_init(&w, data, sizeof(data));
    wbuf_u8(&w, family == 0 ? GATEWAY_NAME : family == 4 ? GATEWAY_IPV4 : GATEWAY_IPV6);
    wbuf_u8(&w, (uint8_t)len);
    wbuf_bytes(&w, family == 0 ? (const uint8_t *)g->name : g->addr.b, len);
    if (nonce.len)
        wbuf_bytes(&w, nonce.p, nonce.len);
    if (wbuf_ok(&w))
        ike_put_notify(b, notify, data, w.len);
}

// What follows the gateway goes to *rest.
static bool read_gateway(const struct ike_notify_in *n, struct ike_gateway *out, struct ike_bytes *rest)
{
    struct buf b;
    buf_init(&b, n->data.p, n->data.len);
    const uint8_t type = buf_u8(&b), len = buf_u8(&b);
    const uint8_t *a = buf_take(&b, len);
    memset(out, 0, sizeof(*out));
    if (a == NULL)
        return false;
    *rest = (struct ike_bytes){n->data.p + 2 + len, n->data.len - 2 - len};
    if (type == GATEWAY_NAME && ike_is_gateway_name(a, len)) {
        memcpy(out->name, a, len);
        return true;
    }
    if (!((type == GATEWAY_IPV4 && len == 4) || (type == GATEWAY_IPV6 && len == 16)))
        return false;
    out->addr.family = type == GATEWAY_IPV4 ? 4 : 6;
    memcpy(out->addr.b, a, len);
    return true;
}

// ---------------------------------------------------------------------------------------------- the gateway

static bool follows(const struct ike_payloads *p)
{
    return ike_find_notify(p, IKE_N_REDIRECT_SUPPORTED) || ike_find_notify(p, IKE_N_REDIRECTED_FROM);
}

void ike_redirect_take_init(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *from = ike_find_notify(p, IKE_N_REDIRECTED_FROM);
    struct ike_bytes rest;
    struct ike_gateway g;
    sa->peer_redirect = follows(p);
    if (from && read_gateway(from, &g, &rest) && g.addr.family && ike_ext(sa))
        sa->ext->redirected_from = g.addr;
}

bool ike_redirect_init(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h,
                       const struct ike_payloads *p)
{
    const struct ike_notify_in *from = ike_find_notify(p, IKE_N_REDIRECTED_FROM);
    uint8_t msg[IKE_HEADER_LEN + 64 + IKE_MAX_GATEWAY + IKE_MAX_NONCE];
    const struct ike_header answer = {.spi_i = h->spi_i, .exchange = h->exchange, .flags = IKE_F_RESPONSE};
    struct ike_gateway gateway, came;
    struct ike_bytes rest;
    struct ike_build b;
    if (!e->limits.redirect_init || e->ops->redirect == NULL || !follows(p))
        return false;
    const bool sent_here = from && read_gateway(from, &came, &rest) && came.addr.family;
    memset(&gateway, 0, sizeof(gateway));
    if (!e->ops->redirect(e->ctx, NULL, path, NULL, sent_here ? &came.addr : NULL, &gateway))
        return false;
    ike_build_message(&b, msg, sizeof(msg), &answer);
    put_gateway(&b, IKE_N_REDIRECT, &gateway, p->nonce);
    const size_t n = ike_build_finish(&b);
    if (n == 0)
        return false;
    e->stats.redirects_sent++;
    e->stats.out_messages++;
    e->ops->send(e->ctx, path, msg, n);
    return true;
}

bool ike_redirect_auth(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    const struct ip_addr *from = sa->ext && sa->ext->redirected_from.family ? &sa->ext->redirected_from : NULL;
    struct ike_gateway gateway;
    struct ike_build b;
    memset(&gateway, 0, sizeof(gateway));
    if (!sa->profile->redirect_auth || !sa->peer_redirect || e->ops->redirect == NULL ||
        !e->ops->redirect(e->ctx, sa->profile, &sa->path, sa->remote_id, from, &gateway))
        return false;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    ike_auth_put(sa, &b, sa->auth->eap_done ? IKE_P_NONE : IKE_P_IDR);
    put_gateway(&b, IKE_N_REDIRECT, &gateway, (struct ike_bytes){NULL, 0});
    ike_sa_log(sa, IKE_LOG_INFO, "the client is redirected");
    ike_sa_half_open(sa, false);
    sa->down_told = true;
    if (!ike_send_response(sa, &b)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return true;
    }
    e->stats.redirects_sent++;
    ike_sa_forget_init(sa);
    // No session came of it; the client deletes the SA, and if it does not, we do.
    sa->reason = IKE_R_REDIRECTED;
    ike_sa_set_state(sa, IKE_S_ESTABLISHED, "the initiator is authentic");
    ike_sa_set_state(sa, IKE_S_REPLACED, ike_reason_name(IKE_R_REDIRECTED));
    ike_timer_start(e, &sa->life, (uint64_t)IKE_T_REPLACED * IKE_SECOND);
    return true;
}

void ike_redirect_put_request(struct ike_sa *sa, struct ike_build *b)
{
    put_gateway(b, IKE_N_REDIRECT, sa->task->gateway, (struct ike_bytes){NULL, 0});
}

int ike_redirect(struct ike_engine *e, uint32_t session, const struct ike_gateway *gateway, uint64_t now)
{
    int rc = -1;
    ike_enter(e, now);
    struct ike_sa *sa = ike_sa_by_session(e, session);
    struct ike_gateway *to =
        sa && ike_sa_usable(sa) && sa->peer_redirect && !sa->origin ? ike_copy(e, gateway, sizeof(*gateway)) : NULL;
    struct ike_task *t = to ? ike_task_add(sa, IKE_TASK_REDIRECT, 0) : NULL;
    if (t) {
        t->gateway = to;
        e->stats.redirects_sent++;
        ike_task_run(sa);
        rc = 0;
    } else {
        free(to);
    }
    ike_leave(e);
    return rc;
}

// ---------------------------------------------------------------------------------------------- the client

void ike_redirect_put_init(struct ike_sa *sa, struct ike_build *b)
{
    if (sa->profile->redirects == 0 || (sa->ext && sa->ext->no_redirect))
        return;
    if (sa->ext && sa->ext->redirected_from.family) {
        const struct ike_gateway from = {.addr = sa->ext->redirected_from};
        put_gateway(b, IKE_N_REDIRECTED_FROM, &from, (struct ike_bytes){NULL, 0});
    } else {
        ike_put_notify(b, IKE_N_REDIRECT_SUPPORTED, NULL, 0);
    }
}

static const char *gateway_text(const struct ike_gateway *g, char *out, size_t cap)
{
    return g->addr.family ? ike_addr_format(&g->addr, out, cap) : g->name;
}

// May a client go to this address? NULL, or why not.
static const char *unfit(const struct ike_sa *sa, const struct ip_addr *a)
{
    return a->family != sa->path.local.family ? "it is of another address family"
           : ip_equal(a, &sa->path.remote)    ? "that is where we are"
                                              : NULL;
}

static void refused(struct ike_sa *sa, const struct ike_gateway *g, const char *why)
{
    char text[64];
    sa->e->stats.redirects_refused++;
    ike_sa_log(sa, IKE_LOG_WARN, "the gateway sends us to %s: not followed: %s", gateway_text(g, text, sizeof(text)),
               why);
}

static void followed(struct ike_sa *sa, const struct ike_gateway *g)
{
    char text[64];
    sa->e->stats.redirects_followed++;
    ike_sa_log(sa, IKE_LOG_INFO, "the gateway sends us to %s", gateway_text(g, text, sizeof(text)));
}

static void unresolved(struct ike_sa *sa, const char *name, const char *why)
{
    sa->e->stats.redirects_unresolved++;
    ike_sa_log(sa, IKE_LOG_WARN, "the gateway sends us to %s: %s", name, why);
}

// May this session be sent there? Counts it; of a name it is not known yet whether it is of use.
static bool may_go(struct ike_sa *sa, const struct ike_gateway *g)
{
    struct ike_ext *x = ike_ext(sa);
    const uint64_t now = sa->e->now;
    if (x && now - x->redirect_since > (uint64_t)LOOP_SECONDS * IKE_SECOND) {
        x->redirect_since = now;
        x->n_redirects = 0;
    }
    const char *why = x == NULL                                        ? "no memory"
                      : !sa->origin                                    ? "we are the gateway"
                      : sa->profile->redirects == 0 || x->no_redirect  ? "we do not follow redirects"
                      : !g->addr.family && sa->e->ops->resolve == NULL ? "nobody looks names up here"
                      : g->addr.family && unfit(sa, &g->addr)          ? unfit(sa, &g->addr)
                      : x->n_redirects >= sa->profile->redirects       ? "we were sent on too often"
                                                                       : NULL;
    if (why) {
        refused(sa, g, why);
        return false;
    }
    x->n_redirects++;
    if (g->addr.family)
        followed(sa, g);
    return true;
}

void ike_redirect_forget(struct ike_sa *sa)
{
    struct ike_lookup *k = sa->ext ? sa->ext->lookup : NULL;
    if (k) {
        sa->ext->lookup = NULL;
        ike_table_drop(&sa->e->by_lookup, &k->node);
        free(k);
    }
}

void ike_redirect_moved(struct ike_sa *old, struct ike_sa *sa)
{
    struct ike_lookup *k = old->ext ? old->ext->lookup : NULL;
    if (k && ike_ext(sa)) {
        old->ext->lookup = NULL;
        ike_redirect_forget(sa);
        sa->ext->lookup = k;
        k->node.owner = sa;
    }
}

// Have the name looked up; a lookup before it counts no more. false: not possible, which is said.
static bool ask(struct ike_sa *sa, const char *name)
{
    struct ike_engine *e = sa->e;
    struct ike_lookup *k = ike_ext(sa) ? ike_zalloc(e, sizeof(*k)) : NULL;
    const uint64_t token = ++e->last_token;
    if (k && ike_table_put(&e->by_lookup, &k->node, token, sa)) {
        ike_redirect_forget(sa);
        sa->ext->lookup = k;
        memcpy(k->name, name, strlen(name));
        ike_sa_log(sa, IKE_LOG_INFO, "the gateway sends us to %s, which is being looked up", name);
        if (e->ops->resolve(e->ctx, token, name, sa->path.local.family))
            return true;
        ike_redirect_forget(sa);
    } else {
        free(k);
    }
    unresolved(sa, name, "no name can be looked up now");
    return false;
}

// An SA takes the place of one that is not established yet: it has the session's number, and what that one was to
// replace. It goes to the other gateway at once, or, if that has a name, back to this one when the time for the lookup
// is over and nothing came of it. NULL: no memory.
static struct ike_sa *instead(struct ike_sa *sa, const struct ike_gateway *g)
{
    struct ike_engine *e = sa->e;
    struct ike_path path = sa->path;
    path.remote = g->addr.family ? g->addr : path.remote;
    path.natt = false;
    path.local_port = path.remote_port = e->limits.port;
    struct ike_sa *made = ike_sa_new(e, sa->profile, &path, true, sa->session);
    struct ike_ext *x = made ? ike_ext(made) : NULL;
    struct ike_task *t = x ? ike_task_add(made, IKE_TASK_INIT, 0) : NULL;
    if (t == NULL) {
        if (made) {
            made->down_told = true;
            ike_sa_close(made, IKE_R_RESOURCES, false);
        }
        return NULL;
    }
    x->n_redirects = sa->ext->n_redirects;
    x->redirect_since = sa->ext->redirect_since;
    x->replaces = sa->ext->replaces;
    sa->ext->replaces = 0;
    struct ike_sa *old = x->replaces ? ike_sa_by_spi(e, x->replaces) : NULL;
    if (old && old->ext)
        old->ext->successor = ike_local_spi(made);
    made->down_told = sa->down_told;
    sa->down_told = true;
    if (!made->down_told)
        ike_sa_claim_session(made);
    if (g->addr.family) {
        x->redirected_from = sa->path.remote;
    } else {
        x->no_redirect = true;
        t->not_before = e->now + (uint64_t)(ask(made, g->name) ? IKE_T_LOOKUP : IKE_T_REDIRECT_BACK) * IKE_SECOND;
    }
    return made;
}

void ike_redirect_begin(struct ike_sa *sa)
{
    if (sa->ext && sa->ext->lookup) {
        unresolved(sa, sa->ext->lookup->name, "no name server has answered in time: back to this one");
        ike_redirect_forget(sa);
    }
}

// The SA that waits to begin goes there, or back after a pause.
static void begin(struct ike_sa *sa, const struct ike_gateway *g)
{
    struct ike_task *t = sa->queue;
    const char *why = g->addr.family ? unfit(sa, &g->addr) : NULL;
    if (t == NULL)
        return;
    if (g->addr.family == 0 || why) {
        if (why)
            refused(sa, g, why);
        else
            unresolved(sa, g->name, "it has no address: back to this one");
        t->not_before = sa->e->now + (uint64_t)IKE_T_REDIRECT_BACK * IKE_SECOND;
    } else {
        struct ike_path path = sa->path;
        followed(sa, g);
        sa->ext->redirected_from = path.remote;
        sa->ext->no_redirect = false;
        path.remote = g->addr;
        ike_sa_take_path(sa, &path);
        t->not_before = 0;
    }
    ike_task_run(sa);
}

// An established session goes over to another gateway.
static void go_over(struct ike_sa *sa, const struct ike_gateway *g)
{
    struct ike_sa *made = ike_successor_start(sa, &g->addr);
    if (made) {
        made->ext->redirected_from = sa->path.remote;
        ike_task_run(made);
    }
}

void ike_resolved(struct ike_engine *e, uint64_t token, const struct ip_addr *addr, uint64_t now)
{
    ike_enter(e, now);
    struct ike_node *n = ike_table_find(&e->by_lookup, token);
    struct ike_sa *sa = n ? n->owner : NULL;
    if (sa) {
        struct ike_gateway g = {.addr = *addr};
        memcpy(g.name, sa->ext->lookup->name, sizeof(g.name));
        ike_redirect_forget(sa);
        const char *why = addr->family ? unfit(sa, addr) : NULL;
        if (sa->state == IKE_S_NEW) {
            begin(sa, &g);
        } else if (sa->state == IKE_S_ESTABLISHED && addr->family == 0) {
            unresolved(sa, g.name, "it has no address: we stay");
        } else if (sa->state == IKE_S_ESTABLISHED && why) {
            refused(sa, &g, why);
        } else if (sa->state == IKE_S_ESTABLISHED) {
            followed(sa, &g);
            go_over(sa, &g);
        }
    }
    ike_leave(e);
}

bool ike_redirect_init_answer(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_REDIRECT);
    struct ike_gateway gateway;
    struct ike_bytes nonce;
    if (n == NULL || p->sa.p)
        return false;
    if (!read_gateway(n, &gateway, &nonce) || nonce.len != sa->ni_len || memcmp(nonce.p, sa->ni, nonce.len) != 0) {
        sa->e->stats.redirects_refused++;
        ike_sa_log(sa, IKE_LOG_WARN, "dropped a REDIRECT that does not have our nonce, or neither address nor name");
        return true; // anybody may have sent it: the true answer can still come
    }
    struct ike_sa *made = may_go(sa, &gateway) ? instead(sa, &gateway) : NULL;
    ike_sa_close(sa, IKE_R_REDIRECTED, false);
    if (made)
        ike_task_run(made);
    return true;
}

bool ike_redirect_auth_answer(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_REDIRECT);
    struct ike_gateway gateway;
    struct ike_bytes rest;
    if (n == NULL)
        return false;
    struct ike_sa *made = read_gateway(n, &gateway, &rest) && may_go(sa, &gateway) ? instead(sa, &gateway) : NULL;
    struct ike_child *c = ike_child_by_id(sa->e, sa->task->made);
    if (c)
        ike_child_drop(c, IKE_R_REDIRECTED);
    ike_task_abandon(sa);
    ike_sa_delete(sa, IKE_R_REDIRECTED, 0);
    if (made)
        ike_task_run(made);
    return true;
}

void ike_redirect_request(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_REDIRECT);
    struct ike_gateway gateway;
    struct ike_bytes rest;
    if (n == NULL || sa->state != IKE_S_ESTABLISHED || !read_gateway(n, &gateway, &rest) || !may_go(sa, &gateway))
        return;
    if (gateway.addr.family)
        go_over(sa, &gateway);
    else
        (void)ask(sa, gateway.name);
}
