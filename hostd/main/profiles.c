// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/profiles.h"

#include "hostd/conf/algs.h"
#include "hostd/util/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void profiles_reset(struct profile_set *s, const struct conf *conf)
{
    for (size_t i = 0; i < s->made.n; i++) {
        ike_profile_unref(s->made.at[i]);
    }
    list_free(&s->made);
    s->conf = conf;
}

void profiles_free(struct profile_set *s)
{
    profiles_reset(s, NULL);
    list_free_all(&s->bindings);
}

// ------------------------------------------------------------------------------------------------ identities

static struct in_addr path_addr(const struct ike_addr *a)
{
    struct in_addr out = {0};
    if (a->family == 4) {
        memcpy(&out, a->b, 4);
    }
    return out;
}

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

unsigned profiles_match_score(const struct conf_match *m, const struct ike_id *id)
{
    enum { EXACT = 10000, PART = 100 };
    unsigned len = (unsigned)strlen(m->text);
    switch (m->kind) {
    case CONF_MATCH_ANY:
        return 1;
    case CONF_MATCH_FQDN:
        return id_is(id, IKE_ID_FQDN, m->text) ? EXACT : 0;
    case CONF_MATCH_EMAIL:
        return id_is(id, IKE_ID_EMAIL, m->text) ? EXACT : 0;
    case CONF_MATCH_KEY_ID:
        return id_is(id, IKE_ID_KEY_ID, m->text) ? EXACT : 0;
    case CONF_MATCH_FQDN_DOMAIN:
        return id_in(id, IKE_ID_FQDN, '.', m->text) ? PART + len : 0;
    case CONF_MATCH_EMAIL_DOMAIN:
        return id_in(id, IKE_ID_EMAIL, '@', m->text) ? PART + len : 0;
    case CONF_MATCH_ADDRESS: {
        struct in_addr addr;
        if (id->type != IKE_ID_IPV4 || id->len != 4) {
            return 0;
        }
        memcpy(&addr, id->data, 4);
        bool in = ((addr.s_addr ^ m->addr.s_addr) & m->mask.s_addr) == 0;
        return !in ? 0 : m->mask.s_addr == INADDR_NONE ? EXACT : PART + conf_mask_length(m->mask);
    }
    }
    return 0;
}

static struct ike_id *local_id(const struct conf_id *id)
{
    switch (id->kind) {
    case CONF_ID_ADDRESS:
        return ike_id_new(IKE_ID_IPV4, &id->addr, 4);
    case CONF_ID_FQDN:
        return ike_id_new(IKE_ID_FQDN, id->text, strlen(id->text));
    case CONF_ID_EMAIL:
        return ike_id_new(IKE_ID_EMAIL, id->text, strlen(id->text));
    case CONF_ID_KEY_ID:
        return ike_id_new(IKE_ID_KEY_ID, id->text, strlen(id->text));
    case CONF_ID_NONE:
        break;
    }
    return NULL; // the local address
}

static void add_match(struct ike_profile *p, const struct conf_match *m)
{
    struct ike_id_match *to = &p->match[p->n_match];
    size_t len = strlen(m->text);
    switch (m->kind) {
    case CONF_MATCH_ANY:
        to->kind = IKE_MATCH_ANY;
        break;
    case CONF_MATCH_ADDRESS:
        to->kind = IKE_MATCH_ADDRESS;
        to->prefix = (uint8_t)conf_mask_length(m->mask);
        to->id = ike_id_new(IKE_ID_IPV4, &m->addr, 4);
        break;
    case CONF_MATCH_FQDN:
    case CONF_MATCH_FQDN_DOMAIN:
        to->kind = m->kind == CONF_MATCH_FQDN ? IKE_MATCH_EXACT : IKE_MATCH_FQDN_DOMAIN;
        to->id = ike_id_new(IKE_ID_FQDN, m->text, len);
        break;
    case CONF_MATCH_EMAIL:
    case CONF_MATCH_EMAIL_DOMAIN:
        to->kind = m->kind == CONF_MATCH_EMAIL ? IKE_MATCH_EXACT : IKE_MATCH_EMAIL_DOMAIN;
        to->id = ike_id_new(IKE_ID_EMAIL, m->text, len);
        break;
    case CONF_MATCH_KEY_ID:
        to->kind = IKE_MATCH_EXACT;
        to->id = ike_id_new(IKE_ID_KEY_ID, m->text, len);
        break;
    }
    p->n_match++;
}

