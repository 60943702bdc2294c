// SPDX-License-Identifier: BSD-2-Clause
// The loop and its phases: set up; rekey under traffic; hold; wait for the hub to be gone and come back all at once;
// leave.
#include "hostd/load/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    STARTS = 16,               // new ones a turn of the loop
    PROGRESS_US = LOAD_SECOND, // between lines of progress for the first of them,
    PROGRESS_LINES = 10,
    PROGRESS_LATER_US = 10 * LOAD_SECOND, // and then
    WAIT_MAX_US = LOAD_SECOND / 20,       // so that signals and phases are looked at
    BYE_US = 5 * LOAD_SECOND,             // without an SA going
    REKEY_TIMEOUT_US = 30 * LOAD_SECOND,
};

static volatile sig_atomic_t interrupted, again;

static void on_signal(int number)
{
    if (number == SIGUSR1) {
        again = 1;
    } else {
        interrupted++;
    }
}

uint64_t load_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * LOAD_SECOND + (uint64_t)t.tv_nsec / 1000;
}

void load_reason(struct load *l, const char *why)
{
    unsigned i = 0;
    while (i < l->reasons && strcmp(l->reason[i].why, why) != 0) {
        i++;
    }
    if (i == LOAD_REASONS) {
        i--; // the last one takes what there is no room for
    } else if (i == l->reasons) {
        snprintf(l->reason[i].why, sizeof(l->reason[i].why), "%s", why);
        l->reasons++;
    }
    l->reason[i].n++;
}

static void enter(struct load *l, enum phase phase)
{
    l->phase = phase;
    l->phase_at = l->now;
}

static void round_begin(struct load *l, struct round *r)
{
    *r = (struct round){.began = l->now, .retransmits = spokes_stats(l).retransmits};
    l->round = r;
    l->next_start = l->now;
    l->next = 0;
}

static bool churning(const struct load *l)
{
    return l->phase == PHASE_SETUP && l->o->duration > 0 &&
           l->now < l->round->began + (uint64_t)l->o->duration * LOAD_SECOND;
}

// Whose turn it is.
static struct spoke *nth(struct load *l, uint32_t turn)
{
    return &l->spoke[l->order == NULL ? turn : l->order[turn]];
}

// The next initiator that may start, or NULL.
static struct spoke *next_spoke(struct load *l)
{
    bool around = l->phase == PHASE_STORM || churning(l);
    for (uint32_t looked = 0; looked < STARTS && (l->next < l->o->count || around); looked++) {
        l->next = l->next >= l->o->count ? 0 : l->next;
        struct spoke *s = nth(l, l->next++);
        if (s->state == SPOKE_IDLE && l->now >= s->retry_at) {
            return s;
        }
    }
    return NULL;
}

static void start_some(struct load *l)
{
    if (l->o->duration > 0 && l->phase == PHASE_SETUP && !churning(l)) {
        return;
    }
    uint32_t most = l->phase == PHASE_STORM ? UINT32_MAX : l->o->concurrency;
    for (int i = 0; i < STARTS && l->under_way < most && l->now >= l->next_start; i++) {
        struct spoke *s = next_spoke(l);
        if (s == NULL) {
            return;
        }
        if (!spoke_start(l, s)) {
            l->round->failed++;
            load_reason(l, "could not be started");
            s->state = SPOKE_FAILED;
        }
        if (l->o->rate > 0 && l->phase == PHASE_SETUP) {
            l->next_start += LOAD_SECOND / l->o->rate;
        }
        l->now = load_now();
    }
}

static bool all_settled(const struct load *l)
{
    const struct round *r = l->round;
    if (l->phase == PHASE_STORM) {
        return r->up >= l->o->count;
    }
    if (l->o->duration > 0) {
        return !churning(l) && l->under_way == 0;
    }
    return r->up + r->failed >= l->o->count;
}

static void round_end(struct load *l)
{
    l->round->ended = l->now;
    l->round->retransmits = spokes_stats(l).retransmits - l->round->retransmits;
}

static bool more_rekeys(const struct load *l)
{
    return l->rekeys_begun < l->o->rekeys;
}

