// SPDX-License-Identifier: BSD-2-Clause
// crypto pki: trustpoints and certificate maps.
#include "hostd/conf/reader.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// ------------------------------------------------------------------------------------------------ trustpoints

static bool run_trustpoint(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->trustpoints;
    struct conf_trustpoint *t = conf_find(l, args_text(a, "name"));
    if (op != CONF_SET) {
        if (t != NULL) {
            conf_drop(r->conf, l, t);
        }
        return true;
    }
    const char *name = args_text(a, "name");
    if (strchr(name, '/') != NULL || name[0] == '.') { // it is also the name of a folder
        return conf_error(r, args_get(a, "name"), "has a slash, or a dot at its beginning");
    }
    if (t == NULL) {
        t = conf_get(l, name, sizeof(*t));
        conf_default_trustpoint(t);
        t->line = r->line;
    }
    conf_enter(r, CONF_TRUSTPOINT, t);
    return true;
}

static void print_trustpoint(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->trustpoints.n; i++) {
        const struct conf_trustpoint *t = c->trustpoints.at[i];
        conf_line(o, "crypto pki trustpoint %s", t->name);
        conf_print_mode(o, CONF_TRUSTPOINT, t);
        conf_line(o, "!");
    }
}

static bool set_file(struct conf_reader *r, struct conf_file *f, const struct arg *arg)
{
    memset(f, 0, sizeof(*f));
    if (!str_copy(f->path, sizeof(f->path), arg->text)) {
        return conf_error(r, arg, "too long");
    }
    f->line = r->line;
    f->word = arg->word + 1;
    return true;
}

// A setting of several files: one more, or with `no` one less (all without a name).
static bool several_files(struct conf_reader *r, enum conf_op op, const struct args *a, struct conf_file *file,
                          unsigned *n)
{
    const struct arg *path = args_get(a, "path");
    if (path == NULL) {
        memset(file, 0, sizeof(*file) * CONF_CA_FILES);
        *n = 0;
        return true;
    }
    unsigned i = 0;
    while (i < *n && strcmp(file[i].path, path->text) != 0) {
        i++;
    }
    if (op == CONF_SET && i == *n) {
        if (*n == CONF_CA_FILES) {
            return conf_error(r, path, "at most %d files", CONF_CA_FILES);
        }
        if (!set_file(r, &file[*n], path)) {
            return false;
        }
        (*n)++;
    } else if (op != CONF_SET && i < *n) {
        memmove(&file[i], &file[i + 1], (*n - i - 1) * sizeof(*file));
        memset(&file[--*n], 0, sizeof(*file));
    }
    return true;
}

static bool run_ca(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_trustpoint *t = conf_object(r);
    return several_files(r, op, a, t->ca, &t->n_ca);
}

static void print_ca(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    for (unsigned i = 0; i < t->n_ca; i++) {
        conf_line(o, "ca-certificate file %s", t->ca[i].path);
    }
}

static bool run_crl(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_trustpoint *t = conf_object(r);
    return several_files(r, op, a, t->crl, &t->n_crl);
}

static void print_crl(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    for (unsigned i = 0; i < t->n_crl; i++) {
        conf_line(o, "crl file %s", t->crl[i].path);
    }
}

static bool run_cert(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_trustpoint *t = conf_object(r);
    memset(&t->cert, 0, sizeof(t->cert));
    return op != CONF_SET || set_file(r, &t->cert, args_get(a, "path"));
}

static void print_cert(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    if (t->cert.path[0] != '\0') {
        conf_line(o, "certificate file %s", t->cert.path);
    }
}

