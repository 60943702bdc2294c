// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------------------------------ bitmaps

enum { LEVELS = 4, WORD = 64 }; // 64^4 addresses at most: more than a pool may have

// Bit i of level 0: taken. Bit i of a level above: word i of the level below is full. Bits beyond the end are set.
struct bits {
    uint32_t n;
    unsigned levels;
    uint64_t *level[LEVELS];
};

static size_t words(uint32_t n)
{
    return (n + WORD - 1) / WORD;
}

static bool bits_init(struct bits *b, uint32_t n)
{
    *b = (struct bits){.n = n};
    size_t left = n;
    do {
        size_t count = words((uint32_t)left);
        uint64_t *w = calloc(count, sizeof(*w));
        b->level[b->levels++] = w;
        if (w == NULL) {
            return false;
        }
        if (left % WORD != 0) {
            w[count - 1] = ~0ULL << (left % WORD);
        }
        left = count;
    } while (left > 1 && b->levels < LEVELS);
    return true;
}

static void bits_free(struct bits *b)
{
    for (unsigned i = 0; i < LEVELS; i++) {
        free(b->level[i]);
    }
}

static void bits_set(struct bits *b, uint32_t at)
{
    for (unsigned l = 0; l < b->levels; l++, at /= WORD) {
        b->level[l][at / WORD] |= 1ULL << (at % WORD);
        if (b->level[l][at / WORD] != ~0ULL) {
            break;
        }
    }
}

static void bits_clear(struct bits *b, uint32_t at)
{
    for (unsigned l = 0; l < b->levels; l++, at /= WORD) {
        b->level[l][at / WORD] &= ~(1ULL << (at % WORD));
    }
}

static bool bits_get(const struct bits *b, uint32_t at)
{
    return b->level[0][at / WORD] >> (at % WORD) & 1;
}

// The first clear bit at or after `from`; n: there is none.
static uint32_t bits_next(const struct bits *b, uint32_t from)
{
    size_t at = from, size = b->n;
    for (unsigned l = 0; l < b->levels && at < size; l++) {
        uint64_t room = ~b->level[l][at / WORD] & ~0ULL << (at % WORD);
        if (room != 0) {
            at = at / WORD * WORD + (size_t)__builtin_ctzll(room);
            while (l-- > 0) { // down again, to the first clear bit below
                at = at * WORD + (size_t)__builtin_ctzll(~b->level[l][at]);
            }
            return (uint32_t)at;
        }
        at = at / WORD + 1;
        size = words((uint32_t)size);
    }
    return b->n;
}

// ------------------------------------------------------------------------------------------------ ranges and leases

struct range {
    struct conf_pool conf;
    struct bits bits;
    uint32_t next, used;
};

struct lease {
    struct ip_addr addr;
    uint32_t refs;
    bool has_who;
    uint64_t who[2]; // fingerprint of pool and identity
};

static uint64_t addr_key(const struct pools *p, const struct ip_addr *a)
{
    uint64_t w[2] = {0};
    if (a->family == 4) {
        uint32_t v;
        memcpy(&v, a->b, sizeof(v));
        return v;
    }
    memcpy(w, a->b, sizeof(w));
    uint64_t h = (w[0] ^ p->seed) * 0x9e3779b97f4a7c15U;
    h = ((h ^ h >> 32) + w[1]) * 0xbf58476d1ce4e5b9U;
    return (h ^ h >> 29) | 1ULL << 63; // never the key of an IPv4 address
}

static struct lease *lease_of(const struct pools *p, const struct ip_addr *a)
{
    struct lease *l = map_get(&p->leases, addr_key(p, a));
    return l != NULL && ip_equal(&l->addr, a) ? l : NULL;
}

// Bit i of an address, the first is 0.
static unsigned bit_of(const struct ip_addr *a, unsigned i)
{
    return a->b[i / 8] >> (7 - i % 8) & 1U;
}

