// SPDX-License-Identifier: BSD-2-Clause
// RFC 5280 5 and 6.3 (CRLs), RFC 6960 (OCSP).
#include "hostd/pki/revoke.h"

#include "hostd/pki/cert.h"
#include "hostd/pki/verify.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { SKEW = 300 }; // seconds that clocks may differ

// ------------------------------------------------------------------------------------------------ addresses

static void add_url(char **url, unsigned *n, const GENERAL_NAME *g)
{
    if (*n == REVOKE_URLS || g->type != GEN_URI) {
        return;
    }
    const char *p = (const char *)ASN1_STRING_get0_data(g->d.uniformResourceIdentifier);
    int len = ASN1_STRING_length(g->d.uniformResourceIdentifier);
    if (len > 7 && strncasecmp(p, "http://", 7) == 0 && memchr(p, 0, (size_t)len) == NULL) {
        url[*n] = strndup(p, (size_t)len);
        *n += url[*n] != NULL;
    }
}

unsigned revoke_crl_urls(X509 *c, char *url[REVOKE_URLS])
{
    unsigned n = 0;
    CRL_DIST_POINTS *all = X509_get_ext_d2i(c, NID_crl_distribution_points, NULL, NULL);
    for (int i = 0; i < sk_DIST_POINT_num(all); i++) {
        const DIST_POINT *d = sk_DIST_POINT_value(all, i);
        // Of another issuer, or for some reasons only: not asked.
        if (d->distpoint == NULL || d->distpoint->type != 0 || d->reasons != NULL || d->CRLissuer != NULL) {
            continue;
        }
        for (int k = 0; k < sk_GENERAL_NAME_num(d->distpoint->name.fullname); k++) {
            add_url(url, &n, sk_GENERAL_NAME_value(d->distpoint->name.fullname, k));
        }
    }
    CRL_DIST_POINTS_free(all);
    ERR_clear_error();
    return n;
}

unsigned revoke_ocsp_urls(X509 *c, char *url[REVOKE_URLS])
{
    unsigned n = 0;
    AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(c, NID_info_access, NULL, NULL);
    for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(all); i++) {
        const ACCESS_DESCRIPTION *d = sk_ACCESS_DESCRIPTION_value(all, i);
        if (OBJ_obj2nid(d->method) == NID_ad_OCSP) {
            add_url(url, &n, d->location);
        }
    }
    AUTHORITY_INFO_ACCESS_free(all);
    ERR_clear_error();
    return n;
}

// ------------------------------------------------------------------------------------------------ CRLs

static X509_CRL *parse_crl(const uint8_t *p, size_t len)
{
    const uint8_t *at = p;
    X509_CRL *crl = NULL;
    if (len > 0 && p[0] == 0x30) {
        crl = d2i_X509_CRL(NULL, &at, (long)len);
        if (crl != NULL && at != p + len) {
            X509_CRL_free(crl);
            crl = NULL;
        }
    } else if (len > 0) {
        BIO *b = BIO_new_mem_buf(p, (int)len);
        crl = b == NULL ? NULL : PEM_read_bio_X509_CRL(b, NULL, NULL, NULL);
        BIO_free(b);
    }
    ERR_clear_error();
    return crl;
}

// Extensions that change what a CRL means, and that are not known here.
static const char *crl_oddity(X509_CRL *crl)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        X509_EXTENSION *e = X509_CRL_get_ext(crl, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(e));
        if (nid == NID_delta_crl) {
            return "it is only the difference to another one";
        }
        if (X509_EXTENSION_get_critical(e) && nid != NID_issuing_distribution_point) {
            return "it has a critical extension that is not known";
        }
    }
    int critical = 0;
    ISSUING_DIST_POINT *d = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, &critical, NULL);
    const char *why = d == NULL && critical != -1               ? "an extension of it is malformed"
                      : d != NULL && d->indirectCRL > 0         ? "it is another issuer's"
                      : d != NULL && d->onlysomereasons != NULL ? "it covers only some reasons"
                      : d != NULL && d->onlyattr > 0            ? "it covers only attribute certificates"
                                                                : NULL;
    ISSUING_DIST_POINT_free(d);
    return why;
}

