// SPDX-License-Identifier: BSD-2-Clause
// A hash table from an IP address and a number (a prefix length, a device, an SPI ...) to a pointer: open addressing,
// deletion by moving back, O(1). The hash is keyed, because who sends from chosen addresses must not choose slots. Owns
// no values.
#ifndef CULVERT_UTIL_IPMAP_H
#define CULVERT_UTIL_IPMAP_H

#include "hostd/util/ip.h"

struct ipmap_slot {
    struct ip_addr addr;
    uint32_t n;
    void *value; // NULL: the slot is free
};

struct ipmap {
    struct ipmap_slot *slot;
    size_t cap, n; // cap is a power of two, or 0
    uint64_t seed; // chosen with the first entry
};

// Set or replace; value must not be NULL. false: no memory, nothing changed.
bool ipmap_set(struct ipmap *m, const struct ip_addr *addr, uint32_t n, void *value);
// NULL: not there.
void *ipmap_get(const struct ipmap *m, const struct ip_addr *addr, uint32_t n);
// Take out and return; NULL: was not there.
void *ipmap_del(struct ipmap *m, const struct ip_addr *addr, uint32_t n);
// Walk: *at starts at 0; NULL at the end. Do not change the map while walking.
void *ipmap_next(const struct ipmap *m, size_t *at);
void ipmap_free(struct ipmap *m);

#endif
