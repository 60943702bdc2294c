// SPDX-License-Identifier: BSD-2-Clause
// IKE_AUTH (RFC 7296 1.2, 2.15) with pre-shared keys, both roles, and the first CHILD SA:
//   HDR, SK {IDi, [N(INITIAL_CONTACT)], [IDr], AUTH, [CP], SAi2, TSi, TSr}  -->
//                                <--  HDR, SK {IDr, AUTH, [CP], SAr2, TSi, TSr}
//
// A peer is authenticated when every fact of IKE_FACTS_REQUIRED has been established, and by nothing else.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

// What AUTH covers of an identity: the payload's body.
static struct ike_bytes id_body(const struct ike_id *id, uint8_t mem[4 + IKE_MAX_ID])
{
    memset(mem, 0, 4);
    mem[0] = id->type;
    memcpy(mem + 4, id->data, id->len);
    return (struct ike_bytes){mem, 4u + id->len};
}

// AUTH by the pre-shared key of what the initiator (or the responder) signs; false: no key, or OpenSSL failed.
static bool psk_auth(struct ike_sa *sa, bool of_initiator, struct ike_bytes id, uint8_t out[IKE_MAX_PRF])
{
    struct ike_engine *e = sa->e;
    uint8_t key[IKE_MAX_PSK];
    const bool ours = of_initiator == sa->initiator;
    const int len = (ours || e->ops->psk_remote == NULL ? e->ops->psk : e->ops->psk_remote)(
        e->ctx, sa->profile, sa->local_id, sa->remote_id, &sa->path, key, sizeof(key));
    if (len < 0 || (size_t)len > sizeof(key)) {
        ike_sa_log(sa, IKE_LOG_WARN, "no pre-shared key for this peer");
        return false;
    }
    const struct ike_bytes psk = {key, (size_t)len};
    const struct ike_bytes msg = of_initiator ? (struct ike_bytes){sa->init_req, sa->init_req_len}
                                              : (struct ike_bytes){sa->init_resp, sa->init_resp_len};
    const struct ike_bytes nonce =
        of_initiator ? (struct ike_bytes){sa->nr, sa->nr_len} : (struct ike_bytes){sa->ni, sa->ni_len};
    const bool ok =
        ike_auth_psk(e->crypto, sa->suite.prf, psk, msg, nonce, id, of_initiator ? sa->keys.pi : sa->keys.pr, out);
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

// Is the peer's AUTH payload right?
static bool verify(struct ike_sa *sa, const struct ike_payloads *p, const struct ike_id_in *id)
{
    uint8_t want[IKE_MAX_PRF];
    const size_t len = ike_prf_len(sa->suite.prf);
    if (p->auth.method != IKE_AUTH_PSK) {
        ike_sa_log(sa, IKE_LOG_WARN, "the peer authenticates by %s (%u), a pre-shared key is configured",
                   ike_name(IKE_NAMES_AUTH, p->auth.method), p->auth.method);
        return false;
    }
    const bool ok = psk_auth(sa, !sa->initiator, id->body, want) && p->auth.data.len == len &&
                    CRYPTO_memcmp(want, p->auth.data.p, len) == 0;
    OPENSSL_cleanse(want, sizeof(want));
    if (ok) {
        sa->facts |= IKE_FACT_PEER;
        sa->auth_remote = p->auth.method;
    }
    return ok;
}

// Our AUTH payload.
static bool put_auth(struct ike_sa *sa, struct ike_build *b)
{
    uint8_t mem[4 + IKE_MAX_ID], auth[IKE_MAX_PRF];
    const bool ok = psk_auth(sa, sa->initiator, id_body(sa->local_id, mem), auth);
    if (ok) {
        ike_put_auth(b, IKE_AUTH_PSK, auth, ike_prf_len(sa->suite.prf));
        sa->facts |= IKE_FACT_SELF;
        sa->auth_local = IKE_AUTH_PSK;
    }
    OPENSSL_cleanse(auth, sizeof(auth));
    return ok;
}

// Our identity: the profile's, or the local address.
static struct ike_id *own_id(const struct ike_sa *sa)
{
    const struct ike_id *id = sa->profile->local_id;
    if (id)
        return ike_id_new(id->type, id->data, id->len);
    const struct ike_addr *a = &sa->path.local;
    return a->family == 4 ? ike_id_new(IKE_ID_IPV4, a->b, 4) : ike_id_new(IKE_ID_IPV6, a->b, 16);
}

static bool authenticated(struct ike_sa *sa)
{
    return (sa->facts & IKE_FACTS_REQUIRED) == IKE_FACTS_REQUIRED;
}

// ---------------------------------------------------------------------------------------------- initiator

// Is there an established SA with this peer, of the same profile?
static bool have_contact(const struct ike_sa *sa)
{
    struct ike_node *n = ike_table_find(&sa->e->by_peer, ike_hash(sa->path.remote.b, sizeof(sa->path.remote.b), 0));
    for (; n; n = ike_table_again(n)) {
        const struct ike_sa *other = n->owner;
        if (ike_addr_equal(&other->path.remote, &sa->path.remote) && other->profile == sa->profile)
            return true;
    }
    return false;
}

void ike_auth_start(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    const struct ike_profile *p = sa->profile;
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS];
    struct ike_build b;
    uint8_t spi[4];
    struct wbuf w;
    // Whom we expect: needed for the key before the responder has said who it is.
    sa->local_id = own_id(sa);
    sa->remote_id = p->remote_id ? ike_id_new(p->remote_id->type, p->remote_id->data, p->remote_id->len)
                                 : ike_id_new(sa->path.remote.family == 4 ? IKE_ID_IPV4 : IKE_ID_IPV6,
                                              sa->path.remote.b, sa->path.remote.family == 4 ? 4 : 16);
    struct ike_child *c = ike_child_new(sa, true);
    if (sa->local_id == NULL || sa->remote_id == NULL || c == NULL) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    sa->task->made = c->pub.id;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    ike_put_id(&b, IKE_P_IDI, sa->local_id);
    if (p->initial_contact && !have_contact(sa))
        ike_put_notify(&b, IKE_N_INITIAL_CONTACT, NULL, 0);
    if (p->remote_id)
        ike_put_id(&b, IKE_P_IDR, p->remote_id);
    if (!put_auth(sa, &b)) {
        ike_sa_close(sa, IKE_R_AUTH_FAILED, false);
        return;
    }
    if (p->cp_request)
        ike_put_cp(&b, IKE_CP_REQUEST, NULL);
    if (p->transport)
        ike_put_notify(&b, IKE_N_TRANSPORT_MODE, NULL, 0);
    wbuf_init(&w, spi, sizeof(spi));
    wbuf_u32(&w, c->pub.spi_in);
    ike_put_offer(&b, esp, ike_child_proposals(sa, false, esp), IKE_PROTO_ESP, spi, sizeof(spi), true);
    ike_child_our_ts(sa, local, remote);
    ike_put_ts(&b, IKE_P_TSI, local, p->n_ts_local);
    ike_put_ts(&b, IKE_P_TSR, remote, p->n_ts_remote);
    ike_sa_set_state(sa, IKE_S_AUTH_SENT, "keys derived, IKE_AUTH request");
    if (!ike_send_request(sa, IKE_X_AUTH, &b))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

// The first CHILD SA of an answer; what goes wrong here leaves the IKE SA up.
static void first_child(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_child *c = ike_child_by_id(sa->e, sa->task->made);
    const struct ike_notify_in *error = ike_find_error(p);
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS];
    enum ike_reason why = error ? ike_reason_of(error->type) : IKE_R_REFUSED;
    bool esn = false;
    if (c == NULL)
        return;
    if (p->sa.p && p->tsi.p && p->tsr.p) {
        ike_child_our_ts(sa, local, remote);
        why = ike_child_accept(sa, c, p, false, true, local, sa->profile->n_ts_local, remote, sa->profile->n_ts_remote);
        if (why == IKE_R_NONE) {
            const int rc = ike_child_bring_up(c, (struct ike_bytes){NULL, 0}, (struct ike_bytes){sa->ni, sa->ni_len},
                                              (struct ike_bytes){sa->nr, sa->nr_len});
            ike_create_installed(c, rc);
            return;
        }
        // The responder has it and must drop it.
        ike_task_add(sa, IKE_TASK_DELETE_CHILD, c->pub.id);
        ike_child_set_state(c, IKE_C_DELETING, ike_reason_name(why));
        ike_child_failed(sa, why, 0);
        ike_task_finish(sa);
        return;
    }
    for (unsigned i = 0; i < sa->profile->n_esp; i++)
        esn |= sa->profile->esp[i].esn_yes && sa->profile->esp[i].esn_no;
    ike_child_drop(c, why);
    // Some peers choose extended sequence numbers although their datapath has none, and then refuse: offer ordinary
    // ones.
    struct ike_task *t = why == IKE_R_NO_PROPOSAL && esn ? ike_task_add(sa, IKE_TASK_NEW_CHILD, 0) : NULL;
    if (t)
        t->no_esn = true;
    else
        ike_child_failed(sa, why, error ? error->type : 0);
    ike_task_finish(sa);
}

