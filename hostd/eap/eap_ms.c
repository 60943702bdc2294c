// SPDX-License-Identifier: BSD-2-Clause
// EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2 over RFC 2759): both ends prove that they know the password, and make
// a key. A wrong password is answered by a Failure request without a retry.
#include "hostd/eap/eap_int.h"
#include "hostd/eap/eap_mschap.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ms_state { MS_START, MS_SENT, MS_PROVED, MS_FAILED };

struct ms {
    enum ms_state state;
    uint8_t id;
    uint8_t auth_challenge[EAP_MS_CHALLENGE_LEN];
    uint8_t response[EAP_MS_RESPONSE_LEN]; // peer challenge, 8 zeros, NT response, flags
    uint8_t name[EAP_MAX_IDENTITY];
    size_t name_len;
    struct eap_ms_keys keys;
};

enum { AT_NT = EAP_MS_CHALLENGE_LEN + 8 };

static void *create(struct eap_core *c)
{
    (void)c;
    return calloc(1, sizeof(struct ms));
}

static void destroy(void *m)
{
    OPENSSL_cleanse(m, sizeof(struct ms));
    free(m);
}

static bool compute(struct ms *m, const struct eap_core *c, const void *password, size_t len)
{
    const struct eap_ms_login login = {.auth_challenge = m->auth_challenge,
                                       .peer_challenge = m->response,
                                       .user = m->name,
                                       .user_len = m->name_len,
                                       .password = password,
                                       .password_len = len};
    return eap_ms_compute(c->set->legacy, &login, &m->keys);
}

static void take_msk(const struct ms *m, struct eap_core *c)
{
    memcpy(c->msk, m->keys.msk, EAP_MSK);
    c->msk_len = EAP_MSK;
}

// ------------------------------------------------------------------------------------------------ authenticator

static enum eap_step server_begin(void *state, struct eap_core *c, struct wbuf *w)
{
    struct ms *m = state;
    if (RAND_bytes(m->auth_challenge, sizeof(m->auth_challenge)) != 1) {
        return eap_fail(c, "MSCHAPv2: no random bytes");
    }
    m->id = c->id;
    eap_ms_put(w, &(struct eap_ms){.op = EAP_MS_CHALLENGE,
                                   .id = m->id,
                                   .value = m->auth_challenge,
                                   .text = (const uint8_t *)c->set->name,
                                   .text_len = strlen(c->set->name)});
    m->state = MS_SENT;
    return EAP_STEP_SEND;
}

static enum eap_step server_response(struct ms *m, struct eap_core *c, const struct eap_ms *in)
{
    if (in->op != EAP_MS_RESPONSE || in->id != m->id) {
        return eap_fail(c, "MSCHAPv2: operation %u, identifier %u in answer to challenge %u", in->op, in->id, m->id);
    }
    if (in->text_len == 0 || in->text_len > sizeof(m->name)) {
        return eap_fail(c, "MSCHAPv2: a name of %zu bytes", in->text_len);
    }
    if (!eap_name_fits(c, in->text, in->text_len)) {
        return eap_fail(c, "MSCHAPv2: another name than the identity before");
    }
    memcpy(m->response, in->value, sizeof(m->response));
    memcpy(m->name, in->text, in->text_len);
    m->name_len = in->text_len;
    if (!c->asked) {
        (void)eap_set_identity(c, m->name, m->name_len); // fits: its size was checked
    }
    return EAP_STEP_SECRET;
}

static enum eap_step server_input(void *state, struct eap_core *c, const struct eap_packet *p, struct wbuf *w)
{
    struct ms *m = state;
    struct eap_ms in;
    (void)w;
    const char *fault = eap_ms_decode(p->data, p->len, &in);
    if (m->state == MS_FAILED) {
        return EAP_STEP_FAIL; // why is known already
    }
    if (fault != NULL) {
        return eap_fail(c, "%s", fault);
    }
    if (m->state == MS_SENT) {
        return server_response(m, c, &in);
    }
    if (in.op != EAP_MS_SUCCESS) {
        return eap_fail(c, "MSCHAPv2: the peer does not accept our proof");
    }
    take_msk(m, c);
    return EAP_STEP_DONE;
}

static void put_failure(const struct ms *m, uint8_t id, struct wbuf *w)
{
    char text[96];
    int n = snprintf(text, sizeof(text), "E=691 R=0 C=");
    for (unsigned i = 0; i < EAP_MS_CHALLENGE_LEN; i++) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%02X", m->auth_challenge[i]);
    }
    n += snprintf(text + n, sizeof(text) - (size_t)n, " V=3 M=Refused");
    eap_ms_put(w,
               &(struct eap_ms){.op = EAP_MS_FAILURE, .id = id, .text = (const uint8_t *)text, .text_len = (size_t)n});
}

