// SPDX-License-Identifier: BSD-2-Clause
// Choosing algorithms; see ike_proposal.h.
#include "hostd/ike/ike_proposal.h"

#include "hostd/ike/ike_crypto.h"

#include <string.h>

// What one proposal of the peer offers, reduced to what we know. Masks have bit i for the i-th entry of our own lists.
struct offer {
    uint32_t encr, prf, integ, group;
    bool esn_yes, esn_no, any_esn;
    bool integ_none, any_integ; ///< offers NONE; has integrity transforms at all
    bool any_group, group_none;
    uint16_t known_group; ///< the first group that we implement and is not a legacy, or the preferred one
    bool alien;           ///< has a transform type that we do not know: cannot be accepted (RFC 7296 3.3.6)
};

static void note_group(struct offer *o, const struct ike_proposal *ours, uint16_t id, uint16_t prefer)
{
    o->any_group = true;
    if (id == IKE_DH_NONE)
        o->group_none = true;
    for (unsigned i = 0; i < ours->n_group; i++)
        o->group |= ours->group[i] == id ? 1u << i : 0;
    if (ike_dh_public_len(id) > 0 && !ike_is_legacy(IKE_NAMES_GROUP, id) && (o->known_group == 0 || id == prefer))
        o->known_group = id;
}

static void note(struct offer *o, const struct ike_proposal *ours, const struct ike_transform_in *t, uint16_t prefer)
{
    // RFC 7296 3.3.5: a key length is said where there is a choice of them, and nowhere else. A transform that says it
    // wrongly, or has an attribute unknown to us, is as if it were not there.
    const bool plain = !t->unknown_attr && t->bits == 0;
    switch (t->type) {
    case IKE_T_ENCR:
        for (unsigned i = 0; i < ours->n_encr; i++)
            o->encr |= ours->encr[i].id == t->id && ours->encr[i].bits == t->bits && !t->unknown_attr ? 1u << i : 0;
        break;
    case IKE_T_PRF:
        for (unsigned i = 0; i < ours->n_prf; i++)
            o->prf |= ours->prf[i] == t->id && plain ? 1u << i : 0;
        break;
    case IKE_T_INTEG:
        o->any_integ = true;
        o->integ_none |= t->id == IKE_INTEG_NONE;
        for (unsigned i = 0; i < ours->n_integ; i++)
            o->integ |= ours->integ[i] == t->id && plain ? 1u << i : 0;
        break;
    case IKE_T_DH:
        if (plain)
            note_group(o, ours, t->id, prefer);
        break;
    case IKE_T_ESN:
        o->any_esn = true;
        o->esn_yes |= t->id == IKE_ESN_YES && plain;
        o->esn_no |= t->id == IKE_ESN_NO && plain;
        break;
    default:
        o->alien = true;
        break;
    }
}

// Index of the lowest bit, or -1.
static int lowest(uint32_t mask)
{
    return mask ? __builtin_ctz(mask) : -1;
}

static bool choose_group(const struct ike_proposal *ours, const struct offer *o, enum ike_group_rule rule,
                         uint16_t prefer, uint16_t *out)
{
    *out = IKE_DH_NONE;
    if (rule == IKE_GROUP_NONE)
        return true;
    if (rule == IKE_GROUP_ANY) {
        if (!o->any_group)
            return true;
        // With a choice between a group and none, the peer's KE payload tells which it prepared for.
        if (o->group_none && (prefer == IKE_DH_NONE || o->known_group != prefer))
            return true;
        *out = o->known_group;
        return o->known_group != 0;
    }
    if (o->group == 0)
        return false;
    *out = ours->group[lowest(o->group)];
    // A round trip is worth less than a group that is safe, where both have one and we would rather.
    const bool worse = ike_is_legacy(IKE_NAMES_GROUP, prefer) && !ike_is_legacy(IKE_NAMES_GROUP, *out);
    for (unsigned i = 0; i < ours->n_group; i++) {
        if (o->group & 1u << i && ours->group[i] == prefer && !worse)
            *out = prefer;
    }
    return true;
}

