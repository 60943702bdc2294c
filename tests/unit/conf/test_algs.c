// SPDX-License-Identifier: BSD-2-Clause
// The words of algorithms: what they mean, that all of them are known to IKE, and what is said of those of old.
#include "hostd/conf/algs.h"
#include "hostd/conf/crypto.h"
#include "hostd/ike/ike.h"
#include "tests/unit/conf/conf_rig.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

// Every word of the tables means what the names of IKE say, and is of old exactly if IKE says so.
static void test_tables(void **state)
{
    (void)state;
    static const struct {
        const struct alg *table;
        enum ike_name_kind kind;
        bool ike; // the words are those of IKE's names
    } rows[] = {{alg_encr, IKE_NAMES_ENCR, true},      {alg_integ, IKE_NAMES_INTEG, true},
                {alg_prf, IKE_NAMES_PRF, true},        {alg_group, IKE_NAMES_GROUP, true},
                {alg_esp_encr, IKE_NAMES_ENCR, false}, {alg_esp_integ, IKE_NAMES_INTEG, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int n = 0;
        for (const struct alg *a = rows[i].table; a->word != NULL; a++) {
            assert_int_equal(a->legacy, ike_is_legacy(rows[i].kind, a->id));
            assert_int_equal(alg_find(rows[i].table, a->word), n++);
            if (rows[i].kind == IKE_NAMES_ENCR) {
                assert_int_equal(a->aead, ike_encr_is_aead(a->id));
            }
            if (rows[i].ike) {
                const struct ike_name *name = ike_name_find(rows[i].kind, a->word);
                assert_non_null(name);
                assert_int_equal(name->number, a->id);
                assert_int_equal(name->bits, a->bits);
            }
        }
        // And none of IKE's is missing.
        for (const struct ike_name *m = ike_names(rows[i].kind); rows[i].ike && m->name != NULL; m++) {
            assert_true(m->word == NULL || alg_find(rows[i].table, m->word) >= 0);
        }
    }
    for (int i = 0; alg_integ[i].word != NULL; i++) {
        assert_string_equal(alg_integ[i].word, alg_prf[i].word); // in the same order
    }
}

// All words that the grammar takes; sha is sha1, "sha 256" is sha256.
static void test_proposal_words(void **state)
{
    (void)state;
    struct conf *c = good("crypto ikev2 proposal all\n"
                          " encryption aes-gcm-256 aes-gcm-192 aes-gcm-128 chacha20-poly1305 aes-ctr-256 aes-ctr-192 "
                          "aes-ctr-128 aes-cbc-256 aes-cbc-192 aes-cbc-128 3des\n"
                          " integrity sha512 sha384 sha 256 sha md5\n"
                          " prf md5 sha1 sha256 sha 384 sha512\n"
                          " group 2 5 14 15 16 19 20 21 31\n");
    const struct conf_proposal *p = conf_find(&c->proposals, "all");
    assert_int_equal(p->n_encr, 11);
    assert_int_equal(p->n_group, 9);
    static const char *const integ[] = {"sha512", "sha384", "sha256", "sha1", "md5"};
    static const char *const prf[] = {"md5", "sha1", "sha256", "sha384", "sha512"};
    for (int i = 0; i < 5; i++) {
        assert_string_equal(alg_integ[p->integ[i]].word, integ[i]);
        assert_string_equal(alg_prf[p->prf[i]].word, prf[i]);
    }
    conf_free(c);
    refuses("crypto ikev2 proposal x\n integrity sha sha1\n", "is there twice");
    refuses("crypto ikev2 proposal x\n integrity sha 256 sha256\n", "is there twice");
    refuses("crypto ikev2 proposal x\n integrity sha 128\n", "word 3 \"128\": expected");
    refuses("crypto ikev2 proposal x\n encryption des\n", "word 2 \"des\": expected");
    refuses("crypto ikev2 proposal x\n group 1\n", "word 2 \"1\": expected");
    refuses("crypto ikev2 proposal x\n encryption aes-ctr-256\n prf sha256\n group 14\n", "lacks integrity");
    refuses("crypto ikev2 proposal x\n encryption chacha20-poly1305\n group 14\n", "lacks prf");
}

// Each transform set, and that it is printed as it was written.
static void test_transform_sets(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed; // NULL: the same
        uint16_t encr, bits, integ;
    } rows[] = {
        {"esp-gcm 256", NULL, IKE_ENCR_AES_GCM_16, 256, 0},
        {"esp-gcm 192", NULL, IKE_ENCR_AES_GCM_16, 192, 0},
        {"esp-gcm", "esp-gcm 128", IKE_ENCR_AES_GCM_16, 128, 0},
        {"esp-chacha20-poly1305", NULL, IKE_ENCR_CHACHA20_POLY1305, 0, 0},
        {"esp-aes esp-sha-hmac", "esp-aes 128 esp-sha-hmac", IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA1_96},
        {"esp-aes 128 esp-sha-hmac", NULL, IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA1_96},
        {"esp-aes 192 esp-sha256-hmac", NULL, IKE_ENCR_AES_CBC, 192, IKE_INTEG_HMAC_SHA2_256_128},
        {"esp-aes 256 esp-sha384-hmac", NULL, IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_384_192},
        {"esp-ctr 256 esp-sha512-hmac", NULL, IKE_ENCR_AES_CTR, 256, IKE_INTEG_HMAC_SHA2_512_256},
        {"esp-ctr esp-md5-hmac", "esp-ctr 128 esp-md5-hmac", IKE_ENCR_AES_CTR, 128, IKE_INTEG_HMAC_MD5_96},
        {"esp-3des esp-md5-hmac", NULL, IKE_ENCR_3DES, 0, IKE_INTEG_HMAC_MD5_96},
        {"esp-null esp-sha256-hmac", NULL, IKE_ENCR_NULL, 0, IKE_INTEG_HMAC_SHA2_256_128},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200], want[200];
        struct str out = {0};
        snprintf(text, sizeof(text), "crypto ipsec transform-set T %s\n mode tunnel\n", rows[i].text);
        struct conf *c = good(text);
        const struct conf_tset *t = conf_find(&c->tsets, "T");
        assert_int_equal(t->encr, rows[i].encr);
        assert_int_equal(t->bits, rows[i].bits);
        assert_int_equal(t->integ, rows[i].integ);
        conf_print(lang, c, false, &out);
        snprintf(want, sizeof(want), "crypto ipsec transform-set T %s\n",
                 rows[i].printed != NULL ? rows[i].printed : rows[i].text);
        assert_non_null(strstr(out.text, want));
        str_free(&out);
        conf_free(c);
    }
    refuses("crypto ipsec transform-set T esp-aes 128\n", "expected");
    refuses("crypto ipsec transform-set T esp-null\n", "expected");
    refuses("crypto ipsec transform-set T esp-gcm 128 esp-sha-hmac\n", "expected end of line");
    refuses("crypto ipsec transform-set T esp-3des 192 esp-sha-hmac\n", "word 6 \"192\": expected");
    refuses("crypto ipsec transform-set T esp-chacha20-poly1305 256\n", "keys of one length");
    refuses("crypto ipsec transform-set T esp-aes 160 esp-sha-hmac\n", "word 6 \"160\": expected");
}

