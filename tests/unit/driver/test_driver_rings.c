// SPDX-License-Identifier: BSD-2-Clause
// Commands, events and packets: rings that wrap, fill up and lie; deadlines; what goes over the bus and what does not.
#include "bar0_regs.h"
#include "dp_regs.h"
#include "tests/unit/driver/driver_world.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SLOTS 16

static void process(struct world *w)
{
    assert_int_equal(culvert_process(w->card), 0);
}

static bool readable(const struct world *w)
{
    int fd[CULVERT_FDS_MAX];
    struct pollfd p[CULVERT_FDS_MAX];
    const size_t n = culvert_fds(w->card, fd, CULVERT_FDS_MAX);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    return poll(p, n, 0) > 0;
}

static void a_command_is_one_slot_and_one_doorbell_both_posted(void **state)
{
    struct world *w = *state;
    const struct culvert_sa sa = {.index = 3, .dir = CULVERT_SA_OUT, .spi = 0x1234, .key = {1, 2, 3}, .dst = 9};
    w->in_callback_not_allowed = true;
    assert_int_equal(culvert_sa_install(w->card, &sa, world_done, (void *)5), 0);
    w->in_callback_not_allowed = false;
    assert_int_equal(w->fake.logged, 2);
    assert_true(w->fake.log[0].write && w->fake.log[0].posted);
    assert_int_equal(w->fake.log[0].offset, BAR0_CMD_RING);
    assert_int_equal(w->fake.log[0].len, 16 + sizeof(sa)); // no more of the slot than the command needs
    assert_true(w->fake.log[1].write && w->fake.log[1].posted);
    assert_int_equal(w->fake.log[1].offset, BAR0_CMD_TAIL);
    assert_int_equal(w->fake.log[1].value, 1);
    const struct culvert_cmd *c = &w->fake.ring[0];
    assert_int_equal(c->opcode, CULVERT_OP_SA_INSTALL);
    assert_int_equal(c->length, sizeof(sa));
    assert_int_equal(c->abi_major, CULVERT_ABI_MAJOR);
    assert_memory_equal(c->body, &sa, sizeof(sa));

    const uint8_t body[48] = {1, 2, 3};
    assert_true(fake_answer(&w->fake, CULVERT_ST_OK, body));
    assert_true(readable(w));
    w->fake.logged = 0;
    process(w);
    assert_int_equal(w->completions, 1);
    assert_int_equal(w->result[0].error, 0);
    assert_int_equal(w->result_arg[0], 5);
    assert_memory_equal(w->body[0], body, 48);
    assert_int_equal(w->fake.logged, 1); // EVQ_CONSUMER, posted; nothing was read
    assert_true(w->fake.log[0].write && w->fake.log[0].posted && w->fake.log[0].offset == BAR0_EVQ_CONSUMER);
    assert_int_equal(w->fake.evq[3], 1);
    assert_false(readable(w));
}

static void every_status_has_an_errno_and_a_sentence(void **state)
{
    struct world *w = *state;
    static const int want[CULVERT_ST_COUNT] = {0,       -EOPNOTSUPP, -EMSGSIZE, -ERANGE, -EINVAL,
                                               -ENOENT, -EEXIST,     -ENOSPC,   -EIO,    -EPROTO};
    for (unsigned s = 0; s < CULVERT_ST_COUNT; s++) {
        // An opcode that firmware does not know is among them: the driver passes on what it is told.
        assert_int_equal(
            culvert_command(w->card, (uint16_t)(s == 1 ? 999 : CULVERT_OP_NOP), NULL, 0, world_done, NULL, 0), 0);
        fake_answer(&w->fake, (uint16_t)s, NULL);
        process(w);
        assert_int_equal(w->result[s].error, want[s]);
        assert_int_equal(w->result[s].status, s);
        assert_true(strlen(culvert_status_text(s)) > 3);
    }
    assert_int_equal(culvert_status_errno(12345), -EPROTO);
    assert_int_equal(culvert_command(w->card, 0, NULL, 241, NULL, NULL, 0), -EMSGSIZE);
}

