// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/session.h"

#include "hostd/dp/suite.h"
#include "hostd/main/ts.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void step_on(struct child *c);
static void undo(struct child *c);
static void undo_routes(struct child *c, unsigned n);

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

// The keys are with the datapath, or not wanted any more.
static void sas_release(struct child *c)
{
    if (c->sas != NULL) {
        OPENSSL_cleanse(c->sas, sizeof(*c->sas));
        free(c->sas);
        c->sas = NULL;
    }
}

static void hold(struct child *c)
{
    struct sessions *s = c->all;
    c->hold = true;
    c->held_next = s->held;
    c->held_at = &s->held;
    if (s->held != NULL) {
        s->held->held_at = &c->held_next;
    }
    s->held = c;
}

static void unhold(struct child *c)
{
    c->hold = false;
    if (c->held_at != NULL) {
        *c->held_at = c->held_next;
        if (c->held_next != NULL) {
            c->held_next->held_at = c->held_at;
        }
        c->held_at = NULL;
    }
}

static void child_free(struct child *c)
{
    struct sessions *s = c->all;
    unhold(c);
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
    sas_release(c);
    dp_selectors_unref(c->ts);
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
        struct session_if at = {0};
        int error = c->all->env.attach(c->all->env.ctx, sa, &at);
        if (error != 0) {
            return error;
        }
        s->link = at.link;
        s->tunnel = at.tunnel;
        s->gre = at.gre;
    }
    s->refs++;
    c->sas->in.tunnel = c->sas->out.tunnel = s->tunnel;
    c->all->env.fit(c->all->env.ctx, s->link, sa);
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
    c->all->env.peer(c->all->env.ctx, &c->path.remote, true);
    return 0;
}

static void undo_peer(struct child *c)
{
    c->all->env.peer(c->all->env.ctx, &c->path.remote, false);
}

static void drop_addresses(struct child *c)
{
    struct session *s = c->session;
    for (int i = 0; i < 2; i++) {
        if (ip_is_set(&s->assigned[i])) {
            c->all->env.address(c->all->env.ctx, s->link, &s->assigned[i], false);
            s->assigned[i] = (struct ip_addr){0};
        }
    }
}

static int do_address(struct child *c, const struct ike_child_sa *sa)
{
    (void)sa;
    struct session *s = c->session;
    int error = 0;
    for (int i = 0; i < 2 && c->asked && error == 0; i++) {
        if (ip_is_set(&c->assigned[i]) && !ip_is_set(&s->assigned[i])) {
            error = c->all->env.address(c->all->env.ctx, s->link, &c->assigned[i], true);
            s->assigned[i] = error == 0 ? c->assigned[i] : s->assigned[i];
        }
    }
    if (error != 0 && s->refs == 1) {
        drop_addresses(c);
    }
    return error;
}

