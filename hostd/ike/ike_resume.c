// SPDX-License-Identifier: BSD-2-Clause
// Session resumption (RFC 5723): a gateway gives its client a ticket, which is the IKE SA's state under a key that only
// the gateway has; with it a session that broke off goes on without key exchange and without certificates or EAP.
//   IKE_AUTH:  HDR, SK {..., N(TICKET_REQUEST)}  -->  <--  HDR, SK {..., N(TICKET_LT_OPAQUE)}
//   later:     HDR, Ni, N(TICKET_OPAQUE)  -->  <--  HDR, Nr          (IKE_SESSION_RESUME)
//              HDR, SK {IDi, AUTH, SAi2, ...}  -->  <--  HDR, SK {IDr, AUTH, SAr2, ...}
// The gateway keeps nothing but its key and which tickets have been used. The key is made anew every day, and is in
// memory only: a gateway that was started again answers TICKET_NACK, and a full exchange follows.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { GEN_LEN = 4, IV_LEN = 12, TAG_LEN = 16, PLAIN_MAX = IKE_MAX_TICKET - GEN_LEN - IV_LEN - TAG_LEN };
enum { KEY_LIFE = 86400, MAX_USED = 65536, MAX_HELD = 4096 }; // seconds; tickets remembered as used; held as client

/// A ticket that was used, until its key is gone.
struct used {
    struct ike_node node;
    uint32_t gen;
    struct used *next;
};

/// What a ticket says, or (client) what goes with it.
struct ike_resume {
    struct ike_node node; ///< client: among those that wait for the peer to come back
    uint64_t id, expires;
    uint32_t session, gen;
    struct ike_suite suite;
    uint8_t d[IKE_MAX_PRF];
    bool ppk;
    struct ike_id *peer; ///< the other side's identity
    char profile[64];
    struct ip_addr gateway; ///< client
    uint8_t ticket[IKE_MAX_TICKET];
    uint16_t len;
};

static void forget(struct ike_resume *r)
{
    if (r == NULL)
        return;
    free(r->peer);
    OPENSSL_cleanse(r, sizeof(*r));
    free(r);
}

void ike_resume_free(struct ike_sa *sa)
{
    if (sa->ext) {
        forget(sa->ext->resume);
        sa->ext->resume = NULL;
    }
}

// ---------------------------------------------------------------------------------------------- tickets

static void forget_used(struct ike_engine *e, uint32_t before)
{
    struct used **at = &e->used;
    while (*at) {
        struct used *u = *at;
        if (u->gen < before) {
            *at = u->next;
            ike_table_drop(&e->by_used, &u->node);
            free(u);
            e->n_used--;
        } else {
            at = &u->next;
        }
    }
}

static bool fresh_key(struct ike_engine *e)
{
    if (e->ticket_gen && e->now < e->ticket_at + (uint64_t)KEY_LIFE * IKE_SECOND)
        return true;
    memcpy(e->ticket_key[1], e->ticket_key[0], sizeof(e->ticket_key[0]));
    if (!ike_random(e, e->ticket_key[0], sizeof(e->ticket_key[0])))
        return false;
    e->ticket_gen++;
    e->ticket_at = e->now;
    forget_used(e, e->ticket_gen - 1);
    return true;
}

// AES-256-GCM over `len` bytes in place; the generation is authenticated with them.
static bool gcm(const uint8_t key[32], const uint8_t *gen, const uint8_t *iv, uint8_t *data, size_t len, uint8_t *tag,
                bool seal)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv, seal) == 1 &&
              EVP_CipherUpdate(c, NULL, &n, gen, GEN_LEN) == 1 && EVP_CipherUpdate(c, data, &n, data, (int)len) == 1 &&
              (seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1) &&
              EVP_CipherFinal_ex(c, data + n, &n) == 1 &&
              (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_LEN, tag) == 1);
    EVP_CIPHER_CTX_free(c);
    return ok;
}

