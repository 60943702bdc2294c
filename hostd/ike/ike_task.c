// SPDX-License-Identifier: BSD-2-Clause
// The exchanges that we start: as many at a time as the peer's window has places (mostly one), the others wait in a
// queue. Those under way are in sa->task; when something comes in for one of them (an answer, its timer, a job, an
// installed child) it is put first there, and whoever deals with it takes sa->task for it. Nothing else is started
// meanwhile: so it does not matter in which order they come to an end.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

// An IKE SA that the exchange was to make, and that never got keys or was not decided about.
static void drop_made(struct ike_sa *sa, const struct ike_task *t)
{
    struct ike_sa *made = t->made_sa ? ike_sa_by_spi(sa->e, t->made_sa) : NULL;
    if (made && (made->state == IKE_S_NEW || t->held))
        ike_sa_close(made, IKE_R_REDUNDANT, false);
}

static void free_task(struct ike_task *t)
{
    struct ike_sa *sa = t->sa;
    drop_made(sa, t);
    ike_heap_stop(&sa->e->timers, &t->timer);
    ike_heap_release(&sa->e->timers, IKE_TASK_TIMERS);
    ike_frags_free(sa, &t->frags);
    EVP_PKEY_free(t->key);
    free(t->out);
    free(t->ke);
    free(t->nr);
    free(t->ts);
    free(t->esp);
    free(t->gateway);
    OPENSSL_clear_free(t->shared, t->shared_len);
    OPENSSL_cleanse(t, sizeof(*t));
    free(t);
}

struct ike_task *ike_task_add(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child)
{
    struct ike_task **at = &sa->queue;
    unsigned n = 0;
    for (const struct ike_task *t = sa->queue; t; t = t->next)
        n++;
    // Deletions must always find room.
    if (n >= IKE_MAX_TASKS && kind != IKE_TASK_DELETE_IKE && kind != IKE_TASK_DELETE_CHILD)
        return NULL;
    struct ike_task *t = ike_zalloc(sa->e, sizeof(*t));
    if (t == NULL)
        return NULL;
    if (!ike_heap_reserve(&sa->e->timers, IKE_TASK_TIMERS)) {
        free(t);
        return NULL;
    }
    t->sa = sa;
    t->kind = kind;
    t->child = child;
    t->timer.kind = IKE_TM_TASK;
    t->timer.owner = t;
    if (kind != IKE_TASK_DELETE_IKE && kind != IKE_TASK_MOBIKE) { // those go first
        while (*at)
            at = &(*at)->next;
    }
    t->next = *at;
    *at = t;
    return t;
}

bool ike_task_pending(const struct ike_sa *sa, enum ike_task_kind kind, uint32_t child)
{
    for (const struct ike_task *t = sa->queue; t; t = t->next) {
        if (t->kind == kind && t->child == child)
            return true;
    }
    return ike_task_out(sa, kind, child) != NULL;
}

struct ike_task *ike_task_out(const struct ike_sa *sa, enum ike_task_kind kind, uint32_t child)
{
    struct ike_task *t = sa->task;
    while (t && (t->kind != kind || t->child != child))
        t = t->next;
    return t;
}

struct ike_task *ike_task_by_mid(const struct ike_sa *sa, uint32_t mid)
{
    struct ike_task *t = sa->task;
    while (t && (t->out == NULL || t->mid != mid))
        t = t->next;
    return t;
}

struct ike_task *ike_task_by_job(const struct ike_sa *sa, uint64_t serial)
{
    struct ike_task *t = sa->task;
    while (t && t->job != serial)
        t = t->next;
    return t;
}

struct ike_task *ike_task_making(const struct ike_sa *sa, uint32_t child)
{
    struct ike_task *t = sa->task;
    while (t && t->made != child)
        t = t->next;
    return t;
}

struct ike_task *ike_task_oldest(const struct ike_sa *sa)
{
    struct ike_task *oldest = NULL;
    for (struct ike_task *t = sa->task; t; t = t->next) {
        if (t->out && (oldest == NULL || t->mid < oldest->mid))
            oldest = t;
    }
    return oldest;
}

static bool makes_sa(enum ike_task_kind k)
{
    return k == IKE_TASK_REKEY_IKE || k == IKE_TASK_REKEY_CHILD || k == IKE_TASK_NEW_CHILD;
}

