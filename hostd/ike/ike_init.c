// SPDX-License-Identifier: BSD-2-Clause
// IKE_SA_INIT (RFC 7296 1.2), both roles:
//   HDR, [N(COOKIE)], SAi1, KEi, Ni, N(NAT_DETECTION_*)  -->
//                                <--  HDR, SAr1, KEr, Nr, N(NAT_DETECTION_*)
#include "hostd/ike/ike_int.h"
#include "hostd/ike/ike_sign.h"

#include <openssl/crypto.h>

enum { INIT_COST = 4096 }; // bytes of a half-open SA besides itself and the request, generously

// The hash algorithms that the peer takes in signatures (RFC 7427); 0: it does not know Digital Signatures.
static uint16_t peer_hashes(const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_SIGNATURE_HASHES);
    return n ? ike_hashes_decode(n->data) : 0;
}

// Derive the keys of a first IKE SA; false: OpenSSL failed.
static bool derive_keys(struct ike_sa *sa, const struct ike_job *job)
{
    struct ike_engine *e = sa->e;
    uint8_t seed[IKE_MAX_PRF];
    const struct ike_bytes ni = {sa->ni, sa->ni_len}, nr = {sa->nr, sa->nr_len};
    sa->have_keys =
        ike_skeyseed(e->crypto, &sa->suite, ni, nr, (struct ike_bytes){job->secret, job->secret_len}, seed) &&
        ike_derive_ike(e->crypto, &sa->suite, seed, ni, nr, sa->spi_i, sa->spi_r, &sa->keys);
    OPENSSL_cleanse(seed, sizeof(seed));
    if (sa->have_keys)
        ike_sa_export_keys(sa);
    return sa->have_keys;
}

// ---------------------------------------------------------------------------------------------- initiator

bool ike_init_send(struct ike_sa *sa, struct ike_build *b, const char *why)
{
    struct ike_engine *e = sa->e;
    const size_t n = ike_build_finish(b);
    free(sa->init_req);
    sa->init_req = n ? ike_copy(e, e->wire, n) : NULL;
    sa->init_req_len = n;
    struct ike_flight *f = sa->init_req ? ike_flight_new(e, e->wire, n) : NULL;
    if (f && sa->state == IKE_S_NEW)
        ike_sa_set_state(sa, IKE_S_INIT_SENT, why);
    return ike_send_task(sa->task, f);
}

bool ike_init_take_cookie(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *cookie = ike_find_notify(p, IKE_N_COOKIE);
    if (cookie == NULL || cookie->data.len < 1 || cookie->data.len > IKE_MAX_COOKIE)
        return false;
    memcpy(sa->cookie, cookie->data.p, cookie->data.len);
    sa->cookie_len = (uint8_t)cookie->data.len;
    sa->cookie_seen = true;
    return true;
}

bool ike_init_keep_response(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h,
                            const struct ike_payloads *p, const uint8_t *msg, size_t len)
{
    struct ike_engine *e = sa->e;
    sa->spi_r = h->spi_r;
    sa->nr = ike_copy(e, p->nonce.p, p->nonce.len);
    sa->nr_len = (uint16_t)p->nonce.len;
    sa->init_resp = ike_copy(e, msg, len);
    sa->init_resp_len = len;
    sa->peer_frag = ike_find_notify(p, IKE_N_FRAGMENTATION) != NULL;
    sa->last_in = e->now;
    sa->msgs_in++;
    ike_nat_detect(sa, p, sa->spi_r, path);
    return sa->nr && sa->init_resp;
}

