// SPDX-License-Identifier: BSD-2-Clause
// IKE_AUTH by signatures, by EAP, and by a way of its own for each side; what is not authentic gets nothing.
#include "tests/unit/ike/insider.h"

#include "hostd/ike/ike_int.h"
#include "hostd/ike/ike_sign.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

// ---------------------------------------------------------------------------------------------- keys and certificates

enum key_kind { RSA_2048, RSA_3072, EC_256, EC_384, EC_521, ED_25519, ED_448, KEY_KINDS };

static EVP_PKEY *new_key(enum key_kind kind)
{
    static const char *const curves[] = {[EC_256] = "P-256", [EC_384] = "P-384", [EC_521] = "P-521"};
    EVP_PKEY *k = kind <= RSA_3072   ? EVP_RSA_gen(kind == RSA_2048 ? 2048 : 3072)
                  : kind <= EC_521   ? EVP_EC_gen(curves[kind])
                  : kind == ED_25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                     : EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
    assert_non_null(k);
    return k;
}

// One key of each kind serves all tests: making them takes most of the time.
static EVP_PKEY *key_of(enum key_kind kind, unsigned which)
{
    static EVP_PKEY *keys[KEY_KINDS][2];
    if (keys[kind][which] == NULL)
        keys[kind][which] = new_key(kind);
    EVP_PKEY_up_ref(keys[kind][which]);
    return keys[kind][which];
}

// A credential of this key, whose certificate may be of another one.
static struct ike_cred *new_cred(EVP_PKEY *key, EVP_PKEY *of_cert)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_NAME_new();
    assert_non_null(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"peer", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)EVP_PKEY_get0_type_name(of_cert), -1, -1, 0);
    X509_set_version(x, X509_VERSION_3);
    X509_set_subject_name(x, name);
    X509_set_issuer_name(x, name);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, of_cert);
    const int type = EVP_PKEY_get_base_id(of_cert);
    assert_true(X509_sign(x, of_cert, type == EVP_PKEY_ED25519 || type == EVP_PKEY_ED448 ? NULL : EVP_sha256()) > 0);
    uint8_t *der = NULL;
    const int len = i2d_X509(x, &der);
    const struct ike_certs chain = {.n = 1, .cert = {{der, (size_t)len}}};
    struct ike_cred *c = ike_cred_new(key, &chain);
    assert_non_null(c);
    OPENSSL_free(der);
    X509_NAME_free(name);
    X509_free(x);
    return c;
}

// ---------------------------------------------------------------------------------------------- the owner

// What the owner of a node does with certificates and EAP.
static struct owner {
    bool refuse, later, never;
    uint64_t token; ///< of a question that waits
    EVP_PKEY *key;
    unsigned certs;   ///< of the last question
    unsigned checked; ///< questions
    int kind;         ///< of the key in the last one's certificate
    bool by_subject;  ///< in the last one the identity was the certificate's subject
    // EAP: a method of `rounds` requests that succeeds if both sides have the same secret.
    unsigned rounds;
    const char *secret; ///< becomes the MSK; NULL: the method makes no key
    bool no_method, garbage, fails;
    bool disbelieves; // a supplicant: it refuses the responder
    unsigned conversations, open;
    // A pre-shared key that is kept elsewhere.
    uint64_t psk_token; ///< of a question that waits
    unsigned psk_asked;
    bool psk_of_remote;
    const char *identity;
} owners[LAB_NODES];

static void op_cert_check(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                          const struct ike_certs *certs)
{
    const struct lab_node *n = ctx;
    struct owner *o = &owners[n->index];
    const uint8_t *der = certs->cert[0].p;
    assert_ptr_equal(p, n->profile);
    assert_non_null(id);
    o->checked++;
    o->certs = certs->n;
    o->token = token;
    X509 *x = d2i_X509(NULL, &der, (long)certs->cert[0].len);
    EVP_PKEY_free(o->key);
    o->key = x ? X509_get_pubkey(x) : NULL;
    o->kind = o->key ? EVP_PKEY_get_base_id(o->key) : 0;
    X509_free(x);
    struct ike_id *subject = ike_cert_subject(&certs->cert[0]);
    o->by_subject = subject && ike_id_equal(subject, id);
    free(subject);
}

