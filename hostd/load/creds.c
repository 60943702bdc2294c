// SPDX-License-Identifier: BSD-2-Clause
// Certificates: those of the initiators, and the check of the responder's.
#include "hostd/load/load.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verdict {
    struct verdict *next;
    uint64_t token;
    EVP_PKEY *key;
    const char *why;
};

struct creds {
    struct ike_cred *shared; // NULL: each initiator has its own
    X509 *ca;
    X509_STORE *store;
    // The responder's certificate as it was last, and its key.
    uint8_t *leaf;
    size_t leaf_len;
    EVP_PKEY *leaf_key;
    struct verdict *verdicts;
};

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, NULL, NULL);
    if (f != NULL) {
        fclose(f);
    }
    return key;
}

// The certificates of a file, as DER to be released by the caller.
static void read_chain(const char *path, struct ike_certs *out, uint8_t *memory[IKE_MAX_CERTS])
{
    FILE *f = fopen(path, "r");
    X509 *x;
    out->n = 0;
    while (f != NULL && out->n < IKE_MAX_CERTS && (x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
        uint8_t *der = NULL;
        int len = i2d_X509(x, &der);
        if (len > 0) {
            memory[out->n] = der;
            out->cert[out->n++] = (struct ike_cert){der, (size_t)len};
        }
        X509_free(x);
    }
    if (f != NULL) {
        fclose(f);
    }
}

static struct ike_cred *read_cred(const char *cert, const char *key_path)
{
    struct ike_certs chain;
    uint8_t *memory[IKE_MAX_CERTS] = {0};
    EVP_PKEY *key = read_key(key_path);
    struct ike_cred *c = NULL;
    read_chain(cert, &chain, memory);
    if (key == NULL || chain.n == 0) {
        fprintf(stderr, "culvert-load: %s: no %s in it\n", key == NULL ? key_path : cert,
                key == NULL ? "private key" : "certificate");
        EVP_PKEY_free(key);
    } else {
        c = ike_cred_new(key, &chain);
    }
    for (unsigned i = 0; i < IKE_MAX_CERTS; i++) {
        OPENSSL_free(memory[i]);
    }
    return c;
}

bool creds_open(struct load *l)
{
    const struct load_options *o = l->o;
    if (o->ca == NULL) {
        return true;
    }
    struct creds *c = l->creds = calloc(1, sizeof(*c));
    FILE *f = fopen(o->ca, "r");
    if (c != NULL && f != NULL) {
        c->ca = PEM_read_X509(f, NULL, NULL, NULL);
        c->store = X509_STORE_new();
    }
    if (f != NULL) {
        fclose(f);
    }
    if (c == NULL || c->ca == NULL || c->store == NULL || X509_STORE_add_cert(c->store, c->ca) != 1) {
        fprintf(stderr, "culvert-load: %s: no certificate in it\n", o->ca);
        return false;
    }
    X509_STORE_set_flags(c->store, X509_V_FLAG_PARTIAL_CHAIN); // it is an anchor, whoever vouches for it
    if (o->cert != NULL && strstr(o->cert, "%u") == NULL && strstr(o->key, "%u") == NULL) {
        c->shared = read_cred(o->cert, o->key);
        return c->shared != NULL;
    }
    return true;
}

void creds_close(struct load *l)
{
    struct creds *c = l->creds;
    if (c == NULL) {
        return;
    }
    while (c->verdicts != NULL) {
        struct verdict *v = c->verdicts;
        c->verdicts = v->next;
        EVP_PKEY_free(v->key);
        free(v);
    }
    ike_cred_unref(c->shared);
    X509_free(c->ca);
    X509_STORE_free(c->store);
    EVP_PKEY_free(c->leaf_key);
    free(c->leaf);
    free(c);
    l->creds = NULL;
}

const struct ike_cred *creds_shared(const struct load *l)
{
    return l->creds == NULL ? NULL : l->creds->shared;
}

struct x509_store_st *creds_trust(const struct load *l)
{
    return l->creds == NULL ? NULL : l->creds->store;
}

bool creds_profile(const struct load *l, struct ike_profile *p, uint32_t n)
{
    const struct load_options *o = l->o;
    uint8_t *spki = NULL;
    if (o->ca == NULL) {
        return true;
    }
    if (l->creds->shared != NULL) {
        p->cred = ike_cred_ref(l->creds->shared);
    } else if (o->cert != NULL) {
        char cert[1024], key[1024];
        spoke_text(o->cert, n, cert, sizeof(cert));
        spoke_text(o->key, n, key, sizeof(key));
        p->cred = read_cred(cert, key);
    }
    p->auth_local = o->eap != 0 ? IKE_WAY_EAP : IKE_WAY_CERT;
    p->auth_remote = o->eap_only ? IKE_WAY_EAP : IKE_WAY_CERT;
    p->eap_only = o->eap_only;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(l->creds->ca), &spki);
    p->ca_hashes = malloc(IKE_CA_HASH);
    bool ok = (p->cred != NULL || o->cert == NULL) && p->ca_hashes != NULL && len > 0 &&
              EVP_Digest(spki, (size_t)len, p->ca_hashes, NULL, EVP_sha1(), NULL) == 1;
    p->n_ca = ok;
    OPENSSL_free(spki);
    return ok;
}

