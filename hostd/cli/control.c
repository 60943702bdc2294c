// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/cli/control.h"

#include "hostd/cli/exec.h"
#include "hostd/conf/crypto.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CONTROL_LINE = 65536, // longest request, bytes
    CONTROL_CLIENTS = 64, // connections at a time
    CONTROL_BACKLOG = 16,
};

struct conn {
    uv_pipe_t pipe;
    struct control *control;
    char in[CONTROL_LINE];
    size_t len;
    bool busy;    // a command is under way
    bool serving; // serve() is at work further up
    bool closed;  // and its answer has nowhere to go
    unsigned writes;
    bool want_data;
    bool configuring;
    struct conf *candidate;
    uint64_t base; // version of the running configuration that the candidate was copied from
    struct conf_reader reader;
};

struct control {
    struct culvertd *d;
    uv_pipe_t pipe;
    char path[108];
    struct exec_lang *lang;
    struct list conns;
    bool closing;
};

static void serve(struct conn *c);

// ------------------------------------------------------------------------------------------------ answers

struct answer {
    uv_write_t write;
    struct conn *conn;
    char *text;
};

static void conn_free(struct conn *c)
{
    if (c->busy || c->writes > 0) {
        return; // freed by what is under way
    }
    conf_free(c->candidate);
    free(c);
}

static void on_conn_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    c->closed = true;
    conn_free(c);
}

static void conn_close(struct conn *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->pipe)) {
        if (c->control != NULL) {
            list_remove(&c->control->conns, c);
        }
        c->control = NULL;
        uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
    }
}

static void on_written(uv_write_t *w, int status)
{
    struct answer *a = w->data;
    struct conn *c = a->conn;
    free(a->text);
    free(a);
    c->writes--;
    if (c->closed) {
        conn_free(c);
    } else if (status != 0) {
        conn_close(c);
    }
}

