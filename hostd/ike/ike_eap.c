// SPDX-License-Identifier: BSD-2-Clause
// EAP in IKE_AUTH (RFC 7296 2.16, RFC 5998), both roles. The methods are the owner's: here its conversation is fed and
// what it says is sent.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

enum { EAP_CODE_FAILURE = 4 }; // RFC 3748 4.2

void ike_eap_end(struct ike_sa *sa)
{
    struct ike_auth *a = sa->auth;
    if (a && a->eap) {
        void *conversation = a->eap;
        a->eap = NULL;
        sa->e->ops->eap_end(sa->e->ctx, conversation);
    }
}

static void fails(struct ike_sa *sa, const char *why)
{
    if (!sa->initiator) {
        ike_auth_refuse(sa, why);
    } else {
        ike_auth_fails(sa, why);
    }
}

void ike_eap_next(struct ike_sa *sa, struct ike_bytes packet)
{
    struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    if (a->rounds++ >= IKE_MAX_EAP_ROUNDS) {
        fails(sa, "EAP does not come to an end");
        return;
    }
    a->eap_code = packet.len > 0 ? packet.p[0] : 0;
    const uint64_t token = ike_auth_await(sa);
    if (token)
        e->ops->eap_input(e->ctx, a->eap, token, packet.p, packet.len); // the SA may be over when this returns
    else
        fails(sa, "no memory");
}

void ike_eap_begin(struct ike_sa *sa, struct ike_bytes packet)
{
    struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    a->eap = e->ops->eap_begin ? e->ops->eap_begin(e->ctx, sa->profile, !sa->initiator, sa->remote_id) : NULL;
    if (a->eap == NULL)
        fails(sa, "no EAP method for this peer");
    else
        ike_eap_next(sa, packet);
}

// The responder sends what the method says, the first time with its identity and AUTH.
static bool send_response(struct ike_sa *sa, const struct ike_eap_answer *answer)
{
    struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    struct ike_build b;
    ike_build_chain(&b, e->chain, IKE_MAX_MESSAGE);
    if (!a->greeted)
        ike_auth_put(sa, &b, IKE_P_IDR);
    a->greeted = true;
    if (answer->packet)
        ike_put_raw(&b, IKE_P_EAP, answer->packet, answer->len);
    return ike_send_response(sa, &b);
}

// EAP has succeeded: its key, if there is one, and its identity.
static bool take_success(struct ike_sa *sa, const struct ike_eap_answer *answer)
{
    struct ike_engine *e = sa->e;
    struct ike_auth *a = sa->auth;
    if (answer->msk_len > IKE_MAX_PSK || (a->eap_only && answer->msk_len == 0))
        return false;
    a->msk = ike_copy(e, answer->msk, answer->msk_len);
    a->msk_len = answer->msk_len;
    a->eap_done = true;
    free(sa->eap_id);
    sa->eap_id =
        answer->identity ? ike_id_new(answer->identity->type, answer->identity->data, answer->identity->len) : NULL;
    return a->msk != NULL || answer->msk_len == 0;
}

static void responder_answer(struct ike_sa *sa, const struct ike_eap_answer *answer)
{
    struct ike_engine *e = sa->e;
    if (answer->code == IKE_EAP_FAILURE) {
        char id[128];
        e->stats.auth_failures++;
        ike_sa_log(sa, IKE_LOG_WARN, "%s: EAP failed", ike_id_format(sa->remote_id, id, sizeof(id)));
        if (answer->packet)
            (void)send_response(sa, answer);
        else
            ike_send_notify(sa, IKE_N_AUTH_FAILED, NULL, 0);
        ike_sa_close(sa, IKE_R_AUTH_FAILED, true);
        return;
    }
    if (answer->packet == NULL || (answer->code == IKE_EAP_SUCCESS && !take_success(sa, answer))) {
        ike_auth_refuse(sa, "the EAP method does not serve");
        return;
    }
    if (!send_response(sa, answer)) {
        ike_sa_close(sa, IKE_R_RESOURCES, false);
        return;
    }
    if (answer->code == IKE_EAP_SUCCESS)
        ike_eap_end(sa);
    ike_timer_start(e, &sa->life, (uint64_t)e->limits.half_open_s * IKE_SECOND); // it goes on: as long again
}

static void initiator_answer(struct ike_sa *sa, const struct ike_eap_answer *answer)
{
    switch (answer->code) {
    case IKE_EAP_CONTINUE:
        if (answer->packet)
            ike_auth_send_eap(sa, answer->packet, answer->len);
        else
            ike_auth_fails(sa, "the EAP method has no answer");
        break;
    case IKE_EAP_SUCCESS:
        if (take_success(sa, answer)) {
            ike_eap_end(sa);
            ike_auth_send_eap(sa, NULL, 0);
        } else {
            ike_auth_fails(sa, "the responder has proved itself by an EAP method that makes no key");
        }
        break;
    case IKE_EAP_FAILURE:
        if (sa->auth->eap_code != EAP_CODE_FAILURE) { // the responder waits, and must be told
            ike_auth_fails(sa, "EAP: the method refuses the responder");
            break;
        }
        sa->e->stats.auth_failures++;
        ike_sa_log(sa, IKE_LOG_WARN, "EAP failed");
        ike_sa_close(sa, IKE_R_AUTH_FAILED, false);
        break;
    }
}

void ike_eap_answer(struct ike_engine *e, uint64_t token, const struct ike_eap_answer *answer, uint64_t now)
{
    ike_enter(e, now);
    struct ike_sa *sa = ike_auth_awaited(e, token);
    if (sa && sa->initiator)
        initiator_answer(sa, answer);
    else if (sa)
        responder_answer(sa, answer);
    ike_leave(e);
}