// The owner answers in its own time: here between two steps of the network.
static void answer_certs(struct lab *lab)
{
    for (int i = 0; i < LAB_NODES; i++) {
        struct owner *o = &owners[i];
        if (o->token == 0 || o->later)
            continue;
        const uint64_t token = o->token;
        EVP_PKEY *key = o->refuse ? NULL : o->key;
        if (o->refuse)
            EVP_PKEY_free(o->key);
        o->token = 0;
        o->key = NULL;
        ike_cert_answer(lab->node[i].e, token, key, "not trusted", lab->now);
    }
}

static bool turn(struct lab *lab)
{
    answer_certs(lab);
    return false;
}

static void run(struct lab *lab, uint64_t micros)
{
    (void)lab_until(lab, turn, micros);
}

struct conversation {
    struct lab_node *node;
    bool authenticator;
    unsigned sent;
};

static void *op_eap_begin(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer)
{
    struct lab_node *n = ctx;
    struct owner *o = &owners[n->index];
    assert_ptr_equal(p, n->profile);
    assert_non_null(peer);
    if (o->no_method)
        return NULL;
    struct conversation *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    c->node = n;
    c->authenticator = authenticator;
    o->conversations++;
    o->open++;
    return c;
}

static void op_eap_end(void *ctx, void *conversation)
{
    const struct lab_node *n = ctx;
    assert_true(owners[n->index].open > 0);
    owners[n->index].open--;
    free(conversation);
}

static void op_eap_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len)
{
    struct conversation *c = conversation;
    struct lab_node *n = ctx;
    const struct owner *o = &owners[n->index];
    struct ike_id *id = o->identity ? ike_id_new(IKE_ID_KEY_ID, o->identity, strlen(o->identity)) : NULL;
    uint8_t out[5] = {c->authenticator ? 1 : 2, (uint8_t)c->sent, 0, sizeof(out), 255};
    struct ike_eap_answer a = {.code = IKE_EAP_CONTINUE, .packet = out, .len = sizeof(out)};
    if (o->never) {
        free(id);
        return;
    }
    if (c->authenticator)
        assert_int_equal(packet == NULL, c->sent == 0);
    const bool over = c->authenticator ? c->sent == o->rounds : packet[0] == 3;
    if (over && o->secret) {
        a.msk = (const uint8_t *)o->secret;
        a.msk_len = strlen(o->secret);
    }
    if (over) {
        a.code = o->fails ? IKE_EAP_FAILURE : IKE_EAP_SUCCESS;
        a.identity = id;
        out[0] = o->fails ? 4 : 3;
        out[3] = 4;
        a.len = 4;
        if (!c->authenticator)
            a.packet = NULL;
    } else if (!c->authenticator && packet[0] == 4) {
        a.code = IKE_EAP_FAILURE;
        a.packet = NULL;
    } else if (o->garbage) {
        a.packet = NULL;
    } else if (o->disbelieves) {
        a.code = IKE_EAP_FAILURE;
        a.packet = NULL;
    }
    (void)len;
    c->sent++;
    ike_eap_answer(n->e, token, &a, n->lab->now);
    free(id);
}

static struct lab *new_lab(uint8_t left, uint8_t right)
{
    struct lab *lab = lab_new();
    memset(owners, 0, sizeof(owners));
    for (int i = 0; i < LAB_NODES; i++) {
        struct lab_node *n = &lab->node[i];
        owners[i].rounds = 3;
        owners[i].secret = "this key comes out of the method";
        owners[i].identity = "joe";
        n->ops.cert_check = op_cert_check;
        n->ops.eap_begin = op_eap_begin;
        n->ops.eap_input = op_eap_input;
        n->ops.eap_end = op_eap_end;
        n->profile->auth_local = i == 0 ? left : right;
        n->profile->auth_remote = i == 0 ? right : left;
        if (n->profile->auth_local == IKE_WAY_CERT)
            n->profile->cred = new_cred(key_of(EC_256, (unsigned)i), key_of(EC_256, (unsigned)i));
    }
    return lab;
}

static void set_key(struct lab *lab, int i, enum key_kind kind)
{
    struct ike_profile *p = lab->node[i].profile;
    ike_cred_unref(p->cred);
    EVP_PKEY *k = key_of(kind, (unsigned)i);
    p->cred = new_cred(k, k);
}

static void end(struct lab *lab)
{
    lab_end(lab);
    for (int i = 0; i < LAB_NODES; i++) {
        EVP_PKEY_free(owners[i].key);
        owners[i].key = NULL;
        assert_int_equal(owners[i].open, 0);
    }
}

static void initiate(struct lab *lab)
{
    lab_start(lab);
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    run(lab, 5 * LAB_SECOND);
}

