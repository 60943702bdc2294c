// SPDX-License-Identifier: BSD-2-Clause
// Setting up: every group and suite, cookies, another group, refusals, identities, addresses, NAT.
#include "tests/unit/ike/lab.h"
#include "tests/unit/ip_of.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static void defaults_set_up_one_child(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].limits.export_keys = true;
    lab_connect(lab);
    assert_int_equal(lab->sent, 4); // IKE_SA_INIT --> <-- IKE_AUTH --> <--
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[0].ups, 1);
    assert_int_equal(lab->node[1].ups, 1);
    assert_int_equal(lab->node[0].suite.encr, IKE_ENCR_AES_GCM_16);
    assert_int_equal(lab->node[0].suite.encr_bits, 256);
    assert_int_equal(lab->node[0].suite.prf, IKE_PRF_HMAC_SHA2_384);
    assert_int_equal(lab->node[0].suite.group, IKE_DH_X25519);
    assert_true(lab_first(&lab->node[0])->suite.esn);
    assert_false(lab_first(&lab->node[0])->encap);
    assert_true(lab->node[0].fragmentation && lab->node[1].fragmentation);
    assert_int_equal(lab->node[0].exported_ike, 1);
    assert_int_equal(lab->node[0].exported_child, 1);
    assert_int_equal(lab->node[1].exported_ike, 0);
    lab_end(lab);
}

// A profile with one suite alone.
static void only(struct ike_profile *p, uint16_t encr, uint16_t bits, uint16_t integ, uint16_t prf, uint16_t group)
{
    memset(p->ike, 0, sizeof(p->ike));
    p->n_ike = 1;
    p->ike[0].encr[0] = (struct ike_cipher){encr, bits};
    p->ike[0].n_encr = 1;
    p->ike[0].integ[0] = integ;
    p->ike[0].n_integ = integ != 0;
    p->ike[0].prf[0] = prf;
    p->ike[0].n_prf = 1;
    p->ike[0].group[0] = group;
    p->ike[0].n_group = 1;
}

static void only_esp(struct ike_profile *p, uint16_t encr, uint16_t bits, uint16_t integ, bool esn)
{
    memset(p->esp, 0, sizeof(p->esp));
    p->n_esp = 1;
    p->esp[0].encr[0] = (struct ike_cipher){encr, bits};
    p->esp[0].n_encr = 1;
    p->esp[0].integ[0] = integ;
    p->esp[0].n_integ = integ != 0;
    p->esp[0].esn_yes = esn;
    p->esp[0].esn_no = !esn;
}

static void every_group_and_ike_suite(void **state)
{
    (void)state;
    static const uint16_t groups[] = {IKE_DH_MODP_2048, IKE_DH_ECP_256, IKE_DH_ECP_384, IKE_DH_ECP_521, IKE_DH_X25519};
    static const uint16_t prfs[] = {IKE_PRF_HMAC_SHA2_256, IKE_PRF_HMAC_SHA2_384, IKE_PRF_HMAC_SHA2_512};
    static const struct {
        uint16_t encr, bits, integ;
    } ciphers[] = {
        {IKE_ENCR_AES_GCM_16, 128, 0},
        {IKE_ENCR_AES_GCM_16, 256, 0},
        {IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128},
        {IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_384_192},
        {IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_512_256},
    };
    for (unsigned g = 0; g < 5; g++) {
        for (unsigned c = 0; c < 5; c++) {
            struct lab *lab = lab_new();
            for (int i = 0; i < 2; i++)
                only(lab->node[i].profile, ciphers[c].encr, ciphers[c].bits, ciphers[c].integ, prfs[(g + c) % 3],
                     groups[g]);
            lab_connect(lab);
            lab_assert_children(lab, 1);
            for (int i = 0; i < 2; i++) {
                assert_int_equal(lab->node[i].suite.encr, ciphers[c].encr);
                assert_int_equal(lab->node[i].suite.encr_bits, ciphers[c].bits);
                assert_int_equal(lab->node[i].suite.integ, ciphers[c].integ);
                assert_int_equal(lab->node[i].suite.prf, prfs[(g + c) % 3]);
                assert_int_equal(lab->node[i].suite.group, groups[g]);
            }
            // A rekey uses them again.
            assert_int_equal(ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now), 0);
            lab_run(lab, LAB_SECOND);
            assert_int_equal(lab->node[0].rekeys, 1);
            assert_int_equal(lab->node[1].rekeys, 1);
            lab_assert_sas(lab, 1);
            lab_end(lab);
        }
    }
}