static enum eap_step server_secret(void *state, struct eap_core *c, const uint8_t *secret, size_t len, struct wbuf *w)
{
    struct ms *m = state;
    if (!compute(m, c, secret == NULL ? (const uint8_t *)"" : secret, len)) {
        return eap_fail(c, "MSCHAPv2: OpenSSL has failed");
    }
    bool good = CRYPTO_memcmp(m->keys.nt_response, m->response + AT_NT, EAP_MS_NT_LEN) == 0;
    if (secret == NULL || !good) {
        (void)eap_fail(c, "MSCHAPv2: %s", secret == NULL ? "no such user" : "wrong password");
        m->state = MS_FAILED;
        put_failure(m, m->id, w);
        return EAP_STEP_SEND;
    }
    char text[64];
    int n = snprintf(text, sizeof(text), "S=");
    for (unsigned i = 0; i < EAP_MS_PROOF_LEN; i++) {
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%02X", m->keys.proof[i]);
    }
    n += snprintf(text + n, sizeof(text) - (size_t)n, " M=Welcome");
    eap_ms_put(
        w, &(struct eap_ms){.op = EAP_MS_SUCCESS, .id = m->id, .text = (const uint8_t *)text, .text_len = (size_t)n});
    m->state = MS_PROVED;
    return EAP_STEP_SEND;
}

// ------------------------------------------------------------------------------------------------ supplicant

static enum eap_step peer_challenge(struct ms *m, struct eap_core *c, const struct eap_ms *in, struct wbuf *w)
{
    memset(m->response, 0, sizeof(m->response));
    memcpy(m->auth_challenge, in->value, sizeof(m->auth_challenge));
    memcpy(m->name, c->identity, c->identity_len);
    m->name_len = c->identity_len;
    if (RAND_bytes(m->response, EAP_MS_CHALLENGE_LEN) != 1 ||
        !compute(m, c, c->set->password, strlen(c->set->password))) {
        return eap_fail(c, "MSCHAPv2: OpenSSL has failed");
    }
    memcpy(m->response + AT_NT, m->keys.nt_response, EAP_MS_NT_LEN);
    eap_ms_put(
        w, &(struct eap_ms){
               .op = EAP_MS_RESPONSE, .id = in->id, .value = m->response, .text = m->name, .text_len = m->name_len});
    m->state = MS_SENT;
    return EAP_STEP_SEND;
}

static int hex_digit(uint8_t ch)
{
    return ch >= '0' && ch <= '9'   ? ch - '0'
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                                    : -1;
}

// "S=" and 40 digits, then anything (RFC 2759 5).
static bool proof_is_right(const struct ms *m, const struct eap_ms *in)
{
    uint8_t given[EAP_MS_PROOF_LEN];
    if (in->text_len < 2 + (size_t)2 * EAP_MS_PROOF_LEN || memcmp(in->text, "S=", 2) != 0) {
        return false;
    }
    for (unsigned i = 0; i < EAP_MS_PROOF_LEN; i++) {
        int high = hex_digit(in->text[2 + 2 * i]), low = hex_digit(in->text[3 + 2 * i]);
        if (high < 0 || low < 0) {
            return false;
        }
        given[i] = (uint8_t)(high * 16 + low);
    }
    return CRYPTO_memcmp(given, m->keys.proof, sizeof(given)) == 0;
}

static enum eap_step peer_input(void *state, struct eap_core *c, const struct eap_packet *p, struct wbuf *w)
{
    struct ms *m = state;
    struct eap_ms in;
    const char *fault = eap_ms_decode(p->data, p->len, &in);
    if (fault != NULL) {
        return eap_fail(c, "%s", fault);
    }
    if (m->state == MS_START && in.op == EAP_MS_CHALLENGE) {
        return peer_challenge(m, c, &in, w);
    }
    if (m->state == MS_SENT && in.op == EAP_MS_SUCCESS) {
        if (!proof_is_right(m, &in)) {
            return eap_fail(c, "MSCHAPv2: the authenticator does not know the password");
        }
        m->state = MS_PROVED;
        take_msk(m, c);
        c->ready = true;
        eap_ms_put(w, &(struct eap_ms){.op = EAP_MS_SUCCESS});
        return EAP_STEP_SEND;
    }
    if (m->state == MS_SENT && in.op == EAP_MS_FAILURE) {
        (void)eap_fail(c, "MSCHAPv2: the authenticator refuses the password");
        m->state = MS_FAILED;
        eap_ms_put(w, &(struct eap_ms){.op = EAP_MS_FAILURE});
        return EAP_STEP_SEND;
    }
    return eap_fail(c, "MSCHAPv2: operation %u out of place", in.op);
}

const struct eap_method eap_ms_server = {
    .type = EAP_T_MSCHAPV2,
    .create = create,
    .begin = server_begin,
    .input = server_input,
    .secret = server_secret,
    .destroy = destroy,
};

const struct eap_method eap_ms_peer = {
    .type = EAP_T_MSCHAPV2,
    .create = create,
    .input = peer_input,
    .destroy = destroy,
};