static void assert_refused(struct lab *lab)
{
    run(lab, 120 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 0);
    lab_assert_children(lab, 0);
    // Where the initiator refuses, the responder was content, and had to be told.
    assert_int_equal(lab->node[0].ups + lab->node[0].installs, 0);
    assert_true(ike_stats(lab->node[0].e)->auth_failures + ike_stats(lab->node[1].e)->auth_failures > 0);
    end(lab);
}

// ---------------------------------------------------------------------------------------------- signatures

static void methods_of(void *arg, const struct ike_sa_info *sa)
{
    uint8_t *out = arg;
    out[0] = sa->auth_local;
    out[1] = sa->auth_remote;
}

static void every_kind_of_key_proves_either_side(void **state)
{
    (void)state;
    for (int kind = 0; kind < KEY_KINDS; kind++) {
        struct lab *lab = new_lab(IKE_WAY_CERT, IKE_WAY_CERT);
        uint8_t methods[2];
        set_key(lab, 0, (enum key_kind)kind);
        set_key(lab, 1, (enum key_kind)((kind + 1) % KEY_KINDS));
        initiate(lab);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(owners[0].checked + owners[1].checked, 2);
        assert_true(ike_show_one(lab->node[0].e, lab->node[0].session, methods_of, methods));
        assert_int_equal(methods[0], IKE_AUTH_SIGNATURE);
        assert_int_equal(methods[1], IKE_AUTH_SIGNATURE);
        end(lab);
    }
}

// A credential that leads to the CA with this (made-up) hash.
static struct ike_cred *cred_of_ca(enum key_kind kind, uint8_t ca)
{
    EVP_PKEY *k = key_of(kind, 0);
    struct ike_cred *c = new_cred(k, k);
    c->n_ca = 2; // an intermediate one that nobody asks for, and the one
    c->ca_hashes = calloc(c->n_ca, IKE_CA_HASH);
    assert_non_null(c->ca_hashes);
    memset(c->ca_hashes, 0xee, IKE_CA_HASH);
    memset(c->ca_hashes + IKE_CA_HASH, ca, IKE_CA_HASH);
    return c;
}

// Of several certificates the one goes whose CA the peer asks for (RFC 7296 3.7), in either role.
static void the_certificate_is_one_that_the_peer_asks_for(void **state)
{
    (void)state;
    static const struct {
        const char *trusts; // the peer's CAs
        int kind;           // of the key that we shall have proved ourselves by
    } rows[] = {
        {"a", EVP_PKEY_EC}, {"b", EVP_PKEY_ED25519}, {"c", EVP_PKEY_RSA}, {"xyzb", EVP_PKEY_ED25519},
        {"", EVP_PKEY_EC},  {"cba", EVP_PKEY_EC},    {"z", EVP_PKEY_EC},  {"zc", EVP_PKEY_RSA},
    };
    for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *lab = new_lab(IKE_WAY_CERT, IKE_WAY_CERT);
        const unsigned me = i % 2, peer = 1 - me;
        struct ike_profile *p = lab->node[me].profile, *q = lab->node[peer].profile;
        ike_cred_unref(p->cred);
        p->cred = cred_of_ca(EC_256, 'a');
        p->also[0] = cred_of_ca(ED_25519, 'b');
        p->also[1] = cred_of_ca(RSA_2048, 'c');
        p->n_also = 2;
        p->local_id = ike_cert_subject(&(struct ike_cert){p->cred->cert[0].p, p->cred->cert[0].len});
        p->id_is_subject = true;
        q->n_ca = (uint8_t)strlen(rows[i / 2].trusts);
        q->ca_hashes = calloc(q->n_ca + 1u, IKE_CA_HASH);
        for (unsigned k = 0; k < q->n_ca; k++)
            memset(q->ca_hashes + (size_t)k * IKE_CA_HASH, rows[i / 2].trusts[k], IKE_CA_HASH);
        initiate(lab);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(owners[peer].kind, rows[i / 2].kind);
        assert_true(owners[peer].by_subject);
        end(lab);
    }
}