// Traffic round robin, and a rekey now and then.
static void rekey_and_ping(struct load *l)
{
    const struct load_options *o = l->o;
    while (o->pps > 0 && l->now >= l->next_ping && l->n_up > 0) {
        struct spoke *s = nth(l, l->ping_turn++ % o->count);
        if (s->state == SPOKE_UP) {
            traffic_ping(l, s);
        }
        l->next_ping += LOAD_SECOND / o->pps;
    }
    if (more_rekeys(l) && l->now >= l->next_rekey) {
        struct spoke *s = nth(l, l->rekey_turn++ % o->count);
        if (s->rekeying && l->now > s->rekey_at + REKEY_TIMEOUT_US) {
            s->rekeying = false;
            l->rekeys_failed++;
            load_reason(l, "a rekey did not end");
        }
        if (s->state == SPOKE_UP && !s->rekeying && s->out != NULL) {
            spoke_rekey(l, s);
        }
        l->next_rekey += LOAD_SECOND / o->rekey_rate;
    }
}

static uint32_t rekeying(const struct load *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->o->count; i++) {
        n += l->spoke[i].rekeying;
    }
    return n;
}

static void bye(struct load *l)
{
    enter(l, l->o->leave ? PHASE_END : PHASE_BYE);
    for (uint32_t i = 0; i < l->o->count && !l->o->leave; i++) {
        spoke_leave(l, &l->spoke[i]);
    }
}

// The time is over for those that are not up. In a storm they go on, and may be there for the next.
static void give_up(struct load *l)
{
    for (uint32_t i = 0; i < l->o->count; i++) {
        struct spoke *s = &l->spoke[i];
        if (s->state != SPOKE_TRYING && s->state != SPOKE_IDLE) {
            continue;
        }
        load_reason(l, s->state == SPOKE_IDLE && l->phase == PHASE_SETUP ? "not started when the time was over"
                                                                         : "not up when the time was over");
        if (l->phase == PHASE_SETUP) {
            l->round->failed += s->state == SPOKE_TRYING;
            l->under_way -= s->state == SPOKE_TRYING;
            s->state = SPOKE_FAILED;
        }
    }
}

// What follows when the set-up, or what came after it, is over.
static void next_phase(struct load *l)
{
    const struct load_options *o = l->o;
    if (l->phase <= PHASE_SETUP && o->rekey != LOAD_REKEY_NONE && l->n_up > 0) {
        enter(l, PHASE_REKEY);
        l->next_rekey = l->next_ping = l->now;
    } else if (l->phase <= PHASE_SETTLE && o->hold > 0) {
        enter(l, PHASE_HOLD);
    } else if (l->storms < o->storms) {
        enter(l, PHASE_WAIT);
    } else {
        bye(l);
    }
    if (!o->quiet && (l->phase == PHASE_HOLD || l->phase == PHASE_WAIT)) {
        report_progress(l);
        fprintf(stderr, l->phase == PHASE_WAIT ? "waiting for SIGUSR1\n" : "holding\n");
    }
}

// When each comes back in a storm.
static void spread(struct load *l)
{
    for (uint32_t i = 0; l->o->spread > 0 && i < l->o->count; i++) {
        const uint32_t draw = chance_draw(l->o->seed, CHANCE_SPREAD, i, l->storms);
        l->spoke[i].retry_at = l->now + (uint64_t)chance_below(draw, l->o->spread) * 1000;
    }
}

static void step(struct load *l)
{
    uint64_t in = l->now - l->phase_at;
    size_t awaited = traffic_awaited(l);
    uint32_t sas = 0, half = 0, children = 0;
    switch (l->phase) {
    case PHASE_SETUP:
        start_some(l);
        if (all_settled(l) && (awaited == 0 || in > (uint64_t)l->o->timeout * LOAD_SECOND)) {
            round_end(l);
            next_phase(l);
        } else if (l->o->timeout > 0 && l->o->duration == 0 && in > (uint64_t)l->o->timeout * LOAD_SECOND) {
            give_up(l);
            round_end(l);
            bye(l);
        }
        break;
    case PHASE_REKEY:
        rekey_and_ping(l);
        if (!more_rekeys(l) && (rekeying(l) == 0 || l->now > l->next_rekey + REKEY_TIMEOUT_US)) {
            enter(l, PHASE_SETTLE);
        }
        break;
    case PHASE_SETTLE: // traffic goes on for a while: a late loss counts
        if (in < LOAD_SECOND / 2) {
            rekey_and_ping(l);
        } else if (awaited == 0 || in > ((uint64_t)l->o->wait + 2) * LOAD_SECOND) {
            next_phase(l);
        }
        break;
    case PHASE_HOLD:
        if (in > (uint64_t)l->o->hold * LOAD_SECOND) {
            next_phase(l);
        }
        break;
    case PHASE_WAIT:
        if (again) {
            again = 0;
            if (!spokes_engine(l)) {
                enter(l, PHASE_END);
                break;
            }
            enter(l, PHASE_STORM);
            round_begin(l, &l->storm[l->storms++]);
            spread(l);
        }
        break;
    case PHASE_STORM:
        start_some(l);
        if ((all_settled(l) && awaited == 0) || in > (uint64_t)l->o->timeout * LOAD_SECOND) {
            give_up(l);
            round_end(l);
            next_phase(l);
        }
        break;
    case PHASE_BYE:
        ike_counts(l->ike, &sas, &half, &children);
        l->bye_at = sas != l->bye_sas || l->bye_at == 0 ? l->now : l->bye_at;
        l->bye_sas = sas;
        if (sas == 0 || l->now > l->bye_at + BYE_US) {
            enter(l, PHASE_END);
        }
        break;
    case PHASE_END:
        break;
    }
}

