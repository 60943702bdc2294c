// SPDX-License-Identifier: BSD-2-Clause
// Certificates by themselves: parsing, identities, texts, certificate maps.
#include "hostd/pki/certmap.h"
#include "tests/unit/pki/ca.h"

#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct made root, r1;

static int setup(void **state)
{
    (void)state;
    const struct spec s = {.subject = "C=DE/O=Cisco Systems/OU=Engineering/CN=RouterName",
                           .basic = "CA:FALSE",
                           .serial = "4660",
                           .usage = "critical,digitalSignature",
                           .san = "DNS:r1.example.com,email:r1@example.com,IP:192.0.2.1,IP:2001:db8::1,"
                                  "URI:http://example.com/r1"};
    root = ca_root("O=Cisco/OU=IT/CN=PKI Server", "p256");
    r1 = ca_make(&s, &root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    made_free(&root);
    made_free(&r1);
    return 0;
}

static bool has(const struct made *m, uint8_t type, const void *data, size_t len)
{
    struct ike_id *id = ike_id_new(type, data, len);
    bool yes = cert_has_id(m->cert, id);
    free(id);
    return yes;
}

static bool has_text(const struct made *m, uint8_t type, const char *text)
{
    return has(m, type, text, strlen(text));
}

static void identities(void **state)
{
    (void)state;
    const uint8_t v4[4] = {192, 0, 2, 1}, other[4] = {192, 0, 2, 2};
    const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    assert_true(has_text(&r1, IKE_ID_FQDN, "r1.example.com"));
    assert_true(has_text(&r1, IKE_ID_FQDN, "R1.Example.COM"));
    assert_false(has_text(&r1, IKE_ID_FQDN, "r1.example.co"));
    assert_false(has_text(&r1, IKE_ID_FQDN, "RouterName")); // the common name is no identity
    assert_false(has_text(&r1, IKE_ID_FQDN, "r1@example.com"));
    assert_true(has_text(&r1, IKE_ID_EMAIL, "r1@example.com"));
    assert_false(has_text(&r1, IKE_ID_EMAIL, "r1.example.com"));
    assert_false(has(&r1, IKE_ID_FQDN, "r1.example.com\0", 15));
    assert_false(has(&r1, IKE_ID_FQDN, "", 0));
    assert_true(has(&r1, IKE_ID_IPV4, v4, 4));
    assert_false(has(&r1, IKE_ID_IPV4, other, 4));
    assert_false(has(&r1, IKE_ID_IPV4, v4, 3));
    assert_true(has(&r1, IKE_ID_IPV6, v6, 16));
    assert_false(has(&r1, IKE_ID_IPV6, v4, 4));
    assert_false(has_text(&r1, IKE_ID_KEY_ID, "r1.example.com"));
    struct ike_id *dn = cert_subject_id(r1.cert);
    assert_non_null(dn);
    assert_int_equal(dn->type, IKE_ID_DN);
    assert_true(cert_has_id(r1.cert, dn));
    assert_false(cert_has_id(root.cert, dn));
    assert_false(has(&r1, IKE_ID_DN, dn->data, dn->len - 1U));
    assert_false(has_text(&r1, IKE_ID_DN, "CN=RouterName"));
    free(dn);
}

static void wildcards(void **state)
{
    (void)state;
    const struct spec s = {.subject = "CN=w", .san = "DNS:*.example.com"};
    struct made w = ca_make(&s, &root);
    assert_false(has_text(&w, IKE_ID_FQDN, "r1.example.com"));
    made_free(&w);
}

static void texts(void **state)
{
    (void)state;
    struct str s = {0};
    cert_name_text(X509_get_subject_name(r1.cert), &s);
    assert_string_equal(str_text(&s), "cn=RouterName,ou=Engineering,o=Cisco Systems,c=DE");
    str_free(&s);
    struct ike_id *dn = cert_subject_id(r1.cert);
    char part[64];
    assert_true(cert_dn_text(dn->data, dn->len, &s));
    assert_string_equal(str_text(&s), "cn=RouterName,ou=Engineering,o=Cisco Systems,c=DE");
    str_free(&s);
    assert_false(cert_dn_text(dn->data, dn->len - 1U, &s));
    assert_true(cert_dn_part(dn->data, dn->len, "ou", part, sizeof(part)));
    assert_string_equal(part, "Engineering");
    assert_true(cert_dn_part(dn->data, dn->len, "O", part, sizeof(part)));
    assert_string_equal(part, "Cisco Systems");
    assert_false(cert_dn_part(dn->data, dn->len, "l", part, sizeof(part)));
    assert_false(cert_dn_part(dn->data, dn->len, "ou", part, 11)); // 11 letters and the end
    assert_true(cert_dn_is(dn->data, dn->len, "CN = routername , ou=engineering, O=Cisco Systems,c=de"));
    assert_false(cert_dn_is(dn->data, dn->len, "cn=routername,ou=engineering,o=ciscosystems,c=de"));
    assert_false(cert_dn_is(dn->data, dn->len, ""));
    free(dn);
    char text[64];
    cert_serial_text(X509_get0_serialNumber(r1.cert), text, sizeof(text));
    assert_string_equal(text, "1234");
    cert_key_text(X509_get0_pubkey(r1.cert), text, sizeof(text));
    assert_string_equal(text, "EC prime256v1");
}

// A value that would like to be taken for another part.
static void escapes(void **state)
{
    (void)state;
    const struct spec s = {.subject = "CN=evil,o=cisco + x\\"};
    struct made m = ca_make(&s, &root);
    struct str t = {0};
    cert_name_text(X509_get_subject_name(m.cert), &t);
    assert_string_equal(str_text(&t), "cn=evil\\,o\\=cisco \\+ x\\\\");
    str_free(&t);
    struct conf_certmap map = {.name = "m", .n_cond = 1};
    map.cond[0] = (struct conf_cert_cond){.field = CONF_CERT_SUBJECT, .op = CONF_CERT_CO, .text = "o = cisco"};
    assert_false(certmap_entry_matches(&map, m.cert));
    made_free(&m);
}

static void folding(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"  CN = A , O= b ", "cn=a,o=b"},
        {"o=a  b", "o=a  b"},
        {"", ""},
        {"  ", ""},
        {"a\\ ,b", "a\\ ,b"},
        {"x\\, y", "x\\, y"},
        {"\\", "\\"},
        {",,=", ",,="},
        {"cn=a\\  , o=b", "cn=a\\ ,o=b"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        str_copy(text, sizeof(text), cases[i][0]);
        cert_fold(text);
        assert_string_equal(text, cases[i][1]);
    }
}