// Without SIGNATURE_HASH_ALGORITHMS of the peer: the methods of RFC 7296 and RFC 4754; EdDSA has none.
static void peers_without_digital_signatures_get_the_older_methods(void **state)
{
    (void)state;
    static const uint8_t methods[KEY_KINDS] = {
        [RSA_2048] = IKE_AUTH_RSA,     [RSA_3072] = IKE_AUTH_RSA,     [EC_256] = IKE_AUTH_ECDSA_256,
        [EC_384] = IKE_AUTH_ECDSA_384, [EC_521] = IKE_AUTH_ECDSA_521,
    };
    static const uint8_t msg[] = "the message, the nonce and the identity";
    for (int kind = 0; kind < KEY_KINDS; kind++) {
        EVP_PKEY *k = key_of((enum key_kind)kind, 0), *other = key_of((enum key_kind)kind, 1);
        uint8_t *auth = NULL, method = 0;
        size_t len = 0;
        const bool ok = ike_sign(k, 0, msg, sizeof(msg), &method, &auth, &len);
        assert_int_equal(ok, methods[kind] != 0);
        if (ok) {
            assert_int_equal(method, methods[kind]);
            assert_null(ike_sign_verify(k, method, auth, len, msg, sizeof(msg)));
            assert_non_null(ike_sign_verify(other, method, auth, len, msg, sizeof(msg)));
            assert_non_null(ike_sign_verify(k, method, auth, len, msg, sizeof(msg) - 1));
            assert_non_null(ike_sign_verify(k, method, auth, len - 1, msg, sizeof(msg)));
            assert_non_null(ike_sign_verify(k, method == IKE_AUTH_RSA ? IKE_AUTH_ECDSA_256 : IKE_AUTH_RSA, auth, len,
                                            msg, sizeof(msg)));
        }
        free(auth);
        EVP_PKEY_free(k);
        EVP_PKEY_free(other);
    }
}

// Every bit of a signature matters, and so does every byte that is missing.
static void a_signature_with_one_wrong_bit_is_refused(void **state)
{
    (void)state;
    static const uint8_t msg[] = "the message, the nonce and the identity";
    for (int kind = 0; kind < KEY_KINDS; kind++) {
        EVP_PKEY *k = key_of((enum key_kind)kind, 0);
        uint8_t *auth = NULL, method = 0;
        size_t len = 0;
        assert_true(ike_sign(k, IKE_HASHES, msg, sizeof(msg), &method, &auth, &len));
        assert_int_equal(method, IKE_AUTH_SIGNATURE);
        assert_null(ike_sign_verify(k, method, auth, len, msg, sizeof(msg)));
        for (size_t i = 8 * (1u + auth[0]); i < 8 * len; i++) {
            auth[i / 8] ^= (uint8_t)(1 << i % 8);
            assert_non_null(ike_sign_verify(k, method, auth, len, msg, sizeof(msg)));
            auth[i / 8] ^= (uint8_t)(1 << i % 8);
        }
        for (size_t cut = 0; cut < len; cut++)
            assert_non_null(ike_sign_verify(k, method, auth, cut, msg, sizeof(msg)));
        free(auth);
        EVP_PKEY_free(k);
    }
}

static void the_hash_follows_the_key_and_what_the_peer_takes(void **state)
{
    (void)state;
    static const uint8_t msg[] = "m";
    static const struct {
        enum key_kind kind;
        uint16_t hashes;
        bool ok;
    } rows[] = {
        {EC_384, 1 << IKE_HASH_SHA2_256, true},    {EC_256, 1 << IKE_HASH_SHA2_512, true},
        {RSA_2048, 1 << IKE_HASH_SHA2_384, true},  {RSA_2048, 1 << IKE_HASH_IDENTITY, false},
        {ED_25519, 1 << IKE_HASH_SHA2_256, false}, {ED_25519, 1 << IKE_HASH_IDENTITY, true},
        {RSA_2048, 1 << IKE_HASH_SHA1, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        EVP_PKEY *k = key_of(rows[i].kind, 0);
        uint8_t *auth = NULL, method = 0;
        size_t len = 0;
        assert_int_equal(ike_sign(k, rows[i].hashes, msg, sizeof(msg), &method, &auth, &len), rows[i].ok);
        if (rows[i].ok)
            assert_null(ike_sign_verify(k, method, auth, len, msg, sizeof(msg)));
        free(auth);
        EVP_PKEY_free(k);
    }
}

static void a_key_that_is_not_the_certificates_is_refused(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct lab *lab = new_lab(IKE_WAY_CERT, IKE_WAY_CERT);
        ike_cred_unref(lab->node[wrong].profile->cred);
        EVP_PKEY *cert = key_of(EC_256, 1);
        lab->node[wrong].profile->cred = new_cred(key_of(EC_256, 0), cert);
        EVP_PKEY_free(cert);
        initiate(lab);
        assert_int_equal(owners[1 - wrong].checked, 1);
        assert_refused(lab);
    }
}

