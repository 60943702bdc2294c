// SPDX-License-Identifier: BSD-2-Clause
// Certificates for tests, made in memory.
#ifndef CULVERT_TESTS_EAP_CERTS_H
#define CULVERT_TESTS_EAP_CERTS_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdint.h>

struct cert {
    EVP_PKEY *key;
    X509 *x;
    uint8_t *der;
    int len;
};

/// By this issuer, or by itself (NULL) as an authority. names: of X509V3's subjectAltName, NULL: none. `pad`: bytes of
/// a comment, to make it long. use: "serverAuth", "clientAuth" or NULL.
struct cert cert_make(const char *cn, const struct cert *issuer, const char *names, const char *use, size_t pad);
void cert_free(struct cert *c);
X509_STORE *cert_store(const struct cert *ca);

#endif
