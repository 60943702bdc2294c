// SPDX-License-Identifier: BSD-2-Clause
// Conversations with backends that answer late, never, twice, and with garbage; and jobs and secrets that come when the
// conversation is over. The supplicant is our own, over its own hub.
#include "certs.h"
#include "hostd/eap/eap_guard.h"
#include "hostd/eap/eap_hub.h"
#include "hostd/eap/eap_local.h"
#include "hostd/eap/eap_tls.h"
#include "lab.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

// ------------------------------------------------------------------------------------------------ what carries packets

struct got {
    unsigned n; // answers
    uint64_t token;
    enum eap_verdict verdict;
    uint8_t packet[EAP_MAX_PACKET];
    size_t len, msk_len;
    char identity[64];
};
static struct got got;
static char logged[1024];
static struct eap_hub *hub;
static struct eap_conv *ends; // ended from within the answer

static void on_answer(void *ctx, uint64_t token, const struct eap_answer *a)
{
    (void)ctx;
    got.n++;
    got.token = token;
    got.verdict = a->verdict;
    got.len = a->len;
    got.msk_len = a->msk_len;
    if (a->len > 0)
        memcpy(got.packet, a->packet, a->len < sizeof(got.packet) ? a->len : sizeof(got.packet));
    memset(got.identity, 0, sizeof(got.identity));
    if (a->identity != NULL)
        memcpy(got.identity, a->identity, a->identity_len < 63 ? a->identity_len : 63);
    if (ends != NULL && a->verdict != EAP_V_CONTINUE) {
        struct eap_conv *c = ends;
        ends = NULL;
        eap_hub_end(c);
    }
}

static void on_log(void *ctx, bool warning, const char *text)
{
    (void)ctx, (void)warning;
    strncpy(logged, text, sizeof(logged) - 1);
}

// ------------------------------------------------------------------------------------------------ the test backend

struct test_conv {
    bool live;
    uint64_t token;
    unsigned inputs;
};
static struct test_conv convs[4];
static unsigned n_conv;
static uint8_t script[8][EAP_MAX_PACKET + 8]; // what it answers to the n-th input
static struct eap_answer answers[8];
static unsigned n_answer;
static bool at_once;

static void *test_begin(void *ctx, const struct eap_begin *b)
{
    (void)ctx, (void)b;
    struct test_conv *c = &convs[n_conv++];
    *c = (struct test_conv){.live = true};
    return c;
}

static void test_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len)
{
    struct test_conv *c = conversation;
    (void)ctx, (void)packet, (void)len;
    c->token = token;
    unsigned n = c->inputs++;
    if (at_once && n < n_answer)
        eap_hub_answer(hub, token, &answers[n]);
}

static void test_end(void *ctx, void *conversation)
{
    (void)ctx;
    ((struct test_conv *)conversation)->live = false;
}

static const struct eap_backend backend = {.name = "test", .begin = test_begin, .input = test_input, .end = test_end};

static struct eap_settings settings;
static uint64_t now;

static void says(enum eap_verdict v, const void *packet, size_t len)
{
    memcpy(script[n_answer], packet, len);
    answers[n_answer] = (struct eap_answer){.verdict = v, .packet = script[n_answer], .len = len};
    n_answer++;
}

static struct eap_conv *conv(const struct eap_backend *b, unsigned timeout)
{
    const struct eap_begin begin = {.identity = (const uint8_t *)"spoke.lab", .identity_len = 9, .settings = &settings};
    struct eap_conv *c = eap_hub_begin(hub, b, &begin, timeout);
    assert_non_null(c);
    return c;
}

static int begin(void **state)
{
    (void)state;
    const struct eap_hub_ops ops = {.answer = on_answer, .log = on_log};
    memset(&got, 0, sizeof(got));
    memset(convs, 0, sizeof(convs));
    memset(logged, 0, sizeof(logged));
    n_conv = n_answer = 0;
    at_once = true;
    ends = NULL;
    now = 1000 * (uint64_t)SECOND;
    settings = (struct eap_settings){.authenticator = true, .name = "hub", .user = "", .password = ""};
    hub = eap_hub_new(&ops, NULL);
    return hub == NULL;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(eap_hub_next_timer(hub), UINT64_MAX); // nothing waits, nothing leaks
    for (unsigned i = 0; i < n_conv; i++)
        assert_false(convs[i].live);
    eap_hub_free(hub);
    return 0;
}

