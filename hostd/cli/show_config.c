// SPDX-License-Identifier: BSD-2-Clause
// What was told by configuration payloads, as part of `show crypto ikev2 sa detailed`.
#include "hostd/cli/exec.h"

enum { TEXT = 64 };

static json_t *addr_json(const struct ip_addr *a)
{
    char text[TEXT];
    return json_string(ike_addr_format(a, text, sizeof(text)));
}

static json_t *net_json(const struct ip_addr *a, unsigned length)
{
    char text[TEXT];
    return json_sprintf("%s/%u", ike_addr_format(a, text, sizeof(text)), length);
}

static void add_addrs(json_t *o, const char *key, const struct ip_addr *list, unsigned n)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < n; i++) {
        json_array_append_new(all, addr_json(&list[i]));
    }
    json_object_set_new(o, key, all);
}

static void add_nets(json_t *o, const char *key, const struct ike_net *list, unsigned n)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < n; i++) {
        json_array_append_new(all, net_json(&list[i].net, list[i].prefix));
    }
    json_object_set_new(o, key, all);
}

json_t *show_config_json(const struct ike_cp_values *v)
{
    json_t *o = json_object();
    if (v == NULL) {
        return o;
    }
    if (v->address.family != 0) {
        json_object_set_new(o, "address", net_json(&v->address, v->prefix == 0 ? 32 : v->prefix));
    }
    if (v->address6.family != 0) {
        json_object_set_new(o, "address6", net_json(&v->address6, v->prefix6));
    }
    add_addrs(o, "dns", v->dns, v->n_dns);
    add_addrs(o, "wins", v->nbns, v->n_nbns);
    add_nets(o, "subnets", v->subnet, v->n_subnet);
    add_nets(o, "excluded", v->exclude, v->n_exclude);
    const struct {
        const char *key, *text;
    } texts[] = {{"domain", v->domain},
                 {"split_dns", v->split_dns},
                 {"backup_gateways", v->backup},
                 {"banner", v->banner},
                 {"application", v->version}};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_object_set_new(o, texts[i].key, json_string(texts[i].text));
    }
    return o;
}

static void add_route(void *arg, const struct told_route *r)
{
    json_array_append_new(arg, json_pack("{s:o, s:s, s:i, s:I, s:b}", "network", net_json(&r->net.net, r->net.prefix),
                                         "state", told_state_name(r->state), "distance", (int)r->distance, "tag",
                                         (json_int_t)r->tag, "local", r->local));
}

json_t *show_told_json(const struct culvertd *d, uint32_t session)
{
    json_t *list = json_array();
    told_walk(&d->told, session, add_route, list);
    return list;
}

static void render_text(struct str *out, const char *label, const char *text)
{
    if (text[0] != '\0') {
        str_addf(out, "      %s: %s\n", label, text);
    }
}

void show_config_render(struct str *out, const json_t *sa)
{
    const json_t *given = json_object_get(sa, "given"), *taken = json_object_get(sa, "taken"), *r;
    size_t i;
    render_text(out, "Assigned host addr", show_text(given, "address"));
    render_text(out, "Assigned host IPv6 addr", show_text(given, "address6"));
    render_text(out, "Pushed IP address", show_text(taken, "address"));
    render_text(out, "Pushed IPv6 address", show_text(taken, "address6"));
    show_render_names(out, 6, "DNS", json_object_get(taken, "dns"));
    show_render_names(out, 6, "WINS", json_object_get(taken, "wins"));
    render_text(out, "Default domain", show_text(taken, "domain"));
    render_text(out, "Split DNS", show_text(taken, "split_dns"));
    render_text(out, "Backup gateways", show_text(taken, "backup_gateways"));
    render_text(out, "Banner", show_text(taken, "banner"));
    render_text(out, "Remote application", show_text(taken, "application"));
    show_render_names(out, 6, "Excluded networks", json_object_get(taken, "excluded"));
    show_render_names(out, 6, "Local subnets", json_object_get(given, "subnets"));
    if (json_array_size(json_object_get(sa, "routes")) > 0) {
        str_add(out, "      Remote subnets:\n");
    }
    json_array_foreach(json_object_get(sa, "routes"), i, r)
    {
        str_addf(out, "        %-24s %s, distance %lld", show_text(r, "network"), show_text(r, "state"),
                 show_number(r, "distance"));
        if (show_number(r, "tag") != 0) {
            str_addf(out, ", tag %lld", show_number(r, "tag"));
        }
        str_addf(out, "%s\n", show_true(r, "local") ? ", set here" : "");
    }
}
