// SPDX-License-Identifier: BSD-2-Clause
// The network, clock and datapath of the IKE exchange tests; see lab.h.
#include "tests/unit/ike/lab.h"

#include "hostd/ike/ike_crypto.h"
#include "tests/unit/ip_of.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

uint64_t lab_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t lab_seed(void)
{
    static bool printed;
    const char *text = getenv("SEED");
    const uint64_t seed = text ? strtoull(text, NULL, 0) : 20240607;
    if (!printed)
        printf("# SEED=%llu\n", (unsigned long long)seed);
    printed = true;
    return seed;
}

uint8_t lab_exchange(const struct lab_packet *p)
{
    return p->len > 18 ? p->bytes[18] : 0;
}

uint32_t lab_mid(const struct lab_packet *p)
{
    return p->len < 24 ? 0
                       : (uint32_t)p->bytes[20] << 24 | (uint32_t)p->bytes[21] << 16 | (uint32_t)p->bytes[22] << 8 |
                             p->bytes[23];
}

bool lab_is_response(const struct lab_packet *p)
{
    return p->len > 19 && p->bytes[19] & IKE_F_RESPONSE;
}

// --- the network

static void enqueue(struct lab *lab, struct lab_packet *p)
{
    struct lab_packet **at = &lab->queue;
    while (*at && (*at)->at <= p->at)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
}

// What the other side sees of a path: its own address is local; behind a NAT the source is another.
static struct ike_path turned(struct lab *lab, const struct ike_path *path, int from)
{
    struct ike_path out = {path->remote, path->local, path->remote_port, path->local_port, path->natt};
    if (lab->nat && from == 0) {
        out.remote = lab->nat_addr;
        out.remote_port = (uint16_t)(path->local_port + lab->nat_port);
    } else if (lab->nat && from == 1) {
        out.local = lab->node[0].addr;
        out.local_port = (uint16_t)(path->remote_port - lab->nat_port);
    }
    return out;
}

static bool has(const struct lab_node *n, const struct ip_addr *a)
{
    return ip_equal(&n->addr, a) || (n->other.family && ip_equal(&n->other, a));
}

// Does the network lead from here to there?
static bool leads(const struct lab *lab, const struct lab_node *from, const struct ike_path *path)
{
    const struct lab_node *to = &lab->node[1 - from->index];
    if (!lab->strict)
        return true;
    if (!has(from, &path->local))
        return false;
    if (lab->nat && to->index == 0)
        return path->remote_port == (path->natt ? IKE_PORT_NATT : IKE_PORT) + lab->nat_port;
    return has(to, &path->remote);
}

static void op_send(void *ctx, const struct ike_path *path, const uint8_t *msg, size_t len)
{
    struct lab_node *n = ctx;
    struct lab *lab = n->lab;
    if (len == 1) {
        assert_true(path->natt);
        assert_int_equal(msg[0], 0xff);
        n->keepalives++;
        return;
    }
    struct lab_packet *p = malloc(sizeof(*p) + len);
    assert_non_null(p);
    p->from = n->index;
    p->to = 1 - n->index;
    p->at = lab->now + lab->latency;
    p->number = ++lab->sent;
    p->path = turned(lab, path, n->index);
    p->len = len;
    memcpy(p->bytes, msg, len);
    // A packet to an address or port where nobody is.
    const bool lost = (lab->nat && n->index == 1 && !ip_equal(&path->remote, &lab->nat_addr)) || !leads(lab, n, path);
    n->lost += lost;
    struct lab_fate f = lab->fate ? lab->fate(lab, p) : (struct lab_fate){0};
    if (lab->verbose)
        printf("# %8.3f %d->%d #%llu exch %u mid %u %s %zu bytes%s\n", (double)lab->now / 1e6, p->from, p->to,
               (unsigned long long)p->number, lab_exchange(p), lab_mid(p), lab_is_response(p) ? "resp" : "req", len,
               f.drop ? " DROPPED" : "");
    if (f.drop || lab->shut || lost) {
        free(p);
        return;
    }
    p->at += f.delay;
    for (unsigned i = 0; i < f.copies; i++) {
        struct lab_packet *c = malloc(sizeof(*c) + len);
        assert_non_null(c);
        memcpy(c, p, sizeof(*c) + len);
        c->at += (uint64_t)1000 * (i + 1);
        enqueue(lab, c);
    }
    enqueue(lab, p);
}

