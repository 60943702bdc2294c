// SPDX-License-Identifier: BSD-2-Clause
// What has brought other IKE daemons down, class by class, said by somebody outside and by a peer that knows the keys:
// lengths that underflow, empty payloads, an Encrypted payload inside of one, EAP out of order, endless fragments,
// lists without measure, algorithms whose parameters lie. After each the daemon serves an honest peer.
#include "hostd/ike/ike_sign.h"
#include "tests/unit/ike/insider.h"

#include <openssl/asn1t.h>
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

static struct lab *established(void)
{
    struct lab *lab = lab_connected();
    lab_assert_sas(lab, 1);
    return lab;
}

static bool responder_waits(struct lab *lab)
{
    return ike_stats(lab->node[1].e)->in_messages == 1 && lab->node[0].e->sas && lab->node[0].e->sas->have_keys;
}

// IKE_SA_INIT is over; the initiator's IKE_AUTH is lost, so that the test speaks in its place.
static struct lab *half_open(void)
{
    struct lab *lab = lab_new();
    lab_start(lab);
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    assert_true(lab_until(lab, responder_waits, LAB_SECOND));
    while (lab->queue) {
        struct lab_packet *p = lab->queue;
        lab->queue = p->next;
        free(p);
    }
    assert_non_null(insider_sa(&lab->node[1]));
    return lab;
}

// The node that was spoken to still serves: a new session comes up beside whatever is left.
static void assert_serves(struct lab *lab)
{
    const unsigned before = lab->node[1].ups;
    lab->node[0].profile->initial_contact = false;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    lab_run(lab, 5 * LAB_SECOND);
    assert_true(lab->node[1].ups > before);
}

static void over(struct lab *lab)
{
    assert_serves(lab);
    lab_end(lab);
}

static void chain(struct ike_build *b)
{
    static uint8_t mem[IKE_MAX_MESSAGE];
    ike_build_chain(b, mem, sizeof(mem));
}

// ---------------------------------------------------------------------------------------------- lengths

// A payload of this type whose length field says `says`, with `len` bytes of body.
static size_t lie(uint8_t *out, uint16_t says, const void *body, size_t len)
{
    out[0] = 0;
    out[1] = 0;
    out[2] = (uint8_t)(says >> 8);
    out[3] = (uint8_t)says;
    if (len)
        memcpy(out + 4, body, len);
    return 4 + len;
}

static const uint8_t known_types[] = {IKE_P_SA,     IKE_P_KE,    IKE_P_IDI,    IKE_P_IDR, IKE_P_CERT, IKE_P_CERTREQ,
                                      IKE_P_AUTH,   IKE_P_NONCE, IKE_P_NOTIFY, IKE_P_TSI, IKE_P_TSR,  IKE_P_DELETE,
                                      IKE_P_VENDOR, IKE_P_CP,    IKE_P_EAP,    IKE_P_SK,  IKE_P_SKF};

static void lengths_that_lie_are_refused_in_every_payload(void **state)
{
    (void)state;
    static const uint16_t says[] = {0, 1, 2, 3, 5, 12, 0x7fff, 0xffff};
    for (size_t t = 0; t < sizeof(known_types); t++) {
        for (size_t k = 0; k < sizeof(says) / sizeof(says[0]); k++) {
            struct ike_payloads p;
            uint8_t *msg = malloc(12);
            assert_non_null(msg);
            const size_t len = lie(msg, says[k], "\0\0\0\0", 4);
            assert_int_not_equal(ike_payloads_decode(known_types[t], msg, len, &p), IKE_DECODE_OK);
            assert_non_null(p.why);
            free(msg);
            // And of an SA that stands: it is over, by the RFC's word, and no other is.
            struct lab *lab = established();
            const struct insider_says i = {.exchange = IKE_X_INFORMATIONAL};
            uint8_t inside[12];
            assert_true(insider_send(lab, 0, &i, known_types[t], inside, lie(inside, says[k], "\0\0\0\0", 4)));
            assert_true(ike_stats(lab->node[1].e)->bad_payload > 0);
            assert_int_equal(lab_sas(&lab->node[1]), 0);
            over(lab);
        }
    }
}

