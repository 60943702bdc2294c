// SPDX-License-Identifier: BSD-2-Clause
// The software datapath, outbound: from the daemon's TUN devices to the sockets.
#include "hostd/dp/gre.h"
#include "hostd/dp/soft.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

// From the SA's own address, which need not be the one that the kernel would choose.
static int send_datagram(struct soft *s, struct soft_sa *sa, uint8_t *data, size_t len)
{
    const struct dp_path *path = &sa->path;
    int family = soft_family(&path->remote);
    struct sockaddr_storage to;
    union {
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {data, len};
    struct msghdr message = {.msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1};
    message.msg_namelen = ip_to_sockaddr(&path->remote, path->encap ? path->remote_port : 0, &to);
    message.msg_controllen = ip_put_pktinfo(&path->local, control.room, sizeof(control.room));
    message.msg_control = message.msg_controllen ? control.room : NULL;
    ssize_t n = sendmsg(path->encap ? s->udp[family] : s->raw[family].fd, &message, MSG_DONTWAIT);
    if (n == (ssize_t)len)
        return 0;
    s->counter[SOFT_out_send]++;
    sa->n.unsent++;
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return -ENOBUFS;
    return n < 0 ? -errno : -EIO;
}

// The next sequence number; false: used up (RFC 4303 3.3.3).
static bool next_seq(struct soft *s, struct soft_sa *sa)
{
    uint64_t last = sa->esn ? UINT64_MAX : UINT32_MAX;
    if (sa->seq >= last) {
        s->counter[SOFT_esp_lifetime]++;
        sa->n.lifetime++;
        return false;
    }
    sa->seq++;
    return true;
}

// What ESP is to carry.
struct text {
    uint8_t next;
    const uint8_t *data;
    size_t len;
};

static int seal_and_send(struct soft *s, struct soft_sa *sa, const struct text *t)
{
    if (!soft_alive(s, sa) || !next_seq(s, sa))
        return -ENOENT;
    size_t n = esp_seal(sa->esp, sa->spi, sa->seq, t->next, t->data, t->len, s->sealed);
    if (n == 0) {
        s->counter[SOFT_esp_crypto]++;
        sa->n.crypto++;
        return -EIO;
    }
    int rc = send_datagram(s, sa, s->sealed, n);
    if (rc == 0)
        soft_passed(s, sa, t->len);
    if (sa->seq == (sa->esn ? UINT64_MAX : UINT32_MAX))
        soft_event(s, sa, &sa->told_seq, DP_EV_SEQ_EXHAUSTED);
    return rc;
}

// The ends of the GRE packet inside tunnel mode: the hosts that the selectors name, else the SA's own addresses.
static struct ip_addr gre_end(const struct dp_ts *ts, unsigned count, const struct ip_addr *otherwise)
{
    size_t size = count == 1 ? ip_size(ts->family) : 0;
    return size != 0 && memcmp(ts->first, ts->last, size) == 0 ? ip_from_bytes(ts->first, size) : *otherwise;
}

// The packet in GRE as the SA carries it: behind an IP header of its own, or (transport mode) as it is. false: too
// long.
static bool wrap(struct soft *s, const struct soft_sa *sa, const struct packet *p, const uint8_t *packet,
                 struct text *t)
{
    const struct dp_tunnel *how = &s->tunnel[sa->tunnel].how;
    uint8_t *gre = s->wrapped + PACKET_HEADER_MAX;
    size_t head = gre_put(gre, p->family == 4 ? GRE_IPV4 : GRE_IPV6, how->has_key, how->key);
    memcpy(gre + head, packet, p->len);
    *t = (struct text){PACKET_GRE, gre, head + p->len};
    if (sa->transport)
        return true;
    static const struct dp_selectors none;
    const struct dp_selectors *ts = sa->ts ? sa->ts : &none;
    struct ip_addr from = gre_end(ts->ts, ts->local, &sa->path.local);
    struct ip_addr to = gre_end(ts->ts + ts->local, ts->remote, &sa->path.remote);
    uint8_t header[PACKET_HEADER_MAX];
    size_t n = packet_header(header, &from, &to, PACKET_GRE, t->len, ++s->ip_id);
    memcpy(gre - n, header, n);
    *t = (struct text){from.family == 4 ? PACKET_IPV4 : PACKET_IPV6, gre - n, n + t->len};
    return n != 0;
}

// The newest SA of the tunnel that may carry the packet, with what it is to carry. NULL: `rc` says why not.
static struct soft_sa *choose(struct soft *s, uint32_t tunnel, const struct packet *p, const uint8_t *packet,
                              struct text *t, int *rc)
{
    struct soft_sa *sa = tunnel < s->tunnels ? s->tunnel[tunnel].out : NULL;
    *rc = sa ? -EACCES : -ENOENT;
    for (; sa; sa = sa->older) {
        struct packet carried = *p;
        *t = (struct text){p->family == 4 ? PACKET_IPV4 : PACKET_IPV6, packet, p->len};
        if (s->tunnel[tunnel].how.gre) {
            if (!wrap(s, sa, p, packet, t) ||
                !(sa->transport ? packet_parse_payload(sa->path.remote.family, t->next, t->data, t->len, &carried)
                                : packet_parse(t->data, t->len, &carried)))
                continue;
        }
        if (sa->transport ? selectors_pass_payload(sa->ts, DP_OUT, &carried) : selectors_pass(sa->ts, DP_OUT, &carried))
            return sa;
    }
    return NULL;
}

int soft_send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct soft *s = (struct soft *)d;
    struct packet p;
    struct text t;
    int rc;
    if (tunnel >= s->tunnels || !s->tunnel[tunnel].out) {
        s->counter[SOFT_out_no_sa]++;
        return -ENOENT;
    }
    if (!packet_parse(packet, len, &p) || p.len != len ||
        len > ESP_PACKET_MAX - ESP_OVERHEAD - PACKET_HEADER_MAX - GRE_HEADER_MAX) {
        s->counter[SOFT_out_not_ip]++;
        return -EINVAL;
    }
    struct soft_sa *sa = choose(s, tunnel, &p, packet, &t, &rc);
    if (!sa) {
        s->counter[SOFT_esp_policy]++;
        s->tunnel[tunnel].out->n.policy++;
        return rc;
    }
    return seal_and_send(s, sa, &t);
}
