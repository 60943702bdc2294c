// SPDX-License-Identifier: BSD-2-Clause
// Commands of the mailbox: one row a command, one function each.
#include "dp_regs.h"
#include "firmware/core/hal.h"
#include "firmware/core/version.h"
#include "firmware/drivers/timer.h"
#include "firmware/services/fw.h"
#include "firmware/services/ports.h"

// The clock that the timer counts: a simulated board's paced clock, which agrees with the wall clock, else the real
// one.
#define TIMER_HZ (BOARD_PACED_CLOCK_HZ ? BOARD_PACED_CLOCK_HZ : BOARD_CLOCK_HZ)

typedef enum culvert_status handler(struct fw *fw, const union mbox_body *in, union mbox_answer *out);

static enum culvert_status do_nop(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)fw, (void)in, (void)out;
    return CULVERT_ST_OK;
}
static enum culvert_status do_info(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)in;
    struct culvert_info *i = &out->info;
    i->abi_version = CULVERT_ABI_VERSION;
    i->fw_version = FW_VERSION;
    i->uptime_ms = (uint32_t)((timer_now() - fw->boot_time) * 1000 / TIMER_HZ);
    i->clock_hz = TIMER_HZ;
    i->commands = fw->commands;
    i->command_errors = fw->command_errors;
    i->events = fw->events.seen;
    i->events_lost = fw->events.lost;
    i->routes = fw->fib.count;
    i->flows = fw->flows.count;
    i->sas_in = fw->sas.count[CULVERT_SA_IN];
    i->sas_out = fw->sas.count[CULVERT_SA_OUT];
    return CULVERT_ST_OK;
}
static enum culvert_status do_port(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)fw, (void)out;
    return port_set(&in->port);
}
static enum culvert_status do_local(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)fw, (void)out;
    return local_set(&in->local);
}
static enum culvert_status do_adj(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)fw, (void)out;
    return adj_set(&in->adj);
}
static enum culvert_status do_sa_install(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)out;
    return sa_install(&fw->sas, &in->sa);
}
static enum culvert_status do_sa_remove(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    return sa_remove(&fw->sas, &in->sa_ref, &out->sa);
}
static enum culvert_status do_sa_counters(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    return sa_counters(&fw->sas, &in->sa_ref, &out->sa);
}
static enum culvert_status do_sa_path(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)out;
    return sa_path(&fw->sas, &in->sa);
}
static enum culvert_status do_tunnel(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)out;
    return tunnel_set(&fw->sas, &in->tunnel);
}

static enum culvert_status check_target(uint32_t kind, uint32_t target)
{
    switch (kind) {
    case CULVERT_TARGET_HOST:
    case CULVERT_TARGET_DROP:
    case CULVERT_TARGET_TUNNEL: // towards the host the tunnel travels with the packet
        return target < BOARD_TUNNEL_COUNT ? CULVERT_ST_OK : CULVERT_ST_BAD_INDEX;
    case CULVERT_TARGET_ADJ:
        return target < BOARD_ADJ_COUNT ? CULVERT_ST_OK : CULVERT_ST_BAD_INDEX;
    default:
        return CULVERT_ST_BAD_VALUE;
    }
}

static bool prefix_ok(const struct culvert_route *r)
{
    return r->length <= 32 && !(r->prefix & ~fib_mask(r->length)) && !r->zero && !r->zero2[0] && !r->zero2[1];
}

