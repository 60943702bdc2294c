// SPDX-License-Identifier: BSD-2-Clause
// Pools of addresses for peers, and standard access lists: networks that policies name.
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------ pools

enum { POOL_MAX = 1 << 20 }; // addresses

static void drop_pool(struct conf_reader *r, struct list *l, const char *name)
{
    struct conf_pool *p = conf_find(l, name);
    if (p != NULL) {
        conf_drop(r->conf, l, p);
    }
}

static bool run_pool(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const char *name = args_text(a, "name");
    if (op != CONF_SET) {
        drop_pool(r, &r->conf->pools, name);
        return true;
    }
    struct in_addr first = args_addr(a, "first");
    struct in_addr last = args_get(a, "last") != NULL ? args_addr(a, "last") : first;
    if (ntohl(last.s_addr) < ntohl(first.s_addr)) {
        return conf_error(r, args_get(a, "last"), "is below the first address");
    }
    if (ntohl(last.s_addr) - ntohl(first.s_addr) >= POOL_MAX) {
        return conf_error(r, args_get(a, "last"), "a pool has at most %d addresses", POOL_MAX);
    }
    struct conf_pool *p = conf_get(&r->conf->pools, name, sizeof(*p));
    p->first = conf_arg_addr(a, "first", "none");
    p->count = ntohl(last.s_addr) - ntohl(first.s_addr) + 1;
    p->length = 32;
    return true;
}

static void print_pool(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->pools.n; i++) {
        const struct conf_pool *p = c->pools.at[i];
        char first[CONF_ADDR_TEXT], last[CONF_ADDR_TEXT];
        struct ip_addr end = conf_pool_last(p);
        conf_line(o, "ip local pool %s %s %s", p->name, conf_addr_text(&p->first, first), conf_addr_text(&end, last));
    }
}

static bool run_pool6(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const char *name = args_text(a, "name");
    if (op != CONF_SET) {
        drop_pool(r, &r->conf->pools6, name);
        return true;
    }
    const struct arg *prefix = args_get(a, "prefix");
    const struct conf_net net = conf_arg_net(a, "none", "none", "none", "prefix");
    unsigned length = args_number(a, "length", 128);
    if (!conf_net_is_clean(&net)) {
        return conf_error(r, prefix, "has bits outside its length");
    }
    if (length < net.length) {
        return conf_error(r, args_get(a, "length"), "is shorter than the pool's own prefix");
    }
    struct conf_pool *p = conf_get(&r->conf->pools6, name, sizeof(*p));
    p->first = net.addr;
    p->pool_length = net.length;
    p->length = (uint8_t)length;
    p->count = length - net.length >= 20 ? POOL_MAX : 1U << (length - net.length);
    return true;
}

static void print_pool6(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->pools6.n; i++) {
        const struct conf_pool *p = c->pools6.at[i];
        char first[CONF_ADDR_TEXT];
        conf_line(o, "ipv6 local pool %s %s/%u %u", p->name, conf_addr_text(&p->first, first), p->pool_length,
                  p->length);
    }
}

// ------------------------------------------------------------------------------------------------ access lists

static bool has_wrong_wildcard(struct in_addr wild)
{
    uint32_t w = ntohl(wild.s_addr);
    return (w & (w + 1)) != 0;
}

