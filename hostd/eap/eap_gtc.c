// SPDX-License-Identifier: BSD-2-Clause
// Generic Token Card (RFC 3748 5.6): a prompt, and the password in clear text. Only inside a tunnel such as IKE's,
// whose other end has proved itself. It makes no key.
#include "hostd/eap/eap_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct gtc {
    uint8_t answer[EAP_MAX_SECRET];
    size_t len;
};

static void *create(struct eap_core *c)
{
    (void)c;
    return calloc(1, sizeof(struct gtc));
}

static void destroy(void *m)
{
    OPENSSL_cleanse(m, sizeof(struct gtc));
    free(m);
}

static enum eap_step server_begin(void *m, struct eap_core *c, struct wbuf *w)
{
    (void)m, (void)c;
    static const char prompt[] = "Password: ";
    wbuf_bytes(w, prompt, sizeof(prompt) - 1);
    return EAP_STEP_SEND;
}

static enum eap_step server_input(void *m, struct eap_core *c, const struct eap_packet *p, struct wbuf *w)
{
    struct gtc *g = m;
    (void)w;
    if (p->len == 0 || p->len > sizeof(g->answer)) {
        return eap_fail(c, "GTC: an answer of %zu bytes", p->len);
    }
    memcpy(g->answer, p->data, p->len);
    g->len = p->len;
    return EAP_STEP_SECRET;
}

static enum eap_step server_secret(void *m, struct eap_core *c, const uint8_t *secret, size_t len, struct wbuf *w)
{
    const struct gtc *g = m;
    (void)w;
    if (secret == NULL) {
        return eap_fail(c, "GTC: no such user");
    }
    bool good = len == g->len && CRYPTO_memcmp(secret, g->answer, len) == 0;
    return good ? EAP_STEP_DONE : eap_fail(c, "GTC: wrong password");
}

static enum eap_step peer_input(void *m, struct eap_core *c, const struct eap_packet *p, struct wbuf *w)
{
    (void)m, (void)p;
    if (c->ready) {
        return eap_fail(c, "GTC: a second prompt");
    }
    wbuf_bytes(w, c->set->password, strlen(c->set->password));
    c->ready = true;
    return EAP_STEP_SEND;
}

const struct eap_method eap_gtc_server = {
    .type = EAP_T_GTC,
    .create = create,
    .begin = server_begin,
    .input = server_input,
    .secret = server_secret,
    .destroy = destroy,
};

const struct eap_method eap_gtc_peer = {
    .type = EAP_T_GTC,
    .create = create,
    .input = peer_input,
    .destroy = destroy,
};
