// SPDX-License-Identifier: BSD-2-Clause
// The configuration language: what it reads, how it refuses, what it prints.
#include "hostd/conf/algs.h"
#include "tests/unit/conf/conf_rig.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char hub[] = "! a hub\n"
                          "hostname hub\n"
                          "card vfio-user /tmp/card.sock\n"
                          "ip local pool vpn 10.0.1.10 10.0.1.99\n"
                          "crypto ikev2 fragmentation mtu 1200\n"
                          "crypto ikev2 cookie-challenge 50\n"
                          "crypto ikev2 dpd 30 5 periodic\n"
                          "crypto ikev2 nat keepalive 20\n"
                          "crypto ikev2 proposal strong\n"
                          " encryption aes-gcm-256 aes-cbc-256\n"
                          " integrity sha512 sha384\n"
                          " prf sha512\n"
                          " group 21 31\n"
                          "!\n"
                          "crypto ikev2 policy site\n"
                          " match fvrf any\n"
                          " match address local 192.0.2.1\n"
                          " proposal strong\n"
                          "!\n"
                          "crypto ikev2 keyring ring\n"
                          " peer R1\n"
                          "  address 192.0.2.0 255.255.255.0\n"
                          "  hostname r1.example.com\n"
                          "  identity fqdn r1.example.com\n"
                          "  pre-shared-key cisco123\n"
                          " peer R2\n"
                          "  identity key-id group7\n"
                          "  pre-shared-key local here\n"
                          "  pre-shared-key remote here\n"
                          "crypto ikev2 authorization policy default\n"
                          " pool vpn\n"
                          " netmask 255.255.255.255\n"
                          " dns 10.2.2.2 10.2.2.3\n"
                          "crypto ikev2 profile default\n"
                          " match identity remote fqdn domain example.com\n"
                          " match identity remote address 10.0.0.0 255.0.0.0\n"
                          " match identity remote email joe@example.com\n"
                          " match address local 192.0.2.1\n"
                          " match fvrf any\n"
                          " identity local fqdn hub.example.com\n"
                          " authentication local pre-share\n"
                          " authentication remote pre-share\n"
                          " keyring local ring\n"
                          " aaa authorization group psk list default default\n"
                          " dpd 10 2 on-demand\n"
                          " lifetime 43200\n"
                          " nat keepalive 10\n"
                          " virtual-template 1\n"
                          " no config-exchange request\n"
                          " config-exchange required\n"
                          "crypto ipsec transform-set cbc esp-aes 256 esp-sha256-hmac\n"
                          " mode tunnel\n"
                          "crypto ipsec profile both\n"
                          " set transform-set default cbc\n"
                          " set ikev2-profile default\n"
                          " set pfs group19\n"
                          " set security-association lifetime seconds 1800\n"
                          " set security-association lifetime kilobytes disable\n"
                          " set security-association replay window-size 1024\n"
                          " no set security-association esn\n"
                          "interface Loopback0\n"
                          " ip address 10.0.0.254 255.255.255.255\n"
                          "interface Ethernet0/0\n"
                          " description the way out\n"
                          " device wan0\n"
                          " ip address 192.0.2.1 255.255.255.0\n"
                          "interface Ethernet0/1\n"
                          " ip address 192.168.100.1 255.255.255.0\n"
                          " ip mtu 9000\n"
                          "interface Tunnel3\n"
                          " ip address negotiated\n"
                          " tunnel source Ethernet0/0\n"
                          " tunnel destination 198.51.100.1\n"
                          " tunnel mode ipsec ipv4\n"
                          " tunnel protection ipsec profile both\n"
                          " shutdown\n"
                          "interface Virtual-Template1 type tunnel\n"
                          " ip unnumbered Loopback0\n"
                          " tunnel mode ipsec ipv4\n"
                          " tunnel protection ipsec profile both\n"
                          "ip route 10.9.0.0 255.255.0.0 Tunnel3\n"
                          "ip route 0.0.0.0 0.0.0.0 192.0.2.254 250\n"
                          "ip route 10.66.0.0 255.255.0.0 Null0\n"
                          "end\n";

