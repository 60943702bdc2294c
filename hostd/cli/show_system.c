// SPDX-License-Identifier: BSD-2-Clause
// show version, running-config, card, interfaces, ip interface brief, ip route, ip local pool.
#include "hostd/cli/exec.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

// ------------------------------------------------------------------------------------------------ version

static void run_version(struct exec *x, const struct args *a)
{
    (void)a;
    const struct culvertd *d = exec_daemon(x);
    exec_done(x, json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "name", "Culvert", "hostname", d->conf->hostname,
                           "datapath", d->links.ports ? "card" : "software", "openssl",
                           OpenSSL_version(OPENSSL_VERSION), "libuv", uv_version_string(), "uptime_seconds",
                           (json_int_t)((daemon_now(d) - d->started) / MICROSECONDS), "configuration",
                           (json_int_t)d->conf_version));
}

static void render_version(struct str *out, const json_t *v)
{
    str_addf(out, "Culvert VPN gateway, %s datapath\n%s, libuv %s\n%s uptime is %lld seconds, configuration %lld\n",
             show_text(v, "datapath"), show_text(v, "openssl"), show_text(v, "libuv"), show_text(v, "hostname"),
             show_number(v, "uptime_seconds"), show_number(v, "configuration"));
}

// ------------------------------------------------------------------------------------------------ running-config

static void run_running(struct exec *x, const struct args *a)
{
    const struct culvertd *d = exec_daemon(x);
    struct str text = {0};
    conf_show(d->lang, d->conf, args_get(a, "all") != NULL, &text);
    json_t *lines = json_array();
    for (const char *line = str_text(&text); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        json_array_append_new(lines, json_stringn(line, len));
        line += len + (line[len] == '\n');
    }
    str_free(&text);
    exec_done(x, json_pack("{s:o}", "lines", lines));
}

static void render_running(struct str *out, const json_t *data)
{
    size_t i;
    json_t *line;
    json_array_foreach(json_object_get(data, "lines"), i, line)
    {
        str_addf(out, "%s\n", json_string_value(line));
    }
}

// ------------------------------------------------------------------------------------------------ card

struct card {
    struct exec *x;
    json_t *data;
};

static void on_card_counters(void *arg, const struct dp_counter *counters, size_t n)
{
    struct card *k = arg;
    json_t *list = json_array();
    for (size_t i = 0; counters != NULL && i < n; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "name", counters[i].name, "help",
                                              counters[i].help == NULL ? "" : counters[i].help, "value",
                                              (json_int_t)counters[i].value));
    }
    json_object_set_new(k->data, "counters", list);
    exec_done(k->x, k->data);
    free(k);
}

static void on_card_info(void *arg, const struct dp_info *info)
{
    struct card *k = arg;
    if (info == NULL) {
        json_decref(k->data);
        exec_fail(k->x, "the datapath does not answer");
        free(k);
        return;
    }
    json_object_set_new(k->data, "kind", json_string(info->kind));
    json_object_set_new(k->data, "text", json_string(info->text));
    json_object_set_new(k->data, "ciphers", show_names(info->cipher));
    json_object_set_new(k->data, "integrity", show_names(info->integ));
    json_object_set_new(k->data, "esn", json_boolean(info->esn));
    json_object_set_new(k->data, "ports", json_boolean(info->ports));
    json_object_set_new(k->data, "max_sas", json_integer(info->max_sas));
    dp_counters(exec_daemon(k->x)->dp, on_card_counters, k);
}

static void run_card(struct exec *x, const struct args *a)
{
    (void)a;
    struct culvertd *d = exec_daemon(x);
    struct card *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        exec_fail(x, "out of memory");
        return;
    }
    static const char *const names[] = {"soft_lifetime", "hard_lifetime", "sequence_exhausted",
                                        "replay",        "not_authentic", "unknown_spi",
                                        "link",          "failed",        "outside_selectors"};
    json_t *events = json_object();
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        json_object_set_new(events, names[i], json_integer((json_int_t)d->events[i]));
    }
    k->x = x;
    k->data = json_pack("{s:s, s:o}", "where", d->conf->card_path, "events", events);
    dp_info(d->dp, on_card_info, k);
}

