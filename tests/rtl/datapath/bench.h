// SPDX-License-Identifier: BSD-2-Clause
// Drives the datapath: packets in by queue, packets out into lists, registers by call. Everything is deterministic from
// the seed.
#pragma once
#include "tests/rtl/datapath/shim.h"
#include <stddef.h>

enum { MAX_PACKET = 10240 };
enum output { OUT_TX0, OUT_TX1, OUT_HOST, OUTPUTS };
enum input { IN_RX0, IN_RX1, IN_HOST, INPUTS };

struct packet {
    struct packet *next;
    size_t len;
    struct host_meta meta; // OUT_HOST
    uint8_t dest;          // IN_HOST
    uint16_t tunnel;       // IN_HOST
    uint64_t cycle;        // of its last word
    uint8_t data[];
};

struct queue {
    struct packet *head, *tail;
    size_t count;
};

struct packet *packet_new(const void *data, size_t len);
void queue_push(struct queue *q, struct packet *p); // takes it
struct packet *queue_pop(struct queue *q);          // gives it, NULL when empty
void queue_clear(struct queue *q);

struct bench {
    struct dut *dut;
    uint64_t cycle, random;
    unsigned idle_percent[INPUTS];  // chance that a cycle carries no word
    unsigned hold_percent[OUTPUTS]; // chance that a cycle refuses a word
    struct queue in[INPUTS];
    size_t in_offset[INPUTS];
    struct word pending; // word offered by the host that was not taken
    struct packet *build[OUTPUTS];
    struct queue out[OUTPUTS];
    uint64_t words_in[INPUTS], words_out[OUTPUTS];
    uint64_t first_in[INPUTS], first_out[OUTPUTS], last_in[INPUTS], last_out[OUTPUTS]; // cycles of first and last word
    uint64_t idle_cycles;                                                              // since a word moved anywhere
    unsigned reg_errors;
};

struct bench *bench_create(uint64_t seed); // reset done, tables wiped
void bench_destroy(struct bench *b);
void bench_tick(struct bench *b);
void bench_run(struct bench *b, unsigned cycles);
bool bench_drain(struct bench *b); // until inputs are empty and nothing has moved for a while; false: it never ends
void bench_send(struct bench *b, enum input in, const void *data, size_t len);
void bench_inject(struct bench *b, const void *data, size_t len, uint8_t dest, uint16_t tunnel);
uint32_t bench_random(struct bench *b);
void bench_write(struct bench *b, uint16_t addr, uint32_t value);
uint32_t bench_read(struct bench *b, uint16_t addr);
