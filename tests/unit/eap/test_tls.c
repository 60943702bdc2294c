// SPDX-License-Identifier: BSD-2-Clause
// EAP-TLS of both roles against each other: both versions of TLS, fragments, certificates that are not good enough.
#include "certs.h"
#include "hostd/eap/eap_tls.h"
#include "lab.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct eap_legacy *legacy;
static struct cert ca, other_ca, hub, spoke, long_spoke;
static X509_STORE *trust, *other_trust;
static struct pair pr;

static SSL_CTX *context(bool server, const struct cert *c, X509_STORE *store)
{
    char err[256] = "";
    const struct eap_der chain[] = {{c->der, (size_t)c->len}};
    SSL_CTX *ctx = eap_tls_ctx(server, c->key, chain, 1, store, err, sizeof(err));
    if (ctx == NULL)
        fail_msg("%s", err);
    return ctx;
}

static int setup(void **state)
{
    (void)state;
    legacy = eap_legacy_new();
    ca = cert_make("lab CA", NULL, NULL, NULL, 0);
    other_ca = cert_make("another CA", NULL, NULL, NULL, 0);
    hub = cert_make("hub", &ca, "DNS:hub.lab", "serverAuth", 0);
    spoke = cert_make("spoke", &ca, "DNS:spoke.lab,email:alice@lab,IP:192.0.2.11,otherName:msUPN;UTF8:alice@corp",
                      "clientAuth", 0);
    long_spoke = cert_make("spoke", &ca, "DNS:spoke.lab", NULL, 9000);
    trust = cert_store(&ca);
    other_trust = cert_store(&other_ca);
    return legacy == NULL;
}

static int teardown(void **state)
{
    (void)state;
    struct cert *all[] = {&ca, &other_ca, &hub, &spoke, &long_spoke};
    for (unsigned i = 0; i < 5; i++)
        cert_free(all[i]);
    X509_STORE_free(trust);
    X509_STORE_free(other_trust);
    eap_legacy_free(legacy);
    return 0;
}

static void with(const struct cert *server, X509_STORE *server_trust, const struct cert *client,
                 X509_STORE *client_trust)
{
    SSL_CTX_free(pr.server.tls);
    SSL_CTX_free(pr.peer.tls);
    pr.server.tls = context(true, server, server_trust);
    pr.peer.tls = context(false, client, client_trust);
}

static int begin(void **state)
{
    (void)state;
    pair_init(&pr, legacy);
    pair_methods(&pr.server, 1, EAP_T_TLS);
    pair_methods(&pr.peer, 1, EAP_T_TLS);
    pr.peer.user = pr.peer.password = "";
    with(&hub, trust, &spoke, trust);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pair_free(&pr);
    SSL_CTX_free(pr.server.tls);
    SSL_CTX_free(pr.peer.tls);
    return 0;
}

static void again(void)
{
    pair_free(&pr);
    pr.packets = 0;
    pr.longest = 0;
}

static void succeeds(void)
{
    if (!pair_run(&pr))
        fail_msg("server: %s; peer: %s", pr.s ? eap_core(pr.s)->why : "", pr.p ? eap_core(pr.p)->why : "");
    const struct eap_core *s = eap_core(pr.s), *p = eap_core(pr.p);
    static const uint8_t zeros[EAP_MSK];
    assert_int_equal(s->msk_len, EAP_MSK);
    assert_int_equal(p->msk_len, EAP_MSK);
    assert_memory_equal(s->msk, p->msk, EAP_MSK);
    assert_memory_not_equal(s->msk, zeros, EAP_MSK);
}

static void fails(const char *server_why, const char *peer_why)
{
    assert_false(pair_run(&pr));
    assert_int_not_equal(pr.s_end, EAP_STEP_DONE);
    assert_int_not_equal(pr.p_end, EAP_STEP_DONE);
    if (server_why != NULL && strstr(eap_core(pr.s)->why, server_why) == NULL)
        fail_msg("the server says \"%s\", not \"%s\"", eap_core(pr.s)->why, server_why);
    if (peer_why != NULL && strstr(eap_core(pr.p)->why, peer_why) == NULL)
        fail_msg("the peer says \"%s\", not \"%s\"", eap_core(pr.p)->why, peer_why);
}

static void version(int v)
{
    SSL_CTX_set_min_proto_version(pr.server.tls, v);
    SSL_CTX_set_max_proto_version(pr.server.tls, v);
}

