// SPDX-License-Identifier: BSD-2-Clause
// show of what is configured, smart defaults among it: ikev2 proposal, policy, profile, authorization policy; ipsec
// transform-set, profile.
#include "hostd/cli/exec.h"

#include "hostd/conf/algs.h"
#include "hostd/conf/crypto.h"

#include <string.h>

// Nothing to show: is there none of that name, or was it taken away? Ends the command.
static void end_list(struct exec *x, const struct args *a, const char *key, const char *what, json_t *list)
{
    const struct arg *name = args_get(a, "name");
    if (name != NULL && json_array_size(list) == 0) {
        json_decref(list);
        exec_fail(x, "there is no %s \"%s\"%s", what, name->text,
                  strcmp(name->text, "default") == 0 ? ": it is switched off" : "");
        return;
    }
    exec_done(x, json_pack("{s:o}", key, list));
}

static void add_words(json_t *o, const char *key, const struct alg *table, const uint8_t *at, unsigned n)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++) {
        json_array_append_new(list, json_string(table[at[i]].word));
    }
    json_object_set_new(o, key, list);
}

static void run_proposal(struct exec *x, const struct args *a)
{
    const struct conf *c = exec_daemon(x)->conf;
    const struct arg *name = args_get(a, "name");
    json_t *list = json_array();
    for (size_t i = 0; i < c->proposals.n; i++) {
        const struct conf_proposal *p = c->proposals.at[i];
        if (p->disabled || (name != NULL && strcmp(name->text, p->name) != 0)) {
            continue;
        }
        json_t *o = json_pack("{s:s}", "name", p->name);
        add_words(o, "encryption", alg_encr, p->encr, p->n_encr);
        add_words(o, "integrity", alg_integ, p->integ, p->n_integ);
        add_words(o, "prf", alg_prf, p->prf, p->n_prf);
        add_words(o, "group", alg_group, p->group, p->n_group);
        json_t *legacy = json_array();
        conf_proposal_legacy(p, show_add_word, legacy);
        json_object_set_new(o, "legacy", legacy);
        json_array_append_new(list, o);
    }
    end_list(x, a, "proposals", "crypto ikev2 proposal", list);
}

static void render_words(struct str *out, const char *label, const json_t *list)
{
    size_t i;
    json_t *word;
    str_addf(out, "     %-11s:", label);
    json_array_foreach(list, i, word)
    {
        str_addf(out, " %s", json_string_value(word));
    }
    str_add(out, "\n");
}

static void render_proposal(struct str *out, const json_t *data)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(data, "proposals"), i, p)
    {
        str_addf(out, " IKEv2 proposal: %s\n", show_text(p, "name"));
        render_words(out, "Encryption", json_object_get(p, "encryption"));
        render_words(out, "Integrity", json_object_get(p, "integrity"));
        render_words(out, "PRF", json_object_get(p, "prf"));
        render_words(out, "DH Group", json_object_get(p, "group"));
        if (json_array_size(json_object_get(p, "legacy")) > 0) {
            render_words(out, "Not safe", json_object_get(p, "legacy"));
        }
    }
}

static void run_policy(struct exec *x, const struct args *a)
{
    const struct conf *c = exec_daemon(x)->conf;
    const struct arg *name = args_get(a, "name");
    json_t *list = json_array();
    for (size_t i = 0; i < c->policies.n; i++) {
        const struct conf_policy *p = c->policies.at[i];
        if (p->disabled || (name != NULL && strcmp(name->text, p->name) != 0)) {
            continue;
        }
        json_t *local = json_array(), *proposals = json_array();
        for (unsigned n = 0; n < p->n_local; n++) {
            char text[CONF_ADDR_TEXT];
            json_array_append_new(local, json_string(conf_addr_text(&p->local[n], text)));
        }
        for (unsigned n = 0; n < p->n_proposal; n++) {
            json_array_append_new(proposals, json_string(p->proposal[n].name));
        }
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:o}", "name", p->name, "fvrf", p->fvrf_any ? "any" : "global",
                                        "match_local", local, "proposals", proposals));
    }
    end_list(x, a, "policies", "crypto ikev2 policy", list);
}

