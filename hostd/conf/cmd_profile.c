// SPDX-License-Identifier: BSD-2-Clause
// crypto ikev2 profile: which peers, how both sides prove themselves, and what they get.
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <string.h>

static bool run_profile(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->profiles;
    const char *name = args_text(a, "name");
    struct conf_profile *p = conf_find(l, name);
    if (op != CONF_SET) {
        if (p != NULL) {
            conf_drop(r->conf, l, p);
        }
        return true;
    }
    if (p == NULL) {
        p = conf_get(l, name, sizeof(*p));
        conf_default_profile(p);
        p->line = r->line;
    }
    conf_enter(r, CONF_PROFILE, p);
    return true;
}

static void print_profile(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->profiles.n; i++) {
        const struct conf_profile *p = c->profiles.at[i];
        conf_line(o, "crypto ikev2 profile %s", p->name);
        conf_print_mode(o, CONF_PROFILE, p);
        conf_line(o, "!");
    }
}

static bool match_equal(const struct conf_match *a, const struct conf_match *b)
{
    return a->kind == b->kind && a->addr.s_addr == b->addr.s_addr && a->mask.s_addr == b->mask.s_addr &&
           strcmp(a->text, b->text) == 0;
}

static bool run_match(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    struct conf_match m = {.kind = CONF_MATCH_ANY};
    static const struct {
        const char *arg;
        enum conf_match_kind kind;
    } kinds[] = {{"host", CONF_MATCH_FQDN},
                 {"domain-name", CONF_MATCH_FQDN_DOMAIN},
                 {"mail", CONF_MATCH_EMAIL},
                 {"mail-domain", CONF_MATCH_EMAIL_DOMAIN},
                 {"key", CONF_MATCH_KEY_ID}};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct arg *arg = args_get(a, kinds[i].arg);
        if (arg != NULL) {
            m.kind = kinds[i].kind;
            if (!str_copy(m.text, sizeof(m.text), arg->text)) {
                return conf_error(r, arg, "too long");
            }
        }
    }
    if (args_get(a, "addr") != NULL) {
        m.kind = CONF_MATCH_ADDRESS;
        m.addr = args_addr(a, "addr");
        m.mask = args_get(a, "mask") != NULL ? args_addr(a, "mask") : (struct in_addr){INADDR_NONE};
        if ((m.addr.s_addr & ~m.mask.s_addr) != 0) {
            return conf_error(r, args_get(a, "addr"), "has bits outside its mask");
        }
    }
    unsigned i = 0;
    while (i < p->n_match && !match_equal(&p->match[i], &m)) {
        i++;
    }
    if (op == CONF_SET && i == p->n_match) {
        if (p->n_match == CONF_MATCHES) {
            return conf_error(r, NULL, "at most %d identities in a profile", CONF_MATCHES);
        }
        p->match[p->n_match++] = m;
    } else if (op != CONF_SET && i < p->n_match) {
        memmove(&p->match[i], &p->match[i + 1], (p->n_match - i - 1) * sizeof(m));
        memset(&p->match[--p->n_match], 0, sizeof(m));
    }
    return true;
}

static void print_match(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    static const char *const words[] = {"any", "address", "fqdn", "fqdn domain", "email", "email domain", "key-id"};
    for (unsigned i = 0; i < p->n_match; i++) {
        const struct conf_match *m = &p->match[i];
        char addr[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &m->addr, addr, sizeof(addr));
        inet_ntop(AF_INET, &m->mask, mask, sizeof(mask));
        if (m->kind == CONF_MATCH_ANY) {
            conf_line(o, "match identity remote any");
        } else if (m->kind != CONF_MATCH_ADDRESS) {
            conf_line(o, "match identity remote %s %s", words[m->kind], m->text);
        } else if (m->mask.s_addr == INADDR_NONE) {
            conf_line(o, "match identity remote address %s", addr);
        } else {
            conf_line(o, "match identity remote address %s %s", addr, mask);
        }
    }
}

static bool run_match_local(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    struct in_addr addr = args_addr(a, "addr");
    unsigned i = 0;
    while (i < p->n_match_local && p->match_local[i].s_addr != addr.s_addr) {
        i++;
    }
    if (op == CONF_SET && i == p->n_match_local) {
        if (p->n_match_local == CONF_MATCHES) {
            return conf_error(r, args_get(a, "addr"), "at most %d addresses", CONF_MATCHES);
        }
        p->match_local[p->n_match_local++] = addr;
    } else if (op != CONF_SET && i < p->n_match_local) {
        memmove(&p->match_local[i], &p->match_local[i + 1], (p->n_match_local - i - 1) * sizeof(addr));
        p->match_local[--p->n_match_local] = (struct in_addr){0};
    }
    return true;
}

