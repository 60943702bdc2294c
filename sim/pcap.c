// SPDX-License-Identifier: BSD-2-Clause
#include "sim/pcap.h"

#include <string.h>

#define MAGIC_US      0xa1b2c3d4u
#define MAGIC_NS      0xa1b23c4du
#define LINK_ETHERNET 1u

FILE *pcap_create(const char *path)
{
    const uint32_t header[6] = {MAGIC_NS, 2u | 4u << 16, 0, 0, 65535, LINK_ETHERNET};
    FILE *f = fopen(path, "wb");
    if (f && fwrite(header, sizeof header, 1, f) != 1) {
        fclose(f);
        f = NULL;
    }
    return f;
}

void pcap_write(FILE *f, const uint8_t *frame, size_t len, uint64_t time_ns)
{
    const uint32_t record[4] = {(uint32_t)(time_ns / 1000000000), (uint32_t)(time_ns % 1000000000), (uint32_t)len,
                                (uint32_t)len};
    fwrite(record, sizeof record, 1, f);
    fwrite(frame, 1, len, f);
}

static uint32_t word(const struct pcap_reader *r, uint32_t w)
{
    return r->swapped ? __builtin_bswap32(w) : w;
}

int pcap_open(struct pcap_reader *r, const char *path)
{
    uint32_t header[6];
    r->swapped = 0;
    r->file = fopen(path, "rb");
    if (!r->file)
        return -1;
    if (fread(header, sizeof header, 1, r->file) != 1)
        goto bad;
    r->swapped = header[0] == __builtin_bswap32(MAGIC_US) || header[0] == __builtin_bswap32(MAGIC_NS);
    if (word(r, header[0]) != MAGIC_US && word(r, header[0]) != MAGIC_NS)
        goto bad;
    if (word(r, header[5]) != LINK_ETHERNET)
        goto bad;
    return 0;
bad:
    pcap_close(r);
    return -1;
}

size_t pcap_read(struct pcap_reader *r, uint8_t *frame, size_t cap)
{
    uint32_t record[4];
    if (!r->file || fread(record, sizeof record, 1, r->file) != 1)
        return 0;
    size_t len = word(r, record[2]), take = len < cap ? len : cap;
    if (len > 262144 || fread(frame, 1, take, r->file) != take)
        return 0;
    if (len > take && fseek(r->file, (long)(len - take), SEEK_CUR) != 0)
        return 0;
    return take;
}

void pcap_close(struct pcap_reader *r)
{
    if (r->file)
        fclose(r->file);
    r->file = NULL;
}