// A ticket for this SA's peer; its length, or 0.
static size_t make_ticket(struct ike_sa *sa, uint8_t out[IKE_MAX_TICKET])
{
    struct ike_engine *e = sa->e;
    const size_t prf = ike_prf_len(sa->suite.prf), name = strlen(sa->profile->name);
    struct wbuf w;
    if (!fresh_key(e))
        return 0;
    wbuf_init(&w, out, IKE_MAX_TICKET - TAG_LEN);
    wbuf_u32(&w, e->ticket_gen);
    uint8_t *iv = wbuf_put(&w, IV_LEN);
    if (iv == NULL || !ike_random(e, iv, IV_LEN))
        return 0;
    wbuf_u64(&w, ++e->last_ticket);
    wbuf_u64(&w, e->now + (uint64_t)sa->profile->resume_s * IKE_SECOND);
    wbuf_u32(&w, sa->session);
    wbuf_u16(&w, sa->suite.encr);
    wbuf_u16(&w, sa->suite.encr_bits);
    wbuf_u16(&w, sa->suite.prf);
    wbuf_u16(&w, sa->suite.integ);
    wbuf_u16(&w, sa->suite.group);
    wbuf_u8(&w, sa->ppk);
    wbuf_u8(&w, (uint8_t)prf);
    wbuf_bytes(&w, sa->keys.d, prf);
    wbuf_u8(&w, (uint8_t)name);
    wbuf_bytes(&w, sa->profile->name, name);
    wbuf_u8(&w, sa->remote_id->type);
    wbuf_u16(&w, sa->remote_id->len);
    wbuf_bytes(&w, sa->remote_id->data, sa->remote_id->len);
    const size_t head = GEN_LEN + IV_LEN;
    if (!wbuf_ok(&w) || !gcm(e->ticket_key[0], out, out + GEN_LEN, out + head, w.len - head, out + w.len, true))
        return 0;
    return w.len + TAG_LEN;
}

// Read a ticket of ours. NULL: it is none, too old, or was used.
static struct ike_resume *open_ticket(struct ike_engine *e, struct ike_bytes t)
{
    uint8_t mem[IKE_MAX_TICKET];
    struct buf b;
    const size_t head = GEN_LEN + IV_LEN;
    if (t.len < head + TAG_LEN || t.len > sizeof(mem) || e->ticket_gen == 0 || !fresh_key(e))
        return NULL;
    memcpy(mem, t.p, t.len);
    buf_init(&b, mem, GEN_LEN);
    const uint32_t gen = buf_u32(&b), age = e->ticket_gen - gen;
    const size_t len = t.len - head - TAG_LEN;
    struct ike_resume *r = NULL;
    if (gen && age < 2 && gcm(e->ticket_key[age], mem, mem + GEN_LEN, mem + head, len, mem + head + len, false))
        r = ike_zalloc(e, sizeof(*r));
    if (r) {
        buf_init(&b, mem + head, len);
        r->gen = gen;
        r->id = buf_u64(&b);
        r->expires = buf_u64(&b);
        r->session = buf_u32(&b);
        r->suite.encr = buf_u16(&b);
        r->suite.encr_bits = buf_u16(&b);
        r->suite.prf = buf_u16(&b);
        r->suite.integ = buf_u16(&b);
        r->suite.group = buf_u16(&b);
        r->ppk = buf_u8(&b);
        const uint8_t d = buf_u8(&b);
        buf_bytes(&b, r->d, d <= sizeof(r->d) ? d : 0);
        const uint8_t name = buf_u8(&b);
        buf_bytes(&b, r->profile, name < sizeof(r->profile) ? name : 0);
        const uint8_t type = buf_u8(&b);
        const uint16_t id_len = buf_u16(&b);
        const uint8_t *id = buf_take(&b, id_len);
        r->peer = buf_ok(&b) && id ? ike_id_new(type, id, id_len) : NULL;
        if (r->peer == NULL || d != ike_prf_len(r->suite.prf) || e->now >= r->expires ||
            ike_table_find(&e->by_used, r->id)) {
            forget(r);
            r = NULL;
        }
    }
    OPENSSL_cleanse(mem, sizeof(mem));
    return r;
}

// A ticket is good once. false: it was used already, or too many are remembered.
static bool use(struct ike_engine *e, const struct ike_resume *r)
{
    struct used *u = ike_table_find(&e->by_used, r->id) || e->n_used >= MAX_USED ? NULL : ike_zalloc(e, sizeof(*u));
    if (u == NULL || !ike_table_put(&e->by_used, &u->node, r->id, u)) {
        free(u);
        return false;
    }
    u->gen = r->gen;
    u->next = e->used;
    e->used = u;
    e->n_used++;
    return true;
}

