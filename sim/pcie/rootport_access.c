// SPDX-License-Identifier: BSD-2-Clause
// Accesses of the host to BAR0: cut into requests of at most max_payload or max_read_req bytes that do not cross 4 KiB,
// one read request at a time.
#include "sim/pcie/rootport_priv.h"

#include "bar0_regs.h"

#include <errno.h>
#include <string.h>

int rp_access(struct rootport *rp, uint64_t offset, uint8_t *data, uint32_t len, bool write)
{
    if (!len || len > 4096 || offset > BAR0_BYTES || len > BAR0_BYTES - offset)
        return EINVAL;
    if (rp->access.active)
        return EBUSY;
    rp->access = (struct rp_access){.active = true, .write = write, .offset = offset, .data = data, .left = len};
    return 0;
}

void rp_access_end(struct rootport *rp, int error)
{
    if (!rp->access.active)
        return;
    rp->access.active = false;
    rp->hooks.access_done(rp->hooks.arg, error);
}

static uint32_t chunk(const struct rp_access *a, uint32_t max)
{
    uint32_t n = a->left, page = 4096 - (uint32_t)(a->offset & 4095), lead = a->offset & 3;
    n = n < max - lead ? n : max - lead;
    return n < page ? n : page;
}

static void ask(struct rootport *rp)
{
    struct rp_access *a = &rp->access;
    uint32_t n = chunk(a, rp->config.max_read_req), lead = a->offset & 3, dws = (lead + n + 3) / 4,
             tail = (lead + n) & 3;
    uint32_t first = 0xfu << lead & 0xf, last = tail ? 0xfu >> (4 - tail) : 0xf;
    struct rp_tlp *t = rp_queue_slot(rp);
    if (dws == 1) {
        first &= last;
        last = 0;
    }
    t->hdr[0] = (uint32_t)TLP_MRD3 << 24 | dws;
    t->hdr[1] = RP_ID << 16 | RP_BAR_TAG << 8 | last << 4 | first;
    t->hdr[2] = RP_BAR_BASE + (uint32_t)(a->offset & ~UINT64_C(3));
    t->hdr[3] = 0;
    t->dws = 0;
    t->last_of_access = false;
    rp_queue_push(rp);
    a->waiting = true;
    a->chunk = a->data;
    a->chunk_bytes = n;
    a->deadline = rp->cycle + RP_TIMEOUT;
    a->offset += n;
    a->data += n;
    a->left -= n;
}

void rp_access_next(struct rootport *rp)
{
    struct rp_access *a = &rp->access;
    if (a->waiting && rp->cycle > a->deadline) {
        rp_say(rp, "no completion for a read of BAR0");
        rp_access_end(rp, ETIMEDOUT);
    }
    while (a->active && !a->waiting && a->left && rp_queue_slot(rp)) {
        if (!a->write) {
            ask(rp);
            return;
        }
        uint32_t n = chunk(a, rp->config.max_payload);
        rp_queue_bar_write(rp, a->offset, a->data, n, n == a->left);
        a->offset += n;
        a->data += n;
        a->left -= n;
    }
}

void rp_access_completion(struct rootport *rp, const uint32_t hdr[4], const uint32_t *data, uint32_t dws)
{
    struct rp_access *a = &rp->access;
    uint32_t tag = hdr[2] >> 8 & 0xff, status = hdr[1] >> 13 & 7, lower = hdr[2] & 0x7f;
    uint32_t count = hdr[1] & 0xfff;
    if (!a->active || !a->waiting || tag != RP_BAR_TAG || hdr[2] >> 16 != RP_ID) {
        rp->stats.malformed++;
        rp_say(rp, "unexpected completion from the card, tag 0x%x", tag);
        return;
    }
    if (status) {
        rp_access_end(rp, EIO);
        return;
    }
    count = count ? count : 4096;
    uint32_t have = dws * 4 - (lower & 3), n = have < count ? have : count;
    if (count != a->chunk_bytes || !dws || n > a->chunk_bytes) {
        rp->stats.malformed++;
        rp_say(rp, "completion says %u bytes are left, %u are", count, a->chunk_bytes);
        rp_access_end(rp, EIO);
        return;
    }
    memcpy(a->chunk, (const uint8_t *)data + (lower & 3), n);
    a->chunk += n;
    a->chunk_bytes -= n;
    if (a->chunk_bytes)
        return;
    a->waiting = false;
    if (!a->left)
        rp_access_end(rp, 0);
}
