// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/firmware/model.h"

#include "dp_regs.h"
#include "mbox_regs.h"
#include "mgmt_regs.h"

#include <string.h>

void model_init(struct model *m)
{
    memset(m, 0, sizeof(*m));
    m->mbox_id = 0x4d424f58;
    m->mbox_version = 0x00010000;
    m->dp_id = 0x44504154;
    m->dp_version = 0x00010002; // a newer minor is fine
    m->time_step = 10;
    m->timecmp = UINT64_MAX;
    m->hash_mask = UINT32_MAX;
}

// ---------------------------------------------------------------- datapath

static uint32_t mix(uint32_t h, uint32_t v)
{
    h = (h ^ v) * 0x9e3779b1u;
    return h ^ h >> 15;
}

static uint32_t bucket(const struct model *m, const struct model_flow *k, unsigned way)
{
    const uint32_t h = mix(mix(mix(mix(way ? 77 : 11, k->src), k->dst), k->ports), k->meta);
    return h & m->hash_mask & (MODEL_BUCKETS - 1);
}

static bool same(const struct model_flow *a, const struct model_flow *b)
{
    return a->src == b->src && a->dst == b->dst && a->ports == b->ports && a->meta == b->meta;
}

const struct model_flow *model_flow_find(const struct model *m, const struct culvert_flow *f)
{
    const struct model_flow key = {.src = f->src,
                                   .dst = f->dst,
                                   .ports = (uint32_t)f->sport << 16 | f->dport,
                                   .meta = f->protocol | (uint32_t)f->vrf << 8};
    for (unsigned way = 0; way < 2; way++) {
        const struct model_flow *e = &m->way[way][bucket(m, &key, way)];
        if (e->valid && same(e, &key))
            return e;
    }
    for (unsigned i = 0; i < 8; i++)
        if (m->stash[i].valid && same(&m->stash[i], &key))
            return &m->stash[i];
    return NULL;
}

static void busy(struct model *m)
{
    m->busy_left = m->busy_reads;
}
static bool is_busy(const struct model *m)
{
    return m->busy_forever || m->busy_left;
}

static void sa_command(struct model *m, uint32_t word)
{
    const uint32_t index = word & 0xffff, dir = word >> 16 & 1, op = word >> 20 & 3;
    m->writes_while_busy += is_busy(m);
    m->sa_commands++;
    if (index >= BOARD_SA_COUNT)
        return;
    if (op == 0) {
        m->sa[dir][index].valid = true;
        memcpy(m->sa[dir][index].stage, m->stage, sizeof(m->stage));
    } else if (op == 1 || op == 2) { // counters that tell their SA and the command
        for (uint32_t i = 0; i < 9; i++)
            m->sa_result[i] = op << 28 | index << 8 | dir << 4 | i;
        m->sa_result[9] = m->sa[dir][index].valid;
        if (op == 1)
            memset(&m->sa[dir][index], 0, sizeof(m->sa[dir][index]));
    } else {
        static const uint32_t path[] = {DP_SA_FLAGS, DP_SA_SRC, DP_SA_DST, DP_SA_PORTS, DP_SA_ADJ};
        for (unsigned i = 0; i < 5; i++)
            m->sa[dir][index].stage[(path[i] - DP_SA_KEY) / 4] = m->stage[(path[i] - DP_SA_KEY) / 4];
    }
    memset(m->stage, 0, sizeof(m->stage));
    busy(m);
}

static void flow_write(struct model *m, uint32_t word)
{
    const uint32_t slot = word & 0xffff, way = word >> 16 & 3;
    m->writes_while_busy += is_busy(m);
    struct model_flow *e = way < 2 && slot < MODEL_BUCKETS ? &m->way[way][slot]
                           : way == 2 && slot < 8          ? &m->stash[slot]
                                                           : NULL;
    if (!e) {
        m->bad_accesses++;
        return;
    }
    *e = m->flow_stage;
    e->valid = word >> 31;
    m->flow_writes++;
    busy(m);
    if (m->flow_written)
        m->flow_written(m);
}

static bool dp_read(struct model *m, uint32_t reg, uint32_t *v)
{
    if (reg >= DP_SA_R_PACKETS_LO && reg <= DP_SA_R_VALID) {
        *v = m->sa_result[(reg - DP_SA_R_PACKETS_LO) / 4];
        return true;
    }
    switch (reg) {
    case DP_ID:
        *v = m->dp_id;
        return true;
    case DP_VERSION:
        *v = m->dp_version;
        return true;
    case DP_STATUS:
        *v = (is_busy(m) ? DP_STATUS_BUSY_MASK : 0) | (m->wiping_reads ? DP_STATUS_WIPING_MASK : 0) |
             (m->events_in != m->events_out ? DP_STATUS_EVENT_MASK : 0);
        m->busy_left -= m->busy_left > 0;
        m->wiping_reads -= m->wiping_reads > 0;
        return true;
    case DP_FLOW_HASH:
        *v = bucket(m, &m->flow_stage, 0) | bucket(m, &m->flow_stage, 1) << 16;
        return true;
    case DP_EVENT_POP:
        *v = m->events_in == m->events_out ? 0 : m->events[m->events_out++ % MODEL_EVENTS];
        return true;
    case DP_COUNTER_LO:
        m->counter_latch = m->counter[m->counter_index & 63];
        *v = (uint32_t)m->counter_latch;
        return true;
    case DP_COUNTER_HI:
        *v = (uint32_t)(m->counter_latch >> 32);
        return true;
    default:
        return false;
    }
}

