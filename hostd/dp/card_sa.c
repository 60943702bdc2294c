// SPDX-License-Identifier: BSD-2-Clause
// The card's datapath: operations on SAs.
#include "hostd/dp/card.h"
#include "hostd/dp/selectors.h"
#include "hostd/dp/suite.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { SALT = 4, WINDOW_LOG2_MIN = 6 };

uint64_t dpc_out_key(uint32_t spi, struct ip_addr remote)
{
    return (uint64_t)spi << 32 | card_v4(&remote);
}

struct card_out *dpc_out_find(struct card *c, uint32_t spi, struct ip_addr remote)
{
    return map_get(&c->out_by_name, dpc_out_key(spi, remote));
}

struct card_in *dpc_in_find(struct card *c, uint32_t spi)
{
    uint32_t index = spi & ((1u << c->index_bits) - 1);
    return index < c->sas && spi != 0 && c->in[index].spi == spi ? &c->in[index] : NULL;
}

bool dpc_has_suite(const struct card *c, struct dp_suite s)
{
    const char *feature = s.bits == 128 ? "esp-gcm-128" : s.bits == 256 ? "esp-gcm-256" : NULL;
    return s.cipher == DP_CIPHER_AES_GCM && s.integ == DP_INTEG_NONE && feature &&
           culvert_has_feature(c->driver, feature);
}

// What of the SA's mode and selectors the card has not; NULL: it has all.
static const char *lacks_of_mode(const struct dp_sa *sa)
{
    bool six = sa->local.family == 6 || sa->remote.family == 6, narrow = false;
    for (unsigned i = 0; sa->ts && i < (unsigned)sa->ts->local + sa->ts->remote; i++) {
        const struct dp_ts *ts = &sa->ts->ts[i];
        six |= ts->family == 6;
        narrow |= ts->proto != 0 || ts->port_lo != 0 || ts->port_hi != UINT16_MAX;
    }
    return six ? "IPv6" : sa->transport ? "transport mode" : narrow ? "selectors of protocols or ports" : NULL;
}

const char *dpc_lacks(const struct card *c, const struct dp_sa *sa, char name[DPC_LACKS])
{
    const char *lacks = !dpc_has_suite(c, sa->suite)                        ? suite_name(sa->suite, name, DPC_LACKS)
                        : sa->esn && !culvert_has_feature(c->driver, "esn") ? "extended sequence numbers"
                        : sa->encap && !culvert_has_feature(c->driver, "esp-udp-encap") ? "UDP encapsulation"
                                                                                        : NULL;
    return lacks ? lacks : lacks_of_mode(sa);
}

// Can the card do it? 0 or a negative errno, with a sentence in the log.
static int supported(struct card *c, const struct dp_sa *sa)
{
    char name[DPC_LACKS];
    const char *lacks = dpc_lacks(c, sa, name);
    if (lacks) {
        dp_card_log(c, DP_LOG_ERROR, "SPI 0x%08x: the card does not do %s", sa->spi, lacks);
        return -EOPNOTSUPP;
    }
    if (sa->key_len != suite_key_len(sa->suite) || !selectors_valid(sa->ts) || sa->tunnel >= c->tunnels ||
        !c->tunnel[sa->tunnel].used || (sa->dir == DP_OUT && sa->encap && !sa->remote_port))
        return -EINVAL;
    return 0;
}

static uint8_t window_log2(const struct card *c, uint32_t window)
{
    uint8_t n = WINDOW_LOG2_MIN;
    if (window == 0)
        return 0;
    while ((1u << n) < window)
        n++;
    while (n > WINDOW_LOG2_MIN && (1u << n) > culvert_caps(c->driver)->replay_window)
        n--;
    return n;
}

// What is the same in both directions. The caller wipes it.
static struct culvert_sa abi_sa(const struct dp_sa *sa, int index)
{
    struct culvert_sa a = {.index = (uint16_t)index,
                           .dir = sa->dir == DP_IN ? CULVERT_SA_IN : CULVERT_SA_OUT,
                           .spi = sa->spi,
                           .tunnel = (uint16_t)sa->tunnel,
                           .soft_bytes = sa->soft_bytes,
                           .hard_bytes = sa->hard_bytes,
                           .soft_packets = sa->soft_packets,
                           .hard_packets = sa->hard_packets};
    size_t key = sa->key_len - SALT;
    if (sa->suite.bits == 256)
        a.flags |= CULVERT_SA_KEY256;
    if (sa->esn)
        a.flags |= CULVERT_SA_ESN;
    memcpy(a.key, sa->key, key);
    memcpy(a.salt, sa->key + key, SALT);
    return a;
}

