// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/pki/cert.h"

#include <ctype.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

X509 *cert_parse(const uint8_t *der, size_t len, const char **why)
{
    if (len == 0 || len > CERT_MAX) {
        *why = len == 0 ? "it is empty" : "it is too long";
        return NULL;
    }
    const uint8_t *p = der;
    X509 *c = d2i_X509(NULL, &p, (long)len);
    ERR_clear_error();
    if (c == NULL || p != der + len) {
        *why = c == NULL ? "it is not a certificate" : "something follows it";
        X509_free(c);
        return NULL;
    }
    return c;
}

// ------------------------------------------------------------------------------------------------ what is not taken

static const char *key_oddity(X509 *c)
{
    const EVP_PKEY *key = X509_get0_pubkey(c);
    ERR_clear_error();
    if (key == NULL) {
        return "its public key cannot be read";
    }
    int explicit_curve = 0;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return EVP_PKEY_get_bits(key) > CERT_MAX_RSA_BITS ? "its RSA key is too long" : NULL;
    case EVP_PKEY_EC:
        EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_curve);
        return explicit_curve ? "its curve has no name" : NULL;
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
        return NULL;
    default:
        return "its public key is of a kind that is not used here";
    }
}

const char *cert_oddity(X509 *c)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(c);
    if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER) {
        return "its serial number is negative";
    }
    if (ASN1_STRING_length(serial) > CERT_MAX_SERIAL) {
        return "its serial number is too long";
    }
    if (X509_get_version(c) != 2 && X509_get_ext_count(c) > 0) {
        return "it has extensions but not version 3";
    }
    if (X509_get_extension_flags(c) & EXFLAG_INVALID) {
        ERR_clear_error();
        return "an extension of it is malformed or there twice";
    }
    return key_oddity(c);
}

const char *cert_wrong_use(X509 *c)
{
    uint32_t usage = X509_get_key_usage(c); // all bits if the extension is not there
    if ((usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0) {
        return "its key usage does not allow signatures";
    }
    if ((X509_get_extension_flags(c) & EXFLAG_XKUSAGE) == 0) {
        return NULL;
    }
    static const int good[] = {NID_anyExtendedKeyUsage, NID_server_auth, NID_client_auth, NID_ipsec_IKE};
    EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(c, NID_ext_key_usage, NULL, NULL);
    bool ok = false;
    for (int i = 0; i < sk_ASN1_OBJECT_num(uses); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(uses, i));
        for (unsigned g = 0; g < sizeof(good) / sizeof(good[0]); g++) {
            ok |= nid == good[g];
        }
    }
    EXTENDED_KEY_USAGE_free(uses);
    ERR_clear_error();
    return ok ? NULL : "its extended key usage does not allow IKE";
}

// ------------------------------------------------------------------------------------------------ identities

static bool same_text(const ASN1_STRING *s, const struct ike_id *id)
{
    int len = ASN1_STRING_length(s);
    return len > 0 && len == id->len &&
           strncasecmp((const char *)ASN1_STRING_get0_data(s), (const char *)id->data, id->len) == 0 &&
           memchr(id->data, 0, id->len) == NULL;
}

static bool alt_is(const GENERAL_NAME *g, const struct ike_id *id)
{
    switch (id->type) {
    case IKE_ID_FQDN:
        return g->type == GEN_DNS && same_text(g->d.dNSName, id);
    case IKE_ID_EMAIL:
        return g->type == GEN_EMAIL && same_text(g->d.rfc822Name, id);
    case IKE_ID_IPV4:
    case IKE_ID_IPV6:
        return g->type == GEN_IPADD && id->len == (id->type == IKE_ID_IPV4 ? 4 : 16) &&
               ASN1_STRING_length(g->d.iPAddress) == id->len &&
               memcmp(ASN1_STRING_get0_data(g->d.iPAddress), id->data, id->len) == 0;
    default:
        return false;
    }
}

// Names are compared as OpenSSL does (RFC 5280 7.1: case and blanks, whatever string type they are in).
static bool subject_is(X509 *c, const struct ike_id *id)
{
    const uint8_t *p = id->data;
    X509_NAME *n = d2i_X509_NAME(NULL, &p, id->len);
    bool same = n != NULL && p == id->data + id->len && X509_NAME_entry_count(n) > 0 &&
                X509_NAME_cmp(n, X509_get_subject_name(c)) == 0;
    X509_NAME_free(n);
    ERR_clear_error();
    return same;
}

bool cert_has_id(X509 *c, const struct ike_id *id)
{
    if (id->type == IKE_ID_DN) {
        return subject_is(c, id);
    }
    GENERAL_NAMES *names = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        found = alt_is(sk_GENERAL_NAME_value(names, i), id);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return found;
}

