// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/pki/known.h"

#include "hostd/pki/cert.h"
#include "hostd/util/map.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct entry {
    uint64_t key; // the digest's beginning
    uint8_t digest[KNOWN_DIGEST];
    struct pki_set *set; // what `by` is in
    struct known_chain chain;
    int64_t from, to; // all of the chain is valid
    TAILQ_ENTRY(entry) link;
};

struct known {
    struct map by_key;
    TAILQ_HEAD(entries, entry) all; // oldest first
    size_t n, max;
};

struct known *known_new(size_t max)
{
    struct known *k = must_alloc(sizeof(*k));
    TAILQ_INIT(&k->all);
    k->max = max;
    return k;
}

static void drop(struct known *k, struct entry *e)
{
    map_del(&k->by_key, e->key);
    TAILQ_REMOVE(&k->all, e, link);
    k->n--;
    sk_X509_pop_free(e->chain.chain, X509_free);
    pki_unref(e->set);
    free(e);
}

void known_clear(struct known *k)
{
    for (struct entry *e = TAILQ_FIRST(&k->all), *next = NULL; e != NULL; e = next) {
        next = TAILQ_NEXT(e, link);
        drop(k, e);
    }
}

void known_free(struct known *k)
{
    if (k != NULL) {
        known_clear(k);
        map_free(&k->by_key);
        free(k);
    }
}

bool known_digest(const struct ike_certs *certs, const struct pki_set *set,
                  const struct pki_trustpoint *const *trustpoint, unsigned n, uint8_t out[KNOWN_DIGEST])
{
    EVP_MD_CTX *m = EVP_MD_CTX_new();
    const uintptr_t which = (uintptr_t)set; // an entry keeps its set, so that no other one takes its place
    bool ok = m != NULL && EVP_DigestInit_ex(m, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(m, &which, sizeof(which)) == 1 && EVP_DigestUpdate(m, &n, sizeof(n)) == 1 &&
              EVP_DigestUpdate(m, trustpoint, n * sizeof(void *)) == 1;
    for (unsigned i = 0; i < certs->n && ok; i++) {
        ok = EVP_DigestUpdate(m, &certs->cert[i].len, sizeof(certs->cert[i].len)) == 1 &&
             EVP_DigestUpdate(m, certs->cert[i].p, certs->cert[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(m, out, NULL) == 1;
    EVP_MD_CTX_free(m);
    return ok;
}

bool known_get(struct known *k, const uint8_t digest[KNOWN_DIGEST], int64_t now, struct known_chain *out)
{
    uint64_t key;
    memcpy(&key, digest, sizeof(key));
    struct entry *e = map_get(&k->by_key, key);
    if (e == NULL || memcmp(e->digest, digest, KNOWN_DIGEST) != 0) {
        return false;
    }
    if (now < e->from || now >= e->to) {
        drop(k, e); // verified once more, for the reason
        return false;
    }
    *out = e->chain;
    return true;
}

void known_put(struct known *k, const uint8_t digest[KNOWN_DIGEST], struct pki_set *set, const struct known_chain *c)
{
    uint64_t key;
    memcpy(&key, digest, sizeof(key));
    struct entry *e = map_get(&k->by_key, key) == NULL ? calloc(1, sizeof(*e)) : NULL;
    if (e == NULL) {
        return; // known already, or no memory: then it is not remembered
    }
    e->key = key;
    memcpy(e->digest, digest, KNOWN_DIGEST);
    e->from = INT64_MIN;
    e->to = INT64_MAX;
    for (int i = 0; i < sk_X509_num(c->chain); i++) {
        X509 *x = sk_X509_value(c->chain, i);
        int64_t from = cert_time(X509_get0_notBefore(x)), to = cert_time(X509_get0_notAfter(x));
        e->from = from > e->from ? from : e->from;
        e->to = to < e->to ? to : e->to;
    }
    e->chain = (struct known_chain){X509_chain_up_ref(c->chain), c->by};
    if (e->chain.chain == NULL || !map_set(&k->by_key, key, e)) {
        sk_X509_pop_free(e->chain.chain, X509_free);
        free(e);
        return;
    }
    e->set = pki_ref(set);
    TAILQ_INSERT_TAIL(&k->all, e, link);
    k->n++;
    if (k->n > k->max) {
        drop(k, TAILQ_FIRST(&k->all));
    }
}
