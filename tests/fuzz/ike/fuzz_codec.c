// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: the IKEv2 codec. What decodes must also stand being walked through; the first byte picks the first
// payload's type.
#include "hostd/ike/ike_codec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_proposals(struct ike_bytes sa)
{
    struct ike_proposals_in it;
    struct ike_proposal_in prop;
    struct ike_transform_in t;
    ike_proposals_begin(&it, sa);
    while (ike_proposals_next(&it, &prop)) {
        while (ike_transform_next(&prop, &t))
            continue;
    }
    // The codec accepted it: the walk must agree.
    if (!buf_ok(&it.b))
        abort();
}

// What was read can be written, and reads the same again.
static void again_cp(struct ike_bytes attrs, struct ike_cp_values *v)
{
    static uint8_t mem[3 * IKE_MAX_CP];
    static struct ike_cp_values w;
    struct wbuf out;
    if (!ike_cp_decode(attrs, v))
        abort();
    wbuf_init(&out, mem, sizeof(mem));
    ike_cp_encode(&out, IKE_CP_REPLY, v, IKE_ASK_ALL);
    if (!wbuf_ok(&out) || !ike_cp_decode((struct ike_bytes){mem, out.len}, &w) || w.n_subnet != v->n_subnet ||
        w.n_exclude != v->n_exclude || w.n_dns != v->n_dns || strcmp(w.split_dns, v->split_dns) != 0 ||
        strcmp(w.domain, v->domain) != 0 || strcmp(w.backup, v->backup) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ike_payloads p;
    struct ike_header h;
    struct ike_ts ts[IKE_MAX_TS];
    struct ike_cp_values cp;
    (void)ike_header_decode(data, size, &h);
    if (size < 1)
        return 0;
    if (ike_payloads_decode(data[0], data + 1, size - 1, &p) != IKE_DECODE_OK)
        return 0;
    if (p.sa.p)
        walk_proposals(p.sa);
    if (p.tsi.p && ike_ts_decode(p.tsi, ts, IKE_MAX_TS) < 0)
        abort();
    if (p.tsr.p && ike_ts_decode(p.tsr, ts, 3) < 0)
        abort();
    if (p.cp.attrs.p)
        again_cp(p.cp.attrs, &cp);
    for (uint32_t i = 0; i < p.n_delete; i++) {
        struct buf b;
        buf_init(&b, p.del[i].spis, (size_t)p.del[i].spi_size * p.del[i].count);
        for (unsigned k = 0; k < p.del[i].count; k++)
            (void)buf_u32(&b);
        if (!buf_ok(&b))
            abort();
    }
    return 0;
}