// ---------------------------------------------------------------------------------------------- both roles

// RFC 5723 5.1: SKEYSEED = prf(old SK_d, "Resumption" | Ni | Nr).
static bool derive(struct ike_sa *sa, const struct ike_resume *r)
{
    struct ike_engine *e = sa->e;
    static const uint8_t word[] = "Resumption";
    const struct ike_bytes ni = {sa->ni, sa->ni_len}, nr = {sa->nr, sa->nr_len};
    const struct ike_bytes parts[] = {{word, sizeof(word) - 1}, ni, nr};
    uint8_t seed[IKE_MAX_PRF];
    const size_t prf = ike_prf_len(r->suite.prf);
    sa->suite = r->suite;
    sa->have_keys = ike_prf(e->crypto, r->suite.prf, r->d, prf, parts, 3, seed) &&
                    ike_derive_ike_seed(e->crypto, &sa->suite, seed, prf, ni, nr, sa->spi_i, sa->spi_r, &sa->keys);
    OPENSSL_cleanse(seed, sizeof(seed));
    sa->resumed = sa->have_keys;
    sa->ppk = r->ppk;
    if (sa->have_keys)
        ike_sa_export_keys(sa);
    return sa->have_keys;
}

// ---------------------------------------------------------------------------------------------- gateway

void ike_resume_put_auth(struct ike_sa *sa, struct ike_build *b)
{
    uint8_t data[4 + IKE_MAX_TICKET];
    const uint32_t s = sa->profile->resume_s;
    if (sa->initiator) {
        if (s)
            ike_put_notify(b, IKE_N_TICKET_REQUEST, NULL, 0);
        return;
    }
    if (!sa->wants_ticket)
        return;
    const size_t n = s ? make_ticket(sa, data + 4) : 0;
    data[0] = (uint8_t)(s >> 24);
    data[1] = (uint8_t)(s >> 16);
    data[2] = (uint8_t)(s >> 8);
    data[3] = (uint8_t)s;
    if (n) {
        sa->e->stats.tickets_sent++;
        ike_put_notify(b, IKE_N_TICKET_LT_OPAQUE, data, 4 + n);
    } else {
        ike_put_notify(b, IKE_N_TICKET_NACK, NULL, 0);
    }
}

// The half-open SA out of a ticket, and the answer. false: no memory, or a limit.
static bool begin(struct ike_engine *e, struct ike_profile *profile, const struct ike_path *path,
                  const struct ike_header *h, const struct ike_payloads *p, struct ike_resume *r, const uint8_t *msg,
                  size_t len)
{
    struct ike_sa *sa = ike_sa_new(e, profile, path, false, 0);
    struct ike_build b;
    if (sa == NULL || !ike_ext(sa)) {
        if (sa)
            ike_sa_close(sa, IKE_R_RESOURCES, false);
        forget(r);
        return false;
    }
    sa->ext->resume = r;
    if (!ike_init_keep_request(sa, h, p, msg, len, sizeof(*sa) + sizeof(*r) + 2 * len) || !derive(sa, r)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return false;
    }
    ike_sa_set_state(sa, IKE_S_INIT_RCVD, "IKE_SESSION_RESUME request");
    ike_timer_start(e, &sa->life, (uint64_t)e->limits.half_open_s * IKE_SECOND);
    const struct ike_header a = {
        .spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = IKE_X_SESSION_RESUME, .flags = IKE_F_RESPONSE};
    ike_build_message(&b, e->wire, IKE_MAX_MESSAGE, &a);
    ike_put_raw(&b, IKE_P_NONCE, sa->nr, sa->nr_len);
    ike_nat_put(sa, &b, sa->spi_r);
    if (profile->fragmentation && sa->peer_frag)
        ike_put_notify(&b, IKE_N_FRAGMENTATION, NULL, 0);
    return ike_init_answer(sa, &b, "IKE_SESSION_RESUME answered");
}

