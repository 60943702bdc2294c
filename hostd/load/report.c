// SPDX-License-Identifier: BSD-2-Clause
// Results, as text for people and as one JSON object for scripts.
#include "hostd/load/load.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static double seconds(uint64_t us)
{
    return (double)us / LOAD_SECOND;
}

static double rate(const struct round *r)
{
    uint64_t span = r->latest > r->began ? r->latest - r->began : 0;
    return span == 0 ? 0 : (double)r->up / seconds(span);
}

void report_progress(struct load *l)
{
    static const char *const names[] = {
        [PHASE_SETUP] = "setting up", [PHASE_REKEY] = "rekeying", [PHASE_SETTLE] = "settling",
        [PHASE_HOLD] = "holding",     [PHASE_WAIT] = "waiting",   [PHASE_STORM] = "coming back",
        [PHASE_BYE] = "taking leave", [PHASE_END] = "done"};
    const struct ike_stats s = spokes_stats(l);
    const uint64_t in = (l->now - l->phase_at) / LOAD_SECOND;
    fprintf(stderr, "%7.1f s  %-12s %u of %u up, %u under way, %" PRIu64 " failed, %" PRIu64 " retransmitted",
            seconds(l->now - l->first.began), names[l->phase], l->n_up, l->o->count, l->under_way, l->round->failed,
            s.retransmits);
    if (l->phase == PHASE_SETUP || l->phase == PHASE_STORM) {
        const uint64_t up = l->round->up, before = l->told_at < l->phase_at ? 0 : l->told_up;
        const uint64_t since = l->now - (l->told_at < l->phase_at ? l->phase_at : l->told_at);
        fprintf(stderr, "; %.0f a second", since == 0 ? 0 : (double)(up - before) / seconds(since));
        l->told_at = l->now;
        l->told_up = up;
    }
    if (l->phase == PHASE_SETUP && l->o->duration > 0) {
        fprintf(stderr, "; %" PRIu64 " of %u s", in, l->o->duration);
    } else if (l->phase == PHASE_HOLD) {
        fprintf(stderr, "; %" PRIu64 " of %u s", in, l->o->hold);
    } else if (l->phase == PHASE_REKEY || l->phase == PHASE_SETTLE) {
        fprintf(stderr, "; %" PRIu64 " of %u rekeys, %" PRIu64 " packets sent, %" PRIu64 " answered", l->rekeys_done,
                l->o->rekeys, l->sent, l->answered);
    }
    fputc('\n', stderr);
}

static uint64_t lost(const struct load *l)
{
    return l->sent - l->answered;
}

static uint64_t first_lost(const struct load *l)
{
    return l->first_sent - l->first_answered;
}

bool report_good(const struct load *l)
{
    bool storm_good = l->storms == l->o->storms;
    for (uint32_t i = 0; i < l->storms; i++) {
        storm_good = storm_good && l->storm[i].up >= l->o->count;
    }
    bool set_up = l->o->duration > 0 ? l->first.up > 0 && l->first.failed == 0 : l->first.up >= l->o->count;
    return set_up && storm_good && first_lost(l) == 0 && lost(l) == 0 && l->lost_sas == 0 && l->rekeys_failed == 0 &&
           l->rekeys_done == l->rekeys_begun;
}

// ------------------------------------------------------------------------------------------------ JSON

static json_t *spread(struct samples *s)
{
    json_t *o = json_object();
    static const struct {
        const char *name;
        double percent;
    } rows[] = {{"min", 0}, {"p50", 50}, {"p90", 90}, {"p99", 99}, {"max", 100}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_object_set_new(o, rows[i].name, json_real((double)samples_percentile(s, rows[i].percent) / 1000));
    }
    return o;
}

static json_t *round_json(struct round *r)
{
    return json_pack("{s:I, s:I, s:I, s:f, s:f, s:f, s:I, s:o}", "tried", (json_int_t)r->tried, "up", (json_int_t)r->up,
                     "failed", (json_int_t)r->failed, "seconds",
                     seconds(r->latest > r->began ? r->latest - r->began : 0), "seconds_all",
                     seconds(r->ended - r->began), "setups_per_s", rate(r), "retransmits", (json_int_t)r->retransmits,
                     "latency_ms", spread(&r->latency));
}

static const char *const ends[] = {
    [LOAD_END_DONE] = "done", [LOAD_END_INTERRUPTED] = "interrupted", [LOAD_END_AT_ONCE] = "at once"};