static void test_both_versions_make_the_same_key_at_both_ends(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    uint8_t before[EAP_MSK] = {0};
    for (unsigned i = 0; i < 2; i++) {
        version(versions[i]);
        succeeds();
        assert_memory_not_equal(before, eap_core(pr.s)->msk, EAP_MSK);
        memcpy(before, eap_core(pr.s)->msk, EAP_MSK);
        again();
    }
}

static void test_fragments_of_every_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 300, 999, 1024, 3000};
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (unsigned v = 0; v < 2; v++) {
        for (unsigned i = 0; i < 5; i++) {
            pr.server.fragment = pr.peer.fragment = sizes[i];
            version(versions[v]);
            succeeds();
            assert_true(pr.longest <= sizes[i] + 10);
            again();
        }
    }
}

static void test_long_certificate(void **state)
{
    (void)state;
    with(&hub, trust, &long_spoke, trust);
    succeeds();
    assert_true(pr.longest <= EAP_TLS_FRAGMENT + 10);
    assert_true(pr.packets > 20); // nine pieces, each acknowledged
}

static void test_more_fragments_than_rounds(void **state)
{
    (void)state;
    with(&hub, trust, &long_spoke, trust);
    pr.peer.fragment = 60;
    fails("more than", NULL);
}

static void test_client_of_another_authority(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct cert rogue = cert_make("spoke", &other_ca, "DNS:spoke.lab", NULL, 0);
    for (unsigned i = 0; i < 2; i++) {
        with(&hub, trust, &rogue, trust);
        version(versions[i]);
        fails("the certificate is refused", "TLS");
        again();
    }
    cert_free(&rogue);
}

static void test_client_without_certificate(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    SSL_CTX_free(pr.peer.tls);
    pr.peer.tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set1_cert_store(pr.peer.tls, trust);
    for (unsigned i = 0; i < 2; i++) {
        version(versions[i]);
        fails("did not return a certificate", "TLS");
        again();
    }
}

static void test_server_of_another_authority(void **state)
{
    (void)state;
    struct cert rogue = cert_make("hub", &other_ca, "DNS:hub.lab", NULL, 0);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (unsigned i = 0; i < 2; i++) {
        with(&rogue, trust, &spoke, trust);
        version(versions[i]);
        fails("TLS", "the certificate is refused");
        again();
    }
    cert_free(&rogue);
}

static void test_client_certificate_of_somebody_else(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    pr.id = "other.lab"; // what it says in IKE; the certificate is spoke.lab's
    for (unsigned i = 0; i < 2; i++) {
        version(versions[i]);
        fails("not that of the identity", NULL);
        again();
    }
}

static void test_identities_of_a_certificate(void **state)
{
    (void)state;
    unsigned char *dn = NULL;
    int n = i2d_X509_NAME(X509_get_subject_name(spoke.x), &dn);
    assert_true(eap_cert_is(spoke.x, (const uint8_t *)"Spoke.LAB", 9));
    assert_true(eap_cert_is(spoke.x, (const uint8_t *)"alice@lab", 9));
    assert_true(eap_cert_is(spoke.x, (const uint8_t *)"spoke", 5));
    assert_true(eap_cert_is(spoke.x, (const uint8_t *)"alice@corp", 10));
    assert_false(eap_cert_is(spoke.x, (const uint8_t *)"alice@cor", 9));
    assert_true(eap_cert_is(spoke.x, (const uint8_t *)"\xc0\0\2\x0b", 4));
    assert_true(eap_cert_is(spoke.x, dn, (size_t)n));
    assert_false(eap_cert_is(spoke.x, dn, (size_t)n - 1));
    assert_false(eap_cert_is(spoke.x, (const uint8_t *)"spoke.la", 8));
    assert_false(eap_cert_is(spoke.x, (const uint8_t *)"", 0));
    assert_false(eap_cert_is(spoke.x, (const uint8_t *)"spoke.lab\0", 10));
    OPENSSL_free(dn);
}

static void test_server_must_be_the_expected_one(void **state)
{
    (void)state;
    pr.peer.expect = (const uint8_t *)"hub.lab";
    pr.peer.expect_len = 7;
    succeeds();
    again();
    pr.peer.expect = (const uint8_t *)"bank.lab";
    pr.peer.expect_len = 8;
    fails(NULL, "not that of the identity");
}

// The owner looks at certificates that are good as such: each end at the other's, once, before the end.
static void test_revoked(void **state)
{
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned at_server = 0; at_server < 2; at_server++) {
            version(versions[i]);
            pr.server.check_certs = at_server != 0;
            pr.peer.check_certs = !at_server;
            pr.checks = 0;
            pr.revoked = NULL;
            succeeds();
            assert_int_equal(pr.checks, 1);
            again();
            pr.revoked = "it was revoked yesterday";
            fails(at_server ? "it was revoked yesterday" : NULL, at_server ? NULL : "it was revoked yesterday");
            assert_int_equal(pr.checks, 2);
            again();
        }
    }
}

