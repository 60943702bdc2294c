// SPDX-License-Identifier: BSD-2-Clause
// Reassembly of fragmented messages (RFC 7383 2.6). Each fragment is authentic before it comes here; memory is bounded
// by the longest message that we accept of this peer.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

void ike_frags_free(struct ike_sa *sa, struct ike_frags **set)
{
    struct ike_frags *f = *set;
    if (f == NULL)
        return;
    for (unsigned i = 0; i < IKE_MAX_FRAGMENTS; i++) {
        if (f->part[i].p)
            OPENSSL_clear_free(f->part[i].p, f->part[i].len);
    }
    ike_half_discharge(sa, f->charged);
    free(f);
    *set = NULL;
}

// The set of fragments that this one belongs to: the one at hand, or a new one. NULL: it does not belong.
static struct ike_frags *set_for(struct ike_sa *sa, struct ike_frags **set, const struct ike_header *h,
                                 const struct ike_payloads *p)
{
    struct ike_frags *f = *set;
    if (f && f->mid == h->mid) {
        if (f->total == p->fragments)
            return f;
        if (p->fragments < f->total)
            return NULL; // left over from before the peer cut the message smaller
    }
    ike_frags_free(sa, set);
    *set = f = ike_zalloc(sa->e, sizeof(*f));
    if (f) {
        f->mid = h->mid;
        f->total = p->fragments;
    }
    return f;
}

int ike_frags_add(struct ike_sa *sa, struct ike_frags **set, const struct ike_header *h, const struct ike_payloads *p,
                  const uint8_t *plain, size_t plain_len, size_t *len, uint8_t *first)
{
    const size_t most = sa->state == IKE_S_ESTABLISHED ? IKE_MAX_MESSAGE : IKE_MAX_MESSAGE_AUTH;
    if (p->fragments > IKE_MAX_FRAGMENTS || (p->fragment == 1) != (p->sk_first != IKE_P_NONE))
        return -1;
    struct ike_frags *f = set_for(sa, set, h, p);
    if (f == NULL)
        return -1;
    const unsigned at = p->fragment - 1u;
    if (f->part[at].p)
        return 0; // have it
    const size_t cost = plain_len + 1 + (f->have ? 0 : sizeof(*f));
    if (f->bytes + plain_len > most || !ike_half_charge(sa, cost))
        return -1;
    f->charged += sa->half_open ? cost : 0;
    // One byte more, so that an empty fragment has memory too. OpenSSL's allocator, for the wiping.
    f->part[at].p = OPENSSL_malloc(plain_len + 1);
    if (f->part[at].p == NULL)
        return -1;
    memcpy(f->part[at].p, plain, plain_len);
    f->part[at].len = (uint16_t)plain_len;
    f->bytes += plain_len;
    f->have++;
    if (at == 0)
        f->first = p->sk_first;
    if (f->have < f->total)
        return 0;
    *len = 0;
    *first = f->first;
    for (unsigned i = 0; i < f->total; i++) {
        memcpy(sa->e->plain + *len, f->part[i].p, f->part[i].len);
        *len += f->part[i].len;
    }
    ike_frags_free(sa, set);
    return 1;
}