static bool cond(uint8_t field, uint8_t op, const char *text, int64_t date)
{
    struct conf_certmap map = {.name = "m", .n_cond = 1};
    map.cond[0] = (struct conf_cert_cond){.field = field, .op = op, .date = date};
    str_copy(map.cond[0].text, CONF_TEXT, text);
    return certmap_entry_matches(&map, r1.cert);
}

static void map_operators(void **state)
{
    (void)state;
    const char *subject = "cn = routername, ou=Engineering,o=cisco systems,c=de";
    assert_true(cond(CONF_CERT_SUBJECT, CONF_CERT_EQ, subject, 0));
    assert_false(cond(CONF_CERT_SUBJECT, CONF_CERT_NE, subject, 0));
    assert_false(cond(CONF_CERT_SUBJECT, CONF_CERT_EQ, "o=cisco systems", 0));
    assert_true(cond(CONF_CERT_SUBJECT, CONF_CERT_NE, "o=cisco systems", 0));
    assert_true(cond(CONF_CERT_SUBJECT, CONF_CERT_CO, "o = cisco", 0));
    assert_false(cond(CONF_CERT_SUBJECT, CONF_CERT_NC, "o = cisco", 0));
    assert_false(cond(CONF_CERT_SUBJECT, CONF_CERT_CO, "o=juniper", 0));
    assert_true(cond(CONF_CERT_SUBJECT, CONF_CERT_NC, "o=juniper", 0));
    assert_true(cond(CONF_CERT_ISSUER, CONF_CERT_CO, "CN=pki server, ou=IT", 0));
    assert_false(cond(CONF_CERT_ISSUER, CONF_CERT_CO, "routername", 0));
    assert_true(cond(CONF_CERT_ALT_SUBJECT, CONF_CERT_EQ, "R1.example.com", 0));
    assert_true(cond(CONF_CERT_ALT_SUBJECT, CONF_CERT_EQ, "192.0.2.1", 0));
    assert_true(cond(CONF_CERT_ALT_SUBJECT, CONF_CERT_CO, "@example", 0));
    assert_false(cond(CONF_CERT_ALT_SUBJECT, CONF_CERT_NC, "@example", 0)); // one of them contains it
    assert_false(cond(CONF_CERT_ALT_SUBJECT, CONF_CERT_NE, "2001:db8::1", 0));
    assert_true(cond(CONF_CERT_ALT_SUBJECT, CONF_CERT_NE, "routername", 0));
    assert_true(cond(CONF_CERT_NAME, CONF_CERT_CO, "routername", 0));
    assert_true(cond(CONF_CERT_NAME, CONF_CERT_EQ, "r1.example.com", 0));
    assert_false(cond(CONF_CERT_NAME, CONF_CERT_CO, "pki server", 0));
    assert_true(cond(CONF_CERT_SERIAL, CONF_CERT_EQ, "0x00 12:34", 0));
    assert_false(cond(CONF_CERT_SERIAL, CONF_CERT_EQ, "12", 0));
    assert_true(cond(CONF_CERT_SERIAL, CONF_CERT_CO, "23", 0));
    assert_true(cond(CONF_CERT_SERIAL, CONF_CERT_NE, "1235", 0));
    int64_t from = cert_time(X509_get0_notBefore(r1.cert)), to = cert_time(X509_get0_notAfter(r1.cert));
    assert_true(cond(CONF_CERT_VALID_START, CONF_CERT_EQ, "", from));
    assert_false(cond(CONF_CERT_VALID_START, CONF_CERT_NE, "", from));
    assert_true(cond(CONF_CERT_VALID_START, CONF_CERT_GE, "", from));
    assert_false(cond(CONF_CERT_VALID_START, CONF_CERT_GE, "", from + 1));
    assert_false(cond(CONF_CERT_EXPIRES_ON, CONF_CERT_LT, "", to));
    assert_true(cond(CONF_CERT_EXPIRES_ON, CONF_CERT_LT, "", to + 1));
}

