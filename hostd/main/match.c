// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/match.h"

#include "hostd/pki/cert.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

enum { SCORE_ANY = 1, SCORE_PART = 100, SCORE_TUNNEL = 9000, SCORE_EXACT = 10000, SCORE_MAP = 20000 };

static bool id_is(const struct ike_id *id, uint8_t type, const char *text)
{
    bool names = type == IKE_ID_FQDN || type == IKE_ID_EMAIL; // of any case
    return id->type == type && id->len == strlen(text) &&
           (names ? strncasecmp((const char *)id->data, text, id->len) == 0 : memcmp(id->data, text, id->len) == 0);
}

// Does the identity end in a dot or an at-sign and the domain (or be it)?
static bool id_in(const struct ike_id *id, uint8_t type, char separator, const char *domain)
{
    size_t len = strlen(domain);
    if (id->type != type || id->len < len || strncasecmp((const char *)id->data + id->len - len, domain, len) != 0) {
        return false;
    }
    return id->len == len ? separator == '.' : id->data[id->len - len - 1] == (uint8_t)separator;
}

static unsigned address_score(const struct conf_net *n, const struct ike_id *id)
{
    struct ip_addr a = {.family = id->type == IKE_ID_IPV4 ? 4 : 6};
    size_t size = a.family == 4 ? 4 : 16;
    if ((id->type != IKE_ID_IPV4 && id->type != IKE_ID_IPV6) || id->len != size) {
        return 0;
    }
    memcpy(a.b, id->data, size);
    return !conf_net_has(n, &a) ? 0 : conf_net_is_host(n) ? SCORE_EXACT : SCORE_PART + n->length;
}

unsigned match_identity(const struct conf_match *m, const struct ike_id *id)
{
    unsigned len = (unsigned)strlen(m->text);
    switch (m->kind) {
    case CONF_MATCH_ANY:
        return SCORE_ANY;
    case CONF_MATCH_FQDN:
        return id_is(id, IKE_ID_FQDN, m->text) ? SCORE_EXACT : 0;
    case CONF_MATCH_EMAIL:
        return id_is(id, IKE_ID_EMAIL, m->text) ? SCORE_EXACT : 0;
    case CONF_MATCH_KEY_ID:
        return id_is(id, IKE_ID_KEY_ID, m->text) ? SCORE_EXACT : 0;
    case CONF_MATCH_FQDN_DOMAIN:
        return id_in(id, IKE_ID_FQDN, '.', m->text) ? SCORE_PART + len : 0;
    case CONF_MATCH_EMAIL_DOMAIN:
        return id_in(id, IKE_ID_EMAIL, '@', m->text) ? SCORE_PART + len : 0;
    case CONF_MATCH_ADDRESS:
        return address_score(&m->net, id);
    case CONF_MATCH_DN:
        return id->type == IKE_ID_DN && cert_dn_is(id->data, id->len, m->text) ? SCORE_EXACT : 0;
    }
    return 0;
}

unsigned match_tunnel_peer(const struct ip_addr *end, const struct ike_id *id)
{
    const struct conf_net net = conf_host(end);
    return ip_is_set(end) && address_score(&net, id) > 0 ? SCORE_TUNNEL : 0;
}

unsigned match_peer(const struct conf_profile *p, const struct ike_id *id, const struct ike_certs *certs,
                    match_map *map, void *ctx)
{
    unsigned best = 0;
    for (unsigned i = 0; i < p->n_match; i++) {
        unsigned one = match_identity(&p->match[i], id);
        best = one > best ? one : best;
    }
    for (unsigned i = 0; i < p->n_match_cert && certs != NULL && certs->n > 0 && map != NULL; i++) {
        if (map(ctx, p->match_cert[i].name, &certs->cert[0])) {
            best = SCORE_MAP;
        }
    }
    return best;
}

// Is it one of the addresses that the interface is configured with?
static bool address_of(const struct conf_if *f, const struct ip_addr *a)
{
    bool any = f->address_kind == CONF_ADDRESS_STATIC && a->family == 4 && memcmp(&f->addr, a->b, sizeof(f->addr)) == 0;
    for (unsigned i = 0; i < f->n_addr6; i++) {
        any |= f->address6_kind == CONF_ADDRESS_STATIC && ip_equal(&f->addr6[i].addr, a);
    }
    return any;
}

bool match_local_address(const struct conf *c, const struct conf_profile *p, const struct ip_addr *local)
{
    bool fits = p->n_match_local == 0;
    for (unsigned i = 0; i < p->n_match_local; i++) {
        const struct conf_local *l = &p->match_local[i];
        const struct conf_if *f = l->addr.family != 0 ? NULL : conf_find_if(c, l->iface);
        fits |= f != NULL ? address_of(f, local) : l->addr.family != 0 && ip_equal(&l->addr, local);
    }
    return fits;
}

static unsigned kind_of(int nid)
{
    switch (nid) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return CONF_AUTH_RSA;
    case EVP_PKEY_EC:
        return CONF_AUTH_ECDSA;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return CONF_AUTH_EDDSA;
    default:
        return 0;
    }
}

unsigned match_key_kind(const struct evp_pkey_st *key)
{
    return kind_of(EVP_PKEY_get_base_id(key));
}

unsigned match_cert_kind(const struct ike_cert *cert)
{
    return kind_of(ike_cert_key_kind(cert));
}

uint8_t match_ways(unsigned auth)
{
    return (uint8_t)((auth & CONF_AUTH_PSK ? IKE_WAY_PSK : 0) | (auth & CONF_AUTH_SIG ? IKE_WAY_CERT : 0) |
                     (auth & CONF_AUTH_EAP ? IKE_WAY_EAP : 0));
}
