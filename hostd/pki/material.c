// SPDX-License-Identifier: BSD-2-Clause
// Keys and certificates from files, and into the state folder.
#include "hostd/pki/cert.h"
#include "hostd/pki/trustpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void pki_material_free(struct pki_material *m)
{
    sk_X509_pop_free(m->cas, X509_free);
    sk_X509_pop_free(m->chain, X509_free);
    X509_free(m->cert);
    EVP_PKEY_free(m->key);
    *m = (struct pki_material){0};
}

// ------------------------------------------------------------------------------------------------ reading

// A whole file as a memory BIO; the caller frees it (wiped: it is secure memory's kind of BIO).
static BIO *read_file(const char *path, char *err, size_t err_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    const char *why = !S_ISREG(st.st_mode) ? "is not a file" : st.st_size > PKI_FILE_MAX ? "is too long" : NULL;
    BIO *b = why == NULL ? BIO_new(BIO_s_secmem()) : NULL;
    char part[4096];
    ssize_t n = 0;
    size_t all = 0;
    while (b != NULL && (n = read(fd, part, sizeof(part))) > 0 && (all += (size_t)n) <= PKI_FILE_MAX) {
        BIO_write(b, part, (int)n);
    }
    OPENSSL_cleanse(part, sizeof(part));
    close(fd);
    if (b == NULL || n != 0) {
        snprintf(err, err_size, "%s: %s", path, why != NULL ? why : "cannot be read");
        BIO_free(b);
        return NULL;
    }
    return b;
}

uint8_t *pki_read_file(const char *path, size_t *len, char *err, size_t err_size)
{
    char *text = NULL;
    BIO *b = read_file(path, err, err_size);
    if (b == NULL) {
        return NULL;
    }
    long n = BIO_get_mem_data(b, &text);
    uint8_t *copy = n > 0 ? OPENSSL_memdup(text, (size_t)n) : NULL;
    BIO_free(b);
    if (copy == NULL) {
        snprintf(err, err_size, "%s: is empty", path);
    }
    *len = n > 0 ? (size_t)n : 0;
    return copy;
}

static bool add_cert(STACK_OF(X509) * *to, X509 *c)
{
    if (*to == NULL) {
        *to = sk_X509_new_null();
    }
    if (*to == NULL || sk_X509_push(*to, c) == 0) {
        X509_free(c);
        return false;
    }
    return true;
}

// All certificates of a file: PEM, one after the other, or a single one in DER.
static STACK_OF(X509) * read_certs(const char *path, char *err, size_t err_size)
{
    BIO *b = read_file(path, err, err_size);
    STACK_OF(X509) *all = NULL;
    X509 *c;
    bool ok = b != NULL;
    char *text = NULL;
    if (b == NULL) {
        return NULL;
    }
    long len = BIO_get_mem_data(b, &text);
    if (len > 0 && text[0] == 0x30) {
        const char *why = "";
        c = cert_parse((const uint8_t *)text, (size_t)len, &why);
        ok = c != NULL && add_cert(&all, c);
    } else {
        while (ok && (c = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL) {
            ok = sk_X509_num(all) < PKI_CAS_MAX ? add_cert(&all, c) : (X509_free(c), false);
        }
        // The end of the file is no fault, a broken certificate is.
        ok &= ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    }
    ERR_clear_error();
    BIO_free(b);
    if (!ok || sk_X509_num(all) < 1) {
        snprintf(err, err_size, "%s: %s", path,
                 ok ? "has no certificate" : "a certificate in it cannot be read, or there are too many");
        sk_X509_pop_free(all, X509_free);
        return NULL;
    }
    return all;
}

static int give_password(char *buf, int size, int rw, void *arg)
{
    const char *password = arg;
    (void)rw;
    if (password == NULL || strlen(password) > (size_t)size) {
        return -1;
    }
    memcpy(buf, password, strlen(password)); // NOLINT(bugprone-not-null-terminated-result): a length is returned
    return (int)strlen(password);
}

static EVP_PKEY *read_key(const char *path, const char *password, char *err, size_t err_size)
{
    BIO *b = read_file(path, err, err_size);
    if (b == NULL) {
        return NULL;
    }
    bool none = password == NULL || password[0] == '\0';
    EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, give_password, (void *)(uintptr_t)(none ? NULL : password));
    ERR_clear_error();
    BIO_free(b);
    if (key == NULL) {
        snprintf(err, err_size, "%s: %s", path,
                 none ? "has no private key in PEM, or it needs a password" : "no private key, or the wrong password");
    }
    return key;
}

