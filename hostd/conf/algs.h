// SPDX-License-Identifier: BSD-2-Clause
// Algorithms by the words that the configuration has for them. Indexes of these tables are what the model keeps.
#ifndef CULVERT_CONF_ALGS_H
#define CULVERT_CONF_ALGS_H

#include <stdbool.h>
#include <stdint.h>

struct alg {
    const char *word; // NULL: end of the table
    uint16_t id;      // transform id of the IKEv2 registry
    uint16_t bits;    // ciphers: key length
    bool aead;
};

extern const struct alg alg_encr[], alg_integ[], alg_prf[], alg_group[];

// Index of a word in a table, or -1.
int alg_find(const struct alg *table, const char *word);

// The same words as grammar text.
#define ALG_ENCR_WORDS  "aes-gcm-256|aes-gcm-128|aes-cbc-256|aes-cbc-128"
#define ALG_HASH_WORDS  "sha256|sha384|sha512"
#define ALG_GROUP_WORDS "14|19|20|21|31"
#define ALG_PFS_WORDS   "group14|group19|group20|group21|group31"

#endif