static void render_policy(struct str *out, const json_t *data)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(data, "policies"), i, p)
    {
        const json_t *local = json_object_get(p, "match_local");
        str_addf(out, " IKEv2 policy : %s\n      Match fvrf : %s\n", show_text(p, "name"), show_text(p, "fvrf"));
        if (json_array_size(local) == 0) {
            str_add(out, "      Match address local : any\n");
        } else {
            render_words(out, "Match address local", local);
        }
        render_words(out, "Proposal", json_object_get(p, "proposals"));
    }
}

static void run_tsets(struct exec *x, const struct args *a)
{
    const struct conf *c = exec_daemon(x)->conf;
    const struct arg *name = args_get(a, "name");
    json_t *list = json_array();
    for (size_t i = 0; i < c->tsets.n; i++) {
        const struct conf_tset *t = c->tsets.at[i];
        char text[CONF_TSET_TEXT];
        if (t->disabled || (name != NULL && strcmp(name->text, t->name) != 0)) {
            continue;
        }
        json_t *legacy = json_array();
        conf_tset_legacy(t, show_add_word, legacy);
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", t->name, "transforms", conf_tset_text(t, text),
                                              "legacy", legacy));
    }
    end_list(x, a, "transform_sets", "crypto ipsec transform-set", list);
}

static void render_tsets(struct str *out, const json_t *data)
{
    size_t i, n;
    json_t *o, *word;
    json_array_foreach(json_object_get(data, "transform_sets"), i, o)
    {
        str_addf(out, "Transform set %s: { %s }\n", show_text(o, "name"), show_text(o, "transforms"));
        json_array_foreach(json_object_get(o, "legacy"), n, word)
        {
            str_addf(out, "   Not safe: %s\n", json_string_value(word));
        }
    }
}

// ------------------------------------------------------------------------------------------------ by their lines

// The lines that the running configuration has inside an object, defaults and all.
json_t *show_settings(const struct culvertd *d, enum conf_mode mode, const void *object)
{
    struct str text = {0};
    struct conf_out o = {.to = &text, .lang = d->lang, .conf = d->conf, .all = true, .hide_keys = true};
    conf_print_mode(&o, mode, object);
    json_t *lines = json_array();
    for (const char *line = str_text(&text); *line != '\0';) {
        size_t len = strcspn(line, "\n"), indent = strspn(line, " ");
        json_array_append_new(lines, json_stringn(line + indent, len - indent));
        line += len + (line[len] == '\n');
    }
    str_free(&text);
    return lines;
}

static void add_object(json_t *list, const struct culvertd *d, const struct args *a, enum conf_mode mode,
                       const void *object)
{
    const struct arg *name = args_get(a, "name");
    if (name == NULL || strcmp(name->text, object) == 0) { // every object begins with its name
        json_array_append_new(
            list, json_pack("{s:s, s:o}", "name", (const char *)object, "settings", show_settings(d, mode, object)));
    }
}

static void render_object(struct str *out, const char *title, const json_t *p)
{
    size_t n;
    json_t *line;
    str_addf(out, "%s: %s\n", title, show_text(p, "name"));
    json_array_foreach(json_object_get(p, "settings"), n, line)
    {
        str_addf(out, " %s\n", json_string_value(line));
    }
}

static void render_settings(struct str *out, const char *title, const json_t *list)
{
    size_t i;
    json_t *p;
    json_array_foreach(list, i, p)
    {
        render_object(out, title, p);
    }
}

// What the smart default has without a line that says so: whom it serves, where its keys are, who we are.
static json_t *profile_defaults(const struct conf *c, const struct conf_profile *p)
{
    json_t *o = json_object(), *peers = json_array();
    for (size_t i = 0; i < c->ifs.n && conf_profile_of_tunnels(p); i++) {
        const struct conf_if *f = c->ifs.at[i];
        char text[IP_TEXT];
        if (conf_tunnel_uses(c, f, p) && f->has_destination) {
            json_array_append_new(
                peers, json_pack("{s:s, s:s}", "interface", f->name, "destination",
                                 ip_is_set(&f->destination) ? ip_format(&f->destination, text) : f->destination_name));
        }
    }
    if (conf_profile_of_tunnels(p)) {
        json_object_set(o, "tunnels", peers);
    }
    json_decref(peers);
    if (p->keyring.name[0] == '\0' && p->key_local.text[0] == '\0' && p->key_remote.text[0] == '\0') {
        json_object_set_new(o, "keyring", json_string("any"));
    }
    if (p->local_id.kind == CONF_ID_NONE && !(p->auth_local & CONF_AUTH_SIG)) {
        json_object_set_new(o, "identity_local", json_string("address"));
    }
    return o;
}

