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
    CONF_TRUSTPOINT,
    CONF_CERTMAP,
    CONF_ACL,
    CONF_ACL6,
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

// What stands for a key in what users are shown. It is refused as a key, so that a shown configuration is not loaded by
// mistake.
#define CONF_HIDDEN "<hidden>"

// Why a named routing instance is refused.
#define CONF_NO_VRF "there are no named routing instances; the global one needs no statement, or say any"

// What printing needs: for each command its `print` adds the lines.
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

// An address of either family, from a parameter of type addr and one of type addr6; of the grammar
// `{ <addr:addr> | <addr6:addr6> }`. family 0: neither is there.
struct ip_addr conf_arg_addr(const struct args *a, const char *v4, const char *v6);
// A network: `{ <addr:addr> [<mask:mask>] | <addr6:addr6> | <prefix6:prefix6> }`.
struct conf_net conf_arg_net(const struct args *a, const char *v4, const char *mask, const char *v6,
                             const char *prefix6);
// An identity: `{ address { <addr:addr> | <addr6:addr6> } | fqdn <host:word> | email <mail:word> | key-id <key-id:word>
// | <dn:dn|> | fqdn domain <domain-name:word> | email domain <mail-domain:word> }`. false with an error if it is too
// long.
bool conf_arg_id(struct conf_reader *r, const struct args *a, struct conf_id *id);
// As it was typed: "fqdn r1.example.com". Returns `out`.
enum { CONF_ID_TEXT = CONF_TEXT + 16 };
const char *conf_id_text(const struct conf_id *id, char *out);
// Printable; out has room for CONF_ADDR_TEXT. Returns `out`.
enum { CONF_ADDR_TEXT = 48 };
const char *conf_addr_text(const struct ip_addr *a, char *out);
// "192.0.2.0 255.255.255.0", "2001:db8::/32", or one address alone. Returns `out`.
enum { CONF_NET_TEXT = 64 };
const char *conf_net_text(const struct conf_net *n, char *out);

// Print one line, indented for its mode; and all commands of a mode for an object.
void conf_line(struct conf_out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void conf_print_mode(struct conf_out *o, enum conf_mode mode, const void *object);
// A key as it may be printed: itself, or CONF_HIDDEN if it is not empty.
const char *conf_key(const struct conf_out *o, const char *key);

// The words of several enum conf_auth, "rsa-sig, eap". Returns `out`.
const char *conf_auth_words(unsigned ways, char *out, size_t cap);
// What to print before a key: "hex ", "0 " where the key could be mistaken for a word, or "".
const char *conf_key_form(const struct conf_out *o, const struct conf_key *k);

// The compiled language. NULL: a table is malformed (err says which); never in a program whose tests have passed.
struct conf_lang *conf_lang_new(char *err, size_t err_size);
void conf_lang_free(struct conf_lang *lang);
// All commands, in the order of printing; NULL after the last.
const struct conf_command *conf_lang_command(const struct conf_lang *lang, size_t i);
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

// Objects of a list that are commands with a mode of their own. The smart default of name `default` is restored by
// `restore`; `disabled` finds the flag that says that it was taken away. Both NULL: there is none.
struct conf_kind {
    const char *header; // "crypto ikev2 proposal"
    enum conf_mode mode;
    size_t size;
    void (*restore)(void *object);
    bool *(*disabled)(void *object);
};
// The name of the object that a command is about. `default ...` may leave it out: the smart default is meant. NULL: it
// is missing, which is an error.
const char *conf_object_name(struct conf_reader *r, enum conf_op op, const struct args *a);
// Enter, remove or restore the object that argument `name` names.
bool conf_run_object(struct conf_reader *r, enum conf_op op, const struct args *a, struct list *l,
                     const struct conf_kind *k);
// Print all: header and body; the smart default only if it is not as it was born, or everything is asked for.
void conf_print_objects(struct conf_out *o, const struct list *l, const struct conf_kind *k);
// Keep a key that a user typed; false with an error if it is what stands for a hidden one, too long, or not
// hexadecimal.
bool conf_set_key(struct conf_reader *r, struct conf_key *k, const struct arg *key, bool hex);

// A method of EAP and its word, "ms-chapv2". Unknown: CONF_EAP_ANY.
const char *conf_eap_word(unsigned method);
enum conf_eap_method conf_eap_method(const char *word);

// The command tables, each ended by grammar NULL.
extern const struct conf_command conf_commands_global[], conf_commands_ikev2[], conf_commands_profile[],
    conf_commands_ipsec[], conf_commands_interface[], conf_commands_aaa[], conf_commands_pki[], conf_commands_keyring[],
    conf_commands_auth[], conf_commands_access[], conf_commands_author[], conf_commands_tunnel[], conf_commands_ipv6[],
    conf_commands_route[], conf_commands_ops[];

#endif
