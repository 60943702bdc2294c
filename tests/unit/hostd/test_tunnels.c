// SPDX-License-Identifier: BSD-2-Clause
// Static tunnels: when sessions are started, names looked up and plain GRE told its ends; and the MTU of every form.
#include "hostd/iface/mtu.h"
#include "hostd/main/tunnels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

struct rig {
    struct tunnels tunnels;
    struct conf *conf;
    struct conf_if *f;
    unsigned starts, ends, lookups, stops;
    struct ip_addr to;
    bool refuse;
};

static uint32_t start(void *ctx, const struct conf_if *f, const struct ip_addr *to)
{
    struct rig *r = ctx;
    (void)f;
    r->to = *to;
    r->starts++;
    return r->refuse ? 0 : r->starts;
}

static void stop(void *ctx, uint32_t session)
{
    struct rig *r = ctx;
    (void)session;
    r->stops++;
}

static bool ends(void *ctx, const struct conf_if *f, const struct ip_addr *to)
{
    struct rig *r = ctx;
    (void)f;
    r->to = *to;
    r->ends++;
    return true;
}

static bool lookup(void *ctx, struct ifid id, const char *name, uint8_t family)
{
    struct rig *r = ctx;
    (void)id;
    assert_string_equal(name, "gw.example.com");
    assert_int_equal(family, 4);
    r->lookups++;
    return true;
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    r->conf = conf_new();
    r->f = conf_get(&r->conf->ifs, "Tunnel0", sizeof(*r->f));
    r->f->id = (struct ifid){IF_TUNNEL, 0};
    r->f->has_destination = true;
    memcpy(r->f->protection.name, "p", 2);
    r->tunnels.ctx = r;
    r->tunnels.start = start;
    r->tunnels.stop = stop;
    r->tunnels.ends = ends;
    r->tunnels.lookup = lookup;
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    tunnels_free(&r->tunnels);
    conf_free(r->conf);
    free(r);
    return 0;
}

static void a_name_is_looked_up_before_each_start(void **state)
{
    struct rig *r = *state;
    struct ip_addr addr, none = {0};
    ip_parse("192.0.2.9", &addr);
    memcpy(r->f->destination_name, "gw.example.com", 15);
    tunnels_apply(&r->tunnels, r->conf, 0);
    tunnels_run(&r->tunnels, 0);
    tunnels_run(&r->tunnels, 10);
    assert_int_equal(r->lookups, 1); // one at a time
    assert_int_equal(r->starts, 0);
    tunnels_found(&r->tunnels, r->f->id, "elsewhere.example.com", &addr, 10); // of a configuration before
    assert_int_equal(r->starts, 0);
    tunnels_found(&r->tunnels, r->f->id, "gw.example.com", &none, 10); // not there: again after a pause
    tunnels_run(&r->tunnels, 11);
    assert_int_equal(r->lookups, 1);
    tunnels_run(&r->tunnels, 40 * SECOND);
    assert_int_equal(r->lookups, 2);
    tunnels_found(&r->tunnels, r->f->id, "gw.example.com", &addr, 40 * SECOND);
    assert_int_equal(r->starts, 1);
    assert_true(ip_equal(&r->to, &addr));
    tunnels_down(&r->tunnels, 1, 41 * SECOND);
    tunnels_run(&r->tunnels, 80 * SECOND);
    assert_int_equal(r->lookups, 3);
}

static void a_dynamic_destination_waits_for_the_peer(void **state)
{
    struct rig *r = *state;
    r->f->destination_dynamic = true;
    tunnels_apply(&r->tunnels, r->conf, 0);
    tunnels_run(&r->tunnels, 100 * SECOND);
    assert_int_equal(r->starts + r->lookups + r->ends, 0);
    assert_non_null(tunnels_find(&r->tunnels, r->f->id));
}

static void plain_gre_is_told_its_ends_again_and_again(void **state)
{
    struct rig *r = *state;
    r->f->protection.name[0] = '\0';
    ip_parse("192.0.2.9", &r->f->destination);
    tunnels_apply(&r->tunnels, r->conf, 0);
    for (unsigned s = 0; s < 60; s++)
        tunnels_run(&r->tunnels, (uint64_t)s * SECOND);
    assert_int_equal(r->starts, 0);
    assert_in_range(r->ends, 10, 14);
    r->f->mode = CONF_MODE_IPSEC_IPV4; // which is nothing without protection
    tunnels_apply(&r->tunnels, r->conf, 0);
    assert_null(tunnels_find(&r->tunnels, r->f->id));
}

