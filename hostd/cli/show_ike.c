// SPDX-License-Identifier: BSD-2-Clause
// show crypto ikev2 sa, session, stats, proposal, policy, profile.
#include "hostd/cli/exec.h"

#include "hostd/conf/algs.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

// ------------------------------------------------------------------------------------------------ sa

struct walk {
    struct culvertd *d;
    json_t *list;
    bool established_only;
};

static long long seconds_since(const struct culvertd *d, uint64_t when)
{
    return when == 0 ? 0 : (long long)((daemon_now(d) - when) / MICROSECONDS);
}

static long long seconds_to(const struct culvertd *d, uint64_t when)
{
    uint64_t now = daemon_now(d);
    return when == 0 ? -1 : when <= now ? 0 : (long long)((when - now) / MICROSECONDS);
}

static json_t *id_json(const struct ike_id *id)
{
    char text[IKE_MAX_ID + 1] = "";
    return json_string(id == NULL ? "" : ike_id_format(id, text, sizeof(text)));
}

static json_t *end_json(const struct ike_addr *a, uint16_t port)
{
    char text[64];
    return json_sprintf("%s/%u", ike_addr_format(a, text, sizeof(text)), port);
}

static json_t *sa_json(const struct culvertd *d, const struct ike_sa_info *sa)
{
    char text[64];
    json_t *o = json_object();
    json_object_set_new(o, "session", json_integer(sa->session));
    json_object_set_new(o, "local", end_json(&sa->path.local, sa->path.local_port));
    json_object_set_new(o, "remote", end_json(&sa->path.remote, sa->path.remote_port));
    json_object_set_new(o, "state", json_string(sa->state));
    json_object_set_new(o, "established", json_boolean(sa->established));
    json_object_set_new(o, "initiator", json_boolean(sa->initiator));
    json_object_set_new(o, "spi_initiator", json_sprintf("%016" PRIX64, sa->spi_i));
    json_object_set_new(o, "spi_responder", json_sprintf("%016" PRIX64, sa->spi_r));
    json_object_set_new(o, "profile", json_string(sa->profile == NULL ? "" : sa->profile->name));
    const struct conf_profile *c = profiles_conf(&d->profiles, sa->profile);
    json_object_set_new(o, "ikev2_profile", json_string(c == NULL ? "" : c->name));
    json_object_set_new(o, "local_id", id_json(sa->local_id));
    json_object_set_new(o, "remote_id", id_json(sa->remote_id));
    json_object_set_new(o, "encryption", json_string(ike_name(IKE_NAMES_ENCR, sa->suite.encr)));
    json_object_set_new(o, "key_bits", json_integer(sa->suite.encr_bits));
    json_object_set_new(o, "prf", json_string(ike_name(IKE_NAMES_PRF, sa->suite.prf)));
    json_object_set_new(
        o, "integrity",
        json_string(sa->suite.integ == IKE_INTEG_NONE ? "none" : ike_name(IKE_NAMES_INTEG, sa->suite.integ)));
    json_object_set_new(o, "group", json_integer(sa->suite.group));
    json_object_set_new(o, "auth_local",
                        json_string(sa->auth_local == 0 ? "" : ike_name(IKE_NAMES_AUTH, sa->auth_local)));
    json_object_set_new(o, "auth_remote",
                        json_string(sa->auth_remote == 0 ? "" : ike_name(IKE_NAMES_AUTH, sa->auth_remote)));
    json_object_set_new(o, "active_seconds", json_integer(seconds_since(d, sa->born)));
    json_object_set_new(o, "rekey_seconds", json_integer(seconds_to(d, sa->rekey_at)));
    json_object_set_new(o, "expire_seconds", json_integer(seconds_to(d, sa->expire_at)));
    json_object_set_new(o, "lifetime", json_integer(sa->profile == NULL ? 0 : sa->profile->ike_lifetime));
    json_object_set_new(o, "dpd_interval", json_integer(sa->profile == NULL ? 0 : sa->profile->dpd_interval));
    json_object_set_new(o, "nat_local", json_boolean(sa->nat_local));
    json_object_set_new(o, "nat_remote", json_boolean(sa->nat_remote));
    json_object_set_new(o, "fragmentation", json_boolean(sa->fragmentation));
    json_object_set_new(o, "cookie", json_boolean(sa->cookie));
    json_object_set_new(o, "next_out", json_integer(sa->next_out));
    json_object_set_new(o, "next_in", json_integer(sa->next_in));
    json_object_set_new(o, "requests_queued", json_integer(sa->requests_queued));
    json_object_set_new(o, "window", json_integer(sa->window));
    json_object_set_new(o, "rekeys", json_integer((json_int_t)sa->rekeys));
    json_object_set_new(o, "messages_in", json_integer((json_int_t)sa->msgs_in));
    json_object_set_new(o, "messages_out", json_integer((json_int_t)sa->msgs_out));
    json_object_set_new(o, "retransmits", json_integer((json_int_t)sa->retransmits));
    json_object_set_new(o, "dpd_sent", json_integer((json_int_t)sa->dpd_sent));
    bool address = sa->cp.address.family == 4;
    json_object_set_new(o, "address", json_string(address ? ike_addr_format(&sa->cp.address, text, sizeof(text)) : ""));
    json_object_set_new(o, "children", json_integer(sa->n_child));
    return o;
}

