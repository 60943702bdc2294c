// SPDX-License-Identifier: BSD-2-Clause
// show crypto pki certificates, trustpoints, crls, counters.
#include "hostd/cli/exec.h"

#include "hostd/pki/cert.h"

#include <string.h>
#include <time.h>

static json_t *name_json(const X509_NAME *n)
{
    struct str s = {0};
    cert_name_text(n, &s);
    json_t *o = json_string(str_text(&s));
    str_free(&s);
    return o == NULL ? json_string("?") : o; // not UTF-8
}

static json_t *time_json(const ASN1_TIME *t)
{
    char text[40] = "?";
    time_t at = (time_t)cert_time(t);
    struct tm tm;
    if (gmtime_r(&at, &tm) != NULL) {
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    }
    return json_string(text);
}

static bool add_alt(void *arg, const char *text)
{
    json_t *s = json_string(text);
    json_array_append_new(arg, s == NULL ? json_string("?") : s);
    return true;
}

static json_t *cert_json(const struct pki_trustpoint *t, X509 *c, const char *role)
{
    char text[128];
    json_t *o = json_object(), *alt = json_array();
    time_t now = time(NULL);
    int64_t from = cert_time(X509_get0_notBefore(c)), to = cert_time(X509_get0_notAfter(c));
    json_object_set_new(o, "trustpoint", json_string(t->name));
    json_object_set_new(o, "role", json_string(role));
    json_object_set_new(o, "subject", name_json(X509_get_subject_name(c)));
    json_object_set_new(o, "issuer", name_json(X509_get_issuer_name(c)));
    cert_serial_text(X509_get0_serialNumber(c), text, sizeof(text));
    json_object_set_new(o, "serial", json_string(text));
    cert_key_text(X509_get0_pubkey(c), text, sizeof(text));
    json_object_set_new(o, "key", json_string(text));
    json_object_set_new(o, "valid_from", time_json(X509_get0_notBefore(c)));
    json_object_set_new(o, "valid_to", time_json(X509_get0_notAfter(c)));
    const char *status = now < from ? "not valid yet" : now > to ? "expired" : "valid";
    json_object_set_new(o, "status", json_string(status));
    cert_alt_names(c, add_alt, alt);
    json_object_set_new(o, "alternative_names", alt);
    return o;
}

static bool wanted(const struct args *a, const struct pki_trustpoint *t)
{
    const char *name = args_text(a, "name");
    return name[0] == '\0' || strcmp(name, t->name) == 0;
}

static void run_certificates(struct exec *x, const struct args *a)
{
    const struct pki_set *s = exec_daemon(x)->trust;
    if (args_get(a, "name") != NULL && pki_find(s, args_text(a, "name")) == NULL) {
        exec_fail(x, "there is no trustpoint \"%s\"", args_text(a, "name"));
        return;
    }
    json_t *all = json_array();
    for (size_t i = 0; s != NULL && i < s->trustpoints.n; i++) {
        const struct pki_trustpoint *t = s->trustpoints.at[i];
        if (!wanted(a, t)) {
            continue;
        }
        if (t->cert != NULL) {
            json_array_append_new(all, cert_json(t, t->cert, "own"));
        }
        for (int n = 0; n < sk_X509_num(t->cas); n++) {
            json_array_append_new(all, cert_json(t, sk_X509_value(t->cas, n), "ca"));
        }
    }
    exec_done(x, all);
}

static void render_certificates(struct str *out, const json_t *data)
{
    size_t i, n;
    const json_t *o, *alt;
    json_array_foreach(data, i, o)
    {
        str_addf(out, "%s%s\n", i > 0 ? "\n" : "",
                 strcmp(show_text(o, "role"), "own") == 0 ? "Certificate" : "CA Certificate");
        str_addf(out, "  Status: %s\n  Certificate Serial Number (hex): %s\n", show_text(o, "status"),
                 show_text(o, "serial"));
        str_addf(out, "  Public Key: %s\n", show_text(o, "key"));
        str_addf(out, "  Issuer: %s\n  Subject: %s\n", show_text(o, "issuer"), show_text(o, "subject"));
        json_array_foreach(json_object_get(o, "alternative_names"), n, alt)
        {
            str_addf(out, "  Alternative Name: %s\n", json_string_value(alt));
        }
        str_addf(out, "  Validity Date: %s to %s\n", show_text(o, "valid_from"), show_text(o, "valid_to"));
        str_addf(out, "  Associated Trustpoints: %s\n", show_text(o, "trustpoint"));
    }
}

