// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/keys.h"

#include "hostd/util/lpm.h"
#include "hostd/util/map.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
    BY_IDENTITY = 1000,
    BY_HOSTNAME = 900,
    BY_DOMAIN = 300,
    BY_ADDRESS = 1
}; // of domains the longer, of prefixes, too

// What a peer is found by, besides its address.
enum word_kind {
    WORD_FQDN,
    WORD_EMAIL,
    WORD_KEY_ID,
    WORD_ADDRESS,
    WORD_HOSTNAME,
    WORD_DOMAIN,
    WORD_MAIL_DOMAIN,
    WORD_PPK,
    WORD_USER
};

struct word {
    struct word *next; // of the same hash, in the order of the configuration
    const void *of;    // a struct conf_peer, or struct conf_user
    enum word_kind kind;
    const uint8_t *text; // in the configuration
    size_t len;
};

// The peers of one keyring, all of them or those that have a post-quantum key.
struct table {
    struct map words;
    struct lpm nets;
    const struct conf_peer *anywhere; // the first without an address
};

struct keys {
    struct map rings; // struct ring by the address of the keyring
    struct table users;
    uint64_t visits;
};

struct ring {
    struct table all, ppk;
};

static bool any_case(enum word_kind kind)
{
    return kind != WORD_KEY_ID && kind != WORD_ADDRESS && kind != WORD_PPK && kind != WORD_USER;
}

// FNV-1a. Those who are looked for may choose what they are called, but not what stands in the table.
static uint64_t hash(enum word_kind kind, const uint8_t *text, size_t len)
{
    uint64_t h = 0xcbf29ce484222325U ^ (uint64_t)kind;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (uint64_t)(any_case(kind) ? tolower(text[i]) : text[i])) * 0x100000001b3U;
    }
    return h;
}

static bool same(const struct word *w, enum word_kind kind, const uint8_t *text, size_t len)
{
    if (w->kind != kind || w->len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (any_case(kind) ? tolower(w->text[i]) != tolower(text[i]) : w->text[i] != text[i]) {
            return false;
        }
    }
    return true;
}

static void add(struct table *t, const void *of, enum word_kind kind, const void *text, size_t len)
{
    struct word *w = must_alloc(sizeof(*w));
    *w = (struct word){.of = of, .kind = kind, .text = text, .len = len};
    const uint64_t h = hash(kind, text, len);
    struct word *last = map_get(&t->words, h);
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    if (last != NULL) {
        last->next = w;
    } else if (!map_set(&t->words, h, w)) {
        abort(); // like must_alloc
    }
}

static void add_peer(struct table *t, const struct conf_peer *p)
{
    static const enum word_kind kinds[] = {[CONF_ID_FQDN] = WORD_FQDN,
                                           [CONF_ID_EMAIL] = WORD_EMAIL,
                                           [CONF_ID_KEY_ID] = WORD_KEY_ID,
                                           [CONF_ID_FQDN_DOMAIN] = WORD_DOMAIN,
                                           [CONF_ID_EMAIL_DOMAIN] = WORD_MAIL_DOMAIN};
    switch (p->id.kind) {
    case CONF_ID_ADDRESS:
        add(t, p, WORD_ADDRESS, p->id.addr.b, p->id.addr.family == 6 ? 16 : 4);
        break;
    case CONF_ID_FQDN:
    case CONF_ID_EMAIL:
    case CONF_ID_KEY_ID:
    case CONF_ID_FQDN_DOMAIN:
    case CONF_ID_EMAIL_DOMAIN:
        add(t, p, kinds[p->id.kind], p->id.text, strlen(p->id.text));
        break;
    case CONF_ID_DN:
    case CONF_ID_NONE:
        break;
    }
    if (p->hostname[0] != '\0') {
        add(t, p, WORD_HOSTNAME, p->hostname, strlen(p->hostname));
    }
    if (p->net.addr.family == 0) {
        t->anywhere = t->anywhere == NULL ? p : t->anywhere;
        return;
    }
    const struct ip_addr net = ip_network(&p->net.addr, p->net.length);
    if (lpm_get(&t->nets, &net, p->net.length) == NULL &&
        !lpm_set(&t->nets, &net, p->net.length, (void *)(uintptr_t)p)) {
        abort(); // like must_alloc
    }
}

struct keys *keys_new(const struct conf *c)
{
    struct keys *k = must_alloc(sizeof(*k));
    for (size_t i = 0; i < c->keyrings.n; i++) {
        const struct conf_keyring *ring = c->keyrings.at[i];
        struct ring *r = must_alloc(sizeof(*r));
        if (!map_set(&k->rings, (uint64_t)(uintptr_t)ring, r)) {
            abort(); // like must_alloc
        }
        for (size_t n = 0; n < ring->peers.n; n++) {
            const struct conf_peer *p = ring->peers.at[n];
            add_peer(&r->all, p);
            if (p->ppk.id[0] != '\0') {
                add_peer(&r->ppk, p);
                add(&r->ppk, p, WORD_PPK, p->ppk.id, strlen(p->ppk.id));
            }
        }
    }
    for (size_t i = 0; i < c->users.n; i++) {
        const struct conf_user *u = c->users.at[i];
        add(&k->users, u, WORD_USER, u->name, strlen(u->name));
    }
    return k;
}

