// SPDX-License-Identifier: BSD-2-Clause
// A small HTTP client: one request, one answer, on its own connection. Everything has a limit: the name lookup and the
// connection, the whole time, the size of the answer. No redirects, no TLS (what is fetched is signed itself).
#ifndef CULVERT_PKI_FETCH_H
#define CULVERT_PKI_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { FETCH_URL_MAX = 1024, FETCH_SERVER_MAX = 280 };

struct fetch_request {
    const char *url;          // http://host[:port]/path
    const char *content_type; // with a body: POST; NULL: GET
    const uint8_t *body;
    size_t body_len;
    unsigned connect_ms, total_ms; // milliseconds: until there is a connection; until all is there
    size_t max_size;               // of the answer's body, bytes
};

// How it ended. error NULL: status 200, and the body. The pointers are valid during the call.
struct fetch_result {
    const char *error;
    bool unreachable; // the server did not answer at all, or not in time
    unsigned status;
    const uint8_t *body;
    size_t len;
};
typedef void fetch_done(void *arg, const struct fetch_result *r);

struct fetch;

// Copies what it needs. `done` is called once, never from within. NULL: *why says why not.
struct fetch *fetch_start(uv_loop_t *loop, const struct fetch_request *q, fetch_done *done, void *arg,
                          const char **why);
// `done` will not be called. Memory goes when the loop has closed its handles.
void fetch_cancel(struct fetch *f);
// "host:port" of a URL, in lower case. false: not a URL that can be fetched.
bool fetch_server(const char *url, char *out, size_t cap);

#endif
