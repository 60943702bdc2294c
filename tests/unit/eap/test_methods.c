// SPDX-License-Identifier: BSD-2-Clause
// Both roles of the methods that take a password against each other, and what neither may put up with.
#include "hostd/eap/eap_mschap.h"
#include "lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct eap_legacy *legacy;
static struct pair pr;

static int setup(void **state)
{
    (void)state;
    legacy = eap_legacy_new();
    return legacy == NULL;
}

static int teardown(void **state)
{
    (void)state;
    eap_legacy_free(legacy);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    pair_init(&pr, legacy);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pair_free(&pr);
    return 0;
}

static void use(int type)
{
    pair_methods(&pr.server, 1, type);
    pair_methods(&pr.peer, 1, type);
}

static void fails(const char *server_why, const char *peer_why)
{
    assert_false(pair_run(&pr));
    if (server_why != NULL) {
        assert_int_equal(pr.s_end, EAP_STEP_FAIL);
        if (strstr(eap_core(pr.s)->why, server_why) == NULL)
            fail_msg("the server says \"%s\", not \"%s\"", eap_core(pr.s)->why, server_why);
        assert_int_equal(eap_core(pr.s)->packet[0], EAP_FAILURE);
        assert_int_equal(eap_core(pr.s)->msk_len, 0);
    }
    if (peer_why != NULL) {
        assert_int_equal(pr.p_end, EAP_STEP_FAIL);
        if (strstr(eap_core(pr.p)->why, peer_why) == NULL)
            fail_msg("the peer says \"%s\", not \"%s\"", eap_core(pr.p)->why, peer_why);
        assert_int_equal(eap_core(pr.p)->msk_len, 0);
    }
}

static void test_mschapv2_proves_both_and_makes_a_key(void **state)
{
    (void)state;
    assert_true(pair_run(&pr));
    const struct eap_core *s = eap_core(pr.s), *p = eap_core(pr.p);
    assert_int_equal(s->msk_len, EAP_MSK);
    assert_int_equal(p->msk_len, EAP_MSK);
    assert_memory_equal(s->msk, p->msk, EAP_MSK);
    assert_int_equal(s->identity_len, 5);
    assert_memory_equal(s->identity, "alice", 5); // the name that was proved, not the IKE identity
    assert_int_equal(pr.packets, 5);
}

static void test_md5_and_gtc_make_no_key(void **state)
{
    (void)state;
    static const int types[] = {EAP_T_MD5, EAP_T_GTC};
    for (unsigned i = 0; i < 2; i++) {
        pair_init(&pr, legacy);
        use(types[i]);
        pr.server.query_identity = true;
        assert_true(pair_run(&pr));
        assert_int_equal(eap_core(pr.s)->msk_len, 0);
        assert_int_equal(eap_core(pr.p)->msk_len, 0);
        assert_int_equal(pr.types[0], EAP_T_IDENTITY);
        assert_int_equal(pr.types[2], types[i]);
        pair_free(&pr);
    }
}

static void test_identity_is_asked_for(void **state)
{
    (void)state;
    pr.server.query_identity = true;
    assert_true(pair_run(&pr));
    assert_int_equal(pr.types[0], EAP_T_IDENTITY);
    assert_int_equal(pr.types[1], EAP_T_IDENTITY);
    assert_memory_equal(eap_core(pr.s)->identity, "alice", 5);
}

static void test_without_question_the_ike_identity_is_the_user(void **state)
{
    (void)state;
    use(EAP_T_GTC);
    pr.peer.user = "";
    pr.user = "spoke.lab";
    assert_true(pair_run(&pr));
    assert_int_equal(eap_core(pr.s)->identity_len, 9);
}

static void test_wrong_password(void **state)
{
    (void)state;
    static const struct {
        int type;
        const char *server, *peer;
    } rows[] = {
        {EAP_T_MSCHAPV2, "MSCHAPv2: wrong password", "refuses the password"},
        {EAP_T_MD5, "MD5: wrong password", "refuses us"},
        {EAP_T_GTC, "GTC: wrong password", "refuses us"},
    };
    for (unsigned i = 0; i < 3; i++) {
        pair_init(&pr, legacy);
        use(rows[i].type);
        pr.server.query_identity = true;
        pr.peer.password = "wonderlanD";
        fails(rows[i].server, rows[i].peer);
        pair_free(&pr);
    }
}

