// SPDX-License-Identifier: BSD-2-Clause
// Choosing algorithms (RFC 7296 2.7, 3.3) and narrowing traffic selectors (2.9).
#ifndef CULVERT_IKE_PROPOSAL_H
#define CULVERT_IKE_PROPOSAL_H

#include "hostd/ike/ike_codec.h"

/// What was chosen out of an SA payload.
struct ike_chosen {
    struct ike_suite suite;
    uint8_t number;  ///< of the peer's proposal
    uint8_t spi[8];  ///< as the peer sent it
    uint8_t spi_len; ///< of that proposal
};

/// How the group of a key exchange is judged.
enum ike_group_rule {
    IKE_GROUP_NONE, ///< first CHILD SA: groups are ignored
    IKE_GROUP_NEED, ///< one of ours (IKE; CHILD with PFS)
    IKE_GROUP_ANY,  ///< any that we implement, or none at all (CHILD without PFS of our own)
};

/// Choose by our order of preference: the first of our proposals that fits one of the peer's. `prefer_group` (or 0) is
/// the group of the KE payload that came along; if it is acceptable it wins over others, which saves a round trip.
/// spi_len is what the protocol demands. false: nothing in common.
bool ike_choose(const struct ike_proposal *ours, size_t n, struct ike_bytes sa, uint8_t proto, uint8_t spi_len,
                enum ike_group_rule rule, uint16_t prefer_group, struct ike_chosen *out);
/// The initiator's check of the answer: exactly one proposal, with one transform a kind, all of which we offered.
bool ike_check_choice(const struct ike_proposal *ours, size_t n, struct ike_bytes sa, uint8_t proto, uint8_t spi_len,
                      bool no_group, struct ike_chosen *out);
/// Protocol of the first proposal (0: none), to tell an IKE rekey from a CHILD SA.
uint8_t ike_first_proto(struct ike_bytes sa);
/// Is the group in one of the proposals?
bool ike_group_offered(const struct ike_proposal *ours, size_t n, uint16_t group);

/// The ranges that both lists allow, in the order of `want`: at most max; the number of them.
size_t ike_ts_narrow(const struct ike_ts *want, size_t n_want, const struct ike_ts *allow, size_t n_allow,
                     struct ike_ts *out, size_t max);
/// Does every range of `part` lie within one of `whole`?
bool ike_ts_within(const struct ike_ts *part, size_t n_part, const struct ike_ts *whole, size_t n_whole);
/// What dynamic entries stand for: an address of each family, none (family 0), or any (one is being asked for).
struct ike_ts_addrs {
    struct ip_addr v4, v6;
    bool any4, any6;
    struct ip_addr outer; ///< of the end itself
    bool outer_any;       ///< which is behind a NAT and knows itself by another
};
/// Replace dynamic entries, each by one or two, and those of the outer address; the entries stay in order. The number
/// written to out[max].
size_t ike_ts_resolve(const struct ike_ts *in, size_t n, const struct ike_ts_addrs *addrs, struct ike_ts *out,
                      size_t max);

#endif
