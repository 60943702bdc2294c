// SPDX-License-Identifier: BSD-2-Clause
// CRLs, OCSP answers, and certificates that are named by URL, from servers: fetched once for all who wait, judged in
// the worker pool, kept until they say that they are old. A server that is dead is not waited for again for a while;
// one that is slow holds up only those who ask it. Everything is bounded.
#ifndef CULVERT_PKI_CACHE_H
#define CULVERT_PKI_CACHE_H

#include "hostd/pki/revoke.h"
#include "hostd/util/log.h"

#include <sys/queue.h>
#include <uv.h>

struct cache_limits {
    unsigned connect_ms, total_ms; // of one fetch, milliseconds
    unsigned failed_ms, dead_ms;   // how long a failed fetch, and a server that did not answer, are remembered
    unsigned oldest_s;             // nothing is kept longer, seconds, whatever it says itself
    unsigned unsaid_s;             // what does not say when it is old is kept so long
    size_t crl_size, ocsp_size;    // longest answers, bytes
    size_t cert_size;              // longest certificate or bundle, bytes
    size_t entries, bytes;         // kept in all
    unsigned per_server, fetches;  // at a time, to one server and in all
    unsigned queue;                // most that wait for their turn at one server
};
struct cache_limits cache_limits_default(void);

struct cache_counters {
    uint64_t hits, fetches, fetch_failures, judged_bad, shared, refused; // shared: waited for another's fetch
};

struct cache;
struct source;

enum { CACHE_HASH = 20 }; // SHA-1, bytes

struct cache_ask {
    bool ocsp; // else a CRL
    const char *url;
    X509 *cert, *issuer;
    const uint8_t *hash; // not NULL: neither, but what has this SHA-1 (CACHE_HASH bytes); cert and issuer are NULL then
    bool weak, no_nonce;
};

// Embedded by who waits. fn may ask again.
struct cache_waiter {
    void (*fn)(void *arg, enum revoke_verdict verdict, const char *why);
    void (*closed)(void *arg); // the cache closes, fn will not be called; NULL: need not be told
    void *arg;
    X509 *cert;        // that it asked about; the owner's
    struct source *on; // NULL: does not wait
    TAILQ_ENTRY(cache_waiter) link;
};

struct cache *cache_new(uv_loop_t *loop, const struct cache_limits *limits);
// Nobody hears of anything any more; memory goes when the loop has ended what is under way.
void cache_close(struct cache *c);

// Answered at once: true. Else the waiter is called, once, later.
bool cache_ask(struct cache *c, const struct cache_ask *q, struct cache_waiter *w, enum revoke_verdict *verdict,
               char why[REVOKE_WHY]);
// What was asked for by its hash, once the verdict was REVOKE_GOOD; valid during this turn. NULL: it is not there.
const uint8_t *cache_content(struct cache *c, const struct cache_ask *q, size_t *len);
void cache_forget(struct cache *c, struct cache_waiter *w);
// Drop what is kept (what is under way stays), and forget that servers were dead. How many were dropped.
size_t cache_clear(struct cache *c);
const struct cache_counters *cache_counters(const struct cache *c);

// For `show`. state: "fetching", "valid", "failed". crl NULL: an OCSP answer, or none yet.
struct cache_entry {
    bool ocsp;
    const uint8_t *hash; // not NULL: a certificate that was named by URL; issuer and cert are NULL then
    const char *url, *state, *why;
    X509 *issuer, *cert;
    X509_CRL *crl;
    int64_t seconds; // that it is kept yet
    size_t waiting;
};
void cache_show(const struct cache *c, void (*fn)(void *arg, const struct cache_entry *e), void *arg);

#endif
