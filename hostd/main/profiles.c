// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/profiles.h"

#include "hostd/conf/algs.h"
#include "hostd/conf/reader.h"
#include "hostd/main/keys.h"
#include "hostd/main/match.h"
#include "hostd/util/str.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Is there a profile that could serve anybody? The smart default does if a tunnel uses it.
static bool serves(const struct conf *c)
{
    for (size_t i = 0; i < c->profiles.n; i++) {
        const struct conf_profile *p = c->profiles.at[i];
        bool can = !p->disabled && !conf_profile_of_tunnels(p);
        for (size_t k = 0; !p->disabled && !can && k < c->ifs.n; k++) {
            can = conf_tunnel_uses(c, c->ifs.at[k], p);
        }
        if (can) {
            return true;
        }
    }
    return false;
}

void profiles_reset(struct profile_set *s, const struct conf *conf)
{
    for (size_t i = 0; i < s->made.n; i++) {
        ike_profile_unref(s->made.at[i]);
    }
    list_free(&s->made);
    keys_free(s->keys);
    s->keys = conf == NULL ? NULL : keys_new(conf);
    s->conf = conf;
    s->serves = conf != NULL && serves(conf);
}

void profiles_free(struct profile_set *s)
{
    profiles_reset(s, NULL);
    list_free_all(&s->bindings);
}

// ------------------------------------------------------------------------------------------------ identities

static struct ike_id *address_id(const struct ip_addr *a)
{
    return ike_id_new(a->family == 6 ? IKE_ID_IPV6 : IKE_ID_IPV4, a->b, a->family == 6 ? 16 : 4);
}