static void a_certificate_that_is_not_trusted_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = new_lab(IKE_WAY_CERT, IKE_WAY_CERT);
        owners[i].refuse = true;
        initiate(lab);
        assert_int_equal(owners[i].checked, 1);
        assert_refused(lab);
    }
}

static void without_a_judge_no_certificate_is_good(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_CERT, IKE_WAY_CERT);
    lab->node[1].ops.cert_check = NULL;
    initiate(lab);
    assert_refused(lab);
}

// A verdict that takes its time holds up nobody else; one that never comes costs no more than the half-open time.
static void a_late_verdict_holds_nobody_up(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_CERT, IKE_WAY_CERT);
    owners[1].later = true;
    lab->node[0].profile->initial_contact = false; // the first one would end the second when it comes at last
    initiate(lab);
    lab_assert_sas(lab, 0);
    assert_int_equal(owners[1].checked, 1);
    const uint64_t first = owners[1].token;
    EVP_PKEY *key = owners[1].key;
    owners[1].key = NULL;
    owners[1].later = false;
    owners[1].token = 0;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    run(lab, 2 * LAB_SECOND);
    lab_assert_sas(lab, 1);
    ike_cert_answer(lab->node[1].e, first, key, NULL, lab->now);
    run(lab, 10 * LAB_SECOND);
    lab_assert_sas(lab, 2);
    lab_assert_children(lab, 2);
    end(lab);
}

static void a_verdict_that_never_comes_costs_the_half_open_time(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_CERT, IKE_WAY_CERT);
    uint32_t sas = 0, half = 0, children = 0;
    owners[1].later = true;
    initiate(lab);
    run(lab, 300 * (uint64_t)LAB_SECOND);
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(sas, 0);
    // The verdict comes after all: nobody is there, and the key is released.
    ike_cert_answer(lab->node[1].e, owners[1].token, owners[1].key, NULL, lab->now);
    owners[1].key = NULL;
    end(lab);
}

static struct lab_fate every_third_is_lost(struct lab *lab, const struct lab_packet *p)
{
    (void)p;
    return (struct lab_fate){.drop = lab_random(&lab->seed) % 3 == 0, .copies = lab_random(&lab->seed) % 2};
}

// An initiator of this way comes up though the network loses and repeats.
static void come_up_in_spite_of_loss(uint8_t way)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct lab *lab = new_lab(way, IKE_WAY_CERT);
        lab->seed += seed;
        lab->fate = every_third_is_lost;
        lab->node[0].profile->retrans_tries = 30;
        lab->node[0].profile->dpd_interval = lab->node[1].profile->dpd_interval = 0;
        lab->node[1].limits.half_open_s = 600;
        lab_start(lab);
        lab_initiate(lab, 0);
        run(lab, 600 * (uint64_t)LAB_SECOND);
        lab_assert_sas(lab, 1);
        end(lab);
    }
}

static void loss_and_repetition_do_not_confuse_signatures(void **state)
{
    (void)state;
    come_up_in_spite_of_loss(IKE_WAY_CERT);
}

static void each_side_may_prove_itself_its_own_way(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = new_lab(i == 0 ? IKE_WAY_CERT : IKE_WAY_PSK, i == 0 ? IKE_WAY_PSK : IKE_WAY_CERT);
        uint8_t methods[2];
        initiate(lab);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_true(ike_show_one(lab->node[0].e, lab->node[0].session, methods_of, methods));
        assert_int_equal(methods[i], IKE_AUTH_SIGNATURE);
        assert_int_equal(methods[1 - i], IKE_AUTH_PSK);
        end(lab);
    }
}

static void a_way_that_the_profile_has_not_is_refused(void **state)
{
    (void)state;
    static const uint8_t ways[][2] = {
        {IKE_WAY_PSK, IKE_WAY_CERT}, {IKE_WAY_CERT, IKE_WAY_PSK}, {IKE_WAY_EAP, IKE_WAY_PSK | IKE_WAY_CERT}};
    for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
        struct lab *lab = new_lab(ways[k][0], IKE_WAY_PSK);
        lab->node[1].profile->auth_remote = ways[k][1];
        initiate(lab);
        assert_refused(lab);
    }
    // And the responder's.
    struct lab *lab = new_lab(IKE_WAY_PSK, IKE_WAY_CERT);
    lab->node[0].profile->auth_remote = IKE_WAY_PSK;
    initiate(lab);
    assert_refused(lab);
}

