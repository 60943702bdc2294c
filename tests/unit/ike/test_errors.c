// SPDX-License-Identifier: BSD-2-Clause
// What is told to peers whose messages cannot be understood (RFC 7296 1.5, 2.5, 2.21): a higher major version, an IKE
// SPI that is not known, a payload that is critical and unknown; and what harm such messages do: none.
#include "tests/unit/ike/insider.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

enum { UNKNOWN = 200, CRITICAL = 0x80 }; // a payload type that nobody has

/// The last message of node 1.
static struct {
    unsigned n;
    uint8_t bytes[4096];
    size_t len;
} heard;

static struct lab_fate listen_in(struct lab *lab, const struct lab_packet *p)
{
    (void)lab;
    if (p->from == 1) {
        assert_true(p->len <= sizeof(heard.bytes));
        memcpy(heard.bytes, p->bytes, p->len);
        heard.len = p->len;
        heard.n++;
    }
    return (struct lab_fate){.drop = lab->arg};
}

static struct lab *with(bool established)
{
    struct lab *lab = lab_new();
    lab_start(lab);
    memset(&heard, 0, sizeof(heard));
    if (established) {
        assert_int_not_equal(lab_initiate(lab, 0), 0);
        lab_run(lab, LAB_SECOND);
        lab_assert_sas(lab, 1);
    }
    lab->fate = listen_in;
    lab->arg = 1; // node 0 does not get what it has not asked for
    return lab;
}

/// Is the last message of node 1 an answer with this one notify, in the clear or under the keys? Its data.
static struct ike_bytes assert_told(struct lab *lab, const struct ike_header *to, uint16_t notify)
{
    static uint8_t plain[4096];
    static struct ike_payloads p;
    struct ike_payloads outer;
    struct ike_header h;
    size_t len = heard.len - IKE_HEADER_LEN;
    assert_int_equal(heard.n, 1);
    heard.n = 0;
    assert_true(ike_header_decode(heard.bytes, heard.len, &h));
    assert_int_equal(h.version, IKE_VERSION);
    assert_int_equal(h.exchange, to->exchange);
    assert_true(h.flags & IKE_F_RESPONSE);
    assert_int_equal(h.mid, to->mid);
    assert_true(h.spi_i == to->spi_i && h.spi_r == to->spi_r);
    uint8_t first = h.next;
    if (first == IKE_P_SK) {
        const struct ike_sa *sa = insider_sa(&lab->node[0]);
        assert_int_equal(ike_payloads_decode(first, heard.bytes + IKE_HEADER_LEN, len, &outer), IKE_DECODE_OK);
        assert_true(ike_open(lab->node[0].e->crypto, &sa->suite, sa->initiator ? sa->keys.er : sa->keys.ei,
                             sa->initiator ? sa->keys.ar : sa->keys.ai, heard.bytes, heard.len,
                             (size_t)(outer.sk.p - heard.bytes), plain, &len));
        first = outer.sk_first;
    } else {
        memcpy(plain, heard.bytes + IKE_HEADER_LEN, len);
    }
    assert_int_equal(ike_payloads_decode(first, plain, len, &p), IKE_DECODE_OK);
    assert_int_equal(p.n_notify, 1);
    assert_int_equal(p.notify[0].type, notify);
    assert_null(p.sa.p);
    return p.notify[0].data;
}

/// Node 1 gets a message of a header and these payloads, as they are.
static void say(struct lab *lab, const struct ike_header *h, uint8_t first, const uint8_t *chain, size_t len)
{
    const struct ike_path path = lab_path(lab, 1);
    uint8_t *msg = calloc(1, IKE_HEADER_LEN + len);
    assert_non_null(msg);
    struct ike_build b;
    ike_build_message(&b, msg, IKE_HEADER_LEN + len, h);
    wbuf_bytes(&b.w, chain, len);
    msg[IKE_HEADER_NEXT] = first;
    assert_int_equal(ike_build_finish(&b), IKE_HEADER_LEN + len);
    msg[IKE_HEADER_NEXT] = first;
    msg[IKE_HEADER_NEXT + 1] = h->version;
    ike_input(lab->node[1].e, &path, msg, IKE_HEADER_LEN + len, lab->now);
    free(msg);
}

