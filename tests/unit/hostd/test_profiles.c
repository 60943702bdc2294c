// SPDX-License-Identifier: BSD-2-Clause
// Which configured profile, interface, algorithms and key a peer gets.
#include "hostd/conf/reader.h"
#include "hostd/main/match.h"
#include "hostd/main/profiles.h"
#include "hostd/util/str.h"
#include "tests/unit/ip_of.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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
    " peer other\n  identity email other@example.com\n  pre-shared-key other\n"
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
    " authentication remote pre-share\n keyring local ring\n initial-contact force\n"
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
    struct log log;
    char said[4096]; // what was logged
    const char *map; // the only certificate map that fits
    EVP_PKEY *rsa, *ec;
    uint8_t cert[2][2048]; // of rsa, of ec
    size_t cert_len[2];
};

static void on_log(void *arg, enum log_level level, const char *part, const char *line)
{
    struct rig *r = arg;
    (void)level, (void)part;
    strncat(r->said, line, sizeof(r->said) - strlen(r->said) - 1);
}

static bool fits_map(void *ctx, const char *map, const struct ike_cert *cert)
{
    const struct rig *r = ctx;
    return cert->len > 0 && r->map != NULL && strcmp(map, r->map) == 0;
}

static struct ike_cred *our_cred(void *ctx, const struct conf_profile *p, unsigned which, char *why, size_t cap)
{
    struct rig *r = ctx;
    const char *name = p->trustpoint[which].ref.name; // "" after the last
    if (strcmp(name, "RSA") != 0 && strcmp(name, "EC") != 0) {
        snprintf(why, cap, "no such certificate");
        return NULL;
    }
    bool ec = strcmp(name, "EC") == 0;
    EVP_PKEY *key = ec ? r->ec : r->rsa;
    EVP_PKEY_up_ref(key);
    struct ike_certs chain = {.n = 1, .cert = {{r->cert[ec], r->cert_len[ec]}}};
    return ike_cred_new(key, &chain);
}

static uint8_t *our_cas(void *ctx, const struct conf_profile *p, uint8_t *n)
{
    (void)ctx;
    *n = p == NULL ? 2 : 1;
    return calloc(*n, IKE_CA_HASH);
}

// A self-signed certificate with subject CN=NAME.
static void make_cert(struct rig *r, unsigned i, EVP_PKEY *key, const char *name)
{
    X509 *x = X509_new();
    X509_NAME *n = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(x, n);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    uint8_t *p = r->cert[i];
    r->cert_len[i] = (size_t)i2d_X509(x, &p);
    X509_free(x);
}

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
    log_init(&r->log, LOG_ERR);
    r->log.quiet = true;
    r->log.sink = on_log;
    r->log.sink_arg = r;
    r->set.log = &r->log;
    r->set.hooks = (struct profile_hooks){.ctx = r, .cred = our_cred, .ca_hashes = our_cas, .cert_map = fits_map};
    r->rsa = EVP_RSA_gen(2048);
    r->ec = EVP_EC_gen("P-256");
    make_cert(r, 0, r->rsa, "hub-rsa");
    make_cert(r, 1, r->ec, "hub-ec");
    profiles_reset(&r->set, r->conf);
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;
    profiles_free(&r->set);
    conf_free(r->conf);
    conf_lang_free(r->lang);
    EVP_PKEY_free(r->rsa);
    EVP_PKEY_free(r->ec);
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

// What Tunnel0 initiates with.
static struct ike_profile *of_tunnel(struct rig *r, const struct conf *c, const char *from)
{
    const struct ip_addr local = ip_of(from);
    const struct conf_if *f = conf_find_if(c, (struct ifid){IF_TUNNEL, 0});
    return profiles_tunnel(&r->set, f, &local, &f->destination);
}

static const struct ike_profile *selected(struct rig *r, const char *id, const char *local, const char *remote)
{
    struct ike_path path = path_of(local, remote);
    struct ike_id *i = ike_id_parse(id);
    const struct ike_profile *p = profiles_select(&r->set, &(struct ike_select){.path = &path, .idi = i});
    free(i);
    return p;
}

// Name of the configured profile, "" if the peer is refused.
static const char *name_of(const struct ike_profile *p)
{
    const struct binding *b = p == NULL ? NULL : p->user;
    return b == NULL ? "" : b->profile;
}

static const char *chosen(struct rig *r, const char *id, const char *local, const char *remote, struct ifid *iface)
{
    const struct ike_profile *p = selected(r, id, local, remote);
    const struct binding *b = p == NULL ? NULL : p->user;
    if (iface != NULL && b != NULL) {
        *iface = b->iface;
    }
    return name_of(p);
}

