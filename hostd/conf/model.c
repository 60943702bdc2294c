// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/conf/model.h"
#include "hostd/conf/algs.h"
#include "hostd/ike/ike_const.h"
#include "hostd/util/str.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void *conf_find(const struct list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (strcmp(l->at[i], name) == 0) {
            return l->at[i];
        }
    }
    return NULL;
}

void *conf_get(struct list *l, const char *name, size_t size)
{
    void *object = conf_find(l, name);
    if (object == NULL) {
        object = must_alloc(size);
        str_copy(object, CONF_NAME, name);
        if (!list_add(l, object)) {
            abort();
        }
    }
    return object;
}

const struct conf_if *conf_find_if(const struct conf *c, struct ifid id)
{
    for (size_t i = 0; i < c->ifs.n; i++) {
        const struct conf_if *f = c->ifs.at[i];
        if (ifid_equal(f->id, id)) {
            return f;
        }
    }
    return NULL;
}

bool conf_tunnel_uses(const struct conf *c, const struct conf_if *f, const struct conf_profile *p)
{
    const struct conf_ipsec *s = conf_find(&c->ipsecs, f->protection.name);
    return f->id.kind == IF_TUNNEL && s != NULL && strcmp(s->profile.name, p->name) == 0;
}

// Everything but the name to zero, so that objects can be compared as memory.
static void blank(void *object, size_t size)
{
    memset((char *)object + CONF_NAME, 0, size - CONF_NAME);
}

void conf_default_proposal(struct conf_proposal *p)
{
    static const char *const encr[] = {"aes-gcm-256", "aes-gcm-128", "aes-cbc-256", "aes-cbc-128"};
    static const char *const hash[] = {"sha384", "sha512", "sha256"};
    static const char *const group[] = {"31", "20", "19", "21", "14", "15", "16"};
    blank(p, sizeof(*p));
    for (unsigned i = 0; i < sizeof(encr) / sizeof(encr[0]); i++) {
        p->encr[p->n_encr++] = (uint8_t)alg_find(alg_encr, encr[i]);
    }
    for (unsigned i = 0; i < sizeof(hash) / sizeof(hash[0]); i++) {
        p->integ[p->n_integ++] = (uint8_t)alg_find(alg_integ, hash[i]);
        p->prf[p->n_prf++] = (uint8_t)alg_find(alg_prf, hash[i]);
    }
    for (unsigned i = 0; i < sizeof(group) / sizeof(group[0]); i++) {
        p->group[p->n_group++] = (uint8_t)alg_find(alg_group, group[i]);
    }
}

void conf_default_policy(struct conf_policy *p)
{
    blank(p, sizeof(*p));
    p->fvrf_any = true;
    p->n_proposal = 1;
    str_copy(p->proposal[0].name, CONF_NAME, "default");
}

void conf_default_author(struct conf_author *p)
{
    blank(p, sizeof(*p));
    p->route_interface = true;
}

void conf_default_tset(struct conf_tset *t)
{
    blank(t, sizeof(*t));
    t->encr = IKE_ENCR_AES_GCM_16;
    t->bits = 256;
}

void conf_default_ipsec(struct conf_ipsec *p)
{
    blank(p, sizeof(*p));
    p->n_tset = 1;
    p->seconds = CONF_IPSEC_SECONDS;
    p->kilobytes = CONF_IPSEC_KILOBYTES;
    p->window = CONF_REPLAY_WINDOW;
    str_copy(p->tset[0].name, CONF_NAME, "default");
    str_copy(p->profile.name, CONF_NAME, "default");
}

void conf_default_profile(struct conf_profile *p)
{
    blank(p, sizeof(*p));
    p->lifetime = CONF_IKE_LIFETIME;
    p->eap_timeout = CONF_EAP_TIMEOUT;
    if (conf_profile_smart(p)) {
        p->auth_local = p->auth_remote = CONF_AUTH_PSK;
        p->local_unsaid = p->remote_unsaid = true;
    }
}