static void print_match_local(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    for (unsigned i = 0; i < p->n_match_local; i++) {
        char text[INET_ADDRSTRLEN];
        conf_line(o, "match address local %s", inet_ntop(AF_INET, &p->match_local[i], text, sizeof(text)));
    }
}

static bool run_fvrf(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_profile *)conf_object(r))->fvrf_any = op == CONF_SET;
    return true;
}

static void print_fvrf(struct conf_out *o, const void *object)
{
    if (((const struct conf_profile *)object)->fvrf_any) {
        conf_line(o, "match fvrf any");
    }
}

static bool run_identity(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    memset(&p->local_id, 0, sizeof(p->local_id));
    if (op != CONF_SET) {
        return true;
    }
    static const struct {
        const char *arg;
        enum conf_id_kind kind;
    } kinds[] = {{"addr", CONF_ID_ADDRESS}, {"host", CONF_ID_FQDN}, {"mail", CONF_ID_EMAIL}, {"key", CONF_ID_KEY_ID}};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct arg *arg = args_get(a, kinds[i].arg);
        if (arg == NULL) {
            continue;
        }
        p->local_id.kind = kinds[i].kind;
        p->local_id.addr = arg->addr;
        if (kinds[i].kind != CONF_ID_ADDRESS && !str_copy(p->local_id.text, CONF_TEXT, arg->text)) {
            return conf_error(r, arg, "too long");
        }
    }
    return true;
}

static void print_identity(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    static const char *const words[] = {"", "address", "fqdn", "email", "key-id"};
    char addr[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &p->local_id.addr, addr, sizeof(addr));
    if (p->local_id.kind != CONF_ID_NONE) {
        conf_line(o, "identity local %s %s", words[p->local_id.kind],
                  p->local_id.kind == CONF_ID_ADDRESS ? addr : p->local_id.text);
    }
}

static bool run_auth(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    bool local = strcmp(args_text(a, "side"), "local") == 0;
    char *key = local ? p->key_local : p->key_remote;
    const char *given = op == CONF_SET ? args_text(a, "key") : "";
    if (strlen(given) >= CONF_TEXT) {
        return conf_error(r, NULL, "word %u: the key is too long", args_get(a, "key")->word + 1);
    }
    if (strcmp(given, CONF_HIDDEN) == 0) {
        return conf_error(r, NULL, "word %u: this is what stands for a key where it is hidden",
                          args_get(a, "key")->word + 1);
    }
    memset(key, 0, CONF_TEXT);
    str_copy(key, CONF_TEXT, given);
    *(local ? &p->auth_local : &p->auth_remote) = op == CONF_SET;
    return true;
}

static void print_auth(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->auth_local) {
        conf_line(o, "authentication local pre-share%s%s", p->key_local[0] != '\0' ? " key " : "",
                  conf_key(o, p->key_local));
    }
    if (p->auth_remote) {
        conf_line(o, "authentication remote pre-share%s%s", p->key_remote[0] != '\0' ? " key " : "",
                  conf_key(o, p->key_remote));
    }
}

static bool run_keyring(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    memset(&p->keyring, 0, sizeof(p->keyring));
    if (op == CONF_SET) {
        conf_set_ref(r, &p->keyring, args_get(a, "name"));
    }
    return true;
}

static void print_keyring(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->keyring.name[0] != '\0') {
        conf_line(o, "keyring local %s", p->keyring.name);
    }
}

static bool run_aaa(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    memset(&p->authorization, 0, sizeof(p->authorization));
    if (op == CONF_SET) {
        conf_set_ref(r, &p->authorization, args_get(a, "policy"));
    }
    return true;
}

static void print_aaa(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->authorization.name[0] != '\0') {
        conf_line(o, "aaa authorization group psk list default %s", p->authorization.name);
    }
}

static bool run_dpd(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    p->dpd = (struct conf_dpd){0};
    if (op == CONF_SET) {
        p->dpd.interval = args_number(a, "interval", 0);
        p->dpd.retry = args_number(a, "retry", 0);
        p->dpd.on_demand = strcmp(args_text(a, "when"), "on-demand") == 0;
    }
    return true;
}

static void print_dpd(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->dpd.interval > 0) {
        conf_line(o, "dpd %u %u %s", p->dpd.interval, p->dpd.retry, p->dpd.on_demand ? "on-demand" : "periodic");
    }
}

static bool run_lifetime(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    p->lifetime = op == CONF_SET ? args_number(a, "seconds", CONF_IKE_LIFETIME) : CONF_IKE_LIFETIME;
    return true;
}

static void print_lifetime(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (o->all || p->lifetime != CONF_IKE_LIFETIME) {
        conf_line(o, "lifetime %u", p->lifetime);
    }
}