static void render_card(struct str *out, const json_t *data)
{
    size_t i;
    json_t *one;
    const char *key;
    str_addf(out, "Datapath: %s%s%s\n%s", show_text(data, "kind"), show_text(data, "where")[0] != '\0' ? " at " : "",
             show_text(data, "where"), show_text(data, "text"));
    str_addf(out, "Security associations: at most %lld, extended sequence numbers: %s\n", show_number(data, "max_sas"),
             show_true(data, "esn") ? "yes" : "no");
    show_render_names(out, 0, "Ciphers", json_object_get(data, "ciphers"));
    show_render_names(out, 0, "Integrity", json_object_get(data, "integrity"));
    str_add(out, "Counters:\n");
    json_array_foreach(json_object_get(data, "counters"), i, one)
    {
        str_addf(out, "  %-28s %16lld  %s\n", show_text(one, "name"), show_number(one, "value"),
                 show_text(one, "help"));
    }
    str_add(out, "Events:\n");
    json_object_foreach(json_object_get(data, "events"), key, one)
    {
        str_addf(out, "  %-28s %16lld\n", key, (long long)json_integer_value(one));
    }
}

// ------------------------------------------------------------------------------------------------ interfaces

static json_t *addresses6(const struct link *k)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < k->n_addr; i++) {
        char text[IP_TEXT];
        if (k->addr[i].addr.family == 6) {
            json_array_append_new(list, json_sprintf("%s/%u", ip_format(&k->addr[i].addr, text), k->addr[i].length));
        }
    }
    return list;
}

static void run_interfaces(struct exec *x, const struct args *a)
{
    (void)a;
    const struct culvertd *d = exec_daemon(x);
    json_t *list = json_array();
    for (size_t i = 0; i < d->links.all.n; i++) {
        const struct link *k = d->links.all.at[i];
        struct nl_link info = {0};
        struct ip_addr addr = {0};
        bool there = nl_link_get_index(d->links.nl, k->index, &info) == 0;
        bool has = links_address(&d->links, k->id, 4, &addr);
        bool protocol = there && info.up && (k->has_tunnel ? k->sessions > 0 : info.running);
        struct netdev_counters n = k->dev == NULL ? (struct netdev_counters){0} : netdev_counters(k->dev);
        json_t *o =
            json_pack("{s:s, s:s, s:o, s:b, s:b, s:i, s:s}", "interface", k->name, "device", k->device, "address",
                      has ? show_ip(&addr) : json_string("unassigned"), "up", there && info.up, "protocol", protocol,
                      "mtu", (int)info.mtu, "description", k->description == NULL ? "" : k->description);
        json_object_set_new(o, "ipv6", addresses6(k));
        json_object_set_new(o, "from_kernel", json_integer((json_int_t)n.read));
        json_object_set_new(o, "to_kernel", json_integer((json_int_t)n.written));
        json_object_set_new(o, "to_kernel_errors", json_integer((json_int_t)n.write_errors));
        json_object_set_new(o, "send_errors", json_integer((json_int_t)k->send_errors));
        json_array_append_new(list, o);
    }
    exec_done(x,
              json_pack("{s:o, s:I}", "interfaces", list, "gre_dropped", (json_int_t)gre_links_dropped(d->links.gre)));
}

static void render_brief(struct str *out, const json_t *data)
{
    size_t i;
    json_t *k;
    str_addf(out, "%-22s %-15s %-14s %-6s %-8s %s\n", "Interface", "IP-Address", "Device", "Status", "Protocol", "MTU");
    json_array_foreach(json_object_get(data, "interfaces"), i, k)
    {
        str_addf(out, "%-22s %-15s %-14s %-6s %-8s %lld\n", show_text(k, "interface"), show_text(k, "address"),
                 show_text(k, "device"), show_true(k, "up") ? "up" : "down", show_true(k, "protocol") ? "up" : "down",
                 show_number(k, "mtu"));
    }
}

static void render_interfaces(struct str *out, const json_t *data)
{
    size_t i;
    json_t *k;
    json_array_foreach(json_object_get(data, "interfaces"), i, k)
    {
        str_addf(out, "%s is %s, line protocol is %s\n", show_text(k, "interface"), show_true(k, "up") ? "up" : "down",
                 show_true(k, "protocol") ? "up" : "down");
        if (show_text(k, "description")[0] != '\0') {
            str_addf(out, "  Description: %s\n", show_text(k, "description"));
        }
        str_addf(out, "  Kernel device %s, internet address %s, MTU %lld bytes\n", show_text(k, "device"),
                 show_text(k, "address"), show_number(k, "mtu"));
        size_t n;
        json_t *six;
        json_array_foreach(json_object_get(k, "ipv6"), n, six)
        {
            str_addf(out, "  IPv6 address %s\n", json_string_value(six));
        }
        str_addf(out, "  %lld packets from the kernel (%lld not taken by the datapath), %lld to it (%lld errors)\n",
                 show_number(k, "from_kernel"), show_number(k, "send_errors"), show_number(k, "to_kernel"),
                 show_number(k, "to_kernel_errors"));
    }
    if (show_number(data, "gre_dropped") > 0) {
        str_addf(out, "GRE without protection: %lld packets that belong to no tunnel, or are malformed, were dropped\n",
                 show_number(data, "gre_dropped"));
    }
}

