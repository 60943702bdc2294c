// SPDX-License-Identifier: BSD-2-Clause
// What a datapath has answered to a request: how often (once is right), and what.
#pragma once

struct answer {
    int calls, error;
};

static inline void on_done(void *arg, int error) // arg: struct answer
{
    struct answer *a = arg;
    a->calls++;
    a->error = error;
}
