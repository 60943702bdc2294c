// SPDX-License-Identifier: BSD-2-Clause
// Fields of transaction-layer packet headers (PCI Express Base 3.0, 2.2).
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum tlp_kind { // Fmt and Type
    TLP_MRD3 = 0x00,
    TLP_MRD4 = 0x20,
    TLP_MWR3 = 0x40,
    TLP_MWR4 = 0x60,
    TLP_CPL = 0x0a,
    TLP_CPL_LK = 0x0b,
    TLP_CPLD = 0x4a,
};
enum tlp_status { TLP_SC = 0, TLP_UR = 1 };
enum { TLP_DATA_MAX = 4096, TLP_BEAT = 64, TLP_EP = 1 << 14 };

struct tlp {
    uint32_t hdr[4];
    uint32_t len;   // bytes of payload, a multiple of 4
    uint32_t beats; // to be sent
    uint8_t data[TLP_DATA_MAX + TLP_BEAT];
};

static inline uint8_t tlp_kind(const uint32_t *h)
{
    return (uint8_t)(h[0] >> 24);
}

static inline bool tlp_has_data(const uint32_t *h)
{
    return h[0] >> 30 & 1;
}

static inline bool tlp_4dw(const uint32_t *h)
{
    return h[0] >> 29 & 1;
}

static inline uint32_t tlp_dws(const uint32_t *h)
{
    return (h[0] & 0x3ff) ? (h[0] & 0x3ff) : 1024;
}

static inline unsigned tlp_first_be(const uint32_t *h)
{
    return h[1] & 15;
}

static inline unsigned tlp_last_be(const uint32_t *h)
{
    return h[1] >> 4 & 15;
}

static inline uint64_t tlp_addr(const uint32_t *h)
{
    return tlp_4dw(h) ? (uint64_t)h[2] << 32 | (h[3] & ~3u) : (h[2] & ~3u);
}

static inline uint32_t tlp_beats(uint32_t len)
{
    return len ? (len + TLP_BEAT - 1) / TLP_BEAT : 1;
}

// Bytes before the first and after the last enabled one of a DW.
static inline unsigned be_lead(unsigned be)
{
    return be ? (unsigned)__builtin_ctz(be) : 0;
}

static inline unsigned be_trail(unsigned be)
{
    return be ? (unsigned)__builtin_clz(be) - 28 : 3;
}

// Bytes from the first enabled one to the last of a memory request; 1 if none is enabled (table 2-38).
uint32_t tlp_byte_count(const uint32_t *h);
// Header of a memory request for `len` bytes at `addr` that do not cross 4 KiB.
void tlp_mem_header(uint32_t h[4], bool write, uint64_t addr, uint32_t len, uint16_t requester, uint8_t tag);
// Header of a completion; byte_count 4,096 is sent as 0.
void tlp_cpl_header(uint32_t h[4], enum tlp_status status, uint32_t dws, uint32_t byte_count, uint16_t completer,
                    uint16_t requester, uint8_t tag, uint8_t lower_addr);