static void auth_fails(struct ike_sa *sa, const char *why)
{
    sa->e->stats.auth_failures++;
    ike_sa_log(sa, IKE_LOG_WARN, "%s", why);
    ike_task_abandon(sa);
    ike_sa_delete(sa, IKE_R_AUTH_FAILED, IKE_N_AUTH_FAILED);
}

void ike_auth_response(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    const struct ike_notify_in *error = ike_find_error(p);
    if (sa->state != IKE_S_AUTH_SENT) { // deleted meanwhile
        ike_task_finish(sa);
        return;
    }
    if (p->auth.data.p == NULL || p->idr.body.p == NULL) {
        const enum ike_reason why = error ? ike_reason_of(error->type) : IKE_R_SYNTAX;
        ike_sa_log(sa, IKE_LOG_WARN, "the responder refused: %s",
                   error ? ike_name(IKE_NAMES_NOTIFY, error->type) : "no AUTH payload");
        if (why == IKE_R_AUTH_FAILED)
            e->stats.auth_failures++;
        ike_sa_close(sa, why, false);
        return;
    }
    free(sa->remote_id);
    sa->remote_id = ike_id_new(p->idr.type, p->idr.data.p, p->idr.data.len);
    if (sa->remote_id == NULL) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    if (ike_profile_matches(sa->profile, sa->remote_id) &&
        (sa->profile->n_match > 0 || sa->profile->remote_id == NULL ||
         ike_id_equal(sa->profile->remote_id, sa->remote_id)))
        sa->facts |= IKE_FACT_PROFILE;
    if (!(sa->facts & IKE_FACT_PROFILE)) {
        auth_fails(sa, "the responder's identity is not what the profile asks for");
        return;
    }
    if (!verify(sa, p, &p->idr) || !authenticated(sa)) {
        auth_fails(sa, "the responder is not authentic");
        return;
    }
    ike_cp_take(sa, p);
    ike_sa_set_state(sa, IKE_S_ESTABLISHED, "the responder is authentic");
    ike_sa_start_life(sa);
    ike_sa_established(sa);
    if (sa->state == IKE_S_ESTABLISHED)
        first_child(sa, p);
    ike_sa_forget_init(sa);
}