void dpc_in_release(struct card_in *in)
{
    if (in->sa)
        dp_selectors_unref(in->sa->ts);
    free(in->sa);
    in->sa = NULL;
}

void dpc_install_in(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    struct card_in *in = dpc_in_find(c, op->sa.spi);
    (void)body;
    if (op->step == 1) {
        if (error && in)
            dpc_in_release(in);
        dpc_op_end(op, error);
        return;
    }
    int rc = supported(c, &op->sa);
    struct dp_sa *copy = rc == 0 && in && !in->sa ? malloc(sizeof(*copy)) : NULL;
    if (!copy) {
        dpc_op_end(op, rc ? rc : in && !in->sa ? -ENOMEM : -EINVAL);
        return;
    }
    struct culvert_sa a = abi_sa(&op->sa, (int)(in - c->in));
    a.window_log2 = window_log2(c, op->sa.replay_window);
    *copy = op->sa;
    dp_selectors_ref(copy->ts);
    OPENSSL_cleanse(copy->key, sizeof(copy->key));
    *in = (struct card_in){.spi = op->sa.spi, .sa = copy};
    const struct dp_selectors *ts = op->sa.ts;
    in->check = ts && (!selectors_prefix(ts->ts + ts->local, ts->remote, &a.src, &a.src_mask) ||
                       !selectors_prefix(ts->ts, ts->local, &a.dst, &a.dst_mask));
    if (in->check) { // the card lets all inner addresses pass, and all packets to us
        a.flags |= CULVERT_SA_TO_HOST;
        a.src = a.src_mask = a.dst = a.dst_mask = 0;
    }
    dpc_op_wait(op, 1, culvert_sa_install(c->driver, &a, dpc_op_completed, op));
    OPENSSL_cleanse(&a, sizeof(a));
}

static int free_out_index(struct card *c)
{
    for (uint32_t i = 0; i < c->sas; i++) {
        uint32_t at = (c->next_out + i) % c->sas;
        if (!c->out[at].used) {
            c->next_out = (at + 1) % c->sas;
            return (int)at;
        }
    }
    return CARD_NONE;
}

static void path_to_abi(struct culvert_sa *a, const struct dp_path *path, int adj)
{
    a->src = card_v4(&path->local);
    a->dst = card_v4(&path->remote);
    a->sport = path->local_port;
    a->dport = path->remote_port;
    a->adj = (uint16_t)adj;
    a->flags = path->encap ? a->flags | CULVERT_SA_ENCAP : a->flags & ~(uint32_t)CULVERT_SA_ENCAP;
}

// Gives back what an outbound SA holds.
static void out_release(struct card *c, int index)
{
    struct card_out *out = &c->out[index];
    map_del(&c->out_by_name, dpc_out_key(out->spi, out->path.remote));
    dpc_adj_put(c, out->adj);
    *out = (struct card_out){0};
}

// Takes an index and an adjacency. 0 or a negative errno with nothing taken.
static int out_take(struct card *c, struct card_op *op)
{
    const struct dp_sa *sa = &op->sa;
    int rc = supported(c, sa), index = free_out_index(c);
    if (rc)
        return rc;
    if (dpc_out_find(c, sa->spi, sa->remote))
        return -EEXIST;
    if (index == CARD_NONE)
        return -ENOSPC;
    int adj = dpc_adj_get(c, DP_PORT_OUTSIDE, dpc_nexthop_of(c, sa->remote));
    if (adj == CARD_NONE)
        return -ENOSPC;
    struct card_out *out = &c->out[index];
    if (!map_set(&c->out_by_name, dpc_out_key(sa->spi, sa->remote), out)) {
        dpc_adj_put(c, adj);
        return -ENOMEM;
    }
    *out = (struct card_out){.used = true, .spi = sa->spi, .tunnel = sa->tunnel, .adj = adj, .older = CARD_NONE};
    out->path = (struct dp_path){sa->local, sa->remote, sa->local_port, sa->remote_port, sa->encap};
    op->index = index;
    return 0;
}

