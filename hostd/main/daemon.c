// SPDX-License-Identifier: BSD-2-Clause
// Order of life. Start: language and configuration (nothing is touched before it is known to be good), sockets (another
// daemon on the same ports shows here), datapath, devices, mirror, IKE machine, control socket, tunnels. Stop: deletes
// to the peers, then all of it backwards.
#include "hostd/main/daemon.h"

#include "hostd/cli/control.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TICK_MS = 200,
    SECOND = 5,       // ticks
    DRAIN_MS = 50,    // between looks whether the peers have answered our deletes
    DRAIN_TURNS = 40, // then it ends anyway
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
        d->dp = dp_soft_open(&d->loop, sockets_natt_fd(d->sockets), &hooks, err, err_size);
    } else {
        char where[CONF_TEXT + 16];
        snprintf(where, sizeof(where), "%s%s", d->conf->card == CONF_CARD_VFIO_USER ? "vfio-user:" : "",
                 d->conf->card_path);
        d->dp = dp_card_open(&d->loop, where, &hooks, err, err_size);
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
    profiles_reset(&d->profiles, d->conf);
    d->profiles.log = &d->log;
    struct session_env env = glue_session_env(d);
    sessions_init(&d->sessions, &env);
    glue_tunnel_hooks(d);
    if (!glue_open(d, err, err_size)) {
        return false;
    }
    d->control = control_open(d, d->options.socket_path, err, err_size);
    if (d->control == NULL) {
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
    glue_close(d); // children are removed, their devices and routes with them
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
    pools_free(&d->pools);
    nl_close(d->links.nl);
    keylog_close(d->keylog);
}

// ------------------------------------------------------------------------------------------------ configuration

bool daemon_apply(struct culvertd *d, struct conf *c, char *err, size_t err_size)
{
    struct conf *old = d->conf;
    if (c->card != old->card || strcmp(c->card_path, old->card_path) != 0) {
        snprintf(err, err_size, "the card can be changed only by starting again");
        conf_free(c);
        return false;
    }
    if (!links_apply(&d->links, c, err, err_size)) {
        char again[256];
        if (!links_apply(&d->links, old, again, sizeof(again))) {
            log_write(&d->log, LOG_ERR, "conf", "going back to the configuration before: %s", again);
        }
        conf_free(c);
        return false;
    }
    statics_apply(d, old, c);
    d->conf = c;
    d->conf_version++;
    profiles_reset(&d->profiles, c);
    tunnels_apply(&d->tunnels, c, daemon_now(d));
    glue_limits(d, old);
    glue_rearm(d);
    conf_free(old);
    log_write(&d->log, LOG_NOTE, "conf", "configuration %llu applied", (unsigned long long)d->conf_version);
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
    }
    if (d->ticks % (SECOND * RETRY_SECONDS) == 0) {
        statics_retry(d);
    }
    glue_rearm(d);
}

static void end_loop(struct culvertd *d)
{
    uv_close((uv_handle_t *)&d->ike_timer, NULL);
    uv_close((uv_handle_t *)&d->tick, NULL);
    uv_close((uv_handle_t *)&d->drain, NULL);
    for (unsigned i = 0; i < 3; i++) {
        uv_close((uv_handle_t *)&d->signals[i], NULL);
    }
    stop_all(d);
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
    d->ike_timer.data = d->tick.data = d->drain.data = d;
    for (unsigned i = 0; i < 3; i++) {
        uv_signal_init(&d->loop, &d->signals[i]);
        d->signals[i].data = d;
        uv_signal_start(&d->signals[i], on_signal, numbers[i]);
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
    d->lang = conf_lang_new(err, sizeof(err));
    d->conf = d->lang == NULL ? NULL : conf_load(d->lang, options->conf_path, err, sizeof(err));
    if (d->conf == NULL) {
        log_write(&d->log, LOG_ERR, "conf", "%s: %s", options->conf_path, err);
        conf_lang_free(d->lang);
        free(d);
        return EXIT_CONF;
    }
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
    uv_loop_close(&d->loop);
    conf_free(d->conf);
    conf_lang_free(d->lang);
    free(d);
    return code;
}