static void test_values(void **state)
{
    (void)state;
    struct conf *c = good(hub);
    assert_string_equal(c->hostname, "hub");
    assert_int_equal(c->card, CONF_CARD_VFIO_USER);
    assert_string_equal(c->card_path, "/tmp/card.sock");
    assert_int_equal(c->fragment_mtu, 1200);
    assert_int_equal(c->cookie_challenge, 50);
    const struct conf_proposal *p = conf_find(&c->proposals, "strong");
    assert_int_equal(p->n_encr, 2);
    assert_string_equal(alg_encr[p->encr[1]].word, "aes-cbc-256");
    assert_string_equal(alg_group[p->group[0]].word, "21");
    const struct conf_keyring *ring = conf_find(&c->keyrings, "ring");
    assert_int_equal(ring->peers.n, 2);
    const struct conf_peer *r2 = ring->peers.at[1];
    assert_string_equal(r2->key_local.text, "here");
    assert_string_equal(r2->key_remote.text, "here");
    const struct conf_profile *f = conf_find(&c->profiles, "default");
    assert_int_equal(f->n_match, 3);
    assert_int_equal(f->match[0].kind, CONF_MATCH_FQDN_DOMAIN);
    assert_true(f->dpd.on_demand);
    assert_int_equal(f->vtemplate, 1);
    assert_true(f->no_config_request && f->config_required);
    const struct conf_ipsec *s = conf_find(&c->ipsecs, "both");
    assert_int_equal(s->kilobytes, 0);
    assert_int_equal(s->window, 1024);
    assert_true(s->no_esn);
    const struct conf_if *t = conf_find_if(c, (struct ifid){IF_TUNNEL, 3});
    assert_non_null(t);
    assert_true(t->shutdown);
    assert_int_equal(t->source_if.kind, IF_ETHERNET);
    const struct conf_if *e = conf_find_if(c, (struct ifid){IF_ETHERNET, 0});
    assert_string_equal(e->description, "the way out");
    assert_int_equal(c->routes.n, 3);
    conf_free(c);
}

static void test_round_trip(void **state)
{
    (void)state;
    const char *texts[] = {hub,
                           "",
                           "hostname x\n",
                           "no crypto ikev2 proposal default\nno crypto ikev2 policy default\n",
                           "crypto ikev2 policy default\n no match fvrf any\n",
                           "crypto ikev2 proposal default\n group 14\n",
                           "crypto ipsec transform-set t esp-gcm 256\n mode transport\n",
                           "interface Loopback0\n ipv6 address 2001:db8::1/128\n ipv6 address 2001:db8::2/64\n"
                           "interface Tunnel0\n ipv6 unnumbered Loopback0\n tunnel source dynamic\n"
                           " tunnel destination gw.example.com\n tunnel key 4294967295\n"
                           "interface Tunnel1\n ipv6 enable\n tunnel mode gre ipv6\n tunnel source 2001:db8::1\n"
                           " tunnel destination 2001:db8:2::1\n"
                           "interface Tunnel2\n ipv6 address negotiated\n tunnel mode ipsec ipv6\n"
                           "ipv6 route 2001:db8:7::/48 Tunnel1 fe80::9 20\nipv6 route ::/0 2001:db8::5\n"
                           "ip route 10.0.0.0 255.0.0.0 Tunnel0\n",
                           "crypto ipsec transform-set default esp-gcm 128\nno crypto ikev2 fragmentation\n"};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        for (int all = 0; all < 2; all++) {
            struct conf *first = good(texts[i]);
            char *said = printed(first, all), *everything = printed(first, true);
            struct conf *second = good(said);
            char *again = printed(second, all), *everything_again = printed(second, true);
            assert_string_equal(said, again);
            assert_string_equal(everything, everything_again);
            free(said);
            free(again);
            free(everything);
            free(everything_again);
            conf_free(first);
            conf_free(second);
        }
    }
}

static void test_clone(void **state)
{
    (void)state;
    struct conf *c = good(hub), *copy = conf_clone(c);
    char *a = printed(c, true), *b = printed(copy, true);
    conf_free(c);
    char *later = printed(copy, true);
    assert_string_equal(a, b);
    assert_string_equal(b, later);
    free(a);
    free(b);
    free(later);
    conf_free(copy);
}

