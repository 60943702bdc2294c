// SPDX-License-Identifier: BSD-2-Clause
// What is done about certificates: clear, imports of certificates and keys. Files are read, checked and kept in
// the worker pool, for deriving a key from a password takes its time; then the configuration is applied once more, with
// the trustpoint in it.
#include "hostd/cli/exec.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum import_kind { IMPORT_PEM, IMPORT_PKCS12, IMPORT_CA, IMPORT_FORGET };

struct import {
    uv_work_t work;
    struct exec *x;
    enum import_kind kind;
    char state[CONF_TEXT], name[CONF_NAME], ca[CONF_TEXT], cert[CONF_TEXT], key[CONF_TEXT], password[CONF_TEXT];
    char err[512];
    bool ok;
};

// What is there already of our own, when only the CA comes.
static bool read_own(struct import *m, struct pki_material *to)
{
    char cert[2 * CONF_TEXT], key[2 * CONF_TEXT];
    snprintf(cert, sizeof(cert), "%s/pki/%s/cert.pem", m->state, m->name);
    snprintf(key, sizeof(key), "%s/pki/%s/key.pem", m->state, m->name);
    FILE *f = fopen(cert, "re");
    if (f == NULL) {
        return true;
    }
    fclose(f);
    return pki_read_pem(to, NULL, cert, key, NULL, m->err, sizeof(m->err));
}

static void import_run(uv_work_t *w)
{
    struct import *m = w->data;
    struct pki_material have = {0};
    if (m->kind == IMPORT_FORGET) {
        m->ok = pki_forget(m->state, m->name, m->err, sizeof(m->err));
        return;
    }
    bool ok = true;
    if (m->kind == IMPORT_PKCS12) {
        ok = pki_read_pkcs12(&have, m->cert, m->password, m->err, sizeof(m->err));
    } else if (m->kind == IMPORT_PEM) {
        ok = pki_read_pem(&have, m->ca, m->cert, m->key, m->password, m->err, sizeof(m->err));
    } else {
        ok = read_own(m, &have) && pki_read_pem(&have, m->ca, NULL, NULL, NULL, m->err, sizeof(m->err));
    }
    m->ok = ok && pki_material_check(&have, m->err, sizeof(m->err)) &&
            pki_material_dates(&have, m->err, sizeof(m->err)) &&
            pki_keep(&have, m->state, m->name, m->err, sizeof(m->err));
    pki_material_free(&have);
}

static void import_done(uv_work_t *w, int status)
{
    struct import *m = w->data;
    struct culvertd *d = exec_daemon(m->x);
    char err[1024];
    bool ok = m->ok && status == 0;
    if (!ok || d->stopping) {
        exec_fail(m->x, "%s", !ok ? m->err : "the daemon is stopping");
    } else {
        struct conf *c = conf_clone(d->conf);
        if (m->kind != IMPORT_FORGET && conf_find(&c->trustpoints, m->name) == NULL) {
            conf_default_trustpoint(conf_get(&c->trustpoints, m->name, sizeof(struct conf_trustpoint)));
        }
        if (daemon_apply(d, c, err, sizeof(err))) {
            exec_done(m->x, json_pack("{s:s}", "message", m->kind == IMPORT_FORGET ? "Forgotten" : "Imported"));
        } else {
            exec_fail(m->x, "kept, but not in use: %s", err);
        }
    }
    OPENSSL_cleanse(m, sizeof(*m));
    free(m);
}

static void start(struct exec *x, const struct args *a, enum import_kind kind)
{
    struct culvertd *d = exec_daemon(x);
    const struct conf_trustpoint *t = conf_find(&d->conf->trustpoints, args_text(a, "name"));
    struct import *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        exec_fail(x, "out of memory");
        return;
    }
    m->work.data = m;
    m->x = x;
    m->kind = kind;
    bool fits = str_copy(m->state, sizeof(m->state), d->options.state_path == NULL ? "" : d->options.state_path) &&
                str_copy(m->name, sizeof(m->name), args_text(a, "name")) &&
                str_copy(m->ca, sizeof(m->ca), args_text(a, "ca")) &&
                str_copy(m->cert, sizeof(m->cert), args_text(a, "cert")) &&
                str_copy(m->key, sizeof(m->key), args_text(a, "key")) &&
                str_copy(m->password, sizeof(m->password), args_text(a, "password"));
    bool own = t != NULL && (t->cert.path[0] != '\0' || t->pkcs12.path[0] != '\0');
    const char *why = !fits                                               ? "a name is too long"
                      : m->state[0] == '\0'                               ? "there is no state folder"
                      : strchr(m->name, '/') != NULL || m->name[0] == '.' ? "a trustpoint is not called so"
                      : kind != IMPORT_FORGET && t != NULL && ((kind != IMPORT_CA && own) || t->n_ca > 0)
                          ? "the trustpoint's files are named in the configuration"
                          : NULL;
    if (why == NULL && uv_queue_work(&d->loop, &m->work, import_run, import_done) == 0) {
        return;
    }
    OPENSSL_cleanse(m, sizeof(*m));
    free(m);
    exec_fail(x, "%s", why != NULL ? why : "no work can be queued");
}

static void run_pem(struct exec *x, const struct args *a)
{
    start(x, a, IMPORT_PEM);
}

static void run_pkcs12(struct exec *x, const struct args *a)
{
    start(x, a, IMPORT_PKCS12);
}

static void run_ca(struct exec *x, const struct args *a)
{
    start(x, a, IMPORT_CA);
}

static void run_forget(struct exec *x, const struct args *a)
{
    start(x, a, IMPORT_FORGET);
}

static void run_clear(struct exec *x, const struct args *a)
{
    (void)a;
    struct culvertd *d = exec_daemon(x);
    char text[64];
    size_t n = d->pki == NULL ? 0 : cache_clear(pki_cache(d->pki));
    snprintf(text, sizeof(text), "%zu dropped", n);
    exec_done(x, json_pack("{s:s}", "message", text));
}

static void render_message(struct str *out, const json_t *data)
{
    str_addf(out, "%s\n", show_text(data, "message"));
}

#define IMPORT_HELP                                                                                                    \
    "pki|Certificates\nimport|Take a key and certificates in\nname|Name of the trustpoint; it is made if it is not "   \
    "there\n"

const struct exec_command exec_pki_action_commands[] = {
    {"crypto pki import <name:name> pem file <ca:word> <cert:word> <key:word> [password <password:word>]",
     IMPORT_HELP "pem|From three files in PEM\nfile|From files\nca|The CA's certificates\n"
                 "cert|Our certificate, and what leads to the CA\nkey|Our private key\npassword|Of the key\n",
     run_pem, render_message},
    {"crypto pki import <name:name> pkcs12 <cert:word> password <password:word>",
     IMPORT_HELP "pkcs12|From one file with all\ncert|The file\npassword|Of the file\n", run_pkcs12, render_message},
    {"crypto pki authenticate <name:name> file <ca:word>",
     IMPORT_HELP "authenticate|Trust a CA\nfile|From a file\nca|The CA's certificates, PEM\n", run_ca, render_message},
    {"no crypto pki import <name:name>", IMPORT_HELP "no|Remove\n", run_forget, render_message},
    {"clear crypto pki crls", "pki|Certificates\ncrls|Fetched CRLs and answers of OCSP responders\n", run_clear,
     render_message},
    {.grammar = NULL},
};
