// SPDX-License-Identifier: BSD-2-Clause
// IKE_AUTH (RFC 7296 1.2, 2.16), the responder's side, and the first CHILD SA; the messages are drawn in ike_auth_i.c.
// The first request is kept while the peer proves itself: nothing of it is acted on before.
#include "hostd/ike/ike_int.h"

void ike_auth_refuse(struct ike_sa *sa, const char *why)
{
    char id[128];
    sa->e->stats.auth_failures++;
    ike_sa_log(sa, IKE_LOG_WARN, "%s: %s", ike_id_format(sa->remote_id, id, sizeof(id)), why);
    ike_send_notify(sa, IKE_N_AUTH_FAILED, NULL, 0);
    ike_sa_close(sa, IKE_R_AUTH_FAILED, true);
}

// The peer says that it has just started, or is taken to say so: other SAs of the two identities are dead (2.4). One
// that this SA succeeds is none of them: its session is this one's already, and it ends when its stragglers are
// through.
static void initial_contact(struct ike_sa *sa)
{
    struct ike_engine *e = sa->e;
    struct ike_node *n =
        ike_table_find(&e->by_id, ike_hash(sa->remote_id->data, sa->remote_id->len, sa->remote_id->type));
    while (n) {
        struct ike_sa *other = n->owner;
        n = ike_table_again(n);
        if (other != sa && other->profile == sa->profile && ike_id_equal(other->remote_id, sa->remote_id) &&
            ike_id_equal(other->local_id, sa->local_id))
            ike_sa_close(other, IKE_R_INITIAL_CONTACT, false);
    }
}

// Which profile? It accepts the identity (the owner has matched it), and perhaps the way it is proved.
static const char *choose_profile(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_id *idr = p->idr.body.p ? ike_id_new(p->idr.type, p->idr.data.p, p->idr.data.len) : NULL;
    const struct ike_select sel = {
        .path = &sa->path,
        .idi = sa->remote_id,
        .idr = idr,
        .current = sa->profile,
        .certs = p->certs.n ? &p->certs : NULL,
        .way = sa->auth->way,
    };
    struct ike_profile *profile = e->ops->select(e->ctx, &sel);
    free(idr);
    if (profile == NULL || (e->ops->peer_fits == NULL && !ike_profile_matches(profile, sa->remote_id)))
        return "no profile accepts this identity";
    ike_profile_ref(profile);
    ike_profile_unref(sa->profile);
    sa->profile = profile;
    sa->facts |= IKE_FACT_PROFILE;
    return profile->auth_remote & sa->auth->way ? NULL
           : sa->auth->way == IKE_WAY_EAP       ? "it wants EAP, which the profile does not have for peers"
                                                : "it authenticates in a way that the profile does not have";
}

// What the CHILD SA needs to remember of the request until it is installed.
static uint16_t start_child(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    if (p->sa.p == NULL && p->tsi.p == NULL && p->tsr.p == NULL)
        return IKE_N_NONE; // RFC 6023: the peer wants none now
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
    ike_successor_hold(sa, c);
    const int rc = ike_child_bring_up(c, (struct ike_bytes){NULL, 0}, (struct ike_bytes){sa->ni, sa->ni_len},
                                      (struct ike_bytes){sa->nr, sa->nr_len});
    return rc == IKE_PENDING ? UINT16_MAX : ike_install_notify(rc, IKE_N_NO_ADDITIONAL_SAS);
}

// Both AUTH payloads are there: the SA stands, and its first child follows.
static void establish(struct ike_sa *sa, bool ok)
{
    struct ike_payloads p;
    if (!ok || !ike_authenticated(sa)) {
        ike_auth_refuse(sa, "no way to authenticate ourselves");
        return;
    }
    if (sa->resumed && !ike_resume_establish(sa)) {
        ike_auth_refuse(sa, "its ticket was used before");
        return;
    }
    if (ike_redirect_auth(sa))
        return;
    sa->req = ike_zalloc(sa->e, sizeof(*sa->req));
    if (sa->req == NULL) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    sa->req->exchange = IKE_X_AUTH;
    ike_auth_kept(sa, &p);
    ike_ext_take_auth(sa, &p);
    const bool contact = ike_find_notify(&p, IKE_N_INITIAL_CONTACT) != NULL;
    if (!contact)
        ike_successor_adopt(sa, &p);
    if (contact || sa->profile->force_contact)
        initial_contact(sa);
    uint16_t notify = ike_cp_assign(sa, &p);
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
        notify = start_child(sa, &p);
    if (notify != UINT16_MAX) // else the datapath is still at it
        ike_auth_answer(sa, notify);
}

static void peer_verified(struct ike_sa *sa, bool ok)
{
    if (ok)
        ike_auth_make(sa, establish);
    else
        ike_auth_refuse(sa, "the initiator is not authentic");
}