static void test_unknown_user(void **state)
{
    (void)state;
    static const int types[] = {EAP_T_MSCHAPV2, EAP_T_MD5, EAP_T_GTC};
    for (unsigned i = 0; i < 3; i++) {
        pair_init(&pr, legacy);
        use(types[i]);
        pr.server.query_identity = true;
        pr.peer.user = "mallory";
        fails("no such user", "refuses");
        pair_free(&pr);
    }
}

// A stranger who computes with an empty password is not taken for a user whose password is empty.
static void test_unknown_user_with_an_empty_password(void **state)
{
    (void)state;
    struct eap_machine *s = eap_machine_new(&pr.server, "mallory", 7);
    struct eap_packet p;
    struct eap_ms ms;
    struct eap_ms_keys keys;
    uint8_t value[EAP_MS_RESPONSE_LEN] = {0}, out[128];
    struct wbuf w;
    pr.s = s;
    assert_int_equal(eap_input(s, NULL, 0), EAP_STEP_SEND);
    assert_null(eap_decode(eap_core(s)->packet, eap_core(s)->len, &p));
    assert_null(eap_ms_decode(p.data, p.len, &ms));
    const struct eap_ms_login login = {.auth_challenge = ms.value,
                                       .peer_challenge = value,
                                       .user = (const uint8_t *)"mallory",
                                       .user_len = 7,
                                       .password = (const uint8_t *)""};
    assert_true(eap_ms_compute(legacy, &login, &keys));
    memcpy(value + 24, keys.nt_response, EAP_MS_NT_LEN);
    wbuf_init(&w, out, sizeof(out));
    eap_put(&w, EAP_RESPONSE, p.id, EAP_T_MSCHAPV2);
    eap_ms_put(
        &w, &(struct eap_ms){
                .op = EAP_MS_RESPONSE, .id = ms.id, .value = value, .text = (const uint8_t *)"mallory", .text_len = 7});
    eap_put_end(&w);
    assert_int_equal(settle(&pr, s, eap_input(s, out, w.len)), EAP_STEP_SEND);
    assert_int_equal(eap_core(s)->packet[5], EAP_MS_FAILURE);
    pr.user = "mallory"; // while one whose password is empty is let in
    pr.secret = "";
    eap_machine_free(s);
    pr.s = s = eap_machine_new(&pr.server, "mallory", 7);
    assert_int_equal(eap_input(s, NULL, 0), EAP_STEP_SEND);
    assert_null(eap_decode(eap_core(s)->packet, eap_core(s)->len, &p));
    assert_null(eap_ms_decode(p.data, p.len, &ms));
    const struct eap_ms_login again = {.auth_challenge = ms.value,
                                       .peer_challenge = value,
                                       .user = (const uint8_t *)"mallory",
                                       .user_len = 7,
                                       .password = (const uint8_t *)""};
    assert_true(eap_ms_compute(legacy, &again, &keys));
    memcpy(value + 24, keys.nt_response, EAP_MS_NT_LEN);
    memcpy(out + 5 + 5, value, sizeof(value));
    out[1] = p.id;
    out[6] = ms.id;
    assert_int_equal(settle(&pr, s, eap_input(s, out, w.len)), EAP_STEP_SEND);
    assert_int_equal(eap_core(s)->packet[5], EAP_MS_SUCCESS);
}

static void test_longer_password(void **state)
{
    (void)state;
    use(EAP_T_GTC);
    pr.server.query_identity = true;
    pr.peer.password = "wonderland and more";
    fails("GTC: wrong password", "refuses us");
}

// An unknown user with an empty password is not let in because "no secret" compares equal to nothing.
static bool empty_gtc(struct pair *q, bool to_peer, uint8_t *packet, size_t *len)
{
    (void)q;
    if (!to_peer && packet[4] == EAP_T_GTC) {
        *len = 5;
        packet[2] = 0;
        packet[3] = 5;
    }
    return true;
}