static void another_mode_or_key_starts_anew(void **state)
{
    struct rig *r = *state;
    ip_parse("192.0.2.9", &r->f->destination);
    tunnels_apply(&r->tunnels, r->conf, 0);
    tunnels_run(&r->tunnels, 0);
    tunnels_apply(&r->tunnels, r->conf, 1);
    assert_int_equal(r->stops, 0);
    r->f->has_key = true;
    r->f->key = 7;
    tunnels_apply(&r->tunnels, r->conf, 1);
    assert_int_equal(r->stops, 1);
    tunnels_run(&r->tunnels, 1);
    assert_int_equal(r->starts, 2);
}

// Nobody looks at tunnels that are up, or whose time has not come.
static void steps_do_not_grow_with_the_tunnels(void **state)
{
    enum { MANY = 20000 };
    struct rig *r = *state;
    r->f->destination = (struct ip_addr){.family = 4, .b = {192, 0, 2, 1}};
    for (unsigned i = 1; i < MANY; i++) {
        struct conf_if *f = must_alloc(sizeof(*f));
        *f = *r->f;
        f->id.number = i;
        assert_true(list_add(&r->conf->ifs, f));
    }
    tunnels_apply(&r->tunnels, r->conf, 1);
    tunnels_run(&r->tunnels, 1);
    assert_int_equal(r->starts, MANY);
    assert_int_equal(r->tunnels.visits, MANY);
    r->tunnels.visits = 0;
    for (unsigned i = 0; i < MANY; i++) {
        struct ifid id = {IF_TUNNEL, i};
        tunnels_up(&r->tunnels, id, tunnels_find(&r->tunnels, id)->session);
    }
    for (unsigned i = 0; i < 1000; i++) {
        tunnels_run(&r->tunnels, (uint64_t)SECOND * i);
    }
    assert_int_equal(r->tunnels.visits, 0);
    tunnels_down(&r->tunnels, MANY / 2, SECOND);
    tunnels_down(&r->tunnels, MANY + 1, SECOND); // nobody's
    tunnels_run(&r->tunnels, 2 * SECOND - 1);
    assert_int_equal(r->starts, MANY);
    tunnels_run(&r->tunnels, 2 * SECOND);
    assert_int_equal(r->starts, MANY + 1);
    assert_int_equal(r->tunnels.visits, 3);
}

// By hand: outer 1500 less its headers, rounded down to the cipher's blocks, less two bytes of trailer, less GRE.
static void every_form_has_its_mtu(void **state)
{
    (void)state;
    const struct dp_suite gcm = DP_SUITE_AES_GCM_256, cbc = DP_SUITE_AES_CBC_256_SHA256;
    const struct {
        struct mtu_of of;
        bool ipv6;
        unsigned mtu;
    } rows[] = {
        {{.outer = 1500, .family = 4, .esp = true, .suite = gcm}, false, 1446},              // 1500-20-32=1448
        {{.outer = 1500, .family = 4, .esp = true, .udp = true, .suite = gcm}, false, 1438}, // 1440
        {{.outer = 1500, .family = 6, .esp = true, .suite = gcm}, true, 1426},               // 1428
        {{.outer = 1500, .family = 4, .esp = true, .suite = cbc}, false, 1438},              // 1440, whole blocks of 16
        {{.outer = 1500, .family = 4, .esp = true, .suite = gcm, .transport = true, .gre = true}, false, 1442},
        {{.outer = 1500, .family = 4, .esp = true, .suite = gcm, .gre = true, .gre_family = 4}, false, 1422},
        {{.outer = 1500, .family = 6, .esp = true, .suite = gcm, .gre = true, .key = true, .gre_family = 6},
         true,
         1378},
        {{.outer = 1500, .family = 4, .gre = true}, false, 1476},
        {{.outer = 1500, .family = 6, .gre = true, .key = true}, true, 1452},
        {{.outer = 1300, .family = 6, .esp = true, .suite = gcm}, true, 1280}, // IPv6 needs as much
        {{.outer = 500, .family = 4, .esp = true, .suite = gcm}, false, 576},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(mtu_inner(&rows[i].of, rows[i].ipv6), rows[i].mtu);
    }
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(a_name_is_looked_up_before_each_start),      WITH(a_dynamic_destination_waits_for_the_peer),
        WITH(plain_gre_is_told_its_ends_again_and_again), WITH(another_mode_or_key_starts_anew),
        WITH(steps_do_not_grow_with_the_tunnels),         cmocka_unit_test(every_form_has_its_mtu),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("static tunnels", tests, NULL, NULL);
}
