// SPDX-License-Identifier: BSD-2-Clause
// Decodes 16-bit and 32-bit instructions each on its own, with no table in common with the RTL.
#include "tests/rtl/core/rv_interp.h"
#include <string.h>

#define MSTATUS_MIE  (1u << 3)
#define MSTATUS_MPIE (1u << 7)
#define MSTATUS_MPP  (3u << 11)
#define IRQ_MASK     (1u << RV_IRQ_SOFT | 1u << RV_IRQ_TIMER | 1u << RV_IRQ_EXT)

void rv_reset(struct rv_interp *rv, uint32_t pc)
{
    struct rv_memory mem = rv->mem;
    memset(rv, 0, sizeof *rv);
    rv->mem = mem;
    rv->pc = pc;
    rv->mimpid = 0x00010000;
}

static uint32_t bits(uint32_t v, unsigned hi, unsigned lo)
{
    return v >> lo & (0xffffffffu >> (31 - (hi - lo)));
}

static uint32_t sext(uint32_t v, unsigned width)
{
    uint32_t sign = 1u << (width - 1);
    return (v ^ sign) - sign;
}

static uint32_t sra(uint32_t v, unsigned n)
{
    return v >> n | (v >> 31 && n ? ~(0xffffffffu >> n) : 0);
}

static void enter_trap(struct rv_interp *rv, struct rv_step *s, bool irq, unsigned cause, uint32_t tval)
{
    s->trap = true;
    s->irq = irq;
    s->cause = cause;
    s->rd = 0;
    s->mem_bytes = 0;
    rv->mepc = rv->pc;
    rv->mcause = cause | (irq ? 1u << 31 : 0);
    rv->mtval = tval;
    rv->mpie = rv->mie;
    rv->mie = false;
    rv->pc = rv->mtvec;
}

static void set_rd(struct rv_interp *rv, struct rv_step *s, unsigned rd, uint32_t value)
{
    s->rd = rd;
    s->rd_value = value;
    if (rd)
        rv->x[rd] = value;
}

static void retire(struct rv_interp *rv, uint32_t next)
{
    rv->pc = next;
    rv->minstret++;
}

static void illegal(struct rv_interp *rv, struct rv_step *s)
{
    enter_trap(rv, s, false, RV_ILLEGAL, s->insn);
}

// kind: funct3 of the load: 0 lb, 1 lh, 2 lw, 4 lbu, 5 lhu
static void load(struct rv_interp *rv, struct rv_step *s, unsigned kind, unsigned rd, uint32_t addr, uint32_t next)
{
    unsigned bytes = 1u << (kind & 3);
    uint32_t v = 0;
    if (addr % bytes) {
        enter_trap(rv, s, false, RV_LOAD_MISALIGNED, addr);
        return;
    }
    if (!rv->mem.load(rv->mem.ctx, addr, bytes, &v)) {
        enter_trap(rv, s, false, RV_LOAD_FAULT, addr);
        return;
    }
    if (kind == 0)
        v = sext(v & 0xff, 8);
    if (kind == 1)
        v = sext(v & 0xffff, 16);
    s->mem_bytes = bytes;
    s->mem_addr = addr;
    set_rd(rv, s, rd, v);
    retire(rv, next);
}

static void store(struct rv_interp *rv, struct rv_step *s, unsigned kind, uint32_t addr, uint32_t value, uint32_t next)
{
    unsigned bytes = 1u << kind;
    if (addr % bytes) {
        enter_trap(rv, s, false, RV_STORE_MISALIGNED, addr);
        return;
    }
    if (bytes < 4)
        value &= (1u << 8 * bytes) - 1;
    if (!rv->mem.store(rv->mem.ctx, addr, bytes, value)) {
        enter_trap(rv, s, false, RV_STORE_FAULT, addr);
        return;
    }
    s->mem_bytes = bytes;
    s->mem_store = true;
    s->mem_addr = addr;
    s->mem_value = value;
    retire(rv, next);
}