static void every_esp_suite(void **state)
{
    (void)state;
    static const struct {
        uint16_t encr, bits, integ;
    } ciphers[] = {
        {IKE_ENCR_AES_GCM_16, 128, 0},
        {IKE_ENCR_AES_GCM_16, 256, 0},
        {IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128},
        {IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_256_128},
    };
    for (unsigned c = 0; c < 8; c++) {
        struct lab *lab = lab_new();
        for (int i = 0; i < 2; i++)
            only_esp(lab->node[i].profile, ciphers[c / 2].encr, ciphers[c / 2].bits, ciphers[c / 2].integ, c & 1);
        lab_start(lab);
        lab_initiate(lab, 1);
        lab_run(lab, LAB_SECOND);
        lab_assert_children(lab, 1);
        assert_int_equal(lab_first(&lab->node[0])->suite.encr, ciphers[c / 2].encr);
        assert_int_equal(lab_first(&lab->node[0])->suite.integ, ciphers[c / 2].integ);
        assert_int_equal(lab_first(&lab->node[0])->suite.esn, c & 1);
        lab_end(lab);
    }
}

static void esn_only_where_both_can(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].profile->esp[0].esn_yes = false;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_false(lab_first(&lab->node[0])->suite.esn);
    lab_end(lab);
}

// A peer that chose extended sequence numbers, cannot install them, and says NO_PROPOSAL_CHOSEN: our second try is
// without.
static void a_peer_whose_datapath_has_no_esn_gets_ordinary_numbers(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab_start(lab);
    only_esp(lab->node[1].profile, IKE_ENCR_AES_GCM_16, 192, 0, true); // fits nothing that is offered
    lab_initiate(lab, 0);
    lab_run(lab, 16000);
    only_esp(lab->node[1].profile, IKE_ENCR_AES_GCM_16, 256, 0, false);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_false(lab_first(&lab->node[0])->suite.esn);
    lab_end(lab);
}

static void a_cookie_is_demanded_and_given(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].limits.cookie_always = true;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->sent, 6);
    assert_true(lab->node[0].cookie && lab->node[1].cookie);
    assert_int_equal(ike_stats(lab->node[1].e)->cookies_sent, 1);
    lab_end(lab);
}

static void a_wrong_group_is_corrected_with_and_without_cookie(void **state)
{
    (void)state;
    for (int cookie = 0; cookie < 2; cookie++) {
        struct lab *lab = lab_new();
        lab->node[1].limits.cookie_always = cookie;
        only(lab->node[1].profile, IKE_ENCR_AES_GCM_16, 256, 0, IKE_PRF_HMAC_SHA2_256, IKE_DH_ECP_384);
        lab_connect(lab);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->node[0].suite.group, IKE_DH_ECP_384);
        assert_int_equal(ike_stats(lab->node[1].e)->invalid_ke_sent, 1);
        lab_end(lab);
    }
}

static void no_common_ike_suite_is_refused(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    only(lab->node[0].profile, IKE_ENCR_AES_GCM_16, 256, 0, IKE_PRF_HMAC_SHA2_256, IKE_DH_ECP_384);
    only(lab->node[1].profile, IKE_ENCR_AES_GCM_16, 128, 0, IKE_PRF_HMAC_SHA2_256, IKE_DH_ECP_384);
    lab_connect(lab);
    assert_int_equal(lab->node[0].downs, 1);
    assert_int_equal(lab->node[0].down_why, IKE_R_NO_PROPOSAL);
    assert_int_equal(ike_stats(lab->node[1].e)->no_proposal, 1);
    lab_assert_sas(lab, 0);
    lab_end(lab);
}

static void no_profile_is_refused(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[1].no_profile = true;
    lab_connect(lab);
    assert_int_equal(lab->node[0].down_why, IKE_R_NO_PROPOSAL);
    lab_end(lab);
}