static void test_positions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"forb\n", "line 1: word 1 \"forb\": expected hostname | card"},
        {"hostname a\n\n! x\ncrypto ikev2 keyring k\n peer p\n  forb x\n",
         "line 6: word 1 \"forb\": expected ppk | address | hostname | identity | pre-shared-key"},
        {"crypto ikev2 proposal p\n encryption aes-gcm-256 des\n", "line 2: word 3 \"des\": expected aes-gcm-256"},
        {"interface Tunnel0\n tunnel destination 10.0.0\n",
         "line 2: word 3 \"10.0.0\": is neither an address nor a name"},
        {"interface Tunnel0\n tunnel source nowhere\n", "line 2: word 3 \"nowhere\": expected dynamic | INTERFACE"},
        {"interface Tunnel0\n tunnel destination 2001:db8::1\n",
         "line 2: word 3: 2001:db8::1 is not IPv4, which the mode of Tunnel0 goes over"},
        {"interface Tunnel0\n tunnel mode ipsec ipv4\n tunnel key 5\n", "a tunnel key, which only GRE carries"},
        {"interface Tunnel0\n tunnel destination dynamic\n", "has no tunnel protection"},
        {"interface Loopback0\n ipv6 address fe80::1/64\n", "word 3 \"fe80::1/64\": is not a global unicast address"},
        {"interface Virtual-Template1 type tunnel\n ipv6 address 2001:db8::1/64\n", "use ipv6 unnumbered"},
        {"ipv6 route 2001:db8::1/64 Null0\n", "line 1: word 3 \"2001:db8::1/64\": has bits outside its prefix"},
        {"ipv6 route 2001:db8::/64 fe80::1\n", "line 1: word 4 \"fe80::1\": is link-local"},
        {"crypto ikev2 dpd 0 2 periodic\n", "line 1: word 4 \"0\": expected <1-3600>"},
        {"crypto ikev2 profile\n", "line 1: after word 3: expected NAME"},
        {"hostname a b\n", "line 1: word 3 \"b\": expected end of line"},
        {"ip route 10.0.0.1 255.0.0.0 Null0\n", "line 1: word 3 \"10.0.0.1\": has bits outside its mask"},
        {"ip route 10.0.0.0 255.0.255.0 Null0\n", "line 1: word 4 \"255.0.255.0\": expected A.B.C.D"},
        {"ip local pool p 10.0.0.9 10.0.0.1\n", "line 1: word 6 \"10.0.0.1\": is below"},
        {"interface Ethernet0/7\n", "line 1: word 2 \"Ethernet0/7\": the ports are"},
        {"interface Virtual-Template1\n", "needs its type"},
        {"no forb\n", "line 1: word 2 \"forb\": expected"},
        {"crypto ikev2 proposal p\n encryption aes-gcm-256 aes-gcm-256\n", "word 3 \"aes-gcm-256\": is there twice"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        refuses(cases[i].text, cases[i].error);
    }
}

static void test_ambiguous(void **state)
{
    (void)state;
    refuses("crypto ikev2 p x\n", "line 1: word 3 \"p\": could be proposal | policy | profile");
    refuses("crypto ip transform-set x esp-gcm 128\ncry ik k\n", "line 2");
    refuses("crypto ikev2 proposal p\n group 1\n",
            "line 2: word 2 \"1\": expected 2 | 5 | 14"); // a number is no beginning
    refuses("crypto ikev2 proposal p\n encryption aes\n", "line 2: word 2 \"aes\": could be aes-gcm-256");
}

static void test_abbreviations(void **state)
{
    (void)state;
    struct conf *full = good("crypto ikev2 keyring k\n peer p\n  address 10.0.0.1\n  pre-shared-key local secret\n  "
                             "pre-shared-key remote secret\n"
                             "interface Ethernet0/0\n ip address 192.0.2.1 255.255.255.0\n no shutdown\n"
                             "interface Loopback0\n ip address 10.9.0.1 255.255.255.255\n");
    struct conf *brief = good("cry ik key k\n pe p\n  ADD 10.0.0.1\n  pre l secret\n  pre r secret\n"
                              "int e0/0\n ip addr 192.0.2.1 255.255.255.0\n no shut\n"
                              "INT lo 0\n ip add 10.9.0.1 255.255.255.255\n");
    char *a = printed(full, true), *b = printed(brief, true);
    assert_string_equal(a, b);
    free(a);
    free(b);
    conf_free(full);
    conf_free(brief);
}