// --- the other callbacks

static void op_submit(void *ctx, struct ike_job *job)
{
    struct lab_node *n = ctx;
    assert_true(n->n_jobs < LAB_JOBS);
    n->job[n->n_jobs++] = job;
}

static bool op_random(void *ctx, void *out, size_t len)
{
    struct lab_node *n = ctx;
    uint8_t *p = out;
    if (++n->n_random == n->fail_random)
        return false;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)lab_random(&n->seed);
    if (len == sizeof(n->nonce))
        memcpy(n->nonce, out, len);
    return true;
}

static void *op_alloc(void *ctx, size_t size)
{
    struct lab_node *n = ctx;
    return ++n->n_alloc == n->fail_alloc ? NULL : calloc(1, size);
}

static void op_log(void *ctx, enum ike_log_level level, const struct ike_path *path, const char *text)
{
    struct lab_node *n = ctx;
    (void)path;
    // A state machine that takes a way that is not there is wrong in every test.
    assert_null(strstr(text, "no such transition"));
    if (n->lab->verbose)
        printf("# %8.3f node %d %d %s\n", (double)n->lab->now / 1e6, n->index, level, text);
}

static struct ike_profile *op_select(void *ctx, const struct ike_select *sel)
{
    struct lab_node *n = ctx;
    (void)sel;
    return n->no_profile ? NULL : n->profile;
}

static int op_psk(void *ctx, const struct ike_profile *p, const struct ike_id *local, const struct ike_id *remote,
                  const struct ike_path *path, uint8_t *key, size_t cap)
{
    struct lab_node *n = ctx;
    (void)path;
    assert_non_null(p);
    assert_non_null(local);
    assert_non_null(remote);
    const size_t len = strlen(n->psk);
    if (len == 0 || len > cap)
        return -1;
    memcpy(key, n->psk, len);
    return (int)len;
}

static int op_psk_remote(void *ctx, const struct ike_profile *p, const struct ike_id *local,
                         const struct ike_id *remote, const struct ike_path *path, uint8_t *key, size_t cap)
{
    struct lab_node *n = ctx;
    const size_t len = strlen(n->psk_remote);
    if (len == 0)
        return op_psk(ctx, p, local, remote, path, key, cap);
    memcpy(key, n->psk_remote, len);
    return (int)len;
}

static int op_cp_reply(void *ctx, uint32_t session, const struct ike_profile *p, const struct ike_id *remote,
                       const struct ike_cp_values *asked, struct ike_cp_values *out)
{
    struct lab_node *n = ctx;
    (void)session, (void)p;
    assert_non_null(remote);
    const unsigned need = !!(asked->asked & IKE_ASK_IP4) + !!(asked->asked & IKE_ASK_IP6);
    *out = n->tell;
    if (n->pool_used + need > n->pool_size)
        return -1;
    n->pool_used += need;
    if (asked->asked & IKE_ASK_IP4)
        out->address = ip_of("10.99.0.7");
    if (asked->asked & IKE_ASK_IP6)
        out->address6 = ip_of("2001:db8:99::7");
    out->prefix = 24;
    out->prefix6 = 64;
    return 0;
}

static void op_cp_set(void *ctx, uint32_t session, const struct ike_profile *p, struct ike_cp_values *out)
{
    struct lab_node *n = ctx;
    (void)p;
    assert_true(session != 0);
    *out = n->tell;
}

