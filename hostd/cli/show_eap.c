// SPDX-License-Identifier: BSD-2-Clause
// show crypto eap: counters of EAP conversations.
#include "hostd/cli/exec.h"
#include "hostd/eap/eap_hub.h"

static const struct {
    const char *key, *text;
} rows[] = {
    {"under_way", "under way"},
    {"begun", "begun since the start"},
    {"succeeded", "succeeded"},
    {"failed", "failed"},
    {"timeouts", "answers that did not come in time"},
    {"late", "answers that came too late, or twice"},
    {"bad_peer", "packets of peers that break the rules"},
    {"bad_backend", "answers of backends that do"},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void run_eap(struct exec *x, const struct args *a)
{
    (void)a;
    const struct eap_hub_stats *s = eap_glue_stats(exec_daemon(x));
    const uint64_t values[ROWS] = {s->begun - s->ended, s->begun, s->succeeded, s->failed,
                                   s->timeouts,         s->late,  s->bad_peer,  s->bad_backend};
    json_t *data = json_object();
    for (unsigned i = 0; i < ROWS; i++) {
        json_object_set_new(data, rows[i].key, json_integer((json_int_t)values[i]));
    }
    exec_done(x, data);
}

static void render_eap(struct str *out, const json_t *data)
{
    str_add(out, "EAP conversations\n");
    for (unsigned i = 0; i < ROWS; i++) {
        str_addf(out, "  %-40s %lld\n", rows[i].text, show_number(data, rows[i].key));
    }
}

const struct exec_command exec_eap_commands[] = {
    {"show crypto eap", "eap|Counters of EAP conversations\n", run_eap, render_eap},
    {NULL, NULL, NULL, NULL},
};
