// SPDX-License-Identifier: BSD-2-Clause
// IKEv2 messages, bytes to structures; see ike_codec.h. RFC 7296 section 3.
#include "hostd/ike/ike_codec.h"

#include <string.h>

bool ike_header_decode(const uint8_t *msg, size_t len, struct ike_header *h)
{
    struct buf b;
    buf_init(&b, msg, len);
    h->spi_i = buf_u64(&b);
    h->spi_r = buf_u64(&b);
    h->next = buf_u8(&b);
    h->version = buf_u8(&b);
    h->exchange = buf_u8(&b);
    h->flags = buf_u8(&b);
    h->mid = buf_u32(&b);
    h->length = buf_u32(&b);
    return buf_ok(&b);
}

// The rest of a reader.
static struct ike_bytes rest(struct buf *b)
{
    struct ike_bytes r;
    r.len = buf_left(b);
    r.p = buf_take(b, r.len);
    return r;
}

// ---------------------------------------------------------------------------------------------- SA payload

void ike_proposals_begin(struct ike_proposals_in *it, struct ike_bytes sa)
{
    buf_init(&it->b, sa.p, sa.len);
    it->done = false;
    it->count = 0;
}

bool ike_proposals_next(struct ike_proposals_in *it, struct ike_proposal_in *out)
{
    if (it->done || !buf_ok(&it->b))
        return false;
    const uint8_t more = buf_u8(&it->b); // 2: another proposal follows, 0: the last
    buf_skip(&it->b, 1);
    const uint16_t length = buf_u16(&it->b);
    out->number = buf_u8(&it->b);
    out->proto = buf_u8(&it->b);
    const uint8_t spi_size = buf_u8(&it->b);
    out->left = buf_u8(&it->b);
    if (!buf_ok(&it->b) || length < 8 || (more != 0 && more != 2)) {
        buf_fail(&it->b);
        return false;
    }
    struct buf body = buf_sub(&it->b, length - 8u);
    out->spi.len = spi_size;
    out->spi.p = buf_take(&body, spi_size);
    if (!buf_ok(&body) || !buf_ok(&it->b)) {
        buf_fail(&it->b);
        return false;
    }
    out->transforms = body;
    it->count++;
    it->done = more == 0;
    if (it->done != (buf_left(&it->b) == 0)) {
        buf_fail(&it->b);
        return false;
    }
    return true;
}

bool ike_transform_next(struct ike_proposal_in *prop, struct ike_transform_in *out)
{
    struct buf *b = &prop->transforms;
    if (prop->left == 0 || !buf_ok(b))
        return false;
    const uint8_t more = buf_u8(b); // 3: another transform follows, 0: the last
    buf_skip(b, 1);
    const uint16_t length = buf_u16(b);
    out->type = buf_u8(b);
    buf_skip(b, 1);
    out->id = buf_u16(b);
    out->bits = 0;
    out->unknown_attr = false;
    if (!buf_ok(b) || length < 8 || more != (prop->left > 1 ? 3 : 0)) {
        buf_fail(b);
        return false;
    }
    struct buf attrs = buf_sub(b, length - 8u);
    while (buf_left(&attrs) > 0) {
        const uint16_t type = buf_u16(&attrs);
        const uint16_t value = buf_u16(&attrs);
        if (type == (0x8000 | IKE_ATTR_KEY_LENGTH)) {
            out->bits = value;
        } else {
            out->unknown_attr = true;
            if (!(type & 0x8000))
                buf_skip(&attrs, value);
        }
    }
    if (!buf_ok(&attrs)) {
        buf_fail(b);
        return false;
    }
    prop->left--;
    if (prop->left == 0 && buf_left(b) > 0)
        buf_fail(b);
    return buf_ok(b);
}

