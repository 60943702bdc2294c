// SPDX-License-Identifier: BSD-2-Clause
// Card and software as one: where SAs are, and where packets go.
#include "hostd/dp/both.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

// ---- SPIs

// Neither of the two knows what the other has given out: a number that is taken is drawn again.
static int draw(struct both *b, enum both_place place, uint32_t *spi)
{
    for (int tries = 0; tries < 10; tries++) {
        int rc = dp_spi_alloc(both_at(b, place), spi);
        if (rc)
            return rc;
        if (!map_get(&b->in, *spi) && map_set(&b->in, *spi, &b->at[place]))
            return 0;
        dp_spi_free(both_at(b, place), *spi);
    }
    return -ENOSPC;
}

int both_spi_alloc(struct dp *d, uint32_t *spi)
{
    int rc = draw(both_of(d), BOTH_CARD, spi);
    return rc == -ENOSPC ? draw(both_of(d), BOTH_SOFT, spi) : rc;
}

static enum both_place in_place(const struct both *b, uint32_t spi)
{
    return map_get(&b->in, spi) == &b->at[BOTH_CARD] ? BOTH_CARD : BOTH_SOFT;
}

void both_spi_free(struct dp *d, uint32_t spi)
{
    struct both *b = both_of(d);
    enum both_place place = in_place(b, spi);
    if (map_del(&b->in, spi))
        dp_spi_free(both_at(b, place), spi);
}

// The card's index is free again; its entry stays empty for this SPI, whoever gets the index, as SPIs are compared
// whole: packets with it go on coming to the host. false: no memory.
static bool spi_to_soft(struct both *b, uint32_t spi)
{
    if (soft_spi_take((struct soft *)b->soft, spi) != 0)
        return false;
    map_set(&b->in, spi, &b->at[BOTH_SOFT]); // replaces: needs no memory
    dp_spi_free(b->card, spi);
    return true;
}

// ---- installation

// Can it be in the card? If not the log says why.
static bool card_can(const struct both *b, const struct dp_sa *sa, const struct both_tunnel *t)
{
    char name[DPC_LACKS];
    const char *lacks = dpc_lacks((const struct card *)b->card, sa, name);
    if (!lacks && t->card == BOTH_NO_TUNNEL)
        lacks = "this tunnel";
    if (lacks)
        both_log(b, DP_LOG_DEBUG, "SPI 0x%08x is carried by software: the card does not do %s", sa->spi, lacks);
    return !lacks;
}

static bool any_four(const struct dp_ts *ts, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (ts[i].family == 4)
            return true;
    return n == 0;
}

static bool may_carry_four(const struct dp_selectors *ts)
{
    return !ts || (any_four(ts->ts, ts->local) && any_four(ts->ts + ts->local, ts->remote));
}

static bool same_selectors(const struct dp_selectors *a, const struct dp_selectors *b)
{
    if (a == b || !a || !b)
        return a == b;
    return a->local == b->local && a->remote == b->remote &&
           memcmp(a->ts, b->ts, (a->local + (size_t)b->remote) * sizeof(a->ts[0])) == 0;
}

// The card sends all that a tunnel has by its newest SA there: SAs there that take different packets would not get
// them.
static bool agrees(const struct both *b, const struct dp_sa *sa, const struct both_tunnel *t)
{
    for (const struct both_out *o = t->out; o; o = o->older)
        if (o->place == BOTH_CARD && !same_selectors(o->ts, sa->ts)) {
            both_log(b, DP_LOG_DEBUG, "SPI 0x%08x is carried by software: its tunnel in the card has other selectors",
                     sa->spi);
            return false;
        }
    return true;
}

static void install_at(struct both *b, enum both_place place, const struct dp_sa *sa, dp_done *done, void *arg)
{
    struct dp_sa copy = *sa;
    const struct both_tunnel *t = both_tunnel(b, sa->tunnel);
    if (place == BOTH_CARD)
        copy.tunnel = t->card;
    dp_sa_install(both_at(b, place), &copy, done, arg);
    OPENSSL_cleanse(&copy, sizeof(copy));
}

static void install_in(struct both *b, const struct dp_sa *sa, dp_done *done, void *arg)
{
    const struct both_tunnel *t = both_tunnel(b, sa->tunnel);
    enum both_place place = in_place(b, sa->spi);
    if (place == BOTH_CARD && t && !card_can(b, sa, t) && spi_to_soft(b, sa->spi))
        place = BOTH_SOFT;
    if (!t)
        later_done(&b->later, done, arg, -EINVAL);
    else
        install_at(b, place, sa, done, arg);
}

