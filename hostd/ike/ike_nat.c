// SPDX-License-Identifier: BSD-2-Clause
// NAT traversal (RFC 7296 2.23, RFC 3948): detection, the change to port 4500, keepalives.
#include "hostd/ike/ike_int.h"

enum { NAT_HASH = 20 };

static bool nat_hash(struct ike_engine *e, uint64_t spi_i, uint64_t spi_r, const struct ip_addr *a, uint16_t port,
                     uint8_t out[NAT_HASH])
{
    uint8_t head[16], tail[2] = {(uint8_t)(port >> 8), (uint8_t)port};
    struct wbuf w;
    wbuf_init(&w, head, sizeof(head));
    wbuf_u64(&w, spi_i);
    wbuf_u64(&w, spi_r);
    const struct ike_bytes parts[] = {{head, sizeof(head)}, {a->b, a->family == 4 ? 4 : 16}, {tail, sizeof(tail)}};
    return ike_sha1(e->crypto, parts, 3, out);
}

void ike_nat_put(struct ike_sa *sa, struct ike_build *b, uint64_t spi_r)
{
    struct ike_engine *e = sa->e;
    uint8_t source[NAT_HASH], destination[NAT_HASH];
    if (!nat_hash(e, sa->spi_i, spi_r, &sa->path.local, sa->path.local_port, source) ||
        !nat_hash(e, sa->spi_i, spi_r, &sa->path.remote, sa->path.remote_port, destination))
        return;
    if (sa->profile->force_encap) // a hash that fits no address: the peer sees a NAT
        source[0] ^= 0xff;
    ike_put_notify(b, IKE_N_NAT_SOURCE, source, NAT_HASH);
    ike_put_notify(b, IKE_N_NAT_DESTINATION, destination, NAT_HASH);
}

void ike_nat_detect(struct ike_sa *sa, const struct ike_payloads *p, uint64_t spi_r, const struct ike_path *path)
{
    struct ike_engine *e = sa->e;
    uint8_t ours[NAT_HASH], theirs[NAT_HASH];
    bool source = false, source_fits = false, destination = false, destination_fits = false;
    if (!nat_hash(e, sa->spi_i, spi_r, &path->local, path->local_port, ours) ||
        !nat_hash(e, sa->spi_i, spi_r, &path->remote, path->remote_port, theirs))
        return;
    for (uint32_t i = 0; i < p->n_notify; i++) {
        const struct ike_notify_in *n = &p->notify[i];
        if (n->data.len != NAT_HASH)
            continue;
        if (n->type == IKE_N_NAT_SOURCE) { // may come several times, one for each address the peer has
            source = true;
            source_fits |= memcmp(n->data.p, theirs, NAT_HASH) == 0;
        } else if (n->type == IKE_N_NAT_DESTINATION) {
            destination = true;
            destination_fits |= memcmp(n->data.p, ours, NAT_HASH) == 0;
        }
    }
    sa->peer_natt = source || destination;
    sa->nat_remote = source && !source_fits;
    sa->nat_local = (destination && !destination_fits) || (source && sa->profile->force_encap);
}

void ike_nat_float(struct ike_sa *sa)
{
    // With MOBIKE at once: a NAT may come later (RFC 4555 3.3).
    if (sa->path.natt || (!sa->nat_local && !sa->nat_remote && !(sa->profile->mobike && sa->peer_natt)))
        return;
    sa->path.natt = true;
    sa->path.local_port = sa->e->limits.port_natt;
    if (sa->path.remote_port == IKE_PORT || sa->path.remote_port == sa->e->limits.port)
        sa->path.remote_port = IKE_PORT_NATT;
    if (sa->nat_local || sa->nat_remote)
        ike_sa_log(sa, IKE_LOG_INFO, "a NAT is on the path (%s%s): going on at port %u", sa->nat_local ? "here" : "",
                   sa->nat_remote ? sa->nat_local ? " and there" : "there" : "", sa->path.remote_port);
}

void ike_nat_keepalive_start(struct ike_sa *sa)
{
    if (sa->nat_local && sa->path.natt && sa->profile->nat_keepalive)
        ike_timer_start(sa->e, &sa->keepalive, (uint64_t)sa->profile->nat_keepalive * IKE_SECOND);
}

void ike_nat_keepalive(struct ike_sa *sa)
{
    static const uint8_t keepalive = 0xff;
    const uint64_t interval = (uint64_t)sa->profile->nat_keepalive * IKE_SECOND;
    if (sa->last_out + interval > sa->e->now) {
        ike_timer_start(sa->e, &sa->keepalive, sa->last_out + interval - sa->e->now);
        return;
    }
    sa->e->ops->send(sa->e->ctx, &sa->path, &keepalive, 1);
    sa->last_out = sa->e->now;
    ike_nat_keepalive_start(sa);
}
