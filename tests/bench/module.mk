# SPDX-License-Identifier: BSD-2-Clause
# What `make bench` runs from here; other benches are beside the tests of what they measure. Scripts are linked into $(B).
$(B)/bench/sim_bench: $(patsubst %.c,$(B)/obj/%.o,tests/bench/sim_bench.c tests/bench/figure.c) $(B)/lib/libculvert.a
	@mkdir -p $(@D)
	@$(CC) -pie -o $@ $^ $(DRIVER_LIBS) -lcrypto
$(B)/bench/synth: tests/bench/synth hw/synth.txt $(B)/tools/levels $(RTL_REGS) $(B)/gen/board_pkg.sv
	@mkdir -p $(@D)
	@echo "$(filter-out boards/%,$(RTL_CARD))" > $@.files
	@ln -sf $(abspath $<) $@
$(B)/bench/ike_floor: $(B)/obj/tests/bench/ike_floor.o
	@mkdir -p $(@D)
	@$(CC) -pie -o $@ $^ -lcrypto
# They run other programs of the tree.
IKE_BENCHES := $(addprefix $(B)/bench/,ike_setups ike_peers ike_scale ike_storm ike_rekey_software ike_rekey_card)
$(IKE_BENCHES): $(B)/bench/ike_floor $(B)/bin/culvert-load $(B)/bin/culvertd $(B)/bin/culvert $(B)/test/labtool
$(B)/bench/ike_rekey_card: $(B)/bin/culvert-sim $(B)/firmware/culvert.elf
$(B)/bench/ike_rekey_software $(B)/bench/ike_rekey_card: tests/bench/ike_rekey
	@mkdir -p $(@D)
	@ln -sf $(abspath $<) $@
$(B)/bench/ike_setups $(B)/bench/ike_peers $(B)/bench/ike_scale $(B)/bench/ike_storm $(B)/bench/sim_tcp $(B)/bench/seconds: $(B)/bench/%: tests/bench/%
	@mkdir -p $(@D)
	@ln -sf $(abspath $<) $@
BENCHES += $(addprefix $(B)/bench/,sim_bench sim_tcp synth seconds) $(IKE_BENCHES)
-include $(B)/obj/tests/bench/ike_floor.d $(B)/obj/tests/bench/sim_bench.d