X509_CRL *revoke_crl(const uint8_t *p, size_t len, X509 *issuer, bool weak, int64_t now, int64_t *next,
                     const char **why)
{
    X509_CRL *crl = parse_crl(p, len);
    if (crl == NULL) {
        *why = "it is not a CRL";
        return NULL;
    }
    const ASN1_TIME *to = X509_CRL_get0_nextUpdate(crl);
    int64_t from = cert_time(X509_CRL_get0_lastUpdate(crl));
    *next = to == NULL ? 0 : cert_time(to);
    *why = crl_oddity(crl);
    if (*why == NULL) {
        *why = X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0 ? "it is another issuer's"
               : (X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0           ? "its issuer may not sign CRLs"
               : verify_weak_digest(X509_CRL_get_signature_nid(crl), weak) ? "its signature is made with a weak digest"
               : X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1       ? "its signature is wrong"
               : from < 0 || from > now + SKEW                             ? "it is not valid yet"
               : *next != 0 && *next < now - SKEW                          ? "it is out of date"
                                                                           : NULL;
    }
    ERR_clear_error();
    if (*why != NULL) {
        X509_CRL_free(crl);
        return NULL;
    }
    X509_REVOKED *none = NULL;
    X509_CRL_get0_by_cert(crl, &none, issuer); // sorts it, here rather than in the loop
    return crl;
}

static bool same_place(const GENERAL_NAMES *a, const GENERAL_NAMES *b)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(a); i++) {
        for (int k = 0; k < sk_GENERAL_NAME_num(b); k++) {
            if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, k)) == 0) {
                return true;
            }
        }
    }
    return false;
}

// A CRL that covers a part of the issuer's certificates must be the part that the certificate is in.
static bool in_scope(X509_CRL *crl, X509 *c)
{
    ISSUING_DIST_POINT *d = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL, NULL);
    if (d == NULL) {
        return true;
    }
    bool ca = X509_check_ca(c) != 0, ok = (d->onlyuser <= 0 || !ca) && (d->onlyCA <= 0 || ca);
    if (ok && d->distpoint != NULL) {
        CRL_DIST_POINTS *all = X509_get_ext_d2i(c, NID_crl_distribution_points, NULL, NULL);
        ok = false;
        for (int i = 0; i < sk_DIST_POINT_num(all) && !ok; i++) {
            const DIST_POINT *p = sk_DIST_POINT_value(all, i);
            ok = p->distpoint != NULL && p->distpoint->type == 0 && d->distpoint->type == 0 &&
                 same_place(p->distpoint->name.fullname, d->distpoint->name.fullname);
        }
        CRL_DIST_POINTS_free(all);
    }
    ISSUING_DIST_POINT_free(d);
    ERR_clear_error();
    return ok;
}

enum revoke_verdict revoke_crl_says(X509_CRL *crl, X509 *c, int64_t now, char why[REVOKE_WHY])
{
    const ASN1_TIME *to = X509_CRL_get0_nextUpdate(crl);
    if (to != NULL && cert_time(to) < now - SKEW) {
        snprintf(why, REVOKE_WHY, "it is out of date");
        return REVOKE_NO_ANSWER;
    }
    if (!in_scope(crl, c)) {
        snprintf(why, REVOKE_WHY, "it does not cover this certificate");
        return REVOKE_NO_ANSWER;
    }
    X509_REVOKED *r = NULL;
    if (X509_CRL_get0_by_cert(crl, &r, c) != 1) { // 2: removed again
        return REVOKE_GOOD;
    }
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
    snprintf(why, REVOKE_WHY, "%s", reason == NULL ? "unspecified" : OCSP_crl_reason_str(ASN1_ENUMERATED_get(reason)));
    ASN1_ENUMERATED_free(reason);
    ERR_clear_error();
    return REVOKE_REVOKED;
}

// ------------------------------------------------------------------------------------------------ OCSP

