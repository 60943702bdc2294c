// SPDX-License-Identifier: BSD-2-Clause
// From the text of a grammar to the automaton: a small recursive descent makes a tree, which is laid out from its end
// to its beginning, so that each node knows where to go on when it is made.
#include "hostd/conf/grammar_priv.h"
#include "hostd/util/list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Help of the keywords that many commands begin with.
static const char common_help[] = "crypto|Encryption and key exchange\n"
                                  "ikev2|Internet Key Exchange version 2\n"
                                  "ipsec|IP security\n"
                                  "ip|Internet protocol version 4\n"
                                  "show|Show running system information\n"
                                  "clear|Remove or reset\n"
                                  "match|Which peers this is for\n"
                                  "identity|Identity of an end\n"
                                  "address|IP address\n"
                                  "local|Our side\n"
                                  "remote|The peer's side\n"
                                  "fqdn|Domain name\n"
                                  "email|Email address\n"
                                  "key-id|Opaque identifier\n"
                                  "set|Set a value\n"
                                  "tunnel|Tunnel settings\n"
                                  "addr|IPv4 address\n"
                                  "addr6|IPv6 address\n"
                                  "prefix6|IPv6 prefix\n"
                                  "mask|Network mask\n"
                                  "name|Name\n"
                                  "interface|An interface\n"
                                  "if|Name of the interface\n"
                                  "profile|Profile\n";

enum tree_kind { TREE_WORD, TREE_PARAM, TREE_SEQ, TREE_ALT, TREE_OPT };
struct tree {
    enum tree_kind kind;
    bool repeat;
    char *text, *type; // param: name and type
    struct tree *child, *sibling;
};

struct compiler {
    struct grammar *g;
    const char *at;   // what is left of the text
    const char *help; // of the command
    const void *command;
    char *err;
    size_t err_size;
    bool failed;
};

static void fail(struct compiler *c, const char *what, const char *where)
{
    if (!c->failed) {
        snprintf(c->err, c->err_size, "%s: \"%s\"", what, where);
        c->failed = true;
    }
}

static void tree_free(struct tree *t)
{
    while (t != NULL) {
        struct tree *next = t->sibling;
        tree_free(t->child);
        free(t->text);
        free(t->type);
        free(t);
        t = next;
    }
}

static struct tree *tree_new(enum tree_kind kind)
{
    struct tree *t = must_alloc(sizeof(*t));
    t->kind = kind;
    return t;
}

static char *copy(const char *text, size_t len)
{
    char *s = must_alloc(len + 1);
    memcpy(s, text, len);
    return s;
}

static void skip_space(struct compiler *c)
{
    while (*c->at == ' ') {
        c->at++;
    }
}

static struct tree *parse_alt(struct compiler *c, char close);

static struct tree *parse_param(struct compiler *c)
{
    const char *end = strchr(c->at, '>');
    const char *colon = strchr(c->at, ':');
    if (end == NULL || colon == NULL || colon > end) {
        fail(c, "parameter without type", c->at);
        return NULL;
    }
    struct tree *t = tree_new(TREE_PARAM);
    t->text = copy(c->at + 1, (size_t)(colon - c->at - 1));
    t->type = copy(colon + 1, (size_t)(end - colon - 1));
    c->at = end + 1;
    return t;
}

static struct tree *parse_element(struct compiler *c)
{
    struct tree *t = NULL;
    if (*c->at == '[' || *c->at == '{') {
        bool optional = *c->at++ == '[';
        struct tree *inner = parse_alt(c, optional ? ']' : '}');
        if (!optional || inner == NULL) {
            t = inner;
        } else {
            t = tree_new(TREE_OPT);
            t->child = inner;
        }
    } else if (*c->at == '<') {
        t = parse_param(c);
    } else {
        size_t len = strcspn(c->at, " []{}|<>");
        if (len == 0) {
            fail(c, "unexpected", c->at);
            return NULL;
        }
        t = tree_new(TREE_WORD);
        t->text = copy(c->at, len);
        c->at += len;
    }
    skip_space(c);
    if (t != NULL && strncmp(c->at, "...", 3) == 0) {
        t->repeat = true;
        c->at += 3;
        skip_space(c);
    }
    return t;
}

