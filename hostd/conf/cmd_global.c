// SPDX-License-Identifier: BSD-2-Clause
// hostname, card, ip local pool; and `ip route`, which prints last of all.
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <string.h>

static bool run_hostname(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    str_copy(r->conf->hostname, sizeof(r->conf->hostname), op == CONF_SET ? args_text(a, "name") : "culvert");
    return true;
}

static void print_hostname(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (o->all || strcmp(c->hostname, "culvert") != 0) {
        conf_line(o, "hostname %s", c->hostname);
    }
}

static bool run_card(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf *c = r->conf;
    c->card = CONF_CARD_NONE;
    c->card_path[0] = '\0';
    if (op != CONF_SET) {
        return true;
    }
    const struct arg *path = args_get(a, "path"), *pci = args_get(a, "pci");
    const struct arg *where = path != NULL ? path : pci;
    if (!str_copy(c->card_path, sizeof(c->card_path), where->text)) {
        return conf_error(r, where, "too long");
    }
    c->card = path != NULL ? CONF_CARD_VFIO_USER : CONF_CARD_PCI;
    return true;
}

static void print_card(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    if (c->card != CONF_CARD_NONE) {
        conf_line(o, "card %s %s", c->card == CONF_CARD_PCI ? "pci" : "vfio-user", c->card_path);
    } else if (o->all) {
        conf_line(o, "no card");
    }
}

static bool run_pool(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->pools;
    const char *name = args_text(a, "name");
    if (op != CONF_SET) {
        struct conf_pool *p = conf_find(l, name);
        if (p != NULL) {
            conf_drop(r->conf, l, p);
        }
        return true;
    }
    struct in_addr first = args_addr(a, "first");
    struct in_addr last = args_get(a, "last") != NULL ? args_addr(a, "last") : first;
    if (ntohl(last.s_addr) < ntohl(first.s_addr)) {
        return conf_error(r, args_get(a, "last"), "is below the first address");
    }
    if (ntohl(last.s_addr) - ntohl(first.s_addr) >= 1U << 20) {
        return conf_error(r, args_get(a, "last"), "a pool has at most 1048576 addresses");
    }
    struct conf_pool *p = conf_get(l, name, sizeof(*p));
    p->first = first;
    p->last = last;
    return true;
}

static void print_pool(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->pools.n; i++) {
        const struct conf_pool *p = c->pools.at[i];
        char first[INET_ADDRSTRLEN], last[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &p->first, first, sizeof(first));
        inet_ntop(AF_INET, &p->last, last, sizeof(last));
        conf_line(o, "ip local pool %s %s %s", p->name, first, last);
    }
}

const struct conf_command conf_commands_global[] = {
    {CONF_GLOBAL, "hostname <name:name>", "hostname", "hostname|Name of this gateway\nname|The name\n", run_hostname,
     print_hostname},
    {CONF_GLOBAL, "card { vfio-user <path:word> | pci <pci:word> }", "card",
     "card|The card that carries the traffic; without one it is done in software\n"
     "vfio-user|A card behind a vfio-user socket\npath|Path of the socket\n"
     "pci|A card on the PCI bus\npci|Address, 0000:01:00.0\n",
     run_card, print_card},
    {CONF_GLOBAL, "ip local pool <name:name> <first:addr> [<last:addr>]",
     "ip local pool <name:name> [<first:addr> [<last:addr>]]",
     "local|Addresses given to peers\npool|A range of addresses\nname|Name of the pool\n"
     "first|First address\nlast|Last address\n",
     run_pool, print_pool},
    {.grammar = NULL},
};
