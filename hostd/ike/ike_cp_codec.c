// SPDX-License-Identifier: BSD-2-Clause
// Attributes of the configuration payload (RFC 7296 3.15.1, RFC 8598, and the private ones of the Unity family), both
// ways. No state. Texts of the peer are made printable here: they end up in `show` and in logs.
#include "hostd/ike/ike_codec.h"

#include <ctype.h>
#include <string.h>

enum { SPLIT_ENTRY = 14, SPLIT_SHORT = 8 }; // address, mask, and six bytes of protocol and ports that nobody uses

// Each attribute that we know. len: of a value in bytes, 0: any; an empty one is right always.
static const struct row {
    uint32_t bit;
    uint16_t type;
    uint8_t len, len_too;
} rows[] = {
    {IKE_ASK_IP4, IKE_CA_IP4_ADDRESS, 4, 4},
    {IKE_ASK_NETMASK, IKE_CA_IP4_NETMASK, 4, 4},
    {IKE_ASK_DNS4, IKE_CA_IP4_DNS, 4, 4},
    {IKE_ASK_NBNS, IKE_CA_IP4_NBNS, 4, 4},
    {0, IKE_CA_IP4_DHCP, 4, 4}, // we know no DHCP server to send anyone to
    {IKE_ASK_VERSION, IKE_CA_APP_VERSION, 0, 0},
    {IKE_ASK_IP6, IKE_CA_IP6_ADDRESS, 17, 16}, // some leave the prefix length out
    {IKE_ASK_DNS6, IKE_CA_IP6_DNS, 16, 16},
    {0, IKE_CA_IP6_DHCP, 16, 16},
    {IKE_ASK_SUBNET4, IKE_CA_IP4_SUBNET, 8, 8},
    {IKE_ASK_SUPPORTED, IKE_CA_SUPPORTED, 0, 0},
    {IKE_ASK_SUBNET6, IKE_CA_IP6_SUBNET, 17, 17},
    {IKE_ASK_DNS_DOMAIN, IKE_CA_DNS_DOMAIN, 0, 0},
    {IKE_ASK_BANNER, IKE_CA_UNITY_BANNER, 0, 0},
    {IKE_ASK_DOMAIN, IKE_CA_UNITY_DOMAIN, 0, 0},
    {IKE_ASK_SPLIT_DNS, IKE_CA_UNITY_SPLIT_DNS, 0, 0},
    {IKE_ASK_SPLIT_INCLUDE, IKE_CA_UNITY_SPLIT_INCLUDE, 0, 0},
    {IKE_ASK_EXCLUDE, IKE_CA_UNITY_LOCAL_LAN, 0, 0},
    {IKE_ASK_BACKUP, IKE_CA_UNITY_BACKUP, 0, 0},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct row *find(uint16_t type)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

// Prefix length of an IPv4 netmask; -1 if its bits are not contiguous.
static int mask_prefix(uint32_t mask)
{
    for (int n = 0; n <= 32; n++) {
        if (mask == (n ? UINT32_MAX << (32 - n) : 0))
            return n;
    }
    return -1;
}

static uint32_t prefix_mask(uint8_t prefix)
{
    return prefix ? UINT32_MAX << (32 - prefix) : 0;
}

// ---------------------------------------------------------------------------------------------- values

static void add_net(struct ike_net *list, uint8_t *n, size_t max, const struct ip_addr *net, uint8_t prefix)
{
    struct ike_net e = {.net.family = net->family, .prefix = prefix};
    for (unsigned i = 0; i < (net->family == 4 ? 4u : 16u); i++) {
        const int bits = prefix - (int)(8 * i);
        e.net.b[i] = net->b[i] & (bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits)));
    }
    for (unsigned i = 0; i < *n; i++) {
        if (list[i].prefix == prefix && ip_equal(&list[i].net, &e.net))
            return;
    }
    if (*n < max)
        list[(*n)++] = e;
}

void ike_cp_add_subnet(struct ike_cp_values *v, const struct ip_addr *net, uint8_t prefix)
{
    add_net(v->subnet, &v->n_subnet, IKE_MAX_CP_NETS, net, prefix);
}

