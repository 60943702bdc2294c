# SPDX-License-Identifier: BSD-2-Clause
# Directed tests: one named test for each instruction, then traps, interrupts and sleep. Register use:
#   gp  test devices (bench.h)        t6  expected values
#   s8  where the trap handler resumes; 0: no trap is expected
#   s9  mtval   s10  mcause   s11  mepc, of the last trap    tp  number of traps

.equ MMIO, 0x80000000
.equ HOLE, 0x90000000

.macro TEST name
    .pushsection .rodata
9:  .string "\name"
    .popsection
    la t6, 9b
    sw t6, 0(gp)
.endm
.macro CHECK reg, value
    sw \reg, 4(gp)
    li t6, \value
    sw t6, 8(gp)
.endm
.macro CHECK_REG reg, other
    sw \reg, 4(gp)
    sw \other, 8(gp)
.endm
# The assembler aligns code only where it may use 16-bit nops.
.macro ALIGN
    .option push
    .option rvc
    .balign 4
    .option pop
.endm
# Register and register, in three arrangements of rd.
.macro RR insn a, b, value
    li a0, \a
    li a1, \b
    \insn a2, a0, a1
    CHECK a2, \value
    \insn a0, a0, a1
    CHECK a0, \value
    li a0, \a
    \insn a1, a0, a1
    CHECK a1, \value
.endm
.macro RI insn a, imm, value
    li a0, \a
    \insn a2, a0, \imm
    CHECK a2, \value
    \insn a0, a0, \imm
    CHECK a0, \value
.endm
# Branch that is taken if \taken, forwards and backwards.
.macro BR insn a, b, taken
    li a0, \a
    li a1, \b
    li a2, 0
    j 2f
1:  ori a2, a2, 2
    j 4f
2:  \insn a0, a1, 3f
    ori a2, a2, 1
3:  \insn a0, a1, 1b
4:  CHECK a2, (\taken) * 2 + 1 - (\taken)
.endm
# Runs the instruction that follows, which must trap with this cause and mtval.
.macro TRAPS cause, insn:vararg
    la s8, 8f
    mv s7, tp
7:  \insn
    nop
    nop
8:  addi s7, s7, 1
    CHECK_REG tp, s7
    CHECK s10, \cause
    la s7, 7b
    CHECK_REG s11, s7
    li s8, 0
.endm

.section .text.start
.globl _start
.option norelax
.option norvc
_start:
    li gp, MMIO
    li tp, 0
    li s8, 0
    la t0, handler
    csrw mtvec, t0

    TEST "lui"
    lui a0, 0x80000
    CHECK a0, 0x80000000
    lui a0, 0xfffff
    CHECK a0, 0xfffff000
    lui a0, 0
    CHECK a0, 0
    TEST "auipc"
