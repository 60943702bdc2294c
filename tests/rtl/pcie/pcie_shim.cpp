// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/pcie/pcie_shim.h"

#include "Vpcie_tb.h"
#include "verilated.h"

struct pcie_shim {
    VerilatedContext context;
    Vpcie_tb *top;
};

extern "C" struct pcie_shim *pcie_shim_new(uint32_t seed, struct pcie_pins *p)
{
    pcie_shim *s = new pcie_shim();
    s->context.randReset(2);
    s->context.randSeed(static_cast<int>(seed & 0x7fffffff));
    Vpcie_tb *t = s->top = new Vpcie_tb(&s->context);
    p->rst_n = &t->rst_ni;
    p->tlp = {&t->rx_tlp_valid_i, &t->rx_tlp_sop_i, &t->rx_tlp_last_i, t->rx_tlp_hdr_i.data(), t->rx_tlp_data_i.data(),
              &t->rx_tlp_ready_o, &t->tx_tlp_valid_o, &t->tx_tlp_sop_o, &t->tx_tlp_last_o, t->tx_tlp_hdr_o.data(),
              t->tx_tlp_data_o.data(), &t->tx_tlp_ready_i, &t->cfg_requester_id_i, &t->cfg_max_payload_i,
              &t->cfg_max_read_req_i, &t->cfg_bus_master_i, &t->cfg_msix_enable_i, &t->cfg_msix_mask_i};
    p->th_valid = &t->th_valid_i;
    p->th_sop = &t->th_sop_i;
    p->th_last = &t->th_last_i;
    p->th_empty = &t->th_empty_i;
    p->th_port = &t->th_port_i;
    p->th_reason = &t->th_reason_i;
    p->th_decrypted = &t->th_decrypted_i;
    p->th_len = &t->th_len_i;
    p->th_tunnel = &t->th_tunnel_i;
    p->th_sa = &t->th_sa_i;
    p->th_data = t->th_data_i.data();
    p->th_ready = &t->th_ready_o;
    p->dropped = &t->dropped_o;
    p->fh_valid = &t->fh_valid_o;
    p->fh_sop = &t->fh_sop_o;
    p->fh_last = &t->fh_last_o;
    p->fh_empty = &t->fh_empty_o;
    p->fh_dest = &t->fh_dest_o;
    p->fh_len = &t->fh_len_o;
    p->fh_tunnel = &t->fh_tunnel_o;
    p->fh_data = t->fh_data_o.data();
    p->fh_ready = &t->fh_ready_i;
    p->reg_req = &t->reg_req_i;
    p->reg_we = &t->reg_we_i;
    p->reg_addr = &t->reg_addr_i;
    p->reg_wdata = &t->reg_wdata_i;
    p->reg_ack = &t->reg_ack_o;
    p->reg_err = &t->reg_err_o;
    p->reg_rdata = &t->reg_rdata_o;
    p->irq_doorbell = &t->irq_doorbell_o;
    p->irq_evq_room = &t->irq_evq_room_o;
    p->card_reset = &t->card_reset_o;
    p->boot_done = &t->boot_done_i;
    p->boot_error = &t->boot_error_i;
    p->wdt_reset = &t->wdt_reset_i;
    t->clk_i = 0;
    t->rst_ni = 0;
    t->eval();
    return s;
}

extern "C" void pcie_shim_settle(struct pcie_shim *s)
{
    s->top->clk_i = 0;
    s->top->eval();
}

extern "C" void pcie_shim_edge(struct pcie_shim *s)
{
    s->top->clk_i = 1;
    s->top->eval();
}

extern "C" void pcie_shim_free(struct pcie_shim *s)
{
    s->top->final();
    delete s->top;
    delete s;
}
