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
    exec_action_commands[], exec_pki_commands[], exec_pki_action_commands[], exec_debug_commands[],
    exec_conf_commands[], exec_session_commands[], exec_derived_commands[], exec_eap_commands[], exec_ops_commands[],
    exec_engine_commands[], exec_client_commands[];

// show_config.c: what a configuration payload has told (v NULL: nothing), the routes of a session, and both printed out
// of the JSON of an IKE SA.
json_t *show_config_json(const struct ike_cp_values *v);
json_t *show_told_json(const struct culvertd *d, uint32_t session);
void show_config_render(struct str *out, const json_t *sa);

// Small helpers of the show commands.
json_t *show_addr(struct in_addr a);
void show_add_word(void *list, const char *word); // to a JSON array
json_t *show_ip(const struct ip_addr *a);         // "-": none
json_t *show_names(const char *const *names);     // ended by NULL
// A line "LABEL: NAME NAME ...", with that many blanks before it; nothing if there is no name.
void show_render_names(struct str *out, unsigned indent, const char *label, const json_t *list);
const char *show_text(const json_t *object, const char *key); // "" if it is not there
long long show_number(const json_t *object, const char *key); // 0 if it is not there
bool show_true(const json_t *object, const char *key);
json_t *show_id(const struct ike_id *id);
// The lines that the running configuration has inside an object, defaults and all; keys are hidden.
json_t *show_settings(const struct culvertd *d, enum conf_mode mode, const void *object);
// An IKE SA: what is known of it, as `show crypto ikev2 sa` has it; and that for people.
json_t *show_ike_sa(const struct culvertd *d, const struct ike_sa_info *sa);
void show_render_ike_sa(struct str *out, const json_t *sa, bool detailed);
// "UP-ACTIVE" ...
const char *show_status(const struct ike_sa_info *sa);

#endif
