// SPDX-License-Identifier: BSD-2-Clause
// show crypto ikev2 client flexvpn: each protected static tunnel as its hub's client: where it goes, how far it is, and
// what the hub has told it.
#include "hostd/cli/exec.h"

#include <string.h>

enum { MICROSECONDS = 1000000 };

static const char *state_of(const struct tunnel *t)
{
    return t->session != 0 && t->up      ? "ACTIVE"
           : t->session != 0             ? "NEGOTIATING"
           : t->conf.destination_dynamic ? "PASSIVE" // the peer calls
           : t->asked                    ? "LOOKUP"
                                         : "WAITING"; // until it calls again
}

struct told_of {
    const struct culvertd *d;
    json_t *to;
};

static void add_session(void *arg, const struct ike_sa_info *sa)
{
    const struct told_of *t = arg;
    json_object_set_new(t->to, "source", show_ip(&sa->path.local));
    json_object_set_new(t->to, "peer", show_ip(&sa->path.remote));
    json_object_set_new(t->to, "peer_id", show_id(sa->remote_id));
    json_object_set_new(t->to, "initiator", json_boolean(sa->initiator));
    json_object_set_new(t->to, "uptime_seconds",
                        json_integer(sa->established ? (json_int_t)((daemon_now(t->d) - sa->born) / MICROSECONDS) : 0));
    json_object_set_new(t->to, "taken", show_config_json(sa->taken));
    json_object_set_new(t->to, "routes", show_told_json(t->d, sa->session));
}

static json_t *client_json(struct culvertd *d, const struct tunnel *t)
{
    const struct conf_ipsec *s = conf_find(&d->conf->ipsecs, t->conf.protection.name);
    uint64_t now = daemon_now(d);
    bool waits = strcmp(state_of(t), "WAITING") == 0;
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:o, s:s, s:I, s:I, s:I}", "profile", s == NULL ? "" : s->profile.name, "state",
                  state_of(t), "interface", t->conf.name, "peer", show_ip(&t->destination), "name",
                  t->conf.destination_name, "session", (json_int_t)t->session, "failures", (json_int_t)t->failures,
                  "retry_seconds", waits && t->due.at > now ? (json_int_t)((t->due.at - now) / MICROSECONDS) : 0);
    struct told_of told = {d, o};
    if (t->session != 0) {
        ike_show_one(d->ike, t->session, add_session, &told);
    }
    return o;
}

static void run_client(struct exec *x, const struct args *a)
{
    struct culvertd *d = exec_daemon(x);
    const struct arg *iface = args_get(a, "if");
    json_t *list = json_array();
    for (size_t i = 0; i < d->tunnels.all.n; i++) {
        const struct tunnel *t = d->tunnels.all.at[i];
        if (t->conf.protection.name[0] != '\0' && (iface == NULL || ifid_equal(iface->iface, t->conf.id))) {
            json_array_append_new(list, client_json(d, t));
        }
    }
    exec_done(x, json_pack("{s:o}", "clients", list));
}

static void line(struct str *out, const char *label, const char *text)
{
    if (text[0] != '\0') {
        str_addf(out, "  %s: %s\n", label, text);
    }
}

static void render_client(struct str *out, const json_t *data)
{
    const json_t *list = json_object_get(data, "clients");
    size_t i;
    json_t *o;
    if (json_array_size(list) == 0) {
        str_add(out, "There is no protected static tunnel\n");
    }
    json_array_foreach(list, i, o)
    {
        str_addf(out, "%sProfile : %s\n", i == 0 ? "" : "\n", show_text(o, "profile"));
        line(out, "Current state", show_text(o, "state"));
        if (show_number(o, "failures") > 0) {
            str_addf(out, "  Failed calls: %lld, the next in %lld sec\n", show_number(o, "failures"),
                     show_number(o, "retry_seconds"));
        }
        line(out, "Peer", show_text(o, "peer"));
        line(out, "Peer's name", show_text(o, "name"));
        line(out, "Peer's identity", show_text(o, "peer_id"));
        line(out, "Source", show_text(o, "source"));
        line(out, "Tunnel interface", show_text(o, "interface"));
        if (show_number(o, "session") != 0) {
            str_addf(out, "  Session: %lld, %s\n", show_number(o, "session"),
                     show_true(o, "initiator") ? "called by us" : "called by the peer");
        }
        show_render_names(out, 6, "Split networks", json_object_get(json_object_get(o, "taken"), "subnets"));
        show_config_render(out, o);
    }
}

const struct exec_command exec_client_commands[] = {
    {"show crypto ikev2 client flexvpn [interface <if:if>]",
     "client|As the client of a hub\nflexvpn|Static tunnels, and what their hubs have told\ninterface|Of one tunnel\n",
     run_client, render_client},
    {.grammar = NULL},
};
