// SPDX-License-Identifier: BSD-2-Clause
// show crypto engine, over datapaths of each kind.
#include "tests/unit/hostd/exec_rig.h"
#include "tests/unit/hostd/fake_dp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fake_dp fake;
static struct str journal;

static const struct dp_info software = {.kind = "software", .esn = true, .max_sas = 65536, .sas_in = 3, .sas_out = 4};
static const struct dp_info card = {.kind = "card",
                                    .text = "  a line of the card\n",
                                    .cipher = {"AES-GCM-128", "AES-GCM-256"},
                                    .esn = true,
                                    .ports = true,
                                    .max_sas = 256,
                                    .sas_in = 5,
                                    .sas_out = 6,
                                    .routes = 7,
                                    .max_routes = 128,
                                    .flows = 8,
                                    .max_flows = 1024};

static int setup(void **state)
{
    (void)state;
    exec_rig_open();
    configure("card vfio-user /tmp/card.sock\n");
    fake_dp_init(&fake, &journal);
    d->dp = &fake.dp;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    exec_rig_close();
    str_free(&journal);
    return 0;
}

// The command's answer comes when the datapath has told all that it was asked.
static void asks(const char *line, unsigned questions)
{
    free(text);
    text = NULL;
    begin(line);
    for (unsigned i = 0; i < questions; i++) {
        assert_null(text);
        assert_true(fake_dp_tell(&fake));
    }
    assert_non_null(text);
    assert_false(fake_dp_tell(&fake));
}

static const json_t *engine(size_t i)
{
    return json_array_get(json_object_get(data, "engines"), i);
}

static long long use(size_t i, const char *table, const char *what)
{
    return show_number(json_object_get(json_object_get(engine(i), "tables"), table), what);
}

static void test_software(void **state)
{
    (void)state;
    fake.info = &software;
    asks("show crypto engine", 1);
    assert_int_equal(json_array_size(json_object_get(data, "engines")), 1);
    says("crypto engine type:  software\n");
    says("serves:  IKEv2, ESP\n");
    says("AES-CBC-256");
    says("HMAC-SHA2-256-128");
    says("inbound SAs:  3 of 65536\n");
    says("outbound SAs:  4 of 65536\n");
    assert_null(strstr(text, "routes:"));
    assert_null(strstr(text, "hardware"));
}

static void test_card(void **state)
{
    (void)state;
    struct dp_info both = card;
    both.software = true;
    both.soft_in = 1;
    both.soft_out = 2;
    both.max_soft = 99;
    fake.info = &both;
    asks("show crypto engine", 1);
    assert_int_equal(json_array_size(json_object_get(data, "engines")), 2);
    says("crypto engine type:  hardware\n");
    says("crypto engine in slot:  /tmp/card.sock\n");
    says("ciphers: AES-GCM-128 AES-GCM-256\n");
    says("routes:  7 of 128\n");
    says("  a line of the card\n");
    says("ESP that the card cannot carry");
    static const struct {
        size_t engine;
        const char *table;
        long long used, room;
    } rows[] = {{0, "sas_in", 5, 256}, {0, "sas_out", 6, 256}, {0, "routes", 7, 128},
                {0, "flows", 8, 1024}, {1, "sas_in", 1, 99},   {1, "sas_out", 2, 99}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(use(rows[i].engine, rows[i].table, "used"), rows[i].used);
        assert_int_equal(use(rows[i].engine, rows[i].table, "room"), rows[i].room);
    }
    asks("show crypto engine brief", 1);
    says("crypto engine type:  hardware\n");
    says("crypto engine type:  software\n");
    assert_null(strstr(text, "ciphers"));
    assert_null(strstr(text, "SAs"));
    // A card alone: software has IKEv2 only.
    fake.info = &card;
    asks("show crypto engine", 1);
    assert_string_equal(show_text(engine(1), "serves"), "IKEv2");
    assert_null(json_object_get(engine(1), "tables"));
}

static void test_statistic(void **state)
{
    (void)state;
    static const struct dp_counter counter[] = {{"rx0_packets", "outside: packets received", 11},
                                                {"software_esp_in_packets", "software: decrypted", 22},
                                                {"host_policy", "dropped by the host", 33}};
    fake.counter = counter;
    fake.counters = 3;
    fake.info = &card;
    asks("show crypto engine accelerator statistic", 2);
    says("Device:   Culvert card\nLocation: /tmp/card.sock\n");
    says("rx0_packets                                11  outside: packets received\n");
    assert_int_equal(json_array_size(json_object_get(data, "counters")), 1); // the others are not the card's
    fake.info = &software;
    asks("show crypto engine accelerator statistic", 2);
    says("There is no hardware accelerator");
    assert_int_equal(json_array_size(json_object_get(data, "counters")), 3);
}

static void test_no_answer(void **state)
{
    (void)state;
    fake.info = NULL;
    asks("show crypto engine", 1);
    assert_string_equal(failed, "the datapath does not answer");
    fails("show crypto engine forb", "word 4 \"forb\": expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"software alone does it all", test_software, setup, teardown, NULL},
        {"a card has its tables, and software beside it its own", test_card, setup, teardown, NULL},
        {"the accelerator's counters are the card's", test_statistic, setup, teardown, NULL},
        {"a datapath that is gone is told", test_no_answer, setup, teardown, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
