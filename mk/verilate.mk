# SPDX-License-Identifier: BSD-2-Clause
# RTL benches: Verilator's C++ behind a thin extern "C" shim, driven by a C main.
#   $(call rtl_test,NAME,TOP,SV_FILES,SHIM.cpp,C_SOURCES,LIBS,VERILATOR_FLAGS)
#       -> $(B)/rtl/NAME/NAME, added to CHECK_TESTS.
#   $(call rtl_program,...same...)  -> the same, not run by itself.
# SV_FILES in compile order (packages first); the shim includes "V$(TOP).h". Assertions are on.

VERILATOR  := verilator
VL_ROOT    := /usr/share/verilator
VL_FLAGS   := --cc --build -O3 --x-assign fast --x-initial unique --assert -Wall
# Its makefile says -Os, after whatever CFLAGS say: a third slower.
VL_CFLAGS  := -MAKEFLAGS "OPT_FAST=-O2 OPT_GLOBAL=-O2"
# Verilator runs a make of its own, whose files use names (DEPS) that ours gets on the command line.
VL_ENV     := env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES -u DEPS

define rtl_program
$(B)/rtl/$(1)/obj/V$(2)__ALL.a: $(3) | $$$$(GENERATED)
	@mkdir -p $(B)/rtl/$(1)
	@echo "  VERILATE $(1)"
	@$(VL_ENV) $(VERILATOR) $(VL_FLAGS) $(VL_CFLAGS) $(7) --Mdir $(B)/rtl/$(1)/obj --top-module $(2) $(3) > $(B)/rtl/$(1)/verilate.log 2>&1 || { cat $(B)/rtl/$(1)/verilate.log; exit 1; }
	@$(VL_ENV) make --no-print-directory -s -C $(B)/rtl/$(1)/obj -f V$(2).mk verilated.o verilated_threads.o $(if $(findstring --trace-fst,$(7)),verilated_fst_c.o) $(if $(findstring --coverage,$(7)),verilated_cov.o) >> $(B)/rtl/$(1)/verilate.log 2>&1
$(B)/rtl/$(1)/shim.o: $(4) $(B)/rtl/$(1)/obj/V$(2)__ALL.a
	@$(CXX) -std=c++17 -O2 -g -Wall -Wextra -Werror -I. -I$(B)/gen -I$(B)/rtl/$(1)/obj -isystem $(VL_ROOT)/include -isystem $(VL_ROOT)/include/vltstd $(if $(findstring --trace-fst,$(7)),-DVM_TRACE=1 -DVM_TRACE_FST=1) $(if $(findstring --coverage,$(7)),-DVM_COVERAGE=1) -c -o $$@ $(4)
$(B)/rtl/$(1)/$(1): $(patsubst %.c,$(B)/obj/%.o,$(5)) $(B)/rtl/$(1)/shim.o $(B)/rtl/$(1)/obj/V$(2)__ALL.a
	@echo "  LD rtl  $$@"
	@$(CXX) -pie -o $$@ $$(filter %.o,$$^) $(B)/rtl/$(1)/obj/V$(2)__ALL.a $(B)/rtl/$(1)/obj/verilated*.o $(6) -lpthread $(if $(findstring --trace-fst,$(7)),-lz)
-include $(patsubst %.c,$(B)/obj/%.d,$(5))
endef

define rtl_test
CHECK_TESTS += $(B)/rtl/$(1)/$(1)
$(call rtl_program,$(1),$(2),$(3),$(4),$(5),$(6),$(7))
endef
