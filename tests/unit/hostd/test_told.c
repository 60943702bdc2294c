// SPDX-License-Identifier: BSD-2-Clause
// Route exchange: what peers tell becomes routes, is refused where it must not, and goes with the session; what we
// tell.
#include "hostd/conf/reader.h"
#include "hostd/main/routes_ike.h"
#include "tests/unit/ip_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TABLE = 64 };

// A kernel's table: who has what.
struct rig {
    struct told told;
    struct log log;
    struct {
        struct ike_net net;
        unsigned distance;
        struct link *link;
    } at[TABLE];
    unsigned n, adds, fail;
    struct ike_net fixed; // a static route of distance 1
};

static int env_route(void *ctx, struct link *link, const struct ike_net *net, unsigned distance, bool add)
{
    struct rig *r = ctx;
    unsigned i = 0;
    assert_non_null(link);
    while (i < r->n && (r->at[i].distance != distance || memcmp(&r->at[i].net, net, sizeof(*net)) != 0)) {
        i++;
    }
    if (add) {
        if (++r->adds == r->fail) {
            return -1;
        }
        assert_int_equal(i, r->n); // nobody's route is replaced
        assert_true(r->n < TABLE);
        r->at[r->n].net = *net;
        r->at[r->n].distance = distance;
        r->at[r->n++].link = link;
        return 0;
    }
    assert_true(i < r->n && r->at[i].link == link);
    r->at[i] = r->at[--r->n];
    return 0;
}

static bool env_static(void *ctx, const struct ike_net *net, unsigned distance)
{
    const struct rig *r = ctx;
    return distance == 1 && r->fixed.net.family != 0 && memcmp(&r->fixed, net, sizeof(*net)) == 0;
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    log_init(&r->log, LOG_ERR);
    r->told.env = (struct told_env){.ctx = r, .log = &r->log, .route = env_route, .is_static = env_static};
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    told_free(&r->told);
    assert_int_equal(r->n, 0);
    free(r);
    return 0;
}

static struct link *const va1 = (struct link *)0x10, *const va2 = (struct link *)0x20;

static void add(struct ike_cp_values *v, const char *net, uint8_t prefix)
{
    struct ip_addr a = ip_of(net);
    ike_cp_add_subnet(v, &a, prefix);
}

static bool routed(const struct rig *r, const char *net, uint8_t prefix, unsigned distance, const struct link *link)
{
    for (unsigned i = 0; i < r->n; i++) {
        struct ip_addr a = ip_of(net);
        if (r->at[i].net.prefix == prefix && r->at[i].distance == distance && r->at[i].link == link &&
            ip_equal(&r->at[i].net.net, &a)) {
            return true;
        }
    }
    return false;
}

static void routes_come_with_the_interface_and_go_with_it(void **state)
{
    struct rig *r = *state;
    const struct conf_author a = {.accept_tag = 7, .accept_distance = 20};
    struct ip_addr outer = ip_of("192.0.2.1");
    struct ike_cp_values v = {0};
    add(&v, "10.0.0.1", 32);
    add(&v, "192.168.1.0", 24);
    add(&v, "2001:db8:1::", 48);
    told_set(&r->told, 1, &a, &outer, &v);
    assert_int_equal(r->n, 0);
    told_link(&r->told, 1, va1);
    assert_int_equal(r->n, 3);
    assert_true(routed(r, "10.0.0.1", 32, 20, va1));
    assert_true(routed(r, "192.168.1.0", 24, 20, va1));
    assert_true(routed(r, "2001:db8:1::", 48, 20, va1));
    const struct told_route *t = told_find(&r->told, &v.subnet[1], 20);
    assert_non_null(t);
    assert_int_equal(t->tag, 7);
    assert_int_equal(told_session_id(t), 1);
    told_link(&r->told, 1, NULL);
    assert_int_equal(r->n, 0);
    told_link(&r->told, 1, va2);
    assert_int_equal(r->n, 3);
    // Told anew: what is not there any more goes.
    struct ike_cp_values w = {0};
    add(&w, "192.168.2.0", 24);
    told_set(&r->told, 1, &a, &outer, &w);
    assert_int_equal(r->n, 1);
    assert_true(routed(r, "192.168.2.0", 24, 20, va2));
    told_end(&r->told, 1);
    assert_int_equal(r->n, 0);
    assert_null(told_find(&r->told, &w.subnet[0], 20));
}

static void a_route_that_stays_is_not_touched(void **state)
{
    struct rig *r = *state;
    const struct conf_author a = {0}, tagged = {.accept_tag = 5}, far = {.accept_distance = 9};
    struct ip_addr outer = ip_of("192.0.2.1");
    struct ike_cp_values v = {0}, w = {0};
    add(&v, "10.1.0.0", 16);
    add(&v, "10.2.0.0", 16);
    add(&w, "10.2.0.0", 16);
    add(&w, "10.3.0.0", 16);
    told_set(&r->told, 1, &a, &outer, &v);
    told_link(&r->told, 1, va1);
    assert_int_equal(r->adds, 2);
    told_set(&r->told, 1, &a, &outer, &v); // the same again
    assert_int_equal(r->adds, 2);
    assert_int_equal(r->n, 2);
    told_set(&r->told, 1, &tagged, &outer, &w); // one goes, one stays, one comes
    assert_int_equal(r->adds, 3);
    assert_int_equal(r->n, 2);
    assert_int_equal(told_find(&r->told, &w.subnet[0], 1)->tag, 5);
    told_set(&r->told, 1, &far, &outer, &w); // at another distance they are other routes
    assert_int_equal(r->adds, 5);
    assert_true(routed(r, "10.2.0.0", 16, 9, va1));
    assert_int_equal(r->n, 2);
}

