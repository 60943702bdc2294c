// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_hub.h"

#include "hostd/eap/eap_codec.h"
#include "hostd/eap/eap_guard.h"
#include "hostd/eap/eap_machine.h"
#include "hostd/util/map.h"

#include <stdio.h>
#include <stdlib.h>

struct eap_hub {
    struct eap_hub_ops ops;
    void *ctx;
    struct map waiting;            // token of a question to a backend -> conversation
    struct eap_conv *first, *last; // those that wait, by deadline
    uint64_t token;
    struct eap_hub_stats stats;
};

struct eap_conv {
    struct eap_hub *h;
    const struct eap_backend *backend;
    void *b; // the backend's; NULL: it has been told that it is over
    bool authenticator, over;
    char who[96];
    bool doomed; // a packet that says why it fails is out: logged and counted, whatever comes
    struct eap_guard guard;
    unsigned timeout;  // seconds
    uint64_t token;    // of our question to the backend; 0: none is out
    uint64_t asked;    // of the question to us
    uint64_t deadline; // microseconds
    struct eap_conv *prev, *next;
};

// Whom it is about, as far as is known, for the log.
static void set_who(struct eap_conv *c, const uint8_t *name, size_t len)
{
    size_t n = 0;
    for (; n < len && n < sizeof(c->who) - 1; n++) {
        c->who[n] = name[n] > ' ' && name[n] < 0x7f ? (char)name[n] : '?';
    }
    c->who[n] = '\0';
}

struct eap_hub *eap_hub_new(const struct eap_hub_ops *ops, void *ctx)
{
    struct eap_hub *h = calloc(1, sizeof(*h));
    if (h != NULL) {
        h->ops = *ops;
        h->ctx = ctx;
    }
    return h;
}

void eap_hub_free(struct eap_hub *h)
{
    if (h != NULL) {
        map_free(&h->waiting);
        free(h);
    }
}

struct eap_conv *eap_hub_begin(struct eap_hub *h, const struct eap_backend *backend, const struct eap_begin *b,
                               unsigned timeout)
{
    struct eap_conv *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return NULL;
    }
    c->h = h;
    c->backend = backend;
    c->authenticator = b->settings->authenticator;
    c->timeout = timeout > 0 ? timeout : EAP_TIMEOUT;
    set_who(c, b->identity, b->identity_len);
    c->b = backend->begin(backend->ctx, b);
    if (c->b == NULL) {
        free(c);
        return NULL;
    }
    h->stats.begun++;
    return c;
}

// ------------------------------------------------------------------------------------------------ waiting

// Most wait for the same time, so that a place near the end is right.
static bool wait_for(struct eap_conv *c, uint64_t now)
{
    struct eap_hub *h = c->h;
    uint64_t token = ++h->token;
    if (!map_set(&h->waiting, token, c)) {
        return false;
    }
    c->token = token;
    c->deadline = now + (uint64_t)c->timeout * 1000000;
    struct eap_conv *before = h->last;
    while (before != NULL && before->deadline > c->deadline) {
        before = before->prev;
    }
    c->prev = before;
    c->next = before == NULL ? h->first : before->next;
    *(before == NULL ? &h->first : &before->next) = c;
    *(c->next == NULL ? &h->last : &c->next->prev) = c;
    return true;
}

static void stop_waiting(struct eap_conv *c)
{
    struct eap_hub *h = c->h;
    if (c->token == 0) {
        return;
    }
    map_del(&h->waiting, c->token);
    *(c->prev == NULL ? &h->first : &c->prev->next) = c->next;
    *(c->next == NULL ? &h->last : &c->next->prev) = c->prev;
    c->token = 0;
    c->prev = c->next = NULL;
}

static void end_backend(struct eap_conv *c)
{
    void *b = c->b;
    c->b = NULL;
    if (b != NULL) {
        c->backend->end(c->backend->ctx, b);
    }
}

void eap_hub_end(struct eap_conv *c)
{
    c->h->stats.ended++;
    stop_waiting(c);
    end_backend(c);
    free(c);
}

// ------------------------------------------------------------------------------------------------ answers

