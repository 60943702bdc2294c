// SPDX-License-Identifier: BSD-2-Clause
// Commands: waiting until the card's ring has room, sent until their completion comes. The card answers in order, each
// command once, so the number of sent ones without an answer is what is in use of the ring; a command that has timed
// out keeps its place until its late answer comes.
#include "bar0_regs.h"
#include "driver/card_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_TIMEOUT_MS 10000

void card_queue_init(struct card_queue *q)
{
    q->head = NULL;
    q->tail = &q->head;
    q->count = 0;
}

static void push(struct card_queue *q, struct card_command *m)
{
    m->next = NULL;
    *q->tail = m;
    q->tail = &m->next;
    q->count++;
}

static struct card_command *take(struct card_queue *q, struct card_command **link)
{
    struct card_command *m = *link;
    *link = m->next;
    if (q->tail == &m->next)
        q->tail = link;
    q->count--;
    return m;
}

static void dispose(struct card_command *m)
{
    explicit_bzero(m, sizeof(*m));
    free(m);
}

static void call(const struct card_command *m, int error, unsigned status, const uint8_t *body)
{
    static const uint8_t nothing[48];
    const struct culvert_result r = {error, (uint16_t)status, body ? body : nothing};
    if (m->done)
        m->done(m->arg, &r);
}

static void send(struct culvert_card *c, struct card_command *m)
{
    struct culvert_cmd slot = {.opcode = m->opcode, .length = m->len, .tag = m->tag, .abi_major = CULVERT_ABI_MAJOR};
    memcpy(slot.body, m->body, m->len);
    const size_t bytes = (offsetof(struct culvert_cmd, body) + m->len + 3u) & ~(size_t)3;
    const uint32_t at = BAR0_CMD_RING + c->cmd_tail % c->caps.command_slots * CULVERT_CMD_BYTES;
    int rc = c->t->ops->write(c->t, CULVERT_REGION_BAR0, at, &slot, bytes, true);
    explicit_bzero(&slot, sizeof(slot));
    explicit_bzero(m->body, sizeof(m->body));
    c->cmd_tail++;
    if (!rc)
        rc = card_post32(c, BAR0_CMD_TAIL, c->cmd_tail);
    push(&c->sent, m);
    c->stats.commands++;
    if (rc)
        card_fail_later(c, -ENODEV, c->t->error);
}

void card_send_waiting(struct culvert_card *c)
{
    while (c->waiting.head && c->sent.count < c->caps.command_slots && c->state == CULVERT_READY && !c->failing)
        send(c, take(&c->waiting, &c->waiting.head));
}

int culvert_command(struct culvert_card *c, uint16_t opcode, const void *body, size_t len, culvert_done *done,
                    void *arg, uint32_t timeout_ms)
{
    if (len > sizeof(((struct culvert_cmd *)0)->body))
        return -EMSGSIZE;
    if (c->state != CULVERT_READY || c->failing)
        return -ENODEV;
    struct card_command *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    if (!timeout_ms)
        timeout_ms = c->options.command_timeout_ms ? c->options.command_timeout_ms : COMMAND_TIMEOUT_MS;
    m->tag = c->next_tag++;
    m->opcode = opcode;
    m->len = (uint16_t)len;
    m->done = done;
    m->arg = arg;
    m->deadline = card_now(c) + (uint64_t)timeout_ms * 1000;
    if (len)
        memcpy(m->body, body, len);
    push(&c->waiting, m);
    card_send_waiting(c);
    return 0;
}

size_t culvert_pending(const struct culvert_card *c)
{
    size_t n = c->waiting.count;
    for (const struct card_command *m = c->sent.head; m; m = m->next)
        n += !m->expired;
    return n;
}

void card_complete(struct culvert_card *c, const struct culvert_entry *e)
{
    struct card_command **link = &c->sent.head;
    while (*link && (*link)->tag != e->tag)
        link = &(*link)->next;
    if (!*link) {
        c->stats.bad_completions++;
        card_log(c, CULVERT_LOG_WARNING, "%s: completion with tag %u that no command has", c->t->where, e->tag);
        return;
    }
    struct card_command *m = take(&c->sent, link);
    c->stats.completions++;
    if (m->expired) {
        c->stats.late_completions++;
    } else {
        if (e->status != CULVERT_ST_OK)
            card_log(c, CULVERT_LOG_DEBUG, "%s: command %u: %s", c->t->where, m->opcode,
                     culvert_status_text(e->status));
        call(m, culvert_status_errno(e->status), e->status, e->body);
    }
    dispose(m);
}

// Callbacks may queue new commands (refused when the card is FAILED): the lists are taken over first.
static void fail_queue(struct card_queue *q, int error)
{
    struct card_command *m = q->head;
    card_queue_init(q);
    while (m) {
        struct card_command *next = m->next;
        if (!m->expired)
            call(m, error, 0, NULL);
        dispose(m);
        m = next;
    }
}

void card_fail_commands(struct culvert_card *c, int error)
{
    c->state = CULVERT_FAILED;
    fail_queue(&c->sent, error);
    fail_queue(&c->waiting, error);
}

// ---------------------------------------------------------------- deadlines

static uint64_t earliest(const struct card_queue *q, uint64_t best)
{
    for (const struct card_command *m = q->head; m; m = m->next)
        if (!m->expired && m->deadline < best)
            best = m->deadline;
    return best;
}

uint64_t culvert_next_timeout(const struct culvert_card *c)
{
    return earliest(&c->sent, earliest(&c->waiting, UINT64_MAX));
}

void culvert_expire(struct culvert_card *c)
{
    const uint64_t now = card_now(c);
    struct card_queue late;
    card_queue_init(&late);
    for (struct card_command **link = &c->waiting.head; *link;) {
        if ((*link)->deadline <= now)
            push(&late, take(&c->waiting, link));
        else
            link = &(*link)->next;
    }
    size_t expired = late.count;
    // First mark, then call: a callback may change the list.
    for (struct card_command *m = c->sent.head; m; m = m->next) {
        if (m->expired || m->deadline > now)
            continue;
        struct card_command *copy = calloc(1, sizeof(*copy));
        if (!copy)
            continue; // the next call tries again
        copy->done = m->done;
        copy->arg = m->arg;
        copy->opcode = m->opcode;
        m->expired = true;
        m->done = NULL;
        push(&late, copy);
        expired++;
    }
    if (!expired)
        return;
    c->stats.timeouts += expired;
    card_log(c, CULVERT_LOG_WARNING, "%s: %zu commands were not answered in time", c->t->where, expired);
    fail_queue(&late, -ETIMEDOUT);
    if (c->state == CULVERT_READY)
        card_check_health(c);
}