// The same for who calls 192.0.2.1 from this address, and by its name.
static const char *of_address(struct rig *r, const char *remote)
{
    return chosen(r, remote, "192.0.2.1", remote, NULL);
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
    struct ike_profile *p = of_tunnel(r, r->conf, "192.0.2.1");
    assert_non_null(p);
    assert_true(p->cp_request);
    assert_true(p->force_contact);
    assert_false(p->cp_assign);
    assert_int_equal(p->n_ike, 2); // AEAD and CBC apart
    assert_int_equal(p->ike[0].encr[0].id, IKE_ENCR_AES_GCM_16);
    assert_int_equal(p->ike[0].encr[0].bits, 256);
    assert_int_equal(p->ike[0].n_integ, 0);
    assert_int_equal(p->ike[0].group[0], IKE_DH_X25519);
    assert_int_equal(p->n_esp, 1);
    assert_true(p->esp[0].esn_yes && p->esp[0].esn_no);
    assert_int_equal(p->esp[0].group[0], IKE_DH_ECP_384);
    assert_ptr_equal(p, of_tunnel(r, r->conf, "192.0.2.1")); // made once
    // Another local address, another policy.
    struct ike_profile *q = of_tunnel(r, r->conf, "192.0.2.9");
    assert_ptr_not_equal(p, q);
    assert_int_equal(q->ike[0].group[0], IKE_DH_ECP_256);
    assert_int_equal(q->ike[0].prf[0], IKE_PRF_HMAC_SHA2_256); // from the integrity algorithms
}

static void test_authorization(void **state)
{
    struct rig *r = *state;
    const struct ike_profile *p = selected(r, "joe@x.org", "192.0.2.1", "198.51.100.7");
    const struct ike_profile *q = selected(r, "a.example.com", "192.0.2.1", "198.51.100.7");
    assert_false(p->force_contact || q->force_contact); // only where it is said
    assert_true(p->cp_assign);                          // policy default has a pool
    assert_false(q->cp_assign);                         // it names one that has none
    assert_false(q->esp[0].esn_yes);
}

// Is the key of this profile for this identity at this address this one? NULL: there is none.
static void profile_key_is(struct rig *r, const struct ike_profile *p, const char *id, const char *remote,
                           bool of_remote, const char *key)
{
    struct ike_path path = path_of("192.0.2.1", remote);
    struct ike_id *who = ike_id_parse(id);
    uint8_t out[64] = {0};
    int len = profiles_psk(&r->set, p, who, &path, of_remote, out, sizeof(out));
    assert_int_equal(len, key == NULL ? -1 : (int)strlen(key));
    if (key != NULL) {
        assert_memory_equal(out, key, strlen(key));
    }
    free(who);
}

