# SPDX-License-Identifier: BSD-2-Clause
# Benches of the management core and its subsystem.
CORE_D := tests/rtl/core
CORE_RTL := hw/rtl/lib/waivers.vlt $(addprefix hw/rtl/mgmt/,rv_pkg.sv rv_expand.sv rv_decode.sv rv_regfile.sv rv_alu.sv \
    rv_align.sv rv_muldiv.sv rv_csr.sv rv_fetch.sv rv_core.sv)
MGMT_RTL := hw/rtl/lib/waivers.vlt $(B)/gen/mgmt_regs_pkg.sv $(CORE_RTL) $(addprefix hw/rtl/mgmt/,boot_copy.sv mgmt_ram.sv mgmt_timer.sv \
    mgmt_intc.sv mgmt_wdt.sv mgmt_bus.sv mgmt.sv)
CORE_CC := riscv64-unknown-elf-gcc -mabi=ilp32 -I. -I$(B)/gen -Wl,--no-warn-rwx-segments
CORE_OBJCOPY := riscv64-unknown-elf-objcopy

$(eval $(call rtl_test,core_directed,rv_core,$(CORE_RTL),$(CORE_D)/core_shim.cpp,\
    $(CORE_D)/directed_test.c $(CORE_D)/bench.c $(CORE_D)/rv_interp.c))
$(eval $(call rtl_test,mgmt,mgmt,$(MGMT_RTL),$(CORE_D)/mgmt_shim.cpp,$(CORE_D)/mgmt_test.c))

$(B)/rtl/core_directed/directed.elf: $(addprefix $(CORE_D)/,directed.S directed_c.inc directed_priv.inc prog.ld)
	@mkdir -p $(@D)
	@$(CORE_CC) -march=rv32imc_zicsr_zifencei -nostdlib -x assembler-with-cpp $< -Wl,-T$(CORE_D)/prog.ld,--no-relax -o $@
$(B)/rtl/mgmt/mgmt_prog.elf: $(addprefix $(CORE_D)/,mgmt_prog.c mix.h mgmt_start.S mgmt_prog.ld) $(B)/gen/mgmt_regs.h
	@mkdir -p $(@D)
	@$(CORE_CC) -march=rv32imc -O2 -Wall -Wextra -Werror -ffunction-sections -fdata-sections --specs=picolibc.specs \
	    -DPICOLIBC_INTEGER_PRINTF_SCANF -nostartfiles -Wl,--gc-sections -T$(CORE_D)/mgmt_prog.ld \
	    $(CORE_D)/mgmt_start.S $(CORE_D)/mgmt_prog.c -o $@
$(B)/rtl/%.bin: $(B)/rtl/%.elf
	@$(CORE_OBJCOPY) -O binary $< $@
$(B)/rtl/core_directed/core_directed: $(B)/rtl/core_directed/directed.bin
$(B)/rtl/mgmt/mgmt: $(B)/rtl/mgmt/mgmt_prog.bin

$(eval $(call rtl_test,core_random,rv_core,$(CORE_RTL),$(CORE_D)/core_shim.cpp,\
    $(CORE_D)/random_test.c $(CORE_D)/rv_names.c $(CORE_D)/bench.c $(CORE_D)/rv_interp.c))
