// SPDX-License-Identifier: BSD-2-Clause
// The exchanges that we start: one at a time on each SA (window size 1), the others wait in a queue.
#include "hostd/ike/ike_int.h"

#include <openssl/crypto.h>

void ike_task_free(struct ike_sa *sa, struct ike_task *t)
{
    // An IKE SA that the exchange was to make and that never got keys.
    struct ike_sa *made = t->made_sa ? ike_sa_by_spi(sa->e, t->made_sa) : NULL;
    if (made && made->state == IKE_S_NEW)
        ike_sa_close(made, IKE_R_REDUNDANT, false);
    EVP_PKEY_free(t->key);
    free(t->ke);
    free(t->nr);
    free(t->ts);
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
    t->kind = kind;
    t->child = child;
    if (kind != IKE_TASK_DELETE_IKE) { // that one goes first
        while (*at)
            at = &(*at)->next;
    }
    t->next = *at;
    *at = t;
    return t;
}

bool ike_task_pending(const struct ike_sa *sa, enum ike_task_kind kind, uint32_t child)
{
    if (sa->task && sa->task->kind == kind && sa->task->child == child)
        return true;
    for (const struct ike_task *t = sa->queue; t; t = t->next) {
        if (t->kind == kind && t->child == child)
            return true;
    }
    return false;
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
        ike_info_start(sa);
        break;
    case IKE_TASK_REKEY_IKE:
    case IKE_TASK_REKEY_CHILD:
    case IKE_TASK_NEW_CHILD:
        ike_create_start(sa);
        break;
    }
}

void ike_task_run(struct ike_sa *sa)
{
    struct ike_task **at = &sa->queue;
    uint64_t wake = UINT64_MAX;
    while (*at && sa->task == NULL) {
        struct ike_task *t = *at;
        if (!makes_sense(sa, t)) {
            *at = t->next;
            ike_task_free(sa, t);
        } else if (t->not_before > sa->e->now || (makes_sa(t->kind) && (sa->req || sa->provisional))) {
            if (t->not_before > sa->e->now && t->not_before < wake)
                wake = t->not_before;
            at = &t->next;
        } else {
            *at = t->next;
            t->next = NULL;
            sa->task = t;
            start(sa);
            return;
        }
    }
    if (sa->task == NULL && wake != UINT64_MAX)
        ike_heap_start(&sa->e->timers, &sa->retrans, wake);
}

void ike_task_abandon(struct ike_sa *sa)
{
    struct ike_task *t = sa->task;
    sa->task = NULL;
    sa->job[IKE_JOB_TASK] = 0;
    if (t)
        ike_task_free(sa, t);
}

void ike_task_finish(struct ike_sa *sa)
{
    ike_task_abandon(sa);
    ike_task_run(sa);
}

void ike_task_retry(struct ike_sa *sa, uint64_t pause)
{
    struct ike_task *t = sa->task;
    uint8_t jitter = 0;
    struct ike_sa *made = t->made_sa ? ike_sa_by_spi(sa->e, t->made_sa) : NULL;
    if (made && made->state == IKE_S_NEW)
        ike_sa_close(made, IKE_R_REDUNDANT, false);
    sa->task = NULL;
    sa->job[IKE_JOB_TASK] = 0;
    EVP_PKEY_free(t->key);
    free(t->ke);
    free(t->nr);
    t->key = NULL;
    t->ke = t->nr = NULL;
    t->made = 0;
    t->made_sa = 0;
    t->peer_child = 0;
    t->peer_sa = 0;
    t->sent = false;
    t->retries++;
    // Both sides may be waiting for each other: they must not come back at the same moment.
    (void)ike_random(sa->e, &jitter, sizeof(jitter));
    t->not_before = sa->e->now + pause + pause * jitter / 512;
    t->next = sa->queue;
    sa->queue = t;
    ike_task_run(sa);
}

void ike_task_cancel_unsent(struct ike_sa *sa, enum ike_task_kind kind, uint32_t child)
{
    struct ike_task **at = &sa->queue;
    while (*at) {
        struct ike_task *t = *at;
        if (t->kind == kind && t->child == child) {
            *at = t->next;
            ike_task_free(sa, t);
        } else {
            at = &t->next;
        }
    }
    if (sa->task && !sa->task->sent && sa->task->kind == kind && sa->task->child == child) {
        struct ike_child *made = sa->task->made ? ike_child_by_id(sa->e, sa->task->made) : NULL;
        if (made)
            ike_child_drop(made, IKE_R_REDUNDANT);
        ike_task_abandon(sa);
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
        if (t->kind == IKE_TASK_DELETE_CHILD || t->kind == IKE_TASK_REKEY_CHILD || t->kind == IKE_TASK_NEW_CHILD) {
            *end = t;
            end = &t->next;
        } else {
            ike_task_free(from, t);
        }
    }
}
