// SPDX-License-Identifier: BSD-2-Clause
// show, clear and debug as commands: what they collect and what they print, over a configuration and over sessions of
// two IKE engines in one process.
#include "hostd/main/debug.h"
#include "tests/unit/hostd/exec_rig.h"
#include "tests/unit/ike/lab.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lab *lab;

static void set_up(const char *conf)
{
    configure(conf);
    profiles_reset(&d->profiles, d->conf);
}

static uint64_t lab_now(void *arg)
{
    return ((struct lab *)arg)->now;
}

static int setup(void **state)
{
    (void)state;
    exec_rig_open();
    uv_timer_init(&d->loop, &d->ike_timer);
    d->ike_timer.data = d;
    set_up("");
    lab = lab_new();
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    d->ike = lab->node[0].e;
    d->clock = (struct clock){lab_now, lab};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    uv_close((uv_handle_t *)&d->ike_timer, NULL);
    tunnels_free(&d->tunnels);
    profiles_free(&d->profiles);
    exec_rig_close();
    lab_end(lab);
    return 0;
}

// ------------------------------------------------------------------------------------------------ configured

static const char *word(const char *list, const char *key, size_t i)
{
    const json_t *first = json_array_get(json_object_get(data, list), 0);
    const char *w = json_string_value(json_array_get(json_object_get(first, key), i));
    return w == NULL ? "" : w;
}

static void test_defaults(void **state)
{
    (void)state;
    run("show crypto ikev2 proposal default");
    says("IKEv2 proposal: default");
    assert_string_equal(word("proposals", "encryption", 0), "aes-gcm-256");
    assert_string_equal(word("proposals", "group", 0), "31");
    run("show crypto ikev2 policy default");
    says("Match fvrf : any");
    assert_string_equal(word("policies", "proposals", 0), "default");
    run("show crypto ipsec transform-set default");
    says("Transform set default: { esp-gcm 256");
    run("show crypto ipsec profile default");
    says("IPSEC profile: default\n set transform-set default\n");
    run("show crypto ikev2 authorization policy default");
    says("IKEv2 authorization policy: default\n");
    run("show crypto ikev2 profile default");
    says("IKEv2 profile: default\n");
    says(" authentication remote pre-share\n");
    says("serves the destinations of its tunnels: there is none\n");
    says("keys of any keyring\n");
    run("show running-config all");
    says("crypto ikev2 profile default\n");
    says("crypto ikev2 proposal default\n");
    says("crypto ikev2 policy default\n");
    says("crypto ipsec profile default\n");
    says("crypto ikev2 authorization policy default\n");
    says("crypto ipsec transform-set default ");
    run("show running-config");
    assert_null(strstr(text, "default"));
}

