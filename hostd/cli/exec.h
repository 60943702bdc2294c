// SPDX-License-Identifier: BSD-2-Clause
// Commands of the exec mode: show, clear, debug ... Each is one definition: grammar, help, what it collects (JSON) and
// how that is printed for people. The text is made from the JSON, so both say the same. A command may answer later.
#ifndef CULVERT_CLI_EXEC_H
#define CULVERT_CLI_EXEC_H

#include "hostd/conf/grammar.h"
#include "hostd/main/daemon.h"
#include "hostd/util/str.h"

#include <jansson.h>

struct exec;

struct exec_command {
    const char *grammar;
    const char *help;
    // Ends, now or later, in one exec_done() or exec_fail(). `a` is valid during the call.
    void (*run)(struct exec *x, const struct args *a);
    void (*render)(struct str *out, const json_t *data); // NULL: nothing to print
};

// How a command's end reaches who asked. text and data are the caller's no more; error NULL: it went well.
typedef void exec_reply(void *arg, const char *error, const char *text, json_t *data);

struct exec_lang; // the compiled table

struct exec_lang *exec_lang_new(char *err, size_t err_size);
void exec_lang_free(struct exec_lang *l);
// Run a line. reply is called exactly once, perhaps from within.
void exec_run(const struct exec_lang *l, struct culvertd *d, const char *line, exec_reply *reply, void *arg);
bool exec_expect(const struct exec_lang *l, const char *line, grammar_token *fn, void *arg);

struct culvertd *exec_daemon(const struct exec *x);
// Takes over `data` (NULL: nothing to say).
void exec_done(struct exec *x, json_t *data);
void exec_fail(struct exec *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The tables, each ended by grammar NULL.
extern const struct exec_command exec_ike_commands[], exec_ipsec_commands[], exec_system_commands[],
    exec_action_commands[];

// Small helpers of the show commands.
json_t *show_addr(struct in_addr a);
const char *show_text(const json_t *object, const char *key); // "" if it is not there
long long show_number(const json_t *object, const char *key); // 0 if it is not there
bool show_true(const json_t *object, const char *key);

#endif