// A file that a password may lock. The password is never said in an error.
static bool locked_file(struct conf_reader *r, enum conf_op op, const struct args *a, struct conf_file *f,
                        char *password)
{
    const struct arg *word = args_get(a, "password");
    if (op == CONF_SET && word != NULL && strlen(word->text) >= CONF_TEXT) {
        return conf_error(r, NULL, "word %u: the password is too long", word->word + 1);
    }
    if (op == CONF_SET && word != NULL && strcmp(word->text, CONF_HIDDEN) == 0) {
        return conf_error(r, NULL, "word %u: this is what stands for a password where it is hidden", word->word + 1);
    }
    memset(password, 0, CONF_TEXT);
    memset(f, 0, sizeof(*f));
    if (op != CONF_SET) {
        return true;
    }
    str_copy(password, CONF_TEXT, word == NULL ? "" : word->text);
    return set_file(r, f, args_get(a, "path"));
}

static void print_locked(struct conf_out *o, const char *what, const struct conf_file *f, const char *password)
{
    if (f->path[0] != '\0') {
        conf_line(o, "%s file %s%s%s", what, f->path, password[0] != '\0' ? " password " : "", conf_key(o, password));
    }
}

static bool run_key(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_trustpoint *t = conf_object(r);
    return locked_file(r, op, a, &t->key, t->key_password);
}

static void print_key(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    print_locked(o, "key", &t->key, t->key_password);
}

static bool run_pkcs12(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_trustpoint *t = conf_object(r);
    return locked_file(r, op, a, &t->pkcs12, t->pkcs12_password);
}

static void print_pkcs12(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    print_locked(o, "pkcs12", &t->pkcs12, t->pkcs12_password);
}

static bool run_weak(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_trustpoint *)conf_object(r))->weak = op == CONF_SET;
    return true;
}

static void print_weak(struct conf_out *o, const void *object)
{
    if (((const struct conf_trustpoint *)object)->weak) {
        conf_line(o, "weak-algorithms accept");
    }
}

static const char *const method_words[] = {"none", "crl", "ocsp"};

static bool run_revocation(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_trustpoint *t = conf_object(r);
    uint8_t method[CONF_REVOCATION] = {CONF_REVOCATION_CRL};
    unsigned n = op == CONF_SET ? 0 : 1;
    const struct arg *arg;
    for (unsigned i = 0; op == CONF_SET && (arg = args_nth(a, "method", i)) != NULL; i++) {
        uint8_t m = CONF_REVOCATION_NONE;
        while (m + 1 < CONF_REVOCATION && strcmp(method_words[m], arg->text) != 0) {
            m++;
        }
        for (unsigned k = 0; k < n; k++) {
            if (method[k] == m || method[k] == CONF_REVOCATION_NONE) {
                return conf_error(r, arg, method[k] == m ? "is there twice" : "nothing comes after none");
            }
        }
        method[n++] = m; // at most three: they differ
    }
    memcpy(t->revocation, method, sizeof(method));
    t->n_revocation = n;
    return true;
}

static void print_revocation(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    if (!o->all && t->n_revocation == 1 && t->revocation[0] == CONF_REVOCATION_CRL) {
        return;
    }
    struct str s = {0};
    for (unsigned i = 0; i < t->n_revocation; i++) {
        str_addf(&s, " %s", method_words[t->revocation[i]]);
    }
    conf_line(o, "revocation-check%s", str_text(&s));
    str_free(&s);
}

static bool take_url(struct conf_reader *r, enum conf_op op, const struct args *a, char out[CONF_TEXT])
{
    const struct arg *url = args_get(a, "url");
    memset(out, 0, CONF_TEXT);
    if (op == CONF_SET && strncasecmp(url->text, "http://", 7) != 0) {
        return conf_error(r, url, "expected http://...");
    }
    return op != CONF_SET || str_copy(out, CONF_TEXT, url->text) || conf_error(r, url, "too long");
}

static bool run_ocsp(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return take_url(r, op, a, ((struct conf_trustpoint *)conf_object(r))->ocsp_url);
}

static bool run_cert_url(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return take_url(r, op, a, ((struct conf_trustpoint *)conf_object(r))->cert_url);
}

static void print_cert_url(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    if (t->cert_url[0] != '\0') {
        conf_line(o, "certificate url %s", t->cert_url);
    }
}