static void run_trustpoints(struct exec *x, const struct args *a)
{
    (void)a;
    const struct pki_set *s = exec_daemon(x)->trust;
    json_t *all = json_array();
    for (size_t i = 0; s != NULL && i < s->trustpoints.n; i++) {
        const struct pki_trustpoint *t = s->trustpoints.at[i];
        json_t *o = json_object();
        json_object_set_new(o, "name", json_string(t->name));
        json_t *cas = json_array();
        for (int n = 0; n < sk_X509_num(t->cas); n++) {
            json_array_append_new(cas, name_json(X509_get_subject_name(sk_X509_value(t->cas, n))));
        }
        json_object_set_new(o, "ca", cas);
        json_object_set_new(o, "certificate",
                            t->cert == NULL ? json_null() : name_json(X509_get_subject_name(t->cert)));
        json_object_set_new(o, "chain_length", json_integer(t->cred == NULL ? 0 : t->cred->n_cert));
        json_object_set_new(o, "imported", json_boolean(t->imported));
        json_t *methods = json_array();
        static const char *const words[] = {"none", "crl", "ocsp"};
        for (unsigned m = 0; m < t->conf->n_revocation; m++) {
            json_array_append_new(methods, json_string(words[t->conf->revocation[m]]));
        }
        json_object_set_new(o, "revocation_check", methods);
        json_object_set_new(o, "ocsp_url", json_string(t->conf->ocsp_url));
        json_object_set_new(o, "crl_files", json_integer((json_int_t)t->crls.n));
        json_object_set_new(o, "weak_algorithms", json_boolean(t->conf->weak));
        json_array_append_new(all, o);
    }
    exec_done(x, all);
}

static void render_trustpoints(struct str *out, const json_t *data)
{
    size_t i, n;
    const json_t *o, *ca;
    json_array_foreach(data, i, o)
    {
        const char *own = show_text(o, "certificate");
        str_addf(out, "%sTrustpoint %s:\n", i > 0 ? "\n" : "", show_text(o, "name"));
        json_array_foreach(json_object_get(o, "ca"), n, ca)
        {
            str_addf(out, "  CA: %s\n", json_string_value(ca));
        }
        str_addf(out, "  Own certificate: %s\n", own[0] != '\0' ? own : "none");
        str_addf(out, "  Certificates sent to peers: %lld\n", show_number(o, "chain_length"));
        str_addf(out, "  From: %s\n", show_true(o, "imported") ? "an import" : "the files of the configuration");
        str_add(out, "  Revocation check:");
        json_array_foreach(json_object_get(o, "revocation_check"), n, ca)
        {
            str_addf(out, " %s", json_string_value(ca));
        }
        str_addf(out, "\n  CRLs from files: %lld\n", show_number(o, "crl_files"));
        if (show_text(o, "ocsp_url")[0] != '\0') {
            str_addf(out, "  OCSP URL: %s\n", show_text(o, "ocsp_url"));
        }
        if (show_true(o, "weak_algorithms")) {
            str_add(out, "  Weak algorithms are accepted\n");
        }
    }
}

// ------------------------------------------------------------------------------------------------ what is fetched

static void add_entry(void *arg, const struct cache_entry *e)
{
    json_t *o = json_object();
    char serial[128];
    json_object_set_new(o, "kind", json_string(e->hash != NULL ? "certificate" : e->ocsp ? "ocsp" : "crl"));
    json_object_set_new(o, "url", json_string(e->url));
    if (e->hash != NULL) {
        char hash[2 * CACHE_HASH + 1];
        for (unsigned i = 0; i < CACHE_HASH; i++) {
            snprintf(hash + (size_t)2 * i, 3, "%02x", e->hash[i]);
        }
        json_object_set_new(o, "sha1", json_string(hash));
    } else {
        json_object_set_new(o, "issuer", name_json(X509_get_subject_name(e->issuer)));
    }
    json_object_set_new(o, "state", json_string(e->state));
    json_object_set_new(o, "reason", json_string(e->why));
    json_object_set_new(o, "kept_seconds", json_integer(e->seconds));
    json_object_set_new(o, "waiting", json_integer((json_int_t)e->waiting));
    if (e->ocsp) {
        cert_serial_text(X509_get0_serialNumber(e->cert), serial, sizeof(serial));
        json_object_set_new(o, "serial", json_string(serial));
    } else if (e->crl != NULL) {
        json_object_set_new(o, "revoked", json_integer(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(e->crl))));
        json_object_set_new(o, "last_update", time_json(X509_CRL_get0_lastUpdate(e->crl)));
        if (X509_CRL_get0_nextUpdate(e->crl) != NULL) {
            json_object_set_new(o, "next_update", time_json(X509_CRL_get0_nextUpdate(e->crl)));
        }
    }
    json_array_append_new(arg, o);
}

