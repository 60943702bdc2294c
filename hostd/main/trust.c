// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/main/trust.h"

#include "hostd/pki/certmap.h"

#include <stdio.h>
#include <stdlib.h>

static struct ike_cred *cred(void *ctx, const struct conf_profile *p, unsigned which, char *why, size_t cap)
{
    const struct trust *t = ctx;
    snprintf(why, cap, "none of its trustpoints is for signing");
    for (unsigned i = 0; i < p->n_trustpoint; i++) {
        const char *name = p->trustpoint[i].ref.name;
        const struct pki_trustpoint *point = p->trustpoint[i].sign ? pki_find(*t->set, name) : NULL;
        if (point != NULL && point->cred != NULL && which-- == 0) {
            return ike_cred_ref(point->cred);
        }
        if (p->trustpoint[i].sign && (point == NULL || point->cred == NULL)) {
            snprintf(why, cap, "trustpoint %s has no certificate of ours", name);
        }
    }
    return NULL;
}

static uint8_t *ca_hashes(void *ctx, const struct conf_profile *p, uint8_t *n)
{
    const struct trust *t = ctx;
    uint8_t *hashes = NULL;
    *n = 0;
    for (size_t i = 0; p == NULL && i < (*t->set)->trustpoints.n; i++) {
        pki_add_ca_hashes((*t->set)->trustpoints.at[i], &hashes, n);
    }
    for (unsigned i = 0; p != NULL && i < p->n_trustpoint; i++) {
        const struct pki_trustpoint *point =
            p->trustpoint[i].verify ? pki_find(*t->set, p->trustpoint[i].ref.name) : NULL;
        if (point != NULL) {
            pki_add_ca_hashes(point, &hashes, n);
        }
    }
    return hashes;
}

static bool cert_map(void *ctx, const char *map, const struct ike_cert *cert)
{
    const struct trust *t = ctx;
    const char *why;
    X509 *x = cert_parse(cert->p, cert->len, &why);
    bool fits = x != NULL && certmap_matches(&(*t->conf)->certmaps, map, x);
    X509_free(x);
    return fits;
}

struct profile_hooks trust_hooks(const struct trust *t)
{
    return (struct profile_hooks){
        .ctx = (void *)(uintptr_t)t, .cred = cred, .ca_hashes = ca_hashes, .cert_map = cert_map};
}