// An outbound SA under way. Its key is here until it is known that it need not go elsewhere.
struct both_install {
    struct both *both;
    struct both_out *out; // NULL: removed meanwhile
    struct dp_sa sa;
    dp_done *done;
    void *arg;
};

static void unlink_out(struct both *b, const struct both_out *out)
{
    struct both_tunnel *t = both_tunnel(b, out->tunnel);
    for (struct both_out **at = t ? &t->out : NULL; at && *at; at = &(*at)->older)
        if (*at == out) {
            *at = out->older;
            break;
        }
    if (t)
        both_routes_follow(b, t);
}

// It is known no longer.
static void out_free(struct both *b, struct both_out *out)
{
    ipmap_del(&b->out, &out->remote, out->spi);
    unlink_out(b, out);
    if (out->install)
        out->install->out = NULL;
    dp_selectors_unref(out->ts);
    free(out);
}

static void on_installed(void *arg, int error)
{
    struct both_install *i = arg;
    struct both *b = i->both;
    struct both_out *out = i->out;
    struct both_tunnel *t = out ? both_tunnel(b, out->tunnel) : NULL;
    if (error == -ENOSPC && t && out->place == BOTH_CARD) { // an entry or a next hop more than the card has room for
        both_log(b, DP_LOG_NOTE, "SPI 0x%08x is carried by software: the card is full", out->spi);
        out->place = BOTH_SOFT;
        both_routes_follow(b, t);
        install_at(b, BOTH_SOFT, &i->sa, on_installed, i);
        return;
    }
    if (out) {
        out->install = NULL;
        out->ready = error == 0;
        if (error)
            out_free(b, out);
    }
    if (i->done)
        i->done(i->arg, error);
    dp_selectors_unref(i->sa.ts);
    OPENSSL_cleanse(i, sizeof(*i));
    free(i);
}

static struct both_out *out_new(struct both *b, const struct dp_sa *sa, struct both_tunnel *t)
{
    struct both_out *out = calloc(1, sizeof(*out));
    if (!out || !ipmap_set(&b->out, &sa->remote, sa->spi, out)) {
        free(out);
        return NULL;
    }
    *out = (struct both_out){.spi = sa->spi,
                             .tunnel = sa->tunnel,
                             .remote = sa->remote,
                             .known = sa->remote,
                             .place = card_can(b, sa, t) && agrees(b, sa, t) ? BOTH_CARD : BOTH_SOFT,
                             .four = may_carry_four(sa->ts),
                             .ts = dp_selectors_ref(sa->ts),
                             .older = t->out};
    t->out = out;
    return out;
}

static void install_out(struct both *b, const struct dp_sa *sa, dp_done *done, void *arg)
{
    struct both_tunnel *t = both_tunnel(b, sa->tunnel);
    bool twice = ipmap_get(&b->out, &sa->remote, sa->spi) != NULL;
    struct both_install *i = t && !twice ? calloc(1, sizeof(*i)) : NULL;
    struct both_out *out = i ? out_new(b, sa, t) : NULL;
    if (!out) {
        free(i);
        later_done(&b->later, done, arg, !t ? -EINVAL : twice ? -EEXIST : -ENOMEM);
        return;
    }
    *i = (struct both_install){b, out, *sa, done, arg};
    dp_selectors_ref(i->sa.ts);
    out->install = i;
    both_routes_follow(b, t);
    install_at(b, out->place, sa, on_installed, i);
}

void both_sa_install(struct dp *d, const struct dp_sa *sa, dp_done *done, void *arg)
{
    (sa->dir == DP_IN ? install_in : install_out)(both_of(d), sa, done, arg);
}

// ---- what is installed

static struct both_out *out_find(const struct both *b, uint32_t spi, const struct ip_addr *remote)
{
    return ipmap_get(&b->out, remote, spi);
}

// Where an SA is, and the remote address by which it is known there.
static struct dp *place_of(const struct both *b, enum dp_dir dir, uint32_t spi, struct ip_addr *remote)
{
    const struct both_out *out = dir == DP_OUT ? out_find(b, spi, remote) : NULL;
    if (out)
        *remote = out->known;
    return both_at(b, dir == DP_IN ? in_place(b, spi) : out ? out->place : BOTH_SOFT);
}

void both_sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_done *done, void *arg)
{
    struct both *b = both_of(d);
    struct both_out *out = dir == DP_OUT ? out_find(b, spi, &remote) : NULL;
    struct dp *at = place_of(b, dir, spi, &remote);
    if (out)
        out_free(b, out);
    dp_sa_remove(at, dir, spi, remote, done, arg);
}

void both_sa_counters(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_sa_counters_fn *fn,
                      void *arg)
{
    struct dp *at = place_of(both_of(d), dir, spi, &remote);
    dp_sa_counters(at, dir, spi, remote, fn, arg);
}