static struct tree *parse_seq(struct compiler *c, char close)
{
    struct tree *seq = tree_new(TREE_SEQ), **tail = &seq->child;
    skip_space(c);
    while (!c->failed && *c->at != '\0' && *c->at != '|' && *c->at != close) {
        *tail = parse_element(c);
        if (*tail != NULL) {
            tail = &(*tail)->sibling;
        }
    }
    return seq;
}

static struct tree *parse_alt(struct compiler *c, char close)
{
    struct tree *alt = tree_new(TREE_ALT), **tail = &alt->child;
    for (;;) {
        *tail = parse_seq(c, close);
        tail = &(*tail)->sibling;
        if (c->failed || *c->at != '|') {
            break;
        }
        c->at++;
    }
    if (!c->failed && *c->at != close) {
        fail(c, "not closed", c->at);
    } else if (close != '\0' && !c->failed) {
        c->at++;
    }
    return alt;
}

static char *find_help(const char *lines, const char *token)
{
    size_t len = strlen(token);
    for (const char *p = lines; p != NULL && *p != '\0';) {
        const char *end = strchr(p, '\n');
        size_t line = end == NULL ? strlen(p) : (size_t)(end - p);
        if (line > len && strncmp(p, token, len) == 0 && p[len] == '|') {
            return copy(p + len + 1, line - len - 1);
        }
        p = end == NULL ? NULL : end + 1;
    }
    return NULL;
}

static int node_new(struct compiler *c, enum node_kind kind, int next, int other)
{
    struct grammar *g = c->g;
    if (g->n == g->cap) {
        g->cap = g->cap == 0 ? 64 : g->cap * 2;
        g->node = realloc(g->node, (size_t)g->cap * sizeof(*g->node));
        if (g->node == NULL) {
            abort();
        }
    }
    g->node[g->n] = (struct node){.kind = kind, .next = next, .other = other, .command = c->command};
    return g->n++;
}

static void set_help(struct compiler *c, int at, const char *key, const char *fallback)
{
    struct node *n = &c->g->node[at];
    n->help = find_help(c->help, key);
    if (n->help == NULL && fallback != NULL) {
        n->help = find_help(c->help, fallback);
    }
    if (n->help == NULL) {
        n->help = find_help(common_help, key);
    }
    if (n->help == NULL && fallback != NULL) {
        n->help = find_help(common_help, fallback);
    }
    if (n->help == NULL) {
        fail(c, "no help for", key);
    }
}

static int emit_keyword(struct compiler *c, const char *text, size_t len, const char *arg, int next)
{
    int at = node_new(c, NODE_KEYWORD, next, -1);
    struct node *n = &c->g->node[at];
    n->text = copy(text, len);
    n->token = copy(text, len);
    n->arg = arg == NULL ? NULL : copy(arg, strlen(arg));
    set_help(c, at, n->text, arg);
    return at;
}

static int emit_typed(struct compiler *c, const struct tree *t, enum param_type type, const char *token, int next)
{
    int at = node_new(c, NODE_PARAM, next, -1);
    struct node *n = &c->g->node[at];
    n->type = type;
    n->text = copy(t->text, strlen(t->text));
    if (token != NULL) {
        n->token = copy(token, strlen(token));
    } else {
        n->token = copy(t->text, strlen(t->text));
        for (char *p = n->token; *p != '\0'; p++) {
            *p = (char)toupper((unsigned char)*p);
        }
    }
    set_help(c, at, t->text, NULL);
    return at;
}

