// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/conf/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct conf_lang {
    struct grammar *set[CONF_MODES], *no[CONF_MODES];
    struct list commands; // of struct conf_command, in the order of printing
};

static const char *const mode_names[CONF_MODES] = {
    [CONF_GLOBAL] = "config",
    [CONF_PROPOSAL] = "config-ikev2-proposal",
    [CONF_POLICY] = "config-ikev2-policy",
    [CONF_KEYRING] = "config-ikev2-keyring",
    [CONF_PEER] = "config-ikev2-keyring-peer",
    [CONF_PROFILE] = "config-ikev2-profile",
    [CONF_AUTHOR] = "config-ikev2-author-policy",
    [CONF_TSET] = "cfg-crypto-trans",
    [CONF_IPSEC] = "ipsec-profile",
    [CONF_INTERFACE] = "config-if",
    [CONF_ACL] = "config-std-nacl",
    [CONF_ACL6] = "config-ipv6-acl",
    [CONF_TRUSTPOINT] = "ca-trustpoint",
    [CONF_CERTMAP] = "ca-certificate-map",
};

const char *conf_mode_name(enum conf_mode mode)
{
    return mode_names[mode];
}

static bool add_table(struct conf_lang *lang, const struct conf_command *table, char *err, size_t err_size)
{
    for (const struct conf_command *c = table; c->grammar != NULL; c++) {
        const char *no = c->no == NULL ? c->grammar : c->no;
        if (!grammar_add(lang->set[c->mode], c->grammar, c->help, c, err, err_size) ||
            (*no != '\0' && !grammar_add(lang->no[c->mode], no, c->help, c, err, err_size)) ||
            !list_add(&lang->commands, (void *)(uintptr_t)c)) {
            return false;
        }
    }
    return true;
}

struct conf_lang *conf_lang_new(char *err, size_t err_size)
{
    struct conf_lang *lang = must_alloc(sizeof(*lang));
    for (int m = 0; m < CONF_MODES; m++) {
        lang->set[m] = grammar_new();
        lang->no[m] = grammar_new();
    }
    // In the order of printing.
    const struct conf_command *tables[] = {
        conf_commands_global, conf_commands_access,    conf_commands_pki,    conf_commands_aaa,     conf_commands_ikev2,
        conf_commands_ops,    conf_commands_keyring,   conf_commands_author, conf_commands_profile, conf_commands_auth,
        conf_commands_ipsec,  conf_commands_interface, conf_commands_tunnel, conf_commands_ipv6,    conf_commands_route,
    };
    for (unsigned i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (!add_table(lang, tables[i], err, err_size)) {
            conf_lang_free(lang);
            return NULL;
        }
    }
    return lang;
}

void conf_lang_free(struct conf_lang *lang)
{
    if (lang == NULL) {
        return;
    }
    for (int m = 0; m < CONF_MODES; m++) {
        grammar_free(lang->set[m]);
        grammar_free(lang->no[m]);
    }
    list_free(&lang->commands);
    free(lang);
}

const struct conf_command *conf_lang_command(const struct conf_lang *lang, size_t i)
{
    return i < lang->commands.n ? lang->commands.at[i] : NULL;
}

void *conf_object(const struct conf_reader *r)
{
    return r->at[r->depth].object;
}

void conf_enter(struct conf_reader *r, enum conf_mode mode, void *object)
{
    r->depth++;
    r->at[r->depth].mode = mode;
    r->at[r->depth].object = object;
}

bool conf_error(struct conf_reader *r, const struct arg *arg, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (r->line == CONF_NO_LINE) {
        snprintf(r->err, sizeof(r->err), "%s%.200s%s%s", arg != NULL ? "\"" : "", arg != NULL ? arg->text : "",
                 arg != NULL ? "\": " : "", text);
    } else if (arg != NULL) {
        snprintf(r->err, sizeof(r->err), "line %u: word %u \"%.200s\": %s", r->line, arg->word + 1, arg->text, text);
    } else {
        snprintf(r->err, sizeof(r->err), "line %u: %s", r->line, text);
    }
    return false;
}

void conf_set_ref(const struct conf_reader *r, struct conf_ref *ref, const struct arg *arg)
{
    str_copy(ref->name, sizeof(ref->name), arg->text);
    ref->line = r->line;
    ref->word = arg->word + 1;
}

void conf_reader_init(struct conf_reader *r, const struct conf_lang *lang, struct conf *candidate)
{
    *r = (struct conf_reader){.lang = lang, .conf = candidate};
}

static bool is_word(const struct words *w, unsigned i, const char *text)
{
    return i < w->n && strcasecmp(words_at(w, i), text) == 0;
}

// `no` or `default` at the beginning of the line.
static enum conf_op op_of(const struct words *w, unsigned *first)
{
    enum conf_op op = is_word(w, 0, "no") ? CONF_NO : is_word(w, 0, "default") ? CONF_DEFAULT : CONF_SET;
    *first = op != CONF_SET;
    return op;
}