static void table_free(struct table *t)
{
    size_t at = 0;
    struct word *w;
    while ((w = map_next(&t->words, &at, NULL)) != NULL) {
        while (w != NULL) {
            struct word *next = w->next;
            free(w);
            w = next;
        }
    }
    map_free(&t->words);
    lpm_free(&t->nets);
}

void keys_free(struct keys *k)
{
    size_t at = 0;
    struct ring *r;
    if (k == NULL) {
        return;
    }
    while ((r = map_next(&k->rings, &at, NULL)) != NULL) {
        table_free(&r->all);
        table_free(&r->ppk);
        free(r);
    }
    map_free(&k->rings);
    table_free(&k->users);
    free(k);
}

uint64_t keys_visits(const struct keys *k)
{
    return k->visits;
}

static const void *look(struct keys *k, const struct table *t, enum word_kind kind, const uint8_t *text, size_t len)
{
    const struct word *w = map_get(&t->words, hash(kind, text, len));
    k->visits++;
    while (w != NULL && !same(w, kind, text, len)) {
        k->visits++;
        w = w->next;
    }
    return w == NULL ? NULL : w->of;
}

// The longest domain that the name is in: the name itself, or what follows a dot; of an address what follows an
// at-sign.
static const struct conf_peer *look_domain(struct keys *k, const struct table *t, const struct ike_id *id, size_t *len)
{
    const bool mail = id->type == IKE_ID_EMAIL;
    for (size_t i = 0; i < id->len; i++) {
        if (mail ? i == 0 || id->data[i - 1] != '@' : i > 0 && id->data[i - 1] != '.') {
            continue;
        }
        *len = id->len - i;
        const struct conf_peer *p = look(k, t, mail ? WORD_MAIL_DOMAIN : WORD_DOMAIN, id->data + i, *len);
        if (p != NULL) {
            return p;
        }
    }
    return NULL;
}

static const struct conf_peer *look_id(struct keys *k, const struct table *t, const struct ike_id *id, unsigned *score)
{
    const bool address = (id->type == IKE_ID_IPV4 && id->len == 4) || (id->type == IKE_ID_IPV6 && id->len == 16);
    const bool fqdn = id->type == IKE_ID_FQDN, mail = id->type == IKE_ID_EMAIL;
    const struct conf_peer *p = NULL;
    size_t len = 0;
    if (address || fqdn || mail || id->type == IKE_ID_KEY_ID) {
        p = look(k, t, address ? WORD_ADDRESS : fqdn ? WORD_FQDN : mail ? WORD_EMAIL : WORD_KEY_ID, id->data, id->len);
        *score = BY_IDENTITY;
    }
    if (p == NULL && fqdn) {
        p = look(k, t, WORD_HOSTNAME, id->data, id->len);
        *score = BY_HOSTNAME;
    }
    if (p == NULL && (fqdn || mail)) {
        p = look_domain(k, t, id, &len);
        *score = BY_DOMAIN + (unsigned)len;
    }
    return p;
}

static struct ring *ring_of(const struct keys *k, const struct conf_keyring *ring)
{
    return map_get(&k->rings, (uint64_t)(uintptr_t)ring);
}

const struct conf_peer *keys_find(struct keys *k, const struct conf_keyring *ring, bool ppk, const struct ike_id *id,
                                  const struct ip_addr *from, unsigned *score)
{
    const struct ring *r = ring_of(k, ring);
    const struct table *t = r == NULL ? NULL : ppk ? &r->ppk : &r->all;
    const struct conf_peer *p = t == NULL || id == NULL ? NULL : look_id(k, t, id, score);
    if (t != NULL && p == NULL) {
        k->visits++;
        p = lpm_find(&t->nets, from);
        *score = p == NULL ? 0 : BY_ADDRESS + p->net.length;
    }
    *score = p == NULL ? 0 : *score;
    return p;
}

const struct conf_peer *keys_ppk_named(struct keys *k, const struct conf_keyring *ring, const void *id, size_t len)
{
    const struct ring *r = ring_of(k, ring);
    return r == NULL ? NULL : look(k, &r->ppk, WORD_PPK, id, len);
}

const struct conf_peer *keys_ppk_anywhere(const struct keys *k, const struct conf_keyring *ring)
{
    const struct ring *r = ring_of(k, ring);
    return r == NULL ? NULL : r->ppk.anywhere;
}

const struct conf_user *keys_user(struct keys *k, const void *name, size_t len)
{
    return look(k, &k->users, WORD_USER, name, len);
}
