// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/dp/soft_fixture.h"

#include "hostd/dp/esp.h"
#include "tests/unit/dp/answer.h"
#include "tests/unit/dp/handmade.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

static void on_packet(void *arg, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct end *e = arg;
    assert_in_range(len, 20, sizeof(e->packet[0]));
    size_t at = e->packets++ % KEPT;
    memcpy(e->packet[at], packet, len);
    e->len[at] = len;
    e->packet_tunnel[at] = tunnel;
}

static void on_nhrp(void *arg, uint32_t tunnel, const uint8_t *message, size_t len)
{
    struct end *e = arg;
    (void)tunnel, (void)message;
    e->nhrp++;
    e->nhrp_len = len;
}

static void on_event(void *arg, const struct dp_event *event)
{
    struct end *e = arg;
    e->event[e->events++ % KEPT] = *event;
}

static void on_udp(uv_poll_t *poll, int status, int events)
{
    struct end *e = poll->data;
    uint8_t data[2100];
    struct sockaddr_storage name = {0};
    struct ip_addr from;
    uint16_t port;
    socklen_t len = sizeof(name);
    (void)status, (void)events;
    ssize_t n = recvfrom(e->udp, data, sizeof(data), MSG_DONTWAIT, (struct sockaddr *)&name, &len);
    if (n > 0 && ip_from_sockaddr(&name, &from, &port))
        dp_esp_in_udp(e->dp, &from, port, data, (size_t)n);
}

static void end_open(struct pair *p, struct end *e, const char *address)
{
    char err[200];
    struct sockaddr_storage at;
    assert_true(ip_parse(address, &e->address));
    socklen_t len = ip_to_sockaddr(&e->address, 4500, &at);
    bool six = e->address.family == 6;
    e->udp = socket(at.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(e->udp, (struct sockaddr *)&at, len), 0);
    uv_poll_init(&p->loop, &e->poll, e->udp);
    e->poll.data = e;
    uv_poll_start(&e->poll, UV_READABLE, on_udp);
    struct dp_hooks hooks = {.packet = on_packet, .nhrp = on_nhrp, .event = on_event, .arg = e};
    e->dp = dp_soft_open(&p->loop, six ? -1 : e->udp, six ? e->udp : -1, &hooks, err, sizeof(err));
    if (!e->dp)
        fail_msg("%s", err);
    assert_int_equal(dp_tunnel_new(e->dp, &p->how, &e->tunnel), 0);
    assert_int_equal(dp_spi_alloc(e->dp, &e->spi), 0);
}

void pair_open(struct pair *p)
{
    pair_open_as(p, &(struct dp_tunnel){.mtu = 1400}, "127.0.0.1", "127.0.0.2");
}

void pair_open_as(struct pair *p, const struct dp_tunnel *how, const char *a, const char *b)
{
    memset(p, 0, sizeof(*p));
    p->how = *how;
    uv_loop_init(&p->loop);
    for (size_t i = 0; i < DP_KEY_MAX; i++) {
        p->key_ab[i] = (uint8_t)(i * 5 + 1);
        p->key_ba[i] = (uint8_t)(i * 11 + 2);
    }
    end_open(p, &p->a, a);
    end_open(p, &p->b, b);
}

static void on_stop(uv_timer_t *t)
{
    uv_stop(t->loop);
}

// Until the kernel has delivered what was sent before: on a busy machine it does so later, and in order.
static void delivered(void)
{
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(self);
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&self, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&self, &len), 0);
    assert_int_equal(sendto(fd, "", 1, 0, (struct sockaddr *)&self, len), 1);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    close(fd);
}

void pair_settle(struct pair *p)
{
    uv_timer_t t;
    delivered();
    uv_timer_init(&p->loop, &t);
    uv_update_time(&p->loop); // or it is over at once
    uv_timer_start(&t, on_stop, 15, 0);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&t, NULL);
    for (int i = 0; i < 20; i++)
        uv_run(&p->loop, UV_RUN_NOWAIT);
}