static void empty_payloads_are_refused_where_nothing_makes_no_sense(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof(known_types); t++) {
        struct ike_payloads p;
        uint8_t msg[4];
        const enum ike_decode rc = ike_payloads_decode(known_types[t], msg, lie(msg, 4, NULL, 0), &p);
        const bool may = known_types[t] == IKE_P_VENDOR || known_types[t] == IKE_P_SK;
        assert_int_equal(rc == IKE_DECODE_OK, may);
    }
}

// The header says less or more than there is; an Encrypted payload that has no room for its IV and ICV.
static void messages_too_short_for_their_protection_are_dropped(void **state)
{
    (void)state;
    for (size_t body = 0; body < 40; body++) {
        struct lab *lab = established();
        struct ike_sa *sa = insider_sa(&lab->node[1]);
        uint8_t *msg = malloc(IKE_HEADER_LEN + 4 + body);
        struct ike_build b;
        const struct ike_header h = {.spi_i = sa->spi_i,
                                     .spi_r = sa->spi_r,
                                     .exchange = IKE_X_INFORMATIONAL,
                                     .flags = IKE_F_INITIATOR,
                                     .mid = sa->next_in};
        assert_non_null(msg);
        ike_build_message(&b, msg, IKE_HEADER_LEN + 4 + body, &h);
        ike_build_begin(&b, IKE_P_SK);
        wbuf_zeros(&b.w, body);
        ike_build_end(&b);
        const size_t len = ike_build_finish(&b);
        const struct ike_path path = sa->path;
        ike_input(lab->node[1].e, &path, msg, len, lab->now);
        assert_int_equal(ike_stats(lab->node[1].e)->bad_integrity, 1);
        // The same with a header that says otherwise.
        msg[27] ^= 1;
        ike_input(lab->node[1].e, &path, msg, len, lab->now);
        assert_int_equal(ike_stats(lab->node[1].e)->bad_length, 1);
        free(msg);
        lab_assert_sas(lab, 1);
        over(lab);
    }
}

// ---------------------------------------------------------------------------------------------- nesting

