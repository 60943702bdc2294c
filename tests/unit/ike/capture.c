// SPDX-License-Identifier: BSD-2-Clause
// Messages of the exchange tests as seeds for the fuzz targets; see lab_capture in lab.h.
#include "hostd/ike/ike_int.h"
#include "tests/unit/ike/lab.h"

#include <stdio.h>

// Write one seed, unless there is one of this shape already.
static void put(const char *dir, const char *kind, uint64_t shape, const uint8_t *head, size_t head_len,
                const uint8_t *body, size_t len)
{
    char file[512];
    snprintf(file, sizeof(file), "%s/%s/%016llx", dir, kind, (unsigned long long)shape);
    FILE *f = fopen(file, "wbx");
    if (f == NULL)
        return;
    (void)fwrite(head, 1, head_len, f);
    (void)fwrite(body, 1, len, f);
    (void)fclose(f);
}

// The types of the payloads and notifies, in their order.
static uint64_t shape_of(uint8_t exchange, bool response, uint8_t first, const uint8_t *p, size_t len)
{
    struct buf b;
    uint8_t type = first;
    uint64_t h = ike_hash(&exchange, 1, response);
    buf_init(&b, p, len);
    while (type != IKE_P_NONE && buf_ok(&b)) {
        h = ike_hash(&type, 1, h);
        const uint8_t next = buf_u8(&b);
        buf_skip(&b, 1);
        const uint16_t length = buf_u16(&b);
        struct buf body = buf_sub(&b, length >= 4 ? length - 4u : 0);
        if (type == IKE_P_NOTIFY) {
            buf_skip(&body, 2);
            const uint16_t notify = buf_u16(&body);
            h = ike_hash(&notify, sizeof(notify), h);
        }
        type = next;
    }
    return h;
}

void lab_capture(struct lab *lab, const struct lab_packet *p)
{
    static uint8_t plain[IKE_MAX_MESSAGE];
    const char *dir = getenv("LAB_CORPUS");
    struct ike_engine *e = lab->node[p->to].e;
    struct ike_header h;
    struct ike_payloads outer;
    size_t len = 0;
    if (dir == NULL || !ike_header_decode(p->bytes, p->len, &h) || p->len > UINT16_MAX)
        return;
    const bool response = h.flags & IKE_F_RESPONSE, from_i = h.flags & IKE_F_INITIATOR;
    const uint8_t *chain = p->bytes + IKE_HEADER_LEN;
    if (h.next != IKE_P_SK) {
        const uint8_t record[] = {8, 0, (uint8_t)(p->len >> 8), (uint8_t)p->len};
        const uint64_t shape = shape_of(h.exchange, response, h.next, chain, p->len - IKE_HEADER_LEN);
        if (h.next != IKE_P_SKF)
            put(dir, "codec", shape, &h.next, 1, chain, p->len - IKE_HEADER_LEN);
        put(dir, "engine", shape, record, sizeof(record), p->bytes, p->len);
        return;
    }
    const struct ike_sa *sa = ike_sa_by_spi(e, from_i ? h.spi_r : h.spi_i);
    if (sa == NULL || !sa->have_keys ||
        ike_payloads_decode(h.next, chain, p->len - IKE_HEADER_LEN, &outer) != IKE_DECODE_OK ||
        !ike_open(e->crypto, &sa->suite, from_i ? sa->keys.ei : sa->keys.er, from_i ? sa->keys.ai : sa->keys.ar,
                  p->bytes, p->len, (size_t)(outer.sk.p - p->bytes), plain, &len))
        return;
    // For the engine: an SA that stands, and this chain said under its keys (fuzz_engine.c reads such records).
    const uint64_t shape = shape_of(h.exchange, response, outer.sk_first, plain, len);
    const uint8_t record[] = {3,
                              2,
                              (uint8_t)((len + 3) >> 8),
                              (uint8_t)(len + 3),
                              (uint8_t)(h.exchange - IKE_X_AUTH),
                              response,
                              outer.sk_first};
    put(dir, "codec", shape, &outer.sk_first, 1, plain, len);
    put(dir, "engine", shape, record, sizeof(record), plain, len);
}
