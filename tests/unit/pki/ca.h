// SPDX-License-Identifier: BSD-2-Clause
// A certification authority for tests: keys and certificates of any kind, also such as no CA should sign.
#ifndef CULVERT_TESTS_PKI_CA_H
#define CULVERT_TESTS_PKI_CA_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct made {
    X509 *cert;
    EVP_PKEY *key;
};

// What a certificate is to be. Texts of extensions are as in openssl.cnf; NULL: not there.
struct spec {
    const char *subject; // "C=DE/O=Example/CN=r1", in the order of the encoding
    const char *key;     // "rsa2048", "rsa1024", "p256" (NULL), "p384", "ed25519", "dsa" ...
    const char *basic;   // "critical,CA:TRUE,pathlen:0"
    const char *usage, *ext_usage, *san, *constraints, *crl, *aia, *ns_type;
    const char *serial;   // decimal; NULL: the next one
    long from, to;        // seconds from now; both 0: a day back and a year on
    const EVP_MD *digest; // NULL: SHA-256
    int twice;            // an extension of this NID twice
};

EVP_PKEY *ca_key(const char *kind);
// Signed by `issuer`, or by itself if that is NULL. Fails the test if it cannot be made.
struct made ca_make(const struct spec *s, const struct made *issuer);
// A root CA of this name.
struct made ca_root(const char *subject, const char *key);
void made_free(struct made *m);
// DER of a certificate, for OPENSSL_free.
uint8_t *ca_der(X509 *c, size_t *len);
// A temporary folder, and files in it; the path is static until the next call.
const char *ca_folder(void);
const char *ca_path(const char *file);
void ca_write_cert(const char *file, X509 *c, X509 *next);
void ca_write_key(const char *file, EVP_PKEY *key, const char *password);
void ca_write_pkcs12(const char *file, const struct made *own, STACK_OF(X509) * others, const char *password);
void ca_cleanup(void);

// A CRL of this issuer that names these serial numbers (decimal, ended by NULL). next: seconds from now.
X509_CRL *ca_crl(const struct made *issuer, const char *const *serials, long next);

#endif