static void op_cp_taken(void *ctx, const struct ike_sa_info *sa)
{
    struct lab_node *n = ctx;
    assert_non_null(sa->taken);
    assert_int_equal(sa->session, n->session);
    n->cp = *sa->taken;
    n->taken++;
}

static void op_addr_free(void *ctx, uint32_t session, const struct ike_profile *p, const struct ip_addr *a)
{
    struct lab_node *n = ctx;
    (void)session, (void)p;
    assert_int_not_equal(a->family, 0);
    assert_true(n->pool_used > 0);
    n->pool_used--;
}

static int op_spi_alloc(void *ctx, uint32_t *spi)
{
    struct lab_node *n = ctx;
    if (++n->n_spi == n->fail_spi)
        return -1;
    for (int i = 0; i < LAB_SPIS; i++) {
        if (n->spi[i] == 0) {
            *spi = n->spi[i] = 0x1000u + 0x10000u * (unsigned)n->index + n->next_spi++;
            return 0;
        }
    }
    return -1;
}

struct lab_child *lab_child_of(struct lab_node *n, uint32_t spi_in)
{
    for (int i = 0; i < LAB_CHILDREN; i++) {
        if (n->child[i].used && n->child[i].spi_in == spi_in)
            return &n->child[i];
    }
    return NULL;
}

static void op_spi_free(void *ctx, uint32_t spi)
{
    struct lab_node *n = ctx;
    assert_null(lab_child_of(n, spi)); // removed first
    for (int i = 0; i < LAB_SPIS; i++) {
        if (n->spi[i] == spi) {
            n->spi[i] = 0;
            return;
        }
    }
    fail_msg("SPI %x was given back twice", spi);
}

static int op_install(void *ctx, const struct ike_child_sa *sa, const struct ike_child_key *in,
                      const struct ike_child_key *out)
{
    struct lab_node *n = ctx;
    struct lab_child *c = n->child;
    if (++n->n_install == n->fail_install)
        return -1;
    assert_null(lab_child_of(n, sa->spi_in));
    assert_true(sa->n_ts_local > 0 && sa->n_ts_remote > 0);
    while (c->used)
        c++;
    assert_true(c < n->child + LAB_CHILDREN);
    *c = (struct lab_child){
        .used = true,
        .pending = n->install_later,
        .held = sa->hold_outbound,
        .id = sa->id,
        .session = sa->session,
        .spi_in = sa->spi_in,
        .spi_out = sa->spi_out,
        .suite = sa->suite,
        .in = *in,
        .out = *out,
        .path = sa->path,
        .encap = sa->encap,
        .ts_local = sa->ts_local[0],
        .ts_remote = sa->ts_remote[0],
        .n_local = sa->n_ts_local,
        .n_remote = sa->n_ts_remote,
        .replaces = sa->replaces,
    };
    n->installs++;
    return n->install_later ? IKE_PENDING : 0;
}

static void op_switch(void *ctx, const struct ike_child_sa *sa)
{
    struct lab_node *n = ctx;
    struct lab_child *c = lab_child_of(n, sa->spi_in);
    assert_non_null(c);
    assert_true(c->held);
    c->held = false;
    n->switches++;
}

static void op_update(void *ctx, const struct ike_child_sa *sa)
{
    struct lab_node *n = ctx;
    struct lab_child *c = lab_child_of(n, sa->spi_in);
    assert_non_null(c);
    c->path = sa->path;
    c->encap = sa->encap;
    n->updates++;
}

static void op_remove(void *ctx, const struct ike_child_sa *sa, enum ike_reason why)
{
    struct lab_node *n = ctx;
    struct lab_child *c = lab_child_of(n, sa->spi_in);
    assert_int_not_equal(why, IKE_R_NONE);
    assert_non_null(c);
    memset(c, 0, sizeof(*c));
    n->removes++;
}

static void op_activity(void *ctx, const struct ike_child_sa *sa, uint64_t *in, uint64_t *out)
{
    struct lab_node *n = ctx;
    assert_non_null(lab_child_of(n, sa->spi_in));
    *in = n->seen_in;
    *out = n->seen_out;
}