static void what_must_not_be_routed_is_refused(void **state)
{
    struct rig *r = *state;
    const struct conf_author a = {0}, none = {.no_accept = true};
    struct ip_addr outer = ip_of("192.0.2.1");
    struct ike_cp_values v = {0};
    add(&v, "0.0.0.0", 0);      // the peer itself is in it
    add(&v, "192.0.2.0", 24);   // too
    add(&v, "127.0.0.0", 8);    //
    add(&v, "224.0.0.0", 4);    //
    add(&v, "169.254.1.0", 24); //
    add(&v, "fe80::", 64);      //
    add(&v, "ff02::", 16);      //
    add(&v, "::1", 128);        //
    add(&v, "172.16.0.0", 12);  // the configuration's
    add(&v, "192.0.3.0", 24);   // good
    add(&v, "2001:db8::", 32);  // good
    struct ip_addr fixed = ip_of("172.16.0.0");
    r->fixed = (struct ike_net){fixed, 12};
    told_set(&r->told, 1, &a, &outer, &v);
    told_link(&r->told, 1, va1);
    assert_int_equal(r->n, 2);
    assert_true(routed(r, "192.0.3.0", 24, 1, va1));
    assert_true(routed(r, "2001:db8::", 32, 1, va1));
    told_set(&r->told, 1, &none, &outer, &v);
    assert_int_equal(r->n, 0);
    told_set(&r->told, 1, NULL, &outer, &v); // no policy at all
    assert_int_equal(r->n, 0);
}

static void local_routes_need_no_word_of_the_peer(void **state)
{
    struct rig *r = *state;
    struct conf_author a = {.no_accept = true, .n_local = 2};
    struct ip_addr outer = ip_of("192.0.2.1");
    struct ike_cp_values v = {0};
    a.local[0] = (struct conf_net){ip_of("10.7.0.0"), 16};
    a.local[1] = (struct conf_net){ip_of("192.0.2.0"), 24}; // not even then
    add(&v, "10.8.0.0", 16);
    told_set(&r->told, 1, &a, &outer, NULL);
    told_link(&r->told, 1, va1);
    assert_int_equal(r->n, 1);
    told_set(&r->told, 1, &a, &outer, &v);
    assert_int_equal(r->n, 1);
    assert_true(routed(r, "10.7.0.0", 16, 1, va1));
}

static void two_sessions_take_turns_with_one_network(void **state)
{
    struct rig *r = *state;
    const struct conf_author a = {0};
    struct ip_addr outer = ip_of("192.0.2.1");
    struct ike_cp_values v = {0};
    add(&v, "10.1.0.0", 16);
    for (uint32_t i = 1; i <= 3; i++) {
        told_set(&r->told, i, &a, &outer, &v);
        told_link(&r->told, i, i == 2 ? va2 : va1);
    }
    assert_int_equal(r->n, 1);
    assert_true(routed(r, "10.1.0.0", 16, 1, va1));
    told_end(&r->told, 3); // one that waits
    told_end(&r->told, 1);
    assert_int_equal(r->n, 1);
    assert_true(routed(r, "10.1.0.0", 16, 1, va2));
    told_end(&r->told, 2);
    assert_int_equal(r->n, 0);
    // The kernel refuses the first: it stays that session's until it goes, then the next has its turn.
    r->fail = r->adds + 1;
    told_set(&r->told, 1, &a, &outer, &v);
    told_link(&r->told, 1, va1);
    told_set(&r->told, 2, &a, &outer, &v);
    told_link(&r->told, 2, va2);
    assert_int_equal(r->n, 0);
    told_end(&r->told, 1);
    assert_true(routed(r, "10.1.0.0", 16, 1, va2));
}

static void note(void *arg, uint32_t session)
{
    uint32_t *ended = arg;
    *ended = *ended * 10 + session;
}

static void a_session_ends_when_its_time_is_over(void **state)
{
    struct rig *r = *state;
    uint32_t ended = 0;
    told_ends(&r->told, 1, 1000);
    told_ends(&r->told, 1, 5000); // not later than said first
    told_ends(&r->told, 2, 3000);
    told_due(&r->told, 999, note, &ended);
    assert_int_equal(ended, 0);
    told_due(&r->told, 1000, note, &ended);
    assert_int_equal(ended, 1);
    told_due(&r->told, 2000, note, &ended);
    assert_int_equal(ended, 1);
    told_end(&r->told, 2);
    told_due(&r->told, 9000, note, &ended);
    assert_int_equal(ended, 1);
}