void ike_resume_request(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h,
                        const uint8_t *msg, size_t len)
{
    struct ike_payloads p;
    if (ike_init_again(e, path, h, msg, len))
        return;
    if (ike_payloads_decode(h->next, msg + IKE_HEADER_LEN, len - IKE_HEADER_LEN, &p) != IKE_DECODE_OK || p.sk.p ||
        p.nonce.p == NULL) {
        e->stats.bad_payload++;
        ike_log(e, IKE_LOG_DROP, path, "dropped IKE_SESSION_RESUME: %s", p.why ? p.why : "payloads are missing");
        return;
    }
    const struct ike_notify_in *t = ike_find_notify(&p, IKE_N_TICKET_OPAQUE);
    if (!ike_init_admit(e, path, h, &p))
        return;
    struct ike_resume *r = t ? open_ticket(e, t->data) : NULL;
    const struct ike_select sel = {.path = path, .resumes = r ? r->profile : NULL};
    struct ike_profile *profile = r ? e->ops->select(e->ctx, &sel) : NULL;
    if (profile == NULL || profile->resume_s == 0) {
        e->stats.tickets_refused++;
        ike_log(e, IKE_LOG_INFO, path, "a ticket that is not good (any more)");
        ike_send_bare_notify(e, path, h, 0, IKE_N_TICKET_NACK, NULL, 0);
        forget(r);
        return;
    }
    if (!begin(e, profile, path, h, &p, r, msg, len))
        ike_log(e, IKE_LOG_ERROR, path, "IKE_SESSION_RESUME: no memory");
}

const char *ike_resume_check(const struct ike_sa *sa)
{
    const struct ike_resume *r = sa->ext ? sa->ext->resume : NULL;
    return r && ike_id_equal(r->peer, sa->remote_id) ? NULL : "its identity is not the one of its ticket";
}

bool ike_resume_establish(struct ike_sa *sa)
{
    const struct ike_resume *r = sa->ext ? sa->ext->resume : NULL;
    struct ike_sa *old = r ? ike_sa_by_session(sa->e, r->session) : NULL;
    if (r == NULL || !use(sa->e, r))
        return false;
    sa->e->stats.resumed++;
    if (old && old != sa && !old->origin && old->remote_id && ike_id_equal(old->remote_id, sa->remote_id))
        ike_successor_replace(old, sa);
    ike_resume_free(sa);
    return true;
}

// ---------------------------------------------------------------------------------------------- client

static uint64_t key_of(const struct ike_engine *e, const char *profile, const struct ip_addr *gateway)
{
    return ike_hash(profile, strlen(profile), ike_hash(gateway->b, sizeof(gateway->b), e->by_held.secret));
}

void ike_resume_take_auth(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_TICKET_LT_OPAQUE);
    struct buf b;
    if (!sa->initiator) {
        sa->wants_ticket = ike_find_notify(p, IKE_N_TICKET_REQUEST) != NULL;
        return;
    }
    ike_resume_free(sa);
    if (n == NULL || sa->profile->resume_s == 0 || n->data.len <= 4 || n->data.len > 4 + IKE_MAX_TICKET || !ike_ext(sa))
        return;
    struct ike_resume *r = ike_zalloc(sa->e, sizeof(*r));
    if (r == NULL)
        return;
    buf_init(&b, n->data.p, n->data.len);
    const uint32_t life = buf_u32(&b);
    r->expires = sa->e->now + (uint64_t)(life < sa->profile->resume_s ? life : sa->profile->resume_s) * IKE_SECOND;
    r->len = (uint16_t)(n->data.len - 4);
    buf_bytes(&b, r->ticket, r->len);
    r->suite = sa->suite;
    memcpy(r->d, sa->keys.d, sizeof(r->d));
    r->ppk = sa->ppk;
    r->gateway = sa->path.remote;
    memcpy(r->profile, sa->profile->name, sizeof(r->profile));
    r->peer = ike_id_new(sa->remote_id->type, sa->remote_id->data, sa->remote_id->len);
    sa->ext->resume = r->peer ? r : NULL;
    if (r->peer == NULL)
        forget(r);
    else
        sa->e->stats.tickets_taken++;
}

void ike_resume_moved(struct ike_sa *old, struct ike_sa *sa)
{
    if (old->ext && old->ext->resume && ike_ext(sa)) {
        ike_resume_free(sa);
        sa->ext->resume = old->ext->resume;
        old->ext->resume = NULL;
    }
}