// ------------------------------------------------------------------------------------------------ proposals

// Ciphers with and without integrity of their own go into proposals apart.
static void add_ike(struct ike_profile *p, const struct conf_proposal *c, bool aead)
{
    if (p->n_ike == IKE_MAX_PROPOSALS) {
        return;
    }
    struct ike_proposal *to = &p->ike[p->n_ike];
    *to = (struct ike_proposal){0};
    for (unsigned i = 0; i < c->n_encr; i++) {
        const struct alg *a = &alg_encr[c->encr[i]];
        if (a->aead == aead) {
            to->encr[to->n_encr++] = (struct ike_cipher){a->id, a->bits};
        }
    }
    for (unsigned i = 0; i < c->n_integ && !aead; i++) {
        to->integ[to->n_integ++] = alg_integ[c->integ[i]].id;
    }
    // Without prf those of the integrity algorithms: the tables are in the same order.
    const uint8_t *prf = c->n_prf > 0 ? c->prf : c->integ;
    for (unsigned i = 0; i < (c->n_prf > 0 ? c->n_prf : c->n_integ); i++) {
        to->prf[to->n_prf++] = alg_prf[prf[i]].id;
    }
    for (unsigned i = 0; i < c->n_group; i++) {
        to->group[to->n_group++] = alg_group[c->group[i]].id;
    }
    p->n_ike += to->n_encr > 0;
}

// The policy for a local address: one that names it before one that names none, `default` last.
static const struct conf_policy *policy_for(const struct conf *c, struct in_addr local)
{
    const struct conf_policy *best = NULL;
    int best_score = -1;
    for (size_t i = 0; i < c->policies.n; i++) {
        const struct conf_policy *p = c->policies.at[i];
        bool named = false;
        for (unsigned n = 0; n < p->n_local; n++) {
            named |= p->local[n].s_addr == local.s_addr;
        }
        if (p->disabled || (p->n_local > 0 && !named)) {
            continue;
        }
        int score = named ? 2 : strcmp(p->name, "default") != 0;
        if (score > best_score) {
            best = p;
            best_score = score;
        }
    }
    return best;
}

static void add_policy(struct ike_profile *p, const struct conf *c, struct in_addr local)
{
    const struct conf_policy *policy = policy_for(c, local);
    p->n_ike = 0;
    for (unsigned i = 0; policy != NULL && i < policy->n_proposal; i++) {
        const struct conf_proposal *t = conf_find(&c->proposals, policy->proposal[i].name);
        if (t != NULL && !t->disabled) {
            add_ike(p, t, true);
            add_ike(p, t, false);
        }
    }
}

static void add_esp(struct ike_profile *p, const struct conf *c, const struct conf_ipsec *s)
{
    p->n_esp = 0;
    for (unsigned i = 0; i < s->n_tset; i++) {
        const struct conf_tset *t = conf_find(&c->tsets, s->tset[i].name);
        if (t == NULL || t->disabled) {
            continue;
        }
        struct ike_proposal *to = &p->esp[p->n_esp++];
        *to = (struct ike_proposal){.esn_yes = !s->no_esn, .esn_no = true, .n_encr = 1};
        to->encr[0] = (struct ike_cipher){t->gcm ? IKE_ENCR_AES_GCM_16 : IKE_ENCR_AES_CBC, (uint16_t)t->bits};
        if (!t->gcm) {
            to->integ[to->n_integ++] = IKE_INTEG_HMAC_SHA2_256_128;
        }
        if (s->pfs != 0) {
            to->group[to->n_group++] = alg_group[s->pfs - 1].id;
        }
    }
}