static uint64_t wait_time(const struct load *l)
{
    uint64_t until = l->now + WAIT_MAX_US, timer = ike_next_timer(l->ike);
    bool starting = (l->phase == PHASE_SETUP && (l->next < l->o->count || churning(l))) || l->phase == PHASE_STORM;
    until = timer < until ? timer : until;
    if (starting && l->under_way < l->o->concurrency) {
        uint64_t start = l->o->rate > 0 ? l->next_start : l->now + (l->next < l->o->count ? 0 : 1000);
        until = start < until ? start : until;
    }
    if (l->phase == PHASE_REKEY || l->phase == PHASE_SETTLE) {
        until = l->o->pps > 0 && l->next_ping < until ? l->next_ping : until;
        until = more_rekeys(l) && l->next_rekey < until ? l->next_rekey : until;
    }
    return until > l->now ? until - l->now : 0;
}

static void loop(struct load *l)
{
    uint64_t progress = l->now + PROGRESS_US;
    unsigned lines = 0;
    while (l->phase != PHASE_END) {
        step(l);
        ike_run_timers(l->ike, l->now);
        while (creds_run(l)) {
        }
        wire_flush(l->wire);
        wire_run(l->wire, l, wait_time(l));
        if (l->now >= progress && !l->o->quiet) {
            progress = l->now + (++lines < PROGRESS_LINES ? PROGRESS_US : PROGRESS_LATER_US);
            report_progress(l);
        }
        if (interrupted == 1 && l->phase < PHASE_BYE) {
            l->end = LOAD_END_INTERRUPTED;
            round_end(l);
            bye(l);
        } else if (interrupted > 1) {
            l->end = LOAD_END_AT_ONCE;
            enter(l, PHASE_END);
        }
    }
    wire_flush(l->wire);
}

static void clean_up(struct load *l)
{
    ike_free(l->ike);
    traffic_clear(l);
    map_free(&l->sessions);
    for (uint32_t i = 0; l->spoke != NULL && i < l->o->count; i++) {
        ike_profile_unref(l->spoke[i].profile);
    }
    eap_close(l);
    creds_close(l);
    free(l->spoke);
    free(l->order);
    free(l->probe);
    samples_free(&l->first.latency);
    for (uint32_t i = 0; i < l->storms; i++) {
        samples_free(&l->storm[i].latency);
    }
    free(l->storm);
    samples_free(&l->rtt);
    samples_free(&l->silences);
    wire_close(l->wire);
}

int load_run(const struct load_options *o)
{
    struct load l = {.o = o, .now = load_now()};
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGUSR1, &act, NULL);
    l.wire = wire_open(o->target.family, !o->encap);
    l.spoke = calloc(o->count, sizeof(*l.spoke));
    l.storm = calloc(o->storms + 1, sizeof(*l.storm));
    l.order = o->shuffle ? chance_order(o->seed, o->count) : NULL;
    if ((o->shuffle && l.order == NULL) || !creds_open(&l) || !eap_open(&l) || l.wire == NULL || l.spoke == NULL ||
        l.storm == NULL || !spokes_engine(&l)) {
        clean_up(&l);
        return LOAD_START;
    }
    for (uint32_t i = 0; i < o->count; i++) {
        l.spoke[i].index = i;
    }
    round_begin(&l, &l.first);
    enter(&l, PHASE_SETUP);
    loop(&l);
    for (uint32_t i = 0; i < o->count; i++) {
        l.left += l.spoke[i].state == SPOKE_LEAVING;
        if (l.spoke[i].rekey_at != 0) {
            samples_add(&l.silences, l.spoke[i].silence);
        }
    }
    report(&l);
    int code = interrupted ? LOAD_INTERRUPTED : report_good(&l) ? LOAD_FINE : LOAD_FAILED;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("culvert-load: the report cannot be written");
        code = LOAD_START;
    }
    clean_up(&l);
    return code;
}