static void print_ocsp(struct conf_out *o, const void *object)
{
    const struct conf_trustpoint *t = object;
    if (t->ocsp_url[0] != '\0') {
        conf_line(o, "ocsp url %s", t->ocsp_url);
    }
}

static bool run_nonce(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_trustpoint *)conf_object(r))->ocsp_no_nonce = op == CONF_SET;
    return true;
}

static void print_nonce(struct conf_out *o, const void *object)
{
    if (((const struct conf_trustpoint *)object)->ocsp_no_nonce) {
        conf_line(o, "ocsp disable-nonce");
    }
}

static bool run_enrollment(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)r, (void)op, (void)a; // certificates are brought by the user: the only way there is
    return true;
}

static void print_enrollment(struct conf_out *o, const void *object)
{
    (void)object;
    if (o->all) {
        conf_line(o, "enrollment terminal");
    }
}

// ------------------------------------------------------------------------------------------------ certificate maps

static const char *const field_words[] = {"subject-name", "issuer-name", "alt-subject-name", "name",
                                          "valid-start",  "expires-on",  "serial-number"};
static const char *const op_words[] = {"eq", "ne", "co", "nc", "lt", "ge"};

static unsigned index_of(const char *const *words, unsigned n, const char *word)
{
    unsigned i = 0;
    while (i + 1 < n && strcmp(words[i], word) != 0) {
        i++;
    }
    return i;
}

static struct conf_certmap *find_map(const struct list *l, const char *name, unsigned sequence)
{
    for (size_t i = 0; i < l->n; i++) {
        struct conf_certmap *m = l->at[i];
        if (m->sequence == sequence && strcmp(m->name, name) == 0) {
            return m;
        }
    }
    return NULL;
}

// Maps are kept in the order of their sequence numbers, those of a name together.
static size_t place_for(const struct list *l, const char *name, unsigned sequence)
{
    size_t at = l->n;
    for (size_t i = 0; i < l->n; i++) {
        const struct conf_certmap *m = l->at[i];
        if (strcmp(m->name, name) != 0) {
            continue;
        }
        if (m->sequence > sequence) {
            return i;
        }
        at = i + 1;
    }
    return at;
}

static bool run_map(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->certmaps;
    const char *name = args_text(a, "name");
    unsigned sequence = args_number(a, "sequence", 0); // 0 with `no`: all of the name
    if (op != CONF_SET) {
        for (size_t i = l->n; i-- > 0;) {
            struct conf_certmap *m = l->at[i];
            if (strcmp(m->name, name) == 0 && (sequence == 0 || sequence == m->sequence)) {
                conf_drop(r->conf, l, m);
            }
        }
        return true;
    }
    struct conf_certmap *m = find_map(l, name, sequence);
    if (m == NULL) {
        m = must_alloc(sizeof(*m));
        str_copy(m->name, sizeof(m->name), name);
        m->sequence = sequence;
        m->line = r->line;
        if (!list_insert(l, place_for(l, name, sequence), m)) {
            abort();
        }
    }
    conf_enter(r, CONF_CERTMAP, m);
    return true;
}

static void print_map(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->certmaps.n; i++) {
        const struct conf_certmap *m = c->certmaps.at[i];
        conf_line(o, "crypto pki certificate map %s %u", m->name, m->sequence);
        conf_print_mode(o, CONF_CERTMAP, m);
        conf_line(o, "!");
    }
}

static bool add_cond(struct conf_reader *r, enum conf_op op, const struct conf_cert_cond *k)
{
    struct conf_certmap *m = conf_object(r);
    unsigned i = 0;
    while (i < m->n_cond && !conf_same(&m->cond[i], k, sizeof(*k))) {
        i++;
    }
    if (op == CONF_SET && i == m->n_cond) {
        if (m->n_cond == CONF_MATCHES) {
            return conf_error(r, NULL, "at most %d conditions; further ones need a sequence number of their own",
                              CONF_MATCHES);
        }
        m->cond[m->n_cond++] = *k;
    } else if (op != CONF_SET && i < m->n_cond) {
        memmove(&m->cond[i], &m->cond[i + 1], (m->n_cond - i - 1) * sizeof(*k));
        memset(&m->cond[--m->n_cond], 0, sizeof(*k));
    }
    return true;
}

