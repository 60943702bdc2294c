// SPDX-License-Identifier: BSD-2-Clause
// Signatures in AUTH: RFC 7296 2.15 and 3.8, RFC 4754 (ECDSA), RFC 7427 (Digital Signature), RFC 8420 (EdDSA).
// All mathematics and all parsing of signatures is OpenSSL's. Safe in any thread.
#ifndef CULVERT_IKE_SIGN_H
#define CULVERT_IKE_SIGN_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Hash algorithms of RFC 7427, as in SIGNATURE_HASH_ALGORITHMS. Sets of them have bit 1 << number.
enum ike_hash {
    IKE_HASH_SHA1 = 1, ///< neither offered nor accepted in Digital Signatures (RFC 8247)
    IKE_HASH_SHA2_256 = 2,
    IKE_HASH_SHA2_384 = 3,
    IKE_HASH_SHA2_512 = 4,
    IKE_HASH_IDENTITY = 5, ///< EdDSA (RFC 8420)
};
/// What we take, and tell the peer.
enum { IKE_HASHES = 1 << IKE_HASH_SHA2_256 | 1 << IKE_HASH_SHA2_384 | 1 << IKE_HASH_SHA2_512 | 1 << IKE_HASH_IDENTITY };

/// Sign `msg` for an AUTH payload. `hashes`: what the peer takes by RFC 7427; 0: it does not know Digital Signatures,
/// and gets RSA with SHA-1 or ECDSA as RFC 7296 and 4754 have them. RSA goes by PSS where Digital Signatures are known.
/// *auth: the payload's data, to be freed; *method: enum ike_auth_method. false: the key cannot do it for this peer.
bool ike_sign(EVP_PKEY *key, uint16_t hashes, const uint8_t *msg, size_t len, uint8_t *method, uint8_t **auth,
              size_t *auth_len);

/// Is `auth`, the data of an AUTH payload of `method`, the signature of `msg` by this key? NULL: yes; else why not.
const char *ike_sign_verify(EVP_PKEY *key, uint8_t method, const uint8_t *auth, size_t auth_len, const uint8_t *msg,
                            size_t len);

/// Does a signature by this key (or its verification) take only some 100 microseconds?
bool ike_sign_is_cheap(const EVP_PKEY *key, bool signing);

#endif