static void test_empty_answer(void **state)
{
    (void)state;
    use(EAP_T_GTC);
    pr.hook = empty_gtc;
    fails("an answer of 0 bytes", "refuses");
}

static void test_another_name_than_the_identity(void **state)
{
    (void)state;
    (void)state;
    static const int types[] = {EAP_T_MSCHAPV2, EAP_T_MD5};
    for (unsigned i = 0; i < 2; i++) {
        pair_init(&pr, legacy);
        use(types[i]);
        pr.server.query_identity = true;
        pair_methods(&pr.server, 1, types[i]);
        // The peer names itself bob to Identity, and alice in the method.
        pr.hook = NULL;
        pr.s = eap_machine_new(&pr.server, "x", 1);
        pr.p = eap_machine_new(&pr.peer, "x", 1);
        assert_int_equal(eap_input(pr.s, NULL, 0), EAP_STEP_SEND);
        uint8_t bob[] = {EAP_RESPONSE, eap_core(pr.s)->id, 0, 8, EAP_T_IDENTITY, 'b', 'o', 'b'};
        assert_int_equal(eap_input(pr.s, bob, sizeof(bob)), EAP_STEP_SEND);
        assert_int_equal(eap_input(pr.p, eap_core(pr.s)->packet, eap_core(pr.s)->len), EAP_STEP_SEND);
        assert_int_equal(eap_input(pr.s, eap_core(pr.p)->packet, eap_core(pr.p)->len), EAP_STEP_FAIL);
        assert_non_null(strstr(eap_core(pr.s)->why, "another name"));
        pair_free(&pr);
    }
}

static void test_domain_before_the_name_does_not_count(void **state)
{
    (void)state;
    pr.peer.user = "LAB\\alice";
    pr.user = "LAB\\alice";
    pr.server.query_identity = true;
    assert_true(pair_run(&pr));
}

// The server of another password: its proof is wrong, and the supplicant sees it.
static bool flatter(struct pair *q, bool to_peer, uint8_t *packet, size_t *len)
{
    (void)q, (void)len;
    if (to_peer && packet[4] == EAP_T_MSCHAPV2 && packet[5] == EAP_MS_SUCCESS)
        packet[20] = packet[20] == '0' ? '1' : '0';
    return true;
}

static void test_authenticator_without_the_password(void **state)
{
    (void)state;
    pr.hook = flatter;
    fails(NULL, "does not know the password");
}

static void test_nak_chooses_among_the_allowed_in_order(void **state)
{
    (void)state;
    pair_methods(&pr.server, 4, EAP_T_TLS, EAP_T_MSCHAPV2, EAP_T_MD5, EAP_T_GTC); // no TLS context: left out
    pair_methods(&pr.peer, 2, EAP_T_GTC, EAP_T_MD5);
    pr.server.query_identity = true;
    assert_true(pair_run(&pr));
    assert_int_equal(pr.types[2], EAP_T_MSCHAPV2);
    assert_int_equal(pr.types[3], EAP_T_NAK);
    assert_int_equal(pr.types[4], EAP_T_MD5); // the server's order
}

static void test_nak_in_the_middle(void **state)
{
    (void)state;
    pair_methods(&pr.server, 2, EAP_T_MSCHAPV2, EAP_T_MD5);
    pr.s = eap_machine_new(&pr.server, "spoke.lab", 9);
    pr.p = eap_machine_new(&pr.peer, "spoke.lab", 9);
    assert_int_equal(eap_input(pr.s, NULL, 0), EAP_STEP_SEND);
    assert_int_equal(eap_input(pr.p, eap_core(pr.s)->packet, eap_core(pr.s)->len), EAP_STEP_SEND);
    assert_int_equal(settle(&pr, pr.s, eap_input(pr.s, eap_core(pr.p)->packet, eap_core(pr.p)->len)), EAP_STEP_SEND);
    const uint8_t nak[] = {EAP_RESPONSE, eap_core(pr.s)->id, 0, 6, EAP_T_NAK, EAP_T_MD5};
    assert_int_equal(eap_input(pr.s, nak, sizeof(nak)), EAP_STEP_FAIL);
    assert_non_null(strstr(eap_core(pr.s)->why, "a Nak in the middle"));
}