// ---------------------------------------------------------------------------------------------- keys from elsewhere

static int op_psk_elsewhere(void *ctx, const struct ike_profile *p, const struct ike_id *local,
                            const struct ike_id *remote, const struct ike_path *path, uint8_t *key, size_t cap)
{
    (void)ctx, (void)p, (void)local, (void)remote, (void)path, (void)key, (void)cap;
    return IKE_PSK_LATER;
}

static void op_psk_ask(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *local,
                       const struct ike_id *remote, const struct ike_path *path, bool of_remote)
{
    const struct lab_node *n = ctx;
    struct owner *o = &owners[n->index];
    assert_ptr_equal(p, n->profile);
    assert_non_null(local);
    assert_non_null(remote);
    assert_non_null(path);
    o->psk_token = token;
    o->psk_of_remote = of_remote;
    o->psk_asked++;
}

// A lab whose node i has its keys elsewhere.
static struct lab *far_lab(int i)
{
    struct lab *lab = new_lab(IKE_WAY_PSK, IKE_WAY_PSK);
    lab->node[i].ops.psk = op_psk_elsewhere;
    lab->node[i].ops.psk_remote = op_psk_elsewhere;
    lab->node[i].ops.psk_ask = op_psk_ask;
    lab_start(lab);
    lab_initiate(lab, 0);
    run(lab, 2 * LAB_SECOND);
    assert_int_equal(owners[i].psk_asked, 1);
    return lab;
}

static void give_psk(struct lab *lab, int i, const char *key, int len)
{
    const uint64_t token = owners[i].psk_token;
    owners[i].psk_token = 0;
    if (token)
        ike_psk_answer(lab->node[i].e, token, (const uint8_t *)key, len, lab->now);
    run(lab, 3 * LAB_SECOND);
}

static void a_key_that_comes_late_serves(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = far_lab(i);
        lab_assert_sas(lab, 0);
        // The initiator needs its own first, the responder the peer's; each side is asked for once.
        assert_int_equal(owners[i].psk_of_remote, i == 1);
        for (int k = 0; k < 2; k++)
            give_psk(lab, i, lab->node[i].psk, (int)strlen(lab->node[i].psk));
        assert_int_equal(owners[i].psk_asked, 2);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        end(lab);
    }
}

static void keys_that_are_wrong_missing_or_no_keys_are_refused(void **state)
{
    (void)state;
    static char huge[IKE_MAX_PSK + 1];
    static const struct {
        const char *key;
        int len;
    } rows[] = {{"wrong", 5}, {NULL, -1}, {"", 0}, {huge, sizeof(huge)}, {NULL, 20}, {"x", -7}};
    memset(huge, 'k', sizeof(huge));
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
            struct lab *lab = far_lab(i);
            for (int n = 0; n < 2; n++)
                give_psk(lab, i, rows[k].key, rows[k].len);
            run(lab, 120 * (uint64_t)LAB_SECOND);
            lab_assert_sas(lab, 0);
            lab_assert_children(lab, 0);
            end(lab);
        }
    }
}

static void a_key_that_never_comes_holds_nobody_up(void **state)
{
    (void)state;
    struct lab *lab = far_lab(1);
    uint32_t sas = 0, half = 0, children = 0;
    const uint64_t first = owners[1].psk_token;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    run(lab, LAB_SECOND);
    for (int n = 0; n < 2; n++)
        give_psk(lab, 1, lab->node[1].psk, (int)strlen(lab->node[1].psk));
    lab_assert_sas(lab, 1);
    run(lab, 300 * (uint64_t)LAB_SECOND);
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(sas, 1);
    ike_psk_answer(lab->node[1].e, first, (const uint8_t *)"late", 4, lab->now);
    end(lab);
}

// ---------------------------------------------------------------------------------------------- EAP

static void identity_of(void *arg, const struct ike_sa_info *sa)
{
    assert_non_null(sa->eap_id);
    ike_id_format(sa->eap_id, arg, 64);
}

