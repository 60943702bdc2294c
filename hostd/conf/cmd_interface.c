// SPDX-License-Identifier: BSD-2-Clause
// interface and ip route.
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(struct in_addr addr, char *out)
{
    return inet_ntop(AF_INET, &addr, out, INET_ADDRSTRLEN);
}

static bool run_interface(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const struct arg *arg = args_get(a, "if");
    struct ifid id = arg->iface;
    bool tunnel_type = args_get(a, "type") != NULL;
    char name[CONF_NAME];
    ifid_format(id, name, sizeof(name));
    struct conf_if *f = conf_find(&r->conf->ifs, name);
    if (id.kind == IF_VACCESS || id.kind == IF_NULL) {
        return conf_error(r, arg, "%s interfaces are not configured", ifid_kind_name(id.kind));
    }
    if (id.kind == IF_ETHERNET && id.number > 1) {
        return conf_error(r, arg, "the ports are Ethernet0/0 (outside) and Ethernet0/1 (inside)");
    }
    if (op != CONF_SET) {
        if (f != NULL) {
            conf_drop(r->conf, &r->conf->ifs, f);
        }
        return true;
    }
    if (id.kind != IF_VTEMPLATE && tunnel_type) {
        return conf_error(r, args_get(a, "type"), "is for Virtual-Template interfaces");
    }
    if (f == NULL) {
        if (id.kind == IF_VTEMPLATE && !tunnel_type) {
            return conf_error(r, arg, "a new Virtual-Template needs its type: type tunnel");
        }
        f = conf_get(&r->conf->ifs, name, sizeof(*f));
        f->id = id;
        f->line = r->line;
    }
    conf_enter(r, CONF_INTERFACE, f);
    return true;
}

static void print_interface(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->ifs.n; i++) {
        const struct conf_if *f = c->ifs.at[i];
        conf_line(o, "interface %s%s", f->name, f->id.kind == IF_VTEMPLATE ? " type tunnel" : "");
        conf_print_mode(o, CONF_INTERFACE, f);
        conf_line(o, "!");
    }
}

static bool run_description(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    memset(f->description, 0, sizeof(f->description));
    if (op == CONF_SET && !str_copy(f->description, sizeof(f->description), args_text(a, "text"))) {
        return conf_error(r, NULL, "the description is longer than %d bytes", CONF_TEXT - 1);
    }
    return true;
}

static void print_description(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    if (f->description[0] != '\0') {
        conf_line(o, "description %s", f->description);
    }
}

static bool run_device(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    const struct arg *arg = args_get(a, "device");
    if (op == CONF_SET && (strlen(arg->text) >= sizeof(f->device) || strchr(arg->text, '/') != NULL)) {
        return conf_error(r, arg, "is not a name for a kernel device (at most 15 characters, no slash)");
    }
    if (op == CONF_SET && f->id.kind == IF_VTEMPLATE) {
        return conf_error(r, NULL, "a Virtual-Template has no device of its own");
    }
    str_copy(f->device, sizeof(f->device), op == CONF_SET ? arg->text : "");
    return true;
}

static void print_device(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    if (f->device[0] != '\0') {
        conf_line(o, "device %s", f->device);
    }
}

static bool run_address(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    const struct arg *addr = args_get(a, "addr");
    if (op != CONF_SET) {
        if (f->address_kind != CONF_ADDRESS_UNNUMBERED) {
            f->address_kind = CONF_ADDRESS_NONE;
            f->addr = f->mask = (struct in_addr){0};
        }
        return true;
    }
    if (addr == NULL && f->id.kind != IF_TUNNEL) {
        return conf_error(r, NULL, "only a Tunnel's address can be negotiated");
    }
    if (addr != NULL && f->id.kind == IF_VTEMPLATE) {
        return conf_error(r, NULL, "clones of a Virtual-Template cannot share an address: use ip unnumbered");
    }
    f->address_kind = addr == NULL ? CONF_ADDRESS_NEGOTIATED : CONF_ADDRESS_STATIC;
    f->addr = args_addr(a, "addr");
    f->mask = args_addr(a, "mask");
    f->unnumbered = (struct ifid){0};
    return true;
}

