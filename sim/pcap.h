// SPDX-License-Identifier: BSD-2-Clause
// The pcap file format (nanosecond variant written; both variants and byte orders read), Ethernet only.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Creates the file and writes its header. NULL with errno on failure.
FILE *pcap_create(const char *path);
void pcap_write(FILE *f, const uint8_t *frame, size_t len, uint64_t time_ns);

struct pcap_reader {
    FILE *file;
    int swapped;
};
// 0, or -1 if it cannot be read or is no Ethernet capture.
int pcap_open(struct pcap_reader *r, const char *path);
// The next frame's length (cut to cap), 0 at the end or at a damaged record.
size_t pcap_read(struct pcap_reader *r, uint8_t *frame, size_t cap);
void pcap_close(struct pcap_reader *r);