static void eap_with_a_key_sets_up(void **state)
{
    (void)state;
    static const uint8_t responders[] = {IKE_WAY_CERT, IKE_WAY_PSK};
    for (size_t i = 0; i < 2; i++) {
        struct lab *lab = new_lab(IKE_WAY_EAP, responders[i]);
        char id[64] = "";
        initiate(lab);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->sent, 2 + 2 + 2 * owners[1].rounds + 2);
        assert_true(ike_show_one(lab->node[1].e, lab->node[1].session, identity_of, id));
        assert_string_equal(id, "joe");
        // The responder has proved itself by its own way, although its last AUTH was by EAP's key.
        uint8_t left[2], right[2];
        const uint8_t own = responders[i] == IKE_WAY_CERT ? IKE_AUTH_SIGNATURE : IKE_AUTH_PSK;
        assert_true(ike_show_one(lab->node[0].e, lab->node[0].session, methods_of, left));
        assert_true(ike_show_one(lab->node[1].e, lab->node[1].session, methods_of, right));
        assert_int_equal(left[0], IKE_AUTH_BY_EAP);
        assert_int_equal(left[1], own);
        assert_int_equal(right[0], own);
        assert_int_equal(right[1], IKE_AUTH_BY_EAP);
        // It outlives a rekey.
        assert_int_equal(ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now), 0);
        run(lab, LAB_SECOND);
        assert_true(ike_show_one(lab->node[1].e, lab->node[1].session, identity_of, id));
        end(lab);
    }
}

static void eap_without_a_key_sets_up(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
    owners[0].secret = owners[1].secret = NULL;
    initiate(lab);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    end(lab);
}

static void eap_keys_that_differ_are_refused(void **state)
{
    (void)state;
    static const char *const keys[][2] = {{"one", "two"}, {NULL, "two"}, {"one", NULL}};
    for (size_t i = 0; i < 3; i++) {
        struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
        owners[0].secret = keys[i][0];
        owners[1].secret = keys[i][1];
        initiate(lab);
        assert_refused(lab);
    }
}

static void eap_alone_proves_both_sides_if_it_makes_a_key(void **state)
{
    (void)state;
    for (int key = 0; key < 2; key++) {
        struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_EAP);
        lab->node[0].profile->eap_only = true;
        owners[0].secret = owners[1].secret = key ? "a key" : NULL;
        initiate(lab);
        if (key) {
            lab_assert_sas(lab, 1);
            lab_assert_children(lab, 1);
            end(lab);
        } else {
            assert_refused(lab);
        }
    }
}

static void eap_alone_is_only_done_when_offered(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_EAP);
    initiate(lab);
    assert_refused(lab);
}

static void a_responder_that_only_has_eap_must_still_be_wanted(void **state)
{
    (void)state;
    // The responder leaves AUTH out though it was not offered: our own machine does not, so its answer is changed by
    // leaving the initiator's wish out after it was sent.
    struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_EAP);
    lab->node[0].profile->eap_only = true;
    lab_start(lab);
    lab_initiate(lab, 0);
    for (int i = 0; i < 3; i++)
        run(lab, lab->latency);
    lab->node[0].profile->eap_only = false;
    assert_refused(lab);
}

static void eap_that_fails_ends_it(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
    owners[1].fails = true;
    initiate(lab);
    assert_int_equal(lab->node[0].down_why, IKE_R_AUTH_FAILED);
    assert_refused(lab);
}

static void a_method_that_says_nothing_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
        owners[i].garbage = true;
        initiate(lab);
        assert_refused(lab);
        lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
        owners[i].no_method = true;
        initiate(lab);
        assert_refused(lab);
    }
}

static void eap_without_an_end_is_ended(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
    owners[1].rounds = 100000;
    initiate(lab);
    assert_true(lab->sent < 4 * IKE_MAX_EAP_ROUNDS);
    assert_refused(lab);
}

