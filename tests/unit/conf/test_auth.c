// SPDX-License-Identifier: BSD-2-Clause
// Authentication in ikev2 profiles and keyrings: what the model has after each form, what is refused and where.
#include "tests/unit/conf/conf_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Defined after their use, so that lines count from 1.
static const char trustpoints[] = "crypto pki trustpoint A\ncrypto pki trustpoint B\ncrypto pki trustpoint C\n"
                                  "crypto pki trustpoint T\ncrypto pki certificate map hubs 10\n subject-name co hub\n"
                                  "crypto pki certificate map spokes 10\n subject-name co spoke\n";

static const char *whole(const char *text)
{
    static char all[8192];
    assert_in_range(snprintf(all, sizeof(all), "%s%s", text, trustpoints), 1, sizeof(all) - 1);
    return all;
}

static struct conf *taken(const char *text)
{
    return good(whole(text));
}

static void refused(const char *text, const char *with)
{
    refuses(whole(text), with);
}

#define KEYRING                                                                                                        \
    "crypto ikev2 keyring k\n peer p\n  address 192.0.2.0 255.255.255.0\n  pre-shared-key local a\n"                   \
    "  pre-shared-key remote hex 0aFF\n peer six\n  address 2001:db8::/32\n  pre-shared-key 0 hex\n"                   \
    " peer one\n  identity address 2001:db8::7\n  pre-shared-key 0\n"
#define PROFILE "crypto ikev2 profile p\n match identity remote any\n"

static void test_several_ways(void **state)
{
    (void)state;
    struct conf *c =
        taken(KEYRING PROFILE " authentication remote pre-share\n authentication remote rsa-sig\n"
                              " authentication remote ecdsa-sig\n authentication remote eap query-identity\n"
                              " authentication local pre-share key x\n authentication local rsa-sig\n"
                              " keyring k\n pki trustpoint A sign\n pki trustpoint B verify\n"
                              " pki trustpoint C\n no authentication remote ecdsa-sig\n");
    const struct conf_profile *p = conf_find(&c->profiles, "p");
    assert_int_equal(p->auth_local, CONF_AUTH_RSA); // one: the last
    assert_string_equal(p->key_local.text, "");     // and nothing is left of the other
    assert_int_equal(p->auth_remote, CONF_AUTH_PSK | CONF_AUTH_RSA | CONF_AUTH_EAP);
    assert_true(p->eap_query_identity);
    assert_string_equal(p->keyring.name, "k");
    assert_int_equal(p->n_trustpoint, 3);
    assert_true(p->trustpoint[0].sign && !p->trustpoint[0].verify);
    assert_true(!p->trustpoint[1].sign && p->trustpoint[1].verify);
    assert_true(p->trustpoint[2].sign && p->trustpoint[2].verify);
    conf_free(c);
}

static void test_eap_supplicant(void **state)
{
    (void)state;
    struct conf *c = taken(PROFILE " authentication remote rsa-sig\n pki trustpoint A\n"
                                   " authentication local eap ms-chapv2 username joe password 0 s3cret\n");
    const struct conf_profile *p = conf_find(&c->profiles, "p");
    assert_int_equal(p->auth_local, CONF_AUTH_EAP);
    assert_int_equal(p->eap.method, CONF_EAP_MSCHAPV2);
    assert_string_equal(p->eap.user, "joe");
    assert_string_equal(p->eap.password, "s3cret");
    struct str shown = {0};
    conf_show(lang, c, false, &shown);
    assert_null(strstr(shown.text, "s3cret"));
    assert_non_null(strstr(shown.text, "authentication local eap ms-chapv2 username joe password 0 <hidden>"));
    str_free(&shown);
    conf_free(c);
    c = taken("crypto pki trustpoint T\n" PROFILE
              " pki trustpoint T\n authentication remote eap\n authentication local eap\n");
    assert_int_equal(((struct conf_profile *)conf_find(&c->profiles, "p"))->eap.method, CONF_EAP_ANY);
    conf_free(c);
}