static void a_wrong_key_fails_at_both_sides(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    strcpy(lab->node[1].psk, "wrong");
    lab_connect(lab);
    assert_int_equal(lab->node[0].downs, 1);
    assert_int_equal(lab->node[0].down_why, IKE_R_AUTH_FAILED);
    assert_int_equal(lab->node[0].ups + lab->node[1].ups, 0);
    assert_int_equal(ike_stats(lab->node[1].e)->auth_failures, 1);
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    uint32_t sas, half, children;
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(sas + half + children, 0);
    lab_end(lab);
}

static void each_side_may_have_a_key_of_its_own(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct lab *lab = lab_new();
        strcpy(lab->node[0].psk, "left's");
        strcpy(lab->node[0].psk_remote, "right's");
        strcpy(lab->node[1].psk, "right's");
        strcpy(lab->node[1].psk_remote, wrong ? "right's" : "left's");
        lab_connect(lab);
        lab_assert_sas(lab, wrong ? 0 : 1);
        lab_end(lab);
    }
}

static void limits_may_change_while_running(void **state)
{
    (void)state;
    struct lab *lab = lab_connected();
    lab->node[1].limits.cookie_always = true;
    ike_set_limits(lab->node[1].e, &lab->node[1].limits);
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    lab_assert_sas(lab, 2);
    assert_int_equal(ike_stats(lab->node[1].e)->cookies_sent, 1);
    lab_end(lab);
}

// The responder's AUTH is what is wrong: its identity is not the one that the initiator demands.
static void an_unwanted_responder_is_told_so(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->match[0] = (struct ike_id_match){IKE_MATCH_EXACT, ike_id_parse("hub.example.com"), 0};
    lab->node[0].profile->n_match = 1;
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[0].ups, 0);
    assert_int_equal(lab->node[0].down_why, IKE_R_AUTH_FAILED);
    assert_int_equal(lab->node[1].ups, 1);
    assert_int_equal(lab->node[1].downs, 1);
    assert_int_equal(lab->node[1].down_why, IKE_R_AUTH_FAILED);
    lab_assert_children(lab, 0);
    lab_end(lab);
}

static void identities_are_matched_as_configured(void **state)
{
    (void)state;
    static const struct {
        const char *id, *match;
        enum ike_match_kind kind;
        uint8_t prefix;
        bool ok;
    } rows[] = {
        {"spoke.example.com", "spoke.example.com", IKE_MATCH_EXACT, 0, true},
        {"SPOKE.example.com", "spoke.Example.com", IKE_MATCH_EXACT, 0, true},
        {"spoke.example.com", "spoke2.example.com", IKE_MATCH_EXACT, 0, false},
        {"spoke.example.com", "example.com", IKE_MATCH_FQDN_DOMAIN, 0, true},
        {"spoke.notexample.com", "example.com", IKE_MATCH_FQDN_DOMAIN, 0, false},
        {"joe@example.com", "example.com", IKE_MATCH_EMAIL_DOMAIN, 0, true},
        {"joe@sub.example.com", "example.com", IKE_MATCH_EMAIL_DOMAIN, 0, false},
        {"joe@example.com", "example.com", IKE_MATCH_FQDN_DOMAIN, 0, false},
        {"10.1.2.3", "10.1.0.0", IKE_MATCH_ADDRESS, 16, true},
        {"10.2.2.3", "10.1.0.0", IKE_MATCH_ADDRESS, 16, false},
        {"keyid:abc", "keyid:abc", IKE_MATCH_EXACT, 0, true},
        {"abc", "keyid:abc", IKE_MATCH_EXACT, 0, false},
        {"anything", "x", IKE_MATCH_ANY, 0, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *lab = lab_new();
        struct ike_profile *p = lab->node[1].profile;
        lab->node[0].profile->local_id = ike_id_parse(rows[i].id);
        p->match[0] = (struct ike_id_match){rows[i].kind, ike_id_parse(rows[i].match), rows[i].prefix};
        p->n_match = 1;
        lab_connect(lab);
        lab_assert_sas(lab, rows[i].ok ? 1 : 0);
        assert_int_equal(lab->node[0].down_why, rows[i].ok ? IKE_R_NONE : IKE_R_AUTH_FAILED);
        lab_end(lab);
    }
}

static void selectors_are_narrowed_to_what_both_allow(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    const struct ip_addr a = ip_of("10.1.0.0"), b = ip_of("10.1.2.0");
    lab->node[0].profile->ts_local[0] = ike_ts_prefix(&a, 16);
    lab->node[1].profile->ts_remote[0] = ike_ts_prefix(&b, 24);
    lab_connect(lab);
    lab_assert_children(lab, 1);
    char text[64];
    assert_string_equal(ike_ts_format(&lab_first(&lab->node[0])->ts_local, text, sizeof(text)), "10.1.2.0/24");
    assert_string_equal(ike_ts_format(&lab_first(&lab->node[0])->ts_remote, text, sizeof(text)), "0.0.0.0/0");
    lab_end(lab);
}

static void disjoint_selectors_leave_an_ike_sa_without_child(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    const struct ip_addr a = ip_of("10.1.0.0"), b = ip_of("10.2.0.0");
    lab->node[0].profile->ts_local[0] = ike_ts_prefix(&a, 16);
    lab->node[1].profile->ts_remote[0] = ike_ts_prefix(&b, 16);
    lab_connect(lab);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 0);
    assert_int_equal(lab->node[0].fail_why, IKE_R_TS_UNACCEPTABLE);
    assert_int_equal(lab->node[1].fail_why, IKE_R_TS_UNACCEPTABLE);
    lab_end(lab);
}

