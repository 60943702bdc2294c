// SPDX-License-Identifier: BSD-2-Clause
// The configuration payload (RFC 7296 2.19): addresses for remote hosts.
#include "hostd/ike/ike_int.h"

uint16_t ike_cp_assign(struct ike_sa *sa, const struct ike_payloads *p)
{
    struct ike_engine *e = sa->e;
    struct ike_cp_values wanted;
    bool asked = false;
    if (p->cp.attrs.p == NULL || p->cp.type != IKE_CP_REQUEST)
        return 0;
    if (!ike_cp_decode(p->cp.attrs, &wanted, &asked) || !asked || !sa->profile->cp_assign)
        return 0;
    sa->cp = ike_zalloc(e, sizeof(*sa->cp));
    if (sa->cp == NULL || e->ops->addr_alloc == NULL ||
        e->ops->addr_alloc(e->ctx, sa->session, sa->profile, sa->remote_id, &wanted.address, sa->cp) != 0) {
        ike_sa_log(sa, IKE_LOG_WARN, "no address for the peer");
        free(sa->cp);
        sa->cp = NULL;
        return IKE_N_ADDRESS_FAILURE;
    }
    sa->cp_from_pool = true;
    return 0;
}

void ike_cp_take(struct ike_sa *sa, const struct ike_payloads *p)
{
    bool asked;
    if (!sa->profile->cp_request || p->cp.attrs.p == NULL || p->cp.type != IKE_CP_REPLY)
        return;
    sa->cp = ike_zalloc(sa->e, sizeof(*sa->cp));
    if (sa->cp)
        (void)ike_cp_decode(p->cp.attrs, sa->cp, &asked);
}

void ike_cp_release(struct ike_sa *sa)
{
    if (sa->cp && sa->cp_from_pool && sa->e->ops->addr_free)
        sa->e->ops->addr_free(sa->e->ctx, sa->session, sa->profile, &sa->cp->address);
    sa->cp_from_pool = false;
}
