// SPDX-License-Identifier: BSD-2-Clause
// IKEv2 messages, structures to bytes; see ike_codec.h. RFC 7296 section 3.
#include "hostd/ike/ike_codec.h"

#include <string.h>

void ike_build_chain(struct ike_build *b, void *mem, size_t cap)
{
    wbuf_init(&b->w, mem, cap);
    b->first = IKE_P_NONE;
    b->next_at = SIZE_MAX;
    b->open = 0;
}

void ike_build_message(struct ike_build *b, void *mem, size_t cap, const struct ike_header *h)
{
    ike_build_chain(b, mem, cap);
    wbuf_u64(&b->w, h->spi_i);
    wbuf_u64(&b->w, h->spi_r);
    b->next_at = b->w.len;
    wbuf_u8(&b->w, IKE_P_NONE);
    wbuf_u8(&b->w, IKE_VERSION);
    wbuf_u8(&b->w, h->exchange);
    wbuf_u8(&b->w, h->flags);
    wbuf_u32(&b->w, h->mid);
    wbuf_u32(&b->w, 0);
}

size_t ike_build_finish(struct ike_build *b)
{
    wbuf_patch_len32(&b->w, 24, 0);
    return wbuf_ok(&b->w) ? b->w.len : 0;
}

void ike_build_begin(struct ike_build *b, uint8_t type)
{
    if (b->next_at != SIZE_MAX)
        wbuf_patch_u8(&b->w, b->next_at, type);
    if (b->first == IKE_P_NONE)
        b->first = type;
    b->open = b->w.len;
    b->next_at = b->open;
    wbuf_zeros(&b->w, 4);
}

void ike_build_end(struct ike_build *b)
{
    wbuf_patch_len16(&b->w, b->open + 2, b->open);
}

// A transform; `last` is right only for the final one of a proposal. bits 0: no key length attribute.
static void put_transform(struct wbuf *w, bool last, uint8_t type, uint16_t id, uint16_t bits)
{
    wbuf_u8(w, last ? 0 : 3);
    wbuf_u8(w, 0);
    wbuf_u16(w, bits ? 12 : 8);
    wbuf_u8(w, type);
    wbuf_u8(w, 0);
    wbuf_u16(w, id);
    if (bits) {
        wbuf_u16(w, 0x8000 | IKE_ATTR_KEY_LENGTH);
        wbuf_u16(w, bits);
    }
}

// Open a proposal; returns where it starts.
static size_t open_proposal(struct wbuf *w, uint8_t number, uint8_t proto, const void *spi, size_t spi_len)
{
    const size_t at = w->len;
    wbuf_u8(w, 0);
    wbuf_u8(w, 0);
    wbuf_u16(w, 0);
    wbuf_u8(w, number);
    wbuf_u8(w, proto);
    wbuf_u8(w, (uint8_t)spi_len);
    wbuf_u8(w, 0);
    wbuf_bytes(w, spi, spi_len);
    return at;
}

static void close_proposal(struct wbuf *w, size_t at, bool last, unsigned transforms)
{
    wbuf_patch_u8(w, at, last ? 0 : 2);
    wbuf_patch_len16(w, at + 2, at);
    wbuf_patch_u8(w, at + 7, (uint8_t)transforms);
}

void ike_put_offer(struct ike_build *b, const struct ike_proposal *props, size_t n, uint8_t proto, const void *spi,
                   size_t spi_len, bool no_group)
{
    struct wbuf *w = &b->w;
    ike_build_begin(b, IKE_P_SA);
    for (size_t i = 0; i < n; i++) {
        const struct ike_proposal *p = &props[i];
        const size_t at = open_proposal(w, (uint8_t)(i + 1), proto, spi, spi_len);
        const unsigned groups = no_group ? 0 : p->n_group;
        const unsigned esn = proto == IKE_PROTO_ESP ? (unsigned)p->esn_yes + p->esn_no : 0;
        const unsigned prfs = proto == IKE_PROTO_IKE ? p->n_prf : 0;
        const unsigned total = p->n_encr + prfs + p->n_integ + groups + esn;
        unsigned left = total;
        for (unsigned k = 0; k < p->n_encr; k++)
            put_transform(w, --left == 0, IKE_T_ENCR, p->encr[k].id, p->encr[k].bits);
        for (unsigned k = 0; k < prfs; k++)
            put_transform(w, --left == 0, IKE_T_PRF, p->prf[k], 0);
        for (unsigned k = 0; k < p->n_integ; k++)
            put_transform(w, --left == 0, IKE_T_INTEG, p->integ[k], 0);
        for (unsigned k = 0; k < groups; k++)
            put_transform(w, --left == 0, IKE_T_DH, p->group[k], 0);
        if (esn && p->esn_yes)
            put_transform(w, --left == 0, IKE_T_ESN, IKE_ESN_YES, 0);
        if (esn && p->esn_no)
            put_transform(w, --left == 0, IKE_T_ESN, IKE_ESN_NO, 0);
        close_proposal(w, at, i + 1 == n, total);
    }
    ike_build_end(b);
}

