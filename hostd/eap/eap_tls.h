// SPDX-License-Identifier: BSD-2-Clause
// What EAP-TLS needs of certificates.
#ifndef CULVERT_EAP_EAP_TLS_H
#define CULVERT_EAP_EAP_TLS_H

#include "hostd/eap/eap_machine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st;
struct evp_pkey_st;
struct x509_st;
struct x509_store_st;

/// TLS 1.2 or 1.3 with our key and certificates (ours first), trusting what `trust` says. Takes references of its own.
/// NULL and a sentence in `err`. Released by SSL_CTX_free().
struct ssl_ctx_st *eap_tls_ctx(bool server, struct evp_pkey_st *key, const struct eap_der *chain, size_t n,
                               struct x509_store_st *trust, char *err, size_t err_size);

/// Is this identity the certificate's: its subject (DER), its common name, or one of its alternative names (email, DNS,
/// URI, address, user principal name)?
bool eap_cert_is(const struct x509_st *cert, const uint8_t *id, size_t len);

#endif
