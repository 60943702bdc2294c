// SPDX-License-Identifier: BSD-2-Clause
// ip route and ipv6 route.
#include "hostd/conf/reader.h"

#include <stdio.h>

// Put a route where it belongs, or take away those that it names; `anything`: whatever they go by.
static bool change(struct conf_reader *r, enum conf_op op, const struct conf_route *route, bool anything)
{
    struct list *l = &r->conf->routes;
    struct conf_route *same = NULL;
    for (size_t i = l->n; i-- > 0;) {
        struct conf_route *old = l->at[i];
        bool prefix = ip_equal(&old->prefix, &route->prefix) && old->length == route->length;
        bool via = ip_equal(&old->nexthop, &route->nexthop) && ifid_equal(old->iface, route->iface);
        if (prefix && op != CONF_SET && (via || anything)) {
            conf_drop(r->conf, l, old);
        } else if (prefix && via) {
            same = old;
        }
    }
    if (op == CONF_SET && same != NULL) {
        *same = *route;
    } else if (op == CONF_SET) {
        struct conf_route *n = must_alloc(sizeof(*n));
        *n = *route;
        if (!list_add(l, n)) {
            return conf_error(r, NULL, "out of memory");
        }
    }
    return true;
}

static void set_interface(struct conf_route *route, const struct arg *iface)
{
    if (iface != NULL) {
        route->iface = iface->iface;
        route->word = iface->word + 1;
    }
}

static bool run_route(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct in_addr prefix = args_addr(a, "prefix"), mask = args_addr(a, "mask");
    const struct arg *iface = args_get(a, "if"), *nexthop = args_get(a, "nexthop");
    struct conf_route route = {.prefix = ip_from_v4(prefix),
                               .length = conf_mask_length(mask),
                               .distance = args_number(a, "distance", 1),
                               .line = r->line};
    if (nexthop != NULL) {
        route.nexthop = ip_from_v4(nexthop->addr);
    }
    set_interface(&route, iface);
    if ((prefix.s_addr & ~mask.s_addr) != 0) {
        return conf_error(r, args_get(a, "prefix"), "has bits outside its mask");
    }
    return change(r, op, &route, iface == NULL && nexthop == NULL);
}

static bool run_route6(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const struct arg *prefix = args_get(a, "prefix"), *iface = args_get(a, "if"), *nexthop = args_get(a, "nexthop");
    struct conf_route route = {.distance = args_number(a, "distance", 1), .line = r->line};
    route.prefix = ip_from_v6(&prefix->addr6);
    route.length = prefix->length;
    struct ip_addr net = ip_network(&route.prefix, route.length);
    if (!ip_equal(&net, &route.prefix)) {
        return conf_error(r, prefix, "has bits outside its prefix");
    }
    if (nexthop != NULL) {
        route.nexthop = ip_from_v6(&nexthop->addr6);
    }
    if (nexthop != NULL && iface == NULL && ip_is_link_local(&route.nexthop)) {
        return conf_error(r, nexthop, "is link-local: name the interface before it");
    }
    set_interface(&route, iface);
    return change(r, op, &route, iface == NULL && nexthop == NULL);
}

static void print_one(struct conf_out *o, const struct conf_route *t)
{
    char prefix[IP_TEXT], mask[IP_TEXT], via[CONF_NAME] = "", hop[IP_TEXT] = "", distance[16] = "";
    if (t->iface.kind != IF_NONE) {
        ifid_format(t->iface, via, sizeof(via));
    }
    if (ip_is_set(&t->nexthop)) {
        ip_format(&t->nexthop, hop);
    }
    if (t->distance != 1) {
        snprintf(distance, sizeof(distance), " %u", t->distance);
    }
    const char *blank = via[0] != '\0' && hop[0] != '\0' ? " " : "";
    if (t->prefix.family == 6) {
        conf_line(o, "ipv6 route %s/%u %s%s%s%s", ip_format(&t->prefix, prefix), t->length, via, blank, hop, distance);
        return;
    }
    struct ip_addr ones = {.family = 4, .b = {255, 255, 255, 255}}, net = ip_network(&ones, t->length);
    conf_line(o, "ip route %s %s %s%s%s%s", ip_format(&t->prefix, prefix), ip_format(&net, mask), via, blank, hop,
              distance);
}

static void print_family(struct conf_out *o, const struct conf *c, uint8_t family)
{
    for (size_t i = 0; i < c->routes.n; i++) {
        const struct conf_route *t = c->routes.at[i];
        if (t->prefix.family == family) {
            print_one(o, t);
        }
    }
}

static void print_route(struct conf_out *o, const void *object)
{
    print_family(o, object, 4);
}

static void print_route6(struct conf_out *o, const void *object)
{
    print_family(o, object, 6);
}

const struct conf_command conf_commands_route[] = {
    {CONF_GLOBAL, "ip route <prefix:addr> <mask:mask> { <nexthop:addr> | <if:if> } [<distance:1-255>]",
     "ip route <prefix:addr> <mask:mask> [ { <nexthop:addr> | <if:if> } [<distance:1-255>] ]",
     "route|A static route\nprefix|Destination\nnexthop|Address of the next router\n"
     "distance|Less is preferred\n",
     run_route, print_route},
    {CONF_GLOBAL, "ipv6 route <prefix:prefix6> { <if:if> [<nexthop:addr6>] | <nexthop:addr6> } [<distance:1-255>]",
     "ipv6 route <prefix:prefix6> [ { <if:if> [<nexthop:addr6>] | <nexthop:addr6> } [<distance:1-255>] ]",
     "ipv6|IPv6\nroute|A static route\nprefix|Destination\nnexthop|Address of the next router\n"
     "distance|Less is preferred\n",
     run_route6, print_route6},
    {.grammar = NULL},
};
