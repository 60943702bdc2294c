// SPDX-License-Identifier: BSD-2-Clause
// The Verilated management subsystem. Outputs in *out are those after the last edge.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
struct mgmt;

struct mgmt_in {
    bool reset, flash_ack, reg_ack, reg_err;
    uint32_t flash_data, reg_rdata, irq;
};
struct mgmt_out {
    bool flash_req, boot_done, reg_req, reg_we, uart_valid, wdt_reset, sleep, retire;
    uint8_t boot_error, uart_data;
    uint32_t flash_addr, reg_addr, reg_wdata, retire_pc;
};

struct mgmt *mgmt_new(unsigned seed);
void mgmt_free(struct mgmt *m);
void mgmt_cycle(struct mgmt *m, const struct mgmt_in *in, struct mgmt_out *out);
// Clock cycles with the inputs left as they are; stops early at a console byte. Returns the cycles run.
unsigned mgmt_run(struct mgmt *m, unsigned cycles);
#ifdef __cplusplus
}
#endif