static uint32_t muldiv(unsigned op, uint32_t a, uint32_t b)
{
    int64_t sa = (int32_t)a, sb = (int32_t)b, ub = b;
    switch (op) {
    case 0: // mul
        return a * b;
    case 1: // mulh
        return (uint32_t)((uint64_t)(sa * sb) >> 32);
    case 2: // mulhsu
        return (uint32_t)((uint64_t)(sa * ub) >> 32);
    case 3: // mulhu
        return (uint32_t)((uint64_t)a * b >> 32);
    case 4: // div; 64-bit arithmetic makes the overflow case ordinary
        return b ? (uint32_t)(sa / sb) : 0xffffffffu;
    case 5: // divu
        return b ? a / b : 0xffffffffu;
    case 6: // rem
        return b ? (uint32_t)(sa % sb) : a;
    default: // remu
        return b ? a % b : a;
    }
}

static bool csr_read(const struct rv_interp *rv, unsigned csr, uint32_t *v)
{
    *v = 0;
    switch (csr) {
    case 0x300:
        *v = MSTATUS_MPP | (rv->mie ? MSTATUS_MIE : 0) | (rv->mpie ? MSTATUS_MPIE : 0);
        return true;
    case 0x301:
        *v = 1u << 30 | 1u << ('I' - 'A') | 1u << ('M' - 'A') | 1u << ('C' - 'A');
        return true;
    case 0x304:
        *v = rv->mie_reg;
        return true;
    case 0x305:
        *v = rv->mtvec;
        return true;
    case 0x340:
        *v = rv->mscratch;
        return true;
    case 0x341:
        *v = rv->mepc;
        return true;
    case 0x342:
        *v = rv->mcause;
        return true;
    case 0x343:
        *v = rv->mtval;
        return true;
    case 0x344:
        *v = rv->mip & IRQ_MASK;
        return true;
    case 0xb00:
        *v = (uint32_t)rv->mcycle;
        return true;
    case 0xb02:
        *v = (uint32_t)rv->minstret;
        return true;
    case 0xb80:
        *v = (uint32_t)(rv->mcycle >> 32);
        return true;
    case 0xb82:
        *v = (uint32_t)(rv->minstret >> 32);
        return true;
    case 0x310: // mstatush
    case 0x320: // mcountinhibit
    case 0xf11: // mvendorid
    case 0xf12: // marchid
    case 0xf15: // mconfigptr
        return true;
    case 0xf13:
        *v = rv->mimpid;
        return true;
    case 0xf14:
        *v = rv->mhartid;
        return true;
    default: // the event counters and their selectors, all zero
        return (csr >= 0xb03 && csr <= 0xb1f) || (csr >= 0xb83 && csr <= 0xb9f) || (csr >= 0x323 && csr <= 0x33f);
    }
}

static void csr_write(struct rv_interp *rv, unsigned csr, uint32_t v)
{
    const uint64_t low = 0xffffffffu;
    switch (csr) {
    case 0x300:
        rv->mie = v & MSTATUS_MIE;
        rv->mpie = v & MSTATUS_MPIE;
        break;
    case 0x304:
        rv->mie_reg = v & IRQ_MASK;
        break;
    case 0x305:
        rv->mtvec = v & ~3u;
        break;
    case 0x340:
        rv->mscratch = v;
        break;
    case 0x341:
        rv->mepc = v & ~1u;
        break;
    case 0x342:
        rv->mcause = v & 0x8000001fu;
        break;
    case 0x343:
        rv->mtval = v;
        break;
    // The caller adds this instruction to minstret afterwards, which a write must hide.
    case 0xb02:
        rv->minstret = ((rv->minstret & ~low) | v) - 1;
        break;
    case 0xb82:
        rv->minstret = ((rv->minstret & low) | (uint64_t)v << 32) - 1;
        break;
    case 0xb00:
        rv->mcycle = (rv->mcycle & ~low) | v;
        break;
    case 0xb80:
        rv->mcycle = (rv->mcycle & low) | (uint64_t)v << 32;
        break;
    default:
        break;
    }
}

