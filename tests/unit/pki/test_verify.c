// SPDX-License-Identifier: BSD-2-Clause
// Chains: what is accepted, and everything odd that a peer may send, each with its own reason.
#include "hostd/pki/verify.h"
#include "hostd/util/str.h"
#include "tests/unit/pki/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CA_USE "critical,keyCertSign,cRLSign"

static struct made root, sub, other;

static int setup(void **state)
{
    (void)state;
    root = ca_root("O=Example/CN=Root", "p384");
    const struct spec s = {.subject = "O=Example/CN=Sub", .basic = "critical,CA:TRUE,pathlen:0", .usage = CA_USE};
    sub = ca_make(&s, &root);
    other = ca_root("O=Other/CN=Root", "p256");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    made_free(&root);
    made_free(&sub);
    made_free(&other);
    return 0;
}

// A trustpoint of these CAs, as loaded from files.
static struct pki_set *trust(X509 *const *cas, bool weak)
{
    char err[512];
    struct conf *c = conf_new();
    struct conf_trustpoint *t = conf_get(&c->trustpoints, "T", sizeof(*t));
    conf_default_trustpoint(t);
    t->weak = weak;
    for (; *cas != NULL; cas++) {
        char name[32];
        snprintf(name, sizeof(name), "ca%u.pem", t->n_ca);
        ca_write_cert(name, *cas, NULL);
        str_copy(t->ca[t->n_ca++].path, CONF_TEXT, ca_path(name));
    }
    struct pki_set *s = pki_load(c, NULL, NULL, err, sizeof(err));
    if (s == NULL) {
        fail_msg("%s", err);
    }
    conf_free(c);
    ca_cleanup();
    return s;
}

static char why[VERIFY_WHY];
static int chain_length;
static const char *used;

// Verify what the peer sends, its own certificate first, with these sets' trustpoints. The reason, "" if it is good.
static const char *check_sets(struct pki_set *const *set, unsigned n_set, X509 *const *sent, const char *fqdn)
{
    const struct pki_trustpoint *t[4];
    struct ike_certs certs = {0};
    struct ike_id *id = fqdn == NULL ? NULL : ike_id_new(IKE_ID_FQDN, fqdn, strlen(fqdn));
    for (unsigned i = 0; i < n_set; i++) {
        t[i] = set[i]->trustpoints.at[0];
    }
    for (; *sent != NULL; sent++) {
        certs.cert[certs.n].p = ca_der(*sent, &certs.cert[certs.n].len);
        certs.n++;
    }
    struct verify v = {.trustpoint = t, .n_trustpoint = n_set, .certs = &certs, .id = id};
    verify_run(&v);
    assert_int_equal(v.chain == NULL, v.why[0] != '\0');
    assert_int_equal(v.chain == NULL, v.by == NULL);
    str_copy(why, sizeof(why), v.why);
    chain_length = sk_X509_num(v.chain);
    for (unsigned i = 0; i < n_set; i++) {
        used = v.by == t[i] ? (i == 0 ? "first" : "second") : used;
    }
    sk_X509_pop_free(v.chain, X509_free);
    for (unsigned i = 0; i < certs.n; i++) {
        OPENSSL_free((void *)(uintptr_t)certs.cert[i].p);
    }
    free(id);
    return why;
}

static const char *check_weak(X509 *const *cas, X509 *const *sent, const char *fqdn, bool weak)
{
    struct pki_set *s = trust(cas, weak);
    check_sets(&s, 1, sent, fqdn);
    pki_unref(s);
    return why;
}
#define LIST(...)        ((X509 *const[]){__VA_ARGS__, NULL})
#define CHECK(cas, sent) check_weak(cas, sent, "x.example.com", false)

#define EXPECT(reason, result)                                                                                         \
    do {                                                                                                               \
        if (strstr(result, reason) == NULL || ((reason)[0] == '\0' && why[0] != '\0')) {                               \
            fail_msg("expected \"%s\", got \"%s\"", reason, why);                                                      \
        }                                                                                                              \
    } while (0)

#define LEAF .subject = "O=Example/CN=x", .san = "DNS:x.example.com"

static void good_chains(void **state)
{
    (void)state;
    static const char *const keys[] = {"rsa2048", "p256", "p384", "ed25519"};
    for (unsigned i = 0; i < 4; i++) {
        struct made ca = ca_root("CN=CA", keys[i]);
        const struct spec s = {LEAF, .key = keys[3 - i]};
        struct made x = ca_make(&s, &ca), y = ca_make(&s, &sub);
        EXPECT("", CHECK(LIST(ca.cert), LIST(x.cert)));
        assert_int_equal(chain_length, 2);
        EXPECT("", CHECK(LIST(root.cert), LIST(y.cert, sub.cert))); // the peer sends the intermediate
        assert_int_equal(chain_length, 3);
        EXPECT("", CHECK(LIST(root.cert, sub.cert), LIST(y.cert))); // we have it
        EXPECT("", CHECK(LIST(sub.cert), LIST(y.cert)));            // it is the anchor
        assert_int_equal(chain_length, 2);
        EXPECT("", CHECK(LIST(root.cert), LIST(y.cert, other.cert, sub.cert, root.cert, sub.cert))); // useless ones too
        made_free(&ca);
        made_free(&x);
        made_free(&y);
    }
}

