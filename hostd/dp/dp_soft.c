// SPDX-License-Identifier: BSD-2-Clause
// The software datapath: requests. soft_in.c and soft_out.c move the packets.
//
// State changes within the request, the answer comes in the loop's next round: so whatever order requests are made in
// is the order they take effect in. Routes, neighbours and ports are the kernel's here: those requests succeed and do
// nothing.
#include "hostd/dp/ranges.h"
#include "hostd/dp/soft.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKET_BUFFER = 4 << 20, SPI_MIN = 256 };

static struct soft *soft_of(struct dp *d)
{
    return (struct soft *)d;
}

static int spi_alloc(struct dp *d, uint32_t *spi)
{
    struct soft *s = soft_of(d);
    if (s->in.n >= SOFT_SAS_MAX)
        return -ENOSPC;
    for (int tries = 0; tries < 100; tries++) {
        uint32_t v;
        if (RAND_bytes((uint8_t *)&v, sizeof(v)) != 1)
            return -ENOSPC;
        if (v < SPI_MIN || map_get(&s->in, v))
            continue;
        if (!map_set(&s->in, v, &s->reserved))
            return -ENOSPC;
        *spi = v;
        return 0;
    }
    return -ENOSPC;
}

static void sa_free(struct soft_sa *sa)
{
    esp_free(sa->esp);
    replay_clear(&sa->replay);
    free(sa);
}

static void spi_free(struct dp *d, uint32_t spi)
{
    struct soft_sa *sa = map_del(&soft_of(d)->in, spi);
    if (sa && (void *)sa != &soft_of(d)->reserved)
        sa_free(sa);
}

static int tunnel_new(struct dp *d, uint16_t mtu, uint32_t *tunnel)
{
    struct soft *s = soft_of(d);
    (void)mtu; // the TUN device has it
    uint32_t i = 0;
    while (i < s->tunnels && s->tunnel[i].used)
        i++;
    if (i == s->tunnels) {
        if (s->tunnels >= SOFT_SAS_MAX)
            return -ENOSPC;
        uint32_t n = s->tunnels ? s->tunnels * 2 : 16;
        struct soft_tunnel *bigger = realloc(s->tunnel, n * sizeof(*bigger));
        if (!bigger)
            return -ENOSPC;
        memset(bigger + s->tunnels, 0, (n - s->tunnels) * sizeof(*bigger));
        s->tunnel = bigger;
        s->tunnels = n;
    }
    s->tunnel[i].used = true;
    *tunnel = i;
    return 0;
}

static void tunnel_free(struct dp *d, uint32_t tunnel)
{
    struct soft *s = soft_of(d);
    if (tunnel < s->tunnels) // its SAs stay until they are removed, and send nothing
        s->tunnel[tunnel] = (struct soft_tunnel){0};
}

static void tunnel_unlink(struct soft *s, const struct soft_sa *sa)
{
    if (sa->p.tunnel >= s->tunnels)
        return;
    for (struct soft_sa **at = &s->tunnel[sa->p.tunnel].out; *at; at = &(*at)->older)
        if (*at == sa) {
            *at = sa->older;
            return;
        }
}

static int install_in(struct soft *s, struct soft_sa *sa)
{
    if (map_get(&s->in, sa->p.spi) != &s->reserved)
        return -EINVAL; // not given out, or in use
    if (!replay_init(&sa->replay, sa->p.replay_window, sa->p.esn))
        return -ENOMEM;
    return map_set(&s->in, sa->p.spi, sa) ? 0 : -ENOMEM;
}

static int install_out(struct soft *s, struct soft_sa *sa)
{
    uint64_t key = soft_out_key(sa->p.spi, sa->p.remote);
    if (map_get(&s->out, key))
        return -EEXIST;
    if (s->out.n >= SOFT_SAS_MAX)
        return -ENOSPC;
    if (sa->p.encap && s->udp < 0)
        return -EOPNOTSUPP;
    if (!map_set(&s->out, key, sa))
        return -ENOMEM;
    sa->older = s->tunnel[sa->p.tunnel].out;
    s->tunnel[sa->p.tunnel].out = sa;
    return 0;
}

