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
    struct dp_sa last;    // the last SA that was to be installed, without its key
    struct dp_ts last_ts; // its first selector
    int live_in, live_out, live_spis, live_tunnels;
    const struct dp_info *info; // what it says of itself; NULL: it does not answer
    const struct dp_counter *counter;
    size_t counters;
    struct {
        dp_info_fn *info;
        dp_counters_fn *counters;
        void *arg;
    } asked; // the last question of these two kinds
};

void fake_dp_init(struct fake_dp *f, struct str *journal);
// Give the oldest answer; false: there is none.
bool fake_dp_answer(struct fake_dp *f);
// Answer a question for info or counters. false: there is none.
bool fake_dp_tell(struct fake_dp *f);
void fake_dp_answer_all(struct fake_dp *f);
// Count a request that may be told to fail: true if it is its turn.
bool fake_dp_fails(struct fake_dp *f);

#endif