static void test_keys(void **state)
{
    (void)state;
    struct conf *c = taken(KEYRING);
    const struct conf_keyring *k = conf_find(&c->keyrings, "k");
    const struct conf_peer *p = conf_find(&k->peers, "p"), *six = conf_find(&k->peers, "six"),
                           *one = conf_find(&k->peers, "one");
    uint8_t out[64];
    assert_int_equal(conf_key_bytes(&p->key_local, out, sizeof(out)), 1);
    assert_int_equal(conf_key_bytes(&p->key_remote, out, sizeof(out)), 2);
    assert_memory_equal(out, "\x0a\xff", 2);
    assert_int_equal(conf_key_bytes(&p->key_remote, out, 1), -1);
    assert_string_equal(six->key_local.text, "hex"); // a key that looks like a word of the grammar
    assert_false(six->key_local.hex);
    assert_int_equal(six->net.length, 32);
    assert_string_equal(one->key_remote.text, "0");
    assert_int_equal(one->id.addr.family, 6);
    conf_free(c);
    refused("crypto ikev2 keyring k\n peer p\n  pre-shared-key hex 0af\n", "line 3: word 3: the key is not an even");
    refused("crypto ikev2 keyring k\n peer p\n  pre-shared-key hex 0g\n", "line 3: word 3: the key is not an even");
    refused("crypto ikev2 keyring k\n peer p\n  address 192.0.2.1 255.255.255.0\n",
            "line 3: word 2 \"192.0.2.1\": has bits");
    refused("crypto ikev2 keyring k\n peer p\n  address 2001:db8::1/32\n", "has bits outside");
    refused("crypto ikev2 keyring k\n peer p\n  address 2001:db8::/129\n",
            "line 3: word 2 \"2001:db8::/129\": expected");
}

static void test_matches(void **state)
{
    (void)state;
    struct conf *c =
        taken("interface Loopback0\n ip address 192.0.2.1 255.255.255.255\n"
              "crypto ikev2 profile p\n match identity fqdn domain blue\n match identity remote address 2001:db8::/32\n"
              " match identity remote address 2001:db8:1::1\n match identity address 10.0.0.0 255.0.0.0\n"
              " match identity email domain x.org\n match identity key-id k7\n match identity remote dn cn=joe, "
              "o=Example Inc\n"
              " match certificate hubs\n match certificate spokes\n no match certificate hubs\n"
              " match address local interface Loopback0\n match address local 2001:db8::9\n match fvrf any\n"
              " identity local dn\n authentication local rsa-sig\n authentication remote rsa-sig\n pki trustpoint T\n");
    const struct conf_profile *p = conf_find(&c->profiles, "p");
    assert_int_equal(p->n_match, 7);
    assert_int_equal(p->match[0].kind, CONF_MATCH_FQDN_DOMAIN);
    assert_int_equal(p->match[1].net.length, 32);
    assert_int_equal(p->match[2].net.length, 128);
    assert_int_equal(p->match[3].net.length, 8);
    assert_int_equal(p->match[6].kind, CONF_MATCH_DN);
    assert_string_equal(p->match[6].text, "cn=joe, o=Example Inc");
    assert_int_equal(p->n_match_cert, 1);
    assert_string_equal(p->match_cert[0].name, "spokes");
    assert_int_equal(p->n_match_local, 2);
    assert_int_equal(p->match_local[0].iface.kind, IF_LOOPBACK);
    assert_int_equal(p->match_local[1].addr.family, 6);
    assert_int_equal(p->local_id.kind, CONF_ID_DN);
    conf_free(c);
}

