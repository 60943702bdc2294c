// SPDX-License-Identifier: BSD-2-Clause
// The kernel's routes and neighbours, made by the ip command in a network namespace of our own, arrive in the datapath.
#include "hostd/route/fib.h"
#include "hostd/route/mirror.h"
#include "hostd/route/mirror_priv.h"
#include "tests/unit/hostd/fake_dp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

enum { WAIT_MS = 10000, TUNNEL = 42 };

struct rig {
    uv_loop_t loop;
    uv_timer_t wake; // so that the loop comes back
    struct str journal;
    struct fake_dp dp;
    struct links links;
    struct link inside, tunnel;
    struct mirror *mirror;
};

static char skip[128];

static void ip(const char *args)
{
    char command[256];
    snprintf(command, sizeof(command), "ip %s", args);
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

static void on_wake(uv_timer_t *t)
{
    (void)t;
}

static void turn(struct rig *r)
{
    uv_timer_start(&r->wake, on_wake, 10, 0);
    uv_run(&r->loop, UV_RUN_ONCE);
    fake_dp_answer_all(&r->dp);
}

struct wanted {
    struct ip_addr prefix;
    unsigned length;
    char text[128];
};

static void look(void *arg, const struct mirror_entry *e)
{
    struct wanted *w = arg;
    static const char *const targets[] = {"host", "drop", "tunnel", "neighbour"};
    if (!ip_equal(&e->route.prefix, &w->prefix) || e->route.length != w->length) {
        return;
    }
    char hop[IP_TEXT] = "";
    if (e->route.to == DP_TO_NEIGHBOUR) {
        ip_format(&e->route.neighbour, hop);
    }
    snprintf(w->text, sizeof(w->text), "%s%s%s", targets[e->route.to], hop[0] != '\0' ? " " : "", hop);
}

// Turn the loop until the datapath has this for the prefix; "": nothing.
static void expect(struct rig *r, const char *prefix, unsigned length, const char *target)
{
    struct wanted w;
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        w = (struct wanted){.length = length};
        assert_true(ip_parse(prefix, &w.prefix));
        mirror_walk(r->mirror, look, &w);
        if (strcmp(w.text, target) == 0) {
            return;
        }
        turn(r);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - start.tv_sec) * 1000 < WAIT_MS);
    fail_msg("%s/%u is \"%s\", not \"%s\"", prefix, length, w.text, target);
}

static void add_link(struct rig *r, struct link *k, const char *device)
{
    struct nl_link info;
    assert_int_equal(nl_link_get(r->links.nl, device, &info), 0);
    k->links = &r->links;
    k->index = info.index;
    assert_true(list_add(&r->links.all, k) && map_set(&r->links.by_index, (uint64_t)k->index, k));
    if (k->has_port) {
        r->links.port[k->port] = k;
    }
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    char err[256];
    *state = r;
    ip("link add in0 type veth peer name far0");
    ip("link add t0 type veth peer name t1"); // stands in for a tunnel's device
    ip("link set in0 up");
    ip("link set far0 up");
    ip("link set t0 up");
    ip("link set t1 up");
    ip("addr add 192.168.1.1/24 dev in0");
    uv_loop_init(&r->loop);
    uv_timer_init(&r->loop, &r->wake);
    fake_dp_init(&r->dp, &r->journal);
    r->links.nl = nl_open();
    r->links.dp = &r->dp.dp;
    r->links.ports = true;
    r->inside.has_port = true;
    r->inside.port = DP_PORT_INSIDE;
    r->tunnel.has_tunnel = true;
    r->tunnel.tunnel = TUNNEL;
    add_link(r, &r->inside, "in0");
    add_link(r, &r->tunnel, "t0");
    ip("route add 10.5.0.0/16 dev t0"); // there before the mirror
    r->mirror = mirror_open(&r->loop, NULL, &r->dp.dp, &r->links, err, sizeof(err));
    assert_non_null(r->mirror);
    expect(r, "10.5.0.0", 16, "tunnel");
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    mirror_close(r->mirror);
    uv_close((uv_handle_t *)&r->wake, NULL);
    fake_dp_answer_all(&r->dp);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    nl_close(r->links.nl);
    list_free(&r->links.all);
    map_free(&r->links.by_index);
    str_free(&r->journal);
    free(r);
    ip("link del in0");
    ip("link del t0");
    return 0;
}

