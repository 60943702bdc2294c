// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/dp/fake_culvert.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fake fake;

struct pending {
    struct pending *next;
    uint16_t opcode;
    _Alignas(8) uint8_t body[240];
    culvert_done *done;
    culvert_counters_fn *counters;
    void *arg;
};
static struct pending *first, **last = &first;
static const struct culvert_caps CAPS = {.model = "double",
                                         .sas = FAKE_SAS,
                                         .tunnels = FAKE_TABLE,
                                         .adjacencies = FAKE_TABLE,
                                         .routes = FAKE_TABLE,
                                         .flows = 2 * FAKE_TABLE,
                                         .locals = FAKE_LOCALS,
                                         .replay_window = 256};
static const struct culvert_stats STATS;

void fake_reset(void)
{
    fake = (struct fake){0};
}

size_t fake_sas(void)
{
    size_t n = 0;
    for (int i = 0; i < FAKE_SAS; i++)
        n += fake.in[i].valid + (size_t)fake.out[i].valid;
    return n;
}

size_t fake_routes(void)
{
    size_t n = 0;
    for (int i = 0; i < FAKE_TABLE; i++)
        n += fake.route_valid[i];
    return n;
}

static void note(const char *format, ...)
{
    va_list args;
    size_t at = strlen(fake.log);
    va_start(args, format);
    vsnprintf(fake.log + at, sizeof(fake.log) - at, format, args);
    va_end(args);
}

static int do_sa(const struct culvert_sa *sa, bool install)
{
    bool in = sa->dir == CULVERT_SA_IN;
    note(in ? "%s in %u\n" : "%s out %u adj %u\n", install ? "sa" : "path", sa->index, sa->adj);
    assert_in_range(sa->index, 0, FAKE_SAS - 1);
    if (!install) {
        assert_false(in);
        assert_true(fake.out[sa->index].valid);
        assert_int_equal(fake.out[sa->index].sa.spi, sa->spi);
        struct culvert_sa *have = &fake.out[sa->index].sa;
        have->src = sa->src, have->dst = sa->dst, have->sport = sa->sport, have->dport = sa->dport, have->adj = sa->adj;
        have->flags = (have->flags & ~(uint32_t)CULVERT_SA_ENCAP) | (sa->flags & CULVERT_SA_ENCAP);
        assert_true(fake.adj_written[sa->adj]);
        return 0;
    }
    if (in ? fake.in[sa->index].valid : fake.out[sa->index].valid)
        return -EEXIST;
    if (in) {
        assert_int_equal(sa->spi % FAKE_SAS, sa->index);
        assert_true(sa->spi > 255);
        fake.in[sa->index].sa = *sa;
        fake.in[sa->index].valid = true;
    } else {
        assert_true(fake.adj_written[sa->adj]);
        fake.out[sa->index].sa = *sa;
        fake.out[sa->index].valid = true;
    }
    return 0;
}

static int do_remove(const struct culvert_sa_ref *ref)
{
    note("remove %s %u\n", ref->dir == CULVERT_SA_IN ? "in" : "out", ref->index);
    if (ref->dir == CULVERT_SA_OUT)
        for (int i = 0; i < FAKE_TABLE; i++) // no tunnel may be left with an SA that goes
            assert_false(fake.tunnel[i].valid && fake.tunnel[i].sa == ref->index && fake.out[ref->index].valid &&
                         fake.fail_at == 0);
    bool *valid = ref->dir == CULVERT_SA_IN ? &fake.in[ref->index].valid : &fake.out[ref->index].valid;
    int rc = *valid ? 0 : -ENOENT;
    *valid = false;
    return rc;
}

static int do_route(const struct culvert_route *r, bool set)
{
    int vacant = -1, same = -1;
    note("%s %08x/%u %u %u\n", set ? "route" : "unroute", r->prefix, r->length, r->kind, r->target);
    for (int i = 0; i < FAKE_TABLE; i++) {
        if (!fake.route_valid[i])
            vacant = i;
        else if (fake.route[i].prefix == r->prefix && fake.route[i].length == r->length)
            same = i;
    }
    if (!set && same < 0)
        return -ENOENT;
    if (!set) {
        fake.route_valid[same] = false;
        return 0;
    }
    if (same < 0 && vacant < 0)
        return -ENOSPC;
    if (r->kind == CULVERT_TARGET_ADJ)
        assert_true(fake.adj_written[r->target]);
    fake.route[same >= 0 ? same : vacant] = *r;
    fake.route_valid[same >= 0 ? same : vacant] = true;
    return 0;
}

