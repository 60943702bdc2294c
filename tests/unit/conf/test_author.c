// SPDX-License-Identifier: BSD-2-Clause
// Authorization policies, pools and access lists: what the model has after each form, what prints, what is refused.
#include "tests/unit/conf/conf_rig.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Printed, this is what comes before `end`; read again, it is the same.
static void prints(const char *text, const char *want)
{
    for (int round = 0; round < 2; round++) {
        struct str s = {0};
        struct conf *c = good(round == 0 ? text : want);
        conf_print(lang, c, false, &s);
        char expected[4096];
        snprintf(expected, sizeof(expected), "%send\n", want);
        assert_string_equal(str_text(&s), expected);
        str_free(&s);
        conf_free(c);
    }
}

#define ALL                                                                                                            \
    "ip local pool vpn 10.0.1.10 10.0.1.99\n"                                                                          \
    "ipv6 local pool six 2001:db8:1::/64 128\n"                                                                        \
    "access-list 99 permit 192.168.0.0 0.0.255.255\n"                                                                  \
    "access-list 99 deny host 10.0.0.1\n"                                                                              \
    "access-list 99 permit any\n"                                                                                      \
    "ip access-list standard branch\n"                                                                                 \
    " permit 172.16.0.0 0.15.255.255\n"                                                                                \
    "!\n"                                                                                                              \
    "ipv6 access-list branch\n"                                                                                        \
    " permit ipv6 2001:db8:7::/48 any\n"                                                                               \
    " deny ipv6 any any\n"                                                                                             \
    "!\n"

static const char policy[] = "crypto ikev2 authorization policy eng\n"
                             " pool vpn\n"
                             " ipv6 pool six\n"
                             " netmask 255.255.255.0\n"
                             " dns 10.2.2.2 10.2.2.3\n"
                             " ipv6 dns 2001:db8::53\n"
                             " wins 10.2.2.4\n"
                             " def-domain example.com\n"
                             " split-dns a.example\n"
                             " split-dns b.example\n"
                             " banner Welcome to the lab\n"
                             " backup-gateway 192.0.2.9\n"
                             " backup-gateway hub2.example.com\n"
                             " include-local-lan\n"
                             " session-lifetime 3600\n"
                             " route set access-list 99\n"
                             " route set access-list ipv6 branch\n"
                             " route set interface\n"
                             " route set interface Ethernet0/1\n"
                             " route set remote ipv4 10.0.0.0 255.0.0.0\n"
                             " route set remote ipv6 2001:db8:9::/48\n"
                             " route set local ipv4 10.7.0.0 255.255.0.0\n"
                             " route accept any tag 10 distance 20\n"
                             "!\n";

static const char lan[] = "interface Ethernet0/1\n"
                          " device lan\n"
                          " ip address 172.16.5.9 255.255.255.0\n"
                          "!\n";

static void test_all(void **state)
{
    (void)state;
    char text[4096];
    snprintf(text, sizeof(text), "%s%s%s", ALL, policy, lan);
    prints(text, text);
    struct conf *c = good(text);
    const struct conf_author *a = conf_find(&c->authors, "eng");
    assert_int_equal(a->n_dns, 3);
    assert_int_equal(a->dns[2].family, 6);
    assert_int_equal(a->session_lifetime, 3600);
    assert_true(a->local_lan && a->route_interface && !a->no_accept);
    assert_int_equal(a->accept_tag, 10);
    assert_int_equal(a->accept_distance, 20);
    assert_int_equal(a->n_backup, 2);
    const struct conf_pool *p = conf_find(&c->pools, "vpn"), *six = conf_find(&c->pools6, "six");
    assert_int_equal(p->count, 90);
    assert_int_equal(six->count, 1 << 20);
    assert_int_equal(six->pool_length, 64);
    const struct conf_acl *l = conf_find(&c->acls, "99");
    assert_int_equal(l->n, 3);
    assert_int_equal(l->at[0].net.length, 16);
    assert_false(l->at[1].permit);
    assert_int_equal(l->at[2].net.length, 0);
    conf_free(c);
}

static void test_forms(void **state)
{
    (void)state;
    // As the deck has it: no family before the network.
    prints("crypto ikev2 authorization policy default\n route set remote 10.0.0.0 255.0.0.0\n subnet-acl 7\n"
           "access-list 7 permit 10.1.1.0 0.0.0.255\n",
           "access-list 7 permit 10.1.1.0 0.0.0.255\n"
           "crypto ikev2 authorization policy default\n route set access-list 7\n route set interface\n"
           " route set remote ipv4 10.0.0.0 255.0.0.0\n!\n");
    prints("crypto ikev2 authorization policy p\n dns 10.0.0.1 2001:db8::1\n no route accept any\n",
           "crypto ikev2 authorization policy p\n dns 10.0.0.1\n ipv6 dns 2001:db8::1\n no route accept any\n!\n");
    // Each `no` takes back what was said.
    prints("crypto ikev2 authorization policy p\n dns 10.0.0.1 2001:db8::1\n no dns\n wins 10.0.0.1\n no wins\n"
           " banner x y\n no banner\n def-domain a.b\n no def-domain\n split-dns a\n split-dns b\n no split-dns a\n"
           " backup-gateway x\n no backup-gateway\n include-local-lan\n no include-local-lan\n"
           " session-lifetime 100\n no session-lifetime\n route set remote 10.0.0.0 255.0.0.0\n"
           " route set remote ipv6 2001:db8::/32\n no route set remote 10.0.0.0 255.0.0.0\n"
           " route set local 10.0.0.0 255.0.0.0\n no route set local\n route set interface\n no route set interface\n"
           " route accept any tag 3\n no route accept any\n route accept any\n",
           "crypto ikev2 authorization policy p\n split-dns b\n route set remote ipv6 2001:db8::/32\n!\n");
    prints("access-list 5 permit 10.0.0.0 0.0.0.255\nno access-list 5\nip access-list standard x\n permit any\n"
           " no permit any\n permit host 10.0.0.1\nipv6 local pool p 2001:db8::/48 64\nno ipv6 local pool p\n",
           "ip access-list standard x\n permit host 10.0.0.1\n!\n");
}