static void test_targets(void **state)
{
    struct rig *r = *state;
    expect(r, "192.168.1.1", 32, "host"); // our own
    expect(r, "192.168.1.0", 24, "host"); // the kernel resolves
    ip("route add blackhole 10.66.0.0/16");
    expect(r, "10.66.0.0", 16, "drop");
    ip("route del blackhole 10.66.0.0/16");
    expect(r, "10.66.0.0", 16, "");
    ip("route add 10.5.7.0/24 dev lo"); // a device that is none of ours
    expect(r, "10.5.7.0", 24, "host");
}

static void test_neighbours(void **state)
{
    struct rig *r = *state;
    ip("neigh replace 192.168.1.9 lladdr 02:00:00:00:00:09 dev in0 nud permanent");
    expect(r, "192.168.1.9", 32, "neighbour 192.168.1.9");
    assert_non_null(strstr(str_text(&r->journal), "+neighbour:1:192.168.1.9"));
    ip("neigh del 192.168.1.9 dev in0");
    expect(r, "192.168.1.9", 32, "");
    assert_non_null(strstr(str_text(&r->journal), "-neighbour:1:192.168.1.9"));
}

static void test_gateway(void **state)
{
    struct rig *r = *state;
    ip("route add 10.8.0.0/16 via 192.168.1.7");
    expect(r, "10.8.0.0", 16, "host"); // not resolved yet
    ip("neigh replace 192.168.1.7 lladdr 02:00:00:00:00:07 dev in0 nud permanent");
    expect(r, "10.8.0.0", 16, "neighbour 192.168.1.7");
    ip("neigh del 192.168.1.7 dev in0");
    expect(r, "10.8.0.0", 16, "host");
}

static void test_metric(void **state)
{
    struct rig *r = *state;
    ip("route add blackhole 10.5.0.0/16 metric 50");
    ip("route add 10.6.0.0/16 dev t0 metric 20");
    ip("route add blackhole 10.6.0.0/16 metric 10");
    expect(r, "10.6.0.0", 16, "drop");
    expect(r, "10.5.0.0", 16, "tunnel"); // metric 0 stays ahead
    ip("route del blackhole 10.6.0.0/16 metric 10");
    expect(r, "10.6.0.0", 16, "tunnel");
    ip("route del blackhole 10.5.0.0/16 metric 50"); // belongs to no device that goes with the test
}

static void test_device_down(void **state)
{
    struct rig *r = *state;
    ip("link set t0 down"); // of which the kernel says nothing about routes
    expect(r, "10.5.0.0", 16, "");
}

static void test_peer(void **state)
{
    struct rig *r = *state;
    struct ip_addr remote;
    ip_parse("203.0.113.5", &remote);
    ip("route add 203.0.113.0/24 via 192.168.1.3");
    str_free(&r->journal);
    mirror_peer(r->mirror, remote, true);
    assert_non_null(strstr(str_text(&r->journal), "next:203.0.113.5=192.168.1.3"));
    ip("route replace 203.0.113.0/24 via 192.168.1.4");
    for (int i = 0; i < WAIT_MS / 10 && strstr(str_text(&r->journal), "next:203.0.113.5=192.168.1.4") == NULL; i++) {
        turn(r);
    }
    assert_non_null(strstr(str_text(&r->journal), "next:203.0.113.5=192.168.1.4"));
    mirror_peer(r->mirror, remote, false);
}