static int carry_out(const struct pending *p, uint8_t answer[48])
{
    const void *b = p->body;
    switch (p->opcode) {
    case CULVERT_OP_PORT_SET:
        note("port %u\n", p->body[0]);
        memcpy(&fake.port[p->body[0]], b, sizeof(fake.port[0]));
        return 0;
    case CULVERT_OP_LOCAL_SET:
        note("local %u\n", p->body[0]);
        memcpy(&fake.local[p->body[0]], p->body + 4, 4);
        return 0;
    case CULVERT_OP_ADJ_SET: {
        struct culvert_adj a;
        memcpy(&a, b, sizeof(a));
        note("adj %u %s\n", a.index, a.valid ? "valid" : "invalid");
        fake.adj[a.index] = a;
        fake.adj_written[a.index] = true;
        return 0;
    }
    case CULVERT_OP_SA_INSTALL:
    case CULVERT_OP_SA_PATH:
        return do_sa(b, p->opcode == CULVERT_OP_SA_INSTALL);
    case CULVERT_OP_SA_REMOVE:
        return do_remove(b);
    case CULVERT_OP_SA_COUNTERS: {
        struct culvert_sa_counters c = {.packets = 7, .bytes = 700, .seq = 9, .auth_fail = 1, .replay = 2, .policy = 3};
        memcpy(answer, &c, sizeof(c));
        note("count\n");
        return 0;
    }
    case CULVERT_OP_GET_INFO: {
        struct culvert_info i = {.sas_in = 11, .sas_out = 12, .routes = 13, .flows = 14};
        memcpy(answer, &i, sizeof(i));
        return 0;
    }
    case CULVERT_OP_TUNNEL_SET: {
        struct culvert_tunnel t;
        memcpy(&t, b, sizeof(t));
        note(t.valid ? "tunnel %u sa %u\n" : "tunnel %u off\n", t.index, t.sa);
        if (t.valid)
            assert_true(fake.out[t.sa].valid);
        fake.tunnel[t.index] = t;
        return 0;
    }
    case CULVERT_OP_ROUTE_SET:
    case CULVERT_OP_ROUTE_DEL:
        return do_route(b, p->opcode == CULVERT_OP_ROUTE_SET);
    case CULVERT_OP_ENABLE:
        note("enable\n");
        fake.enabled = p->body[0];
        return 0;
    default:
        note("op %u\n", p->opcode);
        return 0;
    }
}

static int queue(uint16_t opcode, const void *body, size_t len, culvert_done *done, culvert_counters_fn *counters,
                 void *arg)
{
    if (fake.gone)
        return -ENODEV;
    struct pending *p = calloc(1, sizeof(*p));
    p->opcode = opcode;
    memcpy(p->body, body, len);
    p->done = done;
    p->counters = counters;
    p->arg = arg;
    *last = p;
    last = &p->next;
    assert_int_equal(write(fake.pipe[1], "x", 1), 1);
    return 0;
}

static void complete(struct pending *p, int error)
{
    struct culvert_result r = {.error = error};
    uint8_t answer[48] = {0};
    static const uint64_t VALUES[2] = {11, 22};
    fake.commands++;
    if (!error && fake.commands == fake.fail_at) {
        note("!");
        r.error = fake.fail_with;
    } else if (!error) {
        r.error = carry_out(p, answer);
    }
    r.body = answer;
    if (p->done)
        p->done(p->arg, &r);
    if (p->counters)
        p->counters(p->arg, r.error, r.error ? NULL : VALUES, 2);
    free(p);
}

static struct pending *take(void)
{
    struct pending *p = first;
    if (p && !(first = p->next))
        last = &first;
    return p;
}

void fake_release(void)
{
    struct pending *p;
    while ((p = take()))
        complete(p, 0);
}

void fake_break(const char *reason)
{
    struct pending *p;
    fake.gone = true;
    while ((p = take()))
        complete(p, -EHOSTDOWN);
    fake.options.state(fake.options.arg, CULVERT_FAILED, reason);
}

