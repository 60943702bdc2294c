// SPDX-License-Identifier: BSD-2-Clause
// What a session installs, in which order, and that all of it is undone in reverse: with each step failing in its turn,
// and with a child taken away while its installation waits for the datapath.
#include "hostd/main/session.h"
#include "tests/unit/hostd/fake_dp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct rig {
    struct str journal;
    struct fake_dp dp;
    struct sessions sessions;
    bool gre;
    int links, addresses, routes, peers;
    uint32_t installed_id;
    int installed_result, installed_calls, fits;
};

// Only its address matters.
static int a_link;

static int attach(void *ctx, const struct ike_child_sa *sa, struct session_if *out)
{
    struct rig *r = ctx;
    (void)sa;
    bool fails = fake_dp_fails(&r->dp);
    str_addf(&r->journal, "link+%s ", fails ? "!" : "");
    if (fails) {
        return -ENODEV;
    }
    *out = (struct session_if){(struct link *)&a_link, 7, r->gre};
    r->links++;
    return 0;
}

static void detach(void *ctx, uint32_t session, struct link *link)
{
    struct rig *r = ctx;
    (void)session, (void)link;
    str_add(&r->journal, "link- ");
    r->links--;
}

static int address(void *ctx, struct link *link, const struct ip_addr *addr, bool add)
{
    struct rig *r = ctx;
    (void)link;
    bool fails = add && fake_dp_fails(&r->dp);
    str_addf(&r->journal, "address%s%s%s ", addr->family == 6 ? "6" : "", add ? "+" : "-", fails ? "!" : "");
    r->addresses += fails ? 0 : add ? 1 : -1;
    return fails ? -EADDRINUSE : 0;
}

static int route(void *ctx, struct link *link, const struct ip_addr *prefix, unsigned length, bool add)
{
    struct rig *r = ctx;
    (void)link;
    char text[IP_TEXT];
    bool fails = add && fake_dp_fails(&r->dp);
    str_addf(&r->journal, "%s/%u%s%s ", ip_format(prefix, text), length, add ? "+" : "-", fails ? "!" : "");
    r->routes += fails ? 0 : add ? 1 : -1;
    return fails ? -ENETUNREACH : 0;
}

static void peer(void *ctx, const struct ip_addr *remote, bool present)
{
    struct rig *r = ctx;
    (void)remote;
    str_addf(&r->journal, "peer%s ", present ? "+" : "-");
    r->peers += present ? 1 : -1;
}

static void fit(void *ctx, struct link *link, const struct ike_child_sa *sa)
{
    struct rig *r = ctx;
    (void)link, (void)sa;
    r->fits++;
}

static void installed(void *ctx, uint32_t id, int result)
{
    struct rig *r = ctx;
    str_addf(&r->journal, "installed:%s ", result == 0 ? "yes" : "no");
    r->installed_id = id;
    r->installed_result = result;
    r->installed_calls++;
}

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    fake_dp_init(&r->dp, &r->journal);
    struct session_env env = {.ctx = r,
                              .dp = &r->dp.dp,
                              .attach = attach,
                              .detach = detach,
                              .address = address,
                              .route = route,
                              .peer = peer,
                              .fit = fit,
                              .installed = installed};
    sessions_init(&r->sessions, &env);
}

static void nothing_is_left(struct rig *r)
{
    fake_dp_answer_all(&r->dp);
    assert_int_equal(r->links, 0);
    assert_int_equal(r->addresses, 0);
    assert_int_equal(r->routes, 0);
    assert_int_equal(r->peers, 0);
    assert_int_equal(r->dp.live_in, 0);
    assert_int_equal(r->dp.live_out, 0);
    assert_int_equal(r->sessions.by_id.n, 0);
    assert_int_equal(r->sessions.by_spi.n, 0);
    assert_int_equal(r->sessions.by_child.n, 0);
}

static void said(struct rig *r, const char *what)
{
    assert_string_equal(str_text(&r->journal), what);
    str_free(&r->journal);
}

struct offer {
    struct ike_child_sa sa;
    struct ike_profile profile;
    struct ike_ts local, remote[2];
    struct ike_child_key in, out;
};