// Thousands of peers behind one gateway: a second looks at the gateway, and a route that changes at those in it.
static void test_many_peers(void **state)
{
    enum { MANY = 20000 };
    struct rig *r = *state;
    struct ip_addr remote = {.family = 4, .b = {203}}, other;
    ip_parse("198.51.100.1", &other);
    ip("neigh replace 192.168.1.3 lladdr 02:00:00:00:00:03 dev in0 nud permanent");
    ip("route add 203.0.0.0/8 via 192.168.1.3");
    ip("route add 198.51.100.0/24 via 192.168.1.3");
    expect(r, "203.0.0.0", 8, "neighbour 192.168.1.3");
    expect(r, "198.51.100.0", 24, "neighbour 192.168.1.3");
    for (unsigned i = 0; i < MANY; i++) {
        remote.b[1] = (uint8_t)(i >> 8);
        remote.b[2] = (uint8_t)i;
        mirror_peer(r->mirror, remote, true);
        str_free(&r->journal);
    }
    mirror_peer(r->mirror, other, true);
    r->mirror->visits = 0;
    for (unsigned i = 0; i < 40; i++) {
        mirror_tick(r->mirror);
    }
    assert_int_equal(r->mirror->visits, 2); // every 20 seconds
    r->mirror->visits = 0;
    ip("route add 198.51.100.0/25 via 192.168.1.3");
    expect(r, "198.51.100.0", 25, "neighbour 192.168.1.3");
    ip("route add 10.9.0.0/16 via 192.168.1.3");
    expect(r, "10.9.0.0", 16, "neighbour 192.168.1.3");
    assert_int_equal(r->mirror->visits, 1); // `other`
    // The gateway goes: it is asked for each second until it is there again.
    ip("neigh del 192.168.1.3 dev in0");
    expect(r, "203.0.0.0", 8, "host");
    r->mirror->visits = 0;
    for (unsigned i = 0; i < 5; i++) {
        mirror_tick(r->mirror);
    }
    assert_int_equal(r->mirror->visits, 5);
    for (unsigned i = 0; i < MANY; i++) {
        remote.b[1] = (uint8_t)(i >> 8);
        remote.b[2] = (uint8_t)i;
        mirror_peer(r->mirror, remote, false);
    }
    mirror_peer(r->mirror, other, false);
    r->mirror->visits = 0;
    mirror_tick(r->mirror);
    assert_int_equal(r->mirror->visits, 0);
}

static void test_many(void **state)
{
    struct rig *r = *state;
    FILE *f = popen("ip -batch -", "w");
    assert_non_null(f);
    for (unsigned i = 0; i < 5000; i++) {
        fprintf(f, "route add 11.%u.%u.0/24 dev t0\n", i / 256, i % 256);
    }
    assert_int_equal(pclose(f), 0);
    expect(r, "11.19.135.0", 24, "tunnel"); // the last of them
    expect(r, "11.0.0.0", 24, "tunnel");
    ip("route flush dev t0 scope link");
    expect(r, "11.19.135.0", 24, "");
    expect(r, "11.0.0.0", 24, "");
}

// The memory alone: no kernel needed.
static void count(void *arg)
{
    ++*(unsigned *)arg;
}

static void test_on_change(void **state)
{
    struct rig *r = *state;
    unsigned heard = 0, before;
    mirror_on_change(r->mirror, count, &heard);
    ip("route add 10.77.0.0/16 dev t0");
    expect(r, "10.77.0.0", 16, "tunnel");
    assert_int_not_equal(heard, 0);
    before = heard;
    ip("route del 10.77.0.0/16");
    expect(r, "10.77.0.0", 16, "");
    assert_int_not_equal(heard, before);
    before = heard;
    mirror_on_change(r->mirror, NULL, NULL);
    ip("route add 10.77.0.0/16 dev t0");
    expect(r, "10.77.0.0", 16, "tunnel");
    assert_int_equal(heard, before);
}

