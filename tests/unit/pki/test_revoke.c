// SPDX-License-Identifier: BSD-2-Clause
// Revocation: CRLs and OCSP from a server on loopback that answers well, badly, slowly or not at all.
#include "hostd/pki/fetch.h"
#include "hostd/pki/pki.h"
#include "hostd/util/str.h"
#include "tests/unit/pki/ca.h"
#include "tests/unit/pki/web.h"

#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static uv_loop_t loop;
static struct web web;
static struct pki *pki;
static struct made root, sub, other;
static struct log quiet;
static unsigned dead_port;
static int dead_socket;

// Client and server are one process: if it stands still for a while, that is no server that does not answer in time.
static struct cache_limits limits_for_tests(void)
{
    struct cache_limits l = cache_limits_default();
    l.connect_ms = 10000;
    l.total_ms = 20000;
    l.failed_ms = 60000;
    l.dead_ms = 60000;
    l.crl_size = 1 << 20;
    return l;
}

// Short times instead, where a server is dead: that costs a test little. Returns what was there before.
static struct pki *impatient(void)
{
    struct cache_limits l = limits_for_tests();
    struct pki *was = pki;
    l.connect_ms = 1000;
    l.total_ms = 2000;
    pki = pki_open(&loop, &quiet, &l);
    return was;
}

static void patient(struct pki *was)
{
    pki_close(pki);
    pki = was;
}

static int setup(void **state)
{
    (void)state;
    uv_loop_init(&loop);
    web_open(&web, &loop);
    struct cache_limits l = limits_for_tests();
    log_init(&quiet, LOG_ERR);
    quiet.quiet = true;
    pki = pki_open(&loop, &quiet, &l);
    root = ca_root("O=Example/CN=Root", "p256");
    const struct spec s = {
        .subject = "O=Example/CN=Sub", .basic = "critical,CA:TRUE", .usage = "keyCertSign,cRLSign", .serial = "77"};
    sub = ca_make(&s, &root);
    other = ca_root("O=Other/CN=Root", "p256");
    // A port where nobody listens, and nobody else can.
    struct sockaddr_in none = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(none);
    dead_socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(dead_socket, (struct sockaddr *)&none, len), 0);
    assert_int_equal(getsockname(dead_socket, (struct sockaddr *)&none, &len), 0);
    dead_port = ntohs(none.sin_port);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(dead_socket);
    pki_close(pki);
    web_close(&web);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0); // nothing is left in it
    made_free(&root);
    made_free(&sub);
    made_free(&other);
    ca_cleanup();
    return 0;
}

// ------------------------------------------------------------------------------------------------ checks

static struct pki_set *trust_with(const char *methods, const char *ocsp_url, const char *crl_file, X509 *also)
{
    char err[512];
    struct conf *c = conf_new();
    struct conf_trustpoint *t = conf_get(&c->trustpoints, "T", sizeof(*t));
    conf_default_trustpoint(t);
    t->n_revocation = 0;
    for (; *methods != '\0'; methods++) {
        t->revocation[t->n_revocation++] = *methods == 'c'   ? CONF_REVOCATION_CRL
                                           : *methods == 'o' ? CONF_REVOCATION_OCSP
                                                             : CONF_REVOCATION_NONE;
    }
    str_copy(t->ocsp_url, CONF_TEXT, ocsp_url == NULL ? "" : ocsp_url);
    ca_write_cert("root.pem", root.cert, also);
    str_copy(t->ca[t->n_ca++].path, CONF_TEXT, ca_path("root.pem"));
    if (crl_file != NULL) {
        str_copy(t->crl[t->n_crl++].path, CONF_TEXT, ca_path(crl_file));
    }
    struct pki_set *s = pki_load(c, NULL, &quiet, err, sizeof(err));
    if (s == NULL) {
        print_message("# %s\n", err);
    }
    conf_free(c);
    return s;
}

struct outcome {
    bool done, good;
    char why[512];
    uint64_t when;
};

static void on_done(void *arg, EVP_PKEY *key, const char *why)
{
    struct outcome *o = arg;
    assert_false(o->done);
    o->done = true;
    o->good = key != NULL;
    o->when = uv_now(&loop);
    str_copy(o->why, sizeof(o->why), why);
    EVP_PKEY_free(key);
}