// ------------------------------------------------------------------------------------------------ routes

struct route_walk {
    struct culvertd *d;
    uint8_t family;
    json_t *list;
};

static void add_route(void *arg, const struct mirror_entry *e)
{
    struct route_walk *w = arg;
    static const char *const targets[] = {"host", "drop", "tunnel", "neighbour"};
    char prefix[IP_TEXT];
    const struct link *k = e->device == 0 ? NULL : links_by_index(&w->d->links, e->device);
    struct nl_link info = {0};
    if (k == NULL && e->device != 0) {
        nl_link_get_index(w->d->links.nl, e->device, &info);
    }
    if (e->route.prefix.family != w->family) {
        return;
    }
    ip_format(&e->route.prefix, prefix);
    bool host = e->route.length == ip_bits(&e->route.prefix);
    const char *code = e->protocol == NL_ROUTE_PROTOCOL                                    ? "S"
                       : e->route.to == DP_TO_HOST && host && e->protocol == RTPROT_KERNEL ? "L"
                       : e->protocol == RTPROT_KERNEL || e->protocol == 0                  ? "C"
                                                                                           : "K";
    json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:i, s:b}", "prefix", json_sprintf("%s/%u", prefix, e->route.length),
                          "code", code, "interface", k != NULL ? k->name : info.name, "target", targets[e->route.to],
                          "metric", (int)e->metric, "refused", e->failed);
    if (ip_is_set(&e->gateway)) {
        json_object_set_new(o, "gateway", show_ip(&e->gateway));
    }
    if (e->route.to == DP_TO_NEIGHBOUR) {
        json_object_set_new(o, "neighbour", show_ip(&e->route.neighbour));
    }
    struct ike_net net = {.net = {.family = e->route.prefix.family}, .prefix = (uint8_t)e->route.length};
    memcpy(net.net.b, e->route.prefix.b, sizeof(net.net.b));
    const struct told_route *told = told_find(&w->d->told, &net, e->metric);
    if (told != NULL) {
        json_object_set_new(o, "session", json_integer(told_session_id(told)));
        json_object_set_new(o, "tag", json_integer(told->tag));
    }
    json_array_append_new(w->list, o);
}

static int by_prefix(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    struct ip_addr p = {0}, q = {0};
    char left[64], right[64];
    snprintf(left, sizeof(left), "%s", show_text(x, "prefix"));
    snprintf(right, sizeof(right), "%s", show_text(y, "prefix"));
    char *ls = strchr(left, '/'), *rs = strchr(right, '/');
    *ls = *rs = '\0';
    ip_parse(left, &p);
    ip_parse(right, &q);
    int order = memcmp(p.b, q.b, sizeof(p.b));
    return order != 0 ? order : atoi(ls + 1) - atoi(rs + 1);
}

static json_t *sorted(json_t *list)
{
    size_t n = json_array_size(list);
    json_t **at = calloc(n + 1, sizeof(void *));
    if (at == NULL) {
        return list;
    }
    for (size_t i = 0; i < n; i++) {
        at[i] = json_array_get(list, i);
    }
    qsort(at, n, sizeof(void *), by_prefix);
    json_t *out = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append(out, at[i]);
    }
    free(at);
    json_decref(list);
    return out;
}

static void show_routes(struct exec *x, uint8_t family)
{
    struct route_walk w = {exec_daemon(x), family, json_array()};
    mirror_walk(w.d->mirror, add_route, &w);
    struct mirror_counters n = mirror_counters(w.d->mirror);
    exec_done(x, json_pack("{s:o, s:{s:I, s:I, s:I, s:I, s:I}}", "routes", sorted(w.list), "mirror", "messages",
                           (json_int_t)n.messages, "overruns", (json_int_t)n.overruns, "set", (json_int_t)n.routes_set,
                           "deleted", (json_int_t)n.routes_deleted, "refused", (json_int_t)n.refused));
}

static void run_route(struct exec *x, const struct args *a)
{
    (void)a;
    show_routes(x, 4);
}

static void run_route6(struct exec *x, const struct args *a)
{
    (void)a;
    show_routes(x, 6);
}

