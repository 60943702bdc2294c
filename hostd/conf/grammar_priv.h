// SPDX-License-Identifier: BSD-2-Clause
// The compiled form, shared by grammar_compile.c and grammar_match.c: an automaton whose nodes are numbers.
#ifndef CULVERT_CONF_GRAMMAR_PRIV_H
#define CULVERT_CONF_GRAMMAR_PRIV_H

#include "hostd/conf/grammar.h"

enum node_kind {
    NODE_KEYWORD,
    NODE_PARAM,
    NODE_SPLIT, // goes on at next and at other, without a word
    NODE_END,   // the command is complete
};

enum param_type {
    PARAM_WORD,
    PARAM_NAME, // at most 63 bytes
    PARAM_LINE, // the rest of the line
    PARAM_ADDR,
    PARAM_MASK,
    PARAM_ADDR6,     // "2001:db8::1"
    PARAM_PREFIX6,   // "2001:db8::/32"
    PARAM_NUMBER,    // lo to hi
    PARAM_IF,        // "Tunnel0"
    PARAM_IF_KIND,   // "Tunnel", to be followed by
    PARAM_IF_NUMBER, // "0"
};

struct node {
    enum node_kind kind;
    enum param_type type;
    char *text;  // keyword, or the parameter's name
    char *arg;   // keyword of an enumeration: the parameter's name; else NULL
    char *token; // as shown in help
    char *help;
    uint32_t lo, hi;
    int next, other; // -1: none
    const void *command;
};

struct grammar {
    struct node *node;
    int n, cap;
    int *start; // of each command
    int n_start;
};

#endif
