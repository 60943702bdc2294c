// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/hostd/exec_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct culvertd *d;
struct exec_lang *lang;
char *text, *failed;
json_t *data;

static void forget(void)
{
    free(text);
    free(failed);
    json_decref(data);
    text = failed = NULL;
    data = NULL;
}

static void on_reply(void *arg, const char *error, const char *said, json_t *json)
{
    (void)arg;
    forget();
    failed = error == NULL ? NULL : strdup(error);
    text = strdup(said);
    data = json_incref(json);
}

void begin(const char *line)
{
    exec_run(lang, d, line, on_reply, NULL);
}

void run(const char *line)
{
    begin(line);
    if (failed != NULL) {
        fail_msg("%s: %s", line, failed);
    }
}

void fails(const char *line, const char *with)
{
    begin(line);
    assert_non_null(failed);
    if (strstr(failed, with) == NULL) {
        fail_msg("said \"%s\", not \"%s\"", failed, with);
    }
}

void says(const char *with)
{
    if (strstr(text, with) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", with, text);
    }
}

void configure(const char *conf)
{
    char err[1024];
    struct conf *c = conf_parse(d->lang, conf, err, sizeof(err));
    if (c == NULL) {
        fail_msg("%s", err);
    }
    conf_free(d->conf);
    d->conf = c;
}

void exec_rig_open(void)
{
    char err[1024] = "";
    d = calloc(1, sizeof(*d));
    assert_non_null(d);
    log_init(&d->log, LOG_ERR);
    d->log.quiet = true;
    d->clock = clock_real();
    uv_loop_init(&d->loop);
    d->lang = conf_lang_new(err, sizeof(err));
    lang = exec_lang_new(err, sizeof(err));
    if (d->lang == NULL || lang == NULL) {
        fail_msg("%s", err);
    }
}

void exec_rig_close(void)
{
    forget();
    uv_run(&d->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&d->loop), 0);
    conf_free(d->conf);
    conf_lang_free(d->lang);
    exec_lang_free(lang);
    free(d);
}
