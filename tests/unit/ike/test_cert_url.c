// SPDX-License-Identifier: BSD-2-Clause
// Certificates that a peer names by URL (RFC 7296 3.6): looked up, late, never, not found, too many; in either role.
#include "hostd/ike/ike_int.h"
#include "tests/unit/ike/lab.h"

#include <openssl/x509.h>

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

/// Who owns a node: what it finds at URLs.
static struct owner {
    enum { FOUND, LATER, NOT_THERE, NOTHING, OTHER, NEVER, LONG } how;
    uint64_t token; ///< that waits for certificates
    unsigned asked;
    struct ike_cert_url last;
    uint64_t check; ///< that waits for a verdict
    unsigned certs; ///< of the last check
    EVP_PKEY *key;
} owners[LAB_NODES];

static struct made {
    EVP_PKEY *key;
    uint8_t der[1024];
    size_t len;
} made[LAB_NODES];
static uint8_t big[IKE_MAX_MESSAGE];

static void make(struct made *m, const char *cn)
{
    X509 *x = X509_new();
    m->key = EVP_EC_gen("P-256");
    assert_non_null(m->key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, m->key);
    assert_true(X509_sign(x, m->key, EVP_sha256()) > 0);
    uint8_t *p = m->der;
    assert_true(i2d_X509(x, NULL) <= (int)sizeof(m->der));
    m->len = (size_t)i2d_X509(x, &p);
    X509_free(x);
}

static void reply(struct lab_node *n, uint64_t token)
{
    const struct owner *o = &owners[n->index];
    const struct made *peer = &made[1 - n->index], *mine = &made[n->index];
    struct ike_certs certs = {.n = 1, .cert = {{peer->der, peer->len}}};
    if (o->last.bundle) { // and what leads from it to the CA
        certs.n = 3;
        certs.cert[1] = certs.cert[2] = (struct ike_cert){mine->der, mine->len};
    }
    if (o->how == OTHER)
        certs.cert[0] = (struct ike_cert){mine->der, mine->len};
    if (o->how == LONG)
        certs.cert[0] = (struct ike_cert){big, sizeof(big)};
    if (o->how == NOTHING)
        certs.n = 0;
    ike_cert_url_answer(n->e, token, o->how == NOT_THERE ? NULL : &certs, "not there", n->lab->now);
}

static void op_cert_fetch(void *ctx, uint64_t token, const struct ike_cert_url *u)
{
    struct lab_node *n = ctx;
    struct owner *o = &owners[n->index];
    o->asked++;
    o->last = *u;
    if (o->how == LATER)
        o->token = token;
    else if (o->how != NEVER)
        reply(n, token);
}

static void op_cert_check(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                          const struct ike_certs *certs)
{
    const struct lab_node *n = ctx;
    struct owner *o = &owners[n->index];
    const uint8_t *der = certs->cert[0].p;
    (void)p, (void)id;
    o->check = token;
    o->certs = certs->n;
    X509 *x = d2i_X509(NULL, &der, (long)certs->cert[0].len);
    EVP_PKEY_free(o->key);
    o->key = x ? X509_get_pubkey(x) : NULL;
    X509_free(x);
}

static bool turn(struct lab *lab)
{
    for (int i = 0; i < LAB_NODES; i++) {
        struct owner *o = &owners[i];
        const uint64_t check = o->check, token = o->token;
        o->check = o->token = 0;
        if (check)
            ike_cert_answer(lab->node[i].e, check, o->key, "it cannot be read", lab->now);
        if (check)
            o->key = NULL;
        if (token)
            reply(&lab->node[i], token);
    }
    return false;
}

static void run(struct lab *lab, unsigned seconds)
{
    (void)lab_until(lab, turn, seconds * (uint64_t)LAB_SECOND);
}