static void print_address(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char addr[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN];
    if (f->address_kind == CONF_ADDRESS_NEGOTIATED) {
        conf_line(o, "ip address negotiated");
    } else if (f->address_kind == CONF_ADDRESS_STATIC) {
        conf_line(o, "ip address %s %s", text_of(f->addr, addr), text_of(f->mask, mask));
    } else if (f->address_kind == CONF_ADDRESS_NONE) {
        conf_line(o, "no ip address");
    }
}

static bool run_unnumbered(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    const struct arg *of = args_get(a, "if");
    if (op != CONF_SET) {
        if (f->address_kind == CONF_ADDRESS_UNNUMBERED) {
            f->address_kind = CONF_ADDRESS_NONE;
            f->unnumbered = (struct ifid){0};
        }
        return true;
    }
    if (f->id.kind != IF_TUNNEL && f->id.kind != IF_VTEMPLATE) {
        return conf_error(r, NULL, "only a Tunnel or a Virtual-Template can be unnumbered");
    }
    f->address_kind = CONF_ADDRESS_UNNUMBERED;
    f->addr = f->mask = (struct in_addr){0};
    f->unnumbered = of->iface;
    f->unnumbered_line = r->line;
    f->unnumbered_word = of->word + 1;
    return true;
}

static void print_unnumbered(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char name[CONF_NAME];
    if (f->address_kind == CONF_ADDRESS_UNNUMBERED) {
        conf_line(o, "ip unnumbered %s", ifid_format(f->unnumbered, name, sizeof(name)));
    }
}

static bool run_mtu(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    ((struct conf_if *)conf_object(r))->mtu = op == CONF_SET ? args_number(a, "bytes", 0) : 0;
    return true;
}

static void print_mtu(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    if (f->mtu != 0) {
        conf_line(o, "ip mtu %u", f->mtu);
    }
}

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
    if (!needs_tunnel(r, false)) {
        return false;
    }
    const struct arg *iface = args_get(a, "if");
    f->has_source = op == CONF_SET;
    f->source = op == CONF_SET ? args_addr(a, "addr") : (struct in_addr){0};
    f->source_if = op == CONF_SET && iface != NULL ? iface->iface : (struct ifid){0};
    f->source_line = iface != NULL ? r->line : 0;
    f->source_word = iface != NULL ? iface->word + 1 : 0;
    return true;
}

static void print_source(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char text[CONF_NAME];
    if (f->has_source) {
        conf_line(o, "tunnel source %s",
                  f->source_if.kind != IF_NONE ? ifid_format(f->source_if, text, sizeof(text))
                                               : text_of(f->source, text));
    }
}

static bool run_destination(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_if *f = conf_object(r);
    if (!needs_tunnel(r, false)) {
        return false;
    }
    f->has_destination = op == CONF_SET;
    f->destination = f->has_destination ? args_addr(a, "addr") : (struct in_addr){0};
    return true;
}

static void print_destination(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    char text[INET_ADDRSTRLEN];
    if (f->has_destination) {
        conf_line(o, "tunnel destination %s", text_of(f->destination, text));
    }
}

static bool run_mode(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    if (!needs_tunnel(r, true)) {
        return false;
    }
    ((struct conf_if *)conf_object(r))->mode_ipsec = op == CONF_SET;
    return true;
}

static void print_mode(struct conf_out *o, const void *object)
{
    if (((const struct conf_if *)object)->mode_ipsec) {
        conf_line(o, "tunnel mode ipsec ipv4");
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

static bool run_shutdown(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_if *)conf_object(r))->shutdown = op == CONF_SET;
    return true;
}

static void print_shutdown(struct conf_out *o, const void *object)
{
    const struct conf_if *f = object;
    if (f->shutdown) {
        conf_line(o, "shutdown");
    } else if (o->all) {
        conf_line(o, "no shutdown");
    }
}

