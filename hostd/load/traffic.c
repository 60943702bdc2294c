// SPDX-License-Identifier: BSD-2-Clause
// The SAs' other half: ESP in this process, and ICMP echoes through it that the far end's network has to answer.
#include "hostd/load/load.h"

#include "hostd/dp/packet.h"
#include "hostd/main/ts.h"

#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOAD = 64, ICMP_HEADER = 8, PACKET = PACKET_HEADER_MAX + ICMP_HEADER + PAYLOAD };
enum { ECHO_6 = 128, ECHO_REPLY_6 = 129 }; // RFC 4443
enum { WINDOW = 64, ECHO_ID = 0x6c64 };

static void child_free(struct load_child *c)
{
    esp_free(c->in);
    esp_free(c->out);
    replay_clear(&c->replay);
    free(c);
}

static struct esp *keys_to_esp(struct dp_suite suite, const struct ike_child_key *k, bool esn, bool seal)
{
    uint8_t key[sizeof(k->encr) + sizeof(k->integ)];
    memcpy(key, k->encr, k->encr_len);
    memcpy(key + k->encr_len, k->integ, k->integ_len);
    struct esp *e = esp_new(suite, key, (size_t)k->encr_len + k->integ_len, esn, seal);
    OPENSSL_cleanse(key, sizeof(key));
    return e;
}

// Our ends of the selectors: addresses given to us, or our own.
static void set_inner(struct load_child *c, const struct ike_child_sa *sa)
{
    c->inner[LOAD_IPV4] = sa->assigned;
    c->inner[LOAD_IPV6] = sa->assigned6;
    for (unsigned i = 0; i < sa->n_ts_local; i++) {
        const struct ike_ts *t = &sa->ts_local[i];
        struct ip_addr a = ip_from_bytes(t->lo, t->type == IKE_TS_IPV6 ? 16 : 4);
        const bool one = memcmp(t->lo, t->hi, ip_size(a.family)) == 0;
        if (one && !ip_is_set(&c->inner[load_family(&a)])) {
            c->inner[load_family(&a)] = a;
        }
    }
}

int traffic_install(struct load *l, struct spoke *s, const struct ike_child_sa *sa, const struct ike_child_key *in,
                    const struct ike_child_key *out)
{
    struct dp_suite suite;
    struct load_child *c = calloc(1, sizeof(*c));
    if (c == NULL || !ts_suite(&sa->suite, &suite)) {
        free(c);
        return -1;
    }
    c->spoke = s;
    c->spi_in = sa->spi_in;
    c->spi_out = sa->spi_out;
    c->path = sa->path;
    c->encap = sa->encap;
    c->esn = sa->suite.esn;
    set_inner(c, sa);
    c->in = keys_to_esp(suite, in, c->esn, false);
    c->out = keys_to_esp(suite, out, c->esn, true);
    if (c->in == NULL || c->out == NULL || !replay_init(&c->replay, WINDOW, c->esn) ||
        !map_set(&l->children, c->spi_in, c)) {
        child_free(c);
        return -1;
    }
    if (!sa->hold_outbound) {
        s->out = c;
    }
    return 0;
}

void traffic_switch(struct load *l, uint32_t spi_in)
{
    struct load_child *c = map_get(&l->children, spi_in);
    if (c != NULL) {
        c->spoke->out = c;
    }
}

void traffic_update(struct load *l, const struct ike_child_sa *sa)
{
    struct load_child *c = map_get(&l->children, sa->spi_in);
    if (c != NULL) {
        c->path = sa->path;
        c->encap = sa->encap;
    }
}

void traffic_remove(struct load *l, uint32_t spi_in)
{
    struct load_child *c = map_del(&l->children, spi_in);
    if (c != NULL) {
        if (c->spoke->out == c) {
            c->spoke->out = NULL;
        }
        child_free(c);
    }
}

void traffic_clear(struct load *l)
{
    size_t at = 0;
    struct load_child *c;
    while ((c = map_next(&l->children, &at, NULL)) != NULL) {
        c->spoke->out = NULL;
        child_free(c);
    }
    map_free(&l->children);
}

// ------------------------------------------------------------------------------------------------ echoes

static uint16_t checksum(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i + 1 < len; i += 2) {
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    }
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

// A packet with an echo request that carries its number; its length.
static size_t build(uint8_t p[PACKET], const struct ip_addr *from, const struct ip_addr *to, uint64_t number)
{
    const bool six = from->family == 6;
    const size_t len = ICMP_HEADER + PAYLOAD;
    const size_t header = packet_header(p, from, to, six ? PACKET_ICMPV6 : PACKET_ICMP, len, (uint16_t)number);
    uint8_t *icmp = p + header;
    uint32_t sum = 0;
    memset(icmp, 0, len);
    icmp[0] = six ? ECHO_6 : ICMP_ECHO;
    put16(icmp + 4, ECHO_ID);
    put16(icmp + 6, (uint16_t)number);
    memcpy(icmp + ICMP_HEADER, &number, sizeof(number));
    if (six) { // addresses, length and protocol count
        sum = (uint16_t)~checksum((uint32_t)len + PACKET_ICMPV6, p + header - 32, 32);
    }
    put16(icmp + 2, checksum(sum, icmp, len));
    return header + len;
}

