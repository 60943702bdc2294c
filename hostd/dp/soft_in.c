// SPDX-License-Identifier: BSD-2-Clause
// The software datapath, inbound: from sockets to the daemon's hook.
#include "hostd/dp/ranges.h"
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
    event_later(s, (struct dp_event){.kind = kind, .dir = sa->p.dir, .spi = sa->p.spi});
}

bool soft_alive(struct soft *s, struct soft_sa *sa)
{
    bool used_up = (sa->p.hard_packets && sa->n.packets >= sa->p.hard_packets) ||
                   (sa->p.hard_bytes && sa->n.bytes >= sa->p.hard_bytes);
    if (used_up)
        s->counter[SOFT_esp_lifetime]++;
    return !used_up;
}

void soft_passed(struct soft *s, struct soft_sa *sa, size_t len)
{
    bool in = sa->p.dir == DP_IN;
    s->counter[in ? SOFT_esp_in_packets : SOFT_esp_out_packets]++;
    s->counter[in ? SOFT_esp_in_bytes : SOFT_esp_out_bytes] += len;
    uint64_t packets = ++sa->n.packets, bytes = sa->n.bytes += len;
    if ((sa->p.soft_packets && packets >= sa->p.soft_packets) || (sa->p.soft_bytes && bytes >= sa->p.soft_bytes))
        soft_event(s, sa, &sa->told_soft, DP_EV_SOFT_LIFETIME);
    if ((sa->p.hard_packets && packets >= sa->p.hard_packets) || (sa->p.hard_bytes && bytes >= sa->p.hard_bytes))
        soft_event(s, sa, &sa->told_hard, DP_EV_HARD_LIFETIME);
}

static void unknown(struct soft *s, uint32_t spi)
{
    s->counter[SOFT_esp_unknown_spi]++;
    uint64_t now = uv_now(s->loop);
    if (s->unknown_at && now - s->unknown_at < UNKNOWN_EVERY_MS)
        return;
    s->unknown_at = now ? now : 1;
    event_later(s, (struct dp_event){.kind = DP_EV_UNKNOWN_SPI, .dir = DP_IN, .spi = spi});
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
    if (result == ESP_BAD_PADDING)
        sa->n.policy++;
    if (result == ESP_AUTH_FAIL) {
        sa->n.auth_fail++;
        soft_event(s, sa, &sa->told_auth, DP_EV_AUTH_FAIL);
    }
}

void soft_input(struct soft *s, const uint8_t *esp, size_t len)
{
    if (len < ESP_HEADER) {
        s->counter[SOFT_esp_truncated]++;
        return;
    }
    uint32_t spi = get32(esp);
    struct soft_sa *sa = map_get(&s->in, spi);
    if (!sa || (void *)sa == &s->reserved) {
        unknown(s, spi);
        return;
    }
    if (!soft_alive(s, sa))
        return;
    uint64_t seq;
    if (!replay_infer(&sa->replay, get32(esp + 4), &seq) || replay_check(&sa->replay, seq) != REPLAY_NEW) {
        replayed(s, sa);
        return;
    }
    size_t inner_len;
    enum esp_result result = esp_open(sa->esp, seq, esp, len, s->clear, &inner_len);
    if (result == ESP_OK || result == ESP_BAD_PADDING || result == ESP_DUMMY) // authentic
        replay_accept(&sa->replay, seq);
    if (result != ESP_OK) {
        refuse(s, sa, result);
        return;
    }
    if (!ranges_pass(&sa->p, s->clear)) {
        s->counter[SOFT_esp_policy]++;
        sa->n.policy++;
        return;
    }
    uint32_t tunnel = sa->p.tunnel;
    soft_passed(s, sa, inner_len);
    if (s->dp.hooks.packet)
        s->dp.hooks.packet(s->dp.hooks.arg, tunnel, s->clear, inner_len);
}

// A datagram of the raw socket: the IPv4 header is in it, fragments are put together.
static void raw_input(struct soft *s, const uint8_t *packet, size_t len)
{
    size_t header = len > 0 ? (packet[0] & 15u) * 4 : 0;
    if (header < 20 || len < header) {
        s->counter[SOFT_esp_truncated]++;
        return;
    }
    soft_input(s, packet + header, len - header);
}

void soft_readable(uv_poll_t *poll, int status, int events)
{
    struct soft *s = poll->data;
    struct mmsghdr message[SOFT_BATCH];
    struct iovec iov[SOFT_BATCH];
    (void)events;
    if (status < 0)
        return;
    for (int round = 0; round < ROUNDS && s->raw >= 0; round++) {
        memset(message, 0, sizeof(message));
        for (int i = 0; i < SOFT_BATCH; i++) {
            iov[i] = (struct iovec){s->batch + (size_t)i * SOFT_DATAGRAM, SOFT_DATAGRAM};
            message[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
        }
        int n = recvmmsg(s->raw, message, SOFT_BATCH, MSG_DONTWAIT, NULL);
        if (n <= 0)
            return;
        for (int i = 0; i < n; i++)
            raw_input(s, iov[i].iov_base, message[i].msg_len);
        if (n < SOFT_BATCH)
            return;
    }
}

void dp_soft_esp_in_udp(struct dp *d, const struct sockaddr_in *from, const uint8_t *esp, size_t len)
{
    (void)from;
    soft_input((struct soft *)d, esp, len);
}
