// SPDX-License-Identifier: BSD-2-Clause
// Protected messages: sealing and sending, retransmission (RFC 7296 2.1-2.3), opening, duplicates, dispatch.
#include "hostd/ike/ike_int.h"

enum { IPV4_UDP = 28, IPV6_UDP = 48, MARKER = 4, SK_HEADER = 4, SKF_HEADER = 8 };

// --- sending

struct ike_flight *ike_flight_new(struct ike_engine *e, const uint8_t *msg, size_t len)
{
    const uint32_t n = (uint32_t)len;
    struct ike_flight *f = ike_zalloc(e, sizeof(*f) + sizeof(n) + len);
    if (f) {
        f->len = sizeof(n) + len;
        memcpy(f->bytes, &n, sizeof(n));
        memcpy(f->bytes + sizeof(n), msg, len);
    }
    return f;
}

void ike_send_flight(struct ike_sa *sa, const struct ike_flight *f)
{
    ike_send_flight_on(sa, f, &sa->path);
}

void ike_send_flight_on(struct ike_sa *sa, const struct ike_flight *f, const struct ike_path *path)
{
    struct ike_engine *e = sa->e;
    for (size_t at = 0; at < f->len;) {
        uint32_t n;
        memcpy(&n, f->bytes + at, sizeof(n));
        at += sizeof(n);
        e->ops->send(e->ctx, path, f->bytes + at, n);
        at += n;
        sa->msgs_out++;
        e->stats.out_messages++;
    }
    sa->last_out = e->now;
}

// Seal one message, or fragment `number` of `total` (0: not fragmented), into e->wire; its length, or 0.
static size_t seal(struct ike_sa *sa, const struct ike_header *h, uint8_t first, const uint8_t *plain, size_t len,
                   uint16_t number, uint16_t total)
{
    struct ike_engine *e = sa->e;
    const size_t sealed = ike_sealed_len(&sa->suite, len);
    const bool ours_i = sa->initiator;
    struct ike_build b;
    uint8_t iv[16];
    struct wbuf w;
    ike_build_message(&b, e->wire, IKE_MAX_MESSAGE, h);
    ike_build_begin(&b, total ? IKE_P_SKF : IKE_P_SK);
    const size_t head = b.open;
    if (total) {
        wbuf_u16(&b.w, number);
        wbuf_u16(&b.w, total);
    }
    const size_t aad = b.w.len;
    wbuf_zeros(&b.w, sealed);
    ike_build_end(&b);
    wbuf_patch_u8(&b.w, head, first);
    const size_t size = ike_build_finish(&b);
    wbuf_init(&w, iv, sizeof(iv));
    wbuf_u64(&w, sa->iv++);
    if (!ike_encr_counts(sa->suite.encr) && !ike_random(e, iv, sizeof(iv)))
        return 0;
    if (size == 0 || !ike_seal(e->crypto, &sa->suite, ours_i ? sa->keys.ei : sa->keys.er,
                               ours_i ? sa->keys.ai : sa->keys.ar, e->wire, aad, plain, len, iv))
        return 0;
    return size;
}

// The largest IKE message that one datagram takes.
static size_t datagram_room(const struct ike_sa *sa)
{
    const size_t headers = sa->path.remote.family == 6 ? IPV6_UDP : IPV4_UDP;
    return sa->profile->fragment_mtu - headers - (sa->path.natt ? MARKER : 0);
}

static bool add_message(struct ike_flight *f, const uint8_t *msg, size_t len)
{
    const uint32_t n = (uint32_t)len;
    if (len == 0)
        return false;
    memcpy(f->bytes + f->len, &n, sizeof(n));
    memcpy(f->bytes + f->len + sizeof(n), msg, len);
    f->len += sizeof(n) + len;
    return true;
}