static void csr_access(struct rv_interp *rv, struct rv_step *s, uint32_t next)
{
    unsigned csr = bits(s->insn, 31, 20), rs1 = bits(s->insn, 19, 15), op = bits(s->insn, 13, 12);
    uint32_t src = bits(s->insn, 14, 14) ? rs1 : rv->x[rs1], old;
    bool writes = op == 1 || rs1 != 0;
    if (!csr_read(rv, csr, &old) || (writes && csr >> 10 == 3)) {
        illegal(rv, s);
        return;
    }
    if (writes)
        csr_write(rv, csr, op == 1 ? src : op == 2 ? old | src : old & ~src);
    set_rd(rv, s, bits(s->insn, 11, 7), old);
    retire(rv, next);
}

static bool alu(unsigned f3, unsigned f7, bool imm, uint32_t a, uint32_t b, uint32_t *r)
{
    bool shift = f3 == 1 || f3 == 5;
    if ((!imm || shift) && f7 != 0 && !(f7 == 0x20 && (f3 == 5 || (f3 == 0 && !imm))))
        return false;
    switch (f3) {
    case 0:
        *r = !imm && f7 ? a - b : a + b;
        break;
    case 1:
        *r = a << (b & 31);
        break;
    case 2:
        *r = (int32_t)a < (int32_t)b;
        break;
    case 3:
        *r = a < b;
        break;
    case 4:
        *r = a ^ b;
        break;
    case 5:
        *r = f7 ? sra(a, b & 31) : a >> (b & 31);
        break;
    case 6:
        *r = a | b;
        break;
    default:
        *r = a & b;
        break;
    }
    return true;
}

static void system_insn(struct rv_interp *rv, struct rv_step *s, uint32_t next)
{
    if (s->insn == 0x00000073) {
        enter_trap(rv, s, false, RV_ECALL, 0);
    } else if (s->insn == 0x00100073) {
        enter_trap(rv, s, false, RV_BREAKPOINT, rv->pc);
    } else if (s->insn == 0x30200073) { // mret
        rv->mie = rv->mpie;
        rv->mpie = true;
        retire(rv, rv->mepc);
    } else if (s->insn == 0x10500073) {
        s->wfi = true;
        retire(rv, next);
    } else if (bits(s->insn, 13, 12)) {
        csr_access(rv, s, next);
    } else {
        illegal(rv, s);
    }
}

static bool branch_taken(unsigned f3, uint32_t a, uint32_t b)
{
    switch (f3) {
    case 0:
        return a == b;
    case 1:
        return a != b;
    case 4:
        return (int32_t)a < (int32_t)b;
    case 5:
        return (int32_t)a >= (int32_t)b;
    case 6:
        return a < b;
    default:
        return a >= b;
    }
}

static void exec32(struct rv_interp *rv, struct rv_step *s)
{
    uint32_t i = s->insn, next = rv->pc + 4, a = rv->x[bits(i, 19, 15)], b = rv->x[bits(i, 24, 20)], r;
    unsigned rd = bits(i, 11, 7), f3 = bits(i, 14, 12), f7 = bits(i, 31, 25);
    uint32_t imm_i = sext(bits(i, 31, 20), 12);
    switch (bits(i, 6, 0)) {
    case 0x37: // lui
        set_rd(rv, s, rd, i & 0xfffff000u);
        retire(rv, next);
        return;
    case 0x17: // auipc
        set_rd(rv, s, rd, rv->pc + (i & 0xfffff000u));
        retire(rv, next);
        return;
    case 0x6f: // jal
        r = sext(bits(i, 31, 31) << 20 | bits(i, 19, 12) << 12 | bits(i, 20, 20) << 11 | bits(i, 30, 21) << 1, 21);
        set_rd(rv, s, rd, next);
        retire(rv, rv->pc + r);
        return;
    case 0x67: // jalr
        if (f3)
            break;
        set_rd(rv, s, rd, next);
        retire(rv, (a + imm_i) & ~1u);
        return;
    case 0x63:
        if (f3 == 2 || f3 == 3)
            break;
        r = sext(bits(i, 31, 31) << 12 | bits(i, 7, 7) << 11 | bits(i, 30, 25) << 5 | bits(i, 11, 8) << 1, 13);
        retire(rv, branch_taken(f3, a, b) ? rv->pc + r : next);
        return;
    case 0x03:
        if (f3 == 3 || f3 > 5)
            break;
        load(rv, s, f3, rd, a + imm_i, next);
        return;
    case 0x23:
        if (f3 > 2)
            break;
        store(rv, s, f3, a + sext(f7 << 5 | rd, 12), b, next);
        return;
    case 0x13:
        if (!alu(f3, f7, true, a, imm_i, &r))
            break;
        set_rd(rv, s, rd, r);
        retire(rv, next);
        return;
    case 0x33:
        if (f7 == 1)
            r = muldiv(f3, a, b);
        else if (!alu(f3, f7, false, a, b, &r))
            break;
        set_rd(rv, s, rd, r);
        retire(rv, next);
        return;
    case 0x0f: // fence, fence.i
        if (f3 > 1)
            break;
        retire(rv, next);
        return;
    case 0x73:
        system_insn(rv, s, next);
        return;
    default:
        break;
    }
    illegal(rv, s);
}

