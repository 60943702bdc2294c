// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/pki/certmap.h"

#include <ctype.h>
#include <string.h>

static bool name_matches(const char *text, const char *want, uint8_t op)
{
    bool contains = strstr(text, want) != NULL, equal = strcmp(text, want) == 0;
    return op == CONF_CERT_EQ ? equal : op == CONF_CERT_NE ? !equal : op == CONF_CERT_CO ? contains : !contains;
}

// Several names: `eq` and `co` want one that fits, `ne` and `nc` want none that would.
struct names {
    const char *want;
    uint8_t op;
    bool positive, result;
};

static bool one_name(void *arg, const char *text)
{
    struct names *n = arg;
    struct str s = {0};
    str_add(&s, text);
    if (s.failed) {
        n->result = false; // nothing is known of it: the condition does not hold
        str_free(&s);
        return false;
    }
    if (s.text != NULL) {
        cert_fold(s.text);
    }
    bool fits = name_matches(str_text(&s), n->want, n->op);
    str_free(&s);
    if (fits == n->positive) {
        n->result = fits;
        return false;
    }
    return true;
}

static bool dn_name(struct names *n, const X509_NAME *name)
{
    struct str s = {0};
    cert_name_text(name, &s);
    bool go_on = !s.failed && one_name(n, str_text(&s));
    n->result &= !s.failed;
    str_free(&s);
    return go_on;
}

// Digits as cert_serial_text makes them.
static void fold_serial(const char *text, char *out, size_t cap)
{
    size_t n = 0;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
    }
    for (; *text != '\0' && n + 1 < cap; text++) {
        if (isxdigit((unsigned char)*text) && (n > 0 || *text != '0' || text[1] == '\0')) {
            out[n++] = (char)tolower((unsigned char)*text);
        }
    }
    out[n] = '\0';
}

static bool time_matches(const ASN1_TIME *t, const struct conf_cert_cond *k)
{
    int64_t at = cert_time(t);
    switch (k->op) {
    case CONF_CERT_EQ:
        return at >= 0 && at == k->date;
    case CONF_CERT_NE:
        return at >= 0 && at != k->date;
    case CONF_CERT_LT:
        return at >= 0 && at < k->date;
    default:
        return at >= 0 && at >= k->date;
    }
}

static bool cond_matches(const struct conf_cert_cond *k, X509 *c)
{
    char want[CONF_TEXT], serial[128];
    struct names n = {.want = want, .op = k->op, .positive = k->op == CONF_CERT_EQ || k->op == CONF_CERT_CO};
    n.result = !n.positive;
    str_copy(want, sizeof(want), k->text);
    cert_fold(want);
    switch (k->field) {
    case CONF_CERT_SUBJECT:
        dn_name(&n, X509_get_subject_name(c));
        return n.result;
    case CONF_CERT_ISSUER:
        dn_name(&n, X509_get_issuer_name(c));
        return n.result;
    case CONF_CERT_ALT_SUBJECT:
        cert_alt_names(c, one_name, &n);
        return n.result;
    case CONF_CERT_NAME:
        if (dn_name(&n, X509_get_subject_name(c))) {
            cert_alt_names(c, one_name, &n);
        }
        return n.result;
    case CONF_CERT_VALID_START:
        return time_matches(X509_get0_notBefore(c), k);
    case CONF_CERT_EXPIRES_ON:
        return time_matches(X509_get0_notAfter(c), k);
    case CONF_CERT_SERIAL:
        fold_serial(k->text, want, sizeof(want));
        cert_serial_text(X509_get0_serialNumber(c), serial, sizeof(serial));
        return name_matches(serial, want, k->op);
    }
    return false;
}

bool certmap_entry_matches(const struct conf_certmap *m, X509 *c)
{
    for (unsigned i = 0; i < m->n_cond; i++) {
        if (!cond_matches(&m->cond[i], c)) {
            return false;
        }
    }
    return m->n_cond > 0;
}

bool certmap_matches(const struct list *maps, const char *name, X509 *c)
{
    for (size_t i = 0; i < maps->n; i++) {
        const struct conf_certmap *m = maps->at[i];
        if (strcmp(m->name, name) == 0 && certmap_entry_matches(m, c)) {
            return true;
        }
    }
    return false;
}
