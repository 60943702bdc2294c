// SPDX-License-Identifier: BSD-2-Clause
// Between the IKE machine and everything else: its operations, the datapath's hooks, what sessions need of their
// surroundings.
#include "hostd/main/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_timer(uv_timer_t *t)
{
    struct culvertd *d = t->data;
    ike_run_timers(d->ike, daemon_now(d));
    glue_rearm(d);
}

void glue_rearm(struct culvertd *d)
{
    if (d->ike == NULL) {
        return;
    }
    uint64_t next = ike_next_timer(d->ike), now = daemon_now(d);
    if (next == UINT64_MAX) {
        uv_timer_stop(&d->ike_timer);
        return;
    }
    uint64_t wait = next <= now ? 0 : (next - now + 999) / 1000; // up: never before it is due
    uv_update_time(&d->loop);
    uv_timer_start(&d->ike_timer, on_timer, wait, 0);
}

// ------------------------------------------------------------------------------------------------ operations of IKE

static void op_send(void *ctx, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct culvertd *d = ctx;
    if (d->sockets != NULL) {
        sockets_send(d->sockets, path, msg, len);
    }
}

struct work {
    uv_work_t work;
    struct culvertd *d;
    struct ike_job *job;
};

static void work_run(uv_work_t *w)
{
    struct work *k = w->data;
    ike_job_run(k->job);
}

static void work_done(uv_work_t *w, int status)
{
    struct work *k = w->data;
    struct culvertd *d = k->d;
    if (d->ike == NULL || status != 0) {
        ike_job_discard(k->job);
    } else {
        ike_job_complete(d->ike, k->job, daemon_now(d));
        glue_rearm(d);
    }
    free(k);
}

static void op_submit(void *ctx, struct ike_job *job)
{
    struct culvertd *d = ctx;
    struct work *k = calloc(1, sizeof(*k));
    if (k != NULL) {
        k->d = d;
        k->job = job;
        k->work.data = k;
        if (uv_queue_work(&d->loop, &k->work, work_run, work_done) == 0) {
            return;
        }
        free(k);
    }
    log_write(&d->log, LOG_ERR, "ikev2", "no memory for a job: dropped");
    ike_job_discard(job);
}

static void op_log(void *ctx, enum ike_log_level level, const struct ike_path *path, const char *text)
{
    struct culvertd *d = ctx;
    static const enum log_level levels[] = {LOG_ERR, LOG_WARNING, LOG_NOTE, LOG_DEBUG};
    enum log_level to = d->debug_ike && level == IKE_LOG_DEBUG ? LOG_NOTE : levels[level];
    char remote[64] = "";
    if (path != NULL) {
        ike_addr_format(&path->remote, remote, sizeof(remote));
    }
    log_write(&d->log, to, "ikev2", "%s%s%s", remote, remote[0] != '\0' ? ": " : "", text);
}

static struct ike_profile *op_select(void *ctx, const struct ike_select *sel)
{
    struct culvertd *d = ctx;
    return d->stopping ? NULL : profiles_select(&d->profiles, sel);
}

static int op_psk(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                  const struct ike_path *path, uint8_t *key, size_t cap)
{
    struct culvertd *d = ctx;
    (void)local;
    return profiles_psk(&d->profiles, p, remote, path, false, key, cap);
}

static int op_psk_remote(void *ctx, const struct ike_profile *p, const struct ike_id *local,
                         const struct ike_id *remote, const struct ike_path *path, uint8_t *key, size_t cap)
{
    struct culvertd *d = ctx;
    (void)local;
    return profiles_psk(&d->profiles, p, remote, path, true, key, cap);
}