static bool dp_write(struct model *m, uint32_t reg, uint32_t v)
{
    if (reg >= DP_LOCAL_ADDR && reg < DP_LOCAL_ADDR + 4 * BOARD_LOCAL_COUNT) {
        m->local[(reg - DP_LOCAL_ADDR) / 4] = v;
        return true;
    }
    if (reg >= DP_SA_KEY && reg < DP_SA_COMMAND) {
        m->stage[(reg - DP_SA_KEY) / 4] = v;
        return true;
    }
    switch (reg) {
    case DP_CONTROL:
        m->control = v;
        return true;
    case DP_PORT0_MAC_LO:
    case DP_PORT0_MAC_HI:
    case DP_PORT0_MTU:
    case DP_PORT1_MAC_LO:
    case DP_PORT1_MAC_HI:
    case DP_PORT1_MTU:
        m->port[reg >= DP_PORT1_MAC_LO][(reg & 0xf) / 4] = v;
        return true;
    case DP_SA_COMMAND:
        sa_command(m, v);
        return true;
    case DP_TUNNEL_INDEX:
        m->tunnel_index = v % BOARD_TUNNEL_COUNT;
        return true;
    case DP_TUNNEL_SA:
        m->tunnel[m->tunnel_index] = v;
        return true;
    case DP_ADJ_INDEX:
        m->adj_index = v % BOARD_ADJ_COUNT;
        return true;
    case DP_ADJ_MAC_LO:
        m->adj_mac_lo = v;
        return true;
    case DP_ADJ_WRITE:
        m->adj[m->adj_index][0] = m->adj_mac_lo;
        m->adj[m->adj_index][1] = v;
        return true;
    case DP_FIB_PREFIX:
    case DP_FIB_META:
    case DP_FIB_RESULT:
        m->fib_stage[(reg - DP_FIB_PREFIX) / 4] = v;
        return true;
    case DP_FIB_WRITE:
        if ((v & 0xffff) >= BOARD_FIB_COUNT)
            return false;
        m->fib[v & 0xffff].valid = v >> 31;
        m->fib[v & 0xffff].prefix = m->fib_stage[0];
        m->fib[v & 0xffff].meta = m->fib_stage[1];
        m->fib[v & 0xffff].result = m->fib_stage[2];
        return true;
    case DP_FLOW_SRC:
        m->flow_stage.src = v;
        return true;
    case DP_FLOW_DST:
        m->flow_stage.dst = v;
        return true;
    case DP_FLOW_PORTS:
        m->flow_stage.ports = v;
        return true;
    case DP_FLOW_META:
        m->flow_stage.meta = v;
        return true;
    case DP_FLOW_RESULT:
        m->flow_stage.result = v;
        return true;
    case DP_FLOW_WRITE:
        flow_write(m, v);
        return true;
    case DP_COUNTER_INDEX:
        m->counter_index = v;
        return true;
    default:
        return false;
    }
}

// ---------------------------------------------------------------- mailbox

static bool mbox_read(struct model *m, uint32_t reg, uint32_t *v)
{
    if (reg >= MBOX_CMD_RING && reg < MBOX_CMD_RING + sizeof(m->ring)) {
        *v = m->ring[(reg - MBOX_CMD_RING) / 4];
        return true;
    }
    switch (reg) {
    case MBOX_ID:
        *v = m->mbox_id;
        return true;
    case MBOX_VERSION:
        *v = m->mbox_version;
        return true;
    case MBOX_STATUS:
        *v = (m->cmd_tail != m->cmd_head ? MBOX_STATUS_CMD_MASK : 0) | (m->evq_busy ? MBOX_STATUS_EVQ_BUSY_MASK : 0) |
             (m->evq_full ? MBOX_STATUS_EVQ_FULL_MASK : 0);
        return true;
    case MBOX_CMD_TAIL:
        *v = m->cmd_tail;
        return true;
    case MBOX_CMD_HEAD:
        *v = m->cmd_head;
        return true;
    default:
        return false;
    }
}

static void post(struct model *m)
{
    if (m->evq_full || m->evq_busy) {
        m->refused_posts++;
        return;
    }
    struct culvert_entry *e = &m->posted[m->posts % MODEL_POSTS];
    memcpy(e, m->evq_data, sizeof(m->evq_data));
    e->sequence = ++m->posts;
}

