// SPDX-License-Identifier: BSD-2-Clause
#include "tests/rtl/gcm/gcm_shim.h"

#include "verilated.h"
#include "Vgcm_tb.h"

#include <cstring>

struct gcm_dut {
    VerilatedContext *ctx;
    Vgcm_tb *t;
};

extern "C" {

struct gcm_dut *gcm_dut_create(uint64_t seed)
{
    struct gcm_dut *d = new gcm_dut;
    d->ctx = new VerilatedContext;
    d->ctx->randReset(2);
    d->ctx->randSeed((int)(seed % 0x7fffffff) + 1);
    d->t = new Vgcm_tb(d->ctx);
    return d;
}

void gcm_dut_destroy(struct gcm_dut *d)
{
    d->t->final();
    delete d->t;
    delete d->ctx;
    delete d;
}

void gcm_dut_tick(struct gcm_dut *d)
{
    d->t->clk_i = 1;
    d->t->eval();
    d->t->clk_i = 0;
    d->t->eval();
}

void gcm_dut_reset(struct gcm_dut *d)
{
    d->t->rst_ni = 0;
    d->t->e_valid_i = d->t->d_valid_i = d->t->k_start_i = d->t->k_wipe_i = 0;
    d->t->e_ready_i = d->t->d_ready_i = 0;
    for (int i = 0; i < 4; i++)
        gcm_dut_tick(d);
    d->t->rst_ni = 1;
    gcm_dut_tick(d);
}

void gcm_dut_drive(struct gcm_dut *d, enum gcm_dir dir, const struct gcm_word *w, const struct gcm_ctx_bits *ctx)
{
    const uint16_t head = (uint16_t)(w->sop << 8 | w->last << 7 | w->bytes);
    if (dir == GCM_ENCRYPT) {
        d->t->e_valid_i = 1;
        d->t->e_word_i.m_storage[16] = head;
        d->t->e_user_i = w->user;
        memcpy(d->t->e_word_i.m_storage, w->data, 64);
        if (ctx)
            memcpy(d->t->e_ctx_i.m_storage, ctx->w, sizeof ctx->w);
    } else {
        d->t->d_valid_i = 1;
        d->t->d_word_i.m_storage[16] = head;
        d->t->d_user_i = w->user;
        memcpy(d->t->d_word_i.m_storage, w->data, 64);
        if (ctx)
            memcpy(d->t->d_ctx_i.m_storage, ctx->w, sizeof ctx->w);
    }
}

void gcm_dut_idle(struct gcm_dut *d, enum gcm_dir dir)
{
    (dir == GCM_ENCRYPT ? d->t->e_valid_i : d->t->d_valid_i) = 0;
}

bool gcm_dut_in_ready(const struct gcm_dut *d, enum gcm_dir dir)
{
    return dir == GCM_ENCRYPT ? d->t->e_ready_o : d->t->d_ready_o;
}

void gcm_dut_set_ready(struct gcm_dut *d, enum gcm_dir dir, bool ready)
{
    (dir == GCM_ENCRYPT ? d->t->e_ready_i : d->t->d_ready_i) = ready;
}

bool gcm_dut_out_valid(const struct gcm_dut *d, enum gcm_dir dir)
{
    return dir == GCM_ENCRYPT ? d->t->e_valid_o : d->t->d_valid_o;
}

void gcm_dut_out(const struct gcm_dut *d, enum gcm_dir dir, struct gcm_word *w)
{
    const uint32_t head = dir == GCM_ENCRYPT ? d->t->e_word_o.m_storage[16] : d->t->d_word_o.m_storage[16];
    w->sop = head >> 8 & 1;
    w->last = head >> 7 & 1;
    w->bytes = head & 0x7f;
    w->ok = dir == GCM_ENCRYPT ? d->t->e_ok_o : d->t->d_ok_o;
    w->user = dir == GCM_ENCRYPT ? d->t->e_user_o : d->t->d_user_o;
    memcpy(w->data, dir == GCM_ENCRYPT ? d->t->e_word_o.m_storage : d->t->d_word_o.m_storage, 64);
}

void gcm_dut_keyprep(struct gcm_dut *d, bool start, bool key256, const uint8_t key[32], bool wipe)
{
    d->t->k_start_i = start;
    d->t->k_wipe_i = wipe;
    d->t->k_key256_i = key256;
    memcpy(d->t->k_key_i.m_storage, key, 32);
}

bool gcm_dut_keyprep_busy(const struct gcm_dut *d)
{
    return d->t->k_busy_o;
}

bool gcm_dut_keyprep_done(const struct gcm_dut *d)
{
    return d->t->k_done_o;
}

void gcm_dut_keyprep_hpow(const struct gcm_dut *d, uint32_t hpow[32])
{
    memcpy(hpow, d->t->k_hpow_o.m_storage, 128);
}
}
