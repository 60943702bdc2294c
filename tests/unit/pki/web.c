// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/pki/web.h"
#include "tests/unit/pki/must.h"

#include <http_parser.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct web_conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct web *web;
    http_parser parser;
    char path[256];
    uint8_t body[65536];
    size_t len;
    char in[4096];
    unsigned closing;
    struct web_page *page;
    struct web_conn *next;
};

static void on_closed(uv_handle_t *h)
{
    struct web_conn *c = h->data;
    if (++c->closing == 2) {
        free(c);
    }
}

static void conn_close(struct web_conn *c)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp)) {
        return;
    }
    for (struct web_conn **at = &c->web->conns; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    uv_close((uv_handle_t *)&c->tcp, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

struct sent {
    uv_write_t write;
    struct web_conn *conn;
    bool last;
    char text[];
};

static void flood(struct web_conn *c);

static void on_sent(uv_write_t *w, int status)
{
    struct sent *s = w->data;
    struct web_conn *c = s->conn;
    bool last = s->last, more = c->page != NULL && (c->page->kind == WEB_ENDLESS || c->page->kind == WEB_HEADERS);
    free(s);
    if (status != UV_ECANCELED) {
        if (last || status != 0) {
            conn_close(c);
        } else if (more) {
            flood(c);
        }
    }
}

static void send_bytes(struct web_conn *c, const void *p, size_t len, bool last)
{
    struct sent *s = malloc(sizeof(*s) + len + 1);
    MUST(s != NULL);
    s->write.data = s;
    s->conn = c;
    s->last = last;
    if (len > 0) {
        memcpy(s->text, p, len);
    }
    uv_buf_t buf = uv_buf_init(s->text, (unsigned)len);
    MUST(uv_write(&s->write, (uv_stream_t *)&c->tcp, &buf, 1, on_sent) == 0);
}

static void send_text(struct web_conn *c, const char *text, bool last)
{
    send_bytes(c, text, strlen(text), last);
}

static void flood(struct web_conn *c)
{
    static char block[65536];
    memset(block, 'x', sizeof(block));
    if (c->page->kind == WEB_HEADERS) {
        for (size_t i = 0; i < sizeof(block); i += 16) {
            memcpy(block + i, "x-more: abcdef\r\n", 16);
        }
    }
    send_bytes(c, block, sizeof(block), false);
}

static void on_drip(uv_timer_t *t)
{
    send_text(t->data, "x", false);
}

static void send_body(struct web_conn *c, const void *p, size_t len)
{
    char head[128];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", len);
    send_text(c, head, false);
    send_bytes(c, p, len, true);
}

static void send_chunks(struct web_conn *c, const uint8_t *p, size_t len)
{
    send_text(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false);
    for (size_t at = 0; at < len; at += 100) {
        char head[16];
        size_t n = len - at < 100 ? len - at : 100;
        snprintf(head, sizeof(head), "%zx\r\n", n);
        send_text(c, head, false);
        send_bytes(c, p + at, n, false);
        send_text(c, "\r\n", false);
    }
    send_text(c, "0\r\n\r\n", true);
}

// ------------------------------------------------------------------------------------------------ OCSP

static void answer_ocsp(struct web_conn *c)
{
    const struct web_page *p = c->page;
    const uint8_t *at = c->body;
    OCSP_REQUEST *q = d2i_OCSP_REQUEST(NULL, &at, (long)c->len);
    MUST(q != NULL && OCSP_request_onereq_count(q) == 1);
    OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(q, 0));
    OCSP_BASICRESP *b = OCSP_BASICRESP_new();
    ASN1_TIME *from = ASN1_TIME_new(), *to = ASN1_TIME_new();
    bool old = p->ocsp == OCSP_OLD;
    X509_gmtime_adj(from, old ? -9000 : -10);
    X509_gmtime_adj(to, old ? -4000 : 3600);
    OCSP_CERTID *other = OCSP_CERTID_dup(id);
    if (p->ocsp == OCSP_OTHER_CERT) {
        ASN1_INTEGER *serial = NULL;
        OCSP_id_get0_info(NULL, NULL, NULL, &serial, other);
        ASN1_INTEGER_set(serial, 424242);
    }
    bool revoked = p->ocsp == OCSP_REVOKED;
    int status = revoked                   ? V_OCSP_CERTSTATUS_REVOKED
                 : p->ocsp == OCSP_UNKNOWN ? V_OCSP_CERTSTATUS_UNKNOWN
                                           : V_OCSP_CERTSTATUS_GOOD;
    MUST(OCSP_basic_add1_status(b, other, status, revoked ? OCSP_REVOKED_STATUS_CACOMPROMISE : 0, revoked ? from : NULL,
                                from, to) != NULL);
    if (p->ocsp == OCSP_OTHER_NONCE) {
        unsigned char nonce[8] = {1, 2, 3};
        OCSP_basic_add1_nonce(b, nonce, 8);
    } else if (p->ocsp != OCSP_NO_NONCE) {
        OCSP_copy_nonce(b, q);
    }
    MUST(OCSP_basic_sign(b, p->signer->cert, p->signer->key, EVP_sha256(), NULL, 0) == 1);
    OCSP_RESPONSE *r = OCSP_response_create(p->ocsp == OCSP_TRY_LATER ? OCSP_RESPONSE_STATUS_TRYLATER
                                                                      : OCSP_RESPONSE_STATUS_SUCCESSFUL,
                                            p->ocsp == OCSP_TRY_LATER ? NULL : b);
    uint8_t *der = NULL;
    int len = i2d_OCSP_RESPONSE(r, &der);
    MUST(len > 0);
    send_body(c, der, p->ocsp == OCSP_JUNK ? (size_t)len / 2 : (size_t)len);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(b);
    OCSP_CERTID_free(other);
    OCSP_REQUEST_free(q);
    ASN1_TIME_free(from);
    ASN1_TIME_free(to);
}

static void answer(struct web_conn *c)
{
    struct web_page *p = c->page = web_page(c->web, c->path);
    if (p == NULL) {
        send_text(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", true);
        return;
    }
    p->hits++;
    switch (p->kind) {
    case WEB_BODY:
        send_body(c, p->body, p->len);
        break;
    case WEB_CHUNKED:
        send_chunks(c, p->body, p->len);
        break;
    case WEB_SLOW:
        break;
    case WEB_DRIP:
        send_text(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", false);
        uv_timer_start(&c->timer, on_drip, 10, 20);
        break;
    case WEB_GARBAGE:
        send_text(c, "SSH-2.0-nothing\r\n\r\n\r\n", false);
        break;
    case WEB_ENDLESS:
        send_text(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", false);
        break;
    case WEB_HUGE:
        send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx", false);
        break;
    case WEB_EARLY:
        send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly so much", true);
        break;
    case WEB_404:
        send_text(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", true);
        break;
    case WEB_EMPTY:
        send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true);
        break;
    case WEB_HEADERS:
        send_text(c, "HTTP/1.1 200 OK\r\n", false);
        break;
    case WEB_OCSP:
        answer_ocsp(c);
        break;
    }
}

// ------------------------------------------------------------------------------------------------ requests

static int on_url(http_parser *p, const char *at, size_t len)
{
    struct web_conn *c = p->data;
    size_t used = strlen(c->path);
    snprintf(c->path + used, sizeof(c->path) - used, "%.*s", (int)len, at);
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
    struct web_conn *c = p->data;
    MUST(c->len + len <= sizeof(c->body));
    memcpy(c->body + c->len, at, len);
    c->len += len;
    return 0;
}

static int on_complete(http_parser *p)
{
    answer(p->data);
    return 0;
}

static const http_parser_settings settings = {.on_url = on_url, .on_body = on_body, .on_message_complete = on_complete};

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
    struct web_conn *c = h->data;
    (void)size;
    *buf = uv_buf_init(c->in, sizeof(c->in));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct web_conn *c = s->data;
    if (n < 0) {
        conn_close(c);
    } else if (n > 0) {
        MUST(http_parser_execute(&c->parser, &settings, buf->base, (size_t)n) == (size_t)n);
    }
}

static void on_connection(uv_stream_t *s, int status)
{
    struct web *w = s->data;
    struct web_conn *c = calloc(1, sizeof(*c));
    MUST(status == 0 && c != NULL);
    uv_tcp_init(s->loop, &c->tcp);
    uv_timer_init(s->loop, &c->timer);
    c->tcp.data = c->timer.data = c->parser.data = c;
    c->web = w;
    c->next = w->conns;
    w->conns = c;
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
    MUST(uv_accept(s, (uv_stream_t *)&c->tcp) == 0);
    MUST(uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0);
}

void web_open(struct web *w, uv_loop_t *loop)
{
    struct sockaddr_in a;
    int len = sizeof(a);
    memset(w, 0, sizeof(*w));
    uv_tcp_init(loop, &w->tcp);
    w->tcp.data = w;
    uv_ip4_addr("127.0.0.1", 0, &a);
    MUST(uv_tcp_bind(&w->tcp, (struct sockaddr *)&a, 0) == 0);
    MUST(uv_listen((uv_stream_t *)&w->tcp, 64, on_connection) == 0);
    MUST(uv_tcp_getsockname(&w->tcp, (struct sockaddr *)&a, &len) == 0);
    w->port = ntohs(a.sin_port);
}

void web_close(struct web *w)
{
    while (w->conns != NULL) {
        conn_close(w->conns);
    }
    uv_close((uv_handle_t *)&w->tcp, NULL);
}

const char *web_url(const struct web *w, const char *path)
{
    static char url[8][256];
    static unsigned turn;
    turn = (turn + 1) % 8;
    snprintf(url[turn], sizeof(url[turn]), "http://127.0.0.1:%u%s", w->port, path);
    return url[turn];
}

const char *web_add(struct web *w, const struct web_page *page)
{
    struct web_page *old = web_page(w, page->path);
    unsigned i = old != NULL ? (unsigned)(old - w->page) : w->n_page++;
    MUST(i < 32);
    char path[32];
    snprintf(path, sizeof(path), "%s", page->path); // it may be the same memory
    w->page[i] = *page;
    snprintf(w->path[i], sizeof(w->path[i]), "%s", path);
    w->page[i].path = w->path[i];
    return web_url(w, w->path[i]);
}

struct web_page *web_page(struct web *w, const char *path)
{
    for (unsigned i = 0; i < w->n_page; i++) {
        if (strcmp(w->page[i].path, path) == 0) {
            return &w->page[i];
        }
    }
    return NULL;
}