1:  auipc a0, 0x12345
    la a1, 1b
    li a2, 0x12345000
    sub a0, a0, a2
    CHECK_REG a0, a1
    TEST "addi"
    RI addi, 0x7fffffff, 1, 0x80000000
    RI addi, 5, -6, 0xffffffff
    RI addi, 0, -2048, 0xfffff800
    TEST "slti"
    RI slti, 0x80000000, 0, 1
    RI slti, 1, -1, 0
    RI slti, -1, -1, 0
    RI slti, -2, -1, 1
    TEST "sltiu"
    RI sltiu, 0x80000000, 0, 0
    RI sltiu, 1, -1, 1
    RI sltiu, -1, -1, 0
    TEST "xori"
    RI xori, 0x0ff0ff00, -1, 0xf00f00ff
    RI xori, 0x55, 0x7aa, 0x7ff
    TEST "ori"
    RI ori, 0xf0f00000, 0x70f, 0xf0f0070f
    RI ori, 1, -2048, 0xfffff801
    TEST "andi"
    RI andi, 0xffffffff, 0x7ff, 0x7ff
    RI andi, 0x12345678, -16, 0x12345670
    TEST "slli"
    RI slli, 1, 31, 0x80000000
    RI slli, 0x21212121, 7, 0x90909080
    RI slli, 0x12345678, 0, 0x12345678
    TEST "srli"
    RI srli, 0x80000000, 31, 1
    RI srli, 0xf0000000, 4, 0x0f000000
    TEST "srai"
    RI srai, 0x80000000, 31, 0xffffffff
    RI srai, 0x70000000, 4, 0x07000000
    RI srai, 0x80000001, 0, 0x80000001
    TEST "add"
    RR add, 0xffffffff, 1, 0
    RR add, 0x7fffffff, 0x7fffffff, 0xfffffffe
    TEST "sub"
    RR sub, 0, 1, 0xffffffff
    RR sub, 0x80000000, 1, 0x7fffffff
    TEST "sll"
    RR sll, 1, 33, 2
    RR sll, 0x87654321, 4, 0x76543210
    TEST "slt"
    RR slt, 0x80000000, 0x7fffffff, 1
    RR slt, 3, 3, 0
    RR slt, 3, -3, 0
    TEST "sltu"
    RR sltu, 0x80000000, 0x7fffffff, 0
    RR sltu, 3, 0xffffffff, 1
    TEST "xor"
    RR xor, 0xff00ff00, 0x0ff00ff0, 0xf0f0f0f0
    TEST "srl"
    RR srl, 0x80000000, 35, 0x10000000
    RR srl, 0x87654321, 8, 0x00876543
    TEST "sra"
    RR sra, 0x80000000, 35, 0xf0000000
    RR sra, 0x87654321, 8, 0xff876543
    TEST "or"
    RR or, 0xff00ff00, 0x0ff00ff0, 0xfff0fff0
    TEST "and"
    RR and, 0xff00ff00, 0x0ff00ff0, 0x0f000f00
    TEST "x0 reads zero whatever is written"
    li a0, 77
    add x0, a0, a0
    sw x0, 4(gp)
    li t6, 0
    sw t6, 8(gp)
    lw x0, 0x1c(gp)
    mv a0, x0
    CHECK a0, 0

    TEST "beq"
    BR beq, 5, 5, 1
    BR beq, 5, -5, 0
    TEST "bne"
    BR bne, 5, 5, 0
    BR bne, 5, -5, 1
    TEST "blt"
    BR blt, -1, 1, 1
    BR blt, 1, -1, 0
    BR blt, 1, 1, 0
    TEST "bge"
    BR bge, -1, 1, 0
    BR bge, 1, -1, 1
    BR bge, 1, 1, 1
    TEST "bltu"
    BR bltu, -1, 1, 0
    BR bltu, 1, -1, 1
    BR bltu, 1, 1, 0
    TEST "bgeu"
    BR bgeu, -1, 1, 1
    BR bgeu, 1, -1, 0
    BR bgeu, 1, 1, 1
    TEST "jal"
    li a0, 0
    jal a1, 2f
1:  ori a0, a0, 1
    j 3f
2:  ori a0, a0, 2
    jal x0, 1b
3:  CHECK a0, 3
    la a2, 1b
    CHECK_REG a1, a2
    TEST "jalr"
    li a0, 0
    la a1, 2f + 5
    jalr a1, -4(a1)
1:  ori a0, a0, 1
    j 3f
    ori a0, a0, 4
2:  ori a0, a0, 2
    jalr x0, a1
3:  CHECK a0, 3
    la a2, 1b
    CHECK_REG a1, a2

    TEST "lb"
    la s0, words
    lb a0, 0(s0)
    CHECK a0, 0x78
    lb a0, 3(s0)
    CHECK a0, 0x12
    lb a0, 5(s0)
    CHECK a0, 0xffffffcd
    lb a0, 7(s0)
    CHECK a0, 0xffffff89
    addi s1, s0, 8
    lb a0, -2(s1)
    CHECK a0, 0xffffffab
    TEST "lbu"
    lbu a0, 1(s0)
    CHECK a0, 0x56
    lbu a0, 4(s0)
    CHECK a0, 0xef
    lbu a0, 7(s0)
    CHECK a0, 0x89
    TEST "lh"
    lh a0, 0(s0)
    CHECK a0, 0x5678
    lh a0, 6(s0)
    CHECK a0, 0xffff89ab
    TEST "lhu"
    lhu a0, 2(s0)
    CHECK a0, 0x1234
    lhu a0, 4(s0)
    CHECK a0, 0xcdef
    TEST "lw"
    lw a0, 4(s0)
    CHECK a0, 0x89abcdef
    lw s1, 0(s0)
    CHECK s1, 0x12345678
    TEST "sb"
    la s0, scratch
    li a0, 0xa1b2c3d4
    sw x0, 0(s0)
    sb a0, 0(s0)
    sb a0, 3(s0)
    lw a1, 0(s0)
    CHECK a1, 0xd40000d4
    sb x0, 3(s0)
    sb a0, 1(s0)
    sb a0, 2(s0)
    lw a1, 0(s0)
    CHECK a1, 0x00d4d4d4
    TEST "sh"
    sw x0, 0(s0)
    sh a0, 2(s0)
    lw a1, 0(s0)
    CHECK a1, 0xc3d40000
    sh a0, 0(s0)
    sh x0, 2(s0)
    lw a1, 0(s0)
    CHECK a1, 0x0000c3d4
    TEST "sw"
    sw a0, 4(s0)
    addi s1, s0, 2047
    sw s1, -2039(s1)
    lw a1, 4(s0)
    CHECK a1, 0xa1b2c3d4
    lw a1, 8(s0)
    CHECK_REG a1, s1
    TEST "fence"
    li a0, 5
    fence
    fence rw, w
    fence.tso
    CHECK a0, 5
    TEST "fence.i shows a patched instruction"
    la s0, patch
    lw a1, patched
    sw a1, 0(s0)
    fence.i
