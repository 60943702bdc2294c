// SPDX-License-Identifier: BSD-2-Clause
// crypto ikev2 profile: which peers it is for, and how long and where they are served. How both sides prove
// themselves is in cmd_auth.c.
#include "hostd/conf/reader.h"

#include <string.h>

static bool run_profile(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->profiles;
    const char *name = conf_object_name(r, op, a);
    struct conf_profile *p = name == NULL ? NULL : conf_find(l, name);
    if (op != CONF_SET && (p == NULL || !conf_profile_smart(p))) {
        if (p != NULL) {
            conf_drop(r->conf, l, p);
        }
        return name != NULL;
    }
    if (op != CONF_SET || p == NULL || p->disabled) {
        p = conf_get(l, name, sizeof(*p));
        conf_default_profile(p);
        p->disabled = op == CONF_NO;
    }
    if (op == CONF_SET) {
        p->line = p->line != 0 ? p->line : r->line;
        conf_enter(r, CONF_PROFILE, p);
    }
    return true;
}

// Is it as it was born?
static bool is_untouched(const struct conf_profile *p)
{
    struct conf_profile fresh;
    memset(&fresh, 0, sizeof(fresh));
    str_copy(fresh.name, sizeof(fresh.name), "default");
    conf_default_profile(&fresh);
    fresh.line = p->line;
    return conf_same(p, &fresh, sizeof(fresh));
}

static void print_profile(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->profiles.n; i++) {
        const struct conf_profile *p = c->profiles.at[i];
        if (p->disabled) {
            conf_line(o, "no crypto ikev2 profile %s", p->name);
        } else if (o->all || !is_untouched(p)) {
            conf_line(o, "crypto ikev2 profile %s", p->name);
            conf_print_mode(o, CONF_PROFILE, p);
            conf_line(o, "!");
        }
    }
}

// Take out the i-th of n elements of an array whose rest stays zero.
static void cut(void *at, unsigned *n, unsigned i, size_t size)
{
    char *p = at;
    memmove(p + i * size, p + (i + 1) * size, (*n - i - 1) * size);
    memset(p + --*n * size, 0, size);
}

// Of a match statement: the word before its value, the argument, and what it is.
static const struct {
    enum conf_match_kind kind;
    const char *word, *arg;
} match_words[] = {
    {CONF_MATCH_ANY, "any", ""},          {CONF_MATCH_ADDRESS, "address", ""},
    {CONF_MATCH_FQDN, "fqdn", "host"},    {CONF_MATCH_FQDN_DOMAIN, "fqdn domain", "domain-name"},
    {CONF_MATCH_EMAIL, "email", "mail"},  {CONF_MATCH_EMAIL_DOMAIN, "email domain", "mail-domain"},
    {CONF_MATCH_KEY_ID, "key-id", "key"}, {CONF_MATCH_DN, "dn", "dn"},
};
enum { MATCH_WORDS = sizeof(match_words) / sizeof(match_words[0]) };

static bool run_match(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    struct conf_match m;
    memset(&m, 0, sizeof(m));
    for (unsigned i = 0; i < MATCH_WORDS; i++) {
        const struct arg *arg = args_get(a, match_words[i].arg);
        if (arg != NULL) {
            m.kind = match_words[i].kind;
            if (!str_copy(m.text, sizeof(m.text), arg->text)) {
                return conf_error(r, arg, "too long");
            }
        }
    }
    m.net = conf_arg_net(a, "addr", "mask", "addr6", "prefix6");
    if (m.net.addr.family == 0) {
        memset(&m.net, 0, sizeof(m.net));
    } else {
        m.kind = CONF_MATCH_ADDRESS;
    }
    if (!conf_net_is_clean(&m.net)) {
        return conf_error(r, &a->at[0], "has bits outside its mask");
    }
    unsigned i = 0;
    while (i < p->n_match && !conf_same(&p->match[i], &m, sizeof(m))) {
        i++;
    }
    if (op == CONF_SET && i == p->n_match) {
        if (p->n_match == CONF_MATCHES) {
            return conf_error(r, NULL, "at most %d identities in a profile", CONF_MATCHES);
        }
        p->match[p->n_match++] = m;
    } else if (op != CONF_SET && i < p->n_match) {
        cut(p->match, &p->n_match, i, sizeof(m));
    }
    return true;
}

