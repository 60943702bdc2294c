// SPDX-License-Identifier: BSD-2-Clause
// Firmware as the host sees it: each command with good and bad bodies, the ring's counters wrapping, a queue without
// room, events, boot and what it refuses.
#include "dp_regs.h"
#include "firmware/core/version.h"
#include "firmware/drivers/wdt.h"
#include "firmware/services/fw.h"
#include "mbox_regs.h"
#include "tests/unit/firmware/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct model m;
    struct fw fw;
    uint32_t read; // posted entries that the test has looked at
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    model_init(&w->m);
    w->m.wiping_reads = 3;
    w->m.busy_reads = 2;
    hal_use(&w->m);
    assert_null(fw_boot(&w->fw));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->m.writes_while_busy, 0);
    assert_int_equal(w->m.refused_posts, 0);
    free(w);
    return 0;
}

// Runs firmware until it would sleep; returns the lines that it waits for.
static uint32_t run(struct world *w)
{
    for (int i = 0; i < 100000; i++) {
        const uint32_t lines = fw_step(&w->fw);
        if (lines)
            return lines;
    }
    fail_msg("firmware does not come to rest");
    return 0;
}

static const struct culvert_entry *next_entry(struct world *w)
{
    assert_true(w->read < w->m.posts);
    return model_posted(&w->m, w->read++);
}

// Sends one command and returns its completion.
static const struct culvert_entry *ask(struct world *w, uint16_t opcode, const void *body, size_t length)
{
    const uint32_t tag = 0xabc00000u + opcode;
    model_command(&w->m, opcode, tag, body, (uint16_t)length);
    run(w);
    const struct culvert_entry *e = next_entry(w);
    assert_int_equal(w->read, w->m.posts);
    assert_int_equal(e->kind, CULVERT_ENTRY_COMPLETION);
    assert_int_equal(e->tag, tag);
    return e;
}
#define ASK(w, opcode, body)               ask(w, opcode, &(body), sizeof(body))
#define WANT(w, opcode, body, want_status) assert_int_equal(ASK(w, opcode, body)->status, CULVERT_ST_##want_status)
#define BAD(w, opcode, type, good, change, want_status)                                                                \
    do {                                                                                                               \
        type b = good;                                                                                                 \
        b.change;                                                                                                      \
        WANT(w, opcode, b, want_status);                                                                               \
    } while (0)

static const struct culvert_sa good_in = {.index = 5,
                                          .dir = CULVERT_SA_IN,
                                          .window_log2 = 8,
                                          .flags = CULVERT_SA_KEY256 | CULVERT_SA_ESN,
                                          .spi = 0xabcd0000 + 5,
                                          .tunnel = 3,
                                          .key = {1, 2, 3},
                                          .salt = {4, 5, 6, 7},
                                          .src = 0x0a000000,
                                          .src_mask = 0xff000000,
                                          .hard_bytes = 1000000};
static const struct culvert_sa good_out = {.index = 6,
                                           .dir = CULVERT_SA_OUT,
                                           .flags = CULVERT_SA_ENCAP,
                                           .spi = 0x12345678,
                                           .adj = 2,
                                           .key = {9},
                                           .src = 0xc0000201,
                                           .dst = 0xc0000202,
                                           .sport = 4500,
                                           .dport = 4500};

static void boot_checks_enables_nothing_and_publishes_versions_last(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->m.fw_abi, CULVERT_ABI_VERSION);
    assert_int_equal(w->m.fw_version, FW_VERSION);
    assert_int_equal(w->m.fw_state, MBOX_FW_STATE_READY_MASK);
    assert_int_equal(w->m.control, 0);
    assert_int_equal(w->m.wdt_load, WDT_CYCLES);
    assert_int_equal(w->m.wiping_reads, 0);
    assert_non_null(strstr(w->m.uart, "culvert firmware " FW_VERSION_TEXT));
    assert_non_null(strstr(w->m.uart, "1024 SAs each way"));
    assert_non_null(strstr(w->m.uart, "boot: ready\n"));
}