// A good start: a GTC request with identifier 5, and the peer's response to it.
static const uint8_t request[] = {EAP_REQUEST, 5, 0, 7, EAP_T_GTC, '?', ':'};
static const uint8_t response[] = {EAP_RESPONSE, 5, 0, 7, EAP_T_GTC, 'p', 'w'};

static struct eap_conv *started(void)
{
    struct eap_conv *c = conv(&backend, 0);
    eap_hub_input(c, 1, NULL, 0, now);
    assert_int_equal(got.verdict, EAP_V_CONTINUE);
    assert_memory_equal(got.packet, request, sizeof(request));
    return c;
}

static void test_success_with_a_key(void **state)
{
    (void)state;
    static const uint8_t key[EAP_MSK] = {1};
    says(EAP_V_CONTINUE, request, sizeof(request));
    says(EAP_V_SUCCESS, "\3\5\0\4", 4);
    answers[1].msk = key;
    answers[1].msk_len = sizeof(key);
    answers[1].identity = (const uint8_t *)"alice";
    answers[1].identity_len = 5;
    struct eap_conv *c = started();
    eap_hub_input(c, 2, response, sizeof(response), now);
    assert_int_equal(got.verdict, EAP_V_SUCCESS);
    assert_int_equal(got.token, 2);
    assert_int_equal(got.msk_len, EAP_MSK);
    assert_string_equal(got.identity, "alice");
    assert_memory_equal(got.packet, "\3\5\0\4", 4);
    assert_int_equal(eap_hub_stats(hub)->succeeded, 1);
    assert_string_equal(logged, "EAP of alice by GTC succeeds");
    eap_hub_end(c);
}

static void test_late_answer(void **state)
{
    (void)state;
    at_once = false;
    struct eap_conv *c = conv(&backend, 5);
    eap_hub_input(c, 1, NULL, 0, now);
    assert_int_equal(got.n, 0);
    assert_int_equal(eap_hub_next_timer(hub), now + 5 * SECOND);
    now += 4 * SECOND;
    eap_hub_run_timers(hub, now);
    says(EAP_V_CONTINUE, request, sizeof(request));
    eap_hub_answer(hub, convs[0].token, &answers[0]); // late, but in time
    assert_int_equal(got.n, 1);
    assert_int_equal(got.verdict, EAP_V_CONTINUE);
    eap_hub_answer(hub, convs[0].token, &answers[0]); // twice: nothing happens
    assert_int_equal(got.n, 1);
    assert_int_equal(eap_hub_stats(hub)->late, 1);
    eap_hub_end(c);
    eap_hub_answer(hub, convs[0].token, &answers[0]); // after the end
    assert_int_equal(eap_hub_stats(hub)->late, 2);
    assert_int_equal(got.n, 1);
}

static void test_no_answer_and_others_go_on(void **state)
{
    (void)state;
    at_once = false;
    struct eap_conv *slow = conv(&backend, 20), *dead = conv(&backend, 3), *good = conv(&backend, 20);
    eap_hub_input(slow, 1, NULL, 0, now);
    eap_hub_input(dead, 2, NULL, 0, now);
    eap_hub_input(good, 3, NULL, 0, now);
    assert_int_equal(eap_hub_next_timer(hub), now + 3 * SECOND);
    says(EAP_V_CONTINUE, request, sizeof(request));
    eap_hub_answer(hub, convs[2].token, &answers[0]);
    assert_int_equal(got.token, 3);
    eap_hub_run_timers(hub, now + 3 * SECOND - 1);
    assert_int_equal(got.n, 1);
    eap_hub_run_timers(hub, now + 3 * SECOND);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.token, 2);
    assert_int_equal(got.verdict, EAP_V_FAILURE);
    assert_int_equal(got.packet[0], EAP_FAILURE);
    assert_int_equal(got.len, 4);
    assert_non_null(strstr(logged, "no answer from backend \"test\" in time"));
    assert_false(convs[1].live); // it was told
    assert_int_equal(eap_hub_stats(hub)->timeouts, 1);
    eap_hub_answer(hub, convs[1].token, &answers[0]); // and what still comes is ignored
    assert_int_equal(got.n, 2);
    eap_hub_answer(hub, convs[0].token, &answers[0]); // another conversation is as it was
    assert_int_equal(got.token, 1);
    assert_int_equal(got.verdict, EAP_V_CONTINUE);
    eap_hub_end(slow);
    eap_hub_end(dead);
    eap_hub_end(good);
}

