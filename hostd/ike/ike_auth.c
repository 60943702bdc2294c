// SPDX-License-Identifier: BSD-2-Clause
// AUTH payloads (RFC 7296 2.15, 2.16): made and verified with pre-shared keys, signatures, and keys of EAP, by either
// role. What is a signature, or needs a certificate verified, is answered later; the rest at once.
//
// A peer is authenticated when every fact of IKE_FACTS_REQUIRED has been established, and by nothing else.
#include "hostd/ike/ike_int.h"
#include "hostd/ike/ike_sign.h"

#include <openssl/crypto.h>

// ---------------------------------------------------------------------------------------------- what is kept

bool ike_auth_begin(struct ike_sa *sa)
{
    ike_auth_free(sa);
    sa->auth = ike_zalloc(sa->e, sizeof(*sa->auth));
    return sa->auth != NULL;
}

void ike_auth_free(struct ike_sa *sa)
{
    struct ike_auth *a = sa->auth;
    if (a == NULL)
        return;
    ike_table_drop(&sa->e->by_token, &a->by_token);
    ike_eap_end(sa);
    sa->auth = NULL;
    if (a->plain)
        OPENSSL_cleanse(a->plain, a->len);
    free(a->plain);
    free(a->peer_body);
    free(a->own);
    free(a->sig);
    if (a->msk)
        OPENSSL_cleanse(a->msk, a->msk_len);
    free(a->msk);
    OPENSSL_cleanse(a->key, sizeof(a->key));
    free(a);
}

bool ike_auth_keep(struct ike_sa *sa)
{
    struct ike_auth *a = sa->auth;
    if (a->plain)
        OPENSSL_cleanse(a->plain, a->len);
    free(a->plain);
    a->plain = NULL;
    // The message, certificates taken out of it, and what they become.
    if (!ike_half_charge(sa, sa->e->plain_len * 3 + sizeof(*a)))
        return false;
    a->plain = ike_copy(sa->e, sa->e->plain, sa->e->plain_len);
    a->len = sa->e->plain_len;
    a->first = sa->e->plain_first;
    return a->plain != NULL;
}

void ike_auth_kept(const struct ike_sa *sa, struct ike_payloads *p)
{
    // It was well-formed when it came.
    (void)ike_payloads_decode(sa->auth->first, sa->auth->plain, sa->auth->len, p);
}

bool ike_auth_keep_body(struct ike_sa *sa, struct ike_bytes body)
{
    struct ike_auth *a = sa->auth;
    free(a->peer_body);
    a->peer_body = ike_copy(sa->e, body.p, body.len);
    a->peer_body_len = body.len;
    return a->peer_body != NULL;
}

// Is a CA that it leads to among those that are asked for?
static bool leads_there(const struct ike_cred *c, struct ike_bytes asked)
{
    bool found = c->n_ca == 0;
    for (unsigned i = 0; i < c->n_ca; i++) {
        for (size_t at = 0; at + IKE_CA_HASH <= asked.len; at += IKE_CA_HASH)
            found |= memcmp(c->ca_hashes + (size_t)i * IKE_CA_HASH, asked.p + at, IKE_CA_HASH) == 0;
    }
    return found;
}

void ike_auth_choose_cred(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_profile *f = sa->profile;
    sa->auth->cred = f->cred;
    sa->auth->by_url = ike_find_notify(p, IKE_N_HTTP_CERT) != NULL;
    if (f->auth_local != IKE_WAY_CERT || sa->resumed || f->cred == NULL || p->certreq.len == 0 ||
        leads_there(f->cred, p->certreq))
        return;
    for (unsigned i = 0; i < f->n_also; i++) {
        if (leads_there(f->also[i], p->certreq)) {
            sa->auth->cred = f->also[i];
            ike_sa_log(sa, IKE_LOG_INFO, "the peer asks for a CA of our certificate no. %u", i + 2);
            return;
        }
    }
    ike_sa_log(sa, IKE_LOG_INFO, "our certificates lead to none of the CAs that the peer asks for");
}

