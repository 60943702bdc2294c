// SPDX-License-Identifier: BSD-2-Clause
// Setting up: every group and suite, cookies, another group, refusals, identities, addresses, NAT.
#include "tests/unit/ike/lab.h"

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
    lab_start(lab);
    // IKE_SA_INIT --> <-- IKE_AUTH --> <--
    assert_int_not_equal(lab_initiate(lab, 0), 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->sent, 4);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_set_up_one_child),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_setup", tests, NULL, NULL);
}
