// SPDX-License-Identifier: BSD-2-Clause
// Contexts of TLS, and whose a certificate is.
#include "hostd/eap/eap_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool use_chain(SSL_CTX *ctx, const struct eap_der *chain, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = chain[i].p;
        X509 *cert = d2i_X509(NULL, &p, (long)chain[i].len);
        bool ok =
            cert != NULL && (i == 0 ? SSL_CTX_use_certificate(ctx, cert) : SSL_CTX_add1_chain_cert(ctx, cert)) == 1;
        X509_free(cert);
        if (!ok) {
            return false;
        }
    }
    return n > 0;
}

// The peer chooses its certificate by the names of those whom we trust.
static void name_authorities(SSL_CTX *ctx, X509_STORE *trust)
{
    const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(trust);
    for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
        X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
        if (ca != NULL) {
            (void)SSL_CTX_add_client_CA(ctx, ca); // one that is missing costs a hint only
        }
    }
}

struct ssl_ctx_st *eap_tls_ctx(bool server, struct evp_pkey_st *key, const struct eap_der *chain, size_t n,
                               struct x509_store_st *trust, char *err, size_t err_size)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    bool ok = ctx != NULL && trust != NULL && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
              use_chain(ctx, chain, n) && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    if (!ok) {
        unsigned long code = ERR_peek_last_error();
        snprintf(err, err_size, "TLS cannot be set up: %s",
                 trust == NULL ? "no authority is trusted"
                 : n == 0      ? "there is no certificate"
                 : code == 0   ? "out of memory"
                               : ERR_reason_error_string(code));
        SSL_CTX_free(ctx);
        ERR_clear_error();
        return NULL;
    }
    SSL_CTX_set1_cert_store(ctx, trust);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    if (server) {
        name_authorities(ctx, trust);
    } else {
        // Servers without RFC 5746 (strongSwan 5.9) are spoken to: what it protects, a renegotiation with data before
        // it, is not in EAP-TLS, which sends no data and never renegotiates.
        SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
    }
    return ctx;
}

static bool text_is(const ASN1_STRING *s, const uint8_t *id, size_t len)
{
    return s != NULL && (size_t)ASN1_STRING_length(s) == len && len > 0 && memchr(id, 0, len) == NULL &&
           strncasecmp((const char *)ASN1_STRING_get0_data(s), (const char *)id, len) == 0;
}

static bool subject_is(const X509 *cert, const uint8_t *id, size_t len)
{
    const X509_NAME *name = X509_get_subject_name(cert);
    unsigned char *der = NULL;
    int n = i2d_X509_NAME(name, &der);
    bool same = n > 0 && (size_t)n == len && memcmp(der, id, len) == 0;
    OPENSSL_free(der);
    for (int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1); !same && at >= 0;
         at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) {
        same = text_is(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)), id, len);
    }
    return same;
}

static bool general_is(const GENERAL_NAME *g, const uint8_t *id, size_t len)
{
    switch (g->type) {
    case GEN_EMAIL:
    case GEN_DNS:
    case GEN_URI:
        return text_is(g->d.ia5, id, len);
    case GEN_OTHERNAME: // a user principal name, which Windows writes into certificates of users
        return OBJ_obj2nid(g->d.otherName->type_id) == NID_ms_upn && g->d.otherName->value->type == V_ASN1_UTF8STRING &&
               text_is(g->d.otherName->value->value.utf8string, id, len);
    case GEN_IPADD:
        return (size_t)ASN1_STRING_length(g->d.ip) == len && memcmp(ASN1_STRING_get0_data(g->d.ip), id, len) == 0;
    default:
        return false;
    }
}

bool eap_cert_is(const struct x509_st *cert, const uint8_t *id, size_t len)
{
    if (len == 0) {
        return false;
    }
    bool same = subject_is(cert, id, len);
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; !same && i < sk_GENERAL_NAME_num(names); i++) {
        same = general_is(sk_GENERAL_NAME_value(names, i), id, len);
    }
    GENERAL_NAMES_free(names);
    return same;
}