static void boot_refuses_strange_hardware(void **state)
{
    struct world *w = *state;
    const struct {
        uint32_t mbox_id, mbox_version, dp_id, dp_version, wiping;
    } row[] = {{0, 0x10000, 0x44504154, 0x10000, 0},
               {0x4d424f58, 0x20000, 0x44504154, 0x10000, 0},
               {0x4d424f58, 0x10000, 0x44504155, 0x10000, 0},
               {0x4d424f58, 0x10000, 0x44504154, 0x30000, 0},
               {0x4d424f58, 0x10000, 0x44504154, 0x10000, UINT32_MAX}};
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        model_init(&w->m);
        memset(&w->fw, 0, sizeof(w->fw));
        w->m.time_step = 10000;
        w->m.mbox_id = row[i].mbox_id;
        w->m.mbox_version = row[i].mbox_version;
        w->m.dp_id = row[i].dp_id;
        w->m.dp_version = row[i].dp_version;
        w->m.wiping_reads = row[i].wiping;
        assert_non_null(fw_boot(&w->fw));
        assert_int_equal(w->m.fw_state, 0);
    }
}

static void unknown_opcodes_lengths_and_versions(void **state)
{
    struct world *w = *state;
    assert_int_equal(ask(w, CULVERT_OP_COUNT, NULL, 0)->status, CULVERT_ST_UNKNOWN_OPCODE);
    assert_int_equal(ask(w, 0xffff, NULL, 0)->status, CULVERT_ST_UNKNOWN_OPCODE);
    uint8_t body[240] = {0};
    for (uint16_t op = 0; op < CULVERT_OP_COUNT; op++) {
        assert_int_equal(ask(w, op, body, 240)->status, CULVERT_ST_BAD_LENGTH);
        assert_int_equal(ask(w, op, body, 1)->status, CULVERT_ST_BAD_LENGTH);
        assert_int_equal(ask(w, op, body, 0xffff)->status, CULVERT_ST_BAD_LENGTH);
    }
    model_command_abi(&w->m, CULVERT_ABI_MAJOR + 1, CULVERT_OP_NOP, 7, NULL, 0);
    run(w);
    assert_int_equal(next_entry(w)->status, CULVERT_ST_VERSION);
    assert_int_equal(ask(w, CULVERT_OP_NOP, NULL, 0)->status, CULVERT_ST_OK);
}

static void keys_leave_no_copy_in_ring_or_memory(void **state)
{
    struct world *w = *state;
    struct culvert_sa sa = good_in;
    memset(sa.key, 0x5a, sizeof(sa.key));
    WANT(w, CULVERT_OP_SA_INSTALL, sa, OK);
    for (size_t i = 0; i < sizeof(w->m.ring) / 4; i++)
        assert_int_equal(w->m.ring[i], 0);
    const uint8_t *p = (const uint8_t *)&w->fw;
    for (size_t i = 0; i + 4 < sizeof(w->fw); i++)
        assert_false(p[i] == 0x5a && p[i + 1] == 0x5a && p[i + 2] == 0x5a && p[i + 3] == 0x5a);
    assert_int_equal(w->m.sa[CULVERT_SA_IN][5].stage[0], 0x5a5a5a5a);
}

