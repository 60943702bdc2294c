// SPDX-License-Identifier: BSD-2-Clause
// From trustpoints and certificate maps to what profiles of the IKE machine need of them.
#ifndef CULVERT_MAIN_TRUST_H
#define CULVERT_MAIN_TRUST_H

#include "hostd/main/profiles.h"
#include "hostd/pki/trustpoint.h"

// Where they are now; both change with the configuration.
struct trust {
    struct pki_set *const *set;
    struct conf *const *conf;
};

// `t` lives as long as the hooks are used.
struct profile_hooks trust_hooks(const struct trust *t);

#endif