/// Both sign; node `who` is found by URL, and the other one looks up.
static struct lab *with(int who, const char *url)
{
    struct lab *lab = lab_new();
    memset(owners, 0, sizeof(owners));
    for (int i = 0; i < LAB_NODES; i++) {
        struct lab_node *n = &lab->node[i];
        const struct ike_certs chain = {.n = 1, .cert = {{made[i].der, made[i].len}}};
        n->ops.cert_check = op_cert_check;
        n->ops.cert_fetch = op_cert_fetch;
        n->limits.http_cert = i != who;
        n->profile->auth_local = n->profile->auth_remote = IKE_WAY_CERT;
        n->profile->n_ca = 1;
        n->profile->ca_hashes = calloc(1, IKE_CA_HASH);
        EVP_PKEY_up_ref(made[i].key);
        n->profile->cred = ike_cred_new(made[i].key, &chain);
        assert_non_null(n->profile->cred);
        if (i == who)
            assert_true(ike_cred_set_url(n->profile->cred, url));
    }
    return lab;
}

static void initiate(struct lab *lab)
{
    lab_start(lab);
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    run(lab, 5);
}

static void end(struct lab *lab)
{
    lab_end(lab);
    for (int i = 0; i < LAB_NODES; i++) {
        EVP_PKEY_free(owners[i].key);
        owners[i].key = NULL;
    }
}

#define URL "http://pki.example.com/hub.der"

static void a_certificate_is_looked_up_in_either_role(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        const int who = i & 1;
        struct lab *lab = with(who, URL);
        struct owner *o = &owners[1 - who];
        o->how = i & 2 ? LATER : FOUND;
        initiate(lab);
        uint8_t hash[IKE_CERT_HASH];
        assert_int_equal(EVP_Digest(made[who].der, made[who].len, hash, NULL, EVP_sha1(), NULL), 1);
        assert_int_equal(o->asked, 1);
        assert_string_equal(o->last.url, URL);
        assert_memory_equal(o->last.hash, hash, sizeof(hash));
        assert_false(o->last.bundle);
        assert_int_equal(owners[who].asked, 0);
        assert_int_equal(ike_stats(lab->node[1 - who].e)->certs_looked_up, 1);
        assert_int_equal(o->certs, 1);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        end(lab);
    }
}

// Who does not say that it looks up is sent the certificate.
static void who_does_not_look_up_gets_the_certificate(void **state)
{
    (void)state;
    for (int who = 0; who < 2; who++) {
        struct lab *lab = with(who, URL);
        lab->node[1 - who].limits.http_cert = false;
        initiate(lab);
        assert_int_equal(owners[0].asked + owners[1].asked, 0);
        lab_assert_children(lab, 1);
        end(lab);
    }
}

static void assert_refused(struct lab *lab, int by)
{
    run(lab, 120);
    lab_assert_sas(lab, 0);
    lab_assert_tidy(lab);
    assert_int_equal(lab->node[by].ups, 0);
    assert_true(ike_stats(lab->node[by].e)->auth_failures > 0);
    end(lab);
}

static void what_is_not_there_or_not_its_own_is_refused(void **state)
{
    (void)state;
    for (int how = NOT_THERE; how <= LONG; how++) {
        for (int who = 0; who < 2; who++) {
            if (how == NEVER)
                continue;
            struct lab *lab = with(who, URL);
            owners[1 - who].how = how;
            initiate(lab);
            assert_int_equal(ike_stats(lab->node[1 - who].e)->cert_lookups_failed, how != OTHER);
            assert_refused(lab, 1 - who);
        }
    }
}

// An answer that never comes costs the responder the half-open time and nobody else anything; one that comes after that
// finds nobody.
static void an_answer_that_never_comes_holds_nobody_up(void **state)
{
    (void)state;
    struct lab *lab = with(0, URL);
    owners[1].how = LATER;
    lab_start(lab);
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    lab_run(lab, 2 * (uint64_t)LAB_SECOND);
    const uint64_t token = owners[1].token;
    assert_int_not_equal(token, 0);
    owners[1].token = 0;
    assert_int_equal(lab->node[1].ups, 0);
    owners[1].how = FOUND;
    lab->node[0].profile->initial_contact = false;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    run(lab, 5);
    assert_int_equal(lab->node[1].ups, 1);
    run(lab, 60);
    uint64_t held, bound;
    ike_unauth_bytes(lab->node[1].e, &held, &bound);
    assert_int_equal(held, 0);
    reply(&lab->node[1], token);
    run(lab, 10);
    assert_int_equal(lab->node[1].ups, 1);
    end(lab);
}

