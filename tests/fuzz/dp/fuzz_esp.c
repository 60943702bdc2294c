// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: ESP packets as they come, and packets of a peer that knows the keys and puts what it likes inside. The
// input: suite, flags (1: ESN, 2: sealed with the right keys), four bytes for the trailer, then the packet or what is
// to be sealed.
#include "hostd/dp/esp.h"
#include "hostd/dp/gre.h"
#include "hostd/dp/packet.h"
#include "tests/unit/dp/handmade.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 6, SEALED_MAX = 70000 };

static void must(bool good)
{
    if (!good)
        abort();
}

// Is the piece within the whole?
static void inside(const uint8_t *piece, size_t len, const uint8_t *whole, size_t size)
{
    must(piece >= whole && len <= size && (size_t)(piece - whole) <= size - len);
}

// An allocation of just this size, so that the sanitizer sees a byte read too much.
static uint8_t *exact(const uint8_t *data, size_t len)
{
    uint8_t *p = malloc(len ? len : 1);
    must(p != NULL);
    memcpy(p, data, len);
    return p;
}

static void look(const uint8_t *data, size_t len, uint8_t next, unsigned depth)
{
    struct packet p;
    struct gre gre;
    for (int family = 0; family <= 6; family += family ? 2 : 4) { // 0: a whole packet; 4, 6: a payload by itself
        bool good = family ? packet_parse_payload((uint8_t)family, next, data, len, &p) : packet_parse(data, len, &p);
        if (!good)
            continue;
        inside(p.payload, p.payload_len, data, len);
        must(p.len <= len);
        if (family == 0) {
            must(p.family == 4 || p.family == 6);
            inside(p.src, p.family == 4 ? 4 : 16, data, len);
            inside(p.dst, p.family == 4 ? 4 : 16, data, len);
        }
        if (p.proto == PACKET_GRE && gre_parse(p.payload, p.payload_len, &gre)) {
            inside(gre.payload, gre.len, data, len);
            uint8_t *copy = exact(gre.payload, gre.len);
            if (depth < 3)
                look(copy, gre.len, PACKET_IPV4, depth + 1);
            free(copy);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dp_suite suite[HANDMADE_SUITES];
    static struct esp *opener[HANDMADE_SUITES][2];
    static uint8_t key[DP_KEY_MAX], sealed[SEALED_MAX];
    static size_t suites;
    if (suites == 0) {
        suites = handmade_suites(suite);
        for (size_t i = 0; i < sizeof(key); i++)
            key[i] = (uint8_t)(i * 37 + 11);
    }
    if (size < HEAD)
        return 0;
    const size_t at = data[0] % suites;
    const bool esn = data[1] & 1, insider = data[1] & 2;
    struct esp **e = &opener[at][esn];
    if (*e == NULL)
        *e = esp_new(suite[at], key, handmade_key_len(suite[at]), esn, false);
    must(*e != NULL);
    const uint8_t *packet = data + HEAD;
    size_t len = size - HEAD, payload = 0;
    uint8_t next = 0;
    if (insider) {
        struct handmade h = HANDMADE(suite[at], key, 4711, 1);
        h.esn = esn;
        h.next = data[5];
        h.pad = data[2] & 1 ? data[3] : -1;
        h.pad_length = data[2] & 2 ? data[4] : -1;
        h.bad_pad_at = data[2] & 4 ? data[4] : -1;
        len = handmade_seal(&h, packet, len, sealed);
        packet = sealed;
    }
    uint8_t *in = exact(packet, len), *out = malloc(len ? len : 1);
    must(out != NULL);
    const enum esp_result result = esp_open(*e, 1, in, len, out, &next, &payload);
    if (result == ESP_OK) {
        must(payload <= len);
        uint8_t *text = exact(out, payload);
        look(text, payload, next, 0);
        free(text);
    } else if (insider) { // of the right keys: never false, and never more than the trailer is at fault
        must(result == ESP_BAD_PADDING || result == ESP_DUMMY || result == ESP_TRUNCATED);
    }
    free(out);
    free(in);
    return 0;
}
