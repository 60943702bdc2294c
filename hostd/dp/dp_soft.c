// SPDX-License-Identifier: BSD-2-Clause
// The software datapath: requests. soft_in.c and soft_out.c move the packets.
//
// State changes within the request, the answer comes in the loop's next round: so whatever order requests are made in
// is the order they take effect in. Routes, neighbours and ports are the kernel's here: those requests succeed and do
// nothing.
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

// A random number, of a stock: to draw one alone costs as much.
static bool draw(struct soft *s, uint32_t *v)
{
    if (s->n_drawn == 0) {
        if (RAND_bytes((uint8_t *)s->drawn, sizeof(s->drawn)) != 1)
            return false;
        s->n_drawn = sizeof(s->drawn) / sizeof(s->drawn[0]);
    }
    *v = s->drawn[--s->n_drawn];
    return true;
}

static int spi_alloc(struct dp *d, uint32_t *spi)
{
    struct soft *s = soft_of(d);
    if (s->in.n >= SOFT_SAS_MAX)
        return -ENOSPC;
    for (int tries = 0; tries < 100; tries++) {
        uint32_t v;
        if (!draw(s, &v))
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

int soft_spi_take(struct soft *s, uint32_t spi)
{
    if (map_get(&s->in, spi))
        return -EEXIST;
    return s->in.n < SOFT_SAS_MAX && map_set(&s->in, spi, &s->reserved) ? 0 : -ENOSPC;
}

static void sa_free(struct soft_sa *sa)
{
    esp_free(sa->esp);
    dp_selectors_unref(sa->ts);
    replay_clear(&sa->replay);
    free(sa);
}

static void spi_free(struct dp *d, uint32_t spi)
{
    struct soft_sa *sa = map_del(&soft_of(d)->in, spi);
    if (sa && (void *)sa != &soft_of(d)->reserved) {
        soft_of(d)->sas_in--;
        sa_free(sa);
    }
}

static bool tunnels_grow(struct soft *s)
{
    uint32_t n = s->tunnels ? s->tunnels * 2 : 16;
    struct soft_tunnel *bigger = s->tunnels < SOFT_SAS_MAX ? realloc(s->tunnel, n * sizeof(*bigger)) : NULL;
    if (!bigger)
        return false;
    memset(bigger + s->tunnels, 0, (n - s->tunnels) * sizeof(*bigger));
    s->tunnel = bigger;
    for (uint32_t i = n; i-- > s->tunnels;) {
        s->tunnel[i].next_free = s->free_tunnel;
        s->free_tunnel = i;
    }
    s->tunnels = n;
    return true;
}

static int tunnel_new(struct dp *d, const struct dp_tunnel *how, uint32_t *tunnel)
{
    struct soft *s = soft_of(d);
    if (s->free_tunnel == SOFT_NO_TUNNEL && !tunnels_grow(s))
        return -ENOSPC;
    uint32_t i = s->free_tunnel;
    s->free_tunnel = s->tunnel[i].next_free;
    s->tunnel[i] = (struct soft_tunnel){.used = true, .how = *how};
    *tunnel = i;
    return 0;
}

static void tunnel_free(struct dp *d, uint32_t tunnel)
{
    struct soft *s = soft_of(d);
    if (tunnel >= s->tunnels || !s->tunnel[tunnel].used)
        return;
    for (struct soft_sa *sa = s->tunnel[tunnel].out; sa; sa = sa->older)
        sa->tunnel = SOFT_NO_TUNNEL; // they stay until they are removed, and send nothing
    s->tunnel[tunnel] = (struct soft_tunnel){.next_free = s->free_tunnel};
    s->free_tunnel = tunnel;
}

static void tunnel_unlink(struct soft *s, const struct soft_sa *sa)
{
    if (sa->tunnel >= s->tunnels)
        return;
    for (struct soft_sa **at = &s->tunnel[sa->tunnel].out; *at; at = &(*at)->older)
        if (*at == sa) {
            *at = sa->older;
            return;
        }
}

static int install_in(struct soft *s, struct soft_sa *sa, const struct dp_sa *p)
{
    if (map_get(&s->in, sa->spi) != &s->reserved)
        return -EINVAL; // not given out, or in use
    if (!replay_init(&sa->replay, p->replay_window, p->esn))
        return -ENOMEM;
    if (!map_set(&s->in, sa->spi, sa))
        return -ENOMEM;
    s->sas_in++;
    return 0;
}

void soft_count(const struct soft *s, uint32_t *in, uint32_t *out)
{
    *in = s->sas_in;
    *out = (uint32_t)s->out.n;
}

// Is there a socket for this path?
static int path_possible(const struct soft *s, const struct dp_path *path)
{
    int family = soft_family(&path->remote);
    if (!ip_is_set(&path->remote) || (path->encap && !path->remote_port))
        return -EINVAL;
    return (path->encap ? s->udp[family] : s->raw[family].fd) < 0 ? -EAFNOSUPPORT : 0;
}

static int install_out(struct soft *s, struct soft_sa *sa)
{
    int rc = path_possible(s, &sa->path);
    if (rc)
        return rc;
    if (ipmap_get(&s->out, &sa->path.remote, sa->spi))
        return -EEXIST;
    if (s->out.n >= SOFT_SAS_MAX)
        return -ENOSPC;
    if (!ipmap_set(&s->out, &sa->path.remote, sa->spi, sa))
        return -ENOMEM;
    sa->older = s->tunnel[sa->tunnel].out;
    s->tunnel[sa->tunnel].out = sa;
    return 0;
}

static int install(struct soft *s, const struct dp_sa *p)
{
    if (p->key_len != suite_key_len(p->suite) || p->tunnel >= s->tunnels || !s->tunnel[p->tunnel].used ||
        !selectors_valid(p->ts) || p->replay_window > REPLAY_WINDOW_MAX)
        return -EINVAL;
    if (p->transport && !s->tunnel[p->tunnel].how.gre)
        return -EOPNOTSUPP; // there is no payload that it could carry
    struct soft_sa *sa = calloc(1, sizeof(*sa));
    if (!sa)
        return -ENOMEM;
    *sa = (struct soft_sa){.dir = p->dir,
                           .spi = p->spi,
                           .tunnel = p->tunnel,
                           .esn = p->esn,
                           .transport = p->transport,
                           .path = {p->local, p->remote, p->local_port, p->remote_port, p->encap},
                           .ts = dp_selectors_ref(p->ts),
                           .soft_bytes = p->soft_bytes,
                           .hard_bytes = p->hard_bytes,
                           .soft_packets = p->soft_packets,
                           .hard_packets = p->hard_packets};
    sa->esp = esp_new(p->suite, p->key, p->key_len, p->esn, p->dir == DP_OUT);
    int rc = !sa->esp ? -ENOMEM : p->dir == DP_IN ? install_in(s, sa, p) : install_out(s, sa);
    if (rc)
        sa_free(sa);
    return rc;
}

static void sa_install(struct dp *d, const struct dp_sa *p, dp_done *done, void *arg)
{
    later_done(&soft_of(d)->later, done, arg, install(soft_of(d), p));
}

static int move(struct soft *s, uint32_t spi, const struct ip_addr *old_remote, const struct dp_path *path)
{
    struct soft_sa *sa = ipmap_get(&s->out, old_remote, spi);
    if (!sa)
        return -ENOENT;
    int rc = path_possible(s, path);
    if (rc == -EINVAL)
        return rc;
    if (!ip_equal(old_remote, &path->remote)) {
        if (ipmap_get(&s->out, &path->remote, spi))
            return -EEXIST;
        if (!ipmap_set(&s->out, &path->remote, spi, sa))
            return -ENOMEM;
        ipmap_del(&s->out, old_remote, spi);
    }
    sa->path = *path;
    return rc;
}

static void sa_path(struct dp *d, uint32_t spi, struct ip_addr old_remote, const struct dp_path *path, dp_done *done,
                    void *arg)
{
    later_done(&soft_of(d)->later, done, arg, move(soft_of(d), spi, &old_remote, path));
}

static struct soft_sa *find(struct soft *s, enum dp_dir dir, uint32_t spi, struct ip_addr remote)
{
    return dir == DP_IN ? soft_in_find(s, spi) : ipmap_get(&s->out, &remote, spi);
}

static int take_out(struct soft *s, enum dp_dir dir, uint32_t spi, struct ip_addr remote)
{
    struct soft_sa *sa = find(s, dir, spi, remote);
    if (!sa)
        return -ENOENT;
    if (dir == DP_OUT) {
        tunnel_unlink(s, sa);
        ipmap_del(&s->out, &remote, spi);
    } else if (!map_set(&s->in, spi, &s->reserved)) { // the SPI stays the daemon's until spi_free
        return -ENOMEM;
    } else {
        s->sas_in--;
    }
    sa_free(sa);
    return 0;
}

static void sa_remove(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_done *done, void *arg)
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

static void fill_info(const struct soft *s, struct dp_info *info)
{
    *info = (struct dp_info){.kind = "software", .esn = true, .max_sas = SOFT_SAS_MAX};
    suite_list(info->cipher, info->integ);
    soft_count(s, &info->sas_in, &info->sas_out);
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
        fill_info(a->soft, &info);
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

static void sa_counters(struct dp *d, enum dp_dir dir, uint32_t spi, struct ip_addr remote, dp_sa_counters_fn *fn,
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

static void neighbour(struct dp *d, enum dp_port port, struct ip_addr address, const uint8_t *mac)
{
    (void)d, (void)port, (void)address, (void)mac;
}

static void local_set(struct dp *d, enum dp_port port, struct ip_addr address, bool present)
{
    (void)d, (void)port, (void)address, (void)present;
}

static void port_set(struct dp *d, enum dp_port port, const uint8_t mac[6], uint16_t mtu, bool up)
{
    (void)d, (void)port, (void)mac, (void)mtu, (void)up;
}

static void nexthop(struct dp *d, struct ip_addr remote, struct ip_addr next)
{
    (void)d, (void)remote, (void)next;
}

static int send_frame(struct dp *d, enum dp_port port, const uint8_t *frame, size_t len)
{
    (void)d, (void)port, (void)frame, (void)len;
    return -ENODEV;
}

static void one_closed(struct soft *s)
{
    if (--s->open_handles == 0)
        free(s);
}

static void later_closed(uv_handle_t *handle) // its data is the queue
{
    one_closed((struct soft *)((char *)handle->data - offsetof(struct soft, later)));
}

static void port_closed(uv_handle_t *handle)
{
    one_closed(((const struct soft_port *)handle->data)->soft);
}

static void buffers_free(struct soft *s)
{
    if (s->clear)
        OPENSSL_cleanse(s->clear, SOFT_DATAGRAM);
    if (s->wrapped)
        OPENSSL_cleanse(s->wrapped, SOFT_DATAGRAM);
    free(s->clear);
    free(s->wrapped);
    free(s->sealed);
    free(s->batch);
}

static bool buffers_new(struct soft *s)
{
    s->batch = malloc((size_t)SOFT_BATCH * SOFT_DATAGRAM);
    s->clear = malloc(SOFT_DATAGRAM);
    s->sealed = malloc(SOFT_DATAGRAM);
    s->wrapped = malloc(SOFT_DATAGRAM);
    return s->batch && s->clear && s->sealed && s->wrapped;
}

static void sockets_close(struct soft *s)
{
    for (int i = 0; i < 2; i++) {
        if (s->raw[i].fd >= 0)
            close(s->raw[i].fd);
        s->raw[i].fd = -1;
    }
}

static void soft_free(struct dp *d)
{
    struct soft *s = soft_of(d);
    size_t at = 0;
    struct soft_sa *sa;
    uint64_t key;
    s->dp.hooks = (struct dp_hooks){0};
    later_close(&s->later, later_closed);
    for (int i = 0; i < 2; i++)
        if (s->raw[i].fd >= 0)
            uv_close((uv_handle_t *)&s->raw[i].poll, port_closed);
    while ((sa = ipmap_next(&s->out, &at)))
        sa_free(sa);
    for (at = 0; (sa = map_next(&s->in, &at, &key));)
        if ((void *)sa != &s->reserved)
            sa_free(sa);
    map_free(&s->in);
    ipmap_free(&s->out);
    free(s->tunnel);
    buffers_free(s);
    sockets_close(s);
}

static bool has_suite(struct dp *d, struct dp_suite suite)
{
    (void)d;
    return suite_key_len(suite) > 0;
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
    .has_suite = has_suite,
    .esp_in_udp = soft_esp_in_udp,
};

static int raw_socket(int family)
{
    int fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ESP), size = SOCKET_BUFFER;
    if (fd < 0)
        return -1;
    // Larger than the system's limit where we may, else as large as we may.
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    // Outer packets may be fragmented on their way.
    int dont4 = IP_PMTUDISC_DONT, dont6 = IPV6_PMTUDISC_DONT;
    if (family == AF_INET)
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont4, sizeof(dont4));
    else
        setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont6, sizeof(dont6));
    return fd;
}

// Without IPv4 there is no datapath; without IPv6 in the kernel it does IPv4 only.
static bool sockets_open(struct soft *s, char *err, size_t err_size)
{
    s->raw[0].fd = raw_socket(AF_INET);
    s->raw[1].fd = s->raw[0].fd < 0 ? -1 : raw_socket(AF_INET6);
    if (s->raw[0].fd < 0)
        snprintf(err, err_size, "raw ESP socket: %s", strerror(errno));
    return s->raw[0].fd >= 0;
}

// The handles of the loop. On failure those that were made are closed, which frees `s` in the end.
static int handles_new(struct soft *s)
{
    int rc = later_init(&s->later, s->loop), made = 0;
    s->open_handles = 1;
    while (rc == 0 && made < 2 && s->raw[made].fd >= 0) {
        struct soft_port *port = &s->raw[made];
        port->soft = s;
        port->poll.data = port;
        rc = uv_poll_init(s->loop, &port->poll, port->fd);
        if (rc == 0) {
            made++;
            s->open_handles++;
            rc = uv_poll_start(&port->poll, UV_READABLE, soft_readable);
        }
    }
    if (rc != 0) {
        later_close(&s->later, later_closed);
        while (made-- > 0)
            uv_close((uv_handle_t *)&s->raw[made].poll, port_closed);
    }
    return rc;
}

struct dp *dp_soft_open(uv_loop_t *loop, int udp4500, int udp4500_v6, const struct dp_hooks *hooks, char *err,
                        size_t err_size)
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
    s->udp[0] = udp4500;
    s->udp[1] = udp4500_v6;
    s->free_tunnel = SOFT_NO_TUNNEL;
    if (!sockets_open(s, err, err_size)) {
        buffers_free(s);
        free(s);
        return NULL;
    }
    int rc = handles_new(s);
    if (rc != 0) {
        snprintf(err, err_size, "event loop: %s", uv_strerror(rc));
        buffers_free(s);
        sockets_close(s);
        return NULL;
    }
    return &s->dp;
}