void ike_init_derived(struct ike_sa *sa)
{
    ike_nat_float(sa);
    sa->next_out = 1;
    if (ike_task_add(sa, IKE_TASK_AUTH, 0))
        ike_task_finish(sa);
    else
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

// Build and send the request, with what the responder asked for so far.
static void send_init(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_task *t = sa->task;
    const struct ike_profile *p = sa->profile;
    struct ike_build b;
    const struct ike_header h = {.spi_i = sa->spi_i, .exchange = IKE_X_SA_INIT, .flags = IKE_F_INITIATOR};
    if (++sa->rounds > IKE_MAX_INIT_ROUNDS) {
        ike_sa_log(sa, IKE_LOG_WARN, "the responder keeps asking for another IKE_SA_INIT");
        ike_sa_close(sa, IKE_R_REFUSED, false);
        return;
    }
    ike_build_message(&b, e->wire, IKE_MAX_MESSAGE, &h);
    if (sa->cookie_len)
        ike_put_notify(&b, IKE_N_COOKIE, sa->cookie, sa->cookie_len);
    ike_put_offer(&b, p->ike, p->n_ike, IKE_PROTO_IKE, NULL, 0, false);
    ike_put_ke(&b, t->group, t->ke, t->ke_len);
    ike_put_raw(&b, IKE_P_NONCE, sa->ni, sa->ni_len);
    ike_nat_put(sa, &b, 0);
    if (p->fragmentation)
        ike_put_notify(&b, IKE_N_FRAGMENTATION, NULL, 0);
    if ((p->auth_local | p->auth_remote) & (IKE_WAY_CERT | IKE_WAY_EAP))
        ike_put_hashes(&b, IKE_HASHES);
    ike_redirect_put_init(sa, &b);
    ike_ppk_put_init(sa, &b);
    if (!ike_init_send(sa, &b, "IKE_SA_INIT request"))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

static void generated(struct ike_sa *sa, struct ike_job *job)
{
    struct ike_task *t = sa->task;
    free(t->ke);
    t->ke = job->ok ? ike_copy(sa->e, job->pub, job->pub_len) : NULL;
    t->ke_len = job->pub_len;
    if (t->ke == NULL) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    EVP_PKEY_free(t->key);
    t->key = job->key;
    job->key = NULL;
    send_init(sa);
}

static void generate(struct ike_sa *sa, uint16_t group)
{
    sa->task->group = group;
    if (!ike_job_start(sa, IKE_JOB_TASK, group, NULL, (struct ike_bytes){NULL, 0}, generated))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

void ike_init_start(struct ike_sa *sa)
{
    ike_redirect_begin(sa);
    if (sa->state == IKE_S_NEW && ike_resume_start(sa))
        return;
    sa->ni = ike_new_nonce(sa->e);
    sa->ni_len = IKE_NONCE_LEN;
    if (sa->ni == NULL) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    generate(sa, sa->profile->ike[0].group[0]);
}

static void derived_initiator(struct ike_sa *sa, struct ike_job *job)
{
    if (!job->ok || !derive_keys(sa, job)) {
        ike_sa_log(sa, IKE_LOG_WARN, "the responder's public value is not good");
        ike_sa_close(sa, IKE_R_REFUSED, false);
        return;
    }
    ike_init_derived(sa);
}

// The responder wants something else first. true: it did, and gets it.
static bool init_again(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *group = ike_find_notify(p, IKE_N_INVALID_KE);
    if (p->sa.p)
        return false;
    if (ike_init_take_cookie(sa, p)) {
        send_init(sa);
        return true;
    }
    if (group && group->data.len == 2) {
        const uint16_t id = (uint16_t)(group->data.p[0] << 8 | group->data.p[1]);
        if (id == sa->task->group || !ike_group_offered(sa->profile->ike, sa->profile->n_ike, id)) {
            ike_sa_log(sa, IKE_LOG_WARN, "the responder wants group %u, which we do not offer", id);
            ike_sa_close(sa, IKE_R_NO_PROPOSAL, false);
            return true;
        }
        ike_sa_log(sa, IKE_LOG_DEBUG, "the responder wants group %s", ike_name(IKE_NAMES_GROUP, id));
        ike_request_done(sa); // nothing is awaited while the new value is computed
        generate(sa, id);
        return true;
    }
    return false;
}

void ike_init_response(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                       size_t len)
{
    struct ike_engine *e = sa->e;
    struct ike_payloads p;
    struct ike_chosen chosen;
    if (sa->state != IKE_S_INIT_SENT || sa->task == NULL || sa->task->out == NULL || h->mid != 0) {
        e->stats.unexpected_responses++;
        return;
    }
    // Nothing here is authentic: what is wrong is dropped, and the right answer may still come.
    if (ike_payloads_decode(h->next, msg + IKE_HEADER_LEN, len - IKE_HEADER_LEN, &p) != IKE_DECODE_OK || p.sk.p) {
        e->stats.bad_payload++;
        ike_sa_log(sa, IKE_LOG_DROP, "dropped an IKE_SA_INIT response: %s", p.why ? p.why : "it is encrypted");
        return;
    }
    if (init_again(sa, &p) || ike_redirect_init_answer(sa, &p))
        return;
    const struct ike_notify_in *error = ike_find_error(&p);
    if (error && p.sa.p == NULL) {
        ike_sa_log(sa, IKE_LOG_WARN, "the responder refused: %s", ike_name(IKE_NAMES_NOTIFY, error->type));
        ike_sa_close(sa, ike_reason_of(error->type), false);
        return;
    }
    if (p.sa.p == NULL || p.ke.data.p == NULL || p.nonce.p == NULL || h->spi_r == 0) {
        e->stats.bad_payload++;
        ike_sa_log(sa, IKE_LOG_DROP, "dropped an IKE_SA_INIT response that lacks payloads");
        return;
    }
    if (!ike_check_choice(sa->profile->ike, sa->profile->n_ike, p.sa, IKE_PROTO_IKE, 0, false, &chosen) ||
        chosen.suite.group != sa->task->group || p.ke.group != sa->task->group ||
        p.ke.data.len != ike_dh_public_len(p.ke.group)) {
        e->stats.no_proposal++;
        ike_sa_log(sa, IKE_LOG_WARN, "the responder chose what was not offered");
        ike_sa_close(sa, IKE_R_NO_PROPOSAL, false);
        return;
    }
    sa->suite = chosen.suite;
    sa->peer_childless = ike_find_notify(&p, IKE_N_CHILDLESS) != NULL;
    sa->hashes = peer_hashes(&p);
    const bool kept = ike_init_keep_response(sa, path, h, &p, msg, len);
    ike_request_done(sa);
    EVP_PKEY *key = sa->task->key;
    sa->task->key = NULL;
    if (!ike_ppk_init_answer(sa, &p)) {
        EVP_PKEY_free(key);
        ike_sa_close(sa, IKE_R_PPK, false);
    } else if (!kept) {
        EVP_PKEY_free(key);
        ike_sa_close(sa, IKE_R_RESOURCES, false);
    } else if (!ike_job_start(sa, IKE_JOB_TASK, p.ke.group, key, p.ke.data, derived_initiator)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
    }
}

// ---------------------------------------------------------------------------------------------- responder

static uint64_t init_key(struct ike_engine *e, const struct ike_path *path, uint64_t spi_i)
{
    return ike_hash(path->remote.b, sizeof(path->remote.b), spi_i ^ path->remote_port ^ e->by_init.secret);
}

bool ike_init_keep_request(struct ike_sa *sa, const struct ike_header *h, const struct ike_payloads *p,
                           const uint8_t *msg, size_t len, size_t cost)
{
    struct ike_engine *e = sa->e;
    sa->spi_i = h->spi_i;
    sa->init_req = ike_copy(e, msg, len);
    sa->init_req_len = len;
    sa->ni = ike_copy(e, p->nonce.p, p->nonce.len);
    sa->ni_len = (uint16_t)p->nonce.len;
    sa->nr = ike_new_nonce(e);
    sa->nr_len = IKE_NONCE_LEN;
    sa->peer_frag = ike_find_notify(p, IKE_N_FRAGMENTATION) != NULL;
    ike_nat_detect(sa, p, 0, &sa->path);
    ike_sa_half_open(sa, true);
    return ike_half_charge(sa, cost) && sa->half_open && sa->init_req && sa->ni && sa->nr &&
           ike_table_put(&e->by_init, &sa->by_init, init_key(e, &sa->path, sa->spi_i), sa);
}

bool ike_init_answer(struct ike_sa *sa, struct ike_build *b, const char *why)
{
    struct ike_engine *e = sa->e;
    const size_t n = ike_build_finish(b);
    sa->init_resp = n ? ike_copy(e, e->wire, n) : NULL;
    sa->init_resp_len = n;
    sa->answer = n ? ike_flight_new(e, e->wire, n) : NULL;
    if (sa->init_resp == NULL || sa->answer == NULL) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return false;
    }
    sa->next_in = 1;
    ike_sa_set_state(sa, IKE_S_AUTH_WAIT, why);
    ike_send_flight(sa, sa->answer);
    return true;
}

// The SA that this very message made, or NULL. Of one that is not half-open any more the message is forgotten; the SPI
// is random enough to know it by. Else a repetition that was late would make a second one, half-open until its time is
// over.
static struct ike_sa *find_made(struct ike_engine *e, const struct ike_path *path, uint64_t spi_i, const uint8_t *msg,
                                size_t len)
{
    struct ike_node *n = ike_table_find(&e->by_init, init_key(e, path, spi_i));
    for (; n; n = ike_table_again(n)) {
        struct ike_sa *sa = n->owner;
        if (sa->spi_i != spi_i)
            continue;
        if (sa->init_req == NULL || (sa->init_req_len == len && memcmp(sa->init_req, msg, len) == 0))
            return sa;
    }
    return NULL;
}

// The key exchange is computed: answer.
static void derived_responder(struct ike_sa *sa, struct ike_job *job)
{
    struct ike_engine *e = sa->e;
    struct ike_build b;
    const struct ike_header h = {
        .spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = IKE_X_SA_INIT, .flags = IKE_F_RESPONSE};
    if (!job->ok || !derive_keys(sa, job)) {
        e->stats.bad_payload++;
        ike_sa_log(sa, IKE_LOG_WARN, "the initiator's public value is not good");
        ike_sa_close(sa, IKE_R_SYNTAX, false);
        return;
    }
    ike_build_message(&b, e->wire, IKE_MAX_MESSAGE, &h);
    ike_put_choice(&b, &sa->suite, sa->rounds, IKE_PROTO_IKE, NULL, 0);
    ike_put_ke(&b, job->group, job->pub, job->pub_len);
    ike_put_raw(&b, IKE_P_NONCE, sa->nr, sa->nr_len);
    ike_nat_put(sa, &b, sa->spi_r);
    if (sa->profile->fragmentation && sa->peer_frag)
        ike_put_notify(&b, IKE_N_FRAGMENTATION, NULL, 0);
    if (sa->hashes)
        ike_put_hashes(&b, IKE_HASHES);
    if (sa->profile->n_ca)
        ike_put_certreq(&b, sa->profile->ca_hashes, sa->profile->n_ca);
    if (sa->profile->n_ca && e->limits.http_cert)
        ike_put_notify(&b, IKE_N_HTTP_CERT, NULL, 0);
    ike_put_notify(&b, IKE_N_CHILDLESS, NULL, 0);
    ike_ppk_put_init(sa, &b);
    ike_init_answer(sa, &b, "IKE_SA_INIT answered");
}

// Limits and cookies. true: the request may cost us something.
static bool admit(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h,
                  const struct ike_payloads *p)
{
    const struct ike_notify_in *cookie = ike_find_notify(p, IKE_N_COOKIE);
    uint8_t fresh[33];
    if (ike_cookie_needed(e)) {
        if (cookie && ike_cookie_check(e, path, h->spi_i, p->nonce, cookie->data))
            return true;
        if (cookie)
            e->stats.cookies_bad++;
        if (ike_cookie_make(e, path, h->spi_i, p->nonce, fresh)) {
            e->stats.cookies_sent++;
            ike_send_bare_notify(e, path, h, 0, IKE_N_COOKIE, fresh, sizeof(fresh));
        }
        return false;
    }
    return true;
}

static bool within_limits(struct ike_engine *e, const struct ike_path *path)
{
    if (e->n_half_open < e->limits.max_half_open && ike_half_open_of(e, &path->remote) < e->limits.max_half_open_peer &&
        e->n_sas < e->limits.max_sas)
        return true;
    e->stats.init_dropped_limit++;
    ike_log(e, IKE_LOG_DROP, path, "dropped IKE_SA_INIT: %u half-open SAs, %u of them of this address", e->n_half_open,
            ike_half_open_of(e, &path->remote));
    return false;
}

// Make the half-open SA and start computing. false: no memory.
static bool open_sa(struct ike_engine *e, struct ike_profile *profile, const struct ike_path *path,
                    const struct ike_header *h, const struct ike_payloads *p, const struct ike_chosen *chosen,
                    const uint8_t *msg, size_t len)
{
    struct ike_sa *sa = ike_sa_new(e, profile, path, false, 0);
    if (sa == NULL)
        return false;
    sa->suite = chosen->suite;
    sa->rounds = chosen->number;
    sa->hashes = peer_hashes(p);
    sa->cookie_seen = ike_find_notify(p, IKE_N_COOKIE) != NULL;
    ike_redirect_take_init(sa, p);
    ike_ppk_take_init(sa, p);
    // Besides the request: the SA, the answer twice, nonces, the job, what finding it takes.
    if (!ike_init_keep_request(sa, h, p, msg, len, sizeof(*sa) + len + INIT_COST)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return false;
    }
    ike_sa_set_state(sa, IKE_S_INIT_RCVD, "IKE_SA_INIT request");
    ike_timer_start(e, &sa->life, (uint64_t)e->limits.half_open_s * IKE_SECOND);
    if (!ike_job_start(sa, IKE_JOB_REQUEST, chosen->suite.group, NULL, p->ke.data, derived_responder)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return false;
    }
    return true;
}

bool ike_init_again(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                    size_t len)
{
    struct ike_sa *old = find_made(e, path, h->spi_i, msg, len);
    if (old == NULL)
        return false;
    e->stats.duplicate_requests++;
    if (old->state == IKE_S_AUTH_WAIT && old->answer && old->next_in == 1)
        ike_send_flight(old, old->answer);
    return true;
}

bool ike_init_admit(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h,
                    const struct ike_payloads *p)
{
    return admit(e, path, h, p) && within_limits(e, path);
}

void ike_init_request(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                      size_t len)
{
    struct ike_payloads p;
    struct ike_chosen chosen;
    e->stats.init_requests++;
    if (ike_init_again(e, path, h, msg, len))
        return;
    const enum ike_decode rc = ike_payloads_decode(h->next, msg + IKE_HEADER_LEN, len - IKE_HEADER_LEN, &p);
    if (rc == IKE_DECODE_CRITICAL) {
        e->stats.bad_critical++;
        ike_send_bare_notify(e, path, h, 0, IKE_N_UNSUPPORTED_CRITICAL, &p.bad_critical, 1);
        return;
    }
    if (rc != IKE_DECODE_OK || p.sk.p || p.sa.p == NULL || p.ke.data.p == NULL || p.nonce.p == NULL) {
        e->stats.bad_payload++;
        ike_log(e, IKE_LOG_INFO, path, "IKE_SA_INIT: %s payload: %s", ike_name(IKE_NAMES_PAYLOAD, p.at),
                p.why ? p.why : "a required one is missing");
        ike_send_bare_notify(e, path, h, 0, IKE_N_INVALID_SYNTAX, NULL, 0);
        return;
    }
    if (!admit(e, path, h, &p) || ike_redirect_init(e, path, h, &p) || !within_limits(e, path))
        return;
    const struct ike_select sel = {.path = path};
    struct ike_profile *profile = e->ops->select(e->ctx, &sel);
    if (profile == NULL ||
        !ike_choose(profile->ike, profile->n_ike, p.sa, IKE_PROTO_IKE, 0, IKE_GROUP_NEED, p.ke.group, &chosen)) {
        e->stats.no_proposal++;
        ike_log(e, IKE_LOG_WARN, path, "IKE_SA_INIT: %s", profile ? "no proposal fits" : "no profile for this address");
        ike_send_bare_notify(e, path, h, 0, IKE_N_NO_PROPOSAL, NULL, 0);
        return;
    }
    if (p.ke.group != chosen.suite.group) {
        const uint8_t want[2] = {(uint8_t)(chosen.suite.group >> 8), (uint8_t)chosen.suite.group};
        e->stats.invalid_ke_sent++;
        ike_send_bare_notify(e, path, h, 0, IKE_N_INVALID_KE, want, sizeof(want));
        return;
    }
    if (p.ke.data.len != ike_dh_public_len(p.ke.group)) {
        e->stats.bad_payload++;
        ike_log(e, IKE_LOG_INFO, path, "IKE_SA_INIT: a public value of %zu bytes in group %u", p.ke.data.len,
                p.ke.group);
        ike_send_bare_notify(e, path, h, 0, IKE_N_INVALID_SYNTAX, NULL, 0);
        return;
    }
    if (!open_sa(e, profile, path, h, &p, &chosen, msg, len))
        ike_log(e, IKE_LOG_ERROR, path, "IKE_SA_INIT: no memory");
}
