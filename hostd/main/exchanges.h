// SPDX-License-Identifier: BSD-2-Clause
// How many IKE datagrams of each exchange went out and came in, retransmissions and fragments included, by their
// headers.
#ifndef CULVERT_MAIN_EXCHANGES_H
#define CULVERT_MAIN_EXCHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXCHANGE_KINDS = 4 }; // IKE_SA_INIT to INFORMATIONAL

struct exchanges {
    struct {
        uint64_t requests, responses;
    } out[EXCHANGE_KINDS], in[EXCHANGE_KINDS];
    uint64_t other_in; // no header, or of another exchange
};

void exchanges_count(struct exchanges *x, bool sent, const uint8_t *msg, size_t len);
// "IKE_SA_INIT" ...
const char *exchanges_name(unsigned i);

#endif