static void op_look(void *ctx, const struct ike_child_sa *sa)
{
    struct lab_node *n = ctx;
    assert_non_null(lab_child_of(n, sa->spi_in));
    n->looks++;
    n->seen_in = n->traffic_in;
    n->seen_out = n->traffic_out;
}

static bool op_ppk(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                   const void *id, size_t id_len, struct ike_ppk *out)
{
    const struct lab_node *n = ctx;
    (void)p, (void)path, (void)remote;
    if (n->ppk.id_len == 0 || (id && (id_len != n->ppk.id_len || memcmp(id, n->ppk.id, id_len) != 0)))
        return false;
    *out = n->ppk;
    return true;
}

static bool op_redirect(void *ctx, const struct ike_profile *p, const struct ike_path *path,
                        const struct ike_id *remote, const struct ip_addr *from, struct ike_gateway *gateway)
{
    struct lab_node *n = ctx;
    (void)p, (void)remote;
    if (from)
        n->came_from = *from;
    if ((n->gateway.family == 0 && n->gateway_name[0] == 0) || ip_equal(&path->local, &n->gateway) ||
        (n->gateway_name[0] && ip_equal(&path->local, &n->other)) || (from && ip_equal(from, &n->never)))
        return false;
    n->n_redirect++;
    gateway->addr = n->gateway;
    strcpy(gateway->name, n->gateway_name);
    return true;
}

static bool op_resolve(void *ctx, uint64_t token, const char *name, uint8_t family)
{
    struct lab_node *n = ctx;
    assert_int_equal(family, n->addr.family);
    n->n_lookups++;
    if (n->no_lookups)
        return false;
    n->lookup = token;
    assert_true(strlen(name) < sizeof(n->looked_up));
    strcpy(n->looked_up, name);
    return true;
}

static uint8_t op_esp_now(void *ctx, const struct ike_profile *p, struct ike_proposal *out)
{
    const struct lab_node *n = ctx;
    (void)p;
    out[0] = n->esp_now;
    return n->esp_now.n_encr > 0;
}

static unsigned op_extra(void *ctx, const struct ike_profile *p, const struct ike_path *path, struct ip_addr *out)
{
    const struct lab_node *n = ctx;
    (void)p, (void)path;
    memcpy(out, n->told, n->n_told * sizeof(*out));
    return n->n_told;
}

static void op_sa_up(void *ctx, const struct ike_sa_info *sa)
{
    struct lab_node *n = ctx;
    assert_true(sa->established);
    assert_non_null(sa->remote_id);
    n->ups++;
    n->session = sa->session;
    memset(&n->cp, 0, sizeof(n->cp));
    if (sa->taken)
        n->cp = *sa->taken;
    n->suite = sa->suite;
    n->nat_local = sa->nat_local;
    n->nat_remote = sa->nat_remote;
    n->cookie = sa->cookie;
    n->fragmentation = sa->fragmentation;
}

static void op_sa_down(void *ctx, const struct ike_sa_info *sa, enum ike_reason why)
{
    struct lab_node *n = ctx;
    assert_true(sa->session != 0);
    n->downs++;
    n->down_why = why;
}

static void op_sa_rekeyed(void *ctx, const struct ike_sa_info *sa)
{
    struct lab_node *n = ctx;
    assert_int_equal(sa->session, n->session);
    n->rekeys++;
    n->suite = sa->suite;
}

static void op_child_up(void *ctx, const struct ike_child_sa *sa)
{
    struct lab_node *n = ctx;
    assert_non_null(lab_child_of(n, sa->spi_in));
    n->child_ups++;
}

static void op_child_failed(void *ctx, uint32_t session, enum ike_reason why, uint16_t notify)
{
    struct lab_node *n = ctx;
    (void)session, (void)notify;
    n->child_fails++;
    n->fail_why = why;
}

