// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/dp/suite.h"

#include <stdio.h>

enum { HEADER = 8, WORD = 4, SALT = 4, TAG = 16, TRAILER = 2 }; // bytes; RFC 4303 2.4 aligns to words

static const struct suite_cipher CIPHERS[] = {
    {DP_CIPHER_AES_GCM, 256, "AES-GCM-256", "AES-256-GCM", 32, SALT, 8, WORD, TAG, true}, // RFC 4106
    {DP_CIPHER_AES_GCM, 192, "AES-GCM-192", "AES-192-GCM", 24, SALT, 8, WORD, TAG, true},
    {DP_CIPHER_AES_GCM, 128, "AES-GCM-128", "AES-128-GCM", 16, SALT, 8, WORD, TAG, true},
    {DP_CIPHER_CHACHA20_POLY1305, 0, "ChaCha20-Poly1305", "ChaCha20-Poly1305", 32, SALT, 8, WORD, TAG,
     true},                                                                             // RFC 7634
    {DP_CIPHER_AES_CTR, 256, "AES-CTR-256", "AES-256-CTR", 32, SALT, 8, WORD, 0, true}, // RFC 3686
    {DP_CIPHER_AES_CTR, 192, "AES-CTR-192", "AES-192-CTR", 24, SALT, 8, WORD, 0, true},
    {DP_CIPHER_AES_CTR, 128, "AES-CTR-128", "AES-128-CTR", 16, SALT, 8, WORD, 0, true},
    {DP_CIPHER_AES_CBC, 256, "AES-CBC-256", "AES-256-CBC", 32, 0, 16, 16, 0, false}, // RFC 3602
    {DP_CIPHER_AES_CBC, 192, "AES-CBC-192", "AES-192-CBC", 24, 0, 16, 16, 0, false},
    {DP_CIPHER_AES_CBC, 128, "AES-CBC-128", "AES-128-CBC", 16, 0, 16, 16, 0, false},
    {DP_CIPHER_3DES, 0, "3DES", "DES-EDE3-CBC", 24, 0, 8, 8, 0, false}, // RFC 2451
    {DP_CIPHER_NULL, 0, "NULL", "NULL", 0, 0, 0, WORD, 0, false},       // RFC 2410
};

static const struct suite_integ INTEGS[] = {
    {DP_INTEG_SHA512_256, "HMAC-SHA2-512-256", "SHA2-512", 64, 32}, // RFC 4868
    {DP_INTEG_SHA384_192, "HMAC-SHA2-384-192", "SHA2-384", 48, 24},
    {DP_INTEG_SHA256_128, "HMAC-SHA2-256-128", "SHA2-256", 32, 16},
    {DP_INTEG_SHA1_96, "HMAC-SHA1-96", "SHA1", 20, 12}, // RFC 2404
    {DP_INTEG_MD5_96, "HMAC-MD5-96", "MD5", 16, 12},    // RFC 2403
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct suite_cipher *suite_cipher(struct dp_suite s)
{
    for (size_t i = 0; i < COUNT(CIPHERS); i++)
        if (CIPHERS[i].cipher == s.cipher && CIPHERS[i].bits == s.bits)
            return &CIPHERS[i];
    return NULL;
}

const struct suite_integ *suite_integ(struct dp_suite s)
{
    for (size_t i = 0; i < COUNT(INTEGS); i++)
        if (INTEGS[i].integ == s.integ)
            return &INTEGS[i];
    return NULL;
}

size_t suite_key_len(struct dp_suite s)
{
    const struct suite_cipher *c = suite_cipher(s);
    const struct suite_integ *i = suite_integ(s);
    // Just one of the two brings the integrity: ESP goes without neither here.
    if (!c || (c->icv > 0) == (i != NULL) || (!i && s.integ != DP_INTEG_NONE))
        return 0;
    return c->key + c->salt + (i ? i->key : 0);
}

const char *suite_name(struct dp_suite s, char *out, size_t cap)
{
    const struct suite_cipher *c = suite_cipher(s);
    const struct suite_integ *i = suite_integ(s);
    snprintf(out, cap, "%s%s%s", c ? c->name : "unknown", i ? "/" : "", i ? i->name : "");
    return out;
}

size_t suite_fit(struct dp_suite s, size_t room)
{
    const struct suite_cipher *c = suite_cipher(s);
    const struct suite_integ *i = suite_integ(s);
    if (suite_key_len(s) == 0)
        return 0;
    const size_t fixed = HEADER + c->iv + (i ? i->icv : c->icv);
    const size_t text = room > fixed ? (room - fixed) / c->block * c->block : 0;
    return text > TRAILER ? text - TRAILER : 0;
}

void suite_list(const char *cipher[16], const char *integ[8])
{
    _Static_assert(COUNT(CIPHERS) < 16 && COUNT(INTEGS) < 8, "room for all and NULL");
    for (size_t i = 0; i < COUNT(CIPHERS); i++)
        cipher[i] = CIPHERS[i].name;
    cipher[COUNT(CIPHERS)] = NULL;
    for (size_t i = 0; i < COUNT(INTEGS); i++)
        integ[i] = INTEGS[i].name;
    integ[COUNT(INTEGS)] = NULL;
}
