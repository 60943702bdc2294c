// SPDX-License-Identifier: BSD-2-Clause
// EAP as the initiators' authentication: a supplicant of hostd/eap each, whose work is done where it arises.
#include "hostd/eap/eap_legacy.h"
#include "hostd/eap/eap_machine.h"
#include "hostd/eap/eap_tls.h"
#include "hostd/load/load.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct load_eap {
    struct eap_legacy *legacy; // MSCHAPv2
    SSL_CTX *shared;           // TLS, if all have one certificate
};

struct conversation {
    struct eap_machine *machine;
    struct eap_settings set;
    SSL_CTX *tls; // a reference
    char user[EAP_MAX_IDENTITY + 1], password[LOAD_TEXT + 16];
    uint8_t expect[EAP_MAX_IDENTITY];
};

static SSL_CTX *tls_new(const struct load *l, const struct ike_cred *cred, char *why, size_t cap)
{
    struct eap_der chain[IKE_MAX_CERTS];
    for (unsigned i = 0; i < cred->n_cert; i++) {
        chain[i] = (struct eap_der){cred->cert[i].p, cred->cert[i].len};
    }
    return eap_tls_ctx(false, cred->key, chain, cred->n_cert, creds_trust(l), why, cap);
}

bool eap_open(struct load *l)
{
    char why[256] = "out of memory";
    const struct load_options *o = l->o;
    if (o->eap == 0) {
        return true;
    }
    struct load_eap *e = l->eap = calloc(1, sizeof(*e));
    bool ok = e != NULL;
    if (ok && o->eap == EAP_T_MSCHAPV2) {
        e->legacy = eap_legacy_new();
        ok = e->legacy != NULL;
        snprintf(why, sizeof(why), "OpenSSL's legacy provider, which MSCHAPv2 needs, is not there");
    }
    if (ok && o->eap == EAP_T_TLS && creds_shared(l) != NULL) {
        e->shared = tls_new(l, creds_shared(l), why, sizeof(why));
        ok = e->shared != NULL;
    }
    if (!ok) {
        fprintf(stderr, "culvert-load: EAP: %s\n", why);
    }
    return ok;
}

void eap_close(struct load *l)
{
    if (l->eap != NULL) {
        eap_legacy_free(l->eap->legacy);
        SSL_CTX_free(l->eap->shared);
        free(l->eap);
        l->eap = NULL;
    }
}

static void release(struct conversation *k)
{
    eap_machine_free(k->machine);
    SSL_CTX_free(k->tls);
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

// A profile's user is its initiator.
static void settings(struct load *l, struct conversation *k, const struct ike_profile *p, const struct ike_id *peer)
{
    const struct load_options *o = l->o;
    const struct spoke *s = p->user;
    char why[256];
    if (o->user[0] != '\0') {
        spoke_text(o->user, s->index, k->user, sizeof(k->user));
    }
    spoke_text(o->password, s->index, k->password, sizeof(k->password));
    k->set = (struct eap_settings){
        .method = {o->eap}, .n_method = 1, .legacy = l->eap->legacy, .user = k->user, .password = k->password};
    if (o->eap == EAP_T_TLS) {
        k->tls = l->eap->shared;
        if (k->tls != NULL) {
            SSL_CTX_up_ref(k->tls);
        } else {
            k->tls = tls_new(l, p->cred, why, sizeof(why));
        }
        k->set.tls = k->tls;
    }
    // Where nothing but EAP proves the responder, its certificate has to be the one of its identity.
    if (p->eap_only && peer != NULL && peer->len <= sizeof(k->expect)) {
        memcpy(k->expect, peer->data, peer->len);
        k->set.expect = k->expect;
        k->set.expect_len = peer->len;
    }
}

void *eap_op_begin(void *ctx, const struct ike_profile *p, bool authenticator, const struct ike_id *peer)
{
    struct load *l = ctx;
    struct conversation *k = authenticator || l->eap == NULL ? NULL : calloc(1, sizeof(*k));
    if (k == NULL) {
        return NULL;
    }
    settings(l, k, p, peer);
    k->machine = eap_machine_new(&k->set, p->local_id->data, p->local_id->len);
    if (k->machine == NULL) {
        release(k);
        return NULL;
    }
    return k;
}

void eap_op_input(void *ctx, void *conversation, uint64_t token, const uint8_t *packet, size_t len)
{
    struct load *l = ctx;
    struct conversation *k = conversation;
    enum eap_step step = eap_input(k->machine, packet, len);
    while (step == EAP_STEP_JOB) {
        eap_job(k->machine);
        step = eap_job_done(k->machine);
    }
    const struct eap_core *c = eap_core(k->machine);
    struct ike_eap_answer a = {.code = IKE_EAP_FAILURE};
    if (step == EAP_STEP_SEND) {
        a = (struct ike_eap_answer){.code = IKE_EAP_CONTINUE, .packet = c->packet, .len = c->len};
    } else if (step == EAP_STEP_DONE) {
        a = (struct ike_eap_answer){
            .code = IKE_EAP_SUCCESS, .msk = c->msk_len > 0 ? c->msk : NULL, .msk_len = c->msk_len};
    } else {
        snprintf(l->detail, sizeof(l->detail), "EAP: %s", c->why);
    }
    ike_eap_answer(l->ike, token, &a, l->now);
    l->detail[0] = '\0';
}

void eap_op_end(void *ctx, void *conversation)
{
    (void)ctx;
    release(conversation);
}