static void collect(void *arg, const char *text)
{
    str_addf(arg, "%s\n", text);
}

static void warnings_are(const char *text, const char *want)
{
    struct conf *c = good(text);
    struct str said = {0};
    conf_warnings(c, collect, &said);
    assert_string_equal(str_text(&said), want);
    str_free(&said);
    conf_free(c);
}

static void test_warnings(void **state)
{
    (void)state;
    warnings_are("", ""); // the defaults need none
    warnings_are("crypto ikev2 proposal p\n encryption aes-cbc-128\n integrity sha1\n group 14\n"
                 "crypto ipsec transform-set T esp-aes 128 esp-sha-hmac\n"
                 "crypto ipsec transform-set N esp-null esp-sha-hmac\n"
                 "crypto ipsec profile default\n set pfs group14\n",
                 "");
    warnings_are("crypto ikev2 proposal default\n encryption aes-cbc-256 3des\n integrity sha256 md5\n prf md5\n"
                 " group 5 14 2\n",
                 "crypto ikev2 proposal default: encryption 3des is not safe any more, and for old peers only\n"
                 "crypto ikev2 proposal default: integrity md5 is not safe any more, and for old peers only\n"
                 "crypto ikev2 proposal default: prf md5 is not safe any more, and for old peers only\n"
                 "crypto ikev2 proposal default: group 5 is not safe any more, and for old peers only\n"
                 "crypto ikev2 proposal default: group 2 is not safe any more, and for old peers only\n");
    warnings_are("crypto ipsec transform-set OLD esp-3des esp-md5-hmac\n"
                 "crypto ipsec profile default\n set pfs group2\n",
                 "crypto ipsec transform-set OLD: esp-3des is not safe any more, and for old peers only\n"
                 "crypto ipsec transform-set OLD: esp-md5-hmac is not safe any more, and for old peers only\n"
                 "crypto ipsec profile default: set pfs group2 is not safe any more, and for old peers only\n");
}

