// SPDX-License-Identifier: BSD-2-Clause
// Users of this gateway, the lists that say where users are looked up, and how an ikev2 profile authenticates by EAP.
#include "hostd/conf/reader.h"

#include <string.h>

static bool run_new_model(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    r->conf->aaa_new_model = op == CONF_SET;
    return true;
}

static void print_new_model(struct conf_out *o, const void *object)
{
    if (((const struct conf *)object)->aaa_new_model) {
        conf_line(o, "aaa new-model");
    }
}

static bool set_list(struct conf_reader *r, enum conf_op op, const struct args *a, struct list *l)
{
    const char *name = args_text(a, "name");
    if (op == CONF_SET) {
        struct conf_aaa_list *list = conf_get(l, name, sizeof(*list));
        list->line = r->line;
        return true;
    }
    struct conf_aaa_list *list = conf_find(l, name);
    if (list != NULL) {
        conf_drop(r->conf, l, list);
    }
    return true;
}

static bool run_login(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return set_list(r, op, a, &r->conf->login_lists);
}

static bool run_network(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return set_list(r, op, a, &r->conf->author_lists);
}

static void print_login(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->login_lists.n; i++) {
        conf_line(o, "aaa authentication login %s local", (const char *)c->login_lists.at[i]);
    }
}

static void print_network(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->author_lists.n; i++) {
        conf_line(o, "aaa authorization network %s local", (const char *)c->author_lists.at[i]);
    }
}

static bool run_user(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const struct arg *name = args_get(a, "user"), *secret = args_get(a, "secret");
    struct list *l = &r->conf->users;
    if (strlen(name->text) >= CONF_NAME) {
        return conf_error(r, name, "is longer than %d bytes", CONF_NAME - 1);
    }
    if (op != CONF_SET) {
        void *user = conf_find(l, name->text);
        if (user != NULL) {
            conf_drop(r->conf, l, user);
        }
        return true;
    }
    if (strlen(secret->text) >= CONF_TEXT) {
        return conf_error(r, NULL, "word %u: the password is too long", secret->word + 1);
    }
    if (strcmp(secret->text, CONF_HIDDEN) == 0) {
        return conf_error(r, NULL, "word %u: this is what stands for a password where it is hidden", secret->word + 1);
    }
    struct conf_user *u = conf_get(l, name->text, sizeof(*u));
    memset(u->password, 0, sizeof(u->password));
    str_copy(u->password, sizeof(u->password), secret->text);
    return true;
}

static void print_user(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->users.n; i++) {
        const struct conf_user *u = c->users.at[i];
        conf_line(o, "username %s password 0 %s", u->name, conf_key(o, u->password));
    }
}

static bool run_eap_list(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    memset(&p->eap_list, 0, sizeof(p->eap_list));
    if (op == CONF_SET) {
        conf_set_ref(r, &p->eap_list, args_get(a, "list"));
    }
    return true;
}

static void print_eap_list(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->eap_list.name[0] != '\0') {
        conf_line(o, "aaa authentication eap %s", p->eap_list.name);
    }
}

static bool run_eap_methods(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    uint8_t methods[CONF_EAP_METHODS] = {0};
    unsigned n = 0;
    for (const struct arg *word; op == CONF_SET && (word = args_nth(a, "method", n)) != NULL;) {
        uint8_t method = (uint8_t)conf_eap_method(word->text);
        if (memchr(methods, method, n) != NULL) {
            return conf_error(r, word, "is there twice");
        }
        methods[n++] = method; // four words, none of them twice
    }
    memcpy(p->eap_methods, methods, sizeof(methods));
    p->n_eap_methods = n;
    return true;
}

static void print_eap_methods(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    struct str s = {0};
    for (unsigned i = 0; i < p->n_eap_methods; i++) {
        str_addf(&s, " %s", conf_eap_word(p->eap_methods[i]));
    }
    if (p->n_eap_methods > 0) {
        conf_line(o, "eap methods%s", str_text(&s));
    }
    str_free(&s);
}

static bool run_eap_timeout(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    p->eap_timeout = op == CONF_SET ? args_number(a, "seconds", CONF_EAP_TIMEOUT) : CONF_EAP_TIMEOUT;
    return true;
}

static void print_eap_timeout(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (o->all || p->eap_timeout != CONF_EAP_TIMEOUT) {
        conf_line(o, "eap timeout %u", p->eap_timeout);
    }
}

const struct conf_command conf_commands_aaa[] = {
    {CONF_GLOBAL, "aaa new-model", NULL, "aaa|Users: who they are and what they may\nnew-model|Use lists\n",
     run_new_model, print_new_model},
    {CONF_GLOBAL, "aaa authentication login <name:name> local", "aaa authentication login <name:name> [local]",
     "aaa|Users: who they are and what they may\nauthentication|Who may log in\nlogin|A list of places where users are "
     "looked up\n"
     "name|Name of the list\nlocal|Among the users of this configuration\n",
     run_login, print_login},
    {CONF_GLOBAL, "aaa authorization network <name:name> local", "aaa authorization network <name:name> [local]",
     "aaa|Users: who they are and what they may\nauthorization|What peers are given\nnetwork|A list of places where "
     "policies are looked up\n"
     "name|Name of the list\nlocal|Among the authorization policies of this configuration\n",
     run_network, print_network},
    {CONF_GLOBAL, "username <user:word> password [0] <secret:word>",
     "username <user:word> [password [[0] <secret:word>]]",
     "username|A user\nuser|The name\npassword|The password\n0|It is written in clear text\nsecret|The password "
     "itself\n",
     run_user, print_user},
    {CONF_PROFILE, "aaa authentication eap <list:name>", "aaa authentication eap [<list:name>]",
     "aaa|Users: who they are and what they may\nauthentication|Who may log in\neap|Peers that use EAP\n"
     "list|The list of places where they are looked up\n",
     run_eap_list, print_eap_list},
    {CONF_PROFILE, "eap methods <method:ms-chapv2|md5|gtc|tls> ...", "eap methods [<method:ms-chapv2|md5|gtc|tls> ...]",
     "eap|Peers that use EAP, with us as their authenticator\nmethods|What we ask of them, the preferred first\n"
     "ms-chapv2|MSCHAPv2\nmd5|MD5-Challenge\ngtc|Generic Token Card\ntls|EAP-TLS, with certificates\n",
     run_eap_methods, print_eap_methods},
    {CONF_PROFILE, "eap timeout <seconds:1-25>", "eap timeout [<seconds:1-25>]",
     "eap|Peers that use EAP, with us as their authenticator\ntimeout|How long to wait for who knows the users\n"
     "seconds|Seconds for each answer\n",
     run_eap_timeout, print_eap_timeout},
    {.grammar = NULL},
};
