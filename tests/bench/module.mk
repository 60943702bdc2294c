# SPDX-License-Identifier: BSD-2-Clause
# What `make bench` runs from here; other benches are beside the tests of what they measure. Scripts are linked into $(B).
$(B)/bench/sim_bench: $(patsubst %.c,$(B)/obj/%.o,tests/bench/sim_bench.c tests/bench/figure.c) $(B)/lib/libculvert.a
	@mkdir -p $(@D)
	@$(CC) -pie -o $@ $^ $(DRIVER_LIBS) -lcrypto
$(B)/bench/synth: tests/bench/synth hw/synth.txt $(B)/tools/levels $(RTL_REGS) $(B)/gen/board_pkg.sv
	@mkdir -p $(@D)
	@echo "$(filter-out boards/%,$(RTL_CARD))" > $@.files
	@ln -sf $(abspath $<) $@
$(B)/bench/ike_setups $(B)/bench/sim_tcp $(B)/bench/seconds: $(B)/bench/%: tests/bench/%
	@mkdir -p $(@D)
	@ln -sf $(abspath $<) $@
BENCHES += $(addprefix $(B)/bench/,sim_bench sim_tcp ike_setups synth seconds)