static void trusted_leaf(void **state)
{
    (void)state;
    const struct spec s = {LEAF};
    struct made x = ca_make(&s, NULL);
    EXPECT("\"cn=x,o=Example\": self-signed certificate", CHECK(LIST(root.cert), LIST(x.cert)));
    EXPECT("", CHECK(LIST(x.cert), LIST(x.cert))); // it was configured
    made_free(&x);
}

static void not_reaching(void **state)
{
    (void)state;
    const struct spec s = {LEAF};
    struct made x = ca_make(&s, &sub), z = ca_make(&s, &other);
    EXPECT("\"cn=x,o=Example\": unable to get local issuer certificate", CHECK(LIST(root.cert), LIST(x.cert)));
    EXPECT("self-signed certificate in certificate chain", CHECK(LIST(root.cert), LIST(z.cert, other.cert)));
    made_free(&x);
    made_free(&z);
}

static void dates(void **state)
{
    (void)state;
    const struct spec was = {LEAF, .from = -2000, .to = -1000}, will = {LEAF, .from = 1000, .to = 2000};
    const struct spec ca = {.subject = "CN=OldSub", .basic = "critical,CA:TRUE", .from = -2000, .to = -1000};
    struct made a = ca_make(&was, &root), b = ca_make(&will, &root), o = ca_make(&ca, &root);
    const struct spec s = {LEAF};
    struct made c = ca_make(&s, &o);
    EXPECT("\"cn=x,o=Example\": certificate has expired", CHECK(LIST(root.cert), LIST(a.cert)));
    EXPECT("\"cn=x,o=Example\": certificate is not yet valid", CHECK(LIST(root.cert), LIST(b.cert)));
    EXPECT("\"cn=OldSub\": certificate has expired", CHECK(LIST(root.cert), LIST(c.cert, o.cert)));
    made_free(&a);
    made_free(&b);
    made_free(&c);
    made_free(&o);
}

static void constraints(void **state)
{
    (void)state;
    const struct spec s = {LEAF};
    const struct spec ca = {.subject = "CN=Below", .basic = "critical,CA:TRUE", .usage = CA_USE};
    const struct spec named = {.subject = "CN=Named",
                               .basic = "critical,CA:TRUE",
                               .usage = CA_USE,
                               .constraints = "critical,permitted;DNS:.other.com"};
    const struct spec banned = {.subject = "CN=Banned",
                                .basic = "critical,CA:TRUE",
                                .usage = CA_USE,
                                .constraints = "critical,excluded;DNS:x.example.com"};
    const struct spec no_sign = {.subject = "CN=NoSign", .basic = "critical,CA:TRUE", .usage = "digitalSignature"};
    struct made below = ca_make(&ca, &sub), n = ca_make(&named, &root), e = ca_make(&banned, &root);
    struct made q = ca_make(&no_sign, &root);
    struct made a = ca_make(&s, &below), b = ca_make(&s, &n), c = ca_make(&s, &e), d = ca_make(&s, &q);
    EXPECT("path length constraint exceeded", CHECK(LIST(root.cert), LIST(a.cert, below.cert, sub.cert)));
    EXPECT("permitted subtree violation", CHECK(LIST(root.cert), LIST(b.cert, n.cert)));
    EXPECT("excluded subtree violation", CHECK(LIST(root.cert), LIST(c.cert, e.cert)));
    EXPECT("\"cn=NoSign\": invalid CA certificate", CHECK(LIST(root.cert), LIST(d.cert, q.cert)));
    struct made *all[] = {&below, &n, &e, &q, &a, &b, &c, &d};
    for (unsigned i = 0; i < 8; i++) {
        made_free(all[i]);
    }
}

