# SPDX-License-Identifier: BSD-2-Clause
# Benches of the management core and its subsystem.
CORE_D := tests/rtl/core
CORE_RTL := $(addprefix hw/rtl/mgmt/,rv_pkg.sv rv_expand.sv rv_decode.sv rv_regfile.sv rv_alu.sv rv_align.sv \
    rv_muldiv.sv rv_csr.sv rv_fetch.sv rv_core.sv)
RV_CC := riscv64-unknown-elf-gcc
RV_OBJCOPY := riscv64-unknown-elf-objcopy

$(eval $(call rtl_test,core_directed,rv_core,$(CORE_RTL),$(CORE_D)/core_shim.cpp,\
    $(CORE_D)/directed_test.c $(CORE_D)/bench.c $(CORE_D)/rv_interp.c))

$(B)/rtl/core_directed/directed.elf: $(CORE_D)/directed.S $(CORE_D)/directed_c.inc $(CORE_D)/directed_priv.inc $(CORE_D)/prog.ld
	@mkdir -p $(@D)
	@$(RV_CC) -march=rv32imc_zicsr_zifencei -mabi=ilp32 -nostdlib -I. -x assembler-with-cpp $< -Wl,-T$(CORE_D)/prog.ld -Wl,--no-relax,--no-warn-rwx-segments -o $@
%.bin: %.elf
	@$(RV_OBJCOPY) -O binary $< $@
$(B)/rtl/core_directed/core_directed: $(B)/rtl/core_directed/directed.bin
