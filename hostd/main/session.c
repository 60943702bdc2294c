// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/session.h"

#include "hostd/main/ts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void step_on(struct child *c);
static void undo(struct child *c);

void sessions_init(struct sessions *s, const struct session_env *env)
{
    *s = (struct sessions){.env = *env};
}

struct session *sessions_find(const struct sessions *s, uint32_t id)
{
    return map_get(&s->by_id, id);
}

struct child *sessions_child(const struct sessions *s, uint32_t spi_in)
{
    return map_get(&s->by_spi, spi_in);
}

struct child *sessions_child_out(const struct sessions *s, uint32_t spi_out)
{
    return map_get(&s->by_out, spi_out);
}

static void session_free(struct sessions *s, struct session *session)
{
    map_del(&s->by_id, session->id);
    list_free_all(&session->routes);
    list_free(&session->children);
    free(session);
}

static void child_free(struct child *c)
{
    struct sessions *s = c->all;
    if (map_get(&s->by_spi, c->spi_in) == c) {
        map_del(&s->by_spi, c->spi_in);
    }
    if (map_get(&s->by_out, c->spi_out) == c) {
        map_del(&s->by_out, c->spi_out);
    }
    map_del(&s->by_child, c->id);
    list_remove(&c->session->children, c);
    if (c->session->children.n == 0) {
        session_free(s, c->session);
    }
    if (c->free_spi && s->env.dp != NULL) {
        dp_spi_free(s->env.dp, c->spi_in);
    }
    OPENSSL_cleanse(c, sizeof(*c));
    free(c);
}

void sessions_free(struct sessions *s)
{
    size_t at = 0;
    struct child *c;
    while ((c = map_next(&s->by_child, &at, NULL)) != NULL) {
        c->free_spi = false;
        child_free(c);
        at = 0;
    }
    map_free(&s->by_id);
    map_free(&s->by_spi);
    map_free(&s->by_child);
    map_free(&s->by_out);
}

// ------------------------------------------------------------------------------------------------ steps

enum { STEP_PENDING = 1 };

static int do_interface(struct child *c, const struct ike_child_sa *sa)
{
    struct session *s = c->session;
    if (s->refs == 0) {
        int error = c->all->env.attach(c->all->env.ctx, sa, &s->link, &s->tunnel);
        if (error != 0) {
            return error;
        }
    }
    s->refs++;
    c->in.tunnel = c->out.tunnel = s->tunnel;
    return 0;
}

static void undo_interface(struct child *c)
{
    struct session *s = c->session;
    if (--s->refs == 0) {
        c->all->env.detach(c->all->env.ctx, s->id, s->link);
        s->link = NULL;
    }
}

static int do_peer(struct child *c, const struct ike_child_sa *sa)
{
    (void)sa;
    c->all->env.peer(c->all->env.ctx, c->path.remote, true);
    return 0;
}

static void undo_peer(struct child *c)
{
    c->all->env.peer(c->all->env.ctx, c->path.remote, false);
}

static int do_address(struct child *c, const struct ike_child_sa *sa)
{
    (void)sa;
    struct session *s = c->session;
    if (!c->asked || c->assigned.s_addr == 0 || s->has_address) {
        return 0;
    }
    int error = c->all->env.address(c->all->env.ctx, s->link, c->assigned);
    s->has_address = error == 0;
    s->assigned = s->has_address ? c->assigned : s->assigned;
    return error;
}

static void undo_address(struct child *c)
{
    struct session *s = c->session;
    if (s->refs == 1 && s->has_address) {
        c->all->env.address(c->all->env.ctx, s->link, (struct in_addr){0});
        s->has_address = false;
    }
}

// An answer of the datapath to a step that waits for it.
static void on_step_done(void *arg, int error)
{
    struct child *c = arg;
    c->pending--;
    if (c->dropped) {
        if (c->pending == 0) {
            child_free(c);
        }
    } else if (error == 0) {
        c->step++;
        step_on(c);
    } else {
        struct session_env env = c->all->env;
        uint32_t id = c->id;
        log_write(env.log, LOG_WARNING, "session", "child %u: the datapath refused an SA: %s", id, strerror(-error));
        undo(c);
        child_free(c);
        env.installed(env.ctx, id, error);
    }
}

static int do_in(struct child *c, const struct ike_child_sa *sa)
{
    (void)sa;
    c->pending++;
    dp_sa_install(c->all->env.dp, &c->in, on_step_done, c);
    OPENSSL_cleanse(c->in.key, sizeof(c->in.key));
    return STEP_PENDING;
}

