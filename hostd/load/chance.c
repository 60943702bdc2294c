// SPDX-License-Identifier: BSD-2-Clause
// Chance that repeats. A draw is a function of the seed, of what it is for, of whom it is about and of how many there
// were before for the same: what one initiator meets does not depend on how the others' messages fall in between.
#include "hostd/load/load.h"

#include <stdlib.h>

// One round of a 64-bit mixer: every bit of the input reaches every bit of the result.
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}

uint32_t chance_draw(uint32_t seed, enum chance_of what, uint32_t whom, uint32_t turn)
{
    const uint64_t step = 0x9e3779b97f4a7c15u; // odd, without a pattern: no two inputs meet
    uint64_t x = mix((uint64_t)seed << 8 | (uint64_t)what);
    x = mix(x + step * ((uint64_t)whom + 1));
    return (uint32_t)(mix(x + step * ((uint64_t)turn + 1)) >> 32);
}

uint32_t chance_below(uint32_t draw, uint32_t limit)
{
    return (uint32_t)((uint64_t)draw * limit >> 32);
}

uint32_t *chance_order(uint32_t seed, uint32_t n)
{
    uint32_t *order = calloc(n, sizeof(*order));
    for (uint32_t i = 0; order != NULL && i < n; i++) { // each at a random place among those before it
        uint32_t at = chance_below(chance_draw(seed, CHANCE_ORDER, i, 0), i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    return order;
}