int dpc_tunnel_write(struct card *c, struct card_op *op, uint32_t tunnel, int sa, int step)
{
    struct culvert_tunnel t = {.index = (uint16_t)tunnel, .mtu = c->tunnel[tunnel].mtu, .valid = sa != CARD_NONE};
    t.sa = sa == CARD_NONE ? 0 : (uint16_t)sa;
    int rc = culvert_tunnel_set(c->driver, &t, dpc_op_completed, op);
    dpc_op_wait(op, step, rc);
    return rc;
}

void dpc_install_out(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    enum { START, ADJACENCY, SA, TUNNEL, TAKEN_BACK };
    (void)body;
    if (op->step == START) {
        int rc = out_take(c, op);
        if (rc) {
            dpc_op_end(op, rc);
            return;
        }
        op->step = ADJACENCY;
        if (!dpc_adj_write(c, op, c->out[op->index].adj, ADJACENCY))
            return;
    }
    struct card_out *out = &c->out[op->index];
    if (op->step == ADJACENCY && !error) {
        struct culvert_sa a = abi_sa(&op->sa, op->index);
        path_to_abi(&a, &out->path, out->adj);
        dpc_op_wait(op, SA, culvert_sa_install(c->driver, &a, dpc_op_completed, op));
        OPENSSL_cleanse(&a, sizeof(a));
        return;
    }
    if (op->step == SA && !error) {
        dpc_tunnel_write(c, op, out->tunnel, op->index, TUNNEL);
        return;
    }
    if (op->step == TUNNEL && !error) { // in order at last
        out->older = c->tunnel[out->tunnel].sa;
        c->tunnel[out->tunnel].sa = op->index;
        dpc_op_end(op, 0);
        return;
    }
    if (op->step == TUNNEL) { // the SA is in the card and nobody is to use it
        op->error = error;
        dpc_op_wait(op, TAKEN_BACK,
                    culvert_sa_remove(c->driver, CULVERT_SA_OUT, (uint16_t)op->index, dpc_op_completed, op));
        return;
    }
    if (op->step == ADJACENCY)
        c->adj[out->adj].written = false;
    int result = op->step == TAKEN_BACK ? op->error : error;
    out_release(c, op->index);
    dpc_op_end(op, result);
}

static void figures_from_abi(struct card_op *op, const uint8_t *body)
{
    struct culvert_sa_counters a;
    memcpy(&a, body, sizeof(a));
    op->figures = (struct dp_sa_counters){a.packets, a.bytes, a.seq, a.auth_fail, a.replay, a.policy, .card = true};
}

void dpc_remove_in(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    struct card_in *in = dpc_in_find(c, op->sa.spi);
    (void)body;
    if (op->step == 1) {
        if (in && (!error || error == -ENOENT || c->failed)) {
            dpc_in_release(in);
        }
        dpc_op_end(op, error);
        return;
    }
    if (!in || !in->sa) {
        dpc_op_end(op, -ENOENT);
        return;
    }
    dpc_op_wait(op, 1, culvert_sa_remove(c->driver, CULVERT_SA_IN, (uint16_t)(in - c->in), dpc_op_completed, op));
}

// The SPI is given back. An SA that still has it goes first; if the card does not let go of it, the index stays taken.
void dpc_spi_free(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    struct card_in *in = dpc_in_find(c, op->sa.spi);
    (void)body;
    if (op->step == 0 && in && in->sa) {
        dpc_op_wait(op, 1, culvert_sa_remove(c->driver, CULVERT_SA_IN, (uint16_t)(in - c->in), dpc_op_completed, op));
        return;
    }
    if (in && (!error || error == -ENOENT || c->failed)) {
        dpc_in_release(in);
        *in = (struct card_in){0};
    }
    dpc_op_end(op, error);
}

static void unlink_from_tunnel(struct card *c, int index)
{
    int *at = &c->tunnel[c->out[index].tunnel].sa;
    while (*at != CARD_NONE && *at != index)
        at = &c->out[*at].older;
    if (*at == index)
        *at = c->out[index].older;
}

