// SPDX-License-Identifier: BSD-2-Clause
// The configuration payload's side of the daemon: what an authorization policy gives and tells, where addresses come
// from, and what becomes of the networks that peers tell (routes_ike.h).
#include "hostd/main/config_ike.h"

#include "hostd/main/daemon.h"
#include "hostd/util/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

static const char version[] = "Culvert";

// ------------------------------------------------------------------------------------------------ what is given

// Our own inner address of a family on the interface of a session: its own, that of the interface it borrows from, or
// the one that the peer has given us.
static struct ip_addr own_address(const struct culvertd *d, const struct ike_profile *p, uint8_t family)
{
    const struct binding *b = p->user;
    const struct conf_if *f = b == NULL ? NULL : conf_find_if(d->conf, b->iface);
    struct ip_addr out = {0};
    if (f == NULL) {
        return out;
    }
    bool six = family == 6;
    enum conf_address_kind kind = six ? f->address6_kind : f->address_kind;
    if (kind == CONF_ADDRESS_NEGOTIATED) {
        const struct link *link = links_find(&d->links, f->id);
        for (unsigned i = 0; link != NULL && i < link->n_addr; i++) {
            out = link->addr[i].negotiated && link->addr[i].addr.family == family ? link->addr[i].addr : out;
        }
        return out;
    }
    const struct conf_if *of =
        kind == CONF_ADDRESS_UNNUMBERED ? conf_find_if(d->conf, six ? f->unnumbered6 : f->unnumbered) : f;
    if (six && of != NULL && of->n_addr6 > 0) {
        out = of->addr6[0].addr;
    } else if (!six && of != NULL && of->address_kind == CONF_ADDRESS_STATIC) {
        out = ip_from_v4(of->addr);
    }
    return out;
}

static void add_routes(const struct culvertd *d, const struct ike_profile *p, const struct conf_author *a,
                       struct ike_cp_values *out)
{
    struct ip_addr own = own_address(d, p, 4), own6 = own_address(d, p, 6);
    told_ours(d->conf, a, &own, &own6, out);
    str_copy(out->version, sizeof(out->version), version);
}

static void add_names(const struct conf_author *a, struct ike_cp_values *out)
{
    for (unsigned i = 0; i < a->n_dns && i < CONF_DNS; i++) {
        out->dns[out->n_dns++] = a->dns[i];
    }
    for (unsigned i = 0; i < a->n_wins && i < CONF_WINS; i++) {
        out->nbns[out->n_nbns++] = a->wins[i];
    }
    str_copy(out->banner, sizeof(out->banner), a->banner);
    str_copy(out->domain, sizeof(out->domain), a->domain);
    for (unsigned i = 0; i < a->n_split_dns; i++) {
        ike_cp_add_word(out->split_dns, sizeof(out->split_dns), a->split_dns[i], strlen(a->split_dns[i]));
    }
    for (unsigned i = 0; i < a->n_backup; i++) {
        ike_cp_add_word(out->backup, sizeof(out->backup), a->backup[i], strlen(a->backup[i]));
    }
    if (a->local_lan) {
        out->exclude[out->n_exclude++] = (struct ike_net){{.family = 4}, 32};
    }
}

// An address of one family, if it is asked for and there is a pool. 0, or -1: the pool has none.
static int give(struct culvertd *d, const struct conf_pool *pool, const struct ike_id *remote, bool asked,
                const struct ip_addr *wanted, struct ip_addr *out)
{
    if (!asked || pool == NULL) {
        return 0;
    }
    int error = pools_take(&d->pools, pool, remote, wanted, out);
    if (error != 0) {
        log_write(&d->log, LOG_WARNING, "pool", "no address for a peer from pool \"%s\": %s", pool->name,
                  error == -ENOSPC ? "all are taken" : strerror(-error));
        *out = (struct ip_addr){0};
    }
    return error == 0 ? 0 : -1;
}

int config_reply(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                 const struct ike_cp_values *asked, struct ike_cp_values *out)
{
    struct culvertd *d = ctx;
    (void)session;
    const struct conf_author *a = profiles_author(&d->profiles, p);
    if (a == NULL) {
        return 0;
    }
    const struct conf_pool *pool = conf_find(&d->conf->pools, a->pool.name);
    const struct conf_pool *pool6 = conf_find(&d->conf->pools6, a->pool6.name);
    int four = give(d, pool, remote, asked->asked & IKE_ASK_IP4, &asked->address, &out->address);
    int six = give(d, pool6, remote, asked->asked & IKE_ASK_IP6, &asked->address6, &out->address6);
    if ((four != 0 || six != 0) && out->address.family == 0 && out->address6.family == 0) {
        return -1; // one family alone will do
    }
    out->prefix = a->netmask.s_addr == 0 ? 0 : (uint8_t)conf_mask_length(a->netmask);
    out->prefix6 = pool6 == NULL ? 128 : pool6->length;
    add_names(a, out);
    add_routes(d, p, a, out);
    return 0;
}

