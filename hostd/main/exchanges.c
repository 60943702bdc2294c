// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/exchanges.h"

#include "hostd/ike/ike_codec.h"

void exchanges_count(struct exchanges *x, bool sent, const uint8_t *msg, size_t len)
{
    struct ike_header h;
    bool known =
        ike_header_decode(msg, len, &h) && h.exchange >= IKE_X_SA_INIT && h.exchange < IKE_X_SA_INIT + EXCHANGE_KINDS;
    if (!known) {
        x->other_in += !sent;
        return;
    }
    unsigned i = h.exchange - IKE_X_SA_INIT;
    if (h.flags & IKE_F_RESPONSE) {
        (*(sent ? &x->out[i].responses : &x->in[i].responses))++;
    } else {
        (*(sent ? &x->out[i].requests : &x->in[i].requests))++;
    }
}

const char *exchanges_name(unsigned i)
{
    return ike_name(IKE_NAMES_EXCHANGE, IKE_X_SA_INIT + i);
}
