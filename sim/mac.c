// SPDX-License-Identifier: BSD-2-Clause
#include "sim/mac.h"

#include <string.h>

#define WORD 64

void mac_init(struct sim_mac *m, struct sim_port *port, struct sim_rx_pins rx, struct sim_tx_pins tx)
{
    memset(m, 0, sizeof *m);
    m->port = port;
    m->rx = rx;
    m->tx = tx;
    *m->tx.ready = 1;
}

void mac_poll(struct sim_mac *m, uint64_t now_ns)
{
    if (m->in_len)
        return;
    m->in_len = port_receive(m->port, m->in, now_ns);
    m->in_at = 0;
    if (m->in_len) {
        memset(m->in + m->in_len, 0, WORD);
        m->rx_frames++;
        m->rx_bytes += m->in_len;
    }
}

void mac_word_in(struct sim_mac *m)
{
    if (!m->in_len) {
        *m->rx.valid = 0;
        return;
    }
    size_t left = m->in_len - m->in_at;
    *m->rx.valid = 1;
    *m->rx.sop = m->in_at == 0;
    *m->rx.last = left <= WORD;
    *m->rx.empty = left < WORD ? (uint8_t)(WORD - left) : 0;
    memcpy(m->rx.data, m->in + m->in_at, WORD);
    m->in_at += WORD;
    if (left <= WORD)
        m->in_len = 0;
}

void mac_word_out(struct sim_mac *m, uint64_t now_ns)
{
    size_t n = WORD - (*m->tx.last ? *m->tx.empty : 0);
    if (*m->tx.sop)
        m->out_len = 0;
    if (m->out_len + n > SIM_FRAME_MAX) {
        m->tx_bad++;
        m->out_len = 0;
        return;
    }
    memcpy(m->out + m->out_len, m->tx.data, n);
    m->out_len += n;
    if (*m->tx.last) {
        m->tx_frames++;
        m->tx_bytes += m->out_len;
        port_send(m->port, m->out, m->out_len, now_ns);
        m->out_len = 0;
    }
}