static void map_logic(void **state)
{
    (void)state;
    struct conf_certmap a = {.name = "m", .sequence = 1, .n_cond = 2}, b = {.name = "m", .sequence = 2, .n_cond = 1},
                        c = {.name = "n", .sequence = 1, .n_cond = 1}, none = {.name = "none", .sequence = 1};
    a.cond[0] = (struct conf_cert_cond){.field = CONF_CERT_SUBJECT, .op = CONF_CERT_CO, .text = "o=cisco"};
    a.cond[1] = (struct conf_cert_cond){.field = CONF_CERT_SUBJECT, .op = CONF_CERT_CO, .text = "ou=sales"};
    b.cond[0] = (struct conf_cert_cond){.field = CONF_CERT_ISSUER, .op = CONF_CERT_CO, .text = "ou=it"};
    c.cond[0] = (struct conf_cert_cond){.field = CONF_CERT_SUBJECT, .op = CONF_CERT_CO, .text = "ou=sales"};
    void *at[] = {&a, &b, &c, &none};
    struct list all = {at, 4, 4}, first = {at, 1, 1};
    assert_false(certmap_matches(&first, "m", r1.cert)); // one of two conditions of a number fails
    assert_true(certmap_matches(&all, "m", r1.cert));    // but another number's hold
    assert_false(certmap_matches(&all, "n", r1.cert));
    assert_false(certmap_matches(&all, "none", r1.cert));
    assert_false(certmap_matches(&all, "elsewhere", r1.cert));
}

static void odd_der(void **state)
{
    (void)state;
    const char *why = NULL;
    size_t len;
    uint8_t *der = ca_der(r1.cert, &len), *more = calloc(1, len + CERT_MAX);
    memcpy(more, der, len);
    X509 *c = cert_parse(der, len, &why);
    assert_non_null(c);
    X509_free(c);
    assert_null(cert_parse(der, len - 1, &why));
    assert_string_equal(why, "it is not a certificate");
    assert_null(cert_parse(more, len + 1, &why));
    assert_string_equal(why, "something follows it");
    assert_null(cert_parse(der, 0, &why));
    assert_string_equal(why, "it is empty");
    assert_null(cert_parse(more, CERT_MAX + 1, &why));
    assert_string_equal(why, "it is too long");
    for (size_t i = 0; i < len; i++) { // cut anywhere
        assert_null(cert_parse(der, i, &why));
    }
    free(more);
    OPENSSL_free(der);
}

static void oddities(void **state)
{
    (void)state;
    static const struct {
        struct spec s;
        const char *why;
    } cases[] = {
        {{.subject = "CN=x", .serial = "-5"}, "its serial number is negative"},
        {{.subject = "CN=x",
          .serial = "12345678901234567890123456789012345678901234567890123456789012345678901234567890"},
         "its serial number is too long"},
        {{.subject = "CN=x", .basic = "CA:FALSE", .twice = NID_basic_constraints},
         "an extension of it is malformed or there twice"},
        {{.subject = "CN=x"}, NULL},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made m = ca_make(&cases[i].s, &root);
        const char *why = cert_oddity(m.cert);
        assert_int_equal(why == NULL, cases[i].why == NULL);
        if (why != NULL) {
            assert_string_equal(why, cases[i].why);
        }
        made_free(&m);
    }
}

