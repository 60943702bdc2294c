// SPDX-License-Identifier: BSD-2-Clause
// Order of life. Start: language and configuration (nothing is touched before it is known to be good), sockets (another
// daemon on the same ports shows here), datapath, devices, mirror, IKE machine, control socket, tunnels. Stop: deletes
// to the peers, then all of it backwards.
#include "hostd/main/daemon.h"

#include "hostd/cli/control.h"
#include "hostd/conf/crypto.h"
#include "hostd/main/config_ike.h"
#include "hostd/main/ts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    TICK_MS = 200,
    SECOND = 5,       // ticks
    DRAIN_MS = 50,    // between looks whether the peers have answered our deletes
    DRAIN_TURNS = 40, // then it ends anyway
    LAST_MS = 2000,   // for what the loop still has when all is closed
    RETRY_SECONDS = 5,
};

static void link_changed(void *arg, const struct link *link, bool present)
{
    struct culvertd *d = arg;
    if (!present && link->id.kind == IF_TUNNEL) {
        sessions_link_gone(&d->sessions, link);
    }
    if (d->mirror != NULL) {
        mirror_link(d->mirror, link, present);
    }
}

static bool open_datapath(struct culvertd *d, char *err, size_t err_size)
{
    struct dp_hooks hooks = glue_dp_hooks(d);
    if (d->conf->card == CONF_CARD_NONE) {
        d->dp = dp_soft_open(&d->loop, sockets_natt_fd(d->sockets, 4), sockets_natt_fd(d->sockets, 6), &hooks, err,
                             err_size);
    } else {
        char where[CONF_TEXT + 16];
        snprintf(where, sizeof(where), "%s%s", d->conf->card == CONF_CARD_VFIO_USER ? "vfio-user:" : "",
                 d->conf->card_path);
        d->dp = dp_both_open(&d->loop, where, sockets_natt_fd(d->sockets, 4), sockets_natt_fd(d->sockets, 6), &hooks,
                             err, err_size);
    }
    d->links.dp = d->dp;
    d->links.ports = d->conf->card != CONF_CARD_NONE;
    return d->dp != NULL;
}

static bool open_links(struct culvertd *d, char *err, size_t err_size)
{
    d->links.loop = &d->loop;
    d->links.log = &d->log;
    d->links.changed = link_changed;
    d->links.arg = d;
    d->links.nl = nl_open();
    if (d->links.nl == NULL) {
        snprintf(err, err_size, "rtnetlink: no socket");
        return false;
    }
    if (nl_sysctl("ipv4/ip_forward", "1") != 0) {
        log_write(&d->log, LOG_WARNING, "main", "the kernel's forwarding cannot be switched on");
    }
    d->mirror = mirror_open(&d->loop, &d->log, d->dp, &d->links, err, err_size);
    return d->mirror != NULL && links_apply(&d->links, d->conf, err, err_size);
}

static bool has_suite(void *ctx, const struct ike_suite *esp)
{
    struct dp_suite suite;
    return ts_suite(esp, &suite) && dp_has_suite(((struct culvertd *)ctx)->dp, suite);
}

static bool start(struct culvertd *d, char *err, size_t err_size)
{
    struct sockets_hooks hooks = glue_socket_hooks(d);
    if (d->options.keylog_path != NULL) {
        d->keylog = keylog_open(d->options.keylog_path, err, err_size);
        if (d->keylog == NULL) {
            return false;
        }
        log_write(&d->log, LOG_WARNING, "main", "KEYS ARE EXPORTED to %s: whoever reads it can decrypt all traffic",
                  d->options.keylog_path);
    }
    d->sockets = sockets_open(&d->loop, &d->log, &hooks, err, err_size);
    if (d->sockets == NULL || !open_datapath(d, err, err_size) || !open_links(d, err, err_size)) {
        return false;
    }
    d->pki = pki_open(&d->loop, &d->log, NULL);
    profiles_reset(&d->profiles, d->conf);
    d->profiles.log = &d->log;
    d->trust_view = (struct trust){&d->trust, &d->conf};
    d->profiles.hooks = trust_hooks(&d->trust_view);
    glue_profile_hooks(d);
    d->profiles.has_suite = has_suite;
    d->profiles.has_suite_ctx = d;
    struct session_env env = glue_session_env(d);
    sessions_init(&d->sessions, &env);
    glue_tunnel_hooks(d);
    config_open(d);
    if (!eap_glue_open(d, err, err_size) || !glue_open(d, err, err_size)) {
        return false;
    }
    d->control = control_open(d, d->options.socket_path, err, err_size);
    if (d->control == NULL) {
        return false;
    }
    if (!ops_watch(d)) {
        snprintf(err, err_size, "rtnetlink: no socket");
        return false;
    }
    statics_apply(d, NULL, d->conf);
    tunnels_apply(&d->tunnels, d->conf, daemon_now(d));
    return true;
}

