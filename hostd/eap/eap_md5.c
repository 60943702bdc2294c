// SPDX-License-Identifier: BSD-2-Clause
// MD5-Challenge (RFC 3748 5.4): MD5 over identifier, password and challenge. It makes no key, and proves nothing of the
// authenticator.
#include "hostd/eap/eap_int.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 16 };

struct md5 {
    uint8_t id, challenge[VALUE], answer[VALUE];
};

static void *create(struct eap_core *c)
{
    (void)c;
    return calloc(1, sizeof(struct md5));
}

static void destroy(void *m)
{
    OPENSSL_cleanse(m, sizeof(struct md5));
    free(m);
}

static bool digest(uint8_t id, const void *secret, size_t secret_len, const void *challenge, size_t challenge_len,
                   uint8_t out[VALUE])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c != NULL && EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(c, &id, 1) == 1 &&
              EVP_DigestUpdate(c, secret, secret_len) == 1 && EVP_DigestUpdate(c, challenge, challenge_len) == 1 &&
              EVP_DigestFinal_ex(c, out, NULL) == 1;
    EVP_MD_CTX_free(c);
    return ok;
}

static enum eap_step server_begin(void *m, struct eap_core *c, struct wbuf *w)
{
    struct md5 *d = m;
    if (RAND_bytes(d->challenge, VALUE) != 1) {
        return eap_fail(c, "MD5: no random bytes");
    }
    d->id = c->id;
    eap_md5_put(w, &(struct eap_md5){.value = d->challenge,
                                     .value_len = VALUE,
                                     .name = (const uint8_t *)c->set->name,
                                     .name_len = strlen(c->set->name)});
    return EAP_STEP_SEND;
}

static enum eap_step server_input(void *m, struct eap_core *c, const struct eap_packet *p, struct wbuf *w)
{
    struct md5 *d = m;
    struct eap_md5 in;
    (void)w;
    const char *fault = eap_md5_decode(p->data, p->len, &in);
    if (fault == NULL && in.value_len != VALUE) {
        fault = "MD5-Challenge with a digest of the wrong size";
    }
    if (fault != NULL) {
        return eap_fail(c, "%s", fault);
    }
    if (in.name_len > 0 && !eap_name_fits(c, in.name, in.name_len)) {
        return eap_fail(c, "MD5: another name than the identity before");
    }
    if (in.name_len > 0 && !c->asked && !eap_set_identity(c, in.name, in.name_len)) {
        return eap_fail(c, "MD5: a name of %zu bytes", in.name_len);
    }
    memcpy(d->answer, in.value, VALUE);
    return EAP_STEP_SECRET;
}

static enum eap_step server_secret(void *m, struct eap_core *c, const uint8_t *secret, size_t len, struct wbuf *w)
{
    const struct md5 *d = m;
    uint8_t want[VALUE];
    (void)w;
    if (secret == NULL) {
        return eap_fail(c, "MD5: no such user");
    }
    bool good = digest(d->id, secret, len, d->challenge, VALUE, want) && CRYPTO_memcmp(want, d->answer, VALUE) == 0;
    OPENSSL_cleanse(want, sizeof(want));
    return good ? EAP_STEP_DONE : eap_fail(c, "MD5: wrong password");
}

static enum eap_step peer_input(void *m, struct eap_core *c, const struct eap_packet *p, struct wbuf *w)
{
    struct md5 *d = m;
    struct eap_md5 in;
    const char *fault = c->ready ? "MD5: a second challenge" : eap_md5_decode(p->data, p->len, &in);
    if (fault != NULL) {
        return eap_fail(c, "%s", fault);
    }
    if (!digest(p->id, c->set->password, strlen(c->set->password), in.value, in.value_len, d->answer)) {
        return eap_fail(c, "MD5: OpenSSL has failed");
    }
    eap_md5_put(
        w, &(struct eap_md5){.value = d->answer, .value_len = VALUE, .name = c->identity, .name_len = c->identity_len});
    c->ready = true;
    return EAP_STEP_SEND;
}

const struct eap_method eap_md5_server = {
    .type = EAP_T_MD5,
    .create = create,
    .begin = server_begin,
    .input = server_input,
    .secret = server_secret,
    .destroy = destroy,
};

const struct eap_method eap_md5_peer = {
    .type = EAP_T_MD5,
    .create = create,
    .input = peer_input,
    .destroy = destroy,
};
