// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: the HTTP client that fetches revocation lists and certificates. A server on the loopback says what the
// input is, in one piece or two, and closes the connection. The client says once how it ended, within its limits.
#include "hostd/pki/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_MAX = 512, REQUEST_MAX = 4096 };

static struct {
    uv_loop_t loop;
    uv_tcp_t listener, peer;
    uv_write_t first, second;
    char url[64], request[REQUEST_MAX];
    const uint8_t *data; // of this run
    size_t size;
    unsigned answers, sum;
} f;

static void on_closed(uv_handle_t *h)
{
    (void)h;
}

static void on_written(uv_write_t *w, int status)
{
    (void)status;
    if (w == &f.second && !uv_is_closing((uv_handle_t *)&f.peer))
        uv_close((uv_handle_t *)&f.peer, on_closed);
}

static void on_space(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
    (void)h, (void)wanted;
    *buf = uv_buf_init(f.request, sizeof(f.request));
}

// The request is here: the answer is the input, cut where its first byte says.
static void on_request(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    uv_read_stop(s);
    const size_t cut = f.size > 0 && n > 0 ? f.data[0] % f.size : 0;
    uv_buf_t a = uv_buf_init((char *)(uintptr_t)f.data, (unsigned)cut);
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)(f.data + cut), (unsigned)(f.size - cut));
    if (uv_write(&f.first, s, &a, 1, on_written) != 0 || uv_write(&f.second, s, &b, 1, on_written) != 0)
        uv_close((uv_handle_t *)s, on_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status != 0 || uv_tcp_init(&f.loop, &f.peer) != 0)
        abort();
    if (uv_accept(listener, (uv_stream_t *)&f.peer) != 0 ||
        uv_read_start((uv_stream_t *)&f.peer, on_space, on_request) != 0)
        uv_close((uv_handle_t *)&f.peer, on_closed);
}

static void on_done(void *arg, const struct fetch_result *r)
{
    (void)arg;
    f.answers++;
    if (r->error == NULL && (r->status != 200 || r->len > BODY_MAX))
        abort();
    for (size_t i = 0; r->error == NULL && i < r->len; i++)
        f.sum += r->body[i]; // it is all there
    if (r->error != NULL && r->error[0] == '\0')
        abort();
}

static void prepare(void)
{
    struct sockaddr_in at;
    int len = sizeof(at);
    if (uv_loop_init(&f.loop) != 0 || uv_tcp_init(&f.loop, &f.listener) != 0 || uv_ip4_addr("127.0.0.1", 0, &at) != 0 ||
        uv_tcp_bind(&f.listener, (struct sockaddr *)&at, 0) != 0 ||
        uv_listen((uv_stream_t *)&f.listener, 8, on_connection) != 0 ||
        uv_tcp_getsockname(&f.listener, (struct sockaddr *)&at, &len) != 0)
        abort();
    uv_unref((uv_handle_t *)&f.listener);
    snprintf(f.url, sizeof(f.url), "http://127.0.0.1:%u/crl", ntohs(at.sin_port));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *why = NULL;
    if (f.url[0] == '\0')
        prepare();
    f.data = data;
    f.size = size;
    f.answers = 0;
    const struct fetch_request q = {.url = f.url, .connect_ms = 5000, .total_ms = 10000, .max_size = BODY_MAX};
    if (fetch_start(&f.loop, &q, on_done, NULL, &why) == NULL)
        abort();
    uv_run(&f.loop, UV_RUN_DEFAULT);
    if (f.answers != 1)
        abort();
    return 0;
}
