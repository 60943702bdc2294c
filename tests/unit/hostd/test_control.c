// SPDX-License-Identifier: BSD-2-Clause
// The control socket as a hostile or clumsy client sees it. The server runs on the loop here, with a configuration and
// nothing behind it; a child process is the client.
#include "hostd/cli/client.h"
#include "hostd/cli/control.h"
#include "hostd/main/daemon.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char path[108];
static struct culvertd *d;
static int status_of_child;

static void on_child(uv_signal_t *s, int number)
{
    (void)number;
    wait(&status_of_child);
    uv_stop(s->loop);
}

// Run `client` in a child while the server serves; its exit code is the number of the line where it failed, or 0.
static void with_client(int (*client)(void))
{
    uv_signal_t signal;
    uv_signal_init(&d->loop, &signal);
    uv_signal_start(&signal, on_child, SIGCHLD);
    pid_t pid = fork();
    if (pid == 0) {
        int line = client();
        if (line != 0) {
            fprintf(stderr, "# client failed at line %d\n", line);
        }
        _exit(line != 0);
    }
    uv_run(&d->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&signal, NULL);
    for (int i = 0; i < 5; i++) {
        uv_run(&d->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(status_of_child, 0);
}

#define CHECK(x)                                                                                                       \
    if (!(x)) {                                                                                                        \
        return __LINE__;                                                                                               \
    }

static int raw(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

// Send bytes, read what comes back (one read).
static int talk(const char *bytes, size_t len, char *answer, size_t cap)
{
    int fd = raw();
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
    n = n < 0 ? n : read(fd, answer, cap - 1);
    close(fd);
    answer[n > 0 ? n : 0] = '\0';
    return (int)n;
}

static int bad_input(void)
{
    static const char *const bad[] = {"hello\n",
                                      "{}\n",
                                      "[]\n",
                                      "{\"line\": 5}\n",
                                      "{\"line\"\n",
                                      "\n",
                                      "null\n",
                                      "{\"line\": \"a\", \"line\": \"b\"}\n",
                                      "\"line\"\n",
                                      "{\"help\": []}\n",
                                      "{\"line\": \"\\u0000\"}\n",
                                      "\xff\xfe\n"};
    char answer[4096];
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(talk(bad[i], strlen(bad[i]), answer, sizeof(answer)) > 0);
        CHECK(strstr(answer, "\"ok\":false") != NULL);
    }
    return 0;
}

static int too_long(void)
{
    static char big[70000], answer[4096];
    memset(big, 'x', sizeof(big));
    CHECK(talk(big, sizeof(big), answer, sizeof(answer)) > 0);
    CHECK(strstr(answer, "too long") != NULL);
    return 0;
}

static int half_and_gone(void)
{
    for (int i = 0; i < 200; i++) {
        int fd = raw();
        CHECK(fd >= 0);
        send(fd, "{\"line\": \"show ver", 18, MSG_NOSIGNAL); // refused where too many are open at once
        close(fd);
    }
    char answer[4096] = "";
    const char *request = "{\"line\": \"show running-config\"}\n";
    for (int i = 0; i < 500 && strstr(answer, "\"ok\":true") == NULL; i++) {
        talk(request, strlen(request), answer, sizeof(answer));
        usleep(10000);
    }
    CHECK(strstr(answer, "\"ok\":true") != NULL);
    return 0;
}

static int too_many(void)
{
    int fd[80], open = 0;
    for (int i = 0; i < 80; i++) {
        fd[i] = raw();
    }
    for (int i = 0; i < 80; i++) {
        char answer[4096];
        const char *ok = "{\"help\": \"\"}\n";
        bool sent = send(fd[i], ok, strlen(ok), MSG_NOSIGNAL) > 0;
        open += sent && read(fd[i], answer, sizeof(answer)) > 0;
        CHECK(i > 0 || open == 1);
    }
    for (int i = 0; i < 80; i++) {
        close(fd[i]);
    }
    CHECK(open == 64);
    return 0;
}

static int pipelined(void)
{
    char answer[65536];
    size_t got = 0;
    int fd = raw(), lines = 0;
    for (int i = 0; i < 500; i++) {
        const char *ok = "{\"help\": \"show \"}\n";
        CHECK(send(fd, ok, strlen(ok), MSG_NOSIGNAL) == (ssize_t)strlen(ok));
    }
    while (lines < 500) {
        ssize_t n = read(fd, answer, sizeof(answer));
        CHECK(n > 0);
        got += (size_t)n;
        for (ssize_t k = 0; k < n; k++) {
            lines += answer[k] == '\n';
        }
    }
    close(fd);
    return 0;
}

static int commands(void)
{
    char err[256];
    struct client *c = client_open(path, err, sizeof(err));
    CHECK(c != NULL);
    json_t *a = client_line(c, "show running-config", true);
    CHECK(json_is_true(json_object_get(a, "ok")));
    CHECK(strcmp(json_string_value(json_object_get(a, "prompt")), "box#") == 0);
    const char *first = json_string_value(json_array_get(json_object_get(json_object_get(a, "data"), "lines"), 0));
    CHECK(first != NULL && strcmp(first, "hostname box") == 0);
    CHECK(strncmp(json_string_value(json_object_get(a, "text")), "hostname box\n", 13) == 0);
    json_decref(a);
    a = client_line(c, "show cryptography", false);
    CHECK(strstr(json_string_value(json_object_get(a, "error")), "word 2 \"cryptography\": expected") != NULL);
    json_decref(a);
    a = client_help(c, "show crypto i");
    CHECK(json_array_size(json_object_get(a, "tokens")) == 2); // ikev2, ipsec
    json_decref(a);
    client_close(c);
    return 0;
}

static bool says(struct client *c, const char *line, const char *text)
{
    json_t *a = client_line(c, line, false);
    const char *said = json_string_value(json_object_get(a, "text"));
    bool good = said != NULL && strcmp(said, text) == 0;
    if (!good) {
        fprintf(stderr, "# it said: %s\n", said == NULL ? "an error" : said);
    }
    json_decref(a);
    return good;
}

static int algorithms(void)
{
    char err[256];
    struct client *c = client_open(path, err, sizeof(err));
    CHECK(c != NULL);
    CHECK(says(c, "show crypto ipsec transform-set",
               "Transform set default: { esp-gcm 256 }\n"
               "Transform set OLD: { esp-3des esp-md5-hmac }\n"
               "   Not safe: esp-3des\n   Not safe: esp-md5-hmac\n"));
    CHECK(says(c, "show crypto ipsec transform-set default", "Transform set default: { esp-gcm 256 }\n"));
    CHECK(says(c, "show crypto ikev2 proposal OLD",
               " IKEv2 proposal: OLD\n     Encryption : aes-cbc-256 3des\n     Integrity  : sha1 md5\n"
               "     PRF        :\n     DH Group   : 14 2\n     Not safe   : encryption 3des integrity md5 group 2\n"));
    CHECK(says(c, "show crypto ikev2 proposal default",
               " IKEv2 proposal: default\n     Encryption : aes-gcm-256 aes-gcm-128 aes-cbc-256 aes-cbc-128\n"
               "     Integrity  : sha384 sha512 sha256\n     PRF        : sha384 sha512 sha256\n"
               "     DH Group   : 31 20 19 21 14 15 16\n"));
    client_close(c);
    return 0;
}

static bool ok(struct client *c, const char *line, const char *prompt)
{
    json_t *a = client_line(c, line, false);
    bool good = json_is_true(json_object_get(a, "ok"));
    bool there = strcmp(json_string_value(json_object_get(a, "prompt")), prompt) == 0;
    if (!there) {
        fprintf(stderr, "# prompt is %s\n", json_string_value(json_object_get(a, "prompt")));
    }
    json_decref(a);
    return good && there;
}

static int configuring(void)
{
    char err[256];
    struct client *c = client_open(path, err, sizeof(err));
    CHECK(c != NULL);
    CHECK(ok(c, "conf t", "box(config)#"));
    CHECK(ok(c, "crypto ikev2 keyring k", "box(config-ikev2-keyring)#"));
    CHECK(ok(c, "peer p", "box(config-ikev2-keyring-peer)#"));
    CHECK(!ok(c, "forb", "box(config-ikev2-keyring-peer)#"));
    CHECK(!ok(c, "end", "box(config)#")); // the peer has neither address nor key: not applied, still here
    CHECK(ok(c, "abort", "box#"));
    json_t *a = client_line(c, "show running-config", false);
    CHECK(strstr(json_string_value(json_object_get(a, "text")), "keyring") == NULL);
    json_decref(a);
    client_close(c);
    return 0;
}

static void test_bad_input(void **state)
{
    (void)state;
    with_client(bad_input);
}

static void test_too_long(void **state)
{
    (void)state;
    with_client(too_long);
}

static void test_half_and_gone(void **state)
{
    (void)state;
    with_client(half_and_gone);
}

static void test_too_many(void **state)
{
    (void)state;
    with_client(too_many);
}

static void test_pipelined(void **state)
{
    (void)state;
    with_client(pipelined);
}

static void test_commands(void **state)
{
    (void)state;
    with_client(commands);
}

static void test_algorithms(void **state)
{
    (void)state;
    with_client(algorithms);
}

static void test_configuring(void **state)
{
    (void)state;
    with_client(configuring);
}

static void test_mode(void **state)
{
    (void)state;
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
}

static int setup(void **state)
{
    (void)state;
    char err[512];
    const char *tmp = getenv("TMPDIR");
    snprintf(path, sizeof(path), "%s/culvert-control-%d.sock", tmp == NULL ? "/tmp" : tmp, (int)getpid());
    d = calloc(1, sizeof(*d));
    uv_loop_init(&d->loop);
    d->lang = conf_lang_new(err, sizeof(err));
    d->conf = conf_parse(d->lang,
                         "hostname box\ncrypto ipsec transform-set OLD esp-3des esp-md5-hmac\n"
                         "crypto ikev2 proposal OLD\n encryption aes-cbc-256 3des\n integrity sha md5\n group 14 2\n",
                         err, sizeof(err));
    d->clock = clock_real();
    d->control = control_open(d, path, err, sizeof(err));
    return d->control == NULL;
}

static int teardown(void **state)
{
    (void)state;
    control_close(d->control);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&d->loop);
    conf_free(d->conf);
    conf_lang_free(d->lang);
    free(d);
    return busy != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"only its owner may use the socket", test_mode, NULL, NULL, NULL},
        {"what is no request is refused with a reason", test_bad_input, NULL, NULL, NULL},
        {"an endless line is refused", test_too_long, NULL, NULL, NULL},
        {"clients that vanish in the middle do no harm", test_half_and_gone, NULL, NULL, NULL},
        {"connections beyond the limit are dropped, the others served", test_too_many, NULL, NULL, NULL},
        {"pipelined requests are all answered", test_pipelined, NULL, NULL, NULL},
        {"commands answer with text, data, errors and help", test_commands, NULL, NULL, NULL},
        {"algorithms are shown, and which of them are not safe", test_algorithms, NULL, NULL, NULL},
        {"a candidate that makes no sense is not applied", test_configuring, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("control socket", tests, setup, teardown);
}
