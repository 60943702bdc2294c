// SPDX-License-Identifier: BSD-2-Clause
// show crypto ikev2 session: each IKE SA with its children.
#include "hostd/cli/exec.h"

#include <inttypes.h>

enum { MICROSECONDS = 1000000 };

struct walk {
    struct culvertd *d;
    json_t *list;
};

static json_t *selectors(const struct ike_ts *ts, unsigned n)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++) {
        char text[128];
        json_array_append_new(list, json_string(ike_ts_format(&ts[i], text, sizeof(text))));
    }
    return list;
}

static json_t *child_json(const struct culvertd *d, const struct ike_child_sa *k)
{
    uint64_t now = daemon_now(d);
    char suite[96];
    json_t *o = json_object();
    json_object_set_new(o, "child", json_integer(k->id));
    json_object_set_new(o, "spi_in", json_sprintf("0x%08X", k->spi_in));
    json_object_set_new(o, "spi_out", json_sprintf("0x%08X", k->spi_out));
    json_object_set_new(o, "local_selectors", selectors(k->ts_local, k->n_ts_local));
    json_object_set_new(o, "remote_selectors", selectors(k->ts_remote, k->n_ts_remote));
    json_object_set_new(o, "suite", json_string(ike_suite_format(&k->suite, suite, sizeof(suite))));
    json_object_set_new(o, "esn", json_boolean(k->suite.esn));
    json_object_set_new(o, "transport", json_boolean(k->transport));
    json_object_set_new(o, "udp", json_boolean(k->encap));
    json_object_set_new(o, "replay_window", json_integer(k->replay_window));
    json_object_set_new(o, "active_seconds", json_integer((json_int_t)((now - k->born) / MICROSECONDS)));
    json_object_set_new(o, "remaining_seconds",
                        json_integer(k->expire_at == 0    ? -1
                                     : k->expire_at < now ? 0
                                                          : (json_int_t)((k->expire_at - now) / MICROSECONDS)));
    return o;
}

static bool add_session(void *arg, const struct ike_sa_info *sa)
{
    struct walk *w = arg;
    json_t *o = show_ike_sa(w->d, sa), *list = json_array();
    for (uint32_t i = 0; i < sa->n_child; i++) {
        json_array_append_new(list, child_json(w->d, sa->child[i]));
    }
    json_object_set_new(o, "status", json_string(show_status(sa)));
    json_object_set_new(o, "child_sas", list);
    json_array_append_new(w->list, o);
    return true;
}

static void run_session(struct exec *x, const struct args *a)
{
    struct walk w = {exec_daemon(x), json_array()};
    ike_show(w.d->ike, add_session, &w);
    exec_done(x, json_pack("{s:b, s:o}", "detailed", args_get(a, "how") != NULL, "sessions", w.list));
}

static void render_selectors(struct str *out, const char *label, const json_t *list)
{
    size_t i;
    json_t *ts;
    json_array_foreach(list, i, ts)
    {
        str_addf(out, "%s %s\n", i == 0 ? label : "                         ", json_string_value(ts));
    }
}

static void render_child(struct str *out, const json_t *c, bool detailed)
{
    render_selectors(out, "Child sa: local selector ", json_object_get(c, "local_selectors"));
    render_selectors(out, "          remote selector", json_object_get(c, "remote_selectors"));
    str_addf(out, "          ESP spi in/out: %s/%s\n", show_text(c, "spi_in"), show_text(c, "spi_out"));
    if (detailed) {
        str_addf(out, "          Encr: %s, mode: %s%s, esn: %s, replay window: %lld\n", show_text(c, "suite"),
                 show_true(c, "transport") ? "transport" : "tunnel", show_true(c, "udp") ? " in UDP" : "",
                 show_true(c, "esn") ? "on" : "off", show_number(c, "replay_window"));
        str_addf(out, "          Life remaining/active: %lld/%lld sec\n", show_number(c, "remaining_seconds"),
                 show_number(c, "active_seconds"));
    }
}

static void render_sessions(struct str *out, const json_t *data)
{
    const json_t *list = json_object_get(data, "sessions");
    bool detailed = show_true(data, "detailed");
    size_t i, n;
    json_t *s, *c;
    if (json_array_size(list) == 0) {
        str_add(out, "There are no sessions\n");
        return;
    }
    str_add(out, " Crypto IKEv2 Session\n\n");
    json_array_foreach(list, i, s)
    {
        const json_t *children = json_object_get(s, "child_sas");
        str_addf(out, "Session-id:%lld, Status:%s, IKE count:1, CHILD count:%zu\n\n", show_number(s, "session"),
                 show_text(s, "status"), json_array_size(children));
        str_add(out, "Tunnel-id Local                 Remote                fvrf/ivrf    Status\n");
        show_render_ike_sa(out, s, detailed);
        json_array_foreach(children, n, c)
        {
            render_child(out, c, detailed);
        }
        str_add(out, "\n");
    }
}

const struct exec_command exec_session_commands[] = {
    {"show crypto ikev2 session [<how:detailed|>]",
     "session|IKE SAs, each with its IPsec SAs\ndetailed|With all that is known of them\n", run_session,
     render_sessions},
    {.grammar = NULL},
};