static void stop_all(struct culvertd *d)
{
    control_close(d->control);
    d->control = NULL;
    if (d->pki != NULL) {
        pki_abort(d->pki, "the daemon stops"); // who asked has memory to release
    }
    pki_close(d->pki);
    d->pki = NULL;
    ops_unwatch(d);
    glue_close(d); // children are removed, their devices and routes with them
    eap_glue_close(d);
    struct conf *none = conf_new();
    statics_apply(d, d->conf, none);
    conf_free(none);
    if (d->links.nl != NULL) {
        links_close(&d->links); // their tunnels are the datapath's
    }
    d->sessions.env.dp = NULL;
    dp_free(d->dp); // what is still to be answered is answered in here
    d->dp = NULL;
    sessions_free(&d->sessions);
    mirror_close(d->mirror);
    d->mirror = NULL;
    sockets_close(d->sockets);
    d->sockets = NULL;
    tunnels_free(&d->tunnels);
    profiles_free(&d->profiles);
    told_free(&d->told);
    pools_free(&d->pools);
    nl_close(d->links.nl);
    keylog_close(d->keylog);
}

// ------------------------------------------------------------------------------------------------ configuration

static void log_warning(void *arg, const char *text)
{
    struct culvertd *d = arg;
    log_write(&d->log, LOG_WARNING, "conf", "%s", text);
}

bool daemon_apply(struct culvertd *d, struct conf *c, char *err, size_t err_size)
{
    struct conf *old = d->conf;
    if (c->card != old->card || strcmp(c->card_path, old->card_path) != 0) {
        snprintf(err, err_size, "the card can be changed only by starting again");
        conf_free(c);
        return false;
    }
    struct pki_set *trust = pki_load(c, d->options.state_path, &d->log, err, err_size);
    if (trust == NULL) {
        conf_free(c);
        return false;
    }
    if (!links_apply(&d->links, c, err, err_size)) {
        char again[256];
        if (!links_apply(&d->links, old, again, sizeof(again))) {
            log_write(&d->log, LOG_ERR, "conf", "going back to the configuration before: %s", again);
        }
        pki_unref(trust);
        conf_free(c);
        return false;
    }
    statics_apply(d, old, c);
    d->conf = c;
    d->conf_version++;
    pki_unref(d->trust);
    d->trust = trust;
    pki_abort(d->pki, "the configuration has changed meanwhile");
    profiles_reset(&d->profiles, c);
    tunnels_apply(&d->tunnels, c, daemon_now(d));
    glue_limits(d, old);
    config_changed(d, old);
    glue_rearm(d);
    conf_free(old);
    log_write(&d->log, LOG_NOTE, "conf", "configuration %llu applied", (unsigned long long)d->conf_version);
    conf_warnings(c, log_warning, d);
    return true;
}

bool daemon_reload(struct culvertd *d, char *err, size_t err_size)
{
    struct conf *c = conf_load(d->lang, d->options.conf_path, err, err_size);
    return c != NULL && daemon_apply(d, c, err, err_size);
}

// ------------------------------------------------------------------------------------------------ loop

static void on_tick(uv_timer_t *t)
{
    struct culvertd *d = t->data;
    if (d->stopping) {
        return;
    }
    d->ticks++;
    glue_tick(d);
    if (d->ticks % SECOND == 0) {
        mirror_tick(d->mirror);
        config_tick(d);
    }
    if (d->ticks % (SECOND * RETRY_SECONDS) == 0) {
        statics_retry(d);
    }
    glue_rearm(d);
}

static void on_last(uv_timer_t *t)
{
    uv_stop(t->loop);
}

// The loop runs until everything is closed. What a thread of the pool does cannot be broken off: a lookup with a name
// server that does not answer takes as long as the resolver tries. The last timer ends the loop before that.
static void end_loop(struct culvertd *d)
{
    uv_close((uv_handle_t *)&d->ike_timer, NULL);
    uv_close((uv_handle_t *)&d->tick, NULL);
    uv_close((uv_handle_t *)&d->drain, NULL);
    jobs_close(&d->jobs);
    for (unsigned i = 0; i < 3; i++) {
        uv_close((uv_handle_t *)&d->signals[i], NULL);
    }
    stop_all(d);
    uv_update_time(&d->loop); // with many sessions that took a while
    uv_timer_start(&d->last, on_last, LAST_MS, 0);
    uv_unref((uv_handle_t *)&d->last);
}