static void same_as(const char *text, const char *other)
{
    struct conf *a = good(text), *b = good(other);
    char *x = printed(a, true), *y = printed(b, true);
    assert_string_equal(x, y);
    free(x);
    free(y);
    conf_free(a);
    conf_free(b);
}

static void test_no_and_default(void **state)
{
    (void)state;
    same_as("hostname a\nno hostname\n", "");
    same_as("crypto ikev2 proposal default\n group 14\ndefault crypto ikev2 proposal default\n", "");
    same_as("no crypto ikev2 proposal default\ncrypto ikev2 proposal default\n", "");
    same_as("crypto ipsec transform-set default esp-gcm 128\ndefault crypto ipsec transform-set default\n", "");
    same_as("crypto ipsec profile default\n set pfs group20\n no set pfs\n default set security-association lifetime "
            "kilobytes\n",
            "");
    same_as("crypto ikev2 dpd 30 5 periodic\nno crypto ikev2 dpd\n", "");
    same_as("no crypto ikev2 fragmentation\ndefault crypto ikev2 fragmentation\n", "");
    same_as("interface Loopback1\n ip address 10.0.0.1 255.255.255.255\n no ip address\n", "interface Loopback1\n");
    same_as("interface Loopback1\nno interface Loopback1\n", "");
    same_as("ip local pool p 10.0.0.1\nno ip local pool p\n", "");
    same_as(
        "ip route 10.0.0.0 255.0.0.0 Null0\nip route 10.0.0.0 255.0.0.0 192.0.2.1\nno ip route 10.0.0.0 255.0.0.0\n",
        "");
    struct conf *c = good("no crypto ikev2 proposal default\nno crypto ikev2 policy default\n");
    assert_true(((struct conf_proposal *)conf_find(&c->proposals, "default"))->disabled);
    conf_free(c);
}

static void test_default_profile(void **state)
{
    (void)state;
#define BY_DEFAULT "interface Tunnel0\n tunnel destination 192.0.2.2\n tunnel protection ipsec profile default\n"
#define RING       "crypto ikev2 keyring k\n peer p\n  address 192.0.2.2\n  pre-shared-key x\n"
    // It is there, and printed when all is.
    struct conf *c = good(RING BY_DEFAULT);
    char *all = printed(c, true), *brief = printed(c, false);
    const char *at = strstr(all, "crypto ikev2 profile default\n");
    assert_non_null(at);
    assert_non_null(strstr(at, "\n authentication local pre-share\n authentication remote pre-share\n"));
    assert_null(strstr(brief, "crypto ikev2 profile"));
    free(all);
    free(brief);
    conf_free(c);
    // Entered and left alone it is as before; what is taken back is the default again.
    c = good("crypto ikev2 profile default\n");
    brief = printed(c, false);
    assert_null(strstr(brief, "crypto ikev2 profile"));
    free(brief);
    conf_free(c);
    same_as("crypto ikev2 profile default\n authentication remote rsa-sig\n authentication local rsa-sig\n"
            " no authentication remote rsa-sig\n no authentication local\n",
            "");
    static const char *const restored[] = {"default crypto ikev2 profile\n", "default crypto ikev2 profile default\n",
                                           "no crypto ikev2 profile default\ncrypto ikev2 profile default\n"};
    for (unsigned i = 0; i < sizeof(restored) / sizeof(restored[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text),
                 "crypto ikev2 profile default\n match identity remote any\n lifetime 7200\n"
                 " authentication local pre-share key q\n%s",
                 restored[i]);
        same_as(text, "");
    }
    same_as("crypto ikev2 proposal default\n group 14\ncrypto ipsec profile default\n set pfs group20\n"
            "crypto ipsec transform-set default esp-gcm 128\ndefault crypto ikev2 proposal\n"
            "default crypto ipsec profile\ndefault crypto ipsec transform-set\n",
            "");
    refuses("no crypto ikev2 profile\n", "line 1: which one? Its name is missing");
    refuses("no crypto ikev2 proposal\n", "line 1: which one? Its name is missing");
    // Switched off it is not there; that is printed, and read back.
    c = good("no crypto ikev2 profile default\n");
    brief = printed(c, false);
    assert_non_null(strstr(brief, "no crypto ikev2 profile default\n"));
    free(brief);
    conf_free(c);
    refuses("no crypto ikev2 profile default\ncrypto ipsec profile p\n set ikev2-profile default\n",
            "line 3: word 3: ikev2 profile \"default\" is switched off");
    refuses("no crypto ikev2 profile default\n" RING BY_DEFAULT,
            "line 8: word 5: ipsec profile \"default\" uses ikev2 profile \"default\", which is switched off");
    // A tunnel needs a key, and a far end that is known; a template somebody to be for.
    refuses(BY_DEFAULT, "line 3: word 5: crypto ikev2 profile default of Tunnel0 has no key, and "
                        "there is no keyring that has one");
    refuses(RING "interface Tunnel0\n tunnel destination dynamic\n tunnel protection ipsec profile default\n",
            "line 6: dynamic: ikev2 profile \"default\" serves known destinations alone");
    refuses(RING "interface Virtual-Template1 type tunnel\n tunnel protection ipsec profile default\n"
                 "crypto ikev2 profile default\n virtual-template 1\n",
            "line 8: word 2: crypto ikev2 profile default serves the destinations of static tunnels alone");
#undef RING
#undef BY_DEFAULT
}