// Quadrant 0: stack address, loads and stores with short registers.
static bool exec_c0(struct rv_interp *rv, struct rv_step *s, uint32_t next)
{
    uint32_t i = s->insn, base = rv->x[8 + bits(i, 9, 7)];
    unsigned rd = 8 + bits(i, 4, 2);
    uint32_t off = bits(i, 12, 10) << 3 | bits(i, 6, 6) << 2 | bits(i, 5, 5) << 6;
    uint32_t spn = bits(i, 12, 11) << 4 | bits(i, 10, 7) << 6 | bits(i, 6, 6) << 2 | bits(i, 5, 5) << 3;
    switch (i >> 13) {
    case 0:
        if (!spn)
            return false;
        set_rd(rv, s, rd, rv->x[2] + spn);
        retire(rv, next);
        return true;
    case 2:
        load(rv, s, 2, rd, base + off, next);
        return true;
    case 6:
        store(rv, s, 2, base + off, rv->x[rd], next);
        return true;
    default:
        return false;
    }
}

static bool exec_c1_arith(struct rv_interp *rv, struct rv_step *s, uint32_t imm, uint32_t next)
{
    uint32_t i = s->insn, r;
    unsigned rd = 8 + bits(i, 9, 7);
    uint32_t a = rv->x[rd], b = rv->x[8 + bits(i, 4, 2)];
    switch (bits(i, 11, 10)) {
    case 0:
    case 1:
        if (bits(i, 12, 12))
            return false;
        r = bits(i, 10, 10) ? sra(a, imm & 31) : a >> (imm & 31);
        break;
    case 2:
        r = a & imm;
        break;
    default:
        if (bits(i, 12, 12))
            return false;
        switch (bits(i, 6, 5)) {
        case 0:
            r = a - b;
            break;
        case 1:
            r = a ^ b;
            break;
        case 2:
            r = a | b;
            break;
        default:
            r = a & b;
            break;
        }
    }
    set_rd(rv, s, rd, r);
    retire(rv, next);
    return true;
}

// Quadrant 1: immediates, short arithmetic, jumps and branches.
static bool exec_c1(struct rv_interp *rv, struct rv_step *s, uint32_t next)
{
    uint32_t i = s->insn, imm = sext(bits(i, 12, 12) << 5 | bits(i, 6, 2), 6), off;
    unsigned rd = bits(i, 11, 7), f3 = i >> 13;
    bool zero;
    switch (f3) {
    case 0:
        set_rd(rv, s, rd, rv->x[rd] + imm);
        break;
    case 1:
    case 5:
        off = sext(bits(i, 12, 12) << 11 | bits(i, 11, 11) << 4 | bits(i, 10, 9) << 8 | bits(i, 8, 8) << 10 |
                       bits(i, 7, 7) << 6 | bits(i, 6, 6) << 7 | bits(i, 5, 3) << 1 | bits(i, 2, 2) << 5,
                   12);
        if (f3 == 1)
            set_rd(rv, s, 1, next);
        next = rv->pc + off;
        break;
    case 2:
        set_rd(rv, s, rd, imm);
        break;
    case 3:
        if (!imm)
            return false;
        if (rd == 2) {
            off = sext(bits(i, 12, 12) << 9 | bits(i, 6, 6) << 4 | bits(i, 5, 5) << 6 | bits(i, 4, 3) << 7 |
                           bits(i, 2, 2) << 5,
                       10);
            set_rd(rv, s, 2, rv->x[2] + off);
        } else {
            set_rd(rv, s, rd, imm << 12);
        }
        break;
    case 4:
        return exec_c1_arith(rv, s, imm, next);
    default:
        off = sext(bits(i, 12, 12) << 8 | bits(i, 11, 10) << 3 | bits(i, 6, 5) << 6 | bits(i, 4, 3) << 1 |
                       bits(i, 2, 2) << 5,
                   9);
        zero = rv->x[8 + bits(i, 9, 7)] == 0;
        if (zero == (f3 == 6))
            next = rv->pc + off;
        break;
    }
    retire(rv, next);
    return true;
}