// Our AUTH stands before the first EAP request, and is sent with it.
static void greeting_made(struct ike_sa *sa, bool ok)
{
    if (ok)
        ike_eap_begin(sa, (struct ike_bytes){NULL, 0});
    else
        ike_auth_refuse(sa, "no way to authenticate ourselves");
}

// RFC 7296 2.16: we prove ourselves first, unless both sides have EAP do it (RFC 5998).
static void start_eap(struct ike_sa *sa, const struct ike_payloads *p)
{
    if (sa->profile->auth_local != IKE_WAY_EAP) {
        ike_auth_make(sa, greeting_made);
    } else if (ike_find_notify(p, IKE_N_EAP_ONLY)) {
        sa->auth->eap_only = true;
        ike_eap_begin(sa, (struct ike_bytes){NULL, 0});
    } else {
        ike_auth_refuse(sa, "the profile proves us by EAP alone, which the peer does not offer");
    }
}

// Who the initiator is, whether it may be served, and how it proves that.
static void judge_first(struct ike_sa *sa, bool looked_up)
{
    struct ike_payloads p;
    ike_auth_kept(sa, &p);
    sa->auth->way = ike_auth_way(&p);
    free(sa->remote_id);
    sa->remote_id = ike_id_new(p.idi.type, p.idi.data.p, p.idi.data.len);
    if (sa->resumed && sa->remote_id)
        sa->facts |= IKE_FACT_PROFILE; // the ticket says which, and AUTH whether it is the ticket's owner
    const char *why = sa->remote_id == NULL ? "no memory"
                      : !looked_up          ? "its certificate is not there"
                      : sa->resumed         ? NULL
                                            : choose_profile(sa, &p);
    ike_auth_choose_cred(sa, &p);
    free(sa->local_id);
    sa->local_id = why ? NULL : ike_own_id(sa);
    if (why || sa->local_id == NULL)
        ike_auth_refuse(sa, why ? why : "no memory");
    else if (sa->auth->way == IKE_WAY_EAP && !sa->resumed)
        start_eap(sa, &p);
    else if (!sa->resumed && (why = ike_ppk_request(sa, &p)) != NULL)
        ike_auth_refuse(sa, why);
    else
        ike_auth_verify(sa, &p, sa->profile->auth_remote, peer_verified);
}

static void first_request(struct ike_sa *sa, const struct ike_payloads *in)
{
    if (in->idi.body.p == NULL) {
        ike_send_notify(sa, IKE_N_INVALID_SYNTAX, NULL, 0);
        ike_sa_close(sa, IKE_R_SYNTAX, true);
        return;
    }
    if (!ike_auth_begin(sa) || !ike_auth_keep(sa) || !ike_auth_keep_body(sa, in->idi.body)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    if (!ike_auth_look_up(sa, judge_first))
        judge_first(sa, true);
}

void ike_auth_request(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_auth *a = sa->auth;
    if (a == NULL) {
        first_request(sa, p);
    } else if (a->eap_done && p->auth.data.p) {
        struct ike_payloads q = *p;
        const char *why = ike_ppk_request(sa, &q);
        if (why)
            ike_auth_refuse(sa, why);
        else
            ike_auth_verify(sa, &q, IKE_WAY_PSK, peer_verified);
    } else if (!a->eap_done && a->eap && p->eap.p) {
        ike_eap_next(sa, p->eap);
    } else {
        ike_auth_refuse(sa, "it left the order of EAP");
    }
}

void ike_auth_answer(struct ike_sa *sa, uint16_t notify)
{
    struct ike_engine *e = sa->e;
    struct ike_request *r = sa->req;
    struct ike_child *c = r->child ? ike_child_by_id(e, r->child) : NULL;
    const struct ike_chosen chosen = r->chosen;
    struct ike_build b;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    ike_auth_put(sa, &b, sa->auth->eap_done ? IKE_P_NONE : IKE_P_IDR);
    ike_cp_put_reply(sa, &b);
    if (notify == 0 && c) {
        ike_child_put_choice(c, &b, chosen.number);
        ike_put_ts(&b, IKE_P_TSI, c->pub.ts_remote, c->pub.n_ts_remote);
        ike_put_ts(&b, IKE_P_TSR, c->pub.ts_local, c->pub.n_ts_local);
    } else if (notify) {
        ike_put_notify(&b, notify, NULL, 0);
        ike_sa_log(sa, IKE_LOG_WARN, "no CHILD SA: %s", ike_name(IKE_NAMES_NOTIFY, notify));
        if (c)
            ike_child_drop(c, ike_reason_of(notify));
        c = NULL;
        ike_child_failed(sa, ike_reason_of(notify), notify);
    }
    ike_ext_put_auth(sa, &b);
    ike_request_free(sa);
    const bool sent = ike_send_response(sa, &b);
    ike_sa_forget_init(sa);
    if (!sent)
        ike_sa_close(sa, IKE_R_RESOURCES, false);
    else if (c)
        ike_child_up(c);
    ike_task_run(sa);
}
