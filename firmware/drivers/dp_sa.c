// SPDX-License-Identifier: BSD-2-Clause
// SA commands: the stage is written whole each time (hardware zeroises it after every command), then the command, then
// BUSY is awaited, so that the next user finds the stage free.
#include "firmware/drivers/dp.h"
#include "firmware/drivers/dp_reg.h"

#include <string.h>

enum sa_op { SA_OP_INSTALL, SA_OP_REMOVE, SA_OP_COUNTERS, SA_OP_PATH };

// The ABI's flags are the register's bits.
_Static_assert(CULVERT_SA_KEY256 == DP_SA_FLAGS_KEY256_MASK && CULVERT_SA_ESN == DP_SA_FLAGS_ESN_MASK &&
                   CULVERT_SA_ENCAP == DP_SA_FLAGS_ENCAP_MASK && CULVERT_SA_TO_HOST == DP_SA_FLAGS_TO_HOST_MASK &&
                   CULVERT_SA_COPY_DSCP == DP_SA_FLAGS_COPY_DSCP_MASK && CULVERT_SA_SET_DF == DP_SA_FLAGS_SET_DF_MASK,
               "SA flags");

static void put64(uint32_t reg_lo, uint64_t value)
{
    dp_put(reg_lo, (uint32_t)value);
    dp_put(reg_lo + 4, (uint32_t)(value >> 32));
}

static uint64_t get64(uint32_t reg_lo)
{
    const uint32_t low = dp_get(reg_lo);
    return (uint64_t)dp_get(reg_lo + 4) << 32 | low;
}

static bool command(enum sa_op op, uint32_t dir, uint32_t index)
{
    dp_put(DP_SA_COMMAND, index << DP_SA_COMMAND_INDEX_SHIFT | dir << DP_SA_COMMAND_DIR_SHIFT |
                              (uint32_t)op << DP_SA_COMMAND_OP_SHIFT);
    return dp_wait_idle();
}

static void stage_path(const struct culvert_sa *sa)
{
    dp_put(DP_SA_FLAGS, sa->flags | (uint32_t)sa->window_log2 << DP_SA_FLAGS_WINDOW_LOG2_SHIFT);
    dp_put(DP_SA_SRC, sa->src);
    dp_put(DP_SA_DST, sa->dst);
    dp_put(DP_SA_PORTS, (uint32_t)sa->sport << 16 | sa->dport);
    dp_put(DP_SA_ADJ, sa->adj);
}

bool dp_sa_install(const struct culvert_sa *sa)
{
    if (!dp_wait_idle())
        return false;
    for (uint32_t i = 0; i < sizeof(sa->key); i += 4) {
        uint32_t word;
        memcpy(&word, sa->key + i, 4);
        dp_put(DP_SA_KEY + i, word);
    }
    uint32_t salt;
    memcpy(&salt, sa->salt, 4);
    dp_put(DP_SA_SALT, salt);
    dp_put(DP_SA_SPI, sa->spi);
    dp_put(DP_SA_TUNNEL, sa->tunnel);
    stage_path(sa);
    dp_put(DP_SA_SRC_MASK, sa->src_mask);
    dp_put(DP_SA_DST_MASK, sa->dst_mask);
    put64(DP_SA_SEQ_LO, sa->seq);
    put64(DP_SA_SOFT_BYTES_LO, sa->soft_bytes);
    put64(DP_SA_HARD_BYTES_LO, sa->hard_bytes);
    put64(DP_SA_SOFT_PACKETS_LO, sa->soft_packets);
    put64(DP_SA_HARD_PACKETS_LO, sa->hard_packets);
    return command(SA_OP_INSTALL, sa->dir, sa->index);
}

bool dp_sa_path(const struct culvert_sa *sa)
{
    if (!dp_wait_idle())
        return false;
    stage_path(sa);
    return command(SA_OP_PATH, sa->dir, sa->index);
}

static void read_result(struct culvert_sa_counters *out)
{
    out->packets = get64(DP_SA_R_PACKETS_LO);
    out->bytes = get64(DP_SA_R_BYTES_LO);
    out->seq = get64(DP_SA_R_SEQ_LO);
    out->auth_fail = dp_get(DP_SA_R_AUTH_FAIL);
    out->replay = dp_get(DP_SA_R_REPLAY);
    out->policy = dp_get(DP_SA_R_POLICY);
}

bool dp_sa_remove(uint32_t dir, uint32_t index, struct culvert_sa_counters *final)
{
    if (!dp_wait_idle() || !command(SA_OP_REMOVE, dir, index))
        return false;
    read_result(final);
    return true;
}

bool dp_sa_counters(uint32_t dir, uint32_t index, struct culvert_sa_counters *out)
{
    if (!dp_wait_idle() || !command(SA_OP_COUNTERS, dir, index))
        return false;
    read_result(out);
    return true;
}