// May the exchange still take place? If not it is dropped.
static bool makes_sense(struct ike_sa *sa, const struct ike_task *t)
{
    const struct ike_child *c = t->child ? ike_child_by_id(sa->e, t->child) : NULL;
    switch (t->kind) {
    case IKE_TASK_DELETE_IKE:
        return true;
    case IKE_TASK_INIT:
        return sa->state == IKE_S_NEW;
    case IKE_TASK_AUTH:
        return sa->state == IKE_S_INIT_SENT;
    case IKE_TASK_DPD:
    case IKE_TASK_CONFIG:
    case IKE_TASK_MOBIKE:
    case IKE_TASK_COOKIE2:
    case IKE_TASK_ADDRESSES:
    case IKE_TASK_REDIRECT:
    case IKE_TASK_NOTICE:
    case IKE_TASK_NEW_CHILD:
    case IKE_TASK_REKEY_IKE:
        return sa->state == IKE_S_ESTABLISHED;
    case IKE_TASK_DELETE_CHILD:
        return sa->state == IKE_S_ESTABLISHED && c && c->state != IKE_C_DEAD && c->state != IKE_C_LINGER;
    case IKE_TASK_REKEY_CHILD:
        return sa->state == IKE_S_ESTABLISHED && c && c->state == IKE_C_UP;
    }
    return false;
}

static void start(struct ike_sa *sa)
{
    switch (sa->task->kind) {
    case IKE_TASK_INIT:
        ike_init_start(sa);
        break;
    case IKE_TASK_AUTH:
        ike_auth_start(sa);
        break;
    case IKE_TASK_DELETE_IKE:
    case IKE_TASK_DELETE_CHILD:
    case IKE_TASK_DPD:
    case IKE_TASK_MOBIKE:
    case IKE_TASK_COOKIE2:
    case IKE_TASK_ADDRESSES:
    case IKE_TASK_REDIRECT:
    case IKE_TASK_NOTICE:
        ike_info_start(sa);
        break;
    case IKE_TASK_CONFIG:
        ike_cp_start(sa);
        break;
    case IKE_TASK_REKEY_IKE:
    case IKE_TASK_REKEY_CHILD:
    case IKE_TASK_NEW_CHILD:
        ike_create_start(sa);
        break;
    }
}

// Exchanges that are alone: they change the SA itself.
static bool alone(enum ike_task_kind k)
{
    return k == IKE_TASK_INIT || k == IKE_TASK_AUTH || k == IKE_TASK_REKEY_IKE || k == IKE_TASK_DELETE_IKE;
}

// May it be under way together with that one? Not if both are about one child, nor if the peer had to see them in
// their order: of all kinds that tell it something, or ask, the last one counts (RFC 4555 3.5: one update at a time).
static bool together(const struct ike_task *t, const struct ike_task *o)
{
    if (alone(t->kind) || alone(o->kind))
        return false;
    if (t->child && (t->child == o->child || t->child == o->made))
        return false;
    return t->kind != o->kind || makes_sa(t->kind) || t->kind == IKE_TASK_DELETE_CHILD || t->kind == IKE_TASK_NOTICE;
}

static bool may_start(const struct ike_sa *sa, const struct ike_task *t)
{
    if (makes_sa(t->kind) && (sa->req || sa->provisional))
        return false;
    for (const struct ike_task *o = sa->task; o; o = o->next) {
        if (!together(t, o))
            return false;
    }
    return true;
}

// When it may start at the earliest. The peer has a child that our answer to a rekey makes only once that has come:
// some pass over a Delete of an SA that they do not know yet, and make it after that. So what is about it waits until
// the peer is seen to have it, or should have.
static uint64_t earliest(const struct ike_sa *sa, const struct ike_task *t)
{
    const bool about_it = t->kind == IKE_TASK_DELETE_CHILD || t->kind == IKE_TASK_REKEY_CHILD;
    const struct ike_child *c = about_it ? ike_child_by_id(sa->e, t->child) : NULL;
    const bool unsure = c && c->state == IKE_C_UP && !c->switched;
    return unsure && c->next_at > t->not_before ? c->next_at : t->not_before;
}

// Take the next task that may start out of the queue; *wake: when to look again if there is none. What makes no sense
// any more is dropped.
static struct ike_task *next_task(struct ike_sa *sa, uint64_t *wake)
{
    struct ike_task **at = &sa->queue;
    while (*at) {
        struct ike_task *t = *at;
        if (!makes_sense(sa, t)) {
            *at = t->next;
            free_task(t);
        } else if (earliest(sa, t) > sa->e->now) {
            const uint64_t when = earliest(sa, t);
            *wake = when < *wake ? when : *wake;
            at = &t->next;
        } else if (may_start(sa, t)) {
            *at = t->next;
            return t;
        } else if (alone(t->kind) && sa->task) {
            break; // else those behind it would keep it waiting for ever
        } else {
            at = &t->next;
        }
    }
    return NULL;
}

