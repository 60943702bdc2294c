// SPDX-License-Identifier: BSD-2-Clause
// Post-quantum pre-shared keys (RFC 8784): SK_d, SK_pi and SK_pr are made again out of themselves and a key that both
// sides have had beforehand, so that who breaks the key exchange one day has nothing of it.
//   HDR, SAi1, KEi, Ni, N(USE_PPK)  -->  <--  HDR, SAr1, KEr, Nr, N(USE_PPK)
//   HDR, SK {IDi, AUTH, SAi2, ..., N(PPK_IDENTITY, id), [N(NO_PPK_AUTH, AUTH without it)]}  -->
//                                   <--  HDR, SK {IDr, AUTH, SAr2, ..., [N(PPK_IDENTITY)]}
// With EAP, AUTH of both sides at the end is the one with the key in it, and the notifies go with it.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

enum { PPK_ID_FIXED = 2 }; // the name is in both configurations (RFC 8784 5.1)

struct ike_ppk_state {
    struct ike_ppk ppk;
    struct ike_keys plain; ///< without the key mixed in
    bool mixed, taken;     ///< SK_d has it; the initiator's id was found
    uint8_t no_ppk[4096];  ///< AUTH data without the key
    size_t no_ppk_len;
    ike_auth_then *then;
};

static struct ike_ppk_state *state_of(struct ike_sa *sa)
{
    struct ike_ext *x = ike_ext(sa);
    if (x && x->ppk == NULL)
        x->ppk = ike_zalloc(sa->e, sizeof(*x->ppk));
    return x ? x->ppk : NULL;
}

void ike_ppk_free(struct ike_sa *sa)
{
    if (sa->ext == NULL || sa->ext->ppk == NULL)
        return;
    OPENSSL_cleanse(sa->ext->ppk, sizeof(*sa->ext->ppk));
    free(sa->ext->ppk);
    sa->ext->ppk = NULL;
}

// The key of this name, or (NULL) the one for this peer.
static bool find(struct ike_sa *sa, const struct ike_id *remote, const void *id, size_t len, struct ike_ppk *out)
{
    const struct ike_ops *ops = sa->e->ops;
    return ops->ppk && ops->ppk(sa->e->ctx, sa->profile, &sa->path, remote, id, len, out);
}

// SK_d = prf+(PPK, SK_d'), and the same with SK_pi and SK_pr (RFC 8784 section 3).
static bool mix(struct ike_sa *sa, struct ike_ppk_state *s)
{
    struct ike_engine *e = sa->e;
    const size_t len = ike_prf_len(sa->suite.prf);
    s->plain = sa->keys;
    const struct ike_bytes d = {s->plain.d, len}, pi = {s->plain.pi, len}, pr = {s->plain.pr, len};
    s->mixed = ike_prf_plus(e->crypto, sa->suite.prf, s->ppk.key, s->ppk.key_len, &d, 1, sa->keys.d, len) &&
               ike_prf_plus(e->crypto, sa->suite.prf, s->ppk.key, s->ppk.key_len, &pi, 1, sa->keys.pi, len) &&
               ike_prf_plus(e->crypto, sa->suite.prf, s->ppk.key, s->ppk.key_len, &pr, 1, sa->keys.pr, len);
    return s->mixed;
}

// ---------------------------------------------------------------------------------------------- IKE_SA_INIT

void ike_ppk_put_init(struct ike_sa *sa, struct ike_build *b)
{
    struct ike_ppk ppk;
    if (sa->initiator ? find(sa, sa->profile->remote_id, NULL, 0, &ppk) : sa->use_ppk)
        ike_put_notify(b, IKE_N_USE_PPK, NULL, 0);
    OPENSSL_cleanse(&ppk, sizeof(ppk));
}

void ike_ppk_take_init(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_ppk ppk;
    // Who it is we do not know yet: whoever proposes it is asked for its name.
    sa->use_ppk = ike_find_notify(p, IKE_N_USE_PPK) && find(sa, NULL, NULL, 0, &ppk);
    OPENSSL_cleanse(&ppk, sizeof(ppk));
}

