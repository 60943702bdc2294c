// SPDX-License-Identifier: BSD-2-Clause
// Trustpoints: CA certificates that we trust, and our own key and certificate, loaded from the files that the
// configuration names or from the state folder where imports are kept. A set is all of a configuration; it is made
// whole or not at all, is constant from then on, and is counted, so that checks under way keep theirs.
#ifndef CULVERT_PKI_TRUSTPOINT_H
#define CULVERT_PKI_TRUSTPOINT_H

#include "hostd/conf/model.h"
#include "hostd/ike/ike.h"
#include "hostd/util/log.h"

#include <openssl/x509.h>

enum {
    PKI_FILE_MAX = 1 << 20, // longest file of keys or certificates, bytes
    PKI_CAS_MAX = 64,       // most CA certificates of a trustpoint
};

struct pki_crl { // from a file of the configuration
    X509_CRL *crl;
    X509 *issuer; // of the trustpoint's CAs
};

struct pki_trustpoint {
    char name[CONF_NAME];
    const struct conf_trustpoint *conf; // a copy of the configuration's
    STACK_OF(X509) * cas;               // all that were given
    X509_STORE *store;                  // the same for verification
    X509 *cert;                         // ours; NULL: none
    struct list crls;                   // of struct pki_crl
    struct ike_cred *cred;              // ours: key, certificate, what leads to the anchor; NULL: none
    bool imported;                      // from the state folder
};

struct pki_set {
    unsigned refs;
    struct list trustpoints; // of struct pki_trustpoint, in the order of the configuration
};

// Load everything that the configuration names. state: the folder of imports, NULL: there is none. Blocks while it
// reads. NULL: err says what is wrong, and where.
struct pki_set *pki_load(const struct conf *c, const char *state, struct log *log, char *err, size_t err_size);
struct pki_set *pki_ref(struct pki_set *s);
void pki_unref(struct pki_set *s); // NULL is allowed

// NULL: there is none of that name. Lives as long as the set.
const struct pki_trustpoint *pki_find(const struct pki_set *s, const char *name);
// The subject of our own certificate, for `identity local dn`; for free(). NULL: it has none.
struct ike_id *pki_subject(const struct pki_trustpoint *t);
// What goes into CERTREQ: the SHA-1 of the SubjectPublicKeyInfo of each CA (RFC 7296 3.7), appended to *hashes (for
// free()) of *n, at most 255. false: no memory.
bool pki_add_ca_hashes(const struct pki_trustpoint *t, uint8_t **hashes, uint8_t *n);

// What an import brings, before it is kept.
struct pki_material {
    STACK_OF(X509) * cas;
    X509 *cert;             // NULL: only CAs
    STACK_OF(X509) * chain; // what came with it
    EVP_PKEY *key;
};
void pki_material_free(struct pki_material *m);
// Read files into it (paths NULL: not given). password NULL or "": none. false: err says which file and why.
bool pki_read_pem(struct pki_material *m, const char *ca, const char *cert, const char *key, const char *password,
                  char *err, size_t err_size);
// A file's bytes, for OPENSSL_free; NULL: err says why.
uint8_t *pki_read_file(const char *path, size_t *len, char *err, size_t err_size);
bool pki_read_pkcs12(struct pki_material *m, const char *path, const char *password, char *err, size_t err_size);
// Does it make sense: CAs are CAs, the key is the certificate's, the certificate may be used for IKE and leads to a CA.
bool pki_material_check(const struct pki_material *m, char *err, size_t err_size);
// Is our certificate and are the CAs' of today?
bool pki_material_dates(const struct pki_material *m, char *err, size_t err_size);
// Keep it as that of trustpoint `name` in the state folder, in place of what is there: mode 0600 in a folder of mode
// 0700. false: err says why; what was there before stays.
bool pki_keep(const struct pki_material *m, const char *state, const char *name, char *err, size_t err_size);
// Forget it.
bool pki_forget(const char *state, const char *name, char *err, size_t err_size);

#endif