static void op_path_changed(void *ctx, const struct ike_sa_info *sa, const struct ike_path *old)
{
    struct lab_node *n = ctx;
    assert_false(ike_path_equal(&sa->path, old));
    n->moves++;
}

static void op_key_export(void *ctx, const struct ike_key_export *k)
{
    struct lab_node *n = ctx;
    if (k->child)
        n->exported_child++;
    else
        n->exported_ike++;
}

// --- life cycle

struct lab *lab_new(void)
{
    struct lab *lab = calloc(1, sizeof(*lab));
    assert_non_null(lab);
    lab->now = 1000 * (uint64_t)LAB_SECOND;
    lab->seed = lab_seed();
    lab->latency = 5000;
    lab->nat_port = 7000;
    lab->verbose = getenv("LAB_VERBOSE") != NULL;
    lab->nat_addr = ip_of("203.0.113.99");
    for (int i = 0; i < LAB_NODES; i++) {
        struct lab_node *n = &lab->node[i];
        struct ip_addr net;
        n->lab = lab;
        n->index = i;
        n->seed = lab->seed + (uint64_t)77 * (unsigned)i;
        n->pool_size = 10;
        n->limits = ike_limits_default();
        n->tell.n_dns = 1;
        n->tell.dns[0] = ip_of("10.99.0.1");
        net = ip_of(i == 0 ? "10.0.0.0" : "10.1.0.0");
        ike_cp_add_subnet(&n->tell, &net, 16);
        strcpy(n->psk, "correct horse battery staple");
        n->addr = ip_of(i == 0 ? "192.0.2.1" : "198.51.100.2");
        n->profile = ike_profile_new(i == 0 ? "left" : "right");
        assert_non_null(n->profile);
        const struct ip_addr any = {.family = 4};
        n->profile->ts_local[0] = n->profile->ts_remote[0] = ike_ts_prefix(&any, 0);
        n->ops = (struct ike_ops){
            .send = op_send,
            .extra_addresses = op_extra,
            .esp_now = op_esp_now,
            .ppk = op_ppk,
            .redirect = op_redirect,
            .resolve = op_resolve,
            .random = op_random,
            .alloc = op_alloc,
            .log = op_log,
            .select = op_select,
            .psk = op_psk,
            .psk_remote = op_psk_remote,
            .cp_reply = op_cp_reply,
            .cp_set = op_cp_set,
            .cp_taken = op_cp_taken,
            .addr_free = op_addr_free,
            .spi_alloc = op_spi_alloc,
            .spi_free = op_spi_free,
            .child_install = op_install,
            .child_switch = op_switch,
            .child_update = op_update,
            .child_remove = op_remove,
            .child_look = op_look,
            .child_activity = op_activity,
            .sa_up = op_sa_up,
            .sa_down = op_sa_down,
            .sa_rekeyed = op_sa_rekeyed,
            .child_up = op_child_up,
            .child_failed = op_child_failed,
            .path_changed = op_path_changed,
            .key_export = op_key_export,
        };
    }
    return lab;
}

void lab_start(struct lab *lab)
{
    for (int i = 0; i < LAB_NODES; i++) {
        struct lab_node *n = &lab->node[i];
        if (n->jobs_later)
            n->ops.submit = op_submit;
        assert_null(ike_profile_check(n->profile));
        n->e = ike_new(&n->ops, n, &n->limits);
        assert_non_null(n->e);
    }
}

struct ike_path lab_path(const struct lab *lab, int i)
{
    return (struct ike_path){
        .local = lab->node[i].addr,
        .remote = lab->nat && i == 1 ? lab->nat_addr : lab->node[1 - i].addr,
        .local_port = IKE_PORT,
        .remote_port = IKE_PORT,
    };
}

uint32_t lab_initiate(struct lab *lab, int i)
{
    const struct ike_path path = lab_path(lab, i);
    return ike_initiate(lab->node[i].e, lab->node[i].profile, &path, lab->now);
}