static void say(const struct eap_conv *c, const struct eap_answer *a)
{
    char text[512];
    const bool good = a->verdict == EAP_V_SUCCESS;
    snprintf(text, sizeof(text), "EAP %s %s%s%s%s%s%s", c->authenticator ? "of" : "as", c->who,
             c->guard.method != 0 ? " by " : "", c->guard.method != 0 ? eap_type_name(c->guard.method) : "",
             good ? " succeeds" : " fails", good || a->why == NULL ? "" : ": ", good || a->why == NULL ? "" : a->why);
    c->h->ops.log(c->h->ctx, !good, text);
}

// Pass an answer on. The conversation may be gone afterwards.
static void give(struct eap_conv *c, struct eap_answer a)
{
    struct eap_hub *h = c->h;
    uint8_t verdict[4];
    if (a.verdict != EAP_V_CONTINUE) {
        struct wbuf w;
        c->over = true;
        wbuf_init(&w, verdict, sizeof(verdict));
        eap_put_verdict(&w, a.verdict == EAP_V_SUCCESS ? EAP_SUCCESS : EAP_FAILURE, c->guard.id);
        a.packet = c->authenticator ? verdict : NULL;
        a.len = c->authenticator ? sizeof(verdict) : 0;
    }
    // A refusal that takes another packet is told now: many a peer does not stay for the verdict.
    if (!c->doomed && (a.verdict != EAP_V_CONTINUE || a.why != NULL)) {
        *(a.verdict == EAP_V_SUCCESS ? &h->stats.succeeded : &h->stats.failed) += 1;
        say(c, &a);
        c->doomed = a.verdict != EAP_V_SUCCESS;
    }
    h->ops.answer(h->ctx, c->asked, &a);
}

static void refuse(struct eap_conv *c, const struct eap_answer *about, const char *format, const char *what)
{
    char why[256];
    snprintf(why, sizeof(why), format, what);
    give(c, (struct eap_answer){.verdict = EAP_V_FAILURE,
                                .identity = about == NULL ? NULL : about->identity,
                                .identity_len = about == NULL ? 0 : about->identity_len,
                                .why = why});
}

void eap_hub_answer(struct eap_hub *h, uint64_t token, const struct eap_answer *a)
{
    struct eap_conv *c = map_get(&h->waiting, token);
    if (c == NULL) {
        h->stats.late++;
        return;
    }
    stop_waiting(c);
    if (a->identity != NULL) {
        set_who(c, a->identity, a->identity_len);
    }
    const char *fault = c->authenticator ? eap_guard_answer(&c->guard, a) : NULL;
    if (fault != NULL) {
        h->stats.bad_backend++;
        refuse(c, a, "the backend gives a packet %s", fault);
        return;
    }
    give(c, *a);
}

void eap_hub_input(struct eap_conv *c, uint64_t token, const uint8_t *packet, size_t len, uint64_t now)
{
    c->asked = token;
    const char *fault = NULL;
    if (c->over || c->token != 0) {
        fault = c->over ? "after the end" : "while an answer is due";
    } else if (c->authenticator && (packet != NULL || c->guard.requests > 0)) {
        fault = eap_guard_response(&c->guard, packet, len);
    }
    if (fault != NULL) {
        c->h->stats.bad_peer++;
        stop_waiting(c);
        refuse(c, NULL, "a packet %s", fault);
        return;
    }
    if (!wait_for(c, now)) {
        refuse(c, NULL, "%s", "no memory");
        return;
    }
    c->backend->input(c->backend->ctx, c->b, c->token, packet, len);
}

uint64_t eap_hub_next_timer(const struct eap_hub *h)
{
    return h->first == NULL ? UINT64_MAX : h->first->deadline;
}

void eap_hub_run_timers(struct eap_hub *h, uint64_t now)
{
    while (h->first != NULL && h->first->deadline <= now) {
        struct eap_conv *c = h->first;
        stop_waiting(c);
        h->stats.timeouts++;
        end_backend(c);
        refuse(c, NULL, "no answer from backend \"%s\" in time", c->backend->name);
    }
}

const struct eap_hub_stats *eap_hub_stats(const struct eap_hub *h)
{
    return &h->stats;
}
