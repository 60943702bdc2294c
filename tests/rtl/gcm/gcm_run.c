/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/rtl/gcm/gcm_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct side {
    enum gcm_dir dir;
    size_t in_packet, in_word, out_packet, out_word;
    bool driving;
};

__attribute__((format(printf, 2, 3))) static void fail(struct gcm_result *res, const char *fmt, ...)
{
    va_list ap;
    if (res->errors++)
        return;
    va_start(ap, fmt);
    vsnprintf(res->first_error, sizeof res->first_error, fmt, ap);
    va_end(ap);
}

static void drive_next(struct gcm_dut *d, const struct gcm_run *r, struct side *s)
{
    const struct gcm_packet *p = &r->p[s->dir][s->in_packet];
    const size_t at = 64 * s->in_word, left = p->in_bytes - at;
    struct gcm_word w = {
        .sop = s->in_word == 0, .last = left <= 64, .bytes = left < 64 ? (uint8_t)left : 64, .user = p->user};

    memcpy(w.data, p->in + at, w.bytes);
    for (size_t i = w.bytes; i < 64; i++) /* what is beyond the end must not matter */
        w.data[i] = (uint8_t)(gcm_random(r->random) >> 56);
    gcm_dut_drive(d, s->dir, &w, w.sop ? &p->ctx : NULL);
    s->driving = true;
}

static void check_word(const struct gcm_run *r, struct side *s, const struct gcm_word *w, struct gcm_result *res)
{
    if (s->out_packet >= r->n[s->dir]) {
        fail(res, "dir %d: a word more than expected", s->dir);
        return;
    }
    const struct gcm_packet *p = &r->p[s->dir][s->out_packet];
    const size_t at = 64 * s->out_word, left = p->out_bytes > at ? p->out_bytes - at : 0, want = left < 64 ? left : 64;
    const bool last = s->out_word + 1 == p->out_words;
    static const uint8_t zero[64];

    res->checks++;
    if (w->sop != (s->out_word == 0) || w->last != last)
        fail(res, "dir %d packet %zu of %zu bytes, word %zu: sop %d last %d", s->dir, s->out_packet, p->in_bytes,
             s->out_word, w->sop, w->last);
    else if (w->bytes != want)
        fail(res, "dir %d packet %zu of %zu bytes, word %zu: %d bytes, not %zu", s->dir, s->out_packet, p->in_bytes,
             s->out_word, w->bytes, want);
    else if (w->user != p->user)
        fail(res, "dir %d packet %zu: sideband %08x, not %08x", s->dir, s->out_packet, w->user, p->user);
    else if (memcmp(w->data + want, zero, 64 - want) != 0)
        fail(res, "dir %d packet %zu of %zu bytes, word %zu: rest not zero", s->dir, s->out_packet, p->in_bytes,
             s->out_word);
    else if (!p->no_data && memcmp(w->data, p->out + at, want) != 0)
        fail(res, "dir %d packet %zu of %zu bytes, word %zu: data differ", s->dir, s->out_packet, p->in_bytes,
             s->out_word);
    else if (last && s->dir == GCM_DECRYPT && w->ok != p->ok)
        fail(res, "dir %d packet %zu of %zu bytes: auth_ok is %d", s->dir, s->out_packet, p->in_bytes, w->ok);
    s->out_word++;
    if (w->last || last) {
        s->out_packet++;
        s->out_word = 0;
    }
}

/* What happens at the coming edge, then new inputs for the one after. */
static void step_in(struct gcm_dut *d, const struct gcm_run *r, struct side *s, bool taken, uint64_t now,
                    struct gcm_result *res)
{
    if (taken) {
        if (!res->words_in[s->dir]++)
            res->first_in[s->dir] = now;
        res->last_in[s->dir] = now;
        s->driving = false;
        s->in_word++;
        if (64 * s->in_word >= r->p[s->dir][s->in_packet].in_bytes) {
            s->in_packet++;
            s->in_word = 0;
        }
    }
    if (s->driving)
        return;
    if (s->in_packet < r->n[s->dir] && (!r->idle_percent || gcm_random(r->random) % 100 >= r->idle_percent))
        drive_next(d, r, s);
    else
        gcm_dut_idle(d, s->dir);
}

void gcm_run(struct gcm_dut *d, const struct gcm_run *r, struct gcm_result *res)
{
    struct side side[GCM_DIRS] = {{.dir = GCM_ENCRYPT}, {.dir = GCM_DECRYPT}};
    uint64_t now = 0, words = 0, bound;
    int quiet = 0;

    memset(res, 0, sizeof *res);
    for (int i = 0; i < GCM_DIRS; i++) {
        for (size_t k = 0; k < r->n[i]; k++)
            words += r->p[i][k].out_words + 1;
        step_in(d, r, &side[i], false, 0, res);
        gcm_dut_set_ready(d, (enum gcm_dir)i, true);
    }
    bound = 1000 + words * 100 / (100 - r->idle_percent) * 100 / (100 - r->stall_percent) * 2;
    for (; quiet < 100 && now < bound; now++) {
        bool taken[GCM_DIRS], ready[GCM_DIRS];
        struct gcm_word w;
        for (int i = 0; i < GCM_DIRS; i++) {
            taken[i] = side[i].driving && gcm_dut_in_ready(d, (enum gcm_dir)i);
            ready[i] = !r->stall_percent || gcm_random(r->random) % 100 >= r->stall_percent;
            gcm_dut_set_ready(d, (enum gcm_dir)i, ready[i]);
            if (!ready[i] || !gcm_dut_out_valid(d, (enum gcm_dir)i))
                continue;
            gcm_dut_out(d, (enum gcm_dir)i, &w);
            check_word(r, &side[i], &w, res);
            if (!res->words_out[i]++)
                res->first_out[i] = now;
            res->last_out[i] = now;
        }
        gcm_dut_tick(d);
        for (int i = 0; i < GCM_DIRS; i++)
            step_in(d, r, &side[i], taken[i], now, res);
        if (side[0].out_packet == r->n[0] && side[1].out_packet == r->n[1])
            quiet++;
    }
    res->cycles = now;
    if (quiet < 100)
        fail(res, "gave up: %zu of %zu and %zu of %zu packets came out", side[0].out_packet, r->n[0],
             side[1].out_packet, r->n[1]);
    for (int i = 0; i < GCM_DIRS; i++)
        if (gcm_dut_out_valid(d, (enum gcm_dir)i))
            fail(res, "dir %d: a word is left at the end", i);
}
