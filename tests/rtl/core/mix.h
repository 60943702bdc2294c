// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <stdint.h>
#include <string.h>

// A mix as in control code (structures, byte loops, calls, branches), to run on the core and on the host. Call it once.
static inline uint32_t mix(uint32_t seed)
{
    static struct entry {
        uint8_t key[8];
        uint16_t next, hits;
    } table[32];
    uint32_t sum = seed;
    for (unsigned n = 0; n < 400; n++) {
        struct entry *e = &table[sum % 32];
        for (unsigned i = 0; i < sizeof e->key; i++)
            e->key[i] = (uint8_t)(e->key[i] * 5 + (sum >> i));
        if (memcmp(e->key, table[e->next & 31].key, sizeof e->key) > 0)
            e->next = (uint16_t)(e->next + 3);
        e->hits++;
        sum = (sum ^ e->key[n & 7] ^ (uint32_t)e->hits << 8) * 0x01000193u;
    }
    return sum;
}