// Without `identity local` it is the local address with a pre-shared key, and our certificate's subject with one.
static struct ike_id *local_id(const struct conf_profile *f, const struct ike_cred *cred)
{
    const struct conf_id *id = &f->local_id;
    switch (id->kind) {
    case CONF_ID_ADDRESS:
        return address_id(&id->addr);
    case CONF_ID_FQDN:
        return ike_id_new(IKE_ID_FQDN, id->text, strlen(id->text));
    case CONF_ID_EMAIL:
        return ike_id_new(IKE_ID_EMAIL, id->text, strlen(id->text));
    case CONF_ID_KEY_ID:
        return ike_id_new(IKE_ID_KEY_ID, id->text, strlen(id->text));
    case CONF_ID_DN:
    case CONF_ID_FQDN_DOMAIN: // not of ourselves
    case CONF_ID_EMAIL_DOMAIN:
    case CONF_ID_NONE:
        break;
    }
    return cred != NULL ? ike_cert_subject(&(struct ike_cert){cred->cert[0].p, cred->cert[0].len}) : NULL;
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
        to->prefix = m->net.length;
        to->id = address_id(&m->net.addr);
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
    case CONF_MATCH_DN:
        return; // profiles_peer_fits() knows names
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
static const struct conf_policy *policy_for(const struct conf *c, const struct ip_addr *local)
{
    const struct conf_policy *best = NULL;
    int best_score = -1;
    for (size_t i = 0; i < c->policies.n; i++) {
        const struct conf_policy *p = c->policies.at[i];
        bool named = false;
        for (unsigned n = 0; n < p->n_local; n++) {
            named |= ip_equal(&p->local[n], local);
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

static void add_policy(struct ike_profile *p, const struct conf *c, const struct conf_policy *policy)
{
    p->n_ike = 0;
    for (unsigned i = 0; i < policy->n_proposal; i++) {
        const struct conf_proposal *t = conf_find(&c->proposals, policy->proposal[i].name);
        if (t != NULL && !t->disabled) {
            add_ike(p, t, true);
            add_ike(p, t, false);
        }
    }
}

// What the datapath cannot do is not offered, as the peer might choose it.
static bool can_do(const struct profile_set *s, const struct conf_tset *t, bool tell)
{
    struct ike_suite suite = {.encr = t->encr, .encr_bits = t->bits, .integ = t->integ};
    bool can = s->has_suite == NULL || s->has_suite(s->has_suite_ctx, &suite);
    char text[80];
    if (!can && tell) {
        log_write(s->log, LOG_WARNING, "ikev2", "transform set %s is left out: the datapath does not do %s", t->name,
                  ike_suite_format(&suite, text, sizeof(text)));
    }
    return can;
}

// The number of proposals.
static uint8_t add_esp(const struct profile_set *set, struct ike_proposal *out, const struct conf_ipsec *s, bool tell)
{
    uint8_t n = 0;
    for (unsigned i = 0; i < s->n_tset; i++) {
        const struct conf_tset *t = conf_find(&set->conf->tsets, s->tset[i].name);
        if (t == NULL || t->disabled || !can_do(set, t, tell)) {
            continue;
        }
        struct ike_proposal *to = &out[n++];
        *to = (struct ike_proposal){.esn_yes = !s->no_esn, .esn_no = true, .n_encr = 1};
        to->encr[0] = (struct ike_cipher){t->encr, t->bits};
        if (t->integ != IKE_INTEG_NONE) {
            to->integ[to->n_integ++] = t->integ;
        }
        if (s->pfs != 0) {
            to->group[to->n_group++] = alg_group[s->pfs - 1].id;
        }
    }
    return n;
}

uint8_t profiles_esp(const struct profile_set *s, const struct ike_profile *p, struct ike_proposal *out)
{
    const struct binding *b = p->user;
    const struct conf_if *f = b == NULL || s->conf == NULL ? NULL : conf_find_if(s->conf, b->iface);
    const struct conf_ipsec *ipsec = f == NULL ? NULL : conf_find(&s->conf->ipsecs, f->protection.name);
    if (ipsec == NULL || ipsec->disabled || strcmp(ipsec->profile.name, b->profile) != 0) {
        return 0;
    }
    uint8_t n = add_esp(s, out, ipsec, false);
    return ike_esp_check(out, n) == NULL ? n : 0;
}

// ------------------------------------------------------------------------------------------------ profiles

// The policy of what a peer is given that proved itself in this way.
static const char *author_for(const struct conf_profile *c, enum conf_way way)
{
    return c->author[way].name[0] != '\0' ? c->author[way].name : "default";
}

static const struct binding *binding_for(struct profile_set *s, const struct conf_profile *c, struct ifid iface,
                                         enum conf_way way, const struct conf_policy *policy,
                                         const struct ip_addr *peer)
{
    const char *author = author_for(c, way);
    for (size_t i = 0; i < s->bindings.n; i++) {
        const struct binding *b = s->bindings.at[i];
        if (strcmp(b->profile, c->name) == 0 && strcmp(b->author, author) == 0 &&
            strcmp(b->policy, policy->name) == 0 && ifid_equal(b->iface, iface) && ip_equal(&b->peer, peer)) {
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
    str_copy(b->policy, sizeof(b->policy), policy->name);
    b->iface = iface;
    b->peer = *peer;
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

static void set_ops(struct ike_profile *p, const struct conf *c, const struct conf_profile *f)
{
    p->mobike = !c->ops.no_mobike;
    p->window = c->ops.window > 0 ? (uint8_t)c->ops.window : p->window;
    p->redirects = (uint8_t)c->ops.redirects;
    p->redirect_auth = c->ops.redirect_auth != 0 || f->redirect_auth != 0;
    p->reauth_s = f->reauth;
    p->childless = (uint8_t)f->childless;
    p->resume_s = f->reconnect;
    p->force_contact = f->force_contact;
}

// Our credentials: of several those whose key is of the kind that the profile wants, in the order of its trustpoints.
static const char *set_creds(struct profile_set *s, struct ike_profile *p, const struct conf_profile *f, char *why,
                             size_t cap)
{
    bool signs = p->auth_local == IKE_WAY_CERT;
    char other[256];
    snprintf(why, cap, "there are no certificates");
    for (unsigned i = 0; s->hooks.cred != NULL; i++) {
        struct ike_cred *c = i == 0 ? s->hooks.cred(s->hooks.ctx, f, i, why, cap)
                                    : s->hooks.cred(s->hooks.ctx, f, i, other, sizeof(other));
        if (c == NULL) {
            break;
        }
        if (signs && match_key_kind(c->key) != f->auth_local) {
            char words[64];
            snprintf(why, cap, "the key of our certificate is not one for %s",
                     conf_auth_words(f->auth_local, words, sizeof(words)));
            ike_cred_unref(c);
        } else if (p->cred == NULL) {
            p->cred = c;
        } else if (signs && p->n_also < IKE_MAX_CREDS - 1) {
            p->also[p->n_also++] = c;
        } else {
            ike_cred_unref(c);
        }
    }
    return p->cred == NULL ? why : NULL;
}

// What proves us, and whom we trust. NULL, or why not.
static const char *set_auth(struct profile_set *s, struct ike_profile *p, const struct conf_profile *f, char *why,
                            size_t cap)
{
    p->auth_local = match_ways(f->auth_local);
    p->auth_remote = match_ways(f->auth_remote);
    p->eap_identity = f->eap_query_identity;
    p->eap_only = p->auth_local == IKE_WAY_EAP && (p->auth_remote & IKE_WAY_EAP);
    bool signs = p->auth_local == IKE_WAY_CERT;
    if (signs || f->local_id.kind == CONF_ID_DN) {
        const char *fault = set_creds(s, p, f, why, cap);
        if (fault != NULL) {
            return fault;
        }
    }
    if ((p->auth_remote & IKE_WAY_CERT) && s->hooks.ca_hashes != NULL) {
        p->ca_hashes = s->hooks.ca_hashes(s->hooks.ctx, f, &p->n_ca);
    }
    p->local_id = local_id(f, p->cred);
    p->id_is_subject = f->local_id.kind == CONF_ID_DN || f->local_id.kind == CONF_ID_NONE;
    return NULL;
}

static const char *fill(struct profile_set *s, struct ike_profile *p, const struct conf_profile *f,
                        const struct conf_if *iface, const struct conf_ipsec *ipsec, char *why, size_t cap)
{
    const struct conf *c = s->conf;
    const struct binding *b = p->user;
    for (unsigned i = 0; i < f->n_match && i < sizeof(p->match) / sizeof(p->match[0]); i++) {
        add_match(p, &f->match[i]);
    }
    if (ip_is_set(&b->peer)) {
        const struct conf_match end = {.kind = CONF_MATCH_ADDRESS, .net = conf_host(&b->peer)};
        add_match(p, &end);
    }
    // A peer of one known identity is asked for by it, and its key is found by it.
    if (f->n_match == 1 && f->n_match_cert == 0 &&
        (f->match[0].kind == CONF_MATCH_FQDN || f->match[0].kind == CONF_MATCH_EMAIL ||
         f->match[0].kind == CONF_MATCH_KEY_ID)) {
        p->remote_id = ike_id_new(p->match[0].id->type, p->match[0].id->data, p->match[0].id->len);
    }
    add_policy(p, c, conf_find(&c->policies, b->policy));
    p->n_esp = add_esp(s, p->esp, ipsec, true);
    set_times(p, c, f, ipsec);
    set_ops(p, c, f);
    traffic_fill(p, c, iface, iface->id.kind == IF_VTEMPLATE && f->vtemplate_auto);
    const struct conf_author *a = profiles_author(s, p);
    p->cp_request = iface->address_kind == CONF_ADDRESS_NEGOTIATED && !f->no_config_request;
    p->cp_request6 = iface->address6_kind == CONF_ADDRESS_NEGOTIATED && !f->no_config_request;
    p->cp_config = a != NULL && !f->no_config_request;
    p->cp_set_send = a != NULL && !f->no_config_send;
    p->cp_set_accept = a != NULL && !f->no_config_accept;
    p->cp_required = f->config_required;
    p->cp_assign = iface->id.kind == IF_VTEMPLATE && a != NULL && (a->pool.name[0] != '\0' || a->pool6.name[0] != '\0');
    const char *fault = set_auth(s, p, f, why, cap);
    return fault != NULL ? fault : ike_profile_check(p);
}

static struct ike_profile *make(struct profile_set *s, const struct conf_profile *f, const struct conf_if *iface,
                                enum conf_way way, const struct ip_addr *local, const struct ip_addr *remote)
{
    const struct ip_addr anybody = {0};
    const struct conf_ipsec *ipsec = conf_find(&s->conf->ipsecs, iface->protection.name);
    const struct conf_policy *policy = policy_for(s->conf, local);
    const struct binding *b =
        policy == NULL ? NULL
                       : binding_for(s, f, iface->id, way, policy, conf_profile_of_tunnels(f) ? remote : &anybody);
    char name[64], why[256];
    if (ipsec == NULL || ipsec->disabled || b == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < s->made.n; i++) {
        struct ike_profile *p = s->made.at[i];
        if (p->user == b) {
            return p;
        }
    }
    snprintf(name, sizeof(name), "%.20s %.22s %.16s", f->name, iface->name, policy->name);
    struct ike_profile *p = ike_profile_new(name);
    if (p != NULL) {
        p->user = (void *)(uintptr_t)b;
    }
    const char *fault = p == NULL ? "out of memory" : fill(s, p, f, iface, ipsec, why, sizeof(why));
    if (fault != NULL || !list_add(&s->made, p)) {
        log_write(s->log, LOG_ERR, "ikev2", "profile %s for %s: %s", f->name, iface->name,
                  fault != NULL ? fault : "out of memory");
        ike_profile_unref(p);
        return NULL;
    }
    return p;
}

struct ike_profile *profiles_tunnel(struct profile_set *s, const struct conf_if *f, const struct ip_addr *local,
                                    const struct ip_addr *to)
{
    const struct conf_ipsec *ipsec = conf_find(&s->conf->ipsecs, f->protection.name);
    const struct conf_profile *p = ipsec == NULL ? NULL : conf_find(&s->conf->profiles, ipsec->profile.name);
    if (p == NULL || p->disabled) {
        return NULL;
    }
    // How the peer will prove itself is not known yet: the first way that has an authorization of its own.
    static const unsigned ways[CONF_WAYS] = {CONF_AUTH_PSK, CONF_AUTH_SIG, CONF_AUTH_EAP};
    enum conf_way way = CONF_WAY_PSK;
    while (way < CONF_WAY_EAP && (!(p->auth_remote & ways[way]) || p->author[way].name[0] == '\0')) {
        way++;
    }
    return make(s, p, f, way, local, to);
}

// IKE_SA_INIT: only algorithms matter yet, which are the policy's, and whom we trust, which is the same for all.
static struct ike_profile *select_first(struct profile_set *s, const struct ip_addr *local)
{
    const struct conf_policy *policy = policy_for(s->conf, local);
    if (policy == NULL || !s->serves) {
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
    add_policy(p, s->conf, policy);
    p->fragmentation = !s->conf->no_fragmentation;
    p->fragment_mtu = (uint16_t)s->conf->fragment_mtu;
    if (s->hooks.ca_hashes != NULL) {
        p->ca_hashes = s->hooks.ca_hashes(s->hooks.ctx, NULL, &p->n_ca);
    }
    if (!list_add(&s->made, p)) {
        ike_profile_unref(p);
        return NULL;
    }
    return p;
}

const char *profiles_cert_refused(const struct conf_profile *p, const struct ike_cert *cert)
{
    unsigned kind = match_cert_kind(cert);
    return kind == 0                 ? "it cannot be read, or its key is of a kind that is not known"
           : kind & p->auth_remote   ? NULL
           : kind == CONF_AUTH_RSA   ? "the profile does not have authentication remote rsa-sig"
           : kind == CONF_AUTH_ECDSA ? "the profile does not have authentication remote ecdsa-sig"
                                     : "the profile does not have authentication remote eddsa-sig";
}

// May this peer prove itself as it does?
static bool way_allowed(const struct profile_set *s, const struct conf_profile *p, const struct ike_select *sel)
{
    unsigned kind = sel->way == IKE_WAY_PSK                   ? CONF_AUTH_PSK
                    : sel->way == IKE_WAY_EAP                 ? CONF_AUTH_EAP
                    : sel->certs != NULL && sel->certs->n > 0 ? match_cert_kind(&sel->certs->cert[0])
                                                              : CONF_AUTH_SIG; // by a certificate that we know
    if (sel->way == 0 || (kind & p->auth_remote)) {
        return true;
    }
    char id[128], used[64], allowed[64];
    log_write(s->log, LOG_WARNING, "ikev2", "profile %s refuses %s: it authenticates by %s, and may by %s", p->name,
              ike_id_format(sel->idi, id, sizeof(id)),
              kind == 0 ? "a certificate that cannot be read" : conf_auth_words(kind, used, sizeof(used)),
              conf_auth_words(p->auth_remote, allowed, sizeof(allowed)));
    return false;
}

static enum conf_way way_of(const struct ike_select *sel)
{
    return sel->way == IKE_WAY_CERT ? CONF_WAY_CERT : sel->way == IKE_WAY_EAP ? CONF_WAY_EAP : CONF_WAY_PSK;
}

// How well a profile fits the peer; 0: not at all.
static unsigned fits(const struct profile_set *s, const struct conf_profile *p, const struct ike_select *sel)
{
    if (p->disabled || !match_local_address(s->conf, p, &sel->path->local)) {
        return 0;
    }
    return conf_profile_of_tunnels(p) ? match_tunnel_peer(&sel->path->remote, sel->idi)
                                      : match_peer(p, sel->idi, sel->certs, s->hooks.cert_map, s->hooks.ctx);
}

struct ike_profile *profiles_select(struct profile_set *s, const struct ike_select *sel)
{
    const struct ip_addr *local = &sel->path->local;
    if (sel->resumes != NULL) {
        for (size_t i = 0; i < s->made.n; i++) {
            struct ike_profile *p = s->made.at[i];
            const struct binding *b = p->user;
            if (b != NULL && strcmp(p->name, sel->resumes) == 0 &&
                (!ip_is_set(&b->peer) || ip_equal(&b->peer, &sel->path->remote))) {
                return p;
            }
        }
        return NULL; // the configuration is another one: a full exchange will do
    }
    if (sel->idi == NULL) {
        return select_first(s, local);
    }
    const struct conf_profile *best = NULL;
    const struct conf_if *best_if = NULL;
    unsigned best_score = 0;
    for (size_t i = 0; i < s->conf->profiles.n; i++) {
        const struct conf_profile *p = s->conf->profiles.at[i];
        unsigned score = fits(s, p, sel);
        const struct conf_if *f = score > best_score ? traffic_interface(s->conf, p, &sel->path->remote,
                                                                         s->hooks.destination, s->hooks.destination_ctx)
                                                     : NULL;
        if (f != NULL) {
            best = p;
            best_if = f;
            best_score = score;
        }
    }
    char id[128];
    if (best == NULL) {
        log_write(s->log, LOG_NOTE, "ikev2", "no profile is for %s", ike_id_format(sel->idi, id, sizeof(id)));
    }
    return best == NULL || !way_allowed(s, best, sel) ? NULL
                                                      : make(s, best, best_if, way_of(sel), local, &sel->path->remote);
}

bool profiles_peer_fits(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *id,
                        const struct ike_certs *certs)
{
    const struct conf_profile *f = profiles_conf(s, p);
    const struct binding *b = p->user;
    if (f == NULL) {
        return false;
    }
    if (conf_profile_of_tunnels(f)) {
        return match_tunnel_peer(&b->peer, id) > 0;
    }
    return match_peer(f, id, certs, s->hooks.cert_map, s->hooks.ctx) > 0 &&
           (p->remote_id == NULL || ike_id_equal(p->remote_id, id));
}

const struct conf_profile *profiles_conf(const struct profile_set *s, const struct ike_profile *p)
{
    const struct binding *b = p == NULL ? NULL : p->user;
    const struct conf_profile *f = b == NULL ? NULL : conf_find(&s->conf->profiles, b->profile);
    return f == NULL || f->disabled ? NULL : f;
}

const struct conf_author *profiles_author(const struct profile_set *s, const struct ike_profile *p)
{
    const struct binding *b = p == NULL ? NULL : p->user;
    const struct conf_author *a = b == NULL ? NULL : conf_find(&s->conf->authors, b->author);
    return a == NULL || a->disabled ? NULL : a;
}

// ------------------------------------------------------------------------------------------------ keys

// Are the keys of this keyring for the profile? The smart default takes any until it is told one.
static bool has_ring(const struct conf_profile *f, const struct conf_keyring *ring)
{
    return strcmp(f->keyring.name, ring->name) == 0 || (f->keyring.name[0] == '\0' && conf_profile_smart(f));
}

int profiles_psk(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *remote,
                 const struct ike_path *path, bool of_remote, uint8_t *key, size_t cap)
{
    const struct conf_profile *f = profiles_conf(s, p);
    if (f == NULL) {
        return -1;
    }
    const struct conf_key *found = of_remote ? &f->key_remote : &f->key_local;
    bool in_profile = found->text[0] != '\0';
    unsigned best = 0;
    for (size_t n = 0; !in_profile && n < s->conf->keyrings.n; n++) {
        const struct conf_keyring *ring = s->conf->keyrings.at[n];
        unsigned score = 0;
        const struct conf_peer *peer =
            has_ring(f, ring) ? keys_find(s->keys, ring, false, remote, &path->remote, &score) : NULL;
        if (score > best) {
            best = score;
            found = of_remote ? &peer->key_remote : &peer->key_local;
        }
    }
    int len = conf_key_bytes(found, key, cap);
    return len > 0 ? len : -1;
}

bool profiles_ppk(const struct profile_set *s, const struct ike_profile *p, const struct ike_id *remote,
                  const struct ike_path *path, const void *id, size_t id_len, struct ike_ppk *out)
{
    const struct conf_profile *f = profiles_conf(s, p);
    const struct conf_ppk *found = NULL;
    unsigned best = 0;
    // Before the profile is known (f NULL) any keyring's will do, and before the peer is known its address decides, or
    // that the key is for no address.
    for (size_t i = 0; i < s->conf->keyrings.n; i++) {
        const struct conf_keyring *ring = s->conf->keyrings.at[i];
        const struct conf_peer *peer = NULL;
        unsigned score = 0;
        if (f != NULL && !has_ring(f, ring)) {
            continue;
        }
        if (id != NULL) {
            peer = keys_ppk_named(s->keys, ring, id, id_len);
        } else {
            peer = keys_find(s->keys, ring, true, remote, &path->remote, &score);
        }
        if (peer == NULL && id == NULL && remote == NULL && f == NULL) {
            peer = keys_ppk_anywhere(s->keys, ring);
        }
        score = peer != NULL && score == 0 ? 1 : score;
        if (score > best) {
            best = score;
            found = &peer->ppk;
        }
    }
    int len = found == NULL ? 0 : conf_key_bytes(&found->key, out->key, sizeof(out->key));
    if (len <= 0) {
        return false;
    }
    out->key_len = (uint16_t)len;
    out->id_len = (uint16_t)strlen(found->id);
    memcpy(out->id, found->id, out->id_len); // NOLINT(bugprone-not-null-terminated-result): bytes, with a length
    out->required = found->required;
    return true;
}
