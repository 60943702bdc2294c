// SPDX-License-Identifier: BSD-2-Clause
// Addresses and identities: making, comparing, matching, text.
#include "hostd/ike/ike.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool ike_path_equal(const struct ike_path *a, const struct ike_path *b)
{
    return ip_equal(&a->local, &b->local) && ip_equal(&a->remote, &b->remote) && a->local_port == b->local_port &&
           a->remote_port == b->remote_port && a->natt == b->natt;
}

const char *ike_addr_format(const struct ip_addr *a, char *out, size_t cap)
{
    if (a->family == 0 || inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->b, out, (socklen_t)cap) == NULL)
        snprintf(out, cap, "none");
    return out;
}

struct ike_id *ike_id_new(uint8_t type, const void *data, size_t len)
{
    if (len > IKE_MAX_ID)
        return NULL;
    struct ike_id *id = malloc(sizeof(*id) + len);
    if (id == NULL)
        return NULL;
    id->type = type;
    id->len = (uint16_t)len;
    if (len)
        memcpy(id->data, data, len);
    return id;
}

struct ike_id *ike_id_parse(const char *text)
{
    struct ip_addr a;
    if (strncmp(text, "keyid:", 6) == 0)
        return ike_id_new(IKE_ID_KEY_ID, text + 6, strlen(text + 6));
    if (ip_parse(text, &a))
        return ike_id_new(a.family == 4 ? IKE_ID_IPV4 : IKE_ID_IPV6, a.b, a.family == 4 ? 4 : 16);
    return ike_id_new(strchr(text, '@') ? IKE_ID_EMAIL : IKE_ID_FQDN, text, strlen(text));
}

bool ike_id_equal(const struct ike_id *a, const struct ike_id *b)
{
    if (a->type != b->type || a->len != b->len)
        return false;
    if (a->type == IKE_ID_FQDN || a->type == IKE_ID_EMAIL)
        return strncasecmp((const char *)a->data, (const char *)b->data, a->len) == 0;
    return memcmp(a->data, b->data, a->len) == 0;
}

const char *ike_id_format(const struct ike_id *id, char *out, size_t cap)
{
    size_t n = 0;
    if (cap == 0)
        return out;
    out[0] = 0;
    if (id == NULL)
        snprintf(out, cap, "none");
    else if (id->type == IKE_ID_IPV4 && id->len == 4)
        inet_ntop(AF_INET, id->data, out, (socklen_t)cap);
    else if (id->type == IKE_ID_IPV6 && id->len == 16)
        inet_ntop(AF_INET6, id->data, out, (socklen_t)cap);
    else {
        for (; n < id->len && n + 1 < cap; n++)
            out[n] = (char)(id->data[n] >= 0x20 && id->data[n] < 0x7f ? id->data[n] : '?');
        out[n] = 0;
    }
    return out;
}

// Is `id` the domain itself or, behind a separator, inside of it?
static bool in_domain(const struct ike_id *id, const struct ike_id *domain, char separator)
{
    if (id->len <= domain->len)
        return separator == '.' && id->len == domain->len &&
               strncasecmp((const char *)id->data, (const char *)domain->data, id->len) == 0;
    const size_t at = (size_t)id->len - domain->len;
    return id->data[at - 1] == (uint8_t)separator &&
           strncasecmp((const char *)id->data + at, (const char *)domain->data, domain->len) == 0;
}

static bool in_prefix(const struct ike_id *id, const struct ike_id *net, uint8_t prefix)
{
    if (id->type != net->type || id->len != net->len || (id->type != IKE_ID_IPV4 && id->type != IKE_ID_IPV6))
        return false;
    for (unsigned i = 0; i < prefix && i / 8 < id->len; i++) {
        if ((id->data[i / 8] ^ net->data[i / 8]) & 0x80 >> i % 8)
            return false;
    }
    return true;
}

static bool matches(const struct ike_id_match *m, const struct ike_id *id)
{
    if (m->kind == IKE_MATCH_ANY)
        return true;
    if (m->id == NULL)
        return false;
    switch (m->kind) {
    case IKE_MATCH_EXACT:
        return ike_id_equal(m->id, id);
    case IKE_MATCH_FQDN_DOMAIN:
        return id->type == IKE_ID_FQDN && in_domain(id, m->id, '.');
    case IKE_MATCH_EMAIL_DOMAIN:
        return id->type == IKE_ID_EMAIL && in_domain(id, m->id, '@');
    case IKE_MATCH_ADDRESS:
        return in_prefix(id, m->id, m->prefix);
    case IKE_MATCH_ANY:
        break;
    }
    return false;
}

bool ike_profile_matches(const struct ike_profile *p, const struct ike_id *id)
{
    for (unsigned i = 0; i < p->n_match; i++) {
        if (matches(&p->match[i], id))
            return true;
    }
    return p->n_match == 0;
}

bool ike_is_gateway_name(const void *name, size_t len)
{
    enum { MAX_LABEL = 63 };
    const uint8_t *p = name;
    size_t label = 0;
    bool letters = false; // else it is an address, or would be one
    if (len == 0 || len > IKE_MAX_GATEWAY)
        return false;
    for (size_t i = 0; i < len; i++) {
        const uint8_t c = p[i] | 0x20;
        const bool letter = c >= 'a' && c <= 'z';
        const bool good = letter || (p[i] >= '0' && p[i] <= '9') || p[i] == '-';
        if (p[i] == '.' ? label == 0 : !good || ++label > MAX_LABEL)
            return false;
        label = p[i] == '.' ? 0 : label;
        letters |= letter;
    }
    return letters;
}
