// SPDX-License-Identifier: BSD-2-Clause
// An authenticator and a supplicant in one process: each packet is shown to the test, which may change it.
#ifndef CULVERT_TESTS_EAP_LAB_H
#define CULVERT_TESTS_EAP_LAB_H

#include "hostd/eap/eap_codec.h"
#include "hostd/eap/eap_legacy.h"
#include "hostd/eap/eap_machine.h"

struct pair {
    struct eap_settings server, peer;
    const char *id;            ///< IKE identity of the supplicant
    const char *user, *secret; ///< the one user that the server knows
    struct eap_machine *s, *p;
    enum eap_step s_end, p_end; ///< verdicts
    unsigned packets, checks;
    const char *revoked; ///< what is said of certificates where settings ask; NULL: good
    size_t longest;
    uint8_t types[64]; ///< type of each packet, both directions
    /// May change a packet on its way. false: it is not delivered, the run ends.
    bool (*hook)(struct pair *pr, bool to_peer, uint8_t *packet, size_t *len);
    void *arg;
};

/// A hook, and its `arg`: of the packet of this number, from 0, one byte is changed.
struct pair_flip {
    unsigned packet;
    size_t at;
    uint8_t bits;
    bool applied; ///< there was such a byte
};
bool pair_flip(struct pair *pr, bool to_peer, uint8_t *packet, size_t *len);

/// MSCHAPv2 at both ends, user alice of password wonderland.
void pair_init(struct pair *pr, struct eap_legacy *l);
void pair_methods(struct eap_settings *s, unsigned n, ...);
/// Until both have a verdict. true: both DONE.
bool pair_run(struct pair *pr);
void pair_free(struct pair *pr);

/// A step of a machine with its jobs and secrets done.
enum eap_step settle(struct pair *pr, struct eap_machine *m, enum eap_step step);

#endif