static void run_profile(struct exec *x, const struct args *a)
{
    const struct culvertd *d = exec_daemon(x);
    json_t *list = json_array();
    for (size_t i = 0; i < d->conf->profiles.n; i++) {
        const struct conf_profile *p = d->conf->profiles.at[i];
        size_t n = json_array_size(list);
        if (!p->disabled) {
            add_object(list, d, a, CONF_PROFILE, p);
        }
        if (json_array_size(list) > n && conf_profile_smart(p)) {
            json_object_set_new(json_array_get(list, n), "by_default", profile_defaults(d->conf, p));
        }
    }
    end_list(x, a, "profiles", "crypto ikev2 profile", list);
}

static void render_profile(struct str *out, const json_t *data)
{
    size_t i, n;
    json_t *p, *t;
    json_array_foreach(json_object_get(data, "profiles"), i, p)
    {
        render_object(out, "IKEv2 profile", p);
        const json_t *by = json_object_get(p, "by_default");
        if (json_object_get(by, "tunnels") != NULL) {
            str_addf(out, " (default) serves the destinations of its tunnels%s\n",
                     json_array_size(json_object_get(by, "tunnels")) == 0 ? ": there is none" : ":");
        }
        json_array_foreach(json_object_get(by, "tunnels"), n, t)
        {
            str_addf(out, "  %s of %s\n", show_text(t, "destination"), show_text(t, "interface"));
        }
        if (json_object_get(by, "keyring") != NULL) {
            str_add(out, " (default) keys of any keyring\n");
        }
        if (json_object_get(by, "identity_local") != NULL) {
            str_add(out, " (default) identity local address\n");
        }
    }
}

static void run_author(struct exec *x, const struct args *a)
{
    const struct culvertd *d = exec_daemon(x);
    json_t *list = json_array();
    for (size_t i = 0; i < d->conf->authors.n; i++) {
        const struct conf_author *p = d->conf->authors.at[i];
        if (!p->disabled) {
            add_object(list, d, a, CONF_AUTHOR, p);
        }
    }
    end_list(x, a, "authorization_policies", "crypto ikev2 authorization policy", list);
}

static void render_author(struct str *out, const json_t *data)
{
    render_settings(out, "IKEv2 authorization policy", json_object_get(data, "authorization_policies"));
}

static void run_ipsec(struct exec *x, const struct args *a)
{
    const struct culvertd *d = exec_daemon(x);
    json_t *list = json_array();
    for (size_t i = 0; i < d->conf->ipsecs.n; i++) {
        const struct conf_ipsec *p = d->conf->ipsecs.at[i];
        if (!p->disabled) {
            add_object(list, d, a, CONF_IPSEC, p);
        }
    }
    end_list(x, a, "ipsec_profiles", "crypto ipsec profile", list);
}

static void render_ipsec(struct str *out, const json_t *data)
{
    render_settings(out, "IPSEC profile", json_object_get(data, "ipsec_profiles"));
}

const struct exec_command exec_conf_commands[] = {
    {"show crypto ikev2 proposal [<name:name>]", "proposal|Proposals\nname|Name, or default\n", run_proposal,
     render_proposal},
    {"show crypto ikev2 policy [<name:name>]", "policy|Policies\nname|Name, or default\n", run_policy, render_policy},
    {"show crypto ikev2 profile [<name:name>]", "profile|Profiles\nname|Name, or default\n", run_profile,
     render_profile},
    {"show crypto ikev2 authorization policy [<name:name>]",
     "authorization|What peers are given\npolicy|Authorization policies\nname|Name, or default\n", run_author,
     render_author},
    {"show crypto ipsec transform-set [<name:name>]", "transform-set|Algorithms of IPsec SAs\nname|Name, or default\n",
     run_tsets, render_tsets},
    {"show crypto ipsec profile [<name:name>]", "profile|IPsec profiles\nname|Name, or default\n", run_ipsec,
     render_ipsec},
    {.grammar = NULL},
};