bool pki_read_pem(struct pki_material *m, const char *ca, const char *cert, const char *key, const char *password,
                  char *err, size_t err_size)
{
    if (ca != NULL) {
        STACK_OF(X509) *more = read_certs(ca, err, err_size);
        bool ok = more != NULL;
        while (sk_X509_num(more) > 0) {
            ok &= add_cert(&m->cas, sk_X509_shift(more));
        }
        sk_X509_free(more);
        if (!ok) {
            return false;
        }
    }
    if (cert != NULL) {
        m->chain = read_certs(cert, err, err_size);
        if (m->chain == NULL) {
            return false;
        }
        m->cert = sk_X509_shift(m->chain);
    }
    if (key != NULL) {
        m->key = read_key(key, password, err, err_size);
    }
    return key == NULL || m->key != NULL;
}

bool pki_read_pkcs12(struct pki_material *m, const char *path, const char *password, char *err, size_t err_size)
{
    BIO *b = read_file(path, err, err_size);
    if (b == NULL) {
        return false;
    }
    PKCS12 *p = d2i_PKCS12_bio(b, NULL);
    STACK_OF(X509) *others = NULL;
    bool ok = p != NULL && PKCS12_parse(p, password == NULL ? "" : password, &m->key, &m->cert, &others) == 1;
    const char *why = p == NULL ? "is not PKCS #12"
                      : ok      ? "lacks a key or a certificate"
                                : "the password is wrong, or its encryption is not supported";
    ok = ok && m->key != NULL && m->cert != NULL;
    // Those that signed themselves are the trust anchors; without one, all of them.
    bool any = false;
    for (int i = 0; i < sk_X509_num(others); i++) {
        any |= X509_self_signed(sk_X509_value(others, i), 1) == 1;
    }
    while (sk_X509_num(others) > 0) {
        X509 *c = sk_X509_shift(others);
        ok &= add_cert(!any || X509_self_signed(c, 1) == 1 ? &m->cas : &m->chain, c);
    }
    sk_X509_free(others);
    PKCS12_free(p);
    BIO_free(b);
    ERR_clear_error();
    if (!ok) {
        snprintf(err, err_size, "%s: %s", path, why);
    }
    return ok;
}

// ------------------------------------------------------------------------------------------------ sense

static bool fault(char *err, size_t err_size, X509 *c, const char *why)
{
    struct str s = {0};
    cert_name_text(X509_get_subject_name(c), &s);
    snprintf(err, err_size, "certificate \"%.200s\": %s", str_text(&s), why);
    str_free(&s);
    return false;
}

static bool check_ca(X509 *c, char *err, size_t err_size)
{
    const char *why = cert_oddity(c);
    if (why == NULL && X509_check_ca(c) == 0 && X509_self_signed(c, 1) != 1) {
        why = "it is not a CA's";
    }
    ERR_clear_error();
    return why == NULL || fault(err, err_size, c, why);
}

// From our certificate to one of the CAs, whatever the time is.
static bool check_chain(const struct pki_material *m, char *err, size_t err_size)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool ok = store != NULL && ctx != NULL;
    for (int i = 0; ok && i < sk_X509_num(m->cas); i++) {
        ok = X509_STORE_add_cert(store, sk_X509_value(m->cas, i)) == 1;
    }
    ok = ok && X509_STORE_CTX_init(ctx, store, m->cert, m->chain) == 1;
    if (ok) {
        X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
        ok = X509_verify_cert(ctx) == 1 ||
             fault(err, err_size, m->cert, X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
    } else {
        snprintf(err, err_size, "out of memory");
    }
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return ok;
}

bool pki_material_check(const struct pki_material *m, char *err, size_t err_size)
{
    for (int i = 0; i < sk_X509_num(m->cas); i++) {
        if (!check_ca(sk_X509_value(m->cas, i), err, err_size)) {
            return false;
        }
    }
    if (m->cert == NULL) {
        return true;
    }
    const char *why = cert_oddity(m->cert);
    if (why == NULL) {
        why = cert_wrong_use(m->cert);
    }
    if (why == NULL && (m->key == NULL || X509_check_private_key(m->cert, m->key) != 1)) {
        why = "the private key is another one's";
    }
    ERR_clear_error();
    return why == NULL ? check_chain(m, err, err_size) : fault(err, err_size, m->cert, why);
}