static void on_removed(void *arg, int error)
{
    if (error != 0 && error != -ENOENT && error != -ECANCELED) {
        log_write(arg, LOG_WARNING, "session", "the datapath did not remove an SA: %s", strerror(-error));
    }
}

static void undo_in(struct child *c)
{
    dp_sa_remove(c->all->env.dp, DP_IN, c->spi_in, c->path.remote, on_removed, c->all->env.log);
}

static int do_out(struct child *c, const struct ike_child_sa *sa)
{
    (void)sa;
    if (c->hold) {
        return 0;
    }
    c->pending++;
    c->out_there = true;
    dp_sa_install(c->all->env.dp, &c->out, on_step_done, c);
    OPENSSL_cleanse(c->out.key, sizeof(c->out.key));
    return STEP_PENDING;
}

static void undo_out(struct child *c)
{
    if (c->out_there) {
        dp_sa_remove(c->all->env.dp, DP_OUT, c->spi_out, c->path.remote, on_removed, c->all->env.log);
    }
}

static int route_ref(void *arg, struct in_addr prefix, unsigned length)
{
    struct child *c = arg;
    struct session *s = c->session;
    const struct session_env *env = &c->all->env;
    uint32_t mask = length == 0 ? 0 : htonl(~0U << (32 - length));
    if (length == 0) {
        return 0; // everything: the user's routes decide
    }
    char text[INET_ADDRSTRLEN];
    if (((c->path.remote.s_addr ^ prefix.s_addr) & mask) == 0) {
        log_write(env->log, LOG_WARNING, "session",
                  "no route to %s/%u over the tunnel: the tunnel's own far end is in it",
                  inet_ntop(AF_INET, &prefix, text, sizeof(text)), length);
        return 0;
    }
    for (size_t i = 0; i < s->routes.n; i++) {
        struct session_route *r = s->routes.at[i];
        if (r->prefix.s_addr == prefix.s_addr && r->length == length) {
            r->refs++;
            return 0;
        }
    }
    struct session_route *r = calloc(1, sizeof(*r));
    if (r == NULL || !list_add(&s->routes, r)) {
        free(r);
        return -ENOMEM;
    }
    *r = (struct session_route){.prefix = prefix, .length = length, .refs = 1};
    int error = env->route(env->ctx, s->link, prefix, length, true);
    if (error != 0) {
        list_remove(&s->routes, r);
        free(r);
    }
    return error;
}

static int route_unref(void *arg, struct in_addr prefix, unsigned length)
{
    struct child *c = arg;
    struct session *s = c->session;
    for (size_t i = s->routes.n; i-- > 0;) {
        struct session_route *r = s->routes.at[i];
        if (r->prefix.s_addr == prefix.s_addr && r->length == length) {
            if (--r->refs == 0) {
                c->all->env.route(c->all->env.ctx, s->link, prefix, length, false);
                free(list_remove_at(&s->routes, i));
            }
            break;
        }
    }
    return 0;
}

static int do_routes(struct child *c, const struct ike_child_sa *sa)
{
    (void)sa;
    struct session *s = c->session;
    int error = 0;
    size_t n;
    for (n = 0; n < c->out.remote_ts_count && error == 0; n++) {
        error = ts_prefixes(&c->out.remote_ts[n], route_ref, c);
    }
    bool give = error == 0 && !c->asked && c->assigned.s_addr != 0 && s->assigned.s_addr == 0;
    if (give) {
        error = route_ref(c, c->assigned, 32);
        s->assigned = error == 0 ? c->assigned : s->assigned;
    }
    while (error != 0 && n-- > 0) {
        ts_prefixes(&c->out.remote_ts[n], route_unref, c);
    }
    return error;
}

static void undo_routes(struct child *c)
{
    struct session *s = c->session;
    if (s->refs == 1 && !c->asked && s->assigned.s_addr != 0) {
        route_unref(c, s->assigned, 32);
        s->assigned = (struct in_addr){0};
    }
    for (size_t n = c->out.remote_ts_count; n-- > 0;) {
        ts_prefixes(&c->out.remote_ts[n], route_unref, c);
    }
}

