// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/cli/exec.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct exec_lang {
    struct grammar *grammar;
};

struct exec {
    struct culvertd *d;
    const struct exec_command *command;
    exec_reply *reply;
    void *arg;
};

struct exec_lang *exec_lang_new(char *err, size_t err_size)
{
    struct exec_lang *l = must_alloc(sizeof(*l));
    const struct exec_command *tables[] = {
        exec_ike_commands, exec_session_commands, exec_derived_commands, exec_conf_commands,   exec_ipsec_commands,
        exec_pki_commands, exec_system_commands,  exec_action_commands,  exec_debug_commands,  exec_pki_action_commands,
        exec_eap_commands, exec_ops_commands,     exec_engine_commands,  exec_client_commands,
    };
    l->grammar = grammar_new();
    for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct exec_command *c = tables[i]; c->grammar != NULL; c++) {
            if (!grammar_add(l->grammar, c->grammar, c->help, c, err, err_size)) {
                exec_lang_free(l);
                return NULL;
            }
        }
    }
    return l;
}

void exec_lang_free(struct exec_lang *l)
{
    if (l != NULL) {
        grammar_free(l->grammar);
    }
    free(l);
}

struct culvertd *exec_daemon(const struct exec *x)
{
    return x->d;
}

void exec_done(struct exec *x, json_t *data)
{
    struct str text = {0};
    if (data != NULL && x->command->render != NULL) {
        x->command->render(&text, data);
    }
    x->reply(x->arg, NULL, str_text(&text), data);
    str_free(&text);
    json_decref(data);
    free(x);
}

void exec_fail(struct exec *x, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    x->reply(x->arg, text, "", NULL);
    free(x);
}

void exec_run(const struct exec_lang *l, struct culvertd *d, const char *line, exec_reply *reply, void *arg)
{
    struct words w;
    if (!words_split(&w, line)) {
        reply(arg, "the line is too long", "", NULL);
        return;
    }
    struct match *m = must_alloc(sizeof(*m));
    grammar_match(l->grammar, &w, 0, m);
    if (m->kind != MATCH_OK) {
        char text[900];
        match_explain(m, &w, text, sizeof(text));
        free(m);
        reply(arg, text, "", NULL);
        return;
    }
    struct exec *x = must_alloc(sizeof(*x));
    *x = (struct exec){.d = d, .command = m->command, .reply = reply, .arg = arg};
    x->command->run(x, &m->args);
    free(m);
}

bool exec_expect(const struct exec_lang *l, const char *line, grammar_token *fn, void *arg)
{
    struct words w;
    return words_split(&w, line) && grammar_expect(l->grammar, &w, 0, fn, arg);
}

json_t *show_addr(struct in_addr a)
{
    char text[INET_ADDRSTRLEN];
    return json_string(inet_ntop(AF_INET, &a, text, sizeof(text)));
}

void show_add_word(void *list, const char *word)
{
    json_array_append_new(list, json_string(word));
}

json_t *show_ip(const struct ip_addr *a)
{
    char text[IP_TEXT];
    return json_string(ip_format(a, text));
}

json_t *show_names(const char *const *names)
{
    json_t *list = json_array();
    for (; *names != NULL; names++) {
        json_array_append_new(list, json_string(*names));
    }
    return list;
}

void show_render_names(struct str *out, unsigned indent, const char *label, const json_t *list)
{
    size_t i;
    json_t *one;
    if (json_array_size(list) == 0) {
        return;
    }
    str_addf(out, "%*s%s:", (int)indent, "", label);
    json_array_foreach(list, i, one)
    {
        str_addf(out, " %s", json_string_value(one));
    }
    str_add(out, "\n");
}

const char *show_text(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s == NULL ? "" : s;
}

long long show_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool show_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}