static void sa_install_checks_every_field(void **state)
{
    struct world *w = *state;
    const uint16_t op = CULVERT_OP_SA_INSTALL;
    BAD(w, op, struct culvert_sa, good_in, index = BOARD_SA_COUNT, BAD_INDEX);
    BAD(w, op, struct culvert_sa, good_in, dir = 2, BAD_VALUE);
    BAD(w, op, struct culvert_sa, good_in, flags = CULVERT_SA_FLAGS_ALL + 1, BAD_VALUE);
    BAD(w, op, struct culvert_sa, good_in, spi = good_in.spi + 1, BAD_VALUE); // low bits are not the index
    BAD(w, op, struct culvert_sa, good_in, spi = 5, BAD_VALUE);               // reserved
    BAD(w, op, struct culvert_sa, good_in, window_log2 = 9, BAD_VALUE);       // larger than the board's
    BAD(w, op, struct culvert_sa, good_in, window_log2 = 255, BAD_VALUE);
    BAD(w, op, struct culvert_sa, good_in, tunnel = BOARD_TUNNEL_COUNT, BAD_INDEX);
    BAD(w, op, struct culvert_sa, good_in, zero = 1, BAD_VALUE);
    BAD(w, op, struct culvert_sa, good_out, adj = BOARD_ADJ_COUNT, BAD_INDEX);
    BAD(w, op, struct culvert_sa, good_out, dst = 0, BAD_VALUE);
    BAD(w, op, struct culvert_sa, good_out, src = 0, BAD_VALUE);
    BAD(w, op, struct culvert_sa, good_out, sport = 0, BAD_VALUE);
    BAD(w, op, struct culvert_sa, good_out, dport = 0, BAD_VALUE);
    assert_int_equal(w->m.sa_commands, 0);
    WANT(w, op, good_in, OK);
    WANT(w, op, good_in, EXISTS);
    WANT(w, op, good_out, OK);
    BAD(w, op, struct culvert_sa, good_in, window_log2 = 0, EXISTS);
    assert_true(w->m.sa[CULVERT_SA_IN][5].valid && w->m.sa[CULVERT_SA_OUT][6].valid);
    assert_int_equal(w->m.sa_commands, 2);
}

static void sa_counters_remove_and_path(void **state)
{
    struct world *w = *state;
    const struct culvert_sa_ref in = {5, CULVERT_SA_IN, 0}, out = {6, CULVERT_SA_OUT, 0};
    WANT(w, CULVERT_OP_SA_COUNTERS, in, NOT_FOUND);
    WANT(w, CULVERT_OP_SA_REMOVE, in, NOT_FOUND);
    WANT(w, CULVERT_OP_SA_PATH, good_out, NOT_FOUND);
    WANT(w, CULVERT_OP_SA_INSTALL, good_in, OK);
    WANT(w, CULVERT_OP_SA_INSTALL, good_out, OK);
    BAD(w, CULVERT_OP_SA_COUNTERS, struct culvert_sa_ref, in, index = BOARD_SA_COUNT, BAD_INDEX);
    BAD(w, CULVERT_OP_SA_COUNTERS, struct culvert_sa_ref, in, dir = 2, BAD_VALUE);
    BAD(w, CULVERT_OP_SA_COUNTERS, struct culvert_sa_ref, in, zero = 1, BAD_VALUE);

    const struct culvert_entry *e = ASK(w, CULVERT_OP_SA_COUNTERS, in);
    struct culvert_sa_counters c;
    memcpy(&c, e->body, sizeof(c));
    assert_int_equal(e->status, CULVERT_ST_OK);
    assert_true(c.packets == ((uint64_t)0x20000501 << 32 | 0x20000500) &&
                c.seq == ((uint64_t)0x20000505 << 32 | 0x20000504));
    assert_int_equal(c.policy, 0x20000508);

    struct culvert_sa moved = good_out;
    moved.dst = 0xc6336401;
    moved.adj = 9;
    memset(moved.key, 0xff, sizeof(moved.key)); // not looked at
    moved.spi = 0;
    WANT(w, CULVERT_OP_SA_PATH, moved, OK);
    const uint32_t *stage = w->m.sa[CULVERT_SA_OUT][6].stage;
    assert_int_equal(stage[(DP_SA_DST - DP_SA_KEY) / 4], 0xc6336401);
    assert_int_equal(stage[(DP_SA_ADJ - DP_SA_KEY) / 4], 9);
    assert_int_equal(stage[0], 9); // the key of the installation
    BAD(w, CULVERT_OP_SA_PATH, struct culvert_sa, moved, adj = BOARD_ADJ_COUNT, BAD_INDEX);
    BAD(w, CULVERT_OP_SA_PATH, struct culvert_sa, moved, dir = CULVERT_SA_IN, BAD_VALUE);
    BAD(w, CULVERT_OP_SA_PATH, struct culvert_sa, moved, dst = 0, BAD_VALUE);

    e = ASK(w, CULVERT_OP_SA_REMOVE, out);
    assert_int_equal(e->status, CULVERT_ST_OK);
    memcpy(&c, e->body, sizeof(c));
    assert_int_equal((uint32_t)c.packets, 0x10000610); // those of the removal itself
    assert_int_equal(c.replay, 0x10000617);
    assert_false(w->m.sa[CULVERT_SA_OUT][6].valid);
    WANT(w, CULVERT_OP_SA_REMOVE, out, NOT_FOUND);
    WANT(w, CULVERT_OP_SA_INSTALL, good_out, OK); // the index is free again
}

