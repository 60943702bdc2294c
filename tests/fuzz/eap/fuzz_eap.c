// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: the codecs of EAP, and the two machines. An input is a byte that picks role and method, then packets, each
// after two bytes of length; the length field of each is made right by default, and the identifier that of the request,
// so that the machines are reached.
#include "hostd/eap/eap_codec.h"
#include "hostd/eap/eap_guard.h"
#include "hostd/eap/eap_legacy.h"
#include "hostd/eap/eap_machine.h"
#include "hostd/eap/eap_tls.h"
#include "tests/unit/eap/certs.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SERVER = 0x10, KEEP = 0x20, QUERY = 0x40 };

static struct eap_legacy *legacy;
static SSL_CTX *tls[2];

static void prepare(void)
{
    char err[200];
    struct cert ca = cert_make("lab CA", NULL, NULL, NULL, 0), leaf = cert_make("x", &ca, "DNS:x", NULL, 0);
    X509_STORE *trust = cert_store(&ca);
    const struct eap_der chain = {leaf.der, (size_t)leaf.len};
    for (int i = 0; i < 2; i++)
        tls[i] = eap_tls_ctx(i == 1, leaf.key, &chain, 1, trust, err, sizeof(err));
    X509_STORE_free(trust);
    cert_free(&leaf);
    cert_free(&ca);
    legacy = eap_legacy_new();
    if (legacy == NULL || tls[0] == NULL || tls[1] == NULL)
        abort();
}

// What decodes can be written again, and is then the same.
static void codecs(const uint8_t *data, size_t size)
{
    struct eap_packet p;
    struct eap_ms ms;
    struct eap_md5 md5;
    struct eap_tls_piece piece;
    uint8_t again[EAP_MAX_PACKET];
    struct wbuf w;
    wbuf_init(&w, again, sizeof(again));
    if (eap_decode(data, size, &p) == NULL && p.type != 0) {
        eap_put(&w, p.code, p.id, p.type);
        wbuf_bytes(&w, p.data, p.len);
        eap_put_end(&w);
        if (!wbuf_ok(&w) || w.len != size || memcmp(again, data, size) != 0)
            abort();
    }
    wbuf_init(&w, again, sizeof(again));
    if (size <= sizeof(again) && eap_ms_decode(data, size, &ms) == NULL) {
        eap_ms_put(&w, &ms);
        if (!wbuf_ok(&w) || w.len != size || memcmp(again, data, size) != 0)
            abort();
    }
    wbuf_init(&w, again, sizeof(again));
    if (size <= sizeof(again) && eap_md5_decode(data, size, &md5) == NULL) {
        eap_md5_put(&w, &md5);
        if (!wbuf_ok(&w) || w.len != size || memcmp(again, data, size) != 0)
            abort();
    }
    if (eap_tls_decode(data, size, &piece) == NULL && piece.total != 0 && piece.total < piece.len)
        abort();
}

static enum eap_step settle(struct eap_machine *m, enum eap_step step)
{
    while (step == EAP_STEP_JOB || step == EAP_STEP_SECRET) {
        if (step == EAP_STEP_SECRET) {
            step = eap_secret(m, (const uint8_t *)"secret", 6);
        } else {
            eap_job(m);
            step = eap_job_done(m);
        }
    }
    return step;
}

static void machine(uint8_t what, const uint8_t *data, size_t size)
{
    static const uint8_t types[] = {EAP_T_MSCHAPV2, EAP_T_TLS, EAP_T_GTC, EAP_T_MD5};
    const bool server = (what & SERVER) != 0;
    struct eap_settings set = {.authenticator = server,
                               .n_method = 2,
                               .query_identity = (what & QUERY) != 0,
                               .name = "hub",
                               .legacy = legacy,
                               .tls = tls[server],
                               .user = "x",
                               .password = "secret"};
    set.method[0] = types[what & 3];
    set.method[1] = types[(what + 1) & 3];
    struct eap_machine *m = eap_machine_new(&set, "x", 1);
    if (m == NULL)
        abort();
    struct buf b;
    buf_init(&b, data, size);
    struct eap_guard g = {0};
    enum eap_step step = server ? eap_input(m, NULL, 0) : EAP_STEP_SEND;
    uint8_t packet[EAP_MAX_PACKET + 2];
    while (step == EAP_STEP_SEND && buf_left(&b) > 2) {
        size_t len = buf_u16(&b) % sizeof(packet);
        len = len < buf_left(&b) ? len : buf_left(&b);
        buf_bytes(&b, packet, len);
        if ((what & KEEP) == 0 && len >= 4) {
            packet[2] = (uint8_t)(len >> 8);
            packet[3] = (uint8_t)len;
            if (server || packet[0] == EAP_SUCCESS)
                packet[1] = eap_core(m)->id;
            if (server && len > 6 && packet[4] == EAP_T_MSCHAPV2) // the identifier inside
                packet[6] = eap_core(m)->packet[6];
        }
        if (server) { // our own machine keeps the rules that a backend has to
            const struct eap_core *c = eap_core(m);
            if (eap_guard_answer(&g, &(struct eap_answer){.packet = c->packet, .len = c->len}) != NULL)
                abort();
            if (eap_guard_response(&g, packet, len) != NULL)
                break;
        }
        step = settle(m, eap_input(m, packet, len));
        if (eap_core(m)->len > EAP_MAX_PACKET || (step == EAP_STEP_FAIL && eap_core(m)->msk_len != 0))
            abort();
    }
    eap_machine_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (legacy == NULL)
        prepare();
    if (size < 1)
        return 0;
    codecs(data + 1, size - 1);
    machine(data[0], data + 1, size - 1);
    return 0;
}
