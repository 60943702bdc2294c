// SPDX-License-Identifier: BSD-2-Clause
// The Verilated datapath behind C functions. A tick is one clock cycle: inputs are set before it, outputs are those
// that the cycle's handshakes saw.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dut;

// A word of a stream: 64 bytes, byte 0 of the packet first.
struct word {
    uint8_t data[64];
    uint8_t empty;
    bool sop, last;
};

struct host_meta {
    uint16_t len;
    uint8_t port, reason;
    uint16_t tunnel, sa;
    bool decrypted;
};

struct dut *dut_create(uint64_t seed);
void dut_destroy(struct dut *d);
void dut_reset(struct dut *d, bool on);
void dut_tick(struct dut *d);

void dut_rx(struct dut *d, int port, const struct word *w); // NULL: no word in this cycle
void dut_tx_ready(struct dut *d, int port, bool ready);
bool dut_tx(struct dut *d, int port, struct word *w); // a word is offered
void dut_host_ready(struct dut *d, bool ready);
bool dut_host(struct dut *d, struct word *w, struct host_meta *m);
void dut_from_host(struct dut *d, const struct word *w, uint16_t len, uint8_t dest, uint16_t tunnel); // NULL: none
bool dut_from_host_ready(struct dut *d);
void dut_link(struct dut *d, unsigned link);
void dut_host_dropped(struct dut *d, bool pulse);
bool dut_irq(struct dut *d);
void dut_reg(struct dut *d, bool req, bool we, uint16_t addr, uint32_t data);
bool dut_reg_ack(struct dut *d, uint32_t *data, bool *err);

#ifdef __cplusplus
}
#endif