static void render_route(struct str *out, const json_t *data)
{
    size_t i;
    json_t *r;
    str_add(out, "Codes: L - local, C - connected, S - static or of a session, K - from the kernel\n"
                 "       in brackets what the datapath does\n\n");
    json_array_foreach(json_object_get(data, "routes"), i, r)
    {
        const char *gateway = show_text(r, "gateway"), *neighbour = show_text(r, "neighbour");
        str_addf(out, "%-4s %-20s", show_text(r, "code"), show_text(r, "prefix"));
        if (gateway[0] != '\0') {
            str_addf(out, " via %s,", gateway);
        }
        str_addf(out, " %s [%s%s%s]%s",
                 show_text(r, "interface")[0] != '\0' ? show_text(r, "interface") : "directly connected",
                 show_text(r, "target"), neighbour[0] != '\0' ? " " : "", neighbour,
                 show_true(r, "refused") ? " REFUSED" : "");
        if (show_number(r, "session") != 0) {
            str_addf(out, ", told by session %lld, distance %lld", show_number(r, "session"), show_number(r, "metric"));
        }
        if (show_number(r, "tag") != 0) {
            str_addf(out, ", tag %lld", show_number(r, "tag"));
        }
        str_add(out, "\n");
    }
}

// ------------------------------------------------------------------------------------------------ pools

static void add_pool(struct culvertd *d, json_t *list, const struct conf_pool *p)
{
    uint32_t size, used;
    char first[64], last[64];
    pools_count(&d->pools, p, &size, &used);
    json_t *o =
        json_pack("{s:s, s:I, s:I}", "name", p->name, "taken", (json_int_t)used, "free", (json_int_t)(size - used));
    ike_addr_format(&p->first, first, sizeof(first));
    if (p->first.family == 4) {
        struct ip_addr end = conf_pool_last(p);
        json_object_set_new(o, "first", json_string(first));
        json_object_set_new(o, "last", json_string(ike_addr_format(&end, last, sizeof(last))));
    } else {
        json_object_set_new(o, "first", json_sprintf("%s/%u", first, p->pool_length));
        json_object_set_new(o, "last", json_sprintf("/%u each", p->length));
    }
    json_array_append_new(list, o);
}

static void show_pools(struct exec *x, const struct args *a, const struct list *pools)
{
    const struct arg *name = args_get(a, "name");
    json_t *list = json_array();
    for (size_t i = 0; i < pools->n; i++) {
        const struct conf_pool *p = pools->at[i];
        if (name == NULL || strcmp(name->text, p->name) == 0) {
            add_pool(exec_daemon(x), list, p);
        }
    }
    exec_done(x, json_pack("{s:o}", "pools", list));
}

static void run_pool(struct exec *x, const struct args *a)
{
    show_pools(x, a, &exec_daemon(x)->conf->pools);
}

static void run_pool6(struct exec *x, const struct args *a)
{
    show_pools(x, a, &exec_daemon(x)->conf->pools6);
}

static void render_pool(struct str *out, const json_t *data)
{
    size_t i;
    json_t *p;
    str_addf(out, "%-20s %-16s %-16s %8s %8s\n", "Pool", "Begin", "End", "Free", "In use");
    json_array_foreach(json_object_get(data, "pools"), i, p)
    {
        str_addf(out, "%-20s %-16s %-16s %8lld %8lld\n", show_text(p, "name"), show_text(p, "first"),
                 show_text(p, "last"), show_number(p, "free"), show_number(p, "taken"));
    }
}

const struct exec_command exec_system_commands[] = {
    {"show version", "version|What is running\n", run_version, render_version},
    {"show running-config [<all:all|>]", "running-config|The configuration\nall|With the defaults\n", run_running,
     render_running},
    {"show card", "card|The card, or what stands in for it\n", run_card, render_card},
    {"show interfaces", "interfaces|Interfaces\n", run_interfaces, render_interfaces},
    {"show interfaces brief", "interfaces|Interfaces\nbrief|A line for each\n", run_interfaces, render_brief},
    {"show ip interface brief", "interface|Interfaces\nbrief|A line for each\n", run_interfaces, render_brief},
    {"show ip route", "route|Routes, as mirrored into the datapath\n", run_route, render_route},
    {"show ip local pool [<name:name>]", "local|Addresses for peers\npool|Pools\nname|Name of a pool\n", run_pool,
     render_pool},
    {"show ipv6 local pool [<name:name>]", "ipv6|IPv6\nlocal|Addresses for peers\npool|Pools\nname|Name of a pool\n",
     run_pool6, render_pool},
    {"show ipv6 route", "ipv6|IPv6\nroute|Routes, as mirrored into the datapath\n", run_route6, render_route},
    {.grammar = NULL},
};
