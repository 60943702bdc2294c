// SPDX-License-Identifier: BSD-2-Clause
// show crypto engine: what encrypts. A card, if there is one, with its suites, its tables and how full they are;
// software, with its suites, for what no card carries, and for IKEv2 always.
#include "hostd/cli/exec.h"

#include "hostd/dp/suite.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct engines {
    struct exec *x;
    const char *how;
    json_t *list;
    bool hardware;
};

static json_t *use(uint32_t used, uint32_t room)
{
    return json_pack("{s:I, s:I}", "used", (json_int_t)used, "room", (json_int_t)room);
}

static json_t *card_json(const struct dp_info *info, const char *where)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "name", "Culvert card", "type", "hardware", "state", "enabled",
                          "where", where);
    json_object_set_new(o, "serves", json_string("ESP"));
    json_object_set_new(o, "ciphers", show_names(info->cipher));
    json_object_set_new(o, "integrity", show_names(info->integ));
    json_object_set_new(o, "esn", json_boolean(info->esn));
    json_object_set_new(o, "tables",
                        json_pack("{s:o, s:o, s:o, s:o}", "sas_in", use(info->sas_in, info->max_sas), "sas_out",
                                  use(info->sas_out, info->max_sas), "routes", use(info->routes, info->max_routes),
                                  "flows", use(info->flows, info->max_flows)));
    json_object_set_new(o, "text", json_string(info->text));
    return o;
}

// Alone, beside a card, or for IKEv2 only.
static json_t *software_json(const struct dp_info *info)
{
    bool alone = !info->ports, esp = alone || info->software;
    uint32_t room = alone ? info->max_sas : info->max_soft;
    const char *cipher[16] = {NULL}, *integ[8] = {NULL};
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "name", OpenSSL_version(OPENSSL_VERSION), "type", "software", "state",
                          "enabled", "where", "the daemon");
    json_object_set_new(o, "serves",
                        json_string(alone ? "IKEv2, ESP"
                                    : esp ? "IKEv2, ESP that the card cannot carry"
                                          : "IKEv2"));
    if (esp) {
        suite_list(cipher, integ);
        json_object_set_new(o, "ciphers", show_names(cipher));
        json_object_set_new(o, "integrity", show_names(integ));
        json_object_set_new(o, "esn", json_true());
        json_object_set_new(o, "tables",
                            json_pack("{s:o, s:o}", "sas_in", use(alone ? info->sas_in : info->soft_in, room),
                                      "sas_out", use(alone ? info->sas_out : info->soft_out, room)));
    }
    return o;
}

static void done(struct engines *e, json_t *more)
{
    json_t *data = json_pack("{s:s, s:b, s:o}", "how", e->how, "hardware", e->hardware, "engines", e->list);
    if (more != NULL) {
        json_object_set_new(data, "counters", more);
    }
    exec_done(e->x, data);
    free(e);
}

// Of a card with software beside it those of the card alone are the accelerator's.
static void on_counters(void *arg, const struct dp_counter *counters, size_t n)
{
    static const char software[] = "software_", host[] = "host_";
    struct engines *e = arg;
    json_t *list = json_array();
    for (size_t i = 0; counters != NULL && i < n; i++) {
        const struct dp_counter *c = &counters[i];
        if (!e->hardware ||
            (strncmp(c->name, software, strlen(software)) != 0 && strncmp(c->name, host, strlen(host)) != 0)) {
            json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "name", c->name, "help",
                                                  c->help == NULL ? "" : c->help, "value", (json_int_t)c->value));
        }
    }
    done(e, list);
}

static void on_info(void *arg, const struct dp_info *info)
{
    struct engines *e = arg;
    struct culvertd *d = exec_daemon(e->x);
    if (info == NULL) {
        json_decref(e->list);
        exec_fail(e->x, "the datapath does not answer");
        free(e);
        return;
    }
    e->hardware = info->ports;
    if (info->ports) {
        json_array_append_new(e->list, card_json(info, d->conf->card_path));
    }
    json_array_append_new(e->list, software_json(info));
    if (strcmp(e->how, "statistic") == 0) {
        dp_counters(d->dp, on_counters, e);
    } else {
        done(e, NULL);
    }
}

static void ask(struct exec *x, const char *how)
{
    struct engines *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        exec_fail(x, "out of memory");
        return;
    }
    *e = (struct engines){.x = x, .how = how, .list = json_array()};
    dp_info(exec_daemon(x)->dp, on_info, e);
}

static void run_engine(struct exec *x, const struct args *a)
{
    ask(x, args_get(a, "how") != NULL ? "brief" : "");
}

static void run_statistic(struct exec *x, const struct args *a)
{
    (void)a;
    ask(x, "statistic");
}

static void render_tables(struct str *out, const json_t *tables)
{
    static const struct {
        const char *key, *label;
    } rows[] = {{"sas_in", "inbound SAs"}, {"sas_out", "outbound SAs"}, {"routes", "routes"}, {"flows", "flows"}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const json_t *t = json_object_get(tables, rows[i].key);
        if (t != NULL) {
            str_addf(out, "%26s:  %lld of %lld\n", rows[i].label, show_number(t, "used"), show_number(t, "room"));
        }
    }
}

static void render_engine(struct str *out, const json_t *data)
{
    size_t i;
    json_t *o;
    bool brief = strcmp(show_text(data, "how"), "brief") == 0;
    json_array_foreach(json_object_get(data, "engines"), i, o)
    {
        str_addf(out, "%s%26s:  %s\n", i == 0 ? "" : "\n", "crypto engine name", show_text(o, "name"));
        str_addf(out, "%26s:  %s\n", "crypto engine type", show_text(o, "type"));
        str_addf(out, "%26s:  %s\n", "crypto engine state", show_text(o, "state"));
        str_addf(out, "%26s:  %s\n", "crypto engine in slot", show_text(o, "where"));
        str_addf(out, "%26s:  %s\n", "serves", show_text(o, "serves"));
        if (brief || json_object_get(o, "tables") == NULL) {
            continue;
        }
        show_render_names(out, 19, "ciphers", json_object_get(o, "ciphers"));
        show_render_names(out, 17, "integrity", json_object_get(o, "integrity"));
        str_addf(out, "%26s:  %s\n", "extended sequence numbers", show_true(o, "esn") ? "yes" : "no");
        render_tables(out, json_object_get(o, "tables"));
        str_add(out, show_text(o, "text"));
    }
}

static void render_statistic(struct str *out, const json_t *data)
{
    size_t i;
    json_t *c;
    const json_t *first = json_array_get(json_object_get(data, "engines"), 0);
    if (show_true(data, "hardware")) {
        str_addf(out, "Device:   %s\nLocation: %s\n", show_text(first, "name"), show_text(first, "where"));
        render_tables(out, json_object_get(first, "tables"));
    } else {
        str_add(out, "There is no hardware accelerator: software does it all\n");
    }
    json_array_foreach(json_object_get(data, "counters"), i, c)
    {
        str_addf(out, "  %-28s %16lld  %s\n", show_text(c, "name"), show_number(c, "value"), show_text(c, "help"));
    }
}

const struct exec_command exec_engine_commands[] = {
    {"show crypto engine [<how:brief|>]", "engine|What encrypts: card and software\nbrief|Without suites and tables\n",
     run_engine, render_engine},
    {"show crypto engine accelerator statistic",
     "engine|What encrypts: card and software\naccelerator|The card\nstatistic|Its counters\n", run_statistic,
     render_statistic},
    {.grammar = NULL},
};