static bool check_dates(X509 *c, char *err, size_t err_size)
{
    time_t now = time(NULL);
    if (X509_cmp_time(X509_get0_notAfter(c), &now) < 0) {
        return fault(err, err_size, c, "it has expired");
    }
    return X509_cmp_time(X509_get0_notBefore(c), &now) <= 0 || fault(err, err_size, c, "it is not valid yet");
}

bool pki_material_dates(const struct pki_material *m, char *err, size_t err_size)
{
    bool ok = m->cert == NULL || check_dates(m->cert, err, err_size);
    for (int i = 0; ok && i < sk_X509_num(m->cas); i++) {
        ok = check_dates(sk_X509_value(m->cas, i), err, err_size);
    }
    return ok;
}

// ------------------------------------------------------------------------------------------------ keeping

static bool write_pem(const char *folder, const char *file, const struct pki_material *m, char *err, size_t err_size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = f != NULL;
    if (strcmp(file, "key.pem") == 0) {
        ok = ok && PEM_write_PrivateKey(f, m->key, NULL, NULL, 0, NULL, NULL) == 1;
    } else if (strcmp(file, "cert.pem") == 0) {
        ok = ok && PEM_write_X509(f, m->cert) == 1;
        for (int i = 0; ok && i < sk_X509_num(m->chain); i++) {
            ok = PEM_write_X509(f, sk_X509_value(m->chain, i)) == 1;
        }
    } else {
        for (int i = 0; ok && i < sk_X509_num(m->cas); i++) {
            ok = PEM_write_X509(f, sk_X509_value(m->cas, i)) == 1;
        }
    }
    ok = ok && fflush(f) == 0 && fsync(fd) == 0;
    if (!ok) {
        snprintf(err, err_size, "%s: %s", path, errno != 0 ? strerror(errno) : "cannot be written");
    }
    if (f != NULL) {
        fclose(f);
    } else if (fd >= 0) {
        close(fd);
    }
    ERR_clear_error();
    return ok;
}

static const char *const state_files[] = {"ca.pem", "cert.pem", "key.pem"};

// Remove a folder of ours. A file that is not ours in it stops that.
static bool drop_folder(const char *folder)
{
    for (unsigned i = 0; i < sizeof(state_files) / sizeof(state_files[0]); i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/%s", folder, state_files[i]);
        unlink(path);
    }
    return rmdir(folder) == 0 || errno == ENOENT;
}

static bool make_folder(const char *path, char *err, size_t err_size)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

bool pki_keep(const struct pki_material *m, const char *state, const char *name, char *err, size_t err_size)
{
    char parent[PATH_MAX], folder[PATH_MAX], fresh[PATH_MAX], old[PATH_MAX];
    int cut = snprintf(parent, sizeof(parent), "%s/pki", state) >= (int)sizeof(parent) - CONF_NAME - 8;
    if (cut || !make_folder(state, err, err_size) || !make_folder(parent, err, err_size)) {
        if (cut) {
            snprintf(err, err_size, "%s: too long", state);
        }
        return false;
    }
    snprintf(folder, sizeof(folder), "%.*s/%s", PATH_MAX - CONF_NAME - 8, parent, name);
    snprintf(fresh, sizeof(fresh), "%.*s/.%s.new", PATH_MAX - CONF_NAME - 8, parent, name);
    snprintf(old, sizeof(old), "%.*s/.%s.old", PATH_MAX - CONF_NAME - 8, parent, name);
    drop_folder(fresh);
    drop_folder(old);
    bool ok = make_folder(fresh, err, err_size) &&
              (sk_X509_num(m->cas) < 1 || write_pem(fresh, "ca.pem", m, err, err_size)) &&
              (m->cert == NULL ||
               (write_pem(fresh, "cert.pem", m, err, err_size) && write_pem(fresh, "key.pem", m, err, err_size)));
    bool moved = ok && rename(folder, old) == 0;
    if (ok && rename(fresh, folder) != 0) {
        snprintf(err, err_size, "%s: %s", folder, strerror(errno));
        ok = false;
        if (moved && rename(old, folder) != 0) {
            snprintf(err, err_size, "%s: what was there before is in %s", folder, old);
        }
    }
    drop_folder(ok ? old : fresh);
    return ok;
}

bool pki_forget(const char *state, const char *name, char *err, size_t err_size)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof(folder), "%s/pki/%s", state, name);
    if (!drop_folder(folder)) {
        snprintf(err, err_size, "%s: %s", folder, strerror(errno));
        return false;
    }
    return true;
}