static bool add_sa(void *arg, const struct ike_sa_info *sa)
{
    struct walk *w = arg;
    if (sa->established || !w->established_only) {
        json_array_append_new(w->list, sa_json(w->d, sa));
    }
    return true;
}

static json_t *all_sas(struct culvertd *d)
{
    struct walk w = {d, json_array(), false};
    ike_show(d->ike, add_sa, &w);
    return w.list;
}

static void run_sa(struct exec *x, const struct args *a)
{
    json_t *o = json_pack("{s:b, s:o}", "detailed", args_get(a, "how") != NULL, "sas", all_sas(exec_daemon(x)));
    exec_done(x, o);
}

static void render_one(struct str *out, const json_t *sa, bool detailed)
{
    bool up = show_true(sa, "established");
    str_addf(out, "%-9lld %-21s %-21s none/none    %s\n", show_number(sa, "session"), show_text(sa, "local"),
             show_text(sa, "remote"), up ? "READY" : show_text(sa, "state"));
    str_addf(out, "      Encr: %s, keysize: %lld, PRF: %s, Hash: %s, DH Grp:%lld, Auth sign: %s, Auth verify: %s\n",
             show_text(sa, "encryption"), show_number(sa, "key_bits"), show_text(sa, "prf"), show_text(sa, "integrity"),
             show_number(sa, "group"), show_text(sa, "auth_local"), show_text(sa, "auth_remote"));
    str_addf(out, "      Life/Active Time: %lld/%lld sec\n", show_number(sa, "lifetime"),
             show_number(sa, "active_seconds"));
    if (!detailed) {
        return;
    }
    bool initiator = show_true(sa, "initiator");
    str_addf(out, "      Session-id: %lld, Profile: %s, State: %s\n", show_number(sa, "session"),
             show_text(sa, "ikev2_profile"), show_text(sa, "state"));
    str_addf(out, "      Local spi: %s       Remote spi: %s\n",
             show_text(sa, initiator ? "spi_initiator" : "spi_responder"),
             show_text(sa, initiator ? "spi_responder" : "spi_initiator"));
    str_addf(out, "      Local id: %s\n      Remote id: %s\n", show_text(sa, "local_id"), show_text(sa, "remote_id"));
    str_addf(out, "      Local next msg id:  %-10lld Remote next msg id:  %lld\n", show_number(sa, "next_out"),
             show_number(sa, "next_in"));
    str_addf(out, "      Local req queued:   %-10lld Window: %lld\n", show_number(sa, "requests_queued"),
             show_number(sa, "window"));
    str_addf(out, "      Rekey in: %lld sec, rekeyed %lld times\n", show_number(sa, "rekey_seconds"),
             show_number(sa, "rekeys"));
    str_addf(out, "      DPD configured for %lld seconds, sent %lld\n", show_number(sa, "dpd_interval"),
             show_number(sa, "dpd_sent"));
    str_addf(out, "      NAT-T is%s detected%s%s\n",
             show_true(sa, "nat_local") || show_true(sa, "nat_remote") ? "" : " not",
             show_true(sa, "nat_local") ? ", inside" : "", show_true(sa, "nat_remote") ? ", outside" : "");
    str_addf(out, "      Fragmentation %s, cookie %s\n", show_true(sa, "fragmentation") ? "on" : "off",
             show_true(sa, "cookie") ? "was asked for" : "was not asked for");
    if (show_text(sa, "address")[0] != '\0') {
        str_addf(out, "      %s: %s\n", initiator ? "Assigned address" : "Assigned host addr",
                 show_text(sa, "address"));
    }
    str_addf(out, "      Messages in %lld, out %lld, retransmitted %lld\n", show_number(sa, "messages_in"),
             show_number(sa, "messages_out"), show_number(sa, "retransmits"));
    str_addf(out, "      Initiator of SA : %s\n", initiator ? "Yes" : "No");
}