// An ordinary certificate that signs another one.
static void leaf_as_ca(void **state)
{
    (void)state;
    const struct spec s = {LEAF}, plain = {.subject = "CN=Plain"}, no = {.subject = "CN=No", .basic = "CA:FALSE"};
    struct made p = ca_make(&plain, &root), n = ca_make(&no, &root), a = ca_make(&s, &p), b = ca_make(&s, &n);
    EXPECT("\"cn=Plain\": invalid CA certificate", CHECK(LIST(root.cert), LIST(a.cert, p.cert)));
    EXPECT("\"cn=No\": invalid CA certificate", CHECK(LIST(root.cert), LIST(b.cert, n.cert)));
    // It may sign certificates, but does not say that it is a CA's.
    const struct spec half = {.subject = "CN=Half", .usage = CA_USE}, olden = {.subject = "CN=Old", .ns_type = "sslCA"};
    struct made h = ca_make(&half, &root), c = ca_make(&s, &h), o = ca_make(&olden, &root), d = ca_make(&s, &o);
    EXPECT("\"cn=Half\": invalid CA certificate", CHECK(LIST(root.cert), LIST(c.cert, h.cert)));
    EXPECT("\"cn=Old\": invalid CA certificate", CHECK(LIST(root.cert), LIST(d.cert, o.cert)));
    struct made *more[] = {&h, &c, &o, &d};
    for (unsigned i = 0; i < 4; i++) {
        made_free(more[i]);
    }
    made_free(&p);
    made_free(&n);
    made_free(&a);
    made_free(&b);
}

static void loops(void **state)
{
    (void)state;
    // A signs B, and B signs A: neither leads anywhere.
    const struct spec sa = {.subject = "CN=A", .basic = "critical,CA:TRUE", .usage = CA_USE};
    const struct spec sb = {.subject = "CN=B", .basic = "critical,CA:TRUE", .usage = CA_USE};
    struct made a0 = ca_make(&sa, NULL), b = ca_make(&sb, &a0), a = ca_make(&sa, &b);
    EVP_PKEY_free(a.key);
    X509_set_pubkey(a.cert, a0.key);
    X509_sign(a.cert, b.key, EVP_sha256());
    EVP_PKEY_up_ref(a0.key);
    a.key = a0.key;
    const struct spec s = {LEAF};
    struct made x = ca_make(&s, &a);
    EXPECT("unable to get local issuer certificate",
           CHECK(LIST(root.cert), LIST(x.cert, a.cert, b.cert, a.cert, b.cert)));
    made_free(&a0);
    made_free(&a);
    made_free(&b);
    made_free(&x);
}

static void weak_algorithms(void **state)
{
    (void)state;
    const struct spec s1 = {LEAF, .digest = EVP_sha1()}, m5 = {LEAF, .digest = EVP_md5()};
    const struct spec small = {LEAF, .key = "rsa1024"}, tiny = {LEAF, .key = "rsa768"};
    struct made rsa = ca_root("CN=RSA", "rsa1024"), big = ca_root("CN=Big", "rsa2048");
    const struct spec s = {LEAF};
    struct made a = ca_make(&s1, &root), b = ca_make(&m5, &big), c = ca_make(&small, &root), d = ca_make(&tiny, &root);
    struct made e = ca_make(&s, &rsa);
    EXPECT("CA signature digest algorithm too weak", CHECK(LIST(root.cert), LIST(a.cert)));
    EXPECT("CA signature digest algorithm too weak", CHECK(LIST(big.cert), LIST(b.cert)));
    EXPECT("EE certificate key too weak", CHECK(LIST(root.cert), LIST(c.cert)));
    EXPECT("CA certificate key too weak", CHECK(LIST(rsa.cert), LIST(e.cert)));
    EXPECT("", check_weak(LIST(root.cert), LIST(a.cert), NULL, true));
    EXPECT("", check_weak(LIST(root.cert), LIST(c.cert), NULL, true));
    EXPECT("", check_weak(LIST(rsa.cert), LIST(e.cert), NULL, true));
    EXPECT("its signature is made with a weak digest", check_weak(LIST(big.cert), LIST(b.cert), NULL, true));
    EXPECT("its RSA key is too short", check_weak(LIST(root.cert), LIST(d.cert), NULL, true));
    struct made *all[] = {&rsa, &big, &a, &b, &c, &d, &e};
    for (unsigned i = 0; i < 7; i++) {
        made_free(all[i]);
    }
}

static void wrong_leaf(void **state)
{
    (void)state;
    const struct spec id = {.subject = "O=Example/CN=x.example.com", .san = "DNS:y.example.com"};
    const struct spec use = {LEAF, .usage = "keyEncipherment"}, eku = {LEAF, .ext_usage = "codeSigning"};
    const struct spec neg = {LEAF, .serial = "-1"}, critical = {LEAF, .constraints = "critical,permitted;DNS:x"};
    struct made a = ca_make(&id, &root), b = ca_make(&use, &root), c = ca_make(&eku, &root), d = ca_make(&neg, &root);
    struct made e = ca_make(&critical, &root);
    EXPECT("the peer's identity is not in it", CHECK(LIST(root.cert), LIST(a.cert)));
    EXPECT("its key usage does not allow signatures", CHECK(LIST(root.cert), LIST(b.cert)));
    EXPECT("its extended key usage does not allow IKE", CHECK(LIST(root.cert), LIST(c.cert)));
    EXPECT("its serial number is negative", CHECK(LIST(root.cert), LIST(d.cert)));
    EXPECT("the peer's certificate: none came", CHECK(LIST(root.cert), ((X509 *const[]){NULL})));
    struct made *all[] = {&a, &b, &c, &d, &e};
    for (unsigned i = 0; i < 5; i++) {
        made_free(all[i]);
    }
}

