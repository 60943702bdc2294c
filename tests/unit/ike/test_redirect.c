// SPDX-License-Identifier: BSD-2-Clause
// Redirect (RFC 5685): at IKE_SA_INIT, at IKE_AUTH, later; what is forged, goes round in circles, or is not wanted.
// Node 1 has two addresses and plays both gateways.
#include "hostd/ike/ike_int.h"
#include "tests/unit/ike/lab.h"
#include "tests/unit/ip_of.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

#define FIRST  "198.51.100.2"
#define SECOND "198.51.100.200"

static struct lab *lab_with(bool init, bool auth)
{
    struct lab *lab = lab_new();
    lab->strict = true;
    lab->node[0].profile->redirects = 5;
    lab->node[1].other = ip_of(SECOND);
    lab->node[1].gateway = ip_of(SECOND);
    lab->node[1].limits.redirect_init = init;
    lab->node[1].profile->redirect_auth = auth;
    lab_start(lab);
    return lab;
}

static void assert_with(struct lab *lab, const char *gateway)
{
    const struct ip_addr a = ip_of(gateway);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_true(ip_equal(&lab_first(&lab->node[0])->path.remote, &a));
    assert_true(ip_equal(&lab_first(&lab->node[1])->path.local, &a));
}

static void a_client_goes_where_it_is_sent(void **state)
{
    (void)state;
    for (int at_auth = 0; at_auth < 2; at_auth++) {
        struct lab *lab = lab_with(!at_auth, at_auth);
        const uint32_t session = lab_initiate(lab, 0);
        lab_run(lab, 5 * (uint64_t)LAB_SECOND);
        assert_with(lab, SECOND);
        assert_int_equal(lab->node[0].session, session); // the same session to its owner
        assert_int_equal(lab->node[0].ups, 1);
        assert_int_equal(lab->node[1].ups, 1);
        assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
        assert_int_equal(lab->node[1].n_redirect, 1);
        const struct ip_addr first = ip_of(FIRST);
        assert_true(ip_equal(&lab->node[1].came_from, &first)); // REDIRECTED_FROM
        lab_end(lab);
    }
}

static void a_gateway_keeps_nothing_of_who_it_sends_on_at_init(void **state)
{
    (void)state;
    struct lab *lab = lab_with(true, false);
    lab_initiate(lab, 0);
    lab_run(lab, 6000); // the request is there
    uint32_t sas, half, children;
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(sas, 0);
    assert_int_equal(lab->node[1].e->stats.redirects_sent, 1);
    lab_end(lab);
}

static void it_works_behind_a_cookie_and_with_loss(void **state)
{
    (void)state;
    for (int at_auth = 0; at_auth < 2; at_auth++) {
        for (unsigned lost = 0; lost < 12; lost++) {
            struct lab *lab = lab_new();
            lab->strict = true;
            lab->node[0].profile->redirects = 5;
            lab->node[1].other = lab->node[1].gateway = ip_of(SECOND);
            lab->node[1].limits.redirect_init = !at_auth;
            lab->node[1].limits.cookie_always = true;
            lab->node[1].profile->redirect_auth = at_auth;
            lab_start(lab);
            lab_initiate(lab, 0);
            while (lab->sent < lost && lab->now < 1001 * (uint64_t)LAB_SECOND)
                lab_run(lab, 500);
            if (lab->queue) { // the last one that was sent is lost
                struct lab_packet **at = &lab->queue;
                while ((*at)->next)
                    at = &(*at)->next;
                free(*at);
                *at = NULL;
            }
            lab_run(lab, 200 * (uint64_t)LAB_SECOND);
            assert_with(lab, SECOND);
            assert_int_equal(lab->node[0].downs, 0);
            lab_end(lab);
        }
    }
}

static void a_client_that_does_not_follow_is_served(void **state)
{
    (void)state;
    for (int at_auth = 0; at_auth < 2; at_auth++) {
        struct lab *lab = lab_with(!at_auth, at_auth);
        lab->node[0].profile->redirects = 0;
        lab_initiate(lab, 0);
        lab_run(lab, LAB_SECOND);
        assert_with(lab, FIRST);
        assert_int_equal(lab->node[1].n_redirect, 0);
        const struct ike_gateway second = {.addr = ip_of(SECOND)};
        assert_int_equal(ike_redirect(lab->node[1].e, lab->node[1].session, &second, lab->now), -1);
        lab_end(lab);
    }
}