static void report_json(struct load *l)
{
    json_t *o = round_json(&l->first), *reasons = json_object();
    for (unsigned i = 0; i < l->reasons; i++) {
        json_object_set_new(reasons, l->reason[i].why, json_integer((json_int_t)l->reason[i].n));
    }
    json_object_set_new(o, "reasons", reasons);
    json_object_set_new(o, "ended", json_string(ends[l->end]));
    json_object_set_new(o, "seed", json_integer(l->o->seed));
    if (l->o->loss > 0) {
        json_object_set_new(
            o, "messages_dropped",
            json_pack("{s:I, s:I}", "out", (json_int_t)l->dropped_out, "in", (json_int_t)l->dropped_in));
    }
    json_object_set_new(o, "sas_lost", json_integer((json_int_t)l->lost_sas));
    json_object_set_new(o, "sas_left", json_integer(l->left));
    if (l->first_sent > 0) {
        json_object_set_new(
            o, "first_packets",
            json_pack("{s:I, s:I}", "sent", (json_int_t)l->first_sent, "lost", (json_int_t)first_lost(l)));
    }
    if (l->rtt.n > 0) {
        json_object_set_new(o, "rtt_ms", spread(&l->rtt));
    }
    if (l->rekeys_begun > 0) {
        json_object_set_new(o, "rekey",
                            json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "kind",
                                      l->o->rekey == LOAD_REKEY_IKE ? "ike" : "child", "begun",
                                      (json_int_t)l->rekeys_begun, "done", (json_int_t)l->rekeys_done, "failed",
                                      (json_int_t)l->rekeys_failed, "packets_sent", (json_int_t)l->sent, "packets_lost",
                                      (json_int_t)lost(l), "gap_ms", spread(&l->silences)));
    }
    if (l->storms > 0) {
        json_t *list = json_array();
        for (uint32_t i = 0; i < l->storms; i++) {
            json_array_append_new(list, round_json(&l->storm[i]));
        }
        json_object_set_new(o, "storms", list);
    }
    json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(o);
}

// ------------------------------------------------------------------------------------------------ text

static void spread_text(const char *name, struct samples *s)
{
    printf("  %-22s min %.2f, median %.2f, 90 %% %.2f, 99 %% %.2f, max %.2f ms\n", name,
           (double)samples_percentile(s, 0) / 1000, (double)samples_percentile(s, 50) / 1000,
           (double)samples_percentile(s, 90) / 1000, (double)samples_percentile(s, 99) / 1000,
           (double)samples_percentile(s, 100) / 1000);
}

static void round_text(const char *name, struct round *r)
{
    printf("%s: %" PRIu64 " tried, %" PRIu64 " up, %" PRIu64 " failed, in %.3f s\n", name, r->tried, r->up, r->failed,
           seconds(r->latest > r->began ? r->latest - r->began : 0));
    printf("  %-22s %.1f a second\n", "set up", rate(r));
    spread_text("first to last message", &r->latency);
    printf("  %-22s %" PRIu64 " messages\n", "retransmitted", r->retransmits);
}

static void report_text(struct load *l)
{
    if (l->end != LOAD_END_DONE) {
        printf("Ended before its time: %s\n", ends[l->end]);
    }
    round_text("Set-up", &l->first);
    for (uint32_t i = 0; i < l->storms; i++) {
        round_text("All at once, again", &l->storm[i]);
    }
    for (unsigned i = 0; i < l->reasons; i++) {
        printf("  failed: %-14s %" PRIu64 "\n", l->reason[i].why, l->reason[i].n);
    }
    if (l->first_sent > 0) {
        printf("First packets: %" PRIu64 " sent, %" PRIu64 " lost\n", l->first_sent, first_lost(l));
    }
    if (l->rekeys_begun > 0) {
        printf("Rekeys: %" PRIu64 " begun, %" PRIu64 " done, %" PRIu64 " failed; packets meanwhile: %" PRIu64
               " sent, %" PRIu64 " lost\n",
               l->rekeys_begun, l->rekeys_done, l->rekeys_failed, l->sent, lost(l));
        spread_text("longest silence", &l->silences);
    }
    if (l->rtt.n > 0) {
        spread_text("echo and answer", &l->rtt);
    }
    if (l->left > 0) {
        printf("SAs whose delete was not answered: %" PRIu32 "\n", l->left);
    }
    if (l->o->loss > 0) {
        printf("IKE messages lost on purpose: %" PRIu64 " out, %" PRIu64 " in\n", l->dropped_out, l->dropped_in);
    }
    if (l->o->loss > 0 || l->o->shuffle || l->o->spread > 0) {
        printf("Seed: %" PRIu32 "\n", l->o->seed);
    }
    if (l->lost_sas > 0) {
        printf("SAs lost after they were up: %" PRIu64 "\n", l->lost_sas);
    }
}

void report(struct load *l)
{
    if (l->o->json) {
        report_json(l);
    } else {
        report_text(l);
    }
}