static int op_addr_alloc(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                         const struct ike_addr *wanted, struct ike_cp_values *out)
{
    struct culvertd *d = ctx;
    (void)session, (void)remote;
    const struct conf_author *a = profiles_author(&d->profiles, p);
    const struct conf_pool *pool = a == NULL ? NULL : conf_find(&d->conf->pools, a->pool.name);
    struct in_addr want = {0}, got;
    if (wanted != NULL && wanted->family == 4) {
        memcpy(&want, wanted->b, 4);
    }
    int error = pool == NULL ? -ENOENT : pools_take(&d->pools, pool->first, pool->last, want, &got);
    if (error != 0) {
        log_write(&d->log, LOG_WARNING, "pool", "no address for a peer from pool \"%s\": %s",
                  a == NULL ? "" : a->pool.name, error == -ENOSPC ? "all are taken" : strerror(-error));
        return -1;
    }
    *out = (struct ike_cp_values){.address = {.family = 4}};
    memcpy(out->address.b, &got, 4);
    out->prefix = a->netmask.s_addr == 0 ? 0 : (uint8_t)conf_mask_length(a->netmask);
    for (unsigned i = 0; i < a->n_dns; i++) {
        out->dns[out->n_dns].family = 4;
        memcpy(out->dns[out->n_dns++].b, &a->dns[i], 4);
    }
    return 0;
}

static void op_addr_free(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_addr *a)
{
    struct culvertd *d = ctx;
    (void)session, (void)p;
    struct in_addr addr = {0};
    if (a->family == 4) {
        memcpy(&addr, a->b, 4);
        pools_give(&d->pools, addr);
    }
}

static int op_spi_alloc(void *ctx, uint32_t *spi)
{
    struct culvertd *d = ctx;
    return dp_spi_alloc(d->dp, spi) == 0 ? 0 : -1;
}

static void op_spi_free(void *ctx, uint32_t spi)
{
    struct culvertd *d = ctx;
    sessions_spi_free(&d->sessions, spi);
}

static int op_child_install(void *ctx, const struct ike_child_sa *sa, const struct ike_child_key *in,
                            const struct ike_child_key *out)
{
    struct culvertd *d = ctx;
    return sessions_install(&d->sessions, sa, in, out);
}

static void op_child_switch(void *ctx, const struct ike_child_sa *sa)
{
    struct culvertd *d = ctx;
    sessions_switch(&d->sessions, sa);
}

static void op_child_update(void *ctx, const struct ike_child_sa *sa)
{
    struct culvertd *d = ctx;
    sessions_update(&d->sessions, sa);
}

static void op_child_remove(void *ctx, const struct ike_child_sa *sa, enum ike_reason why)
{
    struct culvertd *d = ctx;
    (void)why;
    sessions_remove(&d->sessions, sa);
}

static void op_child_activity(void *ctx, const struct ike_child_sa *sa, uint64_t *last_in, uint64_t *last_out)
{
    struct culvertd *d = ctx;
    const struct child *c = sessions_child(&d->sessions, sa->spi_in);
    *last_in = c == NULL ? 0 : c->in_at;
    *last_out = c == NULL ? 0 : c->out_at;
}

static const struct binding *binding_of(const struct ike_sa_info *sa)
{
    return sa->profile == NULL ? NULL : sa->profile->user;
}

static uint32_t initiator_of(const struct ike_sa_info *sa)
{
    const struct ike_addr *a = sa->initiator ? &sa->path.local : &sa->path.remote;
    uint32_t v;
    memcpy(&v, a->b, 4);
    return ntohl(v);
}

static void remember_initiator(void *arg, const struct ike_sa_info *sa)
{
    *(uint32_t *)arg = initiator_of(sa);
}

// Both ends of a static tunnel may call at once, and both calls succeed: the one of the higher address stays.
static void settle(struct culvertd *d, struct tunnel *t, const struct ike_sa_info *sa)
{
    uint32_t other = 0;
    if (!t->up || t->session == 0 || t->session == sa->session ||
        !ike_show_one(d->ike, t->session, remember_initiator, &other)) {
        tunnels_up(&d->tunnels, t->conf.id, sa->session);
        return;
    }
    uint32_t loser = initiator_of(sa) >= other ? t->session : sa->session;
    if (loser == t->session) {
        t->session = sa->session;
    }
    log_write(&d->log, LOG_NOTE, "ikev2", "both ends of %s have called: session %u goes", t->conf.name, loser);
    ike_delete(d->ike, loser, daemon_now(d));
}