static void no_common_esp_suite_leaves_an_ike_sa_without_child(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    only_esp(lab->node[0].profile, IKE_ENCR_AES_GCM_16, 128, 0, false);
    only_esp(lab->node[1].profile, IKE_ENCR_AES_GCM_16, 256, 0, false);
    lab_connect(lab);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 0);
    assert_int_equal(lab->node[0].fail_why, IKE_R_NO_PROPOSAL);
    lab_end(lab);
}

static void a_remote_host_gets_an_address(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->cp_request = true;
    memset(&lab->node[0].profile->ts_local[0], 0, sizeof(struct ike_ts));
    lab->node[0].profile->ts_local[0].port_hi = UINT16_MAX; // dynamic
    lab->node[1].profile->cp_assign = true;
    lab->node[1].profile->ts_remote[0] = lab->node[0].profile->ts_local[0];
    lab_connect(lab);
    lab_assert_children(lab, 1);
    const struct ike_cp_values *cp = &lab->node[0].cp;
    char text[64];
    assert_string_equal(ike_addr_format(&cp->address, text, sizeof(text)), "10.99.0.7");
    assert_int_equal(cp->prefix, 24);
    assert_int_equal(cp->n_dns, 1);
    assert_int_equal(cp->n_subnet, 1);
    assert_int_equal(cp->subnet[0].prefix, 16);
    assert_string_equal(ike_ts_format(&lab_first(&lab->node[0])->ts_local, text, sizeof(text)), "10.99.0.7/32");
    // It keeps it over a rekey, and gives it back at the end.
    ike_rekey_ike(lab->node[1].e, lab->node[1].session, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].pool_used, 1);
    ike_delete(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].pool_used, 0);
    lab_end(lab);
}

static void an_empty_pool_leaves_no_child(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].profile->cp_request = true;
    lab->node[1].profile->cp_assign = true;
    lab->node[1].pool_size = 0;
    lab_connect(lab);
    lab_assert_children(lab, 0);
    assert_int_equal(lab->node[0].fail_why, IKE_R_ADDRESS);
    lab_end(lab);
}

static void a_nat_is_found_and_its_change_of_port_followed(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->nat = true;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_true(lab->node[0].nat_local && !lab->node[0].nat_remote);
    assert_true(!lab->node[1].nat_local && lab->node[1].nat_remote);
    assert_true(lab_first(&lab->node[0])->encap);
    assert_int_equal(lab_first(&lab->node[0])->path.remote_port, 4500);
    assert_int_equal(lab_first(&lab->node[1])->path.remote_port, 4500 + 7000);
    // Keepalives from behind it.
    lab_run(lab, 100 * (uint64_t)LAB_SECOND);
    assert_true(lab->node[0].keepalives >= 2);
    assert_int_equal(lab->node[1].keepalives, 0);
    // The NAT forgets and gives another port: the next authentic message tells.
    lab->nat_port = 9000;
    ike_probe(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].moves, 1);
    assert_int_equal(lab->node[1].updates, 1);
    assert_int_equal(lab_first(&lab->node[1])->path.remote_port, 4500 + 9000);
    lab_assert_sas(lab, 1);
    lab_end(lab);
}

