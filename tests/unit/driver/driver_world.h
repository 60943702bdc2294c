// SPDX-License-Identifier: BSD-2-Clause
// What the driver's tests share: a fake card, a clock that only moves when told, and what the callbacks were given.
#pragma once
#include "tests/unit/driver/fake_card.h"

#define WORLD_RESULTS 512

struct world {
    struct fake_card fake;
    struct culvert_card *card;
    struct culvert_options options;
    uint64_t now;  // microseconds
    uint64_t step; // added at each look
    char err[CULVERT_ERR_MAX];
    // callbacks
    unsigned completions;
    struct culvert_result result[WORLD_RESULTS]; // in order; body is copied below
    uint8_t body[WORLD_RESULTS][48];
    uintptr_t result_arg[WORLD_RESULTS];
    unsigned events, packets, rooms, failures;
    struct culvert_event event[WORLD_RESULTS];
    struct culvert_packet packet; // the last; data is copied below
    uint8_t data[16384];
    char reason[600];
    char last_log[700];
    bool in_callback_not_allowed; // a callback now would break the contract
};

// Attaches with small rings: 8 entries, 8 and 4 slots.
int world_setup(void **state);
int world_teardown(void **state);
// The same, but does not attach: the test bends the fake first.
int world_setup_detached(void **state);
bool world_attach(struct world *w);
// A completion callback; arg is a number that the test chose.
void world_done(void *arg, const struct culvert_result *result);
struct world *world_of(void); // the world that world_done writes to
