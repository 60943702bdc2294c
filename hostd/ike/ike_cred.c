// SPDX-License-Identifier: BSD-2-Clause
// Our own keys and certificates, shared by profiles.
#include "hostd/ike/ike.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct ike_cred *ike_cred_new(struct evp_pkey_st *key, const struct ike_certs *chain)
{
    struct ike_cred *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        EVP_PKEY_free(key);
        return NULL;
    }
    c->refs = 1;
    c->key = key;
    for (unsigned i = 0; i < chain->n && i < IKE_MAX_CERTS; i++) {
        c->cert[i].p = malloc(chain->cert[i].len);
        if (c->cert[i].p == NULL) {
            ike_cred_unref(c);
            return NULL;
        }
        memcpy(c->cert[i].p, chain->cert[i].p, chain->cert[i].len);
        c->cert[i].len = chain->cert[i].len;
        c->n_cert = i + 1;
    }
    return c;
}

// Two parts of a certificate as DER, without the rest: to decode a whole one takes OpenSSL 80 microseconds, for its key
// above all. Element by element, as OpenSSL reads their headers. false: it is not made like a certificate.
static bool parts(const struct ike_cert *cert, struct ike_cert *subject, struct ike_cert *key)
{
    const uint8_t *p = cert->p;
    long len = 0, left = (long)cert->len;
    int tag, class;
    for (int i = 0; i < 2; i++) { // Certificate, TBSCertificate
        if (ASN1_get_object(&p, &len, &tag, &class, left) != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE)
            return false;
        left = len;
    }
    for (int i = 0; left > 0; i++) {
        const uint8_t *start = p;
        if (ASN1_get_object(&p, &len, &tag, &class, left) & ~V_ASN1_CONSTRUCTED)
            return false;
        p += len;
        left -= p - start;
        if (i == 0 && class == V_ASN1_CONTEXT_SPECIFIC)
            i = -1; // the version, which may be missing
        else if (i == 4)
            *subject = (struct ike_cert){start, (size_t)(p - start)};
        else if (i == 5) {
            *key = (struct ike_cert){start, (size_t)(p - start)};
            return true;
        }
    }
    return false;
}

struct ike_id *ike_cert_subject(const struct ike_cert *cert)
{
    enum { EMPTY = 2 }; // bytes of a name without parts
    struct ike_cert subject, key;
    const bool ok = parts(cert, &subject, &key);
    ERR_clear_error();
    return ok && subject.len > EMPTY ? ike_id_new(IKE_ID_DN, subject.p, subject.len) : NULL;
}

int ike_cert_key_kind(const struct ike_cert *cert)
{
    struct ike_cert subject, key;
    X509_ALGOR *a = NULL;
    const ASN1_OBJECT *kind = NULL;
    if (parts(cert, &subject, &key)) {
        const uint8_t *p = key.p;
        long len;
        int tag, class;
        (void)ASN1_get_object(&p, &len, &tag, &class, (long)key.len);
        a = d2i_X509_ALGOR(NULL, &p, len);
    }
    if (a)
        X509_ALGOR_get0(&kind, NULL, NULL, a);
    const int nid = kind ? OBJ_obj2nid(kind) : NID_undef;
    X509_ALGOR_free(a);
    ERR_clear_error();
    return nid;
}

bool ike_cred_set_url(struct ike_cred *c, const char *url)
{
    c->cert[0].url = strdup(url);
    return c->cert[0].url && EVP_Digest(c->cert[0].p, c->cert[0].len, c->cert[0].hash, NULL, EVP_sha1(), NULL) == 1;
}

struct ike_cred *ike_cred_ref(struct ike_cred *c)
{
    c->refs++;
    return c;
}

void ike_cred_unref(struct ike_cred *c)
{
    if (c == NULL || --c->refs > 0)
        return;
    for (unsigned i = 0; i < c->n_cert; i++) {
        free(c->cert[i].p);
        free(c->cert[i].url);
    }
    free(c->ca_hashes);
    EVP_PKEY_free(c->key);
    free(c);
}
