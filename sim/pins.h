// SPDX-License-Identifier: BSD-2-Clause
// The pins of the Verilated card, as pointers into the model: C reads and writes them without knowing Verilator.
// Inputs of the card are non-const. One bit is a uint8_t that is 0 or 1; wide pins are 32-bit words, lowest first.
#pragma once
#include <stdint.h>

struct sim_rx_pins { // into the card
    uint8_t *valid, *sop, *last, *empty;
    uint32_t *data;
};
struct sim_tx_pins { // out of the card
    const uint8_t *valid, *sop, *last, *empty;
    const uint32_t *data;
    uint8_t *ready;
};
struct sim_tlp_pins {
    uint8_t *rx_valid, *rx_sop, *rx_last; // towards the card
    uint32_t *rx_hdr, *rx_data;
    const uint8_t *rx_ready;
    const uint8_t *tx_valid, *tx_sop, *tx_last; // from the card
    const uint32_t *tx_hdr, *tx_data;
    uint8_t *tx_ready;
    uint16_t *requester_id;
    uint8_t *max_payload, *max_read_req, *bus_master, *msix_enable, *msix_mask;
};
struct sim_pins {
    uint8_t *rst_n;
    struct sim_rx_pins rx[2];
    struct sim_tx_pins tx[2];
    struct sim_tlp_pins tlp;
    uint8_t *link;
    const uint8_t *flash_req;
    const uint32_t *flash_addr;
    uint8_t *flash_ack;
    uint32_t *flash_data;
    const uint8_t *uart_valid, *uart_data;
    const uint8_t *core_sleep, *retire_valid;
    const uint32_t *retire_pc;
};