// The entry that the words are; false with an error if they make none.
static bool entry(struct conf_reader *r, const struct args *a, struct conf_ace *e)
{
    const struct arg *wild = args_get(a, "wild"), *net = args_get(a, "net");
    memset(e, 0, sizeof(*e)); // padding too: entries are compared as memory
    e->permit = strcmp(args_text(a, "what"), "permit") == 0;
    if (args_get(a, "prefix") != NULL) {
        e->net = conf_arg_net(a, "none", "none", "none", "prefix");
        return conf_net_is_clean(&e->net) || conf_error(r, args_get(a, "prefix"), "has bits outside its length");
    }
    if (wild != NULL && has_wrong_wildcard(wild->addr)) {
        return conf_error(r, wild, "is no wildcard: its ones are to be at the end");
    }
    e->net.addr = conf_arg_addr(a, net != NULL ? "net" : "host", "none");
    e->net.length = (uint8_t)(wild != NULL ? 32 - conf_mask_length(wild->addr) : 32);
    if (net == NULL && args_get(a, "host") == NULL) { // any
        memset(&e->net, 0, sizeof(e->net));
        return true;
    }
    return conf_net_is_clean(&e->net) || conf_error(r, net, "has bits under its wildcard");
}

static bool edit(struct conf_reader *r, enum conf_op op, const struct args *a, struct conf_acl *l, uint8_t family)
{
    struct conf_ace e;
    unsigned i = 0;
    if (!entry(r, a, &e)) {
        return false;
    }
    e.net.addr.family = family;
    while (i < l->n && !conf_same(&l->at[i], &e, sizeof(e))) {
        i++;
    }
    if (op == CONF_SET && i == l->n) {
        if (i == CONF_ACES) {
            return conf_error(r, NULL, "at most %d entries", CONF_ACES);
        }
        l->at[l->n++] = e;
    } else if (op != CONF_SET && i < l->n) {
        memmove(&l->at[i], &l->at[i + 1], (l->n - i - 1) * sizeof(e));
        memset(&l->at[--l->n], 0, sizeof(e));
    }
    return true;
}

static bool is_number(const char *name)
{
    return name[strspn(name, "0123456789")] == '\0';
}

static void print_entries(struct conf_out *o, const struct conf_acl *l, const char *before)
{
    for (unsigned i = 0; i < l->n; i++) {
        const struct conf_ace *e = &l->at[i];
        const char *what = e->permit ? "permit" : "deny";
        char addr[CONF_ADDR_TEXT], wild[INET_ADDRSTRLEN];
        struct in_addr w = {htonl(e->net.length == 0 ? UINT32_MAX : (1ULL << (32 - e->net.length % 33)) - 1)};
        conf_addr_text(&e->net.addr, addr);
        if (e->net.length == 0) {
            conf_line(o, "%s%s %s", before, what, e->net.addr.family == 6 ? "ipv6 any any" : "any");
        } else if (e->net.addr.family == 6) {
            conf_line(o, "%s%s ipv6 %s/%u any", before, what, addr, e->net.length);
        } else if (e->net.length == 32) {
            conf_line(o, "%s%s host %s", before, what, addr);
        } else {
            conf_line(o, "%s%s %s %s", before, what, addr, inet_ntop(AF_INET, &w, wild, sizeof(wild)));
        }
    }
}

static bool run_numbered(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->acls;
    const char *number = args_text(a, "number");
    struct conf_acl *acl = conf_find(l, number);
    if (op != CONF_SET) {
        if (acl != NULL) {
            conf_drop(r->conf, l, acl);
        }
        return true;
    }
    struct conf_ace e;
    return entry(r, a, &e) && edit(r, op, a, conf_get(l, number, sizeof(*acl)), 4);
}

static void print_numbered(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->acls.n; i++) {
        const struct conf_acl *l = c->acls.at[i];
        char before[CONF_NAME + 16];
        if (is_number(l->name)) {
            snprintf(before, sizeof(before), "access-list %s ", l->name);
            print_entries(o, l, before);
        }
    }
}

static bool enter(struct conf_reader *r, enum conf_op op, const struct args *a, struct list *l, enum conf_mode mode)
{
    const struct arg *name = args_get(a, "acl");
    struct conf_acl *acl = conf_find(l, name->text);
    if (strlen(name->text) >= CONF_NAME) {
        return conf_error(r, name, "too long");
    }
    if (op == CONF_SET) {
        conf_enter(r, mode, conf_get(l, name->text, sizeof(*acl)));
    } else if (acl != NULL) {
        conf_drop(r->conf, l, acl);
    }
    return true;
}

