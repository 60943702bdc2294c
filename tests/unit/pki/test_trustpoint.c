// SPDX-License-Identifier: BSD-2-Clause
// Trustpoints: files named by the configuration, imports, what is refused.
#include "hostd/conf/reader.h"
#include "hostd/pki/trustpoint.h"
#include "tests/unit/pki/ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct made root, sub, r1, old, other;
static struct conf_lang *lang;
static char err[1024];

static int setup(void **state)
{
    (void)state;
    lang = conf_lang_new(err, sizeof(err));
    root = ca_root("O=Example/CN=Root", "rsa2048");
    const struct spec s = {
        .subject = "O=Example/CN=Sub", .basic = "critical,CA:TRUE,pathlen:0", .usage = "keyCertSign"};
    sub = ca_make(&s, &root);
    const struct spec e = {.subject = "O=Example/CN=r1", .key = "ed25519", .san = "DNS:r1.example.com"};
    r1 = ca_make(&e, &sub);
    const struct spec o = {.subject = "O=Example/CN=old", .from = -200000, .to = -100000};
    old = ca_make(&o, &sub);
    other = ca_root("CN=Other", "p256");
    ca_write_cert("root.pem", root.cert, NULL);
    ca_write_cert("cas.pem", root.cert, sub.cert);
    ca_write_cert("sub.pem", sub.cert, NULL);
    ca_write_cert("r1.pem", r1.cert, NULL);
    ca_write_cert("chain.pem", r1.cert, sub.cert);
    ca_write_cert("old.pem", old.cert, sub.cert);
    ca_write_cert("other.pem", other.cert, NULL);
    ca_write_key("r1.key", r1.key, NULL);
    ca_write_key("r1-locked.key", r1.key, "open sesame");
    ca_write_key("old.key", old.key, NULL);
    ca_write_key("other.key", other.key, NULL);
    STACK_OF(X509) *cas = sk_X509_new_null();
    sk_X509_push(cas, sub.cert);
    sk_X509_push(cas, root.cert);
    ca_write_pkcs12("r1.p12", &r1, cas, "secret");
    sk_X509_free(cas);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    struct made *all[] = {&root, &sub, &r1, &old, &other};
    for (unsigned i = 0; i < 5; i++) {
        made_free(all[i]);
    }
    conf_lang_free(lang);
    ca_cleanup();
    return 0;
}

// A trustpoint T with these lines, each `what file FILE ...`; the folder is put before FILE.
static struct pki_set *load(const char *const *lines, const char *state_folder)
{
    struct str text = {0};
    str_add(&text, "crypto pki trustpoint T\n");
    for (; *lines != NULL; lines++) {
        const char *file = strstr(*lines, "file ");
        int head = file == NULL ? (int)strlen(*lines) : (int)(file + 5 - *lines);
        str_addf(&text, " %.*s%s%s%s\n", head, *lines, file == NULL ? "" : ca_folder(), file == NULL ? "" : "/",
                 file == NULL ? "" : file + 5);
    }
    struct conf *c = conf_parse(lang, str_text(&text), err, sizeof(err));
    str_free(&text);
    struct pki_set *s = c == NULL ? NULL : pki_load(c, state_folder, NULL, err, sizeof(err));
    conf_free(c);
    return s;
}
#define LOAD(...) load((const char *const[]){__VA_ARGS__, NULL}, NULL)

static void own_chain(void **state)
{
    (void)state;
    struct pki_set *s = LOAD("ca-certificate file root.pem", "certificate file chain.pem", "key file r1.key");
    assert_non_null(s);
    const struct pki_trustpoint *t = pki_find(s, "T");
    assert_non_null(t);
    assert_null(pki_find(s, "U"));
    assert_int_equal(t->cred->n_cert, 2); // the root is not sent
    size_t len;
    uint8_t *der = ca_der(sub.cert, &len);
    assert_int_equal(t->cred->cert[1].len, len);
    assert_memory_equal(t->cred->cert[1].p, der, len);
    OPENSSL_free(der);
    // It leads to the intermediate CA and to the root, whichever a peer asks for.
    uint8_t *all = NULL, n_all = 0;
    assert_int_equal(t->cred->n_ca, 2);
    assert_true(pki_add_ca_hashes(t, &all, &n_all));
    assert_int_equal(n_all, 1);
    assert_memory_equal(t->cred->ca_hashes + IKE_CA_HASH, all, IKE_CA_HASH);
    assert_memory_not_equal(t->cred->ca_hashes, all, IKE_CA_HASH);
    free(all);
    struct ike_id *id = pki_subject(t);
    assert_non_null(id);
    assert_int_equal(id->type, IKE_ID_DN);
    free(id);
    pki_unref(s);
}