// Is the identity one of the certificate's?
static bool is_named(X509 *leaf, const struct ike_id *id)
{
    const uint8_t *at = id->data;
    X509_NAME *name = NULL;
    bool same;
    switch (id->type) {
    case IKE_ID_FQDN:
        return X509_check_host(leaf, (const char *)id->data, id->len, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
    case IKE_ID_EMAIL:
        return X509_check_email(leaf, (const char *)id->data, id->len, 0) == 1;
    case IKE_ID_IPV4:
    case IKE_ID_IPV6:
        return X509_check_ip(leaf, id->data, id->len, 0) == 1;
    case IKE_ID_DN:
        name = d2i_X509_NAME(NULL, &at, id->len);
        same = name != NULL && X509_NAME_cmp(name, X509_get_subject_name(leaf)) == 0;
        X509_NAME_free(name);
        return same;
    default:
        return false;
    }
}

// The key of the responder's certificate, if it leads to the anchor and bears the responder's name.
static EVP_PKEY *verify(struct creds *c, const struct ike_id *id, const struct ike_certs *certs, const char **why)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *leaf = NULL;
    EVP_PKEY *key = NULL;
    *why = "its certificate cannot be read";
    for (unsigned i = 0; i < certs->n; i++) {
        const uint8_t *at = certs->cert[i].p;
        X509 *x = d2i_X509(NULL, &at, (long)certs->cert[i].len);
        if (i == 0) {
            leaf = x;
        } else if (x != NULL && sk_X509_push(others, x) <= 0) {
            X509_free(x);
        }
    }
    bool named = leaf != NULL && is_named(leaf, id);
    if (leaf != NULL && ctx != NULL && X509_STORE_CTX_init(ctx, c->store, leaf, others) == 1) {
        *why = !named ? "its certificate is of another name" : "its certificate does not lead to the anchor";
        key = named && X509_verify_cert(ctx) == 1 ? X509_get_pubkey(leaf) : NULL;
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(others, X509_free);
    X509_free(leaf);
    return key;
}

void creds_check(void *ctx, uint64_t token, const struct ike_profile *p, const struct ike_id *id,
                 const struct ike_certs *certs)
{
    struct load *l = ctx;
    struct creds *c = l->creds;
    struct verdict *v = calloc(1, sizeof(*v));
    (void)p;
    if (c == NULL || v == NULL || certs->n == 0) {
        free(v);
        return; // it times out
    }
    const struct ike_cert *leaf = &certs->cert[0];
    bool known = c->leaf_key != NULL && c->leaf_len == leaf->len && memcmp(c->leaf, leaf->p, leaf->len) == 0;
    if (!known) {
        EVP_PKEY_free(c->leaf_key);
        free(c->leaf);
        c->leaf_key = verify(c, id, certs, &v->why);
        c->leaf = malloc(leaf->len);
        c->leaf_len = c->leaf == NULL ? 0 : leaf->len;
        if (c->leaf != NULL) {
            memcpy(c->leaf, leaf->p, leaf->len);
        }
    }
    if (c->leaf_key != NULL && EVP_PKEY_up_ref(c->leaf_key) == 1) {
        v->key = c->leaf_key;
        v->why = NULL;
    }
    v->token = token;
    v->next = c->verdicts;
    c->verdicts = v;
}

bool creds_run(struct load *l)
{
    struct creds *c = l->creds;
    bool any = false;
    while (c != NULL && c->verdicts != NULL) {
        struct verdict *v = c->verdicts;
        c->verdicts = v->next;
        ike_cert_answer(l->ike, v->token, v->key, v->why, l->now);
        free(v);
        any = true;
    }
    return any;
}
