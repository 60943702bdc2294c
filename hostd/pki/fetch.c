// SPDX-License-Identifier: BSD-2-Clause
// One timer: first for the connection, then for what is left of the whole. Whatever ends it calls finish(), once; the
// memory goes when timer, socket and lookup have all been closed by the loop.
#include "hostd/pki/fetch.h"

#include "hostd/util/str.h"

#include <ctype.h>
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fetch {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_tcp_t tcp;
    uv_getaddrinfo_t lookup;
    uv_connect_t connect;
    uv_write_t write;
    struct addrinfo *found, *next; // addresses, and the next to try
    unsigned open;                 // handles and requests that the loop still has
    bool tcp_open, over;
    char *request; // header and body
    size_t request_len;
    http_parser parser;
    uint8_t *body;
    size_t len, cap, max_size;
    uint64_t end; // of the whole time, loop's milliseconds
    char in[16384];
    fetch_done *done;
    void *arg;
};

// ------------------------------------------------------------------------------------------------ URLs

struct url {
    char host[256], port[6], path[FETCH_URL_MAX];
    bool literal; // an IPv6 address in brackets
};

static bool part(const char *url, const struct http_parser_url *u, enum http_parser_url_fields f, char *out, size_t cap)
{
    size_t len = u->field_data[f].len;
    if ((u->field_set & 1 << f) == 0 || len == 0 || len >= cap) {
        return false;
    }
    memcpy(out, url + u->field_data[f].off, len);
    out[len] = '\0';
    return true;
}

static bool url_parse(const char *text, struct url *out)
{
    struct http_parser_url u;
    char scheme[8] = "", path[FETCH_URL_MAX] = "", query[FETCH_URL_MAX] = "";
    http_parser_url_init(&u);
    memset(out, 0, sizeof(*out));
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f) {
            return false; // would end or split the request's line
        }
    }
    if (strlen(text) >= FETCH_URL_MAX || http_parser_parse_url(text, strlen(text), 0, &u) != 0 ||
        !part(text, &u, UF_SCHEMA, scheme, sizeof(scheme)) || strcasecmp(scheme, "http") != 0 ||
        !part(text, &u, UF_HOST, out->host, sizeof(out->host)) || (u.field_set & 1 << UF_USERINFO) != 0) {
        return false;
    }
    snprintf(out->port, sizeof(out->port), "%u", (u.field_set & 1 << UF_PORT) != 0 ? u.port : 80U);
    part(text, &u, UF_PATH, path, sizeof(path));
    bool has_query = part(text, &u, UF_QUERY, query, sizeof(query));
    int n = snprintf(out->path, sizeof(out->path), "%s%s%s", path[0] != '\0' ? path : "/", has_query ? "?" : "", query);
    out->literal = strchr(out->host, ':') != NULL;
    for (char *p = out->host; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return n > 0 && (size_t)n < sizeof(out->path);
}

bool fetch_server(const char *url, char *out, size_t cap)
{
    struct url u;
    if (!url_parse(url, &u)) {
        return false;
    }
    int n = snprintf(out, cap, u.literal ? "[%s]:%s" : "%s:%s", u.host, u.port);
    return n > 0 && (size_t)n < cap;
}

// ------------------------------------------------------------------------------------------------ the end

static void release(struct fetch *f)
{
    if (--f->open > 0) {
        return;
    }
    uv_freeaddrinfo(f->found);
    free(f->request);
    free(f->body);
    free(f);
}

static void on_closed(uv_handle_t *h)
{
    release(h->data);
}

static void close_all(struct fetch *f)
{
    f->over = true;
    uv_close((uv_handle_t *)&f->timer, on_closed);
    if (f->tcp_open && !uv_is_closing((uv_handle_t *)&f->tcp)) {
        uv_close((uv_handle_t *)&f->tcp, on_closed);
    }
    uv_cancel((uv_req_t *)&f->lookup); // if it still waits for a thread
}

static void finish(struct fetch *f, const char *error, bool unreachable)
{
    if (f->over) {
        return;
    }
    const struct fetch_result r = {error, unreachable, f->parser.status_code, f->body, f->len};
    close_all(f); // the timer's end comes later: the memory stays through the call
    f->done(f->arg, &r);
}

void fetch_cancel(struct fetch *f)
{
    if (!f->over) {
        close_all(f);
    }
}

static void on_timeout(uv_timer_t *t)
{
    struct fetch *f = t->data;
    bool connected = f->tcp_open && uv_is_readable((uv_stream_t *)&f->tcp);
    finish(f, connected ? "the server did not answer in time" : "no connection in time", true);
}

// ------------------------------------------------------------------------------------------------ the answer

static int on_headers(http_parser *p)
{
    struct fetch *f = p->data;
    if (p->content_length != UINT64_MAX && p->content_length > f->max_size) {
        finish(f, "the answer is too long", false);
        return -1;
    }
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
    struct fetch *f = p->data;
    if (f->over) {
        return -1; // something follows the answer
    }
    if (len > f->max_size - f->len) {
        finish(f, "the answer is too long", false);
        return -1;
    }
    if (f->len + len > f->cap) {
        size_t cap = f->cap == 0 ? 4096 : f->cap;
        while (cap < f->len + len) {
            cap *= 2;
        }
        uint8_t *more = realloc(f->body, cap);
        if (more == NULL) {
            finish(f, "out of memory", false);
            return -1;
        }
        f->body = more;
        f->cap = cap;
    }
    memcpy(f->body + f->len, at, len);
    f->len += len;
    return 0;
}

