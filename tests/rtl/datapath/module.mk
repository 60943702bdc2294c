# SPDX-License-Identifier: BSD-2-Clause
# Benches of the whole datapath. The model is Verilated once; several programs are linked with it.
DP_T   := tests/rtl/datapath
DP_RTL := $(RTL_BASE) $(B)/gen/dp_regs_pkg.sv $(RTL_CRYPTO) $(RTL_DATAPATH)
DP_C   := $(DP_T)/bench.c $(DP_T)/model.c $(DP_T)/card.c $(DP_T)/scene.c

$(eval $(call rtl_test,datapath,datapath,$(DP_RTL),$(DP_T)/shim.cpp,$(DP_T)/datapath_test.c $(DP_C),-lcrypto))

# $(call dp_program,NAME,SOURCES) -> $(B)/rtl/datapath/NAME
define dp_program
$(B)/rtl/datapath/$(1): $(patsubst %.c,$(B)/obj/%.o,$(2) $(DP_C)) $(B)/rtl/datapath/shim.o $(B)/rtl/datapath/obj/Vdatapath__ALL.a
	@echo "  LD rtl  $$@"
	@$(CXX) -pie -o $$@ $$(filter %.o,$$^) $(B)/rtl/datapath/obj/Vdatapath__ALL.a $(B)/rtl/datapath/obj/verilated*.o -lcrypto -lpthread
-include $(patsubst %.c,$(B)/obj/%.d,$(2) $(DP_C))
endef

$(eval $(call dp_program,datapath_bench,$(DP_T)/datapath_bench.c))
BENCHES += $(B)/rtl/datapath/datapath_bench

$(eval $(call dp_program,forward_test,$(DP_T)/forward_test.c))
CHECK_TESTS += $(B)/rtl/datapath/forward_test