// ---------------------------------------------------------------------------------------------- messages by hand

/// An SA as its first message left it, and a message that is kept with these payloads.
struct kept {
    struct lab *lab;
    struct ike_sa *sa;
    unsigned answered;
    bool good;
};
static struct kept now;

static void then(struct ike_sa *sa, bool ok)
{
    assert_ptr_equal(sa, now.sa);
    now.answered++;
    now.good = ok;
}

static bool responder_waits(struct lab *lab)
{
    return ike_stats(lab->node[1].e)->in_messages == 1 && lab->node[1].e->sas && lab->node[1].e->sas->have_keys;
}

static void keep(const struct ike_build *b)
{
    memset(&now, 0, sizeof(now));
    now.lab = with(0, URL);
    lab_start(now.lab);
    assert_int_not_equal(lab_initiate(now.lab, 0), 0);
    assert_true(lab_until(now.lab, responder_waits, LAB_SECOND));
    struct ike_engine *e = now.lab->node[1].e;
    now.sa = e->sas;
    assert_true(wbuf_ok(&b->w));
    memcpy(e->plain, b->w.data, b->w.len);
    e->plain_len = b->w.len;
    e->plain_first = b->first;
    assert_true(ike_auth_begin(now.sa) && ike_auth_keep(now.sa));
}

static void put_url(struct ike_build *b, uint8_t encoding, const char *url)
{
    static const uint8_t hash[IKE_CERT_HASH] = {7};
    ike_build_begin(b, IKE_P_CERT);
    wbuf_u8(&b->w, encoding);
    wbuf_bytes(&b->w, hash, sizeof(hash));
    wbuf_bytes(&b->w, url, strlen(url));
    ike_build_end(b);
}

static void put_der(struct ike_build *b, const struct made *m)
{
    ike_build_begin(b, IKE_P_CERT);
    wbuf_u8(&b->w, IKE_CERT_X509);
    wbuf_bytes(&b->w, m->der, m->len);
    ike_build_end(b);
}

// What is found stands where its name stood, and all else is as it was.
static void what_is_found_takes_the_place_of_its_name(void **state)
{
    (void)state;
    static const char *const shapes[] = {"u", "uu", "du", "ud", "b", "ubd", "ndun", "nun", "uuuuuu", "bb"};
    static uint8_t mem[2][IKE_MAX_MESSAGE];
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct ike_build b, want;
        ike_build_chain(&b, mem[0], sizeof(mem[0]));
        ike_build_chain(&want, mem[1], sizeof(mem[1]));
        unsigned names = 0;
        for (const char *s = shapes[i]; *s; s++) {
            if (*s == 'n') {
                ike_put_notify(&b, IKE_N_MOBIKE, "xyz", 3);
                ike_put_notify(&want, IKE_N_MOBIKE, "xyz", 3);
            } else if (*s == 'd') {
                put_der(&b, &made[1]);
                put_der(&want, &made[1]);
            } else {
                names++;
                put_url(&b, *s == 'u' ? IKE_CERT_URL : IKE_CERT_URL_BUNDLE, URL);
                put_der(&want, &made[0]);
                for (int k = 0; *s == 'b' && k < 2; k++)
                    put_der(&want, &made[1]);
            }
        }
        keep(&b);
        assert_true(ike_auth_look_up(now.sa, then));
        assert_int_equal(now.answered, 1);
        assert_true(now.good);
        assert_int_equal(owners[1].asked, names);
        assert_int_equal(now.sa->auth->len, want.w.len);
        assert_memory_equal(now.sa->auth->plain, want.w.data, want.w.len);
        assert_int_equal(now.sa->auth->first, want.first);
        assert_false(ike_auth_look_up(now.sa, then)); // there is none any more
        ike_auth_free(now.sa);
        end(now.lab);
    }
}