patch: addi a0, x0, 1
    CHECK a0, 2

    TEST "mul"
    RR mul, 0x12345678, 0x9abcdef0, 0x242d2080
    RR mul, 0xffffffff, 0xffffffff, 1
    RR mul, 0x80000000, 0x80000000, 0
    TEST "mulh"
    RR mulh, 0x80000000, 0x80000000, 0x40000000
    RR mulh, 0xffffffff, 0xffffffff, 0
    RR mulh, 0x7fffffff, 0x80000000, 0xc0000000
    TEST "mulhsu"
    RR mulhsu, 0xffffffff, 0xffffffff, 0xffffffff
    RR mulhsu, 0x80000000, 0xffffffff, 0x80000000
    RR mulhsu, 0x7fffffff, 0x80000000, 0x3fffffff
    TEST "mulhu"
    RR mulhu, 0xffffffff, 0xffffffff, 0xfffffffe
    RR mulhu, 0x80000000, 0x80000000, 0x40000000
    TEST "div"
    RR div, 20, 6, 3
    RR div, -20, 6, -3
    RR div, 20, -6, -3
    RR div, -20, -6, 3
    RR div, 0x80000000, -1, 0x80000000
    RR div, 0x12345678, 0, 0xffffffff
    RR div, 7, 0, 0xffffffff
    RR div, -7, 0, 0xffffffff
    RR div, 0, 0, 0xffffffff
    RR div, 0x12345, 0x100, 0x123
    TEST "divu"
    RR divu, 20, 6, 3
    RR divu, -20, 6, 0x2aaaaaa7
    RR divu, 0x80000000, -1, 0
    RR divu, 9, 0, 0xffffffff
    RR divu, 0x999, 0, 0xffffffff
    RR divu, 0x99999, 0, 0xffffffff
    RR divu, 0xffffffff, 1, 0xffffffff
    TEST "rem"
    RR rem, 20, 6, 2
    RR rem, -20, 6, -2
    RR rem, 20, -6, 2
    RR rem, -20, -6, -2
    RR rem, 0x80000000, -1, 0
    RR rem, -9, 0, -9
    TEST "remu"
    RR remu, 20, 6, 2
    RR remu, -20, 6, 2
    RR remu, 0x80000000, -1, 0x80000000
    RR remu, 0xfedcba98, 0, 0xfedcba98

#include "tests/rtl/core/directed_c.inc"
#include "tests/rtl/core/directed_priv.inc"

    sw x0, 0xc(gp)
1:  j 1b

.balign 4
.option norvc
handler:
    csrr s10, mcause
    csrr s11, mepc
    csrr s9, mtval
    addi tp, tp, 1
    beqz s8, 1f
    csrw mepc, s8
    bgez s10, 2f
    li t5, 0x80    # after an interrupt go on with MIE 0: the line is still up
    csrc mstatus, t5
2:  mret
1:  sw s10, 0x10(gp)
    j 1b

.section .rodata
.balign 4
words:   .word 0x12345678, 0x89abcdef
patched: addi a0, x0, 2
.bss
.balign 4
scratch: .space 64
