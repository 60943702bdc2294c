// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/packet.h"

#include "hostd/util/buf.h"
#include "hostd/util/ip.h"

#include <string.h>

enum {
    HOP_BY_HOP = 0,
    ROUTING = 43,
    FRAGMENT = 44,
    DESTINATION = 60,
    DCCP = 33,
    SCTP = 132,
    UDPLITE = 136,
    EXTENSIONS_MAX = 16,
    TTL = 64,
    MORE_FRAGMENTS = 0x2000,
    FRAGMENT_OFFSET = 0x1fff,
};

static void find_ports(struct packet *p)
{
    struct buf b;
    buf_init(&b, p->payload, p->payload_len);
    switch (p->proto) {
    case PACKET_TCP:
    case PACKET_UDP:
    case DCCP:
    case SCTP:
    case UDPLITE:
        p->sport = buf_u16(&b);
        p->dport = buf_u16(&b);
        break;
    case PACKET_ICMP:
    case PACKET_ICMPV6:
        p->sport = p->dport = buf_u16(&b);
        break;
    default:
        return;
    }
    p->has_ports = buf_ok(&b);
}

// Walk IPv6's extension headers to the protocol.
static bool find_proto(struct packet *p, uint8_t next, struct buf *b)
{
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        uint8_t after;
        uint16_t where;
        switch (next) {
        case HOP_BY_HOP:
        case ROUTING:
        case DESTINATION:
            after = buf_u8(b);
            buf_skip(b, (size_t)buf_u8(b) * 8 + 6);
            break;
        case FRAGMENT:
            after = buf_u8(b);
            buf_skip(b, 1);
            where = buf_u16(b);
            buf_skip(b, 4);
            p->fragment |= (where & 0xfff9) != 0;
            if ((where & 0xfff8) != 0) { // the rest of the headers was in the first one
                p->proto = after;
                p->payload_len = buf_left(b);
                p->payload = buf_take(b, p->payload_len);
                return buf_ok(b);
            }
            break;
        default:
            p->proto = next;
            p->payload_len = buf_left(b);
            p->payload = buf_take(b, p->payload_len);
            if (buf_ok(b))
                find_ports(p);
            return buf_ok(b);
        }
        if (!buf_ok(b))
            return false;
        next = after;
    }
    return false;
}

static bool parse_v4(const uint8_t *data, size_t len, struct packet *out)
{
    struct buf b;
    buf_init(&b, data, len);
    size_t header = (size_t)(buf_u8(&b) & 15) * 4;
    buf_skip(&b, 1);
    size_t total = buf_u16(&b);
    buf_skip(&b, 2);
    uint16_t where = buf_u16(&b);
    buf_skip(&b, 1);
    out->proto = buf_u8(&b);
    buf_skip(&b, 2);
    out->src = buf_take(&b, 4);
    out->dst = buf_take(&b, 4);
    if (!buf_ok(&b) || header < 20 || total < header || total > len)
        return false;
    out->family = 4;
    out->len = total;
    out->payload = data + header;
    out->payload_len = total - header;
    out->fragment = (where & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) != 0;
    if ((where & FRAGMENT_OFFSET) == 0)
        find_ports(out);
    return true;
}

static bool parse_v6(const uint8_t *data, size_t len, struct packet *out)
{
    struct buf b;
    buf_init(&b, data, len);
    buf_skip(&b, 4);
    size_t payload = buf_u16(&b);
    uint8_t next = buf_u8(&b);
    buf_skip(&b, 1);
    out->src = buf_take(&b, 16);
    out->dst = buf_take(&b, 16);
    struct buf rest = buf_sub(&b, payload);
    if (!buf_ok(&b))
        return false;
    out->family = 6;
    out->len = 40 + payload;
    return find_proto(out, next, &rest);
}

bool packet_parse(const uint8_t *data, size_t len, struct packet *out)
{
    *out = (struct packet){0};
    switch (len == 0 ? 0 : data[0] >> 4) {
    case 4:
        return parse_v4(data, len, out);
    case 6:
        return parse_v6(data, len, out);
    default:
        return false;
    }
}

bool packet_parse_payload(uint8_t family, uint8_t proto, const uint8_t *data, size_t len, struct packet *out)
{
    struct buf b;
    *out = (struct packet){.family = family, .len = len};
    buf_init(&b, data, len);
    if (family == 6)
        return find_proto(out, proto, &b);
    out->proto = proto;
    out->payload = data;
    out->payload_len = len;
    find_ports(out);
    return true;
}

static uint16_t header_checksum(const uint8_t *header)
{
    uint32_t sum = 0;
    for (int i = 0; i < 20; i += 2)
        sum += (uint32_t)header[i] << 8 | header[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

size_t packet_header(uint8_t *out, const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto,
                     size_t payload_len, uint16_t id)
{
    struct wbuf w;
    bool six = src->family == 6;
    size_t total = payload_len + (six ? 0 : 20);
    if (src->family == 0 || src->family != dst->family || total > UINT16_MAX)
        return 0;
    wbuf_init(&w, out, PACKET_HEADER_MAX);
    wbuf_u8(&w, six ? 0x60 : 0x45);
    wbuf_u8(&w, 0);
    if (six) {
        wbuf_u16(&w, 0);
        wbuf_u16(&w, (uint16_t)total);
        wbuf_u8(&w, proto);
        wbuf_u8(&w, TTL);
    } else {
        wbuf_u16(&w, (uint16_t)total);
        wbuf_u16(&w, id);
        wbuf_u16(&w, 0);
        wbuf_u8(&w, TTL);
        wbuf_u8(&w, proto);
        wbuf_u16(&w, 0);
    }
    wbuf_bytes(&w, src->b, ip_size(src->family));
    wbuf_bytes(&w, dst->b, ip_size(dst->family));
    if (!six) {
        uint16_t sum = header_checksum(out);
        out[10] = (uint8_t)(sum >> 8);
        out[11] = (uint8_t)sum;
    }
    return w.len;
}