// All messages of a request or response: one, or fragments.
static struct ike_flight *make_flight(struct ike_sa *sa, const struct ike_header *h, const struct ike_build *chain)
{
    struct ike_engine *e = sa->e;
    const size_t room = datagram_room(sa), len = chain->w.len;
    const size_t whole = IKE_HEADER_LEN + SK_HEADER + ike_sealed_len(&sa->suite, len);
    if (!wbuf_ok(&chain->w) || !sa->have_keys)
        return NULL;
    if (whole <= room || !sa->peer_frag || !sa->profile->fragmentation) {
        const size_t n = seal(sa, h, chain->first, chain->w.data, len, 0, 0);
        return n ? ike_flight_new(e, e->wire, n) : NULL;
    }
    const size_t piece = ike_sealed_fit(&sa->suite, room - IKE_HEADER_LEN - SKF_HEADER);
    const size_t total = (len + piece - 1) / piece;
    if (total > IKE_MAX_FRAGMENTS)
        return NULL;
    struct ike_flight *f = ike_zalloc(e, sizeof(*f) + total * (sizeof(uint32_t) + room));
    for (size_t i = 0; f && i < total; i++) {
        const size_t at = i * piece, part = len - at < piece ? len - at : piece;
        const size_t n = seal(sa, h, i == 0 ? chain->first : IKE_P_NONE, chain->w.data + at, part, (uint16_t)(i + 1),
                              (uint16_t)total);
        if (!add_message(f, e->wire, n)) {
            free(f);
            return NULL;
        }
        e->stats.fragments_out++;
    }
    return f;
}

static void retrans_start(struct ike_task *t)
{
    const struct ike_profile *p = t->sa->profile;
    struct ike_engine *e = t->sa->e;
    uint64_t ms = p->retrans_ms;
    if (t->kind == IKE_TASK_DPD || t->asks) {
        ms = (uint64_t)(p->dpd_retry ? p->dpd_retry : 1) * 1000;
    } else {
        for (unsigned i = 1; i < t->tries && ms < p->retrans_max_ms; i++)
            ms *= 2;
        ms = ms > p->retrans_max_ms ? p->retrans_max_ms : ms;
        ms += ms * ike_jitter(t->sa) / 2048; // up to an eighth
    }
    ike_timer_start(e, &t->timer, ms * 1000);
}

bool ike_send_task(struct ike_task *t, struct ike_flight *f)
{
    if (f == NULL)
        return false;
    free(t->out);
    t->out = f;
    t->sent = true;
    t->asks = false;
    ike_send_anew(t);
    return true;
}

void ike_send_anew(struct ike_task *t)
{
    t->tries = 1;
    ike_send_flight(t->sa, t->out);
    retrans_start(t);
}

bool ike_send_request(struct ike_sa *sa, uint8_t exchange, const struct ike_build *chain)
{
    const struct ike_header h = {
        .spi_i = sa->spi_i,
        .spi_r = sa->spi_r,
        .exchange = exchange,
        .flags = sa->initiator ? IKE_F_INITIATOR : 0,
        .mid = sa->next_out,
    };
    if (!ike_send_task(sa->task, make_flight(sa, &h, chain)))
        return false;
    sa->task->mid = sa->next_out++;
    return true;
}

void ike_request_pass(struct ike_sa *sa)
{
    sa->in_open = false;
    sa->next_in--;
    sa->e->stats.requests_passed++;
}

bool ike_send_response(struct ike_sa *sa, const struct ike_build *chain)
{
    const struct ike_header h = {
        .spi_i = sa->spi_i,
        .spi_r = sa->spi_r,
        .exchange = sa->in_exchange,
        .flags = IKE_F_RESPONSE | (sa->initiator ? IKE_F_INITIATOR : 0),
        .mid = sa->next_in - 1,
    };
    struct ike_flight *f = make_flight(sa, &h, chain);
    if (f == NULL) {
        ike_request_pass(sa);
        ike_sa_log(sa, IKE_LOG_ERROR, "could not build an answer");
        return false;
    }
    sa->in_open = false;
    free(sa->answer);
    sa->answer = f;
    ike_send_flight_on(sa, f, sa->ext && sa->ext->reply_elsewhere ? &sa->ext->reply : &sa->path);
    ike_window_wake(sa);
    return true;
}

void ike_send_notify(struct ike_sa *sa, uint16_t notify, const void *data, size_t len)
{
    struct ike_build b;
    ike_build_chain(&b, sa->e->chain, IKE_MAX_MESSAGE);
    ike_put_notify(&b, notify, data, len);
    ike_sa_log(sa, IKE_LOG_INFO, "answering %s with %s", ike_name(IKE_NAMES_EXCHANGE, sa->in_exchange),
               ike_name(IKE_NAMES_NOTIFY, notify));
    ike_send_response(sa, &b);
}