static int on_complete(http_parser *p)
{
    struct fetch *f = p->data;
    if (p->status_code / 100 == 1) {
        return 0; // another one follows
    }
    char text[64];
    snprintf(text, sizeof(text), "the server answered with status %u", p->status_code);
    finish(f, p->status_code == 200 ? NULL : text, false);
    return 0;
}

static const http_parser_settings parser_settings = {
    .on_headers_complete = on_headers, .on_body = on_body, .on_message_complete = on_complete};

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct fetch *f = h->data;
    (void)size;
    *buf = uv_buf_init(f->in, sizeof(f->in));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct fetch *f = s->data;
    if (f->over || n == 0) {
        return;
    }
    if (n < 0 && n != UV_EOF) {
        finish(f, "the connection broke", true);
        return;
    }
    size_t len = n < 0 ? 0 : (size_t)n; // 0 says that it is the end
    size_t taken = http_parser_execute(&f->parser, &parser_settings, buf->base, len);
    if (!f->over && (n < 0 || taken != len || HTTP_PARSER_ERRNO(&f->parser) != HPE_OK)) {
        finish(f, n < 0 ? "the connection ended too early" : "the answer is not HTTP", false);
    }
}

// ------------------------------------------------------------------------------------------------ the connection

static void try_next(struct fetch *f);

static void on_written(uv_write_t *w, int status)
{
    struct fetch *f = w->data;
    if (status != 0) {
        finish(f, "the connection broke", true);
    }
    release(f);
}

static void on_attempt_closed(uv_handle_t *h)
{
    struct fetch *f = h->data;
    f->tcp_open = false;
    if (!f->over) {
        try_next(f);
    }
    release(f);
}

static void on_connected(uv_connect_t *c, int status)
{
    struct fetch *f = c->data;
    if (!f->over && status != 0) {
        uv_close((uv_handle_t *)&f->tcp, on_attempt_closed);
    } else if (!f->over) {
        uint64_t now = uv_now(f->loop);
        uv_timer_start(&f->timer, on_timeout, f->end > now ? f->end - now : 0, 0);
        uv_buf_t buf = uv_buf_init(f->request, (unsigned)f->request_len);
        f->open++;
        if (uv_write(&f->write, (uv_stream_t *)&f->tcp, &buf, 1, on_written) != 0) {
            f->open--;
            finish(f, "the connection broke", true);
        } else {
            uv_read_start((uv_stream_t *)&f->tcp, on_alloc, on_read);
        }
    }
    release(f);
}

static void try_next(struct fetch *f)
{
    const struct addrinfo *a = f->next;
    if (a == NULL) {
        finish(f, "no connection to the server", true);
        return;
    }
    f->next = a->ai_next;
    uv_tcp_init(f->loop, &f->tcp);
    f->tcp.data = f;
    f->tcp_open = true;
    f->open += 2; // the socket, and the request to connect it
    if (uv_tcp_connect(&f->connect, &f->tcp, a->ai_addr, on_connected) != 0) {
        f->open--;
        uv_close((uv_handle_t *)&f->tcp, on_attempt_closed);
    }
}

static void on_found(uv_getaddrinfo_t *r, int status, struct addrinfo *res)
{
    struct fetch *f = r->data;
    f->found = res;
    f->next = res;
    if (!f->over) {
        if (status != 0 || res == NULL) {
            finish(f, "the server's name is not known", true);
        } else {
            try_next(f);
        }
    }
    release(f);
}

// Header and body of the request in one piece. false: no memory.
static bool make_request(struct fetch *f, const struct fetch_request *q, const struct url *u)
{
    struct str s = {0};
    bool post = q->content_type != NULL;
    str_addf(&s, "%s %s HTTP/1.1\r\nHost: %s%s%s:%s\r\n", post ? "POST" : "GET", u->path, u->literal ? "[" : "",
             u->host, u->literal ? "]" : "", u->port);
    if (post) {
        str_addf(&s, "Content-Type: %s\r\nContent-Length: %zu\r\n", q->content_type, q->body_len);
    }
    str_add(&s, "User-Agent: culvert\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    f->request = s.failed ? NULL : malloc(s.len + q->body_len);
    if (f->request != NULL) {
        memcpy(f->request, s.text, s.len);
        if (post && q->body_len > 0) {
            memcpy(f->request + s.len, q->body, q->body_len);
        }
        f->request_len = s.len + (post ? q->body_len : 0);
    }
    str_free(&s);
    return f->request != NULL;
}

struct fetch *fetch_start(uv_loop_t *loop, const struct fetch_request *q, fetch_done *done, void *arg, const char **why)
{
    struct url u;
    struct fetch *f = url_parse(q->url, &u) ? calloc(1, sizeof(*f)) : NULL;
    *why = "not a URL of HTTP";
    if (f == NULL || !make_request(f, q, &u)) {
        *why = f == NULL ? *why : "out of memory";
        free(f);
        return NULL;
    }
    f->loop = loop;
    f->done = done;
    f->arg = arg;
    f->max_size = q->max_size;
    http_parser_init(&f->parser, HTTP_RESPONSE);
    f->parser.data = f->timer.data = f->lookup.data = f->connect.data = f->write.data = f;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
    uv_timer_init(loop, &f->timer);
    f->open = 2;
    if (uv_getaddrinfo(loop, &f->lookup, on_found, u.host, u.port, &hints) != 0) {
        f->open = 1;
        *why = "no name lookup";
        f->over = true;
        uv_close((uv_handle_t *)&f->timer, on_closed);
        return NULL;
    }
    uv_update_time(loop);
    f->end = uv_now(loop) + q->total_ms;
    uv_timer_start(&f->timer, on_timeout, q->connect_ms < q->total_ms ? q->connect_ms : q->total_ms, 0);
    return f;
}
