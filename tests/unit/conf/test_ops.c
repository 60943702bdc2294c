// SPDX-License-Identifier: BSD-2-Clause
// How IKE SAs live, in the configuration: values, printing, `no`, faults.
#include "tests/unit/conf/conf_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const lines[] = {
    "no crypto ikev2 mobike",
    "crypto ikev2 mobike additional-address 192.0.2.9",
    "crypto ikev2 redirect gateway init",
    "crypto ikev2 redirect gateway auth",
    "crypto ikev2 redirect target 192.0.2.7",
    "crypto ikev2 redirect target gw2.example.com",
    "crypto ikev2 redirect client max-redirects 10",
    "crypto ikev2 window 5",
    "crypto ikev2 limit max-in-negotiation-sa 500",
    "crypto ikev2 limit max-sa 1000",
    "crypto ikev2 limit max-in-negotiation-sa-peer 7",
    "crypto ikev2 limit unauthenticated-memory 4096",
    "crypto ikev2 keyring ring",
    " peer hub",
    "  address 192.0.2.1",
    "  pre-shared-key abc",
    "  ppk manual id ppk1 key hex 00112233 required",
    "crypto ikev2 profile p",
    " match identity remote any",
    " authentication local pre-share",
    " authentication remote pre-share",
    " keyring local ring",
    " redirect gateway auth",
    " reauthentication 3600",
    " initiate childless only",
    " reconnect timeout 900",
    "crypto ikev2 http-url cert",
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

static void text_of(struct str *s, int without)
{
    for (int i = 0; i < LINES; i++) {
        if (i != without) {
            str_addf(s, "%s\n", lines[i]);
        }
    }
}

static void test_values(void **state)
{
    (void)state;
    struct str s = {0};
    text_of(&s, -1);
    struct conf *c = good(str_text(&s));
    const struct conf_profile *p = conf_find(&c->profiles, "p");
    const struct conf_keyring *ring = conf_find(&c->keyrings, "ring");
    const struct conf_peer *peer = conf_find(&ring->peers, "hub");
    assert_true(c->ops.no_mobike);
    assert_int_equal(c->ops.n_extra, 1);
    assert_int_equal(c->ops.redirect_init, 3);
    assert_int_equal(c->ops.n_target, 1);
    assert_int_equal(c->ops.n_target_name, 1);
    assert_string_equal(c->ops.target_name[0], "gw2.example.com");
    assert_int_equal(c->ops.redirects, 10);
    assert_int_equal(c->ops.window, 5);
    assert_true(c->ops.http_cert);
    assert_int_equal(c->ops.max_half_open, 500);
    assert_int_equal(c->ops.max_sas, 1000);
    assert_int_equal(c->ops.max_half_open_peer, 7);
    assert_int_equal(c->ops.unauth_kilobytes, 4096);
    assert_int_equal(p->reauth, 3600);
    assert_int_equal(p->childless, IKE_CHILDLESS_ONLY);
    assert_int_equal(p->reconnect, 900);
    assert_true(p->redirect_auth != 0);
    assert_string_equal(peer->ppk.id, "ppk1");
    assert_true(peer->ppk.required && peer->ppk.key.hex);
    conf_free(c);
    str_free(&s);
}

static void test_printed_again(void **state)
{
    (void)state;
    struct str s = {0}, out = {0}, shown = {0};
    text_of(&s, -1);
    struct conf *c = good(str_text(&s));
    conf_print(lang, c, false, &out);
    for (int i = 0; i < LINES; i++) {
        if (strstr(str_text(&out), lines[i]) == NULL) {
            fail_msg("not printed: %s\n%s", lines[i], str_text(&out));
        }
    }
    conf_show(lang, c, false, &shown);
    assert_null(strstr(str_text(&shown), "00112233"));
    conf_free(c);
    str_free(&s);
    str_free(&out);
    str_free(&shown);
}

// `no` before each of the lines takes it away: what is left prints as if it had never been there.
static void test_no(void **state)
{
    (void)state;
    static const struct {
        int line;
        const char *no;
    } rows[] = {
        {0, "crypto ikev2 mobike"},
        {1, "no crypto ikev2 mobike additional-address 192.0.2.9"},
        {2, "no crypto ikev2 redirect gateway init"},
        {4, "no crypto ikev2 redirect target 192.0.2.7"},
        {5, "no crypto ikev2 redirect target gw2.example.com"},
        {6, "no crypto ikev2 redirect client"},
        {7, "no crypto ikev2 window"},
        {8, "no crypto ikev2 limit max-in-negotiation-sa"},
        {9, "no crypto ikev2 limit max-sa 1000"},
        {10, "no crypto ikev2 limit max-in-negotiation-sa-peer"},
        {11, "no crypto ikev2 limit unauthenticated-memory"},
        {16, "crypto ikev2 keyring ring\npeer hub\nno ppk"},
        {22, "crypto ikev2 profile p\nno redirect gateway auth"},
        {23, "crypto ikev2 profile p\nno reauthentication"},
        {24, "crypto ikev2 profile p\nno initiate childless"},
        {25, "crypto ikev2 profile p\nno reconnect"},
        {26, "no crypto ikev2 http-url cert"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str with = {0}, without = {0}, a = {0}, b = {0};
        text_of(&with, -1);
        str_addf(&with, "%s\n", rows[i].no);
        text_of(&without, rows[i].line);
        struct conf *c = good(str_text(&with)), *d = good(str_text(&without));
        conf_print(lang, c, false, &a);
        conf_print(lang, d, false, &b);
        assert_string_equal(str_text(&a), str_text(&b));
        conf_free(c);
        conf_free(d);
        str_free(&with);
        str_free(&without);
        str_free(&a);
        str_free(&b);
    }
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"crypto ikev2 redirect gateway init\n", "line 1: clients are to be sent on, but there is no redirect target"},
        {"crypto ikev2 redirect target 300.1.1.1\n", "word 5 \"300.1.1.1\": is neither an address nor a name"},
        {"crypto ikev2 redirect target under_score.example\n", "is neither an address nor a name"},
        {"crypto ikev2 window 21\n", "line 1: word 4"},
        {"crypto ikev2 redirect client max-redirects 17\n", "line 1: word 6"},
        {"crypto ikev2 limit max-sa 0\n", "line 1: word 5"},
        {"crypto ikev2 keyring r\npeer p\nppk manual id x key hex 123\n", "line 3: word 7"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_null(conf_parse(lang, rows[i].text, err, sizeof(err)));
        if (strstr(err, rows[i].says) == NULL) {
            fail_msg("%s: says %s", rows[i].text, err);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_printed_again),
        cmocka_unit_test(test_no),
        cmocka_unit_test(test_faults),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("conf_ops", tests, conf_rig_open, conf_rig_close);
}
