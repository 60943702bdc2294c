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

static const char *addr(const struct ike_addr *a, char *out)
{
    return ike_addr_format(a, out, 64);
}

static void write_esp(FILE *f, const struct ike_suite *s, const char *from, const char *to, uint32_t spi,
                      const struct ike_child_key *key)
{
    bool gcm = s->encr == IKE_ENCR_AES_GCM_16;
    fprintf(f, "esp_sa:\"IPv4\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"0x", from, to, spi,
            gcm ? "AES-GCM with 16 octet ICV [RFC4106]" : "AES-CBC [RFC3602]");
    hex(f, key->encr, key->encr_len);
    fprintf(f, "\",\"%s\",\"", gcm ? "NULL" : "HMAC-SHA-256-128 [RFC4868]");
    if (key->integ_len > 0) {
        fprintf(f, "0x");
        hex(f, key->integ, key->integ_len);
    }
    fprintf(f, "\"\n");
}

static void write_ike(FILE *f, const struct ike_key_export *e)
{
    bool gcm = e->suite.encr == IKE_ENCR_AES_GCM_16;
    static const char *const integ[] = {"HMAC_SHA2_256_128 [RFC4868]", "HMAC_SHA2_384_192 [RFC4868]",
                                        "HMAC_SHA2_512_256 [RFC4868]"};
    unsigned at = e->suite.integ - IKE_INTEG_HMAC_SHA2_256_128;
    fprintf(f, "ikev2_decryption_table:%016" PRIx64 ",%016" PRIx64 ",", e->spi_i, e->spi_r);
    hex(f, e->sk_ei, e->encr_len);
    fprintf(f, ",");
    hex(f, e->sk_er, e->encr_len);
    if (gcm) {
        fprintf(f, ",\"AES-GCM-%u with 16 octet ICV [RFC5282]\",\"\",\"\",\"NONE [RFC4306]\"\n", e->suite.encr_bits);
        return;
    }
    fprintf(f, ",\"AES-CBC-%u [RFC3602]\",", e->suite.encr_bits);
    hex(f, e->sk_ai, e->integ_len);
    fprintf(f, ",");
    hex(f, e->sk_ar, e->integ_len);
    fprintf(f, ",\"%s\"\n", at < 3 ? integ[at] : "NONE [RFC4306]");
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
