// SPDX-License-Identifier: BSD-2-Clause
// show crypto ipsec sa, show crypto session: the CHILD_SAs with the counters that the datapath has, which come later.
#include "hostd/cli/exec.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MICROSECONDS = 1000000 };

// A show under way: counters that are still to come.
struct gather {
    struct exec *x;
    struct culvertd *d;
    json_t *list;
    unsigned pending;
};

struct question {
    struct gather *g;
    json_t *into; // borrowed from the list
};

static void finish(struct gather *g)
{
    if (--g->pending > 0) {
        return;
    }
    exec_done(g->x, json_pack("{s:o}", "sas", g->list));
    free(g);
}

static void on_counters(void *arg, int error, const struct dp_sa_counters *n)
{
    struct question *q = arg;
    if (error == 0 && n != NULL) {
        json_object_set_new(q->into, "packets", json_integer((json_int_t)n->packets));
        json_object_set_new(q->into, "bytes", json_integer((json_int_t)n->bytes));
        json_object_set_new(q->into, "sequence", json_integer((json_int_t)n->seq));
        json_object_set_new(q->into, "auth_failed", json_integer((json_int_t)n->auth_fail));
        json_object_set_new(q->into, "replayed", json_integer((json_int_t)n->replay));
        json_object_set_new(q->into, "policy_failed", json_integer((json_int_t)n->policy));
    } else {
        json_object_set_new(q->into, "counters_error", json_integer(error));
    }
    finish(q->g);
    free(q);
}

static void ask(struct gather *g, const struct child *c, enum dp_dir dir, json_t *into)
{
    struct question *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        return;
    }
    *q = (struct question){g, into};
    g->pending++;
    dp_sa_counters(g->d->dp, dir, dir == DP_IN ? c->spi_in : c->spi_out, c->path.remote, on_counters, q);
}

static json_t *ts_json(const struct ike_ts *ts, unsigned n)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++) {
        char text[128];
        json_array_append_new(list, json_string(ike_ts_format(&ts[i], text, sizeof(text))));
    }
    return list;
}

static json_t *endpoint(struct in_addr a)
{
    return show_addr(a);
}

static void add_child(struct gather *g, const struct ike_sa_info *sa, const struct ike_child_sa *k)
{
    const struct child *c = sessions_child(&g->d->sessions, k->spi_in);
    if (c == NULL || c->session->link == NULL) {
        return;
    }
    char suite[96], id[IKE_MAX_ID + 1] = "";
    uint64_t now = daemon_now(g->d);
    json_t *in = json_pack("{s:o}", "spi", json_sprintf("0x%08X", k->spi_in));
    json_t *out = json_pack("{s:o, s:b}", "spi", json_sprintf("0x%08X", k->spi_out), "installed", c->out_there);
    json_t *o = json_object();
    json_object_set_new(o, "interface", json_string(c->session->link->name));
    json_object_set_new(o, "device", json_string(c->session->link->device));
    json_object_set_new(o, "session", json_integer(k->session));
    json_object_set_new(o, "child", json_integer(k->id));
    json_object_set_new(o, "local", endpoint(c->path.local));
    json_object_set_new(o, "remote", endpoint(c->path.remote));
    json_object_set_new(o, "remote_port", json_integer(c->path.remote_port));
    json_object_set_new(o, "remote_id",
                        json_string(sa->remote_id == NULL ? "" : ike_id_format(sa->remote_id, id, sizeof(id))));
    json_object_set_new(o, "local_selectors", ts_json(k->ts_local, k->n_ts_local));
    json_object_set_new(o, "remote_selectors", ts_json(k->ts_remote, k->n_ts_remote));
    json_object_set_new(o, "suite", json_string(ike_suite_format(&k->suite, suite, sizeof(suite))));
    json_object_set_new(o, "esn", json_boolean(k->suite.esn));
    json_object_set_new(o, "udp", json_boolean(k->encap));
    json_object_set_new(o, "replay_window", json_integer(k->replay_window));
    json_object_set_new(o, "mtu", json_integer(c->session->link->mtu));
    json_object_set_new(o, "active_seconds", json_integer((json_int_t)((now - k->born) / MICROSECONDS)));
    json_object_set_new(o, "remaining_seconds",
                        json_integer(k->expire_at == 0    ? -1
                                     : k->expire_at < now ? 0
                                                          : (json_int_t)((k->expire_at - now) / MICROSECONDS)));
    json_object_set_new(o, "hard_bytes", json_integer((json_int_t)k->bytes_hard));
    json_object_set_new(o, "in", in);
    json_object_set_new(o, "out", out);
    json_array_append_new(g->list, o);
    ask(g, c, DP_IN, in);
    if (c->out_there) {
        ask(g, c, DP_OUT, out);
    }
}

static bool add_sa(void *arg, const struct ike_sa_info *sa)
{
    struct gather *g = arg;
    for (uint32_t i = 0; i < sa->n_child; i++) {
        add_child(g, sa, sa->child[i]);
    }
    return true;
}