static void intermediate_from_cas(void **state)
{
    (void)state;
    struct pki_set *s = LOAD("ca-certificate file cas.pem", "certificate file r1.pem", "key file r1.key");
    assert_non_null(s);
    assert_int_equal(pki_find(s, "T")->cred->n_cert, 2);
    pki_unref(s);
}

static void locked_key(void **state)
{
    (void)state;
    struct pki_set *s =
        LOAD("ca-certificate file cas.pem", "certificate file r1.pem", "key file r1-locked.key password open");
    assert_null(s);
    assert_non_null(strstr(err, "line 4: word 3: "));
    assert_non_null(strstr(err, "wrong password"));
    s = LOAD("ca-certificate file cas.pem", "certificate file r1.pem", "key file r1-locked.key");
    assert_null(s);
    assert_non_null(strstr(err, "needs a password"));
    ca_write_key("r1-locked.key", r1.key, "sesame");
    s = LOAD("ca-certificate file cas.pem", "certificate file r1.pem", "key file r1-locked.key password sesame");
    assert_non_null(s);
    pki_unref(s);
}

static void pkcs12(void **state)
{
    (void)state;
    struct pki_set *s = LOAD("pkcs12 file r1.p12 password secret");
    assert_non_null(s);
    const struct pki_trustpoint *t = pki_find(s, "T");
    assert_int_equal(sk_X509_num(t->cas), 1);
    assert_int_equal(t->cred->n_cert, 2);
    pki_unref(s);
    assert_null(LOAD("pkcs12 file r1.p12 password wrong"));
    assert_non_null(strstr(err, "password"));
    assert_null(strstr(err, "wrong password wrong"));
    assert_null(LOAD("pkcs12 file r1.pem password secret"));
    assert_non_null(strstr(err, "is not PKCS #12"));
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *line[4];
        const char *why;
    } cases[] = {
        {{"ca-certificate file nowhere.pem"}, "line 2: word 3: "},
        {{"ca-certificate file r1.key"}, "has no certificate"},
        {{"ca-certificate file r1.pem"}, "\"cn=r1,o=Example\": it is not a CA's"},
        {{"ca-certificate file cas.pem", "certificate file r1.pem", "key file other.key"},
         "the private key is another"},
        {{"ca-certificate file other.pem", "certificate file r1.pem", "key file r1.key"}, "unable to get local issuer"},
        {{"ca-certificate file root.pem", "certificate file r1.pem", "key file r1.key"}, "unable to get local issuer"},
        {{"ca-certificate file root.pem", "certificate file r1.pem"}, "has a certificate but no key"},
        {{"ca-certificate file ."}, "is not a file"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        err[0] = '\0';
        assert_null(load(cases[i].line, NULL));
        if (strstr(err, cases[i].why) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", cases[i].why, err);
        }
    }
}

static void expired_own(void **state)
{
    (void)state;
    struct log log;
    log_init(&log, LOG_NOTE);
    log.quiet = true;
    struct conf *c = conf_new();
    struct conf_trustpoint *t = conf_get(&c->trustpoints, "T", sizeof(*t));
    t->n_ca = 1;
    str_copy(t->ca[0].path, CONF_TEXT, ca_path("root.pem"));
    str_copy(t->cert.path, CONF_TEXT, ca_path("old.pem"));
    str_copy(t->key.path, CONF_TEXT, ca_path("old.key"));
    struct pki_set *s = pki_load(c, NULL, &log, err, sizeof(err));
    assert_non_null(s); // a daemon that starts is not stopped by the calendar
    assert_int_equal(log.written[LOG_WARNING], 1);
    pki_unref(s);
    conf_free(c);
    struct pki_material m = {0};
    assert_true(pki_read_pem(&m, ca_path("root.pem"), ca_path("old.pem"), ca_path("old.key"), NULL, err, sizeof(err)));
    assert_true(pki_material_check(&m, err, sizeof(err)));
    assert_false(pki_material_dates(&m, err, sizeof(err))); // but an import is
    assert_non_null(strstr(err, "\"cn=old,o=Example\": it has expired"));
    pki_material_free(&m);
}

