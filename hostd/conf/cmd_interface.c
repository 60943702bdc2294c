// SPDX-License-Identifier: BSD-2-Clause
// interface: what all of them have, and their IPv4 address.
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

const struct conf_command conf_commands_interface[] = {
    {CONF_GLOBAL, "interface <if:if> [type <type:tunnel|>]", "interface <if:if> [type <type:tunnel|>]",
     "type|What a Virtual-Template makes\ntunnel|Tunnel interfaces\n", run_interface, print_interface},
    {CONF_INTERFACE, "description <text:line>", "description [<text:line>]", "description|A remark\ntext|The remark\n",
     run_description, print_description},
    {CONF_INTERFACE, "device <device:word>", "device [<device:word>]",
     "device|Name of the interface in the kernel; of a Virtual-Template: one that all its sessions share\n"
     "device|The name\n",
     run_device, print_device},
    {CONF_INTERFACE, "ip address { <addr:addr> <mask:mask> | negotiated }",
     "ip address [ { <addr:addr> <mask:mask> | negotiated } ]",
     "address|Address of the interface\nnegotiated|Given by the peer\n", run_address, print_address},
    {CONF_INTERFACE, "ip unnumbered <if:if>", "ip unnumbered [<if:if>]",
     "unnumbered|Use the address of another interface\n", run_unnumbered, print_unnumbered},
    {CONF_INTERFACE, "ip mtu <bytes:576-9216>", "ip mtu [<bytes:576-9216>]", "mtu|Longest IP packet\nbytes|Bytes\n",
     run_mtu, print_mtu},
    {CONF_INTERFACE, "shutdown", NULL, "shutdown|Take the interface down\n", run_shutdown, print_shutdown},
    {.grammar = NULL},
};