static bool run_text_cond(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_cert_cond k;
    const struct arg *text = args_get(a, "text");
    memset(&k, 0, sizeof(k));
    k.field = (uint8_t)index_of(field_words, 7, args_text(a, "field"));
    k.op = (uint8_t)index_of(op_words, 6, args_text(a, "op"));
    if (!str_copy(k.text, sizeof(k.text), text->text)) {
        return conf_error(r, text, "too long");
    }
    for (const char *p = k.text; k.field == CONF_CERT_SERIAL && *p != '\0'; p++) {
        if (!isxdigit((unsigned char)*p) && strchr("xX: ", *p) == NULL) {
            return conf_error(r, text, "a serial number is hexadecimal");
        }
    }
    return add_cond(r, op, &k);
}

// "31 12 2027 23:59:59" or "Dec 31 2027 23:59:59", UTC. -1: it is neither.
static int64_t date_of(const char *text)
{
    static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
    struct tm tm = {0};
    char month[4] = "";
    int end = 0;
    if (sscanf(text, "%3[A-Za-z] %d %d %d:%d:%d%n", month, &tm.tm_mday, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec, &end) == 6) {
        tm.tm_mon = -1;
        for (int i = 0; i < 12; i++) {
            if (strcasecmp(months[i], month) == 0) {
                tm.tm_mon = i;
            }
        }
    } else if (sscanf(text, "%d %d %d %d:%d:%d%n", &tm.tm_mday, &tm.tm_mon, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
                      &tm.tm_sec, &end) == 6) {
        tm.tm_mon--;
    } else {
        return -1;
    }
    tm.tm_year -= 1900;
    struct tm same = tm;
    time_t t = timegm(&same);
    bool real = same.tm_mday == tm.tm_mday && same.tm_mon == tm.tm_mon && same.tm_hour == tm.tm_hour &&
                same.tm_min == tm.tm_min && same.tm_sec == tm.tm_sec;
    return text[end] == '\0' && real && t >= 0 ? (int64_t)t : -1;
}

static bool run_date_cond(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_cert_cond k;
    memset(&k, 0, sizeof(k));
    k.field = (uint8_t)index_of(field_words, 7, args_text(a, "date-field"));
    k.op = (uint8_t)index_of(op_words, 6, args_text(a, "date-op"));
    k.date = date_of(args_text(a, "date"));
    if (k.date < 0) {
        return conf_error(r, args_get(a, "date"), "expected DD MM YYYY HH:MM:SS or MON DD YYYY HH:MM:SS, UTC");
    }
    return add_cond(r, op, &k);
}

static void print_conds(struct conf_out *o, const void *object)
{
    const struct conf_certmap *m = object;
    for (unsigned i = 0; i < m->n_cond; i++) {
        const struct conf_cert_cond *k = &m->cond[i];
        char date[40] = "";
        if (k->field == CONF_CERT_VALID_START || k->field == CONF_CERT_EXPIRES_ON) {
            time_t t = (time_t)k->date;
            struct tm tm;
            gmtime_r(&t, &tm);
            strftime(date, sizeof(date), "%b %d %Y %H:%M:%S", &tm);
        }
        conf_line(o, "%s %s %s", field_words[k->field], op_words[k->op], date[0] != '\0' ? date : k->text);
    }
}

