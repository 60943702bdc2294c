// SPDX-License-Identifier: BSD-2-Clause
// A peer that knows the keys and breaks the rules: what it says is protected as the node's own machine would protect
// it, so that it reaches what lies behind the cryptography of the other one.
#ifndef CULVERT_TESTS_IKE_INSIDER_H
#define CULVERT_TESTS_IKE_INSIDER_H

#include "hostd/ike/ike_int.h"
#include "tests/unit/ike/lab.h"

/// What is said, apart from the payloads.
struct insider_says {
    uint8_t exchange;
    bool response;
    int mid;                      ///< away from the message id that is due
    uint16_t fragment, fragments; ///< 0: whole
    bool broken_tag;
};

/// The newest SA of a node that has keys, or NULL.
struct ike_sa *insider_sa(struct lab_node *n);
/// Node `from` sends these payloads, the first of type `first`, under the keys of its SA. It reaches the other node at
/// once. false: there is no SA with keys.
bool insider_send(struct lab *lab, int from, const struct insider_says *says, uint8_t first, const uint8_t *chain,
                  size_t len);
/// The same with a chain that was built by ike_put_*.
bool insider_say(struct lab *lab, int from, const struct insider_says *says, const struct ike_build *b);

#endif
