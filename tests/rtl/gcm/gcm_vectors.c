/* SPDX-License-Identifier: BSD-2-Clause */
/* NIST's CAVP vectors for AES-GCM, the .rsp files of Debian's python3-cryptography-vectors (or the folder GCM_VECTORS).
 */
#include "tests/rtl/gcm/gcm_tests.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTOR_DIR "/usr/lib/python3/dist-packages/cryptography_vectors/ciphers/AES/GCM"

enum { MAX_FIELD = 128, MAX_VECTORS = 8192 };

struct field {
    uint8_t b[MAX_FIELD];
    size_t n;
    bool bad; /* too long or not hexadecimal */
};

struct vector {
    struct field key, iv, pt, ct, aad, tag;
    bool fail, any;
};

/* Why vectors were not used. */
struct left {
    unsigned iv, tag, aad, empty, key;
};

/* The packets of one file; the buffers are clear and sealed, by turns. */
struct set {
    struct gcm_packet p[GCM_DIRS][MAX_VECTORS];
    size_t n[GCM_DIRS];
    uint8_t *buf[2 * MAX_VECTORS];
    size_t bufs;
    unsigned used, failing;
    struct left left;
};

static void read_field(struct field *f, const char *s)
{
    unsigned v;
    f->n = 0;
    f->bad = false;
    while (isxdigit((unsigned char)s[0]) && isxdigit((unsigned char)s[1])) {
        if (f->n == MAX_FIELD || sscanf(s, "%2x", &v) != 1) {
            f->bad = true;
            return;
        }
        f->b[f->n++] = (uint8_t)v;
        s += 2;
    }
    f->bad = *s && !isspace((unsigned char)*s);
}

static bool usable(const struct vector *v, size_t text, struct left *l)
{
    unsigned *why = NULL;
    if (v->key.bad || (v->key.n != 16 && v->key.n != 32))
        why = &l->key;
    else if (v->iv.bad || v->iv.n != 12)
        why = &l->iv;
    else if (v->tag.bad || v->tag.n != 16)
        why = &l->tag;
    else if (v->aad.bad || v->aad.n > 16)
        why = &l->aad;
    else if (v->ct.bad || v->pt.bad || text == 0)
        why = &l->empty;
    if (why)
        (*why)++;
    return !why;
}

static void add(struct set *s, const struct vector *v, bool encrypt)
{
    struct gcm_params g = {.key256 = v->key.n == 32, .aad_bytes = (uint8_t)v->aad.n};
    struct gcm_packet p = {.ok = !v->fail, .no_data = v->fail, .user = s->used};
    uint32_t hpow[32];

    if (!usable(v, v->ct.n, &s->left) || s->used == MAX_VECTORS)
        return;
    uint8_t *clear = calloc(1, MAX_FIELD), *sealed = calloc(1, MAX_FIELD + 16);
    if (!clear || !sealed)
        exit(2);
    s->buf[s->bufs++] = clear;
    s->buf[s->bufs++] = sealed;
    memcpy(clear, v->pt.b, v->pt.n);
    memcpy(sealed, v->ct.b, v->ct.n);
    memcpy(sealed + v->ct.n, v->tag.b, 16);
    memcpy(g.key, v->key.b, v->key.n);
    memcpy(g.nonce, v->iv.b, 12);
    memcpy(g.aad, v->aad.b, v->aad.n);
    gcm_model_hpow(g.key256, g.key, hpow);
    gcm_pack_ctx(&g, hpow, &p.ctx);
    p.out_words = (v->ct.n + 16 + 63) / 64;
    p.in = sealed;
    p.in_bytes = v->ct.n + 16;
    p.out = clear;
    p.out_bytes = v->ct.n;
    s->p[GCM_DECRYPT][s->n[GCM_DECRYPT]++] = p;
    if (encrypt) {
        p.in = clear;
        p.in_bytes = v->ct.n;
        p.out = sealed;
        p.out_bytes = v->ct.n + 16;
        s->p[GCM_ENCRYPT][s->n[GCM_ENCRYPT]++] = p;
    }
    s->used++;
    s->failing += v->fail;
}

static void read_file(FILE *f, struct set *s, bool encrypt)
{
    char line[4096];
    struct vector v = {0};

    while (fgets(line, sizeof line, f)) {
        char name[16] = "";
        const char *eq = strchr(line, '=');
        if (line[0] == '[' || line[0] == '#')
            continue;
        if (sscanf(line, "%15[A-Za-z]", name) != 1) { /* a blank line ends a vector */
            if (v.any)
                add(s, &v, encrypt);
            memset(&v, 0, sizeof v);
            continue;
        }
        const char *value = eq ? eq + 1 + strspn(eq + 1, " ") : "";
        v.any = true;
        if (!strcmp(name, "Key"))
            read_field(&v.key, value);
        else if (!strcmp(name, "IV"))
            read_field(&v.iv, value);
        else if (!strcmp(name, "PT"))
            read_field(&v.pt, value);
        else if (!strcmp(name, "CT"))
            read_field(&v.ct, value);
        else if (!strcmp(name, "AAD"))
            read_field(&v.aad, value);
        else if (!strcmp(name, "Tag"))
            read_field(&v.tag, value);
        else if (!strcmp(name, "FAIL"))
            v.fail = true;
    }
    if (v.any)
        add(s, &v, encrypt);
}

static void test_file(struct gcm_test *t, const char *dir, const char *name, bool encrypt)
{
    char path[512], title[160];
    struct gcm_result res;
    struct set *s;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    if (!f) {
        t->count++;
        printf("ok - NIST vectors %s # SKIP %s is not there (package python3-cryptography-vectors)\n", name, path);
        return;
    }
    s = calloc(1, sizeof *s);
    if (!s)
        exit(2);
    read_file(f, s, encrypt);
    fclose(f);
    struct gcm_run r = {.p = {s->p[0], s->p[1]}, .n = {s->n[0], s->n[1]}};
    gcm_test_run(t, &r, &res);
    printf("# %s: used %u (%u of them to be rejected); left: IV not 96 bits %u, tag not 128 bits %u, AAD over 16 bytes "
           "%u, "
           "no payload %u, other keys %u\n",
           name, s->used, s->failing, s->left.iv, s->left.tag, s->left.aad, s->left.empty, s->left.key);
    snprintf(title, sizeof title, "NIST vectors %s: all %u used ones agree", name, s->used);
    gcm_ok(t, !res.errors && s->used > 0 && (encrypt || s->failing > 0) && res.checks >= s->used, title,
           "%llu errors of %u vectors, first: %s", (unsigned long long)res.errors, s->used, res.first_error);
    for (size_t i = 0; i < s->bufs; i++)
        free(s->buf[i]);
    free(s);
}

void gcm_test_vectors(struct gcm_test *t)
{
    const char *env = getenv("GCM_VECTORS"), *dir = env ? env : VECTOR_DIR;
    test_file(t, dir, "gcmEncryptExtIV128.rsp", true);
    test_file(t, dir, "gcmEncryptExtIV256.rsp", true);
    test_file(t, dir, "gcmDecrypt128.rsp", false);
    test_file(t, dir, "gcmDecrypt256.rsp", false);
}
