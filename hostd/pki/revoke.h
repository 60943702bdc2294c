// SPDX-License-Identifier: BSD-2-Clause
// CRLs and OCSP answers: what they say about a certificate, and whether they may be believed. No I/O. Judging costs
// public-key operations (for the worker pool); looking up does not.
#ifndef CULVERT_PKI_REVOKE_H
#define CULVERT_PKI_REVOKE_H

#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REVOKE_WHY = 200, REVOKE_URLS = 4 };

enum revoke_verdict { REVOKE_GOOD, REVOKE_REVOKED, REVOKE_NO_ANSWER };

// Where the issuer of a certificate publishes (HTTP only): at most REVOKE_URLS texts, for free().
unsigned revoke_crl_urls(X509 *c, char *url[REVOKE_URLS]);
unsigned revoke_ocsp_urls(X509 *c, char *url[REVOKE_URLS]);

// A CRL in DER or PEM that `issuer` signed, valid now. The caller's. *next: until when, seconds since 1970, 0: it does
// not say. NULL: *why.
X509_CRL *revoke_crl(const uint8_t *p, size_t len, X509 *issuer, bool weak, int64_t now, int64_t *next,
                     const char **why);
// What a CRL that was judged says about a certificate of its issuer. why: the reason of a revocation, or why there is
// no answer.
enum revoke_verdict revoke_crl_says(X509_CRL *crl, X509 *c, int64_t now, char why[REVOKE_WHY]);

// The question to an OCSP responder, and its DER for OPENSSL_free. NULL: no memory.
OCSP_REQUEST *revoke_ocsp_ask(X509 *c, X509 *issuer, bool nonce, uint8_t **der, size_t *len);
// What an answer to it says. GOOD and REVOKED only from the issuer or a responder that it named by a certificate.
// *next as above.
enum revoke_verdict revoke_ocsp_says(const uint8_t *p, size_t len, OCSP_REQUEST *asked, X509 *c, X509 *issuer,
                                     bool weak, int64_t *next, char why[REVOKE_WHY]);

#endif