static void test_modes_by_context(void **state)
{
    (void)state;
    // A global command leaves the mode; exit goes up one, end to the top.
    same_as("crypto ikev2 keyring k\n peer p\n  address 10.0.0.1\n  pre-shared-key x\ncard pci a\n",
            "card pci a\ncrypto ikev2 keyring k\n peer p\n  address 10.0.0.1\n  pre-shared-key x\n  exit\n exit\n");
    refuses("crypto ikev2 keyring k\n peer p\n  exit\n address 10.0.0.1\n",
            "line 4: word 1 \"address\": expected peer");
    refuses("crypto ikev2 keyring k\n peer p\n  end\n address 10.0.0.1\n",
            "line 4: word 1 \"address\": expected hostname");
}

static void test_keys_hidden(void **state)
{
    (void)state;
    struct conf *c = good("crypto ikev2 keyring k\n peer p\n  address 10.0.0.1\n  pre-shared-key local Sesame1\n"
                          "  pre-shared-key remote Sesame2\n peer q\n  address 10.0.0.2\n  pre-shared-key Sesame3\n"
                          "crypto ikev2 profile p\n match identity remote any\n"
                          " authentication local pre-share key Sesame4\n"
                          " authentication remote pre-share key Sesame5\n");
    struct str s = {0};
    conf_show(lang, c, true, &s);
    assert_null(strstr(str_text(&s), "Sesame"));
    assert_non_null(strstr(str_text(&s), "pre-shared-key local " CONF_HIDDEN));
    refuses(str_text(&s), "stands for a key"); // and what was shown is not taken for a configuration
    str_free(&s);
    char *kept = printed(c, false);
    assert_non_null(strstr(kept, "Sesame1"));
    free(kept);
    conf_free(c);
}

static void test_references(void **state)
{
    (void)state;
#define PROFILE                                                                                                        \
    "crypto ikev2 profile p\n match identity remote any\n authentication local pre-share key b\n"                      \
    " authentication remote pre-share key b\n"
    refuses(PROFILE " keyring local nowhere\n", "line 5: word 3: there is no crypto ikev2 keyring \"nowhere\"");
    refuses(PROFILE " virtual-template 4\n", "line 5: word 2: there is no interface Virtual-Template4");
    refuses(PROFILE " aaa authorization group psk list default x\n", "line 5: word 7: there is no");
    refuses("crypto ikev2 policy p\n proposal x\n", "line 2: word 2: there is no crypto ikev2 proposal \"x\"");
    refuses("crypto ipsec profile p\n set transform-set x\n", "line 2: word 3: there is no");
    refuses("interface Tunnel0\n tunnel source Ethernet0/0\n", "line 2: word 3: Ethernet0/0 is not configured");
    refuses("interface Tunnel0\n ip unnumbered Loopback0\n", "line 2: word 3: Loopback0 is not configured");
    refuses("crypto ikev2 authorization policy x\n pool p\n", "line 2: word 2: there is no ip local pool \"p\"");
    refuses("crypto ikev2 keyring k\n peer p\n  address 10.0.0.1\n", "peer p lacks pre-shared-key");
    refuses("ip route 10.0.0.0 255.0.0.0 Tunnel9\n", "line 1: word 5: no such interface");
    refuses("crypto ikev2 profile p\n match identity remote any\n",
            "line 1: crypto ikev2 profile p lacks authentication");
    refuses("crypto ikev2 proposal x\n encryption aes-gcm-128\n group 19\n", "lacks prf");
    refuses("interface Tunnel0\n ipv6 unnumbered Loopback0\n", "line 2: word 3: Loopback0 is not configured");
    refuses("interface Loopback0\ninterface Tunnel0\n ipv6 unnumbered Loopback0\n",
            "line 3: word 3: Loopback0 has no IPv6 address of its own");
#undef PROFILE
}