static void v4(struct ip_addr *a, const char *text)
{
    a->family = 4;
    inet_pton(AF_INET, text, a->b);
}

static void range(struct ike_ts *ts, const char *lo, const char *hi)
{
    *ts = (struct ike_ts){.type = IKE_TS_IPV4, .port_hi = 65535};
    inet_pton(AF_INET, lo, ts->lo);
    inet_pton(AF_INET, hi, ts->hi);
}

static void offer_init(struct offer *o, uint32_t id, uint32_t spi)
{
    memset(o, 0, sizeof(*o));
    range(&o->local, "0.0.0.0", "255.255.255.255");
    range(&o->remote[0], "10.1.0.0", "10.1.255.255");
    range(&o->remote[1], "10.2.0.1", "10.2.0.2"); // no prefix: two of them
    o->sa.id = id;
    o->sa.session = 5;
    o->sa.profile = &o->profile;
    o->sa.spi_in = spi;
    o->sa.spi_out = spi + 0x100;
    o->sa.suite = (struct ike_suite){.encr = IKE_ENCR_AES_GCM_16, .encr_bits = 256, .esn = true};
    v4(&o->sa.path.local, "192.0.2.1");
    v4(&o->sa.path.remote, "192.0.2.2");
    o->sa.ts_local = &o->local;
    o->sa.ts_remote = o->remote;
    o->sa.n_ts_local = 1;
    o->sa.n_ts_remote = 2;
    o->in.encr_len = o->out.encr_len = 36;
}

static int install(struct rig *r, const struct offer *o)
{
    return sessions_install(&r->sessions, &o->sa, &o->in, &o->out);
}

// The same, and the datapath answers all that it is asked.
static void install_all(struct rig *r, const struct offer *o)
{
    install(r, o);
    fake_dp_answer_all(&r->dp);
}

// Before and after each test: a rig, and the offer of a first child; nothing is left of what was installed.
static void begin(struct rig *r, struct offer *o)
{
    rig_init(r);
    offer_init(o, 1, 0x1000);
}

static void end(struct rig *r)
{
    nothing_is_left(r);
    sessions_free(&r->sessions);
    str_free(&r->journal);
}

static void test_order(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    assert_int_equal(install(&r, &o), IKE_PENDING);
    said(&r, "link+ peer+ in+ ");
    fake_dp_answer(&r.dp);
    said(&r, "out+ ");
    fake_dp_answer(&r.dp);
    said(&r, "10.1.0.0/16+ 10.2.0.1/32+ 10.2.0.2/32+ installed:yes ");
    sessions_remove(&r.sessions, &o.sa);
    said(&r, "10.2.0.1/32- 10.2.0.2/32- 10.1.0.0/16- out- in- peer- link- ");
    end(&r);
}

static void test_assigned_to_peer(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    v4(&o.sa.assigned, "10.9.0.3");
    range(&o.remote[0], "0.0.0.0", "255.255.255.255"); // everything: no route by itself
    o.sa.n_ts_remote = 1;
    install_all(&r, &o);
    said(&r, "link+ peer+ in+ out+ 10.9.0.3/32+ installed:yes ");
    sessions_remove(&r.sessions, &o.sa);
    said(&r, "10.9.0.3/32- out- in- peer- link- ");
    end(&r);
}

static void test_assigned_to_us(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    o.profile.cp_request = true;
    v4(&o.sa.assigned, "10.9.0.3");
    range(&o.remote[0], "0.0.0.0", "255.255.255.255");
    o.sa.n_ts_remote = 1;
    install_all(&r, &o);
    said(&r, "link+ peer+ address+ in+ out+ installed:yes ");
    sessions_remove(&r.sessions, &o.sa);
    said(&r, "out- in- address- peer- link- ");
    end(&r);
}

