// SPDX-License-Identifier: BSD-2-Clause
// debug, no debug, undebug, show debugging.
#include "hostd/cli/exec.h"

#include "hostd/main/debug.h"

#include <stdio.h>
#include <string.h>

static json_t *topics_json(const struct culvertd *d)
{
    json_t *list = json_array();
    for (const struct debug_topic *t = debug_topics; t->words != NULL; t++) {
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:b}", "topic", t->words, "what", t->what, "on", log_debugs(&d->log, t->part)));
    }
    return json_pack("{s:o}", "topics", list);
}

static void set(struct exec *x, const struct args *a, bool on)
{
    struct culvertd *d = exec_daemon(x);
    char words[64];
    snprintf(words, sizeof(words), "crypto %s%s%s", args_text(a, "protocol"), args_get(a, "what") != NULL ? " " : "",
             args_text(a, "what"));
    for (const struct debug_topic *t = debug_topics; t->words != NULL; t++) {
        if (args_get(a, "all") != NULL || strcmp(t->words, words) == 0) {
            log_debug(&d->log, t->part, on);
        }
    }
    exec_done(x, topics_json(d));
}

static void run_debug(struct exec *x, const struct args *a)
{
    set(x, a, true);
}

static void run_undebug(struct exec *x, const struct args *a)
{
    set(x, a, false);
}

static void run_show(struct exec *x, const struct args *a)
{
    (void)a;
    exec_done(x, topics_json(exec_daemon(x)));
}

static void render(struct str *out, const json_t *data)
{
    size_t i;
    json_t *t;
    bool any = false;
    json_array_foreach(json_object_get(data, "topics"), i, t)
    {
        if (show_true(t, "on")) {
            str_addf(out, "%s debugging is on: %s\n", show_text(t, "topic"), show_text(t, "what"));
            any = true;
        }
    }
    if (!any) {
        str_add(out, "All possible debugging has been turned off\n");
    }
}

#define TOPICS                                                                                                         \
    "{ crypto { <protocol:ikev2|> [<what:packet|error|internal>] | <protocol:ipsec|> | <protocol:pki|> } | "           \
    "<all:all|> }"
#define HELP                                                                                                           \
    "debug|Write more into the log\nno|Stop\nundebug|Stop writing more into the log\nall|Everything\n"                 \
    "packet|Each message\nerror|Failures, and messages that were dropped\n"                                            \
    "internal|Moves of the state machines\npki|Certificates\n"

const struct exec_command exec_debug_commands[] = {
    {"debug " TOPICS, HELP, run_debug, render},
    {"no debug " TOPICS, HELP, run_undebug, render},
    {"undebug " TOPICS, HELP, run_undebug, render},
    {"show debugging", "debugging|What is written into the log besides\n", run_show, render},
    {.grammar = NULL},
};
