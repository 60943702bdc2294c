# SPDX-License-Identifier: BSD-2-Clause
$(B)/bench/sim_bench: $(patsubst %.c,$(B)/obj/%.o,tests/bench/sim_bench.c tests/bench/figure.c) $(B)/lib/libculvert.a
	@mkdir -p $(@D)
	@$(CC) -pie -o $@ $^ $(DRIVER_LIBS) -lcrypto
$(B)/bench/synth: tests/bench/synth hw/synth.txt $(B)/tools/levels $(RTL_REGS) $(B)/gen/board_pkg.sv
	@mkdir -p $(@D)
	@echo "$(filter-out boards/%,$(RTL_CARD))" > $@.files
	@ln -sf $(abspath $<) $@
BENCHES += $(B)/bench/sim_bench $(B)/bench/synth
