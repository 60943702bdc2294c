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
    static const char *const suites[] = {"AES-GCM-128", "AES-GCM-256", "AES-CBC-128/HMAC-SHA2-256",
                                         "AES-CBC-256/HMAC-SHA2-256"};
    if (info == NULL) {
        json_decref(k->data);
        exec_fail(k->x, "the datapath does not answer");
        free(k);
        return;
    }
    json_t *list = json_array();
    for (unsigned i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (info->suite[i]) {
            json_array_append_new(list, json_string(suites[i]));
        }
    }
    json_object_set_new(k->data, "kind", json_string(info->kind));
    json_object_set_new(k->data, "text", json_string(info->text));
    json_object_set_new(k->data, "suites", list);
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
                                        "link",          "failed"};
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
    str_addf(out, "Security associations: at most %lld, extended sequence numbers: %s\nSuites:",
             show_number(data, "max_sas"), show_true(data, "esn") ? "yes" : "no");
    json_array_foreach(json_object_get(data, "suites"), i, one)
    {
        str_addf(out, " %s", json_string_value(one));
    }
    str_add(out, "\nCounters:\n");
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

static unsigned sessions_on(const struct culvertd *d, const struct link *k)
{
    unsigned n = 0;
    size_t at = 0;
    const struct session *s;
    while ((s = map_next(&d->sessions.by_id, &at, NULL)) != NULL) {
        n += s->link == k;
    }
    return n;
}

static void run_interfaces(struct exec *x, const struct args *a)
{
    (void)a;
    const struct culvertd *d = exec_daemon(x);
    json_t *list = json_array();
    for (size_t i = 0; i < d->links.all.n; i++) {
        const struct link *k = d->links.all.at[i];
        struct nl_link info = {0};
        struct in_addr addr = {0};
        bool there = nl_link_get_index(d->links.nl, k->index, &info) == 0;
        bool has = links_address(&d->links, k->id, &addr);
        bool protocol = there && info.up && (k->has_tunnel ? sessions_on(d, k) > 0 : info.running);
        struct netdev_counters n = k->dev == NULL ? (struct netdev_counters){0} : netdev_counters(k->dev);
        json_t *o = json_pack("{s:s, s:s, s:o, s:b, s:b, s:i, s:s}", "interface", k->name, "device", k->device,
                              "address", has ? show_addr(addr) : json_string("unassigned"), "up", there && info.up,
                              "protocol", protocol, "mtu", (int)info.mtu, "description", k->description);
        json_object_set_new(o, "from_kernel", json_integer((json_int_t)n.read));
        json_object_set_new(o, "to_kernel", json_integer((json_int_t)n.written));
        json_object_set_new(o, "to_kernel_errors", json_integer((json_int_t)n.write_errors));
        json_object_set_new(o, "send_errors", json_integer((json_int_t)k->send_errors));
        json_array_append_new(list, o);
    }
    exec_done(x, json_pack("{s:o}", "interfaces", list));
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
        str_addf(out, "  %lld packets from the kernel (%lld not taken by the datapath), %lld to it (%lld errors)\n",
                 show_number(k, "from_kernel"), show_number(k, "send_errors"), show_number(k, "to_kernel"),
                 show_number(k, "to_kernel_errors"));
    }
}

// ------------------------------------------------------------------------------------------------ routes

struct route_walk {
    struct culvertd *d;
    json_t *list;
};

static void add_route(void *arg, const struct mirror_entry *e)
{
    struct route_walk *w = arg;
    static const char *const targets[] = {"host", "drop", "tunnel", "neighbour"};
    char prefix[INET_ADDRSTRLEN];
    const struct link *k = e->device == 0 ? NULL : links_by_index(&w->d->links, e->device);
    struct nl_link info = {0};
    if (k == NULL && e->device != 0) {
        nl_link_get_index(w->d->links.nl, e->device, &info);
    }
    inet_ntop(AF_INET, &e->route.prefix, prefix, sizeof(prefix));
    const char *code = e->protocol == NL_ROUTE_PROTOCOL                                                     ? "S"
                       : e->route.to == DP_TO_HOST && e->route.length == 32 && e->protocol == RTPROT_KERNEL ? "L"
                       : e->protocol == RTPROT_KERNEL || e->protocol == 0                                   ? "C"
                                                                                                            : "K";
    json_t *o = json_pack("{s:o, s:s, s:s, s:s, s:i, s:b}", "prefix", json_sprintf("%s/%u", prefix, e->route.length),
                          "code", code, "interface", k != NULL ? k->name : info.name, "target", targets[e->route.to],
                          "metric", (int)e->metric, "refused", e->failed);
    if (e->gateway.s_addr != 0) {
        json_object_set_new(o, "gateway", show_addr(e->gateway));
    }
    if (e->route.to == DP_TO_NEIGHBOUR) {
        json_object_set_new(o, "neighbour", show_addr(e->route.neighbour));
    }
    json_array_append_new(w->list, o);
}

static int by_prefix(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    struct in_addr p = {0}, q = {0};
    char left[64], right[64];
    snprintf(left, sizeof(left), "%s", show_text(x, "prefix"));
    snprintf(right, sizeof(right), "%s", show_text(y, "prefix"));
    char *ls = strchr(left, '/'), *rs = strchr(right, '/');
    *ls = *rs = '\0';
    inet_pton(AF_INET, left, &p);
    inet_pton(AF_INET, right, &q);
    if (p.s_addr != q.s_addr) {
        return ntohl(p.s_addr) < ntohl(q.s_addr) ? -1 : 1;
    }
    return atoi(ls + 1) - atoi(rs + 1);
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

static void run_route(struct exec *x, const struct args *a)
{
    (void)a;
    struct route_walk w = {exec_daemon(x), json_array()};
    mirror_walk(w.d->mirror, add_route, &w);
    struct mirror_counters n = mirror_counters(w.d->mirror);
    exec_done(x, json_pack("{s:o, s:{s:I, s:I, s:I, s:I, s:I}}", "routes", sorted(w.list), "mirror", "messages",
                           (json_int_t)n.messages, "overruns", (json_int_t)n.overruns, "set", (json_int_t)n.routes_set,
                           "deleted", (json_int_t)n.routes_deleted, "refused", (json_int_t)n.refused));
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
        str_addf(out, " %s [%s%s%s]%s\n",
                 show_text(r, "interface")[0] != '\0' ? show_text(r, "interface") : "directly connected",
                 show_text(r, "target"), neighbour[0] != '\0' ? " " : "", neighbour,
                 show_true(r, "refused") ? " REFUSED" : "");
    }
}

// ------------------------------------------------------------------------------------------------ pools

static void run_pool(struct exec *x, const struct args *a)
{
    (void)a;
    const struct culvertd *d = exec_daemon(x);
    json_t *list = json_array();
    for (size_t i = 0; i < d->conf->pools.n; i++) {
        const struct conf_pool *p = d->conf->pools.at[i];
        uint32_t first = ntohl(p->first.s_addr), last = ntohl(p->last.s_addr);
        long long taken = 0;
        for (uint64_t at = first; at <= last; at++) {
            struct in_addr addr = {htonl((uint32_t)at)};
            taken += pools_taken(&d->pools, addr);
        }
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:I, s:I}", "name", p->name, "first",
                                              show_addr(p->first), "last", show_addr(p->last), "taken",
                                              (json_int_t)taken, "free", (json_int_t)(last - first + 1 - taken)));
    }
    exec_done(x, json_pack("{s:o}", "pools", list));
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
    {"show ip local pool", "local|Addresses for peers\npool|Pools\n", run_pool, render_pool},
    {.grammar = NULL},
};
