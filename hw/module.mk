# SPDX-License-Identifier: BSD-2-Clause
# The card's RTL sources, block by block and in compile order (packages first). A test names what it needs:
#   $(RTL_LIB) $(RTL_CRYPTO) $(RTL_DATAPATH)

rtl_dir = $(sort $(wildcard hw/rtl/$(1)/*_pkg.sv)) $(filter-out %_pkg.sv,$(sort $(wildcard hw/rtl/$(1)/*.sv)))

RTL_GEN      := $(B)/gen/board_pkg.sv $(REGS_NAMES:%=$(B)/gen/%_regs_pkg.sv)
RTL_LIB      := hw/rtl/lib/waivers.vlt $(RTL_GEN) $(call rtl_dir,lib)
RTL_CRYPTO   := $(call rtl_dir,crypto)
RTL_DATAPATH := $(call rtl_dir,datapath) $(foreach d,esp rx fwd tm,$(call rtl_dir,$(d)))
RTL_MGMT     := $(call rtl_dir,mgmt)
RTL_PCIE     := $(call rtl_dir,pcie)