static void typed_helpers_send_their_opcode_and_length(void **state)
{
    struct world *w = *state;
    struct culvert_card *c = w->card;
    const struct culvert_port port = {.port = 1};
    const struct culvert_adj adj = {.index = 2};
    const struct culvert_sa sa = {.index = 3};
    const struct culvert_tunnel tunnel = {.index = 4};
    const struct culvert_route route = {.prefix = 5};
    const struct culvert_flow flow = {.src = 6};
    culvert_get_info(c, NULL, NULL);
    culvert_port_set(c, &port, NULL, NULL);
    culvert_local_set(c, 7, 0xc0000201, NULL, NULL);
    culvert_adj_set(c, &adj, NULL, NULL);
    culvert_sa_install(c, &sa, NULL, NULL);
    culvert_sa_remove(c, CULVERT_SA_OUT, 300, NULL, NULL);
    culvert_sa_counters(c, CULVERT_SA_IN, 301, NULL, NULL);
    culvert_sa_path(c, &sa, NULL, NULL);
    culvert_tunnel_set(c, &tunnel, NULL, NULL);
    culvert_route_set(c, &route, NULL, NULL);
    culvert_route_del(c, &route, NULL, NULL);
    culvert_flow_set(c, &flow, NULL, NULL);
    culvert_flow_del(c, &flow, NULL, NULL);
    culvert_enable(c, true, NULL, NULL);
    static const struct {
        uint16_t opcode, length;
        uint8_t first[8];
    } want[] = {{1, 0, {0}},          {2, 16, {1}},         {3, 8, {7, 0, 0, 0, 1, 2, 0, 0xc0}},
                {4, 12, {2}},         {5, 120, {3}},        {6, 4, {0x2c, 1, 1}},
                {7, 4, {0x2d, 1, 0}}, {8, 120, {3}},        {9, 8, {4}},
                {10, 12, {5}},        {11, 12, {5}},        {12, 20, {6}},
                {13, 20, {6}},        {15, 4, {1, 0, 0, 0}}};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_int_equal(w->fake.ring[i].opcode, want[i].opcode);
        assert_int_equal(w->fake.ring[i].length, want[i].length);
        assert_memory_equal(w->fake.ring[i].body, want[i].first, 8);
    }
}

static void a_full_ring_queues_and_keeps_the_order(void **state)
{
    struct world *w = *state;
    for (uintptr_t i = 0; i < 100; i++)
        assert_int_equal(culvert_local_set(w->card, (uint8_t)i, 0, world_done, (void *)i), 0);
    assert_int_equal(culvert_pending(w->card), 100);
    assert_int_equal(w->fake.cmd_tail, SLOTS); // the card has no room for more
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(w->fake.ring[i % SLOTS].body[0], i);
        assert_true(fake_answer(&w->fake, 0, NULL));
        if (i % 3 == 0 || i > 90 || w->fake.evq_producer - w->fake.evq[3] == 8)
            process(w);
        assert_true((uint16_t)(w->fake.cmd_tail - w->fake.cmd_head) <= SLOTS);
        if (w->fake.cmd_tail == w->fake.cmd_head)
            process(w);
    }
    process(w);
    assert_int_equal(w->completions, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(w->result_arg[i], i);
    assert_int_equal(culvert_pending(w->card), 0);
}

static void mailbox_counters_wrap_at_2_to_the_16(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < 0x10000 + 50; i++) {
        assert_int_equal(culvert_nop(w->card, world_done, (void *)(uintptr_t)i), 0);
        if (i % 5 == 4) {
            while (fake_answer(&w->fake, 0, NULL)) {
            }
            process(w);
            assert_int_equal(w->result_arg[(w->completions - 1) % WORLD_RESULTS], i);
        }
    }
    while (fake_answer(&w->fake, 0, NULL)) {
    }
    process(w);
    assert_int_equal(w->completions, 0x10000 + 50);
    assert_int_equal(w->fake.cmd_tail, 50);
}

static void late_answers_keep_their_slot_and_are_not_told(void **state)
{
    struct world *w = *state;
    assert_true(culvert_next_timeout(w->card) == UINT64_MAX);
    for (uintptr_t i = 0; i < SLOTS + 4; i++) // four of them wait in the library
        assert_int_equal(culvert_command(w->card, 0, NULL, 0, world_done, (void *)i, i < 8 ? 100 : 300), 0);
    assert_true(culvert_next_timeout(w->card) == w->now + 100000);
    culvert_expire(w->card);
    assert_int_equal(w->completions, 0); // not yet
    w->now += 100000;
    culvert_expire(w->card);
    assert_int_equal(w->completions, 8);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(w->result[i].error, -ETIMEDOUT);
    assert_int_equal(culvert_pending(w->card), 12);
    assert_int_equal(w->fake.cmd_tail, SLOTS); // their slots are still the card's
    for (int i = 0; i < 2; i++)
        assert_true(fake_answer(&w->fake, 0, NULL));
    process(w);
    assert_int_equal(w->completions, 8);
    assert_int_equal(culvert_stats(w->card)->late_completions, 2);
    assert_int_equal(w->fake.cmd_tail, SLOTS + 2);
    w->now += 200000;
    culvert_expire(w->card);
    assert_int_equal(w->completions, SLOTS + 4);
    assert_int_equal(culvert_pending(w->card), 0);
    assert_true(culvert_next_timeout(w->card) == UINT64_MAX);
    assert_int_equal(culvert_stats(w->card)->timeouts, SLOTS + 4);
    assert_int_equal(w->failures, 0); // slow is not dead
    for (int i = 0; i < SLOTS; i++) {
        assert_true(fake_answer(&w->fake, 0, NULL));
        process(w);
    }
    assert_int_equal(w->completions, SLOTS + 4);
}