static void render_sa(struct str *out, const json_t *data)
{
    const json_t *list = json_object_get(data, "sas");
    size_t i;
    json_t *sa;
    if (json_array_size(list) == 0) {
        str_add(out, "There are no SAs\n");
        return;
    }
    str_add(out,
            " IPv4 Crypto IKEv2 SA\n\nTunnel-id Local                 Remote                fvrf/ivrf    Status\n");
    json_array_foreach(list, i, sa)
    {
        render_one(out, sa, show_true(data, "detailed"));
        str_add(out, "\n");
    }
}

// ------------------------------------------------------------------------------------------------ stats

static void run_stats(struct exec *x, const struct args *a)
{
    (void)a;
    const struct culvertd *d = exec_daemon(x);
    const struct ike_stats *s = ike_stats(d->ike);
    const struct sockets_counters n = sockets_counters(d->sockets);
    uint32_t sas, half, children;
    ike_counts(d->ike, &sas, &half, &children);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"sas", sas},
                {"half_open", half},
                {"children", children},
                {"sas_up", s->sas_up},
                {"sas_down", s->sas_down},
                {"children_up", s->children_up},
                {"children_down", s->children_down},
                {"ike_rekeys", s->ike_rekeys},
                {"child_rekeys", s->child_rekeys},
                {"collisions", s->collisions},
                {"messages_in", s->in_messages},
                {"messages_out", s->out_messages},
                {"retransmits", s->retransmits},
                {"init_requests", s->init_requests},
                {"init_dropped_limit", s->init_dropped_limit},
                {"cookies_sent", s->cookies_sent},
                {"cookies_bad", s->cookies_bad},
                {"invalid_ke_sent", s->invalid_ke_sent},
                {"auth_failures", s->auth_failures},
                {"no_proposal", s->no_proposal},
                {"ts_unacceptable", s->ts_unacceptable},
                {"temporary_failures", s->temporary_failures},
                {"bad_length", s->bad_length},
                {"bad_version", s->bad_version},
                {"bad_payload", s->bad_payload},
                {"bad_critical", s->bad_critical},
                {"bad_spi", s->bad_spi},
                {"bad_message_id", s->bad_message_id},
                {"bad_exchange", s->bad_exchange},
                {"bad_integrity", s->bad_integrity},
                {"bad_fragment", s->bad_fragment},
                {"fragments_in", s->fragments_in},
                {"fragments_out", s->fragments_out},
                {"reassembled", s->reassembled},
                {"duplicate_requests", s->duplicate_requests},
                {"unexpected_responses", s->unexpected_responses},
                {"dead_peers", s->dead_peers},
                {"out_of_memory", s->out_of_memory},
                {"install_failures", s->install_failures},
                {"peer_moves", s->peer_moves},
                {"udp_ike_in", n.ike_in},
                {"udp_ike_out", n.ike_out},
                {"udp_esp_in", n.esp_in},
                {"udp_keepalives_in", n.keepalives_in},
                {"udp_too_short", n.short_in},
                {"udp_send_errors", n.send_errors}};
    json_t *o = json_object();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
    }
    exec_done(x, o);
}

