// SPDX-License-Identifier: BSD-2-Clause
// Command grammars: one line of text describes what may be typed, and serves parsing, help and completion.
//
//   word               a keyword; any case, and any unambiguous beginning of it is accepted
//   <name:type>        a parameter; types: word name line addr mask addr6 prefix6 if, a range "10-3600", or keywords
//                      "on|off"
//   [ x ]              optional
//   { x | y }          one of
//   x ...              one or more times (after a word, a parameter or a group)
//
// Matching follows all commands at once, word by word, so that an error can name the word at fault and what was
// expected there, and so that abbreviations are unambiguous or refused whatever the order of the commands.
#ifndef CULVERT_CONF_GRAMMAR_H
#define CULVERT_CONF_GRAMMAR_H

#include "hostd/conf/ifid.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_MAX = 48, LINE_MAX_LEN = 1024, EXPECTED_MAX = 512 };

// A line cut into words. The texts live in the structure.
struct words {
    char raw[LINE_MAX_LEN];  // the line, trimmed
    char text[LINE_MAX_LEN]; // the same with each word terminated
    unsigned start[WORDS_MAX];
    unsigned n;
    bool space_at_end; // the line ended in a blank: the next word has begun, empty
};
// false: too long, or too many words.
bool words_split(struct words *w, const char *line);
const char *words_at(const struct words *w, unsigned i);

// A parameter, or a keyword of a "<name:a|b>" parameter, that was matched.
struct arg {
    const char *name; // of the parameter
    const char *text; // the word; a keyword in full; type line: the rest of the line
    unsigned word;    // its position, from 0
    uint32_t number;
    struct in_addr addr;
    struct in6_addr addr6;
    unsigned length; // of a prefix6
    struct ifid iface;
};

struct args {
    struct arg at[WORDS_MAX];
    unsigned n;
};
// The first (i-th, from 0) argument of that name, or NULL.
const struct arg *args_get(const struct args *a, const char *name);
const struct arg *args_nth(const struct args *a, const char *name, unsigned i);
// Text, number or address of an argument that is there for sure or has a fallback.
const char *args_text(const struct args *a, const char *name);
uint32_t args_number(const struct args *a, const char *name, uint32_t otherwise);
struct in_addr args_addr(const struct args *a, const char *name);

struct grammar;

struct grammar *grammar_new(void);
void grammar_free(struct grammar *g);
// Add a command. help: lines "token|text\n" for the keywords and parameter names in it; tokens that every command has
// are known already. false: the grammar is malformed or a token has no help; the reason is in err.
bool grammar_add(struct grammar *g, const char *grammar, const char *help, const void *command, char *err,
                 size_t err_size);

enum match_kind { MATCH_OK, MATCH_UNKNOWN, MATCH_AMBIGUOUS, MATCH_INCOMPLETE };

struct match {
    enum match_kind kind;
    const void *command;         // MATCH_OK: as given to grammar_add
    struct args args;            // MATCH_OK
    unsigned word;               // the word at fault, from 0; INCOMPLETE: the number of words
    char expected[EXPECTED_MAX]; // "a | b | c"; AMBIGUOUS: what it could be
};

// Match words from `first` on. The result's texts point into `w`.
void grammar_match(const struct grammar *g, const struct words *w, unsigned first, struct match *out);
// A sentence about a match that failed, with words counted from 1: `word 3 "forb": expected address | hostname`.
void match_explain(const struct match *m, const struct words *w, char *out, size_t cap);

// Called for each token that could come next; a keyword in full, or "<1-60>", "A.B.C.D", "NAME"; "<cr>" for the end.
typedef void grammar_token(void *arg, const char *token, bool keyword, const char *help);
// What may stand at the last word of the line (or at the new one if it ends in a blank). false: the words before it
// match nothing.
bool grammar_expect(const struct grammar *g, const struct words *w, unsigned first, grammar_token *fn, void *arg);

#endif
