# SPDX-License-Identifier: BSD-2-Clause
# The boot copier has zeroed all RAM beyond the image, .bss included.
.section .text.start
    .space 16       # the entry is not 0, to see the header's word used
.globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, __stack
    call main
1:  j 1b
