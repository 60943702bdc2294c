// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/jobs.h"

#include <sched.h>
#include <stdlib.h>

enum {
    AT_ONCE = 4,   // as many cheap jobs are not worth a hop
    POOL_MAX = 4,  // threads of libuv's pool, unless told otherwise
    PIECE_MAX = 64 // jobs
};

// Jobs that go to a thread together.
struct piece {
    uv_work_t work;
    struct jobs *jobs;
    unsigned n;
    struct ike_job *job[PIECE_MAX];
};

static void run(uv_work_t *w)
{
    struct piece *p = w->data;
    for (unsigned i = 0; i < p->n; i++) {
        ike_job_run(p->job[i]);
    }
}

static void done(uv_work_t *w, int status)
{
    struct piece *p = w->data;
    for (unsigned i = 0; i < p->n; i++) {
        p->jobs->done(p->jobs->arg, p->job[i], status == 0);
    }
    free(p);
}

static void here(struct jobs *j, struct ike_job *const *job, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        ike_job_run(job[i]);
        j->done(j->arg, job[i], true);
    }
}

static void elsewhere(struct jobs *j, struct ike_job *const *job, unsigned n)
{
    struct piece *p = malloc(sizeof(*p));
    if (p != NULL) {
        p->jobs = j;
        p->work.data = p;
        p->n = n;
        for (unsigned i = 0; i < n; i++) {
            p->job[i] = job[i];
        }
        if (uv_queue_work(j->loop, &p->work, run, done) == 0) {
            return;
        }
        free(p);
    }
    for (unsigned i = 0; i < n; i++) {
        j->done(j->arg, job[i], false);
    }
}

static void share_out(struct jobs *j)
{
    struct ike_job *job[JOBS_TURN];
    unsigned n = j->n, at = 0;
    for (unsigned i = 0; i < n; i++) {
        job[i] = j->waiting[i];
    }
    j->n = 0; // more may come while these are being done
    if (n > AT_ONCE && j->cpus > 1) {
        unsigned hands = j->cpus < POOL_MAX + 1 ? j->cpus : POOL_MAX + 1;
        unsigned each = (n + hands - 1) / hands;
        each = each < PIECE_MAX ? each : PIECE_MAX;
        while (n - at > each) {
            elsewhere(j, job + at, each);
            at += each;
        }
    }
    here(j, job + at, n - at);
}

static void on_end_of_turn(uv_prepare_t *p)
{
    struct jobs *j = p->data;
    while (j->n > 0) {
        share_out(j);
    }
    uv_prepare_stop(p);
    if (j->turn_done != NULL) {
        j->turn_done(j->arg);
    }
}

int jobs_open(struct jobs *j, uv_loop_t *loop, void (*finish)(void *arg, struct ike_job *job, bool ok), void *arg)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    *j = (struct jobs){.loop = loop, .done = finish, .arg = arg, .cpus = 1};
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        j->cpus = (unsigned)CPU_COUNT(&set);
    }
    j->end_of_turn.data = j;
    return uv_prepare_init(loop, &j->end_of_turn);
}

void jobs_close(struct jobs *j)
{
    if (j->loop == NULL || uv_is_closing((uv_handle_t *)&j->end_of_turn)) {
        return;
    }
    for (unsigned i = 0; i < j->n; i++) {
        j->done(j->arg, j->waiting[i], false);
    }
    j->n = 0;
    uv_close((uv_handle_t *)&j->end_of_turn, NULL);
}

void jobs_submit(struct jobs *j, struct ike_job *job)
{
    if (!ike_job_is_cheap(job) || j->n == JOBS_TURN || uv_is_closing((uv_handle_t *)&j->end_of_turn)) {
        elsewhere(j, &job, 1);
        return;
    }
    j->waiting[j->n++] = job;
    if (j->n == 1) {
        uv_prepare_start(&j->end_of_turn, on_end_of_turn);
    }
}