static void a_hanging_datapath_is_a_timeout(void **state)
{
    struct world *w = *state;
    w->m.time_step = 20000;
    w->m.busy_forever = true;
    WANT(w, CULVERT_OP_SA_INSTALL, good_in, TIMEOUT);
    w->m.busy_forever = false;
    WANT(w, CULVERT_OP_SA_INSTALL, good_in, OK);
}

static void ports_locals_adjacencies_and_tunnels(void **state)
{
    struct world *w = *state;
    const struct culvert_port port = {.port = 1, .enable = 1, .mac = {2, 1, 1, 1, 1, 1}, .mtu = 9000};
    WANT(w, CULVERT_OP_PORT_SET, port, OK);
    assert_int_equal(w->m.port[1][2], 9000);
    BAD(w, CULVERT_OP_PORT_SET, struct culvert_port, port, port = 2, BAD_INDEX);
    BAD(w, CULVERT_OP_PORT_SET, struct culvert_port, port, enable = 2, BAD_VALUE);
    BAD(w, CULVERT_OP_PORT_SET, struct culvert_port, port, mac[0] = 1, BAD_VALUE);
    BAD(w, CULVERT_OP_PORT_SET, struct culvert_port, port, mtu = 67, BAD_VALUE);
    BAD(w, CULVERT_OP_PORT_SET, struct culvert_port, port, mtu = BOARD_MAX_FRAME, BAD_VALUE);
    BAD(w, CULVERT_OP_PORT_SET, struct culvert_port, port, zero[5] = 1, BAD_VALUE);

    const struct culvert_local local = {.slot = BOARD_LOCAL_COUNT - 1, .address = 0xc0000201};
    WANT(w, CULVERT_OP_LOCAL_SET, local, OK);
    assert_int_equal(w->m.local[BOARD_LOCAL_COUNT - 1], 0xc0000201);
    BAD(w, CULVERT_OP_LOCAL_SET, struct culvert_local, local, slot = BOARD_LOCAL_COUNT, BAD_INDEX);
    BAD(w, CULVERT_OP_LOCAL_SET, struct culvert_local, local, zero[0] = 1, BAD_VALUE);

    const struct culvert_adj adj = {.index = 63, .port = 0, .valid = 1, .mac = {6, 5, 4, 3, 2, 1}};
    WANT(w, CULVERT_OP_ADJ_SET, adj, OK);
    assert_int_equal(w->m.adj[63][0], 0x03040506);
    assert_int_equal(w->m.adj[63][1], 0x80000102);
    BAD(w, CULVERT_OP_ADJ_SET, struct culvert_adj, adj, index = BOARD_ADJ_COUNT, BAD_INDEX);
    BAD(w, CULVERT_OP_ADJ_SET, struct culvert_adj, adj, port = 2, BAD_VALUE);
    BAD(w, CULVERT_OP_ADJ_SET, struct culvert_adj, adj, valid = 2, BAD_VALUE);
    BAD(w, CULVERT_OP_ADJ_SET, struct culvert_adj, adj, zero[1] = 1, BAD_VALUE);

    const struct culvert_tunnel tunnel = {.index = 3, .sa = 6, .mtu = 1400, .valid = 1};
    WANT(w, CULVERT_OP_TUNNEL_SET, tunnel, NOT_FOUND); // its SA is not installed
    WANT(w, CULVERT_OP_SA_INSTALL, good_out, OK);
    WANT(w, CULVERT_OP_TUNNEL_SET, tunnel, OK);
    assert_int_equal(w->m.tunnel[3], 1u << 31 | 1400u << 16 | 6);
    BAD(w, CULVERT_OP_TUNNEL_SET, struct culvert_tunnel, tunnel, index = BOARD_TUNNEL_COUNT, BAD_INDEX);
    BAD(w, CULVERT_OP_TUNNEL_SET, struct culvert_tunnel, tunnel, sa = BOARD_SA_COUNT, BAD_INDEX);
    BAD(w, CULVERT_OP_TUNNEL_SET, struct culvert_tunnel, tunnel, mtu = 0x8000, BAD_VALUE);
    BAD(w, CULVERT_OP_TUNNEL_SET, struct culvert_tunnel, tunnel, valid = 3, BAD_VALUE);
    BAD(w, CULVERT_OP_TUNNEL_SET, struct culvert_tunnel, tunnel, zero = 1, BAD_VALUE);
    const struct culvert_tunnel off = {.index = 3};
    WANT(w, CULVERT_OP_TUNNEL_SET, off, OK);
    assert_int_equal(w->m.tunnel[3], 0);
}