static void print_match(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    for (unsigned i = 0; i < p->n_match; i++) {
        const struct conf_match *m = &p->match[i];
        char net[CONF_NET_TEXT];
        const char *text = m->kind == CONF_MATCH_ADDRESS ? conf_net_text(&m->net, net) : m->text;
        for (unsigned w = 0; w < MATCH_WORDS; w++) {
            if (match_words[w].kind == m->kind) {
                conf_line(o, "match identity remote %s%s%s", match_words[w].word, text[0] != '\0' ? " " : "", text);
            }
        }
    }
}

static bool run_match_cert(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    const struct arg *map = args_get(a, "map");
    unsigned i = 0;
    while (i < p->n_match_cert && strcmp(p->match_cert[i].name, map->text) != 0) {
        i++;
    }
    if (op == CONF_SET && i == p->n_match_cert) {
        if (p->n_match_cert == CONF_MATCHES) {
            return conf_error(r, map, "at most %d certificate maps in a profile", CONF_MATCHES);
        }
        conf_set_ref(r, &p->match_cert[p->n_match_cert++], map);
    } else if (op != CONF_SET && i < p->n_match_cert) {
        cut(p->match_cert, &p->n_match_cert, i, sizeof(p->match_cert[0]));
    }
    return true;
}

static void print_match_cert(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    for (unsigned i = 0; i < p->n_match_cert; i++) {
        conf_line(o, "match certificate %s", p->match_cert[i].name);
    }
}

static bool run_match_local(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    struct conf_local local;
    const struct arg *arg = &a->at[0], *iface = args_get(a, "if");
    memset(&local, 0, sizeof(local));
    local.addr = conf_arg_addr(a, "addr", "addr6");
    if (iface != NULL) {
        local.iface = iface->iface;
        local.line = r->line;
        local.word = iface->word + 1;
    }
    unsigned i = 0;
    while (i < p->n_match_local && (memcmp(&p->match_local[i].addr, &local.addr, sizeof(local.addr)) != 0 ||
                                    !ifid_equal(p->match_local[i].iface, local.iface))) {
        i++;
    }
    if (op == CONF_SET && i == p->n_match_local) {
        if (p->n_match_local == CONF_MATCHES) {
            return conf_error(r, arg, "at most %d addresses", CONF_MATCHES);
        }
        p->match_local[p->n_match_local++] = local;
    } else if (op != CONF_SET && i < p->n_match_local) {
        cut(p->match_local, &p->n_match_local, i, sizeof(local));
    }
    return true;
}

static void print_match_local(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    for (unsigned i = 0; i < p->n_match_local; i++) {
        const struct conf_local *l = &p->match_local[i];
        char text[CONF_NAME];
        if (l->addr.family != 0) {
            conf_line(o, "match address local %s", conf_addr_text(&l->addr, text));
        } else {
            conf_line(o, "match address local interface %s", ifid_format(l->iface, text, sizeof(text)));
        }
    }
}

static bool run_fvrf(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    if (args_get(a, "vrf") != NULL) {
        return conf_error(r, args_get(a, "vrf"), CONF_NO_VRF);
    }
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
    if (op == CONF_SET) {
        return conf_arg_id(r, a, &p->local_id);
    }
    memset(&p->local_id, 0, sizeof(p->local_id));
    return true;
}

