// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/datapath/bench.h"
#include "dp_regs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct packet *packet_new(const void *data, size_t len)
{
    struct packet *p = calloc(1, sizeof *p + len + 64);
    if (!p)
        abort();
    p->len = len;
    if (data)
        memcpy(p->data, data, len);
    return p;
}

void queue_push(struct queue *q, struct packet *p)
{
    p->next = NULL;
    if (q->tail)
        q->tail->next = p;
    else
        q->head = p;
    q->tail = p;
    q->count++;
}

struct packet *queue_pop(struct queue *q)
{
    struct packet *p = q->head;
    if (!p)
        return NULL;
    q->head = p->next;
    if (!q->head)
        q->tail = NULL;
    q->count--;
    return p;
}

void queue_clear(struct queue *q)
{
    struct packet *p;
    while ((p = queue_pop(q)))
        free(p);
}

uint32_t bench_random(struct bench *b)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return (uint32_t)(b->random >> 16);
}

static bool chance(struct bench *b, unsigned percent)
{
    return percent && bench_random(b) % 100 < percent;
}

static struct word next_word(struct bench *b, enum input in)
{
    const struct packet *p = b->in[in].head;
    size_t at = b->in_offset[in], left = p->len - at;
    struct word w = {.sop = at == 0, .last = left <= 64, .empty = (uint8_t)(left < 64 ? 64 - left : 0)};
    memcpy(w.data, p->data + at, left < 64 ? left : 64);
    if (left < 64) // what lies beyond the end of a packet must not matter
        memset(w.data + left, (int)(bench_random(b) & 0xff), 64 - left);
    return w;
}

static void word_taken(struct bench *b, enum input in, const struct word *w)
{
    if (!b->words_in[in]++)
        b->first_in[in] = b->cycle;
    b->last_in[in] = b->cycle;
    b->in_offset[in] += 64;
    if (w->last) {
        free(queue_pop(&b->in[in]));
        b->in_offset[in] = 0;
    }
    b->idle_cycles = 0;
}

static void collect(struct bench *b, enum output out, const struct word *w, const struct host_meta *m)
{
    struct packet *p = b->build[out];
    if (!p)
        p = b->build[out] = packet_new(NULL, MAX_PACKET), p->len = 0;
    if (w->sop != (p->len == 0) || p->len + 64 > MAX_PACKET) {
        printf("not ok - output %d broke the stream's rules\n", out);
        exit(1);
    }
    memcpy(p->data + p->len, w->data, 64);
    p->len += 64u - w->empty;
    if (m)
        p->meta = *m;
    if (!b->words_out[out]++)
        b->first_out[out] = b->cycle;
    b->last_out[out] = b->cycle;
    if (w->last) {
        p->cycle = b->cycle;
        queue_push(&b->out[out], p);
        b->build[out] = NULL;
    }
    b->idle_cycles = 0;
}