// Those of files, of every trustpoint, in the same form.
static void add_files(json_t *all, const struct pki_set *s)
{
    for (size_t i = 0; s != NULL && i < s->trustpoints.n; i++) {
        const struct pki_trustpoint *t = s->trustpoints.at[i];
        for (size_t n = 0; n < t->crls.n; n++) {
            const struct pki_crl *l = t->crls.at[n];
            struct cache_entry e = {.url = t->name, .state = "valid", .why = "", .issuer = l->issuer, .crl = l->crl};
            add_entry(all, &e);
            json_object_set_new(json_array_get(all, json_array_size(all) - 1), "kind", json_string("crl file"));
        }
    }
}

static void run_crls(struct exec *x, const struct args *a)
{
    (void)a;
    struct culvertd *d = exec_daemon(x);
    json_t *all = json_array();
    add_files(all, d->trust);
    if (d->pki != NULL) {
        cache_show(pki_cache(d->pki), add_entry, all);
    }
    exec_done(x, all);
}

static void render_crls(struct str *out, const json_t *data)
{
    size_t i;
    const json_t *o;
    json_array_foreach(data, i, o)
    {
        const char *why = show_text(o, "reason"), *kind = show_text(o, "kind");
        str_addf(out, "%s%s: %s\n", i > 0 ? "\n" : "",
                 strcmp(kind, "ocsp") == 0          ? "OCSP answer"
                 : strcmp(kind, "crl") == 0         ? "CRL"
                 : strcmp(kind, "certificate") == 0 ? "Certificate of a peer"
                                                    : "CRL of a file, trustpoint",
                 show_text(o, "url"));
        if (json_object_get(o, "sha1") != NULL) {
            str_addf(out, "  SHA-1: %s\n", show_text(o, "sha1"));
        } else {
            str_addf(out, "  Issuer: %s\n", show_text(o, "issuer"));
        }
        str_addf(out, "  State: %s%s%s\n", show_text(o, "state"), why[0] != '\0' ? ", " : "", why);
        if (json_object_get(o, "serial") != NULL) {
            str_addf(out, "  Certificate Serial Number (hex): %s\n", show_text(o, "serial"));
        }
        if (json_object_get(o, "revoked") != NULL) {
            str_addf(out, "  Revoked certificates: %lld\n  Last update: %s\n  Next update: %s\n",
                     show_number(o, "revoked"), show_text(o, "last_update"), show_text(o, "next_update"));
        }
        if (strcmp(kind, "crl file") != 0) {
            str_addf(out, "  Kept for: %lld s\n", show_number(o, "kept_seconds"));
        }
    }
}

static void run_counters(struct exec *x, const struct args *a)
{
    (void)a;
    struct culvertd *d = exec_daemon(x);
    const struct pki_counters none = {0}, *c = d->pki == NULL ? &none : pki_counters(d->pki);
    const struct cache_counters no_fetch = {0}, *f = d->pki == NULL ? &no_fetch : cache_counters(pki_cache(d->pki));
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"checks", c->checks},          {"good", c->good},
        {"refused", c->refused},        {"revoked", c->revoked},
        {"status_unknown", c->unknown}, {"timeouts", c->timeouts},
        {"chains_known", c->known},     {"under_way", d->pki == NULL ? 0 : pki_checks(d->pki)},
        {"fetches", f->fetches},        {"fetch_failures", f->fetch_failures},
        {"answers_bad", f->judged_bad}, {"fetches_shared", f->shared},
        {"cache_hits", f->hits},        {"fetches_refused", f->refused},
    };
    json_t *o = json_object();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
    }
    exec_done(x, o);
}

static void render_counters(struct str *out, const json_t *data)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)data, key, value)
    {
        str_addf(out, "%-16s %lld\n", key, json_integer_value(value));
    }
}

#define PKI_HELP "pki|Certificates\n"

const struct exec_command exec_pki_commands[] = {
    {"show crypto pki certificates [<name:name>]",
     PKI_HELP "certificates|Our own and those of CAs\nname|Name of a trustpoint\n", run_certificates,
     render_certificates},
    {"show crypto pki trustpoints", PKI_HELP "trustpoints|Whom we trust\n", run_trustpoints, render_trustpoints},
    {"show crypto pki crls", PKI_HELP "crls|CRLs and answers of OCSP responders\n", run_crls, render_crls},
    {"show crypto pki counters", PKI_HELP "counters|What has been checked and fetched\n", run_counters,
     render_counters},
    {.grammar = NULL},
};