static int install(struct soft *s, const struct dp_sa *p)
{
    if (p->key_len != esp_key_len(p->suite) || p->tunnel >= s->tunnels || !s->tunnel[p->tunnel].used ||
        !ranges_valid(p) || p->replay_window > REPLAY_WINDOW_MAX || (p->encap && p->dir == DP_OUT && !p->remote_port))
        return -EINVAL;
    struct soft_sa *sa = calloc(1, sizeof(*sa));
    if (!sa)
        return -ENOMEM;
    sa->p = *p;
    OPENSSL_cleanse(sa->p.key, sizeof(sa->p.key));
    sa->esp = esp_new(p->suite, p->key, p->key_len, p->esn, p->dir == DP_OUT);
    int rc = !sa->esp ? -ENOMEM : p->dir == DP_IN ? install_in(s, sa) : install_out(s, sa);
    if (rc)
        sa_free(sa);
    return rc;
}

static void sa_install(struct dp *d, const struct dp_sa *p, dp_done *done, void *arg)
{
    later_done(&soft_of(d)->later, done, arg, install(soft_of(d), p));
}

static int move(struct soft *s, uint32_t spi, struct in_addr old_remote, const struct dp_path *path)
{
    uint64_t from = soft_out_key(spi, old_remote), to = soft_out_key(spi, path->remote);
    struct soft_sa *sa = map_get(&s->out, from);
    if (!sa)
        return -ENOENT;
    if (path->encap && (s->udp < 0 || !path->remote_port))
        return -EINVAL;
    if (to != from) {
        if (map_get(&s->out, to))
            return -EEXIST;
        if (!map_set(&s->out, to, sa))
            return -ENOMEM;
        map_del(&s->out, from);
    }
    sa->p.local = path->local;
    sa->p.remote = path->remote;
    sa->p.local_port = path->local_port;
    sa->p.remote_port = path->remote_port;
    sa->p.encap = path->encap;
    return 0;
}

static void sa_path(struct dp *d, uint32_t spi, struct in_addr old_remote, const struct dp_path *path, dp_done *done,
                    void *arg)
{
    later_done(&soft_of(d)->later, done, arg, move(soft_of(d), spi, old_remote, path));
}

static struct soft_sa *find(struct soft *s, enum dp_dir dir, uint32_t spi, struct in_addr remote)
{
    struct soft_sa *sa = dir == DP_IN ? map_get(&s->in, spi) : map_get(&s->out, soft_out_key(spi, remote));
    return (void *)sa == &s->reserved ? NULL : sa;
}

static int take_out(struct soft *s, enum dp_dir dir, uint32_t spi, struct in_addr remote)
{
    struct soft_sa *sa = find(s, dir, spi, remote);
    if (!sa)
        return -ENOENT;
    if (dir == DP_OUT) {
        tunnel_unlink(s, sa);
        map_del(&s->out, soft_out_key(spi, remote));
    } else if (!map_set(&s->in, spi, &s->reserved)) { // the SPI stays the daemon's until spi_free
        return -ENOMEM;
    }
    sa_free(sa);
    return 0;
}

static void sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct in_addr remote, dp_done *done, void *arg)
{
    later_done(&soft_of(d)->later, done, arg, take_out(soft_of(d), dir, spi, remote));
}

// An answer that carries figures: they are those of the moment of the request.
struct answer {
    struct later_item item;
    struct soft *soft;
    int error;
    struct dp_sa_counters sa;
    dp_sa_counters_fn *sa_fn;
    dp_info_fn *info_fn;
    dp_counters_fn *counters_fn;
    void *arg;
};

