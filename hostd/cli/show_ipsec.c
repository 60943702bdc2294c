// SPDX-License-Identifier: BSD-2-Clause
// show crypto ipsec sa, show crypto session: the CHILD_SAs with the counters that the datapath has, which come later.
#include "hostd/cli/exec.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

// A show under way: counters that are still to come.
struct gather {
    struct exec *x;
    struct culvertd *d;
    json_t *list;
    unsigned pending;
    struct ip_addr peer; // family 0: any
    struct ifid iface;   // IF_NONE: any
    bool sessions;       // sessions without children too
    const char *how;     // detail, brief or ""
};

struct question {
    struct gather *g;
    json_t *into; // borrowed from the list
    uint64_t hard_bytes, hard_packets;
    uint64_t last; // sequence number
};

// What is left of a limit; -1: there is none.
static json_t *left(uint64_t limit, uint64_t used)
{
    return json_integer(limit == 0 ? -1 : limit < used ? 0 : (json_int_t)(limit - used));
}

// Drops by reason. What only software counts is not there if a card carries the SA.
static void add_errors(json_t *into, const struct dp_sa_counters *n)
{
    json_object_set_new(into, "auth_failed", json_integer((json_int_t)n->auth_fail));
    json_object_set_new(into, "replayed", json_integer((json_int_t)n->replay));
    json_object_set_new(into, "policy_failed", json_integer((json_int_t)n->policy));
    if (!n->card) {
        json_object_set_new(into, "malformed", json_integer((json_int_t)n->malformed));
        json_object_set_new(into, "lifetime", json_integer((json_int_t)n->lifetime));
        json_object_set_new(into, "crypto_failed", json_integer((json_int_t)n->crypto));
        json_object_set_new(into, "not_sent", json_integer((json_int_t)n->unsent));
    }
}

static void finish(struct gather *g)
{
    if (--g->pending > 0) {
        return;
    }
    exec_done(g->x, json_pack("{s:s, s:o}", "how", g->how, "sas", g->list));
    free(g);
}

static void on_counters(void *arg, int error, const struct dp_sa_counters *n)
{
    struct question *q = arg;
    if (error == 0 && n != NULL) {
        json_object_set_new(q->into, "packets", json_integer((json_int_t)n->packets));
        json_object_set_new(q->into, "bytes", json_integer((json_int_t)n->bytes));
        json_object_set_new(q->into, "sequence", json_integer((json_int_t)n->seq));
        json_object_set_new(q->into, "engine", json_string(n->card ? "card" : "software"));
        json_object_set_new(q->into, "remaining_bytes", left(q->hard_bytes, n->bytes));
        json_object_set_new(q->into, "remaining_packets", left(q->hard_packets, n->packets));
        json_object_set_new(q->into, "remaining_sequence", left(q->last, n->seq));
        add_errors(q->into, n);
        json_object_set_new(q->into, "carried_by", json_string(n->card ? "card" : "software"));
    } else {
        json_object_set_new(q->into, "counters_error", json_integer(error));
    }
    finish(q->g);
    free(q);
}