void ike_send_bare_notify(struct ike_engine *e, const struct ike_path *path, const struct ike_header *to,
                          uint64_t spi_r, uint16_t notify, const void *data, size_t len)
{
    uint8_t msg[256];
    struct ike_build b;
    const struct ike_header h = {
        .spi_i = to->spi_i,
        .spi_r = spi_r,
        .exchange = to->exchange,
        .flags = (uint8_t)(IKE_F_RESPONSE | (to->flags & IKE_F_INITIATOR ? 0 : IKE_F_INITIATOR)),
        .mid = to->mid,
    };
    ike_build_message(&b, msg, sizeof(msg), &h);
    ike_put_notify(&b, notify, data, len);
    const size_t n = ike_build_finish(&b);
    if (n) {
        e->stats.out_messages++;
        e->ops->send(e->ctx, path, msg, n);
    }
}

void ike_request_done(struct ike_sa *sa)
{
    struct ike_task *t = sa->task;
    ike_heap_stop(&sa->e->timers, &t->timer);
    ike_frags_free(sa, &t->frags);
    free(t->out);
    t->out = NULL;
}

void ike_retrans_timer(struct ike_task *t)
{
    struct ike_sa *sa = t->sa;
    struct ike_engine *e = sa->e;
    const struct ike_profile *p = sa->profile;
    const unsigned most = t->kind == IKE_TASK_DPD || t->asks ? p->dpd_tries : p->retrans_tries;
    if (t->tries >= most) {
        e->stats.dead_peers++;
        ike_sa_log(sa, IKE_LOG_WARN, "the peer did not answer %u transmissions", t->tries);
        ike_sa_close(sa, IKE_R_DEAD_PEER, false);
        return;
    }
    t->tries++;
    if (t->tries * 2u > most && t == ike_task_oldest(sa)) // of several requests one looks for another way
        ike_mobike_failover(sa);
    sa->retransmits++;
    e->stats.retransmits++;
    ike_send_flight(sa, t->out);
    retrans_start(t);
    ike_task_run(sa);
}

// --- receiving

static void fingerprint(struct ike_engine *e, const uint8_t *msg, size_t len, uint8_t out[16])
{
    uint8_t sum[32] = {0};
    const struct ike_bytes part = {msg, len};
    (void)ike_sha256(e->crypto, &part, 1, sum);
    memcpy(out, sum, 16);
}

// A request that we had already: if it is the very same, answer the very same.
static void duplicate(struct ike_sa *sa, const struct ike_path *path, uint32_t mid, const uint8_t *msg, size_t len)
{
    uint8_t print[16];
    sa->e->stats.duplicate_requests++;
    fingerprint(sa->e, msg, len, print);
    if (mid != sa->next_in - 1)
        (void)ike_window_repeat(sa, path, mid, print);
    else if (sa->answer && !sa->in_open && memcmp(print, sa->in_print, sizeof(print)) == 0)
        ike_send_flight_on(sa, sa->answer, sa->mobike ? path : &sa->path);
}

// Is this the message id that is due? false: dropped, counted.
static bool check_id(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                     size_t len)
{
    struct ike_engine *e = sa->e;
    if (h->flags & IKE_F_RESPONSE) {
        if (ike_task_by_mid(sa, h->mid) && sa->state != IKE_S_INIT_SENT)
            return true;
        e->stats.unexpected_responses++;
        ike_sa_log(sa, IKE_LOG_FAULT, "dropped a response with message id %u, which answers nothing", h->mid);
        return false;
    }
    if (h->mid < sa->next_in && sa->next_in - h->mid <= ike_window(sa)) {
        duplicate(sa, path, h->mid, msg, len);
        return false;
    }
    if (h->mid != sa->next_in || sa->in_open) {
        if (ike_window_early(sa, path, h, msg, len))
            return false;
        e->stats.bad_message_id++;
        ike_sa_log(sa, IKE_LOG_FAULT, "dropped a request with message id %u, %u is due", h->mid, sa->next_in);
        return false;
    }
    return true;
}