static void op_sa_up(void *ctx, const struct ike_sa_info *sa)
{
    struct culvertd *d = ctx;
    char id[256] = "", remote[64];
    if (sa->remote_id != NULL) {
        ike_id_format(sa->remote_id, id, sizeof(id));
    }
    log_write(&d->log, LOG_NOTE, "ikev2", "session %u with %s (%s) is up, profile %s", sa->session,
              ike_addr_format(&sa->path.remote, remote, sizeof(remote)), id, sa->profile->name);
    const struct binding *b = binding_of(sa);
    struct tunnel *t = b == NULL ? NULL : tunnels_find(&d->tunnels, b->iface);
    if (t != NULL) {
        settle(d, t, sa);
    }
}

static void op_sa_down(void *ctx, const struct ike_sa_info *sa, enum ike_reason why)
{
    struct culvertd *d = ctx;
    char remote[64];
    log_write(&d->log, LOG_NOTE, "ikev2", "session %u with %s is down: %s", sa->session,
              ike_addr_format(&sa->path.remote, remote, sizeof(remote)), ike_reason_name(why));
    tunnels_down(&d->tunnels, sa->session, daemon_now(d));
}

static void op_sa_rekeyed(void *ctx, const struct ike_sa_info *sa)
{
    struct culvertd *d = ctx;
    log_write(&d->log, LOG_NOTE, "ikev2", "session %u has a new IKE SA", sa->session);
}

static void op_child_failed(void *ctx, uint32_t session, enum ike_reason why, uint16_t notify)
{
    struct culvertd *d = ctx;
    log_write(&d->log, LOG_WARNING, "ikev2", "session %u: no child: %s%s%s", session, ike_reason_name(why),
              notify != 0 ? ", " : "", notify != 0 ? ike_name(IKE_NAMES_NOTIFY, notify) : "");
}

static void op_key_export(void *ctx, const struct ike_key_export *k)
{
    struct culvertd *d = ctx;
    if (d->keylog != NULL) {
        keylog_write(d->keylog, k);
    }
}

static const struct ike_ops ike_operations = {
    .send = op_send,
    .submit = op_submit,
    .log = op_log,
    .select = op_select,
    .psk = op_psk,
    .psk_remote = op_psk_remote,
    .addr_alloc = op_addr_alloc,
    .addr_free = op_addr_free,
    .spi_alloc = op_spi_alloc,
    .spi_free = op_spi_free,
    .child_install = op_child_install,
    .child_switch = op_child_switch,
    .child_update = op_child_update,
    .child_remove = op_child_remove,
    .child_activity = op_child_activity,
    .sa_up = op_sa_up,
    .sa_down = op_sa_down,
    .sa_rekeyed = op_sa_rekeyed,
    .child_failed = op_child_failed,
    .key_export = op_key_export,
};

static struct ike_limits limits_of(const struct culvertd *d)
{
    struct ike_limits limits = ike_limits_default();
    limits.export_keys = d->keylog != NULL;
    if (d->conf->has_cookie_challenge) {
        limits.cookie_threshold = d->conf->cookie_challenge;
        limits.cookie_always = d->conf->cookie_challenge == 0;
    }
    return limits;
}

bool glue_open(struct culvertd *d, char *err, size_t err_size)
{
    struct ike_limits limits = limits_of(d);
    d->ike = ike_new(&ike_operations, d, &limits);
    if (d->ike == NULL) {
        snprintf(err, err_size, "the IKEv2 machine: out of memory, or OpenSSL lacks an algorithm");
    }
    return d->ike != NULL;
}

void glue_limits(struct culvertd *d, const struct conf *old)
{
    const struct conf *c = d->conf;
    if (c->has_cookie_challenge != old->has_cookie_challenge || c->cookie_challenge != old->cookie_challenge) {
        struct ike_limits limits = limits_of(d);
        ike_set_limits(d->ike, &limits);
    }
}

void glue_close(struct culvertd *d)
{
    struct ike_engine *e = d->ike;
    if (e != NULL) {
        ike_free(e);
        d->ike = NULL;
    }
}

// ------------------------------------------------------------------------------------------------ sockets

static void on_ike(void *arg, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct culvertd *d = arg;
    if (d->ike != NULL) {
        ike_input(d->ike, path, msg, len, daemon_now(d));
        glue_rearm(d);
    }
}

