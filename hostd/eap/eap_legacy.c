// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_legacy.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdlib.h>

struct eap_legacy {
    OSSL_LIB_CTX *lib;
    OSSL_PROVIDER *provider;
    EVP_MD *md4;
    EVP_CIPHER *des;
};

struct eap_legacy *eap_legacy_new(void)
{
    struct eap_legacy *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return NULL;
    }
    l->lib = OSSL_LIB_CTX_new();
    l->provider = l->lib == NULL ? NULL : OSSL_PROVIDER_load(l->lib, "legacy");
    if (l->provider != NULL) {
        l->md4 = EVP_MD_fetch(l->lib, "MD4", NULL);
        l->des = EVP_CIPHER_fetch(l->lib, "DES-ECB", NULL);
    }
    if (l->md4 == NULL || l->des == NULL) {
        eap_legacy_free(l);
        return NULL;
    }
    return l;
}

void eap_legacy_free(struct eap_legacy *l)
{
    if (l == NULL) {
        return;
    }
    EVP_MD_free(l->md4);
    EVP_CIPHER_free(l->des);
    if (l->provider != NULL) {
        OSSL_PROVIDER_unload(l->provider);
    }
    OSSL_LIB_CTX_free(l->lib);
    free(l);
}

bool eap_md4(struct eap_legacy *l, const void *data, size_t len, uint8_t out[16])
{
    return EVP_Digest(data, len, out, NULL, l->md4, NULL) == 1;
}

bool eap_des(struct eap_legacy *l, const uint8_t key[7], const uint8_t clear[8], uint8_t out[8])
{
    // Seven bits a byte; the eighth is parity, which DES does not look at.
    uint64_t bits = 0;
    uint8_t spread[8];
    for (unsigned i = 0; i < 7; i++) {
        bits = bits << 8 | key[i];
    }
    for (unsigned i = 0; i < 8; i++) {
        spread[i] = (uint8_t)((bits >> (49 - 7 * i) & 0x7f) << 1);
    }
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = c != NULL && EVP_EncryptInit_ex2(c, l->des, spread, NULL, NULL) == 1 &&
              EVP_CIPHER_CTX_set_padding(c, 0) == 1 && EVP_EncryptUpdate(c, out, &n, clear, 8) == 1 && n == 8;
    EVP_CIPHER_CTX_free(c);
    OPENSSL_cleanse(spread, sizeof(spread));
    OPENSSL_cleanse(&bits, sizeof(bits));
    return ok;
}