// May a message of this exchange come in this state?
static bool check_exchange(const struct ike_sa *sa, const struct ike_header *h)
{
    if (!sa->have_keys)
        return false;
    if (h->flags & IKE_F_RESPONSE)
        return true; // it answers a request that is out; the handlers check the type
    if (sa->state ==
        IKE_S_AUTH_WAIT) // in the middle of EAP the initiator may find that it does not believe us (2.21.2)
        return h->exchange == IKE_X_AUTH || (h->exchange == IKE_X_INFORMATIONAL && sa->auth && sa->auth->eap);
    if (sa->state == IKE_S_AUTH_SENT) // a responder that finds our child impossible may delete at once
        return h->exchange == IKE_X_INFORMATIONAL;
    return h->exchange == IKE_X_CREATE_CHILD || h->exchange == IKE_X_INFORMATIONAL;
}

static uint8_t task_exchange(const struct ike_task *t)
{
    switch (t->kind) {
    case IKE_TASK_INIT:
        return IKE_X_SA_INIT;
    case IKE_TASK_AUTH:
        return IKE_X_AUTH;
    case IKE_TASK_DELETE_IKE:
    case IKE_TASK_DELETE_CHILD:
    case IKE_TASK_DPD:
    case IKE_TASK_CONFIG:
    case IKE_TASK_MOBIKE:
    case IKE_TASK_COOKIE2:
    case IKE_TASK_ADDRESSES:
    case IKE_TASK_REDIRECT:
    case IKE_TASK_NOTICE:
        return IKE_X_INFORMATIONAL;
    case IKE_TASK_REKEY_IKE:
    case IKE_TASK_REKEY_CHILD:
    case IKE_TASK_NEW_CHILD:
        break;
    }
    return IKE_X_CREATE_CHILD;
}

// Decrypt into e->plain. 1: a whole message (*len, *first), 0: dropped or a fragment.
static int open_message(struct ike_sa *sa, const struct ike_header *h, const uint8_t *msg, size_t len,
                        size_t *plain_len, uint8_t *first)
{
    struct ike_engine *e = sa->e;
    struct ike_payloads outer;
    const bool from_i = h->flags & IKE_F_INITIATOR;
    if (ike_payloads_decode(h->next, msg + IKE_HEADER_LEN, len - IKE_HEADER_LEN, &outer) != IKE_DECODE_OK ||
        outer.sk.p == NULL || (h->next != IKE_P_SK && h->next != IKE_P_SKF)) {
        e->stats.bad_payload++;
        ike_sa_log(sa, IKE_LOG_DROP, "dropped a message without an Encrypted payload (%s)",
                   outer.why ? outer.why : ike_name(IKE_NAMES_PAYLOAD, h->next));
        return 0;
    }
    if (!ike_open(e->crypto, &sa->suite, from_i ? sa->keys.ei : sa->keys.er, from_i ? sa->keys.ai : sa->keys.ar, msg,
                  len, (size_t)(outer.sk.p - msg), e->plain, plain_len)) {
        e->stats.bad_integrity++;
        ike_sa_log(sa, IKE_LOG_DROP, "dropped a message that is not authentic");
        return 0;
    }
    *first = outer.sk_first;
    if (!outer.skf)
        return 1;
    struct ike_task *t = h->flags & IKE_F_RESPONSE ? ike_task_by_mid(sa, h->mid) : NULL;
    struct ike_frags **set = t ? &t->frags : &sa->frags;
    e->stats.fragments_in++;
    uint8_t *copy = ike_copy(e, e->plain, *plain_len ? *plain_len : 1);
    if (copy == NULL)
        return 0;
    // The first fragment is the one whose repetition is answered (RFC 7383 2.6.1).
    if (outer.fragment == 1)
        fingerprint(e, msg, len, e->frag_print);
    else if (*set)
        memcpy(e->frag_print, (*set)->print, sizeof(e->frag_print));
    const int whole = ike_frags_add(sa, set, h, &outer, copy, *plain_len, plain_len, first);
    free(copy);
    if (whole < 0) {
        e->stats.bad_fragment++;
        ike_sa_log(sa, IKE_LOG_DROP, "dropped fragment %u of %u", outer.fragment, outer.fragments);
    } else if (outer.fragment == 1 && *set) {
        memcpy((*set)->print, e->frag_print, sizeof(e->frag_print));
    }
    if (whole > 0)
        e->stats.reassembled++;
    return whole > 0;
}

static void request(struct ike_sa *sa, const struct ike_header *h, const struct ike_payloads *p)
{
    switch (h->exchange) {
    case IKE_X_AUTH:
        ike_auth_request(sa, p);
        break;
    case IKE_X_CREATE_CHILD:
        ike_create_request(sa, p);
        break;
    default:
        ike_info_request(sa, p);
        break;
    }
}

