# SPDX-License-Identifier: BSD-2-Clause
$(B)/bench/sim_bench: $(patsubst %.c,$(B)/obj/%.o,tests/bench/sim_bench.c tests/bench/figure.c) $(B)/lib/libculvert.a
	@mkdir -p $(@D)
	@$(CC) -pie -o $@ $^ $(DRIVER_LIBS) -lcrypto
$(B)/bench/synth: tests/bench/synth hw/synth.txt $(B)/tools/levels
	@mkdir -p $(@D)
	@ln -sf $(abspath tests/bench/synth) $@
BENCHES += $(B)/bench/sim_bench $(B)/bench/synth