bool ike_cp_add_word(char *list, size_t cap, const char *word, size_t len)
{
    const size_t have = strlen(list), comma = have > 0;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)word[i]) && strchr(".:-_", word[i]) == NULL)
            return false;
    }
    if (len == 0 || memchr(word, 0, len) || have + comma + len >= cap)
        return false;
    for (const char *at = list; *at;) { // it may be there already
        const size_t n = strcspn(at, ",");
        if (n == len && strncmp(at, word, len) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    if (comma)
        list[have] = ',';
    memcpy(list + have + comma, word, len);
    list[have + comma + len] = 0;
    return true;
}

// ---------------------------------------------------------------------------------------------- reading

static void add_addr(struct ip_addr *list, uint8_t *n, uint8_t family, struct buf *b)
{
    if (*n >= IKE_MAX_CP_LIST)
        return;
    list[*n].family = family;
    buf_bytes(b, list[(*n)++].b, family == 4 ? 4 : 16);
}

static void take_address(struct ip_addr *a, uint8_t family, struct buf *b)
{
    if (a->family != 0)
        return; // the first counts
    a->family = family;
    buf_bytes(b, a->b, family == 4 ? 4 : 16);
}

static void take_text(char *out, size_t cap, struct buf *b)
{
    size_t len = buf_left(b);
    const uint8_t *p = buf_take(b, len);
    len = len < cap ? len : cap - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = p[i] == '\n' || isprint(p[i]) ? (char)p[i] : '?';
    while (len > 0 && (out[len - 1] == '?' || out[len - 1] == '\n') && (p[len - 1] == 0 || p[len - 1] == '\n'))
        len--; // some send the terminating zero
    out[len] = 0;
}

// Words with commas, blanks or zeros between.
static void take_words(char *list, size_t cap, struct buf *b)
{
    const size_t len = buf_left(b);
    const char *p = (const char *)buf_take(b, len);
    size_t from = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && p[i] != ',' && p[i] != ' ' && p[i] != 0)
            continue;
        (void)ike_cp_add_word(list, cap, p + from, i - from);
        from = i + 1;
    }
}

// Names and addresses as text; some send IPv4 addresses as bytes.
static void take_gateways(char *list, size_t cap, struct buf *b)
{
    const size_t len = buf_left(b);
    struct buf bytes = *b;
    const uint8_t *p = buf_take(&bytes, len);
    bool text = true;
    for (size_t i = 0; i < len && text; i++)
        text = isprint(p[i]) || (p[i] == 0 && i + 1 == len);
    if (text) {
        take_words(list, cap, b);
        return;
    }
    while (buf_left(b) >= 4) {
        struct ip_addr a = {.family = 4};
        char one[64];
        buf_bytes(b, a.b, 4);
        ike_addr_format(&a, one, sizeof(one));
        (void)ike_cp_add_word(list, cap, one, strlen(one));
    }
}

// Address and mask, several in a row in the private attributes. false: a length that cannot be.
static bool take_nets(struct ike_net *list, uint8_t *n, size_t max, struct buf *b, bool split)
{
    while (buf_left(b) > 0) {
        struct ip_addr net = {.family = 4};
        buf_bytes(b, net.b, 4);
        const int prefix = mask_prefix(buf_u32(b));
        if (split && buf_left(b) > 0)
            buf_skip(b, SPLIT_ENTRY - SPLIT_SHORT);
        if (!buf_ok(b))
            return false;
        if (prefix >= 0)
            add_net(list, n, max, &net, (uint8_t)prefix);
    }
    return true;
}

static void take_net6(struct ike_cp_values *v, struct buf *b)
{
    struct ip_addr net = {.family = 6};
    buf_bytes(b, net.b, 16);
    const uint8_t prefix = buf_u8(b);
    if (prefix <= 128)
        ike_cp_add_subnet(v, &net, prefix);
}