static void an_established_session_goes_over(void **state)
{
    (void)state;
    struct lab *lab = lab_with(false, false);
    const uint32_t session = lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    assert_with(lab, FIRST);
    const struct ike_gateway second = {.addr = ip_of(SECOND)};
    assert_int_equal(ike_redirect(lab->node[0].e, session, &second, lab->now), -1); // a client sends nobody on
    assert_int_equal(ike_redirect(lab->node[1].e, lab->node[1].session, &second, lab->now), 0);
    lab_run(lab, 20 * (uint64_t)LAB_SECOND);
    assert_with(lab, SECOND);
    assert_int_equal(lab->node[0].downs, 0);
    assert_int_equal(lab->node[0].rekeys, 1);
    assert_int_equal(lab->node[0].session, session);
    lab_end(lab);
}

static void an_established_session_survives_a_gateway_that_is_not_there(void **state)
{
    (void)state;
    struct lab *lab = lab_with(false, false);
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    const struct ike_gateway nowhere = {.addr = ip_of("198.51.100.77")};
    assert_int_equal(ike_redirect(lab->node[1].e, lab->node[1].session, &nowhere, lab->now), 0);
    lab_run(lab, 300 * (uint64_t)LAB_SECOND);
    assert_with(lab, FIRST);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    lab_end(lab);
}

// The two gateways send the client to and fro.
static bool pingpong(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                     const struct ip_addr *from, struct ike_gateway *gateway)
{
    struct lab_node *n = ctx;
    (void)p, (void)remote, (void)from;
    n->n_redirect++;
    gateway->addr = ip_equal(&path->local, &n->addr) ? n->other : n->addr;
    return true;
}

static void going_in_circles_ends(void **state)
{
    (void)state;
    for (int at_auth = 0; at_auth < 2; at_auth++) {
        struct lab *lab = lab_with(!at_auth, at_auth);
        lab->node[1].ops.redirect = pingpong;
        lab_initiate(lab, 0);
        lab_run(lab, 100 * (uint64_t)LAB_SECOND);
        assert_int_equal(lab->node[1].n_redirect, 6); // five are followed
        assert_int_equal(lab->node[0].downs, 1);
        assert_int_equal(lab->node[0].down_why, IKE_R_REDIRECTED);
        assert_int_equal(lab->node[0].ups, 0);
        lab_assert_sas(lab, 0);
        lab_end(lab);
    }
}

static bool to_itself(void *ctx, const struct ike_profile *p, const struct ike_path *path, const struct ike_id *remote,
                      const struct ip_addr *from, struct ike_gateway *gateway)
{
    (void)ctx, (void)p, (void)remote, (void)from;
    gateway->addr = path->local;
    return true;
}

static void to_where_it_is_already_is_refused(void **state)
{
    (void)state;
    struct lab *lab = lab_with(true, false);
    lab->node[1].ops.redirect = to_itself;
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[0].downs, 1);
    assert_int_equal(lab->node[0].e->stats.redirects_refused, 1);
    lab_end(lab);
}

// Somebody who has not seen the request answers it.
static void a_forged_redirect_is_not_followed(void **state)
{
    (void)state;
    struct lab *lab = lab_with(false, false);
    lab_initiate(lab, 0);
    const struct ike_sa *sa = lab->node[0].e->sas;
    for (int wrong = 0; wrong < 4; wrong++) {
        uint8_t msg[128], data[64] = {1, 4, 198, 51, 100, 200};
        struct ike_build b;
        const struct ike_header h = {.spi_i = sa->spi_i, .exchange = IKE_X_SA_INIT, .flags = IKE_F_RESPONSE};
        memcpy(data + 6, sa->ni, sa->ni_len);
        size_t len = 6u + sa->ni_len;
        if (wrong == 0)
            data[10] ^= 1; // another nonce
        else if (wrong == 1)
            len = 6; // none
        else if (wrong == 2)
            data[1] = 64; // an address that is longer than the payload
        else
            data[0] = 9; // of no known kind
        ike_build_message(&b, msg, sizeof(msg), &h);
        ike_put_notify(&b, IKE_N_REDIRECT, data, len);
        const struct ike_path path = lab_path(lab, 0);
        ike_input(lab->node[0].e, &path, msg, ike_build_finish(&b), lab->now);
    }
    assert_int_equal(lab->node[0].e->stats.redirects_refused, 4);
    lab_run(lab, LAB_SECOND);
    assert_with(lab, FIRST);
    lab_end(lab);
}

