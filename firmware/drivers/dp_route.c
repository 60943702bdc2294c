// SPDX-License-Identifier: BSD-2-Clause
// FIB and flow table entries.
#include "firmware/drivers/dp.h"
#include "firmware/drivers/dp_reg.h"

static uint32_t result(uint32_t kind, uint32_t target)
{
    return kind << DP_FIB_RESULT_KIND_SHIFT | target << DP_FIB_RESULT_TARGET_SHIFT;
}

void dp_fib_write(uint32_t index, bool valid, const struct culvert_route *route)
{
    dp_put(DP_FIB_PREFIX, route->prefix);
    dp_put(DP_FIB_META,
           (uint32_t)route->length << DP_FIB_META_LEN_SHIFT | (uint32_t)route->vrf << DP_FIB_META_VRF_SHIFT);
    dp_put(DP_FIB_RESULT, result(route->kind, route->target));
    dp_put(DP_FIB_WRITE, index | (uint32_t)valid << 31);
}

uint32_t dp_flow_hash(const struct culvert_flow *flow)
{
    dp_put(DP_FLOW_SRC, flow->src);
    dp_put(DP_FLOW_DST, flow->dst);
    dp_put(DP_FLOW_PORTS, (uint32_t)flow->sport << 16 | flow->dport);
    dp_put(DP_FLOW_META, flow->protocol | (uint32_t)flow->vrf << 8);
    return dp_get(DP_FLOW_HASH);
}

bool dp_flow_write(enum dp_way way, uint32_t slot, bool valid, const struct culvert_flow *flow)
{
    if (!dp_wait_idle())
        return false;
    dp_put(DP_FLOW_SRC, flow->src);
    dp_put(DP_FLOW_DST, flow->dst);
    dp_put(DP_FLOW_PORTS, (uint32_t)flow->sport << 16 | flow->dport);
    dp_put(DP_FLOW_META, flow->protocol | (uint32_t)flow->vrf << 8);
    dp_put(DP_FLOW_RESULT, result(flow->kind, flow->target));
    dp_put(DP_FLOW_WRITE, slot << DP_FLOW_WRITE_SLOT_SHIFT | (uint32_t)way << DP_FLOW_WRITE_WAY_SHIFT |
                              (uint32_t)valid << DP_FLOW_WRITE_VALID_SHIFT);
    return dp_wait_idle();
}