void conf_default_trustpoint(struct conf_trustpoint *t)
{
    blank(t, sizeof(*t));
    t->revocation[0] = CONF_REVOCATION_CRL;
    t->n_revocation = 1;
}

struct conf *conf_new(void)
{
    struct conf *c = must_alloc(sizeof(*c));
    str_copy(c->hostname, sizeof(c->hostname), "culvert");
    c->fragment_mtu = CONF_FRAGMENT_MTU;
    conf_default_proposal(conf_get(&c->proposals, "default", sizeof(struct conf_proposal)));
    conf_default_policy(conf_get(&c->policies, "default", sizeof(struct conf_policy)));
    conf_default_profile(conf_get(&c->profiles, "default", sizeof(struct conf_profile)));
    conf_default_author(conf_get(&c->authors, "default", sizeof(struct conf_author)));
    conf_default_tset(conf_get(&c->tsets, "default", sizeof(struct conf_tset)));
    conf_default_ipsec(conf_get(&c->ipsecs, "default", sizeof(struct conf_ipsec)));
    return c;
}

static void clone_list(struct list *to, const struct list *from, size_t size)
{
    *to = (struct list){0};
    for (size_t i = 0; i < from->n; i++) {
        void *copy = must_alloc(size);
        memcpy(copy, from->at[i], size);
        if (!list_add(to, copy)) {
            abort();
        }
    }
}

struct conf *conf_clone(const struct conf *c)
{
    struct conf *n = must_alloc(sizeof(*n));
    *n = *c;
    clone_list(&n->proposals, &c->proposals, sizeof(struct conf_proposal));
    clone_list(&n->policies, &c->policies, sizeof(struct conf_policy));
    clone_list(&n->keyrings, &c->keyrings, sizeof(struct conf_keyring));
    for (size_t i = 0; i < n->keyrings.n; i++) {
        struct conf_keyring *k = n->keyrings.at[i];
        struct list peers = k->peers;
        clone_list(&k->peers, &peers, sizeof(struct conf_peer));
    }
    clone_list(&n->profiles, &c->profiles, sizeof(struct conf_profile));
    clone_list(&n->authors, &c->authors, sizeof(struct conf_author));
    clone_list(&n->tsets, &c->tsets, sizeof(struct conf_tset));
    clone_list(&n->ipsecs, &c->ipsecs, sizeof(struct conf_ipsec));
    clone_list(&n->pools, &c->pools, sizeof(struct conf_pool));
    clone_list(&n->pools6, &c->pools6, sizeof(struct conf_pool));
    clone_list(&n->acls, &c->acls, sizeof(struct conf_acl));
    clone_list(&n->acls6, &c->acls6, sizeof(struct conf_acl));
    clone_list(&n->ifs, &c->ifs, sizeof(struct conf_if));
    clone_list(&n->routes, &c->routes, sizeof(struct conf_route));
    clone_list(&n->users, &c->users, sizeof(struct conf_user));
    clone_list(&n->login_lists, &c->login_lists, sizeof(struct conf_aaa_list));
    clone_list(&n->author_lists, &c->author_lists, sizeof(struct conf_aaa_list));
    clone_list(&n->trustpoints, &c->trustpoints, sizeof(struct conf_trustpoint));
    clone_list(&n->certmaps, &c->certmaps, sizeof(struct conf_certmap));
    return n;
}

static void wipe_peers(struct conf_keyring *k)
{
    for (size_t i = 0; i < k->peers.n; i++) {
        OPENSSL_cleanse(k->peers.at[i], sizeof(struct conf_peer));
    }
    list_free_all(&k->peers);
}