static void fill_info(struct dp_info *info)
{
    *info = (struct dp_info){.kind = "software", .esn = true, .max_sas = SOFT_SAS_MAX};
    for (size_t i = 0; i < sizeof(info->suite) / sizeof(info->suite[0]); i++)
        info->suite[i] = true;
    snprintf(info->text, sizeof(info->text), "No card: ESP is done by the daemon, with %s.\n",
             OpenSSL_version(OPENSSL_VERSION));
}

static const struct dp_counter COUNTERS[] = {
#define X(name, help) {#name, help, 0},
    SOFT_COUNTERS(X)
#undef X
};

static void run_answer(struct later_item *item, int error)
{
    struct answer *a = (struct answer *)item;
    if (a->sa_fn) {
        int rc = error ? error : a->error;
        a->sa_fn(a->arg, rc, rc ? NULL : &a->sa);
    } else if (a->info_fn) {
        struct dp_info info;
        fill_info(&info);
        a->info_fn(a->arg, error ? NULL : &info);
    } else {
        struct dp_counter counter[SOFT_COUNTERS_N];
        for (size_t i = 0; i < SOFT_COUNTERS_N; i++) {
            counter[i] = COUNTERS[i];
            counter[i].value = a->soft->counter[i];
        }
        a->counters_fn(a->arg, error ? NULL : counter, error ? 0 : SOFT_COUNTERS_N);
    }
    free(a);
}

static void answer(struct soft *s, struct answer a)
{
    struct answer *copy = malloc(sizeof(*copy));
    a.item.run = run_answer;
    a.soft = s;
    if (copy) {
        *copy = a;
        later_add(&s->later, &copy->item);
    } else if (a.sa_fn) {
        a.sa_fn(a.arg, -ENOMEM, NULL);
    } else if (a.info_fn) {
        a.info_fn(a.arg, NULL);
    } else if (a.counters_fn) {
        a.counters_fn(a.arg, NULL, 0);
    }
}

static void sa_counters(struct dp *d, enum dp_dir dir, uint32_t spi, struct in_addr remote, dp_sa_counters_fn *fn,
                        void *arg)
{
    struct soft_sa *sa = find(soft_of(d), dir, spi, remote);
    struct answer a = {.error = sa ? 0 : -ENOENT, .sa_fn = fn, .arg = arg};
    if (sa) {
        a.sa = sa->n;
        a.sa.seq = dir == DP_IN ? sa->replay.top : sa->seq;
        sa->told_replay = sa->told_auth = false;
    }
    answer(soft_of(d), a);
}

static void info(struct dp *d, dp_info_fn *fn, void *arg)
{
    answer(soft_of(d), (struct answer){.info_fn = fn, .arg = arg});
}

static void counters(struct dp *d, dp_counters_fn *fn, void *arg)
{
    answer(soft_of(d), (struct answer){.counters_fn = fn, .arg = arg});
}

static void route(struct dp *d, const struct dp_route *r, dp_done *done, void *arg)
{
    (void)r;
    later_done(&soft_of(d)->later, done, arg, 0);
}

static void neighbour(struct dp *d, enum dp_port port, struct in_addr address, const uint8_t *mac)
{
    (void)d, (void)port, (void)address, (void)mac;
}

static void local_set(struct dp *d, enum dp_port port, struct in_addr address, bool present)
{
    (void)d, (void)port, (void)address, (void)present;
}

static void port_set(struct dp *d, enum dp_port port, const uint8_t mac[6], uint16_t mtu, bool up)
{
    (void)d, (void)port, (void)mac, (void)mtu, (void)up;
}

static void nexthop(struct dp *d, struct in_addr remote, struct in_addr next)
{
    (void)d, (void)remote, (void)next;
}

static int send_frame(struct dp *d, enum dp_port port, const uint8_t *frame, size_t len)
{
    (void)d, (void)port, (void)frame, (void)len;
    return -ENODEV;
}

static void closed(uv_handle_t *handle)
{
    struct soft *s = handle->data; // but for the timer of `later`, whose data is its queue
    const struct later *queue = handle->data;
    if (handle == (const uv_handle_t *)&queue->timer)
        s = (struct soft *)((char *)handle->data - offsetof(struct soft, later));
    if (--s->open_handles == 0)
        free(s);
}