static void render_stats(struct str *out, const json_t *data)
{
    const char *key;
    json_t *value;
    str_add(out, "Crypto IKEv2 statistics\n");
    json_object_foreach((json_t *)(uintptr_t)data, key, value)
    {
        str_addf(out, "  %-24s %lld\n", key, (long long)json_integer_value(value));
    }
}

// ------------------------------------------------------------------------------------------------ what is configured

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
        json_array_append_new(list, o);
    }
    exec_done(x, json_pack("{s:o}", "proposals", list));
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
            json_array_append_new(local, show_addr(p->local[n]));
        }
        for (unsigned n = 0; n < p->n_proposal; n++) {
            json_array_append_new(proposals, json_string(p->proposal[n].name));
        }
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:o}", "name", p->name, "fvrf", p->fvrf_any ? "any" : "global",
                                        "match_local", local, "proposals", proposals));
    }
    exec_done(x, json_pack("{s:o}", "policies", list));
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

static void run_profile(struct exec *x, const struct args *a)
{
    const struct culvertd *d = exec_daemon(x);
    const struct arg *name = args_get(a, "name");
    json_t *list = json_array();
    for (size_t i = 0; i < d->conf->profiles.n; i++) {
        const struct conf_profile *p = d->conf->profiles.at[i];
        if (name != NULL && strcmp(name->text, p->name) != 0) {
            continue;
        }
        // The same lines that the running configuration has.
        struct str text = {0};
        struct conf_out o = {.to = &text, .lang = d->lang, .conf = d->conf, .all = true, .hide_keys = true};
        conf_print_mode(&o, CONF_PROFILE, p);
        json_t *lines = json_array();
        for (char *line = text.text, *next; line != NULL && *line != '\0'; line = next) {
            size_t len = strcspn(line, "\n");
            next = line + len + (line[len] == '\n');
            json_array_append_new(lines, json_stringn(line + 1, len - 1));
        }
        str_free(&text);
        json_array_append_new(list, json_pack("{s:s, s:o}", "name", p->name, "settings", lines));
    }
    exec_done(x, json_pack("{s:o}", "profiles", list));
}

static void render_profile(struct str *out, const json_t *data)
{
    size_t i, n;
    json_t *p, *line;
    json_array_foreach(json_object_get(data, "profiles"), i, p)
    {
        str_addf(out, "IKEv2 profile: %s\n", show_text(p, "name"));
        json_array_foreach(json_object_get(p, "settings"), n, line)
        {
            str_addf(out, " %s\n", json_string_value(line));
        }
    }
}

const struct exec_command exec_ike_commands[] = {
    {"show crypto ikev2 sa [<how:detailed|>]",
     "sa|IKE security associations\ndetailed|With all that is known of them\n", run_sa, render_sa},
    {"show crypto ikev2 stats", "stats|Counters of the IKEv2 machine\n", run_stats, render_stats},
    {"show crypto ikev2 proposal [<name:name>]", "proposal|Proposals\nname|Name, or default\n", run_proposal,
     render_proposal},
    {"show crypto ikev2 policy [<name:name>]", "policy|Policies\nname|Name, or default\n", run_policy, render_policy},
    {"show crypto ikev2 profile [<name:name>]", "profile|Profiles\nname|Name, or default\n", run_profile,
     render_profile},
    {.grammar = NULL},
};
