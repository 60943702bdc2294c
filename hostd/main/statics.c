// SPDX-License-Identifier: BSD-2-Clause
// `ip route` and `ipv6 route` of the configuration in the kernel's table. A route whose next hop cannot be reached yet
// is tried again; the kernel takes routes away with their device, so all are set again whenever the configuration
// changes.
#include "hostd/main/daemon.h"

#include <errno.h>
#include <string.h>

static bool to_kernel(struct culvertd *d, const struct conf_route *r, struct nl_route *out)
{
    *out = (struct nl_route){.prefix = r->prefix,
                             .length = r->length,
                             .gateway = r->nexthop,
                             .metric = r->distance,
                             .blackhole = r->iface.kind == IF_NULL};
    if (r->iface.kind != IF_NONE && r->iface.kind != IF_NULL) {
        const struct link *k = links_find(&d->links, r->iface);
        out->index = k == NULL ? 0 : k->index;
        return k != NULL;
    }
    return true;
}

static bool same(const struct conf_route *a, const struct conf_route *b)
{
    return ip_equal(&a->prefix, &b->prefix) && a->length == b->length && ip_equal(&a->nexthop, &b->nexthop) &&
           ifid_equal(a->iface, b->iface) && a->distance == b->distance;
}

static void set(struct culvertd *d, const struct conf_route *r, bool first)
{
    struct nl_route k;
    int error = to_kernel(d, r, &k) ? nl_route_add(d->links.nl, &k) : -ENODEV;
    if (error != 0 && first) {
        char text[IP_TEXT];
        log_write(&d->log, LOG_WARNING, "route", "%s/%u: %s; will be tried again", ip_format(&r->prefix, text),
                  r->length, strerror(-error));
    }
}

void statics_apply(struct culvertd *d, const struct conf *old, const struct conf *now)
{
    for (size_t i = 0; old != NULL && i < old->routes.n; i++) {
        const struct conf_route *r = old->routes.at[i];
        bool kept = false;
        for (size_t n = 0; n < now->routes.n; n++) {
            kept |= same(r, now->routes.at[n]);
        }
        struct nl_route k;
        if (!kept && to_kernel(d, r, &k)) {
            nl_route_del(d->links.nl, &k);
        }
    }
    for (size_t i = 0; i < now->routes.n; i++) {
        set(d, now->routes.at[i], true);
    }
}

void statics_retry(struct culvertd *d)
{
    for (size_t i = 0; i < d->conf->routes.n; i++) {
        set(d, d->conf->routes.at[i], false);
    }
}
