// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/conf/algs.h"

#include "hostd/ike/ike_const.h"

#include <stddef.h>
#include <string.h>

const struct alg alg_encr[] = {{"aes-gcm-256", IKE_ENCR_AES_GCM_16, 256, true},
                               {"aes-gcm-128", IKE_ENCR_AES_GCM_16, 128, true},
                               {"aes-cbc-256", IKE_ENCR_AES_CBC, 256, false},
                               {"aes-cbc-128", IKE_ENCR_AES_CBC, 128, false},
                               {NULL, 0, 0, false}};
const struct alg alg_integ[] = {{"sha256", IKE_INTEG_HMAC_SHA2_256_128, 0, false},
                                {"sha384", IKE_INTEG_HMAC_SHA2_384_192, 0, false},
                                {"sha512", IKE_INTEG_HMAC_SHA2_512_256, 0, false},
                                {NULL, 0, 0, false}};
const struct alg alg_prf[] = {{"sha256", IKE_PRF_HMAC_SHA2_256, 0, false},
                              {"sha384", IKE_PRF_HMAC_SHA2_384, 0, false},
                              {"sha512", IKE_PRF_HMAC_SHA2_512, 0, false},
                              {NULL, 0, 0, false}};
const struct alg alg_group[] = {{"14", IKE_DH_MODP_2048, 0, false}, {"19", IKE_DH_ECP_256, 0, false},
                                {"20", IKE_DH_ECP_384, 0, false},   {"21", IKE_DH_ECP_521, 0, false},
                                {"31", IKE_DH_X25519, 0, false},    {NULL, 0, 0, false}};

int alg_find(const struct alg *table, const char *word)
{
    for (int i = 0; table[i].word != NULL; i++) {
        if (strcmp(table[i].word, word) == 0) {
            return i;
        }
    }
    return -1;
}
