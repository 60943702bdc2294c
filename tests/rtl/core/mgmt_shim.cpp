// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/core/mgmt_shim.h"
#include "verilated.h"
#include "Vmgmt.h"

struct mgmt {
    VerilatedContext ctx;
    Vmgmt top{&ctx};
};

mgmt *mgmt_new(unsigned seed)
{
    mgmt *m = new mgmt;
    m->ctx.randReset(2);
    m->ctx.randSeed(static_cast<int>(seed));
    m->top.clk_i = 0;
    return m;
}

void mgmt_free(mgmt *m)
{
    m->top.final();
    delete m;
}

static void tick(Vmgmt &t)
{
    t.clk_i = 1;
    t.eval();
    t.clk_i = 0;
    t.eval();
}

void mgmt_cycle(mgmt *m, const mgmt_in *in, mgmt_out *out)
{
    Vmgmt &t = m->top;
    t.rst_ni = !in->reset;
    t.flash_ack_i = in->flash_ack;
    t.flash_data_i = in->flash_data;
    t.reg_ack_i = in->reg_ack;
    t.reg_rdata_i = in->reg_rdata;
    t.reg_err_i = in->reg_err;
    t.irq_i = in->irq;
    tick(t);
    out->flash_req = t.flash_req_o;
    out->flash_addr = t.flash_addr_o;
    out->boot_done = t.boot_done_o;
    out->boot_error = t.boot_error_o;
    out->reg_req = t.reg_req_o;
    out->reg_we = t.reg_we_o;
    out->reg_addr = t.reg_addr_o;
    out->reg_wdata = t.reg_wdata_o;
    out->uart_valid = t.uart_valid_o;
    out->uart_data = t.uart_data_o;
    out->wdt_reset = t.wdt_reset_o;
    out->sleep = t.core_sleep_o;
    out->retire = t.retire_valid_o;
    out->retire_pc = t.retire_pc_o;
}

unsigned mgmt_run(mgmt *m, unsigned cycles)
{
    Vmgmt &t = m->top;
    for (unsigned i = 0; i < cycles; i++) {
        tick(t);
        if (t.uart_valid_o)
            return i + 1;
    }
    return cycles;
}