static void ask(struct gather *g, const struct child *c, const struct ike_child_sa *k, enum dp_dir dir, json_t *into)
{
    struct question *q = calloc(1, sizeof(*q));
    if (q == NULL) {
        return;
    }
    *q = (struct question){.g = g, .into = into, .hard_bytes = k->bytes_hard, .hard_packets = k->packets_hard};
    q->last = k->suite.esn ? INT64_MAX : UINT32_MAX; // of 64 bits as much as JSON has
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

// What a session and its children have in common.
static json_t *common(const struct gather *g, const struct ike_sa_info *sa)
{
    const struct conf_profile *p = profiles_conf(&g->d->profiles, sa->profile);
    json_t *o = json_object();
    json_object_set_new(o, "session", json_integer(sa->session));
    json_object_set_new(o, "status", json_string(show_status(sa)));
    json_object_set_new(o, "ikev2_profile", json_string(p == NULL ? "" : p->name));
    json_object_set_new(o, "remote_id", show_id(sa->remote_id));
    json_object_set_new(o, "eap_id", show_id(sa->eap_id));
    return o;
}

static bool add_child(struct gather *g, const struct ike_sa_info *sa, const struct ike_child_sa *k)
{
    const struct child *c = sessions_child(&g->d->sessions, k->spi_in);
    if (c == NULL || c->session->link == NULL ||
        (g->iface.kind != IF_NONE && !ifid_equal(g->iface, c->session->link->id))) {
        return false;
    }
    char suite[96];
    uint64_t now = daemon_now(g->d);
    json_t *in = json_pack("{s:o}", "spi", json_sprintf("0x%08X", k->spi_in));
    json_t *out = json_pack("{s:o, s:b}", "spi", json_sprintf("0x%08X", k->spi_out), "installed", c->out_there);
    json_t *o = common(g, sa);
    json_object_set_new(o, "interface", json_string(c->session->link->name));
    json_object_set_new(o, "device", json_string(c->session->link->device));
    json_object_set_new(o, "child", json_integer(k->id));
    json_object_set_new(o, "local", show_ip(&c->path.local));
    json_object_set_new(o, "remote", show_ip(&c->path.remote));
    json_object_set_new(o, "remote_port", json_integer(c->path.remote_port));
    json_object_set_new(o, "local_selectors", ts_json(k->ts_local, k->n_ts_local));
    json_object_set_new(o, "remote_selectors", ts_json(k->ts_remote, k->n_ts_remote));
    json_object_set_new(o, "suite", json_string(ike_suite_format(&k->suite, suite, sizeof(suite))));
    json_object_set_new(o, "esn", json_boolean(k->suite.esn));
    json_object_set_new(o, "udp", json_boolean(k->encap));
    json_object_set_new(o, "mode", json_string(k->transport ? "transport" : "tunnel"));
    json_object_set_new(o, "gre", json_boolean(c->session->gre));
    json_object_set_new(o, "replay_window", json_integer(k->replay_window));
    json_object_set_new(o, "mtu", json_integer(c->session->link->mtu));
    json_object_set_new(o, "active_seconds", json_integer((json_int_t)((now - k->born) / MICROSECONDS)));
    json_object_set_new(o, "remaining_seconds",
                        json_integer(k->expire_at == 0    ? -1
                                     : k->expire_at < now ? 0
                                                          : (json_int_t)((k->expire_at - now) / MICROSECONDS)));
    json_object_set_new(o, "hard_bytes", json_integer((json_int_t)k->bytes_hard));
    json_object_set_new(o, "hard_packets", json_integer((json_int_t)k->packets_hard));
    if (g->how[0] == 'd') { // the kernel is asked for these
        json_object_set_new(o, "path_mtu", json_integer(links_path_mtu(&g->d->links, &c->path.remote)));
        json_object_set_new(o, "not_taken", json_integer((json_int_t)c->session->link->send_errors));
    }
    json_object_set_new(o, "in", in);
    json_object_set_new(o, "out", out);
    json_array_append_new(g->list, o);
    ask(g, c, k, DP_IN, in);
    if (c->out_there) {
        ask(g, c, k, DP_OUT, out);
    }
    return true;
}

static bool add_sa(void *arg, const struct ike_sa_info *sa)
{
    struct gather *g = arg;
    bool any = false;
    if (g->peer.family != 0 && !ip_equal(&g->peer, &sa->path.remote)) {
        return true;
    }
    for (uint32_t i = 0; i < sa->n_child; i++) {
        any |= add_child(g, sa, sa->child[i]);
    }
    if (g->sessions && !any && g->iface.kind == IF_NONE) {
        char text[64];
        json_t *o = common(g, sa);
        json_object_set_new(o, "remote", json_string(ike_addr_format(&sa->path.remote, text, sizeof(text))));
        json_object_set_new(o, "remote_port", json_integer(sa->path.remote_port));
        json_object_set_new(o, "active_seconds",
                            json_integer((json_int_t)((daemon_now(g->d) - sa->born) / MICROSECONDS)));
        json_array_append_new(g->list, o);
    }
    return true;
}

static void run(struct exec *x, const struct args *a, bool sessions)
{
    struct gather *g = calloc(1, sizeof(*g));
    if (g == NULL) {
        exec_fail(x, "out of memory");
        return;
    }
    const struct arg *iface = args_get(a, "if");
    const char *how = args_text(a, "how");
    *g = (struct gather){.x = x,
                         .d = exec_daemon(x),
                         .list = json_array(),
                         .pending = 1,
                         .peer = conf_arg_addr(a, "addr", "addr6"),
                         .iface = iface == NULL ? (struct ifid){0} : iface->iface,
                         .sessions = sessions,
                         .how = how[0] == 'd'   ? "detail"
                                : how[0] == 'b' ? "brief"
                                                : ""};
    ike_show(g->d->ike, add_sa, g);
    finish(g);
}

static void run_sa(struct exec *x, const struct args *a)
{
    run(x, a, false);
}

static void run_session(struct exec *x, const struct args *a)
{
    run(x, a, true);
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

// A figure that may have no limit, in the middle of a line.
static void render_left(struct str *out, const char *label, long long left)
{
    if (left < 0) {
        str_addf(out, "%s: no limit", label);
    } else {
        str_addf(out, "%s: %lld", label, left);
    }
}

static void render_detail(struct str *out, const json_t *o, const char *dir)
{
    const json_t *s = json_object_get(o, dir);
    bool in = dir[0] == 'i', software = json_object_get(s, "lifetime") != NULL;
    if (json_object_get(s, "counters_error") != NULL || json_object_get(s, "engine") == NULL) {
        str_add(out, "        no counters: the datapath does not have it\n");
        return;
    }
    str_addf(out, "        engine: %s, extended sequence numbers: %s\n", show_text(s, "engine"),
             show_true(o, "esn") ? "Y" : "N");
    str_add(out, "        remaining key lifetime ");
    render_left(out, "(bytes)", show_number(s, "remaining_bytes"));
    render_left(out, ", (packets)", show_number(s, "remaining_packets"));
    str_addf(out, ", (sequence numbers): %lld\n", show_number(s, "remaining_sequence"));
    str_add(out, "        errors:\n");
    if (in) {
        str_addf(out, "         #pkts verify failed: %lld, #pkts replay failed: %lld\n", show_number(s, "auth_failed"),
                 show_number(s, "replayed"));
    }
    str_addf(out, "         #pkts outside selectors%s: %lld\n", in ? " or malformed" : "",
             show_number(s, "policy_failed"));
    if (software && in) {
        str_addf(out, "         #pkts malformed of these: %lld\n", show_number(s, "malformed"));
    }
    if (software) {
        str_addf(out, "         #pkts past lifetime: %lld, #pkts internal err: %lld", show_number(s, "lifetime"),
                 show_number(s, "crypto_failed"));
        if (!in) {
            str_addf(out, ", #pkts not sent: %lld", show_number(s, "not_sent"));
        }
        str_add(out, "\n");
    }
}

static void render_spi(struct str *out, const json_t *o, const char *dir, bool detail)
{
    const json_t *s = json_object_get(o, dir);
    str_addf(out, "     %sbound esp sas:\n      spi: %s\n", dir, show_text(s, "spi"));
    str_addf(out, "        transform: %s ,\n        in use settings ={%s%s, }\n", show_text(o, "suite"),
             strcmp(show_text(o, "mode"), "transport") == 0 ? "Transport" : "Tunnel",
             show_true(o, "udp") ? " UDP-Encaps" : "");
    if (show_text(s, "carried_by")[0] != '\0') {
        str_addf(out, "        carried by: %s\n", show_text(s, "carried_by"));
    }
    str_addf(out, "        sa timing: remaining key lifetime (sec): %lld, active: %lld\n",
             show_number(o, "remaining_seconds"), show_number(o, "active_seconds"));
    str_addf(out, "        last sequence number: %lld%s\n", show_number(s, "sequence"),
             show_true(o, "esn") ? " (extended)" : "");
    if (dir[0] == 'i') {
        str_addf(out, "        replay detection support: %s, replay window size: %lld\n",
                 show_number(o, "replay_window") > 0 ? "Y" : "N", show_number(o, "replay_window"));
    }
    if (detail) {
        render_detail(out, o, dir);
    }
}

static void render_sa(struct str *out, const json_t *data)
{
    const json_t *list = json_object_get(data, "sas");
    bool detail = show_text(data, "how")[0] == 'd';
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
        if (detail) {
            str_addf(out, "     path mtu %lld, packets for it that were not taken: %lld\n", show_number(o, "path_mtu"),
                     show_number(o, "not_taken"));
        }
        str_addf(out, "     current outbound spi: %s\n\n", show_text(e, "spi"));
        render_spi(out, o, "in", detail);
        render_spi(out, o, "out", detail);
        str_add(out, "\n");
    }
}

static void render_brief(struct str *out, const json_t *list)
{
    size_t i;
    json_t *o;
    str_addf(out, "%-22s %-18s %-28s %9s %s\n", "Peer", "I/F", "Phase1_id", "Uptime", "Status");
    json_array_foreach(list, i, o)
    {
        str_addf(out, "%-22s %-18s %-28s %9lld %s\n", show_text(o, "remote"), show_text(o, "interface"),
                 show_text(o, "remote_id"), show_number(o, "active_seconds"), show_text(o, "status"));
    }
}

static void render_flow(struct str *out, const json_t *o, bool detail)
{
    const json_t *in = json_object_get(o, "in"), *e = json_object_get(o, "out");
    if (in == NULL) {
        return;
    }
    if (detail) {
        render_idents(out, "local ", json_object_get(o, "local_selectors"));
        render_idents(out, "remote", json_object_get(o, "remote_selectors"));
        str_addf(out, "  SPI in %s, out %s, %s%s, remaining %lld sec\n", show_text(in, "spi"), show_text(e, "spi"),
                 show_text(o, "suite"), show_true(o, "udp") ? " in UDP" : "", show_number(o, "remaining_seconds"));
    }
    str_addf(out, "  Inbound:  #pkts dec'ed %lld, bytes %lld\n", show_number(in, "packets"), show_number(in, "bytes"));
    str_addf(out, "  Outbound: #pkts enc'ed %lld, bytes %lld\n", show_number(e, "packets"), show_number(e, "bytes"));
}

static void render_session(struct str *out, const json_t *data)
{
    const json_t *list = json_object_get(data, "sas");
    const char *how = show_text(data, "how");
    size_t i;
    json_t *o;
    if (how[0] == 'b') {
        render_brief(out, list);
        return;
    }
    str_add(out, "Crypto session current status\n\n");
    json_array_foreach(list, i, o)
    {
        str_addf(out, "Interface: %s\nProfile: %s\n", show_text(o, "interface"), show_text(o, "ikev2_profile"));
        str_addf(out, "Session ID: %lld\nSession status: %s\nPeer: %s port %lld id %s\n", show_number(o, "session"),
                 show_text(o, "status"), show_text(o, "remote"), show_number(o, "remote_port"),
                 show_text(o, "remote_id"));
        if (show_text(o, "eap_id")[0] != '\0') {
            str_addf(out, "  EAP id: %s\n", show_text(o, "eap_id"));
        }
        str_addf(out, "  Uptime: %lld sec\n", show_number(o, "active_seconds"));
        render_flow(out, o, how[0] == 'd');
        str_add(out, "\n");
    }
}

const struct exec_command exec_ipsec_commands[] = {
    {"show crypto ipsec sa [{ peer { <addr:addr> | <addr6:addr6> } | interface <if:if> }] [<how:detail|>]",
     "sa|IPsec security associations, with their counters\npeer|Of one peer\ninterface|Of one interface\n"
     "detail|With drops by reason, what is left of lifetimes, and the path's MTU\n",
     run_sa, render_sa},
    {"show crypto session [remote { <addr:addr> | <addr6:addr6> }] [<how:detail|brief>]",
     "session|Sessions with peers\nremote|Of one peer\ndetail|With selectors and SPIs\nbrief|A line for each\n",
     run_session, render_session},
    {.grammar = NULL},
};