static const char *check_sa(struct buf *b, struct ike_payloads *out)
{
    struct ike_proposals_in it;
    struct ike_proposal_in prop;
    out->sa = rest(b);
    ike_proposals_begin(&it, out->sa);
    while (ike_proposals_next(&it, &prop)) {
        struct ike_transform_in t;
        while (ike_transform_next(&prop, &t))
            continue;
        if (!buf_ok(&prop.transforms) || (prop.left == 0 && buf_left(&prop.transforms) > 0))
            return "malformed transform";
    }
    return buf_ok(&it.b) ? NULL : "malformed proposal";
}

// ---------------------------------------------------------------------------------------------- other payloads

static const char *check_ke(struct buf *b, struct ike_payloads *out)
{
    out->ke.group = buf_u16(b);
    buf_skip(b, 2);
    out->ke.data = rest(b);
    return out->ke.data.len >= 1 && out->ke.data.len <= (size_t)IKE_MAX_KE * 4 ? NULL : "length of the public value";
}

static const char *check_nonce(struct buf *b, struct ike_payloads *out)
{
    out->nonce = rest(b);
    return out->nonce.len >= IKE_MIN_NONCE && out->nonce.len <= IKE_MAX_NONCE ? NULL : "length of the nonce";
}

static const char *check_id(struct buf *b, struct ike_id_in *id)
{
    struct buf whole = *b;
    id->body = rest(&whole);
    id->type = buf_u8(b);
    buf_skip(b, 3);
    id->data = rest(b);
    if (!buf_ok(b) || id->data.len > IKE_MAX_ID)
        return "length of the identity";
    if ((id->type == IKE_ID_IPV4 && id->data.len != 4) || (id->type == IKE_ID_IPV6 && id->data.len != 16))
        return "length of an address";
    return NULL;
}

static const char *check_auth(struct buf *b, struct ike_payloads *out)
{
    out->auth.method = buf_u8(b);
    buf_skip(b, 3);
    out->auth.data = rest(b);
    return out->auth.data.len > 0 ? NULL : "no authentication data";
}

static const char *check_notify(struct buf *b, struct ike_payloads *out)
{
    struct ike_notify_in n;
    n.proto = buf_u8(b);
    n.spi.len = buf_u8(b);
    n.type = buf_u16(b);
    n.spi.p = buf_take(b, n.spi.len);
    n.data = rest(b);
    if (!buf_ok(b))
        return "SPI longer than the notify";
    if (out->n_notify < IKE_MAX_NOTIFIES)
        out->notify[out->n_notify++] = n;
    return NULL;
}

static const char *check_delete(struct buf *b, struct ike_payloads *out)
{
    struct ike_delete_in d;
    d.proto = buf_u8(b);
    d.spi_size = buf_u8(b);
    d.count = buf_u16(b);
    d.spis = buf_take(b, (size_t)d.spi_size * d.count);
    if (!buf_ok(b) || buf_left(b) > 0)
        return "number of SPIs";
    if (d.proto == IKE_PROTO_IKE ? d.spi_size != 0 || d.count != 0 : d.spi_size != 4)
        return "size of an SPI";
    if (out->n_delete < IKE_MAX_DELETES)
        out->del[out->n_delete++] = d;
    return NULL;
}

static const char *check_ts(struct buf *b, struct ike_bytes *out)
{
    *out = rest(b);
    return ike_ts_decode(*out, NULL, 0) >= 0 ? NULL : "malformed traffic selector";
}

static const char *check_cp(struct buf *b, struct ike_payloads *out)
{
    struct ike_cp_values v;
    out->cp.type = buf_u8(b);
    buf_skip(b, 3);
    out->cp.attrs = rest(b);
    return buf_ok(b) && ike_cp_decode(out->cp.attrs, &v) ? NULL : "malformed attribute";
}