static void too_many_and_too_long_names_are_refused(void **state)
{
    (void)state;
    static uint8_t mem[IKE_MAX_MESSAGE];
    static char url[IKE_MAX_URL + 8];
    for (int i = 0; i < 2; i++) {
        struct ike_build b;
        ike_build_chain(&b, mem, sizeof(mem));
        memset(url, 'x', sizeof(url));
        url[IKE_MAX_URL + 1] = '\0';
        for (int k = 0; k < (i ? 1 : IKE_MAX_CERTS + 1); k++)
            put_url(&b, IKE_CERT_URL, i ? url : URL);
        keep(&b);
        assert_true(ike_auth_look_up(now.sa, then));
        assert_int_equal(now.answered, 1);
        assert_false(now.good);
        assert_int_equal(owners[1].asked, i ? 0 : IKE_MAX_CERTS);
        assert_int_equal(ike_stats(now.lab->node[1].e)->cert_lookups_failed, 1);
        ike_auth_free(now.sa);
        end(now.lab);
    }
}

// What a peer can have us hold is bounded before it is authenticated, with what we fetch for it.
static void what_is_fetched_counts_as_held(void **state)
{
    (void)state;
    static uint8_t mem[IKE_MAX_MESSAGE];
    struct ike_build b;
    ike_build_chain(&b, mem, sizeof(mem));
    put_url(&b, IKE_CERT_URL, URL);
    keep(&b);
    struct ike_engine *e = now.lab->node[1].e;
    uint64_t held, bound;
    ike_unauth_bytes(e, &held, &bound);
    e->limits.max_unauth_bytes = held + made[0].len; // and it takes a header besides
    assert_true(ike_auth_look_up(now.sa, then));
    assert_int_equal(now.answered, 1);
    assert_false(now.good);
    assert_int_equal(ike_stats(e)->unauth_refused, 1);
    ike_auth_free(now.sa);
    end(now.lab);
}

static void names_that_are_malformed_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        size_t len;
        enum ike_decode rc;
    } rows[] = {
        {"http://a/b", 10, IKE_DECODE_OK},      {"", 0, IKE_DECODE_SYNTAX},
        {"http://a b", 10, IKE_DECODE_SYNTAX},  {"http://a\0b", 10, IKE_DECODE_SYNTAX},
        {"http://a\x7f", 9, IKE_DECODE_SYNTAX}, {"http://a\xc3", 9, IKE_DECODE_SYNTAX},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (uint8_t encoding = IKE_CERT_URL; encoding <= IKE_CERT_URL_BUNDLE; encoding++) {
            uint8_t mem[100];
            struct ike_payloads p;
            struct ike_build b;
            ike_build_chain(&b, mem, sizeof(mem));
            ike_build_begin(&b, IKE_P_CERT);
            wbuf_u8(&b.w, encoding);
            wbuf_zeros(&b.w, IKE_CERT_HASH);
            wbuf_bytes(&b.w, rows[i].url, rows[i].len);
            ike_build_end(&b);
            assert_int_equal(ike_payloads_decode(b.first, b.w.data, b.w.len, &p), rows[i].rc);
            assert_int_equal(p.cert_url.p != NULL, rows[i].rc == IKE_DECODE_OK);
        }
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        for (unsigned nth = 1;; nth++) {
            struct lab *lab = with(i & 1, URL);
            struct lab_node *n = &lab->node[i >> 1];
            lab_start(lab);
            n->fail_alloc = n->n_alloc + nth;
            (void)lab_initiate(lab, 0);
            run(lab, 300);
            const bool reached = n->n_alloc >= n->fail_alloc;
            lab_assert_tidy(lab);
            end(lab);
            if (!reached) {
                assert_true(nth > 3);
                break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_looked_up_in_either_role),
        cmocka_unit_test(who_does_not_look_up_gets_the_certificate),
        cmocka_unit_test(what_is_not_there_or_not_its_own_is_refused),
        cmocka_unit_test(an_answer_that_never_comes_holds_nobody_up),
        cmocka_unit_test(what_is_found_takes_the_place_of_its_name),
        cmocka_unit_test(too_many_and_too_long_names_are_refused),
        cmocka_unit_test(what_is_fetched_counts_as_held),
        cmocka_unit_test(names_that_are_malformed_are_errors),
        cmocka_unit_test(any_allocation_may_fail),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    make(&made[0], "left");
    make(&made[1], "right");
    const int failed = cmocka_run_group_tests_name("ike_cert_url", tests, NULL, NULL);
    EVP_PKEY_free(made[0].key);
    EVP_PKEY_free(made[1].key);
    return failed;
}
