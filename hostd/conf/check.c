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
        const char *missing = p->disabled                        ? NULL
                              : p->n_encr == 0                   ? "encryption"
                              : p->n_group == 0                  ? "group"
                              : cbc && p->n_integ == 0           ? "integrity (its ciphers include AES-CBC)"
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

// The IKE machine asks for one key a pair, whichever side it is for.
static bool check_keyrings(const struct checker *k)
{
    for (size_t i = 0; i < k->c->keyrings.n; i++) {
        const struct conf_keyring *ring = k->c->keyrings.at[i];
        for (size_t n = 0; n < ring->peers.n; n++) {
            const struct conf_peer *p = ring->peers.at[n];
            bool who = p->has_address || p->hostname[0] != '\0' || p->id.kind != CONF_ID_NONE;
            bool local = p->key_local[0] != '\0', remote = p->key_remote[0] != '\0';
            if (!who || !local || !remote) {
                return bad(k, 0, 0, "crypto ikev2 keyring %s: peer %s lacks %s", ring->name, p->name,
                           !who                ? "address, hostname or identity"
                           : !local && !remote ? "pre-shared-key"
                           : local             ? "pre-shared-key remote"
                                               : "pre-shared-key local");
            }
        }
    }
    return true;
}

static bool check_profile(const struct checker *k, const struct conf_profile *p)
{
    if (p->n_match == 0) {
        return bad(k, p->line, 0, "crypto ikev2 profile %s lacks match identity remote", p->name);
    }
    if (!p->auth_local || !p->auth_remote) {
        return bad(k, p->line, 0, "crypto ikev2 profile %s lacks authentication %s", p->name,
                   p->auth_local ? "remote" : "local");
    }
    if ((p->key_local[0] == '\0' || p->key_remote[0] == '\0') && p->keyring.name[0] == '\0') {
        return bad(k, p->line, 0, "crypto ikev2 profile %s has neither a key nor a keyring", p->name);
    }
    if (!check_ref(k, &p->keyring, &k->c->keyrings, "crypto ikev2 keyring") ||
        !check_ref(k, &p->authorization, &k->c->authors, "crypto ikev2 authorization policy")) {
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
        if (s != NULL && s->profile.line != 0 && strcmp(s->profile.name, p->name) != 0) {
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
        if (p->profile.line != 0 && !check_ref(k, &p->profile, &k->c->profiles, "crypto ikev2 profile")) {
            return false;
        }
    }
    return true;
}

static bool check_tunnel(const struct checker *k, const struct conf_if *f)
{
    if (f->protection.name[0] == '\0') {
        return true; // stays down
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
    if (!f->mode_ipsec) {
        return bad(k, f->line, 0, "interface %s lacks tunnel mode ipsec ipv4, the only mode there is", f->name);
    }
    if (f->id.kind == IF_TUNNEL && conf_find(&k->c->profiles, s->profile.name) == NULL) {
        return bad(k, f->protection.line, f->protection.word,
                   "ipsec profile \"%s\" uses ikev2 profile \"%s\", which is not there", s->name, s->profile.name);
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

bool conf_check(const struct conf *c, char *err, size_t err_size)
{
    const struct checker k = {c, err, err_size};
    if (!check_proposals(&k) || !check_policies(&k) || !check_keyrings(&k) || !check_ipsecs(&k)) {
        return false;
    }
    for (size_t i = 0; i < c->profiles.n; i++) {
        if (!check_profile(&k, c->profiles.at[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < c->authors.n; i++) {
        const struct conf_author *a = c->authors.at[i];
        if (!check_ref(&k, &a->pool, &c->pools, "ip local pool")) {
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
