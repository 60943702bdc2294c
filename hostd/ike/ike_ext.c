// SPDX-License-Identifier: BSD-2-Clause
// The extension state of an IKE SA, and the notifies of IKE_AUTH that the extensions have.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

struct ike_ext *ike_ext(struct ike_sa *sa)
{
    if (sa->ext == NULL) {
        sa->ext = ike_zalloc(sa->e, sizeof(*sa->ext));
        if (sa->ext)
            sa->ext->sa = sa;
    }
    return sa->ext;
}

void ike_ext_free(struct ike_sa *sa)
{
    if (sa->ext == NULL)
        return;
    ike_window_free(sa);
    ike_resume_free(sa);
    ike_redirect_forget(sa);
    ike_ppk_free(sa);
    OPENSSL_cleanse(sa->ext, sizeof(*sa->ext));
    free(sa->ext);
    sa->ext = NULL;
}

bool ike_ext_inherit(struct ike_sa *to, const struct ike_sa *from)
{
    const struct ike_ext *old = from->ext;
    to->mobike = from->mobike;
    to->origin = from->origin;
    to->peer_redirect = from->peer_redirect;
    to->ppk = from->ppk;
    to->resumed = from->resumed;
    if (old == NULL)
        return true;
    struct ike_ext *x = ike_ext(to);
    if (x == NULL)
        return false;
    memcpy(x->extra, old->extra, sizeof(x->extra));
    x->n_extra = old->n_extra;
    x->reauth_at = old->reauth_at;
    x->auth_until = old->auth_until;
    x->n_redirects = old->n_redirects;
    x->redirect_since = old->redirect_since;
    return true;
}

void ike_ext_put_auth(struct ike_sa *sa, struct ike_build *b)
{
    ike_window_put(sa, b);
    ike_mobike_put_auth(sa, b);
    ike_successor_put_auth(sa, b);
    ike_reauth_put(sa, b);
    ike_resume_put_auth(sa, b);
    ike_ppk_put_auth(sa, b);
}

void ike_ext_take_auth(struct ike_sa *sa, const struct ike_payloads *p)
{
    ike_window_take(sa, p);
    ike_mobike_take_auth(sa, p);
    ike_reauth_begin(sa, p);
    ike_resume_take_auth(sa, p);
}
