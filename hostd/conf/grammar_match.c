// SPDX-License-Identifier: BSD-2-Clause
// Matching a line: every thread is a place in the automaton with the arguments met on the way there. A word moves all
// threads at once; an exact keyword beats abbreviations of others, a keyword beats a parameter.
#include "hostd/conf/grammar_priv.h"
#include "hostd/util/list.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { THREADS_MAX = 512, NAME_MAX_LEN = 63 };

// An argument and those before it; threads that came the same way share them.
struct taken {
    struct arg arg;
    int before; // -1: it is the first
};

struct thread {
    int node;
    bool in_line;   // inside a parameter that takes the rest of the line
    uint64_t score; // a bit for each word: keyword or parameter
    int last;       // its arguments: the last one's place, -1: none
};

struct threads {
    struct thread at[THREADS_MAX];
    int n;
};

// A line being matched. A word of a line gives each thread one argument at most.
struct run {
    const struct grammar *g;
    const struct words *w;
    struct threads buffer[2], *now, *spare;
    struct taken *taken;
    int n_taken, cap;
};

static struct run *run_new(const struct grammar *g, const struct words *w)
{
    struct run *r = must_alloc(sizeof(*r));
    r->g = g;
    r->w = w;
    r->now = &r->buffer[0];
    r->spare = &r->buffer[1];
    return r;
}

static void run_free(struct run *r)
{
    free(r->taken);
    free(r);
}

static int take(struct run *r, const struct arg *a, int before)
{
    if (r->n_taken == r->cap) {
        int cap = r->cap == 0 ? 16 : r->cap * 2;
        struct taken *more = must_alloc((size_t)cap * sizeof(*more));
        if (r->n_taken > 0) {
            memcpy(more, r->taken, (size_t)r->n_taken * sizeof(*more));
        }
        free(r->taken);
        r->taken = more;
        r->cap = cap;
    }
    r->taken[r->n_taken] = (struct taken){*a, before};
    return r->n_taken++;
}

static void args_of(const struct run *r, const struct thread *t, struct args *out)
{
    out->n = 0;
    for (int i = t->last; i >= 0; i = r->taken[i].before) {
        out->n++;
    }
    unsigned at = out->n;
    for (int i = t->last; i >= 0; i = r->taken[i].before) {
        out->at[--at] = r->taken[i].arg;
    }
}

// Follow nodes that take no word.
static void add_closure(const struct grammar *g, struct threads *t, const struct thread *from, int node)
{
    while (node >= 0) {
        const struct node *n = &g->node[node];
        if (n->kind != NODE_SPLIT) {
            if (t->n < THREADS_MAX) {
                struct thread *to = &t->at[t->n++];
                *to = (struct thread){.node = node, .score = from->score, .last = from->last};
            }
            return;
        }
        add_closure(g, t, from, n->next); // in the order of the grammar
        node = n->other;
    }
}

static bool mask_ok(struct in_addr mask)
{
    uint32_t m = ntohl(mask.s_addr);
    return (~m & (~m + 1)) == 0;
}

static bool prefix6_parse(const char *word, struct arg *a)
{
    char text[INET6_ADDRSTRLEN], *end;
    const char *slash = strchr(word, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - word);
    if (slash == NULL || len >= sizeof(text) || !isdigit((unsigned char)slash[1])) {
        return false;
    }
    memcpy(text, word, len);
    text[len] = '\0';
    unsigned long length = strtoul(slash + 1, &end, 10);
    a->length = (unsigned)length;
    return *end == '\0' && length <= 128 && inet_pton(AF_INET6, text, &a->addr6) == 1;
}

// Does the word fit the parameter? Fills the argument.
static bool param_fits(const struct node *n, const char *word, struct arg *a, const struct arg *before)
{
    switch (n->type) {
    case PARAM_WORD:
    case PARAM_LINE:
        return true;
    case PARAM_NAME:
        return strlen(word) <= NAME_MAX_LEN;
    case PARAM_ADDR:
        return inet_pton(AF_INET, word, &a->addr) == 1;
    case PARAM_MASK:
        return inet_pton(AF_INET, word, &a->addr) == 1 && mask_ok(a->addr);
    case PARAM_ADDR6:
        return inet_pton(AF_INET6, word, &a->addr6) == 1;
    case PARAM_PREFIX6:
        return prefix6_parse(word, a);
    case PARAM_NUMBER: {
        char *end = NULL;
        if (!isdigit((unsigned char)*word)) {
            return false;
        }
        unsigned long long v = strtoull(word, &end, 10);
        a->number = (uint32_t)v;
        return *end == '\0' && v >= n->lo && v <= n->hi;
    }
    case PARAM_IF:
        return ifid_parse(word, &a->iface);
    case PARAM_IF_KIND:
        a->iface.kind = ifid_kind_parse(word, strlen(word));
        return a->iface.kind != IF_NONE;
    case PARAM_IF_NUMBER:
        if (before == NULL) {
            return false;
        }
        a->iface.kind = before->iface.kind;
        return ifid_number_parse(before->iface.kind, word, &a->iface.number);
    }
    return false;
}

