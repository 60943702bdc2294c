// SPDX-License-Identifier: BSD-2-Clause
// Post-quantum pre-shared keys (RFC 8784): who has one, who insists.
#include "hostd/ike/ike_int.h"
#include "tests/unit/ike/lab.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

enum who { NONE, SAME, OTHER_NAME, OTHER_KEY };

static void give(struct lab_node *n, enum who who, bool required)
{
    if (who == NONE)
        return;
    n->ppk.id_len = 4;
    memcpy(n->ppk.id, who == OTHER_NAME ? "ppk9" : "ppk1", 4);
    n->ppk.key_len = 32;
    memset(n->ppk.key, who == OTHER_KEY ? 7 : 5, 32);
    n->ppk.required = required;
}

static void rows(void **state)
{
    (void)state;
    static const struct {
        enum who a, b;
        bool a_requires, b_requires;
        bool up, ppk;
    } rows[] = {
        {SAME, SAME, true, true, true, true},
        {SAME, SAME, false, false, true, true},
        {SAME, SAME, true, false, true, true},
        {SAME, SAME, false, true, true, true},
        {NONE, NONE, false, false, true, false},
        {SAME, NONE, false, false, true, false}, // no USE_PPK in the answer
        {SAME, NONE, true, false, false, false},
        {NONE, SAME, false, false, true, false},
        {NONE, SAME, false, true, false, false},
        {SAME, OTHER_NAME, false, false, true, false}, // NO_PPK_AUTH
        {SAME, OTHER_NAME, true, false, false, false},
        {SAME, OTHER_NAME, false, true, false, false},
        {SAME, OTHER_KEY, false, false, false, false}, // the name is the same: AUTH does not fit
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *lab = lab_new();
        give(&lab->node[0], rows[i].a, rows[i].a_requires);
        give(&lab->node[1], rows[i].b, rows[i].b_requires);
        lab_start(lab);
        lab_initiate(lab, 0);
        lab_run(lab, 2 * (uint64_t)LAB_SECOND);
        lab_assert_sas(lab, rows[i].up);
        lab_assert_children(lab, rows[i].up);
        for (int k = 0; k < 2 && rows[i].up; k++) {
            const struct ike_sa *sa = lab->node[k].e->sas;
            assert_int_equal(sa->ppk, rows[i].ppk);
            assert_true(sa->ext == NULL || sa->ext->ppk == NULL); // wiped
        }
        if (!rows[i].up)
            assert_int_equal(lab->node[0].ups + lab->node[1].ups, 0);
        if (rows[i].up) { // what is derived of it is the same at both sides
            ike_rekey_ike(lab->node[1].e, lab->node[1].session, lab->now);
            lab_run(lab, 2 * (uint64_t)LAB_SECOND);
            ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
            lab_run(lab, 10 * (uint64_t)LAB_SECOND);
            lab_assert_children(lab, 1);
            assert_int_equal(lab->node[0].e->sas->ppk, rows[i].ppk);
        }
        lab_end(lab);
    }
}

// The keys of the child are other ones than without: RFC 8784 section 3, by hand.
static void the_key_is_in_sk_d(void **state)
{
    (void)state;
    struct lab *lab = lab_new();
    give(&lab->node[0], SAME, true);
    give(&lab->node[1], SAME, true);
    lab_start(lab);
    lab_initiate(lab, 0);
    while (lab->node[0].e->sas->state != IKE_S_AUTH_SENT)
        lab_run(lab, 100);
    const struct ike_sa *b = lab->node[1].e->sas; // has not had IKE_AUTH: SK_d' is in it
    const size_t len = ike_prf_len(b->suite.prf);
    uint8_t want[IKE_MAX_PRF];
    const struct ike_bytes d = {b->keys.d, len};
    assert_int_equal(b->state, IKE_S_AUTH_WAIT);
    assert_true(ike_prf_plus(lab->node[1].e->crypto, b->suite.prf, lab->node[0].ppk.key, 32, &d, 1, want, len));
    assert_memory_equal(lab->node[0].e->sas->keys.d, want, len);
    assert_memory_not_equal(b->keys.d, want, len);
    lab_run(lab, LAB_SECOND);
    assert_memory_equal(lab->node[1].e->sas->keys.d, want, len);
    lab_assert_children(lab, 1);
    lab_end(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows), cmocka_unit_test(the_key_is_in_sk_d)};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_ppk", tests, NULL, NULL);
}
