// SPDX-License-Identifier: BSD-2-Clause
// Writes the seed corpus of the ESP fuzz target: for each suite packets of both families, GRE, and a sealed one.
//   dp_seeds FOLDER
#include "tests/unit/dp/handmade.h"

#include <stdio.h>
#include <string.h>

static const uint8_t ipv6[] = {
    0x60, 0,  0, 0,  0,    24, 60,   64,   0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,
    0,    0,  0, 1,  0x20, 1,  0x0d, 0xb8, 0,    0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 2, // addresses
    17,   0,  1, 4,  0,    0,  0,    0,                                                 // destination options
    0,    53, 0, 53, 0,    16, 0,    0,    1,    2, 3,    4,    5, 6, 7, 8};
static const uint8_t gre[] = {0x45, 0, 0,    52, 0, 0, 0, 0, 64, 47, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
                              0x20, 0, 0x08, 0,  0, 0, 0, 7,                                         // GRE with a key
                              0x45, 0, 0,    24, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 1, 0, 2, 1, 2, 3, 4};

static int put(const char *folder, const char *what, size_t i, const uint8_t head[6], const uint8_t *body, size_t len)
{
    char name[512];
    snprintf(name, sizeof(name), "%s/%s%zu", folder, what, i);
    FILE *f = fopen(name, "wb");
    if (f == NULL)
        return 1;
    size_t n = fwrite(head, 1, 6, f) + fwrite(body, 1, len, f);
    return fclose(f) != 0 || n != 6 + len;
}

int main(int argc, char **argv)
{
    struct dp_suite suite[HANDMADE_SUITES];
    uint8_t key[DP_KEY_MAX], ipv4[48], sealed[200];
    const size_t suites = handmade_suites(suite);
    int bad = argc < 2;
    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(i * 37 + 11);
    handmade_ipv4(ipv4, sizeof(ipv4), "10.1.0.1", "10.2.0.1", 5);
    for (size_t i = 0; i < suites && !bad; i++) {
        const uint8_t four[6] = {(uint8_t)i, 2, 0, 0, 0, 4}, six[6] = {(uint8_t)i, 3, 0, 0, 0, 41},
                      raw[6] = {(uint8_t)i, 0, 0, 0, 0, 0};
        const struct handmade h = HANDMADE(suite[i], key, 4711, 1);
        bad |= put(argv[1], "ipv4-", i, four, ipv4, sizeof(ipv4));
        bad |= put(argv[1], "ipv6-", i, six, ipv6, sizeof(ipv6));
        bad |= put(argv[1], "gre-", i, four, gre, sizeof(gre));
        bad |= put(argv[1], "raw-", i, raw, sealed, handmade_seal(&h, ipv4, sizeof(ipv4), sealed));
    }
    return bad;
}