static void udp_encapsulation_can_be_forced(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = lab_new();
        lab->node[i].profile->force_encap = true;
        lab_connect(lab);
        lab_assert_children(lab, 1);
        assert_true(lab_first(&lab->node[0])->encap);
        assert_int_equal(lab_first(&lab->node[1])->path.local_port, 4500);
        lab_end(lab);
    }
}

static void transport_mode_where_both_want_it(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    for (int i = 0; i < 2; i++) {
        lab->node[i].profile->transport = true;
        memset(lab->node[i].profile->ts_local, 0, sizeof(struct ike_ts));
        memset(lab->node[i].profile->ts_remote, 0, sizeof(struct ike_ts));
        lab->node[i].profile->ts_local[0].port_hi = lab->node[i].profile->ts_remote[0].port_hi = UINT16_MAX;
    }
    lab_connect(lab);
    lab_assert_children(lab, 1);
    char text[64];
    assert_string_equal(ike_ts_format(&lab_first(&lab->node[0])->ts_local, text, sizeof(text)), "192.0.2.1/32");
    lab_end(lab);
}

static struct {
    uint8_t bytes[2048];
    size_t len;
} first;

static struct lab_fate keep_the_first(struct lab *lab, const struct lab_packet *p)
{
    (void)lab;
    if (p->number == 1) {
        memcpy(first.bytes, p->bytes, p->len);
        first.len = p->len;
    }
    return (struct lab_fate){0};
}

// The first request comes again when the SA is up, and when it has just ended: it makes nothing.
static void a_late_repetition_of_the_first_request_makes_no_sa(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    struct lab_node *hub = &lab->node[1];
    uint32_t sas, half_open, children;
    lab->fate = keep_the_first;
    lab_connect(lab);
    const struct ike_path path = lab_path(lab, 1);
    for (int ended = 0; ended < 2; ended++) {
        const uint64_t sent = lab->sent, before = ike_stats(hub->e)->duplicate_requests;
        ike_input(hub->e, &path, first.bytes, first.len, lab->now);
        lab_run(lab, LAB_SECOND);
        assert_int_equal(lab->sent, sent);
        assert_int_equal(ike_stats(hub->e)->duplicate_requests, before + 1);
        ike_counts(hub->e, &sas, &half_open, &children);
        assert_int_equal(lab_sas(hub), !ended);
        assert_int_equal(half_open, 0);
        ike_delete(lab->node[0].e, lab->node[0].session, lab->now);
        lab_run(lab, LAB_SECOND);
    }
    lab_end(lab);
}

static void initial_contact_ends_what_was_before(void **state)
{
    (void)state;
    struct lab *lab = lab_connected();
    // The initiator restarts: it knows nothing any more, and says so.
    ike_free(lab->node[0].e);
    lab->node[0].e = ike_new(&lab->node[0].ops, &lab->node[0], &lab->node[0].limits);
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].ups, 2);
    assert_int_equal(lab->node[1].downs, 1);
    assert_int_equal(lab->node[1].down_why, IKE_R_INITIAL_CONTACT);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    // A second one beside it does not end the first.
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    lab_assert_sas(lab, 2);
    lab_assert_children(lab, 2);
    lab_end(lab);
}