static bool run_nat(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    p->nat_keepalive = op == CONF_SET ? args_number(a, "seconds", 0) : 0;
    return true;
}

static void print_nat(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->nat_keepalive > 0) {
        conf_line(o, "nat keepalive %u", p->nat_keepalive);
    }
}

static bool run_vtemplate(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    const struct arg *n = args_get(a, "number");
    p->has_vtemplate = op == CONF_SET;
    p->vtemplate = op == CONF_SET ? n->number : 0;
    p->vtemplate_line = op == CONF_SET ? r->line : 0;
    p->vtemplate_word = op == CONF_SET ? n->word + 1 : 0;
    return true;
}

static void print_vtemplate(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->has_vtemplate) {
        conf_line(o, "virtual-template %u", p->vtemplate);
    }
}

static bool run_config(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_profile *)conf_object(r))->no_config_request = op == CONF_NO;
    return true;
}

static void print_config(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->no_config_request) {
        conf_line(o, "no config-exchange request");
    } else if (o->all) {
        conf_line(o, "config-exchange request");
    }
}

const struct conf_command conf_commands_profile[] = {
    {CONF_GLOBAL, "crypto ikev2 profile <name:name>", NULL,
     "profile|How peers are authenticated and served\nname|Name of the profile\n", run_profile, print_profile},
    {CONF_PROFILE,
     "match identity remote { address <addr:addr> [<mask:mask>] | fqdn { domain <domain-name:word> | <host:word> } | "
     "email { domain <mail-domain:word> | <mail:word> } | key-id <key:word> | any }",
     NULL,
     "domain|All of a domain\ndomain-name|The domain\nhost|The name\nmail|The address\nmail-domain|The domain\n"
     "key|The identifier\nany|Any identity\n",
     run_match, print_match},
    {CONF_PROFILE, "match address local <addr:addr>", NULL, "addr|Our address, to which the peer speaks\n",
     run_match_local, print_match_local},
    {CONF_PROFILE, "match fvrf any", NULL, "fvrf|Routing instance of the outside\nany|Any\n", run_fvrf, print_fvrf},
    {CONF_PROFILE, "identity local { address <addr:addr> | fqdn <host:word> | email <mail:word> | key-id <key:word> }",
     "identity local [ { address <addr:addr> | fqdn <host:word> | email <mail:word> | key-id <key:word> } ]",
     "host|The name\nmail|The address\nkey|The identifier\n", run_identity, print_identity},
    {CONF_PROFILE, "authentication <side:local|remote> pre-share [key <key:word>]", NULL,
     "authentication|How an end proves its identity\npre-share|By a pre-shared key\n"
     "key|The secret; without it the keyring's\n",
     run_auth, print_auth},
    {CONF_PROFILE, "keyring local <name:name>", "keyring [local [<name:name>]]",
     "keyring|Where the keys are\nlocal|In this configuration\nname|Name of the keyring\n", run_keyring, print_keyring},
    {CONF_PROFILE, "aaa authorization group psk list default <policy:name>",
     "aaa authorization group psk [list default [<policy:name>]]",
     "aaa|Authorization\nauthorization|What the peer is given\ngroup|By a group of peers\n"
     "psk|For peers with a pre-shared key\nlist|Where it is looked up\ndefault|In this configuration\n"
     "policy|Name of an authorization policy\n",
     run_aaa, print_aaa},
    {CONF_PROFILE, "dpd <interval:1-3600> <retry:1-60> <when:on-demand|periodic>",
     "dpd [<interval:1-3600> <retry:1-60> <when:on-demand|periodic>]",
     "dpd|Detect dead peers\ninterval|Seconds of silence\n"
     "retry|Seconds between questions once one stayed unanswered\non-demand|Only when traffic gets no answer\n"
     "periodic|Always\n",
     run_dpd, print_dpd},
    {CONF_PROFILE, "lifetime <seconds:120-86400>", "lifetime [<seconds:120-86400>]",
     "lifetime|Lifetime of an IKE SA\nseconds|Seconds\n", run_lifetime, print_lifetime},
    {CONF_PROFILE, "nat keepalive <seconds:5-3600>", "nat keepalive [<seconds:5-3600>]",
     "nat|Network address translation\nkeepalive|Keep the mapping alive when we are behind a NAT\n"
     "seconds|Seconds between keepalives\n",
     run_nat, print_nat},
    {CONF_PROFILE, "virtual-template <number:0-65535>", "virtual-template [<number:0-65535>]",
     "virtual-template|The interface that is cloned for each peer\nnumber|Its number\n", run_vtemplate,
     print_vtemplate},
    {CONF_PROFILE, "config-exchange request", NULL,
     "config-exchange|Configuration payload\nrequest|Ask the peer for an address where the interface wants one\n",
     run_config, print_config},
    {.grammar = NULL},
};
