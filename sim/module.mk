# SPDX-License-Identifier: BSD-2-Clause
# culvert-sim, the simulated card as a program; culvert-sim-debug, the same with waveforms and coverage.

RTL_CARD := $(RTL_LIB) $(RTL_CRYPTO) $(RTL_DATAPATH) $(RTL_MGMT) $(RTL_PCIE) hw/rtl/card/card.sv \
    boards/sim/rtl/board_sim.sv
include sim/pcie/module.mk
SIM_SRCS := $(addprefix sim/,main.c options.c stats.c port.c pcap.c mac.c flash.c uart.c pace.c) \
    $(SIM_PCIE_SRCS) firmware/tools/flash_image.c
SIM_VL_FLAGS := -GDTB_MEM='"$(abspath $(B))/gen/board_dtb.mem"'

$(eval $(call rtl_program,culvert-sim,board_sim,$(RTL_CARD),sim/shim.cpp,$(SIM_SRCS),-ljansson,$(SIM_VL_FLAGS)))
$(eval $(call rtl_program,culvert-sim-debug,board_sim,$(RTL_CARD),sim/shim.cpp,$(SIM_SRCS),-ljansson,$(SIM_VL_FLAGS) --trace-fst --coverage-line))

$(B)/bin/culvert-sim: $(B)/rtl/culvert-sim/culvert-sim
	@mkdir -p $(@D)
	@ln -f $< $@
$(B)/bin/culvert-sim-debug: $(B)/rtl/culvert-sim-debug/culvert-sim-debug
	@mkdir -p $(@D)
	@ln -f $< $@
PROGRAMS += $(B)/bin/culvert-sim

.PHONY: sim-debug
sim-debug: $(B)/bin/culvert-sim-debug ## the simulated card with waveforms and coverage