static bool probe_new(struct load *l, uint32_t spoke, bool first)
{
    if (l->probes == l->probes_cap) {
        size_t cap = l->probes_cap == 0 ? 4096 : l->probes_cap * 2;
        struct probe *grown = realloc(l->probe, cap * sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        l->probe = grown;
        l->probes_cap = cap;
    }
    l->probe[l->probes++] = (struct probe){.at = l->now, .spoke = spoke, .first = first};
    return true;
}

static void ping(struct load *l, struct spoke *s, enum load_family f, bool first)
{
    struct load_child *c = s->out;
    uint8_t packet[PACKET], sealed[PACKET + ESP_OVERHEAD];
    if (!probe_new(l, s->index, first)) {
        return;
    }
    l->sent += !first;
    l->first_sent += first;
    s->unproved += first;
    if (!ip_is_set(&c->inner[f])) { // it will not be answered
        load_reason(l, f == LOAD_IPV6 ? "no inner IPv6 address to ping from" : "no inner IPv4 address to ping from");
        return;
    }
    size_t len = build(packet, &c->inner[f], &l->o->ping[f], l->probes - 1);
    size_t n = esp_seal(c->out, c->spi_out, ++c->seq, f == LOAD_IPV6 ? PACKET_IPV6 : PACKET_IPV4, packet, len, sealed);
    if (n > 0) {
        wire_esp(l->wire, &c->path, c->encap, sealed, n);
    }
}

bool traffic_wanted(const struct load_options *o)
{
    return ip_is_set(&o->ping[LOAD_IPV4]) || ip_is_set(&o->ping[LOAD_IPV6]);
}

void traffic_prove(struct load *l, struct spoke *s)
{
    for (unsigned f = 0; f < LOAD_FAMILIES; f++) {
        if (ip_is_set(&l->o->ping[f])) {
            ping(l, s, (enum load_family)f, true);
        }
    }
}

void traffic_ping(struct load *l, struct spoke *s)
{
    enum load_family f = l->family_turn;
    l->family_turn = f == LOAD_IPV4 ? LOAD_IPV6 : LOAD_IPV4;
    f = ip_is_set(&l->o->ping[f]) ? f : l->family_turn;
    if (s->out != NULL && ip_is_set(&l->o->ping[f])) {
        ping(l, s, f, false);
    }
}

// A first packet has been answered, or will not be: one that churns leaves after its last.
static void proved(struct load *l, struct spoke *s)
{
    s->unproved -= s->unproved > 0;
    if (s->unproved == 0 && l->phase == PHASE_SETUP && l->o->duration > 0) {
        spoke_leave(l, s);
    }
}

static void answered(struct load *l, struct spoke *s, uint64_t number)
{
    struct probe *p = number < l->probes ? &l->probe[number] : NULL;
    if (p == NULL || p->spoke != s->index || p->answered) {
        l->strange++;
        return;
    }
    p->answered = true;
    samples_add(&l->rtt, l->now - p->at);
    if (p->first) {
        l->first_answered++;
        proved(l, s);
        return;
    }
    l->answered++;
    uint64_t silence = s->heard == 0 ? 0 : l->now - s->heard;
    s->silence = silence > s->silence ? silence : s->silence;
    s->heard = l->now;
}

void traffic_input(struct load *l, const uint8_t *esp, size_t len)
{
    uint8_t inner[2048], next;
    uint32_t spi, low;
    uint64_t seq, number;
    size_t n = 0;
    if (len < ESP_HEADER || len > sizeof(inner)) {
        return;
    }
    memcpy(&spi, esp, 4);
    memcpy(&low, esp + 4, 4);
    struct load_child *c = map_get(&l->children, ntohl(spi));
    if (c == NULL || !replay_infer(&c->replay, ntohl(low), &seq) || replay_check(&c->replay, seq) != REPLAY_NEW ||
        esp_open(c->in, seq, esp, len, inner, &next, &n) != ESP_OK) {
        l->strange++;
        return;
    }
    replay_accept(&c->replay, seq);
    const bool six = next == PACKET_IPV6;
    struct packet p;
    if ((!six && next != PACKET_IPV4) || !packet_parse(inner, n, &p) || p.family != (six ? 6 : 4)) {
        l->strange++;
        return;
    }
    const uint8_t *icmp = p.payload;
    if (p.proto != (six ? PACKET_ICMPV6 : PACKET_ICMP) || p.fragment || p.payload_len < ICMP_HEADER + sizeof(number) ||
        icmp[0] != (six ? ECHO_REPLY_6 : ICMP_ECHOREPLY) || icmp[4] != ECHO_ID >> 8 || icmp[5] != (ECHO_ID & 0xff)) {
        return; // something else that the far end's network sends
    }
    memcpy(&number, icmp + ICMP_HEADER, sizeof(number));
    answered(l, c->spoke, number);
}

size_t traffic_awaited(struct load *l)
{
    while (l->oldest < l->probes) {
        struct probe *p = &l->probe[l->oldest];
        if (!p->answered && l->now < p->at + (uint64_t)l->o->wait * LOAD_SECOND) {
            break;
        }
        l->oldest++;
        if (!p->answered && p->first) {
            proved(l, &l->spoke[p->spoke]);
        }
    }
    size_t n = 0;
    for (size_t i = l->oldest; i < l->probes && n == 0; i++) {
        n += !l->probe[i].answered;
    }
    return n;
}