// What waited for the answer to a request that it collides with goes on.
static void resume_held(struct ike_sa *sa)
{
    struct ike_task *t = sa->req == NULL && !sa->at_hand ? sa->task : NULL;
    while (t && !t->held)
        t = t->next;
    if (t == NULL)
        return;
    t->held = false;
    const bool before = ike_task_enter(t);
    if (t->kind == IKE_TASK_REKEY_IKE)
        ike_rekey_resume(sa);
    else
        ike_create_resume(sa);
    ike_task_leave(sa, before);
}

void ike_task_run(struct ike_sa *sa)
{
    uint64_t wake = UINT64_MAX;
    resume_held(sa);
    while (!sa->at_hand && sa->queue && ike_window_open(sa)) {
        struct ike_task *t = next_task(sa, &wake);
        if (t == NULL)
            break;
        wake = UINT64_MAX;
        t->next = sa->task;
        sa->task = t;
        sa->at_hand = true;
        start(sa);
        sa->at_hand = false;
    }
    if (wake != UINT64_MAX)
        ike_heap_start(&sa->e->timers, &sa->wake, wake);
}

// Take it out of those under way.
static void unlink_task(struct ike_task *t)
{
    struct ike_task **at = &t->sa->task;
    while (*at && *at != t)
        at = &(*at)->next;
    if (*at)
        *at = t->next;
    t->next = NULL;
}

bool ike_task_enter(struct ike_task *t)
{
    struct ike_sa *sa = t->sa;
    const bool before = sa->at_hand;
    unlink_task(t);
    t->next = sa->task;
    sa->task = t;
    sa->at_hand = true;
    return before;
}

void ike_task_leave(struct ike_sa *sa, bool before)
{
    sa->at_hand = before;
    ike_task_run(sa);
}

void ike_task_abandon(struct ike_sa *sa)
{
    struct ike_task *t = sa->task;
    sa->at_hand = false;
    if (t) {
        sa->task = t->next;
        free_task(t);
    }
}

void ike_task_drop_out(struct ike_sa *sa)
{
    while (sa->task)
        ike_task_abandon(sa);
}

void ike_task_drop_queue(struct ike_sa *sa)
{
    while (sa->queue) {
        struct ike_task *t = sa->queue;
        sa->queue = t->next;
        free_task(t);
    }
}

void ike_task_finish(struct ike_sa *sa)
{
    ike_task_abandon(sa);
    ike_task_run(sa);
}

void ike_task_retry(struct ike_sa *sa, uint64_t pause)
{
    struct ike_task *t = sa->task;
    drop_made(sa, t);
    ike_request_done(sa);
    sa->at_hand = false;
    unlink_task(t);
    EVP_PKEY_free(t->key);
    free(t->ke);
    free(t->nr);
    t->key = NULL;
    t->ke = t->nr = NULL;
    t->job = 0;
    t->made = 0;
    t->made_sa = 0;
    t->peer_child = 0;
    t->peer_sa = 0;
    t->n_gone = 0;
    t->sent = false;
    t->retries++;
    // Both sides may be waiting for each other: they must not come back at the same moment.
    t->not_before = sa->e->now + pause + pause * ike_jitter(sa) / 512;
    t->next = sa->queue;
    sa->queue = t;
    ike_task_run(sa);
}

// Take the first of a list that is of this kind, about this child and not sent yet out of it; NULL: there is none.
static struct ike_task *take_unsent(struct ike_task **at, enum ike_task_kind kind, uint32_t child)
{
    while (*at && ((*at)->sent || (*at)->kind != kind || (*at)->child != child))
        at = &(*at)->next;
    struct ike_task *t = *at;
    if (t)
        *at = t->next;
    return t;
}

void ike_task_cancel_unsent(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child)
{
    const struct ike_task *at_hand = sa->at_hand ? sa->task : NULL;
    struct ike_task *t;
    while ((t = take_unsent(&sa->queue, kind, child)) != NULL || (t = take_unsent(&sa->task, kind, child)) != NULL) {
        struct ike_child *made = t->made ? ike_child_by_id(sa->e, t->made) : NULL;
        if (t == at_hand)
            sa->at_hand = false;
        if (made)
            ike_child_drop(made, IKE_R_REDUNDANT);
        free_task(t);
    }
}

void ike_task_move(struct ike_sa *from, struct ike_sa *to)
{
    struct ike_task **end = &to->queue;
    while (*end)
        end = &(*end)->next;
    while (from->queue) {
        struct ike_task *t = from->queue;
        from->queue = t->next;
        t->next = NULL;
        if (t->kind != IKE_TASK_DELETE_IKE && t->kind != IKE_TASK_REKEY_IKE && t->kind != IKE_TASK_DPD) {
            t->sa = to;
            *end = t;
            end = &t->next;
        } else {
            free_task(t);
        }
    }
}
