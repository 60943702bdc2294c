// SPDX-License-Identifier: BSD-2-Clause
// IPv6 of interfaces.
#include "hostd/conf/reader.h"

#include <string.h>

static void clear_addresses(struct conf_if *f)
{
    memset(f->addr6, 0, sizeof(f->addr6));
    f->n_addr6 = 0;
    f->address6_kind = CONF_ADDRESS_NONE;
}

static void drop_address(struct conf_if *f, const struct ip_addr *addr, unsigned length)
{
    for (unsigned i = f->n_addr6; i-- > 0;) {
        if (ip_equal(&f->addr6[i].addr, addr) && f->addr6[i].length == length) {
            f->n_addr6--;
            memmove(&f->addr6[i], &f->addr6[i + 1], (f->n_addr6 - i) * sizeof(f->addr6[0]));
            memset(&f->addr6[f->n_addr6], 0, sizeof(f->addr6[0]));
        }
    }
    if (f->n_addr6 == 0) {
        f->address6_kind = CONF_ADDRESS_NONE;
    }
}

static bool run_address(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    const struct arg *text = args_get(a, "addr");
    struct ip_addr addr = text == NULL ? (struct ip_addr){0} : ip_from_v6(&text->addr6);
    unsigned length = text == NULL ? 0 : text->length;
    if (op != CONF_SET && text != NULL) {
        drop_address(f, &addr, length);
        return true;
    }
    if (op != CONF_SET) {
        if (f->address6_kind != CONF_ADDRESS_UNNUMBERED) {
            clear_addresses(f);
        }
        return true;
    }
    if (text == NULL && f->id.kind != IF_TUNNEL) {
        return conf_error(r, NULL, "only a Tunnel's address can be negotiated");
    }
    if (text != NULL && f->id.kind == IF_VTEMPLATE) {
        return conf_error(r, NULL, "clones of a Virtual-Template cannot share an address: use ipv6 unnumbered");
    }
    if (text != NULL && (ip_is_any(&addr) || ip_is_link_local(&addr) || addr.b[0] == 0xff)) {
        return conf_error(r, text, "is not a global unicast address; ipv6 enable makes a link-local one");
    }
    if (f->address6_kind != CONF_ADDRESS_STATIC || text == NULL) {
        clear_addresses(f);
    }
    f->unnumbered6 = (struct ifid){0};
    f->address6_kind = text == NULL ? CONF_ADDRESS_NEGOTIATED : CONF_ADDRESS_STATIC;
    for (unsigned i = 0; i < f->n_addr6; i++) {
        if (ip_equal(&f->addr6[i].addr, &addr)) {
            f->addr6[i].length = length;
            return true;
        }
    }
    if (text != NULL && f->n_addr6 == CONF_ADDRESSES6) {
        return conf_error(r, text, "is one too many: at most %d addresses", CONF_ADDRESSES6);
    }
    if (text != NULL) {
        f->addr6[f->n_addr6].addr = addr;
        f->addr6[f->n_addr6++].length = length;
    }
    return true;
}

static void print_address(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char text[IP_TEXT];
    if (f->address6_kind == CONF_ADDRESS_NEGOTIATED) {
        conf_line(o, "ipv6 address negotiated");
    }
    for (unsigned i = 0; i < f->n_addr6; i++) {
        conf_line(o, "ipv6 address %s/%u", ip_format(&f->addr6[i].addr, text), f->addr6[i].length);
    }
}

static bool run_unnumbered(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    const struct arg *of = args_get(a, "if");
    if (op != CONF_SET) {
        if (f->address6_kind == CONF_ADDRESS_UNNUMBERED) {
            f->address6_kind = CONF_ADDRESS_NONE;
            f->unnumbered6 = (struct ifid){0};
        }
        return true;
    }
    if (f->id.kind != IF_TUNNEL && f->id.kind != IF_VTEMPLATE) {
        return conf_error(r, NULL, "only a Tunnel or a Virtual-Template can be unnumbered");
    }
    clear_addresses(f);
    f->address6_kind = CONF_ADDRESS_UNNUMBERED;
    f->unnumbered6 = of->iface;
    f->unnumbered6_line = r->line;
    f->unnumbered6_word = of->word + 1;
    return true;
}

static void print_unnumbered(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char name[CONF_NAME];
    if (f->address6_kind == CONF_ADDRESS_UNNUMBERED) {
        conf_line(o, "ipv6 unnumbered %s", ifid_format(f->unnumbered6, name, sizeof(name)));
    }
}

static bool run_enable(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_if *)conf_object(r))->ipv6_enable = op == CONF_SET;
    return true;
}

static void print_enable(struct conf_out *o, const void *object)
{
    if (((const struct conf_if *)object)->ipv6_enable) {
        conf_line(o, "ipv6 enable");
    }
}

const struct conf_command conf_commands_ipv6[] = {
    {CONF_INTERFACE, "ipv6 address { <addr:prefix6> | negotiated }", "ipv6 address [ { <addr:prefix6> | negotiated } ]",
     "ipv6|IPv6\naddress|Address of the interface\naddr|With the length of its network\nnegotiated|Given by the peer\n",
     run_address, print_address},
    {CONF_INTERFACE, "ipv6 unnumbered <if:if>", "ipv6 unnumbered [<if:if>]",
     "ipv6|IPv6\nunnumbered|Use the address of another interface\n", run_unnumbered, print_unnumbered},
    {CONF_INTERFACE, "ipv6 enable", NULL, "ipv6|IPv6\nenable|With a link-local address\n", run_enable, print_enable},
    {.grammar = NULL},
};
