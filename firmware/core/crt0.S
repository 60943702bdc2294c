// SPDX-License-Identifier: BSD-2-Clause
// Entry of the image: the boot copier has put .text, .rodata and .data where they belong. Stack, trap vector, .bss, main.
    .option push
    .option arch, +zicsr
    .section .text.start, "ax"
    .globl _start
_start:
    .option norelax
    la      gp, __global_pointer$
    .option relax
    la      sp, __stack_top
    la      t0, trap_entry
    csrw    mtvec, t0
    csrw    mie, zero
    csrci   mstatus, 8
    la      t0, __bss_start
    la      t1, __bss_end
1:  sw      zero, 0(t0)
    sw      zero, 4(t0)
    sw      zero, 8(t0)
    sw      zero, 12(t0)
    addi    t0, t0, 16
    bltu    t0, t1, 1b
    la      t0, __stack_limit
    li      t1, 0x57a4c0de
    sw      t1, 0(t0)
    call    main
    // main does not return; if it did, the trap entry reports it
    ebreak

    // Every trap is the end: interrupts are never taken. A fresh stack, because the old one may be the reason.
    .align  2
trap_entry:
    csrr    a0, mcause
    csrr    a1, mepc
    csrr    a2, mtval
    mv      a3, ra
    la      sp, __stack_top
    tail    panic_trap

    .globl hal_stop
hal_stop:
    csrw    mie, zero
1:  wfi
    j       1b
    .option pop