void dpc_remove_out(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    enum { START, TUNNEL, SA };
    (void)body;
    if (op->step == START) {
        struct card_out *out = dpc_out_find(c, op->sa.spi, op->sa.remote);
        if (!out) {
            dpc_op_end(op, -ENOENT);
            return;
        }
        op->index = (int)(out - c->out);
        op->step = TUNNEL;
        if (c->tunnel[out->tunnel].sa == op->index) { // its tunnel goes back to the one before, or has none
            dpc_tunnel_write(c, op, out->tunnel, out->older, TUNNEL);
            return;
        }
    }
    if (op->step == TUNNEL) { // its key has to go, whatever became of the tunnel
        op->error = error;
        unlink_from_tunnel(c, op->index);
        dpc_op_wait(op, SA, culvert_sa_remove(c->driver, CULVERT_SA_OUT, (uint16_t)op->index, dpc_op_completed, op));
        return;
    }
    if (!error || error == -ENOENT || c->failed)
        out_release(c, op->index);
    else // the card may still have it: the index is not used again, but the SA is not known any more
        map_del(&c->out_by_name, dpc_out_key(c->out[op->index].spi, c->out[op->index].path.remote));
    dpc_op_end(op, error ? error : op->error);
}

// Whether or not the card sends on it: the path that is wanted, and the name by which the SA is known now. 0 or
// -ENOMEM.
static int out_follow(struct card *c, struct card_out *out, const struct dp_path *path)
{
    uint64_t old = dpc_out_key(out->spi, out->path.remote), now = dpc_out_key(out->spi, path->remote);
    if (now != old && !map_set(&c->out_by_name, now, out))
        return -ENOMEM; // it keeps its old name
    if (now != old)
        map_del(&c->out_by_name, old);
    out->path = *path;
    return 0;
}

// Path change: new adjacency, then addresses; the old adjacency goes last. If the card refuses it goes on sending on
// the old path.
void dpc_path(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    enum { START, ADJACENCY, PATH };
    (void)body;
    if (op->step == START) {
        struct card_out *out = dpc_out_find(c, op->sa.spi, op->sa.remote);
        bool clash = out && !ip_equal(&op->path.remote, &op->sa.remote) && dpc_out_find(c, op->sa.spi, op->path.remote);
        bool valid = op->path.remote.family == 4 && (!op->path.encap || op->path.remote_port);
        if (!out || clash || !valid) {
            dpc_op_end(op, !out ? -ENOENT : clash ? -EEXIST : -EINVAL);
            return;
        }
        op->index = (int)(out - c->out);
        op->adj = dpc_adj_get(c, DP_PORT_OUTSIDE, dpc_nexthop_of(c, op->path.remote));
        if (op->adj == CARD_NONE) {
            (void)out_follow(c, out, &op->path);
            dpc_op_end(op, -ENOSPC);
            return;
        }
        op->step = ADJACENCY;
        if (!dpc_adj_write(c, op, op->adj, ADJACENCY))
            return;
    }
    struct card_out *out = &c->out[op->index];
    if (op->step == ADJACENCY && !error) {
        struct culvert_sa a = {.index = (uint16_t)op->index, .dir = CULVERT_SA_OUT, .spi = out->spi};
        path_to_abi(&a, &op->path, op->adj);
        dpc_op_wait(op, PATH, culvert_sa_path(c->driver, &a, dpc_op_completed, op));
        return;
    }
    if (op->step == ADJACENCY)
        c->adj[op->adj].written = false;
    dpc_adj_put(c, error ? op->adj : out->adj);
    out->adj = error ? out->adj : op->adj;
    int rc = out_follow(c, out, &op->path);
    dpc_op_end(op, error ? error : rc);
}

void dpc_sa_counters(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    struct card_in *in = op->sa.dir == DP_IN ? dpc_in_find(c, op->sa.spi) : NULL;
    struct card_out *out = op->sa.dir == DP_OUT ? dpc_out_find(c, op->sa.spi, op->sa.remote) : NULL;
    if (op->step == 1) {
        if (!error)
            figures_from_abi(op, body);
        if (in)
            op->figures.policy += in->policy;
        dpc_op_end(op, error);
        return;
    }
    if (in && in->sa)
        op->index = (int)(in - c->in);
    else if (out)
        op->index = (int)(out - c->out);
    if (op->index == CARD_NONE) {
        dpc_op_end(op, -ENOENT);
        return;
    }
    dpc_op_wait(
        op, 1,
        culvert_sa_counters(c->driver, in ? CULVERT_SA_IN : CULVERT_SA_OUT, (uint16_t)op->index, dpc_op_completed, op));
}