// ------------------------------------------------------------------------------------------------ profiles

static const struct binding *binding_for(struct profile_set *s, const struct conf_profile *c, struct ifid iface)
{
    const char *author = c->authorization.name[0] != '\0' ? c->authorization.name : "default";
    for (size_t i = 0; i < s->bindings.n; i++) {
        const struct binding *b = s->bindings.at[i];
        if (strcmp(b->profile, c->name) == 0 && strcmp(b->author, author) == 0 && ifid_equal(b->iface, iface)) {
            return b;
        }
    }
    struct binding *b = calloc(1, sizeof(*b));
    if (b == NULL || !list_add(&s->bindings, b)) {
        free(b);
        return NULL;
    }
    str_copy(b->profile, sizeof(b->profile), c->name);
    str_copy(b->author, sizeof(b->author), author);
    b->iface = iface;
    return b;
}

static void set_times(struct ike_profile *p, const struct conf *c, const struct conf_profile *f,
                      const struct conf_ipsec *s)
{
    const struct conf_dpd *dpd = f->dpd.interval > 0 ? &f->dpd : &c->dpd;
    p->ike_lifetime = f->lifetime;
    p->child_lifetime = s->seconds;
    p->child_bytes = s->kilobytes * 1024;
    p->dpd_interval = dpd->interval;
    p->dpd_retry = dpd->interval > 0 ? dpd->retry : p->dpd_retry;
    p->dpd_on_demand = dpd->on_demand;
    p->nat_keepalive = f->nat_keepalive > 0   ? f->nat_keepalive
                       : c->nat_keepalive > 0 ? c->nat_keepalive
                                              : p->nat_keepalive;
    p->replay_window = (uint16_t)s->window;
    p->fragmentation = !c->no_fragmentation;
    p->fragment_mtu = (uint16_t)c->fragment_mtu;
}

static bool fill(struct profile_set *s, struct ike_profile *p, const struct conf_profile *f,
                 const struct conf_if *iface, const struct conf_ipsec *ipsec, struct in_addr local)
{
    const struct conf *c = s->conf;
    p->user = (void *)(uintptr_t)binding_for(s, f, iface->id);
    p->local_id = local_id(&f->local_id);
    for (unsigned i = 0; i < f->n_match && i < sizeof(p->match) / sizeof(p->match[0]); i++) {
        add_match(p, &f->match[i]);
    }
    // A peer of one known identity is asked for by it, and its key is found by it.
    if (f->n_match == 1 && (f->match[0].kind == CONF_MATCH_FQDN || f->match[0].kind == CONF_MATCH_EMAIL ||
                            f->match[0].kind == CONF_MATCH_KEY_ID)) {
        p->remote_id = ike_id_new(p->match[0].id->type, p->match[0].id->data, p->match[0].id->len);
    }
    add_policy(p, c, local);
    add_esp(p, c, ipsec);
    set_times(p, c, f, ipsec);
    struct ike_addr any = {.family = 4};
    p->ts_local[0] = p->ts_remote[0] = ike_ts_prefix(&any, 0);
    p->n_ts_local = p->n_ts_remote = 1;
    p->cp_request = iface->address_kind == CONF_ADDRESS_NEGOTIATED && !f->no_config_request;
    const struct conf_author *a = profiles_author(s, p);
    p->cp_assign = iface->id.kind == IF_VTEMPLATE && a != NULL && a->pool.name[0] != '\0';
    const char *fault = p->user == NULL ? "out of memory" : ike_profile_check(p);
    if (fault != NULL) {
        log_write(s->log, LOG_ERR, "ikev2", "profile %s for %s: %s", f->name, iface->name, fault);
    }
    return fault == NULL;
}

