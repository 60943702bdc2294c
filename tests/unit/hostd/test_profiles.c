// SPDX-License-Identifier: BSD-2-Clause
// Which configured profile, interface, algorithms and key a peer gets; and addresses from pools.
#include "hostd/conf/reader.h"
#include "hostd/main/pool.h"
#include "hostd/main/profiles.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
    "ip local pool p 10.0.0.1 10.0.0.3\n"
    "crypto ikev2 authorization policy default\n pool p\n"
    "crypto ikev2 authorization policy none\n"
    "crypto ikev2 proposal mixed\n encryption aes-cbc-128 aes-gcm-256\n integrity sha256\n group 19\n"
    "crypto ikev2 policy here\n match address local 192.0.2.9\n proposal mixed\n"
    "crypto ikev2 keyring ring\n"
    " peer wide\n  address 0.0.0.0 0.0.0.0\n  pre-shared-key any\n"
    " peer net\n  address 198.51.100.0 255.255.255.0\n  pre-shared-key net\n"
    " peer name\n  hostname r1.example.com\n  pre-shared-key name\n"
    " peer id\n  identity email joe@example.com\n  pre-shared-key local mine\n"
    "  pre-shared-key remote mine\n"
    "crypto ikev2 profile any\n match identity remote any\n authentication local pre-share\n"
    " authentication remote pre-share\n keyring local ring\n virtual-template 1\n"
    "crypto ikev2 profile domain\n match identity remote fqdn domain example.com\n"
    " authentication local pre-share key b\n authentication remote pre-share key b\n"
    " aaa authorization group psk list default none\n virtual-template 2\n"
    "crypto ikev2 profile exact\n match identity remote fqdn r1.example.com\n"
    " match address local 192.0.2.1\n authentication local pre-share\n"
    " authentication remote pre-share\n keyring local ring\n"
    "crypto ipsec profile any\n set ikev2-profile any\n"
    "crypto ipsec profile domain\n set ikev2-profile domain\n no set security-association esn\n"
    "crypto ipsec profile exact\n set ikev2-profile exact\n set pfs group20\n"
    "interface Loopback0\n ip address 10.0.0.254 255.255.255.255\n"
    "interface Virtual-Template1 type tunnel\n ip unnumbered Loopback0\n tunnel mode ipsec ipv4\n"
    " tunnel protection ipsec profile any\n"
    "interface Virtual-Template2 type tunnel\n ip unnumbered Loopback0\n tunnel mode ipsec ipv4\n"
    " tunnel protection ipsec profile domain\n"
    "interface Tunnel0\n ip address negotiated\n tunnel destination 203.0.113.1\n"
    " tunnel mode ipsec ipv4\n tunnel protection ipsec profile exact\n";

struct rig {
    struct conf_lang *lang;
    struct conf *conf;
    struct profile_set set;
};

static int setup(void **state)
{
    char err[512];
    struct rig *r = calloc(1, sizeof(*r));
    *state = r;
    r->lang = conf_lang_new(err, sizeof(err));
    r->conf = conf_parse(r->lang, text, err, sizeof(err));
    if (r->conf == NULL) {
        fail_msg("%s", err);
    }
    profiles_reset(&r->set, r->conf);
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    profiles_free(&r->set);
    conf_free(r->conf);
    conf_lang_free(r->lang);
    free(r);
    return 0;
}

static struct ike_path path_of(const char *local, const char *remote)
{
    struct ike_path p = {.local = {.family = 4}, .remote = {.family = 4}};
    inet_pton(AF_INET, local, p.local.b);
    inet_pton(AF_INET, remote, p.remote.b);
    return p;
}

// Name of the configured profile, "" if the peer is refused.
static const char *chosen(struct rig *r, const char *id, const char *local, const char *remote, struct ifid *iface)
{
    struct ike_path path = path_of(local, remote);
    struct ike_id *i = ike_id_parse(id);
    struct ike_select sel = {.path = &path, .idi = i};
    struct ike_profile *p = profiles_select(&r->set, &sel);
    free(i);
    const struct binding *b = p == NULL ? NULL : p->user;
    if (iface != NULL && b != NULL) {
        *iface = b->iface;
    }
    return b == NULL ? "" : b->profile;
}

static void test_select(void **state)
{
    struct rig *r = *state;
    struct ifid i = {0};
    assert_string_equal(chosen(r, "r9.example.com", "192.0.2.1", "198.51.100.7", &i), "domain");
    assert_int_equal(i.number, 2);
    assert_string_equal(chosen(r, "joe@example.com", "192.0.2.1", "198.51.100.7", &i), "any");
    // The exact one has no template: it serves its static tunnel's far end and nobody else.
    assert_string_equal(chosen(r, "r1.example.com", "192.0.2.1", "203.0.113.1", &i), "exact");
    assert_int_equal(i.kind, IF_TUNNEL);
    assert_string_equal(chosen(r, "r1.example.com", "192.0.2.1", "198.51.100.7", &i), "domain");
    assert_string_equal(chosen(r, "r1.example.com", "192.0.2.2", "203.0.113.1", &i), "domain"); // not its address
    assert_string_equal(chosen(r, "R9.EXAMPLE.COM", "192.0.2.1", "198.51.100.7", &i), "domain");
    assert_string_equal(chosen(r, "badexample.com", "192.0.2.1", "198.51.100.7", &i), "any");
}

