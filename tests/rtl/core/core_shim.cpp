// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/core/core_shim.h"
#include "verilated.h"
#include "Vrv_core.h"

struct core {
    VerilatedContext ctx;
    Vrv_core top{&ctx};
};

core *core_new(unsigned seed)
{
    core *c = new core;
    c->ctx.randReset(2);
    c->ctx.randSeed(static_cast<int>(seed));
    c->top.clk_i = 0;
    return c;
}

void core_free(core *c)
{
    c->top.final();
    delete c;
}

void core_settle(core *c, const core_in *in, core_bus *bus)
{
    Vrv_core &t = c->top;
    t.clk_i = 0;
    t.rst_ni = !in->reset;
    t.boot_addr_i = in->boot_addr;
    t.irq_soft_i = in->irq_soft;
    t.irq_timer_i = in->irq_timer;
    t.irq_ext_i = in->irq_ext;
    t.instr_gnt_i = in->instr_gnt;
    t.instr_rvalid_i = in->instr_rvalid;
    t.instr_err_i = in->instr_err;
    t.instr_rdata_i = in->instr_rdata;
    t.data_gnt_i = in->data_gnt;
    t.data_rvalid_i = in->data_rvalid;
    t.data_err_i = in->data_err;
    t.data_rdata_i = in->data_rdata;
    t.eval();
    bus->instr_req = t.instr_req_o;
    bus->instr_addr = t.instr_addr_o;
    bus->data_req = t.data_req_o;
    bus->data_we = t.data_we_o;
    bus->data_be = t.data_be_o;
    bus->data_addr = t.data_addr_o;
    bus->data_wdata = t.data_wdata_o;
}

void core_edge(core *c, core_retire *r)
{
    Vrv_core &t = c->top;
    t.clk_i = 1;
    t.eval();
    r->valid = t.retire_valid_o;
    r->trap = t.retire_trap_o;
    r->irq = t.retire_irq_o;
    r->cause = t.retire_cause_o;
    r->pc = t.retire_pc_o;
    r->insn = t.retire_insn_o;
    r->rd = t.retire_rd_o;
    r->rd_value = t.retire_rdata_o;
    r->mem_be = t.retire_mem_be_o;
    r->mem_we = t.retire_mem_we_o;
    r->mem_addr = t.retire_mem_addr_o;
    r->mem_wdata = t.retire_mem_wdata_o;
}

bool core_asleep(const core *c)
{
    return c->top.asleep_o;
}