enum fit { FIT_NO, FIT_PARAM, FIT_BEGINNING, FIT_EXACT };

static enum fit keyword_fits(const struct node *n, const char *word)
{
    size_t len = strlen(word);
    if (strcasecmp(word, n->text) == 0) {
        return FIT_EXACT;
    }
    // A number is never an abbreviation of another.
    bool number = isdigit((unsigned char)n->text[0]);
    return !number && len > 0 && strncasecmp(word, n->text, len) == 0 ? FIT_BEGINNING : FIT_NO;
}

static enum fit node_fits(const struct run *r, const struct thread *t, const char *word, struct arg *a)
{
    const struct node *n = &r->g->node[t->node];
    if (n->kind == NODE_KEYWORD) {
        return keyword_fits(n, word);
    }
    if (n->kind != NODE_PARAM) {
        return FIT_NO;
    }
    const struct arg *before = t->last >= 0 ? &r->taken[t->last].arg : NULL;
    return param_fits(n, word, a, before) ? FIT_PARAM : FIT_NO;
}

static void add_expected(char *out, const char *token)
{
    size_t len = strlen(out), more = strlen(token);
    for (const char *p = out; (p = strstr(p, token)) != NULL; p += more) {
        bool starts = p == out || p[-1] == ' ', ends = p[more] == '\0' || p[more] == ' ';
        if (starts && ends) {
            return; // named already
        }
    }
    snprintf(out + len, EXPECTED_MAX - len, "%s%s", len == 0 ? "" : " | ", token);
}

static void expected_of(const struct grammar *g, const struct threads *t, char *out)
{
    out[0] = '\0';
    for (int i = 0; i < t->n; i++) {
        const struct node *n = &g->node[t->at[i].node];
        add_expected(out, n->kind == NODE_END ? "end of line" : n->token);
    }
}

// The keywords that the word could mean; more than one and it is ambiguous.
static int keywords_meant(const struct run *r, const char *word, char *names, bool *exact, bool *param)
{
    const struct threads *t = r->now;
    const char *one = NULL;
    int count = 0;
    names[0] = '\0';
    *exact = *param = false;
    for (int i = 0; i < t->n; i++) {
        struct arg scratch = {0};
        const struct node *n = &r->g->node[t->at[i].node];
        enum fit fit = node_fits(r, &t->at[i], word, &scratch);
        *exact |= fit == FIT_EXACT;
        *param |= fit == FIT_PARAM;
        if (fit == FIT_BEGINNING) {
            if (one == NULL || strcmp(one, n->text) != 0) {
                count += strstr(names, n->text) == NULL;
            }
            one = n->text;
            add_expected(names, n->text);
        }
    }
    return count;
}

static void push_arg(struct run *r, struct thread *t, const struct node *n, const struct arg *a)
{
    if (n->kind == NODE_KEYWORD && n->arg == NULL) {
        return;
    }
    if (n->kind == NODE_PARAM && n->type == PARAM_IF_NUMBER) {
        struct taken whole = r->taken[t->last]; // its kind, which other threads may have too
        whole.arg.iface = a->iface;
        t->last = take(r, &whole.arg, whole.before);
        return;
    }
    t->last = take(r, a, t->last);
}

// Move all threads over a word.
static void step(struct run *r, unsigned word, bool exact, bool keywords)
{
    const struct threads *from = r->now;
    struct threads *to = r->spare;
    const struct words *w = r->w;
    to->n = 0;
    for (int i = 0; i < from->n && to->n < THREADS_MAX; i++) {
        struct arg a = {.word = word, .text = words_at(w, word)};
        const struct node *n = &r->g->node[from->at[i].node];
        enum fit fit = node_fits(r, &from->at[i], a.text, &a);
        if (fit == FIT_NO || (fit == FIT_BEGINNING && (exact || !keywords))) {
            continue;
        }
        struct thread t = from->at[i];
        bool line = n->kind == NODE_PARAM && n->type == PARAM_LINE;
        if (!t.in_line) {
            a.name = n->kind == NODE_KEYWORD ? n->arg : n->text;
            a.text = n->kind == NODE_KEYWORD ? n->text : line ? w->raw + w->start[word] : a.text;
            push_arg(r, &t, n, &a);
        }
        t.score = (t.score << 1) | (fit != FIT_PARAM);
        t.in_line = line && word + 1 < w->n;
        if (t.in_line) {
            to->at[to->n++] = t; // as many words as there are
        } else {
            add_closure(r->g, to, &t, n->next);
        }
    }
}