static bool run_route(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_route route = {.prefix = args_addr(a, "prefix"),
                               .mask = args_addr(a, "mask"),
                               .nexthop = args_addr(a, "nexthop"),
                               .distance = args_number(a, "distance", 1),
                               .line = r->line};
    const struct arg *iface = args_get(a, "if");
    if (iface != NULL) {
        route.iface = iface->iface;
        route.word = iface->word + 1;
    }
    if ((route.prefix.s_addr & ~route.mask.s_addr) != 0) {
        return conf_error(r, args_get(a, "prefix"), "has bits outside its mask");
    }
    struct list *l = &r->conf->routes;
    bool anything = iface == NULL && args_get(a, "nexthop") == NULL; // no ip route PREFIX MASK
    struct conf_route *same = NULL;
    for (size_t i = 0; i < l->n; i++) {
        struct conf_route *old = l->at[i];
        bool prefix = old->prefix.s_addr == route.prefix.s_addr && old->mask.s_addr == route.mask.s_addr;
        bool via = old->nexthop.s_addr == route.nexthop.s_addr && ifid_equal(old->iface, route.iface);
        if (prefix && op != CONF_SET && (via || anything)) {
            conf_drop(r->conf, l, old);
            i--;
        } else if (prefix && via) {
            same = old;
        }
    }
    if (op == CONF_SET && same != NULL) {
        *same = route;
    } else if (op == CONF_SET) {
        struct conf_route *n = must_alloc(sizeof(*n));
        *n = route;
        if (!list_add(l, n)) {
            return conf_error(r, NULL, "out of memory");
        }
    }
    return true;
}

static void print_route(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->routes.n; i++) {
        const struct conf_route *t = c->routes.at[i];
        char prefix[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN], via[CONF_NAME], distance[16] = "";
        if (t->iface.kind != IF_NONE) {
            ifid_format(t->iface, via, sizeof(via));
        } else {
            text_of(t->nexthop, via);
        }
        if (t->distance != 1) {
            snprintf(distance, sizeof(distance), " %u", t->distance);
        }
        conf_line(o, "ip route %s %s %s%s", text_of(t->prefix, prefix), text_of(t->mask, mask), via, distance);
    }
}

const struct conf_command conf_commands_interface[] = {
    {CONF_GLOBAL, "interface <if:if> [type <type:tunnel|>]", "interface <if:if> [type <type:tunnel|>]",
     "type|What a Virtual-Template makes\ntunnel|Tunnel interfaces\n", run_interface, print_interface},
    {CONF_INTERFACE, "description <text:line>", "description [<text:line>]", "description|A remark\ntext|The remark\n",
     run_description, print_description},
    {CONF_INTERFACE, "device <device:word>", "device [<device:word>]",
     "device|Name of the interface in the kernel\ndevice|The name\n", run_device, print_device},
    {CONF_INTERFACE, "ip address { <addr:addr> <mask:mask> | negotiated }",
     "ip address [ { <addr:addr> <mask:mask> | negotiated } ]",
     "address|Address of the interface\nnegotiated|Given by the peer\n", run_address, print_address},
    {CONF_INTERFACE, "ip unnumbered <if:if>", "ip unnumbered [<if:if>]",
     "unnumbered|Use the address of another interface\n", run_unnumbered, print_unnumbered},
    {CONF_INTERFACE, "ip mtu <bytes:576-9216>", "ip mtu [<bytes:576-9216>]", "mtu|Longest IP packet\nbytes|Bytes\n",
     run_mtu, print_mtu},
    {CONF_INTERFACE, "tunnel source { <addr:addr> | <if:if> }", "tunnel source [ { <addr:addr> | <if:if> } ]",
     "source|Our outer address\n", run_source, print_source},
    {CONF_INTERFACE, "tunnel destination <addr:addr>", "tunnel destination [<addr:addr>]",
     "destination|The peer's outer address\n", run_destination, print_destination},
    {CONF_INTERFACE, "tunnel mode ipsec ipv4", "tunnel mode [ipsec ipv4]",
     "mode|What the tunnel carries\nipv4|IPv4 packets\n", run_mode, print_mode},
    {CONF_INTERFACE, "tunnel protection ipsec profile <name:name>", "tunnel protection [ipsec profile [<name:name>]]",
     "protection|How the tunnel is protected\nprofile|By an IPsec profile\nname|Name of the profile\n", run_protection,
     print_protection},
    {CONF_INTERFACE, "shutdown", NULL, "shutdown|Take the interface down\n", run_shutdown, print_shutdown},
    {CONF_GLOBAL, "ip route <prefix:addr> <mask:mask> { <nexthop:addr> | <if:if> } [<distance:1-255>]",
     "ip route <prefix:addr> <mask:mask> [ { <nexthop:addr> | <if:if> } [<distance:1-255>] ]",
     "route|A static route\nprefix|Destination\nnexthop|Address of the next router\n"
     "distance|Less is preferred\n",
     run_route, print_route},
    {.grammar = NULL},
};