struct ike_id *ike_own_id(const struct ike_sa *sa)
{
    const struct ike_id *id = sa->profile->local_id;
    const struct ike_cred *c = sa->auth ? sa->auth->cred : NULL;
    if (sa->profile->id_is_subject && c && c != sa->profile->cred)
        return ike_cert_subject(&(struct ike_cert){c->cert[0].p, c->cert[0].len});
    if (id)
        return ike_id_new(id->type, id->data, id->len);
    const struct ip_addr *a = &sa->path.local;
    return a->family == 4 ? ike_id_new(IKE_ID_IPV4, a->b, 4) : ike_id_new(IKE_ID_IPV6, a->b, 16);
}

bool ike_authenticated(const struct ike_sa *sa)
{
    return (sa->facts & IKE_FACTS_REQUIRED) == IKE_FACTS_REQUIRED;
}

// ---------------------------------------------------------------------------------------------- answers from outside

uint64_t ike_auth_await(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    ike_table_drop(&e->by_token, &a->by_token);
    a->token = ++e->last_token;
    return ike_table_put(&e->by_token, &a->by_token, a->token, sa) ? a->token : 0;
}

struct ike_sa *ike_auth_awaited(struct ike_engine *e, uint64_t token)
{
    struct ike_node *n = ike_table_find(&e->by_token, token);
    struct ike_sa *sa = n ? n->owner : NULL;
    if (sa == NULL)
        return NULL;
    sa->auth->token = 0;
    ike_table_drop(&e->by_token, n);
    // INIT-SENT: the initiator has its keys and is about to send IKE_AUTH.
    return sa->state == IKE_S_AUTH_WAIT || sa->state == IKE_S_AUTH_SENT || sa->state == IKE_S_INIT_SENT ? sa : NULL;
}

// ---------------------------------------------------------------------------------------------- certificates by URL

// Put certificates into the message that was kept, in the place of the payload `at` (a CERT), which is as long as `len`
// with its header. false: no memory, or more than a peer may have of it.
static bool put_in_place(struct ike_sa *sa, size_t at, size_t len, const struct ike_certs *certs)
{
    enum { HEAD = 5 }; // of a CERT payload, its encoding included
    struct ike_auth *a = sa->auth;
    size_t all = a->len - len;
    for (unsigned i = 0; i < certs->n; i++)
        all += HEAD + certs->cert[i].len;
    if (certs->n == 0 || all > IKE_MAX_MESSAGE || !ike_half_charge(sa, all))
        return false;
    uint8_t *plain = ike_zalloc(sa->e, all), *to = plain;
    if (plain == NULL)
        return false;
    memcpy(to, a->plain, at);
    to += at;
    for (unsigned i = 0; i < certs->n; i++) {
        const size_t n = HEAD + certs->cert[i].len;
        to[0] = i + 1 < certs->n ? IKE_P_CERT : a->plain[at];
        to[2] = (uint8_t)(n >> 8);
        to[3] = (uint8_t)n;
        to[4] = IKE_CERT_X509;
        memcpy(to + HEAD, certs->cert[i].p, certs->cert[i].len);
        to += n;
    }
    memcpy(to, a->plain + at + len, a->len - at - len);
    OPENSSL_cleanse(a->plain, a->len);
    free(a->plain);
    a->plain = plain;
    a->len = all;
    return true;
}

bool ike_auth_look_up(struct ike_sa *sa, ike_auth_then *then)
{
    enum { HEAD = 1 + IKE_CERT_HASH }; // encoding, hash
    const struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    struct ike_payloads p;
    struct ike_cert_url u;
    ike_auth_kept(sa, &p);
    if (p.cert_url.p == NULL || !e->limits.http_cert || e->ops->cert_fetch == NULL) {
        if (p.cert_url.p)
            ike_sa_log(sa, IKE_LOG_WARN, "the peer names a certificate by URL, which is not looked up");
        return false;
    }
    const size_t n = p.cert_url.len - HEAD;
    a->then = then;
    const uint64_t token = n <= IKE_MAX_URL && a->looked_up < IKE_MAX_CERTS ? ike_auth_await(sa) : 0;
    if (token == 0) {
        sa->e->stats.cert_lookups_failed++;
        ike_sa_log(sa, IKE_LOG_WARN, "the peer names too many certificates by URL, or one by too long a URL");
        then(sa, false);
        return true;
    }
    a->looked_up++;
    u.bundle = p.cert_url.p[0] == IKE_CERT_URL_BUNDLE;
    memcpy(u.hash, p.cert_url.p + 1, IKE_CERT_HASH);
    memcpy(u.url, p.cert_url.p + HEAD, n);
    u.url[n] = '\0';
    ike_sa_log(sa, IKE_LOG_INFO, "the peer's certificate is at %s", u.url);
    e->ops->cert_fetch(e->ctx, token, &u);
    return true;
}

