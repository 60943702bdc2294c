// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/datapath/model.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

uint16_t ip_checksum(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += get16(p + i);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

void ip_fix(uint8_t *ip)
{
    put16(ip + 10, 0);
    put16(ip + 10, ip_checksum(ip, (ip[0] & 15u) * 4));
}

void ip_forward(uint8_t *ip)
{
    ip[8]--;
    ip_fix(ip);
}

size_t ip_build(uint8_t *out, const struct ip_spec *s)
{
    uint32_t x = s->seed * 2654435761u + 12345;
    memset(out, 0, 20);
    out[0] = 0x45;
    out[1] = s->tos;
    put16(out + 2, (unsigned)s->total);
    put16(out + 4, s->id);
    put16(out + 6, s->flags);
    out[8] = s->ttl;
    out[9] = s->proto;
    put32(out + 12, s->src);
    put32(out + 16, s->dst);
    ip_fix(out);
    for (size_t i = 20; i < s->total; i++) {
        x = x * 1664525 + 1013904223;
        out[i] = (uint8_t)(x >> 24);
    }
    if (s->total >= 24 && (s->proto == 6 || s->proto == 17)) {
        put16(out + 20, s->sport);
        put16(out + 22, s->dport);
    }
    if (s->total >= 28 && s->proto == 17)
        put16(out + 24, (unsigned)(s->total - 20));
    return s->total;
}

size_t eth_build(uint8_t *out, const uint8_t dst[6], const uint8_t src[6], unsigned type, const uint8_t *payload,
                 size_t len)
{
    memmove(out + 14, payload, len);
    memcpy(out, dst, 6);
    memcpy(out + 6, src, 6);
    put16(out + 12, type);
    return len + 14;
}

size_t esp_pad(size_t len)
{
    return (4 - (len + 2) % 4) % 4;
}

size_t esp_plain(uint8_t *out, const uint8_t *inner, size_t len, size_t pad, uint8_t next)
{
    memmove(out, inner, len);
    for (size_t i = 0; i < pad; i++)
        out[len + i] = (uint8_t)(i + 1);
    out[len + pad] = (uint8_t)pad;
    out[len + pad + 1] = next;
    return len + pad + 2;
}

size_t esp_seal(uint8_t *out, const struct sa *sa, uint64_t seq, const uint8_t *plain, size_t len)
{
    uint8_t nonce[12], aad[12];
    int n = 0, aad_len = sa->esn ? 12 : 8;
    put32(out, sa->spi);
    put32(out + 4, (uint32_t)seq);
    put32(out + 8, (uint32_t)(seq >> 32));
    put32(out + 12, (uint32_t)seq);
    memcpy(nonce, sa->salt, 4);
    memcpy(nonce + 4, out + 8, 8);
    put32(aad, sa->spi);
    if (sa->esn)
        put32(aad + 4, (uint32_t)(seq >> 32));
    put32(aad + aad_len - 4, (uint32_t)seq);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!ctx ||
        EVP_EncryptInit_ex(ctx, sa->key256 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), NULL, sa->key, nonce) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len) != 1 ||
        EVP_EncryptUpdate(ctx, out + 16, &n, plain, (int)len) != 1 ||
        EVP_EncryptFinal_ex(ctx, out + 16 + len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + 16 + len) != 1)
        abort();
    EVP_CIPHER_CTX_free(ctx);
    return 16 + len + 16;
}

size_t esp_wrap(uint8_t *out, const struct sa *sa, uint32_t src, uint32_t dst, uint8_t tos, uint16_t id, uint16_t flags,
                const uint8_t *esp, size_t len)
{
    size_t head = sa->encap ? 28 : 20;
    memmove(out + head, esp, len);
    struct ip_spec s = {.src = src,
                        .dst = dst,
                        .proto = sa->encap ? 17 : 50,
                        .tos = tos,
                        .ttl = 64,
                        .id = id,
                        .flags = flags,
                        .total = 20};
    ip_build(out, &s);
    put16(out + 2, (unsigned)(len + head));
    ip_fix(out);
    if (sa->encap) {
        put16(out + 20, sa->sport);
        put16(out + 22, sa->dport);
        put16(out + 24, (unsigned)(len + 8));
        put16(out + 26, 0);
    }
    return len + head;
}

size_t esp_expect(uint8_t *out, const struct sa *sa, uint64_t seq, uint16_t id, const uint8_t dst_mac[6],
                  const uint8_t src_mac[6], const uint8_t *inner, size_t len)
{
    static uint8_t plain[16384], esp[16384], ip[16384];
    size_t n = esp_plain(plain, inner, len, esp_pad(len), 4);
    unsigned df = sa->set_df || (inner[6] & 0x40) ? 0x4000 : 0;
    n = esp_seal(esp, sa, seq, plain, n);
    n = esp_wrap(ip, sa, sa->src, sa->dst, sa->copy_dscp ? inner[1] : 0, id, (uint16_t)df, esp, n);
    n = eth_build(out, dst_mac, src_mac, 0x0800, ip, n);
    if (n < 60) {
        memset(out + n, 0, 60 - n);
        n = 60;
    }
    return n;
}

size_t esp_frame(uint8_t *out, const struct sa *sa, uint64_t seq, const uint8_t dst_mac[6], uint32_t src, uint32_t dst,
                 const uint8_t *inner, size_t len)
{
    static const uint8_t peer_mac[6] = {2, 0, 0, 0, 9, 9};
    static uint8_t plain[16384], esp[16384], ip[16384];
    struct sa as = *sa;
    as.sport = 40000;
    as.dport = 4500;
    size_t n = esp_plain(plain, inner, len, esp_pad(len), 4);
    n = esp_seal(esp, &as, seq, plain, n);
    n = esp_wrap(ip, &as, src, dst, 0, 77, 0, esp, n);
    return eth_build(out, dst_mac, peer_mac, 0x0800, ip, n);
}