// Each allocation of both sides fails once, from when it begins: nothing leaks, nothing is half there.
static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        for (unsigned nth = 1;; nth++) {
            struct lab *lab = lab_with(false, true);
            struct lab_node *n = &lab->node[i];
            n->fail_alloc = n->n_alloc + nth;
            lab_initiate(lab, 0);
            lab_run(lab, 300 * (uint64_t)LAB_SECOND); // an end that the other one does not hear of is found by DPD
            const bool reached = n->n_alloc >= n->fail_alloc;
            lab_assert_tidy(lab);
            lab_end(lab);
            if (!reached) {
                assert_true(nth > 3); // some did fail
                break;
            }
        }
    }
}

// --- names

#define NAME "gw2.example.com"

static struct lab *lab_named(bool init, bool auth)
{
    struct lab *lab = lab_with(init, auth);
    memset(&lab->node[1].gateway, 0, sizeof(lab->node[1].gateway));
    strcpy(lab->node[1].gateway_name, NAME);
    return lab;
}

// The owner's name server answers the last question; "": there is no address.
static void found(struct lab *lab, const char *text)
{
    const struct ip_addr a = text[0] ? ip_of(text) : (struct ip_addr){0};
    ike_resolved(lab->node[0].e, lab->node[0].lookup, &a, lab->now);
}

static void a_client_goes_to_a_name(void **state)
{
    (void)state;
    for (int at_auth = 0; at_auth < 2; at_auth++) {
        struct lab *lab = lab_named(!at_auth, at_auth);
        const uint32_t session = lab_initiate(lab, 0);
        lab_run(lab, 3 * (uint64_t)LAB_SECOND);
        assert_string_equal(lab->node[0].looked_up, NAME);
        lab_assert_children(lab, 0);
        assert_int_equal(lab->node[0].e->stats.redirects_followed, 0);
        found(lab, SECOND);
        lab_run(lab, 5 * (uint64_t)LAB_SECOND);
        assert_with(lab, SECOND);
        assert_int_equal(lab->node[0].session, session);
        assert_int_equal(lab->node[0].ups, 1);
        assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
        assert_int_equal(lab->node[0].n_lookups, 1);
        assert_int_equal(lab->node[0].e->stats.redirects_followed, 1);
        const struct ip_addr first = ip_of(FIRST);
        assert_true(ip_equal(&lab->node[1].came_from, &first));
        found(lab, FIRST); // what comes again is nobody's
        lab_run(lab, LAB_SECOND);
        assert_with(lab, SECOND);
        lab_end(lab);
    }
}

enum of_no_use { NO_ADDRESS, NEVER_ANSWERED, NOT_POSSIBLE, OURSELVES, OTHER_FAMILY, NO_USES };

// The client goes back to the gateway that gave the name, without saying that it follows, and is served.
static void a_name_of_no_use_leads_back(void **state)
{
    (void)state;
    for (int at_auth = 0; at_auth < 2; at_auth++) {
        for (enum of_no_use use = 0; use < NO_USES; use++) {
            struct lab *lab = lab_named(!at_auth, at_auth);
            struct lab_node *a = &lab->node[0];
            a->no_lookups = use == NOT_POSSIBLE;
            const uint32_t session = lab_initiate(lab, 0);
            lab_run(lab, LAB_SECOND);
            const uint64_t since = lab->now;
            if (use == NO_ADDRESS)
                found(lab, "");
            else if (use == OURSELVES)
                found(lab, FIRST);
            else if (use == OTHER_FAMILY)
                found(lab, "2001:db8::7");
            lab_run(lab, 3 * (uint64_t)LAB_SECOND);
            assert_int_equal(lab_sas(a), 0); // not at once
            lab_run(lab, 30 * (uint64_t)LAB_SECOND);
            assert_true(lab->now > since);
            assert_with(lab, FIRST);
            assert_int_equal(a->session, session);
            assert_int_equal(a->downs, 0);
            assert_int_equal(a->n_lookups, 1);
            assert_int_equal(lab->node[1].n_redirect, 1);
            const bool judged = use == OURSELVES || use == OTHER_FAMILY;
            assert_int_equal(a->e->stats.redirects_unresolved, !judged);
            assert_int_equal(a->e->stats.redirects_refused, judged);
            assert_int_equal(a->e->stats.redirects_followed, 0);
            found(lab, SECOND); // too late
            lab_run(lab, LAB_SECOND);
            assert_with(lab, FIRST);
            lab_end(lab);
        }
    }
}