// One peer has two addresses, and we a tunnel to each. The second one that is set up ends the first, because nobody can
// know yet who is there; then neither ends the other any more. Where it has an identity for each there is nothing to
// end.
static void two_tunnels_to_one_peer_leave_each_other_alone(void **state)
{
    (void)state;
    for (unsigned one_name = 0; one_name < 2; one_name++) {
        struct lab *lab = lab_new();
        struct lab_node *spoke = &lab->node[0], *hub = &lab->node[1];
        struct ike_path path[2] = {lab_path(lab, 0), lab_path(lab, 0)};
        struct ike_profile *profile[2] = {spoke->profile, ike_profile_new("other")};
        uint32_t session[2];
        profile[1]->ts_local[0] = profile[0]->ts_local[0];
        profile[1]->ts_remote[0] = profile[0]->ts_remote[0];
        path[1].remote = ip_of("192.0.2.99");
        hub->profile->local_id = one_name ? ike_id_parse("hub.example.com") : NULL;
        lab_start(lab);
        for (unsigned i = 0; i < 2; i++) {
            session[i] = ike_initiate(spoke->e, profile[i], &path[i], lab->now);
            lab_run(lab, LAB_SECOND);
        }
        assert_int_equal(hub->downs, one_name);
        assert_int_equal(hub->down_why, one_name ? IKE_R_INITIAL_CONTACT : IKE_R_NONE);
        for (unsigned i = 0; i < 4; i++) { // each is set up anew in turn
            assert_int_equal(ike_delete_fast(spoke->e, session[i % 2], lab->now), 0);
            lab_run(lab, 5 * (uint64_t)LAB_SECOND);
            session[i % 2] = ike_initiate(spoke->e, profile[i % 2], &path[i % 2], lab->now);
            lab_run(lab, LAB_SECOND);
            lab_assert_sas(lab, 2);
            lab_assert_children(lab, 2);
            assert_true((i == 0 && one_name) || hub->down_why == IKE_R_PEER_DELETE);
        }
        // Who has lost both says so.
        ike_free(spoke->e);
        spoke->e = ike_new(&spoke->ops, spoke, &spoke->limits);
        ike_initiate(spoke->e, profile[1], &path[1], lab->now);
        lab_run(lab, LAB_SECOND);
        assert_int_equal(lab_sas(spoke), 1);
        assert_int_equal(lab_sas(hub), one_name ? 1 : 2);
        assert_int_equal(hub->down_why, IKE_R_INITIAL_CONTACT);
        ike_profile_unref(profile[1]);
        lab_end(lab);
    }
}