void lab_connect(struct lab *lab)
{
    lab_start(lab);
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    lab_run(lab, LAB_SECOND);
}

struct lab *lab_connected(void)
{
    struct lab *lab = lab_new();
    lab_connect(lab);
    return lab;
}

struct lab_fate lab_bad_network(struct lab *lab, const struct lab_packet *p)
{
    (void)p;
    const uint64_t r = lab_random(&lab->arg);
    return (struct lab_fate){.drop = r % 8 == 0, .copies = (unsigned)(r >> 8 & 1), .delay = (r >> 16) % lab->arg2};
}

void lab_run_jobs(struct lab *lab)
{
    for (int i = 0; i < LAB_NODES; i++) {
        struct lab_node *n = &lab->node[i];
        while (n->n_jobs > 0) {
            struct ike_job *job = n->job[0];
            n->n_jobs--;
            memmove(n->job, n->job + 1, n->n_jobs * sizeof(struct ike_job *));
            ike_job_run(job);
            ike_job_complete(n->e, job, lab->now);
        }
    }
}

void lab_run_slowly(struct lab *lab, unsigned steps, uint64_t micros)
{
    for (unsigned i = 0; i < steps; i++) {
        lab_run(lab, micros);
        lab_run_jobs(lab);
    }
}

void lab_finish_installs(struct lab_node *n, int result)
{
    for (int i = 0; i < LAB_CHILDREN; i++) {
        struct lab_child *c = &n->child[i];
        if (c->used && c->pending) {
            const uint32_t id = c->id;
            c->pending = false;
            if (result != 0)
                memset(c, 0, sizeof(*c));
            ike_child_install_result(n->e, id, result, n->lab->now);
        }
    }
}

// One event at most, not later than `limit`; false: there is none.
static bool step(struct lab *lab, uint64_t limit)
{
    uint64_t at = lab->queue ? lab->queue->at : UINT64_MAX;
    int timer = -1;
    for (int i = 0; i < LAB_NODES; i++) {
        const uint64_t t = ike_next_timer(lab->node[i].e);
        if (t < at) {
            at = t;
            timer = i;
        }
    }
    if (at > limit)
        return false;
    if (at > lab->now)
        lab->now = at;
    if (timer >= 0) {
        ike_run_timers(lab->node[timer].e, lab->now);
        return true;
    }
    struct lab_packet *p = lab->queue;
    assert_non_null(p);
    if (p == NULL)
        return false;
    lab->queue = p->next;
    // The engine must not keep pointers into the message: give it memory that goes away.
    uint8_t *copy = malloc(p->len);
    assert_non_null(copy);
    memcpy(copy, p->bytes, p->len);
    lab_capture(lab, p);
    ike_input(lab->node[p->to].e, &p->path, copy, p->len, lab->now);
    free(copy);
    free(p);
    return true;
}

bool lab_until(struct lab *lab, bool (*cond)(struct lab *lab), uint64_t micros)
{
    const uint64_t limit = lab->now + micros;
    unsigned steps = 0;
    while (!(cond && cond(lab))) {
        if (!step(lab, limit)) {
            lab->now = limit;
            return cond == NULL || cond(lab);
        }
        assert_true(++steps < 2000000); // else something is spinning
    }
    return true;
}

void lab_run(struct lab *lab, uint64_t micros)
{
    (void)lab_until(lab, NULL, micros);
}

unsigned lab_children(const struct lab_node *n)
{
    unsigned count = 0;
    for (int i = 0; i < LAB_CHILDREN; i++)
        count += n->child[i].used;
    return count;
}

static bool count_sa(void *arg, const struct ike_sa_info *sa)
{
    *(unsigned *)arg += sa->established;
    return true;
}

unsigned lab_sas(struct lab_node *n)
{
    unsigned count = 0;
    ike_show(n->e, count_sa, &count);
    return count;
}

