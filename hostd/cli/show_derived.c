// SPDX-License-Identifier: BSD-2-Clause
// show derived-config: what an interface is in effect. A Virtual-Access has the lines of its template, with the ends of
// the session that it was cloned for, and is one session's also where sessions share a device; the others have their
// own. A template names all that was cloned from it.
#include "hostd/cli/exec.h"

#include <string.h>

static const struct session *session_of(const struct culvertd *d, const struct link *link)
{
    size_t at = 0;
    const struct session *s;
    while ((s = map_next(&d->sessions.by_id, &at, NULL)) != NULL) {
        if (s->link == link) {
            return s;
        }
    }
    return NULL;
}

static void template_of(void *arg, const struct ike_sa_info *sa)
{
    const struct binding *b = sa->profile->user;
    if (b != NULL) {
        *(struct ifid *)arg = b->iface;
    }
}

// What a Virtual-Access is. false: nobody has cloned it.
static bool derive(struct culvertd *d, struct ifid id, struct conf_if *out)
{
    const struct link *link = links_find(&d->links, id);
    const struct session *s = link == NULL ? NULL : session_of(d, link);
    struct ifid from = {0};
    if (s == NULL || s->children.n == 0 || !ike_show_one(d->ike, s->id, template_of, &from)) {
        return false;
    }
    const struct conf_if *template = conf_find_if(d->conf, from);
    if (template == NULL) {
        return false;
    }
    const struct child *c = s->children.at[s->children.n - 1];
    *out = *template;
    memset(out->name, 0, sizeof(out->name));
    ifid_format(id, out->name, sizeof(out->name));
    out->id = id;
    out->mtu = link->mtu;
    out->has_source = out->has_destination = true;
    out->source = c->path.local;
    out->source_if = (struct ifid){0};
    out->destination = c->path.remote;
    // What it has become, where the template leaves that to the peer.
    bool six = c->path.remote.family == 6;
    out->mode = link->how.gre ? (six ? CONF_MODE_GRE_IPV6 : CONF_MODE_GRE_IP)
                              : (six ? CONF_MODE_IPSEC_IPV6 : CONF_MODE_IPSEC_IPV4);
    return true;
}

struct made_of {
    struct ifid from; // the template of this session
    json_t *id;       // of the peer
};

static void note_session(void *arg, const struct ike_sa_info *sa)
{
    struct made_of *m = arg;
    template_of(&m->from, sa);
    m->id = show_id(sa->remote_id);
}

// The sessions whose interface this is, or that are cloned from it.
static json_t *sessions_of(struct culvertd *d, struct ifid id)
{
    json_t *list = json_array();
    size_t at = 0;
    const struct session *s;
    while ((s = map_next(&d->sessions.by_id, &at, NULL)) != NULL) {
        struct made_of m = {.from = {0}};
        if (s->link == NULL || s->children.n == 0 || !ike_show_one(d->ike, s->id, note_session, &m)) {
            continue;
        }
        const struct child *c = s->children.at[s->children.n - 1];
        if (ifid_equal(s->link->id, id) || (id.kind == IF_VTEMPLATE && ifid_equal(m.from, id))) {
            json_array_append_new(list, json_pack("{s:I, s:s, s:o, s:o, s:O}", "session", (json_int_t)s->id,
                                                  "interface", s->link->name, "local", show_ip(&c->path.local),
                                                  "remote", show_ip(&c->path.remote), "remote_id", m.id));
        }
        json_decref(m.id);
    }
    return list;
}

static void run_derived(struct exec *x, const struct args *a)
{
    struct culvertd *d = exec_daemon(x);
    struct ifid id = args_get(a, "if")->iface;
    const struct conf_if *f = conf_find_if(d->conf, id);
    struct conf_if derived;
    char name[CONF_NAME];
    ifid_format(id, name, sizeof(name));
    if (f == NULL && (id.kind != IF_VACCESS || !derive(d, id, &derived))) {
        exec_fail(x, "there is no interface %s", name);
        return;
    }
    json_t *lines = show_settings(d, CONF_INTERFACE, f != NULL ? f : &derived);
    exec_done(x, json_pack("{s:s, s:o, s:o}", "interface", name, "lines", lines, "sessions", sessions_of(d, id)));
}

static void render_derived(struct str *out, const json_t *data)
{
    size_t i;
    json_t *line;
    str_addf(out, "interface %s\n", show_text(data, "interface"));
    json_array_foreach(json_object_get(data, "lines"), i, line)
    {
        str_addf(out, " %s\n", json_string_value(line));
    }
    json_array_foreach(json_object_get(data, "sessions"), i, line)
    {
        str_addf(out, " ! session %lld, %s: %s to %s, %s\n", show_number(line, "session"), show_text(line, "interface"),
                 show_text(line, "local"), show_text(line, "remote"), show_text(line, "remote_id"));
    }
    str_add(out, "end\n");
}

const struct exec_command exec_derived_commands[] = {
    {"show derived-config interface <if:if>",
     "derived-config|What an interface is in effect, template and session together\n", run_derived, render_derived},
    {.grammar = NULL},
};
