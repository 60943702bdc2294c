// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_codec.h"

#include <string.h>

enum { HEADER = 4 };

const char *eap_decode(const void *data, size_t len, struct eap_packet *out)
{
    struct buf b;
    *out = (struct eap_packet){0};
    if (len > EAP_MAX_PACKET) {
        return "longer than a packet may be";
    }
    buf_init(&b, data, len);
    out->code = buf_u8(&b);
    out->id = buf_u8(&b);
    size_t length = buf_u16(&b);
    if (!buf_ok(&b)) {
        return "shorter than a header";
    }
    if (length != len) {
        return "its length field lies";
    }
    if (out->code == EAP_SUCCESS || out->code == EAP_FAILURE) {
        return length == HEADER ? NULL : "a Success or Failure with data";
    }
    if (out->code != EAP_REQUEST && out->code != EAP_RESPONSE) {
        return "an unknown code";
    }
    out->type = buf_u8(&b);
    out->len = buf_left(&b);
    out->data = buf_take(&b, out->len);
    if (!buf_ok(&b)) {
        return "without a type";
    }
    return out->type != 0 ? NULL : "of type 0";
}

void eap_put(struct wbuf *w, uint8_t code, uint8_t id, uint8_t type)
{
    wbuf_u8(w, code);
    wbuf_u8(w, id);
    wbuf_u16(w, 0);
    wbuf_u8(w, type);
}

void eap_put_end(struct wbuf *w)
{
    wbuf_patch_len16(w, 2, 0);
}

void eap_put_verdict(struct wbuf *w, uint8_t code, uint8_t id)
{
    wbuf_u8(w, code);
    wbuf_u8(w, id);
    wbuf_u16(w, HEADER);
}

// ------------------------------------------------------------------------------------------------ MSCHAPv2

static size_t value_size(uint8_t op)
{
    return op == EAP_MS_CHALLENGE ? EAP_MS_CHALLENGE_LEN : op == EAP_MS_RESPONSE ? EAP_MS_RESPONSE_LEN : 0;
}

const char *eap_ms_decode(const void *data, size_t len, struct eap_ms *out)
{
    struct buf b;
    *out = (struct eap_ms){0};
    buf_init(&b, data, len);
    out->op = buf_u8(&b);
    if (!buf_ok(&b) || out->op < EAP_MS_CHALLENGE || out->op > EAP_MS_FAILURE) {
        return "an unknown operation of MSCHAPv2";
    }
    if (len == 1 && out->op >= EAP_MS_SUCCESS) {
        return NULL; // the peer's
    }
    out->id = buf_u8(&b);
    size_t length = buf_u16(&b);
    if (!buf_ok(&b) || length != len) {
        return "MSCHAPv2 with a length field that lies";
    }
    size_t want = value_size(out->op);
    if (want > 0) {
        if (buf_u8(&b) != want) {
            return "MSCHAPv2 with a value of the wrong size";
        }
        out->value = buf_take(&b, want);
    }
    out->text_len = buf_left(&b);
    out->text = buf_take(&b, out->text_len);
    return buf_ok(&b) ? NULL : "MSCHAPv2 that ends too early";
}

void eap_ms_put(struct wbuf *w, const struct eap_ms *m)
{
    const size_t at = w->len, size = value_size(m->op);
    wbuf_u8(w, m->op);
    if (m->value == NULL && m->text == NULL) {
        return; // the peer's Success or Failure
    }
    wbuf_u8(w, m->id);
    wbuf_u16(w, 0);
    if (size > 0) {
        wbuf_u8(w, (uint8_t)size);
        wbuf_bytes(w, m->value, size);
    }
    wbuf_bytes(w, m->text, m->text_len);
    wbuf_patch_len16(w, at + 2, at);
}

// ------------------------------------------------------------------------------------------------ MD5

const char *eap_md5_decode(const void *data, size_t len, struct eap_md5 *out)
{
    struct buf b;
    buf_init(&b, data, len);
    out->value_len = buf_u8(&b);
    out->value = buf_take(&b, out->value_len);
    out->name_len = buf_left(&b);
    out->name = buf_take(&b, out->name_len);
    if (!buf_ok(&b)) {
        return "MD5-Challenge whose value size lies";
    }
    return out->value_len > 0 ? NULL : "MD5-Challenge without a value";
}

void eap_md5_put(struct wbuf *w, const struct eap_md5 *m)
{
    if (m->value_len > UINT8_MAX) {
        wbuf_fail(w);
    }
    wbuf_u8(w, (uint8_t)m->value_len);
    wbuf_bytes(w, m->value, m->value_len);
    wbuf_bytes(w, m->name, m->name_len);
}

// ------------------------------------------------------------------------------------------------ TLS

const char *eap_tls_decode(const void *data, size_t len, struct eap_tls_piece *out)
{
    struct buf b;
    *out = (struct eap_tls_piece){0};
    buf_init(&b, data, len);
    out->flags = buf_u8(&b);
    if ((out->flags & EAP_TLS_LENGTH) != 0) {
        out->total = buf_u32(&b);
    }
    out->len = buf_left(&b);
    out->data = buf_take(&b, out->len);
    if (!buf_ok(&b)) {
        return "TLS without flags or length";
    }
    if ((out->flags & EAP_TLS_LENGTH) != 0 && (out->total > EAP_MAX_TLS || out->total < out->len)) {
        return "TLS whose length lies or is above the limit";
    }
    return NULL; // reserved bits are ignored (RFC 5216 3.1)
}

void eap_tls_put(struct wbuf *w, const struct eap_tls_piece *t)
{
    wbuf_u8(w, t->flags);
    if ((t->flags & EAP_TLS_LENGTH) != 0) {
        wbuf_u32(w, t->total);
    }
    wbuf_bytes(w, t->data, t->len);
}
