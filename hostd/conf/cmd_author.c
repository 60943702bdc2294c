// SPDX-License-Identifier: BSD-2-Clause
// crypto ikev2 authorization policy: what peers are given and told, and what is taken of what they tell.
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <string.h>

static void restore(void *p)
{
    conf_default_author(p);
}

static bool *disabled(void *p)
{
    return &((struct conf_author *)p)->disabled;
}

static const struct conf_kind kind = {"crypto ikev2 authorization policy", CONF_AUTHOR, sizeof(struct conf_author),
                                      restore, disabled};

static bool run_author(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return conf_run_object(r, op, a, &r->conf->authors, &kind);
}

static void print_author(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    conf_print_objects(o, &c->authors, &kind);
}

// ------------------------------------------------------------------------------------------------ references

static bool set_ref(struct conf_reader *r, enum conf_op op, struct conf_ref *ref, const struct arg *arg)
{
    memset(ref, 0, sizeof(*ref));
    if (op == CONF_SET) {
        if (strlen(arg->text) >= CONF_NAME) {
            return conf_error(r, arg, "too long");
        }
        conf_set_ref(r, ref, arg);
    }
    return true;
}

static bool run_pool(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return set_ref(r, op, &((struct conf_author *)conf_object(r))->pool, args_get(a, "name"));
}

static void print_pool(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->pool.name[0] != '\0') {
        conf_line(o, "pool %s", p->pool.name);
    }
}

static bool run_pool6(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return set_ref(r, op, &((struct conf_author *)conf_object(r))->pool6, args_get(a, "name"));
}

static void print_pool6(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->pool6.name[0] != '\0') {
        conf_line(o, "ipv6 pool %s", p->pool6.name);
    }
}

static bool run_acl(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    const struct arg *six = args_get(a, "acl6"), *four = args_get(a, "acl");
    bool v6 = six != NULL || args_get(a, "family") != NULL;
    if (op != CONF_SET && four == NULL && six == NULL) { // both
        memset(&p->acl, 0, sizeof(p->acl));
        memset(&p->acl6, 0, sizeof(p->acl6));
        return true;
    }
    return set_ref(r, op, v6 ? &p->acl6 : &p->acl, six != NULL ? six : four);
}

static void print_acl(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->acl.name[0] != '\0') {
        conf_line(o, "route set access-list %s", p->acl.name);
    }
    if (p->acl6.name[0] != '\0') {
        conf_line(o, "route set access-list ipv6 %s", p->acl6.name);
    }
}

// ------------------------------------------------------------------------------------------------ names and addresses

static bool run_netmask(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    p->netmask = op == CONF_SET ? args_addr(a, "mask") : (struct in_addr){0};
    return true;
}

static void print_netmask(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    char text[INET_ADDRSTRLEN];
    if (p->netmask.s_addr != 0) {
        conf_line(o, "netmask %s", inet_ntop(AF_INET, &p->netmask, text, sizeof(text)));
    }
}

// The addresses of a list that are of a family go.
static void drop_family(struct ip_addr *list, unsigned *n, uint8_t family)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < *n; i++) {
        if (list[i].family != family) {
            list[kept++] = list[i];
        }
    }
    memset(&list[kept], 0, (*n - kept) * sizeof(list[0]));
    *n = kept;
}

// Replace what a list has of the families that are given.
static bool set_addrs(struct conf_reader *r, const struct args *a, struct ip_addr *list, unsigned *n, unsigned max)
{
    bool cleared[2] = {false, false};
    for (unsigned i = 0; i < a->n; i++) {
        bool six = strcmp(a->at[i].name, "addr6") == 0;
        if (!six && strcmp(a->at[i].name, "addr") != 0) {
            continue;
        }
        if (!cleared[six]) {
            drop_family(list, n, six ? 6 : 4);
            cleared[six] = true;
        }
        if (*n == max) {
            return conf_error(r, &a->at[i], "at most %u addresses", max);
        }
        list[*n].family = six ? 6 : 4;
        memcpy(list[*n].b, six ? (const void *)&a->at[i].addr6 : (const void *)&a->at[i].addr, six ? 16 : 4);
        (*n)++;
    }
    return true;
}