static void on_esp(void *arg, const struct sockaddr_in *from, const uint8_t *esp, size_t len)
{
    struct culvertd *d = arg;
    if (d->dp != NULL && !d->links.ports) {
        dp_soft_esp_in_udp(d->dp, from, esp, len);
    }
}

struct sockets_hooks glue_socket_hooks(struct culvertd *d)
{
    return (struct sockets_hooks){.ike = on_ike, .esp = on_esp, .arg = d};
}

// ------------------------------------------------------------------------------------------------ datapath

static void hook_frame(void *arg, enum dp_port port, const uint8_t *frame, size_t len)
{
    struct culvertd *d = arg;
    links_frame(&d->links, port, frame, len);
}

static void hook_packet(void *arg, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct culvertd *d = arg;
    links_packet(&d->links, tunnel, packet, len);
}

static void hook_log(void *arg, enum dp_log_level level, const char *text)
{
    struct culvertd *d = arg;
    log_write(&d->log, (enum log_level)level, "datapath", "%s", text);
}

static void expire(struct culvertd *d, const struct dp_event *e, bool hard)
{
    const struct child *c =
        e->dir == DP_IN ? sessions_child(&d->sessions, e->spi) : sessions_child_out(&d->sessions, e->spi);
    if (c != NULL && d->ike != NULL) {
        ike_child_expire(d->ike, c->spi_in, hard, daemon_now(d));
        glue_rearm(d);
    }
}

static void hook_event(void *arg, const struct dp_event *e)
{
    struct culvertd *d = arg;
    if ((size_t)e->kind < sizeof(d->events) / sizeof(d->events[0])) {
        d->events[e->kind]++;
    }
    switch (e->kind) {
    case DP_EV_SOFT_LIFETIME:
        expire(d, e, false);
        break;
    case DP_EV_HARD_LIFETIME:
    case DP_EV_SEQ_EXHAUSTED:
        expire(d, e, true);
        break;
    case DP_EV_FAILED:
        log_write(&d->log, LOG_ERR, "datapath", "the datapath is gone, and all that was installed with it");
        daemon_stop(d, EXIT_DATAPATH);
        break;
    case DP_EV_LINK:
        log_write(&d->log, LOG_NOTE, "datapath", "%s port is %s", e->port == DP_PORT_OUTSIDE ? "outside" : "inside",
                  e->up ? "up" : "down");
        break;
    case DP_EV_REPLAY:
    case DP_EV_AUTH_FAIL:
    case DP_EV_UNKNOWN_SPI:
        log_write(&d->log, LOG_DEBUG, "datapath", "%s, SPI 0x%08x",
                  e->kind == DP_EV_REPLAY      ? "replayed packet"
                  : e->kind == DP_EV_AUTH_FAIL ? "packet that is not authentic"
                                               : "unknown SPI",
                  e->spi);
        break;
    }
}

struct dp_hooks glue_dp_hooks(struct culvertd *d)
{
    return (struct dp_hooks){
        .frame = hook_frame, .packet = hook_packet, .event = hook_event, .log = hook_log, .arg = d};
}

// ------------------------------------------------------------------------------------------------ sessions

static int env_attach(void *ctx, const struct ike_child_sa *sa, struct link **link, uint32_t *tunnel)
{
    struct culvertd *d = ctx;
    const struct binding *b = sa->profile->user;
    const struct conf_if *f = b == NULL ? NULL : conf_find_if(d->conf, b->iface);
    if (f == NULL || f->shutdown) {
        return -ENODEV;
    }
    char err[256];
    *link = f->id.kind == IF_TUNNEL
                ? links_find(&d->links, f->id)
                : links_clone(&d->links, d->conf, f, links_tunnel_mtu(1500, sa->suite.encr == IKE_ENCR_AES_CBC), err,
                              sizeof(err));
    if (*link == NULL) {
        log_write(&d->log, LOG_ERR, "session", "no interface for session %u: %s", sa->session,
                  f->id.kind == IF_TUNNEL ? "it is gone" : err);
        return -ENODEV;
    }
    *tunnel = (*link)->tunnel;
    return 0;
}

static void env_detach(void *ctx, uint32_t session, struct link *link)
{
    struct culvertd *d = ctx;
    (void)session;
    if (link->id.kind == IF_VACCESS) {
        links_drop(&d->links, link);
    }
}