static enum culvert_status do_route_set(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)out;
    if (!prefix_ok(&in->route))
        return CULVERT_ST_BAD_VALUE;
    const enum culvert_status status = check_target(in->route.kind, in->route.target);
    return status == CULVERT_ST_OK ? fib_set(&fw->fib, &in->route) : status;
}
static enum culvert_status do_route_del(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)out;
    return prefix_ok(&in->route) ? fib_del(&fw->fib, &in->route) : CULVERT_ST_BAD_VALUE;
}
static enum culvert_status do_flow_set(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)out;
    const struct culvert_flow *f = &in->flow;
    if (f->zero || f->zero2[0] || f->zero2[1])
        return CULVERT_ST_BAD_VALUE;
    const enum culvert_status status = check_target(f->kind, f->target);
    return status == CULVERT_ST_OK ? flow_set(&fw->flows, f) : status;
}
static enum culvert_status do_flow_del(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)out;
    return flow_del(&fw->flows, &in->flow);
}
static enum culvert_status do_counters(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)fw;
    const struct culvert_counters_req *r = &in->counters;
    if (r->count == 0 || r->count > CULVERT_COUNTERS_MAX)
        return CULVERT_ST_BAD_VALUE;
    if (r->first >= DP_COUNTER_COUNT || r->first + r->count > DP_COUNTER_COUNT)
        return CULVERT_ST_BAD_INDEX;
    for (uint32_t i = 0; i < r->count; i++)
        out->counters.value[i] = dp_counter(r->first + i);
    return CULVERT_ST_OK;
}
static enum culvert_status do_enable(struct fw *fw, const union mbox_body *in, union mbox_answer *out)
{
    (void)fw, (void)out;
    const struct culvert_enable *e = &in->enable;
    if (e->forward > 1 || e->zero[0] || e->zero[1] || e->zero[2])
        return CULVERT_ST_BAD_VALUE;
    dp_enable(e->forward);
    return CULVERT_ST_OK;
}

static const struct {
    handler *run;
    uint16_t length;
} command_table[CULVERT_OP_COUNT] = {
    [CULVERT_OP_NOP] = {do_nop, 0},
    [CULVERT_OP_GET_INFO] = {do_info, 0},
    [CULVERT_OP_PORT_SET] = {do_port, sizeof(struct culvert_port)},
    [CULVERT_OP_LOCAL_SET] = {do_local, sizeof(struct culvert_local)},
    [CULVERT_OP_ADJ_SET] = {do_adj, sizeof(struct culvert_adj)},
    [CULVERT_OP_SA_INSTALL] = {do_sa_install, sizeof(struct culvert_sa)},
    [CULVERT_OP_SA_REMOVE] = {do_sa_remove, sizeof(struct culvert_sa_ref)},
    [CULVERT_OP_SA_COUNTERS] = {do_sa_counters, sizeof(struct culvert_sa_ref)},
    [CULVERT_OP_SA_PATH] = {do_sa_path, sizeof(struct culvert_sa)},
    [CULVERT_OP_TUNNEL_SET] = {do_tunnel, sizeof(struct culvert_tunnel)},
    [CULVERT_OP_ROUTE_SET] = {do_route_set, sizeof(struct culvert_route)},
    [CULVERT_OP_ROUTE_DEL] = {do_route_del, sizeof(struct culvert_route)},
    [CULVERT_OP_FLOW_SET] = {do_flow_set, sizeof(struct culvert_flow)},
    [CULVERT_OP_FLOW_DEL] = {do_flow_del, sizeof(struct culvert_flow)},
    [CULVERT_OP_COUNTERS] = {do_counters, sizeof(struct culvert_counters_req)},
    [CULVERT_OP_ENABLE] = {do_enable, sizeof(struct culvert_enable)},
};

static enum culvert_status run(struct fw *fw)
{
    const struct mbox_command *c = &fw->command;
    if (c->abi_major != CULVERT_ABI_MAJOR)
        return CULVERT_ST_VERSION;
    if (c->opcode >= CULVERT_OP_COUNT)
        return CULVERT_ST_UNKNOWN_OPCODE;
    if (c->length != command_table[c->opcode].length)
        return CULVERT_ST_BAD_LENGTH;
    return command_table[c->opcode].run(fw, &c->body, &fw->answer.body);
}

void fw_execute(struct fw *fw)
{
    wipe_words(&fw->answer, sizeof(fw->answer));
    fw->answer.kind = CULVERT_ENTRY_COMPLETION;
    fw->answer.tag = fw->command.tag;
    const enum culvert_status status = run(fw);
    fw->answer.status = (uint16_t)status;
    fw->commands++;
    if (status != CULVERT_ST_OK) {
        fw->command_errors++;
        wipe_words(&fw->answer.body, sizeof(fw->answer.body));
    }
    mbox_forget(&fw->command);
}