static void run_sa(struct exec *x, const struct args *a)
{
    (void)a;
    struct gather *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        exec_fail(x, "out of memory");
        return;
    }
    *g = (struct gather){.x = x, .d = exec_daemon(x), .list = json_array(), .pending = 1};
    ike_show(g->d->ike, add_sa, g);
    finish(g);
}

static void render_idents(struct str *out, const char *side, const json_t *list)
{
    size_t i;
    json_t *ts;
    json_array_foreach(list, i, ts)
    {
        str_addf(out, "   %s ident (addr/prefix): (%s)\n", side, json_string_value(ts));
    }
}

static void render_spi(struct str *out, const json_t *o, const char *dir)
{
    const json_t *s = json_object_get(o, dir);
    str_addf(out, "     %sbound esp sas:\n      spi: %s\n", dir, show_text(s, "spi"));
    str_addf(out, "        transform: %s ,\n        in use settings ={Tunnel%s, }\n", show_text(o, "suite"),
             show_true(o, "udp") ? " UDP-Encaps" : "");
    str_addf(out, "        sa timing: remaining key lifetime (sec): %lld, active: %lld\n",
             show_number(o, "remaining_seconds"), show_number(o, "active_seconds"));
    str_addf(out, "        last sequence number: %lld%s\n", show_number(s, "sequence"),
             show_true(o, "esn") ? " (extended)" : "");
    if (dir[0] == 'i') {
        str_addf(out, "        replay detection support: %s, replay window size: %lld\n",
                 show_number(o, "replay_window") > 0 ? "Y" : "N", show_number(o, "replay_window"));
    }
}

static void render_sa(struct str *out, const json_t *data)
{
    const json_t *list = json_object_get(data, "sas");
    size_t i;
    json_t *o;
    if (json_array_size(list) == 0) {
        str_add(out, "There are no SAs\n");
    }
    json_array_foreach(list, i, o)
    {
        const json_t *in = json_object_get(o, "in"), *e = json_object_get(o, "out");
        long long enc = show_number(e, "packets"), dec = show_number(in, "packets");
        str_addf(out, "interface: %s\n    local addr %s\n\n   protected vrf: (none)\n", show_text(o, "interface"),
                 show_text(o, "local"));
        render_idents(out, "local ", json_object_get(o, "local_selectors"));
        render_idents(out, "remote", json_object_get(o, "remote_selectors"));
        str_addf(out, "   current_peer %s port %lld\n", show_text(o, "remote"), show_number(o, "remote_port"));
        str_addf(out, "    #pkts encaps: %lld, #pkts encrypt: %lld, #bytes encrypt: %lld\n", enc, enc,
                 show_number(e, "bytes"));
        str_addf(out, "    #pkts decaps: %lld, #pkts decrypt: %lld, #bytes decrypt: %lld\n", dec, dec,
                 show_number(in, "bytes"));
        str_addf(out, "    #pkts replay failed: %lld, #pkts not authentic: %lld, #pkts policy failed: %lld\n",
                 show_number(in, "replayed"), show_number(in, "auth_failed"), show_number(in, "policy_failed"));
        str_addf(out, "\n     local crypto endpt.: %s, remote crypto endpt.: %s\n     tunnel mtu %lld\n",
                 show_text(o, "local"), show_text(o, "remote"), show_number(o, "mtu"));
        str_addf(out, "     current outbound spi: %s\n\n", show_text(e, "spi"));
        render_spi(out, o, "in");
        render_spi(out, o, "out");
        str_add(out, "\n");
    }
}

static void render_session(struct str *out, const json_t *data)
{
    size_t i;
    json_t *o;
    str_add(out, "Crypto session current status\n\n");
    json_array_foreach(json_object_get(data, "sas"), i, o)
    {
        str_addf(out, "Interface: %s\nSession ID: %lld\nSession status: UP-ACTIVE\nPeer: %s port %lld id %s\n",
                 show_text(o, "interface"), show_number(o, "session"), show_text(o, "remote"),
                 show_number(o, "remote_port"), show_text(o, "remote_id"));
        str_addf(out, "  Uptime: %lld sec\n", show_number(o, "active_seconds"));
        str_addf(out, "  Inbound:  #pkts dec'ed %lld, bytes %lld\n", show_number(json_object_get(o, "in"), "packets"),
                 show_number(json_object_get(o, "in"), "bytes"));
        str_addf(out, "  Outbound: #pkts enc'ed %lld, bytes %lld\n\n",
                 show_number(json_object_get(o, "out"), "packets"), show_number(json_object_get(o, "out"), "bytes"));
    }
}

const struct exec_command exec_ipsec_commands[] = {
    {"show crypto ipsec sa", "sa|IPsec security associations, with their counters\n", run_sa, render_sa},
    {"show crypto session", "session|Sessions with peers\n", run_sa, render_session},
    {.grammar = NULL},
};