static void an_established_session_goes_over_to_a_name_or_stays(void **state)
{
    (void)state;
    struct lab *lab = lab_with(false, false);
    const struct ike_gateway to = {.name = NAME};
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    static const char *const answers[] = {"", FIRST, "2001:db8::7"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(ike_redirect(lab->node[1].e, lab->node[1].session, &to, lab->now), 0);
        lab_run(lab, LAB_SECOND);
        found(lab, answers[i]);
        lab_run(lab, 60 * (uint64_t)LAB_SECOND);
        assert_with(lab, FIRST);
    }
    assert_int_equal(lab->node[0].e->stats.redirects_unresolved, 1);
    assert_int_equal(lab->node[0].e->stats.redirects_refused, 2);
    // The question outlives a rekey of the IKE SA.
    assert_int_equal(ike_redirect(lab->node[1].e, lab->node[1].session, &to, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, LAB_SECOND);
    found(lab, SECOND);
    lab_run(lab, 20 * (uint64_t)LAB_SECOND);
    assert_with(lab, SECOND);
    assert_int_equal(lab->node[0].downs, 0);
    assert_int_equal(lab->node[0].n_lookups, 4);
    lab_end(lab);
}

// A gateway that sends one name after the other: so many are looked up as redirects are followed.
static void lookups_are_as_few_as_redirects(void **state)
{
    (void)state;
    struct lab *lab = lab_with(false, false);
    const struct ike_gateway to = {.name = NAME};
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    for (unsigned i = 0; i < 20; i++) {
        ike_redirect(lab->node[1].e, lab->node[1].session, &to, lab->now);
        lab_run(lab, LAB_SECOND);
    }
    assert_int_equal(lab->node[0].n_lookups, 5);
    assert_int_equal(lab->node[0].e->stats.redirects_refused, 15);
    ike_delete(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, LAB_SECOND);
    found(lab, SECOND); // of a session that is gone
    lab_run(lab, LAB_SECOND);
    lab_assert_sas(lab, 0);
    lab_end(lab);
}

static bool names_to_and_fro(void *ctx, const struct ike_profile *p, const struct ike_path *path,
                             const struct ike_id *remote, const struct ip_addr *from, struct ike_gateway *gateway)
{
    struct lab_node *n = ctx;
    (void)p, (void)remote, (void)from;
    n->n_redirect++;
    strcpy(gateway->name, ip_equal(&path->local, &n->addr) ? "two" : "one");
    return true;
}

static void names_in_circles_end(void **state)
{
    (void)state;
    for (int at_auth = 0; at_auth < 2; at_auth++) {
        struct lab *lab = lab_with(!at_auth, at_auth);
        lab->node[1].ops.redirect = names_to_and_fro;
        lab_initiate(lab, 0);
        for (unsigned i = 0; i < 20; i++) {
            lab_run(lab, LAB_SECOND);
            if (lab->node[0].looked_up[0])
                found(lab, strcmp(lab->node[0].looked_up, "two") == 0 ? SECOND : FIRST);
            lab->node[0].looked_up[0] = 0;
        }
        assert_int_equal(lab->node[1].n_redirect, 6); // five are followed
        assert_int_equal(lab->node[0].n_lookups, 5);
        assert_int_equal(lab->node[0].downs, 1);
        assert_int_equal(lab->node[0].down_why, IKE_R_REDIRECTED);
        lab_assert_sas(lab, 0);
        lab_end(lab);
    }
}

static void a_session_that_is_deleted_waits_for_no_name(void **state)
{
    (void)state;
    struct lab *lab = lab_named(true, false);
    const uint32_t session = lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[0].n_lookups, 1);
    ike_delete(lab->node[0].e, session, lab->now);
    assert_int_equal(lab->node[0].downs, 1);
    found(lab, SECOND);
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 0);
    assert_int_equal(lab->node[0].ups, 0);
    lab_end(lab);
}