static struct ike_profile *make(struct profile_set *s, const struct conf_profile *f, const struct conf_if *iface,
                                struct in_addr local)
{
    const struct conf_ipsec *ipsec = conf_find(&s->conf->ipsecs, iface->protection.name);
    const struct conf_policy *policy = policy_for(s->conf, local);
    char name[64];
    if (ipsec == NULL || ipsec->disabled || policy == NULL) {
        return NULL;
    }
    snprintf(name, sizeof(name), "%.20s %.22s %.16s", f->name, iface->name, policy->name);
    for (size_t i = 0; i < s->made.n; i++) {
        struct ike_profile *p = s->made.at[i];
        const struct binding *b = p->user;
        if (b != NULL && strcmp(b->profile, f->name) == 0 && ifid_equal(b->iface, iface->id) &&
            strcmp(strrchr(p->name, ' ') + 1, strrchr(name, ' ') + 1) == 0) {
            return p;
        }
    }
    struct ike_profile *p = ike_profile_new(name);
    if (p == NULL || !fill(s, p, f, iface, ipsec, local) || !list_add(&s->made, p)) {
        ike_profile_unref(p);
        return NULL;
    }
    return p;
}

struct ike_profile *profiles_tunnel(struct profile_set *s, const struct conf_if *f, struct in_addr local)
{
    const struct conf_ipsec *ipsec = conf_find(&s->conf->ipsecs, f->protection.name);
    const struct conf_profile *p = ipsec == NULL ? NULL : conf_find(&s->conf->profiles, ipsec->profile.name);
    return p == NULL ? NULL : make(s, p, f, local);
}

static bool local_fits(const struct conf_profile *p, struct in_addr local)
{
    bool fits = p->n_match_local == 0;
    for (unsigned i = 0; i < p->n_match_local; i++) {
        fits |= p->match_local[i].s_addr == local.s_addr;
    }
    return fits;
}

// The interface that serves a peer of this profile: its static tunnel, else the profile's template.
static const struct conf_if *interface_for(const struct conf *c, const struct conf_profile *p, struct in_addr remote)
{
    for (size_t i = 0; i < c->ifs.n; i++) {
        const struct conf_if *f = c->ifs.at[i];
        const struct conf_ipsec *s = conf_find(&c->ipsecs, f->protection.name);
        if (f->id.kind == IF_TUNNEL && !f->shutdown && f->has_destination && f->destination.s_addr == remote.s_addr &&
            s != NULL && strcmp(s->profile.name, p->name) == 0) {
            return f;
        }
    }
    struct ifid id = {IF_VTEMPLATE, p->vtemplate};
    const struct conf_if *f = p->has_vtemplate ? conf_find_if(c, id) : NULL;
    return f != NULL && !f->shutdown ? f : NULL;
}

// IKE_SA_INIT: only algorithms matter yet; they are the policy's.
static struct ike_profile *select_first(struct profile_set *s, struct in_addr local)
{
    const struct conf_policy *policy = policy_for(s->conf, local);
    if (policy == NULL || s->conf->profiles.n == 0) {
        return NULL;
    }
    for (size_t i = 0; i < s->made.n; i++) {
        struct ike_profile *p = s->made.at[i];
        if (p->user == NULL && strcmp(p->name, policy->name) == 0) {
            return p;
        }
    }
    struct ike_profile *p = ike_profile_new(policy->name);
    if (p == NULL) {
        return NULL;
    }
    add_policy(p, s->conf, local);
    p->fragmentation = !s->conf->no_fragmentation;
    p->fragment_mtu = (uint16_t)s->conf->fragment_mtu;
    if (!list_add(&s->made, p)) {
        ike_profile_unref(p);
        return NULL;
    }
    return p;
}