struct ike_id *cert_subject_id(X509 *c)
{
    const X509_NAME *n = X509_get_subject_name(c);
    const uint8_t *der;
    size_t len;
    if (X509_NAME_entry_count(n) == 0 || X509_NAME_get0_der(n, &der, &len) != 1) {
        return NULL;
    }
    return ike_id_new(IKE_ID_DN, der, len);
}

// ------------------------------------------------------------------------------------------------ texts

static void add_escaped(struct str *out, const uint8_t *p, int len)
{
    for (int i = 0; i < len; i++) {
        bool edge = p[i] == ' ' && (i == 0 || i == len - 1);
        if (p[i] < 0x20 || p[i] == 0x7f) {
            str_addf(out, "\\%02x", p[i]);
        } else {
            str_addf(out, "%s%c", strchr(",+=\"\\<>;", p[i]) != NULL || edge ? "\\" : "", p[i]);
        }
    }
}

static void type_text(const X509_NAME_ENTRY *e, char *out, size_t cap)
{
    const ASN1_OBJECT *o = X509_NAME_ENTRY_get_object(e);
    int nid = OBJ_obj2nid(o);
    if (nid == NID_undef) {
        OBJ_obj2txt(out, (int)cap, o, 1);
        return;
    }
    str_copy(out, cap, OBJ_nid2sn(nid));
    for (char *p = out; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
}

void cert_name_text(const X509_NAME *n, struct str *out)
{
    for (int i = X509_NAME_entry_count(n) - 1; i >= 0; i--) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(n, i);
        const X509_NAME_ENTRY *next = i > 0 ? X509_NAME_get_entry(n, i - 1) : NULL;
        char type[80];
        unsigned char *text = NULL;
        type_text(e, type, sizeof(type));
        int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(e));
        str_addf(out, "%s=", type);
        if (len >= 0) {
            add_escaped(out, text, len);
        }
        OPENSSL_free(text);
        if (next != NULL) {
            str_add(out, X509_NAME_ENTRY_set(next) == X509_NAME_ENTRY_set(e) ? "+" : ",");
        }
    }
    ERR_clear_error();
}

static X509_NAME *name_of(const uint8_t *der, size_t len)
{
    const uint8_t *p = der;
    X509_NAME *n = len > IKE_MAX_ID ? NULL : d2i_X509_NAME(NULL, &p, (long)len);
    ERR_clear_error();
    if (n != NULL && p != der + len) {
        X509_NAME_free(n);
        n = NULL;
    }
    return n;
}

bool cert_dn_text(const uint8_t *der, size_t len, struct str *out)
{
    X509_NAME *n = name_of(der, len);
    if (n != NULL) {
        cert_name_text(n, out);
    }
    X509_NAME_free(n);
    return n != NULL;
}

bool cert_dn_part(const uint8_t *der, size_t len, const char *type, char *out, size_t cap)
{
    X509_NAME *n = name_of(der, len);
    bool found = false, ok = false;
    for (int i = X509_NAME_entry_count(n) - 1; n != NULL && i >= 0 && !found; i--) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(n, i);
        char its[80];
        unsigned char *text = NULL;
        type_text(e, its, sizeof(its));
        if (strcasecmp(its, type) != 0) {
            continue;
        }
        int got = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(e));
        found = true;
        ok = got > 0 && (size_t)got < cap && memchr(text, 0, (size_t)got) == NULL;
        if (ok) {
            memcpy(out, text, (size_t)got);
            out[got] = '\0';
        }
        OPENSSL_free(text);
    }
    X509_NAME_free(n);
    ERR_clear_error();
    return ok;
}

void cert_fold(char *text)
{
    char *to = text;
    const char *from = text;
    bool after = true; // a blank here goes: at the beginning, or behind , or =
    while (*from != '\0') {
        if (*from == '\\' && from[1] != '\0') {
            *to++ = *from++;
            *to++ = (char)tolower((unsigned char)*from++);
            after = false;
            continue;
        }
        bool mark = *from == ',' || *from == '=';
        while (mark && to > text && to[-1] == ' ' && !(to > text + 1 && to[-2] == '\\')) {
            to--;
        }
        if (*from != ' ' || !after) {
            *to++ = (char)tolower((unsigned char)*from);
        }
        after = mark || (*from == ' ' && after);
        from++;
    }
    while (to > text && to[-1] == ' ' && !(to > text + 1 && to[-2] == '\\')) {
        to--;
    }
    *to = '\0';
}

