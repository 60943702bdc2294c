// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_mschap.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

struct part {
    const void *p;
    size_t len;
};

static bool sha1(const struct part *part, unsigned n, uint8_t out[20])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c != NULL && EVP_DigestInit_ex(c, EVP_sha1(), NULL) == 1;
    for (unsigned i = 0; ok && i < n; i++) {
        ok = EVP_DigestUpdate(c, part[i].p, part[i].len) == 1;
    }
    ok = ok && EVP_DigestFinal_ex(c, out, NULL) == 1;
    EVP_MD_CTX_free(c);
    return ok;
}

// UTF-8 to UTF-16, little-endian. Bytes that are no UTF-8 stand for themselves.
static size_t widen(const uint8_t *in, size_t len, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        uint8_t first = in[i];
        unsigned more = first >= 0xf0 && first < 0xf5 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
        uint32_t c = more == 0 ? first : first & (0x3fU >> more);
        bool good = first < 0xf5 && i + more < len;
        for (unsigned k = 1; good && k <= more; k++) {
            good = (in[i + k] & 0xc0) == 0x80;
            c = c << 6 | (in[i + k] & 0x3fU);
        }
        if (!good || c < least[more] || c > 0x10ffff) {
            c = first;
            more = 0;
        }
        i += more + 1;
        if (c >= 0x10000) {
            uint32_t high = 0xd800 + ((c - 0x10000) >> 10);
            out[n++] = (uint8_t)high;
            out[n++] = (uint8_t)(high >> 8);
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        out[n++] = (uint8_t)c;
        out[n++] = (uint8_t)(c >> 8);
    }
    return n;
}

// RFC 2759 8.7, with "Magic" constants of that section.
static bool proof(const uint8_t hash_hash[16], const uint8_t nt[EAP_MS_NT_LEN], const uint8_t challenge[8],
                  uint8_t out[20])
{
    static const char one[] = "Magic server to client signing constant",
                      two[] = "Pad to make it do more than one iteration";
    uint8_t digest[20];
    const struct part first[] = {{hash_hash, 16}, {nt, EAP_MS_NT_LEN}, {one, sizeof(one) - 1}};
    const struct part second[] = {{digest, 20}, {challenge, 8}, {two, sizeof(two) - 1}};
    bool ok = sha1(first, 3, digest) && sha1(second, 3, out);
    OPENSSL_cleanse(digest, sizeof(digest));
    return ok;
}

// RFC 3079 3.4: GetMasterKey and two GetAsymmetricStartKey of 16 bytes.
static bool master_keys(const uint8_t hash_hash[16], const uint8_t nt[EAP_MS_NT_LEN], uint8_t msk[EAP_MSK])
{
    static const char magic1[] = "This is the MPPE Master Key";
    static const char from_client[] =
        "On the client side, this is the send key; on the server side, it is the receive key.";
    static const char from_server[] =
        "On the client side, this is the receive key; on the server side, it is the send key.";
    uint8_t master[20], key[20], pad1[40] = {0}, pad2[40];
    memset(pad2, 0xf2, sizeof(pad2));
    memset(msk, 0, EAP_MSK);
    const struct part first[] = {{hash_hash, 16}, {nt, EAP_MS_NT_LEN}, {magic1, sizeof(magic1) - 1}};
    bool ok = sha1(first, 3, master);
    const char *const magic[] = {from_client, from_server};
    for (unsigned i = 0; ok && i < 2; i++) {
        const struct part next[] = {{master, 16}, {pad1, 40}, {magic[i], sizeof(from_client) - 1}, {pad2, 40}};
        ok = sha1(next, 4, key);
        memcpy(msk + (size_t)16 * i, key, 16);
    }
    OPENSSL_cleanse(master, sizeof(master));
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

bool eap_ms_compute(struct eap_legacy *l, const struct eap_ms_login *in, struct eap_ms_keys *out)
{
    uint8_t wide[EAP_MAX_SECRET * 2], hash[21] = {0}, hash_hash[16], challenge[20];
    if (in->password_len > EAP_MAX_SECRET) {
        return false;
    }
    const uint8_t *slash = in->user_len > 0 ? memchr(in->user, '\\', in->user_len) : NULL;
    const uint8_t *user = slash == NULL ? in->user : slash + 1;
    const struct part parts[] = {
        {in->peer_challenge, 16}, {in->auth_challenge, 16}, {user, in->user_len - (size_t)(user - in->user)}};
    size_t n = widen(in->password, in->password_len, wide);
    bool ok = eap_md4(l, wide, n, hash) && eap_md4(l, hash, 16, hash_hash) && sha1(parts, 3, challenge);
    for (unsigned i = 0; ok && i < 3; i++) {
        ok = eap_des(l, hash + (size_t)7 * i, challenge, out->nt_response + (size_t)8 * i);
    }
    ok = ok && proof(hash_hash, out->nt_response, challenge, out->proof) &&
         master_keys(hash_hash, out->nt_response, out->msk);
    OPENSSL_cleanse(wide, sizeof(wide));
    OPENSSL_cleanse(hash, sizeof(hash));
    OPENSSL_cleanse(hash_hash, sizeof(hash_hash));
    return ok;
}