void ike_resume_ends(struct ike_sa *sa, enum ike_reason why)
{
    struct ike_engine *e = sa->e;
    struct ike_resume *r = sa->ext ? sa->ext->resume : NULL;
    // The peer went out of reach: it may be there again. Any other end is meant.
    if (r == NULL || !sa->origin || sa->state != IKE_S_ESTABLISHED || why != IKE_R_DEAD_PEER ||
        e->by_held.count >= MAX_HELD)
        return;
    struct ike_node *n = ike_table_find(&e->by_held, key_of(e, r->profile, &r->gateway));
    if (n) {
        ike_table_drop(&e->by_held, n);
        forget(n->owner);
    }
    if (ike_table_put(&e->by_held, &r->node, key_of(e, r->profile, &r->gateway), r))
        sa->ext->resume = NULL;
}

// The request, again with a cookie. false: no memory.
static bool send_resume(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    const struct ike_resume *r = sa->ext->resume;
    const struct ike_header h = {.spi_i = sa->spi_i, .exchange = IKE_X_SESSION_RESUME, .flags = IKE_F_INITIATOR};
    struct ike_build b;
    if (++sa->rounds > IKE_MAX_INIT_ROUNDS)
        return false;
    ike_build_message(&b, e->wire, IKE_MAX_MESSAGE, &h);
    if (sa->cookie_len)
        ike_put_notify(&b, IKE_N_COOKIE, sa->cookie, sa->cookie_len);
    ike_put_raw(&b, IKE_P_NONCE, sa->ni, sa->ni_len);
    ike_put_notify(&b, IKE_N_TICKET_OPAQUE, r->ticket, r->len);
    ike_nat_put(sa, &b, 0);
    if (sa->profile->fragmentation)
        ike_put_notify(&b, IKE_N_FRAGMENTATION, NULL, 0);
    return ike_init_send(sa, &b, "IKE_SESSION_RESUME request");
}

bool ike_resume_start(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_node *n =
        sa->profile->resume_s ? ike_table_find(&e->by_held, key_of(e, sa->profile->name, &sa->path.remote)) : NULL;
    struct ike_resume *r = n ? n->owner : NULL;
    if (r == NULL)
        return false;
    ike_table_drop(&e->by_held, n); // it is good once, come of it what may
    if (e->now >= r->expires || !ip_equal(&r->gateway, &sa->path.remote) || !ike_ext(sa)) {
        forget(r);
        return false;
    }
    ike_resume_free(sa);
    sa->ext->resume = r;
    sa->ni = ike_new_nonce(e);
    sa->ni_len = IKE_NONCE_LEN;
    if (sa->ni == NULL || !send_resume(sa))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
    return true;
}

void ike_resume_response(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                         size_t len)
{
    struct ike_engine *e = sa->e;
    struct ike_payloads p;
    if (sa->state != IKE_S_INIT_SENT || sa->task == NULL || sa->task->out == NULL || h->mid != 0 || sa->ext == NULL ||
        sa->ext->resume == NULL) {
        e->stats.unexpected_responses++;
        return;
    }
    if (ike_payloads_decode(h->next, msg + IKE_HEADER_LEN, len - IKE_HEADER_LEN, &p) != IKE_DECODE_OK || p.sk.p) {
        e->stats.bad_payload++;
        return;
    }
    if (p.nonce.p == NULL && ike_init_take_cookie(sa, &p)) {
        if (!send_resume(sa))
            ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    ike_request_done(sa);
    if (p.nonce.p == NULL || h->spi_r == 0) { // TICKET_NACK, or another refusal: from the beginning
        ike_sa_log(sa, IKE_LOG_INFO, "the gateway does not take our ticket: a full exchange follows");
        e->stats.tickets_refused++;
        ike_resume_free(sa);
        free(sa->ni);
        sa->ni = NULL;
        sa->cookie_len = 0;
        sa->rounds = 0;
        ike_init_start(sa);
        return;
    }
    if (ike_init_keep_response(sa, path, h, &p, msg, len) && derive(sa, sa->ext->resume))
        ike_init_derived(sa);
    else
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

void ike_resume_close(struct ike_engine *e)
{
    forget_used(e, UINT32_MAX);
    for (size_t i = 0; i < e->by_held.slots; i++) {
        while (e->by_held.slot[i]) {
            struct ike_node *n = e->by_held.slot[i];
            struct ike_resume *r = n->owner;
            ike_table_drop(&e->by_held, n);
            forget(r);
        }
    }
    OPENSSL_cleanse(e->ticket_key, sizeof(e->ticket_key));
}
