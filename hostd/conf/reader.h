// SPDX-License-Identifier: BSD-2-Clause
// Reading and printing configurations. One struct conf_command is everything about a command: where it may stand, its
// grammar and help, what it does to the model (also with `no` and `default` before it), and how the running
// configuration prints it. The tables are in cmd_*.c; a conf_lang is all of them, compiled.
#ifndef CULVERT_CONF_READER_H
#define CULVERT_CONF_READER_H

#include "hostd/conf/grammar.h"
#include "hostd/conf/model.h"
#include "hostd/util/str.h"

enum conf_mode {
    CONF_GLOBAL,
    CONF_PROPOSAL,
    CONF_POLICY,
    CONF_KEYRING,
    CONF_PEER,
    CONF_PROFILE,
    CONF_AUTHOR,
    CONF_TSET,
    CONF_IPSEC,
    CONF_INTERFACE,
    CONF_MODES,
};

// In place of a line number where there is no file; errors then name none.
#define CONF_NO_LINE UINT32_MAX

enum conf_op { CONF_SET, CONF_NO, CONF_DEFAULT };

struct conf_lang;

// Where the reader stands: the candidate, and the modes that it has gone into with the object of each.
struct conf_reader {
    const struct conf_lang *lang;
    struct conf *conf;
    struct {
        enum conf_mode mode;
        void *object; // NULL in CONF_GLOBAL
    } at[4];
    unsigned depth; // of the mode it is in
    unsigned line;  // number of the line being read, from 1; set to CONF_NO_LINE for a user at a shell
    char err[1024];
};

// What printing needs: for each command its `print` adds the lines.
// What stands for a key in what users are shown. It is refused as a key, so that a shown configuration is not loaded by
// mistake.
#define CONF_HIDDEN "<hidden>"

struct conf_out {
    struct str *to;
    const struct conf_lang *lang;
    const struct conf *conf;
    unsigned indent;
    bool all;       // also what is as by default
    bool hide_keys; // keys are printed as CONF_HIDDEN
};

struct conf_command {
    enum conf_mode mode;
    const char *grammar;
    const char *no;   // grammar after `no` and `default`; NULL: the same; "": neither can be said
    const char *help; // lines "token|text\n"
    // The operation. Errors by conf_error().
    bool (*run)(struct conf_reader *r, enum conf_op op, const struct args *a);
    // Print the lines of this command for the object of its mode (the conf itself in CONF_GLOBAL). May be NULL if
    // another command of the same setting prints it.
    void (*print)(struct conf_out *o, const void *object);
};

// The object of the mode that the command is in.
void *conf_object(const struct conf_reader *r);
// Go into a mode below this one.
void conf_enter(struct conf_reader *r, enum conf_mode mode, void *object);
// Fail with a sentence about argument `arg` (NULL: about the line). Always false.
bool conf_error(struct conf_reader *r, const struct arg *arg, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// A reference that remembers where it stands.
void conf_set_ref(const struct conf_reader *r, struct conf_ref *ref, const struct arg *arg);

// Print one line, indented for its mode; and all commands of a mode for an object.
void conf_line(struct conf_out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void conf_print_mode(struct conf_out *o, enum conf_mode mode, const void *object);
// A key as it may be printed: itself, or CONF_HIDDEN if it is not empty.
const char *conf_key(const struct conf_out *o, const char *key);

// The compiled language. NULL: a table is malformed (err says which); never in a program whose tests have passed.
struct conf_lang *conf_lang_new(char *err, size_t err_size);
void conf_lang_free(struct conf_lang *lang);
const char *conf_mode_name(enum conf_mode mode); // as in the prompt: "config-ikev2-profile"

void conf_reader_init(struct conf_reader *r, const struct conf_lang *lang, struct conf *candidate);
// One line. false: nothing was changed by it, the reason is in r->err ("line 7: word 3 ...").
bool conf_read_line(struct conf_reader *r, const char *line);
// What may come next on a line, in the mode that the reader is in and those around it.
bool conf_expect(const struct conf_reader *r, const char *line, grammar_token *fn, void *arg);

// A whole text into a new configuration, read and checked. NULL: err has the first fault, with its line.
struct conf *conf_parse(const struct conf_lang *lang, const char *text, char *err, size_t err_size);
struct conf *conf_load(const struct conf_lang *lang, const char *path, char *err, size_t err_size);
// Does all that refers to something refer to something that is there, and make sense together?
bool conf_check(const struct conf *c, char *err, size_t err_size);
// Print: what differs from the defaults, or all. To be shown (keys hidden), or to be kept.
void conf_show(const struct conf_lang *lang, const struct conf *c, bool all, struct str *to);
void conf_print(const struct conf_lang *lang, const struct conf *c, bool all, struct str *to);

// The command tables, each ended by grammar NULL.
extern const struct conf_command conf_commands_global[], conf_commands_ikev2[], conf_commands_profile[],
    conf_commands_ipsec[], conf_commands_interface[];

#endif