// ---------------------------------------------------------------------------------------------- responder

static void refuse_auth(struct ike_sa *sa, const char *why)
{
    char id[128];
    sa->e->stats.auth_failures++;
    ike_sa_log(sa, IKE_LOG_WARN, "%s: %s", ike_id_format(sa->remote_id, id, sizeof(id)), why);
    ike_send_notify(sa, IKE_N_AUTH_FAILED, NULL, 0);
    ike_sa_close(sa, IKE_R_AUTH_FAILED, true);
}

// The peer says that it has just started: other SAs with its identity are dead (2.4).
static void initial_contact(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_node *n =
        ike_table_find(&e->by_id, ike_hash(sa->remote_id->data, sa->remote_id->len, sa->remote_id->type));
    while (n) {
        struct ike_sa *other = n->owner;
        n = ike_table_again(n);
        if (other != sa && other->profile == sa->profile && ike_id_equal(other->remote_id, sa->remote_id))
            ike_sa_close(other, IKE_R_INITIAL_CONTACT, false);
    }
}

// Which profile? And does it accept the identity?
static bool choose_profile(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_id *idr = p->idr.body.p ? ike_id_new(p->idr.type, p->idr.data.p, p->idr.data.len) : NULL;
    const struct ike_select sel = {.path = &sa->path, .idi = sa->remote_id, .idr = idr, .current = sa->profile};
    struct ike_profile *profile = e->ops->select(e->ctx, &sel);
    free(idr);
    if (profile == NULL || !ike_profile_matches(profile, sa->remote_id))
        return false;
    ike_profile_ref(profile);
    ike_profile_unref(sa->profile);
    sa->profile = profile;
    sa->facts |= IKE_FACT_PROFILE;
    return true;
}

// What the CHILD SA needs to remember of the request until it is installed.
static uint16_t start_child(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    if (p->sa.p == NULL || p->tsi.p == NULL || p->tsr.p == NULL)
        return IKE_N_NO_PROPOSAL;
    struct ike_request *r = sa->req;
    const int ni = ike_ts_decode(p->tsi, r->tsi, IKE_MAX_TS), nr = ike_ts_decode(p->tsr, r->tsr, IKE_MAX_TS);
    r->n_tsi = ni > 0 ? (uint8_t)ni : 0;
    r->n_tsr = nr > 0 ? (uint8_t)nr : 0;
    r->transport = ike_find_notify(p, IKE_N_TRANSPORT_MODE) != NULL;
    if (!ike_choose(sa->profile->esp, sa->profile->n_esp, p->sa, IKE_PROTO_ESP, 4, IKE_GROUP_NONE, 0, &r->chosen)) {
        e->stats.no_proposal++;
        return IKE_N_NO_PROPOSAL;
    }
    struct ike_child *c = ike_child_new(sa, false);
    if (c == NULL)
        return IKE_N_NO_ADDITIONAL_SAS;
    r->child = c->pub.id;
    const uint16_t notify = ike_child_negotiate(sa, c, r);
    if (notify)
        return notify;
    const int rc = ike_child_bring_up(c, (struct ike_bytes){NULL, 0}, (struct ike_bytes){sa->ni, sa->ni_len},
                                      (struct ike_bytes){sa->nr, sa->nr_len});
    return rc == 0 ? IKE_N_NONE : rc == IKE_PENDING ? UINT16_MAX : IKE_N_NO_ADDITIONAL_SAS;
}