static void routes_replace_equal_prefixes_and_fill_up(void **state)
{
    struct world *w = *state;
    const uint16_t set = CULVERT_OP_ROUTE_SET, del = CULVERT_OP_ROUTE_DEL;
    struct culvert_route r = {.prefix = 0x0a000000, .length = 8, .vrf = 0, .kind = CULVERT_TARGET_TUNNEL, .target = 7};
    BAD(w, set, struct culvert_route, r, length = 33, BAD_VALUE);
    BAD(w, set, struct culvert_route, r, prefix = 0x0a000001, BAD_VALUE); // bits beyond the length
    BAD(w, set, struct culvert_route, r, kind = 4, BAD_VALUE);
    BAD(w, set, struct culvert_route, r, target = BOARD_TUNNEL_COUNT, BAD_INDEX);
    BAD(w, set, struct culvert_route, r, zero2[1] = 1, BAD_VALUE);
    struct culvert_route adj = r;
    adj.kind = CULVERT_TARGET_ADJ;
    BAD(w, set, struct culvert_route, adj, target = BOARD_ADJ_COUNT, BAD_INDEX);
    WANT(w, del, r, NOT_FOUND);
    // Fill with prefixes that differ in length, VRF or address.
    for (uint32_t i = 0; i < BOARD_FIB_COUNT; i++) {
        r.length = (uint8_t)(i % 33);
        r.vrf = (uint8_t)(i / 33);
        r.prefix = r.length ? 0xac100000u & (UINT32_MAX << (32 - r.length)) : 0;
        WANT(w, set, r, OK);
    }
    struct culvert_route more = {.prefix = 0x01020304, .length = 32, .kind = CULVERT_TARGET_DROP};
    WANT(w, set, more, FULL);
    r.target = 9; // the last one again
    WANT(w, set, r, OK);
    unsigned equal = 0;
    for (unsigned i = 0; i < BOARD_FIB_COUNT; i++)
        equal += w->m.fib[i].valid && w->m.fib[i].meta == (r.length | (uint32_t)r.vrf << 8) &&
                 w->m.fib[i].result == (2u << 16 | 9);
    assert_int_equal(equal, 1);
    WANT(w, del, r, OK);
    WANT(w, del, r, NOT_FOUND);
    WANT(w, set, more, OK);
    struct culvert_info info;
    memcpy(&info, ask(w, CULVERT_OP_GET_INFO, NULL, 0)->body, sizeof(info));
    assert_int_equal(info.routes, BOARD_FIB_COUNT);
}

static void flows_by_command(void **state)
{
    struct world *w = *state;
    const struct culvert_flow f = {.src = 1, .dst = 2, .protocol = 17, .kind = CULVERT_TARGET_TUNNEL, .target = 4};
    BAD(w, CULVERT_OP_FLOW_SET, struct culvert_flow, f, kind = 4, BAD_VALUE);
    BAD(w, CULVERT_OP_FLOW_SET, struct culvert_flow, f, target = BOARD_TUNNEL_COUNT, BAD_INDEX);
    BAD(w, CULVERT_OP_FLOW_SET, struct culvert_flow, f, zero = 1, BAD_VALUE);
    WANT(w, CULVERT_OP_FLOW_DEL, f, NOT_FOUND);
    WANT(w, CULVERT_OP_FLOW_SET, f, OK);
    assert_non_null(model_flow_find(&w->m, &f));
    WANT(w, CULVERT_OP_FLOW_DEL, f, OK);
    assert_null(model_flow_find(&w->m, &f));
}

