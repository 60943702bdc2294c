// SPDX-License-Identifier: BSD-2-Clause
// The receiver's side of ESP sequence numbers: extended numbers inferred from their lower half (RFC 4303 2.2.1 and
// appendix A2), and the replay window (RFC 4303 3.4.3). Judging and remembering are apart: a packet is remembered only
// after its ICV has proved right.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define REPLAY_WINDOW_MAX 4096

struct replay {
    uint64_t top;    // highest number accepted; 0: none
    uint32_t window; // packets; 0: nothing is refused
    bool esn;
    // Ring of bits, one a number: bit n % (64 * words) of it belongs to number n.
    uint32_t words; // a power of two, one word more than the window needs
    uint64_t *bits;
};

enum replay_verdict { REPLAY_NEW, REPLAY_SEEN, REPLAY_OLD };

// window: at most REPLAY_WINDOW_MAX. false: no memory.
bool replay_init(struct replay *r, uint32_t window, bool esn);
void replay_clear(struct replay *r);
// The whole sequence number that a packet with this lower half has. false: none is possible (it would lie before the
// first).
bool replay_infer(const struct replay *r, uint32_t seq_lo, uint64_t *seq);
enum replay_verdict replay_check(const struct replay *r, uint64_t seq);
// The packet was authentic.
void replay_accept(struct replay *r, uint64_t seq);