// ---------------------------------------------------------------------------------------------- versions

static void a_higher_major_version_is_told_ours(void **state)
{
    (void)state;
    for (int established = 0; established < 2; established++) {
        struct lab *lab = with(established);
        const struct ike_sa *sa = established ? insider_sa(&lab->node[1]) : NULL;
        struct ike_header h = {.spi_i = sa ? sa->spi_i : 77,
                               .spi_r = sa ? sa->spi_r : 0,
                               .exchange = established ? IKE_X_INFORMATIONAL : IKE_X_SA_INIT,
                               .flags = IKE_F_INITIATOR,
                               .mid = established ? 9 : 0,
                               .version = 0x30};
        say(lab, &h, 0, NULL, 0);
        (void)assert_told(lab, &h, IKE_N_INVALID_MAJOR);
        // Not so lower ones, which do not know the answer, nor answers, of which there would be no end.
        h.version = 0x10;
        say(lab, &h, 0, NULL, 0);
        h.version = 0x30;
        h.flags |= IKE_F_RESPONSE;
        say(lab, &h, 0, NULL, 0);
        assert_int_equal(heard.n, 0);
        assert_int_equal(ike_stats(lab->node[1].e)->bad_version, 3);
        assert_int_equal(lab_sas(&lab->node[1]), established);
        assert_int_equal(ike_stats(lab->node[1].e)->init_requests, established);
        lab_end(lab);
    }
}

/// The first message of node 0, as it was sent.
static struct lab_fate keep_first(struct lab *lab, const struct lab_packet *p)
{
    if (heard.n++ == 0) {
        memcpy(heard.bytes, p->bytes, p->len);
        heard.len = p->len;
    }
    (void)lab;
    return (struct lab_fate){.drop = true};
}

// RFC 7296 2.5: minor versions, reserved flags and the version flag mean nothing to us.
static void a_higher_minor_version_is_understood(void **state)
{
    (void)state;
    struct lab *lab = with(false);
    lab->fate = keep_first;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    lab_run(lab, LAB_SECOND / 10);
    assert_true(heard.len > 0);
    uint8_t first[sizeof(heard.bytes)];
    const size_t len = heard.len;
    memcpy(first, heard.bytes, len);
    first[IKE_HEADER_NEXT + 1] = 0x2f;
    first[19] |= IKE_F_VERSION | 0xc7;
    memset(&heard, 0, sizeof(heard));
    lab->fate = listen_in;
    const struct ike_path path = lab_path(lab, 1);
    ike_input(lab->node[1].e, &path, first, len, lab->now);
    lab_run(lab, LAB_SECOND / 10);
    struct ike_header h;
    struct ike_payloads p;
    assert_int_equal(heard.n, 1);
    assert_true(ike_header_decode(heard.bytes, heard.len, &h));
    assert_int_equal(ike_payloads_decode(h.next, heard.bytes + IKE_HEADER_LEN, heard.len - IKE_HEADER_LEN, &p),
                     IKE_DECODE_OK);
    assert_non_null(p.sa.p);
    assert_int_equal(h.version, IKE_VERSION);
    assert_int_equal(h.flags, IKE_F_RESPONSE);
    lab_end(lab);
}

// ---------------------------------------------------------------------------------------------- SPIs

