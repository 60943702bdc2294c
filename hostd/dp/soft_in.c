// SPDX-License-Identifier: BSD-2-Clause
// The software datapath, inbound: from sockets to the daemon's hook.
#include "hostd/dp/gre.h"
#include "hostd/dp/soft.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { ROUNDS = 8, UNKNOWN_EVERY_MS = 100 }; // batches a wake-up; unknown SPIs are reported at most so often

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct event_item {
    struct later_item item;
    struct soft *soft;
    struct dp_event event;
};

static void run_event(struct later_item *item, int error)
{
    struct event_item *e = (struct event_item *)item;
    const struct dp_hooks *hooks = &e->soft->dp.hooks;
    if (!error && hooks->event)
        hooks->event(hooks->arg, &e->event);
    free(e);
}

// Events come in the loop's next round: what the daemon does then (removing the SA) cannot pull the ground from under
// the packet that caused it.
static void event_later(struct soft *s, struct dp_event event)
{
    struct event_item *e = malloc(sizeof(*e));
    if (!e)
        return;
    *e = (struct event_item){.item.run = run_event, .soft = s, .event = event};
    later_add(&s->later, &e->item);
}

void soft_event(struct soft *s, struct soft_sa *sa, bool *told, enum dp_event_kind kind)
{
    if (*told)
        return;
    *told = true;
    event_later(s, (struct dp_event){.kind = kind, .dir = sa->dir, .spi = sa->spi});
}

bool soft_alive(struct soft *s, struct soft_sa *sa)
{
    bool used_up =
        (sa->hard_packets && sa->n.packets >= sa->hard_packets) || (sa->hard_bytes && sa->n.bytes >= sa->hard_bytes);
    if (used_up) {
        s->counter[SOFT_esp_lifetime]++;
        sa->n.lifetime++;
    }
    return !used_up;
}

void soft_passed(struct soft *s, struct soft_sa *sa, size_t len)
{
    bool in = sa->dir == DP_IN;
    s->counter[in ? SOFT_esp_in_packets : SOFT_esp_out_packets]++;
    s->counter[in ? SOFT_esp_in_bytes : SOFT_esp_out_bytes] += len;
    uint64_t packets = ++sa->n.packets, bytes = sa->n.bytes += len;
    if ((sa->soft_packets && packets >= sa->soft_packets) || (sa->soft_bytes && bytes >= sa->soft_bytes))
        soft_event(s, sa, &sa->told_soft, DP_EV_SOFT_LIFETIME);
    if ((sa->hard_packets && packets >= sa->hard_packets) || (sa->hard_bytes && bytes >= sa->hard_bytes))
        soft_event(s, sa, &sa->told_hard, DP_EV_HARD_LIFETIME);
}

static void unknown(struct soft *s, const struct dp_path *path, uint32_t spi)
{
    s->counter[SOFT_esp_unknown_spi]++;
    uint64_t now = uv_now(s->loop);
    if (s->unknown_at && now - s->unknown_at < UNKNOWN_EVERY_MS)
        return;
    s->unknown_at = now ? now : 1;
    event_later(s, (struct dp_event){.kind = DP_EV_UNKNOWN_SPI, .dir = DP_IN, .spi = spi, .path = *path});
}

static void replayed(struct soft *s, struct soft_sa *sa)
{
    s->counter[SOFT_esp_replay]++;
    sa->n.replay++;
    soft_event(s, sa, &sa->told_replay, DP_EV_REPLAY);
}

// What is wrong with a packet that did not open.
static void refuse(struct soft *s, struct soft_sa *sa, enum esp_result result)
{
    static const enum soft_counter COUNTER[] = {
        [ESP_TRUNCATED] = SOFT_esp_truncated,     [ESP_AUTH_FAIL] = SOFT_esp_auth_fail,
        [ESP_BAD_PADDING] = SOFT_esp_bad_padding, [ESP_DUMMY] = SOFT_esp_dummy,
        [ESP_FAILED] = SOFT_esp_crypto,
    };
    s->counter[COUNTER[result]]++;
    sa->n.crypto += result == ESP_FAILED;
    if (result == ESP_BAD_PADDING) {
        sa->n.policy++;
        sa->n.malformed++;
    }
    if (result == ESP_AUTH_FAIL) {
        sa->n.auth_fail++;
        soft_event(s, sa, &sa->told_auth, DP_EV_AUTH_FAIL);
    }
}

// `len` bytes in s->clear.
static void outside_policy(struct soft *s, struct soft_sa *sa, size_t len)
{
    s->counter[SOFT_esp_policy]++;
    sa->n.policy++;
    if (sa->told_selectors)
        return;
    sa->told_selectors = true;
    struct dp_event event = {.kind = DP_EV_SELECTORS, .dir = DP_IN, .spi = sa->spi};
    event.start_len = (uint8_t)(len < DP_EVENT_START ? len : DP_EVENT_START);
    memcpy(event.start, s->clear, event.start_len);
    event_later(s, event);
}