struct lab_child *lab_first(struct lab_node *n)
{
    struct lab_child *best = NULL;
    for (int i = 0; i < LAB_CHILDREN; i++) {
        if (n->child[i].used && (best == NULL || n->child[i].id < best->id))
            best = &n->child[i];
    }
    assert_non_null(best);
    return best;
}

struct lab_child *lab_last(struct lab_node *n)
{
    struct lab_child *best = NULL;
    for (int i = 0; i < LAB_CHILDREN; i++) {
        if (n->child[i].used && (best == NULL || n->child[i].id > best->id))
            best = &n->child[i];
    }
    assert_non_null(best);
    return best;
}

static void assert_agree(struct lab_node *a, struct lab_node *b)
{
    for (int i = 0; i < LAB_CHILDREN; i++) {
        const struct lab_child *x = &a->child[i];
        if (!x->used)
            continue;
        const struct lab_child *y = lab_child_of(b, x->spi_out);
        assert_non_null(y);
        assert_int_equal(y->spi_out, x->spi_in);
        assert_memory_equal(&x->in, &y->out, sizeof(x->in));
        assert_memory_equal(&x->out, &y->in, sizeof(x->out));
        assert_memory_not_equal(&x->in, &x->out, sizeof(x->in));
        assert_int_equal(x->in.encr_len, ike_encr_key_len(x->suite.encr, x->suite.encr_bits));
        assert_int_equal(x->suite.encr, y->suite.encr);
        assert_int_equal(x->suite.encr_bits, y->suite.encr_bits);
        assert_int_equal(x->suite.integ, y->suite.integ);
        assert_int_equal(x->suite.esn, y->suite.esn);
        assert_int_equal(x->encap, y->encap);
        assert_int_equal(x->n_local, y->n_remote);
        assert_memory_equal(&x->ts_local, &y->ts_remote, sizeof(x->ts_local));
        assert_memory_equal(&x->ts_remote, &y->ts_local, sizeof(x->ts_remote));
        assert_false(x->held);
    }
}

void lab_assert_children(struct lab *lab, unsigned n)
{
    assert_int_equal(lab_children(&lab->node[0]), n);
    assert_int_equal(lab_children(&lab->node[1]), n);
    assert_agree(&lab->node[0], &lab->node[1]);
    assert_agree(&lab->node[1], &lab->node[0]);
}

void lab_assert_sas(struct lab *lab, unsigned n)
{
    assert_int_equal(lab_sas(&lab->node[0]), n);
    assert_int_equal(lab_sas(&lab->node[1]), n);
}

void lab_assert_tidy(struct lab *lab)
{
    const unsigned sessions = lab_sas(&lab->node[0]);
    assert_true(sessions <= 1);
    for (int i = 0; i < LAB_NODES; i++) {
        uint32_t sas, half_open, children;
        ike_counts(lab->node[i].e, &sas, &half_open, &children);
        assert_int_equal(lab_sas(&lab->node[i]), sessions);
        assert_int_equal(sas, sessions);
        assert_int_equal(half_open, 0);
        assert_int_equal(children, lab_children(&lab->node[i]));
    }
}

bool lab_is_up(struct lab *lab)
{
    return lab->node[0].child_ups > 0 && lab->node[1].child_ups > 0;
}

void lab_end(struct lab *lab)
{
    while (lab->queue) {
        struct lab_packet *p = lab->queue;
        lab->queue = p->next;
        free(p);
    }
    for (int i = 0; i < LAB_NODES; i++) {
        struct lab_node *n = &lab->node[i];
        ike_free(n->e);
        for (unsigned k = 0; k < n->n_jobs; k++)
            ike_job_discard(n->job[k]);
        assert_int_equal(lab_children(n), 0);
        assert_int_equal(n->installs, n->removes);
        for (int k = 0; k < LAB_SPIS; k++)
            assert_int_equal(n->spi[k], 0);
        assert_int_equal(n->pool_used, 0);
        assert_int_equal(n->profile->refs, 1);
        ike_profile_unref(n->profile);
    }
    free(lab);
}