void bench_tick(struct bench *b)
{
    struct word rx, host, w;
    struct host_meta m;
    b->idle_cycles++;
    for (int port = 0; port < 2; port++) {
        enum input in = port ? IN_RX1 : IN_RX0;
        bool send = b->in[in].head && !chance(b, b->idle_percent[in]);
        if (send) {
            rx = next_word(b, in);
            word_taken(b, in, &rx);
        }
        dut_rx(b->dut, port, send ? &rx : NULL);
    }
    bool offered = b->pending.sop || b->pending.last || b->pending.empty == 255;
    if (!offered && b->in[IN_HOST].head && !chance(b, b->idle_percent[IN_HOST])) {
        b->pending = next_word(b, IN_HOST);
        if (!b->pending.sop && !b->pending.last)
            b->pending.empty = 255; // marks a middle word as there
        offered = true;
    }
    host = b->pending;
    if (host.empty == 255)
        host.empty = 0;
    const struct packet *hp = b->in[IN_HOST].head;
    dut_from_host(b->dut, offered ? &host : NULL, hp ? (uint16_t)hp->len : 0, hp ? hp->dest : 0, hp ? hp->tunnel : 0);

    bool ready[OUTPUTS];
    for (int o = 0; o < OUTPUTS; o++)
        ready[o] = !chance(b, b->hold_percent[o]);
    dut_tx_ready(b->dut, 0, ready[OUT_TX0]);
    dut_tx_ready(b->dut, 1, ready[OUT_TX1]);
    dut_host_ready(b->dut, ready[OUT_HOST]);

    if (ready[OUT_TX0] && dut_tx(b->dut, 0, &w))
        collect(b, OUT_TX0, &w, NULL);
    if (ready[OUT_TX1] && dut_tx(b->dut, 1, &w))
        collect(b, OUT_TX1, &w, NULL);
    if (ready[OUT_HOST] && dut_host(b->dut, &w, &m))
        collect(b, OUT_HOST, &w, &m);
    if (offered && dut_from_host_ready(b->dut)) {
        word_taken(b, IN_HOST, &host);
        memset(&b->pending, 0, sizeof b->pending);
    }
    dut_tick(b->dut);
    b->cycle++;
}

void bench_run(struct bench *b, unsigned cycles)
{
    while (cycles--)
        bench_tick(b);
}

bool bench_drain(struct bench *b)
{
    for (unsigned guard = 0; guard < 20000000; guard++) {
        bench_tick(b);
        if (!b->in[0].head && !b->in[1].head && !b->in[2].head && b->idle_cycles > 600)
            return !b->build[0] && !b->build[1] && !b->build[2];
    }
    return false;
}

void bench_send(struct bench *b, enum input in, const void *data, size_t len)
{
    queue_push(&b->in[in], packet_new(data, len));
}

void bench_inject(struct bench *b, const void *data, size_t len, uint8_t dest, uint16_t tunnel)
{
    struct packet *p = packet_new(data, len);
    p->dest = dest;
    p->tunnel = tunnel;
    queue_push(&b->in[IN_HOST], p);
}

static uint32_t reg_access(struct bench *b, bool we, uint16_t addr, uint32_t value)
{
    uint32_t data = 0;
    bool err = false;
    dut_reg(b->dut, true, we, addr, value);
    for (unsigned guard = 0;; guard++) {
        if (dut_reg_ack(b->dut, &data, &err))
            break;
        if (guard > 100) {
            printf("not ok - register 0x%x: no answer\n", addr);
            exit(1);
        }
        bench_tick(b);
    }
    dut_reg(b->dut, false, false, 0, 0);
    bench_tick(b);
    b->reg_errors += err;
    return data;
}

void bench_write(struct bench *b, uint16_t addr, uint32_t value)
{
    reg_access(b, true, addr, value);
}

uint32_t bench_read(struct bench *b, uint16_t addr)
{
    return reg_access(b, false, addr, 0);
}

struct bench *bench_create(uint64_t seed)
{
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->random = seed * 0x9e3779b97f4a7c15u | 1;
    b->dut = dut_create(seed);
    dut_reset(b->dut, true);
    for (int o = 0; o < OUTPUTS; o++)
        b->hold_percent[o] = 0;
    for (int i = 0; i < 10; i++)
        dut_tick(b->dut);
    dut_reset(b->dut, false);
    for (unsigned guard = 0; bench_read(b, DP_STATUS) & DP_STATUS_WIPING_MASK; guard++) {
        if (guard > 100000) {
            printf("not ok - the wipe after reset never ends\n");
            exit(1);
        }
    }
    return b;
}

void bench_destroy(struct bench *b)
{
    for (int i = 0; i < INPUTS; i++)
        queue_clear(&b->in[i]);
    for (int o = 0; o < OUTPUTS; o++) {
        queue_clear(&b->out[o]);
        free(b->build[o]);
    }
    dut_destroy(b->dut);
    free(b);
}