static void response(struct ike_sa *sa, const struct ike_payloads *p)
{
    switch (task_exchange(sa->task)) {
    case IKE_X_AUTH:
        ike_auth_response(sa, p);
        break;
    case IKE_X_CREATE_CHILD:
        ike_create_response(sa, p);
        break;
    default:
        ike_info_response(sa, p);
        break;
    }
}

// An authentic request that we cannot read: say so; a malformed one ends the SA (2.21.3).
static void refuse(struct ike_sa *sa, enum ike_decode rc, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    if (rc == IKE_DECODE_CRITICAL) {
        e->stats.bad_critical++;
        ike_send_notify(sa, IKE_N_UNSUPPORTED_CRITICAL, &p->bad_critical, 1);
        if (sa->state == IKE_S_AUTH_WAIT)
            ike_sa_close(sa, IKE_R_SYNTAX, true);
        return;
    }
    e->stats.bad_payload++;
    ike_sa_log(sa, IKE_LOG_WARN, "the peer sent a malformed %s payload: %s", ike_name(IKE_NAMES_PAYLOAD, p->at),
               p->why);
    ike_send_notify(sa, IKE_N_INVALID_SYNTAX, NULL, 0);
    ike_sa_close(sa, IKE_R_SYNTAX, true);
}

// With MOBIKE a request may come from where the peer is not (yet): it is answered there, and nothing else follows of
// it (RFC 4555 3.8). false: no memory, and the peer will ask again.
static bool note_reply_path(struct ike_sa *sa, const struct ike_path *path)
{
    const bool elsewhere = sa->mobike && !ike_path_equal(&sa->path, path);
    struct ike_ext *x = elsewhere ? ike_ext(sa) : sa->ext;
    if (x) {
        x->reply_elsewhere = elsewhere;
        x->reply = *path;
    }
    return x || !elsewhere;
}

void ike_protected_input(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                         size_t len)
{
    struct ike_engine *e = sa->e;
    const bool is_response = h->flags & IKE_F_RESPONSE;
    struct ike_payloads p;
    size_t plain_len;
    uint8_t first;
    if (!check_id(sa, path, h, msg, len))
        return;
    struct ike_task *t = is_response ? ike_task_by_mid(sa, h->mid) : NULL;
    if (!check_exchange(sa, h) || (t && h->exchange != task_exchange(t))) {
        e->stats.bad_exchange++;
        ike_sa_log(sa, IKE_LOG_DROP, "dropped %s in state %s", ike_name(IKE_NAMES_EXCHANGE, h->exchange),
                   ike_state_name(sa->state));
        return;
    }
    if (open_message(sa, h, msg, len, &plain_len, &first) <= 0)
        return;
    // From here on the message is authentic and new.
    sa->facts |= IKE_FACT_KEYS;
    sa->last_in = e->now;
    sa->msgs_in++;
    ike_sa_saw_path(sa, path);
    e->plain_len = plain_len;
    e->plain_first = first;
    if (t == NULL && !note_reply_path(sa, path))
        return;
    const enum ike_decode rc = ike_payloads_decode(first, e->plain, plain_len, &p);
    if (t) {
        const bool before = ike_task_enter(t);
        ike_request_done(sa);
        if (rc == IKE_DECODE_OK) {
            response(sa, &p);
        } else {
            e->stats.bad_payload++;
            ike_sa_log(sa, IKE_LOG_WARN, "the peer answered with a wrong %s payload: %s",
                       ike_name(IKE_NAMES_PAYLOAD, p.at), p.why);
            ike_task_abandon(sa);
            ike_sa_delete(sa, IKE_R_SYNTAX, IKE_N_INVALID_SYNTAX);
        }
        ike_task_leave(sa, before);
        return;
    }
    ike_window_keep(sa);
    if (h->next == IKE_P_SKF)
        memcpy(sa->in_print, e->frag_print, sizeof(sa->in_print));
    else
        fingerprint(e, msg, len, sa->in_print);
    sa->next_in++;
    sa->in_open = true;
    sa->in_exchange = h->exchange;
    if (rc != IKE_DECODE_OK)
        refuse(sa, rc, &p);
    else
        request(sa, h, &p);
}
