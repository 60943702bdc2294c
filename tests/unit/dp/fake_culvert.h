// SPDX-License-Identifier: BSD-2-Clause
// A double of libculvert for tests of the card's datapath: it keeps the tables that a card would have, checks that
// nothing in them refers to what is not there, and fails commands on request.
#pragma once
#include "driver/culvert.h"

#define FAKE_SAS    16
#define FAKE_TABLE  8
#define FAKE_LOCALS 2

struct fake {
    struct culvert_options options;
    char log[16384]; // the commands, one a line, as they were carried out; failed ones with '!'
    size_t commands;
    size_t fail_at; // the number of the command that fails, from 1; 0: none
    int fail_with;
    bool hold;       // commands stay pending
    bool gone;       // the card has failed
    size_t attached; // how many cards there are
    int pipe[2];
    struct {
        bool valid;
        struct culvert_sa sa;
    } in[FAKE_SAS], out[FAKE_SAS];
    struct culvert_tunnel tunnel[FAKE_TABLE];
    struct culvert_adj adj[FAKE_TABLE];
    bool adj_written[FAKE_TABLE];
    struct culvert_route route[FAKE_TABLE];
    bool route_valid[FAKE_TABLE];
    uint32_t local[FAKE_LOCALS];
    struct culvert_port port[2];
    uint8_t enabled;
    struct {
        enum culvert_port_id dest;
        uint32_t tunnel;
        size_t len;
    } sent;
    int tx_result;
};

extern struct fake fake; // one card at a time

// Before each test.
void fake_reset(void);
// Carries out what is pending though `hold` is set.
void fake_release(void);
// The card fails as libculvert tells it.
void fake_break(const char *reason);
size_t fake_sas(void);    // installed, both directions
size_t fake_routes(void); // set