static void test_end_from_within_the_answer(void **state)
{
    (void)state;
    at_once = false;
    ends = conv(&backend, 1);
    eap_hub_input(ends, 1, NULL, 0, now);
    eap_hub_run_timers(hub, now + 2 * SECOND); // the timeout's answer ends it
    assert_null(ends);
    assert_int_equal(got.verdict, EAP_V_FAILURE);
}

static void test_garbage(void **state)
{
    (void)state;
    static const uint8_t big[EAP_MAX_PACKET + 1] = {EAP_REQUEST, 6, (EAP_MAX_PACKET + 1) >> 8,
                                                    (EAP_MAX_PACKET + 1) & 255, EAP_T_GTC};
    static const struct {
        enum eap_verdict verdict;
        const void *packet;
        size_t len, msk_len;
        const char *why;
    } rows[] = {
        {EAP_V_CONTINUE, request, sizeof(request), 0, "identifier is that of the request before"},
        {EAP_V_CONTINUE, "\1\6\0\7\4\1x", 7, 0, "changes the method"},
        {EAP_V_CONTINUE, "\1\6\0\5\1", 5, 0, "changes the method"}, // Identity in the middle
        {EAP_V_CONTINUE, "\1\6\0\5\3", 5, 0, "type Nak"},
        {EAP_V_CONTINUE, "\1\6\0\x9\6pw", 7, 0, "length field lies"},
        {EAP_V_CONTINUE, "\1\6\0\6\6pw", 7, 0, "length field lies"},
        {EAP_V_CONTINUE, "\1\6", 2, 0, "shorter than a header"},
        {EAP_V_CONTINUE, "\2\6\0\7\6pw", 7, 0, "not a Request"},
        {EAP_V_CONTINUE, "\3\5\0\4", 4, 0, "not a Request"}, // a Success, but it goes on
        {EAP_V_CONTINUE, big, sizeof(big), 0, "longer than a packet may be"},
        {EAP_V_CONTINUE, NULL, 0, 0, "missing"},
        {EAP_V_SUCCESS, "\3\6\0\4", 4, 0, "no Success to the last response"},
        {EAP_V_SUCCESS, "\4\5\0\4", 4, 0, "no Success to the last response"},
        {EAP_V_SUCCESS, "\1\5\0\5\6", 5, 0, "no Success to the last response"},
        {EAP_V_SUCCESS, "\3\5\0\4", 4, 16, "key of the wrong size"},
        {(enum eap_verdict)9, "\3\5\0\4", 4, 0, "without a verdict"},
    };
    static const uint8_t key[EAP_MSK];
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n_answer = n_conv = 0;
        says(EAP_V_CONTINUE, request, sizeof(request));
        answers[1] = (struct eap_answer){.verdict = rows[i].verdict, .packet = rows[i].packet, .len = rows[i].len};
        answers[1].msk = key;
        answers[1].msk_len = rows[i].msk_len;
        n_answer = 2;
        struct eap_conv *c = started();
        eap_hub_input(c, 2, response, sizeof(response), now);
        assert_int_equal(got.verdict, EAP_V_FAILURE);
        assert_memory_equal(got.packet, "\4\5\0\4", 4);
        assert_int_equal(got.len, 4);
        assert_int_equal(got.msk_len, 0);
        if (strstr(logged, rows[i].why) == NULL)
            fail_msg("row %u: \"%s\", not \"%s\"", i, logged, rows[i].why);
        assert_int_equal(eap_hub_stats(hub)->bad_backend, i + 1);
        eap_hub_end(c);
    }
}

