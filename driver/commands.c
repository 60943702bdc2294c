// SPDX-License-Identifier: BSD-2-Clause
// A function for each command, names, and the counters.
#include "dp_regs.h"
#include "driver/card_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIMPLE(card, opcode, body, done, arg) culvert_command(card, opcode, body, sizeof(*(body)), done, arg, 0)

int culvert_nop(struct culvert_card *c, culvert_done *done, void *arg)
{
    return culvert_command(c, CULVERT_OP_NOP, NULL, 0, done, arg, 0);
}
int culvert_get_info(struct culvert_card *c, culvert_done *done, void *arg)
{
    return culvert_command(c, CULVERT_OP_GET_INFO, NULL, 0, done, arg, 0);
}
int culvert_port_set(struct culvert_card *c, const struct culvert_port *port, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_PORT_SET, port, done, arg);
}
int culvert_local_set(struct culvert_card *c, uint8_t slot, uint32_t address, culvert_done *done, void *arg)
{
    const struct culvert_local b = {.slot = slot, .address = address};
    return SIMPLE(c, CULVERT_OP_LOCAL_SET, &b, done, arg);
}
int culvert_adj_set(struct culvert_card *c, const struct culvert_adj *adj, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_ADJ_SET, adj, done, arg);
}
int culvert_sa_install(struct culvert_card *c, const struct culvert_sa *sa, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_SA_INSTALL, sa, done, arg);
}
int culvert_sa_remove(struct culvert_card *c, enum culvert_sa_dir dir, uint16_t index, culvert_done *done, void *arg)
{
    const struct culvert_sa_ref b = {.index = index, .dir = (uint8_t)dir};
    return SIMPLE(c, CULVERT_OP_SA_REMOVE, &b, done, arg);
}
int culvert_sa_counters(struct culvert_card *c, enum culvert_sa_dir dir, uint16_t index, culvert_done *done, void *arg)
{
    const struct culvert_sa_ref b = {.index = index, .dir = (uint8_t)dir};
    return SIMPLE(c, CULVERT_OP_SA_COUNTERS, &b, done, arg);
}
int culvert_sa_path(struct culvert_card *c, const struct culvert_sa *sa, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_SA_PATH, sa, done, arg);
}
int culvert_tunnel_set(struct culvert_card *c, const struct culvert_tunnel *tunnel, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_TUNNEL_SET, tunnel, done, arg);
}
int culvert_route_set(struct culvert_card *c, const struct culvert_route *route, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_ROUTE_SET, route, done, arg);
}
int culvert_route_del(struct culvert_card *c, const struct culvert_route *route, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_ROUTE_DEL, route, done, arg);
}
int culvert_flow_set(struct culvert_card *c, const struct culvert_flow *flow, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_FLOW_SET, flow, done, arg);
}
int culvert_flow_del(struct culvert_card *c, const struct culvert_flow *flow, culvert_done *done, void *arg)
{
    return SIMPLE(c, CULVERT_OP_FLOW_DEL, flow, done, arg);
}
int culvert_enable(struct culvert_card *c, bool forward, culvert_done *done, void *arg)
{
    const struct culvert_enable b = {.forward = forward};
    return SIMPLE(c, CULVERT_OP_ENABLE, &b, done, arg);
}

// ---------------------------------------------------------------- counters

// A reading of all counters: as many commands as it takes, queued at once; the last one's completion ends it.
struct reading {
    culvert_counters_fn *done;
    void *arg;
    int error;
    size_t left; // commands without an answer
    uint64_t value[DP_COUNTER_COUNT];
    struct part {
        struct reading *reading;
        size_t first, count;
    } part[(DP_COUNTER_COUNT + CULVERT_COUNTERS_MAX - 1) / CULVERT_COUNTERS_MAX];
};

static void finish(struct reading *r)
{
    if (r->done)
        r->done(r->arg, r->error, r->error ? NULL : r->value, r->error ? 0 : DP_COUNTER_COUNT);
    free(r);
}