static void a_timeout_finds_a_panic_that_no_interrupt_told(void **state)
{
    struct world *w = *state;
    assert_int_equal(culvert_command(w->card, 0, NULL, 0, world_done, NULL, 50), 0);
    assert_int_equal(culvert_command(w->card, 0, NULL, 0, world_done, NULL, 5000), 0);
    w->fake.status |= BAR0_STATUS_PANIC_MASK;
    strcpy(w->fake.panic, "stopped");
    w->now += 60000;
    culvert_expire(w->card);
    assert_int_equal(w->completions, 2);
    assert_int_equal(w->result[0].error, -ETIMEDOUT);
    assert_int_equal(w->result[1].error, -EHOSTDOWN);
    assert_int_equal(w->failures, 1);
}

static void entries_out_of_sequence_are_not_taken(void **state)
{
    struct world *w = *state;
    assert_int_equal(culvert_nop(w->card, world_done, NULL), 0);
    const struct culvert_cmd *c = &w->fake.ring[0];
    struct culvert_entry e = {.kind = CULVERT_ENTRY_COMPLETION, .tag = c->tag};
    struct culvert_entry *slot = fake_memory(&w->fake, w->fake.iova + 4096, 64);
    static const uint32_t wrong[] = {0, 2, 9, 0xffffffff, 0x80000001};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        e.sequence = wrong[i];
        memcpy(slot, &e, sizeof(e));
        fake_signal(&w->fake, 0);
        process(w);
        assert_int_equal(w->completions, 0);
        assert_int_equal(w->fake.evq[3], 0);
    }
    e.sequence = 1;
    memcpy(slot, &e, sizeof(e));
    fake_signal(&w->fake, 0);
    process(w);
    assert_int_equal(w->completions, 1);
}

static void strange_entries_are_counted_and_harmless(void **state)
{
    struct world *w = *state;
    const struct culvert_entry odd = {.kind = 77}, nobody = {.kind = CULVERT_ENTRY_COMPLETION, .tag = 0xdeadbeef};
    fake_post(&w->fake, &odd);
    fake_post(&w->fake, &nobody);
    assert_int_equal(culvert_nop(w->card, world_done, NULL), 0);
    fake_answer(&w->fake, 0, NULL);
    const struct culvert_entry twice = {.kind = CULVERT_ENTRY_COMPLETION, .tag = 0};
    fake_post(&w->fake, &twice); // the same tag again
    process(w);
    assert_int_equal(w->completions, 1);
    assert_int_equal(culvert_stats(w->card)->bad_entries, 1);
    assert_int_equal(culvert_stats(w->card)->bad_completions, 2);
}

static void events_come_in_order_and_the_queue_wraps(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < 300; i++) {
        const struct culvert_entry e = {
            .kind = CULVERT_ENTRY_EVENT, .event = (uint8_t)(i % DP_EVENT_COUNT), .tag = i | (i & 1) << 16};
        fake_post(&w->fake, &e);
        if (i % 8 == 7)
            process(w); // a full queue at each
    }
    process(w);
    assert_int_equal(w->events, 300);
    for (uint32_t i = 0; i < 300; i++) {
        assert_int_equal(w->event[i].index, i);
        assert_int_equal(w->event[i].dir, i & 1);
        assert_int_equal(w->event[i].type, i % DP_EVENT_COUNT);
    }
    assert_string_equal(culvert_event_name(DP_EVENT_HARD_LIFETIME), "hard_lifetime");
    assert_string_equal(culvert_event_name(99), "?");
    assert_string_equal(culvert_reason_name(DP_REASON_NO_ROUTE), "no_route");
}

// ---------------------------------------------------------------- counters