// A value of a known attribute; false: its length cannot be.
static bool take(const struct row *r, struct buf *b, struct ike_cp_values *v)
{
    switch (r->bit) {
    case IKE_ASK_IP4:
        take_address(&v->address, 4, b);
        return true;
    case IKE_ASK_NETMASK: {
        const int prefix = mask_prefix(buf_u32(b));
        v->prefix = prefix < 0 ? v->prefix : (uint8_t)prefix;
        return true;
    }
    case IKE_ASK_DNS4:
        add_addr(v->dns, &v->n_dns, 4, b);
        return true;
    case IKE_ASK_DNS6:
        add_addr(v->dns, &v->n_dns, 6, b);
        return true;
    case IKE_ASK_NBNS:
        add_addr(v->nbns, &v->n_nbns, 4, b);
        return true;
    case IKE_ASK_VERSION:
        take_text(v->version, sizeof(v->version), b);
        return true;
    case IKE_ASK_IP6:
        if (v->address6.family == 0) {
            take_address(&v->address6, 6, b);
            const uint8_t prefix = buf_left(b) > 0 ? buf_u8(b) : 128;
            v->prefix6 = prefix <= 128 ? prefix : 128;
        }
        return true;
    case IKE_ASK_SUBNET4:
        return take_nets(v->subnet, &v->n_subnet, IKE_MAX_CP_NETS, b, false);
    case IKE_ASK_SUBNET6:
        take_net6(v, b);
        return true;
    case IKE_ASK_SPLIT_INCLUDE:
        return take_nets(v->subnet, &v->n_subnet, IKE_MAX_CP_NETS, b, true);
    case IKE_ASK_EXCLUDE:
        return take_nets(v->exclude, &v->n_exclude, IKE_MAX_CP_LIST, b, true);
    case IKE_ASK_BANNER:
        take_text(v->banner, sizeof(v->banner), b);
        return true;
    case IKE_ASK_DOMAIN:
        v->domain[0] = 0;
        take_words(v->domain, sizeof(v->domain), b);
        return true;
    case IKE_ASK_DNS_DOMAIN:
    case IKE_ASK_SPLIT_DNS:
        take_words(v->split_dns, sizeof(v->split_dns), b);
        return true;
    case IKE_ASK_BACKUP:
        take_gateways(v->backup, sizeof(v->backup), b);
        return true;
    case IKE_ASK_SUPPORTED:
        return buf_left(b) % 2 == 0;
    default:
        return true;
    }
}

bool ike_cp_decode(struct ike_bytes attrs, struct ike_cp_values *out)
{
    struct buf b;
    memset(out, 0, sizeof(*out));
    buf_init(&b, attrs.p, attrs.len);
    while (buf_left(&b) > 0) {
        const uint16_t type = buf_u16(&b) & 0x7fff;
        const uint16_t length = buf_u16(&b);
        struct buf body = buf_sub(&b, length);
        const struct row *r = find(type);
        if (!buf_ok(&body))
            return false;
        if (r == NULL)
            continue;
        out->asked |= r->bit;
        if (length == 0)
            continue;
        if ((r->len != 0 && length != r->len && length != r->len_too) || !take(r, &body, out))
            return false;
    }
    return buf_ok(&b);
}

// ---------------------------------------------------------------------------------------------- writing

static void put(struct wbuf *w, uint16_t type, const void *data, size_t len)
{
    wbuf_u16(w, type);
    wbuf_u16(w, (uint16_t)len);
    wbuf_bytes(w, data, len);
}

static void put_text(struct wbuf *w, uint16_t type, const char *text)
{
    if (text[0] != 0)
        put(w, type, text, strlen(text));
}

static void put_words(struct wbuf *w, uint16_t type, const char *list)
{
    while (*list) {
        const size_t n = strcspn(list, ",");
        put(w, type, list, n);
        list += n + (list[n] == ',');
    }
}

static void put_address6(struct wbuf *w, uint16_t type, const struct ip_addr *a, uint8_t prefix)
{
    wbuf_u16(w, type);
    wbuf_u16(w, 17);
    wbuf_bytes(w, a->b, 16);
    wbuf_u8(w, prefix);
}

static void put_addrs(struct wbuf *w, uint16_t type, uint8_t family, const struct ip_addr *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (list[i].family == family)
            put(w, type, list[i].b, family == 4 ? 4 : 16);
    }
}

static void put_nets(struct wbuf *w, uint16_t type, uint8_t family, const struct ike_net *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (list[i].net.family != family)
            continue;
        if (family == 6) {
            put_address6(w, type, &list[i].net, list[i].prefix);
            continue;
        }
        wbuf_u16(w, type);
        wbuf_u16(w, 8);
        wbuf_bytes(w, list[i].net.b, 4);
        wbuf_u32(w, prefix_mask(list[i].prefix));
    }
}