static void test_defaults_change(void **state)
{
    (void)state;
    static const struct {
        const char *change, *show, *says;
    } rows[] = {
        {"crypto ikev2 proposal default\n group 14\n", "show crypto ikev2 proposal default", "DH Group   : 14\n"},
        {"crypto ikev2 policy default\n match address local 2001:db8::1\n", "show crypto ikev2 policy default",
         "2001:db8::1"},
        {"crypto ipsec transform-set default esp-gcm 128\n", "show crypto ipsec transform-set default", "esp-gcm 128"},
        {"crypto ipsec profile default\n set pfs group20\n", "show crypto ipsec profile default", "set pfs group20"},
        {"crypto ikev2 profile default\n lifetime 7200\n", "show crypto ikev2 profile default", "lifetime 7200"},
        {"ip local pool p 10.0.0.1\ncrypto ikev2 authorization policy default\n pool p\n",
         "show crypto ikev2 authorization policy default", "pool p"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char more[512], object[128];
        set_up(rows[i].change);
        run(rows[i].show);
        says(rows[i].says);
        // The line that names the object, without what a transform set has behind it.
        const char *line = strstr(rows[i].change, "crypto");
        snprintf(object, sizeof(object), "%.*s default", (int)(strstr(line, " default") - line), line);
        snprintf(more, sizeof(more), "%s\ndefault %s\n", rows[i].change, object);
        set_up(more);
        run(rows[i].show);
        assert_null(strstr(text, rows[i].says));
        snprintf(more, sizeof(more), "%s\nno %s\n", rows[i].change, object);
        set_up(more);
        fails(rows[i].show, "it is switched off");
        run("show running-config");
        snprintf(more, sizeof(more), "no %s\n", object);
        says(more);
    }
    fails("show crypto ikev2 proposal nowhere", "there is no crypto ikev2 proposal \"nowhere\"");
    fails("show crypto ikev2 profile nowhere", "there is no crypto ikev2 profile \"nowhere\"");
}

static void test_default_profile(void **state)
{
    (void)state;
    set_up("crypto ikev2 keyring k\n peer p\n  address 192.0.2.2\n  pre-shared-key x\n"
           "interface Tunnel0\n tunnel destination 192.0.2.2\n tunnel protection ipsec profile default\n"
           "interface Tunnel1\n tunnel destination hub.example.com\n tunnel protection ipsec profile default\n"
           "interface Tunnel2\n tunnel destination 192.0.2.3\n");
    run("show crypto ikev2 profile");
    says("serves the destinations of its tunnels:\n  192.0.2.2 of Tunnel0\n  hub.example.com of Tunnel1\n");
    assert_null(strstr(text, "Tunnel2")); // is not protected with it
    says("identity local address\n");
    const json_t *by = json_object_get(json_array_get(json_object_get(data, "profiles"), 0), "by_default");
    assert_int_equal(json_array_size(json_object_get(by, "tunnels")), 2);
    assert_string_equal(show_text(by, "keyring"), "any");
    set_up("crypto ikev2 keyring k\n peer p\n  address 192.0.2.2\n  pre-shared-key x\n"
           "crypto ikev2 profile default\n match identity remote any\n keyring local k\n identity local fqdn a.org\n");
    run("show crypto ikev2 profile default");
    assert_null(strstr(text, "(default)"));
}

static void test_profile_hides_keys(void **state)
{
    (void)state;
    set_up("crypto ikev2 profile p\n match identity remote any\n authentication local pre-share key s3cret\n"
           " authentication remote pre-share key s3cret\n");
    run("show crypto ikev2 profile p");
    says(" authentication local pre-share key <hidden>\n");
    assert_null(strstr(text, "s3cret"));
    char *dump = json_dumps(data, 0);
    assert_null(strstr(dump, "s3cret"));
    free(dump);
}

// ------------------------------------------------------------------------------------------------ sessions

static void test_sa(void **state)
{
    (void)state;
    char local[64], remote[64], line[128];
    ike_addr_format(&lab->node[0].addr, local, sizeof(local));
    ike_addr_format(&lab->node[1].addr, remote, sizeof(remote));
    run("show crypto ikev2 sa");
    says("READY");
    says("Auth sign: PSK, Auth verify: PSK");
    assert_null(strstr(text, "Local spi"));
    run("show crypto ikev2 sa detailed");
    says("Local spi");
    says("Initiator of SA : Yes");
    assert_int_equal(json_array_size(json_object_get(data, "sas")), 1);
    const json_t *sa = json_array_get(json_object_get(data, "sas"), 0);
    assert_string_equal(show_text(sa, "auth_local"), "PSK");
    assert_true(json_is_string(json_object_get(sa, "eap_id")) && json_is_string(json_object_get(sa, "certificate")));
    static const struct {
        const char *side;
        bool of_remote;
        unsigned found;
    } rows[] = {{"remote", true, 1}, {"local", false, 1}, {"remote", false, 0}, {"local", true, 0}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(line, sizeof(line), "show crypto ikev2 sa %s %s", rows[i].side, rows[i].of_remote ? remote : local);
        run(line);
        assert_int_equal(json_array_size(json_object_get(data, "sas")), rows[i].found);
        strcat(line, " detailed");
        run(line);
        assert_int_equal(json_array_size(json_object_get(data, "sas")), rows[i].found);
    }
    run("show crypto ikev2 sa remote 2001:db8::77");
    says("There are no SAs");
    fails("show crypto ikev2 sa remote x", "word 6 \"x\": expected A.B.C.D | X:X::X");
}

static void test_session(void **state)
{
    (void)state;
    run("show crypto ikev2 session");
    says("Status:UP-ACTIVE, IKE count:1, CHILD count:1");
    says("Child sa: local selector");
    assert_null(strstr(text, "replay window"));
    run("show crypto ikev2 session detailed");
    says("replay window");
    const json_t *s = json_array_get(json_object_get(data, "sessions"), 0);
    const json_t *c = json_array_get(json_object_get(s, "child_sas"), 0);
    char spi[32];
    snprintf(spi, sizeof(spi), "0x%08X", lab_first(&lab->node[0])->spi_in);
    assert_string_equal(show_text(c, "spi_in"), spi);
    snprintf(spi, sizeof(spi), "0x%08X", lab_first(&lab->node[0])->spi_out);
    assert_string_equal(show_text(c, "spi_out"), spi);
}

static void test_stats(void **state)
{
    (void)state;
    run("show crypto ikev2 stats");
    assert_int_equal(show_number(data, "sas_up"), 1);
    assert_int_equal(show_number(data, "sas"), 1);
    run("clear crypto ikev2 stats");
    run("show crypto ikev2 stats");
    assert_int_equal(show_number(data, "sas_up"), 0);
    assert_int_equal(show_number(data, "messages_in"), 0);
    assert_int_equal(show_number(data, "sas"), 1); // what is there now is no count of what has happened
    lab_run(lab, LAB_SECOND);
    assert_int_equal(ike_rekey_ike(d->ike, lab->node[0].session, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    run("show crypto ikev2 stats");
    assert_int_equal(show_number(data, "ike_rekeys"), 1);
}

static void test_exchanges(void **state)
{
    (void)state;
    uint8_t msg[28] = {[18] = IKE_X_AUTH, [27] = 28};
    exchanges_count(&d->exchanges, true, msg, sizeof(msg));
    exchanges_count(&d->exchanges, true, msg, sizeof(msg));
    msg[19] = IKE_F_RESPONSE;
    exchanges_count(&d->exchanges, false, msg, sizeof(msg));
    msg[18] = IKE_X_INFORMATIONAL;
    exchanges_count(&d->exchanges, true, msg, sizeof(msg));
    msg[18] = 33;
    exchanges_count(&d->exchanges, false, msg, sizeof(msg));
    exchanges_count(&d->exchanges, false, msg, 27);
    run("show crypto ikev2 stats exchange");
    says("IKE_AUTH                      2          0          0          1\n");
    says("INFORMATIONAL                 0          1          0          0\n");
    assert_int_equal(show_number(data, "other_in"), 2);
    run("clear crypto ikev2 stats");
    run("show crypto ikev2 stats exchange");
    says("IKE_AUTH                      0          0          0          0\n");
}

static void test_clear(void **state)
{
    (void)state;
    char line[128], remote[64];
    ike_addr_format(&lab->node[1].addr, remote, sizeof(remote));
    run("clear crypto session remote 203.0.113.99");
    says("0 done");
    run("clear crypto ikev2 sa local 203.0.113.99");
    says("0 done");
    snprintf(line, sizeof(line), "clear crypto ikev2 sa remote %s", remote);
    run(line);
    says("1 done");
    uv_timer_stop(&d->ike_timer);
    lab_run(lab, LAB_SECOND);
    run("show crypto ikev2 sa");
    says("There are no SAs");
}

static void test_clear_fast(void **state)
{
    (void)state;
    uint32_t sas, half, children;
    run("clear crypto ikev2 sa remote 203.0.113.99 fast");
    says("0 done");
    run("clear crypto ikev2 sa fast");
    says("1 done");
    ike_counts(d->ike, &sas, &half, &children);
    assert_int_equal(sas + children, 0); // nothing was waited for
    uv_timer_stop(&d->ike_timer);
}

// ------------------------------------------------------------------------------------------------ clients of a hub

static uint32_t started; // session that a tunnel's start gives

static uint32_t on_start(void *arg, const struct conf_if *f, const struct ip_addr *to)
{
    (void)arg, (void)f, (void)to;
    return started;
}

static bool on_ends(void *arg, const struct conf_if *f, const struct ip_addr *to)
{
    (void)arg, (void)f, (void)to;
    return true;
}

static bool on_lookup(void *arg, struct ifid id, const char *name, uint8_t family)
{
    (void)arg, (void)id, (void)name, (void)family;
    return true;
}

static const char *state_of(size_t i)
{
    return show_text(json_array_get(json_object_get(data, "clients"), i), "state");
}

static void test_client(void **state)
{
    (void)state;
    run("show crypto ikev2 client flexvpn");
    says("There is no protected static tunnel\n");
    set_up("crypto ikev2 profile p\n match identity remote any\n authentication local pre-share key k\n"
           " authentication remote pre-share key k\ncrypto ipsec profile s\n set ikev2-profile p\n"
           "interface Tunnel0\n tunnel destination 192.0.2.2\n tunnel protection ipsec profile s\n"
           "interface Tunnel1\n tunnel destination hub.example.com\n tunnel protection ipsec profile s\n"
           "interface Tunnel2\n tunnel destination dynamic\n tunnel protection ipsec profile s\n"
           "interface Tunnel3\n tunnel destination 192.0.2.9\n");
    d->tunnels.start = on_start;
    d->tunnels.lookup = on_lookup;
    d->tunnels.ends = on_ends;
    tunnels_apply(&d->tunnels, d->conf, lab->now);
    tunnels_run(&d->tunnels, lab->now); // it does not start
    run("show crypto ikev2 client flexvpn");
    assert_int_equal(json_array_size(json_object_get(data, "clients")), 3); // the last one is not protected
    assert_string_equal(state_of(0), "WAITING");
    assert_string_equal(state_of(1), "LOOKUP");
    assert_string_equal(state_of(2), "PASSIVE");
    says("Profile : p\n  Current state: WAITING\n  Failed calls: 1, the next in ");
    says("  Peer's name: hub.example.com\n");
    started = lab->node[0].session;
    lab_run(lab, 60 * (uint64_t)LAB_SECOND);
    tunnels_run(&d->tunnels, lab->now);
    run("show crypto ikev2 client flexvpn interface Tunnel0");
    assert_int_equal(json_array_size(json_object_get(data, "clients")), 1);
    assert_string_equal(state_of(0), "NEGOTIATING");
    tunnels_up(&d->tunnels, (struct ifid){IF_TUNNEL, 0}, started);
    run("show crypto ikev2 client flexvpn interface Tunnel0");
    says("  Current state: ACTIVE\n");
    says("  Source: 192.0.2.1\n");
    says(", called by us\n");
    assert_null(strstr(text, "Failed calls"));
    assert_true(json_is_object(json_object_get(json_array_get(json_object_get(data, "clients"), 0), "taken")));
}

// ------------------------------------------------------------------------------------------------ debug

static char logged[4096];

static void on_log(void *arg, enum log_level level, const char *part, const char *line)
{
    (void)arg, (void)level;
    size_t len = strlen(logged);
    snprintf(logged + len, sizeof(logged) - len, "%s: %s\n", part, line);
}

static void test_debug(void **state)
{
    (void)state;
    run("show debugging");
    says("All possible debugging has been turned off");
    assert_false(log_wanted(&d->log, LOG_DEBUG, "ikev2"));
    run("debug crypto ikev2 packet");
    run("debug crypto ipsec");
    run("show debugging");
    says("crypto ikev2 packet debugging is on");
    says("crypto ipsec debugging is on");
    assert_null(strstr(text, "crypto ikev2 debugging is on"));
    assert_true(log_wanted(&d->log, LOG_DEBUG, "packet"));
    assert_false(log_wanted(&d->log, LOG_DEBUG, "ikev2"));
    run("no debug crypto ikev2 packet");
    assert_false(log_wanted(&d->log, LOG_DEBUG, "packet"));
    assert_true(log_wanted(&d->log, LOG_DEBUG, "ipsec"));
    run("debug crypto ikev2");
    run("undebug all");
    says("All possible debugging has been turned off");
    fails("debug crypto forb", "word 3 \"forb\": expected");
}

// Which lines of the IKE machine are written, and as what: by the log's level, and by topic.
static void test_debug_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *topic; // NULL: none
        enum log_level level;
        const char *seen; // of ERROR, WARN, INFO, DEBUG, STATE, FAULT, DROP
    } rows[] = {
        {NULL, LOG_NOTE, "yyy---y"},
        {NULL, LOG_ERR, "y------"},
        {"ikev2", LOG_NOTE, "yyyyyyy"},
        {"ikev2 error", LOG_NOTE, "yyy--yy"},
        {"ikev2 error", LOG_ERR, "yy---yy"},
        {"ikev2 internal", LOG_NOTE, "yyy-y-y"},
        {"ikev2 internal", LOG_ERR, "y---y--"},
    };
    char line[64];
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        d->log.level = rows[i].level;
        snprintf(line, sizeof(line), "debug crypto %s", rows[i].topic == NULL ? "" : rows[i].topic);
        run(rows[i].topic == NULL ? "undebug all" : line);
        for (unsigned kind = IKE_LOG_ERROR; kind <= IKE_LOG_DROP; kind++) {
            struct debug_line l = debug_ike(&d->log, kind);
            assert_int_equal(log_wanted(&d->log, l.level, l.part), rows[i].seen[kind] == 'y');
        }
        run("undebug all");
    }
    // A line has one part: that of all of IKEv2 where it is written anyway.
    d->log.level = LOG_NOTE;
    run("debug crypto ikev2 error");
    assert_string_equal(debug_ike(&d->log, IKE_LOG_FAULT).part, "ikev2-error");
    assert_string_equal(debug_ike(&d->log, IKE_LOG_WARN).part, "ikev2");
    run("debug crypto ikev2");
    assert_string_equal(debug_ike(&d->log, IKE_LOG_FAULT).part, "ikev2");
    run("show debugging");
    says("crypto ikev2 error debugging is on: IKEv2: failures");
    run("undebug all");
}

