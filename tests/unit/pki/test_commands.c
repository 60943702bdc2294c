// SPDX-License-Identifier: BSD-2-Clause
// show and clear crypto pki: what they collect and what they print.
#include "tests/unit/hostd/exec_rig.h"
#include "tests/unit/pki/ca.h"
#include "tests/unit/pki/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct web web;
static struct made root, r1, peer;

static int setup(void **state)
{
    (void)state;
    char err[1024] = "", dp[300];
    exec_rig_open();
    d->log.quiet = false;
    web_open(&web, &d->loop);
    root = ca_root("O=Example/CN=Root", "p256");
    const struct spec own = {.subject = "O=Example/OU=Lab/CN=r1",
                             .key = "rsa2048",
                             .san = "DNS:r1.example.com,IP:192.0.2.1",
                             .serial = "171"};
    snprintf(dp, sizeof(dp), "URI:%s", web_url(&web, "/root.crl"));
    const struct spec other = {.subject = "CN=peer", .crl = dp};
    r1 = ca_make(&own, &root);
    peer = ca_make(&other, &root);
    ca_write_cert("root.pem", root.cert, NULL);
    ca_write_cert("r1.pem", r1.cert, NULL);
    ca_write_key("r1.key", r1.key, "hush");
    X509_CRL *crl = ca_crl(&root, (const char *const[]){"66", "67", NULL}, 3600);
    FILE *f = fopen(ca_path("root.crl"), "w");
    i2d_X509_CRL_fp(f, crl);
    fclose(f);
    X509_CRL_free(crl);
    struct str conf = {0};
    str_addf(&conf,
             "crypto pki trustpoint T\n ca-certificate file %s\n certificate file %s\n key file %s password hush\n"
             " crl file %s\n revocation-check ocsp crl none\n ocsp url http://ocsp.example.com/\n"
             "crypto pki trustpoint U\n ca-certificate file %s\n weak-algorithms accept\n",
             ca_path("root.pem"), ca_path("r1.pem"), ca_path("r1.key"), ca_path("root.crl"), ca_path("root.pem"));
    configure(str_text(&conf));
    str_free(&conf);
    d->trust = pki_load(d->conf, NULL, &d->log, err, sizeof(err));
    d->pki = pki_open(&d->loop, &d->log, NULL);
    if (d->trust == NULL) {
        print_error("%s\n", err);
        return 1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pki_close(d->pki);
    web_close(&web);
    uv_run(&d->loop, UV_RUN_DEFAULT); // until nothing looks at it any more
    pki_unref(d->trust);
    exec_rig_close();
    made_free(&root);
    made_free(&r1);
    made_free(&peer);
    ca_cleanup();
    return 0;
}

static void certificates(void **state)
{
    (void)state;
    run("show crypto pki certificates");
    assert_int_equal(json_array_size(data), 3); // ours, and the CA twice
    const json_t *own = json_array_get(data, 0);
    assert_string_equal(show_text(own, "role"), "own");
    assert_string_equal(show_text(own, "subject"), "cn=r1,ou=Lab,o=Example");
    assert_string_equal(show_text(own, "issuer"), "cn=Root,o=Example");
    assert_string_equal(show_text(own, "serial"), "ab");
    assert_string_equal(show_text(own, "key"), "RSA 2048");
    assert_string_equal(show_text(own, "status"), "valid");
    assert_int_equal(json_array_size(json_object_get(own, "alternative_names")), 2);
    assert_string_equal(show_text(json_array_get(data, 1), "role"), "ca");
    says("Certificate\n  Status: valid\n  Certificate Serial Number (hex): ab\n  Public Key: RSA 2048\n"
         "  Issuer: cn=Root,o=Example\n  Subject: cn=r1,ou=Lab,o=Example\n  Alternative Name: r1.example.com\n"
         "  Alternative Name: 192.0.2.1\n  Validity Date: ");
    says("CA Certificate\n");
    run("show crypto pki certificates U");
    assert_int_equal(json_array_size(data), 1);
    fails("show crypto pki certificates V", "there is no trustpoint \"V\"");
}

static void trustpoints(void **state)
{
    (void)state;
    run("show crypto pki trustpoints");
    assert_int_equal(json_array_size(data), 2);
    const json_t *t = json_array_get(data, 0);
    assert_string_equal(show_text(t, "certificate"), "cn=r1,ou=Lab,o=Example");
    assert_int_equal(json_array_size(json_object_get(t, "revocation_check")), 3);
    says("Trustpoint T:\n  CA: cn=Root,o=Example\n  Own certificate: cn=r1,ou=Lab,o=Example\n"
         "  Certificates sent to peers: 1\n  From: the files of the configuration\n"
         "  Revocation check: ocsp crl none\n  CRLs from files: 1\n  OCSP URL: http://ocsp.example.com/\n");
    says("Trustpoint U:\n  CA: cn=Root,o=Example\n  Own certificate: none\n");
    says("  Revocation check: crl\n  CRLs from files: 0\n  Weak algorithms are accepted\n");
    run("show running-config");
    assert_null(strstr(text, "hush"));
    says(" revocation-check ocsp crl none\n ocsp url http://ocsp.example.com/\n");
}

static bool done;
static void on_done(void *arg, EVP_PKEY *key, const char *why)
{
    (void)arg, (void)why;
    assert_non_null(key);
    EVP_PKEY_free(key);
    done = true;
}

static void fetched(void **state)
{
    (void)state;
    struct web_page p = {.path = "/root.crl", .kind = WEB_BODY};
    X509_CRL *crl = ca_crl(&root, (const char *const[]){"66", NULL}, 3600);
    uint8_t *body = NULL;
    p.len = (size_t)i2d_X509_CRL(crl, &body);
    p.body = body;
    X509_CRL_free(crl);
    web_add(&web, &p);
    struct ike_certs certs = {.n = 1};
    certs.cert[0].p = ca_der(peer.cert, &certs.cert[0].len);
    const char *u = "U";
    run("show crypto pki crls");
    assert_int_equal(json_array_size(data), 1);
    says("CRL of a file, trustpoint: T\n  Issuer: cn=Root,o=Example\n  State: valid\n  Revoked certificates: 2\n");
    assert_non_null(pki_check_start(d->pki, d->trust, &u, 1, NULL, &certs, on_done, NULL));
    while (!done) {
        uv_run(&d->loop, UV_RUN_ONCE);
    }
    run("show crypto pki crls");
    assert_int_equal(json_array_size(data), 2);
    const json_t *e = json_array_get(data, 1);
    assert_string_equal(show_text(e, "kind"), "crl");
    assert_string_equal(show_text(e, "url"), web_url(&web, "/root.crl"));
    assert_string_equal(show_text(e, "state"), "valid");
    assert_int_equal(show_number(e, "revoked"), 1);
    assert_true(show_number(e, "kept_seconds") > 3000 && show_number(e, "kept_seconds") <= 3600);
    run("show crypto pki counters");
    assert_int_equal(show_number(data, "checks"), 1);
    assert_int_equal(show_number(data, "good"), 1);
    assert_int_equal(show_number(data, "fetches"), 1);
    says("fetches          1\n");
    run("clear crypto pki crls");
    says("1 dropped");
    run("show crypto pki crls");
    assert_int_equal(json_array_size(data), 1);
    OPENSSL_free((void *)(uintptr_t)certs.cert[0].p);
    OPENSSL_free(body);
}

static void refusals(void **state)
{
    (void)state;
    fails("crypto pki import T pem file a b c", "there is no state folder");
    d->options.state_path = ca_folder();
    fails("crypto pki import T pem file a b c", "the trustpoint's files are named in the configuration");
    fails("crypto pki authenticate U file a", "the trustpoint's files are named in the configuration");
    fails("crypto pki import ../x pkcs12 a password b", "a trustpoint is not called so");
    fails("crypto pki import T", "expected");
    d->options.state_path = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"show crypto pki certificates", certificates, NULL, NULL, NULL},
        {"show crypto pki trustpoints, and no password anywhere", trustpoints, NULL, NULL, NULL},
        {"show crypto pki crls and counters, clear crypto pki crls", fetched, NULL, NULL, NULL},
        {"imports that make no sense are refused", refusals, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("commands for certificates", tests, setup, teardown);
}