static void send_json(struct conn *c, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    struct answer *a = calloc(1, sizeof(*a));
    json_decref(o);
    if (text == NULL || a == NULL || c->control == NULL) {
        free(text);
        free(a);
        conn_close(c);
        return;
    }
    size_t len = strlen(text);
    text[len] = '\n'; // over the terminating zero
    a->text = text;
    a->conn = c;
    a->write.data = a;
    uv_buf_t buf = uv_buf_init(text, (unsigned)len + 1);
    c->writes++;
    if (uv_write(&a->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0) {
        c->writes--;
        free(text);
        free(a);
        conn_close(c);
    }
}

static json_t *prompt_of(const struct conn *c)
{
    const struct culvertd *d = c->control->d;
    if (!c->configuring) {
        return json_sprintf("%s#", d->conf->hostname);
    }
    return json_sprintf("%s(%s)#", d->conf->hostname, conf_mode_name(c->reader.at[c->reader.depth].mode));
}

static void reply(struct conn *c, const char *error, const char *text, json_t *data)
{
    if (c->control == NULL) {
        return;
    }
    json_t *o = json_pack("{s:b, s:o}", "ok", error == NULL, "prompt", prompt_of(c));
    if (error != NULL) {
        json_object_set_new(o, "error", json_string(error));
    } else {
        json_object_set_new(o, "text", json_string(text));
        if (c->want_data) {
            json_object_set(o, "data", data == NULL ? json_null() : data);
        }
    }
    send_json(c, o);
}

static void on_exec(void *arg, const char *error, const char *text, json_t *data)
{
    struct conn *c = arg;
    c->busy = false;
    if (c->closed) {
        conn_free(c);
        return;
    }
    reply(c, error, text, data);
    serve(c);
}

// ------------------------------------------------------------------------------------------------ configuration mode

static void leave(struct conn *c)
{
    conf_free(c->candidate);
    c->candidate = NULL;
    c->configuring = false;
}

static void add_warning(void *arg, const char *text)
{
    str_addf(arg, "%% warning: %s\n", text);
}

static void finish(struct conn *c)
{
    struct culvertd *d = c->control->d;
    char err[1024];
    if (c->base != d->conf_version) {
        reply(c, "the configuration was changed by someone else meanwhile: `abort`, and begin again", "", NULL);
        return;
    }
    if (!conf_check(c->candidate, err, sizeof(err))) {
        c->reader.depth = 0;
        reply(c, err, "", NULL);
        return;
    }
    struct conf *copy = conf_clone(c->candidate);
    if (!daemon_apply(d, copy, err, sizeof(err))) {
        reply(c, err, "", NULL);
        return;
    }
    leave(c);
    struct str warnings = {0};
    conf_warnings(d->conf, add_warning, &warnings);
    reply(c, NULL, str_text(&warnings), NULL);
    str_free(&warnings);
}

static bool is(const char *line, const char *word)
{
    struct words w;
    return words_split(&w, line) && w.n == 1 && strcasecmp(words_at(&w, 0), word) == 0;
}

static void conf_command(struct conn *c, const char *line)
{
    bool top = c->reader.depth == 0;
    if (is(line, "end") || (top && is(line, "exit"))) {
        finish(c);
    } else if (is(line, "abort")) {
        leave(c);
        reply(c, NULL, "", NULL);
    } else if (conf_read_line(&c->reader, line)) {
        reply(c, NULL, "", NULL);
    } else {
        reply(c, c->reader.err, "", NULL);
    }
}

static bool wants_configure(const char *line)
{
    struct words w;
    if (!words_split(&w, line) || w.n == 0 || w.n > 2) {
        return false;
    }
    size_t first = strlen(words_at(&w, 0)), second = strlen(words_at(&w, 1));
    return first >= 4 && strncasecmp("configure", words_at(&w, 0), first) == 0 &&
           (w.n == 1 || strncasecmp("terminal", words_at(&w, 1), second) == 0);
}

// ------------------------------------------------------------------------------------------------ requests

static void add_token(void *arg, const char *token, bool keyword, const char *help)
{
    json_array_append_new(arg, json_pack("{s:s, s:b, s:s}", "token", token, "keyword", keyword, "help", help));
}

static void give_help(struct conn *c, const char *line)
{
    json_t *tokens = json_array();
    bool ok;
    if (c->configuring) {
        ok = conf_expect(&c->reader, line, add_token, tokens);
    } else {
        ok = exec_expect(c->control->lang, line, add_token, tokens);
    }
    json_t *o = json_pack("{s:b, s:o, s:o}", "ok", ok, "prompt", prompt_of(c), "tokens", tokens);
    send_json(c, o);
}

static void one_request(struct conn *c, const char *text, size_t len)
{
    json_error_t error;
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    const json_t *line = json_object_get(o, "line"), *help = json_object_get(o, "help");
    c->want_data = json_is_true(json_object_get(o, "json"));
    if (o == NULL) {
        c->want_data = false;
        reply(c, "not JSON", "", NULL);
    } else if (json_is_string(help)) {
        give_help(c, json_string_value(help));
    } else if (!json_is_string(line)) {
        reply(c, "a request has \"line\" or \"help\", a text", "", NULL);
    } else if (c->configuring) {
        conf_command(c, json_string_value(line));
    } else if (wants_configure(json_string_value(line))) {
        c->configuring = true;
        c->candidate = conf_clone(c->control->d->conf);
        c->base = c->control->d->conf_version;
        conf_reader_init(&c->reader, c->control->d->lang, c->candidate);
        c->reader.line = CONF_NO_LINE;
        reply(c, NULL, "", NULL);
    } else {
        c->busy = true;
        exec_run(c->control->lang, c->control->d, json_string_value(line), on_exec, c);
    }
    json_decref(o);
}

static void serve(struct conn *c)
{
    char *end;
    if (c->serving) {
        return; // a command that has answered at once
    }
    c->serving = true;
    while (!c->busy && c->control != NULL && (end = memchr(c->in, '\n', c->len)) != NULL) {
        size_t len = (size_t)(end - c->in);
        char *request = malloc(len + 1);
        if (request == NULL) {
            conn_close(c);
            break;
        }
        memcpy(request, c->in, len);
        c->len -= len + 1;
        memmove(c->in, end + 1, c->len);
        one_request(c, request, len);
        free(request);
    }
    c->serving = false;
    if (!c->busy && c->control != NULL && c->len == sizeof(c->in)) {
        reply(c, "the request is too long", "", NULL);
        conn_close(c);
    }
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct conn *c = h->data;
    (void)size;
    *buf = uv_buf_init(c->in + c->len, (unsigned)(sizeof(c->in) - c->len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = s->data;
    (void)buf;
    if (n < 0) {
        conn_close(c);
        return;
    }
    c->len += (size_t)n;
    serve(c);
}

static void on_connection(uv_stream_t *s, int status)
{
    struct control *k = s->data;
    struct conn *c = status == 0 ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL) {
        return;
    }
    uv_pipe_init(&k->d->loop, &c->pipe, 0);
    c->pipe.data = c;
    c->control = k;
    bool ok = uv_accept(s, (uv_stream_t *)&c->pipe) == 0 && k->conns.n < CONTROL_CLIENTS && list_add(&k->conns, c);
    if (!ok) {
        conn_close(c);
        return;
    }
    uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

// ------------------------------------------------------------------------------------------------ life

static void on_control_closed(uv_handle_t *h)
{
    struct control *k = h->data;
    exec_lang_free(k->lang);
    list_free(&k->conns);
    free(k);
}

// Does somebody answer on that socket?
static bool in_use(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    str_copy(to.sun_path, sizeof(to.sun_path), path);
    bool used = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return used;
}

struct control *control_open(struct culvertd *d, const char *path, char *err, size_t err_size)
{
    struct control *k = must_alloc(sizeof(*k));
    char folder[sizeof(k->path)];
    if (!str_copy(k->path, sizeof(k->path), path)) {
        snprintf(err, err_size, "control socket %s: the path is too long", path);
        free(k);
        return NULL;
    }
    k->d = d;
    k->lang = exec_lang_new(err, err_size);
    if (k->lang == NULL) {
        free(k);
        return NULL;
    }
    str_copy(folder, sizeof(folder), path);
    mkdir(dirname(folder), 0755);
    if (in_use(path)) {
        snprintf(err, err_size, "control socket %s: another daemon answers there", path);
        exec_lang_free(k->lang);
        free(k);
        return NULL;
    }
    unlink(path); // left over
    uv_pipe_init(&d->loop, &k->pipe, 0);
    k->pipe.data = k;
    mode_t mask = umask(0177);
    int error = uv_pipe_bind(&k->pipe, path);
    umask(mask);
    if (error == 0) {
        error = uv_listen((uv_stream_t *)&k->pipe, CONTROL_BACKLOG, on_connection);
    }
    if (error != 0) {
        snprintf(err, err_size, "control socket %s: %s", path, uv_strerror(error));
        k->closing = true;
        uv_close((uv_handle_t *)&k->pipe, on_control_closed);
        return NULL;
    }
    return k;
}

void control_close(struct control *k)
{
    if (k == NULL) {
        return;
    }
    while (k->conns.n > 0) {
        conn_close(k->conns.at[k->conns.n - 1]);
    }
    unlink(k->path);
    uv_close((uv_handle_t *)&k->pipe, on_control_closed);
}