// Does one of our proposals fit one of the peer's? If so the suite is filled in.
static bool fit(const struct ike_proposal *ours, struct ike_proposal_in theirs, uint8_t proto, enum ike_group_rule rule,
                uint16_t prefer, struct ike_suite *s)
{
    struct offer o;
    struct ike_transform_in t;
    memset(&o, 0, sizeof(o));
    memset(s, 0, sizeof(*s));
    while (ike_transform_next(&theirs, &t))
        note(&o, ours, &t, prefer);
    if (o.alien || o.encr == 0)
        return false;
    const struct ike_cipher *cipher = &ours->encr[lowest(o.encr)];
    s->encr = cipher->id;
    s->encr_bits = cipher->bits;
    if (ike_encr_is_aead(s->encr)) {
        if (o.any_integ && !o.integ_none)
            return false; // RFC 5282 8: no integrity algorithm goes with it
    } else if (o.integ == 0) {
        return false;
    } else {
        s->integ = ours->integ[lowest(o.integ)];
    }
    if (proto == IKE_PROTO_IKE) {
        if (o.prf == 0)
            return false;
        s->prf = ours->prf[lowest(o.prf)];
    } else {
        // Absent means ordinary sequence numbers: some leave it out.
        const bool peer_no = o.esn_no || !o.any_esn;
        if (ours->esn_yes && o.esn_yes)
            s->esn = true;
        else if (!(ours->esn_no && peer_no))
            return false;
    }
    return choose_group(ours, &o, rule, prefer, &s->group);
}

bool ike_choose(const struct ike_proposal *ours, size_t n, struct ike_bytes sa, uint8_t proto, uint8_t spi_len,
                enum ike_group_rule rule, uint16_t prefer_group, struct ike_chosen *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        struct ike_proposals_in it;
        struct ike_proposal_in theirs;
        const enum ike_group_rule r = rule == IKE_GROUP_ANY && ours[i].n_group > 0 ? IKE_GROUP_NEED : rule;
        ike_proposals_begin(&it, sa);
        while (ike_proposals_next(&it, &theirs)) {
            if (theirs.proto != proto || theirs.spi.len != spi_len ||
                !fit(&ours[i], theirs, proto, r, prefer_group, &out->suite))
                continue;
            out->number = theirs.number;
            out->spi_len = spi_len;
            if (spi_len)
                memcpy(out->spi, theirs.spi.p, spi_len);
            return true;
        }
    }
    return false;
}

bool ike_check_choice(const struct ike_proposal *ours, size_t n, struct ike_bytes sa, uint8_t proto, uint8_t spi_len,
                      bool no_group, struct ike_chosen *out)
{
    struct ike_proposals_in it;
    struct ike_proposal_in p, copy;
    struct ike_transform_in t;
    unsigned seen[6] = {0};
    ike_proposals_begin(&it, sa);
    if (!ike_proposals_next(&it, &p) || !it.done)
        return false;
    copy = p;
    while (ike_transform_next(&copy, &t)) {
        if (t.type < 6 && ++seen[t.type] > 1)
            return false;
    }
    if (p.number == 0 || p.number > n || p.proto != proto || p.spi.len != spi_len)
        return false;
    memset(out, 0, sizeof(*out));
    // Whatever number the peer wrote, the algorithms must be those of that proposal of ours.
    const struct ike_proposal *mine = &ours[p.number - 1];
    enum ike_group_rule rule =
        no_group || (proto == IKE_PROTO_ESP && mine->n_group == 0) ? IKE_GROUP_NONE : IKE_GROUP_NEED;
    if (!fit(mine, p, proto, rule, 0, &out->suite))
        return false;
    out->number = p.number;
    out->spi_len = spi_len;
    if (spi_len)
        memcpy(out->spi, p.spi.p, spi_len);
    return true;
}

uint8_t ike_first_proto(struct ike_bytes sa)
{
    struct ike_proposals_in it;
    struct ike_proposal_in p;
    ike_proposals_begin(&it, sa);
    return ike_proposals_next(&it, &p) ? p.proto : 0;
}

bool ike_group_offered(const struct ike_proposal *ours, size_t n, uint16_t group)
{
    for (size_t i = 0; i < n; i++) {
        for (unsigned k = 0; k < ours[i].n_group; k++) {
            if (ours[i].group[k] == group)
                return true;
        }
    }
    return false;
}
