// SPDX-License-Identifier: BSD-2-Clause
// Things to do in the loop's next round: answers to requests must not come from within the request.
#pragma once
#include "hostd/dp/dp.h"

#include <uv.h>

// Embedded at the start of what is to be done; run() owns and frees it. error: 0, or -ECANCELED when the queue is
// closed.
struct later_item {
    struct later_item *next;
    void (*run)(struct later_item *item, int error);
};

struct later {
    uv_timer_t timer;
    struct later_item *first, **end;
};

// 0 or a negative errno. The queue must stay where it is.
int later_init(struct later *l, uv_loop_t *loop);
void later_add(struct later *l, struct later_item *item);
// Call a done function with a result. Without memory for it, it is called at once: better early than never.
void later_done(struct later *l, dp_done *done, void *arg, int result);
// Runs all that waits with -ECANCELED; `closed` is called by the loop when the timer's memory may go.
void later_close(struct later *l, uv_close_cb closed);