const struct conf_command conf_commands_pki[] = {
    {CONF_GLOBAL, "crypto pki trustpoint <name:name>", NULL,
     "pki|Certificates\ntrustpoint|Whom we trust, and our own certificate\nname|Name of the trustpoint\n",
     run_trustpoint, print_trustpoint},
    {CONF_TRUSTPOINT, "ca-certificate file <path:word>", "ca-certificate [file <path:word>]",
     "ca-certificate|Certificates of the CA: trust anchors are those that signed themselves, or all if none did\n"
     "file|From a file\npath|Its path; PEM, one or several\n",
     run_ca, print_ca},
    {CONF_TRUSTPOINT, "certificate file <path:word>", "certificate [file <path:word>]",
     "certificate|Our own certificate, and after it what leads to the CA\nfile|From a file\npath|Its path; PEM\n",
     run_cert, print_cert},
    {CONF_TRUSTPOINT, "certificate url <url:word>", "certificate url [<url:word>]",
     "certificate|Our own certificate\nurl|Where peers that look certificates up (RFC 7296 3.6) find it, in DER\n",
     run_cert_url, print_cert_url},
    {CONF_TRUSTPOINT, "key file <path:word> [password <password:word>]", "key [file <path:word>]",
     "key|Our private key\nfile|From a file\npath|Its path; PEM\npassword|If it is encrypted\n", run_key, print_key},
    {CONF_TRUSTPOINT, "pkcs12 file <path:word> [password <password:word>]", "pkcs12 [file <path:word>]",
     "pkcs12|Our key, certificate and its CA's in one file\nfile|From a file\npath|Its path; PKCS #12\n"
     "password|If it is encrypted\n",
     run_pkcs12, print_pkcs12},
    {CONF_TRUSTPOINT, "enrollment { terminal [pem] | pem }", "enrollment [{ terminal [pem] | pem }]",
     "enrollment|How our certificate comes\nterminal|It is brought here\npem|As PEM\n", run_enrollment,
     print_enrollment},
    {CONF_TRUSTPOINT, "crl file <path:word>", "crl [file <path:word>]",
     "crl|A list of revoked certificates, looked at before any is fetched\nfile|From a file\n"
     "path|Its path; PEM or DER\n",
     run_crl, print_crl},
    {CONF_TRUSTPOINT, "revocation-check <method:crl|ocsp|none> ...", "revocation-check [<method:crl|ocsp|none> ...]",
     "revocation-check|How to learn that a certificate is revoked; the next way only if one gives no answer\n"
     "crl|By a list\nocsp|By asking a responder\nnone|Not at all: accept it\n",
     run_revocation, print_revocation},
    {CONF_TRUSTPOINT, "ocsp url <url:word>", "ocsp url [<url:word>]",
     "ocsp|Certificate status by a responder\nurl|Of the responder, instead of those in certificates\n", run_ocsp,
     print_ocsp},
    {CONF_TRUSTPOINT, "ocsp disable-nonce", NULL,
     "ocsp|Certificate status by a responder\ndisable-nonce|Ask without a nonce, so that answers may be prepared "
     "ones\n",
     run_nonce, print_nonce},
    {CONF_TRUSTPOINT, "weak-algorithms accept", "weak-algorithms [accept]",
     "weak-algorithms|SHA-1 signatures and RSA keys of less than 2048 bits\naccept|Take them\n", run_weak, print_weak},
    {CONF_GLOBAL, "crypto pki certificate map <name:name> <sequence:1-65535>",
     "crypto pki certificate map <name:name> [<sequence:1-65535>]",
     "pki|Certificates\ncertificate|Certificates of peers\nmap|Conditions on a certificate\nname|Name of the map\n"
     "sequence|Its conditions must all hold; of the numbers of a name one is enough\n",
     run_map, print_map},
    {CONF_CERTMAP, "<field:subject-name|issuer-name|alt-subject-name|name|serial-number> <op:eq|ne|co|nc> <text:line>",
     NULL,
     "field|Part of the certificate\nop|Equal, not equal, contains, does not contain\n"
     "text|Text, like cn=r1,o=Cisco; case does not count\n",
     run_text_cond, print_conds},
    {CONF_CERTMAP, "<date-field:valid-start|expires-on> <date-op:eq|ne|lt|ge> <date:line>", NULL,
     "date-field|Time in the certificate\ndate-op|Equal, not equal, before, not before\n"
     "date|DD MM YYYY HH:MM:SS or MON DD YYYY HH:MM:SS, UTC\n",
     run_date_cond, NULL},
    {.grammar = NULL},
};