static bool mbox_write(struct model *m, uint32_t reg, uint32_t v)
{
    if (reg >= MBOX_CMD_RING && reg < MBOX_CMD_RING + sizeof(m->ring)) {
        m->ring[(reg - MBOX_CMD_RING) / 4] = v;
        return true;
    }
    if (reg >= MBOX_EVQ_DATA && reg < MBOX_EVQ_DATA + MBOX_EVQ_DATA_BYTES) {
        m->evq_data[(reg - MBOX_EVQ_DATA) / 4] = v;
        return true;
    }
    if (reg >= MBOX_PANIC_RECORD && reg < MBOX_PANIC_RECORD + MBOX_PANIC_RECORD_BYTES) {
        m->panic[(reg - MBOX_PANIC_RECORD) / 4] = v;
        return true;
    }
    switch (reg) {
    case MBOX_CMD_HEAD:
        m->cmd_head = (uint16_t)v;
        return true;
    case MBOX_FW_ABI:
        m->fw_abi = v;
        return true;
    case MBOX_FW_VERSION:
        m->fw_version = v;
        return true;
    case MBOX_FW_STATE:
        m->fw_state = v;
        return true;
    case MBOX_EVQ_POST:
        post(m);
        return true;
    default:
        return false;
    }
}

// ---------------------------------------------------------------- the core's own devices

static bool mgmt_read(struct model *m, uint32_t reg, uint32_t *v)
{
    switch (reg) {
    case MGMT_MTIME_LO:
        m->time += m->time_step;
        *v = (uint32_t)m->time;
        return true;
    case MGMT_MTIME_HI:
        *v = (uint32_t)(m->time >> 32);
        return true;
    case MGMT_IRQ_PENDING:
        *v = model_lines(m);
        return true;
    default:
        return false;
    }
}

static bool mgmt_write(struct model *m, uint32_t reg, uint32_t v)
{
    switch (reg) {
    case MGMT_MTIMECMP_LO:
        m->timecmp = (m->timecmp & ~(uint64_t)UINT32_MAX) | v;
        return true;
    case MGMT_MTIMECMP_HI:
        m->timecmp = (m->timecmp & UINT32_MAX) | (uint64_t)v << 32;
        return true;
    case MGMT_UART_TX:
        if (m->uart_used + 1 < MODEL_UART)
            m->uart[m->uart_used++] = (char)v;
        return true;
    case MGMT_IRQ_ENABLE:
        m->irq_enable = v;
        return true;
    case MGMT_WDT_LOAD:
        m->wdt_load = v;
        return true;
    case MGMT_WDT_KICK:
        m->wdt_kicks++;
        return true;
    default:
        return false;
    }
}

uint32_t model_lines(const struct model *m)
{
    return (m->cmd_tail != m->cmd_head ? 1u << MBOX_IRQ_DOORBELL : 0) |
           (m->events_in != m->events_out ? 1u << MBOX_IRQ_DP_EVENT : 0) |
           (!m->evq_full && !m->evq_busy ? 1u << MBOX_IRQ_EVQ_ROOM : 0);
}

bool model_read(struct model *m, uint32_t address, uint32_t *value)
{
    const uint32_t reg = address & 0xffff;
    *value = 0;
    bool ok = false;
    if ((address & 0xffff0000u) == DP_BASE)
        ok = dp_read(m, reg, value);
    else if ((address & 0xffff0000u) == MBOX_BASE)
        ok = mbox_read(m, reg, value);
    else if ((address & 0xffff0000u) == MGMT_BASE)
        ok = mgmt_read(m, reg, value);
    m->bad_accesses += !ok;
    return ok;
}

bool model_write(struct model *m, uint32_t address, uint32_t value)
{
    const uint32_t reg = address & 0xffff;
    bool ok = false;
    if ((address & 0xffff0000u) == DP_BASE)
        ok = dp_write(m, reg, value);
    else if ((address & 0xffff0000u) == MBOX_BASE)
        ok = mbox_write(m, reg, value);
    else if ((address & 0xffff0000u) == MGMT_BASE)
        ok = mgmt_write(m, reg, value);
    m->bad_accesses += !ok;
    return ok;
}

// ---------------------------------------------------------------- the host's side

void model_command_abi(struct model *m, uint16_t abi, uint16_t opcode, uint32_t tag, const void *body, uint16_t length)
{
    struct culvert_cmd c = {.opcode = opcode, .length = length, .tag = tag, .abi_major = abi};
    if (body)
        memcpy(c.body, body, length < sizeof(c.body) ? length : sizeof(c.body));
    memcpy((uint8_t *)m->ring + m->cmd_tail % BOARD_CMD_SLOTS * CULVERT_CMD_BYTES, &c, sizeof(c));
    m->cmd_tail++;
}

void model_command(struct model *m, uint16_t opcode, uint32_t tag, const void *body, uint16_t length)
{
    model_command_abi(m, CULVERT_ABI_MAJOR, opcode, tag, body, length);
}

void model_event(struct model *m, uint32_t type, uint32_t dir, uint32_t index)
{
    m->events[m->events_in++ % MODEL_EVENTS] = index | type << 16 | dir << 20 | 1u << 31;
}

const struct culvert_entry *model_posted(const struct model *m, uint32_t i)
{
    return &m->posted[i % MODEL_POSTS];
}
