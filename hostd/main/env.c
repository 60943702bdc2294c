// SPDX-License-Identifier: BSD-2-Clause
// What sessions and static tunnels need of their surroundings: interfaces, addresses, routes, names.
#include "hostd/main/daemon.h"
#include "hostd/main/ts.h"

#include "hostd/iface/mtu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------ sessions

// The longest packet of a session's interface.
static unsigned mtu_of(struct culvertd *d, const struct ike_child_sa *sa, const struct dp_tunnel *how, bool ipv6)
{
    struct mtu_of m = {.outer = links_path_mtu(&d->links, &sa->path.remote),
                       .family = sa->path.remote.family,
                       .esp = true,
                       .udp = sa->encap,
                       .transport = sa->transport,
                       .gre = how->gre,
                       .key = how->has_key,
                       .gre_family = sa->n_ts_local > 0 && sa->ts_local[0].type == IKE_TS_IPV6 ? 6 : 4};
    return ts_suite(&sa->suite, &m.suite) ? mtu_inner(&m, ipv6) : 0;
}

static int env_attach(void *ctx, const struct ike_child_sa *sa, struct session_if *out)
{
    struct culvertd *d = ctx;
    const struct binding *b = sa->profile->user;
    const struct conf_if *f = b == NULL ? NULL : conf_find_if(d->conf, b->iface);
    if (f == NULL || f->shutdown) {
        return -ENODEV;
    }
    char err[256] = "it is gone";
    if (f->id.kind == IF_TUNNEL) {
        out->link = links_find(&d->links, f->id);
    } else {
        const struct conf_profile *p = profiles_conf(&d->profiles, sa->profile);
        struct dp_tunnel how = {.gre = p != NULL && p->vtemplate_auto ? ts_is_gre(sa) : conf_mode_gre(f->mode)};
        how.has_key = how.gre && f->has_key;
        how.key = how.has_key ? f->key : 0;
        how.mtu = (uint16_t)(f->mtu != 0 ? f->mtu : mtu_of(d, sa, &how, conf_if_ipv6(f)));
        out->link = links_clone(&d->links, d->conf, f, &how, err, sizeof(err));
    }
    if (out->link == NULL || !out->link->has_tunnel) {
        log_write(&d->log, LOG_ERR, "session", "no interface for session %u: %s", sa->session, err);
        return -ENODEV;
    }
    out->tunnel = out->link->tunnel;
    out->gre = out->link->how.gre;
    out->link->sessions++;
    return 0;
}

static void env_detach(void *ctx, uint32_t session, struct link *link)
{
    struct culvertd *d = ctx;
    told_link(&d->told, session, NULL);
    link->sessions--;
    if (link->id.kind == IF_VACCESS) {
        links_drop(&d->links, link);
    }
}

static void env_fit(void *ctx, struct link *link, const struct ike_child_sa *sa)
{
    struct culvertd *d = ctx;
    unsigned mtu = link->mtu_fixed ? 0 : mtu_of(d, sa, &link->how, link->ipv6); // asks the kernel for the way
    if (mtu != 0) {
        link_set_mtu(link, mtu);
    }
}

static int env_address(void *ctx, struct link *link, const struct ip_addr *addr, bool present)
{
    (void)ctx;
    return link_negotiated(link, addr, present);
}

static int env_route(void *ctx, struct link *link, const struct ip_addr *prefix, unsigned length, bool add)
{
    (void)ctx;
    if (prefix->family == 6 && !link->ipv6) {
        return 0; // its selectors have IPv6, and the configuration does not: nothing of it passes the interface
    }
    // IPv6: what the kernel takes for none. Deleting without would take the route of the lowest metric away, which may
    // be one that the peer told of.
    return link_route(link, prefix, length, prefix->family == 6 ? 1024 : 0, add);
}

static void env_peer(void *ctx, const struct ip_addr *remote, bool present)
{
    struct culvertd *d = ctx;
    mirror_peer(d->mirror, *remote, present);
}

static void env_installed(void *ctx, uint32_t child_id, int result)
{
    struct culvertd *d = ctx;
    if (d->ike != NULL) {
        ike_child_install_result(d->ike, child_id, result, daemon_now(d));
        glue_rearm(d);
    }
}

struct session_env glue_session_env(struct culvertd *d)
{
    return (struct session_env){.ctx = d,
                                .dp = d->dp,
                                .log = &d->log,
                                .attach = env_attach,
                                .detach = env_detach,
                                .address = env_address,
                                .route = env_route,
                                .peer = env_peer,
                                .fit = env_fit,
                                .installed = env_installed};
}

// ------------------------------------------------------------------------------------------------ static tunnels

bool glue_source(struct culvertd *d, const struct conf_if *f, const struct ip_addr *to, struct ip_addr *out)
{
    if (f->has_source && f->source_if.kind != IF_NONE) {
        return links_address(&d->links, f->source_if, to->family, out);
    }
    if (f->has_source && !f->source_dynamic) {
        *out = f->source;
        return out->family == to->family;
    }
    struct nl_path path;
    bool found = nl_route_get(d->links.nl, to, &path) == 0;
    *out = path.source;
    return found && ip_is_set(out);
}