static void undo_address(struct child *c)
{
    if (c->session->refs == 1 && c->asked) {
        drop_addresses(c);
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
    dp_sa_install(c->all->env.dp, &c->sas->in, on_step_done, c);
    OPENSSL_cleanse(c->sas->in.key, sizeof(c->sas->in.key));
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
    dp_sa_install(c->all->env.dp, &c->sas->out, on_step_done, c);
    sas_release(c);
    return STEP_PENDING;
}

static void undo_out(struct child *c)
{
    if (c->out_there) {
        dp_sa_remove(c->all->env.dp, DP_OUT, c->spi_out, c->path.remote, on_removed, c->all->env.log);
    }
}

static struct session_route *route_find(const struct session *s, const struct ip_addr *prefix, unsigned length,
                                        size_t *at)
{
    for (size_t i = s->routes.n; i-- > 0;) {
        struct session_route *r = s->routes.at[i];
        if (ip_equal(&r->prefix, prefix) && r->length == length) {
            *at = i;
            return r;
        }
    }
    return NULL;
}

static int route_ref(void *arg, const struct ip_addr *prefix, unsigned length)
{
    struct child *c = arg;
    struct session *s = c->session;
    const struct session_env *env = &c->all->env;
    size_t at;
    if (length == 0) {
        return 0; // everything: the user's routes decide
    }
    char text[IP_TEXT];
    if (ip_in(&c->path.remote, prefix, length)) {
        log_write(env->log, LOG_WARNING, "session",
                  "no route to %s/%u over the tunnel: the tunnel's own far end is in it", ip_format(prefix, text),
                  length);
        return 0;
    }
    struct session_route *r = route_find(s, prefix, length, &at);
    if (r != NULL) {
        r->refs++;
        return 0;
    }
    r = calloc(1, sizeof(*r));
    if (r == NULL || !list_add(&s->routes, r)) {
        free(r);
        return -ENOMEM;
    }
    *r = (struct session_route){.prefix = *prefix, .length = length, .refs = 1};
    int error = env->route(env->ctx, s->link, prefix, length, true);
    if (error != 0) {
        list_remove(&s->routes, r);
        free(r);
    }
    return error;
}

static int route_unref(void *arg, const struct ip_addr *prefix, unsigned length)
{
    struct child *c = arg;
    struct session *s = c->session;
    size_t at;
    struct session_route *r = route_find(s, prefix, length, &at);
    if (r != NULL && --r->refs == 0) {
        c->all->env.route(c->all->env.ctx, s->link, prefix, length, false);
        free(list_remove_at(&s->routes, at));
    }
    return 0;
}

// The prefixes of a child's selectors: those of the peer, and none of GRE.
static unsigned routed(const struct child *c)
{
    return c->session->gre ? 0 : c->ts->remote;
}

static int do_routes(struct child *c, const struct ike_child_sa *sa)
{
    (void)sa;
    struct session *s = c->session;
    const struct dp_ts *ts = c->ts->ts + c->ts->local;
    int error = 0;
    unsigned n;
    for (n = 0; n < routed(c) && error == 0; n++) {
        error = ts_prefixes(&ts[n], route_ref, c);
    }
    for (int i = 0; i < 2 && error == 0 && !c->asked; i++) {
        if (ip_is_set(&c->assigned[i]) && !ip_is_set(&s->assigned[i])) {
            error = route_ref(c, &c->assigned[i], ip_bits(&c->assigned[i]));
            s->assigned[i] = error == 0 ? c->assigned[i] : s->assigned[i];
        }
    }
    if (error != 0) {
        undo_routes(c, n);
    }
    return error;
}

// Those of the first n selectors, and with the last child those of addresses that we gave.
static void undo_routes(struct child *c, unsigned n)
{
    struct session *s = c->session;
    for (int i = 0; i < 2 && s->refs == 1 && !c->asked; i++) {
        if (ip_is_set(&s->assigned[i])) {
            route_unref(c, &s->assigned[i], ip_bits(&s->assigned[i]));
            s->assigned[i] = (struct ip_addr){0};
        }
    }
    while (n-- > 0) {
        ts_prefixes(&c->ts->ts[c->ts->local + n], route_unref, c);
    }
}

static void undo_all_routes(struct child *c)
{
    undo_routes(c, routed(c));
}

static const struct step {
    const char *name;
    int (*run)(struct child *c, const struct ike_child_sa *sa); // 0, STEP_PENDING or a negative errno
    void (*undo)(struct child *c);
} steps[] = {
    {"interface", do_interface, undo_interface}, {"peer", do_peer, undo_peer},
    {"address", do_address, undo_address},       {"inbound SA", do_in, undo_in},
    {"outbound SA", do_out, undo_out},           {"routes", do_routes, undo_all_routes},
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

static void set_path(struct child *c, const struct ike_child_sa *sa)
{
    c->path = (struct dp_path){.local = sa->path.local,
                               .remote = sa->path.remote,
                               .local_port = sa->path.local_port,
                               .remote_port = sa->path.remote_port,
                               .encap = sa->encap};
}

// false: the key is not of the length that the suite has.
static bool put_key(struct dp_sa *d, const struct ike_child_key *key)
{
    d->key_len = suite_key_len(d->suite);
    if ((size_t)key->encr_len + key->integ_len != d->key_len) {
        return false;
    }
    memcpy(d->key, key->encr, key->encr_len);
    memcpy(d->key + key->encr_len, key->integ, key->integ_len);
    return true;
}

static int fill_sas(struct child *c, const struct ike_child_sa *sa, const struct ike_child_key *in,
                    const struct ike_child_key *out)
{
    struct dp_suite suite;
    int error = -ENOTSUP;
    c->ts = ts_suite(&sa->suite, &suite) ? ts_selectors(sa, &error) : NULL;
    c->sas = c->ts == NULL ? NULL : calloc(1, sizeof(*c->sas));
    if (c->sas == NULL) {
        return c->ts == NULL ? error : -ENOMEM;
    }
    struct dp_sa *d = &c->sas->in;
    *d = (struct dp_sa){.dir = DP_IN,
                        .spi = sa->spi_in,
                        .suite = suite,
                        .esn = sa->suite.esn,
                        .transport = sa->transport,
                        .encap = c->path.encap,
                        .replay_window = sa->replay_window,
                        .local = c->path.local,
                        .remote = c->path.remote,
                        .local_port = c->path.local_port,
                        .remote_port = c->path.remote_port,
                        .ts = c->ts,
                        .soft_bytes = sa->bytes_soft,
                        .hard_bytes = sa->bytes_hard,
                        .soft_packets = sa->packets_soft,
                        .hard_packets = sa->packets_hard};
    c->sas->out = *d;
    c->sas->out.dir = DP_OUT;
    c->sas->out.spi = sa->spi_out;
    return put_key(d, in) && put_key(&c->sas->out, out) ? 0 : -EINVAL;
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
    c->assigned[0] = sa->assigned;
    c->assigned[1] = sa->assigned6;
    c->transport = sa->transport;
    c->initiator = sa->initiator;
    c->asked = sa->profile != NULL && (sa->profile->cp_request || sa->profile->cp_request6);
    if (sa->hold_outbound) {
        hold(c);
    }
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
    int result = fill_sas(c, sa, in, out);
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
    unhold(c);
    if (c->step > 4) { // the step of the outbound SA has passed it over
        c->out_there = true;
        c->pending++;
        dp_sa_install(s->env.dp, &c->sas->out, on_switched, c);
        sas_release(c);
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
    if (!ip_equal(&old.remote, &c->path.remote)) {
        s->env.peer(s->env.ctx, &c->path.remote, true);
        s->env.peer(s->env.ctx, &old.remote, false);
    }
    if (c->session->link != NULL) {
        s->env.fit(s->env.ctx, c->session->link, sa);
    }
    if (c->out_there) {
        dp_sa_path(s->env.dp, c->spi_out, old.remote, &c->path, on_path, s->env.log);
    } else if (c->sas != NULL) {
        struct dp_sa *out = &c->sas->out;
        out->local = c->path.local;
        out->remote = c->path.remote;
        out->local_port = c->path.local_port;
        out->remote_port = c->path.remote_port;
        out->encap = c->path.encap;
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
