// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/pki/verify.h"

#include "hostd/pki/cert.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

// OpenSSL's level 2 is 112 bits: RSA of 2048, curves of 224, SHA-2. Level 0 leaves it to the checks below.
enum { LEVEL = 2, LEVEL_WEAK = 0, WEAK_RSA_BITS = 1024 };

bool verify_weak_digest(int signature_nid, bool weak)
{
    int md = NID_undef, key = NID_undef;
    if (OBJ_find_sigid_algs(signature_nid, &md, &key) != 1) {
        return true;
    }
    return md == NID_md2 || md == NID_md4 || md == NID_md5 || md == NID_mdc2 || (md == NID_sha1 && !weak);
}

static void say(struct verify *v, X509 *c, const char *why)
{
    struct str s = {0};
    cert_name_text(X509_get_subject_name(c), &s);
    snprintf(v->why, sizeof(v->why), "certificate \"%.200s\": %s", str_text(&s), why);
    str_free(&s);
}

// What X509_verify_cert leaves open. NULL: nothing is wrong with certificate `i` of the chain.
static const char *link_fault(STACK_OF(X509) * chain, int i, bool weak)
{
    X509 *c = sk_X509_value(chain, i);
    bool anchor = i > 0 && i == sk_X509_num(chain) - 1;
    if (!anchor && X509_self_signed(c, 0) != 1 && verify_weak_digest(X509_get_signature_nid(c), weak)) {
        return "its signature is made with a weak digest";
    }
    const EVP_PKEY *key = X509_get0_pubkey(c);
    if (weak && key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < WEAK_RSA_BITS) {
        return "its RSA key is too short";
    }
    return NULL;
}

// Build and verify a chain to this trustpoint's anchors. false: v->why.
static bool try_one(struct verify *v, const struct pki_trustpoint *t, X509 *leaf, STACK_OF(X509) * others, int *error)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    *error = X509_V_ERR_OUT_OF_MEM;
    if (ctx == NULL || X509_STORE_CTX_init(ctx, t->store, leaf, others) != 1) {
        X509_STORE_CTX_free(ctx);
        snprintf(v->why, sizeof(v->why), "out of memory");
        return false;
    }
    X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_depth(p, VERIFY_DEPTH);
    X509_VERIFY_PARAM_set_auth_level(p, t->conf->weak ? LEVEL_WEAK : LEVEL);
    if (v->at != 0) {
        X509_VERIFY_PARAM_set_time(p, v->at);
    }
    bool ok = X509_verify_cert(ctx) == 1;
    *error = X509_STORE_CTX_get_error(ctx);
    if (ok) {
        STACK_OF(X509) *chain = X509_STORE_CTX_get1_chain(ctx);
        for (int i = 0; ok && i < sk_X509_num(chain); i++) {
            const char *why = link_fault(chain, i, t->conf->weak);
            if (why != NULL) {
                say(v, sk_X509_value(chain, i), why);
                *error = X509_V_ERR_UNSPECIFIED;
                ok = false;
            }
        }
        ok = ok && chain != NULL;
        if (ok) {
            v->chain = chain;
            v->by = t;
        } else {
            sk_X509_pop_free(chain, X509_free);
        }
    } else {
        X509 *at = X509_STORE_CTX_get_current_cert(ctx);
        say(v, at == NULL ? leaf : at, X509_verify_cert_error_string(*error));
    }
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}

// Those after the first. One that cannot be used is left out: the chain may do without it.
static STACK_OF(X509) * other_certs(const struct ike_certs *certs)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    for (unsigned i = 1; i < certs->n && others != NULL; i++) {
        const char *why = NULL;
        X509 *c = cert_parse(certs->cert[i].p, certs->cert[i].len, &why);
        if (c != NULL && (cert_oddity(c) != NULL || sk_X509_push(others, c) == 0)) {
            X509_free(c);
        }
    }
    return others;
}

static bool unknown_issuer(int error)
{
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
           error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT;
}

static void run_leaf(struct verify *v, X509 *leaf)
{
    const char *why = cert_oddity(leaf);
    if (why == NULL) {
        why = cert_wrong_use(leaf);
    }
    if (why == NULL && v->id != NULL && !cert_has_id(leaf, v->id)) {
        why = "the peer's identity is not in it";
    }
    if (why != NULL) {
        say(v, leaf, why);
        return;
    }
    STACK_OF(X509) *others = other_certs(v->certs);
    char best[VERIFY_WHY] = "there is no trustpoint with a CA";
    bool told = false; // by one that knows the issuer
    for (unsigned i = 0; i < v->n_trustpoint && v->chain == NULL; i++) {
        int error;
        if (sk_X509_num(v->trustpoint[i]->cas) < 1) {
            continue;
        }
        if (!try_one(v, v->trustpoint[i], leaf, others, &error) && !told) {
            memcpy(best, v->why, sizeof(best));
            told = !unknown_issuer(error);
        }
    }
    sk_X509_pop_free(others, X509_free);
    memcpy(v->why, v->chain != NULL ? "" : best, v->chain != NULL ? 1 : sizeof(best));
}

void verify_run(struct verify *v)
{
    const char *why = "none came";
    v->chain = NULL;
    v->by = NULL;
    v->why[0] = '\0';
    X509 *leaf = v->certs->n == 0 ? NULL : cert_parse(v->certs->cert[0].p, v->certs->cert[0].len, &why);
    if (leaf == NULL) {
        snprintf(v->why, sizeof(v->why), "the peer's certificate: %s", why);
        return;
    }
    run_leaf(v, leaf);
    X509_free(leaf);
}
