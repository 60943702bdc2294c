// SPDX-License-Identifier: BSD-2-Clause
// Where the IKE machine's public-key work is done. A hop to a thread and back costs a third of an X25519 exchange, so
// work is collected during a turn of the loop: what is cheap is done at once if there is little of it or one processor
// only, and else shared out in pieces between this thread and the pool. What is dear (large groups, RSA signatures)
// always goes to the pool, each by itself.
#ifndef CULVERT_MAIN_JOBS_H
#define CULVERT_MAIN_JOBS_H

#include "hostd/ike/ike.h"

#include <uv.h>

enum { JOBS_TURN = 256 }; // of one turn of the loop; more are given away at once

struct jobs {
    uv_loop_t *loop;
    uv_prepare_t end_of_turn;
    // A job is done (ok), or could not be (its owner discards it). From the loop.
    void (*done)(void *arg, struct ike_job *job, bool ok);
    void (*turn_done)(void *arg); // so are those of a turn; may be NULL
    void *arg;
    unsigned cpus; // that this process may use
    unsigned n;
    struct ike_job *waiting[JOBS_TURN];
};

// 0 or a negative errno of libuv.
int jobs_open(struct jobs *j, uv_loop_t *loop, void (*done)(void *arg, struct ike_job *job, bool ok), void *arg);
// What waits is given back not done; what is in the pool comes back later.
void jobs_close(struct jobs *j);
void jobs_submit(struct jobs *j, struct ike_job *job);

#endif