static int emit_param(struct compiler *c, const struct tree *t, int next)
{
    const char *type = t->type;
    if (strchr(type, '|') != NULL) {
        int alt = -1;
        for (const char *p = type; *p != '\0';) {
            size_t len = strcspn(p, "|");
            int word = emit_keyword(c, p, len, t->text, next);
            alt = alt < 0 ? word : node_new(c, NODE_SPLIT, alt, word);
            p += len + (p[len] == '|');
        }
        return alt;
    }
    if (isdigit((unsigned char)*type)) {
        char token[64];
        snprintf(token, sizeof(token), "<%s>", type);
        int at = emit_typed(c, t, PARAM_NUMBER, token, next);
        char *end;
        c->g->node[at].lo = (uint32_t)strtoul(type, &end, 10);
        c->g->node[at].hi = *end == '-' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
        return at;
    }
    if (strcmp(type, "if") == 0) {
        int whole = emit_typed(c, t, PARAM_IF, "INTERFACE", next);
        int number = emit_typed(c, t, PARAM_IF_NUMBER, "NUMBER", next);
        int kind = emit_typed(c, t, PARAM_IF_KIND, "INTERFACE", number);
        return node_new(c, NODE_SPLIT, whole, kind);
    }
    static const struct {
        const char *name, *token;
        enum param_type type;
    } types[] = {{"word", NULL, PARAM_WORD},
                 {"name", NULL, PARAM_NAME},
                 {"line", "LINE", PARAM_LINE},
                 {"addr", "A.B.C.D", PARAM_ADDR},
                 {"mask", "A.B.C.D", PARAM_MASK},
                 {"addr6", "X:X::X", PARAM_ADDR6},
                 {"prefix6", "X:X::X/0-128", PARAM_PREFIX6}};
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(type, types[i].name) == 0) {
            return emit_typed(c, t, types[i].type, types[i].token, next);
        }
    }
    fail(c, "unknown type", type);
    return next;
}

static int emit(struct compiler *c, const struct tree *t, int next);

static int emit_seq(struct compiler *c, const struct tree *child, int next)
{
    if (child == NULL || c->failed) {
        return next;
    }
    return emit(c, child, emit_seq(c, child->sibling, next));
}

static int emit_once(struct compiler *c, const struct tree *t, int next)
{
    switch (t->kind) {
    case TREE_WORD:
        return emit_keyword(c, t->text, strlen(t->text), NULL, next);
    case TREE_PARAM:
        return emit_param(c, t, next);
    case TREE_SEQ:
        return emit_seq(c, t->child, next);
    case TREE_OPT:
        return node_new(c, NODE_SPLIT, emit(c, t->child, next), next);
    case TREE_ALT:
        break;
    }
    int alt = -1;
    for (const struct tree *a = t->child; a != NULL; a = a->sibling) {
        int one = emit(c, a, next);
        alt = alt < 0 ? one : node_new(c, NODE_SPLIT, alt, one);
    }
    return alt;
}

static int emit(struct compiler *c, const struct tree *t, int next)
{
    if (c->failed) {
        return next;
    }
    if (!t->repeat) {
        return emit_once(c, t, next);
    }
    int again = node_new(c, NODE_SPLIT, -1, next);
    int body = emit_once(c, t, again);
    c->g->node[again].next = body;
    return body;
}

struct grammar *grammar_new(void)
{
    return must_alloc(sizeof(struct grammar));
}

void grammar_free(struct grammar *g)
{
    if (g == NULL) {
        return;
    }
    for (int i = 0; i < g->n; i++) {
        free(g->node[i].text);
        free(g->node[i].arg);
        free(g->node[i].token);
        free(g->node[i].help);
    }
    free(g->node);
    free(g->start);
    free(g);
}

bool grammar_add(struct grammar *g, const char *grammar, const char *help, const void *command, char *err,
                 size_t err_size)
{
    struct compiler c = {.g = g, .at = grammar, .help = help, .command = command, .err = err, .err_size = err_size};
    struct tree *t = parse_alt(&c, '\0');
    if (!c.failed) {
        int start = emit(&c, t, node_new(&c, NODE_END, -1, -1));
        if (!c.failed) {
            g->start = realloc(g->start, (size_t)(g->n_start + 1) * sizeof(int));
            if (g->start == NULL) {
                abort();
            }
            g->start[g->n_start++] = start;
        }
    }
    tree_free(t);
    return !c.failed;
}
