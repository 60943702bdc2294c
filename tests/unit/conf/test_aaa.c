// SPDX-License-Identifier: BSD-2-Clause
// Users and lists in the configuration.
#include "tests/unit/conf/conf_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "aaa new-model\n"
                           "aaa authentication login USERS local\n"
                           "aaa authorization network POLICIES local\n"
                           "username alice password 0 wonderland\n"
                           "username bob@lab password builder\n";

static void test_values(void **state)
{
    (void)state;
    struct conf *c = good(text);
    assert_true(c->aaa_new_model);
    assert_non_null(conf_find(&c->login_lists, "USERS"));
    assert_non_null(conf_find(&c->author_lists, "POLICIES"));
    assert_string_equal(((struct conf_user *)conf_find(&c->users, "alice"))->password, "wonderland");
    assert_string_equal(((struct conf_user *)conf_find(&c->users, "bob@lab"))->password, "builder");
    conf_free(c);
}

static void test_printed_again(void **state)
{
    (void)state;
    struct conf *c = good(text), *copy = conf_clone(c);
    struct str s = {0}, again = {0}, shown = {0};
    conf_print(lang, c, false, &s);
    struct conf *second = good(str_text(&s));
    conf_print(lang, second, false, &again);
    assert_string_equal(str_text(&s), str_text(&again));
    assert_non_null(strstr(str_text(&s), "username alice password 0 wonderland\n"));
    conf_show(lang, copy, false, &shown);
    assert_null(strstr(str_text(&shown), "wonderland"));
    assert_non_null(strstr(str_text(&shown), "username alice password 0 " CONF_HIDDEN "\n"));
    assert_null(conf_parse(lang, str_text(&shown), err, sizeof(err)));
    assert_non_null(strstr(err, "stands for a password"));
    str_free(&s);
    str_free(&again);
    str_free(&shown);
    conf_free(c);
    conf_free(copy);
    conf_free(second);
}

static void test_removed(void **state)
{
    (void)state;
    struct conf *c = good("aaa new-model\naaa authentication login L local\nno aaa authentication login L\n"
                          "username a password x\nusername a password y\nno username a\nno aaa new-model\n");
    assert_int_equal(c->users.n, 0);
    assert_int_equal(c->login_lists.n, 0);
    assert_false(c->aaa_new_model);
    conf_free(c);
}

#define PROFILE                                                                                                        \
    "crypto pki trustpoint T\ncrypto ikev2 profile p\n match identity remote any\n pki trustpoint T\n"                 \
    " authentication local rsa-sig\n authentication remote eap query-identity\n"

static void test_eap_of_a_profile(void **state)
{
    (void)state;
    struct conf *c = good("aaa new-model\naaa authentication login USERS local\n" PROFILE
                          " aaa authentication eap USERS\n eap methods gtc tls ms-chapv2\n eap timeout 7\n");
    const struct conf_profile *p = conf_find(&c->profiles, "p");
    assert_string_equal(p->eap_list.name, "USERS");
    assert_int_equal(p->n_eap_methods, 3);
    assert_int_equal(p->eap_methods[0], CONF_EAP_GTC);
    assert_int_equal(p->eap_methods[1], CONF_EAP_TLS);
    assert_int_equal(p->eap_methods[2], CONF_EAP_MSCHAPV2);
    assert_int_equal(p->eap_timeout, 7);
    struct str s = {0}, again = {0};
    conf_print(lang, c, true, &s);
    struct conf *second = good(str_text(&s));
    conf_print(lang, second, true, &again);
    assert_string_equal(str_text(&s), str_text(&again));
    assert_non_null(strstr(str_text(&s), " eap methods gtc tls ms-chapv2\n"));
    str_free(&s);
    str_free(&again);
    conf_free(second);
    conf_free(c);
    c = good(PROFILE " aaa authentication eap default\n eap methods md5\n eap timeout 7\n no eap methods\n"
                     " no eap timeout\n no aaa authentication eap\n");
    p = conf_find(&c->profiles, "p");
    assert_int_equal(p->n_eap_methods, 0);
    assert_int_equal(p->eap_timeout, CONF_EAP_TIMEOUT);
    assert_string_equal(p->eap_list.name, "");
    conf_free(c);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"aaa authentication login L local\n", "line 1: list \"L\" needs aaa new-model"},
        {"hostname x\naaa authorization network N local\n", "line 2: list \"N\" needs aaa new-model"},
        {"aaa new-model\naaa authentication login L group radius\n", "line 2: word 5 \"group\": expected local"},
        {"username a secret x\n", "line 1: word 3 \"secret\": expected password"},
        {PROFILE " aaa authentication eap NOBODY\n", "line 7: word 4: there is no aaa authentication login \"NOBODY\""},
        {PROFILE " eap methods gtc gtc\n", "word 4 \"gtc\": is there twice"},
        {PROFILE " eap methods peap\n", "word 3 \"peap\": expected ms-chapv2 | md5 | gtc | tls"},
        {PROFILE " no authentication remote eap\n authentication remote rsa-sig\n eap methods gtc\n",
         "has settings for EAP of the peer, but not authentication remote eap"},
        {PROFILE " authentication local eap password x\n eap methods md5\n", "leaves all to EAP, which needs EAP-TLS"},
        {PROFILE " authentication local eap gtc password x\n", "leaves all to EAP, which needs EAP-TLS"},
        {PROFILE
         " no authentication remote eap\n authentication remote rsa-sig\n authentication local eap username x md5\n",
         "word 6 \"md5\""},
        {PROFILE " no authentication remote eap\n authentication remote rsa-sig\n"
                 " authentication local eap ms-chapv2 username x\n",
         "lacks the password"},
        {PROFILE " no pki trustpoint T\n pki trustpoint T sign\n eap methods tls\n", "to verify peers with"},
        {"username a password 6 x\n", "line 1: word 5 \"x\": expected end of line"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct conf *c = conf_parse(lang, cases[i].text, err, sizeof(err));
        assert_null(c);
        if (strstr(err, cases[i].error) == NULL) {
            fail_msg("said \"%s\", not \"%s\"", err, cases[i].error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),           cmocka_unit_test(test_printed_again), cmocka_unit_test(test_removed),
        cmocka_unit_test(test_eap_of_a_profile), cmocka_unit_test(test_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("aaa in the configuration", tests, conf_rig_open, conf_rig_close);
}
