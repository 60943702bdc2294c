// SPDX-License-Identifier: BSD-2-Clause
// The tunnel commands of interfaces: where a tunnel goes, and what it carries.
#include "hostd/conf/reader.h"

#include <string.h>

// Commands that say where a tunnel goes have no meaning elsewhere.
static bool needs_tunnel(struct conf_reader *r, bool template_too)
{
    const struct conf_if *f = conf_object(r);
    if (f->id.kind == IF_TUNNEL || (template_too && f->id.kind == IF_VTEMPLATE)) {
        return true;
    }
    return conf_error(r, NULL, "not a setting of %s", f->name);
}

static bool run_source(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    const struct arg *iface = args_get(a, "if"), *four = args_get(a, "addr"), *six = args_get(a, "addr6");
    const struct arg *at = iface != NULL ? iface : four != NULL ? four : six;
    if (!needs_tunnel(r, false)) {
        return false;
    }
    f->has_source = op == CONF_SET;
    f->source = !f->has_source ? (struct ip_addr){0}
                : four != NULL ? ip_from_v4(four->addr)
                : six != NULL  ? ip_from_v6(&six->addr6)
                               : (struct ip_addr){0};
    f->source_if = op == CONF_SET && iface != NULL ? iface->iface : (struct ifid){0};
    f->source_dynamic = f->has_source && at == NULL;
    f->source_line = f->has_source && at != NULL ? r->line : 0;
    f->source_word = f->has_source && at != NULL ? at->word + 1 : 0;
    return true;
}

static void print_source(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char name[CONF_NAME], addr[IP_TEXT];
    if (f->has_source) {
        conf_line(o, "tunnel source %s",
                  f->source_dynamic              ? "dynamic"
                  : f->source_if.kind != IF_NONE ? ifid_format(f->source_if, name, sizeof(name))
                                                 : ip_format(&f->source, addr));
    }
}

// May it be a name that is looked up? Letters, digits, '-', '_' and dots, and not all of it digits and dots.
static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_0123456789.";
    return text[strspn(text, all)] == '\0' && strpbrk(text, letters) != NULL && strlen(text) < CONF_TEXT;
}

static bool run_destination(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    const struct arg *to = args_get(a, "to");
    struct ip_addr addr = {0};
    if (!needs_tunnel(r, false)) {
        return false;
    }
    bool set = op == CONF_SET, named = set && to != NULL && !ip_parse(to->text, &addr);
    if (named && !is_name(to->text)) {
        return conf_error(r, to, "is neither an address nor a name");
    }
    if (set && (ip_is_any(&addr) || ip_is_link_local(&addr))) {
        return conf_error(r, to, "is not the address of a peer");
    }
    f->has_destination = set;
    f->destination = addr;
    f->destination_dynamic = set && to == NULL;
    str_copy(f->destination_name, sizeof(f->destination_name), named ? to->text : "");
    f->destination_line = set ? r->line : 0;
    f->destination_word = set && to != NULL ? to->word + 1 : 0;
    return true;
}

static void print_destination(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char addr[IP_TEXT];
    if (f->has_destination) {
        conf_line(o, "tunnel destination %s",
                  f->destination_dynamic           ? "dynamic"
                  : f->destination_name[0] != '\0' ? f->destination_name
                                                   : ip_format(&f->destination, addr));
    }
}

static const struct {
    const char *what, *over;
    enum conf_tunnel_mode mode;
} modes[] = {
    {"gre", "ip", CONF_MODE_GRE_IP},
    {"gre", "ipv6", CONF_MODE_GRE_IPV6},
    {"ipsec", "ipv4", CONF_MODE_IPSEC_IPV4},
    {"ipsec", "ipv6", CONF_MODE_IPSEC_IPV6},
};

static bool run_mode(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    bool gre = args_get(a, "gre") != NULL;
    const char *over = args_text(a, gre ? "gre" : "ipsec");
    if (!needs_tunnel(r, true)) {
        return false;
    }
    f->mode = CONF_MODE_GRE_IP;
    for (unsigned i = 0; op == CONF_SET && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if ((strcmp(modes[i].what, "gre") == 0) == gre && strcmp(modes[i].over, over) == 0) {
            f->mode = modes[i].mode;
        }
    }
    return true;
}

static void print_mode(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    bool tunnel = f->id.kind == IF_TUNNEL || f->id.kind == IF_VTEMPLATE || f->id.kind == IF_VACCESS;
    for (unsigned i = 0; tunnel && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (modes[i].mode == f->mode && (o->all || f->mode != CONF_MODE_GRE_IP)) {
            conf_line(o, "tunnel mode %s %s", modes[i].what, modes[i].over);
        }
    }
}

static bool run_key(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    if (!needs_tunnel(r, true)) {
        return false;
    }
    f->has_key = op == CONF_SET;
    f->key = f->has_key ? args_number(a, "key", 0) : 0;
    return true;
}

static void print_key(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    if (f->has_key) {
        conf_line(o, "tunnel key %u", f->key);
    }
}

static bool run_protection(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    if (!needs_tunnel(r, true)) {
        return false;
    }
    memset(&f->protection, 0, sizeof(f->protection));
    if (op == CONF_SET) {
        conf_set_ref(r, &f->protection, args_get(a, "name"));
    }
    return true;
}

static void print_protection(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    if (f->protection.name[0] != '\0') {
        conf_line(o, "tunnel protection ipsec profile %s", f->protection.name);
    }
}

const struct conf_command conf_commands_tunnel[] = {
    {CONF_INTERFACE, "tunnel source { dynamic | <if:if> | <addr:addr> | <addr6:addr6> }",
     "tunnel source [ { dynamic | <if:if> | <addr:addr> | <addr6:addr6> } ]",
     "source|Our outer address\ndynamic|That which leads to the destination\n", run_source, print_source},
    {CONF_INTERFACE, "tunnel destination { dynamic | <to:word> }", "tunnel destination [ { dynamic | <to:word> } ]",
     "destination|The peer's outer address\ndynamic|Whoever calls\nto|Its address, IPv4 or IPv6, or its name\n",
     run_destination, print_destination},
    {CONF_INTERFACE, "tunnel mode { gre <gre:ip|ipv6> | ipsec <ipsec:ipv4|ipv6> }",
     "tunnel mode [ { gre <gre:ip|ipv6> | ipsec <ipsec:ipv4|ipv6> } ]",
     "mode|How packets are carried\ngre|Generic routing encapsulation\nip|Over IPv4\nipv6|Over IPv6\n"
     "ipsec|IPsec alone\nipv4|Over IPv4\n",
     run_mode, print_mode},
    {CONF_INTERFACE, "tunnel key <key:0-4294967295>", "tunnel key [<key:0-4294967295>]",
     "key|Key in GRE's header, which both ends must have\n", run_key, print_key},
    {CONF_INTERFACE, "tunnel protection ipsec profile <name:name>", "tunnel protection [ipsec profile [<name:name>]]",
     "protection|How the tunnel is protected\nprofile|By an IPsec profile\nname|Name of the profile\n", run_protection,
     print_protection},
    {.grammar = NULL},
};