// All in one attribute.
static void put_split(struct wbuf *w, uint16_t type, const struct ike_net *list, unsigned n)
{
    const size_t at = w->len;
    wbuf_u16(w, type);
    wbuf_u16(w, 0);
    for (unsigned i = 0; i < n; i++) {
        if (list[i].net.family != 4)
            continue;
        wbuf_bytes(w, list[i].net.b, 4);
        wbuf_u32(w, prefix_mask(list[i].prefix));
        wbuf_zeros(w, SPLIT_ENTRY - SPLIT_SHORT);
    }
    wbuf_patch_len16(w, at + 2, at + 4);
}

// What we can tell; sent to who asks for it.
static void put_supported(struct wbuf *w)
{
    wbuf_u16(w, IKE_CA_SUPPORTED);
    wbuf_u16(w, (uint16_t)(2 * ROWS));
    for (size_t i = 0; i < ROWS; i++)
        wbuf_u16(w, rows[i].type);
}

static void put_value(struct wbuf *w, const struct row *r, const struct ike_cp_values *v)
{
    switch (r->bit) {
    case IKE_ASK_IP4:
        if (v->address.family == 4)
            put(w, r->type, v->address.b, 4);
        break;
    case IKE_ASK_NETMASK:
        if (v->address.family == 4 && v->prefix > 0 && v->prefix < 32) {
            wbuf_u16(w, r->type);
            wbuf_u16(w, 4);
            wbuf_u32(w, prefix_mask(v->prefix));
        }
        break;
    case IKE_ASK_DNS4:
        put_addrs(w, r->type, 4, v->dns, v->n_dns);
        break;
    case IKE_ASK_DNS6:
        put_addrs(w, r->type, 6, v->dns, v->n_dns);
        break;
    case IKE_ASK_NBNS:
        put_addrs(w, r->type, 4, v->nbns, v->n_nbns);
        break;
    case IKE_ASK_VERSION:
        put_text(w, r->type, v->version);
        break;
    case IKE_ASK_IP6:
        if (v->address6.family == 6)
            put_address6(w, r->type, &v->address6, v->prefix6);
        break;
    case IKE_ASK_SUBNET4:
        put_nets(w, r->type, 4, v->subnet, v->n_subnet);
        break;
    case IKE_ASK_SUBNET6:
        put_nets(w, r->type, 6, v->subnet, v->n_subnet);
        break;
    case IKE_ASK_SUPPORTED:
        put_supported(w);
        break;
    case IKE_ASK_DNS_DOMAIN:
        put_words(w, r->type, v->split_dns);
        break;
    case IKE_ASK_BANNER:
        put_text(w, r->type, v->banner);
        break;
    case IKE_ASK_DOMAIN:
        put_text(w, r->type, v->domain);
        break;
    case IKE_ASK_SPLIT_DNS:
        put_text(w, r->type, v->split_dns);
        break;
    case IKE_ASK_SPLIT_INCLUDE:
        if (v->n_subnet > 0)
            put_split(w, r->type, v->subnet, v->n_subnet);
        break;
    case IKE_ASK_EXCLUDE:
        if (v->n_exclude > 0)
            put_split(w, r->type, v->exclude, v->n_exclude);
        break;
    case IKE_ASK_BACKUP:
        put_text(w, r->type, v->backup);
        break;
    default:
        break;
    }
}

void ike_cp_encode(struct wbuf *w, uint8_t type, const struct ike_cp_values *v, uint32_t only)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        const bool wish =
            v && ((r->bit == IKE_ASK_IP4 && v->address.family) || (r->bit == IKE_ASK_IP6 && v->address6.family));
        if (r->bit == 0 || !(only & r->bit))
            continue;
        if (type == IKE_CP_ACK || (type == IKE_CP_REQUEST && !wish))
            put(w, r->type, NULL, 0);
        else if (v)
            put_value(w, r, v);
    }
}

void ike_put_cp(struct ike_build *b, uint8_t type, const struct ike_cp_values *v, uint32_t only)
{
    ike_build_begin(b, IKE_P_CP);
    wbuf_u8(&b->w, type);
    wbuf_zeros(&b->w, 3);
    ike_cp_encode(&b->w, type, v, only);
    ike_build_end(b);
}

void ike_put_cp_attrs(struct ike_build *b, uint8_t type, const void *attrs, size_t len)
{
    ike_build_begin(b, IKE_P_CP);
    wbuf_u8(&b->w, type);
    wbuf_zeros(&b->w, 3);
    wbuf_bytes(&b->w, attrs, len);
    ike_build_end(b);
}
