/* SPDX-License-Identifier: BSD-2-Clause */
/* gcm_keyprep against powers of H made from OpenSSL's AES. */
#include "tests/rtl/gcm/gcm_tests.h"

#include <string.h>

/* Returns the cycles it took, 0 if it never ended. */
static unsigned prepare(struct gcm_dut *d, bool key256, const uint8_t key[32], uint32_t hpow[32])
{
    uint8_t other[32];
    memset(other, 0x5a, sizeof other);
    gcm_dut_keyprep(d, true, key256, key, false);
    gcm_dut_tick(d);
    gcm_dut_keyprep(d, false, !key256, other, false); /* the key is taken at start, nothing later */
    for (unsigned n = 1; n < 4000; n++) {
        if (gcm_dut_keyprep_done(d)) {
            gcm_dut_keyprep_hpow(d, hpow);
            return n;
        }
        gcm_dut_tick(d);
    }
    return 0;
}

void gcm_test_keyprep(struct gcm_test *t)
{
    uint32_t want[32], got[32], zero[32] = {0};
    uint8_t key[32];
    unsigned bad = 0, n = 0, most = 0;

    for (int i = 0; i < 60; i++) {
        const bool key256 = i & 1;
        memset(got, 0, sizeof got);
        gcm_random_bytes(&t->random, key, sizeof key);
        gcm_model_hpow(key256, key, want);
        n = prepare(t->dut, key256, key, got);
        most = n > most ? n : most;
        t->checks++;
        if (!n || memcmp(want, got, sizeof got) != 0)
            bad++;
    }
    gcm_ok(t, bad == 0, "key preparation makes the powers of H for 128- and 256-bit keys", "%u of 60 differ", bad);
    gcm_ok(t, most > 0 && most <= 2150, "key preparation takes at most 2,150 cycles", "%u", most);
    gcm_ok(t, !gcm_dut_keyprep_busy(t->dut), "key preparation is idle afterwards", "still busy");
    gcm_dut_keyprep(t->dut, false, false, key, true);
    gcm_dut_tick(t->dut);
    gcm_dut_keyprep(t->dut, false, false, key, false);
    gcm_dut_keyprep_hpow(t->dut, got);
    gcm_ok(t, memcmp(got, zero, sizeof got) == 0, "the powers of H are wiped when asked", "not zero");
}