static void test_success_without_a_method(void **state)
{
    (void)state;
    says(EAP_V_CONTINUE, "\1\5\0\5\1", 5);
    says(EAP_V_SUCCESS, "\3\5\0\4", 4);
    struct eap_conv *c = conv(&backend, 0);
    eap_hub_input(c, 1, NULL, 0, now);
    eap_hub_input(c, 2, (const uint8_t *)"\2\5\0\6\1a", 6, now); // an identity proves nothing
    assert_int_equal(got.verdict, EAP_V_FAILURE);
    assert_non_null(strstr(logged, "success without a method"));
    eap_hub_end(c);
}

static void test_peers_that_break_the_rules(void **state)
{
    (void)state;
    static const struct {
        const char *packet;
        size_t len;
        const char *why;
    } rows[] = {
        {"\2\6\0\7\6pw", 7, "identifier is not that"},
        {"\1\5\0\7\6pw", 7, "not a Response"},
        {"\3\5\0\4", 4, "not a Response"},
        {"\2\5\0\7\4\1x", 7, "another type"},
        {"\2\5\0\5\1", 5, "another type"},
        {"\2\5\0\x8\6pw", 7, "length field lies"},
        {"\2\5", 2, "shorter than a header"},
        {"", 0, "shorter than a header"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n_answer = n_conv = 0;
        says(EAP_V_CONTINUE, request, sizeof(request));
        struct eap_conv *c = started();
        eap_hub_input(c, 2, (const uint8_t *)rows[i].packet, rows[i].len, now);
        assert_int_equal(got.verdict, EAP_V_FAILURE);
        if (strstr(logged, rows[i].why) == NULL)
            fail_msg("row %u: \"%s\", not \"%s\"", i, logged, rows[i].why);
        assert_int_equal(convs[0].inputs, 1); // the backend has not seen it
        eap_hub_input(c, 3, response, sizeof(response), now);
        assert_int_equal(got.verdict, EAP_V_FAILURE); // it stays over
        assert_int_equal(convs[0].inputs, 1);
        eap_hub_end(c);
    }
    assert_int_equal(eap_hub_stats(hub)->bad_peer, 2 * sizeof(rows) / sizeof(rows[0]));
}

static void test_nak_only_before_the_method(void **state)
{
    (void)state;
    struct eap_guard g = {0};
    assert_null(eap_guard_answer(&g, &(struct eap_answer){.packet = request, .len = sizeof(request)}));
    assert_null(eap_guard_response(&g, "\2\5\0\6\3\4", 6));
    assert_null(eap_guard_answer(&g, &(struct eap_answer){.packet = (const uint8_t *)"\1\6\0\7\4\1x", .len = 7}));
    assert_null(eap_guard_response(&g, "\2\6\0\7\4\1x", 7));
    assert_null(eap_guard_answer(&g, &(struct eap_answer){.packet = (const uint8_t *)"\1\7\0\7\4\1x", .len = 7}));
    assert_non_null(eap_guard_response(&g, "\2\7\0\6\3\6", 6));
    assert_null(eap_guard_response(&g, "\2\7\0\7\4\1x", 7));
    assert_string_equal(eap_guard_response(&g, "\2\7\0\7\4\1x", 7), "that nobody asked for"); // once more
}

static void test_endless_backend(void **state)
{
    (void)state;
    struct eap_guard g = {0};
    uint8_t ask[] = {EAP_REQUEST, 0, 0, 6, EAP_T_GTC, '?'}, say[] = {EAP_RESPONSE, 0, 0, 6, EAP_T_GTC, 'p'};
    unsigned n = 0;
    for (; n < 200; n++) {
        ask[1] = say[1] = (uint8_t)n;
        if (eap_guard_answer(&g, &(struct eap_answer){.packet = ask, .len = sizeof(ask)}) != NULL ||
            eap_guard_response(&g, say, sizeof(say)) != NULL)
            break;
    }
    assert_int_equal(n, EAP_MAX_ROUNDS);
    static uint8_t big[EAP_MAX_PACKET] = {EAP_RESPONSE, 0, EAP_MAX_PACKET >> 8, 0, EAP_T_GTC};
    g = (struct eap_guard){0};
    for (n = 0; n < 200; n++) {
        ask[1] = big[1] = (uint8_t)n;
        if (eap_guard_answer(&g, &(struct eap_answer){.packet = ask, .len = sizeof(ask)}) != NULL ||
            eap_guard_response(&g, big, sizeof(big)) != NULL)
            break;
    }
    assert_int_equal(n, EAP_MAX_BYTES / EAP_MAX_PACKET);
}

// ------------------------------------------------------------------------------------------------ the local backend

static struct eap_local *local;
static uint64_t secret_token;
static eap_secret_answer *secret_answer;
static void *secret_arg;
static bool secrets_wait, jobs_wait;
static struct eap_job *jobs[4];
static unsigned n_job;

static void find(void *ctx, const uint8_t *name, size_t len, uint64_t token, eap_secret_answer *answer, void *arg)
{
    (void)ctx;
    secret_token = token;
    secret_answer = answer;
    secret_arg = arg;
    bool known = len == 5 && memcmp(name, "alice", 5) == 0;
    if (!secrets_wait)
        answer(arg, token, known ? (const uint8_t *)"wonderland" : NULL, 10);
}

static void submit(void *ctx, struct eap_job *job)
{
    (void)ctx;
    jobs[n_job++] = job;
    if (!jobs_wait) {
        eap_job_run(job);
        n_job--;
        eap_job_complete(job);
    }
}

static struct eap_legacy *legacy;

static int begin_local(void **state)
{
    if (begin(state) != 0)
        return -1;
    const struct eap_local_env env = {.hub = hub, .secrets = {.find = find}, .submit = submit};
    legacy = eap_legacy_new();
    local = eap_local_new(&env);
    settings.legacy = legacy;
    settings.query_identity = true;
    pair_methods(&settings, 1, EAP_T_MSCHAPV2);
    secrets_wait = jobs_wait = false;
    n_job = 0;
    return local == NULL;
}

static int end_local(void **state)
{
    eap_local_free(local);
    eap_legacy_free(legacy);
    return end(state);
}

// Drive a supplicant against the hub until a verdict, or nobody answers.
static struct eap_machine *supplicant;
static enum eap_step drive(struct eap_conv *c, const struct eap_settings *peer)
{
    supplicant = eap_machine_new(peer, "spoke.lab", 9);
    assert_non_null(supplicant);
    eap_hub_input(c, 1, NULL, 0, now);
    for (unsigned n = 1;; n++) {
        if (got.n != n)
            return EAP_STEP_JOB; // it waits
        enum eap_step step = eap_input(supplicant, got.packet, got.len);
        while (step == EAP_STEP_JOB) {
            eap_job(supplicant);
            step = eap_job_done(supplicant);
        }
        if (step != EAP_STEP_SEND)
            return step;
        eap_hub_input(c, n + 1, eap_core(supplicant)->packet, eap_core(supplicant)->len, now);
    }
}

static const struct eap_settings *peer_settings(void)
{
    static struct eap_settings peer;
    peer = (struct eap_settings){.name = "", .user = "alice", .password = "wonderland", .legacy = legacy};
    pair_methods(&peer, 1, EAP_T_MSCHAPV2);
    return &peer;
}

static void test_local_backend(void **state)
{
    (void)state;
    struct eap_conv *c = conv(eap_local_backend(local), 0);
    assert_int_equal(drive(c, peer_settings()), EAP_STEP_DONE);
    assert_int_equal(got.verdict, EAP_V_SUCCESS);
    assert_int_equal(got.msk_len, EAP_MSK);
    assert_string_equal(got.identity, "alice");
    eap_hub_end(c);
    eap_machine_free(supplicant);
}

static void test_secret_comes_later(void **state)
{
    (void)state;
    secrets_wait = true;
    struct eap_conv *c = conv(eap_local_backend(local), 0);
    assert_int_equal(drive(c, peer_settings()), EAP_STEP_JOB);
    unsigned before = got.n;
    secret_answer(secret_arg, secret_token, (const uint8_t *)"wonderland", 10);
    assert_int_equal(got.n, before + 1);
    assert_int_equal(got.verdict, EAP_V_CONTINUE);
    secret_answer(secret_arg, secret_token, (const uint8_t *)"wonderland", 10); // twice
    assert_int_equal(got.n, before + 1);
    eap_hub_end(c);
    eap_machine_free(supplicant);
}

static void test_secret_never_comes(void **state)
{
    (void)state;
    secrets_wait = true;
    struct eap_conv *c = conv(eap_local_backend(local), 7);
    assert_int_equal(drive(c, peer_settings()), EAP_STEP_JOB);
    eap_hub_run_timers(hub, now + 7 * SECOND);
    assert_int_equal(got.verdict, EAP_V_FAILURE);
    secret_answer(secret_arg, secret_token, (const uint8_t *)"wonderland", 10); // the conversation is no more
    eap_hub_end(c);
    eap_machine_free(supplicant);
}

static void test_refused_methods_make_no_conversation(void **state)
{
    (void)state;
    pair_methods(&settings, 1, EAP_T_TLS); // but there are no certificates
    const struct eap_begin b = {.identity = (const uint8_t *)"x", .identity_len = 1, .settings = &settings};
    assert_null(eap_hub_begin(hub, eap_local_backend(local), &b, 0));
}

// The conversation ends while its handshake is computed elsewhere, by the user or by the clock; then the job comes
// back.
static void test_end_while_a_job_runs(void **state)
{
    (void)state;
    struct cert ca = cert_make("lab CA", NULL, NULL, NULL, 0);
    struct cert hub_cert = cert_make("hub", &ca, "DNS:hub.lab", NULL, 0);
    struct cert spoke = cert_make("spoke", &ca, "DNS:spoke.lab", NULL, 0);
    X509_STORE *trust = cert_store(&ca);
    char err[200];
    const struct eap_der hub_chain = {hub_cert.der, (size_t)hub_cert.len}, spoke_chain = {spoke.der, (size_t)spoke.len};
    settings.tls = eap_tls_ctx(true, hub_cert.key, &hub_chain, 1, trust, err, sizeof(err));
    settings.query_identity = false;
    pair_methods(&settings, 1, EAP_T_TLS);
    struct eap_settings peer = *peer_settings();
    peer.user = "";
    peer.tls = eap_tls_ctx(false, spoke.key, &spoke_chain, 1, trust, err, sizeof(err));
    pair_methods(&peer, 1, EAP_T_TLS);

    struct eap_conv *c = conv(eap_local_backend(local), 0);
    assert_int_equal(drive(c, &peer), EAP_STEP_DONE); // once as it should be
    eap_hub_end(c);
    eap_machine_free(supplicant);

    for (unsigned by_clock = 0; by_clock < 2; by_clock++) {
        memset(&got, 0, sizeof(got));
        jobs_wait = true;
        c = conv(eap_local_backend(local), 3);
        assert_int_equal(drive(c, &peer), EAP_STEP_JOB);
        assert_int_equal(n_job, 1);
        unsigned before = got.n;
        if (by_clock) {
            eap_hub_run_timers(hub, now + 3 * SECOND);
            assert_int_equal(got.verdict, EAP_V_FAILURE);
            before++;
        }
        eap_hub_end(c);
        eap_job_run(jobs[0]);
        eap_job_complete(jobs[0]);
        n_job = 0;
        assert_int_equal(got.n, before);
        eap_machine_free(supplicant);
    }
    SSL_CTX_free(settings.tls);
    SSL_CTX_free(peer.tls);
    X509_STORE_free(trust);
    cert_free(&ca);
    cert_free(&hub_cert);
    cert_free(&spoke);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
#define L(f) cmocka_unit_test_setup_teardown(f, begin_local, end_local)
    const struct CMUnitTest tests[] = {
        T(test_success_with_a_key),
        T(test_late_answer),
        T(test_no_answer_and_others_go_on),
        T(test_end_from_within_the_answer),
        T(test_garbage),
        T(test_success_without_a_method),
        T(test_peers_that_break_the_rules),
        T(test_nak_only_before_the_method),
        T(test_endless_backend),
        L(test_local_backend),
        L(test_secret_comes_later),
        L(test_secret_never_comes),
        L(test_refused_methods_make_no_conversation),
        L(test_end_while_a_job_runs),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("EAP backends", tests, NULL, NULL);
}
