// SPDX-License-Identifier: BSD-2-Clause
// Between the IKE machine and everything else: its operations, the datapath's hooks, what sessions need of their
// surroundings.
#include "hostd/main/daemon.h"

#include "hostd/main/config_ike.h"
#include "hostd/main/debug.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_timer(uv_timer_t *t)
{
    struct culvertd *d = t->data;
    eap_glue_run_timers(d);
    ike_run_timers(d->ike, daemon_now(d));
    glue_rearm(d);
}

void glue_rearm(struct culvertd *d)
{
    if (d->ike == NULL) {
        return;
    }
    uint64_t next = ike_next_timer(d->ike), eap = eap_glue_next_timer(d), now = daemon_now(d);
    next = eap < next ? eap : next;
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
        debug_packet(&d->log, true, path, msg, len);
        if (len > 1) { // one byte is a NAT keepalive
            exchanges_count(&d->exchanges, true, msg, len);
        }
        sockets_send(d->sockets, path, msg, len);
    }
}

static void job_done(void *arg, struct ike_job *job, bool ok)
{
    struct culvertd *d = arg;
    if (d->ike == NULL || !ok) {
        if (d->ike != NULL) {
            log_write(&d->log, LOG_ERR, "ikev2", "no memory for a job: dropped");
        }
        ike_job_discard(job);
        return;
    }
    ike_job_complete(d->ike, job, daemon_now(d));
    glue_rearm(d);
}

static void op_submit(void *ctx, struct ike_job *job)
{
    struct culvertd *d = ctx;
    jobs_submit(&d->jobs, job);
}

static bool op_log_wanted(void *ctx, enum ike_log_level level)
{
    const struct culvertd *d = ctx;
    const struct debug_line l = debug_ike(&d->log, level);
    return log_wanted(&d->log, l.level, l.part);
}

static void op_log(void *ctx, enum ike_log_level level, const struct ike_path *path, const char *text)
{
    struct culvertd *d = ctx;
    char remote[64] = "";
    if (path != NULL) {
        ike_addr_format(&path->remote, remote, sizeof(remote));
    }
    const struct debug_line l = debug_ike(&d->log, level);
    log_write(&d->log, l.level, l.part, "%s%s%s", remote, remote[0] != '\0' ? ": " : "", text);
}

static uint8_t on_esp_now(void *ctx, const struct ike_profile *p, struct ike_proposal *out)
{
    const struct culvertd *d = ctx;
    return profiles_esp(&d->profiles, p, out);
}

static struct ike_profile *op_select(void *ctx, const struct ike_select *sel)
{
    struct culvertd *d = ctx;
    return d->stopping ? NULL : profiles_select(&d->profiles, sel);
}

static bool op_peer_fits(void *ctx, const struct ike_profile *p, const struct ike_id *id, const struct ike_certs *certs)
{
    struct culvertd *d = ctx;
    return profiles_peer_fits(&d->profiles, p, id, certs);
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
    debug_child(&d->log, sa->replaces != 0 ? "installs, in place of another" : "installs", sa);
    return sessions_install(&d->sessions, sa, in, out);
}

static void op_child_switch(void *ctx, const struct ike_child_sa *sa)
{
    struct culvertd *d = ctx;
    debug_child(&d->log, "sends on it from now on", sa);
    sessions_switch(&d->sessions, sa);
}

static void op_child_update(void *ctx, const struct ike_child_sa *sa)
{
    struct culvertd *d = ctx;
    debug_child(&d->log, "goes another way", sa);
    sessions_update(&d->sessions, sa);
}

static void op_child_remove(void *ctx, const struct ike_child_sa *sa, enum ike_reason why)
{
    struct culvertd *d = ctx;
    debug_child(&d->log, ike_reason_name(why), sa);
    sessions_remove(&d->sessions, sa);
}

// What traffic a child has: asked for when somebody wants to know, never of all.

struct activity {
    struct culvertd *d;
    uint32_t child; // id: the child may be gone when the answer comes
    enum dp_dir dir;
    uint64_t now; // when it was asked
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
            *at = a->now;
            if (c->hold && a->dir == DP_IN) {
                ike_child_inbound_seen(d->ike, c->spi_in, daemon_now(d)); // the peer has moved over
                glue_rearm(d);
            }
        }
    }
    free(a);
}

