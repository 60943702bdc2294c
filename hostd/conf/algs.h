// SPDX-License-Identifier: BSD-2-Clause
// Algorithms by the words that the configuration has for them. Indexes of these tables are what the model keeps.
#ifndef CULVERT_CONF_ALGS_H
#define CULVERT_CONF_ALGS_H

#include <stdbool.h>
#include <stdint.h>

struct alg {
    const char *word; // NULL: end of the table
    uint16_t id;      // transform id of the IKEv2 registry
    uint16_t bits;    // ciphers: key length, 0 where there is but one; of transform sets: that when none is written
    bool aead;
    bool legacy; // for old peers only: never by default, and with a warning where it is configured
};

// Of IKE. Integrity and PRF are in the same order.
extern const struct alg alg_encr[], alg_integ[], alg_prf[], alg_group[];
// Of transform sets.
extern const struct alg alg_esp_encr[], alg_esp_integ[];

// Index of a word, or of one of the other ways to write it ("sha" and the "256" of "sha 256"), in a table; or -1.
int alg_find(const struct alg *table, const char *word);
// The entry with this transform id (and key length, if bits is not 0), or NULL.
const struct alg *alg_by_id(const struct alg *table, uint16_t id, uint16_t bits);

// The same words as grammar text.
#define ALG_ENCR_WORDS                                                                                                 \
    "aes-gcm-256|aes-gcm-192|aes-gcm-128|chacha20-poly1305|aes-ctr-256|aes-ctr-192|aes-ctr-128|"                       \
    "aes-cbc-256|aes-cbc-192|aes-cbc-128|3des"
#define ALG_HASH_WORDS "sha512|sha384|sha256|sha1|sha|md5"
// One or more hashes, also as "sha 256".
#define ALG_HASHES      "{ <alg:" ALG_HASH_WORDS "> | sha <alg:256|384|512> } ..."
#define ALG_GROUP_WORDS "2|5|14|15|16|19|20|21|31"
#define ALG_PFS_WORDS   "group2|group5|group14|group15|group16|group19|group20|group21|group31"
// What a transform set is made of.
#define ALG_TRANSFORMS                                                                                                 \
    "{ <encr:esp-gcm|esp-chacha20-poly1305> [<bits:128|192|256>] | "                                                   \
    "{ <encr:esp-aes|esp-ctr> [<bits:128|192|256>] | <encr:esp-3des|esp-null> } "                                      \
    "<integ:esp-sha-hmac|esp-sha256-hmac|esp-sha384-hmac|esp-sha512-hmac|esp-md5-hmac> }"

#endif
