// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/pki/ca.h"
#include "tests/unit/pki/must.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY = 86400, YEAR = 365 * DAY };

EVP_PKEY *ca_key(const char *kind)
{
    EVP_PKEY *k;
    if (strncmp(kind, "rsa", 3) == 0) {
        k = EVP_RSA_gen((unsigned)atoi(kind + 3));
    } else if (strcmp(kind, "ed25519") == 0) {
        k = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    } else {
        k = EVP_EC_gen(strcmp(kind, "p384") == 0 ? "P-384" : "P-256");
    }
    MUST(k != NULL);
    return k;
}

static void set_name(X509_NAME *n, const char *text)
{
    char part[256];
    while (*text != '\0') {
        size_t len = strcspn(text, "/");
        snprintf(part, sizeof(part), "%.*s", (int)len, text);
        char *value = strchr(part, '=');
        MUST(value != NULL);
        *value++ = '\0';
        MUST(X509_NAME_add_entry_by_txt(n, part, MBSTRING_UTF8, (unsigned char *)value, -1, -1, 0) == 1);
        text += len + (text[len] == '/');
    }
}

static void add_ext(X509 *c, X509 *issuer, int nid, const char *value)
{
    if (value == NULL) {
        return;
    }
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(e != NULL);
    MUST(X509_add_ext(c, e, -1) == 1);
    X509_EXTENSION_free(e);
}

struct made ca_make(const struct spec *s, const struct made *issuer)
{
    static long next_serial = 1000;
    struct made m = {X509_new(), ca_key(s->key == NULL ? "p256" : s->key)};
    X509 *by = issuer == NULL ? m.cert : issuer->cert;
    EVP_PKEY *with = issuer == NULL ? m.key : issuer->key;
    char number[32];
    BIGNUM *serial = NULL;
    MUST(X509_set_version(m.cert, 2) == 1);
    snprintf(number, sizeof(number), "%ld", next_serial++);
    MUST(BN_dec2bn(&serial, s->serial == NULL ? number : s->serial) > 0);
    MUST(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(m.cert)) != NULL);
    BN_free(serial);
    bool ordinary = s->from == 0 && s->to == 0;
    MUST(X509_gmtime_adj(X509_getm_notBefore(m.cert), ordinary ? -DAY : s->from) != NULL);
    MUST(X509_gmtime_adj(X509_getm_notAfter(m.cert), ordinary ? YEAR : s->to) != NULL);
    X509_NAME *n = X509_NAME_new();
    set_name(n, s->subject);
    MUST(X509_set_subject_name(m.cert, n) == 1);
    MUST(X509_set_issuer_name(m.cert, issuer == NULL ? n : X509_get_subject_name(by)) == 1);
    X509_NAME_free(n);
    MUST(X509_set_pubkey(m.cert, m.key) == 1);
    add_ext(m.cert, by, NID_basic_constraints, s->basic);
    add_ext(m.cert, by, NID_key_usage, s->usage);
    add_ext(m.cert, by, NID_ext_key_usage, s->ext_usage);
    add_ext(m.cert, by, NID_subject_alt_name, s->san);
    add_ext(m.cert, by, NID_name_constraints, s->constraints);
    add_ext(m.cert, by, NID_crl_distribution_points, s->crl);
    add_ext(m.cert, by, NID_info_access, s->aia);
    add_ext(m.cert, by, NID_netscape_cert_type, s->ns_type);
    add_ext(m.cert, by, NID_subject_key_identifier, "hash");
    if (s->twice != 0) {
        add_ext(m.cert, by, s->twice, s->basic != NULL ? s->basic : s->usage);
    }
    bool eddsa = EVP_PKEY_get_base_id(with) == EVP_PKEY_ED25519;
    MUST(X509_sign(m.cert, with, eddsa ? NULL : s->digest == NULL ? EVP_sha256() : s->digest) > 0);
    return m;
}

struct made ca_root(const char *subject, const char *key)
{
    const struct spec s = {
        .subject = subject, .key = key, .basic = "critical,CA:TRUE", .usage = "critical,keyCertSign,cRLSign"};
    return ca_make(&s, NULL);
}

