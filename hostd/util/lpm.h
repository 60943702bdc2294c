// SPDX-License-Identifier: BSD-2-Clause
// Longest prefix match: from prefixes of both families to pointers. A table of prefixes, looked into once for each
// length that occurs, longest first: with host routes only that is one look, however many there are. Owns no values.
#ifndef CULVERT_UTIL_LPM_H
#define CULVERT_UTIL_LPM_H

#include "hostd/util/ipmap.h"

enum { LPM_LENGTHS = 129 };

struct lpm {
    struct ipmap prefixes;           // by network and length
    uint32_t used[2][LPM_LENGTHS];   // prefixes of that length: IPv4, IPv6
    uint8_t longest[2], shortest[2]; // bounds of the lengths in use; wide, never too narrow
};

// Set or replace; value must not be NULL. false: no memory.
bool lpm_set(struct lpm *t, const struct ip_addr *prefix, unsigned length, void *value);
// What that very prefix has; NULL: nothing.
void *lpm_get(const struct lpm *t, const struct ip_addr *prefix, unsigned length);
void lpm_del(struct lpm *t, const struct ip_addr *prefix, unsigned length);
// What the longest prefix around the address has; NULL: there is none.
void *lpm_find(const struct lpm *t, const struct ip_addr *addr);
void lpm_free(struct lpm *t);

#endif