static void uses(void **state)
{
    (void)state;
    static const struct {
        const char *usage, *ext_usage;
        bool ok;
    } cases[] = {
        {NULL, NULL, true},
        {"digitalSignature", NULL, true},
        {"nonRepudiation,keyEncipherment", NULL, true},
        {"keyEncipherment", NULL, false},
        {"keyCertSign,cRLSign", NULL, false},
        {NULL, "serverAuth", true},
        {NULL, "clientAuth,emailProtection", true},
        {NULL, "ipsecIKE", true},
        {NULL, "anyExtendedKeyUsage", true},
        {NULL, "codeSigning", false},
        {NULL, "OCSPSigning,timeStamping", false},
        {"keyAgreement", "ipsecIKE", false},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct spec s = {.subject = "CN=x", .usage = cases[i].usage, .ext_usage = cases[i].ext_usage};
        struct made m = ca_make(&s, &root);
        assert_int_equal(cert_wrong_use(m.cert) == NULL, cases[i].ok);
        made_free(&m);
    }
}

// A CertificateBundle by hand (RFC 7296 3.6), every cut of it, and what is none.
static void bundles(void **state)
{
    (void)state;
    size_t len[2], n = 4;
    uint8_t *der[2] = {ca_der(root.cert, &len[0]), NULL}, *all = malloc(20000), one[6];
    const struct spec s = {.subject = "CN=x"};
    struct made m = ca_make(&s, &root);
    der[1] = ca_der(m.cert, &len[1]);
    assert_true(all != NULL && len[0] > 255 && len[1] > 255 && len[0] + len[1] < 8000);
    for (int i = 0; i < 3; i++) { // a certificate, a CRL (which is not looked into), a certificate
        const uint8_t *p = i == 1 ? (const uint8_t *)"\x30\x00" : der[i / 2];
        const size_t l = i == 1 ? 2 : len[i / 2];
        all[n++] = i == 1 ? 0xa1 : 0xa0;
        all[n++] = 0x82;
        all[n++] = (uint8_t)(l >> 8);
        all[n++] = (uint8_t)l;
        memcpy(all + n, p, l);
        n += l;
    }
    memcpy(all, (const uint8_t[]){0x30, 0x82, (uint8_t)((n - 4) >> 8), (uint8_t)(n - 4)}, 4);
    struct ike_certs c;
    assert_true(cert_bundle(all, n, &c));
    assert_int_equal(c.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(c.cert[i].len, len[i]);
        assert_memory_equal(c.cert[i].p, der[i], len[i]);
    }
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *copy = malloc(cut > 0 ? cut : 1); // of its own, so that a read past the end is seen
        memcpy(copy, all, cut);
        assert_false(cert_bundle(copy, cut, &c));
        free(copy);
    }
    assert_false(cert_bundle(all, n + 1, &c));                     // followed by something
    assert_false(cert_bundle(der[0], len[0], &c));                 // a certificate by itself
    assert_false(cert_bundle((const uint8_t *)"\x30\x00", 2, &c)); // none
    memcpy(one, "\x30\x04\xa1\x02\x30\x00", 6);
    assert_false(cert_bundle(one, 6, &c)); // a CRL alone
    one[2] = 0xa2;
    assert_false(cert_bundle(one, 6, &c)); // something else
    one[2] = 0xa0;
    assert_true(cert_bundle(one, 6, &c));
    uint8_t many[2 + 4 * (IKE_MAX_CERTS + 1)] = {0x30, 4 * (IKE_MAX_CERTS + 1)};
    for (size_t i = 2; i < sizeof(many); i += 4) {
        memcpy(many + i, one + 2, 4);
    }
    assert_false(cert_bundle(many, sizeof(many), &c));
    many[1] -= 4;
    assert_true(cert_bundle(many, sizeof(many) - 4, &c));
    assert_int_equal(c.n, IKE_MAX_CERTS);
    OPENSSL_free(der[0]);
    OPENSSL_free(der[1]);
    free(all);
    made_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"an identity is the subject or an alternative name of its kind, nothing else", identities, NULL, NULL, NULL},
        {"a wildcard stands for nothing", wildcards, NULL, NULL, NULL},
        {"names, parts of them, serial numbers and keys have a fixed text", texts, NULL, NULL, NULL},
        {"a value cannot look like another part of the name", escapes, NULL, NULL, NULL},
        {"case and blanks around , and = do not count", folding, NULL, NULL, NULL},
        {"every operator of a certificate map on every field", map_operators, NULL, NULL, NULL},
        {"conditions of a sequence number are and-ed, sequence numbers or-ed", map_logic, NULL, NULL, NULL},
        {"cut, followed, empty and overlong certificates are refused", odd_der, NULL, NULL, NULL},
        {"negative and long serial numbers and doubled extensions are refused", oddities, NULL, NULL, NULL},
        {"a bundle has the certificates that were put in, and no cut of it is one", bundles, NULL, NULL, NULL},
        {"key usage and extended key usage must allow IKE", uses, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("certificates", tests, setup, teardown);
}