bool cert_dn_is(const uint8_t *der, size_t len, const char *text)
{
    struct str name = {0}, want = {0};
    bool same = false;
    str_add(&want, text);
    if (cert_dn_text(der, len, &name) && name.len > 0 && want.len > 0 && !name.failed && !want.failed) {
        cert_fold(name.text);
        cert_fold(want.text);
        same = strcmp(name.text, want.text) == 0;
    }
    str_free(&name);
    str_free(&want);
    return same;
}

static void alt_text(const GENERAL_NAME *g, struct str *out)
{
    const ASN1_STRING *s = NULL;
    switch (g->type) {
    case GEN_DNS:
        s = g->d.dNSName;
        break;
    case GEN_EMAIL:
        s = g->d.rfc822Name;
        break;
    case GEN_URI:
        s = g->d.uniformResourceIdentifier;
        break;
    case GEN_IPADD: {
        struct ip_addr a = {0};
        char text[64];
        int len = ASN1_STRING_length(g->d.iPAddress);
        if (len == 4 || len == 16) {
            a.family = len == 4 ? 4 : 6;
            memcpy(a.b, ASN1_STRING_get0_data(g->d.iPAddress), (size_t)len);
            str_add(out, ike_addr_format(&a, text, sizeof(text)));
        }
        break;
    }
    case GEN_DIRNAME:
        cert_name_text(g->d.directoryName, out);
        break;
    default:
        break;
    }
    if (s != NULL) {
        add_escaped(out, ASN1_STRING_get0_data(s), ASN1_STRING_length(s));
    }
}

bool cert_alt_names(X509 *c, bool (*fn)(void *arg, const char *text), void *arg)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(c, NID_subject_alt_name, NULL, NULL);
    bool go_on = true;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && go_on; i++) {
        struct str s = {0};
        alt_text(sk_GENERAL_NAME_value(names, i), &s);
        go_on = s.len == 0 || fn(arg, str_text(&s));
        str_free(&s);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return go_on;
}

void cert_serial_text(const ASN1_INTEGER *serial, char *out, size_t cap)
{
    const uint8_t *p = ASN1_STRING_get0_data(serial);
    int len = ASN1_STRING_length(serial);
    size_t n = 0;
    while (len > 1 && *p == 0) {
        p++;
        len--;
    }
    out[0] = '\0';
    for (int i = 0; i < len && n + 3 < cap; i++) {
        n += (size_t)snprintf(out + n, cap - n, i == 0 ? "%x" : "%02x", p[i]);
    }
}

void cert_key_text(const EVP_PKEY *key, char *out, size_t cap)
{
    char curve[64] = "";
    const char *type = key == NULL ? NULL : EVP_PKEY_get0_type_name(key);
    if (type == NULL) {
        snprintf(out, cap, "none");
    } else if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1) {
        snprintf(out, cap, "%s %s", type, curve);
    } else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA || EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS) {
        snprintf(out, cap, "%s %d", type, EVP_PKEY_get_bits(key));
    } else {
        snprintf(out, cap, "%s", type);
    }
    ERR_clear_error();
}

int64_t cert_time(const ASN1_TIME *t)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1) {
        ERR_clear_error();
        return -1;
    }
    return (int64_t)timegm(&tm);
}

// The contents of an ASN.1 element of this kind at *p; *left becomes what follows it. NULL: it is not there.
static const uint8_t *element(const uint8_t **p, long *left, int want_class, int *tag, long *len)
{
    const uint8_t *start = *p, *at = start;
    int class;
    if (*left <= 0 || (ASN1_get_object(&at, len, tag, &class, *left) & ~V_ASN1_CONSTRUCTED) != 0 ||
        class != want_class) {
        return NULL;
    }
    *left -= at + *len - start;
    *p = at + *len;
    return at;
}

bool cert_bundle(const uint8_t *p, size_t len, struct ike_certs *out)
{
    enum { CERT = 0, CRL = 1 };
    long left = len > LONG_MAX ? 0 : (long)len, n = 0;
    int tag = 0;
    const uint8_t *in = element(&p, &left, V_ASN1_UNIVERSAL, &tag, &n);
    bool ok = in != NULL && tag == V_ASN1_SEQUENCE && left == 0;
    *out = (struct ike_certs){0};
    while (ok && n > 0) {
        long one = 0;
        const uint8_t *c = element(&in, &n, V_ASN1_CONTEXT_SPECIFIC, &tag, &one);
        ok = c != NULL && one > 0 && (tag == CRL || (tag == CERT && out->n < IKE_MAX_CERTS));
        if (ok && tag == CERT) {
            out->cert[out->n++] = (struct ike_cert){c, (size_t)one};
        }
    }
    ERR_clear_error();
    return ok && out->n > 0;
}