static void test_client_certificate_is_no_server(void **state)
{
    (void)state;
    with(&spoke, trust, &spoke, trust);
    fails(NULL, "certificate purpose");
}

// ------------------------------------------------------------------------------------------------ out of state

static struct eap_machine *server(void)
{
    pr.s = eap_machine_new(&pr.server, pr.id, strlen(pr.id));
    assert_int_equal(eap_input(pr.s, NULL, 0), EAP_STEP_SEND);
    return pr.s;
}

static void refused(struct eap_machine *m, uint8_t code, const void *data, size_t len, const char *why)
{
    uint8_t packet[2048];
    struct wbuf w;
    wbuf_init(&w, packet, sizeof(packet));
    eap_put(&w, code, code == EAP_RESPONSE ? eap_core(m)->id : (uint8_t)(eap_core(m)->id + 1), EAP_T_TLS);
    wbuf_bytes(&w, data, len);
    eap_put_end(&w);
    assert_true(wbuf_ok(&w));
    assert_int_equal(settle(&pr, m, eap_input(m, packet, w.len)), EAP_STEP_FAIL);
    if (strstr(eap_core(m)->why, why) == NULL)
        fail_msg("it says \"%s\", not \"%s\"", eap_core(m)->why, why);
    eap_machine_free(m);
    pr.s = pr.p = NULL;
}

static void test_pieces_that_lie(void **state)
{
    (void)state;
    refused(server(), EAP_RESPONSE, "\0", 1, "an empty piece out of place");
    refused(server(), EAP_RESPONSE, "\x20", 1, "a start out of place");
    refused(server(), EAP_RESPONSE, "\x40", 1, "an empty piece");
    refused(server(), EAP_RESPONSE, "\x80\0\0\0\5abc", 8, "less than was announced");
    refused(server(), EAP_RESPONSE, "\x80\0\0\0\2abc", 8, "lies");
    refused(server(), EAP_RESPONSE, "\x80\x10\0\0\0abc", 8, "above the limit");
    refused(server(), EAP_RESPONSE, "", 0, "without flags");
    refused(server(), EAP_RESPONSE, "\0GET / HTTP/1.0\r\n\r\n", 19, "TLS:");
    pr.p = eap_machine_new(&pr.peer, pr.id, strlen(pr.id));
    refused(pr.p, EAP_REQUEST, "\0abc", 4, "before the start");
}

// Fragments without end: no more than EAP_MAX_TLS bytes are kept, and no more than EAP_MAX_ROUNDS are taken.
static void test_fragments_without_end(void **state)
{
    (void)state;
    struct eap_machine *m = server();
    static uint8_t packet[4000] = {EAP_RESPONSE, 0, 4000 >> 8, 4000 & 255, EAP_T_TLS, EAP_TLS_MORE};
    unsigned n = 0;
    for (enum eap_step step = EAP_STEP_SEND; step == EAP_STEP_SEND && n < 100; n++) {
        packet[1] = eap_core(m)->id;
        step = eap_input(m, packet, sizeof(packet));
    }
    assert_true(n * 3994 <= EAP_MAX_TLS + 3994);
    assert_non_null(strstr(eap_core(m)->why, "more than"));
}

static void test_success_before_the_handshake_ends(void **state)
{
    (void)state;
    pr.p = eap_machine_new(&pr.peer, pr.id, strlen(pr.id));
    assert_int_equal(settle(&pr, pr.p, eap_input(pr.p, "\1\5\0\6\15\x20", 6)), EAP_STEP_SEND);
    assert_int_equal(eap_input(pr.p, "\3\5\0\4", 4), EAP_STEP_FAIL);
}

// TLS 1.3: a Success without the protected byte of zero before it (RFC 9190 2.1.1) is not believed.
static bool without_commitment(struct pair *q, bool to_peer, uint8_t *packet, size_t *len)
{
    if (to_peer && q->packets == 5 && packet[4] == EAP_T_TLS) {
        memcpy(packet, (uint8_t[]){EAP_SUCCESS, (uint8_t)(packet[1] - 1), 0, 4}, 4);
        *len = 4;
    }
    return true;
}

static void test_success_without_commitment(void **state)
{
    (void)state;
    version(TLS1_3_VERSION);
    pr.hook = without_commitment;
    fails(NULL, "before the method is done");
    assert_int_equal(pr.packets, 5);
}