static uint32_t tunnel_start(void *ctx, const struct conf_if *f, const struct ip_addr *to)
{
    struct culvertd *d = ctx;
    struct ike_path path = {.remote = *to, .local_port = IKE_PORT, .remote_port = IKE_PORT};
    if (!glue_source(d, f, to, &path.local)) {
        log_write(&d->log, LOG_NOTE, "tunnel", "%s: no source address yet", f->name);
        return 0;
    }
    struct ike_profile *p = profiles_tunnel(&d->profiles, f, &path.local, to);
    if (p == NULL) {
        return 0;
    }
    uint32_t session = ike_initiate(d->ike, p, &path, daemon_now(d));
    glue_rearm(d);
    return session;
}

static void tunnel_stop(void *ctx, uint32_t session)
{
    struct culvertd *d = ctx;
    ike_delete(d->ike, session, daemon_now(d));
    glue_rearm(d);
}

static bool tunnel_ends(void *ctx, const struct conf_if *f, const struct ip_addr *to)
{
    struct culvertd *d = ctx;
    struct link *link = links_find(&d->links, f->id);
    struct ip_addr from;
    if (link == NULL || !glue_source(d, f, to, &from)) {
        log_write(&d->log, LOG_NOTE, "tunnel", "%s: no source address yet", f->name);
        return false;
    }
    int error = link_set_ends(link, &from, to);
    if (error != 0) {
        log_write(&d->log, LOG_WARNING, "tunnel", "%s: %s", f->name,
                  error == -EEXIST ? "another tunnel has this destination and key" : strerror(-error));
        return false;
    }
    struct mtu_of m = {.outer = links_path_mtu(&d->links, to), .family = to->family, .gre = true};
    m.key = link->how.has_key;
    link_set_mtu(link, mtu_inner(&m, link->ipv6));
    return true;
}

// ------------------------------------------------------------------------------------------------ names

// By libuv's pool, in which lookups have at most half of the threads. One that runs cannot be taken back; the daemon
// does not wait for it when it stops.
struct lookup {
    uv_getaddrinfo_t request;
    struct culvertd *d;
    void (*found)(const struct lookup *k, const struct ip_addr *addr); // none: not found, which is logged
    struct ifid id;                                                    // for a tunnel
    uint64_t token;                                                    // for the IKE machine
    char name[CONF_TEXT];
};

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct lookup *k = request->data;
    struct culvertd *d = k->d;
    struct ip_addr addr = {0};
    uint16_t port;
    if (status == 0 && found != NULL) {
        struct sockaddr_storage name = {0};
        memcpy(&name, found->ai_addr, found->ai_addrlen);
        ip_from_sockaddr(&name, &addr, &port);
    }
    if (!d->stopping) {
        if (!ip_is_set(&addr)) {
            log_write(&d->log, LOG_WARNING, "name", "%s: %s", k->name,
                      status == 0 ? "has no address" : uv_strerror(status));
        }
        k->found(k, &addr);
    }
    uv_freeaddrinfo(found);
    free(k);
}

// Takes its own copy of `k`. false: not possible now.
static bool look_up(const struct lookup *k, uint8_t family)
{
    struct lookup *copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return false;
    }
    *copy = *k;
    copy->request.data = copy;
    const struct addrinfo hints = {.ai_family = family == 6 ? AF_INET6 : AF_INET, .ai_socktype = SOCK_DGRAM};
    if (uv_getaddrinfo(&k->d->loop, &copy->request, on_found, k->name, NULL, &hints) != 0) {
        free(copy);
        return false;
    }
    return true;
}

static void tunnel_found(const struct lookup *k, const struct ip_addr *addr)
{
    tunnels_found(&k->d->tunnels, k->id, k->name, addr, daemon_now(k->d));
}

static bool tunnel_lookup(void *ctx, struct ifid id, const char *name, uint8_t family)
{
    struct lookup k = {.d = ctx, .found = tunnel_found, .id = id};
    str_copy(k.name, sizeof(k.name), name);
    return look_up(&k, family);
}

static bool tunnel_end(void *ctx, struct ifid id, struct ip_addr *end)
{
    const struct culvertd *d = ctx;
    const struct tunnel *t = tunnels_find(&d->tunnels, id);
    *end = t == NULL ? (struct ip_addr){0} : t->destination;
    return ip_is_set(end);
}

void glue_profile_hooks(struct culvertd *d)
{
    d->profiles.hooks.destination = tunnel_end;
    d->profiles.hooks.destination_ctx = d;
}

static void gateway_found(const struct lookup *k, const struct ip_addr *addr)
{
    if (k->d->ike != NULL) {
        ike_resolved(k->d->ike, k->token, addr, daemon_now(k->d));
        glue_rearm(k->d);
    }
}

bool glue_resolve(void *ctx, uint64_t token, const char *name, uint8_t family)
{
    struct lookup k = {.d = ctx, .found = gateway_found, .token = token};
    str_copy(k.name, sizeof(k.name), name);
    return look_up(&k, family);
}

void glue_tunnel_hooks(struct culvertd *d)
{
    d->tunnels.ctx = d;
    d->tunnels.start = tunnel_start;
    d->tunnels.stop = tunnel_stop;
    d->tunnels.ends = tunnel_ends;
    d->tunnels.lookup = tunnel_lookup;
}