static const char *check_cert(struct buf *b, struct ike_payloads *out)
{
    const struct ike_bytes whole = {b->p, buf_left(b)};
    const uint8_t encoding = buf_u8(b);
    const struct ike_bytes data = rest(b);
    if (!buf_ok(b))
        return "no encoding";
    if (encoding == IKE_CERT_X509 && data.len == 0)
        return "an empty certificate";
    if (encoding == IKE_CERT_URL || encoding == IKE_CERT_URL_BUNDLE) {
        if (data.len <= IKE_CERT_HASH)
            return "no URL";
        for (size_t i = IKE_CERT_HASH; i < data.len; i++) {
            if (data.p[i] <= ' ' || data.p[i] > '~')
                return "a URL with other than printable characters";
        }
        if (out->cert_url.p == NULL)
            out->cert_url = whole;
    }
    if (encoding == IKE_CERT_X509 && out->certs.n < IKE_MAX_CERTS)
        out->certs.cert[out->certs.n++] = (struct ike_cert){data.p, data.len};
    return NULL;
}

static const char *check_certreq(struct buf *b, struct ike_payloads *out)
{
    const uint8_t encoding = buf_u8(b);
    const struct ike_bytes data = rest(b);
    if (!buf_ok(b))
        return "no encoding";
    if (encoding == IKE_CERT_X509 && data.len % IKE_CA_HASH != 0)
        return "length of the hashes";
    if (encoding == IKE_CERT_X509 && out->certreq.p == NULL)
        out->certreq = data;
    return NULL;
}

static const char *check_sk(struct buf *b, uint8_t type, uint8_t inner, struct ike_payloads *out)
{
    out->skf = type == IKE_P_SKF;
    out->sk_first = inner;
    if (out->skf) {
        out->fragment = buf_u16(b);
        out->fragments = buf_u16(b);
        if (!buf_ok(b) || out->fragment == 0 || out->fragment > out->fragments)
            return "fragment number";
    }
    out->sk = rest(b);
    return NULL;
}

// Was the payload seen before? Those that may come once only.
static bool again(uint8_t type, const struct ike_payloads *out)
{
    switch (type) {
    case IKE_P_SA:
        return out->sa.p != NULL;
    case IKE_P_KE:
        return out->ke.data.p != NULL;
    case IKE_P_NONCE:
        return out->nonce.p != NULL;
    case IKE_P_IDI:
        return out->idi.body.p != NULL;
    case IKE_P_IDR:
        return out->idr.body.p != NULL;
    case IKE_P_AUTH:
        return out->auth.data.p != NULL;
    case IKE_P_TSI:
        return out->tsi.p != NULL;
    case IKE_P_TSR:
        return out->tsr.p != NULL;
    case IKE_P_CP:
        return out->cp.attrs.p != NULL;
    case IKE_P_EAP:
        return out->eap.p != NULL;
    default:
        return false;
    }
}

// Validate one payload of a known type; NULL: well formed (or unknown: *known is false).
static const char *check_payload(uint8_t type, uint8_t next, struct buf *b, struct ike_payloads *out, bool *known)
{
    *known = true;
    if (again(type, out))
        return "comes twice";
    switch (type) {
    case IKE_P_SA:
        return check_sa(b, out);
    case IKE_P_KE:
        return check_ke(b, out);
    case IKE_P_IDI:
        return check_id(b, &out->idi);
    case IKE_P_IDR:
        return check_id(b, &out->idr);
    case IKE_P_AUTH:
        return check_auth(b, out);
    case IKE_P_NONCE:
        return check_nonce(b, out);
    case IKE_P_NOTIFY:
        return check_notify(b, out);
    case IKE_P_DELETE:
        return check_delete(b, out);
    case IKE_P_TSI:
        return check_ts(b, &out->tsi);
    case IKE_P_TSR:
        return check_ts(b, &out->tsr);
    case IKE_P_CP:
        return check_cp(b, out);
    case IKE_P_EAP:
        out->eap = rest(b);
        return out->eap.len >= 4 ? NULL : "shorter than an EAP header";
    case IKE_P_CERT:
        return check_cert(b, out);
    case IKE_P_CERTREQ:
        return check_certreq(b, out);
    case IKE_P_VENDOR:
        return NULL;
    case IKE_P_SK:
    case IKE_P_SKF:
        return check_sk(b, type, next, out);
    default:
        *known = false;
        return NULL;
    }
}

