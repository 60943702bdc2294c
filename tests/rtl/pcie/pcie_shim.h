// SPDX-License-Identifier: BSD-2-Clause
// The Verilated endpoint as pointers to its pins, one half cycle at a time.
#pragma once
#include "sim/pins.h"

#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

struct pcie_shim;
struct pcie_pins {
    uint8_t *rst_n;
    struct sim_tlp_pins tlp;
    // packets to the host
    uint8_t *th_valid, *th_sop, *th_last, *th_empty, *th_port, *th_reason, *th_decrypted;
    uint16_t *th_len, *th_tunnel, *th_sa;
    uint32_t *th_data;
    const uint8_t *th_ready, *dropped;
    // packets from the host
    const uint8_t *fh_valid, *fh_sop, *fh_last, *fh_empty, *fh_dest;
    const uint16_t *fh_len, *fh_tunnel;
    const uint32_t *fh_data;
    uint8_t *fh_ready;
    // register bus of the core
    uint8_t *reg_req, *reg_we;
    uint16_t *reg_addr;
    uint32_t *reg_wdata;
    const uint8_t *reg_ack, *reg_err, *irq_doorbell, *irq_evq_room, *card_reset;
    const uint32_t *reg_rdata;
    uint8_t *boot_done, *boot_error, *wdt_reset;
};

struct pcie_shim *pcie_shim_new(uint32_t seed, struct pcie_pins *pins);
// Lets the inputs work through to the outputs; then the rising edge.
void pcie_shim_settle(struct pcie_shim *s);
void pcie_shim_edge(struct pcie_shim *s);
void pcie_shim_free(struct pcie_shim *s);
#ifdef __cplusplus
}
#endif