static bool run_standard(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const struct arg *name = args_get(a, "acl");
    if (is_number(name->text) && (strlen(name->text) > 2 || strtol(name->text, NULL, 10) < 1)) {
        return conf_error(r, name, "standard access lists with a number have 1 to 99");
    }
    return enter(r, op, a, &r->conf->acls, CONF_ACL);
}

static void print_standard(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->acls.n; i++) {
        const struct conf_acl *l = c->acls.at[i];
        if (!is_number(l->name) || l->n == 0) {
            conf_line(o, "ip access-list standard %s", l->name);
            conf_print_mode(o, CONF_ACL, l);
            conf_line(o, "!");
        }
    }
}

static bool run_ipv6_list(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return enter(r, op, a, &r->conf->acls6, CONF_ACL6);
}

static void print_ipv6_list(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->acls6.n; i++) {
        const struct conf_acl *l = c->acls6.at[i];
        conf_line(o, "ipv6 access-list %s", l->name);
        conf_print_mode(o, CONF_ACL6, l);
        conf_line(o, "!");
    }
}

static bool run_entry(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return edit(r, op, a, conf_object(r), 4);
}

static bool run_entry6(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return edit(r, op, a, conf_object(r), 6);
}

static void print_entry(struct conf_out *o, const void *object)
{
    print_entries(o, object, "");
}

#define ENTRY_HELP                                                                                                     \
    "permit|These networks\ndeny|Not these\nany|All addresses\nhost|One address\nnet|Network\n"                        \
    "wild|Wildcard: ones where bits do not matter\n"

const struct conf_command conf_commands_access[] = {
    {CONF_GLOBAL, "ip local pool <name:name> <first:addr> [<last:addr>]",
     "ip local pool <name:name> [<first:addr> [<last:addr>]]",
     "local|Addresses given to peers\npool|A range of addresses\nname|Name of the pool\n"
     "first|First address\nlast|Last address\n",
     run_pool, print_pool},
    {CONF_GLOBAL, "ipv6 local pool <name:name> <prefix:prefix6> <length:1-128>",
     "ipv6 local pool <name:name> [<prefix:prefix6> [<length:1-128>]]",
     "ipv6|IPv6\nlocal|Addresses given to peers\npool|A prefix of addresses\nname|Name of the pool\n"
     "prefix|The pool's prefix\nlength|Length of the prefix that each peer is given; 128: one address\n",
     run_pool6, print_pool6},
    {CONF_GLOBAL, "access-list <number:1-99> <what:permit|deny> { any | host <host:addr> | <net:addr> [<wild:addr>] }",
     "access-list <number:1-99> [<what:permit|deny> { any | host <host:addr> | <net:addr> [<wild:addr>] }]",
     ENTRY_HELP "access-list|Add an entry to a list of networks; `no` takes the whole list away\n"
                "number|Number of the list\n",
     run_numbered, print_numbered},
    {CONF_GLOBAL, "ip access-list standard <acl:word>", NULL,
     "access-list|A list of networks\nstandard|By their own addresses\nacl|Name of the list\n", run_standard,
     print_standard},
    {CONF_ACL, "<what:permit|deny> { any | host <host:addr> | <net:addr> [<wild:addr>] }", NULL, ENTRY_HELP, run_entry,
     print_entry},
    {CONF_GLOBAL, "ipv6 access-list <acl:word>", NULL,
     "ipv6|IPv6\naccess-list|A list of networks\nacl|Name of the list\n", run_ipv6_list, print_ipv6_list},
    {CONF_ACL6, "<what:permit|deny> [ipv6] { any | <prefix:prefix6> } [any]", NULL,
     ENTRY_HELP "ipv6|Of any protocol\nprefix|Network and length\n", run_entry6, print_entry},
    {.grammar = NULL},
};