static void print_addrs(struct conf_out *o, const char *word, uint8_t family, const struct ip_addr *list, unsigned n)
{
    struct str s = {0};
    char text[CONF_ADDR_TEXT];
    for (unsigned i = 0; i < n; i++) {
        if (list[i].family == family) {
            str_addf(&s, " %s", conf_addr_text(&list[i], text));
        }
    }
    if (s.len > 0) {
        conf_line(o, "%s%s", word, str_text(&s));
    }
    str_free(&s);
}

static bool run_dns(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r), fresh = *p;
    if (op != CONF_SET) {
        drop_family(p->dns, &p->n_dns, 4);
        drop_family(p->dns, &p->n_dns, 6);
        return true;
    }
    if (!set_addrs(r, a, fresh.dns, &fresh.n_dns, CONF_DNS)) {
        return false;
    }
    *p = fresh;
    return true;
}

static bool run_dns6(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    if (op != CONF_SET) {
        drop_family(p->dns, &p->n_dns, 6);
        return true;
    }
    return run_dns(r, op, a);
}

static void print_dns(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    print_addrs(o, "dns", 4, p->dns, p->n_dns);
}

static void print_dns6(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    print_addrs(o, "ipv6 dns", 6, p->dns, p->n_dns);
}

static bool run_wins(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    drop_family(p->wins, &p->n_wins, 4);
    return op != CONF_SET || set_addrs(r, a, p->wins, &p->n_wins, CONF_WINS);
}

static void print_wins(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    print_addrs(o, "wins", 4, p->wins, p->n_wins);
}

// A host name, a domain or an address, short enough for all that take one.
static bool is_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len < CONF_NAME &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_")] == '\0';
}

static bool run_domain(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    const struct arg *arg = op == CONF_SET ? args_get(a, "domain") : NULL;
    if (arg != NULL && !is_name(arg->text)) {
        return conf_error(r, arg, "is no domain name");
    }
    memset(p->domain, 0, sizeof(p->domain));
    str_copy(p->domain, sizeof(p->domain), arg == NULL ? "" : arg->text);
    return true;
}

static void print_domain(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->domain[0] != '\0') {
        conf_line(o, "def-domain %s", p->domain);
    }
}

static bool run_banner(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    memset(p->banner, 0, sizeof(p->banner));
    return op != CONF_SET || str_copy(p->banner, sizeof(p->banner), args_text(a, "text")) ||
           conf_error(r, args_get(a, "text"), "too long");
}

static void print_banner(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->banner[0] != '\0') {
        conf_line(o, "banner %s", p->banner);
    }
}

// Add a word to a list of names, or take it out; without a word all go.
static bool edit_words(struct conf_reader *r, enum conf_op op, const struct arg *arg, char (*list)[CONF_NAME],
                       unsigned *n, unsigned max)
{
    unsigned i = 0;
    if (arg == NULL) {
        memset(list, 0, *n * sizeof(*list));
        *n = 0;
        return true;
    }
    if (!is_name(arg->text)) {
        return conf_error(r, arg, "is no name");
    }
    while (i < *n && strcmp(list[i], arg->text) != 0) {
        i++;
    }
    if (op == CONF_SET && i == *n) {
        if (*n == max) {
            return conf_error(r, arg, "at most %u", max);
        }
        str_copy(list[(*n)++], CONF_NAME, arg->text);
    } else if (op != CONF_SET && i < *n) {
        memmove(list[i], list[i + 1], (*n - i - 1) * sizeof(*list));
        memset(list[--*n], 0, sizeof(*list));
    }
    return true;
}

static bool run_split_dns(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    return edit_words(r, op, args_get(a, "domain"), p->split_dns, &p->n_split_dns, CONF_SPLIT_DNS);
}

static void print_split_dns(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    for (unsigned i = 0; i < p->n_split_dns; i++) {
        conf_line(o, "split-dns %s", p->split_dns[i]);
    }
}

static bool run_backup(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    return edit_words(r, op, args_get(a, "gateway"), p->backup, &p->n_backup, CONF_BACKUPS);
}

