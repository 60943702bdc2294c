// SPDX-License-Identifier: BSD-2-Clause
// A datapath that writes down what it is asked, answers when told to, and fails when told to.
#ifndef CULVERT_TESTS_FAKE_DP_H
#define CULVERT_TESTS_FAKE_DP_H

#include "hostd/dp/dp.h"
#include "hostd/util/str.h"

struct fake_request {
    dp_done *done;
    void *arg;
    int error;
};

struct fake_dp {
    struct dp dp;
    struct str *journal;            // a word for each request, "in+ out+ in- ..."
    struct fake_request queue[256]; // answers that are to come, in order
    unsigned first, count;
    unsigned fail_at, seen; // the request with this number (from 1) fails; 0: none
    uint32_t next_spi, next_tunnel;
    int live_in, live_out, live_spis, live_tunnels;
};

void fake_dp_init(struct fake_dp *f, struct str *journal);
// Give the oldest answer; false: there is none.
bool fake_dp_answer(struct fake_dp *f);
void fake_dp_answer_all(struct fake_dp *f);
// Count a request that may be told to fail: true if it is its turn.
bool fake_dp_fails(struct fake_dp *f);

#endif