// A rekey shares interface, address and routes with the child before; they go with the last.
static void test_rekey(void **state)
{
    (void)state;
    struct rig r;
    struct offer a, b;
    begin(&r, &a);
    offer_init(&b, 2, 0x1001);
    v4(&a.sa.assigned, "10.9.0.3");
    b.sa.hold_outbound = true;
    install_all(&r, &a);
    str_free(&r.journal);
    install_all(&r, &b);
    said(&r, "peer+ in+ installed:yes "); // the outbound SA is held
    assert_false(sessions_child(&r.sessions, 0x1001)->out_there);
    sessions_switch(&r.sessions, &b.sa);
    fake_dp_answer_all(&r.dp);
    said(&r, "out+ ");
    sessions_switch(&r.sessions, &b.sa); // once is enough
    said(&r, "");
    sessions_remove(&r.sessions, &a.sa);
    said(&r, "out- in- peer- ");
    sessions_remove(&r.sessions, &b.sa);
    said(&r, "10.9.0.3/32- 10.2.0.1/32- 10.2.0.2/32- 10.1.0.0/16- out- in- peer- link- ");
    end(&r);
}

// Fail the first step, the second ... until none is left to fail.
static void test_every_step_fails(void **state)
{
    (void)state;
    for (unsigned ours = 0; ours < 2; ours++) {
        unsigned n = 1;
        for (;; n++) {
            struct rig r;
            struct offer o;
            begin(&r, &o);
            v4(&o.sa.assigned, "10.9.0.3");
            o.profile.cp_request = ours;
            r.dp.fail_at = n;
            int result = install(&r, &o);
            fake_dp_answer_all(&r.dp);
            bool failed = result < 0 || r.installed_result < 0;
            if (!failed) {
                assert_int_equal(r.installed_calls, 1);
                sessions_remove(&r.sessions, &o.sa);
            } else {
                assert_int_equal(r.installed_calls, result == IKE_PENDING); // told once, in one way or the other
                sessions_remove(&r.sessions, &o.sa);                        // of one that is not there: nothing
            }
            end(&r);
            if (!failed) {
                break;
            }
        }
        assert_int_equal(n, 8); // 7 things can fail: link, address or route to it, in, out, three routes
    }
}

// Removed when 0, 1 ... answers have come: nothing is told, nothing is left, the SPI is freed only after its SA.
static void test_removed_while_pending(void **state)
{
    (void)state;
    for (unsigned answers = 0; answers < 2; answers++) {
        struct rig r;
        struct offer o;
        begin(&r, &o);
        r.dp.live_spis = 1;
        assert_int_equal(install(&r, &o), IKE_PENDING);
        for (unsigned i = 0; i < answers; i++) {
            fake_dp_answer(&r.dp);
        }
        sessions_remove(&r.sessions, &o.sa);
        sessions_spi_free(&r.sessions, o.sa.spi_in);
        assert_int_equal(r.dp.live_spis, 1);
        nothing_is_left(&r);
        assert_int_equal(r.dp.live_spis, 0);
        assert_int_equal(r.installed_calls, 0);
        end(&r);
    }
}

static void test_link_goes(void **state)
{
    (void)state;
    struct rig r;
    struct offer a, b;
    begin(&r, &a);
    offer_init(&b, 2, 0x1001);
    install_all(&r, &a);
    install(&r, &b); // waits for its inbound SA
    str_free(&r.journal);
    sessions_link_gone(&r.sessions, (struct link *)&a_link);
    assert_int_equal(r.links, 0);
    nothing_is_left(&r);
    sessions_remove(&r.sessions, &a.sa);
    end(&r);
}

static void test_far_end_inside_selectors(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    range(&o.remote[0], "192.0.2.0", "192.0.2.255"); // the peer's own outer address is in it
    install_all(&r, &o);
    said(&r, "link+ peer+ in+ out+ 10.2.0.1/32+ 10.2.0.2/32+ installed:yes ");
    sessions_remove(&r.sessions, &o.sa);
    end(&r);
}

static void test_what_the_datapath_has_not(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    o.remote[1].type = 9; // no selector of addresses
    assert_int_equal(install(&r, &o), -EINVAL);
    offer_init(&o, 1, 0x1000);
    o.sa.suite.encr_bits = 160;
    assert_int_equal(install(&r, &o), -ENOTSUP);
    offer_init(&o, 1, 0x1000);
    o.sa.suite.integ = IKE_INTEG_HMAC_SHA2_256_128;
    assert_int_equal(install(&r, &o), -ENOTSUP);
    offer_init(&o, 1, 0x1000);
    o.in.integ_len = 64;
    assert_int_equal(install(&r, &o), -EINVAL);
    said(&r, "");
    end(&r);
}