static void test_authorization(void **state)
{
    (void)state;
    struct conf *c = taken("aaa new-model\naaa authorization network here local\n"
                           "crypto ikev2 authorization policy eng\n" PROFILE
                           " authentication local rsa-sig\n authentication remote rsa-sig\n pki trustpoint T\n"
                           " aaa authorization group cert list default default\n"
                           " aaa authorization psk list here eng\n no aaa authorization group psk\n"
                           " aaa authorization group eap list here eng\n");
    const struct conf_profile *p = conf_find(&c->profiles, "p");
    assert_string_equal(p->author[CONF_WAY_CERT].name, "default");
    assert_string_equal(p->author[CONF_WAY_EAP].name, "eng");
    assert_string_equal(p->author_list[CONF_WAY_EAP].name, "here");
    assert_string_equal(p->author[CONF_WAY_PSK].name, "");
    conf_free(c);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {PROFILE " authentication local pre-share key a\n",
         "line 1: crypto ikev2 profile p lacks authentication remote"},
        {PROFILE " authentication remote rsa-sig\n", "lacks authentication local"},
        {PROFILE " authentication local pre-share key a\n authentication remote pre-share\n",
         "neither a key nor a keyring"},
        {PROFILE " authentication local pre-share key a\n authentication remote rsa-sig\n",
         "lacks pki trustpoint, to verify"},
        {PROFILE " authentication local rsa-sig\n authentication remote pre-share key a\n pki trustpoint T verify\n",
         "lacks pki trustpoint, for our own"},
        {PROFILE " authentication local pre-share key a\n authentication remote eap\n",
         "needs authentication local by"},
        {PROFILE " authentication local eap\n authentication remote pre-share key a\n",
         "needs authentication remote by"},
        {PROFILE " authentication remote rsa\n authentication x\n", "line 4: word 2 \"x\": expected local | remote"},
        {PROFILE " authentication local tls\n", "line 3: word 3 \"tls\": expected pre-share | rsa-sig | ecdsa-sig"},
        {PROFILE " authentication remote eap tls\n", "line 3: word 4 \"tls\": expected query-identity"},
        {PROFILE " authentication remote pre-share key <hidden>\n", "line 3: word 5: this is what stands for a key"},
        {PROFILE " authentication local eap password <hidden>\n", "line 3: word 5: this is what stands for a key"},
        {PROFILE " match fvrf red\n", "line 3: word 3 \"red\": there are no named routing instances"},
        {PROFILE " match address local interface Loopback7\n authentication local pre-share key a\n"
                 " authentication remote pre-share key a\n",
         "line 3: word 5: Loopback7 is not configured"},
        {PROFILE " aaa authorization group cert list here name-mangler ou\n",
         "line 3: word 8 \"ou\": there are no name manglers"},
        {PROFILE " aaa authorization user eap cached\n", "line 3: word 3 \"user\": expected"},
        {PROFILE " authentication local pre-share key a\n authentication remote pre-share key a\n"
                 " aaa authorization group psk list nowhere default\n",
         "line 5: word 6: there is no aaa authorization network \"nowhere\""},
        {PROFILE " identity local fqdn\n", "line 3: after word 3: expected HOST"},
        {"crypto ikev2 profile p\n match certificate hubs\n authentication local pre-share key a\n"
         " authentication remote pre-share key a\n",
         "matches by certificate alone"},
        {PROFILE
         " match certificate nowhere\n authentication local pre-share key a\n authentication remote pre-share key a\n",
         "line 3: word 3: there is no crypto pki certificate map \"nowhere\""},
        {PROFILE
         " pki trustpoint nowhere\n authentication local pre-share key a\n authentication remote pre-share key a\n",
         "line 3: word 3: there is no crypto pki trustpoint \"nowhere\""},
        {"crypto ikev2 policy p\n match fvrf red\n", "line 2: word 3 \"red\": there are no named routing"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refused(cases[i].text, cases[i].error);
    }
}

// A secret must not get into a message.
static void test_no_secret_in_errors(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "crypto ikev2 keyring k\n peer p\n  pre-shared-key hex topsecret\n",
        PROFILE " authentication local pre-share key hex topsecret\n",
    };
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        refused(texts[i], "hexadecimal");
        assert_null(strstr(err, "topsecret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"the peer may have several ways, we have one", test_several_ways, NULL, NULL, NULL},
        {"an EAP supplicant's name and password are kept and hidden", test_eap_supplicant, NULL, NULL, NULL},
        {"keys are text or hexadecimal, for addresses of both families", test_keys, NULL, NULL, NULL},
        {"match and identity statements in all forms", test_matches, NULL, NULL, NULL},
        {"authorization depends on how the peer proved itself", test_authorization, NULL, NULL, NULL},
        {"what cannot work together is refused with its place", test_refused, NULL, NULL, NULL},
        {"errors do not say secrets", test_no_secret_in_errors, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("authentication", tests, conf_rig_open, conf_rig_close);
}