static void key_is(struct rig *r, const char *id, const char *remote, bool of_remote, const char *key)
{
    profile_key_is(r, selected(r, "someone@else.org", "192.0.2.1", remote), id, remote, of_remote, key);
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

// ------------------------------------------------------------------------------------------------ certificates

#define SERVE                                                                                                          \
    " virtual-template 1\ncrypto ipsec profile any\ninterface Loopback0\n ip address 10.0.0.254 255.255.255.255\n"     \
    "interface Virtual-Template1 type tunnel\n ip unnumbered Loopback0\n tunnel mode ipsec ipv4\n"                     \
    " tunnel protection ipsec profile any\n"
#define BY_RSA " authentication local rsa-sig\n authentication remote rsa-sig\n"
#define SIGNED BY_RSA " pki trustpoint RSA\n virtual-template 1\n"

static void load(struct rig *r, const char *what)
{
    char err[512];
    struct str all = {0};
    str_add(&all, what);
    str_add(&all, "crypto pki trustpoint RSA\ncrypto pki trustpoint EC\ncrypto pki trustpoint Missing\n"
                  "crypto pki certificate map m 10\n subject-name co hub\n");
    struct conf *c = conf_parse(r->lang, str_text(&all), err, sizeof(err));
    str_free(&all);
    if (c == NULL) {
        fail_msg("%s", err);
    }
    profiles_reset(&r->set, c);
    conf_free(r->conf);
    r->conf = c;
    r->said[0] = '\0';
}

static void test_key_domains(void **state)
{
    struct rig *r = *state;
    load(r, "crypto ikev2 keyring ring\n"
            " peer host\n  address 198.51.100.8\n  pre-shared-key address\n"
            " peer org\n  identity fqdn domain org\n  pre-shared-key short\n"
            " peer x\n  identity fqdn domain x.org\n  pre-shared-key long\n"
            " peer mail\n  identity email domain x.org\n  pre-shared-key local mails-l\n"
            "  pre-shared-key remote mails-r\n"
            " peer both\n  identity fqdn domain n.org\n  hostname h.x.org\n  pre-shared-key name\n"
            " peer far\n  identity fqdn domain far.org\n  address 203.0.113.0 255.255.255.0\n  pre-shared-key far\n"
            " peer exact\n  identity fqdn a.x.org\n  pre-shared-key exact\n"
            "crypto ikev2 profile any\n match identity remote any\n authentication local pre-share\n"
            " authentication remote pre-share\n keyring local ring\n" SERVE);
    const struct {
        const char *id, *remote, *key;
    } rows[] = {
        {"a.x.org", "198.51.100.8", "exact"},       // the name itself, before its domains and any address
        {"h.x.org", "198.51.100.8", "name"},        // a hostname before the domain
        {"B.X.ORG", "198.51.100.8", "long"},        // the longer domain, in any case
        {"b.y.org", "198.51.100.8", "short"},       // a domain before an address
        {"ax.org", "198.51.100.8", "short"},        // no part of x.org
        {"x.org", "198.51.100.8", "long"},          // the domain itself is in it
        {"b.n.org", "192.0.2.7", "name"},           // an entry may have both
        {"joe@x.org", "198.51.100.8", "mails-r"},   // mail is of mail domains
        {"joe@a.x.org", "198.51.100.8", "address"}, // and of no others
        {"joe@a.x.org", "192.0.2.7", NULL},
        {"b.net", "203.0.113.9", "far"}, // by address, though it is not in the entry's domain
        {"192.0.2.7", "192.0.2.7", NULL},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        key_is(r, rows[i].id, rows[i].remote, true, rows[i].key);
    }
    key_is(r, "joe@x.org", "192.0.2.7", false, "mails-l");
}

// Who gets which profile, if it proves itself in this way with this certificate (-1: none).
static const struct ike_profile *asks(struct rig *r, struct ike_id *id, uint8_t way, int cert)
{
    struct ike_path path = path_of("192.0.2.1", "198.51.100.7");
    struct ike_certs certs = {.n = cert >= 0, .cert = {{r->cert[cert > 0], r->cert_len[cert > 0]}}};
    struct ike_select sel = {.path = &path, .idi = id, .way = way, .certs = cert >= 0 ? &certs : NULL};
    const struct ike_profile *p = profiles_select(&r->set, &sel);
    free(id);
    return p;
}

static void test_precedence(void **state)
{
    struct rig *r = *state;
    load(r,
         "crypto ikev2 profile any\n match identity any\n" SIGNED
         "crypto ikev2 profile mapped\n match certificate m\n" SIGNED
         "crypto ikev2 profile exact\n match identity fqdn a.x.org\n" SIGNED
         "crypto ikev2 profile named\n match identity remote dn CN = HUB-rsa\n" SIGNED
         "crypto ikev2 profile short\n match identity fqdn domain org\n" SIGNED
         "crypto ikev2 profile long\n match identity fqdn domain x.org\n match identity address 2001:db8::/32\n" SIGNED
         "crypto ikev2 profile longer\n match identity address 2001:db8:1::/48\n match identity fqdn domain "
         "x.org\n" SIGNED "crypto ikev2 profile four\n match identity address 0.0.0.0 0.0.0.0\n" SIGNED
         "crypto ikev2 profile elsewhere\n match identity fqdn b.x.org\n match address local 192.0.2.2\n" SIGNED
         "crypto ikev2 profile here\n match identity fqdn b.x.org\n match address local interface Loopback7\n" SIGNED
         "interface Loopback7\n ip address 192.0.2.1 255.255.255.255\n"
         "crypto ikev2 profile last\n match identity key-id k\n" BY_RSA " pki trustpoint RSA\n" SERVE);
    // A name, written in another order of blanks and cases than in the certificate.
    struct ike_id *dn = ike_cert_subject(&(struct ike_cert){r->cert[0], r->cert_len[0]});
    assert_string_equal(name_of(asks(r, dn, IKE_WAY_CERT, 0)), "named");
    const struct {
        const char *id, *map, *profile;
    } rows[] = {
        {"a.x.org", NULL, "exact"},        {"a.x.org", "m", "mapped"},      {"a.x.org", "other", "exact"},
        {"c.x.org", NULL, "long"},         {"c.y.org", NULL, "short"},      {"joe@x.org", NULL, "any"},
        {"2001:db8:1::5", NULL, "longer"}, {"2001:db8:2::5", NULL, "long"}, {"2001:db9::5", NULL, "any"},
        {"b.x.org", NULL, "here"},         {"keyid:k", NULL, "last"},       {"10.0.0.1", "m", "mapped"},
        {"10.0.0.1", NULL, "four"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r->map = rows[i].map;
        assert_string_equal(name_of(asks(r, ike_id_parse(rows[i].id), IKE_WAY_CERT, 0)), rows[i].profile);
    }
}

// The place where the peer speaks to us: an address of either family, or any that an interface is configured with.
static void test_local_address(void **state)
{
    struct rig *r = *state;
    load(r, "interface Loopback7\n ip address 192.0.2.1 255.255.255.255\n ipv6 address 2001:db8:1::1/64\n"
            " ipv6 address 2001:db8:2::1/64\n"
            "interface Loopback8\n ip address 192.0.2.8 255.255.255.255\n ipv6 address 2001:db8:8::1/64\n"
            "crypto ikev2 profile p\n match identity any\n match address local 192.0.2.7\n"
            " match address local 2001:db8::7\n match address local interface Loopback7\n"
            " authentication local rsa-sig\n authentication remote rsa-sig\n pki trustpoint RSA\n" SERVE);
    const struct conf_profile *p = conf_find(&r->conf->profiles, "p");
    static const struct {
        const char *local;
        bool fits;
    } rows[] = {
        {"192.0.2.7", true},      {"2001:db8::7", true},  {"192.0.2.1", true},      {"2001:db8:1::1", true},
        {"2001:db8:2::1", true},  {"192.0.2.8", false},   {"2001:db8:8::1", false}, {"192.0.2.2", false},
        {"2001:db8:1::2", false}, {"2001:db8::8", false}, {"c000:201::", false}, // the bytes of 192.0.2.1
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct ip_addr a = ip_of(rows[i].local);
        assert_int_equal(match_local_address(r->conf, p, &a), rows[i].fits);
    }
}

// What is read of a certificate without decoding it: of a whole one what it has, of a cut one nothing.
static void test_cert_parts(void **state)
{
    struct rig *r = *state;
    struct ike_cert whole = {r->cert[0], r->cert_len[0]};
    struct ike_id *subject = ike_cert_subject(&whole);
    assert_non_null(subject);
    assert_int_equal(subject->type, IKE_ID_DN);
    free(subject);
    assert_int_equal(match_cert_kind(&whole), CONF_AUTH_RSA);
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t *cut = malloc(len > 0 ? len : 1); // of its own, so that a read past the end is seen
        memcpy(cut, whole.p, len);
        const struct ike_cert c = {cut, len};
        assert_null(ike_cert_subject(&c));
        assert_int_equal(match_cert_kind(&c), 0);
        free(cut);
    }
}

static void test_ways(void **state)
{
    struct rig *r = *state;
    load(r, "crypto ikev2 profile one\n match identity fqdn a.x.org\n" BY_RSA
            " authentication remote eap query-identity\n pki trustpoint RSA\n"
            " virtual-template 1\n"
            "crypto ikev2 profile two\n match identity any\n authentication local ecdsa-sig\n"
            " authentication remote pre-share key k\n authentication remote ecdsa-sig\n pki trustpoint EC\n" SERVE);
    const struct ike_profile *p = asks(r, ike_id_parse("a.x.org"), IKE_WAY_CERT, 0);
    assert_string_equal(name_of(p), "one");
    assert_int_equal(p->auth_local, IKE_WAY_CERT);
    assert_int_equal(p->auth_remote, IKE_WAY_CERT | IKE_WAY_EAP);
    assert_true(p->eap_identity);
    assert_false(p->eap_only);
    assert_non_null(p->cred);
    assert_int_equal(p->n_ca, 1);
    assert_ptr_equal(asks(r, ike_id_parse("a.x.org"), IKE_WAY_EAP, -1), p);
    assert_string_equal(r->said, "");
    // Refused, not passed on to a profile that would allow it.
    assert_null(asks(r, ike_id_parse("a.x.org"), IKE_WAY_PSK, -1));
    assert_non_null(
        strstr(r->said, "profile one refuses a.x.org: it authenticates by pre-share, and may by rsa-sig, eap"));
    r->said[0] = '\0';
    assert_null(asks(r, ike_id_parse("a.x.org"), IKE_WAY_CERT, 1));
    assert_non_null(strstr(r->said, "it authenticates by ecdsa-sig, and may by rsa-sig, eap"));
    // Asymmetric: we sign, the peer has a key.
    const struct ike_profile *q = asks(r, ike_id_parse("b.x.org"), IKE_WAY_PSK, -1);
    assert_string_equal(name_of(q), "two");
    assert_int_equal(q->auth_local, IKE_WAY_CERT);
    assert_int_equal(q->auth_remote, IKE_WAY_CERT | IKE_WAY_PSK);
    assert_null(asks(r, ike_id_parse("b.x.org"), IKE_WAY_EAP, -1));
    const struct conf_profile *two = conf_find(&r->conf->profiles, "two");
    assert_null(profiles_cert_refused(two, &(struct ike_cert){r->cert[1], r->cert_len[1]}));
    assert_non_null(strstr(profiles_cert_refused(two, &(struct ike_cert){r->cert[0], r->cert_len[0]}), "rsa-sig"));
    assert_non_null(strstr(profiles_cert_refused(two, &(struct ike_cert){r->cert[1], 20}), "cannot be read"));
}

static void test_identity_of_certificate(void **state)
{
    struct rig *r = *state;
    load(r,
         "crypto ikev2 profile subject\n match identity fqdn a.x.org\n" SIGNED
         "crypto ikev2 profile wrong\n match identity fqdn b.x.org\n" BY_RSA " pki trustpoint EC\n virtual-template 1\n"
         "crypto ikev2 profile none\n match identity fqdn c.x.org\n" BY_RSA " pki trustpoint Missing\n" SERVE);
    const struct ike_profile *p = asks(r, ike_id_parse("a.x.org"), IKE_WAY_CERT, 0);
    assert_non_null(p->local_id);
    assert_int_equal(p->local_id->type, IKE_ID_DN);
    assert_non_null(memmem(p->local_id->data, p->local_id->len, "hub-rsa", 7));
    assert_null(asks(r, ike_id_parse("b.x.org"), IKE_WAY_CERT, 0));
    assert_non_null(strstr(r->said, "the key of our certificate is not one for rsa-sig"));
    assert_null(asks(r, ike_id_parse("c.x.org"), IKE_WAY_CERT, 0));
    assert_non_null(strstr(r->said, "no such certificate"));
}

// Of several trustpoints those whose key is of the kind that is wanted, in their order.
static void test_several_certificates(void **state)
{
    struct rig *r = *state;
    load(r, "crypto ikev2 profile ec\n match identity fqdn a.x.org\n authentication local ecdsa-sig\n"
            " authentication remote rsa-sig\n pki trustpoint RSA\n pki trustpoint EC\n virtual-template 1\n"
            "crypto ikev2 profile rsa\n match identity fqdn b.x.org\n" BY_RSA
            " pki trustpoint EC\n pki trustpoint RSA\n identity local fqdn me\n"
            " virtual-template 1\n"
            "crypto ikev2 profile none\n match identity fqdn c.x.org\n authentication local eddsa-sig\n"
            " authentication remote rsa-sig\n pki trustpoint EC\n pki trustpoint RSA\n virtual-template 1\n" SERVE);
    const struct ike_profile *p = asks(r, ike_id_parse("a.x.org"), IKE_WAY_CERT, 0);
    assert_non_null(p);
    assert_int_equal(match_key_kind(p->cred->key), CONF_AUTH_ECDSA);
    assert_int_equal(p->n_also, 0);
    assert_true(p->id_is_subject);
    p = asks(r, ike_id_parse("b.x.org"), IKE_WAY_CERT, 0);
    assert_non_null(p);
    assert_int_equal(match_key_kind(p->cred->key), CONF_AUTH_RSA);
    assert_false(p->id_is_subject);
    assert_null(asks(r, ike_id_parse("c.x.org"), IKE_WAY_CERT, 0));
    assert_non_null(strstr(r->said, "the key of our certificate is not one for eddsa-sig"));
}

static void test_authorization_by_way(void **state)
{
    struct rig *r = *state;
    load(r,
         "ip local pool p 10.0.0.1 10.0.0.3\ncrypto ikev2 authorization policy keys\n pool p\n"
         "crypto ikev2 authorization policy signed\n"
         "crypto ikev2 profile one\n match identity any\n authentication local rsa-sig\n pki trustpoint RSA\n"
         " authentication remote rsa-sig\n authentication remote pre-share key k\n authentication remote eap\n"
         " aaa authorization group psk list default keys\n aaa authorization group cert list default signed\n" SERVE);
    const struct ike_profile *psk = asks(r, ike_id_parse("a"), IKE_WAY_PSK, -1),
                             *cert = asks(r, ike_id_parse("a"), IKE_WAY_CERT, 0),
                             *eap = asks(r, ike_id_parse("a"), IKE_WAY_EAP, -1);
    assert_string_equal(profiles_author(&r->set, psk)->name, "keys");
    assert_true(psk->cp_assign);
    assert_string_equal(profiles_author(&r->set, cert)->name, "signed");
    assert_string_equal(profiles_author(&r->set, eap)->name, "default");
}

static void test_responder_fits(void **state)
{
    struct rig *r = *state;
    load(r, "crypto ikev2 profile p\n match identity fqdn domain x.org\n match certificate m\n"
            " authentication local rsa-sig\n authentication remote rsa-sig\n pki trustpoint RSA\n"
            "crypto ipsec profile s\n set ikev2-profile p\n"
            "interface Tunnel0\n tunnel destination 203.0.113.1\n tunnel mode ipsec ipv4\n"
            " tunnel protection ipsec profile s\n");
    const struct ike_profile *p = of_tunnel(r, r->conf, "192.0.2.1");
    struct ike_certs certs = {.n = 1, .cert = {{r->cert[0], r->cert_len[0]}}};
    struct ike_id *in = ike_id_parse("r.x.org"), *out = ike_id_parse("r.y.org");
    assert_non_null(p);
    assert_true(profiles_peer_fits(&r->set, p, in, NULL));
    assert_false(profiles_peer_fits(&r->set, p, out, &certs));
    r->map = "m";
    assert_true(profiles_peer_fits(&r->set, p, out, &certs));
    assert_false(profiles_peer_fits(&r->set, p, out, NULL));
    free(in);
    free(out);
}

static void test_first_message(void **state)
{
    struct rig *r = *state;
    struct ike_path path = path_of("192.0.2.1", "198.51.100.7");
    const struct ike_profile *p = profiles_select(&r->set, &(struct ike_select){.path = &path});
    assert_non_null(p);
    assert_null(p->user);
    assert_int_equal(p->n_ca, 2); // of every trustpoint
}

// ------------------------------------------------------------------------------------------------ the smart default

#define STATIC(to) "interface Tunnel0\n tunnel destination " to "\n tunnel protection ipsec profile default\n"
#define RINGS                                                                                                          \
    "crypto ikev2 keyring one\n peer a\n  address 203.0.113.0 255.255.255.0\n  pre-shared-key of-net\n"                \
    "crypto ikev2 keyring two\n peer a\n  address 203.0.113.1\n  pre-shared-key of-host\n"

static bool finds_end(void *ctx, struct ifid tunnel, struct ip_addr *end)
{
    (void)tunnel;
    *end = *(const struct ip_addr *)ctx;
    return ip_is_set(end);
}

// The same for a peer that is called by its address.
static void has_key(struct rig *r, const struct ike_profile *p, const char *remote, const char *key)
{
    profile_key_is(r, p, remote, remote, true, key);
}

static bool takes(struct rig *r, const struct ike_profile *p, const char *id)
{
    struct ike_id *i = ike_id_parse(id);
    bool fits = profiles_peer_fits(&r->set, p, i, NULL);
    assert_int_equal(fits, ike_profile_matches(p, i)); // the machine's own statements are the same
    free(i);
    return fits;
}

static void test_default_profile(void **state)
{
    struct rig *r = *state;
    load(r, RINGS STATIC("203.0.113.1"));
    const struct ike_profile *p = of_tunnel(r, r->conf, "192.0.2.1");
    assert_non_null(p);
    assert_int_equal(p->auth_local, IKE_WAY_PSK);
    assert_int_equal(p->auth_remote, IKE_WAY_PSK);
    assert_null(p->local_id);                // the address that it speaks from
    has_key(r, p, "203.0.113.1", "of-host"); // of all keyrings the longest mask
    has_key(r, p, "203.0.113.2", "of-net");
    has_key(r, p, "198.51.100.1", NULL);
    // It calls the tunnel's far end, and believes nobody else.
    assert_true(takes(r, p, "203.0.113.1"));
    assert_false(takes(r, p, "203.0.113.2"));
    assert_false(takes(r, p, "r1.example.com"));
    // It answers the tunnel's far end, by that name, and nobody else.
    struct ifid i = {0};
    assert_string_equal(chosen(r, "203.0.113.1", "192.0.2.1", "203.0.113.1", &i), "default");
    assert_int_equal(i.kind, IF_TUNNEL);
    assert_string_equal(of_address(r, "203.0.113.2"), "");
    assert_string_equal(chosen(r, "203.0.113.1", "192.0.2.1", "203.0.113.2", NULL), "");
    assert_string_equal(chosen(r, "203.0.113.2", "192.0.2.1", "203.0.113.1", NULL), "");
    assert_string_equal(chosen(r, "r1.example.com", "192.0.2.1", "203.0.113.1", NULL), "");
    // It does not authenticate by anything but a key.
    struct ike_path path = path_of("192.0.2.1", "203.0.113.1");
    assert_null(
        profiles_select(&r->set, &(struct ike_select){.path = &path, .idi = p->match[0].id, .way = IKE_WAY_EAP}));
}

static void test_default_ipv6(void **state)
{
    struct rig *r = *state;
    load(r, RINGS "interface Tunnel0\n tunnel destination 2001:db8::1\n tunnel mode ipsec ipv6\n"
                  " tunnel protection ipsec profile default\n");
    const struct ike_profile *p = of_tunnel(r, r->conf, "2001:db8::9");
    assert_true(takes(r, p, "2001:db8::1"));
    assert_false(takes(r, p, "2001:db8::2"));
    assert_false(takes(r, p, "32.1.13.184")); // the first four bytes of it
}

static void test_default_among_others(void **state)
{
    struct rig *r = *state;
#define OTHER(name, who)                                                                                               \
    "crypto ikev2 profile " name "\n match identity remote " who "\n authentication local pre-share key k\n"           \
    " authentication remote pre-share key k\n virtual-template 1\n"
    load(r, RINGS STATIC("203.0.113.1") OTHER("any", "any") OTHER("net", "address 203.0.113.0 255.255.255.0") SERVE);
    assert_string_equal(of_address(r, "203.0.113.1"), "default");
    assert_string_equal(of_address(r, "203.0.113.2"), "net");
    assert_string_equal(chosen(r, "a.x.org", "192.0.2.1", "203.0.113.1", NULL), "any");
    // What is written down about the same identity comes first.
    load(r, RINGS STATIC("203.0.113.1") OTHER("exact", "address 203.0.113.1") SERVE);
    assert_string_equal(of_address(r, "203.0.113.1"), "exact");
#undef OTHER
}

static void test_default_changed(void **state)
{
    struct rig *r = *state;
#define DEFAULT "crypto ikev2 profile default\n"
    // Each line replaces its part of the default, and no other.
    load(r, RINGS STATIC("203.0.113.1") DEFAULT " keyring local one\n");
    has_key(r, of_tunnel(r, r->conf, "192.0.2.1"), "203.0.113.1", "of-net");
    assert_string_equal(chosen(r, "203.0.113.2", "192.0.2.1", "203.0.113.1", NULL), "");
    load(r, RINGS STATIC("203.0.113.1") DEFAULT " match identity remote fqdn r1.example.com\n");
    const struct ike_profile *p = of_tunnel(r, r->conf, "192.0.2.1");
    assert_true(takes(r, p, "r1.example.com"));
    assert_false(takes(r, p, "203.0.113.1"));
    has_key(r, p, "203.0.113.1", "of-host");
    load(r, RINGS STATIC("203.0.113.1") DEFAULT " authentication remote rsa-sig\n pki trustpoint RSA\n");
    p = of_tunnel(r, r->conf, "192.0.2.1");
    assert_int_equal(p->auth_local, IKE_WAY_PSK);
    assert_int_equal(p->auth_remote, IKE_WAY_CERT);
    assert_true(takes(r, p, "203.0.113.1"));
    assert_false(takes(r, p, "203.0.113.2"));
    load(r, RINGS STATIC("203.0.113.1") DEFAULT " dpd 10 2 periodic\n identity local fqdn here.org\n");
    p = of_tunnel(r, r->conf, "192.0.2.1");
    assert_int_equal(p->dpd_interval, 10);
    assert_int_equal(p->local_id->type, IKE_ID_FQDN);
    assert_true(takes(r, p, "203.0.113.1"));
    load(r, "no crypto ikev2 profile default\n" RINGS "interface Tunnel0\n tunnel destination 203.0.113.1\n");
    assert_string_equal(of_address(r, "203.0.113.1"), "");
#undef DEFAULT
}

static void test_default_of_name(void **state)
{
    struct rig *r = *state;
    struct ip_addr end = {0}, local;
    load(r, RINGS STATIC("r1.example.com"));
    r->set.hooks.destination = finds_end;
    r->set.hooks.destination_ctx = &end;
    assert_string_equal(of_address(r, "203.0.113.1"), ""); // not looked up yet
    end = path_of("192.0.2.1", "203.0.113.1").remote;
    assert_string_equal(of_address(r, "203.0.113.1"), "default");
    const struct conf_if *f = conf_find_if(r->conf, (struct ifid){IF_TUNNEL, 0});
    local = ip_of("192.0.2.1");
    const struct ike_profile *p = profiles_tunnel(&r->set, f, &local, &end);
    assert_true(takes(r, p, "203.0.113.1"));
    end = path_of("192.0.2.1", "203.0.113.2").remote; // the name has moved
    const struct ike_profile *q = profiles_tunnel(&r->set, f, &local, &end);
    assert_true(takes(r, q, "203.0.113.2"));
    assert_false(takes(r, q, "203.0.113.1"));
    assert_string_equal(of_address(r, "203.0.113.1"), "");
}

// With nobody to serve, not even the first message is answered.
static void test_nobody_to_serve(void **state)
{
    struct rig *r = *state;
    struct ike_path path = path_of("192.0.2.1", "203.0.113.1");
    load(r, RINGS);
    assert_null(profiles_select(&r->set, &(struct ike_select){.path = &path}));
    load(r, RINGS STATIC("203.0.113.1"));
    assert_non_null(profiles_select(&r->set, &(struct ike_select){.path = &path}));
}

static bool gcm_alone(void *ctx, const struct ike_suite *esp)
{
    ++*(unsigned *)ctx;
    return esp->encr == IKE_ENCR_AES_GCM_16;
}

static void test_datapath(void **state)
{
    struct rig *r = *state;
    unsigned asked = 0;
    static const char *const sets[] = {"cbc default", "cbc"};
    r->set.has_suite = gcm_alone;
    r->set.has_suite_ctx = &asked;
    for (int i = 0; i < 2; i++) { // with another one, and alone
        struct conf *c = conf_clone(r->conf);
        struct conf_reader reader;
        char line[64];
        snprintf(line, sizeof(line), "set transform-set %s", sets[i]);
        conf_reader_init(&reader, r->lang, c);
        reader.line = 1;
        assert_true(conf_read_line(&reader, "crypto ipsec transform-set cbc esp-aes 192 esp-sha-hmac"));
        assert_true(conf_read_line(&reader, "crypto ipsec profile exact"));
        assert_true(conf_read_line(&reader, line));
        profiles_reset(&r->set, c);
        struct ike_profile *p = of_tunnel(r, c, "192.0.2.1");
        assert_non_null(
            strstr(r->said, "transform set cbc is left out: the datapath does not do AES-CBC-192/HMAC-SHA1-96"));
        if (i == 0) {
            assert_non_null(p);
            assert_int_equal(p->n_esp, 1);
            assert_int_equal(p->esp[0].encr[0].id, IKE_ENCR_AES_GCM_16);
        } else {
            assert_null(p);
        }
        profiles_reset(&r->set, r->conf);
        conf_free(c);
    }
    assert_int_equal(asked, 3);
}

static void test_new_configuration(void **state)
{
    struct rig *r = *state;
    struct ike_profile *p = ike_profile_ref(of_tunnel(r, r->conf, "192.0.2.1"));
    struct conf *empty = conf_new();
    profiles_reset(&r->set, empty);
    assert_null(profiles_conf(&r->set, p)); // in use, but its configuration is gone
    assert_string_equal(chosen(r, "a.example.com", "192.0.2.1", "198.51.100.7", NULL), "");
    profiles_reset(&r->set, r->conf);
    assert_non_null(profiles_conf(&r->set, p));
    ike_profile_unref(p);
    conf_free(empty);
}

// Transform sets follow the configuration, for as long as the session's interface has one for it.
static void test_transform_sets_of_now(void **state)
{
    struct rig *r = *state;
    struct ike_profile *p = ike_profile_ref(of_tunnel(r, r->conf, "192.0.2.1"));
    struct ike_proposal now[IKE_MAX_PROPOSALS];
    struct conf *empty = conf_new();
    assert_int_equal(profiles_esp(&r->set, p, now), p->n_esp);
    assert_memory_equal(now, p->esp, p->n_esp * sizeof(now[0]));
    static const struct {
        const char *line[3];
        uint8_t n;
        uint16_t encr;
    } rows[] = {
        {{"crypto ipsec transform-set cbc esp-aes 192 esp-sha-hmac", "crypto ipsec profile exact",
          "set transform-set cbc"},
         1,
         IKE_ENCR_AES_CBC},
        {{"interface Tunnel0", "no tunnel protection ipsec profile exact", "shutdown"}, 0, 0},
        {{"crypto ikev2 profile other", "crypto ipsec profile exact", "set ikev2-profile other"}, 0, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conf *c = conf_clone(r->conf);
        struct conf_reader reader;
        conf_reader_init(&reader, r->lang, c);
        reader.line = 1;
        for (unsigned l = 0; l < 3; l++) {
            assert_true(conf_read_line(&reader, rows[i].line[l]));
        }
        profiles_reset(&r->set, c);
        assert_int_equal(profiles_esp(&r->set, p, now), rows[i].n);
        assert_true(rows[i].n == 0 || now[0].encr[0].id == rows[i].encr);
        profiles_reset(&r->set, r->conf);
        conf_free(c);
    }
    profiles_reset(&r->set, empty);
    assert_int_equal(profiles_esp(&r->set, p, now), 0);
    profiles_reset(&r->set, r->conf);
    ike_profile_unref(p);
    conf_free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"the most specific profile that can serve the peer is chosen", test_select, setup, teardown, NULL},
        {"a profile carries policy, transform set and lifetimes", test_contents, setup, teardown, NULL},
        {"the authorization policy decides on addresses", test_authorization, setup, teardown, NULL},
        {"keys are found by identity, then name, then longest mask", test_keys, setup, teardown, NULL},
        {"a domain comes after names and before addresses", test_key_domains, setup, teardown, NULL},
        {"a certificate map comes before identities, those by how exact they are, over both address families",
         test_precedence, setup, teardown, NULL},
        {"our address of either family, or an interface's, chooses too", test_local_address, setup, teardown, NULL},
        {"a certificate's subject and kind of key are read without decoding it", test_cert_parts, setup, teardown,
         NULL},
        {"a way of authentication that the chosen profile lacks is refused, and the log says why", test_ways, setup,
         teardown, NULL},
        {"our identity is our certificate's subject; a key of another kind does not serve",
         test_identity_of_certificate, setup, teardown, NULL},
        {"of several trustpoints those of the right kind of key sign", test_several_certificates, setup, teardown,
         NULL},
        {"authorization depends on how the peer proved itself", test_authorization_by_way, setup, teardown, NULL},
        {"a responder is taken by identity or by certificate map", test_responder_fits, setup, teardown, NULL},
        {"the first answer asks for certificates of every CA that is trusted", test_first_message, setup, teardown,
         NULL},
        {"the default profile serves the far ends of its tunnels and nobody else", test_default_profile, setup,
         teardown, NULL},
        {"over IPv6, too", test_default_ipv6, setup, teardown, NULL},
        {"beside it others are chosen as before", test_default_among_others, setup, teardown, NULL},
        {"each line in it replaces a part of the default", test_default_changed, setup, teardown, NULL},
        {"a tunnel's far end may be a name", test_default_of_name, setup, teardown, NULL},
        {"without anybody to serve the first message gets no answer", test_nobody_to_serve, setup, teardown, NULL},
        {"what the datapath cannot do is not offered", test_datapath, setup, teardown, NULL},
        {"profiles in use outlive their configuration", test_new_configuration, setup, teardown, NULL},
        {"transform sets are those of now", test_transform_sets_of_now, setup, teardown, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
