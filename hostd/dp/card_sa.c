// SPDX-License-Identifier: BSD-2-Clause
// The card's datapath: operations on SAs.
#include "hostd/dp/card.h"
#include "hostd/dp/esp.h"
#include "hostd/dp/ranges.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { SALT = 4, WINDOW_LOG2_MIN = 6 };

uint64_t dpc_out_key(uint32_t spi, struct in_addr remote)
{
    return (uint64_t)spi << 32 | remote.s_addr;
}

struct card_out *dpc_out_find(struct card *c, uint32_t spi, struct in_addr remote)
{
    return map_get(&c->out_by_name, dpc_out_key(spi, remote));
}

struct card_in *dpc_in_find(struct card *c, uint32_t spi)
{
    uint32_t index = spi & ((1u << c->index_bits) - 1);
    return index < c->sas && spi != 0 && c->in[index].spi == spi ? &c->in[index] : NULL;
}

// Can the card do it? 0 or a negative errno, with a sentence in the log.
static int supported(struct card *c, const struct dp_sa *sa)
{
    const char *suite = sa->suite == DP_SUITE_AES_GCM_128   ? "esp-gcm-128"
                        : sa->suite == DP_SUITE_AES_GCM_256 ? "esp-gcm-256"
                                                            : NULL;
    const char *lacks = !suite || !culvert_has_feature(c->driver, suite)                ? esp_suite_name(sa->suite)
                        : sa->esn && !culvert_has_feature(c->driver, "esn")             ? "extended sequence numbers"
                        : sa->encap && !culvert_has_feature(c->driver, "esp-udp-encap") ? "UDP encapsulation"
                                                                                        : NULL;
    if (lacks) {
        dp_card_log(c, DP_LOG_ERROR, "SPI 0x%08x: the card does not do %s", sa->spi, lacks);
        return -EOPNOTSUPP;
    }
    if (sa->key_len != esp_key_len(sa->suite) || !ranges_valid(sa) || sa->tunnel >= c->tunnels ||
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
    if (sa->suite == DP_SUITE_AES_GCM_256)
        a.flags |= CULVERT_SA_KEY256;
    if (sa->esn)
        a.flags |= CULVERT_SA_ESN;
    memcpy(a.key, sa->key, key);
    memcpy(a.salt, sa->key + key, SALT);
    return a;
}

void dpc_install_in(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    struct card_in *in = dpc_in_find(c, op->sa.spi);
    (void)body;
    if (op->step == 1) {
        if (error && in) {
            free(in->sa);
            in->sa = NULL;
        }
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
    OPENSSL_cleanse(copy->key, sizeof(copy->key));
    *in = (struct card_in){.spi = op->sa.spi, .sa = copy};
    in->check = !ranges_prefix(op->sa.remote_ts, op->sa.remote_ts_count, &a.src, &a.src_mask) ||
                !ranges_prefix(op->sa.local_ts, op->sa.local_ts_count, &a.dst, &a.dst_mask);
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
    a->src = ntohl(path->local.s_addr);
    a->dst = ntohl(path->remote.s_addr);
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
    op->figures = (struct dp_sa_counters){a.packets, a.bytes, a.seq, a.auth_fail, a.replay, a.policy};
}

void dpc_remove_in(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    struct card_in *in = dpc_in_find(c, op->sa.spi);
    (void)body;
    if (op->step == 1) {
        if (in && (!error || error == -ENOENT || c->failed)) {
            free(in->sa);
            in->sa = NULL;
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
        free(in->sa);
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

// Path change: new adjacency, then addresses; the old adjacency goes last.
void dpc_path(struct card *c, struct card_op *op, int error, const uint8_t *body)
{
    enum { START, ADJACENCY, PATH };
    (void)body;
    if (op->step == START) {
        struct card_out *out = dpc_out_find(c, op->sa.spi, op->sa.remote);
        bool clash =
            out && op->path.remote.s_addr != op->sa.remote.s_addr && dpc_out_find(c, op->sa.spi, op->path.remote);
        bool valid = !op->path.encap || op->path.remote_port;
        if (out && !clash && valid)
            op->adj = dpc_adj_get(c, DP_PORT_OUTSIDE, dpc_nexthop_of(c, op->path.remote));
        if (op->adj == CARD_NONE) {
            dpc_op_end(op, !out ? -ENOENT : clash ? -EEXIST : !valid ? -EINVAL : -ENOSPC);
            return;
        }
        op->index = (int)(out - c->out);
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
    if (!error && !map_set(&c->out_by_name, dpc_out_key(out->spi, op->path.remote), out))
        error = -ENOMEM; // the card has it, but nobody could ask for it any more: it keeps its old name
    if (error) {
        if (op->step == ADJACENCY)
            c->adj[op->adj].written = false;
        dpc_adj_put(c, op->adj);
        dpc_op_end(op, error);
        return;
    }
    if (op->path.remote.s_addr != out->path.remote.s_addr)
        map_del(&c->out_by_name, dpc_out_key(out->spi, out->path.remote));
    dpc_adj_put(c, out->adj);
    out->adj = op->adj;
    out->path = op->path;
    dpc_op_end(op, 0);
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