static void print_backup(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    for (unsigned i = 0; i < p->n_backup; i++) {
        conf_line(o, "backup-gateway %s", p->backup[i]);
    }
}

static bool run_local_lan(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_author *)conf_object(r))->local_lan = op == CONF_SET;
    return true;
}

static void print_local_lan(struct conf_out *o, const void *object)
{
    if (((const struct conf_author *)object)->local_lan) {
        conf_line(o, "include-local-lan");
    }
}

static bool run_lifetime(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    ((struct conf_author *)conf_object(r))->session_lifetime = op == CONF_SET ? args_number(a, "seconds", 0) : 0;
    return true;
}

static void print_lifetime(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->session_lifetime > 0) {
        conf_line(o, "session-lifetime %u", p->session_lifetime);
    }
}

// ------------------------------------------------------------------------------------------------ routes

static bool run_interface(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    const struct arg *arg = args_get(a, "iface");
    unsigned i = 0;
    if (arg == NULL) { // of the tunnel's own; `no` takes all of them, `default` what the smart default has
        p->route_interface = op == CONF_SET || (op == CONF_DEFAULT && strcmp(p->name, "default") == 0);
        if (op != CONF_SET) {
            memset(p->route_if, 0, sizeof(p->route_if));
            p->n_route_if = 0;
        }
        return true;
    }
    while (i < p->n_route_if && !ifid_equal(p->route_if[i].iface, arg->iface)) {
        i++;
    }
    if (op == CONF_SET && i == p->n_route_if) {
        if (i == CONF_ROUTE_IFS) {
            return conf_error(r, arg, "at most %d interfaces", CONF_ROUTE_IFS);
        }
        p->route_if[i].iface = arg->iface;
        p->route_if[i].line = r->line;
        p->route_if[i].word = arg->word + 1;
        p->n_route_if++;
    } else if (op != CONF_SET && i < p->n_route_if) {
        memmove(&p->route_if[i], &p->route_if[i + 1], (p->n_route_if - i - 1) * sizeof(p->route_if[0]));
        memset(&p->route_if[--p->n_route_if], 0, sizeof(p->route_if[0]));
    }
    return true;
}

static void print_interface(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    if (p->route_interface) {
        conf_line(o, "route set interface");
    } else if (strcmp(p->name, "default") == 0) {
        conf_line(o, "no route set interface"); // or reading it again would bring it back
    }
    for (unsigned i = 0; i < p->n_route_if; i++) {
        char name[CONF_NAME];
        conf_line(o, "route set interface %s", ifid_format(p->route_if[i].iface, name, sizeof(name)));
    }
}

static bool edit_nets(struct conf_reader *r, enum conf_op op, const struct args *a, struct conf_net *list, unsigned *n)
{
    const struct conf_net net = conf_arg_net(a, "net", "mask", "none", "prefix");
    const struct arg *arg = args_get(a, "prefix") != NULL ? args_get(a, "prefix") : args_get(a, "net");
    unsigned i = 0;
    if (arg == NULL) {
        memset(list, 0, *n * sizeof(*list));
        *n = 0;
        return true;
    }
    if (!conf_net_is_clean(&net)) {
        return conf_error(r, arg, "has bits outside its mask");
    }
    while (i < *n && !conf_same(&list[i], &net, sizeof(net))) {
        i++;
    }
    if (op == CONF_SET && i == *n) {
        if (i == CONF_ROUTES) {
            return conf_error(r, arg, "at most %d networks", CONF_ROUTES);
        }
        list[i] = net;
        (*n)++;
    } else if (op != CONF_SET && i < *n) {
        memmove(&list[i], &list[i + 1], (*n - i - 1) * sizeof(list[0]));
        memset(&list[--*n], 0, sizeof(list[0]));
    }
    return true;
}

