// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/datapath/card.h"
#include "dp_regs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t card_mac[2][6] = {{2, 0xc0, 0, 0, 0, 1}, {2, 0xc0, 0, 0, 0, 2}};

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void card_start(struct bench *b)
{
    for (unsigned p = 0; p < 2; p++) {
        uint16_t base = p ? DP_PORT1_MAC_LO : DP_PORT0_MAC_LO;
        bench_write(b, base, le32(card_mac[p]));
        bench_write(b, (uint16_t)(base + 4), 0x80000000u | card_mac[p][4] | (uint32_t)card_mac[p][5] << 8);
        bench_write(b, (uint16_t)(base + 8), 9000);
    }
    bench_write(b, DP_CONTROL, DP_CONTROL_ENABLE_MASK);
}

void card_local(struct bench *b, unsigned slot, uint32_t address)
{
    bench_write(b, (uint16_t)(DP_LOCAL_ADDR + 4 * slot), address);
}

void card_adj(struct bench *b, uint16_t index, const uint8_t mac[6], unsigned port, bool valid)
{
    bench_write(b, DP_ADJ_INDEX, index);
    bench_write(b, DP_ADJ_MAC_LO, le32(mac));
    bench_write(b, DP_ADJ_WRITE, mac[4] | (uint32_t)mac[5] << 8 | port << 16 | (uint32_t)valid << 31);
}

void card_tunnel(struct bench *b, uint16_t index, uint16_t sa, uint16_t mtu, bool valid)
{
    bench_write(b, DP_TUNNEL_INDEX, index);
    bench_write(b, DP_TUNNEL_SA,
                sa | (uint32_t)mtu << DP_TUNNEL_SA_MTU_SHIFT | (uint32_t)valid << DP_TUNNEL_SA_VALID_SHIFT);
}

void card_route(struct bench *b, uint16_t index, uint32_t prefix, unsigned len, enum kind kind, uint16_t target)
{
    bench_write(b, DP_FIB_PREFIX, prefix);
    bench_write(b, DP_FIB_META, len);
    bench_write(b, DP_FIB_RESULT, target | (uint32_t)kind << DP_FIB_RESULT_KIND_SHIFT);
    bench_write(b, DP_FIB_WRITE, index | 0x80000000u);
}

void card_route_clear(struct bench *b, uint16_t index)
{
    bench_write(b, DP_FIB_WRITE, index);
}

uint32_t card_flow_hash(struct bench *b, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport, uint8_t proto,
                        enum kind kind, uint16_t target)
{
    bench_write(b, DP_FLOW_SRC, src);
    bench_write(b, DP_FLOW_DST, dst);
    bench_write(b, DP_FLOW_PORTS, (uint32_t)sport << 16 | dport);
    bench_write(b, DP_FLOW_META, proto);
    bench_write(b, DP_FLOW_RESULT, target | (uint32_t)kind << DP_FIB_RESULT_KIND_SHIFT);
    return bench_read(b, DP_FLOW_HASH);
}

void card_flow_write(struct bench *b, uint16_t slot, unsigned way, bool valid)
{
    bench_write(b, DP_FLOW_WRITE, slot | way << DP_FLOW_WRITE_WAY_SHIFT | (uint32_t)valid << DP_FLOW_WRITE_VALID_SHIFT);
}

static void write64(struct bench *b, uint16_t addr, uint64_t v)
{
    bench_write(b, addr, (uint32_t)v);
    bench_write(b, (uint16_t)(addr + 4), (uint32_t)(v >> 32));
}

static void command(struct bench *b, uint16_t index, bool out, unsigned op)
{
    bench_write(b, DP_SA_COMMAND, index | (uint32_t)out << DP_SA_COMMAND_DIR_SHIFT | op << DP_SA_COMMAND_OP_SHIFT);
    for (unsigned guard = 0; bench_read(b, DP_STATUS) & DP_STATUS_BUSY_MASK; guard++) {
        if (guard > 100000) {
            printf("not ok - SA command %u never ends\n", op);
            exit(1);
        }
    }
}

