// SPDX-License-Identifier: BSD-2-Clause
// MD4 and single DES, which MSCHAPv2 needs and nothing else may use: from OpenSSL's legacy provider, in a library
// context of its own, so that the process's default context does not learn them.
#ifndef CULVERT_EAP_EAP_LEGACY_H
#define CULVERT_EAP_EAP_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eap_legacy;

/// NULL: no memory, or this OpenSSL has no legacy provider.
struct eap_legacy *eap_legacy_new(void);
void eap_legacy_free(struct eap_legacy *l);

/// false: OpenSSL failed.
bool eap_md4(struct eap_legacy *l, const void *data, size_t len, uint8_t out[16]);
/// One block with a 56-bit key, as RFC 2759 8.6 (DesEncrypt).
bool eap_des(struct eap_legacy *l, const uint8_t key[7], const uint8_t clear[8], uint8_t out[8]);

#endif