struct counters_seen {
    unsigned calls;
    int error;
    uint64_t value[DP_COUNTER_COUNT];
};

static void counters_done(void *arg, int error, const uint64_t *values, size_t count)
{
    struct counters_seen *s = arg;
    s->calls++;
    s->error = error;
    if (!error) {
        assert_int_equal(count, DP_COUNTER_COUNT);
        memcpy(s->value, values, sizeof(s->value));
    } else {
        assert_null(values);
    }
}

// Answers counter commands; counter n is n * 2^32 + n. The fail-th is refused.
static void answer_counters(struct world *w, int fail)
{
    for (int n = 0; w->fake.cmd_head != w->fake.cmd_tail; n++) {
        struct culvert_counters_req r;
        memcpy(&r, w->fake.ring[w->fake.cmd_head % SLOTS].body, sizeof(r));
        assert_true(r.count >= 1 && r.count <= CULVERT_COUNTERS_MAX && r.first + r.count <= DP_COUNTER_COUNT);
        struct culvert_counters c = {{0}};
        for (uint64_t i = 0; i < r.count; i++)
            c.value[i] = (r.first + i) << 32 | (r.first + i);
        fake_answer(&w->fake, n == fail ? CULVERT_ST_BAD_INDEX : CULVERT_ST_OK, &c);
        process(w);
    }
}

static void all_counters_with_their_names(void **state)
{
    struct world *w = *state;
    struct counters_seen s = {0};
    assert_int_equal(culvert_counters(w->card, counters_done, &s), 0);
    answer_counters(w, -1);
    assert_int_equal(s.calls, 1);
    assert_int_equal(s.error, 0);
    for (uint64_t i = 0; i < DP_COUNTER_COUNT; i++)
        assert_true(s.value[i] == (i << 32 | i));
    assert_int_equal(culvert_counter_count(), DP_COUNTER_COUNT);
    assert_string_equal(culvert_counter_name(DP_COUNTER_ESP_IN_PACKETS), "esp_in_packets");
    assert_string_equal(culvert_counter_name(DP_COUNTER_COUNT), "?");
    for (int fail = 0; fail < 6; fail++) {
        struct counters_seen bad = {0};
        assert_int_equal(culvert_counters(w->card, counters_done, &bad), 0);
        answer_counters(w, fail);
        assert_int_equal(bad.calls, 1);
        assert_int_equal(bad.error, -ERANGE);
    }
}

// ---------------------------------------------------------------- packets

static void received_packets_carry_what_the_card_says_and_the_ring_wraps(void **state)
{
    struct world *w = *state;
    uint8_t data[9216];
    for (uint32_t i = 0; i < 100; i++) {
        const uint32_t len = i == 50 ? sizeof(data) : 1 + i * 7;
        memset(data, (int)i, len);
        assert_true(fake_rx(&w->fake, i % 3 | (i % 13) << 8, i, i % 2 ? 1u << 31 | (i + 500) : 0, data, len));
        process(w);
        assert_int_equal(w->packets, i + 1);
        assert_int_equal(w->packet.len, len);
        assert_int_equal(w->packet.port, i % 3);
        assert_int_equal(w->packet.reason, i % 13);
        assert_int_equal(w->packet.tunnel, i);
        assert_int_equal(w->packet.decrypted, i % 2);
        if (i % 2)
            assert_int_equal(w->packet.sa, i + 500);
        assert_memory_equal(w->data, data, len);
        assert_int_equal(w->fake.rxq[3], i + 1); // given back
    }
    // A full ring, in one go.
    unsigned n = 0;
    while (fake_rx(&w->fake, 0, 0, 0, data, 60))
        n++;
    assert_int_equal(n, 8);
    w->fake.logged = 0;
    process(w);
    assert_int_equal(w->packets, 108);
    assert_in_range(w->fake.logged, 1, 4); // told in batches
    for (size_t i = 0; i < w->fake.logged; i++)
        assert_true(w->fake.log[i].write && w->fake.log[i].posted);
}

static void lying_slot_headers_are_counted_and_passed_over(void **state)
{
    struct world *w = *state;
    static const uint32_t lengths[] = {0, (1u << 14) - 63, 0xffffffff, 0x80000000};
    for (size_t i = 0; i < 4; i++)
        assert_true(fake_rx(&w->fake, 0, 0, 0, NULL, lengths[i]));
    assert_true(fake_rx(&w->fake, 3, 0, 0, NULL, 60)); // no such port
    assert_true(fake_rx(&w->fake, 1, 0, 0, "good", 4));
    process(w);
    assert_int_equal(w->packets, 1);
    assert_int_equal(culvert_stats(w->card)->rx_bad, 5);
    assert_int_equal(w->fake.rxq[3], 6);
}

