// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/later.h"

#include <errno.h>
#include <stdlib.h>

struct done_item {
    struct later_item item;
    dp_done *done;
    void *arg;
    int result;
};

// Runs what is there now; what it adds waits for the next round.
static void run_all(struct later *l, int error)
{
    struct later_item *item = l->first;
    l->first = NULL;
    l->end = &l->first;
    while (item) {
        struct later_item *next = item->next;
        item->run(item, error);
        item = next;
    }
}

static void on_timer(uv_timer_t *timer)
{
    run_all(timer->data, 0);
}

int later_init(struct later *l, uv_loop_t *loop)
{
    l->first = NULL;
    l->end = &l->first;
    int rc = uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    return rc;
}

void later_add(struct later *l, struct later_item *item)
{
    item->next = NULL;
    *l->end = item;
    l->end = &item->next;
    if (!uv_is_closing((uv_handle_t *)&l->timer))
        uv_timer_start(&l->timer, on_timer, 0, 0);
}

static void run_done(struct later_item *item, int error)
{
    struct done_item *d = (struct done_item *)item;
    dp_done *done = d->done;
    void *arg = d->arg;
    int result = error ? error : d->result;
    free(d);
    done(arg, result);
}

void later_done(struct later *l, dp_done *done, void *arg, int result)
{
    if (!done)
        return;
    struct done_item *d = malloc(sizeof(*d));
    if (!d) {
        done(arg, result);
        return;
    }
    *d = (struct done_item){.item.run = run_done, .done = done, .arg = arg, .result = result};
    later_add(l, &d->item);
}

void later_close(struct later *l, uv_close_cb closed)
{
    uv_close((uv_handle_t *)&l->timer, closed);
    while (l->first)
        run_all(l, -ECANCELED);
}