static void print_identity(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    char text[CONF_ID_TEXT];
    if (p->local_id.kind != CONF_ID_NONE) {
        conf_line(o, "identity local %s", conf_id_text(&p->local_id, text));
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
    p->vtemplate_auto = op == CONF_SET && args_get(a, "auto") != NULL;
    p->vtemplate = op == CONF_SET ? n->number : 0;
    p->vtemplate_line = op == CONF_SET ? r->line : 0;
    p->vtemplate_word = op == CONF_SET ? n->word + 1 : 0;
    return true;
}

static void print_vtemplate(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->has_vtemplate) {
        conf_line(o, "virtual-template %u%s", p->vtemplate, p->vtemplate_auto ? " mode auto" : "");
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

static bool run_required(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_profile *)conf_object(r))->config_required = op == CONF_SET;
    return true;
}

static void print_required(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->config_required) {
        conf_line(o, "config-exchange required");
    } else if (o->all) {
        conf_line(o, "no config-exchange required");
    }
}

const struct conf_command conf_commands_profile[] = {
    {CONF_GLOBAL, "crypto ikev2 profile <name:name>", "crypto ikev2 profile [<name:name>]",
     "profile|How peers are authenticated and served\nname|Name of the profile\n", run_profile, print_profile},
    {CONF_PROFILE,
     "match identity [remote] { address { <addr:addr> [<mask:mask>] | <addr6:addr6> | <prefix6:prefix6> } | "
     "fqdn { domain <domain-name:word> | <host:word> } | email { domain <mail-domain:word> | <mail:word> } | "
     "key-id <key:word> | dn <dn:line> | any }",
     NULL,
     "domain|All of a domain\ndomain-name|The domain\nhost|The name\nmail|The address\nmail-domain|The domain\n"
     "key|The identifier\ndn|Distinguished name of a certificate's subject, as cn=joe,o=example\nany|Any identity\n",
     run_match, print_match},
    {CONF_PROFILE, "match certificate <map:name>", NULL, "certificate|By a certificate map\nmap|Name of the map\n",
     run_match_cert, print_match_cert},
    {CONF_PROFILE, "match address local { <addr:addr> | <addr6:addr6> | interface <if:if> }", NULL,
     "addr|Our address, to which the peer speaks\naddr6|Our address, to which the peer speaks\n"
     "interface|The address of an interface\n",
     run_match_local, print_match_local},
    {CONF_PROFILE, "match fvrf { any | <vrf:name> }", NULL,
     "fvrf|Routing instance of the outside\nany|Any\nvrf|Named ones are not there\n", run_fvrf, print_fvrf},
    {CONF_PROFILE,
     "identity local { address { <addr:addr> | <addr6:addr6> } | fqdn <host:word> | email <mail:word> | "
     "key-id <key-id:word> | <dn:dn|> }",
     "identity local [ { address [ { <addr:addr> | <addr6:addr6> } ] | fqdn [<host:word>] | email [<mail:word>] | "
     "key-id [<key-id:word>] | <dn:dn|> } ]",
     "host|The name\nmail|The address\ndn|The subject of our certificate\n", run_identity, print_identity},
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
    {CONF_PROFILE, "virtual-template <number:0-65535> [ { mode <auto:auto|> | <auto:auto|> mode } ]",
     "virtual-template [ <number:0-65535> [ { mode <auto:auto|> | <auto:auto|> mode } ] ]",
     "virtual-template|The interface that is cloned for each peer\nnumber|Its number\nmode|How packets are carried\n"
     "auto|GRE or IPsec alone, as the peer asks\n",
     run_vtemplate, print_vtemplate},
    {CONF_PROFILE, "config-exchange request", NULL,
     "config-exchange|Configuration payload\nrequest|Ask the peer for an address where the interface wants one\n",
     run_config, print_config},
    {CONF_PROFILE, "config-exchange required", NULL,
     "config-exchange|Configuration payload\nrequired|A peer that asks for no configuration gets no IPsec SA "
     "(FAILED_CP_REQUIRED)\n",
     run_required, print_required},
    {.grammar = NULL},
};