// Quadrant 2: stack loads and stores, register moves and jumps.
static bool exec_c2(struct rv_interp *rv, struct rv_step *s, uint32_t next)
{
    uint32_t i = s->insn, target;
    unsigned rd = bits(i, 11, 7), rs2 = bits(i, 6, 2);
    switch (i >> 13) {
    case 0:
        if (bits(i, 12, 12))
            return false;
        set_rd(rv, s, rd, rv->x[rd] << rs2);
        break;
    case 2:
        if (!rd)
            return false;
        load(rv, s, 2, rd, rv->x[2] + (bits(i, 12, 12) << 5 | bits(i, 6, 4) << 2 | bits(i, 3, 2) << 6), next);
        return true;
    case 4:
        if (rs2) {
            set_rd(rv, s, rd, bits(i, 12, 12) ? rv->x[rd] + rv->x[rs2] : rv->x[rs2]);
            break;
        }
        if (!rd && !bits(i, 12, 12))
            return false;
        if (!rd) {
            enter_trap(rv, s, false, RV_BREAKPOINT, rv->pc);
            return true;
        }
        target = rv->x[rd] & ~1u;
        if (bits(i, 12, 12))
            set_rd(rv, s, 1, next);
        next = target;
        break;
    case 6:
        store(rv, s, 2, rv->x[2] + (bits(i, 12, 9) << 2 | bits(i, 8, 7) << 6), rv->x[rs2], next);
        return true;
    default:
        return false;
    }
    retire(rv, next);
    return true;
}

struct rv_step rv_exec(struct rv_interp *rv)
{
    struct rv_step s = {.pc = rv->pc};
    uint16_t low = 0, high = 0;
    if (!rv->mem.fetch(rv->mem.ctx, rv->pc, &low)) {
        enter_trap(rv, &s, false, RV_FETCH_FAULT, rv->pc);
        return s;
    }
    s.insn = low;
    if ((low & 3) == 3) {
        if (!rv->mem.fetch(rv->mem.ctx, rv->pc + 2, &high)) {
            enter_trap(rv, &s, false, RV_FETCH_FAULT, rv->pc + 2);
            return s;
        }
        s.insn |= (uint32_t)high << 16;
        exec32(rv, &s);
        return s;
    }
    uint32_t next = rv->pc + 2;
    bool ok = (low & 3) == 0 ? exec_c0(rv, &s, next) : (low & 3) == 1 ? exec_c1(rv, &s, next) : exec_c2(rv, &s, next);
    if (!ok)
        illegal(rv, &s);
    return s;
}

unsigned rv_pending(const struct rv_interp *rv)
{
    uint32_t p = rv->mip & rv->mie_reg;
    if (!rv->mie)
        return 0;
    return p & 1u << RV_IRQ_EXT     ? RV_IRQ_EXT
           : p & 1u << RV_IRQ_SOFT  ? RV_IRQ_SOFT
           : p & 1u << RV_IRQ_TIMER ? RV_IRQ_TIMER
                                    : 0;
}

struct rv_step rv_interrupt(struct rv_interp *rv, unsigned cause)
{
    struct rv_step s = {.pc = rv->pc};
    enter_trap(rv, &s, true, cause, 0);
    return s;
}

bool rv_reads_clock(uint32_t insn)
{
    uint32_t csr = insn >> 20;
    return (insn & 0x7f) == 0x73 && bits(insn, 13, 12) && (csr == 0xb00 || csr == 0xb80);
}