static void test_no_common_method(void **state)
{
    (void)state;
    pair_methods(&pr.server, 1, EAP_T_MSCHAPV2);
    pair_methods(&pr.peer, 1, EAP_T_GTC);
    fails("none of the methods", "refuses");
}

static void test_nothing_to_do_it_with(void **state)
{
    (void)state;
    pair_methods(&pr.peer, 1, EAP_T_TLS); // without certificates
    assert_null(eap_machine_new(&pr.peer, "x", 1));
    pair_methods(&pr.server, 1, EAP_T_MSCHAPV2);
    pr.server.legacy = NULL;
    assert_null(eap_machine_new(&pr.server, "x", 1));
    pair_methods(&pr.peer, 1, EAP_T_GTC);
    pr.peer.password = "";
    assert_null(eap_machine_new(&pr.peer, "x", 1));
}

// ------------------------------------------------------------------------------------------------ out of state

// The supplicant is given packets one by one.
static struct eap_machine *supplicant(int type)
{
    use(type);
    pr.p = eap_machine_new(&pr.peer, "spoke.lab", 9);
    assert_non_null(pr.p);
    return pr.p;
}

static void test_success_before_the_end(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_MSCHAPV2);
    assert_int_equal(eap_input(p, "\1\7\0\5\1", 5), EAP_STEP_SEND);
    assert_int_equal(eap_input(p, "\3\7\0\4", 4), EAP_STEP_FAIL);
    assert_non_null(strstr(eap_core(p)->why, "before the method is done"));
    assert_int_equal(eap_input(p, "\1\10\0\5\1", 5), EAP_STEP_FAIL); // and it stays over
}

static bool early(struct pair *q, bool to_peer, uint8_t *packet, size_t *len)
{
    (void)q;
    if (to_peer && packet[4] == EAP_T_MSCHAPV2 && packet[5] == EAP_MS_SUCCESS) {
        uint8_t id = (uint8_t)(packet[1] - 1); // of the response that the peer has sent
        memcpy(packet, (uint8_t[]){EAP_SUCCESS, id, 0, 4}, 4);
        *len = 4;
    }
    return true;
}

static void test_success_instead_of_the_proof(void **state)
{
    (void)state;
    pr.hook = early;
    fails(NULL, "before the method is done");
}

static void test_success_with_another_identifier(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_GTC);
    assert_int_equal(eap_input(p, "\1\7\0\7\6pw", 7), EAP_STEP_SEND);
    assert_int_equal(eap_input(p, "\3\10\0\4", 4), EAP_STEP_FAIL);
    assert_non_null(strstr(eap_core(p)->why, "identifier"));
}

static void test_method_changes_in_the_middle(void **state)
{
    (void)state;
    pair_methods(&pr.peer, 2, EAP_T_GTC, EAP_T_MD5);
    pr.p = eap_machine_new(&pr.peer, "spoke.lab", 9);
    assert_int_equal(eap_input(pr.p, "\1\7\0\7\4\1x", 7), EAP_STEP_SEND);
    assert_int_equal(eap_input(pr.p, "\1\10\0\7\6pw", 7), EAP_STEP_FAIL); // wants the password in clear text now
    assert_non_null(strstr(eap_core(pr.p)->why, "in the middle"));
}

static void test_identity_in_the_middle(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_GTC);
    assert_int_equal(eap_input(p, "\1\7\0\7\6pw", 7), EAP_STEP_SEND);
    assert_int_equal(eap_input(p, "\1\10\0\5\1", 5), EAP_STEP_FAIL);
}

static void test_notification_is_answered(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_GTC);
    assert_int_equal(eap_input(p, "\1\7\0\7\2hi", 7), EAP_STEP_SEND);
    assert_memory_equal(eap_core(p)->packet, "\2\7\0\5\2", 5);
    assert_int_equal(eap_core(p)->len, 5);
}