enum ike_decode ike_payloads_decode(uint8_t first, const uint8_t *p, size_t len, struct ike_payloads *out)
{
    struct buf b;
    uint8_t type = first;
    unsigned count = 0;
    memset(out, 0, sizeof(*out));
    buf_init(&b, p, len);
    while (type != IKE_P_NONE) {
        out->at = type;
        const uint8_t next = buf_u8(&b);
        const bool critical = buf_u8(&b) & 0x80;
        const uint16_t length = buf_u16(&b);
        struct buf body = length >= 4 ? buf_sub(&b, length - 4u) : b;
        if (!buf_ok(&b) || length < 4) {
            out->why = "length of the payload";
            return IKE_DECODE_SYNTAX;
        }
        if (++count > IKE_MAX_PAYLOADS) {
            out->why = "too many payloads";
            return IKE_DECODE_SYNTAX;
        }
        bool known;
        out->why = check_payload(type, next, &body, out, &known);
        if (out->why)
            return IKE_DECODE_SYNTAX;
        if (!known && critical) {
            out->bad_critical = type;
            out->why = "unknown and critical";
            return IKE_DECODE_CRITICAL;
        }
        // What follows in SK's next-payload field lies inside of it: it is always the last one outside.
        type = type == IKE_P_SK || type == IKE_P_SKF ? IKE_P_NONE : next;
    }
    if (buf_left(&b) > 0) {
        out->why = "bytes after the last payload";
        return IKE_DECODE_SYNTAX;
    }
    out->at = IKE_P_NONE;
    return IKE_DECODE_OK;
}

const struct ike_notify_in *ike_find_notify(const struct ike_payloads *p, uint16_t type)
{
    for (uint32_t i = 0; i < p->n_notify; i++) {
        if (p->notify[i].type == type)
            return &p->notify[i];
    }
    return NULL;
}

const struct ike_notify_in *ike_find_error(const struct ike_payloads *p)
{
    for (uint32_t i = 0; i < p->n_notify; i++) {
        if (p->notify[i].type < IKE_N_STATUS)
            return &p->notify[i];
    }
    return NULL;
}

uint16_t ike_hashes_decode(struct ike_bytes data)
{
    struct buf b;
    uint16_t set = 0;
    buf_init(&b, data.p, data.len);
    while (buf_left(&b) > 0) {
        const uint16_t hash = buf_u16(&b);
        if (buf_ok(&b) && hash < 16)
            set |= (uint16_t)(1 << hash);
    }
    return set;
}

int ike_ts_decode(struct ike_bytes ts, struct ike_ts *out, size_t max)
{
    struct buf b;
    buf_init(&b, ts.p, ts.len);
    const unsigned count = buf_u8(&b);
    size_t n = 0;
    buf_skip(&b, 3);
    for (unsigned i = 0; i < count; i++) {
        struct ike_ts t;
        memset(&t, 0, sizeof(t));
        t.type = buf_u8(&b);
        t.proto = buf_u8(&b);
        const uint16_t length = buf_u16(&b);
        if (length < 8)
            return -1;
        struct buf body = buf_sub(&b, length - 4u);
        t.port_lo = buf_u16(&body);
        t.port_hi = buf_u16(&body);
        if (t.type == IKE_TS_IPV4 || t.type == IKE_TS_IPV6) {
            const size_t size = t.type == IKE_TS_IPV4 ? 4 : 16;
            buf_bytes(&body, t.lo, size);
            buf_bytes(&body, t.hi, size);
            if (!buf_ok(&body) || buf_left(&body) > 0)
                return -1;
            if (n < max)
                out[n++] = t;
        }
        if (!buf_ok(&body))
            return -1;
    }
    if (count == 0 || !buf_ok(&b) || buf_left(&b) > 0)
        return -1;
    return (int)n;
}