static void buffers_free(struct soft *s)
{
    if (s->clear)
        OPENSSL_cleanse(s->clear, SOFT_DATAGRAM);
    free(s->clear);
    free(s->sealed);
    free(s->batch);
}

static bool buffers_new(struct soft *s)
{
    s->batch = malloc((size_t)SOFT_BATCH * SOFT_DATAGRAM);
    s->clear = malloc(SOFT_DATAGRAM);
    s->sealed = malloc(SOFT_DATAGRAM);
    return s->batch && s->clear && s->sealed;
}

static void soft_free(struct dp *d)
{
    struct soft *s = soft_of(d);
    size_t at = 0;
    struct soft_sa *sa;
    uint64_t key;
    s->dp.hooks = (struct dp_hooks){0};
    later_close(&s->later, closed);
    uv_close((uv_handle_t *)&s->poll, closed);
    while ((sa = map_next(&s->out, &at, &key)))
        sa_free(sa);
    for (at = 0; (sa = map_next(&s->in, &at, &key));)
        if ((void *)sa != &s->reserved)
            sa_free(sa);
    map_free(&s->in);
    map_free(&s->out);
    free(s->tunnel);
    buffers_free(s);
    close(s->raw);
    s->raw = -1;
}

static const struct dp_class CLASS = {
    .free = soft_free,
    .spi_alloc = spi_alloc,
    .spi_free = spi_free,
    .tunnel_new = tunnel_new,
    .tunnel_free = tunnel_free,
    .sa_install = sa_install,
    .sa_path = sa_path,
    .sa_remove = sa_remove,
    .sa_counters = sa_counters,
    .route_set = route,
    .route_del = route,
    .neighbour = neighbour,
    .local_set = local_set,
    .port_set = port_set,
    .nexthop = nexthop,
    .send_frame = send_frame,
    .send_packet = soft_send_packet,
    .info = info,
    .counters = counters,
};

static int raw_socket(char *err, size_t err_size)
{
    int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ESP), size = SOCKET_BUFFER;
    if (fd < 0) {
        snprintf(err, err_size, "raw ESP socket: %s", strerror(errno));
        return -1;
    }
    // Larger than the system's limit where we may, else as large as we may.
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    int dont = IP_PMTUDISC_DONT; // outer packets may be fragmented on their way
    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont));
    return fd;
}

// The handles of the loop. On failure those that were made are closed, which frees `s` in the end.
static int handles_new(struct soft *s)
{
    int rc = later_init(&s->later, s->loop);
    s->open_handles = 1;
    s->poll.data = s;
    if (rc == 0 && (rc = uv_poll_init(s->loop, &s->poll, s->raw)) != 0) {
        later_close(&s->later, closed);
        return rc;
    }
    s->open_handles = 2;
    if ((rc = uv_poll_start(&s->poll, UV_READABLE, soft_readable)) != 0) {
        later_close(&s->later, closed);
        uv_close((uv_handle_t *)&s->poll, closed);
    }
    return rc;
}

struct dp *dp_soft_open(uv_loop_t *loop, int udp4500, const struct dp_hooks *hooks, char *err, size_t err_size)
{
    struct soft *s = calloc(1, sizeof(*s));
    if (!s || !buffers_new(s)) {
        snprintf(err, err_size, "no memory");
        if (s)
            buffers_free(s);
        free(s);
        return NULL;
    }
    s->dp = (struct dp){&CLASS, *hooks};
    s->loop = loop;
    s->udp = udp4500;
    s->raw = raw_socket(err, err_size);
    if (s->raw < 0) {
        buffers_free(s);
        free(s);
        return NULL;
    }
    int rc = handles_new(s);
    if (rc != 0) {
        snprintf(err, err_size, "event loop: %s", uv_strerror(rc));
        buffers_free(s);
        close(s->raw);
        return NULL;
    }
    return &s->dp;
}
