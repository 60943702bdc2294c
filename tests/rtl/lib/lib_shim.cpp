// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/lib/lib_shim.h"
#include "verilated.h"
#include "Vlib_tb.h"
#include <cstring>

struct lib {
    VerilatedContext ctx;
    Vlib_tb *top;
};

extern "C" {
void lib_cycle(struct lib *l, const struct lib_in *in, struct lib_out *out)
{
    Vlib_tb *t = l->top;
    t->dut_i = in->dut;
    t->valid_i = in->valid;
    memcpy(&t->word_i[0], in->data, 64);
    t->word_i[16] = (in->empty & 63u) | (in->last ? 64u : 0) | (in->sop ? 128u : 0);
    t->len_i = in->len;
    t->sel_i = in->sel;
    t->source_i = in->source;
    t->drop_i = in->drop;
    t->check_i = in->check;
    t->ready_i = in->out_ready;
    t->eval();
    out->ready = t->ready_o;
    out->valid = t->valid_o;
    out->lost = t->lost_o;
    out->len = t->len_o;
    memcpy(out->data, &t->word_o[0], 64);
    out->empty = t->word_o[16] & 63;
    out->last = t->word_o[16] & 64;
    out->sop = t->word_o[16] & 128;
    t->clk_i = 1;
    t->eval();
    t->clk_i = 0;
    t->eval();
}

struct lib *lib_create(uint64_t seed)
{
    struct lib *l = new lib;
    struct lib_in in = {};
    struct lib_out out;
    l->ctx.randSeed((int)(seed & 0x7fffffff) | 1);
    l->ctx.randReset(2);
    l->top = new Vlib_tb(&l->ctx);
    l->top->clk_i = 0;
    l->top->rst_ni = 0;
    for (int i = 0; i < 4; i++)
        lib_cycle(l, &in, &out);
    l->top->rst_ni = 1;
    return l;
}

void lib_destroy(struct lib *l)
{
    l->top->final();
    delete l->top;
    delete l;
}
}

double sc_time_stamp()
{
    return 0;
}