static void a_backend_that_never_answers_holds_nobody_up(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
    uint32_t sas = 0, half = 0, children = 0;
    owners[1].never = true;
    initiate(lab);
    owners[1].never = false;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    run(lab, 5 * LAB_SECOND);
    lab_assert_sas(lab, 1);
    run(lab, 300 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(half, 0);
    assert_int_equal(sas, 1);
    end(lab);
}

// The responder does not wait for a supplicant that does not believe it.
static void a_supplicant_that_disbelieves_says_so(void **state)
{
    (void)state;
    struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
    owners[0].disbelieves = true;
    initiate(lab);
    assert_int_equal(owners[1].conversations, 1);
    assert_int_equal(owners[1].open, 0);
    assert_int_equal(ike_stats(lab->node[1].e)->auth_failures, 1);
    assert_refused(lab);
}

// RFC 7296 2.21.2: an initiator that gives up in the middle of EAP says so in an INFORMATIONAL request; nothing else
// may come there before it is authenticated.
static void an_initiator_that_gives_up_is_forgotten_at_once(void **state)
{
    (void)state;
    static const uint16_t notifies[] = {IKE_N_AUTH_FAILED, IKE_N_ADDITIONAL_IP4, 0};
    for (unsigned i = 0; i < 3; i++) {
        struct lab *lab = new_lab(IKE_WAY_EAP, IKE_WAY_CERT);
        owners[0].never = true; // the responder waits for it
        initiate(lab);
        struct ike_build b;
        uint8_t chain[64];
        ike_build_chain(&b, chain, sizeof(chain));
        if (notifies[i] != 0)
            ike_put_notify(&b, notifies[i], "\xc0\0\2\1", notifies[i] == IKE_N_AUTH_FAILED ? 0 : 4);
        const struct insider_says says = {.exchange = IKE_X_INFORMATIONAL};
        assert_int_equal(owners[1].open, 1);
        assert_true(insider_say(lab, 0, &says, &b));
        assert_int_equal(owners[1].open, 0);
        assert_int_equal(ike_stats(lab->node[1].e)->auth_failures, 1);
        assert_refused(lab);
    }
}

static void loss_and_repetition_do_not_confuse_eap(void **state)
{
    (void)state;
    come_up_in_spite_of_loss(IKE_WAY_EAP);
}

// Each allocation of both sides fails once: nothing leaks, nothing is half there.
static void any_allocation_may_fail(void **state)
{
    (void)state;
    static const uint8_t ways[][2] = {{IKE_WAY_CERT, IKE_WAY_CERT}, {IKE_WAY_EAP, IKE_WAY_CERT}};
    for (size_t k = 0; k < 2; k++) {
        for (int i = 0; i < 2; i++) {
            for (unsigned nth = 1;; nth++) {
                struct lab *lab = new_lab(ways[k][0], ways[k][1]);
                lab->node[i].fail_alloc = nth;
                lab_start(lab);
                lab_initiate(lab, 0);
                run(lab, 300 * (uint64_t)LAB_SECOND);
                const bool reached = lab->node[i].n_alloc >= nth;
                assert_true(lab_sas(&lab->node[0]) <= 1);
                end(lab);
                if (!reached)
                    break;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_proves_either_side),
        cmocka_unit_test(the_certificate_is_one_that_the_peer_asks_for),
        cmocka_unit_test(peers_without_digital_signatures_get_the_older_methods),
        cmocka_unit_test(a_signature_with_one_wrong_bit_is_refused),
        cmocka_unit_test(the_hash_follows_the_key_and_what_the_peer_takes),
        cmocka_unit_test(a_key_that_is_not_the_certificates_is_refused),
        cmocka_unit_test(a_certificate_that_is_not_trusted_is_refused),
        cmocka_unit_test(without_a_judge_no_certificate_is_good),
        cmocka_unit_test(a_late_verdict_holds_nobody_up),
        cmocka_unit_test(a_verdict_that_never_comes_costs_the_half_open_time),
        cmocka_unit_test(loss_and_repetition_do_not_confuse_signatures),
        cmocka_unit_test(each_side_may_prove_itself_its_own_way),
        cmocka_unit_test(a_way_that_the_profile_has_not_is_refused),
        cmocka_unit_test(a_key_that_comes_late_serves),
        cmocka_unit_test(keys_that_are_wrong_missing_or_no_keys_are_refused),
        cmocka_unit_test(a_key_that_never_comes_holds_nobody_up),
        cmocka_unit_test(eap_with_a_key_sets_up),
        cmocka_unit_test(eap_without_a_key_sets_up),
        cmocka_unit_test(eap_keys_that_differ_are_refused),
        cmocka_unit_test(eap_alone_proves_both_sides_if_it_makes_a_key),
        cmocka_unit_test(eap_alone_is_only_done_when_offered),
        cmocka_unit_test(a_responder_that_only_has_eap_must_still_be_wanted),
        cmocka_unit_test(eap_that_fails_ends_it),
        cmocka_unit_test(a_method_that_says_nothing_is_refused),
        cmocka_unit_test(eap_without_an_end_is_ended),
        cmocka_unit_test(a_backend_that_never_answers_holds_nobody_up),
        cmocka_unit_test(a_supplicant_that_disbelieves_says_so),
        cmocka_unit_test(an_initiator_that_gives_up_is_forgotten_at_once),
        cmocka_unit_test(loss_and_repetition_do_not_confuse_eap),
        cmocka_unit_test(any_allocation_may_fail),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_auth", tests, NULL, NULL);
}