static void an_encrypted_payload_inside_of_one_is_refused(void **state)
{
    (void)state;
    static const uint8_t types[] = {IKE_P_SK, IKE_P_SKF};
    for (size_t t = 0; t < 2; t++) {
        for (uint8_t x = IKE_X_AUTH; x <= IKE_X_INFORMATIONAL; x++) {
            for (int open = 0; open < 2; open++) {
                struct lab *lab = open ? half_open() : established();
                struct ike_build b;
                chain(&b);
                ike_put_raw(&b, types[t], "\0\1\0\1-0123456789abcdef0123456789abcdef", 37);
                const struct insider_says i = {.exchange = x};
                assert_true(insider_say(lab, 0, &i, &b));
                assert_int_equal(lab->node[1].installs, open ? 0 : 1);
                over(lab);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------- order

static void nothing_but_ike_auth_is_heard_before_authentication(void **state)
{
    (void)state;
    static const uint8_t exchanges[] = {IKE_X_CREATE_CHILD, IKE_X_INFORMATIONAL};
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    for (size_t k = 0; k < 2; k++) {
        for (int ike = 0; ike < 2; ike++) {
            struct lab *lab = half_open();
            struct ike_build b;
            uint8_t zeros[64] = {1};
            chain(&b);
            if (exchanges[k] == IKE_X_INFORMATIONAL) {
                ike_put_delete(&b, IKE_PROTO_IKE, NULL, 0);
            } else { // a rekey of an SA that nobody has proved anything about
                const uint8_t n = ike ? ike_default_ike_proposals(props) : ike_default_esp_proposals(props);
                ike_put_offer(&b, props, n, ike ? IKE_PROTO_IKE : IKE_PROTO_ESP, zeros, ike ? 8 : 4, false);
                ike_put_raw(&b, IKE_P_NONCE, zeros, 32);
                ike_put_ke(&b, IKE_DH_X25519, zeros, 32);
            }
            const struct insider_says i = {.exchange = exchanges[k]};
            assert_true(insider_say(lab, 0, &i, &b));
            assert_int_equal(ike_stats(lab->node[1].e)->bad_exchange, 1);
            assert_int_equal(lab->node[1].ups + lab->node[1].installs, 0);
            assert_int_equal(insider_sa(&lab->node[1])->state, IKE_S_AUTH_WAIT);
            over(lab);
        }
    }
}

static void *op_eap_begin(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer)
{
    (void)ctx, (void)p, (void)authenticator, (void)peer;
    return malloc(1);
}

static void op_eap_end(void *ctx, void *conversation)
{
    (void)ctx;
    free(conversation);
}

// A method that goes on and on.
static void op_eap_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len)
{
    struct lab_node *n = ctx;
    static const uint8_t request[] = {1, 7, 0, 5, 4};
    const struct ike_eap_answer a = {.code = IKE_EAP_CONTINUE, .packet = request, .len = sizeof(request)};
    (void)conversation, (void)packet, (void)len;
    ike_eap_answer(n->e, token, &a, n->lab->now);
}

// A responder that wants EAP, half open, with EAP begun or not.
static struct lab *eap_half_open(bool begun)
{
    struct lab *lab = half_open();
    struct lab_node *n = &lab->node[1];
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    struct ike_build b;
    n->ops.eap_begin = op_eap_begin;
    n->ops.eap_input = op_eap_input;
    n->ops.eap_end = op_eap_end;
    n->profile->auth_remote = IKE_WAY_EAP;
    if (begun) {
        struct ike_id *id = ike_id_parse("joe");
        const struct ip_addr any = {.family = 4};
        const struct ike_ts ts = ike_ts_prefix(&any, 0);
        chain(&b);
        ike_put_id(&b, IKE_P_IDI, id);
        ike_put_offer(&b, props, ike_default_esp_proposals(props), IKE_PROTO_ESP, "\0\0\x10\x01", 4, true);
        ike_put_ts(&b, IKE_P_TSI, &ts, 1);
        ike_put_ts(&b, IKE_P_TSR, &ts, 1);
        const struct insider_says i = {.exchange = IKE_X_AUTH};
        assert_true(insider_say(lab, 0, &i, &b));
        assert_non_null(insider_sa(&lab->node[1])->auth);
        free(id);
    }
    return lab;
}

// RFC 7296 2.16. An AUTH payload while the method is still asking, a Success of the peer's own making, EAP from
// somebody who has not said who he is, EAP after all is over: nobody gets in.
static void eap_out_of_order_lets_nobody_in(void **state)
{
    (void)state;
    static const uint8_t success[] = {3, 7, 0, 4}, response[] = {2, 7, 0, 5, 4};
    uint8_t auth[48] = {0};
    for (int what = 0; what < 5; what++) {
        struct lab *lab = eap_half_open(what != 3);
        struct ike_build b;
        const struct insider_says i = {.exchange = IKE_X_AUTH};
        chain(&b);
        switch (what) {
        case 0: // early success
            ike_put_auth(&b, IKE_AUTH_PSK, auth, sizeof(auth));
            break;
        case 1: // both at once
            ike_put_raw(&b, IKE_P_EAP, response, sizeof(response));
            ike_put_auth(&b, IKE_AUTH_PSK, auth, sizeof(auth));
            break;
        case 2: // the peer says that it has succeeded
            ike_put_raw(&b, IKE_P_EAP, success, sizeof(success));
            break;
        case 3: // before anything else
            ike_put_raw(&b, IKE_P_EAP, response, sizeof(response));
            break;
        case 4: // nothing at all
            break;
        }
        assert_true(insider_say(lab, 0, &i, &b));
        lab_run(lab, 60 * (uint64_t)LAB_SECOND);
        assert_int_equal(lab->node[1].ups + lab->node[1].installs, 0);
        uint32_t sas, half, children;
        ike_counts(lab->node[1].e, &sas, &half, &children);
        assert_int_equal(half, 0);
        lab->node[1].profile->auth_remote = IKE_WAY_PSK;
        over(lab);
    }
    struct lab *lab = established();
    struct ike_build b;
    const struct insider_says i = {.exchange = IKE_X_AUTH};
    chain(&b);
    ike_put_raw(&b, IKE_P_EAP, response, sizeof(response));
    assert_true(insider_say(lab, 0, &i, &b));
    assert_int_equal(ike_stats(lab->node[1].e)->bad_exchange, 1);
    lab_assert_sas(lab, 1);
    over(lab);
}

// Every first payload in every exchange and state, and every exchange answered though nobody asked.
static void payloads_out_of_place_bring_nothing_down(void **state)
{
    (void)state;
    static const uint8_t body[64] = {0, 14, 0, 0, 0, 8};
    for (size_t t = 0; t < sizeof(known_types); t++) {
        for (uint8_t x = IKE_X_SA_INIT; x <= IKE_X_INFORMATIONAL + 2; x++) {
            for (int k = 0; k < 4; k++) {
                struct lab *lab = k & 1 ? half_open() : established();
                struct ike_build b;
                const struct insider_says i = {.exchange = x, .response = k & 2};
                chain(&b);
                ike_put_raw(&b, known_types[t], body, sizeof(body));
                ike_put_raw(&b, known_types[t], body, sizeof(body));
                (void)insider_say(lab, 0, &i, &b);
                lab_run(lab, LAB_SECOND);
                over(lab);
            }
        }
    }
}

static void message_ids_out_of_turn_are_not_answered(void **state)
{
    (void)state;
    static const int ids[] = {-2, 1, 2, 1000, -1000};
    for (size_t k = 0; k < sizeof(ids) / sizeof(ids[0]); k++) {
        struct lab *lab = established();
        struct ike_build b;
        const struct insider_says i = {.exchange = IKE_X_INFORMATIONAL, .mid = ids[k]};
        chain(&b);
        ike_put_delete(&b, IKE_PROTO_IKE, NULL, 0);
        assert_true(insider_say(lab, 0, &i, &b));
        lab_assert_sas(lab, 1);
        over(lab);
    }
}

// ---------------------------------------------------------------------------------------------- rekeys

// REKEY_SA that names nothing, too little, too much, or another protocol; a child SPI of an odd size.
static void rekeys_of_what_is_not_there_are_refused(void **state)
{
    (void)state;
    static const uint8_t spi[16] = {0, 0, 0x10, 1};
    static const uint8_t protos[] = {IKE_PROTO_NONE, IKE_PROTO_IKE, IKE_PROTO_AH, IKE_PROTO_ESP, 77};
    static const size_t sizes[] = {0, 1, 3, 4, 5, 8, 16};
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    const struct ip_addr any = {.family = 4};
    const struct ike_ts ts = ike_ts_prefix(&any, 0);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        for (size_t p = 0; p < sizeof(protos); p++) {
            for (int offer = 0; offer < 2; offer++) {
                struct lab *lab = established();
                struct ike_build b;
                const struct insider_says i = {.exchange = IKE_X_CREATE_CHILD};
                chain(&b);
                ike_put_notify_spi(&b, IKE_N_REKEY_SA, protos[p], spi, sizes[s], NULL, 0);
                ike_put_offer(&b, props, ike_default_esp_proposals(props), offer ? IKE_PROTO_ESP : protos[p], spi,
                              offer ? 4 : sizes[s], false);
                ike_put_raw(&b, IKE_P_NONCE, spi, 16);
                ike_put_ts(&b, IKE_P_TSI, &ts, 1);
                ike_put_ts(&b, IKE_P_TSR, &ts, 1);
                assert_true(insider_say(lab, 0, &i, &b));
                lab_run(lab, LAB_SECOND);
                assert_int_equal(lab->node[1].installs, 1);
                over(lab);
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------- measure

static void fragments_cost_no_more_than_their_bound(void **state)
{
    (void)state;
    static uint8_t plain[1200];
    for (int open = 0; open < 2; open++) {
        struct lab *lab = open ? half_open() : established();
        const size_t most = open ? IKE_MAX_MESSAGE_AUTH : IKE_MAX_MESSAGE;
        for (uint16_t total = 2; total < 2000; total = (uint16_t)(total * 2)) {
            for (uint16_t n = 2; n <= total; n++) { // the first never comes
                const struct insider_says i = {
                    .exchange = open ? IKE_X_AUTH : IKE_X_INFORMATIONAL, .fragment = n, .fragments = total};
                assert_true(insider_send(lab, 0, &i, IKE_P_NONE, plain, sizeof(plain)));
                const struct ike_sa *sa = insider_sa(&lab->node[1]);
                assert_non_null(sa);
                assert_true(sa->frags == NULL || sa->frags->bytes <= most);
                assert_true(sa->frags == NULL || sa->frags->have <= IKE_MAX_FRAGMENTS);
            }
        }
        assert_true(ike_stats(lab->node[1].e)->bad_fragment > 0);
        over(lab);
    }
}

static void fragments_that_contradict_each_other_are_not_put_together(void **state)
{
    (void)state;
    static const uint16_t rows[][2] = {{0, 2}, {3, 2}, {65535, 65535}, {1, 65535}, {2, 1}};
    uint8_t plain[8] = {0};
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct lab *lab = established();
        const struct insider_says i = {
            .exchange = IKE_X_INFORMATIONAL, .fragment = rows[k][0], .fragments = rows[k][1]};
        (void)insider_send(lab, 0, &i, IKE_P_NOTIFY, plain, sizeof(plain));
        lab_assert_sas(lab, 1);
        over(lab);
    }
}

static void lists_without_measure_are_read_to_the_bound_and_no_further(void **state)
{
    (void)state;
    struct ike_ts ts[255];
    struct ike_proposal props[IKE_MAX_PROPOSALS];
    const struct ip_addr net = {.family = 4, .b = {10, 0, 0, 0}};
    for (size_t i = 0; i < 255; i++)
        ts[i] = ike_ts_prefix(&net, 8);
    // Selectors: 255 of them on either side.
    struct lab *lab = established();
    struct ike_build b;
    const struct insider_says i = {.exchange = IKE_X_CREATE_CHILD};
    chain(&b);
    ike_put_offer(&b, props, ike_default_esp_proposals(props), IKE_PROTO_ESP, "\0\0\x10\x01", 4, false);
    ike_put_raw(&b, IKE_P_NONCE, ts, 32);
    ike_put_ts(&b, IKE_P_TSI, ts, 255);
    ike_put_ts(&b, IKE_P_TSR, ts, 255);
    assert_true(insider_say(lab, 0, &i, &b));
    assert_int_equal(lab->node[1].installs, 2);
    assert_true(lab_last(&lab->node[1])->n_local <= IKE_MAX_TS && lab_last(&lab->node[1])->n_remote <= IKE_MAX_TS);
    over(lab);

    // Proposals: as many as fit into a message, none of which is any good but the last.
    lab = established();
    static uint8_t sa_body[60000];
    struct wbuf w;
    wbuf_init(&w, sa_body, sizeof(sa_body));
    enum { PROPOSALS = 200, TRANSFORMS = 30 };
    for (unsigned n = 0; n < PROPOSALS; n++) {
        wbuf_u8(&w, n + 1 < PROPOSALS ? 2 : 0);
        wbuf_u8(&w, 0);
        wbuf_u16(&w, 8 + 4 + 8 * TRANSFORMS);
        wbuf_u8(&w, (uint8_t)(n + 1));
        wbuf_u8(&w, IKE_PROTO_ESP);
        wbuf_u8(&w, 4);
        wbuf_u8(&w, TRANSFORMS);
        wbuf_u32(&w, 0x1001);
        for (unsigned t = 0; t < TRANSFORMS; t++) {
            wbuf_u8(&w, t + 1 < TRANSFORMS ? 3 : 0);
            wbuf_u8(&w, 0);
            wbuf_u16(&w, 8);
            wbuf_u8(&w, (uint8_t)(1 + t % 5));
            wbuf_u8(&w, 0);
            wbuf_u16(&w, 4000);
        }
    }
    assert_true(wbuf_ok(&w));
    chain(&b);
    ike_put_raw(&b, IKE_P_SA, sa_body, w.len);
    ike_put_raw(&b, IKE_P_NONCE, ts, 32);
    ike_put_ts(&b, IKE_P_TSI, ts, 1);
    ike_put_ts(&b, IKE_P_TSR, ts, 1);
    assert_true(insider_say(lab, 0, &i, &b));
    assert_int_equal(lab->node[1].installs, 1);
    assert_int_equal(ike_stats(lab->node[1].e)->no_proposal, 1);
    over(lab);

    // Payloads and notifies by the hundred.
    lab = established();
    chain(&b);
    for (unsigned n = 0; n < 1000; n++)
        ike_put_notify(&b, IKE_N_INVALID_SELECTORS, NULL, 0);
    assert_true(insider_say(lab, 0, &i, &b));
    lab_run(lab, LAB_SECOND);
    over(lab);
}

static void certificates_without_measure_are_read_to_the_bound(void **state)
{
    (void)state;
    static uint8_t mem[IKE_MAX_MESSAGE];
    static uint8_t junk[3000];
    struct ike_payloads p;
    struct ike_build b;
    ike_build_chain(&b, mem, sizeof(mem));
    for (unsigned n = 0; n < 20; n++) {
        uint8_t body[3001] = {IKE_CERT_X509};
        memcpy(body + 1, junk, sizeof(junk));
        ike_put_raw(&b, IKE_P_CERT, body, sizeof(body));
    }
    assert_true(wbuf_ok(&b.w));
    assert_int_equal(ike_payloads_decode(b.first, mem, b.w.len, &p), IKE_DECODE_OK);
    assert_int_equal(p.certs.n, IKE_MAX_CERTS);
}

// ---------------------------------------------------------------------------------------------- signatures

// What a PSS AlgorithmIdentifier may say about itself; 0: as it should be.
enum pss_lie {
    PSS_TRUE,
    PSS_NO_PARAMETERS,
    PSS_ALL_DEFAULTS,
    PSS_NO_HASH,
    PSS_NO_MASK,
    PSS_MASK_SHA1,
    PSS_MASK_NOT_MGF1,
    PSS_NO_SALT,
    PSS_SALT_NEGATIVE,
    PSS_SALT_HUGE,
    PSS_SALT_BEYOND_64_BITS,
    PSS_TRAILER,
    PSS_OTHER_TYPE,
    PSS_LIES
};

static X509_ALGOR *algor(int nid, int type, void *value)
{
    X509_ALGOR *a = X509_ALGOR_new();
    assert_non_null(a);
    assert_int_equal(X509_ALGOR_set0(a, OBJ_nid2obj(nid), type, value), 1);
    return a;
}

static size_t pss_identifier(enum pss_lie lie_, uint8_t *out)
{
    RSA_PSS_PARAMS *p = RSA_PSS_PARAMS_new();
    ASN1_STRING *packed = NULL, *mask = NULL;
    uint8_t *der = NULL;
    assert_non_null(p);
    if (lie_ != PSS_ALL_DEFAULTS && lie_ != PSS_NO_HASH)
        p->hashAlgorithm = algor(NID_sha256, V_ASN1_NULL, NULL);
    if (lie_ != PSS_ALL_DEFAULTS && lie_ != PSS_NO_MASK) {
        X509_ALGOR *h = algor(lie_ == PSS_MASK_SHA1 ? NID_sha1 : NID_sha256, V_ASN1_NULL, NULL);
        mask = ASN1_item_pack(h, ASN1_ITEM_rptr(X509_ALGOR), NULL);
        X509_ALGOR_free(h);
        p->maskGenAlgorithm = algor(lie_ == PSS_MASK_NOT_MGF1 ? NID_sha256 : NID_mgf1, V_ASN1_SEQUENCE, mask);
    }
    if (lie_ != PSS_ALL_DEFAULTS && lie_ != PSS_NO_SALT) {
        BIGNUM *big = BN_new();
        p->saltLength = ASN1_INTEGER_new();
        BN_set_bit(big, lie_ == PSS_SALT_HUGE ? 31 : 70);
        if (lie_ == PSS_SALT_HUGE || lie_ == PSS_SALT_BEYOND_64_BITS)
            BN_to_ASN1_INTEGER(big, p->saltLength);
        else
            ASN1_INTEGER_set(p->saltLength, lie_ == PSS_SALT_NEGATIVE ? -1 : 32);
        BN_free(big);
    }
    if (lie_ == PSS_TRAILER) {
        p->trailerField = ASN1_INTEGER_new();
        ASN1_INTEGER_set(p->trailerField, 2);
    }
    packed = ASN1_item_pack(p, ASN1_ITEM_rptr(RSA_PSS_PARAMS), NULL);
    X509_ALGOR *a = algor(NID_rsassaPss,
                          lie_ == PSS_NO_PARAMETERS ? V_ASN1_UNDEF
                          : lie_ == PSS_OTHER_TYPE  ? V_ASN1_OCTET_STRING
                                                    : V_ASN1_SEQUENCE,
                          lie_ == PSS_NO_PARAMETERS ? NULL : packed);
    if (lie_ == PSS_NO_PARAMETERS)
        ASN1_STRING_free(packed);
    const int len = i2d_X509_ALGOR(a, &der);
    assert_true(len > 0 && len < 256);
    memcpy(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_ALGOR_free(a);
    RSA_PSS_PARAMS_free(p);
    return (size_t)len;
}

// The parameters of RSASSA-PSS have brought down a daemon that read them itself: what is left out, negative or beyond
// measure is refused, though the signature would be right.
static void pss_parameters_that_lie_are_refused(void **state)
{
    (void)state;
    static const uint8_t msg[] = "octets";
    EVP_PKEY *key = EVP_RSA_gen(2048);
    uint8_t *good = NULL, method = 0, auth[1024];
    size_t good_len = 0;
    assert_true(ike_sign(key, IKE_HASHES, msg, sizeof(msg), &method, &good, &good_len));
    const uint8_t *sig = good + 1 + good[0];
    const size_t sig_len = good_len - 1 - good[0];
    for (int k = 0; k < PSS_LIES; k++) {
        const size_t len = pss_identifier((enum pss_lie)k, auth + 1);
        auth[0] = (uint8_t)len;
        memcpy(auth + 1 + len, sig, sig_len);
        const char *why = ike_sign_verify(key, method, auth, 1 + len + sig_len, msg, sizeof(msg));
        assert_int_equal(why == NULL, k == PSS_TRUE);
    }
    // An algorithm of another kind of key, one nobody knows, and none.
    X509_ALGOR *a = algor(NID_ecdsa_with_SHA256, V_ASN1_UNDEF, NULL);
    uint8_t *der = NULL;
    const int len = i2d_X509_ALGOR(a, &der);
    auth[0] = (uint8_t)len;
    memcpy(auth + 1, der, (size_t)len);
    memcpy(auth + 1 + len, sig, sig_len);
    assert_non_null(ike_sign_verify(key, method, auth, 1 + (size_t)len + sig_len, msg, sizeof(msg)));
    auth[0] = 0;
    assert_non_null(ike_sign_verify(key, method, auth, 1 + sig_len, msg, sizeof(msg)));
    auth[0] = 255;
    assert_non_null(ike_sign_verify(key, method, auth, 100, msg, sizeof(msg)));
    OPENSSL_free(der);
    X509_ALGOR_free(a);
    free(good);
    EVP_PKEY_free(key);
}

// An ECDSA signature of nothing, of zeros, of numbers beyond the group's order.
static void ecdsa_signatures_of_no_value_are_refused(void **state)
{
    (void)state;
    static const uint8_t msg[] = "octets";
    EVP_PKEY *key = EVP_EC_gen("P-256");
    uint8_t sig[64];
    for (int fill = 0; fill < 2; fill++) {
        memset(sig, fill ? 0xff : 0, sizeof(sig));
        assert_non_null(ike_sign_verify(key, IKE_AUTH_ECDSA_256, sig, sizeof(sig), msg, sizeof(msg)));
    }
    assert_non_null(ike_sign_verify(key, IKE_AUTH_ECDSA_256, NULL, 0, msg, sizeof(msg)));
    assert_non_null(ike_sign_verify(key, IKE_AUTH_ECDSA_256, sig, 63, msg, sizeof(msg)));
    assert_non_null(ike_sign_verify(key, 255, sig, sizeof(sig), msg, sizeof(msg)));
    EVP_PKEY_free(key);
}

// ---------------------------------------------------------------------------------------------- key exchange

static void public_values_outside_their_group_are_refused(void **state)
{
    (void)state;
    for (const struct ike_name *g = ike_names(IKE_NAMES_GROUP); g->name; g++) {
        const size_t len = ike_dh_public_len(g->number);
        uint8_t pub[IKE_MAX_KE], peer[IKE_MAX_KE], secret[IKE_MAX_KE];
        size_t pub_len = 0, secret_len = 0;
        if (len == 0)
            continue;
        EVP_PKEY *key = ike_dh_generate(g->number, pub, &pub_len);
        assert_non_null(key);
        for (int k = 0; k < 3; k++) { // 0, 1, and more than any prime of that length
            memset(peer, k == 2 ? 0xff : 0, sizeof(peer));
            peer[g->number == IKE_DH_X25519 ? 0 : len - 1] = k == 2 ? 0xff : (uint8_t)k;
            if (g->number == IKE_DH_X25519 && k == 2)
                continue; // every 32 bytes are a value there
            assert_false(ike_dh_derive(g->number, key, peer, len, secret, &secret_len));
        }
        assert_false(ike_dh_derive(g->number, key, pub, len - 1, secret, &secret_len));
        EVP_PKEY_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_that_lie_are_refused_in_every_payload),
        cmocka_unit_test(empty_payloads_are_refused_where_nothing_makes_no_sense),
        cmocka_unit_test(messages_too_short_for_their_protection_are_dropped),
        cmocka_unit_test(an_encrypted_payload_inside_of_one_is_refused),
        cmocka_unit_test(nothing_but_ike_auth_is_heard_before_authentication),
        cmocka_unit_test(eap_out_of_order_lets_nobody_in),
        cmocka_unit_test(payloads_out_of_place_bring_nothing_down),
        cmocka_unit_test(message_ids_out_of_turn_are_not_answered),
        cmocka_unit_test(rekeys_of_what_is_not_there_are_refused),
        cmocka_unit_test(fragments_cost_no_more_than_their_bound),
        cmocka_unit_test(fragments_that_contradict_each_other_are_not_put_together),
        cmocka_unit_test(lists_without_measure_are_read_to_the_bound_and_no_further),
        cmocka_unit_test(certificates_without_measure_are_read_to_the_bound),
        cmocka_unit_test(pss_parameters_that_lie_are_refused),
        cmocka_unit_test(ecdsa_signatures_of_no_value_are_refused),
        cmocka_unit_test(public_values_outside_their_group_are_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_hostile", tests, NULL, NULL);
}