struct ike_profile *profiles_select(struct profile_set *s, const struct ike_select *sel)
{
    struct in_addr local = path_addr(&sel->path->local), remote = path_addr(&sel->path->remote);
    if (sel->idi == NULL) {
        return select_first(s, local);
    }
    const struct conf_profile *best = NULL;
    const struct conf_if *best_if = NULL;
    unsigned best_score = 0;
    for (size_t i = 0; i < s->conf->profiles.n; i++) {
        const struct conf_profile *p = s->conf->profiles.at[i];
        unsigned score = 0;
        for (unsigned n = 0; n < p->n_match && local_fits(p, local); n++) {
            unsigned one = profiles_match_score(&p->match[n], sel->idi);
            score = one > score ? one : score;
        }
        const struct conf_if *f = score > best_score ? interface_for(s->conf, p, remote) : NULL;
        if (f != NULL) {
            best = p;
            best_if = f;
            best_score = score;
        }
    }
    return best == NULL ? NULL : make(s, best, best_if, local);
}

const struct conf_profile *profiles_conf(const struct profile_set *s, const struct ike_profile *p)
{
    const struct binding *b = p == NULL ? NULL : p->user;
    return b == NULL ? NULL : conf_find(&s->conf->profiles, b->profile);
}

const struct conf_author *profiles_author(const struct profile_set *s, const struct ike_profile *p)
{
    const struct binding *b = p == NULL ? NULL : p->user;
    const struct conf_author *a = b == NULL ? NULL : conf_find(&s->conf->authors, b->author);
    return a == NULL || a->disabled ? NULL : a;
}

// ------------------------------------------------------------------------------------------------ keys

static unsigned peer_score(const struct conf_peer *p, const struct ike_id *id, struct in_addr from)
{
    struct conf_match m = {.addr = p->id.addr, .mask = {INADDR_NONE}};
    static const enum conf_match_kind kinds[] = {[CONF_ID_ADDRESS] = CONF_MATCH_ADDRESS,
                                                 [CONF_ID_FQDN] = CONF_MATCH_FQDN,
                                                 [CONF_ID_EMAIL] = CONF_MATCH_EMAIL,
                                                 [CONF_ID_KEY_ID] = CONF_MATCH_KEY_ID};
    if (p->id.kind != CONF_ID_NONE) {
        m.kind = kinds[p->id.kind];
        str_copy(m.text, sizeof(m.text), p->id.text);
        if (profiles_match_score(&m, id) > 0) {
            return 1000;
        }
    }
    if (p->hostname[0] != '\0' && id_is(id, IKE_ID_FQDN, p->hostname)) {
        return 900;
    }
    if (p->has_address && ((from.s_addr ^ p->addr.s_addr) & p->mask.s_addr) == 0) {
        return 1 + conf_mask_length(p->mask);
    }
    return 0;
}

int profiles_psk(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *remote,
                 const struct ike_path *path, bool of_remote, uint8_t *key, size_t cap)
{
    const struct conf_profile *f = profiles_conf(s, p);
    if (f == NULL) {
        return -1;
    }
    const char *found = of_remote ? f->key_remote : f->key_local;
    const struct conf_keyring *ring = conf_find(&s->conf->keyrings, f->keyring.name);
    bool in_profile = found[0] != '\0';
    unsigned best = 0;
    for (size_t i = 0; !in_profile && ring != NULL && i < ring->peers.n; i++) {
        const struct conf_peer *peer = ring->peers.at[i];
        unsigned score = peer_score(peer, remote, path_addr(&path->remote));
        if (score > best) {
            best = score;
            found = of_remote ? peer->key_remote : peer->key_local;
        }
    }
    size_t len = strlen(found);
    if (len == 0 || len > cap) {
        return -1;
    }
    memcpy(key, found, len); // NOLINT(bugprone-not-null-terminated-result): a key is bytes, with a length
    return (int)len;
}