// The smart defaults of the configuration are those of the IKE machine, but for what IKE's have in addition.
static void test_defaults(void **state)
{
    (void)state;
    struct conf *c = good("");
    const struct conf_proposal *p = conf_find(&c->proposals, "default");
    const struct conf_tset *t = conf_find(&c->tsets, "default");
    struct ike_proposal ike[IKE_MAX_PROPOSALS];
    assert_int_equal(ike_default_ike_proposals(ike), 2);
    assert_int_equal(p->n_encr, ike[0].n_encr + ike[1].n_encr);
    for (unsigned i = 0; i < p->n_encr; i++) {
        const struct ike_cipher *want = i < ike[0].n_encr ? &ike[0].encr[i] : &ike[1].encr[i - ike[0].n_encr];
        assert_int_equal(alg_encr[p->encr[i]].id, want->id);
        assert_int_equal(alg_encr[p->encr[i]].bits, want->bits);
    }
    assert_int_equal(p->n_prf, ike[0].n_prf);
    assert_int_equal(p->n_integ, ike[1].n_integ);
    for (unsigned i = 0; i < p->n_prf; i++) {
        assert_int_equal(alg_prf[p->prf[i]].id, ike[0].prf[i]);
        assert_int_equal(alg_integ[p->integ[i]].id, ike[1].integ[i]);
    }
    assert_int_equal(p->n_group, ike[0].n_group);
    for (unsigned i = 0; i < p->n_group; i++) {
        assert_int_equal(alg_group[p->group[i]].id, ike[0].group[i]);
    }
    assert_int_equal(t->encr, IKE_ENCR_AES_GCM_16);
    assert_int_equal(t->bits, 256);
    conf_free(c);
}

// As they stand on the slides.
static void test_slides(void **state)
{
    (void)state;
    struct conf *c = good("crypto ipsec transform-set default esp-aes 128 esp-sha-hmac\n"
                          "crypto ikev2 proposal default\n"
                          "encryption aes-cbc-256 aes-cbc-128 3des\n"
                          "integrity sha512 sha 256 sha1 md5\n"
                          "group 5 2\n");
    const struct conf_tset *t = conf_find(&c->tsets, "default");
    assert_int_equal(t->encr, IKE_ENCR_AES_CBC);
    assert_int_equal(t->bits, 128);
    assert_int_equal(t->integ, IKE_INTEG_HMAC_SHA1_96);
    const struct conf_proposal *p = conf_find(&c->proposals, "default");
    assert_int_equal(p->n_encr, 3);
    assert_int_equal(p->n_integ, 4);
    assert_int_equal(p->n_group, 2);
    assert_string_equal(alg_group[p->group[0]].word, "5");
    conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"every word is known to IKE by the same number", test_tables, NULL, NULL, NULL},
        {"proposals take every algorithm, and sha, and sha 256", test_proposal_words, NULL, NULL, NULL},
        {"transform sets take every algorithm and print as they were written", test_transform_sets, NULL, NULL, NULL},
        {"algorithms of old are warned of, others are not", test_warnings, NULL, NULL, NULL},
        {"the defaults are those of the IKE machine", test_defaults, NULL, NULL, NULL},
        {"what the slides show is taken", test_slides, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("algorithms", tests, conf_rig_open, conf_rig_close);
}