static void test_contents(void **state)
{
    struct rig *r = *state;
    struct in_addr local = {inet_addr("192.0.2.1")}, here = {inet_addr("192.0.2.9")};
    const struct conf_if *f = conf_find_if(r->conf, (struct ifid){IF_TUNNEL, 0});
    struct ike_profile *p = profiles_tunnel(&r->set, f, local);
    assert_non_null(p);
    assert_true(p->cp_request);
    assert_false(p->cp_assign);
    assert_int_equal(p->n_ike, 2); // AEAD and CBC apart
    assert_int_equal(p->ike[0].encr[0].id, IKE_ENCR_AES_GCM_16);
    assert_int_equal(p->ike[0].encr[0].bits, 256);
    assert_int_equal(p->ike[0].n_integ, 0);
    assert_int_equal(p->ike[0].group[0], IKE_DH_X25519);
    assert_int_equal(p->n_esp, 1);
    assert_true(p->esp[0].esn_yes && p->esp[0].esn_no);
    assert_int_equal(p->esp[0].group[0], IKE_DH_ECP_384);
    assert_ptr_equal(p, profiles_tunnel(&r->set, f, local)); // made once
    // Another local address, another policy.
    struct ike_profile *q = profiles_tunnel(&r->set, f, here);
    assert_ptr_not_equal(p, q);
    assert_int_equal(q->ike[0].group[0], IKE_DH_ECP_256);
    assert_int_equal(q->ike[0].prf[0], IKE_PRF_HMAC_SHA2_256); // from the integrity algorithms
}

static void test_authorization(void **state)
{
    struct rig *r = *state;
    struct ike_path path = path_of("192.0.2.1", "198.51.100.7");
    struct ike_id *any = ike_id_parse("joe@x.org"), *domain = ike_id_parse("a.example.com");
    struct ike_profile *p = profiles_select(&r->set, &(struct ike_select){.path = &path, .idi = any});
    struct ike_profile *q = profiles_select(&r->set, &(struct ike_select){.path = &path, .idi = domain});
    assert_true(p->cp_assign);  // policy default has a pool
    assert_false(q->cp_assign); // it names one that has none
    assert_false(q->esp[0].esn_yes);
    free(any);
    free(domain);
}

static void key_is(struct rig *r, const char *id, const char *remote, bool of_remote, const char *key)
{
    struct ike_path path = path_of("192.0.2.1", remote);
    struct ike_id *me = ike_id_parse("someone@else.org"), *who = ike_id_parse(id);
    struct ike_profile *p = profiles_select(&r->set, &(struct ike_select){.path = &path, .idi = me});
    uint8_t out[64] = {0};
    int len = profiles_psk(&r->set, p, who, &path, of_remote, out, sizeof(out));
    assert_int_equal(len, key == NULL ? -1 : (int)strlen(key));
    if (key != NULL) {
        assert_memory_equal(out, key, strlen(key));
    }
    free(me);
    free(who);
}

static void test_keys(void **state)
{
    struct rig *r = *state;
    key_is(r, "nobody.org", "192.0.2.77", true, "any");
    key_is(r, "nobody.org", "198.51.100.8", true, "net"); // the longer mask
    key_is(r, "r1.example.com", "198.51.100.8", true, "name");
    key_is(r, "joe@example.com", "198.51.100.8", true, "mine");
    key_is(r, "joe@example.com", "198.51.100.8", false, "mine");
}

static void test_new_configuration(void **state)
{
    struct rig *r = *state;
    struct in_addr local = {inet_addr("192.0.2.1")};
    const struct conf_if *f = conf_find_if(r->conf, (struct ifid){IF_TUNNEL, 0});
    struct ike_profile *p = ike_profile_ref(profiles_tunnel(&r->set, f, local));
    struct conf *empty = conf_new();
    profiles_reset(&r->set, empty);
    assert_null(profiles_conf(&r->set, p)); // in use, but its configuration is gone
    assert_string_equal(chosen(r, "a.example.com", "192.0.2.1", "198.51.100.7", NULL), "");
    profiles_reset(&r->set, r->conf);
    assert_non_null(profiles_conf(&r->set, p));
    ike_profile_unref(p);
    conf_free(empty);
}

static void test_pool(void **state)
{
    (void)state;
    struct pools p = {0};
    struct in_addr first = {inet_addr("10.0.0.1")}, last = {inet_addr("10.0.0.3")}, none = {0}, a, b, c, d;
    struct in_addr wanted = {inet_addr("10.0.0.2")};
    assert_int_equal(pools_take(&p, first, last, wanted, &a), 0);
    assert_int_equal(a.s_addr, wanted.s_addr);
    assert_int_equal(pools_take(&p, first, last, wanted, &b), 0); // taken: another
    assert_int_equal(pools_take(&p, first, last, none, &c), 0);
    assert_true(a.s_addr != b.s_addr && b.s_addr != c.s_addr && a.s_addr != c.s_addr);
    assert_int_equal(pools_take(&p, first, last, none, &d), -ENOSPC);
    pools_give(&p, b);
    assert_false(pools_taken(&p, b));
    assert_int_equal(pools_take(&p, first, last, none, &d), 0);
    assert_int_equal(d.s_addr, b.s_addr);
    pools_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"the most specific profile that can serve the peer is chosen", test_select, setup, teardown, NULL},
        {"a profile carries policy, transform set and lifetimes", test_contents, setup, teardown, NULL},
        {"the authorization policy decides on addresses", test_authorization, setup, teardown, NULL},
        {"keys are found by identity, then name, then longest mask", test_keys, setup, teardown, NULL},
        {"profiles in use outlive their configuration", test_new_configuration, setup, teardown, NULL},
        {"a pool gives each address once, and again when it is back", test_pool, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
