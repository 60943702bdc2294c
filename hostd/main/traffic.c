// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/traffic.h"

#include <string.h>

enum { GRE = 47 };

static void add(struct ike_profile *p, const struct ike_ts *ts)
{
    if (p->n_ts_local < IKE_MAX_TS && p->n_ts_remote < IKE_MAX_TS) {
        p->ts_local[p->n_ts_local++] = *ts;
        p->ts_remote[p->n_ts_remote++] = *ts;
    }
}

static void add_all_of(struct ike_profile *p, uint8_t family)
{
    const struct ip_addr any = {.family = family};
    struct ike_ts ts = ike_ts_prefix(&any, 0);
    add(p, &ts);
}

static bool transport_wanted(const struct conf *c, const struct conf_if *iface)
{
    const struct conf_ipsec *s = conf_find(&c->ipsecs, iface->protection.name);
    for (unsigned i = 0; s != NULL && i < s->n_tset; i++) {
        const struct conf_tset *t = conf_find(&c->tsets, s->tset[i].name);
        if (t != NULL && !t->disabled && t->transport) {
            return true;
        }
    }
    return false;
}

void traffic_fill(struct ike_profile *p, const struct conf *c, const struct conf_if *iface, bool either)
{
    bool gre = either || conf_mode_gre(iface->mode), alone = either || !gre;
    bool four = iface->address_kind != CONF_ADDRESS_NONE, six = conf_if_ipv6(iface);
    p->n_ts_local = p->n_ts_remote = 0;
    if (gre) {
        const struct ike_ts ts = {.type = IKE_TS_OUTER, .proto = GRE, .port_hi = UINT16_MAX};
        add(p, &ts);
        p->transport = transport_wanted(c, iface);
    }
    if (alone && (four || (!six && conf_mode_family(iface->mode) == 4))) {
        add_all_of(p, 4);
    }
    if (alone && (six || (!four && conf_mode_family(iface->mode) == 6))) {
        add_all_of(p, 6);
    }
}

// The tunnel's far end, if it is known.
static bool end_of(const struct conf_if *f, traffic_end *found, void *ctx, struct ip_addr *end)
{
    *end = f->destination;
    return ip_is_set(end) || (f->destination_name[0] != '\0' && found != NULL && found(ctx, f->id, end));
}

const struct conf_if *traffic_interface(const struct conf *c, const struct conf_profile *p,
                                        const struct ip_addr *remote, traffic_end *found, void *ctx)
{
    const struct conf_if *dynamic = NULL;
    for (size_t i = 0; i < c->ifs.n; i++) {
        const struct conf_if *f = c->ifs.at[i];
        struct ip_addr end;
        if (!f->has_destination || f->shutdown || !conf_tunnel_uses(c, f, p)) {
            continue;
        }
        if (end_of(f, found, ctx, &end) && ip_equal(&end, remote)) {
            return f;
        }
        if (f->destination_dynamic && conf_mode_family(f->mode) == remote->family && dynamic == NULL) {
            dynamic = f;
        }
    }
    struct ifid id = {IF_VTEMPLATE, p->vtemplate};
    const struct conf_if *f = p->has_vtemplate ? conf_find_if(c, id) : NULL;
    if (f != NULL && !f->shutdown && (p->vtemplate_auto || conf_mode_family(f->mode) == remote->family)) {
        return f;
    }
    return dynamic;
}