// What is no name of hosts is not looked up, nor logged as it is.
static void bad_names_are_dropped(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ".",
                                      "a..b",
                                      ".a",
                                      "a b",
                                      "a\nb",
                                      "a\x01",
                                      "%s%n",
                                      "caf\xc3\xa9.example",
                                      "a/b",
                                      "under_score.example",
                                      "300.1.2.3",
                                      "0123456789012345678901234567890123456789012345678901234567890123.example"};
    struct lab *lab = lab_with(false, false);
    lab_initiate(lab, 0);
    const struct ike_sa *sa = lab->node[0].e->sas;
    const struct ike_path path = lab_path(lab, 0);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]) + 2; i++) {
        uint8_t msg[1024], data[512] = {3};
        struct ike_build b;
        const struct ike_header h = {.spi_i = sa->spi_i, .exchange = IKE_X_SA_INIT, .flags = IKE_F_RESPONSE};
        size_t len = 254; // longer than a name is; then one that says it is longer than the payload
        if (i < sizeof(bad) / sizeof(bad[0])) {
            len = strlen(bad[i]);
            memcpy(data + 2, bad[i], len);
        } else {
            for (size_t k = 0; k < len; k++)
                data[2 + k] = k % 10 == 9 ? '.' : 'a';
        }
        data[1] = (uint8_t)len;
        memcpy(data + 2 + len, sa->ni, sa->ni_len);
        ike_build_message(&b, msg, sizeof(msg), &h);
        ike_put_notify(&b, IKE_N_REDIRECT, data, i > sizeof(bad) / sizeof(bad[0]) ? 100 : 2 + len + sa->ni_len);
        ike_input(lab->node[0].e, &path, msg, ike_build_finish(&b), lab->now);
    }
    assert_int_equal(lab->node[0].e->stats.redirects_refused, sizeof(bad) / sizeof(bad[0]) + 2);
    assert_int_equal(lab->node[0].n_lookups, 0);
    lab_run(lab, LAB_SECOND);
    assert_with(lab, FIRST);
    lab_end(lab);
}

static void any_allocation_may_fail_with_names(void **state)
{
    (void)state;
    for (unsigned at_auth = 0; at_auth < 2; at_auth++) {
        for (unsigned nth = 1;; nth++) {
            struct lab *lab = lab_named(!at_auth, at_auth);
            struct lab_node *n = &lab->node[0];
            n->fail_alloc = n->n_alloc + nth;
            lab_initiate(lab, 0);
            lab_run(lab, LAB_SECOND);
            if (n->lookup)
                found(lab, nth % 2 ? SECOND : "");
            lab_run(lab, 120 * (uint64_t)LAB_SECOND);
            const bool reached = n->n_alloc >= n->fail_alloc;
            assert_true(lab_sas(&lab->node[0]) <= 1);
            lab_end(lab);
            if (!reached) {
                assert_true(nth > 5);
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_goes_where_it_is_sent),
        cmocka_unit_test(a_gateway_keeps_nothing_of_who_it_sends_on_at_init),
        cmocka_unit_test(it_works_behind_a_cookie_and_with_loss),
        cmocka_unit_test(a_client_that_does_not_follow_is_served),
        cmocka_unit_test(an_established_session_goes_over),
        cmocka_unit_test(an_established_session_survives_a_gateway_that_is_not_there),
        cmocka_unit_test(going_in_circles_ends),
        cmocka_unit_test(to_where_it_is_already_is_refused),
        cmocka_unit_test(a_forged_redirect_is_not_followed),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_client_goes_to_a_name),
        cmocka_unit_test(a_name_of_no_use_leads_back),
        cmocka_unit_test(an_established_session_goes_over_to_a_name_or_stays),
        cmocka_unit_test(lookups_are_as_few_as_redirects),
        cmocka_unit_test(names_in_circles_end),
        cmocka_unit_test(a_session_that_is_deleted_waits_for_no_name),
        cmocka_unit_test(bad_names_are_dropped),
        cmocka_unit_test(any_allocation_may_fail_with_names),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_redirect", tests, NULL, NULL);
}
