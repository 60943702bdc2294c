// SPDX-License-Identifier: BSD-2-Clause
// Whether a configuration makes sense as a whole. Each fault names the line where it was written.
#include "hostd/conf/algs.h"
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct checker {
    const struct conf *c;
    char *err;
    size_t err_size;
};

static bool bad(const struct checker *k, unsigned line, unsigned word, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool bad(const struct checker *k, unsigned line, unsigned word, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (line == 0 || line == CONF_NO_LINE) {
        snprintf(k->err, k->err_size, "%s", text);
    } else if (word == 0) {
        snprintf(k->err, k->err_size, "line %u: %s", line, text);
    } else {
        snprintf(k->err, k->err_size, "line %u: word %u: %s", line, word, text);
    }
    return false;
}

static bool check_ref(const struct checker *k, const struct conf_ref *ref, const struct list *l, const char *what)
{
    if (ref->name[0] == '\0' || conf_find(l, ref->name) != NULL) {
        return true;
    }
    return bad(k, ref->line, ref->word, "there is no %s \"%s\"", what, ref->name);
}

static bool check_proposals(const struct checker *k)
{
    for (size_t i = 0; i < k->c->proposals.n; i++) {
        const struct conf_proposal *p = k->c->proposals.at[i];
        bool cbc = false;
        for (unsigned e = 0; e < p->n_encr; e++) {
            cbc |= !alg_encr[p->encr[e]].aead;
        }
        const char *missing = p->disabled              ? NULL
                              : p->n_encr == 0         ? "encryption"
                              : p->n_group == 0        ? "group"
                              : cbc && p->n_integ == 0 ? "integrity (its ciphers include one that is not AEAD)"
                              : p->n_prf == 0 && p->n_integ == 0 ? "prf (or integrity)"
                                                                 : NULL;
        if (missing != NULL) {
            return bad(k, 0, 0, "crypto ikev2 proposal %s lacks %s", p->name, missing);
        }
    }
    return true;
}

static bool check_policies(const struct checker *k)
{
    for (size_t i = 0; i < k->c->policies.n; i++) {
        const struct conf_policy *p = k->c->policies.at[i];
        if (!p->disabled && p->n_proposal == 0) {
            return bad(k, 0, 0, "crypto ikev2 policy %s names no proposal", p->name);
        }
        for (unsigned n = 0; n < p->n_proposal; n++) {
            const struct conf_proposal *t = conf_find(&k->c->proposals, p->proposal[n].name);
            if (!check_ref(k, &p->proposal[n], &k->c->proposals, "crypto ikev2 proposal")) {
                return false;
            }
            if (!p->disabled && t->disabled && p->proposal[n].line != 0) {
                return bad(k, p->proposal[n].line, p->proposal[n].word, "proposal \"%s\" is switched off", t->name);
            }
        }
    }
    return true;
}

static bool check_keyrings(const struct checker *k)
{
    for (size_t i = 0; i < k->c->keyrings.n; i++) {
        const struct conf_keyring *ring = k->c->keyrings.at[i];
        for (size_t n = 0; n < ring->peers.n; n++) {
            const struct conf_peer *p = ring->peers.at[n];
            bool who = p->net.addr.family != 0 || p->hostname[0] != '\0' || p->id.kind != CONF_ID_NONE;
            bool key = p->key_local.text[0] != '\0' || p->key_remote.text[0] != '\0';
            if (!who || !key) {
                return bad(k, 0, 0, "crypto ikev2 keyring %s: peer %s lacks %s", ring->name, p->name,
                           !who ? "address, hostname or identity" : "pre-shared-key");
            }
        }
    }
    return true;
}

static bool has_trustpoint(const struct conf_profile *p, bool sign)
{
    for (unsigned i = 0; i < p->n_trustpoint; i++) {
        if (sign ? p->trustpoint[i].sign : p->trustpoint[i].verify) {
            return true;
        }
    }
    return false;
}

// What the EAP of a profile lacks; NULL: nothing.
static const char *eap_fault(const struct conf_profile *p)
{
    bool local = p->auth_local == CONF_AUTH_EAP, remote = (p->auth_remote & CONF_AUTH_EAP) != 0;
    bool tls = has_trustpoint(p, true) && has_trustpoint(p, false), any_tls = p->n_eap_methods == 0;
    bool own_tls = p->eap.method == CONF_EAP_TLS, own_any = p->eap.method == CONF_EAP_ANY;
    if (!remote && (p->n_eap_methods > 0 || p->eap_list.name[0] != '\0')) {
        return "has settings for EAP of the peer, but not authentication remote eap";
    }
    for (unsigned i = 0; i < p->n_eap_methods; i++) {
        any_tls |= p->eap_methods[i] == CONF_EAP_TLS;
        if (p->eap_methods[i] == CONF_EAP_TLS && !tls) {
            return "lacks pki trustpoint, for our certificate in EAP-TLS and to verify peers with";
        }
    }
    // RFC 5998: a method that proves both ends whatever the password is.
    if (local && remote && (!any_tls || !(own_tls || own_any) || !tls)) {
        return "leaves all to EAP, which needs EAP-TLS: pki trustpoint, and no other method";
    }
    if (local && own_tls && !tls) {
        return "lacks pki trustpoint, for our certificate in EAP-TLS and to verify the peer's";
    }
    if (local && !own_tls && p->eap.password[0] == '\0' && !(own_any && tls)) {
        return "lacks the password of authentication local eap";
    }
    return NULL;
}

// What an ikev2 profile lacks for its two ways of authentication to work; NULL: nothing. rings: the smart default has
// keyrings to take keys from (or nobody uses it).
static const char *auth_fault(const struct conf_profile *p, bool rings)
{
    bool psk = p->auth_local == CONF_AUTH_PSK, eap = p->auth_local == CONF_AUTH_EAP;
    bool sig_local = (p->auth_local & CONF_AUTH_SIG) != 0, sig_remote = (p->auth_remote & CONF_AUTH_SIG) != 0;
    bool psk_remote = (p->auth_remote & CONF_AUTH_PSK) != 0, eap_remote = (p->auth_remote & CONF_AUTH_EAP) != 0;
    bool no_key = (psk && p->key_local.text[0] == '\0') || (psk_remote && p->key_remote.text[0] == '\0');
    if (no_key && p->keyring.name[0] == '\0' && !(conf_profile_smart(p) && rings)) {
        return conf_profile_smart(p) ? "has no key, and there is no keyring that has one"
                                     : "has neither a key nor a keyring";
    }
    // RFC 7296 2.16: the side that asks for EAP proves itself by a signature; RFC 5998: or both by EAP.
    if (eap_remote && psk) {
        return "has authentication remote eap, which needs authentication local by certificate (or eap)";
    }
    if (eap && !sig_remote && !eap_remote) {
        return "has authentication local eap, which needs authentication remote by certificate (or eap)";
    }
    if (sig_local && !has_trustpoint(p, true)) {
        return "lacks pki trustpoint, for our own certificate";
    }
    if (sig_remote && !has_trustpoint(p, false)) {
        return "lacks pki trustpoint, to verify peers with";
    }
    if (p->n_match == 0 && p->n_match_cert > 0 && psk_remote) {
        return "matches by certificate alone, but has authentication remote pre-share";
    }
    if (p->local_id.kind == CONF_ID_DN && !has_trustpoint(p, true)) {
        return "lacks pki trustpoint, for identity local dn";
    }
    return NULL;
}

static bool check_locals(const struct checker *k, const struct conf_profile *p)
{
    for (unsigned i = 0; i < p->n_match_local; i++) {
        const struct conf_local *l = &p->match_local[i];
        const struct conf_if *f = l->addr.family != 0 ? NULL : conf_find_if(k->c, l->iface);
        char name[CONF_NAME];
        if (l->addr.family == 0 && (f == NULL || f->address_kind != CONF_ADDRESS_STATIC)) {
            return bad(k, l->line, l->word, "%s %s", ifid_format(l->iface, name, sizeof(name)),
                       f == NULL ? "is not configured" : "has no address of its own");
        }
    }
    return true;
}

static bool check_certificates(const struct checker *k, const struct conf_profile *p)
{
    for (unsigned i = 0; i < p->n_trustpoint; i++) {
        if (!check_ref(k, &p->trustpoint[i].ref, &k->c->trustpoints, "crypto pki trustpoint")) {
            return false;
        }
    }
    for (unsigned i = 0; i < p->n_match_cert; i++) {
        if (!check_ref(k, &p->match_cert[i], &k->c->certmaps, "crypto pki certificate map")) {
            return false;
        }
    }
    return true;
}

static bool check_authorization(const struct checker *k, const struct conf_profile *p)
{
    for (unsigned i = 0; i < CONF_WAYS; i++) {
        // The list `default` is there without being configured.
        bool listed = strcmp(p->author_list[i].name, "default") == 0 ||
                      check_ref(k, &p->author_list[i], &k->c->author_lists, "aaa authorization network");
        if (!listed || !check_ref(k, &p->author[i], &k->c->authors, "crypto ikev2 authorization policy")) {
            return false;
        }
    }
    return true;
}

static bool check_eap_list(const struct checker *k, const struct conf_profile *p)
{
    return strcmp(p->eap_list.name, "default") == 0 || // it is there without being configured
           check_ref(k, &p->eap_list, &k->c->login_lists, "aaa authentication login");
}

// The first static tunnel that uses the profile, or NULL.
static const struct conf_if *tunnel_of(const struct checker *k, const struct conf_profile *p)
{
    for (size_t i = 0; i < k->c->ifs.n; i++) {
        const struct conf_if *f = k->c->ifs.at[i];
        if (conf_tunnel_uses(k->c, f, p)) {
            return f;
        }
    }
    return NULL;
}

static bool check_profile(const struct checker *k, const struct conf_profile *p)
{
    if (p->disabled) {
        return true;
    }
    if (p->n_match == 0 && p->n_match_cert == 0 && !conf_profile_smart(p)) {
        return bad(k, p->line, 0, "crypto ikev2 profile %s lacks match identity remote", p->name);
    }
    if (p->has_vtemplate && conf_profile_of_tunnels(p)) {
        return bad(k, p->vtemplate_line, p->vtemplate_word,
                   "crypto ikev2 profile %s serves the destinations of static tunnels alone: whom the template is for "
                   "takes match identity remote",
                   p->name);
    }
    if (!p->auth_local || !p->auth_remote) {
        return bad(k, p->line, 0, "crypto ikev2 profile %s lacks authentication %s", p->name,
                   p->auth_local ? "remote" : "local");
    }
    const struct conf_if *user = conf_profile_of_tunnels(p) ? tunnel_of(k, p) : NULL;
    bool idle = conf_profile_of_tunnels(p) && user == NULL; // it serves nobody, and needs no keys for that
    const char *fault = auth_fault(p, idle || k->c->keyrings.n > 0);
    fault = fault != NULL ? fault : eap_fault(p);
    if (fault != NULL && p->line == 0 && user != NULL) {
        return bad(k, user->protection.line, user->protection.word, "crypto ikev2 profile %s of %s %s", p->name,
                   user->name, fault);
    }
    if (fault != NULL) {
        return bad(k, p->line, 0, "crypto ikev2 profile %s %s", p->name, fault);
    }
    if (!check_ref(k, &p->keyring, &k->c->keyrings, "crypto ikev2 keyring") || !check_locals(k, p) ||
        !check_authorization(k, p) || !check_eap_list(k, p) || !check_certificates(k, p)) {
        return false;
    }
    if (p->has_vtemplate) {
        struct ifid id = {IF_VTEMPLATE, p->vtemplate};
        const struct conf_if *f = conf_find_if(k->c, id);
        if (f == NULL) {
            return bad(k, p->vtemplate_line, p->vtemplate_word, "there is no interface Virtual-Template%u",
                       p->vtemplate);
        }
        if (f->protection.name[0] == '\0') {
            return bad(k, f->line, 0, "interface %s lacks tunnel protection", f->name);
        }
        const struct conf_ipsec *s = conf_find(&k->c->ipsecs, f->protection.name);
        // To name the smart default is to say what holds anyway: it is no other profile's contradiction.
        if (s != NULL && strcmp(s->profile.name, "default") != 0 && strcmp(s->profile.name, p->name) != 0) {
            return bad(k, p->vtemplate_line, p->vtemplate_word,
                       "Virtual-Template%u is protected by an ipsec profile of ikev2 profile \"%s\"", p->vtemplate,
                       s->profile.name);
        }
    }
    return true;
}

static bool check_ipsecs(const struct checker *k)
{
    for (size_t i = 0; i < k->c->ipsecs.n; i++) {
        const struct conf_ipsec *p = k->c->ipsecs.at[i];
        for (unsigned n = 0; n < p->n_tset; n++) {
            const struct conf_tset *t = conf_find(&k->c->tsets, p->tset[n].name);
            if (!check_ref(k, &p->tset[n], &k->c->tsets, "crypto ipsec transform-set")) {
                return false;
            }
            if (!p->disabled && t->disabled && p->tset[n].line != 0) {
                return bad(k, p->tset[n].line, p->tset[n].word, "transform set \"%s\" is switched off", t->name);
            }
        }
        const struct conf_profile *f = conf_find(&k->c->profiles, p->profile.name);
        if (p->profile.line != 0 && !check_ref(k, &p->profile, &k->c->profiles, "crypto ikev2 profile")) {
            return false;
        }
        if (p->profile.line != 0 && f != NULL && f->disabled) {
            return bad(k, p->profile.line, p->profile.word, "ikev2 profile \"%s\" is switched off", f->name);
        }
    }
    return true;
}

// Do the outer addresses fit the mode's family, and each other?
static bool check_ends(const struct checker *k, const struct conf_if *f)
{
    uint8_t family = conf_mode_family(f->mode);
    char text[IP_TEXT];
    if (ip_is_set(&f->destination) && f->destination.family != family) {
        return bad(k, f->destination_line, f->destination_word, "%s is not IPv%u, which the mode of %s goes over",
                   ip_format(&f->destination, text), family, f->name);
    }
    if (ip_is_set(&f->source) && f->source.family != family) {
        return bad(k, f->source_line, f->source_word, "%s is not IPv%u, which the mode of %s goes over",
                   ip_format(&f->source, text), family, f->name);
    }
    if (f->has_key && !conf_mode_gre(f->mode)) {
        return bad(k, f->line, 0, "interface %s has a tunnel key, which only GRE carries", f->name);
    }
    return true;
}

static bool check_tunnel(const struct checker *k, const struct conf_if *f)
{
    if (!check_ends(k, f)) {
        return false;
    }
    if (f->protection.name[0] == '\0') {
        if (f->destination_dynamic) {
            return bad(k, f->destination_line, f->destination_word,
                       "dynamic: interface %s has no tunnel protection, by which a peer could be known", f->name);
        }
        return true; // plain GRE, or it stays down
    }
    const struct conf_ipsec *s = conf_find(&k->c->ipsecs, f->protection.name);
    if (s == NULL || s->disabled) {
        return bad(k, f->protection.line, f->protection.word, "there is no crypto ipsec profile \"%s\"",
                   f->protection.name);
    }
    for (unsigned n = 0; n < s->n_tset; n++) {
        const struct conf_tset *t = conf_find(&k->c->tsets, s->tset[n].name);
        if (t->disabled) {
            return bad(k, f->protection.line, f->protection.word, "ipsec profile \"%s\" has no transform set", s->name);
        }
    }
    const struct conf_profile *p = conf_find(&k->c->profiles, s->profile.name);
    if (f->id.kind == IF_TUNNEL && (p == NULL || p->disabled)) {
        return bad(k, f->protection.line, f->protection.word,
                   "ipsec profile \"%s\" uses ikev2 profile \"%s\", which is %s", s->name, s->profile.name,
                   p == NULL ? "not there" : "switched off");
    }
    if (f->id.kind == IF_TUNNEL && f->destination_dynamic && conf_profile_of_tunnels(p)) {
        return bad(k, f->destination_line, f->destination_word,
                   "dynamic: ikev2 profile \"%s\" serves known destinations alone; whom this tunnel waits for takes "
                   "match identity remote in it",
                   p->name);
    }
    if (f->id.kind == IF_TUNNEL && !f->has_destination) {
        return bad(k, f->line, 0, "interface %s lacks tunnel destination", f->name);
    }
    return true;
}

static bool check_if(const struct checker *k, const struct conf_if *f)
{
    if (f->has_source && f->source_if.kind != IF_NONE) {
        const struct conf_if *s = conf_find_if(k->c, f->source_if);
        char name[CONF_NAME];
        ifid_format(f->source_if, name, sizeof(name));
        if (s == NULL || (s->id.kind != IF_ETHERNET && s->id.kind != IF_LOOPBACK)) {
            return bad(k, f->source_line, f->source_word, "%s %s", name,
                       s == NULL ? "is not configured" : "cannot be a tunnel's source");
        }
    }
    if (f->address_kind == CONF_ADDRESS_UNNUMBERED) {
        const struct conf_if *u = conf_find_if(k->c, f->unnumbered);
        char name[CONF_NAME];
        ifid_format(f->unnumbered, name, sizeof(name));
        if (u == NULL || u->address_kind != CONF_ADDRESS_STATIC) {
            return bad(k, f->unnumbered_line, f->unnumbered_word, "%s %s", name,
                       u == NULL ? "is not configured" : "has no address of its own");
        }
    }
    if (f->address6_kind == CONF_ADDRESS_UNNUMBERED) {
        const struct conf_if *u = conf_find_if(k->c, f->unnumbered6);
        char name[CONF_NAME];
        ifid_format(f->unnumbered6, name, sizeof(name));
        if (u == NULL || u->address6_kind != CONF_ADDRESS_STATIC) {
            return bad(k, f->unnumbered6_line, f->unnumbered6_word, "%s %s", name,
                       u == NULL ? "is not configured" : "has no IPv6 address of its own");
        }
    }
    for (size_t i = 0; i < k->c->ifs.n; i++) {
        const struct conf_if *other = k->c->ifs.at[i];
        if (other != f && f->device[0] != '\0' && strcmp(other->device, f->device) == 0) {
            return bad(k, f->line, 0, "interfaces %s and %s have the same device", f->name, other->name);
        }
        bool both = f->address_kind == CONF_ADDRESS_STATIC && other->address_kind == CONF_ADDRESS_STATIC;
        if (other != f && both && other->addr.s_addr == f->addr.s_addr) {
            return bad(k, f->line, 0, "interfaces %s and %s have the same address", f->name, other->name);
        }
    }
    return f->id.kind == IF_TUNNEL || f->id.kind == IF_VTEMPLATE ? check_tunnel(k, f) : true;
}

// Lists are of the new model; users alone are not.
static bool check_aaa(const struct checker *k)
{
    const struct list *l = k->c->login_lists.n > 0 ? &k->c->login_lists : &k->c->author_lists;
    if (!k->c->aaa_new_model && l->n > 0) {
        const struct conf_aaa_list *first = l->at[0];
        return bad(k, first->line, 0, "list \"%s\" needs aaa new-model", first->name);
    }
    return true;
}

static bool check_pki(const struct checker *k)
{
    for (size_t i = 0; i < k->c->trustpoints.n; i++) {
        const struct conf_trustpoint *t = k->c->trustpoints.at[i];
        bool cert = t->cert.path[0] != '\0', key = t->key.path[0] != '\0', p12 = t->pkcs12.path[0] != '\0';
        if (cert != key || (p12 && cert)) {
            return bad(k, t->line, 0, "crypto pki trustpoint %s %s", t->name,
                       p12    ? "has pkcs12 and certificate: its own certificate is one of them"
                       : cert ? "has a certificate but no key"
                              : "has a key but no certificate");
        }
    }
    for (size_t i = 0; i < k->c->certmaps.n; i++) {
        const struct conf_certmap *m = k->c->certmaps.at[i];
        if (m->n_cond == 0) {
            return bad(k, m->line, 0, "crypto pki certificate map %s %u has no condition", m->name, m->sequence);
        }
    }
    return true;
}

static bool check_author(const struct checker *k, const struct conf_author *a)
{
    for (unsigned i = 0; i < a->n_route_if; i++) {
        const struct conf_if *f = conf_find_if(k->c, a->route_if[i].iface);
        char name[CONF_NAME];
        ifid_format(a->route_if[i].iface, name, sizeof(name));
        if (f == NULL || (f->address_kind != CONF_ADDRESS_STATIC && f->n_addr6 == 0)) {
            return bad(k, a->route_if[i].line, a->route_if[i].word, "%s %s", name,
                       f == NULL ? "is not configured" : "has no address of its own");
        }
    }
    return check_ref(k, &a->pool, &k->c->pools, "ip local pool") &&
           check_ref(k, &a->pool6, &k->c->pools6, "ipv6 local pool") &&
           check_ref(k, &a->acl, &k->c->acls, "access-list") &&
           check_ref(k, &a->acl6, &k->c->acls6, "ipv6 access-list");
}

static bool check_redirect(const struct checker *k)
{
    const struct conf_ops *o = &k->c->ops;
    unsigned line = o->redirect_init != 0 ? o->redirect_init : o->redirect_auth;
    for (size_t i = 0; i < k->c->profiles.n && line == 0; i++) {
        line = ((const struct conf_profile *)k->c->profiles.at[i])->redirect_auth;
    }
    return line == 0 || o->n_target + o->n_target_name > 0 ||
           bad(k, line, 0, "clients are to be sent on, but there is no redirect target");
}

bool conf_check(const struct conf *c, char *err, size_t err_size)
{
    const struct checker k = {c, err, err_size};
    if (!check_proposals(&k) || !check_policies(&k) || !check_keyrings(&k) || !check_ipsecs(&k) || !check_aaa(&k) ||
        !check_pki(&k) || !check_redirect(&k)) {
        return false;
    }
    for (size_t i = 0; i < c->profiles.n; i++) {
        if (!check_profile(&k, c->profiles.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < c->authors.n; i++) {
        if (!check_author(&k, c->authors.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < c->ifs.n; i++) {
        if (!check_if(&k, c->ifs.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < c->routes.n; i++) {
        const struct conf_route *r = c->routes.at[i];
        bool known = r->iface.kind == IF_NONE || r->iface.kind == IF_NULL ||
                     (conf_find_if(c, r->iface) != NULL && r->iface.kind != IF_VTEMPLATE);
        if (!known) {
            return bad(&k, r->line, r->word, "no such interface to route over");
        }
    }
    return true;
}