static struct pki_check *begin(struct pki_set *set, X509 *a, X509 *b, struct outcome *o)
{
    struct ike_certs certs = {.n = b == NULL ? 1 : 2};
    memset(o, 0, sizeof(*o));
    certs.cert[0].p = ca_der(a, &certs.cert[0].len);
    certs.cert[1].p = b == NULL ? NULL : ca_der(b, &certs.cert[1].len);
    uv_update_time(&loop);
    struct pki_check *k = pki_check_start(pki, set, NULL, 0, NULL, &certs, on_done, o);
    assert_non_null(k);
    assert_false(o->done); // never from within
    OPENSSL_free((void *)(uintptr_t)certs.cert[0].p);
    OPENSSL_free((void *)(uintptr_t)certs.cert[1].p);
    return k;
}

static void until(const struct outcome *o)
{
    while (!o->done) {
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static struct outcome last;

static const char *check_chain(const char *methods, const char *ocsp_url, X509 *a, X509 *b)
{
    struct pki_set *set = trust_with(methods, ocsp_url, NULL, NULL);
    begin(set, a, b, &last);
    pki_unref(set); // the check keeps it
    until(&last);
    return last.why;
}

static const char *check(const char *methods, const char *ocsp_url, X509 *a)
{
    return check_chain(methods, ocsp_url, a, NULL);
}

#define EXPECT(reason, result)                                                                                         \
    do {                                                                                                               \
        result;                                                                                                        \
        if (last.good != ((reason)[0] == '\0') || strstr(last.why, reason) == NULL) {                                  \
            fail_msg("expected \"%s\", got \"%s\"", reason, last.why);                                                 \
        }                                                                                                              \
    } while (0)

// A certificate with these addresses (NULL: none).
static struct made with_urls(const struct made *ca, const char *serial, const char *crl, const char *ocsp)
{
    char dp[300], aia[300];
    snprintf(dp, sizeof(dp), "URI:%s", crl == NULL ? "" : crl);
    snprintf(aia, sizeof(aia), "OCSP;URI:%s", ocsp == NULL ? "" : ocsp);
    const struct spec s = {.subject = "O=Example/CN=x",
                           .serial = serial,
                           .crl = crl == NULL ? NULL : dp,
                           .aia = ocsp == NULL ? NULL : aia};
    return ca_make(&s, ca);
}

static uint8_t *crl_der(X509_CRL *c, size_t *len)
{
    uint8_t *der = NULL;
    int n = i2d_X509_CRL(c, &der);
    assert_true(n > 0);
    *len = (size_t)n;
    X509_CRL_free(c);
    return der;
}

static const char *dead_url(const char *path)
{
    static char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", dead_port, path);
    return url;
}

// Put a CRL of `by` that names serial 66 on the server.
static const char *put_crl(const char *path, enum web_kind kind, const struct made *by, long next)
{
    static uint8_t *body[8];
    static unsigned n;
    struct web_page p = {.path = path, .kind = kind};
    OPENSSL_free(body[n % 8]);
    body[n % 8] = crl_der(ca_crl(by, (const char *const[]){"66", NULL}, next), &p.len);
    p.body = body[n++ % 8];
    return web_add(&web, &p);
}

static void release_bodies(void)
{
    for (int i = 0; i < 8; i++) {
        put_crl("/release", WEB_BODY, &root, 60);
    }
}

// ------------------------------------------------------------------------------------------------ tests

static void crl_fetched(void **state)
{
    (void)state;
    const char *url = put_crl("/root.crl", WEB_BODY, &root, 3600);
    struct made good = with_urls(&root, "65", url, NULL), bad = with_urls(&root, "66", url, NULL);
    EXPECT("", check("c", NULL, good.cert));
    EXPECT("certificate \"cn=x,o=Example\": it is revoked (keyCompromise)", check("c", NULL, bad.cert));
    EXPECT("", check("c", NULL, good.cert));
    assert_int_equal(web_page(&web, "/root.crl")->hits, 1); // kept until it says that it is old
    cache_clear(pki_cache(pki));
    EXPECT("", check("c", NULL, good.cert));
    assert_int_equal(web_page(&web, "/root.crl")->hits, 2);
    const char *chunked = put_crl("/chunked.crl", WEB_CHUNKED, &root, 3600);
    struct made bad2 = with_urls(&root, "66", chunked, NULL);
    EXPECT("it is revoked", check("c", NULL, bad2.cert));
    made_free(&good);
    made_free(&bad);
    made_free(&bad2);
}

// Who sends a certificate makes nobody fetch anything before a CA of ours vouches for it.
static void nothing_for_strangers(void **state)
{
    (void)state;
    struct made stranger = ca_root("O=Example/CN=Root", "p256"); // even of our CA's name
    const struct web_page p = {.path = "/ocsp-bait", .kind = WEB_OCSP, .ocsp = OCSP_GOOD, .signer = &stranger};
    const char *crl = put_crl("/bait.crl", WEB_BODY, &stranger, 3600), *ocsp = web_add(&web, &p);
    struct made a = with_urls(&stranger, "65", crl, ocsp), b = with_urls(&other, "65", crl, ocsp);
    EXPECT("certificate signature failure", check_chain("oc", NULL, a.cert, stranger.cert));
    EXPECT("unable to get local issuer certificate", check("oc", NULL, b.cert));
    assert_int_equal(web_page(&web, "/bait.crl")->hits + web_page(&web, "/ocsp-bait")->hits, 0);
    made_free(&stranger);
    made_free(&a);
    made_free(&b);
}

static void one_fetch(void **state)
{
    (void)state;
    enum { N = 20 };
    struct outcome o[N];
    const char *url = put_crl("/shared.crl", WEB_BODY, &root, 3600);
    struct made x = with_urls(&root, "65", url, NULL);
    struct pki_set *set = trust_with("c", NULL, NULL, NULL);
    for (int i = 0; i < N; i++) {
        begin(set, x.cert, NULL, &o[i]);
    }
    for (int i = 0; i < N; i++) {
        until(&o[i]);
        assert_true(o[i].good);
    }
    assert_int_equal(web_page(&web, "/shared.crl")->hits, 1);
    pki_unref(set);
    made_free(&x);
}

static void crl_refused(void **state)
{
    (void)state;
    static const struct {
        const char *path, *why;
        const struct made *by;
        long next;
    } cases[] = {
        {"/other.crl", "it is another issuer's", &other, 3600},
        {"/old.crl", "it is out of date", &root, -4000},
    };
    for (unsigned i = 0; i < 2; i++) {
        struct made x = with_urls(&root, "65", put_crl(cases[i].path, WEB_BODY, cases[i].by, cases[i].next), NULL);
        EXPECT(cases[i].why, check("c", NULL, x.cert));
        EXPECT("whether it is revoked cannot be learnt", check("c", NULL, x.cert));
        EXPECT("", check("cn", NULL, x.cert));
        assert_int_equal(web_page(&web, cases[i].path)->hits, 1); // that it is bad is remembered, too
        made_free(&x);
    }
    struct made liar = ca_root("O=Example/CN=Root", "p256"); // of the same name
    struct made x = with_urls(&root, "66", put_crl("/liar.crl", WEB_BODY, &liar, 3600), NULL);
    EXPECT("its signature is wrong", check("c", NULL, x.cert));
    made_free(&x);
    made_free(&liar);
}

// A list of a part of the certificates, of changes only, or with something critical that nobody knows.
static void crl_scope(void **state)
{
    (void)state;
    static const struct {
        int nid;
        const char *value, *why;
    } cases[] = {
        {NID_issuing_distribution_point, "critical,onlyCA:TRUE", "it does not cover this certificate"},
        {NID_issuing_distribution_point, "critical,fullname:URI:http://example.com/b.crl", "it does not cover this"},
        {NID_issuing_distribution_point, "critical,onlysomereasons:keyCompromise", "it covers only some reasons"},
        {NID_issuing_distribution_point, "critical,indirectCRL:TRUE", "it is another issuer's"},
        {NID_issuing_distribution_point, "critical,onlyuser:TRUE", ""},
        {NID_delta_crl, "critical,1", "it is only the difference"},
        {NID_policy_constraints, "critical,requireExplicitPolicy:1", "it has a critical extension"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct web_page p = {.path = "/scope.crl", .kind = WEB_BODY};
        X509_CRL *c = ca_crl(&root, (const char *const[]){"99", NULL}, 3600);
        X509V3_CTX ctx;
        X509V3_set_ctx_nodb(&ctx);
        X509V3_set_ctx(&ctx, root.cert, NULL, NULL, c, 0);
        const char *value = cases[i].value;
        X509_EXTENSION *e = NULL;
        if (cases[i].nid == NID_delta_crl) {
            ASN1_INTEGER *one = ASN1_INTEGER_new();
            ASN1_INTEGER_set(one, 1);
            e = X509V3_EXT_i2d(NID_delta_crl, 1, one);
            ASN1_INTEGER_free(one);
        } else {
            e = X509V3_EXT_conf_nid(NULL, &ctx, cases[i].nid, value);
        }
        assert_non_null(e);
        X509_CRL_add_ext(c, e, -1);
        X509_EXTENSION_free(e);
        assert_true(X509_CRL_sign(c, root.key, EVP_sha256()) > 0);
        uint8_t *body = crl_der(c, &p.len);
        p.body = body;
        struct made x = with_urls(&root, "65", web_add(&web, &p), NULL);
        cache_clear(pki_cache(pki));
        EXPECT(cases[i].why, check("c", NULL, x.cert));
        made_free(&x);
        p = (struct web_page){.path = "/scope.crl", .kind = WEB_404};
        web_add(&web, &p);
        OPENSSL_free(body);
    }
}

static void local_crls(void **state)
{
    (void)state;
    struct made good = with_urls(&root, "65", NULL, NULL), bad = with_urls(&root, "66", NULL, NULL);
    X509_CRL *c = ca_crl(&root, (const char *const[]){"66", NULL}, 3600);
    FILE *f = fopen(ca_path("root.crl"), "w");
    i2d_X509_CRL_fp(f, c);
    fclose(f);
    X509_CRL_free(c);
    struct pki_set *set = trust_with("c", NULL, "root.crl", NULL);
    assert_non_null(set);
    begin(set, good.cert, NULL, &last);
    until(&last);
    assert_true(last.good);
    begin(set, bad.cert, NULL, &last);
    until(&last);
    assert_non_null(strstr(last.why, "it is revoked (keyCompromise)"));
    pki_unref(set);
    EXPECT("it names no CRL", check("c", NULL, good.cert)); // without the file
    c = ca_crl(&other, (const char *const[]){NULL}, 3600);
    f = fopen(ca_path("other.crl"), "w");
    i2d_X509_CRL_fp(f, c);
    fclose(f);
    X509_CRL_free(c);
    assert_null(trust_with("c", NULL, "other.crl", NULL));
    made_free(&good);
    made_free(&bad);
}

static void ocsp_answers(void **state)
{
    (void)state;
    const struct spec ds = {.subject = "CN=Responder", .ext_usage = "OCSPSigning"}, ps = {.subject = "CN=Plain"};
    struct made delegate = ca_make(&ds, &root), plain = ca_make(&ps, &root), foreign = ca_make(&ds, &other);
    const struct {
        enum ocsp_kind kind;
        const struct made *signer;
        const char *why;
    } cases[] = {
        {OCSP_GOOD, &root, ""},
        {OCSP_GOOD, &delegate, ""},
        {OCSP_NO_NONCE, &root, ""},
        {OCSP_REVOKED, &root, "it is revoked (cACompromise)"},
        {OCSP_REVOKED, &delegate, "it is revoked"},
        {OCSP_UNKNOWN, &root, "the responder does not know the certificate"},
        {OCSP_OTHER_NONCE, &root, "the answer is to another question"},
        {OCSP_OLD, &root, "the answer is out of date"},
        {OCSP_TRY_LATER, &root, "the responder says trylater"},
        {OCSP_OTHER_CERT, &root, "the answer is about another certificate"},
        {OCSP_JUNK, &root, "the answer is not one of OCSP"},
        {OCSP_GOOD, &plain, "not that of a responder for this CA"},
        {OCSP_GOOD, &other, "not that of a responder for this CA"},
        {OCSP_GOOD, &foreign, "not that of a responder for this CA"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct web_page p = {.path = "/ocsp", .kind = WEB_OCSP, .ocsp = cases[i].kind, .signer = cases[i].signer};
        struct made x = with_urls(&root, NULL, NULL, web_add(&web, &p));
        EXPECT(cases[i].why, check("o", NULL, x.cert));
        EXPECT(cases[i].why, check("o", NULL, x.cert));
        assert_int_equal(web_page(&web, "/ocsp")->hits, 1); // kept
        // No answer leaves it to the next method; a revocation does not.
        bool revoked = cases[i].kind == OCSP_REVOKED;
        EXPECT(revoked ? "it is revoked" : "", check("on", NULL, x.cert));
        made_free(&x);
    }
    struct made x = with_urls(&root, NULL, NULL, NULL);
    EXPECT("it names no responder", check("o", NULL, x.cert));
    const struct web_page p = {.path = "/mine", .kind = WEB_OCSP, .ocsp = OCSP_REVOKED, .signer = &root};
    EXPECT("it is revoked", check("o", web_add(&web, &p), x.cert)); // ocsp url
    made_free(&x);
    made_free(&delegate);
    made_free(&plain);
    made_free(&foreign);
}

static void fallback(void **state)
{
    (void)state;
    const char *crl = put_crl("/fb.crl", WEB_BODY, &root, 3600);
    cache_clear(pki_cache(pki));
    struct made bad = with_urls(&root, "66", crl, dead_url("/ocsp")),
                good = with_urls(&root, "65", crl, dead_url("/o"));
    struct made lost = with_urls(&root, "64", dead_url("/crl"), dead_url("/ocsp"));
    EXPECT("it is revoked", check("oc", NULL, bad.cert));
    EXPECT("", check("oc", NULL, good.cert));
    EXPECT("", check("oc", NULL, good.cert));
    EXPECT("cannot be learnt (http://127.0.0.1:", check("o", NULL, good.cert));
    EXPECT("did not answer a moment ago", check("co", NULL, lost.cert));
    EXPECT("", check("ocn", NULL, lost.cert));
    EXPECT("", check("n", NULL, bad.cert));
    cache_clear(pki_cache(pki));
    EXPECT("no connection to the server", check("co", NULL, lost.cert));
    cache_clear(pki_cache(pki));
    made_free(&bad);
    made_free(&good);
    made_free(&lost);
}

static void bad_servers(void **state)
{
    (void)state;
    static const struct {
        enum web_kind kind;
        const char *why;
    } cases[] = {
        {WEB_SLOW, "the server did not answer in time"},
        {WEB_DRIP, "the server did not answer in time"},
        {WEB_GARBAGE, "the answer is not HTTP"},
        {WEB_ENDLESS, "the answer is too long"},
        {WEB_HUGE, "the answer is too long"},
        {WEB_HEADERS, "the answer is not HTTP"},
        {WEB_EARLY, "the connection ended too early"},
        {WEB_404, "the server answered with status 404"},
        {WEB_EMPTY, "the answer is empty"},
    };
    put_crl("/fine.crl", WEB_BODY, &root, 3600);
    static struct web second; // another server, that is well
    web_open(&second, &loop);
    struct web_page copy = *web_page(&web, "/fine.crl");
    web_add(&second, &copy);
    struct pki *was = impatient();
    for (unsigned i = 0, again = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[16];
        snprintf(path, sizeof(path), "/bad%u", i);
        struct web_page p = {.path = path, .kind = cases[i].kind};
        cache_clear(pki_cache(pki));
        struct made x = with_urls(&root, "65", web_add(&web, &p), NULL);
        struct made y = with_urls(&root, "65", web_url(&second, "/fine.crl"), NULL);
        struct pki_set *set = trust_with("c", NULL, NULL, NULL);
        struct outcome bad, well;
        uint64_t start = uv_hrtime();
        begin(set, x.cert, NULL, &bad);
        begin(set, y.cert, NULL, &well);
        until(&well);
        if (uv_hrtime() - start > 800000000ULL && again++ < 5) { // the process stood still: nothing is proved
            until(&bad);
            i--;
            goto next;
        }
        assert_true(well.good); // was not held up
        if (cases[i].kind == WEB_SLOW || cases[i].kind == WEB_DRIP) {
            assert_false(bad.done);
        }
        until(&bad);
        assert_false(bad.good);
        assert_true(uv_hrtime() - start < 10000000000ULL);
        if (strstr(bad.why, cases[i].why) == NULL) {
            fail_msg("kind %d: expected \"%s\", got \"%s\"", cases[i].kind, cases[i].why, bad.why);
        }
    next:
        pki_unref(set);
        made_free(&x);
        made_free(&y);
    }
    web_close(&second);
    patient(was);
}

// Many certificates whose responder is dead: each ends, and soon, and the server is not asked for each.
static void many_wait_for_the_dead(void **state)
{
    (void)state;
    enum { N = 100 };
    static struct outcome o[N];
    struct made x[N];
    struct pki *was = impatient();
    const struct web_page p = {.path = "/slow", .kind = WEB_SLOW};
    const char *url = web_add(&web, &p);
    struct pki_set *set = trust_with("o", NULL, NULL, NULL);
    for (int i = 0; i < N; i++) {
        x[i] = with_urls(&root, NULL, NULL, url);
        begin(set, x[i].cert, NULL, &o[i]);
    }
    uint64_t start = uv_now(&loop);
    for (int i = 0; i < N; i++) {
        until(&o[i]);
        assert_false(o[i].good);
        made_free(&x[i]);
    }
    assert_true(uv_now(&loop) - start < 12000); // one round of eight, not thirteen, which would take twice that
    assert_true(web_page(&web, "/slow")->hits <= 8);
    pki_unref(set);
    patient(was);
}

static void intermediate_revoked(void **state)
{
    (void)state;
    struct web_page p = {.path = "/sub.crl", .kind = WEB_BODY};
    uint8_t *body = crl_der(ca_crl(&root, (const char *const[]){"78", NULL}, 3600), &p.len);
    p.body = body;
    char dp[300];
    snprintf(dp, sizeof(dp), "URI:%s", web_add(&web, &p));
    const struct spec s = {.subject = "O=Example/CN=Sub2",
                           .basic = "critical,CA:TRUE",
                           .usage = "keyCertSign,cRLSign",
                           .serial = "78",
                           .crl = dp};
    struct made sub2 = ca_make(&s, &root);
    struct made x = with_urls(&sub2, "65", put_crl("/leaf.crl", WEB_BODY, &sub2, 3600), NULL);
    EXPECT("certificate \"cn=Sub2,o=Example\": it is revoked", check_chain("c", NULL, x.cert, sub2.cert));
    struct made y = with_urls(&sub2, "66", put_crl("/leaf.crl", WEB_BODY, &sub2, 3600), NULL);
    EXPECT("certificate \"cn=x,o=Example\": it is revoked", check_chain("c", NULL, y.cert, sub2.cert));
    struct made z = with_urls(&sub, "65", put_crl("/leaf2.crl", WEB_BODY, &sub, 3600), NULL);
    EXPECT("\"cn=Sub,o=Example\": whether it is revoked cannot be learnt (crl: it names no CRL)",
           check_chain("c", NULL, z.cert, sub.cert));
    made_free(&sub2);
    made_free(&x);
    made_free(&y);
    made_free(&z);
    OPENSSL_free(body);
}

static void ended_from_outside(void **state)
{
    (void)state;
    const struct web_page p = {.path = "/slow", .kind = WEB_SLOW};
    struct made x = with_urls(&root, NULL, web_add(&web, &p), NULL);
    struct pki_set *set = trust_with("c", NULL, NULL, NULL);
    struct outcome a, b;
    struct pki_check *k = begin(set, x.cert, NULL, &a);
    begin(set, x.cert, NULL, &b);
    for (int i = 0; web_page(&web, "/slow")->hits == 0; i++) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    pki_check_cancel(k);
    pki_abort(pki, "the configuration has changed");
    assert_false(a.done);
    assert_true(b.done);
    assert_string_equal(b.why, "the configuration has changed");
    assert_int_equal(pki_checks(pki), 0);
    begin(set, x.cert, NULL, &a);
    pki_abort(pki, "at once"); // while a worker has it
    assert_string_equal(a.why, "at once");
    // And all of it while checks verify, fetch and wait.
    struct cache_limits l = limits_for_tests();
    struct pki *was = pki;
    pki = pki_open(&loop, &quiet, &l);
    struct outcome c, d;
    begin(set, x.cert, NULL, &c);
    for (unsigned hits = web_page(&web, "/slow")->hits; web_page(&web, "/slow")->hits == hits;) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    begin(set, x.cert, NULL, &d);
    pki_close(pki);
    pki = was;
    pki_unref(set);
    for (int i = 0; i < 10; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    assert_false(c.done || d.done);
    made_free(&x);
    cache_clear(pki_cache(pki));
}

// A chain is verified once; what may change is asked again.
static void known_chains(void **state)
{
    (void)state;
    const char *url = put_crl("/known.crl", WEB_BODY, &root, 3600);
    char dp[300];
    snprintf(dp, sizeof(dp), "URI:%s", url);
    const struct spec s = {
        .subject = "CN=x", .san = "DNS:x.example.com", .crl = dp, .serial = "65", .from = -9, .to = 6};
    struct made x = ca_make(&s, &root);
    struct ike_id *mine = ike_id_new(IKE_ID_FQDN, "x.example.com", 13),
                  *no = ike_id_new(IKE_ID_FQDN, "y.example.com", 13);
    struct pki_set *set = trust_with("c", NULL, NULL, NULL), *same = trust_with("c", NULL, NULL, NULL);
    struct ike_certs certs = {.n = 1};
    certs.cert[0].p = ca_der(x.cert, &certs.cert[0].len);
    const struct {
        struct pki_set *set;
        const struct ike_id *id;
        const char *why;
        bool known;
    } rows[] = {
        {set, mine, "", false}, {set, mine, "", true},   {set, no, "the peer's identity is not in it", true},
        {set, NULL, "", true},  {same, mine, "", false}, // another configuration's
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t known = pki_counters(pki)->known;
        memset(&last, 0, sizeof(last));
        assert_non_null(pki_check_start(pki, rows[i].set, NULL, 0, rows[i].id, &certs, on_done, &last));
        assert_false(last.done);
        EXPECT(rows[i].why, until(&last));
        assert_int_equal(pki_counters(pki)->known - known, rows[i].known);
    }
    // Revoked meanwhile.
    struct web_page p = {.path = "/known.crl", .kind = WEB_BODY};
    uint8_t *body = crl_der(ca_crl(&root, (const char *const[]){"65", NULL}, 3600), &p.len);
    p.body = body;
    web_add(&web, &p);
    cache_clear(pki_cache(pki));
    memset(&last, 0, sizeof(last));
    pki_check_start(pki, set, NULL, 0, mine, &certs, on_done, &last);
    EXPECT("it is revoked", until(&last));
    // Under way in the list of those that are known, and ended from outside.
    struct outcome a, b;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    struct pki_check *k = pki_check_start(pki, set, NULL, 0, mine, &certs, on_done, &a);
    pki_check_start(pki, set, NULL, 0, mine, &certs, on_done, &b);
    pki_check_cancel(k);
    pki_abort(pki, "over");
    assert_false(a.done);
    assert_string_equal(b.why, "over");
    // Expired meanwhile.
    struct pki_set *none = trust_with("n", NULL, NULL, NULL);
    for (int turn = 0; turn < 2; turn++) {
        memset(&last, 0, sizeof(last));
        pki_check_start(pki, none, NULL, 0, mine, &certs, on_done, &last);
        EXPECT(turn == 0 ? "" : "certificate has expired", until(&last));
        while (turn == 0 && X509_cmp_current_time(X509_get0_notAfter(x.cert)) > 0) {
            usleep(100000);
        }
    }
    OPENSSL_free((void *)(uintptr_t)certs.cert[0].p);
    OPENSSL_free(body);
    pki_unref(set);
    pki_unref(same);
    pki_unref(none);
    free(mine);
    free(no);
    made_free(&x);
}

static size_t kept;
static void count_kept(void *arg, const struct cache_entry *e)
{
    (void)arg;
    kept += e->state[0] == 'v';
}

static void bounded(void **state)
{
    (void)state;
    struct cache_limits l = limits_for_tests();
    struct pki *was = pki;
    l.entries = 5;
    pki = pki_open(&loop, &quiet, &l);
    const struct web_page p = {.path = "/ocsp", .kind = WEB_OCSP, .ocsp = OCSP_GOOD, .signer = &root};
    const char *url = web_add(&web, &p);
    for (int i = 0; i < 20; i++) {
        struct made x = with_urls(&root, NULL, NULL, url);
        EXPECT("", check("o", NULL, x.cert));
        made_free(&x);
    }
    kept = 0;
    cache_show(pki_cache(pki), count_kept, NULL);
    assert_int_equal(kept, 5);
    assert_int_equal(pki_counters(pki)->good, 20);
    pki_close(pki);
    pki = was;
}

struct found {
    struct cache_waiter waiter;
    unsigned told, closed;
    enum revoke_verdict verdict;
    char why[REVOKE_WHY];
};

static void on_found(void *arg, enum revoke_verdict v, const char *why)
{
    struct found *f = arg;
    f->told++;
    f->verdict = v;
    str_copy(f->why, sizeof(f->why), why);
}

static void on_cache_closed(void *arg)
{
    ((struct found *)arg)->closed++;
}

// true: answered at once.
static bool look_up(struct pki *p, const char *url, const uint8_t *hash, struct found *f)
{
    const struct cache_ask q = {.url = url, .hash = hash};
    memset(f, 0, sizeof(*f));
    f->waiter = (struct cache_waiter){.fn = on_found, .closed = on_cache_closed, .arg = f};
    uv_update_time(&loop);
    return cache_ask(pki_cache(p), &q, &f->waiter, &f->verdict, f->why);
}

static void until_found(const struct found *f)
{
    while (f->told == 0) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(f->told, 1);
}

// What is named by URL and hash: fetched once for all, kept, and only if the hash is right; nothing stays of those who
// wait when the cache closes.
static void named_by_hash(void **state)
{
    (void)state;
    struct web_page p = {.path = "/hub.der", .kind = WEB_BODY}, slow = {.path = "/slow.der", .kind = WEB_SLOW};
    uint8_t hash[CACHE_HASH], other_hash[CACHE_HASH] = {1};
    struct found a, b, c;
    size_t len;
    p.body = ca_der(root.cert, &p.len);
    assert_int_equal(EVP_Digest(p.body, p.len, hash, NULL, EVP_sha1(), NULL), 1);
    const char *url = web_add(&web, &p);
    cache_clear(pki_cache(pki)); // the server was dead to tests before
    assert_false(look_up(pki, url, hash, &a));
    assert_false(look_up(pki, url, hash, &b)); // waits with the first
    assert_false(look_up(pki, url, other_hash, &c));
    until_found(&a);
    until_found(&b);
    until_found(&c);
    assert_int_equal(a.verdict, REVOKE_GOOD);
    assert_int_equal(b.verdict, REVOKE_GOOD);
    assert_int_equal(c.verdict, REVOKE_NO_ANSWER);
    assert_string_equal(c.why, "what is there has another hash");
    assert_int_equal(web_page(&web, "/hub.der")->hits, 2);
    assert_true(look_up(pki, url, hash, &a));
    assert_int_equal(a.verdict, REVOKE_GOOD);
    assert_true(look_up(pki, url, other_hash, &c)); // the failure is kept too
    assert_int_equal(c.verdict, REVOKE_NO_ANSWER);
    assert_int_equal(web_page(&web, "/hub.der")->hits, 2);
    const struct cache_ask q = {.url = url, .hash = hash}, bad = {.url = url, .hash = other_hash};
    const uint8_t *got = cache_content(pki_cache(pki), &q, &len);
    assert_non_null(got);
    assert_int_equal(len, p.len);
    assert_memory_equal(got, p.body, len);
    assert_null(cache_content(pki_cache(pki), &bad, &len));
    assert_true(cache_clear(pki_cache(pki)) >= 2);
    assert_null(cache_content(pki_cache(pki), &q, &len));
    OPENSSL_free((void *)(uintptr_t)p.body);
    struct cache_limits l = limits_for_tests();
    struct pki *brief = pki_open(&loop, &quiet, &l);
    assert_false(look_up(brief, web_add(&web, &slow), hash, &a));
    for (int i = 0; i < 3; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    pki_close(brief);
    assert_int_equal(a.told, 0);
    assert_int_equal(a.closed, 1);
}

static void urls(void **state)
{
    (void)state;
    static const char *const bad[] = {"https://a/",        "ftp://a/",    "http://",        "a", "", "http://u:p@a/",
                                      "http://a/\r\nX: y", "http://a b/", "http://a:99999/"};
    char server[FETCH_SERVER_MAX];
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(fetch_server(bad[i], server, sizeof(server)));
    }
    assert_true(fetch_server("HTTP://Example.COM/a?b", server, sizeof(server)));
    assert_string_equal(server, "example.com:80");
    assert_true(fetch_server("http://[2001:db8::1]:8080/x", server, sizeof(server)));
    assert_string_equal(server, "[2001:db8::1]:8080");
    // A certificate whose URL is none that is fetched.
    struct made x = with_urls(&root, NULL, "ldap://example.com/cn=x", NULL);
    EXPECT("it names no CRL", check("c", NULL, x.cert));
    made_free(&x);
}

static void names_are_looked_up(void **state)
{
    (void)state;
    char url[64];
    put_crl("/named.crl", WEB_BODY, &root, 3600);
    snprintf(url, sizeof(url), "http://localhost:%u/named.crl", web.port);
    struct made x = with_urls(&root, "66", url, NULL), y = with_urls(&root, "66", "http://nowhere.invalid/x", NULL);
    EXPECT("it is revoked", check("c", NULL, x.cert)); // also where localhost is ::1 first
    struct pki *was = impatient();                     // where no name server answers
    check("c", NULL, y.cert);
    assert_false(last.good);
    patient(was);
    made_free(&x);
    made_free(&y);
    release_bodies();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"a CRL is fetched, believed and kept", crl_fetched, NULL, NULL, NULL},
        {"nothing is fetched for a certificate that no CA of ours vouches for", nothing_for_strangers, NULL, NULL,
         NULL},
        {"one fetch serves all who wait", one_fetch, NULL, NULL, NULL},
        {"a CRL of another issuer, key or time gives no answer", crl_refused, NULL, NULL, NULL},
        {"a CRL for other certificates, of changes or with unknown extensions gives no answer", crl_scope, NULL, NULL,
         NULL},
        {"a CRL from a file needs no server", local_crls, NULL, NULL, NULL},
        {"OCSP: good, revoked, and every answer that is not to be believed", ocsp_answers, NULL, NULL, NULL},
        {"the next method is tried only if the one before gives no answer", fallback, NULL, NULL, NULL},
        {"slow, endless and lying servers end by their limits and hold up nobody else", bad_servers, NULL, NULL, NULL},
        {"many who wait for a dead server end together", many_wait_for_the_dead, NULL, NULL, NULL},
        {"a revoked intermediate refuses the chain", intermediate_revoked, NULL, NULL, NULL},
        {"checks are cancelled, refused by a new configuration, and closed under way", ended_from_outside, NULL, NULL,
         NULL},
        {"a chain is verified once; identity, revocation and time are looked at each time", known_chains, NULL, NULL,
         NULL},
        {"no more is kept than allowed", bounded, NULL, NULL, NULL},
        {"what is named by URL and hash is fetched once, and believed if the hash is right", named_by_hash, NULL, NULL,
         NULL},
        {"only URLs of HTTP without tricks are fetched", urls, NULL, NULL, NULL},
        {"names are looked up", names_are_looked_up, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("revocation", tests, setup, teardown);
}