static void start_threads(const struct grammar *g, struct threads *t)
{
    const struct thread none = {.last = -1};
    t->n = 0;
    for (int i = 0; i < g->n_start; i++) {
        add_closure(g, t, &none, g->start[i]);
    }
}

// Run up to `last` words; true if all matched. Else out says what is wrong.
static bool run(struct run *r, unsigned first, unsigned last, struct match *out)
{
    start_threads(r->g, r->now);
    for (unsigned i = first; i < last; i++) {
        char names[EXPECTED_MAX];
        bool exact, param;
        int meant = keywords_meant(r, words_at(r->w, i), names, &exact, &param);
        bool ambiguous = !exact && meant > 1;
        if (ambiguous && !param) {
            out->kind = MATCH_AMBIGUOUS;
            out->word = i;
            memcpy(out->expected, names, sizeof(names));
            return false;
        }
        step(r, i, exact, !ambiguous);
        if (r->spare->n == 0) {
            out->kind = MATCH_UNKNOWN;
            out->word = i;
            expected_of(r->g, r->now, out->expected);
            return false;
        }
        struct threads *swap = r->now;
        r->now = r->spare;
        r->spare = swap;
    }
    return true;
}

void grammar_match(const struct grammar *g, const struct words *w, unsigned first, struct match *out)
{
    struct run *r = run_new(g, w);
    out->command = NULL;
    out->args.n = 0;
    out->expected[0] = '\0';
    if (run(r, first, w->n, out)) {
        const struct threads *now = r->now;
        const struct thread *best = NULL;
        for (int i = 0; i < now->n; i++) {
            bool end = g->node[now->at[i].node].kind == NODE_END;
            if (end && (best == NULL || now->at[i].score > best->score)) {
                best = &now->at[i];
            }
        }
        if (best != NULL) {
            out->kind = MATCH_OK;
            out->command = g->node[best->node].command;
            args_of(r, best, &out->args);
        } else {
            out->kind = MATCH_INCOMPLETE;
            out->word = w->n;
            expected_of(g, now, out->expected);
        }
    }
    run_free(r);
}

void match_explain(const struct match *m, const struct words *w, char *out, size_t cap)
{
    switch (m->kind) {
    case MATCH_OK:
        snprintf(out, cap, "understood");
        break;
    case MATCH_UNKNOWN:
        snprintf(out, cap, "word %u \"%s\": expected %s", m->word + 1, words_at(w, m->word), m->expected);
        break;
    case MATCH_AMBIGUOUS:
        snprintf(out, cap, "word %u \"%s\": could be %s", m->word + 1, words_at(w, m->word), m->expected);
        break;
    case MATCH_INCOMPLETE:
        snprintf(out, cap, "after word %u: expected %s", m->word, m->expected);
        break;
    }
}

bool grammar_expect(const struct grammar *g, const struct words *w, unsigned first, grammar_token *fn, void *arg)
{
    struct run *r = run_new(g, w);
    struct match scratch;
    unsigned last = w->space_at_end || w->n == first ? w->n : w->n - 1;
    const char *begin = words_at(w, last);
    bool ok = run(r, first, last, &scratch);
    const struct threads *now = r->now;
    char seen[EXPECTED_MAX] = "";
    for (int i = 0; ok && i < now->n; i++) {
        const struct node *n = &g->node[now->at[i].node];
        struct arg a = {0};
        if (n->kind == NODE_END) {
            if (*begin == '\0') {
                fn(arg, "<cr>", false, "");
            }
            continue;
        }
        if (*begin != '\0' && node_fits(r, &now->at[i], begin, &a) == FIT_NO) {
            continue;
        }
        size_t before = strlen(seen);
        add_expected(seen, n->token);
        if (strlen(seen) > before) {
            fn(arg, n->token, n->kind == NODE_KEYWORD, n->help);
        }
    }
    run_free(r);
    return ok;
}