OCSP_REQUEST *revoke_ocsp_ask(X509 *c, X509 *issuer, bool nonce, uint8_t **der, size_t *len)
{
    OCSP_REQUEST *q = OCSP_REQUEST_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), c, issuer);
    int n = -1;
    *der = NULL;
    if (q == NULL || id == NULL || OCSP_request_add0_id(q, id) == NULL) {
        OCSP_CERTID_free(id);
    } else if (!nonce || OCSP_request_add1_nonce(q, NULL, -1) == 1) {
        n = i2d_OCSP_REQUEST(q, der);
    }
    ERR_clear_error();
    if (n <= 0) {
        OCSP_REQUEST_free(q);
        return NULL;
    }
    *len = (size_t)n;
    return q;
}

static OCSP_BASICRESP *parse_answer(const uint8_t *p, size_t len, char why[REVOKE_WHY])
{
    const uint8_t *at = p;
    OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, (long)len);
    OCSP_BASICRESP *b = NULL;
    if (r == NULL || at != p + len) {
        snprintf(why, REVOKE_WHY, "the answer is not one of OCSP");
    } else if (OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        snprintf(why, REVOKE_WHY, "the responder says %s", OCSP_response_status_str(OCSP_response_status(r)));
    } else {
        b = OCSP_response_get1_basic(r);
        if (b == NULL) {
            snprintf(why, REVOKE_WHY, "the answer has no status");
        }
    }
    OCSP_RESPONSE_free(r);
    return b;
}

// Signed by the issuer, or by a responder with a certificate of the issuer for it.
static const char *answer_fault(OCSP_BASICRESP *b, OCSP_REQUEST *asked, X509 *issuer, bool weak)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *certs = sk_X509_new_null();
    const char *why = NULL;
    if (store == NULL || certs == NULL || X509_STORE_add_cert(store, issuer) != 1 ||
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1 || sk_X509_push(certs, issuer) == 0) {
        why = "out of memory";
    } else if (OCSP_check_nonce(asked, b) == 0) {
        why = "the answer is to another question";
    } else if (verify_weak_digest(OBJ_obj2nid(OCSP_resp_get0_tbs_sigalg(b)->algorithm), weak)) {
        why = "the answer's signature is made with a weak digest";
    } else if (OCSP_basic_verify(b, certs, store, 0) != 1) {
        why = "the answer's signature is not that of a responder for this CA";
    }
    sk_X509_free(certs);
    X509_STORE_free(store);
    return why;
}

enum revoke_verdict revoke_ocsp_says(const uint8_t *p, size_t len, OCSP_REQUEST *asked, X509 *c, X509 *issuer,
                                     bool weak, int64_t *next, char why[REVOKE_WHY])
{
    enum revoke_verdict verdict = REVOKE_NO_ANSWER;
    ASN1_GENERALIZEDTIME *from = NULL, *to = NULL;
    int status = V_OCSP_CERTSTATUS_UNKNOWN, reason = -1;
    OCSP_BASICRESP *b = parse_answer(p, len, why);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), c, issuer);
    *next = 0;
    const char *fault = b == NULL ? NULL : answer_fault(b, asked, issuer, weak);
    if (b == NULL || id == NULL) {
        fault = b == NULL ? NULL : "out of memory"; // else told
    } else if (fault == NULL && OCSP_resp_find_status(b, id, &status, &reason, NULL, &from, &to) != 1) {
        fault = "the answer is about another certificate";
    } else if (fault == NULL && OCSP_check_validity(from, to, SKEW, -1) != 1) {
        fault = "the answer is out of date";
    } else if (fault == NULL && status == V_OCSP_CERTSTATUS_UNKNOWN) {
        fault = "the responder does not know the certificate";
    } else if (fault == NULL) {
        verdict = status == V_OCSP_CERTSTATUS_GOOD ? REVOKE_GOOD : REVOKE_REVOKED;
        snprintf(why, REVOKE_WHY, "%s",
                 verdict == REVOKE_GOOD ? ""
                 : reason < 0           ? "unspecified"
                                        : OCSP_crl_reason_str(reason));
        *next = to == NULL ? 0 : cert_time(to);
    }
    if (fault != NULL) {
        snprintf(why, REVOKE_WHY, "%s", fault);
    }
    OCSP_CERTID_free(id);
    OCSP_BASICRESP_free(b);
    ERR_clear_error();
    return verdict;
}