void ike_cert_url_answer(struct ike_engine *e, uint64_t token, const struct ike_certs *certs, const char *why,
                         uint64_t now)
{
    enum { HEAD = 4 };
    ike_enter(e, now);
    struct ike_sa *sa = ike_auth_awaited(e, token);
    if (sa) {
        ike_auth_then *then = sa->auth->then;
        struct ike_payloads p;
        ike_auth_kept(sa, &p);
        const bool good =
            certs && certs->n > 0 &&
            put_in_place(sa, (size_t)(p.cert_url.p - sa->auth->plain) - HEAD, HEAD + p.cert_url.len, certs);
        *(good ? &e->stats.certs_looked_up : &e->stats.cert_lookups_failed) += 1;
        if (!good)
            ike_sa_log(sa, IKE_LOG_WARN, "the peer's certificate, which it names by URL: %s",
                       certs && certs->n > 0 ? "it is too long" : why);
        if (!good || !ike_auth_look_up(sa, then))
            then(sa, good);
    }
    ike_leave(e);
}

// ---------------------------------------------------------------------------------------------- what AUTH covers

// The message, the other side's nonce: what the initiator (or the responder) signs before its identity.
static void covered(const struct ike_sa *sa, bool of_initiator, struct ike_bytes out[2])
{
    out[0] = of_initiator ? (struct ike_bytes){sa->init_req, sa->init_req_len}
                          : (struct ike_bytes){sa->init_resp, sa->init_resp_len};
    out[1] = of_initiator ? (struct ike_bytes){sa->nr, sa->nr_len} : (struct ike_bytes){sa->ni, sa->ni_len};
}

// All of it in one piece, for a signature; to be freed. NULL: no memory, or OpenSSL failed.
static uint8_t *octets(struct ike_sa *sa, bool of_initiator, struct ike_bytes id, size_t *len)
{
    struct ike_engine *e = sa->e;
    const size_t prf = ike_prf_len(sa->suite.prf);
    struct ike_bytes part[2];
    covered(sa, of_initiator, part);
    *len = part[0].len + part[1].len + prf;
    uint8_t *out = ike_zalloc(e, *len);
    if (out == NULL)
        return NULL;
    memcpy(out, part[0].p, part[0].len);
    memcpy(out + part[0].len, part[1].p, part[1].len);
    if (!ike_prf(e->crypto, sa->suite.prf, of_initiator ? sa->keys.pi : sa->keys.pr, prf, &id, 1, out + *len - prf)) {
        free(out);
        return NULL;
    }
    return out;
}

// The key that AUTH of one side is made with, where it is no signature: EAP's, or the pre-shared one. -1: none;
// IKE_PSK_LATER: it has to be asked for.
static int shared_key(struct ike_sa *sa, bool ours, uint8_t *key, size_t cap)
{
    struct ike_engine *e = sa->e;
    const struct ike_auth *a = sa->auth;
    if (a->eap_done) { // RFC 7296 2.16: a method without a key leaves SK_pi and SK_pr
        const uint8_t *from = a->msk ? a->msk : ours == sa->initiator ? sa->keys.pi : sa->keys.pr;
        const size_t len = a->msk ? a->msk_len : ike_prf_len(sa->suite.prf);
        if (len > cap)
            return -1;
        memcpy(key, from, len);
        return (int)len;
    }
    if (a->asks == (ours ? IKE_ASK_OWN : IKE_ASK_PEER) && a->key_len) { // it was asked for
        memcpy(key, a->key, sizeof(a->key));
        return a->key_len;
    }
    const int len = (ours || e->ops->psk_remote == NULL ? e->ops->psk : e->ops->psk_remote)(
        e->ctx, sa->profile, sa->local_id, sa->remote_id, &sa->path, key, cap);
    if (len == IKE_PSK_LATER && e->ops->psk_ask)
        return len;
    if (len < 0 || (size_t)len > cap)
        ike_sa_log(sa, IKE_LOG_WARN, "no pre-shared key for this peer");
    return len;
}