// Two at once, before it is known that both are to one peer: it ends one of them, and we notice without dead peer
// detection.
static void two_tunnels_at_once_find_out_which_one_is_left(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    struct lab_node *spoke = &lab->node[0], *hub = &lab->node[1];
    struct ike_path path = lab_path(lab, 0), other = path;
    struct ike_profile *second = ike_profile_new("other");
    second->ts_local[0] = spoke->profile->ts_local[0];
    second->ts_remote[0] = spoke->profile->ts_remote[0];
    spoke->profile->dpd_interval = second->dpd_interval = hub->profile->dpd_interval = 0;
    other.remote = ip_of("192.0.2.99");
    hub->profile->local_id = ike_id_parse("hub.example.com");
    lab_start(lab);
    assert_true(ike_initiate(spoke->e, spoke->profile, &path, lab->now) != 0);
    assert_true(ike_initiate(spoke->e, second, &other, lab->now) != 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(hub->ups, 2);
    assert_int_equal(hub->down_why, IKE_R_INITIAL_CONTACT);
    assert_int_equal(lab_sas(hub), 1);
    assert_int_equal(ike_stats(spoke->e)->dpd_sent, 2); // of both: answers may have come in another order
    lab_run(lab, 30 * (uint64_t)LAB_SECOND);
    assert_int_equal(spoke->downs, 1);
    assert_int_equal(spoke->down_why, IKE_R_DEAD_PEER);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    ike_profile_unref(second);
    lab_end(lab);
}

// As responder `force_contact` takes every new SA of an identity for the first one after a restart.
static void contact_can_be_forced(void **state)
{
    (void)state;
    for (int force = 0; force < 2; force++) {
        struct lab *lab = lab_new();
        lab->node[1].profile->force_contact = force;
        lab->node[0].profile->initial_contact = false;
        lab_connect(lab);
        ike_free(lab->node[0].e); // restarts, and does not say so
        lab->node[0].e = ike_new(&lab->node[0].ops, &lab->node[0], &lab->node[0].limits);
        lab_initiate(lab, 0);
        lab_run(lab, LAB_SECOND);
        assert_int_equal(lab->node[1].ups, 2);
        assert_int_equal(lab->node[1].downs, force);
        uint32_t sas, half, children;
        ike_counts(lab->node[1].e, &sas, &half, &children);
        assert_int_equal(sas, force ? 1 : 2);
        assert_int_equal(children, force ? 1 : 2);
        assert_true(!force || lab->node[1].down_why == IKE_R_INITIAL_CONTACT);
        // One that is not authentic ends nothing.
        snprintf(lab->node[0].psk, sizeof(lab->node[0].psk), "another key");
        lab_initiate(lab, 0);
        lab_run(lab, LAB_SECOND);
        assert_int_equal(ike_stats(lab->node[1].e)->auth_failures, 1);
        assert_int_equal(lab->node[1].downs, force);
        lab_end(lab);
    }
}

static bool silent; // the peer is not reached

static struct lab_fate nobody_hears(struct lab *lab, const struct lab_packet *p)
{
    (void)lab, (void)p;
    return (struct lab_fate){.drop = silent, .copies = 1};
}

static void fast_deletes_wait_for_nobody(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    struct lab_node *n = &lab->node[0];
    lab->fate = nobody_hears;
    silent = false;
    lab_start(lab);
    uint32_t sas, half, children;
    for (int round = 0; round < 3; round++) {
        lab_initiate(lab, 0);
        lab_run(lab, LAB_SECOND);
        lab_assert_sas(lab, 1);
        silent = round > 0;
        if (round == 2) { // an ordinary one waits
            assert_int_equal(ike_delete(n->e, n->session, lab->now), 0);
            lab_run(lab, LAB_SECOND);
            ike_counts(n->e, &sas, &half, &children);
            assert_int_equal(sas, 1);
        }
        assert_int_equal(ike_delete_fast(n->e, n->session, lab->now), 0);
        ike_counts(n->e, &sas, &half, &children);
        assert_int_equal(sas + children, 0);
        assert_int_equal(n->downs, round + 1);
        assert_int_equal(ike_delete_fast(n->e, n->session, lab->now), -1); // there is none any more
        lab_run(lab, LAB_SECOND);
        if (round == 0) // the peer has heard of it, and its answer was of no use
            assert_int_equal(lab->node[1].downs, 1);
        silent = false;
    }
    lab_end(lab);
}

static void half_open_sas_are_limited_and_expire(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    uint32_t sas, half, children;
    lab->node[1].limits.max_half_open_peer = 3;
    lab->node[1].limits.cookie_threshold = 1000;
    lab->node[0].profile->retrans_tries = 1;
    lab_start(lab);
    for (int i = 0; i < 5; i++)
        lab_initiate(lab, 0);
    lab_run(lab, 6000); // the requests have come, the answers not
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(half, 3);
    assert_int_equal(ike_stats(lab->node[1].e)->init_dropped_limit, 2);
    lab->shut = true;
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    ike_counts(lab->node[1].e, &sas, &half, &children);
    assert_int_equal(sas, 0);
    assert_int_equal(half, 0);
    lab_end(lab);
}

static void public_key_work_may_take_its_time(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    lab->node[0].jobs_later = lab->node[1].jobs_later = true;
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run_slowly(lab, 10, 100000);
    lab_assert_children(lab, 1);
    ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run_slowly(lab, 10, 100000);
    lab_assert_sas(lab, 1);
    assert_int_equal(lab->node[1].rekeys, 1);
    // An SA that ends while its work is done elsewhere.
    lab_initiate(lab, 0);
    ike_delete(lab->node[0].e, 2, lab->now);
    lab_run_jobs(lab);
    lab_assert_sas(lab, 1);
    lab_end(lab);
}

static void the_datapath_may_take_its_time(void **state)
{
    (void)state;
    for (int fail = 0; fail < 3; fail++) { // nobody, the responder's, the initiator's
        struct lab *lab = lab_new();
        lab->node[0].install_later = lab->node[1].install_later = true;
        lab_start(lab);
        lab_initiate(lab, 0);
        lab_run(lab, 50000);
        assert_int_equal(lab_children(&lab->node[1]), 1);
        assert_int_equal(lab->node[1].child_ups, 0);
        assert_int_equal(lab->node[0].ups, 0); // no answer before it is in place
        lab_finish_installs(&lab->node[1], fail == 1 ? -1 : 0);
        lab_run(lab, 50000);
        lab_finish_installs(&lab->node[0], fail == 2 ? -1 : 0);
        // What the datapath forgot by itself counts as removed.
        lab->node[0].removes += fail == 2;
        lab->node[1].removes += fail == 1;
        lab_run(lab, LAB_SECOND);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, fail ? 0 : 1);
        assert_int_equal(lab->node[0].child_fails, fail ? 1 : 0);
        lab_end(lab);
    }
}