// What came in GRE: an IP packet for the kernel, or NHRP. `len` bytes were inside ESP.
static void gre_input(struct soft *s, struct soft_sa *sa, const struct packet *p, size_t len)
{
    const struct dp_tunnel *how = &s->tunnel[sa->tunnel].how;
    const struct dp_hooks *hooks = &s->dp.hooks;
    struct packet inner;
    struct gre gre;
    bool good = !p->fragment && gre_parse(p->payload, p->payload_len, &gre) && gre.has_key == how->has_key &&
                gre.key == (how->has_key ? how->key : 0);
    bool ip = good && (gre.protocol == GRE_IPV4 || gre.protocol == GRE_IPV6);
    bool nhrp = good && gre.protocol == GRE_NHRP;
    if (ip)
        ip = packet_parse(gre.payload, gre.len, &inner) && inner.family == (gre.protocol == GRE_IPV4 ? 4 : 6);
    if (!ip && !nhrp) {
        s->counter[SOFT_gre_bad]++;
        sa->n.policy++;
        sa->n.malformed++;
        return;
    }
    soft_passed(s, sa, len);
    if (nhrp) {
        s->counter[SOFT_gre_nhrp]++;
        if (hooks->nhrp)
            hooks->nhrp(hooks->arg, sa->tunnel, gre.payload, gre.len);
    } else if (hooks->packet) {
        hooks->packet(hooks->arg, sa->tunnel, gre.payload, inner.len);
    }
}

// A payload that proved authentic, in s->clear.
static void authentic(struct soft *s, struct soft_sa *sa, uint8_t next, size_t len)
{
    struct packet p;
    bool inner = !sa->transport;
    bool whole = inner ? packet_parse(s->clear, len, &p) && next == (p.family == 4 ? PACKET_IPV4 : PACKET_IPV6)
                       : packet_parse_payload(sa->path.remote.family, next, s->clear, len, &p);
    if (!whole) {
        refuse(s, sa, ESP_BAD_PADDING);
        return;
    }
    if (sa->tunnel == SOFT_NO_TUNNEL) // its tunnel is gone, and it will go too
        return;
    bool gre = s->tunnel[sa->tunnel].how.gre;
    bool pass = inner ? selectors_pass(sa->ts, DP_IN, &p) : selectors_pass_payload(sa->ts, DP_IN, &p);
    if (!pass || (gre && p.proto != PACKET_GRE)) {
        outside_policy(s, sa, len);
    } else if (gre) {
        gre_input(s, sa, &p, p.len);
    } else {
        uint32_t tunnel = sa->tunnel;
        soft_passed(s, sa, p.len);
        if (s->dp.hooks.packet)
            s->dp.hooks.packet(s->dp.hooks.arg, tunnel, s->clear, p.len);
    }
}

struct soft_sa *soft_in_find(struct soft *s, uint32_t spi)
{
    struct soft_sa *sa = map_get(&s->in, spi);
    return (void *)sa == &s->reserved ? NULL : sa;
}

void soft_input(struct soft *s, const struct dp_path *path, const uint8_t *esp, size_t len)
{
    if (len < ESP_HEADER) {
        s->counter[SOFT_esp_truncated]++;
        return;
    }
    uint32_t spi = get32(esp);
    struct soft_sa *sa = soft_in_find(s, spi);
    if (!sa) {
        unknown(s, path, spi);
        return;
    }
    if (!soft_alive(s, sa))
        return;
    uint64_t seq;
    if (!replay_infer(&sa->replay, get32(esp + 4), &seq) || replay_check(&sa->replay, seq) != REPLAY_NEW) {
        replayed(s, sa);
        return;
    }
    uint8_t next;
    size_t payload;
    enum esp_result result = esp_open(sa->esp, seq, esp, len, s->clear, &next, &payload);
    if (result == ESP_OK || result == ESP_BAD_PADDING || result == ESP_DUMMY) // authentic
        replay_accept(&sa->replay, seq);
    if (result == ESP_OK)
        authentic(s, sa, next, payload);
    else
        refuse(s, sa, result);
}

// A datagram of a raw socket, fragments put together: with IPv4 the header is in it, with IPv6 it is not.
static void raw_input(struct soft_port *port, const struct sockaddr_storage *from, const uint8_t *packet, size_t len)
{
    struct soft *s = port->soft;
    size_t header = port != &s->raw[0] ? 0 : len > 0 ? (packet[0] & 15u) * 4 : 0;
    if ((port == &s->raw[0] && header < 20) || len < header) {
        s->counter[SOFT_esp_truncated]++;
        return;
    }
    struct dp_path path = {0};
    uint16_t none;
    ip_from_sockaddr(from, &path.remote, &none);
    if (header) {
        path.local.family = 4;
        memcpy(path.local.b, packet + 16, 4);
    }
    soft_input(s, &path, packet + header, len - header);
}

void soft_readable(uv_poll_t *poll, int status, int events)
{
    struct soft_port *port = poll->data;
    struct soft *s = port->soft;
    struct mmsghdr message[SOFT_BATCH];
    struct iovec iov[SOFT_BATCH];
    struct sockaddr_storage from[SOFT_BATCH];
    (void)events;
    if (status < 0)
        return;
    for (int round = 0; round < ROUNDS && port->fd >= 0; round++) {
        memset(message, 0, sizeof(message));
        for (int i = 0; i < SOFT_BATCH; i++) {
            iov[i] = (struct iovec){s->batch + (size_t)i * SOFT_DATAGRAM, SOFT_DATAGRAM};
            message[i].msg_hdr = (struct msghdr){
                .msg_name = &from[i], .msg_namelen = sizeof(from[i]), .msg_iov = &iov[i], .msg_iovlen = 1};
        }
        int n = recvmmsg(port->fd, message, SOFT_BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0)
            return;
        for (int i = 0; i < n; i++)
            raw_input(port, &from[i], iov[i].iov_base, message[i].msg_len);
        if (n < SOFT_BATCH)
            return;
    }
}

void soft_esp_in_udp(struct dp *d, const struct ip_addr *from, uint16_t port, const uint8_t *esp, size_t len)
{
    struct dp_path path = {.remote = *from, .remote_port = port, .encap = true};
    soft_input((struct soft *)d, &path, esp, len);
}
