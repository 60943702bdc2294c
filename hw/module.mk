# SPDX-License-Identifier: BSD-2-Clause
# The card's RTL sources, block by block and in compile order (packages first). The whole card is
#   $(RTL_LIB) $(RTL_CRYPTO) $(RTL_DATAPATH) $(RTL_MGMT) $(RTL_PCIE) and its top
# RTL_LIB holds the register packages of all blocks; a block's own test takes RTL_BASE and the package it needs, so that
# it is not built again when another block's registers change.

rtl_pkgs = $(foreach d,$(1),$(sort $(wildcard hw/rtl/$(d)/*_pkg.sv)))
rtl_dirs = $(call rtl_pkgs,$(1)) $(foreach d,$(1),$(filter-out %_pkg.sv,$(sort $(wildcard hw/rtl/$(d)/*.sv))))

RTL_REGS     := $(patsubst hw/regs/%.regs,$(B)/gen/%_regs_pkg.sv,$(sort $(wildcard hw/regs/*.regs)))
RTL_BASE     := hw/rtl/lib/waivers.vlt $(B)/gen/board_pkg.sv $(call rtl_dirs,lib)
RTL_LIB      := $(RTL_BASE) $(RTL_REGS)
RTL_CRYPTO   := $(call rtl_dirs,crypto)
RTL_DATAPATH := $(call rtl_dirs,datapath esp rx fwd tm)
RTL_MGMT     := $(call rtl_dirs,mgmt)
RTL_PCIE     := $(call rtl_dirs,pcie)