static void print_nets(struct conf_out *o, const char *words, const struct conf_net *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char addr[CONF_ADDR_TEXT], mask[INET_ADDRSTRLEN];
        struct in_addr m = {htonl(list[i].length == 0 ? 0 : UINT32_MAX << (32 - list[i].length % 33))};
        conf_addr_text(&list[i].addr, addr);
        if (list[i].addr.family == 4) {
            conf_line(o, "%s ipv4 %s %s", words, addr, inet_ntop(AF_INET, &m, mask, sizeof(mask)));
        } else {
            conf_line(o, "%s ipv6 %s/%u", words, addr, list[i].length);
        }
    }
}

static bool run_remote(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    return edit_nets(r, op, a, p->remote, &p->n_remote);
}

static void print_remote(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    print_nets(o, "route set remote", p->remote, p->n_remote);
}

static bool run_local(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    return edit_nets(r, op, a, p->local, &p->n_local);
}

static void print_local(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    print_nets(o, "route set local", p->local, p->n_local);
}

static bool run_accept(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_author *p = conf_object(r);
    p->no_accept = op == CONF_NO;
    p->accept_tag = op == CONF_SET ? args_number(a, "tag-value", 0) : 0;
    p->accept_distance = op == CONF_SET ? args_number(a, "metric", 0) : 0;
    return true;
}

static void print_accept(struct conf_out *o, const void *object)
{
    const struct conf_author *p = object;
    struct str s = {0};
    if (p->accept_tag > 0) {
        str_addf(&s, " tag %u", p->accept_tag);
    }
    if (p->accept_distance > 0) {
        str_addf(&s, " distance %u", p->accept_distance);
    }
    if (p->no_accept) {
        conf_line(o, "no route accept any");
    } else if (s.len > 0 || o->all) {
        conf_line(o, "route accept any%s", str_text(&s));
    }
    str_free(&s);
}

// ------------------------------------------------------------------------------------------------ of the profile

static bool run_set_send(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_profile *)conf_object(r))->no_config_send = op == CONF_NO;
    return true;
}

static void print_set_send(struct conf_out *o, const void *object)
{
    bool no = ((const struct conf_profile *)object)->no_config_send;
    if (no || o->all) {
        conf_line(o, "%sconfig-exchange set send", no ? "no " : "");
    }
}

static bool run_set_accept(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_profile *)conf_object(r))->no_config_accept = op == CONF_NO;
    return true;
}

static void print_set_accept(struct conf_out *o, const void *object)
{
    bool no = ((const struct conf_profile *)object)->no_config_accept;
    if (no || o->all) {
        conf_line(o, "%sconfig-exchange set accept", no ? "no " : "");
    }
}

#define NET_HELP                                                                                                       \
    "route|Networks behind either end\nset|Tell, or install\nipv4|IPv4\nipv6|IPv6\nnet|Network\nmask|Its mask\n"       \
    "prefix|Network and length\n"