static void an_unknown_ike_spi_is_told_ten_times_a_second(void **state)
{
    (void)state;
    struct lab *lab = with(true);
    struct ike_header h = {.spi_i = 0x1111, .spi_r = 0x2222, .exchange = IKE_X_INFORMATIONAL, .mid = 5};
    static const uint8_t sk[8] = {0, 0, 0, 8, 1, 2, 3, 4};
    for (int from_initiator = 0; from_initiator < 2; from_initiator++) {
        h.flags = from_initiator ? IKE_F_INITIATOR : 0;
        h.version = IKE_VERSION;
        for (int i = 0; i < 100; i++)
            say(lab, &h, IKE_P_SK, sk, sizeof(sk));
        (void)assert_told(lab, &h, IKE_N_INVALID_IKE_SPI);
        lab_run(lab, LAB_SECOND / 5);
    }
    h.flags = IKE_F_INITIATOR | IKE_F_RESPONSE;
    say(lab, &h, IKE_P_SK, sk, sizeof(sk));
    assert_int_equal(heard.n, 0);
    assert_int_equal(ike_stats(lab->node[1].e)->bad_spi, 201);
    lab_assert_sas(lab, 1);
    lab_end(lab);
}

// Anybody can write such an answer: nothing follows of it (2.21.4), whether we have asked something or not.
static void an_invalid_ike_spi_that_is_not_protected_ends_nothing(void **state)
{
    (void)state;
    static const uint16_t notifies[] = {IKE_N_INVALID_IKE_SPI, IKE_N_INVALID_MAJOR, IKE_N_INVALID_SYNTAX,
                                        IKE_N_AUTH_FAILED};
    for (size_t i = 0; i < sizeof(notifies) / sizeof(notifies[0]); i++) {
        struct lab *lab = with(true);
        struct ike_sa *sa = insider_sa(&lab->node[1]);
        assert_int_equal(ike_probe(lab->node[1].e, lab->node[1].session, lab->now), 0);
        const uint8_t chain[8] = {0, 0, 0, 8, 0, 0, (uint8_t)(notifies[i] >> 8), (uint8_t)notifies[i]};
        const struct ike_header h = {.spi_i = sa->spi_i,
                                     .spi_r = sa->spi_r,
                                     .exchange = IKE_X_INFORMATIONAL,
                                     .flags = IKE_F_INITIATOR | IKE_F_RESPONSE,
                                     .mid = sa->next_out,
                                     .version = IKE_VERSION};
        say(lab, &h, IKE_P_NOTIFY, chain, sizeof(chain));
        lab->arg = 0;
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        assert_null(sa->task); // the true answer was taken
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
        lab_end(lab);
    }
}

// ---------------------------------------------------------------------------------------------- the critical bit

static size_t strange(uint8_t *out, bool critical)
{
    const uint8_t p[8] = {0, critical ? CRITICAL : 0, 0, 8, 1, 2, 3, 4};
    memcpy(out, p, sizeof(p));
    return sizeof(p);
}

static void assert_names_it(struct ike_bytes data)
{
    assert_int_equal(data.len, 1);
    assert_int_equal(data.p[0], UNKNOWN);
}

static void unknown_critical_payloads_are_told_at_the_start(void **state)
{
    (void)state;
    struct lab *lab = with(false);
    uint8_t chain[8];
    const struct ike_header h = {
        .spi_i = 5, .exchange = IKE_X_SA_INIT, .flags = IKE_F_INITIATOR, .version = IKE_VERSION};
    say(lab, &h, UNKNOWN, chain, strange(chain, true));
    assert_names_it(assert_told(lab, &h, IKE_N_UNSUPPORTED_CRITICAL));
    assert_int_equal(ike_stats(lab->node[1].e)->bad_critical, 1);
    uint32_t sas, half, children;
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(sas, 0);
    lab_end(lab);
}

static bool responder_waits(struct lab *lab)
{
    return ike_stats(lab->node[1].e)->in_messages == 1 && lab->node[0].e->sas && lab->node[0].e->sas->have_keys;
}

