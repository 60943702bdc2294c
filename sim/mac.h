// SPDX-License-Identifier: BSD-2-Clause
// The wire side of a card port: cuts frames into the words of the card's receive stream and puts the words of its
// transmit stream together again. The pins are the Verilated model's own; nothing here is looked at while idle but one
// byte a cycle.
#pragma once
#include "sim/pins.h"
#include "sim/port.h"

struct sim_mac {
    struct sim_port *port;
    struct sim_rx_pins rx;
    struct sim_tx_pins tx;
    uint8_t in[SIM_FRAME_MAX + 64];
    size_t in_len, in_at; // in_len 0: no frame under way
    uint8_t out[SIM_FRAME_MAX + 64];
    size_t out_len;
    uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, tx_bad;
};

void mac_init(struct sim_mac *m, struct sim_port *port, struct sim_rx_pins rx, struct sim_tx_pins tx);
// Asks the port for a frame if none is under way. Call every few cycles.
void mac_poll(struct sim_mac *m, uint64_t now_ns);
// After each clock edge: drives the receive pins for the next edge, takes what the transmit pins show.
void mac_word_in(struct sim_mac *m);
void mac_word_out(struct sim_mac *m, uint64_t now_ns);
static inline void mac_tick(struct sim_mac *m, uint64_t now_ns)
{
    if (m->in_len | *m->rx.valid)
        mac_word_in(m);
    if (*m->tx.valid)
        mac_word_out(m, now_ns);
}
static inline bool mac_busy(const struct sim_mac *m)
{
    return m->in_len || m->out_len;
}