static void a_flood_does_not_keep_the_loop(void **state)
{
    struct world *w = *state;
    culvert_detach(w->card);
    w->fake.closed = false;
    w->options.rxq_log2 = 9;
    assert_true(world_attach(w));
    for (int i = 0; i < 400; i++)
        assert_true(fake_rx(&w->fake, 0, 0, 0, "x", 1));
    process(w);
    assert_int_equal(w->packets, 256);
    assert_true(readable(w)); // the rest announces itself
    process(w);
    assert_int_equal(w->packets, 400);
    assert_false(readable(w));
}

static void sent_packets_fill_slots_and_ring_the_doorbell(void **state)
{
    struct world *w = *state;
    uint8_t data[9216];
    for (uint32_t i = 0; i < 50; i++) {
        const uint32_t len = i == 20 ? sizeof(data) : 1 + i * 3;
        memset(data, (int)i, len);
        w->fake.logged = 0;
        assert_int_equal(culvert_tx(w->card, (enum culvert_port_id)(i % 3), i, data, len), 0);
        assert_int_equal(w->fake.logged, 1);
        assert_true(w->fake.log[0].posted && w->fake.log[0].offset == BAR0_TXQ_PRODUCER);
        const uint8_t *slot = fake_tx(&w->fake);
        assert_non_null(slot);
        uint32_t h[16];
        memcpy(h, slot, 64);
        assert_int_equal(h[0], len);
        assert_int_equal(h[1], i % 3);
        assert_int_equal(h[2], i);
        for (int k = 3; k < 16; k++)
            assert_int_equal(h[k], 0);
        assert_memory_equal(slot + 64, data, len);
    }
    assert_null(fake_tx(&w->fake));
}

static void a_full_transmit_ring_says_so_and_tells_when_there_is_room(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(culvert_tx(w->card, CULVERT_PORT_OUTSIDE, 0, "abc", 3), 0);
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_OUTSIDE, 0, "abc", 3), -ENOBUFS);
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_OUTSIDE, 0, "abc", 3), -ENOBUFS);
    assert_int_equal(w->fake.txq[3], 4);
    process(w);
    assert_int_equal(w->rooms, 0);
    assert_non_null(fake_tx(&w->fake));
    process(w);
    assert_int_equal(w->rooms, 1);
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_OUTSIDE, 0, "abc", 3), 0);
    assert_int_equal(culvert_stats(w->card)->tx_full, 2);
    while (fake_tx(&w->fake)) {
    }
    process(w);
    assert_int_equal(w->rooms, 1); // nobody waits
}

static void senseless_packets_are_refused(void **state)
{
    struct world *w = *state;
    static const uint8_t data[20000];
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_INSIDE, 0, data, 0), -EINVAL);
    assert_int_equal(culvert_tx(w->card, (enum culvert_port_id)3, 0, data, 60), -EINVAL);
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_TUNNEL, 1024, data, 60), -EINVAL);
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_INSIDE, 0, data, 9217), -EMSGSIZE);
    assert_int_equal(culvert_tx(w->card, CULVERT_PORT_INSIDE, 0, data, sizeof(data)), -EMSGSIZE);
    assert_null(fake_tx(&w->fake));
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_command_is_one_slot_and_one_doorbell_both_posted),
        T(every_status_has_an_errno_and_a_sentence),
        T(typed_helpers_send_their_opcode_and_length),
        T(a_full_ring_queues_and_keeps_the_order),
        T(mailbox_counters_wrap_at_2_to_the_16),
        T(late_answers_keep_their_slot_and_are_not_told),
        T(a_timeout_finds_a_panic_that_no_interrupt_told),
        T(entries_out_of_sequence_are_not_taken),
        T(strange_entries_are_counted_and_harmless),
        T(events_come_in_order_and_the_queue_wraps),
        T(all_counters_with_their_names),
        T(received_packets_carry_what_the_card_says_and_the_ring_wraps),
        T(lying_slot_headers_are_counted_and_passed_over),
        T(a_flood_does_not_keep_the_loop),
        T(sent_packets_fill_slots_and_ring_the_doorbell),
        T(a_full_transmit_ring_says_so_and_tells_when_there_is_room),
        T(senseless_packets_are_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("driver: rings", tests, NULL, NULL);
}
