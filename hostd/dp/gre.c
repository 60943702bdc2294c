// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/gre.h"

#include "hostd/util/buf.h"

enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, STRICT = 0x0c00, VERSION = 0x0007 };

size_t gre_put(uint8_t out[GRE_HEADER_MAX], uint16_t protocol, bool has_key, uint32_t key)
{
    struct wbuf w;
    wbuf_init(&w, out, GRE_HEADER_MAX);
    wbuf_u16(&w, has_key ? KEY : 0);
    wbuf_u16(&w, protocol);
    if (has_key)
        wbuf_u32(&w, key);
    return w.len;
}

// The sum over all of it, checksum included, is all ones.
static bool checksum_right(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += (uint64_t)data[i] << (i % 2 ? 0 : 8);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

bool gre_parse(const uint8_t *data, size_t len, struct gre *out)
{
    struct buf b;
    buf_init(&b, data, len);
    uint16_t flags = buf_u16(&b);
    *out = (struct gre){.protocol = buf_u16(&b), .has_key = (flags & KEY) != 0};
    // Bits 1, 4 and 5 must be zero (RFC 2784 2.3); bits 6 to 12 are to be ignored.
    if (!buf_ok(&b) || (flags & (ROUTING | STRICT | VERSION)) != 0)
        return false;
    if (flags & CHECKSUM)
        buf_skip(&b, 4);
    if (flags & KEY)
        out->key = buf_u32(&b);
    if (flags & SEQUENCE)
        buf_skip(&b, 4);
    out->len = buf_left(&b);
    out->payload = buf_take(&b, out->len);
    return buf_ok(&b) && (!(flags & CHECKSUM) || checksum_right(data, len));
}