void made_free(struct made *m)
{
    X509_free(m->cert);
    EVP_PKEY_free(m->key);
}

uint8_t *ca_der(X509 *c, size_t *len)
{
    uint8_t *der = NULL;
    int n = i2d_X509(c, &der);
    MUST(n > 0);
    *len = (size_t)n;
    return der;
}

static char folder[] = "/tmp/culvert-pki-XXXXXX";
static bool made_folder;

const char *ca_folder(void)
{
    if (!made_folder) {
        MUST(mkdtemp(folder) != NULL);
        made_folder = true;
    }
    return folder;
}

const char *ca_path(const char *file)
{
    static char path[8][256];
    static unsigned turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", ca_folder(), file);
    return path[turn];
}

void ca_write_cert(const char *file, X509 *c, X509 *next)
{
    FILE *f = fopen(ca_path(file), "w");
    MUST(f != NULL);
    MUST(PEM_write_X509(f, c) == 1);
    MUST(next == NULL || PEM_write_X509(f, next) == 1);
    fclose(f);
}

void ca_write_key(const char *file, EVP_PKEY *key, const char *password)
{
    FILE *f = fopen(ca_path(file), "w");
    MUST(f != NULL);
    MUST(PEM_write_PKCS8PrivateKey(f, key, password == NULL ? NULL : EVP_aes_128_cbc(), password,
                                   password == NULL ? 0 : (int)strlen(password), NULL, NULL) == 1);
    fclose(f);
}

void ca_write_pkcs12(const char *file, const struct made *own, STACK_OF(X509) * others, const char *password)
{
    PKCS12 *p = PKCS12_create(password, "me", own->key, own->cert, others, 0, 0, 0, 0, 0);
    FILE *f = fopen(ca_path(file), "w");
    MUST(p != NULL && f != NULL);
    MUST(i2d_PKCS12_fp(f, p) == 1);
    fclose(f);
    PKCS12_free(p);
}

void ca_cleanup(void)
{
    char command[128];
    if (made_folder) {
        snprintf(command, sizeof(command), "rm -rf %s", folder);
        MUST(system(command) == 0);
        made_folder = false;
        memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    }
}

X509_CRL *ca_crl(const struct made *issuer, const char *const *serials, long next)
{
    X509_CRL *c = X509_CRL_new();
    ASN1_TIME *t = ASN1_TIME_new();
    MUST(X509_CRL_set_version(c, 1) == 1);
    MUST(X509_CRL_set_issuer_name(c, X509_get_subject_name(issuer->cert)) == 1);
    MUST(X509_gmtime_adj(t, next < 0 ? 2 * next : -60) != NULL);
    MUST(X509_CRL_set1_lastUpdate(c, t) == 1);
    MUST(X509_gmtime_adj(t, next) != NULL);
    MUST(X509_CRL_set1_nextUpdate(c, t) == 1);
    MUST(X509_gmtime_adj(t, -30) != NULL);
    for (; *serials != NULL; serials++) {
        X509_REVOKED *r = X509_REVOKED_new();
        BIGNUM *n = NULL;
        MUST(BN_dec2bn(&n, *serials) > 0);
        ASN1_INTEGER *i = BN_to_ASN1_INTEGER(n, NULL);
        MUST(X509_REVOKED_set_serialNumber(r, i) == 1 && X509_REVOKED_set_revocationDate(r, t) == 1);
        ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();
        MUST(ASN1_ENUMERATED_set(why, 1) == 1); // keyCompromise
        MUST(X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, why, 0, 0) == 1);
        ASN1_ENUMERATED_free(why);
        ASN1_INTEGER_free(i);
        BN_free(n);
        MUST(X509_CRL_add0_revoked(c, r) == 1);
    }
    ASN1_TIME_free(t);
    bool eddsa = EVP_PKEY_get_base_id(issuer->key) == EVP_PKEY_ED25519;
    MUST(X509_CRL_sign(c, issuer->key, eddsa ? NULL : EVP_sha256()) > 0);
    return c;
}