// Both directions are asked as of one time: what was answered within it shall not seem to wait for an answer.
static void look(struct culvertd *d, const struct child *c, enum dp_dir dir, uint64_t now)
{
    struct activity *a = calloc(1, sizeof(*a));
    if (a != NULL) {
        *a = (struct activity){d, c->id, dir, now};
        dp_sa_counters(d->dp, dir, dir == DP_IN ? c->spi_in : c->spi_out, c->path.remote, on_activity, a);
    }
}

static void op_child_look(void *ctx, const struct ike_child_sa *sa)
{
    struct culvertd *d = ctx;
    const struct child *c = sessions_child(&d->sessions, sa->spi_in);
    const uint64_t now = daemon_now(d);
    if (c != NULL && c->up) {
        look(d, c, DP_IN, now);
        if (c->out_there) {
            look(d, c, DP_OUT, now);
        }
    }
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

static const struct ip_addr *initiator_of(const struct ike_sa_info *sa)
{
    return sa->initiator ? &sa->path.local : &sa->path.remote;
}

static void remember_initiator(void *arg, const struct ike_sa_info *sa)
{
    *(struct ip_addr *)arg = *initiator_of(sa);
}

// Both ends of a static tunnel may call at once, and both calls succeed: the one of the higher address stays. Of those
// who call a tunnel whose destination is dynamic, the last one.
static void settle(struct culvertd *d, struct tunnel *t, const struct ike_sa_info *sa)
{
    struct ip_addr other = {0};
    if (!t->up || t->session == 0 || t->session == sa->session ||
        !ike_show_one(d->ike, t->session, remember_initiator, &other)) {
        tunnels_up(&d->tunnels, t->conf.id, sa->session);
        return;
    }
    bool stays = t->conf.destination_dynamic || memcmp(initiator_of(sa)->b, other.b, sizeof(other.b)) >= 0;
    uint32_t loser = stays ? t->session : sa->session;
    if (loser == t->session) {
        tunnels_take(&d->tunnels, t, sa->session);
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
    config_up(d, sa);
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
    told_end(&d->told, sa->session);
    tunnels_down(&d->tunnels, sa->session, daemon_now(d));
}

static void op_sa_rekeyed(void *ctx, const struct ike_sa_info *sa)
{
    struct culvertd *d = ctx;
    log_write(&d->log, LOG_NOTE, "ikev2", "session %u has a new IKE SA", sa->session);
    if (sa->taken != NULL) {
        config_taken(d, sa); // after authenticating again the peer may tell other networks
    }
}

static void op_child_up(void *ctx, const struct ike_child_sa *sa)
{
    struct culvertd *d = ctx;
    const struct session *s = sessions_find(&d->sessions, sa->session);
    if (s != NULL) {
        told_link(&d->told, sa->session, s->link);
    }
}

static void op_child_failed(void *ctx, uint32_t session, enum ike_reason why, uint16_t notify)
{
    struct culvertd *d = ctx;
    log_write(&d->log, LOG_WARNING, "ikev2", "session %u: no child: %s%s%s", session, ike_reason_name(why),
              notify != 0 ? ", " : "", notify != 0 ? ike_name(IKE_NAMES_NOTIFY, notify) : "");
    if (why == IKE_R_ADDRESS && tunnels_has(&d->tunnels, session)) {
        ike_delete(d->ike, session,
                   daemon_now(d)); // of no use without: the tunnel calls again, perhaps there is one then
    }
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
    .ppk = ops_ppk,
    .redirect = ops_redirect,
    .resolve = glue_resolve,
    .extra_addresses = ops_extra_addresses,
    .esp_now = on_esp_now,
    .submit = op_submit,
    .log = op_log,
    .log_wanted = op_log_wanted,
    .select = op_select,
    .peer_fits = op_peer_fits,
    .cert_check = glue_cert_check,
    .cert_fetch = glue_cert_fetch,
    .psk = op_psk,
    .psk_remote = op_psk_remote,
    .eap_begin = glue_eap_begin,
    .eap_input = glue_eap_input,
    .eap_end = glue_eap_end,
    .cp_reply = config_reply,
    .cp_set = config_set,
    .cp_taken = config_taken,
    .addr_free = config_free,
    .spi_alloc = op_spi_alloc,
    .spi_free = op_spi_free,
    .child_install = op_child_install,
    .child_switch = op_child_switch,
    .child_update = op_child_update,
    .child_remove = op_child_remove,
    .child_look = op_child_look,
    .child_activity = op_child_activity,
    .sa_up = op_sa_up,
    .sa_down = op_sa_down,
    .sa_rekeyed = op_sa_rekeyed,
    .child_up = op_child_up,
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
    ops_limits(d->conf, &limits);
    return limits;
}

// The sockets may have had their turn of the loop's turn already.
static void jobs_done(void *arg)
{
    struct culvertd *d = arg;
    if (d->sockets != NULL) {
        sockets_flush(d->sockets);
    }
}

void glue_jobs(struct culvertd *d)
{
    jobs_open(&d->jobs, &d->loop, job_done, d);
    d->jobs.turn_done = jobs_done;
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
    if (c->has_cookie_challenge != old->has_cookie_challenge || c->cookie_challenge != old->cookie_challenge ||
        !conf_same(&c->ops, &old->ops, sizeof(c->ops))) {
        struct ike_limits limits = limits_of(d);
        ike_set_limits(d->ike, &limits);
    }
    ops_changed(d, old);
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
        debug_packet(&d->log, false, path, msg, len);
        exchanges_count(&d->exchanges, false, msg, len);
        ike_input(d->ike, path, msg, len, daemon_now(d));
        glue_rearm(d);
    }
}

static void on_esp(void *arg, const struct ip_addr *from, uint16_t port, const uint8_t *esp, size_t len)
{
    struct culvertd *d = arg;
    if (d->dp != NULL) {
        dp_esp_in_udp(d->dp, from, port, esp, len);
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

// The peer has lost nothing if we have: it hears of it (RFC 7296 1.5).
static void unknown_spi(struct culvertd *d, const struct dp_event *e)
{
    const struct dp_path *p = &e->path;
    const struct ike_path path = {.local = p->local,
                                  .remote = p->remote,
                                  .local_port = p->encap ? IKE_PORT_NATT : IKE_PORT,
                                  .remote_port = p->encap ? p->remote_port : IKE_PORT,
                                  .natt = p->encap};
    char text[IP_TEXT];
    log_write(&d->log, LOG_DEBUG, "datapath", "unknown SPI 0x%08x from %s", e->spi, ip_format(&p->remote, text));
    if (d->ike != NULL && ip_is_set(&p->remote)) {
        ike_unknown_spi(d->ike, &path, e->spi, daemon_now(d));
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
    case DP_EV_UNKNOWN_SPI:
        unknown_spi(d, e);
        break;
    case DP_EV_SELECTORS:
        log_write(&d->log, LOG_DEBUG, "datapath", "packet outside the selectors of its SA, SPI 0x%08x", e->spi);
        if (d->ike != NULL) {
            ike_outside_selectors(d->ike, e->spi, e->start, e->start_len, daemon_now(d));
            glue_rearm(d);
        }
        break;
    case DP_EV_REPLAY:
    case DP_EV_AUTH_FAIL:
        log_write(&d->log, LOG_DEBUG, "datapath", "%s, SPI 0x%08x",
                  e->kind == DP_EV_REPLAY ? "replayed packet" : "packet that is not authentic", e->spi);
        break;
    }
}

struct dp_hooks glue_dp_hooks(struct culvertd *d)
{
    return (struct dp_hooks){
        .frame = hook_frame, .packet = hook_packet, .event = hook_event, .log = hook_log, .arg = d};
}

// ------------------------------------------------------------------------------------------------ now and then

void glue_tick(struct culvertd *d)
{
    const uint64_t now = daemon_now(d);
    for (const struct child *c = d->sessions.held; c != NULL; c = c->held_next) {
        if (c->up) {
            look(d, c, DP_IN, now);
        }
    }
    tunnels_run(&d->tunnels, now);
}
