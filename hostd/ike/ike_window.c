// SPDX-License-Identifier: BSD-2-Clause
// Windows of requests (RFC 7296 2.3). Of the peer's: if it was told SET_WINDOW_SIZE it may have several out at once.
// They are answered in the order of their ids, whatever order they come in; a request that comes early waits, and as
// many answers are kept as the window has places, since any of them may be asked for again. Of ours: as many as it told
// us (ike_task.c).
#include "hostd/ike/ike_int.h"

enum { EARLY_BYTES = 4 * 16384 }; // of one SA, whose peer is authenticated

unsigned ike_window(const struct ike_sa *sa)
{
    const bool open = sa->state == IKE_S_ESTABLISHED || sa->state == IKE_S_REPLACED || sa->state == IKE_S_DELETING;
    return open && sa->profile->window > 1 ? sa->profile->window : 1;
}

void ike_window_put(struct ike_sa *sa, struct ike_build *b)
{
    const uint8_t window[4] = {0, 0, 0, sa->profile->window};
    if (sa->profile->window > 1)
        ike_put_notify(b, IKE_N_SET_WINDOW, window, sizeof(window));
}

void ike_window_take(struct ike_sa *sa, const struct ike_payloads *p)
{
    const struct ike_notify_in *n = ike_find_notify(p, IKE_N_SET_WINDOW);
    if (n && n->data.len == 4) {
        struct buf d;
        buf_init(&d, n->data.p, n->data.len);
        const uint32_t size = buf_u32(&d);
        sa->peer_window = (uint8_t)(size > UINT8_MAX ? UINT8_MAX : size);
    }
}

// A request with the id X has to wait until all up to X - N are answered, whichever of the later ones are. One that is
// under way and not sent yet (its key exchange is being computed) will have the next id.
bool ike_window_open(const struct ike_sa *sa)
{
    const unsigned most = sa->state == IKE_S_ESTABLISHED && sa->peer_window > 1 ? sa->peer_window : 1;
    const struct ike_task *oldest = ike_task_oldest(sa);
    uint32_t n = 0, unsent = 0;
    for (const struct ike_task *t = sa->task; t; t = t->next) {
        n++;
        unsent += !t->sent;
    }
    return n < most && (oldest ? sa->next_out - oldest->mid : 0) + unsent < most;
}

// Is it authentic? The plain text goes into e->plain and is forgotten.
static bool authentic(struct ike_sa *sa, const struct ike_header *h, const uint8_t *msg, size_t len)
{
    struct ike_payloads outer;
    const bool from_i = h->flags & IKE_F_INITIATOR;
    size_t plain;
    return ike_payloads_decode(h->next, msg + IKE_HEADER_LEN, len - IKE_HEADER_LEN, &outer) == IKE_DECODE_OK &&
           outer.sk.p &&
           ike_open(sa->e->crypto, &sa->suite, from_i ? sa->keys.ei : sa->keys.er, from_i ? sa->keys.ai : sa->keys.ar,
                    msg, len, (size_t)(outer.sk.p - msg), sa->e->plain, &plain);
}

bool ike_window_early(struct ike_sa *sa, const struct ike_path *path, const struct ike_header *h, const uint8_t *msg,
                      size_t len)
{
    const unsigned window = ike_window(sa);
    struct ike_early **at;
    if (window == 1 || h->mid < sa->next_in || h->mid - sa->next_in >= window)
        return false;
    struct ike_ext *x = ike_ext(sa);
    if (x == NULL)
        return false;
    for (at = &x->early; *at && (*at)->mid <= h->mid; at = &(*at)->next) {
        if ((*at)->mid == h->mid && (*at)->len == len && memcmp((*at)->msg, msg, len) == 0) {
            sa->e->stats.duplicate_requests++;
            return true;
        }
    }
    if (x->early_bytes + len > EARLY_BYTES || !authentic(sa, h, msg, len))
        return false;
    struct ike_early *m = ike_zalloc(sa->e, sizeof(*m) + len);
    if (m == NULL)
        return false;
    m->path = *path;
    m->mid = h->mid;
    m->len = (uint32_t)len;
    memcpy(m->msg, msg, len);
    m->next = *at;
    *at = m;
    x->n_early++;
    x->early_bytes += len;
    sa->e->stats.early_requests++;
    return true;
}

void ike_window_keep(struct ike_sa *sa)
{
    const unsigned window = ike_window(sa);
    struct ike_ext *x = window > 1 && sa->answer ? ike_ext(sa) : NULL;
    if (x && x->kept == NULL)
        x->kept = ike_zalloc(sa->e, IKE_MAX_WINDOW * sizeof(*x->kept));
    if (x && x->kept) {
        struct ike_kept *k = &x->kept[(sa->next_in - 1) % IKE_MAX_WINDOW];
        free(k->answer);
        k->mid = sa->next_in - 1;
        k->answer = sa->answer;
        memcpy(k->print, sa->in_print, sizeof(k->print));
        sa->answer = NULL;
        // What has left the window is not asked for again.
        struct ike_kept *old = &x->kept[(sa->next_in - 1 + IKE_MAX_WINDOW - window) % IKE_MAX_WINDOW];
        if (window < IKE_MAX_WINDOW) {
            free(old->answer);
            old->answer = NULL;
        }
    } else {
        free(sa->answer);
        sa->answer = NULL;
    }
}

bool ike_window_repeat(struct ike_sa *sa, const struct ike_path *path, uint32_t mid, const uint8_t print[16])
{
    const struct ike_kept *k = sa->ext && sa->ext->kept ? &sa->ext->kept[mid % IKE_MAX_WINDOW] : NULL;
    if (k == NULL || k->answer == NULL || k->mid != mid || memcmp(k->print, print, sizeof(k->print)) != 0)
        return false;
    ike_send_flight_on(sa, k->answer, path);
    return true;
}

void ike_window_wake(struct ike_sa *sa)
{
    struct ike_ext *x = sa->ext;
    if (x && x->early && !x->woken) {
        x->woken = true;
        x->next_woken = sa->e->woken;
        sa->e->woken = x;
    }
}

static struct ike_early *take_first(struct ike_ext *x)
{
    struct ike_early *m = x->early;
    x->early = m->next;
    x->n_early--;
    x->early_bytes -= m->len;
    return m;
}

// All of an SA's requests whose turn has come.
static void run(struct ike_sa *sa)
{
    while (sa->ext && sa->ext->early && !sa->in_open && sa->ext->early->mid <= sa->next_in && sa->have_keys) {
        struct ike_early *m = take_first(sa->ext);
        struct ike_header h;
        if (ike_header_decode(m->msg, m->len, &h))
            ike_protected_input(sa, &m->path, &h, m->msg, m->len);
        free(m);
    }
}

void ike_window_run(struct ike_engine *e)
{
    while (e->woken) {
        struct ike_ext *x = e->woken;
        e->woken = x->next_woken;
        x->woken = false;
        run(x->sa);
    }
}

void ike_window_free(struct ike_sa *sa)
{
    struct ike_ext *x = sa->ext;
    struct ike_ext **at = &sa->e->woken;
    while (x->early)
        free(take_first(x));
    for (unsigned i = 0; x->kept && i < IKE_MAX_WINDOW; i++)
        free(x->kept[i].answer);
    free(x->kept);
    x->kept = NULL;
    while (x->woken && *at && *at != x)
        at = &(*at)->next_woken;
    if (x->woken && *at)
        *at = x->next_woken;
    x->woken = false;
}