static void count_it(void *arg, uint32_t session)
{
    assert_true(session != 0);
    ++*(unsigned *)arg;
}

// However many sessions tell one network: each is looked at once when it comes and once when it goes, and nobody looks
// at those whose time is not over.
static void steps_do_not_grow_with_the_sessions(void **state)
{
    enum { MANY = 20000, SECOND = 1000000 };
    struct rig *r = *state;
    const struct conf_author a = {.accept_distance = 1};
    struct ip_addr outer = ip_of("192.0.2.1");
    struct ike_cp_values v = {0};
    unsigned ended = 0;
    add(&v, "10.0.0.0", 8);
    for (uint32_t i = 1; i <= MANY; i++) {
        told_set(&r->told, i, &a, &outer, &v);
        told_link(&r->told, i, va1);
        told_ends(&r->told, i, (uint64_t)(MANY - i) * SECOND + SECOND);
    }
    assert_int_equal(r->told.visits, MANY - 1); // the first found nobody there
    r->told.visits = 0;
    for (unsigned i = 0; i < 1000; i++) {
        told_due(&r->told, SECOND - 1, count_it, &ended);
    }
    assert_int_equal(r->told.visits, 0);
    told_due(&r->told, 3 * SECOND, count_it, &ended);
    assert_int_equal(r->told.visits, 3);
    assert_int_equal(ended, 3);
    r->told.visits = 0;
    for (uint32_t i = MANY; i > 1; i -= 2) { // from behind, and out of the middle
        told_end(&r->told, i);
    }
    for (uint32_t i = 3; i < MANY; i += 2) {
        told_end(&r->told, i);
    }
    assert_int_equal(r->told.visits, MANY - 1);
    assert_true(routed(r, "10.0.0.0", 8, 1, va1));
    told_set(&r->told, MANY + 1, &a, &outer, &v); // the chain is whole: the last has the route in the end
    told_link(&r->told, MANY + 1, va2);
    told_set(&r->told, MANY + 2, &a, &outer, &v);
    told_link(&r->told, MANY + 2, va1);
    told_end(&r->told, 1);
    assert_true(routed(r, "10.0.0.0", 8, 1, va2));
    told_end(&r->told, MANY + 1);
    assert_true(routed(r, "10.0.0.0", 8, 1, va1));
}

static void our_networks_are_those_of_the_policy(void **state)
{
    (void)state;
    char err[512];
    struct conf_lang *lang = conf_lang_new(err, sizeof(err));
    struct conf *c = conf_parse(
        lang,
        "access-list 99 deny 192.168.7.0 0.0.0.255\n"
        "access-list 99 permit 192.168.7.128 0.0.0.127\n"
        "access-list 99 permit 192.168.0.0 0.0.255.255\n"
        "ipv6 access-list six\n permit ipv6 2001:db8:5::/48 any\n"
        "crypto ikev2 authorization policy p\n"
        " route set interface\n route set interface Ethernet0/1\n"
        " route set remote 10.0.0.0 255.0.0.0\n route set remote ipv6 2001:db8:9::/48\n"
        " route set access-list 99\n route set access-list six ipv6\n"
        "interface Ethernet0/1\n device lan\n ip address 172.16.5.9 255.255.255.0\n ipv6 address 2001:db8:4::9/64\n",
        err, sizeof(err));
    if (c == NULL) {
        fail_msg("%s", err);
        return;
    }
    static const char *const want[] = {"10.9.9.1/32", "2001:db8::1/128", "172.16.5.0/24",  "2001:db8:4::/64",
                                       "10.0.0.0/8",  "2001:db8:9::/48", "192.168.0.0/16", "2001:db8:5::/48"};
    struct ike_cp_values v = {0};
    struct ip_addr own = ip_of("10.9.9.1"), own6 = ip_of("2001:db8::1");
    told_ours(c, conf_find(&c->authors, "p"), &own, &own6, &v);
    assert_int_equal(v.n_subnet, 8);
    for (unsigned i = 0; i < 8; i++) {
        char text[80], net[64];
        snprintf(text, sizeof(text), "%s/%u", ike_addr_format(&v.subnet[i].net, net, sizeof(net)), v.subnet[i].prefix);
        assert_string_equal(text, want[i]);
    }
    conf_free(c);
    conf_lang_free(lang);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"routes come with the interface and go with it", routes_come_with_the_interface_and_go_with_it, setup,
         teardown, NULL},
        {"a route that stays is not touched", a_route_that_stays_is_not_touched, setup, teardown, NULL},
        {"what must not be routed is refused", what_must_not_be_routed_is_refused, setup, teardown, NULL},
        {"local routes need no word of the peer", local_routes_need_no_word_of_the_peer, setup, teardown, NULL},
        {"two sessions take turns with one network", two_sessions_take_turns_with_one_network, setup, teardown, NULL},
        {"a session ends when its time is over", a_session_ends_when_its_time_is_over, setup, teardown, NULL},
        {"steps do not grow with the sessions", steps_do_not_grow_with_the_sessions, setup, teardown, NULL},
        {"our networks are those of the policy", our_networks_are_those_of_the_policy, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("told", tests, NULL, NULL);
}
