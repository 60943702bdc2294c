// SPDX-License-Identifier: BSD-2-Clause
// IKE_AUTH (RFC 7296 1.2, 2.16), the initiator's side, and the first CHILD SA:
//   HDR, SK {IDi, [CERT+], [N(INITIAL_CONTACT)], [CERTREQ], [IDr], AUTH, [CP], SAi2, TSi, TSr}  -->
//                                <--  HDR, SK {IDr, [CERT+], AUTH, [CP], SAr2, TSi, TSr}
// With EAP the first request has no AUTH, the first response an EAP packet and nothing after AUTH, EAP packets follow,
// and AUTH of both sides by EAP's key ends it.
#include "hostd/ike/ike_int.h"

static void first_verified(struct ike_sa *sa, bool ok);
static void last_verified(struct ike_sa *sa, bool ok);

// Have we another SA with this peer: one to its address of the same profile, or one between the same identities? Who
// the peer is we know from the configuration, or because we were there before.
static bool have_contact(const struct ike_sa *sa)
{
    const struct ike_id *peer = sa->profile->remote_id ? sa->profile->remote_id : sa->profile->met;
    const uint16_t ports[] = {sa->path.remote_port, IKE_PORT, IKE_PORT_NATT}; // the other one may have come by those
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        struct ike_node *n = ike_table_find(&sa->e->by_peer, ike_peer_key(&sa->path.remote, ports[i]));
        for (; n; n = ike_table_again(n)) {
            const struct ike_sa *other = n->owner;
            if (ip_equal(&other->path.remote, &sa->path.remote) && other->profile == sa->profile)
                return true;
        }
    }
    struct ike_node *n = peer ? ike_table_find(&sa->e->by_id, ike_hash(peer->data, peer->len, peer->type)) : NULL;
    for (; n; n = ike_table_again(n)) {
        const struct ike_sa *other = n->owner;
        if (other != sa && ike_id_equal(other->remote_id, peer) && ike_id_equal(other->local_id, sa->local_id))
            return true;
    }
    return false;
}

static void remember(struct ike_sa *sa)
{
    struct ike_profile *p = sa->profile;
    const struct ike_id *id = sa->remote_id;
    if (id == NULL || (p->met && ike_id_equal(p->met, id)))
        return;
    free(p->met);
    p->met = ike_id_new(id->type, id->data, id->len);
}

// We said that we had no other SA with this peer, and find now that we have: it was somebody unknown then. The peer has
// ended one of the two.
static void ask_the_others(struct ike_sa *sa)
{
    const struct ike_id *peer = sa->remote_id;
    bool others = false;
    struct ike_node *n = ike_table_find(&sa->e->by_id, ike_hash(peer->data, peer->len, peer->type));
    for (; n; n = ike_table_again(n)) {
        struct ike_sa *other = n->owner;
        if (other == sa || other->state != IKE_S_ESTABLISHED || !ike_id_equal(other->remote_id, peer) ||
            !ike_id_equal(other->local_id, sa->local_id))
            continue;
        ike_dpd_ask(other);
        others = true;
    }
    if (others && ike_task_add(sa, IKE_TASK_DPD, 0)) // after the exchange that is at hand, if there is one
        ike_task_run(sa);
}

void ike_auth_fails(struct ike_sa *sa, const char *why)
{
    sa->e->stats.auth_failures++;
    ike_sa_log(sa, IKE_LOG_WARN, "%s", why);
    ike_task_abandon(sa);
    ike_sa_delete(sa, IKE_R_AUTH_FAILED, IKE_N_AUTH_FAILED);
}

// ---------------------------------------------------------------------------------------------- requests

