// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/driver/driver_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct world *current;

struct world *world_of(void)
{
    return current;
}

static uint64_t now(void *arg)
{
    struct world *w = arg;
    w->now += w->step;
    return w->now;
}

static void log_line(void *arg, enum culvert_log_level level, const char *text)
{
    struct world *w = arg;
    (void)level;
    snprintf(w->last_log, sizeof(w->last_log), "%s", text);
}

static void on_event(void *arg, const struct culvert_event *event)
{
    struct world *w = arg;
    assert_false(w->in_callback_not_allowed);
    w->event[w->events++ % WORLD_RESULTS] = *event;
}

static void on_packet(void *arg, const struct culvert_packet *packet)
{
    struct world *w = arg;
    assert_false(w->in_callback_not_allowed);
    w->packets++;
    w->packet = *packet;
    memcpy(w->data, packet->data, packet->len);
}

static void on_room(void *arg)
{
    ((struct world *)arg)->rooms++;
}

static void on_state(void *arg, enum culvert_state state, const char *reason)
{
    struct world *w = arg;
    assert_false(w->in_callback_not_allowed);
    assert_int_equal(state, CULVERT_FAILED);
    w->failures++;
    snprintf(w->reason, sizeof(w->reason), "%s", reason);
}

void world_done(void *arg, const struct culvert_result *r)
{
    struct world *w = current;
    assert_false(w->in_callback_not_allowed);
    const unsigned i = w->completions++ % WORLD_RESULTS;
    w->result[i] = *r;
    memcpy(w->body[i], r->body, 48);
    w->result[i].body = w->body[i];
    w->result_arg[i] = (uintptr_t)arg;
}

int world_setup_detached(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    fake_init(&w->fake);
    w->now = 1000000;
    w->options = (struct culvert_options){.log = log_line,
                                          .rx = on_packet,
                                          .tx_room = on_room,
                                          .event = on_event,
                                          .state = on_state,
                                          .now = now,
                                          .arg = w,
                                          .evq_log2 = 3,
                                          .rxq_log2 = 3,
                                          .txq_log2 = 2};
    current = w;
    *state = w;
    return 0;
}

bool world_attach(struct world *w)
{
    w->err[0] = 0;
    w->card = culvert_attach_transport(&w->fake.base, &w->options, w->err, sizeof(w->err));
    if (!w->card) {
        assert_true(w->err[0] != 0); // a sentence
        assert_true(w->fake.closed); // and nothing is left
        assert_null(w->fake.memory);
    }
    return w->card != NULL;
}

int world_setup(void **state)
{
    world_setup_detached(state);
    struct world *w = *state;
    if (!world_attach(w))
        fail_msg("%s", w->err);
    w->fake.logged = 0;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    culvert_detach(w->card);
    assert_true(w->fake.closed);
    current = NULL;
    free(w);
    return 0;
}
