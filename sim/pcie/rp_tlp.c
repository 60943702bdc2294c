// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pcie/rp_tlp.h"

uint32_t tlp_byte_count(const uint32_t *h)
{
    uint32_t dws = tlp_dws(h);
    unsigned first = tlp_first_be(h), last = dws == 1 ? first : tlp_last_be(h);
    if (dws == 1 && !first)
        return 1;
    return dws * 4 - be_lead(first) - be_trail(last);
}

void tlp_mem_header(uint32_t h[4], bool write, uint64_t addr, uint32_t len, uint16_t requester, uint8_t tag)
{
    uint32_t lead = addr & 3, dws = (lead + len + 3) / 4, tail = (lead + len) & 3;
    unsigned first = 0xfu << lead & 0xf, last = tail ? (1u << tail) - 1 : 0xf;
    if (dws == 1) {
        first &= last;
        last = 0;
    }
    bool wide = addr >> 32;
    h[0] = (uint32_t)write << 30 | (uint32_t)wide << 29 | (dws & 0x3ff);
    h[1] = (uint32_t)requester << 16 | (uint32_t)tag << 8 | last << 4 | first;
    h[2] = wide ? (uint32_t)(addr >> 32) : (uint32_t)addr & ~3u;
    h[3] = wide ? (uint32_t)addr & ~3u : 0;
}

void tlp_cpl_header(uint32_t h[4], enum tlp_status status, uint32_t dws, uint32_t byte_count, uint16_t completer,
                    uint16_t requester, uint8_t tag, uint8_t lower_addr)
{
    h[0] = (uint32_t)(dws ? TLP_CPLD : TLP_CPL) << 24 | (dws & 0x3ff);
    h[1] = (uint32_t)completer << 16 | (uint32_t)status << 13 | (byte_count & 0xfff);
    h[2] = (uint32_t)requester << 16 | (uint32_t)tag << 8 | (lower_addr & 0x7f);
    h[3] = 0;
}