// The offer of the first CHILD SA.
static void put_child(struct ike_sa *sa, struct ike_build *b, const struct ike_child *c)
{
    const struct ike_profile *p = sa->profile;
    struct ike_proposal esp[IKE_MAX_PROPOSALS];
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS];
    size_t n_local, n_remote;
    uint8_t spi[4];
    struct wbuf w;
    if (p->transport)
        ike_put_notify(b, IKE_N_TRANSPORT_MODE, NULL, 0);
    wbuf_init(&w, spi, sizeof(spi));
    wbuf_u32(&w, c->pub.spi_in);
    ike_put_offer(b, esp, ike_child_proposals(sa, false, esp), IKE_PROTO_ESP, spi, sizeof(spi), true);
    ike_child_our_ts(sa, true, local, &n_local, remote, &n_remote);
    ike_put_ts(b, IKE_P_TSI, local, n_local);
    ike_put_ts(b, IKE_P_TSR, remote, n_remote);
}

// The first request; our AUTH is in sa->auth, or there is to be none.
static void send_first(struct ike_sa *sa, bool ok)
{
    struct ike_engine *e = sa->e;
    const struct ike_profile *p = sa->profile;
    const struct ike_child *c = ike_child_by_id(e, sa->task->made);
    struct ike_build b;
    if (!ok || (c == NULL && sa->task->made)) {
        ike_sa_close(sa, IKE_R_AUTH_FAILED, false);
        return;
    }
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    ike_auth_put(sa, &b, IKE_P_IDI);
    sa->auth->contact = p->initial_contact && !have_contact(sa);
    if (sa->auth->contact)
        ike_put_notify(&b, IKE_N_INITIAL_CONTACT, NULL, 0);
    if (p->auth_remote & IKE_WAY_CERT && p->n_ca)
        ike_put_certreq(&b, p->ca_hashes, p->n_ca);
    if (p->auth_remote & IKE_WAY_CERT && e->limits.http_cert)
        ike_put_notify(&b, IKE_N_HTTP_CERT, NULL, 0);
    if (p->remote_id)
        ike_put_id(&b, IKE_P_IDR, p->remote_id);
    if (p->auth_local == IKE_WAY_EAP && p->eap_only)
        ike_put_notify(&b, IKE_N_EAP_ONLY, NULL, 0);
    ike_cp_put_request(sa, &b);
    if (c)
        put_child(sa, &b, c);
    ike_ext_put_auth(sa, &b);
    ike_sa_set_state(sa, IKE_S_AUTH_SENT, "keys derived, IKE_AUTH request");
    if (!ike_send_request(sa, IKE_X_AUTH, &b))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

void ike_auth_start(struct ike_sa *sa)
{
    const struct ike_profile *p = sa->profile;
    const bool v4 = sa->path.remote.family == 4;
    const bool begun = ike_auth_begin(sa);
    if (begun) { // the responder may have named its CAs
        struct ike_payloads in = {0};
        if (sa->init_resp_len > IKE_HEADER_LEN)
            (void)ike_payloads_decode(sa->init_resp[IKE_HEADER_NEXT], sa->init_resp + IKE_HEADER_LEN,
                                      sa->init_resp_len - IKE_HEADER_LEN, &in); // it was well-formed when it came
        ike_auth_choose_cred(sa, &in);
    }
    // Whom we expect: needed for the key before the responder has said who it is.
    sa->local_id = ike_own_id(sa);
    sa->remote_id = p->remote_id ? ike_id_new(p->remote_id->type, p->remote_id->data, p->remote_id->len)
                                 : ike_id_new(v4 ? IKE_ID_IPV4 : IKE_ID_IPV6, sa->path.remote.b, v4 ? 4 : 16);
    const bool childless = p->childless != IKE_CHILDLESS_NEVER && sa->peer_childless;
    const struct ike_child *c = childless ? NULL : ike_child_new(sa, true);
    if (sa->local_id == NULL || sa->remote_id == NULL || (c == NULL && !childless) || !begun) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    sa->task->made = c ? c->pub.id : 0;
    if (p->auth_local == IKE_WAY_EAP && !sa->resumed)
        send_first(sa, true);
    else
        ike_ppk_make_auth(sa, send_first);
}

static void send_auth(struct ike_sa *sa, bool ok)
{
    struct ike_build b;
    ike_build_chain(&b, sa->e->chain, IKE_MAX_MESSAGE);
    if (ok)
        ike_auth_put(sa, &b, IKE_P_NONE);
    if (ok)
        ike_ppk_put_auth(sa, &b);
    if (!ok || !ike_send_request(sa, IKE_X_AUTH, &b))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

void ike_auth_send_eap(struct ike_sa *sa, const void *packet, size_t len)
{
    struct ike_build b;
    if (packet == NULL) {
        ike_ppk_make_auth(sa, send_auth);
        return;
    }
    ike_build_chain(&b, sa->e->chain, IKE_MAX_MESSAGE);
    ike_put_raw(&b, IKE_P_EAP, packet, len);
    if (!ike_send_request(sa, IKE_X_AUTH, &b))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
}

// ---------------------------------------------------------------------------------------------- responses

// The first CHILD SA of an answer; what goes wrong here leaves the IKE SA up.
static void first_child(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_child *c = ike_child_by_id(sa->e, sa->task->made);
    const struct ike_notify_in *error = ike_find_error(p);
    struct ike_ts local[IKE_MAX_TS], remote[IKE_MAX_TS];
    enum ike_reason why = error ? ike_reason_of(error->type) : IKE_R_REFUSED;
    bool esn = false;
    if (sa->task->made == 0) { // childless: by an exchange of its own, or later
        if (sa->profile->childless == IKE_CHILDLESS_THEN) {
            struct ike_task *t = ike_task_add(sa, IKE_TASK_NEW_CHILD, 0);
            if (t)
                t->replaces = ike_successor_first_child(sa);
        }
        ike_task_finish(sa);
        return;
    }
    if (c == NULL)
        return;
    c->pub.replaces = ike_successor_first_child(sa);
    if (p->sa.p && p->tsi.p && p->tsr.p) {
        size_t n_local, n_remote;
        ike_child_our_ts(sa, true, local, &n_local, remote, &n_remote);
        why = ike_child_accept(sa, c, p, false, true, local, n_local, remote, n_remote);
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
    const bool pair = error && error->type == IKE_N_SINGLE_PAIR, plain = why == IKE_R_NO_PROPOSAL && esn;
    struct ike_task with = {0};
    struct ike_task *t =
        plain || (pair && ike_child_one_pair(sa, &with)) ? ike_task_add(sa, IKE_TASK_NEW_CHILD, 0) : NULL;
    if (t) {
        t->no_esn = plain;
        t->one_pair = pair;
        t->ts = with.ts;
        t->n_local = with.n_local;
        t->n_remote = with.n_remote;
        t->replaces = ike_successor_first_child(sa);
    } else {
        free(with.ts);
        ike_child_failed(sa, why, error ? error->type : 0);
    }
    ike_task_finish(sa);
}

// Everything about the responder is proved: its last message is the one that was kept.
static void established(struct ike_sa *sa)
{
    struct ike_payloads p;
    if (!ike_authenticated(sa)) {
        ike_auth_fails(sa, "the responder is not authentic");
        return;
    }
    ike_auth_kept(sa, &p);
    if (ike_redirect_auth_answer(sa, &p))
        return;
    ike_cp_take(sa, &p);
    ike_ext_take_auth(sa, &p);
    ike_sa_set_state(sa, IKE_S_ESTABLISHED, "the responder is authentic");
    ike_sa_start_life(sa);
    remember(sa);
    ike_sa_established(sa);
    if (sa->state == IKE_S_ESTABLISHED)
        first_child(sa, &p);
    if (sa->state == IKE_S_ESTABLISHED && sa->auth->contact)
        ask_the_others(sa);
    ike_sa_forget_init(sa);
}

static void last_verified(struct ike_sa *sa, bool ok)
{
    const struct ike_auth *a = sa->auth;
    if (ok && a->eap_done && !a->greeted && a->msk == NULL) {
        ike_auth_fails(sa, "the responder has proved itself by an EAP method that makes no key");
        return;
    }
    if (ok)
        established(sa);
    else
        ike_auth_fails(sa, "the responder is not authentic");
}

// The responder's first AUTH is verified: that was all, or EAP begins.
static void first_verified(struct ike_sa *sa, bool ok)
{
    struct ike_auth *a = sa->auth;
    struct ike_payloads p;
    if (!ok) {
        ike_auth_fails(sa, "the responder is not authentic");
        return;
    }
    if (sa->profile->auth_local != IKE_WAY_EAP || sa->resumed) {
        established(sa);
        return;
    }
    a->greeted = true;
    sa->facts &= (uint8_t)~IKE_FACT_PEER; // until its AUTH by EAP's key is right, too
    ike_auth_kept(sa, &p);
    ike_eap_begin(sa, p.eap);
}

// Is the responder whom we mean, and how does it prove that?
static void judge_first(struct ike_sa *sa, bool looked_up)
{
    struct ike_engine *e = sa->e;
    const struct ike_profile *profile = sa->profile;
    const bool eap = profile->auth_local == IKE_WAY_EAP && !sa->resumed;
    struct ike_payloads kept;
    if (!looked_up) {
        ike_auth_fails(sa, "the responder's certificate is not there");
        return;
    }
    ike_auth_kept(sa, &kept);
    const bool fits =
        sa->resumed ? true // it is the ticket's
        : e->ops->peer_fits
            ? e->ops->peer_fits(e->ctx, profile, sa->remote_id, kept.certs.n ? &kept.certs : NULL)
            : ike_profile_matches(profile, sa->remote_id) && (profile->n_match > 0 || profile->remote_id == NULL ||
                                                              ike_id_equal(profile->remote_id, sa->remote_id));
    if (!fits) {
        ike_auth_fails(sa, "the responder's identity is not what the profile asks for");
        return;
    }
    sa->facts |= IKE_FACT_PROFILE;
    const char *why = ike_ppk_answer(sa, &kept);
    if (why) {
        ike_auth_fails(sa, why);
    } else if (eap && kept.eap.p == NULL) {
        ike_auth_fails(sa, "the responder does not ask for EAP");
    } else if (kept.auth.data.p) {
        ike_auth_verify(sa, &kept, profile->auth_remote, first_verified);
    } else if (eap && profile->eap_only) {
        sa->auth->eap_only = true;
        ike_eap_begin(sa, kept.eap);
    } else {
        ike_auth_fails(sa, "the responder does not prove itself");
    }
}

// The first response: who the responder is.
static void first_response(struct ike_sa *sa, const struct ike_payloads *p)
{
    free(sa->remote_id);
    sa->remote_id = ike_id_new(p->idr.type, p->idr.data.p, p->idr.data.len);
    if (sa->remote_id == NULL || !ike_auth_keep(sa) || !ike_auth_keep_body(sa, p->idr.body))
        ike_sa_close(sa, IKE_R_RESOURCES, false);
    else if (!ike_auth_look_up(sa, judge_first))
        judge_first(sa, true);
}

void ike_auth_response(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    const struct ike_notify_in *error = ike_find_error(p);
    if (sa->state != IKE_S_AUTH_SENT || a == NULL) { // deleted meanwhile
        ike_task_finish(sa);
        return;
    }
    const bool first = a->plain == NULL;
    if (a->eap_done && p->auth.data.p) {
        if (!ike_auth_keep(sa)) {
            ike_sa_close(sa, IKE_R_RESOURCES, false);
            return;
        }
        const char *missing = ike_ppk_answer(sa, p);
        if (missing)
            ike_auth_fails(sa, missing);
        else
            ike_auth_verify(sa, p, IKE_WAY_PSK, last_verified);
    } else if (first && p->idr.body.p && (p->auth.data.p || p->eap.p)) {
        first_response(sa, p);
    } else if (!first && !a->eap_done && p->eap.p) {
        ike_eap_next(sa, p->eap);
    } else {
        const enum ike_reason why = error ? ike_reason_of(error->type) : IKE_R_SYNTAX;
        ike_sa_log(sa, IKE_LOG_WARN, "the responder refused: %s",
                   error ? ike_name(IKE_NAMES_NOTIFY, error->type) : "no AUTH payload");
        if (why == IKE_R_AUTH_FAILED)
            e->stats.auth_failures++;
        ike_sa_close(sa, why, false);
    }
}
