// SPDX-License-Identifier: BSD-2-Clause
// A web server on loopback that answers as a test wants: CRLs, OCSP, and everything that a bad server does. In the
// test's own loop.
#ifndef CULVERT_TESTS_PKI_WEB_H
#define CULVERT_TESTS_PKI_WEB_H

#include "tests/unit/pki/ca.h"

#include <uv.h>

enum web_kind {
    WEB_BODY,    // `body`
    WEB_CHUNKED, // the same in chunks
    WEB_SLOW,    // never answers
    WEB_DRIP,    // a byte now and then, without end
    WEB_GARBAGE, // not HTTP
    WEB_ENDLESS, // a body without end, as fast as it goes
    WEB_HUGE,    // says that the body is huge
    WEB_EARLY,   // half of it, then closes
    WEB_404,     // status 404
    WEB_EMPTY,   // status 200 without a body
    WEB_HEADERS, // headers without end
    WEB_OCSP,    // an OCSP responder
};

enum ocsp_kind {
    OCSP_GOOD,
    OCSP_REVOKED,
    OCSP_UNKNOWN,
    OCSP_NO_NONCE,
    OCSP_OTHER_NONCE,
    OCSP_OLD,
    OCSP_TRY_LATER,
    OCSP_OTHER_CERT,
    OCSP_JUNK,
};

struct web_page {
    const char *path;
    enum web_kind kind;
    const uint8_t *body; // the owner's
    size_t len;
    // WEB_OCSP
    enum ocsp_kind ocsp;
    const struct made *signer; // whose key signs; its certificate is put in
    const struct made *issuer; // of the certificates asked about
    unsigned hits;
};

struct web {
    uv_tcp_t tcp;
    unsigned port;
    struct web_page page[32];
    char path[32][32];
    unsigned n_page;
    struct web_conn *conns;
};

void web_open(struct web *w, uv_loop_t *loop);
void web_close(struct web *w);
// A page; returns its URL (static, until the eighth call after).
const char *web_add(struct web *w, const struct web_page *page);
struct web_page *web_page(struct web *w, const char *path);
const char *web_url(const struct web *w, const char *path);

#endif