static void part_done(void *arg, const struct culvert_result *result)
{
    const struct part *p = arg;
    struct reading *r = p->reading;
    if (result->error && !r->error)
        r->error = result->error;
    memcpy(r->value + p->first, result->body, p->count * sizeof(uint64_t));
    if (--r->left == 0)
        finish(r);
}

int culvert_counters(struct culvert_card *c, culvert_counters_fn *done, void *arg)
{
    struct reading *r = calloc(1, sizeof(*r));
    if (!r)
        return -ENOMEM;
    r->done = done;
    r->arg = arg;
    for (size_t first = 0; first < DP_COUNTER_COUNT; first += CULVERT_COUNTERS_MAX) {
        const size_t rest = DP_COUNTER_COUNT - first;
        struct part *p = &r->part[first / CULVERT_COUNTERS_MAX];
        *p = (struct part){r, first, rest < CULVERT_COUNTERS_MAX ? rest : CULVERT_COUNTERS_MAX};
        const struct culvert_counters_req b = {(uint16_t)p->first, (uint16_t)p->count};
        const int rc = SIMPLE(c, CULVERT_OP_COUNTERS, &b, part_done, p);
        if (rc && r->left == 0) {
            free(r);
            return rc;
        }
        if (rc) { // the ones before it are under way and end the reading
            r->error = rc;
            return 0;
        }
        r->left++;
    }
    return 0;
}

static const char *name_of(const char *const *names, size_t count, size_t index)
{
    return index < count ? names[index] : "?";
}

size_t culvert_counter_count(void)
{
    return DP_COUNTER_COUNT;
}
const char *culvert_counter_name(size_t index)
{
    static const char *const names[] = DP_COUNTER_NAMES;
    return name_of(names, DP_COUNTER_COUNT, index);
}
const char *culvert_counter_help(size_t index)
{
    static const char *const docs[] = DP_COUNTER_DOCS;
    return name_of(docs, DP_COUNTER_COUNT, index);
}
const char *culvert_event_name(unsigned type)
{
    static const char *const names[] = DP_EVENT_NAMES;
    return name_of(names, DP_EVENT_COUNT, type);
}
const char *culvert_reason_name(unsigned reason)
{
    static const char *const names[] = DP_REASON_NAMES;
    return name_of(names, DP_REASON_COUNT, reason);
}

static const struct {
    int error;
    const char *text;
} status_table[CULVERT_ST_COUNT] = {
    [CULVERT_ST_OK] = {0, "done"},
    [CULVERT_ST_UNKNOWN_OPCODE] = {-EOPNOTSUPP, "firmware does not know the command: it is older than the driver"},
    [CULVERT_ST_BAD_LENGTH] = {-EMSGSIZE, "the command's body has another length than firmware expects"},
    [CULVERT_ST_BAD_INDEX] = {-ERANGE, "an index is beyond the card's table"},
    [CULVERT_ST_BAD_VALUE] = {-EINVAL, "a field has a value that the card does not know"},
    [CULVERT_ST_NOT_FOUND] = {-ENOENT, "there is no such entry"},
    [CULVERT_ST_EXISTS] = {-EEXIST, "the index is in use: remove the entry first"},
    [CULVERT_ST_FULL] = {-ENOSPC, "the card's table is full"},
    [CULVERT_ST_TIMEOUT] = {-EIO, "the datapath did not answer firmware: reset the card"},
    [CULVERT_ST_VERSION] = {-EPROTO, "firmware speaks another major version of the mailbox ABI"},
};

const char *culvert_status_text(unsigned status)
{
    return status < CULVERT_ST_COUNT ? status_table[status].text : "an answer that this driver does not know";
}
int culvert_status_errno(unsigned status)
{
    return status < CULVERT_ST_COUNT ? status_table[status].error : -EPROTO;
}