// Place in the pool; UINT32_MAX: not of it.
static uint32_t index_of(const struct conf_pool *c, const struct ip_addr *a)
{
    if (a->family != c->first.family) {
        return UINT32_MAX;
    }
    if (a->family == 4) {
        uint32_t first, addr;
        memcpy(&first, c->first.b, 4);
        memcpy(&addr, a->b, 4);
        uint32_t at = ntohl(addr) - ntohl(first);
        return at < c->count ? at : UINT32_MAX;
    }
    uint32_t at = 0;
    for (unsigned i = 0; i < c->length; i++) {
        if (i < c->pool_length ? bit_of(a, i) != bit_of(&c->first, i) : at >= 1U << 30) {
            return UINT32_MAX;
        }
        at = i < c->pool_length ? 0 : at << 1 | bit_of(a, i);
    }
    return at < c->count ? at : UINT32_MAX;
}

static struct ip_addr addr_at(const struct conf_pool *c, uint32_t at)
{
    struct ip_addr a = c->first;
    if (a.family == 4) {
        uint32_t v;
        memcpy(&v, a.b, 4);
        v = htonl(ntohl(v) + at);
        memcpy(a.b, &v, 4);
        return a;
    }
    for (unsigned i = c->length; at != 0; at >>= 1) {
        i--;
        a.b[i / 8] |= (uint8_t)((at & 1) << (7 - i % 8));
    }
    if (c->length < 128) {
        a.b[15] |= 1; // the peer's own address in the prefix that it is given
    }
    return a;
}

static bool same_range(const struct conf_pool *a, const struct conf_pool *b)
{
    return a->count == b->count && a->length == b->length && a->pool_length == b->pool_length &&
           ip_equal(&a->first, &b->first) && strcmp(a->name, b->name) == 0;
}

static void range_free(struct range *r)
{
    bits_free(&r->bits);
    free(r);
}

static struct range *range_of(struct pools *p, const struct conf_pool *c)
{
    for (size_t i = 0; i < p->ranges.n; i++) {
        struct range *r = p->ranges.at[i];
        if (same_range(&r->conf, c)) {
            return r;
        }
    }
    if (p->seed == 0 && RAND_bytes((unsigned char *)&p->seed, sizeof(p->seed)) != 1) {
        return NULL;
    }
    struct range *r = calloc(1, sizeof(*r));
    if (r == NULL || !bits_init(&r->bits, c->count) || !list_add(&p->ranges, r)) {
        if (r != NULL) {
            range_free(r);
        }
        return NULL;
    }
    r->conf = *c;
    size_t at = 0;
    const struct lease *l;
    while ((l = map_next(&p->leases, &at, NULL)) != NULL) {
        uint32_t i = l->refs > 0 ? index_of(c, &l->addr) : UINT32_MAX;
        if (i != UINT32_MAX) {
            bits_set(&r->bits, i);
            r->used++;
        }
    }
    if (c->first.family == 6 && c->length == 128 && c->count > 1) {
        bits_set(&r->bits, 0); // the anycast address of the subnet's routers is nobody's
    }
    return r;
}

// An address that becomes taken, or free, is so in every pool that has it.
static void mark(struct pools *p, const struct ip_addr *a, bool taken)
{
    for (size_t i = 0; i < p->ranges.n; i++) {
        struct range *r = p->ranges.at[i];
        uint32_t at = index_of(&r->conf, a);
        if (at == UINT32_MAX || bits_get(&r->bits, at) == taken) {
            continue;
        }
        (taken ? bits_set : bits_clear)(&r->bits, at);
        r->used += taken ? 1 : UINT32_MAX;
    }
}

// ------------------------------------------------------------------------------------------------ taking and giving

