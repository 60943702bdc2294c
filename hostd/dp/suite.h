// SPDX-License-Identifier: BSD-2-Clause
// The algorithms of ESP: what they are called and how long their parts are. Nothing here works with keys.
#pragma once
#include "hostd/dp/dp.h"

struct suite_cipher {
    enum dp_cipher cipher;
    unsigned bits;
    const char *name;    // for users
    const char *openssl; // OpenSSL's name
    size_t key, salt;    // bytes; the salt (nonce) follows the key
    size_t iv;           // bytes in the packet
    size_t block;        // what data, padding, pad length and next header have to fill
    size_t icv;          // of its own integrity; 0: it has none
    bool counter;        // the IV has to be unique only; else it is unpredictable
};

struct suite_integ {
    enum dp_integ integ;
    const char *name, *digest; // for users; OpenSSL's name of the hash
    size_t key, icv;           // bytes
};

// The parts of a suite. NULL: there is no such algorithm.
const struct suite_cipher *suite_cipher(struct dp_suite s);
const struct suite_integ *suite_integ(struct dp_suite s);
// Bytes of key, salt and integrity key included; 0: the two do not make a suite.
size_t suite_key_len(struct dp_suite s);
// "AES-GCM-256", "AES-CBC-128/HMAC-SHA2-256-128". Returns out.
const char *suite_name(struct dp_suite s, char *out, size_t cap);
// The most bytes of data that fit if ESP may be `room` bytes long from its SPI to its ICV; 0: none, or no such suite.
size_t suite_fit(struct dp_suite s, size_t room);
// The names of all, ended by NULL.
void suite_list(const char *cipher[16], const char *integ[8]);
