// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct keylog {
    FILE *file;
};

struct keylog *keylog_open(const char *path, char *err, size_t err_size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    struct keylog *k = f == NULL ? NULL : calloc(1, sizeof(*k));
    if (k == NULL) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        if (f != NULL) {
            fclose(f);
        }
        return NULL;
    }
    setvbuf(f, NULL, _IOLBF, 0);
    k->file = f;
    return k;
}

void keylog_close(struct keylog *k)
{
    if (k != NULL) {
        fclose(k->file);
    }
    free(k);
}

static void hex(FILE *f, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        fprintf(f, "%02x", data[i]);
    }
}

static const char *addr(const struct ip_addr *a, char *out)
{
    return ike_addr_format(a, out, 64);
}

// tshark's names, of ESP and of IKE (there the key length follows). What is not here it cannot decrypt.
static const struct cipher_name {
    uint16_t encr;
    const char *esp, *ike, *ike_rfc;
} ciphers[] = {
    {IKE_ENCR_AES_GCM_16, "AES-GCM with 16 octet ICV [RFC4106]", "AES-GCM-", " with 16 octet ICV [RFC5282]"},
    {IKE_ENCR_AES_CBC, "AES-CBC [RFC3602]", "AES-CBC-", " [RFC3602]"},
    {IKE_ENCR_AES_CTR, "AES-CTR [RFC3686]", "AES-CTR-", " [RFC5930]"},
    {IKE_ENCR_3DES, "TripleDES-CBC [RFC2451]", "3DES", " [RFC2451]"},
    {IKE_ENCR_NULL, "NULL", NULL, NULL},
};
static const struct integ_name {
    uint16_t integ;
    const char *esp, *ike;
} integs[] = {
    {IKE_INTEG_NONE, "NULL", "NONE [RFC4306]"},
    {IKE_INTEG_HMAC_MD5_96, "HMAC-MD5-96 [RFC2403]", "HMAC_MD5_96 [RFC2403]"},
    {IKE_INTEG_HMAC_SHA1_96, "HMAC-SHA-1-96 [RFC2404]", "HMAC_SHA1_96 [RFC2404]"},
    {IKE_INTEG_HMAC_SHA2_256_128, "HMAC-SHA-256-128 [RFC4868]", "HMAC_SHA2_256_128 [RFC4868]"},
    {IKE_INTEG_HMAC_SHA2_384_192, "HMAC-SHA-384-192 [RFC4868]", "HMAC_SHA2_384_192 [RFC4868]"},
    {IKE_INTEG_HMAC_SHA2_512_256, "HMAC-SHA-512-256 [RFC4868]", "HMAC_SHA2_512_256 [RFC4868]"},
};

static bool find_names(const struct ike_suite *s, const struct cipher_name **cipher, const struct integ_name **integ)
{
    *cipher = NULL;
    *integ = NULL;
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        *cipher = ciphers[i].encr == s->encr ? &ciphers[i] : *cipher;
    }
    for (size_t i = 0; i < sizeof(integs) / sizeof(integs[0]); i++) {
        *integ = integs[i].integ == s->integ ? &integs[i] : *integ;
    }
    return *cipher != NULL && *integ != NULL;
}

static void write_esp(FILE *f, const struct ike_suite *s, const char *from, const char *to, uint32_t spi,
                      const struct ike_child_key *key)
{
    const struct cipher_name *cipher;
    const struct integ_name *integ;
    if (!find_names(s, &cipher, &integ)) {
        return;
    }
    fprintf(f, "esp_sa:\"IPv4\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"", from, to, spi, cipher->esp);
    if (key->encr_len > 0) {
        fprintf(f, "0x");
        hex(f, key->encr, key->encr_len);
    }
    fprintf(f, "\",\"%s\",\"", integ->esp);
    if (key->integ_len > 0) {
        fprintf(f, "0x");
        hex(f, key->integ, key->integ_len);
    }
    fprintf(f, "\"\n");
}

static void write_ike(FILE *f, const struct ike_key_export *e)
{
    const struct cipher_name *cipher;
    const struct integ_name *integ;
    char bits[8] = "";
    if (!find_names(&e->suite, &cipher, &integ) || cipher->ike == NULL) {
        return;
    }
    if (e->suite.encr_bits > 0) {
        snprintf(bits, sizeof(bits), "%u", e->suite.encr_bits);
    }
    fprintf(f, "ikev2_decryption_table:%016" PRIx64 ",%016" PRIx64 ",", e->spi_i, e->spi_r);
    hex(f, e->sk_ei, e->encr_len);
    fprintf(f, ",");
    hex(f, e->sk_er, e->encr_len);
    fprintf(f, ",\"%s%s%s\",", cipher->ike, bits, cipher->ike_rfc);
    if (e->integ_len > 0) {
        hex(f, e->sk_ai, e->integ_len);
        fprintf(f, ",");
        hex(f, e->sk_ar, e->integ_len);
    } else {
        fprintf(f, "\"\",\"\"");
    }
    fprintf(f, ",\"%s\"\n", integ->ike);
}

void keylog_write(struct keylog *k, const struct ike_key_export *e)
{
    if (!e->child) {
        write_ike(k->file, e);
        return;
    }
    char local[64], remote[64];
    addr(&e->sa->path.local, local);
    addr(&e->sa->path.remote, remote);
    write_esp(k->file, &e->suite, remote, local, e->sa->spi_in, e->in);
    write_esp(k->file, &e->suite, local, remote, e->sa->spi_out, e->out);
}