static void test_debug_lines(void **state)
{
    (void)state;
    struct ike_path path = lab_path(lab, 0);
    uint8_t msg[28] = {1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 33, 0x20, 34, 8, 0, 0, 0, 7, 0, 0, 0, 28};
    d->log.sink = on_log;
    logged[0] = '\0';
    debug_packet(&d->log, true, &path, msg, sizeof(msg));
    assert_string_equal(logged, ""); // off
    log_debug(&d->log, "packet", true);
    debug_packet(&d->log, true, &path, msg, sizeof(msg));
    assert_non_null(strstr(logged, "IKE_SA_INIT request, message 7, SPIs 0102030405060708 0000000000000000, 28 bytes"));
    for (size_t len = 0; len < sizeof(msg); len++) {
        debug_packet(&d->log, false, &path, msg, len);
    }
    assert_non_null(strstr(logged, ": 27 bytes, no IKE header"));
    log_debug(&d->log, "ipsec", true);
    struct ike_child_sa sa = {.id = 5, .session = 3, .spi_in = 0x1234, .path = path};
    debug_child(&d->log, "installs", &sa);
    assert_non_null(strstr(logged, "ipsec: session 3, child 5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"smart defaults are shown, and only with `all` in the running configuration", test_defaults, setup, teardown,
         NULL},
        {"defaults are changed by configuring, restored by default, switched off by no", test_defaults_change, setup,
         teardown, NULL},
        {"what the default profile has without a line for it is shown", test_default_profile, setup, teardown, NULL},
        {"keys are hidden in text and data", test_profile_hides_keys, setup, teardown, NULL},
        {"show crypto ikev2 sa, whole and by address", test_sa, setup, teardown, NULL},
        {"show crypto ikev2 session has the children", test_session, setup, teardown, NULL},
        {"counters start again after clear; what is there does not vanish", test_stats, setup, teardown, NULL},
        {"messages are counted by exchange, direction and kind", test_exchanges, setup, teardown, NULL},
        {"clear picks by address", test_clear, setup, teardown, NULL},
        {"clear fast waits for nobody", test_clear_fast, setup, teardown, NULL},
        {"a client shows how far it is", test_client, setup, teardown, NULL},
        {"each kind of line of IKEv2 has its level and topic", test_debug_kinds, setup, teardown, NULL},
        {"debug topics go on and off one by one", test_debug, setup, teardown, NULL},
        {"debug lines say what there was, whatever bytes came", test_debug_lines, setup, teardown, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