static void imports(void **state)
{
    (void)state;
    char folder[256];
    struct stat st;
    struct pki_material m = {0};
    str_copy(folder, sizeof(folder), ca_path("state"));
    assert_true(pki_read_pem(&m, ca_path("root.pem"), ca_path("chain.pem"), ca_path("r1.key"), NULL, err, sizeof(err)));
    assert_true(pki_material_check(&m, err, sizeof(err)) && pki_material_dates(&m, err, sizeof(err)));
    for (int turn = 0; turn < 2; turn++) { // the second replaces the first
        if (!pki_keep(&m, folder, "T", err, sizeof(err))) {
            fail_msg("%s", err);
        }
    }
    pki_material_free(&m);
    assert_int_equal(stat(ca_path("state/pki/T/key.pem"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(ca_path("state/pki/T"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_not_equal(stat(ca_path("state/pki/.T.new"), &st), 0);
    assert_int_not_equal(stat(ca_path("state/pki/.T.old"), &st), 0);
    struct pki_set *s = load((const char *const[]){NULL}, folder);
    assert_non_null(s);
    assert_true(pki_find(s, "T")->imported);
    assert_int_equal(pki_find(s, "T")->cred->n_cert, 2);
    pki_unref(s);
    assert_true(pki_forget(folder, "T", err, sizeof(err)));
    s = load((const char *const[]){NULL}, folder);
    assert_non_null(s);
    assert_null(pki_find(s, "T")->cred);
    assert_int_equal(sk_X509_num(pki_find(s, "T")->cas), -1);
    pki_unref(s);
}

static void ca_hashes(void **state)
{
    (void)state;
    struct pki_set *s = LOAD("ca-certificate file cas.pem");
    uint8_t *hashes = NULL, n = 0, want[20];
    assert_non_null(s);
    assert_true(pki_add_ca_hashes(pki_find(s, "T"), &hashes, &n));
    assert_int_equal(n, 2);
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(root.key, &spki); // SubjectPublicKeyInfo
    assert_true(len > 0);
    assert_int_equal(EVP_Digest(spki, (size_t)len, want, NULL, EVP_sha1(), NULL), 1);
    assert_memory_equal(hashes, want, sizeof(want));
    OPENSSL_free(spki);
    free(hashes);
    pki_unref(s);
}

static void hidden(void **state)
{
    (void)state;
    struct conf *c = conf_parse(lang,
                                "crypto pki trustpoint T\n ca-certificate file /a\n certificate file /b\n"
                                " key file /c password hush\n"
                                "crypto pki certificate map M 20\n subject-name co o = cisco\n"
                                "crypto pki certificate map M 10\n valid-start ge Jan 31 2024 00:00:00\n"
                                " expires-on lt 31 12 2030 23:59:59\n serial-number ne 12:34\n",
                                err, sizeof(err));
    struct str shown = {0}, kept = {0}, again = {0};
    assert_non_null(c);
    conf_show(lang, c, false, &shown);
    conf_print(lang, c, false, &kept);
    assert_null(strstr(str_text(&shown), "hush"));
    assert_non_null(strstr(str_text(&shown), " key file /c password <hidden>\n"));
    assert_non_null(strstr(str_text(&kept), " key file /c password hush\n"));
    assert_non_null(strstr(str_text(&kept), "crypto pki certificate map M 10\n valid-start ge Jan 31 2024 00:00:00\n"
                                            " expires-on lt Dec 31 2030 23:59:59\n serial-number ne 12:34\n!\n"
                                            "crypto pki certificate map M 20\n subject-name co o = cisco\n!\n"));
    struct conf *d = conf_parse(lang, str_text(&kept), err, sizeof(err));
    assert_non_null(d);
    conf_print(lang, d, false, &again);
    assert_string_equal(str_text(&kept), str_text(&again));
    conf_free(c);
    conf_free(d);
    str_free(&shown);
    str_free(&kept);
    str_free(&again);
    static const char *const bad[][2] = {
        {"crypto pki certificate map M 1\n", "line 1: crypto pki certificate map M 1 has no condition"},
        {"crypto pki certificate map M 1\n expires-on lt 31 02 2030 00:00:00\n", "line 2: word 3"},
        {"crypto pki certificate map M 1\n subject-name lt x\n", "line 2: word 2"},
        {"crypto pki certificate map M 1\n serial-number eq xyz\n", "hexadecimal"},
        {"crypto pki trustpoint ../x\n", "line 1: word 4"},
        {"crypto pki trustpoint T\n key file /a password <hidden>\n", "line 2: word 5"},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_null(conf_parse(lang, bad[i][0], err, sizeof(err)));
        if (strstr(err, bad[i][1]) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", bad[i][1], err);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"our chain goes from our certificate up to below the anchor", own_chain, NULL, NULL, NULL},
        {"an intermediate among the CAs becomes part of our chain", intermediate_from_cas, NULL, NULL, NULL},
        {"an encrypted key takes its password", locked_key, NULL, NULL, NULL},
        {"PKCS #12 brings key, certificate, intermediate and anchor", pkcs12, NULL, NULL, NULL},
        {"what does not fit together is refused with its place", refusals, NULL, NULL, NULL},
        {"an expired certificate is a warning at the start and refused as an import", expired_own, NULL, NULL, NULL},
        {"an import is kept with mode 0600, replaced, loaded and forgotten", imports, NULL, NULL, NULL},
        {"CERTREQ gets the SHA-1 of each CA's SubjectPublicKeyInfo", ca_hashes, NULL, NULL, NULL},
        {"trustpoints and maps are printed, read again, and hide passwords", hidden, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("trustpoints", tests, setup, teardown);
}
