// SPDX-License-Identifier: BSD-2-Clause
// The host's accesses to BAR0: requests cut as the specification wants it, completions checked and put together.
#include "bar0_regs.h"
#include "sim/pcie/rp_internal.h"

#include <errno.h>
#include <string.h>

bool rp_access(struct rp *rp, uint32_t offset, uint8_t *data, uint32_t len, bool write, rp_done *done, void *arg)
{
    if (rp->op_count == RP_OPS || !len || len > 4096 || offset > BAR0_BYTES || len > BAR0_BYTES - offset)
        return false;
    struct rp_op *op = &rp->ops[(rp->op_head + rp->op_count++) % RP_OPS];
    *op = (struct rp_op){.offset = offset, .len = len, .data = data, .write = write, .done = done, .arg = arg};
    rp->work = true;
    return true;
}

void rp_cancel(struct rp *rp)
{
    for (unsigned i = 0; i < rp->op_count; i++) {
        struct rp_op *op = &rp->ops[(rp->op_head + i) % RP_OPS];
        op->cancelled = true;
        // What is not on its way yet never will be.
        op->ended += op->len - op->issued;
        op->issued = op->len;
    }
    rp->op_issue = rp->op_count;
}

// Calls `done` for the finished accesses at the head of the queue.
static void retire(struct rp *rp)
{
    while (rp->op_count && rp->op_issue) {
        struct rp_op op = rp->ops[rp->op_head];
        if (op.ended < op.len)
            return;
        rp->op_head = (rp->op_head + 1) % RP_OPS;
        rp->op_count--;
        rp->op_issue--;
        if (!op.cancelled && op.done)
            op.done(op.arg, op.failed ? EIO : 0);
    }
}

bool rp_bar_request(struct rp *rp)
{
    retire(rp);
    if (rp->op_issue == rp->op_count)
        return false;
    struct rp_op *op = &rp->ops[(rp->op_head + rp->op_issue) % RP_OPS];
    uint64_t addr = rp->opt.bar_base + op->offset + op->issued;
    uint32_t limit = 128u << (op->write ? *rp->pins.max_payload : *rp->pins.max_read_req);
    uint32_t len = limit - (uint32_t)(addr & (limit - 1));
    if (len > op->len - op->issued)
        len = op->len - op->issued;
    unsigned tag = 0;
    if (!op->write) {
        while (tag < RP_TAGS && rp->tags[tag].busy)
            tag++;
        if (tag == RP_TAGS)
            return false;
        rp->tags[tag] = (struct rp_tag){
            .busy = true, .op = op, .at = op->issued, .len = len, .lower = addr & 0x7f, .since = rp->now};
        rp->tags_busy++;
    }
    struct tlp *t = &rp->out;
    tlp_mem_header(t->hdr, op->write, addr, len, RP_ID, (uint8_t)tag);
    t->len = op->write ? tlp_dws(t->hdr) * 4 : 0;
    t->beats = tlp_beats(t->len);
    if (op->write) {
        memset(t->data, 0xee, t->len); // bytes that are not enabled
        memcpy(t->data + (addr & 3), op->data + op->issued, len);
        op->ended += len;
    }
    op->issued += len;
    if (op->issued == op->len)
        rp->op_issue++;
    return true;
}

static void tag_end(struct rp *rp, struct rp_tag *g, bool failed)
{
    g->op->failed |= failed;
    g->op->ended += g->len;
    g->busy = false;
    rp->tags_busy--;
    retire(rp);
}

void rp_bar_completion(struct rp *rp, const struct tlp *t)
{
    const uint32_t *h = t->hdr;
    unsigned tag = h[2] >> 8 & 0xff, status = h[1] >> 13 & 7;
    uint32_t count = (h[1] & 0xfff) ? (h[1] & 0xfff) : 4096, lower = h[2] & 0x7f;
    if (tag >= RP_RAW_TAG) {
        if (rp->hooks.raw)
            rp->hooks.raw(rp->hooks.arg, h, t->data, t->len);
        return;
    }
    if (tag >= RP_TAGS || !rp->tags[tag].busy || h[2] >> 16 != RP_ID || h[1] >> 16 != RP_CARD_ID) {
        rp_violated(rp, "completion that nobody waits for: %08x %08x %08x", h[0], h[1], h[2]);
        return;
    }
    struct rp_tag *g = &rp->tags[tag];
    if (status != TLP_SC || !tlp_has_data(h)) {
        if (tlp_has_data(h) || status == TLP_SC)
            rp_violated(rp, "completion with status %u and %u bytes", status, t->len);
        tag_end(rp, g, true);
        return;
    }
    uint32_t left = g->len - g->got, lead = lower & 3, bytes = t->len - lead;
    if (bytes > left)
        bytes = left;
    bool last = bytes == left;
    if (count != left || lower != g->lower || (h[0] & TLP_EP) || t->len != ((lead + bytes + 3) & ~3u) ||
        (!last && (lower + bytes) % 128) || t->len > 128u << *rp->pins.max_payload) {
        rp_violated(rp, "wrong completion: %08x %08x %08x; %u bytes left at %02x", h[0], h[1], h[2], left, g->lower);
        tag_end(rp, g, true);
        return;
    }
    if (!g->op->cancelled)
        memcpy(g->op->data + g->at + g->got, t->data + lead, bytes);
    g->got += bytes;
    g->lower = 0;
    if (last)
        tag_end(rp, g, false);
}

void rp_bar_timeouts(struct rp *rp)
{
    for (unsigned i = 0; i < RP_TAGS; i++)
        if (rp->tags[i].busy && rp->now - rp->tags[i].since > RP_TIMEOUT) {
            rp_violated(rp, "a read of BAR0 was never answered");
            tag_end(rp, &rp->tags[i], true);
        }
}