bool ike_ppk_init_answer(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_ppk_state *s;
    struct ike_ppk ppk;
    bool ok = true;
    if (find(sa, sa->profile->remote_id, NULL, 0, &ppk)) {
        sa->use_ppk = ike_find_notify(p, IKE_N_USE_PPK) != NULL;
        s = sa->use_ppk ? state_of(sa) : NULL;
        if (s)
            s->ppk = ppk;
        ok = s || !ppk.required;
        sa->e->stats.ppk_missing += s == NULL;
        if (!ok)
            ike_sa_log(sa, IKE_LOG_WARN, "the responder has no post-quantum keys, and one is required");
    }
    OPENSSL_cleanse(&ppk, sizeof(ppk));
    return ok;
}

// ---------------------------------------------------------------------------------------------- initiator

static void made_without(struct ike_sa *sa, bool ok)
{
    struct ike_ppk_state *s = sa->ext->ppk;
    const struct ike_auth *a = sa->auth;
    if (ok && a->own_len <= sizeof(s->no_ppk)) {
        memcpy(s->no_ppk, a->own, a->own_len);
        s->no_ppk_len = a->own_len;
        ok = mix(sa, s);
    } else {
        ok = false;
    }
    if (ok)
        ike_auth_make(sa, s->then);
    else
        s->then(sa, false);
}

void ike_ppk_make_auth(struct ike_sa *sa, ike_auth_then *then)
{
    struct ike_ppk_state *s = sa->ext ? sa->ext->ppk : NULL;
    if (s == NULL || s->mixed) {
        ike_auth_make(sa, then);
        return;
    }
    s->then = then;
    if (!s->ppk.required)
        ike_auth_make(sa, made_without);
    else if (mix(sa, s))
        ike_auth_make(sa, then);
    else
        then(sa, false);
}

void ike_ppk_put_auth(struct ike_sa *sa, struct ike_build *b)
{
    const struct ike_ppk_state *s = sa->ext ? sa->ext->ppk : NULL;
    uint8_t data[1 + IKE_MAX_PPK];
    if (s == NULL || !s->mixed)
        return;
    if (!sa->initiator) {
        ike_put_notify(b, IKE_N_PPK_IDENTITY, NULL, 0);
        return;
    }
    data[0] = PPK_ID_FIXED;
    memcpy(data + 1, s->ppk.id, s->ppk.id_len);
    ike_put_notify(b, IKE_N_PPK_IDENTITY, data, 1u + s->ppk.id_len);
    if (s->no_ppk_len)
        ike_put_notify(b, IKE_N_NO_PPK_AUTH, s->no_ppk, s->no_ppk_len);
}

static void used(struct ike_sa *sa)
{
    sa->ppk = true;
    sa->e->stats.ppk_used++;
}

const char *ike_ppk_answer(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_ppk_state *s = sa->ext ? sa->ext->ppk : NULL;
    if (s == NULL || !s->mixed || s->taken)
        return NULL;
    if (ike_find_notify(p, IKE_N_PPK_IDENTITY)) {
        s->taken = true;
        used(sa);
        return NULL;
    }
    sa->e->stats.ppk_missing++;
    if (s->ppk.required)
        return "the responder did not take our post-quantum key";
    ike_sa_log(sa, IKE_LOG_WARN, "the responder does not know our post-quantum key: going on without");
    sa->keys = s->plain;
    s->mixed = false;
    return NULL;
}

// ---------------------------------------------------------------------------------------------- responder

const char *ike_ppk_request(struct ike_sa *sa, struct ike_payloads *p)
{
    const struct ike_notify_in *name = ike_find_notify(p, IKE_N_PPK_IDENTITY);
    const struct ike_notify_in *without = ike_find_notify(p, IKE_N_NO_PPK_AUTH);
    struct ike_ppk expected;
    const bool expect = find(sa, sa->remote_id, NULL, 0, &expected);
    const bool required = expect && expected.required;
    OPENSSL_cleanse(&expected, sizeof(expected));
    if (sa->use_ppk && name && name->data.len >= 2) {
        struct ike_ppk_state *s = state_of(sa);
        if (s == NULL)
            return "no memory";
        if (s->mixed)
            return NULL;
        if (name->data.p[0] == PPK_ID_FIXED && find(sa, sa->remote_id, name->data.p + 1, name->data.len - 1, &s->ppk)) {
            if (!mix(sa, s))
                return "no memory";
            used(sa);
            return NULL;
        }
    }
    sa->e->stats.ppk_missing += sa->use_ppk || required;
    if (required)
        return "it has not the post-quantum key that is required";
    if (sa->use_ppk && name) { // it used a key that we do not have
        if (without == NULL)
            return "its post-quantum key is not known here";
        p->auth.data = without->data;
    }
    return NULL;
}
