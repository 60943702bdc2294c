// SPDX-License-Identifier: BSD-2-Clause
// Seeds for the fuzz target of certificates: good ones of every kind.
#include "hostd/ike/ike_const.h"
#include "tests/unit/pki/ca.h"

#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder;

static void put(const char *file, const uint8_t *head, size_t head_len, const uint8_t *p, int len)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(head, 1, head_len, f) != head_len || fwrite(p, 1, (size_t)len, f) != (size_t)len) {
        perror(path);
        exit(1);
    }
    fclose(f);
}

static void put_cert(const char *file, X509 *c, uint8_t id_type, const char *id)
{
    uint8_t head[64] = {0, id_type, (uint8_t)strlen(id)}, *der = NULL;
    memcpy(head + 3, id, strlen(id));
    int len = i2d_X509(c, &der);
    put(file, head, 3 + strlen(id), der, len);
    OPENSSL_free(der);
}

static void put_ocsp(const struct made *root, X509 *c)
{
    const uint8_t head[] = {3};
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    ASN1_TIME *t = X509_gmtime_adj(NULL, 0);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), c, root->cert);
    OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, t, t);
    OCSP_basic_sign(basic, root->cert, root->key, EVP_sha256(), NULL, 0);
    OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    uint8_t *der = NULL;
    int len = i2d_OCSP_RESPONSE(r, &der);
    put("ocsp", head, 1, der, len);
    OPENSSL_free(der);
    OCSP_CERTID_free(id);
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(t);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    folder = argv[1];
    struct made root = ca_root("CN=Root", "p256");
    const struct spec full = {.subject = "C=DE/O=Example/OU=Lab/CN=r1",
                              .basic = "critical,CA:FALSE",
                              .usage = "digitalSignature",
                              .ext_usage = "ipsecIKE,serverAuth",
                              .san = "DNS:r1.example.com,email:r1@example.com,IP:192.0.2.1,URI:http://example.com,"
                                     "RID:1.2.3,otherName:1.3.6.1.5.5.7.8.5;UTF8:x",
                              .crl = "URI:http://example.com/a.crl",
                              .aia = "OCSP;URI:http://example.com:8080/ocsp"};
    const struct spec rsa = {.subject = "CN=r2", .key = "rsa1024", .constraints = "permitted;DNS:x"};
    const struct spec ed = {.subject = "CN=r3,o=x", .key = "ed25519", .serial = "-1"};
    struct made a = ca_make(&full, &root), b = ca_make(&rsa, &root), c = ca_make(&ed, &root);
    put_cert("cert-full", a.cert, IKE_ID_FQDN, "r1.example.com");
    put_cert("cert-rsa", b.cert, IKE_ID_EMAIL, "r2@example.com");
    put_cert("cert-ed", c.cert, IKE_ID_DN, "0");
    put_cert("cert-root", root.cert, IKE_ID_IPV4, "1234");
    const uint8_t is_name[] = {1}, is_crl[] = {2}, is_text[] = {4};
    uint8_t *der = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(a.cert), &der);
    put("name", is_name, 1, der, len);
    OPENSSL_free(der);
    X509_CRL *crl = ca_crl(&root, (const char *const[]){"66", "67", NULL}, 3600);
    der = NULL;
    len = i2d_X509_CRL(crl, &der);
    put("crl", is_crl, 1, der, len);
    OPENSSL_free(der);
    X509_CRL_free(crl);
    put_ocsp(&root, a.cert);
    const char *text = " CN = a\\, b , O = x", *url = "http://user@[2001:db8::1]:80/a?b#c";
    put("text", is_text, 1, (const uint8_t *)text, (int)strlen(text));
    put("url", is_text, 1, (const uint8_t *)url, (int)strlen(url));
    const uint8_t in_bundle[] = {5, 0x30, 0x0c, 0xa0, 4, 0x30, 2, 5, 0, 0xa1, 4, 0x30, 2, 5, 0};
    put("bundle", in_bundle, 1, in_bundle + 1, (int)sizeof(in_bundle) - 1);
    struct made *all[] = {&root, &a, &b, &c};
    for (unsigned i = 0; i < 4; i++) {
        made_free(all[i]);
    }
    return 0;
}