static void stage(struct bench *b, const struct sa *sa)
{
    bench_write(
        b, DP_SA_FLAGS,
        (uint32_t)sa->key256 << DP_SA_FLAGS_KEY256_SHIFT | (uint32_t)sa->esn << DP_SA_FLAGS_ESN_SHIFT |
            (uint32_t)sa->encap << DP_SA_FLAGS_ENCAP_SHIFT | (uint32_t)sa->to_host << DP_SA_FLAGS_TO_HOST_SHIFT |
            (uint32_t)sa->copy_dscp << DP_SA_FLAGS_COPY_DSCP_SHIFT | (uint32_t)sa->set_df << DP_SA_FLAGS_SET_DF_SHIFT |
            (uint32_t)sa->window_log2 << DP_SA_FLAGS_WINDOW_LOG2_SHIFT);
    bench_write(b, DP_SA_SRC, sa->src);
    bench_write(b, DP_SA_DST, sa->dst);
    bench_write(b, DP_SA_PORTS, (uint32_t)sa->sport << 16 | sa->dport);
    bench_write(b, DP_SA_ADJ, sa->adj);
}

void card_sa_install(struct bench *b, const struct sa *sa)
{
    for (unsigned i = 0; i < (sa->key256 ? 8u : 4u); i++)
        bench_write(b, (uint16_t)(DP_SA_KEY + 4 * i), le32(sa->key + 4 * i));
    bench_write(b, DP_SA_SALT, le32(sa->salt));
    bench_write(b, DP_SA_SPI, sa->spi);
    bench_write(b, DP_SA_TUNNEL, sa->tunnel);
    bench_write(b, DP_SA_SRC_MASK, sa->src_mask);
    bench_write(b, DP_SA_DST_MASK, sa->dst_mask);
    write64(b, DP_SA_SEQ_LO, sa->seq);
    write64(b, DP_SA_SOFT_BYTES_LO, sa->soft_bytes);
    write64(b, DP_SA_HARD_BYTES_LO, sa->hard_bytes);
    write64(b, DP_SA_SOFT_PACKETS_LO, sa->soft_packets);
    write64(b, DP_SA_HARD_PACKETS_LO, sa->hard_packets);
    stage(b, sa);
    command(b, sa->index, sa->out, 0);
}

void card_sa_remove(struct bench *b, uint16_t index, bool out)
{
    command(b, index, out, 1);
}

void card_sa_path(struct bench *b, const struct sa *sa)
{
    stage(b, sa);
    command(b, sa->index, sa->out, 3);
}

static uint64_t read64(struct bench *b, uint16_t addr)
{
    uint64_t lo = bench_read(b, addr);
    return lo | (uint64_t)bench_read(b, (uint16_t)(addr + 4)) << 32;
}

struct sa_counters card_sa_read(struct bench *b, uint16_t index, bool out)
{
    struct sa_counters c = {0};
    command(b, index, out, 2);
    c.packets = read64(b, DP_SA_R_PACKETS_LO);
    c.bytes = read64(b, DP_SA_R_BYTES_LO);
    c.seq = read64(b, DP_SA_R_SEQ_LO);
    c.auth_fail = bench_read(b, DP_SA_R_AUTH_FAIL);
    c.replay = bench_read(b, DP_SA_R_REPLAY);
    c.policy = bench_read(b, DP_SA_R_POLICY);
    c.valid = bench_read(b, DP_SA_R_VALID) & 1;
    return c;
}

uint64_t card_counter(struct bench *b, unsigned index)
{
    bench_write(b, DP_COUNTER_INDEX, index);
    return read64(b, DP_COUNTER_LO);
}

struct event card_event(struct bench *b)
{
    uint32_t v = bench_read(b, DP_EVENT_POP);
    struct event e = {0};
    if (v & DP_EVENT_POP_VALID_MASK) {
        e.type = (v & DP_EVENT_POP_TYPE_MASK) >> DP_EVENT_POP_TYPE_SHIFT;
        e.index = v & DP_EVENT_POP_INDEX_MASK;
        e.dir = (v & DP_EVENT_POP_DIR_MASK) >> DP_EVENT_POP_DIR_SHIFT;
    }
    return e;
}