static void the_user_can_delete(void **state)
{
    (void)state;
    struct lab *lab = lab_connected();
    assert_int_equal(ike_delete_child(lab->node[1].e, lab_first(&lab->node[1])->spi_in, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 0);
    lab_assert_sas(lab, 1);
    assert_int_equal(ike_new_child(lab->node[1].e, lab->node[1].session, NULL, 0, NULL, 0, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 1);
    assert_int_equal(ike_delete(lab->node[1].e, lab->node[1].session, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    lab_assert_children(lab, 0);
    lab_assert_sas(lab, 0);
    assert_int_equal(lab->node[1].down_why, IKE_R_USER);
    assert_int_equal(lab->node[0].down_why, IKE_R_PEER_DELETE);
    assert_int_equal(ike_delete(lab->node[1].e, lab->node[1].session, lab->now), -1);
    lab_end(lab);
}

static unsigned pauses;

static uint8_t own_jitter(void *ctx, uint32_t session)
{
    static const uint8_t stretch[] = {0, 128, 255};
    (void)ctx;
    assert_int_not_equal(session, 0);
    return stretch[pauses++ % 3];
}

static void pauses_may_be_the_owners(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    // 1 s, 2 s and a sixteenth, 4 s and 255 of 2,048 parts, in ms, counted from the transmission before
    static const uint64_t pause[] = {1000, 2125, 4498};
    lab_start(lab);
    lab->shut = true;
    lab->node[0].ops.jitter = own_jitter;
    pauses = 0;
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(lab->sent, i + 1);
        lab_run(lab, (pause[i] - 1) * 1000);
        assert_int_equal(lab->sent, i + 1);
        lab_run(lab, 1000);
        assert_int_equal(lab->sent, i + 2);
        assert_int_equal(pauses, i + 2);
    }
    lab_end(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_set_up_one_child),
        cmocka_unit_test(every_group_and_ike_suite),
        cmocka_unit_test(every_esp_suite),
        cmocka_unit_test(esn_only_where_both_can),
        cmocka_unit_test(a_peer_whose_datapath_has_no_esn_gets_ordinary_numbers),
        cmocka_unit_test(a_cookie_is_demanded_and_given),
        cmocka_unit_test(a_wrong_group_is_corrected_with_and_without_cookie),
        cmocka_unit_test(no_common_ike_suite_is_refused),
        cmocka_unit_test(no_profile_is_refused),
        cmocka_unit_test(a_wrong_key_fails_at_both_sides),
        cmocka_unit_test(each_side_may_have_a_key_of_its_own),
        cmocka_unit_test(limits_may_change_while_running),
        cmocka_unit_test(an_unwanted_responder_is_told_so),
        cmocka_unit_test(identities_are_matched_as_configured),
        cmocka_unit_test(selectors_are_narrowed_to_what_both_allow),
        cmocka_unit_test(disjoint_selectors_leave_an_ike_sa_without_child),
        cmocka_unit_test(no_common_esp_suite_leaves_an_ike_sa_without_child),
        cmocka_unit_test(a_remote_host_gets_an_address),
        cmocka_unit_test(an_empty_pool_leaves_no_child),
        cmocka_unit_test(a_nat_is_found_and_its_change_of_port_followed),
        cmocka_unit_test(udp_encapsulation_can_be_forced),
        cmocka_unit_test(transport_mode_where_both_want_it),
        cmocka_unit_test(a_late_repetition_of_the_first_request_makes_no_sa),
        cmocka_unit_test(initial_contact_ends_what_was_before),
        cmocka_unit_test(two_tunnels_to_one_peer_leave_each_other_alone),
        cmocka_unit_test(two_tunnels_at_once_find_out_which_one_is_left),
        cmocka_unit_test(contact_can_be_forced),
        cmocka_unit_test(fast_deletes_wait_for_nobody),
        cmocka_unit_test(half_open_sas_are_limited_and_expire),
        cmocka_unit_test(public_key_work_may_take_its_time),
        cmocka_unit_test(the_datapath_may_take_its_time),
        cmocka_unit_test(the_user_can_delete),
        cmocka_unit_test(pauses_may_be_the_owners),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_setup", tests, NULL, NULL);
}