static void counters_and_enable(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 0; i < 64; i++)
        w->m.counter[i] = i << 33 | i;
    const struct culvert_counters_req r = {DP_COUNTER_COUNT - 6, 6};
    const struct culvert_entry *e = ASK(w, CULVERT_OP_COUNTERS, r);
    struct culvert_counters c;
    memcpy(&c, e->body, sizeof(c));
    for (uint64_t i = 0; i < 6; i++)
        assert_true(c.value[i] == ((i + r.first) << 33 | (i + r.first)));
    BAD(w, CULVERT_OP_COUNTERS, struct culvert_counters_req, r, count = 7, BAD_VALUE);
    BAD(w, CULVERT_OP_COUNTERS, struct culvert_counters_req, r, count = 0, BAD_VALUE);
    BAD(w, CULVERT_OP_COUNTERS, struct culvert_counters_req, r, first = DP_COUNTER_COUNT - 5, BAD_INDEX);
    BAD(w, CULVERT_OP_COUNTERS, struct culvert_counters_req, r, first = 0xffff, BAD_INDEX);

    const struct culvert_enable on = {.forward = 1}, off = {.forward = 0}, odd = {.forward = 2};
    WANT(w, CULVERT_OP_ENABLE, on, OK);
    assert_int_equal(w->m.control, 1);
    WANT(w, CULVERT_OP_ENABLE, odd, BAD_VALUE);
    assert_int_equal(w->m.control, 1);
    WANT(w, CULVERT_OP_ENABLE, off, OK);
    assert_int_equal(w->m.control, 0);
}

static void info_counts_what_happened(void **state)
{
    struct world *w = *state;
    WANT(w, CULVERT_OP_SA_INSTALL, good_in, OK);
    WANT(w, CULVERT_OP_SA_INSTALL, good_in, EXISTS);
    model_event(&w->m, DP_EVENT_LINK_UP, 0, 1);
    run(w);
    assert_int_equal(next_entry(w)->kind, CULVERT_ENTRY_EVENT);
    w->m.time = BOARD_PACED_CLOCK_HZ * 5ull;
    struct culvert_info i;
    memcpy(&i, ask(w, CULVERT_OP_GET_INFO, NULL, 0)->body, sizeof(i));
    assert_int_equal(i.abi_version, CULVERT_ABI_VERSION);
    assert_int_equal(i.fw_version, FW_VERSION);
    assert_in_range(i.uptime_ms, 4980, 5020);
    assert_int_equal(i.commands, 2);
    assert_int_equal(i.command_errors, 1);
    assert_int_equal(i.events, 1);
    assert_int_equal(i.sas_in, 1);
    assert_int_equal(i.sas_out, 0);
}

static void ring_counters_wrap_at_2_to_the_16(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < 0x10000 + 100; i++) {
        model_command(&w->m, CULVERT_OP_NOP, i, NULL, 0);
        if (i % 13 == 0 || (uint16_t)(w->m.cmd_tail - w->m.cmd_head) == BOARD_CMD_SLOTS)
            run(w);
        while (w->read < w->m.posts) {
            const struct culvert_entry *e = model_posted(&w->m, w->read);
            assert_int_equal(e->tag, w->read);
            assert_int_equal(e->status, CULVERT_ST_OK);
            w->read++;
        }
    }
    run(w);
    assert_int_equal(w->m.cmd_head, 100);
    assert_int_equal(w->m.posts, 0x10000 + 100);
}

static void a_full_queue_holds_the_answer_and_the_commands_behind_it(void **state)
{
    struct world *w = *state;
    w->m.evq_full = true;
    model_command(&w->m, CULVERT_OP_NOP, 1, NULL, 0);
    model_command(&w->m, CULVERT_OP_NOP, 2, NULL, 0);
    const uint32_t lines = run(w);
    assert_int_equal(w->m.cmd_head, 1); // the second is not taken while the first one's answer waits
    assert_true(lines & 1u << MBOX_IRQ_EVQ_ROOM);
    assert_false(lines & 1u << MBOX_IRQ_DOORBELL); // it would wake at once, and to nothing
    w->m.evq_full = false;
    w->m.evq_busy = true;
    assert_int_equal(run(w), lines);
    w->m.evq_busy = false;
    assert_int_equal(run(w), 1u << MBOX_IRQ_DOORBELL | 1u << MBOX_IRQ_DP_EVENT);
    assert_int_equal(next_entry(w)->tag, 1);
    assert_int_equal(next_entry(w)->tag, 2);
}