static void wrong_signature(void **state)
{
    (void)state;
    const struct spec s = {LEAF};
    struct made x = ca_make(&s, &root);
    struct made fake = ca_root("O=Example/CN=Root", "p384"); // another key of the same name
    struct made y = ca_make(&s, &fake);
    EXPECT("certificate signature failure", CHECK(LIST(root.cert), LIST(y.cert)));
    EXPECT("", CHECK(LIST(fake.cert), LIST(y.cert)));
    EXPECT("", CHECK(LIST(root.cert), LIST(x.cert, fake.cert))); // the false root is passed over
    made_free(&x);
    made_free(&y);
    made_free(&fake);
}

static void several_trustpoints(void **state)
{
    (void)state;
    const struct spec s = {LEAF}, was = {LEAF, .from = -2000, .to = -1000};
    struct made x = ca_make(&s, &root), old = ca_make(&was, &root);
    struct pki_set *both[] = {trust(LIST(other.cert), false), trust(LIST(root.cert), false)};
    EXPECT("", check_sets(both, 2, LIST(x.cert), NULL));
    assert_string_equal(used, "second");
    // The reason is that of the one that knows the issuer.
    EXPECT("certificate has expired", check_sets(both, 2, LIST(old.cert), NULL));
    struct pki_set *turned[] = {both[1], both[0]};
    EXPECT("certificate has expired", check_sets(turned, 2, LIST(old.cert), NULL));
    EXPECT("there is no trustpoint with a CA", check_sets(turned, 0, LIST(x.cert), NULL));
    pki_unref(both[0]);
    pki_unref(both[1]);
    made_free(&x);
    made_free(&old);
}

static void garbage_beside(void **state)
{
    (void)state;
    const struct spec s = {LEAF};
    struct made x = ca_make(&s, &sub);
    struct pki_set *set = trust(LIST(root.cert), false);
    const struct pki_trustpoint *t = set->trustpoints.at[0];
    static const uint8_t junk[] = {0x30, 0x82, 0xff, 0xff, 1, 2, 3};
    struct ike_certs certs = {.n = 4};
    certs.cert[0].p = ca_der(x.cert, &certs.cert[0].len);
    certs.cert[1] = (struct ike_cert){junk, sizeof(junk)};
    certs.cert[2] = (struct ike_cert){NULL, 0};
    certs.cert[3].p = ca_der(sub.cert, &certs.cert[3].len);
    struct verify v = {.trustpoint = &t, .n_trustpoint = 1, .certs = &certs};
    verify_run(&v);
    assert_non_null(v.chain);
    sk_X509_pop_free(v.chain, X509_free);
    struct ike_certs first = {.n = 1, .cert = {{junk, sizeof(junk)}}};
    v.certs = &first;
    verify_run(&v);
    assert_null(v.chain);
    assert_string_equal(v.why, "the peer's certificate: it is not a certificate");
    OPENSSL_free((void *)(uintptr_t)certs.cert[0].p);
    OPENSSL_free((void *)(uintptr_t)certs.cert[3].p);
    pki_unref(set);
    made_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"RSA, P-256, P-384 and Ed25519 verify, with and without an intermediate", good_chains, NULL, NULL, NULL},
        {"a certificate that signed itself is refused unless it is configured", trusted_leaf, NULL, NULL, NULL},
        {"a chain that does not reach an anchor is refused", not_reaching, NULL, NULL, NULL},
        {"what has expired or is not valid yet is refused, end entity or CA", dates, NULL, NULL, NULL},
        {"path length, name constraints and key usage of CAs hold", constraints, NULL, NULL, NULL},
        {"what is not a CA's cannot sign certificates", leaf_as_ca, NULL, NULL, NULL},
        {"CAs that sign each other end the search", loops, NULL, NULL, NULL},
        {"MD5, SHA-1 and short RSA keys are refused; SHA-1 and RSA-1024 on demand are not", weak_algorithms, NULL, NULL,
         NULL},
        {"another identity, use or serial number is refused", wrong_leaf, NULL, NULL, NULL},
        {"a signature by another key of the CA's name is refused", wrong_signature, NULL, NULL, NULL},
        {"trustpoints are tried in turn, and the one that knows the issuer gives the reason", several_trustpoints, NULL,
         NULL, NULL},
        {"garbage beside the certificate is passed over, in its place refused", garbage_beside, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("chains", tests, setup, teardown);
}
