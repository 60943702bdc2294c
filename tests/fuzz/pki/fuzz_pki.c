// SPDX-License-Identifier: BSD-2-Clause
// What a peer, a CRL server or a responder may send: certificates, names, identities, CRLs, OCSP answers. The first
// byte says which; a certificate comes behind an identity of a length that is given.
#include "hostd/pki/certmap.h"
#include "hostd/pki/fetch.h"
#include "hostd/pki/revoke.h"
#include "hostd/pki/verify.h"
#include "hostd/util/buf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take_name(void *arg, const char *text)
{
    *(size_t *)arg += strlen(text);
    return true;
}

static void names(X509 *c)
{
    char serial[64], key[64];
    size_t len = 0;
    struct str s = {0};
    cert_name_text(X509_get_subject_name(c), &s);
    cert_name_text(X509_get_issuer_name(c), &s);
    if (s.text != NULL) {
        cert_fold(s.text);
    }
    str_free(&s);
    cert_alt_names(c, take_name, &len);
    cert_serial_text(X509_get0_serialNumber(c), serial, sizeof(serial));
    cert_key_text(X509_get0_pubkey(c), key, sizeof(key));
    free(cert_subject_id(c));
}

static void maps(X509 *c)
{
    for (uint8_t field = CONF_CERT_SUBJECT; field <= CONF_CERT_SERIAL; field++) {
        for (uint8_t op = CONF_CERT_EQ; op <= CONF_CERT_GE; op++) {
            struct conf_certmap m = {.name = "m", .n_cond = 1};
            m.cond[0] = (struct conf_cert_cond){.field = field, .op = op, .text = "o = Example", .date = 1700000000};
            certmap_entry_matches(&m, c);
        }
    }
}

static void certificate(struct buf *b)
{
    uint8_t type = buf_u8(b);
    struct buf id_bytes = buf_sub(b, buf_u8(b));
    const char *why = NULL;
    size_t id_len = buf_left(&id_bytes), len = buf_left(b);
    const uint8_t *id_data = buf_take(&id_bytes, id_len), *der = buf_take(b, len);
    struct ike_id *id = buf_ok(b) ? ike_id_new(type, id_data, id_len) : NULL;
    X509 *c = id == NULL ? NULL : cert_parse(der, len, &why);
    if (c != NULL) {
        char *url[REVOKE_URLS], server[FETCH_SERVER_MAX];
        names(c);
        maps(c);
        cert_oddity(c);
        cert_wrong_use(c);
        cert_has_id(c, id);
        for (unsigned n = revoke_crl_urls(c, url); n > 0; n--) {
            fetch_server(url[n - 1], server, sizeof(server));
            free(url[n - 1]);
        }
        for (unsigned n = revoke_ocsp_urls(c, url); n > 0; n--) {
            free(url[n - 1]);
        }
        struct ike_certs certs = {.n = 1, .cert = {{der, len}}};
        struct verify v = {.certs = &certs, .id = id};
        verify_run(&v);
    }
    X509_free(c);
    free(id);
}

static void name(const uint8_t *p, size_t len)
{
    char part[32];
    struct str s = {0};
    cert_dn_text(p, len, &s);
    cert_dn_part(p, len, "ou", part, sizeof(part));
    cert_dn_is(p, len, "cn=a,o=b");
    str_free(&s);
}

static void text(const uint8_t *p, size_t len)
{
    char *copy = strndup((const char *)p, len), server[FETCH_SERVER_MAX];
    if (copy != NULL) {
        fetch_server(copy, server, sizeof(server));
        cert_fold(copy);
    }
    free(copy);
}

// What is taken out of a bundle lies in it.
static void bundle(const uint8_t *p, size_t len)
{
    struct ike_certs c;
    bool good = cert_bundle(p, len, &c);
    for (unsigned i = 0; good && i < c.n; i++) {
        if (c.cert[i].p < p || c.cert[i].len > len || (size_t)(c.cert[i].p - p) > len - c.cert[i].len) {
            abort();
        }
    }
    if (c.n > IKE_MAX_CERTS || (good && c.n == 0)) {
        abort();
    }
}

// One CA for all runs: answers are judged against it.
static X509 *issuer;
static void make_issuer(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    issuer = X509_new();
    X509_set_version(issuer, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(issuer), 1);
    X509_gmtime_adj(X509_getm_notBefore(issuer), -1000);
    X509_gmtime_adj(X509_getm_notAfter(issuer), 1000000);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(issuer), "CN", MBSTRING_ASC, (const uint8_t *)"Root", -1, -1, 0);
    X509_set_issuer_name(issuer, X509_get_subject_name(issuer));
    X509_set_pubkey(issuer, key);
    X509_sign(issuer, key, EVP_sha256());
    EVP_PKEY_free(key);
}

static void answers(const uint8_t *p, size_t len, bool ocsp)
{
    int64_t next = 0;
    const char *why = NULL;
    char reason[REVOKE_WHY] = "";
    if (issuer == NULL) {
        make_issuer();
    }
    if (ocsp) {
        uint8_t *der = NULL;
        size_t n = 0;
        OCSP_REQUEST *q = revoke_ocsp_ask(issuer, issuer, true, &der, &n);
        if (q != NULL && revoke_ocsp_says(p, len, q, issuer, issuer, false, &next, reason) != REVOKE_NO_ANSWER) {
            abort(); // nobody can sign for this CA
        }
        OCSP_REQUEST_free(q);
        OPENSSL_free(der);
    } else {
        X509_CRL *crl = revoke_crl(p, len, issuer, false, 1700000000, &next, &why);
        if (crl != NULL) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf b;
    buf_init(&b, data, size);
    switch (buf_u8(&b) % 6) {
    case 0:
        certificate(&b);
        break;
    case 1:
        name(b.p, buf_left(&b));
        break;
    case 2:
        answers(b.p, buf_left(&b), false);
        break;
    case 3:
        answers(b.p, buf_left(&b), true);
        break;
    case 5:
        bundle(b.p, buf_left(&b));
        break;
    default:
        text(b.p, buf_left(&b));
        break;
    }
    return 0;
}