// In IKE_AUTH it is the end of the attempt.
static void unknown_critical_payloads_are_told_in_ike_auth(void **state)
{
    (void)state;
    struct lab *lab = with(false);
    lab->arg = 0;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    assert_true(lab_until(lab, responder_waits, LAB_SECOND));
    lab->arg = 1;
    heard.n = 0;
    const struct ike_sa *sa = insider_sa(&lab->node[0]);
    const struct ike_header h = {.spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = IKE_X_AUTH, .mid = 1};
    const struct insider_says i = {.exchange = IKE_X_AUTH};
    uint8_t chain[8];
    assert_true(insider_send(lab, 0, &i, UNKNOWN, chain, strange(chain, true)));
    assert_names_it(assert_told(lab, &h, IKE_N_UNSUPPORTED_CRITICAL));
    assert_int_equal(ike_stats(lab->node[1].e)->bad_critical, 1);
    assert_int_equal(lab->node[1].ups, 0);
    uint32_t sas, half, children;
    assert_int_equal(lab->node[1].e->sas->state, IKE_S_CLOSED); // there to repeat its answer only
    lab->shut = true;
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(sas, 0);
    lab_end(lab);
}

// Later it costs the request, not the SA (2.5); and what is unknown and not critical costs nothing.
static void unknown_critical_payloads_are_told_later(void **state)
{
    (void)state;
    static const uint8_t exchanges[] = {IKE_X_INFORMATIONAL, IKE_X_CREATE_CHILD};
    for (size_t k = 0; k < sizeof(exchanges); k++) {
        struct lab *lab = with(true);
        struct ike_sa *sa = insider_sa(&lab->node[0]), *its = insider_sa(&lab->node[1]);
        const struct ike_header h = {
            .spi_i = sa->spi_i, .spi_r = sa->spi_r, .exchange = exchanges[k], .mid = its->next_in};
        const struct insider_says i = {.exchange = exchanges[k]};
        uint8_t chain[8];
        assert_true(insider_send(lab, 0, &i, UNKNOWN, chain, strange(chain, true)));
        assert_names_it(assert_told(lab, &h, IKE_N_UNSUPPORTED_CRITICAL));
        assert_int_equal(ike_stats(lab->node[1].e)->bad_critical, 1);
        assert_int_equal(lab_sas(&lab->node[1]), 1);
        sa->next_out++; // node 0 has had its answer
        const struct insider_says empty = {.exchange = IKE_X_INFORMATIONAL};
        heard.n = 0;
        assert_true(insider_send(lab, 0, &empty, UNKNOWN, chain, strange(chain, false)));
        assert_int_equal(heard.n, 1);
        sa->next_out++;
        lab->arg = 0;
        assert_int_equal(ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now), 0);
        lab_run(lab, 20 * (uint64_t)LAB_SECOND);
        assert_int_equal(ike_stats(lab->node[1].e)->child_rekeys, 1);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        lab_end(lab);
    }
}

// In an answer there is nobody to be told: the SA ends, and the peer hears of that.
static void an_unknown_critical_payload_in_an_answer_ends_the_sa(void **state)
{
    (void)state;
    struct lab *lab = with(true);
    assert_int_equal(ike_probe(lab->node[1].e, lab->node[1].session, lab->now), 0);
    const struct insider_says i = {.exchange = IKE_X_INFORMATIONAL, .response = true};
    uint8_t chain[8];
    assert_true(insider_send(lab, 0, &i, UNKNOWN, chain, strange(chain, true)));
    insider_sa(&lab->node[0])->next_in++; // node 0 has answered this
    lab->arg = 0;
    lab_run(lab, 10 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[1].downs, 1);
    lab_assert_sas(lab, 0);
    lab_end(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_higher_major_version_is_told_ours),
        cmocka_unit_test(a_higher_minor_version_is_understood),
        cmocka_unit_test(an_unknown_ike_spi_is_told_ten_times_a_second),
        cmocka_unit_test(an_invalid_ike_spi_that_is_not_protected_ends_nothing),
        cmocka_unit_test(unknown_critical_payloads_are_told_at_the_start),
        cmocka_unit_test(unknown_critical_payloads_are_told_in_ike_auth),
        cmocka_unit_test(unknown_critical_payloads_are_told_later),
        cmocka_unit_test(an_unknown_critical_payload_in_an_answer_ends_the_sa),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_errors", tests, NULL, NULL);
}