void config_set(void *ctx, uint32_t session, const struct ike_profile *p, struct ike_cp_values *out)
{
    struct culvertd *d = ctx;
    (void)session;
    const struct conf_author *a = profiles_author(&d->profiles, p);
    if (a != NULL) {
        add_routes(d, p, a, out);
    }
}

void config_free(void *ctx, uint32_t session, const struct ike_profile *p, const struct ip_addr *addr)
{
    struct culvertd *d = ctx;
    (void)session, (void)p;
    pools_give(&d->pools, addr);
}

// ------------------------------------------------------------------------------------------------ what is taken

void config_taken(void *ctx, const struct ike_sa_info *sa)
{
    struct culvertd *d = ctx;
    told_set(&d->told, sa->session, profiles_author(&d->profiles, sa->profile), &sa->path.remote, sa->taken);
}

void config_up(struct culvertd *d, const struct ike_sa_info *sa)
{
    const struct conf_author *a = profiles_author(&d->profiles, sa->profile);
    config_taken(d, sa);
    if (a != NULL && a->session_lifetime > 0) {
        told_ends(&d->told, sa->session, daemon_now(d) + (uint64_t)a->session_lifetime * MICROSECONDS);
    }
}

static void end_session(void *arg, uint32_t session)
{
    struct culvertd *d = arg;
    log_write(&d->log, LOG_NOTE, "ikev2", "session %u has lasted as long as its authorization policy lets it", session);
    ike_delete(d->ike, session, daemon_now(d));
    glue_rearm(d);
}

void config_tick(struct culvertd *d)
{
    told_due(&d->told, daemon_now(d), end_session, d);
}

static bool same_net(const struct conf_route *r, const struct ike_net *net, unsigned distance)
{
    return r->distance == distance && r->length == net->prefix && ip_equal(&r->prefix, &net->net);
}

static bool is_static(void *ctx, const struct ike_net *net, unsigned distance)
{
    const struct culvertd *d = ctx;
    for (size_t i = 0; i < d->conf->routes.n; i++) {
        if (same_net(d->conf->routes.at[i], net, distance)) {
            return true;
        }
    }
    return false;
}

static int set_route(void *ctx, struct link *link, const struct ike_net *net, unsigned distance, bool add)
{
    (void)ctx;
    if (net->net.family == 6 && !link->ipv6) {
        return -EAFNOSUPPORT;
    }
    return link_route(link, &net->net, net->prefix, distance, add);
}

void config_open(struct culvertd *d)
{
    d->told.env = (struct told_env){.ctx = d, .log = &d->log, .route = set_route, .is_static = is_static};
}

// ------------------------------------------------------------------------------------------------ changes

struct change {
    struct culvertd *d;
    const struct conf *old;
    struct list tell; // sessions that are to be told anew
};

static bool list_same(const struct list *a, const struct list *b, size_t size)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++) {
        same = conf_same(a->at[i], b->at[i], size);
    }
    return same;
}

static bool change_one(void *arg, const struct ike_sa_info *sa)
{
    struct change *c = arg;
    const struct binding *b = sa->profile == NULL ? NULL : sa->profile->user;
    const struct conf_author *was = b == NULL ? NULL : conf_find(&c->old->authors, b->author);
    const struct conf_author *is = profiles_author(&c->d->profiles, sa->profile);
    bool same = is != NULL && was != NULL && conf_same(was, is, sizeof(*is));
    if (!sa->established) {
        return true;
    }
    if (!same) {
        config_taken(c->d, sa);
    }
    if (sa->initiator && sa->profile != NULL && sa->profile->cp_set_send) {
        list_add(&c->tell, (void *)(uintptr_t)sa->session);
    }
    return true;
}

void config_changed(struct culvertd *d, const struct conf *old)
{
    const struct conf *now = d->conf;
    struct change c = {.d = d, .old = old};
    struct list all = {0};
    for (size_t i = 0; i < now->pools.n + now->pools6.n; i++) {
        list_add(&all, i < now->pools.n ? now->pools.at[i] : now->pools6.at[i - now->pools.n]);
    }
    pools_reset(&d->pools, &all);
    list_free(&all);
    if (list_same(&old->authors, &now->authors, sizeof(struct conf_author)) &&
        list_same(&old->acls, &now->acls, sizeof(struct conf_acl)) &&
        list_same(&old->acls6, &now->acls6, sizeof(struct conf_acl)) &&
        list_same(&old->ifs, &now->ifs, sizeof(struct conf_if))) {
        return;
    }
    ike_show(d->ike, change_one, &c);
    for (size_t i = 0; i < c.tell.n; i++) {
        ike_tell_config(d->ike, (uint32_t)(uintptr_t)c.tell.at[i], daemon_now(d));
    }
    list_free(&c.tell);
}
