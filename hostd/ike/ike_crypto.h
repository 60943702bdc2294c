// SPDX-License-Identifier: BSD-2-Clause
// The cryptography of IKEv2, all of it by OpenSSL's EVP: PRF, prf+, key derivation (RFC 7296 2.13-2.18), message
// protection (RFC 7296 3.14, RFC 5282, RFC 5930, RFC 7634), key exchange (RFC 5903, RFC 8031, RFC 3526).
#ifndef CULVERT_IKE_CRYPTO_H
#define CULVERT_IKE_CRYPTO_H

#include "hostd/ike/ike_codec.h"

#include <openssl/evp.h>

/// Algorithms fetched once, and reusable contexts. One a thread.
struct ike_crypto;
/// NULL: no memory, or OpenSSL lacks an algorithm that we must have. Without 3DES and MD5 (a FIPS provider) it works,
/// and what needs them fails.
struct ike_crypto *ike_crypto_new(void);
void ike_crypto_free(struct ike_crypto *c);

/// Keys of an IKE SA (RFC 7296 2.14). Lengths follow from the suite.
struct ike_keys {
    uint8_t d[IKE_MAX_PRF];
    uint8_t ai[IKE_MAX_INTEG_KEY], ar[IKE_MAX_INTEG_KEY];
    uint8_t ei[IKE_MAX_ENCR_KEY], er[IKE_MAX_ENCR_KEY];
    uint8_t pi[IKE_MAX_PRF], pr[IKE_MAX_PRF];
};

/// Output (and key) length of a PRF in bytes; 0: unknown.
size_t ike_prf_len(uint16_t prf);
/// Key length of a cipher with its salt, bytes; 0: unknown, or ENCR_NULL.
size_t ike_encr_key_len(uint16_t encr, uint16_t bits);
/// Key length of an integrity algorithm, bytes; 0: none.
size_t ike_integ_key_len(uint16_t integ);
/// Do we implement this, with keys of this length (0 where there is but one)?
bool ike_known_encr(uint16_t encr, uint16_t bits);
bool ike_known_integ(uint16_t integ);

/// prf(key, parts...): ike_prf_len(prf) bytes to out.
bool ike_prf(struct ike_crypto *c, uint16_t prf, const void *key, size_t key_len, const struct ike_bytes *parts,
             size_t n, uint8_t *out);
/// prf+(key, parts...), RFC 7296 2.13: `len` bytes, at most 255 blocks; at most 8 parts.
bool ike_prf_plus(struct ike_crypto *c, uint16_t prf, const void *key, size_t key_len, const struct ike_bytes *parts,
                  size_t n, uint8_t *out, size_t len);

/// The keys of an IKE SA out of SKEYSEED (2.14). SPIs in host byte order.
bool ike_derive_ike(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *skeyseed, struct ike_bytes ni,
                    struct ike_bytes nr, uint64_t spi_i, uint64_t spi_r, struct ike_keys *out);
/// The same with a SKEYSEED of another length: it came from the PRF of the SA that is rekeyed.
bool ike_derive_ike_seed(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *skeyseed, size_t seed_len,
                         struct ike_bytes ni, struct ike_bytes nr, uint64_t spi_i, uint64_t spi_r,
                         struct ike_keys *out);
/// SKEYSEED of a first IKE SA: prf(Ni | Nr, g^ir).
bool ike_skeyseed(struct ike_crypto *c, const struct ike_suite *s, struct ike_bytes ni, struct ike_bytes nr,
                  struct ike_bytes shared, uint8_t *out);
/// SKEYSEED of a rekeyed one: prf(old SK_d, g^ir | Ni | Nr), with the old SA's PRF (2.18).
bool ike_skeyseed_rekey(struct ike_crypto *c, uint16_t old_prf, const uint8_t *old_d, struct ike_bytes shared,
                        struct ike_bytes ni, struct ike_bytes nr, uint8_t *out);
/// The keys of a CHILD SA (2.17): first those of initiator to responder. shared.p NULL: without PFS.
bool ike_derive_child(struct ike_crypto *c, uint16_t prf, const uint8_t *sk_d, struct ike_bytes shared,
                      struct ike_bytes ni, struct ike_bytes nr, const struct ike_suite *esp, struct ike_child_key *i2r,
                      struct ike_child_key *r2i);
/// AUTH with a pre-shared key (2.15): prf(prf(psk, pad), msg | nonce | maced id). psk: at most IKE_MAX_PSK bytes.
bool ike_auth_psk(struct ike_crypto *c, uint16_t prf, struct ike_bytes psk, struct ike_bytes msg,
                  struct ike_bytes nonce, struct ike_bytes id_body, const uint8_t *sk_p, uint8_t *out);

/// Bytes that `plain` bytes occupy once protected: IV, padding and ICV included.
size_t ike_sealed_len(const struct ike_suite *s, size_t plain);
/// The most plain bytes that fit into `room` protected ones; 0: none.
size_t ike_sealed_fit(const struct ike_suite *s, size_t room);
/// Protect: msg holds `aad` bytes (header to the end of the SK or SKF header, lengths filled in); behind them IV,
/// ciphertext and ICV are written, ike_sealed_len() bytes. `iv`: 8 bytes never used before with this key, where
/// ike_encr_counts(), else 16 random bytes.
bool ike_seal(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *ekey, const uint8_t *akey, uint8_t *msg,
              size_t aad, const uint8_t *plain, size_t plain_len, const uint8_t iv[16]);
/// Check and decrypt the `len` bytes of msg whose first `aad` are only authenticated. `plain` takes len bytes.
bool ike_open(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *ekey, const uint8_t *akey,
              const uint8_t *msg, size_t len, size_t aad, uint8_t *plain, size_t *plain_len);

/// SHA-1 (NAT detection only, RFC 7296 2.23) and HMAC-SHA2-256 (cookies) and SHA2-256.
bool ike_sha1(struct ike_crypto *c, const struct ike_bytes *parts, size_t n, uint8_t out[20]);
bool ike_sha256(struct ike_crypto *c, const struct ike_bytes *parts, size_t n, uint8_t out[32]);

/// Length of a group's public value, bytes; 0: unknown group.
size_t ike_dh_public_len(uint16_t group);
/// A fresh key pair; the public value to pub[IKE_MAX_KE]. NULL: failed.
EVP_PKEY *ike_dh_generate(uint16_t group, uint8_t *pub, size_t *pub_len);
/// The shared secret to secret[IKE_MAX_KE]. false: the peer's value is no member of the group, or gives an all-zero
/// secret.
bool ike_dh_derive(uint16_t group, EVP_PKEY *key, const uint8_t *peer, size_t peer_len, uint8_t *secret,
                   size_t *secret_len);

#endif