void ike_auth_request(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    if (p->idi.body.p == NULL) {
        ike_send_notify(sa, IKE_N_INVALID_SYNTAX, NULL, 0);
        ike_sa_close(sa, IKE_R_SYNTAX, true);
        return;
    }
    free(sa->remote_id);
    sa->remote_id = ike_id_new(p->idi.type, p->idi.data.p, p->idi.data.len);
    if (sa->remote_id == NULL || !choose_profile(sa, p)) {
        refuse_auth(sa, "no profile accepts this identity");
        return;
    }
    free(sa->local_id);
    sa->local_id = own_id(sa);
    if (sa->local_id == NULL || p->auth.data.p == NULL) {
        refuse_auth(sa, "no AUTH payload: the peer wants EAP");
        return;
    }
    if (!verify(sa, p, &p->idi)) {
        refuse_auth(sa, "the initiator is not authentic");
        return;
    }
    sa->req = ike_zalloc(e, sizeof(*sa->req));
    if (sa->req == NULL) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    sa->req->exchange = IKE_X_AUTH;
    // Our own AUTH must be possible before anything else happens; it is built again into the answer.
    struct ike_build b;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    if (!put_auth(sa, &b) || !authenticated(sa)) {
        refuse_auth(sa, "no way to authenticate ourselves");
        return;
    }
    if (ike_find_notify(p, IKE_N_INITIAL_CONTACT))
        initial_contact(sa);
    uint16_t notify = ike_cp_assign(sa, p);
    if (!ike_sa_claim_session(sa)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    ike_sa_set_state(sa, IKE_S_ESTABLISHED, "the initiator is authentic");
    ike_sa_start_life(sa);
    ike_sa_established(sa);
    if (sa->state != IKE_S_ESTABLISHED || sa->req == NULL)
        return;
    if (notify == 0)
        notify = start_child(sa, p);
    if (notify != UINT16_MAX) // else the datapath is still at it
        ike_auth_answer(sa, notify);
}

void ike_auth_answer(struct ike_sa *sa, uint16_t notify)
{
    struct ike_engine *e = sa->e;
    struct ike_request *r = sa->req;
    struct ike_child *c = r->child ? ike_child_by_id(e, r->child) : NULL;
    const struct ike_chosen chosen = r->chosen;
    struct ike_build b;
    uint8_t spi[4];
    struct wbuf w;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    ike_put_id(&b, IKE_P_IDR, sa->local_id);
    const bool ok = put_auth(sa, &b);
    if (sa->cp && sa->cp_from_pool)
        ike_put_cp(&b, IKE_CP_REPLY, sa->cp);
    if (notify == 0 && c) {
        if (c->pub.transport)
            ike_put_notify(&b, IKE_N_TRANSPORT_MODE, NULL, 0);
        wbuf_init(&w, spi, sizeof(spi));
        wbuf_u32(&w, c->pub.spi_in);
        ike_put_choice(&b, &c->pub.suite, chosen.number, IKE_PROTO_ESP, spi, sizeof(spi));
        ike_put_ts(&b, IKE_P_TSI, c->pub.ts_remote, c->pub.n_ts_remote);
        ike_put_ts(&b, IKE_P_TSR, c->pub.ts_local, c->pub.n_ts_local);
    } else {
        ike_put_notify(&b, notify, NULL, 0);
        ike_sa_log(sa, IKE_LOG_WARN, "no CHILD SA: %s", ike_name(IKE_NAMES_NOTIFY, notify));
        if (c)
            ike_child_drop(c, ike_reason_of(notify));
        c = NULL;
        ike_child_failed(sa, ike_reason_of(notify), notify);
    }
    ike_request_free(sa);
    const bool sent = ok && ike_send_response(sa, &b);
    ike_sa_forget_init(sa);
    if (!sent)
        ike_sa_close(sa, IKE_R_RESOURCES, false);
    else if (c)
        ike_child_up(c);
    ike_task_run(sa);
}
