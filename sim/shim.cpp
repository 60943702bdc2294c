// SPDX-License-Identifier: BSD-2-Clause
#include "sim/shim.h"

#include "Vboard_sim.h"
#include "verilated.h"
#if VM_COVERAGE
#include "verilated_cov.h"
#endif
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

struct sim_shim {
    VerilatedContext context;
    Vboard_sim *top;
#if VM_TRACE
    VerilatedFstC *trace;
    uint64_t time;
#endif
};

extern "C" struct sim_shim *shim_new(uint32_t seed, struct sim_pins *p)
{
    sim_shim *s = new sim_shim();
    s->context.randReset(2);
    s->context.randSeed(static_cast<int>(seed & 0x7fffffff));
#if VM_TRACE
    s->context.traceEverOn(true);
#endif
    Vboard_sim *t = s->top = new Vboard_sim(&s->context);
    p->rst_n = &t->rst_ni;
    p->rx[0] = {&t->rx0_valid_i, &t->rx0_sop_i, &t->rx0_last_i, &t->rx0_empty_i, t->rx0_data_i.data()};
    p->rx[1] = {&t->rx1_valid_i, &t->rx1_sop_i, &t->rx1_last_i, &t->rx1_empty_i, t->rx1_data_i.data()};
    p->tx[0] = {&t->tx0_valid_o, &t->tx0_sop_o, &t->tx0_last_o, &t->tx0_empty_o, t->tx0_data_o.data(), &t->tx0_ready_i};
    p->tx[1] = {&t->tx1_valid_o, &t->tx1_sop_o, &t->tx1_last_o, &t->tx1_empty_o, t->tx1_data_o.data(), &t->tx1_ready_i};
    p->tlp = {&t->rx_tlp_valid_i, &t->rx_tlp_sop_i, &t->rx_tlp_last_i, t->rx_tlp_hdr_i.data(), t->rx_tlp_data_i.data(),
              &t->rx_tlp_ready_o, &t->tx_tlp_valid_o, &t->tx_tlp_sop_o, &t->tx_tlp_last_o, t->tx_tlp_hdr_o.data(),
              t->tx_tlp_data_o.data(), &t->tx_tlp_ready_i, &t->cfg_requester_id_i, &t->cfg_max_payload_i,
              &t->cfg_max_read_req_i, &t->cfg_bus_master_i, &t->cfg_msix_enable_i, &t->cfg_msix_mask_i};
    p->link = &t->link_i;
    p->flash_req = &t->flash_req_o;
    p->flash_addr = &t->flash_addr_o;
    p->flash_ack = &t->flash_ack_i;
    p->flash_data = &t->flash_data_i;
    p->uart_valid = &t->uart_valid_o;
    p->uart_data = &t->uart_data_o;
    p->core_sleep = &t->core_sleep_o;
    p->retire_valid = &t->retire_valid_o;
    p->retire_pc = &t->retire_pc_o;
    t->clk_i = 0;
    t->rst_ni = 0;
    t->eval();
    return s;
}

extern "C" void shim_tick(struct sim_shim *s)
{
    s->top->clk_i = 0;
    s->top->eval();
#if VM_TRACE
    if (s->trace)
        s->trace->dump(s->time);
    s->time++;
#endif
    s->top->clk_i = 1;
    s->top->eval();
#if VM_TRACE
    if (s->trace)
        s->trace->dump(s->time);
    s->time++;
#endif
}

extern "C" bool shim_trace_open(struct sim_shim *s, const char *path)
{
#if VM_TRACE
    s->trace = new VerilatedFstC;
    s->top->trace(s->trace, 99);
    s->trace->open(path);
    return s->trace->isOpen();
#else
    (void)s;
    (void)path;
    return false;
#endif
}

extern "C" void shim_trace_close(struct sim_shim *s)
{
#if VM_TRACE
    if (s->trace)
        s->trace->close();
    delete s->trace;
    s->trace = nullptr;
#else
    (void)s;
#endif
}

extern "C" bool shim_coverage(const char *path)
{
#if VM_COVERAGE
    Verilated::threadContextp()->coveragep()->write(path);
    return true;
#else
    (void)path;
    return false;
#endif
}

extern "C" bool shim_finished(struct sim_shim *s)
{
    return s->context.gotFinish();
}

extern "C" void shim_free(struct sim_shim *s)
{
    if (!s)
        return;
    shim_trace_close(s);
    s->top->final();
    delete s->top;
    delete s;
}