const struct conf_command conf_commands_author[] = {
    {CONF_GLOBAL, "crypto ikev2 authorization policy <name:name>", "crypto ikev2 authorization policy [<name:name>]",
     "authorization|What peers are given\npolicy|A set of attributes\nname|Name of the policy\n", run_author,
     print_author},
    {CONF_AUTHOR, "pool <name:name>", "pool [<name:name>]", "pool|Pool that IPv4 addresses come from\nname|Its name\n",
     run_pool, print_pool},
    {CONF_AUTHOR, "ipv6 pool <name:name>", "ipv6 pool [<name:name>]",
     "ipv6|IPv6\npool|Pool that addresses come from\nname|Its name\n", run_pool6, print_pool6},
    {CONF_AUTHOR, "netmask <mask:mask>", "netmask [<mask:mask>]", "netmask|Mask that is told with the address\n",
     run_netmask, print_netmask},
    {CONF_AUTHOR, "dns { <addr:addr> | <addr6:addr6> } ...", "dns [ { <addr:addr> | <addr6:addr6> } ... ]",
     "dns|Name servers that are told\naddr|Address of a name server\naddr6|Address of a name server\n", run_dns,
     print_dns},
    {CONF_AUTHOR, "ipv6 dns <addr6:addr6> ...", "ipv6 dns [<addr6:addr6> ...]",
     "ipv6|IPv6\ndns|Name servers that are told\naddr6|Address of a name server\n", run_dns6, print_dns6},
    {CONF_AUTHOR, "wins <addr:addr> [<addr:addr>]", "wins [<addr:addr> [<addr:addr>]]",
     "wins|WINS servers that are told\naddr|Address of a server\n", run_wins, print_wins},
    {CONF_AUTHOR, "def-domain <domain:word>", "def-domain [<domain:word>]",
     "def-domain|Default domain that is told\ndomain|Name of the domain\n", run_domain, print_domain},
    {CONF_AUTHOR, "split-dns <domain:word>", "split-dns [<domain:word>]",
     "split-dns|Domains whose names are asked for through the tunnel\ndomain|Name of a domain\n", run_split_dns,
     print_split_dns},
    {CONF_AUTHOR, "banner <text:line>", "banner [<text:line>]", "banner|Greeting of users\ntext|The text\n", run_banner,
     print_banner},
    {CONF_AUTHOR, "backup-gateway <gateway:word>", "backup-gateway [<gateway:word>]",
     "backup-gateway|Gateways to go to when this one fails, at most ten\ngateway|Name or address\n", run_backup,
     print_backup},
    {CONF_AUTHOR, "include-local-lan", NULL, "include-local-lan|Users may reach the network that they are in\n",
     run_local_lan, print_local_lan},
    {CONF_AUTHOR, "session-lifetime <seconds:1-31536000>", "session-lifetime [<seconds:1-31536000>]",
     "session-lifetime|A session ends after this\nseconds|Seconds\n", run_lifetime, print_lifetime},
    {CONF_AUTHOR, "subnet-acl <acl:word>", "subnet-acl [<acl:word>]",
     "subnet-acl|The same as route set access-list\nacl|Number or name of a standard access list\n", run_acl, NULL},
    {CONF_AUTHOR, "route set access-list { ipv6 <acl6:word> | <acl:word> [<family:ipv6|>] }",
     "route set access-list [ { ipv6 <acl6:word> | <acl:word> [<family:ipv6|>] } ]",
     NET_HELP "access-list|Tell the networks that an access list permits\nacl|Number or name\nacl6|Name\n", run_acl,
     print_acl},
    {CONF_AUTHOR, "route set interface [<iface:if>]", NULL,
     NET_HELP "interface|Tell the tunnel's own address, or the network of an interface\niface|The interface\n",
     run_interface, print_interface},
    {CONF_AUTHOR, "route set remote { [ipv4] <net:addr> <mask:mask> | ipv6 <prefix:prefix6> }",
     "route set remote [ { [ipv4] <net:addr> <mask:mask> | ipv6 <prefix:prefix6> } ]",
     NET_HELP "remote|Tell a network that the peer is to route to us\n", run_remote, print_remote},
    {CONF_AUTHOR, "route set local { [ipv4] <net:addr> <mask:mask> | ipv6 <prefix:prefix6> }",
     "route set local [ { [ipv4] <net:addr> <mask:mask> | ipv6 <prefix:prefix6> } ]",
     NET_HELP "local|Route a network to the peer, whatever it tells\n", run_local, print_local},
    {CONF_AUTHOR, "route accept any [tag <tag-value:1-4294967295>] [distance <metric:1-255>]",
     "route accept any [tag <tag-value:1-4294967295>] [distance <metric:1-255>]",
     "route|Networks behind either end\naccept|Route to the peer what it tells\nany|Any network\n"
     "tag|Mark of the routes\ntag-value|A number, shown with the routes\ndistance|Distance of the routes, 1 if it is "
     "not said\n"
     "metric|Distance\n",
     run_accept, print_accept},
    {CONF_PROFILE, "config-exchange set send", NULL,
     "config-exchange|Configuration payload\nset|What is told unasked once a session is up\n"
     "send|Tell the peer the authorization policy's networks\n",
     run_set_send, print_set_send},
    {CONF_PROFILE, "config-exchange set accept", NULL,
     "config-exchange|Configuration payload\nset|What is told unasked once a session is up\n"
     "accept|Take the networks that the peer tells\n",
     run_set_accept, print_set_accept},
    {.grammar = NULL},
};