static void on_drain(uv_timer_t *t)
{
    struct culvertd *d = t->data;
    uint32_t sas = 0, half = 0, children = 0;
    ike_counts(d->ike, &sas, &half, &children);
    if (sas == 0 || ++d->drains > DRAIN_TURNS) {
        uv_timer_stop(t);
        end_loop(d);
    }
}

static bool delete_one(void *arg, const struct ike_sa_info *sa)
{
    struct list *all = arg;
    return list_add(all, (void *)(uintptr_t)sa->session);
}

void daemon_stop(struct culvertd *d, int exit_code)
{
    if (d->stopping) {
        return;
    }
    d->stopping = true;
    d->exit_code = exit_code;
    struct list all = {0};
    ike_show(d->ike, delete_one, &all);
    for (size_t i = 0; i < all.n; i++) {
        ike_delete(d->ike, (uint32_t)(uintptr_t)all.at[i], daemon_now(d));
    }
    log_write(&d->log, LOG_NOTE, "main", "stopping, %zu sessions to be deleted", all.n);
    list_free(&all);
    glue_rearm(d);
    uv_timer_start(&d->drain, on_drain, 0, DRAIN_MS);
}

static void on_signal(uv_signal_t *s, int number)
{
    struct culvertd *d = s->data;
    if (number != SIGHUP) {
        daemon_stop(d, EXIT_FINE);
        return;
    }
    char err[1024];
    if (!daemon_reload(d, err, sizeof(err))) {
        log_write(&d->log, LOG_ERR, "conf", "%s: not applied: %s", d->options.conf_path, err);
    }
}

static void init_handles(struct culvertd *d)
{
    static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    uv_timer_init(&d->loop, &d->ike_timer);
    uv_timer_init(&d->loop, &d->tick);
    uv_timer_init(&d->loop, &d->drain);
    uv_timer_init(&d->loop, &d->last);
    d->ike_timer.data = d->tick.data = d->drain.data = d;
    glue_jobs(d);
    for (unsigned i = 0; i < 3; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, numbers[i]);
    }
}

// Each device and connection is a file: as many as we may have.
static void raise_limits(struct log *log)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            log_write(log, LOG_WARNING, "main", "the limit on open files cannot be raised: %s", strerror(errno));
        }
    }
}

int daemon_run(const struct daemon_options *options)
{
    struct culvertd *d = must_alloc(sizeof(*d));
    char err[1024] = "";
    d->options = *options;
    d->clock = clock_real();
    d->started = daemon_now(d);
    log_init(&d->log, options->log_level);
    signal(SIGPIPE, SIG_IGN);
    raise_limits(&d->log);
    d->lang = conf_lang_new(err, sizeof(err));
    d->conf = d->lang == NULL ? NULL : conf_load(d->lang, options->conf_path, err, sizeof(err));
    d->trust = d->conf == NULL ? NULL : pki_load(d->conf, options->state_path, &d->log, err, sizeof(err));
    if (d->trust == NULL) {
        log_write(&d->log, LOG_ERR, "conf", "%s: %s", options->conf_path, err);
        conf_free(d->conf);
        conf_lang_free(d->lang);
        free(d);
        return EXIT_CONF;
    }
    conf_warnings(d->conf, log_warning, d);
    uv_loop_init(&d->loop);
    init_handles(d);
    if (start(d, err, sizeof(err))) {
        log_write(&d->log, LOG_NOTE, "main", "%s is ready: %s datapath, control socket %s", d->conf->hostname,
                  d->links.ports ? "card" : "software", options->socket_path);
        uv_timer_start(&d->tick, on_tick, 0, TICK_MS);
    } else {
        log_write(&d->log, LOG_ERR, "main", "cannot start: %s", err);
        d->exit_code = EXIT_START;
        d->stopping = true;
        end_loop(d);
    }
    uv_run(&d->loop, UV_RUN_DEFAULT);
    int code = d->exit_code;
    if (uv_loop_alive(&d->loop)) {
        log_write(&d->log, LOG_NOTE, "main", "not waiting for a name server that has not answered");
        fflush(NULL);
        _exit(code); // exit would wait for libuv's threads
    }
    uv_close((uv_handle_t *)&d->last, NULL);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_loop_close(&d->loop);
    pki_unref(d->trust);
    conf_free(d->conf);
    conf_lang_free(d->lang);
    free(d);
    return code;
}
