// SPDX-License-Identifier: BSD-2-Clause
#include "certs.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static void add(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    if (e == NULL || X509_add_ext(x, e, -1) != 1)
        abort();
    X509_EXTENSION_free(e);
}

struct cert cert_make(const char *cn, const struct cert *issuer, const char *names, const char *use, size_t pad)
{
    static long serial = 1;
    struct cert c = {.key = EVP_EC_gen("P-256"), .x = X509_new()};
    X509_set_version(c.x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c.x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c.x), -60);
    X509_gmtime_adj(X509_getm_notAfter(c.x), 3600);
    X509_set_pubkey(c.x, c.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c.x), "CN", MBSTRING_ASC, (const uint8_t *)cn, -1, -1, 0);
    X509 *by = issuer == NULL ? c.x : issuer->x;
    X509_set_issuer_name(c.x, X509_get_subject_name(by));
    add(c.x, by, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE" : "CA:FALSE");
    if (names != NULL)
        add(c.x, by, NID_subject_alt_name, names);
    if (use != NULL)
        add(c.x, by, NID_ext_key_usage, use);
    if (pad > 0) {
        char *text = malloc(pad + 1);
        memset(text, 'x', pad);
        text[pad] = '\0';
        add(c.x, by, NID_netscape_comment, text);
        free(text);
    }
    if (X509_sign(c.x, issuer == NULL ? c.key : issuer->key, EVP_sha256()) == 0)
        abort();
    c.len = i2d_X509(c.x, &c.der);
    return c;
}

void cert_free(struct cert *c)
{
    EVP_PKEY_free(c->key);
    X509_free(c->x);
    OPENSSL_free(c->der);
    *c = (struct cert){0};
}

X509_STORE *cert_store(const struct cert *ca)
{
    X509_STORE *s = X509_STORE_new();
    if (s == NULL || X509_STORE_add_cert(s, ca->x) != 1)
        abort();
    return s;
}