// An event of our own, in the loop's next round.
struct event_item {
    struct later_item item;
    struct both *both;
    struct dp_event event;
};

static void run_event(struct later_item *item, int error)
{
    struct event_item *e = (struct event_item *)item;
    const struct dp_hooks *hooks = &e->both->dp.hooks;
    if (!error && hooks->event)
        hooks->event(hooks->arg, &e->event);
    free(e);
}

// The card cannot send on the new path, and its key cannot be had back: the peer shall make another SA.
static void leave_the_card(struct both *b, uint32_t spi)
{
    struct event_item *e = calloc(1, sizeof(*e));
    if (!e)
        return;
    *e = (struct event_item){.item.run = run_event, .both = b};
    e->event = (struct dp_event){.kind = DP_EV_SOFT_LIFETIME, .dir = DP_OUT, .spi = spi};
    later_add(&b->later, &e->item);
}

// A new path that the card has been asked for.
struct both_move {
    struct both *both;
    uint32_t spi;
    dp_done *done;
    void *arg;
};

static void on_moved(void *arg, int error)
{
    struct both_move *m = arg;
    if (error && error != -ENOENT && error != -ECANCELED && !m->both->closing) {
        both_log(m->both, DP_LOG_NOTE, "the card does not take a new path of SPI 0x%08x (%s): another SA is asked for",
                 m->spi, strerror(-error));
        leave_the_card(m->both, m->spi);
    }
    if (m->done)
        m->done(m->arg, error);
    free(m);
}

void both_sa_path(struct dp *d, uint32_t spi, struct ip_addr old_remote, const struct dp_path *path, dp_done *done,
                  void *arg)
{
    struct both *b = both_of(d);
    struct both_out *out = out_find(b, spi, &old_remote);
    bool moves = out && !ip_equal(&old_remote, &path->remote), by_card = out && out->place == BOTH_CARD;
    struct both_move *move = by_card ? calloc(1, sizeof(*move)) : NULL;
    int rc = 0;
    if (!out)
        rc = -ENOENT;
    else if (moves && out_find(b, spi, &path->remote))
        rc = -EEXIST;
    else if ((by_card && !move) || (moves && !ipmap_set(&b->out, &path->remote, spi, out)))
        rc = -ENOMEM;
    if (rc) {
        free(move);
        later_done(&b->later, done, arg, rc);
        return;
    }
    if (moves)
        ipmap_del(&b->out, &old_remote, spi);
    out->remote = path->remote;
    if (out->install) { // should it have to go elsewhere
        struct dp_sa *sa = &out->install->sa;
        sa->local = path->local, sa->remote = path->remote;
        sa->local_port = path->local_port, sa->remote_port = path->remote_port;
        sa->encap = path->encap;
    }
    if (by_card && path->remote.family != 4) {
        free(move);
        leave_the_card(b, spi);
        later_done(&b->later, done, arg, -EAFNOSUPPORT);
        return;
    }
    struct ip_addr known = out->known;
    out->known = path->remote;
    if (!by_card) {
        dp_sa_path(b->soft, spi, known, path, done, arg);
        return;
    }
    *move = (struct both_move){b, spi, done, arg};
    dp_sa_path(b->card, spi, known, path, on_moved, move);
}

// ---- packets

static struct both_out *choose(const struct both_tunnel *t, const struct packet *p)
{
    struct both_out *out = t->out;
    while (out && !(out->ready && selectors_pass(out->ts, DP_OUT, p)))
        out = out->older;
    return out;
}

int both_send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct both *b = both_of(d);
    const struct both_tunnel *t = both_tunnel(b, tunnel);
    struct packet p;
    if (!t || t->card == BOTH_NO_TUNNEL || !t->out || !packet_parse(packet, len, &p) || p.len != len)
        return dp_send_packet(b->soft, tunnel, packet, len); // or it counts what is wrong
    const struct both_out *out = choose(t, &p);
    if (!out) {
        b->policy++;
        return -EACCES;
    }
    return out->place == BOTH_CARD ? dp_send_packet(b->card, t->card, packet, len)
                                   : dp_send_packet(b->soft, tunnel, packet, len);
}

void both_outs_orphan(struct both_tunnel *t)
{
    for (struct both_out *out = t->out; out; out = out->older)
        out->tunnel = BOTH_NO_TUNNEL;
    t->out = NULL;
}

void both_outs_free(struct both *b)
{
    size_t at = 0;
    struct both_out *out;
    while ((out = ipmap_next(&b->out, &at))) {
        dp_selectors_unref(out->ts);
        free(out);
    }
    ipmap_free(&b->out);
    map_free(&b->in);
}