// Ask for the key of one side; go on when the answer is there. false: no memory.
static bool ask_key(struct ike_sa *sa, enum ike_auth_ask whose, uint8_t ways, ike_auth_then *then)
{
    struct ike_auth *a = sa->auth;
    const uint64_t token = ike_auth_await(sa);
    if (token == 0)
        return false;
    a->asks = whose;
    a->key_len = 0;
    a->ways = ways;
    a->then = then;
    sa->e->ops->psk_ask(sa->e->ctx, token, sa->profile, sa->local_id, sa->remote_id, &sa->path, whose == IKE_ASK_PEER);
    return true; // the SA may be over by now
}

void ike_psk_answer(struct ike_engine *e, uint64_t token, const uint8_t *key, int len, uint64_t now)
{
    ike_enter(e, now);
    struct ike_sa *sa = ike_auth_awaited(e, token);
    if (sa) {
        struct ike_auth *a = sa->auth;
        struct ike_payloads p;
        a->key_len = key && len > 0 && len <= (int)sizeof(a->key) ? len : -1;
        if (a->key_len > 0)
            memcpy(a->key, key, (size_t)len);
        else
            ike_sa_log(sa, IKE_LOG_WARN, "no pre-shared key for this peer");
        if (a->asks == IKE_ASK_OWN) {
            ike_auth_make(sa, a->then);
        } else {
            ike_auth_kept(sa, &p);
            ike_auth_verify(sa, &p, a->ways, a->then);
        }
    }
    ike_leave(e);
}