static const struct step {
    const char *name;
    int (*run)(struct child *c, const struct ike_child_sa *sa); // 0, STEP_PENDING or a negative errno
    void (*undo)(struct child *c);
} steps[] = {
    {"interface", do_interface, undo_interface}, {"peer", do_peer, undo_peer},
    {"address", do_address, undo_address},       {"inbound SA", do_in, undo_in},
    {"outbound SA", do_out, undo_out},           {"routes", do_routes, undo_routes},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

static void undo(struct child *c)
{
    while (c->step > 0) {
        steps[--c->step].undo(c);
    }
}

// Run steps until one has to wait or fails. The result, or STEP_PENDING.
static int run_steps(struct child *c, const struct ike_child_sa *sa)
{
    while (c->step < STEPS) {
        const struct step *s = &steps[c->step];
        int result = s->run(c, sa);
        if (result == STEP_PENDING) {
            return result;
        }
        if (result != 0) {
            log_write(c->all->env.log, LOG_WARNING, "session", "child %u: %s: %s", c->id, s->name, strerror(-result));
            return result;
        }
        c->step++;
    }
    c->up = true;
    return 0;
}

// Go on after an answer of the datapath.
static void step_on(struct child *c)
{
    int result = run_steps(c, NULL);
    if (result == STEP_PENDING) {
        return;
    }
    struct session_env env = c->all->env;
    uint32_t id = c->id;
    if (result != 0) {
        undo(c);
        child_free(c);
    }
    env.installed(env.ctx, id, result);
}

// ------------------------------------------------------------------------------------------------ from the machine

static struct in_addr v4(const struct ike_addr *a)
{
    struct in_addr out = {0};
    if (a->family == 4) {
        memcpy(&out, a->b, 4);
    }
    return out;
}

static void set_path(struct child *c, const struct ike_child_sa *sa)
{
    c->path = (struct dp_path){.local = v4(&sa->path.local),
                               .remote = v4(&sa->path.remote),
                               .local_port = sa->path.local_port,
                               .remote_port = sa->path.remote_port,
                               .encap = sa->encap};
    c->encap = sa->encap;
}

static int fill_sa(struct child *c, const struct ike_child_sa *sa, const struct ike_child_key *in,
                   const struct ike_child_key *out)
{
    enum dp_suite suite;
    if (sa->transport || !ts_suite(&sa->suite, &suite)) {
        return -ENOTSUP;
    }
    if ((size_t)in->encr_len + in->integ_len > DP_KEY_MAX || (size_t)out->encr_len + out->integ_len > DP_KEY_MAX) {
        return -EINVAL;
    }
    struct dp_sa *d = &c->in;
    int local = ts_ranges(sa->ts_local, sa->n_ts_local, d->local_ts);
    int remote = ts_ranges(sa->ts_remote, sa->n_ts_remote, d->remote_ts);
    if (local <= 0 || remote <= 0) {
        return local < 0 ? local : remote < 0 ? remote : -EINVAL;
    }
    d->local_ts_count = (size_t)local;
    d->remote_ts_count = (size_t)remote;
    d->suite = suite;
    d->esn = sa->suite.esn;
    d->encap = c->path.encap;
    d->replay_window = sa->replay_window;
    d->local = c->path.local;
    d->remote = c->path.remote;
    d->local_port = c->path.local_port;
    d->remote_port = c->path.remote_port;
    d->soft_bytes = sa->bytes_soft;
    d->hard_bytes = sa->bytes_hard;
    d->soft_packets = sa->packets_soft;
    d->hard_packets = sa->packets_hard;
    c->out = c->in;
    c->in.dir = DP_IN;
    c->in.spi = sa->spi_in;
    memcpy(c->in.key, in->encr, in->encr_len);
    memcpy(c->in.key + in->encr_len, in->integ, in->integ_len);
    c->in.key_len = (size_t)in->encr_len + in->integ_len;
    c->out.dir = DP_OUT;
    c->out.spi = sa->spi_out;
    memcpy(c->out.key, out->encr, out->encr_len);
    memcpy(c->out.key + out->encr_len, out->integ, out->integ_len);
    c->out.key_len = (size_t)out->encr_len + out->integ_len;
    return 0;
}

static struct child *child_new(struct sessions *s, const struct ike_child_sa *sa)
{
    struct session *session = sessions_find(s, sa->session);
    struct child *c = calloc(1, sizeof(*c));
    bool fresh = session == NULL;
    if (fresh) {
        session = calloc(1, sizeof(*session));
    }
    if (c == NULL || session == NULL) {
        free(c);
        free(fresh ? session : NULL);
        return NULL;
    }
    session->id = sa->session;
    c->id = sa->id;
    c->spi_in = sa->spi_in;
    c->spi_out = sa->spi_out;
    c->all = s;
    c->session = session;
    c->assigned = v4(&sa->assigned);
    c->initiator = sa->initiator;
    c->watch = sa->profile != NULL && sa->profile->dpd_on_demand;
    c->asked = sa->profile != NULL && sa->profile->cp_request;
    c->hold = sa->hold_outbound;
    c->suite = sa->suite;
    c->esn = sa->suite.esn;
    set_path(c, sa);
    bool ok = list_add(&session->children, c) && map_set(&s->by_id, session->id, session) &&
              map_set(&s->by_spi, c->spi_in, c) && map_set(&s->by_child, c->id, c) &&
              map_set(&s->by_out, c->spi_out, c);
    if (!ok) {
        child_free(c);
        return NULL;
    }
    return c;
}

int sessions_install(struct sessions *s, const struct ike_child_sa *sa, const struct ike_child_key *in,
                     const struct ike_child_key *out)
{
    struct child *c = child_new(s, sa);
    if (c == NULL) {
        return -ENOMEM;
    }
    int result = fill_sa(c, sa, in, out);
    if (result == 0) {
        result = run_steps(c, sa);
    } else {
        log_write(s->env.log, LOG_WARNING, "session", "child %u: suite or selectors that the datapath has not", c->id);
    }
    if (result == STEP_PENDING) {
        return IKE_PENDING;
    }
    if (result != 0) {
        undo(c);
        child_free(c);
    }
    return result;
}

static void on_switched(void *arg, int error)
{
    struct child *c = arg;
    c->pending--;
    if (error != 0) {
        log_write(c->all->env.log, LOG_WARNING, "session", "child %u: outbound SA: %s", c->id, strerror(-error));
        c->out_there = false;
    }
    if (c->dropped && c->pending == 0) {
        child_free(c);
    }
}

void sessions_switch(struct sessions *s, const struct ike_child_sa *sa)
{
    struct child *c = map_get(&s->by_child, sa->id);
    if (c == NULL || !c->hold || c->out_there || c->dropped) {
        return;
    }
    c->hold = false;
    if (c->step > 4) { // the step of the outbound SA has passed it over
        c->out_there = true;
        c->pending++;
        dp_sa_install(s->env.dp, &c->out, on_switched, c);
        OPENSSL_cleanse(c->out.key, sizeof(c->out.key));
    }
}

static void on_path(void *arg, int error)
{
    if (error != 0 && error != -ECANCELED) {
        log_write(arg, LOG_WARNING, "session", "the datapath did not take a new outer path: %s", strerror(-error));
    }
}

void sessions_update(struct sessions *s, const struct ike_child_sa *sa)
{
    struct child *c = map_get(&s->by_child, sa->id);
    if (c == NULL || c->dropped) {
        return;
    }
    struct dp_path old = c->path;
    set_path(c, sa);
    if (old.remote.s_addr != c->path.remote.s_addr) {
        s->env.peer(s->env.ctx, c->path.remote, true);
        s->env.peer(s->env.ctx, old.remote, false);
    }
    if (c->out_there) {
        dp_sa_path(s->env.dp, c->spi_out, old.remote, &c->path, on_path, s->env.log);
    } else {
        c->out.local = c->path.local;
        c->out.remote = c->path.remote;
        c->out.local_port = c->path.local_port;
        c->out.remote_port = c->path.remote_port;
        c->out.encap = c->path.encap;
    }
}

// A step that waits for its answer counts as done: requests are carried out in order, so that its undoing finds it
// done.
static void remove_child(struct child *c)
{
    bool waiting = !c->up;
    c->dropped = true;
    c->up = false;
    c->step += waiting;
    undo(c);
    if (c->pending == 0) {
        child_free(c);
    }
}

void sessions_remove(struct sessions *s, const struct ike_child_sa *sa)
{
    struct child *c = map_get(&s->by_child, sa->id);
    if (c != NULL && !c->dropped) {
        remove_child(c);
    }
}

void sessions_link_gone(struct sessions *s, const struct link *link)
{
    struct list some = {0};
    size_t at = 0;
    struct child *c;
    while ((c = map_next(&s->by_child, &at, NULL)) != NULL) {
        if (c->session->link == link && !c->dropped && !list_add(&some, c)) {
            break;
        }
    }
    for (size_t i = some.n; i-- > 0;) {
        remove_child(some.at[i]);
    }
    list_free(&some);
}

void sessions_spi_free(struct sessions *s, uint32_t spi)
{
    struct child *c = sessions_child(s, spi);
    if (c != NULL) {
        c->free_spi = true; // with the child, whose SA is still there
    } else {
        dp_spi_free(s->env.dp, spi);
    }
}