// A line that fails leaves the candidate as it was, whatever the line.
static void test_failed_line_changes_nothing(void **state)
{
    (void)state;
    struct conf *c = good(hub);
    static const char *const bad[] = {"crypto ikev2 profile default\n",
                                      " match identity remote address 10.0.0.1 255.0.0.0",
                                      " lifetime 1",
                                      " dpd 10",
                                      "interface Virtual-Access1",
                                      "interface Tunnel1 type tunnel",
                                      "ip local pool vpn 10.0.0.9 10.0.0.1",
                                      "crypto ikev2 proposal"};
    struct conf_reader r;
    conf_reader_init(&r, lang, c);
    assert_true(conf_read_line(&r, bad[0]));
    char *before = printed(c, true);
    for (unsigned i = 1; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(conf_read_line(&r, bad[i]));
        assert_int_equal(r.depth, 1); // and the mode too
        char *after = printed(c, true);
        assert_string_equal(before, after);
        free(after);
    }
    free(before);
    conf_free(c);
}

struct seen {
    char text[2048];
};

static void on_token(void *arg, const char *token, bool keyword, const char *help)
{
    struct seen *s = arg;
    size_t len = strlen(s->text);
    assert_true(!keyword || help[0] != '\0');
    snprintf(s->text + len, sizeof(s->text) - len, "%s,", token);
}

static void test_help(void **state)
{
    (void)state;
    struct conf *c = conf_new();
    struct conf_reader r;
    conf_reader_init(&r, lang, c);
    struct seen s = {""};
    assert_true(conf_expect(&r, "crypto ikev2 pro", on_token, &s));
    assert_string_equal(s.text, "proposal,profile,");
    s.text[0] = '\0';
    assert_true(conf_expect(&r, "crypto ikev2 dpd ", on_token, &s));
    assert_string_equal(s.text, "<1-3600>,");
    s.text[0] = '\0';
    assert_true(conf_read_line(&r, "interface Loopback0"));
    assert_true(conf_expect(&r, "ip ", on_token, &s));
    assert_non_null(strstr(s.text, "unnumbered,"));
    s.text[0] = '\0';
    assert_true(conf_expect(&r, "no shut", on_token, &s));
    assert_string_equal(s.text, "shutdown,");
    s.text[0] = '\0';
    assert_true(conf_expect(&r, "shutdown ", on_token, &s));
    assert_string_equal(s.text, "<cr>,");
    assert_false(conf_expect(&r, "forb ", on_token, &s));
    conf_free(c);
}

static void test_long_and_odd_lines(void **state)
{
    (void)state;
    char line[4000];
    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    refuses(line, "line 1: too long");
    for (unsigned i = 0; i < 200; i++) {
        line[i * 2] = 'x';
        line[i * 2 + 1] = ' ';
    }
    line[400] = '\0';
    refuses(line, "line 1: too long");
    refuses("hostname aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", "expected NAME");
    same_as("\r\n   \t \r\n", "");
    same_as("hostname a\r\n", "hostname a\n");
}

