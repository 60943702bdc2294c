// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/conf/algs.h"

#include "hostd/ike/ike_const.h"

#include <stddef.h>
#include <string.h>

const struct alg alg_encr[] = {{"aes-gcm-256", IKE_ENCR_AES_GCM_16, 256, true, false},
                               {"aes-gcm-192", IKE_ENCR_AES_GCM_16, 192, true, false},
                               {"aes-gcm-128", IKE_ENCR_AES_GCM_16, 128, true, false},
                               {"chacha20-poly1305", IKE_ENCR_CHACHA20_POLY1305, 0, true, false},
                               {"aes-ctr-256", IKE_ENCR_AES_CTR, 256, false, false},
                               {"aes-ctr-192", IKE_ENCR_AES_CTR, 192, false, false},
                               {"aes-ctr-128", IKE_ENCR_AES_CTR, 128, false, false},
                               {"aes-cbc-256", IKE_ENCR_AES_CBC, 256, false, false},
                               {"aes-cbc-192", IKE_ENCR_AES_CBC, 192, false, false},
                               {"aes-cbc-128", IKE_ENCR_AES_CBC, 128, false, false},
                               {"3des", IKE_ENCR_3DES, 0, false, true},
                               {NULL, 0, 0, false, false}};
const struct alg alg_integ[] = {
    {"sha512", IKE_INTEG_HMAC_SHA2_512_256, 0, false, false}, {"sha384", IKE_INTEG_HMAC_SHA2_384_192, 0, false, false},
    {"sha256", IKE_INTEG_HMAC_SHA2_256_128, 0, false, false}, {"sha1", IKE_INTEG_HMAC_SHA1_96, 0, false, false},
    {"md5", IKE_INTEG_HMAC_MD5_96, 0, false, true},           {NULL, 0, 0, false, false}};
const struct alg alg_prf[] = {
    {"sha512", IKE_PRF_HMAC_SHA2_512, 0, false, false}, {"sha384", IKE_PRF_HMAC_SHA2_384, 0, false, false},
    {"sha256", IKE_PRF_HMAC_SHA2_256, 0, false, false}, {"sha1", IKE_PRF_HMAC_SHA1, 0, false, false},
    {"md5", IKE_PRF_HMAC_MD5, 0, false, true},          {NULL, 0, 0, false, false}};
const struct alg alg_group[] = {{"31", IKE_DH_X25519, 0, false, false},    {"20", IKE_DH_ECP_384, 0, false, false},
                                {"19", IKE_DH_ECP_256, 0, false, false},   {"21", IKE_DH_ECP_521, 0, false, false},
                                {"14", IKE_DH_MODP_2048, 0, false, false}, {"15", IKE_DH_MODP_3072, 0, false, false},
                                {"16", IKE_DH_MODP_4096, 0, false, false}, {"5", IKE_DH_MODP_1536, 0, false, true},
                                {"2", IKE_DH_MODP_1024, 0, false, true},   {NULL, 0, 0, false, false}};
const struct alg alg_esp_encr[] = {{"esp-gcm", IKE_ENCR_AES_GCM_16, 128, true, false},
                                   {"esp-chacha20-poly1305", IKE_ENCR_CHACHA20_POLY1305, 0, true, false},
                                   {"esp-aes", IKE_ENCR_AES_CBC, 128, false, false},
                                   {"esp-ctr", IKE_ENCR_AES_CTR, 128, false, false},
                                   {"esp-3des", IKE_ENCR_3DES, 0, false, true},
                                   {"esp-null", IKE_ENCR_NULL, 0, false, false},
                                   {NULL, 0, 0, false, false}};
const struct alg alg_esp_integ[] = {{"esp-sha512-hmac", IKE_INTEG_HMAC_SHA2_512_256, 0, false, false},
                                    {"esp-sha384-hmac", IKE_INTEG_HMAC_SHA2_384_192, 0, false, false},
                                    {"esp-sha256-hmac", IKE_INTEG_HMAC_SHA2_256_128, 0, false, false},
                                    {"esp-sha-hmac", IKE_INTEG_HMAC_SHA1_96, 0, false, false},
                                    {"esp-md5-hmac", IKE_INTEG_HMAC_MD5_96, 0, false, true},
                                    {NULL, 0, 0, false, false}};

int alg_find(const struct alg *table, const char *word)
{
    static const char *const also[][2] = {{"sha", "sha1"}, {"256", "sha256"}, {"384", "sha384"}, {"512", "sha512"}};
    for (unsigned a = 0; a < sizeof(also) / sizeof(also[0]); a++) {
        word = strcmp(also[a][0], word) == 0 ? also[a][1] : word;
    }
    for (int i = 0; table[i].word != NULL; i++) {
        if (strcmp(table[i].word, word) == 0) {
            return i;
        }
    }
    return -1;
}

const struct alg *alg_by_id(const struct alg *table, uint16_t id, uint16_t bits)
{
    for (; table->word != NULL; table++) {
        if (table->id == id && (bits == 0 || table->bits == bits)) {
            return table;
        }
    }
    return NULL;
}