static void events_wait_for_room_in_order_and_notices_leave_room_for_lifetimes(void **state)
{
    struct world *w = *state;
    w->m.evq_full = true;
    for (uint32_t i = 0; i < EVENTS_HELD; i++)
        model_event(&w->m, DP_EVENT_REPLAY, 0, i);
    run(w);
    for (uint32_t i = 0; i < EVENTS_HELD; i++)
        model_event(&w->m, i % 2 ? DP_EVENT_HARD_LIFETIME : DP_EVENT_SEQ_EXHAUSTED, 1, 500 + i);
    assert_true(run(w) & 1u << MBOX_IRQ_EVQ_ROOM);
    assert_int_equal(w->m.posts, 0);
    w->m.evq_full = false;
    run(w);
    for (uint32_t i = 0; i < EVENTS_HELD; i++) {
        const struct culvert_entry *e = next_entry(w);
        assert_int_equal(e->kind, CULVERT_ENTRY_EVENT);
        const uint32_t half = EVENTS_HELD / 2;
        assert_int_equal(e->event, i < half ? DP_EVENT_REPLAY
                                   : i % 2  ? DP_EVENT_HARD_LIFETIME
                                            : DP_EVENT_SEQ_EXHAUSTED);
        assert_int_equal(e->tag, i < half ? i : (1u << 16 | (500 + i - half)));
    }
    struct culvert_info info;
    memcpy(&info, ask(w, CULVERT_OP_GET_INFO, NULL, 0)->body, sizeof(info));
    assert_int_equal(info.events, 2 * EVENTS_HELD);
    assert_int_equal(info.events_lost, EVENTS_HELD);
}

static void answers_go_before_events(void **state)
{
    struct world *w = *state;
    w->m.evq_full = true;
    model_event(&w->m, DP_EVENT_LINK_DOWN, 0, 0);
    model_command(&w->m, CULVERT_OP_NOP, 77, NULL, 0);
    run(w);
    w->m.evq_full = false;
    run(w);
    assert_int_equal(next_entry(w)->tag, 77);
    assert_int_equal(next_entry(w)->event, DP_EVENT_LINK_DOWN);
}

// A host that writes nonsense into CMD_TAIL: every slot is looked at, refused (zeroised slots carry no ABI version),
// and after it commands are understood again.
static void a_runaway_tail_does_no_harm(void **state)
{
    struct world *w = *state;
    w->m.cmd_tail = 40;
    run(w);
    assert_int_equal(w->m.cmd_head, 40);
    for (int i = 0; i < 40; i++)
        assert_int_equal(next_entry(w)->status, CULVERT_ST_VERSION);
    assert_int_equal(ask(w, CULVERT_OP_NOP, NULL, 0)->status, CULVERT_ST_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(boot_checks_enables_nothing_and_publishes_versions_last),
        T(boot_refuses_strange_hardware),
        T(unknown_opcodes_lengths_and_versions),
        T(keys_leave_no_copy_in_ring_or_memory),
        T(sa_install_checks_every_field),
        T(sa_counters_remove_and_path),
        T(a_hanging_datapath_is_a_timeout),
        T(ports_locals_adjacencies_and_tunnels),
        T(routes_replace_equal_prefixes_and_fill_up),
        T(flows_by_command),
        T(counters_and_enable),
        T(info_counts_what_happened),
        T(ring_counters_wrap_at_2_to_the_16),
        T(a_full_queue_holds_the_answer_and_the_commands_behind_it),
        T(events_wait_for_room_in_order_and_notices_leave_room_for_lifetimes),
        T(answers_go_before_events),
        T(a_runaway_tail_does_no_harm),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("firmware commands", tests, NULL, NULL);
}