void conf_drop(struct conf *c, struct list *l, void *object)
{
    if (l == &c->keyrings) {
        wipe_peers(object);
    } else if (l == &c->profiles) {
        OPENSSL_cleanse(object, sizeof(struct conf_profile));
    } else if (l == &c->users) {
        OPENSSL_cleanse(object, sizeof(struct conf_user));
    } else if (l == &c->trustpoints) {
        OPENSSL_cleanse(object, sizeof(struct conf_trustpoint));
    }
    list_remove(l, object);
    free(object);
}

void conf_free(struct conf *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->keyrings.n; i++) {
        wipe_peers(c->keyrings.at[i]);
    }
    for (size_t i = 0; i < c->profiles.n; i++) {
        OPENSSL_cleanse(c->profiles.at[i], sizeof(struct conf_profile));
    }
    for (size_t i = 0; i < c->users.n; i++) {
        OPENSSL_cleanse(c->users.at[i], sizeof(struct conf_user));
    }
    for (size_t i = 0; i < c->trustpoints.n; i++) {
        OPENSSL_cleanse(c->trustpoints.at[i], sizeof(struct conf_trustpoint));
    }
    struct list *all[] = {
        &c->proposals, &c->policies, &c->keyrings,    &c->profiles,     &c->authors,     &c->tsets,
        &c->ipsecs,    &c->pools,    &c->pools6,      &c->acls,         &c->acls6,       &c->ifs,
        &c->routes,    &c->users,    &c->login_lists, &c->author_lists, &c->trustpoints, &c->certmaps,
    };
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        list_free_all(all[i]);
    }
    free(c);
}

int conf_key_bytes(const struct conf_key *k, uint8_t *out, size_t cap)
{
    size_t len = strlen(k->text);
    if (!k->hex) {
        if (len > cap) {
            return -1;
        }
        memcpy(out, k->text, len); // NOLINT(bugprone-not-null-terminated-result): a key is bytes, with a length
        return (int)len;
    }
    static const char digits[] = "0123456789abcdef";
    if (len % 2 != 0 || len / 2 > cap) {
        return -1;
    }
    for (size_t i = 0; i < len; i++) {
        const char *d = strchr(digits, tolower((unsigned char)k->text[i]));
        if (d == NULL) {
            return -1;
        }
        out[i / 2] = (uint8_t)(i % 2 == 0 ? (d - digits) << 4 : out[i / 2] | (d - digits));
    }
    return (int)(len / 2);
}

bool conf_key_equal(const struct conf_key *a, const struct conf_key *b)
{
    return a->hex == b->hex && strcmp(a->text, b->text) == 0;
}

struct conf_net conf_host(const struct ip_addr *a)
{
    return (struct conf_net){*a, a->family == 6 ? 128 : 32};
}

bool conf_net_has(const struct conf_net *n, const struct ip_addr *a)
{
    if (n->addr.family == 0 || n->addr.family != a->family) {
        return false;
    }
    unsigned whole = n->length / 8, rest = n->length % 8;
    return memcmp(n->addr.b, a->b, whole) == 0 &&
           (rest == 0 || ((n->addr.b[whole] ^ a->b[whole]) & (0xff << (8 - rest)) & 0xff) == 0);
}

bool conf_net_is_host(const struct conf_net *n)
{
    return n->length == (n->addr.family == 6 ? 128 : 32);
}

bool conf_net_is_clean(const struct conf_net *n)
{
    unsigned bits = n->addr.family == 6 ? 128 : 32;
    for (unsigned i = n->length; i < bits; i++) {
        if ((n->addr.b[i / 8] >> (7 - i % 8)) & 1) {
            return false;
        }
    }
    return true;
}

bool conf_same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

unsigned conf_mask_length(struct in_addr mask)
{
    return (unsigned)__builtin_popcount(mask.s_addr);
}

struct ip_addr conf_pool_last(const struct conf_pool *p)
{
    struct ip_addr a = p->first;
    uint32_t v;
    memcpy(&v, a.b, sizeof(v));
    v = htonl(ntohl(v) + p->count - 1);
    memcpy(a.b, &v, sizeof(v));
    return a;
}
