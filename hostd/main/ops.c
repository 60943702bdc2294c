// SPDX-License-Identifier: BSD-2-Clause
// What the IKE machine asks about how SAs live (post-quantum keys, redirects, additional addresses, bounds), and the
// watch on the kernel's addresses and routes: when our address towards the far end of a static tunnel is another one,
// the session moves (MOBIKE).
#include "hostd/main/daemon.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 100, BUFFER = 32768, BATCH = 64 }; // after a change others follow; datagrams a turn of the loop

bool ops_ppk(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
             const void *id, size_t id_len, struct ike_ppk *out)
{
    struct culvertd *d = ctx;
    return profiles_ppk(&d->profiles, p, remote, path, id, id_len, out);
}

// Each target in turn, but for the one that is ourselves and the one that sent the client here. Of a name the client
// finds out where it leads.
bool ops_redirect(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                  const struct ip_addr *from, struct ike_gateway *gateway)
{
    struct culvertd *d = ctx;
    (void)p, (void)remote;
    const struct conf_ops *o = &d->conf->ops;
    const unsigned all = o->n_target + o->n_target_name;
    for (unsigned i = 0; i < o->n_target; i++) {
        if (ip_equal(&o->target[i], &path->local)) {
            return false; // the client is where it belongs
        }
    }
    for (unsigned i = 0; i < all; i++) {
        const unsigned at = d->redirect_turn++ % all;
        if (at >= o->n_target) {
            str_copy(gateway->name, sizeof(gateway->name), o->target_name[at - o->n_target]);
            return true;
        }
        const struct ip_addr *a = &o->target[at];
        if (a->family == path->local.family && (from == NULL || !ip_equal(a, from))) {
            gateway->addr = *a;
            return true;
        }
    }
    return false;
}

unsigned ops_extra_addresses(void *ctx, const struct ike_profile *p, const struct ike_path *path, struct ip_addr *out)
{
    const struct culvertd *d = ctx;
    unsigned n = 0;
    (void)p;
    for (unsigned i = 0; i < d->conf->ops.n_extra && n < IKE_MAX_EXTRA; i++) {
        if (!ip_equal(&d->conf->ops.extra[i], &path->local)) {
            out[n++] = d->conf->ops.extra[i];
        }
    }
    return n;
}

void ops_limits(const struct conf *c, struct ike_limits *limits)
{
    const struct conf_ops *o = &c->ops;
    limits->max_half_open = o->max_half_open > 0 ? o->max_half_open : limits->max_half_open;
    limits->max_half_open_peer = o->max_half_open_peer > 0 ? o->max_half_open_peer : limits->max_half_open_peer;
    limits->max_sas = o->max_sas > 0 ? o->max_sas : limits->max_sas;
    limits->max_unauth_bytes = o->unauth_kilobytes > 0 ? (uint64_t)o->unauth_kilobytes << 10 : limits->max_unauth_bytes;
    limits->redirect_init = o->redirect_init != 0;
    limits->http_cert = o->http_cert;
}

void ops_changed(struct culvertd *d, const struct conf *old)
{
    if (!conf_same(d->conf->ops.extra, old->ops.extra, sizeof(old->ops.extra))) {
        ike_addresses_changed(d->ike, daemon_now(d));
    }
}

// ------------------------------------------------------------------------------------------------ moving

struct ops_watch {
    struct culvertd *d;
    struct mnl_socket *socket;
    uv_poll_t poll;
    uv_timer_t settle;
    unsigned open; // handles to be closed
};

static void take_path(void *arg, const struct ike_sa_info *sa)
{
    *(struct ike_path *)arg = sa->path;
}

// Another address beside the one in use is no reason to leave it: IPv6 hosts get new ones every day (RFC 8981).
static bool stays(struct culvertd *d, const struct conf_if *f, const struct ip_addr *local)
{
    return f->has_source && f->source_if.kind != IF_NONE && links_address_stays(&d->links, f->source_if, local);
}

static void follow(struct culvertd *d, const struct tunnel *t)
{
    struct ike_path path = {0};
    struct ip_addr local = {0};
    if (t->session == 0 || !ike_show_one(d->ike, t->session, take_path, &path) || stays(d, &t->conf, &path.local) ||
        !glue_source(d, &t->conf, &path.remote, &local) || ip_equal(&local, &path.local)) {
        return;
    }
    char from[64], to[64];
    log_write(&d->log, LOG_NOTE, "tunnel", "%s: our address is %s now, it was %s", t->conf.name,
              ike_addr_format(&local, to, sizeof(to)), ike_addr_format(&path.local, from, sizeof(from)));
    if (ike_move(d->ike, t->session, &local, NULL, daemon_now(d)) != 0 && !t->up) {
        ike_delete(d->ike, t->session, daemon_now(d)); // it was being set up: again, from the new address
    }
}

static void on_settled(uv_timer_t *timer)
{
    struct ops_watch *w = timer->data;
    struct culvertd *d = w->d;
    if (d->ike == NULL || d->stopping) {
        return;
    }
    for (size_t i = 0; i < d->tunnels.all.n; i++) {
        follow(d, d->tunnels.all.at[i]);
    }
    glue_rearm(d);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct ops_watch *w = poll->data;
    uint8_t buffer[BUFFER];
    ssize_t n = -1;
    (void)events;
    // What changed does not matter: the kernel is asked for each tunnel when it has come to rest. ENOBUFS says the
    // same.
    for (int i = 0; i < BATCH && status == 0; i++) {
        n = mnl_socket_recvfrom(w->socket, buffer, sizeof(buffer));
        if (n < 0 && errno != ENOBUFS) {
            break;
        }
        uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
    }
}

static void on_routes(void *arg)
{
    struct ops_watch *w = arg;
    uv_timer_start(&w->settle, on_settled, SETTLE_MS, 0);
}

// The mirror hears of the kernel's routes already: a second socket that does would make each of our own routes dearer.
bool ops_watch(struct culvertd *d)
{
    struct ops_watch *w = calloc(1, sizeof(*w));
    unsigned groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_LINK;
    if (w == NULL) {
        return false;
    }
    w->d = d;
    w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (w->socket == NULL || mnl_socket_bind(w->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
        if (w->socket != NULL) {
            mnl_socket_close(w->socket);
        }
        free(w);
        return false;
    }
    uv_poll_init(&d->loop, &w->poll, mnl_socket_get_fd(w->socket));
    uv_timer_init(&d->loop, &w->settle);
    w->poll.data = w->settle.data = w;
    w->open = 2;
    uv_poll_start(&w->poll, UV_READABLE, on_readable);
    mirror_on_change(d->mirror, on_routes, w);
    d->watch = w;
    return true;
}

static void on_closed(uv_handle_t *h)
{
    struct ops_watch *w = h->data;
    if (--w->open == 0) {
        free(w);
    }
}

void ops_unwatch(struct culvertd *d)
{
    struct ops_watch *w = d->watch;
    d->watch = NULL;
    if (w == NULL) {
        return;
    }
    mirror_on_change(d->mirror, NULL, NULL);
    uv_poll_stop(&w->poll);
    mnl_socket_close(w->socket);
    uv_close((uv_handle_t *)&w->poll, on_closed);
    uv_close((uv_handle_t *)&w->settle, on_closed);
}