static void test_repeated_request_gets_the_same_answer(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_MSCHAPV2);
    uint8_t challenge[26] = {1, 9, 0, 26, EAP_T_MSCHAPV2, 1, 9, 0, 21, 16}, first[128];
    assert_int_equal(eap_input(p, challenge, sizeof(challenge)), EAP_STEP_SEND);
    size_t len = eap_core(p)->len;
    memcpy(first, eap_core(p)->packet, len);
    assert_int_equal(eap_input(p, challenge, sizeof(challenge)), EAP_STEP_SEND);
    assert_int_equal(eap_core(p)->len, len);
    assert_memory_equal(eap_core(p)->packet, first, len); // the challenge of the peer is in it
}

static void test_nak_for_what_is_not_known(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_MSCHAPV2);
    assert_int_equal(eap_input(p, "\1\7\0\14\376\0\0\0\0\0\0\6", 12), EAP_STEP_SEND); // an expanded type
    assert_memory_equal(eap_core(p)->packet, "\2\7\0\6\3\32", 6);
    assert_int_equal(eap_input(p, "\1\10\0\5\3", 5), EAP_STEP_FAIL); // a request of type Nak
}

static void test_rounds_are_bounded(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_MSCHAPV2);
    uint8_t ask[] = {1, 0, 0, 5, EAP_T_IDENTITY};
    unsigned n = 0;
    while (n < 200 && eap_input(p, ask, sizeof(ask)) == EAP_STEP_SEND) {
        ask[1]++;
        n++;
    }
    assert_int_equal(n, EAP_MAX_ROUNDS);
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    struct eap_machine *p = supplicant(EAP_T_MSCHAPV2);
    static uint8_t notice[EAP_MAX_PACKET] = {1, 0, EAP_MAX_PACKET >> 8, 0, EAP_T_NOTIFICATION};
    unsigned n = 0;
    while (n < 200 && eap_input(p, notice, sizeof(notice)) == EAP_STEP_SEND) {
        notice[1]++;
        n++;
    }
    assert_int_equal(n, EAP_MAX_BYTES / EAP_MAX_PACKET);
}

// Every single byte of every packet, changed: no success (but for names and texts that nobody checks), and no fault.
static void test_changed_bytes_never_prove_anything(void **state)
{
    (void)state;
    unsigned applied = 0;
    for (unsigned packet = 0; packet < 4; packet++) {
        for (size_t at = 0; at < 76; at++) {
            struct pair_flip f = {.packet = packet, .at = at, .bits = 0x40};
            pair_init(&pr, legacy);
            pr.hook = pair_flip;
            pr.arg = &f;
            bool good = pair_run(&pr);
            // The authenticator's name; the peer's reserved bytes and flags; the message after the proof, and the inner
            // identifier of that request, which some authenticators count up.
            bool free_text = (packet == 0 && at >= 26) || (packet == 1 && at >= 26 && at < 34) ||
                             (packet == 1 && at == 58) || (packet == 2 && (at >= 51 || at == 6));
            applied += f.applied;
            if (good && f.applied && !free_text)
                fail_msg("byte %zu of packet %u does not matter", at, packet);
            pair_free(&pr);
        }
    }
    assert_true(applied > 150);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(test_mschapv2_proves_both_and_makes_a_key),
        T(test_md5_and_gtc_make_no_key),
        T(test_identity_is_asked_for),
        T(test_without_question_the_ike_identity_is_the_user),
        T(test_wrong_password),
        T(test_unknown_user),
        T(test_unknown_user_with_an_empty_password),
        T(test_longer_password),
        T(test_empty_answer),
        T(test_another_name_than_the_identity),
        T(test_domain_before_the_name_does_not_count),
        T(test_authenticator_without_the_password),
        T(test_nak_chooses_among_the_allowed_in_order),
        T(test_nak_in_the_middle),
        T(test_no_common_method),
        T(test_nothing_to_do_it_with),
        T(test_success_before_the_end),
        T(test_success_instead_of_the_proof),
        T(test_success_with_another_identifier),
        T(test_method_changes_in_the_middle),
        T(test_identity_in_the_middle),
        T(test_notification_is_answered),
        T(test_repeated_request_gets_the_same_answer),
        T(test_nak_for_what_is_not_known),
        T(test_rounds_are_bounded),
        T(test_bytes_are_bounded),
        T(test_changed_bytes_never_prove_anything),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("EAP methods by password", tests, setup, teardown);
}