void pair_close(struct pair *p)
{
    dp_free(p->a.dp);
    dp_free(p->b.dp);
    uv_close((uv_handle_t *)&p->a.poll, NULL);
    uv_close((uv_handle_t *)&p->b.poll, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    close(p->a.udp);
    close(p->b.udp);
    assert_int_equal(uv_loop_close(&p->loop), 0); // every handle is gone
}

struct dp_sa pair_sa(const struct pair *p, const struct end *from, const struct end *to, enum dp_dir dir,
                     struct dp_suite suite, bool encap)
{
    const struct end *own = dir == DP_OUT ? from : to, *peer = dir == DP_OUT ? to : from;
    struct dp_sa sa = {.dir = dir, .spi = to->spi, .tunnel = own->tunnel, .suite = suite, .encap = encap};
    sa.key_len = handmade_key_len(suite);
    memcpy(sa.key, from == &p->a ? p->key_ab : p->key_ba, sa.key_len);
    sa.local = own->address;
    sa.remote = peer->address;
    sa.local_port = sa.remote_port = 4500;
    return sa;
}

static int wait_for(struct pair *p, const struct answer *r)
{
    assert_int_equal(r->calls, 0); // never from within the request
    while (r->calls == 0)
        uv_run(&p->loop, UV_RUN_NOWAIT);
    assert_int_equal(r->calls, 1);
    return r->error;
}

int pair_install(struct pair *p, struct end *e, const struct dp_sa *sa)
{
    struct answer r = {0};
    dp_sa_install(e->dp, sa, on_done, &r);
    return wait_for(p, &r);
}

int pair_remove(struct pair *p, struct end *e, enum dp_dir dir, uint32_t spi, struct ip_addr remote)
{
    struct answer r = {0};
    dp_sa_remove(e->dp, dir, spi, remote, on_done, &r);
    return wait_for(p, &r);
}

void pair_connect(struct pair *p, struct dp_suite suite, bool encap, bool esn, uint32_t window)
{
    struct end *ends[] = {&p->a, &p->b};
    for (int i = 0; i < 2; i++) {
        struct end *own = ends[i], *peer = ends[1 - i];
        struct dp_sa in = pair_sa(p, peer, own, DP_IN, suite, encap), out = pair_sa(p, own, peer, DP_OUT, suite, encap);
        in.esn = out.esn = esn;
        in.replay_window = window;
        assert_int_equal(pair_install(p, own, &in), 0);
        assert_int_equal(pair_install(p, own, &out), 0);
    }
}

struct asked {
    struct answer r;
    const char *name;
    uint64_t value;
    bool found;
    struct dp_sa_counters sa;
};
static void on_counters(void *arg, const struct dp_counter *counter, size_t n)
{
    struct asked *a = arg;
    on_done(&a->r, 0);
    for (size_t i = 0; i < n; i++)
        if (strcmp(counter[i].name, a->name) == 0) {
            a->value = counter[i].value;
            a->found = true;
        }
}
uint64_t pair_counter(struct pair *p, struct end *e, const char *name)
{
    struct asked a = {.name = name};
    dp_counters(e->dp, on_counters, &a);
    wait_for(p, &a.r);
    assert_true(a.found);
    return a.value;
}
static void on_sa_counters(void *arg, int error, const struct dp_sa_counters *counters)
{
    struct asked *a = arg;
    on_done(&a->r, error);
    if (counters)
        a->sa = *counters;
}
struct dp_sa_counters pair_sa_counters(struct pair *p, struct end *e, enum dp_dir dir, uint32_t spi,
                                       struct ip_addr remote)
{
    struct asked a = {0};
    dp_sa_counters(e->dp, dir, spi, remote, on_sa_counters, &a);
    assert_int_equal(wait_for(p, &a.r), 0);
    return a.sa;
}

size_t pair_events(const struct end *e, enum dp_event_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < e->events && i < KEPT; i++)
        n += e->event[i].kind == kind;
    return n;
}
