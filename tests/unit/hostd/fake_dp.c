// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/hostd/fake_dp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void later(struct fake_dp *f, dp_done *done, void *arg, int error)
{
    enum { ROOM = sizeof(f->queue) / sizeof(f->queue[0]) };
    if (f->count == ROOM) {
        abort();
    }
    f->queue[(f->first + f->count++) % ROOM] = (struct fake_request){done, arg, error};
}

bool fake_dp_answer(struct fake_dp *f)
{
    if (f->count == 0) {
        return false;
    }
    struct fake_request r = f->queue[f->first];
    f->first = (f->first + 1) % (sizeof(f->queue) / sizeof(f->queue[0]));
    f->count--;
    if (r.done != NULL) {
        r.done(r.arg, r.error);
    }
    return true;
}

void fake_dp_answer_all(struct fake_dp *f)
{
    while (fake_dp_answer(f)) {
    }
}

bool fake_dp_fails(struct fake_dp *f)
{
    return ++f->seen == f->fail_at;
}

static int spi_alloc(struct dp *d, uint32_t *spi)
{
    struct fake_dp *f = (struct fake_dp *)d;
    *spi = f->next_spi++;
    f->live_spis++;
    return 0;
}

static void spi_free(struct dp *d, uint32_t spi)
{
    (void)spi;
    ((struct fake_dp *)d)->live_spis--;
}

static int tunnel_new(struct dp *d, const struct dp_tunnel *how, uint32_t *tunnel)
{
    struct fake_dp *f = (struct fake_dp *)d;
    (void)how;
    *tunnel = f->next_tunnel++;
    f->live_tunnels++;
    return 0;
}

static void tunnel_free(struct dp *d, uint32_t tunnel)
{
    (void)tunnel;
    ((struct fake_dp *)d)->live_tunnels--;
}

static void sa_install(struct dp *d, const struct dp_sa *sa, dp_done *done, void *arg)
{
    struct fake_dp *f = (struct fake_dp *)d;
    bool fails = fake_dp_fails(f);
    f->last = *sa;
    memset(f->last.key, 0, sizeof(f->last.key));
    f->last_ts = sa->ts->ts[0];
    str_addf(f->journal, "%s+%s ", sa->dir == DP_IN ? "in" : "out", fails ? "!" : "");
    if (!fails) {
        *(sa->dir == DP_IN ? &f->live_in : &f->live_out) += 1;
    }
    later(f, done, arg, fails ? -EIO : 0);
}

static void sa_path(struct dp *d, uint32_t spi, struct ip_addr old, const struct dp_path *path, dp_done *done,
                    void *arg)
{
    struct fake_dp *f = (struct fake_dp *)d;
    (void)spi, (void)old, (void)path;
    str_add(f->journal, "path ");
    later(f, done, arg, 0);
}

static void sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_done *done, void *arg)
{
    struct fake_dp *f = (struct fake_dp *)d;
    (void)spi, (void)remote;
    str_addf(f->journal, "%s- ", dir == DP_IN ? "in" : "out");
    *(dir == DP_IN ? &f->live_in : &f->live_out) -= 1;
    later(f, done, arg, 0);
}

static void route(struct fake_dp *f, const char *sign, const struct dp_route *r, dp_done *done, void *arg)
{
    static const char *const targets[] = {"host", "drop", "tunnel", "neighbour"};
    char prefix[IP_TEXT], hop[IP_TEXT];
    ip_format(&r->prefix, prefix);
    ip_format(&r->neighbour, hop);
    str_addf(f->journal, "%s%s/%u:%s", sign, prefix, r->length, targets[r->to]);
    if (r->to == DP_TO_TUNNEL) {
        str_addf(f->journal, "=%u", r->tunnel);
    } else if (r->to == DP_TO_NEIGHBOUR) {
        str_addf(f->journal, "=%s", hop);
    }
    str_add(f->journal, " ");
    later(f, done, arg, 0);
}

static void route_set(struct dp *d, const struct dp_route *r, dp_done *done, void *arg)
{
    route((struct fake_dp *)d, "+", r, done, arg);
}

static void route_del(struct dp *d, const struct dp_route *r, dp_done *done, void *arg)
{
    route((struct fake_dp *)d, "-", r, done, arg);
}

static void neighbour(struct dp *d, enum dp_port port, struct ip_addr a, const uint8_t *mac)
{
    char text[IP_TEXT];
    str_addf(((struct fake_dp *)d)->journal, "%sneighbour:%d:%s ", mac == NULL ? "-" : "+", (int)port,
             ip_format(&a, text));
}

static void local_set(struct dp *d, enum dp_port port, struct ip_addr a, bool present)
{
    (void)d, (void)port, (void)a, (void)present;
}

static void port_set(struct dp *d, enum dp_port port, const uint8_t mac[6], uint16_t mtu, bool up)
{
    (void)d, (void)port, (void)mac, (void)mtu, (void)up;
}

static void nexthop(struct dp *d, struct ip_addr remote, struct ip_addr next)
{
    char one[IP_TEXT], two[IP_TEXT];
    str_addf(((struct fake_dp *)d)->journal, "next:%s=%s ", ip_format(&remote, one), ip_format(&next, two));
}

static int send_frame(struct dp *d, enum dp_port port, const uint8_t *frame, size_t len)
{
    (void)d, (void)port, (void)frame, (void)len;
    return 0;
}

static int send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    (void)d, (void)tunnel, (void)packet, (void)len;
    return 0;
}

static void info(struct dp *d, dp_info_fn *fn, void *arg)
{
    struct fake_dp *f = (struct fake_dp *)d;
    f->asked.info = fn;
    f->asked.arg = arg;
}

static void counters(struct dp *d, dp_counters_fn *fn, void *arg)
{
    struct fake_dp *f = (struct fake_dp *)d;
    f->asked.counters = fn;
    f->asked.arg = arg;
}

bool fake_dp_tell(struct fake_dp *f)
{
    dp_info_fn *info_fn = f->asked.info;
    dp_counters_fn *counters_fn = f->asked.counters;
    f->asked.info = NULL;
    f->asked.counters = NULL;
    if (info_fn != NULL) {
        info_fn(f->asked.arg, f->info);
    } else if (counters_fn != NULL) {
        counters_fn(f->asked.arg, f->counter, f->counters);
    }
    return info_fn != NULL || counters_fn != NULL;
}

static const struct dp_class fake_class = {.info = info,
                                           .counters = counters,
                                           .spi_alloc = spi_alloc,
                                           .spi_free = spi_free,
                                           .tunnel_new = tunnel_new,
                                           .tunnel_free = tunnel_free,
                                           .sa_install = sa_install,
                                           .sa_path = sa_path,
                                           .sa_remove = sa_remove,
                                           .route_set = route_set,
                                           .route_del = route_del,
                                           .neighbour = neighbour,
                                           .local_set = local_set,
                                           .port_set = port_set,
                                           .nexthop = nexthop,
                                           .send_frame = send_frame,
                                           .send_packet = send_packet};

void fake_dp_init(struct fake_dp *f, struct str *journal)
{
    *f = (struct fake_dp){.dp.class = &fake_class, .journal = journal, .next_spi = 0x1000, .next_tunnel = 1};
}