static void test_default(void **state)
{
    (void)state;
    struct conf *c = good("");
    const struct conf_author *a = conf_find(&c->authors, "default");
    assert_true(a->route_interface && !a->no_accept);
    struct str s = {0};
    conf_print(lang, c, true, &s);
    assert_non_null(strstr(str_text(&s), "policy default\n route set interface\n route accept any\n!\n"));
    str_free(&s);
    conf_free(c);
    prints("crypto ikev2 authorization policy default\n no route set interface\n",
           "crypto ikev2 authorization policy default\n no route set interface\n!\n");
    prints("crypto ikev2 authorization policy default\n no route set interface\n"
           "default crypto ikev2 authorization policy default\n",
           "");
    prints("no crypto ikev2 authorization policy default\n", "no crypto ikev2 authorization policy default\n");
}

static void test_exchange(void **state)
{
    (void)state;
    static const char head[] = "crypto ikev2 profile p\n match identity remote any\n"
                               " authentication remote pre-share key x\n authentication local pre-share key x\n";
    char text[1024];
    snprintf(text, sizeof(text), "%s no config-exchange set send\n no config-exchange set accept\n", head);
    struct conf *c = good(text);
    const struct conf_profile *p = conf_find(&c->profiles, "p");
    assert_true(p->no_config_send && p->no_config_accept && !p->no_config_request);
    conf_free(c);
    snprintf(text, sizeof(text), "%s no config-exchange set send\n config-exchange set send\n", head);
    c = good(text);
    p = conf_find(&c->profiles, "p");
    assert_false(p->no_config_send || p->no_config_accept);
    conf_free(c);
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *text, *with;
    } rows[] = {
        {"ip local pool p 10.0.0.9 10.0.0.1\n", "line 1: word 6 \"10.0.0.1\": is below"},
        {"ip local pool p 10.0.0.0 10.255.0.0\n", "line 1: word 6 \"10.255.0.0\": a pool has at most"},
        {"ipv6 local pool p 2001:db8::1/64 128\n", "line 1: word 5 \"2001:db8::1/64\": has bits outside"},
        {"ipv6 local pool p 2001:db8::/64 48\n", "line 1: word 6 \"48\": is shorter"},
        {"access-list 100 permit any\n", "line 1: word 2 \"100\": expected"},
        {"access-list 9 permit 10.0.0.0 255.0.0.0\n", "line 1: word 5 \"255.0.0.0\": is no wildcard"},
        {"access-list 9 permit 10.0.0.1 0.0.0.255\n", "line 1: word 4 \"10.0.0.1\": has bits under its wildcard"},
        {"ip access-list standard 100\n", "line 1: word 4 \"100\": standard access lists"},
        {"ipv6 access-list x\n permit ipv6 2001:db8::1/32 any\n", "line 2: word 3 \"2001:db8::1/32\": has bits"},
        {"crypto ikev2 authorization policy p\n pool x\n", "line 2: word 2: there is no ip local pool \"x\""},
        {"crypto ikev2 authorization policy p\n ipv6 pool x\n", "line 2: word 3: there is no ipv6 local pool \"x\""},
        {"crypto ikev2 authorization policy p\n route set access-list 9\n", "line 2: word 4: there is no access-list"},
        {"crypto ikev2 authorization policy p\n route set access-list ipv6 b\n",
         "line 2: word 5: there is no ipv6 access-list"},
        {"crypto ikev2 authorization policy p\n route set interface e0/1\n",
         "line 2: word 4: Ethernet0/1 is not configured"},
        {"crypto ikev2 authorization policy p\n route set remote 10.0.0.1 255.0.0.0\n",
         "line 2: word 4 \"10.0.0.1\": has bits outside its mask"},
        {"crypto ikev2 authorization policy p\n def-domain a;b\n", "line 2: word 2 \"a;b\": is no domain name"},
        {"crypto ikev2 authorization policy p\n session-lifetime 0\n", "line 2: word 2 \"0\": expected"},
        {"crypto ikev2 authorization policy p\n route accept any distance 256\n", "line 2: word 5 \"256\": expected"},
        {"crypto ikev2 authorization policy p\n aaa attribute list x\n", "line 2: word 2 \"attribute\": expected"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        refuses(rows[i].text, rows[i].with);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"every attribute of a policy is kept and printed", test_all, NULL, NULL, NULL},
        {"other forms, and what `no` takes back", test_forms, NULL, NULL, NULL},
        {"the smart default tells its interface and accepts any route", test_default, NULL, NULL, NULL},
        {"profiles say which way networks are told unasked", test_exchange, NULL, NULL, NULL},
        {"faults are named with line and word", test_faults, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("author", tests, conf_rig_open, conf_rig_close);
}