// Selectors of both families, with a protocol: routes to all of them, and addresses of both.
static void test_dual_stack(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    o.remote[0].proto = 6;
    o.remote[0].port_lo = o.remote[0].port_hi = 443;
    o.remote[1] = (struct ike_ts){.type = IKE_TS_IPV6, .port_hi = 65535};
    inet_pton(AF_INET6, "2001:db8:5::", o.remote[1].lo);
    inet_pton(AF_INET6, "2001:db8:5::2:ffff", o.remote[1].hi);
    v4(&o.sa.assigned, "10.9.0.3");
    ip_parse("2001:db8:9::3", &o.sa.assigned6);
    install_all(&r, &o);
    said(&r, "link+ peer+ in+ out+ 10.1.0.0/16+ 2001:db8:5::/111+ 2001:db8:5::2:0/112+ 10.9.0.3/32+ 2001:db8:9::3/128+ "
             "installed:yes ");
    sessions_remove(&r.sessions, &o.sa);
    nothing_is_left(&r);
    str_free(&r.journal);
    o.profile.cp_request = o.profile.cp_request6 = true;
    install_all(&r, &o);
    said(&r, "link+ peer+ address+ address6+ in+ out+ 10.1.0.0/16+ 2001:db8:5::/111+ 2001:db8:5::2:0/112+ "
             "installed:yes ");
    sessions_remove(&r.sessions, &o.sa);
    end(&r);
}

// The selectors of a GRE tunnel are its own ends: nothing is routed by them.
static void test_gre(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    r.gre = true;
    o.sa.transport = true;
    range(&o.local, "192.0.2.1", "192.0.2.1");
    range(&o.remote[0], "192.0.2.2", "192.0.2.2");
    o.local.proto = o.remote[0].proto = 47;
    o.sa.n_ts_remote = 1;
    install_all(&r, &o);
    said(&r, "link+ peer+ in+ out+ installed:yes ");
    assert_true(r.dp.last.transport);
    assert_int_equal(r.dp.last_ts.proto, 47);
    sessions_remove(&r.sessions, &o.sa);
    end(&r);
}

static void test_path_changes(void **state)
{
    (void)state;
    struct rig r;
    struct offer o;
    begin(&r, &o);
    install_all(&r, &o);
    str_free(&r.journal);
    v4(&o.sa.path.remote, "192.0.2.77");
    sessions_update(&r.sessions, &o.sa);
    said(&r, "peer+ peer- path ");
    assert_true(ip_equal(&sessions_child(&r.sessions, 0x1000)->path.remote, &o.sa.path.remote));
    assert_int_equal(r.fits, 2); // the MTU was looked at, then and now
    sessions_remove(&r.sessions, &o.sa);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"a child is installed in order and undone in reverse", test_order, NULL, NULL, NULL},
        {"the address given to a peer becomes a route", test_assigned_to_peer, NULL, NULL, NULL},
        {"the address given to us is set and taken back", test_assigned_to_us, NULL, NULL, NULL},
        {"a rekey shares interface and routes, and holds its outbound SA", test_rekey, NULL, NULL, NULL},
        {"whichever step fails, nothing is left", test_every_step_fails, NULL, NULL, NULL},
        {"a child removed while it is being installed leaves nothing", test_removed_while_pending, NULL, NULL, NULL},
        {"an interface that goes takes its sessions' installations along", test_link_goes, NULL, NULL, NULL},
        {"no route over the tunnel covers the tunnel's far end", test_far_end_inside_selectors, NULL, NULL, NULL},
        {"suites, modes and selectors that the datapath has not are refused", test_what_the_datapath_has_not, NULL,
         NULL, NULL},
        {"selectors and addresses of both families", test_dual_stack, NULL, NULL, NULL},
        {"a GRE tunnel routes nothing by its selectors", test_gre, NULL, NULL, NULL},
        {"a new outer path reaches the datapath", test_path_changes, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