bool conf_read_line(struct conf_reader *r, const char *line)
{
    struct words w;
    r->line += r->line != CONF_NO_LINE;
    r->err[0] = '\0';
    if (!words_split(&w, line)) {
        return conf_error(r, NULL, "too long: at most %d bytes and %d words", LINE_MAX_LEN - 1, WORDS_MAX);
    }
    if (w.n == 0 || w.raw[0] == '!') {
        return true;
    }
    if (w.n == 1 && (is_word(&w, 0, "exit") || is_word(&w, 0, "end"))) {
        r->depth = is_word(&w, 0, "end") || r->depth == 0 ? 0 : r->depth - 1;
        return true;
    }
    unsigned first;
    enum conf_op op = op_of(&w, &first);
    // The mode that we are in, then those around it; a line that none takes is explained by the one it went furthest
    // in.
    struct match *m = must_alloc(sizeof(*m)), *best = must_alloc(sizeof(*best));
    bool ok = false, done = false;
    for (int depth = (int)r->depth; depth >= 0 && !done; depth--) {
        struct grammar *const *set = op == CONF_SET ? r->lang->set : r->lang->no;
        grammar_match(set[r->at[depth].mode], &w, first, m);
        if (m->kind == MATCH_OK) {
            unsigned was = r->depth;
            r->depth = (unsigned)depth;
            const struct conf_command *c = m->command;
            ok = c->run(r, op, &m->args);
            if (!ok) {
                r->depth = was;
            }
            done = true;
        } else {
            bool further = depth == (int)r->depth || m->word > best->word;
            if (further) {
                *best = *m;
            }
            done = m->kind == MATCH_AMBIGUOUS && m->word > first;
        }
    }
    if (!ok && r->err[0] == '\0') {
        char text[900];
        match_explain(best, &w, text, sizeof(text));
        conf_error(r, NULL, "%s", text);
    }
    free(m);
    free(best);
    return ok;
}

bool conf_expect(const struct conf_reader *r, const char *line, grammar_token *fn, void *arg)
{
    struct words w;
    if (!words_split(&w, line)) {
        return false;
    }
    unsigned first;
    enum conf_op op = op_of(&w, &first);
    if (first == w.n && !w.space_at_end) {
        first = 0; // still typing the word itself
        op = CONF_SET;
    }
    bool any = false;
    for (int depth = (int)r->depth; depth >= 0; depth--) {
        struct grammar *const *set = op == CONF_SET ? r->lang->set : r->lang->no;
        any |= grammar_expect(set[r->at[depth].mode], &w, first, fn, arg);
        if (any && (w.n > first + 1 || depth == (int)r->depth)) {
            break; // other modes help only where this one knows nothing
        }
    }
    return any;
}

struct conf *conf_parse(const struct conf_lang *lang, const char *text, char *err, size_t err_size)
{
    struct conf *c = conf_new();
    struct conf_reader r;
    conf_reader_init(&r, lang, c);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        char line[LINE_MAX_LEN + 8];
        size_t take = len < sizeof(line) - 1 ? len : sizeof(line) - 1; // longer lines stay too long
        memcpy(line, text, take);
        line[take] = '\0';
        if (!conf_read_line(&r, line)) {
            snprintf(err, err_size, "%s", r.err);
            conf_free(c);
            return NULL;
        }
        text += len + (text[len] == '\n');
    }
    if (!conf_check(c, err, err_size)) {
        conf_free(c);
        return NULL;
    }
    return c;
}

struct conf *conf_load(const struct conf_lang *lang, const char *path, char *err, size_t err_size)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return NULL;
    }
    struct str text = {0};
    char part[4096];
    size_t n;
    while ((n = fread(part, 1, sizeof(part), f)) > 0) {
        str_addn(&text, part, n);
    }
    bool bad = ferror(f) || text.failed;
    fclose(f);
    struct conf *c = NULL;
    if (bad) {
        snprintf(err, err_size, "%s: cannot be read", path);
    } else if (text.len != strlen(str_text(&text))) {
        snprintf(err, err_size, "%s: contains a zero byte", path);
    } else {
        c = conf_parse(lang, str_text(&text), err, err_size);
    }
    str_free(&text);
    return c;
}

void conf_line(struct conf_out *o, const char *format, ...)
{
    char text[LINE_MAX_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    str_addf(o->to, "%*s%s\n", (int)o->indent, "", text);
}

void conf_print_mode(struct conf_out *o, enum conf_mode mode, const void *object)
{
    o->indent += mode != CONF_GLOBAL;
    for (size_t i = 0; i < o->lang->commands.n; i++) {
        const struct conf_command *c = o->lang->commands.at[i];
        if (c->mode == mode && c->print != NULL) {
            c->print(o, object);
        }
    }
    o->indent -= mode != CONF_GLOBAL;
}

const char *conf_key(const struct conf_out *o, const char *key)
{
    return o->hide_keys && key[0] != '\0' ? CONF_HIDDEN : key;
}

static void print_all(struct conf_out *o)
{
    conf_print_mode(o, CONF_GLOBAL, o->conf);
    conf_line(o, "end");
}

void conf_print(const struct conf_lang *lang, const struct conf *c, bool all, struct str *to)
{
    struct conf_out o = {.to = to, .lang = lang, .conf = c, .all = all};
    print_all(&o);
}

void conf_show(const struct conf_lang *lang, const struct conf *c, bool all, struct str *to)
{
    struct conf_out o = {.to = to, .lang = lang, .conf = c, .all = all, .hide_keys = true};
    print_all(&o);
}