static int env_address(void *ctx, struct link *link, struct in_addr addr)
{
    (void)ctx;
    return link->negotiated ? link_set_address(link, addr, addr.s_addr == 0 ? 0 : 32) : 0;
}

static int env_route(void *ctx, struct link *link, struct in_addr prefix, unsigned length, bool add)
{
    struct culvertd *d = ctx;
    struct nl_route r = {.prefix = prefix, .length = length, .index = link->index};
    int error = add ? nl_route_add(d->links.nl, &r) : nl_route_del(d->links.nl, &r);
    return add || error != -ESRCH ? error : 0;
}

static void env_peer(void *ctx, struct in_addr remote, bool present)
{
    struct culvertd *d = ctx;
    mirror_peer(d->mirror, remote, present);
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
                                .installed = env_installed};
}

// ------------------------------------------------------------------------------------------------ static tunnels

static bool source_of(struct culvertd *d, const struct conf_if *f, struct in_addr *out)
{
    if (f->has_source && f->source_if.kind != IF_NONE) {
        return links_address(&d->links, f->source_if, out);
    }
    if (f->has_source) {
        *out = f->source;
        return true;
    }
    struct nl_path path;
    if (nl_route_get(d->links.nl, f->destination, &path) != 0 || path.source.s_addr == 0) {
        return false;
    }
    *out = path.source;
    return true;
}

static uint32_t tunnel_start(void *ctx, const struct conf_if *f)
{
    struct culvertd *d = ctx;
    struct in_addr local;
    if (!source_of(d, f, &local)) {
        log_write(&d->log, LOG_NOTE, "tunnel", "%s: no source address yet", f->name);
        return 0;
    }
    struct ike_profile *p = profiles_tunnel(&d->profiles, f, local);
    if (p == NULL) {
        return 0;
    }
    struct ike_path path = {
        .local = {.family = 4}, .remote = {.family = 4}, .local_port = IKE_PORT, .remote_port = IKE_PORT};
    memcpy(path.local.b, &local, 4);
    memcpy(path.remote.b, &f->destination, 4);
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

void glue_tunnel_hooks(struct culvertd *d)
{
    d->tunnels.ctx = d;
    d->tunnels.start = tunnel_start;
    d->tunnels.stop = tunnel_stop;
}

// ------------------------------------------------------------------------------------------------ what needs a look
// now and then

struct activity {
    struct culvertd *d;
    uint32_t child; // id: the child may be gone when the answer comes
    enum dp_dir dir;
};

static void on_activity(void *arg, int error, const struct dp_sa_counters *n)
{
    struct activity *a = arg;
    struct culvertd *d = a->d;
    struct child *c = map_get(&d->sessions.by_child, a->child);
    if (error == 0 && c != NULL && n != NULL && d->ike != NULL) {
        uint64_t *packets = a->dir == DP_IN ? &c->in_packets : &c->out_packets;
        uint64_t *at = a->dir == DP_IN ? &c->in_at : &c->out_at;
        if (n->packets != *packets) {
            *packets = n->packets;
            *at = daemon_now(d);
            if (c->hold && a->dir == DP_IN) {
                ike_child_inbound_seen(d->ike, c->spi_in, daemon_now(d)); // the peer has moved over
                glue_rearm(d);
            }
        }
    }
    free(a);
}

static void look(struct culvertd *d, const struct child *c, enum dp_dir dir)
{
    struct activity *a = calloc(1, sizeof(*a));
    if (a != NULL) {
        *a = (struct activity){d, c->id, dir};
        dp_sa_counters(d->dp, dir, dir == DP_IN ? c->spi_in : c->spi_out, c->path.remote, on_activity, a);
    }
}

void glue_tick(struct culvertd *d)
{
    size_t at = 0;
    struct child *c;
    while ((c = map_next(&d->sessions.by_child, &at, NULL)) != NULL) {
        if (!c->up) {
            continue;
        }
        if (c->watch || c->hold) {
            look(d, c, DP_IN);
        }
        if (c->watch && c->out_there) {
            look(d, c, DP_OUT);
        }
    }
    tunnels_run(&d->tunnels, daemon_now(d));
}