struct culvert_card *culvert_attach(const char *where, const struct culvert_options *options, char *err,
                                    size_t err_size)
{
    if (strcmp(where, "vfio-user:nobody") == 0) {
        snprintf(err, err_size, "nobody there");
        return NULL;
    }
    fake.options = *options;
    fake.attached++;
    assert_int_equal(pipe2(fake.pipe, O_NONBLOCK), 0);
    return (struct culvert_card *)&fake;
}
void culvert_detach(struct culvert_card *card)
{
    struct pending *p;
    (void)card;
    while ((p = take()))
        complete(p, -ECANCELED);
    fake.attached--;
    close(fake.pipe[0]);
    close(fake.pipe[1]);
}
const struct culvert_caps *culvert_caps(const struct culvert_card *card)
{
    (void)card;
    return &CAPS;
}
bool culvert_has_feature(const struct culvert_card *card, const char *name)
{
    (void)card;
    return strstr("esp-gcm-128 esp-gcm-256 esn esp-udp-encap", name) != NULL;
}
const char *culvert_where(const struct culvert_card *card)
{
    (void)card;
    return "nowhere";
}
const struct culvert_stats *culvert_stats(const struct culvert_card *card)
{
    (void)card;
    return &STATS;
}
size_t culvert_fds(const struct culvert_card *card, int *fds, size_t max)
{
    (void)card;
    assert_in_range(max, 1, CULVERT_FDS_MAX);
    fds[0] = fake.pipe[0];
    return 1;
}
int culvert_process(struct culvert_card *card)
{
    char buf[64];
    (void)card;
    while (read(fake.pipe[0], buf, sizeof(buf)) > 0)
        ;
    if (!fake.hold)
        fake_release();
    return fake.gone ? -ENODEV : 0;
}
uint64_t culvert_next_timeout(const struct culvert_card *card)
{
    (void)card;
    return UINT64_MAX;
}
void culvert_expire(struct culvert_card *card)
{
    (void)card;
}
#define COMMAND(name, opcode, type)                                                                                    \
    int culvert_##name(struct culvert_card *card, const struct type *body, culvert_done *done, void *arg)              \
    {                                                                                                                  \
        (void)card;                                                                                                    \
        return queue(opcode, body, sizeof(*body), done, NULL, arg);                                                    \
    }
COMMAND(port_set, CULVERT_OP_PORT_SET, culvert_port)
COMMAND(adj_set, CULVERT_OP_ADJ_SET, culvert_adj)
COMMAND(sa_install, CULVERT_OP_SA_INSTALL, culvert_sa)
COMMAND(sa_path, CULVERT_OP_SA_PATH, culvert_sa)
COMMAND(tunnel_set, CULVERT_OP_TUNNEL_SET, culvert_tunnel)
COMMAND(route_set, CULVERT_OP_ROUTE_SET, culvert_route)
COMMAND(route_del, CULVERT_OP_ROUTE_DEL, culvert_route)
int culvert_get_info(struct culvert_card *card, culvert_done *done, void *arg)
{
    (void)card;
    return queue(CULVERT_OP_GET_INFO, "", 0, done, NULL, arg);
}
int culvert_local_set(struct culvert_card *card, uint8_t slot, uint32_t address, culvert_done *done, void *arg)
{
    struct culvert_local l = {.slot = slot, .address = address};
    (void)card;
    return queue(CULVERT_OP_LOCAL_SET, &l, sizeof(l), done, NULL, arg);
}
int culvert_sa_remove(struct culvert_card *card, enum culvert_sa_dir dir, uint16_t index, culvert_done *done, void *arg)
{
    struct culvert_sa_ref r = {.index = index, .dir = (uint8_t)dir};
    (void)card;
    return queue(CULVERT_OP_SA_REMOVE, &r, sizeof(r), done, NULL, arg);
}
int culvert_sa_counters(struct culvert_card *card, enum culvert_sa_dir dir, uint16_t index, culvert_done *done,
                        void *arg)
{
    struct culvert_sa_ref r = {.index = index, .dir = (uint8_t)dir};
    (void)card;
    return queue(CULVERT_OP_SA_COUNTERS, &r, sizeof(r), done, NULL, arg);
}
int culvert_enable(struct culvert_card *card, bool forward, culvert_done *done, void *arg)
{
    struct culvert_enable e = {.forward = forward};
    (void)card;
    return queue(CULVERT_OP_ENABLE, &e, sizeof(e), done, NULL, arg);
}
int culvert_counters(struct culvert_card *card, culvert_counters_fn *done, void *arg)
{
    (void)card;
    return queue(CULVERT_OP_COUNTERS, "", 0, NULL, done, arg);
}
const char *culvert_counter_name(size_t index)
{
    return index ? "second" : "first";
}
const char *culvert_counter_help(size_t index)
{
    return index ? "the second" : "the first";
}
int culvert_tx(struct culvert_card *card, enum culvert_port_id dest, uint32_t tunnel, const void *data, size_t len)
{
    (void)card, (void)data;
    fake.sent.dest = dest;
    fake.sent.tunnel = tunnel;
    fake.sent.len = len;
    return fake.tx_result;
}