static bool fingerprint(const struct conf_pool *c, const struct ike_id *who, uint64_t out[2])
{
    uint8_t text[sizeof(c->name) + 2 + IKE_MAX_ID] = {0}, md[EVP_MAX_MD_SIZE];
    if (who == NULL || who->len > IKE_MAX_ID) {
        return false;
    }
    memcpy(text, c->name, sizeof(c->name));
    text[sizeof(c->name)] = c->first.family;
    text[sizeof(c->name) + 1] = who->type;
    memcpy(text + sizeof(c->name) + 2, who->data, who->len);
    if (EVP_Digest(text, sizeof(c->name) + 2 + who->len, md, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    memcpy(out, md, 2 * sizeof(out[0]));
    return true;
}

static bool is_of(const struct lease *l, const uint64_t who[2])
{
    return l->has_who && l->who[0] == who[0] && l->who[1] == who[1];
}

// Someone else takes an address: its last holder is forgotten.
static void forget_who(struct pools *p, struct lease *l)
{
    if (l->has_who && map_get(&p->by_who, l->who[0]) == l) {
        map_del(&p->by_who, l->who[0]);
    }
    l->has_who = false;
}

// Take the address, which is free. NULL: no memory, or its key is another address's.
static struct lease *take(struct pools *p, const struct ip_addr *a, bool has_who, const uint64_t who[2])
{
    struct lease *l = lease_of(p, a);
    if (l == NULL) {
        if (map_get(&p->leases, addr_key(p, a)) != NULL) {
            return NULL;
        }
        l = calloc(1, sizeof(*l));
        if (l == NULL || !map_set(&p->leases, addr_key(p, a), l)) {
            free(l);
            return NULL;
        }
        l->addr = *a;
    } else if (!has_who || !is_of(l, who)) {
        forget_who(p, l);
    }
    l->refs = 1;
    if (has_who && map_set(&p->by_who, who[0], l)) {
        l->has_who = true;
        l->who[0] = who[0];
        l->who[1] = who[1];
    }
    mark(p, a, true);
    return l;
}

int pools_take(struct pools *p, const struct conf_pool *pool, const struct ike_id *who, const struct ip_addr *wanted,
               struct ip_addr *out)
{
    struct range *r = range_of(p, pool);
    uint64_t print[2] = {0};
    bool has_who = fingerprint(pool, who, print);
    if (r == NULL) {
        return -ENOMEM;
    }
    uint32_t at = wanted == NULL ? UINT32_MAX : index_of(pool, wanted);
    if (at != UINT32_MAX && !bits_get(&r->bits, at)) {
        *out = addr_at(pool, at);
        return take(p, out, has_who, print) != NULL ? 0 : -ENOMEM;
    }
    struct lease *l = at == UINT32_MAX ? NULL : lease_of(p, wanted);
    if (l != NULL && l->refs > 0 && has_who && is_of(l, print)) {
        l->refs++; // the peer authenticates again, before it lets go of what it has
        *out = l->addr;
        return 0;
    }
    l = has_who ? map_get(&p->by_who, print[0]) : NULL;
    if (l != NULL && l->refs == 0 && is_of(l, print) && index_of(pool, &l->addr) != UINT32_MAX) {
        *out = l->addr;
        return take(p, out, true, print) != NULL ? 0 : -ENOMEM;
    }
    at = bits_next(&r->bits, r->next);
    at = at < pool->count ? at : bits_next(&r->bits, 0);
    if (at >= pool->count) {
        return -ENOSPC;
    }
    r->next = at + 1;
    *out = addr_at(pool, at);
    return take(p, out, has_who, print) != NULL ? 0 : -ENOMEM;
}

void pools_give(struct pools *p, const struct ip_addr *addr)
{
    struct lease *l = lease_of(p, addr);
    if (l != NULL && l->refs > 0 && --l->refs == 0) {
        mark(p, addr, false);
    }
}

bool pools_taken(const struct pools *p, const struct ip_addr *addr)
{
    const struct lease *l = lease_of(p, addr);
    return l != NULL && l->refs > 0;
}

void pools_count(struct pools *p, const struct conf_pool *pool, uint32_t *size, uint32_t *used)
{
    const struct range *r = range_of(p, pool);
    *size = pool->count - (pool->first.family == 6 && pool->length == 128 && pool->count > 1);
    *used = r == NULL ? 0 : r->used;
}

void pools_reset(struct pools *p, const struct list *pools)
{
    for (size_t i = p->ranges.n; i-- > 0;) {
        struct range *r = p->ranges.at[i];
        bool kept = false;
        for (size_t n = 0; n < pools->n; n++) {
            kept |= same_range(&r->conf, pools->at[n]);
        }
        if (!kept) {
            range_free(list_remove_at(&p->ranges, i));
        }
    }
}

void pools_free(struct pools *p)
{
    size_t at = 0;
    struct lease *l;
    while ((l = map_next(&p->leases, &at, NULL)) != NULL) {
        free(l);
    }
    for (size_t i = 0; i < p->ranges.n; i++) {
        range_free(p->ranges.at[i]);
    }
    list_free(&p->ranges);
    map_free(&p->leases);
    map_free(&p->by_who);
}
