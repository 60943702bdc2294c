// SPDX-License-Identifier: BSD-2-Clause
// hostname, card; and `ip route`, which prints last of all.
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

const struct conf_command conf_commands_global[] = {
    {CONF_GLOBAL, "hostname <name:name>", "hostname", "hostname|Name of this gateway\nname|The name\n", run_hostname,
     print_hostname},
    {CONF_GLOBAL, "card { vfio-user <path:word> | pci <pci:word> }", "card",
     "card|The card that carries the traffic; without one it is done in software\n"
     "vfio-user|A card behind a vfio-user socket\npath|Path of the socket\n"
     "pci|A card on the PCI bus\npci|Address, 0000:01:00.0\n",
     run_card, print_card},
    {.grammar = NULL},
};