// No acknowledgement is asked for: an error must come all the same, and not be taken for that of the next request.
static void test_refused_route(void **state)
{
    struct rig *r = *state;
    struct nl_route route = {.length = 16, .index = r->inside.index};
    assert_true(ip_parse("10.78.0.0", &route.prefix));
    assert_int_equal(nl_route_del(r->links.nl, &route), -ESRCH);
    assert_int_equal(nl_route_add(r->links.nl, &route), 0);
    route.index = 9999;
    assert_int_equal(nl_route_add(r->links.nl, &route), -ENODEV);
    route.index = r->inside.index;
    assert_int_equal(nl_route_del(r->links.nl, &route), 0);
    assert_int_equal(nl_route_del(r->links.nl, &route), -ESRCH);
    struct nl_link info;
    assert_int_equal(nl_link_get_index(r->links.nl, r->inside.index, &info), 0);
}

static void test_fib(void **state)
{
    (void)state;
    struct fib f = {0};
    struct ip_addr a = {.family = 4, .b = {10}};
    struct fib_prefix *p = fib_prefix(&f, a, 8, true);
    struct fib_route worse = {.device = 1, .metric = 10}, better = {.device = 2, .metric = 5};
    struct fib_route local = {.kind = FIB_LOCAL, .device = 3, .metric = 99};
    assert_true(fib_add(&f, p, &worse) && fib_add(&f, p, &better));
    assert_int_equal(fib_best(p)->device, 2);
    assert_true(fib_add(&f, p, &local));
    assert_int_equal(fib_best(p)->device, 3);
    assert_true(fib_add(&f, p, &better)); // again: replaces
    assert_int_equal(p->routes.n, 3);
    assert_true(fib_del(&f, p, &local));
    assert_false(fib_del(&f, p, &local));
    assert_true(fib_del(&f, p, &better));
    assert_int_equal(fib_best(p)->device, 1);
    assert_true(fib_del(&f, p, &worse));
    assert_null(fib_best(p));
    fib_trim(&f, p);
    assert_null(fib_prefix(&f, a, 8, false));
    fib_clear(&f);
}

static bool own_namespace(void)
{
    unsigned uid = getuid();
    if (uid == 0 && unshare(CLONE_NEWNET) == 0) {
        return system("ip link set lo up") == 0;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        snprintf(skip, sizeof(skip), "no network namespace: %s", strerror(errno));
        return false;
    }
    char map[64];
    snprintf(map, sizeof(map), "0 %u 1", uid);
    int fd = open("/proc/self/uid_map", O_WRONLY);
    bool ok = fd >= 0 && write(fd, map, strlen(map)) > 0 && system("ip link set lo up") == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        snprintf(skip, sizeof(skip), "the namespace cannot be set up");
    }
    return ok;
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        {"of several routes to a prefix the right one counts", test_fib, NULL, NULL, NULL},
    };
    const struct CMUnitTest tests[] = {
        {"each kind of route has its target", test_targets, setup, teardown, NULL},
        {"neighbours of the inside port become host routes", test_neighbours, setup, teardown, NULL},
        {"a route over a gateway goes to it once it is resolved", test_gateway, setup, teardown, NULL},
        {"the least metric wins, and the next when it goes", test_metric, setup, teardown, NULL},
        {"routes go with their device", test_device_down, setup, teardown, NULL},
        {"a peer's next hop follows the routes", test_peer, setup, teardown, NULL},
        {"steps do not grow with the peers", test_many_peers, setup, teardown, NULL},
        {"five thousand routes come and go", test_many, setup, teardown, NULL},
        {"who asked hears that routes have changed", test_on_change, setup, teardown, NULL},
        {"a route that the kernel refuses is an error", test_refused_route, setup, teardown, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = cmocka_run_group_tests_name("routes", alone, NULL, NULL);
    if (!own_namespace()) {
        for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
            printf("ok %u - %s # SKIP %s\n", i + 1, tests[i].name, skip);
        }
        return failed;
    }
    return failed + cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}
