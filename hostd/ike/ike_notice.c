// SPDX-License-Identifier: BSD-2-Clause
// Errors that one side tells the other outside of any answer (RFC 7296 1.5, 2.21): INVALID_SPI for ESP that belongs to
// no SA, inside an IKE SA if there is one with the sender, else as a lone unprotected message, which is a hint only.
#include "hostd/ike/ike_int.h"

enum { NOTICE_GAP = IKE_SECOND / 10 }; // between two of these, and between two hints that are looked into

// An established SA with this peer: that of the port, of which there is one behind a NAT; of a peer that has an address
// to itself ESP comes without a port, and its SA may have either of ours.
static struct ike_sa *sa_of(struct ike_engine *e, const struct ike_path *path)
{
    const uint16_t ports[] = {path->remote_port, IKE_PORT, IKE_PORT_NATT};
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        struct ike_node *n = ike_table_find(&e->by_peer, ike_peer_key(&path->remote, ports[i]));
        for (; n; n = ike_table_again(n)) {
            struct ike_sa *sa = n->owner;
            if (ike_sa_usable(sa) && ip_equal(&sa->path.remote, &path->remote))
                return sa;
        }
    }
    return NULL;
}

void ike_notice_put(struct ike_sa *sa, struct ike_build *b)
{
    uint8_t spi[4];
    struct wbuf w;
    wbuf_init(&w, spi, sizeof(spi));
    wbuf_u32(&w, sa->task->spi);
    if (sa->task->notify == IKE_N_INVALID_SELECTORS)
        ike_put_notify_spi(b, IKE_N_INVALID_SELECTORS, IKE_PROTO_ESP, spi, sizeof(spi), sa->task->about,
                           sa->task->about_len);
    else
        ike_put_notify(b, sa->task->notify, spi, sizeof(spi));
}

static void send_bare(struct ike_engine *e, const struct ike_path *path, uint32_t spi)
{
    uint8_t msg[64], data[4];
    struct ike_build b;
    struct wbuf w;
    struct ike_header h = {.exchange = IKE_X_INFORMATIONAL, .flags = IKE_F_INITIATOR};
    // Any SPIs will do, they mean nothing (1.5).
    if (!ike_random(e, &h.spi_i, sizeof(h.spi_i)) || h.spi_i == 0)
        return;
    wbuf_init(&w, data, sizeof(data));
    wbuf_u32(&w, spi);
    ike_build_message(&b, msg, sizeof(msg), &h);
    ike_put_notify(&b, IKE_N_INVALID_SPI, data, sizeof(data));
    const size_t n = ike_build_finish(&b);
    if (n) {
        e->stats.out_messages++;
        e->ops->send(e->ctx, path, msg, n);
    }
}

void ike_unknown_spi(struct ike_engine *e, const struct ike_path *path, uint32_t spi, uint64_t now)
{
    ike_enter(e, now);
    // One that is given out but not installed yet is not lost: its first packets may come before our own answer is
    // done.
    if (e->now >= e->notice_at && ike_child_by_spi(e, spi) == NULL) {
        e->notice_at = e->now + NOTICE_GAP;
        e->stats.invalid_spi_sent++;
        struct ike_sa *sa = sa_of(e, path);
        if (sa == NULL) {
            send_bare(e, path, spi);
        } else if (!ike_task_pending(sa, IKE_TASK_NOTICE, 0)) {
            struct ike_task *t = ike_task_add(sa, IKE_TASK_NOTICE, 0);
            if (t) {
                t->notify = IKE_N_INVALID_SPI;
                t->spi = spi;
                ike_task_run(sa);
            }
        }
    }
    ike_leave(e);
}

void ike_outside_selectors(struct ike_engine *e, uint32_t spi_in, const uint8_t *start, size_t len, uint64_t now)
{
    ike_enter(e, now);
    const struct ike_child *c = ike_child_by_spi(e, spi_in);
    struct ike_sa *sa = c && ike_sa_usable(c->sa) ? c->sa : NULL;
    if (sa && e->now >= e->notice_at && !ike_task_pending(sa, IKE_TASK_NOTICE, 0)) {
        struct ike_task *t = ike_task_add(sa, IKE_TASK_NOTICE, 0);
        e->notice_at = e->now + NOTICE_GAP;
        if (t) {
            e->stats.invalid_selectors_sent++;
            t->notify = IKE_N_INVALID_SELECTORS;
            t->spi = spi_in;
            t->about_len = (uint8_t)(len < IKE_MAX_ABOUT ? len : IKE_MAX_ABOUT);
            memcpy(t->about, start, t->about_len);
            ike_task_run(sa);
        }
    }
    ike_leave(e);
}

static bool spi_of(const struct ike_notify_in *n, uint32_t *spi)
{
    struct buf b;
    buf_init(&b, n->data.p, n->data.len);
    *spi = buf_u32(&b);
    return buf_ok(&b);
}

bool ike_notice_bare(struct ike_engine *e, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                     size_t len)
{
    struct ike_payloads p;
    uint32_t spi;
    if (h->exchange != IKE_X_INFORMATIONAL || h->flags & IKE_F_RESPONSE || h->next != IKE_P_NOTIFY)
        return false;
    e->stats.bare_notices++;
    if (e->now < e->hint_at ||
        ike_payloads_decode(h->next, msg + IKE_HEADER_LEN, len - IKE_HEADER_LEN, &p) != IKE_DECODE_OK)
        return true;
    const struct ike_notify_in *n = ike_find_notify(&p, IKE_N_INVALID_SPI);
    struct ike_sa *sa = n && spi_of(n, &spi) ? sa_of(e, path) : NULL;
    if (sa && ike_child_by_out(sa, spi)) {
        // Anybody can say so: ask the peer, which will say nothing if it has lost the IKE SA as well.
        e->hint_at = e->now + NOTICE_GAP;
        ike_sa_log(sa, IKE_LOG_INFO, "somebody says that the peer has no SPI %08x: asking", spi);
        if (!ike_task_pending(sa, IKE_TASK_DPD, 0) && ike_task_add(sa, IKE_TASK_DPD, 0))
            ike_task_run(sa);
    }
    return true;
}

void ike_notice_take(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *error = ike_find_error(p);
    uint32_t spi;
    if (error == NULL)
        return;
    sa->e->stats.error_notices++;
    ike_sa_log(sa, IKE_LOG_WARN, "the peer reports %s", ike_name(IKE_NAMES_NOTIFY, error->type));
    if (error->type != IKE_N_INVALID_SPI || !spi_of(error, &spi) || sa->state != IKE_S_ESTABLISHED)
        return;
    // It lost a child that we still use: the rekey will find that out, and make a new one.
    const struct ike_child *c = ike_child_by_out(sa, spi);
    if (c && c->state == IKE_C_UP && !ike_task_pending(sa, IKE_TASK_REKEY_CHILD, c->pub.id))
        ike_task_add(sa, IKE_TASK_REKEY_CHILD, c->pub.id);
}