// A server of our own making, so that it can end as no good one does. Gives what it sends after these bytes.
static size_t serve(SSL *ssl, const struct eap_core *from, uint8_t *out, uint8_t id)
{
    static uint8_t flight[3500];
    struct eap_packet p;
    struct eap_tls_piece piece;
    struct wbuf w;
    assert_null(eap_decode(from->packet, from->len, &p));
    assert_null(eap_tls_decode(p.data, p.len, &piece));
    if (piece.len > 0)
        BIO_write(SSL_get_rbio(ssl), piece.data, (int)piece.len);
    (void)SSL_do_handshake(ssl);
    int n = BIO_read(SSL_get_wbio(ssl), flight, sizeof(flight));
    wbuf_init(&w, out, EAP_MAX_PACKET);
    eap_put(&w, EAP_REQUEST, id, EAP_T_TLS);
    eap_tls_put(&w, &(struct eap_tls_piece){.data = flight, .len = n > 0 ? (size_t)n : 0});
    eap_put_end(&w);
    assert_true(wbuf_ok(&w));
    return w.len;
}

static void test_commitment_is_a_byte_of_zero(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int len;
    } rows[] = {{"\0", 1}, {"\1", 1}, {"secret", 6}};
    version(TLS1_3_VERSION);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t packet[EAP_MAX_PACKET];
        SSL *ssl = SSL_new(pr.server.tls);
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_accept_state(ssl);
        pr.peer.fragment = 3500;
        pr.p = eap_machine_new(&pr.peer, pr.id, strlen(pr.id));
        assert_int_equal(settle(&pr, pr.p, eap_input(pr.p, "\1\1\0\6\15\x20", 6)), EAP_STEP_SEND);
        size_t len = serve(ssl, eap_core(pr.p), packet, 2);
        assert_int_equal(settle(&pr, pr.p, eap_input(pr.p, packet, len)), EAP_STEP_SEND);
        struct eap_packet p;
        struct eap_tls_piece piece;
        assert_null(eap_decode(eap_core(pr.p)->packet, eap_core(pr.p)->len, &p));
        assert_null(eap_tls_decode(p.data, p.len, &piece));
        BIO_write(SSL_get_rbio(ssl), piece.data, (int)piece.len);
        assert_int_equal(SSL_do_handshake(ssl), 1);
        assert_int_equal(SSL_write(ssl, rows[i].bytes, rows[i].len), rows[i].len);
        struct wbuf w;
        uint8_t record[256];
        int n = BIO_read(SSL_get_wbio(ssl), record, sizeof(record));
        assert_true(n > 0);
        wbuf_init(&w, packet, sizeof(packet));
        eap_put(&w, EAP_REQUEST, 3, EAP_T_TLS);
        eap_tls_put(&w, &(struct eap_tls_piece){.data = record, .len = (size_t)n});
        eap_put_end(&w);
        assert_int_equal(settle(&pr, pr.p, eap_input(pr.p, packet, w.len)), EAP_STEP_SEND);
        assert_int_equal(eap_input(pr.p, "\3\3\0\4", 4), i == 0 ? EAP_STEP_DONE : EAP_STEP_FAIL);
        SSL_free(ssl);
        again();
    }
}

static void test_changed_bytes(void **state)
{
    (void)state;
    unsigned applied = 0;
    for (unsigned packet = 1; packet < 5; packet++) {
        for (size_t at = 5; at < 1000; at += 29) {
            struct pair_flip f = {.packet = packet, .at = at, .bits = 0x10};
            again();
            pr.hook = pair_flip;
            pr.arg = &f;
            bool good = pair_run(&pr);
            applied += f.applied;
            if (good && f.applied && at > 5) // byte 5 has reserved flags
                fail_msg("byte %zu of packet %u does not matter", at, packet);
        }
    }
    assert_true(applied > 40);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(test_both_versions_make_the_same_key_at_both_ends),
        T(test_fragments_of_every_size),
        T(test_long_certificate),
        T(test_more_fragments_than_rounds),
        T(test_client_of_another_authority),
        T(test_client_without_certificate),
        T(test_server_of_another_authority),
        T(test_client_certificate_of_somebody_else),
        T(test_identities_of_a_certificate),
        T(test_server_must_be_the_expected_one),
        T(test_revoked),
        T(test_client_certificate_is_no_server),
        T(test_pieces_that_lie),
        T(test_fragments_without_end),
        T(test_success_before_the_handshake_ends),
        T(test_success_without_commitment),
        T(test_commitment_is_a_byte_of_zero),
        T(test_changed_bytes),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("EAP-TLS", tests, setup, teardown);
}
