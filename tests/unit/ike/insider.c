// SPDX-License-Identifier: BSD-2-Clause
// Messages of a peer that knows the keys; see insider.h.
#include "tests/unit/ike/insider.h"

struct ike_sa *insider_sa(struct lab_node *n)
{
    for (struct ike_sa *sa = n->e->sas; sa; sa = sa->next) {
        if (sa->have_keys)
            return sa;
    }
    return NULL;
}

bool insider_send(struct lab *lab, int from, const struct insider_says *says, uint8_t first, const uint8_t *chain,
                  size_t len)
{
    static uint8_t msg[IKE_MAX_MESSAGE];
    struct lab_node *to = &lab->node[1 - from];
    struct ike_sa *sa = insider_sa(&lab->node[from]), *its = insider_sa(to);
    struct ike_build b;
    uint8_t iv[16];
    if (sa == NULL || its == NULL)
        return false;
    const uint32_t due = !says->response ? its->next_in : its->task ? its->task->mid : its->next_out;
    const struct ike_header h = {
        .spi_i = sa->spi_i,
        .spi_r = sa->spi_r,
        .exchange = says->exchange,
        .flags = (uint8_t)((sa->initiator ? IKE_F_INITIATOR : 0) | (says->response ? IKE_F_RESPONSE : 0)),
        .mid = due + (uint32_t)says->mid,
    };
    ike_build_message(&b, msg, sizeof(msg), &h);
    ike_build_begin(&b, says->fragments ? IKE_P_SKF : IKE_P_SK);
    const size_t head = b.open;
    if (says->fragments) {
        wbuf_u16(&b.w, says->fragment);
        wbuf_u16(&b.w, says->fragments);
    }
    const size_t aad = b.w.len;
    wbuf_zeros(&b.w, ike_sealed_len(&sa->suite, len));
    ike_build_end(&b);
    wbuf_patch_u8(&b.w, head, first);
    const size_t total = ike_build_finish(&b);
    for (size_t i = 0; i < sizeof(iv); i++)
        iv[i] = (uint8_t)lab_random(&lab->seed);
    if (total == 0 || !ike_seal(lab->node[from].e->crypto, &sa->suite, sa->initiator ? sa->keys.ei : sa->keys.er,
                                sa->initiator ? sa->keys.ai : sa->keys.ar, msg, aad, chain, len, iv))
        return false;
    if (says->broken_tag)
        msg[total - 1] ^= 1;
    // The other node's own view of the path, whatever NATs there are.
    const struct ike_path path = its->path;
    uint8_t *copy = malloc(total); // of its exact size: reading past it is seen
    if (copy == NULL)
        return false;
    memcpy(copy, msg, total);
    ike_input(to->e, &path, copy, total, lab->now);
    free(copy);
    return true;
}

bool insider_say(struct lab *lab, int from, const struct insider_says *says, const struct ike_build *b)
{
    return wbuf_ok(&b->w) && insider_send(lab, from, says, b->first, b->w.data, b->w.len);
}