// AUTH of one side by a shared key: ike_prf_len() bytes. *later: the key has to be asked for first.
static bool shared_auth(struct ike_sa *sa, bool ours, struct ike_bytes id, uint8_t out[IKE_MAX_PRF], bool *later)
{
    const bool of_initiator = ours == sa->initiator;
    struct ike_bytes part[2];
    uint8_t key[IKE_MAX_PSK];
    const int len = shared_key(sa, ours, key, sizeof(key));
    *later = len == IKE_PSK_LATER;
    if (len < 0 || (size_t)len > sizeof(key))
        return false;
    covered(sa, of_initiator, part);
    const bool ok = ike_auth_psk(sa->e->crypto, sa->suite.prf, (struct ike_bytes){key, (size_t)len}, part[0], part[1],
                                 id, of_initiator ? sa->keys.pi : sa->keys.pr, out);
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

// AUTH of a resumed session (RFC 5723 5.1): prf(SK_p, what AUTH covers).
static bool resumed_auth(struct ike_sa *sa, bool of_initiator, struct ike_bytes id, uint8_t out[IKE_MAX_PRF])
{
    size_t len = 0;
    uint8_t *data = octets(sa, of_initiator, id, &len);
    const struct ike_bytes part = {data, len};
    const bool ok = data && ike_prf(sa->e->crypto, sa->suite.prf, of_initiator ? sa->keys.pi : sa->keys.pr,
                                    ike_prf_len(sa->suite.prf), &part, 1, out);
    free(data);
    return ok;
}

// ---------------------------------------------------------------------------------------------- ours

static void own_is(struct ike_sa *sa, uint8_t method)
{
    const struct ike_auth *a = sa->auth;
    sa->auth->own_method = method;
    sa->facts |= IKE_FACT_SELF;
    // The side that asks for EAP has proved itself otherwise before; its second AUTH is by EAP's key all the same.
    if (!a->eap_done)
        sa->auth_local = method;
    else if (sa->initiator || a->eap_only)
        sa->auth_local = IKE_AUTH_BY_EAP;
}

static void signed_(struct ike_sa *sa, struct ike_job *job)
{
    struct ike_auth *a = sa->auth;
    if (a == NULL)
        return;
    if (job->ok) {
        a->own = job->auth;
        a->own_len = job->auth_len;
        job->auth = NULL;
        own_is(sa, job->method);
    } else {
        ike_sa_log(sa, IKE_LOG_WARN, "our key makes no signature that this peer takes");
    }
    a->then(sa, job->ok);
}

// Our AUTH payload is this MAC, which was computed (ok) or not. Wipes it. Is there a payload now?
static bool own_mac(struct ike_sa *sa, bool ok, uint8_t mac[IKE_MAX_PRF])
{
    struct ike_auth *a = sa->auth;
    a->own_len = ike_prf_len(sa->suite.prf);
    a->own = ok ? ike_copy(sa->e, mac, a->own_len) : NULL;
    OPENSSL_cleanse(mac, IKE_MAX_PRF);
    if (a->own)
        own_is(sa, IKE_AUTH_PSK);
    return a->own != NULL;
}

void ike_auth_make(struct ike_sa *sa, ike_auth_then *then)
{
    struct ike_auth *a = sa->auth;
    const struct ike_id *id = sa->local_id;
    uint8_t body[4 + IKE_MAX_ID], auth[IKE_MAX_PRF];
    const struct ike_bytes covered_id = {body, 4u + id->len};
    memset(body, 0, 4);
    body[0] = id->type;
    memcpy(body + 4, id->data, id->len);
    free(a->own);
    a->own = NULL;
    if (sa->resumed) {
        const bool ok = resumed_auth(sa, sa->initiator, covered_id, auth);
        then(sa, own_mac(sa, ok, auth));
        return;
    }
    if (!a->eap_done && sa->profile->auth_local == IKE_WAY_CERT) {
        size_t len = 0;
        uint8_t *data = a->cred ? octets(sa, sa->initiator, covered_id, &len) : NULL;
        a->then = then;
        if (data == NULL ||
            !ike_job_sign(sa, sa->initiator ? IKE_JOB_TASK : IKE_JOB_REQUEST, a->cred->key, data, len, signed_)) {
            ike_sa_log(sa, IKE_LOG_WARN, "no key to sign with");
            then(sa, false);
        }
        return;
    }
    bool later = false;
    const bool ok = shared_auth(sa, true, covered_id, auth, &later);
    if (later && ask_key(sa, IKE_ASK_OWN, 0, then))
        return;
    then(sa, own_mac(sa, ok, auth));
}

void ike_auth_put(struct ike_sa *sa, struct ike_build *b, uint8_t identity)
{
    const struct ike_auth *a = sa->auth;
    if (identity) {
        ike_put_id(b, identity, sa->local_id);
        if (sa->profile->auth_local == IKE_WAY_CERT && a->cred && !sa->resumed)
            ike_put_certs(b, a->cred, a->by_url);
    }
    if (a->own)
        ike_put_auth(b, a->own_method, a->own, a->own_len);
}

// ---------------------------------------------------------------------------------------------- the peer's

uint8_t ike_auth_way(const struct ike_payloads *p)
{
    return p->auth.data.p == NULL ? IKE_WAY_EAP : p->auth.method == IKE_AUTH_PSK ? IKE_WAY_PSK : IKE_WAY_CERT;
}

static void peer_is(struct ike_sa *sa, uint8_t method)
{
    const struct ike_auth *a = sa->auth;
    sa->facts |= IKE_FACT_PEER;
    if (!a->eap_done)
        sa->auth_remote = method;
    else if (!sa->initiator || a->eap_only)
        sa->auth_remote = IKE_AUTH_BY_EAP;
}

static void verified(struct ike_sa *sa, struct ike_job *job)
{
    if (sa->auth == NULL)
        return;
    if (job->ok) {
        struct ike_payloads p;
        ike_auth_kept(sa, &p); // with the certificates that have been verified
        free(sa->cert_id);
        sa->cert_id = p.certs.n ? ike_cert_subject(&p.certs.cert[0]) : NULL;
        peer_is(sa, job->method);
    } else {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer's AUTH: %s", job->why);
    }
    sa->auth->then(sa, job->ok);
}

void ike_cert_answer(struct ike_engine *e, uint64_t token, struct evp_pkey_st *key, const char *why, uint64_t now)
{
    ike_enter(e, now);
    struct ike_sa *sa = ike_auth_awaited(e, token);
    if (sa == NULL) {
        EVP_PKEY_free(key);
        ike_leave(e);
        return;
    }
    struct ike_auth *a = sa->auth;
    size_t len = 0;
    uint8_t *data = key ? octets(sa, !sa->initiator, (struct ike_bytes){a->peer_body, a->peer_body_len}, &len) : NULL;
    if (key == NULL) {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer's certificate: %s", why ? why : "refused");
        a->then(sa, false);
    } else if (data == NULL) {
        EVP_PKEY_free(key);
        a->then(sa, false);
    } else {
        uint8_t *sig = a->sig;
        a->sig = NULL;
        if (!ike_job_verify(sa, sa->initiator ? IKE_JOB_TASK : IKE_JOB_REQUEST, key, data, len, a->sig_method, sig,
                            a->sig_len, verified))
            a->then(sa, false);
    }
    ike_leave(e);
}

static void verify_signature(struct ike_sa *sa, const struct ike_payloads *p, ike_auth_then *then)
{
    struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    if (p->certs.n == 0 || e->ops->cert_check == NULL) {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer signs, and sent no certificate");
        then(sa, false);
        return;
    }
    free(a->sig);
    a->sig = ike_copy(e, p->auth.data.p, p->auth.data.len);
    a->sig_len = p->auth.data.len;
    a->sig_method = p->auth.method;
    a->then = then;
    const uint64_t token = a->sig ? ike_auth_await(sa) : 0;
    if (token)
        e->ops->cert_check(e->ctx, token, sa->profile, sa->remote_id, &p->certs);
    else
        then(sa, false);
}

void ike_auth_verify(struct ike_sa *sa, const struct ike_payloads *p, uint8_t ways, ike_auth_then *then)
{
    struct ike_auth *a = sa->auth;
    uint8_t want[IKE_MAX_PRF];
    const size_t len = ike_prf_len(sa->suite.prf);
    const uint8_t way = ike_auth_way(p);
    if (sa->resumed) {
        const char *why = ike_resume_check(sa);
        const bool fits = why == NULL && p->auth.method == IKE_AUTH_PSK && p->auth.data.len == len &&
                          resumed_auth(sa, !sa->initiator, (struct ike_bytes){a->peer_body, a->peer_body_len}, want) &&
                          CRYPTO_memcmp(want, p->auth.data.p, len) == 0;
        if (why)
            ike_sa_log(sa, IKE_LOG_WARN, "%s", why);
        OPENSSL_cleanse(want, sizeof(want));
        if (fits)
            peer_is(sa, IKE_AUTH_PSK);
        then(sa, fits);
        return;
    }
    if (!(way & ways) || way == IKE_WAY_EAP) {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer authenticates by %s, which is not what is configured",
                   way == IKE_WAY_EAP ? "EAP" : ike_name(IKE_NAMES_AUTH, p->auth.method));
        then(sa, false);
        return;
    }
    if (way == IKE_WAY_CERT) {
        verify_signature(sa, p, then);
        return;
    }
    bool later = false;
    const bool made = shared_auth(sa, false, (struct ike_bytes){a->peer_body, a->peer_body_len}, want, &later);
    if (later && ask_key(sa, IKE_ASK_PEER, ways, then))
        return;
    const bool ok = made && p->auth.data.len == len && CRYPTO_memcmp(want, p->auth.data.p, len) == 0;
    OPENSSL_cleanse(want, sizeof(want));
    if (ok)
        peer_is(sa, IKE_AUTH_PSK);
    then(sa, ok);
}
