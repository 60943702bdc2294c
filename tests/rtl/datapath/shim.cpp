// SPDX-License-Identifier: BSD-2-Clause
// Thin extern "C" shim over the Verilated datapath.
#include "tests/rtl/datapath/shim.h"
#include "Vdatapath.h"
#include "verilated.h"
#include <cstring>

struct dut {
    VerilatedContext ctx;
    Vdatapath *top;
};

static void put(VlWide<17> &v, const struct word *w)
{
    memcpy(&v[0], w->data, 64);
    v[16] = (w->empty & 63u) | (w->last ? 64u : 0) | (w->sop ? 128u : 0);
}

static void get(const VlWide<17> &v, struct word *w)
{
    memcpy(w->data, &v[0], 64);
    w->empty = v[16] & 63;
    w->last = v[16] & 64;
    w->sop = v[16] & 128;
}

extern "C" {
struct dut *dut_create(uint64_t seed)
{
    dut *d = new dut;
    d->ctx.randSeed((int)(seed & 0x7fffffff) | 1);
    d->ctx.randReset(2);
    d->top = new Vdatapath(&d->ctx);
    d->top->clk_i = 0;
    d->top->link_i = 0; // inputs begin at random values too
    d->top->host_rx_dropped_i = 0;
    d->top->reg_req_i = 0;
    dut_rx(d, 0, nullptr);
    dut_rx(d, 1, nullptr);
    dut_from_host(d, nullptr, 0, 0, 0);
    d->top->eval();
    return d;
}

void dut_destroy(struct dut *d)
{
    d->top->final();
    delete d->top;
    delete d;
}

void dut_reset(struct dut *d, bool on)
{
    d->top->rst_ni = !on;
}

void dut_tick(struct dut *d)
{
    d->top->clk_i = 1;
    d->top->eval();
    d->top->clk_i = 0;
    d->top->eval();
}

void dut_rx(struct dut *d, int port, const struct word *w)
{
    (port ? d->top->rx1_valid_i : d->top->rx0_valid_i) = w != nullptr;
    if (w)
        put(port ? d->top->rx1_word_i : d->top->rx0_word_i, w);
}

void dut_tx_ready(struct dut *d, int port, bool ready)
{
    (port ? d->top->tx1_ready_i : d->top->tx0_ready_i) = ready;
}

bool dut_tx(struct dut *d, int port, struct word *w)
{
    if (!(port ? d->top->tx1_valid_o : d->top->tx0_valid_o))
        return false;
    get(port ? d->top->tx1_word_o : d->top->tx0_word_o, w);
    return true;
}

void dut_host_ready(struct dut *d, bool ready)
{
    d->top->to_host_ready_i = ready;
}

bool dut_host(struct dut *d, struct word *w, struct host_meta *m)
{
    if (!d->top->to_host_valid_o)
        return false;
    get(d->top->to_host_word_o, w);
    uint64_t v = d->top->to_host_meta_o;
    m->sa = v & 0x3ff;
    m->decrypted = (v >> 10) & 1;
    m->tunnel = (v >> 11) & 0x3ff;
    m->reason = (v >> 21) & 0xff;
    m->port = (v >> 29) & 3;
    m->len = (v >> 31) & 0x3fff;
    return true;
}

void dut_from_host(struct dut *d, const struct word *w, uint16_t len, uint8_t dest, uint16_t tunnel)
{
    d->top->from_host_valid_i = w != nullptr;
    if (!w)
        return;
    put(d->top->from_host_word_i, w);
    d->top->from_host_meta_i = (uint32_t)len << 12 | (uint32_t)(dest & 3) << 10 | (tunnel & 0x3ff);
}

bool dut_from_host_ready(struct dut *d)
{
    d->top->eval(); // ready depends on the word that is offered
    return d->top->from_host_ready_o;
}

void dut_link(struct dut *d, unsigned link)
{
    d->top->link_i = link;
}
void dut_host_dropped(struct dut *d, bool pulse)
{
    d->top->host_rx_dropped_i = pulse;
}
bool dut_irq(struct dut *d)
{
    return d->top->irq_event_o;
}

void dut_reg(struct dut *d, bool req, bool we, uint16_t addr, uint32_t data)
{
    d->top->reg_req_i = req;
    d->top->reg_we_i = we;
    d->top->reg_addr_i = addr;
    d->top->reg_wdata_i = data;
}

bool dut_reg_ack(struct dut *d, uint32_t *data, bool *err)
{
    *data = d->top->reg_rdata_o;
    *err = d->top->reg_err_o;
    return d->top->reg_ack_o;
}
}

double sc_time_stamp()
{
    return 0;
}