void ike_put_choice(struct ike_build *b, const struct ike_suite *s, uint8_t number, uint8_t proto, const void *spi,
                    size_t spi_len)
{
    struct wbuf *w = &b->w;
    ike_build_begin(b, IKE_P_SA);
    const size_t at = open_proposal(w, number, proto, spi, spi_len);
    const bool esp = proto == IKE_PROTO_ESP;
    const unsigned total = 1u + (s->prf != 0) + (s->integ != 0) + (s->group != 0) + esp;
    unsigned left = total;
    put_transform(w, --left == 0, IKE_T_ENCR, s->encr, s->encr_bits);
    if (s->prf)
        put_transform(w, --left == 0, IKE_T_PRF, s->prf, 0);
    if (s->integ)
        put_transform(w, --left == 0, IKE_T_INTEG, s->integ, 0);
    if (s->group)
        put_transform(w, --left == 0, IKE_T_DH, s->group, 0);
    if (esp)
        put_transform(w, --left == 0, IKE_T_ESN, s->esn ? IKE_ESN_YES : IKE_ESN_NO, 0);
    close_proposal(w, at, true, total);
    ike_build_end(b);
}

void ike_put_ke(struct ike_build *b, uint16_t group, const void *data, size_t len)
{
    ike_build_begin(b, IKE_P_KE);
    wbuf_u16(&b->w, group);
    wbuf_u16(&b->w, 0);
    wbuf_bytes(&b->w, data, len);
    ike_build_end(b);
}

void ike_put_raw(struct ike_build *b, uint8_t type, const void *data, size_t len)
{
    ike_build_begin(b, type);
    wbuf_bytes(&b->w, data, len);
    ike_build_end(b);
}

void ike_put_id(struct ike_build *b, uint8_t type, const struct ike_id *id)
{
    ike_build_begin(b, type);
    wbuf_u8(&b->w, id->type);
    wbuf_zeros(&b->w, 3);
    wbuf_bytes(&b->w, id->data, id->len);
    ike_build_end(b);
}

void ike_put_certs(struct ike_build *b, const struct ike_cred *c, bool by_url)
{
    for (unsigned i = 0; i < c->n_cert; i++) {
        ike_build_begin(b, IKE_P_CERT);
        if (by_url && c->cert[i].url) {
            wbuf_u8(&b->w, IKE_CERT_URL);
            wbuf_bytes(&b->w, c->cert[i].hash, IKE_CERT_HASH);
            wbuf_bytes(&b->w, c->cert[i].url, strlen(c->cert[i].url));
        } else {
            wbuf_u8(&b->w, IKE_CERT_X509);
            wbuf_bytes(&b->w, c->cert[i].p, c->cert[i].len);
        }
        ike_build_end(b);
    }
}

void ike_put_certreq(struct ike_build *b, const uint8_t *hashes, size_t n)
{
    ike_build_begin(b, IKE_P_CERTREQ);
    wbuf_u8(&b->w, IKE_CERT_X509);
    wbuf_bytes(&b->w, hashes, n * IKE_CA_HASH);
    ike_build_end(b);
}

void ike_put_hashes(struct ike_build *b, uint16_t hashes)
{
    uint8_t list[2 * 16];
    struct wbuf w;
    wbuf_init(&w, list, sizeof(list));
    for (uint16_t i = 0; i < 16; i++) {
        if (hashes & 1 << i)
            wbuf_u16(&w, i);
    }
    ike_put_notify(b, IKE_N_SIGNATURE_HASHES, list, w.len);
}

void ike_put_auth(struct ike_build *b, uint8_t method, const void *data, size_t len)
{
    ike_build_begin(b, IKE_P_AUTH);
    wbuf_u8(&b->w, method);
    wbuf_zeros(&b->w, 3);
    wbuf_bytes(&b->w, data, len);
    ike_build_end(b);
}

void ike_put_notify_spi(struct ike_build *b, uint16_t type, uint8_t proto, const void *spi, size_t spi_len,
                        const void *data, size_t len)
{
    ike_build_begin(b, IKE_P_NOTIFY);
    wbuf_u8(&b->w, proto);
    wbuf_u8(&b->w, (uint8_t)spi_len);
    wbuf_u16(&b->w, type);
    wbuf_bytes(&b->w, spi, spi_len);
    wbuf_bytes(&b->w, data, len);
    ike_build_end(b);
}

void ike_put_notify(struct ike_build *b, uint16_t type, const void *data, size_t len)
{
    ike_put_notify_spi(b, type, IKE_PROTO_NONE, NULL, 0, data, len);
}

void ike_put_delete(struct ike_build *b, uint8_t proto, const uint32_t *spis, size_t n)
{
    ike_build_begin(b, IKE_P_DELETE);
    wbuf_u8(&b->w, proto);
    wbuf_u8(&b->w, proto == IKE_PROTO_IKE ? 0 : 4);
    wbuf_u16(&b->w, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        wbuf_u32(&b->w, spis[i]);
    ike_build_end(b);
}

void ike_put_ts(struct ike_build *b, uint8_t type, const struct ike_ts *ts, size_t n)
{
    ike_build_begin(b, type);
    wbuf_u8(&b->w, (uint8_t)n);
    wbuf_zeros(&b->w, 3);
    for (size_t i = 0; i < n; i++) {
        const size_t size = ts[i].type == IKE_TS_IPV4 ? 4 : 16;
        wbuf_u8(&b->w, ts[i].type);
        wbuf_u8(&b->w, ts[i].proto);
        wbuf_u16(&b->w, (uint16_t)(8 + 2 * size));
        wbuf_u16(&b->w, ts[i].port_lo);
        wbuf_u16(&b->w, ts[i].port_hi);
        wbuf_bytes(&b->w, ts[i].lo, size);
        wbuf_bytes(&b->w, ts[i].hi, size);
    }
    ike_build_end(b);
}