// Lines put together from the language's own words: none crashes, and one that is refused changes nothing.
static void test_random_lines(void **state)
{
    (void)state;
    static const char *const words[] = {"crypto",     "ikev2",       "ipsec",          "profile",     "proposal",
                                        "policy",     "keyring",     "peer",           "default",     "no",
                                        "interface",  "Tunnel",      "Tunnel0",        "0",           "1",
                                        "e0/0",       "ip",          "address",        "10.0.0.1",    "255.255.255.0",
                                        "route",      "any",         "match",          "identity",    "remote",
                                        "local",      "fqdn",        "domain",         "a.b",         "set",
                                        "pfs",        "group19",     "lifetime",       "seconds",     "3600",
                                        "shutdown",   "tunnel",      "source",         "destination", "mode",
                                        "protection", "x",           "authentication", "pre-share",   "key",
                                        "encryption", "aes-gcm-256", "transform-set",  "esp-gcm",     "128",
                                        "exit",       "end",         "description",    "unnumbered"};
    const char *env = getenv("SEED");
    unsigned seed = env == NULL ? 1 : (unsigned)atoi(env), taken = 0;
    print_message("# seed %u\n", seed);
    srandom(seed);
    struct conf *c = conf_new();
    struct conf_reader r;
    conf_reader_init(&r, lang, c);
    char *before = printed(c, true);
    for (unsigned i = 0; i < 20000; i++) {
        char line[256] = "";
        for (unsigned n = 1 + (unsigned)random() % 6; n > 0; n--) {
            const char *w = words[(unsigned)random() % (sizeof(words) / sizeof(words[0]))];
            snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s ", w);
        }
        unsigned depth = r.depth;
        bool ok = conf_read_line(&r, line);
        taken += ok;
        if (i % 10 == 0 || !ok) {
            char *after = printed(c, true);
            if (!ok) {
                assert_string_equal(before, after);
                assert_int_equal(depth, r.depth);
            }
            free(before);
            before = after;
        } else {
            free(before);
            before = printed(c, true);
        }
    }
    assert_in_range(taken, 100, 19999);
    free(before);
    conf_free(c);
}

static void test_grammar_mistakes_are_found(void **state)
{
    (void)state;
    static const char *const bad[] = {"a [ b", "a { b | c", "a <b>", "a <b:what>", "a ] b"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct grammar *g = grammar_new();
        assert_false(grammar_add(g, bad[i], "a|A\nb|B\nc|C\n", NULL, err, sizeof(err)));
        grammar_free(g);
    }
    struct grammar *g = grammar_new();
    assert_false(grammar_add(g, "a b", "a|A\n", NULL, err, sizeof(err))); // b has no help
    assert_non_null(strstr(err, "no help"));
    grammar_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"a whole configuration is read into the model", test_values, NULL, NULL, NULL},
        {"what is printed reads back as the same", test_round_trip, NULL, NULL, NULL},
        {"a copy shares nothing with its original", test_clone, NULL, NULL, NULL},
        {"an error names line, word and what was expected", test_positions, NULL, NULL, NULL},
        {"an ambiguous beginning is refused, a number is no beginning", test_ambiguous, NULL, NULL, NULL},
        {"unambiguous beginnings of any case are taken", test_abbreviations, NULL, NULL, NULL},
        {"no and default forms undo and restore", test_no_and_default, NULL, NULL, NULL},
        {"the ikev2 profile default is there, changed, restored and switched off", test_default_profile, NULL, NULL,
         NULL},
        {"modes follow from the context, exit and end leave them", test_modes_by_context, NULL, NULL, NULL},
        {"keys are hidden in what is shown, kept in what is saved, and what is shown cannot be loaded by mistake",
         test_keys_hidden, NULL, NULL, NULL},
        {"references to what is not there are refused with their place", test_references, NULL, NULL, NULL},
        {"a line that fails changes neither candidate nor mode", test_failed_line_changes_nothing, NULL, NULL, NULL},
        {"help lists what may come next", test_help, NULL, NULL, NULL},
        {"overlong lines are refused, blank ones and carriage returns are not", test_long_and_odd_lines, NULL, NULL,
         NULL},
        {"random lines crash nothing and change nothing when refused", test_random_lines, NULL, NULL, NULL},
        {"a malformed grammar or one without help is refused", test_grammar_mistakes_are_found, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("configuration", tests, conf_rig_open, conf_rig_close);
}
